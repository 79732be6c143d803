// SPDX-License-Identifier: GPL-2.0-only
/* A report as JSON: exact nanoseconds and counts, null for what is missing. docs/json.md names the members. */
#include <math.h>
#include <stdio.h>
#include "report.h"
#include "syscall_name.h"
#include "view.h"

static void states_json(struct json *j, const struct trace *t, const struct report_item *i)
{
	bool units = i->unit;
	int s;

	json_u64(j, "life_ns", trace_ns(t, i->life));
	for (s = 0; s < (units ? ACCT_NR_STATES : ACCT_READY); s++)
		/* Of a unit more is known than what sched_switch tells. */
		json_u64(j, acct_state_key[s],
			 units || s == ACCT_UNKNOWN ?
				 report_state(t, i, (enum acct_state)s) :
				 view_time(t, WEFT_HOOK_sched_switch, i->state[s]));
}

static void waits_json(struct json *j, const struct trace *t, const char *key,
		       const struct report_waits *w, bool suspended)
{
	char what[48];
	size_t k;

	json_array(j, key);
	for (k = 0; k < w->nr; k++) {
		json_object(j, NULL);
		if (suspended)
			json_text(j, "reason", unit_wait_name(w->list[k].what));
		else
			json_text(j, "in", blocked_text(what, sizeof(what), w->list[k].what));
		json_u64(j, "count", w->list[k].count);
		json_u64(j, "ns", trace_ns(t, w->list[k].ticks));
		json_end(j);
	}
	json_end(j);
}

/* Percentiles of ticks as nanoseconds; null as a whole if the hook was missing. */
static void histogram_json(struct json *j, const struct trace *t, const char *key,
			   const struct histogram *h, bool there)
{
	static const struct {
		const char *key;
		double percent;
	} percentiles[] = { { "p50", 50 }, { "p90", 90 }, { "p99", 99 } };
	size_t k;

	if (!there) {
		json_text(j, key, NULL);
		return;
	}
	json_object(j, key);
	json_u64(j, "count", h->count);
	for (k = 0; k < sizeof(percentiles) / sizeof(percentiles[0]); k++)
		json_u64(j, percentiles[k].key,
			 h->count ? trace_ns(t, histogram_percentile(h, percentiles[k].percent)) :
				    WEFT_UNKNOWN);
	json_u64(j, "max", h->count ? trace_ns(t, h->max) : WEFT_UNKNOWN);
	json_end(j);
}

static void counts_json(struct json *j, const struct trace *t, const struct acct_counts *n)
{
	static const char *const costs[] = { "switch_cost_same_mm_ns", "switch_cost_new_mm_ns" };
	bool entries = view_has(t, WEFT_HOOK_page_fault_entry) &&
		       !view_has(t, WEFT_HOOK_page_fault);
	int mm;

	json_u64(j, "switches_voluntary",
		 view_value(t, WEFT_HOOK_sched_switch, n->switches_voluntary));
	json_u64(j, "switches_involuntary",
		 view_value(t, WEFT_HOOK_sched_switch, n->switches_involuntary));
	json_u64(j, "preemptions", view_value(t, WEFT_HOOK_sched_switch, n->preemptions));
	json_u64(j, "mm_switches", view_value(t, WEFT_HOOK_sched_switch, n->mm_switches));
	json_u64(j, "migrations", view_value(t, WEFT_HOOK_sched_migrate_task, n->migrations));
	json_u64(j, "wakeups", view_value(t, WEFT_HOOK_sched_wakeup, n->wakeups));
	json_u64(j, "wakes_given", view_value(t, WEFT_HOOK_sched_waking, n->wakes_given));
	json_u64(j, "faults_minor", view_value(t, WEFT_HOOK_page_fault, n->faults_minor));
	json_u64(j, "faults_major", view_value(t, WEFT_HOOK_page_fault, n->faults_major));
	json_u64(j, "faults_uncounted", view_value(t, WEFT_HOOK_page_fault, n->faults_uncounted));
	json_u64(j, "faults_unclassified", entries ? n->faults_entry_only : WEFT_UNKNOWN);
	json_u64(j, "fault_ns", view_time(t, WEFT_HOOK_page_fault, n->fault_ticks));
	json_u64(j, "maps", view_value(t, WEFT_HOOK_mmap, n->maps));
	json_u64(j, "unmaps", view_value(t, WEFT_HOOK_munmap, n->unmaps));
	json_u64(j, "map_calls", view_value(t, WEFT_HOOK_mmap, n->map_calls));
	json_u64(j, "mapped_bytes", view_value(t, WEFT_HOOK_mmap, n->mapped_bytes));
	json_u64(j, "unmapped_bytes", view_value(t, WEFT_HOOK_munmap, n->unmapped_bytes));
	json_u64(j, "map_ns", view_time(t, WEFT_HOOK_mmap, n->map_ticks));
	json_u64(j, "forks", view_value(t, WEFT_HOOK_task_newtask, n->forks));
	json_u64(j, "tlb_flushes", view_value(t, WEFT_HOOK_tlb_flush, n->tlb_flushes));
	for (mm = 0; mm < 2; mm++) {
		json_object(j, costs[mm]);
		json_u64(j, "count",
			 view_value(t, WEFT_HOOK_context_switch, n->switch_cost_count[mm]));
		json_real(j, "mean",
			  view_has(t, WEFT_HOOK_context_switch) ?
				  view_mean_ns(t, n->switch_cost_ticks[mm],
					       n->switch_cost_count[mm]) :
				  NAN);
		json_end(j);
	}
}

