// SPDX-License-Identifier: GPL-2.0-only
/* Finding the unit words of processes as they appear. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include "unit_lookup.h"
#include "unit_word.h"

/* A program still not relocated after this time never will be: it is stopped, or is no usual program. */
#define PATIENCE_NS 5000000000ULL

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

void unit_lookup_add(struct unit_lookup *l, pid_t tgid)
{
	struct unit_lookup_entry *e = NULL;
	size_t i;

	for (i = 0; i < l->nr; i++)
		if (l->waiting[i].tgid == tgid)
			e = &l->waiting[i];
	if (!e && l->nr == l->capacity) {
		size_t capacity = l->capacity ? 2 * l->capacity : 16;
		void *p = realloc(l->waiting, capacity * sizeof(*l->waiting));

		if (!p)
			return;
		l->waiting = p;
		l->capacity = capacity;
	}
	if (!e)
		e = &l->waiting[l->nr++];
	*e = (struct unit_lookup_entry){ .tgid = tgid, .since_ns = now_ns() };
}

void unit_lookup_add_all(struct unit_lookup *l)
{
	DIR *d = opendir("/proc");
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d))) {
		pid_t tgid = (pid_t)strtol(e->d_name, NULL, 10);

		if (tgid > 0)
			unit_lookup_add(l, tgid);
	}
	closedir(d);
}

/* Does it still have to wait? */
static bool try_one(const struct unit_lookup_entry *e, struct backend *b)
{
	int64_t tp_offset = 0;
	int ret = unit_word_find_pid(e->tgid, &tp_offset);

	if (ret == -EAGAIN)
		return now_ns() - e->since_ns < PATIENCE_NS;
	/* Other errors: it is gone, or not ours to read. If the backend refuses, likewise. */
	if (!ret || ret == -ENOENT)
		b->ops->unit_word(b, e->tgid, ret == -ENOENT, tp_offset);
	return false;
}

void unit_lookup_turn(struct unit_lookup *l, struct backend *b)
{
	size_t i, keep = 0;

	for (i = 0; i < l->nr; i++)
		if (try_one(&l->waiting[i], b))
			l->waiting[keep++] = l->waiting[i];
	l->nr = keep;
}

void unit_lookup_free(struct unit_lookup *l)
{
	free(l->waiting);
	*l = (struct unit_lookup){ 0 };
}
