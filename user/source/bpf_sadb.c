/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/bpf_sadb.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "espial.skel.h"
#include "model/known.h"
#include "source/bpf_internal.h"
#include "source/xfrm_index.h"

#include "espial/table.h"

struct mirrored {
	struct esp_sa_key key; /* id of ESP_SADB_ID() */
	uint32_t users;	       /* SAs of the SADB with this key: they may differ in their marks */
	uint64_t since;	       /* in the datapath's clock */
};

#define SADB_GONE 1024 /* sets of those that were removed lately; a power of two */
#define SADB_GONE_WAYS 4

struct gone {
	struct esp_sa_key key;
	uint64_t since, until;
};

struct live_sadb {
	struct xfrm_index index;
	struct mirrored *sa;
	uint32_t removed; /* since the filter was made */
	struct gone gone[SADB_GONE][SADB_GONE_WAYS];
	bool full;
};

static uint32_t hash_key(const struct esp_sa_key *key)
{
	uint64_t hash = esp_sa_hash(key, 0);

	return (uint32_t)(hash ^ hash >> 32);
}

static uint32_t hash_of(const void *items, uint32_t item)
{
	return hash_key(&((const struct mirrored *)items)[item].key);
}

static struct mirrored *find(const struct live_sadb *sadb, const struct esp_sa_key *key)
{
	uint32_t mask = sadb->index.buckets - 1;

	if (!sadb->index.count)
		return NULL;
	for (uint32_t b = hash_key(key) & mask; sadb->index.bucket[b]; b = (b + 1) & mask) {
		struct mirrored *at = &sadb->sa[sadb->index.bucket[b] - 1];

		if (!memcmp(&at->key, key, sizeof(*key)))
			return at;
	}
	return NULL;
}

static bool key_of(const struct fact_sa *sa, struct esp_sa_key *ret)
{
	if (sa->protocol != IPPROTO_ESP && sa->protocol != IPPROTO_AH)
		return false;
	memcpy(ret->dst, sa->destination, sizeof(ret->dst));
	ret->id = ESP_SADB_ID(esp_sa_id(sa->spi, sa->protocol, sa->family, ESP_DIR_IN));
	return true;
}

static int in_sadb(void *arg, const struct esp_sa_key *key)
{
	const struct live *live = arg;

	return find(live->sadb, key) != NULL;
}

static int was_in_sadb(void *arg, const struct esp_sa_key *key, __u64 when)
{
	const struct live *live = arg;
	const struct gone *set = live->sadb->gone[hash_key(key) % SADB_GONE];
	const uint64_t grace = live->tables.cfg.grace;

	for (size_t i = 0; i < SADB_GONE_WAYS; i++)
		if (!memcmp(&set[i].key, key, sizeof(*key)) && when + grace >= set[i].since &&
		    when < set[i].until + grace)
			return 1;
	return 0;
}

static void remember(struct live_sadb *sadb, const struct mirrored *sa, uint64_t now)
{
	struct gone *set = sadb->gone[hash_key(&sa->key) % SADB_GONE], *oldest = set;

	for (size_t i = 1; i < SADB_GONE_WAYS; i++)
		if (set[i].until < oldest->until)
			oldest = &set[i];
	*oldest = (struct gone){.key = sa->key, .since = sa->since, .until = now};
}

/* ---- the filter: a bit for each direction. Bits of SAs that are gone stay until there are many */

static void mark(const struct live *live, const struct esp_sa_key *key, uint64_t *filter)
{
	for (enum esp_direction direction = ESP_DIR_IN; direction <= ESP_DIR_OUT; direction++) {
		struct esp_sa_key directed = *key;
		uint32_t bit;

		directed.id |= direction;
		bit = esp_filter_bit(esp_sa_hash(&directed, live->tables.cfg.seed));
		filter[bit / 64] |= 1ULL << (bit % 64);
	}
}

/* Word by word, since packets are looked up meanwhile: no bit that is needed is ever missing. */
static void renew_filter(struct live *live)
{
	uint64_t *filter = calloc(ESP_FILTER_WORDS, sizeof(*filter));

	if (!filter)
		return; /* the old one has bits too many, and is as good */
	for (uint32_t i = 0; i < live->sadb->index.count; i++)
		mark(live, &live->sadb->sa[i].key, filter);
	for (uint32_t i = 0; i < ESP_FILTER_WORDS; i++)
		ESP_WRITE(live->skel->bss->esp_sadb_filter[i], filter[i]);
	free(filter);
	live->sadb->removed = 0;
}

/* ---- */

