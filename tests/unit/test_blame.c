// SPDX-License-Identifier: GPL-2.0-only
/*
 * Blame and timeline of one small history. A program has two coroutines on one thread:
 *
 *	   1000      1100  1200            5200 5300  5400 5410    5600      6600   6700   6800 6810   6900
 *	reader  ready | runs | blocked in read | wait | runs |  suspended: channel, until `waiter` wakes it | runs
 *	waiter  ready ......................................... | runs | preempted |   runs     | ends
 *
 * On the CPU instead: hog, a thread that is not traced.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <cmocka.h>
#include "blame.h"
#include "correlate.h"
#include "event_text.h"
#include "timeline.h"
#include "../oracle/trace_writer.h"

#define PROG 100
#define HOG 7
#define MAP 0x7f0000000000ull

static struct writer w;
static struct trace *trace;
static struct accounts *accounts;

#define EV(name, ...) WRITER_EVENT(&w, 0, name, __VA_ARGS__)
#define MARK(name, ...) WRITER_MARK(&w, PROG, 0, name, __VA_ARGS__)

static int setup(void **state)
{
	char err[256] = "";

	writer_init(&w);
	w.md.nr_cpus = 2;
	EV(thread, 900, PROG, 0, .tgid = PROG, .flags = WEFT_THREAD_TRACED, .comm = "prog");
	EV(thread, 900, HOG, 0, .tgid = HOG, .comm = "hog");
	EV(sched_switch, 1000, 0, 0, .next_tid = PROG, .syscall = -1, .flags = WEFT_SWITCH_KTHREAD);
	EV(sched_switch, 1200, PROG, 1, .next_tid = HOG, .syscall = SYS_read, .state = 1);
	EV(sched_waking, 5190, HOG, 0, .target = PROG);
	EV(sched_wakeup, 5200, HOG, 0, .target = PROG);
	EV(sched_switch, 5300, HOG, 0, .next_tid = PROG, .syscall = -1,
	   .flags = WEFT_SWITCH_PREEMPT);
	EV(mmap, 5450, PROG, 2, .start = MAP, .length = 8192, .result = MAP,
	   .flags = MAP_PRIVATE | MAP_ANONYMOUS);
	EV(page_fault, 5560, PROG, 2, .address = MAP + 5000, .duration = 50,
	   .flags = WEFT_FAULT_USER);
	EV(sched_switch, 5600, PROG, 2, .next_tid = HOG, .syscall = -1,
	   .flags = WEFT_SWITCH_PREEMPT);
	EV(sched_switch, 6600, HOG, 0, .next_tid = PROG, .syscall = -1, .state = 1);
	EV(sched_process_exit, 6990, PROG, 0, .flags = WEFT_EXIT_GROUP);
	EV(sched_switch, 7000, PROG, 0, .next_tid = 0, .syscall = -1, .state = 0x80,
	   .flags = WEFT_SWITCH_DEAD);
	MARK(create, 1010, PROG, 1, .kind = WEFT_UNIT_COROUTINE, .name = "reader");
	MARK(create, 1020, PROG, 2, .kind = WEFT_UNIT_COROUTINE, .name = "waiter");
	MARK(resume, 1100, PROG, 1);
	MARK(suspend, 5400, PROG, 1, .reason = WEFT_WAIT_CHANNEL, .object = 0xabc);
	MARK(resume, 5410, PROG, 2);
	MARK(wake, 6700, PROG, 1, .by = 2);
	MARK(exit, 6800, PROG, 2);
	MARK(resume, 6810, PROG, 1);
	MARK(exit, 6900, PROG, 1);
	writer_write(&w);
	if (trace_open(&trace, w.dir, err, sizeof(err)) ||
	    correlate(trace, NULL, NULL, &accounts, err, sizeof(err)))
		fail_msg("%s", err);
	return 0;
}

static int teardown(void **state)
{
	accounts_free(accounts);
	trace_close(trace);
	writer_free(&w);
	return 0;
}

static const struct acct_unit *unit(uint64_t id)
{
	const struct acct_unit *u;

	for (u = accounts->units; u && u->id != id; u = u->next)
		;
	assert_non_null(u);
	return u;
}

static const struct blame_cause *cause(const struct blame_unit *b, enum blame_kind kind,
				       uint32_t what)
{
	size_t i;

	for (i = 0; i < b->nr_causes; i++)
		if (b->causes[i].kind == kind && b->causes[i].what == what)
			return &b->causes[i];
	fail_msg("unit %lu has no cause %d/%u", (unsigned long)b->unit->id, kind, what);
	return NULL;
}

static void blame(struct blame_unit *b, uint64_t id)
{
	char err[256] = "";
	uint64_t sum = 0;
	size_t i;

	memset(b, 0, sizeof(*b));
	b->unit = unit(id);
	if (blame_run(trace, accounts, b, 1, err, sizeof(err)))
		fail_msg("%s", err);
	for (i = 0; i < b->nr_causes; i++) {
		sum += b->causes[i].ticks;
		assert_true(!i || b->causes[i].ticks <= b->causes[i - 1].ticks);
	}
	assert_int_equal(sum, b->unit->last - b->unit->first);
}

static void the_blocked_one_is_blamed(void **state)
{
	static struct blame_unit b;
	const struct blame_cause *c;

	blame(&b, 1);
	c = cause(&b, BLAME_BLOCKED, SYS_read);
	assert_int_equal(c->ticks, 4000);
	assert_int_equal(c->tid, HOG);
	assert_ptr_equal(c, &b.causes[0]);
	assert_int_equal(cause(&b, BLAME_EXECUTING, 0)->ticks, 100 + 100 + 90);
	assert_int_equal(cause(&b, BLAME_WAITING, 0)->ticks, 100);
	c = cause(&b, BLAME_SUSPENDED, WEFT_WAIT_CHANNEL);
	assert_int_equal(c->ticks, 1300);
	assert_int_equal(c->object, 0xabc);
	assert_int_equal(c->unit, 2);
	/* Woken at 6700, resumed at 6810: the other one had the thread, then the runtime. */
	assert_int_equal(cause(&b, BLAME_QUEUED, ACCT_ONCPU)->ticks, 100);
	/* Whom its blocking held up. */
	assert_int_equal(b.nr_held, 1);
	assert_string_equal(b.held[0].name, "waiter");
	assert_int_equal(b.held_ticks, 4000);
	assert_int_equal(b.held[0].waits, 1);
}

