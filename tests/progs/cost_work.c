/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Work whose cost under a tracer is of interest, timed: prints "NAME NS" for
 *	round	of a pipe ping-pong between two processes: two switches and two wake-ups
 *	touch	of a page for the first time
 *	map	mmap and munmap of a page
 *	fork	fork, exit and wait
 * In a guest whose clock counts instructions a nanosecond is one. Everything is done before it is timed, the
 * touching as often, so that the memory comes from where it came from the time before.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void __attribute__((noreturn)) die(const char *what)
{
	perror(what);
	exit(1);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static void rounds(int n, int to, int from)
{
	char token = 1;

	while (n--)
		if (write(to, &token, 1) != 1 || read(from, &token, 1) != 1)
			die("pipe");
}

static double time_rounds(int n)
{
	int there[2], back[2];
	double begin;
	pid_t child;
	char token;

	if (pipe(there) || pipe(back))
		die("pipe");
	child = fork();
	if (child < 0)
		die("fork");
	if (!child) {
		close(there[1]);
		while (read(there[0], &token, 1) == 1)
			if (write(back[1], &token, 1) != 1)
				_exit(1);
		_exit(0);
	}
	rounds(n / 10, there[1], back[0]);
	begin = now();
	rounds(n, there[1], back[0]);
	begin = now() - begin;
	close(there[1]);
	waitpid(child, NULL, 0);
	close(there[0]);
	close(back[0]);
	close(back[1]);
	return begin / n;
}

static char *map(size_t length)
{
	char *p = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static double time_touches(int n)
{
	char *area = map((size_t)n * 4096);
	double begin;
	int i;

	madvise(area, (size_t)n * 4096, MADV_NOHUGEPAGE);
	begin = now();
	for (i = 0; i < n; i++)
		((volatile char *)area)[(size_t)i * 4096] = 1;
	begin = now() - begin;
	munmap(area, (size_t)n * 4096);
	return begin / n;
}

static double time_maps(int n)
{
	double begin = now();
	int i;

	for (i = 0; i < n; i++)
		munmap(map(4096), 4096);
	return (now() - begin) / n;
}

static double time_forks(int n)
{
	double begin = now();
	pid_t child;
	int i;

	for (i = 0; i < n; i++) {
		child = fork();
		if (!child)
			_exit(0);
		if (child < 0 || waitpid(child, NULL, 0) != child)
			die("fork");
	}
	return (now() - begin) / n;
}

int main(void)
{
	time_touches(6000);
	time_maps(100);
	time_forks(10);
	printf("round %.1f\n", time_rounds(6000));
	printf("touch %.1f\n", time_touches(6000));
	printf("map %.1f\n", time_maps(3000));
	printf("fork %.1f\n", time_forks(120));
	return 0;
}
