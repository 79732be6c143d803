// SPDX-License-Identifier: GPL-2.0-only
/* Draining unit rings: of programs that do not behave. Their rings are made by hand. */
#include "recorded_units.h"

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

/* ---- PID namespaces ---- */

#define NS 12345

static struct weft_notice id_notice(uint32_t ns_tid, uint32_t trace_tid, uint32_t trace_tgid)
{
	return (struct weft_notice){
		.kind = WEFT_NOTICE_ID,
		.tgid = program, /* in our own namespace: is_older() asks after it */
		.trace_tid = trace_tid,
		.trace_tgid = trace_tgid,
		.ns_tid = ns_tid,
		.pid_ns = NS,
	};
}

/* Nobody has told of the program: its ids would name the wrong processes here. */
static void test_unknown_namespace(void **state)
{
	struct unit_rings *u = create_with_program(WEFT_CLOCK_MONOTONIC);
	struct hand_made h = make_ring(u, 1, 0, WEFT_UNIT_RING_MIN);
	int64_t word;
	pid_t tgid;
	uint64_t events, lost;

	(void)state;
	h.r->pid_ns = NS;
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

/* The notices that are there when the ring is looked at. */
struct mailbox {
	struct unit_rings *u;
	struct weft_notice n[4];
	int nr;
};

static void take_mail(void *arg)
{
	struct mailbox *m = arg;

	while (m->nr)
		unit_rings_learn(m->u, &m->n[--m->nr]);
}

/* What was told is in the trace with the trace's ids; nothing else is taken. */
static void test_namespace(void **state)
{
	struct unit_rings *u = create_with_program(WEFT_CLOCK_MONOTONIC);
	struct mailbox m = { .u = u,
			     .n = { id_notice(1, 5001, 5001), id_notice(2, 5002, 5001),
				    id_notice(3, 5003, 5003) },
			     .nr = 3 };
	struct hand_made h = make_ring(u, 1, 0, WEFT_UNIT_RING_MIN), thread, old;
	uint64_t events, lost;
	struct seen s;
	int64_t word;
	pid_t tgid;

	(void)state;
	unit_rings_ask(u, take_mail, &m);
	h.r->pid_ns = NS;
	h.r->tp_offset = -64;
	add(&h, now(&h), RESUME, 1, 1);
	add(&h, now(&h), RESUME, 2, 2);
	add(&h, now(&h), RESUME, 3, 4);	   /* a thread of another process */
	add(&h, now(&h), RESUME, 5001, 8); /* the trace's ids are not the ring's */
	add(&h, now(&h), RESUME, 4, 16);   /* told later */
	assert_true(unit_rings_drain(u, out, uuid, true) > 0);
	s = see();
	assert_int_equal(s.tgid, 5001);
	assert_int_equal(s.resumed, 1 + 2);
	assert_int_equal(s.tids, 5001 + 5002);
	assert_int_equal(s.what[WEFT_INVALID_TID], 3);
	assert_int_equal(unit_rings_word(u, &tgid, &word), 1);
	assert_int_equal(tgid, program);
	assert_int_equal(word, -64);

	m.n[0] = id_notice(4, 5004, 5001);
	m.nr = 1;
	add(&h, now(&h), RESUME, 4, 32);
	assert_true(unit_rings_drain(u, out, uuid, true) > 0);
	assert_int_equal(see().tids, 5001 + 5002 + 5004);

	/* A thread that is no process, and one's own namespace where it can't be. */
	thread = make_ring(u, 2, 0, WEFT_UNIT_RING_MIN);
	thread.r->pid_ns = NS;
	add(&thread, now(&thread), RESUME, 2, 64);
	old = make_ring(u, 3, 0, WEFT_UNIT_RING_MIN);
	old.r->pid_ns = 1ull << 32 | NS;
	add(&old, now(&old), RESUME, 3, 64);
	assert_true(unit_rings_drain(u, out, uuid, true) >= 0);
	unit_rings_stat(u, &events, &lost, NULL, NULL);
	assert_int_equal(lost, 2);
	drop_ring(&old);
	drop_ring(&thread);
	drop_ring(&h);
	end(u);
}

/* A process that has ended when its ring is looked at: it makes one of process tgid, 0: its own. */
static void ring_from_child(struct unit_rings *u, uint32_t tgid, uint64_t unit)
{
	pid_t pid = fork();

	if (!pid) {
		struct hand_made h;

		tgid = tgid ? tgid : (uint32_t)getpid();
		h = make_ring(u, tgid, 0, WEFT_UNIT_RING_MIN);
		add(&h, now(&h), RESUME, tgid, unit);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Whose ring it is, the kernel says, not the ring. */
static void test_usurper(void **state)
{
	struct unit_rings *u = create_with_program(WEFT_CLOCK_MONOTONIC);
	uint64_t lost;

	(void)state;
	if (unit_rings_watch(u)) {
		end(u);
		skip();
	}
	ring_from_child(u, 0, 1);
	ring_from_child(u, program, 2);
	assert_true(unit_rings_drain(u, out, uuid, true) > 0);
	assert_int_equal(see().resumed, 1);
	unit_rings_stat(u, NULL, &lost, NULL, NULL);
	assert_int_equal(lost, 1);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_wrong_records),
		test(test_nonsense_about_losses),
		test(test_wrong_headers),
		test(test_header_changes_later),
		test(test_strange_files),
		test(test_ring_just_being_made),
		test(test_unknown_namespace),
		test(test_namespace),
		test(test_usurper),
		test(test_fuzz),
		test(test_fuzz_while_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
