/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which threads are traced, and how the unit word of each is found: one word per thread id.
 *
 *	63            16 15   8 7    0
 *	+---------------+-----+------+
 *	| start_time    |flags| class|	start_time: low 48 bits of the thread's, ns
 *	+---------------+-----+------+
 *
 * An id may be given to a new thread before the one that had it has made its last switch: a thread
 * that nobody waits for gives its id back in do_exit(), a zombie when its parent reaps it. The start
 * time tells the two apart, so an entry needs no clearing: that of a thread gone matches no one. An
 * entry of a traced thread that is not yet done moves to displaced[] when its id is given away.
 *
 * When a thread other than the leader calls exec, de_thread() gives it the leader's id and start time
 * (in one step, interrupts off), so it takes over the leader's entry with them. The dying leader,
 * which now carries the other's id, may still have to make its last switch: it is found by its process
 * id (EXCHANGED).
 *
 * A thread's entry is set before it first runs (task_newtask); by the walk over all threads (walk.bpf.h)
 * for those that exist already; and by the thread itself. All with compare-and-exchange or before
 * anyone else knows of the thread.
 */
#ifndef WEFT_BPF_FILTER_BPF_H
#define WEFT_BPF_FILTER_BPF_H

#include "compat.bpf.h"

/* No id exceeds it. Not kernel.pid_max: that can be raised later, and have been lowered below ids in use. */
#define PID_MAX_LIMIT (4 << 20)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PID_MAX_LIMIT);
	__type(key, u32);
	__type(value, u64);
} threads SEC(".maps");

#define CLASS_NONE 0	/* not traced */
#define CLASS_PENDING 1 /* traced; nobody has told yet where the unit word is */
#define CLASS_NO_UNITS 2
#define CLASS_OFFSET 3 /* and above: at tp_offset[class] from the thread pointer */
#define CLASS_MASK 0xff

#define THREAD_TOLD 0x100  /* described by a thread or task_newtask record */
#define THREAD_DONE 0x200  /* has made its last switch */
#define THREAD_GROUP 0x400 /* of a leader: the last of its threads has been told to exit */
#define THREAD_TAG_SHIFT 16

/* Added to what thread_class() returns. */
#define EXCHANGED 0x100

#define NR_DISPLACED 16
__u64 displaced[NR_DISPLACED] SEC(".data.displaced");

static __always_inline u64 thread_tag(struct task_struct *t)
{
	return t->start_time << THREAD_TAG_SHIFT;
}

static __always_inline bool same_tag(u64 entry, u64 tag)
{
	return entry >> THREAD_TAG_SHIFT == tag >> THREAD_TAG_SHIFT;
}

static __always_inline u64 *thread_entry(u32 tid)
{
	return bpf_map_lookup_elem(&threads, &tid);
}

/* What a thread's class is to be: one that runs the kernel's code only has no units. */
static __always_inline u32 class_for(struct task_struct *t, u32 class)
{
	return class && t->flags & PF_KERNEL_CODE ? CLASS_NO_UNITS : class;
}

/* The id's entry is of another thread. */
__noinline u32 thread_class_slow(u64 tag, u32 tgid)
{
	u64 *e = thread_entry(tgid);

	if (e && same_tag(*e, tag))
		return (*e & CLASS_MASK) ? (*e & CLASS_MASK) | EXCHANGED : CLASS_NONE;
	for (int i = 0; i < NR_DISPLACED; i++)
		if (displaced[i] && same_tag(displaced[i], tag))
			return displaced[i] & CLASS_MASK;
	return CLASS_NONE;
}

/* CLASS_*, with EXCHANGED. tid: the thread's id. The idle task's, 0, has no entry. */
static __always_inline u32 thread_class_tid(struct task_struct *t, u32 tid)
{
	u64 *e = thread_entry(tid), entry, tag;

	entry = e ? *e : 0;
	if (!entry)
		return CLASS_NONE;
	tag = thread_tag(t);
	if (same_tag(entry, tag))
		return entry & CLASS_MASK;
	return thread_class_slow(tag, t->tgid);
}

static __always_inline u32 thread_class(struct task_struct *t)
{
	return thread_class_tid(t, t->pid);
}

/* Sets `flag` in the entry of the thread with this tag; true for the one caller that did it. */
static __always_inline bool entry_set_flag(u64 *e, u64 tag, u32 flag)
{
	for (int i = 0; i < 4; i++) {
		u64 old = READ_ONCE(*e), new = old | flag;

		if (!same_tag(old, tag)) {
			/* The id's last owner was not traced, or is gone: no entry of this thread yet. */
			if ((old & CLASS_MASK) && !(old & THREAD_DONE))
				return false;
			new = tag | flag;
		} else if (old & flag) {
			return false;
		}
		if (__sync_val_compare_and_swap(e, old, new) == old)
			return true;
	}
	return false;
}

/* The new thread's entry; its id may still be in use by one that is about to make its last switch. */
static __always_inline void thread_new(struct task_struct *t, u32 class)
{
	u64 *e = thread_entry(t->pid), old;

	class = class_for(t, class);
	if (!e) {
		if (class)
			__sync_fetch_and_add(&nr_untold, 1);
		return;
	}
	old = *e;
	if ((old & CLASS_MASK) && !(old & THREAD_DONE)) {
		bool kept = false;

		for (int i = 0; i < NR_DISPLACED && !kept; i++)
			kept = __sync_val_compare_and_swap(&displaced[i], 0, old) == 0;
		if (!kept)
			__sync_fetch_and_add(&nr_untold, 1);
	}
	if (class) {
		WRITE_ONCE(*e, thread_tag(t) | THREAD_TOLD | class);
		__sync_fetch_and_add(&nr_threads, 1);
	} else if (old) {
		WRITE_ONCE(*e, 0);
	}
}

/* Changes a traced thread's class, and clears flags. */
static __always_inline void thread_set_class(struct task_struct *t, u32 class, u32 clear)
{
	u64 *e = thread_entry(t->pid), tag = thread_tag(t);
	u64 keep = ~(u64)(CLASS_MASK | clear);

	if (!e)
		return;
	class = class_for(t, class);
	for (int i = 0; i < 4; i++) {
		u64 old = READ_ONCE(*e);

		if (!same_tag(old, tag) ||
		    __sync_val_compare_and_swap(e, old, (old & keep) | class) == old)
			return;
	}
}

/* The thread makes its last switch. */
static __always_inline void thread_done(struct task_struct *t, u32 class)
{
	u64 tag = thread_tag(t), *e = thread_entry(t->pid);
	bool counted = true;

	/* Whatever the class was found by, the id may have been exchanged since. */
	if (e && same_tag(*e, tag) && !(class & EXCHANGED))
		counted = entry_set_flag(e, tag, THREAD_DONE);
	else
		for (int i = 0; i < NR_DISPLACED; i++)
			if (displaced[i] && same_tag(displaced[i], tag))
				WRITE_ONCE(displaced[i], 0);
	if (counted)
		__sync_fetch_and_add(&nr_threads, -1);
}

#endif
