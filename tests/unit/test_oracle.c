// SPDX-License-Identifier: GPL-2.0-only
/*
 * The oracle: random worlds, whose accounts the correlator has to reproduce to the tick. A failure names
 * its scenario and seed: test_oracle SCENARIO SEED runs that one again; WEFT_ORACLE_SEEDS is how many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "audit.h"
#include "audit_spans.h"
#include "correlate.h"
#include "../oracle/truth.c"
#include "../oracle/expect.c"

static char errors[4096];
static size_t errors_len;

__attribute__((format(printf, 1, 2))) static void differ(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (errors_len < sizeof(errors) - 200)
		errors_len += (size_t)vsnprintf(errors + errors_len, 200, fmt, ap);
	va_end(ap);
}

#define SAME(who, id, what, got, want)                                                             \
	do {                                                                                       \
		if ((uint64_t)(got) != (uint64_t)(want))                                           \
			differ("%s %" PRIu64 ": %s is %" PRIu64 ", should be %" PRIu64 "\n", who,  \
			       (uint64_t)(id), what, (uint64_t)(got), (uint64_t)(want));           \
	} while (0)

static void same_counts(const char *who, uint64_t id, const struct acct_counts *got,
			const struct acct_counts *want)
{
	static const char *const names[] = {
		"switches_voluntary",
		"switches_involuntary",
		"preemptions",
		"mm_switches",
		"migrations",
		"wakeups",
		"wakes_given",
		"faults_minor",
		"faults_major",
		"faults_uncounted",
		"faults_entry_only",
		"fault_ticks",
		"maps",
		"unmaps",
		"map_calls",
		"mapped_bytes",
		"unmapped_bytes",
		"map_ticks",
		"forks",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		SAME(who, id, names[i], ((const uint64_t *)got)[i], ((const uint64_t *)want)[i]);
}

static void same_blocked(const char *who, uint64_t id, const struct acct_blocked *b,
			 const struct e_blocked *want)
{
	static struct e_blocked got[ACCT_NR_SYSCALLS];
	unsigned i;

	memset(got, 0, sizeof(got));
	for (; b; b = b->next)
		got[b->what] = (struct e_blocked){ b->count, b->ticks };
	for (i = 0; i < ACCT_NR_SYSCALLS; i++) {
		char what[40];

		snprintf(what, sizeof(what), "blocked in %u, times", i);
		SAME(who, id, what, got[i].count, want[i].count);
		snprintf(what, sizeof(what), "blocked in %u, ticks", i);
		SAME(who, id, what, got[i].ticks, want[i].ticks);
	}
}

static void same_states(const char *who, uint64_t id, const uint64_t *got, const uint64_t *want)
{
	static const char *const names[] = { "UNKNOWN", "ONCPU", "RUNNABLE",
					     "BLOCKED", "READY", "SUSPENDED" };
	int s;

	for (s = 0; s < ACCT_NR_STATES; s++)
		SAME(who, id, names[s], got[s], want[s]);
}

/* Where marks are missing the oracle does not say what the units were; all still has to balance. */
static bool units_told(const struct world *w)
{
	return !w->o.mark_gaps;
}

static void check_thread(const struct world *w, int i, const struct e_thread *e,
			 const struct accounts *a)
{
	const struct t_thread *t = &w->threads[i];
	const struct acct_thread *th;
	uint64_t recorded;

	for (th = a->threads; th && th->tid != t->tid; th = th->next)
		;
	if (!th) {
		differ("thread %u has no account\n", t->tid);
		return;
	}
	SAME("thread", t->tid, "first", th->first, t->first);
	SAME("thread", t->tid, "last", th->last, t->last);
	if (units_told(w)) {
		same_states("thread", t->tid, th->state, e->state);
		SAME("thread", t->tid, "oncpu_units", th->oncpu_units, e->oncpu_units);
	}
	/* What gaps do to words is no part of this oracle. */
	if (units_told(w) && (!w->o.gaps || w->procs[t->proc].marks)) {
		SAME("thread", t->tid, "oncpu_runtime", th->oncpu_runtime, e->oncpu_runtime);
		SAME("thread", t->tid, "oncpu_unknown", th->oncpu_unknown, e->oncpu_unknown);
		SAME("thread", t->tid, "oncpu_by_word", th->oncpu_by_word, e->oncpu_by_word);
	}
	same_counts("thread", t->tid, &th->n, &t->n);
	same_blocked("thread", t->tid, th->blocked, e->blocked);
	recorded = th->rec_switches_voluntary + th->rec_switches_involuntary;
	SAME("thread", t->tid, "switches in the books", recorded + th->nswitch_gaps,
	     t->nvcsw + t->nivcsw - th->stat_start.nvcsw - th->stat_start.nivcsw);
	SAME("thread", t->tid, "faults in the books",
	     th->rec_faults_minor + th->rec_faults_major + th->fault_gap,
	     t->minflt + t->majflt - th->stat_start.min_flt - th->stat_start.maj_flt);
	SAME("thread", t->tid, "runtime in the books", th->runtime_ns,
	     t->runtime - th->stat_start.runtime_ns);
	SAME("thread", t->tid, "run_delay in the books", th->run_delay_ns,
	     t->run_delay - th->stat_start.run_delay_ns);
	if (w->o.gaps || !t->born || !t->dead)
		return;
	SAME("thread", t->tid, "runtime by stamps", th->runtime_ns + (uint64_t)th->runtime_skew_ns,
	     e->state[ACCT_ONCPU]);
	SAME("thread", t->tid, "run_delay by stamps",
	     th->run_delay_ns + (uint64_t)th->run_delay_skew_ns, e->state[ACCT_RUNNABLE]);
	SAME("thread", t->tid, "waits", th->runqueue_wait.sum, e->state[ACCT_RUNNABLE]);
}

