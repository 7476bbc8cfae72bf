// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_vici.c - the VICI client against daemons that answer, never answer, send half a frame or nonsense, go away and come back
 *
 * The daemon is played by the test itself, in the same thread: what the client does is what it did when it was run, and no
 * machine is too slow for it. Deadlines are checked as "not before", and "at all" within a time that is generous.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "source/vici.h"
#include "vici_build.h"

#define PATIENCE_MS 60000
#define LONG_MS 3600000 /* what is never to be waited for */

struct played {
	char directory[64], path[108];
	int listen_fd, fd;
	uint8_t request[256];
	size_t have;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void daemon_listen(struct played *d)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	memcpy(address.sun_path, d->path, sizeof(address.sun_path));
	d->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_true(d->listen_fd >= 0);
	assert_int_equal(bind(d->listen_fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(d->listen_fd, 4), 0);
}

static void daemon_open(struct played *d)
{
	memset(d, 0, sizeof(*d));
	d->fd = d->listen_fd = -1;
	snprintf(d->directory, sizeof(d->directory), "/tmp/espial-vici.XXXXXX");
	assert_non_null(mkdtemp(d->directory));
	snprintf(d->path, sizeof(d->path), "%s/vici", d->directory);
}

static void daemon_hang_up(struct played *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	d->have = 0;
}

static void daemon_end(struct played *d)
{
	daemon_hang_up(d);
	if (d->listen_fd >= 0)
		close(d->listen_fd);
	d->listen_fd = -1;
	unlink(d->path);
}

static void daemon_close(struct played *d)
{
	daemon_end(d);
	rmdir(d->directory);
}

/* The client's next packet, if it has sent one. Only what has a name and no message. */
static bool daemon_heard(struct played *d, enum vici_packet_type *ret_type, char name[64])
{
	struct vici_packet packet;
	ssize_t got;
	size_t size;

	if (d->fd < 0 && d->listen_fd >= 0)
		d->fd = accept4(d->listen_fd, NULL, NULL, SOCK_NONBLOCK);
	if (d->fd < 0)
		return false;
	got = recv(d->fd, d->request + d->have, sizeof(d->request) - d->have, 0);
	if (got == 0)
		daemon_hang_up(d);
	if (got <= 0)
		return false;
	d->have += (size_t)got;
	assert_int_equal(vici_frame(d->request, d->have, &size), 1);
	assert_int_equal(size + VICI_HEADER, d->have); /* one at a time */
	assert_int_equal(vici_packet(d->request + VICI_HEADER, size, &packet), 0);
	*ret_type = packet.type;
	snprintf(name, 64, "%.*s", (int)packet.name.length, packet.name.data);
	/* Only certificates are asked for with a filter: there may be long lists of revoked ones. */
	assert_int_equal(packet.size > 0, !strcmp(name, "list-certs"));
	d->have = 0;
	return true;
}

static void daemon_raw(struct played *d, const void *data, size_t size)
{
	assert_int_equal(send(d->fd, data, size, MSG_NOSIGNAL), size);
}

static void daemon_says(struct played *d, const struct build *b)
{
	uint8_t header[4] = {0, (uint8_t)(b->size >> 16), (uint8_t)(b->size >> 8), (uint8_t)b->size};

	daemon_raw(d, header, 4);
	daemon_raw(d, b->data, b->size);
}

static void daemon_event(struct played *d, const char *name, const char *text)
{
	struct build b;

	build_packet(&b, VICI_EVENT, name);
	build_message(&b, text);
	daemon_says(d, &b);
}

/* As charon would answer. `sas`: what list-sas lists, or NULL. */
static void daemon_answer(struct played *d, enum vici_packet_type type, const char *name, const char *sas)
{
	struct build b;

	if (type == VICI_EVENT_REGISTER) {
		/* An older one does not know this one */
		build_packet(&b, strcmp(name, "ike-update") ? VICI_EVENT_CONFIRM : VICI_EVENT_UNKNOWN, NULL);
		daemon_says(d, &b);
		return;
	}
	if (!strcmp(name, "list-conns"))
		daemon_event(d, "list-conn",
			     "t{ remote_addrs=[10.2.0.2] version=IKEv2 children{ c{ mode=TUNNEL } } }");
	if (!strcmp(name, "list-sas") && sas)
		daemon_event(d, "list-sa", sas);
	build_packet(&b, VICI_CMD_RESPONSE, NULL);
	if (!strcmp(name, "version"))
		build_message(&b, "daemon=charon version=5.9.8");
	daemon_says(d, &b);
}

/* ---- both together */

struct world {
	struct played daemon;
	struct vici *vici;
	const char *sas;
	const char *mute;      /* what the daemon does not answer, or NULL; "" nothing at all */
	unsigned int asked[4]; /* version, list-conns, list-sas, registrations */
	struct vici_event last;
	char last_why[160];
	unsigned int events[VICI_EVENT_KINDS];
};

static void on_event(void *arg, const struct vici_event *event)
{
	struct world *w = arg;

	w->last = *event;
	snprintf(w->last_why, sizeof(w->last_why), "%s", event->why);
	w->events[event->kind]++;
	assert_string_equal(event->origin, w->daemon.path);
	assert_true(event->time_ns > 0);
}

static void serve(struct world *w)
{
	static const char *const names[] = {"version", "list-conns", "list-sas"};
	enum vici_packet_type type;
	char name[64];

	if (!daemon_heard(&w->daemon, &type, name))
		return;
	if (type == VICI_EVENT_REGISTER)
		w->asked[3]++;
	for (size_t i = 0; i < 3; i++)
		if (!strcmp(names[i], name))
			w->asked[i]++;
	if (w->mute && (!*w->mute || !strcmp(w->mute, name)))
		return;
	daemon_answer(&w->daemon, type, name, w->sas);
}

/* One turn of an event loop: waits as long as the client says, at most `most` ms. */
static void turn(struct world *w, int most)
{
	struct pollfd polls[3] = {{.fd = vici_fd(w->vici), .events = POLLIN},
				  {.fd = w->daemon.listen_fd, .events = POLLIN},
				  {.fd = w->daemon.fd, .events = POLLIN}};
	int timeout = vici_timeout(w->vici);

	assert_true(timeout >= 0);
	if (w->daemon.fd >= 0)
		polls[1].fd = -1;
	(void)poll(polls, 3, timeout < most ? timeout : most);
	vici_run(w->vici);
	serve(w);
}

static void world_open(struct world *w, const struct vici_options *options)
{
	struct vici_options o = *options;
	const char *socket;

	memset(w, 0, sizeof(*w));
	daemon_open(&w->daemon);
	socket = w->daemon.path;
	o.sockets = &socket;
	o.socket_count = 1;
	o.event = on_event;
	o.arg = w;
	assert_int_equal(vici_open(&o, &w->vici), 0);
}

static void world_close(struct world *w)
{
	vici_close(w->vici);
	daemon_close(&w->daemon);
}

static struct fact_daemon look(const struct world *w)
{
	struct fact_daemon fact;

