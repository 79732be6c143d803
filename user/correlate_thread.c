// SPDX-License-Identifier: GPL-2.0-only
/*
 * States of threads. Every tick of a traced thread's life falls into one span; a span is closed by the
 * record that ends it, and only then it is certain what it was.
 */
#include <linux/sched.h>
#include <string.h>
#include <weft/device.h>
#include "correlator.h"

/* Bits of a task's state as the kernel has them, all versions alike. */
#define TASK_INTERRUPTIBLE 0x1
#define TASK_UNINTERRUPTIBLE 0x2

static void emit(struct correlator *c, const struct acct_span *s)
{
	if (c->ops && c->ops->span)
		c->ops->span(c->arg, s);
}

/* Books the open span up to `at` on the thread and on its current unit. */
static void account(struct correlator *c, struct thread *t, uint64_t at)
{
	struct acct_thread *a = t->acct;
	struct acct_span s = t->span;
	struct unit *u = t->unit;
	uint64_t ticks = at - s.begin;

	a->state[s.state] += ticks;
	if (s.state == ACCT_ONCPU) {
		t->oncpu += ticks;
		*(u		? &a->oncpu_units :
		  t->unit_known ? &a->oncpu_runtime :
				  &a->oncpu_unknown) += ticks;
		if (!t->unit_known && !(t->image && t->image->marks))
			t->by_word += ticks;
	} else if (s.state == ACCT_BLOCKED) {
		blocked_add(c, &a->blocked, s.what, 0, ticks);
		if (!u && t->unit_known)
			a->idle += ticks;
	}
	s.end = at;
	s.unit = u ? u->acct : NULL;
	s.by_word = s.state == ACCT_ONCPU && u && !t->certain && !unit_by_marks(t);
	emit(c, &s);
	if (!u)
		return;
	u->acct->state[s.state] += ticks;
	if (s.by_word) {
		a->oncpu_by_word += ticks;
		u->acct->oncpu_by_word += ticks;
	}
	if (s.state == ACCT_BLOCKED)
		blocked_add(c, &u->acct->blocked, s.what, 0, ticks);
	if (s.state == ACCT_ONCPU && s.cpu != u->last_cpu) {
		u->last_cpu = s.cpu;
		idset_add(c, &u->cpus, s.cpu);
	}
	s.of_unit = true;
	emit(c, &s);
}

void thread_cut(struct correlator *c, struct thread *t, uint64_t at)
{
	if (t->foreign || t->dead || at <= t->span.begin)
		return;
	account(c, t, at);
	t->span.begin = at;
}

void thread_set(struct correlator *c, struct thread *t, uint64_t at, enum acct_state state)
{
	struct acct_span *s = &t->span;

	if (t->foreign || t->dead)
		return;
	if (s->state == ACCT_BLOCKED) {
		blocked_add(c, &t->acct->blocked, s->what, 1, 0);
		if (t->unit)
			blocked_add(c, &t->unit->acct->blocked, s->what, 1, 0);
	}
	thread_cut(c, t, at);
	s->state = state;
	s->what = 0;
	s->object = 0;
	s->by_tid = 0;
	s->by_unit = 0;
	s->preempted = false;
	t->state_since = at;
	t->woken_at = 0;
}

void thread_touch(struct correlator *c, struct thread *t)
{
	uint64_t first;

	if (t->gap_gen == c->cpu_gaps_begun)
		return;
	first = c->cpu_gap_first[t->gap_gen];
	t->gap_gen = c->cpu_gaps_begun;
	if (t->span.state != ACCT_RUNNABLE && t->span.state != ACCT_BLOCKED)
		return;
	if (first < t->span.begin)
		first = t->span.begin;
	thread_set(c, t, first, ACCT_UNKNOWN);
	word_is_lost(c, t, first);
}

/* The CPU goes on without the thread that was thought to be on it. */
static void take_off(struct correlator *c, struct cpu *cpu)
{
	struct thread *t = cpu->curr;

	cpu->curr = NULL;
	if (!t || t->span.state != ACCT_ONCPU)
		return;
	word_is_lost(c, t, c->now);
	thread_set(c, t, c->now, ACCT_UNKNOWN);
}

/*
 * The thread runs, and no record told that it was switched to. Seen where a kernel runs no probe for the
 * switches of some threads, and for nobody's fault: it can be told from a loss, as that is counted. What
 * the kernel booked as run time since the thread's last slice says when it came.
 */
