/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conversation_capture.h - a capture file through the offline twin into the conversation tracker */
#ifndef ESPIAL_TESTS_CONVERSATION_CAPTURE_H
#define ESPIAL_TESTS_CONVERSATION_CAPTURE_H

#include <stdint.h>
#include <string.h>

#include "model/conversation.h"
#include "source/capfile.h"
#include "source/ike_packet.h"
#include "source/twin.h"

struct capture_feed {
	struct twin twin;
	struct conversations *conversations;
	uint64_t last_ns;
};

static void capture_packet(void *arg, const struct twin_packet *packet)
{
	struct capture_feed *feed = arg;
	struct conversation_packet message;

	if (!ike_packet_find(&feed->twin.tables.cfg.ports, packet->ip, packet->captured, packet->length,
			     packet->time_ns, &message))
		return;
	conversation_packet(feed->conversations, &message);
	feed->last_ns = packet->time_ns;
}

/* The last time of an IKE message in it; 0: it cannot be read. */
static uint64_t capture_read(struct conversations *conversations, const char *path)
{
	struct capture_feed feed = {.conversations = conversations};
	struct capfile_reader *reader;
	struct capfile_packet packet;
	char error[CAPFILE_ERROR_MAX];

	if (capfile_open(path, &reader, error, sizeof(error)) < 0)
		return 0;
	if (twin_init(&feed.twin,
		      &(struct twin_options){.sa_slots = 64, .new_sets = 16, .fragment_sets = 16}) == 0) {
		feed.twin.packet = capture_packet;
		feed.twin.packet_arg = &feed;
		while (capfile_next(reader, &packet) == 1)
			twin_frame(&feed.twin, packet.data, packet.caplen, packet.wirelen,
				   twin_link(packet.linktype), packet.ts_ns, 1, ESP_DIR_UNKNOWN, 1, 0, NULL);
		twin_destroy(&feed.twin);
	}
	capfile_close(reader);
	return feed.last_ns;
}

#endif
