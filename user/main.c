// SPDX-License-Identifier: GPL-2.0-only
/* weft: the table of commands, help printed from it, and the way to the command. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/event.h>
#include "cmd.h"
#include "version.h"

static int cmd_help(int argc, char **argv);

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *what;
} commands[] = {
	{ "doctor", cmd_doctor, "what can be traced here, and what to do about the rest" },
	{ "record", cmd_record, "record a command, processes or everything into a trace" },
	{ "report", cmd_report, "what each process, thread or unit cost" },
	{ "blame", cmd_blame, "where the time of the slowest units went, and who took it" },
	{ "timeline", cmd_timeline, "a stretch of time, one lane per CPU, thread and unit" },
	{ "events", cmd_events, "every event as a line of text" },
	{ "audit", cmd_audit, "hold a trace against the kernel's own books" },
	{ "run", cmd_run, "one job under one model, untraced" },
	{ "compare", cmd_compare, "one job under every model, traced, side by side" },
	{ "help", cmd_help, "this text, or that of a command" },
};

#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct command *command_by_name(const char *name)
{
	size_t i;

	for (i = 0; i < NR_COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static void print_help(FILE *f)
{
	size_t i;

	fprintf(f,
		"usage: weft COMMAND [OPTION...] [ARGUMENT...]\n\n"
		"Traces scheduling, memory mapping and context switches of processes, threads, tasks\n"
		"and coroutines, and shows what each cost as the kernel saw it.\n\n");
	for (i = 0; i < NR_COMMANDS; i++)
		fprintf(f, "  %-10s%s\n", commands[i].name, commands[i].what);
	fprintf(f,
		"\n'weft help COMMAND' tells a command's options, 'weft --version' the version.\n");
}

/* argv[0] becomes "weft NAME": so a command's own help and complaints begin. */
static int run_command(const struct command *c, int argc, char **argv)
{
	char name[32];

	snprintf(name, sizeof(name), "weft %s", c->name);
	argv[0] = name;
	return c->run(argc, argv);
}

static int unknown_command(const char *name)
{
	say_error("there is no command '%s'; 'weft help' lists them", name);
	return EXIT_USAGE;
}

static int cmd_help(int argc, char **argv)
{
	const struct command *c;
	char *help[] = { NULL, (char *)"--help", NULL };

	if (argc > 2) {
		say_error("help takes one command, not %d", argc - 1);
		return EXIT_USAGE;
	}
	if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) {
		print_help(stdout);
		return EXIT_DONE;
	}
	c = command_by_name(argv[1]);
	return c ? run_command(c, 2, help) : unknown_command(argv[1]);
}

/* A result that could not be written is none: full disks show up when the buffer is flushed. */
static void close_stdout(void)
{
	if (fclose(stdout) && errno != EBADF) {
		say_error("cannot write to standard output: %s", strerror(errno));
		_Exit(EXIT_FAILED);
	}
}

int main(int argc, char **argv)
{
	const struct command *c;

	atexit(close_stdout);
	if (argc < 2) {
		say_error("no command given; 'weft help' lists them");
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		print_help(stdout);
		return EXIT_DONE;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("weft %d.%d (event ABI %d)\n", WEFT_VERSION_MAJOR, WEFT_VERSION_MINOR,
		       WEFT_ABI_VERSION);
		return EXIT_DONE;
	}
	c = command_by_name(argv[1]);
	return c ? run_command(c, argc - 1, argv + 1) : unknown_command(argv[1]);
}
