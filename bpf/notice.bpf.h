/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Notices to the recorder, with ids as its PID namespace has them. They are few, so a BPF ring buffer serves; its wake-up is an irq_work, which
 * may be raised from any context, under the run queue's lock too.
 */
#ifndef WEFT_BPF_NOTICE_BPF_H
#define WEFT_BPF_NOTICE_BPF_H

#include "pid_ns.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} notices SEC(".maps");

/* Negative if there was no room. */
static __always_inline long notice_send(struct weft_notice *n, u64 flags)
{
	long err;

	n->lost = __sync_lock_test_and_set(&notices_lost, 0);
	err = bpf_ringbuf_output(&notices, n, sizeof(*n), flags);
	if (err && n->lost)
		__sync_fetch_and_add(&notices_lost, n->lost);
	return err;
}

/* About the process of t. */
static __always_inline void notice(u32 kind, struct task_struct *t, u64 flags)
{
	struct weft_notice n = { .kind = kind, .tgid = recorders_tgid(t) };

	if (notice_send(&n, flags))
		__sync_fetch_and_add(&notices_lost, 1);
}

/* Tells the ids of t if it lives in another PID namespace than the initial one. */
static __always_inline void notice_id(struct task_struct *t)
{
	struct pid *pid = BPF_CORE_READ(t, thread_pid);
	u32 level = BPF_CORE_READ(pid, level);
	struct weft_notice n = { .kind = WEFT_NOTICE_ID };

	if (!level)
		return;
	n.tgid = recorders_tgid(t);
	n.trace_tid = t->pid;
	n.trace_tgid = t->tgid;
	pid_at(pid, level, &n.ns_tid, &n.pid_ns);
	if (notice_send(&n, 0))
		__sync_fetch_and_add(&notices_lost, 1);
}

/*
 * A sub-buffer is complete. Until the reader has seen one such notice the next would tell nothing; and
 * if there is no room for it, there are others to wake the reader.
 */
static __always_inline void notice_data(void)
{
	struct weft_notice n = { .kind = WEFT_NOTICE_DATA };

	if (READ_ONCE(data_notice_out) || __sync_lock_test_and_set(&data_notice_out, 1))
		return;
	if (notice_send(&n, BPF_RB_FORCE_WAKEUP))
		WRITE_ONCE(data_notice_out, 0);
}

#endif
