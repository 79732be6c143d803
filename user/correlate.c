// SPDX-License-Identifier: GPL-2.0-only
/* The driver: hands every event to those who account it, and gaps to those whom they make unsure. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/device.h>
#include "correlator.h"

/* ---- Gaps ---- */

static int compare_ends(const void *a, const void *b, void *arg)
{
	const struct correlator *c = arg;
	uint64_t x = c->gaps[*(const uint32_t *)a].gap->last;
	uint64_t y = c->gaps[*(const uint32_t *)b].gap->last;

	return x < y ? -1 : x > y;
}

static int prepare_gaps(struct correlator *c)
{
	size_t i, nr = c->trace->nr_gaps;

	c->gaps = calloc(nr + 1, sizeof(*c->gaps));
	c->gaps_by_end = calloc(nr + 1, sizeof(*c->gaps_by_end));
	c->cpu_gap_first = calloc(nr + 1, sizeof(*c->cpu_gap_first));
	if (!c->gaps || !c->gaps_by_end || !c->cpu_gap_first)
		return -ENOMEM;
	c->nr_gaps = (uint32_t)nr;
	for (i = 0; i < nr; i++) {
		c->gaps[i].gap = &c->trace->gaps[i];
		c->gaps_by_end[i] = (uint32_t)i;
	}
	qsort_r(c->gaps_by_end, nr, sizeof(*c->gaps_by_end), compare_ends, c);
	return 0;
}

static void gap_begins(struct correlator *c, struct gap *gap)
{
	if (gap->gap->is_unit)
		marks_gap_begins(c, gap);
	else
		cpu_gap_begins(c, gap->gap->cpu, gap->gap->first);
}

static void gap_ends(struct correlator *c, struct gap *gap)
{
	if (gap->gap->is_unit)
		marks_gap_ends(gap);
	else
		cpu_gap_ends(c, gap->gap->cpu, gap->gap->last);
}

/* Gaps that begin up to `now`, and those that ended before it, in order of time. */
static void pass_gaps(struct correlator *c, uint64_t now)
{
	struct gap *begin, *end;

	for (;;) {
		begin = c->gaps_begun < c->nr_gaps ? &c->gaps[c->gaps_begun] : NULL;
		if (begin && begin->gap->first > now)
			begin = NULL;
		/* One that has not begun is not among those that may end. */
		end = c->gaps_ended < c->gaps_begun ? &c->gaps[c->gaps_by_end[c->gaps_ended]] :
						      NULL;
		if (end &&
		    (end->gap->last >= now || (begin && begin->gap->first <= end->gap->last)))
			end = NULL;
		if (end) {
			c->gaps_ended++;
			gap_ends(c, end);
		} else if (begin) {
			c->gaps_begun++;
			gap_begins(c, begin);
		} else {
			return;
		}
	}
}

/* ---- Events ---- */

/* tid and unit of these are not of who was running, or not certainly. */
static bool names_runner(const struct weft_event *rec)
{
	switch (rec->id) {
	case WEFT_EV_lost:
	case WEFT_EV_thread:
	case WEFT_EV_thread_stat:
	case WEFT_EV_tlb_flush: /* in the middle of a switch the memory is the next thread's already */
		return false;
	case WEFT_EV_sched_waking:
	case WEFT_EV_sched_wakeup:
	case WEFT_EV_sched_wakeup_new:
		return !(((const struct weft_ev_sched_waking *)rec)->flags & WEFT_WAKE_IRQ);
	default:
		return true;
	}
}

/*
 * A thread other than the leader calls exec: it takes the leader's id, and the leader, at its end, has
 * the thread's. Nothing tells when; but a CPU's thread can not change without a switch, so when the
 * thread that is on it has its leader's id all of a sudden, it is this.
 */
static void take_over(struct correlator *c, struct thread *t, uint32_t tid)
{
	struct thread *leader = thread_find(c, tid);
	uint32_t old = t->acct->tid;

	if (table_set(&c->tids, tid, 0, t) || (leader && table_set(&c->tids, old, 0, leader))) {
		c->err = -ENOMEM;
		return;
	}
	t->old_tid = old;
	t->acct->tid = tid;
}

static struct thread *running_thread(struct correlator *c, const struct weft_event *rec,
				     uint32_t nr)
{
	struct cpu *cpu = cpu_get(c, nr);
	struct thread *curr = cpu ? cpu->curr : NULL;

	if (!rec->tid)
		return NULL;
	if (curr && curr->acct->tid == rec->tid)
		return curr;
	if (curr && curr->acct->tgid == rec->tid && names_runner(rec)) {
		take_over(c, curr, rec->tid);
		return curr;
	}
	/* Or it shows first in the leader, on its last way out under the other's id. */
	if (curr && curr->exiting && curr->acct->tid == curr->acct->tgid && names_runner(rec)) {
		struct thread *other = thread_find(c, rec->tid);

		if (other && !other->dead && other->acct->tgid == curr->acct->tgid) {
			take_over(c, other, curr->acct->tid);
			return curr;
		}
	}
	return thread_get(c, rec->tid);
}

