/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log_proposal.h - two lists of proposals as charon writes them, compared transform by transform */
#ifndef ESPIAL_MODEL_LOG_PROPOSAL_H
#define ESPIAL_MODEL_LOG_PROPOSAL_H

#include <stdbool.h>
#include <stddef.h>

#define LOG_PROPOSAL_TEXT 512

struct log_proposal_difference {
	/* "CURVE_25519 (DH group 31) only on the received side; …"; "" when the lists are equal */
	char text[LOG_PROPOSAL_TEXT];
	/* What to do, if that is simple: "set the same PFS group on both ends: …"; else "" */
	char fix[LOG_PROPOSAL_TEXT];
	bool only_groups; /* all else agrees */
	bool child;	  /* ESP or AH, not IKE */
};

/*
 * "ESP:AES_GCM_16_128/CURVE_25519/NO_EXT_SEQ, ESP:…": of all pairs of a received and a configured proposal, the one that
 * differs least is told. False: one of them is no such list.
 */
bool log_proposal_compare(const char *received, const char *configured, struct log_proposal_difference *ret);
/*
 * The same of libreswan's lists: "1:IKE:ENCR=AES_CBC_256;PRF=…;INTEG=…;DH=MODP1024 2:IKE:…" of the peer, and its own,
 * "IKE=AES_CBC_256-HMAC_SHA1-HMAC_SHA1_96-MODP1024; IKE=…". False: one of them is no such list, or they are of different protocols.
 */
bool log_proposal_compare_pluto(const char *remote, const char *local, struct log_proposal_difference *ret);
/* The weakest transform of a proposal, if it is weak: "3DES_CBC". *ret holds LOG_PROPOSAL_TEXT. */
bool log_proposal_is_weak(const char *proposal, char ret[static LOG_PROPOSAL_TEXT]);

#endif
