// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules of docs/model.md for threads, case by case. The oracle (test_oracle.c) covers what random
 * worlds can contain; here is one small trace for each case, among them those that no random world has.
 */
#include "correlated.h"

static void blocked_by_call_fault_and_else(void **state)
{
	EV(0, sched_switch, 1100, 100, 0, .syscall = 35, SLEEPS);
	EV(0, sched_wakeup, 1200, 0, 0, .target = 100, .flags = WEFT_WAKE_IRQ);
	EV(0, sched_switch, 1210, 0, 0, .next_tid = 100);
	EV(0, sched_switch, 1300, 100, 0, .syscall = -1, .state = 2);
	EV(0, sched_wakeup, 1350, 0, 0, .target = 100, .flags = WEFT_WAKE_IRQ);
	EV(0, sched_switch, 1360, 0, 0, .next_tid = 100);
	EV(0, page_fault, 1370, 100, 0, .duration = 90);
	EV(0, sched_switch, 1400, 100, 0, .syscall = -1, .state = 4);
	EV(0, sched_wakeup, 1407, 0, 0, .target = 100, .flags = WEFT_WAKE_IRQ);
	EV(0, sched_switch, 1408, 0, 0, .next_tid = 100);
	/* A fault within a system call counts as the call. */
	EV(0, sched_switch, 1500, 100, 0, .syscall = 0, .state = 2);
	EV(0, sched_wakeup, 1600, 0, 0, .target = 100, .flags = WEFT_WAKE_IRQ);
	EV(0, sched_switch, 1601, 0, 0, .next_tid = 100);
	EV(0, task_rename, 1700, 100, 0, .target = 100, .comm = "new");
	go();
	assert_int_equal(blocked_in(thread(100, 0)->blocked, 35), 100);
	assert_int_equal(blocked_in(thread(100, 0)->blocked, ACCT_BLOCKED_FAULT), 50);
	assert_int_equal(blocked_in(thread(100, 0)->blocked, ACCT_BLOCKED_OTHER), 7);
	assert_int_equal(blocked_in(thread(100, 0)->blocked, 0), 100);
	states_are(thread(100, 0)->state, 0, 100 + 90 + 40 + 92 + 99, 10 + 10 + 1 + 1, 257, 0, 0);
	assert_string_equal(thread(100, 0)->comm, "new");
}

/* A signal was pending: it looked like sleep, but nobody had to wake it. */
static void never_asleep(void **state)
{
	EV(0, sched_switch, 1100, 100, 0, .syscall = 35, SLEEPS);
	EV(0, sched_switch, 1130, 0, 0, .next_tid = 100);
	EV(0, task_rename, 1200, 100, 0, .target = 100);
	go();
	states_are(thread(100, 0)->state, 0, 170, 30, 0, 0, 0);
	assert_null(thread(100, 0)->blocked);
	assert_int_equal(thread(100, 0)->n.switches_voluntary, 1);
}

/* Where wake-ups are not hooked that can't be told. */
static void no_wakeup_hook(void **state)
{
	w.md.hooks &= ~(1ull << WEFT_HOOK_sched_wakeup);
	EV(0, thread, 1050, 101, 0, .tgid = 100, .flags = WEFT_THREAD_TRACED);
	EV(0, sched_switch, 1100, 100, 0, .syscall = 35, SLEEPS);
	EV(0, sched_switch, 1130, 0, 0, .next_tid = 100);
	EV(1, sched_switch, 1160, 0, 0, .next_tid = 101);
	EV(0, task_rename, 1200, 100, 0, .target = 100);
	go();
	states_are(thread(100, 0)->state, 0, 170, 0, 30, 0, 0);
	/* Nor what was before the first record that tells. */
	states_are(thread(101, 0)->state, 110, 40, 0, 0, 0, 0);
}

/* What threads were before the first record that tells, it tells. */
static void before_the_first_record(void **state)
{
	EV(0, thread, 1001, 101, 0, .tgid = 100, .flags = WEFT_THREAD_TRACED);
	EV(0, thread, 1002, 102, 0, .tgid = 100, .flags = WEFT_THREAD_TRACED);
	EV(0, thread, 1003, 103, 0, .tgid = 100, .flags = WEFT_THREAD_TRACED);
	EV(0, thread, 1004, 104, 0, .tgid = 100, .flags = WEFT_THREAD_TRACED);
	EV(1, mmap, 1010, 101, 0);				    /* ran there */
	EV(1, sched_switch, 1020, 101, 0, .next_tid = 102, SLEEPS); /* waited for a CPU */
	EV(1, sched_wakeup, 1030, 102, 0, .target = 103); /* slept, or had not slept yet */
	EV(1, sched_switch, 1040, 102, 0, .next_tid = 103, SLEEPS);
	EV(1, mmap, 1050, 103, 0);
	go();
	states_are(thread(101, 0)->state, 0, 19, 0, 30, 0, 0);
	states_are(thread(102, 0)->state, 0, 20, 18, 10, 0, 0);
	states_are(thread(103, 0)->state, 27, 10, 10, 0, 0, 0);
	states_are(thread(104, 0)->state, 46, 0, 0, 0, 0, 0);
}