static void on_migrate(struct correlator *c, const struct weft_ev_sched_migrate_task *ev)
{
	struct thread *t = thread_get(c, ev->target);

	if (!t)
		return;
	/* Since 6.12 one that sleeps may be on a run queue still; moved to another, it counts as waiting. */
	if (!t->queued_at)
		t->queued_at = c->now;
	t->acct->n.migrations++;
	if (t->unit)
		t->unit->acct->n.migrations++;
}

static void on_rename(struct correlator *c, const struct weft_ev_task_rename *ev)
{
	struct thread *t = thread_get(c, ev->target);

	if (!t)
		return;
	memcpy(t->acct->comm, ev->comm, sizeof(t->acct->comm));
	if (t->process && t->acct->tid == t->acct->tgid)
		memcpy(t->process->acct->comm, ev->comm, sizeof(ev->comm));
}

static void on_process_exit(struct thread *t, const struct weft_ev_sched_process_exit *ev)
{
	t->exiting = true;
	t->acct->ended_here = true;
	t->acct->exit_code = ev->exit_code;
}

/* By exec the thread may have changed its id while nothing could be seen of it. */
static void see_exec(struct correlator *c, const struct weft_ev_sched_process_exec *ev,
		     struct thread *t)
{
	struct thread *old = ev->old_tid != ev->h.tid ? thread_find(c, ev->old_tid) : NULL;

	if (old && old != t && t->old_tid != ev->old_tid && old->acct->tgid == ev->h.tid) {
		take_over(c, old, ev->h.tid);
		t = old;
		thread_touch(c, t);
	}
	on_exec(c, ev, t);
}

/* Since when the thread has been in the kernel without a break, as far as the record tells. */
static uint64_t in_kernel_since(const struct weft_event *rec)
{
	uint64_t duration = 0;

	if (rec->id == WEFT_EV_page_fault)
		duration = ((const struct weft_ev_page_fault *)rec)->duration;
	else if (rec->id >= WEFT_EV_mmap && rec->id <= WEFT_EV_madvise)
		duration = ((const struct weft_ev_mmap *)rec)->duration;
	return duration == WEFT_UNKNOWN || duration > rec->time ? rec->time : rec->time - duration;
}

static void kernel_event(struct correlator *c, const struct trace_event *ev)
{
	const struct weft_event *rec = ev->rec;
	const void *r = rec;
	bool runs = names_runner(rec);
	struct thread *t;

	if (rec->id == WEFT_EV_thread)
		on_thread(c, r);
	t = rec->id == WEFT_EV_lost ? NULL : running_thread(c, rec, ev->cpu);
	/* The dead do not run: somebody has the id whose birth was not told. */
	if (t && t->dead && runs)
		t = thread_new(c, rec->tid);
	if (t) {
		thread_touch(c, t);
		if (runs) {
			thread_running(c, t, ev->cpu, rec);
			on_word(c, t, rec->unit, in_kernel_since(rec));
		}
	}
	if (c->ops && c->ops->event)
		c->ops->event(c->arg, ev, t ? t->acct : NULL, t && t->unit ? t->unit->acct : NULL);
	if (rec->id == WEFT_EV_context_switch)
		slice_told(c, ev->cpu, r);
	if (!t && rec->id != WEFT_EV_sched_switch && rec->id != WEFT_EV_sched_waking &&
	    rec->id != WEFT_EV_sched_wakeup && rec->id != WEFT_EV_sched_wakeup_new &&
	    rec->id != WEFT_EV_sched_migrate_task && rec->id != WEFT_EV_task_newtask &&
	    rec->id != WEFT_EV_task_rename)
		return;
	if (t && !t->foreign)
		count_event(c, rec, t, t->unit);
	switch (rec->id) {
	case WEFT_EV_thread_stat:
		on_thread_stat(c, r, t);
		break;
	case WEFT_EV_task_newtask:
		on_newtask(c, r, t);
		break;
	case WEFT_EV_sched_process_exec:
		see_exec(c, r, t);
		break;
	case WEFT_EV_sched_process_exit:
		on_process_exit(t, r);
		break;
	case WEFT_EV_task_rename:
		on_rename(c, r);
		break;
	case WEFT_EV_sched_switch:
		on_switch(c, r, ev->cpu, t);
		break;
	case WEFT_EV_sched_waking:
		on_waking(c, r, t);
		break;
	case WEFT_EV_sched_wakeup:
	case WEFT_EV_sched_wakeup_new:
		on_wakeup(c, r, t);
		break;
	case WEFT_EV_sched_migrate_task:
		on_migrate(c, r);
		break;
	default:
		break;
	}
}

