// SPDX-License-Identifier: GPL-2.0-only
/*
 * The filter: the table of classes, and how threads get in and out of it.
 */
#include <linux/delay.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/threads.h>
#include <linux/timekeeping.h>
#include <linux/vmalloc.h>
#include "books.h"
#include "filter.h"
#include "session.h"

int filter_init(struct session *s)
{
	struct filter *f = &s->filter;

	raw_spin_lock_init(&f->class_lock);
	raw_spin_lock_init(&f->claims_lock);
	f->next_offset = CLASS_UNIT_FIRST;
	s->class = __vmalloc(PID_MAX_LIMIT, GFP_KERNEL_ACCOUNT);
	if (!s->class)
		return -ENOMEM;
	memset(s->class, CLASS_OUT, PID_MAX_LIMIT);
	/* The idle tasks: no record need say who thread 0 is. */
	s->class[0] = CLASS_KERNEL | CLASS_UNIT_NONE;
	return 0;
}

void filter_free(struct session *s)
{
	vfree(s->class);
}

static struct task_struct *find_process(pid_t tgid, struct pid_namespace *ns)
{
	return pid_task(find_pid_ns(tgid, ns), PIDTYPE_TGID);
}

/* Of a thread about whose units nothing has been told. */
static u8 fresh_class(const struct task_struct *p, u8 in)
{
	return in |
	       (p->flags & WEFT_PF_KERNEL ? CLASS_KERNEL | CLASS_UNIT_NONE : CLASS_UNIT_UNKNOWN);
}

static bool is_in(u8 class)
{
	return class & CLASS_TRACED && class != CLASS_GONE;
}

/* Of the id of p, which ends. */
static u8 class_after(struct task_struct *p)
{
	return thread_group_leader(p) && atomic_read(&p->signal->live) ? CLASS_GONE : CLASS_OUT;
}

/*
 * Puts p, which exists already, in; false if it has ended. Under class_lock, so that task_newtask for
 * a new owner of its id comes later and has the last word.
 *
 * exit_state is set before the last switch: if it is clear after the class has been stored, the last
 * switch is still to come and will see the class. Otherwise p may be past it and stays out.
 */
static bool filter_bring_in(struct session *s, struct task_struct *p)
{
	u8 *class = &s->class[p->pid];

	if (is_in(*class))
		return true;
	WRITE_ONCE(*class, fresh_class(p, CLASS_TRACED));
	smp_mb(); /* pairs with the write_lock of tasklist_lock around exit_state's change */
	if (likely(!READ_ONCE(p->exit_state)))
		return true;
	WRITE_ONCE(*class, class_after(p));
	return false;
}

int filter_add(struct session *s, pid_t tgid)
{
	struct task_struct *leader, *t;
	bool found = false;
	int err = 0;

	mutex_lock(&sessions_lock);
	rcu_read_lock();
	leader = find_process(tgid, s->pid_ns);
	if (!leader) {
		err = -ESRCH;
	} else if (session_is_recorder(leader->tgid)) {
		err = -EINVAL;
	} else {
		raw_spin_lock(&s->filter.class_lock);
		for_each_thread(leader, t)
		{
			bool was_in = is_in(s->class[t->pid]);

			if (!filter_bring_in(s, t))
				continue;
			found = true;
			if (was_in)
				continue;
			notice_id(s, t);
			if (s->recording) {
				books_thread(s, t, true);
				books_stat(s, t, WEFT_STAT_START);
			}
		}
		raw_spin_unlock(&s->filter.class_lock);
		err = found ? 0 : -ESRCH;
	}
	rcu_read_unlock();
	mutex_unlock(&sessions_lock);
	return err;
}

/* The index of a tp_offset, a new one if need be; 0 (CLASS_UNIT_UNKNOWN) if there is none left. */
static unsigned int offset_index(struct session *s, s64 tp_offset)
{
	struct filter *f = &s->filter;
	unsigned int i;

	for (i = CLASS_UNIT_FIRST; i < f->next_offset; i++)
		if (s->tp_offset[i] == tp_offset)
			return i;
	if (i > CLASS_INDEX)
		return CLASS_UNIT_UNKNOWN;
	s->tp_offset[i] = tp_offset;
	/* The next number without a bit that is not the index's; those skipped stay 0 and unused. */
	f->next_offset = ((i | ~CLASS_INDEX) + 1) & CLASS_INDEX ?: CLASS_INDEX + 1;
	return i;
}

