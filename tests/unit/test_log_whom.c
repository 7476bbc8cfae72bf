// SPDX-License-Identifier: GPL-2.0-or-later
/* test_log_whom.c - a fault of one peer is never told of another: lines that name a connection, an address, or nothing */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "log_explained.h"

#define PLUTO(t, m) "Mar  1 " t " gw pluto[77]: " m "\n"
#define EAST                                                                                                 \
	PLUTO("04:00:00", "\"east\" #1: initiating IKEv2 connection to 203.0.113.7 using UDP")               \
	PLUTO("04:00:03",                                                                                    \
	      "\"east\" #1: initiator established IKE SA; authenticated peer using authby=secret and "       \
	      "ID_IPV4_ADDR '203.0.113.7'")                                                                  \
	PLUTO("04:00:04", "\"east\" #2: initiator established Child SA using #1; IPsec tunnel")
#define ENCRYPTED                                                                                            \
	"60 second timeout exceeded after 7 retransmits.  Possible authentication failure: no acceptable "   \
	"response to our first encrypted message"

/* A name that is not that of the only peer is another's */
static void connections(void **state)
{
	struct explained e;

	(void)state;
	says(EAST, "");
	says(EAST PLUTO("04:10:00", "\"west\" #5: initiating IKEv1 Main Mode connection")
		     PLUTO("04:10:04", "\"west\" #5: STATE_MAIN_I3: " ENCRYPTED),
	     "ike-auth-failed -");
	e = explain(EAST PLUTO("04:10:04", "\"west\" #5: STATE_MAIN_I3: " ENCRYPTED));
	assert_int_equal(e.findings.count, 1);
	assert_string_equal(e.findings.list[0]->tunnel, "west");
	/* Answers that are lost look the same */
	assert_int_equal(e.findings.list[0]->confidence, CONFIDENCE_LIKELY);
	forget(&e);
	/* Its own is its own */
	says(EAST PLUTO("04:10:04", "\"east\" #1: liveness action - clearing connection kind CK_PERMANENT"),
	     "dpd-timeout 203.0.113.7");
	/* Who it is comes later */
	says(EAST PLUTO("04:10:00", "\"north\" #5: Oakley Transform [OAKLEY_AES_CBC (256)] refused")
		     PLUTO("04:10:00", "\"north\"[1] 203.0.113.10 #5: no acceptable Oakley Transform"),
	     "ike-proposal-mismatch 203.0.113.10");
}

/* Of nobody that is configured: its address is in the line */
static void strangers(void **state)
{
	(void)state;
	says(EAST PLUTO("04:10:00",
			"packet from 203.0.113.9:500: initial Main Mode message received on 198.51.100.1:500 "
			"but no connection has been authorized with policy PSK+IKEV1_ALLOW"),
	     "ike-request-not-answered 203.0.113.9");
	says(PLUTO("04:10:00", "packet from 203.0.113.9:4500: initial parent SA message received on "
			       "198.51.100.1:4500 but "
			       "no connection has been authorized with policy PSK+IKEV2_ALLOW"),
	     "ike-request-not-answered 203.0.113.9");
	says(PLUTO("04:10:00",
		   "packet from [2001:db8::9]:500: initial parent SA message received but no connection has "
		   "been authorized with policy PSK"),
	     "ike-request-not-answered 2001:db8::9");
	says(PLUTO("04:10:00", "packet from somewhere: but no connection has been authorized"),
	     "ike-request-not-answered -");
}

static void refused(void **state)
{
	(void)state;
	says(EAST PLUTO("04:02:00", "\"west\" #3: initiating Main Mode to 203.0.113.8")
		     PLUTO("04:02:00", "\"west\" #3: IKE SA authentication request rejected by peer: "
				       "AUTHENTICATION_FAILED"),
	     "ike-auth-failed 203.0.113.8");
	says(PLUTO("04:00:00", "\"hq\" #1: initiating IKEv2 connection to 203.0.113.7 using UDP")
		     PLUTO("04:01:00",
			   "\"hq\" #1: STATE_V2_PARENT_I1: 60 second timeout exceeded after 7 retransmits.  "
			   "No response (or no acceptable response) to our first IKEv2 message"),
	     "ike-no-response 203.0.113.7");
	/* The log begins in the middle */
	says(PLUTO("04:01:00", "\"hq\" #1: STATE_MAIN_I1: 60 second timeout exceeded after 7 retransmits.  "
			       "No response (or "
			       "no acceptable response) to our first IKEv1 message"),
	     "ike-no-response -");
}

