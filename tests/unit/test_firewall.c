// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_firewall.c - NAT rules as nft 1.0.6 and iptables-save write them, and which packets they translate
 *
 * Each case is a list of rules of one chain, and what becomes of packets from 192.168.1.0/24 to 192.168.2.0/24, which an IPsec
 * policy awaits and which leave by eth0; or of UDP 500 from 198.51.100.2 to 192.0.2.1, which comes in by eth0.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/address.h"
#include "source/firewall_parse.h"

static bool is_eth0(void *arg, const char *name)
{
	(void)arg;
	return !strcmp(name, "eth0") || !strcmp(name, "e*");
}

static void prefix(const char *text, uint8_t bits, uint8_t ret[2][16])
{
	uint8_t address[16];

	assert_true(address_parse(text, address));
	firewall_prefix(address_family(address), address, bits, ret);
}

/* The answer and '?' for unsure, '-' for untouched, 'X' all of them, 'x' some of them; and the rule. */
static char ask(const struct firewall *firewall, bool source_nat, const struct firewall_rule **ret_rule)
{
	struct firewall_packets packets = {.family = 4,
					   .protocol = source_nat ? -1 : 17,
					   .source_port = -1,
					   .destination_port = source_nat ? -1 : 500,
					   .is_interface = is_eth0,
					   .to_be_protected = source_nat};
	bool some = false;

	prefix(source_nat ? "192.168.1.0" : "198.51.100.2", source_nat ? 24 : 32, packets.source);
	prefix(source_nat ? "192.168.2.0" : "192.0.2.1", source_nat ? 24 : 32, packets.destination);
	switch (firewall_ask(firewall, source_nat, &packets, ret_rule, &some)) {
	case FIREWALL_PASSES:
		return '-';
	case FIREWALL_TRANSLATED:
		return some ? 'x' : 'X';
	default:
		return '?';
	}
}

/* ---- nft */

#define FROM(address)                                                                                        \
	"{\"match\":{\"op\":\"==\",\"left\":{\"payload\":{\"protocol\":\"ip\",\"field\":\"saddr\"}},"        \
	"\"right\":" address "}}"
#define TO(op, address)                                                                                      \
	"{\"match\":{\"op\":\"" op                                                                           \
	"\",\"left\":{\"payload\":{\"protocol\":\"ip\",\"field\":\"daddr\"}},\"right\":" address "}}"
#define NET(address, bits) "{\"prefix\":{\"addr\":\"" address "\",\"len\":" #bits "}}"
#define META(op, key, value)                                                                                 \
	"{\"match\":{\"op\":\"" op "\",\"left\":{\"meta\":{\"key\":\"" key "\"}},\"right\":" value "}}"
#define RT(value) "{\"match\":{\"op\":\"==\",\"left\":{\"rt\":{\"key\":\"ipsec\"}},\"right\":" value "}}"
#define PORT(protocol, op, value)                                                                            \
	"{\"match\":{\"op\":\"" op "\",\"left\":{\"payload\":{\"protocol\":\"" protocol                      \
	"\",\"field\":\"dport\"}},\"right\":" value "}}"
#define MASQUERADE "{\"masquerade\":null}"
#define ACCEPT "{\"accept\":null}"
#define RETURN "{\"return\":null}"
#define JUMP "{\"jump\":{\"target\":\"sub\"}}"
#define DNAT "{\"dnat\":{\"addr\":\"192.168.1.5\"}}"
#define XT "{\"xt\":null}"
#define COUNTER "{\"counter\":{\"packets\":0,\"bytes\":0}}"