static void preempted_and_woken_have_their_culprits(void **state)
{
	EV(0, task_newtask, 1010, 100, 0, .child_tid = 101, .child_tgid = 100,
	   .clone_flags = THREAD_FLAGS);
	EV(0, sched_wakeup_new, 1020, 100, 0, .target = 101);
	EV(0, sched_switch, 1030, 100, 0, .next_tid = 101, .flags = WEFT_SWITCH_PREEMPT);
	EV(0, sched_switch, 1080, 101, 0, .next_tid = 100, .syscall = 202, SLEEPS);
	EV(0, sched_waking, 1090, 100, 0, .target = 101);
	EV(0, sched_wakeup, 1091, 100, 0, .target = 101);
	EV(0, sched_switch, 1099, 100, 0, .next_tid = 101, .syscall = 7, SLEEPS);
	EV(0, task_rename, 1100, 101, 0, .target = 101);
	go();
	assert_int_equal(thread(100, 0)->n.preemptions, 1);
	assert_int_equal(thread(100, 0)->runqueue_wait.sum, 50);
	assert_int_equal(thread(100, 0)->wakeup_latency.count, 0);
	assert_int_equal(thread(101, 0)->wakeup_latency.count, 2);
	assert_int_equal(thread(101, 0)->wakeup_latency.sum, 10 + 8);
	assert_int_equal(thread(100, 0)->n.wakes_given, 1);
	assert_int_equal(thread(101, 0)->n.wakeups, 1);
	states_are(thread(101, 0)->state, 0, 51, 18, 10 + 11, 0, 0);
}

/* Their spans say so too. */
static uint32_t blocked_by, runnable_by, woken_by;
static uint64_t woken_by_unit;

static void note(void *arg, const struct acct_span *s)
{
	if (s->of_unit || s->thread->tid != 101)
		return;
	if (s->state == ACCT_BLOCKED) {
		woken_by = s->by_tid;
		woken_by_unit = s->by_unit;
		blocked_by = s->what;
	}
	if (s->state == ACCT_RUNNABLE)
		runnable_by = s->by_tid;
}

static void spans_name_culprits(void **state)
{
	const struct correlate_ops ops = { .span = note };
	char err[256];

	EV(0, task_newtask, 1010, 100, 0, .child_tid = 101, .child_tgid = 100,
	   .clone_flags = THREAD_FLAGS);
	EV(0, sched_wakeup_new, 1020, 100, 0, .target = 101);
	EV(0, sched_switch, 1030, 100, 0, .next_tid = 101, .flags = WEFT_SWITCH_PREEMPT);
	EV(0, sched_switch, 1080, 101, 0, .next_tid = 100, .syscall = 202, SLEEPS);
	MARK(create, 1082, 100, 5);
	MARK(resume, 1083, 100, 5);
	EV(0, sched_waking, 1090, 100, 5, .target = 101);
	EV(0, sched_wakeup, 1091, 0, 0, .target = 101, .flags = WEFT_WAKE_IRQ);
	EV(0, sched_switch, 1099, 100, 5, .next_tid = 101, .syscall = 7, SLEEPS);
	EV(0, task_rename, 1100, 101, 0, .target = 101);
	writer_write(&w);
	assert_int_equal(trace_open(&t, w.dir, err, sizeof(err)), 0);
	assert_int_equal(correlate(t, &ops, NULL, &a, err, sizeof(err)), 0);
	assert_int_equal(blocked_by, 202);
	assert_int_equal(woken_by, 100);
	assert_int_equal(woken_by_unit, 5);
	assert_int_equal(runnable_by, 100);
}

