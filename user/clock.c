// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>
#include <time.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif
#include "clock.h"

bool clock_tsc_usable(void)
{
#ifdef __x86_64__
	unsigned int a, b, c, d;
	char source[16] = "";
	FILE *f;

	/*
	 * The kernel trusts it across CPUs, or the CPU promises a constant rate that no sleep state
	 * stops.
	 */
	f = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");
	if (f) {
		if (!fgets(source, sizeof(source), f))
			source[0] = 0;
		fclose(f);
	}
	if (!strcmp(source, "tsc\n"))
		return true;
	return !strcmp(source, "kvm-clock\n") && __get_cpuid(0x80000007, &a, &b, &c, &d) &&
	       d & 1 << 8;
#else
	return true;
#endif
}

uint64_t clock_tsc(void)
{
#ifdef __x86_64__
	return __builtin_ia32_rdtsc();
#else
	uint64_t now;

	__asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(now));
	return now;
#endif
}

uint64_t clock_monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

struct clock_pair clock_pair_read(void)
{
	struct clock_pair best = { .error = UINT64_MAX };
	int i;

	/* The shortest of several: the others were interrupted, or missed the cache. */
	for (i = 0; i < 8; i++) {
		uint64_t before = clock_tsc();
		uint64_t mono = clock_monotonic();
		uint64_t after = clock_tsc();

		if (after - before < best.error) {
			best.error = after - before; /* ticks, for now */
			best.tsc = before + (after - before) / 2;
			best.mono = mono;
		}
	}
	return best;
}

static const struct clock_pair *pair_at(const struct clock_relation *c, uint64_t n)
{
	return &c->pair[n % CLOCK_PAIRS];
}

static uint64_t along(const struct clock_pair *a, const struct clock_pair *b, uint64_t tsc)
{
	uint64_t run = b->tsc - a->tsc, rise = b->mono - a->mono;
	int64_t off = (int64_t)(tsc - a->tsc);

	/*
	 * A division of 128 bits takes several times as long as one of 64, which nearly always
	 * does.
	 */
	if (!((run | rise | (uint64_t)off) >> 31))
		return a->mono + (uint64_t)off * rise / run;
	return a->mono + (int64_t)((__int128)off * (int64_t)rise / (int64_t)run);
}

void clock_relation_sample(struct clock_relation *c)
{
	struct clock_pair p = clock_pair_read();
	const struct clock_pair *a, *b;
	uint64_t error, ticks, ns;

	if (c->nr) {
		b = pair_at(c, c->nr - 1);
		/* Neither clock may stand still, or there is no line through the two. */
		if (p.tsc <= b->tsc || p.mono < b->mono)
			return;
		ticks = p.tsc - b->tsc;
		ns = p.mono - b->mono;
		/* The reading lay somewhere within before..after; to ns, rounded up. */
		p.error = (uint64_t)((unsigned __int128)p.error * ns / ticks / 2) + 1;
		error = p.error;
		if (c->nr > 1) {
			/*
			 * How far the middle one of three lies off the line: what interpolation
			 * misses.
			 */
			int64_t bend;

			a = pair_at(c, c->nr - 2);
			bend = (int64_t)(along(a, &p, b->tsc) - b->mono);
			error += bend < 0 ? -bend : bend;
		}
		if (error > c->error_ns)
			c->error_ns = error;
	}
	c->pair[c->nr++ % CLOCK_PAIRS] = p;
}

uint64_t clock_relation_mono(const struct clock_relation *c, uint64_t tsc)
{
	uint64_t low, high; /* pairs: the one sought, after which tsc lies, is in [low, high) */

	if (c->nr < 2)
		return c->nr ? c->pair[0].mono + (tsc - c->pair[0].tsc) : 0;
	low = c->nr > CLOCK_PAIRS ? c->nr - CLOCK_PAIRS : 0;
	high = c->nr - 1;
	/* Almost always the last stretch. */
	if (tsc >= pair_at(c, high - 1)->tsc)
		low = high - 1;
	while (high - low > 1) {
		uint64_t mid = low + (high - low) / 2;

		if (pair_at(c, mid)->tsc <= tsc)
			low = mid;
		else
			high = mid;
	}
	return along(pair_at(c, low), pair_at(c, low + 1), tsc);
}

uint64_t clock_relation_ns(const struct clock_relation *c, uint64_t ticks)
{
	const struct clock_pair *a, *b;

	if (c->nr < 2)
		return ticks;
	a = pair_at(c, c->nr > CLOCK_PAIRS ? c->nr - CLOCK_PAIRS : 0);
	b = pair_at(c, c->nr - 1);
	return ((unsigned __int128)ticks * (b->mono - a->mono) + (b->tsc - a->tsc) - 1) /
	       (b->tsc - a->tsc);
}
