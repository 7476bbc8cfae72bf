// SPDX-License-Identifier: GPL-2.0-or-later
/* rules.c - rules.def as tables */
#include "diagnose/rules.h"

const struct rule rule_table[] = {
#define RULE(symbol, function, ...) {FINDING_##symbol, function, __VA_ARGS__},
#include "diagnose/rules.def"
};
const size_t rule_count = sizeof(rule_table) / sizeof(rule_table[0]);

const struct rule_cause rule_causes[] = {
#define CAUSE(cause, consequence) {FINDING_##cause, FINDING_##consequence},
#include "diagnose/rules.def"
};
const size_t rule_cause_count = sizeof(rule_causes) / sizeof(rule_causes[0]);
