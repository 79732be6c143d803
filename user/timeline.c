// SPDX-License-Identifier: GPL-2.0-only
/* A stretch of time, cut into cells. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "correlate.h"
#include "table.h"
#include "timeline.h"

#define CPU_COLUMNS (TIMELINE_LETTERS + 1)

/* The second pass: its threads and units are found by their ids. */
struct fill {
	struct timeline *tl;
	struct table threads; /* of (tid, tgid): lane of the thread */
	struct table units;   /* of (id, tgid and copy): lane of the unit or its group */
};

/* ---- lanes */

static bool was_there(const struct timeline *tl, uint64_t first, uint64_t last)
{
	return first < tl->to && last > tl->from;
}

static int busiest_thread(const void *a, const void *b)
{
	const struct acct_thread *x = *(const struct acct_thread *const *)a;
	const struct acct_thread *y = *(const struct acct_thread *const *)b;

	if (x->state[ACCT_ONCPU] != y->state[ACCT_ONCPU])
		return x->state[ACCT_ONCPU] > y->state[ACCT_ONCPU] ? -1 : 1;
	return x->tid < y->tid ? -1 : x->tid > y->tid;
}

static int make_lanes(struct timeline_lane **lanes, size_t nr, size_t width, size_t columns)
{
	size_t i;

	*lanes = calloc(nr + 1, sizeof(**lanes));
	if (!*lanes)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		(*lanes)[i].letter = ' ';
		(*lanes)[i].cells = calloc(width * columns, sizeof(uint64_t));
		if (!(*lanes)[i].cells)
			return -ENOMEM;
	}
	return 0;
}

/* Of the n-th thread, n below TIMELINE_LETTERS. */
static char letter(size_t n)
{
	return n < 26 ? (char)('a' + n) : (char)('A' + n - 26);
}

static int choose_threads(struct timeline *tl, struct fill *f, const struct accounts *a, size_t max)
{
	const struct acct_thread *t, **list = calloc(a->nr_threads + 1, sizeof(*list));
	size_t nr = 0, i;
	int err = list ? 0 : -ENOMEM;

	for (t = a->threads; t && !err; t = t->next)
		if (t->traced && was_there(tl, t->first, t->last))
			list[nr++] = t;
	if (!err)
		qsort(list, nr, sizeof(*list), busiest_thread);
	tl->nr_threads = nr < max ? nr : max;
	tl->more_threads = nr - tl->nr_threads;
	err = err ? err : make_lanes(&tl->threads, tl->nr_threads, tl->width, ACCT_NR_STATES);
	for (i = 0; !err && i < tl->nr_threads; i++) {
		tl->threads[i].thread = list[i];
		if (i < TIMELINE_LETTERS)
			tl->threads[i].letter = letter(i);
		err = table_set(&f->threads, list[i]->tid, list[i]->tgid, &tl->threads[i]);
	}
	free(list);
	return err;
}

static uint64_t unit_where(const struct acct_unit *u)
{
	return (uint64_t)u->tgid << 32 | u->copy;
}

static int by_group(const void *a, const void *b)
{
	const struct acct_unit *x = *(const struct acct_unit *const *)a;
	const struct acct_unit *y = *(const struct acct_unit *const *)b;
	int order;

	if (x->tgid != y->tgid)
		return x->tgid < y->tgid ? -1 : 1;
	order = strncmp(x->name, y->name, sizeof(x->name));
	return order ? order : x->id < y->id ? -1 : x->id > y->id;
}

static bool same_group(const struct acct_unit *x, const struct acct_unit *y)
{
	return x->tgid == y->tgid && !strncmp(x->name, y->name, sizeof(x->name));
}

/* Sorted by group, so that the units of one lane lie together; beyond max lanes they have none. */
static int choose_units(struct timeline *tl, struct fill *f, const struct accounts *a, size_t max)
{
	const struct acct_unit *u, **list = calloc(a->nr_units + 1, sizeof(*list));
	size_t nr = 0, lanes = 0, i;
	int err = list ? 0 : -ENOMEM;

	for (u = a->units; u && !err; u = u->next)
		if (was_there(tl, u->first, u->last))
			list[nr++] = u;
	tl->grouped = nr > max;
	if (!err && tl->grouped)
		qsort(list, nr, sizeof(*list), by_group);
	for (i = 0; i < nr; i++)
		lanes += !tl->grouped || i == 0 || !same_group(list[i - 1], list[i]);
	tl->nr_units = lanes < max ? lanes : max;
	tl->more_units = lanes - tl->nr_units;
	err = err ? err : make_lanes(&tl->units, tl->nr_units, tl->width, ACCT_NR_STATES);
	for (i = 0, lanes = 0; !err && i < nr; i++) {
		lanes += !tl->grouped || i == 0 || !same_group(list[i - 1], list[i]);
		if (lanes > tl->nr_units)
			break;
		if (!tl->units[lanes - 1].unit)
			tl->units[lanes - 1].unit = list[i];
		tl->units[lanes - 1].members++;
		err = table_set(&f->units, list[i]->id, unit_where(list[i]), &tl->units[lanes - 1]);
	}
	free(list);
	return err;
}

/* ---- cells */

