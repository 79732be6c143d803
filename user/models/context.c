// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first frame of a context: what context_switch() would have left there, had it ever been left.
 */
#include <stddef.h>
#include <stdint.h>
#include "context.h"

extern void context_entry(void) __asm__("weft_context_entry");

#if defined(__x86_64__)

/* As drawn in context_x86_64.S. */
struct frame {
	uint32_t mxcsr;
	uint16_t x87;
	uint16_t pad;
	void *r15, *r14, *r13, *r12, *rbx, *rbp;
	void (*pc)(void);
};
_Static_assert(offsetof(struct frame, x87) == 4, "context_x86_64.S knows it");
_Static_assert(offsetof(struct frame, r13) == 24, "context_x86_64.S knows it");
_Static_assert(sizeof(struct frame) == 64, "the stack stays aligned to 16");

static void frame_fill(struct frame *f, void (*entry)(void *arg), void *arg)
{
	*f = (struct frame){ .r12 = (void *)entry, .r13 = arg, .pc = context_entry };
	__asm__("stmxcsr %0" : "=m"(f->mxcsr));
	__asm__("fnstcw %0" : "=m"(f->x87));
}

#elif defined(__aarch64__)

/* As drawn in context_aarch64.S. */
struct frame {
	uint64_t d[8];
	void *x19, *x20, *x21_28[8], *x29;
	void (*x30)(void);
	uint64_t fpcr, pad;
};
_Static_assert(offsetof(struct frame, x19) == 64, "context_aarch64.S knows it");
_Static_assert(offsetof(struct frame, fpcr) == 160, "context_aarch64.S knows it");
_Static_assert(sizeof(struct frame) == 176, "the stack stays aligned to 16");

static void frame_fill(struct frame *f, void (*entry)(void *arg), void *arg)
{
	*f = (struct frame){ .x19 = (void *)entry, .x20 = arg, .x30 = context_entry };
	__asm__("mrs %0, fpcr" : "=r"(f->fpcr));
}

#else
#error "no context switch for this machine: write context_<machine>.S and its frame here"
#endif

void *context_make(void *top, void (*entry)(void *arg), void *arg)
{
	struct frame *f = (struct frame *)top - 1;

	frame_fill(f, entry, arg);
	return f;
}
