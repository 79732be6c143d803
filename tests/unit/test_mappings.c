// SPDX-License-Identifier: GPL-2.0-only
/* What is mapped where, from the records of the mm group; against a map of pages kept the plain way. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>
#include "mappings.h"

#define PAGE 4096
#define BASE 0x7f0000000000ull
#define PAGES 64

static void event(struct mappings *m, uint32_t id, uint64_t start, int64_t length, int64_t result,
		  uint32_t flags)
{
	struct weft_ev_mmap e = {
		.h.id = id, .start = start, .length = length, .result = result, .flags = flags
	};

	assert_int_equal(mappings_event(m, &e.h), 0);
}

static void kinds(void **state)
{
	struct mappings m = { 0 };

	event(&m, WEFT_EV_mmap, BASE, 4 * PAGE, BASE, MAP_PRIVATE | MAP_ANONYMOUS);
	event(&m, WEFT_EV_mmap, BASE + 8 * PAGE, PAGE, BASE, MAP_PRIVATE);
	event(&m, WEFT_EV_mmap, BASE + 9 * PAGE, PAGE, BASE,
	      MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK);
	event(&m, WEFT_EV_brk, 0x560000000000, 3 * PAGE, 0, 0);
	assert_int_equal(mappings_find(&m, BASE + PAGE).kind, MAPPING_ANONYMOUS);
	assert_int_equal(mappings_find(&m, BASE + 4 * PAGE - 1).end, BASE + 4 * PAGE);
	assert_int_equal(mappings_find(&m, BASE + 4 * PAGE).kind, MAPPING_UNKNOWN);
	assert_int_equal(mappings_find(&m, BASE + 8 * PAGE).kind, MAPPING_FILE);
	assert_int_equal(mappings_find(&m, BASE + 9 * PAGE).kind, MAPPING_STACK);
	assert_int_equal(mappings_find(&m, 0x560000000000 + PAGE).kind, MAPPING_HEAP);
	/* The break goes back by two pages. */
	event(&m, WEFT_EV_brk, 0x560000000000 + 3 * PAGE, -2 * PAGE, 0, 0);
	assert_int_equal(mappings_find(&m, 0x560000000000).kind, MAPPING_HEAP);
	assert_int_equal(mappings_find(&m, 0x560000000000 + PAGE).end, 0);
	/* A hole in the middle makes two; what failed changes nothing. */
	event(&m, WEFT_EV_munmap, BASE + PAGE, 2 * PAGE, 0, 0);
	event(&m, WEFT_EV_munmap, BASE, 4 * PAGE, -EINVAL, 0);
	assert_int_equal(mappings_find(&m, BASE).end, BASE + PAGE);
	assert_int_equal(mappings_find(&m, BASE + PAGE).end, 0);
	assert_int_equal(mappings_find(&m, BASE + 3 * PAGE).start, BASE + 3 * PAGE);
	mappings_clear(&m);
	assert_int_equal(mappings_find(&m, BASE).end, 0);
}

/* Lengths that no kernel would give must do no harm. */
static void nonsense(void **state)
{
	struct mappings m = { 0 };

	event(&m, WEFT_EV_mmap, BASE, -PAGE, BASE, 0);
	event(&m, WEFT_EV_mmap, UINT64_MAX - 5, PAGE, BASE, 0);
	event(&m, WEFT_EV_munmap, UINT64_MAX - 5, PAGE, 0, 0);
	event(&m, WEFT_EV_brk, 0, -PAGE, 0, 0);
	event(&m, WEFT_EV_mmap, BASE, 0, BASE, 0);
	assert_int_equal(m.nr, 0);
	mappings_clear(&m);
}

static void random_maps(void **state)
{
	static const uint32_t flags[] = { MAP_PRIVATE, MAP_PRIVATE | MAP_ANONYMOUS,
					  MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK };
	static const enum mapping_kind kind[] = { MAPPING_FILE, MAPPING_ANONYMOUS, MAPPING_STACK };
	enum mapping_kind page[PAGES];
	struct mappings m = { 0 };
	int round, i;

	memset(page, 0, sizeof(page));
	srand(1);
	for (round = 0; round < 20000; round++) {
		int from = rand() % PAGES, nr = 1 + rand() % (PAGES - from), k = rand() % 4;

		if (k == 3)
			event(&m, WEFT_EV_munmap, BASE + from * PAGE, nr * PAGE, 0, 0);
		else
			event(&m, WEFT_EV_mmap, BASE + from * PAGE, nr * PAGE, BASE + from * PAGE,
			      flags[k]);
		for (i = from; i < from + nr; i++)
			page[i] = k == 3 ? MAPPING_UNKNOWN : kind[k];
		for (i = 0; i < PAGES; i++)
			assert_int_equal(mappings_find(&m, BASE + i * PAGE + rand() % PAGE).kind,
					 page[i]);
		assert_true(m.nr <= PAGES);
	}
	mappings_clear(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),
		cmocka_unit_test(nonsense),
		cmocka_unit_test(random_maps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