/* What an agent before us has left in tables that we took over is not ours to trust. */
static int begin(struct live *live)
{
	int map = bpf_map__fd(live->skel->maps.esp_sadb);
	struct esp_sa_key key;

	if (live->sadb)
		return 0;
	live->sadb = calloc(1, sizeof(*live->sadb));
	if (!live->sadb)
		return -ENOMEM;
	ESP_WRITE(live->skel->bss->esp_sadb_kept, 0);
	while (!bpf_map_get_next_key(map, NULL, &key))
		if (bpf_map_delete_elem(map, &key))
			break;
	renew_filter(live);
	return 0;
}

static void change(struct live *live, const struct esp_sa_key *key, uint64_t now, bool in)
{
	if (live->tables.in_sadb)
		known_change(&live->tables, key, now, in);
}

static int add(struct live *live, const struct esp_sa_key *key)
{
	struct live_sadb *sadb = live->sadb;
	struct esp_clock now;
	int err = xfrm_index_grow(&sadb->index, (void **)&sadb->sa, sizeof(*sadb->sa), hash_of);

	if (!err)
		err = live_clock_read(live, &now);
	if (err)
		return err;
	if (bpf_map_update_elem(bpf_map__fd(live->skel->maps.esp_sadb), key, &now.monotonic, BPF_ANY))
		return errno == E2BIG ? -ENOSPC : -errno;
	sadb->sa[sadb->index.count] = (struct mirrored){.key = *key, .users = 1, .since = now.jiffies};
	xfrm_index_put(&sadb->index, hash_key(key), sadb->index.count++);
	mark(live, key, (uint64_t *)live->skel->bss->esp_sadb_filter);
	change(live, key, now.jiffies, true);
	return 0;
}

int live_sadb_add(struct live *live, const struct fact_sa *sa)
{
	struct esp_sa_key key;
	struct mirrored *at;
	int err;

	if (!key_of(sa, &key))
		return 0;
	err = begin(live);
	if (err)
		return err;
	at = find(live->sadb, &key);
	if (at) {
		at->users++;
		return 0;
	}
	err = add(live, &key);
	if (err && !live->sadb->full) {
		live->sadb->full =
			true; /* from here on something may be missing: nothing can be called unknown */
		(void)live_sadb_keep(live, false);
		live_say(live,
			 "SADB: %u SAs mirrored, no room for more: unknown SPIs are not told: raise "
			 "sa-capacity",
			 live->sadb->index.count);
	}
	return err;
}

void live_sadb_remove(struct live *live, const struct fact_sa *sa)
{
	struct esp_clock now = {.jiffies = 0};
	struct live_sadb *sadb = live->sadb;
	struct esp_sa_key key;
	struct mirrored *at;

	if (!key_of(sa, &key) || !sadb)
		return;
	at = find(sadb, &key);
	if (!at || --at->users)
		return;
	(void)live_clock_read(live, &now);
	remember(sadb, at, now.jiffies);
	(void)bpf_map_delete_elem(bpf_map__fd(live->skel->maps.esp_sadb), &key);
	xfrm_index_remove(&sadb->index, sadb->sa, sizeof(*at), hash_of, (uint32_t)(at - sadb->sa));
	if (++sadb->removed > 64 + sadb->index.count / 2)
		renew_filter(live);
	change(live, &key, now.jiffies, false);
}

int live_sadb_keep(struct live *live, bool keep)
{
	int err = begin(live);

	if (err)
		return err;
	if (keep && live->sadb->full)
		return -ENOSPC;
	if (keep == (live->tables.in_sadb != NULL))
		return 0;
	live->tables.in_sadb = keep ? in_sadb : NULL;
	live->tables.was_in_sadb = keep ? was_in_sadb : NULL;
	live->tables.in_sadb_arg = live;
	ESP_WRITE(live->skel->bss->esp_sadb_kept, keep);
	return live_sadb_tick(live);
}

int live_sadb_tick(struct live *live)
{
	struct esp_clock now;
	int err = live_clock_read(live, &now);

	if (!err)
		known_sweep(&live->tables, now.jiffies);
	return err;
}

size_t live_sadb_count(const struct live *live)
{
	return live->sadb ? live->sadb->index.count : 0;
}

void live_sadb_free(struct live *live)
{
	if (!live->sadb)
		return;
	live->tables.in_sadb = NULL;
	live->tables.was_in_sadb = NULL;
	xfrm_index_free(&live->sadb->index);
	free(live->sadb->sa);
	free(live->sadb);
	live->sadb = NULL;
}
