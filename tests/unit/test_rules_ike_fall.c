// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_rules_ike_fall.c - the rules of family B: each with a case that raises it, a near miss that must not, and its threshold
 * crossed both ways
 */
#include "rules_build.h"

/* ---- dead peer detection */

static void ask(unsigned int times, enum end by, uint32_t id)
{
	while (times--) {
		sk(by, INFO, false, id, EMPTY);
		after(4 * SECOND);
		look(FINDING_DPD_TIMEOUT);
	}
}

static void stand(void)
{
	up();
	tunnel.state = STATE_TUNNEL_UP;
	after(10 * SECOND);
	pair(LEFT, INFO, 2, EMPTY, EMPTY);
	after(10 * SECOND);
}

static void dpd_timeout(void **unused)
{
	uint64_t asked;

	(void)unused;
	stand();
	asked = now;
	ask(3, LEFT, 3);
	assert_null(raised(FINDING_DPD_TIMEOUT));
	ask(1, LEFT, 3);
	assert_whole(raised(FINDING_DPD_TIMEOUT));
	assert_non_null(strstr(raised(FINDING_DPD_TIMEOUT)->meaning, "asked 4 times in vain"));
	assert_int_equal(raised(FINDING_DPD_TIMEOUT)->since_ns, asked);
	assert_int_equal(raised(FINDING_DPD_TIMEOUT)->last_good_ns, asked - 10 * SECOND - 2 * MS);
	/* Given up */
	for (int i = 0; i < 200 && sa_at(0)->state != CONVERSATION_DEAD; i++) {
		after(SECOND);
		conversation_tick(c, now);
		if (sa_at(0)->state == CONVERSATION_DEAD) {
			tunnel.state = STATE_TUNNEL_DOWN;
			tunnel.last_down_ns = sa_at(0)->since_ns;
		}
		look(FINDING_DPD_TIMEOUT);
	}
	assert_string_equal(conversation_state_name(sa_at(0)->state), "dead");
	assert_whole(seconds(1, FINDING_DPD_TIMEOUT));
	assert_non_null(strstr(raised(FINDING_DPD_TIMEOUT)->meaning, "was declared dead"));
	assert_int_equal(raised(FINDING_DPD_TIMEOUT)->shape, SHAPE_STAYS_DOWN);
	assert_true(has_evidence(raised(FINDING_DPD_TIMEOUT), "sent again"));
	assert_true(has_evidence(raised(FINDING_DPD_TIMEOUT), "given up"));
	assert_int_equal(diagnosis_raised_total(d, FINDING_DPD_TIMEOUT), 1);
	/* For hours, if nobody does anything */
	assert_non_null(seconds(1000, FINDING_DPD_TIMEOUT));
	/* And it stands again */
	spi_i++;
	spi_r++;
	up();
	tunnel.state = STATE_TUNNEL_UP;
	assert_null(look(FINDING_DPD_TIMEOUT));
	assert_int_equal(diagnosis_cleared(d)->count, 2); /* and that nobody tries */
	for (int i = 0; i < 2; i++)
		assert_int_equal(diagnosis_cleared(d)->list[i]->shape, SHAPE_FLAP);
	assert_null(seconds(20, FINDING_DPD_TIMEOUT));
	assert_int_equal(diagnosis_raised_total(d, FINDING_DPD_TIMEOUT), 1);
}

/* Silent for so long that it is dead; the tunnel falls with it. */
static void die(uint32_t id)
{
	unsigned int last = sa_count() - 1;

	ask(5, LEFT, id);
	for (int i = 0; i < 200 && sa_at(last)->state == CONVERSATION_ESTABLISHED; i++)
		seconds(1, FINDING_DPD_TIMEOUT);
	assert_string_equal(conversation_state_name(sa_at(last)->state), "dead");
	tunnel.state = STATE_TUNNEL_DOWN;
	tunnel.since_ns = tunnel.last_down_ns = sa_at(last)->since_ns;
	assert_non_null(seconds(20, FINDING_DPD_TIMEOUT));
}

