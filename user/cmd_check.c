// SPDX-License-Identifier: GPL-2.0-or-later
/* cmd_check.c - espial check: what this host offers and lacks */
#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "export/check_json.h"
#include "export/text.h"
#include "source/bpf_check.h"
#include "source/check.h"
#include "source/vici.h"
#include "ui/check_text.h"

#define INTERFACES_MOST 64
#define DAEMON_WAIT_MS 1500 /* all of it is to take less than two seconds */

enum { KEY_JSON = 0x100, KEY_EXIT_CODE, KEY_VICI };

struct check_arguments {
	const char *interfaces[INTERFACES_MOST], *sockets[VICI_DAEMONS_MOST];
	size_t interface_count, socket_count;
	bool json, exit_code;
};

static const struct argp_option options[] = {
	{.name = "interface",
	 .key = 'i',
	 .arg = "NAME",
	 .doc = "look at this interface; may be repeated (default: all that are up but loopback)"},
	{.name = "vici",
	 .key = KEY_VICI,
	 .arg = "SOCKET",
	 .doc = "strongSwan's VICI socket; may be repeated (default " VICI_DEFAULT_SOCKET ")"},
	{.name = "json", .key = KEY_JSON, .doc = "everything as one JSON object"},
	{.name = "exit-code", .key = KEY_EXIT_CODE, .doc = "end with status 1 when something lacks"},
	{0},
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct check_arguments *arguments = state->input;

	switch (key) {
	case 'i':
		if (arguments->interface_count == INTERFACES_MOST)
			cmd_usage("--interface '%s': at most %d of them", value, INTERFACES_MOST);
		if (!*value || strlen(value) >= IFNAMSIZ)
			cmd_usage("--interface '%s': a name has 1 to %d letters", value, IFNAMSIZ - 1);
		arguments->interfaces[arguments->interface_count++] = value;
		return 0;
	case KEY_VICI:
		if (arguments->socket_count == VICI_DAEMONS_MOST)
			cmd_usage("--vici '%s': at most %d of them", value, VICI_DAEMONS_MOST);
		if (!*value || strlen(value) > 107)
			cmd_usage("--vici '%s': the path of a socket has 1 to 107 letters", value);
		arguments->sockets[arguments->socket_count++] = value;
		return 0;
	case KEY_JSON:
		arguments->json = true;
		return 0;
	case KEY_EXIT_CODE:
		arguments->exit_code = true;
		return 0;
	case ARGP_KEY_ARG:
		cmd_usage("'%s': an interface is named with -i %s", value, value);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int look(const struct check_arguments *arguments, struct check_host *host)
{
	const char *missing = NULL;
	int err = check_look_at_interfaces(arguments->interfaces, arguments->interface_count, host, &missing);

	if (err == -ENODEV && missing) {
		struct text clean = {0};
		char *shown;

		text_clean(&clean, missing);
		shown = text_take(&clean, NULL);
		cmd_cannot(
			"interface %s: there is none of that name in this network namespace: see `ip link`",
			shown ? shown : "");
		free(shown);
		return CMD_CANNOT;
	}
	if (err)
		return cmd_cannot("interfaces: the kernel does not list them: %s", strerror(-err));
	check_look_at_host(host);
	check_look_at_namespaces(host);
	check_look_at_daemons(arguments->sockets, arguments->socket_count, DAEMON_WAIT_MS, host);
	bpf_check_look(host);
	return CMD_OK;
}

static int print_json(const struct check_host *host, const struct check_rows *rows)
{
	struct ui_options ui;
	size_t length;
	char *text;

	ui_options_detect(stdout, &ui);
	text = check_json(host, rows, ui.width != 0, &length);
	if (!text)
		return cmd_cannot("out of memory");
	fwrite(text, 1, length, stdout);
	if (!ui.width)
		fputc('\n', stdout);
	free(text);
	return CMD_OK;
}

static int print(const struct check_arguments *arguments, const struct check_host *host,
		 const struct check_rows *rows)
{
	struct ui_options ui;

	if (arguments->json)
		return print_json(host, rows);
	ui_options_detect(stdout, &ui);
	ui_print_check(stdout, host, rows, &ui);
	return CMD_OK;
}

static bool lacks(const struct check_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		if (rows->row[i].status >= CHECK_LACK)
			return true;
	return false;
}

int cmd_check(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "What this host offers and lacks for espial: kernel, privileges, hooks and who holds "
		       "them, "
		       "offloads, "
		       "IKE daemons.\vChanges and attaches nothing. Works without privileges, and then says "
		       "what "
		       "it could not see.",
	};
	struct check_arguments arguments = {0};
	struct check_rows rows = {0};
	struct check_host host = {0};
	int status, closed;

	cmd_parse(&argp, argc, argv, &arguments);
	status = look(&arguments, &host);
	if (status == CMD_OK)
		status = check_judge(&host, &rows) ? cmd_cannot("out of memory")
						   : print(&arguments, &host, &rows);
	if (status == CMD_OK && arguments.exit_code && lacks(&rows))
		status = CMD_FINDINGS;
	closed = cmd_close_output();
	check_rows_free(&rows);
	free(host.interfaces);
	return closed ? closed : status;
}