	vici_snapshot(w->vici, 0, &fact);
	return fact;
}

#define UNTIL(w, condition)                                                                                  \
	do {                                                                                                 \
		int64_t end = now_ms() + PATIENCE_MS;                                                        \
		while (!(condition)) {                                                                       \
			assert_true(now_ms() < end);                                                         \
			turn(w, 100);                                                                        \
		}                                                                                            \
	} while (0)

#define SAS "t{ uniqueid=1 state=ESTABLISHED child-sas{ c-1{ name=c spi-in=00000001 } } }"

/* Nothing times out and nothing is repeated, however slow the machine */
static const struct vici_options patient = {
	.deadline_ms = LONG_MS, .refresh_ms = LONG_MS, .retry_ms = 1, .unanswered_ms = 1};

static void test_answers(void **state)
{
	struct fact_daemon fact;
	struct world w;

	(void)state;
	world_open(&w, &patient);
	assert_false(look(&w).available);
	assert_false(vici_settled(w.vici));
	w.sas = SAS;
	daemon_listen(&w.daemon);
	UNTIL(&w, look(&w).available);
	assert_true(vici_settled(w.vici));
	fact = look(&w);
	assert_string_equal(fact.origin, w.daemon.path);
	assert_string_equal(fact.version, "strongSwan 5.9.8");
	assert_string_equal(fact.why, "");
	assert_int_equal(fact.connection_count, 1);
	assert_string_equal(fact.connections[0].name, "t");
	assert_int_equal(fact.child_config_count, 1);
	assert_int_equal(fact.ike_count, 1);
	assert_int_equal(fact.child_count, 1);
	assert_int_equal(fact.children[0].spi_in, 1);
	assert_true(fact.snapshot_ns > 0);
	assert_int_equal(w.asked[3], vici_event_name_count);
	assert_int_equal(w.events[VICI_DAEMON_UP], 1);
	assert_int_equal(w.asked[0] + w.asked[1] + w.asked[2], 3);
	world_close(&w);
}

/* An event is passed on, and the SAs are listed again because of it: also when it comes in the middle of a listing. */
static void test_events(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, &patient);
	daemon_listen(&w.daemon);
	UNTIL(&w, look(&w).available);
	assert_int_equal(look(&w).child_count, 0);
	w.sas = SAS;
	daemon_event(&w.daemon, "child-updown", "up=yes " SAS);
	UNTIL(&w, look(&w).child_count == 1);
	assert_int_equal(w.events[VICI_CHILD_UP], 1);
	assert_string_equal(w.last.child.name, "c");
	assert_int_equal(w.asked[1], 1); /* the configuration has not changed */

