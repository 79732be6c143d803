/* SPDX-License-Identifier: MIT */
/*
 * weft/unit.h: says which task, coroutine or fiber ("unit") a thread is running, so that a tracer
 * can put every kernel cost on the unit that caused it. For C and C++, with GCC or Clang; needs
 * nothing but libc and the unit_*.h beside it. docs/units.md shows how to use it.
 *
 *	weft_unit_create	a unit exists and is ready to run; gives its id
 *	weft_unit_resume	it runs on this thread from now on
 *	weft_unit_suspend	the running one stops (why, and what it waits for)
 *	weft_unit_wake		a suspended one can run again
 *	weft_unit_exit		the running one ends
 *	weft_unit_current	the id of the running one, 0 if none
 *
 * Any thread may call any of them at any time. None fails, blocks or changes errno. All but create
 * may be called in a signal handler too (a mark made there while the thread was itself within a
 * mark is counted as lost; the word is right in any case).
 *
 * What happens: each thread keeps the id of its running unit in a thread-local word, which a tracer
 * reads from the kernel. That is all, unless the environment has WEFT_UNITS (`weft record -- CMD`
 * sets it): then each thread also writes its marks, with time, into a ring in shared memory that
 * the recorder drains, without a system call or a lock on the way. A ring that can't be had leaves
 * the thread unrecorded and the program undisturbed.
 *
 * WEFT_DISABLE	compiles all of it to nothing
 * WEFT_NO_USDT	leaves out the USDT probes weft:unit_create, unit_resume, unit_suspend, unit_wake
 *		and unit_exit
 *
 * Names that end in an underscore are not part of the interface.
 */
#ifndef WEFT_UNIT_H
#define WEFT_UNIT_H

#include <stdint.h>
#include "unit_event.h"

#ifdef WEFT_DISABLE

#define WEFT_UNIT_NOTHING_                                                                         \
	static inline __attribute__((always_inline)) /* also without optimization */

WEFT_UNIT_NOTHING_ uint64_t weft_unit_create(uint32_t kind, const char *name, uint64_t parent)
{
	(void)kind, (void)name, (void)parent;
	return 0;
}
WEFT_UNIT_NOTHING_ void weft_unit_resume(uint64_t id)
{
	(void)id;
}
WEFT_UNIT_NOTHING_ void weft_unit_suspend(uint32_t reason, uint64_t object)
{
	(void)reason, (void)object;
}
WEFT_UNIT_NOTHING_ void weft_unit_wake(uint64_t id, uint64_t by)
{
	(void)id, (void)by;
}
WEFT_UNIT_NOTHING_ void weft_unit_exit(void)
{
}
WEFT_UNIT_NOTHING_ uint64_t weft_unit_current(void)
{
	return 0;
}

#else /* !WEFT_DISABLE */

#ifndef __linux__
#error "weft/unit.h is for Linux; define WEFT_DISABLE elsewhere"
#endif

#include <string.h>
#include "unit_ring.h"
#include "unit_word.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- USDT ---- */

/*
 * The probes of sys/sdt.h, written out: that header, once included without semaphores, can not give
 * them any more. One semaphore serves all five; it is tested together with the ring, so it costs no
 * branch.
 */
#if !defined(WEFT_NO_USDT) && (defined(__x86_64__) || defined(__aarch64__)) && defined(__LP64__)
#define WEFT_UNIT_USDT_
extern uint16_t weft_unit_semaphore_1;
__attribute__((weak, used, visibility("hidden"), section(".probes")))
uint16_t weft_unit_semaphore_1 = 0;

#define WEFT_UNIT_PROBE_(name, format, ...)                                                        \
	__asm__ volatile("990: nop\n"                                                              \
			 " .pushsection .note.stapsdt,\"?\",\"note\"\n"                            \
			 " .balign 4\n"                                                            \
			 " .4byte 992f-991f, 994f-993f, 3\n"                                       \
			 "991: .asciz \"stapsdt\"\n"                                               \
			 "992: .balign 4\n"                                                        \
			 "993: .8byte 990b, _.stapsdt.base, weft_unit_semaphore_1\n"               \
			 " .asciz \"weft\"\n"                                                      \
			 " .asciz \"" #name "\"\n"                                                 \
			 " .asciz \"" format "\"\n"                                                \
			 "994: .balign 4\n"                                                        \
			 " .popsection\n"                                                          \
			 " .ifndef _.stapsdt.base\n"                                               \
			 " .pushsection .stapsdt.base,\"aG\",\"progbits\",.stapsdt.base,comdat\n"  \
			 " .weak _.stapsdt.base\n"                                                 \
			 " .hidden _.stapsdt.base\n"                                               \
			 "_.stapsdt.base: .space 1\n"                                              \
			 " .size _.stapsdt.base, 1\n"                                              \
			 " .popsection\n"                                                          \
			 " .endif\n"                                                               \
			 :                                                                         \
			 : __VA_ARGS__)
#else
#define WEFT_UNIT_PROBE_(name, format, ...) ((void)0)
#endif

/* Anything to do beyond the word? */
static inline uintptr_t weft_unit_watched_(const struct weft_unit_thread_ *t)
{
	uintptr_t watched = t->ring ^ WEFT_UNIT_OFF_;

#ifdef WEFT_UNIT_USDT_
	watched |= __atomic_load_n(&weft_unit_semaphore_1, __ATOMIC_RELAXED);
#endif
	return WEFT_UNIT_RARE_(watched);
}

#define WEFT_UNIT_MARK_ __attribute__((noinline, unused))

