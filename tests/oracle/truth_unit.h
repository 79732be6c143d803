/* SPDX-License-Identifier: GPL-2.0-only */
/* The oracle's truth: what happens to units, and its marks. A part of truth.c. */
#ifndef WEFT_TESTS_TRUTH_UNIT_H
#define WEFT_TESTS_TRUTH_UNIT_H

#include "truth_thread.h"

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

#endif
