/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a process has mapped where, as far as the trace's mmap, munmap, mremap and brk records tell: so
 * that the address of a page fault gets a name.
 */
#ifndef WEFT_USER_MAPPINGS_H
#define WEFT_USER_MAPPINGS_H

#include <stddef.h>
#include <stdint.h>
#include <weft/event.h>

enum mapping_kind {
	MAPPING_UNKNOWN,    /* mapped before the recording, or the kernel gave no records */
	MAPPING_HEAP,	    /* brk */
	MAPPING_ANONYMOUS,  /* mmap without a file */
	MAPPING_STACK,	    /* mmap with MAP_STACK: of a thread or a coroutine */
	MAPPING_FILE,	    /* mmap of a file */
	MAPPING_MAIN_STACK, /* by its address */
	MAPPING_PROGRAM,    /* the program's own image, by its address */
};

struct mapping {
	uint64_t start, end; /* end: the first byte behind; 0 and 0 if not known from a record */
	enum mapping_kind kind;
};

/* One process. Zero it to begin with. Beyond MAPPINGS_MAX new ones are not known. */
#define MAPPINGS_MAX 65536
struct mappings {
	struct mapping *list; /* sorted, without overlap */
	size_t nr, room;
};

/* A record of the mm group. 0 or -ENOMEM (then this one is not known). */
int mappings_event(struct mappings *m, const struct weft_event *rec);
struct mapping mappings_find(const struct mappings *m, uint64_t address);
/* At exec and at the end. */
void mappings_clear(struct mappings *m);

const char *mapping_kind_name(enum mapping_kind kind); /* "heap (brk)" */

#endif
