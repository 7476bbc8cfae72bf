// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_mtu_brute.c - sizes of IPsec packets: a second opinion
 *
 * Brute force: it adds up one packet per inner size from the numbers of the RFCs written down here, tries paddings until one
 * fits, and looks for the largest packet that the link takes. It shares no code and no table of layers with what it checks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mtu_spec.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define LINK_FIRST 576
#define LINK_LAST 9216

struct brute {
	unsigned int before; /* all in front of the ESP or AH header, outer IP header included */
	unsigned int iv, block, icv;
	unsigned int inside;  /* headers in front of the inner packet, and TFC */
	unsigned int removed; /* of the inner packet: the header that is not sent */
	unsigned int ah_unit; /* 0: ESP */
};

static unsigned int brute_size(const struct brute *b, unsigned int inner)
{
	unsigned int size, padding = 0;

	if (b->ah_unit) {
		for (size = 12 + b->iv + b->icv; size % b->ah_unit; size++)
			;
		return b->before + size + b->inside + inner - b->removed;
	}
	for (;; padding++) {
		size = b->inside + inner - b->removed + padding + 2;
		if (size % b->block == 0 && size % 4 == 0)
			break;
	}
	return b->before + 8 + b->iv + size + b->icv;
}

/* Every link from 576 to 9216 against every inner size, both rising. */
static void compare(const struct mtu_spec *spec, const struct brute *b)
{
	unsigned int link, inner = b->removed, size = brute_size(b, inner), next = brute_size(b, inner + 1),
			   found;
	struct mtu_packet packet;

	assert_null(mtu_conflict(spec));
	for (link = LINK_FIRST; link <= LINK_LAST; link++) {
		while (next <= link) {
			assert_true(next >= size);
			inner++;
			size = next;
			next = brute_size(b, inner + 1);
		}
		if (mtu_solve(spec, link, &found) || found != inner)
			fail_msg("link %u: solved %u, found %u; before %u iv %u block %u icv %u inside %u "
				 "removed %u",
				 link, found, inner, b->before, b->iv, b->block, b->icv, b->inside,
				 b->removed);
		if (link % 97)
			continue;
		assert_int_equal(mtu_packet_build(spec, inner, &packet), 0);
		assert_int_equal(packet.size, size);
		assert_int_equal(packet.padding, 0);
	}
}

/* The four ways an inner packet can lie in an outer one. */
static const struct {
	enum mtu_mode mode;
	int inner; /* BEET's */
} ways[] = {{MTU_TUNNEL, 0}, {MTU_TRANSPORT, 0}, {MTU_BEET, 4}, {MTU_BEET, 6}};

static const struct {
	enum mtu_encapsulation encapsulation;
	bool timestamps;
	unsigned int bytes;
} encapsulations[] = {{MTU_PLAIN, false, 0}, {MTU_UDP, false, 8}, {MTU_TCP, false, 22}, {MTU_TCP, true, 34}};

static unsigned int removed_by(enum mtu_mode mode, int inner, int outer)
{
	if (mode == MTU_TUNNEL)
		return 0;
	return (inner ? inner : outer) == 6 ? 40 : 20;
}

static void compare_everywhere(struct mtu_spec spec, unsigned int iv, unsigned int block, unsigned int icv)
{
	size_t w, e;
	int outer;

	for (outer = 4; outer <= 6; outer += 2)
		for (w = 0; w < COUNT(ways); w++)
			for (e = 0; e < COUNT(encapsulations); e++) {
				struct brute b = {.iv = iv, .block = block, .icv = icv};

				spec.outer = outer;
				spec.mode = ways[w].mode;
				spec.inner = ways[w].inner;
				spec.encapsulation = encapsulations[e].encapsulation;
				spec.tcp_timestamps = encapsulations[e].timestamps;
				b.before = (outer == 6 ? 40 : 20) + encapsulations[e].bytes;
				b.removed = removed_by(spec.mode, spec.inner, outer);
				compare(&spec, &b);
			}
}

/*
 * Every cipher with every integrity algorithm. Those of equal sizes are one case, compared once: the signature of a case is
 * made from the three numbers that the packet has of it.
 */
static void test_every_transform(void **state)
{
	static bool seen[17][17][33];
	const struct mtu_cipher *c;
	size_t i, j;

	(void)state;
	for (i = 0; (c = mtu_cipher(i)); i++)
		for (j = 0; j == 0 || mtu_integrity(j - 1); j++) {
			const struct mtu_integrity *t = j ? mtu_integrity(j - 1) : NULL;
			struct mtu_spec spec = {.proposal = {.cipher = c, .integrity = t}};
			unsigned int icv = t ? t->icv : c->icv;

			if ((t && (c->icv || t->iv)) || seen[c->iv][c->block][icv])
				continue;
			seen[c->iv][c->block][icv] = true;
			compare_everywhere(spec, c->iv, c->block, icv);
		}
}

