// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_log_diagnose.c - from lines to findings: whom a line is about, what is normal, what is not, and where the border is
 *
 * Whole logs of each dialect are in tests/logs (tests/cli/explain.sh); here are the near misses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "log_explained.h"
#include "model/log_proposal.h"

static void what_is_normal(void **state)
{
	(void)state;
	/* rekeyed by us, by the peer */
	says(UP("04:00:00",
		"1") "2026-03-01T05:00:00 08[IKE] IKE_SA hq[2] rekeyed between 10.1.0.2[a]...10.2.0.2[b]\n"
		     "2026-03-01T05:00:01 08[IKE] deleting IKE_SA hq[1] between 10.1.0.2[a]...10.2.0.2[b]\n"
		     "2026-03-01T06:00:00 08[IKE] IKE_SA hq[3] rekeyed between 10.1.0.2[a]...10.2.0.2[b]\n"
		     "2026-03-01T06:00:01 08[IKE] received DELETE for IKE_SA hq[2]\n"
		     "2026-03-01T16:00:01 08[IKE] sending DPD request\n",
	     "");
	/* reauthenticated: deleted, and up again at once */
	says(UP("04:00:00",
		"1") "2026-03-01T05:00:00 08[IKE] received DELETE for IKE_SA hq[1]\n" UP("05:00:04", "2"),
	     "");
	/* and not at once */
	says(UP("04:00:00",
		"1") "2026-03-01T05:00:00 08[IKE] received DELETE for IKE_SA hq[1]\n" UP("05:00:06", "2"),
	     "ike-sa-deleted-by-peer 10.2.0.2");
	/* an operator's end */
	says(UP("04:00:00",
		"1") "2026-03-01T05:00:00 08[IKE] deleting IKE_SA hq[1] between 10.1.0.2[a]...10.2.0.2[b]\n"
		     "2026-03-01T16:00:01 09[IKE] IKE_SA other[7] established between "
		     "10.1.0.2[a]...10.3.0.2[b]\n",
	     "");
	/* a few retransmissions that are answered */
	says(UP("04:00:00", "1") "2026-03-01T05:00:00 07[ENC] generating INFORMATIONAL request 4 [ ]\n"
				 "2026-03-01T05:00:00 07[NET] sending packet: from 10.1.0.2[4500] to "
				 "10.2.0.2[4500] (80 bytes)\n"
				 "2026-03-01T05:00:04 07[IKE] retransmit 1 of request with message ID 4\n"
				 "2026-03-01T05:00:04 07[NET] sending packet: from 10.1.0.2[4500] to "
				 "10.2.0.2[4500] (80 bytes)\n"
				 "2026-03-01T05:00:11 07[IKE] retransmit 2 of request with message ID 4\n"
				 "2026-03-01T05:00:11 07[NET] sending packet: from 10.1.0.2[4500] to "
				 "10.2.0.2[4500] (80 bytes)\n"
				 "2026-03-01T05:00:12 09[NET] received packet: from 10.2.0.2[4500] to "
				 "10.1.0.2[4500] (80 bytes)\n"
				 "2026-03-01T05:00:12 09[ENC] parsed INFORMATIONAL response 4 [ ]\n",
	     "");
	/* our own restart */
	says(UP("04:00:00",
		"1") "2026-03-01T05:00:00 00[DMN] SIGTERM received, shutting down\n"
		     "2026-03-01T05:00:09 00[DMN] Starting IKE charon daemon (strongSwan 5.9.8)\n" UP(
			     "05:00:20", "1"),
	     "");
	/* a group that was refused once, a second offer that was taken */
	says("2026-03-01T05:00:09 08[IKE] <hq|1> peer didn't accept DH group MODP_2048, it requested "
	     "ECP_256\n" UP("05:00:20", "1"),
	     "");
	says("", "");
	says("\n\n", "");
}

static void the_third_time(void **state)
{
	(void)state;
	says(UP("04:00:00", "1") CHARON("05:00:00",
					"peer didn't accept DH group MODP_2048, it requested ECP_256")
		     CHARON("06:00:00", "peer didn't accept DH group MODP_2048, it requested ECP_256"),
	     "");
	says(UP("04:00:00", "1")
		     CHARON("05:00:00", "peer didn't accept DH group MODP_2048, it requested ECP_256")
			     CHARON("06:00:00", "peer didn't accept DH group MODP_2048, it requested ECP_256")
				     CHARON("07:00:00",
					    "peer didn't accept DH group MODP_2048, it requested ECP_256"),
	     "ike-dh-group-retry 10.2.0.2");
	/* falls */
	says(UP("04:00:00", "1") CHARON("05:00:00", "giving up after 5 retransmits") UP("05:01:00", "2")
		     CHARON("06:00:00", "giving up after 5 retransmits") UP("06:01:00", "3"),
	     "dpd-timeout 10.2.0.2");
	says(UP("04:00:00", "1") CHARON("05:00:00", "giving up after 5 retransmits") UP("05:01:00", "2")
		     CHARON("06:00:00", "giving up after 5 retransmits") UP("06:01:00", "3")
			     CHARON("07:10:00", "giving up after 5 retransmits") UP("07:11:00", "4"),
	     "dpd-timeout 10.2.0.2 tunnel-flapping 10.2.0.2");
}

