// SPDX-License-Identifier: GPL-2.0-only
/* Names of system calls. */
#include <stdio.h>
#include "account.h"
#include "syscall_name.h"

static const char *const names[] = {
#define X(nr, name) [nr] = #name,
#if defined(__x86_64__)
#include "syscall_x86_64.def"
#elif defined(__aarch64__)
#include "syscall_arm64.def"
#else
#error "no table of system calls for this architecture"
#endif
#undef X
};

const char *syscall_name(int nr)
{
	return nr >= 0 && (size_t)nr < sizeof(names) / sizeof(names[0]) ? names[nr] : NULL;
}

char *syscall_text(char *buf, size_t len, int nr)
{
	const char *name = syscall_name(nr);

	if (name)
		snprintf(buf, len, "%s", name);
	else
		snprintf(buf, len, "syscall %d", nr);
	return buf;
}

char *blocked_text(char *buf, size_t len, uint32_t what)
{
	switch (what) {
	case ACCT_BLOCKED_FAULT:
		snprintf(buf, len, "page fault");
		return buf;
	case ACCT_BLOCKED_OTHER:
		snprintf(buf, len, "other");
		return buf;
	default:
		return syscall_text(buf, len, (int)what);
	}
}
