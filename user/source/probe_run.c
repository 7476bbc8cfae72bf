// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * probe_run.c - the course of a probe
 *
 *  1. Does anything answer small packets: echo, IKE on 500 and 4500? A few ESP packets are sent too.
 *  2. The threshold of one that answers.
 *  3. The thresholds of the others, which begin with that of the first.
 *  4. Fragments; and with their help the way back, where it may be wider than the way there.
 *  5. The hops, if asked for.
 */
#include "source/probe_run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "complain.h"
#include "model/probe_mark.h"

#define ESP_TRIES 4
#define RARE_TRIES 4
#define RARE_NS (600 * UINT64_C(1000000))      /* between those */
#define WAY_BACK_NS (5 * UINT64_C(1000000000)) /* at most: it is an extra */
#define WAY_BACK_LOSS 0.1		       /* above, fragments take longer than that */
#define FRAGMENTED_EXTRA 200		       /* bytes above the path MTU: two fragments, both not tiny */

/* ---- before anything is sent */

static int check_options(const struct probe_options *o, char *error, size_t size)
{
	if (!o->rate || o->rate > PROBE_RATE_MAX || !o->packets || o->packets > PROBE_PACKETS_MAX ||
	    !o->time || o->time > PROBE_TIME_MAX || !o->confirm || o->confirm > PROBE_CONFIRM_MAX ||
	    !o->max_hops || o->max_hops > PROBE_HOPS_MAX ||
	    (o->max_size && (o->max_size < PROBE_SIZE_MIN || o->max_size > PROBE_SIZE_MAX)))
		return complain(error, size, -EINVAL, "an option of the probe is out of range");
	return 0;
}

/* Multicast, broadcast and the address of nobody are asked nothing: many might answer, or none. */
static bool is_host(const struct probe_address *a)
{
	static const uint8_t nobody[16], all[4] = {255, 255, 255, 255};

	if (a->family == 6)
		return a->bytes[0] != 0xff && memcmp(a->bytes, nobody, 16) != 0;
	return (a->bytes[0] < 224 || a->bytes[0] >= 240) && a->bytes[0] != 0 && memcmp(a->bytes, all, 4) != 0;
}

static int find_source(const struct probe_options *o, struct probe_result *r, char *error, size_t size)
{
	struct probe_address asked = {0};
	char target[PROBE_ADDRESS_SIZE];
	int err;

	err = probe_resolve(o->peer, o->family, &r->target);
	if (err == -EAGAIN)
		return complain(error, size, err,
				"peer '%s': the name server does not answer: give an address, or try again",
				o->peer);
	if (err)
		return complain(error, size, err,
				"peer '%s' does not resolve%s: check the name, or give an address", o->peer,
				o->family == 6 ? " to IPv6"
				: o->family    ? " to IPv4"
					       : "");
	probe_address_text(&r->target, target);
	if (!is_host(&r->target))
		return complain(error, size, -EINVAL, "peer %s is not the address of one host", target);
	if (o->source && probe_resolve(o->source, r->target.family, &asked))
		return complain(error, size, -EINVAL, "source '%s' is no IPv%d address, as %s is", o->source,
				r->target.family, target);
	err = probe_route(&r->target, &asked, &r->source, r->interface, &r->link_mtu);
	if (err == -EADDRNOTAVAIL)
		return complain(error, size, -EINVAL,
				"source '%s' is no address of this host: `ip addr` lists them",
				o->source ? o->source : "");
	if (err == -ENETUNREACH)
		return complain(error, size, err,
				"no route to %s%s%s: `ip route get %s` tells what the kernel would do",
				target, o->source ? " from " : "", o->source ? o->source : "", target);
	if (err)
		return complain(error, size, err, "route to %s: %s", target, strerror(-err));
	if (r->link_mtu > PROBE_SIZE_MAX)
		r->link_mtu = PROBE_SIZE_MAX;
	if (r->link_mtu < PROBE_SIZE_BASE)
		return complain(error, size, -EINVAL,
				"interface %s has an MTU of %u: below %d nothing is measured", r->interface,
				r->link_mtu, PROBE_SIZE_BASE);
	return 0;
}

