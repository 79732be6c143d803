/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finding a program's current-unit word: where, from the thread pointer, each of its threads keeps
 * the id of the unit that it runs (include/weft/unit_word.h). Works on stripped files and needs no help
 * from the program.
 */
#ifndef WEFT_USER_UNIT_WORD_H
#define WEFT_USER_UNIT_WORD_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Of an executable file. 0 and *tp_offset (bytes, as for backend_ops.unit_word); -ENOENT: it has no
 * units (or is no ELF file); -EAGAIN: it has, but only the running process can tell where; another
 * -errno: can't be read.
 */
int unit_word_find_exe(const char *path, int64_t *tp_offset);

/*
 * Of a running process: of its program, else of its libraries. Finds its files in whatever mount
 * namespace it lives. As above; -EAGAIN: the dynamic linker is not done yet, try again a little
 * later; -ESRCH: no such process. *copies (unless NULL): how many different words the process has;
 * with more than one, parts of it keep their units apart, and the answer is the program's, or the
 * first library's.
 */
int unit_word_find_copies(pid_t pid, int64_t *tp_offset, unsigned int *copies);

static inline int unit_word_find_pid(pid_t pid, int64_t *tp_offset)
{
	return unit_word_find_copies(pid, tp_offset, NULL);
}

#endif
