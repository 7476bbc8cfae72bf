// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/vici_daemon.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define RECEIVE_STEP 16384
#define RECEIVE_MOST (64U * 1024) /* bytes per turn, a millisecond of work: others have their turn too */
#define LISTING_DEADLINES 12	  /* a listing that trickles on for this many deadlines has failed */
#define RETRY_DOUBLINGS 3
#define UNANSWERED_DOUBLINGS 5 /* 10 s to 320 s: each try may hold one of charon's threads */
#define LISTING_SHARE 10       /* of a daemon's time, we take at most one part in this many */
#define LISTING_PAUSE_MS 200   /* events come in groups */
#define CERTS_REFRESHES 6      /* of the connections for one of the certificates */

void vici_daemon_init(struct vici_daemon *d, const struct vici_options *options, const char *path)
{
	memset(d, 0, sizeof(*d));
	d->options = options;
	d->fd = -1;
	snprintf(d->path, sizeof(d->path), "%s", path);
	snprintf(d->why, sizeof(d->why), "not asked yet");
}

void vici_daemon_close(struct vici_daemon *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	free(d->data);
	d->data = NULL;
	d->used = d->room = 0;
	vici_facts_free_configs(&d->facts);
	vici_facts_free_certificates(&d->facts);
	vici_facts_free_sas(&d->facts);
	vici_facts_free_configs(&d->next);
	vici_facts_free_certificates(&d->next);
	vici_facts_free_sas(&d->next);
}

static void tell(struct vici_daemon *d, enum vici_event_kind kind, uint64_t wall_ns)
{
	const struct vici_event event = {
		.kind = kind,
		.time_ns = wall_ns,
		.origin = d->path,
		.why = kind == VICI_DAEMON_DOWN ? d->why : "",
	};

	if (d->options->event)
		d->options->event(d->options->arg, &event);
}

/* ---- away */

static int64_t doubled(unsigned int first, unsigned int times, unsigned int most)
{
	return (int64_t)first << (times < most ? times : most);
}

/* Ends the connection; when to try again depends on how it ended. */
__attribute__((format(printf, 4, 5))) static void leave(struct vici_daemon *d, const struct vici_clock *clock,
							bool unanswered, const char *format, ...)
{
	bool was_available = d->available;
	va_list args;

	va_start(args, format);
	vsnprintf(d->why, sizeof(d->why), format, args);
	va_end(args);
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	d->used = 0;
	d->partial_ms = 0;
	d->changed = false;
	d->certs_ms = 0;
	d->available = false;
	d->tried = true;
	d->step = VICI_STEP_AWAY;
	vici_facts_free_sas(&d->facts);
	vici_facts_free_configs(&d->next);
	vici_facts_free_certificates(&d->next);
	vici_facts_free_sas(&d->next);
	if (unanswered)
		d->wake_ms = clock->now_ms +
			     doubled(d->options->unanswered_ms, d->unanswered++, UNANSWERED_DOUBLINGS);
	else
		d->wake_ms = clock->now_ms + doubled(d->options->retry_ms, d->failures++, RETRY_DOUBLINGS);
	if (was_available)
		tell(d, VICI_DAEMON_DOWN, clock->wall_ns);
}

static const char *connect_reason(int err)
{
	switch (err) {
	case ENOENT:
		return "no such socket: strongSwan is not running here, has no vici plugin, or has its "
		       "socket elsewhere";
	case ECONNREFUSED:
		return "nobody listens on it: the daemon has ended: start strongSwan again";
	case EACCES:
		return "permission denied: the socket is its owner's and group's: join that group";
	case EAGAIN:
		return "too many wait to be let in: the daemon is stuck or overloaded";
	default:
		return strerror(err);
	}
}

static void ask(struct vici_daemon *d, const struct vici_clock *clock, enum vici_step step);

/* Where distributions have it: strongSwan's own place first. */
static void choose_usual(struct vici_daemon *d)
{
	static const char *const paths[] = {VICI_DEFAULT_SOCKET, "/run/strongswan/charon.vici"};
	size_t i = 0;

	while (i + 1 < sizeof(paths) / sizeof(paths[0]) && access(paths[i], F_OK))
		i++;
	snprintf(d->path, sizeof(d->path), "%s", access(paths[i], F_OK) ? paths[0] : paths[i]);
}

