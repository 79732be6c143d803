/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that differs between kernel versions and architectures. The rest of the module reads as
 * if there were only the newest kernel and one machine.
 */
#ifndef WEFT_KMOD_COMPAT_H
#define WEFT_KMOD_COMPAT_H

#include <linux/ftrace.h>
#include <linux/mm.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <linux/version.h>

/* 1c71222e5f23 ("mm: replace vma->vm_flags direct modifications with modifier calls"), 6.3 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_mod(struct vm_area_struct *vma, vm_flags_t set, vm_flags_t clear)
{
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
}
#endif

/*
 * f9010dbdce91 ("fork, vhost: Use CLONE_THREAD to fix freezer/ps regression"), 6.4: kernel code on a
 * thread of a user process, as io_uring's workers were before.
 */
#ifdef PF_USER_WORKER
#define WEFT_PF_WORKER (PF_IO_WORKER | PF_USER_WORKER)
#else
#define WEFT_PF_WORKER PF_IO_WORKER
#endif

/* Threads that never run user code: no current unit, no system call, no user registers. */
#define WEFT_PF_KERNEL (PF_KTHREAD | WEFT_PF_WORKER)

#if defined(CONFIG_X86_64)

#include <asm/asm.h>
#include <asm/extable.h>
#include <asm/fsgsbase.h>
#include <asm/tsc.h>

#define WEFT_SYSCALL_SYMBOL(name) "__x64_sys_" #name

/* The CPU's counter, not ordered against other instructions: a stamp need not be. */
static __always_inline u64 weft_ticks(void)
{
	return rdtsc();
}

static inline u32 weft_ticks_khz(void)
{
	return check_tsc_unstable() ? 0 : tsc_khz;
}

/*
 * Sets *p from *old to new, atomically against this CPU's interrupts; false if it was not *old, which
 * then is what it was. (local_try_cmpxchg() came in 6.5.)
 */
static __always_inline bool weft_try_cmpxchg_local(u64 *p, u64 *old, u64 new)
{
	bool done;

	asm volatile("cmpxchgq %[new], %[p]"
		     : "=@ccz"(done), [p] "+m"(*p), "+a"(*old)
		     : [new] "r"(new)
		     : "memory");
	return done;
}

/*
 * The thread pointer of the current thread. The CPU's FS base is the user's whenever current is not
 * in the middle of __switch_to(), and RDFSBASE also sees what a program wrote with WRFSBASE. On a CPU
 * without these instructions a program can set it only through arch_prctl() and CLONE_SETTLS, which
 * keep thread.fsbase up to date.
 */
static __always_inline unsigned long weft_thread_pointer(struct task_struct *p)
{
	if (static_cpu_has(X86_FEATURE_FSGSBASE))
		return rdfsbase();
	return p->thread.fsbase;
}

/*
 * A word of user memory that may be read (user_read_access_begin()); all ones if it is not there. The
 * exception table itself sets the register then, so there is nothing to test, where unsafe_get_user() costs
 * five instructions with compilers that know no outputs of an asm goto.
 */
static __always_inline u64 weft_user_load(const u64 __user *word)
{
	u64 value;

	/* clang-format off */
	asm volatile("1: movq %[word], %[value]\n2:\n"
		     _ASM_EXTABLE_TYPE_REG(1b, 2b, EX_TYPE_IMM_REG | EX_DATA_IMM(-1), %[value])
		     : [value] "=r"(value)
		     : [word] "m"(*(const u64 __force *)word));
	/* clang-format on */
	return value;
}

/*
 * The system call that p, a user thread, is inside. The entry code of exceptions and interrupts
 * stores -1, so a thread preempted in user mode is inside none.
 */
static __always_inline s16 weft_syscall(struct task_struct *p)
{
	return task_pt_regs(p)->orig_ax;
}

/* Argument n of a system call whose function was given the user's registers. */
static inline unsigned long weft_syscall_arg(const struct pt_regs *regs, unsigned int n)
{
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
}

/*
 * A function can be replaced: ftrace lets its entry be sent elsewhere without saving all registers, and a
 * static call is a direct one, which may go to the middle of a function (an indirect one may not, with
 * indirect branch tracking). Not where calls are counted in thunks before each function. And not in 6.1: as BPF puts
 * a second program on a function that is replaced, bpf_trampoline_update() there takes the function from an
 * ftrace_ops that is in use, to try again, and the kernel dies of it.
 */
#if defined(CONFIG_DYNAMIC_FTRACE_WITH_ARGS) && defined(CONFIG_HAVE_STATIC_CALL_INLINE) &&         \
	LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#define WEFT_CAN_REPLACE
static inline bool weft_can_replace(void)
{
#ifdef X86_FEATURE_CALL_DEPTH
	return !boot_cpu_has(X86_FEATURE_CALL_DEPTH);
#else
	return true;
#endif
}

#endif

#elif defined(CONFIG_ARM64)

#include <asm/arch_timer.h>

#define WEFT_SYSCALL_SYMBOL(name) "__arm64_sys_" #name

static __always_inline u64 weft_ticks(void)
{
	return read_sysreg(cntvct_el0);
}

static inline u32 weft_ticks_khz(void)
{
	return arch_timer_get_cntfrq() / 1000;
}

static __always_inline bool weft_try_cmpxchg_local(u64 *p, u64 *old, u64 new)
{
	u64 was = cmpxchg_local(p, *old, new);
	bool done = was == *old;

	*old = was;
	return done;
}

/* The register itself: it belongs to current until __switch_to(), and user code may write it. */
static __always_inline unsigned long weft_thread_pointer(struct task_struct *p)
{
	return read_sysreg(tpidr_el0);
}

static __always_inline u64 weft_user_load(const u64 __user *word)
{
	u64 value;

	unsafe_get_user(value, word, fault);
	return value;
fault:
	return ~0ULL;
}

static __always_inline s16 weft_syscall(struct task_struct *p)
{
	return task_pt_regs(p)->syscallno;
}

static inline unsigned long weft_syscall_arg(const struct pt_regs *regs, unsigned int n)
{
	return n ? regs->regs[n] : regs->orig_x0;
}

#else
#error "weft: thread pointer, counter and system call registers of this architecture are not known"
#endif

#endif
