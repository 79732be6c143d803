/* SPDX-License-Identifier: MIT */
/*
 * The rings that a recorded program's marks go into, one for each thread: their layout, which
 * program and recorder share, and their writing end. Part of unit.h.
 */
#ifndef WEFT_UNIT_RING_H
#define WEFT_UNIT_RING_H

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "unit_event.h"
#include "unit_word.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- What program and recorder share ---- */

#define WEFT_UNIT_RING_MAGIC 0x55544657u /* "WFTU" */
#define WEFT_UNIT_RING_VERSION 1u
#define WEFT_UNIT_RING_HEADER 4096u   /* bytes: the header's page; the data follow */
#define WEFT_UNIT_RING_MIN (1u << 12) /* bytes of data, a power of two within these */
#define WEFT_UNIT_RING_MAX (1u << 24)

/*
 * A thread begins with a ring of the default size. When that is full it goes on in one four times
 * as large, as long as the process has no more than WEFT_UNIT_RINGS_MAX bytes of them; beyond, new
 * ones are small.
 */
#define WEFT_UNIT_RING_DEFAULT (1u << 16)
#define WEFT_UNIT_RING_SMALL (1u << 14)
#define WEFT_UNIT_RINGS_MAX (1u << 26)

/* The stamps' clock, as WEFT_UNITS names it: "tsc:DIR" or "monotonic:DIR". */
#define WEFT_UNIT_CLOCK_TSC 1u	     /* TSC, or CNTVCT on arm64; raw */
#define WEFT_UNIT_CLOCK_MONOTONIC 2u /* CLOCK_MONOTONIC, ns */

/*
 * The header of a ring: a file DIR/<tgid>-<copy>-<n>. One thread at a time writes it; when the
 * thread has ended, another of the same process takes it over. Positions count bytes and only grow;
 * position p lies at p & (size - 1). A record never wraps: where fewer than
 * WEFT_UNIT_EVENT_MAX_SIZE bytes are left before the end of the data, the next record stands at the
 * beginning.
 *
 * Ordering: the writer stores a record, then head with release; the reader loads head, then reads
 * records, then stores tail; the writer loads tail with acquire before it uses that space again.
 */
struct weft_unit_ring {
	uint32_t magic;
	uint32_t version;
	uint32_t tgid;
	uint32_t copy;	   /* tells apart copies of this header, and programs executed in turn */
	uint32_t size;	   /* of the data, bytes */
	uint32_t clock;	   /* WEFT_UNIT_CLOCK_* */
	int64_t tp_offset; /* of the current-unit word from the thread pointer, bytes */
	uint64_t pid_ns;   /* inode of the PID namespace that tgid and tids are of, 0: not known */
	uint64_t reserved0[3];
	/* The writer's. */
	uint64_t head;
	uint64_t lost;	     /* marks that did not fit and that no unit_lost record tells yet */
	uint64_t lost_first; /* stamp of the first of them */
	uint64_t lost_last;  /* and of the last */
	uint32_t tid;	     /* who writes it */
	uint32_t refused;    /* threads of this process that could get no ring */
	uint64_t reserved1[3];
	/* The reader's. */
	uint64_t tail;
	uint64_t reserved2[7];
};

/* ---- What the process keeps ---- */

/*
 * The writing end of a ring. In memory that fork() wipes, so that a child can't mistake it for its
 * own.
 */
struct weft_unit_writer_ {
	uint64_t head;
	uint64_t limit; /* a mark that would end beyond it takes the slow way */
	unsigned char *data;
	uint32_t size;
	uint32_t clock;
	uint32_t tid;  /* the owner; 0: none */
	uint32_t full; /* no larger ring was to be had when this was full: don't ask again */
	struct weft_unit_ring *ring;
	struct weft_unit_writer_ *next;
};

/* What the threads of a recorded process share; wiped by fork() like the writers. */
struct weft_unit_session_ {
	uint32_t lock;
	uint32_t tgid; /* 0: fresh, or wiped */
	uint32_t copy;
	uint32_t nr_rings;
	uint64_t pid_ns;
	uint64_t bytes;			   /* of all rings */
	struct weft_unit_writer_ *writers; /* all rings of this process */
	struct weft_unit_writer_ *scan;	   /* where the search for an abandoned one goes on */
};

