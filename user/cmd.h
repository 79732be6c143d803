/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The commands: one table (main.c) names each, and help is printed from it. A command gets its own
 * argv (argv[0] is its name) and returns the exit code.
 */
#ifndef WEFT_USER_CMD_H
#define WEFT_USER_CMD_H

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

int cmd_doctor(int argc, char **argv);
int cmd_record(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_events(int argc, char **argv);
int cmd_audit(int argc, char **argv);
int cmd_blame(int argc, char **argv);
int cmd_timeline(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_compare(int argc, char **argv);

/* One line on standard error: "weft: " and the text. A note is no complaint: what is being done. */
void say_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void say_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void say_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
