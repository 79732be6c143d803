// SPDX-License-Identifier: GPL-2.0-only
/* From accounts to the items of a report. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "report.h"

/* ---- what items are sorted by */

static uint64_t by_oncpu(const struct report_item *i)
{
	return i->state[ACCT_ONCPU];
}
static uint64_t by_runnable(const struct report_item *i)
{
	return i->state[ACCT_RUNNABLE];
}
static uint64_t by_blocked(const struct report_item *i)
{
	return i->state[ACCT_BLOCKED];
}
static uint64_t by_ready(const struct report_item *i)
{
	return i->state[ACCT_READY];
}
static uint64_t by_suspended(const struct report_item *i)
{
	return i->state[ACCT_SUSPENDED];
}
static uint64_t by_life(const struct report_item *i)
{
	return i->life;
}
static uint64_t by_switches(const struct report_item *i)
{
	return i->n.switches_voluntary + i->n.switches_involuntary;
}
static uint64_t by_preemptions(const struct report_item *i)
{
	return i->n.preemptions;
}
static uint64_t by_migrations(const struct report_item *i)
{
	return i->n.migrations;
}
static uint64_t by_wakeups(const struct report_item *i)
{
	return i->n.wakeups;
}
static uint64_t by_latency(const struct report_item *i)
{
	return histogram_percentile(i->unit ? report_ready_wait(i) : &i->wakeup_latency, 99);
}
static uint64_t by_faults(const struct report_item *i)
{
	return i->n.faults_minor + i->n.faults_major + i->n.faults_entry_only;
}
static uint64_t by_fault_time(const struct report_item *i)
{
	return i->n.fault_ticks;
}
static uint64_t by_mapped(const struct report_item *i)
{
	return i->n.mapped_bytes;
}
static uint64_t by_resumes(const struct report_item *i)
{
	return i->resumes;
}

static const struct key {
	const char *name;
	uint64_t (*value)(const struct report_item *i);
} keys[] = {
	{ "oncpu", by_oncpu },		 { "runnable", by_runnable },
	{ "blocked", by_blocked },	 { "ready", by_ready },
	{ "suspended", by_suspended },	 { "life", by_life },
	{ "switches", by_switches },	 { "preemptions", by_preemptions },
	{ "migrations", by_migrations }, { "wakeups", by_wakeups },
	{ "latency", by_latency },	 { "faults", by_faults },
	{ "fault-time", by_fault_time }, { "mapped", by_mapped },
	{ "resumes", by_resumes },
};
#define NR_KEYS (sizeof(keys) / sizeof(keys[0]))

const char *report_key(size_t n)
{
	return n < NR_KEYS ? keys[n].name : NULL;
}

/* Larger first; ties in the order of the accounts, which is that of appearance. */
struct sortable {
	uint64_t value;
	size_t index;
};

static int compare_sortable(const void *a, const void *b)
{
	const struct sortable *x = a, *y = b;

	if (x->value != y->value)
		return x->value > y->value ? -1 : 1;
	return x->index < y->index ? -1 : 1;
}

static int sort_items(struct report_item *items, size_t nr, const struct key *key)
{
	struct sortable *order = calloc(nr + 1, sizeof(*order));
	struct report_item *sorted = calloc(nr + 1, sizeof(*sorted));
	size_t i;

	if (order && sorted) {
		for (i = 0; i < nr; i++)
			order[i] = (struct sortable){ key->value(&items[i]), i };
		qsort(order, nr, sizeof(*order), compare_sortable);
		for (i = 0; i < nr; i++)
			sorted[i] = items[order[i].index];
		memcpy(items, sorted, nr * sizeof(*items));
	}
	free(sorted);
	free(order);
	return order && sorted ? 0 : -ENOMEM;
}

/* ---- sums */

