// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/weft against bad calls: kmod_ioctl table	each has its error number
 *				kmod_ioctl fuzz N	N random calls; the kernel survives
 *				kmod_ioctl hold		records everything until it is killed, reading nothing
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weft/device.h>

static int errors;

static int device(void)
{
	int fd = open(WEFT_DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0) {
		perror(WEFT_DEVICE);
		exit(1);
	}
	return fd;
}

static void want(const char *what, long ret, int err)
{
	int got = ret < 0 ? errno : 0;

	if (got == err)
		return;
	printf("%s: %s, not %s\n", what, strerror(got), strerror(err));
	errors++;
}

static const struct weft_setup good = { .size = sizeof(good),
					.clock = WEFT_CLOCK_MONOTONIC,
					.groups = WEFT_GROUP_ALL,
					.sub_size = 4096,
					.nr_subs = 4 };

/* A good one, but for what is said. */
#pragma GCC diagnostic ignored "-Woverride-init"
static void setups(void)
{
	static const struct {
		const char *what;
		struct weft_setup s;
		int err;
	} table[] = {
#define S(...)                                                                                     \
	{ .size = sizeof(struct weft_setup),                                                       \
	  .clock = WEFT_CLOCK_MONOTONIC,                                                           \
	  .groups = 1,                                                                             \
	  .sub_size = 4096,                                                                        \
	  .nr_subs = 2,                                                                            \
	  __VA_ARGS__ }
		{ "size 0", S(.size = 0), EINVAL },
		{ "size 3", S(.size = 3), EINVAL },
		{ "a huge size", S(.size = ~0u), E2BIG },
		{ "an unknown flag", S(.flags = 2), EINVAL },
		{ "clock 0", S(.clock = 0), EINVAL },
		{ "clock 3", S(.clock = 3), EINVAL },
		{ "an unknown group", S(.groups = 1 << 7), EINVAL },
		{ "sub_size 0", S(.sub_size = 0), EINVAL },
		{ "sub_size 2048", S(.sub_size = 2048), EINVAL },
		{ "sub_size 5000", S(.sub_size = 5000), EINVAL },
		{ "sub_size 2 MiB", S(.sub_size = 2 << 20), EINVAL },
		{ "nr_subs 0", S(.nr_subs = 0), EINVAL },
		{ "nr_subs 1", S(.nr_subs = 1), EINVAL },
		{ "nr_subs 3", S(.nr_subs = 3), EINVAL },
		{ "nr_subs 512", S(.nr_subs = 512), EINVAL },
		/* Half a gigabyte for each CPU is more than half of this machine. */
		{ "too large rings", S(.sub_size = 1 << 20, .nr_subs = 256), ENOMEM },
		{ "an older, shorter structure", S(.size = 24), 0 },
		{ "the smallest", S(), 0 },
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct weft_setup s = table[i].s;
		int fd = device();

		/* Where there is memory enough for it, it is no error. */
		if (table[i].err == ENOMEM &&
		    (uint64_t)sysconf(_SC_PHYS_PAGES) * 4096 / 2 >
			    (256ULL << 20) * sysconf(_SC_NPROCESSORS_CONF))
			continue;
		want(table[i].what, ioctl(fd, WEFT_IOC_SETUP, &s), table[i].err);
		close(fd);
	}
}

static void longer(void)
{
	struct {
		struct weft_setup s;
		uint64_t more;
	} newer = { .s = good };
	int fd = device();

	newer.s.size = sizeof(newer);
	newer.more = 1;
	want("a longer structure with something in it", ioctl(fd, WEFT_IOC_SETUP, &newer), E2BIG);
	newer.more = 0;
	want("a longer structure with nothing in it", ioctl(fd, WEFT_IOC_SETUP, &newer), 0);
	want("SETUP twice", ioctl(fd, WEFT_IOC_SETUP, &good), EBUSY);
	close(fd);
}

