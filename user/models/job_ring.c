// SPDX-License-Identifier: GPL-2.0-only
/*
 * The jobs "ring" and "switch": a token goes through N units, round and round. Each takes it from
 * the one before, changes it and hands it to the next; one unit at a time has something to do.
 * Switch is the ring of two.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include "channel.h"
#include "job.h"
#include "process.h"
#include "units.h"

/* ---- processes: a pipe in front of each ---- */

struct pipe_ring {
	uint64_t nr, rounds;
	struct pipe *pipe;
};

static int process_body(struct unit *u)
{
	const struct pipe_ring *ring = u->job;
	const struct pipe *before = &ring->pipe[u->nr],
			  *behind = &ring->pipe[(u->nr + 1) % ring->nr];
	uint64_t token;
	int err = 0;

	for (; u->ops < ring->rounds && !err; u->ops++) {
		err = pipe_read(before, &token, sizeof(token));
		if (!err) {
			u->result = token = job_token(token, u->nr);
			err = pipe_write(behind, &token, sizeof(token));
		}
	}
	return err;
}

static int ring_processes(const struct job_opts *o, struct job_result *r, char *errbuf, size_t len)
{
	struct pipe_ring ring = { .nr = o->units, .rounds = o->ops, .pipe = pipes_open(o->units) };
	const uint64_t token = 0;
	int err;

	if (!ring.pipe)
		return job_no_pipes(errbuf, len, -errno, o->units);
	err = pipe_write(&ring.pipe[0], &token, sizeof(token));
	if (err)
		job_error(errbuf, len, err, NULL, "cannot write to a pipe");
	else
		err = processes_run(o, &(struct units_opts){ .job = &ring }, process_body, r,
				    errbuf, len);
	pipes_close(ring.pipe, ring.nr);
	return err;
}

/* ---- threads: one token under a mutex, and for each a condition to wait for its turn ---- */

struct thread_ring {
	uint64_t nr, rounds;
	pthread_mutex_t lock;
	uint64_t token, at; /* the unit whose turn it is */
	pthread_cond_t *turn;
};

static int thread_body(struct unit *u)
{
	struct thread_ring *ring = u->job;

	pthread_mutex_lock(&ring->lock);
	for (; u->ops < ring->rounds; u->ops++) {
		while (ring->at != u->nr)
			pthread_cond_wait(&ring->turn[u->nr], &ring->lock);
		ring->token = job_token(ring->token, u->nr);
		u->result = ring->token;
		ring->at = (u->nr + 1) % ring->nr;
		pthread_cond_signal(&ring->turn[ring->at]);
	}
	pthread_mutex_unlock(&ring->lock);
	return 0;
}

static int ring_threads(const struct job_opts *o, struct job_result *r, char *errbuf, size_t len)
{
	struct thread_ring ring = {
		.nr = o->units,
		.rounds = o->ops,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.turn = calloc(o->units, sizeof(pthread_cond_t)),
	};
	uint64_t i;
	int err;

	if (!ring.turn)
		return job_no_memory(errbuf, len, o->units);
	for (i = 0; i < o->units; i++)
		pthread_cond_init(&ring.turn[i], NULL);
	err = threads_run(o, &(struct units_opts){ .job = &ring, .together = true }, thread_body, r,
			  errbuf, len);
	free(ring.turn);
	return err;
}

/* ---- tasks: a future in front of each ---- */

struct future_ring {
	uint64_t nr, rounds;
	struct future *turn;
};

static enum task_step step(struct task *t)
{
	struct unit *u = task_unit(t);
	struct future_ring *ring = u->job;
	uint64_t token;

	while (u->ops < ring->rounds) {
		if (!future_take(&ring->turn[u->nr], t, &token))
			return TASK_WAIT;
		u->ops++;
		u->result = job_token(token, u->nr);
		future_set(&ring->turn[(u->nr + 1) % ring->nr], u->result);
	}
	return TASK_DONE;
}

static int run_tasks(const struct job_opts *o, struct units_opts u, struct job_result *r,
		     char *errbuf, size_t len)
{
	struct future_ring ring = {
		.nr = o->units,
		.rounds = o->ops,
		.turn = calloc(o->units, sizeof(struct future)),
	};
	int err;

	if (!ring.turn)
		return job_no_memory(errbuf, len, o->units);
	future_set(&ring.turn[0], 0);
	u.job = &ring;
	err = tasks_run(o, &u, step, r, errbuf, len);
	free(ring.turn);
	return err;
}

/* ---- coroutines: a channel in front of each ---- */

struct link {
	struct channel in;
	uint64_t slot;
};

struct channel_ring {
	uint64_t nr, rounds;
	struct link *link;
};

static int coroutine_body(struct unit *u)
{
	struct channel_ring *ring = u->job;
	struct channel *in = &ring->link[u->nr].in, *out = &ring->link[(u->nr + 1) % ring->nr].in;

	for (; u->ops < ring->rounds; u->ops++) {
		u->result = job_token(channel_receive(in), u->nr);
		channel_send(out, u->result);
	}
	return 0;
}

static int run_coroutines(const struct job_opts *o, struct units_opts u, struct job_result *r,
			  char *errbuf, size_t len)
{
	struct channel_ring ring = {
		.nr = o->units,
		.rounds = o->ops,
		.link = calloc(o->units, sizeof(struct link)),
	};
	uint64_t i;
	int err;

	if (!ring.link)
		return job_no_memory(errbuf, len, o->units);
	for (i = 0; i < o->units; i++)
		channel_init(&ring.link[i].in, &ring.link[i].slot, 1);
	channel_send(&ring.link[0].in, 0);
	u.job = &ring;
	err = coroutines_run(o, &u, coroutine_body, r, errbuf, len);
	free(ring.link);
	return err;
}

/* ---- the two jobs: only the names of their units differ ---- */

static const struct units_opts ring_names = { .name = { "ring", "ring" } };
static const struct units_opts switch_names = { .name = { "ping", "pong" } };

static int ring_tasks(const struct job_opts *o, struct job_result *r, char *errbuf, size_t len)
{
	return run_tasks(o, ring_names, r, errbuf, len);
}

static int ring_coroutines(const struct job_opts *o, struct job_result *r, char *errbuf, size_t len)
{
	return run_coroutines(o, ring_names, r, errbuf, len);
}

static int switch_tasks(const struct job_opts *o, struct job_result *r, char *errbuf, size_t len)
{
	return run_tasks(o, switch_names, r, errbuf, len);
}

static int switch_coroutines(const struct job_opts *o, struct job_result *r, char *errbuf,
			     size_t len)
{
	return run_coroutines(o, switch_names, r, errbuf, len);
}

const struct job job_ring = {
	.name = "ring",
	.what = "a token goes round through N units",
	.op = "token handed to the next unit",
	.default_units = { 32, 32, 32, 32 },
	.default_ops = 30,
	.run = { ring_processes, ring_threads, ring_tasks, ring_coroutines },
};

static int switch_check(const struct job_opts *o, char *errbuf, size_t len)
{
	if (o->units != 2)
		return job_error(errbuf, len, -EINVAL, "ring takes more",
				 "switch takes 2 units, not %lu (--units)", o->units);
	return 0;
}

const struct job job_switch = {
	.name = "switch",
	.what = "two units hand a token back and forth",
	.op = "token handed to the other unit",
	.default_units = { 2, 2, 2, 2 },
	.default_ops = 500,
	.check = switch_check,
	.run = { ring_processes, ring_threads, switch_tasks, switch_coroutines },
};
