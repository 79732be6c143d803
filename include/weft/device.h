/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /dev/weft: the module's interface. Each open file is one session with its own rings, filters and
 * counters. The order is SETUP, mmap, FILTER and UNIT as needed, START, (read, poll, FLUSH)*, STOP,
 * FLUSH, close. Closing at any point ends the session and frees everything.
 *
 * Opening needs CAP_PERFMON or CAP_SYS_ADMIN. Every structure begins with its size; the kernel takes
 * a shorter one (an older tool) as filled with zeros, and a longer one only if the rest is zero.
 * Unknown flags are refused with EINVAL, calls out of order with EBUSY.
 *
 * Process ids in calls and notices are those of the PID namespace of who opened the session, unless said
 * otherwise; ids in records are those of the initial one.
 */
#ifndef WEFT_DEVICE_H
#define WEFT_DEVICE_H

#include <linux/ioctl.h>
#include "ring.h"

#define WEFT_DEVICE "/dev/weft"

/* The hooks a producer may have; one bit each. A missing one is shown as '-', never as 0. */
#define WEFT_HOOKS(X)                                                                              \
	X(0, sched_switch)                                                                         \
	X(1, sched_waking)                                                                         \
	X(2, sched_wakeup)                                                                         \
	X(3, sched_wakeup_new)                                                                     \
	X(4, sched_migrate_task)                                                                   \
	X(5, task_newtask)                                                                         \
	X(6, sched_process_exec)                                                                   \
	X(7, sched_process_exit)                                                                   \
	X(8, task_rename)                                                                          \
	X(9, signal_deliver)                                                                       \
	X(10, context_switch)	/* end of the switch: finish_task_switch */                        \
	X(11, page_fault)	/* handle_mm_fault, entry and return */                            \
	X(12, page_fault_entry) /* the exception tracepoints: no duration, no minor/major */       \
	X(13, mmap)                                                                                \
	X(14, munmap)                                                                              \
	X(15, brk)                                                                                 \
	X(16, mprotect)                                                                            \
	X(17, mremap)                                                                              \
	X(18, madvise)                                                                             \
	X(19, tlb_flush)                                                                           \
	X(20, unit_word) /* the current-unit word can be read */

enum weft_hook {
#define WEFT_X(bit, name) WEFT_HOOK_##name = bit,
	WEFT_HOOKS(WEFT_X)
#undef WEFT_X
		WEFT_HOOK_MAX
};

/* WEFT_IOC_INFO: what this module on this kernel can do. Works at any time. */
struct weft_info {
	__u32 size;
	__u32 abi_version; /* WEFT_ABI_VERSION of the module */
	__u32 abi_compat;
	__u32 clocks;	  /* 1 << WEFT_CLOCK_*: usable ones */
	__u64 hooks;	  /* 1 << WEFT_HOOK_*: found on this kernel */
	__u32 tsc_khz;	  /* frequency of WEFT_CLOCK_TSC */
	__u32 nr_cpus;	  /* possible CPU ids are below this */
	__u64 clock_tsc;  /* one instant in each clock, for relating them: ticks */
	__u64 clock_mono; /* ns */
	__u64 clock_boot; /* ns */
	__u64 clock_real; /* ns since the Epoch */
};

/* WEFT_IOC_SETUP: once, before mmap. */
struct weft_setup {
	__u32 size;
	__u32 flags;	/* WEFT_SETUP_* */
	__u32 clock;	/* WEFT_CLOCK_* */
	__u32 groups;	/* WEFT_GROUP_*; META and TASK are implied */
	__u32 sub_size; /* bytes, a power of two */
	__u32 nr_subs;	/* per CPU, a power of two */
	__u8 uuid[16];	/* goes into every packet header */
};
/* every thread, not only the filter's (never the reader's own process) */
#define WEFT_SETUP_ALL 0x1

/* WEFT_IOC_FILTER: trace process tgid, its threads and all that they create from now on. */
struct weft_filter {
	__u32 size;
	__u32 flags; /* 0 */
	__u32 tgid;
	__u32 pad;
};

/*
 * WEFT_IOC_UNIT: the current-unit word of every thread of process tgid is at its thread pointer plus
 * tp_offset; or, with WEFT_UNIT_NONE, the process has no units and its events carry 0. Until it is told
 * so for a process, and again from an exec on, its events carry WEFT_UNKNOWN. A fork inherits it.
 */
