// SPDX-License-Identifier: GPL-2.0-only
/* Creating, replacing and removing trace directories. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tracedir.h"

static int failed(char *errbuf, size_t len, const char *what, const char *path, int err)
{
	snprintf(errbuf, len, "cannot %s '%s': %s", what, path, strerror(err));
	return -err;
}

/* Our metadata: CTF 1.8, and of this tracer. */
static bool has_metadata(const char *path)
{
	char name[4096], text[4096];
	ssize_t n;
	int fd;

	if (snprintf(name, sizeof(name), "%s/kernel/metadata", path) >= (int)sizeof(name))
		return false;
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n < 0)
		return false;
	text[n] = '\0';
	return !strncmp(text, "/* CTF 1.8 */", 13) && strstr(text, "tracer_name = \"weft\"");
}

/*
 * Walks a trace and calls unlinkat() on all of it, or, with dry, only looks. -ENOTEMPTY if there is anything
 * in it that weft did not put there.
 */
static int walk(const char *path, bool dry)
{
	static const struct {
		const char *name, *stream;
	} parts[] = { { "kernel", "cpu" }, { "units", "ring" } };
	int dir, i, ret = 0;
	struct dirent *e;
	DIR *d;

	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	for (i = 0; i < 2 && !ret; i++) {
		int fd =
			openat(dir, parts[i].name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (fd < 0)
			continue;
		d = fdopendir(fd);
		if (!d) {
			ret = -errno;
			close(fd);
			break;
		}
		while (!ret && (e = readdir(d))) {
			size_t n = strlen(parts[i].stream);

			if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
				continue;
			if (strcmp(e->d_name, "metadata") && strcmp(e->d_name, ".metadata") &&
			    (strncmp(e->d_name, parts[i].stream, n) ||
			     e->d_name[n + strspn(e->d_name + n, "0123456789")]))
				ret = -ENOTEMPTY;
			else if (!dry && unlinkat(fd, e->d_name, 0))
				ret = -errno;
		}
		closedir(d);
		if (!ret && !dry && unlinkat(dir, parts[i].name, AT_REMOVEDIR))
			ret = -errno;
	}
	d = fdopendir(dir);
	if (!d) {
		close(dir);
		return -ENOMEM;
	}
	while (!ret && (e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..") &&
		    strcmp(e->d_name, "kernel") && strcmp(e->d_name, "units"))
			ret = -ENOTEMPTY;
	closedir(d);
	if (!ret && !dry && rmdir(path))
		ret = -errno;
	return ret;
}

static bool is_empty(const char *path)
{
	struct dirent *e;
	DIR *d = opendir(path);
	int n = 0;

	if (!d)
		return false;
	while ((e = readdir(d)))
		n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
	closedir(d);
	return n == 0;
}

/* May the name be taken? 0, or why not. */
static int check(const char *path, char *errbuf, size_t len)
{
	struct stat st;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : failed(errbuf, len, "look at", path, errno);
	if (has_metadata(path) || (S_ISDIR(st.st_mode) && is_empty(path)))
		return 0;
	snprintf(errbuf, len,
		 "'%s' exists and is no trace, so it is left alone; name another with -o", path);
	return -EEXIST;
}

/* Makes room for d->path; with dry, says only whether there can be. */
static int make_room(const struct tracedir *d, bool dry, char *errbuf, size_t len)
{
	char *old;
	int ret;

	ret = check(d->path, errbuf, len);
	/* An empty directory gives way to rename(). */
	if (ret || !has_metadata(d->path))
		return ret;
	if (asprintf(&old, "%s.old", d->path) < 0)
		return failed(errbuf, len, "keep the earlier trace", d->path, ENOMEM);
	ret = check(old, errbuf, len);
	if (!ret && has_metadata(old)) {
		ret = walk(old, true);
		if (ret == -ENOTEMPTY)
			snprintf(errbuf, len,
				 "'%s' has files that are no part of a trace, so it is not "
				 "removed; move them, or name another directory with -o",
				 old);
		else if (!ret && !dry)
			ret = walk(old, false);
		if (ret && ret != -ENOTEMPTY)
			failed(errbuf, len, "remove the earlier trace", old, -ret);
	}
	if (!ret && !dry && rename(d->path, old))
		ret = failed(errbuf, len, "keep the earlier trace", d->path, errno);
	free(old);
	return ret;
}

int tracedir_create(struct tracedir *d, const char *path, char *errbuf, size_t len)
{
	char *slash, *sub = NULL;
	size_t n = strlen(path);
	int ret;

	*d = (struct tracedir){ .kernel = -1 };
	while (n > 1 && path[n - 1] == '/')
		n--;
	if (!n) {
		snprintf(errbuf, len, "the trace's directory has an empty name; name one with -o");
		return -EINVAL;
	}
	d->path = strndup(path, n);
	if (!d->path)
		return failed(errbuf, len, "create", path, ENOMEM);
	ret = make_room(d, true, errbuf, len);
	if (ret)
		goto fail;
	slash = strrchr(d->path, '/');
	if (asprintf(&d->hidden, "%.*s.%s.XXXXXX", slash ? (int)(slash - d->path + 1) : 0, d->path,
		     slash ? slash + 1 : d->path) < 0)
		d->hidden = NULL;
	if (!d->hidden || !mkdtemp(d->hidden)) {
		ret = failed(errbuf, len, "create the directory", d->path, errno);
		free(d->hidden);
		d->hidden = NULL;
		goto fail;
	}
	if (asprintf(&sub, "%s/kernel", d->hidden) < 0)
		sub = NULL;
	if (sub && !mkdir(sub, 0777))
		d->kernel = open(sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->kernel < 0) {
		ret = failed(errbuf, len, "create the directory", d->path, errno);
		free(sub);
		goto fail;
	}
	free(sub);
	return 0;
fail:
	tracedir_close(d);
	return ret;
}

int tracedir_publish(struct tracedir *d, char *errbuf, size_t len)
{
	int ret = make_room(d, false, errbuf, len);

	if (ret)
		return ret;
	if (rename(d->hidden, d->path))
		return failed(errbuf, len, "create the directory", d->path, errno);
	free(d->hidden);
	d->hidden = NULL;
	return 0;
}

void tracedir_close(struct tracedir *d)
{
	if (d->kernel >= 0)
		close(d->kernel);
	if (d->hidden)
		walk(d->hidden, false);
	free(d->hidden);
	free(d->path);
	*d = (struct tracedir){ .kernel = -1 };
}
