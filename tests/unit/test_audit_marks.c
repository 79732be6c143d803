// SPDX-License-Identifier: GPL-2.0-only
/* Marks that do not fit: each kind that there is has its line, and in JSON its number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "audit.h"
#include "json.h"

static char *text_of(const struct acct_oddities *odd, bool as_json)
{
	struct json j;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (as_json) {
		json_init(&j, f);
		json_object(&j, NULL);
		audit_marks_json(&j, odd);
		json_end(&j);
	} else {
		audit_marks_print(f, odd);
	}
	fclose(f);
	return text;
}

static void silent_if_all_fit(void **state)
{
	const struct acct_oddities odd = { .open_units = 5, .marks_off_cpu = 2 };
	char *text = text_of(&odd, false);

	assert_string_equal(text, "");
	free(text);
}

static void each_kind_by_itself(void **state)
{
	/* These two are told elsewhere: units may be there at the end, and marks_order is a check. */
	const size_t kinds = sizeof(struct acct_oddities) / sizeof(uint64_t) - 2;
	struct acct_oddities odd;
	size_t i, told = 0;

	for (i = 0; i < sizeof(odd) / sizeof(uint64_t); i++) {
		char *text, *json;

		memset(&odd, 0, sizeof(odd));
		((uint64_t *)&odd)[i] = 1234;
		text = text_of(&odd, false);
		json = text_of(&odd, true);
		assert_int_equal(!!strstr(text, "     1,234  "), !!strstr(json, ": 1234"));
		told += !!strstr(json, ": 1234");
		free(text);
		free(json);
	}
	assert_int_equal(told, kinds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silent_if_all_fit),
		cmocka_unit_test(each_kind_by_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
