// SPDX-License-Identifier: GPL-2.0-only
/* Trace directories: an earlier trace is kept, nothing else is ever touched, a failed start leaves nothing. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "tracedir.h"

static char errbuf[512];

static int setup(void **state)
{
	char *dir = strdup("/tmp/weft-tracedir.XXXXXX");

	*state = dir;
	return !mkdtemp(dir) || chdir(dir);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	int ret = chdir("/") || nftw(*state, remove_one, 8, FTW_DEPTH | FTW_PHYS);

	free(*state);
	return ret;
}

static void put(int dirfd, const char *name, const char *text)
{
	int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC, 0666);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* What a recording leaves; `mark` tells one from the other. */
static int make_trace(const char *path, const char *mark)
{
	struct tracedir d;
	int ret;

	ret = tracedir_create(&d, path, errbuf, sizeof(errbuf));
	if (ret)
		return ret;
	put(d.kernel, "metadata", "/* CTF 1.8 */\nenv { tracer_name = \"weft\"; };\n");
	put(d.kernel, "cpu0", mark);
	ret = tracedir_publish(&d, errbuf, sizeof(errbuf));
	tracedir_close(&d);
	return ret;
}

static bool has(const char *path, const char *mark)
{
	char text[64] = "";
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		return false;
	assert_true(read(fd, text, sizeof(text) - 1) >= 0);
	close(fd);
	return !strcmp(text, mark);
}

static int visible(const char *path)
{
	return !access(path, F_OK);
}

static void keeps_the_earlier(void **state)
{
	(void)state;
	assert_int_equal(make_trace("t", "one"), 0);
	assert_int_equal(make_trace("t/", "two"), 0);
	assert_true(has("t/kernel/cpu0", "two"));
	assert_true(has("t.old/kernel/cpu0", "one"));
	assert_int_equal(make_trace("t", "three"), 0);
	assert_true(has("t/kernel/cpu0", "three"));
	assert_true(has("t.old/kernel/cpu0", "two"));
	assert_false(visible("t.old.old"));
}

static void nothing_until_published(void **state)
{
	struct tracedir d;
	struct stat st;

	assert_int_equal(make_trace("t", "one"), 0);
	assert_int_equal(tracedir_create(&d, "t", errbuf, sizeof(errbuf)), 0);
	put(d.kernel, "cpu0", "two");
	assert_true(has("t/kernel/cpu0", "one"));
	tracedir_close(&d);
	assert_true(has("t/kernel/cpu0", "one"));
	assert_false(visible("t.old"));
	/* Only t is left in the directory. */
	assert_int_equal(stat(*state, &st), 0);
	assert_int_equal(st.st_nlink, 3);
}

static void is_private(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(make_trace("t", "one"), 0);
	assert_int_equal(stat("t", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void leaves_what_is_no_trace(void **state)
{
	(void)state;
	/* A file, a directory with something in it, and metadata of another tracer. */
	put(AT_FDCWD, "file", "x");
	assert_int_equal(make_trace("file", "one"), -EEXIST);
	assert_true(has("file", "x"));
	assert_int_equal(mkdir("dir", 0777), 0);
	put(AT_FDCWD, "dir/note", "x");
	assert_int_equal(make_trace("dir", "one"), -EEXIST);
	assert_true(has("dir/note", "x"));
	assert_int_equal(mkdir("other", 0777), 0);
	assert_int_equal(mkdir("other/kernel", 0777), 0);
	put(AT_FDCWD, "other/kernel/metadata",
	    "/* CTF 1.8 */\nenv { tracer_name = \"lttng-modules\"; };\n");
	assert_int_equal(make_trace("other", "one"), -EEXIST);
	assert_true(visible("other/kernel/metadata"));
	/* An empty directory is nobody's loss. */
	assert_int_equal(mkdir("empty", 0777), 0);
	assert_int_equal(make_trace("empty", "one"), 0);
	assert_true(has("empty/kernel/cpu0", "one"));
}

/* The .old that would go has something of the user's in it, or is no trace: all stays. */
static void leaves_a_strange_old(void **state)
{
	(void)state;
	assert_int_equal(make_trace("t", "one"), 0);
	assert_int_equal(make_trace("t", "two"), 0);
	put(AT_FDCWD, "t.old/note", "x");
	assert_int_equal(make_trace("t", "three"), -ENOTEMPTY);
	assert_non_null(strstr(errbuf, "t.old"));
	unlink("t.old/note");
	put(AT_FDCWD, "t.old/kernel/note", "x");
	assert_int_equal(make_trace("t", "three"), -ENOTEMPTY);
	assert_true(has("t.old/kernel/cpu0", "one"));
	assert_true(has("t/kernel/cpu0", "two"));
	put(AT_FDCWD, "u.old", "x");
	assert_int_equal(make_trace("u", "one"), 0);
	assert_int_equal(make_trace("u", "two"), -EEXIST);
	assert_true(has("u.old", "x"));
	assert_true(has("u/kernel/cpu0", "one"));
}

static void bad_names(void **state)
{
	(void)state;
	assert_int_equal(make_trace("", "one"), -EINVAL);
	assert_int_equal(make_trace("no/such/t", "one"), -ENOENT);
	assert_int_equal(make_trace("/", "one"), -EEXIST);
	put(AT_FDCWD, "file", "x");
	assert_int_equal(make_trace("file/t", "one"), -ENOTDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(keeps_the_earlier, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_until_published, setup, teardown),
		cmocka_unit_test_setup_teardown(is_private, setup, teardown),
		cmocka_unit_test_setup_teardown(leaves_what_is_no_trace, setup, teardown),
		cmocka_unit_test_setup_teardown(leaves_a_strange_old, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_names, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