/* It is there again, and says no: then that it is silent is wrong. */
static void dpd_refuses(void **unused)
{
	(void)unused;
	stand();
	die(3);
	spi_i++;
	spi_r++;
	init_request(1, 0);
	assert_non_null(seconds(2, FINDING_DPD_TIMEOUT));
	init_response();
	assert_non_null(seconds(2, FINDING_DPD_TIMEOUT)); /* it may yet be silent where the tunnel is */
	pair(LEFT, AUTH, 1, 288, NOTIFY);
	assert_null(look(FINDING_DPD_TIMEOUT));
	assert_non_null(raised(FINDING_IKE_AUTH_FAILED));
	assert_int_equal(diagnosis_cleared(d)->list[0]->shape, SHAPE_STAYS_DOWN);
	tunnel.state = STATE_TUNNEL_UP;
	assert_null(look(FINDING_IKE_AUTH_FAILED));
	assert_int_equal(diagnosis_cleared(d)->count, 2);
	for (int i = 0; i < 2; i++)
		assert_int_equal(diagnosis_cleared(d)->list[i]->shape, SHAPE_FLAP);
}

/* Mended before anybody could be told: once all the same. */
static void dpd_mended(void **unused)
{
	(void)unused;
	stand();
	sk(LEFT, INFO, false, 3, EMPTY);
	for (int i = 0; i < 2; i++) {
		after(4 * SECOND);
		sk(LEFT, INFO, false, 3, EMPTY);
	}
	after(4 * SECOND);
	spi_i++;
	spi_r++;
	up(); /* by the same end, that has given up */
	assert_string_equal(conversation_state_name(sa_at(0)->state), "dead");
	assert_whole(look(FINDING_DPD_TIMEOUT));
	assert_null(seconds(1, FINDING_DPD_TIMEOUT));
	assert_null(seconds(30, FINDING_DPD_TIMEOUT));
	assert_int_equal(diagnosis_raised_total(d, FINDING_DPD_TIMEOUT), 1);
}

/* The peer's host says that nothing listens any more: no matter for the path. */
static void dpd_refused(void **unused)
{
	const struct finding *f;

	(void)unused;
	stand();
	refuse(500); /* once before */
	after(SECOND);
	die(3);
	assert_true(advises(raised(FINDING_DPD_TIMEOUT), PLATFORM_ISP));
	refuse(4500);
	f = seconds(1, FINDING_DPD_TIMEOUT);
	assert_non_null(strstr(f->meaning, "nothing listens on its UDP port 4500"));
	assert_non_null(strstr(f->action, "start the IKE daemon of 10.0.0.2"));
	assert_false(advises(f, PLATFORM_ISP));
}

/* Of an IKE SA that was there before us only our own questions are seen. */
static void dpd_joined(void **unused)
{
	(void)unused;
	for (int was_there = 0; was_there < 2; was_there++) {
		anew();
		if (was_there)
			tunnel.last_good_ns = now - SECOND;
		tunnel.state = STATE_TUNNEL_UP;
		ask(5, LEFT, 3);
		for (int i = 0; i < 200 && sa_at(0)->state == CONVERSATION_NEGOTIATING; i++)
			seconds(1, FINDING_DPD_TIMEOUT);
		tunnel.state = STATE_TUNNEL_DOWN;
		tunnel.last_down_ns = now;
		seconds(5, FINDING_DPD_TIMEOUT);
		assert_int_equal(!raised(FINDING_DPD_TIMEOUT), !was_there);
	}
	assert_whole(raised(FINDING_DPD_TIMEOUT));
	assert_non_null(strstr(raised(FINDING_DPD_TIMEOUT)->meaning, "10.0.0.2 stopped answering"));
}

/* Answered at last: late, but not dead. */
static void dpd_late(void **unused)
{
	(void)unused;
	stand();
	ask(3, LEFT, 3);
	sk(RIGHT, INFO, true, 3, EMPTY);
	assert_null(seconds(200, FINDING_DPD_TIMEOUT));
}

