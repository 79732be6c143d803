// SPDX-License-Identifier: GPL-2.0-only
/* The frequency of the trace's clock: measured where that is better than to take the kernel's word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>
#include <weft/event.h>
#include <weft/ring.h>
#include "machine.h"

#define KHZ 2500000u
#define HZ (KHZ * 1000ull)
#define START 9000000000000ull /* ticks: an hour after the machine's */

/* As related at START with a counter that stood at 0 when CLOCK_MONOTONIC did. */
static struct machine_clock begun(uint64_t doubt)
{
	struct machine_clock c = {
		.clock = WEFT_CLOCK_TSC,
		.freq = HZ,
		.nominal = HZ,
		.freq_error_ppb = WEFT_UNKNOWN,
		.mono = { START, doubt, START * 2 / 5 },
		.boot = { START, doubt, START * 2 / 5 + 100 },
		.real = { START, doubt, START * 2 / 5 + 1700000000000000000 },
	};

	return c;
}

/* After ns of CLOCK_MONOTONIC, in which the counter went at HZ * (1 + ppb / 10^9). */
static void judge(struct machine_clock *c, uint64_t ns, int64_t ppb, uint64_t doubt, int64_t set)
{
	uint64_t ticks = START + ns / 2 * 5 + (int64_t)(ns / 2 * 5) / 1000000 * ppb / 1000;
	struct clock_reading mono = { ticks, doubt, c->mono.ns + ns };
	struct clock_reading real = { ticks, doubt, c->real.ns + ns + (uint64_t)set };

	machine_judge_clock(c, &mono, &real);
}

static void a_long_recording_measures(void **state)
{
	struct machine_clock c = begun(50);

	judge(&c, 10000000000, 400000, 50, 0); /* 10 s, off by 400 ppm */
	assert_true(c.measured);
	assert_in_range(c.freq, HZ + 1000000 - 20, HZ + 1000000 + 20);
	assert_int_equal(c.nominal, HZ);
	/* 100 of 25e9 ticks, 2 of 1e10 ns, whole ticks. */
	assert_in_range(c.freq_error_ppb, 1, 10);
	/* The offset is of the beginning: at START it gives what was read there, within rounding. */
	assert_in_range(c.mono_offset + (int64_t)((__int128)START * 1000000000 / (__int128)c.freq),
			START * 2 / 5 - 1, START * 2 / 5 + 1);
	assert_int_equal(c.boot_offset - c.mono_offset, 100);
	assert_int_equal(c.real_moved, 0);
}

static void a_short_one_is_no_better(void **state)
{
	struct machine_clock c = begun(50000);

	judge(&c, 5000000, 400000, 50000, 0); /* 5 ms: 100,000 of 12,500,000 ticks are 8,000 ppm */
	assert_false(c.measured);
	assert_int_equal(c.freq, HZ);
	/* Of the nominal one is known that it is off by at most what both say. */
	assert_in_range(c.freq_error_ppb, 8000000, 8500000);
	assert_int_equal(c.mono_offset, 0);
}

static void a_true_nominal_stays(void **state)
{
	struct machine_clock c = begun(50);

	judge(&c, 10000000000, 0, 50, 0);
	assert_false(c.measured);
	assert_int_equal(c.freq, HZ);
	assert_in_range(c.freq_error_ppb, 1, 10);
}

/* No time has passed, or the clock stood: there is nothing to say. */
static void nothing_to_measure(void **state)
{
	struct machine_clock c = begun(50);

	judge(&c, 0, 0, 50, 0);
	assert_false(c.measured);
	assert_int_equal(c.freq, HZ);
	assert_true(c.freq_error_ppb == WEFT_UNKNOWN);
}

static void the_date_is_set(void **state)
{
	struct machine_clock c = begun(50);

	judge(&c, 1000000000, 0, 50, -3000000);
	assert_in_range(-c.real_moved, 3000000 - 10, 3000000 + 10);
	c = begun(50);
	judge(&c, 1000000000, 0, 50, 20); /* within the readings' doubt */
	assert_int_equal(c.real_moved, 0);
}

/* The real clocks: this machine's own CLOCK_MONOTONIC has no error against itself. */
static void monotonic(void **state)
{
	struct machine_clock c;

	machine_relate_clock(&c, WEFT_CLOCK_MONOTONIC, 0);
	machine_measure_clock(&c);
	assert_false(c.measured);
	assert_int_equal(c.freq, 1000000000);
	assert_int_equal(c.freq_error_ppb, 0);
	assert_int_equal(c.mono_offset, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_long_recording_measures),
		cmocka_unit_test(a_short_one_is_no_better),
		cmocka_unit_test(a_true_nominal_stays),
		cmocka_unit_test(nothing_to_measure),
		cmocka_unit_test(the_date_is_set),
		cmocka_unit_test(monotonic),
	};

	return cmocka_run_group_tests_name("machine", tests, NULL, NULL);
}
