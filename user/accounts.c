// SPDX-License-Identifier: GPL-2.0-only
/* Making, finding and freeing of accounts and of what the correlator keeps beside them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "correlator.h"

/* Objects told apart in one unit's waits, so that its account stays small; the others count as object 0. */
#define WAITS_MAX 64

static void *make(struct correlator *c, size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		c->err = -ENOMEM;
	return p;
}

static bool set(struct correlator *c, struct table *t, uint64_t a, uint64_t b, void *value)
{
	if (table_set(t, a, b, value))
		c->err = -ENOMEM;
	return !c->err;
}

struct cpu *cpu_get(struct correlator *c, uint32_t cpu)
{
	uint32_t nr = c->nr_cpus ? c->nr_cpus : 8;
	struct cpu *more;

	if (cpu < c->nr_cpus)
		return &c->cpus[cpu];
	while (nr <= cpu)
		nr *= 2;
	more = realloc(c->cpus, nr * sizeof(*more));
	if (!more) {
		c->err = -ENOMEM;
		return NULL;
	}
	memset(more + c->nr_cpus, 0, (nr - c->nr_cpus) * sizeof(*more));
	c->cpus = more;
	c->nr_cpus = nr;
	return &c->cpus[cpu];
}

struct image *image_new(struct correlator *c, struct process *p, struct image *parent)
{
	struct image *im = make(c, sizeof(*im));

	if (!im)
		return NULL;
	im->process = p;
	im->serial = ++c->nr_images;
	im->marks = trace_has_units(c->trace, p->acct->tgid);
	im->parent = parent;
	im->next = c->images;
	c->images = im;
	p->image = im;
	return im;
}

struct process *process_new(struct correlator *c, uint32_t tgid, struct image *parent)
{
	struct process *p = make(c, sizeof(*p));

	if (!p)
		return NULL;
	p->acct = make(c, sizeof(*p->acct));
	if (!p->acct || !set(c, &c->tgids, tgid, 0, p)) {
		free(p->acct);
		free(p);
		return NULL;
	}
	p->acct->tgid = tgid;
	p->acct->first = p->acct->last = c->now;
	p->acct->priv = p;
	*c->last_process = p->acct;
	c->last_process = &p->acct->next;
	c->acct->nr_processes++;
	return image_new(c, p, parent) ? p : NULL;
}

struct process *process_get(struct correlator *c, uint32_t tgid)
{
	struct process *p = table_get(&c->tgids, tgid, 0);

	return p ? p : process_new(c, tgid, NULL);
}

struct thread *thread_find(struct correlator *c, uint32_t tid)
{
	return table_get(&c->tids, tid, 0);
}

struct thread *thread_new(struct correlator *c, uint32_t tid)
{
	struct thread *t = make(c, sizeof(*t));

	if (!t)
		return NULL;
	t->acct = make(c, sizeof(*t->acct));
	if (!t->acct || !set(c, &c->tids, tid, 0, t)) {
		free(t->acct);
		free(t);
		return NULL;
	}
	t->serial = ++c->nr_threads;
	t->acct->tid = tid;
	t->acct->first = t->acct->last = c->now;
	t->acct->priv = t;
	t->span.begin = c->now;
	t->span.state = ACCT_UNKNOWN;
	t->span.thread = t->acct;
	t->gap_gen = c->cpu_gaps_begun;
	t->sure = c->now;
	t->last_wait = t->cover = t->wait_cover = -1;
	*c->last_thread = t->acct;
	c->last_thread = &t->acct->next;
	c->acct->nr_threads++;
	return t;
}

struct thread *thread_get(struct correlator *c, uint32_t tid)
{
	struct thread *t = thread_find(c, tid);

	return t ? t : thread_new(c, tid);
}

void thread_set_process(struct thread *t, struct process *p)
{
	t->process = p;
	t->image = p->image;
	t->next_in_image = t->image->threads;
	t->image->threads = t;
	t->acct->tgid = p->acct->tgid;
	t->acct->process = p->acct;
	if (++p->acct->threads && !t->dead && ++p->alive > p->acct->threads_peak)
		p->acct->threads_peak = p->alive;
}

/* A unit's key: its id, and the program and copy of unit.h that gave it out. */
static uint64_t unit_scope(const struct image *im, uint32_t copy)
{
	return (uint64_t)im->serial << 32 | copy;
}

struct acct_unit *unit_ever(struct correlator *c, const struct image *im, uint32_t copy,
			    uint64_t id)
{
	return table_get(&c->units, id, unit_scope(im, copy));
}

struct unit *unit_new(struct correlator *c, struct image *im, uint32_t copy, uint64_t id)
{
	struct unit *u = make(c, sizeof(*u));
	const struct acct_unit *from = NULL;
	const struct image *parent;

