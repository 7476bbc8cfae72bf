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
