// SPDX-License-Identifier: GPL-2.0-only
/* One coroutine of nine burns most of the CPU time. */
#include "unit_coro.h"

static uint64_t burnt;

static void spinner(void)
{
	int i;

	for (i = 0; i < 20; i++) {
		uint64_t begin = cpu_ns();

		burn_ns(10000000);
		burnt += cpu_ns() - begin;
		coro_yield();
	}
}

int main(void)
{
	int i;

	coro_spawn("spinner", spinner);
	for (i = 0; i < 8; i++)
		coro_spawn("innocent", innocent);
	coro_schedule();
	tell("spinner", "oncpu_ns", burnt);
	return 0;
}
