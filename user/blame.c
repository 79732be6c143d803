// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the time of a few chosen units went.
 *
 * Most causes are in the unit's own spans. Two need more. A unit that was ready waited for the thread that
 * then resumed it: who had that thread meanwhile is read off the thread's last spans, once the unit's next
 * span tells which thread it was. And whom a chosen unit held up is seen from the other side: each unit
 * that was ready while the thread which then resumed it was blocked in the kernel by the chosen one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "blame.h"
#include "correlate.h"
#include "table.h"

#define RECENT 1024 /* spans of a thread that are remembered, a power of two */
#define RECENT_BLOCKED 256
#define FAULT_MAPPINGS (BLAME_CAUSES / 3) /* causes of one unit that may be mappings */

/* A span of a thread, as far as the queue behind it is concerned. */
struct occupied {
	uint64_t begin, end;
	const struct acct_unit *unit; /* of the second pass; NULL: none */
	enum acct_state state;
	uint32_t what; /* BLOCKED: in which system call */
};

struct lane {
	uint64_t nr; /* ever */
	struct occupied recent[RECENT];
};

/* A unit of the chosen ones' processes that became ready; forgotten once it has been resumed. */
struct waiting {
	uint64_t begin, end; /* 0, 0: not waiting */
};

struct blocked {
	uint64_t begin, end;
	const struct acct_thread *thread;
};

/* What the second pass keeps about a chosen unit besides its causes. */
struct chosen {
	struct blame_unit *b;
	uint64_t fault_ticks; /* the sum of its faults' durations */
	uint64_t nr_blocked;
	struct blocked blocked[RECENT_BLOCKED];
};

struct blame {
	struct chosen *chosen;
	size_t nr;
	struct table lanes;   /* of threads, by tid and tgid */
	struct table waiting; /* of units, by id, process and copy */
	struct waiting *pool; /* as many as the trace has units */
	size_t nr_pool, room;
	struct table maps; /* struct mappings of processes, by tgid */
	bool failed;	   /* out of memory */
};

/* ---- causes */

/* Units in front of one in the queue are one cause if they have one name: there may be thousands. */
static bool same_unit_or_name(const struct blame_cause *a, const struct blame_cause *b)
{
	if (a->kind == BLAME_QUEUED && a->unit_name[0])
		return !strncmp(a->unit_name, b->unit_name, sizeof(a->unit_name));
	return a->unit == b->unit;
}

static bool same_cause(const struct blame_cause *a, const struct blame_cause *b)
{
	return a->kind == b->kind && a->what == b->what && a->tid == b->tid &&
	       same_unit_or_name(a, b) && a->object == b->object &&
	       a->mapping.start == b->mapping.start && a->mapping.kind == b->mapping.kind;
}

/* What is settled in the end must not be summed up before. */
static bool stays(const struct blame_cause *c)
{
	return c->kind == BLAME_EXECUTING || c->kind == BLAME_FAULT;
}

/* When the table is full its smallest cause joins BLAME_OTHER, which has the last place. */
static void blame_it(struct blame_unit *b, struct blame_cause cause)
{
	size_t i, least = BLAME_CAUSES;

	/* Faults count too where their time is not told. */
	if (!cause.ticks && cause.kind != BLAME_FAULT)
		return;
	for (i = 0; i < b->nr_causes; i++) {
		if (same_cause(&b->causes[i], &cause)) {
			b->causes[i].ticks += cause.ticks;
			b->causes[i].count += cause.count;
			b->causes[i].many |= b->causes[i].unit != cause.unit;
			b->causes[i].unit = cause.unit;
			return;
		}
		if (!stays(&b->causes[i]) &&
		    (least == BLAME_CAUSES || b->causes[i].ticks < b->causes[least].ticks))
			least = i;
	}
	if (b->nr_causes < BLAME_CAUSES) {
		b->causes[b->nr_causes++] = cause;
		return;
	}
	b->causes[BLAME_CAUSES].kind = BLAME_OTHER;
	b->causes[BLAME_CAUSES].ticks += b->causes[least].ticks;
	b->causes[BLAME_CAUSES].count += b->causes[least].count;
	b->causes[least] = cause;
}

/* Both lists are short, so that a search from the start will do. */
static void held_up(struct blame_unit *b, const struct acct_unit *victim, uint64_t ticks)
{
	struct blame_held *h;
	size_t i;

	b->held_ticks += ticks;
	b->held_waits++;
	for (i = 0; i < b->nr_held; i++)
		if (!strncmp(b->held[i].name, victim->name, sizeof(victim->name)))
			break;
	if (i == BLAME_HELD)
		return; /* it is in the sums */
	h = &b->held[i];
	if (i == b->nr_held) {
		memcpy(h->name, victim->name, sizeof(h->name));
		b->nr_held++;
	}
	h->last = victim->id;
	h->ticks += ticks;
	h->waits++;
}

