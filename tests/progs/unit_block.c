// SPDX-License-Identifier: GPL-2.0-only
/*
 * One coroutine of nine calls read() on a pipe in which there is nothing yet: it blocks not itself
 * only but its thread, and so all the others. With an argument: once its input has ended.
 */
#include <pthread.h>
#include <unistd.h>
#include "unit_coro.h"

#define READS 10

static int fd[2];
static uint64_t blocked, reads;

static void *writer(void *arg)
{
	struct timespec pause = { .tv_nsec = 20000000 };
	int i;

	(void)arg;
	for (i = 0; i < READS; i++) {
		nanosleep(&pause, NULL);
		if (write(fd[1], "x", 1) != 1)
			abort();
	}
	return NULL;
}

static void reader(void)
{
	char c;

	while (reads < READS) {
		uint64_t wall = wall_ns(), cpu = cpu_ns();

		if (read(fd[0], &c, 1) != 1)
			abort();
		/* What was not spent on a CPU was spent asleep, but for the way back to one. */
		blocked += wall_ns() - wall - (cpu_ns() - cpu);
		reads++;
		coro_yield();
	}
}

int main(int argc, char **argv)
{
	pthread_t thread;
	int i;

	await_recorder(argc, argv);
	if (pipe(fd) || pthread_create(&thread, NULL, writer, NULL))
		return 1;
	coro_spawn("reader", reader);
	for (i = 0; i < 8; i++)
		coro_spawn("innocent", innocent);
	coro_schedule();
	pthread_join(thread, NULL);
	tell("reader", "blocked_ns", blocked);
	tell("reader", "reads", reads);
	return 0;
}
