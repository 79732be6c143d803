/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The per-CPU ring: how records get from a producer (the module or the BPF probes) to the reader.
 *
 * One ring per CPU, cut into sub-buffers of a fixed size. A sub-buffer is the unit of hand-over and,
 * byte for byte, one packet of the CTF trace: the producer writes the packet header too, and the
 * reader does no more than write it to a file.
 *
 *       head: bytes ever reserved, only grows           tail: bytes ever handed back by the reader
 *       head / sub_size: the lap-numbered sub-buffer    head - tail <= sub_size * nr_subs
 *
 * Reservation (producer, on the ring's own CPU; interrupts and NMIs may nest):
 *
 *	do {
 *		old = head;
 *		now = clock();			// stamp after reading head, before claiming
 *		if (it does not fit in the current sub-buffer)
 *			return slow path;	// claims the rest of this one and the start of the next
 *	} while (!cmpxchg_local(&head, old, old + size));
 *	write the record;
 *	commit[sub] += size;		// (A) after the record's stores
 *
 * Whoever interrupts between the stamp and the claim moves head, so the claim fails and the stamp is
 * taken again: stamp and place are one step, and time never goes back within the stream.
 *
 * The slow path: new = start of the next sub-buffer. If new + sub_size - tail > sub_size * nr_subs the ring is
 * full: count the loss. Else claim by cmpxchg from old to new + header (+ a lost record if losses are
 * pending) + size. The one who wins completes the old sub-buffer (timestamp_end, content_size,
 * packet_size; commit += its unused rest) and begins the new one (commit += what it wrote). A packet's
 * timestamp_begin is the stamp of the claim that opened it, timestamp_end the stamp of the claim that
 * closed it, so every event is inside and packets do not overlap.
 *
 * commit[i] only grows: it counts every byte of every lap of sub-buffer i. Lap k of sub-buffer i is
 * complete when commit[i] == (k + 1) * sub_size. Because it is a sum, it does not matter in which order
 * nested writers finish. Ordering: the producer's stores of a record precede (A) (release: a compiler
 * barrier on x86, smp_wmb() elsewhere); (B) the reader loads commit with acquire and then reads the
 * sub-buffer. (C) the reader stores tail with release once it has copied the sub-buffer; (D) the
 * producer loads tail with acquire before it reuses the space (a control dependency orders its stores).
 *
 * This is the scheme of LTTng's ring (Desnoyers, "Low-Impact Operating System Tracing", 2009, ch. 5),
 * reduced to what a writer that never blocks and never overwrites needs.
 */
#ifndef WEFT_RING_H
#define WEFT_RING_H

#include "event.h"

#define WEFT_RING_MAX_SUBS 256 /* a power of two */
#define WEFT_RING_MIN_SUBS 2
#define WEFT_RING_MIN_SUB_SIZE 4096u /* sub_size: a power of two within these */
#define WEFT_RING_MAX_SUB_SIZE (1u << 20)

/* The clocks a trace can be in. */
enum weft_clock {
	WEFT_CLOCK_TSC = 1,	  /* the CPU's counter (TSC; CNTVCT on arm64), raw */
	WEFT_CLOCK_MONOTONIC = 2, /* CLOCK_MONOTONIC, ns */
};

/* CTF 1.8 packet header and packet context, as the metadata describes them. */
#define WEFT_CTF_MAGIC 0xC1FC1FC1u
#define WEFT_STREAM_KERNEL 0u
#define WEFT_STREAM_UNITS 1u

struct weft_packet {
	__u32 magic;
	__u8 uuid[16];
	__u32 stream_id;
	__u64 timestamp_begin; /* ticks */
	__u64 timestamp_end;   /* ticks */
	__u64 content_size;    /* bits, header included */
	__u64 packet_size; /* bits: content rounded up to WEFT_PACKET_ALIGN, or the whole sub-buffer */
	__u64 packet_seq_num;	/* per stream, from 0 */
	__u64 events_discarded; /* of this stream since the start, before this packet's first event */
	union {
		__u32 cpu_id; /* kernel stream */
		__u32 tgid;   /* unit stream: whose marks these are */
	};
	union {
		__u32 pad;  /* kernel stream: 0 */
		__u32 copy; /* unit stream: which copy of unit.h in that process, from 0 */
	};
};
_Static_assert(sizeof(struct weft_packet) == 80, "packet header");

#define WEFT_PACKET_ALIGN 4096u /* bytes */

/*
 * The producer's side, mapped read-only into the reader. Written on the ring's own CPU only. A producer
 * may keep head and events to itself in between and write them here as it completes a sub-buffer: a
 * reader goes by commit alone.
 */
struct weft_ring_ctl {
	__u32 size; /* of this structure, for readers of another version */
	__u32 cpu;
	__u32 sub_size; /* bytes */
	__u32 nr_subs;
	__u64 head;	   /* bytes ever reserved */
	__u64 events;	   /* records ever written, lost records and the like included */
	__u64 lost;	   /* records that did not fit, ever */
	__u64 lost_told;   /* of those, already told in the stream */
	__u64 lost_first;  /* ticks: of those not yet told, the first */
	__u64 lost_last;   /* ticks: and the last */
	__u64 seq;	   /* packets ever begun */
	__u64 reserved[7]; /* zero */
	__u64 commit[WEFT_RING_MAX_SUBS];
};
_Static_assert(sizeof(struct weft_ring_ctl) == 128 + 8 * WEFT_RING_MAX_SUBS, "ring control");

/*
 * The reader's side, on a page of its own because the reader may write it. The producer trusts
 * nothing here: a tail that is no multiple of sub_size, ahead of head, or more than a ring behind
 * counts as a full ring.
 */
struct weft_ring_user {
	__u64 tail; /* bytes ever handed back; grows by sub_size */
};

#endif
