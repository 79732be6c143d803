/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the time of a few chosen units went, by cause. A second pass over the trace, so that only what
 * belongs to the chosen units is kept: BLAME_CAUSES causes and BLAME_HELD victims each, whatever the
 * trace's size.
 */
#ifndef WEFT_USER_BLAME_H
#define WEFT_USER_BLAME_H

#include "account.h"
#include "mappings.h"
#include "trace.h"

#define BLAME_UNITS 100 /* that can be asked for at once */
#define BLAME_CAUSES 64 /* kept for one unit; smaller ones are summed up as BLAME_OTHER */
#define BLAME_HELD 64	/* units that one held up, by name of unit */

enum blame_kind {
	BLAME_EXECUTING, /* on-CPU, page faults apart */
	BLAME_FAULT, /* on-CPU, handling page faults of one mapping; ticks 0: the kernel does not tell */
	BLAME_BY_WORD,	 /* on-CPU between two kernel events that both saw it: no proof */
	BLAME_PREEMPTED, /* tid ran instead */
	BLAME_WAITING,	 /* woken, tid had the CPU */
	BLAME_BLOCKED, /* in `what` (system call or ACCT_BLOCKED_*), woken by tid (0: an interrupt) */
	BLAME_QUEUED, /* ready, while the thread that resumed it ran unit `unit`, which was in state `what` */
	BLAME_RUNTIME,	 /* ready, while that thread ran no unit and was in state `what` */
	BLAME_SUSPENDED, /* for reason `what`, on object, until `unit` woke it */
	BLAME_UNKNOWN,	 /* records were lost */
	BLAME_OTHER,	 /* many small causes */
	BLAME_NR_KINDS
};

struct blame_cause {
	enum blame_kind kind;
	uint32_t what;
	uint32_t tid;
	uint64_t unit;
	char unit_name[32];	/* QUEUED: of unit */
	bool many;		/* QUEUED: unit is the last of several of this name */
	uint64_t object;	/* SUSPENDED: as the runtime named it */
	struct mapping mapping; /* FAULT; BLOCKED in a fault */
	uint64_t ticks, count;
};

/* Units, by name, that were ready for a thread which the blamed unit kept blocked in the kernel. */
struct blame_held {
	char name[32];
	uint64_t last; /* the unit that was held up last */
	uint64_t ticks, waits;
};

struct blame_unit {
	const struct acct_unit *unit; /* of the first pass */
	/* The largest first; they add up to the unit's life. */
	struct blame_cause causes[BLAME_CAUSES + 1];
	size_t nr_causes;
	struct blame_held held[BLAME_HELD + 1]; /* the largest first */
	size_t nr_held;
	uint64_t held_ticks, held_waits; /* of all */
};

/*
 * Reads the trace again and fills list[0..nr), whose `unit` is set, the rest zero. 0, or a negative errno
 * with a line in errbuf.
 */
int blame_run(struct trace *t, const struct accounts *a, struct blame_unit *list, size_t nr,
	      char *errbuf, size_t len);

#endif
