/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One event as a line of text:
 *
 *	     0.000123456 [1] sort/4711      17 sched_switch next_tid=cat/4712 nswitch=3 ... state=S
 *
 * time since the trace's beginning in seconds, CPU, thread, current unit ('-' none, '?' unknown), event,
 * its fields. Names of threads are learnt from the records that went by.
 */
#ifndef WEFT_USER_EVENT_TEXT_H
#define WEFT_USER_EVENT_TEXT_H

#include <stdbool.h>
#include "trace.h"

struct event_text;

/*
 * raw: every number as it was recorded, ticks included; else ticks as nanoseconds, and states, flags, system
 * calls, errors and threads by name. NULL if there is no memory.
 */
struct event_text *event_text_new(const struct trace *t, bool raw);
void event_text_free(struct event_text *x);

/* Every event has to be shown to this, in order: learns names. 0 or -ENOMEM. */
int event_text_learn(struct event_text *x, const struct trace_event *ev);

/*
 * Writes the line, newline included, NUL-terminated, into buf and returns its length, at most
 * EVENT_TEXT_MAX - 1. begin: the trace's first tick.
 */
#define EVENT_TEXT_MAX 1024
size_t event_text_line(const struct event_text *x, const struct trace_event *ev, uint64_t begin,
		       char *buf);

#endif
