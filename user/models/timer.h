/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Timers ordered by deadline: a pairing heap of nodes that their owners embed, so that nothing is
 * allocated and nothing can fail. Adding takes O(1), taking the first O(log n) amortised. No locks:
 * the owner's.
 */
#ifndef WEFT_USER_TIMER_H
#define WEFT_USER_TIMER_H

#include <stdint.h>
#include <time.h>

struct timer {
	uint64_t deadline; /* CLOCK_MONOTONIC, ns */
	struct timer *child, *sibling;
};

/* A heap is its root: the timer with the earliest deadline, NULL if there is none. */
void timer_add(struct timer **heap, struct timer *t);
/* Takes out the root if its deadline is not after `now`, else NULL. */
struct timer *timer_expired(struct timer **heap, uint64_t now);

/* CLOCK_MONOTONIC, ns. */
static inline uint64_t timer_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* Sleeps in the kernel; a signal handler in between does not shorten it. */
static inline void timer_sleep_until(uint64_t deadline)
{
	struct timespec ts = { .tv_sec = (time_t)(deadline / 1000000000),
			       .tv_nsec = (long)(deadline % 1000000000) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL))
		;
}

#endif
