// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_rules_traffic.c - the rules of family C: each raised, its near miss, and both ways across its threshold
 *
 * The whole engine with the real table, one look a second; only what a case sets differs from healthy traffic.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "diagnose/catalogue.h"
#include "diagnose/rule.h"

#define SECOND UINT64_C(1000000000)
#define START (UINT64_C(1000000) * SECOND)

static struct state_tunnel tunnel;
static struct state_sa sas[2];
static struct state_interface interface;
static struct state state;
static struct host_facts host;
static struct fact_sa kernel_sas[2];
static struct fact_policy policies[400];
static struct fact_kernel kernel;
static struct diagnosis *d;
static uint64_t second, in_rate, out_rate; /* packets a second */

static void address(uint8_t ret[16], uint8_t third, uint8_t last)
{
	memset(ret, 0, 16);
	ret[10] = ret[11] = 0xff;
	ret[12] = 192;
	ret[14] = third;
	ret[15] = last;
}

static int setup(void **unused)
{
	(void)unused;
	memset(&tunnel, 0, sizeof(tunnel));
	memset(sas, 0, sizeof(sas));
	memset(&interface, 0, sizeof(interface));
	memset(&state, 0, sizeof(state));
	memset(&host, 0, sizeof(host));
	memset(&kernel, 0, sizeof(kernel));
	memset(kernel_sas, 0, sizeof(kernel_sas));
	memset(policies, 0, sizeof(policies));
	strcpy(tunnel.name, "t");
	address(tunnel.local, 2, 1);
	address(tunnel.remote, 2, 2);
	tunnel.state = STATE_TUNNEL_UP;
	tunnel.ike_count = 1;
	state.tunnels = &tunnel;
	state.tunnel_count = 1;
	strcpy(interface.name, "eth0");
	strcpy(interface.ingress, "tcx");
	strcpy(interface.egress, "tcx");
	state.interfaces = &interface;
	state.interface_count = 1;
	state.sas = sas;
	state.sa_count = 2;
	for (size_t i = 0; i < 2; i++) { /* in, out */
		struct state_sa *sa = &sas[i];
		struct fact_sa *fact = &kernel_sas[i];

		sa->direction = i ? ESP_DIR_OUT : ESP_DIR_IN;
		sa->side = (uint8_t)(i + 1);
		sa->family = fact->family = 4;
		sa->protocol = fact->protocol = 50;
		sa->spi = fact->spi = 0x1000 + (uint32_t)i;
		address(sa->source, 2, i ? 1 : 2);
		address(sa->destination, 2, i ? 2 : 1);
		memcpy(fact->source, sa->source, 16);
		memcpy(fact->destination, sa->destination, 16);
		fact->direction = i ? FACT_OUT : FACT_IN;
		fact->reqid = 7;
		fact->replay_window = 32;
		sa->known = 1;
		sa->interface_count = 1;
		sa->sequence.window = 2048;
		sa->first_ns = START;
	}
	kernel.available = true;
	kernel.sas = kernel_sas;
	kernel.sa_count = 2;
	kernel.policies = policies;
	host.has_xfrm = host.has_drops = true;
	host.cpu_softirq = host.cpu_busy = -1;
	second = 0;
	in_rate = out_rate = 10;
	diagnosis_free(d);
	d = diagnosis_new();
	return d ? 0 : -1;
}

static int teardown(void **unused)
{
	(void)unused;
	diagnosis_free(d);
	d = NULL;
	return 0;
}

static const struct finding *raised(enum finding_id id)
{
	for (size_t i = 0; i < diagnosis_raised(d)->count; i++)
		if (diagnosis_raised(d)->list[i]->id == id)
			return diagnosis_raised(d)->list[i];
	return NULL;
}

