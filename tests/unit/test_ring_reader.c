// SPDX-License-Identifier: GPL-2.0-only
/* The ring's reader, against a producer that does what <weft/ring.h> says, and against ones that do not. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "ring_reader.h"

#define SUB 8192u
#define NR 4u
#define RING (SUB * NR)

struct fixture {
	struct weft_ring_ctl ctl;
	struct weft_ring_user user;
	unsigned char *data;
	struct backend_ring ring;
	struct ring_reader r;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->ctl.size = sizeof(f->ctl);
	f->ctl.sub_size = SUB;
	f->ctl.nr_subs = NR;
	/* Of its exact size, so that the sanitizer sees a read beyond. */
	f->data = calloc(1, RING);
	f->ring = (struct backend_ring){ &f->ctl, &f->user, f->data, 0 };
	*state = f;
	return ring_reader_init(&f->r, &f->ring, SUB, NR);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	free(f->data);
	free(f);
	return 0;
}

/* Writes the next sub-buffer as a packet of len bytes; false if the ring is full. */
static bool produce(struct fixture *f, uint32_t len)
{
	uint64_t tail = __atomic_load_n(&f->user.tail, __ATOMIC_ACQUIRE);
	uint64_t head = f->ctl.head;
	struct weft_packet p = {
		.magic = WEFT_CTF_MAGIC,
		.content_size = (uint64_t)len * 8,
		.packet_size = (uint64_t)len * 8,
		.packet_seq_num = f->ctl.seq,
	};

	if (head + SUB - tail > RING)
		return false;
	memset(f->data + head % RING, (int)(f->ctl.seq & 0xff), SUB);
	memcpy(f->data + head % RING, &p, sizeof(p));
	f->ctl.seq++;
	f->ctl.head = head + SUB;
	__atomic_store_n(&f->ctl.commit[head / SUB % NR], (head / SUB / NR + 1) * SUB,
			 __ATOMIC_RELEASE);
	return true;
}

static void run_of_packets(void **state)
{
	struct fixture *f = *state;
	struct ring_run run;

	assert_int_equal(ring_reader_next(&f->r, &run), 0);
	assert_true(produce(f, SUB));
	assert_true(produce(f, SUB));
	assert_true(produce(f, SUB));
	/* All three in one piece; asking does not hand back. */
	assert_int_equal(ring_reader_next(&f->r, &run), 1);
	assert_int_equal(ring_reader_next(&f->r, &run), 1);
	assert_ptr_equal(run.data, f->data);
	assert_int_equal(run.len, 3 * SUB);
	assert_int_equal(f->user.tail, 0);
	ring_reader_release(&f->r, &run);
	assert_int_equal(f->user.tail, 3 * SUB);
	assert_int_equal(ring_reader_next(&f->r, &run), 0);
	/* The fourth lies at the end, the fifth at the beginning: two runs. */
	assert_true(produce(f, SUB));
	assert_true(produce(f, SUB));
	assert_int_equal(ring_reader_next(&f->r, &run), 1);
	assert_int_equal(run.len, SUB);
	assert_ptr_equal(run.data, f->data + 3 * SUB);
	ring_reader_release(&f->r, &run);
	assert_int_equal(ring_reader_next(&f->r, &run), 1);
	assert_ptr_equal(run.data, f->data);
	assert_int_equal(run.len, SUB);
	ring_reader_release(&f->r, &run);
}

/* A flushed packet is shorter than its sub-buffer: it ends a run, and only itself is handed out. */
static void short_packet(void **state)
{
	struct fixture *f = *state;
	struct ring_run run;

	produce(f, SUB);
	produce(f, WEFT_PACKET_ALIGN);
	produce(f, SUB);
	assert_int_equal(ring_reader_next(&f->r, &run), 1);
	assert_int_equal(run.len, SUB + WEFT_PACKET_ALIGN);
	ring_reader_release(&f->r, &run);
	assert_int_equal(f->user.tail, 2 * SUB);
	assert_int_equal(ring_reader_next(&f->r, &run), 1);
	assert_ptr_equal(run.data, f->data + 2 * SUB);
	assert_int_equal(run.len, SUB);
}

