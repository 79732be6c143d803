/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The producer's side of the per-CPU ring that <weft/ring.h> describes.
 *
 * A record is written so:
 *
 *	rec = ring_reserve(r, sizeof(*rec));
 *	if (!rec)
 *		return;			// lost, and counted
 *	rec->h.id = ...;		// every byte of it but h.time, which is set
 *	ring_commit(r, rec, sizeof(*rec));
 *
 * with r this CPU's ring and preemption disabled from before ring_this() until after ring_commit().
 * Any context may do so, NMI included.
 */
#ifndef WEFT_KMOD_RING_H
#define WEFT_KMOD_RING_H

#include <linux/irq_work.h>
#include <linux/percpu.h>
#include <asm/local.h>
#include <weft/ring.h>
#include "compat.h"

struct session;

struct ring {
	/*
	 * The begun sub-buffer, for the fast path: one cache line. Positions count bytes since the beginning;
	 * head is what is reserved, end where the sub-buffer ends, commit its counter in ctl, and base the
	 * address that position 0 would have for position p in it to be at base + p. Apart from head they
	 * change in the slow path only, and never without head: who has read head, then these, and then
	 * claims from that head has had a matching set. end is 0 where everybody must take the slow path:
	 * before the first record, inside the slow path, and always if the clock is not the CPU's counter.
	 */
	u64 head;
	u64 end;
	void *base;
	__u64 *commit;
	u64 events;

	/*
	 * What sched_switch leaves for the end of the switch (sched.c): its record (NULL: nothing), and what the
	 * scheduler's clock said.
	 */
	const struct weft_ev_sched_switch *switched;
	u32 switch_clock;

	struct weft_ev_sched_switch unrecorded; /* for switched, where there is no record */
	struct weft_ring_ctl *ctl;		/* one page; the data follows it */
	u64 sub_mask;				/* sub_size - 1 */
	u64 ring_mask;				/* bytes in the ring - 1 */
	u32 sub_shift;
	u32 nr_subs;
	bool tsc;		     /* WEFT_CLOCK_TSC */
	bool busy;		     /* in the slow path: an NMI now must not enter it */
	u64 last;		     /* the last stamp, if not tsc */
	struct weft_ring_user *user; /* the reader writes it: never trusted */
	struct page **pages;	     /* ctl and data, mapped at ctl */
	unsigned int nr_pages;
	struct irq_work work; /* wakes the reader, where waking is allowed */
	struct session *session;
	const u8 *uuid;
	u32 cpu;
};

/* Rings for all possible CPUs, each on its CPU's node. 0 or -ENOMEM. */
int rings_alloc(struct session *s, u32 sub_size, u32 nr_subs, u32 clock, const u8 *uuid);
/* No probe may be in flight. Waits for the wake-ups that are. NULL rings are no rings. */
void rings_free(struct session *s);
/* Completes the begun sub-buffer of every CPU and tells losses not yet told, if there is room. */
void rings_flush(struct session *s);
/* Is there a complete sub-buffer that has not been handed back? */
bool ring_complete(const struct ring *r);
/* Bytes of one ring, all of it, for a limit on what a session may take. */
u64 ring_bytes(u32 sub_size, u32 nr_subs);

void *ring_reserve_slow(struct ring *r, u32 size);

/* local_t is a long that this CPU alone changes, atomically against its own interrupts. */
static __always_inline void ring_add(u64 *counter, u64 n)
{
	BUILD_BUG_ON(sizeof(local_t) != sizeof(*counter));
	local_add(n, (local_t *)counter);
}

/*
 * The fast path: room for one record of `size` bytes (a multiple of 8, at most WEFT_EVENT_MAX_SIZE),
 * with its time, the first field, written; to be committed to *commit. False if it takes the slow path.
 * Inline and without a call. irqs_off: they are, so that nothing can complete the sub-buffer meanwhile
 * (the slow path turns NMIs away), and base and commit need not be held in registers for so long.
 */
static __always_inline bool ring_try_reserve(struct ring *r, u32 size, const bool irqs_off,
					     void **rec, __u64 **commit)
{
	u64 old = READ_ONCE(r->head);
	u64 now = weft_ticks();
	void *base;

	barrier(); /* from here to the claim the compiler moves no load: the set that belongs to this head */
	if (!irqs_off) {
		base = r->base;
		*commit = r->commit;
	}
	/* It must end before the sub-buffer does: the last bytes go to whoever completes it. */
	if (unlikely(old + size >= r->end) ||
	    unlikely(!weft_try_cmpxchg_local(&r->head, &old, old + size)))
		return false;
	if (irqs_off) {
		base = r->base;
		*commit = r->commit;
	}
	*rec = base + old;
	((struct weft_event *)*rec)->time = now;
	return true;
}

static __always_inline void ring_commit_to(struct ring *r, __u64 *commit, u32 size)
{
	ring_add(&r->events, 1);
	smp_wmb(); /* (A) in <weft/ring.h>, pairs with the reader's (B); on x86 for the compiler only */
	ring_add(commit, size);
}

/* As ring_try_reserve(), but fails (with NULL) only if there is no room, and counts that. */
static __always_inline void *ring_reserve(struct ring *r, u32 size)
{
	__u64 *commit;
	void *rec;

	if (likely(ring_try_reserve(r, size, false, &rec, &commit)))
		return rec;
	return ring_reserve_slow(r, size);
}

static inline void ring_commit(struct ring *r, void *rec, u32 size)
{
	unsigned long offset = (unsigned long)rec - (unsigned long)r->ctl - PAGE_SIZE;

	ring_commit_to(r, &r->ctl->commit[offset >> r->sub_shift], size);
}

#endif
