// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring's slow path: a sub-buffer ends, the next one begins, or there is no room; and its memory.
 */
#include <linux/cpu.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/vmalloc.h>
#include "ring.h"
#include "session.h"

static void *ring_at(const struct ring *r, u64 pos)
{
	return (void *)r->ctl + PAGE_SIZE + (pos & r->ring_mask);
}

static __u64 *ring_commit_at(const struct ring *r, u64 pos)
{
	return &r->ctl->commit[(pos & r->ring_mask) >> r->sub_shift];
}

static void ring_commit_bytes(struct ring *r, u64 pos, u64 bytes)
{
	smp_wmb(); /* as in ring_commit_to() */
	ring_add(ring_commit_at(r, pos), bytes);
}

/*
 * The stamp of a claim. CLOCK_MONOTONIC's fast reader may step back a little while the clock is
 * adjusted, so no stamp is lower than the last.
 */
static u64 ring_clock(struct ring *r)
{
	if (r->tsc)
		return weft_ticks();
	r->last = max(ktime_get_mono_fast_ns(), r->last);
	return r->last;
}

static void ring_lose(struct weft_ring_ctl *ctl, u64 now)
{
	if (ctl->lost == ctl->lost_told)
		ctl->lost_first = now;
	ctl->lost_last = max(ctl->lost_last, now);
	ring_add(&ctl->lost, 1);
}

/*
 * May the sub-buffer at `start` be begun, with head at `head`? The load of tail is (D) in
 * <weft/ring.h>; the reader may have written anything there.
 */
static bool ring_room(const struct ring *r, u64 head, u64 start)
{
	u64 tail = smp_load_acquire(&r->user->tail);

	return !(tail & r->sub_mask) && tail <= head && start - tail <= r->ring_mask - r->sub_mask;
}

/* Completes the sub-buffer that ends with the claim of [pos, its end) at `now`. */
static void ring_close(struct ring *r, u64 pos, u64 now)
{
	struct weft_packet *p = ring_at(r, pos & ~r->sub_mask);
	u64 used = pos & r->sub_mask;
	u64 whole = min(ALIGN(used, WEFT_PACKET_ALIGN), r->sub_mask + 1);

	p->timestamp_end = now;
	p->content_size = used * 8;
	p->packet_size = whole * 8;
	memset((void *)p + used, 0, whole - used);
	ring_commit_bytes(r, pos, r->sub_mask + 1 - used);
	WRITE_ONCE(r->ctl->head, ALIGN(pos, r->sub_mask + 1));
	WRITE_ONCE(r->ctl->events, r->events);
	irq_work_queue(&r->work);
}

/* Begins the sub-buffer at `start`, claimed at `now`; if tell, with a record of the losses. */
static void ring_open(struct ring *r, u64 start, u64 now, bool tell)
{
	struct weft_ring_ctl *ctl = r->ctl;
	struct weft_packet *p = ring_at(r, start);
	u64 bytes = sizeof(*p);

	p->magic = WEFT_CTF_MAGIC;
	memcpy(p->uuid, r->uuid, sizeof(p->uuid));
	p->stream_id = WEFT_STREAM_KERNEL;
	p->timestamp_begin = now;
	p->packet_seq_num = ctl->seq++;
	p->events_discarded = ctl->lost;
	p->cpu_id = r->cpu;
	p->pad = 0;
	if (tell) {
		struct weft_ev_lost *l = (void *)(p + 1);

		l->h.time = now;
		l->h.id = WEFT_EV_lost;
		l->h.tid = current->pid;
		l->h.unit = 0;
		l->count = p->events_discarded - ctl->lost_told;
		l->first = ctl->lost_first;
		l->last = ctl->lost_last;
		ctl->lost_told += l->count;
		bytes += sizeof(*l);
		ring_add(&r->events, 1);
	}
	ring_commit_bytes(r, start, bytes);
}

/*
 * The slow path is entered with interrupts off, closes the fast path, and an NMI that comes then is
 * turned away (its record is lost, and counted): everything of the ring belongs to one writer. What a
 * fast path interrupted by it has read is stale, and head with it, if anything was claimed here.
 */
static bool ring_enter(struct ring *r, unsigned long *flags)
{
	local_irq_save(*flags);
	if (r->busy) {
		ring_lose(r->ctl, ring_clock(r));
		local_irq_restore(*flags);
		return false;
	}
	WRITE_ONCE(r->busy, true);
	WRITE_ONCE(r->end, 0);
	barrier();
	return true;
}

static void ring_leave(struct ring *r, unsigned long flags)
{
	u64 head = r->head;

	/* At a boundary none is begun; the counter's clock is the only one quick enough. */
	WRITE_ONCE(r->base, ring_at(r, head) - head);
	WRITE_ONCE(r->commit, ring_commit_at(r, head));
	barrier();
	if (r->tsc)
		WRITE_ONCE(r->end, ALIGN(head, r->sub_mask + 1));
	WRITE_ONCE(r->busy, false);
	local_irq_restore(flags);
}

/* A place for size bytes, stamped; NULL if the ring is full. With size 0 only the losses are told. */
static struct weft_event *ring_claim(struct ring *r, u32 size)
{
	struct weft_ring_ctl *ctl = r->ctl;
	u64 old = r->head;
	u64 start = ALIGN(old, r->sub_mask + 1);
	u64 now = ring_clock(r);
	struct weft_event *rec;

