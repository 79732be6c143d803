// SPDX-License-Identifier: GPL-2.0-only
/* A comparison as a table: models are columns. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include "compare.h"
#include "format.h"
#include "text_table.h"

enum unit { COUNT, PER_OP, TIME, TIME_PER_OP, BYTES };

/* A row: a figure, or two with a slash between them. */
static const struct row {
	const char *title; /* NULL: a line with the section's name */
	enum unit unit;
	enum compare_figure figure, second; /* second: FIGURE_NR if there is none */
	const char *section;
} rows[] = {
	{ "wall time per operation", TIME, FIGURE_NS_PER_OP, FIGURE_NR, NULL },
	{ "units", COUNT, FIGURE_UNITS, FIGURE_NR, NULL },
	{ "operations", COUNT, FIGURE_OPS, FIGURE_NR, NULL },
	{ "units made in the kernel", COUNT, FIGURE_KERNEL_UNITS, FIGURE_NR, NULL },
	{ "units made in user space", COUNT, FIGURE_USER_UNITS, FIGURE_NR, NULL },
	{ NULL, COUNT, FIGURE_NR, FIGURE_NR, "for one operation, in the kernel:" },
	{ "  switches, voluntary", PER_OP, FIGURE_VOLUNTARY, FIGURE_NR, NULL },
	{ "  switches, involuntary", PER_OP, FIGURE_INVOLUNTARY, FIGURE_NR, NULL },
	{ "  changes of address space", PER_OP, FIGURE_MM_SWITCHES, FIGURE_NR, NULL },
	{ "  wake-ups", PER_OP, FIGURE_WAKEUPS, FIGURE_NR, NULL },
	{ "  migrations", PER_OP, FIGURE_MIGRATIONS, FIGURE_NR, NULL },
	{ "  run-queue wait", TIME_PER_OP, FIGURE_RUNQUEUE_WAIT, FIGURE_NR, NULL },
	{ "  on-CPU", TIME_PER_OP, FIGURE_ONCPU, FIGURE_NR, NULL },
	{ "  page faults, minor", PER_OP, FIGURE_FAULTS_MINOR, FIGURE_NR, NULL },
	{ "  page faults, unclassified", PER_OP, FIGURE_FAULTS_UNCLASSIFIED, FIGURE_NR, NULL },
	{ "  time in page faults", TIME_PER_OP, FIGURE_FAULT_TIME, FIGURE_NR, NULL },
	{ NULL, COUNT, FIGURE_NR, FIGURE_NR, "in all:" },
	{ "  threads, processes made", COUNT, FIGURE_FORKS, FIGURE_NR, NULL },
	{ "  page faults, major", COUNT, FIGURE_FAULTS_MAJOR, FIGURE_NR, NULL },
	{ "  mappings made", COUNT, FIGURE_MAPS, FIGURE_NR, NULL },
	{ "  bytes mapped", BYTES, FIGURE_MAPPED_BYTES, FIGURE_NR, NULL },
	{ NULL, COUNT, FIGURE_NR, FIGURE_NR, "one kernel switch, mean:" },
	{ "  same address space", TIME, FIGURE_COST_SAME_MM, FIGURE_NR, NULL },
	{ "  to another one", TIME, FIGURE_COST_NEW_MM, FIGURE_NR, NULL },
	{ NULL, COUNT, FIGURE_NR, FIGURE_NR, "one unit's life, median / p99 over the units:" },
	{ "  on-CPU", TIME, FIGURE_UNIT_ONCPU_P50, FIGURE_UNIT_ONCPU_P99, NULL },
	{ "  waiting for a CPU", TIME, FIGURE_UNIT_RUNNABLE_P50, FIGURE_UNIT_RUNNABLE_P99, NULL },
	{ "  blocked in the kernel", TIME, FIGURE_UNIT_BLOCKED_P50, FIGURE_UNIT_BLOCKED_P99, NULL },
	{ "  ready in its runtime", TIME, FIGURE_UNIT_READY_P50, FIGURE_UNIT_READY_P99, NULL },
	{ "  suspended", TIME, FIGURE_UNIT_SUSPENDED_P50, FIGURE_UNIT_SUSPENDED_P99, NULL },
	{ NULL, COUNT, FIGURE_NR, FIGURE_NR, "memory of one unit, at the peak:" },
	{ "  resident (PSS)", BYTES, FIGURE_PSS, FIGURE_NR, NULL },
	{ "  page tables", BYTES, FIGURE_PAGE_TABLES, FIGURE_NR, NULL },
	{ "  kernel stacks", BYTES, FIGURE_KERNEL_STACKS, FIGURE_NR, NULL },
};
#define NR_ROWS (sizeof(rows) / sizeof(rows[0]))

