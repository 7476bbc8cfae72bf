// SPDX-License-Identifier: GPL-2.0-or-later
/* test_vici_facts.c - what charon says, as facts; and what nobody should say */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <arpa/inet.h>
#include <stdlib.h>

#include <cmocka.h>

#include "source/vici_facts.h"
#include "vici_build.h"

#define NOW 1800000000000000000ULL
#define SECOND 1000000000ULL

/* charon 5.9.8, swanctl --list-sas --raw */
#define IKE                                                                                                  \
	"uniqueid=1 version=2 state=ESTABLISHED local-host=10.1.0.2 local-port=4500 local-id=left "          \
	"remote-host=10.2.0.2 remote-port=4500 remote-id=right initiator=yes "                               \
	"initiator-spi=ec67ed282a8653a0 "                                                                    \
	"responder-spi=3d35f0fe4360bc8c nat-remote=yes nat-any=yes encr-alg=AES_CBC encr-keysize=128 "       \
	"integ-alg=HMAC_SHA2_256_128 prf-alg=PRF_HMAC_SHA2_256 dh-group=CURVE_25519 established=7 "          \
	"rekey-time=14343 "
#define CHILD                                                                                                \
	"name=c uniqueid=5 reqid=1 state=INSTALLED mode=TUNNEL protocol=ESP encap=yes spi-in=86f49f10 "      \
	"spi-out=305c4448 encr-alg=AES_GCM_16 encr-keysize=128 bytes-in=84 packets-in=1 bytes-out=168 "      \
	"packets-out=2 rekey-time=3487 life-time=3960 install-time=3 local-ts=[192.168.1.0/24] "             \
	"remote-ts=[192.168.2.0/24 10.0.0.0/8] "

static struct vici_packet message(struct build *b, const char *event, const char *text)
{
	struct vici_packet packet;

	build_packet(b, event ? VICI_EVENT : VICI_CMD_RESPONSE, event);
	build_message(b, text);
	assert_int_equal(vici_packet(b->data, b->size, &packet), 0);
	return packet;
}

static void assert_address(const uint8_t got[16], const char *wanted)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(AF_INET6, got, text, sizeof(text));
	assert_string_equal(text, wanted);
}

static void test_sa(void **state)
{
	struct vici_facts facts = {0};
	const struct fact_child *child;
	const struct fact_ike *ike;
	struct build b;
	struct vici_packet packet = message(&b, "list-sa", "t{ " IKE "child-sas{ c-5{ " CHILD "} } }");

	(void)state;
	vici_facts_sa(&packet, NOW, &facts);
	assert_int_equal(facts.ike_count, 1);
	assert_int_equal(facts.child_count, 1);
	assert_int_equal(facts.omitted, 0);
	ike = facts.ikes;
	assert_string_equal(ike->connection, "t");
	assert_int_equal(ike->unique_id, 1);
	assert_int_equal(ike->version, 2);
	assert_int_equal(ike->state, FACT_IKE_ESTABLISHED);
	assert_address(ike->local, "::ffff:10.1.0.2");
	assert_address(ike->remote, "::ffff:10.2.0.2");
	assert_int_equal(ike->local_port, 4500);
	assert_int_equal(ike->remote_port, 4500);
	assert_string_equal(ike->local_id, "left");
	assert_string_equal(ike->remote_id, "right");
	assert_true(ike->initiator_spi == 0xec67ed282a8653a0 && ike->responder_spi == 0x3d35f0fe4360bc8c);
	assert_true(ike->initiator && ike->nat_remote && ike->nat_any && !ike->nat_local);
	assert_string_equal(ike->suite, "AES_CBC_128/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/CURVE_25519");
	assert_true(ike->established_ns == NOW - 7 * SECOND && ike->rekey_ns == NOW + 14343 * SECOND);
	assert_true(ike->reauth_ns == 0);

	child = facts.children;
	assert_string_equal(child->connection, "t");
	assert_string_equal(child->name, "c");
	assert_int_equal(child->ike_unique_id, 1);
	assert_int_equal(child->unique_id, 5);
	assert_int_equal(child->reqid, 1);
	assert_int_equal(child->state, FACT_CHILD_INSTALLED);
	assert_int_equal(child->mode, FACT_TUNNEL);
	assert_int_equal(child->protocol, 50);
	assert_true(child->encapsulated && !child->esn);
	assert_true(child->spi_in == 0x86f49f10 && child->spi_out == 0x305c4448);
	assert_string_equal(child->suite, "AES_GCM_16_128");
	assert_true(child->installed_ns == NOW - 3 * SECOND && child->rekey_ns == NOW + 3487 * SECOND &&
		    child->expires_ns == NOW + 3960 * SECOND);
	assert_true(child->bytes_in == 84 && child->packets_in == 1 && child->bytes_out == 168 &&
		    child->packets_out == 2);
	assert_string_equal(child->local_ts, "192.168.1.0/24");
	assert_string_equal(child->remote_ts, "192.168.2.0/24,10.0.0.0/8");
	vici_facts_free_sas(&facts);
	assert_int_equal(facts.ike_count, 0);
}