/* Where cell i begins. */
static uint64_t cell_begin(const struct timeline *tl, size_t i)
{
	return tl->from + (uint64_t)((unsigned __int128)(tl->to - tl->from) * i / tl->width);
}

/* Adds a span to column `column` of each cell that it touches. */
static void add_span(const struct timeline *tl, uint64_t *cells, size_t columns, size_t column,
		     uint64_t begin, uint64_t end)
{
	size_t i;

	if (begin < tl->from)
		begin = tl->from;
	if (end > tl->to)
		end = tl->to;
	if (begin >= end)
		return;
	/* Rounded down, so possibly the cell before. */
	i = (size_t)((unsigned __int128)(begin - tl->from) * tl->width / (tl->to - tl->from));
	for (; i < tl->width && cell_begin(tl, i) < end; i++) {
		uint64_t left = cell_begin(tl, i), right = cell_begin(tl, i + 1);

		if (left < begin)
			left = begin;
		if (right > end)
			right = end;
		if (right > left)
			cells[i * columns + column] += right - left;
	}
}

static void on_span(void *arg, const struct acct_span *s)
{
	struct fill *f = arg;
	struct timeline *tl = f->tl;
	struct timeline_lane *lane;
	size_t column;

	if (s->of_unit) {
		lane = s->unit ? table_get(&f->units, s->unit->id, unit_where(s->unit)) : NULL;
		if (lane)
			add_span(tl, lane->cells, ACCT_NR_STATES, s->state, s->begin, s->end);
		return;
	}
	if (!s->thread || !s->thread->traced)
		return;
	lane = table_get(&f->threads, s->thread->tid, s->thread->tgid);
	if (lane)
		add_span(tl, lane->cells, ACCT_NR_STATES, s->state, s->begin, s->end);
	if (s->state == ACCT_ONCPU && s->cpu < tl->nr_cpus) {
		column = lane && lane < tl->threads + TIMELINE_LETTERS ?
				 (size_t)(lane - tl->threads) :
				 TIMELINE_LETTERS;
		add_span(tl, tl->cpus[s->cpu].cells, CPU_COLUMNS, column, s->begin, s->end);
	}
}

int timeline_make(struct timeline *tl, struct trace *t, const struct accounts *a, uint64_t from,
		  uint64_t to, size_t width, size_t max_lanes, char *errbuf, size_t len)
{
	static const struct correlate_ops ops = { .span = on_span };
	struct fill f = { .tl = tl };
	struct accounts *again = NULL;
	size_t i;
	int err;

	*tl = (struct timeline){ .from = from, .to = to, .width = width, .nr_cpus = t->nr_cpus };
	err = make_lanes(&tl->cpus, tl->nr_cpus, width, CPU_COLUMNS);
	for (i = 0; !err && i < tl->nr_cpus; i++)
		tl->cpus[i].cpu = (uint32_t)i;
	err = err ? err : choose_threads(tl, &f, a, max_lanes);
	err = err ? err : choose_units(tl, &f, a, max_lanes);
	if (err) {
		snprintf(errbuf, len, "cannot draw %s: %s", t->dir, strerror(-err));
	} else {
		trace_rewind(t);
		err = correlate(t, &ops, &f, &again, errbuf, len);
	}
	accounts_free(again);
	table_free(&f.threads);
	table_free(&f.units);
	return err;
}

static void free_lanes(struct timeline_lane *lanes, size_t nr)
{
	size_t i;

	for (i = 0; lanes && i < nr; i++)
		free(lanes[i].cells);
	free(lanes);
}

void timeline_free(struct timeline *tl)
{
	free_lanes(tl->cpus, tl->nr_cpus);
	free_lanes(tl->threads, tl->nr_threads);
	free_lanes(tl->units, tl->nr_units);
	*tl = (struct timeline){ 0 };
}

/* ---- what a cell looks like */

/* The column with the most, and whether there is another one; -1 if all are 0. */
static int most(const uint64_t *cell, size_t columns, bool *others)
{
	int best = -1;
	size_t i, nr = 0;

	for (i = 0; i < columns; i++) {
		nr += cell[i] != 0;
		if (cell[i] && (best < 0 || cell[i] > cell[best]))
			best = (int)i;
	}
	*others = nr > 1;
	return best;
}

char timeline_state(const uint64_t *cell)
{
	static const char all[] = {
		[ACCT_UNKNOWN] = '?', [ACCT_ONCPU] = '#', [ACCT_RUNNABLE] = 'W',
		[ACCT_BLOCKED] = 'B', [ACCT_READY] = 'Q', [ACCT_SUSPENDED] = 'S'
	};
	static const char part[] = {
		[ACCT_UNKNOWN] = '?', [ACCT_ONCPU] = '+', [ACCT_RUNNABLE] = 'w',
		[ACCT_BLOCKED] = 'b', [ACCT_READY] = 'q', [ACCT_SUSPENDED] = 's'
	};
	bool others;
	int state = most(cell, ACCT_NR_STATES, &others);

	return state < 0 ? ' ' : others ? part[state] : all[state];
}

char timeline_cpu(const uint64_t *cell)
{
	bool others;
	int thread = most(cell, CPU_COLUMNS, &others);

	return thread < 0 ? '.' : thread == TIMELINE_LETTERS ? '*' : letter((size_t)thread);
}