int vici_daemon_wake(struct vici_daemon *d, const struct vici_clock *clock)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (d->step != VICI_STEP_AWAY || clock->now_ms < d->wake_ms)
		return 0;
	if (d->usual)
		choose_usual(d);
	memcpy(address.sun_path, d->path, sizeof(address.sun_path));
	d->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (d->fd < 0 || connect(d->fd, (struct sockaddr *)&address, sizeof(address))) {
		leave(d, clock, false, "%s", connect_reason(errno));
		return 0;
	}
	d->event = 0;
	ask(d, clock, VICI_STEP_REGISTER);
	return d->fd >= 0;
}

/* ---- asking */

/* Both requests and registrations are small, and only one is on its way: the socket always has room, if anybody is there. */
static void ask(struct vici_daemon *d, const struct vici_clock *clock, enum vici_step step)
{
	static const char *const commands[] = {
		[VICI_STEP_VERSION] = "version",
		[VICI_STEP_CONNS] = "list-conns",
		[VICI_STEP_CERTS] = "list-certs",
		[VICI_STEP_SAS] = "list-sas",
	};
	uint8_t frame[64];
	size_t size;

	d->step = step;
	d->asked_ms = d->progress_ms = clock->now_ms;
	if (step == VICI_STEP_IDLE)
		return;
	if (step == VICI_STEP_REGISTER)
		size = vici_encode(VICI_EVENT_REGISTER, vici_event_names[d->event], NULL, NULL, frame,
				   sizeof(frame));
	else
		size = vici_encode(VICI_CMD_REQUEST, commands[step], step == VICI_STEP_CERTS ? "type" : NULL,
				   "X509", frame, sizeof(frame));
	if (send(d->fd, frame, size, MSG_NOSIGNAL) != (ssize_t)size)
		leave(d, clock, false, "the daemon ended the connection");
}

/* Something changed: listed soon, but neither at once for each of many, nor so often that it would be work for the daemon. */
static void list_soon(struct vici_daemon *d, const struct vici_clock *clock)
{
	int64_t pause = d->took_ms * LISTING_SHARE, soon;

	soon = d->listed_ms + (pause > LISTING_PAUSE_MS ? pause : LISTING_PAUSE_MS);
	if (soon < clock->now_ms + LISTING_PAUSE_MS / 4)
		soon = clock->now_ms + LISTING_PAUSE_MS / 4;
	if (d->step != VICI_STEP_IDLE)
		d->changed = true; /* what is being listed may have passed it already */
	else if (soon < d->wake_ms)
		d->wake_ms = soon;
}

static void go_idle(struct vici_daemon *d, const struct vici_clock *clock)
{
	ask(d, clock, VICI_STEP_IDLE);
	d->wake_ms = clock->now_ms + d->options->refresh_ms;
	if (d->changed)
		list_soon(d, clock);
	d->changed = false;
}

static void finish_listing(struct vici_daemon *d, const struct vici_clock *clock)
{
	bool first = !d->available;

	vici_facts_free_sas(&d->facts);
	d->facts.ikes = d->next.ikes;
	d->facts.ike_count = d->next.ike_count;
	d->facts.children = d->next.children;
	d->facts.child_count = d->next.child_count;
	d->facts.omitted = d->next.omitted;
	memset(&d->next, 0, sizeof(d->next));
	d->took_ms = clock->now_ms - d->asked_ms;
	d->listed_ms = clock->now_ms;
	d->snapshot_ns = clock->wall_ns;
	d->available = d->tried = true;
	d->failures = d->unanswered = 0;
	*d->why = 0;
	if (d->facts.omitted)
		snprintf(d->why, sizeof(d->why), "%llu of its connections and SAs are beyond what is kept",
			 (unsigned long long)d->facts.omitted);
	go_idle(d, clock);
	if (first)
		tell(d, VICI_DAEMON_UP, clock->wall_ns);
}

