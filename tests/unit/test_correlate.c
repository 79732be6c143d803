// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules of docs/model.md, case by case. The oracle (test_oracle.c) covers what random worlds can
 * contain; here is one small trace for each case, among them those that no random world has.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <cmocka.h>
#include "correlate.h"
#include "../oracle/trace_writer.h"

static struct writer w;
static struct trace *t;
static struct accounts *a;

/* Records on a CPU, and marks of process 100, in order of time within each. */
#define EV(cpu, name, ...) WRITER_EVENT(&w, cpu, name, __VA_ARGS__)
#define MARK_OF(process, version, name, ...) WRITER_MARK(&w, process, version, name, __VA_ARGS__)
#define MARK(name, ...) MARK_OF(100, 0, name, __VA_ARGS__)
#define SLEEPS .state = 1
#define THREAD_FLAGS (CLONE_VM | CLONE_THREAD | CLONE_SETTLS)

static int start(void **state)
{
	writer_init(&w);
	/* Thread 100 exists and runs on CPU 0, as its own record shows; CPU 1 is idle. */
	EV(0, thread, 1000, 100, 0, .tgid = 100, .flags = WEFT_THREAD_TRACED, .comm = "prog");
	EV(0, task_rename, 1000, 100, 0, .target = 100, .comm = "prog");
	writer_stream(&w, false, 1, 0);
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
}

/* The nth account of this id, from 0. */
static const struct acct_thread *thread(uint32_t tid, int nth)
{
	const struct acct_thread *th;

	for (th = a->threads; th; th = th->next)
		if (th->tid == tid && !nth--)
			return th;
	fail_msg("no account of thread %u", tid);
	return NULL;
}

static const struct acct_unit *unit_of(uint32_t tgid, uint32_t copy, uint64_t id, int nth)
{
	const struct acct_unit *u;

	for (u = a->units; u; u = u->next)
		if (u->tgid == tgid && u->copy == copy && u->id == id && !nth--)
			return u;
	fail_msg("no account of unit %d of %u", (int)id, tgid);
	return NULL;
}

static const struct acct_unit *unit(uint64_t id)
{
	return unit_of(100, 0, id, 0);
}

static void states_are(const uint64_t *state, uint64_t unknown, uint64_t oncpu, uint64_t runnable,
		       uint64_t blocked, uint64_t ready, uint64_t suspended)
{
	const uint64_t want[] = { unknown, oncpu, runnable, blocked, ready, suspended };
	int s;

	for (s = 0; s < ACCT_NR_STATES; s++)
		if (state[s] != want[s])
			fail_msg("state %d is %d, should be %d", s, (int)state[s], (int)want[s]);
}

static uint64_t blocked_in(const struct acct_blocked *b, uint32_t what)
{
	for (; b; b = b->next)
		if (b->what == what)
			return b->ticks;
	return 0;
}

static uint64_t waited(const struct acct_unit *u, uint32_t reason, uint64_t object)
{
	const struct acct_wait *wait;

	for (wait = u->waits; wait; wait = wait->next)
		if (wait->reason == reason && wait->object == object)
			return wait->ticks;
	return 0;
}

/* ---- Threads ---- */

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

/* ---- Units by marks ---- */

static void fault_in_a_preempted_unit(void **state)
{
	MARK(create, 1010, 100, 7, .kind = WEFT_UNIT_COROUTINE, .name = "seven");
	MARK(resume, 1020, 100, 7);
	EV(0, sched_switch, 1050, 100, 7, .next_tid = 0, .flags = WEFT_SWITCH_PREEMPT);
	EV(0, sched_switch, 1250, 0, 0, .next_tid = 100);
	EV(0, page_fault, 1300, 100, 7, .duration = 270, .flags = WEFT_FAULT_MAJOR);
	MARK(exit, 1400, 100, 7);
	EV(0, task_rename, 1500, 100, 0, .target = 100);
	go();
	assert_string_equal(unit(7)->name, "seven");
	states_are(unit(7)->state, 0, 30 + 150, 200, 0, 10, 0);
	assert_int_equal(unit(7)->n.fault_ticks, 270);
	assert_int_equal(unit(7)->fault_ticks_oncpu, 70);
	assert_int_equal(unit(7)->n.faults_major, 1);
	assert_int_equal(unit(7)->last, 1400);
	assert_true(unit(7)->created_here && unit(7)->exited_here);
	assert_int_equal(thread(100, 0)->oncpu_units, 180);
	assert_int_equal(thread(100, 0)->oncpu_runtime, 20 + 100);
}

