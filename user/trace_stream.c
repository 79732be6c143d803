// SPDX-License-Identifier: GPL-2.0-only
/* One stream of a trace: packets and records, checked before they are used. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "event_table.h"
#include "trace_stream.h"

/* The events that this reader knows. */
#define KERNEL_KNOWN(id, name, group) [id] = true,
#define UNIT_KNOWN(id, name) [id] = true,
static const bool known[EVENT_ID_MAX] = { WEFT_EVENTS(KERNEL_KNOWN) WEFT_UNIT_EVENTS(UNIT_KNOWN) };

/* One function reads both. */
_Static_assert(offsetof(struct weft_ev_lost, last) == offsetof(struct weft_ev_unit_lost, last),
	       "lost and unit_lost");
_Static_assert(sizeof(struct weft_ev_lost) == sizeof(struct weft_ev_unit_lost),
	       "lost and unit_lost");

static uint32_t lost_id(const struct trace_stream *s)
{
	return s->is_unit ? (uint32_t)WEFT_EV_unit_lost : (uint32_t)WEFT_EV_lost;
}

int trace_stream_open(struct trace_stream *s, const char *path, bool is_unit,
		      const struct trace_sizes *sizes, char *errbuf, size_t len)
{
	struct stat st;
	void *map = NULL;
	int fd, err = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st)) {
		err = -errno;
	} else if (st.st_size) {
		map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (map == MAP_FAILED)
			err = -errno;
	}
	if (fd >= 0)
		close(fd);
	if (err) {
		snprintf(errbuf, len, "cannot read %s: %s", path, strerror(-err));
		return err;
	}
	*s = (struct trace_stream){
		.is_unit = is_unit,
		.sizes = sizes,
		.map = map,
		.len = map ? (size_t)st.st_size : 0,
		.path = strdup(path),
	};
	if (s->path)
		return 0;
	trace_stream_close(s);
	snprintf(errbuf, len, "cannot read %s: out of memory", path);
	return -ENOMEM;
}

void trace_stream_close(struct trace_stream *s)
{
	if (s->map)
		munmap((void *)s->map, s->len);
	free(s->path);
	s->map = NULL;
	s->path = NULL;
}

void trace_stream_rewind(struct trace_stream *s)
{
	*s = (struct trace_stream){
		.is_unit = s->is_unit,
		.sizes = s->sizes,
		.map = s->map,
		.len = s->len,
		.path = s->path,
	};
}

static bool all_zero(const unsigned char *p, size_t len)
{
	return !len || (!p[0] && !memcmp(p, p + 1, len - 1));
}

