/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The correlator's inside: what it keeps for each CPU, process, thread and unit while it reads.
 * docs/model.md has the rules that the functions here carry out.
 *
 *	correlate.c		the driver: events, gaps, the end
 *	correlate_thread.c	states of threads, from switches and wake-ups
 *	correlate_unit.c	what is current on a thread, from marks and from the word; states of units
 *	correlate_slice.c	slices and waits, held one by one against the scheduler's clock
 *	correlate_count.c	everything that is merely counted, and the kernel's books (books.h)
 *	accounts.c		making, finding and freeing of all of them
 */
#ifndef WEFT_USER_CORRELATOR_H
#define WEFT_USER_CORRELATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "account.h"
#include "books.h"
#include "correlate.h"
#include "table.h"
#include "trace.h"

/* A set of ids, most often of one. */
struct idset {
	uint32_t nr, one;
	uint32_t *list; /* ascending; NULL while there is but one */
};

/* The latest switch on a CPU, and the slice that it ended. correlate_slice.c. */
struct slice_edge {
	uint64_t at;	     /* its stamp */
	bool told;	     /* clock is */
	uint32_t clock;	     /* of the scheduler */
	struct thread *next; /* whose slice it began; NULL: not traced */
	uint32_t stints;     /* of next, with that one */
	/* Until its clock is told; NULL: none, or not known well enough. */
	struct thread *slice;
	uint32_t booked;      /* ns */
	uint32_t begun_clock; /* what the switch that began it told */
};

struct cpu {
	struct thread *curr; /* the traced thread that is on it; NULL: idle, another, or not known */
	uint32_t gaps_open;
	uint64_t gap_end; /* of the last: since then no switch was missed */
	struct slice_edge edge;
};

/*
 * One program in one process: from fork or exec to exec or the end. Units belong to it. Gaps in its
 * marks make its units UNKNOWN when they are looked at next, as gaps in CPUs' streams do with threads.
 */
struct image {
	struct process *process;
	struct image *parent; /* what it was forked from, NULL: none */
	uint32_t serial;      /* from 1 */
	bool marks;	      /* it has unit streams: marks decide what is current, else the word */
	bool told;	      /* a word could be read */
	bool has_units;
	uint32_t nr_copies; /* of unit.h that made marks */
	uint32_t word_copy; /* the copy that the word belongs to: the first */
	uint32_t last_copy;
	struct unit *units;	/* all that live */
	struct thread *threads; /* all that ran in it */
	uint64_t *gap_first;	/* when each gap that has begun did */
	uint32_t gaps_begun, gaps_open;
	struct image *next;
};

struct process {
	struct acct_process *acct;
	struct image *image; /* the present one */
	uint64_t alive;	     /* threads */
};

/* When a thread went on a CPU, and its ticks on CPUs before that: to cut a fault's time. */
struct stint {
	uint64_t begin, before;
};
#define STINTS 32u /* a power of two */

struct thread {
	struct acct_thread *acct;
	struct process *process; /* NULL, and so is image: not told yet */
	struct image *image;
	struct thread *next_in_image;
	uint32_t serial;
	uint32_t old_tid; /* the id it had before it took its leader's in exec, 0: none */
	bool foreign;	  /* outside the filter: not accounted */
	bool exiting, dead;

	/* The open span. */
	struct acct_span span;
	uint32_t gap_gen;     /* CPU gaps begun when it was last looked at */
	uint64_t state_since; /* through all cuts; 0: began out of sight */
	uint64_t woken_at;    /* while UNKNOWN: when it was last woken */
	bool waking;	      /* by whom is known from sched_waking: */
	uint32_t waker_tid;
	uint64_t waker_unit;
	uint64_t fault_address; /* known at the fault's entry, until the thread sleeps */

	/* The current unit. */
	struct unit *unit;
	bool unit_known;    /* if not, unit is NULL */
	bool ring_dead;	    /* its ring was given up: the word decides */
	uint32_t mark_gaps; /* that are open in its marks */
	uint64_t sure;	    /* by word: up to here `unit` is certain */
	bool certain;	    /* by word: what is booked now is `unit`'s for certain */
	uint64_t by_word;   /* ticks on a CPU with a word that was not known, in this image */
	uint64_t left; /* a unit that another thread resumed: this one has still to say that it left it */
	bool odd; /* the word disagrees: the next mark will tell */
	uint64_t odd_word;
	uint64_t early_mark;  /* the first of early_marks */
	uint64_t early_marks; /* made off the CPU: the next arrival will tell by how much */

