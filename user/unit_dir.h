/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The directory in shared memory where the recorded programs put their unit rings (unit_ring.h). Who made it
 * holds a lock on it, so that what a killed recorder has left can be told from what is in use.
 */
#ifndef WEFT_USER_UNIT_DIR_H
#define WEFT_USER_UNIT_DIR_H

#include <stddef.h>

struct unit_dir {
	char path[64];
	int fd; /* -1: there is none */
};

#define UNIT_DIR_NONE                                                                              \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/*
 * Makes one, and removes those that recorders of this user have left that were killed. 0, or a negative
 * errno with a line in errbuf, and then d is none.
 */
int unit_dir_create(struct unit_dir *d, char *errbuf, size_t len);
/* Removes it with what is in it; d is none then. */
void unit_dir_remove(struct unit_dir *d);

#endif
