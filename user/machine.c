// SPDX-License-Identifier: GPL-2.0-only
/* The machine that a trace is taken on. */
#include <string.h>
#include <time.h>
#include <weft/event.h>
#include <weft/ring.h>
#include "clock.h"
#include "machine.h"

#ifdef __x86_64__
#include <cpuid.h>

bool machine_emulated(void)
{
	const uint32_t hypervisor = 1u << 31;
	uint32_t eax, ebx, ecx, edx;
	char name[12];

	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & hypervisor))
		return false;
	__cpuid(0x40000000, eax, ebx, ecx, edx);
	memcpy(name, &ebx, 4);
	memcpy(name + 4, &ecx, 4);
	memcpy(name + 8, &edx, 4);
	return !memcmp(name, "TCGTCGTCGTCG", sizeof(name));
}

#else

bool machine_emulated(void)
{
	return false;
}

#endif

static uint64_t read_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint64_t read_ticks(uint32_t clock)
{
	return clock == WEFT_CLOCK_TSC ? clock_tsc() : clock_monotonic();
}

/* The system clock is read between two readings of ours; the closest pair of many is taken. */
static struct clock_reading read_both(uint32_t clock, clockid_t id)
{
	struct clock_reading best = { .doubt = UINT64_MAX };
	int i;

	for (i = 0; i < 64; i++) {
		uint64_t before = read_ticks(clock);
		uint64_t ns = read_ns(id);
		uint64_t after = read_ticks(clock);
		uint64_t doubt = (after - before + 1) / 2;

		if (doubt < best.doubt)
			best = (struct clock_reading){ before + (after - before) / 2, doubt, ns };
	}
	return best;
}

static uint64_t ticks_to_ns(uint64_t ticks, uint64_t freq)
{
	return (uint64_t)((unsigned __int128)ticks * 1000000000 / freq);
}

static void set_offsets(struct machine_clock *c)
{
	c->mono_offset = c->clock == WEFT_CLOCK_MONOTONIC ?
				 0 :
				 (int64_t)(c->mono.ns - ticks_to_ns(c->mono.ticks, c->freq));
	c->boot_offset = (int64_t)(c->boot.ns - ticks_to_ns(c->boot.ticks, c->freq));
	c->real_offset = (int64_t)(c->real.ns - ticks_to_ns(c->real.ticks, c->freq));
}

void machine_relate_clock(struct machine_clock *c, uint32_t clock, uint32_t tsc_khz)
{
	bool tsc = clock == WEFT_CLOCK_TSC;

	*c = (struct machine_clock){ .clock = clock };
	c->freq = c->nominal = tsc ? (uint64_t)tsc_khz * 1000 : 1000000000;
	/* The one is measured by the other; of itself it has no error. */
	c->freq_error_ppb = tsc ? WEFT_UNKNOWN : 0;
	c->mono = read_both(clock, CLOCK_MONOTONIC);
	c->boot = read_both(clock, CLOCK_BOOTTIME);
	c->real = read_both(clock, CLOCK_REALTIME);
	set_offsets(c);
}

/* part of whole in 10^-9, rounded up */
static uint64_t ppb(uint64_t part, uint64_t whole)
{
	unsigned __int128 n = ((unsigned __int128)part * 1000000000 + whole - 1) / whole;

	return n < 1000000000 ? (uint64_t)n : 1000000000;
}

void machine_judge_clock(struct machine_clock *c, const struct clock_reading *mono,
			 const struct clock_reading *real)
{
	uint64_t ticks = mono->ticks - c->mono.ticks, ns = mono->ns - c->mono.ns;
	uint64_t freq, error, off, run, doubt;
	int64_t moved;

	if (c->clock == WEFT_CLOCK_TSC && ticks && ns) {
		freq = (uint64_t)(((unsigned __int128)ticks * 1000000000 + ns / 2) / ns);
		/* Of the readings; of whole ns in both; of whole ticks per second. */
		error = ppb(c->mono.doubt + mono->doubt, ticks) + ppb(2, ns) + ppb(1, freq);
		off = ppb(freq > c->nominal ? freq - c->nominal : c->nominal - freq, c->nominal);
		c->measured = error < off;
		c->freq = c->measured ? freq : c->nominal;
		c->freq_error_ppb = c->measured ? error : off + error;
		set_offsets(c);
	}
	run = real->ticks - c->real.ticks;
	moved = (int64_t)(real->ns - c->real.ns) - (int64_t)ticks_to_ns(run, c->freq);
	doubt = ticks_to_ns(c->real.doubt + real->doubt, c->freq) + 2;
	if (c->freq_error_ppb != WEFT_UNKNOWN)
		doubt += (uint64_t)((unsigned __int128)ticks_to_ns(run, c->freq) *
				    c->freq_error_ppb / 1000000000) +
			 1;
	c->real_moved = (uint64_t)(moved < 0 ? -moved : moved) > doubt ? moved : 0;
}

void machine_measure_clock(struct machine_clock *c)
{
	struct clock_reading mono = read_both(c->clock, CLOCK_MONOTONIC);
	struct clock_reading real = read_both(c->clock, CLOCK_REALTIME);

	machine_judge_clock(c, &mono, &real);
}
