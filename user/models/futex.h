/* SPDX-License-Identifier: GPL-2.0-only */
/* Futexes, for which glibc has no functions. */
#ifndef WEFT_USER_FUTEX_H
#define WEFT_USER_FUTEX_H

#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/*
 * Sleeps while *word is `expected`, until futex_wake(), a signal, or `deadline` on CLOCK_MONOTONIC
 * in ns (0: none). Look at what was waited for after it, whatever woke it. shared: between
 * processes.
 */
static inline void futex_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t deadline,
			      bool shared)
{
	struct timespec ts = { .tv_sec = (time_t)(deadline / 1000000000),
			       .tv_nsec = (long)(deadline % 1000000000) };

	syscall(SYS_futex, word, FUTEX_WAIT_BITSET | (shared ? 0 : FUTEX_PRIVATE_FLAG), expected,
		deadline ? &ts : NULL, NULL, FUTEX_BITSET_MATCH_ANY);
}

/* Wakes up to nr sleepers. The word is not looked at: it may be gone already. */
static inline void futex_wake(_Atomic uint32_t *word, int nr, bool shared)
{
	syscall(SYS_futex, word, FUTEX_WAKE | (shared ? 0 : FUTEX_PRIVATE_FLAG), nr);
}

#endif
