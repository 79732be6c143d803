/* weft-build: -Iuser user/unit_word.c */
// SPDX-License-Identifier: GPL-2.0-only
/*
 * Says where a program's current-unit word is: unit_word_probe exe FILE | pid PID. "OFFSET COPIES"
 * or why not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "unit_word.h"

int main(int argc, char **argv)
{
	int64_t offset = 0;
	unsigned int copies = 1;
	int err;

	if (argc != 3)
		return 2;
	if (!strcmp(argv[1], "exe"))
		err = unit_word_find_exe(argv[2], &offset);
	else
		err = unit_word_find_copies(atoi(argv[2]), &offset, &copies);
	if (err) {
		puts(strerrorname_np(-err));
		return 1;
	}
	printf("%lld %u\n", (long long)offset, copies);
	return 0;
}
