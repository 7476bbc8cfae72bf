// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_rules_quality.c - the rules of families D and E, each moved across its thresholds both ways, with near misses
 *
 * The whole engine with the real table, one look a second; only what a case sets differs from healthy traffic.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "diagnose/catalogue.h"
#include "diagnose/rule.h"

#define SECOND UINT64_C(1000000000)
#define START (UINT64_C(1000000) * SECOND)
#define RATE 10000 /* packets a second */

static struct state_tunnel tunnel;
static struct state_sa sas[200];
static struct state state;
static struct host_facts host;
static struct model_path path;
static struct fact_sa kernel_sa;
static struct fact_kernel kernel;
static struct diagnosis *d;
static uint64_t second;
static bool live, with_kernel;

static void address(uint8_t ret[16], uint8_t last)
{
	memset(ret, 0, 16);
	ret[10] = ret[11] = 0xff;
	ret[12] = 192;
	ret[14] = 2;
	ret[15] = last;
}

static int setup(void **unused)
{
	(void)unused;
	memset(&tunnel, 0, sizeof(tunnel));
	memset(sas, 0, sizeof(sas));
	memset(&state, 0, sizeof(state));
	memset(&host, 0, sizeof(host));
	memset(&path, 0, sizeof(path));
	memset(&kernel, 0, sizeof(kernel));
	memset(&kernel_sa, 0, sizeof(kernel_sa));
	strcpy(tunnel.name, "t");
	address(tunnel.local, 1);
	address(tunnel.remote, 2);
	tunnel.state = STATE_TUNNEL_UP;
	state.tunnels = &tunnel;
	state.tunnel_count = 1;
	state.sas = sas;
	for (size_t i = 0; i < 2; i++) { /* in, out */
		struct state_sa *sa = &sas[i];

		sa->direction = i ? ESP_DIR_OUT : ESP_DIR_IN;
		sa->family = 4;
		sa->protocol = 50;
		sa->spi = 0x1000 + (uint32_t)i;
		address(sa->source, i ? 1 : 2);
		address(sa->destination, i ? 2 : 1);
		sa->known = -1;
		sa->interface_count = 1;
		sa->sequence.window = 2048;
		sa->first_ns = START;
		strcpy(sa->interface, "eth0");
	}
	state.sa_count = 2;
	host.cpu_softirq = host.cpu_busy = -1;
	second = 0;
	live = true;
	with_kernel = false;
	diagnosis_free(d); /* a case may begin anew */
	d = diagnosis_new();
	return d ? 0 : -1;
}

static int teardown(void **unused)
{
	(void)unused;
	diagnosis_free(d);
	d = NULL;
	return 0;
}

/* The next second, with healthy traffic; is the finding raised after it? */
static const struct finding *look(enum finding_id id)
{
	struct diagnose_input input = {
		.now_ns = START + second * SECOND, .live = live, .state = &state, .host = &host};

	kernel.available = true;
	kernel.sas = &kernel_sa;
	kernel.sa_count = 1;
	if (with_kernel)
		input.kernel = &kernel;
	if (path.last_ns) {
		input.paths = &path;
		input.path_count = 1;
	}
	assert_int_equal(diagnosis_update(d, &input), 0);
	second++;
	tunnel.in.packets += RATE;
	tunnel.in.received += RATE;
	tunnel.out.packets += RATE;
	tunnel.out.received += RATE;
	for (size_t i = 0; i < 2; i++) {
		sas[i].packets += RATE;
		sas[i].sequence.received += RATE;
		sas[i].sequence.highest += RATE;
		sas[i].last_ns = START + second * SECOND;
	}
	host.before_ns = host.taken_ns;
	host.taken_ns = START + second * SECOND;
	for (size_t i = 0; i < diagnosis_raised(d)->count; i++)
		if (diagnosis_raised(d)->list[i]->id == id)
			return diagnosis_raised(d)->list[i];
	return NULL;
}

/* ---- ratios of a tunnel's counters: per row a value that is just not enough, and so on */

