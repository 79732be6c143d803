/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A recorder of units in this process, the programs that it records, and what is in the trace then: what
 * tests of user/unit_ring.c have in common. Included by the test programs, each of which is one file.
 */
#ifndef WEFT_TESTS_RECORDED_UNITS_H
#define WEFT_TESTS_RECORDED_UNITS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weft/ring.h>
#include <weft/unit.h>
#include "clock.h"
#include "unit_ring.h"

static const uint8_t uuid[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
static char base[64], out[80];
static char errbuf[256];

static inline int setup(void **state)
{
	(void)state;
	strcpy(base, "/tmp/weft-test-XXXXXX");
	if (!mkdtemp(base))
		return -1;
	snprintf(out, sizeof(out), "%s/units", base);
	return 0;
}

static inline int teardown(void **state)
{
	char command[96];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", base);
	return system(command);
}

static inline struct unit_rings *create(uint32_t clock)
{
	struct unit_rings *u = NULL;

	assert_int_equal(unit_rings_create(&u, clock, errbuf, sizeof(errbuf)), 0);
	return u;
}

/* Where the rings of u lie. */
static inline const char *ring_dir(struct unit_rings *u)
{
	return strchr(unit_rings_env(u), ':') + 1;
}

/* ---- What is in the trace ---- */

struct seen {
	unsigned int streams, packets;
	uint64_t records, id[WEFT_UNIT_EV_MAX], what[8];
	uint64_t lost;
	uint64_t resumed; /* sum of the units of unit_resume */
	uint64_t tids;	  /* and of its threads */
	uint32_t tgid, copy;
	uint64_t first, last;
};

static inline void see_record(struct seen *s, const unsigned char *at, uint64_t *time)
{
	const struct weft_unit_record *h = (const void *)at;

	assert_true(h->time >= *time);
	*time = h->time;
	if (!s->records || h->time < s->first)
		s->first = h->time;
	if (h->time > s->last)
		s->last = h->time;
	s->records++;
	s->id[h->id]++;
	if (h->id == WEFT_EV_unit_resume) {
		s->resumed += h->unit;
		s->tids += h->tid;
	}
	if (h->id == WEFT_EV_unit_lost)
		s->lost += ((const struct weft_ev_unit_lost *)at)->count;
	if (h->id == WEFT_EV_unit_invalid) {
		const struct weft_ev_unit_invalid *i = (const void *)at;

		assert_in_range(i->what, WEFT_INVALID_ID, WEFT_INVALID_TID);
		s->what[i->what] += i->count;
	} else if (h->id != WEFT_EV_unit_lost) {
		assert_true(h->unit && h->unit != WEFT_UNKNOWN);
	}
}

/* Walks one stream as any CTF reader would, and is as strict. */
static inline void see_stream(struct seen *s, const char *path)
{
	static const uint16_t size[WEFT_UNIT_EV_MAX] = {
#define WEFT_X(id, name) [id] = sizeof(struct weft_ev_##name),
		WEFT_UNIT_EVENTS(WEFT_X)
#undef WEFT_X
	};
	uint64_t pos = 0, time = 0, end = 0, seq = 0, discarded = 0, lost = 0;
	unsigned char *file;
	struct stat st;
	int fd;

	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	if (!st.st_size) {
		close(fd);
		s->streams++;
		return;
	}
	file = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_ptr_not_equal(file, MAP_FAILED);
	close(fd);
	while (pos < (uint64_t)st.st_size) {
		const struct weft_packet *p = (const void *)(file + pos);
		uint64_t at = pos + sizeof(*p);

		assert_int_equal(p->magic, WEFT_CTF_MAGIC);
		assert_memory_equal(p->uuid, uuid, 16);
		assert_int_equal(p->stream_id, WEFT_STREAM_UNITS);
		assert_int_equal(p->packet_seq_num, seq++);
		assert_true(p->events_discarded >= discarded);
		discarded = p->events_discarded;
		assert_int_equal(discarded, lost);
		assert_true(p->timestamp_begin >= end && p->timestamp_end >= p->timestamp_begin);
		end = p->timestamp_end;
		assert_true(p->content_size <= p->packet_size);
		assert_true(p->packet_size % 8 == 0 &&
			    pos + p->packet_size / 8 <= (uint64_t)st.st_size);
		s->tgid = p->cpu_id;
		s->copy = p->pad;
		s->packets++;
		while (at < pos + p->content_size / 8) {
			const struct weft_unit_record *h = (const void *)(file + at);

			assert_in_range(h->id, WEFT_EV_unit_lost, WEFT_EV_unit_invalid);
			assert_in_range(h->time, p->timestamp_begin, p->timestamp_end);
			see_record(s, file + at, &time);
			if (h->id == WEFT_EV_unit_lost)
				lost += ((const struct weft_ev_unit_lost *)h)->count;
			at += size[h->id];
		}
		assert_int_equal(at, pos + p->content_size / 8);
		pos += p->packet_size / 8;
	}
	assert_int_equal(pos, st.st_size);
	munmap(file, st.st_size);
	s->streams++;
}

static inline struct seen see(void)
{
	struct seen s = { 0 };
	char path[128];

	for (;;) {
		snprintf(path, sizeof(path), "%s/ring%u", out, s.streams);
		if (access(path, F_OK))
			return s;
		see_stream(&s, path);
	}
}

/* Runs body in a child that is recorded, and drains until it has ended. Its status. */
static inline int record(struct unit_rings *u, void (*body)(void))
{
	int status, got;
	pid_t pid = fork();

	if (!pid) {
		if (unit_rings_attach_self(u))
			_exit(1);
		body();
		_exit(0);
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		got = unit_rings_drain(u, out, uuid, false);
		assert_true(got >= 0);
		usleep(1000);
	}
	assert_true(unit_rings_drain(u, out, uuid, true) >= 0);
	return status;
}

#define test(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

#endif