static void blocking_call_in_a_unit(void **state)
{
	MARK(create, 1010, 100, 7);
	MARK(create, 1010, 100, 8);
	MARK(resume, 1020, 100, 7);
	EV(0, sched_switch, 1050, 100, 7, .syscall = 0, SLEEPS);
	EV(0, sched_wakeup, 1850, 0, 0, .target = 100, .flags = WEFT_WAKE_IRQ);
	EV(0, sched_switch, 1860, 0, 0, .next_tid = 100);
	MARK(suspend, 1900, 100, 7, .reason = WEFT_WAIT_YIELD);
	MARK(resume, 1910, 100, 8);
	MARK(suspend, 1950, 100, 8, .reason = WEFT_WAIT_CHANNEL, .object = 0xc0);
	MARK(wake, 1970, 100, 8, .by = 7);
	EV(0, task_rename, 2000, 100, 0, .target = 100);
	go();
	states_are(unit(7)->state, 0, 30 + 40, 10, 800, 10 + 100, 0);
	assert_int_equal(blocked_in(unit(7)->blocked, 0), 800);
	states_are(unit(8)->state, 0, 40, 0, 0, 900 + 30, 20);
	assert_int_equal(waited(unit(8), WEFT_WAIT_CHANNEL, 0xc0), 20);
	assert_int_equal(unit(8)->ready_wait.sum, 900);
	assert_int_equal(unit(8)->wakes_taken, 1);
	assert_int_equal(unit(7)->wakes_given, 1);
	assert_int_equal(unit(7)->n.switches_voluntary, 1);
	assert_int_equal(unit(7)->n.wakeups, 1);
	assert_int_equal(unit(8)->n.switches_voluntary, 0);
	assert_int_equal(a->odd.open_units, 2);
	assert_int_equal(a->processes->units_created, 2);
}

static void nested_resume(void **state)
{
	MARK(create, 1010, 100, 7);
	MARK(create, 1010, 100, 8);
	MARK(resume, 1020, 100, 7);
	MARK(resume, 1050, 100, 8);
	MARK(suspend, 1080, 100, 8, .reason = WEFT_WAIT_YIELD);
	MARK(resume, 1090, 100, 7);
	MARK(exit, 1100, 100, 7);
	EV(0, task_rename, 1200, 100, 0, .target = 100);
	go();
	states_are(unit(7)->state, 0, 40, 0, 0, 10, 40);
	assert_int_equal(waited(unit(7), WEFT_WAIT_NESTED, 0), 40);
	states_are(unit(8)->state, 0, 30, 0, 0, 40 + 120, 0);
	assert_int_equal(thread(100, 0)->oncpu_runtime, 20 + 10 + 100);
}

static void two_copies(void **state)
{
	MARK_OF(100, 0, create, 1010, 100, 7);
	MARK_OF(100, 1, create, 1011, 100, 7);
	MARK_OF(100, 0, resume, 1020, 100, 7);
	MARK_OF(100, 1, resume, 1050, 100, 7);
	MARK_OF(100, 1, suspend, 1080, 100, 7, .reason = WEFT_WAIT_LOCK);
	MARK_OF(100, 0, exit, 1100, 100, 7);
	EV(0, task_rename, 1200, 100, 0, .target = 100);
	go();
	states_are(unit_of(100, 0, 7, 0)->state, 0, 30 + 20, 0, 0, 10, 30);
	states_are(unit_of(100, 1, 7, 0)->state, 0, 30, 0, 0, 39, 120);
	assert_int_equal(a->odd.copies, 1);
	assert_int_equal(a->odd.create_twice, 0);
}

static void two_threads(void)
{
	EV(0, task_newtask, 1001, 100, 0, .child_tid = 101, .child_tgid = 100,
	   .clone_flags = THREAD_FLAGS);
	EV(0, sched_wakeup_new, 1002, 100, 0, .target = 101);
	EV(1, sched_switch, 1003, 0, 0, .next_tid = 101);
}

