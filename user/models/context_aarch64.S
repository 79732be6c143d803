/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Context switch, AArch64, AAPCS64, ELF.
 *
 * What a context leaves on its stack, from its stack pointer upwards:
 *
 *	  0  d8-d15		the halves of v8-v15 that a callee preserves
 *	 64  x19		a new context: its entry function
 *	 72  x20		a new context: the argument of its entry function
 *	 80  x21-x28
 *	144  x29		a new context: 0, where walks along frame pointers end
 *	152  x30		the address to go on at
 *	160  fpcr, unused (8 bytes)
 *
 * The way back is a return, though the processor mispredicts it: an indirect branch would need a
 * landing pad (BTI) after each call of the switch.
 */
	.macro	save_pair first, second, offset
	stp	\first, \second, [sp, #\offset]
	.cfi_rel_offset \first, \offset
	.cfi_rel_offset \second, \offset + 8
	.endm

	.macro	restore_pair first, second, offset
	ldp	\first, \second, [sp, #\offset]
	.cfi_restore \first
	.cfi_restore \second
	.endm

	.macro	save_all
	sub	sp, sp, #176
	.cfi_adjust_cfa_offset 176
	save_pair d8, d9, 0
	save_pair d10, d11, 16
	save_pair d12, d13, 32
	save_pair d14, d15, 48
	save_pair x19, x20, 64
	save_pair x21, x22, 80
	save_pair x23, x24, 96
	save_pair x25, x26, 112
	save_pair x27, x28, 128
	save_pair x29, x30, 144
	.endm

	/*
	 * The frames of all contexts look the same, so that what was said for the unwinder still
	 * holds.
	 */
	.macro	restore_all_and_return
	restore_pair d8, d9, 0
	restore_pair d10, d11, 16
	restore_pair d12, d13, 32
	restore_pair d14, d15, 48
	restore_pair x19, x20, 64
	restore_pair x21, x22, 80
	restore_pair x23, x24, 96
	restore_pair x25, x26, 112
	restore_pair x27, x28, 128
	restore_pair x29, x30, 144
	add	sp, sp, #176
	.cfi_adjust_cfa_offset -176
	ret
	.endm

	.macro	function name
	.globl	\name
	.hidden	\name
	.type	\name, %function
	.p2align 4
\name:
	.cfi_startproc
	hint	#34		/* bti c */
	.endm

	.macro	end name
	.cfi_endproc
	.size	\name, . - \name
	.endm

	.text

/* void context_switch_nofp(void **from, void *to) */
	function weft_context_switch_nofp
	save_all
	mov	x9, sp
	str	x9, [x0]
	mov	sp, x1
	restore_all_and_return
	end	weft_context_switch_nofp

/* void context_switch(void **from, void *to) */
	function weft_context_switch
	save_all
	mrs	x10, fpcr
	str	x10, [sp, #160]
	mov	x9, sp
	str	x9, [x0]
	mov	sp, x1
	/* To write fpcr is dear, and nearly always the new one is the same. */
	ldr	x11, [sp, #160]
	cmp	x10, x11
	b.eq	1f
	msr	fpcr, x11
1:	restore_all_and_return
	end	weft_context_switch

/*
 * Where a new context begins: calls x19(x20). There is no caller, and backtraces end here.
 * Unwinders look up the instruction before the address to go on at, so that has to be ours too.
 */
	.globl	weft_context_entry
	.hidden	weft_context_entry
	.type	weft_context_entry, %function
	.p2align 4
	.cfi_startproc
	.cfi_undefined x30
	nop
weft_context_entry:
	hint	#34		/* bti c */
	mov	x0, x20
	blr	x19
	brk	#1
	end	weft_context_entry

#ifdef __ARM_FEATURE_BTI_DEFAULT
	.section .note.gnu.property, "a"
	.p2align 3
	.long	4, 16, 5	/* name and descriptor sizes, NT_GNU_PROPERTY_TYPE_0 */
	.asciz	"GNU"
	.long	0xc0000000, 4	/* GNU_PROPERTY_AARCH64_FEATURE_1_AND, size */
	.long	1, 0		/* BTI; padding */
#endif
	.section .note.GNU-stack, "", %progbits
