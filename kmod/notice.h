/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The notices of a session: what the reader is told by read(2) rather than in the rings.
 */
#ifndef WEFT_KMOD_NOTICE_H
#define WEFT_KMOD_NOTICE_H

#include <linux/spinlock.h>
#include <weft/device.h>

#define NOTICES_MAX 4096u /* a power of two */

struct session;
struct task_struct;

struct notices {
	raw_spinlock_t lock;
	u32 head, tail; /* count up for ever; head - tail are waiting */
	u64 lost;	/* since the last one that found room */
	struct weft_notice *fifo;
};

/* 0 or -ENOMEM. */
int notices_init(struct notices *n);
void notices_free(struct notices *n);
/*
 * About the process of p, if the reader's PID namespace has it. From any context but NMI, preemption off, p not
 * yet released. Wakes the reader soon if it is an exec or half of the room is used; not for each fork and exit, for
 * that is two switches and a turn of the reader for two records.
 */
void notice_post(struct session *s, u32 kind, struct task_struct *p);
/* Tells the ids of p if it lives in another PID namespace than the initial one. Likewise. */
void notice_id(struct session *s, struct task_struct *p);
/* Takes the oldest; false if there is none. */
bool notice_take(struct notices *n, struct weft_notice *out);

static inline bool notices_waiting(const struct notices *n)
{
	return READ_ONCE(n->head) != READ_ONCE(n->tail);
}

#endif
