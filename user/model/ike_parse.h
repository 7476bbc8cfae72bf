/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ike_parse.h - the clear part of IKEv1 and IKEv2 messages
 *
 * Pure functions: no memory, no I/O, no clock, no state. A message is first validated whole (ike_validate():
 * never reads past what was captured, never loops, checks every length and count against what encloses it),
 * then interpreted (ike_interpret()) into a fixed-size struct whose parts are offsets into the message;
 * ike_parse() does both. What is encrypted (SK, SKF, everything behind an IKEv1 header with the E flag) is
 * opaque: its size is kept, and the type that the first payload inside announces.
 *
 * Covered: RFC 2407, 2408, 2409 (main, aggressive, base, quick, informational, transaction), RFC 3706, RFC
 * 3947 and its drafts, fragment payload 132; RFC 7296, 7383, 9242, 9370, 9838 as far as they are in clear.
 *
 * The input is one ISAKMP message: the UDP payload on port 500; on port 4500 what follows the four zero bytes
 * of the non-ESP marker (RFC 3948); in TCP (RFC 9329) what follows the two length bytes and the marker.
 *
 * Numbers are in host byte order. Offsets count from the first byte of the message.
 */
#ifndef ESPIAL_MODEL_IKE_PARSE_H
#define ESPIAL_MODEL_IKE_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ike_fault {
#define IKE_FAULT(symbol, name, help) IKE_FAULT_##symbol,
#include "model/ike_faults.def"
	IKE_FAULT_COUNT
};

#define IKE_OK IKE_FAULT_OK
#define IKE_TRUNCATED IKE_FAULT_TRUNCATED

/* The registries whose numbers the code refers to, as IKE_<registry>_<name>. */
enum ike_v2_exchange {
#define IKE_V2_EXCHANGE(symbol, value) IKE_V2_EXCHANGE_##symbol = value,
#include "model/ike_names.def"
};
enum ike_v1_exchange {
#define IKE_V1_EXCHANGE(symbol, value) IKE_V1_EXCHANGE_##symbol = value,
#include "model/ike_names.def"
};
enum ike_v2_payload {
#define IKE_V2_PAYLOAD(symbol, value) IKE_V2_PAYLOAD_##symbol = value,
#include "model/ike_names.def"
};
enum ike_v1_payload {
#define IKE_V1_PAYLOAD(symbol, value) IKE_V1_PAYLOAD_##symbol = value,
#include "model/ike_names.def"
};
enum ike_protocol {
#define IKE_PROTOCOL(symbol, value) IKE_PROTOCOL_##symbol = value,
#include "model/ike_names.def"
};
enum ike_transform_type {
#define IKE_TRANSFORM_TYPE(symbol, value) IKE_TRANSFORM_TYPE_##symbol = value,
#include "model/ike_names.def"
};
enum ike_v2_notify {
#define IKE_V2_NOTIFY(symbol, value) IKE_V2_NOTIFY_##symbol = value,
#include "model/ike_names.def"
};
enum ike_v1_notify {
#define IKE_V1_NOTIFY(symbol, value) IKE_V1_NOTIFY_##symbol = value,
#include "model/ike_names.def"
};

/* Bits of the header's flags byte. IKEv2: RFC 7296 section 3.1; IKEv1: RFC 2408 section 3.1. */
#define IKE_V2_FLAG_INITIATOR 0x08 /* the sender is the original initiator of the IKE SA */
#define IKE_V2_FLAG_VERSION 0x10   /* the sender could speak a higher major version */
#define IKE_V2_FLAG_RESPONSE 0x20
#define IKE_V1_FLAG_ENCRYPTED 0x01
#define IKE_V1_FLAG_COMMIT 0x02
#define IKE_V1_FLAG_AUTHENTICATION 0x04

#define IKE_HEADER_SIZE 28

/* Capacity of the lists in struct ike_message: above what real gateways send; the rest is counted in
 * `overflow`. */
