// SPDX-License-Identifier: GPL-2.0-only
/*
 * Units of which every run has the same account: one sleeps in the kernel, one computes for a fixed time, one touches
 * fresh pages, one maps and unmaps, one waits for another to wake it. One thread, so their order is always the same.
 */
#include <unistd.h>
#include "unit_coro.h"

#define ROUNDS 12
#define PAGES 5 /* in a round */

static char *memory;
static struct coro *waiting;

static void sleeper(void)
{
	/* So long that no busy machine lets it pass before the thread is asleep. */
	struct timespec pause = { .tv_nsec = 30000000 };
	int i;

	for (i = 0; i < ROUNDS; i++) {
		nanosleep(&pause, NULL);
		coro_yield();
	}
}

static void spinner(void)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		burn_ns(1000000);
		coro_yield();
	}
}

static void toucher(void)
{
	long page = sysconf(_SC_PAGESIZE), i;

	for (i = 0; i < ROUNDS * PAGES; i++) {
		memory[i * page] = 1;
		if (i % PAGES == PAGES - 1)
			coro_yield();
	}
}

static void mapper(void)
{
	size_t size = 64 << 10;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		void *p = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED || munmap(p, size))
			abort();
		coro_yield();
	}
}

static void waiter(void)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		waiting = running;
		weft_unit_suspend(WEFT_WAIT_CHANNEL, 1);
		swapcontext(&running->context, &scheduler);
	}
}

static void waker(void)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		while (!waiting)
			coro_yield();
		weft_unit_wake(waiting->id, weft_unit_current());
		coro_queue(waiting);
		waiting = NULL;
		coro_yield();
	}
}

int main(void)
{
	size_t size = ROUNDS * PAGES * sysconf(_SC_PAGESIZE);

	/* All code and data is there: the only faults are the toucher's. */
	if (mlockall(MCL_CURRENT))
		return 1;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || madvise(memory, size, MADV_NOHUGEPAGE))
		return 1;
	coro_spawn("sleeper", sleeper);
	coro_spawn("spinner", spinner);
	coro_spawn("toucher", toucher);
	coro_spawn("mapper", mapper);
	coro_spawn("waiter", waiter);
	coro_spawn("waker", waker);
	coro_schedule();
	return 0;
}
