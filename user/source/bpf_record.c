// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bpf_record.c - the live source's part of the record: interfaces, their names, what was counted before
 */
#include "source/bpf_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "complain.h"
#include "espial.skel.h"

void live_counters_from(const struct layout_counters *from, struct state_counters *ret)
{
	ret->seen = from->seen;
	ret->bytes = from->bytes;
	memcpy(ret->cls, from->cls, sizeof(ret->cls));
	memcpy(ret->rejected, from->rejected, sizeof(ret->rejected));
}

static void counters_to(const struct state_counters *from, struct layout_counters *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->seen = from->seen;
	ret->bytes = from->bytes;
	memcpy(ret->cls, from->cls, sizeof(from->cls));
	memcpy(ret->rejected, from->rejected, sizeof(from->rejected));
}

void live_load_places(struct live *live, const struct pin_state *state, bool same)
{
	for (size_t i = 0; i < ESP_IF_SLOTS; i++) {
		const struct pin_place *from = &state->place[i];
		struct live_interface *place = &live->interface[i];

		memset(place, 0, sizeof(*place));
		attach_init(&place->attachment);
		place->used = from->used;
		place->present = from->present;
		place->named = from->named;
		place->ifindex = from->ifindex;
		place->since = from->since;
		memcpy(place->name, from->name, sizeof(place->name));
		memcpy(place->note, from->note, sizeof(place->note));
		for (int d = 0; d < 2 && same; d++)
			live_counters_from(&from->before[d], &place->before[d]);
	}
	live->departures = state->departures;
	live->name_count = state->name_count;
	memcpy(live->name, state->name, sizeof(live->name));
}

void live_save(struct live *live)
{
	struct pin_state *state;

	if (!live->record || !live->noted)
		return;
	state = pin_state_begin(live->record);
	memset(state, 0, sizeof(*state));
	state->pid = live->closing ? 0 : (uint32_t)getpid();
	state->hz = live->clock.hz;
	state->clock_offset = live->clock.offset;
	state->absorbed = live->absorbed;
	state->departures = live->departures;
	state->name_count = live->name_count;
	state->carried = live->carried;
	memcpy(state->name, live->name, sizeof(live->name));
	for (size_t i = 0; i < ESP_IF_SLOTS; i++) {
		const struct live_interface *place = &live->interface[i];
		const struct hook *hook[2] = {&place->attachment.in, &place->attachment.out};
		struct pin_place *to = &state->place[i];

		to->used = place->used;
		to->present = place->present;
		to->named = place->named;
		to->ifindex = place->ifindex;
		to->since = place->since;
		memcpy(to->name, place->name, sizeof(to->name));
		memcpy(to->note, place->note, sizeof(to->note));
		for (int d = 0; d < 2; d++) {
			to->kind[d] = (uint8_t)hook[d]->kind;
			to->prog_id[d] = hook[d]->prog_id;
			to->prog_tag[d] = hook[d]->prog_tag;
			counters_to(&place->before[d], &to->before[d]);
		}
	}
	pin_state_end(live->record);
}

int live_make_generation(struct live *live, char *error, size_t error_size)
{
	struct pin_record *first = calloc(1, sizeof(*first)), *record = NULL;
	int err = first ? pin_netns(first->netns) : -ENOMEM;

	if (!err) {
		first->abi = live->abi;
		first->sizes = live->sizes;
		first->layout = live->layout;
		if (live->record) {
			first->copy[0] = *pin_state(live->record);
			memset(&first->copy[0].carried, 0, sizeof(first->copy[0].carried));
			first->copy[0].absorbed = 0;
			for (size_t i = 0; i < ESP_IF_SLOTS; i++) {
				struct pin_place *place = &first->copy[0].place[i];

				memset(place->before, 0, sizeof(place->before));
				memset(place->prog_tag, 0, sizeof(place->prog_tag));
			}
		}
		first->copy[0].pid = (uint32_t)getpid();
		first->copy[0].hz = live->clock.hz;
		first->copy[0].clock_offset = live->clock.offset;
		err = pin_generation_make(live->pin, live->generation + 1, live->skel->obj, first, &record);
	}
	free(first);
	if (err)
		return complain(error, error_size, err, "%s: tables cannot be kept there: %s",
				pin_directory(live->pin), strerror(-err));
	pin_record_close(live->record);
	live->record = record;
	live->generation++;
	return 0;
}

/* ---- our own */

void live_keep_programs(struct live *live)
{
	const struct attach_programs programs = live_programs(live);

	if (live->pinned.xdp_in >= 0)
		return;
	live->record->code = 0;
	if (!pin_programs_make(live->pin, live->generation, &programs))
		__atomic_store_n(&live->record->code, live->code, __ATOMIC_RELEASE);
}
