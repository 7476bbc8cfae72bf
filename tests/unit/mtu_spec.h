/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mtu_spec.h - for the tests of user/model/mtu*.c; after cmocka.h */
#ifndef TEST_MTU_SPEC_H
#define TEST_MTU_SPEC_H

#include "model/mtu.h"

/* That proposal in tunnel mode over IPv4, and nothing else. */
static inline struct mtu_spec spec_of(enum mtu_protocol protocol, const char *proposal)
{
	struct mtu_spec spec = {.outer = 4};
	struct mtu_proposal_fault fault;

	if (mtu_proposal_parse(protocol, proposal, &spec.proposal, &fault))
		fail_msg("%s: fault %d at '%s'", proposal, fault.fault, fault.word);
	return spec;
}

#endif
