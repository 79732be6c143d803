/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A hash table from a pair of numbers to a pointer: open addressing, linear probing, at most half
 * full. Nothing is ever removed; a key's pointer can be replaced.
 */
#ifndef WEFT_USER_TABLE_H
#define WEFT_USER_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct table_slot {
	uint64_t a, b;
	void *value; /* NULL: the slot is free */
};

/* All zero: an empty table. */
struct table {
	struct table_slot *slots;
	size_t nr, size; /* in use; all, a power of two */
};

/* The pointer of (a, b), NULL if it has none. */
void *table_get(const struct table *t, uint64_t a, uint64_t b);
/* Sets it; value is not NULL. 0 or -ENOMEM, and then the table is as it was. */
int table_set(struct table *t, uint64_t a, uint64_t b, void *value);
/* Frees the table, not what it points to. */
void table_free(struct table *t);

#endif
