/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Keeps creating threads and children, from several threads at once, until SIGTERM; then waits for them all and prints
 * how many there were, "KEY NUMBER". Each thread adds to a sum under a lock; the sum must be right at the end, which
 * it says by its exit code. Writes "ready" as soon as it is at work.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CREATORS = 3 };

static volatile sig_atomic_t stop;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned long sum;
static atomic_ulong threads, children, failures;

static void on_term(int sig)
{
	(void)sig;
	stop = 1;
}

static void *work(void *arg)
{
	pthread_mutex_lock(&lock);
	sum++;
	pthread_mutex_unlock(&lock);
	return arg;
}

static void *creator(void *arg)
{
	pthread_t thread;
	pid_t child;
	int status;

	while (!stop) {
		if (pthread_create(&thread, NULL, work, NULL)) {
			failures++;
			break;
		}
		pthread_join(thread, NULL);
		threads++;
		if (threads % 16)
			continue;
		child = fork();
		if (!child)
			_exit(5);
		if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) ||
		    WEXITSTATUS(status) != 5)
			failures++;
		children++;
		usleep(2000);
	}
	return arg;
}

int main(void)
{
	pthread_t creators[CREATORS];
	int i;

	signal(SIGTERM, on_term);
	for (i = 0; i < CREATORS; i++)
		if (pthread_create(&creators[i], NULL, creator, NULL))
			return 1;
	puts("ready");
	fflush(stdout);
	for (i = 0; i < CREATORS; i++)
		pthread_join(creators[i], NULL);
	printf("threads %lu\nchildren %lu\n", threads, children);
	return failures || sum != threads;
}
