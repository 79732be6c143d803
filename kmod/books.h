/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records about a thread rather than an event: who it is, and the kernel's own books of it. From any
 * context; p may run elsewhere and must not be freed meanwhile.
 */
#ifndef WEFT_KMOD_BOOKS_H
#define WEFT_KMOD_BOOKS_H

#include <linux/sched.h>
#include <weft/event.h>

struct session;

/* Writes a thread record; false if it was lost. */
bool books_thread(struct session *s, struct task_struct *p, bool traced);
/* Writes a thread_stat record. */
void books_stat(struct session *s, struct task_struct *p, enum weft_stat_when when);

#endif
