// SPDX-License-Identifier: GPL-2.0-only
/* The module as a backend: /dev/weft, <weft/device.h>. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "backend.h"

struct kmod {
	struct backend b;
	int fd;
	size_t user_len, ctl_len; /* of each ring's two mappings */
};

static struct kmod *kmod_of(struct backend *b)
{
	return (struct kmod *)b;
}

/* What each hook hangs on, by its bit. */
static const char *const hook_on[WEFT_HOOK_MAX] = {
	[WEFT_HOOK_sched_switch] = "tracepoint sched_switch",
	[WEFT_HOOK_sched_waking] = "tracepoint sched_waking",
	[WEFT_HOOK_sched_wakeup] = "tracepoint sched_wakeup",
	[WEFT_HOOK_sched_wakeup_new] = "tracepoint sched_wakeup_new",
	[WEFT_HOOK_sched_migrate_task] = "tracepoint sched_migrate_task",
	[WEFT_HOOK_task_newtask] = "tracepoint task_newtask",
	[WEFT_HOOK_sched_process_exec] = "tracepoint sched_process_exec",
	[WEFT_HOOK_sched_process_exit] = "tracepoint sched_process_exit",
	[WEFT_HOOK_task_rename] = "tracepoint task_rename",
	[WEFT_HOOK_signal_deliver] = "tracepoint signal_deliver",
	[WEFT_HOOK_context_switch] = "ftrace finish_task_switch",
	[WEFT_HOOK_page_fault] = "handle_mm_fault, by ftrace or kretprobe",
	[WEFT_HOOK_page_fault_entry] = "tracepoints page_fault_user and page_fault_kernel",
	[WEFT_HOOK_mmap] = "kretprobe vm_mmap_pgoff",
	[WEFT_HOOK_munmap] = "kretprobe __vm_munmap",
	[WEFT_HOOK_brk] = "kretprobe of the system call",
	[WEFT_HOOK_mprotect] = "kretprobe do_mprotect_pkey",
	[WEFT_HOOK_mremap] = "kretprobe of the system call",
	[WEFT_HOOK_madvise] = "kretprobe do_madvise",
	[WEFT_HOOK_tlb_flush] = "tracepoint tlb_flush",
	[WEFT_HOOK_unit_word] = "the thread pointer",
};

/* All ioctls but INFO speak through their error number alone. */
static int failed(char *errbuf, size_t len, const char *what, int err)
{
	snprintf(errbuf, len, "the module cannot %s: %s", what, strerror(err));
	return -err;
}

