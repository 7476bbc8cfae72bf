// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/facts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "agent/sadb.h"
#include "source/firewall.h"
#include "source/vici.h"

struct facts {
	const struct log *log;
	struct facts_listener listener;
	int epoll;
	struct sadb *sadb; /* NULL: not wanted */
	struct vici *vici;
	struct firewall_source *firewall; /* NULL: none */
	struct fact_daemon daemons[VICI_DAEMONS_MOST];
};

static void watch(const struct facts *f, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	if (fd >= 0)
		epoll_ctl(f->epoll, EPOLL_CTL_ADD, fd, &event);
}

static void on_vici(void *arg, const struct vici_event *event)
{
	static const struct {
		enum timeline_kind kind;
		const char *text;
	} rows[VICI_EVENT_KINDS] = {
		[VICI_IKE_UP] = {TIMELINE_DAEMON, "the daemon says: IKE SA up"},
		[VICI_IKE_DOWN] = {TIMELINE_DAEMON, "the daemon says: IKE SA down"},
		[VICI_IKE_REKEY] = {TIMELINE_DAEMON, "the daemon says: IKE SA rekeyed"},
		[VICI_IKE_UPDATE] = {TIMELINE_DAEMON, "the daemon says: an end moved"},
		[VICI_CHILD_UP] = {TIMELINE_DAEMON, "the daemon says: child SA up"},
		[VICI_CHILD_DOWN] = {TIMELINE_DAEMON, "the daemon says: child SA down"},
		[VICI_CHILD_REKEY] = {TIMELINE_DAEMON, "the daemon says: child SA rekeyed"},
		[VICI_DAEMON_UP] = {TIMELINE_DAEMON, "the IKE daemon answers"},
		[VICI_DAEMON_DOWN] = {TIMELINE_DAEMON, "the IKE daemon does not answer any more"},
	};
	const struct facts *f = arg;
	struct timeline_entry entry = {.time_ns = event->time_ns,
				       .kind = rows[event->kind].kind,
				       .confidence = TIMELINE_CERTAIN,
				       .origin = TIMELINE_FROM_VICI,
				       .local_port = event->ike.local_port,
				       .peer_port = event->ike.remote_port,
				       .initiator_spi = event->ike.initiator_spi,
				       .responder_spi = event->ike.responder_spi,
				       .spi = event->child.spi_in,
				       .major = event->ike.version};

	if (event->kind == VICI_DAEMON_DOWN)
		entry.severity = TIMELINE_WARNING;
	memcpy(entry.local, event->ike.local, sizeof(entry.local));
	memcpy(entry.peer, event->ike.remote, sizeof(entry.peer));
	snprintf(entry.tunnel, sizeof(entry.tunnel), "%s", event->ike.connection);
	snprintf(entry.text, sizeof(entry.text), "%s%s%s%s%s", rows[event->kind].text,
		 event->child.name[0] ? " (" : "", event->child.name, event->child.name[0] ? ")" : "",
		 event->why && event->why[0] ? ": " : "");
	if (event->why && event->why[0])
		snprintf(entry.text + strlen(entry.text), sizeof(entry.text) - strlen(entry.text), "%s",
			 event->why);
	timeline_evidence_add(&entry, TIMELINE_FROM_VICI, event->time_ns, "socket", "%s", event->origin);
	f->listener.entry(f->listener.arg, &entry);
	if (event->kind == VICI_IKE_DOWN)
		f->listener.ike_ended(f->listener.arg, entry.initiator_spi, entry.responder_spi,
				      event->time_ns);
}

static void open_vici(struct facts *f, const struct config *config)
{
	const char *sockets[CONFIG_VICI];
	struct vici_options options = {.sockets = sockets, .event = on_vici, .arg = f};

	for (size_t i = 0; i < config->vici_count; i++)
		sockets[options.socket_count++] = config->vici[i];
	if (config->vici_count == 1 && strcmp(config->vici[0], "none") == 0)
		return;
	if (vici_open(&options, &f->vici) != 0)
		log_line(f->log, LOG_LEVEL_WARNING, "IKE daemons cannot be asked: no memory");
	else
		watch(f, vici_fd(f->vici));
}

static int open_sadb(struct facts *f, const struct config *config, struct live *live)
{
	struct sadb_options options = {.live = live,
				       .log = f->log,
				       .netns_count = config->netns_count,
				       .is_local = f->listener.is_local,
				       .arg = f->listener.arg};
	int err;

	for (size_t i = 0; i < config->netns_count; i++)
		options.netns[i] = config->netns[i];
	err = sadb_open(&options, &f->sadb);
	if (!err)
		watch(f, sadb_fd(f->sadb));
	return err;
}

int facts_open(const struct config *config, struct live *live, const struct log *log,
	       const struct facts_listener *listener, struct facts **ret)
{
	struct facts *f = calloc(1, sizeof(*f));
	int err;

	if (!f)
		return -ENOMEM;
	f->log = log;
	f->listener = *listener;
	f->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (f->epoll < 0) {
		err = -errno;
		free(f);
		return err;
	}
	err = config->xfrm ? open_sadb(f, config, live) : 0;
	if (err) {
		facts_close(f);
		return err;
	}
	open_vici(f, config);
	if (config->firewall && firewall_open(&f->firewall) != 0)
		log_line(f->log, LOG_LEVEL_WARNING, "the firewall's rules are not read: no memory");
	*ret = f;
	return 0;
}

void facts_close(struct facts *f)
{
	if (!f)
		return;
	vici_close(f->vici);
	firewall_close(f->firewall);
	sadb_close(f->sadb);
	close(f->epoll);
	free(f);
}

int facts_fd(const struct facts *f)
{
	return f->epoll;
}

void facts_run(struct facts *f)
{
	if (f->vici)
		vici_run(f->vici);
	if (f->sadb)
		sadb_ready(f->sadb);
}

void facts_tick(struct facts *f)
{
	if (f->sadb)
		sadb_tick(f->sadb);
	if (f->firewall) {
		struct timespec now;

		clock_gettime(CLOCK_REALTIME, &now);
		firewall_tick(f->firewall,
			      (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec);
	}
}

const struct firewall *facts_firewall(const struct facts *f)
{
	return f->firewall ? firewall_now(f->firewall) : NULL;
}

const struct fact_kernel *facts_kernel(const struct facts *f)
{
	return f->sadb ? sadb_facts(f->sadb) : NULL;
}

bool facts_have_address(const struct facts *f, const uint8_t address[16])
{
	return f->sadb && sadb_has_address(f->sadb, address);
}

void facts_host(const struct facts *f, struct host_facts *ret)
{
	if (f->sadb)
		sadb_host(f->sadb, ret);
}

const struct fact_daemon *facts_daemons(struct facts *f, size_t *ret_count)
{
	size_t count = f->vici ? vici_count(f->vici) : 0;

	for (size_t i = 0; i < count; i++)
		vici_snapshot(f->vici, i, &f->daemons[i]);
	*ret_count = count;
	return f->daemons;
}
