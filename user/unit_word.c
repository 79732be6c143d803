// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way to the word: PT_NOTE in the program headers -> note "weft" -> the instructions that load
 * the word's offset. A linker that knows the offset has rewritten them to load a constant; else
 * they load it from a slot of the global offset table, which the dynamic linker fills in when it
 * loads the library.
 *
 * The file may be anything: every offset in it is checked by reading only what pread() gives.
 */
#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weft/unit_word.h>
#include "unit_word.h"

#define MAX_PHDRS 128
#define MAX_NOTES 65536 /* bytes of one note segment that are looked at */
#define MAX_OFFSET (1ll << 30)

struct elf {
	int fd;
	uint16_t machine;
	unsigned int nr_phdrs;
	Elf64_Phdr phdr[MAX_PHDRS];
};

/* What a file says about the word. */
struct found {
	bool known;	/* offset is valid; else it is in the slot */
	int64_t offset; /* from the thread pointer to the word */
	uint64_t slot;	/* address of the table's entry, as linked */
	uint32_t word;	/* to be added to what the slot holds */
	uint64_t base;	/* page of the first loaded segment, as linked */
};

static int read_at(int fd, void *buf, size_t len, uint64_t offset)
{
	ssize_t n = offset > INT64_MAX ? 0 : pread(fd, buf, len, offset);

	return n < 0 ? -errno : (size_t)n == len ? 0 : -ENOENT;
}

static int elf_open(struct elf *e, int fd)
{
	Elf64_Ehdr h;
	int err;

	err = read_at(fd, &h, sizeof(h), 0);
	if (err)
		return err;
	if (memcmp(h.e_ident, ELFMAG, SELFMAG) || h.e_ident[EI_CLASS] != ELFCLASS64 ||
	    h.e_ident[EI_DATA] != ELFDATA2LSB || (h.e_type != ET_EXEC && h.e_type != ET_DYN) ||
	    h.e_phentsize != sizeof(Elf64_Phdr) || h.e_phnum > MAX_PHDRS)
		return -ENOENT;
	e->fd = fd;
	e->machine = h.e_machine;
	e->nr_phdrs = h.e_phnum;
	return read_at(fd, e->phdr, h.e_phnum * sizeof(Elf64_Phdr), h.e_phoff);
}

/* Reads what is at an address, as far as it comes from the file. */
static int elf_read(const struct elf *e, void *buf, size_t len, uint64_t addr)
{
	unsigned int i;

	for (i = 0; i < e->nr_phdrs; i++) {
		const Elf64_Phdr *p = &e->phdr[i];

		if (p->p_type == PT_LOAD && addr >= p->p_vaddr && addr - p->p_vaddr < p->p_filesz &&
		    len <= p->p_filesz - (addr - p->p_vaddr))
			return read_at(e->fd, buf, len, p->p_offset + (addr - p->p_vaddr));
	}
	return -ENOENT;
}

/* Looks through one segment of notes for ours; *at is then the address of its description. */
static int find_in_segment(const struct elf *e, const Elf64_Phdr *p, struct weft_unit_note *note,
			   uint64_t *at)
{
	size_t len = p->p_filesz < MAX_NOTES ? p->p_filesz : MAX_NOTES;
	size_t align = p->p_align == 8 ? 8 : 4;
	unsigned char *buf = malloc(len + 1);
	size_t pos = 0;
	int err;

	if (!buf)
		return -ENOMEM;
	err = read_at(e->fd, buf, len, p->p_offset);
	while (!err) {
		Elf64_Nhdr n;
		size_t name, desc;

		err = -ENOENT;
		if (len - pos < sizeof(n))
			break;
		memcpy(&n, buf + pos, sizeof(n));
		name = pos + sizeof(n);
		/* Sizes are of 32 bits, so these sums of 64 do not wrap. */
		desc = (name + n.n_namesz + align - 1) & ~(align - 1);
		pos = (desc + n.n_descsz + align - 1) & ~(align - 1);
		if (desc + n.n_descsz > len)
			break;
		if (n.n_type == WEFT_UNIT_NOTE_TYPE && n.n_namesz == 5 &&
		    !memcmp(buf + name, "weft", 5) && n.n_descsz >= sizeof(*note)) {
			memcpy(note, buf + desc, sizeof(*note));
			*at = p->p_vaddr + desc;
			err = 0;
			break;
		}
		if (pos <= len)
			err = 0;
	}
	free(buf);
	return err;
}

static int64_t sign_extend(uint64_t v, int bits)
{
	return (int64_t)(v << (64 - bits)) >> (64 - bits);
}

