// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_rules_gateway.c - findings about the gateway itself: its NAT rules, its certificates, its CPUs; each with what is almost one
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "diagnose/diagnosis.h"
#include "model/address.h"
#include "source/firewall_parse.h"

#define SECOND UINT64_C(1000000000)
#define DAY (86400 * SECOND)
#define START (UINT64_C(1700000000) * SECOND)

static struct state_interface interfaces[2];
static struct state_tunnel tunnel;
static struct state state;
static struct fact_policy policy, policies[3];
static struct fact_kernel kernel;
static struct fact_connection connection;
static struct fact_certificate certificates[3];
static struct fact_daemon daemon_facts;
static struct firewall firewall;
static struct host_facts host;
static struct diagnosis *d;
static uint64_t second;
static uint64_t rate;

static int teardown(void **unused)
{
	(void)unused;
	firewall_free(&firewall);
	diagnosis_free(d);
	d = NULL;
	return 0;
}

static int setup(void **unused)
{
	teardown(unused);
	memset(interfaces, 0, sizeof(interfaces));
	memset(&tunnel, 0, sizeof(tunnel));
	memset(&state, 0, sizeof(state));
	memset(&policy, 0, sizeof(policy));
	memset(&kernel, 0, sizeof(kernel));
	memset(&connection, 0, sizeof(connection));
	memset(certificates, 0, sizeof(certificates));
	memset(&daemon_facts, 0, sizeof(daemon_facts));
	memset(&host, 0, sizeof(host));
	strcpy(interfaces[0].name, "eth0");
	strcpy(interfaces[1].name, "eth1");
	strcpy(tunnel.name, "t");
	address_parse("192.0.2.1", tunnel.local);
	address_parse("198.51.100.2", tunnel.remote);
	tunnel.state = STATE_TUNNEL_UP;
	state.tunnels = &tunnel;
	state.tunnel_count = 1;
	state.interfaces = interfaces;
	state.interface_count = 1;
	policy.direction = FACT_OUT;
	policy.has_template = true;
	policy.mode = FACT_TUNNEL;
	policy.selector.family = 4;
	policy.selector.source_prefix = policy.selector.destination_prefix = 24;
	address_parse("192.168.1.0", policy.selector.source);
	address_parse("192.168.2.0", policy.selector.destination);
	address_parse("192.0.2.1", policy.source);
	address_parse("198.51.100.2", policy.destination);
	kernel.available = true;
	kernel.policies = &policy;
	kernel.policy_count = 1;
	strcpy(connection.name, "t");
	address_parse("198.51.100.2", connection.remote);
	strcpy(connection.local_id, "moon.example.org");
	strcpy(connection.remote_id, "C=CH, CN=sun");
	daemon_facts.available = true;
	daemon_facts.connections = &connection;
	daemon_facts.connection_count = 1;
	daemon_facts.certificates = certificates;
	host.cpu_softirq = host.cpu_busy = host.cpu_softirq_most = -1;
	second = 0;
	rate = 0;
	d = diagnosis_new();
	return d ? 0 : -1;
}

static void rules(const char *text)
{
	char all[1024];

	firewall_free(&firewall);
	snprintf(all, sizeof(all), "*nat\n:PREROUTING ACCEPT\n:POSTROUTING ACCEPT\n%s", text);
	assert_int_equal(firewall_read_iptables(all, strlen(all), &firewall), 0);
	firewall.available = true;
	firewall.read_ns = START;
}

static const struct finding *look_with(enum finding_id id, bool with_kernel, bool with_daemon)
{
	struct diagnose_input input = {.now_ns = START + second++ * SECOND,
				       .live = true,
				       .state = &state,
				       .kernel = with_kernel ? &kernel : NULL,
				       .daemons = &daemon_facts,
				       .daemon_count = with_daemon,
				       .firewall = &firewall,
				       .host = &host};

	tunnel.in.packets += rate;
	host.before_ns = host.taken_ns;
	host.taken_ns = input.now_ns;
	assert_int_equal(diagnosis_update(d, &input), 0);
	for (size_t i = 0; i < diagnosis_raised(d)->count; i++)
		if (diagnosis_raised(d)->list[i]->id == id)
			return diagnosis_raised(d)->list[i];
	return NULL;
}

static const struct finding *look(enum finding_id id)
{
	return look_with(id, true, true);
}

static bool has_evidence(const struct finding *f, const char *text)
{
	for (size_t i = 0; i < f->evidence_count; i++)
		if (f->evidence[i].text && strstr(f->evidence[i].text, text))
			return true;
	return false;
}

/* ---- nat-before-ipsec */

