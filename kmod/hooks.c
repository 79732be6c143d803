// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finding hooks once, and registering them for each session: tracepoints, the return of functions by
 * kretprobe (page faults by something cheaper where that is possible, fault.c), and the end of a context
 * switch by ftrace, which costs a third of a kprobe.
 */
#include <linux/cpumask.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "compat.h"
#include "hooks.h"
#include "session.h"

/* Tracepoints; a NULL probe is sched_switch's, which is chosen by group. */
static struct tp_hook {
	const char *name;
	unsigned int bit;
	u32 groups;
	void *probe;
	struct tracepoint *tp; /* NULL: not found */
} tp_hooks[] = {
#define TP(name, groups, probe)                                                                    \
	{                                                                                          \
#name, WEFT_HOOK_##name, groups, probe, NULL                                       \
	}
	TP(sched_switch, WEFT_GROUP_TASK, NULL),
	TP(sched_waking, WEFT_GROUP_SCHED, probe_sched_waking),
	TP(sched_wakeup, WEFT_GROUP_SCHED, probe_sched_wakeup),
	TP(sched_wakeup_new, WEFT_GROUP_SCHED, probe_sched_wakeup_new),
	TP(sched_migrate_task, WEFT_GROUP_SCHED, probe_sched_migrate_task),
	TP(task_newtask, WEFT_GROUP_TASK, probe_task_newtask),
	TP(sched_process_exec, WEFT_GROUP_TASK, probe_sched_process_exec),
	TP(sched_process_exit, WEFT_GROUP_TASK, probe_sched_process_exit),
	TP(task_rename, WEFT_GROUP_TASK, probe_task_rename),
	TP(signal_deliver, WEFT_GROUP_TASK, probe_signal_deliver),
	TP(tlb_flush, WEFT_GROUP_TLB, probe_tlb_flush),
#undef TP
};

/* Without these no filter and no books: START refuses. */
#define HOOKS_NEEDED (HOOKS_LIFE | 1 << WEFT_HOOK_sched_switch)

/* The compiler may have made a clone of the static function, with a suffix. */
#define SWITCH_END "finish_task_switch*"

/* Return hooks and on what they hang here; symbol NULL: not found. */
#define RETURN_HOOKS (1 + MM_HOOKS)
static struct {
	const struct return_hook *hook;
	const char *symbol;
} return_hooks[RETURN_HOOKS];

static u64 found;

/* One session's probes. */
struct session_hooks {
	u64 on; /* 1 << WEFT_HOOK_* */
	struct ftrace_ops switch_end;
	struct return_probe
		*returns[RETURN_HOOKS]; /* page_fault: NULL if it is by fault_replace_on() */
};

/* ---- what there is */

static void match_tracepoint(struct tracepoint *tp, void *unused)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tp_hooks); i++)
		if (!strcmp(tp_hooks[i].name, tp->name)) {
			tp_hooks[i].tp = tp;
			found |= BIT_ULL(tp_hooks[i].bit);
		}
}

/* By asking the kernel to place a probe there, switched off. */
static bool can_probe(const char *symbol)
{
	struct kprobe kp = { .symbol_name = symbol, .flags = KPROBE_FLAG_DISABLED };

	if (register_kprobe(&kp))
		return false;
	unregister_kprobe(&kp);
	return true;
}

static bool can_hook_switch_end(void)
{
	struct ftrace_ops ops = { .func = sched_switched };
	unsigned char filter[] = SWITCH_END;
	int err = ftrace_set_filter(&ops, filter, strlen(filter), 1);

	ftrace_free_filter(&ops);
	return !err;
}

void hooks_find(void)
{
	unsigned int i, j;

	for_each_kernel_tracepoint(match_tracepoint, NULL);

	return_hooks[0].hook = &fault_hook;
	for (i = 0; i < MM_HOOKS; i++)
		return_hooks[i + 1].hook = &mm_hooks[i];
	for (i = 0; i < RETURN_HOOKS; i++) {
		const struct return_hook *h = return_hooks[i].hook;

		for (j = 0; j < RETURN_MAX_SYMBOLS && !return_hooks[i].symbol; j++)
			if (h->symbols[j] && can_probe(h->symbols[j]))
				return_hooks[i].symbol = h->symbols[j];
		if (return_hooks[i].symbol)
			found |= BIT_ULL(h->bit);
	}
	if (can_hook_switch_end())
		found |= BIT_ULL(WEFT_HOOK_context_switch);
	found |= BIT_ULL(WEFT_HOOK_unit_word);
}

u64 hooks_found(void)
{
	return found;
}

/* ---- on and off */

static void *tp_probe(const struct session *s, const struct tp_hook *h)
{
	return h->probe ?: sched_switch_probe(s->groups);
}

static int return_on(struct session *s, unsigned int i)
{
	const struct return_hook *h = return_hooks[i].hook;
	struct return_probe *p = kzalloc(sizeof(*p), GFP_KERNEL);
	int err;

	if (!p)
		return -ENOMEM;
	p->session = s;
	p->hook = h;
	p->wrapper = strstarts(return_hooks[i].symbol, WEFT_SYSCALL_SYMBOL());
	p->rp.kp.symbol_name = return_hooks[i].symbol;
	p->rp.entry_handler = h->entry;
	p->rp.handler = h->ret;
	p->rp.data_size = sizeof(struct return_data);
	/* As many threads as may sleep in the function at once; more are counted as missed. */
	p->rp.maxactive = max(1024u, 16 * num_possible_cpus());
	err = register_kretprobe(&p->rp);
	if (err) {
		kfree(p);
		return err;
	}
	s->hooks->returns[i] = p;
	return 0;
}