static int check_unit(const struct world *w, int i, const struct e_thread *threads,
		      const struct accounts *a)
{
	static struct e_unit e;
	const struct t_unit *u = &w->units[i];
	const struct acct_unit *au;
	const struct acct_wait *wait;
	struct e_blocked got[WEFT_WAIT_NESTED + 1][4] = { 0 };
	unsigned r, o;

	if (!expect_unit(w, i, threads, &e))
		return 0;
	for (au = a->units; au; au = au->next)
		if (au->id == u->id && au->copy == u->copy && au->tgid == w->procs[u->proc].tgid &&
		    au->first == e.first)
			break;
	if (!au) {
		differ("unit %" PRIu64 " of %u has no account\n", u->id, w->procs[u->proc].tgid);
		return 1;
	}
	SAME("unit", u->id, "last", au->last, e.last);
	SAME("unit", u->id, "exited_here", au->exited_here, e.exited);
	same_states("unit", u->id, au->state, e.state);
	same_blocked("unit", u->id, au->blocked, e.blocked);
	SAME("unit", u->id, "threads", au->threads, (uint64_t)__builtin_popcountll(e.threads));
	SAME("unit", u->id, "cpus", au->cpus, (uint64_t)__builtin_popcountll(e.cpus));
	if (!w->procs[u->proc].marks)
		return 1;
	SAME("unit", u->id, "created_here", au->created_here, e.created);
	SAME("unit", u->id, "resumes", au->resumes, u->resumes);
	SAME("unit", u->id, "wakes_given", au->wakes_given, u->wakes_given);
	SAME("unit", u->id, "wakes_taken", au->wakes_taken, u->wakes_taken);
	same_counts("unit", u->id, &au->n, &u->n);
	if (!w->o.gaps)
		SAME("unit", u->id, "fault_ticks_oncpu", au->fault_ticks_oncpu, u->fault_oncpu);
	for (wait = au->waits; wait; wait = wait->next)
		got[wait->reason][wait->object & 3] =
			(struct e_blocked){ wait->count, wait->ticks };
	for (r = 0; r <= WEFT_WAIT_NESTED; r++)
		for (o = 0; o < 4; o++) {
			SAME("unit", u->id, "waits, times", got[r][o].count, e.waits[r][o].count);
			SAME("unit", u->id, "waits, ticks", got[r][o].ticks, e.waits[r][o].ticks);
		}
	return 1;
}

static void check_odd(const struct world *w, const struct accounts *a)
{
	SAME("odd", 0, "suspend_without_resume", a->odd.suspend_without_resume,
	     w->odd.suspend_without_resume);
	SAME("odd", 0, "resume_of_unknown", a->odd.resume_of_unknown, w->odd.resume_of_unknown);
	SAME("odd", 0, "resume_while_current", a->odd.resume_while_current,
	     w->odd.resume_while_current);
	SAME("odd", 0, "exit_without_create", a->odd.exit_without_create,
	     w->odd.exit_without_create);
	SAME("odd", 0, "create_twice", a->odd.create_twice, w->odd.create_twice);
	SAME("odd", 0, "wake_of_unknown", a->odd.wake_of_unknown, w->odd.wake_of_unknown);
	SAME("odd", 0, "marks_off_cpu", a->odd.marks_off_cpu, w->odd.marks_off_cpu);
	SAME("odd", 0, "word_disagrees", a->odd.word_disagrees, w->odd.word_disagrees);
	SAME("odd", 0, "invalid", a->odd.invalid, w->odd.invalid);
}

static void check_audit(const struct world *w, struct trace *t, const struct accounts *a,
			struct audit_spans *spans)
{
	struct audit au;
	int k;

