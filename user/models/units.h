/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How N units of each model are started, brought to their peak, and reaped. A job says what one
 * unit does; units.c has the four ways to run it, one below the other.
 */
#ifndef WEFT_USER_UNITS_H
#define WEFT_USER_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "gate.h"
#include "model.h"
#include "task.h"

/* One unit of a job: what it is given, and what it gives back. */
struct unit {
	uint64_t nr; /* from 0 */
	void *job;
	int (*body)(struct unit *u);
	struct gate *gate; /* of processes and threads; may be NULL */
	/*
	 * The unit has to stop in the middle, when it uses most: a process or thread passes `gate`,
	 * a coroutine suspends itself (WEFT_WAIT_OTHER), a task sets its `here` and takes its `go`.
	 */
	bool stop;
	int err;	 /* 0 or a negative errno */
	uint64_t ops;	 /* operations that it did */
	uint64_t result; /* the sum over all units is the job's checksum */
};

/* A unit that is a task. */
struct task_unit {
	struct task task;
	struct unit unit;
	struct future here, go;
	uint64_t progress; /* the job's: where to go on, from 0 */
};

static inline struct unit *task_unit(struct task *t)
{
	return &((struct task_unit *)t)->unit;
}

struct units_opts {
	const char *name[2]; /* of tasks and coroutines: unit nr is called name[nr % 2] */
	void *job;	     /* for processes: in memory that they share */
	bool together;	     /* units wait for each other: none may begin before all exist */
	bool halfway; /* the peak is where the unit stops in the middle, not at the beginning */
};

/*
 * Each runs o->units units (o->workers of the pool carry the tasks) and fills r; as job->run. A
 * body returns 0 or a negative errno, a task's step sets its unit's err.
 */
int processes_run(const struct job_opts *o, const struct units_opts *u, int (*body)(struct unit *u),
		  struct job_result *r, char *errbuf, size_t len);
int threads_run(const struct job_opts *o, const struct units_opts *u, int (*body)(struct unit *u),
		struct job_result *r, char *errbuf, size_t len);
int tasks_run(const struct job_opts *o, const struct units_opts *u,
	      enum task_step (*step)(struct task *t), struct job_result *r, char *errbuf,
	      size_t len);
int coroutines_run(const struct job_opts *o, const struct units_opts *u,
		   int (*body)(struct unit *u), struct job_result *r, char *errbuf, size_t len);

#endif
