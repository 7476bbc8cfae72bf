// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/layout.h"

#include <string.h>

_Static_assert((int)ESP_CLASS_COUNT <= LAYOUT_CLASS_ROOM, "room for the classes");
_Static_assert((int)ESP_REASON_COUNT <= LAYOUT_REASON_ROOM, "room for the reasons");
_Static_assert((int)ESP_LOSS_COUNT <= LAYOUT_LOSS_ROOM, "room for the losses");
_Static_assert((int)ESP_SUMS == LAYOUT_SUMS, "kinds of SAs");
_Static_assert(sizeof(struct esp_sums) == sizeof(uint64_t) * LAYOUT_SUMS_ROOM, "members of the sums");
_Static_assert((int)LAYOUT_ITEMS <= LAYOUT_ROOM, "room for the items");

#define LAYOUT_SUM_UNKNOWN 13
_Static_assert(offsetof(struct esp_sums, endpoint_changes) == (LAYOUT_SUM_UNKNOWN - 1) * sizeof(uint64_t) &&
		       offsetof(struct esp_sums, unknown) == LAYOUT_SUM_UNKNOWN * sizeof(uint64_t),
	       "the order of the sums");

#define AT(type, member) ((uint32_t)offsetof(type, member) + 1)

void layout_of(const struct esp_config *cfg, struct layout *ret)
{
	*ret = (struct layout){
		.item = {
			[LAYOUT_IS_MEANING] = LAYOUT_MEANING,
			[LAYOUT_CPUS] = cfg->cpus,
			[LAYOUT_SLOTS] = cfg->sa_mask + 1,
			[LAYOUT_NEW_SETS] = cfg->new_mask + 1,
			[LAYOUT_NEW_WAYS] = ESP_NEW_WAYS,
			[LAYOUT_IF_SLOTS] = ESP_IF_SLOTS,
			[LAYOUT_CLASSES] = ESP_CLASS_COUNT,
			[LAYOUT_REASONS] = ESP_REASON_COUNT,
			[LAYOUT_LOSSES] = ESP_LOSS_COUNT,
			[LAYOUT_SUMS_COUNT] = ESP_SUMS,
			[LAYOUT_SA_SIZE] = sizeof(struct esp_sa),
			[LAYOUT_RARE_SIZE] = sizeof(struct esp_sa_rare),
			[LAYOUT_LANE_SIZE] = sizeof(struct esp_lane),
			[LAYOUT_NEW_SIZE] = sizeof(struct esp_new_set),
			[LAYOUT_WAY_SIZE] = sizeof(struct esp_newcomer),
			[LAYOUT_STATS_SIZE] = sizeof(struct esp_if_stats),
			[LAYOUT_CPU_SIZE] = sizeof(struct esp_cpu),
			[LAYOUT_SUMS_SIZE] = sizeof(struct esp_sums),
			[LAYOUT_SA_ID] = AT(struct esp_sa, key.id),
			[LAYOUT_LANE_PACKETS] = AT(struct esp_lane, packets),
			[LAYOUT_LANE_BYTES] = AT(struct esp_lane, bytes),
			[LAYOUT_LANE_RECEIVED] = AT(struct esp_lane, received),
			[LAYOUT_RARE_CONFIRMED] = AT(struct esp_sa_rare, confirmed),
			[LAYOUT_RARE_LOST] = AT(struct esp_sa_rare, lost),
			[LAYOUT_RARE_LATE] = AT(struct esp_sa_rare, late),
			[LAYOUT_RARE_DUPLICATE] = AT(struct esp_sa_rare, duplicate),
			[LAYOUT_RARE_TOO_OLD] = AT(struct esp_sa_rare, too_old),
			[LAYOUT_RARE_OUTLIER] = AT(struct esp_sa_rare, outlier),
			[LAYOUT_RARE_RESTARTS] = AT(struct esp_sa_rare, restarts),
			[LAYOUT_RARE_FRAGMENTED] = AT(struct esp_sa_rare, fragmented),
			[LAYOUT_RARE_FRAGMENTS] = AT(struct esp_sa_rare, fragments),
			[LAYOUT_RARE_INCOMPLETE] = AT(struct esp_sa_rare, incomplete),
			[LAYOUT_RARE_ENDPOINT_CHANGES] = AT(struct esp_sa_rare, endpoint_changes),
			[LAYOUT_NEW_TAG] = AT(struct esp_new_set, tag),
			[LAYOUT_NEW_WAY] = AT(struct esp_new_set, way),
			[LAYOUT_WAY_PACKETS] = AT(struct esp_newcomer, packets),
			[LAYOUT_STATS_SEEN] = AT(struct esp_if_stats, seen),
			[LAYOUT_STATS_BYTES] = AT(struct esp_if_stats, bytes),
			[LAYOUT_STATS_CLASSES] = AT(struct esp_if_stats, cls),
			[LAYOUT_STATS_REASONS] = AT(struct esp_if_stats, rejected),
			[LAYOUT_CPU_LOSSES] = AT(struct esp_cpu, loss),
			[LAYOUT_CPU_SUMS] = AT(struct esp_cpu, retired),
			[LAYOUT_KNOWN_SIZE] = sizeof(struct esp_sa_known),
			[LAYOUT_KNOWN_STATE] = AT(struct esp_sa_known, state),
			[LAYOUT_KNOWN_BASE] = AT(struct esp_sa_known, base),
			[LAYOUT_KNOWN_PACKETS] = AT(struct esp_sa_known, unknown),
			[LAYOUT_IS_UNKNOWN] = ESP_KNOWN_UNKNOWN,
		}};
}

