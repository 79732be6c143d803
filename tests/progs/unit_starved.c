// SPDX-License-Identifier: GPL-2.0-only
/*
 * One coroutine hogs the thread; another one, ready all the time, has to wait in the queue behind
 * it.
 */
#include "unit_coro.h"

#define ROUNDS 10

static uint64_t starved_ns, hogged_ns, ready_since;

static void hog(void)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		uint64_t begin = wall_ns();

		burn_ns(20000000);
		hogged_ns += wall_ns() - begin;
		coro_yield();
	}
}

static void starved(void)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		starved_ns += wall_ns() - ready_since;
		ready_since = wall_ns();
		coro_yield();
	}
}

int main(void)
{
	coro_spawn("hog", hog);
	coro_spawn("starved", starved);
	ready_since = wall_ns();
	coro_schedule();
	tell("starved", "ready_ns", starved_ns);
	tell("hog", "hogged_ns", hogged_ns);
	return 0;
}
