// SPDX-License-Identifier: GPL-2.0-only
/* A writer of JSON. */
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include "json.h"

/* Bytes of the UTF-8 sequence at s, 0 if it is none (RFC 3629: no surrogates, nothing overlong). */
static size_t utf8_length(const unsigned char *s)
{
	size_t i, n = s[0] < 0x80		  ? 1 :
		      s[0] >= 0xC2 && s[0] < 0xE0 ? 2 :
		      s[0] >= 0xE0 && s[0] < 0xF0 ? 3 :
		      s[0] >= 0xF0 && s[0] < 0xF5 ? 4 :
						    0;

	for (i = 1; i < n; i++)
		if ((s[i] & 0xC0) != 0x80)
			return 0;
	if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] >= 0xA0) ||
	    (s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] >= 0x90))
		return 0;
	return n;
}

static void write_text(FILE *f, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	fputc('"', f);
	while (*s) {
		size_t n = utf8_length(s);

		if (n == 0)
			fputs("\\ufffd", f);
		else if (*s == '"' || *s == '\\')
			fprintf(f, "\\%c", *s);
		else if (*s < 0x20)
			fprintf(f, "\\u%04x", *s);
		else
			fwrite(s, 1, n, f);
		s += n ? n : 1;
	}
	fputc('"', f);
}

/* What comes before each value: the comma, the line, the key. */
static void begin(struct json *j, const char *key)
{
	unsigned i;

	if (j->depth) {
		fputs(j->filled[j->depth - 1] ? ",\n" : "\n", j->f);
		j->filled[j->depth - 1] = true;
		for (i = 0; i < j->depth; i++)
			fputs("  ", j->f);
	}
	if (key) {
		write_text(j->f, key);
		fputs(": ", j->f);
	}
}

static void open_level(struct json *j, const char *key, bool array)
{
	assert(j->depth < JSON_MAX_DEPTH);
	begin(j, key);
	fputc(array ? '[' : '{', j->f);
	j->array[j->depth] = array;
	j->filled[j->depth++] = false;
}

void json_init(struct json *j, FILE *f)
{
	memset(j, 0, sizeof(*j));
	j->f = f;
}

void json_object(struct json *j, const char *key)
{
	open_level(j, key, false);
}

void json_array(struct json *j, const char *key)
{
	open_level(j, key, true);
}

void json_end(struct json *j)
{
	unsigned i;

	assert(j->depth > 0);
	j->depth--;
	if (j->filled[j->depth]) {
		fputc('\n', j->f);
		for (i = 0; i < j->depth; i++)
			fputs("  ", j->f);
	}
	fputc(j->array[j->depth] ? ']' : '}', j->f);
	if (!j->depth)
		fputc('\n', j->f);
}

void json_u64(struct json *j, const char *key, uint64_t v)
{
	begin(j, key);
	if (v == UINT64_MAX)
		fputs("null", j->f);
	else
		fprintf(j->f, "%" PRIu64, v);
}

void json_i64(struct json *j, const char *key, int64_t v)
{
	begin(j, key);
	fprintf(j->f, "%" PRId64, v);
}

void json_real(struct json *j, const char *key, double v)
{
	begin(j, key);
	if (isfinite(v))
		fprintf(j->f, "%.6g", v);
	else
		fputs("null", j->f);
}

void json_bool(struct json *j, const char *key, bool v)
{
	begin(j, key);
	fputs(v ? "true" : "false", j->f);
}

void json_text(struct json *j, const char *key, const char *v)
{
	begin(j, key);
	if (v)
		write_text(j->f, v);
	else
		fputs("null", j->f);
}