static void test_nat(void **unused)
{
	const struct finding *f;

	(void)unused;
	assert_null(look(FINDING_NAT_BEFORE_IPSEC)); /* not read yet */
	rules("-A POSTROUTING -o eth0 -j MASQUERADE\n");
	f = look(FINDING_NAT_BEFORE_IPSEC);
	assert_non_null(f);
	assert_string_equal(f->tunnel, "t");
	assert_string_equal(f->peer, "198.51.100.2");
	assert_int_equal(f->confidence, CONFIDENCE_CERTAIN);
	assert_int_equal(f->severity, SEVERITY_CRITICAL);
	assert_string_equal(f->meaning,
			    "NAT translates traffic for 198.51.100.2 before IPsec sees it (192.168.1.0/24 to "
			    "192.168.2.0/24), so that it no longer matches the policy.");
	assert_true(has_evidence(f, "iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE"));
	assert_non_null(strstr(f->remedies[0].command, "oifname eth0 "));
	state.interface_count = 2; /* by which of them it leaves is not known */
	f = look(FINDING_NAT_BEFORE_IPSEC);
	assert_int_equal(f->confidence, CONFIDENCE_LIKELY);
	/* mended */
	rules("-A POSTROUTING -o eth0 -m policy --dir out --pol none -j MASQUERADE\n");
	assert_null(look(FINDING_NAT_BEFORE_IPSEC));
	rules("-A POSTROUTING -s 192.168.1.7/32 -o eth0 -j MASQUERADE\n");
	f = look(FINDING_NAT_BEFORE_IPSEC);
	assert_non_null(strstr(f->meaning, "(some of 192.168.1.0/24"));
}

static void test_nat_near_misses(void **unused)
{
	(void)unused;
	rules("-A POSTROUTING -d 192.168.2.0/24 -j ACCEPT\n-A POSTROUTING -o eth0 -j MASQUERADE\n");
	assert_null(look(FINDING_NAT_BEFORE_IPSEC));
	rules("-A POSTROUTING -o ppp0 -j MASQUERADE\n"); /* not an interface of tunnels */
	assert_null(look(FINDING_NAT_BEFORE_IPSEC));
	rules("-A POSTROUTING -m set --match-set vpn dst -j ACCEPT\n-A POSTROUTING -o eth0 -j MASQUERADE\n");
	assert_null(look(FINDING_NAT_BEFORE_IPSEC)); /* nobody knows */
	rules("-A POSTROUTING -o eth0 -j MASQUERADE\n");
	policy.if_id = 7; /* routed into an interface of its own */
	assert_null(look(FINDING_NAT_BEFORE_IPSEC));
	policy.if_id = 0;
	policy.mark = policy.mark_mask = 1;
	assert_null(look(FINDING_NAT_BEFORE_IPSEC));
	policy.mark = policy.mark_mask = 0;
	policy.direction = FACT_FORWARD;
	assert_null(look(FINDING_NAT_BEFORE_IPSEC));
	policy.direction = FACT_OUT;
	policy.mode = FACT_TRANSPORT;
	assert_null(look(FINDING_NAT_BEFORE_IPSEC));
	policy.mode = FACT_TUNNEL;
	assert_null(look_with(FINDING_NAT_BEFORE_IPSEC, false, true));
	assert_non_null(look(FINDING_NAT_BEFORE_IPSEC));
	firewall.available = false;
	assert_null(look(FINDING_NAT_BEFORE_IPSEC));
}

/* One rule that takes from many tunnels is one finding. */
static void test_nat_of_many(void **unused)
{
	const struct finding *f;

	(void)unused;
	rules("-A POSTROUTING -o eth0 -j MASQUERADE\n-A PREROUTING -i eth0 -p udp -j DNAT --to-destination "
	      "192.168.1.5\n");
	for (unsigned int i = 0; i < 3; i++) {
		policies[i] = policy;
		policies[i].selector.destination[14] += (uint8_t)i;
		policies[i].destination[15] += (uint8_t)i;
	}
	kernel.policies = policies;
	kernel.policy_count = 3;
	f = look_with(FINDING_NAT_BEFORE_IPSEC, true, false);
	assert_non_null(strstr(f->meaning, "192.168.2.0/24, and of 2 more policies)"));
	assert_null(f->peer);
	f = look_with(FINDING_NAT_STEALS_IKE, true, false);
	assert_non_null(strstr(f->meaning, "UDP 500 from 198.51.100.2 and others to 192.0.2.1 goes to"));
	assert_int_equal(diagnosis_raised(d)->count, 2);
}

/* ---- nat-steals-ike */

