/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small trace written by hand, and the accounts of it: what tests of the rules of docs/model.md have in
 * common. Included by the test programs, each of which is one file.
 */
#ifndef WEFT_TESTS_CORRELATED_H
#define WEFT_TESTS_CORRELATED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <cmocka.h>
#include "correlate.h"
#include "../oracle/trace_writer.h"

static struct writer w;
static struct trace *t;
static struct accounts *a;

/* Records on a CPU, and marks of process 100, in order of time within each. */
#define EV(cpu, name, ...) WRITER_EVENT(&w, cpu, name, __VA_ARGS__)
#define MARK_OF(process, version, name, ...) WRITER_MARK(&w, process, version, name, __VA_ARGS__)
#define MARK(name, ...) MARK_OF(100, 0, name, __VA_ARGS__)
#define SLEEPS .state = 1
#define THREAD_FLAGS (CLONE_VM | CLONE_THREAD | CLONE_SETTLS)

static inline int start(void **state)
{
	writer_init(&w);
	/* Thread 100 exists and runs on CPU 0, as its own record shows; CPU 1 is idle. */
	EV(0, thread, 1000, 100, 0, .tgid = 100, .flags = WEFT_THREAD_TRACED, .comm = "prog");
	EV(0, task_rename, 1000, 100, 0, .target = 100, .comm = "prog");
	writer_stream(&w, false, 1, 0);
	return 0;
}

static inline int stop(void **state)
{
	accounts_free(a);
	trace_close(t);
	a = NULL;
	t = NULL;
	writer_free(&w);
	return 0;
}

static inline void go(void)
{
	char err[256];

	writer_write(&w);
	if (trace_open(&t, w.dir, err, sizeof(err)) ||
	    correlate(t, NULL, NULL, &a, err, sizeof(err)))
		fail_msg("%s", err);
}

/* The nth account of this id, from 0. */
static inline const struct acct_thread *thread(uint32_t tid, int nth)
{
	const struct acct_thread *th;

	for (th = a->threads; th; th = th->next)
		if (th->tid == tid && !nth--)
			return th;
	fail_msg("no account of thread %u", tid);
	return NULL;
}

static inline const struct acct_unit *unit_of(uint32_t tgid, uint32_t copy, uint64_t id, int nth)
{
	const struct acct_unit *u;

	for (u = a->units; u; u = u->next)
		if (u->tgid == tgid && u->copy == copy && u->id == id && !nth--)
			return u;
	fail_msg("no account of unit %d of %u", (int)id, tgid);
	return NULL;
}

static inline const struct acct_unit *unit(uint64_t id)
{
	return unit_of(100, 0, id, 0);
}

static inline void states_are(const uint64_t *state, uint64_t unknown, uint64_t oncpu,
			      uint64_t runnable, uint64_t blocked, uint64_t ready,
			      uint64_t suspended)
{
	const uint64_t want[] = { unknown, oncpu, runnable, blocked, ready, suspended };
	int s;

	for (s = 0; s < ACCT_NR_STATES; s++)
		if (state[s] != want[s])
			fail_msg("state %d is %d, should be %d", s, (int)state[s], (int)want[s]);
}

static inline uint64_t blocked_in(const struct acct_blocked *b, uint32_t what)
{
	for (; b; b = b->next)
		if (b->what == what)
			return b->ticks;
	return 0;
}

static inline uint64_t waited(const struct acct_unit *u, uint32_t reason, uint64_t object)
{
	const struct acct_wait *wait;

	for (wait = u->waits; wait; wait = wait->next)
		if (wait->reason == reason && wait->object == object)
			return wait->ticks;
	return 0;
}

/* A second thread, 101, on CPU 1. */
static inline void two_threads(void)
{
	EV(0, task_newtask, 1001, 100, 0, .child_tid = 101, .child_tgid = 100,
	   .clone_flags = THREAD_FLAGS);
	EV(0, sched_wakeup_new, 1002, 100, 0, .target = 101);
	EV(1, sched_switch, 1003, 0, 0, .next_tid = 101);
}

#endif
