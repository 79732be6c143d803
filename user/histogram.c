// SPDX-License-Identifier: GPL-2.0-only
/*
 * The log-linear histogram. Most histograms of a trace with a million units hold a handful of values, so
 * the buckets begin as a short sorted list of those in use and become an array of all when that grows:
 *
 *	bucket[0]	how many pairs follow, or DENSE
 *	bucket[1...]	pairs of (index, count), ascending; or the counts of all indices
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "histogram.h"

#define STEP_BITS 4
#define STEPS (1u << STEP_BITS)
#define NR_BUCKETS (STEPS * (64 - STEP_BITS + 1))
#define DENSE UINT32_MAX
#define MAX_PAIRS 64u

static uint32_t index_of(uint64_t value)
{
	uint32_t shift;

	if (value < STEPS)
		return (uint32_t)value;
	shift = 63u - (uint32_t)__builtin_clzll(value) - STEP_BITS;
	return STEPS * (shift + 1) + (uint32_t)((value >> shift) & (STEPS - 1));
}

/* The largest value that index_of() puts there. */
static uint64_t upper_end(uint32_t index)
{
	uint32_t shift;

	if (index < STEPS)
		return index;
	shift = index / STEPS - 1;
	return ((((uint64_t)STEPS + index % STEPS) << shift) - 1) + (1ull << shift);
}

static void count_up(uint32_t *count, uint32_t by)
{
	if (__builtin_add_overflow(*count, by, count))
		*count = UINT32_MAX;
}

static bool make_dense(struct histogram *h)
{
	uint32_t *all = calloc(1 + NR_BUCKETS, sizeof(*all));
	uint32_t i;

	if (!all)
		return false;
	all[0] = DENSE;
	for (i = 0; i < h->bucket[0]; i++)
		all[1 + h->bucket[1 + 2 * i]] = h->bucket[2 + 2 * i];
	free(h->bucket);
	h->bucket = all;
	return true;
}

/* Room for one more pair: the allocation is doubled at each power of two. */
static bool make_room(struct histogram *h)
{
	uint32_t nr = h->bucket ? h->bucket[0] : 0;
	uint32_t *more;

	if (nr & (nr - 1))
		return true;
	more = realloc(h->bucket, (1 + 2 * (nr ? 2 * (size_t)nr : 1)) * sizeof(*more));
	if (!more)
		return false;
	more[0] = nr;
	h->bucket = more;
	return true;
}

static void add_to_bucket(struct histogram *h, uint32_t index, uint32_t by)
{
	uint32_t nr = h->bucket ? h->bucket[0] : 0, low = 0, high = nr, *pair;

	if (nr == DENSE) {
		count_up(&h->bucket[1 + index], by);
		return;
	}
	while (low < high) {
		uint32_t mid = (low + high) / 2;

		if (h->bucket[1 + 2 * mid] < index)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < nr && h->bucket[1 + 2 * low] == index) {
		count_up(&h->bucket[2 + 2 * low], by);
		return;
	}
	if (nr == MAX_PAIRS) {
		if (make_dense(h))
			count_up(&h->bucket[1 + index], by);
		return;
	}
	if (!make_room(h))
		return;
	pair = &h->bucket[1 + 2 * low];
	memmove(pair + 2, pair, 2 * (nr - low) * sizeof(*pair));
	pair[0] = index;
	pair[1] = by;
	h->bucket[0]++;
}

void histogram_add(struct histogram *h, uint64_t value)
{
	if (!h->count || value < h->min)
		h->min = value;
	if (value > h->max)
		h->max = value;
	h->count++;
	h->sum += value;
	add_to_bucket(h, index_of(value), 1);
}

void histogram_merge(struct histogram *a, const struct histogram *b)
{
	uint32_t i;

	if (!b->count)
		return;
	if (!a->count || b->min < a->min)
		a->min = b->min;
	if (b->max > a->max)
		a->max = b->max;
	a->count += b->count;
	a->sum += b->sum;
	if (!b->bucket)
		return;
	if (b->bucket[0] != DENSE) {
		for (i = 0; i < b->bucket[0]; i++)
			add_to_bucket(a, b->bucket[1 + 2 * i], b->bucket[2 + 2 * i]);
		return;
	}
	for (i = 0; i < NR_BUCKETS; i++)
		if (b->bucket[1 + i])
			add_to_bucket(a, i, b->bucket[1 + i]);
}

uint64_t histogram_percentile(const struct histogram *h, double percent)
{
	uint64_t seen = 0, target;
	uint32_t i, nr;

	if (!h->count)
		return 0;
	/* The smallest number of values that is at least so many percent, and one at least. */
	target = (uint64_t)(percent / 100 * (double)h->count);
	if ((double)target < percent / 100 * (double)h->count)
		target++;
	if (!target)
		target = 1;
	if (!h->bucket)
		return h->max;
	nr = h->bucket[0] == DENSE ? NR_BUCKETS : h->bucket[0];
	for (i = 0; i < nr; i++) {
		bool dense = h->bucket[0] == DENSE;
		uint64_t end = upper_end(dense ? i : h->bucket[1 + 2 * i]);

		seen += dense ? h->bucket[1 + i] : h->bucket[2 + 2 * i];
		if (seen >= target)
			return end < h->max ? end : h->max;
	}
	return h->max;
}

void histogram_free(struct histogram *h)
{
	free(h->bucket);
	*h = (struct histogram){ 0 };
}
