// SPDX-License-Identifier: GPL-2.0-only
/* Generates the TSDL metadata. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <weft/ring.h>
#include "event_table.h"
#include "metadata.h"
#include "version.h"

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BYTE_ORDER_NAME "le"
#else
#define BYTE_ORDER_NAME "be"
#endif

/* By WEFT_CLOCK_*: as env `clock` and the clock block have it. */
static const char *const clock_name[] = { "", "tsc", "monotonic" };

int metadata_new_uuids(struct metadata *m)
{
	uint8_t *uuids[] = { m->uuid[0], m->uuid[1], m->clock_uuid };
	int i;

	for (i = 0; i < 3; i++) {
		uint8_t *u = uuids[i];

		if (getrandom(u, 16, 0) != 16)
			return -errno;
		u[6] = (uint8_t)((u[6] & 0x0f) | 0x40);
		u[8] = (uint8_t)((u[8] & 0x3f) | 0x80);
	}
	return 0;
}

static void print_uuid(FILE *f, const uint8_t *u)
{
	int i;

	fprintf(f, "\tuuid = \"");
	for (i = 0; i < 16; i++)
		fprintf(f, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", u[i]);
	fprintf(f, "\";\n");
}

/*
 * A string literal, in which any command line comes back as it was: UTF-8 as it is, what would break the
 * line or the literal escaped.
 */
static void print_text(FILE *f, const char *key, const char *text)
{
	const unsigned char *p;

	fprintf(f, "\t%s = \"", key);
	for (p = (const unsigned char *)text; *p; p++) {
		if (*p == '"' || *p == '\\')
			fprintf(f, "\\%c", *p);
		else if (*p == '\n')
			fprintf(f, "\\n");
		else if (*p == '\t')
			fprintf(f, "\\t");
		else if (*p < 0x20 || *p == 0x7f)
			fprintf(f, "\\%03o", *p);
		else
			fputc(*p, f);
	}
	fprintf(f, "\";\n");
}

static void print_number(FILE *f, const char *key, int64_t value)
{
	fprintf(f, "\t%s = %" PRId64 ";\n", key, value);
}

static void print_env(FILE *f, const struct metadata *m, uint32_t stream)
{
	struct utsname uts;
	uint32_t id;

	uname(&uts);
	fprintf(f, "env {\n");
	print_text(f, "hostname", uts.nodename);
	print_text(f, "domain", stream == WEFT_STREAM_KERNEL ? "kernel" : "ust");
	print_text(f, "tracer_name", "weft");
	print_number(f, "tracer_major", WEFT_VERSION_MAJOR);
	print_number(f, "tracer_minor", WEFT_VERSION_MINOR);
	print_text(f, "sysname", uts.sysname);
	print_text(f, "machine", uts.machine);
	print_text(f, "kernel_release", uts.release);
	print_text(f, "kernel_version", uts.version);
	print_text(f, "backend", m->backend);
	print_text(f, "command", m->command);
	print_number(f, "nr_cpus", m->nr_cpus);
	print_number(f, "emulated", m->emulated);
	print_number(f, "system_wide", m->system_wide);
	fprintf(f, "\thooks = 0x%" PRIx64 ";\n", m->hooks);
	print_number(f, "groups", m->groups);
	print_number(f, "abi_version", WEFT_ABI_VERSION);
	print_number(f, "abi_compat", WEFT_ABI_COMPAT);
	print_text(f, "clock", clock_name[m->clock.clock]);
	print_number(f, "clock_freq", (int64_t)m->clock.freq);
	print_number(f, "clock_freq_nominal", (int64_t)m->clock.nominal);
	print_number(f, "clock_freq_measured", m->clock.measured);
	if (m->clock.freq_error_ppb != WEFT_UNKNOWN)
		print_number(f, "clock_freq_error_ppb", (int64_t)m->clock.freq_error_ppb);
	print_number(f, "clock_mono_offset", m->clock.mono_offset);
	print_number(f, "clock_boot_offset", m->clock.boot_offset);
	print_number(f, "clock_real_offset", m->clock.real_offset);
	print_number(f, "clock_real_moved", m->clock.real_moved);
	if (m->clock_error_ns != WEFT_UNKNOWN)
		print_number(f, "clock_error_ns", (int64_t)m->clock_error_ns);
	print_number(f, "missed", (int64_t)m->missed);
	print_number(f, "ended", m->ended);
	for (id = 0; id < EVENT_ID_MAX; id++) {
		const struct event_type *t = event_type(id);
		char key[16];

		if (!t || t->is_unit != (stream == WEFT_STREAM_UNITS))
			continue;
		snprintf(key, sizeof(key), "size_%u", id);
		print_number(f, key, t->size);
	}
	fprintf(f, "};\n\n");
}

/*
 * The Epoch in ticks, in two parts as CTF wants it: whole seconds, and the rest in ticks. real_offset is
 * when the counter stood at 0; a machine whose clock is set before its start has a negative one.
 */
static void print_clock(FILE *f, const struct metadata *m)
{
	int64_t s = m->clock.real_offset / 1000000000;
	int64_t ns = m->clock.real_offset % 1000000000;

	if (ns < 0) {
		s--;
		ns += 1000000000;
	}
	fprintf(f, "clock {\n\tname = %s;\n", clock_name[m->clock.clock]);
	print_uuid(f, m->clock_uuid);
	print_text(f, "description",
		   m->clock.clock == WEFT_CLOCK_TSC ? "the CPU's counter" : "CLOCK_MONOTONIC");
	print_number(f, "freq", (int64_t)m->clock.freq);
	print_number(f, "offset_s", s);
	print_number(f, "offset", (int64_t)((unsigned __int128)ns * m->clock.freq / 1000000000));
	fprintf(f, "};\n\n");
}

/* In place of a type alias, so that the text can be read event by event. */
static void print_integer(FILE *f, unsigned int bits, bool is_signed, bool hex, const char *name)
{
	fprintf(f, "\t\tinteger { size = %u; align = 8;%s%s } %s;\n", bits,
		is_signed ? " signed = true;" : "", hex ? " base = 16;" : "", name);
}

static void print_time(FILE *f, const struct metadata *m, const char *name)
{
	fprintf(f, "\t\tinteger { size = 64; align = 8; map = clock.%s.value; } %s;\n",
		clock_name[m->clock.clock], name);
}

/* struct weft_packet from timestamp_begin on, then struct weft_event. */
static void print_stream(FILE *f, const struct metadata *m, uint32_t stream)
{
	fprintf(f, "stream {\n\tid = %u;\n\tpacket.context := struct {\n", stream);
	print_time(f, m, "timestamp_begin");
	print_time(f, m, "timestamp_end");
	print_integer(f, 64, false, false, "content_size");
	print_integer(f, 64, false, false, "packet_size");
	print_integer(f, 64, false, false, "packet_seq_num");
	print_integer(f, 64, false, false, "events_discarded");
	if (stream == WEFT_STREAM_KERNEL) {
		print_integer(f, 32, false, false, "cpu_id");
		print_integer(f, 32, false, false, "_pad");
	} else {
		print_integer(f, 32, false, false, "_tgid");
		print_integer(f, 32, false, false, "_copy");
	}
	fprintf(f, "\t};\n\tevent.header := struct {\n");
	print_time(f, m, "timestamp");
	print_integer(f, 32, false, false, "id");
	fprintf(f, "\t};\n\tevent.context := struct {\n");
	print_integer(f, 32, false, false, "_tid");
	print_integer(f, 64, false, true, "_unit");
	fprintf(f, "\t};\n};\n\n");
}

static void print_event(FILE *f, const struct event_type *t, uint32_t stream)
{
	uint32_t i;

	fprintf(f, "event {\n\tname = \"%s\";\n\tid = %u;\n\tstream_id = %u;\n", t->name, t->id,
		stream);
	fprintf(f, "\tfields := struct {\n");
	for (i = 0; i < t->nr_fields; i++) {
		const struct event_field *field = &t->fields[i];
		char name[64];

		/* With a '_' in front no name is a keyword; readers take it off. */
		snprintf(name, sizeof(name), "_%s", field->name);
		if (field->kind == EVENT_FIELD_TEXT)
			fprintf(f,
				"\t\tinteger { size = 8; align = 8; encoding = UTF8; } %s[%u];\n",
				name, field->size);
		else
			print_integer(f, field->size * 8u, field->kind == EVENT_FIELD_SIGNED,
				      field->hex, name);
	}
	fprintf(f, "\t};\n};\n\n");
}

void metadata_print(FILE *f, const struct metadata *m, uint32_t stream)
{
	uint32_t id;

	fprintf(f, "/* CTF 1.8 */\n\n");
	fprintf(f, "trace {\n\tmajor = 1;\n\tminor = 8;\n");
	print_uuid(f, m->uuid[stream]);
	fprintf(f, "\tbyte_order = " BYTE_ORDER_NAME ";\n\tpacket.header := struct {\n");
	print_integer(f, 32, false, true, "magic");
	fprintf(f, "\t\tinteger { size = 8; align = 8; } uuid[16];\n");
	print_integer(f, 32, false, false, "stream_id");
	fprintf(f, "\t};\n};\n\n");
	print_env(f, m, stream);
	print_clock(f, m);
	print_stream(f, m, stream);
	for (id = 0; id < EVENT_ID_MAX; id++) {
		const struct event_type *t = event_type(id);

		if (t && t->is_unit == (stream == WEFT_STREAM_UNITS))
			print_event(f, t, stream);
	}
}

int metadata_write(int dirfd, const struct metadata *m, uint32_t stream)
{
	/* Readers of CTF pass over hidden files. */
	static const char tmp[] = ".metadata";
	int ret = 0;
	FILE *f;
	int fd;

	fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	f = fdopen(fd, "w");
	if (!f) {
		ret = -errno;
		close(fd);
		goto remove;
	}
	/* One write, whose failure fclose() tells with its reason. */
	setvbuf(f, NULL, _IOFBF, 1 << 16);
	metadata_print(f, m, stream);
	if (fclose(f))
		ret = -errno;
	if (!ret && renameat(dirfd, tmp, dirfd, "metadata"))
		ret = -errno;
remove:
	if (ret)
		unlinkat(dirfd, tmp, 0);
	return ret;
}
