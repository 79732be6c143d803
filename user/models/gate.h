/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A gate: units come to it and wait until it is opened, once, for all. The way to have N processes
 * or threads exist and stand still. It may lie in memory that processes share.
 */
#ifndef WEFT_USER_GATE_H
#define WEFT_USER_GATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum gate_state { GATE_CLOSED, GATE_OPEN, GATE_CANCELLED };

struct gate {
	_Atomic uint32_t arrived;  /* units */
	_Atomic uint32_t expected; /* units that the owner waits for; 0: it does not wait yet */
	_Atomic uint32_t state;	   /* enum gate_state */
	bool shared;		   /* between processes */
};

void gate_init(struct gate *g, bool shared);

/* A unit's: waits until the gate opens. False if it was cancelled instead: give up. */
bool gate_pass(struct gate *g);

/*
 * The owner's: waits until nr units have arrived. False if the gate was cancelled meanwhile, or if
 * `alive` (NULL: none), which is asked about ten times a second, says that a unit has died and
 * won't come.
 */
bool gate_await(struct gate *g, uint32_t nr, bool (*alive)(void *arg), void *arg);
/* The owner's: lets all pass, unless the gate was cancelled. */
void gate_open(struct gate *g);
/* Anybody's: sends all away, those that come later too. */
void gate_cancel(struct gate *g);

#endif
