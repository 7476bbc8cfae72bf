// SPDX-License-Identifier: GPL-2.0-or-later
/* http_guests.c - a list of connections with the time since which each has been at what it does */
#include "agent/http_guests.h"

#include <stdlib.h>
#include <sys/socket.h>

enum phase { ASKS, IS_ANSWERED, STAYS, IS_SHUT };

struct guest {
	struct guest *next, **link;
	struct MHD_Connection *connection;
	uint64_t since_ms;
	enum phase phase;
};

static struct guest *guest_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

/* No memory for one: it is served, and has no limit. */
static void enter(struct guest *guest, enum phase phase, uint64_t now_ms)
{
	if (!guest || guest->phase == IS_SHUT)
		return;
	guest->phase = phase;
	guest->since_ms = now_ms;
}

void guests_connection(void *arg, struct MHD_Connection *connection, void **context,
		       enum MHD_ConnectionNotificationCode code)
{
	struct guests *guests = arg;
	struct guest *guest = *context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		guest = calloc(1, sizeof(*guest));
		*context = guest;
		if (!guest)
			return;
		guest->connection = connection;
		guest->next = guests->first;
		guest->link = &guests->first;
		if (guest->next)
			guest->next->link = &guest->next;
		guests->first = guest;
		enter(guest, ASKS, guests->now_ms);
	} else if (guest) {
		*guest->link = guest->next;
		if (guest->next)
			guest->next->link = guest->link;
		free(guest);
		*context = NULL;
	}
}

void guests_completed(void *arg, struct MHD_Connection *connection, void **request,
		      enum MHD_RequestTerminationCode code)
{
	const struct guests *guests = arg;

	(void)request;
	(void)code;
	enter(guest_of(connection), ASKS, guests->now_ms);
}

void guests_asked(struct guests *guests, struct MHD_Connection *connection)
{
	enter(guest_of(connection), IS_ANSWERED, guests->now_ms);
}

void guests_stays(struct MHD_Connection *connection)
{
	enter(guest_of(connection), STAYS, 0);
}

void guests_hurry(struct guests *guests, uint64_t now_ms)
{
	guests->now_ms = now_ms;
	for (struct guest *guest = guests->first; guest; guest = guest->next) {
		uint64_t limit = guest->phase == ASKS ? HTTP_REQUEST_MS : HTTP_ANSWER_MS;
		const union MHD_ConnectionInfo *info;

		if (guest->phase == STAYS || guest->phase == IS_SHUT || now_ms - guest->since_ms <= limit)
			continue;
		info = MHD_get_connection_info(guest->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
		if (info)
			shutdown(info->connect_fd, SHUT_RDWR);
		guest->phase = IS_SHUT;
	}
}