#define CELL_LEN (4 * FORMAT_LEN)

static char *value_text(char *buf, double v, enum unit unit)
{
	if (isnan(v))
		return strcpy(buf, "-");
	switch (unit) {
	case TIME:
	case TIME_PER_OP:
		return v == floor(v) && v < 1e18 ? format_ns(buf, (uint64_t)v) :
						   format_real_ns(buf, v);
	case BYTES:
		return format_bytes(buf, (uint64_t)(v + 0.5));
	case PER_OP:
		/* Next to nothing: the digits are in the JSON. */
		return v > 0 && v < 0.001 ? strcpy(buf, "<0.001") : format_real(buf, v);
	default:
		return format_count(buf, (uint64_t)(v + 0.5));
	}
}

/* "1.20 us" -> its number only, if what comes next has the same unit. */
static void drop_unit(char *text, const char *next)
{
	char *space = strrchr(text, ' ');
	const char *other = strrchr(next, ' ');

	if (space && other && !strcmp(space, other))
		*space = '\0';
}

/* "1.23 us", of several recordings "1.23 us (1.20-1.30)". */
static void spread_text(char *buf, size_t len, struct compare_value v, enum unit unit)
{
	char median[FORMAT_LEN], min[FORMAT_LEN], max[FORMAT_LEN];

	value_text(median, v.median, unit);
	value_text(min, v.min, unit);
	value_text(max, v.max, unit);
	if (!strcmp(min, max)) {
		snprintf(buf, len, "%s", median);
		return;
	}
	drop_unit(min, max);
	drop_unit(max, median);
	/* The unit of both is then that of the median; else each has its own. */
	snprintf(buf, len, "%s (%s-%s)", median, min, max);
}

static struct compare_value figure(const struct compare_model *m, const struct row *r,
				   enum compare_figure f)
{
	struct compare_value v = m->value[f];
	double ops = m->value[FIGURE_OPS].median;

	if (r->unit != PER_OP && r->unit != TIME_PER_OP)
		return v;
	return (struct compare_value){ v.median / ops, v.min / ops, v.max / ops };
}

static void add_cell(struct text_table *tab, const struct compare_model *m, const struct row *r)
{
	char first[CELL_LEN], second[FORMAT_LEN];

	if (!m->recordings || isnan(m->value[r->figure].median)) {
		text_table_cell(tab, "-");
	} else if (r->second == FIGURE_NR) {
		spread_text(first, sizeof(first), figure(m, r, r->figure), r->unit);
		text_table_cell(tab, "%s", first);
	} else {
		text_table_cell(tab, "%s / %s",
				value_text(first, m->value[r->figure].median, r->unit),
				value_text(second, m->value[r->second].median, r->unit));
	}
}

/* A row that no model has a figure for is left out if it is about what another row tells better. */
static bool is_shown(const struct comparison *c, const struct row *r)
{
	size_t i;

	if (r->figure != FIGURE_FAULTS_UNCLASSIFIED)
		return true;
	for (i = 0; i < c->nr; i++)
		if (c->models[i].recordings && !isnan(c->models[i].value[r->figure].median))
			return true;
	return false;
}

/* ---- the audit's rows */

/* A kernel may tell the two kinds together only: then the second is not checked. */
static void audit_row(struct text_table *tab, const struct comparison *c, const char *title,
		      enum audit_check one, enum audit_check two)
{
	char text[2][FORMAT_LEN];
	size_t i;

	text_table_cell(tab, "%s", title);
	for (i = 0; i < c->nr; i++) {
		uint64_t recorded, counted;

		if (compare_audit_sum(&c->models[i], one, two, &recorded, &counted))
			text_table_cell(tab, "%s / %s", format_count(text[0], recorded),
					format_count(text[1], counted));
		else
			text_table_cell(tab, "-");
	}
}