static int open_link(struct probe_course *run, const struct probe_options *o, struct probe_result *r,
		     char *error, size_t size)
{
	struct probe_key *key = &run->engine.link.key;
	uint16_t random[5];
	int err;

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return complain(error, size, -EIO, "no random numbers to be had");
	memcpy(key->spi, random, sizeof(key->spi));
	key->spi[0] |= 1; /* an SPI of zero is none */
	key->echo_id = random[3];
	key->esp_spi_high = (uint16_t)(PROBE_MARK >> 16 | (random[4] & 0xf));
	key->source = r->source;
	key->target = r->target;
	run->engine.link.inside = o->inside;
	run->engine.link.link_mtu = r->link_mtu;
	err = probe_link_open(&run->engine.link, o->unprivileged);
	if (err == -EPERM || err == -EACCES)
		return complain(error, size, -EPERM,
				"no socket for ICMP: run it as root or with CAP_NET_RAW, or allow ping "
				"sockets: sysctl "
				"net.ipv4.ping_group_range='0 2147483647'");
	if (err)
		return complain(error, size, err, "sockets: %s", strerror(-err));
	r->raw = run->engine.link.raw;
	if (r->raw)
		return 0;
	probe_note(r,
		   "without CAP_NET_RAW: protocol 50 is not tried, an error that quotes little may be put "
		   "down to the "
		   "wrong size, and the kernel keeps the path MTU that routers report; as root all is done");
	if (!run->engine.link.has_echo)
		probe_note(r,
			   "no ICMP echo: ping sockets are refused too; sysctl net.ipv4.ping_group_range='0 "
			   "2147483647' allows them");
	return 0;
}

static void begin_tasks(struct probe_course *run, const struct probe_options *o, const struct probe_result *r)
{
	static const char *const what[PROBE_METHODS] = {"ICMP echo", "IKE on UDP 500", "IKE on UDP 4500",
							"protocol 50"};
	unsigned int limit = o->max_size && o->max_size < r->link_mtu ? o->max_size : r->link_mtu;
	enum probe_method method;

	for (method = PROBE_ECHO; method < PROBE_METHODS; method++) {
		struct probe_task *t = &run->main[method];

		*t = (struct probe_task){.what = what[method], .method = method};
		probe_search_begin(&t->search, PROBE_SIZE_BASE, method == PROBE_ESP ? PROBE_SIZE_BASE : limit,
				   o->confirm);
		run->wanted[method] = method == PROBE_ECHO  ? run->engine.link.has_echo
				      : method == PROBE_ESP ? r->raw && !o->inside
							    : !o->inside;
	}
	run->main[PROBE_ESP].search.single = true;
	run->main[PROBE_ESP].search.base_tries = ESP_TRIES;
}

/* ---- the course */

static struct probe_task *first_of(struct probe_course *run, const enum probe_method order[static 3])
{
	struct probe_task *closed = NULL;
	size_t i;

	for (i = 0; i < 3; i++) {
		struct probe_task *t = &run->main[order[i]];

		if (!run->wanted[order[i]] || !t->search.low)
			continue;
		/* A closed port answers too, but hosts limit how often */
		if (!t->refused)
			return t;
		closed = closed ? closed : t;
	}
	return closed;
}

/*
 * Whose threshold is searched, so that the others need only try it: echo, of which hosts answer the most. With IPv6 rather IKE:
 * the kernel keeps what routers report about IPv6 echo, whatever the socket says, so that none too large should be sent.
 */
static struct probe_task *leader(struct probe_course *run)
{
	static const enum probe_method orders[2][3] = {{PROBE_ECHO, PROBE_IKE, PROBE_NATT},
						       {PROBE_IKE, PROBE_NATT, PROBE_ECHO}};

	return first_of(run, orders[run->engine.link.key.target.family == 6]);
}

/* Who tells of fragments: an IKE message is answered by a small one, which shows the way there alone. */
static struct probe_task *forward(struct probe_course *run)
{
	static const enum probe_method order[] = {PROBE_IKE, PROBE_NATT, PROBE_ECHO};

	return first_of(run, order);
}

