// SPDX-License-Identifier: GPL-2.0-or-later
/* test_diagnosis.c - the engine alone, with rules made for it: thresholds, hysteresis, hold, calm, causes, needs */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "diagnose/rule.h"
#include "model/inner.h"

#define SECOND UINT64_C(1000000000)
#define START (UINT64_C(1000000) * SECOND)

/* What the rules measure. */
static double loss_value, dead_value;
static uint64_t loss_samples = 1000;
static struct state_tunnel tunnels[2];
static struct state state = {.tunnels = tunnels, .tunnel_count = 1};
static int raised, cleared;
static uint64_t until_ns;

static void rule_loss(struct rule_run *r)
{
	struct rule_subject subject = {.tunnel = &r->input->state->tunnels[0]};
	struct finding *f = rule_hit(r, &subject, loss_value, loss_samples);

	finding_evidence_number(f, ORIGIN_WIRE, r->input->now_ns, "lost", 7);
}

static void rule_dead(struct rule_run *r)
{
	struct rule_subject subject = {.tunnel = &r->input->state->tunnels[0]};

	rule_hit(r, &subject, dead_value, 1);
}

static void rule_kernel(struct rule_run *r)
{
	struct rule_subject subject = {0};

	rule_hit(r, &subject, 1, 1);
}

static const struct rule rules[] = {
	{FINDING_PATH_LOSS, rule_loss, 0.02, 0.01, 100, 10, 20, NEED_NOTHING},
	{FINDING_OBSERVATION_GAP, rule_dead, 1, 1, 0, 0, 0, NEED_NOTHING},
	{FINDING_INVALID_SPI, rule_kernel, 1, 1, 0, 0, 0, NEED_KERNEL},
};

static void on_change(void *arg, const struct finding *f, bool up)
{
	assert_ptr_equal(arg, &raised);
	raised += up;
	cleared += !up;
	if (!up)
		until_ns = f->until_ns;
	else
		assert_int_equal(f->until_ns, 0);
}

static int setup(void **state_)
{
	struct diagnosis *d = diagnosis_new_with(rules, 3);

	diagnosis_observe(d, on_change, &raised);
	*state_ = d;
	raised = cleared = 0;
	loss_value = dead_value = 0;
	loss_samples = 1000;
	memset(tunnels, 0, sizeof(tunnels));
	strcpy(tunnels[0].name, "left-right");
	tunnels[0].remote[10] = tunnels[0].remote[11] = 0xff;
	tunnels[0].remote[12] = 192;
	tunnels[0].remote[15] = 7;
	return 0;
}

static int teardown(void **state_)
{
	diagnosis_free(*state_);
	return 0;
}

/* One look; returns how many findings are shown. */
static size_t look(struct diagnosis *d, uint64_t second)
{
	const struct diagnose_input input = {.now_ns = START + second * SECOND, .state = &state};

	assert_int_equal(diagnosis_update(d, &input), 0);
	return diagnosis_raised(d)->count;
}

static void test_hysteresis(void **state_)
{
	struct diagnosis *d = *state_;
	struct finding **list;

	loss_value = 0.0199;
	assert_int_equal(look(d, 0), 0);
	assert_int_equal(look(d, 60), 0); /* below the threshold however long */
	loss_value = 0.02;
	assert_int_equal(look(d, 61), 0); /* holds, waits */
	assert_int_equal(look(d, 70), 0);
	assert_int_equal(look(d, 71), 1);
	assert_int_equal(raised, 1);
	list = diagnosis_raised(d)->list;
	assert_int_equal(list[0]->id, FINDING_PATH_LOSS);
	assert_string_equal(list[0]->tunnel, "left-right");
	assert_string_equal(list[0]->peer, "192.0.0.7");
	assert_int_equal(list[0]->since_ns, START + 61 * SECOND);
	assert_int_equal(list[0]->evidence_count, 1);
	assert_non_null(list[0]->meaning);
	loss_value = 0.01; /* between clear and raise: stays */
	assert_int_equal(look(d, 100), 1);
	loss_value = 0.0099;
	assert_int_equal(look(d, 101), 1); /* calm, waits */
	loss_value = 0.01;
	assert_int_equal(look(d, 110), 1); /* not calm after all */
	loss_value = 0;
	assert_int_equal(look(d, 111), 1);
	assert_int_equal(look(d, 130), 1);
	assert_int_equal(cleared, 0);
	assert_int_equal(look(d, 131), 0);
	assert_int_equal(cleared, 1);
	assert_int_equal(until_ns, START + 111 * SECOND);
	assert_int_equal(diagnosis_cleared(d)->count, 1);
	list = diagnosis_cleared(d)->list;
	assert_int_equal(list[0]->since_ns, START + 61 * SECOND);
	assert_int_equal(diagnosis_raised_total(d, FINDING_PATH_LOSS), 1);
}

