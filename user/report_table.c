// SPDX-License-Identifier: GPL-2.0-only
/* A report as text: tables of at most VIEW_WIDTH columns, each about one side of the same items. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include "format.h"
#include "report.h"
#include "syscall_name.h"
#include "text_table.h"
#include "view.h"

/* What the last column of waits takes at least: its title, "blocked in" or a longer one. */
#define LAST_TITLE 10

/* What all tables of one report need. */
struct page {
	FILE *f;
	const struct report *r;
	const struct trace *t;
	size_t nr; /* items shown */
};

static void cell_count(struct text_table *tab, uint64_t v)
{
	char buf[FORMAT_LEN];

	text_table_cell(tab, "%s", format_count(buf, v));
}

static void cell_bytes(struct text_table *tab, uint64_t v)
{
	char buf[FORMAT_LEN];

	text_table_cell(tab, "%s", format_bytes(buf, v));
}

/* Nanoseconds; WEFT_UNKNOWN is '-'. */
static void cell_ns(struct text_table *tab, uint64_t ns)
{
	char buf[FORMAT_LEN];

	text_table_cell(tab, "%s", format_ns(buf, ns));
}

/* A percentile of ticks; '-' if the hook was missing or nothing was counted. */
static void cell_percentile(struct text_table *tab, const struct page *p, enum weft_hook hook,
			    const struct histogram *h, double percent)
{
	cell_ns(tab,
		h->count ? view_time(p->t, hook, histogram_percentile(h, percent)) : WEFT_UNKNOWN);
}

static void cell_max(struct text_table *tab, const struct page *p, enum weft_hook hook,
		     const struct histogram *h)
{
	cell_ns(tab, h->count ? view_time(p->t, hook, h->max) : WEFT_UNKNOWN);
}

static void cell_cost(struct text_table *tab, const struct page *p, const struct acct_counts *n,
		      int mm)
{
	char buf[FORMAT_LEN];

	if (view_has(p->t, WEFT_HOOK_context_switch))
		text_table_cell(tab, "%s",
				format_real_ns(buf, view_mean_ns(p->t, n->switch_cost_ticks[mm],
								 n->switch_cost_count[mm])));
	else
		text_table_cell(tab, "-");
}

/* "futex 1.20 ms x12, read 300 us x3, ...", as many as fit; with no room: none, for measuring the rest. */
static void cell_waits(struct text_table *tab, const struct page *p, const struct report_waits *w,
		       size_t room, bool suspended)
{
	char text[VIEW_WIDTH + 1] = "", item[96], what[48], ns[FORMAT_LEN], count[FORMAT_LEN];
	size_t i, len = 0;

	for (i = 0; room && i < w->nr && w->list[i].ticks; i++) {
		const char *name = suspended ? unit_wait_name(w->list[i].what) :
					       blocked_text(what, sizeof(what), w->list[i].what);
		int n = snprintf(item, sizeof(item), "%s%s %s x%s", i ? ", " : "", name,
				 format_ns(ns, trace_ns(p->t, w->list[i].ticks)),
				 format_count(count, w->list[i].count));

		/* The first is always shown, the rest as there is room for it and for the dots. */
		if (i && len + (size_t)n + (i + 1 < w->nr ? 5 : 0) > room) {
			snprintf(text + len, sizeof(text) - len, ", ...");
			break;
		}
		if (len + (size_t)n >= sizeof(text))
			break;
		memcpy(text + len, item, (size_t)n + 1);
		len += (size_t)n;
	}
	text_table_cell(tab, "%s", text);
}

static bool any_unknown(const struct page *p)
{
	size_t i;

	for (i = 0; i < p->nr; i++)
		if (p->r->items[i].state[ACCT_UNKNOWN])
			return true;
	return false;
}

/* What only marks tell of units is missing as a whole: a column of zeros would be a lie. */
static void cell_of_marks(struct text_table *tab, const struct report_item *i, uint64_t value)
{
	cell_count(tab, i->unit->marks ? value : WEFT_UNKNOWN);
}