static void dpd_traffic(void **unused)
{
	(void)unused;
	for (int keeps_coming = 0; keeps_coming < 2; keeps_coming++) {
		struct state_sa *in;

		anew();
		up();
		in = add_sa(RIGHT, 50);
		after(20 * SECOND);
		in->last_ns = now;
		ask(5, LEFT, 2);
		if (keeps_coming)
			in->last_ns = now;
		assert_non_null(raised(FINDING_DPD_TIMEOUT));
		tunnel.state = STATE_TUNNEL_DOWN;
		for (int i = 0; i < 200; i++) {
			seconds(1, FINDING_DPD_TIMEOUT);
			if (keeps_coming)
				in->last_ns = now;
		}
		tunnel.last_down_ns = sa_at(0)->since_ns;
		assert_non_null(strstr(seconds(1, FINDING_DPD_TIMEOUT)->meaning,
				       keeps_coming ? "only IKE is filtered" : "its ESP stopped as well"));
	}
}

/* It is us who do not answer. */
static void dpd_by_peer(void **unused)
{
	(void)unused;
	stand();
	ask(5, RIGHT, 0);
	assert_non_null(strstr(raised(FINDING_DPD_TIMEOUT)->meaning, "10.0.0.1 does not answer"));
	assert_null(raised(FINDING_IKE_NO_RESPONSE));
}

/* ---- deleted */

/* The exchange that may be a delete, and a new negotiation so much later. */
static const struct finding *goodbye(enum end by, enum end again, uint64_t later)
{
	anew();
	up();
	after(30 * SECOND);
	tunnel.state = STATE_TUNNEL_UP;
	pair(by, INFO, by == LEFT ? 2 : 0, EMPTY, EMPTY);
	tunnel.state = STATE_TUNNEL_DOWN;
	tunnel.last_down_ns = now;
	after(later);
	address(LEFT, again == LEFT ? 1 : 2);
	address(RIGHT, again == LEFT ? 2 : 1);
	spi_i++;
	spi_r++;
	up();
	return look(FINDING_IKE_SA_DELETED_BY_PEER);
}

static void deleted(void **unused)
{
	(void)unused;
	assert_whole(goodbye(RIGHT, LEFT, 2 * SECOND));
	assert_int_equal(raised(FINDING_IKE_SA_DELETED_BY_PEER)->confidence, CONFIDENCE_LIKELY);
	tunnel.state = STATE_TUNNEL_UP;
	assert_non_null(seconds(10, FINDING_IKE_SA_DELETED_BY_PEER)); /* it has only just come back */
	assert_null(seconds(20, FINDING_IKE_SA_DELETED_BY_PEER));
	/* We did it; reauthentication; a question like any other */
	assert_null(goodbye(LEFT, RIGHT, 2 * SECOND));
	assert_null(goodbye(RIGHT, RIGHT, 2 * SECOND));
	assert_null(goodbye(RIGHT, LEFT, 20 * SECOND));
	/* It has been replaced already */
	anew();
	up();
	after(30 * SECOND);
	tunnel.state = STATE_TUNNEL_UP;
	spi_i++;
	spi_r++;
	up();
	spi_i--;
	spi_r--;
	pair(RIGHT, INFO, 0, EMPTY, EMPTY);
	assert_true(conversation_daemon_ended(c, spi_i, spi_r, now));
	assert_null(look(FINDING_IKE_SA_DELETED_BY_PEER));
}

/* ---- it does not come back */

