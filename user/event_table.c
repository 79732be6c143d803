// SPDX-License-Identifier: GPL-2.0-only
/* The table of all events, generated from the field lists of the event ABI. */
#include <string.h>
#include "event_table.h"

#define KIND_u8 EVENT_FIELD_UNSIGNED
#define KIND_u16 EVENT_FIELD_UNSIGNED
#define KIND_u32 EVENT_FIELD_UNSIGNED
#define KIND_u64 EVENT_FIELD_UNSIGNED
#define KIND_s16 EVENT_FIELD_SIGNED
#define KIND_s32 EVENT_FIELD_SIGNED
#define KIND_s64 EVENT_FIELD_SIGNED
#define HEX_dec false
#define HEX_hex true

/* `rec` is a type of the block that a field list is expanded in: the event's structure. */
#define SPAN(name) offsetof(rec, name), sizeof(((rec *)0)->name)
#define FIELD_F(type, name, base) { #name, KIND_##type, HEX_##base, SPAN(name) },
#define FIELD_T(name, len) { #name, EVENT_FIELD_TEXT, false, SPAN(name) },
#define FIELD_P(type, name) { #name, EVENT_FIELD_PAD, false, SPAN(name) },

#define CASE(nr, ev, FIELDS, grp, unit)                                                            \
	case nr: {                                                                                 \
		typedef struct weft_ev_##ev rec;                                                   \
		static const struct event_field fields[] = { FIELDS(FIELD_F, FIELD_T, FIELD_P) };  \
		static const struct event_type type = {                                            \
			.name = #ev,                                                               \
			.id = nr,                                                                  \
			.size = sizeof(rec),                                                       \
			.group = grp,                                                              \
			.is_unit = unit,                                                           \
			.fields = fields,                                                          \
			.nr_fields = sizeof(fields) / sizeof(struct event_field),                  \
		};                                                                                 \
		return &type;                                                                      \
	}
#define KERNEL_CASE(nr, ev, grp) CASE(nr, ev, WEFT_FIELDS_##ev, WEFT_GROUP_##grp, false)
#define UNIT_CASE(nr, ev) CASE(nr, ev, WEFT_UNIT_FIELDS_##ev, 0, true)

const struct event_type *event_type(uint32_t id)
{
	switch (id) {
		WEFT_EVENTS(KERNEL_CASE)
		WEFT_UNIT_EVENTS(UNIT_CASE)
	}
	return NULL;
}

const struct event_type *event_type_by_name(const char *name)
{
	uint32_t id;

	for (id = 0; id < EVENT_ID_MAX; id++) {
		const struct event_type *t = event_type(id);

		if (t && !strcmp(t->name, name))
			return t;
	}
	return NULL;
}

uint64_t event_field_value(const struct event_field *field, const void *rec)
{
	const unsigned char *p = (const unsigned char *)rec + field->offset;
	bool is_signed = field->kind == EVENT_FIELD_SIGNED;
	uint64_t u64;
	uint32_t u32;
	uint16_t u16;

	switch (field->size) {
	case 8:
		memcpy(&u64, p, sizeof(u64));
		return u64;
	case 4:
		memcpy(&u32, p, sizeof(u32));
		return is_signed ? (uint64_t)(int32_t)u32 : u32;
	case 2:
		memcpy(&u16, p, sizeof(u16));
		return is_signed ? (uint64_t)(int16_t)u16 : u16;
	default:
		return is_signed ? (uint64_t)(int8_t)*p : *p;
	}
}
