// SPDX-License-Identifier: GPL-2.0-only
/*
 * The BPF probes (bpf/weft.bpf.c) as a backend.
 *
 * All that the probes know is in their maps, which belong to this process: when it dies, they go. The hooks
 * are attached by open and write nothing before start, so that what is said to be present then is.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "backend.h"
#include "bpf_hooks.h"
#include "pid_ns.h"
#include "weft.skel.h"

#define MAX_PROGRAMS 64
#define MAX_PASSES 64 /* of a walk, until it finds no more to do */
#define DYING_MS 100  /* for threads about to make their last switch, when the recording ends */

/* Classes of threads, as in bpf/filter.bpf.h. */
#define CLASS_PENDING 1u
#define CLASS_NO_UNITS 2u
#define CLASS_OFFSET 3u
#define NR_CLASSES 256u

/* bpf/walk.bpf.h */
enum walk_op { WALK_FILTER = 1, WALK_CLASS = 2, WALK_COUNT = 3, WALK_STOP = 4 };
#define RECORDING_STOPS 2 /* likewise, of `recording` */

/* What was said of a process before start. */
struct target {
	pid_t tgid;
	bool traced; /* by filter() */
	uint32_t class;
};

/* Notices as they come, into the array that is asked for. */
struct inbox {
	struct weft_notice *buf;
	int n, max;
};

struct probes {
	struct backend b;
	struct bpf_hooks hooks;
	char *why[WEFT_HOOK_MAX]; /* of hooks that could not be attached */
	struct weft_bpf *skel;
	struct {
		const struct bpf_program *program;
		struct bpf_link *link;
	} attached[MAX_PROGRAMS];
	int nr_attached;
	struct ring_buffer *notices;
	struct inbox inbox;
	void *ctl, *user, *data;
	size_t ctl_len, user_len, data_len;
	uint32_t nr_classes;
	struct target *targets;
	size_t nr_targets;
	bool all, started;
	uint64_t missed_before; /* by programs, before start */
};

static struct probes *probes_of(struct backend *b)
{
	return (struct probes *)b;
}

static int __attribute__((format(printf, 4, 5)))
failed(char *errbuf, size_t len, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(errbuf, len, fmt, ap);
	va_end(ap);
	return err;
}

/* CPU ids are below this. */
static uint32_t possible_cpus(void)
{
	FILE *f = fopen("/sys/devices/system/cpu/possible", "re");
	unsigned int last = 0;
	int c;

	/* "0-3,8-11": the last number is the highest */
	while (f && (c = fgetc(f)) != EOF && c != '\n') {
		if (c < '0' || c > '9')
			last = 0;
		else
			last = last * 10 + (unsigned int)(c - '0');
	}
	if (f)
		fclose(f);
	return last + 1;
}

static void fill_info(struct backend_info *info, const struct bpf_hooks *hooks)
{
	*info = (struct backend_info){
		.clocks = 1u << WEFT_CLOCK_MONOTONIC,
		.nr_cpus = possible_cpus(),
	};
	memcpy(info->hooks, hooks->hook, sizeof(info->hooks));
}

static int bpf_probe(struct backend_info *info, char *errbuf, size_t len)
{
	struct bpf_hooks hooks;
	int ret = bpf_hooks_find(&hooks, errbuf, len);

	if (!ret && info)
		fill_info(info, &hooks);
	return ret;
}

static bool wanted(const struct bpf_way *w, uint32_t groups)
{
	return w && (!w->groups || w->groups & groups);
}

static struct bpf_program *program(const struct probes *p, const char *name)
{
	return bpf_object__find_program_by_name(p->skel->obj, name);
}

