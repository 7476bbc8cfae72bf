/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpf_pin.h - what an agent leaves in the kernel for the next: files in a directory of bpffs, and one record
 *
 *   DIRECTORY/links/in-IFINDEX, out-IFINDEX   links (XDP, TCX), which hold their programs, which hold the tables
 *   DIRECTORY/N/NAME                          the tables of generation N, its programs, and its record
 *
 * A generation's tables have one layout. An agent that wants another makes generation N + 1, moves the links there, adds
 * up what N had counted, and removes N; killed at any point of that, the next agent goes on from there. Nothing
 * here prints.
 */
#ifndef ESPIAL_SOURCE_BPF_PIN_H
#define ESPIAL_SOURCE_BPF_PIN_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "source/bpf_attach.h"
#include "source/layout.h"

#define PIN_DIRECTORY "/sys/fs/bpf/espial"
#define PIN_PATH 320 /* of a file in there, terminated */
#define PIN_RECORD "record"
#define PIN_GENERATIONS 32 /* at once, at most; more than two are crashes upon crashes */
#define PIN_NAMES 512

/*
 * The record, in a table of its own. As it must be read by other versions, nothing in it moves: what is new takes of what is
 * reserved, which is 0. PIN_FORMAT is bumped when that cannot be, and then the old format must still be read.
 */
#define PIN_MAGIC 0x65737069616c7265ULL
#define PIN_FORMAT 1

struct pin_place {
	char name[IFNAMSIZ];
	uint32_t ifindex;
	uint8_t used, present, named, reserved;
	uint8_t kind[2]; /* enum hook_kind: in, out */
	uint8_t reserved1[6];
	uint32_t prog_id[2];
	uint64_t prog_tag[2]; /* with that id: the program that hung there */
	uint64_t since;
	struct layout_counters before[2]; /* to be subtracted from what the tables say */
	char note[ATTACH_TEXT];
	uint64_t reserved2[4];
};

struct pin_name {
	uint32_t ifindex;
	char name[IFNAMSIZ];
};

struct pin_state {
	uint32_t pid; /* of the agent that has it; 0: that one has ended by itself */
	uint32_t hz;
	int64_t clock_offset; /* struct live_clock */
	uint64_t absorbed;    /* sums of generations up to this one are in `carried` */
	uint64_t departures;
	uint64_t name_count;
	struct layout_sums carried;
	struct pin_place place[ESP_IF_SLOTS];
	struct pin_name name[PIN_NAMES];
	uint64_t reserved[32];
};

struct pin_record {
	uint64_t magic;
	uint32_t format, size; /* of this struct */
	uint64_t abi, sizes; /* hashes: of all that programs and agent must agree on; of the configuration */
	uint64_t code;	     /* hash of the programs that are pinned; 0: they are being exchanged */
	uint64_t netns[2];   /* device and inode: interface indices mean something there only */
	uint32_t current;    /* copy[current % 2] is valid; the other one is written, then this */
	uint32_t reserved;
	uint64_t reserved1[24];
	struct layout layout;
	struct pin_state copy[2];
};

/* An open directory, which nobody else has open. */
struct pin;

struct bpf_map;
struct bpf_object;

/*
 * `make`: the directory is made when it is missing, and bpffs mounted when it is not. -ENOENT (not made) or why it cannot be;
 * -EBUSY: another agent has it. With a line in `error`.
 */
int pin_open(const char *directory, bool make, struct pin **ret, char *error, size_t error_size);
/* Lets go of it. What is pinned stays. */
void pin_close(struct pin *pin);
const char *pin_directory(const struct pin *pin);
/* Where pins of links go. */
const char *pin_links(const struct pin *pin);
/* Removes what is ours there, and the directory if nothing else is left. */
void pin_remove(struct pin *pin);

/* The path of an object of a generation; name "": of the generation. */
void pin_file(const struct pin *pin, uint32_t generation, const char *name, char ret[PIN_PATH]);

/* The generations that have a record, in ascending order. */
size_t pin_generations(const struct pin *pin, uint32_t ret[PIN_GENERATIONS]);
/* Maps the record of a generation: -EPROTO when it is of a format that we do not know. */
int pin_record_open(const struct pin *pin, uint32_t generation, struct pin_record **ret);
void pin_record_close(struct pin_record *record);
/* Makes a generation of all maps of the object that pin_is_kept(); its record is `first`, and is mapped to *ret. */
int pin_generation_make(const struct pin *pin, uint32_t generation, struct bpf_object *object,
			const struct pin_record *first, struct pin_record **ret);
void pin_generation_remove(const struct pin *pin, uint32_t generation);
/* Constants that the compiler put aside are the program's own, and no tables. */
bool pin_is_kept(const struct bpf_map *map);
/* A descriptor of a table of a generation, or -errno. */
int pin_map_open(const struct pin *pin, uint32_t generation, const char *map);
/* Makes the object use the tables of a generation. -ESTALE: one is missing or another. */
int pin_maps_reuse(const struct pin *pin, uint32_t generation, struct bpf_object *object);

/*
 * The programs of a generation: to take those that are there saves the verifier half a second, where they are of the same
 * instructions. -ESTALE: they are not there.
 */
int pin_programs_open(const struct pin *pin, uint32_t generation, struct attach_programs *ret);
int pin_programs_make(const struct pin *pin, uint32_t generation, const struct attach_programs *programs);
void pin_programs_close(struct attach_programs *programs);

/* It is ours now: who finds the directory locked is told our pid. */
void pin_record_claim(struct pin_record *record);
/* The valid copy, and making another one that. */
const struct pin_state *pin_state(const struct pin_record *record);
struct pin_state *pin_state_begin(struct pin_record *record);
void pin_state_end(struct pin_record *record);

/* The network namespace that we are in. */
int pin_netns(uint64_t ret[2]);

/* What programs and agent must agree on: layouts of all maps, by their types' BTF, and the meaning of what is in there. */
uint64_t pin_hash_abi(const struct bpf_object *object, const struct layout *layout);
/* Of the programs: the whole object file, functions and all. Not 0. */
uint64_t pin_hash_code(const void *elf, size_t size);
/* What they agree on by configuration: numbers of entries, and the `size` bytes of the programs' constants. */
uint64_t pin_hash_sizes(const struct bpf_object *object, const void *constants, size_t size);

#endif
