/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The event ABI: what a record of the kernel stream looks like.
 *
 * Included by the module, by the BPF objects and by the tool; this file is the only description
 * of the records. From its field lists come the C structures, the CTF metadata (user/metadata.c),
 * the text of `weft events` and the size assertions below, so they can not disagree.
 *
 * Rules
 *  - Fixed-width types in the byte order of the machine; every field naturally aligned; padding is
 *    named and written as zero. A record's size is a multiple of 8 and fixed by its id.
 *  - Ids are never reused. A new field goes at the end of its event and makes the event larger; the
 *    trace's metadata lists the sizes (env `size_<id>`), so that an older reader steps over what it
 *    does not know. WEFT_ABI_VERSION counts changes, WEFT_ABI_COMPAT is the oldest version whose
 *    readers still read what is written today.
 *  - Times are ticks of the trace's clock (see WEFT_CLOCK_* in ring.h): TSC cycles or nanoseconds of
 *    CLOCK_MONOTONIC. A field named *_ns is in nanoseconds whatever the clock.
 *  - Thread and process ids are those of the initial PID namespace. tid 0 is the idle task of the
 *    record's CPU.
 *  - A value that could not be had is told apart from zero: WEFT_UNKNOWN (64 bits), -1 (signed).
 */
#ifndef WEFT_EVENT_H
#define WEFT_EVENT_H

#if defined(__KERNEL__)
#include <linux/types.h>
#elif !defined(__VMLINUX_H__) && !defined(__bpf__)
#include <linux/types.h>
#endif

#define WEFT_ABI_VERSION 1
#define WEFT_ABI_COMPAT 1

/* A 64-bit field whose value could not be obtained. */
#define WEFT_UNKNOWN (~0ULL)

/*
 * What every record of the kernel stream begins with: the 16-byte header {time, id, tid}, then the
 * unit that was current on the thread.
 */
struct weft_event {
	__u64 time; /* ticks of the trace clock; never goes back within one CPU's stream */
	__u32 id;   /* enum weft_event_id */
	__u32 tid; /* the thread that was running; of thread and thread_stat: the thread described */
	__u64 unit; /* its current unit; 0: none; WEFT_UNKNOWN: the word could not be read */
};

/*
 * The field lists. F(type, name, base): type is u8 s16 u16 s32 u32 s64 u64, base how people read it
 * (dec, hex). T(name, len): text, NUL-padded. P(type, name): padding, always zero.
 */

/*
 * Written by the outgoing thread (tid) as the scheduler has decided for next_tid. state is the
 * kernel's task state as given to the tracepoint (0: still runnable). nswitch, runtime and run_delay
 * are the kernel's own books of the outgoing thread at this instant, low 32 bits: the thread's
 * nvcsw + nivcsw including this switch; sum_exec_runtime and sched_info.run_delay in nanoseconds.
 * They let a reader prove, switch by switch, that nothing is missing. syscall is the number of the
 * system call that the thread is inside, -1 if none (or a kernel thread).
 *
 * A switch is voluntary, as the kernel counts it, if it was no preemption and state is not 0; and, since a
 * sleep that a pending signal prevents is told with state 0 (6.13 on), if nvcsw, the low 8 bits of that
 * counter, is one more than in the record before.
 */
#define WEFT_FIELDS_sched_switch(F, T, P)                                                          \
	F(u32, next_tid, dec)                                                                      \
	F(u32, nswitch, dec)                                                                       \
	F(u32, runtime, dec)                                                                       \
	F(u32, run_delay, dec)                                                                     \
	F(s16, syscall, dec)                                                                       \
	F(u16, state, hex)                                                                         \
	F(u8, flags, hex)                                                                          \
	F(u8, prio, dec)                                                                           \
	F(u8, next_prio, dec)                                                                      \
	F(u8, nvcsw, dec)

#define WEFT_SWITCH_PREEMPT 0x01 /* the kernel switched away from a running thread */
#define WEFT_SWITCH_MM 0x02   /* the address space changes: next has one, other than the active */
#define WEFT_SWITCH_DEAD 0x04 /* the thread's last switch; a thread_stat record follows */
#define WEFT_SWITCH_KTHREAD 0x08 /* outgoing is a kernel thread (or idle) */
#define WEFT_SWITCH_NEXT_KTHREAD 0x10

