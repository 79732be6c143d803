// SPDX-License-Identifier: GPL-2.0-only
/* weft audit: holds a trace against the kernel's own books. */
#include <stdio.h>
#include "audit.h"
#include "audit_spans.h"
#include "cmd.h"
#include "options.h"
#include "view.h"

struct options {
	const char *dir;
	bool json;
};

static const struct argp_option options[] = { { "json", 'j', NULL, 0, "Print JSON", 0 }, { 0 } };

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
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
	.doc = "Holds a trace (weft-trace) against what the kernel itself counted for the same threads, and the "
	       "accounts made of it against each other.\v"
	       "Exits with 1 if there is a difference that nothing explains.",
};

static void print_json(FILE *f, const struct trace *t, const struct accounts *a,
		       const struct audit *au)
{
	struct json j;

	json_init(&j, f);
	json_object(&j, NULL);
	view_head_json(&j, t, a);
	json_text(&j, "verdict", audit_verdict_name(au->verdict));
	json_u64(&j, "threads", au->threads);
	json_u64(&j, "threads_unequal", au->threads_unequal);
	audit_checks_json(&j, au);
	audit_marks_json(&j, &a->odd);
	json_end(&j);
}

int cmd_audit(int argc, char **argv)
{
	struct options o = { 0 };
	struct audit_spans spans = { 0 };
	struct audit au = { 0 };
	struct accounts *a = NULL;
	struct trace *t;
	int code = EXIT_FAILED;

	options_parse(&argp, argc, argv, 0, &o);
	t = view_open(o.dir);
	a = t ? view_correlate(t, &audit_spans_ops, &spans) : NULL;
	if (!a)
		goto out;
	audit_run(t, a, &au);
	audit_spans_judge(&spans, a, &au);
	if (o.json) {
		print_json(stdout, t, a, &au);
	} else {
		view_head(stdout, t, a);
		view_clock_line(stdout, t);
		audit_print(stdout, t, &au);
		audit_marks_print(stdout, &a->odd);
	}
	code = view_end(au.verdict == AUDIT_UNEXPLAINED ? EXIT_FAILED : EXIT_DONE);
out:
	audit_spans_free(&spans);
	accounts_free(a);
	trace_close(t);
	return code;
}