/* Chooses the programs and sets the read-only configuration and the maps' sizes. */
static int configure(struct probes *p, const struct weft_setup *setup)
{
	const struct weft_bpf *s = p->skel;
	struct weft_bpf__rodata *c = s->rodata;
	uint32_t nr_cpus = p->b.info.nr_cpus;
	struct bpf_program *prog;
	int i, j, err;

	bpf_object__for_each_program(prog, s->obj)
		bpf_program__set_autoload(prog, prog == s->progs.walk || prog == s->progs.flush ||
							prog == s->progs.identify);
	for (i = 0; i < WEFT_HOOK_MAX; i++) {
		const struct bpf_way *w = p->hooks.way[i];

		if (!wanted(w, setup->groups))
			continue;
		if (w->kind == BPF_WAY_SYSCALL)
			c->cfg_syscalls |= 1u << (i - WEFT_HOOK_mmap);
		for (j = 0; j < 2 && w->programs[j]; j++)
			bpf_program__set_autoload(program(p, w->programs[j]), true);
	}
	c->cfg_sub_size = setup->sub_size;
	c->cfg_sub_shift = (uint32_t)__builtin_ctz(setup->sub_size);
	c->cfg_nr_subs = setup->nr_subs;
	c->cfg_groups = setup->groups | WEFT_GROUP_META | WEFT_GROUP_TASK;
	c->cfg_all = setup->flags & WEFT_SETUP_ALL ? 1 : 0;
	c->cfg_pid_ns = pid_ns_own() == PID_NS_INITIAL ? 0 : pid_ns_own();
	c->cfg_count_from_rq = p->hooks.count_from_rq;
	memcpy((void *)c->cfg_uuid, setup->uuid, sizeof(setup->uuid));

	err = bpf_map__set_max_entries(s->maps.ring_ctl, nr_cpus);
	err = err ?: bpf_map__set_max_entries(s->maps.ring_user, nr_cpus);
	err = err ?: bpf_map__set_max_entries(s->maps.switching, nr_cpus);
	err = err ?: bpf_map__set_max_entries(s->maps.ring_data, nr_cpus * setup->nr_subs);
	err = err ?: bpf_map__set_value_size(s->maps.ring_data, setup->sub_size);
	return err;
}

static void *map_array(const struct bpf_map *map, size_t *len, int prot)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *mem;

	*len = (size_t)bpf_map__value_size(map) * bpf_map__max_entries(map);
	*len = (*len + page - 1) / page * page;
	mem = mmap(NULL, *len, prot, MAP_SHARED, bpf_map__fd(map), 0);
	return mem == MAP_FAILED ? NULL : mem;
}

static int map_rings(struct probes *p, const struct weft_setup *setup)
{
	size_t ring_size = (size_t)setup->sub_size * setup->nr_subs;
	struct weft_bpf *s = p->skel;
	struct weft_ring_ctl first = {
		.size = sizeof(first),
		.sub_size = setup->sub_size,
		.nr_subs = setup->nr_subs,
	};
	uint32_t user_stride = bpf_map__value_size(s->maps.ring_user), cpu;
	int err;

	p->b.rings = calloc(p->b.info.nr_cpus, sizeof(*p->b.rings));
	if (!p->b.rings)
		return -ENOMEM;
	p->ctl = map_array(s->maps.ring_ctl, &p->ctl_len, PROT_READ);
	p->user = p->ctl ? map_array(s->maps.ring_user, &p->user_len, PROT_READ | PROT_WRITE) :
			   NULL;
	p->data = p->user ? map_array(s->maps.ring_data, &p->data_len, PROT_READ) : NULL;
	if (!p->data)
		return -errno;
	for (cpu = 0; cpu < p->b.info.nr_cpus; cpu++) {
		first.cpu = cpu;
		err = bpf_map__update_elem(s->maps.ring_ctl, &cpu, sizeof(cpu), &first,
					   sizeof(first), 0);
		if (err)
			return err;
		p->b.rings[cpu] = (struct backend_ring){
			.ctl = (const struct weft_ring_ctl *)p->ctl + cpu,
			.user = (void *)((char *)p->user + (size_t)cpu * user_stride),
			.data = (const unsigned char *)p->data + cpu * ring_size,
			.cpu = cpu,
		};
	}
	return 0;
}

