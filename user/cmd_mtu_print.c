// SPDX-License-Identifier: GPL-2.0-or-later
/* cmd_mtu_print.c - espial mtu: the answer as text and as JSON (output.md, last section) */
#include "cmd.h"

#include <string.h>

#include <jansson.h>

#include "cmd_json.h"
#include "cmd_mtu.h"

#ifndef ESPIAL_VERSION
#define ESPIAL_VERSION "unknown"
#endif

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NOTE 200
#define NOTES 8
#define PING_HEADER 8 /* ICMP echo */

static const unsigned int rules_of_thumb[] = {1300, 1200};

static const char *const modes[] = {
	[MTU_TUNNEL] = "tunnel", [MTU_TRANSPORT] = "transport", [MTU_BEET] = "beet"};
static const char *const encapsulations[] = {[MTU_PLAIN] = "none", [MTU_UDP] = "udp", [MTU_TCP] = "tcp"};

/* ---- what both forms tell */

struct notes {
	size_t count;
	char text[NOTES][NOTE];
};

__attribute__((format(printf, 2, 3))) static void note(struct notes *n, const char *format, ...)
{
	va_list args;

	if (n->count == NOTES)
		return;
	va_start(args, format);
	vsnprintf(n->text[n->count++], NOTE, format, args);
	va_end(args);
}

static void collect_notes(const struct mtu_answer *a, struct notes *n)
{
	const struct mtu_proposal *p = &a->spec.proposal;
	int family = mtu_inner_family(&a->spec);

	n->count = 0;
	if (p->unused)
		note(n, "%s is not used: %s authenticates by itself", p->unused->name, p->cipher->name);
	if (p->protocol == MTU_ESP && !p->cipher->icv && !p->integrity)
		note(n, "without an integrity algorithm anyone can alter the packets (RFC 8221 4)");
	if (a->link > a->largest.size)
		note(n, "%u bytes of the link stay empty: the next block does not fit",
		     a->link - a->largest.size);
	if (family != 4 && a->inner < MTU_IPV6_MIN)
		note(n, "IPv6 needs %d inside (RFC 8200 5): ESP of IPv6 packets will be fragmented",
		     MTU_IPV6_MIN);
	if (a->spec.encapsulation == MTU_TCP && !a->spec.tcp_timestamps)
		note(n, "with TCP timestamps, which Linux sends, 12 bytes more: --tcp=timestamps");
	if (a->spec.mode == MTU_BEET && family == 4)
		note(n, "Linux keeps 8 bytes back for the options of an inner IPv4 header, its own figure is "
			"that much smaller");
	if (a->spec.tfc && a->spec.mode == MTU_TRANSPORT && !a->spec.insides)
		note(n, "TFC padding in transport mode is only for payloads that know their length: not for "
			"TCP (RFC 4303 2.7)");
	if (a->packet_asked && a->packet.size > a->link)
		note(n,
		     "a packet of %u is %u too large for the link: it is fragmented, or dropped if it must "
		     "not be",
		     a->packet.inner, a->packet.size - a->link);
}

struct waste {
	unsigned int mss;
	unsigned int exact;    /* the MSS that fits */
	double packets, bytes; /* for the same data, in per cent more */
};

static double more(double than, double base)
{
	return 100 * (than / base - 1);
}

/* Compares in the family that is inside, IPv4 when both are. */
static void compute_waste(const struct mtu_answer *a, unsigned int mss, struct waste *ret)
{
	int family = mtu_inner_family(&a->spec) == 6 ? 6 : 4;
	struct mtu_packet packet = {0};

	*ret = (struct waste){.mss = mss, .exact = mtu_mss(a->inner, family)};
	if (!ret->exact || mss > ret->exact ||
	    mtu_packet_build(&a->spec, a->inner - (ret->exact - mss), &packet))
		return;
	ret->packets = more(ret->exact, mss);
	ret->bytes = more((double)packet.size / mss, (double)a->largest.size / ret->exact);
}

static const char *layer_text(const struct mtu_answer *a, enum mtu_layer_id id, char *text, size_t size)
{
	const struct mtu_proposal *p = &a->spec.proposal;

	switch (id) {
	case MTU_LAYER_IV:
		snprintf(text, size, "%s of %s (%s)", mtu_layer_text(id),
			 p->cipher ? p->cipher->name : p->integrity->name,
			 p->cipher ? p->cipher->source : p->integrity->source);
		return text;
	case MTU_LAYER_ICV:
		snprintf(text, size, "%s of %s (%s)", mtu_layer_text(id),
			 p->integrity ? p->integrity->name : p->cipher->name,
			 p->integrity ? p->integrity->source : p->cipher->source);
		return text;
	case MTU_LAYER_INNER:
		if (a->spec.mode != MTU_TUNNEL && !a->spec.insides)
			return "inner IP packet, without its header";
		return mtu_layer_text(id);
	default:
		return mtu_layer_text(id);
	}
}

