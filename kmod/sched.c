// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scheduling: sched_switch and what it costs, wake-ups, migrations. The hottest code of the module; it
 * is written to be straight (no call, no loop) where a record fits and everybody is known.
 */
#include <linux/preempt.h>
#include <linux/sched.h>
#include "books.h"
#include "hooks.h"
#include "session.h"
#include "unitword.h"

/* All but WEFT_SWITCH_DEAD. */
static __always_inline u8 switch_flags(bool preempt, const struct task_struct *prev,
				       const struct task_struct *next, u8 class, u8 next_class)
{
	u8 flags = preempt ? WEFT_SWITCH_PREEMPT : 0;

	BUILD_BUG_ON(CLASS_KERNEL != WEFT_SWITCH_KTHREAD ||
		     CLASS_KERNEL << 1 != WEFT_SWITCH_NEXT_KTHREAD);
	flags |= (class & CLASS_KERNEL) + 2 * (next_class & CLASS_KERNEL);
	if (next->mm && unlikely(next->mm != prev->active_mm))
		flags |= WEFT_SWITCH_MM;
	return flags;
}

static __always_inline void switch_fill(struct weft_ev_sched_switch *rec, struct task_struct *prev,
					struct task_struct *next, unsigned int prev_state, u8 flags,
					u64 unit)
{
	unsigned long nvcsw = prev->nvcsw;

	event_header(&rec->h, WEFT_EV_sched_switch, prev, unit);
	rec->next_tid = next->pid;
	rec->nvcsw = nvcsw;
	rec->nswitch = nvcsw + prev->nivcsw;
	rec->runtime = prev->se.sum_exec_runtime;
	rec->run_delay = prev->sched_info.run_delay;
	rec->syscall = unlikely(flags & WEFT_SWITCH_KTHREAD) ? -1 : weft_syscall(prev);
	rec->state = prev_state;
	rec->flags = flags;
	rec->prio = prev->prio;
	rec->next_prio = next->prio;
}

/* As there is no record of it, only what sched_switched() wants to know. */
static const struct weft_ev_sched_switch *
switch_unrecorded(struct session *s, struct ring *r, const struct task_struct *prev, u8 flags)
{
	r->unrecorded.h.time = session_ticks(s);
	r->unrecorded.h.tid = prev->pid;
	r->unrecorded.flags = flags;
	return &r->unrecorded;
}

/* For sched_switched(); the scheduler has just brought prev's books up to its clock. */
static __always_inline void switch_begun(struct ring *r, const struct weft_ev_sched_switch *rec,
					 const struct task_struct *prev)
{
	r->switched = rec;
	r->switch_clock = prev->se.exec_start;
}

/* All that may be needed; one of the two is in the filter. */
static noinline void switch_slow(struct session *s, bool preempt, struct task_struct *prev,
				 struct task_struct *next, unsigned int prev_state)
{
	bool dead = prev_state & TASK_DEAD;
	/* An id that prev has lost to another thread says nothing about prev. */
	bool owns = !dead || filter_owns(s, prev);
	u8 class = owns ? filter_name(s, prev) : CLASS_UNIT_UNKNOWN;
	u8 next_class = filter_name(s, next);
	u8 flags = switch_flags(preempt, prev, next, class, next_class);
	struct weft_ev_sched_switch *rec = NULL;
	struct ring *r = ring_this(s);

	if (!((class | next_class) & CLASS_TRACED))
		return;
	if (s->groups & WEFT_GROUP_SCHED)
		rec = ring_reserve(r, sizeof(*rec));
	if (rec) {
		switch_fill(rec, prev, next, prev_state, flags | (dead ? WEFT_SWITCH_DEAD : 0),
			    unit_current(s, prev, class));
		ring_commit(r, rec, sizeof(*rec));
	}
	if (s->groups & WEFT_GROUP_COST)
		switch_begun(r, rec ?: switch_unrecorded(s, r, prev, flags), prev);
	if (dead && class & CLASS_TRACED) {
		books_stat(s, prev, WEFT_STAT_EXIT);
		filter_last_switch(s, prev);
	}
}

/* Straight, if nobody must be looked at, prev lives on and the record fits; no call but in the end. */
static __always_inline void switch_probe(struct session *s, bool preempt, struct task_struct *prev,
					 struct task_struct *next, unsigned int prev_state,
					 const bool record, const bool cost)
{
	u8 class = data_race(s->class[prev->pid]);
	u8 next_class = data_race(s->class[next->pid]);
	u8 both = class | next_class;
	struct weft_ev_sched_switch *rec;
	struct ring *r;
	__u64 *commit;
	u64 unit;
	u8 flags;

	if (likely(!(both & CLASS_TRACED)))
		return;
	if (!record || unlikely(both & CLASS_LOOK) || unlikely(prev_state & TASK_DEAD))
		return switch_slow(s, preempt, prev, next, prev_state);
	flags = switch_flags(preempt, prev, next, class, next_class);
	unit = unit_current(s, prev, class);
	r = ring_this(s);
	if (!likely(ring_try_reserve(r, sizeof(*rec), true, (void **)&rec, &commit)))
		return switch_slow(r->session, flags & WEFT_SWITCH_PREEMPT, prev, next, prev_state);
	switch_fill(rec, prev, next, prev_state, flags, unit);
	ring_commit_to(r, commit, sizeof(*rec));
	if (cost)
		switch_begun(r, rec, prev);
}

