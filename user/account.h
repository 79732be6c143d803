/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The books: one account for each process, thread and unit of a trace, and the spans they are summed
 * from. Filled in one pass by the correlator (correlate.h); read by report, blame, timeline, compare and
 * audit. All times are ticks of the trace's clock, as integers: rounding happens only where a figure is
 * printed. docs/model.md says what counts where.
 */
#ifndef WEFT_USER_ACCOUNT_H
#define WEFT_USER_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weft/event.h>
#include "histogram.h"

/* Every tick of a thread's or unit's life is in exactly one of these. */
enum acct_state {
	ACCT_UNKNOWN,	/* records were lost, or none told yet */
	ACCT_ONCPU,	/* executing */
	ACCT_RUNNABLE,	/* its thread is preempted, or woken, and waits for a CPU */
	ACCT_BLOCKED,	/* its thread is blocked in the kernel: by system call or page fault */
	ACCT_READY,	/* units only: queued in its runtime */
	ACCT_SUSPENDED, /* units only: waiting in user space, by reason and object */
	ACCT_NR_STATES
};

#define ACCT_NR_SYSCALLS 512   /* blocked time by system call: index is the number ... */
#define ACCT_BLOCKED_FAULT 511 /* ... or in a page fault */
#define ACCT_BLOCKED_OTHER 510 /* ... or neither (kernel threads, exit, numbers above) */

/* Time blocked in one system call (or fault): a sparse list, as threads use few of 512. */
struct acct_blocked {
	uint32_t what; /* system call number or ACCT_BLOCKED_* */
	uint64_t count;
	uint64_t ticks;
	struct acct_blocked *next;
};

/* Counts that a thread, a unit (while it was current) and a process (sum of threads) all have. */
struct acct_counts {
	uint64_t switches_voluntary;   /* switched out of its own will: slept */
	uint64_t switches_involuntary; /* preempted or yielded: was still runnable */
	uint64_t preemptions;	       /* of those, all but sched_yield(2) */
	uint64_t mm_switches;	       /* its switch-ins that changed the address space */
	uint64_t migrations;
	uint64_t wakeups; /* times it was woken (thread), or its thread was while it was current */
	uint64_t wakes_given; /* threads that it woke (kernel); not from interrupts */
	uint64_t faults_minor;
	uint64_t faults_major;
	uint64_t faults_uncounted;  /* retried or failed: the kernel does not count these */
	uint64_t faults_entry_only; /* known by the exception only: minor or major unknown */
	uint64_t fault_ticks;
	uint64_t maps, unmaps, map_calls; /* mmap, munmap, all mm calls */
	uint64_t mapped_bytes, unmapped_bytes;
	uint64_t map_ticks;
	uint64_t forks; /* threads and processes it created */
	uint64_t tlb_flushes;
	/* Cost of the context switches to it: [0] in the same, [1] from another address space. */
	uint64_t switch_cost_ticks[2];
	uint64_t switch_cost_count[2];
};

struct acct_unit;
struct acct_process;

/* Times that nothing explains. */
struct acct_misfits {
	uint64_t nr;
	int64_t ns;  /* the first: by how much */
	uint64_t at; /* and when it ended, ticks */
};

struct acct_thread {
	uint32_t tid;
	uint32_t tgid;
	char comm[16];
	bool traced;
	bool started_here, ended_here;	/* created / exited within the trace */
	uint64_t first, last;		/* its life within the trace, ticks */
	uint64_t state[ACCT_NR_STATES]; /* sums to last - first; READY and SUSPENDED stay 0 */
	uint64_t oncpu_units;		/* of ACCT_ONCPU: with a unit current */
	uint64_t oncpu_runtime;		/* with none */
	uint64_t oncpu_unknown;		/* unit unknown */
	uint64_t oncpu_by_word;		/* of oncpu_units: see struct acct_unit */
	uint64_t idle;			/* of ACCT_BLOCKED: with no unit current */
	struct acct_counts n;
	struct acct_blocked *blocked;
	struct histogram wakeup_latency; /* ticks from sched_wakeup to running */
	struct histogram runqueue_wait;	 /* ticks of each wait for a CPU, preemptions included */
	int32_t exit_code;
	/* The kernel's own books: at the start (zero for a thread born here) and at the end. */
	bool have_start, have_end;
	struct weft_ev_thread_stat stat_start, stat_end;
	/* Of the sched_switch records, reconciled with the books (audit.c). */
	uint64_t rec_switches_voluntary; /* recorded, after stat_start, up to stat_end */
	uint64_t rec_switches_involuntary;
	uint64_t rec_faults_minor, rec_faults_major, rec_faults_entry;
	uint64_t rec_faults_entry_uncounted; /* of rec_faults_entry: did not advance the books */
	uint64_t fault_gap; /* faults in the books between fault records: no event exists for them */
	uint64_t arrivals_missing; /* times it was seen running and no switch to it was recorded */
	uint64_t nswitch_gaps; /* switches missing by nswitch (lost, or before the hook was on) */
	bool books_torn; /* the books contradict the records: they go back, or can't be cut exactly */
	uint64_t runtime_ns; /* sum of the slices as the kernel booked them (sched_switch.runtime) */
	int64_t runtime_skew_ns; /* sum over those slices of (slice by stamps - slice as booked) */
	uint64_t run_delay_ns;	 /* likewise for waits (run_delay) */
	int64_t run_delay_skew_ns;
	/* The same one by one, against the scheduler's clock (correlate_slice.c). */
	uint64_t slices, waits; /* held against what bounds it */
	uint64_t slices_told;	/* held against what it was */
	int64_t excess_most;	/* ns: the slice that was longest against what was booked for it */
	struct acct_misfits slice_misfits, wait_misfits;
	uint64_t unbooked_ns; /* of slices: what the scheduler's clock went on by, and nobody was booked */
	struct acct_process *process;
	struct acct_thread *next; /* in order of appearance; a reused tid is a new account */
	void *priv;		  /* the correlator's */
};

