// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/bpf_pin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <linux/magic.h>

#include "complain.h"

#define PIN_LINKS "links"
#define PIN_MOUNT "/sys/fs/bpf"
#define PIN_WAIT_NS 20000000 /* between two looks whether the lock is free … */
#define PIN_WAITS 50	     /* … for an agent that is just ending */

struct pin {
	char directory[PIN_PATH / 2], links[PIN_PATH];
	int fd; /* of the directory, locked */
};

__attribute__((format(printf, 3, 4))) static int path(const struct pin *pin, char ret[PIN_PATH],
						      const char *format, ...)
{
	int used = snprintf(ret, PIN_PATH, "%s/", pin->directory);
	va_list args;

	va_start(args, format);
	used += vsnprintf(ret + used, PIN_PATH - (size_t)used, format, args);
	va_end(args);
	return used < PIN_PATH ? 0 : -ENAMETOOLONG;
}

/* bpffs takes no dots in names. */
void pin_file(const struct pin *pin, uint32_t generation, const char *name, char ret[PIN_PATH])
{
	char *dot;

	(void)path(pin, ret, "%u/%s", generation, name);
	for (dot = strchr(ret + strlen(pin->directory), '.'); dot; dot = strchr(dot, '.'))
		*dot = '_';
}

/* ---- the directory */

static int by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* `tidy`: removes what an agent had begun when it was killed. For who has the lock. */
static size_t list_generations(const struct pin *pin, bool tidy, uint32_t ret[PIN_GENERATIONS])
{
	DIR *stream = opendir(pin->directory);
	const struct dirent *entry;
	size_t count = 0;

	if (!stream)
		return 0;
	while ((entry = readdir(stream)) && count < PIN_GENERATIONS) {
		char file[PIN_PATH], *end;
		unsigned long number = strtoul(entry->d_name, &end, 10);

		if (*end || end == entry->d_name || !number || number > UINT32_MAX)
			continue;
		pin_file(pin, (uint32_t)number, PIN_RECORD, file);
		if (!access(file, F_OK))
			ret[count++] = (uint32_t)number;
		else if (tidy)
			pin_generation_remove(pin, (uint32_t)number);
	}
	closedir(stream);
	qsort(ret, count, sizeof(*ret), by_number);
	return count;
}

static bool is_bpffs(const char *at)
{
	struct statfs fs;

	return !statfs(at, &fs) && (uint32_t)fs.f_type == BPF_FS_MAGIC;
}

