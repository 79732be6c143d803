// SPDX-License-Identifier: GPL-2.0-only
/*
 * A reader of /dev/weft that knows nothing but the headers. It records a command and holds what comes out
 * of the rings against what they promise: well-formed packets, time that never goes back, every id
 * described, losses told, and the kernel's books of every thread equal to its events.
 *
 *	kmod_reader [OPTION]... COMMAND [ARGUMENT]...
 *	-a		everything, not only the command
 *	-c tsc|mono	clock (tsc)
 *	-g GROUPS	bits of WEFT_GROUP_* (all)
 *	-s, -n NUMBER	bytes of a sub-buffer (65536), sub-buffers of a ring (16)
 *	-z		sleep until the command has ended: there must be losses
 *	-l		start first, filter the command while it runs, and kill it in the end
 *	-u OFFSET	the unit word's, told at once and after each exec; "none"
 *	-w UNIT		the switches of threads in a system call carry it, or 0, or unknown; mostly it
 * Prints counts, one "name number" a line, and what is wrong in lines that begin with BAD.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
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
#define bad(...)                                                                                   \
	do {                                                                                       \
		if (errors++ < 20) {                                                               \
			printf("BAD: " __VA_ARGS__);                                               \
			putchar('\n');                                                             \
		}                                                                                  \
	} while (0)

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* ---- what was recorded, all of it kept */

struct packet {
	const unsigned char *data;
	unsigned int cpu;
	struct packet *next;
};

struct ring {
	const struct weft_ring_ctl *ctl;
	struct weft_ring_user *user;
	const unsigned char *data;
	__u64 tail, packets, last_end, told;
	struct packet *first, **end;
};

static int fd;
static unsigned int nr_cpus;
static struct ring *rings;
static uint32_t sub_size = 65536, nr_subs = 16;

static void ring_map(struct ring *r, unsigned int cpu)
{
	size_t page = sysconf(_SC_PAGESIZE), size = page + (size_t)sub_size * nr_subs;
	void *p;

	r->user = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, WEFT_MMAP_USER(cpu));
	if (r->user == MAP_FAILED)
		die("mmap of a user page");
	p = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, WEFT_MMAP_CTL(cpu));
	if (p == MAP_FAILED)
		die("mmap of a ring");
	r->ctl = p;
	r->data = (unsigned char *)p + page;
	r->end = &r->first;
	if (r->ctl->cpu != cpu || r->ctl->sub_size != sub_size || r->ctl->nr_subs != nr_subs)
		bad("cpu %u: the control page says other sizes", cpu);
}

static bool drain_ring(struct ring *r, unsigned int cpu)
{
	bool any = false;

	for (;;) {
		__u64 sub = r->tail / sub_size;
		const __u64 *commit = &r->ctl->commit[sub % nr_subs];
		struct packet *p;
		unsigned char *copy;

		if (__atomic_load_n(commit, __ATOMIC_ACQUIRE) != (sub / nr_subs + 1) * sub_size)
			return any;
		p = calloc(1, sizeof(*p));
		copy = malloc(sub_size);
		if (!p || !copy)
			die("memory");
		memcpy(copy, r->data + sub % nr_subs * sub_size, sub_size);
		p->data = copy;
		p->cpu = cpu;
		*r->end = p;
		r->end = &p->next;
		r->tail += sub_size;
		__atomic_store_n(&r->user->tail, r->tail, __ATOMIC_RELEASE);
		any = true;
	}
}

static bool drain(void)
{
	bool any = false;
	unsigned int i;

	for (i = 0; i < nr_cpus; i++)
		if (rings[i].ctl && drain_ring(&rings[i], i))
			any = true;
	return any;
}

/* ---- what was said in it, merged by time */

static const char *const names[WEFT_EV_MAX] = {
#define WEFT_X(id, name, group) [id] = #name,
	WEFT_EVENTS(WEFT_X)
#undef WEFT_X
};
static const uint32_t sizes[WEFT_EV_MAX] = {
#define WEFT_X(id, name, group) [id] = sizeof(struct weft_ev_##name),
	WEFT_EVENTS(WEFT_X)
#undef WEFT_X
};
static __u64 counts[WEFT_EV_MAX];
static const struct weft_event **events;
static size_t nr_events, max_events;
static __u64 lost_told;

static void add_event(const struct weft_event *e)
{
	if (nr_events == max_events) {
		max_events = max_events ? 2 * max_events : 65536;
		events = realloc(events, max_events * sizeof(*events));
		if (!events)
			die("memory");
	}
	events[nr_events++] = e;
	counts[e->id]++;
}

