// SPDX-License-Identifier: GPL-2.0-only
/* Numbers as people read them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "format.h"
#include "syscall_name.h"
#include <sys/syscall.h>
#include "account.h"

static char buf[FORMAT_LEN];

static void durations_have_three_digits(void **state)
{
	assert_string_equal(format_ns(buf, 0), "0 ns");
	assert_string_equal(format_ns(buf, 999), "999 ns");
	assert_string_equal(format_ns(buf, 1000), "1.00 us");
	assert_string_equal(format_ns(buf, 12345), "12.3 us");
	assert_string_equal(format_ns(buf, 123456), "123 us");
	assert_string_equal(format_ns(buf, 1234567), "1.23 ms");
	assert_string_equal(format_ns(buf, 4500000000), "4.50 s");
	assert_string_equal(format_ns(buf, 3600ull * 1000000000), "3600 s");
	assert_string_equal(format_ns(buf, FORMAT_MISSING), "-");
}

/* What rounds up to 1000 of a unit is 1.00 of the next. */
static void rounding_carries_to_the_next_unit(void **state)
{
	assert_string_equal(format_ns(buf, 999400), "999 us");
	assert_string_equal(format_ns(buf, 999600), "1.00 ms");
	assert_string_equal(format_ns(buf, 9996), "10.0 us");
	assert_string_equal(format_ns(buf, 99960), "100 us");
	assert_string_equal(format_bytes(buf, 1048000), "1023 KiB");
	assert_string_equal(format_bytes(buf, 1048575), "1.00 MiB");
}

static void real_numbers(void **state)
{
	assert_string_equal(format_real(buf, 0), "0");
	assert_string_equal(format_real(buf, 2), "2.00");
	assert_string_equal(format_real(buf, 0.0123), "0.0123");
	assert_string_equal(format_real(buf, 0.5), "0.500");
	assert_string_equal(format_real(buf, 1234.4), "1,234");
	assert_string_equal(format_real(buf, NAN), "-");
	assert_string_equal(format_real(buf, -1), "-");
	assert_string_equal(format_real_ns(buf, 2.345), "2.35 ns");
	assert_string_equal(format_real_ns(buf, NAN), "-");
}

static void sizes_counts_shares(void **state)
{
	assert_string_equal(format_bytes(buf, 0), "0 B");
	assert_string_equal(format_bytes(buf, 1536), "1.50 KiB");
	assert_string_equal(format_bytes(buf, FORMAT_MISSING), "-");
	assert_string_equal(format_count(buf, 999), "999");
	assert_string_equal(format_count(buf, 1000), "1,000");
	assert_string_equal(format_count(buf, 1234567), "1,234,567");
	assert_string_equal(format_count(buf, UINT64_MAX - 1), "18,446,744,073,709,551,614");
	assert_string_equal(format_count(buf, FORMAT_MISSING), "-");
	assert_string_equal(format_share(buf, 1, 8), "12.5 %");
	assert_string_equal(format_share(buf, 5, 5), "100.0 %");
	assert_string_equal(format_share(buf, 1, 10000), "<0.1 %");
	assert_string_equal(format_share(buf, 0, 10000), "0.0 %");
	assert_string_equal(format_share(buf, 0, 0), "-");
	assert_string_equal(format_seconds(buf, 1000000001), "1.000000001");
}

static void system_calls_have_their_names(void **state)
{
	char text[48];

	assert_string_equal(syscall_name(SYS_read), "read");
	assert_string_equal(syscall_name(SYS_futex), "futex");
	assert_string_equal(syscall_name(SYS_clone3), "clone3");
	assert_string_equal(syscall_name(SYS_openat), "openat");
	assert_null(syscall_name(-1));
	assert_null(syscall_name(100000));
	assert_string_equal(syscall_text(text, sizeof(text), 100000), "syscall 100000");
	assert_string_equal(blocked_text(text, sizeof(text), ACCT_BLOCKED_FAULT), "page fault");
	assert_string_equal(blocked_text(text, sizeof(text), SYS_write), "write");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_have_three_digits),
		cmocka_unit_test(rounding_carries_to_the_next_unit),
		cmocka_unit_test(real_numbers),
		cmocka_unit_test(sizes_counts_shares),
		cmocka_unit_test(system_calls_have_their_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
