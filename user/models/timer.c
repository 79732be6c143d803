// SPDX-License-Identifier: GPL-2.0-only
/* Timers: a pairing heap. */
#include <stddef.h>
#include "timer.h"

/* Two heaps become one: the later root becomes a child of the earlier. */
static struct timer *meld(struct timer *a, struct timer *b)
{
	struct timer *t;

	if (!a || !b)
		return a ? a : b;
	if (b->deadline < a->deadline) {
		t = a;
		a = b;
		b = t;
	}
	b->sibling = a->child;
	a->child = b;
	return a;
}

void timer_add(struct timer **heap, struct timer *t)
{
	t->child = NULL;
	t->sibling = NULL;
	*heap = meld(*heap, t);
}

struct timer *timer_expired(struct timer **heap, uint64_t now)
{
	struct timer *first = *heap, *t, *next, *pairs = NULL, *rest = NULL;

	if (!first || first->deadline > now)
		return NULL;
	/*
	 * The children, pair by pair from the left, then all pairs from the right: that is what
	 * amortises.
	 */
	for (t = first->child; t; t = next) {
		struct timer *partner = t->sibling;

		next = partner ? partner->sibling : NULL;
		t->sibling = NULL;
		if (partner)
			partner->sibling = NULL;
		t = meld(t, partner);
		t->sibling = pairs;
		pairs = t;
	}
	for (t = pairs; t; t = next) {
		next = t->sibling;
		t->sibling = NULL;
		rest = meld(rest, t);
	}
	*heap = rest;
	return first;
}