/*
 * The incoming thread (tid) has arrived: `cost` ticks since the sched_switch that chose it (its
 * prev_tid is the thread that left). run_delay: the incoming thread's, after this arrival. clock: what
 * the scheduler read from its own clock as it decided (se.exec_start, ns, low 32 bits), when it ended the
 * slice of the thread that left; of idle, that has none, when it began that of the incoming one.
 */
#define WEFT_FIELDS_context_switch(F, T, P)                                                        \
	F(u64, cost, dec)                                                                          \
	F(u32, prev_tid, dec)                                                                      \
	F(u32, run_delay, dec)                                                                     \
	F(u32, flags, hex) /* WEFT_SWITCH_MM */                                                    \
	F(u32, clock, dec)

/*
 * sched_waking (in the waker, before the work), sched_wakeup (target is on a run queue) and
 * sched_wakeup_new. tid and unit are of whoever was running; with WEFT_WAKE_IRQ it was an interrupt
 * that woke the target, and tid and unit are merely who was interrupted.
 */
#define WEFT_FIELDS_wake(F, T, P)                                                                  \
	F(u32, target, dec)                                                                        \
	F(u16, target_cpu, dec)                                                                    \
	F(u8, prio, dec)                                                                           \
	F(u8, flags, hex)
#define WEFT_FIELDS_sched_waking WEFT_FIELDS_wake
#define WEFT_FIELDS_sched_wakeup WEFT_FIELDS_wake
#define WEFT_FIELDS_sched_wakeup_new WEFT_FIELDS_wake

#define WEFT_WAKE_IRQ 0x01 /* from hard or soft interrupt */

#define WEFT_FIELDS_sched_migrate_task(F, T, P)                                                    \
	F(u32, target, dec)                                                                        \
	F(u16, orig_cpu, dec)                                                                      \
	F(u16, dest_cpu, dec)

/*
 * A thread as it stands: one for each thread that exists when the recording starts, one for each
 * thread outside the filter the first time a record names it, so that every id resolves. tid is the
 * thread described; tgid its process. A new thread is described by task_newtask instead.
 */
#define WEFT_FIELDS_thread(F, T, P)                                                                \
	F(u32, tgid, dec)                                                                          \
	F(u32, ppid, dec)                                                                          \
	F(u64, start_ns, dec) /* when it was created, CLOCK_BOOTTIME */                            \
	F(u32, flags, hex)                                                                         \
	P(u32, pad)                                                                                \
	T(comm, 16)

#define WEFT_THREAD_TRACED 0x01 /* inside the filter */
#define WEFT_THREAD_KTHREAD 0x02

/*
 * The kernel's own books of one thread (tid): `when` says at which point they were read. At exit
 * this is the thread's last switch, so they are final. Read while the thread ran elsewhere (start,
 * stop) they are one consistent pair of switch counters; compare nvcsw + nivcsw with nswitch of the
 * thread's sched_switch records to see which of those are already in. Likewise the faults.
 */
#define WEFT_FIELDS_thread_stat(F, T, P)                                                           \
	F(u32, tgid, dec)                                                                          \
	F(u32, when, dec)                                                                          \
	F(u64, nvcsw, dec)                                                                         \
	F(u64, nivcsw, dec)                                                                        \
	F(u64, min_flt, dec)                                                                       \
	F(u64, maj_flt, dec)                                                                       \
	F(u64, runtime_ns, dec)	  /* sum_exec_runtime */                                           \
	F(u64, run_delay_ns, dec) /* sched_info.run_delay: waited for a CPU */                     \
	F(u64, pcount, dec)	  /* sched_info.pcount: arrivals on a CPU */

enum weft_stat_when {
	WEFT_STAT_START = 1, /* recording started, the thread existed */
	WEFT_STAT_EXIT = 2,  /* the thread's last switch */
	WEFT_STAT_STOP = 3,  /* recording ended, the thread lives on */
};

/* In the parent, before the child can run; comm is the child's first name. */
#define WEFT_FIELDS_task_newtask(F, T, P)                                                          \
	F(u32, child_tid, dec)                                                                     \
	F(u32, child_tgid, dec)                                                                    \
	F(u64, clone_flags, hex)                                                                   \
	T(comm, 16)

/* old_tid differs from tid if a thread other than the leader called exec. filename: its last part. */
#define WEFT_FIELDS_sched_process_exec(F, T, P)                                                    \
	F(u32, old_tid, dec)                                                                       \
	P(u32, pad)                                                                                \
	T(filename, 64)

