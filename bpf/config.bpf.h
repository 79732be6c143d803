/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What user space tells the probes, and what they count for it. The read-only part is set between open
 * and load, so that the verifier drops what is switched off; the rest is shared memory.
 */
#ifndef WEFT_BPF_CONFIG_BPF_H
#define WEFT_BPF_CONFIG_BPF_H

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include <weft/device.h>

const volatile __u32 cfg_sub_size = WEFT_RING_MIN_SUB_SIZE; /* bytes */
const volatile __u32 cfg_sub_shift = 12;		    /* log2 of it */
const volatile __u32 cfg_nr_subs = WEFT_RING_MIN_SUBS;	    /* per CPU */
const volatile __u32 cfg_groups = WEFT_GROUP_ALL;	    /* WEFT_GROUP_* */
const volatile __u32 cfg_all = 0;			    /* every thread but the recorder's */
/* The recorder's PID namespace: its inode, 0 if it is the initial one. */
const volatile __u32 cfg_pid_ns = 0;
/* WEFT_HOOK_* bits >> WEFT_HOOK_mmap: calls to be watched by sys_enter and sys_exit */
const volatile __u32 cfg_syscalls = 0;
const volatile long long cfg_count_from_rq = 0; /* see in_interrupt(), bytes */
const volatile unsigned char cfg_uuid[16] = {};

/* Records are written while it is set. */
__u32 recording SEC(".data.on");
#define RECORDING_STOPS 2 /* as 1, but who is created now is not traced: it would have no books */

/* The recorder's process, which is never traced. */
__u32 self SEC(".data.on");

/* Where the unit word is, per class of threads: bytes from the thread pointer. See filter.bpf.h. */
#define NR_CLASSES 256
long long tp_offset[NR_CLASSES] SEC(".data.on");

__u64 nr_threads;      /* in the filter now */
__u64 nr_untold;       /* threads that could not be followed: no room beside a reused id */
__u64 notices_lost;    /* notices that found no room, since the last one that did */
__u32 data_notice_out; /* a WEFT_NOTICE_DATA is on its way; user space clears it as it reads them */

#define READ_ONCE(x) (*(volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile typeof(x) *)&(x) = (v))

#define group_on(g) (cfg_groups & WEFT_GROUP_##g)

#endif