	w.mute = "list-sas";
	daemon_event(&w.daemon, "child-updown", SAS);
	UNTIL(&w, w.asked[2] == 3);
	daemon_event(&w.daemon, "ike-updown", "up=yes " SAS);
	UNTIL(&w, w.events[VICI_IKE_UP] == 1);
	w.mute = NULL;
	w.sas = NULL;
	daemon_answer(&w.daemon, VICI_CMD_REQUEST, "list-sas", SAS);
	UNTIL(&w, w.asked[2] == 4 && look(&w).child_count == 0);
	world_close(&w);
}

static void test_refresh(void **state)
{
	struct vici_options options = patient;
	struct world w;

	(void)state;
	options.refresh_ms = 5;
	world_open(&w, &options);
	daemon_listen(&w.daemon);
	UNTIL(&w, look(&w).available);
	w.sas = SAS;
	UNTIL(&w, look(&w).ike_count == 1);
	UNTIL(&w, w.asked[1] >= 3);
	world_close(&w);
}

static void test_absent(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, &patient);
	UNTIL(&w, vici_settled(w.vici));
	assert_false(look(&w).available);
	assert_non_null(strstr(look(&w).why, "no such socket"));
	assert_int_equal(w.events[VICI_DAEMON_DOWN], 0); /* it never was there */

	daemon_listen(&w.daemon);
	UNTIL(&w, look(&w).available);
	daemon_hang_up(&w.daemon);
	close(w.daemon.listen_fd);
	w.daemon.listen_fd = -1; /* as after kill -9: the socket's file stays */
	UNTIL(&w, !look(&w).available && strstr(look(&w).why, "nobody listens"));
	assert_int_equal(w.events[VICI_DAEMON_DOWN], 1);
	assert_string_equal(w.last_why, "the daemon ended the connection");
	/* What it was configured to do is still known */
	assert_int_equal(look(&w).connection_count, 1);
	assert_int_equal(look(&w).ike_count, 0);
	assert_string_equal(look(&w).version, "strongSwan 5.9.8");

	unlink(w.daemon.path);
	daemon_listen(&w.daemon);
	UNTIL(&w, look(&w).available);
	assert_int_equal(w.events[VICI_DAEMON_UP], 2);
	world_close(&w);
}

/* A daemon that does not answer `mute`: given up at the deadline, and never before. */
static void check_mute(const char *mute, const char *why)
{
	struct vici_options options = patient;
	struct world w;
	int64_t asked;

	options.deadline_ms = 300;
	options.unanswered_ms = LONG_MS;
	world_open(&w, &options);
	w.mute = mute;
	daemon_listen(&w.daemon);
	asked = now_ms();
	UNTIL(&w, vici_settled(w.vici));
	assert_true(now_ms() - asked >= 300);
	assert_false(look(&w).available);
	assert_non_null(strstr(look(&w).why, why));
	/* It is left alone for long, and the connection is not kept. */
	UNTIL(&w, w.daemon.fd < 0);
	assert_true(vici_timeout(w.vici) > 30000);
	world_close(&w);
}

