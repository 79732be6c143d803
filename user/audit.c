// SPDX-License-Identifier: GPL-2.0-only
/*
 * The audit. It is strict: a difference counts as explained only if what explains it adds up to exactly
 * that difference, thread by thread.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <weft/device.h>
#include "audit.h"
#include "format.h"
#include "text_table.h"

const char *const audit_check_name[AUDIT_NR_CHECKS] = {
	[AUDIT_SWITCHES_VOLUNTARY] = "switches_voluntary",
	[AUDIT_SWITCHES_INVOLUNTARY] = "switches_involuntary",
	[AUDIT_FAULTS_MINOR] = "faults_minor",
	[AUDIT_FAULTS_MAJOR] = "faults_major",
	[AUDIT_ONCPU_NS] = "oncpu_ns",
	[AUDIT_RUNQUEUE_NS] = "runqueue_wait_ns",
	[AUDIT_FORKS] = "forks",
	[AUDIT_EXITS] = "exits",
	[AUDIT_BALANCE_THREADS] = "balance_threads",
	[AUDIT_BALANCE_UNITS] = "balance_units",
	[AUDIT_BALANCE_PROCESSES] = "balance_processes",
	[AUDIT_ARRIVALS] = "arrivals",
	[AUDIT_MARKS_ORDER] = "marks_order",
};

const char *audit_verdict_name(enum audit_verdict v)
{
	static const char *const names[] = {
		[AUDIT_EQUAL] = "equal",
		[AUDIT_EXPLAINED] = "explained",
		[AUDIT_UNEXPLAINED] = "unexplained",
		[AUDIT_NOT_CHECKED] = "not checked",
	};

	return names[v];
}

static bool has(const struct trace *t, enum weft_hook hook, uint32_t group)
{
	return t->hooks & 1ull << hook && t->groups & group;
}

/* EXPLAINED outweighs EQUAL, UNEXPLAINED both; the first to outweigh says why. */
__attribute__((format(printf, 3, 4))) static void judge(struct audit_line *l, enum audit_verdict v,
							const char *fmt, ...)
{
	va_list ap;

	if (l->verdict == AUDIT_NOT_CHECKED || v <= l->verdict)
		return;
	l->verdict = v;
	va_start(ap, fmt);
	vsnprintf(l->why, sizeof(l->why), fmt, ap);
	va_end(ap);
}

/* Explained or not, by what exactly. */
static void judge_lost(struct audit_line *l, const struct trace *t, const struct acct_thread *th,
		       int64_t diff, uint64_t gaps, uint64_t missed)
{
	if (diff == (int64_t)gaps && diff > 0 && t->lost + missed)
		judge(l, AUDIT_EXPLAINED,
		      "records lost (%" PRIu64 ") or missed (%" PRIu64
		      "): the counters in the records next to them tell how many",
		      t->lost, missed);
	else
		judge(l, AUDIT_UNEXPLAINED, "first: thread %u (%.16s), off by %" PRId64, th->tid,
		      th->comm, diff);
}

/* A thread whose counters are known at both ends of what was recorded of it. */
static bool complete(const struct acct_thread *th)
{
	return th->traced && th->have_start && th->have_end && !th->books_torn;
}

static void check_switches(const struct trace *t, const struct acct_thread *th,
			   struct audit_line *check)
{
	struct audit_line *v = &check[AUDIT_SWITCHES_VOLUNTARY],
			  *i = &check[AUDIT_SWITCHES_INVOLUNTARY];
	uint64_t nv = th->stat_end.nvcsw - th->stat_start.nvcsw;
	uint64_t ni = th->stat_end.nivcsw - th->stat_start.nivcsw;
	int64_t dv = (int64_t)(nv - th->rec_switches_voluntary);
	int64_t di = (int64_t)(ni - th->rec_switches_involuntary);