static const struct ratio {
	enum finding_id id;
	size_t counter; /* in state_tunnel_counters */
	uint32_t of; /* what the counter gains at most per RATE packets, for `raise` and the others below */
	uint32_t below, raise, stays, clears; /* gained a second */
	bool lost;			      /* not received */
} ratios[] = {
	/* 1 % raises, below 0.5 % clears */
	{FINDING_PATH_LOSS, offsetof(struct state_tunnel_counters, lost), RATE, 99, 100, 50, 49, true},
	{FINDING_REORDERING, offsetof(struct state_tunnel_counters, late), RATE, 99, 100, 50, 49, false},
	{FINDING_ESP_FRAGMENTED, offsetof(struct state_tunnel_counters, fragmented), RATE, 99, 100, 50, 49,
	 false},
	/* 0.1 %, 0.05 % */
	{FINDING_DUPLICATE_PACKETS, offsetof(struct state_tunnel_counters, duplicate), RATE, 9, 10, 5, 4,
	 false},
};

static const struct finding *ratio_seconds(const struct ratio *r, uint32_t gain, unsigned int seconds)
{
	const struct finding *f = NULL;

	for (unsigned int i = 0; i < seconds; i++) {
		f = look(r->id);
		*(uint64_t *)((char *)&tunnel.in + r->counter) += gain;
		if (r->lost)
			tunnel.in.received -= gain;
	}
	return f;
}

static void test_ratios(void **unused)
{
	for (size_t i = 0; i < sizeof(ratios) / sizeof(ratios[0]); i++) {
		const struct ratio *r = &ratios[i];
		const struct finding *f;

		setup(unused);
		assert_null(ratio_seconds(r, r->below, 200));
		f = ratio_seconds(r, r->raise, 100);
		if (!f) {
			fail_msg("%s is not raised", catalogue_row(r->id)->id);
			return;
		}
		assert_string_equal(f->tunnel, "t");
		assert_string_equal(f->peer, "192.0.2.2");
		assert_true(f->evidence_count >= 2);
		assert_non_null(ratio_seconds(r, r->stays, 300));
		assert_null(ratio_seconds(r, r->clears, 300));
		teardown(unused);
	}
	setup(unused);
}

/* Too few packets decide nothing. */
static void test_loss_of_few(void **unused)
{
	(void)unused;
	for (int i = 0; i < 100; i++) {
		assert_null(look(FINDING_PATH_LOSS));
		tunnel.in.received -= RATE;
		tunnel.in.received++;
		tunnel.in.lost++;
	}
}

/* What counts as lost and came after all is not lost: the lower bound. */
static void test_loss_that_came(void **unused)
{
	(void)unused;
	for (int i = 0; i < 100; i++) {
		assert_null(look(FINDING_PATH_LOSS));
		tunnel.in.lost += 500;
		tunnel.in.too_old += 500;
	}
}

/*
 * A loss is told when it is sure, ten to twenty seconds later. 600 packets pass in three seconds, 30 of them are lost, then hardly any traffic:
 * it stays 5 % until it is forgotten, however few pass meanwhile.
 */
static void test_loss_told_late(void **unused)
{
	for (unsigned int late = 0; late <= 21; late++) {
		bool raised = false;

		setup(unused);
		for (unsigned int i = 0; i < 300; i++) {
			const struct finding *f = look(FINDING_PATH_LOSS);

			tunnel.in.received += (i >= 100 && i < 103 ? 190 : 3) - (uint64_t)RATE;
			if (i == 102 + late)
				tunnel.in.lost += 30;
			raised |= f != NULL;
			if (f)
				assert_int_equal(f->severity, SEVERITY_WARNING);
			if (i > 102 + late + 70 + 60)
				assert_null(f);
		}
		assert_true(raised);
		teardown(unused);
	}
	setup(unused);
}

/* A gap on egress is a local drop on the gateway, but path loss in a capture from anywhere. */
static void test_loss_out(void **unused)
{
	for (int capture = 0; capture < 2; capture++) {
		const struct finding *f = NULL;

		setup(unused);
		live = !capture;
		for (int i = 0; i < 100; i++) {
			f = look(FINDING_PATH_LOSS);
			tunnel.out.lost += 500;
			tunnel.out.received -= 500;
		}
		assert_int_equal(f != NULL, capture);
		teardown(unused);
	}
	setup(unused);
}