struct acct_process {
	uint32_t tgid, ppid;
	bool traced; /* false: records merely name threads of it */
	char comm[16];
	char exe[64];
	uint64_t first, last;
	uint64_t state[ACCT_NR_STATES]; /* sum of its threads */
	uint64_t threads, threads_peak;
	uint64_t units_created;
	struct acct_counts n;
	struct acct_process *next;
	void *priv;
};

/* Time a unit was suspended, by reason and object. */
struct acct_wait {
	uint32_t reason; /* enum weft_unit_wait */
	uint64_t object;
	uint64_t count;
	uint64_t ticks;
	struct acct_wait *next;
};

struct acct_unit {
	uint64_t id;
	uint32_t tgid;
	uint32_t copy;
	uint32_t kind; /* enum weft_unit_kind */
	char name[32];
	uint64_t parent;
	bool created_here, exited_here; /* false: inherited over fork / never ended */
	bool marks; /* its program made some; else READY, SUSPENDED, resumes, wakes are not known */
	uint64_t first, last;
	uint64_t state[ACCT_NR_STATES]; /* sums to last - first */
	uint64_t fault_ticks_oncpu;	/* of ACCT_ONCPU: handling page faults */
	/* Of ACCT_ONCPU: between two kernel events that both saw it. That others ran meanwhile, it can't be told. */
	uint64_t oncpu_by_word;
	uint64_t resumes;
	uint64_t wakes_given, wakes_taken; /* unit_wake marks */
	uint64_t threads, cpus;		   /* distinct ones it ran on */
	struct acct_counts n;
	struct acct_blocked *blocked;
	struct acct_wait *waits;
	struct histogram ready_wait; /* ticks from ready to resumed */
	struct acct_process *process;
	struct acct_unit *next;
	void *priv;
};

/*
 * One span of one thread or unit in one state, as the correlator closes it. The spans of a unit cover its
 * life without gap or overlap; so do those of a thread.
 */
struct acct_span {
	uint64_t begin, end; /* ticks */
	enum acct_state state;
	/* Of a unit: where it is (was) current; NULL while READY or SUSPENDED. */
	struct acct_thread *thread;
	struct acct_unit *unit; /* of a thread's span: the current unit, NULL if none or unknown */
	bool of_unit;		/* a unit's span; else a thread's */
	uint32_t cpu;		/* ONCPU: where; else of the last run */
	uint32_t what;		/* BLOCKED: system call or ACCT_BLOCKED_*; SUSPENDED: reason */
	uint64_t object;	/* SUSPENDED: what it waits for; BLOCKED in a fault: the address */
	uint32_t by_tid; /* RUNNABLE: the thread that ran instead; end of BLOCKED: the waker, 0: irq */
	uint64_t by_unit; /* end of SUSPENDED and BLOCKED: the unit that woke it, 0: none */
	bool preempted;	  /* RUNNABLE: by preemption (else after a wake-up) */
	bool by_word;	  /* ONCPU with a unit: as acct_unit.oncpu_by_word */
};

/* Oddities of the unit marks; weft audit reports them (audit_marks.c), none disturbs the rest. */
struct acct_oddities {
	uint64_t suspend_without_resume, resume_of_unknown, resume_while_current,
		exit_without_create;
	uint64_t create_twice, wake_of_unknown,
		marks_off_cpu;	 /* a mark while its thread was not on a CPU */
	uint64_t word_disagrees; /* the kernel read another unit than the marks say */
	uint64_t invalid;	 /* unit_invalid records' counts */
	uint64_t open_units;	 /* never ended */
	uint64_t copies;	 /* processes with more than one copy of the header */
};

struct accounts {
	struct acct_process *processes;
	struct acct_thread *threads;
	struct acct_unit *units;
	uint64_t nr_processes, nr_threads, nr_units;
	uint64_t begin, end; /* of the trace, ticks */
	uint64_t events, lost, unit_lost;
	struct acct_oddities odd;
	/* ns: stamps of switches after the scheduler's clock, less the first one's; zero if none was told. */
	int64_t lag_least, lag_most;
};

#endif
