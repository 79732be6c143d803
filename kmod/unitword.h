/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The current-unit word: a u64 in user memory at the thread pointer plus an offset, read inline where
 * an event happens. Untrusted: any value is passed on, any address may be tried.
 */
#ifndef WEFT_KMOD_UNITWORD_H
#define WEFT_KMOD_UNITWORD_H

#include <linux/uaccess.h>
#include <weft/event.h>
#include "session.h"

/*
 * The fault handler brings no page in where preemption is off, if the kernel counts that; elsewhere, and
 * for the checks of debug kernels, it must be told.
 */
#define UNIT_FAULTS_OFF (IS_ENABLED(CONFIG_PREEMPT_COUNT) && !IS_ENABLED(CONFIG_DEBUG_ATOMIC_SLEEP))

/*
 * Never faults the page in: preemption is off, and a page that is not there is an error. A thread that
 * has given its address space up (mm is NULL) still runs on it, or on another's, until its last switch;
 * its word may be someone else's by then.
 */
static __always_inline u64 unit_read(struct task_struct *p, s64 tp_offset)
{
	u64 __user *word = (u64 __user *)(weft_thread_pointer(p) + tp_offset);
	u64 unit = WEFT_UNKNOWN;

	if (unlikely(!p->mm))
		return WEFT_UNKNOWN;
	if (!UNIT_FAULTS_OFF)
		pagefault_disable();
	if (likely(user_read_access_begin(word, sizeof(*word)))) {
		unit = weft_user_load(word);
		user_read_access_end();
	}
	if (!UNIT_FAULTS_OFF)
		pagefault_enable();
	return unit;
}

/* The current unit of p, which is current, of the given class. */
static __always_inline u64 unit_current(const struct session *s, struct task_struct *p, u8 class)
{
	BUILD_BUG_ON((u64)CLASS_UNIT_UNKNOWN - 1 != WEFT_UNKNOWN || CLASS_UNIT_NONE - 1 != 0 ||
		     CLASS_UNIT_FIRST != 2);
	if (!(class & CLASS_INDEX & ~CLASS_UNIT_NONE))
		return (u64)(class & CLASS_UNIT_NONE) - 1;
	return unit_read(p, s->tp_offset[class & CLASS_INDEX]);
}

/* What every record begins with, for one that p (current) causes; ring_reserve() has set the time. */
static __always_inline void event_header(struct weft_event *h, u32 id, const struct task_struct *p,
					 u64 unit)
{
	h->id = id;
	h->tid = p->pid;
	h->unit = unit;
}

#endif
