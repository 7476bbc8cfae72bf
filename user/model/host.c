// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/host.h"

#include <string.h>

uint64_t host_xfrm_gain(const struct host_facts *host, const char *name)
{
	for (size_t i = 0; i < host->xfrm_count; i++) {
		const struct host_counter *c = &host->xfrm[i];

		if (strcmp(c->name, name) == 0)
			return host->before_ns && c->value > c->before ? c->value - c->before : 0;
	}
	return 0;
}

const char *host_drop_kind_name(enum host_drop_kind kind)
{
	static const char *const names[HOST_DROP_KINDS] = {
		[HOST_DROP_OUTER] = "outer", [HOST_DROP_INNER] = "inner", [HOST_DROP_OTHER] = "other"};

	return kind < HOST_DROP_KINDS ? names[kind] : "";
}
