/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * witness_threads THREADS PROCESSES: creates and ends them in every way there is. The threads come in waves and are
 * named n<number>; thread number k makes k % 13 mappings of MAP_LENGTH, so that an account can be told from any
 * other's. Prints how many threads and processes it has created, as "KEY NUMBER".
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAP_LENGTH = 73 * 4096, MAPS_MOD = 13, WAVE = 16, SLEEPERS = 3 };

static char *self; /* our own executable */

static void __attribute__((noreturn)) die(const char *what, int err)
{
	fprintf(stderr, "%s: %s\n", what, strerror(err));
	exit(1);
}

static void *busy(void *arg)
{
	long number = (long)arg, i;
	char name[16];

	snprintf(name, sizeof(name), "n%ld", number);
	prctl(PR_SET_NAME, name);
	for (i = 0; i < number % MAPS_MOD; i++) {
		char *p = mmap(NULL, MAP_LENGTH, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p != MAP_FAILED) {
			*(volatile char *)p = 1;
			munmap(p, MAP_LENGTH);
		}
	}
	sched_yield();
	if (number % 7 == 0)
		usleep(100);
	return NULL;
}

static void *sleeper(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void *executor(void *arg)
{
	execl(self, self, "exit", NULL);
	_exit(127);
	return arg;
}

static void *late(void *arg)
{
	usleep(1000);
	return arg;
}

static pthread_t create(void *(*function)(void *), void *arg)
{
	pthread_t thread;
	int err;

	/* An id becomes free a little after its thread could be joined. */
	while ((err = pthread_create(&thread, NULL, function, arg)) == EAGAIN)
		usleep(1000);
	if (err)
		die("pthread_create", err);
	return thread;
}

/* A child's way to end; those with other threads take them along. */
static void __attribute__((noreturn)) end(int way)
{
	int i;

	switch (way) {
	case 0:
		_exit(7);
	case 1:
	case 2:
		for (i = 0; i < SLEEPERS; i++)
			create(sleeper, NULL);
		if (way == 1)
			exit(0);
		kill(getpid(), SIGKILL);
		pause();
		_exit(1);
	case 3:
		execl(self, self, "exit", NULL);
		_exit(127);
	case 4: /* a thread that is not the leader executes */
		create(sleeper, NULL);
		create(executor, NULL);
		for (;;)
			pause();
	case 5: /* the leader ends first */
		create(late, NULL);
		pthread_exit(NULL);
	default: /* a fault that nobody handles */
		signal(SIGSEGV, SIG_DFL);
		raise(SIGSEGV);
		_exit(1);
	}
}

static const int threads_of_way[] = { 0, SLEEPERS, SLEEPERS, 0, 2, 1, 0 };
enum { WAYS = sizeof(threads_of_way) / sizeof(threads_of_way[0]) };

int main(int argc, char **argv)
{
	long threads, processes, created = 0, i, k;
	pthread_t wave[WAVE];
	pid_t child;

	if (argc == 2)
		return 0;
	if (argc != 3)
		return 2;
	self = argv[0];
	threads = atol(argv[1]);
	processes = atol(argv[2]);
	prctl(PR_SET_DUMPABLE, 0); /* no core of those that fault */
	for (i = 0; i < threads; i += k) {
		for (k = 0; k < WAVE && i + k < threads; k++)
			wave[k] = create(busy, (void *)(i + k));
		while (k)
			pthread_join(wave[--k], NULL);
		k = WAVE;
	}
	created = threads;
	for (i = 0; i < processes; i++) {
		while ((child = fork()) < 0)
			usleep(1000);
		if (!child)
			end(i % WAYS);
		created += threads_of_way[i % WAYS];
		/* A few at once. */
		if (i % 4 == 3)
			while (wait(NULL) > 0)
				;
	}
	while (wait(NULL) > 0)
		;
	printf("threads %ld\nprocesses %ld\n", created, processes);
	return 0;
}
