// SPDX-License-Identifier: GPL-2.0-only
/* The metadata: complete, in step with the event ABI, and its file replaced in one step. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <weft/ring.h>
#include "event_table.h"
#include "metadata.h"

static struct metadata example(void)
{
	struct metadata m = {
		.clock = {
			.clock = WEFT_CLOCK_TSC,
			.freq = 2500000000,
			.nominal = 2501000000,
			.freq_error_ppb = WEFT_UNKNOWN,
			.mono_offset = -17,
			.boot_offset = 3,
			.real_offset = 1700000000500000000,
		},
		.backend = "kmod",
		.command = "say \"hi\" \\ \n\xc3\xa9",
		.nr_cpus = 2,
		.groups = WEFT_GROUP_ALL,
		.hooks = 0x1fffff,
		.clock_error_ns = WEFT_UNKNOWN,
	};

	assert_int_equal(metadata_new_uuids(&m), 0);
	return m;
}

static char *text_of(const struct metadata *m, uint32_t stream)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	metadata_print(f, m, stream);
	fclose(f);
	return text;
}

#define assert_has(text, part) assert_non_null(strstr(text, part))
#define assert_lacks(text, part) assert_null(strstr(text, part))

static void env(void **state)
{
	struct metadata m = example();
	char *text = text_of(&m, WEFT_STREAM_KERNEL);

	(void)state;
	assert_int_equal(strncmp(text, "/* CTF 1.8 */\n", 14), 0);
	assert_has(text, "\tbackend = \"kmod\";");
	/* Any bytes of a command line come through as a TSDL string. */
	assert_has(text, "\tcommand = \"say \\\"hi\\\" \\\\ \\n\303\251\";");
	assert_has(text, "\thooks = 0x1fffff;");
	assert_has(text, "\tclock_mono_offset = -17;");
	assert_has(text, "\tclock_freq_nominal = 2501000000;");
	assert_has(text, "\tclock_freq_measured = 0;");
	assert_has(text, "\tended = 0;");
	/* What is not known is left out, not 0. */
	assert_lacks(text, "clock_error_ns");
	assert_lacks(text, "clock_freq_error_ppb");
	free(text);
	m.ended = true;
	m.clock_error_ns = 25;
	m.clock.measured = true;
	m.clock.freq_error_ppb = 300;
	text = text_of(&m, WEFT_STREAM_KERNEL);
	assert_has(text, "\tended = 1;");
	assert_has(text, "\tclock_error_ns = 25;");
	assert_has(text, "\tclock_freq_measured = 1;");
	assert_has(text, "\tclock_freq_error_ppb = 300;");
	free(text);
}

/* The Epoch in two parts that have the right sum; before the Epoch, too. */
static void clock_offset(void **state)
{
	struct metadata m = example();
	char *text = text_of(&m, WEFT_STREAM_KERNEL);

	(void)state;
	assert_has(text, "\toffset_s = 1700000000;\n\toffset = 1250000000;");
	free(text);
	m.clock.real_offset = -1;
	text = text_of(&m, WEFT_STREAM_KERNEL);
	assert_has(text, "\toffset_s = -1;\n\toffset = 2499999997;");
	free(text);
}

/* Each event is described once, in its own stream, and its fields add up to its size. */
static void events(void **state)
{
	struct metadata m = example();
	char *text[2] = { text_of(&m, WEFT_STREAM_KERNEL), text_of(&m, WEFT_STREAM_UNITS) };
	uint32_t id;

	(void)state;
	for (id = 0; id < EVENT_ID_MAX; id++) {
		const struct event_type *t = event_type(id);
		char head[128], size[64];
		unsigned int bits = 0, n, count;
		const char *p, *end;

		if (!t)
			continue;
		snprintf(head, sizeof(head),
			 "event {\n\tname = \"%s\";\n\tid = %u;\n\tstream_id = %u;\n", t->name, id,
			 t->is_unit);
		snprintf(size, sizeof(size), "\tsize_%u = %u;\n", id, t->size);
		assert_has(text[t->is_unit], head);
		assert_has(text[t->is_unit], size);
		assert_lacks(text[!t->is_unit], head);
		p = strstr(text[t->is_unit], head) + strlen(head);
		end = strstr(p, "};\n};");
		while ((p = strstr(p, "integer { size = ")) && p < end) {
			char name[64];

			assert_int_equal(sscanf(p,
						"integer { size = %u; align = 8;%*[^}]} %63[^;\n]",
						&n, name),
					 2);
			/* No field's name may be a word of TSDL. */
			assert_int_equal(name[0], '_');
			count = 1;
			if (strchr(name, '['))
				count = (unsigned int)atoi(strchr(name, '[') + 1);
			bits += n * count;
			p++;
		}
		assert_int_equal(sizeof(struct weft_event) + bits / 8, t->size);
	}
	free(text[0]);
	free(text[1]);
}

static void uuids_differ(void **state)
{
	struct metadata m = example();

	(void)state;
	assert_memory_not_equal(m.uuid[0], m.uuid[1], 16);
	assert_memory_not_equal(m.uuid[0], m.clock_uuid, 16);
	assert_int_equal(m.uuid[0][6] >> 4, 4);
}

static void file(void **state)
{
	char dir[] = "/tmp/weft-metadata.XXXXXX", text[16] = "";
	struct metadata m = example();
	int dirfd, fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	dirfd = open(dir, O_RDONLY | O_DIRECTORY);
	assert_int_equal(metadata_write(dirfd, &m, WEFT_STREAM_KERNEL), 0);
	assert_int_equal(metadata_write(dirfd, &m, WEFT_STREAM_KERNEL), 0);
	fd = openat(dirfd, "metadata", O_RDONLY);
	assert_int_equal(read(fd, text, 13), 13);
	assert_string_equal(text, "/* CTF 1.8 */");
	close(fd);
	/* Nothing else is left. */
	assert_int_equal(unlinkat(dirfd, "metadata", 0), 0);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(metadata_write(dirfd, &m, WEFT_STREAM_KERNEL), -ENOENT);
	close(dirfd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(env),	  cmocka_unit_test(clock_offset),
		cmocka_unit_test(events), cmocka_unit_test(uuids_differ),
		cmocka_unit_test(file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
