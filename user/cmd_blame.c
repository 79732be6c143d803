// SPDX-License-Identifier: GPL-2.0-only
/* weft blame: where the time of the slowest units went, and who took it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "blame.h"
#include "cmd.h"
#include "format.h"
#include "options.h"
#include "syscall_name.h"
#include "text_table.h"
#include "view.h"

#define DEFAULT_TOP 5
#define CAUSES_SHOWN 12
#define HELD_SHOWN 4

struct options {
	const char *unit, *dir; /* unit: an id or a name, NULL: any */
	const char *args[2];
	size_t top;
	bool all;
};

static const struct argp_option options[] = {
	{ "top", 't', "N", 0, "This many of the slowest units (5, at most 100)", 0 },
	{ "all", 'a', NULL, 0, "All of their causes, not only the largest twelve", 0 },
	{ 0 }
};

static bool is_directory(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 't':
		o->top = option_number(state, "--top", arg, 1, BLAME_UNITS);
		return 0;
	case 'a':
		o->all = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num > 1)
			option_error(state, "'%s' is one argument too many", arg);
		o->args[state->arg_num] = arg;
		return 0;
	case ARGP_KEY_END:
		/* One argument alone is the trace if it is a directory. */
		if (o->args[0] && !o->args[1] && is_directory(o->args[0])) {
			o->dir = o->args[0];
		} else {
			o->unit = o->args[0];
			o->dir = o->args[1];
		}
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[UNIT|NAME] [DIR]",
	.doc = "Shows where the time of the slowest units of a trace (weft-trace) went, cause by cause, and who "
	       "took it; or of the unit with this id, or of the slowest ones of this name.",
};

/* ---- the slowest units */

static bool is_asked_for(const struct acct_unit *u, const char *what)
{
	char *end;
	uint64_t id;

	if (!what || !strncmp(u->name, what, sizeof(u->name)))
		return true;
	id = strtoull(what, &end, 0);
	return *what && !*end && u->id == id;
}

/* The longest lives, longest first, into list; returns how many. */
static size_t slowest(const struct accounts *a, const char *what, struct blame_unit *list,
		      size_t max)
{
	const struct acct_unit *u;
	size_t i, nr = 0;

	for (u = a->units; u; u = u->next) {
		if (!is_asked_for(u, what))
			continue;
		for (i = nr; i > 0; i--) {
			const struct acct_unit *other = list[i - 1].unit;

			if (other->last - other->first >= u->last - u->first)
				break;
			if (i < max)
				list[i].unit = other;
		}
		if (i == max)
			continue;
		list[i].unit = u;
		nr += nr < max;
	}
	return nr;
}

/* ---- in words */

static const char *comm_of(const struct accounts *a, uint32_t tid)
{
	const struct acct_thread *t;

	for (t = a->threads; t; t = t->next)
		if (t->tid == tid)
			return t->comm;
	return "?";
}

/* "unit 17 'fetch'" */
static const char *unit_text(char *buf, size_t len, const struct accounts *a, uint32_t tgid,
			     uint64_t id)
{
	const struct acct_unit *u;

	for (u = a->units; u; u = u->next)
		if (u->id == id && u->tgid == tgid)
			break;
	if (u && u->name[0])
		snprintf(buf, len, "unit %" PRIu64 " '%.32s'", id, u->name);
	else
		snprintf(buf, len, "unit %" PRIu64, id);
	return buf;
}

static void thread_text(char *buf, size_t len, const struct accounts *a, uint32_t tid)
{
	if (tid)
		snprintf(buf, len, "%.16s/%" PRIu32, comm_of(a, tid), tid);
	else
		snprintf(buf, len, "no thread that is known");
}

static const char *mapping_text(char *buf, size_t len, const struct mapping *m)
{
	char size[FORMAT_LEN];

	if (m->end)
		snprintf(buf, len, "%s at 0x%" PRIx64 " (%s)", mapping_kind_name(m->kind), m->start,
			 format_bytes(size, m->end - m->start));
	else
		snprintf(buf, len, "%s", mapping_kind_name(m->kind));
	return buf;
}

