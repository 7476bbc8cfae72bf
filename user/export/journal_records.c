// SPDX-License-Identifier: GPL-2.0-or-later
/* journal_records.c - what must survive the agent: the sums of tunnels, and how much of each SA is in them */
#include "export/journal_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/address.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* In the order of the columns. */
static const size_t counters[] = {
	offsetof(struct state_tunnel_counters, packets),
	offsetof(struct state_tunnel_counters, bytes),
	offsetof(struct state_tunnel_counters, received),
	offsetof(struct state_tunnel_counters, lost),
	offsetof(struct state_tunnel_counters, late),
	offsetof(struct state_tunnel_counters, duplicate),
	offsetof(struct state_tunnel_counters, too_old),
	offsetof(struct state_tunnel_counters, fragmented),
	offsetof(struct state_tunnel_counters, fragments_incomplete),
};
/* A counter that is added needs a column, by a step in journal_schema.c */
_Static_assert(sizeof(struct state_tunnel_counters) == COUNT(counters) * sizeof(uint64_t), "all of them");

void store_save_free(struct store_save *save)
{
	free(save->tunnels);
	free(save->sas);
	memset(save, 0, sizeof(*save));
}

/* ---- in */

/* 0 or SQLITE_NOMEM and the like; columns count from 1. */
struct binder {
	sqlite3_stmt *statement;
	int column, result;
};

static void bound(struct binder *b, int result)
{
	if (b->result == SQLITE_OK)
		b->result = result;
}

static void bind_number(struct binder *b, uint64_t value)
{
	bound(b, sqlite3_bind_int64(b->statement, ++b->column, (sqlite3_int64)value));
}

static void bind_text(struct binder *b, const char *text)
{
	bound(b, sqlite3_bind_text(b->statement, ++b->column, text, -1, SQLITE_STATIC));
}

static void bind_address(struct binder *b, const uint8_t address[16])
{
	char text[ADDRESS_TEXT];

	bound(b, sqlite3_bind_text(b->statement, ++b->column, address_text_known(address, text) ? text : "",
				   -1, SQLITE_TRANSIENT));
}

static void bind_counters(struct binder *b, const struct state_tunnel_counters *c)
{
	for (size_t i = 0; i < COUNT(counters); i++)
		bind_number(b, *(const uint64_t *)((const char *)c + counters[i]));
}

static int run(struct store *s, struct binder *b)
{
	int err = store_error(s, b->result != SQLITE_OK ? b->result : sqlite3_step(b->statement));

	sqlite3_reset(b->statement);
	sqlite3_clear_bindings(b->statement);
	return err;
}

static int add_tunnel(struct store *s, const struct tunnel_record *r)
{
	struct binder b = {.statement = s->statements[STORE_ADD_TUNNEL]},
		      kept = {.statement = s->statements[STORE_KEEP_TUNNEL]};
	int err;

	bind_text(&b, r->name);
	bind_address(&b, r->local);
	bind_address(&b, r->remote);
	bind_number(&b, r->since_ns);
	bind_number(&b, r->last_down_ns);
	bind_number(&b, r->flaps);
	bind_number(&b, r->rekeys);
	bind_number(&b, r->ike_rekeys);
	bind_number(&b, r->state);
	bind_text(&b, r->down_cause);
	bind_counters(&b, &r->in);
	bind_counters(&b, &r->out);
	err = run(s, &b);
	if (err)
		return err;
	bind_text(&kept, r->name);
	return run(s, &kept);
}

static void bind_sa_key(struct binder *b, const struct tunnel_sa_record *r)
{
	bind_address(b, r->destination);
	bind_number(b, r->spi);
	bind_number(b, r->protocol);
	bind_number(b, r->direction);
}

static int add_sa(struct store *s, const struct tunnel_sa_record *r)
{
	struct binder b = {.statement = s->statements[STORE_ADD_SA]},
		      kept = {.statement = s->statements[STORE_KEEP_SA]};
	int err;

	bind_sa_key(&b, r);
	bind_text(&b, r->tunnel);
	bind_number(&b, r->family);
	bind_number(&b, r->first_ns);
	bind_counters(&b, &r->counted);
	err = run(s, &b);
	if (err)
		return err;
	bind_sa_key(&kept, r);
	return run(s, &kept);
}

