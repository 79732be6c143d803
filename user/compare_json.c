// SPDX-License-Identifier: GPL-2.0-only
/* A comparison as JSON; docs/json.md names the members. */
#include <math.h>
#include "compare.h"
#include "json.h"
#include "view.h"

/* What is counted is exact; what is a mean has decimals. */
static void number_json(struct json *j, const char *key, double v)
{
	if (!isnan(v) && v == floor(v) && v < 9e15)
		json_u64(j, key, (uint64_t)v);
	else
		json_real(j, key, v);
}

static void figures_json(struct json *j, const struct compare_model *m, int first, int end)
{
	int f;

	for (f = first; f < end; f++)
		number_json(j, compare_key[f], m->recordings ? m->value[f].median : NAN);
}

/* Only of figures that differ from one recording to the other. */
static void spread_json(struct json *j, const struct compare_model *m)
{
	int f;

	json_object(j, "spread");
	for (f = 0; f < FIGURE_NR; f++) {
		if (!m->recordings || isnan(m->value[f].median) ||
		    m->value[f].min == m->value[f].max)
			continue;
		json_object(j, compare_key[f]);
		number_json(j, "min", m->value[f].min);
		number_json(j, "max", m->value[f].max);
		json_end(j);
	}
	json_end(j);
}

static void sum_json(struct json *j, const struct compare_model *m, const char *recorded_key,
		     const char *counted_key, enum audit_check one, enum audit_check two)
{
	uint64_t recorded = WEFT_UNKNOWN, counted = WEFT_UNKNOWN;

	compare_audit_sum(m, one, two, &recorded, &counted);
	json_u64(j, recorded_key, recorded);
	json_u64(j, counted_key, counted);
}

static void audit_json(struct json *j, const struct compare_model *m)
{
	if (!m->recordings) {
		json_text(j, "audit", NULL);
		return;
	}
	json_object(j, "audit");
	json_text(j, "verdict", audit_verdict_name(m->audit.verdict));
	json_u64(j, "threads", m->audit.threads);
	sum_json(j, m, "switches_recorded", "switches_counted", AUDIT_SWITCHES_VOLUNTARY,
		 AUDIT_SWITCHES_INVOLUNTARY);
	sum_json(j, m, "faults_recorded", "faults_counted", AUDIT_FAULTS_MINOR, AUDIT_FAULTS_MAJOR);
	json_u64(j, "lost", m->audit.lost);
	json_u64(j, "units_lost", m->unit_lost);
	audit_checks_json(j, &m->audit);
	json_end(j);
}

void compare_json(FILE *f, const struct comparison *c)
{
	struct json j;
	size_t i;

	json_init(&j, f);
	json_object(&j, NULL);
	json_text(&j, "job", c->job->name);
	json_text(&j, "kernel", *c->kernel ? c->kernel : NULL);
	json_text(&j, "backend", *c->backend ? c->backend : NULL);
	json_bool(&j, "emulated", c->emulated);
	json_text(&j, "clock", *c->clock ? c->clock : NULL);
	json_u64(&j, "cpus", c->cpus ? c->cpus : WEFT_UNKNOWN);
	json_u64(&j, "repeat", c->repeat);
	json_array(&j, "models");
	for (i = 0; i < c->nr; i++) {
		const struct compare_model *m = &c->models[i];

		json_object(&j, NULL);
		json_text(&j, "model", model_name[m->model]);
		json_text(&j, "error", *m->error ? m->error : NULL);
		figures_json(&j, m, 0, FIGURE_KERNEL_FIRST);
		json_object(&j, "kernel");
		figures_json(&j, m, FIGURE_KERNEL_FIRST, FIGURE_UNITS_FIRST);
		json_end(&j);
		json_object(&j, "memory");
		figures_json(&j, m, FIGURE_MEMORY_FIRST, FIGURE_NR);
		json_end(&j);
		json_object(&j, "units_account");
		figures_json(&j, m, FIGURE_UNITS_FIRST, FIGURE_MEMORY_FIRST);
		json_end(&j);
		spread_json(&j, m);
		audit_json(&j, m);
		json_end(&j);
	}
	json_end(&j);
	json_end(&j);
}
