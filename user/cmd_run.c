// SPDX-License-Identifier: GPL-2.0-only
/* weft run: one job under one model, untraced; prints what user space itself counted. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd.h"
#include "format.h"
#include "json.h"
#include "models/model.h"
#include "options.h"
#include "view.h"

enum { OPT_UNITS = 'n', OPT_OPS = 'o', OPT_BYTES = 'b', OPT_WORKERS = 'w', OPT_JSON = 'j' };

struct options {
	const struct job *job;
	int model; /* enum model, -1: none given */
	struct job_opts job_opts;
	bool json;
};

static const struct argp_option options[] = {
	{ "units", OPT_UNITS, "N", 0, "How many processes, threads, tasks or coroutines", 0 },
	{ "ops", OPT_OPS, "N", 0, "How many operations for each unit", 0 },
	{ "bytes", OPT_BYTES, "SIZE", 0,
	  "touch: memory for each unit, share: of a message; K, M, G may follow", 0 },
	{ "workers", OPT_WORKERS, "N", 0, "Threads of the pool that runs tasks (one per CPU)", 0 },
	{ "json", OPT_JSON, NULL, 0, "Print JSON", 0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case OPT_UNITS:
		o->job_opts.units = option_number(state, "--units", arg, 1, UINT64_MAX);
		return 0;
	case OPT_OPS:
		o->job_opts.ops = option_number(state, "--ops", arg, 1, UINT64_MAX);
		return 0;
	case OPT_BYTES:
		o->job_opts.bytes = option_size(state, "--bytes", arg);
		return 0;
	case OPT_WORKERS:
		o->job_opts.workers = option_number(state, "--workers", arg, 1, UINT64_MAX);
		return 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num == 0) {
			o->model = model_by_name(arg);
			if (o->model < 0)
				option_error(state, "there is no model '%s'; --help lists them",
					     arg);
		} else if (state->arg_num == 1) {
			o->job = job_by_name(arg);
			if (!o->job)
				option_error(state, "there is no job '%s'; --help lists them", arg);
		} else {
			option_error(state, "one job at a time: '%s' is one too many", arg);
		}
		return 0;
	case ARGP_KEY_END:
		if (!o->job)
			option_error(state, "a model and a job are needed: weft run MODEL JOB");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Models and jobs, from their tables, behind the options. */
static char *help_filter(int key, const char *text, void *input)
{
	char *help = NULL;
	size_t len;
	FILE *f;
	int i;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	f = open_memstream(&help, &len);
	if (!f)
		return NULL;
	fputs("MODEL is one of:", f);
	for (i = 0; i < MODEL_NR; i++)
		fprintf(f, "%s %s", i ? "," : "", model_name[i]);
	fputs(".\nJOB is one of:\n", f);
	for (i = 0; jobs[i]; i++)
		fprintf(f, "  %-10s%s\n", jobs[i]->name, jobs[i]->what);
	fclose(f);
	return help;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "MODEL JOB",
	.doc = "Runs one job under one model, untraced, and prints what user space counted.\v",
	.help_filter = help_filter,
};

static double per(uint64_t ns, uint64_t count)
{
	return count ? (double)ns / (double)count : NAN;
}

static void print_json(const struct options *o, const struct job_result *r)
{
	struct json j;
	char check[20];

	json_init(&j, stdout);
	json_object(&j, NULL);
	json_text(&j, "job", o->job->name);
	json_text(&j, "model", model_name[o->model]);
	json_u64(&j, "units", r->units);
	json_u64(&j, "kernel_units", r->kernel_units);
	json_u64(&j, "user_units", r->user_units);
	json_u64(&j, "workers", r->workers);
	json_u64(&j, "unguarded", r->unguarded);
	json_u64(&j, "ops", r->ops);
	json_u64(&j, "wall_ns", r->wall_ns);
	json_real(&j, "ns_per_op", per(r->wall_ns, r->ops));
	json_real(&j, "ns_per_unit", per(r->wall_ns, r->units));
	/*
	 * As text: many readers take each number for a floating-point one, which does not hold 64
	 * bits.
	 */
	snprintf(check, sizeof(check), "%016" PRIx64, r->check);
	json_text(&j, "check", check);
	json_end(&j);
}

static void print_text(const struct options *o, const struct job_result *r)
{
	char units[FORMAT_LEN], workers[FORMAT_LEN], ops[FORMAT_LEN], wall[FORMAT_LEN],
		per_op[FORMAT_LEN], per_unit[FORMAT_LEN], unguarded[FORMAT_LEN];

	printf("%s as %s: %s\n", o->job->name, model_name[o->model], o->job->what);
	printf("  units          %s, %s\n", format_count(units, r->units),
	       r->kernel_units ? "created in the kernel" : "created in user space");
	if (r->workers)
		printf("  carried by     %s thread%s\n", format_count(workers, r->workers),
		       r->workers == 1 ? "" : "s");
	if (r->unguarded)
		printf("  unguarded      %s of the stacks (no guard page: vm.max_map_count)\n",
		       format_count(unguarded, r->unguarded));
	printf("  operations     %s (%s)\n", format_count(ops, r->ops), o->job->op);
	printf("  wall time      %s\n", format_ns(wall, r->wall_ns));
	printf("  per operation  %s\n", format_real_ns(per_op, per(r->wall_ns, r->ops)));
	printf("  per unit       %s\n", format_real_ns(per_unit, per(r->wall_ns, r->units)));
	printf("  checksum       %016" PRIx64 "\n", r->check);
}

int cmd_run(int argc, char **argv)
{
	struct options o = { .model = -1 };
	struct job_result r;
	char errbuf[512];
	int err;

	options_parse(&argp, argc, argv, 0, &o);
	err = job_run(o.job, (enum model)o.model, &o.job_opts, &r, errbuf, sizeof(errbuf));
	if (err) {
		say_error("%s", errbuf);
		return err == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
	}
	if (o.json)
		print_json(&o, &r);
	else
		print_text(&o, &r);
	return view_end(EXIT_DONE);
}
