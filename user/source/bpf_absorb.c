// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bpf_absorb.c - adding up what older tables hold, when nothing writes them any more
 */
#include "source/bpf_internal.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

struct old_tables {
	const void *table[LAYOUT_TABLES];
	size_t size[LAYOUT_TABLES];
};

static int map_old(const struct pin *pin, uint32_t generation, const struct layout *layout,
		   struct old_tables *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (int i = 0; i < LAYOUT_TABLES; i++) {
		struct bpf_map_info info = {};
		uint32_t length = sizeof(info);
		uint64_t size = layout_table_bytes(layout, (enum layout_table)i);
		int fd = pin_map_open(pin, generation, layout_table_name((enum layout_table)i)), err = 0;
		void *at = MAP_FAILED;

		if (fd < 0)
			return fd;
		if (bpf_obj_get_info_by_fd(fd, &info, &length) ||
		    ((info.value_size + 7ULL) & ~7ULL) * info.max_entries < size)
			err = -EPROTO;
		else
			at = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
		if (!err && at == MAP_FAILED)
			err = -errno;
		close(fd);
		if (err)
			return err;
		ret->table[i] = at;
		ret->size[i] = size;
	}
	return 0;
}

static void unmap_old(struct old_tables *old)
{
	for (int i = 0; i < LAYOUT_TABLES; i++)
		if (old->table[i])
			munmap((void *)old->table[i], old->size[i]);
}

/* What the place of that name had counted is what it begins with. */
static void carry_place(struct live *live, const struct pin_record *record, const struct old_tables *old,
			uint32_t slot)
{
	const struct pin_place *from = &pin_state(record)->place[slot];

	for (size_t i = 0; i < ESP_IF_SLOTS; i++) {
		struct live_interface *place = &live->interface[i];

		if (!place->used || strncmp(place->name, from->name, sizeof(place->name)))
			continue;
		for (int d = 0; d < 2; d++) {
			struct layout_counters count = {.seen = 0};
			struct state_counters had, before;

			layout_add_interface(&record->layout, old->table[LAYOUT_STATS], slot,
					     d ? ESP_DIR_OUT : ESP_DIR_IN, &count);
			live_counters_from(&count, &had);
			live_counters_from(&from->before[d], &before);
			/* before is what is to be subtracted: it goes below 0, which unsigned numbers do well. */
			live_counters_subtract(&before, &had);
			live_counters_subtract(&had, &place->before[d]);
		}
		return;
	}
}

static int absorb(struct live *live, uint32_t generation)
{
	struct pin_record *record = NULL;
	struct old_tables old;
	int err = pin_record_open(live->pin, generation, &record);

	if (err)
		return err;
	memset(&old, 0, sizeof(old));
	err = layout_is_understood(&record->layout) ? map_old(live->pin, generation, &record->layout, &old)
						    : -EPROTO;
	if (!err) {
		if (record->abi == live->abi)
			live_drain(live, pin_map_open(live->pin, generation, "esp_events"));
		layout_add(&record->layout, old.table, &live->carried);
		layout_add_counters(&live->carried, &pin_state(record)->carried, sizeof(live->carried));
		for (uint32_t slot = 0; slot < ESP_IF_SLOTS; slot++)
			if (pin_state(record)->place[slot].used)
				carry_place(live, record, &old, slot);
	}
	unmap_old(&old);
	pin_record_close(record);
	return err;
}

/* All programs that had begun on the old tables have ended: softirqs are RCU's readers, too. */
static void wait_for_programs(void)
{
	const struct timespec pause = {.tv_nsec = 50000000};

	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		nanosleep(&pause, NULL);
}

void live_absorb_all(struct live *live)
{
	uint32_t generation[PIN_GENERATIONS];
	size_t count = pin_generations(live->pin, generation);

	if (count < 2)
		return;
	wait_for_programs();
	for (size_t i = 0; i < count; i++) {
		int err;

		if (generation[i] >= live->generation || generation[i] <= live->absorbed)
			continue;
		err = absorb(live, generation[i]);
		if (err)
			live_say(live, "%s: what generation %u had counted is lost: %s",
				 pin_directory(live->pin), generation[i],
				 err == -EPROTO ? "it is of a version that this one does not understand"
						: strerror(-err));
	}
	/* At once, so that nothing is added twice by who comes after a crash. */
	live->absorbed = live->generation - 1;
	live_save(live);
	for (size_t i = 0; i < count; i++)
		if (generation[i] < live->generation)
			pin_generation_remove(live->pin, generation[i]);
}