	audit_run(t, a, &au);
	audit_spans_judge(spans, a, &au);
	for (k = 0; k < AUDIT_NR_CHECKS; k++)
		if (au.check[k].verdict == AUDIT_UNEXPLAINED)
			differ("audit: %s: %s\n", audit_check_name[k], au.check[k].why);
	SAME("audit", 0, "lost", au.lost != 0, w->nr_gaps != 0);
}

static uint64_t events;

static bool run_one(const struct world_opts *o, uint64_t seed)
{
	static struct world w;
	struct e_thread *e;
	struct audit_spans spans = { 0 };
	struct accounts *a = NULL;
	struct trace *t = NULL;
	char err[256] = "";
	int i, ret, units = 0;

	errors_len = 0;
	errors[0] = '\0';
	world_run(&w, seed, o);
	ret = trace_open(&t, w.w.dir, err, sizeof(err));
	if (!ret)
		ret = correlate(t, &audit_spans_ops, &spans, &a, err, sizeof(err));
	if (ret) {
		differ("%s\n", err);
	} else {
		e = calloc((size_t)w.nr_threads, sizeof(*e));
		events += t->events;
		SAME("trace", 0, "threads", a->nr_threads, w.nr_threads);
		expect_threads(&w, e);
		for (i = 0; i < w.nr_threads; i++)
			check_thread(&w, i, &e[i], a);
		for (i = 0; i < w.nr_units && units_told(&w); i++)
			units += check_unit(&w, i, e, a);
		if (units_told(&w)) {
			SAME("trace", 0, "units", a->nr_units, units);
			check_odd(&w, a);
		}
		check_audit(&w, t, a, &spans);
		for (i = 0; i < w.nr_threads; i++) {
			free(e[i].spans);
			free(e[i].c);
		}
		free(e);
	}
	audit_spans_free(&spans);
	accounts_free(a);
	trace_close(t);
	world_free(&w);
	return !errors_len;
}

static const struct scenario {
	const char *name;
	struct world_opts o;
	unsigned seeds;
} scenarios[] = {
	{ "threads", { .steps = 150 }, 300 },
	{ "lives", { .forks = true, .processes = true, .steps = 250 }, 300 },
	{ "units", { .units = true, .steps = 250 }, 300 },
	{ "units_lives",
	  { .units = true, .forks = true, .processes = true, .nonsense = true, .steps = 350 },
	  500 },
	{ "copies", { .units = true, .copies = true, .steps = 250 }, 200 },
	{ "words",
	  { .units = true, .by_word = true, .forks = true, .processes = true, .steps = 350 },
	  500 },
	{ "gaps", { .gaps = true, .steps = 300 }, 300 },
	{ "gaps_lives", { .gaps = true, .forks = true, .processes = true, .steps = 300 }, 300 },
	{ "gaps_units",
	  { .gaps = true, .units = true, .forks = true, .nonsense = true, .steps = 350 },
	  500 },
	{ "mark_gaps",
	  { .mark_gaps = true,
	    .units = true,
	    .forks = true,
	    .processes = true,
	    .nonsense = true,
	    .steps = 350 },
	  300 },
	{ "all_gaps",
	  { .mark_gaps = true,
	    .gaps = true,
	    .units = true,
	    .forks = true,
	    .processes = true,
	    .nonsense = true,
	    .copies = true,
	    .steps = 350 },
	  300 },
};
#define NR_SCENARIOS (sizeof(scenarios) / sizeof(scenarios[0]))

static void run_scenario(void **state)
{
	const struct scenario *s = *state;
	const char *env = getenv("WEFT_ORACLE_SEEDS");
	uint64_t seeds = env ? strtoull(env, NULL, 0) : s->seeds, seed;

	events = 0;
	for (seed = 0; seed < seeds; seed++)
		if (!run_one(&s->o, seed))
			fail_msg("%s, seed %" PRIu64 ":\n%s", s->name, seed, errors);
	print_message("%s: %" PRIu64 " seeds, %" PRIu64 " events\n", s->name, seeds, events);
}

int main(int argc, char **argv)
{
	struct CMUnitTest tests[NR_SCENARIOS];
	size_t i;

	for (i = 0; i < NR_SCENARIOS; i++) {
		tests[i] = (struct CMUnitTest){ .name = scenarios[i].name,
						.test_func = run_scenario,
						.initial_state = (void *)&scenarios[i] };
		if (argc == 3 && !strcmp(argv[1], scenarios[i].name)) {
			bool same = run_one(&scenarios[i].o, strtoull(argv[2], NULL, 0));

			printf("%s", same ? "equal\n" : errors);
			return !same;
		}
	}
	return cmocka_run_group_tests_name("oracle", tests, NULL, NULL);
}