static void parse_packet(struct ring *r, const struct packet *pk)
{
	const struct weft_packet *h = (const void *)pk->data;
	__u64 content = h->content_size / 8, pos = sizeof(*h), last = h->timestamp_begin;
	unsigned int cpu = pk->cpu;
	bool first = true;

	if (h->magic != WEFT_CTF_MAGIC || h->uuid[0] != 0xaa || h->uuid[15] != 0xbb)
		bad("cpu %u packet %llu: no packet header", cpu, r->packets);
	if (h->stream_id != WEFT_STREAM_KERNEL || h->cpu_id != cpu || h->pad)
		bad("cpu %u packet %llu: stream %u, cpu %u", cpu, r->packets, h->stream_id,
		    h->cpu_id);
	if (h->packet_seq_num != r->packets)
		bad("cpu %u: packet %llu where %llu was due", cpu, h->packet_seq_num, r->packets);
	if (h->timestamp_begin < r->last_end || h->timestamp_end < h->timestamp_begin)
		bad("cpu %u packet %llu: overlaps", cpu, r->packets);
	if (h->content_size % 64 || content > sub_size || h->packet_size / 8 > sub_size ||
	    h->packet_size / 8 < content || h->packet_size / 8 % WEFT_PACKET_ALIGN ||
	    content + 8 * (h->packet_size / 8 != sub_size) < sizeof(*h) + 24)
		bad("cpu %u packet %llu: sizes %llu, %llu", cpu, r->packets, content,
		    h->packet_size / 8);
	if (h->events_discarded != r->told) {
		const struct weft_ev_lost *l = (const void *)(pk->data + pos);

		if (l->h.id != WEFT_EV_lost || l->count != h->events_discarded - r->told)
			bad("cpu %u packet %llu: losses without a record", cpu, r->packets);
	}
	while (pos < content && content <= sub_size) {
		const struct weft_event *e = (const void *)(pk->data + pos);

		if (!e->id || e->id >= WEFT_EV_MAX || pos + sizes[e->id] > content) {
			bad("cpu %u packet %llu: no record at %llu", cpu, r->packets, pos);
			break;
		}
		if (e->time < last || e->time > h->timestamp_end)
			bad("cpu %u packet %llu: %s at %llu, time %llu after %llu, end %llu", cpu,
			    r->packets, names[e->id], pos, e->time, last, h->timestamp_end);
		last = e->time;
		if (e->id == WEFT_EV_lost) {
			const struct weft_ev_lost *l = (const void *)e;

			if (!first || !l->count || l->first > l->last || l->last > e->time)
				bad("cpu %u packet %llu: lost record out of place", cpu,
				    r->packets);
			r->told += l->count;
			lost_told += l->count;
		}
		add_event(e);
		pos += sizes[e->id];
		first = false;
	}
	for (; pos < h->packet_size / 8 && content <= sub_size; pos++)
		if (pk->data[pos]) {
			bad("cpu %u packet %llu: padding is not zero", cpu, r->packets);
			break;
		}
	r->last_end = h->timestamp_end;
	r->packets++;
}

static int by_time(const void *a, const void *b)
{
	const struct weft_event *x = *(const struct weft_event *const *)a;
	const struct weft_event *y = *(const struct weft_event *const *)b;

	return x->time < y->time ? -1 : x->time > y->time;
}

/* ---- every thread's events against its books */

struct thread {
	bool named;
	bool traced;   /* ever */
	bool excluded; /* was in, until it became a recorder */
	bool counted;  /* its books are known from `base` on */
	bool followed; /* its switches must be consecutive, once one is known */
	bool execs;    /* two threads share this id, around an exec by another than the leader */
	uint32_t nswitch, faults;		    /* as last heard of */
	__u64 voluntary, involuntary, minor, major; /* recorded since base */
	struct weft_ev_thread_stat base;
};

#define MAX_TID (4 << 20)
static struct thread *threads;
static uint32_t groups = WEFT_GROUP_ALL;
static __u64 stop_time; /* just before STOP, ticks */
static __u64 exits, stops, excluded, unit_right, unit_wrong, want_unit;
static bool check_unit;

static void begin(uint32_t tid, const struct weft_ev_thread_stat *st)
{
	struct thread *t = &threads[tid];

	*t = (struct thread){
		.named = true, .traced = true, .counted = !t->execs, .execs = t->execs
	};
	if (st) {
		t->base = *st;
		t->nswitch = st->nvcsw + st->nivcsw;
		t->faults = st->min_flt + st->maj_flt;
	}
}

