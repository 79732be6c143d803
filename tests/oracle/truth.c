// SPDX-License-Identifier: GPL-2.0-only
/* The oracle's truth: its course, from a beginning to an end. Included by the test. */
#include "truth_thread.h"
#include "truth_unit.h"

/* ---- Ends ---- */

static void do_exit(struct world *w, int cpu)
{
	int i = w->curr[cpu];
	struct t_thread *t = &w->threads[i];
	struct weft_ev_sched_process_exit e = { .exit_code = 0x100 };

	if (w->losing[cpu] || t->fault_begin)
		return;
	/* Its memory is gone before the record is made. */
	t->dying = true;
	PUT(w, cpu, &e, sched_process_exit, i);
	pass_time(w);
	do_switch(w, cpu, true, true);
	while (t->depth) {
		int u = current_of(t);

		t->depth--;
		w->units[u].thread = -1;
		w->units[u].woken = false;
		unit_is(w, u, U_ABANDONED, -1, 0, 0);
	}
	if (!--w->procs[t->proc].alive) {
		w->procs[t->proc].dead = true;
		end_units(w, t->proc);
	}
	pass_time(w);
	put_stat(w, cpu, t, WEFT_STAT_EXIT);
}

static void do_exec(struct world *w, int cpu)
{
	int i = w->curr[cpu];
	struct t_thread *t = &w->threads[i];
	struct weft_ev_sched_process_exec e = { .filename = "program" };
	struct t_proc *p = &w->procs[t->proc];

	/* Other threads would have to die first. */
	if (p->alive != 1 || w->losing[cpu] || t->fault_begin || w->nr_procs == MAX_PROCS ||
	    t->tid != p->tgid)
		return;
	e.old_tid = t->tid;
	t->dying = true;
	PUT(w, cpu, &e, sched_process_exec, i);
	t->dying = false;
	t->depth = 0;
	t->belated = -1;
	end_units(w, t->proc);
	/* From here on another program: its units are not those of before. */
	p->next_id = 1;
	w->nr_procs++;
	w->procs[w->nr_procs - 1] = *p;
	p->dead = true;
	t->proc = w->nr_procs - 1;
	now_current(w, t);
	t->c[t->nr_c - 1].exec = true;
}

/* ---- The course of things ---- */

static void on_cpu_step(struct world *w, int cpu)
{
	int i = w->curr[cpu];
	struct t_thread *t = &w->threads[i];
	uint32_t dice = rnd(w, 100);

	if (t->fault_begin) {
		if (dice < 50)
			end_fault(w, cpu);
		else
			do_switch(w, cpu, dice < 75, false);
		return;
	}
	if (dice < 12) {
		do_switch(w, cpu, true, false);
	} else if (dice < 22) {
		do_switch(w, cpu, false, false);
	} else if (dice < 30) {
		t->fault_begin = w->now;
		t->fault_oncpu = 0;
	} else if (dice < 36) {
		do_mmap(w, cpu);
	} else if (dice < 38 && w->o.forks) {
		do_fork(w, cpu);
	} else if (dice < 39 && w->o.forks && chance(w, 60)) {
		do_exit(w, cpu);
	} else if (dice < 40 && w->o.processes) {
		do_exec(w, cpu);
	} else if (w->o.units) {
		if (dice < 52)
			do_create(w, i);
		else if (dice < 70)
			do_resume(w, i);
		else if (dice < 86)
			do_suspend(w, i);
		else if (dice < 95)
			do_unit_wake(w, i);
		else if (dice < 97)
			do_unit_exit(w, i);
	}
}

static void step(struct world *w)
{
	int cpu = (int)rnd(w, (uint32_t)w->nr_cpus);

	pass_time(w);
	if (w->losing[cpu] && chance(w, 15)) {
		end_gap(w, cpu);
	} else if (w->o.gaps && !w->losing[cpu] && chance(w, 1) && w->nr_gaps < MAX_GAPS) {
		/* At most one that has lost nothing yet, for it may be taken back: so they are in order. */
		int c;

		for (c = 0; c < w->nr_cpus; c++)
			if (w->losing[c] && !w->losing[c]->count)
				return;
		w->losing[cpu] = &w->gaps[w->nr_gaps++];
		*w->losing[cpu] = (struct t_gap){ .cpu = (uint32_t)cpu, .open = true };
	}
	if (chance(w, 25))
		do_wake(w);
	else if (chance(w, 4))
		do_migrate(w);
	else if (w->curr[cpu] < 0)
		do_switch(w, cpu, false, false);
	else
		on_cpu_step(w, cpu);
}