/* Attaches a program, unless another hook has done that already. */
static int attach_program(struct probes *p, const struct bpf_way *w, const char *name)
{
	const struct bpf_program *prog = program(p, name);
	struct bpf_link *link;
	int i;

	for (i = 0; i < p->nr_attached; i++)
		if (p->attached[i].program == prog)
			return 0;
	if (w->kind == BPF_WAY_KPROBE)
		link = bpf_program__attach_kprobe(prog, false, p->hooks.switch_symbol);
	else
		link = bpf_program__attach(prog);
	if (!link)
		return -errno;
	p->attached[p->nr_attached].program = prog;
	p->attached[p->nr_attached++].link = link;
	return 0;
}

/* A hook that everything hangs on must be had; any other becomes a missing one. */
static int attach_all(struct probes *p, uint32_t groups, char *errbuf, size_t len)
{
	int i, j, err;

	for (i = 0; i < WEFT_HOOK_MAX; i++) {
		const struct bpf_way *w = p->hooks.way[i];

		if (!wanted(w, groups))
			continue;
		for (j = 0, err = 0; j < 2 && w->programs[j] && !err; j++)
			err = attach_program(p, w, w->programs[j]);
		if (!err)
			continue;
		if (!w->groups)
			return failed(errbuf, len, err, "cannot attach a BPF program to %s: %s",
				      w->how, strerror(-err));
		if (asprintf(&p->why[i], "cannot be attached to %s: %s", w->how, strerror(-err)) <
		    0)
			p->why[i] = NULL;
		p->b.info.hooks[i] = (struct backend_hook){ .why = p->why[i] };
	}
	return 0;
}

static void detach_all(struct probes *p)
{
	while (p->nr_attached)
		bpf_link__destroy(p->attached[--p->nr_attached].link);
}

static void bpf_close(struct backend *b)
{
	struct probes *p = probes_of(b);
	int i;

	detach_all(p);
	ring_buffer__free(p->notices);
	if (p->ctl)
		munmap(p->ctl, p->ctl_len);
	if (p->user)
		munmap(p->user, p->user_len);
	if (p->data)
		munmap(p->data, p->data_len);
	weft_bpf__destroy(p->skel);
	for (i = 0; i < WEFT_HOOK_MAX; i++)
		free(p->why[i]);
	free(p->targets);
	free(b->rings);
	free(p);
}

static int take_notice(void *ctx, void *data, size_t size)
{
	struct inbox *in = ctx;

	if (size < sizeof(*in->buf))
		return 0;
	memcpy(&in->buf[in->n++], data, sizeof(*in->buf));
	/* A negative value ends the round; this notice has been taken. */
	return in->n == in->max ? -ENOSPC : 0;
}

static int check_setup(struct weft_setup *setup, char *errbuf, size_t len)
{
	uint32_t sub = setup->sub_size, nr = setup->nr_subs;

	if (!setup->clock)
		setup->clock = WEFT_CLOCK_MONOTONIC;
	if (setup->flags & WEFT_SETUP_ALL && pid_ns_own() != PID_NS_INITIAL)
		return failed(errbuf, len, -EINVAL,
			      "BPF iterators find the threads of this PID namespace only, not all; "
			      "record everything from the initial namespace, or with the module");
	if (setup->clock != WEFT_CLOCK_MONOTONIC)
		return failed(errbuf, len, -EINVAL,
			      "BPF programs can read CLOCK_MONOTONIC only; "
			      "use that clock, or the module");
	if (sub & (sub - 1) || sub < WEFT_RING_MIN_SUB_SIZE || sub > WEFT_RING_MAX_SUB_SIZE ||
	    nr & (nr - 1) || nr < WEFT_RING_MIN_SUBS || nr > WEFT_RING_MAX_SUBS)
		return failed(errbuf, len, -EINVAL,
			      "rings of %u times %u bytes can't be had: powers of two, "
			      "%u to %u times %u to %u",
			      nr, sub, WEFT_RING_MIN_SUBS, WEFT_RING_MAX_SUBS,
			      WEFT_RING_MIN_SUB_SIZE, WEFT_RING_MAX_SUB_SIZE);
	return 0;
}

