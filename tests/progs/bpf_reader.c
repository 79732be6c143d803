/* weft-build: -Iuser build/libweft.a -lbpf */
/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bpf_reader JOB: the BPF backend without the recorder. Traces a forked child that does JOB, reads
 * the rings as <weft/ring.h> says and holds what is in them against itself, the kernel's books and what
 * the child knows that it did. Prints one line of figures, and a line "wrong: ..." for all that does not
 * fit; then the exit code is 1.
 *
 * Jobs: pingpong threads touch map exec exit unit; "lose" is pingpong with a reader that sleeps, "live" has
 * threads that run before the recording starts and after it has stopped.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "backend.h"

#define SUB_SIZE 16384u
#define NR_SUBS 64u
#define MAX_TID (4u << 20)

/* ---- what the child does, and counts of it that the reader checks */

static struct told {
	unsigned long rounds, born, pages, maps, unit_pages, brks;
} * told;

static __thread unsigned long long unit_word;

static void pingpong(int rounds)
{
	int a[2], b[2], i;
	char c = 0;
	pid_t pid;

	if (pipe(a) || pipe(b))
		_exit(2);
	pid = fork();
	if (!pid) {
		for (i = 0; i < rounds; i++)
			if (read(a[0], &c, 1) != 1 || write(b[1], &c, 1) != 1)
				_exit(3);
		_exit(0);
	}
	for (i = 0; i < rounds; i++)
		if (write(a[1], &c, 1) != 1 || read(b[0], &c, 1) != 1)
			_exit(3);
	waitpid(pid, NULL, 0);
	told->rounds += (unsigned long)rounds;
	told->born++;
}

static void *yielder(void *arg)
{
	volatile char page[4096];

	page[0] = 1;
	sched_yield();
	return (void *)(page[0] ? arg : NULL);
}

static void threads(int n)
{
	pthread_t t[16];
	int i, j;

	for (i = 0; i < n; i += 16) {
		for (j = 0; j < 16; j++)
			if (pthread_create(&t[j], NULL, yielder, NULL))
				_exit(4);
		for (j = 0; j < 16; j++)
			pthread_join(t[j], NULL);
		told->born += 16;
	}
}

