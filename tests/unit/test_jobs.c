// SPDX-License-Identifier: GPL-2.0-only
/* The jobs under the four models: the same result, the peak, and what is refused or goes wrong. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "models/model.h"
#include "models/timer.h"

static char errbuf[512];

static int run(const char *job, enum model m, struct job_opts o, struct job_result *r)
{
	errbuf[0] = '\0';
	return job_run(job_by_name(job), m, &o, r, errbuf, sizeof(errbuf));
}

static void no_children_left(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void count_peak(void *arg)
{
	++*(int *)arg;
}

static void test_all_models_agree(void **state)
{
	const struct job *const *j;
	int m, with_peak;

	for (j = jobs; *j; j++) {
		struct job_result first = { 0 }, r;

		for (m = 0; m < MODEL_NR; m++)
			for (with_peak = 0; with_peak < 2; with_peak++) {
				int peaks = 0;
				struct job_opts o = {
					.units = (*j)->default_units[m] < 6 ? 0 : 6,
					.ops = (*j)->default_ops ? 5 : 0,
					.bytes = (*j)->default_bytes ? 65536 : 0,
					.at_peak = with_peak ? count_peak : NULL,
					.at_peak_arg = &peaks,
				};

				assert_int_equal(run((*j)->name, (enum model)m, o, &r), 0);
				if (!m && !with_peak)
					first = r;
				assert_true(r.check == first.check && r.check);
				assert_int_equal(r.ops, first.ops);
				assert_int_equal(r.units, o.units ? o.units : 2);
				assert_int_equal(r.kernel_units + r.user_units, r.units);
				assert_int_equal(r.kernel_units, m <= MODEL_THREAD ? r.units : 0);
				assert_true(r.wall_ns > 0);
				assert_int_equal(peaks, with_peak);
				no_children_left();
			}
	}
}

static void test_result_depends_on_options(void **state)
{
	struct job_result a, b;

	assert_int_equal(run("ring", MODEL_COROUTINE, (struct job_opts){ .units = 3, .ops = 5 },
			     &a),
			 0);
	assert_int_equal(run("ring", MODEL_COROUTINE, (struct job_opts){ .units = 5, .ops = 3 },
			     &b),
			 0);
	assert_int_equal(a.ops, b.ops);
	assert_true(a.check != b.check);
}

/* At the peak there are as many processes, or threads, as units. */
struct census {
	enum model model;
	uint64_t found;
};

static void take_census(void *arg)
{
	struct census *c = arg;
	const char *path = c->model == MODEL_PROCESS ? "/proc/self/task/%d/children" :
						       "/proc/self/status";
	char name[64], line[256];
	uint64_t pid;
	FILE *f;

	c->found = 0;
	snprintf(name, sizeof(name), path, getpid());
	f = fopen(name, "re");
	assert_non_null(f);
	if (c->model == MODEL_PROCESS)
		while (fscanf(f, "%lu", &pid) == 1)
			c->found++;
	else
		while (fgets(line, sizeof(line), f))
			sscanf(line, "Threads: %lu", &c->found);
	fclose(f);
}

static void test_all_exist_at_the_peak(void **state)
{
	const char *const names[] = { "create", "ring", "touch", "sleep" };
	struct job_result r;
	size_t i;
	struct census c;

	for (i = 0; i < 4; i++) {
		struct job_opts o = { .units = 20, .at_peak = take_census, .at_peak_arg = &c };
		uint64_t own;

		c.model = MODEL_PROCESS;
		assert_int_equal(run(names[i], MODEL_PROCESS, o, &r), 0);
		assert_int_equal(c.found, 20);
		c.model = MODEL_THREAD;
		take_census(&c);
		own = c.found;
		assert_int_equal(run(names[i], MODEL_THREAD, o, &r), 0);
		assert_int_equal(c.found, own + 20);
		assert_int_equal(run(names[i], MODEL_COROUTINE, o, &r), 0);
		assert_int_equal(c.found, own);
	}
}

static void nap(void *arg)
{
	usleep(50000);
}

