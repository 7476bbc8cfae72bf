// SPDX-License-Identifier: GPL-2.0-or-later
/* rules_self.c - what espial itself missed */
#include "diagnose/rules.h"

#include <string.h>

/* Value: what was missed since the look before. */
void rule_observation_gap(struct rule_run *r)
{
	const struct state *state = r->input->state;
	struct rule_subject subject = {0};
	uint64_t sum = 0, *before, value;
	struct finding *f;

	for (int i = 0; i < ESP_LOSS_COUNT; i++)
		sum += state->loss[i];
	before = rule_memory(r, &subject);
	if (!before)
		return;
	value = sum > *before ? sum - *before : 0;
	*before = sum;
	f = rule_hit(r, &subject, (double)value, value);
	if (!f)
		return;
	for (int i = 0; i < ESP_LOSS_COUNT; i++)
		if (state->loss[i])
			finding_evidence_number(f, ORIGIN_WIRE, 0, esp_loss_name((enum esp_loss)i),
						state->loss[i]);
}
