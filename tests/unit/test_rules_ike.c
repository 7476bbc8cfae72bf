// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_rules_ike.c - the rules of family A: each with a case that raises it, a near miss that must not, and its threshold
 * crossed both ways
 */
#include "rules_build.h"

#define V2_NO_PROPOSAL_CHOSEN 14
#define V2_INVALID_MAJOR_VERSION 5
#define V2_INVALID_KE 17
#define V2_COOKIE 16390
#define NAT_SOURCE 16388
#define NAT_DESTINATION 16389

/* ---- nobody answers */

static void no_response(void **unused)
{
	(void)unused;
	for (int i = 0; i < 2; i++) {
		init_request(1, 0);
		after(SECOND);
		assert_null(look(FINDING_IKE_NO_RESPONSE));
	}
	init_request(1, 0);
	assert_whole(look(FINDING_IKE_NO_RESPONSE));
	assert_int_equal(raised(FINDING_IKE_NO_RESPONSE)->shape, SHAPE_NEVER_UP);
	assert_int_equal(raised(FINDING_IKE_NO_RESPONSE)->confidence, CONFIDENCE_CERTAIN);
	assert_true(has_evidence(raised(FINDING_IKE_NO_RESPONSE), "sent again"));
	assert_true(advises(raised(FINDING_IKE_NO_RESPONSE), PLATFORM_ISP));
	/* Its host is there, and says why: it is not the ISP */
	refuse(500);
	assert_non_null(
		strstr(look(FINDING_IKE_NO_RESPONSE)->meaning, "nothing listens on its UDP port 500"));
	assert_non_null(strstr(raised(FINDING_IKE_NO_RESPONSE)->action, "start the IKE daemon of 10.0.0.2"));
	assert_false(advises(raised(FINDING_IKE_NO_RESPONSE), PLATFORM_ISP));
	assert_true(has_evidence(raised(FINDING_IKE_NO_RESPONSE), "by ICMP"));
	/* An answer ends it */
	init_response();
	assert_null(look(FINDING_IKE_NO_RESPONSE));
	assert_int_equal(diagnosis_cleared(d)->count, 1);
	/* So does one to a later attempt, even if it is a no */
	anew();
	for (int i = 0; i < 3; i++) {
		init_request(1, 0);
		after(SECOND);
	}
	assert_non_null(look(FINDING_IKE_NO_RESPONSE));
	spi_i++;
	init_request(1, 0);
	assert_non_null(seconds(1, FINDING_IKE_NO_RESPONSE));
	init_notify(V2_NO_PROPOSAL_CHOSEN, 0);
	assert_null(look(FINDING_IKE_NO_RESPONSE));
	assert_non_null(raised(FINDING_IKE_PROPOSAL_MISMATCH));
	/* The peer's request that we do not answer is another matter */
	anew();
	memcpy(tunnel.local, ends[RIGHT].address, 16);
	memcpy(tunnel.remote, ends[LEFT].address, 16);
	for (int i = 0; i < 3; i++) {
		init_request(1, 0);
		after(SECOND);
	}
	assert_null(look(FINDING_IKE_NO_RESPONSE));
}

/* Tried again and again: since the first of the attempts. */
static void no_response_since(void **unused)
{
	uint64_t first = now;

	(void)unused;
	for (int attempt = 0; attempt < 3; attempt++) {
		for (int i = 0; i < 4; i++) {
			init_request(1, 0);
			after(4 * SECOND);
			look(FINDING_IKE_NO_RESPONSE);
		}
		seconds(60, FINDING_IKE_NO_RESPONSE);
		assert_whole(raised(FINDING_IKE_NO_RESPONSE));
		assert_int_equal(raised(FINDING_IKE_NO_RESPONSE)->since_ns, first);
		spi_i++;
	}
	/* Given up and not tried again: after ten minutes history */
	assert_null(seconds(620, FINDING_IKE_NO_RESPONSE));
}

