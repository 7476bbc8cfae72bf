// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ike_names.c - numbers of the IANA registries to names, from ike_names.def
 *
 * Each registry becomes a switch: the compiler makes it a jump table, and refuses a number that is listed
 * twice.
 */
#include "model/ike_parse.h"

#include <stdio.h>

#define NAME_CASE(symbol, value)                                                                             \
	case value:                                                                                          \
		return #symbol;

#define LOOKUP_BEGIN(function)                                                                               \
	static const char *function(uint32_t value)                                                          \
	{                                                                                                    \
		switch (value) {
#define LOOKUP_END                                                                                           \
	}                                                                                                    \
	return NULL;                                                                                         \
	}

/* clang-format off */
#define IKE_V2_EXCHANGE NAME_CASE
LOOKUP_BEGIN(v2_exchange)
#include "model/ike_names.def"
LOOKUP_END
#define IKE_V1_EXCHANGE NAME_CASE
LOOKUP_BEGIN(v1_exchange)
#include "model/ike_names.def"
LOOKUP_END
#define IKE_V2_PAYLOAD NAME_CASE
LOOKUP_BEGIN(v2_payload)
#include "model/ike_names.def"
LOOKUP_END
#define IKE_V1_PAYLOAD NAME_CASE
LOOKUP_BEGIN(v1_payload)
#include "model/ike_names.def"
LOOKUP_END
#define IKE_PROTOCOL NAME_CASE
LOOKUP_BEGIN(protocol)
#include "model/ike_names.def"
LOOKUP_END
#define IKE_TRANSFORM_TYPE NAME_CASE
LOOKUP_BEGIN(transform_type)
#include "model/ike_names.def"
LOOKUP_END
#define IKE_ENCR NAME_CASE
LOOKUP_BEGIN(encr)
#include "model/ike_names.def"
LOOKUP_END
#define IKE_PRF NAME_CASE
LOOKUP_BEGIN(prf)
#include "model/ike_names.def"
LOOKUP_END
#define IKE_INTEG NAME_CASE
LOOKUP_BEGIN(integ)
#include "model/ike_names.def"
LOOKUP_END
#define IKE_GROUP NAME_CASE
LOOKUP_BEGIN(group)
#include "model/ike_names.def"
LOOKUP_END
#define IKE_SN NAME_CASE
LOOKUP_BEGIN(sn)
#include "model/ike_names.def"
LOOKUP_END
#define IKE_V1_ENCR NAME_CASE
LOOKUP_BEGIN(v1_encr)
#include "model/ike_names.def"
LOOKUP_END
#define IKE_V1_HASH NAME_CASE
LOOKUP_BEGIN(v1_hash)
#include "model/ike_names.def"
LOOKUP_END
#define IKE_V1_PRF NAME_CASE
LOOKUP_BEGIN(v1_prf)
#include "model/ike_names.def"
LOOKUP_END
#define IKE_V1_AUTH NAME_CASE
LOOKUP_BEGIN(v1_auth)
#include "model/ike_names.def"
LOOKUP_END
#define IKE_V1_ESP_AUTH NAME_CASE
LOOKUP_BEGIN(v1_esp_auth)
#include "model/ike_names.def"
LOOKUP_END
#define IKE_ID NAME_CASE
LOOKUP_BEGIN(id)
#include "model/ike_names.def"
LOOKUP_END
#define IKE_CERT NAME_CASE
LOOKUP_BEGIN(cert)
#include "model/ike_names.def"
LOOKUP_END
#define IKE_V2_NOTIFY NAME_CASE
LOOKUP_BEGIN(v2_notify)
#include "model/ike_names.def"
LOOKUP_END
#define IKE_V1_NOTIFY NAME_CASE
LOOKUP_BEGIN(v1_notify)
#include "model/ike_names.def"
LOOKUP_END
/* clang-format on */