static void test_interrupted_hold(void **state_)
{
	struct diagnosis *d = *state_;

	loss_value = 1;
	look(d, 0);
	look(d, 9);
	loss_value = 0;
	look(d, 10);
	loss_value = 1;
	assert_int_equal(look(d, 11), 0); /* it begins anew */
	assert_int_equal(look(d, 20), 0);
	assert_int_equal(look(d, 21), 1);
}

static void test_samples(void **state_)
{
	struct diagnosis *d = *state_;

	loss_value = 1;
	loss_samples = 99;
	look(d, 0);
	assert_int_equal(look(d, 60), 0);
	loss_samples = 100;
	look(d, 61);
	assert_int_equal(look(d, 71), 1);
}

static void test_cause(void **state_)
{
	struct diagnosis *d = *state_;
	struct finding **list;

	loss_value = dead_value = 1;
	look(d, 0);
	assert_int_equal(look(d, 10), 1);
	list = diagnosis_raised(d)->list;
	assert_int_equal(list[0]->id, FINDING_OBSERVATION_GAP);
	assert_int_equal(list[0]->explains_count, 1);
	assert_int_equal(list[0]->explains[0], FINDING_PATH_LOSS);
	assert_int_equal(raised, 1); /* the consequence was not told */
	dead_value = 0;
	assert_int_equal(look(d, 11), 1); /* the cause is gone: the consequence stands for itself */
	list = diagnosis_raised(d)->list;
	assert_int_equal(list[0]->id, FINDING_PATH_LOSS);
	assert_int_equal(raised, 2);
}

/* A consequence that was there only as long as its cause is never told, nor kept. */
static void test_silent_consequence(void **state_)
{
	struct diagnosis *d = *state_;

	loss_value = dead_value = 1;
	look(d, 0);
	look(d, 10);
	loss_value = 0;
	look(d, 11);
	assert_int_equal(look(d, 40), 1);
	assert_int_equal(raised, 1);
	assert_int_equal(cleared, 0);
	assert_int_equal(diagnosis_cleared(d)->count, 0);
	assert_int_equal(diagnosis_raised_total(d, FINDING_PATH_LOSS), 0);
}

static void on_undecided(void *arg, enum finding_id id, unsigned int missing)
{
	unsigned int *seen = arg;

	if (id == FINDING_INVALID_SPI)
		*seen = missing;
	assert_true(id != FINDING_PATH_LOSS);
}

static void test_needs(void **state_)
{
	struct diagnosis *d = *state_;
	struct fact_kernel kernel = {.available = true};
	struct diagnose_input input = {.now_ns = START, .state = &state};
	unsigned int seen = 0;

	assert_int_equal(diagnosis_update(d, &input), 0);
	assert_int_equal(diagnosis_raised(d)->count, 0);
	diagnosis_undecided(d, on_undecided, &seen);
	assert_int_equal(seen, NEED_KERNEL);
	input.kernel = &kernel;
	assert_int_equal(diagnosis_update(d, &input), 0);
	assert_int_equal(diagnosis_raised(d)->count, 1);
	seen = 0;
	diagnosis_undecided(d, on_undecided, &seen);
	assert_int_equal(seen, 0);
}

static void on_lack(void *arg, enum finding_id id, unsigned int missing)
{
	unsigned int *lacks = arg;

	assert_int_equal(lacks[id], 0); /* once at most */
	assert_int_not_equal(missing, 0);
	for (unsigned int bit = 1; bit <= missing; bit <<= 1)
		if (missing & bit)
			assert_string_not_equal(diagnose_need_text((enum diagnose_need)bit), "nothing");
	lacks[id] = missing;
}

