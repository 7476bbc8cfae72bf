/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vici_facts_internal.h - what vici_facts.c and vici_sa.c share */
#ifndef ESPIAL_SOURCE_VICI_FACTS_INTERNAL_H
#define ESPIAL_SOURCE_VICI_FACTS_INTERNAL_H

#include "source/vici_facts.h"
#include "source/vici_field.h"

/* A zeroed element more at the end of a list; NULL: beyond `most` or no memory, and counted. */
void *vici_facts_add(void **list, size_t *count, size_t *room, size_t size, size_t most, uint64_t *omitted);

enum fact_mode vici_facts_mode(const char *mode);

/* The next element of a section; false: its end. */
bool vici_facts_in_section(struct vici_reader *reader, struct vici_item *ret);
/* Over what nobody wants: to its end, where it has one. */
void vici_facts_pass(struct vici_reader *reader, const struct vici_item *item);

#endif
