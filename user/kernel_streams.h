/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's streams of a recording: each CPU's ring, and the file in kernel/ that its packets go to.
 * One thread at a time.
 */
#ifndef WEFT_USER_KERNEL_STREAMS_H
#define WEFT_USER_KERNEL_STREAMS_H

#include "backend.h"
#include "ring_reader.h"
#include "stream_file.h"
#include "tracedir.h"

struct kernel_streams {
	const struct tracedir *dir;
	struct ring_reader *readers; /* by CPU; ring NULL: that CPU has none */
	struct stream_file *files;   /* likewise; created with the first packet */
	uint32_t nr;
	uint64_t bytes; /* written */
};

/*
 * For the session b, which was opened with this setup. b and dir stay the caller's and must outlive s.
 * 0, or a negative errno with a line in errbuf; then kernel_streams_close(), too.
 */
int kernel_streams_open(struct kernel_streams *s, const struct backend *b,
			const struct weft_setup *setup, const struct tracedir *dir, char *errbuf,
			size_t len);

/*
 * Writes what is complete, at most a whole ring of each CPU, so that a busy one does not starve the rest.
 * 1: there was something, 0: nothing; a negative errno with a line in errbuf: it ends here, and the files
 * have whole packets only.
 */
int kernel_streams_drain(struct kernel_streams *s, char *errbuf, size_t len);

void kernel_streams_close(struct kernel_streams *s);

#endif
