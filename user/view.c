// SPDX-License-Identifier: GPL-2.0-only
/* What the commands that show a trace have in common. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include "cmd.h"
#include "format.h"
#include "text_table.h"
#include "view.h"

const char *const acct_state_name[ACCT_NR_STATES] = {
	[ACCT_UNKNOWN] = "unknown", [ACCT_ONCPU] = "on-CPU", [ACCT_RUNNABLE] = "waiting for a CPU",
	[ACCT_BLOCKED] = "blocked", [ACCT_READY] = "ready",  [ACCT_SUSPENDED] = "suspended",
};

const char *const acct_state_key[ACCT_NR_STATES] = {
	[ACCT_UNKNOWN] = "unknown_ns",
	[ACCT_ONCPU] = "oncpu_ns",
	[ACCT_RUNNABLE] = "runqueue_wait_ns",
	[ACCT_BLOCKED] = "blocked_ns",
	[ACCT_READY] = "ready_ns",
	[ACCT_SUSPENDED] = "suspended_ns",
};

const char *unit_kind_name(uint32_t kind)
{
	switch (kind) {
	case WEFT_UNIT_COROUTINE:
		return "coroutine";
	case WEFT_UNIT_TASK:
		return "task";
	default:
		return "unit";
	}
}

const char *unit_wait_name(uint32_t reason)
{
	static const char *const names[] = {
		[WEFT_WAIT_OTHER] = "other",	 [WEFT_WAIT_YIELD] = "yield",
		[WEFT_WAIT_IO] = "io",		 [WEFT_WAIT_LOCK] = "lock",
		[WEFT_WAIT_CHANNEL] = "channel", [WEFT_WAIT_SLEEP] = "sleep",
		[WEFT_WAIT_JOIN] = "join",	 [WEFT_WAIT_NESTED] = "nested",
	};

	return reason < sizeof(names) / sizeof(names[0]) ? names[reason] : "other";
}

struct trace *view_open(const char *dir)
{
	char err[256] = "";
	struct trace *t;

	if (trace_open(&t, dir ? dir : VIEW_DIR, err, sizeof(err)) < 0) {
		say_error("%s", err);
		return NULL;
	}
	/* Their text comes from a file that anyone may have written. */
	text_printable(t->kernel);
	text_printable(t->backend);
	text_printable(t->command);
	return t;
}

struct accounts *view_correlate(struct trace *t, const struct correlate_ops *ops, void *arg)
{
	char err[256] = "";
	struct accounts *a;

	trace_rewind(t);
	if (correlate(t, ops, arg, &a, err, sizeof(err)) < 0) {
		say_error("%s", err);
		return NULL;
	}
	if (!a->nr_threads) {
		say_error("%s: nothing was recorded: the trace names no thread", t->dir);
		accounts_free(a);
		return NULL;
	}
	return a;
}

static uint32_t group_of(enum weft_hook hook)
{
	switch (hook) {
	case WEFT_HOOK_sched_switch ... WEFT_HOOK_sched_migrate_task:
		return WEFT_GROUP_SCHED;
	case WEFT_HOOK_context_switch:
		return WEFT_GROUP_COST;
	case WEFT_HOOK_page_fault:
	case WEFT_HOOK_page_fault_entry:
		return WEFT_GROUP_FAULT;
	case WEFT_HOOK_mmap ... WEFT_HOOK_madvise:
		return WEFT_GROUP_MM;
	case WEFT_HOOK_tlb_flush:
		return WEFT_GROUP_TLB;
	default:
		return 0;
	}
}

bool view_has(const struct trace *t, enum weft_hook hook)
{
	uint32_t group = group_of(hook);

	return (t->hooks >> hook & 1) && (t->groups & group) == group;
}

uint64_t view_value(const struct trace *t, enum weft_hook hook, uint64_t value)
{
	return view_has(t, hook) ? value : WEFT_UNKNOWN;
}

uint64_t view_time(const struct trace *t, enum weft_hook hook, uint64_t ticks)
{
	return view_has(t, hook) ? trace_ns(t, ticks) : WEFT_UNKNOWN;
}

double view_mean_ns(const struct trace *t, uint64_t ticks, uint64_t count)
{
	return count ? (double)ticks * 1e9 / (double)t->clock_freq / (double)count : NAN;
}

