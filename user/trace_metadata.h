/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads back what user/metadata.c wrote: the env block of a trace's metadata, which holds all that this
 * reader needs; the layout of packets and records it knows from the headers.
 */
#ifndef WEFT_USER_TRACE_METADATA_H
#define WEFT_USER_TRACE_METADATA_H

#include "trace_stream.h"

/*
 * Reads the file and fills what it tells into t, and the sizes of its sub-trace's records. 0 or a negative
 * errno with a line in errbuf: -ENOENT no such file, -EPROTO of a newer version, -EBADMSG no metadata of ours.
 */
int trace_metadata_read(struct trace *t, struct trace_sizes *sizes, const char *path, char *errbuf,
			size_t len);

#endif