static void check_books(const struct weft_ev_thread_stat *st)
{
	struct thread *t = &threads[st->h.tid];

	if (t->followed && t->nswitch && (uint32_t)(st->nvcsw + st->nivcsw) != t->nswitch)
		bad("thread %u: last switch %u, books %llu", st->h.tid, t->nswitch,
		    st->nvcsw + st->nivcsw);
	if (!t->counted)
		return;
	if (groups & WEFT_GROUP_SCHED && (st->nvcsw - t->base.nvcsw != t->voluntary ||
					  st->nivcsw - t->base.nivcsw != t->involuntary))
		bad("thread %u: books %llu + %llu switches, recorded %llu + %llu", st->h.tid,
		    st->nvcsw - t->base.nvcsw, st->nivcsw - t->base.nivcsw, t->voluntary,
		    t->involuntary);
	if (groups & WEFT_GROUP_FAULT && (st->min_flt - t->base.min_flt != t->minor ||
					  st->maj_flt - t->base.maj_flt != t->major))
		bad("thread %u: books %llu + %llu faults, recorded %llu + %llu", st->h.tid,
		    st->min_flt - t->base.min_flt, st->maj_flt - t->base.maj_flt, t->minor,
		    t->major);
}

static void on_switch(const struct weft_ev_sched_switch *e)
{
	struct thread *t = &threads[e->h.tid];

	if (!t->counted && !t->followed)
		return;
	if (t->followed && !t->nswitch)
		t->nswitch = e->nswitch - 1;
	if ((int32_t)(e->nswitch - t->nswitch) <= 0)
		return; /* in the books that it began with */
	if (e->nswitch != t->nswitch + 1)
		bad("thread %u: switch %u after %u", e->h.tid, e->nswitch, t->nswitch);
	t->nswitch = e->nswitch;
	if (!(e->flags & WEFT_SWITCH_PREEMPT) && e->state)
		t->voluntary++;
	else
		t->involuntary++;
	if (t->counted && e->nvcsw != (__u8)(t->base.nvcsw + t->voluntary))
		bad("thread %u: switch %u is of the other kind", e->h.tid, e->nswitch);
	if (check_unit && e->syscall >= 0 && !(e->flags & WEFT_SWITCH_KTHREAD)) {
		if (e->h.unit == want_unit)
			unit_right++;
		else
			unit_wrong++;
		if (e->h.unit != want_unit && e->h.unit && e->h.unit != WEFT_UNKNOWN)
			bad("thread %u: unit %llu", e->h.tid, e->h.unit);
	}
}

static void on_fault(const struct weft_ev_page_fault *e)
{
	struct thread *t = &threads[e->h.tid];

	if (!t->counted || e->flags & (WEFT_FAULT_RETRY | WEFT_FAULT_ERROR))
		return;
	if ((int32_t)(e->counts - t->faults) <= 0)
		return;
	if (e->counts != t->faults + 1)
		bad("thread %u: fault %u after %u", e->h.tid, e->counts, t->faults);
	t->faults = e->counts;
	if (e->flags & WEFT_FAULT_MAJOR)
		t->major++;
	else
		t->minor++;
}

static void resolve(uint32_t tid, const char *what)
{
	if (tid && (tid >= MAX_TID || !threads[tid].named))
		bad("nobody says who the %s %u is", what, tid);
}

/* What only a thread in the filter has, and a recorder never. */
static bool is_own_doing(uint32_t id)
{
	return id == WEFT_EV_page_fault ||
	       (id >= WEFT_EV_task_newtask && id <= WEFT_EV_sched_process_exit) ||
	       (id >= WEFT_EV_mmap && id <= WEFT_EV_tlb_flush);
}

static void check_filter(const struct weft_event *e)
{
	const struct weft_ev_sched_switch *sw = (const void *)e;
	const struct weft_ev_sched_waking *wake = (const void *)e;

	if (is_own_doing(e->id) && (e->tid == (uint32_t)getpid() || threads[e->tid].excluded))
		bad("%s of %u, who records", names[e->id], e->tid);
	if (is_own_doing(e->id) && !threads[e->tid].traced)
		bad("%s of %u, who is not traced", names[e->id], e->tid);
	if (e->id == WEFT_EV_sched_switch && !threads[e->tid].traced &&
	    !threads[sw->next_tid].traced)
		bad("switch from %u to %u, who are not traced", e->tid, sw->next_tid);
	if (e->id == WEFT_EV_sched_waking && !threads[wake->target].traced &&
	    (wake->flags & WEFT_WAKE_IRQ || !threads[e->tid].traced))
		bad("wake-up of %u by %u, who are not traced", wake->target, e->tid);
}

