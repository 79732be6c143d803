/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reader's side of one CPU's ring (<weft/ring.h>): finds complete sub-buffers and hands them back
 * once they are written. A packet is taken where it lies; no record is looked at.
 *
 * One thread uses a reader; the producer is concurrent. What the producer says is checked: a ring that
 * contradicts itself is given up with -EBADMSG, never read out of bounds.
 */
#ifndef WEFT_USER_RING_READER_H
#define WEFT_USER_RING_READER_H

#include <stddef.h>
#include <stdint.h>
#include "backend.h"

struct ring_reader {
	const struct backend_ring *ring;
	uint32_t sub_size; /* as checked when the reader was made */
	uint32_t nr_subs;
	uint64_t tail; /* bytes ever handed back */
};

/* Packets that follow each other in memory, to be written in one piece. */
struct ring_run {
	const unsigned char *data;
	size_t len;   /* bytes, a multiple of WEFT_PACKET_ALIGN */
	uint64_t end; /* the tail after them */
};

/* sub_size and nr_subs are what the session was opened with. 0, or -EBADMSG: the ring has others. */
int ring_reader_init(struct ring_reader *r, const struct backend_ring *ring, uint32_t sub_size,
		     uint32_t nr_subs);

/* The next packets, not handed back by this. 1: there are some, 0: none is complete, -EBADMSG. */
int ring_reader_next(const struct ring_reader *r, struct ring_run *run);

/* Gives the run's sub-buffers back to the producer; run->data is no longer valid. */
void ring_reader_release(struct ring_reader *r, const struct ring_run *run);

#endif
