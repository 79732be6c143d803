// SPDX-License-Identifier: GPL-2.0-only
/*
 * N units as processes, as threads, as tasks and as coroutines. The four functions at the end do
 * the same in the same order: start all, stop at the peak if somebody wants to look, reap all, add
 * up.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <weft/unit.h>
#include "coroutine.h"
#include "job.h"
#include "process.h"
#include "units.h"

static void unit_init(struct unit *unit, uint64_t nr, const struct job_opts *o,
		      const struct units_opts *u, int (*body)(struct unit *u), struct gate *gate)
{
	*unit = (struct unit){
		.nr = nr,
		.job = u->job,
		.body = body,
		.gate = gate,
		.stop = u->halfway && o->at_peak,
	};
}

/* Shows the peak; returns how long that took, which is no part of the job. */
static uint64_t show_peak(const struct job_opts *o)
{
	uint64_t start = timer_now();

	o->at_peak(o->at_peak_arg);
	return timer_now() - start;
}

/*
 * Adds up what the units gave back; the first of them is at `unit`, the next `stride` bytes
 * further.
 */
static int add_up(const struct unit *unit, size_t stride, uint64_t nr, struct job_result *r,
		  char *errbuf, size_t len)
{
	uint64_t i;

	r->units = nr;
	for (i = 0; i < nr; i++, unit = (const struct unit *)((const char *)unit + stride)) {
		if (unit->err)
			return job_error(errbuf, len, unit->err, NULL, "unit %lu of %lu failed",
					 i + 1, nr);
		r->ops += unit->ops;
		r->check += unit->result;
	}
	return 0;
}

/* ---- processes ---- */

static int process_main(void *arg)
{
	struct unit *unit = arg;
	int err;

	if (unit->gate && !unit->stop && !gate_pass(unit->gate))
		return -ECANCELED;
	err = unit->body(unit);
	if (err && unit->gate)
		gate_cancel(unit->gate);
	return err;
}

static bool processes_alive(void *arg)
{
	return processes_check(arg);
}

static int process_failed(int status, char *errbuf, size_t len)
{
	if (WIFSIGNALED(status))
		return job_error(errbuf, len, -EINTR,
				 WTERMSIG(status) == SIGKILL ?
					 "if memory ran out, try fewer (--units)" :
					 NULL,
				 "a process was killed by signal %d (%s)", WTERMSIG(status),
				 strsignal(WTERMSIG(status)));
	return job_error(errbuf, len, -WEXITSTATUS(status), NULL, "a process failed");
}

int processes_run(const struct job_opts *o, const struct units_opts *u, int (*body)(struct unit *u),
		  struct job_result *r, char *errbuf, size_t len)
{
	size_t size = sizeof(struct gate) + o->units * sizeof(struct unit);
	struct gate *gate = shared_alloc(size);
	uint64_t i, start, peak = 0;
	struct processes p;
	struct unit *unit;
	int err;

	if (!gate)
		return job_no_memory(errbuf, len, o->units);
	unit = (struct unit *)(gate + 1);
	gate_init(gate, true);
	if (processes_init(&p, o->units)) {
		shared_free(gate, size);
		return job_no_memory(errbuf, len, o->units);
	}
	start = timer_now();
	for (i = 0; i < o->units; i++) {
		unit_init(&unit[i], i, o, u, body, o->at_peak ? gate : NULL);
		err = process_start(&p, process_main, &unit[i]);
		if (err) {
			job_error(errbuf, len, err,
				  "try fewer (--units), or raise ulimit -u, kernel.pid_max or the "
				  "cgroup's pids.max",
				  "cannot start process %lu of %lu", i + 1, o->units);
			goto out;
		}
	}
	if (o->at_peak) {
		if (gate_await(gate, (uint32_t)o->units, processes_alive, &p))
			peak = show_peak(o);
		gate_open(gate);
	}
	err = processes_wait(&p);
	r->wall_ns = timer_now() - start - peak;
	r->kernel_units = o->units;
	if (err)
		err = process_failed(p.status, errbuf, len);
	else
		err = add_up(unit, sizeof(*unit), o->units, r, errbuf, len);
out:
	processes_destroy(&p);
	shared_free(gate, size);
	return err;
}

/* ---- threads ---- */

static void *thread_main(void *arg)
{
	struct unit *unit = arg;

	if (unit->gate && !unit->stop && !gate_pass(unit->gate)) {
		unit->err = -ECANCELED;
		return NULL;
	}
	unit->err = unit->body(unit);
	if (unit->err && unit->gate)
		gate_cancel(unit->gate);
	return NULL;
}

int threads_run(const struct job_opts *o, const struct units_opts *u, int (*body)(struct unit *u),
		struct job_result *r, char *errbuf, size_t len)
{
	struct unit *unit = calloc(o->units, sizeof(*unit));
	pthread_t *thread = calloc(o->units, sizeof(*thread));
	uint64_t i, nr, start, peak = 0;
	struct gate gate;
	int err = 0;

