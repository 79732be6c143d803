/* SPDX-License-Identifier: GPL-2.0-only */
/* Page faults: handle_mm_fault where functions can be hooked, else the exception tracepoints. */
#ifndef WEFT_BPF_FAULT_BPF_H
#define WEFT_BPF_FAULT_BPF_H

#include "books.bpf.h"
#include "flight.bpf.h"

SEC("fentry/handle_mm_fault")
int BPF_PROG(fault_enter)
{
	struct task_struct *t = bpf_get_current_task_btf();

	if (recording && thread_class(t))
		flight_begin(&fault_flights, t->pid, 0, 0);
	return 0;
}

static __always_inline void write_fault(struct task_struct *t, u32 class, u64 address, u64 ip,
					u64 since, u32 flags)
{
	u64 unit = current_unit(t, class);
	struct weft_ev_page_fault *e;
	struct claim c;

	e = ring_claim(&c, sizeof(*e));
	if (!e)
		return;
	event_head(&e->h, &c, WEFT_EV_page_fault, t->pid, unit);
	e->address = address;
	e->ip = ip;
	e->duration = since ? c.time - since : WEFT_UNKNOWN;
	e->counts = t->min_flt + t->maj_flt;
	e->flags = flags;
	ring_commit(&c);
}

SEC("fexit/handle_mm_fault")
int BPF_PROG(fault_exit, struct vm_area_struct *vma, unsigned long address, unsigned int flags,
	     struct pt_regs *regs, unsigned int ret)
{
	struct task_struct *t = bpf_get_current_task_btf();
	u32 class, out = 0;
	u64 since, word;

	if (!recording)
		return 0;
	class = thread_class(t);
	if (!class)
		return 0;
	if (!flight_end(&fault_flights, t->pid, 0, &since, &word))
		since = 0;
	if (flags & FAULT_FLAG_WRITE)
		out |= WEFT_FAULT_WRITE;
	if (flags & FAULT_FLAG_USER)
		out |= WEFT_FAULT_USER;
	if (flags & FAULT_FLAG_INSTRUCTION)
		out |= WEFT_FAULT_EXEC;
	if (!regs)
		out |= WEFT_FAULT_REMOTE;
	/* As mm_account_fault() counts. */
	if (ret & VM_FAULT_RETRY)
		out |= WEFT_FAULT_RETRY;
	else if (ret & VM_FAULT_ERROR)
		out |= WEFT_FAULT_ERROR;
	else if ((ret & VM_FAULT_MAJOR) || (flags & FAULT_FLAG_TRIED))
		out |= WEFT_FAULT_MAJOR;
	write_fault(t, class, address, regs ? regs_ip(regs) : 0, since, out);
	return 0;
}

#if defined(__TARGET_ARCH_x86)
/* The error code that the CPU gives with a page fault. */
#define X86_PF_WRITE 0x02
#define X86_PF_INSTR 0x10

static __always_inline int fault_entry(unsigned long address, struct pt_regs *regs,
				       unsigned long error, u32 flags)
{
	struct task_struct *t = bpf_get_current_task_btf();
	u32 class;

	if (!recording)
		return 0;
	class = thread_class(t);
	/*
	 * Neither faults on the kernel's own addresses nor those that are to fail fast
	 * (pagefault_disable(), as when these probes read the unit word) are the process's.
	 */
	if (!class || (long)address < 0 || t->pagefault_disabled)
		return 0;
	flags |= WEFT_FAULT_ENTRY_ONLY;
	if (error & X86_PF_WRITE)
		flags |= WEFT_FAULT_WRITE;
	if (error & X86_PF_INSTR)
		flags |= WEFT_FAULT_EXEC;
	write_fault(t, class, address, regs_ip(regs), 0, flags);
	return 0;
}

/* Named page_fault_user and page_fault_kernel; the group is "exceptions". */
SEC("tp_btf/page_fault_user")
int BPF_PROG(page_fault_user, unsigned long address, struct pt_regs *regs, unsigned long error)
{
	return fault_entry(address, regs, error, WEFT_FAULT_USER);
}

SEC("tp_btf/page_fault_kernel")
int BPF_PROG(page_fault_kernel, unsigned long address, struct pt_regs *regs, unsigned long error)
{
	return fault_entry(address, regs, error, 0);
}
#endif

#endif
