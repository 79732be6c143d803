// SPDX-License-Identifier: GPL-2.0-only
/* Appending packets to a file, see stream_file.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <weft/ring.h>
#include "stream_file.h"

#define PAGE WEFT_PACKET_ALIGN
#define BATCH 16 /* pages of step 1 in one write */

int stream_file_create(struct stream_file *sf, int dirfd, const char *name)
{
	sf->size = 0;
	sf->fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	return sf->fd < 0 ? -errno : 0;
}

void stream_file_close(struct stream_file *sf)
{
	if (sf->fd >= 0)
		close(sf->fd);
	sf->fd = -1;
}

static int write_at(int fd, const void *data, size_t len, uint64_t pos)
{
	const char *p = data;

	while (len) {
		ssize_t n = pwrite(fd, p, len, (off_t)pos);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		p += n;
		pos += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

/* An empty packet of len bytes, to stand where packet `first` will be: it says nothing that is not so. */
static struct weft_packet empty_packet(const struct weft_packet *first, uint64_t len)
{
	struct weft_packet p = *first;

	p.timestamp_end = p.timestamp_begin;
	p.content_size = sizeof(p) * 8;
	p.packet_size = len * 8;
	return p;
}

/*
 * Step 1. The kernel copies a page in one piece if its source is one page too: it can only stop, for a
 * page of the source that is not in memory, where one of the source ends.
 */
static int append_pages(int fd, const struct weft_packet *first, size_t len, uint64_t pos)
{
	_Alignas(PAGE) unsigned char pages[BATCH][PAGE] = { 0 };
	struct weft_packet empty = empty_packet(first, PAGE);
	size_t i, n;
	int ret;

	while (len) {
		n = len / PAGE < BATCH ? len / PAGE : BATCH;
		for (i = 0; i < n; i++) {
			memcpy(pages[i], &empty, sizeof(empty));
			empty.packet_seq_num++;
		}
		ret = write_at(fd, pages, n * PAGE, pos);
		if (ret)
			return ret;
		pos += n * PAGE;
		len -= n * PAGE;
	}
	return 0;
}

int stream_file_append(struct stream_file *sf, const void *packets, size_t len)
{
	const size_t head = sizeof(struct weft_packet);
	struct weft_packet first, empty;
	int ret;

	if (len < PAGE || len % PAGE)
		return -EINVAL;
	memcpy(&first, packets, head);
	empty = empty_packet(&first, len);
	ret = append_pages(sf->fd, &first, len, sf->size);
	if (!ret)
		ret = write_at(sf->fd, &empty, head, sf->size);
	if (!ret)
		ret = write_at(sf->fd, (const char *)packets + head, len - head, sf->size + head);
	if (!ret)
		ret = write_at(sf->fd, &first, head, sf->size);
	if (!ret)
		sf->size += len;
	else if (ftruncate(sf->fd, (off_t)sf->size))
		return -errno;
	return ret;
}
