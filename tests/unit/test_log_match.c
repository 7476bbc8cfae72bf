// SPDX-License-Identifier: GPL-2.0-or-later
/* test_log_match.c - the table of dialects: each row finds its own message, captures what it says, and nothing else does */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/log_address.h"
#include "model/log_match.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int set_up(void **state)
{
	*state = log_matcher_new();
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	log_matcher_free(*state);
	return 0;
}

/* What a capture stands for in the example of its row */
static const struct {
	const char *capture, *value;
} examples[] = {
	{"<peer>", "203.0.113.7"},
	{"<local>", "198.51.100.1"},
	{"<pport>", "4500"},
	{"<lport>", "500"},
	{"<conn>", "hq"},
	{"<id>", "12"},
	{"<child>", "net"},
	{"<exch>", "IKE_AUTH"},
	{"<mid>", "3"},
	{"<n>", "5"},
	{"<size>", "80"},
	{"<spi>", "0xc0ffee01"},
	{"<iface>", "1"},
	{"<text>", "A/B 10.0.0.0/8"},
	{"<any>", "x y"},
};

static void write_example(const char *pattern, char *to, size_t size)
{
	size_t used = 0;

	*to = '\0';
	pattern += *pattern == '^';
	while (*pattern) {
		size_t i = 0;

		for (; *pattern == '<' && i < COUNT(examples); i++)
			if (strncmp(pattern, examples[i].capture, strlen(examples[i].capture)) == 0)
				break;
		if (*pattern == '<') {
			assert_true(i < COUNT(examples));
			used += (size_t)snprintf(to + used, size - used, "%s", examples[i].value);
			pattern += strlen(examples[i].capture);
		} else {
			used += (size_t)snprintf(to + used, size - used, "%c", *pattern++);
		}
		assert_true(used < size);
	}
}

static void check_span(struct log_span s, const char *pattern, const char *capture)
{
	size_t i = 0;

	if (!strstr(pattern, capture)) {
		assert_null(s.at);
		return;
	}
	while (strcmp(examples[i].capture, capture) != 0)
		i++;
	assert_non_null(s.at);
	assert_int_equal(s.length, strlen(examples[i].value));
	assert_memory_equal(s.at, examples[i].value, s.length);
}

static void check_number(uint64_t number, const char *pattern, const char *capture, uint64_t wanted)
{
	assert_true(number == (strstr(pattern, capture) ? wanted : UINT64_MAX));
}

static void each_row_is_found(void **state)
{
	for (size_t i = 0; i < log_row_count(); i++) {
		const struct log_row *row = log_row_get(i);
		struct log_match m;
		char message[512];

		write_example(row->pattern, message, sizeof(message));
		if (!log_matcher_find(*state, row->dialect, message, strlen(message), &m))
			fail_msg("not found: %s", message);
		/* A row before it may say the same, more particularly */
		if (m.row->kind != row->kind)
			fail_msg("'%s' is taken for '%s'", message, m.row->pattern);
		if (m.row != row)
			continue;
		check_span(m.peer, row->pattern, "<peer>");
		check_span(m.local, row->pattern, "<local>");
		check_span(m.conn, row->pattern, "<conn>");
		check_span(m.child, row->pattern, "<child>");
		check_span(m.exchange, row->pattern, "<exch>");
		check_span(m.iface, row->pattern, "<iface>");
		check_span(m.text, row->pattern, "<text>");
		check_number(m.n, row->pattern, "<n>", 5);
		check_number(m.mid, row->pattern, "<mid>", 3);
		check_number(m.id, row->pattern, "<id>", 12);
		check_number(m.size, row->pattern, "<size>", 80);
		check_number(m.peer_port, row->pattern, "<pport>", 4500);
		check_number(m.local_port, row->pattern, "<lport>", 500);
		check_number(m.spi, row->pattern, "<spi>", 0xc0ffee01);
	}
}

/* No byte beyond the message is read, and a message that is cut off is at most another one */
static void cut_off_anywhere(void **state)
{
	for (size_t i = 0; i < log_row_count(); i++) {
		char message[512];
		size_t length;

		write_example(log_row_get(i)->pattern, message, sizeof(message));
		length = strlen(message);
		for (size_t cut = 0; cut < length; cut++) {
			char *exact = malloc(cut ? cut : 1);
			struct log_match m;

			assert_non_null(exact);
			memcpy(exact, message, cut);
			if (log_matcher_find(*state, LOG_ANY, exact, cut, &m) && m.peer.at)
				assert_true(m.peer.at >= exact && m.peer.at + m.peer.length <= exact + cut);
			free(exact);
		}
	}
}

static enum log_kind kind_of(void **state, unsigned int dialects, const char *message)
{
	struct log_match m;

	return log_matcher_find(*state, dialects, message, strlen(message), &m) ? m.row->kind : LOG_KINDS;
}

