// SPDX-License-Identifier: GPL-2.0-only
/* Tasks, futures and the pool. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <weft/unit.h>
#include "models/task.h"

static const uint32_t pool_sizes[] = { 1, 2, 4 };

#define for_each_pool(p, i)                                                                        \
	for (i = 0; i < sizeof(pool_sizes) / sizeof(pool_sizes[0]) &&                              \
		    (p = pool_create(pool_sizes[i], false));                                       \
	     pool_destroy(p), i++)

/* ---- spawn and join ---- */

struct number {
	struct task task;
	uint64_t n;
};

static enum task_step square(struct task *t)
{
	struct number *n = (struct number *)t;

	t->result = n->n * n->n;
	return TASK_DONE;
}

static void test_spawn_and_join(void **state)
{
	enum { NR = 10000 };
	struct number *number = calloc(NR, sizeof(*number));
	uint64_t sum, k;
	struct pool *p;
	size_t i;

	for_each_pool(p, i)
	{
		for (k = 0; k < NR; k++) {
			number[k].n = k;
			task_spawn(p, &number[k].task, square, "square");
		}
		for (sum = 0, k = 0; k < NR; k++)
			sum += task_join(&number[k].task);
		assert_int_equal(sum, (uint64_t)NR * (NR - 1) * (2 * NR - 1) / 6);
	}
	assert_int_equal(i, 3);
	free(number);
}

static void test_empty_pool(void **state)
{
	struct pool *p;
	size_t i;

	for_each_pool(p, i);
	assert_int_equal(i, 3);
}

/* ---- tasks that spawn tasks and wait for them ---- */

struct fib {
	struct task task;
	uint64_t n, a;
	int at;
	struct fib *child;
};

static enum task_step fib(struct task *t)
{
	struct fib *f = (struct fib *)t;
	uint64_t b;

	switch (f->at) {
	case 0:
		if (f->n < 2) {
			t->result = f->n;
			return TASK_DONE;
		}
		f->child = calloc(2, sizeof(*f->child));
		f->child[0].n = f->n - 1;
		f->child[1].n = f->n - 2;
		task_spawn(t->pool, &f->child[0].task, fib, "fib");
		task_spawn(t->pool, &f->child[1].task, fib, "fib");
		f->at = 1;
		/* fall through */
	case 1:
		if (!future_take(&f->child[0].task.done, t, &f->a))
			return TASK_WAIT;
		f->at = 2;
		/* fall through */
	default:
		if (!future_take(&f->child[1].task.done, t, &b))
			return TASK_WAIT;
		free(f->child);
		t->result = f->a + b;
		return TASK_DONE;
	}
}

static void test_tasks_of_tasks(void **state)
{
	struct pool *p;
	size_t i;

	for_each_pool(p, i)
	{
		struct fib f = { .n = 17 };

		task_spawn(p, &f.task, fib, "fib");
		assert_int_equal(task_join(&f.task), 1597);
	}
}

/* ---- futures ---- */

struct player {
	struct task task;
	struct future *mine, *theirs;
	uint64_t rounds;
};

static enum task_step play(struct task *t)
{
	struct player *p = (struct player *)t;
	uint64_t token;

	for (; p->rounds; p->rounds--) {
		if (!future_take(p->mine, t, &token))
			return TASK_WAIT;
		t->result = token + 1;
		future_set(p->theirs, token + 1);
	}
	return TASK_DONE;
}

/* Many pairs at once, so that tasks are woken while they are still about to wait. */
static void test_tokens(void **state)
{
	enum { PAIRS = 8, ROUNDS = 5000 };
	struct pool *p;
	size_t i;
	int k;

	for_each_pool(p, i)
	{
		struct future future[2 * PAIRS] = { 0 };
		struct player player[2 * PAIRS] = { 0 };

		for (k = 0; k < 2 * PAIRS; k++) {
			player[k].mine = &future[k];
			player[k].theirs = &future[k ^ 1];
			player[k].rounds = ROUNDS;
			task_spawn(p, &player[k].task, play, "player");
		}
		for (k = 0; k < PAIRS; k++)
			future_set(&future[2 * k], 0);
		for (k = 0; k < 2 * PAIRS; k++)
			assert_int_equal(task_join(&player[k].task), 2 * ROUNDS - !(k & 1));
	}
}

