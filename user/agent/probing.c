// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/probing.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "model/address.h"
#include "source/child.h"

#define SECOND UINT64_C(1000000000)
#define PEERS 1024
#define PAUSE (10 * SECOND)   /* between two probes: at most 360 an hour */
#define AGAIN (600 * SECOND)  /* a peer is left in peace for so long */
#define LONGEST (60 * SECOND) /* then it hangs: it is told to take 20 */
#define OUTPUT ((size_t)1 << 20)

struct peer {
	char tunnel[sizeof(((struct state_tunnel *)0)->name)];
	uint8_t local[16], peer[16];
	uint64_t probed_ns, seen_ns; /* 0: not yet */
	uint64_t due_ns;	     /* 0: nobody wants it */
};

struct probing {
	struct probing_options options;
	struct peer peers[PEERS];
	size_t count;
	uint64_t started_ns, ended_ns; /* of the latest probe */
	pid_t child;		       /* 0: none */
	int pipe;
	struct peer of;
	char *output;
	size_t length;
	bool refused; /* it was told that there are too many peers */
};

/* All zero when it is none. */
static void parse_address(const char *text, uint8_t ret[static 16])
{
	memset(ret, 0, 16);
	address_parse(text, ret);
}

/* ---- whom to probe */

static bool is_peer(const struct peer *one, const uint8_t local[16], const uint8_t peer[16])
{
	return memcmp(one->peer, peer, 16) == 0 && memcmp(one->local, local, 16) == 0;
}

/* Its own place, a new one, or that of one that has been gone for long. NULL: there is none. */
static struct peer *peer_of(struct probing *p, const uint8_t local[16], const uint8_t peer[16], size_t hint,
			    uint64_t now_ns)
{
	struct peer *oldest = NULL;

	/* Tunnels come in the same order each time, mostly. */
	if (hint < p->count && is_peer(&p->peers[hint], local, peer))
		return &p->peers[hint];
	for (size_t i = 0; i < p->count; i++) {
		struct peer *one = &p->peers[i];

		if (is_peer(one, local, peer))
			return one;
		if (!oldest || one->seen_ns < oldest->seen_ns)
			oldest = one;
	}
	if (p->count < PEERS)
		oldest = &p->peers[p->count++];
	else if (oldest->seen_ns + AGAIN > now_ns)
		oldest = NULL;
	if (!oldest) {
		if (!p->refused)
			log_line(p->options.log, LOG_LEVEL_WARNING,
				 "more than %d tunnels to probe: the others are not", PEERS);
		p->refused = true;
		return NULL;
	}
	*oldest = (struct peer){.seen_ns = now_ns};
	memcpy(oldest->local, local, 16);
	memcpy(oldest->peer, peer, 16);
	return oldest;
}

void probing_look(struct probing *p, const struct state_tunnel *tunnels, size_t count, uint64_t now_ns)
{
	if (!p)
		return;
	for (size_t i = 0; i < count; i++) {
		const struct state_tunnel *t = &tunnels[i];
		struct peer *peer;

		if (t->transit || address_is_any(t->remote))
			continue;
		peer = peer_of(p, t->local, t->remote, i, now_ns);
		if (!peer)
			return;
		peer->seen_ns = now_ns;
		memcpy(peer->tunnel, t->name, sizeof(peer->tunnel));
		if (!peer->due_ns && p->options.interval_ns)
			peer->due_ns = peer->probed_ns ? peer->probed_ns + p->options.interval_ns : now_ns;
	}
}

/* Packets that are lost, cut or refused by their size, or may be. */
static bool is_about_size(enum finding_id id)
{
	switch (id) {
	case FINDING_IKE_FRAGMENTS_LOST:
	case FINDING_PATH_LOSS:
	case FINDING_ESP_FRAGMENTED:
	case FINDING_FRAGMENTS_LOST:
	case FINDING_PMTU_EXCEEDED:
	case FINDING_MSS_TOO_HIGH:
		return true;
	default:
		return false;
	}
}

void probing_found(struct probing *p, const struct finding *f, uint64_t now_ns)
{
	uint8_t address[16];

	if (!p || !is_about_size(f->id) || (!f->tunnel && !f->peer))
		return;
	parse_address(f->peer, address);
	for (size_t i = 0; i < p->count; i++) {
		struct peer *one = &p->peers[i];

		if (f->tunnel ? strcmp(f->tunnel, one->tunnel) != 0 : memcmp(address, one->peer, 16) != 0)
			continue;
		if (!one->probed_ns || one->probed_ns + AGAIN <= now_ns)
			one->due_ns = now_ns;
	}
}

