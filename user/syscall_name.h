/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of system calls, for the architecture that the tool was built for: a trace is read on the
 * kind of machine that it was recorded on.
 */
#ifndef WEFT_USER_SYSCALL_NAME_H
#define WEFT_USER_SYSCALL_NAME_H

#include <stddef.h>
#include <stdint.h>

/* "read" for 0 on x86-64; NULL for a number that has no name here. */
const char *syscall_name(int nr);

/* The name or, without one, "syscall 999", into buf. Returns buf. */
char *syscall_text(char *buf, size_t len, int nr);

/* The same for what a thread was blocked in: a number, ACCT_BLOCKED_FAULT or ACCT_BLOCKED_OTHER. */
char *blocked_text(char *buf, size_t len, uint32_t what);

#endif
