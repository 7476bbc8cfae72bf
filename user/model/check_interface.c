// SPDX-License-Identifier: GPL-2.0-or-later
/* check_interface.c - the rows of an interface: which hooks are free, what hides packets, and what will be done */
#include <stdio.h>
#include <string.h>

#include "model/check_internal.h"

/* The names of our own programs begin so. */
#define OURS "esp_"
/* One packet in one page, with room for headers before and after: what native XDP takes without fragments. */
#define XDP_ONE_PAGE 3498

static bool is_ours(const char *name)
{
	return !strncmp(name, OURS, strlen(OURS));
}

/* Held by somebody, who is not us: our own gives way to the next agent of ours. */
static bool xdp_is_taken(const struct check_interface *i)
{
	return i->xdp_mode != CHECK_XDP_FREE && i->xdp_mode != CHECK_XDP_UNSEEN && !is_ours(i->xdp_name);
}

struct check_plan check_plan(const struct check_host *host, const struct check_interface *i)
{
	const char *tc = host->tcx == CHECK_NO ? "clsact" : "tcx";
	struct check_plan plan = {.ingress = tc, .egress = tc};

	/* Without an answer of the kernel's, its version decides */
	if (host->tcx == CHECK_UNSEEN && (host->major < 6 || (host->major == 6 && host->minor < 6)))
		plan.ingress = plan.egress = "clsact";
	if (i->ethernet && !xdp_is_taken(i))
		plan.ingress = i->native_xdp == CHECK_NO ? "xdp generic" : "xdp native";
	return plan;
}

static struct check_row *add(struct check_rows *rows, const struct check_interface *i, const char *id,
			     const char *title, enum check_status status)
{
	struct check_row *row = check_add(rows, "interface", id, title, status, "%s", "");

	memcpy(row->interface, i->name, sizeof(row->interface));
	return row;
}

#define VALUE(row, ...) snprintf((row)->value, sizeof((row)->value), __VA_ARGS__)

static void judge_device(const struct check_interface *i, struct check_rows *rows)
{
	struct check_row *row = add(rows, i, "device", "device", CHECK_OK);

	VALUE(row, "%s%s%s, MTU %u%s%s", *i->driver ? i->driver : "no driver told", i->up ? ", up" : ", down",
	      i->ethernet ? "" : ", no link header", i->mtu, *i->stack ? ", " : "", i->stack);
	if (*i->stack) {
		row->status = CHECK_NOTE;
		check_say(row, "its packets are seen on another device too, and would count twice",
			  "of each stack `auto` and globs take one; name plainly only one of them");
	}
}

static void judge_xdp(const struct check_interface *i, struct check_rows *rows)
{
	static const char *const modes[] = {
		[CHECK_XDP_NATIVE] = "native",
		[CHECK_XDP_GENERIC] = "generic",
		[CHECK_XDP_HARDWARE] = "hardware",
		[CHECK_XDP_SEVERAL] = "more than one mode",
	};
	struct check_row *row = add(rows, i, "xdp", "XDP", CHECK_OK);

	if (!i->ethernet) {
		row->status = CHECK_NOTE;
		VALUE(row, "none, without a link header");
		check_say(row, "tc ingress is used", "");
	} else if (i->xdp_mode == CHECK_XDP_UNSEEN) {
		row->status = CHECK_NOT_SEEN;
		VALUE(row, "the kernel does not tell who has it");
	} else if (i->xdp_mode != CHECK_XDP_FREE) {
		bool ours = is_ours(i->xdp_name);

		row->status = ours ? CHECK_OK : CHECK_LACK;
		VALUE(row, "%s by program %u%s%s%s, %s", ours ? "held" : "taken", i->xdp_id,
		      *i->xdp_name ? " (" : "", i->xdp_name, *i->xdp_name ? ")" : "", modes[i->xdp_mode]);
		if (!ours)
			check_say(row,
				  "it stays: tc ingress is used, which sees only what that program lets pass",
				  "if nobody needs it: ip link set dev NAME xdp off");
	} else if (i->native_xdp == CHECK_YES) {
		VALUE(row, "native, free");
	} else if (i->native_xdp == CHECK_NO) {
		row->status = CHECK_NOTE;
		VALUE(row, "generic only, free");
		check_say(row, "each packet costs more, as it is in a socket buffer already",
			  "a driver with native XDP");
	} else {
		VALUE(row, "free; whether native is known when it is tried");
	}
}

/* Native XDP wants the packet in one page, unless driver and program take fragments. Ours does. */
static void judge_xdp_mtu(const struct check_interface *i, struct check_rows *rows)
{
	struct check_row *row;

	if (!i->ethernet || xdp_is_taken(i) || i->mtu <= XDP_ONE_PAGE || i->native_xdp != CHECK_YES ||
	    i->xdp_frags == CHECK_YES)
		return;
	row = add(rows, i, "xdp-mtu", "XDP and MTU", CHECK_NOTE);
	VALUE(row, "MTU %u, and the driver %s", i->mtu,
	      i->xdp_frags == CHECK_NO ? "takes no fragments" : "does not tell of fragments");
	check_say(row, "native XDP may be refused: then generic XDP is used", "an MTU of up to 3498");
}

