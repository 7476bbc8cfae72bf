/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * http_guests.h - who is connected, and how long each may take
 *
 * libmicrohttpd ends a connection on which nothing comes for a while. Who sends a byte a second holds one forever, and a few of them hold
 * all there are: so there is a limit for the whole request, and one for taking the whole answer.
 */
#ifndef ESPIAL_AGENT_HTTP_GUESTS_H
#define ESPIAL_AGENT_HTTP_GUESTS_H

#include <stdint.h>

#include <microhttpd.h>

#define HTTP_REQUEST_MS 10000 /* from the connection, or the answer before, to the end of the headers */
#define HTTP_ANSWER_MS 60000  /* from there to the end of the answer; who follows the events has no limit */

struct guest;

struct guests {
	struct guest *first;
	uint64_t now_ms; /* CLOCK_MONOTONIC, as guests_hurry() was last told */
};

/* Callbacks of libmicrohttpd: MHD_OPTION_NOTIFY_CONNECTION and _COMPLETED, with the guests as argument. */
void guests_connection(void *arg, struct MHD_Connection *connection, void **context,
		       enum MHD_ConnectionNotificationCode code);
void guests_completed(void *arg, struct MHD_Connection *connection, void **request,
		      enum MHD_RequestTerminationCode code);

/* The headers are there. */
void guests_asked(struct guests *guests, struct MHD_Connection *connection);
/* This one may take as long as it wants. */
void guests_stays(struct MHD_Connection *connection);

/* Shuts the connections of those that took too long, which libmicrohttpd then finds ended. */
void guests_hurry(struct guests *guests, uint64_t now_ms);

#endif