static void thread_id_reused(void **state)
{
	EV(0, task_newtask, 1010, 100, 0, .child_tid = 101, .child_tgid = 100,
	   .clone_flags = THREAD_FLAGS);
	EV(0, sched_wakeup_new, 1020, 100, 0, .target = 101);
	EV(0, sched_switch, 1030, 100, 0, .next_tid = 101);
	EV(0, sched_process_exit, 1040, 101, 0, .exit_code = 3);
	EV(0, sched_switch, 1050, 101, 0, .next_tid = 100, .state = 0x80,
	   .flags = WEFT_SWITCH_DEAD);
	EV(0, task_newtask, 1060, 100, 0, .child_tid = 101, .child_tgid = 101,
	   .clone_flags = SIGCHLD);
	EV(0, sched_wakeup_new, 1070, 100, 0, .target = 101);
	EV(0, sched_switch, 1090, 100, 0, .next_tid = 101);
	EV(0, task_rename, 1100, 101, 0, .target = 101);
	go();
	assert_int_equal(a->nr_threads, 3);
	states_are(thread(101, 0)->state, 0, 20, 10, 10, 0, 0);
	assert_int_equal(thread(101, 0)->last, 1050);
	assert_int_equal(thread(101, 0)->exit_code, 3);
	assert_int_equal(thread(101, 0)->tgid, 100);
	states_are(thread(101, 1)->state, 0, 10, 20, 10, 0, 0);
	assert_int_equal(thread(101, 1)->tgid, 101);
	assert_false(thread(101, 1)->ended_here);
}

/* A thread other than the leader executes a program: it goes on under the leader's id. */
static void exec_by_another_thread(void **state)
{
	EV(0, task_newtask, 1010, 100, 0, .child_tid = 101, .child_tgid = 100,
	   .clone_flags = THREAD_FLAGS);
	EV(0, sched_wakeup_new, 1020, 100, 0, .target = 101);
	EV(1, sched_switch, 1030, 0, 0, .next_tid = 101);
	EV(0, sched_process_exit, 1040, 100, 0);
	EV(1, sched_switch, 1060, 100, 0, .state = 1, .nswitch = 1); /* has the id already */
	EV(0, sched_switch, 1065, 101, 0, .state = 0x80, .flags = WEFT_SWITCH_DEAD,
	   .nswitch = 7); /* the leader */
	EV(1, sched_wakeup, 1070, 0, 0, .target = 100, .flags = WEFT_WAKE_IRQ);
	EV(1, sched_switch, 1080, 0, 0, .next_tid = 100);
	EV(1, sched_process_exec, 1090, 100, 0, .old_tid = 101, .filename = "new");
	EV(1, sched_switch, 1100, 100, 0, .state = 0x80, .flags = WEFT_SWITCH_DEAD, .nswitch = 2);
	EV(1, thread_stat, 1101, 100, 0, .tgid = 100, .when = WEFT_STAT_EXIT, .nvcsw = 2);
	go();
	assert_int_equal(a->nr_threads, 2);
	states_are(thread(100, 0)->state, 0, 65, 0, 0, 0, 0);
	states_are(thread(100, 1)->state, 0, 30 + 20, 10 + 10, 10 + 10, 0, 0);
	assert_int_equal(thread(100, 1)->rec_switches_voluntary, 2);
	assert_int_equal(thread(100, 1)->nswitch_gaps, 0);
	assert_string_equal(a->processes->exe, "new");
}

static void threads_outside_the_filter(void **state)
{
	EV(0, sched_switch, 1100, 100, 0, .next_tid = 7, .flags = WEFT_SWITCH_PREEMPT);
	EV(0, thread, 1101, 7, 0, .tgid = 7, .comm = "other");
	EV(0, sched_switch, 1200, 7, 0, .next_tid = 100, .flags = WEFT_SWITCH_PREEMPT);
	EV(0, task_rename, 1300, 100, 0, .target = 100);
	go();
	assert_false(thread(7, 0)->traced);
	assert_int_equal(thread(7, 0)->state[ACCT_UNKNOWN] + thread(7, 0)->state[ACCT_ONCPU], 200);
	assert_int_equal(thread(7, 0)->n.switches_involuntary, 0);
	states_are(thread(100, 0)->state, 0, 200, 100, 0, 0, 0);
	assert_true(thread(100, 0)->process->traced);
	assert_false(thread(7, 0)->process->traced);
}

/* Named as a stranger at first, and then taken into the filter: its spans still leave no tick out. */
static uint64_t span_end;

static void follows(void *arg, const struct acct_span *s)
{
	if (s->of_unit || s->thread->tid != 7)
		return;
	if (span_end)
		assert_int_equal(s->begin, span_end);
	span_end = s->end;
}

static void taken_into_the_filter(void **state)
{
	const struct correlate_ops ops = { .span = follows };
	char err[256];

	EV(0, sched_switch, 1100, 100, 0, .next_tid = 7, .flags = WEFT_SWITCH_PREEMPT);
	EV(0, thread, 1101, 7, 0, .tgid = 100);
	EV(0, thread, 1150, 7, 0, .tgid = 100, .flags = WEFT_THREAD_TRACED);
	EV(0, sched_switch, 1200, 7, 0, .next_tid = 100, .flags = WEFT_SWITCH_PREEMPT);
	EV(0, task_rename, 1300, 100, 0, .target = 100);
	writer_write(&w);
	assert_int_equal(trace_open(&t, w.dir, err, sizeof(err)), 0);
	span_end = 0;
	assert_int_equal(correlate(t, &ops, NULL, &a, err, sizeof(err)), 0);
	assert_int_equal(span_end, 1300);
	assert_true(thread(7, 0)->traced);
	assert_int_equal(thread(7, 0)->state[ACCT_ONCPU], 1 + 50);
	assert_int_equal(thread(7, 0)->state[ACCT_RUNNABLE], 100);
}

