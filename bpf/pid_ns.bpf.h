/* SPDX-License-Identifier: GPL-2.0-only */
/* Ids outside the initial PID namespace. */
#ifndef WEFT_BPF_PID_NS_BPF_H
#define WEFT_BPF_PID_NS_BPF_H

#include "config.bpf.h"
#include "kernel_types.h"

#define MAX_PID_NS_LEVEL 32

/*
 * The id at that level (0: initial) and the inode of the namespace there. level: not above pid's. pid is a plain
 * number to the verifier (BPF_CORE_READ), which lets nobody index a pointer of the kernel's.
 */
static __always_inline void pid_at(struct pid *pid, u32 level, u32 *nr, u32 *inum)
{
	u64 base = (u64)pid + bpf_core_field_offset(struct pid, numbers);
	struct upid *u = (void *)(base + level * bpf_core_type_size(struct upid));

	*nr = BPF_CORE_READ(u, nr);
	*inum = BPF_CORE_READ(u, ns, ns.inum);
}

/* The process id of t in the recorder's namespace; 0 if it has none there. */
static __always_inline u32 recorders_tgid(struct task_struct *t)
{
	struct pid *pid;
	u32 level, nr, inum;

	if (!cfg_pid_ns)
		return t->tgid;
	pid = BPF_CORE_READ(t, group_leader, thread_pid);
	level = BPF_CORE_READ(pid, level);
	for (u32 i = 1; i <= MAX_PID_NS_LEVEL; i++) {
		if (i > level)
			break;
		pid_at(pid, i, &nr, &inum);
		if (inum == cfg_pid_ns)
			return nr;
	}
	return 0;
}

#endif
