/* SPDX-License-Identifier: GPL-2.0-only */
/* The oracle's truth: chance, records, and what happens to threads. A part of truth.c. */
#ifndef WEFT_TESTS_TRUTH_THREAD_H
#define WEFT_TESTS_TRUTH_THREAD_H

#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include "truth.h"

static uint32_t rnd(struct world *w, uint32_t below)
{
	/* xorshift64*, Vigna 2016. */
	w->rng ^= w->rng >> 12;
	w->rng ^= w->rng << 25;
	w->rng ^= w->rng >> 27;
	return below ? (uint32_t)((w->rng * 0x2545F4914F6CDD1Dull) >> 33) % below : 0;
}

static bool chance(struct world *w, uint32_t percent)
{
	return rnd(w, 100) < percent;
}

/* No two records have one time, so no order among equal ones has to be known. */
static void pass_time(struct world *w)
{
	w->now += 1 + rnd(w, chance(w, 5) ? 5000 : 40);
}

/* ---- Records ---- */

static int current_of(const struct t_thread *t)
{
	return t->depth ? t->pile[t->depth - 1] : -1;
}

static uint64_t word_of(const struct world *w, const struct t_thread *t)
{
	int u = current_of(t);

	/* A second copy has a word of its own, which nobody reads. */
	if (w->o.copies)
		return WEFT_UNKNOWN;
	return u < 0 ? 0 : w->units[u].id;
}

/* Ends the loss on this CPU: told by the record that follows. */
static void end_gap(struct world *w, int cpu)
{
	struct t_gap *g = w->losing[cpu];

	w->losing[cpu] = NULL;
	if (!g)
		return;
	if (!g->count) {
		w->nr_gaps--;
		return;
	}
	g->open = false;
	writer_lost(&w->w, writer_stream(&w->w, false, (uint32_t)cpu, 0), w->now, 0, g->count,
		    g->first, g->last);
}