/* The other way: from its closing books on it is a stranger, and no arrival of it is missing. */
static void left_out_of_the_filter(void **state)
{
	const struct correlate_ops ops = { .span = follows };
	char err[256];

	EV(0, thread, 1100, 7, 0, .tgid = 7, .flags = WEFT_THREAD_TRACED);
	EV(0, sched_switch, 1110, 100, 0, .next_tid = 7, .flags = WEFT_SWITCH_PREEMPT);
	EV(0, thread_stat, 1150, 7, 0, .tgid = 7, .when = WEFT_STAT_STOP);
	EV(0, thread, 1200, 7, 0, .tgid = 7);
	EV(0, sched_switch, 1200, 7, 0, .next_tid = 100);
	EV(0, sched_switch, 1300, 100, 0, .next_tid = 7, .flags = WEFT_SWITCH_PREEMPT);
	EV(0, sched_switch, 1400, 7, 0, .next_tid = 100);
	EV(0, sched_switch, 1500, 0, 0, .next_tid = 100);
	EV(0, sched_switch, 1600, 7, 0, .next_tid = 100);
	writer_write(&w);
	assert_int_equal(trace_open(&t, w.dir, err, sizeof(err)), 0);
	span_end = 0;
	assert_int_equal(correlate(t, &ops, NULL, &a, err, sizeof(err)), 0);
	assert_int_equal(span_end, 1600);
	assert_int_equal(thread(7, 0)->arrivals_missing, 0);
	assert_int_equal(thread(7, 0)->state[ACCT_ONCPU], 90);
}

/* Its birth was lost: it is known from its first record on, and has no opening books. */
static void born_unseen(void **state)
{
	EV(0, sched_switch, 1100, 100, 0, .next_tid = 103, .flags = WEFT_SWITCH_PREEMPT);
	EV(0, sched_switch, 1150, 103, 0, .next_tid = 100, .syscall = 7, SLEEPS, .nswitch = 9);
	EV(0, task_rename, 1200, 100, 0, .target = 100);
	go();
	assert_false(thread(103, 0)->started_here);
	assert_false(thread(103, 0)->have_start);
	states_are(thread(103, 0)->state, 0, 50, 0, 50, 0, 0);
	assert_non_null(thread(103, 0)->process);
}

/* ---- Losses ---- */

static void kernel_records_lost(void **state)
{
	two_threads();
	EV(0, mmap, 1100, 100, 0);
	EV(1, mmap, 1150, 101, 0);
	/* Whatever happened on CPU 0 then; its thread is seen again at 1400. */
	writer_lost(&w, writer_stream(&w, false, 0, 0), 1400, 0, 5, 1200, 1300);
	EV(0, mmap, 1400, 100, 0);
	EV(1, mmap, 1410, 101, 0);
	go();
	states_are(thread(100, 0)->state, 100, 200 + 110, 0, 0, 0, 0);
	states_are(thread(101, 0)->state, 0, 407, 1, 1, 0, 0);
	assert_int_equal(a->lost, 5);
}

static void blocked_over_a_loss(void **state)
{
	EV(0, sched_switch, 1100, 100, 0, .syscall = 3, SLEEPS);
	writer_lost(&w, writer_stream(&w, false, 1, 0), 1400, 0, 5, 1200, 1300);
	EV(1, sched_wakeup, 1400, 0, 0, .target = 100, .flags = WEFT_WAKE_IRQ);
	EV(1, sched_switch, 1450, 0, 0, .next_tid = 100);
	EV(1, mmap, 1500, 100, 0);
	go();
	states_are(thread(100, 0)->state, 200, 100 + 50, 50, 100, 0, 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, start, stop)
	const struct CMUnitTest tests[] = {
		CASE(blocked_by_call_fault_and_else),
		CASE(never_asleep),
		CASE(no_wakeup_hook),
		CASE(before_the_first_record),
		CASE(preempted_and_woken_have_their_culprits),
		CASE(spans_name_culprits),
		CASE(thread_id_reused),
		CASE(exec_by_another_thread),
		CASE(threads_outside_the_filter),
		CASE(taken_into_the_filter),
		CASE(left_out_of_the_filter),
		CASE(born_unseen),
		CASE(kernel_records_lost),
		CASE(blocked_over_a_loss),
	};

	return cmocka_run_group_tests_name("correlate_thread", tests, NULL, NULL);
}