/* Each finding of the catalogue has a rule, and says what that lacks: with nothing but a capture, and with all that there can be. */
static void test_catalogue(void **unused)
{
	struct diagnosis *d = diagnosis_new();
	unsigned int offline[FINDING_COUNT] = {0}, whole[FINDING_COUNT] = {0}, purpose[FINDING_COUNT] = {0};
	struct fact_kernel kernel = {.available = true};
	struct fact_daemon daemon = {.available = true};
	struct firewall firewall = {.available = true};
	struct model_path path = {.probed = true};
	struct host_facts host = {.has_xfrm = true, .has_drops = true};
	struct findings logs = {0};
	struct inner_view inner;
	struct state known = {0};
	struct diagnose_input input = {.now_ns = START, .state = &known};

	(void)unused;
	memset(&inner, 0, sizeof(inner));
	assert_int_equal(diagnosis_update(d, &input), 0);
	diagnosis_undecided(d, on_lack, offline);
	assert_int_equal(offline[FINDING_REKEY_LATE], NEED_KERNEL | NEED_LIVE);
	assert_int_equal(offline[FINDING_DUPLICATE_SAS], NEED_PURPOSE | NEED_LIVE);
	assert_int_equal(offline[FINDING_CERTIFICATE_EXPIRY], NEED_DAEMON);
	assert_int_equal(offline[FINDING_PMTU_BLACKHOLE], NEED_PROBE);
	assert_int_equal(offline[FINDING_MSS_TOO_HIGH], NEED_INNER | NEED_LIVE);
	assert_int_equal(offline[FINDING_PATH_LOSS], 0);
	/* Either of the two tells what an SA is for */
	input.live = true;
	input.daemons = &daemon;
	input.daemon_count = 1;
	assert_int_equal(diagnosis_update(d, &input), 0);
	diagnosis_undecided(d, on_lack, purpose);
	assert_int_equal(purpose[FINDING_DUPLICATE_SAS], 0);
	assert_int_equal(purpose[FINDING_REKEY_LATE], NEED_KERNEL);
	input.kernel = &kernel;
	input.firewall = &firewall;
	input.host = &host;
	input.logs = &logs;
	input.paths = &path;
	input.path_count = 1;
	known.inner = &inner;
	assert_int_equal(diagnosis_update(d, &input), 0);
	diagnosis_undecided(d, on_lack, whole);
	for (int id = 0; id < FINDING_COUNT; id++)
		assert_int_equal(whole[id], 0);
	diagnosis_free(d);
}

/* More clears than are kept: the latest are. */
static void test_many_cleared(void **state_)
{
	struct diagnosis *d = *state_;

	for (uint64_t i = 0; i < 600; i++) {
		dead_value = i % 2 ? 0 : 1;
		look(d, i);
	}
	assert_int_equal(raised, 300);
	assert_int_equal(cleared, 300);
	assert_int_equal(diagnosis_cleared(d)->list[0]->until_ns, START + 599 * SECOND);
	assert_int_equal(diagnosis_cleared(d)->count, 256);
	assert_int_equal(diagnosis_cleared(d)->list[255]->until_ns, START + 89 * SECOND);
}

static struct state_tunnel_counters gained;
static uint64_t gained_ns;
static bool gained_any;

static void rule_gain(struct rule_run *r)
{
	struct state_tunnel_counters out;

	gained_any = rule_tunnel_gain(r, &r->input->state->tunnels[0], 30, &gained, &out, &gained_ns);
}

static void test_gain(void **state_)
{
	static const struct rule one[] = {{FINDING_PATH_LOSS, rule_gain, 1, 1, 0, 0, 0, NEED_NOTHING}};
	struct diagnosis *d = diagnosis_new_with(one, 1);

	(void)state_;
	for (uint64_t second = 0; second <= 300; second++) {
		tunnels[0].in.packets = second * 100;
		tunnels[0].in.lost = second;
		look(d, second);
		assert_int_equal(gained_any, second > 0);
		if (second < 40)
			continue;
		/* kept every 10 s: between 30 and 40 s are looked at */
		assert_in_range(gained_ns, 30 * SECOND, 40 * SECOND - 1);
		assert_int_equal(gained.packets, gained_ns / SECOND * 100);
		assert_int_equal(gained.lost, gained_ns / SECOND);
	}
	diagnosis_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_hysteresis, setup, teardown),
		cmocka_unit_test_setup_teardown(test_interrupted_hold, setup, teardown),
		cmocka_unit_test_setup_teardown(test_samples, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cause, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silent_consequence, setup, teardown),
		cmocka_unit_test_setup_teardown(test_needs, setup, teardown),
		cmocka_unit_test(test_catalogue),
		cmocka_unit_test_setup_teardown(test_many_cleared, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gain, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