/* The next seconds. What the counters gained is what happened before the look. */
static void seconds(unsigned int n)
{
	while (n--) {
		struct diagnose_input input = {.now_ns = START + second * SECOND,
					       .live = true,
					       .state = &state,
					       .kernel = &kernel,
					       .host = &host};

		host.before_ns = host.taken_ns;
		host.taken_ns = input.now_ns;
		assert_int_equal(diagnosis_update(d, &input), 0);
		for (size_t i = 0; i < host.xfrm_count; i++)
			host.xfrm[i].before = host.xfrm[i].value;
		for (size_t i = 0; i < host.drop_count; i++)
			host.drops[i].before = host.drops[i].value;
		second++;
		for (size_t i = 0; i < 2; i++) {
			uint64_t gain = i ? out_rate : in_rate;

			if (!gain)
				continue;
			(i ? &tunnel.out : &tunnel.in)->packets += gain;
			(i ? &tunnel.out : &tunnel.in)->received += gain;
			sas[i].packets += gain;
			sas[i].sequence.received += gain;
			sas[i].sequence.highest += gain;
			sas[i].last_ns = START + second * SECOND;
		}
	}
}

/* The finding has evidence, and its sentence holds this. */
static void says(enum finding_id id, const char *text)
{
	const struct finding *f = raised(id);

	assert_non_null(f);
	assert_true(f->evidence_count > 0);
	if (!strstr(f->meaning, text))
		fail_msg("'%s' is not in: %s", text, f->meaning);
}

static void nothing_of_c(void)
{
	for (size_t i = 0; i < diagnosis_raised(d)->count; i++)
		if (catalogue_row(diagnosis_raised(d)->list[i]->id)->section == 'C')
			fail_msg("%s", diagnosis_raised(d)->list[i]->meaning);
}

static struct host_counter *counter(const char *name)
{
	for (size_t i = 0; i < host.xfrm_count; i++)
		if (strcmp(host.xfrm[i].name, name) == 0)
			return &host.xfrm[i];
	strcpy(host.xfrm[host.xfrm_count].name, name);
	return &host.xfrm[host.xfrm_count++];
}

static void an_hour_of_health(void **unused)
{
	(void)unused;
	kernel_sas[0].failed_integrity = kernel_sas[0].failed_window = 1000; /* long ago */
	counter("XfrmInNoPols")->value = 500;
	counter("XfrmInTmplMismatch")->value = 500;
	for (unsigned int i = 0; i < 3600; i++) {
		kernel_sas[0].packets += in_rate;
		kernel_sas[1].packets += out_rate;
		seconds(1);
		nothing_of_c();
	}
}

/* ---- one way */

static void one_way(enum finding_id id, uint64_t *flows, uint64_t *silent)
{
	*silent = 0;
	*flows = 0;
	seconds(100);
	assert_null(raised(id)); /* nothing moves */
	*flows = 1;
	seconds(20); /* 19 packets, at most */
	*flows = 0;
	seconds(100);
	assert_null(raised(id));
	*flows = 1;
	seconds(45); /* not yet held */
	assert_null(raised(id));
	seconds(10);
	says(id, "none was ever seen");
	assert_int_equal(raised(id)->severity, SEVERITY_CRITICAL);
	assert_int_equal(raised(id)->confidence, CONFIDENCE_POSSIBLE);
	*silent = 1;
	seconds(2);
	assert_null(raised(id));
	*silent = 0;
	seconds(120);
	says(id, "the last was");
	assert_int_equal(raised(id)->severity, SEVERITY_WARNING);
	*flows = 0;
	seconds(75);
	assert_null(raised(id));
}

static void esp_one_way_out(void **unused)
{
	(void)unused;
	one_way(FINDING_ESP_ONE_WAY_OUT, &out_rate, &in_rate);
}

static void esp_one_way_in(void **unused)
{
	(void)unused;
	one_way(FINDING_ESP_ONE_WAY_IN, &in_rate, &out_rate);
}

