/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory-mapping calls, and the flushes of the TLB. On functions where fentry is possible; else on the
 * system call tracepoints, which cost every system call of the machine something.
 */
#ifndef WEFT_BPF_MM_BPF_H
#define WEFT_BPF_MM_BPF_H

#include "books.bpf.h"
#include "flight.bpf.h"

#define PAGE_MASK_4K (~4095ULL)

/* What a call was asked for; the address range, until its result is known. */
struct mm_call {
	u64 start;
	u64 length;
	u32 prot;
	u32 flags;
};

static __always_inline int mm_enter(u32 id)
{
	struct task_struct *t = bpf_get_current_task_btf();

	if (recording && thread_class(t))
		flight_begin(&mm_flights, t->pid, id, id == WEFT_EV_brk ? t->mm->brk : 0);
	return 0;
}

static __always_inline int mm_exit(u32 id, const struct mm_call *call, long result)
{
	struct task_struct *t = bpf_get_current_task_btf();
	u64 since, word, unit;
	struct weft_ev_mmap *e;
	struct claim c;
	u32 class;
	bool known;

	if (!recording)
		return 0;
	class = thread_class(t);
	if (!class)
		return 0;
	known = flight_end(&mm_flights, t->pid, id, &since, &word);
	unit = current_unit(t, class);
	e = ring_claim(&c, sizeof(*e));
	if (!e)
		return 0;
	event_head(&e->h, &c, id, t->pid, unit);
	e->start = call->start;
	e->length = call->length;
	if (id == WEFT_EV_mmap) {
		e->length = (call->length + 4095) & PAGE_MASK_4K;
		if ((unsigned long)result < -4095UL)
			e->start = result;
	} else if (id == WEFT_EV_brk) {
		/* The break was where it still is, if the entry was not seen. */
		e->start = known ? word : result;
		e->length = result - e->start;
	}
	e->result = result;
	e->duration = known ? c.time - since : WEFT_UNKNOWN;
	e->prot = call->prot;
	e->flags = call->flags;
	ring_commit(&c);
	return 0;
}

/* The arguments of the calls, as they are in the registers at their system call. */
static __always_inline struct mm_call mm_syscall_args(u32 id, struct pt_regs *regs)
{
	struct mm_call call = {};

	if (id == WEFT_EV_brk)
		return call;
	call.start = regs_arg(regs, 0);
	call.length = regs_arg(regs, id == WEFT_EV_mremap ? 2 : 1);
	if (id == WEFT_EV_mmap || id == WEFT_EV_mprotect)
		call.prot = regs_arg(regs, 2);
	if (id == WEFT_EV_mmap || id == WEFT_EV_mremap)
		call.flags = regs_arg(regs, 3);
	if (id == WEFT_EV_madvise)
		call.flags = regs_arg(regs, 2);
	return call;
}

/* vm_mmap_pgoff and __vm_munmap are what exec's mappings pass through too. */
SEC("fentry/vm_mmap_pgoff")
int BPF_PROG(mmap_enter)
{
	return mm_enter(WEFT_EV_mmap);
}

SEC("fexit/vm_mmap_pgoff")
int BPF_PROG(mmap_exit, struct file *file, unsigned long addr, unsigned long len,
	     unsigned long prot, unsigned long flag, unsigned long pgoff, unsigned long ret)
{
	struct mm_call call = { .start = addr, .length = len, .prot = prot, .flags = flag };

	return mm_exit(WEFT_EV_mmap, &call, ret);
}

SEC("fentry/__vm_munmap")
int BPF_PROG(munmap_enter)
{
	return mm_enter(WEFT_EV_munmap);
}

/* The third argument is a bool of two meanings over the kernels (downgrade, unlock). */
SEC("fexit/__vm_munmap")
int BPF_PROG(munmap_exit, unsigned long start, unsigned long len, bool lock, int ret)
{
	struct mm_call call = { .start = start, .length = len };

	/* 1: done, with the lock downgraded (6.1) */
	return mm_exit(WEFT_EV_munmap, &call, ret > 0 ? 0 : ret);
}