static void request_not_answered(void **unused)
{
	(void)unused;
	for (int on = 1; on >= 0; on--) {
		anew();
		live = on;
		memcpy(tunnel.local, ends[RIGHT].address, 16);
		memcpy(tunnel.remote, ends[LEFT].address, 16);
		init_request(1, 0);
		assert_null(seconds(4, FINDING_IKE_REQUEST_NOT_ANSWERED));
		init_request(1, 0);
		assert_null(look(FINDING_IKE_REQUEST_NOT_ANSWERED));
		assert_true(!seconds(2, FINDING_IKE_REQUEST_NOT_ANSWERED) == !on);
	}
	/* We do answer */
	anew();
	live = true;
	memcpy(tunnel.local, ends[RIGHT].address, 16);
	memcpy(tunnel.remote, ends[LEFT].address, 16);
	init_request(1, 0);
	after(SECOND);
	init_request(1, 0);
	init_response();
	assert_null(seconds(4, FINDING_IKE_REQUEST_NOT_ANSWERED));
}

static void reply_lost(void **unused)
{
	(void)unused;
	for (int ours = 0; ours < 2; ours++) {
		anew();
		memcpy(tunnel.local, ends[ours ? LEFT : RIGHT].address, 16);
		memcpy(tunnel.remote, ends[ours ? RIGHT : LEFT].address, 16);
		init_request(1, 0);
		init_response();
		for (int i = 0; i < 2; i++) {
			assert_null(seconds(1, FINDING_IKE_REPLY_LOST));
			init_request(1, 0);
			init_response();
		}
		assert_non_null(look(FINDING_IKE_REPLY_LOST));
		assert_non_null(strstr(raised(FINDING_IKE_REPLY_LOST)->meaning,
				       ours ? "do not reach our IKE daemon" : "our answers do not arrive"));
		/* Tried again, and answered: that does not tell whether the answer arrives */
		spi_i++;
		spi_r++;
		after(SECOND);
		init_pair();
		assert_non_null(seconds(1, FINDING_IKE_REPLY_LOST));
		pair(LEFT, AUTH, 1, 288, AUTH_GOOD);
		assert_null(look(FINDING_IKE_REPLY_LOST));
	}
	/* Lost on the way to what was established before, until it goes on */
	anew();
	up();
	for (int i = 0; i < 3; i++) {
		pair(LEFT, INFO, 2, EMPTY, EMPTY);
		seconds(2, FINDING_IKE_REPLY_LOST);
	}
	assert_non_null(raised(FINDING_IKE_REPLY_LOST));
	assert_non_null(seconds(59, FINDING_IKE_REPLY_LOST));
	pair(LEFT, INFO, 3, EMPTY, EMPTY);
	assert_null(look(FINDING_IKE_REPLY_LOST));
	/* It was only slow, and then answered each of them (captures/diagnose/nat_raw) */
	anew();
	for (int i = 0; i < 4; i++) {
		init_request(1, 0);
		after(SECOND);
	}
	for (int i = 0; i < 4; i++)
		init_response();
	assert_null(seconds(1, FINDING_IKE_REPLY_LOST));
}

/* A payload longer than its message. */
static void malformed_from(enum end from)
{
	header(spi_i, spi_r, 33, 0x20, AUTH, from == LEFT ? 0x08 : 0x20, 2);
	put(2, 0);
	put(2, 4000);
	fill(20, 1);
	assert_int_not_equal(deliver(&ends[from], &ends[!from]), IKE_OK);
}

