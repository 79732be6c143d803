// SPDX-License-Identifier: GPL-2.0-only
/* Everything that is merely counted, and the kernel's books of each thread. */
#include <string.h>
#include <sys/syscall.h>
#include "correlator.h"

static int64_t ns_between(const struct correlator *c, uint64_t from, uint64_t to)
{
	return (int64_t)(trace_ns(c->trace, to) - trace_ns(c->trace, from));
}

/* The thread's ticks on a CPU up to the time `at`, which is not far back. */
static uint64_t oncpu_until(const struct thread *t, uint64_t at)
{
	uint32_t i = t->nr_stints, oldest = i > STINTS ? i - STINTS : 0;
	uint64_t ticks = 0;

	while (i-- > oldest) {
		const struct stint *s = &t->stints[i & (STINTS - 1)];

		ticks = s->before;
		if (s->begin <= at)
			return ticks + (at - s->begin);
	}
	return ticks;
}

/* Of a fault that took `duration` until now: the ticks on a CPU. */
static uint64_t fault_oncpu(const struct correlator *c, const struct thread *t, uint64_t duration)
{
	uint64_t now = t->oncpu, before;

	if (t->span.state != ACCT_ONCPU || duration > c->now)
		return 0;
	now += c->now - t->span.begin;
	before = oncpu_until(t, c->now - duration);
	return before < now ? now - before : 0;
}

/* Where only the exception is seen, whether it was counted is seen by the next one's books. */
static void book_entry(struct thread *t, uint32_t counts)
{
	uint32_t steps = counts - t->entry_counts;

	if (!t->faults.opened || t->faults.closed)
		return;
	if (t->entry_pending && !steps)
		t->acct->rec_faults_entry_uncounted++;
	else
		t->acct->fault_gap += steps - t->entry_pending;
	t->entry_pending = true;
	t->entry_counts = counts;
	t->acct->rec_faults_entry++;
}

static void count_fault(struct correlator *c, const struct weft_ev_page_fault *ev, struct thread *t,
			struct unit *u)
{
	struct acct_counts *n[2] = { &t->acct->n, u ? &u->acct->n : NULL };
	int i;

	for (i = 0; i < 2 && n[i]; i++) {
		if (ev->flags & WEFT_FAULT_ENTRY_ONLY)
			n[i]->faults_entry_only++;
		else if (ev->flags & (WEFT_FAULT_RETRY | WEFT_FAULT_ERROR))
			n[i]->faults_uncounted++;
		else if (ev->flags & WEFT_FAULT_MAJOR)
			n[i]->faults_major++;
		else
			n[i]->faults_minor++;
		if (ev->duration != WEFT_UNKNOWN)
			n[i]->fault_ticks += ev->duration;
	}
	if (u && ev->duration != WEFT_UNKNOWN)
		u->acct->fault_ticks_oncpu += fault_oncpu(c, t, ev->duration);
	if (ev->flags & WEFT_FAULT_ENTRY_ONLY) {
		t->fault_address = ev->address;
		book_entry(t, ev->counts);
	} else if (ev->flags & (WEFT_FAULT_RETRY | WEFT_FAULT_ERROR)) {
		ledger_see(&t->faults, ev->counts);
	} else {
		ledger_step(&t->faults, ev->counts, !!(ev->flags & WEFT_FAULT_MAJOR));
	}
}

static bool failed(const struct weft_ev_mmap *ev)
{
	return ev->result < 0 && ev->result >= -4095;
}

static void count_mm(const struct weft_ev_mmap *ev, struct acct_counts *n)
{
	n->map_calls++;
	if (ev->duration != WEFT_UNKNOWN)
		n->map_ticks += ev->duration;
	if (failed(ev))
		return;
	switch (ev->h.id) {
	case WEFT_EV_mmap:
		n->maps++;
		n->mapped_bytes += (uint64_t)ev->length;
		break;
	case WEFT_EV_munmap:
		n->unmaps++;
		n->unmapped_bytes += (uint64_t)ev->length;
		break;
	case WEFT_EV_brk:
		if (ev->length > 0)
			n->mapped_bytes += (uint64_t)ev->length;
		else
			n->unmapped_bytes += (uint64_t)-ev->length;
		break;
	default:
		break;
	}
}

/* Did the thread leave of its own will, by the kernel's own counters? See sched_switch in event.h. */
static bool switch_voluntary(const struct thread *t, const struct weft_ev_sched_switch *ev)
{
	if (ev->flags & WEFT_SWITCH_PREEMPT)
		return false;
	return ev->state || (t->switch_known && ev->nswitch == t->switch_nr + 1 &&
			     ev->nvcsw == (uint8_t)(t->switch_nvcsw + 1));
}

static void count_switch_kind(const struct weft_ev_sched_switch *ev, bool voluntary,
			      struct acct_counts *n)
{
	if (voluntary) {
		n->switches_voluntary++;
		return;
	}
	n->switches_involuntary++;
	/*
	 * The kernel's own flag covers only preemption in the kernel: one on the way back to user mode is a plain
	 * call of schedule(). What else leaves a thread runnable is that it asked to yield.
	 */
	n->preemptions += ev->syscall != __NR_sched_yield;
}

