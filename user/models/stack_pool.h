/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stacks for coroutines: cut from slabs, used again last in, first out (the last one is still in
 * the cache), and given back to the kernel when the pool goes.
 *
 * Below each stack lies a guard page, as long as that is possible. Where the kernel can mark guard
 * pages without a mapping of their own (madvise(MADV_GUARD_INSTALL), Linux 6.13), each stack has
 * one. Else each takes two of the process's vm.max_map_count mappings: stacks beyond a quarter of
 * that count go without, and `unguarded` counts them.
 *
 * One thread at a time uses a pool; no locks.
 */
#ifndef WEFT_USER_STACK_POOL_H
#define WEFT_USER_STACK_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "sanitize.h"

/* Address space for each stack, its guard page included; only pages that are used cost. */
#define STACK_SIZE (64 * 1024)

/* Lies at the top of its stack, at the beginning of the user's header. */
struct stack {
	struct stack *next; /* while it is free */
	void *limit;	    /* the lowest byte that may be used */
};

struct slab;

struct stack_pool {
	size_t header;	    /* bytes at the top of each stack that are its user's */
	struct stack *free; /* used before */
	struct slab *slabs; /* the newest first: fresh stacks come from it */
	uint64_t nr;	    /* stacks ever taken from slabs */
	uint64_t unguarded; /* of those, without a guard page */
	uint64_t guard_max; /* guard pages that take mappings: how many at most */
	bool guard_by_madvise;
};

/* header: bytes, up to 512, that stack_get() leaves to the user, a struct stack first. */
void stack_pool_init(struct stack_pool *p, size_t header);

/* A stack that nobody has had yet, else as stack_get(). */
struct stack *stack_cut(struct stack_pool *p);

/*
 * A stack: the address of its header, aligned to 64; the stack grows down from there. NULL if there
 * is no memory. It stays mapped until stack_pool_destroy(): a stack may be put back by who still
 * runs on it, if nobody gets one before it has left.
 */
static inline struct stack *stack_get(struct stack_pool *p)
{
	struct stack *s = p->free;

	if (!s)
		return stack_cut(p);
	p->free = s->next;
	sanitize_stack_reuse(s->limit, s);
	return s;
}

static inline void stack_put(struct stack_pool *p, struct stack *s)
{
	s->next = p->free;
	p->free = s;
}

void stack_pool_destroy(struct stack_pool *p);

#endif