const char *layout_table_name(enum layout_table table)
{
	static const char *const names[LAYOUT_TABLES] = {
		[LAYOUT_SA] = "esp_sa",	      [LAYOUT_RARE] = "esp_rare",   [LAYOUT_LANE] = "esp_lane",
		[LAYOUT_NEW] = "esp_new",     [LAYOUT_STATS] = "esp_stats", [LAYOUT_CPU] = "esp_percpu",
		[LAYOUT_KNOWN] = "esp_known",
	};

	return names[table];
}

uint64_t layout_table_bytes(const struct layout *layout, enum layout_table table)
{
	const uint32_t *i = layout->item;

	switch (table) {
	case LAYOUT_SA:
		return (uint64_t)i[LAYOUT_SLOTS] * i[LAYOUT_SA_SIZE];
	case LAYOUT_RARE:
		return (uint64_t)i[LAYOUT_SLOTS] * i[LAYOUT_RARE_SIZE];
	case LAYOUT_LANE:
		return (uint64_t)i[LAYOUT_SLOTS] * i[LAYOUT_CPUS] * i[LAYOUT_LANE_SIZE];
	case LAYOUT_NEW:
		return (uint64_t)i[LAYOUT_NEW_SETS] * i[LAYOUT_NEW_SIZE];
	case LAYOUT_STATS:
		return (uint64_t)i[LAYOUT_IF_SLOTS] * 3 * i[LAYOUT_CPUS] * i[LAYOUT_STATS_SIZE];
	case LAYOUT_CPU:
		return (uint64_t)i[LAYOUT_CPUS] * i[LAYOUT_CPU_SIZE];
	case LAYOUT_KNOWN:
		return (uint64_t)i[LAYOUT_SLOTS] * i[LAYOUT_KNOWN_SIZE];
	case LAYOUT_TABLES:
		break;
	}
	return 0;
}

/* An offset is of `width` bytes within an entry of `size`, or it is none. */
static bool is_within(const struct layout *layout, enum layout_item offset, uint32_t width,
		      enum layout_item size)
{
	uint32_t at = layout->item[offset];

	return !at || (uint64_t)at - 1 + width <= layout->item[size];
}

