// SPDX-License-Identifier: GPL-2.0-only
/* weft record */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <weft/event.h>
#include <weft/ring.h>
#include "audit.h"
#include "cmd.h"
#include "correlate.h"
#include "format.h"
#include "options.h"
#include "record.h"
#include "trace.h"

enum { OPT_BUFFER_SIZE = 256, OPT_CLOCK, OPT_NO_UNITS };

static const struct argp_option options[] = {
	{ "backend", 'b', "NAME", 0, "kmod, bpf, or auto: the module if it is loaded, else BPF",
	  0 },
	{ "output", 'o', "DIR", 0, "the trace (weft-trace); an earlier one is kept as DIR.old", 0 },
	{ "events", 'e', "GROUPS", 0,
	  "of sched, cost, fault, mm, tlb, separated by commas; or all (all)", 0 },
	{ "all", 'a', NULL, 0, "everything that runs, not one command", 0 },
	{ "pid", 'p', "PID[,PID...]", 0, "these processes and all that they create", 0 },
	{ "buffer-size", OPT_BUFFER_SIZE, "SIZE", 0, "memory for each CPU; K, M, G may follow (4M)",
	  0 },
	{ "clock", OPT_CLOCK, "CLOCK", 0, "tsc or monotonic (tsc if it can be used)", 0 },
	{ "no-units", OPT_NO_UNITS, NULL, 0, "do not let the command write its units' marks", 0 },
	{ "quiet", 'q', NULL, 0, "say nothing but errors", 0 },
	{ 0 }
};

static const struct {
	const char *name;
	uint32_t groups;
} groups[] = {
	{ "all", WEFT_GROUP_ALL },   { "task", WEFT_GROUP_TASK },   { "sched", WEFT_GROUP_SCHED },
	{ "cost", WEFT_GROUP_COST }, { "fault", WEFT_GROUP_FAULT }, { "mm", WEFT_GROUP_MM },
	{ "tlb", WEFT_GROUP_TLB },
};

struct arguments {
	struct record_opts o;
	pid_t *pids;
};

static void parse_groups(const struct argp_state *state, char *list, uint32_t *mask)
{
	const size_t nr = sizeof(groups) / sizeof(groups[0]);
	char *name;
	size_t i;

	while ((name = strsep(&list, ","))) {
		uint32_t found = 0;

		for (i = 0; i < nr; i++)
			if (!strcmp(name, groups[i].name))
				found = groups[i].groups | WEFT_GROUP_META | WEFT_GROUP_TASK;
		if (!found)
			option_error(
				state,
				"there is no group of events '%s'; there are task, sched, cost, fault, "
				"mm, tlb and all",
				name);
		*mask |= found;
	}
}