static void resumed_elsewhere_while_winding_down(void **state)
{
	two_threads();
	MARK(create, 1010, 100, 7);
	MARK(resume, 1020, 100, 7);
	MARK(resume, 1050, 101, 7);
	MARK(suspend, 1060, 100, 7, .reason = WEFT_WAIT_IO);
	MARK(exit, 1090, 101, 7);
	EV(0, task_rename, 1200, 100, 0, .target = 100);
	go();
	states_are(unit(7)->state, 0, 30 + 40, 0, 0, 10, 0);
	assert_int_equal(unit(7)->threads, 2);
	assert_int_equal(unit(7)->cpus, 2);
	assert_int_equal(thread(100, 0)->oncpu_units, 30);
	assert_int_equal(thread(101, 0)->oncpu_units, 40);
	assert_int_equal(a->odd.resume_while_current, 1);
	assert_int_equal(a->odd.suspend_without_resume, 0);
}

static void woken_before_it_stopped(void **state)
{
	MARK(create, 1010, 100, 7);
	MARK(resume, 1020, 100, 7);
	MARK(wake, 1030, 100, 7);
	MARK(suspend, 1040, 100, 7, .reason = WEFT_WAIT_IO);
	MARK(resume, 1050, 100, 7);
	MARK(suspend, 1060, 100, 7, .reason = WEFT_WAIT_IO);
	EV(0, task_rename, 1100, 100, 0, .target = 100);
	go();
	states_are(unit(7)->state, 0, 20 + 10, 0, 0, 10 + 10, 40);
}

static void thread_dies_with_a_unit(void **state)
{
	two_threads();
	MARK(create, 1010, 101, 7);
	MARK(create, 1010, 101, 8);
	MARK(resume, 1020, 101, 7);
	EV(1, sched_process_exit, 1030, 101, WEFT_UNKNOWN);
	EV(1, sched_switch, 1040, 101, WEFT_UNKNOWN, .state = 0x80, .flags = WEFT_SWITCH_DEAD);
	EV(0, task_rename, 1100, 100, 0, .target = 100);
	go();
	states_are(unit(7)->state, 0, 20, 0, 0, 10, 0);
	assert_int_equal(unit(7)->last, 1040);
	assert_false(unit(7)->exited_here);
	assert_null(unit(7)->waits);
	states_are(unit(8)->state, 0, 0, 0, 0, 90, 0);
	assert_int_equal(a->odd.open_units, 2);
}

static void another_thread_takes_what_a_dead_one_left(void **state)
{
	two_threads();
	MARK(create, 1010, 101, 7);
	MARK(resume, 1020, 101, 7);
	EV(1, sched_switch, 1040, 101, 7, .state = 0x80, .flags = WEFT_SWITCH_DEAD);
	MARK(resume, 1060, 100, 7);
	EV(0, task_rename, 1100, 100, 7, .target = 100);
	go();
	states_are(unit(7)->state, 0, 20 + 40, 0, 0, 10, 20);
	assert_int_equal(waited(unit(7), WEFT_WAIT_OTHER, 0), 20);
}

static void fork_with_a_unit_current(void **state)
{
	MARK(create, 1010, 100, 7, .kind = WEFT_UNIT_TASK, .name = "seven");
	MARK(create, 1010, 100, 8, .name = "eight");
	MARK(resume, 1020, 100, 7);
	EV(0, task_newtask, 1030, 100, 7, .child_tid = 101, .child_tgid = 101,
	   .clone_flags = SIGCHLD);
	EV(0, sched_wakeup_new, 1040, 100, 7, .target = 101);
	EV(1, sched_switch, 1050, 0, 0, .next_tid = 101);
	MARK_OF(101, 0, suspend, 1070, 101, 7, .reason = WEFT_WAIT_IO);
	MARK_OF(101, 0, resume, 1080, 101, 8);
	EV(1, task_rename, 1100, 101, 8, .target = 101);
	go();
	states_are(unit(7)->state, 0, 80, 0, 0, 10, 0);
	states_are(unit_of(101, 0, 7, 0)->state, 0, 20, 10, 10, 0, 30);
	assert_int_equal(unit_of(101, 0, 7, 0)->first, 1030);
	assert_false(unit_of(101, 0, 7, 0)->created_here);
	assert_string_equal(unit_of(101, 0, 7, 0)->name, "seven");
	assert_int_equal(unit_of(101, 0, 7, 0)->kind, WEFT_UNIT_TASK);
	assert_string_equal(unit_of(101, 0, 8, 0)->name, "eight");
	assert_int_equal(a->odd.resume_of_unknown, 0);
	assert_int_equal(a->odd.word_disagrees, 0);
	assert_int_equal(thread(101, 0)->process->ppid, 100);
}

