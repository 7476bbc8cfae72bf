// SPDX-License-Identifier: GPL-2.0-or-later
/* vici_facts.c - connections, as configured; and what the facts are kept in */
#include "source/vici_facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/vici_facts_internal.h"
#include "source/x509.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

void *vici_facts_add(void **list, size_t *count, size_t *room, size_t size, size_t most, uint64_t *omitted)
{
	void *element;

	if (*count == *room) {
		size_t wanted = *room ? *room * 2 : 8;
		void *grown = *count < most ? realloc(*list, wanted * size) : NULL;

		if (!grown) {
			++*omitted;
			return NULL;
		}
		*list = grown;
		*room = wanted;
	}
	element = (char *)*list + (*count)++ * size;
	memset(element, 0, size);
	return element;
}

enum fact_mode vici_facts_mode(const char *mode)
{
	static const struct {
		const char *name;
		enum fact_mode mode;
	} modes[] = {
		{"TUNNEL", FACT_TUNNEL}, {"TRANSPORT", FACT_TRANSPORT}, {"TRANSPORT_PROXY", FACT_TRANSPORT},
		{"BEET", FACT_BEET},	 {"IPTFS", FACT_IPTFS},
	};

	for (size_t i = 0; i < COUNT(modes); i++)
		if (!strcmp(modes[i].name, mode))
			return modes[i].mode;
	return FACT_MODE_UNKNOWN; /* PASS and DROP are no tunnels */
}

void vici_facts_version(const struct vici_packet *packet, char *ret, size_t size)
{
	struct version {
		char daemon[32], version[32];
	} v = {0};
	static const struct vici_field table[] = {
		VICI_FIELD("daemon", TEXT, struct version, daemon),
		VICI_FIELD("version", TEXT, struct version, version),
	};
	struct vici_reader reader = vici_reader(packet->message, packet->size);
	struct vici_item item;
	bool plain;

	while (vici_next(&reader, &item) > 0)
		if (!vici_field_read(table, COUNT(table), &reader, &item, 0, &v) &&
		    (item.type == VICI_SECTION_START || item.type == VICI_LIST_START))
			vici_skip(&reader);
	plain = !*v.daemon || !strcmp(v.daemon, "charon");
	snprintf(ret, size, "strongSwan%s%s%s%s%s", *v.version ? " " : "", v.version, plain ? "" : " (",
		 plain ? "" : v.daemon, plain ? "" : ")");
}

/* ---- connections */

struct side {
	char id[128], class[32], auth[32]; /* auth: of all rounds so far */
	char certificates[256];		   /* likewise */
};

struct connection {
	struct fact_connection fact;
	char version[8];
	struct side local, remote;
};

static const struct vici_field connection_fields[] = {
	VICI_FIELD("local_addrs", LIST, struct connection, fact.local_addresses),
	VICI_FIELD("remote_addrs", LIST, struct connection, fact.remote_addresses),
	VICI_FIELD("version", TEXT, struct connection, version),
	VICI_FIELD("dpd_delay", NUMBER, struct connection, fact.dpd_seconds),
	VICI_FIELD("rekey_time", NUMBER, struct connection, fact.rekey_seconds),
	VICI_FIELD("reauth_time", NUMBER, struct connection, fact.reauth_seconds),
};

static const struct vici_field side_fields[] = {
	VICI_FIELD("id", TEXT, struct side, id),
	VICI_FIELD("class", TEXT, struct side, class),
	VICI_FIELD("certs", LIST, struct side, certificates),
};

struct child_config {
	struct fact_child_config fact;
	char mode[24];
};

static const struct vici_field child_config_fields[] = {
	VICI_FIELD("mode", TEXT, struct child_config, mode),
	VICI_FIELD("rekey_time", NUMBER, struct child_config, fact.rekey_seconds),
	VICI_FIELD("local-ts", LIST, struct child_config, fact.local_ts),
	VICI_FIELD("remote-ts", LIST, struct child_config, fact.remote_ts),
};

