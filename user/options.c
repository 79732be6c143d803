// SPDX-License-Identifier: GPL-2.0-only
/* The command lines of the commands. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd.h"
#include "options.h"

/*
 * Behind a complaint argp prints a second line, which tells only that there is help. It has no flag
 * against that; but without a stream for errors it just returns, and what getopt said is the one line.
 */
static error_t no_second_line(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	if (key != ARGP_KEY_INIT)
		return ARGP_ERR_UNKNOWN;
	state->err_stream = NULL;
	state->child_inputs[0] = state->input;
	return 0;
}

void options_parse(const struct argp *argp, int argc, char **argv, unsigned int flags, void *input)
{
	const struct argp_child children[] = { { argp, 0, NULL, 0 }, { 0 } };
	const struct argp parent = { .parser = no_second_line, .children = children };

	if (argp_parse(&parent, argc, argv, flags, NULL, input))
		exit(EXIT_USAGE);
}

void option_error(const struct argp_state *state, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s: %s\n", state->name, line);
	exit(EXIT_USAGE);
}

uint64_t option_number(const struct argp_state *state, const char *what, const char *text,
		       uint64_t min, uint64_t max)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(text, &end, 0);
	/* strtoull takes a minus sign and wraps. */
	if (errno || end == text || *end || strchr(text, '-') || v < min || v > max)
		option_error(state, "%s: '%s' is no number from %" PRIu64 " to %" PRIu64, what,
			     text, min, max);
	return v;
}

uint64_t option_size(const struct argp_state *state, const char *what, const char *text)
{
	static const char units[] = "KMGkmg";
	unsigned long long v;
	unsigned int shift = 0;
	const char *unit;
	char *end;

	errno = 0;
	v = strtoull(text, &end, 10);
	unit = *end && !end[1] ? strchr(units, *end) : NULL;
	if (unit)
		shift = 10 * (unsigned int)((unit - units) % 3 + 1);
	if (errno || end == text || (*end && !unit) || strchr(text, '-') || !v ||
	    v > UINT64_MAX >> shift)
		option_error(state, "%s: '%s' is no size; a number of bytes, or one with K, M or G",
			     what, text);
	return v << shift;
}

uint64_t option_seconds(const struct argp_state *state, const char *what, const char *text)
{
	const uint64_t max = UINT64_MAX / 1000000000 - 1;
	uint64_t s = 0, ns = 0, digit = 100000000;
	const char *p = text;

	for (; *p >= '0' && *p <= '9' && s <= max; p++)
		s = s * 10 + (uint64_t)(*p - '0');
	if (*p == '.')
		for (p++; *p >= '0' && *p <= '9'; p++, digit /= 10)
			ns += digit * (uint64_t)(*p - '0');
	if (*p || p == text || !strcmp(text, ".") || s > max)
		option_error(state, "%s: '%s' is no number of seconds", what, text);
	return s * 1000000000 + ns;
}

const char *option_backend(const struct argp_state *state, const char *text)
{
	if (strcmp(text, "auto") && strcmp(text, "kmod") && strcmp(text, "bpf"))
		option_error(state, "there is no backend '%s'; there are auto, kmod and bpf", text);
	return text;
}

const char *option_dir(const struct argp_state *state, const char *text)
{
	if (state->arg_num > 0)
		option_error(state, "one trace at a time: '%s' is one too many", text);
	return text;
}
