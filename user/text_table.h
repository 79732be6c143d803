/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A table of text: columns as wide as their widest cell, two spaces apart, under a title and, where
 * adjacent columns share one, a group's title above. Running out of memory is remembered and told by
 * text_table_print().
 */
#ifndef WEFT_USER_TEXT_TABLE_H
#define WEFT_USER_TEXT_TABLE_H

#include <stddef.h>
#include <stdio.h>

enum text_align { TEXT_LEFT, TEXT_RIGHT };

struct text_table;

/* NULL if there is no memory; the other functions take that as an empty table without any. */
struct text_table *text_table_new(void);
void text_table_free(struct text_table *t);

/* Adds a column, before the first cell. group: "" or NULL for none. The titles are not copied. */
void text_table_column(struct text_table *t, const char *group, const char *title,
		       enum text_align align);

/*
 * The next cell, row by row. Bytes that would not print are shown as '?': the text may come from a
 * program that was traced.
 */
void text_table_cell(struct text_table *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Between two rows: a line of text of its own (an empty one too), as wide as it is. */
void text_table_line(struct text_table *t, const char *text);

/* Columns of a terminal that the rows take, those of text_table_line() apart. */
size_t text_table_width(const struct text_table *t);

/* 0 or -ENOMEM. Whether f was written is for its owner to ask. */
int text_table_print(const struct text_table *t, FILE *f);

/* Replaces in place what would not print, control bytes above all, by '?'. Returns text. */
char *text_printable(char *text);

#endif
