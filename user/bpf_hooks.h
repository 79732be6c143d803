/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the BPF probes can hang on here: for each hook the best of the ways that the running kernel offers,
 * found out from its BTF and by trying, without leaving anything behind.
 */
#ifndef WEFT_USER_BPF_HOOKS_H
#define WEFT_USER_BPF_HOOKS_H

#include "backend.h"

enum bpf_way_kind {
	BPF_WAY_TRACEPOINT, /* tp_btf */
	BPF_WAY_FUNCTION,   /* fentry, fexit */
	BPF_WAY_KPROBE,
	BPF_WAY_SYSCALL, /* tp_btf/sys_enter and sys_exit, shared by all such */
};

struct bpf_way {
	enum weft_hook hook;
	uint32_t groups; /* WEFT_GROUP_*: it is for any of these; 0: always needed */
	enum bpf_way_kind kind;
	const char *target;	 /* the tracepoint, function or system call */
	const char *programs[2]; /* of bpf/weft.bpf.c; the second may be NULL */
	const char *how;
};

struct bpf_hooks {
	struct backend_hook hook[WEFT_HOOK_MAX];
	const struct bpf_way *way[WEFT_HOOK_MAX]; /* NULL: missing, or not needed */
	char switch_symbol[64]; /* finish_task_switch by its name here; "": not to be had */
	int64_t count_from_rq; /* bytes from a CPU's run queue to its preemption count; 0: not known */
};

/* 0, or a negative errno and a line in errbuf: BPF can't be used at all. */
int bpf_hooks_find(struct bpf_hooks *h, char *errbuf, size_t len);

/* Keeps libbpf off standard error; its first complaint since the last call is remembered instead. */
void bpf_hush(void);
/* That complaint, one line, "" if there was none. Valid until the next bpf_hush(). */
const char *bpf_complaint(void);

#endif