static void weak_crypto(void **state)
{
	struct explained e = explain(
		UP("04:00:00", "1") CHARON("04:00:01", "selected proposal: ESP:AES_CBC_128/HMAC_SHA1_96"));

	assert_int_equal(e.findings.count, 1);
	assert_string_equal(e.findings.list[0]->meaning, "HMAC_SHA1_96 is in use with 10.2.0.2.");
	assert_int_equal(e.findings.list[0]->evidence_count, 1);
	forget(&e);
	(void)state;
	says(UP("04:00:00", "1")
		     CHARON("04:00:01",
			    "selected proposal: IKE:3DES_CBC/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048"),
	     "weak-crypto 10.2.0.2");
	says(UP("04:00:00", "1") CHARON(
		     "04:00:01",
		     "selected proposal: IKE:AES_CBC_128/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_1024_160"),
	     "");
}

/* Lines that do not say of whom they are */
static void whom_it_is_about(void **state)
{
	static const char two_peers[] =
		"2026-03-01T04:00:00 01[NET] received packet: from 10.2.0.2[500] to 10.1.0.2[500] (80 "
		"bytes)\n"
		"2026-03-01T04:00:00 02[NET] received packet: from 10.3.0.2[500] to 10.1.0.2[500] (80 "
		"bytes)\n"
		"2026-03-01T04:00:00 02[ENC] parsed IKE_AUTH request 1 [ IDi ]\n"
		"2026-03-01T04:00:00 01[ENC] parsed IKE_AUTH request 1 [ IDi ]\n"
		"2026-03-01T04:00:00 02[IKE] tried 1 shared key for 'a' - 'b', but MAC mismatched\n"
		"2026-03-01T04:00:00 01[CFG] no matching peer config found\n";
	struct explained e;

	(void)state;
	says(two_peers, "ike-auth-failed 10.2.0.2 ike-auth-failed 10.3.0.2");
	e = explain(two_peers);
	assert_non_null(
		strstr(findings_find(&e.findings, FINDING_IKE_AUTH_FAILED, "10.2.0.2")->meaning, "identity"));
	assert_non_null(strstr(findings_find(&e.findings, FINDING_IKE_AUTH_FAILED, "10.3.0.2")->meaning,
			       "pre-shared keys"));
	forget(&e);
	/* Who gave up: the one that has come as far as the line says */
	says("2026-03-01T04:00:00 01[IKE] retransmit 1 of request with message ID 9\n"
	     "2026-03-01T04:00:00 01[NET] sending packet: from 10.1.0.2[4500] to 10.2.0.2[4500] (80 bytes)\n"
	     "2026-03-01T04:00:01 02[IKE] retransmit 5 of request with message ID 3\n"
	     "2026-03-01T04:00:01 02[NET] sending packet: from 10.1.0.2[4500] to 10.3.0.2[4500] (80 bytes)\n"
	     "2026-03-01T04:00:02 03[IKE] giving up after 5 retransmits\n",
	     "dpd-timeout 10.3.0.2");
	/* Numbers of IKE SAs begin anew with the daemon */
	says("2026-03-01T04:00:00 01[IKE] <1> IKE_SA x[1] established between 10.1.0.2[a]...10.2.0.2[b]\n"
	     "2026-03-01T04:00:01 00[DMN] Starting IKE charon daemon (strongSwan 5.9.8)\n"
	     "2026-03-01T04:00:02 01[IKE] <1> IKE_SA x[1] established between 10.1.0.2[a]...10.3.0.2[b]\n"
	     "2026-03-01T04:00:30 07[IKE] <1> giving up after 5 retransmits\n",
	     "dpd-timeout 10.3.0.2");
}

