/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A session: one open file of /dev/weft, with its own rings, filter, hooks and notices.
 *
 * Locking, outer first:
 *	session.lock	ioctls of one session, its state
 *	sessions_lock	the list of sessions (read under RCU by probes); held while a session starts and
 *			while one is opened, so that each sees who records in the other
 *	class_lock	changes of the filter that must be seen whole by task_newtask (filter.c)
 *	notices.lock, ended_lock: leaves; interrupts off, for they are taken inside the scheduler
 * Probes take none but the last two (and class_lock in the life-of-a-task hooks).
 */
#ifndef WEFT_KMOD_SESSION_H
#define WEFT_KMOD_SESSION_H

#include <linux/fs.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/rculist.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <weft/device.h>
#include "filter.h"
#include "notice.h"
#include "ring.h"

enum session_state {
	SESSION_NEW,	   /* opened */
	SESSION_READY,	   /* SETUP done: rings can be mapped, filters set */
	SESSION_RECORDING, /* between START and STOP */
	SESSION_STOPPED,   /* what is in the rings can still be read */
};

struct pid_namespace;
struct session_hooks;

struct session {
	/* Read by every probe. */
	u8 *class;		     /* by thread id: CLASS_* (filter.h) */
	struct ring __percpu *rings; /* NULL before SETUP */
	s64 tp_offset[CLASS_INDEX + 1];
	bool recording; /* START has been reached: records may be written */
	bool stopping;	/* STOP has been reached: who is created now is not traced */
	bool all;	/* WEFT_SETUP_ALL */
	bool tsc;	/* WEFT_CLOCK_TSC */

	struct mutex lock;
	enum session_state state;
	pid_t recorder;		      /* the process that opened it */
	struct pid_namespace *pid_ns; /* of who opened it: ids in calls and notices are its */
	u32 groups;
	u8 uuid[16];
	u64 missed; /* of hooks that are off again */
	struct session_hooks *hooks;
	struct filter filter;
	struct notices notices;
	wait_queue_head_t wait;
	struct list_head list;
};

extern struct mutex sessions_lock;
extern struct list_head sessions;
extern const struct file_operations session_fops;

/* Has process tgid a session open? Under RCU or sessions_lock. */
bool session_is_recorder(pid_t tgid);
/* Wakes who polls or reads. Not from inside the scheduler: see ring.work. */
void session_wake(struct session *s);

/* This CPU's ring; preemption is off. */
static __always_inline struct ring *ring_this(struct session *s)
{
	return this_cpu_ptr(s->rings);
}

/* A point in time for measuring a duration, in the session's ticks. */
static __always_inline u64 session_ticks(const struct session *s)
{
	return s->tsc ? weft_ticks() : ktime_get_mono_fast_ns();
}

#endif
