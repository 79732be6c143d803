// SPDX-License-Identifier: GPL-2.0-only
/* The oracle's truth; included by the test. */
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
			t->s[t->nr_s++] = (struct sight){ w->now, unreadable ? -2 : current_of(t),
							  t->proc, false };
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
		n->s[n->nr_s++] = (struct sight){ w->now, 0, n->proc, true };
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

	if (!put(w, cpu, &e, sizeof(e), un ? WEFT_EV_munmap : WEFT_EV_mmap, w->curr[cpu]))
		return;
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

/* ---- Units ---- */

static void put_mark(struct world *w, int thread, void *rec, size_t size, uint32_t id, int unit)
{
	struct weft_event *e = rec;
	struct t_thread *t = &w->threads[thread];

	e->time = w->now;
	e->id = id;
	e->tid = t->tid;
	e->unit = w->units[unit].id;
	if (w->o.by_word)
		return;
	w->procs[t->proc].marks = true;
	if (w->o.mark_gaps && !t->losing_marks)
		t->losing_marks = chance(w, 2);
	else if (t->losing_marks && chance(w, 20))
		t->losing_marks = false;
	if (t->losing_marks) {
		if (!t->marks_lost++)
			t->lost_first = w->now;
		t->lost_last = w->now;
		return;
	}
	if (t->marks_lost)
		writer_lost(&w->w,
			    writer_stream(&w->w, true, w->procs[t->proc].tgid, w->units[unit].copy),
			    w->now, t->tid, t->marks_lost, t->lost_first, t->lost_last);
	t->marks_lost = 0;
	writer_put(&w->w, writer_stream(&w->w, true, w->procs[t->proc].tgid, w->units[unit].copy),
		   rec, size);
}

static void end_units(struct world *w, int proc)
{
	int u;

	for (u = 0; u < w->nr_units; u++) {
		struct t_unit *x = &w->units[u];

		if (x->proc != proc || x->ended)
			continue;
		x->ended = true;
		unit_is(w, u, U_END, -1, 0, 0);
		w->odd.open_units++;
	}
}

/* Takes the unit off its thread's pile. What it covered, of another copy, goes on. */
static void take_unit(struct world *w, int unit)
{
	struct t_thread *t = &w->threads[w->units[unit].thread];
	int i = 0;

	while (t->pile[i] != unit)
		i++;
	w->units[unit].thread = -1;
	if (i == t->depth - 1 && i)
		unit_is(w, t->pile[i - 1], U_CURRENT, (int)(t - w->threads), 0, 0);
	t->depth--;
	for (; i < t->depth; i++)
		t->pile[i] = t->pile[i + 1];
	now_current(w, t);
}

static void do_create(struct world *w, int thread)
{
	struct t_proc *p = &w->procs[w->threads[thread].proc];
	struct weft_ev_unit_create e = { .kind = WEFT_UNIT_COROUTINE, .name = "unit" };
	int u = w->nr_units;

	if (u == MAX_UNITS)
		return;
	w->nr_units++;
	w->units[u] = (struct t_unit){ .id = p->next_id++,
				       .copy = rnd(w, p->copies),
				       .proc = w->threads[thread].proc,
				       .created = true,
				       .thread = -1 };
	w->units[u].h = calloc(MAX_HISTORY, sizeof(struct unit_history));
	put_mark(w, thread, &e, sizeof(e), WEFT_EV_unit_create, u);
	unit_is(w, u, U_READY, -1, 0, 0);
	if (w->o.nonsense && chance(w, 5)) {
		pass_time(w);
		put_mark(w, thread, &e, sizeof(e), WEFT_EV_unit_create, u);
		w->odd.create_twice++;
	}
}

static int pick_unit(struct world *w, int proc, bool running)
{
	int u, n = 0, pick = -1;

	for (u = 0; u < w->nr_units; u++)
		if (w->units[u].proc == proc && !w->units[u].ended &&
		    (w->units[u].thread >= 0) == running && !rnd(w, (uint32_t)++n))
			pick = u;
	return pick;
}