/* exit_code as wait(2) gives it; flags: WEFT_EXIT_GROUP. */
#define WEFT_FIELDS_sched_process_exit(F, T, P)                                                    \
	F(s32, exit_code, hex)                                                                     \
	F(u32, flags, hex)

#define WEFT_EXIT_GROUP 0x01 /* the last thread of its process */

#define WEFT_FIELDS_task_rename(F, T, P)                                                           \
	F(u32, target, dec)                                                                        \
	P(u32, pad)                                                                                \
	T(comm, 16)

/* A signal that ends the process: delivered, and its action is the default one, to terminate. */
#define WEFT_FIELDS_signal_deliver(F, T, P)                                                        \
	F(s32, sig, dec)                                                                           \
	F(s32, code, dec)

/*
 * One pass through handle_mm_fault, at its end, or, where only the exception tracepoints exist
 * (WEFT_FAULT_ENTRY_ONLY), at its beginning with duration WEFT_UNKNOWN. counts are the thread's books
 * when the record was written (low 32 bits of min_flt + maj_flt), so that faults for which a kernel
 * gives no event are known by the gap.
 */
#define WEFT_FIELDS_page_fault(F, T, P)                                                            \
	F(u64, address, hex)                                                                       \
	F(u64, ip, hex) /* 0: the kernel faulted it in on the process's behalf */                  \
	F(u64, duration, dec)                                                                      \
	F(u32, counts, dec)                                                                        \
	F(u32, flags, hex)

#define WEFT_FAULT_WRITE 0x001
#define WEFT_FAULT_USER 0x002	/* the access was made in user mode */
#define WEFT_FAULT_EXEC 0x004	/* an instruction fetch */
#define WEFT_FAULT_MAJOR 0x008	/* counted in maj_flt; else in min_flt */
#define WEFT_FAULT_RETRY 0x010	/* not counted: it will be tried again */
#define WEFT_FAULT_ERROR 0x020	/* not counted: ended in a signal or an error */
#define WEFT_FAULT_REMOTE 0x040 /* no registers: get_user_pages, exec, populate, another's memory */
#define WEFT_FAULT_ENTRY_ONLY 0x080

/*
 * The memory-mapping calls, written as they return. start and length are the range the call named
 * (of mmap: the range it got; of brk: from the old break to the new, length negative as it shrinks).
 * result is the return value (address or -errno); prot, flags and behavior as passed, 0 where the
 * call has none; duration in ticks.
 */
#define WEFT_FIELDS_mm(F, T, P)                                                                    \
	F(u64, start, hex)                                                                         \
	F(s64, length, dec)                                                                        \
	F(s64, result, hex)                                                                        \
	F(u64, duration, dec)                                                                      \
	F(u32, prot, hex)                                                                          \
	F(u32, flags, hex)
#define WEFT_FIELDS_mmap WEFT_FIELDS_mm
#define WEFT_FIELDS_munmap WEFT_FIELDS_mm
#define WEFT_FIELDS_brk WEFT_FIELDS_mm
#define WEFT_FIELDS_mprotect WEFT_FIELDS_mm
#define WEFT_FIELDS_mremap WEFT_FIELDS_mm  /* flags: MREMAP_*; length: the new one */
#define WEFT_FIELDS_madvise WEFT_FIELDS_mm /* flags: MADV_* */

/* reason: enum tlb_flush_reason of the kernel; pages: WEFT_UNKNOWN means all. */
#define WEFT_FIELDS_tlb_flush(F, T, P)                                                             \
	F(u64, pages, dec)                                                                         \
	F(u32, reason, dec)                                                                        \
	P(u32, pad)

/*
 * `count` records did not fit, the first at `first`, the last at `last` (ticks): it stands in the
 * stream at the place where they are missing, as the first record after the gap.
 */
#define WEFT_FIELDS_lost(F, T, P)                                                                  \
	F(u64, count, dec)                                                                         \
	F(u64, first, dec)                                                                         \
	F(u64, last, dec)

/*
 * X(id, name, group). Groups are what `-e` selects; WEFT_GROUP_TASK and WEFT_GROUP_META are always on.
 */
