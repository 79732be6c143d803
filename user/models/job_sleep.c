// SPDX-License-Identifier: GPL-2.0-only
/* The job "sleep": N units that wait, again and again, for a millisecond. */
#include "coroutine.h"
#include "job.h"
#include "units.h"

#define WAIT 1000000 /* ns */

struct sleeper {
	uint64_t waits; /* per unit */
};

static const char *const name = "sleeper";

/* What shows that the unit has waited as often as it should. */
static void awake(struct unit *u)
{
	u->ops++;
	u->result += job_mix(u->nr << 32 | u->ops);
}

/* A process or thread sleeps in the kernel, each on its own. */
static int body(struct unit *u)
{
	const struct sleeper *s = u->job;

	while (u->ops < s->waits) {
		timer_sleep_until(timer_now() + WAIT);
		awake(u);
	}
	return 0;
}

/* A task leaves its worker while it waits. It is called once to begin and after each wait. */
static enum task_step step(struct task *t)
{
	struct unit *u = task_unit(t);
	const struct sleeper *s = u->job;

	if (u->ops == s->waits)
		return TASK_DONE;
	awake(u);
	task_sleep(t, WAIT);
	return TASK_WAIT;
}

/*
 * A coroutine leaves the thread to the others; when all wait, the scheduler sleeps once for all of
 * them.
 */
static int coroutine_body(struct unit *u)
{
	const struct sleeper *s = u->job;

	while (u->ops < s->waits) {
		coroutine_sleep(WAIT);
		awake(u);
	}
	return 0;
}

static int sleep_processes(const struct job_opts *o, struct job_result *r, char *errbuf, size_t len)
{
	struct sleeper s = { .waits = o->ops };

	return processes_run(o, &(struct units_opts){ .job = &s }, body, r, errbuf, len);
}

static int sleep_threads(const struct job_opts *o, struct job_result *r, char *errbuf, size_t len)
{
	struct sleeper s = { .waits = o->ops };

	return threads_run(o, &(struct units_opts){ .job = &s }, body, r, errbuf, len);
}

static int sleep_tasks(const struct job_opts *o, struct job_result *r, char *errbuf, size_t len)
{
	struct sleeper s = { .waits = o->ops };

	return tasks_run(o, &(struct units_opts){ { name, name }, .job = &s }, step, r, errbuf,
			 len);
}

static int sleep_coroutines(const struct job_opts *o, struct job_result *r, char *errbuf,
			    size_t len)
{
	struct sleeper s = { .waits = o->ops };

	return coroutines_run(o, &(struct units_opts){ { name, name }, .job = &s }, coroutine_body,
			      r, errbuf, len);
}

const struct job job_sleep = {
	.name = "sleep",
	.what = "N units that wait for 1 ms, several times",
	.op = "wait of 1 ms",
	.default_units = { 64, 64, 64, 64 },
	.default_ops = 10,
	.run = { sleep_processes, sleep_threads, sleep_tasks, sleep_coroutines },
};
