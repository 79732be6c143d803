// SPDX-License-Identifier: GPL-2.0-only
/* What must come out; included by the test. */
#include "expect.h"

/* ---- What is known of a thread, and what it was ---- */

static void add(struct e_thread *e, uint64_t begin, uint64_t end, enum acct_state state,
		uint32_t what, uint32_t cpu, bool ends)
{
	if (begin >= end)
		return;
	e->spans[e->nr++] = (struct e_span){ begin, end, state, what, cpu, ends };
}

/* The last change of the thread's current unit strictly within: an open span is not decided beyond it. */
static uint64_t last_change(const struct world *w, const struct t_thread *t, uint64_t begin,
			    uint64_t end)
{
	uint64_t at = begin;
	unsigned i;

	for (i = 1; i < t->nr_c && w->procs[t->proc].marks; i++)
		if (t->c[i].begin > begin && t->c[i].begin < end &&
		    t->c[i].unit != t->c[i - 1].unit)
			at = t->c[i].begin;
	return at;
}

/* On a CPU in [begin, end), in which nothing is missing. */
static void on_piece(const struct world *w, const struct t_thread *t, struct e_thread *e,
		     const struct history *h, uint64_t begin, uint64_t end, bool certain)
{
	uint64_t from = begin;
	unsigned i;

	if (!certain) {
		/* Someone has to say that it runs. */
		for (i = 0; i < t->nr_s; i++)
			if (!t->s[i].arrival && t->s[i].time > begin && t->s[i].time <= end)
				break;
		from = i < t->nr_s ? last_change(w, t, begin, t->s[i].time) : end;
	}
	add(e, begin, from, ACCT_UNKNOWN, 0, 0, false);
	add(e, from, end, ACCT_ONCPU, 0, h->cpu, false);
}

/* Off the CPU in [begin, end), from entry `from` on; nothing is missing. */
static void off_piece(const struct world *w, const struct t_thread *t, struct e_thread *e,
		      unsigned from, unsigned to, uint64_t begin, uint64_t end, bool certain,
		      bool arrives)
{
	const struct history *h = &t->h[from];
	uint64_t since = begin;
	unsigned i;

	if (!certain) {
		for (i = from; i < to; i++)
			if (t->h[i].state == ACCT_RUNNABLE && t->h[i].begin > since &&
			    t->h[i].begin < end)
				since = t->h[i].begin;
		since = arrives ? last_change(w, t, since, end) : end;
		add(e, begin, since, ACCT_UNKNOWN, 0, 0, false);
		add(e, since, end, ACCT_RUNNABLE, 0, 0, false);
		return;
	}
	if (h->signalled && !arrives) {
		/* So far it looks as if it slept. */
		add(e, begin, end, ACCT_BLOCKED, h->what, 0, true);
		return;
	}
	for (i = from; i < to; i++) {
		uint64_t a = t->h[i].begin > begin ? t->h[i].begin : begin;
		uint64_t b = i + 1 < to && t->h[i + 1].begin < end ? t->h[i + 1].begin : end;

		add(e, a, b, t->h[i].state, t->h[i].what, 0, true);
	}
}

static bool in_gap(const struct world *w, uint64_t at)
{
	int i;

	for (i = 0; i < w->nr_gaps; i++)
		if (at >= w->gaps[i].first && at <= w->gaps[i].last)
			return true;
	return false;
}

/*
 * Entries [from, to) of the history, all on one CPU or all on none, until `end`: cut at the gaps of that
 * CPU, or of all. Gaps are in order of their begin.
 */
static void pieces(const struct world *w, const struct t_thread *t, struct e_thread *e,
		   unsigned from, unsigned to, uint64_t end, bool certain)
{
	const struct history *h = &t->h[from];
	bool on = h->state == ACCT_ONCPU;
	uint64_t at = h->begin;
	int i;

	for (i = 0; i <= w->nr_gaps; i++) {
		const struct t_gap *g = i < w->nr_gaps ? &w->gaps[i] : NULL;
		uint64_t until = g && g->first < end ? g->first : end;

		if (g && (g->is_unit || g->last < h->begin || (on && g->cpu != h->cpu)))
			continue;
		if (until > at && on)
			on_piece(w, t, e, h, at, until, certain);
		else if (until > at)
			off_piece(w, t, e, from, to, at, until, certain,
				  until == end && to < t->nr_h && !in_gap(w, end));
		if (!g || until == end)
			return;
		certain = false;
		if (until < at)
			until = at;
		if (g->last > at)
			at = g->last < end ? g->last : end;
		add(e, until, at, ACCT_UNKNOWN, 0, 0, false);
	}
}