static void exec_ends_units(void **state)
{
	MARK(create, 1010, 100, 7);
	MARK(resume, 1020, 100, 7);
	EV(0, sched_process_exec, 1050, 100, WEFT_UNKNOWN, .old_tid = 100, .filename = "next");
	MARK_OF(100, 1, create, 1080, 100, 7);
	MARK_OF(100, 1, resume, 1090, 100, 7);
	EV(0, task_rename, 1100, 100, 7, .target = 100);
	go();
	states_are(unit(7)->state, 0, 30, 0, 0, 10, 0);
	assert_int_equal(unit(7)->last, 1050);
	states_are(unit_of(100, 1, 7, 0)->state, 0, 10, 0, 0, 10, 0);
	assert_int_equal(a->odd.copies, 0);
	assert_int_equal(a->odd.word_disagrees, 0);
	assert_int_equal(thread(100, 0)->oncpu_runtime, 20 + 40);
}

static void nonsense(void **state)
{
	MARK(suspend, 1010, 100, 7);
	MARK(wake, 1011, 100, 7);
	MARK(exit, 1012, 100, 7);
	MARK(resume, 1020, 100, 8);
	MARK(resume, 1021, 100, 8);
	MARK(create, 1022, 100, 8);
	MARK(exit, 1030, 100, 8);
	MARK(resume, 1040, 100, 8);
	MARK(invalid, 1050, 100, 0, .count = 5, .what = WEFT_INVALID_TIME);
	EV(0, task_rename, 1100, 100, 0, .target = 100);
	go();
	assert_int_equal(a->nr_units, 1);
	states_are(unit(8)->state, 0, 10, 0, 0, 0, 0);
	assert_int_equal(a->odd.suspend_without_resume, 1);
	assert_int_equal(a->odd.wake_of_unknown, 1);
	assert_int_equal(a->odd.exit_without_create, 1);
	assert_int_equal(a->odd.resume_of_unknown, 2);
	assert_int_equal(a->odd.resume_while_current, 1);
	assert_int_equal(a->odd.create_twice, 1);
	assert_int_equal(a->odd.invalid, 5);
	assert_int_equal(thread(100, 0)->oncpu_runtime, 90);
}

/* Marks of a process for another's thread. */
static void foreign_marks(void **state)
{
	MARK_OF(55, 0, create, 1010, 100, 7);
	MARK_OF(55, 0, resume, 1020, 100, 7);
	EV(0, task_rename, 1100, 100, 0, .target = 100);
	go();
	assert_int_equal(a->nr_units, 0);
	assert_int_equal(a->odd.invalid, 2);
}

static void marks_off_the_cpu(void **state)
{
	w.md.clock_error_ns = 5;
	MARK(create, 1010, 100, 7);
	EV(0, sched_switch, 1050, 100, 0, .syscall = 0, SLEEPS);
	MARK(wake, 1054, 100, 7); /* within the error of the switch before */
	MARK(wake, 1060, 100, 7); /* not */
	EV(0, sched_wakeup, 1070, 0, 0, .target = 100, .flags = WEFT_WAKE_IRQ);
	EV(0, sched_switch, 1080, 0, 0, .next_tid = 100);
	EV(0, sched_switch, 1090, 100, 0, .syscall = 0, SLEEPS);
	EV(0, sched_wakeup, 1100, 0, 0, .target = 100, .flags = WEFT_WAKE_IRQ);
	MARK(wake, 1116, 100, 7); /* within the error of the switch after */
	EV(0, sched_switch, 1120, 0, 0, .next_tid = 100);
	EV(0, task_rename, 1200, 100, 0, .target = 100);
	go();
	assert_int_equal(a->odd.marks_off_cpu, 1);
}

