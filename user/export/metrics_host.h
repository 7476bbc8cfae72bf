/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metrics_host.h - labels and values of the metrics about the host itself: metrics_table.c only */
#ifndef ESPIAL_EXPORT_METRICS_HOST_H
#define ESPIAL_EXPORT_METRICS_HOST_H

#include "export/metrics_table.h"

label_value metric_label_host_xfrm;
label_value metric_label_host_nic;
label_value metric_label_host_nic_counter;
label_value metric_label_host_drop_interface;
label_value metric_label_host_drop_kind;
label_value metric_label_host_drop_reason;
label_value metric_label_host_ring_interface;
label_value metric_label_host_ring;
label_value metric_label_host_queue_interface;
label_value metric_label_host_queue;
label_value metric_label_host_notice;

metric_value metric_host_xfrm;
metric_value metric_host_ring;
metric_value metric_host_queue_packets;
metric_value metric_host_queue_dropped;
metric_value metric_host_notices;
metric_value metric_host_overruns;
metric_value metric_host_drops;
metric_value metric_host_drops_rest;
metric_value metric_host_nic;
metric_value metric_host_softnet_dropped;
metric_value metric_host_softnet_squeezed;
metric_value metric_host_cpu_softirq;

#endif