static void the_one_in_the_queue_names_who_was_in_front(void **state)
{
	static struct blame_unit b;
	const struct blame_cause *c;

	blame(&b, 2);
	c = cause(&b, BLAME_QUEUED, ACCT_BLOCKED);
	assert_int_equal(c->ticks, 4000);
	assert_int_equal(c->unit, 1);
	assert_int_equal(c->object, SYS_read);
	assert_int_equal(cause(&b, BLAME_QUEUED, ACCT_ONCPU)->ticks, 200);
	assert_int_equal(cause(&b, BLAME_QUEUED, ACCT_RUNNABLE)->ticks, 100);
	assert_int_equal(cause(&b, BLAME_RUNTIME, ACCT_ONCPU)->ticks, 80 + 10);
	c = cause(&b, BLAME_PREEMPTED, 0);
	assert_int_equal(c->ticks, 1000);
	assert_int_equal(c->tid, HOG);
	c = cause(&b, BLAME_FAULT, 0);
	assert_int_equal(c->ticks, 50);
	assert_int_equal(c->mapping.kind, MAPPING_ANONYMOUS);
	assert_int_equal(c->mapping.start, MAP);
	assert_int_equal(cause(&b, BLAME_EXECUTING, 0)->ticks, 190 - 50 + 200);
	assert_int_equal(b.nr_held, 0);
}

/* The lane as text, for a look at all of it. */
static const char *lane(const struct timeline *tl, const struct timeline_lane *l, size_t columns,
			char (*show)(const uint64_t *))
{
	static char line[128];
	size_t i;

	for (i = 0; i < tl->width; i++)
		line[i] = show(&l->cells[i * columns]);
	line[i] = '\0';
	return line;
}

