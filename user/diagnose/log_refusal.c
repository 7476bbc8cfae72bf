// SPDX-License-Identifier: GPL-2.0-or-later
/* log_refusal.c - proposals, selectors, keys and identities that one end does not take from the other */
#include <stdio.h>
#include <string.h>

#include "diagnose/log_case.h"
#include "model/log_proposal.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SECOND 1000000000ULL

/* Is it a CHILD_SA (phase 2) that is refused? */
static bool is_child(const struct log_case *c, const struct log_event *e)
{
	const char *received = c->received ? log_text(c->t, c->received->text) : "";

	if (*received)
		return strncmp(received, "IKE:", 4) != 0;
	switch ((enum log_exchange)e->exchange) {
	case LOG_IKE_SA_INIT:
	case LOG_MAIN_MODE:
	case LOG_AGGRESSIVE_MODE:
		return false;
	case LOG_IKE_AUTH:
	case LOG_QUICK_MODE:
	case LOG_CREATE_CHILD_SA:
		return true;
	default:
		return c->state == CASE_UP;
	}
}

static struct ailment *refuse(struct log_case *c, enum finding_id id, const struct log_event *e,
			      enum finding_confidence confidence)
{
	struct ailment *a = case_raise(c, id, e, confidence);

	c->told = id;
	return a;
}

static void describe(struct ailment *a, const char *detail, const char *fix)
{
	snprintf(a->detail, sizeof(a->detail), "%s", detail);
	snprintf(a->fix, sizeof(a->fix), "%s", fix);
	a->particular = true;
}

/* pluto tells its own proposals once for each connection, one in a line, and those of the peer when it refuses them */
static void compare_pluto(struct log_case *c, const struct log_event *e, struct ailment *a)
{
	const char *offer = log_text(c->t, e->text);
	struct log_proposal_difference d;

	if (log_proposal_compare_pluto(offer, c->own, &d) && *d.text) {
		snprintf(a->detail, sizeof(a->detail), ": %s", d.text);
		snprintf(a->fix, sizeof(a->fix), "%s", d.fix);
		a->particular = true;
		return;
	}
	snprintf(a->detail, sizeof(a->detail),
		 ": the peer offers %.500s; what is configured here is not in the log", offer);
}

/* What differed was told attribute by attribute before, or only what the peer offered */
static void tell_differences(struct log_case *c, const struct log_event *e, struct ailment *a)
{
	if (e->dialect == LOG_HUAWEI && *c->differs) {
		snprintf(a->detail, sizeof(a->detail), ": %.600s", c->differs);
		snprintf(a->fix, sizeof(a->fix), "%s", c->offer);
		a->particular = true;
		case_note(c, (enum finding_id)(a - c->ailments), c->difference);
		*c->differs = *c->offer = '\0';
	} else if (e->dialect == LOG_PLUTO && e->text && !a->particular) {
		compare_pluto(c, e, a);
	}
}

/* charon writes both lists before it refuses */
static void compare(struct log_case *c, const struct log_event *e, struct ailment *a)
{
	struct log_proposal_difference d;

	tell_differences(c, e, a);
	if (!c->received || !c->configured ||
	    !log_proposal_compare(log_text(c->t, c->received->text), log_text(c->t, c->configured->text),
				  &d) ||
	    !*d.text)
		return;
	snprintf(a->detail, sizeof(a->detail), ": %s", d.text);
	snprintf(a->fix, sizeof(a->fix), "%s", d.fix);
	a->particular = true;
}

static void note_lists(struct log_case *c, enum finding_id id)
{
	case_note(c, id, c->received);
	case_note(c, id, c->configured);
}

static void no_proposal(struct log_case *c, const struct log_event *e)
{
	enum finding_id id = is_child(c, e) ? case_child_id(c, e) : FINDING_IKE_PROPOSAL_MISMATCH;
	struct ailment *a = refuse(c, id, e, CONFIDENCE_CERTAIN);

	note_lists(c, id);
	compare(c, e, a);
}

/* ---- IOS compares the offers of the peer with its policies one by one, and says so each time */

static void add_to_offer(struct log_case *c, const char *text)
{
	size_t used = strlen(c->offer);

	/* Lifetimes are never the reason */
	if (strncmp(text, "life", 4) == 0)
		return;
	snprintf(c->offer + used, sizeof(c->offer) - used, "%s%s", used ? ", " : "", text);
}