static void test_steals(void **unused)
{
	const struct finding *f;

	(void)unused;
	rules("-A PREROUTING -i eth0 -p udp -m udp --dport 500 -j DNAT --to-destination 192.168.1.5\n");
	for (int by_daemon = 0; by_daemon < 2; by_daemon++) {
		f = look_with(FINDING_NAT_STEALS_IKE, !by_daemon, by_daemon);
		assert_non_null(f);
		assert_string_equal(f->peer, "198.51.100.2");
		assert_non_null(
			strstr(f->meaning, "A port mapping on eth0 takes IKE (UDP 500 or 4500) away"));
		assert_non_null(strstr(f->meaning, "goes to 192.168.1.5"));
		assert_true(has_evidence(f, "--dport 500 -j DNAT"));
	}
	/* a gateway behind this one is meant to get it */
	assert_null(look_with(FINDING_NAT_STEALS_IKE, false, false));
	rules("-A PREROUTING -i eth0 -p udp -j DNAT --to-destination 192.168.1.5\n");
	assert_non_null(look(FINDING_NAT_STEALS_IKE));
	rules("-A PREROUTING -d 192.0.2.1/32 -j DNAT --to-destination 192.168.1.5\n");
	assert_non_null(look(FINDING_NAT_STEALS_IKE));
	rules("-A PREROUTING -p udp -m multiport --dports 500,4500 -j ACCEPT\n"
	      "-A PREROUTING -d 192.0.2.1/32 -j DNAT --to-destination 192.168.1.5\n");
	assert_null(look(FINDING_NAT_STEALS_IKE));
	rules("-A PREROUTING -i eth0 -p udp -m udp --dport 4501 -j DNAT --to-destination 192.168.1.5\n");
	assert_null(look(FINDING_NAT_STEALS_IKE));
	rules("-A PREROUTING -i eth0 -p udp -m udp --dport 500 -j REDIRECT --to-ports 500\n");
	assert_null(look(FINDING_NAT_STEALS_IKE));
	rules("-A PREROUTING -i eth0 -p udp -m udp --dport 500 -j REDIRECT --to-ports 1500\n");
	assert_non_null(look(FINDING_NAT_STEALS_IKE));
	rules("-A PREROUTING -i eth0 -s 203.0.113.9/32 -j DNAT --to-destination 192.168.1.5\n"); /* another's */
	assert_null(look(FINDING_NAT_STEALS_IKE));
}

/* ---- certificate-expiry */

static struct fact_certificate *add(const char *subject, const char *issuer, bool own, unsigned int life_days,
				    int days_left)
{
	struct fact_certificate *c = &certificates[daemon_facts.certificate_count++];

	*c = (struct fact_certificate){.own = own};
	snprintf(c->subject, sizeof(c->subject), "%s", subject);
	snprintf(c->issuer, sizeof(c->issuer), "%s", issuer);
	c->not_after_ns = START + (uint64_t)((int64_t)DAY * days_left) + DAY / 2;
	c->not_before_ns = c->not_after_ns - life_days * DAY;
	return c;
}

static void test_certificate(void **unused)
{
	struct fact_certificate *c;
	const struct finding *f;

	(void)unused;
	c = add("C=CH, CN=moon.example.org", "C=CH, CN=Root CA", true, 730, 30);
	strcpy(c->names, "moon.example.org, 192.0.2.1");
	assert_null(look(FINDING_CERTIFICATE_EXPIRY));
	c->not_after_ns -= DAY;
	f = look(FINDING_CERTIFICATE_EXPIRY);
	assert_non_null(f);
	assert_int_equal(f->severity, SEVERITY_WARNING);
	assert_non_null(
		strstr(f->meaning,
		       "A certificate in use (C=CH, CN=moon.example.org, our own) ends in 29 days, on "));
	assert_true(has_evidence(f, "t"));
	assert_true(has_evidence(f, "C=CH, CN=Root CA"));
	c->not_after_ns -= 29 * DAY;
	assert_int_equal(look(FINDING_CERTIFICATE_EXPIRY)->severity, SEVERITY_CRITICAL);
	c->not_after_ns -= 4 * DAY;
	f = look(FINDING_CERTIFICATE_EXPIRY);
	assert_int_equal(f->severity, SEVERITY_CRITICAL);
	assert_non_null(strstr(f->meaning, "ended 3 days ago"));
	/* the renewed one is loaded beside it */
	add("C=CH, CN=moon.example.org", "C=CH, CN=Root CA", true, 730, 700);
	assert_null(look(FINDING_CERTIFICATE_EXPIRY));
}

