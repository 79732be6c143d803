// SPDX-License-Identifier: GPL-2.0-only
/* Stacks for coroutines: slabs, colours, guard pages. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "stack_pool.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

#define SLAB_MIN 16   /* stacks */
#define SLAB_MAX 4096 /* 256 MiB of address space */

/*
 * The tops of stacks that all begin at a page boundary would share one set of the first-level
 * cache: each stack's is moved down by another number of lines. By no more than three quarters of a
 * page, so that the header and some small frames still fit into the one page that an idle coroutine
 * keeps.
 */
#define COLOURS 48
#define COLOUR 64 /* bytes */

struct slab {
	struct slab *next;
	unsigned char *base;
	uint32_t nr, used;  /* stacks */
	uint32_t *stack_id; /* Valgrind's; NULL without it */
};

/* The kernel's own limit, or its default if it can't be read. */
static uint64_t max_map_count(void)
{
	uint64_t count = 65530;
	FILE *f = fopen("/proc/sys/vm/max_map_count", "re");

	if (f) {
		if (fscanf(f, "%lu", &count) != 1)
			count = 65530;
		fclose(f);
	}
	return count;
}

void stack_pool_init(struct stack_pool *p, size_t header)
{
	*p = (struct stack_pool){
		.header = (header + 63) / 64 * 64,
		.guard_max = max_map_count() / 4,
		.guard_by_madvise = true,
	};
}

static struct slab *slab_new(uint32_t nr)
{
	struct slab *s = calloc(1, sizeof(*s));
	size_t size = (size_t)nr * STACK_SIZE;

	if (!s)
		return NULL;
	s->nr = nr;
	s->base = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (s->base == MAP_FAILED)
		goto out;
	/* A huge page would make the touch of one stack pay for the memory of 32. */
	madvise(s->base, size, MADV_NOHUGEPAGE);
	if (sanitize_valgrind()) {
		s->stack_id = calloc(nr, sizeof(*s->stack_id));
		if (!s->stack_id)
			goto out_unmap;
	}
	return s;
out_unmap:
	munmap(s->base, size);
out:
	free(s);
	return NULL;
}

static bool guard(struct stack_pool *p, void *page, size_t size)
{
	if (p->guard_by_madvise) {
		if (!madvise(page, size, MADV_GUARD_INSTALL))
			return true;
		p->guard_by_madvise = false;
	}
	return p->nr < p->guard_max && !mprotect(page, size, PROT_NONE);
}

struct stack *stack_cut(struct stack_pool *p)
{
	struct slab *slab = p->slabs;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char *bottom, *top;
	struct stack *s;

	if (!slab || slab->used == slab->nr) {
		uint32_t nr = slab ? slab->nr * 2 : SLAB_MIN;

		slab = slab_new(nr < SLAB_MAX ? nr : SLAB_MAX);
		if (!slab)
			return NULL;
		slab->next = p->slabs;
		p->slabs = slab;
	}
	bottom = slab->base + (size_t)slab->used * STACK_SIZE;
	if (!guard(p, bottom, page))
		p->unguarded++;
	top = bottom + STACK_SIZE - p->nr % COLOURS * COLOUR - p->header;
	if (slab->stack_id)
		slab->stack_id[slab->used] = sanitize_stack_register(bottom + page, top);
	slab->used++;
	p->nr++;
	s = (struct stack *)top;
	s->limit = bottom + page;
	return s;
}

void stack_pool_destroy(struct stack_pool *p)
{
	struct slab *s;
	uint32_t i;

	while ((s = p->slabs)) {
		p->slabs = s->next;
		for (i = 0; s->stack_id && i < s->used; i++)
			sanitize_stack_deregister(s->stack_id[i]);
		munmap(s->base, (size_t)s->nr * STACK_SIZE);
		free(s->stack_id);
		free(s);
	}
	p->free = NULL;
}