static void judge_tc(const struct check_interface *i, struct check_rows *rows, bool egress)
{
	struct check_row *row = add(rows, i, egress ? "tc-egress" : "tc-ingress",
				    egress ? "tc egress" : "tc ingress", CHECK_OK);
	size_t others = 0, ours = 0;
	char list[160] = "";

	for (size_t n = 0; n < i->tc_count && n < CHECK_TC; n++) {
		const struct check_tc *tc = &i->tc[n];
		size_t used = strlen(list);

		if (tc->egress != egress)
			continue;
		if (is_ours(tc->name)) {
			ours++;
			continue;
		}
		others++;
		if (tc->id)
			snprintf(list + used, sizeof(list) - used, "%s%s program %u%s%s%s", used ? ", " : "",
				 tc->tcx ? "TCX" : "filter", tc->id, *tc->name ? " (" : "", tc->name,
				 *tc->name ? ")" : "");
		else
			snprintf(list + used, sizeof(list) - used, "%sfilter %s, priority %u",
				 used ? ", " : "", tc->kind, tc->priority);
	}
	if (!others) {
		VALUE(row, ours ? "held by espial" : "free");
		return;
	}
	row->status = CHECK_NOTE;
	VALUE(row, "shared with %s", list);
	check_say(row, "they stay; one that is before ours and ends the chain hides packets from it", "");
}

/*
 * GRO of ESP decrypts before tc ingress. Native XDP comes before it, and generic XDP keeps from it what its own device receives
 * (netif_elide_gro()), but not what a device below receives for it.
 */
static void judge_esp_gro(const struct check_host *host, const struct check_interface *i,
			  struct check_rows *rows)
{
	struct check_plan plan = check_plan(host, i);
	bool above = *i->stack && strncmp(i->stack, "part of", strlen("part of")) != 0;
	struct check_row *row;

	if ((!host->esp4_offload && !host->esp6_offload) || i->gro != CHECK_FEATURE_ON ||
	    !strcmp(plan.ingress, "xdp native") || (!strcmp(plan.ingress, "xdp generic") && !above))
		return;
	row = add(rows, i, "esp-gro", "ESP in GRO", CHECK_LACK);
	VALUE(row, "GRO takes ESP before %s sees it", plan.ingress);
	check_say(row, "incoming ESP is not observable: its counters are the kernel's, and no loss is told",
		  "modprobe -r esp4_offload esp6_offload, or XDP on the device that receives");
}

static void judge_offload(const struct check_host *host, const struct check_interface *i,
			  struct check_rows *rows)
{
	static const char *const words[] = {
		[CHECK_FEATURE_ABSENT] = "absent",
		[CHECK_FEATURE_OFF] = "off",
		[CHECK_FEATURE_ON] = "on",
	};
	struct check_row *row = add(rows, i, "offload", "offloads", CHECK_OK);
	bool native = !strcmp(check_plan(host, i).ingress, "xdp native");

	if (!i->features_seen) {
		row->status = CHECK_NOT_SEEN;
		VALUE(row, "the device does not tell");
		return;
	}
	VALUE(row, "ESP %s, ESP checksum %s, GRO %s, GRO in hardware %s, LRO %s", words[i->esp_hw_offload],
	      words[i->esp_tx_csum], words[i->gro], words[i->gro_hw], words[i->lro]);
	if (i->esp_hw_offload == CHECK_FEATURE_ON) {
		row->status = CHECK_NOTE;
		check_say(row,
			  "SAs given to the device as packet offload are never seen here: their counters are "
			  "the kernel's",
			  "ip xfrm state shows which; ethtool -K NAME esp-hw-offload off for no new ones");
	}
	judge_esp_gro(host, i, rows);
	if (i->lro == CHECK_FEATURE_ON && native) {
		row = add(rows, i, "lro", "LRO", CHECK_NOTE);
		VALUE(row, "on");
		check_say(row,
			  "attaching native XDP makes many drivers turn it off and reset their rings: a "
			  "short gap",
			  "--xdp-mode generic or off, where that matters");
	}
}

static void judge_plan(const struct check_host *host, const struct check_interface *i,
		       struct check_rows *rows)
{
	struct check_plan plan = check_plan(host, i);
	struct check_row *row = add(rows, i, "plan", "espial run", CHECK_OK);

	if (!check_kernel_suits(host)) {
		row->status = CHECK_NOTE;
		VALUE(row, "would not watch it: see what is missing of the kernel");
		return;
	}
	if (i->loopback) {
		VALUE(row, "not watched unless named: loopback");
		return;
	}
	VALUE(row, "would watch in by %s, out by %s%s", plan.ingress, plan.egress,
	      !strcmp(plan.ingress, "xdp native") && i->native_xdp != CHECK_YES ? " (else xdp generic)" : "");
}

void check_interface(const struct check_host *host, const struct check_interface *interface,
		     struct check_rows *rows)
{
	judge_device(interface, rows);
	judge_xdp(interface, rows);
	judge_xdp_mtu(interface, rows);
	judge_tc(interface, rows, false);
	judge_tc(interface, rows, true);
	judge_offload(host, interface, rows);
	judge_plan(host, interface, rows);
}
