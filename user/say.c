// SPDX-License-Identifier: GPL-2.0-only
/* What the tool tells people apart from its results: one line each, on standard error. */
#include <stdarg.h>
#include <stdio.h>
#include "cmd.h"

static void say(const char *prefix, const char *fmt, va_list ap)
{
	char line[2048];

	/* In one piece, so that it does not mix with what a traced command prints. */
	vsnprintf(line, sizeof(line), fmt, ap);
	fprintf(stderr, "weft: %s%s\n", prefix, line);
}

void say_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("", fmt, ap);
	va_end(ap);
}

void say_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("", fmt, ap);
	va_end(ap);
}

void say_warning(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("warning: ", fmt, ap);
	va_end(ap);
}