static const struct {
	const char *rules[4]; /* statements of each; of the chain "sub" when it begins with a '>' */
	char answer;
	bool in; /* at prerouting */
} nft[] = {
	{{MASQUERADE}, 'X', false},
	{{COUNTER "," MASQUERADE}, 'X', false},
	{{NULL}, '-', false},
	/* interfaces */
	{{META("==", "oifname", "\"eth0\"") "," MASQUERADE}, 'X', false},
	{{META("==", "oifname", "\"e*\"") "," MASQUERADE}, 'X', false},
	{{META("==", "oif", "\"eth1\"") "," MASQUERADE}, '-', false},
	{{META("!=", "oifname", "\"eth0\"") "," MASQUERADE}, '-', false},
	{{META("!=", "oifname", "\"lo\"") "," MASQUERADE}, 'X', false},
	{{META("==", "oifname", "{\"set\":[\"eth1\",\"eth0\"]}") "," MASQUERADE}, 'X', false},
	{{META("==", "oifname", "\"@wan\"") "," MASQUERADE}, '-', false}, /* perhaps: no answer to rely on */
	{{META("==", "iifname", "\"eth0\"") "," MASQUERADE}, '-', false},
	/* addresses */
	{{FROM(NET("192.168.0.0", 16)) "," MASQUERADE}, 'X', false},
	{{FROM(NET("192.168.1.0", 24)) "," MASQUERADE}, 'X', false},
	{{FROM(NET("192.168.1.0", 25)) "," MASQUERADE}, 'x', false},
	{{FROM("\"192.168.1.7\"") "," MASQUERADE}, 'x', false},
	{{FROM(NET("192.168.3.0", 24)) "," MASQUERADE}, '-', false},
	{{FROM("{\"range\":[\"192.168.0.9\",\"192.168.1.255\"]}") "," MASQUERADE}, 'X', false},
	{{FROM("{\"range\":[\"192.168.1.9\",\"192.168.1.20\"]}") "," MASQUERADE}, 'x', false},
	{{FROM("\"gibberish\"") "," MASQUERADE}, '-', false},
	{{TO("!=", NET("192.168.2.0", 24)) "," MASQUERADE}, '-', false},
	{{TO("!=", NET("192.168.2.0", 25)) "," MASQUERADE}, 'x', false},
	{{TO("!=", NET("10.0.0.0", 8)) "," MASQUERADE}, 'X', false},
	/* exceptions before it */
	{{TO("==", NET("192.168.2.0", 24)) "," ACCEPT, MASQUERADE}, '-', false},
	{{TO("==", NET("192.168.2.0", 24)) "," RETURN, MASQUERADE}, '-', false},
	{{TO("==", NET("192.168.2.0", 25)) "," ACCEPT, MASQUERADE}, 'x', false},
	{{TO("==", "{\"set\":[" NET("10.0.0.0", 8) "," NET("192.168.2.0", 24) "]}") "," ACCEPT, MASQUERADE},
	 '-',
	 false},
	{{TO("==",
	     "{\"set\":[{\"elem\":{\"val\":" NET("192.168.2.0", 24) ",\"comment\":\"x\"}}]}") "," ACCEPT,
	  MASQUERADE},
	 '-',
	 false},
	{{TO("==", NET("10.0.0.0", 8)) "," ACCEPT, MASQUERADE}, 'X', false},
	{{TO("==", "\"@vpn\"") "," ACCEPT, MASQUERADE}, '?', false},
	{{MASQUERADE, TO("==", NET("192.168.2.0", 24)) "," ACCEPT}, 'X', false}, /* too late */
	/* what IPsec awaits */
	{{RT("true") "," ACCEPT, MASQUERADE}, '-', false},
	{{RT("false") "," MASQUERADE}, '-', false},
	{{RT("false") "," ACCEPT, MASQUERADE}, 'X', false},
	{{"{\"match\":{\"op\":\"==\",\"left\":{\"ipsec\":{\"key\":\"reqid\",\"dir\":\"out\",\"spnum\":0}},"
	  "\"right\":1}}," ACCEPT,
	  MASQUERADE},
	 '?',
	 false},
	{{META("==", "mark", "1") "," ACCEPT, MASQUERADE}, '?', false},
	{{META("==", "mark", "1") "," MASQUERADE, MASQUERADE}, 'X', false},
	/* protocols and families */
	{{META("==", "l4proto", "{\"set\":[\"tcp\",\"udp\"]}") "," MASQUERADE}, 'x', false},
	{{META("==", "nfproto", "\"ipv4\"") "," MASQUERADE}, 'X', false},
	{{META("==", "nfproto", "\"ipv6\"") "," MASQUERADE}, '-', false},
	/* chains */
	{{JUMP, ">" TO("==", NET("192.168.2.0", 24)) "," ACCEPT, MASQUERADE}, '-', false},
	{{JUMP, ">" TO("==", NET("192.168.2.0", 24)) "," RETURN, MASQUERADE}, 'X', false},
	{{JUMP, ">" MASQUERADE}, 'X', false},
	{{"{\"goto\":{\"target\":\"sub\"}}", ">" COUNTER, MASQUERADE}, '-', false},
	{{"{\"jump\":{\"target\":\"nowhere\"}}", MASQUERADE}, '?', false},
	{{JUMP, ">" JUMP, MASQUERADE}, '?', false}, /* round and round: the kernel refuses it */
	/* of iptables: neither what it asks for nor what it does */
	{{XT}, '-', false},
	{{XT, MASQUERADE}, '?', false},
	{{TO("==", NET("10.0.0.0", 8)) "," XT, MASQUERADE}, 'X', false},
	/* ---- what comes in */
	{{PORT("udp", "==", "500") "," DNAT}, 'X', true},
	{{PORT("udp", "==", "{\"set\":[500,4500]}") "," DNAT}, 'X', true},
	{{PORT("udp", "==", "{\"range\":[400,600]}") "," DNAT}, 'X', true},
	{{PORT("udp", ">=", "500") "," DNAT}, 'X', true},
	{{PORT("udp", ">", "500") "," DNAT}, '-', true},
	{{PORT("udp", "<=", "499") "," DNAT}, '-', true},
	{{PORT("udp", "!=", "500") "," DNAT}, '-', true},
	{{PORT("udp", "==", "4500") "," DNAT}, '-', true},
	{{PORT("tcp", "==", "500") "," DNAT}, '-', true},
	{{PORT("th", "==", "500") "," DNAT}, 'X', true},
	{{META("==", "l4proto", "\"udp\"") "," DNAT}, 'X', true},
	{{META("==", "iifname", "\"eth0\"") "," DNAT}, 'X', true},
	{{META("==", "iifname", "\"eth1\"") "," DNAT}, '-', true},
	{{TO("==", "\"192.0.2.1\"") "," DNAT}, 'X', true},
	{{TO("==", "\"192.0.2.9\"") "," DNAT}, '-', true},
	{{FROM("\"203.0.113.1\"") "," DNAT}, '-', true},
	{{PORT("udp", "==", "{\"set\":[500,4500]}") "," ACCEPT, DNAT}, '-', true},
	{{"{\"match\":{\"op\":\"in\",\"left\":{\"ct\":{\"key\":\"state\"}},\"right\":\"new\"}}," DNAT},
	 'X',
	 true},
	{{"{\"redirect\":{\"port\":1500}}"}, 'X', true},
	{{"{\"vmap\":{\"key\":{\"payload\":{\"protocol\":\"udp\",\"field\":\"dport\"}},\"data\":{\"set\":[["
	  "500,{\"accept\":null}]]}}}",
	  DNAT},
	 '-',
	 true},
	{{"{\"vmap\":{\"key\":{\"payload\":{\"protocol\":\"udp\",\"field\":\"dport\"}},\"data\":{\"set\":[["
	  "500,{\"jump\":{\"target\":"
	  "\"sub\"}}]]}}}",
	  ">" DNAT},
	 'X',
	 true},
};

