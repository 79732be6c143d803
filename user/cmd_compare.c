// SPDX-License-Identifier: GPL-2.0-only
/* weft compare: one job under every model, traced, side by side. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd.h"
#include "compare.h"
#include "options.h"
#include "view.h"

#define MAX_REPEAT 1000

struct options {
	struct compare_opts compare;
	bool json;
};

static const struct argp_option options[] = {
	{ "backend", 'b', "NAME", 0, "kmod, bpf, or auto: the module if it is loaded, else BPF",
	  0 },
	{ "models", 'm', "LIST", 0,
	  "Of process, thread, task, coroutine, separated by commas (all four)", 0 },
	{ "repeat", 'r', "N", 0,
	  "Record each model N times: medians, with the smallest and the largest (1)", 0 },
	{ "units", 'n', "N", 0, "Units of each model (the job's default for the model)", 0 },
	{ "ops", 'k', "N", 0, "Operations of each unit (the job's default)", 0 },
	{ "bytes", 's', "SIZE", 0,
	  "Memory of each unit or message; K, M, G may follow (the job's default)", 0 },
	{ "workers", 'w', "N", 0, "Threads that carry tasks (the job's default)", 0 },
	{ "output", 'o', "DIR", 0, "Keep the traces, as DIR/process and so on", 0 },
	{ "json", 'j', NULL, 0, "Print JSON", 0 },
	{ 0 }
};

static void parse_models(struct compare_opts *o, const struct argp_state *state, char *list)
{
	char *name;
	int m;

	memset(o->models, 0, sizeof(o->models));
	while ((name = strsep(&list, ","))) {
		m = model_by_name(name);
		if (m < 0)
			option_error(
				state,
				"there is no model '%s'; there are process, thread, task and coroutine",
				name);
		o->models[m] = true;
	}
}

__attribute__((noreturn)) static void no_such_job(const struct argp_state *state, const char *name)
{
	char list[256] = "";
	size_t i, len = 0;

	for (i = 0; jobs[i] && len < sizeof(list); i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", i ? ", " : "",
					jobs[i]->name);
	option_error(state, "there is no job '%s'; there are %s", name, list);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *opt = state->input;
	struct compare_opts *o = &opt->compare;

	switch (key) {
	case 'b':
		o->backend = option_backend(state, arg);
		return 0;
	case 'm':
		parse_models(o, state, arg);
		return 0;
	case 'r':
		o->repeat = option_number(state, "--repeat", arg, 1, MAX_REPEAT);
		return 0;
	case 'n':
		o->opts.units = option_number(state, "--units", arg, 1, UINT32_MAX);
		return 0;
	case 'k':
		o->opts.ops = option_number(state, "--ops", arg, 1, UINT64_MAX);
		return 0;
	case 's':
		o->opts.bytes = option_size(state, "--bytes", arg);
		return 0;
	case 'w':
		o->opts.workers = option_number(state, "--workers", arg, 1, UINT32_MAX);
		return 0;
	case 'o':
		o->dir = arg;
		return 0;
	case 'j':
		opt->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num > 0)
			option_error(state, "one job at a time: '%s' is one too many", arg);
		o->job = job_by_name(arg);
		if (!o->job)
			no_such_job(state, arg);
		return 0;
	case ARGP_KEY_END:
		if (!o->job)
			option_error(state, "which job? 'weft run --help' lists them");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "JOB",
	.doc = "Runs a job as processes, threads, tasks and coroutines, records each, and prints side by side what "
	       "each cost as the kernel saw it.\v"
	       "The kernel's figures are those of the traced child as a whole: a few switches and faults of its "
	       "own start and end are among them. Memory is measured in a further run that is not recorded.",
};

int cmd_compare(int argc, char **argv)
{
	struct options o = {
		.compare = { .backend = "auto", .repeat = 1, .models = { true, true, true, true } }
	};
	struct comparison *c;
	char err[1024] = "";
	int failed, code = EXIT_FAILED;

	options_parse(&argp, argc, argv, 0, &o);
	c = malloc(sizeof(*c));
	failed = c ? compare_run(&o.compare, c, err, sizeof(err)) : -ENOMEM;
	if (failed) {
		say_error("cannot compare %s: %s", o.compare.job->name,
			  *err ? err : strerror(-failed));
		code = failed == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
		goto out;
	}
	if (o.json)
		compare_json(stdout, c);
	else
		failed = compare_print(stdout, c);
	if (failed)
		say_error("cannot print the comparison: %s", strerror(-failed));
	else if (compare_good(c))
		code = EXIT_DONE;
	else
		say_error(
			"not all is well: a model failed or an audit found a difference that it can't explain");
out:
	free(c);
	return view_end(code);
}
