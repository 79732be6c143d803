// SPDX-License-Identifier: GPL-2.0-only
/* What a process has mapped where. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "mappings.h"

/* The index of the first mapping that ends behind address; nr if there is none. */
static size_t first_behind(const struct mappings *m, uint64_t address)
{
	size_t low = 0, high = m->nr;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (m->list[mid].end > address)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

static int insert(struct mappings *m, size_t at, struct mapping new)
{
	if (m->nr == MAPPINGS_MAX)
		return -ENOMEM;
	if (m->nr == m->room) {
		size_t room = m->room ? 2 * m->room : 32;
		struct mapping *grown = realloc(m->list, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		m->list = grown;
		m->room = room;
	}
	memmove(&m->list[at + 1], &m->list[at], (m->nr - at) * sizeof(new));
	m->list[at] = new;
	m->nr++;
	return 0;
}

/* Nothing is mapped in [start, end) any more; a mapping around it becomes two. */
static int cut(struct mappings *m, uint64_t start, uint64_t end)
{
	size_t i = first_behind(m, start), gone;

	if (i == m->nr)
		return 0;
	if (m->list[i].start < start) {
		struct mapping rest = m->list[i];

		m->list[i].end = start;
		i++;
		if (rest.end > end) {
			rest.start = end;
			return insert(m, i, rest);
		}
	}
	for (gone = i; gone < m->nr && m->list[gone].end <= end; gone++)
		;
	memmove(&m->list[i], &m->list[gone], (m->nr - gone) * sizeof(*m->list));
	m->nr -= gone - i;
	if (i < m->nr && m->list[i].start < end)
		m->list[i].start = end;
	return 0;
}

static int map(struct mappings *m, uint64_t start, uint64_t length, enum mapping_kind kind)
{
	struct mapping new = { .start = start, .end = start + length, .kind = kind };
	int err;

	if (!length || new.end < start)
		return 0;
	err = cut(m, new.start, new.end);
	return err ? err : insert(m, first_behind(m, start), new);
}

int mappings_event(struct mappings *m, const struct weft_event *rec)
{
	const struct weft_ev_mmap *e = (const void *)rec; /* all of the group look alike */
	struct mapping old;

	/* Of what failed nothing has changed; an address is never that large. */
	if (e->result < 0 && e->result >= -4095)
		return 0;
	switch (rec->id) {
	case WEFT_EV_mmap:
		return map(m, e->start, (uint64_t)e->length,
			   e->flags & (MAP_STACK | MAP_GROWSDOWN) ? MAPPING_STACK :
			   e->flags & MAP_ANONYMOUS		  ? MAPPING_ANONYMOUS :
								    MAPPING_FILE);
	case WEFT_EV_munmap:
		return e->start + (uint64_t)e->length < e->start ?
			       0 :
			       cut(m, e->start, e->start + (uint64_t)e->length);
	case WEFT_EV_mremap:
		old = mappings_find(m, e->start);
		return map(m, (uint64_t)e->result, (uint64_t)e->length, old.kind);
	case WEFT_EV_brk:
		if (e->length > 0)
			return map(m, e->start, (uint64_t)e->length, MAPPING_HEAP);
		return cut(m, e->start + (uint64_t)e->length, e->start);
	}
	return 0;
}

/* Where Linux puts the image of a position-independent program and the first stack. */
static enum mapping_kind by_address(uint64_t address)
{
#if defined(__aarch64__)
	const uint64_t image = 0xaaa000000000, image_end = 0xab0000000000, stack = 0xffffc0000000;
#else
	const uint64_t image = 0x550000000000, image_end = 0x570000000000, stack = 0x7ffc00000000;
#endif

	if (address >= stack)
		return MAPPING_MAIN_STACK;
	/* A fixed program lies low. */
	return (address >= image && address < image_end) || address < 0x100000000 ?
		       MAPPING_PROGRAM :
		       MAPPING_UNKNOWN;
}

struct mapping mappings_find(const struct mappings *m, uint64_t address)
{
	size_t i = first_behind(m, address);

	if (i < m->nr && m->list[i].start <= address)
		return m->list[i];
	return (struct mapping){ .kind = by_address(address) };
}

void mappings_clear(struct mappings *m)
{
	free(m->list);
	*m = (struct mappings){ 0 };
}

const char *mapping_kind_name(enum mapping_kind kind)
{
	static const char *const names[] = {
		[MAPPING_UNKNOWN] = "memory that was mapped before",
		[MAPPING_HEAP] = "heap (brk)",
		[MAPPING_ANONYMOUS] = "anonymous mapping",
		[MAPPING_STACK] = "stack mapping",
		[MAPPING_FILE] = "file mapping",
		[MAPPING_MAIN_STACK] = "main stack",
		[MAPPING_PROGRAM] = "program image",
	};

	return names[kind];
}