static void unit_event(struct correlator *c, const struct trace_event *ev)
{
	struct thread *t = ev->rec->tid ? thread_get(c, ev->rec->tid) : NULL;
	struct process *p;

	if (t) {
		thread_touch(c, t);
		p = t->process ? NULL : process_get(c, ev->tgid);
		if (p)
			thread_set_process(t, p);
	}
	if (c->ops && c->ops->event)
		c->ops->event(c->arg, ev, t ? t->acct : NULL, t && t->unit ? t->unit->acct : NULL);
	if (t && ev->rec->id != WEFT_EV_unit_lost)
		on_mark(c, ev, t);
	else if (ev->rec->id == WEFT_EV_unit_invalid)
		c->acct->odd.invalid += ((const struct weft_ev_unit_invalid *)ev->rec)->count;
}

/* ---- The end ---- */

static void add_counts(struct acct_counts *sum, const struct acct_counts *n)
{
	uint64_t *to = (uint64_t *)sum;
	const uint64_t *from = (const uint64_t *)n;
	size_t i;

	for (i = 0; i < sizeof(*n) / sizeof(*from); i++)
		to[i] += from[i];
}
_Static_assert(sizeof(struct acct_counts) % sizeof(uint64_t) == 0, "acct_counts is all uint64_t");

static void finish(struct correlator *c)
{
	struct accounts *a = c->acct;
	struct acct_thread *t;
	struct image *im;
	int s;

	c->now = a->end;
	pass_gaps(c, UINT64_MAX);
	for (t = a->threads; t; t = t->next) {
		struct thread *priv = t->priv;

		thread_touch(c, priv);
		if (!priv->process) {
			struct process *p = process_get(c, 0);

			if (p)
				thread_set_process(priv, p);
		}
		/* Of one that has left the filter the rest is a span like any other. */
		if (t->traced)
			priv->foreign = false;
		if (priv->span.state == ACCT_ONCPU)
			word_is_lost(c, priv, a->end);
		thread_set(c, priv, a->end, ACCT_UNKNOWN);
	}
	for (im = c->images; im; im = im->next)
		if (im->process->image == im)
			image_close(c, im, a->end);
	for (t = a->threads; t; t = t->next) {
		struct thread *priv = t->priv;
		struct acct_process *p = t->process;

		if (priv->foreign) {
			t->state[ACCT_UNKNOWN] += a->end - priv->span.begin;
			t->last = a->end;
		} else if (!priv->dead) {
			t->last = a->end;
		}
		books_settle(priv);
		c->acct->odd.marks_off_cpu += priv->early_marks;
		if (!p)
			continue;
		add_counts(&p->n, &t->n);
		for (s = 0; s < ACCT_NR_STATES; s++)
			p->state[s] += t->state[s];
		if (t->first < p->first)
			p->first = t->first;
		if (t->last > p->last)
			p->last = t->last;
	}
}

static void hooks_tell(struct correlator *c)
{
	const uint64_t need = 1ull << WEFT_HOOK_sched_switch | 1ull << WEFT_HOOK_sched_wakeup |
			      1ull << WEFT_HOOK_sched_wakeup_new;

	c->infer = (c->trace->hooks & need) == need && c->trace->groups & WEFT_GROUP_SCHED;
	if (c->trace->clock_error_ns != WEFT_UNKNOWN)
		c->mark_slack = (uint64_t)((unsigned __int128)c->trace->clock_error_ns *
					   c->trace->clock_freq / 1000000000);
}

int correlate(struct trace *t, const struct correlate_ops *ops, void *arg, struct accounts **out,
	      char *errbuf, size_t len)
{
	struct correlator c = { .trace = t, .ops = ops, .arg = arg };
	struct trace_event ev;
	int ret = 0;

	*out = NULL;
	c.acct = calloc(1, sizeof(*c.acct));
	if (!c.acct) {
		snprintf(errbuf, len, "cannot account %s: out of memory", t->dir);
		return -ENOMEM;
	}
	c.last_process = &c.acct->processes;
	c.last_thread = &c.acct->threads;
	c.last_unit = &c.acct->units;
	hooks_tell(&c);
	c.err = prepare_gaps(&c);
	while (!c.err && (ret = trace_next(t, &ev, errbuf, len)) > 0) {
		c.now = ev.rec->time;
		if (!c.acct->end)
			c.acct->begin = c.now;
		c.acct->end = c.now;
		if (c.gaps_ended < c.nr_gaps)
			pass_gaps(&c, c.now);
		if (ev.is_unit)
			unit_event(&c, &ev);
		else
			kernel_event(&c, &ev);
	}
	if (!c.err && !ret)
		finish(&c);
	c.acct->events = t->events;
	c.acct->lost = t->lost;
	c.acct->unit_lost = t->unit_lost;
	correlator_free(&c);
	if (c.err) {
		snprintf(errbuf, len, "cannot account %s: out of memory", t->dir);
		ret = c.err;
	}
	if (ret)
		accounts_free(c.acct);
	else
		*out = c.acct;
	return ret;
}
