// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_tunnel_scale.c - many tunnels at once, and a flood of invented ones
 *
 * TUNNELS=10000 and a build without sanitizers measure: the CPU time of a look is printed and not judged.
 */
#include <time.h>

#include "tunnel_build.h"

#define DEFAULT_TUNNELS 2000

static struct state_sa *many;

static unsigned int count_of(void)
{
	const char *text = getenv("TUNNELS");

	return text ? (unsigned int)strtoul(text, NULL, 10) : DEFAULT_TUNNELS;
}

static void peer(unsigned int number)
{
	address(RIGHT, 2);
	ends[RIGHT].address[12] = 11;
	ends[RIGHT].address[13] = (uint8_t)(number >> 16);
	ends[RIGHT].address[14] = (uint8_t)(number >> 8);
	ends[RIGHT].address[15] = (uint8_t)number;
	spi_i = SPI_I + 2 * number;
	spi_r = SPI_R + 2 * number;
}

static struct state_sa *put_sa(enum end from, uint32_t spi)
{
	struct state_sa *sa = &many[state.sa_count++];

	*sa = (struct state_sa){.family = 4,
				.protocol = 50,
				.direction = from == LEFT ? ESP_DIR_OUT : ESP_DIR_IN,
				.spi = spi,
				.known = -1,
				.packets = 10,
				.bytes = 1000,
				.first_ns = now,
				.last_ns = now};
	memcpy(sa->source, ends[from].address, 16);
	memcpy(sa->destination, ends[!from].address, 16);
	return sa;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void use_large(unsigned int count)
{
	conversation_free(c);
	c = conversation_new(&(struct conversation_limits){.sas = 16384});
	input.ike = c;
	many = calloc(2 * (size_t)count, sizeof(*many));
	assert_non_null(many);
	state.sas = many;
}

static double update(void)
{
	double begin = seconds();

	input.now_ns = now;
	assert_int_equal(tunnels_update(tunnels, &input), 0);
	return seconds() - begin;
}

static void test_many(void **unused)
{
	unsigned int count = count_of(), up_count = 0;
	double first, again = 1e9, fill;

	(void)unused;
	tunnels_observe(tunnels, NULL, NULL);
	use_large(count);
	for (unsigned int i = 0; i < count; i++) {
		peer(i);
		up();
		put_sa(RIGHT, 0x10000 + i);
		put_sa(LEFT, 0x20000 + i);
	}
	first = update();
	for (unsigned int round = 0; round < 7; round++) {
		double took;

		after(SECOND);
		for (size_t i = 0; i < state.sa_count; i++) {
			many[i].packets += 10;
			many[i].last_ns = now;
		}
		took = update();
		again = took < again ? took : again;
	}
	fill = seconds();
	assert_int_equal(tunnels_fill(tunnels, &state), 0);
	fill = seconds() - fill;
	print_message("%u tunnels, %zu SAs: first look %.2f ms, then %.2f ms (best of 7), fill %.2f ms\n",
		      count, state.sa_count, first * 1e3, again * 1e3, fill * 1e3);
	assert_int_equal(state.tunnel_count, count);
	for (size_t i = 0; i < state.tunnel_count; i++)
		up_count += state.tunnels[i].state == STATE_TUNNEL_UP && state.tunnels[i].in.packets == 80;
	assert_int_equal(up_count, count);
	free(many);
}

/* Invented peers, answered: they get a part of the table, and known tunnels stay. */
static void test_flood(void **unused)
{
	(void)unused;
	tunnels_free(tunnels);
	tunnels = tunnels_new(&(struct tunnel_limits){.tunnels = 800});
	use_large(2);
	input.is_local = NULL;
	peer(0);
	up();
	for (unsigned int i = 1; i < 3000; i++) {
		peer(i);
		init_pair();
		if (i % 100 == 0)
			update();
	}
	update();
	assert_in_range(tunnels_stats(tunnels)->tunnels, 90, 110);
	assert_true(tunnels_stats(tunnels)->refused > 0);
	assert_int_equal(tunnels_fill(tunnels, &state), 0);
	assert_int_equal(state.tunnels[0].state, STATE_TUNNEL_UP);
	/* After a minute the next ones have their turn */
	after(120 * SECOND);
	peer(5000);
	init_pair();
	update();
	assert_true(tunnels_stats(tunnels)->forgotten > 0);
	assert_in_range(tunnels_stats(tunnels)->tunnels, 90, 110);
	free(many);
}

/* One peer, many half-open IKE SAs and many child SAs. */
static void test_flood_of_one(void **unused)
{
	(void)unused;
	use_large(3000);
	peer(0);
	up();
	for (unsigned int i = 1; i < 3000; i++) {
		spi_i++;
		spi_r++;
		init_pair();
	}
	for (unsigned int i = 0; i < 5000; i++)
		put_sa(RIGHT, 0x10000 + i);
	update();
	after(5 * SECOND);
	update();
	assert_int_equal(tunnels_stats(tunnels)->tunnels, 1);
	assert_in_range(tunnels_stats(tunnels)->sas, 1024, 1024);
	assert_int_equal(tunnels_fill(tunnels, &state), 0);
	assert_in_range(state.tunnels[0].ike_count, 1, 33);
	free(many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_many, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_flood, tunnel_start, tunnel_stop),
		cmocka_unit_test_setup_teardown(test_flood_of_one, tunnel_start, tunnel_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