enum {
	IKE_MAX_PAYLOADS = 48,
	IKE_MAX_PROPOSALS = 32,
	IKE_MAX_TRANSFORMS = 128,
	IKE_MAX_NOTIFIES = 24,
	IKE_MAX_VENDORS = 24,
	IKE_MAX_DELETES = 8,
	IKE_MAX_NAT_HASHES = 8,
};

/* A piece of the message that was captured: msg + offset may be read for length bytes. length 0: absent or
 * empty. */
struct ike_data {
	uint32_t offset, length;
};

struct ike_payload {
	uint32_t offset; /* of its generic header */
	uint16_t length; /* as its header says, header included; more than was captured if the message is
			    truncated */
	uint8_t type;	 /* enum ike_v2_payload or ike_v1_payload, by the message's major version */
	bool critical;	 /* IKEv2 */
};

/*
 * IKEv2: one transform of a proposal, by type. IKEv1: one complete alternative, its attributes in the fields
 * below `key_bits`; 0 there is "not given". An attribute given twice keeps its last value.
 */
struct ike_transform {
	uint32_t offset;
	uint8_t type;	/* IKEv2: enum ike_transform_type; IKEv1: 0 */
	uint8_t number; /* IKEv1: the transform's number; IKEv2: 0 */
	uint16_t id; /* IKEv2: in the registry of its type; IKEv1: 1 is KEY_IKE, else ESP or AH transform */
	uint16_t key_bits;				       /* key length attribute; 0: absent */
	uint16_t encryption, hash, prf, authentication, group; /* IKEv1 phase 1 */
	uint16_t esp_integrity, mode;			       /* IKEv1 quick mode; its group is in `group` */
	uint64_t life_seconds, life_kilobytes;		       /* IKEv1; more than 64 bits: UINT64_MAX */
};

struct ike_proposal {
	uint32_t offset;
	uint8_t number;
	uint8_t protocol;	  /* enum ike_protocol */
	uint8_t transforms_said;  /* the count in its header */
	uint16_t first_transform; /* index into transforms[] */
	uint16_t transforms;	  /* how many of them are stored there */
	struct ike_data spi;
};

struct ike_notify {
	uint16_t type; /* enum ike_v2_notify or ike_v1_notify */
	uint8_t protocol;
	struct ike_data spi, data;
};

struct ike_delete {
	uint8_t protocol;
	uint8_t spi_size;     /* bytes of each */
	uint16_t count;	      /* as the payload says */
	struct ike_data spis; /* one after the other */
};

enum ike_nat_side {
	IKE_NAT_SOURCE,	     /* of the sender's own address and port; there may be several */
	IKE_NAT_DESTINATION, /* of the address and port it sends to */
};

/*
 * What a NAT detection hash was computed over is the tracker's to try: SHA-1(SPIs | address | port) in IKEv2
 * (RFC 7296 section 2.23), the negotiated hash of the same in IKEv1 (RFC 3947 section 3.2, where the first
 * NAT-D payload is that of the destination). Only hashes captured whole are listed.
 */
struct ike_nat_hash {
	enum ike_nat_side side;
	uint8_t payload; /* IKEv1: the payload type, which tells the RFC (20) from the drafts (15, 130);
			    IKEv2: 41 */
	struct ike_data hash;
};

/* IKEv2 SKF (RFC 7383) or IKEv1 fragment payload 132. number 0: the message is no fragment. */
struct ike_fragment {
	uint16_t number; /* from 1 */
	uint16_t total;	 /* IKEv2; 0 in IKEv1, which marks the last one instead */
	uint16_t id;	 /* IKEv1: the same in all fragments of a message */
	bool last;
};

struct ike_message {
	/* Valid when header_valid, even if a fault was found further on. */
	uint64_t initiator_spi, responder_spi;
	uint32_t message_id;
	uint32_t length; /* header's length field */
	uint8_t next_payload, major, minor, exchange, flags;
	bool header_valid;

