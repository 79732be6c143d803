/* SPDX-License-Identifier: GPL-2.0-only */
/* The current-unit word of the running thread. */
#ifndef WEFT_BPF_UNIT_BPF_H
#define WEFT_BPF_UNIT_BPF_H

#include "compat.bpf.h"
#include "filter.bpf.h"

/*
 * t is the current task, class what thread_class() says of it. A thread outside the filter may have
 * units too, but nobody has told where: unknown. Kernel threads have none.
 */
static __always_inline u64 current_unit(struct task_struct *t, u32 class)
{
	u64 word;

	class &= CLASS_MASK;
	if (class < CLASS_OFFSET) {
		if (class == CLASS_NO_UNITS || t->flags & PF_KTHREAD)
			return 0;
		return WEFT_UNKNOWN;
	}
	/* Never faults the page in. A thread that has given back its memory has no word any more. */
	if (!task_has_memory(t) ||
	    bpf_probe_read_user(&word, sizeof(word),
				(void *)(task_thread_pointer(t) + tp_offset[class])))
		return WEFT_UNKNOWN;
	return word;
}

#endif
