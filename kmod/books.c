// SPDX-License-Identifier: GPL-2.0-only
/*
 * thread and thread_stat records.
 */
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include "books.h"
#include "session.h"

bool books_thread(struct session *s, struct task_struct *p, bool traced)
{
	struct weft_ev_thread *rec;

	preempt_disable_notrace();
	rec = ring_reserve(ring_this(s), sizeof(*rec));
	if (rec) {
		rec->h.id = WEFT_EV_thread;
		rec->h.tid = p->pid;
		rec->h.unit = 0;
		rec->tgid = p->tgid;
		/* Once p is released, nothing keeps its parent; preemption off is RCU's read side. */
		rec->ppid = pid_alive(p) ? rcu_dereference_sched(p->real_parent)->tgid : 0;
		rec->start_ns = p->start_boottime;
		rec->flags = (traced ? WEFT_THREAD_TRACED : 0) |
			     (p->flags & WEFT_PF_KERNEL ? WEFT_THREAD_KTHREAD : 0);
		rec->pad = 0;
		strscpy_pad(rec->comm, p->comm, sizeof(rec->comm));
		ring_commit(ring_this(s), rec, sizeof(*rec));
	}
	preempt_enable_notrace();
	return rec;
}

void books_stat(struct session *s, struct task_struct *p, enum weft_stat_when when)
{
	struct weft_ev_thread_stat *rec;
	unsigned long nvcsw, nivcsw;

	preempt_disable_notrace();
	rec = ring_reserve(ring_this(s), sizeof(*rec));
	if (rec) {
		/* One pair, if p runs elsewhere: the counters only grow. */
		do {
			nvcsw = READ_ONCE(p->nvcsw);
			smp_rmb();
			nivcsw = READ_ONCE(p->nivcsw);
			smp_rmb();
		} while (nvcsw != READ_ONCE(p->nvcsw));

		rec->h.id = WEFT_EV_thread_stat;
		rec->h.tid = p->pid;
		rec->h.unit = 0;
		rec->tgid = p->tgid;
		rec->when = when;
		rec->nvcsw = nvcsw;
		rec->nivcsw = nivcsw;
		rec->min_flt = READ_ONCE(p->min_flt);
		rec->maj_flt = READ_ONCE(p->maj_flt);
		rec->runtime_ns = READ_ONCE(p->se.sum_exec_runtime);
		rec->run_delay_ns = READ_ONCE(p->sched_info.run_delay);
		rec->pcount = READ_ONCE(p->sched_info.pcount);
		ring_commit(ring_this(s), rec, sizeof(*rec));
	}
	preempt_enable_notrace();
}