#define IOS(t, m) "000230: Mar  1 " t ": %CRYPTO-" m "\n"
#define IOS_UP                                                                                               \
	IOS("04:00:00",                                                                                      \
	    "5-SESSION_STATUS: Crypto tunnel is UP  .  Peer 203.0.113.7:500       Id: 203.0.113.7")
#define IOS_REPLAY                                                                                           \
	IOS("04:10:00", "4-PKT_REPLAY_ERR: decrypt: replay check failed connection id=529, sequence "        \
			"number=4")

/* What names nobody is of the only peer, likely; and of nobody when there are several */
static void nobody(void **state)
{
	struct explained e = explain(IOS_UP IOS_REPLAY);

	(void)state;
	assert_int_equal(e.findings.count, 1);
	assert_string_equal(e.findings.list[0]->peer, "203.0.113.7");
	assert_int_equal(e.findings.list[0]->confidence, CONFIDENCE_LIKELY);
	forget(&e);
	says(IOS_UP IOS_REPLAY IOS("04:11:00", "4-IKMP_NO_SA: IKE message from 203.0.113.9 has no SA and is "
					       "not an initialization offer"),
	     "replay-dropped -");
	says(IOS_UP IOS_REPLAY IOS("04:11:00", "6-IKMP_NOT_ENCRYPTED: IKE packet from 203.0.113.12 was not "
					       "encrypted and it should've been."),
	     "replay-dropped -");
	/* What was inferred makes nothing certain */
	e = explain("2026-03-01T04:00:00 01[NET] received packet: from 10.2.0.2[500] to 10.1.0.2[500] (80 "
		    "bytes)\n"
		    "2026-03-01T04:01:00 02[IKE] <hq|1> received DELETE for IKE_SA hq[1]\n"
		    "2026-03-01T05:00:00 03[IKE] <hq|1> giving up after 5 retransmits\n");
	assert_int_equal(e.findings.count, 2);
	for (size_t i = 0; i < e.findings.count; i++) {
		assert_string_equal(e.findings.list[i]->peer, "10.2.0.2");
		assert_int_equal(e.findings.list[i]->confidence, CONFIDENCE_LIKELY);
	}
	forget(&e);
	/* Where another line names it, it is certain */
	e = explain(IOS_UP IOS_REPLAY
		    "000231: Mar  1 04:11:00: %IPSEC-3-REPLAY_ERROR: IPSec SA receives anti-replay error, DP "
		    "Handle 12, src_addr 203.0.113.7, dest_addr 198.51.100.1, SPI 0x4c1d1e90\n");
	assert_int_equal(e.findings.count, 1);
	assert_int_equal(e.findings.list[0]->confidence, CONFIDENCE_CERTAIN);
	forget(&e);
}

static void certificates(void **state)
{
	struct explained e =
		explain(IOS("04:11:00", "5-IKMP_INVAL_CERT: Certificate received from 203.0.113.5 is bad: "
					"certificate has expired"));

	(void)state;
	assert_int_equal(e.findings.count, 1);
	assert_string_equal(
		e.findings.list[0]->meaning,
		"Authentication with 203.0.113.5 fails: a certificate is expired, revoked or not yet valid.");
	forget(&e);
	e = explain(
		IOS("04:11:00",
		    "3-IKMP_INVAL_CERT: Certificate received from 203.0.113.5 is bad: unknown error returned "
		    "in certificate validation"));
	assert_int_equal(e.findings.count, 1);
	assert_string_equal(e.findings.list[0]->meaning, "Authentication with 203.0.113.5 fails: the other "
							 "end's key or certificate is not trusted here.");
	forget(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections), cmocka_unit_test(strangers),    cmocka_unit_test(refused),
		cmocka_unit_test(nobody),      cmocka_unit_test(certificates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