/* ---- the child */

static int spawn(struct probing *p, const char **arguments, int output)
{
	const char *program = p->options.program ? p->options.program : "/proc/self/exe";
	int err = child_ask(program, arguments, output, &p->child);

	if (err)
		p->child = 0;
	return err;
}

static void start(struct probing *p, struct peer *peer, uint64_t now_ns)
{
	const char *arguments[8] = {"espial", "probe", "--json", "--time=20"};
	char local[ADDRESS_TEXT], remote[ADDRESS_TEXT];
	size_t count = 4;
	int ends[2], err;

	peer->due_ns = 0;
	peer->probed_ns = p->started_ns = now_ns;
	p->of = *peer;
	p->length = 0;
	address_text(peer->peer, remote);
	if (!address_is_any(peer->local)) {
		arguments[count++] = "--source";
		arguments[count++] = address_text(peer->local, local);
	}
	arguments[count++] = remote;
	arguments[count] = NULL;
	err = pipe2(ends, O_CLOEXEC | O_NONBLOCK) ? -errno : 0;
	if (!err) {
		/* O_NONBLOCK is for our end: a writer that does not expect it would lose what does not fit. */
		if (fcntl(ends[1], F_SETFL, 0) < 0)
			err = -errno;
		if (!err)
			err = spawn(p, arguments, ends[1]);
		close(ends[1]);
		p->pipe = ends[0];
		if (err)
			close(ends[0]);
	}
	if (!err)
		return;
	p->ended_ns = now_ns;
	log_line(p->options.log, LOG_LEVEL_WARNING, "probe of %s: %s", remote, strerror(-err));
}

/* ---- what it says */

static uint32_t number(const json_t *object, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(object, key));

	return n > 0 && n <= 65535 ? (uint32_t)n : 0;
}

static void describe(const json_t *document, const struct model_path *path, struct timeline_entry *entry)
{
	const json_t *by = json_object_get(document, "measured_by"),
		     *direction = json_object_get(document, "direction");
	uint32_t at_least = number(document, "path_mtu_at_least");
	bool confirmed = json_is_true(json_object_get(document, "confirmed"));

	entry->confidence = confirmed ? TIMELINE_CERTAIN : TIMELINE_LIKELY;
	if (!path->mtu) {
		snprintf(entry->text, sizeof(entry->text),
			 at_least ? "path MTU at least %u; more was not found in the time"
				  : "path MTU unknown: nothing was answered",
			 at_least);
		entry->confidence = TIMELINE_LIKELY;
	} else if (path->blackhole) {
		entry->severity = TIMELINE_WARNING;
		snprintf(entry->text, sizeof(entry->text),
			 "path MTU %u: larger packets vanish, and nobody says so", path->mtu);
	} else {
		snprintf(entry->text, sizeof(entry->text), "path MTU %u", path->mtu);
	}
	timeline_evidence_add(entry, TIMELINE_FROM_PROBE, entry->time_ns, "path MTU",
			      path->mtu ? "%u" : "unknown", path->mtu);
	if (json_is_string(by))
		timeline_evidence_add(entry, TIMELINE_FROM_PROBE, entry->time_ns, "measured by", "%s%s",
				      json_string_value(by),
				      json_is_string(direction) &&
						      strcmp(json_string_value(direction), "forward") == 0
					      ? ", towards the peer"
					      : ", the smaller of both directions");
	if (number(document, "return_mtu"))
		timeline_evidence_add(entry, TIMELINE_FROM_PROBE, entry->time_ns, "way back", "%u",
				      number(document, "return_mtu"));
	timeline_evidence_add(entry, TIMELINE_FROM_PROBE, entry->time_ns, "fragments", "%s",
			      json_is_true(json_object_get(document, "fragments_pass"))	   ? "pass"
			      : json_is_false(json_object_get(document, "fragments_pass")) ? "are lost"
											   : "unknown");
	timeline_evidence_add(entry, TIMELINE_FROM_PROBE, entry->time_ns, "packets sent", "%u",
			      number(document, "packets"));
}

static void begin_entry(const struct probing *p, uint64_t now_ns, struct timeline_entry *ret)
{
	*ret = (struct timeline_entry){.time_ns = now_ns,
				       .kind = TIMELINE_PROBE,
				       .severity = TIMELINE_INFO,
				       .confidence = TIMELINE_CERTAIN,
				       .origin = TIMELINE_FROM_PROBE};
	memcpy(ret->local, p->of.local, sizeof(ret->local));
	memcpy(ret->peer, p->of.peer, sizeof(ret->peer));
}

