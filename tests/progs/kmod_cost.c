// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the module's hooks cost: extra time per event against the same work untraced, nobody reading. In a
 * guest whose clock counts instructions a nanosecond is one. Prints "name figure", one a line:
 *	switch, switch_unit	sched_switch, without and with the current-unit word
 *	switch_cost		what context_switch adds to it
 *	sched, sched_unit	mean of sched_switch, sched_waking and sched_wakeup
 *	fault, map		a page fault; mmap and munmap, each
 *	*_outside		the same while another process is traced
 *	closed			a switch after the session has been closed
 *	untraced_*		the work itself, without the module's doing
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <weft/device.h>

#define ROUNDS 2000
#define PAGES 2000
#define MAPS 500

static __thread volatile uint64_t unit_word;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* What was done, as the child tells it. */
struct result {
	int64_t ns, events;
};

static int64_t switches(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return ru.ru_nvcsw + ru.ru_nivcsw;
}

/* Two real-time processes on one CPU that give it to each other: as many switches back as away. */
static struct result work_yield(void)
{
	struct sched_param param = { .sched_priority = 1 };
	int64_t begin, count;
	pid_t p;
	int i;

	if (sched_setscheduler(0, SCHED_FIFO, &param))
		die("sched_setscheduler");
	p = fork();
	if (p < 0)
		die("fork");
	unit_word = 1;
	for (i = 0; !p; i++)
		sched_yield();
	for (i = 0; i < 100; i++)
		sched_yield();
	count = switches();
	begin = now();
	for (i = 0; i < ROUNDS; i++)
		sched_yield();
	begin = now() - begin;
	count = 2 * (switches() - count);
	kill(p, SIGKILL);
	waitpid(p, NULL, 0);
	return (struct result){ begin, count };
}

/* Two processes on one CPU: a round is two switches, each with a waking and a wakeup. */
static struct result work_pipe(void)
{
	int a[2], b[2], i;
	int64_t begin = 0;
	char c = 0;
	pid_t p;

	if (pipe(a) || pipe(b))
		die("pipe");
	p = fork();
	if (p < 0)
		die("fork");
	unit_word = 1;
	for (i = -100; i < ROUNDS; i++) {
		if (!i)
			begin = now();
		if (p ? write(a[1], &c, 1) != 1 || read(b[0], &c, 1) != 1 :
			read(a[0], &c, 1) != 1 || write(b[1], &c, 1) != 1)
			die("token");
	}
	begin = now() - begin;
	if (!p)
		_exit(0);
	waitpid(p, NULL, 0);
	return (struct result){ begin, 6 * ROUNDS };
}

static struct result work_touch(void)
{
	size_t page = sysconf(_SC_PAGESIZE), size = (PAGES + 100) * page;
	volatile char *p =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int64_t begin = 0;
	int i;

	if (p == MAP_FAILED || madvise((void *)p, size, MADV_NOHUGEPAGE))
		die("mmap");
	for (i = -100; i < PAGES; i++) {
		if (!i)
			begin = now();
		p[(i + 100) * page] = 1;
	}
	return (struct result){ now() - begin, PAGES };
}

static struct result work_map(void)
{
	int64_t begin = 0;
	int i;

	for (i = -100; i < MAPS; i++) {
		void *p;

		if (!i)
			begin = now();
		p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED || munmap(p, 4096))
			die("mmap");
	}
	return (struct result){ now() - begin, 2 * MAPS };
}

enum unit { UNIT_NONE, UNIT_WORD };
enum who { NOBODY, THE_CHILD, ANOTHER };

typedef struct result (*work_fn)(void);
static struct result *result;

static void child(work_fn work, int go, bool run)
{
	char c;

	if (read(go, &c, 1) != 1)
		_exit(1);
	if (run)
		*result = work();
	_exit(0);
}