/* ---- Which unit is known to be current ---- */

static bool by_marks(const struct world *w, int proc)
{
	return w->procs[proc].marks;
}

struct knower {
	int unit; /* -1 none, -2 not known */
	uint64_t sure;
	unsigned next; /* sight */
	bool begun;
	bool on; /* a CPU */
};

static void knows(struct e_thread *e, uint64_t at, int unit)
{
	/* What would be overtaken at once never was. */
	while (e->nr_c && e->c[e->nr_c - 1].begin >= at)
		e->nr_c--;
	if (!e->nr_c || e->c[e->nr_c - 1].unit != unit)
		e->c[e->nr_c++] = (struct e_current){ at, unit };
}

static void begins(const struct world *w, int i, struct knower *k, struct e_thread *all)
{
	const struct t_thread *t = &w->threads[i];

	k[i] = (struct knower){ .unit = -1, .sure = t->first, .begun = true };
	if (!t->born)
		k[i].unit = -2;
	else if (t->parent >= 0)
		k[i].unit = k[t->parent].unit == -2 ? -2 : t->c[0].unit;
	knows(&all[i], t->first, k[i].unit);
}

/* A record on the thread, or its arrival on a CPU. */
static void sees(const struct world *w, int i, const struct sight *s, struct knower *k,
		 struct e_thread *all)
{
	uint64_t since = s->since > k[i].sure ? s->since : k[i].sure;
	int o;

	if (s->arrival) {
		k[i].sure = s->time;
		return;
	}
	if (s->unit >= 0)
		all[i].oncpu_certain += s->time - since;
	if (s->unit != -2 && s->unit == k[i].unit) {
		k[i].sure = s->time;
		return;
	}
	if (k[i].unit != -2)
		knows(&all[i], k[i].sure, -2);
	k[i].unit = s->unit;
	k[i].sure = s->time;
	knows(&all[i], since, s->unit);
	/* Who was thought to run it does so no more, as far as is known. */
	for (o = 0; o < w->nr_threads && s->unit >= 0; o++) {
		if (o == i || !k[o].begun || k[o].unit != s->unit)
			continue;
		knows(&all[o], k[o].sure, -2);
		k[o].unit = -2;
	}
}

/* The current units as far as words tell. */
static void expect_words(const struct world *w, struct e_thread *all)
{
	struct knower k[MAX_THREADS] = { 0 };
	int i;

	for (;;) {
		uint64_t time = UINT64_MAX;
		int who = -1;
		unsigned c;
		struct t_thread *t;

		for (i = 0; i < w->nr_threads; i++) {
			const struct t_thread *x = &w->threads[i];
			uint64_t next = !k[i].begun	    ? x->first :
					k[i].next < x->nr_s ? x->s[k[i].next].time :
							      UINT64_MAX;

			if (next < time) {
				time = next;
				who = i;
			}
		}
		if (who < 0)
			break;
		t = (struct t_thread *)&w->threads[who];
		if (!k[who].begun) {
			begins(w, who, k, all);
			continue;
		}
		sees(w, who, &t->s[k[who].next], k, all);
		k[who].on = t->s[k[who].next].arrival;
		k[who].next++;
		/* After exec nothing is current, whatever the word. */
		for (c = 1; c < t->nr_c; c++)
			if (t->c[c].exec && t->c[c].begin == time) {
				k[who].unit = -1;
				knows(&all[who], time, -1);
			}
	}
	/* What it runs after the last record no word confirms. */
	for (i = 0; i < w->nr_threads; i++) {
		const struct t_thread *t = &w->threads[i];

		if (!t->dead && t->h[t->nr_h - 1].state == ACCT_ONCPU && k[i].unit != -2)
			knows(&all[i], k[i].sure, -2);
	}
}