/* What the instructions at address pc do: load a constant (known, offset) or from a slot. */
static int decode(uint16_t machine, const unsigned char *code, uint64_t pc, struct found *f)
{
	uint32_t insn[2], imm;

	memcpy(insn, code, sizeof(insn));
	if (machine == EM_X86_64) {
		memcpy(&imm, code + 3, sizeof(imm));
		imm = le32toh(imm);
		f->known = !memcmp(code, "\x48\xc7\xc0", 3); /* mov $imm, %rax */
		f->offset = (int32_t)imm;
		f->slot = pc + 7 + (int64_t)(int32_t)imm;
		return f->known || !memcmp(code, "\x48\x8b\x05", 3) ?
			       0 :
			       -ENOENT; /* mov imm(%rip), %rax */
	}
	if (machine == EM_AARCH64) {
		insn[0] = le32toh(insn[0]);
		insn[1] = le32toh(insn[1]);
		/* movz x0, #high, lsl #16; movk x0, #low */
		f->known = (insn[0] & 0xffe0001f) == 0xd2a00000 &&
			   (insn[1] & 0xffe0001f) == 0xf2800000;
		f->offset = (insn[0] >> 5 & 0xffff) << 16 | (insn[1] >> 5 & 0xffff);
		if (f->known)
			return 0;
		/* adrp x0, page; ldr x0, [x0, #offset] */
		if ((insn[0] & 0x9f00001f) != 0x90000000 || (insn[1] & 0xffc003ff) != 0xf9400000)
			return -ENOENT;
		imm = (insn[0] >> 5 & 0x7ffff) << 2 | (insn[0] >> 29 & 3);
		f->slot = (pc & ~0xfffull) + (sign_extend(imm, 21) << 12) +
			  (insn[1] >> 10 & 0xfff) * 8;
		return 0;
	}
	return -ENOENT;
}

static int check_offset(int64_t offset)
{
	/* What a backend accepts; a file that says otherwise is not ours. */
	return offset % 8 || offset > MAX_OFFSET || offset < -MAX_OFFSET ? -ENOENT : 0;
}

static int find_in_file(int fd, struct found *f)
{
	struct weft_unit_note note = { 0 };
	unsigned char code[8];
	struct elf e;
	uint64_t at = 0, pc;
	bool have_base = false;
	unsigned int i;
	int err;

	err = elf_open(&e, fd);
	if (err)
		return err;
	err = -ENOENT;
	for (i = 0; i < e.nr_phdrs && err == -ENOENT; i++)
		if (e.phdr[i].p_type == PT_NOTE)
			err = find_in_segment(&e, &e.phdr[i], &note, &at);
	if (err)
		return err;
	if (note.version != WEFT_UNIT_NOTE_VERSION)
		return -ENOENT;
	for (i = 0; i < e.nr_phdrs && !have_base; i++) {
		have_base = e.phdr[i].p_type == PT_LOAD;
		f->base = (e.phdr[i].p_vaddr - e.phdr[i].p_offset) & ~0xfffull;
	}
	pc = at + offsetof(struct weft_unit_note, code) + note.code;
	err = elf_read(&e, code, sizeof(code), pc);
	if (!err)
		err = decode(e.machine, code, pc, f);
	if (err)
		return err;
	f->word = note.word;
	f->offset += note.word;
	return f->known ? check_offset(f->offset) : 0;
}

int unit_word_find_exe(const char *path, int64_t *tp_offset)
{
	struct found f = { 0 };
	int fd, err;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	err = find_in_file(fd, &f);
	close(fd);
	if (err)
		return err == -EISDIR ? -ENOENT : err;
	if (!f.known)
		return -EAGAIN;
	*tp_offset = f.offset;
	return 0;
}

/* One mapping of a file's beginning, from a line of /proc/PID/maps. */
struct mapping {
	uint64_t start, end;
	char *path;
};

static bool parse_mapping(char *line, struct mapping *m)
{
	uint64_t offset;
	int path = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %*s %*s %n", &m->start, &m->end,
		   &offset, &path) != 3 ||
	    !path)
		return false;
	m->path = line + path;
	m->path[strcspn(m->path, "\n")] = 0;
	return !offset && m->path[0] == '/';
}

/* Opens what is mapped, even if it has been deleted or lies in another mount namespace. */
static int open_mapping(pid_t pid, const struct mapping *m)
{
	char name[PATH_MAX + 32];
	int fd;

	snprintf(name, sizeof(name), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, pid, m->start,
		 m->end);
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) { /* that way needs more privileges than this */
		snprintf(name, sizeof(name), "/proc/%d/root%s", pid, m->path);
		fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	}
	return fd;
}

static int open_memory(pid_t pid)
{
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "/proc/%d/mem", pid);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The word of one mapped file. */
static int find_mapped(pid_t pid, const struct mapping *m, int64_t *offset)
{
	struct found f = { 0 };
	uint64_t slot = 0;
	int fd, err;

	fd = open_mapping(pid, m);
	if (fd < 0)
		return -ENOENT;
	err = find_in_file(fd, &f);
	close(fd);
	if (err)
		return -ENOENT;
	*offset = f.offset;
	if (f.known)
		return 0;
	fd = open_memory(pid);
	if (fd < 0)
		return fd;
	err = read_at(fd, &slot, sizeof(slot), m->start - f.base + f.slot);
	close(fd);
	/*
	 * No word lies at the thread pointer itself: zero is what the file holds before relocation.
	 */
	if (err || !slot)
		return -EAGAIN;
	*offset = (int64_t)slot + f.word;
	return check_offset(*offset);
}

