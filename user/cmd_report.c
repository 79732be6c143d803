// SPDX-License-Identifier: GPL-2.0-only
/* weft report: what each process, thread or unit cost. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd.h"
#include "options.h"
#include "report.h"
#include "view.h"

#define DEFAULT_TOP 25

struct options {
	const char *dir, *sort;
	enum report_by by;
	size_t top; /* 0: all */
	bool top_given, json;
};

static const struct argp_option options[] = {
	{ "by", 'b', "WHAT", 0,
	  "One line for each process, thread or unit (processes with their threads)", 0 },
	{ "sort", 's', "KEY", 0,
	  "oncpu, runnable, blocked, ready, suspended, life, switches, preemptions, migrations, wakeups, "
	  "latency, faults, fault-time, mapped or resumes; the largest come first (oncpu)",
	  0 },
	{ "top", 't', "N", 0, "The first N only (25; with --json: all)", 0 },
	{ "all", 'a', NULL, 0, "All of them; of units, each instead of groups of one name", 0 },
	{ "json", 'j', NULL, 0, "Print JSON", 0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;
	size_t i;

	switch (key) {
	case 'b':
		if (!strcmp(arg, "process"))
			o->by = REPORT_PROCESS;
		else if (!strcmp(arg, "thread"))
			o->by = REPORT_THREAD;
		else if (!strcmp(arg, "unit"))
			o->by = REPORT_UNIT;
		else
			option_error(state, "--by: '%s' is none of process, thread, unit", arg);
		return 0;
	case 's':
		for (i = 0; report_key(i) && strcmp(report_key(i), arg); i++)
			;
		if (!report_key(i))
			option_error(state, "--sort: there is no key '%s'; --help lists them", arg);
		o->sort = arg;
		return 0;
	case 't':
		o->top = option_number(state, "--top", arg, 1, SIZE_MAX);
		o->top_given = true;
		return 0;
	case 'a':
		o->top = 0;
		o->top_given = true;
		return 0;
	case 'j':
		o->json = true;
		return 0;
	case ARGP_KEY_ARG:
		o->dir = option_dir(state, arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[DIR]",
	.doc = "Shows what each process, thread or unit of a trace (weft-trace) cost.\v"
	       "A figure whose hook the kernel or the recording lacked is '-'.",
};

int cmd_report(int argc, char **argv)
{
	struct options o = { .by = REPORT_TREE };
	struct trace *t = NULL;
	struct accounts *a = NULL;
	struct report r = { 0 };
	int err, code = EXIT_FAILED;

	options_parse(&argp, argc, argv, 0, &o);
	if (o.by == REPORT_UNIT && o.top_given && !o.top)
		o.by = REPORT_EACH_UNIT;
	if (!o.top_given && !o.json)
		o.top = DEFAULT_TOP;
	t = view_open(o.dir);
	a = t ? view_correlate(t, NULL, NULL) : NULL;
	if (!a)
		goto out;
	if ((o.by == REPORT_UNIT || o.by == REPORT_EACH_UNIT) && !a->nr_units) {
		say_error("%s: no unit is in this trace: the program has none, or it was not built with "
			  "<weft/unit.h>",
			  t->dir);
		goto out;
	}
	err = report_make(&r, a, o.by, o.sort);
	if (!err && o.json)
		report_json(stdout, &r, t, a, o.top);
	else if (!err)
		err = report_print(stdout, &r, t, a, o.top);
	if (err)
		say_error("cannot make the report of %s: %s", t->dir, strerror(-err));
	else
		code = EXIT_DONE;
out:
	report_free(&r);
	accounts_free(a);
	trace_close(t);
	return view_end(code);
}
