// SPDX-License-Identifier: GPL-2.0-only
/* The writer of JSON, byte for byte. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "json.h"

static char *text;
static size_t len;

static void begin(struct json *j)
{
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	json_init(j, f);
}

static void end(struct json *j, const char *expected)
{
	fclose(j->f);
	assert_string_equal(text, expected);
	free(text);
}

static void nesting_and_commas(void **state)
{
	struct json j;

	begin(&j);
	json_object(&j, NULL);
	json_u64(&j, "a", 1);
	json_array(&j, "b");
	json_i64(&j, NULL, -1);
	json_object(&j, NULL);
	json_end(&j);
	json_end(&j);
	json_array(&j, "c");
	json_end(&j);
	json_bool(&j, "d", true);
	json_end(&j);
	end(&j,
	    "{\n  \"a\": 1,\n  \"b\": [\n    -1,\n    {}\n  ],\n  \"c\": [],\n  \"d\": true\n}\n");
}

static void missing_is_null(void **state)
{
	struct json j;

	begin(&j);
	json_array(&j, NULL);
	json_u64(&j, NULL, UINT64_MAX);
	json_u64(&j, NULL, UINT64_MAX - 1);
	json_real(&j, NULL, NAN);
	json_real(&j, NULL, INFINITY);
	json_real(&j, NULL, 0.25);
	json_text(&j, NULL, NULL);
	json_end(&j);
	end(&j, "[\n  null,\n  18446744073709551614,\n  null,\n  null,\n  0.25,\n  null\n]\n");
}

/* Names of threads are 16 bytes of anything. */
static void text_is_always_valid(void **state)
{
	struct json j;

	begin(&j);
	json_array(&j, NULL);
	json_text(&j, NULL, "quote\" back\\slash \n\x01");
	json_text(&j, NULL, "\xec\x8b\xa4 \xf0\x9f\xa7\xb5");
	json_text(&j, NULL, "cut \xec\x8b");
	json_text(&j, NULL, "overlong \xc0\xaf surrogate \xed\xa0\x80 far \xf5\x80\x80\x80");
	json_end(&j);
	end(&j,
	    "[\n  \"quote\\\" back\\\\slash \\u000a\\u0001\",\n"
	    "  \"\xec\x8b\xa4 \xf0\x9f\xa7\xb5\",\n"
	    "  \"cut \\ufffd\\ufffd\",\n"
	    "  \"overlong \\ufffd\\ufffd surrogate \\ufffd\\ufffd\\ufffd far \\ufffd\\ufffd\\ufffd\\ufffd\"\n"
	    "]\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nesting_and_commas),
		cmocka_unit_test(missing_is_null),
		cmocka_unit_test(text_is_always_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