#define WEFT_EVENTS(X)                                                                             \
	X(1, lost, META)                                                                           \
	X(2, thread, META)                                                                         \
	X(3, thread_stat, META)                                                                    \
	X(4, task_newtask, TASK)                                                                   \
	X(5, sched_process_exec, TASK)                                                             \
	X(6, sched_process_exit, TASK)                                                             \
	X(7, task_rename, TASK)                                                                    \
	X(8, signal_deliver, TASK)                                                                 \
	X(9, sched_switch, SCHED)                                                                  \
	X(10, sched_waking, SCHED)                                                                 \
	X(11, sched_wakeup, SCHED)                                                                 \
	X(12, sched_wakeup_new, SCHED)                                                             \
	X(13, sched_migrate_task, SCHED)                                                           \
	X(14, context_switch, COST)                                                                \
	X(15, page_fault, FAULT)                                                                   \
	X(16, mmap, MM)                                                                            \
	X(17, munmap, MM)                                                                          \
	X(18, brk, MM)                                                                             \
	X(19, mprotect, MM)                                                                        \
	X(20, mremap, MM)                                                                          \
	X(21, madvise, MM)                                                                         \
	X(22, tlb_flush, TLB)

enum weft_event_id {
#define WEFT_X(id, name, group) WEFT_EV_##name = id,
	WEFT_EVENTS(WEFT_X)
#undef WEFT_X
		WEFT_EV_MAX /* one more than the highest id of the kernel stream */
};

enum weft_group {
	WEFT_GROUP_META = 1 << 0,  /* lost, thread, thread_stat */
	WEFT_GROUP_TASK = 1 << 1,  /* life of threads: fork, exec, exit, names, fatal signals */
	WEFT_GROUP_SCHED = 1 << 2, /* sched: switches, wake-ups, migrations */
	WEFT_GROUP_COST = 1 << 3,  /* cost: how long each context switch took */
	WEFT_GROUP_FAULT = 1 << 4, /* fault */
	WEFT_GROUP_MM = 1 << 5,	   /* mm: mmap and its family */
	WEFT_GROUP_TLB = 1 << 6,   /* tlb */
	WEFT_GROUP_ALL = (1 << 7) - 1,
};

/* The structures: struct weft_ev_<name>, beginning with struct weft_event h. */
#define WEFT_STRUCT_F(type, name, base) __##type name;
#define WEFT_STRUCT_T(name, len) char name[len];
#define WEFT_STRUCT_P(type, name) __##type name;
#define WEFT_X(id, name, group)                                                                    \
	struct weft_ev_##name {                                                                    \
		struct weft_event h;                                                               \
		WEFT_FIELDS_##name(WEFT_STRUCT_F, WEFT_STRUCT_T, WEFT_STRUCT_P)                    \
	};
WEFT_EVENTS(WEFT_X)
#undef WEFT_X

/* The largest record; a ring keeps this much room for a reservation. */
#define WEFT_EVENT_MAX_SIZE 112

/*
 * Checked wherever this file is included: no hole (the sum of the fields is the size), whole words,
 * and the sizes that the documents and the cost figures speak of.
 */
#define WEFT_SUM_F(type, name, base) +sizeof(__##type)
#define WEFT_SUM_T(name, len) +(len)
#define WEFT_SUM_P(type, name) +sizeof(__##type)
#define WEFT_X(id, name, group)                                                                    \
	_Static_assert(sizeof(struct weft_ev_##name) ==                                            \
			       sizeof(struct weft_event)                                           \
				       WEFT_FIELDS_##name(WEFT_SUM_F, WEFT_SUM_T, WEFT_SUM_P),     \
		       "weft_ev_" #name " has a hole");                                            \
	_Static_assert(sizeof(struct weft_ev_##name) % 8 == 0,                                     \
		       "weft_ev_" #name " is no whole word");                                      \
	_Static_assert(sizeof(struct weft_ev_##name) <= WEFT_EVENT_MAX_SIZE, "weft_ev_" #name);
WEFT_EVENTS(WEFT_X)
#undef WEFT_X
_Static_assert(sizeof(struct weft_event) == 24, "record header and unit");
_Static_assert(sizeof(struct weft_ev_sched_switch) == 48, "sched_switch");
_Static_assert(sizeof(struct weft_ev_page_fault) == 56, "page_fault");
_Static_assert(__builtin_offsetof(struct weft_ev_sched_switch, next_tid) == 24, "sched_switch");
_Static_assert(__builtin_offsetof(struct weft_ev_sched_switch, flags) == 44, "sched_switch");

#endif
