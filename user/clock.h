/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the CPU's counter (TSC; CNTVCT on arm64) relates to CLOCK_MONOTONIC: measured by reading both
 * at one instant again and again, and interpolated between. One thread at a time.
 */
#ifndef WEFT_USER_CLOCK_H
#define WEFT_USER_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Both clocks at one instant, which is known to +-error ns. */
struct clock_pair {
	uint64_t tsc;	/* ticks */
	uint64_t mono;	/* ns */
	uint64_t error; /* ns */
};

#define CLOCK_PAIRS 8192

struct clock_relation {
	struct clock_pair pair[CLOCK_PAIRS]; /* the latest ones, in order, as a ring */
	uint64_t nr;			     /* ever taken */
	uint64_t error_ns; /* bound of the error of clock_mono(), as measured so far */
};

/* Does the counter run at one constant rate on all CPUs of this machine? */
bool clock_tsc_usable(void);
/* The counter now, ticks. */
uint64_t clock_tsc(void);
/* CLOCK_MONOTONIC now, ns. */
uint64_t clock_monotonic(void);
/* Reads both, several times, and keeps the best reading. */
struct clock_pair clock_pair_read(void);

/* Takes a pair. The first call begins the relation (a zeroed structure). */
void clock_relation_sample(struct clock_relation *c);
/*
 * The CLOCK_MONOTONIC time of counter value tsc: linear between the two pairs around it, along the
 * nearest two outside of all (1 ns a tick while there is only one pair). Never decreases with tsc,
 * and gives the same answer for the same tsc as long as the pairs around it are kept (the latest
 * CLOCK_PAIRS).
 */
uint64_t clock_relation_mono(const struct clock_relation *c, uint64_t tsc);
/* A duration in ticks, at the rate of the whole relation, in ns rounded up. */
uint64_t clock_relation_ns(const struct clock_relation *c, uint64_t ticks);

#endif
