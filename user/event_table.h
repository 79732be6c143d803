/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every event of both streams looks like, as a table: generated from the field lists in
 * <weft/event.h> and <weft/unit_event.h>, for whoever writes the metadata or prints an event.
 * The fields of struct weft_event, with which each record begins, are not listed.
 */
#ifndef WEFT_USER_EVENT_TABLE_H
#define WEFT_USER_EVENT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weft/event.h>
#include <weft/unit_event.h>

enum event_field_kind {
	EVENT_FIELD_UNSIGNED, /* u8 u16 u32 u64 */
	EVENT_FIELD_SIGNED,   /* s16 s32 s64 */
	EVENT_FIELD_TEXT,     /* size bytes, NUL-padded, not NUL-terminated if full */
	EVENT_FIELD_PAD,      /* always zero; not shown */
};

struct event_field {
	const char *name;
	enum event_field_kind kind;
	bool hex;	 /* people read it in base 16 */
	uint16_t offset; /* bytes from the record's beginning */
	uint16_t size;	 /* bytes */
};

struct event_type {
	const char *name;
	uint32_t id;
	uint32_t size;	/* bytes, with struct weft_event; a multiple of 8 */
	uint32_t group; /* enum weft_group; 0: an event of the unit stream */
	bool is_unit;
	const struct event_field *fields; /* in the record's order, paddings included */
	uint32_t nr_fields;
};

/* Ids are below this: to see all, ask for each. */
#define EVENT_ID_MAX WEFT_UNIT_EV_MAX

/* NULL if no event has this id or name. */
const struct event_type *event_type(uint32_t id);
const struct event_type *event_type_by_name(const char *name);

/*
 * The field's value in a record of its event; of EVENT_FIELD_SIGNED sign-extended, to be cast to
 * int64_t. Not for text. The record is at least field->offset + field->size bytes long.
 */
uint64_t event_field_value(const struct event_field *field, const void *rec);

#endif