/* Both ends tell of one fault */
static void both_ends(void **state)
{
	static const char text[] =
		"2026-03-01T04:00:00.100Z left charon: 01[NET] received packet: from 10.2.0.2[500] to "
		"10.1.0.2[500] (36 bytes)\n"
		"2026-03-01T04:00:00.101Z left charon: 01[ENC] parsed IKE_SA_INIT response 0 [ N(NO_PROP) ]\n"
		"2026-03-01T04:00:00.102Z left charon: 01[IKE] received NO_PROPOSAL_CHOSEN notify error\n"
		"2026-03-01T04:00:00.000Z right charon: 01[NET] received packet: from 10.1.0.2[500] to "
		"10.2.0.2[500] (240 "
		"bytes)\n"
		"2026-03-01T04:00:00.001Z right charon: 01[ENC] parsed IKE_SA_INIT request 0 [ SA KE No ]\n"
		"2026-03-01T04:00:00.002Z right charon: 01[CFG] received proposals: IKE:A/B/MODP_2048\n"
		"2026-03-01T04:00:00.003Z right charon: 01[CFG] configured proposals: IKE:A/C/MODP_2048\n"
		"2026-03-01T04:00:00.004Z right charon: 01[IKE] received proposals unacceptable\n";
	struct explained e = explain(text);

	(void)state;
	assert_int_equal(e.findings.count, 1);
	assert_non_null(strstr(e.findings.list[0]->meaning,
			       "B only on the received side; C only on the configured side"));
	assert_int_equal(e.findings.list[0]->evidence_count, 4);
	assert_true(e.findings.list[0]->since_ns == 1772337600 * SECOND + 4000000);
	forget(&e);
}

static void limits(void **state)
{
	static const char text[] = UP("04:00:00", "1") CHARON("05:00:00", "giving up after 5 retransmits")
		UP("05:01:00", "2") "2026-03-01T06:00:00 09[IKE] <dc|9> IKE_SA dc[9] established between "
				    "10.1.0.2[a]...10.3.0.2[b]\n"
				    "2026-03-01T07:00:00 09[IKE] <dc|9> giving up after 5 retransmits\n";
	struct log_diagnose_options options = {0};
	struct explained e = explain_within(text, &options);

	(void)state;
	assert_int_equal(e.findings.count, 2);
	forget(&e);
	options.peer = "10.2.0.2";
	e = explain_within(text, &options);
	assert_int_equal(e.findings.count, 1);
	forget(&e);
	/* What was over before */
	options = (struct log_diagnose_options){.since_ns = 1772341261 * SECOND};
	e = explain_within(text, &options);
	assert_int_equal(e.findings.count, 1);
	assert_string_equal(e.findings.list[0]->peer, "10.3.0.2");
	forget(&e);
	options.since_ns -= 2 * SECOND;
	e = explain_within(text, &options);
	assert_int_equal(e.findings.count, 2);
	forget(&e);
	options = (struct log_diagnose_options){.until_ns = 1772341230 * SECOND};
	e = explain_within(text, &options);
	assert_int_equal(e.findings.count, 1);
	assert_int_equal(e.findings.list[0]->shape, SHAPE_STAYS_DOWN);
	assert_int_equal(e.findings.list[0]->until_ns, 0);
	forget(&e);
}

/* A log of times of day that passes midnight; its last line is of the day of the file */
static void midnight(void **state)
{
	struct explained e =
		explain("23:59:58 08[IKE] IKE_SA hq[1] established between 10.1.0.2[a]...10.2.0.2[b]\n"
			"00:00:03 08[IKE] <hq|1> giving up after 5 retransmits\n");

	(void)state;
	assert_int_equal(e.findings.count, 1);
	assert_true(e.findings.list[0]->since_ns == 1773100803 * SECOND);
	assert_true(e.t.first_ns == 1773100798 * SECOND);
	forget(&e);
	/* and of the day before, when it is later than the file */
	e = explain("13:00:00 08[IKE] <hq|1> giving up after 5 retransmits\n");
	assert_true(e.t.first_ns == 1773061200 * SECOND);
	forget(&e);
}

/* libreswan: alternatives of each type; what both have is no difference */
static void proposals_of_pluto(void **state)
{
	static const char own[] = "IKE=A256+A128-P1+P2-I1+I2-MODP2048+DH19; ESP=A256-I1-NONE-DISABLED";
	struct log_proposal_difference d;

	(void)state;
	assert_true(log_proposal_compare_pluto("1:IKE:ENCR=A128;PRF=P2;INTEG=I2;DH=MODP1024[first-match]",
					       own, &d));
	assert_string_equal(
		d.text, "MODP_1024 (DH group 2) only on the received side; MODP_2048 (DH group 14), ECP_256 "
			"(DH group 19) only on the configured side");
	assert_true(d.only_groups && !d.child);
	/* The pair that differs least; and where the names are in another way of writing, nothing differs */
	assert_true(log_proposal_compare_pluto(
		"1:IKE:ENCR=X;PRF=Y;DH=Z 2:IKE:ENCR=A256;PRF=P3;INTEG=I1;DH=DH19", own, &d));
	assert_string_equal(d.text,
			    "PRF_P3 only on the received side; PRF_P1, PRF_P2 only on the configured side");
	assert_false(d.only_groups);
	assert_true(log_proposal_compare_pluto("1:IKE:ENCR=A256;PRF=P1;INTEG=I1;DH=MODP2048", own, &d));
	assert_string_equal(d.text, "");
	/* PFS on one side */
	assert_true(log_proposal_compare_pluto("1:ESP:ENCR=A256;INTEG=I1;DH=MODP2048;ESN=NO", own, &d));
	assert_string_equal(d.text, "MODP_2048 (PFS group 14) only on the received side");
	assert_string_equal(d.fix, "set PFS group MODP_2048 here too, or take it away at the peer");
	/* No such lists */
	assert_false(log_proposal_compare_pluto("1:IKE:ENCR=A256", "ESP=A256", &d));
	assert_false(log_proposal_compare_pluto("", own, &d));
	assert_false(log_proposal_compare_pluto("1:IKE:ENCR=A", "", &d));
	assert_false(log_proposal_compare_pluto("nonsense", own, &d));
	assert_false(log_proposal_compare_pluto("1:IKE", own, &d));
	assert_false(log_proposal_compare_pluto("1:IKE:ENCR=A", "nonsense", &d));
}

