/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A stretch of time cut into cells, one lane for each CPU, thread and unit (or group of units of one
 * name): for each cell how long its lane was in which state.
 */
#ifndef WEFT_USER_TIMELINE_H
#define WEFT_USER_TIMELINE_H

#include <stddef.h>
#include "account.h"
#include "trace.h"

#define TIMELINE_LETTERS 52 /* threads that have a letter of their own on the lanes of the CPUs */

struct timeline_lane {
	const struct acct_thread *thread; /* of the first pass; or */
	const struct acct_unit *unit; /* the unit, or the first of the group; or neither: a CPU */
	uint32_t cpu;
	uint64_t members; /* units of the group */
	char letter;	  /* of a thread: on the lanes of the CPUs; ' ' if it has none */
	/*
	 * Ticks, `width` rows. Of a thread or unit ACCT_NR_STATES columns; of a CPU TIMELINE_LETTERS + 1: the
	 * threads with a letter, then all the others that were traced.
	 */
	uint64_t *cells;
};

struct timeline {
	uint64_t from, to; /* ticks of the trace's clock */
	size_t width;	   /* cells */
	struct timeline_lane *cpus, *threads, *units;
	size_t nr_cpus, nr_threads, nr_units;
	size_t more_threads, more_units; /* that were there too, beyond max_lanes */
	bool grouped;			 /* units by name, as there are more than max_lanes */
};

/*
 * Chooses the lanes (the threads and units that were there between from and to, those longest on a CPU
 * first) and reads the trace again to fill them. 0 or a negative errno with a line in errbuf; tl can be freed
 * whatever comes.
 */
int timeline_make(struct timeline *tl, struct trace *t, const struct accounts *a, uint64_t from,
		  uint64_t to, size_t width, size_t max_lanes, char *errbuf, size_t len);
void timeline_free(struct timeline *tl);

/*
 * What a cell looks like: the state that took most of it, as a capital (or #) if it took all of it, as a
 * small letter (or +) if there were others; ' ' if the thread or unit was not there.
 */
char timeline_state(const uint64_t *cell);
/* The letter of the thread that had most of the CPU, '*' for one without a letter, '.' for none. */
char timeline_cpu(const uint64_t *cell);

#endif
