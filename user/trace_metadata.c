// SPDX-License-Identifier: GPL-2.0-only
/* The env block of a trace's metadata: lines of `key = number;` or `key = "text";`. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/device.h>
#include "event_table.h"
#include "trace_metadata.h"

/* One more than the largest metadata file that is read. */
#define METADATA_MAX (1u << 20)

struct value {
	char *text; /* NULL: a number */
	int64_t number;
};

/* What is read before it is known to be whole. */
struct env {
	int64_t abi_version, abi_compat;
	bool have_clock;
};

static char *read_all(const char *path, char *errbuf, size_t len)
{
	FILE *f = fopen(path, "re");
	char *text = f ? malloc(METADATA_MAX) : NULL;
	size_t n;
	int err = 0;

	if (text) {
		n = fread(text, 1, METADATA_MAX, f);
		if (ferror(f))
			err = EIO;
		else if (n == METADATA_MAX)
			err = EFBIG;
		else
			text[n] = '\0';
	} else {
		err = errno;
	}
	if (f)
		fclose(f);
	if (!err)
		return text;
	free(text);
	snprintf(errbuf, len, "cannot read %s: %s", path, strerror(err));
	errno = err;
	return NULL;
}

static char *skip_space(char *p)
{
	while (isspace((unsigned char)*p))
		p++;
	return p;
}

/* Takes the quotes and backslashes off in place; *end is behind the closing quote. NULL: no text. */
static char *take_text(char *p, char **end)
{
	char *begin = p + 1, *to = begin, *octal_end;

	for (p = begin; *p && *p != '"'; p++) {
		if (*p == '\\' && p[1] >= '0' && p[1] <= '7') {
			char octal[4] = { p[1], p[2], p[2] ? p[3] : 0, 0 };

			*to++ = (char)strtoul(octal, &octal_end, 8);
			p += octal_end - octal;
		} else if (*p == '\\' && p[1]) {
			p++;
			*to++ = *p == 'n' ? '\n' : *p == 't' ? '\t' : *p;
		} else {
			*to++ = *p;
		}
	}
	if (!*p)
		return NULL;
	*end = p + 1;
	*to = '\0';
	return begin;
}

/* `key = value;` at p: key and value, and what follows. NULL if there is no such thing. */
static char *take_entry(char *p, char **key, struct value *v)
{
	char *end, *behind;

	*key = p;
	while (isalnum((unsigned char)*p) || *p == '_')
		p++;
	end = p;
	p = skip_space(p);
	if (end == *key || *p != '=')
		return NULL;
	*end = '\0';
	p = skip_space(p + 1);
	*v = (struct value){ 0 };
	if (*p == '"') {
		v->text = take_text(p, &p);
		if (!v->text)
			return NULL;
	} else {
		errno = 0;
		v->number = strtoll(p, &behind, 0);
		if (behind == p || errno)
			return NULL;
		p = behind;
	}
	p = skip_space(p);
	return *p == ';' ? p + 1 : NULL;
}

static int set_text(char **where, const char *text)
{
	free(*where);
	*where = strdup(text);
	return *where ? 0 : -ENOMEM;
}

static int apply_text(struct trace *t, struct env *env, const char *key, const char *text)
{
	if (!strcmp(key, "kernel_release"))
		return set_text(&t->kernel, text);
	if (!strcmp(key, "backend"))
		return set_text(&t->backend, text);
	if (!strcmp(key, "command"))
		return set_text(&t->command, text);
	if (!strcmp(key, "clock")) {
		t->clock = !strcmp(text, "tsc") ? WEFT_CLOCK_TSC : WEFT_CLOCK_MONOTONIC;
		env->have_clock = !strcmp(text, "tsc") || !strcmp(text, "monotonic");
	}
	return 0;
}

