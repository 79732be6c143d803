// SPDX-License-Identifier: GPL-2.0-only
/* A stream's file: whole packets at every instant, whatever stops the writer. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <weft/ring.h>
#include "stream_file.h"

#define SUB_SIZE (128u << 10)
#define RUN 8u /* packets appended at a time */

static char dir[] = "/tmp/weft-stream.XXXXXX";
static int dirfd;

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	dirfd = open(dir, O_RDONLY | O_DIRECTORY);
	return dirfd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	unlinkat(dirfd, "f", 0);
	close(dirfd);
	return rmdir(dir);
}

/* Packets seq to seq + nr, each sub_size long, filled so that a byte out of place is seen. */
static void make_packets(unsigned char *buf, uint64_t seq, unsigned int nr, uint32_t size)
{
	unsigned int i;

	for (i = 0; i < nr; i++, seq++) {
		struct weft_packet p = {
			.magic = WEFT_CTF_MAGIC,
			.timestamp_begin = seq * 10,
			.timestamp_end = seq * 10 + 9,
			.content_size = (uint64_t)size * 8,
			.packet_size = (uint64_t)size * 8,
			.packet_seq_num = seq,
		};

		memset(buf + i * size, (int)(seq & 0xff), size);
		memcpy(buf + i * size, &p, sizeof(p));
	}
}

/* Every packet is whole, in sequence, and full or empty; the empty ones come last. Their number. */
static unsigned int check_file(uint64_t *packets)
{
	int fd = openat(dirfd, "f", O_RDONLY);
	uint64_t pos = 0, seq = 0, time = 0;
	unsigned int empty = 0;
	unsigned char *map;
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	map = mmap(NULL, (size_t)st.st_size + 1, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_true(map != MAP_FAILED);
	while (pos < (uint64_t)st.st_size) {
		struct weft_packet p;
		uint64_t len;

		assert_true(pos + sizeof(p) <= (uint64_t)st.st_size);
		memcpy(&p, map + pos, sizeof(p));
		len = p.packet_size / 8;
		assert_int_equal(p.magic, WEFT_CTF_MAGIC);
		assert_true(len >= WEFT_PACKET_ALIGN && pos + len <= (uint64_t)st.st_size);
		assert_int_equal(p.packet_seq_num, seq++);
		assert_true(p.timestamp_begin >= time && p.timestamp_end >= p.timestamp_begin);
		time = p.timestamp_end;
		if (p.content_size == sizeof(p) * 8) {
			empty++;
		} else {
			assert_int_equal(empty, 0);
			assert_int_equal(p.content_size, p.packet_size);
			assert_int_equal(map[pos + sizeof(p)], p.packet_seq_num & 0xff);
			assert_int_equal(map[pos + len - 1], p.packet_seq_num & 0xff);
		}
		pos += len;
	}
	munmap(map, (size_t)st.st_size + 1);
	close(fd);
	*packets = seq - empty;
	return empty;
}

static void appends(void **state)
{
	static unsigned char buf[4 * SUB_SIZE];
	struct stream_file sf = STREAM_FILE_INIT;
	uint64_t packets;

	(void)state;
	assert_int_equal(stream_file_create(&sf, dirfd, "f"), 0);
	make_packets(buf, 0, 1, WEFT_PACKET_ALIGN);
	assert_int_equal(stream_file_append(&sf, buf, WEFT_PACKET_ALIGN), 0);
	make_packets(buf, 1, 4, SUB_SIZE);
	assert_int_equal(stream_file_append(&sf, buf, sizeof(buf)), 0);
	assert_int_equal(sf.size, WEFT_PACKET_ALIGN + sizeof(buf));
	assert_int_equal(stream_file_append(&sf, buf, 100), -EINVAL);
	assert_int_equal(stream_file_append(&sf, buf, 0), -EINVAL);
	stream_file_close(&sf);
	stream_file_close(&sf);
	assert_int_equal(check_file(&packets), 0);
	assert_int_equal(packets, 5);
	assert_int_equal(stream_file_create(&sf, dirfd, "f"), -EEXIST);
	unlinkat(dirfd, "f", 0);
}

/* A limit stands for a full disk: the file ends with the last append that was whole. */
static void no_space(void **state)
{
	static unsigned char buf[RUN * SUB_SIZE];
	struct rlimit old, limit;
	struct stream_file sf = STREAM_FILE_INIT;
	uint64_t packets;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	limit = old;
	limit.rlim_cur = sizeof(buf) * 2 + SUB_SIZE + 100;
	assert_int_equal(stream_file_create(&sf, dirfd, "f"), 0);
	make_packets(buf, 0, RUN, SUB_SIZE);
	assert_int_equal(stream_file_append(&sf, buf, sizeof(buf)), 0);
	make_packets(buf, RUN, RUN, SUB_SIZE);
	setrlimit(RLIMIT_FSIZE, &limit);
	assert_int_equal(stream_file_append(&sf, buf, sizeof(buf)), 0);
	assert_int_equal(stream_file_append(&sf, buf, sizeof(buf)), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &old);
	stream_file_close(&sf);
	assert_int_equal(check_file(&packets), 0);
	assert_int_equal(packets, 2 * RUN);
	unlinkat(dirfd, "f", 0);
}

/* SIGKILL at any moment. Some of the kills must have hit the middle of an append, or nothing was tested. */
static void killed(void **state)
{
	static unsigned char buf[RUN * SUB_SIZE];
	unsigned int i, hits = 0;
	uint64_t packets, seq = 0;

	(void)state;
	for (i = 0; i < 200; i++) {
		struct stream_file sf = STREAM_FILE_INIT;
		pid_t pid;

		assert_int_equal(stream_file_create(&sf, dirfd, "f"), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (!pid) {
			for (;; seq += RUN) {
				make_packets(buf, seq, RUN, SUB_SIZE);
				if (stream_file_append(&sf, buf, sizeof(buf)))
					_exit(1);
			}
		}
		usleep(1000 + i * 37 % 4000);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		stream_file_close(&sf);
		hits += check_file(&packets) > 0;
		unlinkat(dirfd, "f", 0);
	}
	assert_true(hits > 0);
	print_message("%u of 200 kills in the middle of an append\n", hits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appends),
		cmocka_unit_test(no_space),
		cmocka_unit_test(killed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
