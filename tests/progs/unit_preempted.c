// SPDX-License-Identifier: GPL-2.0-only
/*
 * A thread of class SCHED_FIFO on the same CPU takes it from whoever runs, and by and large that is
 * the one coroutine of nine that computes for long. Exits with 4 where real-time priorities are not
 * allowed.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include "unit_coro.h"

#define BURSTS 20

static atomic_bool computing, done;
static uint64_t waited, taken;

static void *neighbour(void *arg)
{
	struct timespec pause = { .tv_nsec = 10000000 }, shortly = { .tv_nsec = 100000 };
	int i;

	(void)arg;
	/* Only while the victim computes, so that none of the innocent is hit. */
	for (i = 0; i < BURSTS; i++) {
		uint64_t begin = cpu_ns();

		while (!computing)
			nanosleep(&shortly, NULL);
		nanosleep(&pause, NULL);
		burn_ns(5000000);
		taken += cpu_ns() - begin;
	}
	done = true;
	return NULL;
}

static void victim(void)
{
	uint64_t wall = wall_ns(), cpu = cpu_ns();

	computing = true;
	while (!done)
		burn_ns(100000);
	waited = wall_ns() - wall - (cpu_ns() - cpu);
}

int main(void)
{
	struct sched_param fifo = { .sched_priority = 10 };
	pthread_attr_t attr;
	pthread_t thread;
	cpu_set_t cpus;
	int i;

	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	pthread_attr_init(&attr);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
	pthread_attr_setschedparam(&attr, &fifo);
	if (pthread_create(&thread, &attr, neighbour, NULL)) {
		fprintf(stderr, "unit_preempted: SCHED_FIFO is not allowed here\n");
		return 4;
	}
	coro_spawn("victim", victim);
	for (i = 0; i < 8; i++)
		coro_spawn("innocent", innocent);
	coro_schedule();
	pthread_join(thread, NULL);
	tell("victim", "runnable_ns", waited);
	tell("neighbour", "oncpu_ns", taken);
	return 0;
}
