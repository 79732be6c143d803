// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tasks, futures and the pool of workers that runs them. docs/runtimes.md tells the whole.
 *
 * Each worker has a queue of its own, first in, first out, under a lock of its own; a worker
 * without work takes half of another's. A task that a worker wakes while it runs another one goes
 * into the worker's `next` slot, without any lock, and runs right after that: so a token handed to
 * and fro stays on one thread. The price: it is not taken by another worker if the one that woke it
 * goes on for long.
 *
 * Lock order: at most one lock is held at a time.
 */
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <weft/unit.h>
#include "futex.h"
#include "task.h"

/* THREAD: the pool's own thread waits. */
enum future_state { FUTURE_EMPTY, FUTURE_SET, FUTURE_THREAD };
/* NOTIFIED: woken while it was still running, so its worker queues it again. */
enum task_state { TASK_IDLE, TASK_QUEUED, TASK_RUNNING, TASK_NOTIFIED };

/* Once in so many tasks a worker looks at its queue and the timers first, whatever `next` holds. */
#define TICKS 64
/* Tasks taken from another worker at once. */
#define STEAL_MAX 64
/* Looks around before a worker without work goes to sleep. */
#define SPINS 32

/* Tasks from first to last, linked. */
struct chain {
	struct task *first, *last;
	uint32_t nr;
};

struct worker {
	struct pool *pool;
	struct task *next;
	uint32_t tick;
	pthread_t thread;
	/* What the others touch, on a line of its own. */
	pthread_mutex_t lock __attribute__((aligned(64)));
	struct chain queue;  /* under lock */
	_Atomic uint32_t nr; /* queue.nr, to see without the lock whether to look at all */
};

struct pool {
	uint32_t nr_workers;
	_Atomic uint32_t held;
	_Atomic uint32_t stop;
	/*
	 * Sleeping. A worker reads `epoch`, adds itself to `sleepers`, looks around once more and
	 * sleeps while epoch is what it read. Who has queued something looks at sleepers after
	 * that, and moves epoch on. Either looks after it has shown its own, with a full barrier
	 * between the two, so they can't miss each other. `waking`: one is on its way already; it
	 * clears that before it looks around, so that it finds what was queued until then.
	 */
	_Atomic uint32_t epoch __attribute__((aligned(64)));
	_Atomic uint32_t sleepers;
	_Atomic uint32_t waking;
	_Atomic uint32_t keeper; /* one of the sleepers watches the timers */
	pthread_mutex_t timer_lock __attribute__((aligned(64)));
	struct timer *timers;	   /* under timer_lock */
	_Atomic uint64_t deadline; /* of the first one; 0: none */
	struct worker worker[];
};

static _Thread_local struct worker *me;

static void wake_workers(struct pool *p, int nr)
{
	atomic_fetch_add(&p->epoch, 1);
	futex_wake(&p->epoch, nr, false);
}

/* Something has been queued: is there somebody idle who could run it? */
static void notify(struct pool *p)
{
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&p->sleepers, memory_order_relaxed) &&
	    !atomic_load_explicit(&p->waking, memory_order_relaxed) &&
	    !atomic_exchange(&p->waking, 1))
		wake_workers(p, 1);
}

static void push_chain(struct worker *w, struct chain c)
{
	pthread_mutex_lock(&w->lock);
	if (w->queue.nr)
		w->queue.last->next = c.first;
	else
		w->queue.first = c.first;
	w->queue.last = c.last;
	w->queue.nr += c.nr;
	atomic_store_explicit(&w->nr, w->queue.nr, memory_order_relaxed);
	pthread_mutex_unlock(&w->lock);
	notify(w->pool);
}

static void push(struct worker *w, struct task *t)
{
	push_chain(w, (struct chain){ t, t, 1 });
}

/* From the head of w's queue: half of it (rounded up), up to max. */
static struct chain pop_chain(struct worker *w, uint32_t max)
{
	struct chain c = { .nr = 0 };
	uint32_t i;

	if (!atomic_load_explicit(&w->nr, memory_order_relaxed))
		return c;
	pthread_mutex_lock(&w->lock);
	c.nr = (w->queue.nr + 1) / 2;
	if (c.nr > max)
		c.nr = max;
	if (c.nr) {
		c.first = c.last = w->queue.first;
		for (i = 1; i < c.nr; i++)
			c.last = c.last->next;
		w->queue.first = c.last->next;
		w->queue.nr -= c.nr;
		atomic_store_explicit(&w->nr, w->queue.nr, memory_order_relaxed);
	}
	pthread_mutex_unlock(&w->lock);
	return c;
}