/* Into a list "a; b; c" in the order of the alphabet: of two lines of one second, nobody knows the first */
static void insert_sorted(char list[static CASE_DETAIL], const char *one)
{
	size_t used = strlen(list), length = strlen(one), at = 0;

	while (at < used && strncmp(list + at, one, length) < 0) {
		const char *next = strstr(list + at, "; ");

		at = next ? (size_t)(next - list) + 2 : used;
	}
	if (used + length + 3 > CASE_DETAIL)
		return;
	if (at == used) {
		snprintf(list + used, CASE_DETAIL - used, "%s%s", used ? "; " : "", one);
		return;
	}
	memmove(list + at + length + 2, list + at, used - at + 1);
	memcpy(list + at, one, length);
	memcpy(list + at + length, "; ", 2);
}

/* pluto: "IKE=AES_CBC_256-HMAC_SHA1-HMAC_SHA1_96-MODP1024", of which the pattern keeps what is behind "IKE=" */
static void add_own(struct log_case *c, const struct log_event *e)
{
	static const char *const protocols[] = {"IKE=", "ESP=", "AH="};
	const char *line = log_event_line(c->t, e);
	char one[CASE_DETAIL / 2];

	for (size_t i = 0; i < COUNT(protocols); i++) {
		if (!strstr(line, protocols[i]))
			continue;
		snprintf(one, sizeof(one), "%s%s", protocols[i], log_text(c->t, e->text));
		if (!strstr(c->own, one))
			insert_sorted(c->own, one);
		return;
	}
}

/* VRP: "ENCRYPTION_ALGORITHM: got DES_CBC, expected 3DES_CBC" */
static void add_attribute(struct log_case *c, const struct log_event *e)
{
	const char *text = log_text(c->t, e->text);
	static const struct {
		const char *attribute, *name;
	} names[] = {
		{"ENCRYPTION_ALGORITHM", "encryption algorithm"},
		{"HASH_ALGORITHM", "hash algorithm"},
		{"GROUP_DESCRIPTION", "DH group"},
		{"AUTHENTICATION_METHOD", "authentication method"},
		{"KEY_LENGTH", "key length"},
		{"PRF", "PRF"},
	};
	size_t used = strlen(c->differs), length = strcspn(text, ":");
	const char *got = strstr(text, "got "), *expected = strstr(text, ", expected "), *name = text;
	char one[CASE_DETAIL / 2];
	int named = (int)length;

	if (!got || !expected || expected < got || got - text > 64)
		return;
	for (size_t i = 0; i < COUNT(names); i++)
		if (strlen(names[i].attribute) == length && strncmp(text, names[i].attribute, length) == 0) {
			name = names[i].name;
			named = (int)strlen(name);
		}
	got += strlen("got ");
	snprintf(one, sizeof(one), "%.*s: %.*s only on the received side, %.64s only on the configured side",
		 named < 64 ? named : 64, name, (int)(expected - got < 64 ? expected - got : 64), got,
		 expected + strlen(", expected "));
	if (strstr(c->differs, one))
		return;
	insert_sorted(c->differs, one);
	c->difference = e;
	/* What to do about several, the sentence of the catalogue says */
	*c->offer = '\0';
	if (!used)
		snprintf(c->offer, sizeof(c->offer),
			 "set the same %.*s on both ends: the peer has %.*s, here it is %.64s",
			 named < 64 ? named : 64, name, (int)(expected - got < 64 ? expected - got : 64), got,
			 expected + strlen(", expected "));
}

/* "…: Encryption algorithm offered does not match policy!" */
static void add_difference(struct log_case *c, const struct log_event *e)
{
	const char *line = log_event_line(c->t, e), *end = strstr(line, " offered does not"), *from;
	size_t used = strlen(c->differs);

	if (!end)
		end = strstr(line, " does not match");
	if (!end)
		return;
	for (from = end; from > line && from[-1] != ':' && from[-1] != ')'; from--)
		;
	while (from < end && *from == ' ')
		from++;
	if (from == end || memmem(c->differs, used, from, (size_t)(end - from)))
		return;
	snprintf(c->differs + used, sizeof(c->differs) - used, "%s%.*s", used ? ", " : "", (int)(end - from),
		 from);
}

