// SPDX-License-Identifier: GPL-2.0-only
/* Reports of accounts made by hand: order, sums, groups of units, and '-' for what was not recorded. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "report.h"
#include "view.h"

#define US 1000ull /* ticks: the clock is in nanoseconds */
#define ALL_HOOKS ((1ull << WEFT_HOOK_MAX) - 1)

/* One process with two threads, one with one; four units in two groups. */
struct fixture {
	struct trace trace;
	struct accounts a;
	struct acct_process process[2];
	struct acct_thread thread[4];
	struct acct_unit unit[4];
	struct acct_blocked blocked[3];
	struct acct_wait wait;
};

static void set_thread(struct fixture *f, int i, uint32_t tid, const char *comm,
		       struct acct_process *p)
{
	struct acct_thread *t = &f->thread[i];

	t->tid = tid;
	t->tgid = p->tgid;
	t->process = p;
	t->traced = true;
	snprintf(t->comm, sizeof(t->comm), "%s", comm);
	t->first = 100;
	t->last = 100 + 60 * US;
	t->next = i < 3 ? &f->thread[i + 1] : NULL;
}

static void set_unit(struct fixture *f, int i, const char *name, uint64_t oncpu, uint64_t ready)
{
	struct acct_unit *u = &f->unit[i];

	u->id = (uint64_t)i + 1;
	u->tgid = 10;
	u->kind = WEFT_UNIT_COROUTINE;
	u->marks = true;
	u->process = &f->process[0];
	snprintf(u->name, sizeof(u->name), "%s", name);
	u->first = 200;
	u->last = 200 + oncpu + ready;
	u->state[ACCT_ONCPU] = oncpu;
	u->state[ACCT_READY] = ready;
	u->resumes = 2;
	u->next = i < 3 ? &f->unit[i + 1] : NULL;
	histogram_add(&u->ready_wait, ready);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	f->trace = (struct trace){ .dir = (char *)"dir",
				   .kernel = (char *)"6.1.0",
				   .backend = (char *)"kmod",
				   .command = (char *)"prog",
				   .clock = WEFT_CLOCK_MONOTONIC,
				   .clock_freq = 1000000000,
				   .nr_cpus = 2,
				   .groups = WEFT_GROUP_ALL,
				   .hooks = ALL_HOOKS,
				   .ended = true };
	f->a = (struct accounts){ .processes = &f->process[0],
				  .threads = &f->thread[0],
				  .units = &f->unit[0],
				  .nr_processes = 2,
				  .nr_threads = 4,
				  .nr_units = 4,
				  .begin = 100,
				  .end = 100 + 60 * US,
				  .events = 12345 };
	f->process[0] = (struct acct_process){ .tgid = 10, .comm = "many", .next = &f->process[1] };
	f->process[1] = (struct acct_process){ .tgid = 20, .comm = "single" };
	set_thread(f, 0, 10, "first", &f->process[0]);
	set_thread(f, 1, 20, "single", &f->process[1]);
	set_thread(f, 2, 11, "second", &f->process[0]);
	set_thread(f, 3, 99, "foreign", &f->process[1]);
	f->thread[3].traced = false;
	f->thread[0].state[ACCT_ONCPU] = 10 * US;
	f->thread[0].state[ACCT_BLOCKED] = 50 * US;
	f->thread[2].state[ACCT_ONCPU] = 20 * US;
	f->thread[2].state[ACCT_BLOCKED] = 40 * US;
	f->thread[1].state[ACCT_ONCPU] = 25 * US;
	f->thread[1].state[ACCT_RUNNABLE] = 35 * US;
	f->thread[0].n.switches_voluntary = 3;
	f->thread[2].n.switches_voluntary = 4;
	f->thread[1].n.switches_involuntary = 1234567;
	f->thread[1].n.switch_cost_ticks[1] = 500;
	f->thread[1].n.switch_cost_count[1] = 2;
	histogram_add(&f->thread[0].wakeup_latency, 7 * US);
	histogram_add(&f->thread[2].wakeup_latency, 3 * US);
	f->blocked[0] = (struct acct_blocked){
		.what = 0, .count = 2, .ticks = 10 * US, .next = &f->blocked[1]
	};
	f->blocked[1] =
		(struct acct_blocked){ .what = ACCT_BLOCKED_FAULT, .count = 1, .ticks = 40 * US };
	f->blocked[2] = (struct acct_blocked){ .what = 0, .count = 5, .ticks = 40 * US };
	f->thread[0].blocked = &f->blocked[0];
	f->thread[2].blocked = &f->blocked[2];
	set_unit(f, 0, "worker", 10 * US, 1 * US);
	set_unit(f, 1, "hog", 30 * US, 2 * US);
	set_unit(f, 2, "worker", 12 * US, 3 * US);
	set_unit(f, 3, "worker", 14 * US, 500 * US);
	f->wait = (struct acct_wait){ .reason = WEFT_WAIT_CHANNEL, .count = 1, .ticks = 5 * US };
	f->unit[1].waits = &f->wait;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	int i;

	for (i = 0; i < 4; i++) {
		histogram_free(&f->thread[i].wakeup_latency);
		histogram_free(&f->unit[i].ready_wait);
	}
	free(f);
	return 0;
}