static bool any_marks(const struct page *p)
{
	size_t i;

	for (i = 0; i < p->nr; i++)
		if (p->r->items[i].unit && p->r->items[i].unit->marks)
			return true;
	return false;
}

static bool any_by_word(const struct page *p)
{
	size_t i;

	for (i = 0; i < p->nr; i++)
		if (p->r->items[i].oncpu_by_word)
			return true;
	return false;
}

static int finish(struct text_table *tab, const struct page *p)
{
	int err = text_table_print(tab, p->f);

	text_table_free(tab);
	return err;
}

/* A table whose last column takes what the others leave of the line: made once to see how much that is. */
static int print_filled(const struct page *p,
			struct text_table *(*make)(const struct page *p, size_t room))
{
	struct text_table *tab = make(p, 0);
	size_t others = text_table_width(tab);

	text_table_free(tab);
	return finish(make(p, others < VIEW_WIDTH ? LAST_TITLE + VIEW_WIDTH - others : 1), p);
}

/* ---- processes and threads */

static struct text_table *thread_table(const struct page *p)
{
	struct text_table *tab = text_table_new();

	text_table_column(tab, NULL, p->r->by == REPORT_THREAD ? "thread" : "process", TEXT_LEFT);
	text_table_column(tab, NULL,
			  p->r->by == REPORT_THREAD ? "tid" :
			  p->r->by == REPORT_TREE   ? "id" :
						      "pid",
			  TEXT_RIGHT);
	return tab;
}

static void thread_label(struct text_table *tab, const struct report_item *i)
{
	if (i->thread) {
		text_table_cell(tab, "%s%.16s", i->level ? "  " : "", i->thread->comm);
		text_table_cell(tab, "%" PRIu32, i->thread->tid);
	} else if (i->process) {
		text_table_cell(tab, "%.16s", i->process->comm);
		text_table_cell(tab, "%" PRIu32, i->process->tgid);
	} else {
		text_table_cell(tab, "?");
		text_table_cell(tab, "?");
	}
}

static struct text_table *make_thread_time(const struct page *p, size_t room)
{
	bool unknown = any_unknown(p), threads = p->r->by != REPORT_THREAD;
	struct text_table *tab = thread_table(p);
	size_t i;

	if (threads)
		text_table_column(tab, NULL, "threads", TEXT_RIGHT);
	text_table_column(tab, NULL, "life", TEXT_RIGHT);
	text_table_column(tab, NULL, "on-CPU", TEXT_RIGHT);
	text_table_column(tab, NULL, "waiting", TEXT_RIGHT);
	text_table_column(tab, NULL, "blocked", TEXT_RIGHT);
	if (unknown)
		text_table_column(tab, NULL, "unknown", TEXT_RIGHT);
	text_table_column(tab, NULL, "blocked in", TEXT_LEFT);
	for (i = 0; i < p->nr; i++) {
		const struct report_item *it = &p->r->items[i];

		thread_label(tab, it);
		if (threads)
			it->thread ? text_table_cell(tab, "%s", "") : cell_count(tab, it->members);
		cell_ns(tab, trace_ns(p->t, it->life));
		cell_ns(tab, view_time(p->t, WEFT_HOOK_sched_switch, it->state[ACCT_ONCPU]));
		cell_ns(tab, view_time(p->t, WEFT_HOOK_sched_switch, it->state[ACCT_RUNNABLE]));
		cell_ns(tab, view_time(p->t, WEFT_HOOK_sched_switch, it->state[ACCT_BLOCKED]));
		if (unknown)
			cell_ns(tab, trace_ns(p->t, it->state[ACCT_UNKNOWN]));
		cell_waits(tab, p, &it->blocked, room, false);
	}
	return tab;
}

