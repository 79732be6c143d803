// SPDX-License-Identifier: GPL-2.0-only
/*
 * Notices: a small queue, for they are rare: one for each process that begins, execs or ends, and for each
 * thread in a PID namespace.
 */
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/slab.h>
#include "notice.h"
#include "session.h"

int notices_init(struct notices *n)
{
	raw_spin_lock_init(&n->lock);
	n->fifo = kvcalloc(NOTICES_MAX, sizeof(*n->fifo), GFP_KERNEL_ACCOUNT);
	return n->fifo ? 0 : -ENOMEM;
}

void notices_free(struct notices *n)
{
	kvfree(n->fifo);
}

static void post(struct session *s, struct weft_notice notice)
{
	struct notices *n = &s->notices;
	/* An exec's unit word is to be found soon; what begins or ends can wait for the reader's next look. */
	bool wake = notice.kind == WEFT_NOTICE_EXEC;
	unsigned long flags;

	/* A thread that is being released has no ids any more. */
	if (!notice.tgid)
		return;
	raw_spin_lock_irqsave(&n->lock, flags);
	if (n->head - n->tail < NOTICES_MAX) {
		notice.lost = n->lost;
		n->fifo[n->head % NOTICES_MAX] = notice;
		n->lost = 0;
		n->head++;
		wake |= n->head - n->tail == NOTICES_MAX / 2;
	} else {
		n->lost++;
	}
	raw_spin_unlock_irqrestore(&n->lock, flags);
	if (wake)
		irq_work_queue(&ring_this(s)->work);
}

void notice_post(struct session *s, u32 kind, struct task_struct *p)
{
	post(s, (struct weft_notice){
			.kind = kind,
			.tgid = task_tgid_nr_ns(p, s->pid_ns),
		});
}

void notice_id(struct session *s, struct task_struct *p)
{
	struct pid_namespace *ns;

	rcu_read_lock();
	ns = task_active_pid_ns(p);
	if (ns && ns != &init_pid_ns)
		post(s, (struct weft_notice){
				.kind = WEFT_NOTICE_ID,
				.tgid = task_tgid_nr_ns(p, s->pid_ns),
				.trace_tid = p->pid,
				.trace_tgid = p->tgid,
				.ns_tid = task_pid_nr_ns(p, ns),
				.pid_ns = ns->ns.inum,
			});
	rcu_read_unlock();
}

bool notice_take(struct notices *n, struct weft_notice *out)
{
	unsigned long flags;
	bool got;

	raw_spin_lock_irqsave(&n->lock, flags);
	got = n->head != n->tail;
	if (got)
		*out = n->fifo[n->tail++ % NOTICES_MAX];
	raw_spin_unlock_irqrestore(&n->lock, flags);
	return got;
}
