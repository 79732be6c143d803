// SPDX-License-Identifier: GPL-2.0-only
/* Who has made which ring, whatever name it has got. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "unit_dir.h"
#include "unit_owner.h"

static struct unit_dir dir = UNIT_DIR_NONE;
static struct unit_owners owners = UNIT_OWNERS_NONE;

static int setup(void **state)
{
	char errbuf[256];

	(void)state;
	return unit_dir_create(&dir, errbuf, sizeof(errbuf));
}

static int teardown(void **state)
{
	(void)state;
	unit_owners_free(&owners);
	unit_dir_remove(&dir);
	return 0;
}

static void put(const char *name)
{
	close(openat(dir.fd, name, O_CREAT | O_RDWR, 0600));
}

/* A process that has ended when we learn of it: it makes `from`, and calls it `to` if that is not NULL. */
static pid_t program(const char *from, const char *to)
{
	pid_t pid = fork();

	if (!pid) {
		put(from);
		_exit(to && renameat(dir.fd, from, dir.fd, to) ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return pid;
}

static pid_t owner(uint32_t a, uint32_t b, uint32_t c)
{
	const uint32_t name[3] = { a, b, c };

	unit_owners_update(&owners);
	return unit_owners_find(&owners, name);
}

static void test_owners(void **state)
{
	pid_t victim, other;

	(void)state;
	if (unit_owners_watch(&owners, dir.fd) == -EPERM)
		skip();
	assert_true(owners.fd >= 0);
	assert_int_equal(owner(7, 0, 0), 0);
	victim = program("7-0-0", NULL);
	assert_int_equal(owner(7, 0, 0), victim);
	assert_int_equal(owner(7, 0, 1), 0);
	/* The recorder takes the name away, and another program puts its own file there. */
	assert_int_equal(symlinkat("taken", dir.fd, "new"), 0);
	assert_int_equal(renameat(dir.fd, "new", dir.fd, "7-0-0"), 0);
	assert_int_equal(owner(7, 0, 0), victim);
	other = program("harmless", "7-0-1");
	assert_int_equal(owner(7, 0, 1), other);
	other = program("8-0-0", "7-0-0");
	assert_int_equal(owner(8, 0, 0), other);
	assert_int_equal(owner(7, 0, 0), other);
}

static void test_names(void **state)
{
	static const char *const wrong[] = {
		"",	  "1",	    "1-2",    "1-2-3-4",	"1-2-",
		"-1-2-3", " 1-2-3", "1-2-3 ", "4294967296-0-0", "a-0-0"
	};
	uint32_t v[3];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(unit_name_parse(wrong[i], v));
	assert_true(unit_name_parse("4294967295-0-12", v));
	assert_int_equal(v[0], UINT32_MAX);
	assert_int_equal(v[1], 0);
	assert_int_equal(v[2], 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_owners, setup, teardown),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