uint64_t view_ticks(const struct trace *t, uint64_t ns)
{
	unsigned __int128 ticks = (unsigned __int128)ns * t->clock_freq / 1000000000;

	return ticks > UINT64_MAX ? UINT64_MAX : (uint64_t)ticks;
}

const char *view_clock(const struct trace *t)
{
	return t->clock == WEFT_CLOCK_TSC ? "tsc" : "monotonic";
}

/* What is known of the counter's frequency. */
static void print_frequency(FILE *f, const struct trace *t)
{
	double error = (double)t->clock_freq_error_ppb / 1000;
	char freq[FORMAT_LEN];

	fprintf(f, "clock: the CPU's counter, %s Hz, ", format_count(freq, t->clock_freq));
	if (t->clock_measured)
		fprintf(f, "measured to %.3g ppm of CLOCK_MONOTONIC (nominal: %+.3g ppm)", error,
			((double)t->clock_nominal / (double)t->clock_freq - 1) * 1e6);
	else if (t->clock_freq_error_ppb != WEFT_UNKNOWN)
		fprintf(f, "nominal, within %.3g ppm of CLOCK_MONOTONIC", error);
	else
		fprintf(f, "nominal, not measured");
}

void view_clock_line(FILE *f, const struct trace *t)
{
	int64_t moved = t->clock_real_moved;
	char by[FORMAT_LEN];

	if (t->clock == WEFT_CLOCK_TSC)
		print_frequency(f, t);
	else
		fprintf(f, "clock: CLOCK_MONOTONIC, in ns");
	if (moved)
		fprintf(f, "; meanwhile CLOCK_REALTIME was set %s by %s",
			moved < 0 ? "back" : "forward",
			format_ns(by, (uint64_t)(moved < 0 ? -moved : moved)));
	fputc('\n', f);
}

void view_head(FILE *f, const struct trace *t, const struct accounts *a)
{
	char duration[FORMAT_LEN], events[FORMAT_LEN], lost[FORMAT_LEN];

	fprintf(f, "Linux %s, %s, clock %s, %u CPU%s%s\n", t->kernel, t->backend, view_clock(t),
		t->nr_cpus, t->nr_cpus == 1 ? "" : "s",
		t->emulated ? " (emulated: times are not those of hardware)" : "");
	fprintf(f, "%s%s%s%s: %s, %s events, %s lost%s%s\n", t->dir, *t->command ? " (" : "",
		t->command, *t->command ? ")" : "",
		format_ns(duration, trace_ns(t, a->end - a->begin)),
		format_count(events, a->events), format_count(lost, a->lost + a->unit_lost),
		t->ended ? "" : ", the recorder was killed",
		t->truncated ? ", cut off in the middle of a packet" : "");
}

void view_without_marks(FILE *f, const struct accounts *a)
{
	const struct acct_unit *u;

	for (u = a->units; u && u->marks; u = u->next)
		;
	if (u)
		fprintf(f,
			"%s units have no marks (-p and -a record none): seen at kernel events only, between "
			"them 'by word'\n",
			a->units->marks ? "some" : "the");
}

void view_head_json(struct json *j, const struct trace *t, const struct accounts *a)
{
	json_text(j, "kernel", t->kernel);
	json_text(j, "backend", t->backend);
	json_text(j, "clock", view_clock(t));
	json_u64(j, "clock_hz", t->clock_freq);
	json_bool(j, "clock_measured", t->clock_measured);
	json_u64(j, "clock_error_ppb", t->clock_freq_error_ppb);
	json_u64(j, "cpus", t->nr_cpus);
	json_bool(j, "emulated", t->emulated);
	json_text(j, "command", t->command);
	json_bool(j, "system_wide", t->system_wide);
	json_bool(j, "ended", t->ended);
	json_u64(j, "duration_ns", trace_ns(t, a->end - a->begin));
	json_u64(j, "events", a->events);
	json_u64(j, "lost", a->lost);
	json_u64(j, "units_lost", a->unit_lost);
}

int view_end(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	/* Whoever read the pipe had enough: no more to say. */
	if (errno != EPIPE)
		say_error("cannot write to standard output: %s", strerror(errno));
	/* Said once: nothing is left that would fail again at exit. */
	__fpurge(stdout);
	clearerr(stdout);
	return EXIT_FAILED;
}