bool layout_is_understood(const struct layout *layout)
{
	const uint32_t *i = layout->item;
	bool good = i[LAYOUT_IS_MEANING] == LAYOUT_MEANING && i[LAYOUT_CLASSES] <= LAYOUT_CLASS_ROOM &&
		    i[LAYOUT_REASONS] <= LAYOUT_REASON_ROOM && i[LAYOUT_LOSSES] <= LAYOUT_LOSS_ROOM &&
		    i[LAYOUT_SUMS_COUNT] <= LAYOUT_SUMS && i[LAYOUT_SUMS_SIZE] <= sizeof(struct esp_sums) &&
		    i[LAYOUT_NEW_WAYS] <= 64;

	for (int at = LAYOUT_LANE_PACKETS; at <= LAYOUT_LANE_RECEIVED; at++)
		good &= is_within(layout, (enum layout_item)at, 8, LAYOUT_LANE_SIZE);
	for (int at = LAYOUT_RARE_CONFIRMED; at <= LAYOUT_RARE_ENDPOINT_CHANGES; at++)
		good &= is_within(layout, (enum layout_item)at, 8, LAYOUT_RARE_SIZE);
	return good && is_within(layout, LAYOUT_KNOWN_STATE, 4, LAYOUT_KNOWN_SIZE) &&
	       is_within(layout, LAYOUT_KNOWN_BASE, 8, LAYOUT_KNOWN_SIZE) &&
	       is_within(layout, LAYOUT_KNOWN_PACKETS, 8, LAYOUT_KNOWN_SIZE) &&
	       is_within(layout, LAYOUT_SA_ID, 8, LAYOUT_SA_SIZE) &&
	       is_within(layout, LAYOUT_NEW_TAG, 4 * i[LAYOUT_NEW_WAYS], LAYOUT_NEW_SIZE) &&
	       (uint64_t)i[LAYOUT_NEW_WAYS] * i[LAYOUT_WAY_SIZE] <= i[LAYOUT_NEW_SIZE] &&
	       is_within(layout, LAYOUT_NEW_WAY, i[LAYOUT_NEW_WAYS] * i[LAYOUT_WAY_SIZE], LAYOUT_NEW_SIZE) &&
	       is_within(layout, LAYOUT_WAY_PACKETS, 4, LAYOUT_WAY_SIZE) &&
	       is_within(layout, LAYOUT_STATS_SEEN, 8, LAYOUT_STATS_SIZE) &&
	       is_within(layout, LAYOUT_STATS_BYTES, 8, LAYOUT_STATS_SIZE) &&
	       is_within(layout, LAYOUT_STATS_CLASSES, 8 * i[LAYOUT_CLASSES], LAYOUT_STATS_SIZE) &&
	       is_within(layout, LAYOUT_STATS_REASONS, 8 * i[LAYOUT_REASONS], LAYOUT_STATS_SIZE) &&
	       is_within(layout, LAYOUT_CPU_LOSSES, 8 * i[LAYOUT_LOSSES], LAYOUT_CPU_SIZE) &&
	       is_within(layout, LAYOUT_CPU_SUMS, i[LAYOUT_SUMS_COUNT] * i[LAYOUT_SUMS_SIZE],
			 LAYOUT_CPU_SIZE);
}

/* ---- adding up */

void layout_add_counters(void *to, const void *from, size_t size)
{
	uint64_t *sum = to;
	const uint64_t *more = from;

	for (size_t i = 0; i < size / sizeof(*sum); i++)
		sum[i] += more[i];
}

static uint64_t get(const struct layout *layout, const uint8_t *entry, enum layout_item offset)
{
	uint64_t value = 0;

	if (layout->item[offset])
		memcpy(&value, entry + layout->item[offset] - 1, sizeof(value));
	return value;
}

static void add_array(const struct layout *layout, const uint8_t *entry, enum layout_item offset,
		      uint32_t count, uint64_t *sum)
{
	if (layout->item[offset])
		layout_add_counters(sum, entry + layout->item[offset] - 1, count * sizeof(*sum));
}

static void add_stats(const struct layout *layout, const uint8_t *entry, struct layout_counters *sum)
{
	sum->seen += get(layout, entry, LAYOUT_STATS_SEEN);
	sum->bytes += get(layout, entry, LAYOUT_STATS_BYTES);
	add_array(layout, entry, LAYOUT_STATS_CLASSES, layout->item[LAYOUT_CLASSES], sum->cls);
	add_array(layout, entry, LAYOUT_STATS_REASONS, layout->item[LAYOUT_REASONS], sum->rejected);
}

void layout_add_interface(const struct layout *layout, const void *stats, uint32_t slot,
			  enum esp_direction direction, struct layout_counters *sum)
{
	const uint32_t *i = layout->item;
	size_t row = ((size_t)slot * 3 + direction) * i[LAYOUT_CPUS];

	if (slot >= i[LAYOUT_IF_SLOTS])
		return;
	for (uint32_t cpu = 0; cpu < i[LAYOUT_CPUS]; cpu++)
		add_stats(layout, (const uint8_t *)stats + (row + cpu) * i[LAYOUT_STATS_SIZE], sum);
}

/* In the order of struct esp_sums, whose first three are in the lanes. Returns the packets. */
static uint64_t add_sa(const struct layout *layout, const uint8_t *rare, const uint8_t *lanes,
		       uint64_t sums[LAYOUT_SUMS_ROOM])
{
	static const enum layout_item members[] = {
		LAYOUT_RARE_LOST,	LAYOUT_RARE_LATE,
		LAYOUT_RARE_DUPLICATE,	LAYOUT_RARE_TOO_OLD,
		LAYOUT_RARE_OUTLIER,	LAYOUT_RARE_RESTARTS,
		LAYOUT_RARE_FRAGMENTED, LAYOUT_RARE_FRAGMENTS,
		LAYOUT_RARE_INCOMPLETE, LAYOUT_RARE_ENDPOINT_CHANGES,
	};
	uint64_t all = 0;

	for (uint32_t cpu = 0; cpu < layout->item[LAYOUT_CPUS]; cpu++) {
		const uint8_t *lane = lanes + (size_t)cpu * layout->item[LAYOUT_LANE_SIZE];
		uint64_t packets = get(layout, lane, LAYOUT_LANE_PACKETS);

		all += packets;
		sums[1] += get(layout, lane, LAYOUT_LANE_BYTES);
		sums[2] += get(layout, lane, LAYOUT_LANE_RECEIVED);
	}
	sums[0] += all;
	sums[2] += get(layout, rare, LAYOUT_RARE_CONFIRMED);
	for (size_t m = 0; m < sizeof(members) / sizeof(*members); m++)
		sums[3 + m] += get(layout, rare, members[m]);
	return all;
}

