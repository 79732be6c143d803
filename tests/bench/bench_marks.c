// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a mark costs, in ns and instructions: unrecorded, recorded, built off (this file with
 * -DWEFT_DISABLE), with few units alive and with a million; beside it a mark by uprobe, by a write to
 * trace_marker and by a system call that does nothing.
 *
 *	gcc -O2 -D_GNU_SOURCE -Iinclude -Iuser tests/bench/bench_marks.c user/unit_ring.c user/unit_record.c \
 *		user/clock.c user/stream_file.c -o bench_marks		(bench_marks.sh does)
 *
 * Times: the best of several rounds, the empty loop subtracted. Instructions: counted one by one,
 * by stepping through ptrace(2). Nothing is printed for what this kernel or user can't do.
 */
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <weft/ring.h>
#include <weft/unit.h>
#include "unit_ring.h"

#define ROUNDS 15

static uint64_t id, other;
#ifndef WEFT_DISABLE
#define FEW 16u
#define MANY (1u << 20)
static uint64_t live[MANY];
static uint64_t live_mask;
static int marker = -1;
#endif

/* Each as a program would have it: the marks inlined into a loop. */
#define BODY(name, ...)                                                                            \
	static void __attribute__((noinline)) name(uint64_t n)                                     \
	{                                                                                          \
		uint64_t i;                                                                        \
                                                                                                   \
		for (i = 0; i < n; i++) {                                                          \
			__asm__ volatile("" : : "r"(i) : "memory");                                \
			__VA_ARGS__;                                                               \
		}                                                                                  \
	}

BODY(loop_empty, (void)0)
BODY(loop_pair, weft_unit_resume(id), weft_unit_suspend(WEFT_WAIT_YIELD, i))
BODY(loop_wake, weft_unit_wake(other, id))
BODY(loop_create, other = weft_unit_create(WEFT_UNIT_TASK, "a task", id))
BODY(loop_life, weft_unit_resume(weft_unit_create(WEFT_UNIT_TASK, "a task", 0)), weft_unit_exit())
#ifndef WEFT_DISABLE
/* One unit after the other, of all that live. */
BODY(loop_live, weft_unit_resume(live[i & live_mask]), weft_unit_suspend(WEFT_WAIT_YIELD, i))

static void __attribute__((noinline)) nothing(uint64_t i)
{
	__asm__ volatile("" : : "r"(i) : "memory");
}

/* A place for a uprobe. */
static void __attribute__((noinline)) probed(uint64_t i)
{
	__asm__ volatile("nop" : : "r"(i) : "memory");
}

BODY(loop_probed, probed(i))
BODY(loop_called, nothing(i))
BODY(loop_marker, if (write(marker, "resume 1234567", 14) != 14) abort())
BODY(loop_syscall, syscall(SYS_getppid))
#endif

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

/* Waits until the recorder has read all marks: none may be lost in what is measured. */
static void wait_for_reader(void)
{
#ifndef WEFT_DISABLE
	const struct weft_unit_writer_ *w = (void *)weft_unit_self_()->ring;

	while (weft_unit_self_()->ring > WEFT_UNIT_OFF_ &&
	       __atomic_load_n(&w->ring->tail, __ATOMIC_ACQUIRE) != w->head)
		usleep(1000);
#endif
}

/* ns for one turn of the loop, at best. */
static double time_of(void (*loop)(uint64_t), uint64_t n)
{
	double best = 1e30, t;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		wait_for_reader();
		t = now_ns();
		loop(n);
		t = (now_ns() - t) / n;
		if (t < best)
			best = t;
	}
	return best;
}

/* Instructions from one SIGSTOP of the child to the next. */
static long steps(pid_t pid)
{
	long n = 0;
	int status;

	for (;;) {
		if (ptrace(PTRACE_SINGLESTEP, pid, 0, 0) || waitpid(pid, &status, 0) != pid ||
		    !WIFSTOPPED(status))
			return -1;
		if (WSTOPSIG(status) == SIGSTOP)
			return n;
		n++;
	}
}

static double instructions_of(void (*loop)(uint64_t))
{
	long few, many;
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0))
			_exit(1);
		loop(1000); /* rings and ids are set up */
		raise(SIGSTOP);
		loop(20);
		raise(SIGSTOP);
		loop(120);
		raise(SIGSTOP);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return -1;
	few = steps(pid);
	many = steps(pid);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return few < 0 || many < 0 ? -1 : (many - few) / 100.0;
}

static void line(const char *what, void (*loop)(uint64_t), void (*without)(uint64_t), uint64_t n,
		 int marks)
{
	double ns = time_of(loop, n) - time_of(without, n);
	double in = instructions_of(loop), in_without = instructions_of(without);

	printf("%-52s %8.2f ns", what, ns / marks);
	if (in >= 0 && in_without >= 0)
		printf(" %6.1f instructions", (in - in_without) / marks);
	printf("\n");
	fflush(stdout);
}

