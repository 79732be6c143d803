/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The notices of a session: what the reader is told by read(2) rather than in the rings.
 */
#ifndef WEFT_KMOD_NOTICE_H
#define WEFT_KMOD_NOTICE_H

#include <linux/spinlock.h>
#include <weft/device.h>

#define NOTICES_MAX 1024u /* a power of two */

struct session;

struct notices {
	raw_spinlock_t lock;
	u32 head, tail; /* count up for ever; head - tail are waiting */
	u64 lost;	/* since the last one that found room */
	struct weft_notice *fifo;
};

/* 0 or -ENOMEM. */
int notices_init(struct notices *n);
void notices_free(struct notices *n);
/* From any context but NMI, preemption off; wakes the reader soon. */
void notice_post(struct session *s, u32 kind, u32 tgid);
/* Takes the oldest; false if there is none. */
bool notice_take(struct notices *n, struct weft_notice *out);

static inline bool notices_waiting(const struct notices *n)
{
	return READ_ONCE(n->head) != READ_ONCE(n->tail);
}

#endif