static void test_certificates_of_others(void **unused)
{
	const struct finding *f;

	(void)unused;
	add("C=CH, CN=stranger", "C=CH, CN=Root CA", false, 730, 3); /* nobody uses it */
	assert_null(look(FINDING_CERTIFICATE_EXPIRY));
	add("C=CH, CN=sun", "C=CH, CN=Root CA", false, 730, 3);
	f = look(FINDING_CERTIFICATE_EXPIRY);
	assert_non_null(strstr(f->meaning, "the peer's"));
	daemon_facts.certificate_count = 0;
	add("C=CH, CN=Root CA", "C=CH, CN=Root CA", false, 3650, 3)->ca = true; /* of whom? */
	assert_null(look(FINDING_CERTIFICATE_EXPIRY));
	add("C=CH, CN=moon", "C=CH, CN=Root CA", true, 730, 300);
	f = look(FINDING_CERTIFICATE_EXPIRY);
	assert_non_null(strstr(f->meaning, "Root CA, a CA's"));
	assert_true(has_evidence(f, "C=CH, CN=moon"));
	/* What lives for a week is not about to end all its life: 6 days are left, a day and three quarters count as soon. */
	daemon_facts.certificate_count = 0;
	add("C=CH, CN=moon", "C=CH, CN=Root CA", true, 7, 5);
	assert_null(look(FINDING_CERTIFICATE_EXPIRY));
	certificates[0].not_after_ns = START + DAY * 7 / 4;
	certificates[0].not_before_ns = certificates[0].not_after_ns - 7 * DAY;
	assert_non_null(look(FINDING_CERTIFICATE_EXPIRY));
	certificates[0].not_after_ns = UINT64_MAX;
	assert_null(look(FINDING_CERTIFICATE_EXPIRY));
}

/* ---- gateway-capacity */

static void test_capacity(void **unused)
{
	const struct finding *f = NULL;

	(void)unused;
	rate = 5000;
	for (int i = 0; i < 20; i++) { /* busy, but not that busy */
		host.cpu_softirq_most = 0.89;
		assert_null(look(FINDING_GATEWAY_CAPACITY));
	}
	for (int i = 0; i < 15; i++) {
		host.cpu_softirq_most = 0.9;
		host.softnet_squeezed += 3;
		f = look(FINDING_GATEWAY_CAPACITY);
		assert_true(!f || i >= 10);
		host.softnet_squeezed_before = host.softnet_squeezed;
	}
	assert_non_null(f);
	assert_int_equal(f->severity, SEVERITY_WARNING);
	assert_int_equal(f->confidence, CONFIDENCE_LIKELY);
	assert_non_null(
		strstr(f->meaning,
		       "one CPU spends 90 % of its time on packets, while 5000 packets of tunnels pass"));
	host.softnet_dropped = 50; /* and then it drops: that stands for both */
	assert_null(look(FINDING_GATEWAY_CAPACITY));
	assert_non_null(look(FINDING_GATEWAY_OVERLOADED));
	host.softnet_dropped_before = 50;
	host.cpu_softirq_most = 0.74;
	for (int i = 0; i < 62; i++)
		f = look(FINDING_GATEWAY_CAPACITY);
	assert_null(f);
}

/* Busy with other things than tunnels: not the gateway's matter. */
static void test_capacity_without_tunnels(void **unused)
{
	(void)unused;
	rate = 10;
	for (int i = 0; i < 40; i++) {
		host.cpu_softirq_most = 1;
		assert_null(look(FINDING_GATEWAY_CAPACITY));
	}
}

/* What is absent is told, and what is needed for it. */
static void on_undecided(void *arg, enum finding_id id, unsigned int missing)
{
	unsigned int *found = arg;

	if (id == FINDING_NAT_BEFORE_IPSEC || id == FINDING_CERTIFICATE_EXPIRY)
		*found |= missing;
}

static void test_undecided(void **unused)
{
	unsigned int missing = 0;

	(void)unused;
	look_with(FINDING_NAT_BEFORE_IPSEC, true, false);
	diagnosis_undecided(d, on_undecided, &missing);
	assert_int_equal(missing, NEED_FIREWALL | NEED_DAEMON);
	assert_non_null(strstr(diagnose_need_text(NEED_FIREWALL), "--firewall yes"));
	missing = 0;
	rules("");
	look(FINDING_NAT_BEFORE_IPSEC);
	diagnosis_undecided(d, on_undecided, &missing);
	assert_int_equal(missing, 0);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_nat),		TEST(test_nat_near_misses),
		TEST(test_nat_of_many), TEST(test_steals),
		TEST(test_certificate), TEST(test_certificates_of_others),
		TEST(test_capacity),	TEST(test_capacity_without_tunnels),
		TEST(test_undecided),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