int filter_set_unit(struct session *s, pid_t tgid, bool none, s64 tp_offset)
{
	unsigned int index = none ? CLASS_UNIT_NONE : offset_index(s, tp_offset);
	struct task_struct *leader, *t;
	int err = -ESRCH;

	if (index == CLASS_UNIT_UNKNOWN)
		return -ENOSPC;
	smp_wmb(); /* the offset before the classes that name it; probes read them in this dependency */
	rcu_read_lock();
	leader = find_process(tgid, s->pid_ns);
	if (leader) {
		/* A thread born meanwhile either is found here or inherits what is stored here. */
		raw_spin_lock(&s->filter.class_lock);
		for_each_thread(leader, t)
		{
			u8 class = READ_ONCE(s->class[t->pid]);

			/* Its last switch may come between and clear the class: then it stays clear. */
			if (is_in(class) && !(t->flags & WEFT_PF_KERNEL) &&
			    cmpxchg(&s->class[t->pid], class, (class & ~CLASS_INDEX) | index) ==
				    class)
				err = 0;
		}
		raw_spin_unlock(&s->filter.class_lock);
	}
	rcu_read_unlock();
	return err;
}

void filter_start(struct session *s)
{
	struct task_struct *process, *p;
	u64 start = ktime_get_boottime_ns();

	/* Threads created from `start` on are described by task_newtask, for recording is set. */
	rcu_read_lock();
	for_each_process_thread(process, p) {
		bool in;

		raw_spin_lock(&s->filter.class_lock);
		in = is_in(s->class[p->pid]);
		if (s->all && !in && !session_is_recorder(p->tgid))
			in = filter_bring_in(s, p);
		raw_spin_unlock(&s->filter.class_lock);
		if (p->start_boottime >= start)
			continue;
		if (in) {
			books_thread(s, p, true);
			books_stat(s, p, WEFT_STAT_START);
		} else if (s->all) {
			filter_name(s, p);
		}
	}
	rcu_read_unlock();
}

/*
 * Is a thread in that can no longer be found? It has been waited for, and its id may be somebody else's by now, but its
 * last switch, which closes its books, is still to come.
 */
static bool filter_dying(struct session *s)
{
	const unsigned long traced = (~0UL / 0xff) * CLASS_TRACED;
	bool dying = READ_ONCE(s->filter.nr_claims);
	unsigned int id, i;

	for (id = 0; id < PID_MAX_LIMIT && !dying; id += sizeof(long)) {
		if (likely(!(data_race(*(unsigned long *)&s->class[id]) & traced)))
			continue;
		rcu_read_lock();
		for (i = id; i < id + sizeof(long); i++)
			dying |= is_in(READ_ONCE(s->class[i])) &&
				 !pid_task(find_pid_ns(i, &init_pid_ns), PIDTYPE_PID);
		rcu_read_unlock();
		cond_resched();
	}
	return dying;
}

void filter_stop(struct session *s)
{
	struct task_struct *process, *p;
	unsigned int ms;

	/* Who is created from now on would have no books; who was before is on the kernel's lists. */
	raw_spin_lock(&s->filter.class_lock);
	s->stopping = true;
	raw_spin_unlock(&s->filter.class_lock);
	rcu_read_lock();
	for_each_process_thread(process, p) {
		/* Under the lock no id, and with it no class, goes over to a new thread. */
		raw_spin_lock(&s->filter.class_lock);
		if (is_in(READ_ONCE(s->class[p->pid])) && pid_alive(p))
			books_stat(s, p, WEFT_STAT_STOP);
		raw_spin_unlock(&s->filter.class_lock);
	}
	rcu_read_unlock();
	for (ms = 0; ms < FILTER_DYING_MS && filter_dying(s); ms++)
		msleep(1);
	/* A switch is counted before its probe runs: what is in the books shall be in the ring. */
	synchronize_rcu();
}

void filter_exclude(struct session *s, pid_t tgid)
{
	struct task_struct *leader, *t;

	rcu_read_lock();
	raw_spin_lock(&s->filter.class_lock);
	leader = find_process(tgid, &init_pid_ns);
	if (leader) {
		for_each_thread(leader, t)
		{
			if (!is_in(s->class[t->pid]))
				continue;
			if (s->recording)
				books_stat(s, t, WEFT_STAT_STOP);
			/* Traced no more: the next record that names it tells so. */
			WRITE_ONCE(s->class[t->pid], CLASS_OUT);
		}
	}
	raw_spin_unlock(&s->filter.class_lock);
	rcu_read_unlock();
}

u64 filter_count(struct session *s)
{
	struct task_struct *process, *p;
	u64 n = 0;

	rcu_read_lock();
	for_each_process_thread(process, p)
		n += is_in(READ_ONCE(s->class[p->pid]));
	rcu_read_unlock();
	return n;
}

static void filter_claim(struct filter *f, u32 tid, u8 class)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&f->claims_lock, flags);
	if (f->nr_claims < FILTER_MAX_CLAIMS)
		f->claims[f->nr_claims++] = (struct filter_claim){ .tid = tid, .class = class };
	raw_spin_unlock_irqrestore(&f->claims_lock, flags);
}

