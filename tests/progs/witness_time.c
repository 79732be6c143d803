/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads CLOCK_REALTIME, forks, reads it again, and prints "BEFORE AFTER CHILD", times in nanoseconds: the trace must
 * have the fork between the two.
 */
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static unsigned long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

int main(void)
{
	unsigned long long before, after;
	pid_t child;
	int i;

	for (i = 0; i < 20; i++) {
		usleep(5000);
		before = now();
		child = fork();
		if (!child)
			_exit(0);
		after = now();
		if (child < 0 || waitpid(child, NULL, 0) != child)
			return 1;
		printf("%llu %llu %d\n", before, after, child);
	}
	return 0;
}
