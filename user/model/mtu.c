// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mtu.c - the largest inner packet, solved, and any packet layer by layer
 *
 * Two ways to the same sizes: mtu_solve() subtracts and rounds, mtu_packet_build() adds. A test holds them together.
 */
#include "model/mtu.h"

#include <errno.h>

#define ESP_ALIGN 4   /* RFC 4303 2.4: the trailer ends on a multiple of 4 bytes */
#define ESP_TRAILER 2 /* pad length, next header */
#define TCP_HEADER 20
#define ENCR_NULL 11 /* IKEv2 Transform Type 1 */
#define ENCR_NULL_AUTH_AES_GMAC 21

static const struct {
	const char *name;
	unsigned int bytes;
	const char *text;
} layers[] = {
#define MTU_LAYER(constant, name, bytes, description) {name, bytes, description},
#include "model/mtu_layers.def"
};

const char *mtu_layer_name(enum mtu_layer_id id)
{
	return layers[id].name;
}

const char *mtu_layer_text(enum mtu_layer_id id)
{
	return layers[id].text;
}

static enum mtu_layer_id ip_layer(int family)
{
	return family == 6 ? MTU_LAYER_IPV6 : MTU_LAYER_IPV4;
}

static unsigned int ip_header(int family)
{
	return layers[ip_layer(family)].bytes;
}

static unsigned int round_up(unsigned int value, unsigned int unit)
{
	return (value + unit - 1) / unit * unit;
}

/* ---- what each part consists of */

struct parts {
	enum mtu_layer_id id[8];
	size_t count;
};

static void append(struct parts *p, enum mtu_layer_id id)
{
	p->id[p->count++] = id;
}

static struct parts carrier_parts(const struct mtu_carrier *c)
{
	struct parts p = {0};

	switch (c->kind) {
	case MTU_CARRIER_GRE:
		append(&p, MTU_LAYER_GRE);
		if (c->options & MTU_GRE_CHECKSUM)
			append(&p, MTU_LAYER_GRE_CHECKSUM);
		if (c->options & MTU_GRE_KEY)
			append(&p, MTU_LAYER_GRE_KEY);
		if (c->options & MTU_GRE_SEQUENCE)
			append(&p, MTU_LAYER_GRE_SEQUENCE);
		break;
	case MTU_CARRIER_L2TP:
		append(&p, MTU_LAYER_UDP);
		append(&p, MTU_LAYER_L2TP);
		if (!(c->options & MTU_L2TP_NO_LENGTH))
			append(&p, MTU_LAYER_L2TP_LENGTH);
		if (c->options & MTU_L2TP_SEQUENCE)
			append(&p, MTU_LAYER_L2TP_SEQUENCE);
		if (!(c->options & MTU_L2TP_ACFC))
			append(&p, MTU_LAYER_PPP_HDLC);
		append(&p, c->options & MTU_L2TP_PFC ? MTU_LAYER_PPP_SHORT : MTU_LAYER_PPP);
		break;
	case MTU_CARRIER_VXLAN:
		append(&p, MTU_LAYER_UDP);
		append(&p, MTU_LAYER_VXLAN);
		append(&p, MTU_LAYER_ETHERNET);
		if (c->options & MTU_VXLAN_VLAN)
			append(&p, MTU_LAYER_VLAN);
		break;
	}
	return p;
}

/* All that lies before the header that carries ESP or AH. */
static struct parts link_parts(const struct mtu_spec *spec)
{
	struct parts p = {0};

	if (spec->vlan_tags > 1)
		append(&p, MTU_LAYER_QINQ);
	if (spec->vlan_tags)
		append(&p, MTU_LAYER_VLAN);
	if (spec->pppoe) {
		append(&p, MTU_LAYER_PPPOE);
		append(&p, MTU_LAYER_PPP);
	}
	return p;
}

static struct parts encapsulation_parts(const struct mtu_spec *spec)
{
	struct parts p = {0};

	switch (spec->encapsulation) {
	case MTU_PLAIN:
		break;
	case MTU_UDP:
		append(&p, MTU_LAYER_UDP);
		break;
	case MTU_TCP:
		append(&p, MTU_LAYER_TCP);
		if (spec->tcp_timestamps)
			append(&p, MTU_LAYER_TCP_TIMESTAMPS);
		append(&p, MTU_LAYER_TCP_LENGTH);
		break;
	}
	return p;
}

static unsigned int sum(struct parts p)
{
	unsigned int bytes = 0;

	while (p.count)
		bytes += layers[p.id[--p.count]].bytes;
	return bytes;
}