static void word_against_marks(void **state)
{
	MARK(create, 1010, 100, 7);
	EV(0, mmap, 1019, 100, 7); /* the word is stored before the mark is stamped */
	MARK(resume, 1020, 100, 7);
	EV(0, mmap, 1030, 100, 0); /* unit.h at work on its own behalf */
	EV(0, mmap, 1040, 100, 7);
	EV(0, mmap, 1050, 100, 0);
	MARK(suspend, 1051, 100, 7);
	go();
	assert_int_equal(a->odd.word_disagrees, 0);
	stop(NULL);
	start(NULL);
	MARK(create, 1010, 100, 7);
	MARK(resume, 1020, 100, 7);
	EV(0, mmap, 1030, 100, 9); /* nobody said so */
	EV(0, mmap, 1040, 100, 7);
	EV(0, mmap, 1050, 100, 8);
	MARK(suspend, 1060, 100, 7);
	go();
	assert_int_equal(a->odd.word_disagrees, 2);
	assert_int_equal(a->nr_units, 1);
	assert_int_equal(unit(7)->n.map_calls, 3);
}

/* The ring was given up: from there on the word. */
static void ring_given_up(void **state)
{
	MARK(create, 1010, 100, 7);
	MARK(resume, 1020, 100, 7);
	MARK(invalid, 1050, 100, 0, .count = 1, .what = WEFT_INVALID_RING);
	EV(0, mmap, 1060, 100, 7);
	EV(0, mmap, 1080, 100, 7);
	EV(0, mmap, 1090, 100, 0);
	EV(0, mmap, 1100, 100, 0);
	go();
	states_are(unit(7)->state, 10 + 20, 30 + 20, 0, 0, 10, 0);
	assert_int_equal(thread(100, 0)->oncpu_runtime, 20 + 10);
	assert_int_equal(thread(100, 0)->oncpu_unknown, 10 + 10);
}

static void many_objects(void **state)
{
	uint64_t i, sum = 0;
	const struct acct_wait *wait;
	unsigned nr = 0;

	MARK(create, 1010, 100, 7);
	for (i = 0; i < 300; i++) {
		MARK(resume, 1020 + 10 * i, 100, 7);
		MARK(suspend, 1025 + 10 * i, 100, 7, .reason = WEFT_WAIT_IO, .object = i + 1);
	}
	EV(0, task_rename, 1020 + 10 * i, 100, 0, .target = 100);
	go();
	for (wait = unit(7)->waits; wait; wait = wait->next, nr++)
		sum += wait->ticks;
	assert_int_equal(sum, 1500);
	assert_int_equal(unit(7)->state[ACCT_SUSPENDED], 1500);
	assert_int_equal(nr, 65);
}

/* ---- Units by the word ---- */

static void by_the_word(void **state)
{
	EV(0, mmap, 1010, 100, 0);
	EV(0, mmap, 1020, 100, 0);
	EV(0, mmap, 1030, 100, 7);
	EV(0, mmap, 1050, 100, 7);
	EV(0, sched_switch, 1060, 100, 7, .syscall = 3, SLEEPS);
	EV(0, sched_wakeup, 1090, 0, 0, .target = 100, .flags = WEFT_WAKE_IRQ);
	EV(0, sched_switch, 1100, 0, 0, .next_tid = 100);
	EV(0, mmap, 1110, 100, 7);
	EV(0, mmap, 1120, 100, 9);
	EV(0, mmap, 1130, 100, WEFT_UNKNOWN);
	EV(0, mmap, 1150, 100, 9);
	go();
	states_are(unit(7)->state, 0, 30 + 10, 10, 30, 0, 0);
	assert_int_equal(unit(7)->first, 1030);
	assert_int_equal(unit(7)->last, 1110);
	assert_false(unit(7)->created_here);
	states_are(unit(9)->state, 30, 0, 0, 0, 0, 0);
	assert_int_equal(blocked_in(unit(7)->blocked, 3), 30);
	assert_int_equal(unit(7)->n.switches_voluntary, 1);
	assert_int_equal(unit(7)->n.map_calls, 3);
	assert_int_equal(thread(100, 0)->oncpu_runtime, 10 + 10);
	assert_int_equal(thread(100, 0)->oncpu_units, 40);
	assert_int_equal(thread(100, 0)->oncpu_unknown, 10 + 10 + 10 + 20);
}