static void append(char *json, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void append(char *json, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(json + strlen(json), 8192 - strlen(json), format, args);
	va_end(args);
}

static void test_nft(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(nft) / sizeof(nft[0]); i++) {
		const struct firewall_rule *rule = NULL;
		struct firewall firewall = {0};
		char json[8192] = "{\"nftables\":[{\"metainfo\":{}},", got;

		append(json, "{\"chain\":{\"family\":\"ip\",\"table\":\"nat\",\"name\":\"sub\"}},");
		append(json,
		       "{\"chain\":{\"family\":\"ip\",\"table\":\"nat\",\"name\":\"c\",\"type\":\"nat\","
		       "\"hook\":\"%s\"}}",
		       nft[i].in ? "prerouting" : "postrouting");
		for (size_t k = 0; k < 4 && nft[i].rules[k]; k++) {
			bool sub = nft[i].rules[k][0] == '>';

			append(json,
			       ",{\"rule\":{\"family\":\"ip\",\"table\":\"nat\",\"chain\":\"%s\",\"handle\":%"
			       "zu,\"expr\":[%s]}}",
			       sub ? "sub" : "c", k + 1, nft[i].rules[k] + sub);
		}
		append(json, "]}");
		assert_int_equal(firewall_read_nft(json, strlen(json), &firewall), 0);
		got = ask(&firewall, !nft[i].in, &rule);
		if (got != nft[i].answer)
			fail_msg("case %zu: '%c', not '%c': %s", i, got, nft[i].answer, json);
		if (got == 'X' || got == 'x')
			assert_non_null(strstr(rule->text, "table ip nat, chain "));
		/* Of the other direction it says nothing. */
		assert_int_equal(ask(&firewall, nft[i].in, &rule), '-');
		firewall_free(&firewall);
	}
}