/* In which state the thread was that a unit was queued for. */
static const char *state_text(char *buf, size_t len, const struct blame_cause *c)
{
	char in[48];

	if (c->what == ACCT_BLOCKED)
		snprintf(buf, len, "blocked in %s",
			 blocked_text(in, sizeof(in), (uint32_t)c->object));
	else
		snprintf(buf, len, "%s", acct_state_name[c->what]);
	return buf;
}

static void cause_text(char *buf, size_t len, const struct accounts *a, const struct acct_unit *u,
		       const struct blame_cause *c)
{
	char who[96], what[96];
	size_t n;

	thread_text(who, sizeof(who), a, c->tid);
	switch (c->kind) {
	case BLAME_EXECUTING:
		snprintf(buf, len, "executing");
		break;
	case BLAME_FAULT:
		snprintf(buf, len, "page faults: %s",
			 mapping_text(what, sizeof(what), &c->mapping));
		break;
	case BLAME_BY_WORD:
		snprintf(buf, len, "executing, by the word: seen before and after");
		break;
	case BLAME_PREEMPTED:
		snprintf(buf, len, "preempted by %s", who);
		break;
	case BLAME_WAITING:
		snprintf(buf, len, "woken, but waiting for a CPU behind %s", who);
		break;
	case BLAME_BLOCKED:
		blocked_text(what, sizeof(what), c->what);
		n = (size_t)snprintf(buf, len, "blocked in %s", what);
		if (c->what == ACCT_BLOCKED_FAULT && n < len)
			n += (size_t)snprintf(buf + n, len - n, ": %s",
					      mapping_text(what, sizeof(what), &c->mapping));
		if (n < len)
			snprintf(buf + n, len - n, ", woken by %s", c->tid ? who : "an interrupt");
		break;
	case BLAME_QUEUED:
		if (c->many)
			snprintf(who, sizeof(who), "units '%.32s'", c->unit_name);
		else
			unit_text(who, sizeof(who), a, u->tgid, c->unit);
		snprintf(buf, len, "ready, queued behind %s (%s)", who,
			 state_text(what, sizeof(what), c));
		break;
	case BLAME_RUNTIME:
		snprintf(buf, len, "ready, while its runtime ran no unit (%s)",
			 state_text(what, sizeof(what), c));
		break;
	case BLAME_SUSPENDED:
		n = (size_t)snprintf(buf, len, "suspended: %s", unit_wait_name(c->what));
		if (c->object && n < len)
			n += (size_t)snprintf(buf + n, len - n, " 0x%" PRIx64, c->object);
		if (c->unit && n < len)
			snprintf(buf + n, len - n, ", woken by %s",
				 unit_text(what, sizeof(what), a, u->tgid, c->unit));
		break;
	case BLAME_UNKNOWN:
		snprintf(buf, len, "unknown: %s",
			 u->marks ? "records were lost" : "not seen by the kernel, and no marks");
		break;
	default:
		snprintf(buf, len, "many small causes");
	}
}

static void print_held(const struct blame_unit *b, const struct trace *t)
{
	char ns[FORMAT_LEN], count[FORMAT_LEN];
	size_t i;

	if (!b->held_waits)
		return;
	printf("  while it was blocked others were ready on its thread: %s waits, %s together\n",
	       format_count(count, b->held_waits), format_ns(ns, trace_ns(t, b->held_ticks)));
	for (i = 0; i < b->nr_held && i < HELD_SHOWN; i++) {
		char name[33];

		snprintf(name, sizeof(name), "%.32s", b->held[i].name);
		printf("      %8s  %s%s%s (x%s, last unit %" PRIu64 ")\n",
		       format_ns(ns, trace_ns(t, b->held[i].ticks)), *name ? "'" : "",
		       *name ? text_printable(name) : "units without a name", *name ? "'" : "",
		       format_count(count, b->held[i].waits), b->held[i].last);
	}
	if (b->nr_held > HELD_SHOWN)
		printf("                and %zu more names\n", b->nr_held - HELD_SHOWN);
}

