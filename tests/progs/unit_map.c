// SPDX-License-Identifier: GPL-2.0-only
/* One coroutine of nine maps and unmaps memory. */
#include "unit_coro.h"

#define MAPS 500
#define SIZE (256u << 10)

static uint64_t maps, unmaps, bytes;

static void mapper(void)
{
	int i;

	for (i = 0; i < MAPS; i++) {
		void *p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			       0);

		if (p == MAP_FAILED)
			abort();
		maps++;
		bytes += SIZE;
		if (!munmap(p, SIZE))
			unmaps++;
		if (i % 10 == 9)
			coro_yield();
	}
}

int main(void)
{
	int i;

	coro_spawn("mapper", mapper);
	for (i = 0; i < 8; i++)
		coro_spawn("innocent", innocent);
	coro_schedule();
	tell("mapper", "maps", maps);
	tell("mapper", "unmaps", unmaps);
	tell("mapper", "mapped_bytes", bytes);
	return 0;
}
