// SPDX-License-Identifier: GPL-2.0-only
/*
 * The audit, and the books that it rests on: equal where nothing is missing, explained only by what adds
 * up to exactly the difference, unexplained otherwise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sched.h>
#include <cmocka.h>
#include "audit.h"
#include "audit_spans.h"
#include "books.h"
#include "correlate.h"
#include "correlator.h"
#include "../oracle/trace_writer.h"

static struct writer w;
static struct trace *t;
static struct accounts *a;
static struct audit au;

#define EV(cpu, name, at, who, ...) WRITER_EVENT(&w, cpu, name, at, who, 0, ##__VA_ARGS__)
#define BOOKS(at, when_, v, i, mi, ma, rt, rd)                                                     \
	EV(0, thread_stat, at, 100, .tgid = 100, .when = when_, .nvcsw = v, .nivcsw = i,           \
	   .min_flt = mi, .maj_flt = ma, .runtime_ns = rt, .run_delay_ns = rd)

static int start(void **state)
{
	writer_init(&w);
	EV(0, thread, 1000, 100, .tgid = 100, .flags = WEFT_THREAD_TRACED, .comm = "prog");
	EV(0, task_rename, 1000, 100, .target = 100, .comm = "prog");
	return 0;
}

static int stop(void **state)
{
	accounts_free(a);
	trace_close(t);
	a = NULL;
	t = NULL;
	writer_free(&w);
	return 0;
}

static void go(void)
{
	char err[256];

	writer_write(&w);
	if (trace_open(&t, w.dir, err, sizeof(err)) ||
	    correlate(t, NULL, NULL, &a, err, sizeof(err)))
		fail_msg("%s", err);
	audit_run(t, a, &au);
}

static void verdict_is(enum audit_check check, enum audit_verdict verdict, uint64_t recorded,
		       uint64_t counted)
{
	const struct audit_line *l = &au.check[check];

	if (l->verdict != verdict || l->recorded != recorded || l->counted != counted)
		fail_msg("%s: %s, recorded %d, counted %d (%s)", audit_check_name[check],
			 audit_verdict_name(l->verdict), (int)l->recorded, (int)l->counted, l->why);
}

/* A switch out and in again; n: the switches so far. */
static void nap(uint64_t at, uint32_t n, uint32_t runtime, uint32_t run_delay)
{
	EV(0, sched_switch, at, 100, .state = 1, .syscall = 7, .nswitch = n, .runtime = runtime,
	   .run_delay = run_delay);
	EV(0, sched_wakeup, at + 10, 0, .target = 100, .flags = WEFT_WAKE_IRQ);
	EV(0, sched_switch, at + 15, 0, .next_tid = 100);
}

static void all_equal(void **state)
{
	BOOKS(1000, WEFT_STAT_START, 50, 20, 5, 1, 7000, 90);
	nap(1100, 71, 7100, 90);
	EV(0, page_fault, 1200, 100, .counts = 7);
	EV(0, page_fault, 1210, 100, .counts = 7, .flags = WEFT_FAULT_RETRY);
	EV(0, page_fault, 1220, 100, .counts = 8, .flags = WEFT_FAULT_MAJOR);
	EV(0, sched_switch, 1315, 100, .state = 0, .syscall = -1, .nswitch = 72, .runtime = 7300,
	   .run_delay = 95);
	EV(0, sched_switch, 1320, 0, .next_tid = 100);
	BOOKS(1420, WEFT_STAT_STOP, 51, 21, 6, 2, 7400, 100);
	go();
	verdict_is(AUDIT_SWITCHES_VOLUNTARY, AUDIT_EQUAL, 1, 1);
	verdict_is(AUDIT_SWITCHES_INVOLUNTARY, AUDIT_EQUAL, 1, 1);
	verdict_is(AUDIT_FAULTS_MINOR, AUDIT_EQUAL, 1, 1);
	verdict_is(AUDIT_FAULTS_MAJOR, AUDIT_EQUAL, 1, 1);
	verdict_is(AUDIT_ONCPU_NS, AUDIT_EQUAL, 400, 400);
	verdict_is(AUDIT_RUNQUEUE_NS, AUDIT_EQUAL, 10, 10);
	verdict_is(AUDIT_FORKS, AUDIT_EQUAL, 0, 0);
	verdict_is(AUDIT_MARKS_ORDER, AUDIT_NOT_CHECKED, 0, 0);
	assert_int_equal(au.verdict, AUDIT_EQUAL);
	assert_int_equal(au.threads, 1);
	assert_int_equal(au.threads_unequal, 0);
}

