/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmd_read.c - espial read: the analysis of capture files, without privileges */
#include "cmd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "diagnose/diagnosis.h"
#include "export/export.h"
#include "source/capfile.h"
#include "source/offline.h"
#include "source/prefixes.h"
#include "export/text.h"
#include "ui/finding_text.h"
#include "ui/format.h"
#include "ui/progress.h"
#include "ui/ui.h"

#ifndef ESPIAL_VERSION
#define ESPIAL_VERSION "unknown"
#endif

struct read_options {
	char **files;
	int file_count;
	const char *view;
	struct prefixes local;
	bool json, final, diagnose, exit_code;
};

enum {
	OPTION_VIEW = 0x100,
	OPTION_JSON,
	OPTION_FINAL,
	OPTION_LOCAL,
	OPTION_DIAGNOSE,
	OPTION_EXIT_CODE,
};

static const struct argp_option option_table[] = {
	{.name = "view",
	 .key = OPTION_VIEW,
	 .arg = "VIEW",
	 .doc = "What to show: tunnels, sas, ike, interfaces or self; else a summary"},
	{.name = "json", .key = OPTION_JSON, .doc = "Everything, exactly, as JSON; not together with --view"},
	{.name = "diagnose",
	 .key = OPTION_DIAGNOSE,
	 .doc = "What is wrong in it, or was for a time, why, and what to do; with --view that, too"},
	{.name = "exit-code",
	 .key = OPTION_EXIT_CODE,
	 .doc = "End with status 1 when a finding is, or was, a warning or worse"},
	{.name = "final",
	 .key = OPTION_FINAL,
	 .doc = "Nothing more will come: count numbers that are still missing at the end as lost"},
	{.name = "local",
	 .key = OPTION_LOCAL,
	 .arg = "ADDRESS[/LENGTH]",
	 .doc = "An address of the gateway whose view this is; may be given several times. Else the end that "
		"begins "
		"counts as local"},
	{0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct read_options *o = state->input;
	const char *const *views;
	size_t count, i;
	int err;

	switch (key) {
	case OPTION_VIEW:
		views = ui_view_words(&count);
		for (i = 0; i < count && strcmp(views[i], arg) != 0; i++)
			;
		if (i == count)
			cmd_unknown_word("view", arg, views, count);
		o->view = views[i];
		return 0;
	case OPTION_JSON:
		o->json = true;
		return 0;
	case OPTION_DIAGNOSE:
		o->diagnose = true;
		return 0;
	case OPTION_EXIT_CODE:
		o->exit_code = true;
		return 0;
	case OPTION_FINAL:
		o->final = true;
		return 0;
	case OPTION_LOCAL:
		err = prefixes_add(&o->local, arg);
		if (err == -ENOSPC)
			cmd_usage("--local: more than %d addresses", PREFIXES_MAX);
		if (err)
			cmd_usage("--local: `%s` is not ADDRESS or ADDRESS/LENGTH, like 198.51.100.7 or "
				  "2001:db8::/64",
				  arg);
		return 0;
	case ARGP_KEY_ARGS:
		o->files = state->argv + state->next;
		o->file_count = state->argc - state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		cmd_usage("no file: `espial read FILE…`, - for standard input");
	case ARGP_KEY_END:
		if (o->json && o->view)
			cmd_usage("--json has everything: leave --view out");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = option_table,
	.parser = parse_option,
	.args_doc = "FILE…",
	.doc = "Reads pcap and pcapng files, also compressed with gzip, in the order given (-: standard "
	       "input), and shows "
	       "their IPsec traffic.\vSeveral files count as one capture. A damaged file is read as far as "
	       "it goes; the "
	       "exit status is then 3.",
};

static bool is_local(void *arg, const uint8_t address[16])
{
	return prefixes_have(arg, address);
}

static void on_progress(void *arg, const char *path, uint64_t offset, uint64_t size)
{
	progress_update(arg, path, offset, size);
}

/* The error names files: what a name contains must not reach the terminal as it is. */
static int cannot_clean(const char *line)
{
	struct text clean = {0};
	char *shown;

	text_clean(&clean, line);
	shown = text_take(&clean, NULL);
	cmd_cannot("%s", shown ? shown : "out of memory");
	free(shown);
	return CMD_CANNOT;
}

static int print_json(const struct state *state, const struct offline *o)
{
	struct export_json_options options = {.ike_verdicts = offline_ike_verdicts(o),
					      .conversations = offline_conversations(o)};
	struct ui_options terminal;
	size_t length;
	char *text;

	ui_options_detect(stdout, &terminal);
	options.pretty = terminal.width != 0;
	text = export_state_json_with(state, &options, &length);
	if (!text)
		return cmd_cannot("out of memory");
	fwrite(text, 1, length, stdout);
	if (!options.pretty)
		fputc('\n', stdout);
	free(text);
	return CMD_OK;
}

static int print_tables(const struct state *state, const struct offline *o, const char *view)
{
	/* Ten thousand IKE SAs or tunnels cost more to write and parse here than their messages did: only for who shows them */
	bool shows_ike = view && strcmp(view, "ike") == 0,
	     shows_tunnels = view && strcmp(view, "tunnels") == 0;
	const struct export_json_options json = {.ike_verdicts = offline_ike_verdicts(o),
						 .conversations = shows_ike ? offline_conversations(o) : NULL,
						 .ike_brief = true,
						 .tunnels_most = shows_tunnels ? 0 : UI_SUMMARY_TUNNELS};
	struct ui_options options;
	size_t length;
	char *text = export_state_json_with(state, &json, &length);
	json_t *document = text ? json_loadb(text, length, 0, NULL) : NULL;
	int err;

	ui_options_detect(stdout, &options);
	err = document ? ui_print_state(stdout, document, view, &options) : -ENOMEM;
	json_decref(document);
	free(text);
	/* A failed write is told once, by cmd_close_output() */
	return document && (!err || ferror(stdout)) ? CMD_OK : cmd_cannot("out of memory");
}

/* What limits the numbers, on stderr: standard output is the same for every reader. */
static void print_notes(const struct offline_notes *notes)
{
	char back[FORMAT_SIZE];

	if (!notes->packets)
		fprintf(stderr, "espial: no packets in what was read\n");
	for (size_t i = 0; i < notes->link_count; i++)
		fprintf(stderr,
			"espial: %" PRIu64 " packets of link type %" PRIu32
			", which espial does not know, counted as other\n",
			notes->links[i].packets, notes->links[i].linktype);
	if (notes->untimed)
		fprintf(stderr,
			"espial: %" PRIu64
			" packets have no time in the file: given that of the packet before\n",
			notes->untimed);
	if (notes->backwards) {
		format_duration(notes->backwards_max_ns, back);
		fprintf(stderr,
			"espial: time goes back %" PRIu64 " times, by up to %s: are the files in order?\n",
			notes->backwards, back);
	}
}

/* ---- what is wrong in it */

struct diagnosing {
	struct diagnosis *diagnosis;
	const struct offline *offline;
};

static int on_look(void *arg, const struct state *state, uint64_t now_ns)
{
	struct diagnosing *d = arg;
	struct diagnose_input input = {.now_ns = now_ns, .state = state};

	input.paths = offline_paths(d->offline, &input.path_count);
	return diagnosis_update(d->diagnosis, &input);
}

/* What still is wrong at the end, and behind it what was: not owned, free `list`. 0 or -ENOMEM. */
static int all_findings(const struct diagnosis *d, struct findings *ret)
{
	const struct findings *parts[] = {diagnosis_raised(d), diagnosis_cleared(d)};
	struct finding **list = calloc(parts[0]->count + parts[1]->count + 1, sizeof(struct finding *));

	if (!list)
		return -ENOMEM;
	*ret = (struct findings){.list = list};
	for (int part = 0; part < 2; part++)
		for (size_t i = 0; i < parts[part]->count; i++)
			list[ret->count++] = parts[part]->list[i];
	return 0;
}

static void print_findings(const struct findings *list, const struct state *state)
{
	static const struct finding_text_options text = {.local_time = true};
	struct ui_options ui;
	size_t up = 0;

	ui_options_detect(stdout, &ui);
	for (size_t i = 0; i < state->tunnel_count; i++)
		up += state->tunnels[i].state == STATE_TUNNEL_UP ||
		      state->tunnels[i].state == STATE_TUNNEL_IDLE;
	if (list->count) {
		ui_print_findings(stdout, list, &text, &ui);
		putchar('\n');
	} else {
		fputs("No findings. ", stdout);
	}
	if (state->tunnel_count)
		printf("%zu tunnel%s, %zu of them up at the end.\n", state->tunnel_count,
		       state->tunnel_count == 1 ? "" : "s", up);
	else
		puts("No tunnel was seen.");
}

static bool is_bad(const struct findings *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->list[i]->severity >= SEVERITY_WARNING)
			return true;
	return false;
}

static int print_state(const struct state *state, struct offline *o, const struct read_options *options,
		       const struct findings *findings)
{
	if (options->json)
		return print_json(state, o);
	if (options->diagnose) {
		print_findings(findings, state);
		if (!options->view)
			return CMD_OK;
		putchar('\n');
	}
	return print_tables(state, o, options->view);
}

static int show(struct offline *o, const struct read_options *options, const struct diagnosis *diagnosis)
{
	struct findings findings = {0};
	struct state state;
	int status;

	if (offline_state(o, &state))
		return cmd_cannot("out of memory");
	snprintf(state.version, sizeof(state.version), "%s", ESPIAL_VERSION);
	state.diagnosis = diagnosis;
	status = !diagnosis || !all_findings(diagnosis, &findings)
			 ? print_state(&state, o, options, &findings)
			 : cmd_cannot("out of memory");
	state_free(&state);
	if (status == CMD_OK)
		status = cmd_close_output();
	if (status == CMD_OK && options->exit_code && is_bad(&findings))
		status = CMD_FINDINGS;
	free(findings.list);
	return status;
}

int cmd_read(int argc, char **argv)
{
	struct read_options options = {0};
	struct ui_options terminal;
	struct progress progress;
	struct offline_options offline_options = {.progress = on_progress, .progress_arg = &progress};
	struct diagnosing diagnosing = {0};
	struct offline *o;
	int status = CMD_OK, opened = 0;
	char **errors;

	cmd_parse(&argp, argc, argv, &options);
	ui_options_detect(stderr, &terminal);
	offline_options.final = options.final;
	if (options.local.count) {
		offline_options.is_local = is_local;
		offline_options.local_arg = &options.local;
	}
	if (options.json || options.diagnose || options.exit_code) {
		diagnosing.diagnosis = diagnosis_new();
		if (!diagnosing.diagnosis)
			return cmd_cannot("out of memory");
		offline_options.look = on_look;
		offline_options.look_arg = &diagnosing;
	}
	errors = calloc((size_t)options.file_count, sizeof(*errors));
	if (!errors || offline_open(&offline_options, &o)) {
		free(errors);
		diagnosis_free(diagnosing.diagnosis);
		return cmd_cannot("out of memory");
	}
	diagnosing.offline = o;
	for (int i = 0; i < options.file_count; i++) {
		uint64_t before = offline_notes(o)->packets;
		char error[CAPFILE_ERROR_MAX];

		progress_begin(&progress, stderr, terminal.width);
		if (!offline_read(o, options.files[i], error, sizeof(error)))
			opened++;
		else {
			errors[i] = strdup(error);
			opened += offline_notes(o)->packets > before;
		}
		progress_end(&progress);
	}
	/* Without any file there is nothing to show; a damaged one is shown as far as it was read */
	if (opened)
		status = show(o, &options, diagnosing.diagnosis);
	for (int i = 0; i < options.file_count; i++) {
		if (errors[i])
			status = cannot_clean(errors[i]);
		free(errors[i]);
	}
	if (opened)
		print_notes(offline_notes(o));
	free(errors);
	diagnosis_free(diagnosing.diagnosis);
	offline_close(o);
	return status;
}
