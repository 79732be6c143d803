// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page faults: handle_mm_fault(), which all pass through, those that the kernel takes on a process's
 * behalf included. Its return value says which are counted.
 *
 * A return probe on it costs as much as all other hooks together, and half of that for threads outside the
 * filter too. So one session at a time has the function replaced instead, for the threads in its filter
 * only. Further sessions, and those that cannot have it, use a return probe.
 */
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/static_call.h>
#include <linux/workqueue.h>
#include "compat.h"
#include "hooks.h"
#include "session.h"
#include "unitword.h"

/* As mm_account_fault() decides. */
static __always_inline u32 fault_flags(unsigned int flags, vm_fault_t ret)
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

/* A fault of current that began at `began` (ticks) has ended with ret. Preemption is off. */
static __always_inline void fault_record(struct session *s, u64 began, unsigned long address,
					 unsigned int flags, unsigned long ip, vm_fault_t ret)
{
	struct task_struct *p = current;
	struct weft_ev_page_fault *rec;
	struct ring *r = ring_this(s);
	u8 class = READ_ONCE(s->class[p->pid]);
	u64 unit;

	if (unlikely(!(class & CLASS_TRACED)))
		return;
	unit = unit_current(s, p, class);
	rec = ring_reserve(r, sizeof(*rec));
	if (unlikely(!rec))
		return;
	event_header(&rec->h, WEFT_EV_page_fault, p, unit);
	rec->address = address;
	rec->ip = ip;
	rec->duration = rec->h.time - began;
	rec->counts = p->min_flt + p->maj_flt;
	rec->flags = fault_flags(flags, ret) | (ip ? 0 : WEFT_FAULT_REMOTE);
	ring_commit(r, rec, sizeof(*rec));
}

/* ---- by a return probe */

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

static int fault_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct return_data *d = (void *)ri->data;

	fault_record(return_probe(ri)->session, d->time, d->start, d->flags, d->extra,
		     (__force vm_fault_t)regs_return_value(regs));
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

/* ---- by replacing the function, as a live patch does */

#ifdef WEFT_CAN_REPLACE

static DEFINE_MUTEX(replace_lock);
/* Whose; NULL: nobody's. Under RCU, and never exchanged while a thread is in fault_replaced(). */
static struct session *replace_session;
/* Threads in fault_replaced(): the sum over all CPUs, for they come and go on different ones. */
static DEFINE_PER_CPU(long, replace_inside);
/* What follows the entry of handle_mm_fault(), where ftrace has its call. */
DEFINE_STATIC_CALL(fault_body, handle_mm_fault);

static vm_fault_t notrace fault_replaced(struct vm_area_struct *vma, unsigned long address,
					 unsigned int flags, struct pt_regs *regs)
{
	unsigned long ip = regs ? instruction_pointer(regs) : 0;
	struct session *s;
	vm_fault_t ret;
	u64 began;

	this_cpu_inc(replace_inside);
	began = weft_ticks();
	ret = static_call(fault_body)(vma, address, flags, regs);
	preempt_disable_notrace();
	s = READ_ONCE(replace_session);
	if (likely(s))
		fault_record(s, began, address, flags, ip, ret);
	preempt_enable_notrace();
	this_cpu_dec(replace_inside);
	return ret;
}

/* All that a thread outside the filter pays for: no more than this, and ftrace's own call. */
static void notrace fault_entered(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
				  struct ftrace_regs *fregs)
{
	struct session *s = ops->private;

	if (READ_ONCE(s->class[current->pid]) & CLASS_TRACED)
		ftrace_regs_set_instruction_pointer(fregs, (unsigned long)fault_replaced);
}

static struct ftrace_ops replace_ops = {
	.func = fault_entered,
	.flags = FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_PERMANENT,
};

static long replace_count(void)
{
	unsigned int cpu;
	long n = 0;

	for_each_possible_cpu(cpu)
		n += READ_ONCE(per_cpu(replace_inside, cpu));
	return n;
}

/* Where ftrace's call in handle_mm_fault() is; 0 if there is none at its entry. */
static unsigned long entry_call(void)
{
	struct kprobe kp = { .symbol_name = "handle_mm_fault", .flags = KPROBE_FLAG_DISABLED };
	unsigned long addr = 0;

	if (register_kprobe(&kp))
		return 0;
	if (kp.flags & KPROBE_FLAG_FTRACE)
		addr = (unsigned long)kp.addr;
	unregister_kprobe(&kp);
	return addr;
}

/* Once: a filter that has been freed cannot be set again. */
static int replace_find(void)
{
	unsigned long call = entry_call();
	int err;

	if (!call || !weft_can_replace())
		return -EOPNOTSUPP;
	err = ftrace_set_filter_ip(&replace_ops, call, 0, 1);
	if (!err)
		static_call_update(fault_body, (typeof(&handle_mm_fault))(call + MCOUNT_INSN_SIZE));
	return err;
}

static int replace(struct session *s)
{
	static bool found;
	int err;

	if (replace_session || replace_count())
		return -EBUSY;
	if (!found) {
		err = replace_find();
		if (err)
			return err;
		found = true;
	}
	replace_ops.private = s;
	WRITE_ONCE(replace_session, s);
	err = register_ftrace_function(&replace_ops);
	if (err)
		WRITE_ONCE(replace_session, NULL);
	return err;
}

int fault_replace_on(struct session *s)
{
	int err;

	/* Only the counter's stamp can be taken without the session, which may end during a fault. */
	if (!s->tsc)
		return -EOPNOTSUPP;
	mutex_lock(&replace_lock);
	err = replace(s);
	mutex_unlock(&replace_lock);
	return err;
}

/*
 * A thread may sleep in a fault for as long as it likes (userfaultfd, a file system that does not answer),
 * with this module's code on its stack: the module then stays until it has come out.
 */
static void replace_settle(struct work_struct *work);
static DECLARE_DELAYED_WORK(replace_work, replace_settle);

static void replace_settle(struct work_struct *work)
{
	if (replace_count())
		schedule_delayed_work(&replace_work, HZ / 10);
	else
		module_put(THIS_MODULE); /* fault_exit() waits for the rest of this function */
}

void fault_replace_off(void)
{
	unsigned int tries;

	mutex_lock(&replace_lock);
	/* Waits until nobody is between the entry and fault_replaced() either. */
	unregister_ftrace_function(&replace_ops);
	WRITE_ONCE(replace_session, NULL); /* and hooks_off() waits for who has read it */
	for (tries = 0; replace_count() && tries < 20; tries++)
		msleep(10);
	if (replace_count()) {
		__module_get(THIS_MODULE); /* the session has one, so it is not going */
		schedule_delayed_work(&replace_work, HZ / 10);
	}
	mutex_unlock(&replace_lock);
}

void fault_exit(void)
{
	cancel_delayed_work_sync(&replace_work);
	/* Those that are counted out may still have an instruction or two to go. */
	synchronize_rcu_tasks();
	ftrace_free_filter(&replace_ops);
}

#else

int fault_replace_on(struct session *s)
{
	return -EOPNOTSUPP;
}

void fault_replace_off(void)
{
}

void fault_exit(void)
{
}

#endif