/* Books read before a switch whose record stands before theirs, and after one whose record stands behind. */
static void cut_exactly(void **state)
{
	nap(1010, 71, 0, 0);
	BOOKS(1040, WEFT_STAT_START, 50, 20, 5, 1, 0, 0); /* the switch of 1010 is not in */
	EV(0, page_fault, 1045, 100, .counts = 6);	  /* is in */
	EV(0, page_fault, 1046, 100, .counts = 7);
	BOOKS(1100, WEFT_STAT_STOP, 52, 20, 7, 1, 0, 0); /* the switch of 1110 is in */
	nap(1110, 72, 0, 0);
	EV(0, page_fault, 1130, 100, .counts = 8); /* is in */
	EV(0, page_fault, 1131, 100, .counts = 9); /* is not */
	go();
	verdict_is(AUDIT_SWITCHES_VOLUNTARY, AUDIT_EQUAL, 2, 2);
	verdict_is(AUDIT_FAULTS_MINOR, AUDIT_EQUAL, 2, 2);
}

/* Closing books that are older than the records before theirs. */
static void cut_back(void **state)
{
	BOOKS(1000, WEFT_STAT_START, 50, 20, 5, 1, 0, 0);
	nap(1010, 71, 0, 0);
	nap(1030, 72, 0, 0);
	EV(0, page_fault, 1050, 100, .counts = 7);
	EV(0, page_fault, 1051, 100, .counts = 8, .flags = WEFT_FAULT_MAJOR);
	BOOKS(1100, WEFT_STAT_STOP, 51, 20, 6, 1, 0, 0); /* neither 1030 nor 1051 */
	go();
	verdict_is(AUDIT_SWITCHES_VOLUNTARY, AUDIT_EQUAL, 1, 1);
	verdict_is(AUDIT_FAULTS_MINOR, AUDIT_EQUAL, 1, 1);
	verdict_is(AUDIT_FAULTS_MAJOR, AUDIT_EQUAL, 0, 0);
}

static void a_switch_is_missing(void **state)
{
	BOOKS(1000, WEFT_STAT_START, 50, 20, 0, 0, 0, 0);
	nap(1100, 71, 0, 0);
	nap(1200, 73, 0, 0);
	BOOKS(1420, WEFT_STAT_STOP, 52, 21, 0, 0, 0, 0);
	go();
	/* One too few, and nothing was lost: nothing explains it. */
	verdict_is(AUDIT_SWITCHES_VOLUNTARY, AUDIT_EQUAL, 2, 2);
	verdict_is(AUDIT_SWITCHES_INVOLUNTARY, AUDIT_UNEXPLAINED, 0, 1);
	assert_non_null(strstr(au.check[AUDIT_SWITCHES_INVOLUNTARY].why, "thread 100 (prog)"));
	assert_int_equal(au.verdict, AUDIT_UNEXPLAINED);
}

static void switches_were_lost(void **state)
{
	BOOKS(1000, WEFT_STAT_START, 50, 20, 0, 0, 0, 0);
	nap(1100, 71, 0, 0);
	writer_lost(&w, writer_stream(&w, false, 0, 0), 1200, 0, 5, 1120, 1190);
	nap(1200, 74, 0, 0);
	BOOKS(1420, WEFT_STAT_STOP, 53, 21, 0, 0, 0, 0);
	go();
	verdict_is(AUDIT_SWITCHES_VOLUNTARY, AUDIT_EXPLAINED, 2, 3);
	verdict_is(AUDIT_SWITCHES_INVOLUNTARY, AUDIT_EXPLAINED, 0, 1);
	assert_int_equal(au.check[AUDIT_SWITCHES_VOLUNTARY].explained, 1);
}