/* A program in which no unit was ever seen has none, also before its word could be read. */
static void no_units_at_all(void **state)
{
	EV(0, mmap, 1010, 100, WEFT_UNKNOWN);
	EV(0, mmap, 1020, 100, 0);
	EV(0, mmap, 1030, 100, WEFT_UNKNOWN);
	go();
	assert_int_equal(thread(100, 0)->oncpu_unknown, 0);
	assert_int_equal(thread(100, 0)->oncpu_runtime, 30);
}

static void seen_on_a_second_thread(void **state)
{
	two_threads();
	EV(0, mmap, 1010, 100, 7);
	EV(0, mmap, 1020, 100, 7);
	EV(1, mmap, 1050, 101, 7);
	EV(1, mmap, 1060, 101, 7);
	EV(0, mmap, 1080, 100, 0);
	go();
	states_are(unit(7)->state, 30, 10 + 10, 0, 0, 0, 0);
	assert_int_equal(unit(7)->threads, 2);
	assert_int_equal(thread(100, 0)->oncpu_units, 10);
	assert_int_equal(thread(101, 0)->oncpu_units, 10);
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

/* Marks of one thread are missing: unknown what it ran, until a mark or the word tells. */
static void marks_lost(void **state)
{
	two_threads();
	MARK(create, 1010, 100, 7);
	MARK(create, 1011, 100, 8);
	MARK(create, 1012, 100, 9);
	MARK(resume, 1020, 100, 7);
	MARK_OF(100, 0, resume, 1021, 101, 9);
	writer_lost(&w, writer_stream(&w, true, 100, 0), 1200, 100, 4, 1100, 1150);
	MARK(resume, 1200, 100, 8);
	MARK(exit, 1250, 100, 8);
	MARK(suspend, 1260, 101, 9, .reason = WEFT_WAIT_IO);
	EV(0, task_rename, 1300, 100, 0, .target = 100);
	go();
	states_are(unit(7)->state, 200, 80, 0, 0, 10, 0);
	states_are(unit(8)->state, 100, 50, 0, 0, 89, 0);
	states_are(unit(9)->state, 0, 239, 0, 0, 9, 40);
	assert_int_equal(thread(100, 0)->oncpu_unknown, 100);
	assert_int_equal(thread(100, 0)->oncpu_units, 80 + 50);
	assert_int_equal(a->unit_lost, 4);
	assert_int_equal(a->odd.word_disagrees, 0);
}

static void word_tells_after_marks_lost(void **state)
{
	MARK(create, 1010, 100, 7);
	writer_lost(&w, writer_stream(&w, true, 100, 0), 1160, 100, 4, 1100, 1150);
	EV(0, mmap, 1120, 100, 7); /* while marks are missing it tells only of now */
	EV(0, mmap, 1170, 100, 7);
	EV(0, mmap, 1200, 100, 7);
	MARK(suspend, 1210, 100, 7, .reason = WEFT_WAIT_IO);
	MARK(wake, 1215, 100, 44); /* may have been created in the gap: nothing odd */
	EV(0, mmap, 1220, 100, 0);
	go();
	states_are(unit(7)->state, 70, 40, 0, 0, 90, 10);
	assert_int_equal(thread(100, 0)->oncpu_unknown, 70);
	assert_int_equal(a->odd.wake_of_unknown, 0);
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
		CASE(born_unseen),
		CASE(fault_in_a_preempted_unit),
		CASE(blocking_call_in_a_unit),
		CASE(nested_resume),
		CASE(two_copies),
		CASE(resumed_elsewhere_while_winding_down),
		CASE(woken_before_it_stopped),
		CASE(thread_dies_with_a_unit),
		CASE(another_thread_takes_what_a_dead_one_left),
		CASE(fork_with_a_unit_current),
		CASE(exec_ends_units),
		CASE(nonsense),
		CASE(foreign_marks),
		CASE(marks_off_the_cpu),
		CASE(word_against_marks),
		CASE(ring_given_up),
		CASE(many_objects),
		CASE(by_the_word),
		CASE(no_units_at_all),
		CASE(seen_on_a_second_thread),
		CASE(kernel_records_lost),
		CASE(blocked_over_a_loss),
		CASE(marks_lost),
		CASE(word_tells_after_marks_lost),
	};

	return cmocka_run_group_tests_name("correlate", tests, NULL, NULL);
}
