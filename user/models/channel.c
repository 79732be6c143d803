// SPDX-License-Identifier: GPL-2.0-only
/* Channels between coroutines. */
#include <weft/unit_event.h>
#include "channel.h"

void channel_init(struct channel *ch, uint64_t *slots, uint32_t capacity)
{
	*ch = (struct channel){ .slot = slots, .capacity = capacity };
}

static void put(struct channel *ch, uint64_t value)
{
	uint32_t at = ch->first + ch->nr++;

	ch->slot[at < ch->capacity ? at : at - ch->capacity] = value;
}

static uint64_t take(struct channel *ch)
{
	uint64_t value = ch->slot[ch->first];

	if (++ch->first == ch->capacity)
		ch->first = 0;
	ch->nr--;
	return value;
}

void channel_send(struct channel *ch, uint64_t value)
{
	struct coroutine *receiver = coroutine_dequeue(&ch->receivers), *self;

	if (receiver) {
		receiver->value = value;
		coroutine_wake(receiver);
	} else if (ch->nr < ch->capacity) {
		put(ch, value);
	} else {
		self = coroutine_self();
		self->value = value;
		coroutine_enqueue(&ch->senders, self);
		coroutine_suspend(WEFT_WAIT_CHANNEL, ch);
	}
}

uint64_t channel_receive(struct channel *ch)
{
	struct coroutine *self, *sender;
	uint64_t value;

	if (!ch->nr) {
		self = coroutine_self();
		coroutine_enqueue(&ch->receivers, self);
		coroutine_suspend(WEFT_WAIT_CHANNEL, ch);
		return self->value;
	}
	value = take(ch);
	sender = coroutine_dequeue(&ch->senders);
	if (sender) {
		put(ch, sender->value);
		coroutine_wake(sender);
	}
	return value;
}
