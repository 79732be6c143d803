// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <unistd.h>
#include "unit_owner.h"

bool unit_name_parse(const char *s, uint32_t name[3])
{
	int i;

	for (i = 0; i < 3; i++) {
		char *end;
		unsigned long n;

		if (*s < '0' || *s > '9')
			return false;
		n = strtoul(s, &end, 10);
		if (n > UINT32_MAX || *end != (i < 2 ? '-' : 0))
			return false;
		name[i] = n;
		s = end + 1;
	}
	return true;
}

int unit_owners_watch(struct unit_owners *o, int dirfd)
{
	/* Unlimited marks are not needed: who may have them is told the ids, too. */
	int fd = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME | FAN_UNLIMITED_MARKS |
				       FAN_CLOEXEC | FAN_NONBLOCK,
			       0);
	int err;

	if (fd < 0)
		return -errno;
	if (fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_ONLYDIR, FAN_CREATE | FAN_MOVED_TO, dirfd,
			  NULL)) {
		err = -errno;
		close(fd);
		return err;
	}
	o->fd = fd;
	return 0;
}

/* The name in the event at `at`, NULL if there is none. It ends within the event: the kernel wrote it. */
static const char *event_name(const char *at, const struct fanotify_event_metadata *e)
{
	const size_t handle = e->metadata_len + offsetof(struct fanotify_event_info_fid, handle);
	struct fanotify_event_info_header info;
	uint32_t handle_bytes;

	if (e->event_len < handle + sizeof(struct file_handle))
		return NULL;
	memcpy(&info, at + e->metadata_len, sizeof(info));
	memcpy(&handle_bytes, at + handle, sizeof(handle_bytes));
	if (info.info_type != FAN_EVENT_INFO_TYPE_DFID_NAME)
		return NULL;
	return at + handle + sizeof(struct file_handle) + handle_bytes;
}

void unit_owners_update(struct unit_owners *o)
{
	char buf[8192], *at;
	ssize_t n;

	while (o->fd >= 0 && (n = read(o->fd, buf, sizeof(buf))) > 0)
		for (at = buf; at < buf + n;) {
			struct fanotify_event_metadata e; /* they are aligned to 4 bytes only */
			uint32_t name[3];
			const char *s;

			memcpy(&e, at, sizeof(e));
			s = event_name(at, &e);
			at += e.event_len;
			if (!s || e.pid == getpid() || !unit_name_parse(s, name))
				continue;
			/* Nobody, which includes who is outside of our namespace, is no pointer: one up. */
			table_set(&o->names, (uint64_t)name[0] << 32 | name[1], name[2],
				  (void *)((uintptr_t)e.pid + 1));
		}
}

pid_t unit_owners_find(const struct unit_owners *o, const uint32_t name[3])
{
	uintptr_t up = (uintptr_t)table_get(&o->names, (uint64_t)name[0] << 32 | name[1], name[2]);

	return up ? (pid_t)(up - 1) : 0;
}

void unit_owners_free(struct unit_owners *o)
{
	if (o->fd >= 0)
		close(o->fd);
	table_free(&o->names);
	o->fd = -1;
}
