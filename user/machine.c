// SPDX-License-Identifier: GPL-2.0-only
/* The machine that a trace is taken on. */
#include <string.h>
#include <time.h>
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
static int64_t relate(const struct machine_clock *c, clockid_t id)
{
	uint64_t best = UINT64_MAX;
	int64_t offset = 0;
	int i;

	for (i = 0; i < 64; i++) {
		uint64_t before = read_ticks(c->clock);
		uint64_t ns = read_ns(id);
		uint64_t after = read_ticks(c->clock);
		uint64_t ticks = before + (after - before) / 2;

		if (after - before >= best)
			continue;
		best = after - before;
		offset =
			(int64_t)(ns - (uint64_t)((unsigned __int128)ticks * 1000000000 / c->freq));
	}
	return offset;
}

void machine_relate_clock(struct machine_clock *c, uint32_t clock, uint32_t tsc_khz)
{
	c->clock = clock;
	c->freq = clock == WEFT_CLOCK_TSC ? (uint64_t)tsc_khz * 1000 : 1000000000;
	c->mono_offset = clock == WEFT_CLOCK_MONOTONIC ? 0 : relate(c, CLOCK_MONOTONIC);
	c->boot_offset = relate(c, CLOCK_BOOTTIME);
	c->real_offset = relate(c, CLOCK_REALTIME);
}