/* Told, so that nobody waits for a result. The reason is on no channel that we read, but `espial probe` says it. */
static void tell_failure(struct probing *p, const char *why, uint64_t now_ns)
{
	struct timeline_entry entry;
	char peer[ADDRESS_TEXT];

	begin_entry(p, now_ns, &entry);
	snprintf(entry.text, sizeof(entry.text), "the probe %s: `espial probe %s` says more", why,
		 address_text(p->of.peer, peer));
	timeline_evidence_add(&entry, TIMELINE_FROM_SELF, now_ns, "probe", "%s", why);
	p->options.result(p->options.arg, NULL, &entry);
}

static void take_result(struct probing *p, uint64_t now_ns)
{
	json_t *document = json_loadb(p->output, p->length, 0, NULL);
	struct model_path path = {.probed = true, .first_ns = now_ns, .last_ns = now_ns};
	struct timeline_entry entry;

	if (!json_is_object(document)) {
		json_decref(document);
		tell_failure(p, "said nothing that is a result", now_ns);
		return;
	}
	memcpy(path.local, p->of.local, sizeof(path.local));
	memcpy(path.peer, p->of.peer, sizeof(path.peer));
	path.mtu = number(document, "path_mtu");
	path.blackhole = json_is_true(json_object_get(document, "black_hole"));
	path.fragments_pass = json_is_true(json_object_get(document, "fragments_pass"));
	parse_address(json_string_value(json_object_get(document, "icmp_reporter")), path.reporter);
	begin_entry(p, now_ns, &entry);
	describe(document, &path, &entry);
	json_decref(document);
	p->options.result(p->options.arg, path.mtu ? &path : NULL, &entry);
}

/* False: it has ended what it has to say, or says too much. */
static bool read_output(struct probing *p)
{
	ssize_t n;

	while (p->length < OUTPUT) {
		n = read(p->pipe, p->output + p->length, OUTPUT - p->length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		if (!n)
			return false;
		p->length += (size_t)n;
	}
	return false;
}

/* It no longer writes: ends within a moment, or is ended. */
static void follow(struct probing *p, uint64_t now_ns)
{
	bool late = now_ns > p->started_ns + LONGEST || now_ns < p->started_ns;
	bool open = p->pipe >= 0 && read_output(p);
	int status = 0;
	pid_t ended;

	if (!open && p->pipe >= 0) {
		close(p->pipe);
		p->pipe = -1;
	}
	if (late || p->length == OUTPUT)
		kill(-p->child, SIGKILL);
	if (open && !late)
		return;
	ended = waitpid(p->child, &status, WNOHANG);
	if (!ended)
		return;
	p->child = 0;
	p->ended_ns = now_ns;
	if (p->pipe >= 0) {
		close(p->pipe);
		p->pipe = -1;
	}
	if (late)
		tell_failure(p, "took too long", now_ns);
	else if (ended < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0 || p->length == OUTPUT)
		tell_failure(p, "could not be run", now_ns);
	else
		take_result(p, now_ns);
}

void probing_tick(struct probing *p, uint64_t now_ns)
{
	struct peer *next = NULL;

	if (!p)
		return;
	if (p->child) {
		follow(p, now_ns);
		return;
	}
	if (p->ended_ns && now_ns >= p->ended_ns && now_ns < p->ended_ns + PAUSE)
		return;
	for (size_t i = 0; i < p->count; i++) {
		struct peer *one = &p->peers[i];

		/* Whose tunnel is gone is not probed. */
		if (one->due_ns && one->due_ns <= now_ns && one->seen_ns + AGAIN > now_ns &&
		    (!next || one->due_ns < next->due_ns))
			next = one;
	}
	if (next)
		start(p, next, now_ns);
}

int probing_open(const struct probing_options *options, struct probing **ret)
{
	struct probing *p = calloc(1, sizeof(*p));

	if (p)
		p->output = malloc(OUTPUT);
	if (!p || !p->output) {
		free(p);
		return -ENOMEM;
	}
	p->options = *options;
	p->pipe = -1;
	*ret = p;
	return 0;
}

void probing_close(struct probing *p)
{
	if (!p)
		return;
	if (p->child) {
		kill(-p->child, SIGKILL);
		waitpid(p->child, NULL, 0);
	}
	if (p->pipe >= 0)
		close(p->pipe);
	free(p->output);
	free(p);
}