__attribute__((format(printf, 5, 6))) static int
corrupt(const struct trace_stream *s, size_t offset, char *errbuf, size_t len, const char *fmt, ...)
{
	char what[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	snprintf(errbuf, len, "%s is corrupt at byte %zu: %s", s->path, offset, what);
	return -EBADMSG;
}

/* What is wrong with a packet header, NULL if nothing is. The packet may reach beyond the file. */
static const char *packet_fault(const struct trace_stream *s, const struct weft_packet *p)
{
	if (p->magic != WEFT_CTF_MAGIC)
		return "no packet begins here";
	if (p->stream_id != (s->is_unit ? WEFT_STREAM_UNITS : WEFT_STREAM_KERNEL))
		return "a packet of another stream";
	if (p->content_size % 64 || p->packet_size % 64 || p->content_size < 8 * sizeof(*p) ||
	    p->packet_size < p->content_size)
		return "a packet of impossible size";
	if (!s->is_unit && p->cpu_id >= TRACE_MAX_CPUS)
		return "a packet of an impossible CPU";
	if (p->timestamp_end < p->timestamp_begin)
		return "a packet that ends before it begins";
	return NULL;
}

/* Opens the packet at packet_end. 1: done; 0: the stream ends here; -EBADMSG. */
static int next_packet(struct trace_stream *s, char *errbuf, size_t len)
{
	size_t at = s->packet_end, left = s->len - at;
	const struct weft_packet *p = (const void *)(s->map + at);
	const char *fault;

	if (!left)
		return 0;
	/* What a recorder leaves that was killed, or that found the disk full. */
	if (left < sizeof(*p) || all_zero(s->map + at, left)) {
		s->truncated = true;
		return 0;
	}
	fault = packet_fault(s, p);
	if (fault)
		return corrupt(s, at, errbuf, len, "%s", fault);
	if (p->packet_size / 8 > left) {
		s->truncated = true;
		return 0;
	}
	if (p->packet_seq_num != s->seq)
		return corrupt(s, at, errbuf, len,
			       "packet %" PRIu64 " stands where %" PRIu64 " belongs",
			       (uint64_t)p->packet_seq_num, s->seq);
	if (p->timestamp_begin < s->packet_last || p->events_discarded < s->discarded)
		return corrupt(s, at, errbuf, len, "a packet older than the one before it");
	s->seq++;
	s->discarded = p->events_discarded;
	s->last = p->timestamp_begin;
	s->packet_last = p->timestamp_end;
	s->cpu = p->cpu_id;
	s->copy = p->copy;
	s->pos = at + sizeof(*p);
	s->content_end = at + p->content_size / 8;
	s->packet_end = at + p->packet_size / 8;
	return 1;
}

/* What is wrong with the record at pos, within the packet; NULL if nothing is. */
static const char *record_fault(const struct trace_stream *s, const struct weft_event *rec,
				size_t left)
{
	if (left < sizeof(*rec))
		return "a record that is cut off";
	if (rec->id >= TRACE_MAX_ID || !s->sizes->size[rec->id])
		return "a record of an event that the metadata does not know";
	if (s->sizes->size[rec->id] > left)
		return "a record that reaches beyond its packet";
	if (rec->time < s->last)
		return "time goes back";
	if (rec->time > s->packet_last)
		return "a record later than its packet";
	return NULL;
}

int trace_stream_next(struct trace_stream *s, char *errbuf, size_t len)
{
	const struct weft_event *rec;
	const char *fault;
	int ret;

	for (;;) {
		while (s->pos == s->content_end) {
			ret = next_packet(s, errbuf, len);
			if (ret <= 0) {
				s->rec = NULL;
				return ret;
			}
		}
		rec = (const void *)(s->map + s->pos);
		fault = record_fault(s, rec, s->content_end - s->pos);
		if (fault) {
			/* The last packet of a file whose end never reached the disk. */
			if (s->packet_end == s->len &&
			    all_zero(s->map + s->pos, s->packet_end - s->pos)) {
				s->truncated = true;
				s->rec = NULL;
				s->pos = s->content_end = s->packet_end;
				return 0;
			}
			return corrupt(s, s->pos, errbuf, len, "%s", fault);
		}
		s->last = rec->time;
		s->size = s->sizes->size[rec->id];
		s->pos += s->size;
		/* An event of a later version is stepped over. */
		if (rec->id < EVENT_ID_MAX && known[rec->id])
			break;
	}
	if (rec->id == lost_id(s))
		s->lost += ((const struct weft_ev_lost *)rec)->count;
	s->events++;
	s->rec = rec;
	return 0;
}

/* Calls found() for each `lost` record of the packet at offset `at`. */
static int scan_packet(const struct trace_stream *s, size_t at,
		       int (*found)(void *, const struct trace_gap *), void *arg)
{
	const struct weft_packet *p = (const void *)(s->map + at);
	size_t end = at + p->content_size / 8, pos = at + sizeof(*p);
	int ret = 0;

	while (!ret && pos + sizeof(struct weft_event) <= end) {
		const struct weft_ev_lost *rec = (const void *)(s->map + pos);
		uint32_t size = rec->h.id < TRACE_MAX_ID ? s->sizes->size[rec->h.id] : 0;
		struct trace_gap gap = { .is_unit = s->is_unit };

		if (!size || size > end - pos)
			break;
		pos += size;
		if (rec->h.id != lost_id(s) || rec->last < rec->first || rec->last > rec->h.time)
			continue;
		gap.first = rec->first;
		gap.last = rec->last;
		gap.count = rec->count;
		if (s->is_unit) {
			gap.tgid = p->tgid;
			gap.tid = rec->h.tid;
		} else {
			gap.cpu = p->cpu_id;
		}
		ret = found(arg, &gap);
	}
	return ret;
}

int trace_stream_scan(const struct trace_stream *s, int (*found)(void *, const struct trace_gap *),
		      int (*seen)(void *, uint32_t), void *arg)
{
	size_t at = 0, prev = SIZE_MAX;
	uint64_t discarded = 0;
	bool looked = false; /* into the packet before */
	int ret = 0;

	while (!ret && s->len - at >= sizeof(struct weft_packet)) {
		const struct weft_packet *p = (const void *)(s->map + at);
		bool look = p->events_discarded != discarded;

		if (packet_fault(s, p) || p->packet_size / 8 > s->len - at)
			break;
		if (s->is_unit)
			ret = seen(arg, p->tgid);
		if (!ret && look && !looked && prev != SIZE_MAX)
			ret = scan_packet(s, prev, found, arg);
		if (!ret && look)
			ret = scan_packet(s, at, found, arg);
		discarded = p->events_discarded;
		looked = look;
		prev = at;
		at += p->packet_size / 8;
	}
	/* No packet follows the last one to tell of its losses. */
	if (!ret && !looked && prev != SIZE_MAX)
		ret = scan_packet(s, prev, found, arg);
	return ret;
}
