/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads CLOCK_REALTIME, forks, reads it again, and prints "BEFORE AFTER CHILD", times in nanoseconds: the trace must
 * have the fork between the two. Then takes a new name in the same way, which is much quicker and so leaves the
 * clock much less room, and prints that in place of CHILD.
 */
#include <stdio.h>
#include <sys/prctl.h>
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
	char name[16];
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
		snprintf(name, sizeof(name), "time%d", i);
		before = now();
		prctl(PR_SET_NAME, name);
		after = now();
		printf("%llu %llu %s\n", before, after, name);
	}
	return 0;
}
