// SPDX-License-Identifier: GPL-2.0-only
/* Numbers as people read them. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "format.h"

static char *missing(char *buf)
{
	return strcpy(buf, "-");
}

/* value, 0 or more, with three significant digits and no exponent: 0.00123, 1.23, 12.3, 123, 1234. */
static int three_digits(char *buf, double value)
{
	double rounded = value;
	int decimals = 2;

	if (value == 0)
		return snprintf(buf, FORMAT_LEN, "0");
	/* What rounds up to the next power of ten has one decimal less. */
	while (decimals < 9 && rounded < 0.9995) {
		rounded *= 10;
		decimals++;
	}
	if (decimals == 2)
		decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
	return snprintf(buf, FORMAT_LEN, "%.*f", decimals, value);
}

struct scale {
	double factor; /* to the next unit */
	const char *unit;
};

/* Divides until three digits suffice, by the scale's factors; the last has factor 0. */
static char *scaled(char *buf, double value, const struct scale *s)
{
	int n;

	if (isnan(value) || value < 0)
		return missing(buf);
	while (s->factor != 0 && value >= s->factor * 0.9995) {
		value /= s->factor;
		s++;
	}
	/* A last unit can hold more than three digits. */
	n = three_digits(buf, value);
	snprintf(buf + n, (size_t)(FORMAT_LEN - n), " %s", s->unit);
	return buf;
}

static const struct scale times[] = { { 1000, "ns" }, { 1000, "us" }, { 1000, "ms" }, { 0, "s" } };

char *format_real_ns(char *buf, double ns)
{
	return scaled(buf, ns, times);
}

char *format_ns(char *buf, uint64_t ns)
{
	if (ns == FORMAT_MISSING)
		return missing(buf);
	if (ns < 1000) {
		snprintf(buf, FORMAT_LEN, "%" PRIu64 " ns", ns);
		return buf;
	}
	return scaled(buf, (double)ns, times);
}

char *format_bytes(char *buf, uint64_t bytes)
{
	static const struct scale sizes[] = {
		{ 1024, "B" },	 { 1024, "KiB" }, { 1024, "MiB" },
		{ 1024, "GiB" }, { 1024, "TiB" }, { 0, "PiB" },
	};

	if (bytes == FORMAT_MISSING)
		return missing(buf);
	if (bytes < 1024) {
		snprintf(buf, FORMAT_LEN, "%" PRIu64 " B", bytes);
		return buf;
	}
	return scaled(buf, (double)bytes, sizes);
}

/* Puts commas into the digits that buf begins with. */
static void group_digits(char *buf)
{
	size_t digits = strspn(buf, "0123456789");
	size_t at;

	for (at = digits; at > 3; at -= 3) {
		memmove(buf + at - 2, buf + at - 3, strlen(buf + at - 3) + 1);
		buf[at - 3] = ',';
	}
}

char *format_count(char *buf, uint64_t count)
{
	if (count == FORMAT_MISSING)
		return missing(buf);
	snprintf(buf, FORMAT_LEN, "%" PRIu64, count);
	group_digits(buf);
	return buf;
}

char *format_real(char *buf, double value)
{
	/* Beyond 10^15 commas would not fit. */
	if (isnan(value) || value < 0 || value > 1e15)
		return missing(buf);
	three_digits(buf, value);
	group_digits(buf);
	return buf;
}

char *format_share(char *buf, uint64_t part, uint64_t whole)
{
	double percent;

	if (whole == 0 || whole == FORMAT_MISSING || part == FORMAT_MISSING)
		return missing(buf);
	percent = (double)part * 100 / (double)whole;
	if (part && percent < 0.05)
		return strcpy(buf, "<0.1 %");
	snprintf(buf, FORMAT_LEN, "%.1f %%", percent);
	return buf;
}

char *format_seconds(char *buf, uint64_t ns)
{
	snprintf(buf, FORMAT_LEN, "%" PRIu64 ".%09" PRIu64, ns / 1000000000, ns % 1000000000);
	return buf;
}
