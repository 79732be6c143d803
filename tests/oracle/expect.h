/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The accounts that a world's history amounts to, under the rules of docs/model.md, computed from what was
 * so and not from what was recorded; only of the gaps it is asked what could be known at all.
 */
#ifndef WEFT_TESTS_EXPECT_H
#define WEFT_TESTS_EXPECT_H

#include "truth.h"

/* A span of a thread as it has to come out. */
struct e_span {
	uint64_t begin, end;
	enum acct_state state;
	uint32_t what, cpu;
	bool ends; /* BLOCKED: the wait ends here, by whatever */
};

struct e_blocked {
	uint64_t count, ticks;
};

/* Which unit is known to be current: -1 none, -2 not known. */
struct e_current {
	uint64_t begin;
	int unit;
};

struct e_thread {
	struct e_current *c;
	unsigned nr_c;
	struct e_span *spans;
	unsigned nr;
	uint64_t state[ACCT_NR_STATES];
	uint64_t oncpu_units, oncpu_runtime, oncpu_unknown;
	uint64_t oncpu_certain; /* by the word: of oncpu_units, in the kernel and seen by its record */
	uint64_t oncpu_by_word; /* the rest of it, which the word does not prove */
	struct e_blocked blocked[ACCT_NR_SYSCALLS];
};

struct e_unit {
	uint64_t first, last;
	bool created, exited;
	uint64_t state[ACCT_NR_STATES];
	struct e_blocked blocked[ACCT_NR_SYSCALLS];
	struct e_blocked waits[WEFT_WAIT_NESTED + 1][4]; /* by reason and object */
	uint64_t threads, cpus;				 /* sets, as bits */
};

void expect_threads(const struct world *w, struct e_thread *e);
/* False: nothing tells that it exists. */
bool expect_unit(const struct world *w, int unit, const struct e_thread *e_threads,
		 struct e_unit *e);

#endif