/* Takes the oldest claim on tid: the claimed class, or 0 if there is none. */
static u8 filter_take_claim(struct filter *f, u32 tid)
{
	unsigned long flags;
	unsigned int i;
	u8 class = 0;

	raw_spin_lock_irqsave(&f->claims_lock, flags);
	for (i = 0; i < f->nr_claims; i++) {
		if (f->claims[i].tid != tid)
			continue;
		class = f->claims[i].class;
		f->nr_claims--;
		memmove(&f->claims[i], &f->claims[i + 1],
			(f->nr_claims - i) * sizeof(f->claims[0]));
		break;
	}
	raw_spin_unlock_irqrestore(&f->claims_lock, flags);
	return class;
}

u8 filter_newtask(struct session *s, struct task_struct *child)
{
	struct filter *f = &s->filter;
	u8 parent, old, class = CLASS_OUT;

	raw_spin_lock(&f->class_lock);
	parent = READ_ONCE(s->class[current->pid]);
	old = READ_ONCE(s->class[child->pid]);
	if (!s->stopping &&
	    (is_in(parent) || (s->all && s->recording && !session_is_recorder(child->tgid)))) {
		class = fresh_class(child, CLASS_TRACED);
		/* It runs the same program; but kernel code has no units. */
		if (is_in(parent) && !(child->flags & WEFT_PF_KERNEL))
			class = parent;
	}
	if (is_in(old) && s->recording) {
		/* Its id's former thread has not made its last switch: until then both are traced. */
		filter_claim(f, child->pid, class);
		if (is_in(class))
			WRITE_ONCE(s->class[child->pid], class);
	} else {
		WRITE_ONCE(s->class[child->pid], class);
	}
	if (thread_group_leader(child))
		cmpxchg(&f->ended[child->tgid % FILTER_ENDED], child->tgid, 0);
	raw_spin_unlock(&f->class_lock);
	return class;
}

void filter_exec(struct session *s, struct task_struct *p, pid_t old_tid)
{
	u8 class;

	raw_spin_lock(&s->filter.class_lock);
	class = READ_ONCE(s->class[p->pid]);
	if (class & CLASS_TRACED) {
		/*
		 * A thread that takes the leader's id over leaves its own to the leader, whose last
		 * switch will clear it, unless that is over.
		 */
		if (old_tid != p->pid && class == CLASS_GONE)
			WRITE_ONCE(s->class[old_tid], CLASS_OUT);
		WRITE_ONCE(s->class[p->pid], fresh_class(p, CLASS_TRACED));
	}
	raw_spin_unlock(&s->filter.class_lock);
}

void filter_exit(struct session *s, struct task_struct *p)
{
	raw_spin_lock(&s->filter.class_lock);
	if (!s->recording)
		WRITE_ONCE(s->class[p->pid], class_after(p));
	raw_spin_unlock(&s->filter.class_lock);
}

bool filter_group_ended(struct session *s, pid_t tgid)
{
	return xchg(&s->filter.ended[tgid % FILTER_ENDED], tgid) != tgid;
}

bool filter_owns(struct session *s, struct task_struct *p)
{
	struct filter *f = &s->filter;
	struct task_struct *owner;
	unsigned int i;

	/* p was released and its id given away? With a claim, p was traced; else only the owner is. */
	if (likely(pid_alive(p)))
		return true;
	for (i = 0; i < READ_ONCE(f->nr_claims); i++)
		if (READ_ONCE(f->claims[i].tid) == p->pid)
			return true;
	owner = pid_task(find_pid_ns(p->pid, &init_pid_ns), PIDTYPE_PID);
	return !owner || owner == p;
}

void filter_last_switch(struct session *s, struct task_struct *p)
{
	struct filter *f = &s->filter;
	u8 claimed = unlikely(READ_ONCE(f->nr_claims)) ? filter_take_claim(f, p->pid) : 0;

	/* Once its id is another traced thread's, that one's class is there already. */
	if (!is_in(claimed))
		WRITE_ONCE(s->class[p->pid], claimed ?: class_after(p));
}

u8 filter_name(struct session *s, struct task_struct *p)
{
	u8 *entry = &s->class[p->pid];
	u8 class = READ_ONCE(*entry);
	u8 known = fresh_class(p, 0);

	/* Only a thread that is taking the leader's id over, by exec, runs under such a one. */
	if (class == CLASS_GONE)
		return CLASS_TRACED | CLASS_UNIT_UNKNOWN;
	if (!(class & CLASS_LOOK))
		return class;
	/* Whoever wins names it; if the record is lost, the next one tries again. */
	if (cmpxchg(entry, class, known) == class && !books_thread(s, p, false))
		cmpxchg(entry, known, class);
	return known;
}
