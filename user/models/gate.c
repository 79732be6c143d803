// SPDX-License-Identifier: GPL-2.0-only
/* A gate that units wait at until all exist. */
#include "futex.h"
#include "gate.h"
#include "timer.h"

#define ALIVE_INTERVAL 100000000 /* ns */

void gate_init(struct gate *g, bool shared)
{
	*g = (struct gate){ .shared = shared };
}

bool gate_pass(struct gate *g)
{
	uint32_t state;

	/*
	 * `arrived` and `expected` are each written before the other is read, by either side, and
	 * all of it is sequentially consistent: at least one side sees the other's, so the last
	 * arrival wakes the owner or the owner does not go to sleep.
	 */
	if (atomic_fetch_add(&g->arrived, 1) + 1 == atomic_load(&g->expected))
		futex_wake(&g->arrived, 1, g->shared);
	while ((state = atomic_load(&g->state)) == GATE_CLOSED)
		futex_wait(&g->state, GATE_CLOSED, 0, g->shared);
	return state == GATE_OPEN;
}

bool gate_await(struct gate *g, uint32_t nr, bool (*alive)(void *arg), void *arg)
{
	uint32_t arrived;

	atomic_store(&g->expected, nr);
	while ((arrived = atomic_load(&g->arrived)) < nr) {
		futex_wait(&g->arrived, arrived, timer_now() + ALIVE_INTERVAL, g->shared);
		if (atomic_load(&g->state) == GATE_CANCELLED || (alive && !alive(arg)))
			return false;
	}
	return true;
}

void gate_open(struct gate *g)
{
	uint32_t closed = GATE_CLOSED;

	atomic_compare_exchange_strong(&g->state, &closed, GATE_OPEN);
	futex_wake(&g->state, INT_MAX, g->shared);
}

void gate_cancel(struct gate *g)
{
	atomic_store(&g->state, GATE_CANCELLED);
	futex_wake(&g->state, INT_MAX, g->shared);
	futex_wake(&g->arrived, 1, g->shared);
}
