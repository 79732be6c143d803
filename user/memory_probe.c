// SPDX-License-Identifier: GPL-2.0-only
/* What processes occupy in memory right now. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "format.h"
#include "memory_probe.h"

struct process {
	pid_t pid, parent;
	bool counted;
};

/* The number behind `name` (with its colon) in a file of "Name: number kB" lines; kB become bytes. */
static bool read_field(const char *path, const char *name, uint64_t *value)
{
	char line[256], unit[8];
	bool found = false;
	FILE *f = fopen(path, "re");

	while (f && !found && fgets(line, sizeof(line), f)) {
		if (strncmp(line, name, strlen(name)))
			continue;
		unit[0] = '\0';
		found = sscanf(line + strlen(name), " %" SCNu64 " %7s", value, unit) >= 1;
		if (found && !strcmp(unit, "kB"))
			*value *= 1024;
	}
	if (f)
		fclose(f);
	return found;
}

/* pid (comm) state ppid: comm can contain anything, so the last parenthesis ends it. */
static bool read_parent(pid_t pid, pid_t *parent)
{
	char path[64], line[256], *end;
	FILE *f;
	bool found = false;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (f && fgets(line, sizeof(line), f)) {
		end = strrchr(line, ')');
		found = end && sscanf(end + 1, " %*c %d", parent) == 1;
	}
	if (f)
		fclose(f);
	return found;
}

static int list_processes(struct process **list, size_t *nr)
{
	struct process *grown;
	struct dirent *e;
	size_t room = 0;
	DIR *d = opendir("/proc");

	*list = NULL;
	*nr = 0;
	if (!d)
		return -errno;
	while ((e = readdir(d))) {
		pid_t pid = atoi(e->d_name), parent;

		if (pid <= 0 || !read_parent(pid, &parent))
			continue;
		if (*nr == room) {
			room = room ? 2 * room : 256;
			grown = realloc(*list, room * sizeof(*grown));
			if (!grown) {
				closedir(d);
				return -ENOMEM;
			}
			*list = grown;
		}
		(*list)[(*nr)++] = (struct process){ .pid = pid, .parent = parent };
	}
	closedir(d);
	return 0;
}

/*
 * The kernel tells the stacks of all its threads together; divided by their number (the one behind the
 * slash in /proc/loadavg), to whole pages, that is the size of one.
 */
static uint64_t kernel_stack_size(void)
{
	uint64_t all, threads = 0;
	FILE *f = fopen("/proc/loadavg", "re");

	if (!f)
		return FORMAT_MISSING;
	if (fscanf(f, "%*f %*f %*f %*u/%" SCNu64, &threads) != 1)
		threads = 0;
	fclose(f);
	if (!threads || !read_field("/proc/meminfo", "KernelStack:", &all))
		return FORMAT_MISSING;
	return (all / threads + 2048) / 4096 * 4096;
}

static void add(uint64_t *sum, const char *path, const char *field, uint64_t *missing)
{
	uint64_t value;

	if (read_field(path, field, &value))
		*sum += value;
	else
		++*missing;
}

static void add_process(struct memory_usage *m, pid_t pid, uint64_t *no_pss, uint64_t *no_tables)
{
	uint64_t ended = 0;
	char path[64];

	m->processes++;
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	add(&m->threads, path, "Threads:", &ended);
	if (ended) {
		m->processes--;
		return;
	}
	add(&m->page_tables, path, "VmPTE:", no_tables);
	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	add(&m->pss, path, "Pss:", no_pss);
}

static int by_pid(const void *a, const void *b)
{
	const struct process *x = a, *y = b;

	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

static bool belongs(const struct process *p, const struct process *list, size_t nr, pid_t root)
{
	const struct process key = { .pid = p->parent };
	const struct process *parent;

	if (p->pid == root)
		return true;
	parent = bsearch(&key, list, nr, sizeof(key), by_pid);
	return parent && parent->counted;
}

int memory_probe(pid_t root, struct memory_usage *m)
{
	uint64_t stack, no_pss = 0, no_tables = 0;
	struct process *list;
	size_t i, nr;
	bool more = true;
	int err = list_processes(&list, &nr);

	*m = (struct memory_usage){ 0 };
	if (nr)
		qsort(list, nr, sizeof(*list), by_pid);
	/* Ids wrap around, so a child may come before its parent. */
	while (!err && more) {
		more = false;
		for (i = 0; i < nr; i++) {
			if (list[i].counted || !belongs(&list[i], list, nr, root))
				continue;
			list[i].counted = more = true;
			add_process(m, list[i].pid, &no_pss, &no_tables);
		}
	}
	free(list);
	/* A zombie has no memory, so one without figures is normal, none with figures is not. */
	if (no_pss >= m->processes)
		m->pss = FORMAT_MISSING;
	if (no_tables >= m->processes)
		m->page_tables = FORMAT_MISSING;
	stack = kernel_stack_size();
	m->kernel_stacks = stack == FORMAT_MISSING ? FORMAT_MISSING : stack * m->threads;
	return err;
}