bool vici_facts_in_section(struct vici_reader *reader, struct vici_item *ret)
{
	return vici_next(reader, ret) > 0 && ret->type != VICI_SECTION_END;
}

void vici_facts_pass(struct vici_reader *reader, const struct vici_item *item)
{
	if (item->type == VICI_SECTION_START || item->type == VICI_LIST_START)
		vici_skip(reader);
}

/* One round of authentication; the identity is the first round's. */
static void read_side(struct vici_reader *reader, struct side *side)
{
	static const struct {
		const char *class, *name;
	} classes[] = {
		{"pre-shared key", "psk"}, {"public key", "pubkey"}, {"EAP", "eap"}, {"XAuth", "xauth"}};
	struct side round = {0};
	struct vici_item item;
	const char *name;

	while (vici_facts_in_section(reader, &item))
		if (!vici_field_read(side_fields, COUNT(side_fields), reader, &item, 0, &round))
			vici_facts_pass(reader, &item);
	if (!*side->id)
		memcpy(side->id, round.id, sizeof(side->id));
	if (*round.certificates)
		vici_text_append(
			(struct vici_text){.data = round.certificates, .length = strlen(round.certificates)},
			side->certificates, sizeof(side->certificates));
	name = round.class;
	for (size_t i = 0; i < COUNT(classes); i++)
		if (!strcmp(classes[i].class, round.class))
			name = classes[i].name;
	if (*name) {
		size_t used = strlen(side->auth);

		snprintf(side->auth + used, sizeof(side->auth) - used, "%s%s", used ? "+" : "", name);
	}
}

static void read_child_config(struct vici_reader *reader, struct vici_text name, struct child_config *ret)
{
	struct vici_item item;

	vici_text_copy(name, ret->fact.name, sizeof(ret->fact.name));
	while (vici_facts_in_section(reader, &item))
		if (!vici_field_read(child_config_fields, COUNT(child_config_fields), reader, &item, 0, ret))
			vici_facts_pass(reader, &item);
	ret->fact.mode = vici_facts_mode(ret->mode);
}

static void read_child_configs(struct vici_reader *reader, const char *connection, uint32_t *children,
			       struct vici_facts *facts)
{
	struct vici_item item;

	while (vici_facts_in_section(reader, &item)) {
		struct child_config config = {0};
		struct fact_child_config *fact;

		if (item.type != VICI_SECTION_START) {
			vici_facts_pass(reader, &item);
			continue;
		}
		read_child_config(reader, item.name, &config);
		memcpy(config.fact.connection, connection, sizeof(config.fact.connection));
		++*children;
		fact = vici_facts_add((void **)&facts->child_configs, &facts->child_config_count,
				      &facts->child_config_room, sizeof(*fact), VICI_CHILD_CONFIGS_MOST,
				      &facts->omitted);
		if (fact)
			*fact = config.fact;
	}
}

static bool starts(struct vici_text text, const char *word)
{
	size_t length = strlen(word);

	return text.length >= length && !memcmp(text.data, word, length);
}

static void read_connection(struct vici_reader *reader, struct vici_facts *facts, struct connection *c)
{
	struct vici_item item;

	while (vici_facts_in_section(reader, &item)) {
		bool section = item.type == VICI_SECTION_START;

		if (section && vici_is(item.name, "children"))
			read_child_configs(reader, c->fact.name, &c->fact.child_count, facts);
		else if (section && starts(item.name, "local"))
			read_side(reader, &c->local);
		else if (section && starts(item.name, "remote"))
			read_side(reader, &c->remote);
		else if (!vici_field_read(connection_fields, COUNT(connection_fields), reader, &item, 0, c))
			vici_facts_pass(reader, &item);
	}
}

