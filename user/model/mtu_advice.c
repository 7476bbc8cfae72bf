// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mtu_advice.c - the lines that configure an inner MTU and its MSS
 *
 * Three cases, because each platform puts the values elsewhere: a tunnel interface (GRE, VXLAN, L2TP inside; xfrm), policies
 * that take packets out of the forwarding path, and a host that protects its own packets (transport and BEET alone).
 */
#include "model/mtu.h"

#include <stdarg.h>
#include <stdio.h>

struct list {
	struct mtu_advice *rows;
	size_t count;
};

__attribute__((format(printf, 4, 5))) static void add(struct list *l, const char *platform, const char *text,
						      const char *format, ...)
{
	struct mtu_advice *row = &l->rows[l->count++];
	va_list args;

	row->platform = platform;
	row->text = text;
	va_start(args, format);
	vsnprintf(row->command, sizeof(row->command), format, args);
	va_end(args);
}

/* What commands show: MSS per family, 0 when none of that family is inside. */
struct values {
	unsigned int mtu, mss4, mss6;
};

/* Are the protected packets those of the host itself: no second header, nothing carried? */
static bool is_alone(const struct mtu_spec *spec)
{
	return spec->mode != MTU_TUNNEL && !spec->insides;
}

/* A rule for one family and direction of a table that the first lines make. */
static size_t nft_rule(char *at, size_t size, const char *match, int family, unsigned int mss)
{
	int n;

	if (!mss)
		return 0;
	n = snprintf(at, size,
		     "\nnft add rule inet ipsec_mss forward meta nfproto ipv%d %s tcp flags syn"
		     " tcp option maxseg size set %u",
		     family, match, mss);
	return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

static void linux_clamp(struct list *l, const char *text, const char *out, const char *in,
			const struct values *v)
{
	const char *const match[] = {out, in};
	char rules[560] = "";
	size_t used = 0, i;

	for (i = 0; i < 2; i++) {
		used += nft_rule(rules + used, sizeof(rules) - used, match[i], 4, v->mss4);
		used += nft_rule(rules + used, sizeof(rules) - used, match[i], 6, v->mss6);
	}
	add(l, "linux", text,
	    "nft add table inet ipsec_mss\n"
	    "nft 'add chain inet ipsec_mss forward { type filter hook forward priority mangle; }'%s",
	    rules);
}

static void linux_advice(struct list *l, const struct mtu_spec *spec, const struct values *v)
{
	static const char *const names[] = {"gre1", "ppp0", "vxlan0"};

	if (spec->insides) {
		const char *name = names[spec->inside[spec->insides - 1].kind];
		char out[32], in[32];

		snprintf(out, sizeof(out), "oifname %s", name);
		snprintf(in, sizeof(in), "iifname %s", name);
		add(l, "linux", "MTU of the interface that carries the packets", "ip link set dev %s mtu %u",
		    name, v->mtu);
		linux_clamp(l, "clamp the MSS of forwarded TCP, both directions (nftables)", out, in, v);
		return;
	}
	if (spec->mode == MTU_TUNNEL) {
		add(l, "linux", "with a tunnel interface (xfrm, VTI)", "ip link set dev ipsec0 mtu %u",
		    v->mtu);
		linux_clamp(l, "clamp the MSS of forwarded TCP, both directions (nftables, with policies)",
			    "rt ipsec exists", "meta ipsec exists", v);
	}
	if (v->mss4)
		add(l, "linux", is_alone(spec) ? "route to the peer" : "route through the tunnel, IPv4",
		    "ip route replace %s via GATEWAY dev OUTER mtu %u advmss %u",
		    is_alone(spec) ? "PEER" : "REMOTE_NET", v->mtu, v->mss4);
	if (v->mss6)
		add(l, "linux", is_alone(spec) ? "route to the peer" : "route through the tunnel, IPv6",
		    "ip -6 route replace %s via GATEWAY dev OUTER mtu %u advmss %u",
		    is_alone(spec) ? "PEER" : "REMOTE_NET", v->mtu, v->mss6);
}

/* charon sets the MTU on the routes that it installs: none in transport mode, and packets of a carrier have their own. */
static void strongswan_advice(struct list *l, const struct mtu_spec *spec, const struct values *v)
{
	if (spec->mode == MTU_TRANSPORT || spec->insides)
		add(l, "strongswan", "nothing to set: it installs no route for the inner packets", "%s", "");
	else
		add(l, "strongswan",
		    "strongswan.conf: routes that charon installs, of all connections; the MSS follows from "
		    "the MTU",
		    "charon {\n plugins {\n  kernel-netlink {\n   mtu = %u\n  }\n }\n}", v->mtu);
}

/* The ranges are those of the command references: a line that the router refuses is no ready line. */
static void cisco_advice(struct list *l, const struct mtu_spec *spec, const struct values *v)
{
	char ip4[80] = "", ip6[80] = "", mss[80] = "";

	if (is_alone(spec)) {
		if (v->mss4)
			add(l, "cisco", "IOS: TCP of the router itself", "ip tcp mss %u", v->mss4);
		return;
	}
	if (v->mss4) {
		snprintf(ip4, sizeof(ip4), "\n ip mtu %u", v->mtu);
		if (v->mss4 >= 500 && v->mss4 <= 1460)
			snprintf(mss, sizeof(mss), "\n ip tcp adjust-mss %u", v->mss4);
	}
	if (v->mss6)
		snprintf(ip6, sizeof(ip6), "\n ipv6 mtu %u", v->mtu);
	add(l, "cisco", "IOS and IOS-XE: the tunnel interface (with crypto maps: MSS on the inner interface)",
	    "interface Tunnel0%s%s%s", ip4, ip6, mss);
	if (v->mss4 && !spec->insides)
		add(l, "cisco", "ASA: MSS of all TCP through it", "sysopt connection tcpmss %u", v->mss4);
}

static void huawei_advice(struct list *l, const struct mtu_spec *spec, const struct values *v)
{
	char mss[80] = "", ip6[80] = "";

	if (is_alone(spec)) {
		add(l, "huawei",
		    "AR: nothing to set: these are packets of the router itself, not forwarded ones", "%s",
		    "");
		return;
	}
	if (v->mss4 >= 128 && v->mss4 <= 2048)
		snprintf(mss, sizeof(mss), "\n tcp adjust-mss %u", v->mss4);
	if (v->mss6)
		snprintf(ip6, sizeof(ip6), "\n ipv6 mtu %u", v->mtu);
	add(l, "huawei", "AR: the tunnel interface (with IPsec policies: MSS on the inner interface)",
	    "interface Tunnel0/0/1\n mtu %u%s%s", v->mtu, ip6, mss);
}

size_t mtu_advice(const struct mtu_spec *spec, unsigned int inner,
		  struct mtu_advice ret[static MTU_ADVICE_MAX])
{
	int family = mtu_inner_family(spec);
	struct list l = {.rows = ret};
	struct values v = {.mtu = inner};

	if (family != 6)
		v.mss4 = mtu_mss(inner, 4);
	if (family != 4 && inner >= MTU_IPV6_MIN)
		v.mss6 = mtu_mss(inner, 6);
	linux_advice(&l, spec, &v);
	strongswan_advice(&l, spec, &v);
	cisco_advice(&l, spec, &v);
	huawei_advice(&l, spec, &v);
	return l.count;
}
