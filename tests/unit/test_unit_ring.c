// SPDX-License-Identifier: GPL-2.0-only
/* Draining unit rings: of programs that behave, that die, and that do not behave. */
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

static int setup(void **state)
{
	(void)state;
	strcpy(base, "/tmp/weft-test-XXXXXX");
	if (!mkdtemp(base))
		return -1;
	snprintf(out, sizeof(out), "%s/units", base);
	return 0;
}

static int teardown(void **state)
{
	char command[96];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", base);
	return system(command);
}

static struct unit_rings *create(uint32_t clock)
{
	struct unit_rings *u = NULL;

	assert_int_equal(unit_rings_create(&u, clock, errbuf, sizeof(errbuf)), 0);
	return u;
}

/* Where the rings of u lie. */
static const char *ring_dir(struct unit_rings *u)
{
	return strchr(unit_rings_env(u), ':') + 1;
}

/* ---- What is in the trace ---- */

struct seen {
	unsigned int streams, packets;
	uint64_t records, id[WEFT_UNIT_EV_MAX], what[8];
	uint64_t lost;
	uint64_t resumed; /* sum of the units of unit_resume */
	uint32_t tgid, copy;
	uint64_t first, last;
};

static void see_record(struct seen *s, const unsigned char *at, uint64_t *time)
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
	if (h->id == WEFT_EV_unit_resume)
		s->resumed += h->unit;
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
static void see_stream(struct seen *s, const char *path)
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

static struct seen see(void)
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
static int record(struct unit_rings *u, void (*body)(void))
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

/* ---- Programs that behave ---- */

#define MARKS 100000

static void many_marks(void)
{
	uint64_t id = weft_unit_create(WEFT_UNIT_COROUTINE, "many", 0);
	int i;

	for (i = 0; i < MARKS; i++) {
		weft_unit_resume(id);
		weft_unit_suspend(WEFT_WAIT_YIELD, i);
	}
	weft_unit_resume(id);
	weft_unit_exit();
}

static void all_marks_arrive(uint32_t clock)
{
	struct unit_rings *u = create(clock);
	uint64_t before, after, events, lost, bytes, error;
	struct seen s;
	int64_t word;
	pid_t tgid;

	before = clock == WEFT_CLOCK_TSC ? clock_tsc() : clock_monotonic();
	assert_int_equal(record(u, many_marks), 0);
	after = clock == WEFT_CLOCK_TSC ? clock_tsc() : clock_monotonic();
	s = see();
	assert_int_equal(s.id[WEFT_EV_unit_create], 1);
	assert_int_equal(s.id[WEFT_EV_unit_resume], MARKS + 1);
	assert_int_equal(s.id[WEFT_EV_unit_suspend], MARKS);
	assert_int_equal(s.id[WEFT_EV_unit_exit], 1);
	assert_int_equal(s.records, 2 * MARKS + 3);
	assert_int_equal(s.lost, 0);
	unit_rings_stat(u, &events, &lost, &bytes, &error);
	assert_int_equal(events, s.records);
	assert_int_equal(lost, 0);
	assert_true(bytes >= events * 24);
	assert_true(clock == WEFT_CLOCK_TSC || error < 1000000);
	assert_true(s.first + error >= before && s.last <= after + error);
	assert_int_equal(unit_rings_word(u, &tgid, &word), 1);
	assert_int_equal(tgid, s.tgid);
	assert_int_equal(word, weft_unit_tp_offset_());
	assert_int_equal(unit_rings_word(u, &tgid, &word), 0);
	assert_in_range(unit_rings_wait_ms(u), 1, 100);
	unit_rings_free(u);
}

static void test_all_marks_tsc(void **state)
{
	(void)state;
	if (!clock_tsc_usable())
		skip();
	all_marks_arrive(WEFT_CLOCK_TSC);
}

static void test_all_marks_monotonic(void **state)
{
	(void)state;
	all_marks_arrive(WEFT_CLOCK_MONOTONIC);
}

static void *short_thread(void *arg)
{
	weft_unit_resume((uintptr_t)arg);
	weft_unit_suspend(WEFT_WAIT_YIELD, 0);
	return NULL;
}

