/* SPDX-License-Identifier: MIT */
/*
 * The records of the unit stream: what a program's unit marks look like in its rings and in the trace.
 * unit.h writes them, the tool reads them. The same conventions as event.h: every record begins with
 * {time, id, tid, unit}, sizes are multiples of 8 and fixed by the id.
 */
#ifndef WEFT_UNIT_EVENT_H
#define WEFT_UNIT_EVENT_H

#include <stdint.h>

/*
 * F(type, name, base), T(name, len), P(type, name) as in event.h.
 *
 * unit_create: `unit` exists from now on and is ready to run (queued in its runtime). parent: the unit
 *	that created it, 0 if none. kind: enum weft_unit_kind.
 * unit_resume: `unit` is the thread's current unit from now on. If another one was, that one is
 *	suspended for WEFT_WAIT_NESTED.
 * unit_suspend: `unit` stops being current: reason is an enum weft_unit_wait, object what it waits for
 *	(an address or number of the runtime's choice, 0 if none).
 * unit_wake: `unit` can run again; by: the unit that made it so, 0 if none did.
 * unit_exit: the end of `unit`; it is current no more.
 * unit_lost: `count` marks did not fit, between `first` and `last`; stands where they are missing.
 * unit_invalid: written by the recorder: `count` records were no records (what: enum
 *	weft_unit_invalid) and were left out here.
 */
#define WEFT_UNIT_FIELDS_unit_create(F, T, P)                                                      \
	F(u64, parent, dec)                                                                        \
	F(u32, kind, dec)                                                                          \
	P(u32, pad)                                                                                \
	T(name, 32)
#define WEFT_UNIT_FIELDS_unit_resume(F, T, P)
#define WEFT_UNIT_FIELDS_unit_suspend(F, T, P)                                                     \
	F(u64, object, hex)                                                                        \
	F(u32, reason, dec)                                                                        \
	P(u32, pad)
#define WEFT_UNIT_FIELDS_unit_wake(F, T, P) F(u64, by, dec)
#define WEFT_UNIT_FIELDS_unit_exit(F, T, P)
#define WEFT_UNIT_FIELDS_unit_lost(F, T, P)                                                        \
	F(u64, count, dec)                                                                         \
	F(u64, first, dec)                                                                         \
	F(u64, last, dec)
#define WEFT_UNIT_FIELDS_unit_invalid(F, T, P)                                                     \
	F(u64, count, dec)                                                                         \
	F(u32, what, dec)                                                                          \
	P(u32, pad)

/* X(id, name). Ids of the unit stream begin at 64, so that no id means two things in one trace. */
#define WEFT_UNIT_EVENTS(X)                                                                        \
	X(64, unit_lost)                                                                           \
	X(65, unit_create)                                                                         \
	X(66, unit_resume)                                                                         \
	X(67, unit_suspend)                                                                        \
	X(68, unit_wake)                                                                           \
	X(69, unit_exit)                                                                           \
	X(70, unit_invalid)

enum weft_unit_event_id {
#define WEFT_X(id, name) WEFT_EV_##name = id,
	WEFT_UNIT_EVENTS(WEFT_X)
#undef WEFT_X
		WEFT_UNIT_EV_MAX
};

enum weft_unit_kind {
	WEFT_UNIT_OTHER = 0,
	WEFT_UNIT_COROUTINE = 1,
	WEFT_UNIT_TASK = 2,
};

/* Why a unit does not run. Only YIELD leaves it ready; after the others it waits for a unit_wake. */
enum weft_unit_wait {
	WEFT_WAIT_OTHER = 0,
	WEFT_WAIT_YIELD = 1,
	WEFT_WAIT_IO = 2,
	WEFT_WAIT_LOCK = 3,
	WEFT_WAIT_CHANNEL = 4,
	WEFT_WAIT_SLEEP = 5,
	WEFT_WAIT_JOIN = 6,   /* another unit's end, a future */
	WEFT_WAIT_NESTED = 7, /* it resumed another unit on its own thread */
};

enum weft_unit_invalid {
	WEFT_INVALID_ID = 1,   /* no such event */
	WEFT_INVALID_TIME = 2, /* time goes back, or lies in the future */
	WEFT_INVALID_RING = 3, /* the ring's header is torn or hostile; the ring was given up */
	WEFT_INVALID_UNIT = 4, /* unit 0 or WEFT_UNKNOWN */
	WEFT_INVALID_TID = 5,  /* the thread is none of the process's */
};

struct weft_unit_record {
	uint64_t time;
	uint32_t id;
	uint32_t tid;
	uint64_t unit;
};

#define WEFT_UNIT_T_u64 uint64_t
#define WEFT_UNIT_T_u32 uint32_t
#define WEFT_UNIT_STRUCT_F(type, name, base) WEFT_UNIT_T_##type name;
#define WEFT_UNIT_STRUCT_T(name, len) char name[len];
#define WEFT_UNIT_STRUCT_P(type, name) WEFT_UNIT_T_##type name;
#define WEFT_X(id, name)                                                                           \
	struct weft_ev_##name {                                                                    \
		struct weft_unit_record h;                                                         \
		WEFT_UNIT_FIELDS_##name(WEFT_UNIT_STRUCT_F, WEFT_UNIT_STRUCT_T,                    \
					WEFT_UNIT_STRUCT_P)                                        \
	};
WEFT_UNIT_EVENTS(WEFT_X)
#undef WEFT_X
#undef WEFT_UNIT_STRUCT_F
#undef WEFT_UNIT_STRUCT_T
#undef WEFT_UNIT_STRUCT_P

#define WEFT_UNIT_EVENT_MAX_SIZE 72

#endif