void case_tell_refused(struct log_case *c)
{
	const struct log_event *e = c->refused;
	enum finding_id id;
	struct ailment *a;

	if (!e)
		return;
	c->refused = NULL;
	id = c->offer_is_child ? case_child_id(c, e) : FINDING_IKE_PROPOSAL_MISMATCH;
	a = refuse(c, id, e, CONFIDENCE_CERTAIN);
	if (*c->differs || *c->offer)
		snprintf(a->detail, sizeof(a->detail), ": %.200s%s%s%.300s",
			 *c->differs ? c->differs : "something", " differs",
			 *c->offer ? "; the peer's last offer was " : "", c->offer);
	a->particular = *c->differs;
}

static bool offers(struct log_case *c, const struct log_event *e)
{
	switch ((enum log_kind)e->kind) {
	case LOG_OFFER:
		c->offer_is_child = !(e->flags & LOG_HAS_MID);
		*c->offer = '\0';
		if (!c->refused)
			*c->differs = '\0';
		return true;
	case LOG_OFFER_PART:
		add_to_offer(c, log_text(c->t, e->text));
		return true;
	case LOG_OFFER_DIFFERS:
		if (e->dialect == LOG_HUAWEI)
			add_attribute(c, e);
		else
			add_difference(c, e);
		return true;
	case LOG_OFFER_ACCEPTED:
		c->refused = NULL;
		*c->differs = '\0';
		return true;
	default:
		return false;
	}
}

/* ---- keys and identities */

static void auth_failed(struct log_case *c, const struct log_event *e)
{
	static const char keys[] = ": the pre-shared keys differ";
	static const char enter[] = "enter the same pre-shared key again on both ends";
	static const char trust[] = ": the other end's key or certificate is not trusted here";
	static const struct {
		const char *in_line, *detail, *fix;
	} reasons[] = {
		{"MAC mismatched", keys, enter},
		{"sanity check", keys, enter},
		{"Reserved not zero", keys, enter},
		{"Payload Type 5", keys, enter},
		{"PAYLOAD_MALFORMED", keys, enter},
		{"INVALID_PAYLOAD_TYPE", keys, enter},
		{"malformed payload", keys, enter},
		{"shared key mismatch", keys, enter},
		{"mismatch of preshared", keys, enter},
		{"HASH does not match", keys, enter},
		{"no shared key found", ": there is no pre-shared key for these identities here",
		 "add a pre-shared key for exactly these identities here"},
		{"public key found", trust,
		 "install the CA certificate of the other end here, and check validity and identity"},
		{"IKMP_INVAL_CERT", trust,
		 "install the CA certificate of the other end here, and check validity and identity"},
		{"Possible authentication failure",
		 ": the peer does not answer our first encrypted message, which a wrong key or identity does",
		 "look into the peer's log for the reason; compare pre-shared key and identities"},
		{"signature validation", trust, "install the right certificate of the other end here"},
		{"no private key", ": there is no private key for our certificate here",
		 "install the private key of our certificate here"},
	};
	const char *line = log_event_line(c->t, e);
	/* pluto's own guess, when nothing came */
	bool guess = strstr(line, "Possible authentication failure") != NULL;
	struct ailment *a =
		refuse(c, FINDING_IKE_AUTH_FAILED, e, guess ? CONFIDENCE_LIKELY : CONFIDENCE_CERTAIN);

	for (size_t i = 0; i < COUNT(reasons); i++)
		if (strstr(line, reasons[i].in_line)) {
			describe(a, reasons[i].detail, reasons[i].fix);
			return;
		}
	if (!a->particular && (strstr(line, "received AUTH") || strstr(line, "rejected"))) {
		snprintf(a->detail, sizeof(a->detail), ": the peer refused our key or identity");
		snprintf(a->fix, sizeof(a->fix),
			 "look into the peer's log for the reason; compare pre-shared key and identities");
	}
}

static void decrypt_failed(struct log_case *c, const struct log_event *e)
{
	c->decrypt_failed_ns = e->order_ns;
	if (c->state == CASE_UP) {
		case_raise(c, FINDING_IKE_MALFORMED, e, CONFIDENCE_LIKELY);
		return;
	}
	describe(refuse(c, FINDING_IKE_AUTH_FAILED, e, CONFIDENCE_LIKELY),
		 ": the pre-shared keys differ, messages decrypt to noise",
		 "enter the same pre-shared key again on both ends");
}

