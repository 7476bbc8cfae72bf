/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fact.h - what the kernel and the IKE daemons say should be there
 *
 * Plain data that the sources (source/xfrm, source/vici) fill and the model reads; with neither, espial goes by the wire
 * alone. Addresses are 16 bytes, IPv4 as ::ffff:a.b.c.d, all zero when any or unknown; numbers are in host order; times are
 * nanoseconds since the epoch, 0 unknown. Text is as the daemon gave it: escape it where it is shown. Keys are never here.
 */
#ifndef ESPIAL_MODEL_FACT_H
#define ESPIAL_MODEL_FACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FACT_NAME 64
#define FACT_ALGORITHM 48

enum fact_direction {
	FACT_DIRECTION_UNKNOWN,
	FACT_IN,
	FACT_OUT,
	FACT_FORWARD, /* policies only */
};

enum fact_mode {
	FACT_MODE_UNKNOWN,
	FACT_TRANSPORT,
	FACT_TUNNEL,
	FACT_BEET,
	FACT_IPTFS,
};

enum fact_offload {
	FACT_OFFLOAD_NONE,
	FACT_OFFLOAD_CRYPTO, /* the device encrypts, the packets pass the stack */
	FACT_OFFLOAD_PACKET, /* the device does everything: ESP is never seen by the stack */
};

struct fact_algorithm {
	char name[FACT_ALGORITHM]; /* as the kernel calls it: "rfc4106(gcm(aes))"; "" none */
	uint32_t key_bits;
	uint32_t icv_bits; /* 0: not told */
};

struct fact_lifetime { /* 0: unlimited */
	uint64_t soft_bytes, hard_bytes, soft_packets, hard_packets;
	uint64_t soft_seconds, hard_seconds; /* after it was added */
};

/* One SA of the kernel's SADB. */
struct fact_sa {
	uint8_t family;	  /* of the outer addresses, 4 or 6 */
	uint8_t protocol; /* IPPROTO_ESP, _AH, _COMP */
	enum fact_direction direction;
	enum fact_mode mode;
	uint8_t source[16], destination[16];
	uint32_t spi, reqid, if_id, mark, mark_mask;
	uint16_t encap_source_port, encap_destination_port; /* 0: no UDP encapsulation */
	struct fact_algorithm encryption, integrity, aead;
	uint32_t replay_window; /* packets; 0: no check */
	bool esn;
	bool align4; /* AH: padded to 4 bytes, as RFC 4302 has it for IPv4; else to 8 */
	uint64_t sequence_in, sequence_out;
	struct fact_lifetime lifetime;
	uint64_t bytes, packets; /* used so far */
	uint64_t added_ns, used_ns;
	uint64_t failed_window, failed_replay, failed_integrity;
	enum fact_offload offload;
	uint32_t offload_ifindex;
	bool expired_soft; /* as the kernel told */
	bool larval;	   /* an SPI that was reserved: no keys yet */
	uint8_t space;	   /* index in fact_kernel.spaces, as in policies and acquires */
};

struct fact_selector {
	uint8_t family; /* 4 or 6 */
	uint8_t source[16], destination[16];
	uint8_t source_prefix, destination_prefix; /* bits of that family */
	uint8_t protocol;			   /* 0: any */
	uint16_t source_port, source_port_mask, destination_port, destination_port_mask;
	uint32_t ifindex; /* 0: any */
};

struct fact_policy {
	struct fact_selector selector;
	enum fact_direction direction;
	bool block; /* else allow */
	uint32_t index, priority, if_id, mark, mark_mask;
	bool has_template; /* what follows is valid: the first template with an outer address, or the first at all */
	uint8_t family, protocol;
	enum fact_mode mode;
	uint8_t source[16], destination[16];
	uint32_t reqid;
	bool optional;
	uint8_t space;
};

/* What the kernel asked for since we listen: traffic that matches a policy without an SA. */
struct fact_acquire {
	uint8_t destination[16];
	uint32_t reqid_or_policy; /* index of the policy */
	uint64_t count, last_ns;
	uint8_t space;
};

#define FACT_NOTICES 8 /* kinds of what the kernel tells of SAs: fact_notice_name() */

/* A network namespace whose SAs and policies are asked for. */
struct fact_space {
	const char *
		name; /* as it was configured, for as long as anybody reads facts; NULL: the one that we are in */
	bool available;
	char why[160]; /* not available: the reason and the remedy */
	size_t sa_count, policy_count, acquire_count;
	uint64_t
		notices[FACT_NOTICES]; /* heard since the agent began, over all the times that it was there */
	uint64_t overruns, synced_ns;
};

