/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PID namespaces: which one this process lives in, and the ids that threads in others than the initial one have
 * in the trace, as the kernel side tells them (WEFT_NOTICE_ID).
 */
#ifndef WEFT_USER_PID_NS_H
#define WEFT_USER_PID_NS_H

#include <stdint.h>
#include <weft/device.h>
#include "table.h"

#define PID_NS_INITIAL                                                                             \
	0xeffffffcu /* its inode; the kernel's PROC_PID_INIT_INO, the same since 3.8 */

/* The inode of this process's; the initial one's if there is no /proc to tell. */
uint32_t pid_ns_own(void);

struct pid_ns_thread {
	uint32_t tid, tgid;  /* in the trace */
	uint32_t local_tgid; /* the process's id in the recorder's namespace */
};

/* All zero: none are known. */
struct pid_ns_ids {
	struct table threads; /* by namespace and id there */
};

/* Takes in a WEFT_NOTICE_ID. 0 or -ENOMEM. */
int pid_ns_learn(struct pid_ns_ids *ids, const struct weft_notice *n);
/* The latest owner of this id there; NULL if none was told. Valid until the next pid_ns_learn(). */
const struct pid_ns_thread *pid_ns_find(const struct pid_ns_ids *ids, uint32_t pid_ns,
					uint32_t tid);
void pid_ns_free(struct pid_ns_ids *ids);

#endif