/* What of a thread's time its units had, and what its runtime; idle: blocked for want of units to run. */
static int print_thread_units(const struct page *p)
{
	struct text_table *tab = thread_table(p);
	size_t i;

	text_table_column(tab, "on-CPU", "in units", TEXT_RIGHT);
	text_table_column(tab, "on-CPU", "in none", TEXT_RIGHT);
	text_table_column(tab, "on-CPU", "unknown", TEXT_RIGHT);
	text_table_column(tab, NULL, "idle", TEXT_RIGHT);
	for (i = 0; i < p->nr; i++) {
		const struct report_item *it = &p->r->items[i];

		thread_label(tab, it);
		cell_ns(tab, view_time(p->t, WEFT_HOOK_sched_switch, it->oncpu_units));
		cell_ns(tab, view_time(p->t, WEFT_HOOK_sched_switch, it->oncpu_runtime));
		cell_ns(tab, view_time(p->t, WEFT_HOOK_sched_switch, it->oncpu_unknown));
		cell_ns(tab, view_time(p->t, WEFT_HOOK_sched_switch, it->idle));
	}
	return finish(tab, p);
}

static int print_thread_switches(const struct page *p)
{
	struct text_table *tab = thread_table(p);
	size_t i;

	text_table_column(tab, "switches", "volunt.", TEXT_RIGHT);
	text_table_column(tab, "switches", "invol.", TEXT_RIGHT);
	text_table_column(tab, "switches", "preempt", TEXT_RIGHT);
	text_table_column(tab, NULL, "migr.", TEXT_RIGHT);
	text_table_column(tab, "wake-ups", "of it", TEXT_RIGHT);
	text_table_column(tab, "wake-ups", "by it", TEXT_RIGHT);
	text_table_column(tab, "wake-up latency", "p50", TEXT_RIGHT);
	text_table_column(tab, "wake-up latency", "p90", TEXT_RIGHT);
	text_table_column(tab, "wake-up latency", "p99", TEXT_RIGHT);
	text_table_column(tab, "wake-up latency", "max", TEXT_RIGHT);
	text_table_column(tab, "cost of a switch", "same mm", TEXT_RIGHT);
	text_table_column(tab, "cost of a switch", "new mm", TEXT_RIGHT);
	for (i = 0; i < p->nr; i++) {
		const struct report_item *it = &p->r->items[i];
		const struct acct_counts *n = &it->n;

		thread_label(tab, it);
		cell_count(tab, view_value(p->t, WEFT_HOOK_sched_switch, n->switches_voluntary));
		cell_count(tab, view_value(p->t, WEFT_HOOK_sched_switch, n->switches_involuntary));
		cell_count(tab, view_value(p->t, WEFT_HOOK_sched_switch, n->preemptions));
		cell_count(tab, view_value(p->t, WEFT_HOOK_sched_migrate_task, n->migrations));
		cell_count(tab, view_value(p->t, WEFT_HOOK_sched_wakeup, n->wakeups));
		cell_count(tab, view_value(p->t, WEFT_HOOK_sched_waking, n->wakes_given));
		cell_percentile(tab, p, WEFT_HOOK_sched_wakeup, &it->wakeup_latency, 50);
		cell_percentile(tab, p, WEFT_HOOK_sched_wakeup, &it->wakeup_latency, 90);
		cell_percentile(tab, p, WEFT_HOOK_sched_wakeup, &it->wakeup_latency, 99);
		cell_max(tab, p, WEFT_HOOK_sched_wakeup, &it->wakeup_latency);
		cell_cost(tab, p, n, 0);
		cell_cost(tab, p, n, 1);
	}
	return finish(tab, p);
}

static uint64_t all_faults(const struct trace *t, const struct acct_counts *n)
{
	if (!view_has(t, WEFT_HOOK_page_fault) && !view_has(t, WEFT_HOOK_page_fault_entry))
		return WEFT_UNKNOWN;
	return n->faults_minor + n->faults_major + n->faults_entry_only;
}

