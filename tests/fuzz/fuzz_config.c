// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_config.c - libFuzzer target of the configuration: options of the command line, laid over a file
 *
 * The input begins with the number of options (modulo 4); each is a byte that picks the key, and its value up to a NUL. The rest
 * is the file. Beside memory safety it asserts that a complaint is one line that names the file or the option, that what is
 * accepted is within its bounds, and that the same input gives the same settings.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config.h"
#include "fuzz/fuzz.h"

enum { OPTIONS = 4 };

/* The bytes as a file that can be opened by its name. */
static const char *as_file(const uint8_t *data, size_t size)
{
	static char path[64];
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("espial.conf", MFD_CLOEXEC);
		CHECK(fd >= 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	CHECK(ftruncate(fd, 0) == 0);
	CHECK(pwrite(fd, data, size, 0) == (ssize_t)size);
	return path;
}

static int is_power_of_two_or_0(uint64_t n)
{
	return (n & (n - 1)) == 0;
}

static void check_texts(const struct config *c)
{
	TERMINATED(c->socket);
	TERMINATED(c->listen);
	TERMINATED(c->journal);
	TERMINATED(c->bpffs);
	TERMINATED(c->hook_command);
	TERMINATED(c->hook_url);
	CHECK(c->socket[0] && c->bpffs[0] == '/');
	for (size_t i = 0; i < c->interface_count; i++) {
		TERMINATED(c->interface[i]);
		CHECK(c->interface[i][0] && !strchr(c->interface[i], '/'));
	}
	for (size_t i = 0; i < c->inner_count; i++)
		TERMINATED(c->inner[i]);
	for (size_t i = 0; i < c->vici_count; i++)
		TERMINATED(c->vici[i]);
	for (size_t i = 0; i < c->netns_count; i++)
		TERMINATED(c->netns[i]);
	for (size_t i = 0; i < c->log_file_count; i++)
		TERMINATED(c->log_file[i]);
	for (size_t i = 0; i < c->log_journal_count; i++)
		TERMINATED(c->log_journal[i]);
}

static void check_values(const struct config *c)
{
	const char *names[CONFIG_INTERFACES];
	char address[64], error[CONFIG_ERROR];
	struct live_options live;
	uint16_t port;

	CHECK(c->interface_count <= CONFIG_INTERFACES && c->inner_count <= CONFIG_INTERFACES);
	CHECK(c->vici_count <= CONFIG_VICI && c->netns_count <= CONFIG_NETNS);
	CHECK(c->log_file_count <= CONFIG_LOGS && c->log_journal_count <= CONFIG_LOGS);
	CHECK(c->ike_port_count <= 2 && c->natt_port_count <= 2);
	CHECK(is_power_of_two_or_0(c->newcomer_sets) && is_power_of_two_or_0(c->fragment_sets));
	CHECK(is_power_of_two_or_0(c->ring_bytes));
	check_texts(c);
	if (c->listen[0]) {
		CHECK(config_listen(c->listen, address, &port, error, sizeof(error)) == 0);
		CHECK(port && address[0]);
	}
	config_live_options(c, names, &live);
	CHECK(live.interface_count == c->interface_count && live.bpffs == c->bpffs);
	for (int i = 0; i < 4; i++) {
		CHECK(live.ports.ike[i / 2] && live.ports.natt[i % 2]);
		CHECK(live.ports.ike[i / 2] != live.ports.natt[i % 2]);
	}
}

/* Takes the options off the input; their texts are copies in `value`. */
static void take_options(const uint8_t **data, size_t *size, struct config_list *list, char *value[OPTIONS])
{
	size_t keys, count;

	config_keys(&keys);
	if (!*size)
		return;
	count = *(*data)++ % OPTIONS;
	--*size;
	for (size_t i = 0; i < count && *size; i++) {
		const uint8_t *end = memchr(*data, 0, *size);
		size_t length = end ? (size_t)(end - *data) : *size;

		if (!length)
			break;
		value[i] = strndup((const char *)*data + 1, length - 1);
		CHECK(value[i] && config_give(list, **data % keys, value[i]) == 0);
		*data += length + (end != NULL);
		*size -= length + (end != NULL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config first, second;
	struct config_list list = {.count = 0};
	char *value[OPTIONS] = {NULL}, error[CONFIG_ERROR] = "";
	const char *path;
	size_t keys;
	int err;

	take_options(&data, &size, &list, value);
	path = as_file(data, size);
	err = config_build(path, &list, &first, error, sizeof(error));
	if (err) {
		CHECK(err == -EINVAL);
		TERMINATED(error);
		CHECK(error[0] && (list.count || !strchr(error, '\n')));
	} else {
		check_values(&first);
		CHECK(config_build(path, &list, &second, error, sizeof(error)) == 0);
		config_keys(&keys);
		for (size_t i = 0; i < keys; i++) {
			CHECK(config_same(&first, &second, i));
			config_copy(&second, &first, i);
			CHECK(config_same(&second, &first, i));
		}
	}
	for (size_t i = 0; i < OPTIONS; i++)
		free(value[i]);
	return 0;
}