	if (!u)
		return NULL;
	u->acct = make(c, sizeof(*u->acct));
	if (!u->acct || !set(c, &c->units, id, unit_scope(im, copy), u->acct)) {
		free(u->acct);
		free(u);
		return NULL;
	}
	for (parent = im->parent; parent && !from; parent = parent->parent)
		from = unit_ever(c, parent, copy, id);
	if (from) {
		u->inherited = true;
		u->acct->kind = from->kind;
		u->acct->parent = from->parent;
		memcpy(u->acct->name, from->name, sizeof(u->acct->name));
	}
	u->acct->id = id;
	u->acct->tgid = im->process->acct->tgid;
	u->acct->copy = copy;
	u->acct->marks = im->marks;
	u->acct->first = u->acct->last = c->now;
	u->acct->process = im->process->acct;
	u->acct->priv = u;
	u->image = im;
	u->gap_gen = im->gaps_begun;
	u->last_cpu = UINT32_MAX;
	u->span.begin = c->now;
	u->span.state = ACCT_UNKNOWN;
	u->span.unit = u->acct;
	u->span.of_unit = true;
	u->next = im->units;
	if (u->next)
		u->next->prev = u;
	im->units = u;
	im->has_units = true;
	*c->last_unit = u->acct;
	c->last_unit = &u->acct->next;
	c->acct->nr_units++;
	return u;
}

void unit_release(struct unit *u)
{
	u->acct->threads = u->threads.nr;
	u->acct->cpus = u->cpus.nr;
	u->acct->priv = NULL;
	if (u->next)
		u->next->prev = u->prev;
	if (u->prev)
		u->prev->next = u->next;
	else
		u->image->units = u->next;
	free(u->threads.list);
	free(u->cpus.list);
	free(u);
}

void idset_add(struct correlator *c, struct idset *s, uint32_t id)
{
	uint32_t low = 0, high = s->nr, *more;

	if (!s->nr) {
		s->one = id;
		s->nr = 1;
		return;
	}
	if (s->nr == 1) {
		if (s->one == id)
			return;
		if (!s->list) {
			s->list = malloc(2 * sizeof(*s->list));
			if (!s->list) {
				c->err = -ENOMEM;
				return;
			}
		}
		s->list[0] = s->one;
	}
	while (low < high) {
		uint32_t mid = (low + high) / 2;

		if (s->list[mid] < id)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < s->nr && s->list[low] == id)
		return;
	if (s->nr > 1 && !(s->nr & (s->nr - 1))) {
		more = realloc(s->list, 2 * (size_t)s->nr * sizeof(*more));
		if (!more) {
			c->err = -ENOMEM;
			return;
		}
		s->list = more;
	}
	memmove(s->list + low + 1, s->list + low, (s->nr - low) * sizeof(*s->list));
	s->list[low] = id;
	s->nr++;
}

void blocked_add(struct correlator *c, struct acct_blocked **list, uint32_t what, uint64_t count,
		 uint64_t ticks)
{
	struct acct_blocked *b;

	while (*list && (*list)->what != what)
		list = &(*list)->next;
	b = *list;
	if (!b) {
		b = make(c, sizeof(*b));
		if (!b)
			return;
		b->what = what;
		*list = b;
	}
	b->count += count;
	b->ticks += ticks;
}

void wait_add(struct correlator *c, struct acct_wait **list, uint32_t reason, uint64_t object,
	      uint64_t count, uint64_t ticks)
{
	struct acct_wait **at = list, *w;
	unsigned nr = 0;

	for (; *at && ((*at)->reason != reason || (*at)->object != object); at = &(*at)->next)
		nr++;
	if (!*at && nr >= WAITS_MAX && object) {
		wait_add(c, list, reason, 0, count, ticks);
		return;
	}
	w = *at;
	if (w) {
		*at = w->next;
	} else {
		w = make(c, sizeof(*w));
		if (!w)
			return;
		w->reason = reason;
		w->object = object;
	}
	/* To the front: what a unit waits for it mostly waits for again. */
	w->next = *list;
	*list = w;
	w->count += count;
	w->ticks += ticks;
}

/* Frees what is kept beside the accounts. */
void correlator_free(struct correlator *c)
{
	struct acct_thread *t;
	struct acct_process *p;
	struct acct_unit *u;
	struct image *im;

	for (u = c->acct->units; u; u = u->next)
		if (u->priv)
			unit_release(u->priv);
	for (t = c->acct->threads; t; t = t->next) {
		free(t->priv);
		t->priv = NULL;
	}
	for (p = c->acct->processes; p; p = p->next) {
		free(p->priv);
		p->priv = NULL;
	}
	while ((im = c->images)) {
		c->images = im->next;
		free(im->gap_first);
		free(im);
	}
	table_free(&c->tids);
	table_free(&c->tgids);
	table_free(&c->units);
	free(c->cpus);
	free(c->gaps);
	free(c->gaps_by_end);
	free(c->cpu_gap_first);
}

static void free_blocked(struct acct_blocked *b)
{
	while (b) {
		struct acct_blocked *next = b->next;

		free(b);
		b = next;
	}
}

void accounts_free(struct accounts *a)
{
	struct acct_process *p;
	struct acct_thread *t;
	struct acct_unit *u;
	struct acct_wait *w;

	if (!a)
		return;
	while ((p = a->processes)) {
		a->processes = p->next;
		free(p);
	}
	while ((t = a->threads)) {
		a->threads = t->next;
		free_blocked(t->blocked);
		histogram_free(&t->wakeup_latency);
		histogram_free(&t->runqueue_wait);
		free(t);
	}
	while ((u = a->units)) {
		a->units = u->next;
		free_blocked(u->blocked);
		while ((w = u->waits)) {
			u->waits = w->next;
			free(w);
		}
		histogram_free(&u->ready_wait);
		free(u);
	}
	free(a);
}
