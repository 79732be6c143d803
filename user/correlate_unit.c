// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is current on a thread, and the states of units. While a unit is current its spans are those of
 * its thread (correlate_thread.c books both); otherwise it has an open span of its own.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "correlator.h"

bool unit_by_marks(const struct thread *t)
{
	return t->image && t->image->marks && !t->ring_dead;
}

/* Books the unit's own open span up to `at`. */
static void close_span(struct correlator *c, struct unit *u, uint64_t at)
{
	struct acct_span *s = &u->span;

	if (at <= s->begin)
		return;
	u->acct->state[s->state] += at - s->begin;
	if (s->state == ACCT_SUSPENDED)
		wait_add(c, &u->acct->waits, s->what, s->object, 0, at - s->begin);
	s->end = at;
	if (c->ops && c->ops->span)
		c->ops->span(c->arg, s);
	s->begin = at;
}

static void open_span(struct correlator *c, struct unit *u, uint64_t at, enum acct_state state,
		      uint32_t reason, uint64_t object)
{
	u->span = (struct acct_span){
		.begin = at,
		.state = state,
		.unit = u->acct,
		.of_unit = true,
		.what = reason,
		.object = object,
	};
	if (state == ACCT_SUSPENDED)
		wait_add(c, &u->acct->waits, reason, object, 1, 0);
}

/* Gaps in the program's marks that began since make a unit that nobody runs UNKNOWN. */
static void unit_touch(struct correlator *c, struct unit *u)
{
	struct image *im = u->image;
	uint64_t first;

	if (u->gap_gen == im->gaps_begun)
		return;
	first = im->gap_first[u->gap_gen];
	u->gap_gen = im->gaps_begun;
	if (u->thread || u->abandoned || u->span.state == ACCT_UNKNOWN)
		return;
	if (first < u->span.begin)
		first = u->span.begin;
	close_span(c, u, first);
	open_span(c, u, first, ACCT_UNKNOWN, 0, 0);
}

static struct unit *find(struct correlator *c, struct image *im, uint32_t copy, uint64_t id)
{
	struct acct_unit *a = unit_ever(c, im, copy, id);
	struct unit *u = a ? a->priv : NULL;

	if (u)
		unit_touch(c, u);
	return u;
}

/* The unit is not current any more; its thread's open span begins at `at`. */
static void rest(struct correlator *c, struct unit *u, uint64_t at, enum acct_state state,
		 uint32_t reason, uint64_t object)
{
	u->thread = NULL;
	u->below = NULL;
	u->woken = false;
	u->gap_gen = u->image->gaps_begun;
	/* Where marks are missing it may be woken and resumed. */
	if (u->image->gaps_open)
		state = ACCT_UNKNOWN;
	open_span(c, u, at, state, reason, object);
}

/* A unit whose thread ended is resumed or woken all the same: until then it was suspended. */
static void revive(struct correlator *c, struct unit *u)
{
	if (!u->abandoned)
		return;
	u->abandoned = false;
	if (u->span.state == ACCT_SUSPENDED)
		wait_add(c, &u->acct->waits, u->span.what, u->span.object, 1, 0);
}

/* Takes the unit out of its thread's pile; it has to be given a state then. */
static void take_off(struct correlator *c, struct unit *u, uint64_t at)
{
	struct thread *t = u->thread;
	struct unit **p;

	if (t->unit == u) {
		thread_cut(c, t, at);
		t->unit = u->below;
		/* That of another copy of unit.h was never told to have stopped. */
		if (t->unit)
			close_span(c, t->unit, at);
		return;
	}
	close_span(c, u, at);
	for (p = &t->unit->below; *p != u; p = &(*p)->below)
		;
	*p = u->below;
}