/* Packets that came while the SA was not in the SADB: struct esp_sa_known. */
static uint64_t unknown_packets(const struct layout *layout, const uint8_t *known, uint64_t packets)
{
	uint64_t unknown = get(layout, known, LAYOUT_KNOWN_PACKETS);
	uint32_t state = 0;

	if (layout->item[LAYOUT_KNOWN_STATE])
		memcpy(&state, known + layout->item[LAYOUT_KNOWN_STATE] - 1, sizeof(state));
	if (state && state == layout->item[LAYOUT_IS_UNKNOWN])
		unknown += packets - get(layout, known, LAYOUT_KNOWN_BASE);
	return unknown;
}

static void add_newcomers(const struct layout *layout, const uint8_t *set, uint64_t *evicted)
{
	const uint32_t *i = layout->item;

	if (!i[LAYOUT_NEW_TAG] || !i[LAYOUT_NEW_WAY] || !i[LAYOUT_WAY_PACKETS])
		return;
	for (uint32_t way = 0; way < i[LAYOUT_NEW_WAYS]; way++) {
		const uint8_t *newcomer = set + i[LAYOUT_NEW_WAY] - 1 + (size_t)way * i[LAYOUT_WAY_SIZE];
		uint32_t tag, packets;

		memcpy(&tag, set + i[LAYOUT_NEW_TAG] - 1 + way * sizeof(tag), sizeof(tag));
		memcpy(&packets, newcomer + i[LAYOUT_WAY_PACKETS] - 1, sizeof(packets));
		if (tag)
			*evicted += packets;
	}
}

static void add_cpu(const struct layout *layout, const uint8_t *cpu, struct layout_sums *sum)
{
	const uint32_t *i = layout->item;

	add_array(layout, cpu, LAYOUT_CPU_LOSSES, i[LAYOUT_LOSSES], sum->loss);
	if (!i[LAYOUT_CPU_SUMS])
		return;
	for (uint32_t kind = 0; kind < i[LAYOUT_SUMS_COUNT]; kind++)
		layout_add_counters(sum->sums[kind],
				    cpu + i[LAYOUT_CPU_SUMS] - 1 + (size_t)kind * i[LAYOUT_SUMS_SIZE],
				    i[LAYOUT_SUMS_SIZE]);
}

void layout_add(const struct layout *layout, const void *const table[LAYOUT_TABLES], struct layout_sums *sum)
{
	const uint32_t *i = layout->item;
	const uint8_t *sa = table[LAYOUT_SA], *rare = table[LAYOUT_RARE], *lane = table[LAYOUT_LANE],
		      *set = table[LAYOUT_NEW], *stats = table[LAYOUT_STATS], *cpu = table[LAYOUT_CPU],
		      *known = table[LAYOUT_KNOWN];
	uint64_t *evicted = &sum->loss[ESP_LOSS_EVICTED];

	for (size_t row = 0; row < (size_t)i[LAYOUT_IF_SLOTS] * 3 * i[LAYOUT_CPUS]; row++)
		add_stats(layout, stats + row * i[LAYOUT_STATS_SIZE], &sum->total);
	for (size_t slot = 0; slot < i[LAYOUT_SLOTS]; slot++) {
		uint64_t id = get(layout, sa + slot * i[LAYOUT_SA_SIZE], LAYOUT_SA_ID);

		uint64_t *sums = sum->sums[esp_sums_index(id) % LAYOUT_SUMS], packets;

		if (!id)
			continue;
		packets = add_sa(layout, rare + slot * i[LAYOUT_RARE_SIZE],
				 lane + slot * i[LAYOUT_CPUS] * i[LAYOUT_LANE_SIZE], sums);
		*evicted += packets;
		sums[LAYOUT_SUM_UNKNOWN] +=
			unknown_packets(layout, known + slot * i[LAYOUT_KNOWN_SIZE], packets);
	}
	for (size_t s = 0; s < i[LAYOUT_NEW_SETS]; s++)
		add_newcomers(layout, set + s * i[LAYOUT_NEW_SIZE], evicted);
	for (size_t c = 0; c < i[LAYOUT_CPUS]; c++)
		add_cpu(layout, cpu + c * i[LAYOUT_CPU_SIZE], sum);
}
