/* SPDX-License-Identifier: MIT */
/*
 * What a thread keeps of its units, first of all the word: the id of the running one. And how a
 * tracer finds the word in a program that it knows nothing of. Part of unit.h.
 */
#ifndef WEFT_UNIT_WORD_H
#define WEFT_UNIT_WORD_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A thread's. The word comes first: the ELF note below leads the tracer to it. */
struct weft_unit_thread_ {
	uint64_t word;	/* the running unit, 0: none */
	uintptr_t ring; /* WEFT_UNIT_UNDECIDED_, WEFT_UNIT_OFF_, or its struct weft_unit_writer_ */
	uint64_t id_next, id_end; /* ids set aside for units created on this thread */
	uint32_t busy;		  /* within a mark: one made now comes from a signal handler */
	uint32_t nested;	  /* such marks, not yet counted as lost */
	uint64_t reserved[3];
} __attribute__((aligned(64)));

#define WEFT_UNIT_UNDECIDED_ ((uintptr_t)0)
#define WEFT_UNIT_OFF_ ((uintptr_t)1)

/*
 * One of each per program: weak, so that its parts and (normally linked) libraries share them. A
 * change of layout changes the names.
 */
#ifdef __clang__
#define WEFT_UNIT_SHARED_ __attribute__((weak, used, visibility("default")))
#else
#define WEFT_UNIT_SHARED_ __attribute__((weak, used, externally_visible, visibility("default")))
#endif
#define WEFT_UNIT_TLS_ __attribute__((tls_model("initial-exec"))) __thread

extern WEFT_UNIT_TLS_ struct weft_unit_thread_ weft_unit_thread_1;
WEFT_UNIT_SHARED_ WEFT_UNIT_TLS_ struct weft_unit_thread_ weft_unit_thread_1;

/*
 * The calling thread's state. Not simply &weft_unit_thread_1: a compiler may keep that address
 * across a call, and a coroutine may come back from a call on another thread.
 */
static inline struct weft_unit_thread_ *weft_unit_self_(void)
{
	struct weft_unit_thread_ *t;

#if defined(__x86_64__) && defined(__LP64__)
	__asm__ volatile("movq weft_unit_thread_1@gottpoff(%%rip), %0\n\t"
			 "addq %%fs:0, %0"
			 : "=r"(t)
			 :
			 : "cc");
#elif defined(__aarch64__)
	uint64_t offset;

	__asm__ volatile("mrs %0, tpidr_el0\n\t"
			 "adrp %1, :gottprel:weft_unit_thread_1\n\t"
			 "ldr %1, [%1, :gottprel_lo12:weft_unit_thread_1]\n\t"
			 "add %0, %0, %1"
			 : "=&r"(t), "=&r"(offset));
#else
	t = &weft_unit_thread_1;
#endif
	return t;
}

/* ---- Where the word is, for the tracer ---- */

/*
 * An ELF note (name "weft", WEFT_UNIT_NOTE_TYPE), which survives strip and is found through the
 * program headers. It leads to the one place where a tool can see what only the linker (of a
 * program) or the dynamic linker (of a library) knows, the offset of weft_unit_thread_1 from the
 * thread pointer: the instructions that load it, in the form that every linker knows and rewrites.
 * They are never executed.
 */
struct weft_unit_note {
	uint32_t version; /* WEFT_UNIT_NOTE_VERSION */
	uint32_t word;	  /* offset of the word in the thread's state, bytes */
	int64_t code;	  /* address of the instructions, relative to this field's */
};
#define WEFT_UNIT_NOTE_TYPE 1u
#define WEFT_UNIT_NOTE_VERSION 1u

#if defined(__x86_64__) && defined(__LP64__)
#define WEFT_UNIT_LOAD_OFFSET_ "	movq weft_unit_thread_1@gottpoff(%rip), %rax\n"
#elif defined(__aarch64__)
#define WEFT_UNIT_LOAD_OFFSET_                                                                     \
	" adrp x0, :gottprel:weft_unit_thread_1\n"                                                 \
	" ldr x0, [x0, :gottprel_lo12:weft_unit_thread_1]\n"
#endif
#ifdef WEFT_UNIT_LOAD_OFFSET_
__asm__(".ifndef weft_unit_offset_1\n"
	" .pushsection .text.weft_unit_offset_1,\"axG\",%progbits,weft_unit_offset_1,comdat\n"
	" .balign 8\n"
	" .weak weft_unit_offset_1\n"
	" .hidden weft_unit_offset_1\n"
	" .type weft_unit_offset_1, %function\n"
	"weft_unit_offset_1:\n" WEFT_UNIT_LOAD_OFFSET_ " ret\n"
	" .size weft_unit_offset_1, . - weft_unit_offset_1\n"
	" .popsection\n"
	" .pushsection .note.weft,\"aG\",%note,weft_unit_offset_1,comdat\n"
	" .balign 4\n"
	" .long 5, 16, 1\n" /* name size, description size, type */
	" .asciz \"weft\"\n"
	" .balign 4\n"
	" .long 1, 0\n"
	" .quad weft_unit_offset_1 - .\n"
	" .popsection\n"
	".endif\n");
#endif

#ifdef __cplusplus
}
#endif

#endif
