/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers as people read them. Every function writes at most FORMAT_LEN bytes into buf, NUL included,
 * and returns buf. A value that is missing (FORMAT_MISSING, of real numbers: a NaN) is "-".
 */
#ifndef WEFT_USER_FORMAT_H
#define WEFT_USER_FORMAT_H

#include <stdint.h>

#define FORMAT_LEN 32
#define FORMAT_MISSING UINT64_MAX

/* A duration in nanoseconds, three significant digits: "0 ns", "999 ns", "1.00 us", "12.3 ms", "4.50 s". */
char *format_ns(char *buf, uint64_t ns);
/* The same of a real number of nanoseconds, e.g. an average: "2.35 ns". */
char *format_real_ns(char *buf, double ns);
/* A size in bytes: "0 B", "512 B", "1.50 KiB", "12.3 MiB". */
char *format_bytes(char *buf, uint64_t bytes);
/* A count, exact: "0", "999", "1,234,567". */
char *format_count(char *buf, uint64_t count);
/* A real number, e.g. a count per operation, three significant digits: "0", "0.0123", "2.00", "1,234". */
char *format_real(char *buf, double value);
/* Of a part and its whole: "0.0 %", "<0.1 %", "12.3 %", "100.0 %"; "-" if the whole is 0. */
char *format_share(char *buf, uint64_t part, uint64_t whole);
/* A point in time in seconds with all nine digits: "0.000123456". */
char *format_seconds(char *buf, uint64_t ns);

#endif
