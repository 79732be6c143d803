// SPDX-License-Identifier: GPL-2.0-only
/* Reading a trace: merged in order, and nothing in it trusted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <cmocka.h>
#include "event_table.h"
#include "trace.h"
#include "../oracle/trace_writer.h"

static char err[256];

static void put(struct writer *w, uint32_t cpu, uint64_t time, uint32_t tid)
{
	struct weft_ev_task_rename e = { .h = { time, WEFT_EV_task_rename, tid, 0 },
					 .target = tid };

	writer_put(w, writer_stream(w, false, cpu, 0), &e, sizeof(e));
}

static void put_mark(struct writer *w, uint32_t tgid, uint32_t copy, uint64_t time, uint64_t unit)
{
	struct weft_ev_unit_resume e = { .h = { time, WEFT_EV_unit_resume, 9, unit } };

	writer_put(w, writer_stream(w, true, tgid, copy), &e, sizeof(e));
}

/* Opens a file of the trace, to break it. */
static int open_file(const struct writer *w, const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", w->dir, name);
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	return fd;
}

static void patch(const struct writer *w, const char *name, off_t at, const void *with, size_t len)
{
	int fd = open_file(w, name);

	assert_int_equal(pwrite(fd, with, len, at), len);
	close(fd);
}

static void cut(const struct writer *w, const char *name, off_t at)
{
	int fd = open_file(w, name);

	assert_int_equal(ftruncate(fd, at), 0);
	close(fd);
}

/* Reads it all; the number of events, and in *ret what trace_next() said in the end. */
static uint64_t read_all(struct trace *t, int *ret)
{
	struct trace_event ev;
	uint64_t n = 0, last = 0;

	while ((*ret = trace_next(t, &ev, err, sizeof(err))) > 0) {
		assert_true(ev.rec->time >= last);
		last = ev.rec->time;
		n++;
	}
	return n;
}

static struct trace *open_it(const struct writer *w)
{
	struct trace *t;

	if (trace_open(&t, w->dir, err, sizeof(err)))
		fail_msg("%s", err);
	return t;
}

static void merges(void **state)
{
	struct writer w;
	struct trace *t;
	struct trace_event ev;
	uint64_t want = 0, k;
	int ret;

	writer_init(&w);
	for (k = 0; k < 3000; k++)
		put(&w, (uint32_t)(k * 7919 / 64 % 5), 1000 + k, (uint32_t)k);
	for (k = 0; k < 100; k++)
		put_mark(&w, 9, (uint32_t)k % 2, 1000 + 30 * k, 1000 + k);
	writer_write(&w);
	t = open_it(&w);
	assert_true(trace_has_units(t, 9));
	assert_false(trace_has_units(t, 8));
	while ((ret = trace_next(t, &ev, err, sizeof(err))) > 0) {
		if (ev.is_unit) {
			/* Of one time the kernel's comes first. */
			assert_int_equal(ev.rec->time, 1000 + want - 1);
			assert_int_equal(ev.tgid, 9);
			assert_int_equal(ev.copy, (want - 1) / 30 % 2);
			continue;
		}
		assert_int_equal(ev.rec->tid, want);
		assert_int_equal(ev.cpu, want * 7919 / 64 % 5);
		want++;
	}
	assert_int_equal(ret, 0);
	assert_int_equal(want, 3000);
	assert_int_equal(t->events, 3100);
	trace_rewind(t);
	assert_int_equal(read_all(t, &ret), 3100);
	trace_close(t);
	writer_free(&w);
}

static void env_comes_back(void **state)
{
	struct writer w;
	struct trace *t;
	int ret;

	writer_init(&w);
	w.md.command = "say \"hi\" \\ \n\t\x01\xc3\xa9";
	w.md.backend = "kmod";
	w.md.clock.freq = 2500000001;
	w.md.clock.clock = WEFT_CLOCK_TSC;
	w.md.clock.mono_offset = -17;
	w.md.clock.real_offset = 1700000000500000000;
	w.md.missed = 3;
	w.md.system_wide = true;
	w.md.emulated = true;
	w.md.ended = false;
	w.md.clock_error_ns = WEFT_UNKNOWN;
	put(&w, 0, 5, 1);
	writer_write(&w);
	t = open_it(&w);
	assert_string_equal(t->command, w.md.command);
	assert_string_equal(t->backend, "kmod");
	assert_int_equal(t->clock, WEFT_CLOCK_TSC);
	assert_int_equal(t->clock_freq, 2500000001);
	assert_int_equal(t->clock_mono_offset, -17);
	assert_int_equal(t->clock_real_offset, 1700000000500000000);
	assert_true(t->clock_error_ns == WEFT_UNKNOWN);
	assert_int_equal(t->missed, 3);
	assert_int_equal(t->groups, WEFT_GROUP_ALL);
	assert_true(t->hooks == w.md.hooks);
	assert_true(t->system_wide && t->emulated && !t->ended);
	assert_int_equal(read_all(t, &ret), 1);
	trace_close(t);
	writer_free(&w);
}