static void memory_columns(struct text_table *tab)
{
	text_table_column(tab, "page faults", "all", TEXT_RIGHT);
	text_table_column(tab, "page faults", "minor", TEXT_RIGHT);
	text_table_column(tab, "page faults", "major", TEXT_RIGHT);
	text_table_column(tab, "page faults", "time", TEXT_RIGHT);
	text_table_column(tab, "mappings", "mmap", TEXT_RIGHT);
	text_table_column(tab, "mappings", "munmap", TEXT_RIGHT);
	text_table_column(tab, "mappings", "mapped", TEXT_RIGHT);
	text_table_column(tab, "mappings", "unmapped", TEXT_RIGHT);
	text_table_column(tab, "mappings", "time", TEXT_RIGHT);
}

static void memory_cells(struct text_table *tab, const struct page *p, const struct acct_counts *n)
{
	cell_count(tab, all_faults(p->t, n));
	cell_count(tab, view_value(p->t, WEFT_HOOK_page_fault, n->faults_minor));
	cell_count(tab, view_value(p->t, WEFT_HOOK_page_fault, n->faults_major));
	cell_ns(tab, view_time(p->t, WEFT_HOOK_page_fault, n->fault_ticks));
	cell_count(tab, view_value(p->t, WEFT_HOOK_mmap, n->maps));
	cell_count(tab, view_value(p->t, WEFT_HOOK_munmap, n->unmaps));
	cell_bytes(tab, view_value(p->t, WEFT_HOOK_mmap, n->mapped_bytes));
	cell_bytes(tab, view_value(p->t, WEFT_HOOK_munmap, n->unmapped_bytes));
	cell_ns(tab, view_time(p->t, WEFT_HOOK_mmap, n->map_ticks));
}

static int print_thread_memory(const struct page *p)
{
	struct text_table *tab = thread_table(p);
	size_t i;

	memory_columns(tab);
	text_table_column(tab, NULL, "forks", TEXT_RIGHT);
	for (i = 0; i < p->nr; i++) {
		thread_label(tab, &p->r->items[i]);
		memory_cells(tab, p, &p->r->items[i].n);
		cell_count(tab, view_value(p->t, WEFT_HOOK_task_newtask, p->r->items[i].n.forks));
	}
	return finish(tab, p);
}

/* ---- units */

static struct text_table *unit_table(const struct page *p)
{
	struct text_table *tab = text_table_new();

	text_table_column(tab, NULL, "unit", TEXT_LEFT);
	text_table_column(tab, NULL, p->r->by == REPORT_UNIT ? "units" : "id", TEXT_RIGHT);
	return tab;
}

static void unit_label(struct text_table *tab, const struct page *p, const struct report_item *i)
{
	if (i->unit->name[0])
		text_table_cell(tab, "%.20s", i->unit->name);
	else if (!i->unit->marks && p->r->by == REPORT_UNIT)
		text_table_cell(tab, "%" PRIu64, i->unit->id);
	else
		text_table_cell(tab, "(%s)", unit_kind_name(i->unit->kind));
	if (p->r->by == REPORT_UNIT)
		cell_count(tab, i->members);
	else
		text_table_cell(tab, "%" PRIu64, i->unit->id);
}

static struct text_table *make_unit_time(const struct page *p, size_t room)
{
	static const enum acct_state shown[] = { ACCT_RUNNABLE, ACCT_BLOCKED, ACCT_READY,
						 ACCT_SUSPENDED };
	bool unknown = any_unknown(p), by_word = any_by_word(p);
	struct text_table *tab = unit_table(p);
	size_t i, s;