static void natt_blocked(void **unused)
{
	(void)unused;
	init_pair();
	port(4500);
	for (int i = 0; i < 2; i++) {
		sk(LEFT, AUTH, false, 1, 288);
		assert_null(seconds(1, FINDING_NAT_T_PORT_BLOCKED));
	}
	sk(LEFT, AUTH, false, 1, 288);
	assert_whole(look(FINDING_NAT_T_PORT_BLOCKED));
	assert_int_equal(raised(FINDING_NAT_T_PORT_BLOCKED)->confidence, CONFIDENCE_LIKELY);
	assert_true(has_evidence(raised(FINDING_NAT_T_PORT_BLOCKED), "UDP 4500"));
	sk(RIGHT, AUTH, true, 1, AUTH_GOOD);
	tunnel.state = STATE_TUNNEL_UP;
	assert_null(seconds(12, FINDING_NAT_T_PORT_BLOCKED));
	/* Nothing is answered any more, but the port was the same all the time */
	anew();
	init_pair();
	for (int i = 0; i < 4; i++) {
		sk(LEFT, AUTH, false, 1, 288);
		assert_null(seconds(1, FINDING_NAT_T_PORT_BLOCKED));
	}
	/* What comes back is of no use, but comes (captures/diagnose/damaged) */
	anew();
	init_pair();
	port(4500);
	for (int i = 0; i < 4; i++) {
		sk(LEFT, AUTH, false, 1, 288);
		malformed_from(RIGHT);
		assert_null(seconds(1, FINDING_NAT_T_PORT_BLOCKED));
	}
	assert_non_null(look(FINDING_IKE_MALFORMED));
	/* Nothing listens there */
	anew();
	init_pair();
	port(4500);
	for (int i = 0; i < 3; i++) {
		sk(LEFT, AUTH, false, 1, 288);
		refuse(4500);
		seconds(1, FINDING_NAT_T_PORT_BLOCKED);
	}
	assert_non_null(strstr(raised(FINDING_NAT_T_PORT_BLOCKED)->meaning, "nothing listens there"));
}

/* One cause of it all: an IKE SA that died, attempts that fail and, with pauses, nothing. */
static void natt_blocked_later(void **unused)
{
	(void)unused;
	init_request(1, 0);
	init_response();
	port(4500);
	pair(LEFT, AUTH, 1, 288, AUTH_GOOD);
	tunnel.state = STATE_TUNNEL_UP;
	for (int i = 0; i < 5; i++) {
		sk(LEFT, INFO, false, 2, EMPTY);
		seconds(2, FINDING_DPD_TIMEOUT);
	}
	assert_non_null(raised(FINDING_DPD_TIMEOUT));
	while (sa_at(0)->state != CONVERSATION_DEAD)
		seconds(1, FINDING_DPD_TIMEOUT);
	tunnel.state = STATE_TUNNEL_DOWN;
	tunnel.since_ns = tunnel.last_down_ns = sa_at(0)->since_ns;
	port(500);
	spi_i++;
	spi_r++;
	init_pair();
	assert_non_null(look(FINDING_DPD_TIMEOUT)); /* on UDP 500 only */
	port(4500);
	for (int i = 0; i < 3; i++) {
		sk(LEFT, AUTH, false, 1, 288);
		seconds(2, FINDING_NAT_T_PORT_BLOCKED);
	}
	seconds(100, FINDING_NAT_T_PORT_BLOCKED);
	assert_non_null(raised(FINDING_NAT_T_PORT_BLOCKED));
	assert_null(raised(FINDING_DPD_TIMEOUT));
	assert_null(raised(FINDING_TUNNEL_NOT_RESTARTED));
	assert_int_equal(raised(FINDING_NAT_T_PORT_BLOCKED)->explains_count, 2);
}

static void send_in_fragments(void)
{
	struct conversation_packet packet = {
		.time_ns = now, .source = ends[LEFT], .destination = ends[RIGHT], .ip_fragments = true};

	build_sk(true, AUTH, false, 1, 2800);
	message[26] = (uint8_t)(message_length >> 8);
	message[27] = (uint8_t)message_length;
	packet.message = message;
	packet.captured = 1400; /* what the first fragment has */
	packet.length = message_length;
	conversation_packet(c, &packet); /* says that it is not whole */
}

