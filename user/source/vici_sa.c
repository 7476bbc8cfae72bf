// SPDX-License-Identifier: GPL-2.0-or-later
/* vici_sa.c - IKE and child SAs out of list-sa and the events, which have the same sections */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "source/vici_facts.h"
#include "source/vici_facts_internal.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct suite {
	char encryption[40], encryption_bits[8], integrity[40], prf[40], group[40];
};

struct ike {
	struct fact_ike fact;
	struct suite suite;
	char state[16];
};

struct child {
	struct fact_child fact;
	struct suite suite;
	char state[16], mode[24], protocol[8];
};

#define SUITE_FIELDS(type)                                                                                   \
	VICI_FIELD("encr-alg", TEXT, type, suite.encryption),                                                \
		VICI_FIELD("encr-keysize", TEXT, type, suite.encryption_bits),                               \
		VICI_FIELD("integ-alg", TEXT, type, suite.integrity),                                        \
		VICI_FIELD("prf-alg", TEXT, type, suite.prf),                                                \
		VICI_FIELD("dh-group", TEXT, type, suite.group)

static const struct vici_field ike_fields[] = {
	VICI_FIELD("uniqueid", NUMBER, struct ike, fact.unique_id),
	VICI_FIELD("version", NUMBER, struct ike, fact.version),
	VICI_FIELD("state", TEXT, struct ike, state),
	VICI_FIELD("local-host", ADDRESS, struct ike, fact.local),
	VICI_FIELD("local-port", NUMBER, struct ike, fact.local_port),
	VICI_FIELD("local-id", TEXT, struct ike, fact.local_id),
	VICI_FIELD("remote-host", ADDRESS, struct ike, fact.remote),
	VICI_FIELD("remote-port", NUMBER, struct ike, fact.remote_port),
	VICI_FIELD("remote-id", TEXT, struct ike, fact.remote_id),
	VICI_FIELD("initiator", YES, struct ike, fact.initiator),
	VICI_FIELD("initiator-spi", HEX, struct ike, fact.initiator_spi),
	VICI_FIELD("responder-spi", HEX, struct ike, fact.responder_spi),
	VICI_FIELD("nat-local", YES, struct ike, fact.nat_local),
	VICI_FIELD("nat-remote", YES, struct ike, fact.nat_remote),
	VICI_FIELD("nat-any", YES, struct ike, fact.nat_any),
	VICI_FIELD("established", PAST, struct ike, fact.established_ns),
	VICI_FIELD("rekey-time", FUTURE, struct ike, fact.rekey_ns),
	VICI_FIELD("reauth-time", FUTURE, struct ike, fact.reauth_ns),
	SUITE_FIELDS(struct ike),
};

static const struct vici_field child_fields[] = {
	VICI_FIELD("name", TEXT, struct child, fact.name),
	VICI_FIELD("uniqueid", NUMBER, struct child, fact.unique_id),
	VICI_FIELD("reqid", NUMBER, struct child, fact.reqid),
	VICI_FIELD("state", TEXT, struct child, state),
	VICI_FIELD("mode", TEXT, struct child, mode),
	VICI_FIELD("protocol", TEXT, struct child, protocol),
	VICI_FIELD("encap", YES, struct child, fact.encapsulated),
	VICI_FIELD("if-id-in", HEX, struct child, fact.if_id_in),
	VICI_FIELD("if-id-out", HEX, struct child, fact.if_id_out),
	VICI_FIELD("spi-in", HEX, struct child, fact.spi_in),
	VICI_FIELD("spi-out", HEX, struct child, fact.spi_out),
	VICI_FIELD("cpi-in", HEX, struct child, fact.cpi_in),
	VICI_FIELD("cpi-out", HEX, struct child, fact.cpi_out),
	VICI_FIELD("esn", YES, struct child, fact.esn),
	VICI_FIELD("bytes-in", NUMBER, struct child, fact.bytes_in),
	VICI_FIELD("packets-in", NUMBER, struct child, fact.packets_in),
	VICI_FIELD("bytes-out", NUMBER, struct child, fact.bytes_out),
	VICI_FIELD("packets-out", NUMBER, struct child, fact.packets_out),
	VICI_FIELD("install-time", PAST, struct child, fact.installed_ns),
	VICI_FIELD("rekey-time", FUTURE, struct child, fact.rekey_ns),
	VICI_FIELD("life-time", FUTURE, struct child, fact.expires_ns),
	VICI_FIELD("local-ts", LIST, struct child, fact.local_ts),
	VICI_FIELD("remote-ts", LIST, struct child, fact.remote_ts),
	SUITE_FIELDS(struct child),
};

/* charon's names; those of states in between are told as the one that people act on. */
static const struct {
	const char *name;
	enum fact_ike_state state;
} ike_states[] = {
	{"CREATED", FACT_IKE_CONNECTING},      {"CONNECTING", FACT_IKE_CONNECTING},
	{"ESTABLISHED", FACT_IKE_ESTABLISHED}, {"PASSIVE", FACT_IKE_ESTABLISHED},
	{"REKEYING", FACT_IKE_REKEYING},       {"REKEYED", FACT_IKE_DELETING},
	{"DELETING", FACT_IKE_DELETING},       {"DESTROYING", FACT_IKE_DELETING},
};