/* Recorded as voluntary, counted as involuntary: the sum is right, the kinds are not. */
static void of_the_wrong_kind(void **state)
{
	BOOKS(1000, WEFT_STAT_START, 50, 20, 0, 0, 0, 0);
	nap(1100, 71, 0, 0);
	BOOKS(1420, WEFT_STAT_STOP, 50, 21, 0, 0, 0, 0);
	go();
	assert_int_equal(au.verdict, AUDIT_UNEXPLAINED);
	assert_int_equal(au.threads_unequal, 1);
}

static void a_fault_is_missing(void **state)
{
	BOOKS(1000, WEFT_STAT_START, 0, 0, 5, 0, 0, 0);
	EV(0, page_fault, 1200, 100, .counts = 7);
	BOOKS(1420, WEFT_STAT_STOP, 0, 0, 7, 0, 0, 0);
	go();
	verdict_is(AUDIT_FAULTS_MINOR, AUDIT_UNEXPLAINED, 1, 2);
}

static void faults_by_entry_only(void **state)
{
	w.md.hooks &= ~(1ull << WEFT_HOOK_page_fault);
	BOOKS(1000, WEFT_STAT_START, 0, 0, 5, 0, 0, 0);
	EV(0, page_fault, 1200, 100, .counts = 8, .duration = WEFT_UNKNOWN,
	   .flags = WEFT_FAULT_ENTRY_ONLY); /* 3 without */
	EV(0, page_fault, 1210, 100, .counts = 9, .duration = WEFT_UNKNOWN,
	   .flags = WEFT_FAULT_ENTRY_ONLY);
	EV(0, page_fault, 1220, 100, .counts = 9, .duration = WEFT_UNKNOWN,
	   .flags = WEFT_FAULT_ENTRY_ONLY); /* 1210's failed */
	EV(0, page_fault, 1230, 100, .counts = 12, .duration = WEFT_UNKNOWN,
	   .flags = WEFT_FAULT_ENTRY_ONLY); /* 2 without */
	BOOKS(1420, WEFT_STAT_STOP, 0, 0, 12, 1, 0, 0);
	go();
	verdict_is(AUDIT_FAULTS_MINOR, AUDIT_EXPLAINED, 4, 8);
	verdict_is(AUDIT_FAULTS_MAJOR, AUDIT_NOT_CHECKED, 0, 0);
	assert_int_equal(au.check[AUDIT_FAULTS_MINOR].explained, 4);
	assert_int_equal(a->threads->fault_gap, 5);
	assert_int_equal(a->threads->rec_faults_entry_uncounted, 1);
}

/* The scheduler's clock is not ours: by how much is summed, slice by slice, laps of 2^32 ns resolved. */
static void skewed_times(void **state)
{
	const uint64_t lap = 1ull << 32;

	BOOKS(1000, WEFT_STAT_START, 0, 0, 0, 0, lap - 10, lap - 3);
	nap(1100, 1, 80, (uint32_t)-3);
	EV(0, sched_switch, 1115 + 2 * lap, 100, .state = 1, .syscall = 7, .nswitch = 2,
	   .runtime = 85, .run_delay = 2);
	BOOKS(1200 + 2 * lap, WEFT_STAT_EXIT, 2, 0, 0, 0, 3 * lap + 85, lap + 2);
	go();
	/* The slice that was under way at the start is not known, so it is taken as booked: 90 ns. */
	verdict_is(AUDIT_ONCPU_NS, AUDIT_EXPLAINED, 90 + 2 * lap, 95 + 2 * lap);
	assert_int_equal(au.check[AUDIT_ONCPU_NS].explained, 5);
	verdict_is(AUDIT_RUNQUEUE_NS, AUDIT_EQUAL, 5, 5);
}