int store_replace_records(struct store *s, const struct store_save *save)
{
	int err = store_sql(s, "BEGIN IMMEDIATE");
	size_t i;

	if (err)
		return err;
	for (i = 0; !err && i < save->tunnel_count; i++)
		err = add_tunnel(s, &save->tunnels[i]);
	for (i = 0; !err && i < save->sa_count; i++)
		err = add_sa(s, &save->sas[i]);
	if (!err)
		err = store_sql(s,
				"DELETE FROM tunnels WHERE name NOT IN (SELECT name FROM temp.kept_tunnels);"
				"DELETE FROM sas WHERE (destination, spi, protocol, direction) NOT IN"
				" (SELECT destination, spi, protocol, direction FROM temp.kept_sas);"
				"DELETE FROM temp.kept_tunnels; DELETE FROM temp.kept_sas");
	if (!err)
		err = store_sql(s, "COMMIT");
	if (err && !sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

/* ---- out */

static uint64_t number(sqlite3_stmt *row, int *column)
{
	return (uint64_t)sqlite3_column_int64(row, (*column)++);
}

static void text(sqlite3_stmt *row, int *column, char *ret, size_t size)
{
	const char *value = (const char *)sqlite3_column_text(row, (*column)++);

	snprintf(ret, size, "%s", value ? value : "");
}

static void address(sqlite3_stmt *row, int *column, uint8_t ret[16])
{
	address_parse((const char *)sqlite3_column_text(row, (*column)++), ret);
}

static void read_counters(sqlite3_stmt *row, int *column, struct state_tunnel_counters *ret)
{
	for (size_t i = 0; i < COUNT(counters); i++)
		*(uint64_t *)((char *)ret + counters[i]) = number(row, column);
}

static void read_tunnel(sqlite3_stmt *row, struct tunnel_record *ret)
{
	int column = 0;

	memset(ret, 0, sizeof(*ret));
	text(row, &column, ret->name, sizeof(ret->name));
	address(row, &column, ret->local);
	address(row, &column, ret->remote);
	ret->since_ns = number(row, &column);
	ret->last_down_ns = number(row, &column);
	ret->flaps = number(row, &column);
	ret->rekeys = number(row, &column);
	ret->ike_rekeys = number(row, &column);
	ret->state = (uint32_t)number(row, &column);
	if (ret->state >= STATE_TUNNEL_STATES)
		ret->state = STATE_TUNNEL_DOWN;
	text(row, &column, ret->down_cause, sizeof(ret->down_cause));
	read_counters(row, &column, &ret->in);
	read_counters(row, &column, &ret->out);
}

static void read_sa(sqlite3_stmt *row, struct tunnel_sa_record *ret)
{
	int column = 0;

	memset(ret, 0, sizeof(*ret));
	address(row, &column, ret->destination);
	ret->spi = (uint32_t)number(row, &column);
	ret->protocol = (uint8_t)number(row, &column);
	ret->direction = (uint8_t)number(row, &column);
	text(row, &column, ret->tunnel, sizeof(ret->tunnel));
	ret->family = (uint8_t)number(row, &column);
	ret->first_ns = number(row, &column);
	read_counters(row, &column, &ret->counted);
}

/* Room for one more of `size` bytes. NULL: no memory. */
static void *grow(void *array, size_t count, size_t *room, size_t size)
{
	size_t more = *room ? 2 * *room : 64;
	void *grown;

	if (count < *room)
		return array;
	grown = reallocarray(array, more, size);
	if (grown)
		*room = more;
	return grown;
}

int store_save_add_tunnel(struct store_save *save, const struct tunnel_record *record)
{
	void *grown = grow(save->tunnels, save->tunnel_count, &save->tunnel_room, sizeof(*record));

	if (!grown)
		return -ENOMEM;
	save->tunnels = grown;
	save->tunnels[save->tunnel_count++] = *record;
	return 0;
}

int store_save_add_sa(struct store_save *save, const struct tunnel_sa_record *record)
{
	void *grown = grow(save->sas, save->sa_count, &save->sa_room, sizeof(*record));

	if (!grown)
		return -ENOMEM;
	save->sas = grown;
	save->sas[save->sa_count++] = *record;
	return 0;
}

int store_load_records(struct store *s, struct store_save *ret)
{
	static const char *const queries[] = {"SELECT * FROM tunnels", "SELECT * FROM sas"};
	struct store_save save = {0};
	struct tunnel_record tunnel;
	struct tunnel_sa_record sa;
	int err = 0, result;

	for (int i = 0; !err && i < 2; i++) {
		sqlite3_stmt *row = NULL;

		result = sqlite3_prepare_v2(s->db, queries[i], -1, &row, NULL);
		while (!err && (result == SQLITE_OK || result == SQLITE_ROW)) {
			result = sqlite3_step(row);
			if (result != SQLITE_ROW)
				break;
			if (i == 0) {
				read_tunnel(row, &tunnel);
				err = store_save_add_tunnel(&save, &tunnel);
			} else {
				read_sa(row, &sa);
				err = store_save_add_sa(&save, &sa);
			}
		}
		if (!err)
			err = store_error(s, result);
		sqlite3_finalize(row);
	}
	if (err)
		store_save_free(&save);
	else
		*ret = save;
	return err;
}
