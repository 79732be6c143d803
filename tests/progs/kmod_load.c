// SPDX-License-Identifier: GPL-2.0-only
/*
 * Work to be traced: kmod_load KIND N
 *	threads		N threads created and joined, eight alive at a time, every second one detached
 *	forks		N processes, every eighth of which execs
 *	pipe		N rounds of a token between two processes
 *	touch		N fresh pages written
 *	map		N times mmap, mprotect, madvise, mremap, munmap and brk
 *	exec		N times over: a second thread execs this program while the leader has ended or lives
 *	kill		N processes with two threads each, ended by a signal
 *	unit		N short sleeps with the unit word holding 4711; "offset" prints where it is
 *	spin		N milliseconds of two busy threads
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static __thread volatile uint64_t unit_word;
static const char *self;
static long n;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void *empty_thread(void *arg)
{
	if (arg)
		sched_yield();
	return NULL;
}

static void threads(void)
{
	pthread_t t[8];
	long i, j;

	for (i = 0; i < n; i += 8) {
		for (j = 0; j < 8; j++) {
			/* Detached ones outlive their tens; there may be too many for a moment. */
			while ((errno = pthread_create(&t[j], NULL, empty_thread, &t[j] + j % 3)))
				if (errno != EAGAIN)
					die("pthread_create");
			if (j % 2)
				pthread_detach(t[j]);
		}
		for (j = 0; j < 8; j += 2)
			pthread_join(t[j], NULL);
	}
}

static void forks(void)
{
	long i;

	for (i = 0; i < n; i++) {
		pid_t p = fork();

		if (p < 0)
			die("fork");
		if (!p) {
			if (i % 8 == 0)
				execl(self, self, "touch", "1", (char *)NULL);
			_exit(0);
		}
		if (i % 4 == 3)
			while (wait(NULL) > 0)
				;
	}
	while (wait(NULL) > 0)
		;
}

static void pipes(void)
{
	int a[2], b[2];
	char c = 0;
	long i;

	if (pipe(a) || pipe(b))
		die("pipe");
	if (!fork()) {
		for (i = 0; i < n; i++)
			if (read(a[0], &c, 1) != 1 || write(b[1], &c, 1) != 1)
				_exit(1);
		_exit(0);
	}
	for (i = 0; i < n; i++)
		if (write(a[1], &c, 1) != 1 || read(b[0], &c, 1) != 1)
			die("pipe");
	wait(NULL);
}

static void touch(void)
{
	size_t page = sysconf(_SC_PAGESIZE), i;
	volatile char *p =
		mmap(NULL, n * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	madvise((void *)p, n * page, MADV_NOHUGEPAGE);
	for (i = 0; i < (size_t)n; i++)
		p[i * page] = 1;
}

static void map(void)
{
	size_t page = sysconf(_SC_PAGESIZE);
	long i;

	for (i = 0; i < n; i++) {
		void *p = mmap(NULL, 2 * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED || mprotect(p, page, PROT_READ | PROT_WRITE) ||
		    madvise(p, page, MADV_DONTNEED))
			die("map");
		p = mremap(p, 2 * page, page, 0);
		if (p == MAP_FAILED || munmap(p, page) || sbrk(page) == (void *)-1 ||
		    sbrk(-(long)page) == (void *)-1)
			die("unmap");
	}
}

static void *exec_thread(void *arg)
{
	char left[24];

	(void)arg;
	snprintf(left, sizeof(left), "%ld", n - 1);
	if (n % 3 == 0)
		usleep(1000); /* the leader has ended, or is about to */
	execl(self, self, "exec", left, (char *)NULL);
	die("exec");
	return NULL;
}

static void execs(void)
{
	pthread_t t;

	if (n <= 0)
		return;
	if (pthread_create(&t, NULL, exec_thread, NULL))
		die("pthread_create");
	if (n % 2)
		pthread_exit(NULL);
	pthread_join(t, NULL);
}

static void *pause_thread(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

static void kills(void)
{
	long i;

	for (i = 0; i < n; i++) {
		pid_t p = fork();

		if (!p) {
			pthread_t t;

			pthread_create(&t, NULL, pause_thread, NULL);
			pause_thread(NULL);
		}
		usleep(1000);
		kill(p, i % 2 ? SIGKILL : SIGTERM);
		waitpid(p, NULL, 0);
	}
}

static void *unit_thread(void *arg)
{
	struct timespec ms = { .tv_nsec = 1000000 };
	long i;

	(void)arg;
	unit_word = 4711;
	for (i = 0; i < n; i++)
		nanosleep(&ms, NULL);
	return NULL;
}

static void units(void)
{
	pthread_t t;

	pthread_create(&t, NULL, unit_thread, NULL);
	unit_thread(NULL);
	pthread_join(t, NULL);
}

static void *spin_thread(void *arg)
{
	struct timespec begin, now;

	(void)arg;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000 < n);
	return NULL;
}

static void spin(void)
{
	pthread_t t;

	pthread_create(&t, NULL, spin_thread, NULL);
	spin_thread(NULL);
	pthread_join(t, NULL);
}

static void offset(void)
{
	printf("%ld\n", (long)((char *)&unit_word - (char *)__builtin_thread_pointer()));
}

static const struct {
	const char *name;
	void (*run)(void);
} kinds[] = {
	{ "threads", threads }, { "forks", forks },   { "pipe", pipes }, { "touch", touch },
	{ "map", map },		{ "exec", execs },    { "kill", kills }, { "unit", units },
	{ "spin", spin },	{ "offset", offset },
};

int main(int argc, char **argv)
{
	size_t i;

	if (argc != 3)
		return 2;
	self = argv[0];
	n = atol(argv[2]);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(argv[1], kinds[i].name)) {
			kinds[i].run();
			return 0;
		}
	return 2;
}
