// SPDX-License-Identifier: GPL-2.0-only
/* A hash table from a pair of numbers to a pointer. */
#include <errno.h>
#include <stdlib.h>
#include "table.h"

#define TABLE_FIRST_SIZE 64

/* Fibonacci hashing (Knuth, vol. 3, 6.4): ids count up, a multiplication spreads them. */
static size_t home(const struct table *t, uint64_t a, uint64_t b)
{
	uint64_t h = (a ^ (b * 0xC2B2AE3D27D4EB4Full)) * 0x9E3779B97F4A7C15ull;

	return (size_t)(h >> 20) & (t->size - 1);
}

static struct table_slot *find(const struct table *t, uint64_t a, uint64_t b)
{
	size_t i = home(t, a, b);

	while (t->slots[i].value && (t->slots[i].a != a || t->slots[i].b != b))
		i = (i + 1) & (t->size - 1);
	return &t->slots[i];
}

void *table_get(const struct table *t, uint64_t a, uint64_t b)
{
	return t->size ? find(t, a, b)->value : NULL;
}

static int grow(struct table *t)
{
	struct table larger = { .nr = t->nr, .size = t->size ? 2 * t->size : TABLE_FIRST_SIZE };
	size_t i;

	larger.slots = calloc(larger.size, sizeof(*larger.slots));
	if (!larger.slots)
		return -ENOMEM;
	for (i = 0; i < t->size; i++)
		if (t->slots[i].value)
			*find(&larger, t->slots[i].a, t->slots[i].b) = t->slots[i];
	free(t->slots);
	*t = larger;
	return 0;
}

int table_set(struct table *t, uint64_t a, uint64_t b, void *value)
{
	struct table_slot *s;

	if (2 * (t->nr + 1) > t->size && grow(t))
		return -ENOMEM;
	s = find(t, a, b);
	if (!s->value)
		t->nr++;
	*s = (struct table_slot){ a, b, value };
	return 0;
}

void table_free(struct table *t)
{
	free(t->slots);
	*t = (struct table){ 0 };
}
