/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Context switch, x86-64, System V ABI, ELF.
 *
 * What a context leaves on its stack, from its stack pointer upwards:
 *
 *	 0  mxcsr (4 bytes), x87 control word (2), unused (2)
 *	 8  r15
 *	16  r14
 *	24  r13		a new context: the argument of its entry function
 *	32  r12		a new context: its entry function
 *	40  rbx
 *	48  rbp		a new context: 0, where walks along frame pointers end
 *	56  the address to go on at
 *
 * These are the registers that the ABI has a callee preserve; the others are dead here.
 *
 * The way back is a jump and not a return: the processor predicts a return from the calls it saw,
 * and the last one was made on another stack, so that each return would be mispredicted. A shadow
 * stack can't follow such a switch either; so the note at the end claims indirect branch tracking
 * only, and a program that is linked with this is not run with a shadow stack.
 */
#ifdef __CET__
#define LANDING_PAD	endbr64
#define JUMP_BACK	notrack jmp
#else
#define LANDING_PAD
#define JUMP_BACK	jmp
#endif

	.macro	save reg
	pushq	\reg
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset \reg, 0
	.endm

	.macro	restore reg
	popq	\reg
	.cfi_adjust_cfa_offset -8
	.cfi_restore \reg
	.endm

	.macro	save_all
	save	%rbp
	save	%rbx
	save	%r12
	save	%r13
	save	%r14
	save	%r15
	leaq	-8(%rsp), %rsp
	.cfi_adjust_cfa_offset 8
	.endm

	/*
	 * The frames of all contexts look the same, so that what was said for the unwinder still
	 * holds.
	 */
	.macro	restore_all_and_jump
	leaq	8(%rsp), %rsp
	.cfi_adjust_cfa_offset -8
	restore	%r15
	restore	%r14
	restore	%r13
	restore	%r12
	restore	%rbx
	restore	%rbp
	popq	%rdx
	.cfi_adjust_cfa_offset -8
	.cfi_register %rip, %rdx
	JUMP_BACK *%rdx
	.endm

	.macro	function name
	.globl	\name
	.hidden	\name
	.type	\name, @function
	.p2align 4
\name:
	.cfi_startproc
	LANDING_PAD
	.endm

	.macro	end name
	.cfi_endproc
	.size	\name, . - \name
	.endm

	.text

/* void context_switch_nofp(void **from, void *to) */
	function weft_context_switch_nofp
	save_all
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	restore_all_and_jump
	end	weft_context_switch_nofp

/* void context_switch(void **from, void *to) */
	function weft_context_switch
	save_all
	stmxcsr	(%rsp)
	fnstcw	4(%rsp)
	movzwl	4(%rsp), %ecx
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	ldmxcsr	(%rsp)
	/*
	 * To load the x87 control word is dear, and nearly always the new one is the same: compare.
	 */
	cmpw	%cx, 4(%rsp)
	jne	.Lx87
.Lx87_is_right:
	.cfi_remember_state
	restore_all_and_jump
	.cfi_restore_state
.Lx87:
	fldcw	4(%rsp)
	jmp	.Lx87_is_right
	end	weft_context_switch

/*
 * Where a new context begins: calls r12(r13). There is no caller, and backtraces end here.
 * Unwinders look up the byte before the address to go on at, so that has to be ours too.
 */
	.globl	weft_context_entry
	.hidden	weft_context_entry
	.type	weft_context_entry, @function
	.p2align 4
	.cfi_startproc
	.cfi_undefined %rip
	nop
weft_context_entry:
	LANDING_PAD
	movq	%r13, %rdi
	call	*%r12
	ud2
	end	weft_context_entry

#ifdef __CET__
	.section .note.gnu.property, "a"
	.p2align 3
	.long	4, 16, 5	/* name and descriptor sizes, NT_GNU_PROPERTY_TYPE_0 */
	.asciz	"GNU"
	.long	0xc0000002, 4	/* GNU_PROPERTY_X86_FEATURE_1_AND, size */
	.long	__CET__ & 1, 0	/* IBT if asked for, never SHSTK; padding */
#endif
	.section .note.GNU-stack, "", @progbits
