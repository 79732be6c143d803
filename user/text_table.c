// SPDX-License-Identifier: GPL-2.0-only
/* A table of text with aligned columns. */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "text_table.h"

#define MAX_COLUMNS 32

struct column {
	const char *group, *title;
	enum text_align align;
	size_t width;
};

struct cell {
	char *text;
	bool line; /* all of a row */
};

struct text_table {
	struct column columns[MAX_COLUMNS];
	size_t nr_columns;
	struct cell *cells;
	size_t nr_cells, room;
	size_t at; /* column of the next cell */
	bool failed;
};

/* Columns on a terminal: bytes that do not continue a UTF-8 sequence. */
static size_t text_width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += (*s & 0xC0) != 0x80;
	return n;
}

char *text_printable(char *text)
{
	unsigned char *p;

	for (p = (unsigned char *)text; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
	return text;
}

struct text_table *text_table_new(void)
{
	return calloc(1, sizeof(struct text_table));
}

void text_table_free(struct text_table *t)
{
	size_t i;

	if (!t)
		return;
	for (i = 0; i < t->nr_cells; i++)
		free(t->cells[i].text);
	free(t->cells);
	free(t);
}

void text_table_column(struct text_table *t, const char *group, const char *title,
		       enum text_align align)
{
	struct column *c;

	if (!t)
		return;
	if (t->nr_columns == MAX_COLUMNS) {
		t->failed = true;
		return;
	}
	c = &t->columns[t->nr_columns++];
	c->group = group ? group : "";
	c->title = title;
	c->align = align;
	c->width = text_width(title);
}

/* Takes text over. */
static void add(struct text_table *t, char *text, bool line)
{
	if (text && t->nr_cells == t->room) {
		size_t room = t->room ? 2 * t->room : 64;
		struct cell *grown = realloc(t->cells, room * sizeof(*grown));

		if (grown) {
			t->cells = grown;
			t->room = room;
		}
	}
	if (!text || t->nr_cells == t->room) {
		free(text);
		t->failed = true;
		return;
	}
	t->cells[t->nr_cells].text = text_printable(text);
	t->cells[t->nr_cells++].line = line;
}

void text_table_cell(struct text_table *t, const char *fmt, ...)
{
	struct column *c;
	va_list ap;
	char *text;
	size_t width;

	if (!t || !t->nr_columns)
		return;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	c = &t->columns[t->at];
	width = text ? text_width(text) : 0;
	if (width > c->width)
		c->width = width;
	add(t, text, false);
	t->at = (t->at + 1) % t->nr_columns;
}

void text_table_line(struct text_table *t, const char *text)
{
	if (t)
		add(t, strdup(text), true);
}

/* The end of the run of columns from `from` that have the same group. */
static size_t group_end(const struct text_table *t, size_t from)
{
	size_t end = from + 1;

	while (end < t->nr_columns && *t->columns[from].group &&
	       !strcmp(t->columns[end].group, t->columns[from].group))
		end++;
	return end;
}

/* A group's title needs room too: its last column gets what is missing. */
static void widths(const struct text_table *t, size_t *width)
{
	size_t from, end, i;

	for (i = 0; i < t->nr_columns; i++)
		width[i] = t->columns[i].width;
	for (from = 0; from < t->nr_columns; from = end) {
		size_t all = 0, title = text_width(t->columns[from].group);

		end = group_end(t, from);
		for (i = from; i < end; i++)
			all += width[i] + (i > from ? 2 : 0);
		if (title > all)
			width[end - 1] += title - all;
	}
}

size_t text_table_width(const struct text_table *t)
{
	size_t width[MAX_COLUMNS], i, all = 0;

	if (!t)
		return 0;
	widths(t, width);
	for (i = 0; i < t->nr_columns; i++)
		all += width[i] + (i ? 2 : 0);
	return all;
}

static void repeat(FILE *f, char c, size_t n)
{
	while (n--)
		fputc(c, f);
}

/* One cell; spaces owed from before are paid only if something follows, so that no line ends in one. */
static void print_cell(FILE *f, const char *text, size_t width, enum text_align align, size_t *owed)
{
	size_t n = text_width(text);
	size_t fill = width > n ? width - n : 0;

	if (!n) {
		*owed += width;
		return;
	}
	repeat(f, ' ', *owed + (align == TEXT_RIGHT ? fill : 0));
	fputs(text, f);
	*owed = align == TEXT_RIGHT ? 0 : fill;
}

/* The line above the titles: each group's name in the middle of its columns, between dashes. */
static void print_groups(const struct text_table *t, const size_t *width, FILE *f)
{
	size_t from, end, owed = 0, i;

	for (from = 0; from < t->nr_columns; from = end) {
		const char *group = t->columns[from].group;
		size_t all = 0, n = text_width(group), dashes;

		end = group_end(t, from);
		for (i = from; i < end; i++)
			all += width[i] + (i > from ? 2 : 0);
		if (!n) {
			owed += all + 2;
			continue;
		}
		repeat(f, ' ', owed);
		owed = 2;
		dashes = all >= n + 4 ? all - n - 2 : 0;
		if (!dashes) {
			repeat(f, ' ', all - n);
			fputs(group, f);
			continue;
		}
		repeat(f, '-', dashes / 2);
		fprintf(f, " %s ", group);
		repeat(f, '-', dashes - dashes / 2);
	}
	fputc('\n', f);
}

int text_table_print(const struct text_table *t, FILE *f)
{
	size_t width[MAX_COLUMNS], i, at = 0, owed = 0;
	bool groups = false;

	if (!t || t->failed)
		return -ENOMEM;
	widths(t, width);
	for (i = 0; i < t->nr_columns; i++)
		groups = groups || *t->columns[i].group;
	if (groups)
		print_groups(t, width, f);
	for (i = 0; i < t->nr_columns; i++) {
		print_cell(f, t->columns[i].title, width[i], t->columns[i].align, &owed);
		owed += 2;
	}
	fputc('\n', f);
	for (i = 0; i < t->nr_cells; i++) {
		if (t->cells[i].line) {
			fprintf(f, "%s\n", t->cells[i].text);
			continue;
		}
		if (at == 0)
			owed = 0;
		print_cell(f, t->cells[i].text, width[at], t->columns[at].align, &owed);
		owed += 2;
		if (++at == t->nr_columns) {
			fputc('\n', f);
			at = 0;
		}
	}
	return 0;
}
