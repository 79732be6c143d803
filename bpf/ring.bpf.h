/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The producer's side of the ring in <weft/ring.h>, in memory-mappable arrays.
 *
 * Not BPF_MAP_TYPE_RINGBUF: its reservation can't take the stamp and the place in one step, it costs
 * half as much again, and its samples would have to be repacked. Array elements are found inline.
 *
 * A claim is a compare-and-exchange of head, which BPF has only with the bus lock. That costs a few
 * nanoseconds and buys that a ring may also be flushed from another CPU (ring_flush): a claim by
 * anyone moves head, so that whoever read it before takes stamp and place again. All other
 * read-modify-writes here are locked for the same reason.
 */
#ifndef WEFT_BPF_RING_BPF_H
#define WEFT_BPF_RING_BPF_H

#include "config.bpf.h"
#include "notice.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* CPUs */
	__type(key, u32);
	__type(value, struct weft_ring_ctl);
} ring_ctl SEC(".maps");

/* The reader's side; a cache line for each CPU. */
struct ring_user {
	struct weft_ring_user user;
	u64 pad[7];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* CPUs */
	__type(key, u32);
	__type(value, struct ring_user);
} ring_user SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* CPUs * sub-buffers */
	__uint(key_size, sizeof(u32));
	__uint(value_size, WEFT_RING_MIN_SUB_SIZE); /* one sub-buffer */
} ring_data SEC(".maps");

#define RING_NONE (~0ULL)
#define RING_RETRIES 4 /* each is an interrupt that claims just then; more count as a loss */

/* A record's place in the ring, from ring_claim() to ring_commit(). */
struct claim {
	struct weft_ring_ctl *ctl;
	u64 time;
	u32 sub;
	u32 size;
};

static __always_inline u32 ring_sub(u64 pos)
{
	return (pos >> cfg_sub_shift) & (cfg_nr_subs - 1);
}

static __always_inline void *ring_sub_data(u32 cpu, u64 pos)
{
	u32 i = cpu * cfg_nr_subs + ring_sub(pos);

	return bpf_map_lookup_elem(&ring_data, &i);
}

/*
 * (A) in ring.h. The sum's old value is asked for because the atomic instruction that returns it is
 * fully ordered on every architecture, and the one that does not is not ordered at all on arm64.
 */
static __always_inline void ring_add_commit(struct weft_ring_ctl *ctl, u32 sub, u64 bytes)
{
	u64 old = __sync_fetch_and_add(&ctl->commit[sub & (WEFT_RING_MAX_SUBS - 1)], bytes);

	barrier_var(old);
}

/* The rest of the sub-buffer of pos, from there on, has been claimed at `now`: complete it. */
static __always_inline void ring_end_packet(struct weft_ring_ctl *ctl, u32 cpu, u64 pos, u64 now)
{
	struct weft_packet *p = ring_sub_data(cpu, pos);
	u64 used = pos & (cfg_sub_size - 1);

	if (!p)
		return;
	p->timestamp_end = now;
	p->content_size = used * 8;
	p->packet_size = ((used + WEFT_PACKET_ALIGN - 1) & ~(u64)(WEFT_PACKET_ALIGN - 1)) * 8;
	ring_add_commit(ctl, ring_sub(pos), cfg_sub_size - used);
	notice_data();
}

/* Begins the packet at pos, claimed at `now`, with a lost record if room for one was claimed too. */
static __always_inline void ring_begin_packet(struct weft_ring_ctl *ctl, u32 cpu, u64 pos, u64 now,
					      bool tell_lost)
{
	struct weft_packet *p = ring_sub_data(cpu, pos);
	u64 told = READ_ONCE(ctl->lost_told), lost = READ_ONCE(ctl->lost);
	u32 size = sizeof(*p);

	if (!p)
		return;
	p->magic = WEFT_CTF_MAGIC;
	for (int i = 0; i < 16; i++)
		p->uuid[i] = cfg_uuid[i];
	p->stream_id = WEFT_STREAM_KERNEL;
	p->timestamp_begin = now;
	/* Every lap of a sub-buffer is one packet. */
	p->packet_seq_num = pos >> cfg_sub_shift;
	p->events_discarded = lost;
	p->cpu_id = cpu;
	p->pad = 0;
	WRITE_ONCE(ctl->seq, p->packet_seq_num + 1);
	if (tell_lost) {
		struct weft_ev_lost *e = (void *)(p + 1);

		e->h.time = now;
		e->h.id = WEFT_EV_lost;
		e->h.tid = bpf_get_current_pid_tgid();
		e->h.unit = 0;
		/* Only if a nested claim has just told them is there nothing left to tell. */
		e->count = __sync_val_compare_and_swap(&ctl->lost_told, told, lost) == told ?
				   lost - told :
				   0;
		e->first = __sync_lock_test_and_set(&ctl->lost_first, 0);
		e->last = READ_ONCE(ctl->lost_last);
		__sync_fetch_and_add(&ctl->events, 1);
		size += sizeof(*e);
	}
	ring_add_commit(ctl, ring_sub(pos), size);
}

