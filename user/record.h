/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Recording: a backend's rings and the programs' unit rings into a trace directory.
 */
#ifndef WEFT_USER_RECORD_H
#define WEFT_USER_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "backend.h"

struct record_opts {
	const char *backend; /* "auto", "kmod", "bpf" */
	/* An earlier trace there is renamed to <dir>.old; anything else is refused. */
	const char *dir;
	uint32_t groups;      /* WEFT_GROUP_*, 0: all */
	uint32_t clock;	      /* WEFT_CLOCK_*, 0: the backend's best */
	uint64_t buffer_size; /* bytes per CPU, 0: default */
	bool system_wide;     /* -a */
	const pid_t *pids;    /* -p */
	size_t nr_pids;
	char **command; /* argv to execute, or NULL */
	/* Instead of a command: run in a forked child, its return value is the exit code (compare's jobs). */
	int (*child)(void *arg);
	void *child_arg;
	const char *command_text; /* for the metadata when child is used */
	bool no_units;		  /* do not offer unit rings to the command */
	bool quiet;		  /* no lines on standard error but errors */
};

struct record_result {
	uint64_t events, bytes, lost, unit_events, unit_lost, missed;
	uint64_t duration_ns;
	int child_status; /* as waitpid() gives it; 0 without a child */
	const char *backend;
};

/*
 * Records until the child ends, or ^C (SIGINT, SIGTERM, SIGHUP) comes, or the traced pids are gone. 0, or a
 * negative errno with a line in errbuf; what has been recorded until then is kept and well-formed.
 */
int record_run(const struct record_opts *o, struct record_result *r, char *errbuf, size_t len);

#endif