static struct task *steal(struct worker *w)
{
	struct pool *p = w->pool;
	uint32_t i, at = (uint32_t)(w - p->worker);
	struct chain c = { .nr = 0 };
	struct task *t;

	for (i = 1; i < p->nr_workers && !c.nr; i++)
		c = pop_chain(&p->worker[(at + i) % p->nr_workers], STEAL_MAX);
	t = c.first;
	if (c.nr > 1)
		push_chain(w, (struct chain){ t->next, c.last, c.nr - 1 });
	return t;
}

static void task_wake(struct task *t, uint64_t by)
{
	uint32_t state = TASK_IDLE;

	t->waker = by;
	if (!atomic_compare_exchange_strong_explicit(&t->state, &state, TASK_QUEUED,
						     memory_order_acq_rel, memory_order_acquire)) {
		/* It has asked for the future but not returned yet: its worker finds the note. */
		if (atomic_compare_exchange_strong_explicit(&t->state, &state, TASK_NOTIFIED,
							    memory_order_acq_rel,
							    memory_order_acquire))
			return;
		/* It has returned in between, and nobody else wakes it. */
		atomic_store_explicit(&t->state, TASK_QUEUED, memory_order_relaxed);
	}
	weft_unit_wake(t->unit, by);
	if (me->next)
		push(me, t);
	else
		me->next = t;
}

/* Wakes tasks whose time has come, the earliest first. */
static void timers_expire(struct pool *p)
{
	uint64_t deadline = atomic_load_explicit(&p->deadline, memory_order_relaxed), now;
	struct timer *expired = NULL, **end = &expired, *t;

	if (!deadline || deadline > (now = timer_now()))
		return;
	pthread_mutex_lock(&p->timer_lock);
	while ((t = timer_expired(&p->timers, now))) {
		*end = t;
		end = &t->sibling;
	}
	*end = NULL;
	atomic_store(&p->deadline, p->timers ? p->timers->deadline : 0);
	pthread_mutex_unlock(&p->timer_lock);
	while ((t = expired)) {
		expired = t->sibling;
		task_wake((struct task *)((char *)t - offsetof(struct task, timer)), 0);
	}
}

static struct task *find(struct worker *w)
{
	struct chain c;
	struct task *t;

	if (++w->tick % TICKS == 0) {
		timers_expire(w->pool);
		if (w->next)
			push(w, w->next);
		w->next = NULL;
	}
	if (!w->next) {
		c = pop_chain(w, 1);
		if (c.nr)
			return c.first;
		timers_expire(w->pool);
	}
	t = w->next;
	w->next = NULL;
	return t ? t : steal(w);
}

static void run(struct worker *w, struct task *t)
{
	uint32_t state = TASK_RUNNING;

	atomic_store_explicit(&t->state, TASK_RUNNING, memory_order_relaxed);
	weft_unit_resume(t->unit);
	if (t->step(t) == TASK_DONE) {
		/* Whoever waits for it may free it at once. */
		future_set(&t->done, t->result);
		weft_unit_exit();
		return;
	}
	weft_unit_suspend(t->reason, (uintptr_t)t->object);
	if (atomic_compare_exchange_strong_explicit(&t->state, &state, TASK_IDLE,
						    memory_order_acq_rel, memory_order_acquire))
		return;
	atomic_store_explicit(&t->state, TASK_QUEUED, memory_order_relaxed);
	weft_unit_wake(t->unit, t->waker);
	push(w, t);
}

static bool is_set(struct future *f)
{
	return atomic_load_explicit(&f->state, memory_order_acquire) == FUTURE_SET;
}

/* Until f is set, or (no f) until the pool stops. */
static bool enough(struct pool *p, struct future *f)
{
	return f ? is_set(f) : atomic_load(&p->stop);
}

/* Sleeps until there may be something to do. */
static void park(struct worker *w, struct future *f)
{
	struct pool *p = w->pool;
	uint32_t epoch = atomic_load(&p->epoch), i, queued = 0;
	bool keeper;

	atomic_fetch_add(&p->sleepers, 1);
	atomic_store(&p->waking, 0);
	atomic_thread_fence(memory_order_seq_cst);
	for (i = 0; i < p->nr_workers; i++)
		queued += atomic_load_explicit(&p->worker[i].nr, memory_order_relaxed);
	/*
	 * Only one is woken by a timer. It takes the office first, then looks at the clock: see
	 * task_sleep().
	 */
	keeper = !atomic_exchange(&p->keeper, 1);
	if (!queued && !enough(p, f))
		futex_wait(&p->epoch, epoch, keeper ? atomic_load(&p->deadline) : 0, false);
	atomic_fetch_sub(&p->sleepers, 1);
	atomic_store(&p->waking, 0);
	if (keeper) {
		atomic_store(&p->keeper, 0);
		timers_expire(p);
		if (atomic_load(&p->deadline))
			notify(p);
	}
}

