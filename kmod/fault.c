// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page faults: handle_mm_fault(), which all pass through, those that the kernel takes on a process's
 * behalf included. Its return value says which are counted.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include "hooks.h"
#include "session.h"
#include "unitword.h"

/* handle_mm_fault(vma, address, flags, regs); a kretprobe's handlers run with preemption off. */
static int fault_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct session *s = return_probe(ri)->session;
	struct return_data *d = (void *)ri->data;
	struct pt_regs *fault_regs;

	if (!(READ_ONCE(s->class[current->pid]) & CLASS_TRACED))
		return 1;
	fault_regs = (struct pt_regs *)regs_get_kernel_argument(regs, 3);
	d->start = regs_get_kernel_argument(regs, 1);
	d->flags = regs_get_kernel_argument(regs, 2);
	d->extra = fault_regs ? instruction_pointer(fault_regs) : 0;
	d->time = session_ticks(s);
	return 0;
}

/* As mm_account_fault() decides. */
static u32 fault_flags(unsigned int flags, vm_fault_t ret)
{
	u32 f = (flags & FAULT_FLAG_WRITE ? WEFT_FAULT_WRITE : 0) |
		(flags & FAULT_FLAG_USER ? WEFT_FAULT_USER : 0) |
		(flags & FAULT_FLAG_INSTRUCTION ? WEFT_FAULT_EXEC : 0);

	if (ret & VM_FAULT_RETRY)
		return f | WEFT_FAULT_RETRY;
	if (ret & VM_FAULT_ERROR)
		return f | WEFT_FAULT_ERROR;
	if (ret & VM_FAULT_MAJOR || flags & FAULT_FLAG_TRIED)
		return f | WEFT_FAULT_MAJOR;
	return f;
}

static int fault_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct session *s = return_probe(ri)->session;
	struct return_data *d = (void *)ri->data;
	vm_fault_t ret = (__force vm_fault_t)regs_return_value(regs);
	struct task_struct *p = current;
	struct weft_ev_page_fault *rec;
	struct ring *r = ring_this(s);
	u8 class = READ_ONCE(s->class[p->pid]);
	u64 unit;

	if (!(class & CLASS_TRACED))
		return 0;
	unit = unit_current(s, p, class);
	rec = ring_reserve(r, sizeof(*rec));
	if (unlikely(!rec))
		return 0;
	event_header(&rec->h, WEFT_EV_page_fault, p, unit);
	rec->address = d->start;
	rec->ip = d->extra;
	rec->duration = rec->h.time - d->time;
	rec->counts = p->min_flt + p->maj_flt;
	rec->flags = fault_flags(d->flags, ret) | (d->extra ? 0 : WEFT_FAULT_REMOTE);
	ring_commit(r, rec, sizeof(*rec));
	return 0;
}
NOKPROBE_SYMBOL(fault_entry);
NOKPROBE_SYMBOL(fault_return);

const struct return_hook fault_hook = {
	.bit = WEFT_HOOK_page_fault,
	.event = WEFT_EV_page_fault,
	.group = WEFT_GROUP_FAULT,
	.symbols = { "handle_mm_fault" },
	.entry = fault_entry,
	.ret = fault_return,
};