	v->recorded += th->rec_switches_voluntary;
	v->counted += nv;
	i->recorded += th->rec_switches_involuntary;
	i->counted += ni;
	if (!dv && !di && !th->nswitch_gaps)
		return;
	/* Of which kind those in the gaps were, only the books tell. */
	if (dv >= 0 && di >= 0 && (uint64_t)(dv + di) == th->nswitch_gaps) {
		v->explained += dv;
		i->explained += di;
		if (dv)
			judge_lost(v, t, th, dv, (uint64_t)dv, 0);
		if (di)
			judge_lost(i, t, th, di, (uint64_t)di, 0);
		return;
	}
	judge_lost(dv ? v : i, t, th, dv ? dv : di, 0, 0);
}

static void check_faults(const struct trace *t, const struct acct_thread *th,
			 struct audit_line *check)
{
	struct audit_line *minor = &check[AUDIT_FAULTS_MINOR], *major = &check[AUDIT_FAULTS_MAJOR];
	uint64_t nminor = th->stat_end.min_flt - th->stat_start.min_flt;
	uint64_t nmajor = th->stat_end.maj_flt - th->stat_start.maj_flt;
	int64_t dminor = (int64_t)(nminor - th->rec_faults_minor);
	int64_t dmajor = (int64_t)(nmajor - th->rec_faults_major);

	minor->recorded += th->rec_faults_minor;
	minor->counted += nminor;
	major->recorded += th->rec_faults_major;
	major->counted += nmajor;
	if (!dminor && !dmajor && !th->fault_gap)
		return;
	if (dminor >= 0 && dmajor >= 0 && (uint64_t)(dminor + dmajor) == th->fault_gap &&
	    th->fault_gap <= t->lost + t->missed) {
		minor->explained += dminor;
		major->explained += dmajor;
		if (dminor)
			judge_lost(minor, t, th, dminor, (uint64_t)dminor, t->missed);
		if (dmajor)
			judge_lost(major, t, th, dmajor, (uint64_t)dmajor, t->missed);
		return;
	}
	judge_lost(dminor ? minor : major, t, th, dminor ? dminor : dmajor, 0, 0);
}

/* With the exception's tracepoints only, minor and major can't be told apart: both are in the first line. */
static void check_fault_entries(const struct acct_thread *th, struct audit_line *l)
{
	uint64_t counted = th->stat_end.min_flt - th->stat_start.min_flt + th->stat_end.maj_flt -
			   th->stat_start.maj_flt;
	int64_t diff = (int64_t)(counted - th->rec_faults_entry);
	int64_t explained = (int64_t)(th->fault_gap - th->rec_faults_entry_uncounted);

	l->recorded += th->rec_faults_entry;
	l->counted += counted;
	l->explained += explained;
	if (diff != explained)
		judge(l, AUDIT_UNEXPLAINED, "first: thread %u (%.16s), off by %" PRId64, th->tid,
		      th->comm, diff - explained);
	else if (th->fault_gap || th->rec_faults_entry_uncounted)
		judge(l, AUDIT_EXPLAINED,
		      "minor and major together; this kernel has no event for faults taken on a "
		      "process's behalf, and retried or failed ones are not counted");
}

static void check_time(const struct acct_thread *th, struct audit_line *l, uint64_t booked,
		       int64_t skew, uint64_t counted)
{
	l->recorded += booked + (uint64_t)skew;
	l->counted += counted;
	l->explained -= skew;
	if (booked != counted)
		judge(l, AUDIT_UNEXPLAINED, "first: thread %u (%.16s), off by %" PRId64 " ns",
		      th->tid, th->comm, (int64_t)(counted - booked));
	else if (skew)
		judge(l, AUDIT_EXPLAINED, "%s", "the scheduler's clock");
}

/*
 * Whole laps of the 32 bits in a record, by which a thread has waited longer in the scheduler's books than by any
 * stamps: since 6.12 (152e11f6df29, "sched/fair: Implement delayed dequeue") it counts sleep as waiting from when
 * it moves a thread, whose dequeue it has delayed, to another CPU. Nothing lost comes out as a whole lap.
 */
static uint64_t slept_laps(uint64_t booked, uint64_t counted)
{
	uint64_t off = counted - booked;

	return (uint32_t)off || off > INT64_MAX ? 0 : off;
}

