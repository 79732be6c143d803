/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What `weft report` shows: one item for each process, thread or group of units of one name, with its
 * figures in ticks. Made from the accounts, printed as text (report_table.c) or JSON (report_json.c).
 */
#ifndef WEFT_USER_REPORT_H
#define WEFT_USER_REPORT_H

#include <stddef.h>
#include <stdio.h>
#include "account.h"
#include "trace.h"

enum report_by {
	REPORT_TREE, /* processes, each with its threads */
	REPORT_PROCESS,
	REPORT_THREAD,
	REPORT_UNIT, /* groups of units of one name, kind and process */
	REPORT_EACH_UNIT,
};

/* A sum of several sparse lists of acct_blocked or acct_wait. */
struct report_wait {
	uint32_t what; /* system call or ACCT_BLOCKED_*; of suspended: enum weft_unit_wait */
	uint64_t count, ticks;
};

struct report_waits {
	struct report_wait *list; /* the longest first once report_make() is done */
	size_t nr;
};

struct report_item {
	const struct acct_process *process; /* NULL if the accounts do not know it */
	const struct acct_thread *thread;   /* NULL: a process or units */
	const struct acct_unit *unit;	    /* NULL: a process or thread; of a group: its first */
	uint32_t level;			    /* REPORT_TREE: 1 for a thread below its process */
	uint64_t members;		    /* threads of a process, units of a group */
	uint64_t life;			    /* of all members together */
	uint64_t state[ACCT_NR_STATES];
	struct acct_counts n;
	struct report_waits blocked, suspended;
	/* Of a process and its threads. */
	struct histogram wakeup_latency, runqueue_wait;
	/* Of groups of units: one value for each unit. */
	struct histogram unit_life, unit_state[ACCT_NR_STATES];
	/* Of groups of units: each wait in the runtime's queue; see report_ready_wait(). */
	struct histogram ready_wait;
	/* Of a process and its threads: parts of on-CPU time, and of blocked; see struct acct_thread. */
	uint64_t oncpu_units, oncpu_runtime, oncpu_unknown, idle;
	uint64_t fault_ticks_oncpu, oncpu_by_word, resumes, wakes_given, wakes_taken;
	uint64_t threads, cpus; /* the most that one unit ran on */
};

struct report {
	enum report_by by;
	struct report_item *items; /* sorted */
	size_t nr;
};

/*
 * The items of the traced threads, processes or units, sorted by the key, largest first. key: one of
 * report_key(), NULL: on-CPU time. 0, -EINVAL (no such key) or -ENOMEM; r can be freed whatever comes.
 */
int report_make(struct report *r, const struct accounts *a, enum report_by by, const char *key);
void report_free(struct report *r);

/* The n-th key that items can be sorted by, NULL at the end. */
const char *report_key(size_t n);

/* Of units that only the word tells of it is not known when they were READY or SUSPENDED. */
bool report_tells(const struct report_item *i, enum acct_state state);
/* Nanoseconds in a state, WEFT_UNKNOWN if the trace does not tell. */
uint64_t report_state(const struct trace *t, const struct report_item *i, enum acct_state state);

/* The waits of a group of units, or of one, in the runtime's queue. */
const struct histogram *report_ready_wait(const struct report_item *i);

/* All but the first `top` items (0: no limit) are left out, and said so. 0 or -ENOMEM. */
int report_print(FILE *f, const struct report *r, const struct trace *t, const struct accounts *a,
		 size_t top);
void report_json(FILE *f, const struct report *r, const struct trace *t, const struct accounts *a,
		 size_t top);

#endif