static const struct {
	const char *name;
	enum fact_child_state state;
} child_states[] = {
	{"CREATED", FACT_CHILD_INSTALLING},  {"INSTALLING", FACT_CHILD_INSTALLING},
	{"RETRYING", FACT_CHILD_INSTALLING}, {"INSTALLED", FACT_CHILD_INSTALLED},
	{"UPDATING", FACT_CHILD_INSTALLED},  {"REKEYING", FACT_CHILD_REKEYING},
	{"REKEYED", FACT_CHILD_REKEYED},     {"DELETING", FACT_CHILD_DELETING},
	{"DELETED", FACT_CHILD_DELETING},    {"DESTROYING", FACT_CHILD_DELETING},
};

static void add_part(char *list, size_t size, const char *part, const char *bits)
{
	size_t used = strlen(list);

	if (*part)
		snprintf(list + used, size - used, "%s%s%s%s", used ? "/" : "", part, *bits ? "_" : "", bits);
}

static void write_suite(const struct suite *suite, bool esn, char *ret, size_t size)
{
	*ret = 0;
	add_part(ret, size, suite->encryption, suite->encryption_bits);
	add_part(ret, size, suite->integrity, "");
	add_part(ret, size, suite->prf, "");
	add_part(ret, size, suite->group, "");
	if (esn)
		add_part(ret, size, "ESN", "");
}

static void finish_ike(struct ike *ike)
{
	for (size_t i = 0; i < COUNT(ike_states); i++)
		if (!strcmp(ike_states[i].name, ike->state))
			ike->fact.state = ike_states[i].state;
	write_suite(&ike->suite, false, ike->fact.suite, sizeof(ike->fact.suite));
}

static void finish_child(struct child *child)
{
	for (size_t i = 0; i < COUNT(child_states); i++)
		if (!strcmp(child_states[i].name, child->state))
			child->fact.state = child_states[i].state;
	if (!strcmp(child->protocol, "ESP"))
		child->fact.protocol = IPPROTO_ESP;
	else if (!strcmp(child->protocol, "AH"))
		child->fact.protocol = IPPROTO_AH;
	child->fact.mode = vici_facts_mode(child->mode);
	write_suite(&child->suite, child->fact.esn, child->fact.suite, sizeof(child->fact.suite));
}

/* What comes out of one section named after a connection. */
struct sink {
	uint64_t now_ns;
	struct vici_facts *facts;	      /* a listing: its children; or NULL */
	struct fact_child *child, *old_child; /* an event's */
};

static void read_child(struct vici_reader *reader, struct vici_text name, const struct sink *sink);

/* The fields of a child, and of those it consists of when one replaces another. */
static void read_child_fields(struct vici_reader *reader, const struct sink *sink, struct child *child,
			      bool *ret_pair)
{
	struct vici_item item;

	while (vici_facts_in_section(reader, &item)) {
		bool section = item.type == VICI_SECTION_START;

		if (section && ret_pair && (vici_is(item.name, "old") || vici_is(item.name, "new"))) {
			struct sink half = *sink;

			*ret_pair = true;
			if (vici_is(item.name, "old"))
				half.child = half.old_child;
			half.old_child = NULL;
			read_child(reader, item.name, &half);
		} else if (!vici_field_read(child_fields, COUNT(child_fields), reader, &item, sink->now_ns,
					    child)) {
			vici_facts_pass(reader, &item);
		}
	}
}

static void read_child(struct vici_reader *reader, struct vici_text name, const struct sink *sink)
{
	struct child child = {0};
	bool pair = false;

	vici_text_copy(name, child.fact.name, sizeof(child.fact.name));
	/* Halves have no halves: `old_child` is given where they may be. */
	read_child_fields(reader, sink, &child, sink->old_child ? &pair : NULL);
	if (pair)
		return;
	finish_child(&child);
	if (sink->facts) {
		struct vici_facts *f = sink->facts;
		struct fact_child *fact =
			vici_facts_add((void **)&f->children, &f->child_count, &f->child_room, sizeof(*fact),
				       VICI_CHILDREN_MOST, &f->omitted);

		if (fact)
			*fact = child.fact;
	} else if (sink->child) {
		*sink->child = child.fact;
	}
}

static void read_children(struct vici_reader *reader, const struct sink *sink)
{
	struct vici_item item;

	while (vici_facts_in_section(reader, &item)) {
		if (item.type == VICI_SECTION_START)
			read_child(reader, item.name, sink);
		else
			vici_facts_pass(reader, &item);
	}
}

/* The section of an IKE SA. `old`: where that of a rekeying may stand, or NULL. */
static void read_ike(struct vici_reader *reader, struct vici_text connection, const struct sink *sink,
		     struct fact_ike *ret, struct fact_ike *old)
{
	struct ike ike = {0};
	struct vici_item item;
	bool pair = false;

