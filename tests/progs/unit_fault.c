// SPDX-License-Identifier: GPL-2.0-only
/* One coroutine of nine touches fresh memory, page by page. With an argument: once its input has ended. */
#include <unistd.h>
#include "unit_coro.h"

#define PAGES 4000

static char *memory;
static uint64_t faults;

static uint64_t minor_faults(void)
{
	struct rusage ru;

	getrusage(RUSAGE_THREAD, &ru);
	return ru.ru_minflt;
}

static void toucher(void)
{
	long page = sysconf(_SC_PAGESIZE), i;

	for (i = 0; i < PAGES; i++) {
		uint64_t begin = minor_faults();

		memory[i * page] = 1;
		faults += minor_faults() - begin;
		if (i % 100 == 99)
			coro_yield();
	}
}

int main(int argc, char **argv)
{
	size_t size = PAGES * sysconf(_SC_PAGESIZE);
	int i;

	await_recorder(argc, argv);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || madvise(memory, size, MADV_NOHUGEPAGE))
		return 1;
	coro_spawn("toucher", toucher);
	for (i = 0; i < 8; i++)
		coro_spawn("innocent", innocent);
	coro_schedule();
	tell("toucher", "faults_minor", faults);
	return 0;
}