/* One by one no slice and no wait may be off by more than the scheduler's clock allows. */
static void check_fits(const struct trace *t, const struct accounts *a, bool waits,
		       struct audit_line *l)
{
	const struct acct_thread *th, *first = NULL;
	const struct acct_misfits *m;
	uint64_t nr = 0;

	for (th = a->threads; th; th = th->next) {
		m = waits ? &th->wait_misfits : &th->slice_misfits;
		nr += m->nr;
		if (m->nr &&
		    (!first || m->at < (waits ? &first->wait_misfits : &first->slice_misfits)->at))
			first = th;
	}
	if (!first)
		return;
	m = waits ? &first->wait_misfits : &first->slice_misfits;
	judge(l, AUDIT_UNEXPLAINED,
	      "%" PRIu64
	      " %s that the scheduler's clock does not explain; first: thread %u (%.16s), off by "
	      "%" PRId64 " ns, until %.9f s",
	      nr, waits ? "waits" : "slices", first->tid, first->comm, m->ns,
	      (double)trace_ns(t, m->at - a->begin) / 1e9);
}

/*
 * Says, of time that is explained, by how much the scheduler's clock differs, how well that is known, and who, if
 * anyone, has slept whole laps of it.
 */
static void tell_skew(const struct accounts *a, bool waits, uint64_t switches,
		      const struct acct_thread *sleeper, struct audit_line *l)
{
	uint64_t slices = 0, told = 0, held = 0, unbooked = 0;
	char most[FORMAT_LEN], nobody[FORMAT_LEN], slept[64] = "";
	const struct acct_thread *th;
	int64_t excess = 0;
	size_t n;

	if (l->verdict != AUDIT_EXPLAINED)
		return;
	for (th = a->threads; th; th = th->next) {
		slices += th->slices;
		told += th->slices_told;
		held += th->waits;
		unbooked += th->unbooked_ns;
		if (th->excess_most > excess)
			excess = th->excess_most;
	}
	n = (size_t)snprintf(
		l->why, sizeof(l->why),
		"the scheduler reads its own clock at other instants: %.1f ns for each switch",
		switches ? (double)-l->explained / (double)switches : 0.0);
	if (sleeper)
		snprintf(slept, sizeof(slept), "; it counts sleep of thread %u (%.16s) as waiting",
			 sleeper->tid, sleeper->comm);
	if (waits)
		snprintf(l->why + n, sizeof(l->why) - n,
			 "; %" PRIu64 " of %" PRIu64
			 " waits can be checked, and are within its bounds%s",
			 held, switches, slept);
	else if (told)
		snprintf(l->why + n, sizeof(l->why) - n,
			 "; %" PRIu64 " of %" PRIu64
			 " slices can be checked, and agree to the ns with what it read, up to %s before the stamp, %s booked to nobody",
			 told, switches, format_ns(most, (uint64_t)(a->lag_most - a->lag_least)),
			 format_ns(nobody, unbooked));
	else
		snprintf(l->why + n, sizeof(l->why) - n,
			 "; what it read is not told, %" PRIu64 " of %" PRIu64
			 " slices within its bounds, longer than booked by up to %s",
			 slices, switches, format_ns(most, (uint64_t)excess));
}

/* Every tick in one state, on-CPU ticks in units, runtime or unknown. */
static int64_t off_balance(const uint64_t *state, uint64_t first, uint64_t last)
{
	uint64_t sum = 0;
	int s;

	for (s = 0; s < ACCT_NR_STATES; s++)
		sum += state[s];
	return (int64_t)(sum - (last - first));
}

