/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One stream's file of a trace: whole CTF packets, appended so that the file is well-formed at every
 * instant, whenever and by whatever its writer is killed.
 *
 * A large write that SIGKILL cuts short ends at some page, and readers of CTF refuse a file with a part
 * of a packet. A page is never cut, though, and a packet may consist of padding; so packets are appended
 * in three steps, after each of which, and at each page within, the file has whole packets only:
 *
 *	1. the space: pages that are each an empty packet;
 *	2. over their first one: the header of one empty packet as long as all of them; what will be
 *	   written after it is its padding. Then the new packets, but for the first one's header;
 *	3. that header.
 *
 * A killed recorder so leaves at most some empty packets at the end. Step 1 also finds out whether there
 * is space on the disk.
 */
#ifndef WEFT_USER_STREAM_FILE_H
#define WEFT_USER_STREAM_FILE_H

#include <stddef.h>
#include <stdint.h>

struct stream_file {
	int fd;	       /* -1: not opened yet */
	uint64_t size; /* bytes; whole packets */
};

#define STREAM_FILE_INIT                                                                           \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/* Creates the file `name` in the directory dirfd; an existing one is an error. 0 or a negative errno. */
int stream_file_create(struct stream_file *sf, int dirfd, const char *name);

/*
 * Appends packets (len bytes, each packet and so len a multiple of WEFT_PACKET_ALIGN). 0, or a negative
 * errno, and then the file ends with the last packet of the call before.
 */
int stream_file_append(struct stream_file *sf, const void *packets, size_t len);

/* Nothing happens if it is not open. */
void stream_file_close(struct stream_file *sf);

#endif
