/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A trace of a few records, written by hand: for tests of what is made of it. Two CPUs, a clock in
 * nanoseconds; the marks are those of one process.
 */
#ifndef WEFT_TESTS_SMALL_TRACE_H
#define WEFT_TESTS_SMALL_TRACE_H

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weft/device.h>
#include <weft/event.h>
#include <weft/ring.h>
#include <weft/unit_event.h>
#include "metadata.h"
#include "stream_file.h"

#define SMALL_BYTES 16384

struct small_stream {
	unsigned char bytes[SMALL_BYTES];
	size_t len;
};

struct small_trace {
	struct metadata m;
	struct small_stream cpu[2], marks;
	uint32_t tgid; /* of the marks */
};

static inline void small_init(struct small_trace *t, uint32_t tgid)
{
	memset(t, 0, sizeof(*t));
	t->tgid = tgid;
	t->m = (struct metadata){ .clock = { .clock = WEFT_CLOCK_MONOTONIC, .freq = 1000000000 },
				  .backend = "kmod",
				  .command = "prog",
				  .nr_cpus = 2,
				  .groups = WEFT_GROUP_ALL,
				  .hooks = (1ull << WEFT_HOOK_MAX) - 1,
				  .ended = true };
	t->cpu[0].len = t->cpu[1].len = t->marks.len = sizeof(struct weft_packet);
}

/* Appends a record; in order of time within its stream. */
static inline void small_add(struct small_stream *s, const void *rec, size_t size)
{
	memcpy(s->bytes + s->len, rec, size);
	s->len += size;
}

#define SMALL(t, c, name, when, thread, current, ...)                                              \
	do {                                                                                       \
		struct weft_ev_##name rec_ = { .h = { when, WEFT_EV_##name, thread, current },     \
					       ##__VA_ARGS__ };                                    \
		small_add(&(t)->cpu[c], &rec_, sizeof(rec_));                                      \
	} while (0)
#define SMALL_MARK(t, name, when, thread, current, ...)                                            \
	do {                                                                                       \
		struct weft_ev_##name rec_ = { .h = { when, WEFT_EV_##name, thread, current },     \
					       ##__VA_ARGS__ };                                    \
		small_add(&(t)->marks, &rec_, sizeof(rec_));                                       \
	} while (0)

static inline int small_write_stream(int dir, const char *name, struct small_stream *s,
				     const uint8_t *uuid, uint32_t stream, uint32_t cpu)
{
	struct weft_packet *p = (struct weft_packet *)s->bytes;
	size_t size = (s->len + WEFT_PACKET_ALIGN - 1) / WEFT_PACKET_ALIGN * WEFT_PACKET_ALIGN;
	struct stream_file f = STREAM_FILE_INIT;
	int err;

	*p = (struct weft_packet){ .magic = WEFT_CTF_MAGIC,
				   .stream_id = stream,
				   .timestamp_end = UINT32_MAX,
				   .content_size = 8 * s->len,
				   .packet_size = 8 * size,
				   .cpu_id = cpu };
	memcpy(p->uuid, uuid, sizeof(p->uuid));
	err = stream_file_create(&f, dir, name);
	if (!err)
		err = stream_file_append(&f, s->bytes, size);
	stream_file_close(&f);
	return err;
}

/* 0 or a negative errno. */
static inline int small_write(struct small_trace *t, const char *dir)
{
	char path[4200];
	int sub, err = metadata_new_uuids(&t->m);

	mkdir(dir, 0700);
	snprintf(path, sizeof(path), "%s/kernel", dir);
	mkdir(path, 0700);
	sub = open(path, O_RDONLY | O_DIRECTORY);
	err = err ? err : metadata_write(sub, &t->m, WEFT_STREAM_KERNEL);
	err = err ? err :
		    small_write_stream(sub, "cpu0", &t->cpu[0], t->m.uuid[0], WEFT_STREAM_KERNEL,
				       0);
	err = err ? err :
		    small_write_stream(sub, "cpu1", &t->cpu[1], t->m.uuid[0], WEFT_STREAM_KERNEL,
				       1);
	close(sub);
	if (err || t->marks.len == sizeof(struct weft_packet))
		return err;
	snprintf(path, sizeof(path), "%s/units", dir);
	mkdir(path, 0700);
	sub = open(path, O_RDONLY | O_DIRECTORY);
	err = metadata_write(sub, &t->m, WEFT_STREAM_UNITS);
	err = err ? err :
		    small_write_stream(sub, "ring0", &t->marks, t->m.uuid[1], WEFT_STREAM_UNITS,
				       t->tgid);
	close(sub);
	return err;
}

#endif