static void arrival_missing(struct correlator *c, struct thread *t, const struct weft_event *rec)
{
	const struct weft_ev_sched_switch *ev = (const void *)rec;
	uint64_t since = c->now;

	t->acct->arrivals_missing++;
	t->early_marks = 0;
	if (t->span.state == ACCT_ONCPU)
		return;
	if (rec->id == WEFT_EV_sched_switch && t->runtime.known)
		since -= (unsigned __int128)(uint32_t)(ev->runtime - t->runtime.at) *
			 c->trace->clock_freq / 1000000000;
	if (since < t->span.begin || since > c->now)
		since = t->span.begin;
	thread_set(c, t, since, ACCT_ONCPU);
}

void thread_running(struct correlator *c, struct thread *t, uint32_t nr,
		    const struct weft_event *rec)
{
	struct cpu *cpu = cpu_get(c, nr);
	uint64_t since;

	if (!cpu || cpu->curr == t || t->foreign || t->dead || cpu->gaps_open)
		return;
	take_off(c, cpu);
	if (c->infer &&
	    (t->early_marks || t->span.state == ACCT_RUNNABLE || t->span.state == ACCT_BLOCKED)) {
		arrival_missing(c, t, rec);
	} else if (t->span.state == ACCT_UNKNOWN && c->infer) {
		/* No arrival was told since then, and none was missed: it has been here all the time. */
		since = cpu->gap_end > t->span.begin ? cpu->gap_end : t->span.begin;
		thread_set(c, t, since, ACCT_ONCPU);
	} else {
		if (t->span.state == ACCT_ONCPU && cpu_get(c, t->span.cpu)->curr == t)
			c->cpus[t->span.cpu].curr = NULL;
		thread_set(c, t, c->now, ACCT_ONCPU);
	}
	t->state_since = 0;
	t->span.cpu = nr;
	cpu = cpu_get(c, nr);
	cpu->curr = t;
	count_arrival(c, t, WEFT_UNKNOWN);
}

/* The thread sleeps: in which system call or fault. */
static void block(struct correlator *c, struct thread *t, const struct weft_ev_sched_switch *ev)
{
	struct acct_span *s = &t->span;
	bool in_fault = ev->syscall < 0 && !(ev->flags & WEFT_SWITCH_KTHREAD) && !t->exiting &&
			(ev->state & (TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE));

	thread_set(c, t, c->now, ACCT_BLOCKED);
	if (in_fault) {
		s->what = ACCT_BLOCKED_FAULT;
		s->object = t->fault_address;
	} else {
		s->what = ev->syscall >= 0 && ev->syscall < ACCT_BLOCKED_OTHER ?
				  (uint32_t)ev->syscall :
				  ACCT_BLOCKED_OTHER;
	}
	t->fault_address = 0;
}

static void thread_end(struct correlator *c, struct thread *t)
{
	struct process *p = t->process;

	/* What it waited for at its last switch does not count as blocked. */
	thread_cut(c, t, c->now);
	thread_abandon(c, t, c->now);
	t->dead = true;
	t->acct->ended_here = true;
	t->acct->last = c->now;
	if (!p || --p->alive)
		return;
	image_close(c, p->image, c->now);
}

static void depart(struct correlator *c, const struct weft_ev_sched_switch *ev, struct thread *t)
{
	bool voluntary = !(ev->flags & WEFT_SWITCH_PREEMPT) && ev->state;

	if (ev->flags & WEFT_SWITCH_DEAD) {
		thread_end(c, t);
		return;
	}
	if (c->cpu_gaps_open) {
		/* Where records are missing it may be woken and run. */
		word_is_lost(c, t, c->now);
		thread_set(c, t, c->now, ACCT_UNKNOWN);
	} else if (voluntary) {
		block(c, t, ev);
	} else {
		thread_set(c, t, c->now, ACCT_RUNNABLE);
		t->span.preempted = true;
		t->span.by_tid = ev->next_tid;
	}
}

