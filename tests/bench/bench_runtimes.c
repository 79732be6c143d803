// SPDX-License-Identifier: GPL-2.0-only
/*
 * What our own coroutines and tasks cost, per operation: the median of a number of runs, and the
 * best. tests/bench/runtimes builds it. With a name, that measurement only; with a second argument,
 * one run of it, of which it prints the number of operations. With --names, the names.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <ucontext.h>
#include "models/channel.h"
#include "models/context.h"
#include "models/coroutine.h"
#include "models/task.h"

#define RUNS 15

static void *outside, *inside;
static char stack[STACK_SIZE] __attribute__((aligned(64)));

static void switch_back(void *arg)
{
	for (;;)
		context_switch(&inside, outside);
}

static void switch_back_nofp(void *arg)
{
	for (;;)
		context_switch_nofp(&inside, outside);
}

static uint64_t bench_switch(uint64_t arg)
{
	uint64_t i, nr = 1000000;

	inside = context_make(stack + sizeof(stack) - 1024, switch_back, NULL);
	for (i = 0; i < nr; i++)
		context_switch(&outside, inside);
	return 2 * nr;
}

static uint64_t bench_switch_nofp(uint64_t arg)
{
	uint64_t i, nr = 1000000;

	inside = context_make(stack + sizeof(stack) - 1024, switch_back_nofp, NULL);
	for (i = 0; i < nr; i++)
		context_switch_nofp(&outside, inside);
	return 2 * nr;
}

static ucontext_t outside_u, inside_u;

static void swap_back(void)
{
	for (;;)
		swapcontext(&inside_u, &outside_u);
}

static uint64_t bench_swapcontext(uint64_t arg)
{
	uint64_t i, nr = 50000;

	getcontext(&inside_u);
	inside_u.uc_stack = (stack_t){ .ss_sp = stack, .ss_size = sizeof(stack) };
	makecontext(&inside_u, swap_back, 0);
	for (i = 0; i < nr; i++)
		swapcontext(&outside_u, &inside_u);
	return 2 * nr;
}

/* ---- coroutines ---- */

static uint64_t yields(void *arg)
{
	uint64_t n = (uint64_t)(uintptr_t)arg;

	while (n--)
		coroutine_yield();
	return 0;
}

static uint64_t yield_round(uint64_t nr, enum scheduler_fp fp)
{
	uint64_t rounds = 2000000 / nr, i;
	struct scheduler s;

	scheduler_init(&s, fp);
	for (i = 0; i < nr; i++)
		if (!coroutine_create(&s, yields, (void *)rounds, "yields"))
			abort();
	scheduler_run(&s);
	scheduler_destroy(&s);
	return nr * rounds;
}

static uint64_t bench_yield(uint64_t nr)
{
	return yield_round(nr, SCHEDULER_FP_KEPT);
}

static uint64_t bench_yield_nofp(uint64_t nr)
{
	return yield_round(nr, SCHEDULER_FP_SHARED);
}

static uint64_t ends(void *arg)
{
	return 1;
}

static uint64_t creates(void *arg)
{
	uint64_t n = (uint64_t)(uintptr_t)arg;
	struct scheduler *s = coroutine_self()->scheduler;

	while (n--)
		coroutine_join(coroutine_create(s, ends, NULL, "ends"));
	return 0;
}

static uint64_t create_join(enum scheduler_fp fp)
{
	uint64_t nr = 500000;
	struct scheduler s;

	scheduler_init(&s, fp);
	coroutine_create(&s, creates, (void *)nr, "creates");
	scheduler_run(&s);
	scheduler_destroy(&s);
	return nr;
}

static uint64_t bench_create(uint64_t arg)
{
	return create_join(SCHEDULER_FP_KEPT);
}

static uint64_t bench_create_nofp(uint64_t arg)
{
	return create_join(SCHEDULER_FP_SHARED);
}

/*
 * Made by the thread, a batch at a time, run once, joined: no second switch for the one that waits.
 */
