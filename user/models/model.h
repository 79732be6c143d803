/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The four execution models behind one small interface, and the jobs that are run under each.
 *
 * A job is a table of functions, one per model, each written the way a programmer of that model
 * would write it. weft run and weft compare know jobs and models only by these tables.
 */
#ifndef WEFT_USER_MODEL_H
#define WEFT_USER_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum model { MODEL_PROCESS, MODEL_THREAD, MODEL_TASK, MODEL_COROUTINE, MODEL_NR };

struct job_opts {
	uint64_t units;	  /* N; 0: the job's default for the model */
	uint64_t ops;	  /* operations per unit (rounds, hand-overs …); 0: default */
	uint64_t bytes;	  /* touch, share: memory per unit; 0: default */
	uint64_t workers; /* tasks: threads of the pool; coroutines: 1; 0: default */
	/*
	 * Called once, when all units exist and wait; all of them stay until it returns. compare
	 * measures memory there. NULL: no such stop.
	 */
	void (*at_peak)(void *arg);
	void *at_peak_arg;
};

/* What user space counted itself. */
struct job_result {
	uint64_t units;	  /* units that ran to their end */
	uint64_t ops;	  /* operations done, all units together */
	uint64_t wall_ns; /* from before the first unit's creation until after the last one's end */
	uint64_t kernel_units; /* of units: processes or threads created in the kernel for them */
	uint64_t user_units;   /* of units: created in user space only */
	uint64_t workers;      /* threads that carried user-space units */
	uint64_t unguarded; /* of coroutines: stacks without a guard page, for want of mappings */
	uint64_t check;	    /* a checksum of what the job computed: equal for every model */
};

struct job {
	const char *name;
	const char *what; /* one line */
	const char *op;	  /* what one operation is: "unit created, run and reaped" */
	uint64_t default_units[MODEL_NR];
	uint64_t default_ops;	/* 0: it takes no such option */
	uint64_t default_bytes; /* 0: likewise */
	/* Refuses options that make no sense: 0, or -EINVAL with a line in errbuf. NULL: none. */
	int (*check)(const struct job_opts *o, char *errbuf, size_t len);
	/* 0 or a negative errno with a line in errbuf. */
	int (*run[MODEL_NR])(const struct job_opts *o, struct job_result *r, char *errbuf,
			     size_t len);
};

extern const char *const model_name[MODEL_NR]; /* "process", "thread", "task", "coroutine" */
int model_by_name(const char *name);	       /* -1 if there is none */

extern const struct job *const jobs[]; /* NULL at the end */
const struct job *job_by_name(const char *name);

/*
 * Fills defaults, refuses what can't be and runs. As job->run; -EINVAL: the options make no sense,
 * -ERANGE: more than this machine allows.
 */
int job_run(const struct job *j, enum model m, const struct job_opts *o, struct job_result *r,
	    char *errbuf, size_t len);

#endif
