// SPDX-License-Identifier: GPL-2.0-only
/*
 * TLB flushes.
 */
#include <linux/mm_types.h>
#include <linux/sched.h>
#include "hooks.h"
#include "session.h"
#include "unitword.h"

void probe_tlb_flush(void *data, int reason, unsigned long pages)
{
	struct weft_ev_tlb_flush *rec;
	struct session *s = data;
	u8 class = READ_ONCE(s->class[current->pid]);
	u64 unit;

	if (!(class & CLASS_TRACED))
		return;
	/* In the middle of a switch the next one's memory is mapped already, under this one's pointer. */
	if (reason == TLB_FLUSH_ON_TASK_SWITCH && (class & CLASS_INDEX) >= CLASS_UNIT_FIRST)
		unit = WEFT_UNKNOWN;
	else
		unit = unit_current(s, current, class);
	rec = ring_reserve(ring_this(s), sizeof(*rec));
	if (unlikely(!rec))
		return;
	event_header(&rec->h, WEFT_EV_tlb_flush, current, unit);
	rec->pages = pages == ~0UL ? WEFT_UNKNOWN : pages;
	rec->reason = reason;
	rec->pad = 0;
	ring_commit(ring_this(s), rec, sizeof(*rec));
}