static void check_balance(const struct accounts *a, struct audit_line *check)
{
	struct audit_line *threads = &check[AUDIT_BALANCE_THREADS];
	struct audit_line *units = &check[AUDIT_BALANCE_UNITS];
	struct audit_line *processes = &check[AUDIT_BALANCE_PROCESSES];
	const struct acct_thread *th;
	const struct acct_unit *u;
	const struct acct_process *p;
	uint64_t in_units = 0, of_units = 0, word_threads = 0, word_units = 0;
	int s;

	for (th = a->threads; th; th = th->next) {
		int64_t off = off_balance(th->state, th->first, th->last);
		int64_t split = (int64_t)(th->oncpu_units + th->oncpu_runtime + th->oncpu_unknown -
					  th->state[ACCT_ONCPU]);

		if (th->traced) {
			threads->counted += th->last - th->first;
			threads->recorded += th->last - th->first + (uint64_t)off;
		}
		in_units += th->oncpu_units;
		word_threads += th->oncpu_by_word;
		if (off)
			judge(threads, AUDIT_UNEXPLAINED,
			      "thread %u (%.16s): its states are off by %" PRId64 " ticks", th->tid,
			      th->comm, off);
		if (split)
			judge(threads, AUDIT_UNEXPLAINED,
			      "thread %u (%.16s): units and runtime are off by %" PRId64 " ticks",
			      th->tid, th->comm, split);
	}
	for (u = a->units; u; u = u->next) {
		int64_t off = off_balance(u->state, u->first, u->last);

		units->counted += u->last - u->first;
		units->recorded += u->last - u->first + (uint64_t)off;
		of_units += u->state[ACCT_ONCPU];
		word_units += u->oncpu_by_word;
		if (off)
			judge(units, AUDIT_UNEXPLAINED,
			      "unit %" PRIu64 " (%.32s): its states are off by %" PRId64 " ticks",
			      u->id, u->name, off);
	}
	if (in_units != of_units)
		judge(units, AUDIT_UNEXPLAINED,
		      "on-CPU of all units and of all threads in units are off by %" PRId64
		      " ticks",
		      (int64_t)(of_units - in_units));
	if (word_threads != word_units || word_units > of_units)
		judge(units, AUDIT_UNEXPLAINED,
		      "on-CPU by the word, of all units and of all threads, are off by %" PRId64
		      " ticks",
		      (int64_t)(word_units - word_threads));
	for (p = a->processes; p; p = p->next) {
		uint64_t sum = 0;

		for (s = 0; s < ACCT_NR_STATES; s++)
			sum += p->state[s];
		processes->recorded += sum;
	}
	for (th = a->threads; th; th = th->next)
		for (s = 0; s < ACCT_NR_STATES; s++)
			processes->counted += th->state[s];
	if (processes->recorded != processes->counted)
		judge(processes, AUDIT_UNEXPLAINED,
		      "processes and their threads are off by %" PRId64 " ticks",
		      (int64_t)(processes->recorded - processes->counted));
}

/* Births and ends, as told by events and as told by the books. */
static void check_lives(const struct trace *t, const struct acct_thread *th,
			struct audit_line *check)
{
	struct audit_line *forks = &check[AUDIT_FORKS], *exits = &check[AUDIT_EXITS];
	bool booked_birth = th->have_end && !th->stat_start.h.id;
	bool booked_exit = th->have_end && th->stat_end.when == WEFT_STAT_EXIT;

	if (!th->have_end && !t->ended)
		return; /* the recorder was killed: nobody wrote the books of those that lived */
	forks->recorded += th->started_here;
	forks->counted += booked_birth;
	if (th->started_here != booked_birth)
		judge(forks, AUDIT_UNEXPLAINED, "first: thread %u (%.16s) %s", th->tid, th->comm,
		      booked_birth ? "has books, and its birth was not seen" :
				     "was born, and has no books");
	exits->recorded += th->ended_here;
	exits->counted += booked_exit;
	if (th->ended_here == booked_exit)
		return;
	if (th->ended_here && th->have_end) {
		exits->explained--;
		judge(exits, AUDIT_EXPLAINED, "on their way out when the recording ended");
		return;
	}
	judge(exits, AUDIT_UNEXPLAINED, "first: thread %u (%.16s) %s", th->tid, th->comm,
	      booked_exit ? "has closed books, and its exit was not seen" :
			    "ended, and has no books");
}

