/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmd_mtu.h - between the parts of `espial mtu`: values of its options, what was solved, and how it is shown */
#ifndef ESPIAL_CMD_MTU_H
#define ESPIAL_CMD_MTU_H

#include "model/mtu.h"

struct mtu_answer {
	struct mtu_spec spec;
	unsigned int link, inner;
	struct mtu_packet largest;
	bool packet_asked;
	const char *source;	  /* of the transforms, when they were not given; NULL: they were */
	struct mtu_packet packet; /* as asked, else the largest */
};

/* ---- values of options (cmd_mtu_values.c); end with CMD_USAGE what they cannot read */

unsigned int mtu_parse_number(const char *option, const char *value, unsigned int min, unsigned int max);
int mtu_parse_family(const char *option, const char *value);
enum mtu_mode mtu_parse_mode(const char *value);
/* "gre,key": adds a layer that carries ESP. */
void mtu_parse_over(struct mtu_spec *spec, const char *value);
/* "key,csum" or NULL: adds a layer that ESP carries. A family of 0: not given. */
void mtu_parse_inside(struct mtu_spec *spec, enum mtu_carrier_kind kind, const char *value);

/* A proposal that mtu_proposal_parse() did not take: names the part, and what is near it; ends with CMD_USAGE (cmd_mtu.c). */
void mtu_refuse_proposal(enum mtu_protocol protocol, const char *text, const struct mtu_proposal_fault *fault)
	__attribute__((noreturn));

/* ---- SAs that are there (cmd_mtu_sa.c): fill `spec` and the proposal's text; 0, or they said why not and return the exit status */

#define MTU_SOURCE 200

struct mtu_found {
	struct mtu_spec spec;
	char proposal[64];
	unsigned int link;	 /* the MTU of the path, as the agent knows it; 0: nobody knows */
	char source[MTU_SOURCE]; /* where all this is from, as a sentence */
};

/* From the kernel; `destination` may be NULL when only one SA has this SPI. */
int mtu_find_sa(const char *spi, const char *destination, struct mtu_found *ret);
/* From the agent at `socket`. `known`: what is known of its transforms is not needed. */
int mtu_find_tunnel(const char *name, const char *socket, bool known, struct mtu_found *ret);

/* ---- output (cmd_mtu_print.c) */

/* Both print the whole answer on standard output and return the exit status. */
int mtu_print_text(const struct mtu_answer *a);
int mtu_print_json(const struct mtu_answer *a);
int mtu_print_transforms(void);

#endif