static void proposals(void **state)
{
	struct log_proposal_difference d;
	char weak[LOG_PROPOSAL_TEXT];

	(void)state;
	assert_true(log_proposal_compare("ESP:AES_CBC_256/HMAC_SHA2_256_128/NO_EXT_SEQ",
					 "ESP:AES_CBC_256/HMAC_SHA2_256_128/MODP_4096/NO_EXT_SEQ", &d));
	assert_string_equal(d.text, "MODP_4096 (PFS group 16) only on the configured side");
	assert_true(d.only_groups && d.child);
	assert_string_equal(d.fix, "set PFS group MODP_4096 at the peer too, or take it away here");
	/* The pair that differs least */
	assert_true(log_proposal_compare("IKE:A/B/C, IKE:D/E/MODP_2048", "IKE:X/Y/Z, IKE:D/F/MODP_2048", &d));
	assert_string_equal(d.text, "E only on the received side; F only on the configured side");
	assert_false(d.only_groups || d.child);
	assert_true(log_proposal_compare("IKE:A/MODP_1024", "IKE:A/CURVE_25519", &d));
	assert_string_equal(
		d.text,
		"MODP_1024 (DH group 2) only on the received side; CURVE_25519 (DH group 31) only on the "
		"configured side");
	assert_true(log_proposal_compare("ESP:A", "AH:A", &d));
	assert_string_equal(d.text, "ESP on the received side, AH on the configured side");
	assert_true(log_proposal_compare("ESP:A/B", "ESP:B/A", &d));
	assert_string_equal(d.text, "");
	assert_false(log_proposal_compare("", "ESP:A", &d));
	assert_false(log_proposal_compare("nonsense", "ESP:A", &d));
	assert_true(log_proposal_is_weak("ESP:AES_CBC_128/HMAC_SHA1_96/NO_EXT_SEQ", weak));
	assert_string_equal(weak, "HMAC_SHA1_96");
	assert_false(log_proposal_is_weak("ESP:AES_GCM_16_256/NO_EXT_SEQ", weak));
	assert_false(log_proposal_is_weak("nonsense", weak));
}

static void unknown_lines(void **state)
{
	static const char text[] = "2026-03-01T04:00:00 gw charon: 01[IKE] a message that nobody knows\n"
				   "2026-03-01T04:00:00 gw cron[7]: x\n"
				   "2026-03-01T04:00:00 gw charon: 01[IKE] sending DPD request\n";
	const struct log_load_options options = {.now_ns = REFERENCE};
	struct log_timeline t;

	(void)state;
	assert_int_equal(log_timeline_init(&t, NULL), 0);
	t.keep_unknown = true;
	assert_int_equal(log_load_text(&t, "gw.log", text, strlen(text), &options), 0);
	assert_int_equal(log_timeline_finish(&t), 0);
	assert_int_equal(t.lines, 3);
	assert_int_equal(t.recognised, 1);
	assert_int_equal(t.unknown, 1);
	assert_int_equal(t.foreign, 1);
	assert_string_equal(log_unknown(&t, 0),
			    "2026-03-01T04:00:00 gw charon: 01[IKE] a message that nobody knows");
	assert_null(log_unknown(&t, 1));
	log_timeline_destroy(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_normal), cmocka_unit_test(the_third_time),
		cmocka_unit_test(weak_crypto),	  cmocka_unit_test(whom_it_is_about),
		cmocka_unit_test(both_ends),	  cmocka_unit_test(limits),
		cmocka_unit_test(midnight),	  cmocka_unit_test(proposals_of_pluto),
		cmocka_unit_test(proposals),	  cmocka_unit_test(unknown_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
