/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd.h - the commands: one function per cmd_*.c, and what they share
 *
 * A command gets argv[0] = "espial NAME" and returns the exit code. Commands print; what is below them does not.
 */
#ifndef ESPIAL_CMD_H
#define ESPIAL_CMD_H

#include <argp.h>
#include <stddef.h>

enum cmd_exit {
	CMD_OK = 0,
	CMD_FINDINGS = 1, /* with --exit-code: a warning or worse */
	CMD_USAGE = 2,
	CMD_CANNOT = 3, /* cannot run: the reason and the remedy were said */
};

#define CMD_DEFAULT_SOCKET "/run/espial/espial.sock"

int cmd_run(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_events(int argc, char **argv);
int cmd_journal(int argc, char **argv);
int cmd_diagnose(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_read(int argc, char **argv);
int cmd_mtu(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_detach(int argc, char **argv);
int cmd_probe(int argc, char **argv);

/*
 * argp_parse() with errors in one line that names the option and the nearest valid one, and exit status 2. Does not return
 * after an error, --help, --usage or --version. Parsers report bad values with cmd_usage(), not argp_error().
 */
void cmd_parse(const struct argp *argp, int argc, char **argv, void *input);

/* "espial: …" and the end of the program, with CMD_USAGE. */
void cmd_usage(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* "espial: …" on stderr; returns CMD_CANNOT. */
int cmd_cannot(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "no WHAT 'WORD'": names the nearest of those that there are, or all. Ends with CMD_USAGE. */
void cmd_unknown_word(const char *what, const char *word, const char *const *words, size_t count)
	__attribute__((noreturn));

/* Everything written and flushed? If not, says so once; returns CMD_OK or CMD_CANNOT. A closed pipe is no error. */
int cmd_close_output(void);

#endif