	/* What follows is empty unless the verdict was IKE_OK or IKE_TRUNCATED: then it is what was captured. */
	bool truncated;	   /* the capture ends before the message */
	bool initiator;	   /* IKEv2: sent by the original initiator. IKEv1 does not tell: compare addresses */
	bool response;	   /* IKEv2 */
	uint32_t trailing; /* bytes of the datagram behind the message: harmless, but odd */

	uint32_t
		encrypted_size; /* bytes behind the header (IKEv1), in the body of SK or SKF; 0: all in clear */
	uint8_t encrypted_first; /* payload type that comes first inside */
	struct ike_fragment fragment;

	bool has_ke;
	uint16_t ke_group; /* IKEv2; in IKEv1 the group is that of the chosen proposal */
	struct ike_data ke, nonce;
	struct ike_data cookie;	   /* IKEv2 COOKIE notify */
	uint16_t invalid_ke_group; /* group asked for by INVALID_KE_PAYLOAD; 0: none */
	bool initial_contact;

	/* IKEv1 in clear (aggressive mode): the first identity */
	bool has_id;
	uint8_t id_type;
	struct ike_data id;

	uint16_t certificates, certificate_requests; /* how many */
	uint8_t certificate_request_encoding;	     /* of the first */

	uint64_t payload_mask; /* bit t: a payload of type t < 64 is there */
	uint32_t overflow;     /* list entries that found no place below */

	/* Entries at and beyond each count are not initialised. */
	uint16_t payload_count, proposal_count, transform_count, notify_count, vendor_count, delete_count,
		nat_hash_count;
	struct ike_payload payloads[IKE_MAX_PAYLOADS];
	struct ike_proposal proposals[IKE_MAX_PROPOSALS];
	struct ike_transform transforms[IKE_MAX_TRANSFORMS];
	struct ike_notify notifies[IKE_MAX_NOTIFIES];
	struct ike_data vendors[IKE_MAX_VENDORS]; /* vendor id bytes: ike_vendor_print() */
	struct ike_delete deletes[IKE_MAX_DELETES];
	struct ike_nat_hash nat_hashes[IKE_MAX_NAT_HASHES];
};

/*
 * Check the whole message. `captured` bytes may be read at msg (NULL if 0); `wire_len` is what the datagram
 * carried (captured is cut to it). Returns IKE_OK, IKE_TRUNCATED when nothing is wrong as far as the capture
 * goes, or the first fault met: envelope (size, version, length), then the header's fields, then the payloads
 * in order, each from the outside in. *ret_offset: where it is (for IKE_TRUNCATED: where the capture ends).
 */
enum ike_fault ike_validate(const uint8_t *msg, size_t captured, size_t wire_len, uint32_t *ret_offset);

/*
 * Fill *ret from a message for which ike_validate() with the same arguments said IKE_OK or IKE_TRUNCATED. On
 * any other message it is still safe, but what it yields then means nothing.
 */
void ike_interpret(const uint8_t *msg, size_t captured, size_t wire_len, struct ike_message *ret);

/*
 * Both. *ret is always written: after a fault the header alone (if header_valid). *ret_offset: see
 * ike_validate(). Texts in the message (identities, vendor ids, notify data) come from the network: escape them when printing.
 */
enum ike_fault ike_parse(const uint8_t *msg, size_t captured, size_t wire_len, struct ike_message *ret,
			 uint32_t *ret_offset);

/* Does the verdict say that the message is damaged? (Neither IKE_OK nor IKE_TRUNCATED.) */
static inline bool ike_is_fault(enum ike_fault fault)
{
	return fault > IKE_TRUNCATED;
}

const char *ike_fault_name(enum ike_fault fault); /* stable; "unknown" outside the enum */
const char *ike_fault_help(enum ike_fault fault);

/* The first notify of that type, or NULL. */
const struct ike_notify *ike_find_notify(const struct ike_message *m, uint16_t type);

/*
 * Names (ike_names.c): NULL where there is none; the _print forms then write e.g. "ENCR_1234".
 */

