// SPDX-License-Identifier: GPL-2.0-only
/* The held child: it waits, it goes, it says why it can't, and none is left behind. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "child.h"

static volatile int *shared; /* what the child did */

static int mark(void *arg)
{
	*shared = *(int *)arg;
	return 7;
}

static int wait_for_end(struct child *c)
{
	struct pollfd fd = { .fd = c->pidfd, .events = POLLIN };
	int status = -1;

	assert_int_equal(poll(&fd, 1, 10000), 1);
	assert_true(child_ended(c, &status));
	/* Once only. */
	assert_false(child_ended(c, &status));
	return status;
}

static bool none_left(void)
{
	return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
}

static void function(void **state)
{
	int value = 5;
	struct child_job job = { .function = mark, .arg = &value };
	struct child c = CHILD_NONE;

	(void)state;
	*shared = 0;
	assert_int_equal(child_fork(&c, &job), 0);
	usleep(20000);
	/* Not before it is let go. */
	assert_int_equal(*shared, 0);
	assert_int_equal(child_release(&c), 0);
	assert_int_equal(wait_for_end(&c), 7 << 8);
	assert_int_equal(*shared, 5);
	child_close(&c);
	assert_true(none_left());
}

static void command(void **state)
{
	char *argv[] = { (char *)"sh", (char *)"-c",
			 (char *)"test \"$WEFT_TEST\" = woven && exit 4", NULL };
	struct child_job job = { .argv = argv, .env = "WEFT_TEST=woven" };
	struct child c = CHILD_NONE;

	(void)state;
	assert_int_equal(child_fork(&c, &job), 0);
	assert_int_equal(child_release(&c), 0);
	assert_int_equal(wait_for_end(&c), 4 << 8);
	assert_null(getenv("WEFT_TEST"));
	child_close(&c);
}

/* The signals that the recorder blocks are the command's to receive. */
static void signals(void **state)
{
	char *argv[] = { (char *)"sleep", (char *)"60", NULL };
	sigset_t blocked, old;
	struct child_job job = { .argv = argv, .sigmask = &old };
	struct child c = CHILD_NONE;

	(void)state;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, &old);
	assert_int_equal(child_fork(&c, &job), 0);
	assert_int_equal(child_release(&c), 0);
	kill(c.pid, SIGTERM);
	assert_int_equal(wait_for_end(&c), SIGTERM);
	child_close(&c);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

static void cannot_execute(void **state)
{
	char *argv[] = { (char *)"/no/such/command", NULL };
	struct child_job job = { .argv = argv };
	struct child c = CHILD_NONE;

	(void)state;
	assert_int_equal(child_fork(&c, &job), 0);
	assert_int_equal(child_release(&c), -ENOENT);
	assert_int_equal(c.pid, 0);
	child_close(&c);
	assert_true(none_left());
}

static void given_up(void **state)
{
	int value = 5;
	struct child_job job = { .function = mark, .arg = &value };
	struct child c = CHILD_NONE;

	(void)state;
	*shared = 0;
	assert_int_equal(child_fork(&c, &job), 0);
	child_close(&c);
	assert_int_equal(*shared, 0);
	assert_true(none_left());
}

/* Killed while it waits: letting it go is no error and no SIGPIPE, its end is seen as usual. */
static void killed_while_held(void **state)
{
	int value = 5;
	struct child_job job = { .function = mark, .arg = &value };
	struct child c = CHILD_NONE;

	(void)state;
	assert_int_equal(child_fork(&c, &job), 0);
	kill(c.pid, SIGKILL);
	usleep(20000);
	assert_int_equal(child_release(&c), 0);
	assert_int_equal(wait_for_end(&c), SIGKILL);
	child_close(&c);
	assert_true(none_left());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(function), cmocka_unit_test(command),
		cmocka_unit_test(signals),  cmocka_unit_test(cannot_execute),
		cmocka_unit_test(given_up), cmocka_unit_test(killed_while_held),
	};

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
