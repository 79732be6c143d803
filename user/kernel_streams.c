// SPDX-License-Identifier: GPL-2.0-only
/* From rings to files. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "kernel_streams.h"

int kernel_streams_open(struct kernel_streams *s, const struct backend *b,
			const struct weft_setup *setup, const struct tracedir *dir, char *errbuf,
			size_t len)
{
	uint32_t i;
	int ret;

	*s = (struct kernel_streams){
		.dir = dir,
		.nr = b->info.nr_cpus,
		.readers = calloc(b->info.nr_cpus, sizeof(*s->readers)),
		.files = calloc(b->info.nr_cpus, sizeof(*s->files)),
	};
	if (!s->readers || !s->files) {
		snprintf(errbuf, len, "out of memory");
		return -ENOMEM;
	}
	for (i = 0; i < s->nr; i++)
		s->files[i] = (struct stream_file)STREAM_FILE_INIT;
	for (i = 0; i < s->nr; i++) {
		if (!b->rings[i].ctl)
			continue;
		ret = ring_reader_init(&s->readers[i], &b->rings[i], setup->sub_size,
				       setup->nr_subs);
		if (ret) {
			snprintf(errbuf, len,
				 "CPU %u's ring is not as it was asked for; the backend and this "
				 "tool do not fit together",
				 i);
			return ret;
		}
	}
	return 0;
}

static int write_run(struct kernel_streams *s, uint32_t cpu, const struct ring_run *run)
{
	struct stream_file *sf = &s->files[cpu];
	char name[16];
	int ret = 0;

	if (sf->fd < 0) {
		snprintf(name, sizeof(name), "cpu%u", cpu);
		ret = stream_file_create(sf, s->dir->kernel, name);
	}
	if (!ret)
		ret = stream_file_append(sf, run->data, run->len);
	if (!ret)
		s->bytes += run->len;
	return ret;
}

int kernel_streams_drain(struct kernel_streams *s, char *errbuf, size_t len)
{
	struct ring_run run;
	int ret, got = 0;
	uint32_t cpu;

	for (cpu = 0; cpu < s->nr; cpu++) {
		struct ring_reader *r = &s->readers[cpu];
		uint64_t end = r->tail + (uint64_t)r->sub_size * r->nr_subs;

		while (r->ring && r->tail < end) {
			ret = ring_reader_next(r, &run);
			if (ret < 0) {
				snprintf(errbuf, len,
					 "CPU %u's ring contradicts itself; what was recorded "
					 "before is kept",
					 cpu);
				return ret;
			}
			if (!ret)
				break;
			ret = write_run(s, cpu, &run);
			if (ret) {
				snprintf(errbuf, len,
					 "cannot write to '%s/kernel/cpu%u': %s; what was recorded "
					 "before is kept",
					 s->dir->path, cpu, strerror(-ret));
				return ret;
			}
			ring_reader_release(r, &run);
			got = 1;
		}
	}
	return got;
}

void kernel_streams_close(struct kernel_streams *s)
{
	uint32_t i;

	for (i = 0; s->files && i < s->nr; i++)
		stream_file_close(&s->files[i]);
	free(s->readers);
	free(s->files);
	*s = (struct kernel_streams){ 0 };
}