	if (!unit || !thread) {
		err = job_no_memory(errbuf, len, o->units);
		goto out;
	}
	gate_init(&gate, false);
	start = timer_now();
	for (nr = 0; nr < o->units; nr++) {
		unit_init(&unit[nr], nr, o, u, body, o->at_peak || u->together ? &gate : NULL);
		err = -pthread_create(&thread[nr], NULL, thread_main, &unit[nr]);
		if (err) {
			job_error(errbuf, len, err,
				  "try fewer (--units), or raise ulimit -u, ulimit -v, "
				  "kernel.threads-max, "
				  "vm.max_map_count or the cgroup's pids.max",
				  "cannot start thread %lu of %lu", nr + 1, o->units);
			gate_cancel(&gate);
			break;
		}
	}
	if (!err && o->at_peak && gate_await(&gate, (uint32_t)nr, NULL, NULL))
		peak = show_peak(o);
	gate_open(&gate);
	for (i = 0; i < nr; i++)
		pthread_join(thread[i], NULL);
	r->wall_ns = timer_now() - start - peak;
	r->kernel_units = nr;
	if (!err)
		err = add_up(unit, sizeof(*unit), nr, r, errbuf, len);
out:
	free(thread);
	free(unit);
	return err;
}

/* ---- tasks ---- */

/* All have arrived in the middle: looks, and lets them go. */
static uint64_t tasks_peak(const struct job_opts *o, struct pool *pool, struct task_unit *unit)
{
	uint64_t i, peak;

	for (i = 0; i < o->units; i++)
		future_wait(pool, &unit[i].here);
	peak = show_peak(o);
	for (i = 0; i < o->units; i++)
		future_set(&unit[i].go, 0);
	return peak;
}

int tasks_run(const struct job_opts *o, const struct units_opts *u,
	      enum task_step (*step)(struct task *t), struct job_result *r, char *errbuf,
	      size_t len)
{
	bool held = o->at_peak && !u->halfway;
	struct task_unit *unit = calloc(o->units, sizeof(*unit));
	uint64_t i, start, peak = 0;
	struct pool *pool;
	int err;

	if (!unit)
		return job_no_memory(errbuf, len, o->units);
	pool = pool_create((uint32_t)o->workers, held);
	if (!pool) {
		err = job_error(errbuf, len, -errno, "try fewer (--workers)",
				"cannot start %lu workers", o->workers);
		goto out;
	}
	start = timer_now();
	for (i = 0; i < o->units; i++) {
		unit_init(&unit[i].unit, i, o, u, NULL, NULL);
		task_spawn(pool, &unit[i].task, step, u->name[i % 2]);
	}
	if (held) {
		peak = show_peak(o);
		pool_release(pool);
	} else if (o->at_peak) {
		peak = tasks_peak(o, pool, unit);
	}
	for (i = 0; i < o->units; i++)
		task_join(&unit[i].task);
	r->wall_ns = timer_now() - start - peak;
	r->user_units = o->units;
	r->workers = o->workers;
	pool_destroy(pool);
	err = add_up(&unit->unit, sizeof(*unit), o->units, r, errbuf, len);
out:
	free(unit);
	return err;
}

/* ---- coroutines ---- */

static uint64_t coroutine_main(void *arg)
{
	struct unit *unit = arg;

	unit->err = unit->body(unit);
	return 0;
}

int coroutines_run(const struct job_opts *o, const struct units_opts *u,
		   int (*body)(struct unit *u), struct job_result *r, char *errbuf, size_t len)
{
	struct unit *unit = calloc(o->units, sizeof(*unit));
	struct coroutine **c = calloc(o->units, sizeof(struct coroutine *));
	uint64_t i, left, start, peak = 0;
	struct scheduler s;
	int err = 0;

	scheduler_init(&s, SCHEDULER_FP_KEPT);
	if (!unit || !c) {
		err = job_no_memory(errbuf, len, o->units);
		goto out;
	}
	start = timer_now();
	for (i = 0; i < o->units; i++) {
		unit_init(&unit[i], i, o, u, body, NULL);
		c[i] = coroutine_create(&s, coroutine_main, &unit[i], u->name[i % 2]);
		if (!c[i]) {
			err = job_error(errbuf, len, -ENOMEM,
					"try fewer (--units), or raise ulimit -v",
					"cannot make the stack of coroutine %lu of %lu", i + 1,
					o->units);
			goto out;
		}
	}
	if (o->at_peak && !u->halfway)
		peak = show_peak(o);
	left = scheduler_run(&s);
	if (left && o->at_peak && u->halfway) {
		peak = show_peak(o);
		for (i = 0; i < o->units; i++)
			if (!c[i]->done)
				coroutine_wake(c[i]);
		left = scheduler_run(&s);
	}
	if (left) {
		err = job_error(errbuf, len, -EDEADLK, NULL,
				"%lu coroutines wait and nobody wakes them", left);
		goto out;
	}
	for (i = 0; i < o->units; i++)
		coroutine_join(c[i]);
	r->wall_ns = timer_now() - start - peak;
	r->user_units = o->units;
	r->workers = 1;
	r->unguarded = s.stacks.unguarded;
	err = add_up(unit, sizeof(*unit), o->units, r, errbuf, len);
out:
	scheduler_destroy(&s);
	free(c);
	free(unit);
	return err;
}