/* Whole laps that no stamps show are a sleep that the scheduler counts as waiting, but not the other way round. */
static void sleep_counted_as_waiting(void **state)
{
	const uint64_t lap = 1ull << 32, jump = 3 * lap - 1000;

	EV(0, sched_switch, 1001, 100, .state = 1, .syscall = 7, .nswitch = 1, .runtime = 500,
	   .run_delay = 7);
	BOOKS(1010, WEFT_STAT_START, 1, 0, 0, 0, 500, 7);
	EV(0, sched_wakeup, 1110, 0, .target = 100, .flags = WEFT_WAKE_IRQ);
	EV(0, sched_switch, 1115, 0, .next_tid = 100);
	nap(1215, 2, 600, (uint32_t)(7 + jump));
	BOOKS(1420, WEFT_STAT_EXIT, 2, 0, 0, 0, 790, 7 + jump);
	go();
	verdict_is(AUDIT_RUNQUEUE_NS, AUDIT_EXPLAINED, 10, jump);
	assert_int_equal(au.check[AUDIT_RUNQUEUE_NS].explained, jump - 10);
	assert_non_null(strstr(au.check[AUDIT_RUNQUEUE_NS].why, "sleep of thread 100 (prog)"));
	stop(NULL);
	start(NULL);
	/* A wait by the stamps that is not in the books is none. */
	BOOKS(1000, WEFT_STAT_START, 0, 0, 0, 0, 500, 7);
	EV(0, sched_switch, 1100, 100, .state = 1, .syscall = 7, .nswitch = 1, .runtime = 600,
	   .run_delay = 7);
	EV(0, sched_wakeup, 1110, 0, .target = 100, .flags = WEFT_WAKE_IRQ);
	EV(0, sched_switch, 1110 + lap, 0, .next_tid = 100);
	EV(0, sched_switch, 1210 + lap, 100, .state = 1, .syscall = 7, .nswitch = 2, .runtime = 700,
	   .run_delay = 7);
	BOOKS(1420 + lap, WEFT_STAT_EXIT, 2, 0, 0, 0, 700, 7);
	go();
	verdict_is(AUDIT_RUNQUEUE_NS, AUDIT_UNEXPLAINED, lap, 0);
}

static void times_that_do_not_add_up(void **state)
{
	BOOKS(1000, WEFT_STAT_START, 0, 0, 0, 0, 500, 0);
	nap(1100, 1, 600, 0);
	BOOKS(1420, WEFT_STAT_STOP, 1, 0, 0, 0, 900 + (1ull << 32), 5);
	go();
	verdict_is(AUDIT_ONCPU_NS, AUDIT_UNEXPLAINED, 405, 400 + (1ull << 32));
}

/* The thread leaves at `at`, is woken 10 later and runs again after another 5. */
static void turn(uint64_t at, uint32_t n, uint32_t runtime)
{
	EV(0, sched_switch, at, 100, .state = 1, .syscall = 7, .nswitch = n, .runtime = runtime);
	EV(0, sched_waking, at + 9, 0, .target = 100, .flags = WEFT_WAKE_IRQ);
	EV(0, sched_wakeup, at + 10, 0, .target = 100, .flags = WEFT_WAKE_IRQ);
	EV(0, sched_switch, at + 15, 0, .next_tid = 100);
}

/* What the scheduler had read at the switch of `since`. */
static void told(uint64_t since, uint32_t who, uint32_t clock)
{
	EV(0, context_switch, since + 2, who, .cost = 2, .clock = clock);
}

/* A stamp that comes late is explained, however late, if what the scheduler read says the same. */
static void stamps_lag(void **state)
{
	BOOKS(1000, WEFT_STAT_START, 0, 0, 0, 0, 500, 0);
	turn(1100, 1, 600);
	told(1115, 100, 77001115);
	/* 1,000 booked, 9,001,000 by the stamps. */
	EV(0, sched_switch, 9002115, 100, .state = 1, .syscall = 7, .nswitch = 2, .runtime = 1600);
	told(9002115, 0, 77002115);
	BOOKS(9003000, WEFT_STAT_STOP, 2, 0, 0, 0, 1600, 0);
	go();
	assert_int_equal(au.check[AUDIT_ONCPU_NS].verdict, AUDIT_EXPLAINED);
	assert_int_equal(a->threads->slices_told, 1);
	assert_int_equal(a->lag_most - a->lag_least, 9000000);
	assert_non_null(strstr(au.check[AUDIT_ONCPU_NS].why, "1 of 2 slices can be checked"));
}

