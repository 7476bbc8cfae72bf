/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmd_probe.h - between the parts of `espial probe` */
#ifndef ESPIAL_CMD_PROBE_H
#define ESPIAL_CMD_PROBE_H

#include "model/mtu.h"
#include "source/probe_message.h"

struct probe_request {
	struct probe_options options;
	const char *through, *target;
	const char *proposal; /* as given; NULL: PROBE_PROPOSAL is assumed */
	struct mtu_spec spec; /* without the families */
	bool json, exit_code, no_confirm;
};

#define PROBE_PROPOSAL "aes256gcm16"

struct probe_sizes {
	unsigned int inner, mss4, mss6; /* 0: nothing fits, or unknown */
};

/* What IPsec leaves of a path MTU; `natt`: in UDP. All 0 for an MTU of 0. */
void probe_sizes(const struct probe_request *q, const struct probe_result *r, unsigned int mtu, bool natt,
		 struct probe_sizes *ret);

/* ---- what is wrong, and what to do (cmd_probe_findings.c) */

struct probe_finding {
	const char *id, *severity, *confidence;
	char meaning[320];
	const char *platform;
	char remedy[320];
	char command[160]; /* empty: none */
};

#define PROBE_FINDINGS 8

size_t probe_findings(const struct probe_request *q, const struct probe_result *r,
		      struct probe_finding ret[static PROBE_FINDINGS]);

/* What to think of a state, as half a sentence; "" when there is nothing to add. */
void probe_state_text(const struct probe_result *r, enum probe_method method, char *ret, size_t size);

/* ---- output: both print all on standard output and return the exit status */

int probe_print_text(const struct probe_request *q, const struct probe_result *r,
		     const struct probe_finding *findings, size_t count);
int probe_print_json(const struct probe_request *q, const struct probe_result *r,
		     const struct probe_finding *findings, size_t count);

#endif