static void check_events(bool complete)
{
	size_t i;

	/* Who is described anywhere is known: an outsider may be described right after the record. */
	for (i = 0; i < nr_events; i++) {
		const struct weft_event *e = events[i];

		if (e->id == WEFT_EV_thread) {
			threads[e->tid].named = true;
			if (((const struct weft_ev_thread *)e)->flags & WEFT_THREAD_TRACED)
				threads[e->tid].traced = true;
		}
		if (e->id == WEFT_EV_task_newtask) {
			uint32_t tid = ((const struct weft_ev_task_newtask *)e)->child_tid;

			threads[tid].named = threads[tid].traced = true;
		}
		if (e->id == WEFT_EV_sched_process_exec) {
			uint32_t old_tid = ((const struct weft_ev_sched_process_exec *)e)->old_tid;

			if (old_tid != e->tid)
				threads[e->tid].execs = threads[old_tid].execs = true;
		}
	}
	for (i = 0; i < nr_events && complete; i++) {
		const struct weft_event *e = events[i];
		const struct weft_ev_thread_stat *st = (const void *)e;
		struct thread *t = &threads[e->tid];

		resolve(e->tid, names[e->id]);
		check_filter(e);
		switch (e->id) {
		case WEFT_EV_task_newtask:
			begin(((const struct weft_ev_task_newtask *)e)->child_tid, NULL);
			break;
		case WEFT_EV_thread_stat:
			if (st->when == WEFT_STAT_START &&
			    !(t->counted && st->nvcsw + st->nivcsw == 0))
				begin(e->tid, st);
			if (st->when == WEFT_STAT_EXIT) {
				check_books(st);
				t->counted = t->followed = false;
				exits++;
			}
			if (st->when == WEFT_STAT_STOP) {
				stops++;
				if (e->time < stop_time) {
					check_books(st);
					t->excluded = true;
					t->counted = false;
					excluded++;
				}
			}
			break;
		case WEFT_EV_sched_process_exec:
			/* From here on the id is one thread's alone again. */
			if (((const struct weft_ev_sched_process_exec *)e)->old_tid != e->tid) {
				t->followed = true;
				t->nswitch = 0;
			}
			break;
		case WEFT_EV_sched_switch:
			resolve(((const struct weft_ev_sched_switch *)e)->next_tid, "next thread");
			on_switch((const void *)e);
			break;
		case WEFT_EV_sched_waking:
		case WEFT_EV_sched_wakeup:
		case WEFT_EV_sched_wakeup_new:
			resolve(((const struct weft_ev_sched_waking *)e)->target, "woken thread");
			break;
		case WEFT_EV_page_fault:
			on_fault((const void *)e);
			break;
		}
	}
}

/* ---- recording */

static void tell_unit(const char *offset, pid_t tgid)
{
	struct weft_unit_word u = { .size = sizeof(u), .tgid = tgid };

	if (!offset)
		return;
	if (!strcmp(offset, "none"))
		u.flags = WEFT_UNIT_NONE;
	else
		u.tp_offset = strtoll(offset, NULL, 0);
	if (ioctl(fd, WEFT_IOC_UNIT, &u) && errno != ESRCH)
		die("UNIT");
}

static void take_notices(const char *offset)
{
	struct weft_notice n[16];
	ssize_t len;
	int i;

	while ((len = read(fd, n, sizeof(n))) > 0)
		for (i = 0; i < (int)(len / (ssize_t)sizeof(n[0])); i++) {
			if (n[i].kind < WEFT_NOTICE_EXEC || n[i].kind > WEFT_NOTICE_EXIT ||
			    !n[i].tgid)
				bad("notice %u of %u", n[i].kind, n[i].tgid);
			if (n[i].kind == WEFT_NOTICE_EXEC)
				tell_unit(offset, n[i].tgid);
		}
}

