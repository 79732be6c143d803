// SPDX-License-Identifier: GPL-2.0-only
/* One event as a line of text. Made for millions of them: no printf on the way. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "event_table.h"
#include "event_text.h"
#include "syscall_name.h"
#include "table.h"
#include "view.h"

/* How a field's value is shown. */
enum how {
	HOW_UNSIGNED,
	HOW_SIGNED,
	HOW_HEX,
	HOW_TEXT,
	HOW_HIDDEN,
	HOW_TICKS,   /* a duration */
	HOW_THREAD,  /* a tid */
	HOW_STATE,   /* of a task */
	HOW_SYSCALL, /* a number, -1: none */
	HOW_RESULT,  /* an address or -errno */
	HOW_FLAGS,   /* named bits */
	HOW_ENUM,    /* a named value */
};

struct bit_name {
	uint32_t value;
	const char *name;
};

static const struct bit_name switch_flags[] = { { WEFT_SWITCH_PREEMPT, "PREEMPT" },
						{ WEFT_SWITCH_MM, "MM" },
						{ WEFT_SWITCH_DEAD, "DEAD" },
						{ WEFT_SWITCH_KTHREAD, "KTHREAD" },
						{ WEFT_SWITCH_NEXT_KTHREAD, "NEXT_KTHREAD" },
						{ 0 } };
static const struct bit_name wake_flags[] = { { WEFT_WAKE_IRQ, "IRQ" }, { 0 } };
static const struct bit_name thread_flags[] = { { WEFT_THREAD_TRACED, "TRACED" },
						{ WEFT_THREAD_KTHREAD, "KTHREAD" },
						{ 0 } };
static const struct bit_name exit_flags[] = { { WEFT_EXIT_GROUP, "GROUP" }, { 0 } };
static const struct bit_name fault_flags[] = { { WEFT_FAULT_WRITE, "WRITE" },
					       { WEFT_FAULT_USER, "USER" },
					       { WEFT_FAULT_EXEC, "EXEC" },
					       { WEFT_FAULT_MAJOR, "MAJOR" },
					       { WEFT_FAULT_RETRY, "RETRY" },
					       { WEFT_FAULT_ERROR, "ERROR" },
					       { WEFT_FAULT_REMOTE, "REMOTE" },
					       { WEFT_FAULT_ENTRY_ONLY, "ENTRY_ONLY" },
					       { 0 } };
static const struct bit_name prot_flags[] = { { PROT_READ, "READ" },
					      { PROT_WRITE, "WRITE" },
					      { PROT_EXEC, "EXEC" },
					      { 0 } };
static const struct bit_name stat_when[] = { { WEFT_STAT_START, "start" },
					     { WEFT_STAT_EXIT, "exit" },
					     { WEFT_STAT_STOP, "stop" },
					     { 0 } };
/* enum tlb_flush_reason of the kernel; 0 has a name too, so the end is the missing name. */
static const struct bit_name tlb_reasons[] = {
	{ 0, "task_switch" },	     { 1, "remote_shootdown" }, { 2, "local_shootdown" },
	{ 3, "local_mm_shootdown" }, { 4, "remote_send_ipi" },	{ 0 }
};
static const struct bit_name unit_kinds[] = { { WEFT_UNIT_OTHER, "unit" },
					      { WEFT_UNIT_COROUTINE, "coroutine" },
					      { WEFT_UNIT_TASK, "task" },
					      { 0 } };
static const struct bit_name unit_waits[] = {
	{ WEFT_WAIT_OTHER, "other" },
	{ WEFT_WAIT_YIELD, "yield" },
	{ WEFT_WAIT_IO, "io" },
	{ WEFT_WAIT_LOCK, "lock" },
	{ WEFT_WAIT_CHANNEL, "channel" },
	{ WEFT_WAIT_SLEEP, "sleep" },
	{ WEFT_WAIT_JOIN, "join" },
	{ WEFT_WAIT_NESTED, "nested" },
	{ 0 },
};
static const struct bit_name unit_invalids[] = {
	{ WEFT_INVALID_ID, "id" },     { WEFT_INVALID_TIME, "time" }, { WEFT_INVALID_RING, "ring" },
	{ WEFT_INVALID_UNIT, "unit" }, { WEFT_INVALID_TID, "tid" },   { 0 }
};