static void test_future_is_used_again(void **state)
{
	struct pool *p = pool_create(1, false);
	struct future f = { 0 };
	uint64_t i;

	for (i = 0; i < 3; i++) {
		future_set(&f, i);
		assert_int_equal(future_wait(p, &f), i);
	}
	pool_destroy(p);
}

/* ---- sleep ---- */

static _Atomic int order;

struct sleeper {
	struct task task;
	uint64_t ns, slept, end;
	int place;
};

static enum task_step sleeps(struct task *t)
{
	struct sleeper *s = (struct sleeper *)t;

	if (!s->slept++) {
		s->end = timer_now() + s->ns;
		task_sleep(t, s->ns);
		return TASK_WAIT;
	}
	assert_true(timer_now() >= s->end);
	s->place = atomic_fetch_add(&order, 1);
	return TASK_DONE;
}

static void test_sleep(void **state)
{
	struct pool *p;
	size_t i;
	int k;

	for_each_pool(p, i)
	{
		struct sleeper s[3] = { { .ns = 150000000 },
					{ .ns = 50000000 },
					{ .ns = 100000000 } };
		uint64_t start = timer_now();

		order = 0;
		for (k = 0; k < 3; k++)
			task_spawn(p, &s[k].task, sleeps, "sleeper");
		for (k = 0; k < 3; k++)
			task_join(&s[k].task);
		/* At the same time, not one after the other. */
		assert_in_range(timer_now() - start, 150000000, 299000000);
		assert_int_equal(s[0].place, 2);
		assert_int_equal(s[1].place, 0);
	}
}

/* ---- workers ---- */

static _Atomic uint32_t present;

/* Two tasks that each wait, awake, for the other to run: they need two threads. */
static enum task_step meet(struct task *t)
{
	uint64_t end = timer_now() + 5000000000;

	atomic_fetch_add(&present, 1);
	while (atomic_load(&present) < 2 && timer_now() < end)
		;
	t->result = atomic_load(&present);
	return TASK_DONE;
}

static void test_idle_workers_are_woken(void **state)
{
	struct pool *p = pool_create(2, false);
	struct task t[2];
	int i;

	for (i = 0; i < 20; i++) {
		atomic_store(&present, 0);
		/* Long enough for the other worker to be asleep, in most rounds. */
		usleep(i % 2 ? 1000 : 0);
		task_spawn(p, &t[0], meet, "meet");
		task_spawn(p, &t[1], meet, "meet");
		assert_int_equal(task_join(&t[0]), 2);
		assert_int_equal(task_join(&t[1]), 2);
	}
	pool_destroy(p);
}

static enum task_step count(struct task *t)
{
	atomic_fetch_add(&present, 1);
	return TASK_DONE;
}

static void test_held(void **state)
{
	struct pool *p = pool_create(4, true);
	struct task t[100];
	int i;

	atomic_store(&present, 0);
	for (i = 0; i < 100; i++)
		task_spawn(p, &t[i], count, "count");
	usleep(20000);
	assert_int_equal(atomic_load(&present), 0);
	pool_release(p);
	for (i = 0; i < 100; i++)
		task_join(&t[i]);
	assert_int_equal(atomic_load(&present), 100);
	pool_destroy(p);
}

static enum task_step knows_its_unit(struct task *t)
{
	t->result = t->unit && weft_unit_current() == t->unit;
	return TASK_DONE;
}

static void test_the_unit_word_follows(void **state)
{
	struct pool *p;
	size_t i;
	int k;

	for_each_pool(p, i)
	{
		struct task t[20];

		for (k = 0; k < 20; k++)
			task_spawn(p, &t[k], knows_its_unit, "unit");
		for (k = 0; k < 20; k++)
			assert_int_equal(task_join(&t[k]), 1);
		assert_int_equal(weft_unit_current(), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spawn_and_join),	       cmocka_unit_test(test_empty_pool),
		cmocka_unit_test(test_tasks_of_tasks),	       cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_future_is_used_again),   cmocka_unit_test(test_sleep),
		cmocka_unit_test(test_idle_workers_are_woken), cmocka_unit_test(test_held),
		cmocka_unit_test(test_the_unit_word_follows),
	};

	return cmocka_run_group_tests_name("task", tests, NULL, NULL);
}
