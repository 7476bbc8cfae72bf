// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bpf_adopt.c - what outlives the agent: taken over at the start, noted while it runs
 *
 * Links and tables that an earlier agent pinned go on counting without one. When the tables are such as this agent would make, it
 * goes on with them, and what hangs on the interfaces stays as it is. Otherwise it makes its own (a new generation),
 * has its programs take the place of the others in the links, and then adds up what the old tables hold: at any
 * moment each packet is counted in one of the two.
 */
#include "source/bpf_internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "complain.h"
#include "espial.skel.h"
#include "source/bpf_sadb.h"

/* ---- the directory */

/* Does any link that is pinned there still hang on a device, of whatever namespace? */
static bool has_live_links(const struct pin *pin)
{
	DIR *stream = opendir(pin_links(pin));
	const struct dirent *entry;
	bool alive = false;

	while (stream && !alive && (entry = readdir(stream))) {
		struct bpf_link_info info = {};
		uint32_t length = sizeof(info);
		char path[PIN_PATH + sizeof(entry->d_name)];
		int fd;

		snprintf(path, sizeof(path), "%s/%s", pin_links(pin), entry->d_name);
		fd = entry->d_name[0] == '.' ? -1 : bpf_obj_get(path);
		if (fd < 0)
			continue;
		alive = !bpf_obj_get_info_by_fd(fd, &info, &length) && info.xdp.ifindex;
		close(fd);
	}
	if (stream)
		closedir(stream);
	return alive;
}

/* The newest generation with a record that we can read, which is to be taken over. */
static int find_record(struct live *live, char *error, size_t error_size)
{
	uint32_t generation[PIN_GENERATIONS];
	size_t count = pin_generations(live->pin, generation);
	uint64_t netns[2];
	int err;

	live->generation = count ? generation[count - 1] : 0;
	if (!count)
		return 0;
	live->found = true;
	err = pin_record_open(live->pin, live->generation, &live->record);
	if (err) {
		live_say(live,
			 "%s: what is kept there cannot be read (%s): it is of another version; counters "
			 "start at 0",
			 pin_directory(live->pin), strerror(-err));
		return 0;
	}
	if (!pin_netns(netns) && memcmp(netns, live->record->netns, sizeof(netns))) {
		if (has_live_links(live->pin))
			return complain(error, error_size, -EBUSY,
					"%s: what is kept there is of another network namespace: choose "
					"another with --bpffs, or remove it there: `espial detach`",
					pin_directory(live->pin));
		pin_record_close(live->record);
		live->record = NULL;
		return 0;
	}
	pin_record_claim(live->record);
	return 0;
}

/* Nothing can be kept, which is no reason not to work. */
static void go_on_without(struct live *live, const char *why)
{
	live_say(live, "%s (until then counters start at 0 at each start)", why);
	live_pins_close(live, false);
	live->keep = false;
}

int live_pins_open(struct live *live, const struct live_options *options, char *error, size_t error_size)
{
	bool wish = options->keep == LIVE_KEEP_YES;
	int err;

	if (!options->bpffs || !*options->bpffs)
		return 0;
	err = pin_open(options->bpffs, wish, &live->pin, error, error_size);
	if (!err)
		err = find_record(live, error, error_size);
	if (err == -EBUSY)
		return err;
	if (err) {
		if (wish)
			go_on_without(live, error);
		*error = 0;
		return 0;
	}
	if (!wish && !live->generation) {
		pin_close(live->pin);
		live->pin = NULL;
		return 0;
	}
	live->keep = options->keep != LIVE_KEEP_NO;
	if (live->record) {
		const struct pin_state *state = pin_state(live->record);

		/* The clocks' anchor stays what it was, so that times of SAs do not move by a tick. */
		live->clock = (struct live_clock){.hz = state->hz, .offset = state->clock_offset};
	}
	return 0;
}

/* ---- tables */

bool live_pins_fit(struct live *live, uint64_t salt)
{
	struct espial_bpf__rodata constants;
	size_t elf_size;
	const void *elf = espial_bpf__elf_bytes(&elf_size);

	memcpy(&constants, (const void *)live->skel->rodata, sizeof(constants));
	memset((char *)&constants.esp_config + offsetof(struct esp_config, seed), 0,
	       sizeof(constants.esp_config.seed));
	layout_of(&live->tables.cfg, &live->layout);
	live->code = pin_hash_code(elf, elf_size);
	live->abi = pin_hash_abi(live->skel->obj, &live->layout) ^ salt;
	live->sizes = pin_hash_sizes(live->skel->obj, &constants, sizeof(constants));
	return live->record && live->record->abi == live->abi && live->record->sizes == live->sizes;
}

void live_pins_programs(struct live *live)
{
	if (live->record->code != live->code || live->without & LIVE_WITHOUT_SAME ||
	    pin_programs_open(live->pin, live->generation, &live->pinned))
		return;
	bpf_program__set_autoload(live->skel->progs.esp_xdp_in, false);
	bpf_program__set_autoload(live->skel->progs.esp_tc_in, false);
	bpf_program__set_autoload(live->skel->progs.esp_tc_out, false);
}

/* ---- interfaces */

static void tell_if_new(struct live *live, const struct live_interface *place, enum esp_link link)
{
	const struct esp_if_config *told = &live->skel->bss->esp_if[place->ifindex % ESP_IF_HASH];
	size_t slot = (size_t)(place - live->interface);

	if (told->ifindex != place->ifindex || told->slot != slot || told->link != link)
		live_tell(live, place->ifindex, place, link);
}

