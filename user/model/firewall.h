/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * firewall.h - this host's NAT rules, and which of them translates a kind of packets
 *
 * Plain data in one form for every dialect that source/firewall reads. What a rule asks for and we do not understand is kept as
 * unknown, and an answer that depends on it is no answer. Numbers and IPv4 addresses are mapped into 16 bytes so that each
 * value is a range of these.
 */
#ifndef ESPIAL_MODEL_FIREWALL_H
#define ESPIAL_MODEL_FIREWALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIREWALL_NAME 64
#define FIREWALL_TEXT 200
#define FIREWALL_RULES_MOST 20000

enum firewall_field {
	FIREWALL_UNKNOWN, /* not understood */
	FIREWALL_FAMILY,  /* 4 or 6 */
	FIREWALL_SOURCE,
	FIREWALL_DESTINATION,
	FIREWALL_PROTOCOL,
	FIREWALL_SOURCE_PORT,
	FIREWALL_DESTINATION_PORT,
	FIREWALL_IN,		 /* interface */
	FIREWALL_OUT,		 /* interface */
	FIREWALL_TO_BE_PROTECTED /* 1: a policy of IPsec awaits it */
};

struct firewall_value {
	uint8_t low[16], high[16];
	char name[16]; /* of interfaces; may end in '*' */
};

struct firewall_match {
	enum firewall_field field;
	bool not ;
	struct firewall_value *values;
	size_t count;
};

enum firewall_verdict {
	FIREWALL_ACCEPT, /* drop as well: it ends here untranslated */
	FIREWALL_RETURN,
	FIREWALL_JUMP,
	FIREWALL_GOTO,
	FIREWALL_SOURCE_NAT,	  /* masquerade too */
	FIREWALL_DESTINATION_NAT, /* redirect too */
};

struct firewall_rule {
	struct firewall_match *matches;
	size_t count;
	enum firewall_verdict verdict;
	char target[FIREWALL_NAME]; /* chain, of jump and goto */
	char to[FIREWALL_NAME];	    /* of NAT: where to, as text; "" not told */
	char text[FIREWALL_TEXT];   /* the rule as an administrator knows it */
};

struct firewall_chain {
	char table[FIREWALL_NAME]; /* "ip nat" */
	char name[FIREWALL_NAME];
	uint8_t family;	      /* 4, 6; 0: both */
	bool source_nat;      /* begins at postrouting; */
	bool destination_nat; /* or at prerouting; neither: only jumped to */
	struct firewall_rule *rules;
	size_t count, room;
};

struct firewall {
	bool available;
	char why[160];	  /* not available: the reason and the remedy */
	uint64_t read_ns; /* when it was so, since the epoch */
	struct firewall_chain *chains;
	size_t count, room;
	size_t rule_count;
	bool cut; /* there are more than FIREWALL_RULES_MOST */
};

/* ---- what is asked: packets from and to these, of any protocol and port, or one */

struct firewall_packets {
	uint8_t family;				     /* 4, 6 */
	uint8_t source[2][16], destination[2][16];   /* first and last */
	int protocol, source_port, destination_port; /* -1: any */
	/* Either of these: which of them is not known. NULL: none is. */
	bool (*is_interface)(void *arg, const char *name);
	void *arg;
	bool to_be_protected;
};

enum firewall_answer {
	FIREWALL_PASSES,
	FIREWALL_TRANSLATED, /* all of them, or some: *ret_some */
	FIREWALL_UNSURE,     /* it hangs on what is not understood */
};

/* First and last address of a prefix, mapped. */
void firewall_prefix(uint8_t family, const uint8_t address[16], uint8_t bits, uint8_t ret[2][16]);

/* Does the host's source (else destination) NAT take these? *ret_rule: which rule, when they are translated. */
enum firewall_answer firewall_ask(const struct firewall *firewall, bool source_nat,
				  const struct firewall_packets *packets,
				  const struct firewall_rule **ret_rule, bool *ret_some);

/* ---- for parsers; false: no memory */

/* The chain of that name, made when there is none; NULL: no memory. */
struct firewall_chain *firewall_chain(struct firewall *firewall, const char *table, const char *name);
/* Takes over `rule`, also when it fails. A rule too many is dropped, and `cut` tells. */
bool firewall_add(struct firewall *firewall, struct firewall_chain *chain, struct firewall_rule *rule);
/* NULL: no memory */
struct firewall_match *firewall_match(struct firewall_rule *rule, enum firewall_field field);
bool firewall_range(struct firewall_match *match, const uint8_t low[16], const uint8_t high[16]);
bool firewall_numbers(struct firewall_match *match, unsigned int low, unsigned int high);
bool firewall_interface(struct firewall_match *match, const char *name);
/* "192.0.2.0/24", "192.0.2.1", "192.0.2.0/255.255.255.0"; `bits` -1: as the text says. -EINVAL: it is none; -ENOMEM. */
int firewall_address(struct firewall_match *match, const char *text, int bits);
bool firewall_copy_matches(struct firewall_rule *to, const struct firewall_rule *from);
void firewall_rule_free(struct firewall_rule *rule);
void firewall_free(struct firewall *firewall); /* and zeroes it */

#endif