static void order(void)
{
	struct weft_filter f = { .size = sizeof(f), .tgid = 1 };
	struct weft_unit_word u = { .size = sizeof(u), .tgid = 1 };
	struct weft_stat st = { .size = sizeof(st) };
	struct weft_info info = { .size = 8 };
	struct weft_notice n;
	int fd = device();

	want("INFO, a little of it", ioctl(fd, WEFT_IOC_INFO, &info), 0);
	if (info.abi_version != WEFT_ABI_VERSION || info.hooks || info.nr_cpus)
		want("INFO writes what was asked for", -1, 0);
	info.size = sizeof(info);
	want("INFO", ioctl(fd, WEFT_IOC_INFO, &info), 0);
	if (!info.hooks || !info.nr_cpus || info.size != sizeof(info) || !info.clock_mono)
		want("INFO says something", -1, 0);
	want("FILTER before SETUP", ioctl(fd, WEFT_IOC_FILTER, &f), EBUSY);
	want("UNIT before SETUP", ioctl(fd, WEFT_IOC_UNIT, &u), EBUSY);
	want("START before SETUP", ioctl(fd, WEFT_IOC_START), EBUSY);
	want("STOP before SETUP", ioctl(fd, WEFT_IOC_STOP), EBUSY);
	want("FLUSH before SETUP", ioctl(fd, WEFT_IOC_FLUSH), EBUSY);
	want("STAT before SETUP", ioctl(fd, WEFT_IOC_STAT, &st), EBUSY);
	want("mmap before SETUP",
	     mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0, EBUSY);
	want("SETUP", ioctl(fd, WEFT_IOC_SETUP, &good), 0);
	want("STOP before START", ioctl(fd, WEFT_IOC_STOP), EBUSY);
	want("read with nothing to read", read(fd, &n, sizeof(n)), EAGAIN);
	want("read of too little", read(fd, &n, sizeof(n) - 1), EINVAL);

	want("FILTER", ioctl(fd, WEFT_IOC_FILTER, &f), 0);
	f.tgid = 0;
	want("FILTER of process 0", ioctl(fd, WEFT_IOC_FILTER, &f), ESRCH);
	f.tgid = ~0u;
	want("FILTER of process -1", ioctl(fd, WEFT_IOC_FILTER, &f), ESRCH);
	f.tgid = getpid();
	want("FILTER of the recorder", ioctl(fd, WEFT_IOC_FILTER, &f), EINVAL);
	f.tgid = 1;
	f.flags = 1;
	want("FILTER with a flag", ioctl(fd, WEFT_IOC_FILTER, &f), EINVAL);
	want("UNIT", ioctl(fd, WEFT_IOC_UNIT, &u), 0);
	u.tp_offset = 4;
	want("UNIT at 4", ioctl(fd, WEFT_IOC_UNIT, &u), EINVAL);
	u.tp_offset = (1LL << 30) + 8;
	want("UNIT too far up", ioctl(fd, WEFT_IOC_UNIT, &u), EINVAL);
	u.tp_offset = INT64_MIN;
	want("UNIT too far down", ioctl(fd, WEFT_IOC_UNIT, &u), EINVAL);
	u.tp_offset = 8;
	u.flags = 2;
	want("UNIT with an unknown flag", ioctl(fd, WEFT_IOC_UNIT, &u), EINVAL);
	u.flags = 0;
	u.tgid = 2;
	want("UNIT of who is not traced", ioctl(fd, WEFT_IOC_UNIT, &u), ESRCH);
	u.tgid = 1;
	for (u.tp_offset = 0; u.tp_offset < 8 * 100; u.tp_offset += 8)
		if (ioctl(fd, WEFT_IOC_UNIT, &u))
			break;
	want("UNIT with too many offsets", u.tp_offset < 8 * 100 ? -1 : 0, ENOSPC);

	want("START", ioctl(fd, WEFT_IOC_START), 0);
	want("START twice", ioctl(fd, WEFT_IOC_START), EBUSY);
	want("SETUP while recording", ioctl(fd, WEFT_IOC_SETUP, &good), EBUSY);
	want("STAT", ioctl(fd, WEFT_IOC_STAT, &st), 0);
	want("FLUSH", ioctl(fd, WEFT_IOC_FLUSH), 0);
	want("STOP", ioctl(fd, WEFT_IOC_STOP), 0);
	want("STOP twice", ioctl(fd, WEFT_IOC_STOP), EBUSY);
	want("START again", ioctl(fd, WEFT_IOC_START), EBUSY);
	f.flags = 0;
	want("FILTER after STOP", ioctl(fd, WEFT_IOC_FILTER, &f), EBUSY);
	want("FLUSH after STOP", ioctl(fd, WEFT_IOC_FLUSH), 0);
	want("STAT after STOP", ioctl(fd, WEFT_IOC_STAT, &st), 0);

	want("an ioctl of another device", ioctl(fd, _IO('T', 1)), ENOTTY);
	want("an ioctl of tomorrow", ioctl(fd, _IO(WEFT_IOC_MAGIC, 8)), ENOTTY);
	want("INFO to nowhere", ioctl(fd, WEFT_IOC_INFO, NULL), EFAULT);
	want("STAT to nowhere", ioctl(fd, WEFT_IOC_STAT, 8), EFAULT);
	close(fd);
}

static void want_map(const char *what, int fd, size_t len, int prot, int flags, off_t offset,
		     int err)
{
	void *p = mmap(NULL, len, prot, flags, fd, offset);

	want(what, p == MAP_FAILED ? -1 : 0, err);
	if (p != MAP_FAILED)
		munmap(p, len);
}