static void a_tree_has_threads_below_their_process(void **state)
{
	struct fixture *f = *state;
	struct report r;

	assert_int_equal(report_make(&r, &f->a, REPORT_TREE, NULL), 0);
	assert_int_equal(r.nr, 4);
	assert_ptr_equal(r.items[0].process, &f->process[0]);
	assert_null(r.items[0].thread);
	assert_int_equal(r.items[0].members, 2);
	assert_int_equal(r.items[0].state[ACCT_ONCPU], 30 * US);
	assert_int_equal(r.items[0].n.switches_voluntary, 7);
	assert_int_equal(r.items[0].wakeup_latency.count, 2);
	assert_int_equal(r.items[0].wakeup_latency.max, 7 * US);
	/* The same system call of two threads is one entry, the longest first. */
	assert_int_equal(r.items[0].blocked.nr, 2);
	assert_int_equal(r.items[0].blocked.list[0].what, 0);
	assert_int_equal(r.items[0].blocked.list[0].ticks, 50 * US);
	assert_int_equal(r.items[0].blocked.list[0].count, 7);
	assert_ptr_equal(r.items[1].thread, &f->thread[2]);
	assert_int_equal(r.items[1].level, 1);
	assert_ptr_equal(r.items[2].thread, &f->thread[0]);
	/* An only thread is its process; one that was not traced is not there. */
	assert_ptr_equal(r.items[3].process, &f->process[1]);
	assert_int_equal(r.items[3].members, 1);
	report_free(&r);
}

static void sorting(void **state)
{
	struct fixture *f = *state;
	struct report r;
	size_t i;

	assert_int_equal(report_make(&r, &f->a, REPORT_THREAD, "blocked"), 0);
	assert_int_equal(r.nr, 3);
	assert_int_equal(r.items[0].thread->tid, 10);
	assert_int_equal(r.items[1].thread->tid, 11);
	assert_int_equal(r.items[2].thread->tid, 20);
	report_free(&r);
	assert_int_equal(report_make(&r, &f->a, REPORT_THREAD, "no such key"), -EINVAL);
	report_free(&r);
	for (i = 0; report_key(i); i++) {
		assert_int_equal(report_make(&r, &f->a, REPORT_UNIT, report_key(i)), 0);
		report_free(&r);
	}
}

static void units_of_one_name_are_a_group(void **state)
{
	struct fixture *f = *state;
	struct report r;

	assert_int_equal(report_make(&r, &f->a, REPORT_UNIT, "ready"), 0);
	assert_int_equal(r.nr, 2);
	assert_string_equal(r.items[0].unit->name, "worker");
	assert_int_equal(r.items[0].members, 3);
	assert_int_equal(r.items[0].state[ACCT_ONCPU], 36 * US);
	assert_int_equal(r.items[0].resumes, 6);
	assert_int_equal(r.items[0].unit_state[ACCT_ONCPU].count, 3);
	assert_int_equal(r.items[0].unit_state[ACCT_ONCPU].max, 14 * US);
	assert_int_equal(r.items[1].suspended.nr, 1);
	report_free(&r);
	assert_int_equal(report_make(&r, &f->a, REPORT_EACH_UNIT, "ready"), 0);
	assert_int_equal(r.nr, 4);
	assert_int_equal(r.items[0].unit->id, 4);
	assert_int_equal(report_ready_wait(&r.items[0])->max, 500 * US);
	report_free(&r);
}

static char *printed(const struct fixture *f, enum report_by by, size_t top, bool json)
{
	char *text = NULL;
	struct report r;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_int_equal(report_make(&r, &f->a, by, NULL), 0);
	if (json)
		report_json(out, &r, &f->trace, &f->a, top);
	else
		assert_int_equal(report_print(out, &r, &f->trace, &f->a, top), 0);
	fclose(out);
	report_free(&r);
	return text;
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no '%s' in:\n%s", part, text);
}

static void clock_is(const struct trace *t, const char *line)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	view_clock_line(f, t);
	fclose(f);
	assert_string_equal(text, line);
	free(text);
}