/* Also without a name of its own (before 5.5.2), with ESN, AH, IPv6 with a scope, several children, sections of the future. */
static void test_sa_others(void **state)
{
	struct vici_facts facts = {0};
	struct build b;
	struct vici_packet packet = message(
		&b, "list-sa",
		"x{ uniqueid=9 version=1 state=REKEYING local-host=fe80::1%eth0 remote-host=%any "
		"tasks-active=[IKE_DPD CHILD_REKEY] news{ deeper{ list=[a b] uniqueid=77 } } child-sas{ "
		"one{ protocol=AH state=REKEYED mode=TRANSPORT integ-alg=HMAC_SHA2_256_128 esn=1 "
		"if-id-in=0000002a dh-group=MODP_2048 } word=x two{ state=ROUTED mode=PASS } } } "
		"up=yes y{ state=CONNECTING } (unnamed){ uniqueid=10 state=CONNECTING }");

	(void)state;
	vici_facts_sa(&packet, NOW, &facts);
	assert_int_equal(facts.ike_count, 3);
	assert_int_equal(facts.child_count, 2);
	assert_int_equal(facts.ikes[0].unique_id, 9);
	assert_int_equal(facts.ikes[0].state, FACT_IKE_REKEYING);
	assert_address(facts.ikes[0].local, "fe80::1");
	assert_address(facts.ikes[0].remote, "::");
	assert_string_equal(facts.ikes[1].connection, "y");
	assert_int_equal(facts.ikes[1].state, FACT_IKE_CONNECTING);
	assert_string_equal(facts.ikes[2].connection, ""); /* it has none yet */
	assert_int_equal(facts.ikes[2].unique_id, 10);
	assert_string_equal(facts.children[0].name, "one");
	assert_int_equal(facts.children[0].protocol, 51);
	assert_int_equal(facts.children[0].state, FACT_CHILD_REKEYED);
	assert_int_equal(facts.children[0].mode, FACT_TRANSPORT);
	assert_int_equal(facts.children[0].if_id_in, 42);
	assert_true(facts.children[0].esn);
	assert_string_equal(facts.children[0].suite, "HMAC_SHA2_256_128/MODP_2048/ESN");
	assert_int_equal(facts.children[0].ike_unique_id, 9);
	assert_string_equal(facts.children[1].name, "two");
	assert_int_equal(facts.children[1].state, FACT_CHILD_UNKNOWN);
	assert_int_equal(facts.children[1].mode, FACT_MODE_UNKNOWN);
	vici_facts_free_sas(&facts);
}