static void proposal_name(const struct mtu_proposal *p, char *text, size_t size)
{
	snprintf(text, size, "%s%s%s", p->cipher ? p->cipher->name : "", p->cipher && p->integrity ? "-" : "",
		 p->integrity ? p->integrity->name : "");
}

/* ---- text */

static void print_heading(const struct mtu_answer *a)
{
	const struct mtu_spec *s = &a->spec;
	char name[80];

	proposal_name(&s->proposal, name, sizeof(name));
	printf("%s %s, %s mode, IPv%d outside%s, link MTU %u\n%s",
	       s->proposal.protocol == MTU_AH ? "AH" : "ESP", name, modes[s->mode], s->outer,
	       s->encapsulation == MTU_UDP   ? ", in UDP"
	       : s->encapsulation == MTU_TCP ? ", in TCP"
					     : "",
	       a->link, a->source ? "" : "\n");
	if (a->source)
		printf("Of %s\n\n", a->source);
}

static void print_picture(const struct mtu_answer *a)
{
	const struct mtu_packet *p = &a->packet;
	bool encrypted = false, authenticated = false;
	unsigned int at = 0;
	char text[160];
	size_t i;

	if (a->packet_asked)
		printf("An inner packet of %u bytes becomes one of %u, with %u of padding:\n", p->inner,
		       p->size, p->padding);
	else
		printf("The largest packet:\n");
	printf("    at  bytes\n");
	for (i = 0; i < p->layers; i++) {
		const struct mtu_layer *l = &p->layer[i];

		printf("%6u %6u  %s%s  %s\n", at, l->bytes, l->authenticated ? "A" : " ",
		       l->encrypted ? "E" : " ", layer_text(a, l->id, text, sizeof(text)));
		at += l->bytes;
		encrypted |= l->encrypted;
		authenticated |= l->authenticated;
	}
	printf("%6u\n", at);
	if (authenticated || encrypted)
		printf("%s%s%s\n", authenticated ? "A authenticated" : "",
		       authenticated && encrypted ? ", " : "", encrypted ? "E encrypted" : "");
}

static void print_numbers(const struct mtu_answer *a)
{
	int family = mtu_inner_family(&a->spec);
	unsigned int ping = a->inner - (family == 6 ? 40 : 20) - PING_HEADER;

	printf("\nInner MTU  %u\n", a->inner);
	if (family != 6)
		printf("TCP MSS    %u with IPv4\n", mtu_mss(a->inner, 4));
	if (family != 4)
		printf("TCP MSS    %u with IPv6\n", mtu_mss(a->inner, 6));
	printf("Check      ping -%d -M do -s %u passes, -s %u does not\n", family == 6 ? 6 : 4, ping,
	       ping + 1);
}

static void print_waste(const struct mtu_answer *a)
{
	struct waste w;
	size_t i;

	printf("\nRules of thumb:\n");
	for (i = 0; i < COUNT(rules_of_thumb); i++) {
		compute_waste(a, rules_of_thumb[i], &w);
		if (w.mss > w.exact)
			printf("  MSS %u is %u too large: full segments are fragmented or dropped\n", w.mss,
			       w.mss - w.exact);
		else
			printf("  MSS %u wastes %u bytes of each segment: %.1f %% more packets, %.1f %% more "
			       "bytes\n",
			       w.mss, w.exact - w.mss, w.packets, w.bytes);
	}
}

static void print_advice(const struct mtu_answer *a)
{
	struct mtu_advice advice[MTU_ADVICE_MAX];
	size_t count = mtu_advice(&a->spec, a->inner, advice), i;
	const char *line, *end;

	printf("\nTo configure (words in capitals and names of interfaces are yours):\n");
	for (i = 0; i < count; i++) {
		printf("\n  %s: %s\n", advice[i].platform, advice[i].text);
		for (line = *advice[i].command ? advice[i].command : NULL; line;
		     line = end ? end + 1 : NULL) {
			end = strchr(line, '\n');
			printf("    %.*s\n", (int)(end ? end - line : (long)strlen(line)), line);
		}
	}
}

int mtu_print_text(const struct mtu_answer *a)
{
	struct notes notes;
	size_t i;

	collect_notes(a, &notes);
	print_heading(a);
	print_picture(a);
	print_numbers(a);
	for (i = 0; i < notes.count; i++)
		printf("%sNote: %s.\n", i ? "" : "\n", notes.text[i]);
	print_waste(a);
	print_advice(a);
	return CMD_OK;
}

