/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes traces for tests: records in, a trace directory out, with the tool's own metadata. Included by
 * the test programs, each of which is one file.
 */
#ifndef WEFT_TESTS_TRACE_WRITER_H
#define WEFT_TESTS_TRACE_WRITER_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weft/device.h>
#include "metadata.h"
#include "trace.h"

#define WRITER_STREAMS 64

struct writer_stream {
	bool is_unit;
	uint32_t cpu, copy; /* unit stream: tgid, copy */
	unsigned char *buf;
	size_t len, size;
	size_t packet; /* where the open packet begins; SIZE_MAX: none */
	uint64_t seq, discarded, last;
};

struct writer {
	char dir[64];
	struct metadata md;
	struct writer_stream streams[WRITER_STREAMS];
	unsigned nr;
	size_t packet_max; /* bytes; a packet is ended when it would grow larger */
};

static inline void writer_remove(const char *dir)
{
	static const char *const parts[] = { "kernel", "units" };
	char path[400];
	struct dirent *e;
	int i;

	for (i = 0; i < 2; i++) {
		DIR *d;

		snprintf(path, sizeof(path), "%s/%s", dir, parts[i]);
		d = opendir(path);
		while (d && (e = readdir(d))) {
			snprintf(path, sizeof(path), "%s/%s/%s", dir, parts[i], e->d_name);
			unlink(path);
		}
		if (d)
			closedir(d);
		snprintf(path, sizeof(path), "%s/%s", dir, parts[i]);
		rmdir(path);
	}
	rmdir(dir);
}