static void timeline_draws_it(void **state)
{
	struct timeline tl;
	char err[256] = "";
	uint64_t sum = 0;
	size_t i;

	/* 100 ticks a column. */
	if (timeline_make(&tl, trace, accounts, 1000, 7000, 60, 10, err, sizeof(err)))
		fail_msg("%s", err);
	assert_int_equal(tl.nr_cpus, 2);
	assert_int_equal(tl.nr_threads, 1);
	assert_int_equal(tl.nr_units, 2);
	assert_false(tl.grouped);
	assert_string_equal(lane(&tl, &tl.cpus[0], TIMELINE_LETTERS + 1, timeline_cpu),
			    "aa........................................."
			    "aaa..........aaaa");
	assert_string_equal(lane(&tl, &tl.cpus[1], TIMELINE_LETTERS + 1, timeline_cpu),
			    "............................................................");
	assert_string_equal(lane(&tl, &tl.threads[0], ACCT_NR_STATES, timeline_state),
			    "##BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBW"
			    "###WWWWWWWWWW####");
	assert_string_equal(lane(&tl, &tl.units[0], ACCT_NR_STATES, timeline_state),
			    "Q#BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBW"
			    "#SSSSSSSSSSSSSQ+ ");
	assert_string_equal(lane(&tl, &tl.units[1], ACCT_NR_STATES, timeline_state),
			    "QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ"
			    "Q+#WWWWWWWWWW##  ");
	for (i = 0; i < 60 * ACCT_NR_STATES; i++)
		sum += tl.threads[0].cells[i];
	assert_int_equal(sum, 6000);
	timeline_free(&tl);
}

/* A stretch and a width that nothing divides evenly: no tick is lost or counted twice. */
static void cells_add_up(void **state)
{
	size_t width, i;

	for (width = 1; width <= 97; width += 12) {
		struct timeline tl;
		char err[256] = "";
		uint64_t sum = 0;

		assert_int_equal(timeline_make(&tl, trace, accounts, 1037, 6991, width, 1, err,
					       sizeof(err)),
				 0);
		assert_true(tl.grouped);
		assert_int_equal(tl.more_units, 1);
		for (i = 0; i < width * ACCT_NR_STATES; i++)
			sum += tl.threads[0].cells[i];
		assert_int_equal(sum, 6991 - 1037);
		timeline_free(&tl);
	}
}

static void events_are_lines(void **state)
{
	static const char *const expected[] = {
		"sched_switch next_tid=hog/7 nswitch=0 runtime=0 run_delay=0 syscall=read state=S flags=0 prio=0 "
		"next_prio=0 nvcsw=0\n",
		"page_fault address=0x7f0000001388 ip=0x0 duration=50ns counts=0 flags=USER\n",
		"unit_suspend object=0xabc reason=channel\n",
		"mmap start=0x7f0000000000 length=8192 result=0x7f0000000000 duration=0ns prot=0 flags=0x22\n",
	};
	bool seen[4] = { false };
	struct event_text *x = event_text_new(trace, false);
	char line[EVENT_TEXT_MAX], err[256];
	struct trace_event ev;
	uint64_t begin = 0;
	size_t i, len;

	assert_non_null(x);
	trace_rewind(trace);
	while (trace_next(trace, &ev, err, sizeof(err)) > 0) {
		begin = begin ? begin : ev.rec->time;
		assert_int_equal(event_text_learn(x, &ev), 0);
		len = event_text_line(x, &ev, begin, line);
		assert_int_equal(len, strlen(line));
		for (i = 0; i < 4; i++)
			if (strlen(line) > strlen(expected[i]) &&
			    !strcmp(line + strlen(line) - strlen(expected[i]), expected[i]))
				seen[i] = true;
		if (ev.rec->time == 1200)
			assert_memory_equal(
				line,
				"    0.000000300 [0] prog/100             1      sched_switch", 59);
	}
	for (i = 0; i < 4; i++)
		if (!seen[i])
			fail_msg("no line ends with: %s", expected[i]);
	event_text_free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_blocked_one_is_blamed),
		cmocka_unit_test(the_one_in_the_queue_names_who_was_in_front),
		cmocka_unit_test(timeline_draws_it),
		cmocka_unit_test(cells_add_up),
		cmocka_unit_test(events_are_lines),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