static void test_observation_gap(void **unused)
{
	const struct finding *f = NULL;

	(void)unused;
	assert_null(look(FINDING_OBSERVATION_GAP));
	state.loss[ESP_LOSS_RING_OVERRUN] += 1;
	for (int i = 0; i < 30; i++) {
		f = look(FINDING_OBSERVATION_GAP);
		assert_non_null(f);
		tunnel.in.lost += 500;
		tunnel.in.received -= 500;
	}
	/* it explains the loss, and stands for it */
	assert_null(look(FINDING_PATH_LOSS));
	f = look(FINDING_OBSERVATION_GAP);
	assert_int_equal(f->explains[0], FINDING_PATH_LOSS);
	for (int i = 0; i < 61; i++)
		f = look(FINDING_OBSERVATION_GAP);
	assert_null(f);
	/* SAs that were rekeyed long ago make room: nothing was missed. Newcomers do: it was. */
	state.loss[ESP_LOSS_EVICTED] += 1000;
	state.retired += 1000;
	assert_null(look(FINDING_OBSERVATION_GAP));
	state.loss[ESP_LOSS_EVICTED] += 1001;
	state.retired += 1000;
	assert_non_null(look(FINDING_OBSERVATION_GAP));
}

static void test_fragments_lost(void **unused)
{
	static const struct {
		uint32_t incomplete, fragmented;
		bool raised;
	} rows[] = {{1, 20, true}, {1, 21, false}, {0, 1000, false}, {20, 20, true}};

	for (size_t i = 0; i < 4; i++) {
		const struct finding *f = NULL;

		setup(unused);
		for (int k = 0; k < 100; k++) {
			f = look(FINDING_FRAGMENTS_LOST);
			tunnel.in.fragmented += rows[i].fragmented;
			tunnel.in.fragments_incomplete += rows[i].incomplete;
		}
		assert_int_equal(f != NULL, rows[i].raised);
		teardown(unused);
	}
	setup(unused);
}

/* ---- one SA */

static void test_replay_window(void **unused)
{
	const struct finding *f;

	(void)unused;
	for (int i = 0; i < 10; i++)
		look(FINDING_REPLAY_WINDOW_TOO_SMALL);
	for (int i = 0; i < STATE_DROP_WINDOWS; i++)
		sas[0].sequence.window_drops[i] = i < 3 ? 99 : i < 7 ? 0 : UINT64_MAX;
	assert_null(look(FINDING_REPLAY_WINDOW_TOO_SMALL)); /* 99 of 100 000 */
	for (int i = 0; i < 3; i++)
		sas[0].sequence.window_drops[i] = 150;
	f = look(FINDING_REPLAY_WINDOW_TOO_SMALL);
	assert_non_null(f);
	assert_int_equal(f->confidence, CONFIDENCE_POSSIBLE); /* nobody told the window */
	assert_non_null(strstr(f->action, "256"));
	assert_int_equal(f->spi, 0x1000);

	/* the kernel says that the window holds them */
	with_kernel = true;
	kernel_sa = (struct fact_sa){.spi = 0x1000, .protocol = 50, .replay_window = 256};
	address(kernel_sa.destination, 1);
	for (int i = 0; i < 70; i++)
		f = look(FINDING_REPLAY_WINDOW_TOO_SMALL);
	assert_null(f);
	kernel_sa.replay_window = 64;
	f = look(FINDING_REPLAY_WINDOW_TOO_SMALL);
	assert_null(f); /* below 0.1 % again: the SA has gone on */
	sas[0].sequence.window_drops[1] = 1000;
	f = look(FINDING_REPLAY_WINDOW_TOO_SMALL);
	assert_non_null(f);
	assert_int_equal(f->confidence, CONFIDENCE_CERTAIN);
	kernel_sa.replay_window = 0; /* it does not check */
	for (int i = 0; i < 70; i++)
		f = look(FINDING_REPLAY_WINDOW_TOO_SMALL);
	assert_null(f);
}