/* "added", "removed", … */
const char *fact_notice_name(size_t notice);

/* Everything of all namespaces that are followed. Owned by the source; valid until it is run again. */
struct fact_kernel {
	bool available; /* else the rest is empty */
	char why[160];	/* not available: the reason and the remedy */
	const struct fact_sa *sas;
	size_t sa_count;
	const struct fact_policy *policies;
	size_t policy_count;
	const struct fact_acquire *acquires;
	size_t acquire_count;
	uint64_t overruns;  /* ENOBUFS: changes were lost and everything was read anew */
	uint64_t synced_ns; /* of the latest whole dump */
	const struct fact_space
		*spaces; /* our own first; none: only our own, and nothing more is told of it */
	size_t space_count;
};

/* ---- an IKE daemon */

enum fact_ike_state {
	FACT_IKE_UNKNOWN,
	FACT_IKE_CONNECTING,
	FACT_IKE_ESTABLISHED,
	FACT_IKE_REKEYING,
	FACT_IKE_DELETING,
};

enum fact_child_state {
	FACT_CHILD_UNKNOWN,
	FACT_CHILD_INSTALLING,
	FACT_CHILD_INSTALLED,
	FACT_CHILD_REKEYING,
	FACT_CHILD_REKEYED,
	FACT_CHILD_DELETING,
};

/* A connection as configured: what should be up. */
struct fact_connection {
	char name[FACT_NAME];
	uint8_t version; /* 1, 2; 0: either */
	char local_addresses[128],
		remote_addresses[128]; /* as configured, comma separated: "%any", names, ranges */
	uint8_t local[16], remote[16]; /* when a single address is configured */
	char local_id[128], remote_id[128];
	char auth[64];		/* "psk", "pubkey" … of both sides, when told */
	char certificates[256]; /* subjects of those that our side is to use, comma separated */
	uint32_t child_count;
	uint32_t dpd_seconds, rekey_seconds, reauth_seconds; /* 0: none or not told */
};

/* A child that a connection has configured. */
struct fact_child_config {
	char connection[FACT_NAME], name[FACT_NAME];
	enum fact_mode mode;
	char local_ts[160], remote_ts[160];
	uint32_t rekey_seconds;
};

struct fact_ike {
	char connection[FACT_NAME];
	uint64_t unique_id;
	uint8_t version;
	enum fact_ike_state state;
	uint8_t local[16], remote[16];
	uint16_t local_port, remote_port;
	char local_id[128], remote_id[128];
	uint64_t initiator_spi, responder_spi;
	bool initiator; /* we are */
	bool nat_local, nat_remote, nat_any;
	char suite[160]; /* "AES_CBC_256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048" */
	uint64_t established_ns, rekey_ns, reauth_ns; /* when it was, when it will be */
};

struct fact_child {
	char connection[FACT_NAME], name[FACT_NAME];
	uint64_t ike_unique_id, unique_id;
	uint32_t reqid, if_id_in, if_id_out;
	enum fact_child_state state;
	enum fact_mode mode;
	uint8_t protocol; /* IPPROTO_ESP or _AH */
	bool encapsulated;
	uint32_t spi_in, spi_out, cpi_in, cpi_out;
	char suite[128]; /* "AES_GCM_16_256", "AES_CBC_256/HMAC_SHA2_256_128/ESN" */
	bool esn;
	uint64_t installed_ns, rekey_ns, expires_ns;
	uint64_t bytes_in, packets_in, bytes_out, packets_out;
	char local_ts[160], remote_ts[160];
};

/* An X.509 certificate that the daemon has loaded. */
struct fact_certificate {
	char subject[192], issuer[192]; /* "C=CH, O=x, CN=y" */
	char names[192]; /* other names of the subject, comma separated: "gw.example.org, 192.0.2.1" */
	bool own;	 /* the daemon has its private key */
	bool ca;
	uint64_t not_before_ns, not_after_ns; /* UINT64_MAX: never */
};

/* One daemon. Owned by the source; valid until it is run again. */
struct fact_daemon {
	char origin[108]; /* its socket */
	char version[64]; /* "strongSwan 5.9.8" */
	bool available;
	char why[160]; /* not available: the reason and the remedy */
	const struct fact_connection *connections;
	size_t connection_count;
	const struct fact_child_config *child_configs;
	size_t child_config_count;
	const struct fact_ike *ikes;
	size_t ike_count;
	const struct fact_child *children;
	size_t child_count;
	const struct fact_certificate *certificates;
	size_t certificate_count;
	uint64_t snapshot_ns; /* when this was so */
};

#endif
