// SPDX-License-Identifier: GPL-2.0-only
/*
 * The time that a thread was given on a CPU, and that it waited for one, against the scheduler's clock.
 *
 * What was accounted for a slice must be what lies between the stamps of its two switches. What was booked for it
 * differs: the scheduler reads its clock, decides, and only then our stamp is taken. The stamp lags. How much is not
 * bounded, for a virtual CPU may be taken away in between; but context_switch carries what the scheduler
 * read, and what was booked must be what that clock went on by from switch to switch.
 *
 * Where it is not told, it is still known that a stamp never comes before the reading, and that the
 * scheduler can not have begun to count before the thread could run: it was being woken or moved, or had
 * left the CPU, or was being made. So it may not have booked more than the stamps have since then.
 */
#include "correlator.h"

/* ns: rounding of both clocks, and how far those of two CPUs may be apart. */
#define ROUNDING 2
#define APART 1000

/*
 * What ns of the trace's clock and of the scheduler's may differ by: the latter goes by the counter's nominal
 * frequency, and CLOCK_MONOTONIC is steered by at most 500 ppm against that.
 */
static int64_t drift(const struct correlator *c, int64_t ns)
{
	const struct trace *t = c->trace;
	uint64_t off;

	if (t->clock == WEFT_CLOCK_MONOTONIC || !t->clock_nominal)
		return ns / 2000 + APART;
	off = t->clock_freq > t->clock_nominal ? t->clock_freq - t->clock_nominal :
						 t->clock_nominal - t->clock_freq;
	return (int64_t)((__int128)ns * (int64_t)off / (int64_t)t->clock_nominal) + APART;
}

static int64_t ns_between(const struct correlator *c, uint64_t from, uint64_t to)
{
	return (int64_t)(trace_ns(c->trace, to) - trace_ns(c->trace, from));
}

/* At the rate at which the scheduler's clock goes; low 32 bits. */
static uint32_t scheduler_ns(const struct correlator *c, uint64_t at)
{
	uint64_t freq = c->trace->clock_nominal ? c->trace->clock_nominal : c->trace->clock_freq;

	return (uint32_t)((unsigned __int128)at * 1000000000 / freq);
}

static void misfit(struct correlator *c, struct acct_misfits *m, int64_t ns)
{
	if (!m->nr++) {
		m->ns = ns;
		m->at = c->now;
	}
}

/* What was accounted for the slice is what lies between the switches that began and end it. */
static void check_account(struct correlator *c, const struct slice_edge *e, struct thread *t)
{
	uint64_t accounted = 0;
	int64_t off;

	/* Not if it was lost sight of meanwhile. */
	if (e->next != t || e->stints != t->nr_stints)
		return;
	if (t->span.state == ACCT_ONCPU)
		accounted = t->oncpu - t->stints[(t->nr_stints - 1) & (STINTS - 1)].before +
			    (c->now - t->span.begin);
	else if (c->nr_gaps)
		return;
	off = ns_between(c, 0, accounted) - ns_between(c, e->at, c->now);
	if (off < -ROUNDING || off > ROUNDING)
		misfit(c, &t->acct->slice_misfits, off);
}

void slice_end(struct correlator *c, uint32_t nr, struct thread *t, int64_t booked, int64_t stamps,
	       int64_t delay)
{
	struct slice_edge *e = &cpu_get(c, nr)->edge;
	struct acct_thread *a = t->acct;
	int64_t span, left;

	t->slack = -1;
	if (booked >= 0 && stamps >= 0 && t->cover >= 0) {
		span = stamps + t->cover;
		t->slack = span + drift(c, span) - booked;
		a->slices++;
		if (stamps - booked > a->excess_most)
			a->excess_most = stamps - booked;
		if (t->slack < 0) {
			misfit(c, &a->slice_misfits, t->slack);
			t->slack = 0;
		}
	}
	if (delay >= 0 && t->last_wait >= 0 && t->wait_cover >= 0) {
		span = t->last_wait + t->wait_cover;
		left = span + drift(c, span) - delay;
		a->waits++;
		if (left < 0)
			misfit(c, &a->wait_misfits, left);
	}
	t->left_at = c->now;
	t->queued_at = 0;
	check_account(c, e, t);
	/* Whether it was booked as the scheduler's clock says is known when that is told. */
	e->slice = e->told && e->next == t && booked >= 0 ? t : NULL;
	e->booked = (uint32_t)booked;
	e->begun_clock = e->clock;
}

void slice_begin(struct correlator *c, uint32_t nr, const struct thread *prev, struct thread *next)
{
	struct slice_edge *e = &cpu_get(c, nr)->edge;

	if (e->slice != prev)
		e->slice = NULL;
	e->at = c->now;
	e->told = false;
	e->next = next;
	if (!next)
		return;
	e->stints = next->nr_stints;
	next->cover = next->wait_cover = -1;
	if (next->queued_at)
		next->cover = ns_between(c, next->queued_at, c->now);
	else if (next->left_at && next->slack >= 0)
		next->cover = ns_between(c, next->left_at, c->now) + next->slack;
	if (next->last_wait >= 0 && next->cover >= next->last_wait)
		next->wait_cover = next->cover - next->last_wait;
	/* The switch that ended one slice began the other: its lag is the same. */
	if (prev && prev->left_at == c->now && prev->slack >= 0 &&
	    (next->cover < 0 || prev->slack < next->cover))
		next->cover = prev->slack;
}

void slice_told(struct correlator *c, uint32_t nr, const struct weft_ev_context_switch *ev)
{
	struct cpu *cpu = cpu_get(c, nr);
	struct slice_edge *e = cpu ? &cpu->edge : NULL;
	struct thread *t;
	int32_t lag, off;

	/* Of this switch, and told at all. */
	if (!e || !ev->clock || ev->h.time - ev->cost != e->at)
		return;
	lag = (int32_t)(scheduler_ns(c, e->at) - ev->clock - c->lag_base);
	if (!c->lag_known) {
		c->lag_base += (uint32_t)lag;
		lag = 0;
		c->lag_known = true;
	}
	if (lag < c->acct->lag_least)
		c->acct->lag_least = lag;
	if (lag > c->acct->lag_most)
		c->acct->lag_most = lag;
	t = e->slice;
	e->slice = NULL;
	e->clock = ev->clock;
	e->told = true;
	if (!t)
		return;
	t->acct->slices_told++;
	off = (int32_t)(ev->clock - e->begun_clock - e->booked);
	/*
	 * A CPU that was out of work looks for some elsewhere, and then the scheduler reads its clock again:
	 * what that took is booked to nobody.
	 */
	if (off < -ROUNDING)
		misfit(c, &t->acct->slice_misfits, off);
	else if (off > ROUNDING)
		t->acct->unbooked_ns += (uint64_t)off;
}
