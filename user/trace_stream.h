/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One stream of a trace: one file of packets, mapped, with a position in it.
 */
#ifndef WEFT_USER_TRACE_STREAM_H
#define WEFT_USER_TRACE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "trace.h"

/* Event ids that a trace may list; later ones are taken for corruption. */
#define TRACE_MAX_ID 1024

/* What the metadata of a sub-trace says about its records: the size by id, 0 if it has none such. */
struct trace_sizes {
	uint32_t size[TRACE_MAX_ID];
};

struct trace_stream {
	const struct weft_event *rec; /* the next record, NULL at the end */
	uint32_t size;		      /* its size */
	uint32_t cpu;		      /* of its packet; unit stream: tgid */
	uint32_t copy;
	bool is_unit;
	bool truncated; /* the last packet is not whole */
	size_t pos;	/* behind rec */
	size_t content_end, packet_end;
	uint64_t packet_last; /* timestamp_end */
	uint64_t last;	      /* time of rec, or of the packet's begin */
	uint64_t seq;	      /* of the next packet */
	uint64_t discarded;   /* as the latest packet says */
	uint64_t lost;	      /* as `lost` records say */
	uint64_t events;      /* records handed out, rec included */
	const struct trace_sizes *sizes;
	const unsigned char *map;
	size_t len;
	char *path;
};

/*
 * Maps the file and goes before its first record. An empty file is a stream without records. 0 or a
 * negative errno with a line in errbuf. path is copied, sizes are borrowed.
 */
int trace_stream_open(struct trace_stream *s, const char *path, bool is_unit,
		      const struct trace_sizes *sizes, char *errbuf, size_t len);
void trace_stream_close(struct trace_stream *s);
void trace_stream_rewind(struct trace_stream *s);

/*
 * Goes to the next record that this reader knows: s->rec, NULL at the end. 0, or -EBADMSG with a line in
 * errbuf that names file and offset. Records in event.h's order of time, within their packets' span.
 */
int trace_stream_next(struct trace_stream *s, char *errbuf, size_t len);

/*
 * Calls found() for each span in which records are missing, and seen() with the tgid of each packet of
 * a unit stream. Looks at packet headers, and into packets next to which the count of discarded events
 * grows. Stops silently where the file is corrupt: trace_stream_next() will say so. Non-zero from a
 * callback ends it and is returned.
 */
int trace_stream_scan(const struct trace_stream *s,
		      int (*found)(void *arg, const struct trace_gap *gap),
		      int (*seen)(void *arg, uint32_t tgid), void *arg);

#endif
