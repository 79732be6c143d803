/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A log-linear histogram of 64-bit values: 16 steps in each power of two, so a percentile is off by at
 * most 1/16 of the value. Values below 16 are exact. Buckets are allocated when first needed.
 * After G. Tene's HdrHistogram, with a fixed precision.
 */
#ifndef WEFT_USER_HISTOGRAM_H
#define WEFT_USER_HISTOGRAM_H

#include <stdint.h>

struct histogram {
	uint64_t count, sum, min, max; /* min is 0 while count is 0 */
	uint32_t *bucket;	       /* NULL while empty */
};

/* Adds one value. Out of memory: count, sum, min and max stay right, percentiles lack the value. */
void histogram_add(struct histogram *h, uint64_t value);
/* Adds all of b to a. */
void histogram_merge(struct histogram *a, const struct histogram *b);
/* The value at or below which `percent` (0..100) of all lie: its bucket's upper end, at most max. 0 if empty. */
uint64_t histogram_percentile(const struct histogram *h, double percent);
void histogram_free(struct histogram *h);

#endif
