/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The oracle's truth: a small world of CPUs, threads and units that changes at random but consistently.
 * It writes down two things as it goes: the records that a tracer would have written of it (into a struct
 * writer), and what really was so from when to when (the histories below). expect.h makes the accounts
 * from the histories, after the fact and without looking at the records.
 */
#ifndef WEFT_TESTS_TRUTH_H
#define WEFT_TESTS_TRUTH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include "account.h"
#include "trace_writer.h"

#define MAX_CPUS 4
#define MAX_PROCS 24
#define MAX_THREADS 48
#define MAX_UNITS 160
#define MAX_HISTORY 4000
#define MAX_GAPS 64

/* What a world may contain; the rest never happens in it. */
struct world_opts {
	bool units, by_word, forks, processes, gaps, mark_gaps, copies, nonsense;
	unsigned steps;
};

/* A thread was in a state from `begin` until the next entry. */
struct history {
	uint64_t begin;
	enum acct_state state; /* ACCT_BLOCKED also while it is new */
	uint32_t what, cpu;
	bool preempted;
	bool signalled; /* RUNNABLE, though its switch looked as if it slept */
};

/* Its current unit from `begin` on, until the next entry; -1: none. */
struct current {
	uint64_t begin;
	int unit;
	int proc;  /* the program that it runs */
	bool exec; /* which begins here */
};

/* The word as a record on the thread had it; -2: could not be read. */
struct sight {
	uint64_t time;
	uint64_t since; /* so long it has been so, as the record tells: the thread was in the kernel */
	int unit;
	int proc;
	bool arrival; /* no record: the thread goes on a CPU, its word as when it left */
};

struct t_thread {
	uint32_t tid;
	int proc;
	int parent; /* who forked the process that it began; -1: a thread with storage of its own */
	bool born, dead, dying; /* born: within the trace */
	uint64_t first, last;
	int cpu; /* -1: on none */
	bool blocked, fresh;
	int waker;	      /* sched_waking was told, sched_wakeup not yet: 1 + */
	uint64_t fault_begin; /* 0: in none */
	uint64_t fault_oncpu; /* on a CPU since, up to slice_begin */
	uint64_t slice_begin;
	int pile[8], depth;			    /* of units; the last is current */
	uint64_t marks_lost, lost_first, lost_last; /* not yet told */
	bool losing_marks;
	int belated; /* a unit that another thread took from it; -1 */
	uint64_t early;
	/* The kernel's books. */
	uint64_t nvcsw, nivcsw, minflt, majflt, runtime, run_delay, wait_begin;
	bool stopped;
	struct history *h;
	unsigned nr_h;
	struct current *c;
	unsigned nr_c;
	struct sight *s;
	unsigned nr_s;
	struct acct_counts n; /* of the records that were not lost */
	uint64_t blocked_count;
};

/* A unit was so from `begin` until the next entry. */
struct unit_history {
	uint64_t begin;
	enum { U_READY, U_CURRENT, U_SUSPENDED, U_ABANDONED, U_END } is;
	int thread;
	uint32_t reason;
	uint64_t object;
};

struct t_unit {
	uint64_t id;
	uint32_t copy;
	int proc; /* as of its program: an exec makes a new entry */
	bool created, ended, woken;
	int thread; /* current there or below the current; -1 */
	struct unit_history *h;
	unsigned nr_h;
	uint64_t resumes, wakes_given, wakes_taken, fault_oncpu;
	struct acct_counts n;
};

struct t_proc {
	uint32_t tgid;
	bool dead;
	unsigned alive;
	uint64_t next_id;
	unsigned copies;
	bool marks; /* made any: marks decide what is current, else the word does */
};

struct t_gap {
	bool is_unit;
	uint32_t cpu;
	int thread;
	uint64_t first, last, count;
	bool open;
};

struct world {
	struct world_opts o;
	uint64_t rng, now;
	int nr_cpus;
	int curr[MAX_CPUS]; /* thread, -1: idle */
	struct t_gap *losing[MAX_CPUS];
	struct t_proc procs[MAX_PROCS];
	int nr_procs;
	struct t_thread threads[MAX_THREADS];
	int nr_threads;
	struct t_unit units[MAX_UNITS];
	int nr_units;
	struct t_gap gaps[MAX_GAPS];
	int nr_gaps;
	uint32_t next_id;
	struct acct_oddities odd;
	struct writer w;
};

void world_run(struct world *w, uint64_t seed, const struct world_opts *o);
void world_free(struct world *w);

#endif