int mtu_print_transforms(void)
{
	size_t i;

	printf("CIPHER                    IV  BLOCK  ICV  IANA  SOURCE\n");
	for (i = 0; mtu_cipher(i); i++) {
		const struct mtu_cipher *c = mtu_cipher(i);

		printf("%-24s  %2u  %5u  %3u  %4u  %s\n", c->name, c->iv, c->block, c->icv, c->iana,
		       c->source);
	}
	printf("\nINTEGRITY                 IV         ICV  IANA  SOURCE\n");
	for (i = 0; mtu_integrity(i); i++) {
		const struct mtu_integrity *t = mtu_integrity(i);

		printf("%-24s  %2u         %3u  %4u  %s%s\n", t->name, t->iv, t->icv, t->iana, t->source,
		       t->iv ? ", AH only" : "");
	}
	printf("\nBytes. IANA 0: not registered. Key exchanges, PRFs and ESN change no size and may stand in "
	       "a proposal.\n");
	return cmd_close_output();
}

/* ---- JSON */

static json_t *json_overhead(const struct mtu_packet *p)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < p->layers; i++)
		if (p->layer[i].overhead)
			json_array_append_new(array,
					      json_pack("{s:s, s:i}", "layer", mtu_layer_name(p->layer[i].id),
							"bytes", p->layer[i].overhead));
	return array;
}

static json_t *json_packet(const struct mtu_answer *a)
{
	const struct mtu_packet *p = &a->packet;
	json_t *layers = json_array();
	unsigned int at = 0;
	char text[160];
	size_t i;

	for (i = 0; i < p->layers; i++) {
		const struct mtu_layer *l = &p->layer[i];

		json_array_append_new(
			layers, json_pack("{s:s, s:i, s:i, s:s, s:b, s:b}", "layer", mtu_layer_name(l->id),
					  "offset", (int)at, "bytes", (int)l->bytes, "text",
					  layer_text(a, l->id, text, sizeof(text)), "authenticated",
					  l->authenticated, "encrypted", l->encrypted));
		at += l->bytes;
	}
	return json_pack("{s:i, s:i, s:i, s:b, s:o}", "inner", (int)p->inner, "size", (int)p->size, "padding",
			 (int)p->padding, "fits", p->size <= a->link, "layers", layers);
}

static json_t *json_waste(const struct mtu_answer *a)
{
	json_t *array = json_array();
	struct waste w;
	size_t i;

	for (i = 0; i < COUNT(rules_of_thumb); i++) {
		compute_waste(a, rules_of_thumb[i], &w);
		if (w.mss > w.exact)
			json_array_append_new(array, json_pack("{s:i, s:b, s:n, s:n, s:n}", "mss", (int)w.mss,
							       "fits", 0, "bytes_per_segment",
							       "more_packets_percent", "more_bytes_percent"));
		else
			json_array_append_new(array, json_pack("{s:i, s:b, s:i, s:f, s:f}", "mss", (int)w.mss,
							       "fits", 1, "bytes_per_segment",
							       (int)(w.exact - w.mss), "more_packets_percent",
							       w.packets, "more_bytes_percent", w.bytes));
	}
	return array;
}

static json_t *json_configure(const struct mtu_answer *a)
{
	struct mtu_advice advice[MTU_ADVICE_MAX];
	size_t count = mtu_advice(&a->spec, a->inner, advice), i;
	json_t *array = json_array();

	for (i = 0; i < count; i++)
		json_array_append_new(array, json_pack("{s:s, s:s, s:s?}", "platform", advice[i].platform,
						       "text", advice[i].text, "command",
						       *advice[i].command ? advice[i].command : NULL));
	return array;
}

/*
 * mss4 and mss6 are the inner MTU less 40 and 60 whatever is inside, as symptoms.md defines them; inner_family says which of
 * them an SA without a second header can use.
 */
static json_t *json_document(const struct mtu_answer *a)
{
	const struct mtu_spec *s = &a->spec;
	json_t *notes = json_array();
	struct notes n;
	char name[80];
	size_t i;

	collect_notes(a, &n);
	for (i = 0; i < n.count; i++)
		json_array_append_new(notes, json_string(n.text[i]));
	proposal_name(&s->proposal, name, sizeof(name));
	return json_pack(
		"{s:{s:s, s:i}, s:s?, s:s, s:s, s:s, s:s, s:i, s:o, s:i, s:o, s:i, s:o, s:o, s:i, s:o, "
		"s:o, s:o, s:o}",
		"espial", "version", ESPIAL_VERSION, "schema", 1, "source", a->source, "protocol",
		s->proposal.protocol == MTU_AH ? "ah" : "esp", "proposal", name, "mode", modes[s->mode],
		"encapsulation", encapsulations[s->encapsulation], "outer_family", s->outer, "inner_family",
		cmd_json_number((unsigned int)mtu_inner_family(s)), "link_mtu", (int)a->link, "overhead",
		json_overhead(&a->largest), "inner_mtu", (int)a->inner, "mss4",
		cmd_json_number(mtu_mss(a->inner, 4)), "mss6", cmd_json_number(mtu_mss(a->inner, 6)),
		"unused", (int)(a->link - a->largest.size), "packet", json_packet(a), "rules_of_thumb",
		json_waste(a), "configure", json_configure(a), "notes", notes);
}

int mtu_print_json(const struct mtu_answer *a)
{
	return cmd_json_print(json_document(a));
}