static void thousands_of_threads(void)
{
	uintptr_t i;
	pthread_t t;

	for (i = 1; i <= 3000; i++) {
		if (pthread_create(&t, NULL, short_thread, (void *)i))
			_exit(1);
		pthread_join(t, NULL);
	}
}

static void test_thousands_of_threads(void **state)
{
	struct unit_rings *u = create(WEFT_CLOCK_MONOTONIC);
	struct seen s;

	(void)state;
	assert_int_equal(record(u, thousands_of_threads), 0);
	s = see();
	assert_int_equal(s.records, 6000);
	assert_int_equal(s.resumed, 3000 * 3001 / 2);
	assert_in_range(s.streams, 1, 10);
	unit_rings_free(u);
}

static void many_processes(void)
{
	int i;

	for (i = 0; i < 200; i++) {
		pid_t pid = fork();

		if (!pid) {
			weft_unit_resume(5);
			weft_unit_exit();
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
}

static unsigned int descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void test_processes_and_their_end(void **state)
{
	struct unit_rings *u = create(WEFT_CLOCK_MONOTONIC);
	unsigned int before = descriptors();
	char path[128];
	struct seen s;

	(void)state;
	assert_int_equal(record(u, many_processes), 0);
	s = see();
	assert_int_equal(s.streams, 200);
	assert_int_equal(s.records, 400);
	/* What the dead left is closed: all that stays open is the trace's directory. */
	assert_in_range(descriptors(), before, before + 1);
	snprintf(path, sizeof(path), "%s", ring_dir(u));
	assert_int_equal(access(path, F_OK), 0);
	unit_rings_free(u);
	assert_int_equal(access(path, F_OK), -1);
}

static void killed_in_the_middle(void)
{
	int i;

	for (i = 0; i < 1000; i++)
		weft_unit_resume(9);
	raise(SIGKILL);
}

static void test_sigkill(void **state)
{
	struct unit_rings *u = create(WEFT_CLOCK_MONOTONIC);
	struct seen s;

	(void)state;
	assert_int_equal(record(u, killed_in_the_middle), SIGKILL);
	s = see();
	assert_int_equal(s.records, 1000);
	unit_rings_free(u);
}

/* Nobody drains while it runs: what did not fit is told, in the stream and in the counters. */
static void test_losses(void **state)
{
	struct unit_rings *u = create(WEFT_CLOCK_MONOTONIC);
	uint64_t lost;
	struct seen s;
	pid_t pid;
	int i;

	(void)state;
	pid = fork();
	if (!pid) {
		if (unit_rings_attach_self(u))
			_exit(1);
		for (i = 0; i < 1200000; i++)
			weft_unit_resume(1);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	assert_true(unit_rings_drain(u, out, uuid, true) > 0);
	s = see();
	assert_int_equal(s.id[WEFT_EV_unit_resume] + s.lost, 1200000);
	assert_true(s.lost > 0);
	unit_rings_stat(u, NULL, &lost, NULL, NULL);
	assert_int_equal(lost, s.lost);
	unit_rings_free(u);
}

static void test_nothing_to_say(void **state)
{
	struct unit_rings *u = create(WEFT_CLOCK_MONOTONIC);

	(void)state;
	assert_int_equal(unit_rings_drain(u, out, uuid, false), 0);
	assert_int_equal(unit_rings_drain(u, out, uuid, true), 0);
	assert_int_equal(access(out, F_OK), -1);
	unit_rings_free(u);
}

/* ---- A disk that is full ---- */

static void test_full_disk(void **state)
{
	struct unit_rings *u = create(WEFT_CLOCK_MONOTONIC);
	struct rlimit lim, none;
	struct seen s;
	pid_t pid;
	int i, err;

	(void)state;
	pid = fork();
	if (!pid) {
		if (unit_rings_attach_self(u))
			_exit(1);
		for (i = 0; i < 5000; i++)
			weft_unit_resume(1);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &lim);
	none = lim;
	none.rlim_cur = 8192;
	setrlimit(RLIMIT_FSIZE, &none);
	err = unit_rings_drain(u, out, uuid, true);
	setrlimit(RLIMIT_FSIZE, &lim);
	assert_true(err == -EFBIG || err == -ENOSPC);
	assert_int_equal(see().records, 0);
	/* Nothing was lost by that: there is space again. */
	assert_true(unit_rings_drain(u, out, uuid, true) > 0);
	s = see();
	assert_int_equal(s.id[WEFT_EV_unit_resume], 5000);
	assert_int_equal(s.id[WEFT_EV_unit_invalid], 0);
	unit_rings_free(u);
}

/* ---- Programs that do not behave: rings made by hand ---- */

static pid_t program; /* a child that does nothing, in whose name rings are made */

/* A session and a program in it: whoever is older than the session is none. */
static struct unit_rings *create_with_program(uint32_t clock)
{
	struct unit_rings *u = create(clock);

	program = fork();
	if (!program) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return u;
}

static void end(struct unit_rings *u)
{
	kill(program, SIGKILL);
	waitpid(program, NULL, 0);
	unit_rings_free(u);
}

struct hand_made {
	struct weft_unit_ring *r;
	int fd;
	size_t size;
	uint64_t pos;
};

static struct hand_made fill_ring(struct unit_rings *u, int fd, uint32_t tgid, uint32_t size)
{
	struct hand_made h = { .fd = fd, .size = WEFT_UNIT_RING_HEADER + size };

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, h.size), 0);
	h.r = mmap(NULL, h.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(h.r, MAP_FAILED);
	h.r->magic = WEFT_UNIT_RING_MAGIC;
	h.r->version = WEFT_UNIT_RING_VERSION;
	h.r->tgid = tgid;
	h.r->size = size;
	h.r->clock = strstr(unit_rings_env(u), "=tsc:") ? WEFT_UNIT_CLOCK_TSC :
							  WEFT_UNIT_CLOCK_MONOTONIC;
	h.r->tid = tgid;
	return h;
}

static struct hand_made make_ring(struct unit_rings *u, uint32_t tgid, unsigned int n,
				  uint32_t size)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%u-0-%u", ring_dir(u), tgid, n);
	return fill_ring(u, open(path, O_RDWR | O_CREAT | O_EXCL, 0600), tgid, size);
}

static void drop_ring(struct hand_made *h)
{
	munmap(h->r, h->size);
	close(h->fd);
}

static uint64_t now(const struct hand_made *h)
{
	return h->r->clock == WEFT_UNIT_CLOCK_TSC ? clock_tsc() : clock_monotonic();
}

static void add(struct hand_made *h, uint64_t time, uint32_t id, uint32_t tid, uint64_t unit)
{
	struct weft_unit_record rec = { time, id, tid, unit };

	memcpy((char *)h->r + WEFT_UNIT_RING_HEADER + h->pos, &rec, sizeof(rec));
	h->pos += sizeof(rec);
	h->r->head = h->pos;
}

#define RESUME WEFT_EV_unit_resume

static void test_wrong_records(void **state)
{
	struct unit_rings *u = create_with_program(WEFT_CLOCK_MONOTONIC);
	uint32_t me = program;
	struct hand_made h;
	struct seen s;

	(void)state;
	h = make_ring(u, me, 0, WEFT_UNIT_RING_MIN);
	add(&h, now(&h), RESUME, me, 1);
	add(&h, now(&h), RESUME, me, 0);	    /* unit */
	add(&h, now(&h), RESUME, me, WEFT_UNKNOWN); /* unit */
	add(&h, now(&h), RESUME, me, 2);
	add(&h, now(&h) - 1000000000, RESUME, me, 1);	/* time: before the session */
	add(&h, now(&h) + 100000000000, RESUME, me, 1); /* time: in the future */
	add(&h, 0, RESUME, me, 1);			/* time */
	add(&h, now(&h), RESUME, 1, 1);			/* tid: of another process */
	add(&h, now(&h), RESUME, 0, 1);			/* tid */
	add(&h, now(&h), RESUME, ~0u, 1);		/* tid */
	add(&h, now(&h), RESUME, me, 3);
	add(&h, now(&h), 12345, me, 1); /* id: and so all the rest */
	add(&h, now(&h), RESUME, me, 4);
	assert_true(unit_rings_drain(u, out, uuid, true) > 0);
	s = see();
	assert_int_equal(s.id[RESUME], 3);
	assert_int_equal(s.resumed, 1 + 2 + 3);
	assert_int_equal(s.what[WEFT_INVALID_UNIT], 2);
	assert_int_equal(s.what[WEFT_INVALID_TIME], 3);
	assert_int_equal(s.what[WEFT_INVALID_TID], 3);
	assert_int_equal(s.what[WEFT_INVALID_ID], 1);
	/* The ring is in step again behind its head. */
	add(&h, now(&h), RESUME, me, 10);
	assert_true(unit_rings_drain(u, out, uuid, true) > 0);
	s = see();
	assert_int_equal(s.resumed, 1 + 2 + 3 + 10);
	assert_int_equal(s.what[WEFT_INVALID_RING], 0);
	drop_ring(&h);
	end(u);
}

static void test_nonsense_about_losses(void **state)
{
	struct unit_rings *u = create_with_program(WEFT_CLOCK_MONOTONIC);
	uint32_t me = program;
	struct hand_made h = make_ring(u, me, 0, WEFT_UNIT_RING_MIN);
	struct weft_ev_unit_lost lost = { .h = { now(&h), WEFT_EV_unit_lost, me, 0 },
					  .count = ~0ull };
	struct seen s;

	(void)state;
	lost.first = lost.last = lost.h.time;
	memcpy((char *)h.r + WEFT_UNIT_RING_HEADER, &lost, sizeof(lost));
	h.r->head = sizeof(lost);
	h.r->lost = 1ull << 60;
	assert_true(unit_rings_drain(u, out, uuid, true) > 0);
	s = see();
	assert_int_equal(s.lost, 0);
	assert_int_equal(s.what[WEFT_INVALID_TIME], 2);
	drop_ring(&h);
	end(u);
}

/*
 * Headers that contradict themselves or the rest of the world. Each ring is given up once, and for
 * good.
 */
static void test_wrong_headers(void **state)
{
	struct unit_rings *u;
	unsigned int i;

	(void)state;
	for (i = 0; i < 12; i++) {
		struct hand_made h;
		struct seen s;

		u = create_with_program(WEFT_CLOCK_MONOTONIC);
		h = make_ring(u, i == 10 ? 1 : program, 0, WEFT_UNIT_RING_MIN);
		add(&h, now(&h), RESUME, program, 1);
		switch (i) {
		case 0:
			h.r->magic = 1;
			break;
		case 1:
			h.r->version = 99;
			break;
		case 2:
			h.r->tgid = 1;
			break;
		case 3:
			h.r->copy = 5;
			break;
		case 4:
			h.r->size = 0;
			break;
		case 5:
			h.r->size = 1u << 31;
			break;
		case 6:
			h.r->size = WEFT_UNIT_RING_MIN + 8;
			break;
		case 7:
			h.r->clock = 77;
			break;
		case 8:
			h.r->head = ~0ull;
			break;
		case 9:
			h.r->size = WEFT_UNIT_RING_MIN * 2; /* more than the file has */
			h.r->head = WEFT_UNIT_RING_MIN * 2;
			break;
		case 11:
			h.r->head = WEFT_UNIT_RING_MIN + 8;
			break;
		}
		assert_true(unit_rings_drain(u, out, uuid, false) >= 0);
		assert_true(unit_rings_drain(u, out, uuid, true) >= 0);
		s = see();
		assert_int_equal(s.what[WEFT_INVALID_RING], 1);
		drop_ring(&h);
		assert_true(unit_rings_drain(u, out, uuid, true) >= 0);
		assert_int_equal(see().what[WEFT_INVALID_RING], 1);
		end(u);
		teardown(NULL);
		setup(NULL);
	}
}

static void test_header_changes_later(void **state)
{
	struct unit_rings *u = create_with_program(WEFT_CLOCK_MONOTONIC);
	struct hand_made h = make_ring(u, program, 0, WEFT_UNIT_RING_MIN);
	struct seen s;

	(void)state;
	add(&h, now(&h), RESUME, program, 1);
	assert_true(unit_rings_drain(u, out, uuid, true) == 1);
	h.r->size *= 2;
	assert_true(unit_rings_drain(u, out, uuid, true) == 1);
	h.r->size /= 2;
	add(&h, now(&h), RESUME, program, 1);
	assert_true(unit_rings_drain(u, out, uuid, true) == 0);
	s = see();
	assert_int_equal(s.id[RESUME], 1);
	assert_int_equal(s.what[WEFT_INVALID_RING], 1);
	drop_ring(&h);
	end(u);
}

/* Other things in the directory are not followed, opened for long, or waited for. */
static void test_strange_files(void **state)
{
	struct unit_rings *u = create_with_program(WEFT_CLOCK_MONOTONIC);
	char path[128];
	struct hand_made h;

	(void)state;
	snprintf(path, sizeof(path), "%s/1-0-0", ring_dir(u));
	assert_int_equal(symlink("/etc/passwd", path), 0);
	snprintf(path, sizeof(path), "%s/2-0-0", ring_dir(u));
	assert_int_equal(mkfifo(path, 0600), 0);
	snprintf(path, sizeof(path), "%s/3-0-x", ring_dir(u));
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/%s", ring_dir(u), "99999999999999999999-0-0");
	close(open(path, O_CREAT | O_WRONLY, 0600));
	h = make_ring(u, program, 1, WEFT_UNIT_RING_MIN);
	add(&h, now(&h), RESUME, program, 1);
	assert_int_equal(unit_rings_drain(u, out, uuid, true), 1);
	drop_ring(&h);
	snprintf(path, sizeof(path), "%s/3-0-x", ring_dir(u));
	rmdir(path);
	end(u);
}

/* Between the making of a file and its maker's having it open: it is no orphan, only very young. */
static void test_ring_just_being_made(void **state)
{
	struct unit_rings *u = create_with_program(WEFT_CLOCK_MONOTONIC);
	struct hand_made h;
	char path[128];
	int handle;

	(void)state;
	snprintf(path, sizeof(path), "%s/%d-0-0", ring_dir(u), program);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	handle = open(path, O_PATH);
	assert_int_equal(unit_rings_drain(u, out, uuid, false), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", handle);
	h = fill_ring(u, open(path, O_RDWR), program, WEFT_UNIT_RING_MIN);
	add(&h, now(&h), RESUME, program, 1);
	assert_int_equal(unit_rings_drain(u, out, uuid, true), 1);
	close(handle);
	drop_ring(&h);
	end(u);
}

/* Another PID namespace: its ids would name the wrong processes here. */
static void test_foreign_namespace(void **state)
{
	struct unit_rings *u = create_with_program(WEFT_CLOCK_MONOTONIC);
	struct hand_made h = make_ring(u, 1, 0, WEFT_UNIT_RING_MIN);
	int64_t word;
	pid_t tgid;
	uint64_t events, lost;

	(void)state;
	h.r->pid_ns = 12345;
	add(&h, now(&h), RESUME, 7, 1);
	add(&h, now(&h), RESUME, 7, 2);
	assert_true(unit_rings_drain(u, out, uuid, true) >= 0);
	assert_int_equal(see().records, 0);
	unit_rings_stat(u, &events, &lost, NULL, NULL);
	assert_int_equal(events, 0);
	assert_int_equal(lost, 2);
	assert_int_equal(unit_rings_word(u, &tgid, &word), 0);
	drop_ring(&h);
	end(u);
}

/* ---- Fuzz: anything at all, and while it is being read ---- */

static uint64_t seed;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/*
 * A stretch of records from head on, of which one in ten or so is wrong in some way, or none at
 * all.
 */
static void scribble(struct hand_made *h)
{
	static const uint8_t size[] = { 24, 48, 72, 24, 40, 32, 24, 40, 24 }; /* of ids from 63 on */
	uint32_t ring = h->size - WEFT_UNIT_RING_HEADER;
	uint64_t head = h->r->head & ~7ull, end = head + rnd() % (ring - 512);
	uint64_t time = now(h) - 4000;

	while (head < end) {
		uint64_t *at = (void *)((char *)h->r + WEFT_UNIT_RING_HEADER + head % ring);
		uint32_t id = rnd() % 40 ? WEFT_EV_unit_create + rnd() % 5 : 63 + rnd() % 9;
		unsigned int i;

		if (ring - head % ring < WEFT_UNIT_EVENT_MAX_SIZE) {
			head += ring - head % ring;
			continue;
		}
		time += rnd() % 8;
		for (i = 3; i < size[id - 63] / 8u; i++)
			at[i] = rnd() % 2 ? rnd() : time;
		at[0] = rnd() % 16 ? time : rnd() % 2 ? rnd() : time - 10000;
		at[1] = id | (uint64_t)(rnd() % 16 ? (uint32_t)program : rnd()) << 32;
		at[2] = rnd() % 16 ? rnd() % 100 + 1 : rnd() % 2 ? 0 : ~0ull;
		if (rnd() % 100 == 0)
			at[rnd() % 3] = rnd();
		head += size[id - 63];
	}
	h->r->head = head + (rnd() % 10 ? 0 : rnd() % 64 & ~7u);
}

static void test_fuzz(void **state)
{
	uint64_t good = 0, bad[8] = { 0 };
	struct seen s;
	unsigned int i, k;

	(void)state;
	for (i = 1; i <= 100; i++) {
		struct unit_rings *u =
			create_with_program(i % 2 ? WEFT_CLOCK_MONOTONIC : WEFT_CLOCK_TSC);
		struct hand_made h = make_ring(u, program, 0, WEFT_UNIT_RING_MIN << i % 4);

		seed = i * 0x9e3779b97f4a7c15ull;
		for (k = 0; k < 8; k++) {
			scribble(&h);
			h.r->lost = rnd() % 3 ? 0 : rnd();
			h.r->lost_first = now(&h);
			h.r->lost_last = now(&h) + rnd() % 1000;
			if (rnd() % 16 == 0)
				((uint64_t *)h.r)[rnd() % 24] = rnd();
			assert_true(unit_rings_drain(u, out, uuid, k == 7) >= 0);
		}
		s = see();
		good += s.records - s.id[WEFT_EV_unit_invalid];
		for (k = WEFT_INVALID_ID; k <= WEFT_INVALID_TID; k++)
			bad[k] += s.what[k];
		drop_ring(&h);
		end(u);
		teardown(NULL);
		setup(NULL);
	}
	/* It did get to the records, and met everything that can be wrong with them. */
	assert_true(good > 1000);
	for (k = WEFT_INVALID_ID; k <= WEFT_INVALID_TID; k++)
		assert_true(bad[k] > 0);
}

static void test_fuzz_while_reading(void **state)
{
	struct unit_rings *u = create_with_program(WEFT_CLOCK_MONOTONIC);
	struct hand_made h = make_ring(u, program, 0, 1u << 18);
	uint64_t until;
	pid_t pid;

	(void)state;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		seed = 42;
		for (;;) {
			uint64_t *word = (uint64_t *)h.r;

			/*
			 * Cut off under everyone's feet, now and then: pages that are not there any
			 * more.
			 */
			if (rnd() % 1000 == 0 && ftruncate(h.fd, rnd() % h.size) == 0 &&
			    ftruncate(h.fd, h.size) == 0) {
				h.r->magic = WEFT_UNIT_RING_MAGIC;
				h.r->version = WEFT_UNIT_RING_VERSION;
			}
			word[512 + rnd() % 32768] = rnd() % 2 ? rnd() :
								66 | (uint64_t)program << 32;
			h.r->head += rnd() % 4096 & ~7u;
			if (rnd() % 100 == 0)
				word[rnd() % 24] = rnd();
		}
	}
	until = clock_monotonic() + 1000000000;
	while (clock_monotonic() < until)
		assert_true(unit_rings_drain(u, out, uuid, false) >= 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_true(unit_rings_drain(u, out, uuid, true) >= 0);
	see();
	drop_ring(&h);
	end(u);
}

#define test(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_all_marks_tsc),
		test(test_all_marks_monotonic),
		test(test_thousands_of_threads),
		test(test_processes_and_their_end),
		test(test_sigkill),
		test(test_losses),
		test(test_nothing_to_say),
		test(test_full_disk),
		test(test_wrong_records),
		test(test_nonsense_about_losses),
		test(test_wrong_headers),
		test(test_header_changes_later),
		test(test_strange_files),
		test(test_ring_just_being_made),
		test(test_foreign_namespace),
		test(test_fuzz),
		test(test_fuzz_while_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
