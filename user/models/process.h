/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A group of child processes. They end with their parent, whatever ends it, and a group that could
 * not be started or went wrong is killed and reaped: none is left behind. The calling process must
 * have no other children meanwhile.
 */
#ifndef WEFT_USER_PROCESS_H
#define WEFT_USER_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct processes {
	pid_t *pid;
	uint64_t nr;	 /* started */
	uint64_t reaped; /* of them */
	int status;	 /* of the first that failed, as waitpid() gives it; 0: none did */
};

/* max: how many will be started at most. 0 or -ENOMEM. */
int processes_init(struct processes *p, uint64_t max);

/*
 * One more: runs fn(arg) and exits with 0, or, if fn returns a negative errno, with that as a
 * positive number. 0 or a negative errno.
 */
int process_start(struct processes *p, int (*fn)(void *arg), void *arg);

/* Reaps those that have ended. False if one of them failed. */
bool processes_check(struct processes *p);
/* Reaps all; when one has failed the others are killed. 0 or -ECHILD with p->status. */
int processes_wait(struct processes *p);
/* Kills and reaps what is left, and frees. */
void processes_destroy(struct processes *p);

/* A pipe's two ends: who is at each is the user's business. */
struct pipe {
	int in, out; /* what is written to `in` is read from `out` */
};

/*
 * nr pipes, for which the process's limit of descriptors is raised as far as it may be. NULL and
 * errno if they can't be had.
 */
struct pipe *pipes_open(uint64_t nr);
void pipes_close(struct pipe *pipe, uint64_t nr);
/* All of it, however the kernel cuts it. 0 or a negative errno; -EPIPE if the other end is gone. */
int pipe_write(const struct pipe *p, const void *data, size_t size);
int pipe_read(const struct pipe *p, void *data, size_t size);

/* Memory that the caller and all processes it will start share; zeroed. NULL if there is none. */
void *shared_alloc(size_t size);
void shared_free(void *memory, size_t size);

#endif
