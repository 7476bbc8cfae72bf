// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ike_suite.c - proposals as text, in the words and the order of charon's log
 */
#include "model/ike_parse.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* Text that grows in a buffer which may be too small: `length` is what was wanted, as snprintf() counts. */
struct text {
	char *buffer;
	size_t size, length;
};

__attribute__((format(printf, 2, 3))) static void text_add(struct text *t, const char *format, ...)
{
	size_t left = t->length < t->size ? t->size - t->length : 0;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(left ? t->buffer + t->length : NULL, left, format, args);
	va_end(args);
	if (n > 0)
		t->length += (size_t)n;
}

static void add_separator(struct text *t)
{
	if (t->length)
		text_add(t, "/");
}

static void add_name(struct text *t, enum ike_registry registry, uint32_t value)
{
	char name[64];

	ike_name_print(registry, value, name, sizeof(name));
	add_separator(t);
	text_add(t, "%s", name);
}

static void add_key_bits(struct text *t, uint16_t bits)
{
	if (bits)
		text_add(t, "_%u", bits);
}

/* One transform of IKEv2. Additional key exchanges (RFC 9370) are "KE1_ML_KEM_768" and so on. */
static void add_v2(struct text *t, const struct ike_transform *transform)
{
	const char *name;

	switch (transform->type) {
	case IKE_TRANSFORM_TYPE_ENCR:
		add_name(t, IKE_REGISTRY_ENCR, transform->id);
		break;
	case IKE_TRANSFORM_TYPE_PRF:
		add_name(t, IKE_REGISTRY_PRF, transform->id);
		break;
	case IKE_TRANSFORM_TYPE_INTEG:
		add_name(t, IKE_REGISTRY_INTEG, transform->id);
		break;
	case IKE_TRANSFORM_TYPE_KE:
		add_name(t, IKE_REGISTRY_GROUP, transform->id);
		break;
	case IKE_TRANSFORM_TYPE_SN:
		add_name(t, IKE_REGISTRY_SN, transform->id);
		break;
	case IKE_TRANSFORM_TYPE_ADDKE1 ... IKE_TRANSFORM_TYPE_ADDKE7:
		add_separator(t);
		text_add(t, "KE%u_", transform->type - IKE_TRANSFORM_TYPE_ADDKE1 + 1u);
		name = ike_group_name(transform->id);
		if (name)
			text_add(t, "%s", name);
		else
			text_add(t, "%u", transform->id);
		break;
	default:
		add_name(t, IKE_REGISTRY_TRANSFORM_TYPE, transform->type);
		text_add(t, "_%u", transform->id);
	}
	add_key_bits(t, transform->key_bits);
}

/* charon's order of types; what is none of these comes last, in the order of the wire. */
static unsigned int rank(uint8_t type)
{
	static const uint8_t ranks[] = {
		[IKE_TRANSFORM_TYPE_ENCR] = 1,	  [IKE_TRANSFORM_TYPE_INTEG] = 2,
		[IKE_TRANSFORM_TYPE_PRF] = 3,	  [IKE_TRANSFORM_TYPE_KE] = 4,
		[IKE_TRANSFORM_TYPE_ADDKE1] = 5,  [IKE_TRANSFORM_TYPE_ADDKE2] = 6,
		[IKE_TRANSFORM_TYPE_ADDKE3] = 7,  [IKE_TRANSFORM_TYPE_ADDKE4] = 8,
		[IKE_TRANSFORM_TYPE_ADDKE5] = 9,  [IKE_TRANSFORM_TYPE_ADDKE6] = 10,
		[IKE_TRANSFORM_TYPE_ADDKE7] = 11, [IKE_TRANSFORM_TYPE_SN] = 12,
	};
	const unsigned int last = 13;

	return type < sizeof(ranks) && ranks[type] ? ranks[type] : last;
}

static void add_proposal(struct text *t, const struct ike_message *m, const struct ike_proposal *p)
{
	unsigned int r;
	uint16_t i;

	for (r = 1; r <= 13; r++)
		for (i = 0; i < p->transforms; i++)
			if (rank(m->transforms[p->first_transform + i].type) == r)
				add_v2(t, &m->transforms[p->first_transform + i]);
	if (p->transforms < p->transforms_said) {
		add_separator(t);
		text_add(t, "...");
	}
}

static void add_phase1(struct text *t, const struct ike_transform *transform)
{
	if (transform->encryption) {
		add_name(t, IKE_REGISTRY_V1_ENCR, transform->encryption);
		add_key_bits(t, transform->key_bits);
	}
	if (transform->hash) {
		add_name(t, IKE_REGISTRY_V1_HASH, transform->hash);
		/* RFC 2409 section 4: without a PRF negotiated (none is defined) it is the HMAC of the hash.
		 */
		if (!transform->prf)
			add_name(t, IKE_REGISTRY_V1_PRF, transform->hash);
	}
	if (transform->prf) {
		/* The attribute's values are private use: no registry but the plain number. */
		add_separator(t);
		text_add(t, "PRF_%u", transform->prf);
	}
	if (transform->group)
		add_name(t, IKE_REGISTRY_GROUP, transform->group);
}

static void add_phase2(struct text *t, uint8_t protocol, const struct ike_transform *transform)
{
	if (protocol == IKE_PROTOCOL_ESP) {
		add_name(t, IKE_REGISTRY_ENCR, transform->id);
		add_key_bits(t, transform->key_bits);
	}
	if (transform->esp_integrity)
		add_name(t, IKE_REGISTRY_V1_ESP_AUTH, transform->esp_integrity);
	if (transform->group)
		add_name(t, IKE_REGISTRY_GROUP, transform->group);
}

static void add_detail(struct text *t, const struct ike_transform *transform)
{
	if (transform->authentication)
		add_name(t, IKE_REGISTRY_V1_AUTH, transform->authentication);
	if (transform->life_seconds) {
		add_separator(t);
		text_add(t, "%" PRIu64 "s", transform->life_seconds);
	}
	if (transform->life_kilobytes) {
		add_separator(t);
		text_add(t, "%" PRIu64 "kB", transform->life_kilobytes);
	}
}

static uint8_t protocol_of(const struct ike_message *m, size_t transform)
{
	uint16_t i;

	for (i = 0; i < m->proposal_count; i++)
		if (transform - m->proposals[i].first_transform < m->proposals[i].transforms)
			return m->proposals[i].protocol;
	return 0;
}

size_t ike_suite_count(const struct ike_message *m)
{
	return m->major == 1 ? m->transform_count : m->proposal_count;
}

int ike_suite_print(const struct ike_message *m, size_t suite, bool detail, char *buffer, size_t size)
{
	struct text t = {buffer, size, 0};

	if (size)
		buffer[0] = '\0';
	if (suite >= ike_suite_count(m))
		return 0;
	if (m->major != 1) {
		add_proposal(&t, m, &m->proposals[suite]);
	} else {
		uint8_t protocol = protocol_of(m, suite);

		if (protocol == IKE_PROTOCOL_IKE)
			add_phase1(&t, &m->transforms[suite]);
		else
			add_phase2(&t, protocol, &m->transforms[suite]);
		if (detail)
			add_detail(&t, &m->transforms[suite]);
	}
	return (int)t.length;
}
