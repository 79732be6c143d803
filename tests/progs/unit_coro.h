/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Coroutines on one thread for the programs unit_*.c: just enough of a runtime to have units,
 * marked as docs/units.md says. Each program has one unit with a fault of its own and some innocent
 * ones, measures itself what the fault cost, and prints it as lines "UNIT QUANTITY VALUE" for a
 * test to compare.
 */
#ifndef UNIT_CORO_H
#define UNIT_CORO_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <ucontext.h>
#include <weft/unit.h>

#define STACK_SIZE (64 << 10)

struct coro {
	ucontext_t context;
	uint64_t id;
	void (*run)(void);
	bool ended;
	struct coro *next; /* in the queue of ready ones */
};

static struct coro *ready_first, **ready_last = &ready_first, *running;
static ucontext_t scheduler;

static inline void coro_queue(struct coro *c)
{
	c->next = NULL;
	*ready_last = c;
	ready_last = &c->next;
}

static inline void coro_main(void)
{
	running->run();
	weft_unit_exit();
	running->ended = true;
	swapcontext(&running->context, &scheduler);
}

static inline void coro_spawn(const char *name, void (*run)(void))
{
	struct coro *c = calloc(1, sizeof(*c));
	/* Present from the start: faults on the stack are no unit's. */
	void *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (!c || stack == MAP_FAILED)
		abort();
	c->run = run;
	getcontext(&c->context);
	c->context.uc_stack.ss_sp = stack;
	c->context.uc_stack.ss_size = STACK_SIZE;
	makecontext(&c->context, coro_main, 0);
	c->id = weft_unit_create(WEFT_UNIT_COROUTINE, name, weft_unit_current());
	coro_queue(c);
}

/* Lets the others run. */
static inline void coro_yield(void)
{
	weft_unit_suspend(WEFT_WAIT_YIELD, 0);
	coro_queue(running);
	swapcontext(&running->context, &scheduler);
}

/* Runs all until they have ended. */
static inline void coro_schedule(void)
{
	while (ready_first) {
		running = ready_first;
		ready_first = running->next;
		if (!ready_first)
			ready_last = &ready_first;
		weft_unit_resume(running->id);
		swapcontext(&scheduler, &running->context);
		if (running->ended) {
			munmap(running->context.uc_stack.ss_sp, STACK_SIZE);
			free(running);
		}
	}
}

/* With an argument: until the input has ended; meanwhile a recorder can be attached. */
static inline void await_recorder(int argc, char **argv)
{
	(void)argv;
	while (argc > 1 && getchar() != EOF)
		;
}

/* ---- Measuring ---- */

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static inline uint64_t wall_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static inline uint64_t cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static inline void burn_ns(uint64_t ns)
{
	uint64_t end = cpu_ns() + ns;

	while (cpu_ns() < end)
		;
}

static inline void tell(const char *unit, const char *quantity, uint64_t value)
{
	printf("%s %s %" PRIu64 "\n", unit, quantity, value);
}

/* What the innocent do: a little work, many times. */
static inline void innocent(void)
{
	int i;

	for (i = 0; i < 50; i++) {
		burn_ns(20000);
		coro_yield();
	}
}

#endif