/* ---- finding things */

static bool same_unit(const struct acct_unit *a, const struct acct_unit *b)
{
	return a->id == b->id && a->tgid == b->tgid && a->copy == b->copy;
}

static struct chosen *chosen_unit(struct blame *bl, const struct acct_unit *u)
{
	size_t i;

	for (i = 0; u && i < bl->nr; i++)
		if (same_unit(bl->chosen[i].b->unit, u))
			return &bl->chosen[i];
	return NULL;
}

static bool chosen_process(const struct blame *bl, uint32_t tgid)
{
	size_t i;

	for (i = 0; i < bl->nr; i++)
		if (bl->chosen[i].b->unit->tgid == tgid)
			return true;
	return false;
}

/* What t has under this key, made of `size` zero bytes the first time. */
static void *made(struct blame *bl, struct table *t, uint64_t a, uint64_t b, size_t size)
{
	void *value = table_get(t, a, b);

	if (value)
		return value;
	value = calloc(1, size);
	if (!value || table_set(t, a, b, value)) {
		free(value);
		bl->failed = true;
		return NULL;
	}
	return value;
}

static struct lane *lane_of(struct blame *bl, const struct acct_thread *t)
{
	return made(bl, &bl->lanes, t->tid, t->tgid, sizeof(struct lane));
}

static struct mappings *maps_of(struct blame *bl, uint32_t tgid)
{
	return made(bl, &bl->maps, tgid, 0, sizeof(struct mappings));
}

/* NULL if there is no memory. */
static struct waiting *waiting_of(struct blame *bl, const struct acct_unit *u)
{
	uint64_t where = (uint64_t)u->tgid << 32 | u->copy;
	struct waiting *w = table_get(&bl->waiting, u->id, where);

	if (w)
		return w;
	w = &bl->pool[bl->nr_pool];
	if (bl->nr_pool == bl->room || table_set(&bl->waiting, u->id, where, w)) {
		bl->failed = true;
		return NULL;
	}
	bl->nr_pool++;
	return w;
}

static uint64_t overlap(uint64_t a, uint64_t a_end, uint64_t b, uint64_t b_end)
{
	uint64_t begin = a > b ? a : b, end = a_end < b_end ? a_end : b_end;

	return end > begin ? end - begin : 0;
}

/* ---- the queue */

/* A chosen unit was ready from w->begin to w->end, when the thread resumed it. */
static void blame_queue(struct blame *bl, struct chosen *c, const struct waiting *w,
			const struct acct_thread *t)
{
	struct lane *l = lane_of(bl, t);
	uint64_t left = w->end - w->begin, i;
	struct blame_cause cause;

	for (i = l ? l->nr : 0; i-- > 0 && l->nr - i <= RECENT;) {
		const struct occupied *o = &l->recent[i % RECENT];
		uint64_t ticks = overlap(o->begin, o->end, w->begin, w->end);

		if (o->end <= w->begin)
			break;
		if (o->unit && same_unit(o->unit, c->b->unit))
			continue;
		left -= ticks < left ? ticks : left;
		cause = (struct blame_cause){ .kind = BLAME_RUNTIME,
					      .what = o->state,
					      .object = o->state == ACCT_BLOCKED ? o->what : 0,
					      .ticks = ticks,
					      .count = 1 };
		if (o->unit) {
			cause.kind = BLAME_QUEUED;
			cause.unit = o->unit->id;
			memcpy(cause.unit_name, o->unit->name, sizeof(cause.unit_name));
		}
		blame_it(c->b, cause);
	}
	blame_it(c->b, (struct blame_cause){ .kind = BLAME_RUNTIME, .ticks = left, .count = 1 });
}

static void blame_holders(struct blame *bl, const struct acct_unit *victim, const struct waiting *w,
			  const struct acct_thread *t)
{
	size_t i;

	for (i = 0; i < bl->nr; i++) {
		struct chosen *c = &bl->chosen[i];
		uint64_t ticks = 0, k;

		if (same_unit(c->b->unit, victim))
			continue;
		for (k = c->nr_blocked; k-- > 0 && c->nr_blocked - k <= RECENT_BLOCKED;) {
			const struct blocked *b = &c->blocked[k % RECENT_BLOCKED];

			if (b->end <= w->begin)
				break;
			if (b->thread == t)
				ticks += overlap(b->begin, b->end, w->begin, w->end);
		}
		if (ticks)
			held_up(c->b, victim, ticks);
	}
}

