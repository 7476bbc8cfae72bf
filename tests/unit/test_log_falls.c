// SPDX-License-Identifier: GPL-2.0-or-later
/* test_log_falls.c - a tunnel that is down is not told of as one that works, however it went down */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "log_explained.h"

#define CHILD_UP(t)                                                                                          \
	CHARON(t, "CHILD_SA c{1} established with SPIs d907fd35_i cb329cb5_o and TS 10.0.1.0/24 === "        \
		  "10.0.2.0/24")
#define WAS_UP UP("04:00:00", "1") CHILD_UP("04:00:00")
#define DELETED(t)                                                                                           \
	CHARON(t, "deleting IKE_SA hq[1] between 10.1.0.2[a]...10.2.0.2[b]") CHARON(t, "IKE_SA deleted")
#define REFUSED(t, why)                                                                                      \
	CHARON(t, "received " why " notify, no CHILD_SA built")                                              \
	CHARON(t, "failed to establish CHILD_SA, keeping IKE_SA")

static void is(const char *text, const char *id, enum finding_shape shape, const char *meaning)
{
	struct explained e = explain(text);
	const struct finding *f = NULL;

	for (size_t i = 0; i < e.findings.count; i++)
		if (strcmp(catalogue_row(e.findings.list[i]->id)->id, id) == 0)
			f = e.findings.list[i];
	if (!f)
		fail_msg("no %s", id);
	assert_int_equal(f ? f->shape : SHAPES, shape);
	assert_non_null(strstr(f ? f->meaning : "", meaning));
	forget(&e);
}

/* Refused while a CHILD_SA stands, it is the rekeying; else there is none */
static void what_is_refused(void **state)
{
	(void)state;
	is(WAS_UP REFUSED("05:00:00", "NO_PROPOSAL_CHOSEN"), "child-rekey-failing", SHAPE_NONE,
	   " works, but its rekeying ");
	/* Deleted here, and begun anew */
	is(WAS_UP DELETED("04:30:00") UP("05:00:00", "2") REFUSED("05:00:00", "NO_PROPOSAL_CHOSEN"),
	   "child-sa-failed", SHAPE_STAYS_DOWN, "CHILD_SA (phase 2) is refused");
	is(WAS_UP DELETED("04:30:00") UP("05:00:00", "2") REFUSED("05:00:00", "TS_UNACCEPTABLE"),
	   "child-sa-failed", SHAPE_STAYS_DOWN, "the traffic selectors differ");
	/* Given up */
	says(WAS_UP CHARON("04:30:00", "retransmit 1 of request with message ID 5")
		     CHARON("04:31:00", "giving up after 2 retransmits") UP("05:00:00", "2")
			     REFUSED("05:00:00", "NO_PROPOSAL_CHOSEN"),
	     "child-sa-failed 10.2.0.2 dpd-timeout 10.2.0.2");
	/* Its CHILD_SA alone was closed */
	says(WAS_UP CHARON("04:30:00",
			   "closing CHILD_SA c{1} with SPIs d907fd35_i (0 bytes) cb329cb5_o (0 bytes) and TS")
		     REFUSED("05:00:00", "TS_UNACCEPTABLE"),
	     "child-sa-failed 10.2.0.2");
	/* and while rekeying closes the old one, another stands */
	says(WAS_UP CHARON("04:30:00", "CHILD_SA c{2} established with SPIs d907fd36_i cb329cb6_o and TS")
		     CHARON("04:30:00", "closing CHILD_SA c{1} with SPIs d907fd35_i (0 bytes) cb329cb5_o (0 "
					"bytes) and TS") REFUSED("05:00:00", "NO_PROPOSAL_CHOSEN"),
	     "child-rekey-failing 10.2.0.2");
	/* also when the first was made before the log begins */
	says(CHARON("04:30:00", "CHILD_SA c{2} established with SPIs d907fd36_i cb329cb6_o and TS") CHARON(
		     "04:30:00",
		     "closing CHILD_SA c{1} with SPIs d907fd35_i (0 bytes) cb329cb5_o (0 bytes) and TS")
		     REFUSED("05:00:00", "NO_PROPOSAL_CHOSEN"),
	     "child-rekey-failing -");
	/* A second CHILD_SA beside it is no rekeying */
	says(WAS_UP CHARON("04:30:00", "generating CREATE_CHILD_SA request 2 [ SA No TSi TSr ]")
		     CHARON("04:30:00", "parsed CREATE_CHILD_SA response 2 [ N(TS_UNACCEPT) ]")
			     REFUSED("04:30:00", "TS_UNACCEPTABLE"),
	     "child-sa-failed 10.2.0.2");
	says(WAS_UP CHARON("04:30:00",
			   "generating CREATE_CHILD_SA request 2 [ N(REKEY_SA) SA No KE TSi TSr ]")
		     CHARON("04:30:00", "parsed CREATE_CHILD_SA response 2 [ N(NO_PROP) ]")
			     REFUSED("04:30:00", "NO_PROPOSAL_CHOSEN"),
	     "child-rekey-failing 10.2.0.2");
}