/* A program whose word could be read and in which no unit was seen has none. */
static bool without_units(const struct world *w, const struct e_thread *all, int proc)
{
	bool told = false;
	int i;
	unsigned k;

	for (i = 0; i < w->nr_threads; i++) {
		const struct t_thread *t = &w->threads[i];

		for (k = 0; k < t->nr_s; k++) {
			if (t->s[k].proc != proc || t->s[k].arrival)
				continue;
			if (t->s[k].unit >= 0)
				return false;
			told |= t->s[k].unit == -1;
		}
		for (k = 0; k < all[i].nr_c; k++)
			if (all[i].c[k].unit >= 0 && w->units[all[i].c[k].unit].proc == proc)
				return false;
	}
	return told;
}

static void expect_current(const struct world *w, struct e_thread *all)
{
	unsigned k;
	int i;

	expect_words(w, all);
	for (i = 0; i < w->nr_threads; i++) {
		const struct t_thread *t = &w->threads[i];

		/* The process is the same for all programs that a thread runs. */
		if (!by_marks(w, t->proc))
			continue;
		all[i].nr_c = 0;
		for (k = 0; k < t->nr_c; k++)
			knows(&all[i], t->c[k].begin, t->c[k].unit);
	}
}

/* What is known to be current at the tick `at`, and until when. */
static int unit_at(const struct e_thread *e, uint64_t at, uint64_t *until)
{
	int unit = -2;
	unsigned i;

	*until = UINT64_MAX;
	for (i = 0; i < e->nr_c; i++) {
		if (e->c[i].begin > at) {
			*until = e->c[i].begin;
			break;
		}
		unit = e->c[i].unit;
	}
	return unit;
}

/* The program that the thread runs at the tick `at`. */
static int proc_at(const struct t_thread *t, uint64_t at)
{
	int proc = t->c[0].proc;
	unsigned i;

	for (i = 0; i < t->nr_c && t->c[i].begin <= at; i++)
		proc = t->c[i].proc;
	return proc;
}

static void expect_thread(const struct world *w, int thread, struct e_thread *all)
{
	struct e_thread *e = &all[thread];
	const struct t_thread *t = &w->threads[thread];
	unsigned i, to, k;

	e->spans = calloc(4 * (size_t)t->nr_h + 8 * (size_t)w->nr_gaps * t->nr_h + 16,
			  sizeof(*e->spans));
	for (i = 0; i < t->nr_h; i = to) {
		bool certain = i || t->born;
		uint64_t end;

		to = i + 1;
		if (t->h[i].state != ACCT_ONCPU)
			while (to < t->nr_h && t->h[to].state != ACCT_ONCPU)
				to++;
		end = to < t->nr_h ? t->h[to].begin : t->last;
		pieces(w, t, e, i, to, end, certain);
	}
	for (k = 0; k < e->nr; k++) {
		const struct e_span *s = &e->spans[k];
		uint64_t at = s->begin, until;

		e->state[s->state] += s->end - s->begin;
		if (s->state == ACCT_BLOCKED) {
			e->blocked[s->what].ticks += s->end - s->begin;
			e->blocked[s->what].count++;
		}
		if (s->state != ACCT_ONCPU)
			continue;
		for (; at < s->end; at = until) {
			int u = unit_at(e, at, &until);

			for (to = 1; to < t->nr_c; to++)
				if (t->c[to].exec && t->c[to].begin > at && t->c[to].begin < until)
					until = t->c[to].begin;
			if (until > s->end)
				until = s->end;
			if (u == -2 && without_units(w, all, proc_at(t, at)))
				u = -1;
			*(u == -2 ? &e->oncpu_unknown :
			  u == -1 ? &e->oncpu_runtime :
				    &e->oncpu_units) += until - at;
		}
	}
}

