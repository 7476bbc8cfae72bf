/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * model.h - the room in which facts become state: IKE conversations, tunnels,
 * and the timeline of both
 *
 * Pure: no I/O, no clock. Sources push what they see; model_update() folds one
 * look at the datapath's tables; model_show() adds what the model knows to a
 * state. The same for the agent and for captures.
 */
#ifndef ESPIAL_MODEL_MODEL_H
#define ESPIAL_MODEL_MODEL_H

#include "model/conversation.h"
#include "model/event.h"
#include "model/fact.h"
#include "model/state.h"
#include "model/timeline.h"
#include "model/tunnel.h"

struct model_options {
	struct conversation_limits ike;
	struct tunnel_limits tunnels;
	/* An address of this host? NULL: nobody knows (a capture). */
	bool (*is_local)(void *arg, const uint8_t address[16]);
	/* What happens, in the order in which it became known. NULL: nobody listens.
   * Not to call back into the model. */
	void (*entry)(void *arg, const struct timeline_entry *entry);
	void *arg;
};

#define MODEL_PATHS 256

/* What ICMP errors or a probe told of the path between two addresses: the latest. */
struct model_path {
	uint8_t local[16], peer[16], reporter[16];
	uint32_t mtu; /* bytes; 0: none told */
	uint64_t reports, first_ns, last_ns;
	bool probed;	/* by a probe: then the next two are valid */
	bool blackhole; /* larger packets vanish, and no ICMP error comes */
	bool fragments_pass;
	uint32_t spi; /* of the packet that was quoted; 0: none */
	/* The peer's own host said that nothing listens on this UDP port of it; 0 refusals: it did not */
	uint64_t refusals, refused_ns;
	uint16_t refused_port;
};

struct model;

struct model *model_new(const struct model_options *options); /* copied; NULL: no memory */
void model_free(struct model *m);			      /* NULL is fine */

/* One IKE message, in the order of time. Returns the parser's verdict. */
enum ike_fault model_ike(struct model *m, const struct conversation_packet *packet);
/* One ICMP error or change of an endpoint, decoded. Others are ignored. */
void model_event(struct model *m, const struct event *event);
/* An IKE daemon says that it ended this IKE SA. */
void model_ike_ended(struct model *m, uint64_t initiator_spi, uint64_t responder_spi, uint64_t at_ns);
/* Time has come to `now_ns`: give up what is overdue. About once a second. */
void model_tick(struct model *m, uint64_t now_ns);

/*
 * One look at everything: every second or two. `state` is whole (with sas[]);
 * `kernel` and `daemons` may be NULL. 0 or -ENOMEM.
 */
int model_update(struct model *m, const struct state *state, const struct fact_kernel *kernel,
		 const struct fact_daemon *daemons, size_t daemon_count, uint64_t now_ns);

/* Fills state->tunnels, ->ike, ->ike_counters and each SA's tunnel. 0 or
 * -ENOMEM. The model must outlive the state. */
int model_show(const struct model *m, struct state *state);

/* The paths of which something was told, at most MODEL_PATHS: the longest unheard of make room. */
const struct model_path *model_paths(const struct model *m, size_t *ret_count);
/* The result of a probe; one without an MTU changes nothing. */
void model_probed(struct model *m, const struct model_path *result);

struct conversations *model_conversations(const struct model *m);
struct tunnels *model_tunnels(struct model *m);

#endif