struct weft_unit_process_ {
	uint64_t next_id; /* so many ids are given out or set aside */
	uint32_t off;	  /* not recorded (1), or not known yet (0) */
	uint32_t clock;
	struct weft_unit_session_ *session; /* NULL: not recorded, or not known yet */
	char dir[104];
};

extern struct weft_unit_process_ weft_unit_process_1;
WEFT_UNIT_SHARED_ struct weft_unit_process_ weft_unit_process_1;

/* ---- How a thread comes to a ring ---- */

#define WEFT_UNIT_COLD_ __attribute__((noinline, cold, unused))
#define WEFT_UNIT_RARE_(x) __builtin_expect(!!(x), 0)

#if defined(__STRICT_ANSI__) && !defined(__cplusplus)
extern long syscall(long number, ...); /* unistd.h hides it under -std=c11 */
#endif

static inline uint64_t weft_unit_clock_(uint32_t clock)
{
	if (WEFT_UNIT_RARE_(clock != WEFT_UNIT_CLOCK_TSC)) {
#ifdef CLOCK_MONOTONIC
		struct timespec ts;

		clock_gettime(CLOCK_MONOTONIC, &ts);
#else
		struct {
			long tv_sec, tv_nsec;
		} ts;

		syscall(SYS_clock_gettime, 1L /* CLOCK_MONOTONIC */, &ts);
#endif
		return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	}
#if defined(__x86_64__) || defined(__i386__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t now;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(now));
	return now;
#else
	return 0; /* never asked for: the recorder names a clock that this machine has */
#endif
}

static inline void *weft_unit_map_(size_t len, int flags, int fd)
{
	/*
	 * System calls as such: what a program or a tool puts before libc's mmap or open is not
	 * called.
	 */
	long p = syscall(SYS_mmap, 0L, (long)len, (long)(PROT_READ | PROT_WRITE), (long)flags,
			 (long)fd, 0L);

	return p == -1 ? NULL : (void *)p;
}

#define WEFT_UNIT_PAGE_ 4096u /* room for a writer or a session; the kernel rounds up */
#define WEFT_UNIT_ANON_ (MAP_PRIVATE | 0x20 /* MAP_ANONYMOUS */)

/* A page that is zero again in a forked child. NULL if there is none to be had. */
static inline void *weft_unit_page_(void)
{
	void *p = weft_unit_map_(WEFT_UNIT_PAGE_, WEFT_UNIT_ANON_, -1);

	if (p && syscall(SYS_madvise, p, (long)WEFT_UNIT_PAGE_, 18L /* MADV_WIPEONFORK */)) {
		syscall(SYS_munmap, p, (long)WEFT_UNIT_PAGE_);
		p = NULL;
	}
	return p;
}

/* Decides whether this process is recorded. Its session, or NULL. */
static WEFT_UNIT_COLD_ struct weft_unit_session_ *weft_unit_session_get_(void)
{
	struct weft_unit_process_ *p = &weft_unit_process_1;
	struct weft_unit_session_ *s = __atomic_load_n(&p->session, __ATOMIC_ACQUIRE), *none = NULL;
	const char *env, *dir;

	if (s || __atomic_load_n(&p->off, __ATOMIC_RELAXED))
		return s;
	env = getenv("WEFT_UNITS");
	dir = env ? strchr(env, ':') : NULL;
	if (!dir || *++dir != '/' || strlen(dir) >= sizeof(p->dir)) {
		__atomic_store_n(&p->off, 1u, __ATOMIC_RELAXED);
		return NULL;
	}
	s = (struct weft_unit_session_ *)weft_unit_page_();
	if (!s)
		return NULL; /* another thread may have more luck */
	/* Of threads that come here together all write the same. */
	p->clock = *env == 't' ? WEFT_UNIT_CLOCK_TSC : WEFT_UNIT_CLOCK_MONOTONIC;
	strcpy(p->dir, dir);
	if (!__atomic_compare_exchange_n(&p->session, &none, s, 0, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE)) {
		syscall(SYS_munmap, s, (long)WEFT_UNIT_PAGE_);
		s = none;
	}
	return s;
}

static inline char *weft_unit_decimal_(char *to, uint32_t n)
{
	if (n >= 10)
		to = weft_unit_decimal_(to, n / 10);
	*to = (char)('0' + n % 10);
	return to + 1;
}

/*
 * Who this process is: its id, and the PID namespace that makes it one. Called with the session's
 * lock.
 */
