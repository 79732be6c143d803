/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Notices to the recorder. They are few, so a BPF ring buffer serves; its wake-up is an irq_work, which
 * may be raised from any context, under the run queue's lock too.
 */
#ifndef WEFT_BPF_NOTICE_BPF_H
#define WEFT_BPF_NOTICE_BPF_H

#include "config.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} notices SEC(".maps");

/* Negative if there was no room. */
static __always_inline long notice_send(u32 kind, u32 tgid, u64 flags)
{
	struct weft_notice n = { .kind = kind, .tgid = tgid };
	long err;

	n.lost = __sync_lock_test_and_set(&notices_lost, 0);
	err = bpf_ringbuf_output(&notices, &n, sizeof(n), flags);
	if (err && n.lost)
		__sync_fetch_and_add(&notices_lost, n.lost);
	return err;
}

static __always_inline void notice(u32 kind, u32 tgid, u64 flags)
{
	if (notice_send(kind, tgid, flags))
		__sync_fetch_and_add(&notices_lost, 1);
}

/*
 * A sub-buffer is complete. Until the reader has seen one such notice the next would tell nothing; and
 * if there is no room for it, there are others to wake the reader.
 */
static __always_inline void notice_data(void)
{
	if (READ_ONCE(data_notice_out) || __sync_lock_test_and_set(&data_notice_out, 1))
		return;
	if (notice_send(WEFT_NOTICE_DATA, 0, BPF_RB_FORCE_WAKEUP))
		WRITE_ONCE(data_notice_out, 0);
}

#endif