static int bpf_open(struct backend **out, struct weft_setup *setup, char *errbuf, size_t len)
{
	LIBBPF_OPTS(bpf_test_run_opts, no_opts);
	struct probes *p = calloc(1, sizeof(*p));
	int ret;

	if (!p)
		return failed(errbuf, len, -ENOMEM, "out of memory");
	p->b.ops = &backend_bpf;
	p->all = setup->flags & WEFT_SETUP_ALL;
	p->nr_classes = CLASS_OFFSET;
	ret = check_setup(setup, errbuf, len);
	if (!ret)
		ret = bpf_hooks_find(&p->hooks, errbuf, len);
	if (ret)
		goto fail;
	fill_info(&p->b.info, &p->hooks);
	bpf_hush();
	p->skel = weft_bpf__open();
	ret = p->skel ? configure(p, setup) : -errno;
	if (!ret)
		ret = weft_bpf__load(p->skel);
	if (ret) {
		failed(errbuf, len, ret, "cannot load the BPF probes: %s (%s)%s", strerror(-ret),
		       bpf_complaint(),
		       ret == -ENOMEM || ret == -E2BIG ? "; try a smaller --buffer-size" : "");
		goto fail;
	}
	ret = map_rings(p, setup);
	if (ret) {
		failed(errbuf, len, ret, "cannot map the BPF rings: %s", strerror(-ret));
		goto fail;
	}
	p->notices =
		ring_buffer__new(bpf_map__fd(p->skel->maps.notices), take_notice, &p->inbox, NULL);
	if (!p->notices) {
		ret = failed(errbuf, len, -errno, "cannot map the BPF notices: %s",
			     strerror(errno));
		goto fail;
	}
	ret = bpf_prog_test_run_opts(bpf_program__fd(p->skel->progs.identify), &no_opts);
	if (ret)
		failed(errbuf, len, ret, "cannot run a BPF program: %s", strerror(-ret));
	else
		ret = attach_all(p, setup->groups, errbuf, len);
	if (ret)
		goto fail;
	*out = &p->b;
	return 0;
fail:
	bpf_close(&p->b);
	return ret;
}

/* Lets the kernel pass over all threads, or those of one process; how many it found to act on. */
static int walk(struct probes *p, enum walk_op op, uint32_t class, pid_t tgid)
{
	union bpf_iter_link_info info = { .task.pid = (__u32)tgid };
	LIBBPF_OPTS(bpf_iter_attach_opts, opts);
	struct bpf_link *link;
	char none[64];
	ssize_t n;
	int fd, ret;

	if (tgid) {
		opts.link_info = &info;
		opts.link_info_len = sizeof(info);
	}
	p->skel->bss->walk_op = op;
	p->skel->bss->walk_class = class;
	p->skel->bss->walk_found = 0;
	link = bpf_program__attach_iter(p->skel->progs.walk, &opts);
	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	ret = fd < 0 ? -errno : 0;
	if (!ret) {
		/* The program writes nothing here; EAGAIN: there are more threads than one read passes. */
		do
			n = read(fd, none, sizeof(none));
		while (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)));
		ret = n < 0 ? -errno : (int)p->skel->bss->walk_found;
		close(fd);
	}
	bpf_link__destroy(link);
	return ret;
}

/*
 * Passes until one finds nothing to change: a thread that is changed may have made another just before, which
 * inherited the old state and which the pass was beyond.
 */
static int walk_all(struct probes *p, enum walk_op op, uint32_t class, pid_t tgid)
{
	int pass, ret = 0;

	for (pass = 0; pass < MAX_PASSES; pass++) {
		ret = walk(p, op, class, tgid);
		if (ret <= 0)
			break;
	}
	return ret < 0 ? ret : 0;
}

/* What is known of process tgid before start; NULL: out of memory. */
static struct target *target_of(struct probes *p, pid_t tgid)
{
	struct target *t;
	size_t i;

	for (i = 0; i < p->nr_targets; i++)
		if (p->targets[i].tgid == tgid)
			return &p->targets[i];
	t = realloc(p->targets, (p->nr_targets + 1) * sizeof(*t));
	if (!t)
		return NULL;
	p->targets = t;
	t += p->nr_targets++;
	*t = (struct target){ .tgid = tgid, .class = CLASS_PENDING };
	return t;
}

