/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A thread that sleeps in a page fault from the first line of standard input to the second: its page is
 * registered with userfaultfd, and nobody brings it in before. Says "ready PID", then "asleep".
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static void __attribute__((noreturn)) die(const char *what)
{
	perror(what);
	exit(1);
}

static void *touch(void *page)
{
	*(volatile char *)page = 1;
	return NULL;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_zeropage zero = { 0 };
	struct uffd_msg msg;
	pthread_t thread;
	char line[8];
	void *page;
	int fd;

	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	range.range.start = (unsigned long)page;
	range.range.len = 4096;
	if (page == MAP_FAILED || fd < 0 || ioctl(fd, UFFDIO_API, &api) ||
	    ioctl(fd, UFFDIO_REGISTER, &range))
		die("userfaultfd");
	/* So that whoever records this process can come first. */
	printf("ready %d\n", getpid());
	fflush(stdout);
	if (read(STDIN_FILENO, line, sizeof(line)) < 1)
		die("read");
	if (pthread_create(&thread, NULL, touch, page))
		die("pthread_create");
	if (read(fd, &msg, sizeof(msg)) != sizeof(msg))
		die("userfaultfd");
	printf("asleep\n");
	fflush(stdout);
	if (read(STDIN_FILENO, line, sizeof(line)) < 1)
		die("read");
	zero.range = range.range;
	if (ioctl(fd, UFFDIO_ZEROPAGE, &zero))
		die("UFFDIO_ZEROPAGE");
	return pthread_join(thread, NULL);
}