static int print_unit(const struct blame_unit *b, const struct trace *t, const struct accounts *a,
		      bool all)
{
	const struct acct_unit *u = b->unit;
	uint64_t life = u->last - u->first;
	char ns[FORMAT_LEN], share[FORMAT_LEN], count[FORMAT_LEN], text[256], name[64];
	struct text_table *tab = text_table_new();
	size_t i, shown = all || b->nr_causes <= CAUSES_SHOWN ? b->nr_causes : CAUSES_SHOWN;
	int err;

	unit_text(name, sizeof(name), a, u->tgid, u->id);
	printf("\n%s, %s of %.16s/%" PRIu32 ": %s from %s to %s, resumed %s times\n",
	       text_printable(name), unit_kind_name(u->kind), u->process ? u->process->comm : "?",
	       u->tgid, format_ns(ns, trace_ns(t, life)),
	       u->created_here ? "its creation" :
	       u->marks	       ? "the recording's start" :
				 "its first kernel event",
	       u->exited_here ? "its end" :
	       u->marks	      ? "the recording's end" :
				"its last",
	       format_count(count, u->marks ? u->resumes : FORMAT_MISSING));
	text_table_column(tab, NULL, "  time", TEXT_RIGHT);
	text_table_column(tab, NULL, "share", TEXT_RIGHT);
	text_table_column(tab, NULL, "count", TEXT_RIGHT);
	text_table_column(tab, NULL, "cause", TEXT_LEFT);
	for (i = 0; i < shown; i++) {
		cause_text(text, sizeof(text), a, u, &b->causes[i]);
		/* Only faults of unknown duration have a count and no time. */
		text_table_cell(tab, "  %s",
				b->causes[i].ticks ?
					format_ns(ns, trace_ns(t, b->causes[i].ticks)) :
					"-");
		text_table_cell(tab, "%s",
				b->causes[i].ticks ? format_share(share, b->causes[i].ticks, life) :
						     "-");
		text_table_cell(tab, "%s", format_count(count, b->causes[i].count));
		text_table_cell(tab, "%s", text);
	}
	err = text_table_print(tab, stdout);
	text_table_free(tab);
	if (shown < b->nr_causes)
		printf("  and %zu more causes, with --all\n", b->nr_causes - shown);
	print_held(b, t);
	return err;
}

static int blame(struct trace *t, const struct accounts *a, const struct options *o)
{
	struct blame_unit *list = calloc(o->top, sizeof(*list));
	char err[256] = "";
	size_t i, nr;
	int failed = list ? 0 : -ENOMEM;

	nr = list ? slowest(a, o->unit, list, o->top) : 0;
	if (failed) {
		snprintf(err, sizeof(err), "cannot blame units of %s: %s", t->dir,
			 strerror(ENOMEM));
	} else if (!a->nr_units) {
		failed = -ENOENT;
		snprintf(err, sizeof(err),
			 "%s: no unit is in this trace: the program has none, or it was not built with "
			 "<weft/unit.h>",
			 t->dir);
	} else if (!nr) {
		failed = -ENOENT;
		snprintf(err, sizeof(err),
			 "%s: no unit has the id or name '%s'; weft report --by unit lists them",
			 t->dir, o->unit);
	} else {
		failed = blame_run(t, a, list, nr, err, sizeof(err));
	}
	if (!failed) {
		view_head(stdout, t, a);
		view_without_marks(stdout, a);
	}
	for (i = 0; !failed && i < nr; i++)
		failed = print_unit(&list[i], t, a, o->all);
	free(list);
	if (failed)
		say_error("%s", *err ? err : strerror(-failed));
	return failed ? EXIT_FAILED : EXIT_DONE;
}

int cmd_blame(int argc, char **argv)
{
	struct options o = { .top = DEFAULT_TOP };
	struct accounts *a;
	struct trace *t;
	int code = EXIT_FAILED;

	options_parse(&argp, argc, argv, 0, &o);
	t = view_open(o.dir);
	if (!t)
		return EXIT_FAILED;
	a = view_correlate(t, NULL, NULL);
	if (a)
		code = blame(t, a, &o);
	accounts_free(a);
	trace_close(t);
	return view_end(code);
}