/* Which clock, and how well it is known; never more than was measured. */
static void clock_line(void **state)
{
	struct trace t = { .clock = WEFT_CLOCK_TSC,
			   .clock_freq = 2500000000,
			   .clock_nominal = 2501000000,
			   .clock_measured = true,
			   .clock_freq_error_ppb = 300 };

	(void)state;
	clock_is(&t, "clock: the CPU's counter, 2,500,000,000 Hz, measured to 0.3 ppm of "
		     "CLOCK_MONOTONIC (nominal: +400 ppm)\n");
	t.clock_measured = false;
	clock_is(&t, "clock: the CPU's counter, 2,500,000,000 Hz, nominal, within 0.3 ppm of "
		     "CLOCK_MONOTONIC\n");
	t.clock_freq_error_ppb = WEFT_UNKNOWN;
	clock_is(&t, "clock: the CPU's counter, 2,500,000,000 Hz, nominal, not measured\n");
	t.clock = WEFT_CLOCK_MONOTONIC;
	t.clock_real_moved = -1500000;
	clock_is(&t,
		 "clock: CLOCK_MONOTONIC, in ns; meanwhile CLOCK_REALTIME was set back by 1.50 ms\n");
}

static void text_says_it_all(void **state)
{
	struct fixture *f = *state;
	char *text = printed(f, REPORT_TREE, 0, false), *line, *rest;

	has(text, "Linux 6.1.0, kmod, clock monotonic, 2 CPUs\n");
	has(text, "dir (prog): 60.0 us, 12,345 events, 0 lost");
	has(text, "read 50.0 us x7, page fault 40.0 us x1");
	has(text, "1,234,567");
	has(text, "250 ns");
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		assert_true(strlen(line) <= VIEW_WIDTH);
	free(text);
	text = printed(f, REPORT_UNIT, 1, false);
	has(text, "worker");
	has(text, "1 more, with --all");
	assert_null(strstr(text, "hog"));
	free(text);
}

/* A hook that was not there, or a group that was not recorded, gives no figure: neither 0 nor any. */
static void missing_is_no_zero(void **state)
{
	struct fixture *f = *state;
	char *text;

	f->trace.hooks &= ~(1ull << WEFT_HOOK_sched_migrate_task);
	f->trace.groups &= ~(uint32_t)WEFT_GROUP_FAULT;
	text = printed(f, REPORT_PROCESS, 1, true);
	has(text, "\"migrations\": null");
	has(text, "\"faults_minor\": null");
	has(text, "\"fault_ns\": null");
	has(text, "\"maps\": 0");
	has(text, "\"switches_voluntary\": 7");
	free(text);
	f->trace.hooks = 0;
	text = printed(f, REPORT_THREAD, 0, false);
	has(text, "single   20  60.0 us       -        -        -\n");
	free(text);
}

/* Without marks: each unit by its id, what the word only suggests apart, and what it can't tell missing. */
static void seen_by_the_word_only(void **state)
{
	struct fixture *f = *state;
	char *text;
	int i;

	for (i = 0; i < 4; i++) {
		struct acct_unit *u = &f->unit[i];

		u->marks = false;
		u->name[0] = '\0';
		u->kind = WEFT_UNIT_OTHER;
		u->state[ACCT_UNKNOWN] = u->state[ACCT_READY];
		u->state[ACCT_READY] = 0;
		u->oncpu_by_word = u->state[ACCT_ONCPU] / 4;
	}
	text = printed(f, REPORT_UNIT, 0, false);
	has(text, "the units have no marks (-p and -a record none)");
	has(text, "on-CPU  by word  waiting  blocked  ready  suspended");
	has(text,
	    "4         1  unit   10   514 us  10.5 us  3.50 us     0 ns     0 ns      -          -");
	assert_null(strstr(text, "TIME OF ONE UNIT"));
	free(text);
	text = printed(f, REPORT_UNIT, 0, true);
	has(text, "\"units\": 1,");
	has(text, "\"id\": 4,");
	has(text, "\"marks\": false");
	has(text, "\"oncpu_ns\": 14000,");
	has(text, "\"oncpu_by_word_ns\": 3500,");
	has(text, "\"ready_ns\": null");
	has(text, "\"suspended\": null");
	has(text, "\"resumes\": null");
	free(text);
	f->unit[0].marks = true;
	text = printed(f, REPORT_UNIT, 0, false);
	has(text, "some units have no marks");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_tree_has_threads_below_their_process, setup,
						teardown),
		cmocka_unit_test_setup_teardown(sorting, setup, teardown),
		cmocka_unit_test_setup_teardown(units_of_one_name_are_a_group, setup, teardown),
		cmocka_unit_test(clock_line),
		cmocka_unit_test_setup_teardown(text_says_it_all, setup, teardown),
		cmocka_unit_test_setup_teardown(missing_is_no_zero, setup, teardown),
		cmocka_unit_test_setup_teardown(seen_by_the_word_only, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