/*
 * The program headers of a process as it runs: how many, 0 if that can't be known; *bias: where it
 * was loaded.
 */
static unsigned int read_phdrs(pid_t pid, int mem, Elf64_Phdr *phdr, uint64_t *bias)
{
	Elf64_auxv_t aux[64] = { 0 };
	uint64_t at = 0, nr = 0;
	char name[32];
	unsigned int i;
	int fd;

	snprintf(name, sizeof(name), "/proc/%d/auxv", pid);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (read(fd, aux, sizeof(aux)) < 0)
		aux[0].a_type = AT_NULL;
	close(fd);
	for (i = 0; i < 64 && aux[i].a_type != AT_NULL; i++) {
		if (aux[i].a_type == AT_PHDR)
			at = aux[i].a_un.a_val;
		if (aux[i].a_type == AT_PHNUM)
			nr = aux[i].a_un.a_val;
	}
	if (!at || nr > MAX_PHDRS || read_at(mem, phdr, nr * sizeof(*phdr), at))
		return 0;
	*bias = 0;
	for (i = 0; i < nr; i++)
		if (phdr[i].p_type == PT_PHDR)
			*bias = at - phdr[i].p_vaddr;
	return nr;
}

/*
 * Is the dynamic linker still at work? It tells debuggers in a structure (link.h: struct r_debug)
 * whose address it leaves in the program's dynamic section.
 */
static bool still_loading(pid_t pid)
{
	Elf64_Phdr phdr[MAX_PHDRS];
	struct r_debug debug = { 0 };
	uint64_t bias, pos = 0, end = 0;
	bool dynamic = false, loaded = false;
	unsigned int nr, i;
	int mem;

	mem = open_memory(pid);
	if (mem < 0)
		return false;
	nr = read_phdrs(pid, mem, phdr, &bias);
	for (i = 0; i < nr; i++) {
		dynamic |= phdr[i].p_type == PT_INTERP;
		if (phdr[i].p_type == PT_DYNAMIC) {
			pos = bias + phdr[i].p_vaddr;
			end = pos + phdr[i].p_memsz;
		}
	}
	for (; dynamic && pos < end; pos += sizeof(Elf64_Dyn)) {
		Elf64_Dyn d;

		if (read_at(mem, &d, sizeof(d), pos) || d.d_tag == DT_NULL)
			break;
		if (d.d_tag == DT_DEBUG && d.d_un.d_ptr &&
		    !read_at(mem, &debug, sizeof(debug), d.d_un.d_ptr))
			loaded = debug.r_map && debug.r_state == RT_CONSISTENT;
	}
	close(mem);
	return dynamic && !loaded;
}

int unit_word_find_copies(pid_t pid, int64_t *tp_offset, unsigned int *copies)
{
	char name[32], exe[PATH_MAX], *line = NULL;
	int64_t words[16];
	bool main_program = false, loading;
	unsigned int nr = 0, i;
	size_t size = 0;
	ssize_t len;
	int result = -ENOENT;
	FILE *maps;

	if (copies)
		*copies = 0;
	snprintf(name, sizeof(name), "/proc/%d/exe", pid);
	len = readlink(name, exe, sizeof(exe) - 1);
	if (len < 0)
		return errno == ENOENT && access("/proc/self", F_OK) == 0 ? -ESRCH : -errno;
	exe[len] = 0;
	snprintf(name, sizeof(name), "/proc/%d/maps", pid);
	/* Asked before the files are looked at: what it loads meanwhile may be missing there. */
	loading = still_loading(pid);
	maps = fopen(name, "re");
	if (!maps)
		return errno == ENOENT ? -ESRCH : -errno;
	while (getline(&line, &size, maps) > 0) {
		struct mapping m;
		int64_t offset;
		int err;

		if (!parse_mapping(line, &m))
			continue;
		err = find_mapped(pid, &m, &offset);
		if (err == -EAGAIN && result)
			result = err;
		if (err)
			continue;
		if (result || (!main_program && !strcmp(m.path, exe)))
			*tp_offset = offset;
		main_program |= !strcmp(m.path, exe);
		result = 0;
		for (i = 0; i < nr && words[i] != offset; i++)
			;
		if (i == nr && nr < sizeof(words) / sizeof(words[0]))
			words[nr++] = offset;
	}
	free(line);
	fclose(maps);
	if (copies)
		*copies = nr;
	return result == -ENOENT && loading ? -EAGAIN : result;
}