/* The threads that exist when the recording begins, in whatever state they are. */
static void begin(struct world *w)
{
	int n = 1 + (int)rnd(w, 4), proc = new_proc(w), i;

	for (i = 0; i < n; i++) {
		int k, cpu = (int)rnd(w, (uint32_t)w->nr_cpus);
		struct t_thread *t;
		struct weft_ev_thread e = { .flags = WEFT_THREAD_TRACED, .comm = "old" };

		pass_time(w);
		k = new_thread(w, proc);
		t = &w->threads[k];
		t->nvcsw = rnd(w, 1000) + (chance(w, 20) ? 0xfffffff0u : 0);
		t->nivcsw = rnd(w, 1000);
		t->minflt = rnd(w, 1000) + (chance(w, 20) ? 0xfffffff0u : 0);
		t->majflt = rnd(w, 9);
		t->runtime = chance(w, 20) ? 0xffffff00u : rnd(w, 100000);
		t->run_delay = chance(w, 20) ? 0xffffff00u : rnd(w, 100000);
		t->slice_begin = t->wait_begin = w->now;
		e.tgid = w->procs[proc].tgid;
		PUT(w, 0, &e, thread, k);
		now_current(w, t);
		if (w->curr[cpu] < 0) {
			w->curr[cpu] = k;
			t->cpu = cpu;
			enter(w, t, ACCT_ONCPU, 0, cpu, false, false);
		} else {
			t->blocked = chance(w, 50);
			enter(w, t, t->blocked ? ACCT_BLOCKED : ACCT_RUNNABLE, ACCT_BLOCKED_OTHER,
			      cpu, false, false);
		}
		put_stat(w, 0, t, WEFT_STAT_START);
	}
}

static void finish(struct world *w)
{
	int i, cpu;

	for (cpu = 0; cpu < w->nr_cpus; cpu++) {
		pass_time(w);
		end_gap(w, cpu);
	}
	for (i = 0; i < w->nr_threads; i++) {
		struct t_thread *t = &w->threads[i];

		if (t->dead)
			continue;
		pass_time(w);
		put_stat(w, 0, t, WEFT_STAT_STOP);
	}
	for (i = 0; i < w->nr_threads; i++)
		if (!w->threads[i].dead)
			w->threads[i].last = w->now;
	for (i = 0; i < w->nr_procs; i++)
		if (!w->procs[i].dead)
			end_units(w, i);
	/* Of programs that one process ran one after the other: the streams are the process's. */
	for (i = 0; i < w->nr_procs; i++)
		for (cpu = 0; cpu < w->nr_procs; cpu++)
			if (w->procs[cpu].tgid == w->procs[i].tgid)
				w->procs[i].marks |= w->procs[cpu].marks;
}

void world_run(struct world *w, uint64_t seed, const struct world_opts *o)
{
	unsigned i;

	memset(w, 0, sizeof(*w));
	w->o = *o;
	w->rng = (seed + 1) * 0x9E3779B97F4A7C15ull;
	for (i = 0; i < 8; i++)
		rnd(w, 2);
	w->now = 1000;
	w->next_id = 100;
	w->nr_cpus = 1 + (int)rnd(w, MAX_CPUS);
	writer_init(&w->w);
	w->w.packet_max = 200 + rnd(w, 2000);
	for (i = 0; i < (unsigned)w->nr_cpus; i++) {
		w->curr[i] = -1;
		writer_stream(&w->w, false, i, 0);
	}
	begin(w);
	for (i = 0; i < o->steps; i++)
		step(w);
	finish(w);
	writer_write(&w->w);
}

void world_free(struct world *w)
{
	int i;

	for (i = 0; i < w->nr_threads; i++) {
		free(w->threads[i].h);
		free(w->threads[i].c);
		free(w->threads[i].s);
	}
	for (i = 0; i < w->nr_units; i++)
		free(w->units[i].h);
	writer_free(&w->w);
}
