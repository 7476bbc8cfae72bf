/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metrics_sas.h - metrics of the SAs one by one: for metrics.c */
#ifndef ESPIAL_EXPORT_METRICS_SAS_H
#define ESPIAL_EXPORT_METRICS_SAS_H

#include "export/metrics_page.h"
#include "model/state.h"

/* The families espial_child_sa_*: of SAs that belong to tunnels which end on this host, newcomers excepted. */
void metrics_sas_add(struct metrics_page *page, const struct state *state, bool openmetrics);
/* A label's value: what is not plain as \x1b, and then escaped as both formats want it. */
void metrics_label(struct text *t, const char *value);

#endif
