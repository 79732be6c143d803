/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checking and converting the records of one unit ring on their way into the trace.
 */
#ifndef WEFT_USER_UNIT_RECORD_H
#define WEFT_USER_UNIT_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weft/unit_event.h>
#include "clock.h"

/*
 * A stamp may be so much off that of another CPU, ticks (about a microsecond); more is an invalid
 * one.
 */
#ifdef __aarch64__
#define UNIT_CLOCK_SLACK 64
#else
#define UNIT_CLOCK_SLACK 4096
#endif

/* A ring's records as a stream; a zeroed structure with the first group filled in begins one. */
struct unit_stream {
	const struct clock_relation
		*clock; /* stamps are TSC, times CLOCK_MONOTONIC; NULL: times are stamps */
	uint64_t start; /* stamps before this are invalid */
	uint64_t now;	/* and those after; set before each unit_stream_take() */
	/*
	 * The trace's id of the thread that the ring calls tid; 0 if it is none of the process. Asked once
	 * for each change of thread.
	 */
	uint32_t (*thread)(void *arg, uint32_t tid);
	void *arg;

	uint64_t last_stamp; /* of the latest valid record */
	uint64_t last_time;  /* of the latest record written */
	uint32_t tid;	     /* the latest that is a thread, as the ring calls it */
	uint32_t trace_tid;  /* and as the trace does */
	uint64_t back_max;   /* ticks: the largest step back that was forgiven */
	uint64_t records;    /* written */
	uint64_t lost;	     /* sum of the unit_lost records' counts */
	uint64_t invalid;    /* sum of the unit_invalid records' counts */
};

/* Where records go: `room` bytes at buf, of which len are filled. */
struct unit_out {
	unsigned char *buf;
	size_t len, room;
	uint64_t first_time; /* of the first record in it; valid if len */
	size_t last;	     /* offset of the last record, for counting invalid ones together */
};

/* Output that the records of `len` bytes of input may take at most. */
#define UNIT_OUT_ROOM(len) ((len)*2 + 2 * WEFT_UNIT_EVENT_MAX_SIZE)

/*
 * Takes the records in len bytes at in, which the caller owns. more: the ring goes on after them (a
 * record cut by their end is left for the next call), else they end at its head. Returns how many
 * bytes were used up: at least len - WEFT_UNIT_EVENT_MAX_SIZE, and all of them unless `more`.
 */
size_t unit_stream_take(struct unit_stream *s, const unsigned char *in, size_t len, bool more,
			struct unit_out *out);

/* Writes a record of `count` invalid ones; what: enum weft_unit_invalid. */
void unit_stream_invalid(struct unit_stream *s, uint32_t what, uint64_t count,
			 struct unit_out *out);
/* Writes a unit_lost record as it stands at the end of a ring: first and last are stamps. */
void unit_stream_lost(struct unit_stream *s, uint64_t count, uint64_t first, uint64_t last,
		      struct unit_out *out);

#endif