static void touch_pages(size_t pages)
{
	volatile char *mem = mmap(NULL, pages * 4096, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t i;

	if (mem == MAP_FAILED)
		_exit(5);
	madvise((void *)mem, pages * 4096, MADV_NOHUGEPAGE);
	for (i = 0; i < pages; i++)
		mem[i * 4096] = 1;
	munmap((void *)mem, pages * 4096);
	told->pages += pages;
}

static void map(int n)
{
	void *top = sbrk(0);
	int i;

	for (i = 0; i < n; i++) {
		char *mem = mmap(NULL, 3 * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (mem == MAP_FAILED || mprotect(mem, 3 * 4096, PROT_READ | PROT_WRITE))
			_exit(6);
		mem = mremap(mem, 3 * 4096, 5 * 4096, MREMAP_MAYMOVE);
		if (mem == MAP_FAILED || madvise(mem, 4096, MADV_DONTNEED) || munmap(mem, 5 * 4096))
			_exit(6);
		told->maps++;
	}
	if (brk((char *)top + 8192) || brk(top))
		_exit(6);
	told->brks = 2;
}

static void *executor(void *arg)
{
	char *argv[] = { "true", NULL };

	(void)arg;
	execv("/bin/true", argv);
	_exit(7);
}

/* A thread other than the leader calls exec, which ends the others and takes the leader's id. */
static void exec_from_thread(void)
{
	int i;

	for (i = 0; i < 20; i++) {
		pid_t pid = fork();

		if (!pid) {
			pthread_t t;

			if (pthread_create(&t, NULL, executor, NULL))
				_exit(4);
			pause();
		}
		waitpid(pid, NULL, 0);
		told->born += 2;
	}
}

/* Processes whose last thread is not the leader, and ones killed with many threads. */
static void *last(void *arg)
{
	(void)arg;
	usleep(2000);
	return NULL;
}

static void exits(void)
{
	pthread_t t;
	int i, j;

	for (i = 0; i < 50; i++) {
		pid_t pid = fork();

		if (!pid) {
			for (j = 0; j < 8; j++)
				pthread_create(&t, NULL, last, NULL);
			if (i % 2)
				raise(SIGKILL);
			pthread_exit(NULL);
		}
		waitpid(pid, NULL, 0);
		told->born += 9;
	}
}

static void units(void)
{
	unit_word = 42;
	touch_pages(500);
	unit_word = 43;
	usleep(1000);
	unit_word = 0;
	told->unit_pages = 500;
}

static void *restless(void *arg)
{
	volatile char *page = arg;

	for (;;) {
		usleep(200);
		*page = 1;
		madvise((void *)page, 4096, MADV_DONTNEED);
		sched_yield();
	}
	return NULL;
}

#define NR_LIVE 5

static void live(void)
{
	char *mem = mmap(NULL, NR_LIVE * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	pthread_t t;
	int i;

	if (mem == MAP_FAILED)
		_exit(5);
	for (i = 1; i < NR_LIVE; i++)
		pthread_create(&t, NULL, restless, mem + (size_t)i * 4096);
	restless(mem);
}

static int run_job(const char *job)
{
	if (!strcmp(job, "pingpong"))
		pingpong(2000);
	else if (!strcmp(job, "lose"))
		pingpong(10000);
	else if (!strcmp(job, "threads"))
		threads(2000);
	else if (!strcmp(job, "touch"))
		touch_pages(5000);
	else if (!strcmp(job, "map"))
		map(500);
	else if (!strcmp(job, "exec"))
		exec_from_thread();
	else if (!strcmp(job, "exit"))
		exits();
	else if (!strcmp(job, "unit"))
		units();
	else if (!strcmp(job, "live"))
		live();
	else
		return 9;
	return 0;
}

/* ---- reading */

struct item {
	uint64_t time, order;
	uint32_t cpu;
	union {
		struct weft_event h;
		struct weft_ev_sched_switch sw;
		struct weft_ev_thread_stat stat;
		struct weft_ev_task_newtask newtask;
		struct weft_ev_sched_process_exec exec;
		struct weft_ev_page_fault fault;
		struct weft_ev_mmap mm;
		struct weft_ev_lost lost;
		struct weft_ev_thread thread;
		struct weft_ev_context_switch cs;
		struct weft_ev_sched_waking wake;
		unsigned char raw[WEFT_EVENT_MAX_SIZE];
	};
};

static struct item *items;
static size_t nr_items, max_items;
static unsigned long wrongs, count[WEFT_EV_MAX], packets;
static uint64_t lost_told;

static const uint32_t size_of[WEFT_EV_MAX] = {
#define WEFT_X(id, name, group) [id] = sizeof(struct weft_ev_##name),
	WEFT_EVENTS(WEFT_X)
#undef WEFT_X
};

static void __attribute__((format(printf, 1, 2))) wrong(const char *fmt, ...)
{
	va_list ap;

	if (wrongs++ >= 20)
		return;
	printf("wrong: ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

struct stream {
	uint64_t tail, time, seq, told;
};

static void read_packet(const struct backend_ring *r, struct stream *s, const unsigned char *data,
			const struct weft_setup *setup)
{
	const struct weft_packet *p = (const void *)data;
	uint64_t end = p->content_size / 8, at = sizeof(*p);

	packets++;
	if (p->magic != WEFT_CTF_MAGIC || p->stream_id || p->cpu_id != r->cpu || p->pad ||
	    memcmp(p->uuid, setup->uuid, 16))
		wrong("cpu %u: packet header at %llx", r->cpu, (unsigned long long)s->tail);
	if (p->packet_seq_num != s->seq++)
		wrong("cpu %u: packet %llu where %llu is due", r->cpu,
		      (unsigned long long)p->packet_seq_num, (unsigned long long)s->seq - 1);
	if (p->timestamp_begin < s->time || p->timestamp_end < p->timestamp_begin)
		wrong("cpu %u: packet's times", r->cpu);
	if (end > setup->sub_size || p->packet_size / 8 > setup->sub_size ||
	    p->packet_size < p->content_size || p->packet_size / 8 % WEFT_PACKET_ALIGN) {
		wrong("cpu %u: packet's sizes %llu %llu", r->cpu,
		      (unsigned long long)p->content_size, (unsigned long long)p->packet_size);
		return;
	}
	while (at < end) {
		const struct weft_event *h = (const void *)(data + at);
		struct item *it;

		if (!h->id || h->id >= WEFT_EV_MAX || !size_of[h->id] ||
		    at + size_of[h->id] > end) {
			wrong("cpu %u: no record at %llu of packet %llu", r->cpu,
			      (unsigned long long)at, (unsigned long long)p->packet_seq_num);
			return;
		}
		if (h->time < s->time || h->time < p->timestamp_begin || h->time > p->timestamp_end)
			wrong("cpu %u: time %llu after %llu", r->cpu, (unsigned long long)h->time,
			      (unsigned long long)s->time);
		s->time = h->time;
		count[h->id]++;
		if (nr_items == max_items) {
			max_items = max_items ? 2 * max_items : 1 << 16;
			items = realloc(items, max_items * sizeof(*items));
			if (!items)
				exit(2);
		}
		it = &items[nr_items];
		it->time = h->time;
		it->order = nr_items++;
		it->cpu = r->cpu;
		memcpy(it->raw, h, size_of[h->id]);
		if (h->id == WEFT_EV_lost) {
			if (at != sizeof(*p) || it->lost.count == 0 ||
			    it->lost.first > it->lost.last || it->lost.last > h->time)
				wrong("cpu %u: lost record", r->cpu);
			lost_told += it->lost.count;
			s->told += it->lost.count;
		}
		at += size_of[h->id];
	}
	if (p->events_discarded != s->told)
		wrong("cpu %u: events_discarded %llu, told %llu", r->cpu,
		      (unsigned long long)p->events_discarded, (unsigned long long)s->told);
}

static int drain(const struct backend *b, struct stream *s, const struct weft_setup *setup)
{
	uint64_t ring = (uint64_t)setup->sub_size * setup->nr_subs;
	int got = 0;
	uint32_t cpu;

	for (cpu = 0; cpu < b->info.nr_cpus; cpu++) {
		const struct backend_ring *r = &b->rings[cpu];

		for (;;) {
			uint64_t nr = s[cpu].tail / setup->sub_size;
			uint64_t want = (nr / setup->nr_subs + 1) * setup->sub_size;

			if (__atomic_load_n(&r->ctl->commit[nr % setup->nr_subs],
					    __ATOMIC_ACQUIRE) != want)
				break;
			read_packet(r, &s[cpu], r->data + s[cpu].tail % ring, setup);
			s[cpu].tail += setup->sub_size;
			__atomic_store_n(&r->user->tail, s[cpu].tail, __ATOMIC_RELEASE);
			got++;
		}
	}
	return got;
}

/* ---- checking */

struct thread {
	bool known, traced, born, started, ended;
	bool seen;	    /* a switch of it */
	uint32_t nswitch;   /* of the last one */
	uint32_t tgid, was; /* was: its id before exec */
	uint64_t voluntary, involuntary, faults;
	uint8_t nvcsw;
	struct weft_ev_thread_stat first;
};

static struct thread *of;
static unsigned long nr_books, nr_unequal_faults, mm_calls[WEFT_EV_MAX];

static int by_time(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

/* As event.h says; nvcsw is the thread's before this switch. */
static bool is_voluntary(const struct weft_ev_sched_switch *sw, uint64_t nvcsw)
{
	return !(sw->flags & WEFT_SWITCH_PREEMPT) &&
	       (sw->state || sw->nvcsw == (uint8_t)(nvcsw + 1));
}

static void check_switch(const struct item *it, bool lossy)
{
	struct thread *t = &of[it->h.tid];
	bool voluntary = is_voluntary(&it->sw, t->seen ? t->nvcsw : t->first.nvcsw);

	if (!t->traced)
		return;
	if (!lossy && t->seen && it->sw.nswitch != t->nswitch + 1)
		wrong("tid %u: switch %u follows %u", it->h.tid, it->sw.nswitch, t->nswitch);
	if (!lossy && !t->seen && t->born && it->sw.nswitch != 1)
		wrong("tid %u: first switch is %u", it->h.tid, it->sw.nswitch);
	t->seen = true;
	t->nswitch = it->sw.nswitch;
	t->nvcsw = it->sw.nvcsw;
	if (voluntary)
		t->voluntary++;
	else
		t->involuntary++;
}

static void check_books(const struct item *it, bool lossy, bool faults)
{
	struct thread *t = &of[it->h.tid];
	const struct weft_ev_thread_stat *a = &t->first, *z = &it->stat;

	if (z->when == WEFT_STAT_START) {
		t->first = *z;
		t->started = true;
		/* Switches recorded before the books were read are in them. */
		t->voluntary = t->involuntary = t->faults = 0;
		return;
	}
	if (z->when == WEFT_STAT_EXIT)
		t->ended = true;
	if (lossy || !t->traced || (!t->born && !t->started))
		return;
	nr_books++;
	if (z->when == WEFT_STAT_EXIT && t->nswitch != (uint32_t)(z->nvcsw + z->nivcsw))
		wrong("tid %u: last switch %u, books %llu", it->h.tid, t->nswitch,
		      (unsigned long long)(z->nvcsw + z->nivcsw));
	if (z->nvcsw - a->nvcsw != t->voluntary || z->nivcsw - a->nivcsw != t->involuntary)
		wrong("tid %u: recorded %llu+%llu switches, counted %llu+%llu", it->h.tid,
		      (unsigned long long)t->voluntary, (unsigned long long)t->involuntary,
		      (unsigned long long)(z->nvcsw - a->nvcsw),
		      (unsigned long long)(z->nivcsw - a->nivcsw));
	if (z->min_flt + z->maj_flt - a->min_flt - a->maj_flt != t->faults) {
		nr_unequal_faults++;
		if (faults)
			wrong("tid %u: recorded %llu faults, counted %llu", it->h.tid,
			      (unsigned long long)t->faults,
			      (unsigned long long)(z->min_flt + z->maj_flt - a->min_flt -
						   a->maj_flt));
	}
}

static void named(uint32_t tid, const struct item *it)
{
	if (tid >= MAX_TID || (tid && !of[tid].known))
		wrong("event %u names tid %u, which nobody describes", it->h.id, tid);
}

/*
 * A thread other than the leader calls exec: it takes the leader's id, and the leader, which may still have
 * to make its last switch, has the thread's.
 */
static void take_over(uint32_t tid, uint32_t old)
{
	struct thread t = of[tid];

	of[tid] = of[old];
	of[tid].was = old;
	of[old] = t;
}

/*
 * Nothing tells when that happens. But a CPU's thread can't change without a switch: if its id does, the
 * two have been exchanged.
 */
static void check_runner(const struct item *it, uint32_t *runs)
{
	uint32_t tid = it->h.tid;

	if (it->h.id == WEFT_EV_thread || it->h.id == WEFT_EV_thread_stat ||
	    it->h.id == WEFT_EV_lost || it->h.id == WEFT_EV_tlb_flush)
		return;
	if (*runs != tid && *runs && of[*runs].traced && of[tid].traced &&
	    of[*runs].tgid == of[tid].tgid) {
		uint32_t leader = of[tid].tgid, other = leader == tid ? *runs : tid;

		if (leader != tid && leader != *runs)
			wrong("tid %u runs in place of %u", tid, *runs);
		else if (of[leader].was != other)
			take_over(leader, other);
	}
	*runs = it->h.id == WEFT_EV_sched_switch ? it->sw.next_tid : tid;
}

static void check(bool lossy, bool faults)
{
	static uint32_t runs[1024];
	size_t i;

	of = calloc(MAX_TID, sizeof(*of));
	if (!of)
		exit(2);
	qsort(items, nr_items, sizeof(*items), by_time);
	for (i = 0; i < nr_items; i++) {
		const struct item *it = &items[i];

		if (it->h.id == WEFT_EV_thread)
			of[it->h.tid].known = true;
		if (it->h.id == WEFT_EV_task_newtask)
			of[it->newtask.child_tid].known = true;
	}
	for (i = 0; i < nr_items; i++) {
		const struct item *it = &items[i];
		struct thread *t = &of[it->h.tid];

		if (!lossy) {
			named(it->h.tid, it);
			check_runner(it, &runs[it->cpu % 1024]);
		}
		switch (it->h.id) {
		case WEFT_EV_thread:
			t->traced |= it->thread.flags & WEFT_THREAD_TRACED;
			t->tgid = it->thread.tgid;
			break;
		case WEFT_EV_task_newtask:
			t = &of[it->newtask.child_tid];
			*t = (struct thread){ .known = true,
					      .traced = true,
					      .born = true,
					      .tgid = it->newtask.child_tgid };
			break;
		case WEFT_EV_sched_process_exec:
			if (it->exec.old_tid != it->h.tid && t->was != it->exec.old_tid)
				take_over(it->h.tid, it->exec.old_tid);
			break;
		case WEFT_EV_thread_stat:
			check_books(it, lossy, faults);
			if (t->ended)
				*t = (struct thread){ .known = true,
						      .traced = true,
						      .ended = true,
						      .tgid = t->tgid };
			break;
		case WEFT_EV_sched_switch:
			if (!lossy)
				named(it->sw.next_tid, it);
			check_switch(it, lossy);
			break;
		case WEFT_EV_sched_waking:
		case WEFT_EV_sched_wakeup:
		case WEFT_EV_sched_wakeup_new:
			if (!lossy)
				named(it->wake.target, it);
			break;
		case WEFT_EV_page_fault:
			if (!(it->fault.flags & (WEFT_FAULT_RETRY | WEFT_FAULT_ERROR)))
				t->faults++;
			if (faults && it->fault.duration == WEFT_UNKNOWN)
				wrong("tid %u: a fault of unknown duration", it->h.tid);
			break;
		default:
			if (it->h.id >= WEFT_EV_mmap && it->h.id <= WEFT_EV_madvise &&
			    it->mm.result >= 0)
				mm_calls[it->h.id]++;
		}
	}
}

/* Threads that live on: all that is in the books at stop and was not at start is recorded. */
static void check_live(bool faults)
{
	size_t i, j, n = 0;

	qsort(items, nr_items, sizeof(*items), by_time);
	for (i = 0; i < nr_items; i++) {
		const struct weft_ev_thread_stat *a = &items[i].stat, *z = NULL;
		uint64_t voluntary = 0, involuntary = 0, minor = 0, total, fault_total;

		if (a->h.id != WEFT_EV_thread_stat || a->when != WEFT_STAT_START)
			continue;
		for (j = 0; j < nr_items; j++)
			if (items[j].h.id == WEFT_EV_thread_stat && items[j].h.tid == a->h.tid &&
			    items[j].stat.when == WEFT_STAT_STOP)
				z = &items[j].stat;
		if (!z) {
			wrong("tid %u: no books at stop", a->h.tid);
			continue;
		}
		n++;
		total = z->nvcsw + z->nivcsw - a->nvcsw - a->nivcsw;
		fault_total = z->min_flt + z->maj_flt - a->min_flt - a->maj_flt;
		for (j = 0; j < nr_items; j++) {
			const struct item *it = &items[j];

			if (it->h.tid != a->h.tid)
				continue;
			if (it->h.id == WEFT_EV_sched_switch &&
			    (uint32_t)(it->sw.nswitch - a->nvcsw - a->nivcsw) - 1 < total) {
				if (is_voluntary(&it->sw, a->nvcsw + voluntary))
					voluntary++;
				else
					involuntary++;
			}
			if (it->h.id == WEFT_EV_page_fault &&
			    !(it->fault.flags & (WEFT_FAULT_RETRY | WEFT_FAULT_ERROR)) &&
			    (uint32_t)(it->fault.counts - a->min_flt - a->maj_flt) - 1 <
				    fault_total)
				minor++;
		}
		if (voluntary != z->nvcsw - a->nvcsw || involuntary != z->nivcsw - a->nivcsw ||
		    !voluntary)
			wrong("tid %u: recorded %llu+%llu switches, counted %llu+%llu", a->h.tid,
			      (unsigned long long)voluntary, (unsigned long long)involuntary,
			      (unsigned long long)(z->nvcsw - a->nvcsw),
			      (unsigned long long)(z->nivcsw - a->nivcsw));
		if (faults && minor != fault_total)
			wrong("tid %u: recorded %llu faults, counted %llu", a->h.tid,
			      (unsigned long long)minor, (unsigned long long)fault_total);
	}
	if (n != NR_LIVE)
		wrong("%zu threads lived, not %d", n, NR_LIVE);
	nr_books = n;
}

static void check_job(const char *job, pid_t child, const struct backend_info *info)
{
	bool faults = info->hooks[WEFT_HOOK_page_fault].present ||
		      info->hooks[WEFT_HOOK_page_fault_entry].present;

	if (strcmp(job, "lose") && count[WEFT_EV_sched_switch] < 2 * told->rounds)
		wrong("%lu switches for %lu rounds", count[WEFT_EV_sched_switch], told->rounds);
	if (strcmp(job, "lose") && count[WEFT_EV_task_newtask] != told->born)
		wrong("%lu task_newtask for %lu threads", count[WEFT_EV_task_newtask], told->born);
	if (faults && count[WEFT_EV_page_fault] < told->pages)
		wrong("%lu faults for %lu pages", count[WEFT_EV_page_fault], told->pages);
	if (info->hooks[WEFT_HOOK_mmap].present && told->maps) {
		static const int ids[] = { WEFT_EV_mmap, WEFT_EV_munmap, WEFT_EV_mprotect,
					   WEFT_EV_mremap, WEFT_EV_madvise };
		size_t i;

		for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
			if (mm_calls[ids[i]] < told->maps || mm_calls[ids[i]] > told->maps + 20)
				wrong("event %d: %lu times for %lu", ids[i], mm_calls[ids[i]],
				      told->maps);
		if (mm_calls[WEFT_EV_brk] < told->brks)
			wrong("%lu brk for %lu", mm_calls[WEFT_EV_brk], told->brks);
	}
	if (told->unit_pages && faults) {
		size_t i;
		unsigned long n = 0, sw = 0;

		for (i = 0; i < nr_items; i++) {
			const struct item *it = &items[i];

			if (it->h.tid != (uint32_t)child)
				continue;
			n += it->h.id == WEFT_EV_page_fault && it->h.unit == 42;
			sw += it->h.id == WEFT_EV_sched_switch && it->h.unit == 43 && it->sw.state;
			if (it->h.unit != 42 && it->h.unit != 43 && it->h.unit != 0 &&
			    it->h.unit != WEFT_UNKNOWN)
				wrong("unit %llx, which never was", (unsigned long long)it->h.unit);
		}
		if (n < told->unit_pages || n > told->unit_pages + 20 || sw != 1)
			wrong("%lu faults in unit 42 for %lu pages, %lu sleeps in unit 43", n,
			      told->unit_pages, sw);
	}
}

static long long word_offset(void)
{
	unsigned long base;

#if defined(__x86_64__)
	__asm__("mov %%fs:0, %0" : "=r"(base));
#else
	__asm__("mrs %0, tpidr_el0" : "=r"(base));
#endif
	return (long long)((unsigned long)&unit_word - base);
}

int main(int argc, char **argv)
{
	const char *job = argc > 1 ? argv[1] : "";
	bool slow = !strcmp(job, "lose"), living = !strcmp(job, "live");
	struct weft_setup setup = { .groups = WEFT_GROUP_ALL,
				    .sub_size = SUB_SIZE,
				    .nr_subs = slow ? 4 : NR_SUBS,
				    .uuid = { 1, 2, 3 } };
	unsigned long notices[6] = { 0 };
	const struct backend_ops *ops = &backend_bpf;
	struct weft_notice n[16];
	struct stream *streams;
	struct weft_stat st;
	struct backend *b;
	int status = 0, go[2], i, got, turn;
	char err[1024], c = 0;
	bool faults;
	pid_t child;

	told = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (told == MAP_FAILED || pipe(go))
		return 2;
	child = fork();
	if (!child) {
		close(go[1]);
		_exit(read(go[0], &c, 1) == 1 ? run_job(job) : 1);
	}
	/* It must be at it before it is looked at. */
	if (living && write(go[1], &c, 1) != 1)
		return 2;
	usleep(living ? 300000 : 0);
	if (ops->open(&b, &setup, err, sizeof(err))) {
		printf("open: %s\n", err);
		kill(child, SIGKILL);
		return 4;
	}
	for (i = 0; i < WEFT_HOOK_MAX; i++)
		if (!b->info.hooks[i].present && getenv("VERBOSE"))
			printf("hook %d: %s\n", i, b->info.hooks[i].why);
	streams = calloc(b->info.nr_cpus, sizeof(*streams));
	if (!streams || ops->filter(b, child, err, sizeof(err)) ||
	    ops->unit_word(b, child, false, word_offset()) || ops->start(b, err, sizeof(err))) {
		printf("start: %s\n", err);
		return 2;
	}
	if (!living && write(go[1], &c, 1) != 1)
		return 2;
	for (turn = 0; !living || turn < 20; turn++) {
		struct pollfd fd = { .fd = ops->pollfd(b), .events = POLLIN };

		if (slow)
			usleep(300000);
		else
			poll(&fd, 1, 100);
		while ((got = ops->notices(b, n, 16)) > 0)
			for (i = 0; i < got; i++)
				notices[n[i].kind]++;
		drain(b, streams, &setup);
		if (waitpid(child, &status, WNOHANG) == child)
			break;
	}
	if (ops->stop(b))
		wrong("stop");
	/* What was lost while the rings were full can be told once they are not. */
	for (i = 0; i < 2; i++) {
		if (ops->flush(b))
			wrong("flush");
		while (drain(b, streams, &setup))
			;
	}
	ops->stat(b, &st);
	if (living) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	faults = b->info.hooks[WEFT_HOOK_page_fault].present;
	if (living)
		check_live(faults);
	else
		check(st.lost, faults);
	check_job(job, child, &b->info);
	if (WIFEXITED(status) ? WEXITSTATUS(status) : strcmp(job, "exit"))
		wrong("the child ended with %x", status);
	if (st.events != nr_items)
		wrong("%llu events written, %zu read", (unsigned long long)st.events, nr_items);
	if (st.lost != lost_told || (slow && !st.lost))
		wrong("%llu events lost, %llu told", (unsigned long long)st.lost,
		      (unsigned long long)lost_told);
	if (st.threads != (living ? NR_LIVE : 0))
		wrong("%llu threads left", (unsigned long long)st.threads);
	if (!st.lost && !living && nr_books != count[WEFT_EV_task_newtask] + 1)
		wrong("%lu books for %lu threads", nr_books, count[WEFT_EV_task_newtask] + 1);
	printf("%s: events=%zu packets=%lu lost=%llu missed=%llu switches=%lu arrivals=%lu faults=%lu "
	       "books=%lu unequal_faults=%lu notices=%lu/%lu/%lu/%lu wrong=%lu\n",
	       job, nr_items, packets, (unsigned long long)st.lost, (unsigned long long)st.missed,
	       count[WEFT_EV_sched_switch], count[WEFT_EV_context_switch],
	       count[WEFT_EV_page_fault], nr_books, nr_unequal_faults, notices[1], notices[2],
	       notices[3], notices[4], wrongs);
	ops->close(b);
	return wrongs ? 1 : 0;
}