	/* What charon calls so is none yet: a responder's, until it knows who asks */
	if (!vici_is(connection, "(unnamed)"))
		vici_text_copy(connection, ike.fact.connection, sizeof(ike.fact.connection));
	while (vici_facts_in_section(reader, &item)) {
		bool section = item.type == VICI_SECTION_START;

		if (section && vici_is(item.name, "child-sas")) {
			read_children(reader, sink);
		} else if (section && old && (vici_is(item.name, "old") || vici_is(item.name, "new"))) {
			pair = true;
			read_ike(reader, connection, sink, vici_is(item.name, "old") ? old : ret, NULL);
		} else if (!vici_field_read(ike_fields, COUNT(ike_fields), reader, &item, sink->now_ns,
					    &ike)) {
			vici_facts_pass(reader, &item);
		}
	}
	if (pair)
		return;
	finish_ike(&ike);
	*ret = ike.fact;
}

static void name_child(struct fact_child *child, const struct fact_ike *ike)
{
	memcpy(child->connection, ike->connection, sizeof(child->connection));
	child->ike_unique_id = ike->unique_id;
}

void vici_facts_sa(const struct vici_packet *packet, uint64_t now_ns, struct vici_facts *facts)
{
	struct vici_reader reader = vici_reader(packet->message, packet->size);
	const struct sink sink = {.now_ns = now_ns, .facts = facts};
	struct vici_item item;

	while (vici_next(&reader, &item) > 0) {
		size_t first = facts->child_count;
		struct fact_ike ike = {0}, *fact;

		if (item.type != VICI_SECTION_START) {
			vici_facts_pass(&reader, &item);
			continue;
		}
		read_ike(&reader, item.name, &sink, &ike, NULL);
		for (size_t i = first; i < facts->child_count; i++)
			name_child(&facts->children[i], &ike);
		fact = vici_facts_add((void **)&facts->ikes, &facts->ike_count, &facts->ike_room,
				      sizeof(*fact), VICI_IKES_MOST, &facts->omitted);
		if (fact)
			*fact = ike;
	}
}

/* ---- events */

const char *const vici_event_names[] = {
	"ike-updown",  "ike-rekey", "ike-update", "child-updown",
	"child-rekey", "list-conn", "list-cert",  "list-sa",
};
const size_t vici_event_name_count = COUNT(vici_event_names);

static const struct {
	const char *name;
	enum vici_event_kind down, up; /* the same: no matter of up and down */
} events[] = {
	{"ike-updown", VICI_IKE_DOWN, VICI_IKE_UP},	     {"ike-rekey", VICI_IKE_REKEY, VICI_IKE_REKEY},
	{"ike-update", VICI_IKE_UPDATE, VICI_IKE_UPDATE},    {"child-updown", VICI_CHILD_DOWN, VICI_CHILD_UP},
	{"child-rekey", VICI_CHILD_REKEY, VICI_CHILD_REKEY},
};

/* ike-update tells where the ends are now beside the SA, which is as it was before. */
static void move_ends(const struct fact_ike *ends, struct vici_event *event)
{
	static const uint8_t unknown[16];

	event->old_ike = event->ike;
	if (memcmp(ends->local, unknown, sizeof(unknown))) {
		memcpy(event->ike.local, ends->local, sizeof(ends->local));
		event->ike.local_port = ends->local_port;
	}
	if (memcmp(ends->remote, unknown, sizeof(unknown))) {
		memcpy(event->ike.remote, ends->remote, sizeof(ends->remote));
		event->ike.remote_port = ends->remote_port;
	}
}

int vici_facts_event(const struct vici_packet *packet, uint64_t now_ns, struct vici_event *ret)
{
	struct vici_reader reader = vici_reader(packet->message, packet->size);
	const struct sink sink = {.now_ns = now_ns, .child = &ret->child, .old_child = &ret->old_child};
	bool up = false, found = false;
	struct ike moved = {0};
	struct vici_item item;
	size_t i;

	for (i = 0; i < COUNT(events) && !vici_is(packet->name, events[i].name); i++)
		;
	if (i == COUNT(events))
		return -ENOENT;
	memset(ret, 0, sizeof(*ret));
	ret->time_ns = now_ns;
	ret->origin = ret->why = "";
	while (vici_next(&reader, &item) > 0) {
		if (item.type == VICI_KEY_VALUE && vici_is(item.name, "up")) {
			up = vici_is(item.value, "yes");
		} else if (item.type == VICI_SECTION_START && !found) {
			found = true;
			read_ike(&reader, item.name, &sink, &ret->ike, &ret->old_ike);
		} else if (!vici_field_read(ike_fields, COUNT(ike_fields), &reader, &item, now_ns, &moved)) {
			vici_facts_pass(&reader, &item);
		}
	}
	ret->kind = up ? events[i].up : events[i].down;
	if (ret->kind == VICI_IKE_UPDATE)
		move_ends(&moved.fact, ret);
	if (*ret->child.name)
		name_child(&ret->child, &ret->ike);
	if (*ret->old_child.name)
		name_child(&ret->old_child, &ret->ike);
	return found ? 0 : -ENOENT;
}
