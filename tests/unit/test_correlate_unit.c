// SPDX-License-Identifier: GPL-2.0-only
/* The rules of docs/model.md for units, case by case, as test_correlate_thread.c has those for threads. */
#include "correlated.h"

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

/* A thread that blocks with no unit current is idle: it had none to run. */
static void idle_is_blocked_without_a_unit(void **state)
{
	MARK(create, 1010, 100, 7);
	EV(0, sched_switch, 1050, 100, 0, .syscall = 232, SLEEPS);
	EV(0, sched_wakeup, 1150, 0, 0, .target = 100, .flags = WEFT_WAKE_IRQ);
	EV(0, sched_switch, 1160, 0, 0, .next_tid = 100);
	MARK(resume, 1200, 100, 7);
	EV(0, sched_switch, 1300, 100, 7, .syscall = 0, SLEEPS);
	EV(0, sched_wakeup, 1340, 0, 0, .target = 100, .flags = WEFT_WAKE_IRQ);
	EV(0, sched_switch, 1350, 0, 0, .next_tid = 100);
	MARK(exit, 1400, 100, 7);
	EV(0, task_rename, 1500, 100, 0, .target = 100);
	go();
	assert_int_equal(thread(100, 0)->state[ACCT_BLOCKED], 140);
	assert_int_equal(thread(100, 0)->idle, 100);
	assert_int_equal(thread(100, 0)->oncpu_units, 150);
	assert_int_equal(thread(100, 0)->oncpu_runtime, 50 + 40 + 100);
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
	/* None of it is certain: in between the thread may have run any other. */
	assert_int_equal(unit(7)->oncpu_by_word, 40);
	assert_int_equal(thread(100, 0)->oncpu_by_word, 40);
	assert_false(unit(7)->marks);
}

/* A call or a fault that took its time: its unit has it for certain, whoever was seen before. */
static void by_the_word_in_the_kernel(void **state)
{
	EV(0, mmap, 1010, 100, 7);
	EV(0, mmap, 1040, 100, 7, .duration = 20);
	EV(0, page_fault, 1100, 100, 9, .duration = 30);
	/* The call slept: what it ran before is booked already, from the arrival on it is certain. */
	EV(0, sched_switch, 1110, 100, 9, .syscall = 11, SLEEPS);
	EV(0, sched_wakeup, 1140, 0, 0, .target = 100, .flags = WEFT_WAKE_IRQ);
	EV(0, sched_switch, 1150, 0, 0, .next_tid = 100);
	EV(0, munmap, 1170, 100, 9, .duration = 65);
	/* A duration from before the last record, of another unit: no more than what is left. */
	EV(0, mmap, 1180, 100, 8, .duration = 500);
	EV(0, page_fault, 1190, 100, 8, .duration = WEFT_UNKNOWN);
	go();
	states_are(unit(7)->state, 0, 10 + 20, 0, 0, 0, 0);
	assert_int_equal(unit(7)->oncpu_by_word, 10);
	states_are(unit(9)->state, 0, 30 + 10 + 20, 10, 30, 0, 0);
	assert_int_equal(unit(9)->first, 1070);
	assert_int_equal(unit(9)->oncpu_by_word, 10);
	states_are(unit(8)->state, 0, 10 + 10, 0, 0, 0, 0);
	assert_int_equal(unit(8)->oncpu_by_word, 10);
	assert_int_equal(thread(100, 0)->oncpu_units, 30 + 60 + 20);
	assert_int_equal(thread(100, 0)->oncpu_by_word, 10 + 10 + 10);
	assert_int_equal(thread(100, 0)->oncpu_unknown, 10 + 30);
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
		CASE(fault_in_a_preempted_unit),
		CASE(blocking_call_in_a_unit),
		CASE(idle_is_blocked_without_a_unit),
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
		CASE(by_the_word_in_the_kernel),
		CASE(no_units_at_all),
		CASE(seen_on_a_second_thread),
		CASE(marks_lost),
		CASE(word_tells_after_marks_lost),
	};

	return cmocka_run_group_tests_name("correlate_unit", tests, NULL, NULL);
}