/* The directory's parent must be in a bpffs: the usual one is mounted when it is not. */
static int need_bpffs(const char *directory, char *error, size_t error_size)
{
	const char *slash = strrchr(directory, '/');
	char parent[PIN_PATH];

	snprintf(parent, sizeof(parent), "%.*s", slash && slash != directory ? (int)(slash - directory) : 1,
		 slash ? directory : ".");
	if (is_bpffs(parent))
		return 0;
	if (strcmp(parent, PIN_MOUNT))
		return complain(error, error_size, -EINVAL, "%s: is not in a bpffs: `mount -t bpf bpf %s`",
				directory, parent);
	if (mount("bpf", PIN_MOUNT, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"))
		return complain(error, error_size, -errno,
				"%s: no bpffs is there, and it cannot be mounted: %s: `mount -t bpf bpf %s` "
				"as root",
				directory, strerror(errno), parent);
	return 0;
}

static int make_directory(const char *directory, char *error, size_t error_size)
{
	if (!mkdir(directory, 0700) || errno == EEXIST)
		return 0;
	return complain(error, error_size, -errno, "%s: cannot be made: %s: %s", directory, strerror(errno),
			errno == EROFS ? "mount bpffs for writing, or choose another with --bpffs"
				       : "make it and give it to the agent's user, or choose another with "
					 "--bpffs");
}

/* The pid of the agent that has the directory, 0: it is not known. */
static uint32_t holder(const struct pin *pin)
{
	uint32_t generation[PIN_GENERATIONS], pid = 0;
	struct pin_record *record;
	size_t count = pin_generations(pin, generation);

	if (count && !pin_record_open(pin, generation[count - 1], &record)) {
		pid = pin_state(record)->pid;
		pin_record_close(record);
	}
	return pid;
}

static int busy(const struct pin *pin, char *error, size_t error_size)
{
	char who[32] = "";
	uint32_t pid = holder(pin);

	if (pid)
		snprintf(who, sizeof(who), " (pid %u)", pid);
	return complain(error, error_size, -EBUSY,
			"%s: another espial agent has it%s: stop that one, or choose another with --bpffs",
			pin->directory, who);
}

/* Who removes the directory holds its lock: it is locked in truth only while it still is the one of that name. */
static int lock_directory(struct pin *pin, char *error, size_t error_size)
{
	const struct timespec pause = {.tv_nsec = PIN_WAIT_NS};
	struct stat opened, named;

	if (flock(pin->fd, LOCK_EX | LOCK_NB)) {
		int err = -errno;

		for (int i = 0; i < PIN_WAITS && err == -EWOULDBLOCK; i++) {
			nanosleep(&pause, NULL);
			err = flock(pin->fd, LOCK_EX | LOCK_NB) ? -errno : 0;
		}
		if (err == -EWOULDBLOCK)
			return busy(pin, error, error_size);
		if (err)
			return complain(error, error_size, err, "%s: cannot be locked: %s", pin->directory,
					strerror(-err));
	}
	if (fstat(pin->fd, &opened) || stat(pin->directory, &named) || opened.st_ino != named.st_ino ||
	    opened.st_dev != named.st_dev)
		return complain(error, error_size, -ENOENT, "%s: is being removed: try again",
				pin->directory);
	if (opened.st_mode & (S_IWGRP | S_IWOTH))
		return complain(error, error_size, -EPERM,
				"%s: others may write there: choose one of the agent's own with --bpffs",
				pin->directory);
	return 0;
}

static int open_directory(struct pin *pin, bool make, char *error, size_t error_size)
{
	uint32_t generation[PIN_GENERATIONS];
	int err = make ? need_bpffs(pin->directory, error, error_size) : 0;

	if (!err && make)
		err = make_directory(pin->directory, error, error_size);
	if (err)
		return err;
	pin->fd = open(pin->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (pin->fd < 0)
		return complain(error, error_size, -errno, "%s: %s", pin->directory, strerror(errno));
	if (!is_bpffs(pin->directory))
		return complain(error, error_size, -EINVAL,
				"%s: is not in a bpffs: choose another with --bpffs", pin->directory);
	err = lock_directory(pin, error, error_size);
	if (!err)
		(void)list_generations(pin, true, generation);
	if (!err && make && mkdir(pin->links, 0700) && errno != EEXIST)
		err = complain(error, error_size, -errno,
			       "%s: cannot be made: %s: give %s to the agent's user", pin->links,
			       strerror(errno), pin->directory);
	return err;
}

int pin_open(const char *directory, bool make, struct pin **ret, char *error, size_t error_size)
{
	struct pin *pin = calloc(1, sizeof(*pin));
	int err;

	if (!pin)
		return complain(error, error_size, -ENOMEM, "%s: out of memory", directory);
	pin->fd = -1;
	if ((size_t)snprintf(pin->directory, sizeof(pin->directory), "%s", directory) >=
	    sizeof(pin->directory)) {
		err = complain(error, error_size, -ENAMETOOLONG, "%s: the path is too long", directory);
	} else {
		(void)path(pin, pin->links, PIN_LINKS);
		err = open_directory(pin, make, error, error_size);
	}
	if (err) {
		pin_close(pin);
		return err;
	}
	*ret = pin;
	return 0;
}

void pin_close(struct pin *pin)
{
	if (pin && pin->fd >= 0)
		close(pin->fd);
	free(pin);
}

const char *pin_directory(const struct pin *pin)
{
	return pin->directory;
}

const char *pin_links(const struct pin *pin)
{
	return pin->links;
}

static void empty_directory(const char *at)
{
	DIR *stream = opendir(at);
	const struct dirent *entry;
	char file[PIN_PATH + sizeof(entry->d_name)];

	if (!stream)
		return;
	while ((entry = readdir(stream))) {
		snprintf(file, sizeof(file), "%s/%s", at, entry->d_name);
		if (entry->d_name[0] != '.')
			(void)unlink(file);
	}
	closedir(stream);
	(void)rmdir(at);
}

void pin_remove(struct pin *pin)
{
	uint32_t generation[PIN_GENERATIONS];
	size_t count;

	empty_directory(pin->links);
	while ((count = pin_generations(pin, generation))) {
		for (size_t i = 0; i < count; i++)
			pin_generation_remove(pin, generation[i]);
		if (pin_generations(pin, generation) == count)
			break; /* they cannot be removed */
	}
	(void)rmdir(pin->directory);
}

/* ---- generations */

size_t pin_generations(const struct pin *pin, uint32_t ret[PIN_GENERATIONS])
{
	return list_generations(pin, false, ret);
}

void pin_generation_remove(const struct pin *pin, uint32_t generation)
{
	char file[PIN_PATH];

	/* The record first: without it the rest means nothing. */
	(void)path(pin, file, "%u/" PIN_RECORD, generation);
	(void)unlink(file);
	(void)path(pin, file, "%u", generation);
	empty_directory(file);
}