static void test_the_peak_is_no_part_of_the_job(void **state)
{
	struct job_result r;
	uint64_t start;
	int m;

	for (m = 0; m < MODEL_NR; m++) {
		start = timer_now();
		assert_int_equal(run("touch", (enum model)m,
				     (struct job_opts){ .units = 2, .bytes = 4096, .at_peak = nap },
				     &r),
				 0);
		assert_true(timer_now() - start >= r.wall_ns + 50000000);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *job;
		enum model model;
		struct job_opts o;
		int err;
	} bad[] = {
		{ "create", MODEL_PROCESS, { .units = 100000000 }, -ERANGE },
		{ "create", MODEL_THREAD, { .units = UINT64_MAX }, -ERANGE },
		{ "create", MODEL_TASK, { .units = UINT64_MAX }, -ERANGE },
		{ "create", MODEL_COROUTINE, { .units = UINT64_MAX / 2 }, -ERANGE },
		{ "touch", MODEL_PROCESS, { .bytes = UINT64_MAX }, -ERANGE },
		{ "touch", MODEL_TASK, { .units = 1 << 20, .bytes = 1ull << 40 }, -ERANGE },
		{ "create", MODEL_THREAD, { .ops = 2 }, -EINVAL },
		{ "create", MODEL_THREAD, { .bytes = 2 }, -EINVAL },
		{ "switch", MODEL_THREAD, { .units = 1 }, -EINVAL },
		{ "switch", MODEL_PROCESS, { .units = 3 }, -EINVAL },
		{ "share", MODEL_PROCESS, { .units = 3 }, -EINVAL },
		{ "share", MODEL_TASK, { .bytes = 12 }, -EINVAL },
		{ "compute", MODEL_COROUTINE, { .workers = 2 }, -EINVAL },
		{ "compute", MODEL_TASK, { .workers = 1000000 }, -EINVAL },
	};
	struct job_result r;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(run(bad[i].job, bad[i].model, bad[i].o, &r), bad[i].err);
		assert_true(strlen(errbuf) > 0 && !strchr(errbuf, '\n'));
	}
	assert_null(job_by_name("nothing"));
	assert_int_equal(model_by_name("nothing"), -1);
}

/* Kills one of the processes that wait. */
static void kill_one(void *arg)
{
	char name[64];
	int pid, nr = 0;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/self/task/%d/children", getpid());
	f = fopen(name, "re");
	assert_non_null(f);
	while (nr < 5 && fscanf(f, "%d", &pid) == 1)
		nr++;
	fclose(f);
	assert_int_equal(nr, 5);
	kill(pid, SIGKILL);
}

static void test_a_killed_process_ends_the_job(void **state)
{
	static const char *const names[] = { "create", "ring", "share", "touch" };
	struct job_result r;
	size_t i;

	for (i = 0; i < 4; i++) {
		assert_int_not_equal(run(names[i], MODEL_PROCESS,
					 (struct job_opts){ .units = 10, .at_peak = kill_one }, &r),
				     0);
		assert_non_null(strstr(errbuf, "killed by signal 9"));
		no_children_left();
	}
}

/* As a user who may have no more than 20 processes and threads. */
static void test_too_many_for_the_user(void **state)
{
	static const char *const names[] = { "create", "ring", "sleep", "touch" };
	int m, status;
	size_t i;
	pid_t pid;

	if (getuid())
		skip();
	pid = fork();
	if (!pid) {
		const struct rlimit limit = { 20, 20 };
		struct job_result r;
		int bad = 0;

		alarm(60);
		if (setrlimit(RLIMIT_NPROC, &limit) || setresuid(64001, 64001, 64001))
			_exit(100);
		for (m = MODEL_PROCESS; m <= MODEL_THREAD; m++)
			for (i = 0; i < 8; i++) {
				int peaks = 0;
				struct job_opts o = {
					.units = 100,
					.at_peak = i >= 4 ? count_peak : NULL,
					.at_peak_arg = &peaks,
				};

				/*
				 * Those that do not wait for each other may end before the limit is
				 * reached.
				 */
				if (i < 4 && strcmp(names[i], "ring"))
					continue;
				bad += run(names[i % 4], (enum model)m, o, &r) != -EAGAIN;
				bad += !strstr(errbuf, "ulimit -u") || peaks;
				bad += waitpid(-1, NULL, WNOHANG) != -1;
			}
		bad += run("create", MODEL_TASK, (struct job_opts){ .workers = 100 }, &r) !=
		       -EAGAIN;
		_exit(bad);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* No process outlives the one that started it. */
static void test_nobody_is_left_behind(void **state)
{
	uint64_t end;
	char byte;
	int fd[2];
	pid_t pid;

	assert_int_equal(pipe(fd), 0);
	pid = fork();
	if (!pid) {
		struct job_result r;

		close(fd[0]);
		run("sleep", MODEL_PROCESS, (struct job_opts){ .units = 10, .ops = 1000000 }, &r);
		_exit(0);
	}
	close(fd[1]);
	usleep(100000);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	/* The pipe ends when the last one who has it has gone. */
	end = timer_now() + 5000000000;
	assert_int_equal(read(fd[0], &byte, 1), 0);
	assert_true(timer_now() < end);
	close(fd[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_models_agree),
		cmocka_unit_test(test_result_depends_on_options),
		cmocka_unit_test(test_all_exist_at_the_peak),
		cmocka_unit_test(test_the_peak_is_no_part_of_the_job),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_a_killed_process_ends_the_job),
		cmocka_unit_test(test_too_many_for_the_user),
		cmocka_unit_test(test_nobody_is_left_behind),
	};

	return cmocka_run_group_tests_name("jobs", tests, NULL, NULL);
}