static void one_way_misses(void **unused)
{
	(void)unused;
	in_rate = 0;
	tunnel.ike_count = 0; /* no IKE: nothing says that the peer lives */
	seconds(120);
	nothing_of_c();
	tunnel.ike_count = 1;
	tunnel.state = STATE_TUNNEL_DOWN;
	seconds(120);
	nothing_of_c();
	tunnel.state = STATE_TUNNEL_UP;
	tunnel.transit = true;
	seconds(120);
	nothing_of_c();
	tunnel.transit = false;
	strcpy(interface.ingress, "none"); /* we do not look there */
	seconds(120);
	nothing_of_c();
	strcpy(interface.ingress, "xdp native");
	for (unsigned int i = 0; i < 120; i++) { /* the kernel gets packets where we do not look */
		kernel_sas[0].packets++;
		seconds(1);
		nothing_of_c();
	}
	seconds(120); /* they ended */
	nothing_of_c();
	in_rate = 1; /* a new silence */
	seconds(2);
	in_rate = 0;
	sas[1].encapsulation = ESP_PKT_UDP;
	seconds(120);
	assert_non_null(raised(FINDING_ESP_ONE_WAY_OUT));
	assert_non_null(strstr(raised(FINDING_ESP_ONE_WAY_OUT)->action, "in UDP already"));
}

/* ---- SAs */

static void invalid_spi(void **unused)
{
	(void)unused;
	sas[0].known = 0;
	sas[0].unknown_packets = 9;
	seconds(2);
	assert_null(raised(FINDING_INVALID_SPI));
	sas[0].unknown_packets = 10;
	seconds(1);
	says(FINDING_INVALID_SPI, "SPI 0x00001000, 10 so far");
	assert_int_equal(raised(FINDING_INVALID_SPI)->spi, 0x1000);
	in_rate = 0; /* they end */
	seconds(59);
	assert_non_null(raised(FINDING_INVALID_SPI));
	seconds(15);
	assert_null(raised(FINDING_INVALID_SPI));
}

static void invalid_spi_misses(void **unused)
{
	(void)unused;
	sas[0].unknown_packets = 1000;
	seconds(5);
	nothing_of_c(); /* it is known again */
	sas[0].known = -1;
	seconds(5);
	nothing_of_c(); /* not looked up */
	sas[0].known = 0;
	tunnel.transit = true;
	seconds(5);
	nothing_of_c(); /* of others, forwarded */
	tunnel.transit = false;
	sas[0].unknown_packets = 0;
	sas[0].grace_packets = 100; /* about a rekeying */
	seconds(5);
	nothing_of_c();
	kernel.available = false;
	sas[0].unknown_packets = 1000;
	seconds(5);
	nothing_of_c();
}

static void esp_auth_failed(void **unused)
{
	(void)unused;
	seconds(5);
	kernel_sas[0].failed_integrity = 2;
	seconds(1);
	assert_null(raised(FINDING_ESP_AUTH_FAILED));
	kernel_sas[0].failed_integrity = 3;
	strcpy(kernel_sas[0].integrity.name, "hmac(sha256)");
	seconds(1);
	says(FINDING_ESP_AUTH_FAILED, "3 failed, 0 were good");
	assert_int_equal(raised(FINDING_ESP_AUTH_FAILED)->severity, SEVERITY_CRITICAL);
	seconds(59);
	assert_non_null(raised(FINDING_ESP_AUTH_FAILED));
	kernel_sas[0].failed_integrity++; /* one keeps it */
	seconds(30);
	assert_non_null(raised(FINDING_ESP_AUTH_FAILED));
	seconds(32);
	assert_null(raised(FINDING_ESP_AUTH_FAILED));
	kernel_sas[0].failed_integrity += 2; /* another time, too few */
	seconds(1);
	assert_null(raised(FINDING_ESP_AUTH_FAILED));
	kernel_sas[0].packets = 100000;
	kernel_sas[0].failed_integrity += 2;
	seconds(1);
	says(FINDING_ESP_AUTH_FAILED, "damaged on the way");
	assert_int_equal(raised(FINDING_ESP_AUTH_FAILED)->severity, SEVERITY_WARNING);
}

