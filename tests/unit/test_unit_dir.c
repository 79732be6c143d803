// SPDX-License-Identifier: GPL-2.0-only
/* The directory of unit rings: in use, left behind, and who sweeps it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "unit_dir.h"

static char errbuf[256];

static void create(struct unit_dir *d)
{
	assert_int_equal(unit_dir_create(d, errbuf, sizeof(errbuf)), 0);
	assert_true(d->fd >= 0);
	assert_int_equal(access(d->path, R_OK | W_OK | X_OK), 0);
}

static void put_file(const struct unit_dir *d)
{
	int fd = openat(d->fd, "1-0-0", O_CREAT | O_EXCL | O_WRONLY, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static void test_remove(void **state)
{
	struct unit_dir d = UNIT_DIR_NONE;

	(void)state;
	unit_dir_remove(&d);
	create(&d);
	put_file(&d);
	unit_dir_remove(&d);
	assert_int_equal(d.fd, -1);
	assert_int_not_equal(access(d.path, F_OK), 0);
}

/* What a living recorder, or a forked child of a dead one, holds stays; the rest goes. */
static void test_sweep(void **state)
{
	struct unit_dir held = UNIT_DIR_NONE, left = UNIT_DIR_NONE, next = UNIT_DIR_NONE;
	int held_by_child[2];
	pid_t child;

	(void)state;
	create(&held);
	create(&left);
	put_file(&left);
	assert_int_equal(pipe(held_by_child), 0);
	child = fork();
	if (!child) {
		char c;

		close(held_by_child[1]);
		_exit(read(held_by_child[0], &c, 1) ? 1 : 0);
	}
	close(held_by_child[0]);
	close(left.fd);
	create(&next);
	assert_int_equal(access(held.path, F_OK), 0);
	assert_int_equal(access(left.path, F_OK), 0);
	unit_dir_remove(&next);

	close(held_by_child[1]);
	assert_int_equal(waitpid(child, NULL, 0), child);
	create(&next);
	assert_int_equal(access(held.path, F_OK), 0);
	assert_int_not_equal(access(left.path, F_OK), 0);
	unit_dir_remove(&next);
	unit_dir_remove(&held);
	assert_int_not_equal(access(held.path, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_remove),
		cmocka_unit_test(test_sweep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
