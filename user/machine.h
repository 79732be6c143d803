/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a trace tells about the machine it was taken on: whether its CPU is emulated, and how the
 * trace's clock relates to the others.
 */
#ifndef WEFT_USER_MACHINE_H
#define WEFT_USER_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

/* CLOCK_x in ns = ticks * 10^9 / freq (rounded down) + the offset. */
struct machine_clock {
	uint32_t clock;				       /* enum weft_clock */
	uint64_t freq;				       /* ticks per second */
	int64_t mono_offset, boot_offset, real_offset; /* ns */
};

/*
 * Relates a clock to the system's: each offset is of the quickest of a number of tries, so it is off by
 * less than half of what reading both clocks takes. tsc_khz is used for WEFT_CLOCK_TSC only.
 */
void machine_relate_clock(struct machine_clock *c, uint32_t clock, uint32_t tsc_khz);

/*
 * The CPU is emulated in software (QEMU's TCG), so times say little about hardware. False on a virtual
 * machine that runs on the CPU itself, and where it can not be told (other than x86).
 */
bool machine_emulated(void);

#endif