static void incomplete(void **state)
{
	struct fixture *f = *state;
	struct ring_run run;

	produce(f, SUB);
	produce(f, SUB);
	f->ctl.commit[1] -= 48; /* a record that is being written */
	assert_int_equal(ring_reader_next(&f->r, &run), 1);
	assert_int_equal(run.len, SUB);
	ring_reader_release(&f->r, &run);
	assert_int_equal(ring_reader_next(&f->r, &run), 0);
}

static void bad_ring(void **state)
{
	struct fixture *f = *state;
	struct weft_packet *p = (struct weft_packet *)f->data;
	struct weft_packet good;
	struct ring_reader r;
	struct ring_run run;

	assert_int_equal(ring_reader_init(&r, &f->ring, 2 * SUB, NR), -EBADMSG);
	assert_int_equal(ring_reader_init(&r, &f->ring, SUB, 2 * NR), -EBADMSG);
	produce(f, SUB);
	good = *p;
	p->magic = 0;
	assert_int_equal(ring_reader_next(&f->r, &run), -EBADMSG);
	*p = good;
	p->packet_size = 2 * SUB * 8;
	assert_int_equal(ring_reader_next(&f->r, &run), -EBADMSG);
	p->packet_size = 0;
	assert_int_equal(ring_reader_next(&f->r, &run), -EBADMSG);
	p->packet_size = 100 * 8;
	assert_int_equal(ring_reader_next(&f->r, &run), -EBADMSG);
	p->packet_size = UINT64_MAX;
	assert_int_equal(ring_reader_next(&f->r, &run), -EBADMSG);
	*p = good;
	p->content_size = good.packet_size + 8;
	assert_int_equal(ring_reader_next(&f->r, &run), -EBADMSG);
	p->content_size = 0;
	assert_int_equal(ring_reader_next(&f->r, &run), -EBADMSG);
	*p = good;
	assert_int_equal(ring_reader_next(&f->r, &run), 1);
	/* The producer is a lap ahead of what it was given. */
	f->ctl.commit[0] += SUB;
	assert_int_equal(ring_reader_next(&f->r, &run), -EBADMSG);
	f->ctl.commit[0] -= SUB;
	/* What lies before the trouble is good. */
	produce(f, SUB);
	f->ctl.commit[1] += SUB;
	assert_int_equal(ring_reader_next(&f->r, &run), 1);
	assert_int_equal(run.len, SUB);
	ring_reader_release(&f->r, &run);
	assert_int_equal(ring_reader_next(&f->r, &run), -EBADMSG);
}

#define PACKETS 20000u

static void *producer(void *arg)
{
	struct fixture *f = arg;
	uint32_t i = 0;

	while (i < PACKETS)
		i += produce(f, i % 7 ? SUB : WEFT_PACKET_ALIGN);
	return NULL;
}

/* Side by side with a producer: every packet once, in order, none torn. */
static void concurrent(void **state)
{
	struct fixture *f = *state;
	uint64_t seq = 0;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, producer, f), 0);
	while (seq < PACKETS) {
		struct ring_run run;
		size_t at = 0;
		int ret = ring_reader_next(&f->r, &run);

		assert_true(ret >= 0);
		while (ret && at < run.len) {
			struct weft_packet p;

			memcpy(&p, run.data + at, sizeof(p));
			assert_int_equal(p.packet_seq_num, seq);
			assert_int_equal(run.data[at + sizeof(p)], seq & 0xff);
			assert_int_equal(run.data[at + p.packet_size / 8 - 1], seq & 0xff);
			at += p.packet_size / 8;
			seq++;
		}
		if (ret)
			ring_reader_release(&f->r, &run);
	}
	pthread_join(thread, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(run_of_packets, setup, teardown),
		cmocka_unit_test_setup_teardown(short_packet, setup, teardown),
		cmocka_unit_test_setup_teardown(incomplete, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_ring, setup, teardown),
		cmocka_unit_test_setup_teardown(concurrent, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
