/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules.h - the functions behind rules.def; a file for each family */
#ifndef ESPIAL_DIAGNOSE_RULES_H
#define ESPIAL_DIAGNOSE_RULES_H

#include "diagnose/rule.h"

#define RULE(symbol, function, ...) void function(struct rule_run *r);
#include "diagnose/rules.def"

#endif