static void do_resume(struct world *w, int thread)
{
	struct t_thread *t = &w->threads[thread];
	bool move = w->o.nonsense && chance(w, 5);
	int u = pick_unit(w, t->proc, move), i;
	struct weft_ev_unit_resume e = { 0 };

	if (u < 0 || t->depth == 7)
		return;
	if (move) {
		struct t_thread *from = &w->threads[w->units[u].thread];

		/* Its thread winds down: it will say so later. */
		if (from == t || from->dead || from->belated >= 0 ||
		    from->h[from->nr_h - 1].signalled)
			return;
		w->odd.resume_while_current++;
		from->belated = u;
		take_unit(w, u);
	}
	/* Of one copy of the header one unit is current. */
	for (i = 0; i < t->depth; i++) {
		int o = t->pile[i];

		if (w->units[o].copy != w->units[u].copy)
			continue;
		take_unit(w, o);
		w->units[o].woken = false;
		unit_is(w, o, U_SUSPENDED, -1, WEFT_WAIT_NESTED, 0);
		i--;
	}
	if (t->depth)
		unit_is(w, current_of(t), U_SUSPENDED, -1, WEFT_WAIT_NESTED, 0);
	if (t->belated == u)
		t->belated = -1;
	t->pile[t->depth++] = u;
	w->units[u].thread = thread;
	w->units[u].resumes++;
	w->units[u].woken = false;
	put_mark(w, thread, &e, sizeof(e), WEFT_EV_unit_resume, u);
	unit_is(w, u, U_CURRENT, thread, 0, 0);
	now_current(w, t);
}

static void do_suspend(struct world *w, int thread)
{
	struct t_thread *t = &w->threads[thread];
	struct weft_ev_unit_suspend e = { .reason = rnd(w, WEFT_WAIT_NESTED), .object = rnd(w, 3) };
	int u;

	if (t->belated >= 0) {
		put_mark(w, thread, &e, sizeof(e), WEFT_EV_unit_suspend, t->belated);
		t->belated = -1;
		return;
	}
	if (!t->depth) {
		u = w->o.nonsense && chance(w, 10) ? pick_unit(w, t->proc, false) : -1;
		if (u < 0)
			return;
		put_mark(w, thread, &e, sizeof(e), WEFT_EV_unit_suspend, u);
		w->odd.suspend_without_resume++;
		return;
	}
	u = t->pile[rnd(w, (uint32_t)t->depth)];
	put_mark(w, thread, &e, sizeof(e), WEFT_EV_unit_suspend, u);
	take_unit(w, u);
	if (e.reason == WEFT_WAIT_YIELD || w->units[u].woken)
		unit_is(w, u, U_READY, -1, 0, 0);
	else
		unit_is(w, u, U_SUSPENDED, -1, e.reason, e.object);
	w->units[u].woken = false;
}

static void do_unit_wake(struct world *w, int thread)
{
	int proc = w->threads[thread].proc, u = pick_unit(w, proc, chance(w, 15));
	int by = current_of(&w->threads[thread]);
	struct t_unit *x = u >= 0 ? &w->units[u] : NULL;
	struct weft_ev_unit_wake e = { 0 };

	if (!x)
		return;
	if (by >= 0 && w->units[by].copy != x->copy)
		by = -1;
	e.by = by < 0 ? 0 : w->units[by].id;
	put_mark(w, thread, &e, sizeof(e), WEFT_EV_unit_wake, u);
	x->wakes_taken++;
	if (by >= 0)
		w->units[by].wakes_given++;
	if (x->thread >= 0)
		x->woken = true;
	else if (x->h[x->nr_h - 1].is == U_SUSPENDED || x->h[x->nr_h - 1].is == U_ABANDONED)
		unit_is(w, u, U_READY, -1, 0, 0);
}

static void do_unit_exit(struct world *w, int thread)
{
	struct t_thread *t = &w->threads[thread];
	int u = t->depth      ? t->pile[rnd(w, (uint32_t)t->depth)] :
		chance(w, 10) ? pick_unit(w, t->proc, false) :
				-1;
	struct weft_ev_unit_exit e = { 0 };

	if (u < 0)
		return;
	put_mark(w, thread, &e, sizeof(e), WEFT_EV_unit_exit, u);
	if (w->units[u].thread >= 0)
		take_unit(w, u);
	w->units[u].ended = true;
	unit_is(w, u, U_END, -1, 0, 1);
}