/* Fields that are shown better than by their type alone. event 0: in every event. */
static const struct rule {
	uint32_t event;
	const char *field;
	enum how how;
	const struct bit_name *names;
} rules[] = {
	{ WEFT_EV_sched_switch, "flags", HOW_FLAGS, switch_flags },
	{ WEFT_EV_sched_switch, "state", HOW_STATE, NULL },
	{ WEFT_EV_context_switch, "flags", HOW_FLAGS, switch_flags },
	{ WEFT_EV_sched_waking, "flags", HOW_FLAGS, wake_flags },
	{ WEFT_EV_sched_wakeup, "flags", HOW_FLAGS, wake_flags },
	{ WEFT_EV_sched_wakeup_new, "flags", HOW_FLAGS, wake_flags },
	{ WEFT_EV_thread, "flags", HOW_FLAGS, thread_flags },
	{ WEFT_EV_thread_stat, "when", HOW_ENUM, stat_when },
	{ WEFT_EV_sched_process_exit, "flags", HOW_FLAGS, exit_flags },
	{ WEFT_EV_page_fault, "flags", HOW_FLAGS, fault_flags },
	{ WEFT_EV_tlb_flush, "reason", HOW_ENUM, tlb_reasons },
	{ WEFT_EV_unit_create, "kind", HOW_ENUM, unit_kinds },
	{ WEFT_EV_unit_suspend, "reason", HOW_ENUM, unit_waits },
	{ WEFT_EV_unit_invalid, "what", HOW_ENUM, unit_invalids },
	{ 0, "next_tid", HOW_THREAD, NULL },
	{ 0, "prev_tid", HOW_THREAD, NULL },
	{ 0, "child_tid", HOW_THREAD, NULL },
	{ 0, "target", HOW_THREAD, NULL },
	{ 0, "syscall", HOW_SYSCALL, NULL },
	{ 0, "duration", HOW_TICKS, NULL },
	{ 0, "cost", HOW_TICKS, NULL },
	{ 0, "result", HOW_RESULT, NULL },
	{ 0, "prot", HOW_FLAGS, prot_flags },
};

#define MAX_FIELDS 16
#define COMM_LEN 16

struct plan {
	const struct event_type *type;
	const struct bit_name *names[MAX_FIELDS];
	enum how how[MAX_FIELDS];
};

struct event_text {
	const struct trace *trace;
	bool raw;
	struct plan plans[EVENT_ID_MAX];
	struct table names; /* of (tid, 0): 16 bytes as in the record */
};

/* ---- names of threads */

static int learn_name(struct event_text *x, uint32_t tid, const char *comm)
{
	char *name = table_get(&x->names, tid, 0);

	if (!name) {
		name = malloc(COMM_LEN);
		if (!name || table_set(&x->names, tid, 0, name)) {
			free(name);
			return -ENOMEM;
		}
	}
	memcpy(name, comm, COMM_LEN);
	return 0;
}

int event_text_learn(struct event_text *x, const struct trace_event *ev)
{
	switch (ev->rec->id) {
	case WEFT_EV_thread:
		return learn_name(x, ev->rec->tid, ((const struct weft_ev_thread *)ev->rec)->comm);
	case WEFT_EV_task_newtask: {
		const struct weft_ev_task_newtask *e = (const void *)ev->rec;

		return learn_name(x, e->child_tid, e->comm);
	}
	case WEFT_EV_task_rename: {
		const struct weft_ev_task_rename *e = (const void *)ev->rec;

		return learn_name(x, e->target, e->comm);
	}
	}
	return 0;
}

/* ---- pieces of a line; each returns where the next one goes, never beyond `end` */

static char *put(char *p, char *end, const char *s)
{
	while (*s && p < end)
		*p++ = *s++;
	return p;
}

static char *put_u64(char *p, char *end, uint64_t v)
{
	char digits[20];
	int n = 0;

	do
		digits[n++] = (char)('0' + v % 10);
	while (v /= 10);
	while (n && p < end)
		*p++ = digits[--n];
	return p;
}

