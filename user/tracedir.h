/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The directory of a trace being recorded. It is filled under a hidden name beside its final one and gets
 * that only when the recording has really begun, so that a failed start changes nothing. An earlier trace
 * of the same name is kept as <name>.old; what is no trace is never moved, written to or removed. A trace
 * tells what others did, so only its owner may enter it (mode 0700).
 */
#ifndef WEFT_USER_TRACEDIR_H
#define WEFT_USER_TRACEDIR_H

#include <stddef.h>

struct tracedir {
	char *path;   /* the final name */
	char *hidden; /* the name until tracedir_publish(), then NULL */
	int kernel;   /* descriptor of the directory kernel/, open until tracedir_close() */
};

/*
 * Functions that take errbuf return 0, or a negative errno with a line in errbuf.
 */

/* Refuses at once if `path` exists and is neither a trace nor an empty directory. */
int tracedir_create(struct tracedir *d, const char *path, char *errbuf, size_t len);

/* Gives it the final name; an earlier trace there becomes .old, and an earlier .old goes. */
int tracedir_publish(struct tracedir *d, char *errbuf, size_t len);

/* Ends the use of d; a directory that has not been published is removed. */
void tracedir_close(struct tracedir *d);

#endif