static inline void weft_unit_identify_(struct weft_unit_session_ *s)
{
	char link[32]; /* "pid:[4026531836]" */
	long i, len = syscall(SYS_readlinkat, -100L /* AT_FDCWD */, "/proc/self/ns/pid", link,
			      (long)sizeof(link));

	for (i = 0; i < len; i++)
		if (link[i] >= '0' && link[i] <= '9')
			s->pid_ns = s->pid_ns * 10 + (uint64_t)(link[i] - '0');
	s->tgid = (uint32_t)getpid();
}

/* Opens a new ring file of the session; -1 if it can't be. Called with the session's lock. */
static inline int weft_unit_open_(struct weft_unit_session_ *s)
{
	char path[sizeof(weft_unit_process_1.dir) + 40], *end;
	size_t len = strlen(weft_unit_process_1.dir);
	long fd;

	memcpy(path, weft_unit_process_1.dir, len);
	for (;;) {
		end = path + len;
		*end++ = '/';
		end = weft_unit_decimal_(end, s->tgid);
		*end++ = '-';
		end = weft_unit_decimal_(end, s->copy);
		*end++ = '-';
		end = weft_unit_decimal_(end, s->nr_rings);
		*end = 0;
		fd = syscall(SYS_openat, -100L /* AT_FDCWD */, path,
			     (long)(O_RDWR | O_CREAT | O_EXCL | 02000000 /* O_CLOEXEC */), 0600L);
		if (fd >= 0 || errno != EEXIST)
			return (int)fd;
		/*
		 * The first ring's name is taken: by another copy of this header, or by an earlier
		 * program.
		 */
		if (s->nr_rings)
			s->nr_rings++;
		else
			s->copy++;
	}
}

static inline int64_t weft_unit_tp_offset_(void)
{
	const char *tp;

#if defined(__x86_64__)
	__asm__("movq %%fs:0, %0" : "=r"(tp));
#else
	tp = (char *)__builtin_thread_pointer();
#endif
	return (char *)&weft_unit_self_()->word - tp;
}

/* Makes a ring with its writer and adds it to the session; NULL if that can't be. With the lock. */
static inline struct weft_unit_writer_ *weft_unit_make_(struct weft_unit_session_ *s, uint32_t size)
{
	size_t len = WEFT_UNIT_RING_HEADER + (size_t)size;
	struct weft_unit_writer_ *w;
	struct weft_unit_ring *r = NULL;
	int fd;

	w = (struct weft_unit_writer_ *)weft_unit_page_();
	if (!w)
		return NULL;
	fd = weft_unit_open_(s);
	/*
	 * Allocated and mapped now: no full file system can hit a mark, nor do its faults mix with
	 * the unit's.
	 */
	if (fd >= 0 && !syscall(SYS_fallocate, (long)fd, 0L, 0L, (long)len))
		r = (struct weft_unit_ring *)weft_unit_map_(len,
							    MAP_SHARED | 0x8000 /* MAP_POPULATE */,
							    fd);
	if (fd >= 0)
		syscall(SYS_close, (long)fd);
	if (!r) {
		syscall(SYS_munmap, w, (long)WEFT_UNIT_PAGE_);
		return NULL;
	}
	syscall(SYS_madvise, r, (long)len, 10L /* MADV_DONTFORK */);
	w->data = (unsigned char *)r + WEFT_UNIT_RING_HEADER;
	w->size = size;
	w->clock = weft_unit_process_1.clock;
	w->ring = r;
	w->next = s->writers;
	s->writers = w;
	s->nr_rings++;
	s->bytes += size;
	r->version = WEFT_UNIT_RING_VERSION;
	r->tgid = s->tgid;
	r->copy = s->copy;
	r->size = size;
	r->clock = w->clock;
	r->tp_offset = weft_unit_tp_offset_();
	r->pid_ns = s->pid_ns;
	__atomic_store_n(&r->magic, WEFT_UNIT_RING_MAGIC, __ATOMIC_RELEASE);
	return w;
}

/* Whether w has no living owner and is empty enough to be written again. With the lock. */
static inline int weft_unit_abandoned_(const struct weft_unit_session_ *s,
				       const struct weft_unit_writer_ *w)
{
	uint64_t tail = __atomic_load_n(&w->ring->tail, __ATOMIC_ACQUIRE);

	if (w->head - tail > w->size / 2)
		return 0;
	return !w->tid ||
	       (syscall(SYS_tgkill, (long)s->tgid, (long)w->tid, 0L) == -1 && errno == ESRCH);
}

