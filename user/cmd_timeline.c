// SPDX-License-Identifier: GPL-2.0-only
/* weft timeline: a stretch of time as text, one lane per CPU, thread and unit. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "cmd.h"
#include "format.h"
#include "options.h"
#include "text_table.h"
#include "timeline.h"
#include "view.h"

#define LABEL 28     /* columns left of the cells */
#define MIN_WIDTH 60 /* labels and some cells */
#define MAX_WIDTH 1000
#define DEFAULT_LANES 24
#define RULER 20 /* cells from one mark to the next */

struct options {
	const char *dir;
	uint64_t from, to; /* ns since the trace's beginning */
	size_t width, lanes;
	bool cpu, thread, unit;
};

static const struct argp_option options[] = {
	{ "from", 'f', "S", 0, "From this many seconds after the trace's beginning on", 0 },
	{ "to", 'T', "S", 0, "Up to there", 0 },
	{ "width", 'w', "N", 0, "Columns of a line (120)", 0 },
	{ "by", 'b', "WHAT,...", 0, "Which lanes: cpu, thread, unit (all three)", 0 },
	{ "lanes", 'l', "N", 0,
	  "At most so many threads, and units (24); if there are more units they share a lane by name",
	  0 },
	{ 0 }
};

static void parse_by(struct options *o, const struct argp_state *state, char *list)
{
	char *what;

	o->cpu = o->thread = o->unit = false;
	while ((what = strsep(&list, ","))) {
		if (!strcmp(what, "cpu"))
			o->cpu = true;
		else if (!strcmp(what, "thread"))
			o->thread = true;
		else if (!strcmp(what, "unit"))
			o->unit = true;
		else
			option_error(state, "--by: '%s' is none of cpu, thread, unit", what);
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'f':
		o->from = option_seconds(state, "--from", arg);
		return 0;
	case 'T':
		o->to = option_seconds(state, "--to", arg);
		return 0;
	case 'w':
		o->width = option_number(state, "--width", arg, MIN_WIDTH, MAX_WIDTH);
		return 0;
	case 'l':
		o->lanes = option_number(state, "--lanes", arg, 1, 10000);
		return 0;
	case 'b':
		parse_by(o, state, arg);
		return 0;
	case ARGP_KEY_ARG:
		o->dir = option_dir(state, arg);
		return 0;
	case ARGP_KEY_END:
		if (o->to <= o->from)
			option_error(state, "--to is not behind --from");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[DIR]",
	.doc = "Draws a stretch of a trace (weft-trace) as text: a lane for each CPU, thread and unit, a column for "
	       "each slice of time.",
};

/* ---- drawing */

static void print_label(const char *label)
{
	char text[LABEL];

	snprintf(text, sizeof(text), "%s", label);
	printf("%-*s", LABEL, text_printable(text));
}

/* A mark and how long after the beginning it is, every RULER cells. */
static void print_ruler(const struct timeline *tl, const struct trace *t)
{
	char ns[FORMAT_LEN];
	size_t i;

	print_label("");
	for (i = 0; i < tl->width; i += RULER) {
		uint64_t after = (uint64_t)((unsigned __int128)(tl->to - tl->from) * i / tl->width);
		size_t room = tl->width - i < RULER ? tl->width - i : RULER;

		format_ns(ns, trace_ns(t, after));
		if (strlen(ns) + 2 <= room)
			printf("|+%-*s", i + RULER < tl->width ? (int)room - 2 : 0, ns);
		else
			printf("|");
	}
	putchar('\n');
}

static void print_cells(const struct timeline *tl, const struct timeline_lane *lane, size_t columns,
			char (*show)(const uint64_t *cell))
{
	char line[MAX_WIDTH] = "";
	size_t i, n = 0; /* up to the last one that is not blank */

	for (i = 0; i < tl->width; i++) {
		line[i] = show(&lane->cells[i * columns]);
		if (line[i] != ' ')
			n = i + 1;
	}
	printf("%.*s\n", (int)n, line);
}

static void print_cpus(const struct timeline *tl)
{
	char label[LABEL];
	size_t i;

	printf("CPUs: the letter of the thread that ran most, * another traced one, . none of them\n");
	for (i = 0; i < tl->nr_cpus; i++) {
		snprintf(label, sizeof(label), "CPU %zu", i);
		print_label(label);
		print_cells(tl, &tl->cpus[i], TIMELINE_LETTERS + 1, timeline_cpu);
	}
}

static void print_threads(const struct timeline *tl)
{
	char label[LABEL], more[FORMAT_LEN];
	size_t i;

	printf("\nThreads, those longest on a CPU first\n");
	for (i = 0; i < tl->nr_threads; i++) {
		const struct timeline_lane *lane = &tl->threads[i];

		snprintf(label, sizeof(label), "%c %.16s/%" PRIu32, lane->letter,
			 lane->thread->comm, lane->thread->tid);
		print_label(label);
		print_cells(tl, lane, ACCT_NR_STATES, timeline_state);
	}
	if (tl->more_threads)
		printf("and %s more, with --lanes\n", format_count(more, tl->more_threads));
}

static void print_units(const struct timeline *tl)
{
	char label[LABEL], more[FORMAT_LEN], name[33];
	size_t i;

	printf("\nUnits%s\n", tl->grouped ? ", those of one name together" : "");
	for (i = 0; i < tl->nr_units; i++) {
		const struct timeline_lane *lane = &tl->units[i];
		const struct acct_unit *u = lane->unit;

		if (u->name[0])
			snprintf(name, sizeof(name), "%.32s", u->name);
		else
			snprintf(name, sizeof(name), "(%s)", unit_kind_name(u->kind));
		if (tl->grouped)
			snprintf(label, sizeof(label), "%.14s x%s", name,
				 format_count(more, lane->members));
		else
			snprintf(label, sizeof(label), "%.14s %" PRIu64, name, u->id);
		print_label(label);
		print_cells(tl, lane, ACCT_NR_STATES, timeline_state);
	}
	if (tl->more_units)
		printf("and %s more, with --lanes\n", format_count(more, tl->more_units));
}

static void print_timeline(const struct timeline *tl, const struct trace *t,
			   const struct accounts *a, const struct options *o)
{
	char from[FORMAT_LEN], to[FORMAT_LEN], cell[FORMAT_LEN];

	view_head(stdout, t, a);
	printf("\nfrom %s s to %s s, %s a column\n",
	       format_seconds(from, trace_ns(t, tl->from - a->begin)),
	       format_seconds(to, trace_ns(t, tl->to - a->begin)),
	       format_real_ns(cell, (double)trace_ns(t, tl->to - tl->from) / (double)tl->width));
	if (o->thread || o->unit) {
		printf("# on-CPU   W waiting for a CPU   B blocked in the kernel   Q ready in its runtime   "
		       "S suspended   ? unknown\n"
		       "for most of the column, not all: + w b q s   blank: not there\n");
	}
	print_ruler(tl, t);
	if (o->cpu)
		print_cpus(tl);
	if (o->thread)
		print_threads(tl);
	if (o->unit && tl->nr_units)
		print_units(tl);
}

static int timeline(struct trace *t, const struct accounts *a, const struct options *o)
{
	uint64_t from = a->begin + view_ticks(t, o->from), to = a->end,
		 after = view_ticks(t, o->to);
	struct timeline tl;
	char err[256] = "";

	if (after < to - a->begin)
		to = a->begin + after;
	if (from >= to || from < a->begin) {
		char text[FORMAT_LEN];

		say_error(
			"%s: the trace ends %s s after its beginning: nothing to draw from there on",
			t->dir, format_seconds(text, trace_ns(t, a->end - a->begin)));
		return EXIT_FAILED;
	}
	if (timeline_make(&tl, t, a, from, to, o->width - LABEL, o->lanes, err, sizeof(err)) < 0) {
		timeline_free(&tl);
		say_error("%s", err);
		return EXIT_FAILED;
	}
	print_timeline(&tl, t, a, o);
	timeline_free(&tl);
	return EXIT_DONE;
}

int cmd_timeline(int argc, char **argv)
{
	struct options o = { .to = UINT64_MAX,
			     .width = VIEW_WIDTH,
			     .lanes = DEFAULT_LANES,
			     .cpu = true,
			     .thread = true,
			     .unit = true };
	struct accounts *a;
	struct trace *t;
	int code = EXIT_FAILED;

	options_parse(&argp, argc, argv, 0, &o);
	t = view_open(o.dir);
	if (!t)
		return EXIT_FAILED;
	a = view_correlate(t, NULL, NULL);
	if (a)
		code = timeline(t, a, &o);
	accounts_free(a);
	trace_close(t);
	return view_end(code);
}