/* False: it did not fit. */
static bool put(struct world *w, int cpu, void *rec, size_t size, uint32_t id, int thread)
{
	struct weft_event *e = rec;
	struct t_gap *g = w->losing[cpu];

	e->time = w->now;
	e->id = id;
	if (thread >= 0) {
		struct t_thread *t = &w->threads[thread];
		bool unreadable = t->dying || chance(w, w->o.by_word ? 2 : 0);
		bool runs = id != WEFT_EV_thread && id != WEFT_EV_thread_stat &&
			    !((id == WEFT_EV_sched_waking || id == WEFT_EV_sched_wakeup ||
			       id == WEFT_EV_sched_wakeup_new) &&
			      ((struct weft_ev_sched_waking *)rec)->flags & WEFT_WAKE_IRQ);

		e->tid = t->tid;
		e->unit = unreadable ? WEFT_UNKNOWN : word_of(w, t);
		if (runs && !g)
			t->s[t->nr_s++] = (struct sight){ w->now, w->now,
							  unreadable ? -2 : current_of(t), t->proc,
							  false };
	}
	if (g) {
		if (!g->count++)
			g->first = w->now;
		g->last = w->now;
		return false;
	}
	writer_put(&w->w, writer_stream(&w->w, false, (uint32_t)cpu, 0), rec, size);
	return true;
}
#define PUT(w, cpu, rec, name, thread)                                                             \
	put(w, cpu, rec, sizeof(struct weft_ev_##name), WEFT_EV_##name, thread)

/* Counts on the thread and its unit what a record tells. */
#define COUNT(w, t, field, by)                                                                     \
	do {                                                                                       \
		int u_ = current_of(t);                                                            \
		(t)->n.field += (by);                                                              \
		if (u_ >= 0)                                                                       \
			(w)->units[u_].n.field += (by);                                            \
	} while (0)

/* ---- Histories ---- */

static void enter(struct world *w, struct t_thread *t, enum acct_state state, uint32_t what,
		  int cpu, bool preempted, bool signalled)
{
	if (t->nr_h == MAX_HISTORY || t->nr_s + 8 > MAX_HISTORY || t->nr_c + 8 > MAX_HISTORY)
		abort();
	t->h[t->nr_h++] =
		(struct history){ w->now, state, what, (uint32_t)cpu, preempted, signalled };
}

static void now_current(struct world *w, struct t_thread *t)
{
	t->c[t->nr_c++] = (struct current){ w->now, current_of(t), t->proc, false };
}

static void unit_is(struct world *w, int unit, int is, int thread, uint32_t reason, uint64_t object)
{
	struct t_unit *u = &w->units[unit];

	if (u->nr_h == MAX_HISTORY)
		abort();
	u->h[u->nr_h++] = (struct unit_history){ w->now, is, thread, reason, object };
}

/* ---- Threads ---- */

static int new_proc(struct world *w)
{
	struct t_proc *p = &w->procs[w->nr_procs];

	*p = (struct t_proc){ .tgid = w->next_id, .next_id = 1, .copies = w->o.copies ? 2 : 1 };
	return w->nr_procs++;
}

static int new_thread(struct world *w, int proc)
{
	struct t_thread *t = &w->threads[w->nr_threads];

	*t = (struct t_thread){ .tid = w->next_id++,
				.proc = proc,
				.cpu = -1,
				.belated = -1,
				.parent = -1,
				.first = w->now };
	t->h = calloc(MAX_HISTORY, sizeof(*t->h));
	t->c = calloc(MAX_HISTORY, sizeof(*t->c));
	t->s = calloc(MAX_HISTORY, sizeof(*t->s));
	w->procs[proc].alive++;
	return w->nr_threads++;
}

static void put_stat(struct world *w, int cpu, struct t_thread *t, uint32_t when)
{
	struct weft_ev_thread_stat e = {
		.h.unit = 0,
		.tgid = w->procs[t->proc].tgid,
		.when = when,
		.nvcsw = t->nvcsw,
		.nivcsw = t->nivcsw,
		.min_flt = t->minflt,
		.maj_flt = t->majflt,
		.runtime_ns = t->runtime,
		.run_delay_ns = t->run_delay,
	};

	PUT(w, cpu, &e, thread_stat, (int)(t - w->threads));
}

static int pick_runnable(struct world *w)
{
	int n = 0, i, pick = -1;

	for (i = 0; i < w->nr_threads; i++) {
		struct t_thread *t = &w->threads[i];

		if (!t->dead && t->cpu < 0 && !t->blocked && !t->fresh && !rnd(w, (uint32_t)++n))
			pick = i;
	}
	return pick;
}

/* The CPU's thread goes, if there is one, and another comes, if one can. */
static void do_switch(struct world *w, int cpu, bool sleeps, bool dead)
{
	int prev = w->curr[cpu], next = pick_runnable(w);
	struct t_thread *p = prev >= 0 ? &w->threads[prev] : NULL;
	struct t_thread *n = next >= 0 ? &w->threads[next] : NULL;
	struct weft_ev_sched_switch e = { .syscall = -1, .prio = 120, .next_prio = 120 };
	bool signalled = false, mm = chance(w, 40), recorded;

	if (!p && !n)
		return;
	e.next_tid = n ? n->tid : 0;
	e.flags = n && mm ? WEFT_SWITCH_MM : 0;
	if (p) {
		uint64_t slice = w->now - p->slice_begin;

		/* The scheduler's own clock is off now and then, and once in a while far ahead. */
		p->runtime += slice + rnd(w, 3) - (slice > 1 ? 1 : 0);
		if (sleeps) {
			e.state = chance(w, 50) ? 1 : 2;
			signalled = !dead && e.state == 1 && chance(w, 10);
			p->nvcsw++;
		} else {
			e.flags |= chance(w, 60) ? WEFT_SWITCH_PREEMPT : 0;
			/* Preempted just as it was about to sleep. */
			e.state = e.flags & WEFT_SWITCH_PREEMPT && chance(w, 10) ? 1 : 0;
			p->nivcsw++;
		}
		if (dead) {
			e.flags |= WEFT_SWITCH_DEAD;
			e.state = 0x80;
		} else if (!p->fault_begin) {
			e.syscall = chance(w, 80) ? (int16_t)rnd(w, 400) : -1;
			/* Neither in a call nor in a fault: stopped. */
			if (sleeps && e.syscall < 0) {
				e.state = 4;
				signalled = false;
			}
		} else if (chance(w, 20)) {
			e.syscall = (int16_t)rnd(w, 400);
		}
		e.nswitch = (uint32_t)(p->nvcsw + p->nivcsw);
		e.nvcsw = (uint8_t)p->nvcsw;
		e.runtime = (uint32_t)p->runtime;
		e.run_delay = (uint32_t)p->run_delay;
	}
	recorded = PUT(w, cpu, &e, sched_switch, prev);
	if (!p)
		((struct weft_event *)&e)->tid = 0;
	if (p && recorded) {
		COUNT(w, p, switches_voluntary, sleeps);
		COUNT(w, p, switches_involuntary, !sleeps);
		COUNT(w, p, preemptions, !sleeps && e.syscall != __NR_sched_yield);
	}
	if (p) {
		if (p->fault_begin)
			p->fault_oncpu +=
				w->now -
				(p->slice_begin > p->fault_begin ? p->slice_begin : p->fault_begin);
		p->cpu = -1;
		if (dead) {
			p->dead = true;
			p->last = w->now;
		} else if (sleeps && !signalled) {
			p->blocked = true;
			enter(w, p, ACCT_BLOCKED,
			      e.syscall >= 0 ? (uint32_t)e.syscall :
			      e.state == 4   ? ACCT_BLOCKED_OTHER :
					       ACCT_BLOCKED_FAULT,
			      cpu, false, false);
		} else {
			/* If it looks asleep: in what. */
			enter(w, p, ACCT_RUNNABLE,
			      e.syscall >= 0 ? (uint32_t)e.syscall : ACCT_BLOCKED_FAULT, cpu,
			      !sleeps, signalled);
			p->wait_begin = w->now;
		}
		if (w->curr[cpu] == prev)
			w->curr[cpu] = -1;
	}
	if (!n)
		return;
	if (recorded) {
		COUNT(w, n, mm_switches, !!(e.flags & WEFT_SWITCH_MM));
		n->s[n->nr_s++] = (struct sight){ w->now, w->now, 0, n->proc, true };
	}
	n->run_delay += w->now - n->wait_begin + rnd(w, 2);
	n->cpu = cpu;
	n->slice_begin = w->now;
	w->curr[cpu] = next;
	enter(w, n, ACCT_ONCPU, 0, cpu, false, false);
}

/* A sleeping thread is woken, from a thread or an interrupt on some CPU. */
static void do_wake(struct world *w)
{
	int i, n = 0, pick = -1, cpu = (int)rnd(w, (uint32_t)w->nr_cpus), by = w->curr[cpu];
	struct weft_ev_sched_waking e = { .prio = 120 };
	bool irq = by < 0 || chance(w, 30), is_new;
	struct t_thread *t;

	for (i = 0; i < w->nr_threads; i++)
		if (!w->threads[i].dead && w->threads[i].cpu < 0 && w->threads[i].blocked &&
		    !rnd(w, (uint32_t)++n))
			pick = i;
	if (pick < 0)
		return;
	t = &w->threads[pick];
	is_new = t->fresh;
	e.target = t->tid;
	e.target_cpu = (uint16_t)rnd(w, (uint32_t)w->nr_cpus);
	e.flags = irq ? WEFT_WAKE_IRQ : 0;
	if (!is_new) {
		if (PUT(w, cpu, &e, sched_waking, by) && by >= 0 && !irq)
			COUNT(w, &w->threads[by], wakes_given, 1);
		pass_time(w);
	}
	/* The word of an interrupted thread is no less its word. */
	e.h.unit = 0;
	if (is_new) {
		PUT(w, cpu, &e, sched_wakeup_new, by);
	} else if (PUT(w, cpu, &e, sched_wakeup, by)) {
		COUNT(w, t, wakeups, 1);
	}
	t->blocked = t->fresh = false;
	t->wait_begin = w->now;
	enter(w, t, ACCT_RUNNABLE, 0, cpu, false, false);
}

static void do_migrate(struct world *w)
{
	int i = (int)rnd(w, (uint32_t)w->nr_threads), cpu = (int)rnd(w, (uint32_t)w->nr_cpus),
	    by = w->curr[cpu];
	struct weft_ev_sched_migrate_task e = { .target = w->threads[i].tid };

	if (w->threads[i].dead || w->threads[i].cpu >= 0 || by < 0)
		return;
	if (PUT(w, cpu, &e, sched_migrate_task, by))
		COUNT(w, &w->threads[i], migrations, 1);
}

static void end_fault(struct world *w, int cpu)
{
	struct t_thread *t = &w->threads[w->curr[cpu]];
	uint32_t kind = rnd(w, 4);
	struct weft_ev_page_fault e = {
		.address = 0x1000,
		.duration = w->now - t->fault_begin,
		.flags = kind == 0 ? WEFT_FAULT_RETRY :
			 kind == 1 ? WEFT_FAULT_MAJOR :
				     0,
	};
	uint64_t oncpu = t->fault_oncpu + w->now -
			 (t->slice_begin > t->fault_begin ? t->slice_begin : t->fault_begin);

	t->majflt += kind == 1;
	t->minflt += kind > 1;
	e.counts = (uint32_t)(t->majflt + t->minflt);
	t->fault_begin = 0;
	if (!PUT(w, cpu, &e, page_fault, w->curr[cpu]))
		return;
	t->s[t->nr_s - 1].since = w->now - e.duration;
	COUNT(w, t, faults_uncounted, kind == 0);
	COUNT(w, t, faults_major, kind == 1);
	COUNT(w, t, faults_minor, kind > 1);
	COUNT(w, t, fault_ticks, e.duration);
	if (current_of(t) >= 0)
		w->units[current_of(t)].fault_oncpu += oncpu;
}

static void do_mmap(struct world *w, int cpu)
{
	struct t_thread *t = &w->threads[w->curr[cpu]];
	bool fails = chance(w, 10), un = chance(w, 40);
	struct weft_ev_mmap e = {
		.length = 4096 * (1 + rnd(w, 9)),
		.result = fails ? -12 :
			  un	? 0 :
				  0x7000,
		.duration = rnd(w, 9),
	};
	uint64_t as_is = w->now - t->c[t->nr_c - 1].begin;

	/* No mark is made in a call. */
	if (e.duration > as_is)
		e.duration = as_is;

	if (!put(w, cpu, &e, sizeof(e), un ? WEFT_EV_munmap : WEFT_EV_mmap, w->curr[cpu]))
		return;
	t->s[t->nr_s - 1].since = w->now - e.duration;
	COUNT(w, t, map_calls, 1);
	COUNT(w, t, map_ticks, e.duration);
	if (fails)
		return;
	if (un) {
		COUNT(w, t, unmaps, 1);
		COUNT(w, t, unmapped_bytes, (uint64_t)e.length);
	} else {
		COUNT(w, t, maps, 1);
		COUNT(w, t, mapped_bytes, (uint64_t)e.length);
	}
}

static void do_fork(struct world *w, int cpu)
{
	int by = w->curr[cpu], child, proc, u = current_of(&w->threads[by]), copy;
	bool process = w->o.processes && chance(w, 40);
	struct weft_ev_task_newtask e = {
		.clone_flags = process ? SIGCHLD : CLONE_VM | CLONE_THREAD | CLONE_SETTLS,
		.comm = "child",
	};
	struct t_thread *t;

	if (w->nr_threads == MAX_THREADS || w->nr_procs == MAX_PROCS || w->nr_units == MAX_UNITS ||
	    w->losing[cpu])
		return;
	proc = process ? new_proc(w) : w->threads[by].proc;
	child = new_thread(w, proc);
	t = &w->threads[child];
	e.child_tid = t->tid;
	e.child_tgid = w->procs[proc].tgid;
	if (process)
		w->procs[proc].next_id = w->procs[w->threads[by].proc].next_id;
	t->born = true;
	t->parent = process ? by : -1;
	t->blocked = t->fresh = true;
	PUT(w, cpu, &e, task_newtask, by);
	COUNT(w, &w->threads[by], forks, 1);
	enter(w, t, ACCT_BLOCKED, ACCT_BLOCKED_OTHER, cpu, false, false);
	if (process && u >= 0) {
		/* The child's memory is a copy: the same unit is current there. */
		copy = w->nr_units++;
		w->units[copy] = (struct t_unit){ .id = w->units[u].id,
						  .copy = w->units[u].copy,
						  .proc = proc,
						  .thread = child };
		w->units[copy].h = calloc(MAX_HISTORY, sizeof(struct unit_history));
		t->pile[t->depth++] = copy;
		unit_is(w, copy, U_CURRENT, child, 0, 0);
	}
	now_current(w, t);
}

#endif