/* A filter chain, or IPv6's, translates nothing. */
static void test_other_chains(void **state)
{
	static const char *const heads[] = {
		"\"family\":\"ip\",\"table\":\"nat\",\"name\":\"c\",\"type\":\"filter\",\"hook\":"
		"\"postrouting\"",
		"\"family\":\"ip6\",\"table\":\"nat\",\"name\":\"c\",\"type\":\"nat\",\"hook\":"
		"\"postrouting\"",
		"\"family\":\"ip\",\"table\":\"nat\",\"name\":\"c\"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		const struct firewall_rule *rule;
		struct firewall firewall = {0};
		char json[8192] = "";

		append(json,
		       "{\"nftables\":[{\"chain\":{%s}},{\"rule\":{\"family\":\"%s\",\"table\":\"nat\","
		       "\"chain\":\"c\",\"expr\":["
		       "{\"masquerade\":null}]}}]}",
		       heads[i], i == 1 ? "ip6" : "ip");
		assert_int_equal(firewall_read_nft(json, strlen(json), &firewall), 0);
		assert_int_equal(ask(&firewall, true, &rule), '-');
		firewall_free(&firewall);
	}
}

static void test_nonsense(void **state)
{
	static const char *const texts[] = {"", "{", "[]", "{\"nftables\":7}", "{\"nftables\":{}}"};
	static const char *const fine[] = {
		"{\"nftables\":[7,null,{\"rule\":{}},{\"chain\":7},{\"rule\":{\"expr\":[7,{\"vmap\":{}},{"
		"\"match\":{}}]}}]}",
		"{\"nftables\":[{\"rule\":{\"expr\":[{\"match\":{\"op\":\"<\",\"left\":{\"payload\":{"
		"\"protocol\":\"udp\","
		"\"field\":\"dport\"}},\"right\":{\"range\":[]}}},{\"accept\":null}]}}]}",
	};
	struct firewall firewall = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(firewall_read_nft(texts[i], strlen(texts[i]), &firewall), -EBADMSG);
	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
		assert_int_equal(firewall_read_nft(fine[i], strlen(fine[i]), &firewall), 0);
	firewall_free(&firewall);
}

/* ---- iptables */

static const struct {
	const char *rules;
	char answer;
	bool in;
} iptables[] = {
	{"-A POSTROUTING -j MASQUERADE\n", 'X', false},
	{"-A POSTROUTING -o eth0 -j MASQUERADE --random\n", 'X', false},
	{"-A POSTROUTING -o e+ -j MASQUERADE\n", 'X', false},
	{"-A POSTROUTING -o eth1 -j MASQUERADE\n", '-', false},
	{"-A POSTROUTING ! -o lo -j MASQUERADE\n", 'X', false},
	{"-A POSTROUTING -s 192.168.1.0/24 ! -d 192.168.2.0/24 -j SNAT --to-source 192.0.2.1\n", '-', false},
	{"-A POSTROUTING -s 192.168.0.0/255.255.0.0 -j SNAT --to-source 192.0.2.1\n", 'X', false},
	{"-A POSTROUTING -s 192.168.1.5/32 -j SNAT --to-source 192.0.2.1\n", 'x', false},
	{"-A POSTROUTING -m policy --dir out --pol ipsec -j ACCEPT\n-A POSTROUTING -o eth0 -j MASQUERADE\n",
	 '-', false},
	{"-A POSTROUTING -o eth0 -m policy --dir out --pol none -j MASQUERADE\n", '-', false},
	{"-A POSTROUTING -m policy --dir in --pol ipsec -j ACCEPT\n-A POSTROUTING -j MASQUERADE\n", '?',
	 false},
	{"-A POSTROUTING -d 192.168.2.0/24 -m comment --comment \"no \\\"NAT\\\" -j DROP\" -j RETURN\n-A "
	 "POSTROUTING -j MASQUERADE\n",
	 '-', false},
	{"-A POSTROUTING -m mark --mark 0x1 -j ACCEPT\n-A POSTROUTING -j MASQUERADE\n", '?', false},
	{"-A POSTROUTING -m set --match-set vpn dst -j ACCEPT\n-A POSTROUTING -j MASQUERADE\n", '?', false},
	{"-A POSTROUTING -j SUB\n-A SUB -d 192.168.2.0/24 -j ACCEPT\n-A POSTROUTING -j MASQUERADE\n", '-',
	 false},
	{"-A POSTROUTING -g SUB\n-A SUB -d 10.0.0.0/8 -j ACCEPT\n-A POSTROUTING -j MASQUERADE\n", '-', false},
	{"-A POSTROUTING -s 192.168.1.0/24\n", '-', false}, /* only counts */
	{"-A PREROUTING -i eth0 -p udp -m udp --dport 500 -j DNAT --to-destination 192.168.1.5\n", 'X', true},
	{"-A PREROUTING -i eth0 -p udp -m multiport --dports 80,400:600 -j DNAT --to-destination "
	 "192.168.1.5\n",
	 'X', true},
	{"-A PREROUTING -p udp -m udp --dport 501: -j DNAT --to-destination 192.168.1.5\n", '-', true},
	{"-A PREROUTING -p tcp -m tcp --dport 500 -j DNAT --to-destination 192.168.1.5\n", '-', true},
	{"-A PREROUTING -d 192.0.2.1/32 -j DNAT --to-destination 192.168.1.5\n", 'X', true},
	{"-A PREROUTING -p udp -m conntrack --ctstate NEW -j REDIRECT --to-ports 1500\n", 'X', true},
	{"-A PREROUTING -p udp -m udp --dport 500 -j ACCEPT\n-A PREROUTING -d 192.0.2.1/32 -j DNAT "
	 "--to-destination 192.168.1.5\n",
	 '-', true},
};