/* ftrace_free_filter() leaves its pointers behind, and the same ops may be put on again. */
static void switch_end_forget(struct ftrace_ops *ops)
{
	ftrace_free_filter(ops);
	memset(ops, 0, sizeof(*ops));
}

static int switch_end_on(struct session *s)
{
	struct ftrace_ops *ops = &s->hooks->switch_end;
	unsigned char filter[] = SWITCH_END;
	int err;

	ops->func = sched_switched;
	ops->flags =
		FTRACE_OPS_FL_PERMANENT; /* nobody may switch it off behind us (kernel.ftrace_enabled) */
	ops->private = s;
	err = ftrace_set_filter(ops, filter, strlen(filter), 1);
	if (!err)
		err = register_ftrace_function(ops);
	if (err)
		switch_end_forget(ops);
	return err;
}

static u64 missed(const struct kretprobe *rp)
{
	return (u64)rp->nmissed + rp->kp.nmissed;
}

/* Takes the hooks of `mask` off; a tracepoint's probe may still be in flight then. */
static void hooks_remove(struct session *s, u64 mask)
{
	struct session_hooks *hs = s->hooks;
	struct kretprobe *off[RETURN_HOOKS];
	unsigned int i, n = 0;

	mask &= hs->on;
	for (i = 0; i < ARRAY_SIZE(tp_hooks); i++)
		if (mask & BIT_ULL(tp_hooks[i].bit))
			tracepoint_probe_unregister(tp_hooks[i].tp, tp_probe(s, &tp_hooks[i]), s);
	if (mask & BIT_ULL(WEFT_HOOK_context_switch)) {
		unregister_ftrace_function(&hs->switch_end);
		switch_end_forget(&hs->switch_end);
	}
	for (i = 0; i < RETURN_HOOKS; i++) {
		if (!(mask & BIT_ULL(return_hooks[i].hook->bit)))
			continue;
		if (hs->returns[i])
			off[n++] = &hs->returns[i]->rp;
		else
			fault_replace_off();
		hs->returns[i] = NULL;
	}
	/* All at once: each call waits for every CPU. */
	unregister_kretprobes(off, n);
	for (i = 0; i < n; i++) {
		s->missed += missed(off[i]);
		kfree(container_of(off[i], struct return_probe, rp));
	}
	hs->on &= ~mask;
}

static int hook_on(struct session *s, u64 bit)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tp_hooks); i++)
		if (bit == BIT_ULL(tp_hooks[i].bit))
			return tracepoint_probe_register(tp_hooks[i].tp, tp_probe(s, &tp_hooks[i]),
							 s);
	if (bit == BIT_ULL(WEFT_HOOK_page_fault) && !fault_replace_on(s))
		return 0;
	for (i = 0; i < RETURN_HOOKS; i++)
		if (bit == BIT_ULL(return_hooks[i].hook->bit))
			return return_on(s, i);
	return switch_end_on(s);
}

/* What of the hooks that were found the session's groups ask for. */
static u64 hooks_wanted(const struct session *s)
{
	u64 wanted = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tp_hooks); i++)
		if (s->groups & tp_hooks[i].groups)
			wanted |= BIT_ULL(tp_hooks[i].bit);
	for (i = 0; i < RETURN_HOOKS; i++)
		if (s->groups & return_hooks[i].hook->group)
			wanted |= BIT_ULL(return_hooks[i].hook->bit);
	if (s->groups & WEFT_GROUP_COST)
		wanted |= BIT_ULL(WEFT_HOOK_context_switch);
	return wanted & found;
}

int hooks_on(struct session *s, u64 mask)
{
	u64 put = 0;
	unsigned int bit;
	int err;

	if ((found & HOOKS_NEEDED) != HOOKS_NEEDED)
		return -EOPNOTSUPP;
	if (!s->hooks) {
		s->hooks = kzalloc(sizeof(*s->hooks), GFP_KERNEL_ACCOUNT);
		if (!s->hooks)
			return -ENOMEM;
	}
	mask &= hooks_wanted(s) & ~s->hooks->on;
	for (bit = 0; bit < WEFT_HOOK_MAX; bit++) {
		if (!(mask & BIT_ULL(bit)))
			continue;
		err = hook_on(s, BIT_ULL(bit));
		if (err) {
			pr_err("hook %u cannot be put on: error %d\n", bit, err);
			hooks_remove(s, put);
			return err;
		}
		put |= BIT_ULL(bit);
		s->hooks->on |= BIT_ULL(bit);
	}
	return 0;
}

void hooks_off(struct session *s)
{
	if (!s->hooks)
		return;
	hooks_remove(s, s->hooks->on);
	/* Tracepoints only; the others have waited by themselves. */
	tracepoint_synchronize_unregister();
	kfree(s->hooks);
	s->hooks = NULL;
}

u64 hooks_missed(const struct session *s)
{
	u64 n = s->missed;
	unsigned int i;

	if (s->hooks)
		for (i = 0; i < RETURN_HOOKS; i++)
			if (s->hooks->returns[i])
				n += missed(&s->hooks->returns[i]->rp);
	return n;
}