static void test_never_answers(void **state)
{
	(void)state;
	check_mute("", "no answer to the registration for events in 300 ms");
	check_mute("version", "no answer to version in 300 ms");
	check_mute("list-conns", "no answer to list-conns in 300 ms");
	check_mute("list-sas", "no answer to list-sas in 300 ms");
}

/* `data` in place of an answer to list-sas. */
static void check_nonsense(const void *data, size_t size, const char *why)
{
	struct vici_options options = patient;
	struct world w;

	options.deadline_ms = 300;
	options.unanswered_ms = LONG_MS;
	world_open(&w, &options);
	w.mute = "list-sas";
	daemon_listen(&w.daemon);
	UNTIL(&w, w.asked[2] == 1);
	daemon_raw(&w.daemon, data, size);
	UNTIL(&w, vici_settled(w.vici));
	assert_false(look(&w).available);
	assert_non_null(strstr(look(&w).why, why));
	world_close(&w);
}

static void test_nonsense(void **state)
{
	static const uint8_t half[] = {0, 0, 0, 9, 1, 3, 1}, header[] = {0, 0},
			     huge[] = {0xff, 0xff, 0xff, 0xff}, large[] = {0, 8, 0, 1},
			     empty[] = {0, 0, 0, 0}, open[] = {0, 0, 0, 4, 1, 1, 1, 'a'},
			     confirm[] = {0, 0, 0, 1, 5}, request[] = {0, 0, 0, 3, 0, 1, 'a'},
			     type[] = {0, 0, 0, 1, 200}, twice[] = {0, 0, 0, 1, 1, 0, 0, 0, 1, 1};
	static const char http[] = "HTTP/1.1 400 Bad Request\r\n\r\n";

	(void)state;
	check_nonsense(half, sizeof(half), "half a message");
	check_nonsense(header, sizeof(header), "half a message");
	check_nonsense(huge, sizeof(huge), "impossible length");
	check_nonsense(large, sizeof(large), "impossible length");
	check_nonsense(empty, sizeof(empty), "impossible length");
	check_nonsense(http, sizeof(http) - 1, "impossible length");
	check_nonsense(open, sizeof(open), "not VICI");
	check_nonsense(confirm, sizeof(confirm), "not VICI");
	check_nonsense(request, sizeof(request), "not VICI");
	check_nonsense(type, sizeof(type), "not VICI");
	check_nonsense(twice, sizeof(twice), "not VICI"); /* an answer to nothing */
}

/* Half a frame while nothing is asked is not waited for either. */
static void test_half_when_idle(void **state)
{
	struct vici_options options = patient;
	struct world w;

	(void)state;
	options.deadline_ms = 300;
	options.unanswered_ms = LONG_MS;
	world_open(&w, &options);
	daemon_listen(&w.daemon);
	UNTIL(&w, look(&w).available);
	daemon_raw(&w.daemon, "\0\0\0", 3);
	UNTIL(&w, !look(&w).available);
	assert_non_null(strstr(look(&w).why, "half a message"));
	assert_int_equal(w.events[VICI_DAEMON_DOWN], 1);
	world_close(&w);
}

/* One that always sends a little more, so that no deadline for the next frame passes, ends at the deadline for all. */
static void test_trickle(void **state)
{
	struct vici_options options = patient;
	struct world w;
	int64_t end;

	(void)state;
	options.deadline_ms = 50;
	options.unanswered_ms = LONG_MS;
	world_open(&w, &options);
	w.mute = "list-sas";
	daemon_listen(&w.daemon);
	end = now_ms() + PATIENCE_MS;
	while (!vici_settled(w.vici)) {
		assert_true(now_ms() < end);
		turn(&w, 5);
		if (w.asked[2] && w.daemon.fd >= 0)
			daemon_event(&w.daemon, "list-sa", SAS);
	}
	assert_non_null(strstr(look(&w).why, "no answer to "));
	assert_int_equal(look(&w).ike_count, 0);
	world_close(&w);
}

