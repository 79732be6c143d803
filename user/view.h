/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the commands that show a trace have in common: opening it, saying what it is, knowing which of
 * its figures exist, and ending properly.
 */
#ifndef WEFT_USER_VIEW_H
#define WEFT_USER_VIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <weft/device.h>
#include "account.h"
#include "correlate.h"
#include "json.h"
#include "trace.h"

#define VIEW_DIR "weft-trace" /* where a trace is if no one says otherwise */
#define VIEW_WIDTH 120	      /* columns that a line of text should keep to */

/* An open trace, or NULL after a line for the user. dir: NULL for the default. */
struct trace *view_open(const char *dir);
/* Its accounts, likewise; a trace without any thread is refused. Rewinds the trace first. */
struct accounts *view_correlate(struct trace *t, const struct correlate_ops *ops, void *arg);

/* Were events of this hook recorded? If not, the figures made of them are missing, not zero. */
bool view_has(const struct trace *t, enum weft_hook hook);
/* value if the hook was recorded, else WEFT_UNKNOWN, which prints as '-' and null. */
uint64_t view_value(const struct trace *t, enum weft_hook hook, uint64_t value);
/* value: ticks; the result: nanoseconds. */
uint64_t view_time(const struct trace *t, enum weft_hook hook, uint64_t ticks);
/* The mean of `count` times that took `ticks` together, in nanoseconds; NaN of none. */
double view_mean_ns(const struct trace *t, uint64_t ticks, uint64_t count);
/* Ticks for nanoseconds, rounded down, saturating. */
uint64_t view_ticks(const struct trace *t, uint64_t ns);

const char *view_clock(const struct trace *t); /* "tsc", "monotonic" */
/* Two lines: the machine and the recording. */
/* A line of its own: which clock, its frequency, whether that was measured, and how well it is known. */
void view_clock_line(FILE *f, const struct trace *t);
void view_head(FILE *f, const struct trace *t, const struct accounts *a);
/* A line, if there are units that made no marks: much about them is not known. */
void view_without_marks(FILE *f, const struct accounts *a);
/* The same as members of the object that is open. */
void view_head_json(struct json *j, const struct trace *t, const struct accounts *a);

/* Was standard output really written? Then code, else EXIT_FAILED and a line (none for a closed pipe). */
int view_end(int code);

extern const char *const acct_state_name[ACCT_NR_STATES]; /* "on-cpu" */
extern const char *const acct_state_key[ACCT_NR_STATES];  /* of JSON: "oncpu_ns" */
const char *unit_kind_name(uint32_t kind);		  /* "coroutine" */
const char *unit_wait_name(uint32_t reason);		  /* "channel" */

#endif