struct weft_unit_word {
	__u32 size;
	__u32 flags; /* WEFT_UNIT_* */
	__u32 tgid;
	__u32 pad;
	__s64 tp_offset; /* bytes, a multiple of 8, within +-1 GiB */
};
#define WEFT_UNIT_NONE 0x1 /* tp_offset is 0 and ignored */

/* WEFT_IOC_STAT: counters since START. */
struct weft_stat {
	__u32 size;
	__u32 pad;
	__u64 events; /* records written, all CPUs */
	__u64 lost;   /* records that did not fit */
	__u64 missed; /* returns of hooked functions that could not be watched (kretprobe nmissed) */
	__u64 threads; /* threads in the filter now */
};

/*
 * read(2) on the session gives notices, poll(2) says POLLIN when there is one or when a ring has a
 * complete sub-buffer. A notice that found no room is counted in `lost` of the next one. Who sleeps in
 * either is woken by an exec and by a sub-buffer; a fork or an exit wakes nobody until many are waiting.
 */
struct weft_notice {
	__u32 kind; /* WEFT_NOTICE_* */
	__u32 tgid;
	__u64 lost;
	/* WEFT_NOTICE_ID only, else 0 */
	__u32 trace_tid;  /* the thread's id in records */
	__u32 trace_tgid; /* its process's */
	__u32 ns_tid;	  /* the thread's id in the PID namespace that it lives in */
	__u32 pid_ns;	  /* that namespace: its inode */
};
#define WEFT_NOTICE_EXEC 1u /* tgid has executed a new program: look for its unit word */
#define WEFT_NOTICE_FORK 2u /* tgid is a new traced process (its unit word is inherited) */
#define WEFT_NOTICE_EXIT 3u /* the last thread of tgid has ended */
#define WEFT_NOTICE_DATA 4u /* a sub-buffer is complete (BPF only; poll() says it for the module) */
/*
 * A thread of tgid is traced that does not live in the initial PID namespace. Told before it can run, or by
 * FILTER.
 */
#define WEFT_NOTICE_ID 5u

/*
 * mmap(2) offsets, in bytes, of CPU c's ring: user page (read-write, one page), then the control page
 * (read-only, one page-aligned struct weft_ring_ctl) directly followed by the data (read-only).
 */
#define WEFT_MMAP_STRIDE (1ULL << 32)
#define WEFT_MMAP_USER(c) ((c)*WEFT_MMAP_STRIDE)
#define WEFT_MMAP_CTL(c) ((c)*WEFT_MMAP_STRIDE + 0x10000)

#define WEFT_IOC_MAGIC 0xB7
#define WEFT_IOC_INFO _IOWR(WEFT_IOC_MAGIC, 0, struct weft_info)
#define WEFT_IOC_SETUP _IOW(WEFT_IOC_MAGIC, 1, struct weft_setup)
#define WEFT_IOC_FILTER _IOW(WEFT_IOC_MAGIC, 2, struct weft_filter)
#define WEFT_IOC_UNIT _IOW(WEFT_IOC_MAGIC, 3, struct weft_unit_word)
#define WEFT_IOC_START _IO(WEFT_IOC_MAGIC, 4) /* hooks on; describes the threads that exist */
#define WEFT_IOC_STOP _IO(WEFT_IOC_MAGIC, 5)  /* writes the living threads' books; hooks off */
#define WEFT_IOC_FLUSH _IO(WEFT_IOC_MAGIC, 6) /* completes every begun sub-buffer */
#define WEFT_IOC_STAT _IOWR(WEFT_IOC_MAGIC, 7, struct weft_stat)

_Static_assert(sizeof(struct weft_info) == 64, "weft_info");
_Static_assert(sizeof(struct weft_setup) == 40, "weft_setup");
_Static_assert(sizeof(struct weft_filter) == 16, "weft_filter");
_Static_assert(sizeof(struct weft_unit_word) == 24, "weft_unit_word");
_Static_assert(sizeof(struct weft_stat) == 40, "weft_stat");
_Static_assert(sizeof(struct weft_notice) == 32, "weft_notice");

#endif
