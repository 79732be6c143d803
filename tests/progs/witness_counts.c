/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Does a known, prime number of things and says of each on standard output, as "KEY NUMBER", so that a tracer's
 * counts can be held against it:
 *
 *	rounds	of a ping-pong over pipes between two processes of equal SCHED_FIFO priority on one CPU: each
 *		reads, and so blocks, that often (the second one finds its first token waiting)
 *	threads, forks	created one after the other, and waited for
 *	maps	pairs of mmap and munmap of length map_length
 *	pages	touched for the first time, of the area at page_base
 *
 * Then what the kernel tells the program itself: the rusage of all that it waited for, and its own.
 */
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 307, THREADS = 67, FORKS = 31, MAPS = 101, MAP_LENGTH = 71 * 4096, PAGES = 199 };

static void __attribute__((noreturn)) die(const char *what)
{
	perror(what);
	exit(1);
}

/* One end of the ping-pong: the token comes from `in` and goes to `out`. */
static void pass(int in, int out, bool first)
{
	char token = 1;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		if (first && write(out, &token, 1) != 1)
			die("write");
		if (read(in, &token, 1) != 1)
			die("read");
		if (!first && write(out, &token, 1) != 1)
			die("write");
	}
}

static void ping_pong(void)
{
	struct sched_param prio = { .sched_priority = 1 }, normal = { 0 };
	int there[2], back[2];
	cpu_set_t one, all;
	pid_t second;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (sched_getaffinity(0, sizeof(all), &all) || sched_setaffinity(0, sizeof(one), &one) ||
	    sched_setscheduler(0, SCHED_FIFO, &prio) || pipe(there) || pipe(back))
		die("preparing the ping-pong");
	second = fork();
	if (second < 0)
		die("fork");
	if (!second) {
		pass(there[0], back[1], false);
		_exit(0);
	}
	pass(back[0], there[1], true);
	if (sched_setscheduler(0, SCHED_OTHER, &normal) ||
	    sched_setaffinity(0, sizeof(all), &all) || waitpid(second, NULL, 0) != second)
		die("ending the ping-pong");
	printf("rounds %d\nfirst %d\nsecond %d\n", ROUNDS, getpid(), second);
}

static void *nothing(void *arg)
{
	return arg;
}

static void create(void)
{
	pthread_t thread;
	pid_t child;
	int i;

	for (i = 0; i < THREADS; i++)
		if (pthread_create(&thread, NULL, nothing, NULL) || pthread_join(thread, NULL))
			die("thread");
	for (i = 0; i < FORKS; i++) {
		child = fork();
		if (child < 0)
			die("fork");
		if (!child)
			_exit(0);
		if (waitpid(child, NULL, 0) != child)
			die("waitpid");
	}
	printf("threads %d\nforks %d\n", THREADS, FORKS);
}

static void *map(size_t length)
{
	void *p = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static void use_memory(void)
{
	char *area = map(PAGES * 4096);
	int i;

	madvise(area, PAGES * 4096, MADV_NOHUGEPAGE);
	for (i = 0; i < PAGES; i++)
		((volatile char *)area)[i * 4096] = 1;
	printf("pages %d\npage_base %lu\n", PAGES, (unsigned long)area);
	for (i = 0; i < MAPS; i++)
		if (munmap(map(MAP_LENGTH), MAP_LENGTH))
			die("munmap");
	printf("maps %d\nmap_length %d\n", MAPS, MAP_LENGTH);
}

static void own_books(const char *prefix, int who)
{
	struct rusage ru;

	if (getrusage(who, &ru))
		die("getrusage");
	printf("%s_nvcsw %ld\n%s_nivcsw %ld\n%s_minflt %ld\n%s_majflt %ld\n", prefix, ru.ru_nvcsw,
	       prefix, ru.ru_nivcsw, prefix, ru.ru_minflt, prefix, ru.ru_majflt);
}

int main(void)
{
	ping_pong();
	create();
	use_memory();
	own_books("children", RUSAGE_CHILDREN);
	own_books("self", RUSAGE_SELF);
	return 0;
}
