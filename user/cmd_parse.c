// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd_parse.c - what the commands share: options with errors in one line, messages
 *
 * argp prints two lines for a wrong option and does not name the right one. So the arguments are looked through before argp
 * sees them. (ARGP_NO_ERRS would silence --help too.)
 */
#include "cmd.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suggest.h"

#define OPTIONS 64

void cmd_usage(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("espial: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(CMD_USAGE);
}

int cmd_cannot(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("espial: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	return CMD_CANNOT;
}

void cmd_unknown_word(const char *what, const char *word, const char *const *words, size_t count)
{
	const char *nearest = suggest_nearest(word, words, count);
	char list[512] = "";
	size_t i, used = 0;

	if (nearest)
		cmd_usage("no %s '%s': did you mean '%s'?", what, word, nearest);
	for (i = 0; i < count && used < sizeof(list); i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "", words[i]);
	cmd_usage("no %s '%s': one of %s", what, word, list);
}

int cmd_close_output(void)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return CMD_OK;
	if (errno == EPIPE)
		return CMD_OK;
	return cmd_cannot("standard output: %s", strerror(errno ? errno : EIO));
}

/* ---- the look before argp's */

/* All long names of a command, argp's own included. */
static size_t long_names(const struct argp_option *options, const char *names[OPTIONS])
{
	size_t count = 0;

	for (; options && (options->name || options->key || options->doc); options++)
		if (options->name && count < OPTIONS - 3)
			names[count++] = options->name;
	names[count++] = "help";
	names[count++] = "usage";
	names[count++] = "version";
	return count;
}

static const struct argp_option *find_long(const struct argp_option *options, const char *name)
{
	for (; options && (options->name || options->key || options->doc); options++)
		if (options->name && strcmp(options->name, name) == 0)
			return options;
	return NULL;
}

/* Does the option, `name` (may be shortened) of `length` letters, take a value? Ends the program when there is no such one. */
static bool check_long(const struct argp *argp, const char *command, const char *name, size_t length,
		       bool has_value)
{
	const struct argp_option *option;
	const char *names[OPTIONS], *found = NULL, *nearest;
	size_t count = long_names(argp->options, names), i, matches = 0;
	char word[64];

	snprintf(word, sizeof(word), "%.*s", (int)length, name);
	for (i = 0; i < count; i++) {
		if (strcmp(names[i], word) == 0) {
			found = names[i];
			matches = 1;
			break;
		}
		if (strncmp(names[i], name, length) == 0) {
			found = names[i];
			matches++;
		}
	}
	if (matches > 1)
		cmd_usage("option --%s is not unique: --%s, or another? See `%s --help`", word, found,
			  command);
	if (!matches) {
		nearest = suggest_nearest(word, names, count);
		if (nearest)
			cmd_usage("no option --%s: did you mean --%s?", word, nearest);
		cmd_usage("no option --%s: `%s --help` lists them", word, command);
	}
	option = find_long(argp->options, found);
	if (has_value && !(option && option->arg))
		cmd_usage("option --%s takes no value", found);
	return option && option->arg && !(option->flags & OPTION_ARG_OPTIONAL);
}

/* A group of one-letter options. Does the last one want the next argument as its value? */
static bool check_short(const struct argp *argp, const char *command, const char *letters)
{
	const struct argp_option *option;

	for (; *letters; letters++) {
		if (*letters == '?' || *letters == 'V')
			continue;
		for (option = argp->options; option && (option->name || option->key || option->doc); option++)
			if (option->key == *letters)
				break;
		if (!option || option->key != *letters)
			cmd_usage("no option -%c: `%s --help` lists them", *letters, command);
		if (option->arg)
			return !letters[1] && !(option->flags & OPTION_ARG_OPTIONAL);
	}
	return false;
}

static void check(const struct argp *argp, int argc, char **argv)
{
	static char help[] = "--help"; /* argp's own letter is -?, which few would try */
	int i;

	for (i = 1; i < argc; i++) {
		const char *arg = argv[i], *equals = strchr(arg, '=');
		bool wants;

		if (strcmp(arg, "--") == 0)
			return;
		if (arg[0] != '-' || !arg[1])
			continue;
		if (strcmp(arg, "-h") == 0) {
			argv[i] = help;
			continue;
		}
		if (arg[1] == '-')
			wants = check_long(argp, argv[0], arg + 2,
					   equals ? (size_t)(equals - arg - 2) : strlen(arg + 2), equals) &&
				!equals;
		else
			wants = check_short(argp, argv[0], arg + 1);
		if (wants && ++i == argc)
			cmd_usage("option %s wants a value: see `%s --help`", arg, argv[0]);
	}
}

void cmd_parse(const struct argp *argp, int argc, char **argv, void *input)
{
	error_t err;

	check(argp, argc, argv);
	err = argp_parse(argp, argc, argv, 0, NULL, input);
	if (err)
		cmd_usage("%s: wrong arguments: see `%s --help`", argv[0], argv[0]);
}
