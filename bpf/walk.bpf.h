/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What user space has the kernel do: walk over all threads, or those of one process (iter/task, run by
 * reading it), to put them into the filter, to tell where their unit word is, to write their books; and
 * flush a ring.
 */
#ifndef WEFT_BPF_WALK_BPF_H
#define WEFT_BPF_WALK_BPF_H

#include "books.bpf.h"

#define WALK_FILTER 1 /* trace those not yet traced, as walk_class */
#define WALK_CLASS 2  /* walk_class is the class of those traced */
#define WALK_COUNT 3  /* those traced that have not begun to end */
#define WALK_STOP 4   /* write their books */

/* Set by user space before a walk; walks are not run at the same time. */
__u32 walk_op;
__u32 walk_class;
__u32 walk_found; /* threads that were to be changed, or counted */

static __always_inline void walk_filter(struct task_struct *t)
{
	u64 *e = thread_entry(t->pid), tag = thread_tag(t), old, done = 0;

	if (!e || t->tgid == self)
		return;
	old = READ_ONCE(*e);
	if (same_tag(old, tag) && (old & CLASS_MASK))
		return;
	/* A dead leader keeps the place for the thread of its process that may call exec. */
	if (t->exit_state) {
		if (t->pid != t->tgid || t->signal->live.counter <= 0)
			return;
		done = THREAD_DONE;
	}
	/* If the entry moves meanwhile, the next walk finds out. */
	__sync_fetch_and_add(&walk_found, 1);
	if (__sync_val_compare_and_swap(e, old,
					tag | THREAD_TOLD | done | class_for(t, walk_class)) != old)
		return;
	write_thread(t, WEFT_THREAD_TRACED);
	notice_id(t);
	if (done)
		return;
	__sync_fetch_and_add(&nr_threads, 1);
	/* Its events are recorded by now; books read after that leave none out. */
	write_thread_stat(t, t->pid, WEFT_STAT_START);
}

SEC("iter/task")
int walk(struct bpf_iter__task *ctx)
{
	struct task_struct *t = ctx->task;
	u32 class;

	if (!t)
		return 0;
	if (walk_op == WALK_FILTER) {
		walk_filter(t);
		return 0;
	}
	class = thread_class(t);
	if (!class || (class & EXCHANGED))
		return 0;
	if (walk_op == WALK_CLASS) {
		if (class == class_for(t, walk_class))
			return 0;
		thread_set_class(t, walk_class, 0);
	} else if (t->exit_state) {
		return 0;
	} else if (walk_op == WALK_STOP) {
		write_thread_stat(t, t->pid, WEFT_STAT_STOP);
	}
	__sync_fetch_and_add(&walk_found, 1);
	return 0;
}

/* Run once by BPF_PROG_TEST_RUN, in the recorder. */
SEC("raw_tp")
int identify(struct bpf_raw_tracepoint_args *ctx)
{
	self = bpf_get_current_pid_tgid() >> 32;
	return 0;
}

/* Run by BPF_PROG_TEST_RUN, argument: the CPU whose ring to flush; from any CPU (ring.bpf.h). */
SEC("raw_tp")
int flush(struct bpf_raw_tracepoint_args *ctx)
{
	ring_flush(ctx->args[0]);
	return 0;
}

#endif