static int bpf_filter(struct backend *b, pid_t tgid, char *errbuf, size_t len)
{
	struct probes *p = probes_of(b);
	struct target *t;
	int ret;

	if (tgid == getpid())
		return failed(errbuf, len, -EINVAL, "cannot trace process %d: it is the recorder",
			      tgid);
	if (tgid <= 0 || (kill(tgid, 0) && errno == ESRCH))
		return failed(errbuf, len, -ESRCH, "cannot trace process %d: there is none", tgid);
	if (p->started) {
		ret = walk_all(p, WALK_FILTER, CLASS_PENDING, tgid);
		return ret ? failed(errbuf, len, ret, "cannot trace process %d: %s", tgid,
				    strerror(-ret)) :
			     0;
	}
	t = target_of(p, tgid);
	if (!t)
		return failed(errbuf, len, -ENOMEM, "out of memory");
	t->traced = true;
	return 0;
}

/* The class of threads whose word is there. */
static int class_of_offset(struct probes *p, int64_t tp_offset)
{
	long long *known = p->skel->data_on->tp_offset;
	uint32_t c;

	for (c = CLASS_OFFSET; c < p->nr_classes; c++)
		if (known[c] == tp_offset)
			return (int)c;
	if (c == NR_CLASSES)
		return -ENOSPC;
	known[c] = tp_offset;
	p->nr_classes++;
	return (int)c;
}

static int bpf_unit_word(struct backend *b, pid_t tgid, bool none, int64_t tp_offset)
{
	struct probes *p = probes_of(b);
	struct target *t;
	int class;

	if (!none && (tp_offset % 8 || tp_offset > 1LL << 30 || tp_offset < -(1LL << 30)))
		return -EINVAL;
	class = none ? (int)CLASS_NO_UNITS : class_of_offset(p, tp_offset);
	if (class < 0)
		return class;
	if (p->started)
		return walk_all(p, WALK_CLASS, (uint32_t) class, tgid);
	t = target_of(p, tgid);
	if (!t)
		return -ENOMEM;
	t->class = (uint32_t) class;
	return 0;
}

/* Programs that did not run because they would have interrupted themselves. */
static uint64_t missed(const struct probes *p)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < p->nr_attached; i++) {
		const struct bpf_program *prog = p->attached[i].program;
		struct bpf_prog_info info = { 0 };
		__u32 len = sizeof(info);

		/* Its own read of an absent unit word is what interrupts this one. */
		if (prog == p->skel->progs.page_fault_kernel)
			continue;
		if (!bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len))
			sum += info.recursion_misses;
	}
	return sum;
}

static int bpf_start(struct backend *b, char *errbuf, size_t len)
{
	struct probes *p = probes_of(b);
	int ret = 0;
	size_t i;

	p->missed_before = missed(p);
	p->started = true;
	__atomic_store_n(&p->skel->data_on->recording, 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < p->nr_targets && !ret; i++)
		if (p->targets[i].traced)
			ret = walk_all(p, WALK_FILTER, p->targets[i].class, p->targets[i].tgid);
	if (!ret && p->all)
		ret = walk_all(p, WALK_FILTER, CLASS_PENDING, 0);
	for (i = 0; i < p->nr_targets && !ret; i++)
		if (p->targets[i].class != CLASS_PENDING)
			ret = walk_all(p, WALK_CLASS, p->targets[i].class, p->targets[i].tgid);
	return ret ? failed(errbuf, len, ret,
			    "cannot look through the threads with a BPF iterator: %s",
			    strerror(-ret)) :
		     0;
}

/*
 * Returns when every program that was running has ended. An update of a map of maps promises just that to
 * user space (maybe_wait_bpf_programs() in the kernel: a grace period of RCU, inside which all of ours run).
 */
static int wait_for_programs(const struct probes *p)
{
	int inner = bpf_map__fd(p->skel->maps.switching), fd, ret;
	LIBBPF_OPTS(bpf_map_create_opts, opts, .inner_map_fd = (__u32)inner);
	__u32 zero = 0;

	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, NULL, sizeof(zero), sizeof(zero), 1, &opts);
	if (fd < 0)
		return fd;
	ret = bpf_map_update_elem(fd, &zero, &inner, 0);
	close(fd);
	return ret;
}