static void test_path_changed(void **unused)
{
	const struct finding *f = NULL;

	(void)unused;
	sas[0].ttl_changes = 5; /* before we came */
	for (int i = 0; i < 100; i++)
		assert_null(look(FINDING_PATH_CHANGED));
	sas[0].ttl_changes++; /* once is a new route */
	for (int i = 0; i < 100; i++)
		assert_null(look(FINDING_PATH_CHANGED));
	for (int i = 0; i < 32; i++) {
		f = look(FINDING_PATH_CHANGED);
		sas[0].ttl_changes++;
	}
	assert_non_null(f);
	for (int i = 0; i < 132; i++)
		f = look(FINDING_PATH_CHANGED);
	assert_null(f);
	/* A route that flaps every nine seconds; then every fifteen, which is rather a network that is worked on */
	for (int i = 0; i < 45; i++) {
		f = look(FINDING_PATH_CHANGED);
		sas[0].ttl_changes += i % 9 == 0;
	}
	assert_non_null(f);
	for (int i = 0; i < 132; i++)
		f = look(FINDING_PATH_CHANGED);
	assert_null(f);
	for (int i = 0; i < 100; i++) {
		assert_null(look(FINDING_PATH_CHANGED));
		sas[0].ttl_changes += i % 15 == 0;
	}
}

static void test_congestion(void **unused)
{
	const struct finding *f = NULL;

	(void)unused;
	sas[0].ecn_ce = 100;
	for (int i = 0; i < 20; i++)
		assert_null(look(FINDING_CONGESTION_MARKED));
	for (int i = 0; i < 8; i++) {
		f = look(FINDING_CONGESTION_MARKED);
		sas[0].ecn_ce++;
	}
	assert_non_null(f);
}

static void test_sequence(void **unused)
{
	const struct finding *f;

	(void)unused;
	look(FINDING_SEQUENCE_REUSED);
	sas[1].sequence.duplicate = 1;
	f = look(FINDING_SEQUENCE_REUSED);
	assert_non_null(f);
	assert_int_equal(f->severity, SEVERITY_CRITICAL);
	assert_string_equal(f->interface, "eth0");
	sas[1].interface_count = 2; /* two hooks see one packet twice */
	for (int i = 0; i < 301; i++)
		f = look(FINDING_SEQUENCE_REUSED);
	assert_null(f);
	setup(unused);
	sas[0].sequence.restarts = 1; /* the peer's */
	sas[1].sequence.late = 1;
	assert_null(look(FINDING_SEQUENCE_REUSED));
	sas[1].sequence.restarts = 1;
	f = look(FINDING_SEQUENCE_REUSED);
	assert_non_null(f);
	assert_int_equal(f->confidence, CONFIDENCE_LIKELY);
	assert_non_null(strstr(f->meaning, "began anew"));

	/* 10 000 a second: a day is 864 000 000 numbers */
	setup(unused);
	for (int i = 0; i < 20; i++)
		look(FINDING_SEQUENCE_EXHAUSTION);
	sas[0].sequence.first = UINT32_MAX - 2000000000u - 200000;
	sas[0].sequence.highest = UINT32_MAX - 2000000000u;
	assert_null(look(FINDING_SEQUENCE_EXHAUSTION));
	sas[0].sequence.first = UINT32_MAX - 800000000u - 200000;
	sas[0].sequence.highest = UINT32_MAX - 800000000u;
	f = look(FINDING_SEQUENCE_EXHAUSTION);
	assert_non_null(f);
	assert_int_equal(f->confidence, CONFIDENCE_POSSIBLE);
	with_kernel = true;
	kernel_sa = (struct fact_sa){.spi = 0x1000, .protocol = 50, .esn = true};
	address(kernel_sa.destination, 1);
	for (int i = 0; i < 62; i++)
		f = look(FINDING_SEQUENCE_EXHAUSTION);
	assert_null(f);
	kernel_sa.esn = false;
	f = look(FINDING_SEQUENCE_EXHAUSTION);
	assert_int_equal(f->confidence, CONFIDENCE_CERTAIN);
	/* it is rekeyed long before */
	kernel_sa.lifetime.hard_seconds = 3600;
	kernel_sa.added_ns = START;
	for (int i = 0; i < 62; i++)
		f = look(FINDING_SEQUENCE_EXHAUSTION);
	assert_null(f);
}

/* ---- path and host */