static char *put_hex(char *p, char *end, uint64_t v)
{
	int shift = v ? 60 - (__builtin_clzll(v) & ~3) : 0;

	p = put(p, end, "0x");
	for (; shift >= 0 && p < end; shift -= 4)
		*p++ = "0123456789abcdef"[v >> shift & 15];
	return p;
}

static char *put_signed(char *p, char *end, int64_t v)
{
	if (v < 0 && p < end)
		*p++ = '-';
	return put_u64(p, end, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

static char *put_text(char *p, char *end, const char *s, size_t len)
{
	for (; len && *s && p < end; s++, len--)
		*p++ = (unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s;
	return p;
}

static char *put_thread(const struct event_text *x, char *p, char *end, uint32_t tid)
{
	const char *name = tid ? table_get(&x->names, tid, 0) : "idle";

	if (name)
		p = put_text(p, end, name, COMM_LEN);
	else
		p = put(p, end, "?");
	return put_u64(put(p, end, "/"), end, tid);
}

static char *put_flags(char *p, char *end, uint64_t v, const struct bit_name *names)
{
	const char *between = "";

	if (!v)
		return put(p, end, "0");
	for (; names->name; names++) {
		if (!(v & names->value))
			continue;
		p = put(put(p, end, between), end, names->name);
		between = "|";
		v &= ~(uint64_t)names->value;
	}
	return v ? put_hex(put(p, end, between), end, v) : p;
}

static char *put_enum(char *p, char *end, uint64_t v, const struct bit_name *names)
{
	for (; names->name; names++)
		if (names->value == v)
			return put(p, end, names->name);
	return put_u64(p, end, v);
}

/* The kernel's letters; bits from include/linux/sched.h, the same in all versions since 4.14. */
static char *put_state(char *p, char *end, uint64_t state)
{
	static const struct bit_name letters[] = {
		{ 0x80, "X" }, { 0x10, "X" }, { 0x20, "Z" }, { 0x01, "S" }, { 0x02, "D" },
		{ 0x04, "T" }, { 0x08, "t" }, { 0x40, "P" }, { 0 },
	};
	const struct bit_name *l;

	if (!state)
		return put(p, end, "R");
	if ((state & 0x402) == 0x402) /* TASK_IDLE */
		return put(p, end, "I");
	for (l = letters; l->name; l++)
		if (state & l->value)
			return put(p, end, l->name);
	return put_hex(p, end, state);
}

static char *put_value(const struct event_text *x, char *p, char *end, const struct event_field *f,
		       enum how how, const struct bit_name *names, const void *rec)
{
	uint64_t v = how == HOW_TEXT ? 0 : event_field_value(f, rec);
	const char *name;
	char other[32];

	if (how != HOW_TEXT && f->kind == EVENT_FIELD_UNSIGNED && f->size == 8 && v == WEFT_UNKNOWN)
		return put(p, end, "-");
	switch (how) {
	case HOW_TEXT:
		p = put(p, end, "\"");
		p = put_text(p, end, (const char *)rec + f->offset, f->size);
		return put(p, end, "\"");
	case HOW_TICKS:
		return put(put_u64(p, end, trace_ns(x->trace, v)), end, "ns");
	case HOW_THREAD:
		return put_thread(x, p, end, (uint32_t)v);
	case HOW_STATE:
		return put_state(p, end, v);
	case HOW_SYSCALL:
		if ((int64_t)v < 0)
			return put(p, end, "-");
		return put(p, end, syscall_text(other, sizeof(other), (int)v));
	case HOW_RESULT:
		if ((int64_t)v < 0 && (int64_t)v >= -4095 &&
		    (name = strerrorname_np(-(int)(int64_t)v)))
			return put(put(p, end, "-"), end, name);
		return put_hex(p, end, v);
	case HOW_FLAGS:
		return put_flags(p, end, v, names);
	case HOW_ENUM:
		return put_enum(p, end, v, names);
	case HOW_HEX:
		return put_hex(p, end, v);
	case HOW_SIGNED:
		return put_signed(p, end, (int64_t)v);
	default:
		return put_u64(p, end, v);
	}
}

static char *pad_to(char *p, char *end, const char *from, size_t width)
{
	while (p < end && (size_t)(p - from) < width)
		*p++ = ' ';
	return p;
}

/* Seconds with nine digits, the dot always in the same column up to 99999 s. */
static char *put_time(char *p, char *end, uint64_t ns)
{
	uint64_t s = ns / 1000000000, digit, rest = ns % 1000000000;

	for (digit = 10000; digit > 1 && s < digit; digit /= 10)
		p = put(p, end, " ");
	p = put(put_u64(p, end, s), end, ".");
	for (digit = 100000000; digit && p < end; digit /= 10)
		*p++ = (char)('0' + rest / digit % 10);
	return p;
}

size_t event_text_line(const struct event_text *x, const struct trace_event *ev, uint64_t begin,
		       char *buf)
{
	char *p = buf, *end = buf + EVENT_TEXT_MAX - 2, *from;
	const struct weft_event *rec = ev->rec;
	const struct plan *plan = rec->id < EVENT_ID_MAX ? &x->plans[rec->id] : NULL;
	uint32_t i;

	if (x->raw)
		p = put_u64(p, end, rec->time);
	else
		p = put_time(p, end, trace_ns(x->trace, rec->time - begin));
	p = put(p, end, " [");
	p = ev->is_unit ? put(p, end, "-") : put_u64(p, end, ev->cpu);
	p = put(p, end, "] ");
	from = p;
	p = pad_to(put_thread(x, p, end, rec->tid), end, from, 20);
	p = put(p, end, " ");
	from = p;
	if (!rec->unit)
		p = put(p, end, "-");
	else
		p = rec->unit == WEFT_UNKNOWN ? put(p, end, "?") : put_u64(p, end, rec->unit);
	p = put(pad_to(p, end, from, 6), end, " ");
	if (plan && plan->type) {
		p = put(p, end, plan->type->name);
		for (i = 0; i < plan->type->nr_fields && i < MAX_FIELDS; i++) {
			const struct event_field *f = &plan->type->fields[i];

			if (plan->how[i] == HOW_HIDDEN)
				continue;
			p = put(put(put(p, end, " "), end, f->name), end, "=");
			p = put_value(x, p, end, f, plan->how[i], plan->names[i], rec);
		}
	} else {
		p = put_u64(put(p, end, "event_"), end, rec->id);
	}
	*p++ = '\n';
	*p = '\0';
	return (size_t)(p - buf);
}

/* ---- how each field is shown, found out once */

static void plan_field(struct event_text *x, struct plan *plan, uint32_t i)
{
	const struct event_field *f = &plan->type->fields[i];
	size_t r;

	plan->how[i] = f->kind == EVENT_FIELD_TEXT   ? HOW_TEXT :
		       f->kind == EVENT_FIELD_PAD    ? HOW_HIDDEN :
		       f->hex			     ? HOW_HEX :
		       f->kind == EVENT_FIELD_SIGNED ? HOW_SIGNED :
						       HOW_UNSIGNED;
	for (r = 0; !x->raw && r < sizeof(rules) / sizeof(rules[0]); r++) {
		if ((rules[r].event && rules[r].event != plan->type->id) ||
		    strcmp(rules[r].field, f->name))
			continue;
		plan->how[i] = rules[r].how;
		plan->names[i] = rules[r].names;
		return;
	}
}

struct event_text *event_text_new(const struct trace *t, bool raw)
{
	struct event_text *x = calloc(1, sizeof(*x));
	uint32_t id, i;

	if (!x)
		return NULL;
	x->trace = t;
	x->raw = raw;
	for (id = 0; id < EVENT_ID_MAX; id++) {
		x->plans[id].type = event_type(id);
		for (i = 0; x->plans[id].type && i < x->plans[id].type->nr_fields && i < MAX_FIELDS;
		     i++)
			plan_field(x, &x->plans[id], i);
	}
	return x;
}

void event_text_free(struct event_text *x)
{
	size_t i;

	if (!x)
		return;
	for (i = 0; i < x->names.size; i++)
		free(x->names.slots[i].value);
	table_free(&x->names);
	free(x);
}