static void nanoseconds(void **state)
{
	struct trace t = { .clock_freq = 3 };

	assert_int_equal(trace_ns(&t, 1), 333333333);
	assert_int_equal(trace_ns(&t, 3000000001), 1000000000333333333);
	t.clock_freq = 2500000001;
	assert_int_equal(trace_ns(&t, 1ull << 62),
			 (uint64_t)((unsigned __int128)(1ull << 62) * 1000000000 / t.clock_freq));
	t.clock_freq = 1000000000;
	assert_int_equal(trace_ns(&t, 12345), 12345);
	t.clock_freq = 1;
	assert_true(trace_ns(&t, UINT64_MAX) == UINT64_MAX);
}

/* Losses are known before the first event is read. */
static void finds_gaps(void **state)
{
	struct writer w;
	struct trace *t;
	int ret;

	writer_init(&w);
	w.packet_max = 500;
	put(&w, 0, 10, 1);
	put(&w, 1, 10, 1);
	writer_lost(&w, writer_stream(&w, false, 1, 0), 50, 0, 7, 20, 40);
	put(&w, 1, 50, 1);
	put_mark(&w, 9, 0, 11, 1);
	writer_lost(&w, writer_stream(&w, true, 9, 0), 45, 9, 3, 15, 30);
	put_mark(&w, 9, 0, 46, 1);
	put_mark(&w, 9, 0, 47, 1);
	writer_write(&w);
	t = open_it(&w);
	assert_int_equal(t->nr_gaps, 2);
	assert_true(t->gaps[0].is_unit && t->gaps[0].first == 15 && t->gaps[0].last == 30);
	assert_true(t->gaps[0].tgid == 9 && t->gaps[0].tid == 9 && t->gaps[0].count == 3);
	assert_true(!t->gaps[1].is_unit && t->gaps[1].first == 20 && t->gaps[1].last == 40);
	assert_true(t->gaps[1].cpu == 1 && t->gaps[1].count == 7);
	read_all(t, &ret);
	assert_int_equal(ret, 0);
	assert_int_equal(t->lost, 7);
	assert_int_equal(t->unit_lost, 3);
	trace_close(t);
	writer_free(&w);
}

/* Packets of ten records each on CPU 0. */
static void ten_a_packet(struct writer *w, unsigned packets)
{
	unsigned i;

	writer_init(w);
	w->packet_max = sizeof(struct weft_packet) + 10 * sizeof(struct weft_ev_task_rename);
	for (i = 0; i < 10 * packets; i++)
		put(w, 0, 100 + i, 1);
	writer_write(w);
}

#define PACKET_BYTES 1024 /* of ten records, rounded up by the writer */

/* A recorder that is killed leaves whole packets and a part; one with a full disk zeros. */
static void unfinished(void **state)
{
	static const unsigned char zeros[PACKET_BYTES];
	struct writer w;
	struct trace *t;
	int ret, k;

	for (k = 0; k < 4; k++) {
		ten_a_packet(&w, 4);
		if (k == 0)
			cut(&w, "kernel/cpu0", 3 * PACKET_BYTES + 10);
		else if (k == 1)
			cut(&w, "kernel/cpu0", 4 * PACKET_BYTES - 1);
		else if (k == 2)
			patch(&w, "kernel/cpu0", 3 * PACKET_BYTES, zeros, PACKET_BYTES);
		else
			patch(&w, "kernel/cpu0", 3 * PACKET_BYTES + 80 + 48 * 4, zeros,
			      PACKET_BYTES - 80 - 48 * 4);
		t = open_it(&w);
		assert_int_equal(read_all(t, &ret), k == 3 ? 34 : 30);
		assert_int_equal(ret, 0);
		assert_int_equal(t->truncated, 1);
		trace_close(t);
		writer_free(&w);
	}
}

