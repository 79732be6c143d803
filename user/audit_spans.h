/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The part of the audit that watches the correlator at work: the spans of each thread and unit have to
 * follow each other without gap or overlap. The first instant that does not fit is named.
 */
#ifndef WEFT_USER_AUDIT_SPANS_H
#define WEFT_USER_AUDIT_SPANS_H

#include "audit.h"
#include "correlate.h"
#include "table.h"

/* All zero at first. */
struct audit_spans {
	struct table ends; /* by thread or unit: where its next span has to begin, plus 1 */
	struct audit_line threads, units;
	bool out_of_memory;
};

/* To be given to correlate() with a struct audit_spans. */
extern const struct correlate_ops audit_spans_ops;

/* After correlate() and audit_run(): puts what was found into the balance checks. */
void audit_spans_judge(struct audit_spans *s, const struct accounts *a, struct audit *au);
void audit_spans_free(struct audit_spans *s);

#endif