/* The fragments of the symptom catalogue, as they are written there */
static void the_catalogue(void **state)
{
	static const struct {
		const char *message;
		enum log_kind kind;
	} messages[] = {
		{"retransmit 3 of request with message ID 7", LOG_RETRANSMIT},
		{"giving up after 5 retransmits", LOG_GAVE_UP},
		{"sending DPD request", LOG_DPD_SENT},
		{"received DELETE for IKE_SA hq[3]", LOG_DELETE_RECEIVED},
		{"no acceptable proposal found", LOG_NO_PROPOSAL},
		{"received proposals: ESP:A/B", LOG_PROPOSALS_RECEIVED},
		{"configured proposals: ESP:A/C", LOG_PROPOSALS_CONFIGURED},
		{"received NO_PROPOSAL_CHOSEN notify error", LOG_NO_PROPOSAL},
		{"received AUTHENTICATION_FAILED notify error", LOG_AUTH_FAILED},
		{"received TS_UNACCEPTABLE notify, no CHILD_SA built", LOG_SELECTORS_REFUSED},
		{"received INVALID_KE_PAYLOAD notify", LOG_INVALID_KE},
		{"failed to establish CHILD_SA, keeping IKE_SA", LOG_CHILD_FAILED},
		{"local host is behind NAT, sending keep alives", LOG_NAT_LOCAL},
		{"remote host is behind NAT", LOG_NAT_REMOTE},
		{"Interface ipsec3 DOWN", LOG_TUNNEL_DOWN},
		{"interface-state-change severity-level:major host-name:\"v\" if-name:\"ipsec1\" "
		 "new-state:down",
		 LOG_TUNNEL_DOWN},
		{"%CRYPTO-4-PKT_REPLAY_ERR: decrypt: replay check failed", LOG_REPLAY},
		{"replay check failed", LOG_REPLAY},
		{"ESP sequence fail", LOG_REPLAY},
		{"recd IPSEC packet has invalid spi for destaddr=10.0.0.1", LOG_INVALID_SPI},
		{"%CRYPTO-4-RECVD_PKT_INV_SPI: decaps", LOG_INVALID_SPI},
		{"%PIX-4-402101: decaps: recd IPSEC packet", LOG_INVALID_SPI},
		{"atts are not acceptable. Next payload is 0", LOG_NO_PROPOSAL},
		{"no offers accepted!", LOG_PHASE1_REFUSED},
		{"Hash algorithm offered does not match policy!", LOG_OFFER_DIFFERS},
		{"Encryption algorithm offered does not match policy!", LOG_OFFER_DIFFERS},
		{"phase 1 SA not acceptable!", LOG_PHASE1_REFUSED},
		{"%CRYPTO-6-IKMP_MODE_FAILURE: Processing of Main mode failed with peer at 10.0.0.1",
		 LOG_PHASE1_REFUSED},
		{"%CRPTO-4-IKMP_BAD_MESSAGE: IKE message from 10.0.0.1 failed its sanity check or is "
		 "malformed",
		 LOG_AUTH_FAILED},
		{"Reserved not zero on payload 5!", LOG_AUTH_FAILED},
		{"proxy identities not supported", LOG_SELECTORS_REFUSED},
		{"invalid proxy IDs", LOG_SELECTORS_REFUSED},
		{"transform proposal (prot 3, trans 3, hmac_alg 2) not supported", LOG_PHASE2_REFUSED},
		{"All IPSec SA proposals found unacceptable!", LOG_PHASE2_REFUSED},
		{"QM FSM error (P2 struct &0x49ba5a0, mess id 0xcd600011)!", LOG_PHASE2_REFUSED},
		{"No cert, and no keys (public or pre-shared) with remote peer 10.0.0.1", LOG_PEER_UNKNOWN},
		{"peer address 10.0.0.1 not found", LOG_PEER_UNKNOWN},
		{"invalid local address 10.0.0.1", LOG_PEER_UNKNOWN},
		{"HMAC verification failed", LOG_ESP_AUTH},
		{"MACMiscompare", LOG_ESP_AUTH},
		{"Packet Encryption/Decryption error, status=4615", LOG_REPLAY},
		{"Packet Encryption/Decryption error, status=4612", LOG_REPLAY},
		{"10.0.0.1  10.0.0.2  MM_NO_STATE  0 ACTIVE", LOG_STATE_NO_STATE},
		{"10.0.0.1  10.0.0.2  MM_KEY_EXCH  1 ACTIVE", LOG_STATE_KEY_EXCH},
		{"10.0.0.1  10.0.0.2  QM_IDLE  1 ACTIVE", LOG_STATE_UP},
		{"ICMP: dst (10.0.0.1) frag. needed and DF set", LOG_PMTU},
		{"Got NOTIFY of type NO_PROPOSAL_CHOSEN", LOG_NO_PROPOSAL},
		{"phase1 proposal mismatch", LOG_PHASE1_REFUSED},
		{"phase2 proposal or pfs mismatch", LOG_PHASE2_REFUSED},
		{"Got NOTIFY of type PAYLOAD_MALFORMED", LOG_AUTH_FAILED},
		{"Invalid Next Payload of Type 190 in Payload Type 5", LOG_AUTH_FAILED},
		{"Got NOTIFY of type INVALID_PAYLOAD_TYPE", LOG_AUTH_FAILED},
		{"Authentication failed for the peer", LOG_AUTH_FAILED},
		{"Reason=authentication fail.", LOG_AUTH_FAILED},
		{"malformed payload", LOG_AUTH_FAILED},
		{"Got NOTIFY of type INVALID_ID_INFORMATION", LOG_SELECTORS_REFUSED},
		{"flow mismatch", LOG_SELECTORS_REFUSED},
		{"acl mismatch", LOG_SELECTORS_REFUSED},
		{"config ID mismatch", LOG_IDENTITY_REFUSED},
		{"Received remote-name(branch) does not match", LOG_IDENTITY_REFUSED},
		{"peer address mismatch", LOG_IDENTITY_REFUSED},
		{"ike peer configuration not found for peer 10.0.0.1", LOG_PEER_UNKNOWN},
		{"Unable to find IPSEC Policy for peer 10.0.0.1", LOG_PEER_UNKNOWN},
		{"Remote Peer Not Responding", LOG_NO_RESPONSE},
		{"can't handle any more tunnels", LOG_CAPACITY},
		{"trigger ok: 0", LOG_NOT_TRIGGERED},
		{"can not find SA: 3", LOG_INVALID_SPI},
	};

	for (size_t i = 0; i < COUNT(messages); i++)
		if (kind_of(state, LOG_ANY, messages[i].message) != messages[i].kind)
			fail_msg("%s", messages[i].message);
}

