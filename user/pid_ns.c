// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "pid_ns.h"

uint32_t pid_ns_own(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) ? PID_NS_INITIAL : (uint32_t)st.st_ino;
}

int pid_ns_learn(struct pid_ns_ids *ids, const struct weft_notice *n)
{
	struct pid_ns_thread *t = table_get(&ids->threads, n->pid_ns, n->ns_tid);

	if (!t) {
		t = malloc(sizeof(*t));
		if (!t || table_set(&ids->threads, n->pid_ns, n->ns_tid, t)) {
			free(t);
			return -ENOMEM;
		}
	}
	*t = (struct pid_ns_thread){
		.tid = n->trace_tid,
		.tgid = n->trace_tgid,
		.local_tgid = n->tgid,
	};
	return 0;
}

const struct pid_ns_thread *pid_ns_find(const struct pid_ns_ids *ids, uint32_t pid_ns, uint32_t tid)
{
	return table_get(&ids->threads, pid_ns, tid);
}

void pid_ns_free(struct pid_ns_ids *ids)
{
	size_t i;

	for (i = 0; i < ids->threads.size; i++)
		free(ids->threads.slots[i].value);
	table_free(&ids->threads);
}
