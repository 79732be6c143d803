/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The correlator: one pass over the merged streams, in memory bounded by the number of accounts (not of
 * events), that puts every tick of every thread's and unit's life into exactly one state.
 */
#ifndef WEFT_USER_CORRELATE_H
#define WEFT_USER_CORRELATE_H

#include "account.h"
#include "trace.h"

/* What a view may want to see as it happens; any member may be NULL. */
struct correlate_ops {
	/* A span has ended. Spans of one thread or unit come in order; those of different ones need not. */
	void (*span)(void *arg, const struct acct_span *s);
	/* Every event, before it is accounted, with the thread and the unit it belongs to (or NULL). */
	void (*event)(void *arg, const struct trace_event *ev, struct acct_thread *t,
		      struct acct_unit *u);
};

/* 0 and *out, or a negative errno with a line in errbuf. Reads the trace from where it stands. */
int correlate(struct trace *t, const struct correlate_ops *ops, void *arg, struct accounts **out,
	      char *errbuf, size_t len);
void accounts_free(struct accounts *a);

#endif