/* e: one for each, all zero. */
void expect_threads(const struct world *w, struct e_thread *e)
{
	int i;

	for (i = 0; i < w->nr_threads; i++)
		e[i].c = calloc(3 * MAX_HISTORY, sizeof(*e[i].c));
	expect_current(w, e);
	for (i = 0; i < w->nr_threads; i++)
		expect_thread(w, i, e);
	for (i = 0; i < w->nr_threads; i++)
		if (!by_marks(w, w->threads[i].proc))
			e[i].oncpu_by_word = e[i].oncpu_units - e[i].oncpu_certain;
}

/* ---- Units ---- */

static void current_on(const struct e_thread *t, int thread, uint64_t begin, uint64_t end,
		       struct e_unit *e)
{
	unsigned i;

	e->threads |= 1ull << thread;
	for (i = 0; i < t->nr; i++) {
		const struct e_span *s = &t->spans[i];
		uint64_t a = s->begin > begin ? s->begin : begin, b = s->end < end ? s->end : end;

		if (a >= b)
			continue;
		e->state[s->state] += b - a;
		if (s->state == ACCT_ONCPU)
			e->cpus |= 1ull << s->cpu;
		if (s->state != ACCT_BLOCKED)
			continue;
		e->blocked[s->what].ticks += b - a;
		/* It counts with whom it ends. */
		if (b == s->end)
			e->blocked[s->what].count++;
	}
}

/* By the word: it is what threads were known to run it. */
static bool expect_unit_by_word(const struct world *w, int unit, const struct e_thread *threads,
				struct e_unit *e)
{
	uint64_t sum = 0;
	int i, s;
	unsigned k;

	e->first = UINT64_MAX;
	for (i = 0; i < w->nr_threads; i++) {
		const struct e_thread *t = &threads[i];

		for (k = 0; k < t->nr_c; k++) {
			uint64_t end = k + 1 < t->nr_c ? t->c[k + 1].begin : w->threads[i].last;

			if (t->c[k].unit != unit)
				continue;
			if (t->c[k].begin < e->first)
				e->first = t->c[k].begin;
			if (end > e->last)
				e->last = end;
			current_on(t, i, t->c[k].begin, end, e);
		}
		/* Seen once and gone by the next record: it exists all the same. */
		for (k = 0; k < w->threads[i].nr_s; k++) {
			const struct sight *seen = &w->threads[i].s[k];

			if (seen->arrival || seen->unit != unit)
				continue;
			e->threads |= 1ull << i;
			if (seen->time < e->first)
				e->first = seen->time;
			if (seen->time > e->last)
				e->last = seen->time;
		}
	}
	for (s = 0; s < ACCT_NR_STATES; s++)
		sum += e->state[s];
	if (e->first != UINT64_MAX)
		e->state[ACCT_UNKNOWN] += e->last - e->first - sum;
	return e->first != UINT64_MAX;
}

bool expect_unit(const struct world *w, int unit, const struct e_thread *threads, struct e_unit *e)
{
	const struct t_unit *u = &w->units[unit];
	unsigned i, end = u->nr_h - 1;

	memset(e, 0, sizeof(*e));
	if (!by_marks(w, u->proc))
		return expect_unit_by_word(w, unit, threads, e);
	e->first = u->h[0].begin;
	e->created = u->created;
	e->exited = u->h[end].object;
	/* Left behind by a thread that died, and never heard of again: its life ended there. */
	if (!e->exited && end && u->h[end - 1].is == U_ABANDONED)
		end--;
	e->last = u->h[end].begin;
	for (i = 0; i < end; i++) {
		const struct unit_history *h = &u->h[i];
		uint64_t ticks = h[1].begin - h->begin;
		struct e_blocked *wait = &e->waits[h->reason][h->object];

		switch (h->is) {
		case U_READY:
			e->state[ACCT_READY] += ticks;
			break;
		case U_CURRENT:
			current_on(&threads[h->thread], h->thread, h->begin, h[1].begin, e);
			break;
		case U_SUSPENDED:
		case U_ABANDONED:
			e->state[ACCT_SUSPENDED] += ticks;
			wait->count++;
			wait->ticks += ticks;
			break;
		case U_END:
			break;
		}
	}
	return true;
}