static void malformed(struct log_case *c, const struct log_event *e)
{
	/* What does not decrypt does not parse */
	if (c->decrypt_failed_ns && e->order_ns - c->decrypt_failed_ns < SECOND)
		return;
	if (strstr(log_event_line(c->t, e), "PAYLOAD_MALFORMED") && c->state != CASE_UP)
		describe(refuse(c, FINDING_IKE_AUTH_FAILED, e, CONFIDENCE_LIKELY),
			 ": the pre-shared keys differ, the peer could not read our message",
			 "enter the same pre-shared key again on both ends");
	else
		case_raise(c, FINDING_IKE_MALFORMED, e, CONFIDENCE_CERTAIN);
}

static void identity_refused(struct log_case *c, const struct log_event *e)
{
	describe(refuse(c, FINDING_IKE_AUTH_FAILED, e, CONFIDENCE_CERTAIN),
		 ": the identity or address that the peer shows is not the configured one",
		 "configure the identity that the peer sends, on both ends crosswise");
}

bool case_refusal(struct log_case *c, const struct log_event *e)
{
	struct ailment *a;

	if (offers(c, e))
		return true;
	switch ((enum log_kind)e->kind) {
	case LOG_PROPOSALS_RECEIVED:
		c->received = e;
		return true;
	case LOG_PROPOSALS_CONFIGURED:
		c->configured = e;
		if (e->dialect == LOG_PLUTO)
			add_own(c, e);
		return true;
	case LOG_NO_PROPOSAL:
		/* Of IOS, one of several: what counts is whether any is accepted */
		if (e->dialect == LOG_CISCO)
			c->refused = c->refused ? c->refused : e;
		else
			no_proposal(c, e);
		return true;
	case LOG_PHASE1_REFUSED:
		c->offer_is_child = false;
		case_tell_refused(c);
		a = refuse(c, FINDING_IKE_PROPOSAL_MISMATCH, e, CONFIDENCE_CERTAIN);
		tell_differences(c, e, a);
		return true;
	case LOG_PHASE2_REFUSED:
		c->offer_is_child = true;
		case_tell_refused(c);
		a = refuse(c, case_child_id(c, e), e, CONFIDENCE_CERTAIN);
		note_lists(c, case_child_id(c, e));
		compare(c, e, a);
		return true;
	case LOG_INSTALL_FAILED:
		describe(refuse(c, case_child_id(c, e), e, CONFIDENCE_CERTAIN),
			 ": the kernel of this host does not take the SA",
			 "load the kernel's ESP and the algorithms (modprobe esp4 esp6 xfrm_user), and look "
			 "for SAs of others");
		return true;
	case LOG_SELECTORS_REFUSED:
		a = refuse(c, case_child_id(c, e), e, CONFIDENCE_CERTAIN);
		describe(a, ": the traffic selectors differ",
			 "make the traffic selectors (crypto ACLs) of both ends mirror images");
		return true;
	case LOG_AUTH_FAILED:
		auth_failed(c, e);
		return true;
	case LOG_IDENTITY_REFUSED:
		identity_refused(c, e);
		return true;
	case LOG_CERT_EXPIRED:
		describe(refuse(c, FINDING_IKE_AUTH_FAILED, e, CONFIDENCE_CERTAIN),
			 ": a certificate is expired, revoked or not yet valid",
			 "renew the certificate, and check the clocks of both ends");
		return true;
	case LOG_DECRYPT_FAILED:
		decrypt_failed(c, e);
		return true;
	case LOG_MALFORMED:
		malformed(c, e);
		return true;
	case LOG_VERSION_REFUSED:
		refuse(c, FINDING_IKE_VERSION_MISMATCH, e, CONFIDENCE_CERTAIN);
		return true;
	case LOG_PEER_UNKNOWN:
		a = refuse(c, FINDING_IKE_REQUEST_NOT_ANSWERED, e, CONFIDENCE_CERTAIN);
		describe(a, ": it knows no such peer, or has no key for it", "");
		return true;
	default:
		return false;
	}
}