static void fragments_lost(void **unused)
{
	(void)unused;
	init_pair();
	port(4500);
	for (int i = 0; i < 2; i++) {
		send_in_fragments();
		assert_null(seconds(1, FINDING_IKE_FRAGMENTS_LOST));
	}
	send_in_fragments();
	assert_whole(look(FINDING_IKE_FRAGMENTS_LOST));
	assert_null(raised(FINDING_NAT_T_PORT_BLOCKED));
	/* Answered */
	anew();
	init_pair();
	for (int i = 0; i < 3; i++) {
		send_in_fragments();
		after(SECOND);
	}
	sk(RIGHT, AUTH, true, 1, AUTH_GOOD);
	assert_null(seconds(3, FINDING_IKE_FRAGMENTS_LOST));
}

/* ---- the other end says no */

static void ask_for_another_group(void)
{
	header(spi_i, 0, 41, 0x20, 34, 0x20, 0);
	notify(0, V2_INVALID_KE, 2, 0x13);
	send_from(RIGHT);
}

static void proposal_mismatch(void **unused)
{
	const struct finding *f;

	(void)unused;
	init_request(1, 0);
	after(MS);
	init_notify(V2_NO_PROPOSAL_CHOSEN, 0);
	f = look(FINDING_IKE_PROPOSAL_MISMATCH);
	assert_whole(f);
	assert_int_equal(f->confidence, CONFIDENCE_CERTAIN);
	assert_true(has_evidence(f, "AES_CBC_128/HMAC_SHA2_256_128"));
	/* Mended by a negotiation that went well */
	after(SECOND);
	spi_i++;
	up();
	assert_int_equal(f->shape, SHAPE_NEVER_UP);
	assert_null(look(FINDING_IKE_PROPOSAL_MISMATCH)); /* although the tunnel has no child SA yet */
	assert_int_equal(diagnosis_cleared(d)->list[0]->shape, SHAPE_NEVER_UP);
	tunnel.state = STATE_TUNNEL_UP;
	assert_null(seconds(12, FINDING_IKE_PROPOSAL_MISMATCH));
	f = diagnosis_cleared(d)->list[0];
	assert_int_equal(f->shape, SHAPE_NONE);
	assert_int_equal(diagnosis_cleared(d)->count, 1);
	assert_true(diagnosis_cleared(d)->list[0]->until_ns > f->since_ns);
	/* Another group is a question, not a no */
	anew();
	init_request(1, 0);
	ask_for_another_group();
	assert_null(seconds(1, FINDING_IKE_PROPOSAL_MISMATCH));
}

/* An IKE_SA_INIT of that end with that DH group, refused. */
static void refused(enum end from, uint8_t group)
{
	spi_i++;
	header(spi_i, 0, 33, 0x20, 34, 0x08, 0);
	sa_payload(34);
	message[message_length - 1] = group;
	ke_and_nonce(0, 1);
	send_from(from);
	after(MS);
	header(spi_i, 0, 41, 0x20, 34, 0x20, 0);
	notify(0, V2_NO_PROPOSAL_CHOSEN, 0, 0);
	send_from(!from);
	after(SECOND);
}

/* Both ends began, and both were refused: what differs is on the wire. What agrees is of a time when it was configured otherwise. */
static void proposals_compared(void **unused)
{
	const struct finding *f;

	(void)unused;
	refused(RIGHT, 14);
	f = look(FINDING_IKE_PROPOSAL_MISMATCH);
	assert_non_null(f);
	assert_null(strstr(f->meaning, "offered"));
	refused(LEFT, 31);
	f = look(FINDING_IKE_PROPOSAL_MISMATCH);
	assert_non_null(strstr(f->meaning,
			       ": MODP_2048 (DH group 14) only offered by the peer; CURVE_25519 (DH group "
			       "31) only offered by us."));
	assert_non_null(strstr(f->action, "the peer has MODP_2048, here it is CURVE_25519"));
	assert_true(has_evidence(f, "offered by us"));
	assert_true(has_evidence(f, "offered by the peer"));
	/* The same offer of the other end is no difference, whatever became of it */
	anew();
	refused(RIGHT, 31);
	spi_i++;
	init_request(1, 0);
	f = look(FINDING_IKE_PROPOSAL_MISMATCH);
	assert_non_null(f);
	assert_null(strstr(f->meaning, "offered"));
	assert_false(has_evidence(f, "when we began"));
}