static void count_one(const struct thread *t, const struct weft_event *rec, struct acct_counts *n)
{
	const struct weft_ev_context_switch *cs = (const void *)rec;
	bool mm;

	switch (rec->id) {
	case WEFT_EV_sched_switch:
		count_switch_kind((const void *)rec, switch_voluntary(t, (const void *)rec), n);
		break;
	case WEFT_EV_sched_waking:
		n->wakes_given +=
			!(((const struct weft_ev_sched_waking *)rec)->flags & WEFT_WAKE_IRQ);
		break;
	case WEFT_EV_context_switch:
		mm = cs->flags & WEFT_SWITCH_MM;
		n->switch_cost_ticks[mm] += cs->cost;
		n->switch_cost_count[mm]++;
		break;
	case WEFT_EV_task_newtask:
		n->forks++;
		break;
	case WEFT_EV_tlb_flush:
		n->tlb_flushes++;
		break;
	case WEFT_EV_mmap:
	case WEFT_EV_munmap:
	case WEFT_EV_brk:
	case WEFT_EV_mprotect:
	case WEFT_EV_mremap:
	case WEFT_EV_madvise:
		count_mm((const void *)rec, n);
		break;
	default:
		break;
	}
}

void count_event(struct correlator *c, const struct weft_event *rec, struct thread *t,
		 struct unit *u)
{
	if (rec->id == WEFT_EV_page_fault) {
		count_fault(c, (const void *)rec, t, u);
		return;
	}
	count_one(t, rec, &t->acct->n);
	if (u)
		count_one(t, rec, &u->acct->n);
}

void count_switch(struct correlator *c, const struct weft_ev_sched_switch *ev, uint32_t cpu,
		  struct thread *t)
{
	bool voluntary = switch_voluntary(t, ev);
	bool seen = t->span.state == ACCT_ONCPU && t->state_since;
	bool next = t->switch_known && ev->nswitch == t->switch_nr + 1;
	int64_t stamps = seen ? ns_between(c, t->state_since, c->now) : -1;
	int64_t booked, delay;

	ledger_step(&t->switches, ev->nswitch, !voluntary);
	t->switch_known = true;
	t->switch_nr = ev->nswitch;
	t->switch_nvcsw = ev->nvcsw;
	booked = clock_book_slice(&t->runtime, ev->runtime, stamps);
	delay = clock_book_slice(&t->delay, ev->run_delay, t->last_wait);
	slice_end(c, cpu, t, next ? booked : -1, stamps, next ? delay : -1);
	t->last_wait = -1;
}

void count_arrival(struct correlator *c, struct thread *t, uint64_t wait)
{
	t->last_wait = wait == WEFT_UNKNOWN ? -1 : ns_between(c, c->now - wait, c->now);
	t->stints[t->nr_stints++ & (STINTS - 1)] = (struct stint){ t->span.begin, t->oncpu };
}

void books_open_new(struct thread *t)
{
	t->acct->have_start = true;
	t->switch_known = true;
	ledger_open(&t->switches, 0);
	ledger_open(&t->faults, 0);
	clock_book_open(&t->runtime, 0);
	clock_book_open(&t->delay, 0);
}

static void books_open(struct thread *t, const struct weft_ev_thread_stat *ev)
{
	t->acct->have_start = true;
	t->acct->stat_start = *ev;
	if (!t->switch_known) {
		t->switch_known = true;
		t->switch_nvcsw = (uint8_t)ev->nvcsw;
		t->switch_nr = (uint32_t)(ev->nvcsw + ev->nivcsw);
	}
	ledger_open(&t->switches, ev->nvcsw + ev->nivcsw);
	ledger_open(&t->faults, ev->min_flt + ev->maj_flt);
	t->entry_counts = (uint32_t)(ev->min_flt + ev->maj_flt);
	clock_book_open(&t->runtime, ev->runtime_ns);
	clock_book_open(&t->delay, ev->run_delay_ns);
	/* Of the slice that it may be in, the books have a part already. */
	t->state_since = 0;
	t->last_wait = -1;
}

static void books_close(struct correlator *c, struct thread *t,
			const struct weft_ev_thread_stat *ev)
{
	bool running = t->span.state == ACCT_ONCPU && !t->dead;
	uint32_t steps = (uint32_t)(ev->min_flt + ev->maj_flt) - t->entry_counts;

	t->acct->have_end = true;
	t->acct->stat_end = *ev;
	ledger_close(&t->switches, ev->nvcsw + ev->nivcsw);
	ledger_close(&t->faults, ev->min_flt + ev->maj_flt);
	if (t->entry_pending && !steps)
		t->acct->rec_faults_entry_uncounted++;
	else if (t->entry_pending)
		t->acct->fault_gap += steps - 1;
	clock_book_close(&t->runtime, (uint32_t)ev->runtime_ns,
			 running && t->state_since ? ns_between(c, t->state_since, c->now) :
			 running		   ? -1 :
						     0);
	clock_book_close(&t->delay, (uint32_t)ev->run_delay_ns, running ? t->last_wait : 0);
}

void on_thread_stat(struct correlator *c, const struct weft_ev_thread_stat *ev, struct thread *t)
{
	if (ev->when == WEFT_STAT_START) {
		if (!t->acct->have_start)
			books_open(t, ev);
	} else if (!t->acct->have_end) {
		books_close(c, t, ev);
	}
}

void books_settle(struct thread *t)
{
	struct acct_thread *a = t->acct;

	a->rec_switches_voluntary = t->switches.n[0];
	a->rec_switches_involuntary = t->switches.n[1];
	a->nswitch_gaps = t->switches.gaps;
	a->rec_faults_minor = t->faults.n[0];
	a->rec_faults_major = t->faults.n[1];
	/* Where faults are told at their entry, book_entry() has counted. */
	if (!a->n.faults_entry_only)
		a->fault_gap = t->faults.gaps;
	a->books_torn = t->switches.torn || t->faults.torn;
	a->runtime_ns = t->runtime.booked;
	a->runtime_skew_ns = t->runtime.skew;
	a->run_delay_ns = t->delay.booked;
	a->run_delay_skew_ns = t->delay.skew;
}
