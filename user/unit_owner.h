/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who made each unit ring: which process gave a file its name in the directory of rings, as the kernel says it,
 * also of processes that have ended. Takes CAP_SYS_ADMIN (fanotify) and a file system with file handles.
 */
#ifndef WEFT_USER_UNIT_OWNER_H
#define WEFT_USER_UNIT_OWNER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "table.h"

struct unit_owners {
	int fd; /* -1: nothing is watched */
	struct table names;
};

#define UNIT_OWNERS_NONE                                                                           \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/* Watches the directory from now on. 0 or a negative errno. */
int unit_owners_watch(struct unit_owners *o, int dirfd);
/* Takes in what has happened; what this process did to names does not count. */
void unit_owners_update(struct unit_owners *o);
/*
 * The process that was the last to give a file the name "<a>-<b>-<c>", before the last update, by its id in our
 * PID namespace; 0 if none is known.
 */
pid_t unit_owners_find(const struct unit_owners *o, const uint32_t name[3]);
void unit_owners_free(struct unit_owners *o);

/* "<a>-<b>-<c>", decimal numbers, and nothing else. */
bool unit_name_parse(const char *s, uint32_t name[3]);

#endif