/* The scheduler's clock went on by less than what was booked; by more, it is nobody's. */
static void booked_beyond_the_clock(void **state)
{
	BOOKS(1000, WEFT_STAT_START, 0, 0, 0, 0, 500, 0);
	turn(1100, 1, 600);
	told(1115, 100, 5000);
	EV(0, sched_switch, 2115, 100, .state = 1, .syscall = 7, .nswitch = 2, .runtime = 1600);
	told(2115, 0, 5990);
	BOOKS(3000, WEFT_STAT_STOP, 2, 0, 0, 0, 1600, 0);
	go();
	assert_int_equal(au.check[AUDIT_ONCPU_NS].verdict, AUDIT_UNEXPLAINED);
	assert_int_equal(a->threads->slice_misfits.ns, -10);
	assert_non_null(strstr(au.check[AUDIT_ONCPU_NS].why, "thread 100 (prog), off by -10 ns"));
	stop(NULL);
	start(NULL);
	BOOKS(1000, WEFT_STAT_START, 0, 0, 0, 0, 500, 0);
	turn(1100, 1, 600);
	told(1115, 100, 5000);
	EV(0, sched_switch, 2115, 100, .state = 1, .syscall = 7, .nswitch = 2, .runtime = 1600);
	told(2115, 0, 6100);
	BOOKS(3000, WEFT_STAT_STOP, 2, 0, 0, 0, 1600, 0);
	go();
	assert_int_equal(au.check[AUDIT_ONCPU_NS].verdict, AUDIT_EQUAL);
	assert_int_equal(a->threads->unbooked_ns, 100);
}

/* What was accounted for a slice is not what lies between its switches: one slice too much, or too little. */
static void wrong_by_a_slice(void **state)
{
	const int64_t errors[] = { 0, 3, 1000, -1000, 5000000 };
	struct weft_ev_context_switch told_;
	struct acct_thread acct;
	struct accounts sums;
	struct correlator c;
	struct thread th;
	size_t i;

	go();
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		acct = (struct acct_thread){ 0 };
		sums = (struct accounts){ 0 };
		c = (struct correlator){ .trace = t, .acct = &sums };
		th = (struct thread){ .acct = &acct, .last_wait = -1 };
		c.now = 10000000;
		th.span = (struct acct_span){ .begin = c.now, .state = ACCT_ONCPU };
		th.stints[th.nr_stints++] = (struct stint){ c.now, th.oncpu };
		slice_begin(&c, 0, NULL, &th);
		told_ = (struct weft_ev_context_switch){ .h.time = c.now, .clock = 1000 };
		slice_told(&c, 0, &told_);
		c.now += 7000;
		th.oncpu += (uint64_t)errors[i];
		slice_end(&c, 0, &th, 6990, 7000, -1);
		slice_begin(&c, 0, &th, NULL);
		told_ = (struct weft_ev_context_switch){ .h.time = c.now, .clock = 7990 };
		slice_told(&c, 0, &told_);
		assert_int_equal(acct.slices_told, 1);
		assert_int_equal(acct.slice_misfits.nr, errors[i] != 0);
		assert_int_equal(acct.slice_misfits.ns, errors[i]);
		free(c.cpus);
	}
}

/* Where the clock is not told: more booked, for a slice or a wait, than time since the thread was woken. */
static void booked_before_it_could_run(void **state)
{
	BOOKS(1000, WEFT_STAT_START, 0, 0, 0, 0, 500, 0);
	turn(1100, 1, 600);
	EV(0, sched_switch, 2115, 100, .state = 1, .syscall = 7, .nswitch = 2, .runtime = 3000);
	BOOKS(3000, WEFT_STAT_STOP, 2, 0, 0, 0, 3000, 0);
	go();
	/* 2,400 in the 1,006 since it was woken, and a microsecond between clocks: half of one ns for drift */
	assert_int_equal(au.check[AUDIT_ONCPU_NS].verdict, AUDIT_UNEXPLAINED);
	assert_int_equal(a->threads->slice_misfits.nr, 1);
	assert_int_equal(a->threads->slice_misfits.ns, 1006 + 1000 - 2400);
	assert_int_equal(au.check[AUDIT_RUNQUEUE_NS].verdict, AUDIT_EXPLAINED);
	stop(NULL);
	start(NULL);
	BOOKS(1000, WEFT_STAT_START, 0, 0, 0, 0, 500, 0);
	turn(1100, 1, 600);
	EV(0, sched_switch, 2115, 100, .state = 1, .syscall = 7, .nswitch = 2, .runtime = 1600,
	   .run_delay = 1500);
	BOOKS(3000, WEFT_STAT_STOP, 2, 0, 0, 0, 1600, 1500);
	go();
	assert_int_equal(au.check[AUDIT_ONCPU_NS].verdict, AUDIT_EQUAL);
	assert_int_equal(au.check[AUDIT_RUNQUEUE_NS].verdict, AUDIT_UNEXPLAINED);
	assert_int_equal(a->threads->wait_misfits.nr, 1);
}