/* pkey_mprotect and mprotect */
SEC("fentry/do_mprotect_pkey")
int BPF_PROG(mprotect_enter)
{
	return mm_enter(WEFT_EV_mprotect);
}

SEC("fexit/do_mprotect_pkey")
int BPF_PROG(mprotect_exit, unsigned long start, unsigned long len, unsigned long prot, int pkey,
	     int ret)
{
	struct mm_call call = { .start = start, .length = len, .prot = prot };

	return mm_exit(WEFT_EV_mprotect, &call, ret);
}

SEC("fentry/do_madvise")
int BPF_PROG(madvise_enter)
{
	return mm_enter(WEFT_EV_madvise);
}

SEC("fexit/do_madvise")
int BPF_PROG(madvise_exit, struct mm_struct *mm, unsigned long start, unsigned long len,
	     int behavior, int ret)
{
	struct mm_call call = { .start = start, .length = len, .flags = behavior };

	return mm_exit(WEFT_EV_madvise, &call, ret);
}

#define MM_SYSCALL(name)                                                                           \
	SEC("fentry/" SYSCALL(name))                                                               \
	int BPF_PROG(name##_enter)                                                                 \
	{                                                                                          \
		return mm_enter(WEFT_EV_##name);                                                   \
	}                                                                                          \
	SEC("fexit/" SYSCALL(name))                                                                \
	int BPF_PROG(name##_exit, struct pt_regs *regs, long ret)                                  \
	{                                                                                          \
		struct mm_call call = mm_syscall_args(WEFT_EV_##name, regs);                       \
                                                                                                   \
		return mm_exit(WEFT_EV_##name, &call, ret);                                        \
	}
MM_SYSCALL(brk)
MM_SYSCALL(mremap)

/* The event of a system call that has to be watched by the system call tracepoints, 0 if none. */
static __always_inline u32 mm_syscall_id(long nr)
{
#define MM_NR(name)                                                                                \
	if (nr == NR_##name)                                                                       \
		return cfg_syscalls & (1 << (WEFT_HOOK_##name - WEFT_HOOK_mmap)) ?                 \
			       WEFT_EV_##name :                                                    \
			       0;
	MM_NR(mmap)
	MM_NR(munmap)
	MM_NR(brk)
	MM_NR(mprotect)
	MM_NR(mremap)
	MM_NR(madvise)
#undef MM_NR
	return 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(sys_enter, struct pt_regs *regs, long nr)
{
	u32 id = mm_syscall_id(nr);

	if (!id || task_in_compat_syscall(bpf_get_current_task_btf()))
		return 0;
	return mm_enter(id);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(sys_exit, struct pt_regs *regs, long ret)
{
	struct task_struct *t = bpf_get_current_task_btf();
	u32 id = mm_syscall_id(task_syscall(t, t->flags));
	struct mm_call call;

	if (!id || task_in_compat_syscall(t))
		return 0;
	call = mm_syscall_args(id, regs);
	return mm_exit(id, &call, ret);
}

SEC("tp_btf/tlb_flush")
int BPF_PROG(tlb_flush, int reason, unsigned long pages)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct weft_ev_tlb_flush *e;
	struct claim c;
	u32 class;
	u64 unit;

	if (!recording)
		return 0;
	class = thread_class(t);
	if (!class)
		return 0;
	unit = current_unit(t, class);
	e = ring_claim(&c, sizeof(*e));
	if (!e)
		return 0;
	event_head(&e->h, &c, WEFT_EV_tlb_flush, t->pid, unit);
	e->pages = pages; /* TLB_FLUSH_ALL is WEFT_UNKNOWN */
	e->reason = reason;
	e->pad = 0;
	ring_commit(&c);
	return 0;
}

#endif