/* Decides what the thread was doing until now, as it goes on a CPU. */
static uint64_t settle_wait(struct correlator *c, struct thread *t, uint32_t prev_tid)
{
	struct acct_span *s = &t->span;
	/* Not told if books were opened meanwhile: they have a part of it. */
	uint64_t wait = t->state_since ? c->now - t->state_since : WEFT_UNKNOWN;
	uint64_t since;

	switch (s->state) {
	case ACCT_RUNNABLE:
		if (!s->preempted)
			s->by_tid = prev_tid;
		return wait;
	case ACCT_BLOCKED:
		if (!c->infer)
			return WEFT_UNKNOWN;
		/* Nobody woke it: a signal was pending, and it never left the run queue. */
		s->state = ACCT_RUNNABLE;
		s->what = 0;
		s->object = 0;
		s->by_tid = prev_tid;
		return wait;
	case ACCT_UNKNOWN:
		if (!c->infer || c->cpu_gaps_open)
			return WEFT_UNKNOWN;
		/* It waited at least since it was woken, or since when nothing more was missed. */
		since = c->cpu_gap_end > s->begin ? c->cpu_gap_end : s->begin;
		if (t->woken_at > since)
			since = t->woken_at;
		thread_set(c, t, since, ACCT_RUNNABLE);
		s->by_tid = prev_tid;
		return WEFT_UNKNOWN;
	default:
		return WEFT_UNKNOWN;
	}
}

static void arrive(struct correlator *c, const struct weft_ev_sched_switch *ev, uint32_t nr,
		   struct thread *t)
{
	struct cpu *cpu = cpu_get(c, nr);
	bool preempted = t->span.preempted;
	uint64_t wait;

	if (t->span.state == ACCT_ONCPU && t->span.cpu < c->nr_cpus &&
	    c->cpus[t->span.cpu].curr == t)
		take_off(c, &c->cpus[t->span.cpu]);
	wait = settle_wait(c, t, ev->h.tid);
	if (wait != WEFT_UNKNOWN) {
		histogram_add(&t->acct->runqueue_wait, wait);
		if (!preempted)
			histogram_add(&t->acct->wakeup_latency, wait);
	}
	if (ev->flags & WEFT_SWITCH_MM) {
		t->acct->n.mm_switches++;
		if (t->unit)
			t->unit->acct->n.mm_switches++;
	}
	if (cpu->gaps_open) {
		thread_set(c, t, c->now, ACCT_UNKNOWN);
		return;
	}
	thread_set(c, t, c->now, ACCT_ONCPU);
	t->span.cpu = nr;
	cpu->curr = t;
	unit_arrival(c, t);
	count_arrival(c, t, wait);
}

void on_switch(struct correlator *c, const struct weft_ev_sched_switch *ev, uint32_t nr,
	       struct thread *prev)
{
	struct cpu *cpu = cpu_get(c, nr);
	struct thread *next;

	if (!cpu)
		return;
	if (prev && !prev->foreign) {
		count_switch(c, ev, nr, prev);
		if (cpu->curr == prev)
			cpu->curr = NULL;
		depart(c, ev, prev);
	}
	take_off(c, cpu);
	next = ev->next_tid ? thread_get(c, ev->next_tid) : NULL;
	if (next && next->dead)
		next = thread_new(c, ev->next_tid);
	if (next) {
		thread_touch(c, next);
		if (!next->foreign)
			arrive(c, ev, nr, next);
	}
	slice_begin(c, nr, prev && !prev->foreign ? prev : NULL,
		    next && !next->foreign ? next : NULL);
}

void on_waking(struct correlator *c, const struct weft_ev_sched_waking *ev, struct thread *waker)
{
	struct thread *t = thread_get(c, ev->target);
	bool by_irq = ev->flags & WEFT_WAKE_IRQ;

	if (!t)
		return;
	t->waking = true;
	if (ev->h.id == WEFT_EV_sched_waking && !t->queued_at)
		t->queued_at = c->now;
	t->waker_tid = by_irq ? 0 : ev->h.tid;
	t->waker_unit = !by_irq && waker && waker->unit ? waker->unit->acct->id : 0;
}

void on_wakeup(struct correlator *c, const struct weft_ev_sched_waking *ev, struct thread *waker)
{
	struct thread *t = thread_get(c, ev->target);

	if (!t)
		return;
	thread_touch(c, t);
	if (!t->waking)
		on_waking(c, ev, waker);
	t->waking = false;
	if (ev->h.id == WEFT_EV_sched_wakeup) {
		t->acct->n.wakeups++;
		if (t->unit)
			t->unit->acct->n.wakeups++;
	}
	if (t->span.state == ACCT_BLOCKED) {
		t->span.by_tid = t->waker_tid;
		t->span.by_unit = t->waker_unit;
		thread_set(c, t, c->now, ACCT_RUNNABLE);
	} else if (t->span.state == ACCT_UNKNOWN && !c->cpu_gaps_open) {
		t->woken_at = c->now;
	}
}

