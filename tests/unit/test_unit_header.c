// SPDX-License-Identifier: GPL-2.0-only
/* The annotation header: what its marks leave in the word and in the rings. No recorder here. */
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
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weft/unit.h>

static char dir[64];

/* As if this program had just begun with this environment. */
static void begin(const char *env)
{
	if (env)
		setenv("WEFT_UNITS", env, 1);
	else
		unsetenv("WEFT_UNITS");
	weft_unit_process_1.off = 0;
	weft_unit_process_1.session = NULL;
	memset(weft_unit_self_(), 0, sizeof(struct weft_unit_thread_));
}

static int make_dir(void **state)
{
	char env[80];

	(void)state;
	strcpy(dir, "/tmp/weft-test-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(env, sizeof(env), "monotonic:%s", dir);
	begin(env);
	return 0;
}

static int remove_dir(void **state)
{
	char command[96];

	(void)state;
	begin(NULL);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static unsigned int files(void)
{
	DIR *d = opendir(dir);
	unsigned int n = 0;
	struct dirent *e;

	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

/* Maps ring n of this (or another) process. */
static struct weft_unit_ring *ring_of(pid_t pid, unsigned int copy, unsigned int n)
{
	char path[128];
	struct stat st;
	void *p;
	int fd;

	snprintf(path, sizeof(path), "%s/%d-%u-%u", dir, pid, copy, n);
	fd = open(path, O_RDWR);
	if (fd < 0)
		return NULL;
	assert_int_equal(fstat(fd, &st), 0);
	p = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	close(fd);
	return p;
}

static void *data_at(struct weft_unit_ring *r, uint64_t pos)
{
	return (char *)r + WEFT_UNIT_RING_HEADER + (pos & (r->size - 1));
}

static struct weft_unit_ring *current_ring(void)
{
	return ((struct weft_unit_writer_ *)weft_unit_self_()->ring)->ring;
}

static void drop(struct weft_unit_ring *r)
{
	munmap(r, WEFT_UNIT_RING_HEADER + r->size);
}

static void test_unrecorded(void **state)
{
	uint64_t a, b;

	(void)state;
	begin(NULL);
	assert_int_equal(weft_unit_current(), 0);
	a = weft_unit_create(WEFT_UNIT_TASK, "a", 0);
	b = weft_unit_create(WEFT_UNIT_TASK, NULL, a);
	assert_true(a && b && a != b && a != ~0ull && b != ~0ull);
	weft_unit_resume(a);
	assert_int_equal(weft_unit_current(), a);
	weft_unit_resume(b);
	assert_int_equal(weft_unit_current(), b);
	weft_unit_suspend(WEFT_WAIT_YIELD, 0);
	assert_int_equal(weft_unit_current(), 0);
	weft_unit_wake(a, b);
	weft_unit_resume(a);
	weft_unit_exit();
	assert_int_equal(weft_unit_current(), 0);
	assert_int_equal(weft_unit_self_()->ring, WEFT_UNIT_OFF_);
}

static void test_environments_that_mean_nothing(void **state)
{
	static const char *const env[] = {
		"", "tsc", "tsc:", "tsc:relative", ":", "tsc:/nonexistent/dir", "monotonic:/proc"
	};
	char longer[300];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(env) / sizeof(env[0]); i++) {
		begin(env[i]);
		errno = 77;
		weft_unit_resume(7);
		assert_int_equal(errno, 77);
		assert_int_equal(weft_unit_current(), 7);
		assert_int_equal(weft_unit_self_()->ring, WEFT_UNIT_OFF_);
	}
	memset(longer, 'x', sizeof(longer));
	memcpy(longer, "tsc:/", 5);
	longer[sizeof(longer) - 1] = 0;
	begin(longer);
	weft_unit_resume(7);
	assert_int_equal(weft_unit_self_()->ring, WEFT_UNIT_OFF_);
}

static void test_records(void **state)
{
	struct weft_ev_unit_create *c;
	struct weft_ev_unit_suspend *s;
	struct weft_ev_unit_wake *w;
	struct weft_unit_record *x;
	struct weft_unit_ring *r;
	uint64_t id, time;

	(void)state;
	errno = 77;
	id = weft_unit_create(WEFT_UNIT_COROUTINE, "a name that is longer than the room there is",
			      99);
	weft_unit_resume(id);
	weft_unit_suspend(WEFT_WAIT_LOCK, 0xabc);
	weft_unit_wake(id, 5);
	weft_unit_resume(id);
	weft_unit_exit();
	assert_int_equal(errno, 77);

	r = ring_of(getpid(), 0, 0);
	assert_non_null(r);
	assert_int_equal(r->magic, WEFT_UNIT_RING_MAGIC);
	assert_int_equal(r->version, WEFT_UNIT_RING_VERSION);
	assert_int_equal(r->tgid, getpid());
	assert_int_equal(r->tid, gettid());
	assert_int_equal(r->size, WEFT_UNIT_RING_DEFAULT);
	assert_int_equal(r->clock, WEFT_UNIT_CLOCK_MONOTONIC);
	assert_int_equal(r->tp_offset, weft_unit_tp_offset_());
	assert_int_equal(r->head, 72 + 24 + 40 + 32 + 24 + 24);

	c = data_at(r, 0);
	assert_int_equal(c->h.id, WEFT_EV_unit_create);
	assert_int_equal(c->h.tid, gettid());
	assert_int_equal(c->h.unit, id);
	assert_int_equal(c->parent, 99);
	assert_int_equal(c->kind, WEFT_UNIT_COROUTINE);
	assert_int_equal(c->pad, 0);
	assert_string_equal(c->name, "a name that is longer than the ");
	time = c->h.time;
	x = data_at(r, 72);
	assert_int_equal(x->id, WEFT_EV_unit_resume);
	assert_true(x->time >= time);
	s = data_at(r, 96);
	assert_int_equal(s->h.id, WEFT_EV_unit_suspend);
	assert_int_equal(s->h.unit, id);
	assert_int_equal(s->reason, WEFT_WAIT_LOCK);
	assert_int_equal(s->object, 0xabc);
	assert_int_equal(s->pad, 0);
	w = data_at(r, 136);
	assert_int_equal(w->h.id, WEFT_EV_unit_wake);
	assert_int_equal(w->h.unit, id);
	assert_int_equal(w->by, 5);
	x = data_at(r, 192);
	assert_int_equal(x->id, WEFT_EV_unit_exit);
	assert_int_equal(x->unit, id);
	drop(r);
}

#define THREADS 8
#define EACH 5000

static void *create_many(void *arg)
{
	uint64_t *id = arg;
	int i;

	for (i = 0; i < EACH; i++)
		id[i] = weft_unit_create(WEFT_UNIT_TASK, NULL, 0);
	return NULL;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void test_ids_are_never_reused(void **state)
{
	static uint64_t id[THREADS * EACH];
	pthread_t t[THREADS];
	int i;

	(void)state;
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, create_many, id + i * EACH), 0);
	for (i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	qsort(id, THREADS * EACH, sizeof(id[0]), compare);
	assert_int_not_equal(id[0], 0);
	for (i = 1; i < THREADS * EACH; i++)
		assert_true(id[i] > id[i - 1]);
}

static void *one_mark(void *arg)
{
	weft_unit_resume((uintptr_t)arg);
	return NULL;
}

static void test_threads_hand_rings_on(void **state)
{
	uintptr_t i;
	pthread_t t;

	(void)state;
	weft_unit_resume(1);
	for (i = 0; i < 2000; i++) {
		assert_int_equal(pthread_create(&t, NULL, one_mark, (void *)(i + 1)), 0);
		pthread_join(t, NULL);
	}
	/* Joined is not yet gone for the kernel, so a few more than two may be in use. */
	assert_in_range(files(), 2, 10);
}

/* A child that marks; by fork(), or past libc, so that no handler of its own runs. */
static void child_marks(bool raw)
{
	struct weft_unit_ring *r, *c;
	uint64_t head;
	pid_t pid;
	int status;

	weft_unit_resume(3);
	r = ring_of(getpid(), 0, 0);
	head = r->head;
	pid = raw ? (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) : fork();
	if (!pid) {
		int ok = weft_unit_current() == 3;

		weft_unit_suspend(WEFT_WAIT_YIELD, 0);
		weft_unit_resume(4);
		_exit(ok ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(r->head, head);
	c = ring_of(pid, 0, 0);
	assert_non_null(c);
	assert_int_equal(c->head, 40 + 24);
	assert_int_equal(c->tgid, pid);
	assert_int_equal(((struct weft_unit_record *)data_at(c, 0))->tid, pid);
	assert_int_equal(((struct weft_unit_record *)data_at(c, 0))->unit, 3);
	weft_unit_suspend(WEFT_WAIT_YIELD, 0);
	assert_int_equal(r->head, head + 40);
	drop(r);
	drop(c);
}

static void test_fork(void **state)
{
	(void)state;
	child_marks(false);
}

static void test_raw_clone(void **state)
{
	(void)state;
	child_marks(true);
}

static void test_vfork_leaves_the_parent_alone(void **state)
{
	struct weft_unit_ring *r;
	pthread_t t;
	pid_t pid;
	int status;

	(void)state;
	assert_int_equal(pthread_create(&t, NULL, one_mark, (void *)1), 0);
	pthread_join(t, NULL);
	/* This thread has no ring yet: its child must not take one in its name. */
	pid = vfork();
	if (!pid) {
		weft_unit_resume(1);
		_exit(weft_unit_self_()->ring == WEFT_UNIT_UNDECIDED_ ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	weft_unit_resume(2);
	r = current_ring();
	assert_int_equal(r->tgid, getpid());
	assert_int_equal(r->tid, gettid());
}

/* A second program with the same process id (exec), or a second copy of the header. */
static void test_copies(void **state)
{
	struct weft_unit_ring *r;

	(void)state;
	weft_unit_resume(1);
	begin(getenv("WEFT_UNITS"));
	weft_unit_resume(1);
	r = ring_of(getpid(), 1, 0);
	assert_non_null(r);
	assert_int_equal(r->copy, 1);
	drop(r);
}

static void test_grows_then_loses_then_tells(void **state)
{
	struct weft_ev_unit_lost *lost;
	struct weft_unit_ring *r;
	uint64_t marks = 0, head, bytes = 0;
	unsigned int i;

	(void)state;
	/* Nobody reads: rings of 64, 256 KiB, 1, 4 and 16 MiB fill up, then marks are lost. */
	do {
		weft_unit_resume(++marks);
	} while (!current_ring()->lost);
	r = current_ring();
	assert_int_equal(r->size, WEFT_UNIT_RING_MAX);
	assert_int_equal(files(), 5);
	for (i = 0; i < 5; i++) {
		struct weft_unit_ring *x = ring_of(getpid(), 0, i);

		bytes += x->head;
		assert_true(x->head <= x->size);
		assert_true(x->size - x->head < 5 * WEFT_UNIT_EVENT_MAX_SIZE);
		drop(x);
	}
	assert_true(bytes / 24 >= marks - 20);
	weft_unit_resume(1);
	weft_unit_resume(2);
	assert_int_equal(r->lost, 3);
	assert_true(r->lost_first <= r->lost_last);

	/* The reader comes: the next mark is preceded by the loss. */
	head = r->head;
	__atomic_store_n(&r->tail, head - 4096, __ATOMIC_RELEASE);
	weft_unit_resume(5);
	assert_int_equal(r->lost, 0);
	assert_int_equal(r->head - head - sizeof(*lost) - 24 < WEFT_UNIT_EVENT_MAX_SIZE, 1);
	lost = data_at(r, r->head - sizeof(*lost) - 24);
	assert_int_equal(lost->h.id, WEFT_EV_unit_lost);
	assert_int_equal(lost->count, 3);
	assert_int_equal(files(), 5);
}

static void test_tail_out_of_range(void **state)
{
	static const uint64_t tails[] = { 8, 1u << 20, -(1ull << 20), 1ull << 63 };
	struct weft_unit_ring *r;
	uint64_t head;
	size_t i;

	(void)state;
	weft_unit_resume(1);
	for (i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		r = current_ring();
		r->tail = r->head + tails[i];
		((struct weft_unit_writer_ *)weft_unit_self_()->ring)->limit = 0;
		((struct weft_unit_writer_ *)weft_unit_self_()->ring)->full = 1;
		head = r->head;
		weft_unit_resume(2);
		assert_int_equal(weft_unit_current(), 2);
		assert_int_equal(r->head, head);
		assert_int_equal(r->lost, i + 1);
	}
}

static void test_mark_within_a_mark(void **state)
{
	struct weft_ev_unit_lost *lost;
	struct weft_unit_ring *r;

	(void)state;
	weft_unit_resume(1);
	r = current_ring();
	/* As a signal handler would find it. */
	weft_unit_self_()->busy = 1;
	weft_unit_resume(2);
	weft_unit_suspend(WEFT_WAIT_IO, 0);
	assert_int_equal(r->head, 24);
	weft_unit_self_()->busy = 0;
	assert_int_equal(weft_unit_current(), 0);
	weft_unit_resume(1);
	assert_int_equal(r->lost, 2);
	weft_unit_suspend(WEFT_WAIT_IO, 0);
	assert_int_equal(r->lost, 0);
	lost = data_at(r, 48);
	assert_int_equal(lost->h.id, WEFT_EV_unit_lost);
	assert_int_equal(lost->count, 2);
}

static volatile sig_atomic_t ticks;

static void on_tick(int sig)
{
	uint64_t was = weft_unit_current();

	(void)sig;
	weft_unit_resume(1000);
	weft_unit_suspend(WEFT_WAIT_OTHER, 0);
	if (was)
		weft_unit_resume(was);
	ticks++;
}

/* Marks in a handler at any instant: the ring stays a sequence of whole records. */
static void test_signals(void **state)
{
	struct itimerval every = { { 0, 50 }, { 0, 50 } }, never = { 0 };
	uint64_t pos, time = 0, n = 0, head;
	struct weft_unit_ring *r;
	unsigned int i, rings;

	(void)state;
	signal(SIGALRM, on_tick);
	setitimer(ITIMER_REAL, &every, NULL);
	while (ticks < 3000) {
		weft_unit_resume(7);
		weft_unit_suspend(WEFT_WAIT_YIELD, n++);
	}
	setitimer(ITIMER_REAL, &never, NULL);
	rings = files();
	for (i = 0; i < rings; i++) {
		r = ring_of(getpid(), 0, i);
		head = r->head;
		for (pos = 0; pos < head;) {
			struct weft_unit_record *h = data_at(r, pos);

			if (r->size - (pos & (r->size - 1)) < WEFT_UNIT_EVENT_MAX_SIZE) {
				pos = (pos | (r->size - 1)) + 1;
				continue;
			}
			assert_true(h->time >= time);
			time = h->time;
			assert_int_equal(h->tid, gettid());
			if (h->id == WEFT_EV_unit_resume)
				pos += 24;
			else if (h->id == WEFT_EV_unit_suspend)
				pos += 40;
			else if (h->id == WEFT_EV_unit_lost)
				pos += 48;
			else
				fail_msg("record %u at %lu of ring %u", h->id, (unsigned long)pos,
					 i);
		}
		assert_int_equal(pos, head);
		drop(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unrecorded),
		cmocka_unit_test(test_environments_that_mean_nothing),
		cmocka_unit_test_setup_teardown(test_records, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_ids_are_never_reused, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_threads_hand_rings_on, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_fork, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_raw_clone, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_vfork_leaves_the_parent_alone, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(test_copies, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_grows_then_loses_then_tells, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(test_tail_out_of_range, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_mark_within_a_mark, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_signals, make_dir, remove_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
