/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is under way on each thread: from the entry of a hooked function to its return. Slots are keyed by
 * the low bits of the thread id; where two threads meet in one, the earlier loses it, and its duration is
 * unknown instead of wrong.
 */
#ifndef WEFT_BPF_FLIGHT_BPF_H
#define WEFT_BPF_FLIGHT_BPF_H

#include "config.bpf.h"

#define NR_FLIGHTS 0x10000

struct flight {
	u64 since; /* ticks */
	u64 word;  /* whatever the entry wants to hand to the return */
	u32 tid;   /* 0: none */
	u32 what;
};

struct flights {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NR_FLIGHTS);
	__type(key, u32);
	__type(value, struct flight);
};
/* A fault may happen within a mapping call (MAP_POPULATE), neither within itself. */
struct flights fault_flights SEC(".maps"), mm_flights SEC(".maps");

static __always_inline void flight_begin(struct flights *map, u32 tid, u32 what, u64 word)
{
	u32 i = tid & (NR_FLIGHTS - 1);
	struct flight *f = bpf_map_lookup_elem(map, &i);

	if (!f)
		return;
	f->tid = 0;
	f->word = word;
	f->what = what;
	f->since = bpf_ktime_get_ns();
	f->tid = tid;
}

/* False if it is not known. */
static __always_inline bool flight_end(struct flights *map, u32 tid, u32 what, u64 *since,
				       u64 *word)
{
	u32 i = tid & (NR_FLIGHTS - 1);
	struct flight *f = bpf_map_lookup_elem(map, &i);

	if (!f || f->tid != tid || f->what != what)
		return false;
	*since = f->since;
	*word = f->word;
	/* Another thread may have taken the slot meanwhile; then its return clears nothing. */
	return __sync_val_compare_and_swap(&f->tid, tid, 0) == tid;
}

#endif