static void give_up(struct live *live, struct live_interface *place)
{
	attach_remove(&place->attachment, false);
	hook_unpin(pin_links(live->pin), place->ifindex, false);
	hook_unpin(pin_links(live->pin), place->ifindex, true);
	place->present = false;
	place->since = ++live->departures;
	snprintf(place->note, sizeof(place->note), "gone");
	live_say(live, "%s: gone since; its counters are kept", place->name);
}

static void adopt_place(struct live *live, struct live_interface *place, const struct pin_place *from)
{
	const struct link *link = links_find(live->links, place->ifindex);
	struct attachment before;
	struct attach_programs programs = live_programs(live);
	struct attach_request request;
	int err;

	attach_init(&before);
	before.in.kind = (enum hook_kind)from->kind[0];
	before.in.prog_id = from->prog_id[0];
	before.in.prog_tag = live->without & LIVE_WITHOUT_SAME ? 0 : from->prog_tag[0];
	before.out.kind = (enum hook_kind)from->kind[1];
	before.out.prog_id = from->prog_id[1];
	before.out.prog_tag = live->without & LIVE_WITHOUT_SAME ? 0 : from->prog_tag[1];
	memcpy(before.note, from->note, sizeof(before.note));
	if (!link) {
		give_up(live, place);
		return;
	}
	request = live_request(live, link);
	tell_if_new(live, place, live_link_type(link));
	err = attach_adopt(&programs, &request, &before, &place->attachment);
	/* Nothing of ours on it: another device that has the index now. */
	if (place->attachment.in.kind == HOOK_NONE && place->attachment.out.kind == HOOK_NONE) {
		give_up(live, place);
		return;
	}
	place->serial = link->serial;
	place->up = link->up;
	place->mtu = link->mtu;
	place->retry = err || !attach_suits(&place->attachment, &request);
	live_say(live, "%s: taken over, in by %s, out by %s%s%s%s", place->name,
		 hook_name(place->attachment.in.kind), hook_name(place->attachment.out.kind),
		 *place->note ? ": " : "", place->note,
		 err		? ": not whole, attaching again"
		 : place->retry ? ": not as asked for now, attaching again"
				: "");
}

/* Entries of the datapath's that no place has: of an agent that was killed half-way. */
static void forget_others(struct live *live)
{
	for (size_t i = 0; i < ESP_IF_HASH; i++) {
		uint32_t ifindex = live->skel->bss->esp_if[i].ifindex;
		bool known = !ifindex;

		for (size_t j = 0; j < ESP_IF_SLOTS && !known; j++)
			known = live->interface[j].present && live->interface[j].ifindex == ifindex;
		if (!known)
			live_tell(live, ifindex, NULL, ESP_LINK_UNKNOWN);
	}
}

/* Links that are pinned for no interface of ours. */
static void remove_stray_pins(struct live *live)
{
	DIR *stream = opendir(pin_links(live->pin));
	const struct dirent *entry;

	while (stream && (entry = readdir(stream))) {
		bool known = entry->d_name[0] == '.';
		char path[PIN_PATH + sizeof(entry->d_name)];
		uint32_t ifindex = 0;

		if (sscanf(entry->d_name, "in-%u", &ifindex) != 1)
			(void)sscanf(entry->d_name, "out-%u", &ifindex);
		for (size_t i = 0; i < ESP_IF_SLOTS && !known; i++)
			known = live->interface[i].present && live->interface[i].ifindex == ifindex;
		snprintf(path, sizeof(path), "%s/%s", pin_links(live->pin), entry->d_name);
		if (!known)
			(void)unlink(path);
	}
	if (stream)
		closedir(stream);
}

/* ---- all together */

static void say_taken(const struct live *live, bool same)
{
	if (same)
		live_say(live, "%s: taken over, counting went on%s", pin_directory(live->pin),
			 live->keep ? "" : "; it is removed at the end");
	else
		live_say(live,
			 "%s: taken over into new tables, since version, sizes or ports differ: sums go on, "
			 "SAs begin anew",
			 pin_directory(live->pin));
}

int live_adopt(struct live *live, bool same, char *error, size_t error_size)
{
	struct pin_state *state = NULL;
	int err = 0;

	if (!live->pin)
		return 0;
	if (live->record) {
		state = malloc(sizeof(*state));
		if (!state)
			return complain(error, error_size, -ENOMEM, "kept state: out of memory");
		*state = *pin_state(live->record);
		live_load_places(live, state, same);
		say_taken(live, same);
	}
	if (same && state) {
		live->carried = state->carried;
		live->absorbed = state->absorbed;
	} else {
		err = live_make_generation(live, error, error_size);
		if (err && !live->found) {
			go_on_without(live, error);
			*error = 0;
			return 0;
		}
		for (size_t i = 0; i < ESP_IF_SLOTS && state; i++)
			memset(state->place[i].prog_tag, 0, sizeof(state->place[i].prog_tag));
	}
	live->noted = !err;
	for (size_t i = 0; i < ESP_IF_SLOTS && state && !err; i++)
		if (live->interface[i].present)
			adopt_place(live, &live->interface[i], &state->place[i]);
	free(state);
	if (err)
		return err;
	/* Whoever kept it has gone: what is not in there means nothing until somebody does again. */
	(void)live_sadb_keep(live, false);
	live_keep_programs(live);
	forget_others(live);
	remove_stray_pins(live);
	live_save(live);
	live_absorb_all(live);
	return 0;
}

void live_pins_close(struct live *live, bool stay)
{
	if (!live->pin)
		return;
	if (!stay)
		pin_remove(live->pin);
	pin_record_close(live->record);
	pin_close(live->pin);
	live->record = NULL;
	live->pin = NULL;
}