static void finish_connection(struct connection *c)
{
	struct fact_connection *fact = &c->fact;

	memcpy(fact->local_id, c->local.id, sizeof(fact->local_id));
	memcpy(fact->remote_id, c->remote.id, sizeof(fact->remote_id));
	memcpy(fact->certificates, c->local.certificates, sizeof(fact->certificates));
	if (!strcmp(c->local.auth, c->remote.auth) || !*c->remote.auth)
		snprintf(fact->auth, sizeof(fact->auth), "%s", c->local.auth);
	else
		snprintf(fact->auth, sizeof(fact->auth), "%s/%s", c->local.auth, c->remote.auth);
	if (!strcmp(c->version, "IKEv1"))
		fact->version = 1;
	else if (!strcmp(c->version, "IKEv2"))
		fact->version = 2;
	/* A list of one, which is an address and no name, range or "%any" */
	(void)vici_text_address((struct vici_text){fact->local_addresses, strlen(fact->local_addresses)},
				fact->local);
	(void)vici_text_address((struct vici_text){fact->remote_addresses, strlen(fact->remote_addresses)},
				fact->remote);
}

void vici_facts_connection(const struct vici_packet *packet, struct vici_facts *facts)
{
	struct vici_reader reader = vici_reader(packet->message, packet->size);
	struct vici_item item;

	while (vici_next(&reader, &item) > 0) {
		struct connection c = {0};
		struct fact_connection *fact;

		if (item.type != VICI_SECTION_START) {
			vici_facts_pass(&reader, &item);
			continue;
		}
		vici_text_copy(item.name, c.fact.name, sizeof(c.fact.name));
		read_connection(&reader, facts, &c);
		finish_connection(&c);
		fact = vici_facts_add((void **)&facts->connections, &facts->connection_count,
				      &facts->connection_room, sizeof(*fact), VICI_CONNECTIONS_MOST,
				      &facts->omitted);
		if (fact)
			*fact = c.fact;
	}
}

/* ---- certificates */

struct certificate {
	char type[16], flag[8];
	bool own;
};

static const struct vici_field certificate_fields[] = {
	VICI_FIELD("type", TEXT, struct certificate, type),
	VICI_FIELD("flag", TEXT, struct certificate, flag),
	VICI_FIELD("has_privkey", YES, struct certificate, own),
};

void vici_facts_certificate(const struct vici_packet *packet, struct vici_facts *facts)
{
	struct vici_reader reader = vici_reader(packet->message, packet->size);
	struct fact_certificate fact = {0}, *place;
	struct certificate c = {0};
	struct vici_text data = {0};
	struct vici_item item;

	while (vici_next(&reader, &item) > 0) {
		if (item.type == VICI_KEY_VALUE && vici_is(item.name, "data"))
			data = item.value;
		else if (!vici_field_read(certificate_fields, COUNT(certificate_fields), &reader, &item, 0,
					  &c))
			vici_facts_pass(&reader, &item);
	}
	fact.own = c.own;
	fact.ca = !strcmp(c.flag, "CA");
	if (strcmp(c.type, "X509") != 0 || x509_read((const uint8_t *)data.data, data.length, &fact))
		return;
	place = vici_facts_add((void **)&facts->certificates, &facts->certificate_count,
			       &facts->certificate_room, sizeof(*place), VICI_CERTIFICATES_MOST,
			       &facts->omitted);
	if (place)
		*place = fact;
}

void vici_facts_free_certificates(struct vici_facts *facts)
{
	free(facts->certificates);
	facts->certificates = NULL;
	facts->certificate_count = facts->certificate_room = 0;
}

void vici_facts_free_configs(struct vici_facts *facts)
{
	free(facts->connections);
	free(facts->child_configs);
	facts->connections = NULL;
	facts->child_configs = NULL;
	facts->connection_count = facts->connection_room = 0;
	facts->child_config_count = facts->child_config_room = 0;
}

void vici_facts_free_sas(struct vici_facts *facts)
{
	free(facts->ikes);
	free(facts->children);
	facts->ikes = NULL;
	facts->children = NULL;
	facts->ike_count = facts->ike_room = 0;
	facts->child_count = facts->child_room = 0;
}
