// SPDX-License-Identifier: GPL-2.0-only
/* One job under several models: recorded, read back, accounted, audited. */
#include <errno.h>
#include <ftw.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "compare.h"
#include "correlate.h"
#include "format.h"
#include "memory_probe.h"
#include "models/process.h"
#include "record.h"
#include "view.h"

const char *const compare_key[FIGURE_NR] = {
#define X(name, key, hook) [FIGURE_##name] = key,
	COMPARE_FIGURES(X)
#undef X
};

/* Shared with the child that runs the job. */
struct run {
	const struct compare_opts *o;
	enum model model;
	pid_t tool;
	bool done;
	struct job_result result;
	struct memory_usage before, peak; /* of the tool and all below it */
	bool have_peak;
	int err; /* of job_run() */
	char error[256];
};

/* ---- in the child */

static int run_with(struct run *run, void (*peak)(void *arg))
{
	struct job_opts opts = run->o->opts;

	/* Only tasks have workers to choose. */
	if (run->model != MODEL_TASK)
		opts.workers = 0;
	opts.at_peak = peak;
	opts.at_peak_arg = run;
	run->err = job_run(run->o->job, run->model, &opts, &run->result, run->error,
			   sizeof(run->error));
	run->done = !run->err;
	return run->err ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run_job(void *run)
{
	return run_with(run, NULL);
}

static void at_peak(void *arg)
{
	struct run *run = arg;

	run->have_peak = !memory_probe(run->tool, &run->peak);
}

/* The difference to before is the units': what tool and job share cancels out. */
static int run_for_memory(struct run *run)
{
	return memory_probe(run->tool, &run->before) ? EXIT_FAILURE : run_with(run, at_peak);
}

/* ---- figures */

static double per_unit(uint64_t peak, uint64_t before, uint64_t units)
{
	if (peak == FORMAT_MISSING || before == FORMAT_MISSING || !units)
		return NAN;
	return peak > before ? (double)(peak - before) / (double)units : 0;
}

/* A second run, not recorded, stops at its peak: a missing figure is no failure. */
static void measure_memory(const struct compare_opts *o, enum model m, double *v)
{
	struct run *run = shared_alloc(sizeof(*run));
	pid_t child;
	int status;

	v[FIGURE_PSS] = v[FIGURE_PAGE_TABLES] = v[FIGURE_KERNEL_STACKS] = NAN;
	if (!run)
		return;
	run->o = o;
	run->model = m;
	run->tool = getpid();
	child = fork();
	if (child == 0)
		_exit(run_for_memory(run));
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (child > 0 && run->done && run->have_peak) {
		uint64_t n = run->result.units;

		v[FIGURE_PSS] = per_unit(run->peak.pss, run->before.pss, n);
		v[FIGURE_PAGE_TABLES] = per_unit(run->peak.page_tables, run->before.page_tables, n);
		v[FIGURE_KERNEL_STACKS] =
			per_unit(run->peak.kernel_stacks, run->before.kernel_stacks, n);
	}
	shared_free(run, sizeof(*run));
}

static void job_figures(const struct job_result *r, double *v)
{
	v[FIGURE_UNITS] = (double)r->units;
	v[FIGURE_OPS] = (double)r->ops;
	v[FIGURE_WALL] = (double)r->wall_ns;
	v[FIGURE_NS_PER_OP] = r->ops ? (double)r->wall_ns / (double)r->ops : NAN;
	v[FIGURE_KERNEL_UNITS] = (double)r->kernel_units;
	v[FIGURE_USER_UNITS] = (double)r->user_units;
	v[FIGURE_WORKERS] = (double)r->workers;
}

/* All traced threads together: that is the job and the child that ran it. */
static void kernel_figures(const struct trace *t, const struct accounts *a, double *v)
{
	const struct acct_thread *th;
	uint64_t oncpu = 0, runnable = 0, blocked = 0, fault = 0, cost[2] = { 0 }, costs[2] = { 0 };
	int mm;

	for (th = a->threads; th; th = th->next) {
		const struct acct_counts *n = &th->n;

		if (!th->traced)
			continue;
		v[FIGURE_VOLUNTARY] += (double)n->switches_voluntary;
		v[FIGURE_INVOLUNTARY] += (double)n->switches_involuntary;
		v[FIGURE_PREEMPTIONS] += (double)n->preemptions;
		v[FIGURE_MM_SWITCHES] += (double)n->mm_switches;
		v[FIGURE_MIGRATIONS] += (double)n->migrations;
		v[FIGURE_WAKEUPS] += (double)n->wakeups;
		v[FIGURE_FAULTS_MINOR] += (double)n->faults_minor;
		v[FIGURE_FAULTS_MAJOR] += (double)n->faults_major;
		v[FIGURE_FAULTS_UNCLASSIFIED] += (double)n->faults_entry_only;
		v[FIGURE_MAPS] += (double)n->maps;
		v[FIGURE_UNMAPS] += (double)n->unmaps;
		v[FIGURE_MAPPED_BYTES] += (double)n->mapped_bytes;
		v[FIGURE_FORKS] += (double)n->forks;
		v[FIGURE_TLB_FLUSHES] += (double)n->tlb_flushes;
		oncpu += th->state[ACCT_ONCPU];
		runnable += th->state[ACCT_RUNNABLE];
		blocked += th->state[ACCT_BLOCKED];
		fault += n->fault_ticks;
		for (mm = 0; mm < 2; mm++) {
			cost[mm] += n->switch_cost_ticks[mm];
			costs[mm] += n->switch_cost_count[mm];
		}
	}
	v[FIGURE_ONCPU] = (double)trace_ns(t, oncpu);
	v[FIGURE_RUNQUEUE_WAIT] = (double)trace_ns(t, runnable);
	v[FIGURE_BLOCKED] = (double)trace_ns(t, blocked);
	v[FIGURE_FAULT_TIME] = (double)trace_ns(t, fault);
	v[FIGURE_COST_SAME_MM] = view_mean_ns(t, cost[0], costs[0]);
	v[FIGURE_COST_NEW_MM] = view_mean_ns(t, cost[1], costs[1]);
}

/* What a hook would have told is not known if it was not there. */
static void forget_missing(const struct trace *t, double *v)
{
	enum { WEFT_HOOK_none = -1 };
	static const int hooks[FIGURE_NR] = {
#define X(name, key, hook) [FIGURE_##name] = (int)WEFT_HOOK_##hook,
		COMPARE_FIGURES(X)
#undef X
	};
	int f;

	for (f = 0; f < FIGURE_NR; f++)
		if (hooks[f] != WEFT_HOOK_none && !view_has(t, (enum weft_hook)hooks[f]))
			v[f] = NAN;
	/* Told apart by kind, nothing is left unclassified. */
	if (view_has(t, WEFT_HOOK_page_fault))
		v[FIGURE_FAULTS_UNCLASSIFIED] = NAN;
}

/*
 * Of one unit: a process's or thread's are those of its kernel thread, born within the recording, which
 * excludes the child that runs the job; a task's or coroutine's are its own account.
 */
static void unit_figures(const struct trace *t, const struct accounts *a, enum model m, double *v)
{
	static const enum acct_state state[] = { ACCT_ONCPU, ACCT_RUNNABLE, ACCT_BLOCKED,
						 ACCT_READY, ACCT_SUSPENDED };
	bool user = m == MODEL_TASK || m == MODEL_COROUTINE;
	struct histogram h[sizeof(state) / sizeof(state[0])] = { 0 };
	const size_t nr = user ? sizeof(state) / sizeof(state[0]) : 3;
	const struct acct_thread *th;
	const struct acct_unit *u;
	size_t s;

	for (s = 0; s < nr; s++) {
		for (u = user ? a->units : NULL; u; u = u->next)
			histogram_add(&h[s], trace_ns(t, u->state[state[s]]));
		for (th = user ? NULL : a->threads; th; th = th->next)
			if (th->traced && th->started_here)
				histogram_add(&h[s], trace_ns(t, th->state[state[s]]));
	}
	v[FIGURE_UNIT_COUNT] = (double)h[0].count;
	for (s = 0; s < sizeof(state) / sizeof(state[0]); s++) {
		bool there = h[s].count && view_has(t, WEFT_HOOK_sched_switch);

		v[FIGURE_UNIT_ONCPU_P50 + 2 * s] = there ? (double)histogram_percentile(&h[s], 50) :
							   NAN;
		v[FIGURE_UNIT_ONCPU_P99 + 2 * s] = there ? (double)histogram_percentile(&h[s], 99) :
							   NAN;
		histogram_free(&h[s]);
	}
}

/* ---- recordings */

static int severity(enum audit_verdict v)
{
	static const int order[] = {
		[AUDIT_EQUAL] = 0, [AUDIT_EXPLAINED] = 1, [AUDIT_NOT_CHECKED] = 2, [AUDIT_UNEXPLAINED] = 3
	};

	return order[v];
}

static void add_audit(struct compare_model *m, const struct audit *au)
{
	int i;

	if (!m->recordings) {
		m->audit = *au;
		return;
	}
	m->audit.threads += au->threads;
	m->audit.threads_unequal += au->threads_unequal;
	m->audit.lost += au->lost;
	if (severity(au->verdict) > severity(m->audit.verdict))
		m->audit.verdict = au->verdict;
	for (i = 0; i < AUDIT_NR_CHECKS; i++) {
		struct audit_line *sum = &m->audit.check[i];
		const struct audit_line *line = &au->check[i];

		sum->recorded += line->recorded;
		sum->counted += line->counted;
		sum->explained += line->explained;
		if (severity(line->verdict) <= severity(sum->verdict))
			continue;
		sum->verdict = line->verdict;
		memcpy(sum->why, line->why, sizeof(sum->why));
	}
}

/* Reads one recording back: its figures into v, its audit to the model's. */
static int read_back(const char *dir, struct comparison *c, struct compare_model *m, double *v,
		     char *errbuf, size_t len)
{
	struct accounts *a = NULL;
	struct audit au;
	struct trace *t;
	int err = trace_open(&t, dir, errbuf, len);

	if (err)
		return err;
	err = correlate(t, NULL, NULL, &a, errbuf, len);
	if (!err) {
		kernel_figures(t, a, v);
		unit_figures(t, a, m->model, v);
		forget_missing(t, v);
		audit_run(t, a, &au);
		add_audit(m, &au);
		m->unit_lost += a->unit_lost;
		snprintf(c->kernel, sizeof(c->kernel), "%s", t->kernel);
		snprintf(c->backend, sizeof(c->backend), "%s", t->backend);
		c->clock = view_clock(t);
		c->cpus = t->nr_cpus;
		c->emulated = t->emulated;
	}
	accounts_free(a);
	trace_close(t);
	return err;
}

/* Why a child that ran the job did not finish. */
static int child_failure(const struct run *run, int status, char *errbuf, size_t len)
{
	if (WIFSIGNALED(status)) {
		snprintf(errbuf, len, "the job was ended by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
		return WTERMSIG(status) == SIGINT || WTERMSIG(status) == SIGTERM ? -EINTR : -ECHILD;
	}
	snprintf(errbuf, len, "%s", *run->error ? run->error : "the job ended without a result");
	return run->err == -EINVAL ? -EINVAL : -ECHILD;
}

/*
 * One recording. -ECHILD: the job failed; -EINVAL: it does not take these options; -EINTR: the user wants it all to end;
 * another error: the recording failed.
 */
static int record_model(const struct compare_opts *o, struct comparison *c, struct compare_model *m,
			const char *dir, double *v, char *errbuf, size_t len)
{
	struct run *run = shared_alloc(sizeof(*run));
	struct record_opts ro = {
		.backend = o->backend, .dir = dir, .child = run_job, .quiet = true
	};
	struct record_result result = { 0 };
	char text[64];
	int err;

	if (!run) {
		snprintf(errbuf, len, "cannot share memory with the job: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	snprintf(text, sizeof(text), "%s (%s)", o->job->name, model_name[m->model]);
	run->o = o;
	run->model = m->model;
	ro.child_arg = run;
	ro.command_text = text;
	err = record_run(&ro, &result, errbuf, len);
	if (err == -EINVAL)
		err = -EIO;
	if (!err && !run->done)
		err = child_failure(run, result.child_status, errbuf, len);
	if (!err)
		job_figures(&run->result, v);
	shared_free(run, sizeof(*run));
	return err ? err : read_back(dir, c, m, v, errbuf, len);
}

/* ---- all of them */

static int smaller(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* values: of the recordings that succeeded, one row each. */
static void summarize(struct compare_model *m, double (*values)[FIGURE_NR])
{
	double list[m->recordings + 1];
	uint64_t i, nr;
	int f;

	for (f = 0; f < FIGURE_NR; f++) {
		for (i = nr = 0; i < m->recordings; i++)
			if (!isnan(values[i][f]))
				list[nr++] = values[i][f];
		m->value[f] = (struct compare_value){ NAN, NAN, NAN };
		if (!nr)
			continue;
		qsort(list, nr, sizeof(*list), smaller);
		m->value[f].min = list[0];
		m->value[f].max = list[nr - 1];
		m->value[f].median = (list[(nr - 1) / 2] + list[nr / 2]) / 2;
	}
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

/* Where the traces go: the user's directory, or one of our own, to be removed. */
static int make_dir(const struct compare_opts *o, char *dir, size_t size, char *errbuf, size_t len)
{
	const char *tmp = getenv("TMPDIR");
	int err;

	if (o->dir) {
		snprintf(dir, size, "%s", o->dir);
		if (!mkdir(dir, 0777) || errno == EEXIST)
			return 0;
	} else {
		snprintf(dir, size, "%s/weft-compare.XXXXXX", tmp && *tmp ? tmp : "/tmp");
		if (mkdtemp(dir))
			return 0;
	}
	err = -errno;
	snprintf(errbuf, len, "cannot make the directory %s for the traces: %s", dir,
		 strerror(-err));
	return err;
}

/* In rounds, so that a machine that gets slower does so for all models alike. */
static int record_all(const struct compare_opts *o, struct comparison *c, const char *dir,
		      double (*values)[FIGURE_NR], char *errbuf, size_t len)
{
	char path[4200], err[512];
	uint64_t round;
	size_t i;
	int failed;

	for (round = 0; round < o->repeat; round++) {
		for (i = 0; i < c->nr; i++) {
			struct compare_model *m = &c->models[i];
			double *v = values[i * o->repeat + m->recordings];

			if (*m->error)
				continue;
			if (o->repeat > 1)
				snprintf(path, sizeof(path), "%s/%s-%lu", dir, model_name[m->model],
					 (unsigned long)round + 1);
			else
				snprintf(path, sizeof(path), "%s/%s", dir, model_name[m->model]);
			failed = record_model(o, c, m, path, v, err, sizeof(err));
			if (!o->dir)
				nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
			if (!failed) {
				m->recordings++;
				continue;
			}
			snprintf(m->error, sizeof(m->error), "%s", err);
			/* What keeps the first recording from working keeps the others too. */
			if (failed == -EINTR || failed == -EINVAL ||
			    (failed != -ECHILD && !*c->kernel)) {
				snprintf(errbuf, len, "%s", err);
				return failed;
			}
		}
	}
	return 0;
}

int compare_run(const struct compare_opts *o, struct comparison *c, char *errbuf, size_t len)
{
	double(*values)[FIGURE_NR];
	char dir[4096];
	size_t i, r;
	int err, m;

	*c = (struct comparison){ .job = o->job, .repeat = o->repeat, .clock = "" };
	for (m = 0; m < MODEL_NR; m++)
		if (o->models[m])
			c->models[c->nr++].model = (enum model)m;
	values = calloc(c->nr * o->repeat, sizeof(*values));
	if (!values) {
		snprintf(errbuf, len, "cannot compare %lu recordings: %s", (unsigned long)o->repeat,
			 strerror(ENOMEM));
		return -ENOMEM;
	}
	err = make_dir(o, dir, sizeof(dir), errbuf, len);
	if (!err) {
		err = record_all(o, c, dir, values, errbuf, len);
		if (!o->dir)
			rmdir(dir);
	}
	for (i = 0; !err && i < c->nr; i++) {
		double memory[FIGURE_NR];

		measure_memory(o, c->models[i].model, memory);
		for (r = 0; r < c->models[i].recordings; r++)
			memcpy(&values[i * o->repeat + r][FIGURE_MEMORY_FIRST],
			       &memory[FIGURE_MEMORY_FIRST],
			       (FIGURE_NR - FIGURE_MEMORY_FIRST) * sizeof(double));
		summarize(&c->models[i], &values[i * o->repeat]);
	}
	free(values);
	return err;
}

bool compare_audit_sum(const struct compare_model *m, enum audit_check one, enum audit_check two,
		       uint64_t *recorded, uint64_t *counted)
{
	const struct audit_line *a = &m->audit.check[one], *b = &m->audit.check[two];

	if (!m->recordings || a->verdict == AUDIT_NOT_CHECKED)
		return false;
	*recorded = a->recorded + (b->verdict == AUDIT_NOT_CHECKED ? 0 : b->recorded);
	*counted = a->counted + (b->verdict == AUDIT_NOT_CHECKED ? 0 : b->counted);
	return true;
}

bool compare_good(const struct comparison *c)
{
	size_t i;

	for (i = 0; i < c->nr; i++)
		if (*c->models[i].error || c->models[i].audit.verdict == AUDIT_UNEXPLAINED)
			return false;
	return true;
}
