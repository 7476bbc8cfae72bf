/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/xfrm_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The bucket where `item` is, which is in the index. */
static uint32_t bucket_of(const struct xfrm_index *index, uint32_t hash, uint32_t item)
{
	uint32_t bucket = hash & (index->buckets - 1);

	while (index->bucket[bucket] != item + 1)
		bucket = (bucket + 1) & (index->buckets - 1);
	return bucket;
}

void xfrm_index_put(struct xfrm_index *index, uint32_t hash, uint32_t item)
{
	uint32_t bucket = hash & (index->buckets - 1);

	while (index->bucket[bucket])
		bucket = (bucket + 1) & (index->buckets - 1);
	index->bucket[bucket] = item + 1;
}

/* Empties a bucket and moves up what stood behind it because of it. */
static void index_drop(struct xfrm_index *index, uint32_t bucket, const void *items, xfrm_hash hash)
{
	uint32_t mask = index->buckets - 1, next = bucket;

	for (;;) {
		uint32_t home;

		index->bucket[bucket] = 0;
		do {
			next = (next + 1) & mask;
			if (!index->bucket[next])
				return;
			home = hash(items, index->bucket[next] - 1) & mask;
		} while (((next - home) & mask) < ((next - bucket) & mask));
		index->bucket[bucket] = index->bucket[next];
		bucket = next;
	}
}

int xfrm_index_grow(struct xfrm_index *index, void **items, size_t size, xfrm_hash hash)
{
	uint32_t room = index->room ? index->room * 2 : 64;
	uint32_t *bucket, *seen;
	void *grown;

	if (index->count < index->room)
		return 0;
	if (index->room >= XFRM_INDEX_MOST)
		return -ENOSPC;
	grown = realloc(*items, room * size);
	if (!grown)
		return -ENOMEM;
	*items = grown;
	seen = realloc(index->seen, room * sizeof(*seen));
	if (!seen)
		return -ENOMEM;
	index->seen = seen;
	bucket = calloc(room * 2UL, sizeof(*bucket));
	if (!bucket)
		return -ENOMEM;
	free(index->bucket);
	index->bucket = bucket;
	index->buckets = room * 2;
	index->room = room;
	for (uint32_t i = 0; i < index->count; i++)
		xfrm_index_put(index, hash(*items, i), i);
	return 0;
}

/* The last item takes the place of `item`. */
void xfrm_index_remove(struct xfrm_index *index, void *items, size_t size, xfrm_hash hash, uint32_t item)
{
	uint32_t last = index->count - 1;
	char *at = items;

	index_drop(index, bucket_of(index, hash(items, item), item), items, hash);
	if (item != last) {
		index->bucket[bucket_of(index, hash(items, last), last)] = item + 1;
		memcpy(at + item * size, at + last * size, size);
		index->seen[item] = index->seen[last];
	}
	index->count--;
}

void xfrm_index_free(struct xfrm_index *index)
{
	free(index->bucket);
	free(index->seen);
	memset(index, 0, sizeof(*index));
}