/* Any unit of the chosen ones' processes. */
static void follow_queue(struct blame *bl, struct chosen *c, const struct acct_span *s)
{
	struct waiting *w = waiting_of(bl, s->unit);

	if (!w)
		return;
	if (s->state == ACCT_READY) {
		/* Two spans in a row are one wait. */
		if (!w->end || w->end != s->begin)
			w->begin = s->begin;
		w->end = s->end;
		return;
	}
	if (w->end && s->thread) {
		blame_holders(bl, s->unit, w, s->thread);
		if (c)
			blame_queue(bl, c, w, s->thread);
	} else if (w->end && c) {
		/* Never resumed: suspended or lost meanwhile. */
		blame_it(c->b, (struct blame_cause){ .kind = BLAME_RUNTIME,
						     .ticks = w->end - w->begin,
						     .count = 1 });
	}
	w->begin = w->end = 0;
}

/* ---- what the correlator tells */

static void unit_span(struct blame *bl, struct chosen *c, const struct acct_span *s)
{
	struct blame_cause cause = { .ticks = s->end - s->begin, .count = 1 };
	struct mappings *maps;

	switch (s->state) {
	case ACCT_ONCPU:
		cause.kind = s->by_word ? BLAME_BY_WORD : BLAME_EXECUTING;
		break;
	case ACCT_RUNNABLE:
		cause.kind = s->preempted ? BLAME_PREEMPTED : BLAME_WAITING;
		cause.tid = s->by_tid;
		break;
	case ACCT_BLOCKED:
		cause.kind = BLAME_BLOCKED;
		cause.what = s->what;
		cause.tid = s->by_tid;
		maps = s->what == ACCT_BLOCKED_FAULT ? maps_of(bl, s->unit->tgid) : NULL;
		if (maps)
			cause.mapping = mappings_find(maps, s->object);
		c->blocked[c->nr_blocked++ % RECENT_BLOCKED] =
			(struct blocked){ s->begin, s->end, s->thread };
		break;
	case ACCT_SUSPENDED:
		cause.kind = BLAME_SUSPENDED;
		cause.what = s->what;
		cause.unit = s->by_unit;
		cause.object = s->object;
		break;
	case ACCT_READY: /* once it is known who resumes it */
		return;
	default:
		cause.kind = BLAME_UNKNOWN;
	}
	blame_it(c->b, cause);
}

static void thread_span(struct blame *bl, const struct acct_span *s)
{
	struct lane *l = lane_of(bl, s->thread);
	struct occupied *last;

	if (!l)
		return;
	last = l->nr ? &l->recent[(l->nr - 1) % RECENT] : NULL;
	/* What goes on is one. */
	if (last && last->end == s->begin && last->state == s->state && last->unit == s->unit &&
	    last->what == s->what)
		last->end = s->end;
	else
		l->recent[l->nr++ % RECENT] =
			(struct occupied){ s->begin, s->end, s->unit, s->state, s->what };
}

static void on_span(void *arg, const struct acct_span *s)
{
	struct blame *bl = arg;
	struct chosen *c;

	if (!s->of_unit) {
		if (s->thread && chosen_process(bl, s->thread->tgid))
			thread_span(bl, s);
		return;
	}
	if (!s->unit || !chosen_process(bl, s->unit->tgid))
		return;
	c = chosen_unit(bl, s->unit);
	follow_queue(bl, c, s);
	if (c)
		unit_span(bl, c, s);
}

static void on_fault(struct blame *bl, const struct weft_ev_page_fault *e, struct chosen *c)
{
	struct mappings *maps = maps_of(bl, c->b->unit->tgid);
	struct blame_cause cause = { .kind = BLAME_FAULT, .ticks = e->duration, .count = 1 };
	size_t i, faults = 0;

	if (!maps)
		return;
	if (e->duration == WEFT_UNKNOWN)
		cause.ticks = 0;
	cause.mapping = mappings_find(maps, e->address);
	/* Many mappings would push out all else: later ones are told apart by kind only. */
	for (i = 0; i < c->b->nr_causes && !same_cause(&c->b->causes[i], &cause); i++)
		faults += c->b->causes[i].kind == BLAME_FAULT;
	if (i == c->b->nr_causes && faults >= FAULT_MAPPINGS)
		cause.mapping.start = cause.mapping.end = 0;
	c->fault_ticks += cause.ticks;
	blame_it(c->b, cause);
}