static void marks(const char *state, uint64_t n)
{
	char what[64];

	id = weft_unit_create(WEFT_UNIT_COROUTINE, "bench", 0);
#define LINE(text, loop, per)                                                                      \
	snprintf(what, sizeof(what), "%s: %s", state, text);                                       \
	line(what, loop, loop_empty, n, per)
	LINE("resume + suspend, the pair", loop_pair, 1);
	LINE("resume or suspend, each", loop_pair, 2);
	LINE("wake", loop_wake, 1);
	LINE("create", loop_create, 1);
	LINE("create + resume + exit, each", loop_life, 3);
}

#ifndef WEFT_DISABLE
static void on_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* The same marks with few and with many units that were created and have not ended. */
static void marks_of_live(const char *state, uint64_t n)
{
	char what[64];
	unsigned i;

	for (i = 0; i < MANY; i++) {
		live[i] = weft_unit_create(WEFT_UNIT_COROUTINE, "live", 0);
		if (i == FEW - 1) {
			live_mask = FEW - 1;
			snprintf(what, sizeof(what), "%s, %u live: resume or suspend, each", state,
				 FEW);
			line(what, loop_live, loop_empty, n, 2);
		}
		if (i % 30000 == 0)
			wait_for_reader();
	}
	live_mask = MANY - 1;
	snprintf(what, sizeof(what), "%s, %u live: resume or suspend, each", state, MANY);
	line(what, loop_live, loop_empty, n, 2);
}

/* The marks in a child, and this process as its recorder, on another CPU if there is one. */
static void recorded(uint32_t clock, const char *state)
{
	char dir[] = "/dev/shm/weft-bench-XXXXXX", out[64], err[256], command[96];
	uint64_t events, lost, error;
	const uint8_t uuid[16] = { 0 };
	struct unit_rings *u;
	pid_t pid;

	if (!mkdtemp(dir) || unit_rings_create(&u, clock, err, sizeof(err)))
		return;
	snprintf(out, sizeof(out), "%s/units", dir);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		on_cpu(1);
		unit_rings_attach_self(u);
		loop_pair(1000000); /* the ring grows to its largest; these marks may be lost */
		marks(state, 60000);
		marks_of_live(state, 60000);
		_exit(0);
	}
	while (waitpid(pid, NULL, WNOHANG) == 0) {
		if (unit_rings_drain(u, out, uuid, false) < 0)
			break;
		usleep(1000);
	}
	unit_rings_drain(u, out, uuid, true);
	unit_rings_stat(u, &events, &lost, NULL, &error);
	printf("%s: %llu records, %llu lost, clock error %llu ns\n", state,
	       (unsigned long long)events, (unsigned long long)lost, (unsigned long long)error);
	unit_rings_free(u);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command))
		return;
}

/* A uprobe on probed() that counts, by perf_event_open(); -1 if that can't be. */
static int attach_uprobe(void)
{
	struct perf_event_attr attr = { .size = sizeof(attr) };
	unsigned long start, offset = 0, at = (unsigned long)probed;
	char line_buf[512], exe[256];
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	FILE *f = fopen("/sys/bus/event_source/devices/uprobe/type", "r");

	if (len < 0 || !f || fscanf(f, "%u", &attr.type) != 1)
		return -1;
	fclose(f);
	exe[len] = 0;
	f = fopen("/proc/self/maps", "r");
	while (f && fgets(line_buf, sizeof(line_buf), f)) {
		unsigned long end, off;

		if (sscanf(line_buf, "%lx-%lx %*s %lx", &start, &end, &off) == 3 && at >= start &&
		    at < end)
			offset = off + at - start;
	}
	if (f)
		fclose(f);
	attr.config1 = (uintptr_t)exe;
	attr.config2 = offset;
	return syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static void others(void)
{
	int probe = attach_uprobe();

	if (probe >= 0) {
		line("uprobe that only counts", loop_probed, loop_called, 100000, 1);
		close(probe);
	}
	marker = open("/sys/kernel/tracing/trace_marker", O_WRONLY);
	if (marker >= 0 && write(marker, "x", 1) == 1)
		line("write to trace_marker, 14 bytes", loop_marker, loop_empty, 20000, 1);
	line("system call that does nothing (getppid)", loop_syscall, loop_empty, 200000, 1);
}
#endif

int main(void)
{
#ifdef WEFT_DISABLE
	marks("built off", 1000000);
#else
	unsetenv("WEFT_UNITS");
	marks("unrecorded", 1000000);
	recorded(WEFT_CLOCK_TSC, "recorded, TSC");
	others();
#endif
	return 0;
}