/* Packets above the path MTU, cut by the sender; and, where a router would have to cut them, without DF. */
static size_t begin_fragments(struct probe_course *run, const struct probe_result *r,
			      const struct probe_task *by, struct probe_task **tasks)
{
	unsigned int mtu = by->search.low, limit = by->search.limit, size = mtu + FRAGMENTED_EXTRA;
	size_t count = 0;

	if (size > PROBE_SIZE_MAX)
		size = PROBE_SIZE_MAX;
	run->by_source = run->by_router = *by;
	/* Without a raw socket the interface's MTU decides where to cut: then larger than that */
	run->by_source.fragment = r->raw ? mtu : r->link_mtu;
	run->by_source.what = "fragments";
	probe_search_begin(&run->by_source.search, mtu,
			   r->raw || size > r->link_mtu ? size : r->link_mtu + FRAGMENTED_EXTRA, 0);
	run->by_source.search.single = true;
	if (run->by_source.search.limit > PROBE_SIZE_MAX - 8)
		return 0;
	if (r->raw || mtu == r->link_mtu)
		tasks[count++] = &run->by_source;
	/* Nothing to cut where larger ones get there, and only the answer is cut */
	if (r->target.family == 4 && mtu < limit && !by->answer_fragmented) {
		run->by_router.no_df = true;
		run->by_router.what = "packets without DF";
		probe_search_begin(&run->by_router.search, mtu, limit < size ? limit : size, 0);
		run->by_router.search.single = true;
		tasks[count++] = &run->by_router;
	}
	return count;
}

/* Where neither port answers a version that does not exist, one that does may be: a stricter daemon, or a firewall. */
static int try_old_form(struct probe_course *run, const struct probe_options *o)
{
	struct probe_task *tasks[2];
	enum probe_method method;
	size_t count = 0;

	for (method = PROBE_IKE; method <= PROBE_NATT; method++) {
		struct probe_task *t = &run->main[method];

		if (!run->wanted[method] || t->send_refused)
			continue;
		t->old_form = true;
		probe_search_begin(&t->search, t->search.base, t->search.limit, o->confirm);
		tasks[count++] = t;
	}
	return count ? probe_engine_run(&run->engine, tasks, count, PROBE_SEARCH_BRACKET) : 0;
}

/*
 * Silence of one port beside answers of the other would be called filtered, but a daemon that answers only so often may have answered
 * the other one alone: it is asked again, rarely.
 */
static int ask_silent(struct probe_course *run)
{
	struct probe_task *ike = &run->main[PROBE_IKE], *natt = &run->main[PROBE_NATT],
			  *t = ike->search.low ? natt : ike;
	int err;

	if (!run->wanted[PROBE_IKE] || !run->wanted[PROBE_NATT] || !ike->search.low == !natt->search.low ||
	    t->refused || t->send_refused)
		return 0;
	probe_search_begin(&t->search, t->search.base, t->search.limit, t->search.confirm);
	t->search.base_tries = RARE_TRIES;
	t->spacing_ns = RARE_NS;
	err = probe_engine_run(&run->engine, &t, 1, PROBE_SEARCH_BRACKET);
	t->spacing_ns = t->next_ns = 0;
	return err;
}

static int course(struct probe_course *run)
{
	struct probe_task *tasks[PROBE_METHODS + 2];
	struct probe_engine *e = &run->engine;
	struct probe_task *first;
	enum probe_method method;
	size_t count = 0;
	int err;

	for (method = PROBE_ECHO; method < PROBE_METHODS; method++)
		if (run->wanted[method])
			tasks[count++] = &run->main[method];
	err = probe_engine_run(e, tasks, count, PROBE_SEARCH_BRACKET);
	if (!err && !run->main[PROBE_IKE].search.low && !run->main[PROBE_NATT].search.low)
		err = try_old_form(run, e->options);
	if (!err)
		err = ask_silent(run);
	first = leader(run);
	if (err || !first)
		return err;
	/* Who limits its echo is asked on by IKE, if that is answered: a search takes many more answers than trying what it found */
	e->impatient =
		first == &run->main[PROBE_ECHO] && forward(run) != first && !e->pace[PROBE_BY_DAEMON].slowed;
	err = probe_engine_run(e, &first, 1, PROBE_SEARCH_DONE);
	e->impatient = false;
	if (err == -EAGAIN) {
		first = forward(run);
		err = probe_engine_run(e, &first, 1, PROBE_SEARCH_DONE);
	}
	if (err)
		return err;
	count = 0;
	for (method = PROBE_ECHO; method < PROBE_ESP; method++) {
		struct probe_task *t = &run->main[method];

		/* Where the port is closed, the one that is not closed has said all about sizes */
		if (t == first || !run->wanted[method] || !t->search.low || (t->refused && !first->refused))
			continue;
		probe_search_hint(&t->search, first->search.low);
		/* Echo no larger than the path there: the return may be narrower, not wider */
		if (method == PROBE_ECHO && probe_search_found(&first->search) && !first->refused)
			probe_search_begin(&t->search, PROBE_SIZE_BASE, first->search.low, t->search.confirm);
		tasks[count++] = t;
	}
	return count ? probe_engine_run(e, tasks, count, PROBE_SEARCH_DONE) : 0;
}

