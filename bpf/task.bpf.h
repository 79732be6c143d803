/* SPDX-License-Identifier: GPL-2.0-only */
/* The life of threads: creation, exec, exit, names, fatal signals. */
#ifndef WEFT_BPF_TASK_BPF_H
#define WEFT_BPF_TASK_BPF_H

#include "books.bpf.h"

/* In the parent; the child is not yet in any list from which it could run or be found. */
SEC("tp_btf/task_newtask")
int BPF_PROG(task_newtask, struct task_struct *child, unsigned long clone_flags)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct weft_ev_task_newtask *e;
	u32 class = thread_class(t), child_class = class & CLASS_MASK;
	struct claim c;
	u64 unit;

	if (cfg_all && !class && recording)
		child_class = CLASS_PENDING;
	if (child->tgid == self || recording == RECORDING_STOPS)
		child_class = CLASS_NONE;
	thread_new(child, child_class);
	if (!recording || !child_class)
		return 0;
	notice_id(child);
	if (!class)
		tell_foreign(t);
	unit = current_unit(t, class);
	e = ring_claim(&c, sizeof(*e));
	if (e) {
		event_head(&e->h, &c, WEFT_EV_task_newtask, t->pid, unit);
		e->child_tid = child->pid;
		e->child_tgid = child->tgid;
		e->clone_flags = clone_flags;
		bpf_probe_read_kernel(e->comm, sizeof(e->comm), child->comm);
		ring_commit(&c);
	}
	if (child->tgid == child->pid)
		notice(WEFT_NOTICE_FORK, child, BPF_RB_NO_WAKEUP);
	return 0;
}

#define NAME_CHUNK 64
#define NAME_CHUNKS 4 /* longer paths would cost every start of the probes milliseconds */

/* The last part of the path that t executes, NUL-padded. */
static __always_inline void exec_name(char out[64], struct task_struct *t, const char *path)
{
	const char *last = path, *p = path;
	char chunk[NAME_CHUNK];

	for (int i = 0; i < NAME_CHUNKS; i++) {
		long n = bpf_probe_read_kernel_str(chunk, sizeof(chunk), p);

		if (n <= 0)
			break;
		for (int j = 0; j < NAME_CHUNK - 1; j++) {
			if (j >= n - 1)
				break;
			if (chunk[j] == '/')
				last = p + j + 1;
		}
		if (n < NAME_CHUNK) {
			bpf_probe_read_kernel_str(out, 64, last);
			return;
		}
		p += NAME_CHUNK - 1;
	}
	/* A very long path: the thread's new name is the beginning of it. */
	bpf_probe_read_kernel(out, sizeof(t->comm), t->comm);
}

/*
 * The thread runs a new program, alone in its process; if it was not the leader, it has the leader's id
 * by now, and with it the leader's entry (filter.bpf.h).
 */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(sched_process_exec, struct task_struct *t, int old_tid, struct linux_binprm *bprm)
{
	struct weft_ev_sched_process_exec *e;
	char filename[64] = {};
	struct claim c;

	if (!recording || !thread_class(t))
		return 0;
	/* The leader's last switch and exit were another thread's. */
	thread_set_class(t, CLASS_PENDING, t->pid != old_tid ? THREAD_DONE | THREAD_GROUP : 0);
	exec_name(filename, t, bprm->filename);
	e = ring_claim(&c, sizeof(*e));
	if (e) {
		event_head(&e->h, &c, WEFT_EV_sched_process_exec, t->pid, WEFT_UNKNOWN);
		e->old_tid = old_tid;
		e->pad = 0;
		__builtin_memcpy(e->filename, filename, sizeof(filename));
		ring_commit(&c);
	}
	notice(WEFT_NOTICE_EXEC, t, BPF_RB_FORCE_WAKEUP);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(sched_process_exit, struct task_struct *t)
{
	u32 class = thread_class(t);
	struct weft_ev_sched_process_exit *e;
	struct claim c;
	bool last;
	u64 *leader, unit;

	if (!recording || !class)
		return 0;
	/* The count of living threads may have reached zero for two that exit at once: one is the last. */
	last = t->signal->live.counter == 0;
	leader = thread_entry(t->tgid);
	if (last && leader) {
		u64 old = READ_ONCE(*leader);

		last = !(old & THREAD_GROUP) &&
		       __sync_val_compare_and_swap(leader, old, old | THREAD_GROUP) == old;
	}
	unit = current_unit(t, class);
	e = ring_claim(&c, sizeof(*e));
	if (e) {
		event_head(&e->h, &c, WEFT_EV_sched_process_exit, t->pid, unit);
		e->exit_code = t->exit_code;
		e->flags = last ? WEFT_EXIT_GROUP : 0;
		ring_commit(&c);
	}
	if (last)
		notice(WEFT_NOTICE_EXIT, t, BPF_RB_NO_WAKEUP);
	return 0;
}

SEC("tp_btf/task_rename")
int BPF_PROG(task_rename, struct task_struct *target, const char *comm)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct weft_ev_task_rename *e;
	char name[16] = {};
	struct claim c;
	u64 unit;

	if (!recording)
		return 0;
	if (!thread_class(target)) {
		/* If the trace knows an outsider's old name, the next record tells the new one. */
		thread_set_class(target, CLASS_NONE, THREAD_TOLD);
		return 0;
	}
	bpf_probe_read_kernel_str(name, sizeof(name), comm);
	unit = current_unit(t, thread_class(t));
	e = ring_claim(&c, sizeof(*e));
	if (!e)
		return 0;
	event_head(&e->h, &c, WEFT_EV_task_rename, t->pid, unit);
	e->target = target->pid;
	e->pad = 0;
	__builtin_memcpy(e->comm, name, sizeof(name));
	ring_commit(&c);
	return 0;
}

/* Signals whose default action does not end the process (x86 and arm64 number them alike). */
#define BIT_SIG(n) (1U << (n))
#define HARMLESS_SIGNALS                                                                           \
	(BIT_SIG(17) /* CHLD */ | BIT_SIG(18) /* CONT */ | BIT_SIG(19) /* STOP */ |                \
	 BIT_SIG(20) /* TSTP */ | BIT_SIG(21) /* TTIN */ | BIT_SIG(22) /* TTOU */ |                \
	 BIT_SIG(23) /* URG */ | BIT_SIG(28) /* WINCH */)

SEC("tp_btf/signal_deliver")
int BPF_PROG(signal_deliver, int sig, struct kernel_siginfo *info, struct k_sigaction *ka)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct weft_ev_signal_deliver *e;
	int code;
	u32 class;
	struct claim c;
	u64 unit;

	if (!recording || ka->sa.sa_handler || (sig < 32 && (HARMLESS_SIGNALS & BIT_SIG(sig & 31))))
		return 0;
	class = thread_class(t);
	if (!class)
		return 0;
	unit = current_unit(t, class);
	/* NULL (SEND_SIG_NOINFO) for a thread that dies with its group, which reads as SI_USER. */
	code = BPF_CORE_READ(info, si_code);
	e = ring_claim(&c, sizeof(*e));
	if (!e)
		return 0;
	event_head(&e->h, &c, WEFT_EV_signal_deliver, t->pid, unit);
	e->sig = sig;
	e->code = code;
	ring_commit(&c);
	return 0;
}

#endif