static void finish_connections(struct vici_daemon *d, const struct vici_clock *clock)
{
	vici_facts_free_configs(&d->facts);
	d->facts.connections = d->next.connections;
	d->facts.connection_count = d->next.connection_count;
	d->facts.child_configs = d->next.child_configs;
	d->facts.child_config_count = d->next.child_config_count;
	d->next.connections = NULL;
	d->next.child_configs = NULL;
	vici_facts_free_configs(&d->next);
	d->conns_ms = clock->now_ms;
	if (!d->certs_ms || clock->now_ms - d->certs_ms >= CERTS_REFRESHES * (int64_t)d->options->refresh_ms)
		ask(d, clock, VICI_STEP_CERTS);
	else
		ask(d, clock, VICI_STEP_SAS);
}

static void finish_certificates(struct vici_daemon *d, const struct vici_clock *clock)
{
	vici_facts_free_certificates(&d->facts);
	d->facts.certificates = d->next.certificates;
	d->facts.certificate_count = d->next.certificate_count;
	d->next.certificates = NULL;
	vici_facts_free_certificates(&d->next);
	d->certs_ms = clock->now_ms;
	ask(d, clock, VICI_STEP_SAS);
}

/* ---- answers */

/* The answer to what was asked; one that it does not know stays empty. False: this was no answer to it. */
static bool on_answer(struct vici_daemon *d, const struct vici_clock *clock, const struct vici_packet *packet)
{
	bool registered = packet->type == VICI_EVENT_CONFIRM || packet->type == VICI_EVENT_UNKNOWN;

	if (d->step == VICI_STEP_IDLE || registered != (d->step == VICI_STEP_REGISTER))
		return false;
	switch (d->step) {
	case VICI_STEP_REGISTER:
		if (++d->event < vici_event_name_count)
			ask(d, clock, VICI_STEP_REGISTER);
		else
			ask(d, clock, VICI_STEP_VERSION);
		return true;
	case VICI_STEP_VERSION:
		vici_facts_version(packet, d->version, sizeof(d->version));
		ask(d, clock, VICI_STEP_CONNS);
		return true;
	case VICI_STEP_CONNS:
		finish_connections(d, clock);
		return true;
	case VICI_STEP_CERTS:
		finish_certificates(d, clock);
		return true;
	case VICI_STEP_SAS:
		finish_listing(d, clock);
		return true;
	default:
		return false;
	}
}

static void on_event(struct vici_daemon *d, const struct vici_clock *clock, const struct vici_packet *packet)
{
	struct vici_event event;

	if (vici_is(packet->name, "list-conn")) {
		if (d->step == VICI_STEP_CONNS)
			vici_facts_connection(packet, &d->next);
	} else if (vici_is(packet->name, "list-cert")) {
		if (d->step == VICI_STEP_CERTS)
			vici_facts_certificate(packet, &d->next);
	} else if (vici_is(packet->name, "list-sa")) {
		if (d->step == VICI_STEP_SAS)
			vici_facts_sa(packet, clock->wall_ns, &d->next);
	} else if (!vici_facts_event(packet, clock->wall_ns, &event)) {
		list_soon(d, clock);
		event.origin = d->path;
		if (d->options->event)
			d->options->event(d->options->arg, &event);
	}
}

/* One packet. False: it is none, or not to be expected. */
static bool on_packet(struct vici_daemon *d, const struct vici_clock *clock, const uint8_t *data, size_t size)
{
	struct vici_packet packet;

	if (vici_packet(data, size, &packet))
		return false;
	switch (packet.type) {
	case VICI_EVENT:
		on_event(d, clock, &packet);
		return true;
	case VICI_CMD_RESPONSE:
	case VICI_CMD_UNKNOWN:
	case VICI_EVENT_CONFIRM:
	case VICI_EVENT_UNKNOWN:
		return on_answer(d, clock, &packet);
	default:
		return false;
	}
}