/*
 * A ring for thread tid, one that an ended thread left or a new one: of at least `size` bytes, or
 * of any size if that is 0. NULL if there is none to be had.
 */
static inline struct weft_unit_writer_ *weft_unit_claim_(struct weft_unit_session_ *s,
							 uint32_t size, uint32_t tid)
{
	struct weft_unit_writer_ *w = NULL;
	uint32_t least;
	int tries;

	while (__atomic_exchange_n(&s->lock, 1u, __ATOMIC_ACQUIRE))
		syscall(SYS_sched_yield);
	if (!s->tgid)
		weft_unit_identify_(s);
	least = s->bytes < WEFT_UNIT_RINGS_MAX ? WEFT_UNIT_RING_DEFAULT : WEFT_UNIT_RING_SMALL;
	if (!size)
		size = least;
	/*
	 * A few at a time, so that a thousand living threads don't ask after each other a million
	 * times.
	 */
	for (tries = 0; tries < 8 && tries < (int)s->nr_rings && !w; tries++) {
		if (!s->scan)
			s->scan = s->writers;
		if (s->scan->size >= size && weft_unit_abandoned_(s, s->scan))
			w = s->scan;
		s->scan = s->scan->next;
	}
	if (!w && (size == least || s->bytes < WEFT_UNIT_RINGS_MAX))
		w = weft_unit_make_(s, size);
	if (w) {
		w->tid = tid;
		w->ring->tid = tid;
		w->limit = 0;
		w->full = 0;
	} else if (size == least && s->writers) {
		s->writers->ring->refused++;
	}
	__atomic_store_n(&s->lock, 0u, __ATOMIC_RELEASE);
	return w;
}

/*
 * Gets the thread a ring: its first (old is NULL) or one of at least `size` bytes instead of old,
 * whose untold losses come along. The word says meanwhile that no unit runs: what this costs is no
 * unit's.
 */
static WEFT_UNIT_COLD_ struct weft_unit_writer_ *
weft_unit_attach_(struct weft_unit_thread_ *t, struct weft_unit_writer_ *old, uint32_t size)
{
	struct weft_unit_session_ *s;
	struct weft_unit_writer_ *w = NULL;
	uint64_t word = t->word, all = ~0ull, mask;
	int err = errno;

#ifdef WEFT_UNIT_LOAD_OFFSET_
	/* Refers to the note's group, so that a linker that drops what nobody uses keeps it. */
#ifdef __x86_64__
	__asm__ volatile(".reloc ., R_X86_64_NONE, weft_unit_offset_1");
#else
	__asm__ volatile(".reloc ., R_AARCH64_NONE, weft_unit_offset_1");
#endif
#endif
	__atomic_store_n(&t->word, 0u, __ATOMIC_RELAXED);
	/* A signal would cut fallocate() short, and its handler find the session's lock taken. */
	syscall(SYS_rt_sigprocmask, 2L /* SIG_SETMASK */, &all, &mask, (long)sizeof(mask));
	s = weft_unit_session_get_();
	if (!s) {
		t->ring = WEFT_UNIT_OFF_;
	} else if (!s->tgid || s->tgid == (uint32_t)getpid()) {
		w = weft_unit_claim_(s, size, (uint32_t)syscall(SYS_gettid));
		if (w || !old)
			t->ring = w ? (uintptr_t)w : WEFT_UNIT_OFF_;
	} /* else a child of vfork(), which shares this with its parent and must leave it alone */
	if (w && old) {
		w->ring->lost = old->ring->lost;
		w->ring->lost_first = old->ring->lost_first;
		w->ring->lost_last = old->ring->lost_last;
		old->ring->lost = 0;
		__atomic_store_n(&old->tid, 0u, __ATOMIC_RELEASE);
	}
	syscall(SYS_rt_sigprocmask, 2L /* SIG_SETMASK */, &mask, NULL, (long)sizeof(mask));
	__atomic_store_n(&t->word, word, __ATOMIC_RELAXED);
	errno = err;
	return w;
}

/* ---- Writing a mark ---- */

/* Where a record at *head stands; moves *head on if the rest of the data is too small. */
static inline unsigned char *weft_unit_place_(const struct weft_unit_writer_ *w, uint64_t *head)
{
	uint32_t at = (uint32_t)*head & (w->size - 1);

	if (WEFT_UNIT_RARE_(w->size - at < WEFT_UNIT_EVENT_MAX_SIZE)) {
		*head += w->size - at;
		at = 0;
	}
	return w->data + at;
}

