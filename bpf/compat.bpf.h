/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernels and architectures, in one place. Linux 6.1 and later; decided by CO-RE when
 * the object is loaded, so a branch that does not apply is never run.
 */
#ifndef WEFT_BPF_COMPAT_BPF_H
#define WEFT_BPF_COMPAT_BPF_H

#include "kernel_types.h"
#include "config.bpf.h"

/*
 * The thread pointer of the current task, as of its last change by a system call or switch: a program that
 * has written it since with WRFSBASE (C libraries do not) is misread until its next switch.
 */
static __always_inline u64 task_thread_pointer(struct task_struct *t)
{
#if defined(__TARGET_ARCH_x86)
	return t->thread.fsbase;
#else
	return t->thread.uw.tp_value;
#endif
}

/* Has the current task an address space of its own? */
static __always_inline bool task_has_memory(struct task_struct *t)
{
#if defined(__TARGET_ARCH_x86)
	return true; /* reading user memory looks at that itself (nmi_uaccess_okay()) */
#else
	return t->mm;
#endif
}

/* Code of the kernel's, on a thread of its own or (io_uring, vhost) of a process: never in user mode. */
#define PF_KERNEL_CODE (PF_KTHREAD | PF_IO_WORKER | PF_USER_WORKER)

/*
 * The system call that the task is inside, -1 if none: an interrupt's entry leaves -1 there, and workers have
 * the registers of whoever created them (4727dc20e042). flags: the task's.
 */
static __always_inline int task_syscall(struct task_struct *t, u32 flags)
{
	struct pt_regs *regs;

	if (flags & PF_KERNEL_CODE)
		return -1;
	regs = (struct pt_regs *)bpf_task_pt_regs(t);
#if defined(__TARGET_ARCH_x86)
	return regs->orig_ax;
#else
	return regs->syscallno;
#endif
}

static __always_inline u64 regs_ip(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return regs->ip;
#else
	return regs->user_regs.pc;
#endif
}

/* Argument n of the system call whose registers these are. */
static __always_inline u64 regs_arg(struct pt_regs *regs, const int n)
{
#if defined(__TARGET_ARCH_x86)
	switch (n) {
	case 0:
		return regs->di;
	case 1:
		return regs->si;
	case 2:
		return regs->dx;
	case 3:
		return regs->r10;
	case 4:
		return regs->r8;
	default:
		return regs->r9;
	}
#else
	return regs->user_regs.regs[n];
#endif
}

/* The call is one of the 32-bit table, whose numbers mean others. */
static __always_inline bool task_in_compat_syscall(struct task_struct *t)
{
#if defined(__TARGET_ARCH_x86)
	return t->thread_info.status & 0x0002; /* TS_COMPAT */
#else
	return false; /* TIF_32BIT tasks have tables of their own; weft does not name their calls */
#endif
}

/*
 * The running code is an interrupt's (hard, soft or NMI), not the current thread's own; false if that can't
 * be told.
 *
 * On x86 the preemption count is a per-CPU variable: alone until 6.1 and again from 6.15 on
 * (46e8fff6d45f), part of pcpu_hot in between (64701838bf05). A kernel without CONFIG_KALLSYMS_ALL does not
 * resolve either as a symbol, and refuses a program that so much as names it. So user space finds in
 * the BTF how far it is from the run queue, another per-CPU variable, which the current task leads to.
 */
static __always_inline bool in_interrupt(struct task_struct *current)
{
	u32 count = 0;

#if defined(__TARGET_ARCH_x86)
	if (!cfg_count_from_rq || !bpf_core_field_exists(current->se.cfs_rq->rq))
		return false;
	bpf_probe_read_kernel(&count, sizeof(count),
			      (void *)current->se.cfs_rq->rq + cfg_count_from_rq);
#else
	count = current->thread_info.preempt_count;
#endif
	return count & IN_INTERRUPT_MASK;
}

/* The books of a kernel without CONFIG_SCHED_INFO: missing, not zero. */
static __always_inline u64 task_run_delay(struct task_struct *t)
{
	return bpf_core_field_exists(t->sched_info.run_delay) ? t->sched_info.run_delay :
								WEFT_UNKNOWN;
}

static __always_inline u64 task_pcount(struct task_struct *t)
{
	return bpf_core_field_exists(t->sched_info.pcount) ? t->sched_info.pcount : WEFT_UNKNOWN;
}

/* System calls by their names and numbers in this architecture's own (64-bit) table. */
#if defined(__TARGET_ARCH_x86)
#define SYSCALL(name) "__x64_sys_" #name
#define NR_mmap 9
#define NR_mprotect 10
#define NR_munmap 11
#define NR_brk 12
#define NR_mremap 25
#define NR_madvise 28
#else
#define SYSCALL(name) "__arm64_sys_" #name
#define NR_brk 214
#define NR_munmap 215
#define NR_mremap 216
#define NR_mmap 222
#define NR_mprotect 226
#define NR_madvise 233
#endif

#endif