/* A counter that an SA had before we looked is no news, one of a new SA is. */
static void what_was_before_is_no_news(void **unused)
{
	(void)unused;
	kernel_sas[0].failed_integrity = 500;
	seconds(5);
	nothing_of_c();
	kernel_sas[0].spi = 0x2000;
	kernel_sas[0].failed_integrity = 20;
	seconds(1);
	assert_int_equal(raised(FINDING_ESP_AUTH_FAILED)->spi, 0x2000);
}

static void replay_dropped(void **unused)
{
	(void)unused;
	seconds(5);
	kernel_sas[0].failed_window = 9;
	seconds(1);
	assert_null(raised(FINDING_REPLAY_DROPPED));
	kernel_sas[0].failed_window = 10;
	sas[0].sequence.window_drops[0] = 10; /* 32; 64 would do */
	seconds(1);
	says(FINDING_REPLAY_DROPPED, "10 beside");
	assert_non_null(
		strstr(raised(FINDING_REPLAY_DROPPED)->action, "it is 32, and 64 would have kept all"));
	seconds(62);
	assert_null(raised(FINDING_REPLAY_DROPPED));
	kernel_sas[0].failed_window = 0;
	kernel_sas[0].spi = 0x3000;
	kernel_sas[0].failed_replay = 50;
	seconds(1);
	says(FINDING_REPLAY_DROPPED, "came twice");
	assert_int_equal(raised(FINDING_REPLAY_DROPPED)->severity, SEVERITY_INFO);
}

/* ---- policies */

static void policy_mismatch(void **unused)
{
	(void)unused;
	counter("XfrmInNoPols");
	seconds(20);
	counter("XfrmInNoPols")->value = 4;
	seconds(1);
	assert_null(raised(FINDING_POLICY_MISMATCH));
	counter("XfrmInNoPols")->value = 5;
	seconds(1);
	says(FINDING_POLICY_MISMATCH, "5 were decrypted, and no policy");
	assert_string_equal(raised(FINDING_POLICY_MISMATCH)->tunnel, "t");
	seconds(59);
	assert_non_null(raised(FINDING_POLICY_MISMATCH));
	seconds(3);
	assert_null(raised(FINDING_POLICY_MISMATCH));
	counter("XfrmInTmplMismatch")->value = 20;
	seconds(1);
	assert_int_equal(raised(FINDING_POLICY_MISMATCH)->confidence, CONFIDENCE_LIKELY);
	assert_null(raised(FINDING_CLEARTEXT_LEAK));
}

/* The same counter, and no ESP: it came in the clear. */
static void cleartext_arrives(void **unused)
{
	(void)unused;
	in_rate = out_rate = 0;
	counter("XfrmInTmplMismatch");
	seconds(20);
	counter("XfrmInTmplMismatch")->value = 2;
	seconds(1);
	assert_null(raised(FINDING_CLEARTEXT_LEAK));
	counter("XfrmInTmplMismatch")->value = 3;
	seconds(1);
	says(FINDING_CLEARTEXT_LEAK, "arrives in the clear, 3 packets");
	assert_null(raised(FINDING_POLICY_MISMATCH));
	seconds(61);
	assert_null(raised(FINDING_CLEARTEXT_LEAK));
}

static void policy(size_t i, uint8_t prefix, uint32_t priority, uint8_t peer)
{
	struct fact_policy *p = &policies[i];

	memset(p, 0, sizeof(*p));
	p->direction = FACT_OUT;
	p->selector.family = p->family = 4;
	p->protocol = 50;
	address(p->selector.source, 100, 0);
	p->selector.source_prefix = 24;
	address(p->selector.destination, 101, 0);
	p->selector.destination_prefix = prefix;
	p->priority = priority;
	p->has_template = peer != 0;
	p->reqid = 7;
	address(p->source, 2, 1);
	if (peer)
		address(p->destination, 2, peer);
	if (kernel.policy_count <= i)
		kernel.policy_count = i + 1;
}

