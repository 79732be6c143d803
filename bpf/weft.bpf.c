// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft's eBPF probes: the records of <weft/event.h> into the rings of <weft/ring.h>, byte for byte what the
 * module writes. One object; which programs of it are loaded is decided by user/bpf_hooks.c from what the
 * running kernel has.
 *
 *	config		what user space sets and reads
 *	ring, notice	the way out
 *	pid_ns		ids outside the initial PID namespace
 *	filter, unit	who is traced; the current-unit word
 *	books		thread and thread_stat
 *	sched, task, fault, mm	the hooks
 *	walk		existing threads, flush
 *	compat		what differs between kernels
 */
#include "kernel_types.h"
#include "sched.bpf.h"
#include "task.bpf.h"
#include "fault.bpf.h"
#include "mm.bpf.h"
#include "walk.bpf.h"

char LICENSE[] SEC("license") = "GPL";