static int add_wait(struct report_waits *w, uint32_t what, uint64_t count, uint64_t ticks)
{
	struct report_wait *grown;
	size_t i;

	for (i = 0; i < w->nr; i++)
		if (w->list[i].what == what)
			break;
	if (i == w->nr) {
		grown = realloc(w->list, (w->nr + 1) * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		w->list = grown;
		w->list[w->nr++] = (struct report_wait){ .what = what };
	}
	w->list[i].count += count;
	w->list[i].ticks += ticks;
	return 0;
}

static int add_blocked(struct report_waits *w, const struct acct_blocked *b)
{
	int err = 0;

	for (; b && !err; b = b->next)
		err = add_wait(w, b->what, b->count, b->ticks);
	return err;
}

static int longest_first(const void *a, const void *b)
{
	const struct report_wait *x = a, *y = b;

	if (x->ticks != y->ticks)
		return x->ticks > y->ticks ? -1 : 1;
	return x->what < y->what ? -1 : x->what > y->what;
}

static void sort_waits(struct report_waits *w)
{
	if (w->nr)
		qsort(w->list, w->nr, sizeof(*w->list), longest_first);
}

static void add_states(uint64_t *sum, const uint64_t *state)
{
	int s;

	for (s = 0; s < ACCT_NR_STATES; s++)
		sum[s] += state[s];
}

/* struct acct_counts is counters and nothing else, so that they can be added as an array. */
static void add_counts(struct acct_counts *sum, const struct acct_counts *n)
{
	uint64_t *to = (uint64_t *)sum;
	const uint64_t *from = (const uint64_t *)n;
	size_t i;

	_Static_assert(sizeof(*sum) % sizeof(uint64_t) == 0, "counters of 64 bits");
	for (i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] += from[i];
}

bool report_tells(const struct report_item *i, enum acct_state state)
{
	return !i->unit || i->unit->marks || (state != ACCT_READY && state != ACCT_SUSPENDED);
}

uint64_t report_state(const struct trace *t, const struct report_item *i, enum acct_state state)
{
	return report_tells(i, state) ? trace_ns(t, i->state[state]) : WEFT_UNKNOWN;
}

const struct histogram *report_ready_wait(const struct report_item *i)
{
	return i->ready_wait.count || !i->unit ? &i->ready_wait : &i->unit->ready_wait;
}

static int add_thread(struct report_item *i, const struct acct_thread *t)
{
	i->members++;
	i->life += t->last - t->first;
	add_states(i->state, t->state);
	i->oncpu_units += t->oncpu_units;
	i->oncpu_runtime += t->oncpu_runtime;
	i->oncpu_unknown += t->oncpu_unknown;
	i->idle += t->idle;
	add_counts(&i->n, &t->n);
	histogram_merge(&i->wakeup_latency, &t->wakeup_latency);
	histogram_merge(&i->runqueue_wait, &t->runqueue_wait);
	return add_blocked(&i->blocked, t->blocked);
}

/* An item of one unit has no histograms of its own: there may be a million of them. */
static int add_unit(struct report_item *i, const struct acct_unit *u, bool group)
{
	const struct acct_wait *w;
	int s, err;

	i->members++;
	i->life += u->last - u->first;
	add_states(i->state, u->state);
	add_counts(&i->n, &u->n);
	if (group) {
		histogram_add(&i->unit_life, u->last - u->first);
		for (s = 0; s < ACCT_NR_STATES; s++)
			histogram_add(&i->unit_state[s], u->state[s]);
		histogram_merge(&i->ready_wait, &u->ready_wait);
	}
	i->fault_ticks_oncpu += u->fault_ticks_oncpu;
	i->oncpu_by_word += u->oncpu_by_word;
	i->resumes += u->resumes;
	i->wakes_given += u->wakes_given;
	i->wakes_taken += u->wakes_taken;
	if (u->threads > i->threads)
		i->threads = u->threads;
	if (u->cpus > i->cpus)
		i->cpus = u->cpus;
	err = add_blocked(&i->blocked, u->blocked);
	for (w = u->waits; w && !err; w = w->next)
		err = add_wait(&i->suspended, w->reason, w->count, w->ticks);
	return err;
}

static void free_item(struct report_item *i)
{
	int s;

	free(i->blocked.list);
	free(i->suspended.list);
	histogram_free(&i->wakeup_latency);
	histogram_free(&i->runqueue_wait);
	histogram_free(&i->unit_life);
	histogram_free(&i->ready_wait);
	for (s = 0; s < ACCT_NR_STATES; s++)
		histogram_free(&i->unit_state[s]);
}

/* ---- who is an item of its own */

/* A pointer and an index, sorted so that what belongs together lies together. */
static int same_process_first(const void *a, const void *b)
{
	const struct acct_thread *x = *(const struct acct_thread *const *)a;
	const struct acct_thread *y = *(const struct acct_thread *const *)b;

	if (x->tgid != y->tgid)
		return x->tgid < y->tgid ? -1 : 1;
	if (x->process != y->process)
		return x->process < y->process ? -1 : 1;
	return x->first < y->first ? -1 : x->first > y->first;
}

static int make_threads(struct report *r, const struct accounts *a)
{
	const struct acct_thread *t, **threads = calloc(a->nr_threads + 1, sizeof(*threads));
	bool processes = r->by == REPORT_TREE || r->by == REPORT_PROCESS;
	struct report_item *item = NULL;
	size_t i, nr = 0;
	int err = 0;

	/* Each thread at most one item, and one for its process. */
	r->items = calloc(2 * a->nr_threads + 1, sizeof(*r->items));
	if (!threads || !r->items) {
		free(threads);
		return -ENOMEM;
	}
	for (t = a->threads; t; t = t->next)
		if (t->traced)
			threads[nr++] = t;
	if (processes)
		qsort(threads, nr, sizeof(*threads), same_process_first);
	for (i = 0; i < nr && !err; i++) {
		t = threads[i];
		if (!processes || !item || item->process != t->process || !t->process) {
			item = &r->items[r->nr++];
			item->process = t->process;
			item->thread = processes ? NULL : t;
		}
		err = add_thread(item, t);
	}
	free(threads);
	return err;
}

static int same_group_first(const void *a, const void *b)
{
	const struct acct_unit *x = *(const struct acct_unit *const *)a;
	const struct acct_unit *y = *(const struct acct_unit *const *)b;
	int order;

	if (x->tgid != y->tgid)
		return x->tgid < y->tgid ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	order = strncmp(x->name, y->name, sizeof(x->name));
	if (order)
		return order;
	return x->first != y->first ? (x->first < y->first ? -1 : 1) :
				      (x->id < y->id ? -1 : x->id > y->id);
}

static bool same_group(const struct acct_unit *x, const struct acct_unit *y)
{
	/* One without a name is like no other: what only the word tells of has none. */
	if (!x->marks && !x->name[0])
		return false;
	return x->tgid == y->tgid && x->kind == y->kind &&
	       !strncmp(x->name, y->name, sizeof(x->name));
}

static int make_units(struct report *r, const struct accounts *a)
{
	const struct acct_unit *u, **units = calloc(a->nr_units + 1, sizeof(*units));
	struct report_item *item = NULL;
	size_t i, nr = 0, groups = 0;
	int err = 0;

	if (!units)
		return -ENOMEM;
	for (u = a->units; u; u = u->next)
		units[nr++] = u;
	if (r->by == REPORT_UNIT)
		qsort(units, nr, sizeof(*units), same_group_first);
	for (i = 0; i < nr; i++)
		groups += r->by == REPORT_EACH_UNIT || i == 0 ||
			  !same_group(units[i - 1], units[i]);
	r->items = calloc(groups + 1, sizeof(*r->items));
	if (!r->items)
		err = -ENOMEM;
	for (i = 0; i < nr && !err; i++) {
		u = units[i];
		if (r->by == REPORT_EACH_UNIT || i == 0 || !same_group(units[i - 1], u)) {
			item = &r->items[r->nr++];
			item->process = u->process;
			item->unit = u;
		}
		err = add_unit(item, u, r->by == REPORT_UNIT);
	}
	free(units);
	return err;
}

/* Puts behind each process its threads, in the same order of sorting. */
static int add_threads(struct report *r, const struct accounts *a, const struct key *key)
{
	struct report_item *tree;
	struct report threads;
	size_t i, k, nr = 0;
	int err;

	err = report_make(&threads, a, REPORT_THREAD, key->name);
	tree = err ? NULL : calloc(r->nr + threads.nr + 1, sizeof(*tree));
	if (!tree) {
		report_free(&threads);
		return err ? err : -ENOMEM;
	}
	for (i = 0; i < r->nr; i++) {
		tree[nr++] = r->items[i];
		/* The only thread of a process says no more than the process. */
		if (r->items[i].members == 1 || !r->items[i].process)
			continue;
		for (k = 0; k < threads.nr; k++) {
			struct report_item *thread = &threads.items[k];

			if (!thread->thread || thread->process != r->items[i].process)
				continue;
			tree[nr] = *thread;
			tree[nr++].level = 1;
			memset(thread, 0, sizeof(*thread));
		}
	}
	report_free(&threads);
	free(r->items);
	r->items = tree;
	r->nr = nr;
	return 0;
}

int report_make(struct report *r, const struct accounts *a, enum report_by by, const char *name)
{
	const struct key *key = keys;
	size_t i;
	int err;

	*r = (struct report){ .by = by };
	while (name && key < keys + NR_KEYS && strcmp(key->name, name))
		key++;
	if (key == keys + NR_KEYS)
		return -EINVAL;
	err = by == REPORT_UNIT || by == REPORT_EACH_UNIT ? make_units(r, a) : make_threads(r, a);
	if (!err)
		err = sort_items(r->items, r->nr, key);
	for (i = 0; i < r->nr; i++) {
		sort_waits(&r->items[i].blocked);
		sort_waits(&r->items[i].suspended);
	}
	if (!err && by == REPORT_TREE)
		err = add_threads(r, a, key);
	return err;
}

void report_free(struct report *r)
{
	size_t i;

	for (i = 0; i < r->nr; i++)
		free_item(&r->items[i]);
	free(r->items);
	*r = (struct report){ .by = r->by };
}
