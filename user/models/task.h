/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tasks: pieces of work without a stack of their own, queued on a pool of worker threads. A task's
 * function runs on some worker from its beginning to its end; where it has to wait it asks for a
 * future's value, is told that there is none yet, keeps what it needs to know in its own structure
 * and returns TASK_WAIT: it is called again when the value is there. It never blocks the thread.
 *
 * The thread that makes the pool is its first worker: it works while it waits for a future. All
 * functions here are for workers only.
 *
 * Whoever embeds a task or a future owns it, and keeps it until the task has been joined.
 */
#ifndef WEFT_USER_TASK_H
#define WEFT_USER_TASK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "timer.h"

struct task;
struct pool;

/*
 * A value that one will set and one will take, tasks or the pool's own thread; then it may be used
 * again. All zero: not set.
 */
struct future {
	_Atomic uintptr_t state; /* enum future_state, or the task that waits */
	uint64_t value;
};

enum task_step { TASK_DONE, TASK_WAIT };

struct task {
	struct task *next; /* in its queue */
	enum task_step (*step)(struct task *self);
	struct pool *pool;
	uint64_t unit;		/* its id, see weft/unit.h */
	_Atomic uint32_t state; /* enum task_state */
	uint32_t reason;	/* why it waits (enum weft_unit_wait) and what for */
	const void *object;
	uint64_t waker;	 /* unit that woke it while it still ran */
	uint64_t result; /* for the one that joins */
	struct future done;
	struct timer timer;
};

/*
 * A pool with `workers` threads (1 or more), the calling one included. held: the others do nothing
 * before pool_release(). NULL and errno if threads or memory are missing.
 */
struct pool *pool_create(uint32_t workers, bool held);
void pool_release(struct pool *p);
/* After all tasks have been joined, on the thread that made the pool. */
void pool_destroy(struct pool *p);

/* Queues t, whose `step` is called first with t itself. name: of the unit, as traces show it. */
void task_spawn(struct pool *p, struct task *t, enum task_step (*step)(struct task *self),
		const char *name);
/*
 * The pool's own thread, outside of tasks: works until t is done; t's result. Tasks take from
 * t->done.
 */
uint64_t task_join(struct task *t);
/* In a step that then returns TASK_WAIT: it is called again after ns. */
void task_sleep(struct task *self, uint64_t ns);

/* Sets f, which must not be set, and wakes who waits for it. */
void future_set(struct future *f, uint64_t value);
/*
 * In a step: is f set, then true and its value in *value; f is not set any more. Else self waits
 * for it, and the step should return TASK_WAIT. A task waits for one future, or sleeps, at a time.
 */
bool future_take(struct future *f, struct task *self, uint64_t *value);
/* The pool's own thread, outside of tasks: works until f is set, and takes it. */
uint64_t future_wait(struct pool *p, struct future *f);

#endif
