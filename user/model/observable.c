/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/observable.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

static const struct {
	const char *name, *text;
} reasons[OBSERVABLE_REASONS] = {
	[OBSERVABLE] = {"", ""},
	[NOT_OBSERVABLE_PACKET_OFFLOAD] =
		{"packet_offload", "the device does all of IPsec for this SA and the host never sees its "
				   "ESP: packets and bytes are the kernel's, loss cannot be told"},
	[NOT_OBSERVABLE_GRO] =
		{"gro",
		 "GRO takes the ESP of this SA before our hook (esp4_offload or esp6_offload is loaded): "
		 "packets and bytes are the kernel's; attach XDP to the device that receives, or unload the "
		 "module, or "
		 "`ethtool -K DEVICE gro off`"},
	[NOT_OBSERVABLE_UNHOOKED] = {"unhooked",
				     "no program of espial is attached where packets of this SA pass: "
				     "packets and bytes are the kernel's; watch that interface"},
};

enum observable_hook observable_hook(const char *name)
{
	static const struct {
		const char *name;
		enum observable_hook hook;
	} hooks[] = {
		{"xdp native", OBSERVABLE_HOOK_XDP_NATIVE},
		{"xdp generic", OBSERVABLE_HOOK_XDP_GENERIC},
		{"tcx", OBSERVABLE_HOOK_TC},
		{"clsact", OBSERVABLE_HOOK_TC},
	};

	for (size_t i = 0; i < sizeof(hooks) / sizeof(*hooks); i++)
		if (!strcmp(name, hooks[i].name))
			return hooks[i].hook;
	return OBSERVABLE_HOOK_NONE;
}

/* esp4_gro_receive() and its like take what is ESP, and ESP in UDP where the socket asks for it, and has an SA. */
static bool gro_takes(const struct fact_sa *sa, const struct observable_place *place)
{
	if (sa->protocol != IPPROTO_ESP || !place->gro)
		return false;
	return sa->family == 6 ? place->esp6_offload : place->esp4_offload;
}

enum observable observable_sa(const struct fact_sa *sa, const struct observable_place *place)
{
	if (sa->offload == FACT_OFFLOAD_PACKET)
		return NOT_OBSERVABLE_PACKET_OFFLOAD;
	/* Crypto offload alone hides nothing: the device returns ESP with its header, and is given it so. */
	if (sa->direction == FACT_OUT)
		return place->egress == OBSERVABLE_HOOK_NONE ? NOT_OBSERVABLE_UNHOOKED : OBSERVABLE;
	switch (place->ingress) {
	case OBSERVABLE_HOOK_NONE:
		return NOT_OBSERVABLE_UNHOOKED;
	case OBSERVABLE_HOOK_XDP_NATIVE:
		return OBSERVABLE;
	default:
		return gro_takes(sa, place) ? NOT_OBSERVABLE_GRO : OBSERVABLE;
	}
}

const char *observable_name(enum observable reason)
{
	return reason < OBSERVABLE_REASONS ? reasons[reason].name : "";
}

const char *observable_text(enum observable reason)
{
	return reason < OBSERVABLE_REASONS ? reasons[reason].text : "";
}

struct observable_counters observable_counters(enum observable reason, const struct fact_sa *sa,
					       const struct observable_counters *seen)
{
	struct observable_counters ret = {.kernel = reason != OBSERVABLE || !seen};

	ret.packets = ret.kernel ? sa->packets : seen->packets;
	ret.bytes = ret.kernel ? sa->bytes : seen->bytes;
	return ret;
}

bool observable_twice(const struct fact_sa *sa, const struct observable_place *place)
{
	return sa->direction == FACT_IN && sa->mode != FACT_TRANSPORT && !sa->if_id &&
	       (place->ingress == OBSERVABLE_HOOK_XDP_GENERIC || place->ingress == OBSERVABLE_HOOK_TC);
}
