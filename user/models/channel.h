/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Channels between the coroutines of one scheduler: values in the order in which they were sent.
 * Any number of coroutines may send and receive.
 */
#ifndef WEFT_USER_CHANNEL_H
#define WEFT_USER_CHANNEL_H

#include <stdint.h>
#include "coroutine.h"

struct channel {
	uint64_t *slot; /* `capacity` of them, the caller's */
	uint32_t capacity, first, nr;
	struct coroutine_queue receivers, senders; /* who waits: one of the two is empty */
};

/* capacity: at least 1. */
void channel_init(struct channel *ch, uint64_t *slots, uint32_t capacity);
/* Waits while the channel is full. */
void channel_send(struct channel *ch, uint64_t value);
/* Waits while it is empty. */
uint64_t channel_receive(struct channel *ch);

#endif