/* One switch ends a slice and begins another: what the second lacks the first must have too much. */
static void pairs(void **state)
{
	const uint32_t excess[] = { 50000, 0 };
	int i;

	for (i = 0; i < 2; i++) {
		stop(NULL);
		start(NULL);
		EV(0, thread, 1000, 101, .tgid = 100, .flags = WEFT_THREAD_TRACED, .comm = "two");
		EV(0, thread_stat, 1000, 101, .tgid = 100, .when = WEFT_STAT_START);
		BOOKS(1000, WEFT_STAT_START, 0, 0, 0, 0, 0, 0);
		EV(0, sched_waking, 1010, 100, .target = 101);
		EV(0, sched_wakeup, 1011, 100, .target = 101);
		turn(1100, 1, 100);
		/* The stamp of 101115 came too late by the excess, and the other had its time from then on. */
		EV(0, sched_switch, 101115, 100, .state = 1, .syscall = 7, .nswitch = 2,
		   .runtime = 100100 - excess[i], .next_tid = 101);
		EV(0, sched_switch, 103115, 101, .state = 1, .syscall = 7, .nswitch = 1,
		   .runtime = 52000);
		BOOKS(104000, WEFT_STAT_STOP, 2, 0, 0, 0, 100100 - excess[i], 0);
		EV(0, thread_stat, 104000, 101, .tgid = 100, .when = WEFT_STAT_STOP, .nvcsw = 1,
		   .runtime_ns = 52000);
		go();
		assert_int_equal(au.check[AUDIT_ONCPU_NS].verdict,
				 i ? AUDIT_UNEXPLAINED : AUDIT_EXPLAINED);
	}
	assert_non_null(strstr(au.check[AUDIT_ONCPU_NS].why, "thread 101 (two)"));
}

static void lives(void **state)
{
	BOOKS(1000, WEFT_STAT_START, 0, 0, 0, 0, 0, 0);
	EV(0, task_newtask, 1010, 100, .child_tid = 101, .child_tgid = 100,
	   .clone_flags = CLONE_THREAD);
	EV(0, task_newtask, 1011, 100, .child_tid = 102, .child_tgid = 100,
	   .clone_flags = CLONE_THREAD);
	EV(0, thread_stat, 1020, 101, .tgid = 100, .when = WEFT_STAT_EXIT);
	EV(0, sched_process_exit, 1030, 102);
	EV(0, thread_stat, 1040, 102, .tgid = 100, .when = WEFT_STAT_STOP);
	BOOKS(1420, WEFT_STAT_STOP, 0, 0, 0, 0, 420, 0);
	go();
	verdict_is(AUDIT_FORKS, AUDIT_EQUAL, 2, 2);
	/* 101's exit was not seen; 102 was on its way. */
	verdict_is(AUDIT_EXITS, AUDIT_UNEXPLAINED, 1, 1);
	assert_non_null(strstr(au.check[AUDIT_EXITS].why, "thread 101"));
}

static void no_closing_books(void **state)
{
	BOOKS(1000, WEFT_STAT_START, 0, 0, 0, 0, 0, 0);
	nap(1100, 1, 80, 0);
	go();
	assert_int_equal(au.threads, 0);
	verdict_is(AUDIT_SWITCHES_VOLUNTARY, AUDIT_UNEXPLAINED, 0, 0);
	assert_int_equal(au.threads_unequal, 1);
	stop(NULL);
	/* A recorder that was killed could write none. */
	start(NULL);
	w.md.ended = false;
	BOOKS(1000, WEFT_STAT_START, 0, 0, 0, 0, 0, 0);
	nap(1100, 1, 80, 0);
	go();
	verdict_is(AUDIT_SWITCHES_VOLUNTARY, AUDIT_NOT_CHECKED, 0, 0);
	assert_int_equal(au.verdict, AUDIT_EQUAL);
	assert_int_equal(au.threads_unequal, 0);
}

