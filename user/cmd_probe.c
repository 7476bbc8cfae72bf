// SPDX-License-Identifier: GPL-2.0-or-later
/* cmd_probe.c - espial probe: measures the path to a peer, or through a tunnel, once */
#include "cmd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "cmd_mtu.h"
#include "cmd_probe.h"
#include "ui/progress.h"
#include "ui/ui.h"

enum {
	OPTION_THROUGH = 0x100,
	OPTION_SOURCE,
	OPTION_TARGET,
	OPTION_SOCKET,
	OPTION_PEER_AGENT,
	OPTION_HOPS,
	OPTION_MAX_HOPS,
	OPTION_ESP,
	OPTION_MODE,
	OPTION_NATT,
	OPTION_MAX_SIZE,
	OPTION_RATE,
	OPTION_PACKETS,
	OPTION_TIME,
	OPTION_CONFIRM,
	OPTION_UNPRIVILEGED,
	OPTION_JSON,
	OPTION_EXIT_CODE,
};

static const struct argp_option option_table[] = {
	{.doc = "What to measure:"},
	{.name = "source",
	 .key = OPTION_SOURCE,
	 .arg = "ADDRESS",
	 .doc = "Our address; default: the kernel's choice"},
	{.name = "through",
	 .key = OPTION_THROUGH,
	 .arg = "TUNNEL",
	 .doc = "Measure inside a tunnel that the running agent knows, or from --source to --target, and "
		"call it "
		"by this name"},
	{.name = "target",
	 .key = OPTION_TARGET,
	 .arg = "ADDRESS",
	 .doc = "With --through: a host behind the peer; default: the first that the tunnel carries packets "
		"to"},
	{.name = "socket",
	 .key = OPTION_SOCKET,
	 .arg = "PATH",
	 .doc = "With --through: the agent's socket (default " CMD_DEFAULT_SOCKET ")"},
	{.name = "peer-agent",
	 .key = OPTION_PEER_AGENT,
	 .arg = "URL",
	 .doc = "The peer's agent, http://HOST[:PORT] or a socket: the path MTU that it measured the other "
		"way"},
	{.name = "hops", .key = OPTION_HOPS, .doc = "The routers on the way, and the MTU up to each"},
	{.name = "ipv4", .key = '4', .doc = "Of a name, the IPv4 address"},
	{.name = "ipv6", .key = '6', .doc = "Of a name, the IPv6 address"},
	{.doc = "The SA whose sizes are computed:"},
	{.name = "esp",
	 .key = OPTION_ESP,
	 .arg = "PROPOSAL",
	 .doc = "ESP, as strongSwan writes it; default " PROBE_PROPOSAL},
	{.name = "mode",
	 .key = OPTION_MODE,
	 .arg = "MODE",
	 .doc = "tunnel, transport or beet; default tunnel"},
	{.name = "natt", .key = OPTION_NATT, .doc = "UDP encapsulation; else both are told"},
	{.doc = "Limits:"},
	{.name = "rate", .key = OPTION_RATE, .arg = "N", .doc = "Packets per second, 1 to 1000; default 50"},
	{.name = "packets", .key = OPTION_PACKETS, .arg = "N", .doc = "In all, 10 to 60000; default 1500"},
	{.name = "time", .key = OPTION_TIME, .arg = "SECONDS", .doc = "In all, 1 to 600; default 30"},
	{.name = "confirm",
	 .key = OPTION_CONFIRM,
	 .arg = "N",
	 .doc = "Packets at the MTU found, and one byte above it, 1 to 100; default 5"},
	{.name = "max-size",
	 .key = OPTION_MAX_SIZE,
	 .arg = "BYTES",
	 .doc = "Largest packet, 576 to 65535; default: the MTU of the interface"},
	{.name = "max-hops", .key = OPTION_MAX_HOPS, .arg = "N", .doc = "With --hops, 1 to 64; default 30"},
	{.name = "unprivileged",
	 .key = OPTION_UNPRIVILEGED,
	 .doc = "Only what needs no privileges, although there may be some"},
	{.doc = "Output:"},
	{.name = "json", .key = OPTION_JSON, .doc = "Everything, exactly, as JSON"},
	{.name = "exit-code",
	 .key = OPTION_EXIT_CODE,
	 .doc = "End with 1 when something was found that is a warning or worse"},
	{0},
};

