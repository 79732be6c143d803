// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finding the current-unit word: in this process, in files made for it, in files that are broken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weft/unit.h>
#include "unit_word.h"

static void test_this_program(void **state)
{
	int64_t exe = 0, pid = 0;
	unsigned int copies = 0;

	(void)state;
	assert_int_equal(unit_word_find_exe("/proc/self/exe", &exe), 0);
	assert_int_equal(exe, weft_unit_tp_offset_());
	assert_int_equal(unit_word_find_copies(getpid(), &pid, &copies), 0);
	assert_int_equal(pid, exe);
	assert_int_equal(copies, 1);
}

static void test_programs_without_units(void **state)
{
	int64_t offset;
	pid_t child = fork();

	(void)state;
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execlp("sleep", "sleep", "60", NULL);
		_exit(127);
	}
	assert_int_equal(unit_word_find_exe("/bin/sh", &offset), -ENOENT);
	assert_int_equal(unit_word_find_exe("/etc/passwd", &offset), -ENOENT);
	assert_int_equal(unit_word_find_exe("/dev/null", &offset), -ENOENT);
	assert_int_equal(unit_word_find_exe("/", &offset), -ENOENT);
	assert_int_equal(unit_word_find_exe("/nonexistent", &offset), -ENOENT);
	/* While its dynamic linker is at work it may have libraries that we have not seen. */
	while (unit_word_find_pid(child, &offset) != -ENOENT)
		usleep(1000);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_int_equal(unit_word_find_pid(child, &offset), -ESRCH);
}

/* ---- Files made by hand ---- */

static const char path[] = "/tmp/weft-test-word";

struct image {
	Elf64_Ehdr h;
	Elf64_Phdr load, other_note, note;
	struct {
		Elf64_Nhdr h;
		char name[8], desc[4];
	} other;
	struct {
		Elf64_Nhdr h;
		char name[8];
		struct weft_unit_note desc;
	} __attribute__((packed)) mine;
	unsigned char code[8];
};

#define BASE 0x10000

static struct image image(uint16_t machine, const void *code)
{
	struct image i = {
		.h = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		       .e_type = ET_DYN,
		       .e_machine = machine,
		       .e_phoff = offsetof(struct image, load),
		       .e_phentsize = sizeof(Elf64_Phdr),
		       .e_phnum = 3 },
		.load = { PT_LOAD, PF_R | PF_X, 0, BASE, BASE, sizeof(i), sizeof(i), 0x1000 },
		.other_note = { PT_NOTE, PF_R, offsetof(struct image, other),
				BASE + offsetof(struct image, other), 0, sizeof(i.other),
				sizeof(i.other), 4 },
		.note = { PT_NOTE, PF_R, offsetof(struct image, mine),
			  BASE + offsetof(struct image, mine), 0, sizeof(i.mine), sizeof(i.mine),
			  4 },
		.other = { { 4, 4, 1 }, "GNU", "abc" },
		.mine = { { 5, 16, WEFT_UNIT_NOTE_TYPE },
			  "weft",
			  { WEFT_UNIT_NOTE_VERSION, 0,
			    offsetof(struct image, code) -
				    offsetof(struct image, mine.desc.code) } },
	};

	memcpy(i.code, code, sizeof(i.code));
	return i;
}

static int find(const void *data, size_t len, int64_t *offset)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	close(fd);
	return unit_word_find_exe(path, offset);
}

static int find_code(uint16_t machine, const void *code, int64_t *offset)
{
	struct image i = image(machine, code);

	return find(&i, sizeof(i), offset);
}

static void test_instructions(void **state)
{
	int64_t offset = 0;

	(void)state;
	/* As GNU ld, gold and lld write them. */
	assert_int_equal(find_code(EM_X86_64, "\x48\xc7\xc0\x80\xff\xff\xff\xc3", &offset), 0);
	assert_int_equal(offset, -128);
	assert_int_equal(find_code(EM_X86_64, "\x48\x8b\x05\xa1\x26\x00\x00\xc3", &offset),
			 -EAGAIN);
	/* movz x0, #1, lsl #16; movk x0, #0x40 */
	assert_int_equal(find_code(EM_AARCH64, "\x20\x00\xa0\xd2\x00\x08\x80\xf2", &offset), 0);
	assert_int_equal(offset, 0x10040);
	/* adrp x0, .; ldr x0, [x0, #8] */
	assert_int_equal(find_code(EM_AARCH64, "\x00\x00\x00\x90\x00\x04\x40\xf9", &offset),
			 -EAGAIN);
	/* Anything else, and offsets that no word has. */
	assert_int_equal(find_code(EM_X86_64, "\x90\x90\x90\x90\x90\x90\x90\x90", &offset),
			 -ENOENT);
	assert_int_equal(find_code(EM_AARCH64, "\x90\x90\x90\x90\x90\x90\x90\x90", &offset),
			 -ENOENT);
	assert_int_equal(find_code(EM_RISCV, "\x48\xc7\xc0\x80\xff\xff\xff\xc3", &offset), -ENOENT);
	assert_int_equal(find_code(EM_X86_64, "\x48\xc7\xc0\x81\xff\xff\xff\xc3", &offset),
			 -ENOENT);
	assert_int_equal(find_code(EM_X86_64, "\x48\xc7\xc0\x00\x00\x00\x80\xc3", &offset),
			 -ENOENT);
}

static void test_other_version(void **state)
{
	struct image i = image(EM_X86_64, "\x48\xc7\xc0\x80\xff\xff\xff\xc3");
	int64_t offset;

	(void)state;
	i.mine.desc.word = 16;
	assert_int_equal(find(&i, sizeof(i), &offset), 0);
	assert_int_equal(offset, -112);
	i.mine.desc.version = 2;
	assert_int_equal(find(&i, sizeof(i), &offset), -ENOENT);
}

/* Cut off anywhere, and with random bytes anywhere: an answer, never a crash. */
static void test_broken_files(void **state)
{
	const struct image good = image(EM_X86_64, "\x48\xc7\xc0\x80\xff\xff\xff\xc3");
	unsigned int n, k, found = 0;
	int64_t offset;
	size_t len;

	(void)state;
	for (len = 0; len < offsetof(struct image, code) + 8; len++)
		assert_int_equal(find(&good, len, &offset), -ENOENT);
	srand(1);
	for (n = 0; n < 5000; n++) {
		struct image bad = good;

		for (k = 0; k <= n % 4; k++) {
			if (rand() % 2)
				((unsigned char *)&bad)[rand() % sizeof(bad)] = rand();
			else
				((uint32_t *)&bad)[rand() % (sizeof(bad) / 4)] = rand() % 3 ? ~0u :
											      0;
		}
		switch (find(&bad, sizeof(bad), &offset)) {
		case 0:
			found++;
			assert_int_equal(offset % 8, 0);
			break;
		case -EAGAIN:
		case -ENOENT:
			break;
		default:
			fail();
		}
	}
	assert_true(found > 100);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_this_program), cmocka_unit_test(test_programs_without_units),
		cmocka_unit_test(test_instructions), cmocka_unit_test(test_other_version),
		cmocka_unit_test(test_broken_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