	if (p->r->by == REPORT_UNIT)
		text_table_column(tab, NULL, "kind", TEXT_LEFT);
	text_table_column(tab, NULL, "pid", TEXT_RIGHT);
	text_table_column(tab, NULL, "life", TEXT_RIGHT);
	text_table_column(tab, NULL, "on-CPU", TEXT_RIGHT);
	if (by_word)
		text_table_column(tab, NULL, "by word", TEXT_RIGHT);
	text_table_column(tab, NULL, "waiting", TEXT_RIGHT);
	text_table_column(tab, NULL, "blocked", TEXT_RIGHT);
	text_table_column(tab, NULL, "ready", TEXT_RIGHT);
	text_table_column(tab, NULL, "suspended", TEXT_RIGHT);
	if (unknown)
		text_table_column(tab, NULL, "unknown", TEXT_RIGHT);
	text_table_column(tab, NULL, "blocked in", TEXT_LEFT);
	for (i = 0; i < p->nr; i++) {
		const struct report_item *it = &p->r->items[i];

		unit_label(tab, p, it);
		if (p->r->by == REPORT_UNIT)
			text_table_cell(tab, "%s", unit_kind_name(it->unit->kind));
		text_table_cell(tab, "%" PRIu32, it->unit->tgid);
		cell_ns(tab, trace_ns(p->t, it->life));
		/* What the kernel saw for certain, and apart from it what the word lets suppose. */
		cell_ns(tab, trace_ns(p->t, it->state[ACCT_ONCPU] - it->oncpu_by_word));
		if (by_word)
			cell_ns(tab, trace_ns(p->t, it->oncpu_by_word));
		for (s = 0; s < sizeof(shown) / sizeof(shown[0]); s++)
			cell_ns(tab, report_state(p->t, it, shown[s]));
		if (unknown)
			cell_ns(tab, trace_ns(p->t, it->state[ACCT_UNKNOWN]));
		cell_waits(tab, p, &it->blocked, room, false);
	}
	return tab;
}

/* Median and p99 over the units of a group. */
static int print_unit_percentiles(const struct page *p)
{
	static const struct {
		const char *title;
		enum acct_state state;
	} columns[] = {
		{ "on-CPU", ACCT_ONCPU },	 { "waiting", ACCT_RUNNABLE },
		{ "blocked", ACCT_BLOCKED },	 { "ready", ACCT_READY },
		{ "suspended", ACCT_SUSPENDED },
	};
	struct text_table *tab = unit_table(p);
	size_t i, c;

	text_table_column(tab, "life", "p50", TEXT_RIGHT);
	text_table_column(tab, "life", "p99", TEXT_RIGHT);
	for (c = 0; c < sizeof(columns) / sizeof(columns[0]); c++) {
		text_table_column(tab, columns[c].title, "p50", TEXT_RIGHT);
		text_table_column(tab, columns[c].title, "p99", TEXT_RIGHT);
	}
	for (i = 0; i < p->nr; i++) {
		const struct report_item *it = &p->r->items[i];

		unit_label(tab, p, it);
		cell_ns(tab, trace_ns(p->t, histogram_percentile(&it->unit_life, 50)));
		cell_ns(tab, trace_ns(p->t, histogram_percentile(&it->unit_life, 99)));
		for (c = 0; c < sizeof(columns) / sizeof(columns[0]); c++) {
			const struct histogram *h = &it->unit_state[columns[c].state];
			bool told = report_tells(it, columns[c].state) &&
				    (columns[c].state != ACCT_ONCPU || !it->oncpu_by_word);

			cell_ns(tab,
				told ? trace_ns(p->t, histogram_percentile(h, 50)) : WEFT_UNKNOWN);
			cell_ns(tab,
				told ? trace_ns(p->t, histogram_percentile(h, 99)) : WEFT_UNKNOWN);
		}
	}
	return finish(tab, p);
}

static struct text_table *make_unit_counts(const struct page *p, size_t room)
{
	struct text_table *tab = unit_table(p);
	size_t i;