static unsigned int parse_count(const char *option, const char *value, unsigned int min, unsigned int max)
{
	size_t digits = strspn(value, "0123456789");
	unsigned long number = digits && !value[digits] && digits < 9 ? strtoul(value, NULL, 10) : max + 1UL;

	if (number < min || number > max)
		cmd_usage("option --%s wants a number from %u to %u, not '%s'", option, min, max, value);
	return (unsigned int)number;
}

static void parse_esp(struct probe_request *q, const char *text)
{
	struct mtu_proposal_fault fault;

	if (mtu_proposal_parse(MTU_ESP, text, &q->spec.proposal, &fault))
		mtu_refuse_proposal(MTU_ESP, text, &fault);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct probe_request *q = state->input;
	struct probe_options *o = &q->options;

	switch (key) {
	case OPTION_SOURCE:
		o->source = arg;
		return 0;
	case OPTION_THROUGH:
		q->through = arg;
		return 0;
	case OPTION_TARGET:
		q->target = arg;
		return 0;
	case OPTION_SOCKET:
		q->socket = arg;
		return 0;
	case OPTION_PEER_AGENT:
		q->peer_agent = arg;
		return 0;
	case OPTION_HOPS:
		o->hops = true;
		return 0;
	case '4':
	case '6':
		if (o->family && o->family != key - '0')
			cmd_usage("--ipv4 or --ipv6, not both");
		o->family = key - '0';
		return 0;
	case OPTION_ESP:
		q->proposal = arg;
		return 0;
	case OPTION_MODE:
		q->spec.mode = mtu_parse_mode(arg);
		return 0;
	case OPTION_NATT:
		q->spec.encapsulation = MTU_UDP;
		return 0;
	case OPTION_RATE:
		o->rate = parse_count("rate", arg, 1, PROBE_RATE_MAX);
		return 0;
	case OPTION_PACKETS:
		o->packets = parse_count("packets", arg, 10, PROBE_PACKETS_MAX);
		return 0;
	case OPTION_TIME:
		o->time = parse_count("time", arg, 1, PROBE_TIME_MAX);
		return 0;
	case OPTION_CONFIRM:
		o->confirm = parse_count("confirm", arg, 1, PROBE_CONFIRM_MAX);
		return 0;
	case OPTION_MAX_SIZE:
		o->max_size = mtu_parse_number("max-size", arg, PROBE_SIZE_MIN, PROBE_SIZE_MAX);
		return 0;
	case OPTION_MAX_HOPS:
		o->max_hops = parse_count("max-hops", arg, 1, PROBE_HOPS_MAX);
		return 0;
	case OPTION_UNPRIVILEGED:
		o->unprivileged = true;
		return 0;
	case OPTION_JSON:
		q->json = true;
		return 0;
	case OPTION_EXIT_CODE:
		q->exit_code = true;
		return 0;
	case ARGP_KEY_ARG:
		if (o->peer)
			cmd_usage("one peer at a time: '%s' or '%s'", o->peer, arg);
		o->peer = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = option_table,
	.parser = parse_option,
	.args_doc = "PEER\n--through TUNNEL",
	.doc = "Measures the path to an IPsec peer: its MTU by packets that must not be fragmented, whether "
	       "anyone tells of "
	       "packets that are too large, whether fragments, UDP 500, UDP 4500 and protocol 50 get "
	       "through, and what ESP "
	       "leaves for inner packets. IKE messages of a version that does not exist make the peer answer "
	       "and leave "
	       "nothing behind.\vFor example: espial probe vpn.example.net",
};

/* ---- sizes */

void probe_sizes(const struct probe_request *q, const struct probe_result *r, unsigned int mtu, bool natt,
		 struct probe_sizes *ret)
{
	struct mtu_spec spec = q->spec;
	unsigned int inner;

	*ret = (struct probe_sizes){0};
	if (q->through) {
		/* What was measured is inside already */
		*ret = (struct probe_sizes){mtu, mtu_mss(mtu, 4), mtu_mss(mtu, 6)};
		return;
	}
	spec.outer = r->target.family;
	spec.encapsulation = natt ? MTU_UDP : spec.encapsulation;
	if (mtu && mtu_solve(&spec, mtu, &inner) == 0)
		*ret = (struct probe_sizes){inner, mtu_mss(inner, 4), mtu_mss(inner, 6)};
}

/* ---- and the run */

static int on_progress(void *context, const struct probe_progress *p)
{
	progress_update(context, p->what, p->bytes, 0);
	return 0;
}

/* What is no URL would be taken for the path of a socket. */
static void check_peer_agent(const char *where)
{
	const char *host = where + strlen(CLIENT_HTTP);

	if (strncmp(where, CLIENT_HTTP, strlen(CLIENT_HTTP)) == 0 ? strchr("/:", *host) != NULL
								  : strstr(where, "://") != NULL)
		cmd_usage("--peer-agent %s is no URL of an agent: http://HOST[:PORT]", where);
	if (!strchr(where, '/'))
		cmd_usage(
			"--peer-agent %s: with http:// in front when it is a host, or with a path when it is "
			"a socket",
			where);
}

static void check_request(struct probe_request *q)
{
	struct probe_options *o = &q->options;
	const char *conflict;

	if (q->through) {
		if (o->peer)
			cmd_usage("'%s': with --through the other end is given by --target", o->peer);
		if (q->peer_agent)
			cmd_usage("--peer-agent is about the path outside: leave out --through");
		if (q->proposal || q->spec.encapsulation || q->spec.mode)
			cmd_usage("--through measures inside the tunnel: --esp, --mode and --natt are for "
				  "the path outside");
		o->inside = true;
	} else if (q->target) {
		cmd_usage("--target is for --through TUNNEL; a peer is given without an option: espial probe "
			  "%s",
			  q->target);
	}
	if (q->peer_agent)
		check_peer_agent(q->peer_agent);
	if (q->socket && !q->through)
		cmd_usage("--socket is for --through: nobody else asks the agent of this host");
	if (!o->peer && !q->through)
		cmd_usage("which peer? For example `espial probe vpn.example.net`");
	parse_esp(q, q->proposal ? q->proposal : PROBE_PROPOSAL);
	q->spec.outer = o->family ? o->family : 4;
	conflict = mtu_conflict(&q->spec);
	if (conflict)
		cmd_usage("%s", conflict);
}

static bool is_warning(const struct probe_finding *f)
{
	return strcmp(f->severity, "info") != 0;
}

int cmd_probe(int argc, char **argv)
{
	struct probe_request q = {.options = {.rate = PROBE_RATE_DEFAULT,
					      .packets = PROBE_PACKETS_DEFAULT,
					      .time = PROBE_TIME_DEFAULT,
					      .confirm = PROBE_CONFIRM_DEFAULT,
					      .max_hops = PROBE_HOPS_DEFAULT}};
	struct probe_told told = {0};
	struct probe_result *result;
	struct probe_peer peer;
	struct progress progress;
	struct ui_options terminal;
	char error[512] = "";
	size_t i;
	int err, status;
	bool warned = false;

	cmd_parse(&argp, argc, argv, &q);
	check_request(&q);
	status = q.through ? probe_find_through(&q) : CMD_OK;
	if (status)
		return status;
	if (q.through)
		q.options.peer = q.target;
	result = malloc(sizeof(*result));
	if (!result)
		return cmd_cannot("out of memory");
	ui_options_detect(stderr, &terminal);
	progress_begin(&progress, stderr, terminal.width);
	q.options.progress = on_progress;
	q.options.context = &progress;
	err = probe_run(&q.options, result, error, sizeof(error));
	progress_end(&progress);
	if (err) {
		free(result);
		return cmd_cannot("%s", error);
	}
	if (*q.note && result->note_count < PROBE_NOTES)
		memcpy(result->notes[result->note_count++], q.note, sizeof(q.note));
	if (q.peer_agent) {
		probe_ask_peer(&q, result, &peer);
		told.peer = &peer;
	}
	told.result = result;
	probe_find_ways(result, told.peer, &told.ways);
	told.count = probe_findings(&q, result, &told.ways, told.findings);
	status = q.json ? probe_print_json(&q, &told) : probe_print_text(&q, &told);
	if (status == CMD_OK)
		status = cmd_close_output();
	for (i = 0; i < told.count; i++)
		warned |= is_warning(&told.findings[i]);
	free(result);
	return status ? status : q.exit_code && warned ? CMD_FINDINGS : CMD_OK;
}