static void maps(void)
{
	const size_t ring = 4096 + 4 * 4096;
	const int rw = PROT_READ | PROT_WRITE;
	int fd = device();
	void *p;

	want("SETUP", ioctl(fd, WEFT_IOC_SETUP, &good), 0);
	want_map("the user page", fd, 4096, rw, MAP_SHARED, WEFT_MMAP_USER(0), 0);
	want_map("the ring", fd, ring, PROT_READ, MAP_SHARED, WEFT_MMAP_CTL(0), 0);
	want_map("the ring, to be written", fd, ring, rw, MAP_SHARED, WEFT_MMAP_CTL(0), EPERM);
	want_map("the ring, to be executed", fd, ring, PROT_READ | PROT_EXEC, MAP_SHARED,
		 WEFT_MMAP_CTL(0), EINVAL);
	want_map("the ring, privately", fd, ring, PROT_READ, MAP_PRIVATE, WEFT_MMAP_CTL(0), EINVAL);
	want_map("more than the ring", fd, ring + 4096, PROT_READ, MAP_SHARED, WEFT_MMAP_CTL(0),
		 ENXIO);
	want_map("more than the user page", fd, 8192, rw, MAP_SHARED, WEFT_MMAP_USER(0), ENXIO);
	want_map("what is between", fd, 4096, PROT_READ, MAP_SHARED, 4096, EINVAL);
	want_map("the second page of a ring", fd, 4096, PROT_READ, MAP_SHARED,
		 WEFT_MMAP_CTL(0) + 4096, EINVAL);
	want_map("a CPU that can't be", fd, 4096, PROT_READ, MAP_SHARED, WEFT_MMAP_USER(100000ULL),
		 EINVAL);
	p = mmap(NULL, ring, PROT_READ, MAP_SHARED, fd, WEFT_MMAP_CTL(0));
	want("making the ring writable", mprotect(p, ring, rw), EACCES);
	want("making the ring executable", mprotect(p, ring, PROT_READ | PROT_EXEC), EACCES);
	/* The mapping outlives the descriptor. */
	close(fd);
	want("the ring's size", ((struct weft_ring_ctl *)p)->nr_subs == 4 ? 0 : -1, 0);
}

/* Random calls, more often nearly right than not. */
static void fuzz(long n)
{
	static const uint64_t odd[] = { 0,  1,	2,    3,       7,	   8,	24,
					40, 64, 4096, 1 << 20, 0x7fffffff, ~0u, ~0ull };
	const uint32_t calls[] = { WEFT_IOC_INFO,  WEFT_IOC_SETUP, WEFT_IOC_FILTER, WEFT_IOC_UNIT,
				   WEFT_IOC_START, WEFT_IOC_STOP,  WEFT_IOC_FLUSH,  WEFT_IOC_STAT };
	struct weft_ring_user *user = MAP_FAILED;
	unsigned char arg[128];
	int fd = device();
	long i;

	srandom(4711);
	for (i = 0; i < n; i++) {
		uint32_t call = calls[random() % 8];
		size_t k;

		if (random() % 200 == 0) {
			close(fd);
			if (user != MAP_FAILED)
				munmap(user, 4096);
			user = MAP_FAILED;
			fd = device();
		}
		for (k = 0; k < sizeof(arg); k++)
			arg[k] = random() % 4 ? 0 : random();
		if (random() % 2)
			memcpy(arg, &good, sizeof(good));
		if (random() % 2)
			*(uint32_t *)arg = random() % 4 ? _IOC_SIZE(call) : odd[random() % 14];
		if (random() % 2)
			memcpy(arg + random() % 10 * 8, &odd[random() % 14], 8);
		if (call == WEFT_IOC_FILTER && random() % 2)
			*(struct weft_filter *)arg =
				(struct weft_filter){ sizeof(struct weft_filter), 0,
						      random() % 2 ? 1 : getppid(), 0 };
		if (random() % 20 == 0)
			call ^= 1u << random() % 32;
		ioctl(fd, call, random() % 50 ? (void *)arg : (void *)odd[random() % 14]);
		if (user == MAP_FAILED)
			user = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (user != MAP_FAILED)
			user->tail = random() % 2 ? odd[random() % 14] :
						    (uint64_t)random() << random() % 33;
		if (read(fd, arg, random() % 128) < 0)
			poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 0);
	}
	close(fd);
}

static void hold(void)
{
	struct weft_setup s = good;
	int fd = device();

	s.flags = WEFT_SETUP_ALL;
	want("SETUP", ioctl(fd, WEFT_IOC_SETUP, &s), 0);
	want("mmap",
	     mmap(NULL, 5 * 4096, PROT_READ, MAP_SHARED, fd, WEFT_MMAP_CTL(0)) == MAP_FAILED ? -1 :
											       0,
	     0);
	want("START", ioctl(fd, WEFT_IOC_START), 0);
	if (!errors)
		puts("recording");
	fflush(stdout);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "table")) {
		setups();
		longer();
		order();
		maps();
	} else if (argc == 3 && !strcmp(argv[1], "fuzz")) {
		fuzz(atol(argv[2]));
	} else if (argc == 2 && !strcmp(argv[1], "hold")) {
		hold();
	} else {
		return 2;
	}
	return errors != 0;
}
