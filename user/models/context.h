/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine's half of a coroutine: to leave one stack and go on on another. A context is a stack
 * pointer; what else has to outlive the switch lies on that stack (context_<machine>.S draws the
 * frame).
 */
#ifndef WEFT_USER_CONTEXT_H
#define WEFT_USER_CONTEXT_H

/*
 * Leaves the running context, whose stack pointer goes to *from, for the context `to`, which must
 * have been made by context_make() or left by a switch. Returns when somebody switches to what was
 * put into *from, on whatever thread that happens.
 *
 * context_switch() keeps everything that the ABI calls the callee's, the floating-point control
 * words (rounding, masked exceptions) among them. context_switch_nofp() leaves the control words
 * alone: faster, and right where no context changes them. The two must not be mixed on one set of
 * contexts: the one does not save what the other loads.
 */
void context_switch(void **from, void *to) __asm__("weft_context_switch");
void context_switch_nofp(void **from, void *to) __asm__("weft_context_switch_nofp");

/*
 * A context on the stack that ends below `top` (aligned to 16): the first switch to it calls
 * entry(arg), with the floating-point control words of the caller of context_make(). entry must
 * never return.
 */
void *context_make(void *top, void (*entry)(void *arg), void *arg);

#endif
