// SPDX-License-Identifier: GPL-2.0-only
/* The histogram: exact where it says so, within a sixteenth elsewhere, the same sparse and dense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "histogram.h"

static void empty(void **state)
{
	struct histogram h = { 0 }, other = { 0 };

	assert_int_equal(histogram_percentile(&h, 50), 0);
	histogram_merge(&h, &other);
	assert_int_equal(h.count, 0);
	assert_null(h.bucket);
	histogram_free(&h);
}

static void small_values_are_exact(void **state)
{
	struct histogram h = { 0 };
	uint64_t i;

	for (i = 0; i < 16; i++)
		histogram_add(&h, i);
	for (i = 0; i < 16; i++)
		assert_int_equal(histogram_percentile(&h, 100.0 * (double)(i + 1) / 16), i);
	assert_int_equal(histogram_percentile(&h, 0), 0);
	assert_int_equal(h.sum, 120);
	histogram_free(&h);
}

static void extremes(void **state)
{
	struct histogram h = { 0 };

	histogram_add(&h, UINT64_MAX);
	assert_int_equal(histogram_percentile(&h, 50), UINT64_MAX);
	histogram_add(&h, 0);
	assert_int_equal(h.min, 0);
	assert_int_equal(h.max, UINT64_MAX);
	assert_int_equal(histogram_percentile(&h, 50), 0);
	assert_int_equal(histogram_percentile(&h, 51), UINT64_MAX);
	histogram_free(&h);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Against a sorted list, of few values (a sparse histogram) and of many. */
static void against_a_list(size_t nr, uint64_t range)
{
	struct histogram h = { 0 }, part[2] = { 0 };
	uint64_t *list = calloc(nr, sizeof(*list)), sum = 0;
	size_t i;

	srandom(7);
	for (i = 0; i < nr; i++) {
		list[i] = ((uint64_t)random() << 20 ^ (uint64_t)random()) % range >> random() % 40;
		sum += list[i];
		histogram_add(&h, list[i]);
		histogram_add(&part[i & 1], list[i]);
	}
	qsort(list, nr, sizeof(*list), compare);
	histogram_merge(&part[0], &part[1]);
	assert_int_equal(h.count, nr);
	assert_int_equal(h.sum, sum);
	assert_int_equal(h.min, list[0]);
	assert_int_equal(h.max, list[nr - 1]);
	for (i = 1; i <= 100; i++) {
		uint64_t want = list[(i * nr + 99) / 100 - 1],
			 got = histogram_percentile(&h, (double)i);

		assert_true(got >= want);
		assert_true(got - want <= want / 16);
		assert_int_equal(histogram_percentile(&part[0], (double)i), got);
	}
	histogram_free(&h);
	histogram_free(&part[0]);
	histogram_free(&part[1]);
	free(list);
}

static void few(void **state)
{
	against_a_list(40, 1ull << 45);
}

static void many(void **state)
{
	against_a_list(20000, 1ull << 45);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty),    cmocka_unit_test(small_values_are_exact),
		cmocka_unit_test(extremes), cmocka_unit_test(few),
		cmocka_unit_test(many),
	};

	return cmocka_run_group_tests_name("histogram", tests, NULL, NULL);
}