static __always_inline void ring_count_loss(struct weft_ring_ctl *ctl, u64 now)
{
	__sync_val_compare_and_swap(&ctl->lost_first, 0, now);
	WRITE_ONCE(ctl->lost_last, now);
	__sync_fetch_and_add(&ctl->lost, 1);
}

/*
 * The slow path of a claim: someone came between, or a new sub-buffer is needed. Returns the position
 * of `size` bytes, stamped in *now, or RING_NONE: the record is lost and counted. With size 0 it only
 * begins a packet to tell what has been lost.
 */
__noinline u64 ring_claim_slow(u32 cpu, u32 size, u64 *now)
{
	struct weft_ring_ctl *ctl = bpf_map_lookup_elem(&ring_ctl, &cpu);
	struct ring_user *user = bpf_map_lookup_elem(&ring_user, &cpu);
	u64 mask = cfg_sub_size - 1, room = (u64)cfg_sub_size * (cfg_nr_subs - 1);

	if (!ctl || !user || !now)
		return RING_NONE;
	for (int i = 0; i < RING_RETRIES; i++) {
		u64 old = READ_ONCE(ctl->head), used = old & mask;
		u64 begin = (old + mask) & ~mask, tail, first;
		bool lost, full;

		*now = bpf_ktime_get_ns();
		/* Never fills a sub-buffer to its end, so that it is complete only with its header. */
		if (used && used + size < cfg_sub_size) {
			if (__sync_val_compare_and_swap(&ctl->head, old, old + size) == old)
				return old;
			continue;
		}
		/* (D): the claim below is a full barrier between this load and the stores. */
		tail = READ_ONCE(user->user.tail);
		full = (tail & mask) || tail > old || begin - tail > room;
		if (full && !used)
			break;
		lost = READ_ONCE(ctl->lost) != READ_ONCE(ctl->lost_told);
		first = begin + sizeof(struct weft_packet) +
			(lost ? sizeof(struct weft_ev_lost) : 0);
		/* A full ring ends the packet all the same: no later, smaller record may get in before
		 * the loss is told. */
		if (__sync_val_compare_and_swap(&ctl->head, old, full ? begin : first + size) !=
		    old)
			continue;
		if (used)
			ring_end_packet(ctl, cpu, old, *now);
		if (full)
			break;
		ring_begin_packet(ctl, cpu, begin, *now, lost);
		return first;
	}
	if (size)
		ring_count_loss(ctl, *now);
	return RING_NONE;
}

/* Room for a record of `size` bytes (a constant) in this CPU's ring, or NULL: it is lost. */
static __always_inline void *ring_claim(struct claim *c, u32 size)
{
	/* Each of them is loaded each time that it is named. */
	u32 sub_size = cfg_sub_size, nr_subs = cfg_nr_subs;
	u32 cpu = bpf_get_smp_processor_id(), i;
	struct weft_ring_ctl *ctl = bpf_map_lookup_elem(&ring_ctl, &cpu);
	u64 pos, off, now;
	void *data;

	if (!ctl)
		return NULL;
	pos = READ_ONCE(ctl->head);
	now = bpf_ktime_get_ns();
	off = pos & (sub_size - 1);
	if (!off || off >= sub_size - size ||
	    __sync_val_compare_and_swap(&ctl->head, pos, pos + size) != pos) {
		pos = ring_claim_slow(cpu, size, &now);
		if (pos == RING_NONE)
			return NULL;
		off = pos & (sub_size - 1);
	}
	c->ctl = ctl;
	c->time = now;
	c->sub = (pos >> cfg_sub_shift) & (nr_subs - 1);
	c->size = size;
	i = cpu * nr_subs + c->sub;
	data = bpf_map_lookup_elem(&ring_data, &i);
	/* As it is, whichever way it was come by; said again for the verifier. */
	barrier_var(off);
	if (!data || off > sub_size - size)
		return NULL;
	return data + off;
}

static __always_inline void ring_commit(struct claim *c)
{
	ring_add_commit(c->ctl, c->sub, c->size);
	__sync_fetch_and_add(&c->ctl->events, 1);
}

/* Completes the begun sub-buffer of a CPU's ring, telling first what was lost. */
static __always_inline void ring_flush(u32 cpu)
{
	struct weft_ring_ctl *ctl = bpf_map_lookup_elem(&ring_ctl, &cpu);

	if (!ctl)
		return;
	for (int i = 0; i < RING_RETRIES; i++) {
		u64 old = READ_ONCE(ctl->head), now = bpf_ktime_get_ns();

		if (!(old & (cfg_sub_size - 1))) {
			if (READ_ONCE(ctl->lost) == READ_ONCE(ctl->lost_told) ||
			    ring_claim_slow(cpu, 0, &now) == RING_NONE)
				return;
			continue;
		}
		if (__sync_val_compare_and_swap(&ctl->head, old, (old | (cfg_sub_size - 1)) + 1) ==
		    old) {
			ring_end_packet(ctl, cpu, old, now);
			return;
		}
	}
}

#endif