/*
 * A process may have been waited for, and its end be known, while its thread is still on its way to its last
 * switch, which closes its books. Such threads are in the filter but are no more to be found.
 */
static void wait_for_dying(struct probes *p)
{
	int turn;

	for (turn = 0; turn < DYING_MS; turn++) {
		uint64_t in = __atomic_load_n(&p->skel->bss->nr_threads, __ATOMIC_RELAXED);
		int alive = in ? walk(p, WALK_COUNT, 0, 0) : 0;

		if (alive < 0 || (uint64_t)alive >= in)
			break;
		usleep(1000);
	}
}

static int bpf_stop(struct backend *b)
{
	struct probes *p = probes_of(b);
	uint32_t *recording = &p->skel->data_on->recording;
	int ret, wait;

	wait_for_dying(p);
	__atomic_store_n(recording, RECORDING_STOPS, __ATOMIC_SEQ_CST);
	wait = wait_for_programs(p);
	ret = walk(p, WALK_STOP, 0, 0);
	/* A switch is counted before its program runs: what is in the books shall be in the ring. */
	if (!wait)
		wait = wait_for_programs(p);
	__atomic_store_n(recording, 0, __ATOMIC_SEQ_CST);
	if (!wait)
		wait = wait_for_programs(p);
	return ret < 0 ? ret : wait;
}

static int bpf_flush(struct backend *b)
{
	struct probes *p = probes_of(b);
	int fd = bpf_program__fd(p->skel->progs.flush), ret = 0, err;
	uint32_t i;

	for (i = 0; i < b->info.nr_cpus; i++) {
		const struct weft_ring_ctl *ctl = b->rings[i].ctl;
		__u64 cpu = i;
		LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &cpu, .ctx_size_in = sizeof(cpu));

		if (!(__atomic_load_n(&ctl->head, __ATOMIC_RELAXED) & (ctl->sub_size - 1)) &&
		    __atomic_load_n(&ctl->lost, __ATOMIC_RELAXED) ==
			    __atomic_load_n(&ctl->lost_told, __ATOMIC_RELAXED))
			continue;
		err = bpf_prog_test_run_opts(fd, &opts);
		if (err && !ret)
			ret = err;
	}
	return ret;
}

static int bpf_stat(struct backend *b, struct weft_stat *st)
{
	struct probes *p = probes_of(b);
	uint32_t i;

	*st = (struct weft_stat){
		.size = sizeof(*st),
		.missed = missed(p) - p->missed_before + p->skel->bss->nr_untold,
		.threads = p->skel->bss->nr_threads,
	};
	for (i = 0; i < b->info.nr_cpus; i++) {
		st->events += __atomic_load_n(&b->rings[i].ctl->events, __ATOMIC_RELAXED);
		st->lost += __atomic_load_n(&b->rings[i].ctl->lost, __ATOMIC_RELAXED);
	}
	return 0;
}

static int bpf_pollfd(struct backend *b)
{
	return bpf_map__fd(probes_of(b)->skel->maps.notices);
}

static int bpf_notices(struct backend *b, struct weft_notice *buf, int max)
{
	struct probes *p = probes_of(b);

	if (max <= 0)
		return 0;
	/* From now on a complete sub-buffer is told again; before looking, so that none is missed. */
	__atomic_store_n(&p->skel->bss->data_notice_out, 0, __ATOMIC_SEQ_CST);
	p->inbox = (struct inbox){ .buf = buf, .max = max };
	ring_buffer__consume(p->notices);
	return p->inbox.n;
}

const struct backend_ops backend_bpf = {
	.name = "bpf",
	.probe = bpf_probe,
	.open = bpf_open,
	.filter = bpf_filter,
	.unit_word = bpf_unit_word,
	.start = bpf_start,
	.stop = bpf_stop,
	.flush = bpf_flush,
	.stat = bpf_stat,
	.pollfd = bpf_pollfd,
	.notices = bpf_notices,
	.close = bpf_close,
};