/* ---- Ends ---- */

static void do_exit(struct world *w, int cpu)
{
	int i = w->curr[cpu];
	struct t_thread *t = &w->threads[i];
	struct weft_ev_sched_process_exit e = { .exit_code = 0x100 };

	if (w->losing[cpu] || t->fault_begin)
		return;
	/* Its memory is gone before the record is made. */
	t->dying = true;
	PUT(w, cpu, &e, sched_process_exit, i);
	pass_time(w);
	do_switch(w, cpu, true, true);
	while (t->depth) {
		int u = current_of(t);

		t->depth--;
		w->units[u].thread = -1;
		w->units[u].woken = false;
		unit_is(w, u, U_ABANDONED, -1, 0, 0);
	}
	if (!--w->procs[t->proc].alive) {
		w->procs[t->proc].dead = true;
		end_units(w, t->proc);
	}
	pass_time(w);
	put_stat(w, cpu, t, WEFT_STAT_EXIT);
}

static void do_exec(struct world *w, int cpu)
{
	int i = w->curr[cpu];
	struct t_thread *t = &w->threads[i];
	struct weft_ev_sched_process_exec e = { .filename = "program" };
	struct t_proc *p = &w->procs[t->proc];

	/* Other threads would have to die first. */
	if (p->alive != 1 || w->losing[cpu] || t->fault_begin || w->nr_procs == MAX_PROCS ||
	    t->tid != p->tgid)
		return;
	e.old_tid = t->tid;
	t->dying = true;
	PUT(w, cpu, &e, sched_process_exec, i);
	t->dying = false;
	t->depth = 0;
	t->belated = -1;
	end_units(w, t->proc);
	/* From here on another program: its units are not those of before. */
	p->next_id = 1;
	w->nr_procs++;
	w->procs[w->nr_procs - 1] = *p;
	p->dead = true;
	t->proc = w->nr_procs - 1;
	now_current(w, t);
	t->c[t->nr_c - 1].exec = true;
}

/* ---- The course of things ---- */

static void on_cpu_step(struct world *w, int cpu)
{
	int i = w->curr[cpu];
	struct t_thread *t = &w->threads[i];
	uint32_t dice = rnd(w, 100);

	if (t->fault_begin) {
		if (dice < 50)
			end_fault(w, cpu);
		else
			do_switch(w, cpu, dice < 75, false);
		return;
	}
	if (dice < 12) {
		do_switch(w, cpu, true, false);
	} else if (dice < 22) {
		do_switch(w, cpu, false, false);
	} else if (dice < 30) {
		t->fault_begin = w->now;
		t->fault_oncpu = 0;
	} else if (dice < 36) {
		do_mmap(w, cpu);
	} else if (dice < 38 && w->o.forks) {
		do_fork(w, cpu);
	} else if (dice < 39 && w->o.forks && chance(w, 60)) {
		do_exit(w, cpu);
	} else if (dice < 40 && w->o.processes) {
		do_exec(w, cpu);
	} else if (w->o.units) {
		if (dice < 52)
			do_create(w, i);
		else if (dice < 70)
			do_resume(w, i);
		else if (dice < 86)
			do_suspend(w, i);
		else if (dice < 95)
			do_unit_wake(w, i);
		else if (dice < 97)
			do_unit_exit(w, i);
	}
}

static void step(struct world *w)
{
	int cpu = (int)rnd(w, (uint32_t)w->nr_cpus);

	pass_time(w);
	if (w->losing[cpu] && chance(w, 15)) {
		end_gap(w, cpu);
	} else if (w->o.gaps && !w->losing[cpu] && chance(w, 1) && w->nr_gaps < MAX_GAPS) {
		/* At most one that has lost nothing yet, for it may be taken back: so they are in order. */
		int c;

		for (c = 0; c < w->nr_cpus; c++)
			if (w->losing[c] && !w->losing[c]->count)
				return;
		w->losing[cpu] = &w->gaps[w->nr_gaps++];
		*w->losing[cpu] = (struct t_gap){ .cpu = (uint32_t)cpu, .open = true };
	}
	if (chance(w, 25))
		do_wake(w);
	else if (chance(w, 4))
		do_migrate(w);
	else if (w->curr[cpu] < 0)
		do_switch(w, cpu, false, false);
	else
		on_cpu_step(w, cpu);
}

