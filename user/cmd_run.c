// SPDX-License-Identifier: GPL-2.0-or-later
/* cmd_run.c - espial run: the agent */
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "cmd.h"
#include "config.h"

#define KEY_FIRST 0x100 /* argp's keys of the settings: beyond any letter */
#define KEY_CONFIG 0xff
#define OPTIONS 32

struct run_arguments {
	struct config_list list;
	const char *file;
};

/* An option may also be given by its letter. */
static int find_key(int key)
{
	const struct config_key *keys;
	size_t count, i;

	keys = config_keys(&count);
	if (key >= KEY_FIRST && key < KEY_FIRST + (int)count)
		return key - KEY_FIRST;
	for (i = 0; i < count; i++)
		if (keys[i].letter && keys[i].letter == key)
			return (int)i;
	return -1;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct run_arguments *arguments = state->input;
	int setting;

	if (key == KEY_CONFIG) {
		arguments->file = value;
		return 0;
	}
	if (key == ARGP_KEY_ARG)
		cmd_usage("'%s': run takes options only: an interface is given with -i %s", value, value);
	setting = find_key(key);
	if (setting < 0)
		return ARGP_ERR_UNKNOWN;
	if (config_give(&arguments->list, (size_t)setting, value ? value : "yes") != 0)
		cmd_usage("too many options: put them into a file, for --config");
	return 0;
}

static void make_options(struct argp_option options[OPTIONS])
{
	const struct config_key *keys;
	size_t count, i;

	keys = config_keys(&count);
	memset(options, 0, OPTIONS * sizeof(options[0]));
	for (i = 0; i < count && i < OPTIONS - 2; i++)
		options[i] = (struct argp_option){
			.name = keys[i].name,
			.key = keys[i].letter ? keys[i].letter : KEY_FIRST + (int)i,
			.arg = keys[i].argument + (keys[i].argument[0] == '?'),
			.flags = keys[i].argument[0] == '?' ? OPTION_ARG_OPTIONAL : 0,
			.doc = keys[i].help,
		};
	options[i] = (struct argp_option){.name = "config",
					  .key = KEY_CONFIG,
					  .arg = "FILE",
					  .doc = "read these settings from section [run] of FILE"};
}

int cmd_run(int argc, char **argv)
{
	struct argp_option options[OPTIONS];
	struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Watches IPsec on the interfaces of this host, and answers `espial status` and "
		       "Prometheus.\v"
		       "Options win over the file. SIGHUP reads the file again. -i may be repeated. Runs in "
		       "the foreground until "
		       "SIGTERM or Ctrl-C, and then leaves nothing behind unless --keep says so.",
	};
	struct run_arguments arguments = {.list.count = 0};
	struct agent_options agent = {0};
	char error[CONFIG_ERROR];
	int err;

	make_options(options);
	cmd_parse(&argp, argc, argv, &arguments);
	err = config_build(arguments.file, &arguments.list, &agent.config, error, sizeof(error));
	if (err == -EINVAL)
		cmd_usage("%s", error);
	if (err)
		return cmd_cannot("%s", error);
	agent.file = arguments.file;
	agent.list = &arguments.list;
	log_init(&agent.log);
	err = agent_run(&agent, error, sizeof(error));
	return err ? cmd_cannot("%s", error) : CMD_OK;
}