static void empty_stream(void **state)
{
	struct writer w;
	struct trace *t;
	int ret;

	ten_a_packet(&w, 1);
	cut(&w, "kernel/cpu0", 0);
	t = open_it(&w);
	assert_int_equal(read_all(t, &ret), 0);
	assert_int_equal(ret, 0);
	assert_int_equal(t->truncated, 0);
	trace_close(t);
	writer_free(&w);
}

/* What stands before the fault has been handed out; the message names file and offset. */
static void corrupt(void **state)
{
	static const struct {
		off_t at;
		uint64_t value;
		size_t len;
		uint64_t events;
		const char *says;
	} faults[] = {
		{ PACKET_BYTES, 0x12345678, 4, 10, "no packet begins here" },
		{ PACKET_BYTES + 20, 9, 4, 10, "another stream" },
		{ PACKET_BYTES + 24, 1, 8, 10, "older than the one before" },
		{ PACKET_BYTES + 32, 1, 8, 10, "ends before it begins" },
		{ PACKET_BYTES + 40, 8, 8, 10, "impossible size" },
		{ PACKET_BYTES + 40, UINT64_MAX, 8, 10, "impossible size" },
		{ PACKET_BYTES + 48, 7, 8, 10, "impossible size" },
		{ PACKET_BYTES + 56, 5, 8, 10, "packet 5 stands where 1 belongs" },
		{ PACKET_BYTES + 72, 1u << 20, 4, 10, "impossible CPU" },
		{ PACKET_BYTES + 80 + 48 * 3, 1, 8, 13, "time goes back" },
		{ PACKET_BYTES + 80 + 48 * 3, 1u << 30, 8, 13, "later than its packet" },
		{ PACKET_BYTES + 80 + 48 * 3 + 8, 60, 4, 13, "does not know" },
		{ PACKET_BYTES + 80 + 48 * 3 + 8, 0xffffffff, 4, 13, "does not know" },
		{ PACKET_BYTES + 80 + 48 * 9 + 8, WEFT_EV_sched_process_exec, 4, 19,
		  "beyond its packet" },
	};
	struct writer w;
	struct trace *t;
	size_t i;
	int ret;

	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		char at[64];

		ten_a_packet(&w, 3);
		patch(&w, "kernel/cpu0", faults[i].at, &faults[i].value, faults[i].len);
		t = open_it(&w);
		assert_int_equal(read_all(t, &ret), faults[i].events);
		assert_int_equal(ret, -EBADMSG);
		snprintf(at, sizeof(at), "kernel/cpu0 is corrupt at byte %ld",
			 faults[i].events == 10 ?
				 PACKET_BYTES :
				 PACKET_BYTES + 80 + 48 * (long)(faults[i].events - 10));
		if (!strstr(err, at) || !strstr(err, faults[i].says))
			fail_msg("%s (should say: %s)", err, faults[i].says);
		trace_close(t);
		writer_free(&w);
	}
}

/* Any byte may be anything: an answer or a refusal, never a crash (the sanitizers watch). */
static void fuzzed(void **state)
{
	int seed;

	for (seed = 0; seed < 400; seed++) {
		struct writer w;
		struct trace *t;
		int k, ret;

		ten_a_packet(&w, 3);
		srandom((unsigned)seed);
		for (k = 0; k <= seed % 8; k++) {
			unsigned char byte = (unsigned char)random();

			patch(&w, "kernel/cpu0", random() % (3 * PACKET_BYTES), &byte, 1);
		}
		if (seed % 5 == 0)
			cut(&w, "kernel/cpu0", random() % (3 * PACKET_BYTES));
		t = open_it(&w);
		assert_true(read_all(t, &ret) <= 30);
		assert_true(ret == 0 || ret == -EBADMSG);
		trace_close(t);
		writer_free(&w);
	}
}

