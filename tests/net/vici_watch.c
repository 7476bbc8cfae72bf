// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vici_watch.c - what the VICI client makes of daemons: vici_watch DIRECTORY SOCKET...
 *
 * DIRECTORY/N holds what is known of the Nth daemon (0 the first), written anew when it changes; standard output has the events,
 * a line each. Ends by SIGTERM.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/vici.h"

static const char *const kinds[VICI_EVENT_KINDS] = {
	[VICI_IKE_UP] = "ike-up",	    [VICI_IKE_DOWN] = "ike-down",
	[VICI_IKE_REKEY] = "ike-rekey",	    [VICI_IKE_UPDATE] = "ike-update",
	[VICI_CHILD_UP] = "child-up",	    [VICI_CHILD_DOWN] = "child-down",
	[VICI_CHILD_REKEY] = "child-rekey", [VICI_DAEMON_UP] = "daemon-up",
	[VICI_DAEMON_DOWN] = "daemon-down",
};

static void on_event(void *arg, const struct vici_event *event)
{
	const char *const *sockets = arg;
	int index = 0;

	while (strcmp(sockets[index], event->origin) != 0)
		index++;
	printf("%d %s %s", index, kinds[event->kind], event->ike.connection);
	if (*event->child.name)
		printf(" %s in 0x%08x out 0x%08x", event->child.name, event->child.spi_in,
		       event->child.spi_out);
	if (*event->old_child.name)
		printf(" old in 0x%08x", event->old_child.spi_in);
	if (event->kind == VICI_IKE_REKEY)
		printf(" %llu to %llu", (unsigned long long)event->old_ike.unique_id,
		       (unsigned long long)event->ike.unique_id);
	printf(" %s\n", event->why);
}

/* Without what changes all the time. */
static void describe(const struct fact_daemon *d, FILE *out)
{
	fprintf(out, "available %d version %s why %s\n", d->available, d->version, d->why);
	for (size_t i = 0; i < d->connection_count; i++) {
		const struct fact_connection *c = &d->connections[i];

		fprintf(out, "connection %s IKEv%u %s -> %s ids %s %s auth %s children %u\n", c->name,
			c->version, c->local_addresses, c->remote_addresses, c->local_id, c->remote_id,
			c->auth, c->child_count);
	}
	for (size_t i = 0; i < d->child_config_count; i++)
		fprintf(out, "config %s/%s mode %d %s === %s\n", d->child_configs[i].connection,
			d->child_configs[i].name, d->child_configs[i].mode, d->child_configs[i].local_ts,
			d->child_configs[i].remote_ts);
	for (size_t i = 0; i < d->ike_count; i++)
		fprintf(out,
			"ike %s state %d ids %s %s ports %u %u spis 0x%016llx 0x%016llx initiator %d suite "
			"%s\n",
			d->ikes[i].connection, d->ikes[i].state, d->ikes[i].local_id, d->ikes[i].remote_id,
			d->ikes[i].local_port, d->ikes[i].remote_port,
			(unsigned long long)d->ikes[i].initiator_spi,
			(unsigned long long)d->ikes[i].responder_spi, d->ikes[i].initiator, d->ikes[i].suite);
	for (size_t i = 0; i < d->child_count; i++)
		fprintf(out, "child %s/%s state %d in 0x%08x out 0x%08x encap %d suite %s %s === %s\n",
			d->children[i].connection, d->children[i].name, d->children[i].state,
			d->children[i].spi_in, d->children[i].spi_out, d->children[i].encapsulated,
			d->children[i].suite, d->children[i].local_ts, d->children[i].remote_ts);
}

/* By another name first: a reader sees one whole text or another. */
static void write_if_changed(const char *directory, size_t index, const struct fact_daemon *daemon,
			     char **last)
{
	char path[256], fresh[260], *text = NULL;
	size_t length = 0;
	FILE *memory = open_memstream(&text, &length), *out;

	if (!memory)
		exit(1);
	describe(daemon, memory);
	if (fclose(memory) != 0)
		exit(1);
	if (*last && strcmp(*last, text) == 0) {
		free(text);
		return;
	}
	free(*last);
	*last = text;
	snprintf(path, sizeof(path), "%s/%zu", directory, index);
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	out = fopen(fresh, "w");
	if (!out || fputs(text, out) < 0 || fclose(out) != 0 || rename(fresh, path) != 0)
		exit(1);
}

int main(int argc, char **argv)
{
	static char *last[VICI_DAEMONS_MOST];
	struct vici_options options = {
		.sockets = (const char *const *)argv + 2,
		.socket_count = argc > 2 ? (size_t)argc - 2 : 0,
		.deadline_ms = 8000,
		.refresh_ms = 1000,
		.retry_ms = 100,
		.unanswered_ms = 100,
		.event = on_event,
		.arg = argv + 2,
	};
	struct vici *vici;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 3 || vici_open(&options, &vici) != 0)
		return 2;
	for (;;) {
		struct pollfd poll_fd = {.fd = vici_fd(vici), .events = POLLIN};

		(void)poll(&poll_fd, 1, vici_timeout(vici));
		vici_run(vici);
		for (size_t i = 0; i < vici_count(vici); i++) {
			struct fact_daemon daemon;

			vici_snapshot(vici, i, &daemon);
			write_if_changed(argv[1], i, &daemon, &last[i]);
		}
	}
}