static void parse_pids(const struct argp_state *state, char *list, struct arguments *a)
{
	char *word, *end;
	pid_t *pids;
	long pid;

	while ((word = strsep(&list, ","))) {
		errno = 0;
		pid = strtol(word, &end, 10);
		if (end == word || *end || errno || pid <= 0 || pid > INT_MAX)
			option_error(state, "'%s' is no process id", word);
		pids = realloc(a->pids, (a->o.nr_pids + 1) * sizeof(*pids));
		if (!pids) {
			say_error("cannot keep the process ids of -p: %s", strerror(ENOMEM));
			exit(EXIT_FAILED);
		}
		a->pids = pids;
		a->o.pids = pids;
		pids[a->o.nr_pids++] = (pid_t)pid;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;
	struct record_opts *o = &a->o;

	switch (key) {
	case 'b':
		o->backend = option_backend(state, arg);
		return 0;
	case 'o':
		o->dir = arg;
		return 0;
	case 'e':
		parse_groups(state, arg, &o->groups);
		return 0;
	case 'a':
		o->system_wide = true;
		return 0;
	case 'p':
		parse_pids(state, arg, a);
		return 0;
	case OPT_BUFFER_SIZE:
		o->buffer_size = option_size(state, "--buffer-size", arg);
		return 0;
	case OPT_CLOCK:
		if (!strcmp(arg, "tsc"))
			o->clock = WEFT_CLOCK_TSC;
		else if (!strcmp(arg, "monotonic"))
			o->clock = WEFT_CLOCK_MONOTONIC;
		else
			option_error(state, "there is no clock '%s'; there are tsc and monotonic",
				     arg);
		return 0;
	case OPT_NO_UNITS:
		o->no_units = true;
		return 0;
	case 'q':
		o->quiet = true;
		return 0;
	case ARGP_KEY_ARG:
		/* From here on it is the command's. */
		o->command = &state->argv[state->next - 1];
		state->next = state->argc;
		return 0;
	case ARGP_KEY_END:
		if (!!o->command + o->system_wide + !!o->nr_pids != 1)
			option_error(state, "it takes one of: a command, -p or -a");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options,
	parse,
	"-- COMMAND [ARGUMENT...]\n-p PID[,PID...]\n-a",
	"Record a command, processes, or everything into a trace.\v"
	"The recording ends with the command or on ^C. The exit code is the command's, 128 and the signal's "
	"number if one ended it; without a command it is 0, and 1 if the recording failed.",
	NULL,
	NULL,
	NULL
};

static void say_end(const struct record_opts *o, const struct record_result *r)
{
	char events[FORMAT_LEN], bytes[FORMAT_LEN], ns[FORMAT_LEN], lost[FORMAT_LEN],
		units[FORMAT_LEN], unit_lost[FORMAT_LEN];
	char marks[96] = "", missed[64] = "";

	if (r->unit_events || r->unit_lost)
		snprintf(marks, sizeof(marks), ", %s unit marks (%s lost)",
			 format_count(units, r->unit_events),
			 format_count(unit_lost, r->unit_lost));
	if (r->missed)
		snprintf(missed, sizeof(missed), "; %" PRIu64 " returns of hooked functions missed",
			 r->missed);
	say_note("%s: %s events (%s lost)%s, %s in %s%s", o->dir, format_count(events, r->events),
		 format_count(lost, r->lost), marks, format_bytes(bytes, r->bytes),
		 format_ns(ns, r->duration_ns), missed);
	if (r->lost || r->unit_lost)
		say_warning(
			"events were lost; a larger --buffer-size or fewer groups (-e) may help");
}

/* Holds the trace against the kernel's books, in one line. */
static void audit(const char *dir)
{
	static const char *const verdict[] = {
		[AUDIT_EQUAL] = "equal to the kernel's own books",
		[AUDIT_EXPLAINED] = "equal to the kernel's own books, definitions considered",
		[AUDIT_UNEXPLAINED] = "NOT equal to the kernel's own books",
		[AUDIT_NOT_CHECKED] = "not checked: the books are not in the trace",
	};
	struct accounts *a = NULL;
	struct trace *t = NULL;
	char errbuf[512];
	struct audit au;
	int i;

	if (trace_open(&t, dir, errbuf, sizeof(errbuf)) ||
	    correlate(t, NULL, NULL, &a, errbuf, sizeof(errbuf))) {
		say_warning("the audit could not be made: %s", errbuf);
		trace_close(t);
		return;
	}
	audit_run(t, a, &au);
	say_note("audit of %" PRIu64 " threads: %s; 'weft audit %s' shows it", au.threads,
		 verdict[au.verdict], dir);
	for (i = 0; i < AUDIT_NR_CHECKS; i++)
		if (au.check[i].verdict == AUDIT_UNEXPLAINED)
			say_warning("%s: %s", audit_check_name[i], au.check[i].why);
	accounts_free(a);
	trace_close(t);
}

/* The command's own failure is told, and passed on as perf record does. */
static int command_exit(const char *command, int status)
{
	if (WIFSIGNALED(status)) {
		say_warning("'%s' was ended by signal %d (%s)", command, WTERMSIG(status),
			    strsignal(WTERMSIG(status)));
		return 128 + WTERMSIG(status);
	}
	if (WEXITSTATUS(status))
		say_warning("'%s' ended with exit code %d", command, WEXITSTATUS(status));
	return WEXITSTATUS(status);
}

int cmd_record(int argc, char **argv)
{
	struct arguments a = { .o = { .backend = "auto", .dir = "weft-trace" } };
	struct record_result r;
	char errbuf[1024] = "";
	int ret;

	/* In order: options after the command are the command's. */
	options_parse(&argp, argc, argv, ARGP_IN_ORDER, &a);
	ret = record_run(&a.o, &r, errbuf, sizeof(errbuf));
	free(a.pids);
	if (ret) {
		say_error("%s", errbuf);
		return EXIT_FAILED;
	}
	if (!a.o.quiet) {
		say_end(&a.o, &r);
		if (a.o.command)
			audit(a.o.dir);
	}
	return a.o.command ? command_exit(a.o.command[0], r.child_status) : EXIT_DONE;
}