static WEFT_UNIT_MARK_ void weft_unit_create_mark_(struct weft_unit_thread_ *t, uint64_t id,
						   uint32_t kind, const char *name, uint64_t parent)
{
	struct {
		uint64_t parent;
		uint32_t kind, pad;
		char name[32];
	} body;
	size_t i;

	memset(&body, 0, sizeof(body));
	body.parent = parent;
	body.kind = kind;
	for (i = 0; name && name[i] && i < sizeof(body.name) - 1; i++)
		body.name[i] = name[i];
	weft_unit_mark_(t, WEFT_EV_unit_create, id, &body, sizeof(body));
	WEFT_UNIT_PROBE_(unit_create, "8@%0 8@%1 8@%2 8@%3", "r"(id), "r"((uint64_t)kind),
			 "r"(name), "r"(parent));
}

static WEFT_UNIT_MARK_ void weft_unit_resume_mark_(struct weft_unit_thread_ *t, uint64_t id)
{
	weft_unit_mark_(t, WEFT_EV_unit_resume, id, NULL, 0);
	WEFT_UNIT_PROBE_(unit_resume, "8@%0", "r"(id));
}

static WEFT_UNIT_MARK_ void weft_unit_suspend_mark_(struct weft_unit_thread_ *t, uint64_t id,
						    uint32_t reason, uint64_t object)
{
	uint64_t body[2];

	body[0] = object;
	body[1] = reason;
	weft_unit_mark_(t, WEFT_EV_unit_suspend, id, body, sizeof(body));
	WEFT_UNIT_PROBE_(unit_suspend, "8@%0 8@%1 8@%2", "r"(id), "r"((uint64_t)reason),
			 "r"(object));
}

static WEFT_UNIT_MARK_ void weft_unit_wake_mark_(struct weft_unit_thread_ *t, uint64_t id,
						 uint64_t by)
{
	weft_unit_mark_(t, WEFT_EV_unit_wake, id, &by, sizeof(by));
	WEFT_UNIT_PROBE_(unit_wake, "8@%0 8@%1", "r"(id), "r"(by));
}

static WEFT_UNIT_MARK_ void weft_unit_exit_mark_(struct weft_unit_thread_ *t, uint64_t id)
{
	weft_unit_mark_(t, WEFT_EV_unit_exit, id, NULL, 0);
	WEFT_UNIT_PROBE_(unit_exit, "8@%0", "r"(id));
}

#define WEFT_UNIT_IDS_ 1024u /* so many ids a thread sets aside at a time */

static WEFT_UNIT_COLD_ void weft_unit_more_ids_(struct weft_unit_thread_ *t)
{
	t->id_next =
		__atomic_fetch_add(&weft_unit_process_1.next_id, WEFT_UNIT_IDS_, __ATOMIC_RELAXED) +
		1;
	t->id_end = t->id_next + WEFT_UNIT_IDS_;
}

/* ---- The interface ---- */

/*
 * A new unit, ready to run. kind: enum weft_unit_kind. name: what to call it and its like (31 bytes
 * of it count; views group by name, so leave numbers out), or NULL. parent: the unit that creates
 * it, 0 if none. Gives its id: unique in this process for all time, never 0.
 */
static inline uint64_t weft_unit_create(uint32_t kind, const char *name, uint64_t parent)
{
	struct weft_unit_thread_ *t = weft_unit_self_();
	uint64_t id;

	if (WEFT_UNIT_RARE_(t->id_next == t->id_end))
		weft_unit_more_ids_(t);
	id = t->id_next++;
	if (weft_unit_watched_(t))
		weft_unit_create_mark_(t, id, kind, name, parent);
	return id;
}

/*
 * This thread runs unit `id` from now on; call it before switching to the unit's stack or code. If
 * another unit is running, it counts as suspended (WEFT_WAIT_NESTED) until it is resumed itself.
 */
static inline void weft_unit_resume(uint64_t id)
{
	struct weft_unit_thread_ *t = weft_unit_self_();

	__atomic_store_n(&t->word, id, __ATOMIC_RELAXED);
	if (weft_unit_watched_(t))
		weft_unit_resume_mark_(t, id);
}

/*
 * The running unit stops: reason is an enum weft_unit_wait; object what it waits for (an address or
 * a number of your choice), 0 if none. After WEFT_WAIT_YIELD it is ready, else it waits for a
 * weft_unit_wake.
 */
static inline void weft_unit_suspend(uint32_t reason, uint64_t object)
{
	struct weft_unit_thread_ *t = weft_unit_self_();
	uint64_t id = t->word;

	__atomic_store_n(&t->word, 0u, __ATOMIC_RELAXED);
	if (weft_unit_watched_(t))
		weft_unit_suspend_mark_(t, id, reason, object);
}

/*
 * Unit `id` can run again; by: the unit that made it so (often weft_unit_current()), 0 if none did.
 */
static inline void weft_unit_wake(uint64_t id, uint64_t by)
{
	struct weft_unit_thread_ *t = weft_unit_self_();

	if (weft_unit_watched_(t))
		weft_unit_wake_mark_(t, id, by);
}

/* The running unit ends. */
static inline void weft_unit_exit(void)
{
	struct weft_unit_thread_ *t = weft_unit_self_();
	uint64_t id = t->word;

	__atomic_store_n(&t->word, 0u, __ATOMIC_RELAXED);
	if (weft_unit_watched_(t))
		weft_unit_exit_mark_(t, id);
}

/* The unit that this thread runs, 0 if none. */
static inline uint64_t weft_unit_current(void)
{
	return __atomic_load_n(&weft_unit_self_()->word, __ATOMIC_RELAXED);
}

#ifdef __cplusplus
}
#endif

#endif /* !WEFT_DISABLE */
#endif
