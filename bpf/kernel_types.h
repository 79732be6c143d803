/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's types as far as the probes look into them. Layouts are not of this file: every access
 * is relocated to the running kernel when the object is loaded (CO-RE), so only names and kinds count,
 * and the object builds on any machine, also on one whose kernel has no BTF.
 */
#ifndef WEFT_BPF_KERNEL_TYPES_H
#define WEFT_BPF_KERNEL_TYPES_H

#include <stdbool.h>
#include <linux/bpf.h>

typedef __u32 u32;
typedef __u64 u64;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r10;
	unsigned long r9;
	unsigned long r8;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
	unsigned long orig_ax;
	unsigned long ip;
};

struct thread_struct {
	unsigned long fsbase;
};

struct thread_info {
	u32 status;
	u32 cpu;
};
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
	u64 regs[31];
	u64 pc;
};

struct pt_regs {
	struct user_pt_regs user_regs;
	int syscallno;
};

struct thread_struct {
	struct {
		unsigned long tp_value;
	} uw;
};

struct thread_info {
	unsigned long flags;
	u64 preempt_count;
	u32 cpu;
};
#else
#error "the probes know x86 and arm64"
#endif

typedef struct {
	int counter;
} atomic_t;

struct rq;

struct cfs_rq {
	struct rq *rq;
};

struct sched_entity {
	struct cfs_rq *cfs_rq;
	u64 exec_start;
	u64 sum_exec_runtime;
};

struct sched_info {
	unsigned long pcount;
	unsigned long long run_delay;
};

struct ns_common {
	unsigned int inum;
};

struct pid_namespace {
	struct ns_common ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

struct signal_struct {
	atomic_t live;
};

struct mm_struct {
	unsigned long brk;
};

struct task_struct {
	struct thread_info thread_info;
	u32 flags;
	int prio;
	struct sched_entity se;
	struct sched_info sched_info;
	struct mm_struct *mm;
	struct mm_struct *active_mm;
	int exit_state;
	int exit_code;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	unsigned long nvcsw;
	unsigned long nivcsw;
	u64 start_time;
	u64 start_boottime;
	unsigned long min_flt;
	unsigned long maj_flt;
	char comm[16];
	struct signal_struct *signal;
	int pagefault_disabled;
	struct thread_struct thread;
};

struct linux_binprm {
	const char *filename;
};

struct kernel_siginfo {
	int si_code;
};

struct sigaction {
	void (*sa_handler)(int);
};

struct k_sigaction {
	struct sigaction sa;
};

struct vm_area_struct;
struct file;

struct bpf_iter_meta;
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

/* The flags and numbers that the kernel does not export to user space. */
#define PF_IO_WORKER 0x00000010
#define PF_USER_WORKER 0x00004000 /* 6.4 (f9010dbdce91); unused before */
#define PF_KTHREAD 0x00200000
#define TASK_DEAD 0x00000080

#define FAULT_FLAG_WRITE 0x001
#define FAULT_FLAG_TRIED 0x020
#define FAULT_FLAG_USER 0x040
#define FAULT_FLAG_INSTRUCTION 0x100

/* enum vm_fault_reason; ERROR is what VM_FAULT_ERROR gathers */
#define VM_FAULT_MAJOR 0x000004
#define VM_FAULT_RETRY 0x000400
#define VM_FAULT_ERROR 0x000873

/* Bits of preempt_count: a soft interrupt being served, a hard one, an NMI. */
#define IN_INTERRUPT_MASK (0x00000100 | 0x000f0000 | 0x00f00000)

#endif
