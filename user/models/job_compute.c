// SPDX-License-Identifier: GPL-2.0-only
/* The job "compute": work for the CPU only, split over N units. */
#include "coroutine.h"
#include "job.h"
#include "units.h"

#define BLOCK 1000 /* numbers mixed in one operation: a few microseconds */

struct compute {
	uint64_t blocks; /* per unit */
};

static void compute_block(struct unit *u)
{
	uint64_t i, x = u->result ^ u->nr;

	for (i = 0; i < BLOCK; i++)
		x = job_mix(x);
	u->result = x;
	u->ops++;
}

/* In a process or a thread the kernel sees to it that everybody has a turn. */
static int body(struct unit *u)
{
	const struct compute *c = u->job;

	while (u->ops < c->blocks)
		compute_block(u);
	return 0;
}

/* A task keeps its worker as long as it computes. */
static enum task_step step(struct task *t)
{
	body(task_unit(t));
	return TASK_DONE;
}

/* A coroutine that never yields would keep all others of its thread waiting. */
static int coroutine_body(struct unit *u)
{
	const struct compute *c = u->job;

	while (u->ops < c->blocks) {
		compute_block(u);
		coroutine_yield();
	}
	return 0;
}

static int compute_processes(const struct job_opts *o, struct job_result *r, char *errbuf,
			     size_t len)
{
	struct compute c = { .blocks = o->ops };

	return processes_run(o, &(struct units_opts){ .job = &c }, body, r, errbuf, len);
}

static int compute_threads(const struct job_opts *o, struct job_result *r, char *errbuf, size_t len)
{
	struct compute c = { .blocks = o->ops };

	return threads_run(o, &(struct units_opts){ .job = &c }, body, r, errbuf, len);
}

static int compute_tasks(const struct job_opts *o, struct job_result *r, char *errbuf, size_t len)
{
	struct compute c = { .blocks = o->ops };

	return tasks_run(o, &(struct units_opts){ { "worker", "worker" }, .job = &c }, step, r,
			 errbuf, len);
}

static int compute_coroutines(const struct job_opts *o, struct job_result *r, char *errbuf,
			      size_t len)
{
	struct compute c = { .blocks = o->ops };

	return coroutines_run(o, &(struct units_opts){ { "worker", "worker" }, .job = &c },
			      coroutine_body, r, errbuf, len);
}

const struct job job_compute = {
	.name = "compute",
	.what = "work for the CPU only, split over N units",
	.op = "block of 1000 numbers mixed",
	.default_units = { 8, 8, 8, 8 },
	.default_ops = 1000,
	.run = { compute_processes, compute_threads, compute_tasks, compute_coroutines },
};
