/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading a trace: DIR/kernel/ (metadata, cpu<N>) and, if a program had units, DIR/units/ (metadata,
 * ring<N>), merged into one sequence ordered by time.
 *
 * Files are mapped and records are handed out where they lie. A file that ends within a packet is read
 * up to its last whole packet, one whose last packet ends in zeros up to them (trace->truncated counts
 * such files). Nothing in a trace is trusted: sizes and counts are checked before use.
 */
#ifndef WEFT_USER_TRACE_H
#define WEFT_USER_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weft/event.h>
#include <weft/ring.h>
#include <weft/unit_event.h>

/* CPU ids in a trace are below this. */
#define TRACE_MAX_CPUS 65536u

struct trace_stream;

struct trace {
	char *dir;
	/* From the metadata's env block. */
	char *kernel;		/* uname -r of the traced machine */
	char *backend;		/* "kmod", "bpf" */
	char *command;		/* what was recorded, "" for -a and -p */
	uint32_t clock;		/* enum weft_clock */
	bool clock_measured;	/* clock_freq is; else it is the nominal one */
	uint64_t clock_freq;	/* ticks per second */
	uint64_t clock_nominal; /* the same as the kernel takes it; 0: an old trace does not say */
	uint64_t clock_freq_error_ppb; /* bound of clock_freq's error, 10^-9 of it; WEFT_UNKNOWN */
	int64_t clock_real_moved;      /* ns that CLOCK_REALTIME was set on during the recording */
	int64_t clock_real_offset;     /* ns: CLOCK_REALTIME = ns(ticks) + this */
	int64_t clock_mono_offset;     /* ns: CLOCK_MONOTONIC = ns(ticks) + this */
	int64_t clock_boot_offset;     /* ns: CLOCK_BOOTTIME = ns(ticks) + this */
	uint64_t clock_error_ns; /* bound of the error of unit stamps against the kernel's, measured */
	uint32_t nr_cpus;
	uint32_t groups;  /* WEFT_GROUP_* that were on */
	uint64_t hooks;	  /* 1 << WEFT_HOOK_* that were there */
	bool emulated;	  /* the CPU was emulated (QEMU TCG) */
	bool system_wide; /* -a */
	bool ended;	  /* the recorder ended in order (false: it was killed) */
	uint64_t missed;  /* hook returns missed (weft_stat) */
	/* Known after the whole trace has been read. */
	uint64_t events;
	uint64_t lost; /* kernel records lost, as the packets say */
	uint64_t unit_lost;
	uint64_t truncated;
	struct trace_stream *streams; /* kernel streams by CPU, then unit streams */
	size_t nr_streams;
	/* Spans in which records are missing, by `first`; found when the trace is opened. */
	struct trace_gap *gaps;
	size_t nr_gaps;
	struct trace_merge *merge;
};

/* Records missing from one stream. Whatever they told happened between first and last, both included. */
struct trace_gap {
	uint64_t first, last; /* ticks */
	uint64_t count;
	bool is_unit;
	uint32_t cpu;  /* kernel stream */
	uint32_t tgid; /* unit stream: the process */
	uint32_t tid;  /* unit stream: the thread whose marks they were */
};

/* One record in the merged sequence. rec points into the mapped file, valid until trace_close(). */
struct trace_event {
	const struct weft_event *rec; /* unit records begin alike */
	uint32_t size;		      /* as this trace has it: at least what event.h says */
	uint32_t cpu;		      /* kernel stream: its CPU */
	uint32_t tgid;		      /* unit stream: the process; kernel stream: 0 */
	uint32_t copy; /* unit stream: which copy of the header in that process, from 0 */
	bool is_unit;
};

/* 0 or a negative errno with a line in errbuf (no trace, newer version, corrupt metadata). */
int trace_open(struct trace **out, const char *dir, char *errbuf, size_t len);
void trace_close(struct trace *t);

/*
 * The next event in order of time (of equal times: kernel stream first, then by stream). 1: got one;
 * 0: the end; negative errno: corrupt beyond the point reached, with a line in errbuf.
 */
int trace_next(struct trace *t, struct trace_event *ev, char *errbuf, size_t len);
/* Back to the beginning. */
void trace_rewind(struct trace *t);

/* Does the trace have a unit stream of process tgid? Known from trace_open() on. */
bool trace_has_units(const struct trace *t, uint32_t tgid);

/* Ticks to nanoseconds, exactly rounded down; works for durations and points in time. */
uint64_t trace_ns(const struct trace *t, uint64_t ticks);

#endif
