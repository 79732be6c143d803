// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coroutines and their scheduler.
 *
 * A coroutine that stops picks the next one itself and switches straight to it; the scheduler's own
 * context, on the thread's stack, is taken up only when nobody is ready. docs/runtimes.md tells the
 * whole.
 */
#include <weft/unit.h>
#include "context.h"
#include "coroutine.h"
#include "sanitize.h"

/* While coroutines are ready, those that sleep are looked after once in so many switches. */
#define TIMER_TICKS 64

static _Thread_local struct scheduler *running;

void scheduler_init(struct scheduler *s, enum scheduler_fp fp)
{
	*s = (struct scheduler){ .fp = fp == SCHEDULER_FP_KEPT };
	stack_pool_init(&s->stacks, sizeof(struct coroutine));
}

void scheduler_destroy(struct scheduler *s)
{
	stack_pool_destroy(&s->stacks);
}

struct coroutine *coroutine_self(void)
{
	return running->current;
}

static void timers_expire(struct scheduler *s)
{
	uint64_t now = timer_now();
	struct timer *t;

	while ((t = timer_expired(&s->timers, now)))
		coroutine_wake((struct coroutine *)((char *)t - offsetof(struct coroutine, timer)));
}

static inline void switch_context(const struct scheduler *s, void **from, void *to)
{
	if (s->fp)
		context_switch(from, to);
	else
		context_switch_nofp(from, to);
}

/*
 * From `self`, which is queued somewhere or at its end, to who is next. Returns when self's turn
 * comes.
 */
static void switch_away(struct scheduler *s, struct coroutine *self)
{
	void **fake_stack = self->done ? NULL : &self->fake_stack;
	struct coroutine *to;

	if (s->timers && ++s->tick % TIMER_TICKS == 0)
		timers_expire(s);
	to = coroutine_dequeue(&s->ready);
	s->current = to;
	if (to)
		weft_unit_resume(to->unit);
	if (to == self)
		return;
	if (to) {
		sanitize_switch_start(fake_stack, to->stack.limit, to);
		switch_context(s, &self->sp, to->sp);
	} else {
		sanitize_switch_start(fake_stack, s->bottom, s->top);
		switch_context(s, &self->sp, s->sp);
	}
	sanitize_switch_finish(self->fake_stack, NULL, NULL);
}

/* The first and last function of each coroutine. */
static void coroutine_main(void *arg)
{
	struct coroutine *self = arg;
	struct scheduler *s = self->scheduler;

	/* The very first one came from the thread's stack. */
	if (s->bottom)
		sanitize_switch_finish(NULL, NULL, NULL);
	else
		sanitize_switch_finish(NULL, &s->bottom, &s->top);
	self->value = self->fn(self->arg);
	self->done = true;
	if (self->joiner)
		coroutine_wake(self->joiner);
	weft_unit_exit();
	s->live--;
	switch_away(s, self);
	__builtin_unreachable();
}

uint64_t scheduler_run(struct scheduler *s)
{
	struct scheduler *outer = running;
	void *fake_stack = NULL; /* AddressSanitizer's */

	running = s;
	for (;;) {
		struct coroutine *to = coroutine_dequeue(&s->ready);

		if (to) {
			s->current = to;
			weft_unit_resume(to->unit);
			sanitize_switch_start(&fake_stack, to->stack.limit, to);
			switch_context(s, &s->sp, to->sp);
			sanitize_switch_finish(fake_stack, NULL, NULL);
		} else if (s->timers) {
			timer_sleep_until(s->timers->deadline);
			timers_expire(s);
		} else {
			break;
		}
	}
	running = outer;
	return s->live;
}

struct coroutine *coroutine_create(struct scheduler *s, uint64_t (*fn)(void *arg), void *arg,
				   const char *name)
{
	struct coroutine *c = (struct coroutine *)stack_get(&s->stacks);

	if (!c)
		return NULL;
	c->sp = context_make(c, coroutine_main, c);
	c->scheduler = s;
	c->fn = fn;
	c->arg = arg;
	c->joiner = NULL;
	c->done = false;
	c->unit = weft_unit_create(WEFT_UNIT_COROUTINE, name, weft_unit_current());
	s->live++;
	coroutine_enqueue(&s->ready, c);
	return c;
}

uint64_t coroutine_join(struct coroutine *c)
{
	uint64_t value;

	if (!c->done) {
		c->joiner = coroutine_self();
		coroutine_suspend(WEFT_WAIT_JOIN, c);
	}
	value = c->value;
	stack_put(&c->scheduler->stacks, &c->stack);
	return value;
}

void coroutine_yield(void)
{
	struct scheduler *s = running;
	struct coroutine *self = s->current;

	weft_unit_suspend(WEFT_WAIT_YIELD, 0);
	coroutine_enqueue(&s->ready, self);
	switch_away(s, self);
}

void coroutine_suspend(uint32_t reason, const void *object)
{
	struct scheduler *s = running;

	weft_unit_suspend(reason, (uintptr_t)object);
	switch_away(s, s->current);
}

void coroutine_wake(struct coroutine *c)
{
	weft_unit_wake(c->unit, weft_unit_current());
	coroutine_enqueue(&c->scheduler->ready, c);
}

void coroutine_sleep(uint64_t ns)
{
	struct coroutine *self = coroutine_self();

	self->timer.deadline = timer_now() + ns;
	timer_add(&self->scheduler->timers, &self->timer);
	coroutine_suspend(WEFT_WAIT_SLEEP, NULL);
}