static void audit_rows(struct text_table *tab, const struct comparison *c)
{
	char lost[FORMAT_LEN];
	size_t i;

	text_table_line(tab, "audit, recorded / counted by the kernel:");
	audit_row(tab, c, "  switches", AUDIT_SWITCHES_VOLUNTARY, AUDIT_SWITCHES_INVOLUNTARY);
	audit_row(tab, c, "  page faults", AUDIT_FAULTS_MINOR, AUDIT_FAULTS_MAJOR);
	text_table_cell(tab, "  lost records");
	for (i = 0; i < c->nr; i++)
		text_table_cell(tab, "%s",
				c->models[i].recordings ?
					format_count(lost, c->models[i].audit.lost +
								   c->models[i].unit_lost) :
					"-");
	text_table_cell(tab, "  verdict");
	for (i = 0; i < c->nr; i++)
		text_table_cell(tab, "%s",
				c->models[i].recordings ?
					audit_verdict_name(c->models[i].audit.verdict) :
					"failed");
}

/* Below the table: why a model failed, and what an audit could not explain. */
static void print_failures(FILE *f, const struct comparison *c)
{
	size_t i;
	int k;

	for (i = 0; i < c->nr; i++) {
		const struct compare_model *m = &c->models[i];

		if (*m->error)
			fprintf(f, "%s failed: %s\n", model_name[m->model], m->error);
		for (k = 0; m->recordings && k < AUDIT_NR_CHECKS; k++)
			if (m->audit.check[k].verdict == AUDIT_UNEXPLAINED)
				fprintf(f, "%s: %s UNEXPLAINED: %s\n", model_name[m->model],
					audit_check_name[k], m->audit.check[k].why);
	}
}

/* And what it explained: mostly the same for all models, so once for each check, with one of them. */
static void print_explained(FILE *f, const struct comparison *c)
{
	size_t i;
	int k;

	for (k = 0; k < AUDIT_NR_CHECKS; k++) {
		const struct compare_model *first = NULL;

		for (i = 0; i < c->nr; i++) {
			const struct compare_model *m = &c->models[i];

			if (!m->recordings || m->audit.check[k].verdict != AUDIT_EXPLAINED)
				continue;
			if (!first)
				fprintf(f, "%s explained (", audit_check_name[k]);
			fprintf(f, "%s%s", first ? ", " : "", model_name[m->model]);
			first = first ? first : m;
		}
		if (first)
			fprintf(f, "); of %s: %s\n", model_name[first->model],
				first->audit.check[k].why);
	}
}

int compare_print(FILE *f, const struct comparison *c)
{
	struct text_table *tab = text_table_new();
	size_t i, r;
	int err;

	fprintf(f, "%s: %s; one operation: %s\n", c->job->name, c->job->what, c->job->op);
	if (*c->kernel)
		fprintf(f, "Linux %s, %s, clock %s, %u CPU%s%s", c->kernel, c->backend, c->clock,
			c->cpus, c->cpus == 1 ? "" : "s",
			c->emulated ? " (emulated: times are not those of hardware)" : "");
	if (c->repeat > 1)
		fprintf(f, "; median of %lu (min-max)", (unsigned long)c->repeat);
	fprintf(f, "\n\n");

	text_table_column(tab, NULL, "", TEXT_LEFT);
	for (i = 0; i < c->nr; i++)
		text_table_column(tab, NULL, model_name[c->models[i].model], TEXT_RIGHT);
	for (r = 0; r < NR_ROWS; r++) {
		if (!is_shown(c, &rows[r]))
			continue;
		if (!rows[r].title) {
			text_table_line(tab, rows[r].section);
			continue;
		}
		text_table_cell(tab, "%s", rows[r].title);
		for (i = 0; i < c->nr; i++)
			add_cell(tab, &c->models[i], &rows[r]);
	}
	audit_rows(tab, c);
	err = text_table_print(tab, f);
	text_table_free(tab);
	print_failures(f, c);
	print_explained(f, c);
	return err;
}