	text_table_column(tab, NULL, "resumes", TEXT_RIGHT);
	text_table_column(tab, "kernel switches", "volunt.", TEXT_RIGHT);
	text_table_column(tab, "kernel switches", "invol.", TEXT_RIGHT);
	text_table_column(tab, "wakes", "taken", TEXT_RIGHT);
	text_table_column(tab, "wakes", "given", TEXT_RIGHT);
	text_table_column(tab, "most", "threads", TEXT_RIGHT);
	text_table_column(tab, "most", "CPUs", TEXT_RIGHT);
	text_table_column(tab, "each wait when ready", "p50", TEXT_RIGHT);
	text_table_column(tab, "each wait when ready", "p99", TEXT_RIGHT);
	text_table_column(tab, NULL, "suspended for", TEXT_LEFT);
	for (i = 0; i < p->nr; i++) {
		const struct report_item *it = &p->r->items[i];
		const struct histogram *ready = report_ready_wait(it);

		unit_label(tab, p, it);
		cell_of_marks(tab, it, it->resumes);
		cell_count(tab, view_value(p->t, WEFT_HOOK_sched_switch, it->n.switches_voluntary));
		cell_count(tab,
			   view_value(p->t, WEFT_HOOK_sched_switch, it->n.switches_involuntary));
		cell_of_marks(tab, it, it->wakes_taken);
		cell_of_marks(tab, it, it->wakes_given);
		cell_count(tab, it->threads);
		cell_count(tab, it->cpus);
		cell_ns(tab, ready->count ? trace_ns(p->t, histogram_percentile(ready, 50)) :
					    WEFT_UNKNOWN);
		cell_ns(tab, ready->count ? trace_ns(p->t, histogram_percentile(ready, 99)) :
					    WEFT_UNKNOWN);
		cell_waits(tab, p, &it->suspended, room, true);
	}
	return tab;
}

static int print_unit_memory(const struct page *p)
{
	struct text_table *tab = unit_table(p);
	size_t i;

	memory_columns(tab);
	for (i = 0; i < p->nr; i++) {
		unit_label(tab, p, &p->r->items[i]);
		memory_cells(tab, p, &p->r->items[i].n);
	}
	return finish(tab, p);
}

/* ---- the whole */

struct section {
	const char *title;
	int (*print)(const struct page *p); /* or */
	struct text_table *(*make)(const struct page *p, size_t room);
	enum { ALWAYS, WITH_GROUPS, WITH_UNITS } when;
};

static const struct section of_threads[] = {
	{ "TIME", NULL, make_thread_time, ALWAYS },
	{ "UNITS ON THREADS", print_thread_units, NULL, WITH_UNITS },
	{ "SWITCHES", print_thread_switches, NULL, ALWAYS },
	{ "MEMORY", print_thread_memory, NULL, ALWAYS },
	{ 0 },
};

static const struct section of_units[] = {
	{ "TIME OF UNITS", NULL, make_unit_time, ALWAYS },
	{ "TIME OF ONE UNIT: median and 99th percentile over the units", print_unit_percentiles,
	  NULL, WITH_GROUPS },
	{ "SWITCHES OF UNITS", NULL, make_unit_counts, ALWAYS },
	{ "MEMORY OF UNITS", print_unit_memory, NULL, ALWAYS },
	{ 0 },
};

int report_print(FILE *f, const struct report *r, const struct trace *t, const struct accounts *a,
		 size_t top)
{
	bool units = r->by == REPORT_UNIT || r->by == REPORT_EACH_UNIT;
	struct page p = { .f = f, .r = r, .t = t, .nr = top && top < r->nr ? top : r->nr };
	char left[FORMAT_LEN];
	const struct section *s;
	int err = 0;

	view_head(f, t, a);
	view_clock_line(f, t);
	if (units)
		view_without_marks(f, a);
	for (s = units ? of_units : of_threads; s->title && !err; s++) {
		/* Without marks there are no names, and so no groups. */
		if (s->when == WITH_GROUPS && (r->by != REPORT_UNIT || !any_marks(&p)))
			continue;
		if (s->when == WITH_UNITS && !a->units)
			continue;
		fprintf(f, "\n%s\n", s->title);
		err = s->make ? print_filled(&p, s->make) : s->print(&p);
	}
	if (!err && p.nr < r->nr)
		fprintf(f, "\n%s more, with --all\n", format_count(left, r->nr - p.nr));
	return err;
}
