/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mtu.h - the sizes of IPsec packets, from the transforms and the layers around them
 *
 * Pure arithmetic; every size is in bytes. A link MTU is the largest IP packet (or, with VLAN, QinQ or PPPoE, the largest
 * Ethernet payload) that the link carries. The inner MTU is the largest inner IP packet, header included, that leaves in
 * one piece. It is not "link minus a constant": payload and trailer fill up blocks (RFC 4303 2.4), so it is a step function
 * of the link MTU, and it is solved, not looked up.
 *
 * Not on the wire: keys, the high half of an ESN (RFC 4303 2.2.1), salts and nonces of the key.
 */
#ifndef ESPIAL_MODEL_MTU_H
#define ESPIAL_MODEL_MTU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MTU_LINK_MIN 68	   /* RFC 791: what every IPv4 link carries */
#define MTU_LINK_MAX 65535 /* the total length of IPv4 has 16 bits */
#define MTU_INNER_MIN 68   /* less is no usable inner link, for the same reason */
#define MTU_IPV6_MIN 1280  /* RFC 8200 5: what every link under IPv6 carries */
#define MTU_CARRIERS 4	   /* of each side, at most */
#define MTU_LAYERS 64	   /* of one packet, at most */

enum mtu_protocol { MTU_ESP, MTU_AH };

/* BEET: draft-nikander-esp-beet-mode: tunnel addresses on the wire, but no second header. */
enum mtu_mode { MTU_TUNNEL, MTU_TRANSPORT, MTU_BEET };

enum mtu_encapsulation {
	MTU_PLAIN,
	MTU_UDP, /* NAT traversal, RFC 3948 */
	MTU_TCP, /* RFC 9329, one ESP packet in one TCP segment */
};

struct mtu_cipher {
	const char *name;	/* strongSwan's */
	uint8_t iv, block, icv; /* icv 0: does not authenticate by itself */
	uint8_t iana;		/* IKEv2 Transform Type 1; 0: not registered */
	const char *source;
};

struct mtu_integrity {
	const char *name;
	uint8_t iv, icv;
	uint8_t iana; /* IKEv2 Transform Type 3; 0: not registered */
	const char *source;
};

struct mtu_proposal {
	enum mtu_protocol protocol;
	const struct mtu_cipher *cipher;       /* ESP: never NULL; AH: NULL */
	const struct mtu_integrity *integrity; /* NULL: none, or the cipher's own */
	const struct mtu_integrity *unused; /* was given, but the cipher authenticates by itself; else NULL */
};

enum mtu_carrier_kind { MTU_CARRIER_GRE, MTU_CARRIER_L2TP, MTU_CARRIER_VXLAN };

enum mtu_carrier_option {
	MTU_GRE_KEY = 1 << 0,
	MTU_GRE_CHECKSUM = 1 << 1,
	MTU_GRE_SEQUENCE = 1 << 2,
	MTU_L2TP_NO_LENGTH = 1 << 3, /* data messages without their length, as Linux sends them */
	MTU_L2TP_SEQUENCE = 1 << 4,
	MTU_L2TP_ACFC = 1 << 5,	 /* PPP without address and control */
	MTU_L2TP_PFC = 1 << 6,	 /* PPP protocol in one byte */
	MTU_VXLAN_VLAN = 1 << 7, /* a VLAN tag on the inner frame */
};

/* Something that carries packets in IP packets of its own: IP header, UDP perhaps, its header, a frame perhaps. */
struct mtu_carrier {
	enum mtu_carrier_kind kind;
	unsigned int options; /* enum mtu_carrier_option */
	int family;	      /* of its IP header, 4 or 6 */
};

/* Zeroed means: ESP in tunnel mode and nothing around it. */
struct mtu_spec {
	struct mtu_proposal proposal;
	enum mtu_mode mode;
	enum mtu_encapsulation encapsulation;
	bool tcp_timestamps;
	int outer;		/* 4 or 6: the header that carries ESP or AH */
	int inner;		/* 4 or 6, or 0: either */
	unsigned int vlan_tags; /* 0 to 2 */
	bool pppoe;
	bool ah_align8;	  /* AH over IPv4 in units of 8 bytes: what Linux does without `flag align4` */
	unsigned int tfc; /* bytes of TFC padding in each packet */
	struct mtu_carrier outside[MTU_CARRIERS]; /* ESP travels in these; the outermost first */
	size_t outsides;
	struct mtu_carrier inside[MTU_CARRIERS]; /* these travel in ESP; the outermost first */
	size_t insides;
};

