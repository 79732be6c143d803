// SPDX-License-Identifier: GPL-2.0-only
/* weft events: every event as a line of text. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cmd.h"
#include "event_table.h"
#include "event_text.h"
#include "options.h"
#include "view.h"

#define MAX_TIDS 64
#define BUFFER_SIZE (1 << 16)

struct options {
	const char *dir;
	bool types[EVENT_ID_MAX], any_type; /* any_type: all */
	uint32_t tids[MAX_TIDS];
	size_t nr_tids;
	uint64_t unit;
	uint64_t from, to; /* ns since the beginning */
	bool unit_given, raw;
};

static const struct argp_option options[] = {
	{ "event", 'e', "TYPE,...", 0, "Only events of these types, e.g. sched_switch,page_fault",
	  0 },
	{ "tid", 't', "TID,...", 0, "Only events of these threads, or that name one of them", 0 },
	{ "unit", 'u', "UNIT", 0, "Only events that carry this unit's id (0: no unit)", 0 },
	{ "from", 'f', "S", 0, "From this many seconds after the trace's beginning on", 0 },
	{ "to", 'T', "S", 0, "Up to there", 0 },
	{ "raw", 'r', NULL, 0, "Numbers as they were recorded: ticks, flags, ids", 0 },
	{ 0 }
};

static void parse_types(struct options *o, const struct argp_state *state, char *list)
{
	const struct event_type *type;
	char *name;

	o->any_type = false;
	while ((name = strsep(&list, ","))) {
		type = event_type_by_name(name);
		if (!type)
			option_error(state,
				     "--event: there is no event '%s'; docs/event-abi.md lists them",
				     name);
		o->types[type->id] = true;
	}
}

static void parse_tids(struct options *o, const struct argp_state *state, char *list)
{
	char *tid;

	while ((tid = strsep(&list, ","))) {
		if (o->nr_tids == MAX_TIDS)
			option_error(state, "--tid: more than %d threads", MAX_TIDS);
		o->tids[o->nr_tids++] = (uint32_t)option_number(state, "--tid", tid, 0, INT32_MAX);
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'e':
		parse_types(o, state, arg);
		return 0;
	case 't':
		parse_tids(o, state, arg);
		return 0;
	case 'u':
		o->unit = option_number(state, "--unit", arg, 0, UINT64_MAX - 1);
		o->unit_given = true;
		return 0;
	case 'f':
		o->from = option_seconds(state, "--from", arg);
		return 0;
	case 'T':
		o->to = option_seconds(state, "--to", arg);
		return 0;
	case 'r':
		o->raw = true;
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
	.doc = "Prints each event of a trace (weft-trace) as a line: seconds since the trace began, CPU, "
	       "thread, current unit, event, fields.",
};

/* ---- what is wanted */

static bool is_wanted_tid(const struct options *o, uint64_t tid)
{
	size_t i;

	for (i = 0; i < o->nr_tids; i++)
		if (o->tids[i] == tid)
			return true;
	return false;
}

/* The thread that ran, or one that the event is about. */
static bool wanted_thread(const struct options *o, const struct weft_event *rec)
{
	static const char *const about[] = { "next_tid", "prev_tid", "target", "child_tid" };
	const struct event_type *type;
	uint32_t i, k;

	if (!o->nr_tids || is_wanted_tid(o, rec->tid))
		return true;
	type = event_type(rec->id);
	for (i = 0; type && i < type->nr_fields; i++)
		for (k = 0; k < sizeof(about) / sizeof(about[0]); k++)
			if (!strcmp(type->fields[i].name, about[k]) &&
			    is_wanted_tid(o, event_field_value(&type->fields[i], rec)))
				return true;
	return false;
}

static bool wanted(const struct options *o, const struct weft_event *rec)
{
	if (!o->any_type && (rec->id >= EVENT_ID_MAX || !o->types[rec->id]))
		return false;
	return (!o->unit_given || rec->unit == o->unit) && wanted_thread(o, rec);
}

/* ---- output */

struct out {
	size_t n;
	char buf[BUFFER_SIZE];
};

static int flush_out(struct out *out)
{
	size_t done = 0;

	while (done < out->n) {
		ssize_t n = write(STDOUT_FILENO, out->buf + done, out->n - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	out->n = 0;
	return 0;
}

static int print_events(struct trace *t, const struct options *o, struct event_text *x,
			struct out *out)
{
	char err[256] = "";
	struct trace_event ev;
	uint64_t begin = 0, from = view_ticks(t, o->from), to = view_ticks(t, o->to);
	bool first = true;
	int got, failed = 0;

	while ((got = trace_next(t, &ev, err, sizeof(err))) > 0) {
		if (first)
			begin = ev.rec->time;
		first = false;
		if (ev.rec->time - begin > to)
			break;
		failed = event_text_learn(x, &ev);
		if (!failed && ev.rec->time - begin >= from && wanted(o, ev.rec)) {
			if (out->n + EVENT_TEXT_MAX > sizeof(out->buf))
				failed = flush_out(out);
			if (!failed)
				out->n += event_text_line(x, &ev, begin, out->buf + out->n);
		}
		if (failed)
			break;
	}
	if (!failed)
		failed = flush_out(out);
	if (failed == -EPIPE)
		return EXIT_FAILED; /* whoever read it had enough: no more to say */
	if (failed)
		say_error("cannot write the events of %s to standard output: %s", t->dir,
			  strerror(-failed));
	else if (got < 0)
		say_error("%s", err);
	else if (first)
		say_error("%s: nothing was recorded: the trace has no events", t->dir);
	return failed || got < 0 || first ? EXIT_FAILED : EXIT_DONE;
}

int cmd_events(int argc, char **argv)
{
	struct options o = { .any_type = true, .to = UINT64_MAX };
	struct event_text *x;
	struct out *out;
	struct trace *t;
	int code = EXIT_FAILED;

	options_parse(&argp, argc, argv, 0, &o);
	t = view_open(o.dir);
	if (!t)
		return EXIT_FAILED;
	x = event_text_new(t, o.raw);
	out = calloc(1, sizeof(*out));
	if (x && out)
		code = print_events(t, &o, x, out);
	else
		say_error("cannot print the events of %s: %s", t->dir, strerror(ENOMEM));
	free(out);
	event_text_free(x);
	trace_close(t);
	return code;
}