static void only_what_is_meant(void **state)
{
	/* The first message of a line counts: identities come from the network */
	assert_int_equal(kind_of(state, LOG_CHARON,
				 "looking for peer configs matching 10.0.0.1[a]...10.0.0.2[giving up after 5 "
				 "retransmits]"),
			 LOG_NOTE);
	assert_int_equal(kind_of(state, LOG_CHARON, "GIVING UP AFTER 5 RETRANSMITS"), LOG_GAVE_UP);
	assert_int_equal(kind_of(state, LOG_CISCO, "giving up after 5 retransmits"), LOG_KINDS);
	assert_int_equal(kind_of(state, LOG_CHARON, "giving up after x retransmits"), LOG_KINDS);
	assert_int_equal(kind_of(state, LOG_ANY, "pam_unix(sshd:auth): authentication: 3"), LOG_KINDS);
	assert_int_equal(kind_of(state, LOG_ANY, "  10.0.0.1   10.0.0.2   MM_NO_STATE"), LOG_STATE_NO_STATE);
	assert_int_equal(kind_of(state, LOG_ANY, ""), LOG_KINDS);
	for (size_t i = 0; i < LOG_KINDS; i++) {
		assert_true(*log_kind_name((enum log_kind)i) && *log_kind_what((enum log_kind)i));
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(log_kind_name((enum log_kind)i),
						log_kind_name((enum log_kind)k));
	}
}

static void check_peer(const char *message, const char *wanted)
{
	struct log_span s = {message, strlen(message)}, peer;
	char normal[LOG_ADDRESS_SIZE];

	if (!wanted) {
		assert_false(log_address_of_peer(s, &peer));
		return;
	}
	assert_true(log_address_of_peer(s, &peer));
	assert_true(log_address_normal(peer, normal));
	assert_string_equal(normal, wanted);
}

static void addresses(void **state)
{
	uint32_t spi;

	(void)state;
	check_peer("Group = 203.0.113.7, IP = 203.0.113.7, QM FSM error", "203.0.113.7");
	check_peer("PeerAddress=203.0.113.7, PeerPort=500", "203.0.113.7");
	check_peer("Local:198.51.100.1:500 Remote:203.0.113.7:500 Username:x", "203.0.113.7");
	check_peer("from 203.0.113.7 (user= a) to 198.51.100.1", "203.0.113.7");
	check_peer("(local 198.51.100.1 remote 203.0.113.7)", "203.0.113.7");
	check_peer("with peer at 203.0.113.7.", "203.0.113.7");
	check_peer("peer 2001:DB8:0::7 is dead", "2001:db8::7");
	check_peer("destaddr=198.51.100.1, srcaddr=203.0.113.7", "203.0.113.7");
	check_peer("peer gateway.example", NULL);
	check_peer("peer 999.1.1.1", NULL);
	check_peer("peer", NULL);
	assert_true(log_address_spi((struct log_span){"(SPI= 0x4C1D1E90, x", 18}, &spi));
	assert_int_equal(spi, 0x4c1d1e90);
	assert_false(log_address_spi((struct log_span){"spider 0x12", 11}, &spi));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_is_found), cmocka_unit_test(cut_off_anywhere),
		cmocka_unit_test(the_catalogue),     cmocka_unit_test(only_what_is_meant),
		cmocka_unit_test(addresses),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