static void thread_json(struct json *j, const struct report_item *i, const struct trace *t)
{
	if (i->thread) {
		json_u64(j, "tid", i->thread->tid);
		json_u64(j, "tgid", i->thread->tgid);
		json_text(j, "comm", i->thread->comm);
	} else {
		json_u64(j, "tgid", i->process ? i->process->tgid : WEFT_UNKNOWN);
		json_u64(j, "ppid", i->process ? i->process->ppid : WEFT_UNKNOWN);
		json_text(j, "comm", i->process ? i->process->comm : NULL);
		json_text(j, "exe", i->process && i->process->exe[0] ? i->process->exe : NULL);
		json_u64(j, "threads_count", i->members);
	}
	states_json(j, t, i);
	json_u64(j, "oncpu_units_ns", view_time(t, WEFT_HOOK_sched_switch, i->oncpu_units));
	json_u64(j, "oncpu_runtime_ns", view_time(t, WEFT_HOOK_sched_switch, i->oncpu_runtime));
	json_u64(j, "oncpu_unit_unknown_ns",
		 view_time(t, WEFT_HOOK_sched_switch, i->oncpu_unknown));
	json_u64(j, "idle_ns", view_time(t, WEFT_HOOK_sched_switch, i->idle));
	waits_json(j, t, "blocked", &i->blocked, false);
	counts_json(j, t, &i->n);
	histogram_json(j, t, "wakeup_latency_ns", &i->wakeup_latency,
		       view_has(t, WEFT_HOOK_sched_wakeup));
	histogram_json(j, t, "runqueue_waits_ns", &i->runqueue_wait,
		       view_has(t, WEFT_HOOK_sched_switch));
}

static void unit_json(struct json *j, const struct report_item *i, const struct trace *t,
		      bool group)
{
	const struct acct_unit *u = i->unit;
	int s;

	json_text(j, "name", u->name);
	json_text(j, "kind", unit_kind_name(u->kind));
	json_u64(j, "tgid", u->tgid);
	if (group) {
		json_u64(j, "units", i->members);
		/* Of a unit that is not grouped, as nothing but its word is known. */
		json_u64(j, "id", !u->marks && !u->name[0] ? u->id : WEFT_UNKNOWN);
	} else {
		json_u64(j, "id", u->id);
		json_u64(j, "parent", u->parent);
		json_bool(j, "created", u->created_here);
		json_bool(j, "exited", u->exited_here);
	}
	json_bool(j, "marks", u->marks);
	states_json(j, t, i);
	json_u64(j, "oncpu_by_word_ns", trace_ns(t, i->oncpu_by_word));
	json_u64(j, "oncpu_fault_ns", view_time(t, WEFT_HOOK_page_fault, i->fault_ticks_oncpu));
	waits_json(j, t, "blocked", &i->blocked, false);
	if (u->marks)
		waits_json(j, t, "suspended", &i->suspended, true);
	else
		json_text(j, "suspended", NULL);
	json_u64(j, "resumes", u->marks ? i->resumes : WEFT_UNKNOWN);
	json_u64(j, "unit_wakes_taken", u->marks ? i->wakes_taken : WEFT_UNKNOWN);
	json_u64(j, "unit_wakes_given", u->marks ? i->wakes_given : WEFT_UNKNOWN);
	json_u64(j, "threads_most", i->threads);
	json_u64(j, "cpus_most", i->cpus);
	counts_json(j, t, &i->n);
	histogram_json(j, t, "ready_waits_ns", report_ready_wait(i), u->marks);
	if (!group)
		return;
	json_object(j, "per_unit");
	histogram_json(j, t, "life_ns", &i->unit_life, true);
	for (s = 0; s < ACCT_NR_STATES; s++)
		histogram_json(j, t, acct_state_key[s], &i->unit_state[s],
			       report_tells(i, (enum acct_state)s));
	json_end(j);
}

/* The member that holds the items. */
static const char *list_name(enum report_by by)
{
	switch (by) {
	case REPORT_UNIT:
		return "unit_groups";
	case REPORT_EACH_UNIT:
		return "units";
	case REPORT_THREAD:
		return "threads";
	default:
		return "processes";
	}
}

void report_json(FILE *f, const struct report *r, const struct trace *t, const struct accounts *a,
		 size_t top)
{
	struct json j;
	size_t i, nr = top && top < r->nr ? top : r->nr;

	json_init(&j, f);
	json_object(&j, NULL);
	view_head_json(&j, t, a);
	json_array(&j, list_name(r->by));
	for (i = 0; i < nr; i++) {
		const struct report_item *it = &r->items[i];

		json_object(&j, NULL);
		if (it->unit)
			unit_json(&j, it, t, r->by == REPORT_UNIT);
		else
			thread_json(&j, it, t);
		/* A tree's threads follow their process: they become its array, cut off with it or not at all. */
		if (r->by == REPORT_TREE && !it->level) {
			json_array(&j, "threads");
			while (i + 1 < r->nr && r->items[i + 1].level) {
				json_object(&j, NULL);
				thread_json(&j, &r->items[++i], t);
				json_end(&j);
			}
			json_end(&j);
		}
		json_end(&j);
	}
	json_end(&j);
	json_end(&j);
}
