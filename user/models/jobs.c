// SPDX-License-Identifier: GPL-2.0-only
/* The tables of models and jobs, and what is refused before anything is started. */
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "job.h"
#include "task.h"
#include "units.h"

#define MAX_WORKERS 1024

const char *const model_name[MODEL_NR] = { "process", "thread", "task", "coroutine" };

const struct job *const jobs[] = {
	&job_create, &job_switch, &job_ring, &job_compute, &job_sleep, &job_share, &job_touch, NULL,
};

/*
 * The least memory that one unit takes, bytes, for refusing what can't go well. Kernel stack, task
 * structure and page tables for those that the kernel knows, and a page or two of their own.
 */
static const uint64_t model_bytes[MODEL_NR] = { 80 * 1024, 32 * 1024, sizeof(struct task_unit),
						4096 + 256 };

int model_by_name(const char *name)
{
	int m;

	for (m = 0; m < MODEL_NR; m++)
		if (!strcmp(model_name[m], name))
			return m;
	return -1;
}

const struct job *job_by_name(const char *name)
{
	const struct job *const *j;

	for (j = jobs; *j; j++)
		if (!strcmp((*j)->name, name))
			return *j;
	return NULL;
}

int job_error(char *errbuf, size_t len, int err, const char *advice, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (err == -EINVAL || err == -ERANGE || err == -EINTR)
		snprintf(errbuf, len, "%s%s%s", text, advice ? "; " : "", advice ? advice : "");
	else
		snprintf(errbuf, len, "%s: %s%s%s", text, strerror(-err), advice ? "; " : "",
			 advice ? advice : "");
	return err;
}

int job_no_memory(char *errbuf, size_t len, uint64_t nr)
{
	return job_error(errbuf, len, -ENOMEM, "try fewer (--units)",
			 "cannot keep book of %lu units", nr);
}

int job_no_pipes(char *errbuf, size_t len, int err, uint64_t nr)
{
	return job_error(errbuf, len, err, "try fewer (--units), or raise ulimit -n",
			 "cannot make pipes for %lu units", nr);
}

/* A number that a file begins with, or one behind a word in it; UINT64_MAX if there is none. */
static uint64_t read_number(const char *path, const char *word)
{
	uint64_t value = UINT64_MAX;
	char line[128];
	FILE *f = fopen(path, "re");

	if (!f)
		return value;
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, word, strlen(word)) &&
		    sscanf(line + strlen(word), "%lu", &value) == 1)
			break;
	fclose(f);
	return value;
}

static uint64_t available_memory(void)
{
	uint64_t kib = read_number("/proc/meminfo", "MemAvailable:");

	return kib < UINT64_MAX / 1024 ? kib * 1024 : UINT64_MAX;
}

static int check_limits(enum model m, const struct job_opts *o, char *errbuf, size_t len)
{
	const char *const limit[] = { "kernel.pid_max", "kernel.threads-max" };
	const char *const path[] = { "/proc/sys/kernel/pid_max", "/proc/sys/kernel/threads-max" };
	uint64_t max, memory = available_memory();
	int i;

	for (i = 0; (m == MODEL_PROCESS || m == MODEL_THREAD) && i < 2; i++) {
		max = read_number(path[i], "");
		if (o->units >= max)
			return job_error(errbuf, len, -ERANGE,
					 "try fewer (--units), or raise it with sysctl",
					 "cannot have %lu units of model %s: %s is %lu", o->units,
					 model_name[m], limit[i], max);
	}
	if (o->units > UINT32_MAX || o->bytes > memory ||
	    o->units > memory / (model_bytes[m] + o->bytes))
		return job_error(
			errbuf, len, -ERANGE, "try fewer (--units)",
			"cannot have %lu units of model %s: each takes at least %lu KiB, and "
			"%lu MiB of memory are available",
			o->units, model_name[m], (model_bytes[m] + o->bytes + 1023) / 1024,
			memory >> 20);
	return 0;
}

static uint64_t nr_cpus(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) ? 1 : (uint64_t)CPU_COUNT(&set);
}

int job_run(const struct job *j, enum model m, const struct job_opts *opts, struct job_result *r,
	    char *errbuf, size_t len)
{
	struct job_opts o = *opts;
	int err;

	memset(r, 0, sizeof(*r));
	if (o.ops && !j->default_ops)
		return job_error(errbuf, len, -EINVAL, NULL,
				 "%s has no number of operations to choose (--ops)", j->name);
	if (o.bytes && !j->default_bytes)
		return job_error(errbuf, len, -EINVAL, NULL,
				 "%s has no number of bytes to choose (--bytes)", j->name);
	if (o.workers > (m == MODEL_TASK ? MAX_WORKERS : 1))
		return job_error(errbuf, len, -EINVAL, NULL,
				 m == MODEL_TASK ?
					 "a pool has at most %d workers, not %lu (--workers)" :
					 "only tasks have %d workers or more, not %lu (--workers)",
				 m == MODEL_TASK ? MAX_WORKERS : 2, o.workers);
	if (!o.units)
		o.units = j->default_units[m];
	if (!o.ops)
		o.ops = j->default_ops;
	if (!o.bytes)
		o.bytes = j->default_bytes;
	if (!o.workers)
		o.workers = m == MODEL_TASK ? nr_cpus() : 1;
	err = j->check ? j->check(&o, errbuf, len) : 0;
	if (!err)
		err = check_limits(m, &o, errbuf, len);
	return err ? err : j->run[m](&o, r, errbuf, len);
}
