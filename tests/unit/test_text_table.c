// SPDX-License-Identifier: GPL-2.0-only
/* Tables of text, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "text_table.h"

static char *printed(struct text_table *t)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	assert_int_equal(text_table_print(t, f), 0);
	fclose(f);
	text_table_free(t);
	return text;
}

static void columns_are_aligned(void **state)
{
	struct text_table *t = text_table_new();
	char *text;

	text_table_column(t, NULL, "name", TEXT_LEFT);
	text_table_column(t, "times", "a", TEXT_RIGHT);
	text_table_column(t, "times", "b", TEXT_RIGHT);
	text_table_column(t, NULL, "why", TEXT_LEFT);
	text_table_cell(t, "x");
	text_table_cell(t, "%d", 1000);
	text_table_cell(t, "1");
	text_table_cell(t, "because");
	text_table_line(t, "a line of its own that is wider than everything else");
	text_table_cell(t, "longer");
	text_table_cell(t, "1");
	text_table_cell(t, "10000");
	text_table_cell(t, "%s", "");
	text = printed(t);
	assert_string_equal(text, "        -- times --\n"
				  "name       a      b  why\n"
				  "x       1000      1  because\n"
				  "a line of its own that is wider than everything else\n"
				  "longer     1  10000\n");
	free(text);
}

/* A group's name that is wider than its columns widens them. */
static void groups_have_room(void **state)
{
	struct text_table *t = text_table_new();
	char *text;

	text_table_column(t, "a long name", "a", TEXT_RIGHT);
	text_table_column(t, NULL, "b", TEXT_RIGHT);
	text_table_cell(t, "1");
	text_table_cell(t, "2");
	text = printed(t);
	assert_string_equal(text, "a long name\n"
				  "          a  b\n"
				  "          1  2\n");
	free(text);
}

/* Names come from programs: a terminal's escapes must not reach it. UTF-8 is one column a character. */
static void text_of_programs_is_tamed(void **state)
{
	struct text_table *t = text_table_new();
	char *text;

	text_table_column(t, NULL, "n", TEXT_LEFT);
	text_table_column(t, NULL, "v", TEXT_LEFT);
	text_table_cell(t, "a\033[2J\nb\x7f");
	text_table_cell(t, "1");
	text_table_cell(t, "\xec\x8b\xa4");
	text_table_cell(t, "2");
	text = printed(t);
	assert_string_equal(text, "n         v\n"
				  "a?[2J?b?  1\n"
				  "\xec\x8b\xa4         2\n");
	free(text);
}

static void no_memory_is_told(void **state)
{
	assert_true(text_table_print(NULL, stdout) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_aligned),
		cmocka_unit_test(groups_have_room),
		cmocka_unit_test(text_of_programs_is_tamed),
		cmocka_unit_test(no_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