/* The threads that exist when the recording begins, in whatever state they are. */
static void begin(struct world *w)
{
	int n = 1 + (int)rnd(w, 4), proc = new_proc(w), i;

	for (i = 0; i < n; i++) {
		int k, cpu = (int)rnd(w, (uint32_t)w->nr_cpus);
		struct t_thread *t;
		struct weft_ev_thread e = { .flags = WEFT_THREAD_TRACED, .comm = "old" };

		pass_time(w);
		k = new_thread(w, proc);
		t = &w->threads[k];
		t->nvcsw = rnd(w, 1000) + (chance(w, 20) ? 0xfffffff0u : 0);
		t->nivcsw = rnd(w, 1000);
		t->minflt = rnd(w, 1000) + (chance(w, 20) ? 0xfffffff0u : 0);
		t->majflt = rnd(w, 9);
		t->runtime = chance(w, 20) ? 0xffffff00u : rnd(w, 100000);
		t->run_delay = chance(w, 20) ? 0xffffff00u : rnd(w, 100000);
		t->slice_begin = t->wait_begin = w->now;
		e.tgid = w->procs[proc].tgid;
		PUT(w, 0, &e, thread, k);
		now_current(w, t);
		if (w->curr[cpu] < 0) {
			w->curr[cpu] = k;
			t->cpu = cpu;
			enter(w, t, ACCT_ONCPU, 0, cpu, false, false);
		} else {
			t->blocked = chance(w, 50);
			enter(w, t, t->blocked ? ACCT_BLOCKED : ACCT_RUNNABLE, ACCT_BLOCKED_OTHER,
			      cpu, false, false);
		}
		put_stat(w, 0, t, WEFT_STAT_START);
	}
}

static void finish(struct world *w)
{
	int i, cpu;

	for (cpu = 0; cpu < w->nr_cpus; cpu++) {
		pass_time(w);
		end_gap(w, cpu);
	}
	for (i = 0; i < w->nr_threads; i++) {
		struct t_thread *t = &w->threads[i];

		if (t->dead)
			continue;
		pass_time(w);
		put_stat(w, 0, t, WEFT_STAT_STOP);
	}
	for (i = 0; i < w->nr_threads; i++)
		if (!w->threads[i].dead)
			w->threads[i].last = w->now;
	for (i = 0; i < w->nr_procs; i++)
		if (!w->procs[i].dead)
			end_units(w, i);
	/* Of programs that one process ran one after the other: the streams are the process's. */
	for (i = 0; i < w->nr_procs; i++)
		for (cpu = 0; cpu < w->nr_procs; cpu++)
			if (w->procs[cpu].tgid == w->procs[i].tgid)
				w->procs[i].marks |= w->procs[cpu].marks;
}

void world_run(struct world *w, uint64_t seed, const struct world_opts *o)
{
	unsigned i;

	memset(w, 0, sizeof(*w));
	w->o = *o;
	w->rng = (seed + 1) * 0x9E3779B97F4A7C15ull;
	for (i = 0; i < 8; i++)
		rnd(w, 2);
	w->now = 1000;
	w->next_id = 100;
	w->nr_cpus = 1 + (int)rnd(w, MAX_CPUS);
	writer_init(&w->w);
	w->w.packet_max = 200 + rnd(w, 2000);
	for (i = 0; i < (unsigned)w->nr_cpus; i++) {
		w->curr[i] = -1;
		writer_stream(&w->w, false, i, 0);
	}
	begin(w);
	for (i = 0; i < o->steps; i++)
		step(w);
	finish(w);
	writer_write(&w->w);
}

void world_free(struct world *w)
{
	int i;

	for (i = 0; i < w->nr_threads; i++) {
		free(w->threads[i].h);
		free(w->threads[i].c);
		free(w->threads[i].s);
	}
	for (i = 0; i < w->nr_units; i++)
		free(w->units[i].h);
	writer_free(&w->w);
}
