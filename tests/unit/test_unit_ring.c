// SPDX-License-Identifier: GPL-2.0-only
/* Draining unit rings: of programs that behave, and of those that die. */
#include "recorded_units.h"

#define MARKS 100000

static void many_marks(void)
{
	uint64_t id = weft_unit_create(WEFT_UNIT_COROUTINE, "many", 0);
	int i;

	for (i = 0; i < MARKS; i++) {
		weft_unit_resume(id);
		weft_unit_suspend(WEFT_WAIT_YIELD, i);
	}
	weft_unit_resume(id);
	weft_unit_exit();
}

static void all_marks_arrive(uint32_t clock)
{
	struct unit_rings *u = create(clock);
	uint64_t before, after, events, lost, bytes, error;
	struct seen s;
	int64_t word;
	pid_t tgid;

	before = clock == WEFT_CLOCK_TSC ? clock_tsc() : clock_monotonic();
	assert_int_equal(record(u, many_marks), 0);
	after = clock == WEFT_CLOCK_TSC ? clock_tsc() : clock_monotonic();
	s = see();
	assert_int_equal(s.id[WEFT_EV_unit_create], 1);
	assert_int_equal(s.id[WEFT_EV_unit_resume], MARKS + 1);
	assert_int_equal(s.id[WEFT_EV_unit_suspend], MARKS);
	assert_int_equal(s.id[WEFT_EV_unit_exit], 1);
	assert_int_equal(s.records, 2 * MARKS + 3);
	assert_int_equal(s.lost, 0);
	unit_rings_stat(u, &events, &lost, &bytes, &error);
	assert_int_equal(events, s.records);
	assert_int_equal(lost, 0);
	assert_true(bytes >= events * 24);
	assert_true(clock == WEFT_CLOCK_TSC || error < 1000000);
	assert_true(s.first + error >= before && s.last <= after + error);
	assert_int_equal(unit_rings_word(u, &tgid, &word), 1);
	assert_int_equal(tgid, s.tgid);
	assert_int_equal(word, weft_unit_tp_offset_());
	assert_int_equal(unit_rings_word(u, &tgid, &word), 0);
	assert_in_range(unit_rings_wait_ms(u), 1, 100);
	unit_rings_free(u);
}

static void test_all_marks_tsc(void **state)
{
	(void)state;
	if (!clock_tsc_usable())
		skip();
	all_marks_arrive(WEFT_CLOCK_TSC);
}

static void test_all_marks_monotonic(void **state)
{
	(void)state;
	all_marks_arrive(WEFT_CLOCK_MONOTONIC);
}

static void *short_thread(void *arg)
{
	weft_unit_resume((uintptr_t)arg);
	weft_unit_suspend(WEFT_WAIT_YIELD, 0);
	return NULL;
}

static void thousands_of_threads(void)
{
	uintptr_t i;
	pthread_t t;

	for (i = 1; i <= 3000; i++) {
		if (pthread_create(&t, NULL, short_thread, (void *)i))
			_exit(1);
		pthread_join(t, NULL);
	}
}

static void test_thousands_of_threads(void **state)
{
	struct unit_rings *u = create(WEFT_CLOCK_MONOTONIC);
	struct seen s;

	(void)state;
	assert_int_equal(record(u, thousands_of_threads), 0);
	s = see();
	assert_int_equal(s.records, 6000);
	assert_int_equal(s.resumed, 3000 * 3001 / 2);
	assert_in_range(s.streams, 1, 10);
	unit_rings_free(u);
}

static void many_processes(void)
{
	int i;

	for (i = 0; i < 200; i++) {
		pid_t pid = fork();

		if (!pid) {
			weft_unit_resume(5);
			weft_unit_exit();
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
}

static unsigned int descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void test_processes_and_their_end(void **state)
{
	struct unit_rings *u = create(WEFT_CLOCK_MONOTONIC);
	unsigned int before = descriptors();
	char path[128];
	struct seen s;

	(void)state;
	assert_int_equal(record(u, many_processes), 0);
	s = see();
	assert_int_equal(s.streams, 200);
	assert_int_equal(s.records, 400);
	/* What the dead left is closed: all that stays open is the trace's directory. */
	assert_in_range(descriptors(), before, before + 1);
	snprintf(path, sizeof(path), "%s", ring_dir(u));
	assert_int_equal(access(path, F_OK), 0);
	unit_rings_free(u);
	assert_int_equal(access(path, F_OK), -1);
}

static void killed_in_the_middle(void)
{
	int i;

	for (i = 0; i < 1000; i++)
		weft_unit_resume(9);
	raise(SIGKILL);
}

static void test_sigkill(void **state)
{
	struct unit_rings *u = create(WEFT_CLOCK_MONOTONIC);
	struct seen s;

	(void)state;
	assert_int_equal(record(u, killed_in_the_middle), SIGKILL);
	s = see();
	assert_int_equal(s.records, 1000);
	unit_rings_free(u);
}

/* Nobody drains while it runs: what did not fit is told, in the stream and in the counters. */
static void test_losses(void **state)
{
	struct unit_rings *u = create(WEFT_CLOCK_MONOTONIC);
	uint64_t lost;
	struct seen s;
	pid_t pid;
	int i;

	(void)state;
	pid = fork();
	if (!pid) {
		if (unit_rings_attach_self(u))
			_exit(1);
		for (i = 0; i < 1200000; i++)
			weft_unit_resume(1);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	assert_true(unit_rings_drain(u, out, uuid, true) > 0);
	s = see();
	assert_int_equal(s.id[WEFT_EV_unit_resume] + s.lost, 1200000);
	assert_true(s.lost > 0);
	unit_rings_stat(u, NULL, &lost, NULL, NULL);
	assert_int_equal(lost, s.lost);
	unit_rings_free(u);
}

static void test_nothing_to_say(void **state)
{
	struct unit_rings *u = create(WEFT_CLOCK_MONOTONIC);

	(void)state;
	assert_int_equal(unit_rings_drain(u, out, uuid, false), 0);
	assert_int_equal(unit_rings_drain(u, out, uuid, true), 0);
	assert_int_equal(access(out, F_OK), -1);
	unit_rings_free(u);
}

/* ---- A disk that is full ---- */

static void test_full_disk(void **state)
{
	struct unit_rings *u = create(WEFT_CLOCK_MONOTONIC);
	struct rlimit lim, none;
	struct seen s;
	pid_t pid;
	int i, err;

	(void)state;
	pid = fork();
	if (!pid) {
		if (unit_rings_attach_self(u))
			_exit(1);
		for (i = 0; i < 5000; i++)
			weft_unit_resume(1);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &lim);
	none = lim;
	none.rlim_cur = 8192;
	setrlimit(RLIMIT_FSIZE, &none);
	err = unit_rings_drain(u, out, uuid, true);
	setrlimit(RLIMIT_FSIZE, &lim);
	assert_true(err == -EFBIG || err == -ENOSPC);
	assert_int_equal(see().records, 0);
	/* Nothing was lost by that: there is space again. */
	assert_true(unit_rings_drain(u, out, uuid, true) > 0);
	s = see();
	assert_int_equal(s.id[WEFT_EV_unit_resume], 5000);
	assert_int_equal(s.id[WEFT_EV_unit_invalid], 0);
	unit_rings_free(u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_all_marks_tsc),
		test(test_all_marks_monotonic),
		test(test_thousands_of_threads),
		test(test_processes_and_their_end),
		test(test_sigkill),
		test(test_losses),
		test(test_nothing_to_say),
		test(test_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