static void put_text(const struct writer *w, const char *text)
{
	int fd = open_file(w, "kernel/metadata");

	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void refuses(const struct writer *w, int code, const char *says)
{
	struct trace *t;

	assert_int_equal(trace_open(&t, w->dir, err, sizeof(err)), code);
	assert_null(t);
	if (!strstr(err, says))
		fail_msg("%s (should say: %s)", err, says);
}

#define ENV(more)                                                                                        \
	"/* CTF 1.8 */\n\nenv {\n\tkernel_release = \"6.1\";\n\tbackend = \"bpf\";\n\tcommand = \"\";\n" \
	"\tclock = \"tsc\";\n\tclock_freq = 1000;\n" more "};\n"

static void bad_metadata(void **state)
{
	static const char *const broken[] = {
		"/* CTF 1.8 */\n",
		"/* CTF 1.8 */\nenv {\n",
		"/* CTF 1.8 */\nenv {\n};\n",
		ENV("\tabi_version = 1;\n\tabi_compat = 1;\n\tsize_9 = 8;\n"),
		ENV("\tabi_version = 1;\n\tabi_compat = 1;\n\tsize_9 = 49;\n"),
		ENV("\tabi_version = 1;\n\tabi_compat = 1;\n\tx = ;\n"),
		ENV("\tabi_version = 1;\n\tabi_compat = 1;\n\tx = \"open\n"),
		ENV("\tabi_version = 1;\n\tabi_compat = 1;\n\tclock_freq = 0;\n"),
		ENV("\tabi_version = 1;\n\tabi_compat = 1;\n\tclock = \"sundial\";\n"),
		ENV("\tabi_version = 1;\n\tabi_compat = 1;\n\tx = 99999999999999999999;\n"),
		ENV("\tabi_version = 1;\n"),
	};
	struct writer w;
	size_t i;

	ten_a_packet(&w, 1);
	put_text(&w, "something else");
	refuses(&w, -EBADMSG, "no metadata of a CTF 1.8 trace");
	for (i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		put_text(&w, broken[i]);
		refuses(&w, -EBADMSG, "no metadata of a weft trace");
	}
	put_text(&w, ENV("\tabi_version = 9;\n\tabi_compat = 8;\n\tsize_9 = 8;\n"));
	refuses(&w, -EPROTO, "the trace is of version 9, this weft reads up to 1");
	writer_free(&w);
}

/* A later version that is still compatible: larger records, and events unknown here. */
static void steps_over_the_new(void **state)
{
	struct writer w;
	struct trace *t;
	struct trace_event ev;
	unsigned char rec[64] = { 0 };
	struct weft_event *e = (void *)rec;

	writer_init(&w);
	e->time = 5;
	e->id = WEFT_EV_task_rename; /* 56 bytes there */
	writer_put(&w, writer_stream(&w, false, 0, 0), rec, 56);
	e->id = 40; /* 64 bytes, whatever it is */
	writer_put(&w, writer_stream(&w, false, 0, 0), rec, 64);
	e->id = WEFT_EV_task_rename;
	e->time = 6;
	writer_put(&w, writer_stream(&w, false, 0, 0), rec, 56);
	writer_write(&w);
	put_text(&w,
		 ENV("\tabi_version = 2;\n\tabi_compat = 1;\n\tsize_7 = 56;\n\tsize_40 = 64;\n"));
	t = open_it(&w);
	assert_int_equal(trace_next(t, &ev, err, sizeof(err)), 1);
	assert_int_equal(ev.size, 56);
	assert_int_equal(trace_next(t, &ev, err, sizeof(err)), 1);
	assert_int_equal(ev.rec->time, 6);
	assert_int_equal(trace_next(t, &ev, err, sizeof(err)), 0);
	assert_int_equal(t->events, 2);
	trace_close(t);
	writer_free(&w);
}

static void not_there(void **state)
{
	struct trace *t;

	assert_int_equal(trace_open(&t, "/nonexistent", err, sizeof(err)), -ENOENT);
	assert_non_null(strstr(err, "/nonexistent is no trace"));
}

static void names(void **state)
{
	assert_string_equal(event_type(WEFT_EV_sched_switch)->name, "sched_switch");
	assert_string_equal(event_type(WEFT_EV_unit_exit)->name, "unit_exit");
	assert_null(event_type(0));
	assert_null(event_type(40));
	assert_int_equal(event_type_by_name("page_fault")->id, WEFT_EV_page_fault);
	assert_int_equal(event_type_by_name("unit_create")->id, WEFT_EV_unit_create);
	assert_null(event_type_by_name("nothing"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(merges),	cmocka_unit_test(env_comes_back),
		cmocka_unit_test(nanoseconds),	cmocka_unit_test(finds_gaps),
		cmocka_unit_test(unfinished),	cmocka_unit_test(empty_stream),
		cmocka_unit_test(corrupt),	cmocka_unit_test(fuzzed),
		cmocka_unit_test(bad_metadata), cmocka_unit_test(steps_over_the_new),
		cmocka_unit_test(not_there),	cmocka_unit_test(names),
	};

	return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