	/* The kernel's books. */
	struct ledger switches, faults;
	bool switch_known; /* the two below, of the latest switch, or of the thread's birth or start */
	uint8_t switch_nvcsw;
	uint32_t switch_nr; /* nvcsw + nivcsw */
	struct clock_book runtime, delay;
	int64_t last_wait;  /* ns: for the CPU it is on; negative: not known */
	uint64_t left_at;   /* its latest switch away, or its birth; 0: none seen */
	uint64_t queued_at; /* the first sched_waking or _migrate_task since; 0: none */
	/* ns, negative: not known. So much may have been booked, by bounds of the stamps' lag: */
	int64_t slack;	    /* before left_at, and was not */
	int64_t cover;	    /* for this slice before its stamp */
	int64_t wait_cover; /* for this wait before its */
	bool entry_pending; /* the last fault's entry is not known to be counted or not */
	uint32_t entry_counts;
	uint64_t oncpu; /* ticks */
	uint32_t nr_stints;
	struct stint stints[STINTS];
};

struct unit {
	struct acct_unit *acct; /* its priv leads back here while the unit lives */
	struct image *image;
	struct unit *prev, *next; /* in image->units */
	struct thread *thread; /* it is current there, or lies below the current one; else NULL */
	struct unit *below; /* of another copy of unit.h, current again when this one is no more */
	bool inherited;
	bool woken;	/* while it was current */
	bool abandoned; /* its thread ended */
	uint32_t gap_gen;
	uint32_t last_cpu;
	struct acct_span span; /* while it is not the current one */
	struct idset threads, cpus;
};

struct gap {
	const struct trace_gap *gap;
	struct thread *thread; /* unit stream: whose marks are missing, and of which program */
	struct image *image;
};

struct correlator {
	struct trace *trace;
	const struct correlate_ops *ops;
	void *arg;
	struct accounts *acct;
	struct acct_process **last_process;
	struct acct_thread **last_thread;
	struct acct_unit **last_unit;
	struct table tids, tgids, units;
	struct image *images;
	uint32_t nr_images, nr_threads;
	struct cpu *cpus;
	uint32_t nr_cpus;
	uint64_t now;
	uint64_t mark_slack; /* ticks: the error of unit stamps against the kernel's */
	bool lag_known;
	uint32_t lag_base; /* ns: the first stamp after the scheduler's clock, low 32 bits */
	bool infer; /* switches and wake-ups are all hooked: what is not told did not happen */
	int err;    /* -ENOMEM */
	/* Gaps in any stream, by begin, and their indices by end. */
	struct gap *gaps;
	uint32_t *gaps_by_end;
	uint32_t nr_gaps, gaps_begun, gaps_ended;
	/* Of those the ones in CPUs' streams: when each that began did, how many are open, the last end. */
	uint64_t *cpu_gap_first;
	uint32_t cpu_gaps_begun, cpu_gaps_open;
	uint64_t cpu_gap_end;
};

/*
 * accounts.c. What makes something returns NULL if memory is out, with c->err set; what adds something
 * sets c->err only.
 */
struct cpu *cpu_get(struct correlator *c, uint32_t cpu);
/* A process that begins now, whoever had its id before; parent: the program that it is a copy of, or NULL. */
struct process *process_new(struct correlator *c, uint32_t tgid, struct image *parent);
/* The process that has this id now; made if it is the first mention. */
struct process *process_get(struct correlator *c, uint32_t tgid);
/* A new program in the process. */
struct image *image_new(struct correlator *c, struct process *p, struct image *parent);
/* A thread that begins now, UNKNOWN, whoever had its id before. */
struct thread *thread_new(struct correlator *c, uint32_t tid);
/* The thread that has this id now: NULL if there is none, or made. Not for id 0. */
struct thread *thread_find(struct correlator *c, uint32_t tid);
struct thread *thread_get(struct correlator *c, uint32_t tid);
/* Puts a thread that has none into a process. */
void thread_set_process(struct thread *t, struct process *p);
/* The unit's account, also if it has ended; NULL if it was never heard of. */
struct acct_unit *unit_ever(struct correlator *c, const struct image *im, uint32_t copy,
			    uint64_t id);
/* A unit not heard of before. What it was in the program that this one was forked from is taken over. */
struct unit *unit_new(struct correlator *c, struct image *im, uint32_t copy, uint64_t id);
/* Frees what only a living unit needs, and takes it off its image's list. */
void unit_release(struct unit *u);
void idset_add(struct correlator *c, struct idset *s, uint32_t id);
void blocked_add(struct correlator *c, struct acct_blocked **list, uint32_t what, uint64_t count,
		 uint64_t ticks);