static uint64_t bench_create_batch(uint64_t arg)
{
	struct coroutine *c[64];
	struct scheduler s;
	int i, k;

	scheduler_init(&s, SCHEDULER_FP_SHARED);
	for (i = 0; i < 5000; i++) {
		for (k = 0; k < 64; k++)
			c[k] = coroutine_create(&s, ends, NULL, "ends");
		scheduler_run(&s);
		for (k = 0; k < 64; k++)
			coroutine_join(c[k]);
	}
	scheduler_destroy(&s);
	return 5000 * 64;
}

static uint64_t bench_create_fresh(uint64_t nr)
{
	struct scheduler s;
	uint64_t i;

	scheduler_init(&s, SCHEDULER_FP_KEPT);
	for (i = 0; i < nr; i++)
		coroutine_create(&s, ends, NULL, "ends");
	scheduler_run(&s);
	scheduler_destroy(&s);
	return nr;
}

static struct channel channels[2];

static uint64_t passes(void *arg)
{
	bool second = arg;
	uint64_t i;

	for (i = 0; i < 500000; i++)
		channel_send(&channels[!second], channel_receive(&channels[second]));
	return 0;
}

static uint64_t bench_channel(uint64_t arg)
{
	uint64_t slots[2];
	struct scheduler s;

	scheduler_init(&s, SCHEDULER_FP_KEPT);
	channel_init(&channels[0], &slots[0], 1);
	channel_init(&channels[1], &slots[1], 1);
	channel_send(&channels[0], 0);
	coroutine_create(&s, passes, NULL, "ping");
	coroutine_create(&s, passes, (void *)1, "pong");
	scheduler_run(&s);
	scheduler_destroy(&s);
	return 1000000;
}

/* ---- tasks ---- */

static enum task_step done(struct task *t)
{
	return TASK_DONE;
}

static uint64_t bench_spawn(uint64_t workers)
{
	enum { NR = 1000, ROUNDS = 500 };
	struct pool *p = pool_create((uint32_t)workers, false);
	struct task *t = calloc(NR, sizeof(*t));
	int i, k;

	if (!p || !t)
		abort();
	for (i = 0; i < ROUNDS; i++) {
		for (k = 0; k < NR; k++)
			task_spawn(p, &t[k], done, "done");
		for (k = 0; k < NR; k++)
			task_join(&t[k]);
	}
	pool_destroy(p);
	free(t);
	return NR * ROUNDS;
}

struct player {
	struct task task;
	struct future *mine, *theirs;
	uint64_t rounds;
};

static enum task_step plays(struct task *t)
{
	struct player *p = (struct player *)t;
	uint64_t token;

	for (; p->rounds; p->rounds--) {
		if (!future_take(p->mine, t, &token))
			return TASK_WAIT;
		future_set(p->theirs, token + 1);
	}
	return TASK_DONE;
}

static uint64_t bench_future(uint64_t workers)
{
	struct pool *p = pool_create((uint32_t)workers, false);
	struct future f[2] = { 0 };
	struct player player[2] = {
		{ .mine = &f[0], .theirs = &f[1], .rounds = 250000 },
		{ .mine = &f[1], .theirs = &f[0], .rounds = 250000 },
	};

	if (!p)
		abort();
	future_set(&f[0], 0);
	task_spawn(p, &player[0].task, plays, "ping");
	task_spawn(p, &player[1].task, plays, "pong");
	task_join(&player[0].task);
	task_join(&player[1].task);
	pool_destroy(p);
	return 500000;
}

/* ---- memory ---- */

/* A line of /proc/self/status, in bytes. */
static uint64_t status_bytes(const char *field)
{
	uint64_t kib = 0;
	char line[128];
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, field, strlen(field)))
			sscanf(line + strlen(field), " %lu", &kib);
	if (f)
		fclose(f);
	return kib * 1024;
}

static uint64_t suspends(void *arg)
{
	coroutine_suspend(0, NULL);
	return 0;
}

