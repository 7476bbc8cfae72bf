/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xfrm_index.h - items in an array without holes, and a hash index of them
 *
 * Open addressing, half full at most. The items are the owner's, who also tells their hash.
 */
#ifndef ESPIAL_SOURCE_XFRM_INDEX_H
#define ESPIAL_SOURCE_XFRM_INDEX_H

#include <stddef.h>
#include <stdint.h>

#define XFRM_INDEX_MOST (1U << 20) /* items */

struct xfrm_index {
	uint32_t *bucket; /* 1 + item; 0: empty */
	uint32_t *seen;	  /* per item: a mark of the owner's */
	uint32_t buckets; /* a power of two */
	uint32_t count, room;
};

typedef uint32_t (*xfrm_hash)(const void *items, uint32_t item);

/* Room for one item more. 0, -ENOMEM, or -ENOSPC when there are XFRM_INDEX_MOST. */
int xfrm_index_grow(struct xfrm_index *index, void **items, size_t size, xfrm_hash hash);
/* Enters an item that the owner has put into the array. */
void xfrm_index_put(struct xfrm_index *index, uint32_t hash, uint32_t item);
/* Takes one out; the last item takes its place in the array. */
void xfrm_index_remove(struct xfrm_index *index, void *items, size_t size, xfrm_hash hash, uint32_t item);
void xfrm_index_free(struct xfrm_index *index);

#endif