/* Makes the unit, which rests, the current one of the thread. */
static void put_on(struct correlator *c, struct unit *u, struct thread *t, uint64_t at)
{
	struct unit *cur, *below;

	if (u->span.state == ACCT_READY)
		histogram_add(&u->acct->ready_wait, at - u->span.begin);
	revive(c, u);
	close_span(c, u, at);
	thread_cut(c, t, at);
	for (cur = t->unit; cur; cur = below) {
		below = cur->below;
		if (cur->acct->copy != u->acct->copy)
			continue;
		take_off(c, cur, at);
		rest(c, cur, at, ACCT_SUSPENDED, WEFT_WAIT_NESTED, 0);
	}
	if (t->unit)
		open_span(c, t->unit, at, ACCT_SUSPENDED, WEFT_WAIT_NESTED, 0);
	u->below = t->unit;
	u->thread = t;
	t->unit = u;
	t->unit_known = true;
	idset_add(c, &u->threads, t->serial);
}

/* Nothing is current on the thread, or it is not known what. */
static void put_none(struct correlator *c, struct thread *t, uint64_t at, bool known,
		     enum acct_state state)
{
	struct unit *u;

	thread_cut(c, t, at);
	while ((u = t->unit)) {
		take_off(c, u, at);
		rest(c, u, at, state, WEFT_WAIT_OTHER, 0);
	}
	t->unit_known = known;
}

/* The end of the unit's account. It rests, or is taken off already. */
static void finish(struct correlator *c, struct unit *u, uint64_t at)
{
	/* What came after its thread's end, or after the last sight by the word, is no part of its life. */
	if (u->abandoned || !u->image->marks)
		at = u->span.begin;
	close_span(c, u, at);
	u->acct->last = at;
	unit_release(u);
}

/* ---- The word ---- */

/* By the word a thread's unit is certain at its kernel events only. From there on it is not known. */
static void drop_unsure(struct correlator *c, struct thread *t)
{
	uint64_t at = t->sure > t->span.begin ? t->sure : t->span.begin;

	put_none(c, t, at, false, ACCT_UNKNOWN);
}

/* at: since when the word is known to be so, at most c->now. */
static void set_by_word(struct correlator *c, struct thread *t, uint64_t word, uint64_t at)
{
	struct unit *u;

	if (!word) {
		t->unit_known = true;
		return;
	}
	u = find(c, t->image, t->image->word_copy, word);
	if (!u && unit_ever(c, t->image, t->image->word_copy, word))
		return; /* it has ended */
	if (!u) {
		u = unit_new(c, t->image, t->image->word_copy, word);
		if (!u)
			return;
		u->acct->first = u->span.begin = at;
	}
	if (u->thread && unit_by_marks(u->thread))
		return; /* marks know better */
	if (u->thread) {
		struct thread *other = u->thread;

		thread_touch(c, other);
		if (other->span.state == ACCT_ONCPU || other->span.state == ACCT_UNKNOWN)
			drop_unsure(c, other);
		else
			put_none(c, other, c->now, false, ACCT_UNKNOWN);
	}
	put_on(c, u, t, at > u->span.begin ? at : u->span.begin);
}

/* With marks: are word and marks of one mind? */
static void compare_word(struct correlator *c, struct thread *t, uint64_t word)
{
	uint64_t current = t->unit ? t->unit->acct->id : 0;

	if (t->unit && t->unit->acct->copy != t->image->word_copy)
		return;
	/*
	 * A mark stores the word first and takes its stamp then: in between the word is already the next
	 * mark's. And it is 0 for as long as unit.h works on its own behalf.
	 */
	if (t->odd && t->odd_word && t->odd_word != word)
		c->acct->odd.word_disagrees++;
	t->odd = word != current;
	t->odd_word = word;
}

static void settle_odd(struct correlator *c, struct thread *t)
{
	if (!t->odd)
		return;
	t->odd = false;
	if (t->odd_word != (t->unit ? t->unit->acct->id : 0))
		c->acct->odd.word_disagrees++;
}