static void print_memory(uint64_t nr)
{
	uint64_t rss = status_bytes("VmRSS:"), tables = status_bytes("VmPTE:"), i;
	struct scheduler s;

	scheduler_init(&s, SCHEDULER_FP_KEPT);
	for (i = 0; i < nr && coroutine_create(&s, suspends, NULL, "idle"); i++)
		;
	scheduler_run(&s);
	rss = status_bytes("VmRSS:") - rss;
	tables = status_bytes("VmPTE:") - tables;
	printf("%-34s %8.0f bytes: %.0f resident, %.0f page tables; %lu of %lu made, %lu "
	       "unguarded\n",
	       "idle coroutine", (double)(rss + tables) / (double)i, (double)rss / (double)i,
	       (double)tables / (double)i, i, nr, s.stacks.unguarded);
	scheduler_destroy(&s);
}

/* ---- the table ---- */

static const struct bench {
	const char *name, *what;
	uint64_t (*run)(uint64_t arg); /* returns how many operations it was */
	uint64_t arg;
	double mark; /* ns; 0: none */
} benches[] = {
	{ "switch-nofp", "context switch", bench_switch_nofp, 0, 3.0 },
	{ "switch", "  with control words", bench_switch, 0, 7.0 },
	{ "swapcontext", "  by swapcontext()", bench_swapcontext, 0, 0 },
	{ "yield-nofp", "yield, 2 coroutines", bench_yield_nofp, 2, 0 },
	{ "yield", "  with control words", bench_yield, 2, 0 },
	{ "yield-100", "  100 coroutines", bench_yield, 100, 0 },
	{ "yield-1000", "  1,000 coroutines", bench_yield, 1000, 0 },
	{ "yield-100000", "  100,000 coroutines, made too", bench_yield, 100000, 0 },
	{ "channel", "channel hand-over", bench_channel, 0, 0 },
	{ "create-batch", "coroutine create, run, join", bench_create_batch, 0, 20 },
	{ "create-nofp", "  each joined by a coroutine", bench_create_nofp, 0, 0 },
	{ "create", "  with control words", bench_create, 0, 0 },
	{ "create-fresh", "  on a fresh stack", bench_create_fresh, 50000, 0 },
	{ "spawn-1", "task spawn, join, 1 worker", bench_spawn, 1, 63 },
	{ "spawn-2", "  2 workers (wall time)", bench_spawn, 2, 63 },
	{ "future-1", "future hand-over, 1 worker", bench_future, 1, 0 },
	{ "future-2", "  2 workers (wall time)", bench_future, 2, 0 },
};

static double measure(const struct bench *b)
{
	clockid_t clock = strchr(b->name, '2') ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID;
	struct timespec from, to;
	uint64_t ops;

	clock_gettime(clock, &from);
	ops = b->run(b->arg);
	clock_gettime(clock, &to);
	return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) /
	       (double)ops;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int main(int argc, char **argv)
{
	double ns[RUNS];
	size_t i;
	int k;

	if (argc == 2 && !strcmp(argv[1], "--names")) {
		for (i = 0; i < sizeof(benches) / sizeof(benches[0]); i++)
			puts(benches[i].name);
		return 0;
	}
	if (argc > 2) {
		for (i = 0; i < sizeof(benches) / sizeof(benches[0]); i++)
			if (!strcmp(benches[i].name, argv[1]))
				printf("%lu\n", benches[i].run(benches[i].arg));
		return 0;
	}
	printf("%-34s %8s %8s %8s\n", "ns per operation", "median", "best", "mark");
	for (i = 0; i < sizeof(benches) / sizeof(benches[0]); i++) {
		if (argc > 1 && strcmp(benches[i].name, argv[1]))
			continue;
		for (k = 0; k < RUNS; k++)
			ns[k] = measure(&benches[i]);
		qsort(ns, RUNS, sizeof(ns[0]), compare);
		printf("%-34s %8.1f %8.1f ", benches[i].what, ns[RUNS / 2], ns[0]);
		if (benches[i].mark > 0)
			printf("%8.1f\n", benches[i].mark);
		else
			printf("%8s\n", "-");
		fflush(stdout);
	}
	if (argc == 1) {
		print_memory(100000);
		print_memory(1000000);
	}
	return 0;
}