static int find_fragments(struct probe_course *run, struct probe_result *r)
{
	struct probe_task *tasks[2], *by = forward(run);
	size_t count;

	if (!by || !probe_search_found(&by->search))
		return 0;
	count = begin_fragments(run, r, by, tasks);
	return count ? probe_engine_run(&run->engine, tasks, count, PROBE_SEARCH_DONE) : 0;
}

/*
 * Echo that gets there in fragments, each no larger than the way there carries, is put together and answered in one piece as large as
 * all of it. What comes back in one piece fits the way back; what is cut on it, or lost, does not.
 */
static int find_way_back(struct probe_course *run, const struct probe_result *r)
{
	const struct probe_task *echo = &run->main[PROBE_ECHO], *by = forward(run);
	struct probe_task *t = &run->way_back;
	struct probe_engine *e = &run->engine;
	uint64_t ends_ns = e->ends_ns, now = probe_now_ns();
	unsigned int limit = echo->search.limit;
	int err;

	/* Where echo shows less than the way there, or the limit of the interface, it has said all */
	if (!by || by->refused || !r->raw || e->link.inside || echo->refused || echo->answer_fragmented ||
	    !probe_search_found(&echo->search) || !probe_search_found(&by->search) ||
	    echo->search.low < by->search.low || probe_search_loss(&echo->search) > WAY_BACK_LOSS ||
	    !run->by_source.what || run->by_source.search.low != run->by_source.search.limit)
		return 0;
	for (size_t i = PROBE_IKE; i < PROBE_ESP; i++)
		if (run->main[i].search.limit > limit)
			limit = run->main[i].search.limit;
	if (echo->search.low >= limit)
		return 0;
	*t = (struct probe_task){
		.what = "the way back", .method = PROBE_ECHO, .fragment = echo->search.low, .way_back = true};
	probe_search_begin(&t->search, echo->search.low, limit, echo->search.confirm);
	if (now + WAY_BACK_NS < ends_ns)
		e->ends_ns = now + WAY_BACK_NS;
	err = probe_engine_run(e, &t, 1, PROBE_SEARCH_DONE);
	if (err == -ETIME && e->ends_ns < ends_ns) {
		e->out_of_time = false;
		err = 0;
	}
	e->ends_ns = ends_ns;
	return err;
}

int probe_run(const struct probe_options *options, struct probe_result *ret, char *error, size_t error_size)
{
	struct probe_course run = {0};
	int err;

	memset(ret, 0, sizeof(*ret));
	snprintf(ret->name, sizeof(ret->name), "%s", options->peer);
	err = check_options(options, error, error_size);
	if (err)
		return err;
	err = find_source(options, ret, error, error_size);
	if (err)
		return err;
	err = open_link(&run, options, ret, error, error_size);
	if (err)
		return err;
	err = probe_engine_begin(&run.engine, options);
	if (!err) {
		begin_tasks(&run, options, ret);
		err = course(&run);
	}
	if (!err)
		err = find_fragments(&run, ret);
	if (!err)
		err = find_way_back(&run, ret);
	if (run.engine.attempts) {
		probe_report(&run, options, ret);
		probe_judge(ret);
	}
	if (!err && options->hops)
		err = probe_find_hops(&run.engine, ret);
	if (run.engine.attempts) {
		ret->packets = run.engine.count;
		ret->bytes = run.engine.link.sent_bytes;
		ret->duration_ns = probe_now_ns() - run.engine.started_ns;
		ret->out_of_time = run.engine.out_of_time;
		ret->out_of_packets = run.engine.out_of_packets;
	}
	probe_engine_end(&run.engine);
	probe_link_close(&run.engine.link);
	/* Time and packets are limits that were asked for: what is known by then is the result */
	if (err == -ETIME || err == -ENOSPC)
		err = 0;
	if (err)
		return complain(error, error_size, err, "%s",
				err == -ECANCELED ? "the probe was broken off" : strerror(-err));
	return 0;
}