static void dh_group_retry(void **unused)
{
	(void)unused;
	for (int i = 0; i < 3; i++) {
		assert_null(raised(FINDING_IKE_DH_GROUP_RETRY));
		init_request(1, 0);
		ask_for_another_group();
		init_request(2, 0);
		init_response();
		spi_i++;
		spi_r++;
		seconds(20, FINDING_IKE_DH_GROUP_RETRY);
	}
	assert_non_null(raised(FINDING_IKE_DH_GROUP_RETRY));
	assert_null(seconds(700, FINDING_IKE_DH_GROUP_RETRY));
}

static void cookie_challenge(void **unused)
{
	(void)unused;
	init_request(1, 0);
	init_notify(V2_COOKIE, 16);
	assert_non_null(look(FINDING_IKE_COOKIE_CHALLENGE));
	assert_int_equal(raised(FINDING_IKE_COOKIE_CHALLENGE)->severity, SEVERITY_INFO);
	anew();
	init_pair();
	assert_null(look(FINDING_IKE_COOKIE_CHALLENGE));
}

static void version_mismatch(void **unused)
{
	(void)unused;
	init_request(1, 0);
	init_notify(V2_INVALID_MAJOR_VERSION, 0);
	assert_whole(look(FINDING_IKE_VERSION_MISMATCH));
	assert_int_equal(raised(FINDING_IKE_VERSION_MISMATCH)->confidence, CONFIDENCE_CERTAIN);
	anew();
	init_request(1, 0);
	init_notify(V2_NO_PROPOSAL_CHOSEN, 0);
	assert_null(look(FINDING_IKE_VERSION_MISMATCH));
}

static void auth_failed(void **unused)
{
	(void)unused;
	init_pair();
	pair(LEFT, AUTH, 1, 288, NOTIFY);
	assert_whole(look(FINDING_IKE_AUTH_FAILED));
	assert_int_equal(raised(FINDING_IKE_AUTH_FAILED)->confidence, CONFIDENCE_LIKELY);
	assert_null(raised(FINDING_CHILD_SA_FAILED));
	/* The tunnel stands by another IKE SA */
	tunnel.state = STATE_TUNNEL_UP;
	assert_null(look(FINDING_IKE_AUTH_FAILED));
	/* It is the initiator that refuses, each time: that the responder agrees is no success */
	anew();
	for (int i = 0; i < 4; i++) {
		up();
		pair(LEFT, INFO, 2, EMPTY, EMPTY);
		after(SECOND);
		assert_int_equal(!raised(FINDING_IKE_AUTH_FAILED), i < 2);
		look(FINDING_IKE_AUTH_FAILED);
		spi_i++;
		spi_r++;
		seconds(5, FINDING_IKE_AUTH_FAILED);
		assert_int_equal(!raised(FINDING_IKE_AUTH_FAILED), i < 1);
	}
	anew();
	up();
	assert_null(seconds(3, FINDING_IKE_AUTH_FAILED));
}

static void child_sa_failed(void **unused)
{
	(void)unused;
	init_pair();
	pair(LEFT, AUTH, 1, 288, AUTH_NO_CHILD);
	tunnel.state = STATE_TUNNEL_DOWN;
	assert_whole(look(FINDING_CHILD_SA_FAILED));
	assert_int_equal(raised(FINDING_CHILD_SA_FAILED)->confidence, CONFIDENCE_LIKELY);
	assert_null(raised(FINDING_IKE_AUTH_FAILED));
	/* ESP is there after all */
	tunnel.spi_count = 2;
	assert_null(look(FINDING_CHILD_SA_FAILED));
	/* A rekeying that is refused is not about the first child SA */
	anew();
	up();
	pair(LEFT, CHILD, 2, 300, NOTIFY);
	assert_null(seconds(3, FINDING_CHILD_SA_FAILED));
	assert_null(raised(FINDING_CHILD_REKEY_FAILING));
}