/* ---- sizes of the transforms */

static unsigned int iv_bytes(const struct mtu_proposal *p)
{
	return p->cipher ? p->cipher->iv : p->integrity->iv;
}

static unsigned int icv_bytes(const struct mtu_proposal *p)
{
	if (p->cipher && p->cipher->icv)
		return p->cipher->icv;
	return p->integrity ? p->integrity->icv : 0;
}

static unsigned int block_bytes(const struct mtu_proposal *p)
{
	return p->cipher->block > ESP_ALIGN ? p->cipher->block : ESP_ALIGN;
}

/* RFC 4302 3.3.3.2.1: AH is a multiple of 4 bytes long, as an extension header of IPv6 of 8. */
static unsigned int ah_padding(const struct mtu_spec *spec)
{
	unsigned int bytes =
		layers[MTU_LAYER_AH].bytes + iv_bytes(&spec->proposal) + icv_bytes(&spec->proposal);

	return round_up(bytes, spec->outer == 6 || spec->ah_align8 ? 8 : 4) - bytes;
}

/* ---- modes */

/* Is the outer IP header the one that the protected packet had (transport), or stands for it (BEET)? */
static bool header_is_shared(const struct mtu_spec *spec)
{
	return spec->mode != MTU_TUNNEL;
}

/* Bytes of the inner IP packet that are not in the payload, because the outer header stands for them. */
static unsigned int shared_header(const struct mtu_spec *spec)
{
	if (!header_is_shared(spec) || spec->insides)
		return 0;
	return ip_header(mtu_inner_family(spec));
}

/* All headers between ESP or AH and the inner packet. */
static unsigned int inside_bytes(const struct mtu_spec *spec)
{
	unsigned int bytes = 0;
	size_t i;

	for (i = 0; i < spec->insides; i++) {
		bytes += sum(carrier_parts(&spec->inside[i]));
		if (i || !header_is_shared(spec))
			bytes += ip_header(spec->inside[i].family);
	}
	return bytes;
}

int mtu_inner_family(const struct mtu_spec *spec)
{
	if (spec->inner || spec->insides || !header_is_shared(spec))
		return spec->inner;
	return spec->outer;
}

const char *mtu_conflict(const struct mtu_spec *spec)
{
	if (spec->proposal.protocol == MTU_AH) {
		if (spec->encapsulation != MTU_PLAIN)
			return "AH cannot travel in UDP or TCP: RFC 3948 and RFC 9329 are for ESP";
		if (spec->tfc)
			return "TFC padding is a part of ESP: AH has none";
		if (spec->mode == MTU_BEET)
			return "BEET is a mode of ESP: AH has tunnel and transport";
	} else if (spec->ah_align8) {
		return "the alignment of AH says nothing about ESP";
	}
	if (spec->mode == MTU_TRANSPORT && !spec->insides && spec->inner && spec->inner != spec->outer)
		return "in transport mode the inner header is the outer one: both are IPv4 or both are IPv6";
	return NULL;
}

/* ---- the largest packet */

int mtu_solve(const struct mtu_spec *spec, unsigned int link, unsigned int *ret_inner)
{
	const struct mtu_proposal *p = &spec->proposal;
	unsigned int around, within, block, room;
	size_t i;

	around = sum(link_parts(spec)) + ip_header(spec->outer) + sum(encapsulation_parts(spec)) +
		 iv_bytes(p) + icv_bytes(p);
	for (i = 0; i < spec->outsides; i++)
		around += ip_header(spec->outside[i].family) + sum(carrier_parts(&spec->outside[i]));
	within = inside_bytes(spec) + spec->tfc;
	if (p->protocol == MTU_AH) {
		around += layers[MTU_LAYER_AH].bytes + ah_padding(spec);
		room = link > around ? link - around : 0;
	} else {
		around += layers[MTU_LAYER_ESP].bytes;
		within += ESP_TRAILER;
		block = block_bytes(p);
		room = link > around ? (link - around) / block * block : 0;
	}
	if (room <= within || room - within + shared_header(spec) < MTU_INNER_MIN)
		return -EMSGSIZE;
	*ret_inner = room - within + shared_header(spec);
	return 0;
}

unsigned int mtu_smallest_link(const struct mtu_spec *spec)
{
	unsigned int link, inner;

	for (link = MTU_LINK_MIN; link <= MTU_LINK_MAX; link++)
		if (mtu_solve(spec, link, &inner) == 0)
			return link;
	return 0;
}

