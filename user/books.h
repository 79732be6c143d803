/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reconciling records with the kernel's counters of one thread. Each record tells where a counter stood
 * (the low 32 bits), so that a missing one is seen by the gap; and a snapshot of the counters, read while
 * the thread may run elsewhere, cuts the records exactly into those that are in it and those that are not.
 */
#ifndef WEFT_USER_BOOKS_H
#define WEFT_USER_BOOKS_H

#include <stdbool.h>
#include <stdint.h>

/* So far back a snapshot can cut; it is written at once after it was read. A power of two. */
#define LEDGER_BACK 256u

/* Records that each stand for one step of a counter, of two kinds. */
struct ledger {
	bool known; /* at is known: some record or snapshot was seen */
	bool opened, closed;
	bool torn;   /* the counter went back, or a snapshot was older than LEDGER_BACK steps */
	uint64_t at; /* where the counter stood at the latest record; the low 32 bits until opened */
	uint64_t base, end;
	uint64_t n[2];		   /* records after base, up to end */
	uint64_t gaps;		   /* steps there without a record */
	uint8_t kind[LEDGER_BACK]; /* of the step to value v at v % LEDGER_BACK: 1 + kind, 0: no record */
};

/* The counter is at `low` after the step that this record stands for. */
void ledger_step(struct ledger *l, uint32_t low, unsigned kind);
/* A record says that the counter is at `low`, and stands for no step. */
void ledger_see(struct ledger *l, uint32_t low);
/* Counting begins behind base, and ends with end. Records may come before and after. */
void ledger_open(struct ledger *l, uint64_t base);
void ledger_close(struct ledger *l, uint64_t end);

/* A counter of nanoseconds, told at the end of each slice, held against the slice's stamps. */
struct clock_book {
	bool known; /* at is */
	bool opened, closed;
	bool opening;	 /* no slice has ended since that is not in the opening books */
	uint32_t at;	 /* low 32 bits as last told */
	uint64_t booked; /* ns since opened, wraps resolved */
	int64_t skew;	 /* sum over the slices of (by stamps - booked) */
};

void clock_book_open(struct clock_book *b, uint64_t base);
/*
 * The slice that ends here took stamps_ns; a negative number: not known. What was booked for it in ns, -1 if
 * that is not known.
 */
int64_t clock_book_slice(struct clock_book *b, uint32_t low, int64_t stamps_ns);
/* The final value; pending_ns: what stamps say has passed since the last slice, 0 if nothing can have. */
void clock_book_close(struct clock_book *b, uint32_t low, int64_t pending_ns);

#endif