/* The largest frame there may be, byte by byte at its ends, and a thousand SAs. */
static void test_large(void **state)
{
	static uint8_t frame[VICI_HEADER + VICI_FRAME_MOST];
	static const uint8_t done[] = {0, 0, 0, 1, VICI_CMD_RESPONSE};
	size_t at = VICI_HEADER, sent = 0;
	struct world w;

	(void)state;
	world_open(&w, &patient);
	w.mute = "list-sas";
	daemon_listen(&w.daemon);
	UNTIL(&w, w.asked[2] == 1);
	memcpy(frame, "\0\10\0\0\7\7list-sa\1\1t", 16);
	at = 16;
	while (at + 3 + 65535 + 1 < sizeof(frame)) { /* values of the largest length */
		memcpy(frame + at, "\3\0\377\377", 4);
		at += 4 + 65535;
	}
	frame[at++] = VICI_KEY_VALUE;
	frame[at++] = 0;
	frame[at] = (uint8_t)((sizeof(frame) - at - 3) >> 8);
	frame[at + 1] = (uint8_t)(sizeof(frame) - at - 3);
	frame[sizeof(frame) - 1] = VICI_SECTION_END;
	while (sent < sizeof(frame)) {
		size_t piece = sent < 20 || sizeof(frame) - sent < 20 ? 1 : sizeof(frame) - sent - 10;
		ssize_t n = send(w.daemon.fd, frame + sent, piece, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0)
			sent += (size_t)n;
		turn(&w, 0);
	}
	for (int i = 0; i < 1000; i++) {
		daemon_event(&w.daemon, "list-sa", SAS);
		turn(&w, 0);
	}
	daemon_raw(&w.daemon, done, sizeof(done));
	UNTIL(&w, look(&w).available);
	assert_int_equal(look(&w).ike_count, 1001);
	assert_int_equal(look(&w).child_count, 1000);
	world_close(&w);
}

/* Several: one that is stuck or absent holds up no other. */
static void test_several(void **state)
{
	struct vici_options options = patient;
	const char *sockets[3];
	struct fact_daemon fact;
	struct world w;
	struct vici *vici;

	(void)state;
	options.retry_ms = LONG_MS;
	world_open(&w, &options);
	daemon_listen(&w.daemon);
	sockets[0] = "/nonexistent/vici";
	sockets[1] = "unix:///nonexistent/other";
	sockets[2] = w.daemon.path;
	options.sockets = sockets;
	options.socket_count = 3;
	assert_int_equal(vici_open(&options, &vici), 0);
	vici_close(w.vici);
	w.vici = vici;
	assert_int_equal(vici_count(vici), 3);
	UNTIL(&w, vici_settled(w.vici));
	vici_snapshot(vici, 2, &fact);
	assert_true(fact.available);
	vici_snapshot(vici, 1, &fact);
	assert_false(fact.available);
	assert_string_equal(fact.origin, "/nonexistent/other");
	world_close(&w);
}

static void test_open(void **state)
{
	char path[109];
	const char *socket = path, *many[VICI_DAEMONS_MOST + 1];
	struct vici_options options = {.sockets = &socket, .socket_count = 1};
	struct fact_daemon fact;
	struct vici *vici;

	(void)state;
	memset(path, 'p', sizeof(path));
	path[108] = 0;
	assert_int_equal(vici_open(&options, &vici), -ENAMETOOLONG);
	path[107] = 0;
	assert_int_equal(vici_open(&options, &vici), 0);
	vici_close(vici);
	for (size_t i = 0; i <= VICI_DAEMONS_MOST; i++)
		many[i] = "/p";
	options.sockets = many;
	options.socket_count = VICI_DAEMONS_MOST + 1;
	assert_int_equal(vici_open(&options, &vici), -E2BIG);
	options.socket_count = 0;
	assert_int_equal(vici_open(&options, &vici), 0);
	vici_snapshot(vici, 0, &fact);
	assert_string_equal(fact.origin, VICI_DEFAULT_SOCKET);
	vici_close(vici);
	vici_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),	       cmocka_unit_test(test_events),
		cmocka_unit_test(test_refresh),	       cmocka_unit_test(test_absent),
		cmocka_unit_test(test_never_answers),  cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_half_when_idle), cmocka_unit_test(test_trickle),
		cmocka_unit_test(test_large),	       cmocka_unit_test(test_several),
		cmocka_unit_test(test_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
