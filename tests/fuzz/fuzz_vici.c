// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_vici.c - libFuzzer target of the VICI client: the input is what a daemon sends on its socket
 *
 * Once all frames of it as facts, whatever was asked; and once through the connection itself, which answers and gives up.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "source/vici_daemon.h"

#define NOW 1800000000000000000ULL

static void check_ike(const struct fact_ike *ike)
{
	TERMINATED(ike->connection);
	TERMINATED(ike->local_id);
	TERMINATED(ike->remote_id);
	TERMINATED(ike->suite);
	CHECK(ike->state <= FACT_IKE_DELETING);
}

static void check_child(const struct fact_child *child)
{
	TERMINATED(child->connection);
	TERMINATED(child->name);
	TERMINATED(child->suite);
	TERMINATED(child->local_ts);
	TERMINATED(child->remote_ts);
	CHECK(child->state <= FACT_CHILD_DELETING && child->mode <= FACT_IPTFS);
}

static void check_facts(const struct vici_facts *facts)
{
	for (size_t i = 0; i < facts->connection_count; i++) {
		const struct fact_connection *c = &facts->connections[i];

		TERMINATED(c->name);
		TERMINATED(c->local_addresses);
		TERMINATED(c->remote_addresses);
		TERMINATED(c->local_id);
		TERMINATED(c->remote_id);
		TERMINATED(c->auth);
		CHECK(c->version <= 2);
	}
	for (size_t i = 0; i < facts->child_config_count; i++) {
		TERMINATED(facts->child_configs[i].connection);
		TERMINATED(facts->child_configs[i].name);
		TERMINATED(facts->child_configs[i].local_ts);
	}
	for (size_t i = 0; i < facts->ike_count; i++)
		check_ike(&facts->ikes[i]);
	for (size_t i = 0; i < facts->child_count; i++)
		check_child(&facts->children[i]);
	for (size_t i = 0; i < facts->certificate_count; i++) {
		TERMINATED(facts->certificates[i].subject);
		TERMINATED(facts->certificates[i].issuer);
		TERMINATED(facts->certificates[i].names);
		CHECK(facts->certificates[i].not_before_ns && facts->certificates[i].not_after_ns);
	}
}

static void on_event(void *arg, const struct vici_event *event)
{
	(void)arg;
	CHECK(event->kind < VICI_EVENT_KINDS);
	CHECK(event->origin && event->why);
	check_ike(&event->ike);
	check_ike(&event->old_ike);
	check_child(&event->child);
	check_child(&event->old_child);
}

static void as_facts(const uint8_t *data, size_t size)
{
	struct vici_facts facts = {0};
	struct vici_event event;
	struct vici_packet packet;
	char version[64];
	size_t length;

	while (vici_frame(data, size, &length) > 0) {
		uint8_t *copy = fuzz_copy(data + VICI_HEADER, length);

		if (!vici_packet(copy, length, &packet)) {
			vici_facts_version(&packet, version, sizeof(version));
			TERMINATED(version);
			vici_facts_connection(&packet, &facts);
			vici_facts_sa(&packet, NOW, &facts);
			vici_facts_certificate(&packet, &facts);
			if (!vici_facts_event(&packet, NOW, &event))
				on_event(NULL, &event);
		}
		free(copy);
		data += VICI_HEADER + length;
		size -= VICI_HEADER + length;
	}
	check_facts(&facts);
	CHECK(!facts.omitted);
	vici_facts_free_configs(&facts);
	vici_facts_free_sas(&facts);
	vici_facts_free_certificates(&facts);
}

static void as_daemon(const uint8_t *data, size_t size)
{
	static const struct vici_options options = {
		.deadline_ms = 100, .refresh_ms = 1000, .retry_ms = 1, .unanswered_ms = 1, .event = on_event};
	struct vici_clock clock = {.now_ms = 1000, .wall_ns = NOW};
	struct vici_daemon d;
	int pair[2];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair));
	vici_daemon_init(&d, &options, "fuzz");
	d.fd = pair[0];
	d.step = VICI_STEP_REGISTER;
	d.asked_ms = d.progress_ms = clock.now_ms;
	/* What does not fit into the socket stays away: the end of it is half a frame then. */
	(void)!write(pair[1], data, size);
	for (int i = 0; i < 4 && d.fd >= 0; i++) {
		vici_daemon_receive(&d, &clock);
		CHECK(d.fd < 0 || vici_daemon_due(&d) > clock.now_ms);
		clock.now_ms += 40;
		vici_daemon_tick(&d, &clock);
		check_facts(&d.facts);
	}
	clock.now_ms += 100000;
	vici_daemon_tick(&d, &clock);
	CHECK(d.used <= VICI_HEADER + VICI_FRAME_MOST);
	TERMINATED(d.why);
	vici_daemon_close(&d);
	close(pair[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	as_facts(data, size);
	as_daemon(data, size);
	return 0;
}
