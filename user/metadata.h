/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The metadata file of a trace: CTF 1.8 TSDL, generated from the events' field lists, with all that a
 * reader must know of the recording in its env block. docs/trace-format.md describes it.
 */
#ifndef WEFT_USER_METADATA_H
#define WEFT_USER_METADATA_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "machine.h"

/* One recording; both sub-traces' metadata come from it. Strings are the caller's. */
struct metadata {
	uint8_t uuid[2][16]; /* by WEFT_STREAM_*: of each sub-trace */
	uint8_t clock_uuid[16];
	struct machine_clock clock;
	const char *backend;
	const char *command; /* "" for -a and -p */
	uint32_t nr_cpus;
	uint32_t groups; /* WEFT_GROUP_* */
	uint64_t hooks;	 /* 1 << WEFT_HOOK_* */
	bool emulated;
	bool system_wide;
	/* Known at the end only. */
	bool ended;
	uint64_t missed;	 /* hook returns */
	uint64_t clock_error_ns; /* of unit stamps; WEFT_UNKNOWN: not measured, left out */
};

/* Fresh random UUIDs (version 4). 0 or a negative errno. */
int metadata_new_uuids(struct metadata *m);

/* The text of the sub-trace of stream WEFT_STREAM_KERNEL or WEFT_STREAM_UNITS. */
void metadata_print(FILE *f, const struct metadata *m, uint32_t stream);

/*
 * Writes the file `metadata` in the directory dirfd, in place of an earlier one, so that at any moment
 * there is a whole one. 0 or a negative errno, and then the earlier one is still there.
 */
int metadata_write(int dirfd, const struct metadata *m, uint32_t stream);

#endif
