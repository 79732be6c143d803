/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What AddressSanitizer and Valgrind have to be told about stacks that are not the system's.
 * Compiled to nothing where neither is there.
 */
#ifndef WEFT_USER_SANITIZE_H
#define WEFT_USER_SANITIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>

static inline bool sanitize_valgrind(void)
{
	return RUNNING_ON_VALGRIND;
}
/* Else a jump from one stack to the next looks like one huge frame. */
static inline uint32_t sanitize_stack_register(void *bottom, void *top)
{
	return (uint32_t)VALGRIND_STACK_REGISTER(bottom, top);
}
static inline void sanitize_stack_deregister(uint32_t id)
{
	VALGRIND_STACK_DEREGISTER(id);
}
#else
static inline bool sanitize_valgrind(void)
{
	return false;
}
static inline uint32_t sanitize_stack_register(void *bottom, void *top)
{
	(void)bottom, (void)top;
	return 0;
}
static inline void sanitize_stack_deregister(uint32_t id)
{
	(void)id;
}
#endif

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

/* The frames of who ran there before were left, not returned from: their red zones still stand. */
static inline void sanitize_stack_reuse(void *bottom, void *top)
{
	__asan_unpoison_memory_region(bottom, (size_t)((char *)top - (char *)bottom));
}
/*
 * Before a switch to the stack from bottom to top. fake: where the leaving one keeps its state;
 * NULL: it ends.
 */
static inline void sanitize_switch_start(void **fake, const void *bottom, const void *top)
{
	__sanitizer_start_switch_fiber(fake, bottom,
				       (size_t)((const char *)top - (const char *)bottom));
}
/*
 * After it, on the new stack. bottom, top: if not NULL, receive the bounds of the stack that was
 * left.
 */
static inline void sanitize_switch_finish(void *fake, const void **bottom, const void **top)
{
	const void *old_bottom;
	size_t old_size;

	__sanitizer_finish_switch_fiber(fake, &old_bottom, &old_size);
	if (bottom) {
		*bottom = old_bottom;
		*top = (const char *)old_bottom + old_size;
	}
}
#else
static inline void sanitize_stack_reuse(void *bottom, void *top)
{
	(void)bottom, (void)top;
}
static inline void sanitize_switch_start(void **fake, const void *bottom, const void *top)
{
	(void)fake, (void)bottom, (void)top;
}
static inline void sanitize_switch_finish(void *fake, const void **bottom, const void **top)
{
	(void)fake, (void)bottom, (void)top;
}
#endif

#endif