/* A rekeying that was refused ends with its tunnel */
static void rekeying_ends(void **state)
{
	struct explained e = explain(WAS_UP REFUSED("05:00:00", "NO_PROPOSAL_CHOSEN") DELETED("05:10:00"));

	(void)state;
	assert_int_equal(e.findings.count, 1);
	assert_int_equal(e.findings.list[0]->shape, SHAPE_NONE);
	assert_true(e.findings.list[0]->until_ns == 1772341800 * SECOND);
	assert_string_equal(e.findings.list[0]->meaning, "Rekeying of the tunnel to 10.2.0.2 was refused.");
	forget(&e);
	is(WAS_UP REFUSED("05:00:00", "NO_PROPOSAL_CHOSEN")
		   CHARON("05:10:00", "giving up after 5 retransmits"),
	   "dpd-timeout", SHAPE_STAYS_DOWN, "declared dead");
	is(WAS_UP REFUSED("05:00:00", "NO_PROPOSAL_CHOSEN")
		   CHARON("05:10:00", "closing expired CHILD_SA c{1} with SPIs"),
	   "child-rekey-failing", SHAPE_STAYS_DOWN, "is down: its SA expired");
	/* What is tried then fails for the same reason */
	is(WAS_UP REFUSED("05:00:00", "NO_PROPOSAL_CHOSEN")
		   CHARON("05:10:00", "closing expired CHILD_SA c{1} with SPIs")
			   CHARON("05:10:00", "generating CREATE_CHILD_SA request 3 [ SA No KE TSi TSr ]")
				   CHARON("05:10:00", "parsed CREATE_CHILD_SA response 3 [ N(NO_PROP) ]")
					   REFUSED("05:10:00", "NO_PROPOSAL_CHOSEN"),
	   "child-rekey-failing", SHAPE_STAYS_DOWN, "is down: its SA expired");
	is(WAS_UP REFUSED("05:00:00", "NO_PROPOSAL_CHOSEN")
		   CHARON("05:10:00", "closing expired CHILD_SA c{1} with SPIs") CHILD_UP("05:20:00"),
	   "child-rekey-failing", SHAPE_FLAP, "was refused");
}

/* Nobody who was never there is declared dead */
static void never_there(void **state)
{
	(void)state;
	says("2026-03-01T04:30:00 07[IKE] giving up after 5 retransmits\n"
	     "2026-03-01T04:30:00 07[IKE] establishing IKE_SA failed, peer not responding\n",
	     "ike-no-response -");
	says("2026-03-01T04:30:00 07[IKE] giving up after 5 retransmits\n"
	     "2026-03-01T04:30:00 07[IKE] peer not responding, trying again (2/3)\n",
	     "ike-no-response -");
	says("2026-03-01T04:30:00 07[IKE] giving up after 5 retransmits\n", "dpd-timeout -");
	/* By the number of what was sent again; whose it is, nobody knows */
	says("2026-03-01T04:00:00 10[IKE] initiating IKE_SA a[1] to 203.0.113.7\n"
	     "2026-03-01T04:00:01 11[IKE] initiating IKE_SA b[2] to 203.0.113.8\n"
	     "2026-03-01T04:00:05 12[IKE] retransmit 1 of request with message ID 0\n"
	     "2026-03-01T04:00:06 13[IKE] retransmit 1 of request with message ID 0\n"
	     "2026-03-01T04:02:06 12[IKE] giving up after 5 retransmits\n",
	     "ike-no-response -");
	/* Beside a tunnel that stands */
	says(UP("04:00:00",
		"1") "2026-03-01T04:30:00 07[IKE] <hq|2> giving up after 5 retransmits\n"
		     "2026-03-01T04:30:00 07[IKE] <hq|2> establishing IKE_SA failed, peer not responding\n",
	     "ike-no-response 10.2.0.2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(rekeying_ends),
		cmocka_unit_test(never_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
