// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>
#include <weft/event.h>
#include "unit_record.h"

static const uint16_t record_size[WEFT_UNIT_EV_MAX] = {
#define WEFT_X(id, name) [id] = sizeof(struct weft_ev_##name),
	WEFT_UNIT_EVENTS(WEFT_X)
#undef WEFT_X
};

static uint64_t to_time(const struct unit_stream *s, uint64_t stamp)
{
	uint64_t time = s->clock ? clock_relation_mono(s->clock, stamp) : stamp;

	/* What was forgiven as a stamp must not go back as a time either. */
	return time > s->last_time ? time : s->last_time;
}

static void emit(struct unit_stream *s, const void *rec, size_t size, struct unit_out *out)
{
	const struct weft_unit_record *h = rec;

	if (!out->len)
		out->first_time = h->time;
	out->last = out->len;
	memcpy(out->buf + out->len, rec, size);
	out->len += size;
	s->last_time = h->time;
	s->records++;
}

void unit_stream_invalid(struct unit_stream *s, uint32_t what, uint64_t count, struct unit_out *out)
{
	struct weft_ev_unit_invalid r = {
		.h = { .time = to_time(s, s->last_stamp ? s->last_stamp : s->start),
		       .id = WEFT_EV_unit_invalid,
		       .tid = s->trace_tid },
		.count = count,
		.what = what,
	};

	s->invalid += count;
	if (out->len) {
		struct weft_ev_unit_invalid *last = (void *)(out->buf + out->last);

		if (last->h.id == WEFT_EV_unit_invalid && last->what == what) {
			last->count += count;
			return;
		}
	}
	emit(s, &r, sizeof(r), out);
}

/*
 * Losses that can be: not more than ticks in their time, which is not before the session nor after
 * `by`.
 */
static bool lost_valid(const struct unit_stream *s, uint64_t count, uint64_t first, uint64_t last,
		       uint64_t by)
{
	return count && first >= s->start && last >= first && last <= by &&
	       count - 1 <= last - first;
}

void unit_stream_lost(struct unit_stream *s, uint64_t count, uint64_t first, uint64_t last,
		      struct unit_out *out)
{
	struct weft_ev_unit_lost r = { .h = { .id = WEFT_EV_unit_lost, .tid = s->trace_tid },
				       .count = count };

	if (!lost_valid(s, count, first, last, s->now)) {
		unit_stream_invalid(s, WEFT_INVALID_TIME, 1, out);
		return;
	}
	r.first = s->clock ? clock_relation_mono(s->clock, first) : first;
	r.last = s->clock ? clock_relation_mono(s->clock, last) : last;
	r.h.time = to_time(s, last);
	s->lost += count;
	emit(s, &r, sizeof(r), out);
}

/*
 * What is wrong with a whole record; 0 if nothing. Its stamp may be moved within the slack, its thread's id
 * becomes the trace's.
 */
static uint32_t check(struct unit_stream *s, struct weft_unit_record *h)
{
	if (h->time < s->last_stamp && s->last_stamp - h->time <= UNIT_CLOCK_SLACK) {
		if (s->last_stamp - h->time > s->back_max)
			s->back_max = s->last_stamp - h->time;
		h->time = s->last_stamp;
	}
	if (h->time < s->last_stamp || h->time < s->start || h->time > s->now + UNIT_CLOCK_SLACK)
		return WEFT_INVALID_TIME;
	if (h->tid != s->tid) {
		uint32_t trace_tid = h->tid ? s->thread(s->arg, h->tid) : 0;

		if (!trace_tid)
			return WEFT_INVALID_TID;
		s->tid = h->tid;
		s->trace_tid = trace_tid;
	}
	h->tid = s->trace_tid;
	if (h->id != WEFT_EV_unit_lost && (!h->unit || h->unit == WEFT_UNKNOWN))
		return WEFT_INVALID_UNIT;
	return 0;
}

/* Padding is zero in a trace, whatever the program left there. */
static void clean(struct weft_unit_record *h)
{
	if (h->id == WEFT_EV_unit_create)
		((struct weft_ev_unit_create *)h)->pad = 0;
	if (h->id == WEFT_EV_unit_suspend)
		((struct weft_ev_unit_suspend *)h)->pad = 0;
}

size_t unit_stream_take(struct unit_stream *s, const unsigned char *in, size_t len, bool more,
			struct unit_out *out)
{
	size_t pos = 0;

	while (pos < len) {
		union {
			struct weft_unit_record h;
			struct weft_ev_unit_lost lost;
			unsigned char bytes[WEFT_UNIT_EVENT_MAX_SIZE];
		} r;
		size_t left = len - pos, size = 0;
		uint32_t wrong;

		if (left < WEFT_UNIT_EVENT_MAX_SIZE && more)
			break;
		if (left >= sizeof(r.h)) {
			memcpy(&r.h, in + pos, sizeof(r.h));
			/* unit_invalid is the recorder's own, and no program's to write. */
			if (r.h.id < WEFT_UNIT_EV_MAX && r.h.id != WEFT_EV_unit_invalid)
				size = record_size[r.h.id];
		}
		if (!size || size > left) {
			/*
			 * Where the next record begins is unknown: all up to the head is one
			 * invalid record.
			 */
			unit_stream_invalid(s, WEFT_INVALID_ID, 1, out);
			return len;
		}
		memcpy(&r, in + pos, size);
		pos += size;
		wrong = check(s, &r.h);
		if (wrong) {
			unit_stream_invalid(s, wrong, 1, out);
			continue;
		}
		s->last_stamp = r.h.time;
		if (r.h.id == WEFT_EV_unit_lost) {
			unit_stream_lost(s, r.lost.count, r.lost.first, r.lost.last, out);
			continue;
		}
		r.h.time = to_time(s, r.h.time);
		clean(&r.h);
		emit(s, &r, size, out);
	}
	return pos;
}
