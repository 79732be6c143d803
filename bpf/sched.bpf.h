/* SPDX-License-Identifier: GPL-2.0-only */
/* Switches, their cost, wake-ups and migrations. */
#ifndef WEFT_BPF_SCHED_BPF_H
#define WEFT_BPF_SCHED_BPF_H

#include "books.bpf.h"

/* Between the decision (sched_switch) and the arrival (finish_task_switch) on one CPU. */
struct switching {
	u64 since; /* ticks; 0: not to be recorded */
	u32 prev_tid;
	u32 flags;
	u32 clock; /* what the scheduler read from its own as it ended the slice of prev_tid */
	u32 pad;
	u64 pads[5];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* CPUs */
	__type(key, u32);
	__type(value, struct switching);
} switching SEC(".maps");

struct switch_args {
	struct task_struct *prev, *next;
	u32 tid, next_tid, task_flags, flags, state;
};

/* Writes the record; its stamp, 0 if it was lost. */
static __always_inline u64 write_switch(const struct switch_args *a, u64 unit)
{
	struct weft_ev_sched_switch *e;
	struct claim c;

	e = ring_claim(&c, sizeof(*e));
	if (!e)
		return 0;
	event_head(&e->h, &c, WEFT_EV_sched_switch, a->tid, unit);
	e->next_tid = a->next_tid;
	e->nswitch = a->prev->nvcsw + a->prev->nivcsw;
	e->runtime = a->prev->se.sum_exec_runtime;
	e->run_delay = task_run_delay(a->prev);
	e->syscall = task_syscall(a->prev, a->task_flags);
	e->state = a->state;
	e->flags = a->flags;
	e->prio = a->prev->prio;
	e->next_prio = a->next->prio;
	e->nvcsw = a->prev->nvcsw;
	ring_commit(&c);
	return c.time;
}

static __always_inline void switch_begins(u64 now, u32 prev_tid, u32 flags, u32 clock)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct switching *s = bpf_map_lookup_elem(&switching, &cpu);

	if (!s)
		return;
	s->since = now ? now : bpf_ktime_get_ns();
	s->prev_tid = prev_tid;
	s->flags = flags & WEFT_SWITCH_MM;
	s->clock = clock;
}

/* prev_state is the last argument since 5.19 and 5.18.3 (9c2136be0878). */
SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next,
	     unsigned int prev_state)
{
	struct switch_args a = { .prev = prev, .next = next, .state = prev_state };
	u32 prev_class, next_class;
	struct mm_struct *mm;
	u64 now = 0;

	if (!recording)
		return 0;
	/* Once: a leader's id may be taken from it while it is here for the last time. */
	a.tid = READ_ONCE(prev->pid);
	a.next_tid = next->pid;
	prev_class = thread_class_tid(prev, a.tid);
	next_class = thread_class_tid(next, a.next_tid);
	if (!prev_class && !next_class)
		return 0;

	if (group_on(SCHED) || group_on(COST)) {
		if (!next_class)
			tell_foreign(next);
		if (!prev_class)
			tell_foreign(prev);
	}
	a.task_flags = prev->flags;
	mm = next->mm;
	if (preempt)
		a.flags |= WEFT_SWITCH_PREEMPT;
	if (mm && mm != prev->active_mm)
		a.flags |= WEFT_SWITCH_MM;
	if (prev_state & TASK_DEAD)
		a.flags |= WEFT_SWITCH_DEAD;
	if (a.task_flags & PF_KTHREAD)
		a.flags |= WEFT_SWITCH_KTHREAD;
	if (next->flags & PF_KTHREAD)
		a.flags |= WEFT_SWITCH_NEXT_KTHREAD;
	if (group_on(SCHED))
		now = write_switch(&a, current_unit(prev, prev_class));
	if (group_on(COST))
		switch_begins(now, a.tid, a.flags, prev->se.exec_start);
	if (prev_class && (a.flags & WEFT_SWITCH_DEAD)) {
		write_thread_stat(prev, a.tid, WEFT_STAT_EXIT);
		thread_done(prev, prev_class);
	}
	return 0;
}

/* The symbol is finish_task_switch.isra.0 or the like: no BTF, so a kprobe, attached by name. */
SEC("kprobe")
int context_switch(void *ctx)
{
	struct weft_ev_context_switch *e;
	u32 cpu = bpf_get_smp_processor_id();
	struct switching *s = bpf_map_lookup_elem(&switching, &cpu);
	struct task_struct *t;
	struct claim c;
	u64 since, unit;

	if (!s || !s->since)
		return 0;
	since = s->since;
	s->since = 0;
	if (!recording)
		return 0;
	t = bpf_get_current_task_btf();
	unit = current_unit(t, thread_class(t));
	e = ring_claim(&c, sizeof(*e));
	if (!e)
		return 0;
	event_head(&e->h, &c, WEFT_EV_context_switch, t->pid, unit);
	e->cost = c.time - since;
	e->prev_tid = s->prev_tid;
	e->run_delay = task_run_delay(t);
	e->flags = s->flags;
	e->clock = s->prev_tid ? s->clock : t->se.exec_start;
	ring_commit(&c);
	return 0;
}

static __always_inline int wake(struct task_struct *target, u32 id)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct weft_ev_sched_waking *e;
	u32 class, target_class;
	struct claim c;
	bool irq;
	u64 unit;

	if (!recording)
		return 0;
	target_class = thread_class(target);
	class = thread_class(t);
	if (!target_class && !class)
		return 0;
	irq = in_interrupt(t);
	if (!target_class && irq)
		return 0;
	if (!target_class)
		tell_foreign(target);
	if (!class)
		tell_foreign(t);
	unit = current_unit(t, class);
	e = ring_claim(&c, sizeof(*e));
	if (!e)
		return 0;
	event_head(&e->h, &c, id, t->pid, unit);
	e->target = target->pid;
	e->target_cpu = target->thread_info.cpu;
	e->prio = target->prio;
	e->flags = irq ? WEFT_WAKE_IRQ : 0;
	ring_commit(&c);
	return 0;
}

SEC("tp_btf/sched_waking")
int BPF_PROG(sched_waking, struct task_struct *target)
{
	return wake(target, WEFT_EV_sched_waking);
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(sched_wakeup, struct task_struct *target)
{
	return wake(target, WEFT_EV_sched_wakeup);
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(sched_wakeup_new, struct task_struct *target)
{
	return wake(target, WEFT_EV_sched_wakeup_new);
}

SEC("tp_btf/sched_migrate_task")
int BPF_PROG(sched_migrate_task, struct task_struct *target, int dest_cpu)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct weft_ev_sched_migrate_task *e;
	u32 class;
	struct claim c;
	u64 unit;

	if (!recording || !thread_class(target))
		return 0;
	class = thread_class(t);
	if (!class)
		tell_foreign(t);
	unit = current_unit(t, class);
	e = ring_claim(&c, sizeof(*e));
	if (!e)
		return 0;
	event_head(&e->h, &c, WEFT_EV_sched_migrate_task, t->pid, unit);
	e->target = target->pid;
	e->orig_cpu = target->thread_info.cpu;
	e->dest_cpu = dest_cpu;
	ring_commit(&c);
	return 0;
}

#endif