void on_thread(struct correlator *c, const struct weft_ev_thread *ev)
{
	struct thread *t = thread_find(c, ev->h.tid);
	struct process *p = process_get(c, ev->tgid);
	bool traced = ev->flags & WEFT_THREAD_TRACED;

	/* Described anew: somebody else who has this id now. */
	if (t && t->dead && t->process)
		t = NULL;
	if (!t)
		t = thread_new(c, ev->h.tid);
	if (!t || !p)
		return;
	thread_touch(c, t);
	if (!t->process) {
		thread_set_process(t, p);
		/* Marks are recorded from the beginning, and there was none yet. */
		t->unit_known |= t->image->marks;
	}
	memcpy(t->acct->comm, ev->comm, sizeof(t->acct->comm));
	if (ev->h.tid == ev->tgid) {
		memcpy(p->acct->comm, ev->comm, sizeof(p->acct->comm));
		p->acct->ppid = ev->ppid;
	}
	if (traced) {
		if (t->foreign) {
			t->foreign = false;
			thread_cut(c, t, c->now);
		}
		t->acct->traced = p->acct->traced = true;
		return;
	}
	/* What little is known of it is no account: all its life is UNKNOWN. */
	if (t->span.state == ACCT_ONCPU && cpu_get(c, t->span.cpu)->curr == t)
		c->cpus[t->span.cpu].curr = NULL;
	thread_set(c, t, c->now, ACCT_UNKNOWN);
	t->foreign = true;
}

void on_newtask(struct correlator *c, const struct weft_ev_task_newtask *ev, struct thread *parent)
{
	bool new_process = !(ev->clone_flags & CLONE_THREAD);
	struct image *from = parent && parent->process ? parent->image : NULL;
	struct thread *t = thread_new(c, ev->child_tid);
	struct process *p = new_process ? process_new(c, ev->child_tgid, from) :
					  process_get(c, ev->child_tgid);

	if (!t || !p)
		return;
	thread_set_process(t, p);
	t->acct->traced = p->acct->traced = true;
	t->acct->started_here = true;
	memcpy(t->acct->comm, ev->comm, sizeof(t->acct->comm));
	if (new_process) {
		memcpy(p->acct->comm, ev->comm, sizeof(p->acct->comm));
		p->acct->ppid = parent ? parent->acct->tgid : 0;
	}
	books_open_new(t);
	t->left_at = c->now;
	thread_inherit(c, t, parent, ev->clone_flags & CLONE_SETTLS);
	if (c->cpu_gaps_open)
		return;
	/* Until its creator wakes it for the first time it can't run. */
	t->span.state = ACCT_BLOCKED;
	t->span.what = ACCT_BLOCKED_OTHER;
	t->state_since = c->now;
}

void on_exec(struct correlator *c, const struct weft_ev_sched_process_exec *ev, struct thread *t)
{
	struct process *p = t->process;
	size_t len = sizeof(p->acct->exe);

	if (!p)
		return;
	memcpy(p->acct->exe, ev->filename, len - 1);
	word_is_lost(c, t, c->now);
	image_close(c, p->image, c->now);
	if (!image_new(c, p, NULL))
		return;
	t->image = p->image;
	t->next_in_image = NULL;
	t->image->threads = t;
	t->unit_known = true;
	t->sure = c->now;
	t->by_word = 0;
}

void cpu_gap_begins(struct correlator *c, uint32_t nr, uint64_t first)
{
	struct cpu *cpu = cpu_get(c, nr);
	struct thread *t;

	if (!cpu)
		return;
	c->cpu_gap_first[c->cpu_gaps_begun++] = first;
	c->cpu_gaps_open++;
	cpu->gaps_open++;
	t = cpu->curr;
	cpu->curr = NULL;
	if (!t || t->span.state != ACCT_ONCPU)
		return;
	t->gap_gen = c->cpu_gaps_begun;
	word_is_lost(c, t, first);
	thread_set(c, t, first, ACCT_UNKNOWN);
}

void cpu_gap_ends(struct correlator *c, uint32_t nr, uint64_t last)
{
	struct cpu *cpu = cpu_get(c, nr);

	if (!cpu)
		return;
	c->cpu_gaps_open--;
	cpu->gaps_open--;
	cpu->gap_end = last;
	c->cpu_gap_end = last;
}