static void test_connection(void **state)
{
	struct vici_facts facts = {0};
	const struct fact_connection *c;
	struct build b;
	struct vici_packet packet = message(
		&b, "list-conn",
		"t{ local_addrs=[10.1.0.2] remote_addrs=[gw.example.org 10.2.0.0/16] version=IKEv2 "
		"reauth_time=0 rekey_time=14400 unique=UNIQUE_NO dpd_delay=30 local-1{ id=left "
		"class=public~key groups=[] certs=[] } local-2{ id=second class=EAP } remote-1{ id=right "
		"class=pre-shared~key cacerts=[CN=a~ca] } children{ c{ mode=TUNNEL rekey_time=3600 "
		"dpd_action=none local-ts=[192.168.1.0/24] remote-ts=[192.168.2.0/24] } d{ mode=TRANSPORT "
		"local-ts=[dynamic] remote-ts=[dynamic] } } }");

	(void)state;
	vici_facts_connection(&packet, &facts);
	assert_int_equal(facts.connection_count, 1);
	c = facts.connections;
	assert_string_equal(c->name, "t");
	assert_int_equal(c->version, 2);
	assert_string_equal(c->local_addresses, "10.1.0.2");
	assert_string_equal(c->remote_addresses, "gw.example.org,10.2.0.0/16");
	assert_address(c->local, "::ffff:10.1.0.2");
	assert_address(c->remote, "::");
	assert_string_equal(c->local_id, "left");
	assert_string_equal(c->remote_id, "right");
	assert_string_equal(c->auth, "pubkey+eap/psk");
	assert_int_equal(c->child_count, 2);
	assert_int_equal(c->dpd_seconds, 30);
	assert_int_equal(c->rekey_seconds, 14400);
	assert_int_equal(c->reauth_seconds, 0);
	assert_int_equal(facts.child_config_count, 2);
	assert_string_equal(facts.child_configs[0].connection, "t");
	assert_string_equal(facts.child_configs[0].name, "c");
	assert_int_equal(facts.child_configs[0].mode, FACT_TUNNEL);
	assert_int_equal(facts.child_configs[0].rekey_seconds, 3600);
	assert_string_equal(facts.child_configs[0].local_ts, "192.168.1.0/24");
	assert_string_equal(facts.child_configs[1].name, "d");
	assert_int_equal(facts.child_configs[1].mode, FACT_TRANSPORT);
	vici_facts_free_configs(&facts);
}

static void test_connection_same_auth(void **state)
{
	struct vici_facts facts = {0};
	struct build b;
	struct vici_packet packet =
		message(&b, "list-conn",
			"t{ version=IKEv1 remote_addrs=[%any] local-1{ class=pre-shared~key } "
			"remote-1{ class=pre-shared~key } }");

	(void)state;
	vici_facts_connection(&packet, &facts);
	assert_string_equal(facts.connections[0].auth, "psk");
	assert_string_equal(facts.connections[0].remote_addresses, "%any");
	assert_int_equal(facts.connections[0].version, 1);
	vici_facts_free_configs(&facts);
}

