// SPDX-License-Identifier: GPL-2.0-only
/*
 * The job "share": pairs of units; unit 2k produces messages and hands them to unit 2k + 1.
 * Processes copy them through a pipe; the others hand over buffers in the memory that they share,
 * at most DEPTH of them ahead.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include "channel.h"
#include "job.h"
#include "process.h"
#include "units.h"

#define DEPTH 16 /* messages: as many of the default size as a pipe holds */

static const char *const names[2] = { "producer", "consumer" };

static void produce(uint64_t *message, size_t words, const struct unit *u, uint64_t nr)
{
	uint64_t first = job_mix(u->nr << 32 | nr);
	size_t i;

	for (i = 0; i < words; i++)
		message[i] = first + i;
}

static void consume(const uint64_t *message, size_t words, struct unit *u)
{
	size_t i;

	for (i = 0; i < words; i++)
		u->result += message[i];
	u->ops++;
}

static bool produces(const struct unit *u)
{
	return u->nr % 2 == 0;
}

static int share_check(const struct job_opts *o, char *errbuf, size_t len)
{
	if (o->units % 2)
		return job_error(errbuf, len, -EINVAL, NULL,
				 "share takes pairs of units, and %lu is odd (--units)", o->units);
	if (o->bytes % sizeof(uint64_t))
		return job_error(errbuf, len, -EINVAL, NULL,
				 "share takes messages of whole 8 bytes, not %lu (--bytes)",
				 o->bytes);
	return 0;
}

/* ---- processes: a pipe per pair ---- */

struct pipe_share {
	uint64_t messages;
	size_t bytes;
	struct pipe *pipe;
};

static int process_body(struct unit *u)
{
	const struct pipe_share *s = u->job;
	const struct pipe *pipe = &s->pipe[u->nr / 2];
	uint64_t i, *message = malloc(s->bytes);
	int err = message ? 0 : -ENOMEM;

	for (i = 0; i < s->messages && !err; i++) {
		if (produces(u)) {
			produce(message, s->bytes / sizeof(*message), u, i);
			err = pipe_write(pipe, message, s->bytes);
		} else {
			err = pipe_read(pipe, message, s->bytes);
			if (!err)
				consume(message, s->bytes / sizeof(*message), u);
		}
	}
	free(message);
	return err;
}

static int share_processes(const struct job_opts *o, struct job_result *r, char *errbuf, size_t len)
{
	struct pipe_share s = { .messages = o->ops,
				.bytes = o->bytes,
				.pipe = pipes_open(o->units / 2) };
	int err;

	if (!s.pipe)
		return job_no_pipes(errbuf, len, -errno, o->units);
	err = processes_run(o, &(struct units_opts){ .job = &s }, process_body, r, errbuf, len);
	pipes_close(s.pipe, o->units / 2);
	return err;
}

/* ---- the others: DEPTH buffers per pair, each full or free ---- */

struct share {
	uint64_t messages;
	size_t words;	   /* per message */
	uint64_t *buffers; /* of all pairs */
	void *pairs;	   /* what the model needs for each */
};

/* Message nr of u's pair goes through this buffer. */
static uint64_t *buffer(const struct share *s, const struct unit *u, uint64_t nr)
{
	return s->buffers + (u->nr / 2 * DEPTH + nr % DEPTH) * s->words;
}

static void share_free(struct share *s)
{
	free(s->pairs);
	free(s->buffers);
}

static int share_init(struct share *s, const struct job_opts *o, size_t pair_size, char *errbuf,
		      size_t len)
{
	uint64_t nr = o->units / 2;

	*s = (struct share){
		.messages = o->ops,
		.words = o->bytes / sizeof(uint64_t),
		.buffers = calloc(nr * DEPTH, o->bytes),
		.pairs = calloc(nr, pair_size),
	};
	if (s->buffers && s->pairs)
		return 0;
	share_free(s);
	return job_error(errbuf, len, -ENOMEM, "try fewer (--units) or smaller ones (--bytes)",
			 "cannot get %d buffers of %lu bytes for each of %lu pairs", DEPTH,
			 o->bytes, nr);
}

/* ---- threads: counts under a mutex, and conditions to wait for the other side ---- */

struct thread_pair {
	pthread_mutex_t lock;
	pthread_cond_t filled, emptied;
	uint64_t nr_filled, nr_emptied; /* messages, ever */
};

static void thread_produce(struct share *s, struct thread_pair *p, struct unit *u)
{
	uint64_t i;

	for (i = 0; i < s->messages; i++) {
		pthread_mutex_lock(&p->lock);
		while (p->nr_filled - p->nr_emptied == DEPTH)
			pthread_cond_wait(&p->emptied, &p->lock);
		pthread_mutex_unlock(&p->lock);

		produce(buffer(s, u, i), s->words, u, i);

		pthread_mutex_lock(&p->lock);
		p->nr_filled++;
		pthread_cond_signal(&p->filled);
		pthread_mutex_unlock(&p->lock);
	}
}

static void thread_consume(struct share *s, struct thread_pair *p, struct unit *u)
{
	uint64_t i;

	for (i = 0; i < s->messages; i++) {
		pthread_mutex_lock(&p->lock);
		while (p->nr_filled == p->nr_emptied)
			pthread_cond_wait(&p->filled, &p->lock);
		pthread_mutex_unlock(&p->lock);

		consume(buffer(s, u, i), s->words, u);

		pthread_mutex_lock(&p->lock);
		p->nr_emptied++;
		pthread_cond_signal(&p->emptied);
		pthread_mutex_unlock(&p->lock);
	}
}

