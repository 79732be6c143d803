/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One job under several models, each recorded, accounted and audited: figures to be put side by side.
 */
#ifndef WEFT_USER_COMPARE_H
#define WEFT_USER_COMPARE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "audit.h"
#include "models/model.h"

struct compare_opts {
	const struct job *job;
	bool models[MODEL_NR];
	struct job_opts opts;
	const char *backend; /* "auto", "kmod", "bpf" */
	const char *dir;     /* keeps the traces there; NULL: they are removed */
	uint64_t repeat;     /* recordings of each model, at least 1 */
};

/*
 * The figures of one recording. F(name, key, hook): key is the member of the JSON output and of
 * docs/json.md; a figure is missing (NaN) if its hook was. hook is `none` for what user space counted.
 */
#define COMPARE_FIGURES(F)                                                                         \
	F(UNITS, "units", none)                                                                    \
	F(OPS, "ops", none)                                                                        \
	F(WALL, "wall_ns", none)                                                                   \
	F(NS_PER_OP, "ns_per_op", none)                                                            \
	F(KERNEL_UNITS, "kernel_units", none)                                                      \
	F(USER_UNITS, "user_units", none)                                                          \
	F(WORKERS, "workers", none)                                                                \
	F(VOLUNTARY, "switches_voluntary", sched_switch)                                           \
	F(INVOLUNTARY, "switches_involuntary", sched_switch)                                       \
	F(PREEMPTIONS, "preemptions", sched_switch)                                                \
	F(MM_SWITCHES, "mm_switches", sched_switch)                                                \
	F(MIGRATIONS, "migrations", sched_migrate_task)                                            \
	F(WAKEUPS, "wakeups", sched_wakeup)                                                        \
	F(RUNQUEUE_WAIT, "runqueue_wait_ns", sched_switch)                                         \
	F(ONCPU, "oncpu_ns", sched_switch)                                                         \
	F(BLOCKED, "blocked_ns", sched_switch)                                                     \
	F(FAULTS_MINOR, "faults_minor", page_fault)                                                \
	F(FAULTS_MAJOR, "faults_major", page_fault)                                                \
	F(FAULTS_UNCLASSIFIED, "faults_unclassified", page_fault_entry)                            \
	F(FAULT_TIME, "fault_ns", page_fault)                                                      \
	F(MAPS, "maps", mmap)                                                                      \
	F(UNMAPS, "unmaps", munmap)                                                                \
	F(MAPPED_BYTES, "mapped_bytes", mmap)                                                      \
	F(FORKS, "forks", task_newtask)                                                            \
	F(TLB_FLUSHES, "tlb_flushes", tlb_flush)                                                   \
	F(COST_SAME_MM, "switch_cost_same_mm_ns", context_switch)                                  \
	F(COST_NEW_MM, "switch_cost_new_mm_ns", context_switch)                                    \
	F(UNIT_COUNT, "count", none)                                                               \
	F(UNIT_ONCPU_P50, "oncpu_ns_p50", none)                                                    \
	F(UNIT_ONCPU_P99, "oncpu_ns_p99", none)                                                    \
	F(UNIT_RUNNABLE_P50, "runqueue_wait_ns_p50", none)                                         \
	F(UNIT_RUNNABLE_P99, "runqueue_wait_ns_p99", none)                                         \
	F(UNIT_BLOCKED_P50, "blocked_ns_p50", none)                                                \
	F(UNIT_BLOCKED_P99, "blocked_ns_p99", none)                                                \
	F(UNIT_READY_P50, "ready_ns_p50", none)                                                    \
	F(UNIT_READY_P99, "ready_ns_p99", none)                                                    \
	F(UNIT_SUSPENDED_P50, "suspended_ns_p50", none)                                            \
	F(UNIT_SUSPENDED_P99, "suspended_ns_p99", none)                                            \
	F(PSS, "pss_bytes_per_unit", none)                                                         \
	F(PAGE_TABLES, "page_table_bytes_per_unit", none)                                          \
	F(KERNEL_STACKS, "kernel_stack_bytes_per_unit", none)

enum compare_figure {
#define X(name, key, hook) FIGURE_##name,
	COMPARE_FIGURES(X)
#undef X
		FIGURE_NR,
	/* Where the parts of the JSON output begin. */
	FIGURE_KERNEL_FIRST = FIGURE_VOLUNTARY,
	FIGURE_UNITS_FIRST = FIGURE_UNIT_COUNT,
	FIGURE_MEMORY_FIRST = FIGURE_PSS,
};

extern const char *const compare_key[FIGURE_NR];

/* Over the recordings of one model; NaN if the figure is missing. */
struct compare_value {
	double median, min, max;
};

struct compare_model {
	enum model model;
	uint64_t recordings; /* that succeeded; 0: nothing else here means anything but error */
	char error[512];     /* of the first that failed, "" if none did */
	struct compare_value value[FIGURE_NR];
	/* Of all recordings together; the checks' verdicts are the worst, their whys of that one. */
	struct audit audit;
	uint64_t unit_lost;
};

struct comparison {
	const struct job *job;
	uint64_t repeat;
	/* As the traces say; "" and 0 if no recording succeeded. */
	char kernel[128], backend[16];
	const char *clock;
	uint32_t cpus;
	bool emulated;
	struct compare_model models[MODEL_NR];
	size_t nr;
};

/*
 * 0, or a negative errno with a line in errbuf: -EINVAL if the job does not take these options, -EINTR after ^C, another
 * if nothing could be recorded at all. A model that failed is told in its error.
 */
int compare_run(const struct compare_opts *o, struct comparison *c, char *errbuf, size_t len);

/*
 * The sum of two checks of the model's audit, of which the kernel may tell the second with the first. False
 * if there is none.
 */
bool compare_audit_sum(const struct compare_model *m, enum audit_check one, enum audit_check two,
		       uint64_t *recorded, uint64_t *counted);

/* Did all models run, with audits that are equal or explained? */
bool compare_good(const struct comparison *c);

/* 0 or -ENOMEM. */
int compare_print(FILE *f, const struct comparison *c);
void compare_json(FILE *f, const struct comparison *c);

#endif