static void test_iptables(void **state)
{
	static const char head[] = "# Generated by iptables-save v1.8.9\n*filter\n:FORWARD ACCEPT [0:0]\n-A "
				   "FORWARD -j DROP\nCOMMIT\n"
				   "*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT "
				   "[12:345]\n:SUB - [0:0]\n";

	(void)state;
	for (size_t i = 0; i < sizeof(iptables) / sizeof(iptables[0]); i++) {
		const struct firewall_rule *rule = NULL;
		struct firewall firewall = {0};
		char text[2048], got;

		snprintf(text, sizeof(text), "%s%sCOMMIT\n", head, iptables[i].rules);
		assert_int_equal(firewall_read_iptables(text, strlen(text), &firewall), 0);
		got = ask(&firewall, !iptables[i].in, &rule);
		if (got != iptables[i].answer)
			fail_msg("case %zu: '%c', not '%c': %s", i, got, iptables[i].answer,
				 iptables[i].rules);
		if (got == 'X' || got == 'x')
			assert_non_null(strstr(rule->text, "iptables -t nat -A "));
		firewall_free(&firewall);
	}
}

/* Cut off at each length, and with lines and words without end. */
static void test_iptables_cut(void **state)
{
	static const char text[] = "*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING ! -s 10.0.0.0/8 -m "
				   "comment --comment \"a b\" -p udp "
				   "-m multiport --dports 1:2,3 -j SNAT --to-source 192.0.2.1\nCOMMIT\n";
	const struct firewall_rule *rule;
	struct firewall firewall = {0};
	char *copy, lines[3000];

	(void)state;
	for (size_t size = 0; size < sizeof(text); size++) {
		copy = malloc(size ? size : 1);
		assert_non_null(copy);
		memcpy(copy, text, size);
		assert_int_equal(firewall_read_iptables(copy, size, &firewall), 0);
		free(copy);
		firewall_free(&firewall);
	}
	/* An exception that is too long to be read may be one for us. */
	snprintf(
		lines, sizeof(lines),
		"*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -m comment --comment \"%01200d\" -j ACCEPT\n"
		"-A POSTROUTING -j MASQUERADE\n",
		0);
	assert_int_equal(firewall_read_iptables(lines, strlen(lines), &firewall), 0);
	assert_int_equal(ask(&firewall, true, &rule), '?');
	firewall_free(&firewall);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nft),	     cmocka_unit_test(test_other_chains),
		cmocka_unit_test(test_nonsense),     cmocka_unit_test(test_iptables),
		cmocka_unit_test(test_iptables_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