/* Accounts that are off are found, and by how much; spans, and where. */
static void books_out_of_balance(void **state)
{
	struct audit_spans spans = { 0 };
	struct acct_span s = { 0 };

	BOOKS(1000, WEFT_STAT_START, 0, 0, 0, 0, 0, 0);
	BOOKS(1420, WEFT_STAT_STOP, 0, 0, 0, 0, 420, 0);
	go();
	assert_int_equal(au.verdict, AUDIT_EQUAL);
	s.thread = a->threads;
	s.begin = 1000;
	s.end = 1200;
	audit_spans_ops.span(&spans, &s);
	s.begin = 1210;
	s.end = 1420;
	audit_spans_ops.span(&spans, &s);
	audit_spans_judge(&spans, a, &au);
	assert_int_equal(au.verdict, AUDIT_UNEXPLAINED);
	assert_non_null(strstr(au.check[AUDIT_BALANCE_THREADS].why, "at tick 1200 thread 100"));
	audit_spans_free(&spans);
	a->threads->state[ACCT_ONCPU]++;
	audit_run(t, a, &au);
	assert_int_equal(au.check[AUDIT_BALANCE_THREADS].verdict, AUDIT_UNEXPLAINED);
	assert_int_equal(au.check[AUDIT_BALANCE_PROCESSES].verdict, AUDIT_UNEXPLAINED);
	a->threads->state[ACCT_ONCPU]--;
	a->threads->oncpu_runtime++;
	audit_run(t, a, &au);
	assert_int_equal(au.check[AUDIT_BALANCE_THREADS].verdict, AUDIT_UNEXPLAINED);
}

static void ledgers(void **state)
{
	struct ledger l = { 0 };

	/* Across the wrap of 32 bits, with two steps missing. */
	ledger_open(&l, 0x1fffffffe);
	ledger_step(&l, 0xffffffff, 0);
	ledger_step(&l, 2, 1);
	ledger_see(&l, 2);
	ledger_close(&l, 0x200000003);
	assert_int_equal(l.n[0], 1);
	assert_int_equal(l.n[1], 1);
	assert_int_equal(l.gaps, 3);
	assert_false(l.torn);
	/* The one that closing missed comes late, one more is too late. */
	ledger_step(&l, 3, 0);
	ledger_step(&l, 4, 0);
	assert_int_equal(l.n[0], 2);
	assert_int_equal(l.gaps, 2);
	/* A counter that goes back is no counter. */
	ledger_step(&l, 2, 0);
	assert_true(l.torn);
	/* Snapshots can't be older than what is remembered. */
	l = (struct ledger){ 0 };
	for (uint32_t i = 1; i <= 1000; i++)
		ledger_step(&l, i, 0);
	ledger_open(&l, 900);
	assert_int_equal(l.n[0], 100);
	ledger_step(&l, 1000000, 1);
	assert_int_equal(l.gaps, 1000000 - 1000 - 1);
	assert_int_equal(l.n[1], 1);
	assert_false(l.torn);
	ledger_close(&l, 1001);
	assert_true(l.torn);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, start, stop)
	const struct CMUnitTest tests[] = {
		CASE(all_equal),
		CASE(cut_exactly),
		CASE(cut_back),
		CASE(a_switch_is_missing),
		CASE(switches_were_lost),
		CASE(of_the_wrong_kind),
		CASE(a_fault_is_missing),
		CASE(faults_by_entry_only),
		CASE(skewed_times),
		CASE(sleep_counted_as_waiting),
		CASE(times_that_do_not_add_up),
		CASE(stamps_lag),
		CASE(booked_beyond_the_clock),
		CASE(wrong_by_a_slice),
		CASE(booked_before_it_could_run),
		CASE(pairs),
		CASE(lives),
		CASE(no_closing_books),
		CASE(books_out_of_balance),
		cmocka_unit_test(ledgers),
	};

	return cmocka_run_group_tests_name("audit", tests, NULL, NULL);
}
