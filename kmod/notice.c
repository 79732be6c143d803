// SPDX-License-Identifier: GPL-2.0-only
/*
 * Notices: a small queue, for they are rare: one for each process that begins, execs or ends.
 */
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

void notice_post(struct session *s, u32 kind, u32 tgid)
{
	struct notices *n = &s->notices;
	unsigned long flags;

	raw_spin_lock_irqsave(&n->lock, flags);
	if (n->head - n->tail < NOTICES_MAX) {
		n->fifo[n->head % NOTICES_MAX] = (struct weft_notice){
			.kind = kind,
			.tgid = tgid,
			.lost = n->lost,
		};
		n->lost = 0;
		n->head++;
	} else {
		n->lost++;
	}
	raw_spin_unlock_irqrestore(&n->lock, flags);
	irq_work_queue(&ring_this(s)->work);
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