void on_word(struct correlator *c, struct thread *t, uint64_t word, uint64_t since)
{
	bool known = word != WEFT_UNKNOWN, same;

	if (!t->image || t->foreign || t->dead)
		return;
	t->image->told |= known;
	if (unit_by_marks(t)) {
		if (!known)
			return;
		if (t->unit_known)
			compare_word(c, t, word);
		else if (!t->mark_gaps)
			thread_cut(c, t, c->now), set_by_word(c, t, word, c->now);
		return;
	}
	same = known && t->unit_known && word == (t->unit ? t->unit->acct->id : 0);
	if (!same)
		drop_unsure(c, t);
	if (since < t->sure)
		since = t->sure;
	if (since < t->span.begin)
		since = t->span.begin;
	if (!same || since < c->now)
		thread_cut(c, t, since);
	if (!same && known)
		set_by_word(c, t, word, since);
	/* No program changes its word while it is in the kernel. */
	t->certain = true;
	if (since < c->now)
		thread_cut(c, t, c->now);
	t->certain = false;
	t->sure = c->now;
}

void word_is_lost(struct correlator *c, struct thread *t, uint64_t at)
{
	if (unit_by_marks(t) || t->dead)
		return;
	if (t->span.state == ACCT_ONCPU || t->span.state == ACCT_UNKNOWN)
		drop_unsure(c, t);
	else
		put_none(c, t, at, false, ACCT_UNKNOWN);
}

/* ---- Marks ---- */

/*
 * A mark made while its thread was on no CPU, by more than the clocks' error. It changes nothing in what the
 * thread did: that is the kernel's to say, and its next record tells whether the mark was wrong or an
 * arrival is missing.
 */
static void check_order(struct correlator *c, struct thread *t)
{
	if (t->span.state != ACCT_RUNNABLE && t->span.state != ACCT_BLOCKED)
		return;
	if (t->state_since && c->now - t->state_since <= c->mark_slack)
		return;
	if (!t->early_marks++)
		t->early_mark = c->now;
}

void unit_arrival(struct correlator *c, struct thread *t)
{
	t->sure = c->now;
	if (!t->early_marks)
		return;
	if (c->now - t->early_mark > c->mark_slack)
		c->acct->odd.marks_off_cpu += t->early_marks;
	t->early_marks = 0;
}

static void note_copy(struct correlator *c, struct image *im, uint32_t copy)
{
	if (im->nr_copies && copy == im->last_copy)
		return;
	im->last_copy = copy;
	if (!im->nr_copies++)
		im->word_copy = copy;
	else if (im->nr_copies == 2)
		c->acct->odd.copies++;
}

static void mark_create(struct correlator *c, struct image *im, uint32_t copy,
			const struct weft_ev_unit_create *ev)
{
	struct unit *u;

	if (unit_ever(c, im, copy, ev->h.unit)) {
		c->acct->odd.create_twice++;
		return;
	}
	u = unit_new(c, im, copy, ev->h.unit);
	if (!u)
		return;
	u->acct->created_here = true;
	u->acct->kind = ev->kind;
	u->acct->parent = ev->parent;
	memcpy(u->acct->name, ev->name, sizeof(u->acct->name));
	u->acct->name[sizeof(u->acct->name) - 1] = '\0';
	im->process->acct->units_created++;
	open_span(c, u, c->now, im->gaps_open ? ACCT_UNKNOWN : ACCT_READY, 0, 0);
}

static void mark_resume(struct correlator *c, struct image *im, uint32_t copy, uint64_t id,
			struct thread *t)
{
	struct unit *u = find(c, im, copy, id);

	if (!u && unit_ever(c, im, copy, id)) {
		c->acct->odd.resume_of_unknown++;
		put_none(c, t, c->now, true, ACCT_SUSPENDED);
		return;
	}
	if (!u) {
		u = unit_new(c, im, copy, id);
		if (!u)
			return;
		if (!u->inherited && !im->gaps_begun)
			c->acct->odd.resume_of_unknown++;
	}
	u->acct->resumes++;
	if (t->left == id)
		t->left = 0;
	if (u->thread) {
		c->acct->odd.resume_while_current++;
		if (t->unit == u)
			return;
		/* The thread that had it winds down: from now on it runs there no more. */
		if (u->thread != t) {
			thread_touch(c, u->thread);
			u->thread->left = id;
		}
		take_off(c, u, c->now);
		rest(c, u, c->now, ACCT_UNKNOWN, 0, 0);
	}
	put_on(c, u, t, c->now);
}