/* Opens the device and asks what it is. The descriptor, or a negative errno. */
static int open_device(struct weft_info *info, char *errbuf, size_t len)
{
	int fd = open(WEFT_DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	struct utsname uts;
	int err = errno;

	if (fd < 0 && (err == ENOENT || err == ENXIO || err == ENODEV)) {
		uname(&uts);
		snprintf(errbuf, len,
			 "the module is not loaded; as root: modprobe weft, or insmod "
			 "build/%s/weft.ko",
			 uts.release);
		return -err;
	}
	if (fd < 0 && (err == EACCES || err == EPERM)) {
		snprintf(errbuf, len,
			 "no permission to open " WEFT_DEVICE "; it takes root, or its owner "
			 "with CAP_PERFMON");
		return -err;
	}
	if (fd < 0) {
		snprintf(errbuf, len, "cannot open " WEFT_DEVICE ": %s", strerror(err));
		return -err;
	}
	*info = (struct weft_info){ .size = sizeof(*info) };
	if (ioctl(fd, WEFT_IOC_INFO, info)) {
		err = errno;
		snprintf(errbuf, len,
			 "the module does not say what it can do (%s); it may be of another "
			 "version than this tool: load the one that was built with it",
			 strerror(err));
		close(fd);
		return -err;
	}
	if (info->abi_compat > WEFT_ABI_VERSION || info->abi_version < WEFT_ABI_COMPAT) {
		snprintf(errbuf, len,
			 "the module writes events of ABI %u (compatible from %u on), this tool "
			 "reads ABI %d (from %d on); load the module that was built with it",
			 info->abi_version, info->abi_compat, WEFT_ABI_VERSION, WEFT_ABI_COMPAT);
		close(fd);
		return -EPROTO;
	}
	return fd;
}

static void fill_info(struct backend_info *out, const struct weft_info *in)
{
	int i;

	*out = (struct backend_info){
		.clocks = in->clocks,
		.tsc_khz = in->tsc_khz,
		.nr_cpus = in->nr_cpus,
	};
	for (i = 0; i < WEFT_HOOK_MAX; i++) {
		out->hooks[i].present = in->hooks >> i & 1;
		if (out->hooks[i].present)
			out->hooks[i].how = hook_on[i];
		else if (i == WEFT_HOOK_page_fault_entry && in->hooks >> WEFT_HOOK_page_fault & 1)
			out->hooks[i].why = "not needed: page_fault has more";
		else
			out->hooks[i].why =
				"this kernel has no such tracepoint, or no function that can be "
				"hooked (CONFIG_KPROBES, CONFIG_FUNCTION_TRACER)";
	}
}

static int kmod_probe(struct backend_info *out, char *errbuf, size_t len)
{
	struct weft_info info;
	int fd = open_device(&info, errbuf, len);

	if (fd < 0)
		return fd;
	close(fd);
	if (out)
		fill_info(out, &info);
	return 0;
}

static void kmod_close(struct backend *b)
{
	struct kmod *k = kmod_of(b);
	uint32_t i;

	for (i = 0; b->rings && i < b->info.nr_cpus; i++) {
		if (b->rings[i].user)
			munmap(b->rings[i].user, k->user_len);
		if (b->rings[i].ctl)
			munmap((void *)b->rings[i].ctl, k->ctl_len);
	}
	free(b->rings);
	close(k->fd);
	free(k);
}

/* An id below nr_cpus that no CPU can have has no ring: that mapping alone is refused. */
static int map_ring(struct kmod *k, uint32_t cpu, size_t page)
{
	struct backend_ring *r = &k->b.rings[cpu];
	unsigned char *ctl;
	void *user;

	r->cpu = cpu;
	user = mmap(NULL, k->user_len, PROT_READ | PROT_WRITE, MAP_SHARED, k->fd,
		    (off_t)WEFT_MMAP_USER(cpu));
	if (user == MAP_FAILED)
		return errno == EINVAL ? 0 : -errno;
	r->user = user;
	ctl = mmap(NULL, k->ctl_len, PROT_READ, MAP_SHARED, k->fd, (off_t)WEFT_MMAP_CTL(cpu));
	if (ctl == MAP_FAILED)
		return -errno;
	r->ctl = (const void *)ctl;
	r->data = ctl + page;
	return 0;
}

static int kmod_open(struct backend **out, struct weft_setup *setup, char *errbuf, size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct kmod *k = calloc(1, sizeof(*k));
	struct weft_info info;
	uint32_t cpu, mapped = 0;
	int ret;

	if (!k)
		return failed(errbuf, len, "be used", ENOMEM);
	k->b.ops = &backend_kmod;
	k->fd = open_device(&info, errbuf, len);
	if (k->fd < 0) {
		ret = k->fd;
		free(k);
		return ret;
	}
	fill_info(&k->b.info, &info);
	k->user_len = page;
	k->ctl_len = page + (size_t)setup->sub_size * setup->nr_subs;
	k->b.rings = calloc(info.nr_cpus, sizeof(*k->b.rings));
	if (!k->b.rings) {
		ret = failed(errbuf, len, "be used", ENOMEM);
		goto fail;
	}
	if (!setup->clock)
		setup->clock = info.clocks & 1u << WEFT_CLOCK_TSC ? WEFT_CLOCK_TSC :
								    WEFT_CLOCK_MONOTONIC;
	setup->size = sizeof(*setup);
	if (ioctl(k->fd, WEFT_IOC_SETUP, setup)) {
		ret = -errno;
		snprintf(errbuf, len,
			 "the module cannot set up rings of %u times %u bytes for each of %u CPUs: "
			 "%s%s",
			 setup->nr_subs, setup->sub_size, info.nr_cpus, strerror(-ret),
			 ret == -ENOMEM ? "; try a smaller --buffer-size" : "");
		goto fail;
	}
	for (cpu = 0; cpu < info.nr_cpus; cpu++) {
		ret = map_ring(k, cpu, page);
		if (ret) {
			failed(errbuf, len, "map its rings", -ret);
			goto fail;
		}
		mapped += k->b.rings[cpu].ctl != NULL;
	}
	if (!mapped) {
		ret = failed(errbuf, len, "map its rings", EINVAL);
		goto fail;
	}
	*out = &k->b;
	return 0;
fail:
	kmod_close(&k->b);
	return ret;
}

static int kmod_filter(struct backend *b, pid_t tgid, char *errbuf, size_t len)
{
	struct weft_filter f = { .size = sizeof(f), .tgid = (uint32_t)tgid };

	if (!ioctl(kmod_of(b)->fd, WEFT_IOC_FILTER, &f))
		return 0;
	snprintf(errbuf, len, "cannot trace process %d: %s", tgid, strerror(errno));
	return -errno;
}

static int kmod_unit_word(struct backend *b, pid_t tgid, bool none, int64_t tp_offset)
{
	struct weft_unit_word w = {
		.size = sizeof(w),
		.flags = none ? WEFT_UNIT_NONE : 0,
		.tgid = (uint32_t)tgid,
		.tp_offset = none ? 0 : tp_offset,
	};

	return ioctl(kmod_of(b)->fd, WEFT_IOC_UNIT, &w) ? -errno : 0;
}

static int kmod_start(struct backend *b, char *errbuf, size_t len)
{
	if (!ioctl(kmod_of(b)->fd, WEFT_IOC_START))
		return 0;
	if (errno != EBUSY)
		return failed(errbuf, len, "start", errno);
	snprintf(errbuf, len,
		 "the module cannot hook the end of switches: ftrace is off; switch it on with sysctl "
		 "kernel.ftrace_enabled=1");
	return -EBUSY;
}

static int kmod_stop(struct backend *b)
{
	return ioctl(kmod_of(b)->fd, WEFT_IOC_STOP) ? -errno : 0;
}

static int kmod_flush(struct backend *b)
{
	return ioctl(kmod_of(b)->fd, WEFT_IOC_FLUSH) ? -errno : 0;
}

static int kmod_stat(struct backend *b, struct weft_stat *st)
{
	*st = (struct weft_stat){ .size = sizeof(*st) };
	return ioctl(kmod_of(b)->fd, WEFT_IOC_STAT, st) ? -errno : 0;
}

static int kmod_pollfd(struct backend *b)
{
	return kmod_of(b)->fd;
}

static int kmod_notices(struct backend *b, struct weft_notice *buf, int max)
{
	ssize_t n = read(kmod_of(b)->fd, buf, (size_t)max * sizeof(*buf));

	return n > 0 ? (int)((size_t)n / sizeof(*buf)) : 0;
}

const struct backend_ops backend_kmod = {
	.name = "kmod",
	.probe = kmod_probe,
	.open = kmod_open,
	.filter = kmod_filter,
	.unit_word = kmod_unit_word,
	.start = kmod_start,
	.stop = kmod_stop,
	.flush = kmod_flush,
	.stat = kmod_stat,
	.pollfd = kmod_pollfd,
	.notices = kmod_notices,
	.close = kmod_close,
};
