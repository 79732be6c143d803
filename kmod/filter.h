/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who is traced: one byte for each possible thread id, so that a probe decides with one load.
 *
 * A thread is put in by FILTER (or START, if everything is traced) or by inheriting from the thread
 * that creates it, in task_newtask, before it can run; it is taken out in its last switch. What makes
 * that exact:
 *  - An id is free for reuse as soon as its thread is released, which can be before its last switch.
 *    A new thread that finds its id's class still traced leaves a claim; the last switch of the old one
 *    then hands the class over instead of clearing it.
 *  - A leader may end before its threads, and one of them then takes the leader's id over by exec. The
 *    id therefore stays traced (CLASS_GONE) until it is used again.
 */
#ifndef WEFT_KMOD_FILTER_H
#define WEFT_KMOD_FILTER_H

#include <linux/compiler.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#define CLASS_TRACED 0x80u
#define CLASS_LOOK 0x40u   /* look closer: an outsider whom no record has named, or as below */
#define CLASS_KERNEL 0x08u /* runs kernel code only; the bit is WEFT_SWITCH_KTHREAD's */
#define CLASS_INDEX 0x37u  /* the other bits: which tp_offset its unit word has */

/* Values of the index that stand for no offset. */
#define CLASS_UNIT_UNKNOWN 0u /* not told */
#define CLASS_UNIT_NONE 1u    /* the process has no units */
#define CLASS_UNIT_FIRST 2u

#define CLASS_OUT CLASS_LOOK /* outside, not named */
/* A leader that has ended before its threads (no kernel thread has an unknown unit). */
#define CLASS_GONE (CLASS_TRACED | CLASS_LOOK | CLASS_KERNEL | CLASS_UNIT_UNKNOWN)

#define FILTER_MAX_CLAIMS 64
#define FILTER_ENDED 256     /* a power of two */
#define FILTER_DYING_MS 1000 /* so long STOP waits for those who are past being found */

struct session;

struct filter {
	raw_spinlock_t class_lock;
	unsigned int next_offset; /* index of the first unused of session.tp_offset */

	raw_spinlock_t claims_lock;
	unsigned int nr_claims; /* read without the lock for "are there any" */
	struct filter_claim {
		u32 tid;
		u8 class; /* of the thread that has this id now */
	} claims[FILTER_MAX_CLAIMS];

	u32 ended[FILTER_ENDED]; /* processes whose end has been told, by tgid */
};

/* 0 or -ENOMEM. */
int filter_init(struct session *s);
void filter_free(struct session *s);

/*
 * FILTER, UNIT, of the process tgid in the session's PID namespace: 0, -ESRCH if there is no such process (UNIT: or it
 * is not traced), -EINVAL if it is a recorder, -ENOSPC if there are too many different offsets in this session. Under
 * session.lock.
 */
int filter_add(struct session *s, pid_t tgid);
int filter_set_unit(struct session *s, pid_t tgid, bool none, s64 tp_offset);
/* The hooks are on: brings everything in if all, describes who is in. Under sessions_lock. */
void filter_start(struct session *s);
/* The hooks are still on: the books of who is in. Sleeps until who has ended has made its last switch. */
void filter_stop(struct session *s);
/* Takes a process out that has become a recorder: tgid is an initial id. Under sessions_lock. */
void filter_exclude(struct session *s, pid_t tgid);
/* How many threads are in. */
u64 filter_count(struct session *s);

/* For the probes (task.c, sched.c). */

/* In the creator: gives the child its class and returns it. */
u8 filter_newtask(struct session *s, struct task_struct *child);
/* In p, which was old_tid before exec. */
void filter_exec(struct session *s, struct task_struct *p, pid_t old_tid);
/* In a thread that ends while nothing is recorded yet. */
void filter_exit(struct session *s, struct task_struct *p);
/* Is this the first call for the end of process tgid? */
bool filter_group_ended(struct session *s, pid_t tgid);
/* In p's last switch: is the class of its id about p, and not about an earlier or later owner? */
bool filter_owns(struct session *s, struct task_struct *p);
/* The same, after the books have been written: takes p out. */
void filter_last_switch(struct session *s, struct task_struct *p);
/* Names p in the trace, once, if it is outside the filter. Returns its class, never CLASS_GONE. */
u8 filter_name(struct session *s, struct task_struct *p);

#endif