/* After long enough: is it raised? */
static bool overlaps(void)
{
	seconds(12);
	return raised(FINDING_POLICY_OVERLAP) != NULL;
}

static void policy_overlap(void **unused)
{
	(void)unused;
	policy(0, 16, 100, 3); /* wide, and first */
	policies[0].selector.destination[14] = 0;
	policy(1, 24, 200, 2);
	seconds(9);
	assert_null(raised(FINDING_POLICY_OVERLAP)); /* a daemon may be at it */
	assert_true(overlaps());
	says(FINDING_POLICY_OVERLAP, "192.0.101.0/24 goes to 192.0.2.3, not into its own tunnel");
	assert_int_equal(raised(FINDING_POLICY_OVERLAP)->confidence, CONFIDENCE_CERTAIN);
	policies[0].priority = 300; /* the narrow one first: as it should be */
	assert_false(overlaps());
	policies[0].priority = 200;
	assert_true(overlaps());
	assert_int_equal(raised(FINDING_POLICY_OVERLAP)->confidence, CONFIDENCE_POSSIBLE);
	policies[0].priority = 100;
	assert_true(overlaps());
	policies[0].if_id = 5; /* traffic of another interface */
	assert_false(overlaps());
	policies[0].if_id = 0;
	policies[0].mark = policies[0].mark_mask = 1;
	assert_false(overlaps());
	policies[0].mark = policies[0].mark_mask = 0;
	address(policies[0].destination, 2, 2); /* the same tunnel */
	assert_false(overlaps());
	address(policies[0].destination, 2, 3);
	policies[0].selector.protocol = 6; /* some of it only */
	assert_false(overlaps());
	policies[0].selector.protocol = 0;
	policies[0].selector.source_prefix = 25; /* half of it only */
	assert_false(overlaps());
	policies[0].selector.source_prefix = 23;
	policies[0].selector.destination_port = 80;
	policies[0].selector.destination_port_mask = 0xffff;
	assert_false(overlaps());
	policies[0].selector.destination_port = policies[0].selector.destination_port_mask = 0;
	assert_true(overlaps());
	policies[0].direction = FACT_FORWARD;
	assert_false(overlaps());
	policy(0, 16, 100, 0); /* a bypass above all */
	policies[0].selector.destination[14] = 0;
	assert_true(overlaps());
	memset(policies[0].destination, 0, 16); /* a trap has no addresses yet */
	policies[0].has_template = true;
	assert_false(overlaps());
}

/* The stack of the sweep against all pairs. */
static void policy_overlap_as_all_pairs(void **unused)
{
	uint32_t seed = 1;

	(void)unused;
	for (unsigned int round = 0; round < 200; round++) {
		bool expected = false;

		kernel.policy_count = 0;
		for (size_t i = 0; i < 6; i++) {
			uint8_t byte;

			seed = seed * 1103515245 + 12345;
			policy(i, (uint8_t)(16 + (seed >> 16) % 17), 100 + (seed >> 8) % 3,
			       (uint8_t)(2 + (seed >> 24) % 2));
			byte = (uint8_t)((seed >> 20) & 0xc0);
			policies[i].selector.destination[15] =
				policies[i].selector.destination_prefix >= 26 ? byte : 0;
			if (policies[i].selector.destination_prefix < 24)
				policies[i].selector.destination[14] = 0;
		}
		for (size_t a = 0; a < 6; a++) {
			for (size_t b = 0; b < 6; b++) {
				const struct fact_selector *x = &policies[a].selector,
							   *y = &policies[b].selector;
				unsigned int bits = x->destination_prefix;
				uint32_t m = 0xffffffffU << (32 - bits);
				uint32_t xd = (uint32_t)x->destination[14] << 8 | x->destination[15];
				uint32_t yd = (uint32_t)y->destination[14] << 8 | y->destination[15];

				if (a == b || policies[a].destination[15] == policies[b].destination[15] ||
				    bits > y->destination_prefix || ((xd ^ yd) & m))
					continue;
				expected |= policies[a].priority < policies[b].priority ||
					    (policies[a].priority == policies[b].priority &&
					     bits < y->destination_prefix);
			}
		}
		diagnosis_free(d);
		d = diagnosis_new();
		if (overlaps() != expected)
			fail_msg("round %u: expected %d", round, expected);
	}
}

