// SPDX-License-Identifier: GPL-2.0-or-later
/* cmd_mtu_values.c - espial mtu: the values of its options. What is wrong ends the program with CMD_USAGE. */
#include "cmd.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cmd_mtu.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

unsigned int mtu_parse_number(const char *option, const char *value, unsigned int min, unsigned int max)
{
	size_t digits = strspn(value, "0123456789");
	unsigned long number = digits && !value[digits] && digits < 9 ? strtoul(value, NULL, 10) : max + 1UL;

	if (number < min || number > max)
		cmd_usage("option --%s wants a number of bytes from %u to %u, not '%s'", option, min, max,
			  value);
	return (unsigned int)number;
}

int mtu_parse_family(const char *option, const char *value)
{
	static const char *const words[] = {"ipv4", "ipv6"};

	if (strcasecmp(value, "ipv4") == 0 || strcasecmp(value, "v4") == 0 || strcmp(value, "4") == 0)
		return 4;
	if (strcasecmp(value, "ipv6") == 0 || strcasecmp(value, "v6") == 0 || strcmp(value, "6") == 0)
		return 6;
	cmd_unknown_word(option, value, words, COUNT(words));
}

enum mtu_mode mtu_parse_mode(const char *value)
{
	static const char *const words[] = {
		[MTU_TUNNEL] = "tunnel", [MTU_TRANSPORT] = "transport", [MTU_BEET] = "beet"};
	size_t i;

	for (i = 0; i < COUNT(words); i++)
		if (strcasecmp(value, words[i]) == 0)
			return (enum mtu_mode)i;
	cmd_unknown_word("mode", value, words, COUNT(words));
}

static const struct {
	const char *layer, *word;
	enum mtu_carrier_kind kind;
	unsigned int option;
	int family;
} carrier_words[] = {
	{"gre", "key", MTU_CARRIER_GRE, MTU_GRE_KEY, 0},
	{"gre", "csum", MTU_CARRIER_GRE, MTU_GRE_CHECKSUM, 0},
	{"gre", "seq", MTU_CARRIER_GRE, MTU_GRE_SEQUENCE, 0},
	{"gre", "ipv4", MTU_CARRIER_GRE, 0, 4},
	{"gre", "ipv6", MTU_CARRIER_GRE, 0, 6},
	{"l2tp", "nolength", MTU_CARRIER_L2TP, MTU_L2TP_NO_LENGTH, 0},
	{"l2tp", "seq", MTU_CARRIER_L2TP, MTU_L2TP_SEQUENCE, 0},
	{"l2tp", "acfc", MTU_CARRIER_L2TP, MTU_L2TP_ACFC, 0},
	{"l2tp", "pfc", MTU_CARRIER_L2TP, MTU_L2TP_PFC, 0},
	{"l2tp", "ipv4", MTU_CARRIER_L2TP, 0, 4},
	{"l2tp", "ipv6", MTU_CARRIER_L2TP, 0, 6},
	{"vxlan", "vlan", MTU_CARRIER_VXLAN, MTU_VXLAN_VLAN, 0},
	{"vxlan", "ipv4", MTU_CARRIER_VXLAN, 0, 4},
	{"vxlan", "ipv6", MTU_CARRIER_VXLAN, 0, 6},
};

/* The next word of a list with commas, into `ret`; false at its end. */
static bool next_word(const char **list, char ret[static 16])
{
	size_t length = strcspn(*list, ",");

	if (!**list)
		return false;
	if (length >= 16)
		length = 15;
	memcpy(ret, *list, length);
	ret[length] = '\0';
	*list += strcspn(*list, ",");
	*list += **list == ',';
	return true;
}

static void parse_carrier_options(enum mtu_carrier_kind kind, const char *list, struct mtu_carrier *ret)
{
	const char *words[COUNT(carrier_words)], *layer = "";
	size_t count = 0, i;
	char word[16];

	*ret = (struct mtu_carrier){.kind = kind};
	for (i = 0; i < COUNT(carrier_words); i++)
		if (carrier_words[i].kind == kind) {
			layer = carrier_words[i].layer;
			words[count++] = carrier_words[i].word;
		}
	while (next_word(&list, word)) {
		for (i = 0; i < COUNT(carrier_words); i++)
			if (carrier_words[i].kind == kind && strcasecmp(word, carrier_words[i].word) == 0)
				break;
		if (i == COUNT(carrier_words)) {
			char what[32];

			snprintf(what, sizeof(what), "option of %s", layer);
			cmd_unknown_word(what, word, words, count);
		}
		ret->options |= carrier_words[i].option;
		if (carrier_words[i].family)
			ret->family = carrier_words[i].family;
	}
}

static struct mtu_carrier *next_carrier(struct mtu_carrier *carriers, size_t *count)
{
	if (*count == MTU_CARRIERS)
		cmd_usage("more than %d layers on one side of ESP", MTU_CARRIERS);
	return &carriers[(*count)++];
}

void mtu_parse_over(struct mtu_spec *spec, const char *value)
{
	static const char *const words[] = {
		[MTU_CARRIER_GRE] = "gre", [MTU_CARRIER_L2TP] = "l2tp", [MTU_CARRIER_VXLAN] = "vxlan"};
	const char *list = value;
	char word[16] = "";
	size_t i;

	next_word(&list, word);
	for (i = 0; i < COUNT(words); i++)
		if (strcasecmp(word, words[i]) == 0)
			break;
	if (i == COUNT(words))
		cmd_unknown_word("layer", word, words, COUNT(words));
	parse_carrier_options((enum mtu_carrier_kind)i, list, next_carrier(spec->outside, &spec->outsides));
}

void mtu_parse_inside(struct mtu_spec *spec, enum mtu_carrier_kind kind, const char *value)
{
	parse_carrier_options(kind, value ? value : "", next_carrier(spec->inside, &spec->insides));
}
