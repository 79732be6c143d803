/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command lines of the commands, as argp parses them. Wrong usage is one line on standard error that
 * begins with "weft COMMAND: ", and the exit code EXIT_USAGE: the functions here do not return then.
 */
#ifndef WEFT_USER_OPTIONS_H
#define WEFT_USER_OPTIONS_H

#include <argp.h>
#include <stdint.h>

/* Like argp_parse(). Nothing else says what is wrong; argp's own functions for that stay silent. */
void options_parse(const struct argp *argp, int argc, char **argv, unsigned int flags, void *input);

/* Ends the program: wrong usage. fmt: what is wrong, without the end of the line. */
void option_error(const struct argp_state *state, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

/* The values of options; what: how the line begins if text is none, such as "--top". */

/* A whole number from min to max, decimal, or with 0x or 0 in front. */
uint64_t option_number(const struct argp_state *state, const char *what, const char *text,
		       uint64_t min, uint64_t max);
/* Bytes, at least 1: a decimal number, or one with K, M or G (of 1024). */
uint64_t option_size(const struct argp_state *state, const char *what, const char *text);
/* Seconds ("1.25", up to 18 billion) as nanoseconds; digits behind the ninth are passed over. */
uint64_t option_seconds(const struct argp_state *state, const char *what, const char *text);
/* text, if it is the name of a backend or "auto". */
const char *option_backend(const struct argp_state *state, const char *text);
/* text, the directory of a trace, if it is the first argument. */
const char *option_dir(const struct argp_state *state, const char *text);

#endif