static void test_every_ah(void **state)
{
	const struct mtu_integrity *t;
	size_t i;
	int outer, mode, align8;

	(void)state;
	for (i = 0; (t = mtu_integrity(i)); i++)
		for (outer = 4; outer <= 6; outer += 2)
			for (mode = MTU_TUNNEL; mode <= MTU_TRANSPORT; mode++)
				for (align8 = 0; align8 < 2; align8++) {
					struct mtu_spec spec = {
						.proposal = {.protocol = MTU_AH, .integrity = t},
						.outer = outer,
						.mode = (enum mtu_mode)mode,
						.ah_align8 = align8 != 0};
					struct brute b = {.before = outer == 6 ? 40 : 20,
							  .iv = t->iv,
							  .icv = t->icv,
							  .ah_unit = outer == 6 || align8 ? 8 : 4,
							  .removed = removed_by(spec.mode, 0, outer)};

					compare(&spec, &b);
				}
}

/* Layers around and inside, by their bytes: `tunnel` inside in tunnel mode; the IP header of the first goes without one. */
static void test_every_layer(void **state)
{
	static const struct {
		struct mtu_spec spec;
		unsigned int before, inside, header;
	} rows[] = {
		{{.vlan_tags = 1}, 4, 0, 0},
		{{.vlan_tags = 2}, 8, 0, 0},
		{{.pppoe = true}, 8, 0, 0},
		{{.vlan_tags = 2, .pppoe = true, .tfc = 37}, 16, 37, 0},
		{{.outsides = 1, .outside = {{MTU_CARRIER_GRE, 0, 4}}}, 24, 0, 0},
		{{.outsides = 1, .outside = {{MTU_CARRIER_L2TP, 0, 4}}}, 40, 0, 0},
		{{.outsides = 1, .outside = {{MTU_CARRIER_VXLAN, 0, 4}}}, 50, 0, 0},
		{{.outsides = 2,
		  .outside = {{MTU_CARRIER_VXLAN, MTU_VXLAN_VLAN, 6}, {MTU_CARRIER_GRE, MTU_GRE_KEY, 4}}},
		 74 + 28,
		 0,
		 0},
		{{.insides = 1, .inside = {{MTU_CARRIER_GRE, 0, 4}}}, 0, 4, 20},
		{{.insides = 1,
		  .inside = {{MTU_CARRIER_GRE, MTU_GRE_KEY | MTU_GRE_CHECKSUM | MTU_GRE_SEQUENCE, 6}}},
		 0,
		 16,
		 40},
		{{.insides = 1, .inside = {{MTU_CARRIER_L2TP, 0, 4}}}, 0, 20, 20},
		{{.insides = 1, .inside = {{MTU_CARRIER_L2TP, MTU_L2TP_NO_LENGTH, 4}}}, 0, 18, 20},
		{{.insides = 1,
		  .inside = {{MTU_CARRIER_L2TP, MTU_L2TP_SEQUENCE | MTU_L2TP_ACFC | MTU_L2TP_PFC, 6}}},
		 0,
		 21,
		 40},
		{{.insides = 1, .inside = {{MTU_CARRIER_VXLAN, 0, 4}}}, 0, 30, 20},
		{{.insides = 2, .inside = {{MTU_CARRIER_GRE, 0, 4}, {MTU_CARRIER_VXLAN, 0, 6}}, .tfc = 1},
		 0,
		 75,
		 20},
	};
	static const char *const proposals[] = {"aes128gcm16", "aes256-sha384", "3des-md5", "null-sha1"};
	size_t i, p;
	int outer, mode;

	(void)state;
	for (i = 0; i < COUNT(rows); i++)
		for (p = 0; p < COUNT(proposals); p++)
			for (outer = 4; outer <= 6; outer += 2)
				for (mode = MTU_TUNNEL; mode <= MTU_BEET; mode++) {
					struct mtu_spec spec = rows[i].spec,
							sizes = spec_of(MTU_ESP, proposals[p]);
					const struct mtu_cipher *c = sizes.proposal.cipher;
					struct brute b = {.before = rows[i].before + (outer == 6 ? 40 : 20),
							  .inside = rows[i].inside,
							  .iv = c->iv,
							  .block = c->block,
							  .icv = c->icv ? c->icv
									: sizes.proposal.integrity->icv};

					spec.proposal = sizes.proposal;
					spec.outer = outer;
					spec.mode = (enum mtu_mode)mode;
					if (mode == MTU_TUNNEL)
						b.inside += rows[i].header;
					else if (!spec.insides)
						b.removed = outer == 6 ? 40 : 20;
					compare(&spec, &b);
				}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_transform),
		cmocka_unit_test(test_every_ah),
		cmocka_unit_test(test_every_layer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