static inline void weft_unit_put_(struct weft_unit_writer_ *w, uint64_t time, uint32_t id,
				  uint64_t unit, const void *body, uint32_t len)
{
	uint64_t head = w->head;
	unsigned char *at = weft_unit_place_(w, &head);
	struct weft_unit_record h;

	h.time = time;
	h.id = id;
	h.tid = w->tid;
	h.unit = unit;
	memcpy(at, &h, sizeof(h));
	if (len)
		memcpy(at + sizeof(h), body, len);
	w->head = head + sizeof(h) + len;
	__atomic_store_n(&w->ring->head, w->head, __ATOMIC_RELEASE);
}

static inline void weft_unit_lose_(struct weft_unit_writer_ *w, uint64_t count, uint64_t first,
				   uint64_t last)
{
	if (!w->ring->lost)
		w->ring->lost_first = first;
	w->ring->lost_last = last;
	w->ring->lost += count;
	w->limit = 0;
}

/*
 * The slow way: looks how far the reader has come, tells of losses, takes a larger ring. The writer
 * that has room now; NULL if there is none: the mark is lost.
 */
static WEFT_UNIT_COLD_ struct weft_unit_writer_ *
weft_unit_room_(struct weft_unit_thread_ *t, struct weft_unit_writer_ *w, uint64_t time)
{
	struct weft_unit_writer_ *larger;
	struct weft_unit_ring *r;
	uint64_t tail, lost[3];

	if (!w->size) { /* wiped: this is a forked child */
		t->ring = WEFT_UNIT_UNDECIDED_;
		w = weft_unit_attach_(t, NULL, 0);
		if (!w)
			return NULL;
	}
	for (;;) {
		r = w->ring;
		tail = __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);
		/*
		 * Two records may be needed and two ends skipped. A tail ahead of head makes this
		 * wrap: no room.
		 */
		if (w->head - tail <= w->size - 4 * WEFT_UNIT_EVENT_MAX_SIZE)
			break;
		larger = NULL;
		if (!w->full && w->size < WEFT_UNIT_RING_MAX)
			larger = weft_unit_attach_(t, w, w->size * 4);
		if (!larger) {
			w->full = 1;
			weft_unit_lose_(w, 1, time, time);
			return NULL;
		}
		w = larger;
	}
	if (r->lost) {
		lost[0] = r->lost;
		lost[1] = r->lost_first;
		lost[2] = r->lost_last;
		r->lost = 0;
		weft_unit_put_(w, time, WEFT_EV_unit_lost, 0, lost, sizeof(lost));
	}
	w->limit = tail + w->size;
	return w;
}

/*
 * One mark of the current thread, whatever its kind: `len` bytes of body follow the record's
 * header.
 */
static inline __attribute__((always_inline)) void weft_unit_mark_(struct weft_unit_thread_ *t,
								  uint32_t id, uint64_t unit,
								  const void *body, uint32_t len)
{
	struct weft_unit_writer_ *w;
	uint64_t time, head;

	if (WEFT_UNIT_RARE_(t->busy)) {
		t->nested++;
		return;
	}
	t->busy = 1;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (WEFT_UNIT_RARE_(t->ring == WEFT_UNIT_UNDECIDED_))
		weft_unit_attach_(t, NULL, 0);
	if (t->ring > WEFT_UNIT_OFF_) {
		w = (struct weft_unit_writer_ *)t->ring;
		time = weft_unit_clock_(w->clock);
		head = w->head;
		weft_unit_place_(w, &head);
		if (WEFT_UNIT_RARE_(head + sizeof(struct weft_unit_record) + len > w->limit)) {
			w = weft_unit_room_(t, w, time);
			/* If that took long, the unit has not run meanwhile. */
			if (w && id == WEFT_EV_unit_resume)
				time = weft_unit_clock_(w->clock);
		}
		if (w) {
			weft_unit_put_(w, time, id, unit, body, len);
			if (WEFT_UNIT_RARE_(t->nested))
				weft_unit_lose_(w,
						__atomic_exchange_n(&t->nested, 0u,
								    __ATOMIC_RELAXED),
						time, weft_unit_clock_(w->clock));
		}
	}
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	t->busy = 0;
}

#ifdef __cplusplus
}
#endif

#endif
