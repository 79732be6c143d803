// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading a trace: opens the files of both sub-traces and merges their streams by time.
 *
 * The stream whose record is handed out next is kept out of the heap together with the time of the
 * heap's first, so as long as one stream is ahead, and mostly one CPU is for many records in a row, the
 * heap is not touched.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "trace.h"
#include "trace_metadata.h"
#include "trace_stream.h"

struct trace_merge {
	struct trace_sizes sizes[2]; /* by WEFT_STREAM_* */
	struct trace_stream *top;    /* its record was handed out last; NULL at the beginning */
	struct trace_stream **heap;  /* the others that have records left, the earliest first */
	size_t nr;
	uint32_t *tgids; /* processes with unit streams */
	size_t nr_tgids;
	bool started;
	int failed;
};

static int add_gap(void *arg, const struct trace_gap *gap)
{
	struct trace *t = arg;
	struct trace_gap *more = t->gaps;

	if (!(t->nr_gaps & (t->nr_gaps - 1)))
		more = realloc(more, (t->nr_gaps ? 2 * t->nr_gaps : 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	t->gaps = more;
	t->gaps[t->nr_gaps++] = *gap;
	return 0;
}

static int add_tgid(void *arg, uint32_t tgid)
{
	struct trace_merge *m = ((struct trace *)arg)->merge;
	uint32_t *more = m->tgids;

	/* One stream is of one process; duplicates go when all are known. */
	if (m->nr_tgids && m->tgids[m->nr_tgids - 1] == tgid)
		return 0;
	if (!(m->nr_tgids & (m->nr_tgids - 1)))
		more = realloc(more, (m->nr_tgids ? 2 * m->nr_tgids : 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	m->tgids = more;
	m->tgids[m->nr_tgids++] = tgid;
	return 0;
}

static int compare_gaps(const void *a, const void *b)
{
	const struct trace_gap *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

static int compare_tgids(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

bool trace_has_units(const struct trace *t, uint32_t tgid)
{
	return t->merge->nr_tgids &&
	       bsearch(&tgid, t->merge->tgids, t->merge->nr_tgids, sizeof(tgid), compare_tgids);
}

static int compare_names(const void *a, const void *b)
{
	return strverscmp(*(char *const *)a, *(char *const *)b);
}

/* The files of a sub-trace: names beginning with prefix, in order of their numbers. */
static int list_files(const char *dir, const char *prefix, char ***names, size_t *nr)
{
	char **list = NULL, **more;
	struct dirent *e;
	DIR *d = opendir(dir);
	size_t n = 0;

	if (!d)
		return -errno;
	while ((e = readdir(d))) {
		if (strncmp(e->d_name, prefix, strlen(prefix)))
			continue;
		more = realloc(list, (n + 1) * sizeof(*list));
		if (more)
			list = more;
		if (!more || asprintf(&list[n], "%s/%s", dir, e->d_name) < 0) {
			closedir(d);
			while (n)
				free(list[--n]);
			free(list);
			return -ENOMEM;
		}
		n++;
	}
	closedir(d);
	if (n)
		qsort(list, n, sizeof(*list), compare_names);
	*names = list;
	*nr = n;
	return 0;
}

static int open_streams(struct trace *t, const char *dir, uint32_t stream, char *errbuf, size_t len)
{
	char **names = NULL;
	size_t nr = 0, i;
	struct trace_stream *more;
	int err = list_files(dir, stream == WEFT_STREAM_UNITS ? "ring" : "cpu", &names, &nr);

	if (!err && nr) {
		more = realloc(t->streams, (t->nr_streams + nr) * sizeof(*more));
		if (more)
			t->streams = more;
		else
			err = -ENOMEM;
	}
	if (err)
		snprintf(errbuf, len, "cannot read %s: %s", dir, strerror(-err));
	for (i = 0; i < nr; i++) {
		if (!err)
			err = trace_stream_open(&t->streams[t->nr_streams], names[i],
						stream == WEFT_STREAM_UNITS,
						&t->merge->sizes[stream], errbuf, len);
		if (!err)
			t->nr_streams++;
		free(names[i]);
	}
	free(names);
	return err;
}

/* Sub-trace `name` of the trace. The units may be missing, the kernel's part not. */
static int open_part(struct trace *t, const char *name, uint32_t stream, char *errbuf, size_t len)
{
	char *dir = NULL, *metadata = NULL;
	int err = -ENOMEM;

	if (asprintf(&dir, "%s/%s", t->dir, name) < 0)
		dir = NULL;
	if (dir && asprintf(&metadata, "%s/metadata", dir) < 0)
		metadata = NULL;
	if (metadata)
		err = trace_metadata_read(t, &t->merge->sizes[stream], metadata, errbuf, len);
	else
		snprintf(errbuf, len, "cannot read %s: out of memory", t->dir);
	if (!err)
		err = open_streams(t, dir, stream, errbuf, len);
	free(metadata);
	free(dir);
	if (err == -ENOENT || err == -ENOTDIR) {
		if (stream == WEFT_STREAM_UNITS)
			return 0;
		snprintf(errbuf, len,
			 "%s is no trace: it has no %s/metadata; record one with: weft record -o %s",
			 t->dir, name, t->dir);
	}
	return err;
}

static int find_gaps(struct trace *t)
{
	struct trace_merge *m = t->merge;
	size_t i;
	int err;

	for (i = 0; i < t->nr_streams; i++) {
		err = trace_stream_scan(&t->streams[i], add_gap, add_tgid, t);
		if (err)
			return err;
	}
	if (t->nr_gaps)
		qsort(t->gaps, t->nr_gaps, sizeof(*t->gaps), compare_gaps);
	if (m->nr_tgids)
		qsort(m->tgids, m->nr_tgids, sizeof(*m->tgids), compare_tgids);
	m->heap = calloc(t->nr_streams + 1, sizeof(struct trace_stream *));
	return m->heap ? 0 : -ENOMEM;
}

int trace_open(struct trace **out, const char *dir, char *errbuf, size_t len)
{
	struct trace *t = calloc(1, sizeof(*t));
	int err;

	*out = NULL;
	if (t) {
		t->dir = strdup(dir);
		t->merge = calloc(1, sizeof(*t->merge));
	}
	if (!t || !t->dir || !t->merge) {
		trace_close(t);
		snprintf(errbuf, len, "cannot read %s: out of memory", dir);
		return -ENOMEM;
	}
	err = open_part(t, "kernel", WEFT_STREAM_KERNEL, errbuf, len);
	if (!err)
		err = open_part(t, "units", WEFT_STREAM_UNITS, errbuf, len);
	if (!err) {
		err = find_gaps(t);
		if (err)
			snprintf(errbuf, len, "cannot read %s: %s", dir, strerror(-err));
	}
	if (err)
		trace_close(t);
	else
		*out = t;
	return err;
}

void trace_close(struct trace *t)
{
	size_t i;

	if (!t)
		return;
	for (i = 0; i < t->nr_streams; i++)
		trace_stream_close(&t->streams[i]);
	if (t->merge) {
		free(t->merge->heap);
		free(t->merge->tgids);
	}
	free(t->merge);
	free(t->streams);
	free(t->gaps);
	free(t->dir);
	free(t->kernel);
	free(t->backend);
	free(t->command);
	free(t);
}

void trace_rewind(struct trace *t)
{
	struct trace_merge *m = t->merge;
	size_t i;

	for (i = 0; i < t->nr_streams; i++)
		trace_stream_rewind(&t->streams[i]);
	m->top = NULL;
	m->nr = 0;
	m->started = false;
	m->failed = 0;
	t->events = t->lost = t->unit_lost = t->truncated = 0;
}

/* Streams lie in the order that equal times are handed out in. */
static inline bool earlier(const struct trace_stream *a, const struct trace_stream *b)
{
	return a->rec->time < b->rec->time || (a->rec->time == b->rec->time && a < b);
}

static void sift_up(struct trace_merge *m, struct trace_stream *s)
{
	size_t i = m->nr++;

	for (; i && earlier(s, m->heap[(i - 1) / 2]); i = (i - 1) / 2)
		m->heap[i] = m->heap[(i - 1) / 2];
	m->heap[i] = s;
}

/* Puts s in place of the first, and down to where it belongs. */
static void sift_down(struct trace_merge *m, struct trace_stream *s)
{
	size_t i = 0, child;

	while ((child = 2 * i + 1) < m->nr) {
		if (child + 1 < m->nr && earlier(m->heap[child + 1], m->heap[child]))
			child++;
		if (!earlier(m->heap[child], s))
			break;
		m->heap[i] = m->heap[child];
		i = child;
	}
	m->heap[i] = s;
}

static struct trace_stream *take_first(struct trace_merge *m)
{
	struct trace_stream *first = m->heap[0];

	if (--m->nr)
		sift_down(m, m->heap[m->nr]);
	return first;
}

static int start(struct trace *t, char *errbuf, size_t len)
{
	struct trace_merge *m = t->merge;
	size_t i;

	m->started = true;
	for (i = 0; i < t->nr_streams; i++) {
		int err = trace_stream_next(&t->streams[i], errbuf, len);

		if (err)
			return err;
		if (t->streams[i].rec)
			sift_up(m, &t->streams[i]);
	}
	m->top = m->nr ? take_first(m) : NULL;
	return 0;
}

static void sum_up(struct trace *t)
{
	size_t i;

	t->events = t->lost = t->unit_lost = t->truncated = 0;
	for (i = 0; i < t->nr_streams; i++) {
		const struct trace_stream *s = &t->streams[i];
		uint64_t lost = s->lost > s->discarded ? s->lost : s->discarded;

		t->events += s->events;
		t->truncated += s->truncated;
		*(s->is_unit ? &t->unit_lost : &t->lost) += lost;
	}
}

/* Lets m->top be the stream with the next record, NULL if there is none. */
static int advance(struct trace *t, char *errbuf, size_t len)
{
	struct trace_merge *m = t->merge;
	int err;

	if (!m->started)
		return start(t, errbuf, len);
	if (!m->top)
		return 0;
	err = trace_stream_next(m->top, errbuf, len);
	if (err)
		return err;
	if (!m->top->rec) {
		m->top = m->nr ? take_first(m) : NULL;
	} else if (m->nr && earlier(m->heap[0], m->top)) {
		struct trace_stream *first = m->heap[0];

		sift_down(m, m->top);
		m->top = first;
	}
	return 0;
}

int trace_next(struct trace *t, struct trace_event *ev, char *errbuf, size_t len)
{
	struct trace_merge *m = t->merge;
	struct trace_stream *s;

	if (!m->failed)
		m->failed = advance(t, errbuf, len);
	if (m->failed || !m->top) {
		sum_up(t);
		return m->failed;
	}
	s = m->top;
	ev->rec = s->rec;
	ev->size = s->size;
	ev->is_unit = s->is_unit;
	ev->cpu = s->is_unit ? 0 : s->cpu;
	ev->tgid = s->is_unit ? s->cpu : 0;
	ev->copy = s->is_unit ? s->copy : 0;
	return 1;
}

uint64_t trace_ns(const struct trace *t, uint64_t ticks)
{
	uint64_t seconds, ns;

	if (t->clock_freq == 1000000000)
		return ticks;
	/* The rest is below the frequency, at most 2^34: its product fits. */
	seconds = ticks / t->clock_freq;
	ns = ticks % t->clock_freq * 1000000000 / t->clock_freq;
	if (__builtin_mul_overflow(seconds, 1000000000ull, &seconds) ||
	    __builtin_add_overflow(seconds, ns, &ns))
		return UINT64_MAX;
	return ns;
}