static int apply_number(struct trace *t, struct env *env, struct trace_sizes *sizes,
			const char *key, int64_t n)
{
	const struct {
		const char *key;
		int64_t *where;
	} numbers[] = {
		{ "abi_version", &env->abi_version },
		{ "abi_compat", &env->abi_compat },
		{ "clock_freq", (int64_t *)&t->clock_freq },
		{ "clock_freq_nominal", (int64_t *)&t->clock_nominal },
		{ "clock_freq_error_ppb", (int64_t *)&t->clock_freq_error_ppb },
		{ "clock_real_moved", &t->clock_real_moved },
		{ "clock_mono_offset", &t->clock_mono_offset },
		{ "clock_boot_offset", &t->clock_boot_offset },
		{ "clock_real_offset", &t->clock_real_offset },
		{ "clock_error_ns", (int64_t *)&t->clock_error_ns },
		{ "hooks", (int64_t *)&t->hooks },
		{ "missed", (int64_t *)&t->missed },
	};
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (!strcmp(key, numbers[i].key))
			*numbers[i].where = n;
	if (!strcmp(key, "nr_cpus"))
		t->nr_cpus = (uint32_t)n;
	else if (!strcmp(key, "groups"))
		t->groups = (uint32_t)n;
	else if (!strcmp(key, "emulated"))
		t->emulated = n;
	else if (!strcmp(key, "clock_freq_measured"))
		t->clock_measured = n;
	else if (!strcmp(key, "system_wide"))
		t->system_wide = n;
	else if (!strcmp(key, "ended"))
		t->ended = n;
	else if (!strncmp(key, "size_", 5)) {
		unsigned long id = strtoul(key + 5, NULL, 10);
		const struct event_type *type = event_type((uint32_t)id);

		if (id >= TRACE_MAX_ID)
			return 0;
		if (n % 8 || n < (int64_t)(type ? type->size : sizeof(struct weft_event)) ||
		    n > 1 << 16)
			return -EBADMSG;
		sizes->size[id] = (uint32_t)n;
	}
	return 0;
}

static int apply_all(struct trace *t, struct env *env, struct trace_sizes *sizes, char *text)
{
	char *p = strstr(text, "\nenv {"), *key;
	struct value v;
	int err;

	if (!p)
		return -EBADMSG;
	for (p = skip_space(p + 6); *p != '}'; p = skip_space(p)) {
		p = take_entry(p, &key, &v);
		if (!p)
			return -EBADMSG;
		err = v.text ? apply_text(t, env, key, v.text) :
			       apply_number(t, env, sizes, key, v.number);
		if (err)
			return err;
	}
	return 0;
}

int trace_metadata_read(struct trace *t, struct trace_sizes *sizes, const char *path, char *errbuf,
			size_t len)
{
	struct env env = { 0 };
	char *text = read_all(path, errbuf, len);
	int err;

	if (!text)
		return -errno;
	if (strncmp(text, "/* CTF 1.8 */", 13)) {
		snprintf(errbuf, len, "%s is no metadata of a CTF 1.8 trace", path);
		free(text);
		return -EBADMSG;
	}
	t->clock_error_ns = WEFT_UNKNOWN;
	t->clock_freq_error_ppb = WEFT_UNKNOWN;
	err = apply_all(t, &env, sizes, text);
	free(text);
	if (env.abi_compat > WEFT_ABI_VERSION) {
		snprintf(errbuf, len,
			 "cannot read %s: the trace is of version %lld, this weft reads up to %d; use a newer weft",
			 path, (long long)env.abi_version, WEFT_ABI_VERSION);
		return -EPROTO;
	}
	if (!err && (!env.abi_compat || !env.have_clock || !t->clock_freq ||
		     t->clock_freq > 1ull << 34 || !t->kernel || !t->backend || !t->command))
		err = -EBADMSG;
	if (err == -EBADMSG)
		snprintf(errbuf, len, "%s is no metadata of a weft trace, or it is cut off", path);
	else if (err)
		snprintf(errbuf, len, "cannot read %s: %s", path, strerror(-err));
	return err;
}