/* What is not explained of the difference. */
static int64_t left_open(const struct audit_line *l)
{
	return l->verdict == AUDIT_NOT_CHECKED ? 0 :
						 (int64_t)(l->counted - l->recorded) - l->explained;
}

static void not_checked(struct audit_line *l, const char *why)
{
	l->verdict = AUDIT_NOT_CHECKED;
	snprintf(l->why, sizeof(l->why), "%s", why);
}

/* What this trace can't be held against. */
static void leave_out(const struct trace *t, const struct accounts *a, struct audit *out)
{
	static const char no_switches[] = "switches were not recorded";
	static const char no_faults[] = "page faults were not recorded";
	struct audit_line *check = out->check;
	bool entries = has(t, WEFT_HOOK_page_fault_entry, WEFT_GROUP_FAULT);
	int k;

	if (!has(t, WEFT_HOOK_sched_switch, WEFT_GROUP_SCHED)) {
		not_checked(&check[AUDIT_SWITCHES_VOLUNTARY], no_switches);
		not_checked(&check[AUDIT_SWITCHES_INVOLUNTARY], no_switches);
		not_checked(&check[AUDIT_ONCPU_NS], no_switches);
		not_checked(&check[AUDIT_RUNQUEUE_NS], no_switches);
		not_checked(&check[AUDIT_ARRIVALS], no_switches);
	}
	if (!has(t, WEFT_HOOK_page_fault, WEFT_GROUP_FAULT)) {
		not_checked(&check[AUDIT_FAULTS_MAJOR], entries ? "see faults_minor" : no_faults);
		if (!entries)
			not_checked(&check[AUDIT_FAULTS_MINOR], no_faults);
	}
	if (!has(t, WEFT_HOOK_task_newtask, WEFT_GROUP_TASK))
		not_checked(&check[AUDIT_FORKS], "births of threads were not recorded");
	if (!has(t, WEFT_HOOK_sched_process_exit, WEFT_GROUP_TASK))
		not_checked(&check[AUDIT_EXITS], "ends of threads were not recorded");
	if (!a->nr_units) {
		not_checked(&check[AUDIT_BALANCE_UNITS], "no units");
		not_checked(&check[AUDIT_MARKS_ORDER], "no units");
	}
	/* A recorder that was killed could write no books; one that ended has to have. */
	if (out->threads || t->ended)
		return;
	for (k = 0; k <= AUDIT_RUNQUEUE_NS; k++)
		not_checked(&check[k], "the trace has no closing books of any thread");
}

/* Every switch away from a thread needs one to it; those without a record have been placed. */
static void check_arrivals(const struct trace *t, const struct accounts *a, uint64_t switches,
			   struct audit_line *l)
{
	const struct acct_thread *th;
	uint64_t missing = 0;

	if (l->verdict == AUDIT_NOT_CHECKED)
		return;
	for (th = a->threads; th; th = th->next)
		missing += th->arrivals_missing;
	l->recorded = switches > missing ? switches - missing : 0;
	l->counted = switches;
	l->explained = missing;
	if (missing)
		judge(l, AUDIT_EXPLAINED,
		      "the kernel ran no probe%s; placed by the booked run time and the thread's records",
		      t->lost ? ", or records were lost" : "");
}