static void mark_suspend(struct correlator *c, struct image *im, uint32_t copy,
			 const struct weft_ev_unit_suspend *ev, struct thread *t)
{
	struct unit *u = find(c, im, copy, ev->h.unit);
	bool ready = ev->reason == WEFT_WAIT_YIELD;

	if (!u && !t->unit_known && !unit_ever(c, im, copy, ev->h.unit))
		u = unit_new(c, im, copy, ev->h.unit);
	if (t->left == ev->h.unit && !(u && u->thread == t)) {
		t->left = 0;
		return;
	}
	if (!u || (u->thread != t && (t->unit_known || u->thread))) {
		c->acct->odd.suspend_without_resume++;
		return;
	}
	if (u->thread) {
		/* A wake that came before it had stopped: it need not wait. */
		ready |= u->woken;
		take_off(c, u, c->now);
	} else {
		/* Its resume was lost. */
		close_span(c, u, c->now);
		thread_cut(c, t, c->now);
		t->unit_known = true;
	}
	if (ready)
		rest(c, u, c->now, ACCT_READY, 0, 0);
	else
		rest(c, u, c->now, ACCT_SUSPENDED, ev->reason, ev->object);
}

static void mark_wake(struct correlator *c, struct image *im, uint32_t copy,
		      const struct weft_ev_unit_wake *ev)
{
	struct unit *u = find(c, im, copy, ev->h.unit);
	struct unit *by = ev->by ? find(c, im, copy, ev->by) : NULL;

	if (!u) {
		if (!im->gaps_begun)
			c->acct->odd.wake_of_unknown++;
		return;
	}
	u->acct->wakes_taken++;
	if (by)
		by->acct->wakes_given++;
	if (u->thread) {
		u->woken = true;
		return;
	}
	if (u->span.state == ACCT_READY)
		return;
	revive(c, u);
	if (u->span.state == ACCT_SUSPENDED)
		u->span.by_unit = ev->by;
	close_span(c, u, c->now);
	open_span(c, u, c->now, im->gaps_open ? ACCT_UNKNOWN : ACCT_READY, 0, 0);
}

static void mark_exit(struct correlator *c, struct image *im, uint32_t copy, uint64_t id,
		      struct thread *t)
{
	struct unit *u = find(c, im, copy, id);

	if (!u) {
		if (!im->gaps_begun)
			c->acct->odd.exit_without_create++;
	} else {
		if (u->thread) {
			if (u->thread != t)
				thread_touch(c, u->thread);
			take_off(c, u, c->now);
			rest(c, u, c->now, ACCT_UNKNOWN, 0, 0);
		}
		revive(c, u);
		u->acct->exited_here = true;
		finish(c, u, c->now);
	}
	if (!t->unit_known) {
		thread_cut(c, t, c->now);
		t->unit_known = true;
	}
}

void on_mark(struct correlator *c, const struct trace_event *ev, struct thread *t)
{
	struct image *im = t->image;
	const void *rec = ev->rec;

	if (!im || t->process->acct->tgid != ev->tgid || t->dead || t->foreign) {
		c->acct->odd.invalid++;
		return;
	}
	note_copy(c, im, ev->copy);
	check_order(c, t);
	switch (ev->rec->id) {
	case WEFT_EV_unit_create:
		mark_create(c, im, ev->copy, rec);
		return;
	case WEFT_EV_unit_resume:
		mark_resume(c, im, ev->copy, ev->rec->unit, t);
		break;
	case WEFT_EV_unit_suspend:
		mark_suspend(c, im, ev->copy, rec, t);
		break;
	case WEFT_EV_unit_wake:
		mark_wake(c, im, ev->copy, rec);
		return;
	case WEFT_EV_unit_exit:
		mark_exit(c, im, ev->copy, ev->rec->unit, t);
		break;
	case WEFT_EV_unit_invalid:
		c->acct->odd.invalid += ((const struct weft_ev_unit_invalid *)rec)->count;
		if (((const struct weft_ev_unit_invalid *)rec)->what == WEFT_INVALID_RING) {
			put_none(c, t, c->now, false, ACCT_UNKNOWN);
			t->ring_dead = true;
			t->sure = c->now;
		}
		return;
	}
	settle_odd(c, t);
}

