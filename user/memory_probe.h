/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What processes occupy in memory right now, as /proc tells: for measuring a job at its peak.
 */
#ifndef WEFT_USER_MEMORY_PROBE_H
#define WEFT_USER_MEMORY_PROBE_H

#include <stdint.h>
#include <sys/types.h>

/* Bytes; FORMAT_MISSING if the kernel does not tell. */
struct memory_usage {
	uint64_t pss;		/* resident, shared pages divided by who shares them */
	uint64_t page_tables;	/* of all levels */
	uint64_t kernel_stacks; /* of all threads */
	uint64_t processes, threads;
};

/*
 * The sum over process root and all its descendants. Processes that end meanwhile are left out. 0 or a
 * negative errno (no /proc).
 */
int memory_probe(pid_t root, struct memory_usage *m);

#endif