static void leaks_without_an_sa(void **unused)
{
	(void)unused;
	policy(0, 24, 100, 2);
	policies[0].optional = true;
	seconds(3);
	nothing_of_c();	     /* it has its SA */
	kernel.sa_count = 1; /* the inbound one */
	seconds(2);
	says(FINDING_CLEARTEXT_LEAK, "192.0.100.0/24 to 192.0.101.0/24");
	policies[0].optional = false; /* the kernel waits for an SA, and drops */
	seconds(62);
	nothing_of_c();
	policies[0].optional = true;
	policies[0].protocol = 108; /* IPComp is optional always */
	seconds(2);
	nothing_of_c();
}

/* ---- drops */

static void decrypted_dropped(void **unused)
{
	struct host_drop *drop = &host.drops[0];

	(void)unused;
	host.drop_count = 1;
	strcpy(drop->interface, "eth1");
	strcpy(drop->reason, "IP_RPFILTER");
	drop->kind = HOST_DROP_INNER;
	drop->value = 100;
	seconds(5);
	nothing_of_c(); /* before our time */
	drop->value += 4;
	seconds(1);
	nothing_of_c();
	drop->value += 1;
	seconds(1);
	says(FINDING_DECRYPTED_DROPPED, "by the reverse path filter, 5 so far");
	assert_string_equal(raised(FINDING_DECRYPTED_DROPPED)->interface, "eth1");
	assert_non_null(strstr(raised(FINDING_DECRYPTED_DROPPED)->action, "rp_filter"));
	seconds(62);
	nothing_of_c();
	strcpy(drop->reason, "NETFILTER_DROP");
	drop->value = 10;
	seconds(1);
	assert_int_equal(raised(FINDING_DECRYPTED_DROPPED)->severity, SEVERITY_WARNING);
	seconds(62);
	drop->kind = HOST_DROP_OUTER;
	drop->value += 100;
	seconds(1);
	nothing_of_c();
	drop->kind = HOST_DROP_INNER;
	strcpy(drop->reason, "TCP_OLD_DATA"); /* TCP's daily business */
	drop->value += 100;
	seconds(1);
	nothing_of_c();
}

/* ---- what would be needed */

struct undecided {
	unsigned int missing[FINDING_COUNT];
};

static void undecided(void *arg, enum finding_id id, unsigned int missing)
{
	((struct undecided *)arg)->missing[id] = missing;
}

static void says_what_it_would_need(void **unused)
{
	struct undecided u = {{0}};

	(void)unused;
	seconds(1);
	diagnosis_undecided(d, undecided, &u);
	assert_int_equal(u.missing[FINDING_NAT_BEFORE_IPSEC], NEED_FIREWALL);
	assert_int_equal(u.missing[FINDING_NAT_STEALS_IKE], NEED_FIREWALL);
	assert_int_equal(u.missing[FINDING_GATEWAY_CAPACITY], 0);
	assert_int_equal(u.missing[FINDING_ESP_AUTH_FAILED], 0);
	kernel.available = false;
	seconds(1);
	diagnosis_undecided(d, undecided, &u);
	assert_int_equal(u.missing[FINDING_ESP_AUTH_FAILED], NEED_KERNEL);
}

static unsigned int lacks(enum finding_id id)
{
	struct undecided u = {{0}};

	seconds(1);
	diagnosis_undecided(d, undecided, &u);
	return u.missing[id];
}