static const struct {
	const char *(*lookup)(uint32_t value);
	const char *prefix; /* of numbers without a name */
} registries[IKE_REGISTRY_COUNT] = {
	[IKE_REGISTRY_V2_EXCHANGE] = {v2_exchange, "EXCHANGE"},
	[IKE_REGISTRY_V1_EXCHANGE] = {v1_exchange, "EXCHANGE"},
	[IKE_REGISTRY_V2_PAYLOAD] = {v2_payload, "PAYLOAD"},
	[IKE_REGISTRY_V1_PAYLOAD] = {v1_payload, "PAYLOAD"},
	[IKE_REGISTRY_PROTOCOL] = {protocol, "PROTOCOL"},
	[IKE_REGISTRY_TRANSFORM_TYPE] = {transform_type, "TRANSFORM_TYPE"},
	[IKE_REGISTRY_ENCR] = {encr, "ENCR"},
	[IKE_REGISTRY_PRF] = {prf, "PRF"},
	[IKE_REGISTRY_INTEG] = {integ, "INTEG"},
	[IKE_REGISTRY_GROUP] = {group, "GROUP"},
	[IKE_REGISTRY_SN] = {sn, "SN"},
	[IKE_REGISTRY_V1_ENCR] = {v1_encr, "ENCR"},
	[IKE_REGISTRY_V1_HASH] = {v1_hash, "HASH"},
	[IKE_REGISTRY_V1_PRF] = {v1_prf, "PRF"},
	[IKE_REGISTRY_V1_AUTH] = {v1_auth, "AUTH"},
	[IKE_REGISTRY_V1_ESP_AUTH] = {v1_esp_auth, "INTEG"},
	[IKE_REGISTRY_ID] = {id, "ID"},
	[IKE_REGISTRY_CERT] = {cert, "CERT"},
	[IKE_REGISTRY_V2_NOTIFY] = {v2_notify, "NOTIFY"},
	[IKE_REGISTRY_V1_NOTIFY] = {v1_notify, "NOTIFY"},
};

const char *ike_name(enum ike_registry registry, uint32_t value)
{
	if ((unsigned int)registry >= IKE_REGISTRY_COUNT)
		return NULL;
	return registries[registry].lookup(value);
}

int ike_name_print(enum ike_registry registry, uint32_t value, char *buffer, size_t size)
{
	const char *name = ike_name(registry, value);

	if (name)
		return snprintf(buffer, size, "%s", name);
	return snprintf(buffer, size, "%s_%u",
			(unsigned int)registry < IKE_REGISTRY_COUNT ? registries[registry].prefix : "UNKNOWN",
			value);
}

/* A message of an unknown version is named as IKEv2's: it is the version that grows. */
const char *ike_exchange_name(uint8_t major, uint8_t exchange)
{
	return ike_name(major == 1 ? IKE_REGISTRY_V1_EXCHANGE : IKE_REGISTRY_V2_EXCHANGE, exchange);
}

const char *ike_payload_name(uint8_t major, uint8_t payload)
{
	return ike_name(major == 1 ? IKE_REGISTRY_V1_PAYLOAD : IKE_REGISTRY_V2_PAYLOAD, payload);
}

const char *ike_notify_name(uint8_t major, uint16_t notify)
{
	return ike_name(major == 1 ? IKE_REGISTRY_V1_NOTIFY : IKE_REGISTRY_V2_NOTIFY, notify);
}

const char *ike_group_name(uint16_t group_number)
{
	return ike_name(IKE_REGISTRY_GROUP, group_number);
}

int ike_exchange_print(uint8_t major, uint8_t exchange, char *buffer, size_t size)
{
	return ike_name_print(major == 1 ? IKE_REGISTRY_V1_EXCHANGE : IKE_REGISTRY_V2_EXCHANGE, exchange,
			      buffer, size);
}

int ike_notify_print(uint8_t major, uint16_t notify, char *buffer, size_t size)
{
	return ike_name_print(major == 1 ? IKE_REGISTRY_V1_NOTIFY : IKE_REGISTRY_V2_NOTIFY, notify, buffer,
			      size);
}

bool ike_notify_is_error(uint8_t major, uint16_t notify)
{
	return notify < (major == 1 ? 8192 : 16384);
}
