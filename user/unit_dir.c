// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "unit_dir.h"

/* Shared memory if there is any: no disk is written for what is read at once. */
#define NAME "/weft-units-"
static const char *const parent[] = { "/dev/shm", "/tmp" };
#define PARENTS (sizeof(parent) / sizeof(parent[0]))

#define TRIES 8 /* each is another recorder that sweeps just then */

void unit_dir_remove(struct unit_dir *d)
{
	struct dirent *e;
	DIR *list;

	if (d->fd < 0)
		return;
	list = fdopendir(d->fd);
	while (list && (e = readdir(list)))
		unlinkat(d->fd, e->d_name, 0);
	rmdir(d->path);
	if (list)
		closedir(list);
	else
		close(d->fd);
	d->fd = -1;
}

/* Removes the directory if it is ours and nobody uses it. */
static void sweep_one(const char *path)
{
	struct unit_dir d = UNIT_DIR_NONE;
	struct stat st;

	if (strlen(path) >= sizeof(d.path))
		return;
	strcpy(d.path, path);
	d.fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (d.fd < 0)
		return;
	if (fstat(d.fd, &st) || st.st_uid != geteuid() || flock(d.fd, LOCK_EX | LOCK_NB))
		close(d.fd);
	else
		unit_dir_remove(&d);
}

static void sweep(const char *in)
{
	char pattern[64];
	glob_t found;
	size_t i;

	snprintf(pattern, sizeof(pattern), "%s" NAME "??????", in);
	if (glob(pattern, GLOB_NOSORT, NULL, &found))
		return;
	for (i = 0; i < found.gl_pathc; i++)
		sweep_one(found.gl_pathv[i]);
	globfree(&found);
}

/* 0; -EAGAIN if a sweep came before the lock. */
static int create_in(struct unit_dir *d, const char *in)
{
	struct stat open_st, st;
	int err = -EAGAIN;

	snprintf(d->path, sizeof(d->path), "%s" NAME "XXXXXX", in);
	if (!mkdtemp(d->path))
		return -errno;
	d->fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->fd < 0) {
		err = errno == ENOENT ? -EAGAIN : -errno;
		rmdir(d->path);
		return err;
	}
	if (!flock(d->fd, LOCK_EX) && !fstat(d->fd, &open_st) && !stat(d->path, &st) &&
	    st.st_ino == open_st.st_ino)
		return 0;
	unit_dir_remove(d);
	return err;
}

int unit_dir_create(struct unit_dir *d, char *errbuf, size_t len)
{
	int tries, err = -EAGAIN;
	size_t i;

	for (i = 0; i < PARENTS && err; i++) {
		sweep(parent[i]);
		err = -EAGAIN;
		for (tries = 0; tries < TRIES && err == -EAGAIN; tries++)
			err = create_in(d, parent[i]);
	}
	if (err)
		snprintf(errbuf, len,
			 "cannot create a directory for unit rings in /dev/shm or /tmp: %s",
			 strerror(-err));
	return err;
}