/*
 * What the kernel does not know of is neither found nor excluded: ESP that the daemon does by itself, a tunnel whose policy went with its SA,
 * counters that the kernel does not have.
 */
static void kernel_without_ipsec(void **unused)
{
	static const enum finding_id of_kernel[] = {FINDING_POLICY_MISMATCH, FINDING_DECRYPTED_DROPPED,
						    FINDING_ESP_AUTH_FAILED, FINDING_REPLAY_DROPPED,
						    FINDING_INVALID_SPI,     FINDING_REKEY_LATE};

	(void)unused;
	policy(0, 24, 100, 2);
	assert_int_equal(lacks(FINDING_CLEARTEXT_LEAK), 0);
	assert_int_equal(lacks(FINDING_DF_DROP), 0);
	for (size_t i = 0; i < sizeof(of_kernel) / sizeof(of_kernel[0]); i++)
		assert_int_equal(lacks(of_kernel[i]), 0);
	kernel.policy_count = 0; /* it fell, and took its policies along */
	assert_int_equal(lacks(FINDING_CLEARTEXT_LEAK), NEED_POLICY);
	assert_int_equal(lacks(FINDING_POLICY_MISMATCH), 0);
	policy(0, 24, 100, 9); /* of another tunnel */
	assert_int_equal(lacks(FINDING_CLEARTEXT_LEAK), NEED_POLICY);
	memset(policies[0].destination, 0, 16); /* a trap */
	assert_int_equal(lacks(FINDING_CLEARTEXT_LEAK), 0);
	kernel.policy_count = 0;
	kernel.sa_count = 0; /* kernel-libipsec */
	assert_int_equal(lacks(FINDING_CLEARTEXT_LEAK), NEED_POLICY);
	for (size_t i = 0; i < sizeof(of_kernel) / sizeof(of_kernel[0]); i++)
		assert_int_equal(lacks(of_kernel[i]), NEED_IPSEC);
	tunnel.transit = true; /* none of ours */
	assert_int_equal(lacks(FINDING_CLEARTEXT_LEAK), 0);
	assert_int_equal(lacks(FINDING_POLICY_MISMATCH), 0);
	tunnel.transit = false;
	kernel.available = false; /* --xfrm no */
	assert_int_equal(lacks(FINDING_CLEARTEXT_LEAK), NEED_KERNEL);
	assert_int_equal(lacks(FINDING_POLICY_MISMATCH), NEED_KERNEL);
	assert_int_equal(lacks(FINDING_DECRYPTED_DROPPED), NEED_KERNEL);
	assert_int_equal(lacks(FINDING_DF_DROP), 0); /* its drops are not of XFRM */
	assert_non_null(strstr(diagnose_need_text(NEED_KERNEL), "--xfrm yes"));
	host.has_xfrm = host.has_drops = false;
	assert_int_equal(lacks(FINDING_CLEARTEXT_LEAK), NEED_KERNEL | NEED_STATISTICS);
	assert_int_equal(lacks(FINDING_DECRYPTED_DROPPED), NEED_KERNEL | NEED_DROPS);
	assert_int_equal(lacks(FINDING_DF_DROP) & ~(unsigned int)NEED_INNER, NEED_DROPS);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_hour_of_health),
		TEST(esp_one_way_out),
		TEST(esp_one_way_in),
		TEST(one_way_misses),
		TEST(invalid_spi),
		TEST(invalid_spi_misses),
		TEST(esp_auth_failed),
		TEST(what_was_before_is_no_news),
		TEST(replay_dropped),
		TEST(policy_mismatch),
		TEST(cleartext_arrives),
		TEST(policy_overlap),
		TEST(policy_overlap_as_all_pairs),
		TEST(leaks_without_an_sa),
		TEST(decrypted_dropped),
		TEST(says_what_it_would_need),
		TEST(kernel_without_ipsec),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
