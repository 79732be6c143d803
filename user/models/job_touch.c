// SPDX-License-Identifier: GPL-2.0-only
/*
 * The job "touch": N units, each of which takes memory from the kernel, writes to every page of it
 * and gives it back. The peak is when all units have written to theirs.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <weft/unit_event.h>
#include "coroutine.h"
#include "job.h"
#include "units.h"

struct touch {
	size_t bytes;  /* per unit */
	void **memory; /* of tasks, by unit: they have no stack to keep it on */
};

/* NULL if there is none. */
static void *take_memory(const struct touch *t)
{
	void *memory =
		mmap(NULL, t->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static void use_memory(unsigned char *memory, const struct touch *t, struct unit *u)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), at;

	for (at = 0; at < t->bytes; at += page) {
		*(volatile uint32_t *)(memory + at) = (uint32_t)job_mix(u->nr << 32 | at);
		u->ops++;
	}
	for (at = 0; at < t->bytes; at += page)
		u->result += *(volatile uint32_t *)(memory + at);
}

static int body(struct unit *u)
{
	const struct touch *t = u->job;
	void *memory = take_memory(t);
	int err = 0;

	if (!memory)
		return -ENOMEM;
	use_memory(memory, t, u);
	if (u->stop && !gate_pass(u->gate))
		err = -ECANCELED;
	munmap(memory, t->bytes);
	return err;
}

static int coroutine_body(struct unit *u)
{
	const struct touch *t = u->job;
	void *memory = take_memory(t);

	if (!memory)
		return -ENOMEM;
	use_memory(memory, t, u);
	if (u->stop)
		coroutine_suspend(WEFT_WAIT_OTHER, u);
	munmap(memory, t->bytes);
	return 0;
}

/* Called once, and where there is a stop a second time after it. */
static enum task_step step(struct task *task)
{
	struct task_unit *tu = (struct task_unit *)task;
	const struct touch *t = tu->unit.job;
	void **memory = &t->memory[tu->unit.nr];
	uint64_t unused;

	if (!tu->progress++) {
		*memory = take_memory(t);
		if (*memory)
			use_memory(*memory, t, &tu->unit);
		else
			tu->unit.err = -ENOMEM;
		if (tu->unit.stop)
			future_set(&tu->here, 0);
	}
	if (tu->unit.stop && !future_take(&tu->go, task, &unused))
		return TASK_WAIT;
	if (*memory)
		munmap(*memory, t->bytes);
	return TASK_DONE;
}

static int touch_processes(const struct job_opts *o, struct job_result *r, char *errbuf, size_t len)
{
	struct touch t = { .bytes = o->bytes };

	return processes_run(o, &(struct units_opts){ .job = &t, .halfway = true }, body, r, errbuf,
			     len);
}

static int touch_threads(const struct job_opts *o, struct job_result *r, char *errbuf, size_t len)
{
	struct touch t = { .bytes = o->bytes };

	return threads_run(o, &(struct units_opts){ .job = &t, .halfway = true }, body, r, errbuf,
			   len);
}

static int touch_tasks(const struct job_opts *o, struct job_result *r, char *errbuf, size_t len)
{
	struct touch t = { .bytes = o->bytes, .memory = calloc(o->units, sizeof(void *)) };
	int err;

	if (!t.memory)
		return job_no_memory(errbuf, len, o->units);
	err = tasks_run(o,
			&(struct units_opts){
				{ "toucher", "toucher" }, .job = &t, .halfway = true },
			step, r, errbuf, len);
	free(t.memory);
	return err;
}

static int touch_coroutines(const struct job_opts *o, struct job_result *r, char *errbuf,
			    size_t len)
{
	struct touch t = { .bytes = o->bytes };

	return coroutines_run(o,
			      &(struct units_opts){
				      { "toucher", "toucher" }, .job = &t, .halfway = true },
			      coroutine_body, r, errbuf, len);
}

const struct job job_touch = {
	.name = "touch",
	.what = "N units that take memory, write to each page and give it back",
	.op = "page written",
	.default_units = { 32, 32, 32, 32 },
	.default_bytes = 256 * 1024,
	.run = { touch_processes, touch_threads, touch_tasks, touch_coroutines },
};