static inline void writer_init(struct writer *w)
{
	memset(w, 0, sizeof(*w));
	snprintf(w->dir, sizeof(w->dir), "%s/weft-test-XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	if (!mkdtemp(w->dir))
		abort();
	w->md = (struct metadata){
		.clock = { .clock = WEFT_CLOCK_MONOTONIC, .freq = 1000000000 },
		.backend = "test",
		.command = "test",
		.nr_cpus = 4,
		.groups = WEFT_GROUP_ALL,
		.hooks = (1ull << WEFT_HOOK_MAX) - 1,
		.ended = true,
	};
	w->packet_max = 4096;
}

static inline struct writer_stream *writer_stream(struct writer *w, bool is_unit, uint32_t cpu,
						  uint32_t copy)
{
	unsigned i;

	for (i = 0; i < w->nr; i++)
		if (w->streams[i].is_unit == is_unit && w->streams[i].cpu == cpu &&
		    w->streams[i].copy == copy)
			return &w->streams[i];
	if (w->nr == WRITER_STREAMS)
		abort();
	w->streams[w->nr] = (struct writer_stream){
		.is_unit = is_unit, .cpu = cpu, .copy = copy, .packet = SIZE_MAX
	};
	return &w->streams[w->nr++];
}

static inline void *writer_room(struct writer_stream *s, size_t len)
{
	if (s->len + len > s->size) {
		s->size = 2 * (s->len + len);
		s->buf = realloc(s->buf, s->size);
		if (!s->buf)
			abort();
	}
	memset(s->buf + s->len, 0, len);
	s->len += len;
	return s->buf + s->len - len;
}

static inline void writer_end_packet(struct writer_stream *s)
{
	struct weft_packet *p;
	size_t content;

	if (s->packet == SIZE_MAX)
		return;
	content = s->len - s->packet;
	if (content % 512)
		writer_room(s, 512 - content % 512);
	p = (void *)(s->buf + s->packet);
	p->timestamp_end = s->last;
	p->content_size = content * 8;
	p->packet_size = (s->len - s->packet) * 8;
	s->packet = SIZE_MAX;
}

/* Appends a record; a stream's records come in order of time. */
static inline void writer_put(struct writer *w, struct writer_stream *s, const void *rec,
			      size_t size)
{
	const struct weft_event *e = rec;

	if (s->packet != SIZE_MAX && s->len - s->packet + size > w->packet_max)
		writer_end_packet(s);
	if (s->packet == SIZE_MAX) {
		struct weft_packet *p = writer_room(s, sizeof(*p));

		s->packet = (size_t)((unsigned char *)p - s->buf);
		p->magic = WEFT_CTF_MAGIC;
		p->stream_id = s->is_unit ? WEFT_STREAM_UNITS : WEFT_STREAM_KERNEL;
		p->timestamp_begin = e->time;
		p->packet_seq_num = s->seq++;
		p->events_discarded = s->discarded;
		p->cpu_id = s->cpu;
		p->copy = s->copy;
	}
	s->last = e->time;
	memcpy(writer_room(s, size), rec, size);
}

/*
 * One record: the event's name, its time, thread and current unit, then its fields by their names. Of the
 * kernel stream on this CPU, or a mark of this process and copy of the header.
 */
#define WRITER_PUT_(w, is_unit, cpu, copy, event, at, who, word, ...)                              \
	do {                                                                                       \
		struct weft_ev_##event rec_ = { .h = { at, WEFT_EV_##event, who, word },           \
						##__VA_ARGS__ };                                   \
		writer_put(w, writer_stream(w, is_unit, cpu, copy), &rec_, sizeof(rec_));          \
	} while (0)
#define WRITER_EVENT(w, cpu, event, ...) WRITER_PUT_(w, false, cpu, 0, event, __VA_ARGS__)
#define WRITER_MARK(w, tgid, copy, event, ...)                                                     \
	WRITER_PUT_(w, true, tgid, copy, unit_##event, __VA_ARGS__)

/* `count` records are missing before the next one: told at time `now` as the producers do it. */
static inline void writer_lost(struct writer *w, struct writer_stream *s, uint64_t now,
			       uint32_t tid, uint64_t count, uint64_t first, uint64_t last)
{
	struct weft_ev_lost rec = {
		.h = { .time = now,
		       .id = s->is_unit ? WEFT_EV_unit_lost : WEFT_EV_lost,
		       .tid = tid },
		.count = count,
		.first = first,
		.last = last,
	};

	/* A full ring begins a packet with it; a recorder of marks puts it where it is. */
	if (!s->is_unit)
		writer_end_packet(s);
	if (!s->is_unit)
		s->discarded += count;
	writer_put(w, s, &rec, sizeof(rec));
	if (s->is_unit)
		s->discarded += count;
}

static inline void writer_write(struct writer *w)
{
	char path[128];
	unsigned i;
	bool units = false;
	FILE *f;

	for (i = 0; i < w->nr; i++) {
		struct writer_stream *s = &w->streams[i];

		writer_end_packet(s);
		if (!i || (s->is_unit && !units)) {
			snprintf(path, sizeof(path), "%s/%s", w->dir,
				 i && s->is_unit ? "units" : "kernel");
			if (mkdir(path, 0777))
				abort();
			snprintf(path, sizeof(path), "%s/%s/metadata", w->dir,
				 i && s->is_unit ? "units" : "kernel");
			f = fopen(path, "w");
			if (!f)
				abort();
			metadata_print(f, &w->md,
				       s->is_unit ? WEFT_STREAM_UNITS : WEFT_STREAM_KERNEL);
			fclose(f);
			units |= s->is_unit;
		}
		if (s->is_unit)
			snprintf(path, sizeof(path), "%s/units/ring%u", w->dir, i);
		else
			snprintf(path, sizeof(path), "%s/kernel/cpu%u", w->dir, s->cpu);
		f = fopen(path, "w");
		if (!f || (s->len && fwrite(s->buf, s->len, 1, f) != 1) || fclose(f))
			abort();
	}
}

/* Removes the trace too. */
static inline void writer_free(struct writer *w)
{
	unsigned i;

	for (i = 0; i < w->nr; i++)
		free(w->streams[i].buf);
	writer_remove(w->dir);
}

#endif