static void not_restarted(void **unused)
{
	const struct finding *f;

	(void)unused;
	tunnel.state = STATE_TUNNEL_DOWN;
	tunnel.since_ns = tunnel.last_down_ns = now;
	tunnel.fall_count = 1;
	tunnel.falls[0].at_ns = now;
	strcpy(tunnel.falls[0].cause, "dpd-timeout");
	strcpy(tunnel.down_cause, "ike-no-response");
	tunnel.last_good_ns = now + SECOND; /* of an attempt */
	assert_null(seconds(59, FINDING_TUNNEL_NOT_RESTARTED));
	f = seconds(1, FINDING_TUNNEL_NOT_RESTARTED);
	assert_whole(f);
	assert_int_equal(f->shape, SHAPE_STAYS_DOWN);
	assert_non_null(strstr(f->meaning, "60 s ago"));
	assert_true(has_evidence(f, "dpd-timeout"));
	assert_int_equal(f->last_good_ns, 0);
	/* Somebody does, in vain */
	init_request(1, 0);
	assert_null(look(FINDING_TUNNEL_NOT_RESTARTED));
	for (int i = 0; i < 3; i++) {
		seconds(20, FINDING_TUNNEL_NOT_RESTARTED);
		init_request(1, 0);
		assert_null(look(FINDING_TUNNEL_NOT_RESTARTED));
	}
	init_notify(43, 0); /* an error that no rule knows */
	assert_string_equal(conversation_state_name(sa_at(0)->state), "failed");
	assert_null(seconds(59, FINDING_TUNNEL_NOT_RESTARTED));
	f = seconds(1, FINDING_TUNNEL_NOT_RESTARTED);
	assert_whole(f);
	assert_non_null(strstr(f->meaning, "3 min ago") ? f : strstr(f->meaning, "2 min ago") ? f : NULL);
	assert_true(has_evidence(f, "the last attempt"));
	tunnel.state = STATE_TUNNEL_NEGOTIATING;
	assert_null(seconds(1, FINDING_TUNNEL_NOT_RESTARTED));
	/* Never was up: others say why */
	anew();
	tunnel.state = STATE_TUNNEL_DOWN;
	tunnel.since_ns = now;
	assert_null(seconds(100, FINDING_TUNNEL_NOT_RESTARTED));
}

/* ---- rekeying */

static void rekey_failing(void **unused)
{
	const struct finding *f;
	uint64_t since;

	(void)unused;
	stand();
	pair(LEFT, CHILD, 3, 300, NOTIFY);
	assert_null(seconds(10, FINDING_CHILD_REKEY_FAILING));
	pair(LEFT, CHILD, 4, 300, NOTIFY);
	f = look(FINDING_CHILD_REKEY_FAILING);
	assert_whole(f);
	assert_int_equal(f->confidence, CONFIDENCE_LIKELY);
	assert_null(raised(FINDING_CHILD_SA_FAILED));
	/* When it will fall: of the SA that was made last */
	with_kernel = true;
	kernel_sa.added_ns = now;
	kernel_sa.lifetime.hard_seconds = 300;
	memcpy(kernel_sa.source, tunnel.remote, 16);
	memcpy(kernel_sa.destination, tunnel.local, 16);
	assert_non_null(strstr(seconds(20, FINDING_CHILD_REKEY_FAILING)->meaning, "in 280 s"));
	assert_true(has_evidence(raised(FINDING_CHILD_REKEY_FAILING), "the present SA expires"));
	/* What is kept of the IKE SA does not reach back so far any more: it began when it began */
	since = raised(FINDING_CHILD_REKEY_FAILING)->since_ns;
	for (uint32_t id = 5; id < 45; id++) {
		pair(LEFT, id % 5 ? INFO : CHILD, id, id % 5 ? EMPTY : 300, NOTIFY);
		assert_int_equal(seconds(3, FINDING_CHILD_REKEY_FAILING)->since_ns, since);
	}
	/* It goes well at last */
	pair(LEFT, CHILD, 45, 300, CHILD_GOOD);
	assert_null(look(FINDING_CHILD_REKEY_FAILING));
	/* No, and yes, and no: each is a collision */
	anew();
	stand();
	pair(LEFT, CHILD, 3, 300, NOTIFY);
	pair(LEFT, CHILD, 4, 300, CHILD_GOOD);
	pair(LEFT, CHILD, 5, 300, NOTIFY);
	assert_null(seconds(10, FINDING_CHILD_REKEY_FAILING));
}

