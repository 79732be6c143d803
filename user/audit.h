/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The audit: holds the accounts of a trace against the kernel's own books in it (thread_stat records), and
 * the accounts against each other.
 */
#ifndef WEFT_USER_AUDIT_H
#define WEFT_USER_AUDIT_H

#include <stdio.h>
#include "account.h"
#include "trace.h"

struct json;

enum audit_verdict {
	AUDIT_EQUAL,	 /* recorded == counted */
	AUDIT_EXPLAINED, /* differs by a definition, and the difference is accounted for exactly */
	AUDIT_UNEXPLAINED, /* differs: weft audit exits 1 */
	AUDIT_NOT_CHECKED, /* the hook or the books are missing: shown as '-' */
};

enum audit_check {
	AUDIT_SWITCHES_VOLUNTARY,
	AUDIT_SWITCHES_INVOLUNTARY,
	AUDIT_FAULTS_MINOR,
	AUDIT_FAULTS_MAJOR,
	AUDIT_ONCPU_NS,
	AUDIT_RUNQUEUE_NS,
	AUDIT_FORKS,
	AUDIT_EXITS,
	AUDIT_BALANCE_THREADS, /* states sum to the lifetime; units + runtime = on-cpu; ticks off */
	AUDIT_BALANCE_UNITS,
	AUDIT_BALANCE_PROCESSES,
	AUDIT_ARRIVALS,	   /* switches to traced threads, against their switches away */
	AUDIT_MARKS_ORDER, /* marks outside their thread's time on a CPU */
	AUDIT_NR_CHECKS
};

struct audit_line {
	enum audit_verdict verdict;
	uint64_t recorded, counted; /* ours, the kernel's */
	int64_t explained;	    /* counted - recorded as far as it is accounted for */
	char why[256]; /* of EXPLAINED and UNEXPLAINED: which definition, or the first that is off */
};

struct audit {
	struct audit_line check[AUDIT_NR_CHECKS];
	uint64_t threads; /* threads with complete books */
	uint64_t threads_unequal; /* of them, and traced ones without: switches or faults differ, unexplained */
	uint64_t lost;
	enum audit_verdict verdict; /* the worst */
};

extern const char
	*const audit_check_name[AUDIT_NR_CHECKS]; /* as in text and JSON: "switches_voluntary", … */

/* "equal", "explained", "unexplained", "not checked" */
const char *audit_verdict_name(enum audit_verdict v);
void audit_run(const struct trace *t, const struct accounts *a, struct audit *out);
void audit_print(FILE *f, const struct trace *t, const struct audit *au);
/* The member `checks`, of the object that is open. */
void audit_checks_json(struct json *j, const struct audit *au);

/* The marks that do not fit: a line for each kind that there is; the member `marks`, all kinds. */
void audit_marks_print(FILE *f, const struct acct_oddities *odd);
void audit_marks_json(struct json *j, const struct acct_oddities *odd);

#endif