/* All whole frames that are there. */
static void take_frames(struct vici_daemon *d, const struct vici_clock *clock)
{
	size_t at = 0, size;
	int whole = 0;

	while (d->fd >= 0 && (whole = vici_frame(d->data + at, d->used - at, &size)) > 0) {
		d->progress_ms = clock->now_ms;
		d->partial_ms = 0;
		if (!on_packet(d, clock, d->data + at + VICI_HEADER, size)) {
			leave(d, clock, true, "what it sends is not VICI: is it strongSwan's socket?");
			return;
		}
		at += VICI_HEADER + size;
	}
	if (d->fd < 0)
		return;
	if (whole < 0) {
		leave(d, clock, true, "it sends frames of impossible length: is it strongSwan's socket?");
		return;
	}
	if (at)
		memmove(d->data, d->data + at, d->used - at);
	d->used -= at;
	if (d->used && !d->partial_ms)
		d->partial_ms = clock->now_ms;
}

/* Room for more, never beyond one frame of the largest size and what may follow it. */
static bool make_room(struct vici_daemon *d)
{
	size_t wanted = d->used + RECEIVE_STEP;
	uint8_t *grown;

	if (wanted <= d->room)
		return true;
	if (wanted < d->room * 2)
		wanted = d->room * 2;
	if (wanted > VICI_HEADER + VICI_FRAME_MOST + RECEIVE_STEP)
		wanted = VICI_HEADER + VICI_FRAME_MOST + RECEIVE_STEP;
	grown = realloc(d->data, wanted);
	if (!grown)
		return false;
	d->data = grown;
	d->room = wanted;
	return true;
}

void vici_daemon_receive(struct vici_daemon *d, const struct vici_clock *clock)
{
	size_t received = 0;

	while (d->fd >= 0 && received < RECEIVE_MOST) {
		ssize_t size;

		if (!make_room(d)) {
			leave(d, clock, true, "no memory for its answer");
			return;
		}
		size = recv(d->fd, d->data + d->used, d->room - d->used, 0);
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (size <= 0) {
			leave(d, clock, false, "the daemon ended the connection");
			return;
		}
		d->used += (size_t)size;
		received += (size_t)size;
		take_frames(d, clock);
	}
}

/* ---- time */

static const char *step_name(const struct vici_daemon *d)
{
	static const char *const names[] = {
		[VICI_STEP_REGISTER] = "the registration for events",
		[VICI_STEP_VERSION] = "version",
		[VICI_STEP_CONNS] = "list-conns",
		[VICI_STEP_CERTS] = "list-certs",
		[VICI_STEP_SAS] = "list-sas",
		[VICI_STEP_AWAY] = "nothing",
		[VICI_STEP_IDLE] = "nothing",
	};

	return names[d->step];
}

static int64_t deadline_of(const struct vici_daemon *d)
{
	int64_t each = d->options->deadline_ms, due = INT64_MAX;

	if (d->step != VICI_STEP_IDLE) {
		due = d->progress_ms + each;
		if (d->asked_ms + each * LISTING_DEADLINES < due)
			due = d->asked_ms + each * LISTING_DEADLINES;
	}
	if (d->partial_ms && d->partial_ms + each < due)
		due = d->partial_ms + each;
	return due;
}

int64_t vici_daemon_due(const struct vici_daemon *d)
{
	int64_t deadline;

	if (d->step == VICI_STEP_AWAY)
		return d->wake_ms;
	deadline = deadline_of(d);
	return d->step == VICI_STEP_IDLE && d->wake_ms < deadline ? d->wake_ms : deadline;
}

void vici_daemon_tick(struct vici_daemon *d, const struct vici_clock *clock)
{
	if (d->step == VICI_STEP_AWAY)
		return;
	if (clock->now_ms >= deadline_of(d)) {
		if (d->partial_ms)
			leave(d, clock, true, "it sent half a message and no more for %u ms: is it stuck?",
			      d->options->deadline_ms);
		else
			leave(d, clock, true,
			      "no answer to %s in %u ms: its threads may all be busy: see swanctl --stats",
			      step_name(d), d->options->deadline_ms);
		return;
	}
	if (d->step != VICI_STEP_IDLE || clock->now_ms < d->wake_ms)
		return;
	if (clock->now_ms - d->conns_ms >= d->options->refresh_ms)
		ask(d, clock, VICI_STEP_CONNS);
	else
		ask(d, clock, VICI_STEP_SAS);
}