static void rekey_late(void **unused)
{
	struct fact_sa both[2];

	(void)unused;
	live = with_kernel = true;
	memcpy(kernel_sa.source, tunnel.local, 16);
	memcpy(kernel_sa.destination, tunnel.remote, 16);
	kernel_sa.direction = FACT_OUT;
	kernel_sa.added_ns = now;
	kernel_sa.spi = 0x1234;
	kernel_sa.lifetime.soft_seconds = 100;
	kernel_sa.lifetime.hard_seconds = 140;
	assert_null(seconds(119, FINDING_REKEY_LATE)); /* half of the way between the two is 120 */
	assert_whole(seconds(1, FINDING_REKEY_LATE));
	assert_non_null(strstr(raised(FINDING_REKEY_LATE)->meaning, "expires in 20 s"));
	kernel_sa.lifetime.hard_seconds = 150; /* two fifths */
	assert_non_null(seconds(1, FINDING_REKEY_LATE));
	/* Its successor is there */
	both[0] = both[1] = kernel_sa;
	both[1].added_ns = now;
	kernel.sas = both;
	kernel.sa_count = 2;
	assert_non_null(seconds(5, FINDING_REKEY_LATE));
	assert_null(seconds(1, FINDING_REKEY_LATE));
}

/* What the daemon says that each SA is for. */
static struct fact_child children[4];
static struct fact_ike ikes[3];

static void four_sas(bool mirrored, uint32_t reqid, uint32_t other)
{
	anew();
	live = with_daemon = true;
	tunnel.state = STATE_TUNNEL_UP;
	tunnel.spi_count = 4;
	memset(children, 0, sizeof(children));
	daemon_facts.children = children;
	daemon_facts.child_count = 4;
	for (int i = 0; i < 4; i++) {
		children[i].spi_in = add_sa(mirrored && i & 1 ? LEFT : RIGHT, 50)->spi;
		children[i].reqid = i < 2 ? reqid : other;
	}
}

static const struct finding *used_for(unsigned int count, unsigned int first)
{
	for (; count; count--) {
		seconds(1, FINDING_DUPLICATE_SAS);
		for (unsigned int k = first; k < 4; k++)
			sas[k].last_ns = now;
	}
	return raised(FINDING_DUPLICATE_SAS);
}

static void duplicates(void **unused)
{
	(void)unused;
	four_sas(true, 7, 7);
	assert_null(used_for(55, 0)); /* used beside each other for 10 s, and that for 45 s */
	assert_non_null(used_for(2, 0));
	assert_non_null(strstr(raised(FINDING_DUPLICATE_SAS)->meaning, "There are 2 child SAs side by side"));
	four_sas(true, 7, 7); /* the old one is there and rests */
	assert_null(used_for(100, 1));
	four_sas(true, 7, 8); /* for two networks */
	assert_null(used_for(100, 0));
	four_sas(true, 7, 7); /* nobody tells what they are for */
	with_daemon = false;
	assert_null(used_for(100, 0));
	/* Not two any more */
	four_sas(false, 7, 7);
	assert_non_null(used_for(60, 0));
	for (int k = 1; k < 4; k++)
		sas[k].live = false;
	assert_non_null(seconds(60, FINDING_DUPLICATE_SAS));
	assert_null(seconds(2, FINDING_DUPLICATE_SAS));
}

/* Each takes the place of the one before: those of the last half minute all had packets in it, and yet one is used at a time. */
static void rekeyed_every_few_seconds(void **unused)
{
	(void)unused;
	four_sas(false, 7, 7);
	for (int i = 0; i < 200; i++) {
		struct state_sa *sa = &sas[i & 3];

		sa->first_ns = now;
		for (int s = 0; s < 4; s++) {
			sa->last_ns = now;
			assert_null(seconds(1, FINDING_DUPLICATE_SAS));
		}
	}
	/* Two of them go on */
	for (int s = 0; s < 60; s++) {
		sas[2].last_ns = sas[3].last_ns = now;
		seconds(1, FINDING_DUPLICATE_SAS);
	}
	assert_non_null(raised(FINDING_DUPLICATE_SAS));
	assert_non_null(strstr(raised(FINDING_DUPLICATE_SAS)->meaning, "There are 2 child SAs side by side"));
}

