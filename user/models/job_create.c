// SPDX-License-Identifier: GPL-2.0-only
/* The job "create": starts, finishes and reaps N units that do next to nothing. */
#include "job.h"
#include "units.h"

static const struct units_opts units = { .name = { "unit", "unit" } };

/* The same function, whether called in a process, a thread or a coroutine. */
static int body(struct unit *u)
{
	u->result = job_mix(u->nr);
	u->ops = 1;
	return 0;
}

static enum task_step step(struct task *t)
{
	body(task_unit(t));
	return TASK_DONE;
}

static int create_processes(const struct job_opts *o, struct job_result *r, char *errbuf,
			    size_t len)
{
	return processes_run(o, &units, body, r, errbuf, len);
}

static int create_threads(const struct job_opts *o, struct job_result *r, char *errbuf, size_t len)
{
	return threads_run(o, &units, body, r, errbuf, len);
}

static int create_tasks(const struct job_opts *o, struct job_result *r, char *errbuf, size_t len)
{
	return tasks_run(o, &units, step, r, errbuf, len);
}

static int create_coroutines(const struct job_opts *o, struct job_result *r, char *errbuf,
			     size_t len)
{
	return coroutines_run(o, &units, body, r, errbuf, len);
}

const struct job job_create = {
	.name = "create",
	.what = "start, finish and reap N units",
	.op = "unit created, run and reaped",
	.default_units = { 256, 256, 256, 256 },
	.run = { create_processes, create_threads, create_tasks, create_coroutines },
};