void wait_add(struct correlator *c, struct acct_wait **list, uint32_t reason, uint64_t object,
	      uint64_t count, uint64_t ticks);
void correlator_free(struct correlator *c);

/*
 * correlate_thread.c. What is changed is so from `at` on, a time not before the begin of the thread's open
 * span; events are handled at c->now.
 */
/* Ends the open span and begins one that is like it: the current unit is about to change. */
void thread_cut(struct correlator *c, struct thread *t, uint64_t at);
void thread_set(struct correlator *c, struct thread *t, uint64_t at, enum acct_state state);
/* To be called before anything else is done with a thread: gaps that began since then make it UNKNOWN. */
void thread_touch(struct correlator *c, struct thread *t);
/* A record proves that the thread is on this CPU. */
void thread_running(struct correlator *c, struct thread *t, uint32_t cpu,
		    const struct weft_event *rec);
void on_thread(struct correlator *c, const struct weft_ev_thread *ev);
void on_newtask(struct correlator *c, const struct weft_ev_task_newtask *ev, struct thread *parent);
void on_exec(struct correlator *c, const struct weft_ev_sched_process_exec *ev, struct thread *t);
void on_switch(struct correlator *c, const struct weft_ev_sched_switch *ev, uint32_t cpu,
	       struct thread *prev);
void on_waking(struct correlator *c, const struct weft_ev_sched_waking *ev, struct thread *waker);
void on_wakeup(struct correlator *c, const struct weft_ev_sched_waking *ev, struct thread *waker);
void cpu_gap_begins(struct correlator *c, uint32_t cpu, uint64_t first);
void cpu_gap_ends(struct correlator *c, uint32_t cpu, uint64_t last);

/* correlate_unit.c */
void on_mark(struct correlator *c, const struct trace_event *ev, struct thread *t);
/* Marks decide what is current on the thread, not the word. */
bool unit_by_marks(const struct thread *t);
/* The word as the kernel read it on thread t, which runs now, and has been in the kernel since `since`. */
void on_word(struct correlator *c, struct thread *t, uint64_t word, uint64_t since);
/* The thread arrives on a CPU: marks made shortly before are held against its time. */
void unit_arrival(struct correlator *c, struct thread *t);
/* Records are missing from `at` on: what the word was can't be told any more. */
void word_is_lost(struct correlator *c, struct thread *t, uint64_t at);
/* The child runs with a copy of its parent's memory, or with its own thread-local storage. */
void thread_inherit(struct correlator *c, struct thread *child, const struct thread *parent,
		    bool own_tls);
/* The thread has ended: what it had current stays behind. */
void thread_abandon(struct correlator *c, struct thread *t, uint64_t at);
/* The program has ended, and its units with it. */
void image_close(struct correlator *c, struct image *im, uint64_t at);
void marks_gap_begins(struct correlator *c, struct gap *gap);
void marks_gap_ends(struct gap *gap);

/* correlate_count.c */
/* Counts an event that happened on thread t, to it and to its current unit. */
void count_event(struct correlator *c, const struct weft_event *rec, struct thread *t,
		 struct unit *u);
/* The books of a switch; before the thread's state changes. */
void count_switch(struct correlator *c, const struct weft_ev_sched_switch *ev, uint32_t cpu,
		  struct thread *prev);
/*
 * correlate_slice.c: t leaves the CPU, before its state changes; booked: by the kernel for the slice that
 * ends, stamps: by ours, delay: by the kernel for the wait before it; ns, negative: not known.
 */
void slice_end(struct correlator *c, uint32_t cpu, struct thread *t, int64_t booked, int64_t stamps,
	       int64_t delay);
/* The CPU goes from prev to next, either NULL if it is not traced; after prev's slice_end(). */
void slice_begin(struct correlator *c, uint32_t cpu, const struct thread *prev,
		 struct thread *next);
/* What the scheduler's clock was at the latest switch on the CPU. */
void slice_told(struct correlator *c, uint32_t cpu, const struct weft_ev_context_switch *ev);

/* The thread is on a CPU from c->now on; wait: ticks for it, WEFT_UNKNOWN if not known. */
void count_arrival(struct correlator *c, struct thread *t, uint64_t wait);
/* The thread's kernel books are known from here: it is new, all its counters are zero. */
void books_open_new(struct thread *t);
void on_thread_stat(struct correlator *c, const struct weft_ev_thread_stat *ev, struct thread *t);
/* Copies what the books say into the account. */
void books_settle(struct thread *t);

#endif