static void duplicate_ikes(void **unused)
{
	(void)unused;
	anew();
	live = with_daemon = true;
	memset(ikes, 0, sizeof(ikes));
	for (int i = 0; i < 3; i++) {
		strcpy(ikes[i].connection, "t");
		ikes[i].state = FACT_IKE_ESTABLISHED;
		memcpy(ikes[i].local, tunnel.local, 16);
		memcpy(ikes[i].remote, tunnel.remote, 16);
	}
	ikes[2].remote[15]++; /* another one that came in by the same connection */
	daemon_facts.ikes = ikes + 1;
	daemon_facts.ike_count = 2;
	assert_null(seconds(100, FINDING_DUPLICATE_SAS));
	daemon_facts.ikes = ikes;
	daemon_facts.ike_count = 3;
	ikes[0].state = FACT_IKE_DELETING; /* it is on its way out */
	assert_null(seconds(100, FINDING_DUPLICATE_SAS));
	ikes[0].state = FACT_IKE_ESTABLISHED;
	assert_null(seconds(45, FINDING_DUPLICATE_SAS));
	assert_non_null(seconds(1, FINDING_DUPLICATE_SAS));
	assert_non_null(strstr(raised(FINDING_DUPLICATE_SAS)->meaning, "There are 2 IKE SAs side by side"));
}

/* ---- the peer */

/* The one end begins anew without a word about the old IKE SA. */
static void begin_again(enum end by)
{
	address(LEFT, by == LEFT ? 1 : 2);
	address(RIGHT, by == LEFT ? 2 : 1);
	spi_i++;
	spi_r++;
	up();
}

static void restarted(void **unused)
{
	(void)unused;
	up();
	tunnel.state = STATE_TUNNEL_UP;
	after(30 * SECOND);
	begin_again(RIGHT);
	assert_null(seconds(85, FINDING_PEER_RESTARTED));
	assert_whole(seconds(75, FINDING_PEER_RESTARTED));
	assert_non_null(strstr(raised(FINDING_PEER_RESTARTED)->meaning, "10.0.0.2 restarted"));
	assert_null(seconds(620, FINDING_PEER_RESTARTED));
	/* It was us */
	anew();
	up();
	after(30 * SECOND);
	begin_again(LEFT);
	assert_non_null(strstr(seconds(160, FINDING_PEER_RESTARTED)->meaning, "This end (10.0.0.1)"));
	/* It was us, and our daemon wants both */
	anew();
	up();
	after(30 * SECOND);
	live = with_daemon = true;
	memset(ikes, 0, sizeof(ikes));
	ikes[0].state = FACT_IKE_ESTABLISHED;
	ikes[0].initiator_spi = spi_i;
	daemon_facts.ikes = ikes;
	daemon_facts.ike_count = 1;
	begin_again(LEFT);
	assert_null(seconds(160, FINDING_PEER_RESTARTED));
	/* The old one is still used */
	anew();
	up();
	after(30 * SECOND);
	spi_i++;
	spi_r++;
	up();
	spi_i--;
	spi_r--;
	for (uint32_t id = 2; id < 12; id++) {
		pair(LEFT, INFO, id, EMPTY, EMPTY);
		assert_null(seconds(20, FINDING_PEER_RESTARTED));
	}
}

static void mapping_changed(void **unused)
{
	const struct finding *f;

	(void)unused;
	address(LEFT, 2); /* the peer began */
	address(RIGHT, 1);
	init_pair();
	port(4500);
	pair(LEFT, AUTH, 1, 288, AUTH_GOOD);
	tunnel.state = STATE_TUNNEL_UP;
	after(SECOND);
	pair(LEFT, INFO, 2, EMPTY, EMPTY);
	assert_null(look(FINDING_NAT_MAPPING_CHANGED)); /* to UDP 4500 all do */
	ends[LEFT].port = 40000;
	pair(LEFT, INFO, 3, EMPTY, EMPTY);
	f = look(FINDING_NAT_MAPPING_CHANGED);
	assert_whole(f);
	assert_true(has_evidence(f, "the peer moved"));
	assert_non_null(strstr(f->meaning, "now 10.0.0.2:40000"));
	assert_non_null(seconds(590, FINDING_NAT_MAPPING_CHANGED));
	assert_null(seconds(75, FINDING_NAT_MAPPING_CHANGED));
}

