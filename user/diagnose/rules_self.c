// SPDX-License-Identifier: GPL-2.0-or-later
/* rules_self.c - what espial itself missed */
#include "diagnose/rules.h"

#include <string.h>

/*
 * Value: what was missed since the look before. An SA that makes room for another was silent for minutes, and all of its packets were read
 * by then; those of newcomers in a flood may never have been.
 */
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
	sum -= state->retired < sum ? state->retired : sum;
	if (*before)
		value = sum > *before - 1 ? sum - (*before - 1) : 0;
	else
		value = r->input->live
				? 0
				: sum; /* what is there when a running agent begins is of the one before */
	*before = sum + 1;
	f = rule_hit(r, &subject, (double)value, value);
	if (!f)
		return;
	for (int i = 0; i < ESP_LOSS_COUNT; i++)
		if (state->loss[i])
			finding_evidence_number(f, ORIGIN_WIRE, 0, esp_loss_name((enum esp_loss)i),
						state->loss[i]);
}