int main(int argc, char **argv)
{
	struct weft_setup setup = { .size = sizeof(setup), .clock = WEFT_CLOCK_TSC };
	struct weft_filter filter = { .size = sizeof(filter) };
	struct weft_info info = { .size = sizeof(info) };
	struct weft_stat st = { .size = sizeof(st) };
	const char *offset = NULL;
	bool sleepy = false, late = false;
	int opt, status = 0, go[2];
	struct pollfd pfd;
	unsigned int i;
	pid_t child;

	while ((opt = getopt(argc, argv, "+ac:g:s:n:zlu:w:")) != -1)
		switch (opt) {
		case 'a':
			setup.flags = WEFT_SETUP_ALL;
			break;
		case 'c':
			setup.clock = *optarg == 'm' ? WEFT_CLOCK_MONOTONIC : WEFT_CLOCK_TSC;
			break;
		case 'g':
			groups = strtoul(optarg, NULL, 0);
			break;
		case 's':
			sub_size = strtoul(optarg, NULL, 0);
			break;
		case 'n':
			nr_subs = strtoul(optarg, NULL, 0);
			break;
		case 'z':
			sleepy = true;
			break;
		case 'l':
			late = true;
			break;
		case 'u':
			offset = optarg;
			break;
		case 'w':
			check_unit = true;
			want_unit = strtoull(optarg, NULL, 0);
			break;
		default:
			return 2;
		}
	if (!argv[optind])
		return 2;

	if (pipe(go))
		die("pipe");
	child = fork();
	if (child < 0)
		die("fork");
	if (!child) {
		char c;

		close(go[1]);
		if (!late && read(go[0], &c, 1) != 1)
			_exit(126);
		execvp(argv[optind], argv + optind);
		perror(argv[optind]);
		_exit(127);
	}

	fd = open(WEFT_DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		die(WEFT_DEVICE);
	if (ioctl(fd, WEFT_IOC_INFO, &info))
		die("INFO");
	setup.groups = groups;
	setup.sub_size = sub_size;
	setup.nr_subs = nr_subs;
	setup.uuid[0] = 0xaa;
	setup.uuid[15] = 0xbb;
	if (ioctl(fd, WEFT_IOC_SETUP, &setup))
		die("SETUP");
	nr_cpus = info.nr_cpus;
	rings = calloc(nr_cpus, sizeof(*rings));
	threads = calloc(MAX_TID, sizeof(*threads));
	if (!rings || !threads)
		die("memory");
	for (i = 0; i < nr_cpus; i++)
		ring_map(&rings[i], i);
	filter.tgid = child;
	if (late) {
		if (ioctl(fd, WEFT_IOC_START))
			die("START");
		if (ioctl(fd, WEFT_IOC_FILTER, &filter))
			die("FILTER");
		usleep(500000);
		kill(child, SIGKILL);
	} else {
		if (ioctl(fd, WEFT_IOC_FILTER, &filter))
			die("FILTER");
		tell_unit(offset, child);
		if (ioctl(fd, WEFT_IOC_START))
			die("START");
		if (write(go[1], "", 1) != 1)
			die("pipe");
	}

	pfd = (struct pollfd){ .fd = fd, .events = POLLIN };
	while (waitpid(child, &status, sleepy ? 0 : WNOHANG) == 0) {
		poll(&pfd, 1, 100);
		take_notices(offset);
		drain();
	}
	if (ioctl(fd, WEFT_IOC_INFO, &info))
		die("INFO");
	stop_time = setup.clock == WEFT_CLOCK_TSC ? info.clock_tsc : info.clock_mono;
	if (ioctl(fd, WEFT_IOC_STOP))
		die("STOP");
	/* A flush tells losses only where there is room, so it may take another after a drain. */
	do {
		if (ioctl(fd, WEFT_IOC_FLUSH))
			die("FLUSH");
	} while (drain());
	take_notices(offset);
	if (ioctl(fd, WEFT_IOC_STAT, &st))
		die("STAT");

	for (i = 0; i < nr_cpus; i++) {
		struct packet *p;

		for (p = rings[i].first; p; p = p->next)
			parse_packet(&rings[i], p);
	}
	qsort(events, nr_events, sizeof(*events), by_time);
	if (st.events != nr_events)
		bad("the module counts %llu events, the rings held %zu", st.events, nr_events);
	if (st.lost != lost_told)
		bad("the module counts %llu lost, the rings tell of %llu", st.lost, lost_told);
	if (sleepy != (st.lost > 0))
		bad("%llu lost", st.lost);
	check_events(!st.lost && !st.missed);
	if (check_unit && unit_wrong * 4 > unit_right)
		bad("unit: %llu right, %llu wrong", unit_right, unit_wrong);

	for (i = 1; i < WEFT_EV_MAX; i++)
		printf("%s %llu\n", names[i], counts[i]);
	printf("events %zu\nlost %llu\nmissed %llu\nexits %llu\nstops %llu\nexcluded %llu\nunits %llu\n",
	       nr_events, st.lost, st.missed, exits, stops, excluded, unit_right);
	if (!late && (!WIFEXITED(status) || WEXITSTATUS(status)))
		printf("the command ended with status %#x\n", status);
	if (errors)
		printf("%d errors\n", errors);
	return errors != 0;
}
