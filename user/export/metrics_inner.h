/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metrics_inner.h - labels and values of the metrics about inner interfaces: metrics_table.c only */
#ifndef ESPIAL_EXPORT_METRICS_INNER_H
#define ESPIAL_EXPORT_METRICS_INNER_H

#include "export/metrics_table.h"

label_value metric_label_inner_interface;
label_value metric_label_inner_kind;
label_value metric_label_inner_family;
label_value metric_label_inner_tunnel;

metric_value metric_inner_packets;
metric_value metric_inner_too_big;
metric_value metric_inner_missed;
metric_value metric_inner_mss_max;
metric_value metric_inner_tunnel_syns;
metric_value metric_inner_tunnel_mss;
metric_value metric_inner_tunnel_too_big;

#endif
