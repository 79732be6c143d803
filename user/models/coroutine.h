/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Coroutines with stacks of their own, and the scheduler that runs them on one thread, one at a
 * time: the kernel sees that thread only. A coroutine runs until it waits, yields or ends; the next
 * one in the queue goes on from there, without a detour.
 *
 * A scheduler and all that belongs to it is used by one thread. Functions marked (c) are for
 * coroutines only, and stop or concern the running one.
 */
#ifndef WEFT_USER_COROUTINE_H
#define WEFT_USER_COROUTINE_H

#include <stdbool.h>
#include <stdint.h>
#include "stack_pool.h"
#include "timer.h"

/* First in, first out; linked through the coroutines, each of which is in one queue at most. */
struct coroutine_queue {
	struct coroutine *first, *last;
};

/* Lies at the top of its own stack. */
struct coroutine {
	struct stack stack;
	void *sp; /* while it does not run */
	struct coroutine *next;
	struct scheduler *scheduler;
	uint64_t (*fn)(void *arg);
	void *arg;
	uint64_t unit;	/* its id, see weft/unit.h */
	uint64_t value; /* what fn returned; before that, what a channel hands over */
	struct coroutine *joiner;
	struct timer timer;
	void *fake_stack; /* AddressSanitizer's, while it does not run */
	bool done;
};

struct scheduler {
	void *sp; /* of scheduler_run(), while a coroutine runs */
	struct coroutine *current;
	struct coroutine_queue ready;
	struct timer *timers;
	struct stack_pool stacks;
	uint64_t live; /* coroutines that have not ended */
	uint32_t tick;
	bool fp;		  /* control words are kept per coroutine */
	const void *bottom, *top; /* of the thread's own stack, for AddressSanitizer */
};

/*
 * Whether each coroutine has floating-point control words (rounding, masked exceptions) of its own,
 * as the ABI wants it, or all share the thread's, which makes a switch about 3 ns quicker.
 */
enum scheduler_fp { SCHEDULER_FP_KEPT, SCHEDULER_FP_SHARED };

void scheduler_init(struct scheduler *s, enum scheduler_fp fp);
/* Frees all stacks; of coroutines that were not joined or did not end too. */
void scheduler_destroy(struct scheduler *s);
/*
 * Runs coroutines, sleeping in the kernel while all of them sleep, until none can run: returns how
 * many are left that wait for something else, 0 if all have ended.
 */
uint64_t scheduler_run(struct scheduler *s);

/*
 * A coroutine that will run fn(arg), behind those that are ready now. name: of the unit, as traces
 * show it. NULL if there is no memory for its stack. Ends with coroutine_join() or with the
 * scheduler.
 */
struct coroutine *coroutine_create(struct scheduler *s, uint64_t (*fn)(void *arg), void *arg,
				   const char *name);
/*
 * What c's function returned, and c's end: c is gone after it. A coroutine waits for it, one at
 * most for each c; outside of coroutines c must have ended.
 */
uint64_t coroutine_join(struct coroutine *c);

struct coroutine *coroutine_self(void);
/* (c) Lets all run that are ready. */
void coroutine_yield(void);
/* (c) Sleeps for at least ns, while others run. */
void coroutine_sleep(uint64_t ns);
/*
 * (c) Waits for coroutine_wake(). reason: enum weft_unit_wait, object: what for, as traces show it.
 */
void coroutine_suspend(uint32_t reason, const void *object);
/* c, which is suspended, is ready again. */
void coroutine_wake(struct coroutine *c);

static inline void coroutine_enqueue(struct coroutine_queue *q, struct coroutine *c)
{
	c->next = NULL;
	if (q->first)
		q->last->next = c;
	else
		q->first = c;
	q->last = c;
}

/* NULL if it is empty. */
static inline struct coroutine *coroutine_dequeue(struct coroutine_queue *q)
{
	struct coroutine *c = q->first;

	if (c)
		q->first = c->next;
	return c;
}

#endif
