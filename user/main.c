// SPDX-License-Identifier: GPL-2.0-or-later
/* main.c - the table of commands */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct command {
	const char *name;
	int (*function)(int argc, char **argv);
	const char *help;
} commands[] = {
	{"run", cmd_run, "the agent: watch interfaces, count, answer"},
	{"status", cmd_status, "what is there now, from the running agent"},
	{"events", cmd_events, "IKE messages and ICMP errors that the agent saw"},
	{"journal", cmd_journal, "what happened to the tunnels, kept on disk; traffic over time"},
	{"diagnose", cmd_diagnose, "what is wrong now, why, and what to do"},
	{"compare", cmd_compare, "two ends of a tunnel: what one sent and the other did not get"},
	{"read", cmd_read, "the same analysis of pcap and pcapng files, without privileges"},
	{"explain", cmd_explain, "logs of IKE daemons and routers: what is wrong, why, what to do"},
	{"mtu", cmd_mtu, "overhead, inner MTU and MSS of a set of transforms, exactly"},
	{"probe", cmd_probe, "measure the path to a peer: MTU, fragments, ports; seconds, no agent"},
	{"detach", cmd_detach, "remove what agents left in the kernel: programs, tables"},
	{"check", cmd_check, "what this host offers and lacks: kernel, hooks, privileges, daemons"},
};

static void print_help(FILE *out)
{
	size_t i;

	fputs("espial watches IPsec from the packets themselves.\n\n"
	      "Usage: espial COMMAND [OPTION...]\n\nCommands:\n",
	      out);
	for (i = 0; i < COUNT(commands); i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].help);
	fputs("  help     of a command: espial help COMMAND\n\n"
	      "Options:\n"
	      "  -h, --help     this list\n"
	      "  -V, --version  the version\n\n"
	      "Exit status: 0; 1 findings, with --exit-code; 2 usage; 3 cannot run, with the reason and the "
	      "remedy.\n",
	      out);
}

static const struct command *find(const char *name)
{
	const char *names[COUNT(commands) + 1];
	size_t i;

	for (i = 0; i < COUNT(commands); i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
		names[i] = commands[i].name;
	}
	names[i++] = "help";
	cmd_unknown_word("command", name, names, i);
}

static int run(const struct command *command, int argc, char **argv)
{
	char name[64];

	snprintf(name, sizeof(name), "espial %s", command->name);
	argv[0] = name;
	return command->function(argc, argv);
}

static int help(int argc, char **argv)
{
	char option[] = "--help", *args[] = {argv[0], option, NULL};

	if (argc < 2 || strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return cmd_close_output();
	}
	return run(find(argv[1]), 2, args);
}

int main(int argc, char **argv)
{
	argp_program_version = "espial " ESPIAL_VERSION;
	argp_err_exit_status = CMD_USAGE;
	/* A reader that went away ends a command by its write error, which is told apart from others. */
	signal(SIGPIPE, SIG_IGN);

	if (argc < 2) {
		print_help(stderr);
		return CMD_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_help(stdout);
		return cmd_close_output();
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		puts(argp_program_version);
		return cmd_close_output();
	}
	if (argv[1][0] == '-') {
		static const char *const options[] = {"--help", "--version"};

		cmd_unknown_word("option", argv[1], options, COUNT(options));
	}
	if (strcmp(argv[1], "help") == 0)
		return help(argc - 1, argv + 1);
	return run(find(argv[1]), argc - 1, argv + 1);
}
