// SPDX-License-Identifier: GPL-2.0-only
/* Reconciling records with the kernel's counters of one thread. */
#include "books.h"

static uint8_t *slot(struct ledger *l, uint64_t value)
{
	return &l->kind[value & (LEDGER_BACK - 1)];
}

/* Counts what is recorded of the step to `value`; sign -1 takes it back. */
static void count(struct ledger *l, uint64_t value, int sign)
{
	uint8_t kind = *slot(l, value);

	if (kind)
		l->n[kind - 1] += (uint64_t)sign;
	else
		l->gaps += (uint64_t)sign;
}

static bool inside(const struct ledger *l, uint64_t value)
{
	return l->opened && value > l->base && (!l->closed || value <= l->end);
}

/* Goes on to `value`; the steps between have no record. False if the counter does not advance. */
static bool advance(struct ledger *l, uint64_t value)
{
	uint64_t v;

	if (value <= l->at)
		return false;
	if (value - l->at > LEDGER_BACK) {
		/* Too many to note; those in the count are all without a record. */
		uint64_t from = l->at > l->base ? l->at : l->base;

		if (inside(l, value) && value - 1 > from)
			l->gaps += value - 1 - from;
		for (v = 0; v < LEDGER_BACK; v++)
			l->kind[v] = 0;
	} else {
		for (v = l->at + 1; v < value; v++) {
			*slot(l, v) = 0;
			if (inside(l, v))
				count(l, v, 1);
		}
		*slot(l, value) = 0;
	}
	l->at = value;
	return true;
}

static uint64_t unwrap(const struct ledger *l, uint32_t low)
{
	return l->at + (uint64_t)(int64_t)(int32_t)(low - (uint32_t)l->at);
}

void ledger_step(struct ledger *l, uint32_t low, unsigned kind)
{
	uint64_t value;

	if (!l->known) {
		/* One lap up, so that a base below it is a lower number. */
		l->at = (1ull << 32) + low - 1;
		l->known = true;
	}
	value = unwrap(l, low);
	if (advance(l, value)) {
		*slot(l, value) = (uint8_t)(1 + kind);
		if (inside(l, value))
			count(l, value, 1);
		return;
	}
	/* A snapshot was read between the counter's step and the record of it. */
	if (l->at - value < LEDGER_BACK && !*slot(l, value) && (l->opened || l->closed)) {
		if (inside(l, value))
			l->gaps--;
		*slot(l, value) = (uint8_t)(1 + kind);
		if (inside(l, value))
			count(l, value, 1);
		return;
	}
	l->torn = true;
}

void ledger_see(struct ledger *l, uint32_t low)
{
	if (!l->known) {
		l->at = (1ull << 32) + low;
		l->known = true;
		return;
	}
	if (advance(l, unwrap(l, low)) && inside(l, l->at))
		count(l, l->at, 1);
}

void ledger_open(struct ledger *l, uint64_t base)
{
	uint64_t v;

	if (!l->known)
		l->at = base;
	else
		l->at = base + (uint64_t)(int64_t)(int32_t)((uint32_t)l->at - (uint32_t)base);
	l->known = l->opened = true;
	l->base = base;
	if (l->at < base) {
		advance(l, base);
		return;
	}
	if (l->at - base >= LEDGER_BACK) {
		l->torn = true;
		return;
	}
	for (v = base + 1; v <= l->at; v++)
		count(l, v, 1);
}

void ledger_close(struct ledger *l, uint64_t end)
{
	uint64_t v;

	if (!l->opened || end < l->base) {
		l->torn = true;
		return;
	}
	if (advance(l, end))
		count(l, end, 1);
	if (l->at - end >= LEDGER_BACK)
		l->torn = true;
	else
		for (v = end + 1; v <= l->at; v++)
			count(l, v, -1);
	l->closed = true;
	l->end = end;
}

void clock_book_open(struct clock_book *b, uint64_t base)
{
	int32_t since = b->known ? (int32_t)(b->at - (uint32_t)base) : 0;

	/* If a slice ended between the reading of the books and their record. */
	b->booked = since > 0 ? (uint64_t)since : 0;
	b->skew = 0;
	if (since <= 0)
		b->at = (uint32_t)base;
	b->known = b->opened = b->opening = true;
}

/* The counter's advance, with as many laps of 2^32 ns as come closest to what the stamps say. */
static uint64_t advance_ns(uint32_t from, uint32_t to, int64_t stamps_ns)
{
	uint64_t ns = (uint32_t)(to - from);

	if (stamps_ns > 0 && (uint64_t)stamps_ns > ns)
		ns += ((uint64_t)stamps_ns - ns + (1ull << 31)) >> 32 << 32;
	return ns;
}

int64_t clock_book_slice(struct clock_book *b, uint32_t low, int64_t stamps_ns)
{
	uint64_t ns = advance_ns(b->at, low, stamps_ns);
	bool known = b->known;

	/*
	 * The opening books are read after they are stamped, and may have this slice in them already. Not if stamps
	 * tell its length: then it has begun after them.
	 */
	if (b->opening && (int32_t)(low - b->at) < 0 && stamps_ns < 0)
		return -1;
	b->opening = false;
	if (b->opened && !b->closed) {
		b->booked += ns;
		if (stamps_ns >= 0)
			b->skew += stamps_ns - (int64_t)ns;
	}
	b->at = low;
	b->known = true;
	return known ? (int64_t)ns : -1;
}

void clock_book_close(struct clock_book *b, uint32_t low, int64_t pending_ns)
{
	int32_t back = (int32_t)(low - b->at);

	/* Read before the last slice ended: that part of it is not in the final value. */
	if (back < 0 && pending_ns < 1ll << 31)
		b->booked += (uint64_t)(int64_t)back;
	else
		clock_book_slice(b, low, pending_ns);
	b->closed = true;
}