#define SWITCH_PROBE(name, record, cost)                                                           \
	static void notrace name(void *data, bool preempt, struct task_struct *prev,               \
				 struct task_struct *next, unsigned int prev_state)                \
	{                                                                                          \
		switch_probe(data, preempt, prev, next, prev_state, record, cost);                 \
	}
SWITCH_PROBE(switch_rest, false, false)
SWITCH_PROBE(switch_record, true, false)
SWITCH_PROBE(switch_record_cost, true, true)

void *sched_switch_probe(u32 groups)
{
	if (!(groups & WEFT_GROUP_SCHED))
		return switch_rest;
	return groups & WEFT_GROUP_COST ? switch_record_cost : switch_record;
}

static __always_inline void switched_fill(const struct ring *r, struct weft_ev_context_switch *rec,
					  const struct weft_ev_sched_switch *from,
					  const struct task_struct *p, u64 unit)
{
	event_header(&rec->h, WEFT_EV_context_switch, p, unit);
	rec->cost = rec->h.time - from->h.time;
	rec->prev_tid = from->h.tid;
	rec->run_delay = p->sched_info.run_delay;
	rec->flags = from->flags & WEFT_SWITCH_MM;
	rec->clock = from->h.tid ? r->switch_clock : (u32)p->se.exec_start;
}

static noinline notrace void switched_slow(struct session *s,
					   const struct weft_ev_sched_switch *from,
					   struct task_struct *p, u64 unit)
{
	struct ring *r = ring_this(s);
	struct weft_ev_context_switch *rec = ring_reserve(r, sizeof(*rec));

	if (rec) {
		switched_fill(r, rec, from, p, unit);
		ring_commit(r, rec, sizeof(*rec));
	}
}

/*
 * Nothing happens on this CPU between sched_switch and this: interrupts are off. So the record of the former
 * is where it was: if its sub-buffer has been handed back meanwhile, only this CPU would write there.
 */
void notrace sched_switched(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
			    struct ftrace_regs *fregs)
{
	struct session *s = ops->private;
	struct ring *r = ring_this(s);
	const struct weft_ev_sched_switch *from = r->switched;
	struct weft_ev_context_switch *rec;
	struct task_struct *p = current;
	__u64 *commit;
	u64 unit;

	if (!from)
		return;
	r->switched = NULL;
	unit = unit_current(s, p, data_race(s->class[p->pid]));
	if (!likely(ring_try_reserve(r, sizeof(*rec), true, (void **)&rec, &commit)))
		return switched_slow(s, from, p, unit);
	switched_fill(r, rec, from, p, unit);
	ring_commit_to(r, commit, sizeof(*rec));
}

/*
 * Is an event on p in the filter that current caused, or an interrupt on top of it? Names both if so;
 * *class is current's.
 */
static __always_inline bool in_filter(struct session *s, struct task_struct *p, bool irq, u8 *class)
{
	u8 target = READ_ONCE(s->class[p->pid]);
	u8 cur = READ_ONCE(s->class[current->pid]);

	if (likely(!((irq ? target : target | cur) & CLASS_TRACED)))
		return false;
	if (unlikely((target | cur) & CLASS_LOOK)) {
		filter_name(s, p);
		cur = filter_name(s, current);
	}
	*class = cur;
	return true;
}

/* sched_waking, sched_wakeup and sched_wakeup_new are the same record. */
static __always_inline void wake_probe(struct session *s, struct task_struct *p, u32 id)
{
	struct weft_ev_sched_waking *rec;
	bool irq = !in_task();
	struct ring *r;
	u64 unit;
	u8 class;

	if (!in_filter(s, p, irq, &class))
		return;
	unit = unit_current(s, current, class);
	r = ring_this(s);
	rec = ring_reserve(r, sizeof(*rec));
	if (unlikely(!rec))
		return;
	event_header(&rec->h, id, current, unit);
	rec->target = p->pid;
	rec->target_cpu = task_cpu(p);
	rec->prio = p->prio;
	rec->flags = irq ? WEFT_WAKE_IRQ : 0;
	ring_commit(r, rec, sizeof(*rec));
}

void probe_sched_waking(void *data, struct task_struct *p)
{
	wake_probe(data, p, WEFT_EV_sched_waking);
}

void probe_sched_wakeup(void *data, struct task_struct *p)
{
	wake_probe(data, p, WEFT_EV_sched_wakeup);
}

void probe_sched_wakeup_new(void *data, struct task_struct *p)
{
	wake_probe(data, p, WEFT_EV_sched_wakeup_new);
}

void probe_sched_migrate_task(void *data, struct task_struct *p, int dest_cpu)
{
	struct weft_ev_sched_migrate_task *rec;
	struct session *s = data;
	struct ring *r;
	u64 unit;
	u8 class;

	/* Only the target counts, as if an interrupt moved it. */
	if (!in_filter(s, p, true, &class))
		return;
	unit = unit_current(s, current, class);
	r = ring_this(s);
	rec = ring_reserve(r, sizeof(*rec));
	if (unlikely(!rec))
		return;
	event_header(&rec->h, WEFT_EV_sched_migrate_task, current, unit);
	rec->target = p->pid;
	rec->orig_cpu = task_cpu(p);
	rec->dest_cpu = dest_cpu;
	ring_commit(r, rec, sizeof(*rec));
}
