// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of threads: fork, exec, exit, names, fatal signals. These hooks also keep the filter right,
 * from the first FILTER on; records are written once the session records.
 */
#include <linux/binfmts.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/signal.h>
#include <linux/string.h>
#include "hooks.h"
#include "session.h"
#include "unitword.h"

void probe_task_newtask(void *data, struct task_struct *child, unsigned long clone_flags)
{
	struct weft_ev_task_newtask *rec;
	struct session *s = data;
	u64 unit;

	if (!(filter_newtask(s, child) & CLASS_TRACED))
		return;
	notice_id(s, child);
	if (!s->recording)
		return;
	unit = unit_current(s, current, filter_name(s, current));
	rec = ring_reserve(ring_this(s), sizeof(*rec));
	if (rec) {
		event_header(&rec->h, WEFT_EV_task_newtask, current, unit);
		rec->child_tid = child->pid;
		rec->child_tgid = child->tgid;
		rec->clone_flags = clone_flags;
		strscpy_pad(rec->comm, child->comm, sizeof(rec->comm));
		ring_commit(ring_this(s), rec, sizeof(*rec));
	}
	if (thread_group_leader(child))
		notice_post(s, WEFT_NOTICE_FORK, child);
}

void probe_sched_process_exec(void *data, struct task_struct *p, pid_t old_pid,
			      struct linux_binprm *bprm)
{
	struct weft_ev_sched_process_exec *rec;
	struct session *s = data;
	u8 class;

	filter_exec(s, p, old_pid);
	class = READ_ONCE(s->class[p->pid]);
	if (!(class & CLASS_TRACED) || !s->recording)
		return;
	rec = ring_reserve(ring_this(s), sizeof(*rec));
	if (rec) {
		event_header(&rec->h, WEFT_EV_sched_process_exec, p, unit_current(s, p, class));
		rec->old_tid = old_pid;
		rec->pad = 0;
		strscpy_pad(rec->filename, kbasename(bprm->filename), sizeof(rec->filename));
		ring_commit(ring_this(s), rec, sizeof(*rec));
	}
	notice_post(s, WEFT_NOTICE_EXEC, p);
}

void probe_sched_process_exit(void *data, struct task_struct *p)
{
	struct weft_ev_sched_process_exit *rec;
	struct session *s = data;
	u8 class = READ_ONCE(s->class[p->pid]);
	bool last;
	u64 unit;

	if (!(class & CLASS_TRACED))
		return;
	if (!s->recording) {
		filter_exit(s, p);
		return;
	}
	/* Threads that end together all see that none is left: the first to say so is the last. */
	last = !atomic_read(&p->signal->live) && filter_group_ended(s, p->tgid);
	unit = unit_current(s, p, class);
	rec = ring_reserve(ring_this(s), sizeof(*rec));
	if (rec) {
		event_header(&rec->h, WEFT_EV_sched_process_exit, p, unit);
		rec->exit_code = p->exit_code;
		rec->flags = last ? WEFT_EXIT_GROUP : 0;
		ring_commit(ring_this(s), rec, sizeof(*rec));
	}
	if (last)
		notice_post(s, WEFT_NOTICE_EXIT, p);
}

void probe_task_rename(void *data, struct task_struct *p, const char *comm)
{
	struct weft_ev_task_rename *rec;
	struct session *s = data;
	u8 class = READ_ONCE(s->class[p->pid]);
	u64 unit;

	if (!(class & CLASS_TRACED)) {
		/* An outsider's name in the trace is no longer right: the next record names it again. */
		cmpxchg(&s->class[p->pid], class, class | CLASS_LOOK);
		return;
	}
	unit = unit_current(s, current, filter_name(s, current));
	rec = ring_reserve(ring_this(s), sizeof(*rec));
	if (!rec)
		return;
	event_header(&rec->h, WEFT_EV_task_rename, current, unit);
	rec->target = p->pid;
	rec->pad = 0;
	strscpy_pad(rec->comm, comm, sizeof(rec->comm));
	ring_commit(ring_this(s), rec, sizeof(*rec));
}

/* Does the default action of sig end the process? get_signal() then goes on to do so. */
static bool fatal_by_default(int sig)
{
	if (sig_kernel_ignore(sig) || sig_kernel_stop(sig))
		return false;
	return !(current->signal->flags & SIGNAL_UNKILLABLE) || sig_kernel_only(sig);
}

void probe_signal_deliver(void *data, int sig, struct kernel_siginfo *info, struct k_sigaction *ka)
{
	struct weft_ev_signal_deliver *rec;
	struct session *s = data;
	u8 class = READ_ONCE(s->class[current->pid]);
	u64 unit;

	if (!(class & CLASS_TRACED) || ka->sa.sa_handler != SIG_DFL || !fatal_by_default(sig))
		return;
	unit = unit_current(s, current, class);
	rec = ring_reserve(ring_this(s), sizeof(*rec));
	if (!rec)
		return;
	event_header(&rec->h, WEFT_EV_signal_deliver, current, unit);
	rec->sig = sig;
	/* Two small numbers stand for signals without an info. */
	rec->code = info == SEND_SIG_NOINFO ? SI_USER :
		    info == SEND_SIG_PRIV   ? SI_KERNEL :
					      info->si_code;
	ring_commit(ring_this(s), rec, sizeof(*rec));
}
