/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processes whose current-unit word is still to be found (unit_word.h) and told to the backend. A program
 * that has just been executed has no word yet until its dynamic linker is done, so it is asked again.
 */
#ifndef WEFT_USER_UNIT_LOOKUP_H
#define WEFT_USER_UNIT_LOOKUP_H

#include <stdint.h>
#include "backend.h"

struct unit_lookup {
	struct unit_lookup_entry {
		pid_t tgid;
		uint64_t since_ns; /* CLOCK_MONOTONIC */
	} * waiting;
	size_t nr, capacity;
};

/* Asks for one process. Out of memory: its events stay without a known unit. */
void unit_lookup_add(struct unit_lookup *l, pid_t tgid);
/* Asks for every process there is: for a recording of everything, and when notices were lost. */
void unit_lookup_add_all(struct unit_lookup *l);
/* Tries each that waits; nr says how many still do. */
void unit_lookup_turn(struct unit_lookup *l, struct backend *b);
void unit_lookup_free(struct unit_lookup *l);

#endif