static bool add_gap_first(struct correlator *c, struct image *im, uint64_t first)
{
	uint32_t nr = im->gaps_begun;
	uint64_t *more = im->gap_first;

	if (!(nr & (nr - 1)))
		more = realloc(more, (nr ? 2 * (size_t)nr : 1) * sizeof(*more));
	if (!more) {
		c->err = -ENOMEM;
		return false;
	}
	im->gap_first = more;
	im->gap_first[im->gaps_begun++] = first;
	return true;
}

void marks_gap_begins(struct correlator *c, struct gap *gap)
{
	uint64_t first = gap->gap->first;
	struct thread *t = thread_find(c, gap->gap->tid);
	struct process *p = table_get(&c->tgids, gap->gap->tgid, 0);
	struct image *im = p ? p->image : NULL;

	if (!im)
		return;
	gap->image = im;
	if (!add_gap_first(c, im, first))
		return;
	im->gaps_open++;
	if (!t || t->image != im || t->dead)
		return;
	gap->thread = t;
	t->mark_gaps++;
	t->odd = false;
	thread_touch(c, t);
	put_none(c, t, first > t->span.begin ? first : t->span.begin, false, ACCT_UNKNOWN);
}

void marks_gap_ends(struct gap *gap)
{
	if (gap->image)
		gap->image->gaps_open--;
	if (gap->thread)
		gap->thread->mark_gaps--;
}

/* ---- Births and ends ---- */

void thread_inherit(struct correlator *c, struct thread *child, const struct thread *parent,
		    bool own_tls)
{
	const struct unit *from = parent ? parent->unit : NULL;
	struct unit *u;

	child->sure = c->now;
	child->unit_known = own_tls || (parent && parent->unit_known);
	if (own_tls || !from || child->image == parent->image)
		return;
	u = find(c, child->image, from->acct->copy, from->acct->id);
	if (!u)
		u = unit_new(c, child->image, from->acct->copy, from->acct->id);
	if (!u)
		return;
	if (!child->image->nr_copies)
		child->image->word_copy = from->acct->copy;
	put_on(c, u, child, c->now);
}

void thread_abandon(struct correlator *c, struct thread *t, uint64_t at)
{
	struct unit *u;

	thread_cut(c, t, at);
	while ((u = t->unit)) {
		take_off(c, u, at);
		rest(c, u, at, ACCT_UNKNOWN, 0, 0);
		u->abandoned = true;
		/* Should another thread resume it: it was waiting all that time. */
		if (!u->image->gaps_open) {
			u->span.state = ACCT_SUSPENDED;
			u->span.what = WEFT_WAIT_OTHER;
		}
	}
}

/* In a program in which no unit was ever seen there was none, also while the word could not be read. */
static void settle_no_units(struct image *im)
{
	struct thread *t;

	if (im->has_units || !im->told)
		return;
	for (t = im->threads; t; t = t->next_in_image) {
		t->acct->oncpu_unknown -= t->by_word;
		t->acct->oncpu_runtime += t->by_word;
		t->by_word = 0;
	}
}

void image_close(struct correlator *c, struct image *im, uint64_t at)
{
	struct thread *t;

	for (t = im->threads; t; t = t->next_in_image) {
		t->left = 0;
		put_none(c, t, at, t->unit_known, ACCT_UNKNOWN);
	}
	while (im->units) {
		unit_touch(c, im->units);
		c->acct->odd.open_units++;
		finish(c, im->units, at);
	}
	settle_no_units(im);
}