void audit_run(const struct trace *t, const struct accounts *a, struct audit *out)
{
	bool by_entry = !has(t, WEFT_HOOK_page_fault, WEFT_GROUP_FAULT);
	struct audit_line *check = out->check;
	const struct acct_thread *th, *sleeper = NULL;
	uint64_t switches = 0;
	int k;

	*out = (struct audit){ .lost = t->lost };
	for (th = a->threads; th; th = th->next)
		out->threads += complete(th);
	leave_out(t, a, out);
	for (th = a->threads; th; th = th->next) {
		struct audit_line before[AUDIT_NR_CHECKS];
		uint64_t waited, slept;

		if (!th->traced)
			continue;
		check_lives(t, th, check);
		if (!complete(th)) {
			if (th->books_torn || t->ended)
				judge(&check[AUDIT_SWITCHES_VOLUNTARY], AUDIT_UNEXPLAINED,
				      "first: thread %u (%.16s), whose books are %s", th->tid,
				      th->comm,
				      th->books_torn ? "in contradiction to its records" :
						       "incomplete");
			out->threads_unequal += th->books_torn || t->ended;
			continue;
		}
		memcpy(before, check, sizeof(before));
		check_switches(t, th, check);
		if (by_entry)
			check_fault_entries(th, &check[AUDIT_FAULTS_MINOR]);
		else
			check_faults(t, th, check);
		switches += th->rec_switches_voluntary + th->rec_switches_involuntary;
		check_time(th, &check[AUDIT_ONCPU_NS], th->runtime_ns, th->runtime_skew_ns,
			   th->stat_end.runtime_ns - th->stat_start.runtime_ns);
		waited = th->stat_end.run_delay_ns - th->stat_start.run_delay_ns;
		slept = slept_laps(th->run_delay_ns, waited);
		if (slept && !sleeper)
			sleeper = th;
		check_time(th, &check[AUDIT_RUNQUEUE_NS], th->run_delay_ns + slept,
			   th->run_delay_skew_ns - (int64_t)slept, waited);
		for (k = AUDIT_SWITCHES_VOLUNTARY; k <= AUDIT_FAULTS_MAJOR; k++)
			if (left_open(&check[k]) != left_open(&before[k]))
				break;
		out->threads_unequal += k <= AUDIT_FAULTS_MAJOR;
	}
	check_fits(t, a, false, &check[AUDIT_ONCPU_NS]);
	check_fits(t, a, true, &check[AUDIT_RUNQUEUE_NS]);
	tell_skew(a, false, switches, NULL, &check[AUDIT_ONCPU_NS]);
	tell_skew(a, true, switches, sleeper, &check[AUDIT_RUNQUEUE_NS]);
	check_balance(a, check);
	check_arrivals(t, a, switches, &check[AUDIT_ARRIVALS]);
	check[AUDIT_MARKS_ORDER].recorded = a->odd.marks_off_cpu;
	if (a->odd.marks_off_cpu)
		judge(&check[AUDIT_MARKS_ORDER], AUDIT_UNEXPLAINED,
		      "marks made while their thread was on no CPU");
	for (k = 0; k < AUDIT_NR_CHECKS; k++)
		if (check[k].verdict != AUDIT_NOT_CHECKED && check[k].verdict > out->verdict)
			out->verdict = check[k].verdict;
}

void audit_print(FILE *f, const struct trace *t, const struct audit *au)
{
	char a[FORMAT_LEN], b[FORMAT_LEN];
	int k;

	fprintf(f, "%-22s %20s %20s %16s  %-12s %s\n", "check", "recorded", "counted", "difference",
		"verdict", "");
	for (k = 0; k < AUDIT_NR_CHECKS; k++) {
		const struct audit_line *l = &au->check[k];
		bool checked = l->verdict != AUDIT_NOT_CHECKED;

		format_count(a, checked ? l->recorded : FORMAT_MISSING);
		format_count(b, checked ? l->counted : FORMAT_MISSING);
		fprintf(f, "%-22s %20s %20s", audit_check_name[k], checked ? a : "-",
			checked ? b : "-");
		if (checked)
			fprintf(f, " %16" PRId64, (int64_t)(l->counted - l->recorded));
		else
			fprintf(f, " %16s", "-");
		fprintf(f, "  %-12s %s\n", audit_verdict_name(l->verdict), l->why);
	}
	format_count(a, au->threads);
	format_count(b, au->threads_unequal);
	fprintf(f, "threads with complete books %s, of them unequal %s", a, b);
	format_count(a, t->lost);
	format_count(b, t->unit_lost);
	fprintf(f, "; lost %s, lost marks %s\n", a, b);
	fprintf(f, "%s: %s\n", t->dir,
		au->verdict == AUDIT_EQUAL     ? "equal, event for event" :
		au->verdict == AUDIT_EXPLAINED ? "every difference is explained" :
						 "there is a difference that nothing explains");
}