static int thread_body(struct unit *u)
{
	struct share *s = u->job;
	struct thread_pair *p = (struct thread_pair *)s->pairs + u->nr / 2;

	if (produces(u))
		thread_produce(s, p, u);
	else
		thread_consume(s, p, u);
	return 0;
}

static int share_threads(const struct job_opts *o, struct job_result *r, char *errbuf, size_t len)
{
	struct thread_pair *pair;
	struct share s;
	uint64_t i;
	int err = share_init(&s, o, sizeof(*pair), errbuf, len);

	if (err)
		return err;
	for (pair = s.pairs, i = 0; i < o->units / 2; i++) {
		pthread_mutex_init(&pair[i].lock, NULL);
		pthread_cond_init(&pair[i].filled, NULL);
		pthread_cond_init(&pair[i].emptied, NULL);
	}
	err = threads_run(o, &(struct units_opts){ .job = &s, .together = true }, thread_body, r,
			  errbuf, len);
	share_free(&s);
	return err;
}

/* ---- tasks: each buffer has a future for either side ---- */

struct task_pair {
	struct future full[DEPTH], empty[DEPTH];
};

/* A task that had to wait goes on with the message it was at: `progress`. */
static enum task_step produce_step(struct task *t, struct share *s, struct task_pair *p)
{
	struct unit *u = task_unit(t);
	uint64_t *i = &((struct task_unit *)t)->progress, unused;

	for (; *i < s->messages; ++*i) {
		if (!future_take(&p->empty[*i % DEPTH], t, &unused))
			return TASK_WAIT;
		produce(buffer(s, u, *i), s->words, u, *i);
		future_set(&p->full[*i % DEPTH], 0);
	}
	return TASK_DONE;
}

static enum task_step consume_step(struct task *t, struct share *s, struct task_pair *p)
{
	struct unit *u = task_unit(t);
	uint64_t *i = &((struct task_unit *)t)->progress, unused;

	for (; *i < s->messages; ++*i) {
		if (!future_take(&p->full[*i % DEPTH], t, &unused))
			return TASK_WAIT;
		consume(buffer(s, u, *i), s->words, u);
		future_set(&p->empty[*i % DEPTH], 0);
	}
	return TASK_DONE;
}

static enum task_step step(struct task *t)
{
	struct unit *u = task_unit(t);
	struct share *s = u->job;
	struct task_pair *p = (struct task_pair *)s->pairs + u->nr / 2;

	return produces(u) ? produce_step(t, s, p) : consume_step(t, s, p);
}

static int share_tasks(const struct job_opts *o, struct job_result *r, char *errbuf, size_t len)
{
	struct task_pair *pair;
	struct share s;
	uint64_t i, k;
	int err = share_init(&s, o, sizeof(*pair), errbuf, len);

	if (err)
		return err;
	for (pair = s.pairs, i = 0; i < o->units / 2; i++)
		for (k = 0; k < DEPTH; k++)
			future_set(&pair[i].empty[k], 0);
	err = tasks_run(o, &(struct units_opts){ { names[0], names[1] }, .job = &s }, step, r,
			errbuf, len);
	share_free(&s);
	return err;
}

/* ---- coroutines: two channels with numbers of buffers, the full and the free ones ---- */

struct coroutine_pair {
	struct channel full, empty;
	uint64_t full_slots[DEPTH], empty_slots[DEPTH];
};

static int coroutine_body(struct unit *u)
{
	struct share *s = u->job;
	struct coroutine_pair *p = (struct coroutine_pair *)s->pairs + u->nr / 2;
	uint64_t i, k;

	for (i = 0; i < s->messages; i++) {
		if (produces(u)) {
			k = channel_receive(&p->empty);
			produce(buffer(s, u, k), s->words, u, i);
			channel_send(&p->full, k);
		} else {
			k = channel_receive(&p->full);
			consume(buffer(s, u, k), s->words, u);
			channel_send(&p->empty, k);
		}
	}
	return 0;
}

static int share_coroutines(const struct job_opts *o, struct job_result *r, char *errbuf,
			    size_t len)
{
	struct coroutine_pair *pair;
	struct share s;
	uint64_t i, k;
	int err = share_init(&s, o, sizeof(*pair), errbuf, len);

	if (err)
		return err;
	for (pair = s.pairs, i = 0; i < o->units / 2; i++) {
		channel_init(&pair[i].full, pair[i].full_slots, DEPTH);
		channel_init(&pair[i].empty, pair[i].empty_slots, DEPTH);
		for (k = 0; k < DEPTH; k++)
			channel_send(&pair[i].empty, k);
	}
	err = coroutines_run(o, &(struct units_opts){ { names[0], names[1] }, .job = &s },
			     coroutine_body, r, errbuf, len);
	share_free(&s);
	return err;
}

const struct job job_share = {
	.name = "share",
	.what = "pairs of units: one produces messages, the other consumes them",
	.op = "message handed over",
	.default_units = { 2, 2, 2, 2 },
	.default_ops = 1000,
	.default_bytes = 4096,
	.check = share_check,
	.run = { share_processes, share_threads, share_tasks, share_coroutines },
};
