/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel says of a thread: who it is (thread), and its own books of it (thread_stat). */
#ifndef WEFT_BPF_BOOKS_BPF_H
#define WEFT_BPF_BOOKS_BPF_H

#include "ring.bpf.h"
#include "unit.bpf.h"

static __always_inline void event_head(struct weft_event *h, const struct claim *c, u32 id, u32 tid,
				       u64 unit)
{
	h->time = c->time;
	h->id = id;
	h->tid = tid;
	h->unit = unit;
}

static __always_inline void write_thread(struct task_struct *t, u32 flags)
{
	struct weft_ev_thread *e;
	struct claim c;

	e = ring_claim(&c, sizeof(*e));
	if (!e)
		return;
	event_head(&e->h, &c, WEFT_EV_thread, t->pid, 0);
	e->tgid = t->tgid;
	e->ppid = t->real_parent->tgid;
	e->start_ns = t->start_boottime;
	e->flags = flags | (t->flags & PF_KTHREAD ? WEFT_THREAD_KTHREAD : 0);
	e->pad = 0;
	bpf_probe_read_kernel(e->comm, sizeof(e->comm), t->comm);
	ring_commit(&c);
}

/* A record will name a thread that is not traced: describe it, if that has not been done yet. */
static __always_inline void tell_foreign(struct task_struct *t)
{
	u64 *e = thread_entry(t->pid), tag = thread_tag(t);

	if (!e || !t->pid || (same_tag(*e, tag) && (*e & THREAD_TOLD)))
		return;
	if (entry_set_flag(e, tag, THREAD_TOLD))
		write_thread(t, 0);
}

static __always_inline void write_thread_stat(struct task_struct *t, u32 tid, u32 when)
{
	struct weft_ev_thread_stat *e;
	u64 nvcsw, nivcsw;
	struct claim c;

	e = ring_claim(&c, sizeof(*e));
	if (!e)
		return;
	/* One consistent pair: neither moved while the other was read. */
	for (int i = 0; i < 8; i++) {
		nvcsw = READ_ONCE(t->nvcsw);
		nivcsw = READ_ONCE(t->nivcsw);
		if (READ_ONCE(t->nvcsw) == nvcsw)
			break;
	}
	event_head(&e->h, &c, WEFT_EV_thread_stat, tid, 0);
	e->tgid = t->tgid;
	e->when = when;
	e->nvcsw = nvcsw;
	e->nivcsw = nivcsw;
	e->min_flt = t->min_flt;
	e->maj_flt = t->maj_flt;
	e->runtime_ns = t->se.sum_exec_runtime;
	e->run_delay_ns = task_run_delay(t);
	e->pcount = task_pcount(t);
	ring_commit(&c);
}

#endif
