// SPDX-License-Identifier: GPL-2.0-only
/* Do the spans of each thread and unit follow each other without gap or overlap? */
#include <inttypes.h>
#include <stdio.h>
#include "audit_spans.h"

static void misfit(struct audit_line *l, const struct acct_span *s, uint64_t expected)
{
	if (l->verdict == AUDIT_UNEXPLAINED)
		return;
	l->verdict = AUDIT_UNEXPLAINED;
	if (s->of_unit)
		snprintf(l->why, sizeof(l->why),
			 "at tick %" PRIu64 " unit %" PRIu64
			 " (%.32s) does not go on: its next span begins at %" PRIu64,
			 expected, s->unit->id, s->unit->name, s->begin);
	else
		snprintf(l->why, sizeof(l->why),
			 "at tick %" PRIu64
			 " thread %u (%.16s) does not go on: its next span begins at %" PRIu64,
			 expected, s->thread->tid, s->thread->comm, s->begin);
}

static void on_span(void *arg, const struct acct_span *s)
{
	struct audit_spans *w = arg;
	uint64_t key =
		(uint64_t)(uintptr_t)(s->of_unit ? (const void *)s->unit : (const void *)s->thread);
	uint64_t first = s->of_unit ? s->unit->first : s->thread->first;
	uint64_t seen = (uint64_t)(uintptr_t)table_get(&w->ends, key, s->of_unit);
	uint64_t expected = seen ? seen - 1 : first;

	if (s->begin != expected || s->end < s->begin)
		misfit(s->of_unit ? &w->units : &w->threads, s, expected);
	if (table_set(&w->ends, key, s->of_unit, (void *)(uintptr_t)(s->end + 1)))
		w->out_of_memory = true;
}

const struct correlate_ops audit_spans_ops = { .span = on_span };

static void judge(struct audit_line *l, const struct audit_line *found)
{
	if (l->verdict == AUDIT_NOT_CHECKED || found->verdict != AUDIT_UNEXPLAINED)
		return;
	*l = (struct audit_line){ .verdict = found->verdict,
				  .recorded = l->recorded,
				  .counted = l->counted };
	snprintf(l->why, sizeof(l->why), "%s", found->why);
}

void audit_spans_judge(struct audit_spans *w, const struct accounts *a, struct audit *au)
{
	const struct acct_thread *t;
	const struct acct_unit *u;

	for (t = a->threads; t; t = t->next) {
		uint64_t end =
			(uint64_t)(uintptr_t)table_get(&w->ends, (uint64_t)(uintptr_t)t, false);
		struct acct_span s = { .begin = t->last, .thread = (struct acct_thread *)t };

		if (end && end - 1 != t->last && t->traced)
			misfit(&w->threads, &s, end - 1);
	}
	for (u = a->units; u; u = u->next) {
		uint64_t end =
			(uint64_t)(uintptr_t)table_get(&w->ends, (uint64_t)(uintptr_t)u, true);
		struct acct_span s = { .begin = u->last,
				       .of_unit = true,
				       .unit = (struct acct_unit *)u };

		if (end && end - 1 != u->last)
			misfit(&w->units, &s, end - 1);
	}
	judge(&au->check[AUDIT_BALANCE_THREADS], &w->threads);
	judge(&au->check[AUDIT_BALANCE_UNITS], &w->units);
	if (w->threads.verdict == AUDIT_UNEXPLAINED || w->units.verdict == AUDIT_UNEXPLAINED)
		au->verdict = AUDIT_UNEXPLAINED;
	if (w->out_of_memory) {
		au->verdict = AUDIT_UNEXPLAINED;
		snprintf(au->check[AUDIT_BALANCE_THREADS].why, sizeof(au->check[0].why),
			 "not checked span by span: out of memory");
		au->check[AUDIT_BALANCE_THREADS].verdict = AUDIT_UNEXPLAINED;
	}
}

void audit_spans_free(struct audit_spans *w)
{
	table_free(&w->ends);
}