static void test_version(void **state)
{
	static const struct {
		const char *message, *wanted;
	} rows[] = {
		{"daemon=charon version=5.9.8 sysname=Linux", "strongSwan 5.9.8"},
		{"daemon=charon-systemd version=6.0.1", "strongSwan 6.0.1 (charon-systemd)"},
		{"section{ version=7 } list=[a] version=6.0.1", "strongSwan 6.0.1"},
		{"", "strongSwan"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct build b;
		struct vici_packet packet = message(&b, NULL, rows[i].message);
		char text[64];

		vici_facts_version(&packet, text, sizeof(text));
		assert_string_equal(text, rows[i].wanted);
	}
}

static struct vici_event event(const char *name, const char *text)
{
	struct vici_event event;
	struct build b;
	struct vici_packet packet = message(&b, name, text);

	assert_int_equal(vici_facts_event(&packet, NOW, &event), 0);
	assert_true(event.time_ns == NOW);
	return event;
}

static void test_events(void **state)
{
	struct vici_event e;

	(void)state;
	e = event("ike-updown", "up=yes t{ " IKE "}");
	assert_int_equal(e.kind, VICI_IKE_UP);
	assert_string_equal(e.ike.connection, "t");
	assert_true(e.ike.initiator_spi == 0xec67ed282a8653a0);
	assert_string_equal(e.child.name, "");

	assert_int_equal(event("ike-updown", "t{ state=DELETING }").kind, VICI_IKE_DOWN);

	e = event("child-updown", "up=yes t{ " IKE "child-sas{ c-5{ " CHILD "} } }");
	assert_int_equal(e.kind, VICI_CHILD_UP);
	assert_string_equal(e.child.name, "c");
	assert_string_equal(e.child.connection, "t");
	assert_int_equal(e.child.ike_unique_id, 1);
	assert_int_equal(e.child.spi_in, 0x86f49f10);
	assert_int_equal(event("child-updown", "t{ " IKE "child-sas{ c-5{ " CHILD "} } }").kind,
			 VICI_CHILD_DOWN);

	e = event("ike-rekey", "t{ old{ uniqueid=1 state=REKEYED } new{ uniqueid=2 state=ESTABLISHED } }");
	assert_int_equal(e.kind, VICI_IKE_REKEY);
	assert_int_equal(e.old_ike.unique_id, 1);
	assert_int_equal(e.ike.unique_id, 2);
	assert_int_equal(e.ike.state, FACT_IKE_ESTABLISHED);
	assert_string_equal(e.ike.connection, "t");

	e = event("child-rekey", "t{ uniqueid=3 child-sas{ c{ old{ name=c spi-in=00000001 } "
				 "new{ name=c spi-in=00000002 } } } }");
	assert_int_equal(e.kind, VICI_CHILD_REKEY);
	assert_int_equal(e.old_child.spi_in, 1);
	assert_int_equal(e.child.spi_in, 2);
	assert_int_equal(e.child.ike_unique_id, 3);
	assert_int_equal(e.old_child.ike_unique_id, 3);

	e = event("ike-update",
		  "local-host=10.1.0.2 local-port=4500 remote-host=10.3.0.9 remote-port=1024 t{ " IKE "}");
	assert_int_equal(e.kind, VICI_IKE_UPDATE);
	assert_address(e.old_ike.remote, "::ffff:10.2.0.2");
	assert_address(e.ike.remote, "::ffff:10.3.0.9");
	assert_int_equal(e.ike.remote_port, 1024);
	assert_address(e.ike.local, "::ffff:10.1.0.2");
}

static void test_no_events(void **state)
{
	static const struct {
		const char *name, *message;
	} rows[] = {{"log", "msg=hello"}, {"ike-updown", "up=yes"}, {"", ""}, {"ike-updown", "t=[a]"}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vici_event e;
		struct build b;
		struct vici_packet packet = message(&b, rows[i].name, rows[i].message);

		assert_int_equal(vici_facts_event(&packet, NOW, &e), -ENOENT);
	}
}

/* Numbers that are none, too large, negative; text with zeros, too long; sections where keys belong: nothing is taken over. */
static void test_nonsense(void **state)
{
	static char value[40001]; /* a message of 64 KiB */
	struct vici_facts facts = {0};
	struct vici_packet packet;
	const struct fact_ike *ike;
	struct build b;

	(void)state;
	build_packet(&b, VICI_EVENT, "list-sa");
	build_message(&b, "t{ uniqueid=99999999999999999999999 version=256 local-port=65536 remote-port=x "
			  "initiator-spi=xyz responder-spi= established=-9223372036854775808 "
			  "rekey-time=9223372036854775807 reauth-time=-99 local-host=1.2.3.4.5 "
			  "remote-host=::1::2 state{ uniqueid=3 }");
	memset(value, 'A', sizeof(value) - 1);
	build_key(&b, "local-id", value);
	build_byte(&b, VICI_KEY_VALUE);
	build_name(&b, "remote-id");
	build_byte(&b, 0);
	build_byte(&b, 3);
	build_text(&b, "a\0b", 3);
	build_end(&b);
	assert_int_equal(vici_packet(b.data, b.size, &packet), 0);
	vici_facts_sa(&packet, NOW, &facts);
	assert_int_equal(facts.ike_count, 1);
	ike = facts.ikes;
	assert_true(!ike->unique_id && !ike->version && !ike->local_port && !ike->remote_port);
	assert_true(!ike->initiator_spi && !ike->responder_spi && !ike->established_ns && !ike->rekey_ns);
	assert_true(ike->reauth_ns == NOW - 99 * SECOND);
	assert_address(ike->local, "::");
	assert_address(ike->remote, "::");
	assert_int_equal(ike->state, FACT_IKE_UNKNOWN);
	assert_int_equal(strlen(ike->local_id), sizeof(ike->local_id) - 1);
	assert_string_equal(ike->remote_id, "a?b");
	vici_facts_free_sas(&facts);
}

static void test_limits(void **state)
{
	struct vici_facts facts = {0};
	struct build b;
	struct vici_packet packet = message(&b, "list-sa", "t{ child-sas{ c{ } } }");

	(void)state;
	for (size_t i = 0; i < VICI_IKES_MOST + 3; i++)
		vici_facts_sa(&packet, NOW, &facts);
	assert_int_equal(facts.ike_count, VICI_IKES_MOST);
	assert_int_equal(facts.omitted, 3);
	assert_int_equal(facts.child_count, VICI_IKES_MOST + 3);
	vici_facts_free_sas(&facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sa),	   cmocka_unit_test(test_sa_others),
		cmocka_unit_test(test_connection), cmocka_unit_test(test_connection_same_auth),
		cmocka_unit_test(test_version),	   cmocka_unit_test(test_events),
		cmocka_unit_test(test_no_events),  cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