/* The child's work under a session with these groups: ns an event. */
static double measure_once(work_fn work, uint32_t groups, enum unit unit, enum who who)
{
	struct weft_setup setup = { .size = sizeof(setup),
				    .clock = WEFT_CLOCK_TSC,
				    .groups = groups,
				    .sub_size = 1 << 20,
				    .nr_subs = 16 };
	struct weft_filter filter = { .size = sizeof(filter) };
	struct weft_unit_word word = { .size = sizeof(word) };
	struct weft_stat st = { .size = sizeof(st) };
	int go[2], idle[2], fd = -1, status;
	pid_t p, other;

	if (pipe(go) || pipe(idle))
		die("pipe");
	p = fork();
	if (!p)
		child(work, go[0], true);
	other = fork();
	if (!other)
		child(work, idle[0], false);
	if (p < 0 || other < 0)
		die("fork");
	if (who != NOBODY) {
		fd = open(WEFT_DEVICE, O_RDWR | O_CLOEXEC);
		if (fd < 0 || ioctl(fd, WEFT_IOC_SETUP, &setup))
			die("SETUP");
		filter.tgid = word.tgid = who == THE_CHILD ? p : other;
		word.flags = unit == UNIT_NONE ? WEFT_UNIT_NONE : 0;
		if (unit == UNIT_WORD)
			word.tp_offset = (char *)&unit_word - (char *)__builtin_thread_pointer();
		if (ioctl(fd, WEFT_IOC_FILTER, &filter) || ioctl(fd, WEFT_IOC_UNIT, &word) ||
		    ioctl(fd, WEFT_IOC_START))
			die("START");
	}
	if (write(go[1], "", 1) != 1 || waitpid(p, &status, 0) != p || status)
		die("child");
	if (write(idle[1], "", 1) != 1 || waitpid(other, &status, 0) != other || status)
		die("child");
	if (fd >= 0) {
		if (ioctl(fd, WEFT_IOC_STAT, &st) || st.lost || st.missed) {
			fprintf(stderr, "%llu lost, %llu missed\n", st.lost, st.missed);
			exit(1);
		}
		close(fd);
	}
	close(go[0]);
	close(go[1]);
	close(idle[0]);
	close(idle[1]);
	return (double)result->ns / result->events;
}

/* Interrupts only add: the least of some. */
static double measure(work_fn work, uint32_t groups, enum unit unit, enum who who)
{
	double least = 1e18;
	int i;

	for (i = 0; i < 3; i++) {
		double t = measure_once(work, groups, unit, who);

		if (t < least)
			least = t;
	}
	return least;
}

static void say(const char *name, double figure)
{
	printf("%s %.1f\n", name, figure);
	fflush(stdout);
}

int main(void)
{
	const uint32_t sched = WEFT_GROUP_SCHED, cost = WEFT_GROUP_COST, fault = WEFT_GROUP_FAULT;
	const uint32_t mm = WEFT_GROUP_MM;
	double none, traced;

	result = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (result == MAP_FAILED)
		die("mmap");

	none = measure(work_yield, 0, UNIT_NONE, NOBODY);
	traced = measure(work_yield, sched, UNIT_NONE, THE_CHILD);
	say("untraced_switch", none);
	say("switch", traced - none);
	say("switch_unit", measure(work_yield, sched, UNIT_WORD, THE_CHILD) - none);
	say("switch_cost", measure(work_yield, sched | cost, UNIT_NONE, THE_CHILD) - traced);
	say("switch_outside", measure(work_yield, sched, UNIT_NONE, ANOTHER) - none);
	say("closed", measure(work_yield, 0, UNIT_NONE, NOBODY) - none);

	none = measure(work_pipe, 0, UNIT_NONE, NOBODY);
	say("untraced_sched", none);
	say("sched", measure(work_pipe, sched, UNIT_NONE, THE_CHILD) - none);
	say("sched_unit", measure(work_pipe, sched, UNIT_WORD, THE_CHILD) - none);
	say("sched_outside", measure(work_pipe, sched, UNIT_NONE, ANOTHER) - none);

	none = measure(work_touch, 0, UNIT_NONE, NOBODY);
	say("untraced_fault", none);
	say("fault", measure(work_touch, fault, UNIT_NONE, THE_CHILD) - none);
	say("fault_outside", measure(work_touch, fault, UNIT_NONE, ANOTHER) - none);

	none = measure(work_map, 0, UNIT_NONE, NOBODY);
	say("untraced_map", none);
	say("map", measure(work_map, mm, UNIT_NONE, THE_CHILD) - none);
	say("map_outside", measure(work_map, mm, UNIT_NONE, ANOTHER) - none);
	return 0;
}