/* The daemon has an IKE SA without a child SA: then it is certain. */
static void child_sa_failed_certain(void **unused)
{
	struct fact_ike ike = {.unique_id = 7, .initiator_spi = SPI_I};
	struct fact_child child = {.ike_unique_id = 8};

	(void)unused;
	init_pair();
	pair(LEFT, AUTH, 1, 288, AUTH_NO_CHILD);
	daemon_facts.ikes = &ike;
	daemon_facts.ike_count = 1;
	daemon_facts.children = &child;
	daemon_facts.child_count = 1;
	with_daemon = true;
	assert_whole(look(FINDING_CHILD_SA_FAILED));
	assert_int_equal(raised(FINDING_CHILD_SA_FAILED)->confidence, CONFIDENCE_CERTAIN);
	child.ike_unique_id = 7;
	assert_int_equal(seconds(1, FINDING_CHILD_SA_FAILED)->confidence, CONFIDENCE_LIKELY);
}

static void malformed(void **unused)
{
	(void)unused;
	up();
	for (int i = 0; i < 3; i++) {
		assert_null(seconds(1, FINDING_IKE_MALFORMED));
		malformed_from(LEFT);
	}
	assert_non_null(look(FINDING_IKE_MALFORMED));
	assert_true(has_evidence(raised(FINDING_IKE_MALFORMED), "malformed"));
}

/* ---- NAT */

/* IKE_SA_INIT with NAT detection hashes that fit nobody. */
static void init_behind_nat(void)
{
	header(spi_i, 0, 33, 0x20, 34, 0x08, 0);
	sa_payload(34);
	ke_and_nonce(41, 1);
	notify(41, NAT_SOURCE, 20, 0xaa);
	notify(0, NAT_DESTINATION, 20, 0xbb);
	send_from(LEFT);
	after(MS);
	header(spi_i, spi_r, 33, 0x20, 34, 0x20, 0);
	sa_payload(34);
	ke_and_nonce(41, 7);
	notify(41, NAT_SOURCE, 20, 0xaa);
	notify(0, NAT_DESTINATION, 20, 0xbb);
	send_from(RIGHT);
	after(MS);
}

/* Is it raised with so many packets of this protocol, in UDP or not, after a NAT was detected or not? */
static bool across_nat(enum finding_id id, bool nat, uint8_t protocol, bool udp, uint64_t packets)
{
	struct state_sa *sa;

	anew();
	if (nat)
		init_behind_nat();
	else
		init_pair();
	pair(LEFT, AUTH, 1, 288, AUTH_GOOD);
	tunnel.state = STATE_TUNNEL_UP;
	sa = add_sa(LEFT, protocol);
	sa->packets = packets;
	sa->encapsulation = udp ? ESP_PKT_UDP : 0;
	return look(id) != NULL;
}

static void nat(void **unused)
{
	(void)unused;
	assert_false(across_nat(FINDING_NAT_T_NOT_NEGOTIATED, true, 50, false, 9));
	assert_true(across_nat(FINDING_NAT_T_NOT_NEGOTIATED, true, 50, false, 10));
	assert_whole(raised(FINDING_NAT_T_NOT_NEGOTIATED));
	assert_false(across_nat(FINDING_NAT_T_NOT_NEGOTIATED, true, 50, true, 10));
	assert_false(across_nat(FINDING_NAT_T_NOT_NEGOTIATED, false, 50, false, 10));
	assert_true(across_nat(FINDING_AH_BEHIND_NAT, true, 51, false, 1));
	assert_whole(raised(FINDING_AH_BEHIND_NAT));
	assert_false(across_nat(FINDING_AH_BEHIND_NAT, true, 51, false, 0));
	assert_false(across_nat(FINDING_AH_BEHIND_NAT, false, 51, false, 1));
	assert_false(across_nat(FINDING_AH_BEHIND_NAT, true, 50, false, 100));
}