enum ike_registry {
	IKE_REGISTRY_V2_EXCHANGE,
	IKE_REGISTRY_V1_EXCHANGE,
	IKE_REGISTRY_V2_PAYLOAD,
	IKE_REGISTRY_V1_PAYLOAD,
	IKE_REGISTRY_PROTOCOL,
	IKE_REGISTRY_TRANSFORM_TYPE,
	IKE_REGISTRY_ENCR,
	IKE_REGISTRY_PRF,
	IKE_REGISTRY_INTEG,
	IKE_REGISTRY_GROUP,
	IKE_REGISTRY_SN,
	IKE_REGISTRY_V1_ENCR,
	IKE_REGISTRY_V1_HASH,
	IKE_REGISTRY_V1_PRF,
	IKE_REGISTRY_V1_AUTH,
	IKE_REGISTRY_V1_ESP_AUTH,
	IKE_REGISTRY_ID,
	IKE_REGISTRY_CERT,
	IKE_REGISTRY_V2_NOTIFY,
	IKE_REGISTRY_V1_NOTIFY,
	IKE_REGISTRY_COUNT
};

const char *ike_name(enum ike_registry registry, uint32_t value);
/* As snprintf(): returns the length that was wanted, always terminates when size > 0. */
int ike_name_print(enum ike_registry registry, uint32_t value, char *buffer, size_t size);

const char *ike_exchange_name(uint8_t major, uint8_t exchange);
const char *ike_payload_name(uint8_t major, uint8_t payload);
const char *ike_notify_name(uint8_t major, uint16_t notify);
const char *ike_group_name(uint16_t group);
int ike_exchange_print(uint8_t major, uint8_t exchange, char *buffer, size_t size);
int ike_notify_print(uint8_t major, uint16_t notify, char *buffer, size_t size);

/* Is this notify an error (RFC 7296 section 3.10.1: below 16384; RFC 2408 section 3.14.1: below 8192)? */
bool ike_notify_is_error(uint8_t major, uint16_t notify);

/*
 * Proposals (ike_suite.c). A suite is one alternative offered or chosen: a proposal in IKEv2 (its transforms
 * listed, not multiplied out), a transform in IKEv1. ike_suite_count() is how many the message holds; ike_suite_print() writes one
 * as charon does, "AES_CBC_256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048", and returns as snprintf().
 * With `detail`, IKEv1 suites also name the authentication method and the lifetimes:
 * ".../PRE_SHARED_KEY/86400s/4608000kB".
 */
size_t ike_suite_count(const struct ike_message *m);
int ike_suite_print(const struct ike_message *m, size_t suite, bool detail, char *buffer, size_t size);

/* Vendor ids (ike_vendor.c): what one tells about its sender. */
enum ike_vendor_kind {
	IKE_VENDOR_UNKNOWN,
	IKE_VENDOR_DPD,		  /* RFC 3706 */
	IKE_VENDOR_NATT_RFC,	  /* RFC 3947 */
	IKE_VENDOR_NATT_DRAFT_00, /* drafts 00 to 03: payloads 130, 131 */
	IKE_VENDOR_NATT_DRAFT_04, /* drafts 04 to 08: payloads 15, 16 */
	IKE_VENDOR_XAUTH,
	IKE_VENDOR_UNITY,
	IKE_VENDOR_FRAGMENTATION,
	IKE_VENDOR_FEATURE, /* some other capability */
	IKE_VENDOR_PRODUCT, /* who made the sender */
};

/* What the vendor id means. *ret_name (may be NULL): its name, or NULL if unknown. */
enum ike_vendor_kind ike_vendor_find(const uint8_t *id, size_t length, const char **ret_name);
/*
 * The name, with the version that the id carries in text; an unknown id as its harmless ASCII text in quotes,
 * else in hex. Nothing of what is written needs escaping in JSON but the quotes. Returns as snprintf().
 */
int ike_vendor_print(const uint8_t *id, size_t length, char *buffer, size_t size);

#endif