static void work(struct worker *w, struct future *f)
{
	uint32_t spins = 0;
	struct task *t;

	while (!enough(w->pool, f)) {
		t = find(w);
		if (t) {
			run(w, t);
			spins = 0;
		} else if (++spins == SPINS) {
			park(w, f);
			spins = 0;
		}
	}
}

static void *worker_main(void *arg)
{
	me = arg;
	while (atomic_load(&me->pool->held))
		futex_wait(&me->pool->held, 1, 0, false);
	work(me, NULL);
	return NULL;
}

void pool_release(struct pool *p)
{
	atomic_store(&p->held, 0);
	futex_wake(&p->held, INT_MAX, false);
}

/* Ends the workers from 1 to nr - 1. */
static void stop_workers(struct pool *p, uint32_t nr)
{
	uint32_t i;

	atomic_store(&p->stop, 1);
	pool_release(p);
	wake_workers(p, INT_MAX);
	for (i = 1; i < nr; i++)
		pthread_join(p->worker[i].thread, NULL);
}

struct pool *pool_create(uint32_t workers, bool held)
{
	struct pool *p;
	uint32_t i;
	int err;

	p = aligned_alloc(64, sizeof(*p) + workers * sizeof(p->worker[0]));
	if (!p)
		return NULL;
	memset(p, 0, sizeof(*p) + workers * sizeof(p->worker[0]));
	p->nr_workers = workers;
	p->held = held;
	pthread_mutex_init(&p->timer_lock, NULL);
	for (i = 0; i < workers; i++) {
		p->worker[i].pool = p;
		pthread_mutex_init(&p->worker[i].lock, NULL);
	}
	for (i = 1; i < workers; i++) {
		err = pthread_create(&p->worker[i].thread, NULL, worker_main, &p->worker[i]);
		if (err) {
			stop_workers(p, i);
			free(p);
			errno = err;
			return NULL;
		}
	}
	me = &p->worker[0];
	return p;
}

void pool_destroy(struct pool *p)
{
	stop_workers(p, p->nr_workers);
	me = NULL;
	free(p);
}

void task_spawn(struct pool *p, struct task *t, enum task_step (*step)(struct task *self),
		const char *name)
{
	*t = (struct task){ .step = step, .pool = p, .state = TASK_QUEUED };
	t->unit = weft_unit_create(WEFT_UNIT_TASK, name, weft_unit_current());
	push(me, t);
}

uint64_t task_join(struct task *t)
{
	return future_wait(t->pool, &t->done);
}

void task_sleep(struct task *self, uint64_t ns)
{
	struct pool *p = self->pool;
	bool first;

	self->reason = WEFT_WAIT_SLEEP;
	self->object = NULL;
	self->timer.deadline = timer_now() + ns;
	pthread_mutex_lock(&p->timer_lock);
	timer_add(&p->timers, &self->timer);
	first = p->timers == &self->timer;
	if (first)
		atomic_store(&p->deadline, self->timer.deadline);
	pthread_mutex_unlock(&p->timer_lock);
	/* A worker that sleeps has to know: this one may be at work for long. */
	if (first && atomic_load(&p->sleepers))
		wake_workers(p, INT_MAX);
}

void future_set(struct future *f, uint64_t value)
{
	uintptr_t was;

	f->value = value;
	was = atomic_exchange(&f->state, FUTURE_SET);
	if (was > FUTURE_THREAD)
		task_wake((struct task *)was, weft_unit_current());
	/* The pool's own thread waits, and sleeps if it is not the one that is here. */
	else if (was == FUTURE_THREAD && me != &me->pool->worker[0] &&
		 atomic_load(&me->pool->sleepers))
		wake_workers(me->pool, INT_MAX);
}

bool future_take(struct future *f, struct task *self, uint64_t *value)
{
	uintptr_t was = FUTURE_EMPTY;

	if (!is_set(f)) {
		self->reason = WEFT_WAIT_JOIN;
		self->object = f;
		if (atomic_compare_exchange_strong(&f->state, &was, (uintptr_t)self))
			return false;
	}
	*value = f->value;
	atomic_store_explicit(&f->state, FUTURE_EMPTY, memory_order_release);
	return true;
}

uint64_t future_wait(struct pool *p, struct future *f)
{
	uintptr_t was = FUTURE_EMPTY;
	uint64_t value;

	if (atomic_compare_exchange_strong(&f->state, &was, FUTURE_THREAD))
		work(&p->worker[0], f);
	value = f->value;
	atomic_store_explicit(&f->state, FUTURE_EMPTY, memory_order_release);
	return value;
}