/* ---- who can start */

static void negotiate(bool by_us, bool well)
{
	address(LEFT, by_us ? 1 : 2);
	address(RIGHT, by_us ? 2 : 1);
	spi_i++;
	spi_r++;
	init_pair();
	pair(LEFT, AUTH, 1, 288, well ? AUTH_GOOD : NOTIFY);
	tunnel.last_good_ns = now;
	after(20 * SECOND);
}

static void only_one_side(void **unused)
{
	(void)unused;
	negotiate(true, true);
	negotiate(false, false);
	assert_null(look(FINDING_ONLY_ONE_SIDE_CAN_START));
	negotiate(false, false);
	assert_whole(look(FINDING_ONLY_ONE_SIDE_CAN_START));
	/* So could the other one, in the end */
	negotiate(false, true);
	assert_null(seconds(601, FINDING_ONLY_ONE_SIDE_CAN_START));
	/* Failed, was mended, and then another end began: nothing is known of who can */
	anew();
	negotiate(false, false);
	negotiate(false, false);
	negotiate(true, true);
	assert_null(look(FINDING_ONLY_ONE_SIDE_CAN_START));
}

/* ---- nobody starts */

static void not_started(void **unused)
{
	static const struct fact_acquire acquire = {
		.destination = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 2}, .count = 5};

	(void)unused;
	for (int near = 0; near < 3; near++) {
		anew();
		live = with_daemon = with_kernel = true;
		state.tunnel_count = 0;
		strcpy(connection.name, "office");
		memcpy(connection.remote, ends[RIGHT].address, 16);
		connection.child_count = near != 1; /* 1: nothing to start */
		if (near == 2)			    /* IKE was seen */
			init_request(1, 0);
		assert_null(look(FINDING_IKE_NOT_STARTED));
		assert_null(seconds(29, FINDING_IKE_NOT_STARTED));
		assert_true(!seconds(2, FINDING_IKE_NOT_STARTED) == (near != 0));
		if (near)
			continue;
		assert_whole(raised(FINDING_IKE_NOT_STARTED));
		assert_string_equal(raised(FINDING_IKE_NOT_STARTED)->tunnel, "office");
		assert_non_null(strstr(raised(FINDING_IKE_NOT_STARTED)->meaning, "no traffic reaches"));
		kernel.acquires = &acquire;
		kernel.acquire_count = 1;
		assert_non_null(strstr(seconds(1, FINDING_IKE_NOT_STARTED)->meaning, "does not act on it"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_response, begin, end),
		cmocka_unit_test_setup_teardown(no_response_since, begin, end),
		cmocka_unit_test_setup_teardown(request_not_answered, begin, end),
		cmocka_unit_test_setup_teardown(reply_lost, begin, end),
		cmocka_unit_test_setup_teardown(natt_blocked, begin, end),
		cmocka_unit_test_setup_teardown(natt_blocked_later, begin, end),
		cmocka_unit_test_setup_teardown(fragments_lost, begin, end),
		cmocka_unit_test_setup_teardown(proposal_mismatch, begin, end),
		cmocka_unit_test_setup_teardown(proposals_compared, begin, end),
		cmocka_unit_test_setup_teardown(dh_group_retry, begin, end),
		cmocka_unit_test_setup_teardown(cookie_challenge, begin, end),
		cmocka_unit_test_setup_teardown(version_mismatch, begin, end),
		cmocka_unit_test_setup_teardown(auth_failed, begin, end),
		cmocka_unit_test_setup_teardown(child_sa_failed, begin, end),
		cmocka_unit_test_setup_teardown(child_sa_failed_certain, begin, end),
		cmocka_unit_test_setup_teardown(malformed, begin, end),
		cmocka_unit_test_setup_teardown(nat, begin, end),
		cmocka_unit_test_setup_teardown(only_one_side, begin, end),
		cmocka_unit_test_setup_teardown(not_started, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
