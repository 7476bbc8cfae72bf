// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bpf_pin_objects.c - what a generation consists of: tables, programs, and the record that says what they are
 */
#include "source/bpf_pin.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

int pin_map_open(const struct pin *pin, uint32_t generation, const char *map)
{
	char file[PIN_PATH];
	int fd;

	pin_file(pin, generation, map, file);
	fd = bpf_obj_get(file);
	return fd < 0 ? -errno : fd;
}

/* What other versions read. */
_Static_assert(sizeof(struct pin_place) == 1280, "place in the record");
_Static_assert(sizeof(struct pin_record) == 2 * sizeof(struct pin_state) + 640, "record");

static int map_record(int fd, struct pin_record **ret)
{
	struct bpf_map_info info = {};
	uint32_t length = sizeof(info);
	struct pin_record *record;

	if (bpf_obj_get_info_by_fd(fd, &info, &length))
		return -errno;
	if (info.type != BPF_MAP_TYPE_ARRAY || info.value_size != sizeof(*record))
		return -EPROTO;
	record = mmap(NULL, sizeof(*record), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (record == MAP_FAILED)
		return -errno;
	*ret = record;
	return 0;
}

int pin_record_open(const struct pin *pin, uint32_t generation, struct pin_record **ret)
{
	struct pin_record *record = NULL;
	int fd = pin_map_open(pin, generation, PIN_RECORD), err;

	if (fd < 0)
		return fd;
	err = map_record(fd, &record);
	close(fd);
	if (err || !record)
		return err;
	if (record->magic != PIN_MAGIC || record->format != PIN_FORMAT || record->size != sizeof(*record)) {
		pin_record_close(record);
		return -EPROTO;
	}
	*ret = record;
	return 0;
}

void pin_record_close(struct pin_record *record)
{
	if (record)
		munmap(record, sizeof(*record));
}

static int pin_fd(int fd, const char *file)
{
	(void)unlink(file);
	return bpf_obj_pin(fd, file) ? -errno : 0;
}

int pin_generation_make(const struct pin *pin, uint32_t generation, struct bpf_object *object,
			const struct pin_record *first, struct pin_record **ret)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	struct pin_record *record = NULL;
	char file[PIN_PATH];
	struct bpf_map *map;
	int fd = -1, err = 0;

	pin_file(pin, generation, "", file);
	if (mkdir(file, 0700) && errno != EEXIST)
		return -errno;
	bpf_object__for_each_map(map, object) {
		if (!pin_is_kept(map))
			continue;
		pin_file(pin, generation, bpf_map__name(map), file);
		err = pin_fd(bpf_map__fd(map), file);
		if (err)
			goto out;
	}
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "esp_record", sizeof(uint32_t), sizeof(*record), 1, &opts);
	if (fd < 0) {
		err = -errno;
		goto out;
	}
	err = map_record(fd, &record);
	if (err || !record)
		goto out;
	memcpy(record, first, sizeof(*record));
	record->magic = PIN_MAGIC;
	record->format = PIN_FORMAT;
	record->size = sizeof(*record);
	/* Last: the generation is one from now on. */
	pin_file(pin, generation, PIN_RECORD, file);
	err = pin_fd(fd, file);
out:
	if (fd >= 0)
		close(fd);
	if (err) {
		pin_record_close(record);
		pin_generation_remove(pin, generation);
	} else {
		*ret = record;
	}
	return err;
}

/* ---- tables */

bool pin_is_kept(const struct bpf_map *map)
{
	return !strstr(bpf_map__name(map), ".rodata.");
}

static bool is_alike(const struct bpf_map *map, int fd)
{
	struct bpf_map_info info = {};
	uint32_t length = sizeof(info);

	return !bpf_obj_get_info_by_fd(fd, &info, &length) && info.type == bpf_map__type(map) &&
	       info.key_size == bpf_map__key_size(map) && info.value_size == bpf_map__value_size(map) &&
	       info.max_entries == bpf_map__max_entries(map);
}

int pin_maps_reuse(const struct pin *pin, uint32_t generation, struct bpf_object *object)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object) {
		int fd, err;

		if (!pin_is_kept(map))
			continue;
		fd = pin_map_open(pin, generation, bpf_map__name(map));
		if (fd < 0)
			return -ESTALE;
		err = is_alike(map, fd) ? bpf_map__reuse_fd(map, fd) : -ESTALE;
		close(fd);
		if (err)
			return -ESTALE;
	}
	return 0;
}

/* ---- programs */

static int *program_of(struct attach_programs *programs, size_t i, const char **ret_name)
{
	static const char *const names[] = {"program-xdp-in", "program-tc-in", "program-tc-out"};
	int *const fds[] = {&programs->xdp_in, &programs->tc_in, &programs->tc_out};

	*ret_name = names[i];
	return fds[i];
}

#define PIN_PROGRAMS 3

void pin_programs_close(struct attach_programs *programs)
{
	const char *name;

	for (size_t i = 0; i < PIN_PROGRAMS; i++) {
		int *fd = program_of(programs, i, &name);

		if (*fd >= 0)
			close(*fd);
		*fd = -1;
	}
}

int pin_programs_open(const struct pin *pin, uint32_t generation, struct attach_programs *ret)
{
	struct attach_programs programs = {-1, -1, -1};
	const char *name;

	for (size_t i = 0; i < PIN_PROGRAMS; i++) {
		int *fd = program_of(&programs, i, &name);

		*fd = pin_map_open(pin, generation, name);
		if (*fd < 0) {
			pin_programs_close(&programs);
			return -ESTALE;
		}
	}
	*ret = programs;
	return 0;
}

int pin_programs_make(const struct pin *pin, uint32_t generation, const struct attach_programs *programs)
{
	struct attach_programs copy = *programs;
	char file[PIN_PATH];
	const char *name;
	int err = 0;

	for (size_t i = 0; i < PIN_PROGRAMS && !err; i++) {
		int fd = *program_of(&copy, i, &name);

		pin_file(pin, generation, name, file);
		err = pin_fd(fd, file);
	}
	return err;
}

/* ---- the record */

const struct pin_state *pin_state(const struct pin_record *record)
{
	return &record->copy[__atomic_load_n(&record->current, __ATOMIC_ACQUIRE) % 2];
}

void pin_record_claim(struct pin_record *record)
{
	record->copy[record->current % 2].pid = (uint32_t)getpid();
}

struct pin_state *pin_state_begin(struct pin_record *record)
{
	return &record->copy[(record->current + 1) % 2];
}

void pin_state_end(struct pin_record *record)
{
	__atomic_store_n(&record->current, (record->current + 1) % 2, __ATOMIC_RELEASE);
}

int pin_netns(uint64_t ret[2])
{
	struct stat st;

	if (stat("/proc/self/ns/net", &st))
		return -errno;
	ret[0] = st.st_dev;
	ret[1] = st.st_ino;
	return 0;
}
