// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/bpf_detach.h"

#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "complain.h"
#include "source/bpf_attach.h"
#include "source/bpf_clsact.h"
#include "source/bpf_host.h"
#include "source/bpf_pin.h"
#include "source/links.h"

struct detachment {
	const struct detach_sink *sink;
	struct pin *pin;
	int err;
	char *error;
	size_t error_size;
};

static void removed(const struct detachment *d, const char *interface, const char *what, const char *side,
		    const char *path)
{
	const struct detached detached = {interface, what, side, path};

	d->sink->removed(d->sink->arg, &detached);
}

static void fail(struct detachment *d, const char *object, int err)
{
	if (!d->err)
		d->err = complain(d->error, d->error_size, err, "%s: cannot be removed: %s: run as root",
				  object, strerror(-err));
}

/* The link goes with its pin, nobody else having it. */
static void remove_link(struct detachment *d, const char *path, bool egress)
{
	struct bpf_link_info info = {};
	uint32_t length = sizeof(info);
	char name[IF_NAMESIZE];
	const char *interface = NULL, *what = "tcx";
	int fd = bpf_obj_get(path);

	if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &length)) {
		if (info.type == BPF_LINK_TYPE_XDP)
			what = "xdp";
		if (info.xdp.ifindex)
			interface = if_indextoname(info.xdp.ifindex, name);
		/* The program is off at once, and not only when the kernel gets round to it. */
		(void)bpf_link_detach(fd);
	}
	if (fd >= 0)
		close(fd);
	if (unlink(path))
		fail(d, path, -errno);
	else
		removed(d, interface, what, egress ? "out" : "in", path);
}

static void remove_links(struct detachment *d)
{
	DIR *stream = opendir(pin_links(d->pin));
	const struct dirent *entry;
	char path[PIN_PATH + sizeof(entry->d_name)];

	while (stream && (entry = readdir(stream))) {
		bool egress = !strncmp(entry->d_name, "out-", 4);

		snprintf(path, sizeof(path), "%s/%s", pin_links(d->pin), entry->d_name);
		if (egress || !strncmp(entry->d_name, "in-", 3))
			remove_link(d, path, egress);
	}
	if (stream)
		closedir(stream);
}

static void remove_tables(struct detachment *d)
{
	uint32_t generation[PIN_GENERATIONS];
	size_t count = pin_generations(d->pin, generation);
	char path[PIN_PATH];

	for (size_t i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%u", pin_directory(d->pin), generation[i]);
		pin_generation_remove(d->pin, generation[i]);
		if (access(path, F_OK))
			removed(d, NULL, "tables", "", path);
		else
			fail(d, path, -EPERM);
	}
	pin_remove(d->pin);
	if (access(pin_directory(d->pin), F_OK)) {
		removed(d, NULL, "directory", "", pin_directory(d->pin));
	} else if (!d->err) {
		char line[PIN_PATH + 64];

		snprintf(line, sizeof(line), "%s: stays: something that is not espial's is in there",
			 pin_directory(d->pin));
		d->sink->spared(d->sink->arg, line);
	}
}

static void remove_filters(struct detachment *d, const struct link *link)
{
	bool qdisc_ours = false;

	for (int egress = 0; egress < 2; egress++) {
		struct clsact_filters found = clsact_find(link->ifindex, egress);

		if (found.our_count && attach_is_guarded(link->ifindex)) {
			char line[128];

			snprintf(line, sizeof(line),
				 "%s: its filters stay: an agent that runs uses them: stop that one first",
				 link->name);
			d->sink->spared(d->sink->arg, line);
			return;
		}
		for (size_t i = 0; i < found.our_count; i++) {
			const struct filter *filter = &found.ours[i];

			clsact_remove(link->ifindex, egress, filter->handle, filter->priority);
			if (clsact_is_there(link->ifindex, egress, filter->handle, filter->priority,
					    filter->prog_id)) {
				fail(d, link->name, -EPERM);
				return;
			}
			qdisc_ours |= filter->handle & CLSACT_HANDLE_QDISC;
			removed(d, link->name, "clsact", egress ? "out" : "in", "");
		}
	}
	if (qdisc_ours && clsact_remove_qdisc_if_unused(link->ifindex))
		removed(d, link->name, "qdisc", "", "");
}

static void remove_all_filters(struct detachment *d)
{
	struct links *links;
	const struct link *link;
	size_t count;
	int err = links_open(false, &links);

	if (err) {
		fail(d, "rtnetlink", err);
		return;
	}
	link = links_all(links, &count);
	for (size_t i = 0; i < count; i++)
		remove_filters(d, &link[i]);
	links_close(links);
}

int detach_all(const char *directory, const struct detach_sink *sink, char *error, size_t error_size)
{
	struct detachment d = {.sink = sink, .error = error, .error_size = error_size};
	int err = pin_open(directory, false, &d.pin, error, error_size);

	host_complaint_keep();
	if (err && err != -ENOENT)
		return err;
	*error = 0;
	if (!err) {
		remove_links(&d);
		remove_tables(&d);
	}
	/* The lock is held until the end, so that no agent begins meanwhile. */
	remove_all_filters(&d);
	pin_close(d.pin);
	return d.err;
}
