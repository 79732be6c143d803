// SPDX-License-Identifier: GPL-2.0-only
/* Complete sub-buffers out of a ring. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include "ring_reader.h"

int ring_reader_init(struct ring_reader *r, const struct backend_ring *ring, uint32_t sub_size,
		     uint32_t nr_subs)
{
	if (ring->ctl->sub_size != sub_size || ring->ctl->nr_subs != nr_subs)
		return -EBADMSG;
	*r = (struct ring_reader){
		.ring = ring,
		.sub_size = sub_size,
		.nr_subs = nr_subs,
		.tail = ring->user->tail,
	};
	return r->tail % sub_size ? -EBADMSG : 0;
}

/* Is the lap-numbered sub-buffer at pos complete? Pairs with the producer's commit, (A) in ring.h. */
static int complete(const struct ring_reader *r, uint64_t pos)
{
	uint64_t nr = pos / r->sub_size;
	uint64_t want = (nr / r->nr_subs + 1) * r->sub_size;
	uint64_t commit = __atomic_load_n(&r->ring->ctl->commit[nr % r->nr_subs], __ATOMIC_ACQUIRE);

	/* The next lap can't have begun in a sub-buffer that has not been handed back. */
	return commit < want ? 0 : commit == want ? 1 : -EBADMSG;
}

/* The length of the packet, 0 if it is none. */
static size_t packet_len(const struct ring_reader *r, const unsigned char *data)
{
	struct weft_packet p;

	memcpy(&p, data, sizeof(p));
	if (p.magic != WEFT_CTF_MAGIC || p.packet_size % (8 * WEFT_PACKET_ALIGN) ||
	    p.packet_size / 8 > r->sub_size || p.content_size > p.packet_size ||
	    p.content_size < sizeof(p) * 8)
		return 0;
	return p.packet_size / 8;
}

int ring_reader_next(const struct ring_reader *r, struct ring_run *run)
{
	uint64_t ring_size = (uint64_t)r->sub_size * r->nr_subs;
	uint64_t pos = r->tail;
	int ret;

	*run = (struct ring_run){ .data = r->ring->data + pos % ring_size };
	while ((ret = complete(r, pos)) > 0) {
		size_t len = packet_len(r, r->ring->data + pos % ring_size);

		if (!len)
			return -EBADMSG;
		run->len += len;
		pos += r->sub_size;
		/* A gap in memory, either way. */
		if (len < r->sub_size || pos % ring_size == 0)
			break;
	}
	run->end = pos;
	/* What precedes trouble is good; the trouble is met again at the next call. */
	return run->len ? 1 : ret;
}

void ring_reader_release(struct ring_reader *r, const struct ring_run *run)
{
	r->tail = run->end;
	/* The copy has been made: (C) in ring.h. */
	__atomic_store_n(&r->ring->user->tail, r->tail, __ATOMIC_RELEASE);
}
