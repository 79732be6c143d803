/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A writer of JSON: one value after the other, straight to a file. key is NULL inside an array and for
 * the outermost value. A value that is missing is null: json_u64() of WEFT_UNKNOWN, json_real() of a
 * NaN, json_text() of NULL. Whether f was written is for its owner to ask.
 */
#ifndef WEFT_USER_JSON_H
#define WEFT_USER_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_MAX_DEPTH 16

struct json {
	FILE *f;
	unsigned depth;
	bool array[JSON_MAX_DEPTH];  /* what is open: arrays and objects */
	bool filled[JSON_MAX_DEPTH]; /* it has a member already */
};

void json_init(struct json *j, FILE *f);
void json_object(struct json *j, const char *key);
void json_array(struct json *j, const char *key);
/* Closes what was opened last; the outermost one with a newline. */
void json_end(struct json *j);

void json_u64(struct json *j, const char *key, uint64_t v);
void json_i64(struct json *j, const char *key, int64_t v);
void json_real(struct json *j, const char *key, double v);
void json_bool(struct json *j, const char *key, bool v);
/* Bytes that are no UTF-8 become U+FFFD. */
void json_text(struct json *j, const char *key, const char *v);

#endif