	if (old + size >= start) {
		bool tell = ctl->lost != ctl->lost_told;

		if (!ring_room(r, old, start)) {
			ring_lose(ctl, now);
			return NULL;
		}
		if (start != old)
			ring_close(r, old, now);
		ring_open(r, start, now, tell);
		old = start + sizeof(struct weft_packet) + (tell ? sizeof(struct weft_ev_lost) : 0);
	}
	rec = ring_at(r, old);
	if (size)
		rec->time = now;
	WRITE_ONCE(r->head, old + size);
	return rec;
}

void *ring_reserve_slow(struct ring *r, u32 size)
{
	unsigned long flags;
	void *rec;

	if (!ring_enter(r, &flags))
		return NULL;
	rec = ring_claim(r, size);
	ring_leave(r, flags);
	return rec;
}

/* Completes the begun sub-buffer, if there is one. */
static void ring_complete_begun(struct ring *r)
{
	u64 old = r->head;

	if (!(old & r->sub_mask))
		return;
	WRITE_ONCE(r->head, ALIGN(old, r->sub_mask + 1));
	ring_close(r, old, ring_clock(r));
}

static void ring_flush(void *info)
{
	struct ring *r = info;
	struct weft_ring_ctl *ctl = r->ctl;
	unsigned long flags;

	if (!ring_enter(r, &flags))
		return;
	ring_complete_begun(r);
	if (ctl->lost != ctl->lost_told && ring_room(r, r->head, r->head)) {
		ring_claim(r, 0);
		ring_complete_begun(r);
	}
	ring_leave(r, flags);
}

void rings_flush(struct session *s)
{
	unsigned int cpu;

	/* Only its own CPU may touch a ring; the one of an offline CPU has no writer. */
	cpus_read_lock();
	for_each_possible_cpu(cpu) {
		struct ring *r = per_cpu_ptr(s->rings, cpu);

		if (cpu_online(cpu))
			smp_call_function_single(cpu, ring_flush, r, true);
		else
			ring_flush(r);
	}
	cpus_read_unlock();
}

bool ring_complete(const struct ring *r)
{
	u64 tail = READ_ONCE(r->user->tail);
	u64 commit = READ_ONCE(r->ctl->commit[(tail & r->ring_mask) >> r->sub_shift]);

	return !(tail & r->sub_mask) && commit == ((tail >> r->sub_shift) / r->nr_subs + 1)
							  << r->sub_shift;
}

u64 ring_bytes(u32 sub_size, u32 nr_subs)
{
	return (u64)sub_size * nr_subs + 2 * PAGE_SIZE;
}

static void ring_wake(struct irq_work *work)
{
	session_wake(container_of(work, struct ring, work)->session);
}

static int ring_alloc(struct ring *r, u32 sub_size, u32 nr_subs)
{
	const gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NORETRY | __GFP_NOWARN;
	unsigned int nr = 1 + ((u64)sub_size * nr_subs >> PAGE_SHIFT);
	int node = cpu_to_node(r->cpu);
	struct page *user;

	user = alloc_pages_node(node, gfp, 0);
	if (!user)
		return -ENOMEM;
	r->user = page_address(user);
	r->pages = kvmalloc_array(nr, sizeof(*r->pages), GFP_KERNEL_ACCOUNT);
	if (!r->pages)
		return -ENOMEM;
	for (r->nr_pages = 0; r->nr_pages < nr; r->nr_pages++) {
		r->pages[r->nr_pages] = alloc_pages_node(node, gfp, 0);
		if (!r->pages[r->nr_pages])
			return -ENOMEM;
		if (!(r->nr_pages % 1024)) {
			if (fatal_signal_pending(current))
				return -EINTR;
			cond_resched();
		}
	}
	r->ctl = vmap(r->pages, nr, VM_MAP, PAGE_KERNEL);
	return r->ctl ? 0 : -ENOMEM;
}

static void ring_free(struct ring *r)
{
	unsigned int i;

	irq_work_sync(&r->work);
	vunmap(r->ctl);
	for (i = 0; i < r->nr_pages; i++)
		__free_page(r->pages[i]);
	kvfree(r->pages);
	free_page((unsigned long)r->user);
}

void rings_free(struct session *s)
{
	unsigned int cpu;

	if (!s->rings)
		return;
	for_each_possible_cpu(cpu)
		ring_free(per_cpu_ptr(s->rings, cpu));
	free_percpu(s->rings);
	s->rings = NULL;
}

int rings_alloc(struct session *s, u32 sub_size, u32 nr_subs, u32 clock, const u8 *uuid)
{
	unsigned int cpu;
	int err;

	s->rings = alloc_percpu(struct ring);
	if (!s->rings)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		struct ring *r = per_cpu_ptr(s->rings, cpu);

		init_irq_work(&r->work, ring_wake);
		r->cpu = cpu;
	}
	for_each_possible_cpu(cpu) {
		struct ring *r = per_cpu_ptr(s->rings, cpu);

		err = ring_alloc(r, sub_size, nr_subs);
		if (err) {
			rings_free(s);
			return err;
		}
		r->session = s;
		r->uuid = uuid;
		r->nr_subs = nr_subs;
		r->sub_shift = ilog2(sub_size);
		r->sub_mask = sub_size - 1;
		r->ring_mask = (u64)sub_size * nr_subs - 1;
		r->tsc = clock == WEFT_CLOCK_TSC;
		r->base = ring_at(r, 0);
		r->commit = r->ctl->commit;
		r->ctl->size = sizeof(*r->ctl);
		r->ctl->cpu = cpu;
		r->ctl->sub_size = sub_size;
		r->ctl->nr_subs = nr_subs;
	}
	return 0;
}