enum mtu_layer_id {
#define MTU_LAYER(constant, name, bytes, description) MTU_LAYER_##constant,
#include "model/mtu_layers.def"
	MTU_LAYER_COUNT
};

struct mtu_layer {
	enum mtu_layer_id id;
	unsigned int bytes; /* on the wire */
	int overhead;	    /* of these; the IP header that a transport packet had anyway is none */
	bool encrypted, authenticated;
};

/* One packet, layer by layer in the order of the wire. */
struct mtu_packet {
	unsigned int inner;   /* the inner IP packet, header included */
	unsigned int size;    /* of all layers; what the link MTU limits */
	unsigned int padding; /* of ESP, without TFC */
	size_t layers;
	struct mtu_layer layer[MTU_LAYERS];
};

const char *mtu_layer_name(enum mtu_layer_id id);
const char *mtu_layer_text(enum mtu_layer_id id);

/* ---- proposals (mtu_proposal.c) */

/* The rows of mtu_transforms.def, by number; NULL behind the last. */
const struct mtu_cipher *mtu_cipher(size_t index);
const struct mtu_integrity *mtu_integrity(size_t index);

enum mtu_fault {
	MTU_FAULT_NONE,
	MTU_FAULT_EMPTY,
	MTU_FAULT_UNKNOWN,	/* `word` is no transform */
	MTU_FAULT_SEVERAL,	/* `word` is a second one of other sizes */
	MTU_FAULT_NO_CIPHER,	/* ESP without one */
	MTU_FAULT_NO_INTEGRITY, /* AH without one; or ESP that neither encrypts nor authenticates */
	MTU_FAULT_CIPHER_IN_AH, /* `word` */
	MTU_FAULT_TOO_LONG,	/* `word`, shortened */
};

struct mtu_proposal_fault {
	enum mtu_fault fault;
	char word[32];
};

/*
 * One proposal as strongSwan writes it: "aes256-sha256", "aes256gcm16-ecp384-esn". What does not change sizes (key exchange,
 * PRF, ESN) is passed over. 0, or -EINVAL and *ret_fault.
 */
int mtu_proposal_parse(enum mtu_protocol protocol, const char *text, struct mtu_proposal *ret,
		       struct mtu_proposal_fault *ret_fault);

/* ---- arithmetic (mtu.c) */

/* Why the parts do not go together, as a sentence; NULL: they do. */
const char *mtu_conflict(const struct mtu_spec *spec);

/* The family of inner packets: 4, 6, or 0 when both can be inside. */
int mtu_inner_family(const struct mtu_spec *spec);

/*
 * The largest inner packet that leaves in at most `link` bytes. 0, or -EMSGSIZE when less than MTU_INNER_MIN is left (or an
 * IPv6 header that is not sent twice does not even fit).
 */
int mtu_solve(const struct mtu_spec *spec, unsigned int link, unsigned int *ret_inner);

/* The smallest link MTU that mtu_solve() accepts; 0: none up to MTU_LINK_MAX. */
unsigned int mtu_smallest_link(const struct mtu_spec *spec);

/* The packet that an inner packet of so many bytes becomes. 0, or -EINVAL: smaller than its own IP header. */
int mtu_packet_build(const struct mtu_spec *spec, unsigned int inner, struct mtu_packet *ret);

/* MSS of TCP without options in packets of that size (RFC 9293 3.7.1): less 40, or 60 in IPv6; 0 when nothing is left. */
unsigned int mtu_mss(unsigned int inner, int family);

/* ---- what to configure (mtu_advice.c) */

struct mtu_advice {
	const char *platform; /* linux, strongswan, cisco, huawei */
	const char *text;
	char command
		[640]; /* one or more lines, without the last newline; words in capitals are the reader's to fill in;
			    empty: there is nothing to set */
};

#define MTU_ADVICE_MAX 12

/* For an inner MTU as solved; returns their number. */
size_t mtu_advice(const struct mtu_spec *spec, unsigned int inner,
		  struct mtu_advice ret[static MTU_ADVICE_MAX]);

#endif
