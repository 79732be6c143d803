// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory-mapping calls, by the functions that do the work where the kernel has them apart (so that
 * other ways to them count too, such as an ELF image being mapped), else by the system calls.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include "hooks.h"
#include "session.h"
#include "unitword.h"

/* Argument n of the hooked function, or of the system call if it is a system call's wrapper. */
static unsigned long arg(const struct return_probe *p, struct pt_regs *regs, unsigned int n)
{
	if (p->wrapper)
		return weft_syscall_arg((void *)regs_get_kernel_argument(regs, 0), n);
	return regs_get_kernel_argument(regs, n);
}

/* The data to be filled by an entry handler; NULL if the thread is not traced. */
static struct return_data *mm_begin(struct kretprobe_instance *ri)
{
	struct session *s = return_probe(ri)->session;
	struct return_data *d = (void *)ri->data;

	if (!(READ_ONCE(s->class[current->pid]) & CLASS_TRACED))
		return NULL;
	d->prot = 0;
	d->flags = 0;
	d->time = session_ticks(s);
	return d;
}

/* vm_mmap_pgoff(file, addr, len, prot, flags, pgoff) */
static int mmap_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct return_data *d = mm_begin(ri);

	if (!d)
		return 1;
	d->start = regs_get_kernel_argument(regs, 1);
	d->length = PAGE_ALIGN(regs_get_kernel_argument(regs, 2));
	d->prot = regs_get_kernel_argument(regs, 3);
	d->flags = regs_get_kernel_argument(regs, 4);
	return 0;
}

/* __vm_munmap(start, len, ...), munmap(addr, len) */
static int munmap_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct return_data *d = mm_begin(ri);

	if (!d)
		return 1;
	d->start = arg(return_probe(ri), regs, 0);
	d->length = arg(return_probe(ri), regs, 1);
	return 0;
}

/* brk(brk): the range is known when it has returned. */
static int brk_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct return_data *d = mm_begin(ri);

	if (!d || !current->mm)
		return 1;
	d->start = READ_ONCE(current->mm->brk);
	return 0;
}

/* do_mprotect_pkey(start, len, prot, pkey), mprotect(start, len, prot) */
static int mprotect_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct return_data *d = mm_begin(ri);

	if (!d)
		return 1;
	d->start = arg(return_probe(ri), regs, 0);
	d->length = arg(return_probe(ri), regs, 1);
	d->prot = arg(return_probe(ri), regs, 2);
	return 0;
}

/* mremap(addr, old_len, new_len, flags, new_addr) */
static int mremap_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct return_data *d = mm_begin(ri);

	if (!d)
		return 1;
	d->start = arg(return_probe(ri), regs, 0);
	d->length = arg(return_probe(ri), regs, 2);
	d->flags = arg(return_probe(ri), regs, 3);
	return 0;
}

/* do_madvise(mm, start, len, behavior), madvise(start, len, behavior) */
static int madvise_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct return_data *d = mm_begin(ri);
	unsigned int mm = return_probe(ri)->wrapper ? 0 : 1;

	if (!d)
		return 1;
	d->start = arg(return_probe(ri), regs, mm);
	d->length = arg(return_probe(ri), regs, mm + 1);
	d->flags = arg(return_probe(ri), regs, mm + 2);
	return 0;
}

static int mm_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	const struct return_probe *p = return_probe(ri);
	const struct return_hook *h = p->hook;
	struct session *s = p->session;
	struct return_data *d = (void *)ri->data;
	struct weft_ev_mmap *rec; /* they are all alike */
	struct ring *r = ring_this(s);
	u8 class = READ_ONCE(s->class[current->pid]);
	s64 result = regs_return_value(regs);
	u64 unit;

	if (!(class & CLASS_TRACED))
		return 0;
	if (h->result_is_int && !p->wrapper)
		result = (s32)result;
	if (h->event == WEFT_EV_mmap && !IS_ERR_VALUE((unsigned long)result))
		d->start = result;
	else if (h->event == WEFT_EV_brk)
		d->length = result - d->start;

	unit = unit_current(s, current, class);
	rec = ring_reserve(r, sizeof(*rec));
	if (unlikely(!rec))
		return 0;
	event_header(&rec->h, h->event, current, unit);
	rec->start = d->start;
	rec->length = d->length;
	rec->result = result;
	rec->duration = rec->h.time - d->time;
	rec->prot = d->prot;
	rec->flags = d->flags;
	ring_commit(r, rec, sizeof(*rec));
	return 0;
}
NOKPROBE_SYMBOL(mm_return);

#define MM_HOOK(name, is_int, ...)                                                                 \
	{                                                                                          \
		.bit = WEFT_HOOK_##name, .event = WEFT_EV_##name, .group = WEFT_GROUP_MM,          \
		.symbols = { __VA_ARGS__ }, .entry = name##_entry, .ret = mm_return,               \
		.result_is_int = is_int,                                                           \
	}
const struct return_hook mm_hooks[MM_HOOKS] = {
	MM_HOOK(mmap, false, "vm_mmap_pgoff"),
	MM_HOOK(munmap, true, "__vm_munmap", WEFT_SYSCALL_SYMBOL(munmap)),
	MM_HOOK(brk, false, WEFT_SYSCALL_SYMBOL(brk)),
	MM_HOOK(mprotect, true, "do_mprotect_pkey", WEFT_SYSCALL_SYMBOL(mprotect)),
	MM_HOOK(mremap, false, WEFT_SYSCALL_SYMBOL(mremap)),
	MM_HOOK(madvise, true, "do_madvise", WEFT_SYSCALL_SYMBOL(madvise)),
};
