/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a trace tells about the machine it was taken on: whether its CPU is emulated, and how the
 * trace's clock relates to the others.
 */
#ifndef WEFT_USER_MACHINE_H
#define WEFT_USER_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

/* A clock of the system, read while the trace's clock went from ticks - doubt to ticks + doubt. */
struct clock_reading {
	uint64_t ticks, doubt;
	uint64_t ns;
};

/* CLOCK_x in ns = ticks * 10^9 / freq (rounded down) + the offset. */
struct machine_clock {
	uint32_t clock;		 /* enum weft_clock */
	bool measured;		 /* freq was measured against CLOCK_MONOTONIC; else it is nominal */
	uint64_t freq;		 /* ticks per second */
	uint64_t nominal;	 /* what the kernel takes it for, and its own sched_clock with it */
	uint64_t freq_error_ppb; /* bound of freq's error, in 10^-9 of it; WEFT_UNKNOWN */
	int64_t mono_offset, boot_offset, real_offset; /* ns, when related */
	int64_t real_moved; /* ns that CLOCK_REALTIME was set on since, beyond the errors */
	struct clock_reading mono, boot, real; /* when related */
};

/*
 * Relates a clock to the system's: each offset is of the quickest of a number of tries, so it is off by
 * less than half of what reading both clocks takes. tsc_khz, the nominal frequency, is used for
 * WEFT_CLOCK_TSC only.
 */
void machine_relate_clock(struct machine_clock *c, uint32_t clock, uint32_t tsc_khz);

/*
 * Some time after that: measures the frequency over the time between. The error of that is known, and
 * the shorter the time the larger it is; so the nominal frequency is kept unless it is off by more than
 * that. Either way the error of the one that stands is known then. The offsets stay those of the beginning.
 */
void machine_measure_clock(struct machine_clock *c);
/* The same with the readings at the end given. */
void machine_judge_clock(struct machine_clock *c, const struct clock_reading *mono,
			 const struct clock_reading *real);

/*
 * The CPU is emulated in software (QEMU's TCG), so times say little about hardware. False on a virtual
 * machine that runs on the CPU itself, and where it can not be told (other than x86).
 */
bool machine_emulated(void);

#endif