/* ---- again and again */

static void fall(void)
{
	tunnel.state = STATE_TUNNEL_DOWN;
	tunnel.since_ns = tunnel.last_down_ns = now;
	memmove(tunnel.falls + 1, tunnel.falls, sizeof(tunnel.falls) - sizeof(tunnel.falls[0]));
	tunnel.falls[0].at_ns = now;
	strcpy(tunnel.falls[0].cause, tunnel.down_cause);
	tunnel.fall_count += tunnel.fall_count < STATE_FALLS;
	seconds(5, FINDING_TUNNEL_FLAPPING);
	tunnel.state = STATE_TUNNEL_UP;
}

static void flapping(void **unused)
{
	const struct finding *f;

	(void)unused;
	strcpy(tunnel.down_cause, "dpd-timeout");
	for (int i = 0; i < 2; i++) {
		fall();
		assert_null(seconds(295, FINDING_TUNNEL_FLAPPING));
	}
	fall();
	assert_int_equal(raised(FINDING_TUNNEL_FLAPPING)->shape, SHAPE_STAYS_DOWN);
	f = look(FINDING_TUNNEL_FLAPPING); /* it stands again */
	assert_whole(f);
	assert_int_equal(f->shape, SHAPE_FLAP);
	assert_null(strstr(f->meaning, "each"));
	seconds(295, FINDING_TUNNEL_FLAPPING);
	fall();
	f = raised(FINDING_TUNNEL_FLAPPING);
	assert_non_null(strstr(f->meaning, "4 times, each 300 s"));
	assert_non_null(strstr(f->meaning, "which is down, fell 4 times"));
	assert_non_null(strstr(f->action, "the falls: dpd-timeout"));
	assert_null(strchr(f->action, '('));
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(f->evidence[i].text, "dpd-timeout");
	/* What fails since is not why it fell */
	strcpy(tunnel.down_cause, "ike-auth-failed");
	assert_null(strstr(look(FINDING_TUNNEL_FLAPPING)->action, "ike-auth-failed"));
	/* Out of the rhythm */
	seconds(100, FINDING_TUNNEL_FLAPPING);
	strcpy(tunnel.down_cause, "ike-sa-deleted-by-peer");
	fall();
	f = raised(FINDING_TUNNEL_FLAPPING);
	assert_null(strstr(f->meaning, "each"));
	assert_non_null(strstr(f->action, "ike-sa-deleted-by-peer (1 of 5), dpd-timeout (4 of 5)"));
	/* Quiet again: less than three in an hour, and a minute more */
	assert_non_null(seconds(3000, FINDING_TUNNEL_FLAPPING));
	assert_null(seconds(700, FINDING_TUNNEL_FLAPPING));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(dpd_timeout, begin, end),
		cmocka_unit_test_setup_teardown(dpd_refuses, begin, end),
		cmocka_unit_test_setup_teardown(dpd_mended, begin, end),
		cmocka_unit_test_setup_teardown(dpd_refused, begin, end),
		cmocka_unit_test_setup_teardown(dpd_joined, begin, end),
		cmocka_unit_test_setup_teardown(dpd_late, begin, end),
		cmocka_unit_test_setup_teardown(dpd_traffic, begin, end),
		cmocka_unit_test_setup_teardown(dpd_by_peer, begin, end),
		cmocka_unit_test_setup_teardown(deleted, begin, end),
		cmocka_unit_test_setup_teardown(not_restarted, begin, end),
		cmocka_unit_test_setup_teardown(rekey_failing, begin, end),
		cmocka_unit_test_setup_teardown(rekey_late, begin, end),
		cmocka_unit_test_setup_teardown(duplicates, begin, end),
		cmocka_unit_test_setup_teardown(rekeyed_every_few_seconds, begin, end),
		cmocka_unit_test_setup_teardown(duplicate_ikes, begin, end),
		cmocka_unit_test_setup_teardown(restarted, begin, end),
		cmocka_unit_test_setup_teardown(mapping_changed, begin, end),
		cmocka_unit_test_setup_teardown(flapping, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