/* ---- any packet */

struct builder {
	struct mtu_packet *packet;
	bool encrypted, authenticated; /* of what comes */
};

static void put(struct builder *b, enum mtu_layer_id id, unsigned int bytes, int overhead)
{
	struct mtu_packet *p = b->packet;

	p->layer[p->layers++] = (struct mtu_layer){
		.id = id,
		.bytes = bytes,
		.overhead = overhead,
		.encrypted = b->encrypted,
		.authenticated = b->authenticated,
	};
	p->size += bytes;
}

static void put_bytes(struct builder *b, enum mtu_layer_id id, unsigned int bytes)
{
	put(b, id, bytes, (int)bytes);
}

static void put_parts(struct builder *b, struct parts parts)
{
	size_t i;

	for (i = 0; i < parts.count; i++)
		put_bytes(b, parts.id[i], layers[parts.id[i]].bytes);
}

static void put_carrier(struct builder *b, const struct mtu_carrier *c, bool header)
{
	if (header)
		put_bytes(b, ip_layer(c->family), ip_header(c->family));
	put_parts(b, carrier_parts(c));
}

static void put_payload(struct builder *b, const struct mtu_spec *spec)
{
	size_t i;

	for (i = 0; i < spec->insides; i++)
		put_carrier(b, &spec->inside[i], i || !header_is_shared(spec));
	put(b, MTU_LAYER_INNER, b->packet->inner - shared_header(spec), 0);
}

static void put_esp(struct builder *b, const struct mtu_spec *spec)
{
	const struct mtu_proposal *p = &spec->proposal;
	unsigned int icv = icv_bytes(p), payload;
	struct mtu_packet *packet = b->packet;

	b->authenticated = icv != 0;
	put_bytes(b, MTU_LAYER_ESP, layers[MTU_LAYER_ESP].bytes);
	if (p->cipher->iv)
		put_bytes(b, MTU_LAYER_IV, p->cipher->iv);
	/* NULL and GMAC authenticate what stays readable */
	b->encrypted = p->cipher->iana != ENCR_NULL && p->cipher->iana != ENCR_NULL_AUTH_AES_GMAC;
	payload = packet->size;
	put_payload(b, spec);
	if (spec->tfc)
		put_bytes(b, MTU_LAYER_TFC, spec->tfc);
	payload = packet->size - payload;
	packet->padding = round_up(payload + ESP_TRAILER, block_bytes(p)) - payload - ESP_TRAILER;
	put_bytes(b, MTU_LAYER_PADDING, packet->padding);
	put_bytes(b, MTU_LAYER_TRAILER, ESP_TRAILER);
	b->encrypted = b->authenticated = false;
	if (icv)
		put_bytes(b, MTU_LAYER_ICV, icv);
}

static void put_ah(struct builder *b, const struct mtu_spec *spec)
{
	unsigned int padding = ah_padding(spec);

	put_bytes(b, MTU_LAYER_AH, layers[MTU_LAYER_AH].bytes);
	if (iv_bytes(&spec->proposal))
		put_bytes(b, MTU_LAYER_IV, iv_bytes(&spec->proposal));
	put_bytes(b, MTU_LAYER_ICV, icv_bytes(&spec->proposal));
	if (padding)
		put_bytes(b, MTU_LAYER_AH_PADDING, padding);
	put_payload(b, spec);
}

int mtu_packet_build(const struct mtu_spec *spec, unsigned int inner, struct mtu_packet *ret)
{
	struct mtu_packet packet = {.inner = inner};
	struct builder b = {.packet = &packet};
	size_t i;

	if (inner < ip_header(mtu_inner_family(spec)))
		return -EINVAL;
	put_parts(&b, link_parts(spec));
	for (i = 0; i < spec->outsides; i++)
		put_carrier(&b, &spec->outside[i], true);
	/* AH authenticates the header before it, but for the fields that routers change */
	b.authenticated = spec->proposal.protocol == MTU_AH;
	put(&b, ip_layer(spec->outer), ip_header(spec->outer),
	    (int)ip_header(spec->outer) - (int)shared_header(spec));
	put_parts(&b, encapsulation_parts(spec));
	if (spec->proposal.protocol == MTU_AH)
		put_ah(&b, spec);
	else
		put_esp(&b, spec);
	*ret = packet;
	return 0;
}

unsigned int mtu_mss(unsigned int inner, int family)
{
	unsigned int headers = ip_header(family) + TCP_HEADER;

	return inner > headers ? inner - headers : 0;
}