static void test_pmtu(void **unused)
{
	const struct finding *f;

	(void)unused;
	look(FINDING_PMTU_EXCEEDED);
	address(path.local, 1);
	address(path.peer, 2);
	address(path.reporter, 9);
	path.mtu = 1400;
	path.reports = 1;
	path.first_ns = path.last_ns = START;
	f = look(FINDING_PMTU_EXCEEDED);
	assert_non_null(f);
	assert_string_equal(f->tunnel, "t");
	assert_non_null(strstr(f->meaning, "1400"));
	for (int i = 0; i < 600 + 62; i++) /* nobody repeats it */
		f = look(FINDING_PMTU_EXCEEDED);
	assert_null(f);
	path.mtu = 0; /* an error without an MTU */
	path.last_ns = START + second * SECOND;
	assert_null(look(FINDING_PMTU_EXCEEDED));
	path.probed = path.blackhole = true;
	path.mtu = 1380;
	f = look(FINDING_PMTU_BLACKHOLE);
	assert_non_null(f);
	path.blackhole = false;
	look(FINDING_PMTU_BLACKHOLE);
	assert_null(look(FINDING_PMTU_BLACKHOLE));
}

static void test_host(void **unused)
{
	const struct finding *f;

	(void)unused;
	look(FINDING_GATEWAY_OVERLOADED);
	look(FINDING_GATEWAY_OVERLOADED);
	host.softnet_dropped = 9;
	assert_null(look(FINDING_GATEWAY_OVERLOADED));
	host.softnet_dropped = 10;
	f = look(FINDING_GATEWAY_OVERLOADED);
	assert_non_null(f);
	host.softnet_dropped_before = 10;
	for (int i = 0; i < 62; i++)
		f = look(FINDING_GATEWAY_OVERLOADED);
	assert_null(f);

	host.drop_count = 1;
	strcpy(host.drops[0].reason, "NO_SOCKET");
	strcpy(host.drops[0].interface, "eth0");
	host.drops[0].value = 5;
	assert_null(look(FINDING_DF_DROP));
	strcpy(host.drops[0].reason, "PKT_TOO_BIG");
	f = look(FINDING_DF_DROP);
	assert_non_null(f);
	assert_string_equal(f->interface, "eth0");
	assert_int_equal(f->evidence[0].number, 5);
	host.drops[1] = host.drops[0]; /* other packets, at the same interface: summed */
	host.drops[1].kind = HOST_DROP_INNER;
	host.drops[1].value = 7;
	host.drop_count = 2;
	f = look(FINDING_DF_DROP);
	assert_int_equal(f->evidence[0].number, 12);
	assert_int_equal(f->evidence_count, 3);
	host.drop_count = 1;
	host.drops[0].before = 5;
	for (int i = 0; i < 302; i++)
		f = look(FINDING_DF_DROP);
	assert_null(f);
}

/* ---- security */

static void test_spi_scan(void **unused)
{
	const struct finding *f;

	(void)unused;
	for (size_t i = 2; i < 102; i++) {
		sas[i].newcomer = true;
		sas[i].tunnel = STATE_NO_TUNNEL;
		sas[i].known = -1;
		sas[i].packets = 1;
	}
	sas[0].tunnel = sas[1].tunnel = 0;
	state.sa_count = 101; /* 99 of them */
	assert_null(look(FINDING_SPI_SCAN));
	state.sa_count = 102;
	f = look(FINDING_SPI_SCAN);
	assert_non_null(f);
	/* what it threw out of the table is its doing */
	state.loss[ESP_LOSS_EVICTED] += 10;
	assert_null(look(FINDING_OBSERVATION_GAP));
	for (size_t i = 2; i < 102; i++)
		sas[i].known = 1; /* many new tunnels at once */
	for (int i = 0; i < 62; i++)
		f = look(FINDING_SPI_SCAN);
	assert_null(f);
}

/* An hour of healthy traffic raises nothing at all. */
static void test_quiet(void **unused)
{
	(void)unused;
	for (int i = 0; i < 3600; i++) {
		look(FINDING_PATH_LOSS);
		tunnel.in.late += i % 7 == 0;
		tunnel.in.duplicate += i % 100 == 0;
		tunnel.in.lost += i % 3 == 0;
		assert_int_equal(diagnosis_raised(d)->count, 0);
	}
	assert_int_equal(diagnosis_cleared(d)->count, 0);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_ratios),	   TEST(test_loss_of_few),   TEST(test_loss_that_came),
		TEST(test_loss_told_late), TEST(test_loss_out),	     TEST(test_observation_gap),
		TEST(test_fragments_lost), TEST(test_replay_window), TEST(test_path_changed),
		TEST(test_congestion),	   TEST(test_sequence),	     TEST(test_pmtu),
		TEST(test_host),	   TEST(test_spi_scan),	     TEST(test_quiet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
