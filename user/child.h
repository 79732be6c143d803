/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The child that a recording is made of: forked first, so that it inherits nothing of the session, held
 * until the session records, then let go into a command or a function.
 */
#ifndef WEFT_USER_CHILD_H
#define WEFT_USER_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct child {
	pid_t pid;	/* 0: none, or ended and waited for */
	int pidfd;	/* polls readable once it has ended */
	int go;		/* written: it may go on; closed: it ends */
	int exec_error; /* it tells here why it can't execute the command */
};

#define CHILD_NONE                                                                                 \
	{                                                                                          \
		.pidfd = -1, .go = -1, .exec_error = -1                                            \
	}

/* What the child does once it is released; either argv or function is set. */
struct child_job {
	char **argv;
	int (*function)(void *arg); /* its value is the exit code */
	void *arg;
	const char *env;	 /* "NAME=value" to be put into its environment, or NULL */
	const sigset_t *sigmask; /* to be set, or NULL */
};

/* 0 or a negative errno. c is CHILD_NONE before. The job must stay until child_release(). */
int child_fork(struct child *c, const struct child_job *job);

/* Lets it go; returns when it executes the command, or a negative errno: why it can't. */
int child_release(struct child *c);

/* Has it ended? Then true, and its status as waitpid() gives it. */
bool child_ended(struct child *c, int *status);

/* Gives the child up: one that was never released ends, another one goes on by itself. */
void child_close(struct child *c);

#endif