static void on_event(void *arg, const struct trace_event *ev, struct acct_thread *t,
		     struct acct_unit *u)
{
	struct blame *bl = arg;
	struct mappings *maps;
	struct chosen *c;

	if (ev->is_unit || !t || !chosen_process(bl, t->tgid))
		return;
	switch (ev->rec->id) {
	case WEFT_EV_mmap:
	case WEFT_EV_munmap:
	case WEFT_EV_mremap:
	case WEFT_EV_brk:
		maps = maps_of(bl, t->tgid);
		if (maps && mappings_event(maps, ev->rec) == -ENOMEM && maps->nr < MAPPINGS_MAX)
			bl->failed = true;
		break;
	case WEFT_EV_sched_process_exec:
		maps = maps_of(bl, t->tgid);
		if (maps)
			mappings_clear(maps);
		break;
	case WEFT_EV_page_fault:
		c = chosen_unit(bl, u);
		if (c)
			on_fault(bl, (const void *)ev->rec, c);
		break;
	}
}

/* ---- the end */

/*
 * A fault's duration can contain time in which it was preempted or blocked, which has its own cause. The
 * part that was on-CPU is known in sum: the causes get it in proportion, and executing is the rest.
 */
static void settle_faults(struct chosen *c, uint64_t oncpu)
{
	struct blame_cause *executing = NULL;
	uint64_t given = 0;
	size_t i;

	if (oncpu > c->fault_ticks)
		oncpu = c->fault_ticks;
	for (i = 0; i < c->b->nr_causes; i++) {
		struct blame_cause *k = &c->b->causes[i];

		if (k->kind == BLAME_EXECUTING)
			executing = k;
		if (k->kind != BLAME_FAULT || !c->fault_ticks)
			continue;
		k->ticks = (uint64_t)((unsigned __int128)k->ticks * oncpu / c->fault_ticks);
		given += k->ticks;
	}
	if (executing)
		executing->ticks -= given < executing->ticks ? given : executing->ticks;
}

static int largest_cause(const void *a, const void *b)
{
	const struct blame_cause *x = a, *y = b;

	return x->ticks != y->ticks ? (x->ticks > y->ticks ? -1 : 1) : (int)x->kind - (int)y->kind;
}

static int largest_held(const void *a, const void *b)
{
	const struct blame_held *x = a, *y = b;

	return x->ticks != y->ticks ? (x->ticks > y->ticks ? -1 : 1) :
				      strncmp(x->name, y->name, sizeof(x->name));
}

static void settle(struct blame *bl)
{
	size_t i;

	for (i = 0; i < bl->nr; i++) {
		struct blame_unit *b = bl->chosen[i].b;

		settle_faults(&bl->chosen[i], b->unit->fault_ticks_oncpu);
		if (b->causes[BLAME_CAUSES].ticks)
			b->nr_causes = BLAME_CAUSES + 1;
		qsort(b->causes, b->nr_causes, sizeof(*b->causes), largest_cause);
		qsort(b->held, b->nr_held, sizeof(*b->held), largest_held);
	}
}

static void free_blame(struct blame *bl)
{
	size_t i;

	for (i = 0; i < bl->lanes.size; i++)
		free(bl->lanes.slots[i].value);
	for (i = 0; i < bl->maps.size; i++) {
		if (bl->maps.slots[i].value)
			mappings_clear(bl->maps.slots[i].value);
		free(bl->maps.slots[i].value);
	}
	table_free(&bl->lanes);
	table_free(&bl->maps);
	table_free(&bl->waiting);
	free(bl->pool);
	free(bl->chosen);
}

int blame_run(struct trace *t, const struct accounts *a, struct blame_unit *list, size_t nr,
	      char *errbuf, size_t len)
{
	static const struct correlate_ops ops = { .span = on_span, .event = on_event };
	struct blame bl = { .nr = nr, .room = a->nr_units };
	struct accounts *again = NULL;
	size_t i;
	int err;

	bl.pool = calloc(bl.room + 1, sizeof(*bl.pool));
	bl.chosen = calloc(nr, sizeof(*bl.chosen));
	bl.failed = !bl.pool || !bl.chosen;
	for (i = 0; !bl.failed && i < nr; i++)
		bl.chosen[i].b = &list[i];
	trace_rewind(t);
	err = bl.failed ? -ENOMEM : correlate(t, &ops, &bl, &again, errbuf, len);
	accounts_free(again);
	if (bl.failed) {
		snprintf(errbuf, len, "cannot blame units: %s", strerror(ENOMEM));
		err = -ENOMEM;
	}
	if (!err)
		settle(&bl);
	free_blame(&bl);
	return err;
}
