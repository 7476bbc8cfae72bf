// SPDX-License-Identifier: GPL-2.0-or-later
/* test_log_line.c - what stands in front of a message: times, hosts, programs, threads, in all the formats */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "export/text.h"
#include "source/log_line.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SECOND 1000000000ULL
#define REFERENCE (1773144000ULL * SECOND) /* 2026-03-10T12:00:00Z */

static int set_up(void **state)
{
	struct log_parser *parser = calloc(1, sizeof(*parser));

	assert_non_null(parser);
	setenv("TZ", "UTC", 1);
	tzset();
	parser->clock.reference_ns = REFERENCE;
	*state = parser;
	return 0;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

static bool span_is(struct log_span s, const char *wanted)
{
	return wanted ? s.at && s.length == strlen(wanted) && memcmp(s.at, wanted, s.length) == 0 : !s.length;
}

static const struct {
	const char *line, *time, *host, *message;
	unsigned int thread, dialects;
	const char *conn;
	uint64_t id; /* 0: none */
	bool foreign;
} lines[] = {
	/* syslog as of RFC 3164 */
	{"Mar  1 00:00:12 gw charon: 05[IKE] <hq|3> sending DPD request", "2026-03-01T00:00:12.000000000Z",
	 "gw", "sending DPD request", 5, LOG_CHARON, "hq", 3, false},
	{"<30>Mar  1 00:00:12 gw charon[812]: 15[NET] x", "2026-03-01T00:00:12.000000000Z", "gw", "x", 15,
	 LOG_CHARON, NULL, 0, false},
	{"Mar  1 00:00:12 gw ipsec[812]: 05[IKE] <3> x", "2026-03-01T00:00:12.000000000Z", "gw", "x", 5,
	 LOG_CHARON, NULL, 3, false},
	{"Mar  1 00:00:12 gw sshd[9]: x", "2026-03-01T00:00:12.000000000Z", "gw", "x", 0, LOG_ANY, NULL, 0,
	 true},
	{"Mar  1 00:00:12 gw kernel: x", "2026-03-01T00:00:12.000000000Z", "gw", "kernel: x", 0, LOG_ANY,
	 NULL, 0, false},
	/* later than the file, but for a day: of the year before */
	{"Mar 11 11:00:00 gw charon: 05[IKE] x", "2026-03-11T11:00:00.000000000Z", "gw", "x", 5, LOG_CHARON,
	 NULL, 0, false},
	{"Mar 12 00:00:00 gw charon: 05[IKE] x", "2025-03-12T00:00:00.000000000Z", "gw", "x", 5, LOG_CHARON,
	 NULL, 0, false},
	{"Dec 31 23:59:59 gw charon: 05[IKE] x", "2025-12-31T23:59:59.000000000Z", "gw", "x", 5, LOG_CHARON,
	 NULL, 0, false},
	/* RFC 5424 */
	{"<29>1 2026-03-01T00:00:12.5+01:00 gw charon 812 - - 05[IKE] x", "2026-02-28T23:00:12.500000000Z",
	 "gw", "x", 5, LOG_CHARON, NULL, 0, false},
	{"<29>1 2026-03-01T00:00:12Z gw charon 8 ID47 [a@1 b=\"c ] \\\" d\"][e@2] \xef\xbb\xbfx",
	 "2026-03-01T00:00:12.000000000Z", "gw", "x", 0, LOG_CHARON, NULL, 0, false},
	{"<29>1 - - - - - - x", NULL, NULL, "x", 0, LOG_ANY, NULL, 0, false},
	{"<29>1 2026-03-01T00:00:12Z gw cron 8 - - x", "2026-03-01T00:00:12.000000000Z", "gw", "x", 0,
	 LOG_ANY, NULL, 0, true},
	/* high-precision syslog, journalctl -o short-precise, short-iso, short-full, short-unix, cat */
	{"2026-03-01T00:00:12.123456+00:00 gw charon: 05[IKE] x", "2026-03-01T00:00:12.123456000Z", "gw", "x",
	 5, LOG_CHARON, NULL, 0, false},
	{"Mar 01 00:00:12.123456 gw charon-systemd[733]: x", "2026-03-01T00:00:12.123456000Z", "gw", "x", 0,
	 LOG_CHARON, NULL, 0, false},
	{"2026-03-01T00:00:12+0100 gw charon-systemd[733]: x", "2026-02-28T23:00:12.000000000Z", "gw", "x", 0,
	 LOG_CHARON, NULL, 0, false},
	{"Sun 2026-03-01 00:00:12 UTC gw charon-systemd[733]: x", "2026-03-01T00:00:12.000000000Z", "gw", "x",
	 0, LOG_CHARON, NULL, 0, false},
	{"1772323212.250000 gw charon-systemd[733]: x", "2026-03-01T00:00:12.250000000Z", "gw", "x", 0,
	 LOG_CHARON, NULL, 0, false},
	{"05[IKE] <hq|3> x", NULL, NULL, "x", 5, LOG_CHARON, "hq", 3, false},
	/* journalctl -o json */
	{"{\"__REALTIME_TIMESTAMP\":\"1772323212250000\",\"_HOSTNAME\":\"gw\",\"SYSLOG_IDENTIFIER\":\"charon-"
	 "systemd\","
	 "\"THREAD\":\"5\",\"IKE_SA_NAME\":\"hq\",\"IKE_SA_UNIQUE_ID\":\"3\",\"A\":[1,2],\"B\":null,"
	 "\"MESSAGE\":"
	 "\"a\\u0041\\\"\\nb\"}",
	 "2026-03-01T00:00:12.250000000Z", "gw", "aA\" b", 5, LOG_CHARON, "hq", 3, false},
	{"{\"MESSAGE\":\"x\",\"SYSLOG_IDENTIFIER\":\"sshd\"}", NULL, NULL, "x", 0, LOG_ANY, NULL, 0, true},
	{"{\"MESSAGE\":\"x\"", NULL, NULL, "{\"MESSAGE\":\"x\"", 0, LOG_ANY, NULL, 0, false},
	/* charon's own file, with and without a time */
	{"Mar  1 00:00:12 05[IKE] x", "2026-03-01T00:00:12.000000000Z", NULL, "x", 5, LOG_CHARON, NULL, 0,
	 false},
	{"2026-03-01 00:00:12.123 05[IKE] x", "2026-03-01T00:00:12.123000000Z", NULL, "x", 5, LOG_CHARON,
	 NULL, 0, false},
	{"2026-03-01T00:00:12 05[IKE1] x", "2026-03-01T00:00:12.000000000Z", NULL, "x", 5, LOG_CHARON, NULL,
	 0, false},
	{"[IKE] x", NULL, NULL, "x", 0, LOG_CHARON, NULL, 0, false},
	/* IOS, ASA, behind a relay, VRP, libreswan */
	{"*Mar  1 00:00:12.345: %CRYPTO-4-X: x", "2026-03-01T00:00:12.345000000Z", NULL, "%CRYPTO-4-X: x", 0,
	 LOG_ANY, NULL, 0, false},
	{"000123: *Mar  1 00:00:12.345 UTC: %CRYPTO-4-X: x", "2026-03-01T00:00:12.345000000Z", NULL,
	 "%CRYPTO-4-X: x", 0, LOG_ANY, NULL, 0, false},
	{".Mar  1 00:00:12.345 CET: ISAKMP:(1001):x", "2026-03-01T00:00:12.345000000Z", NULL,
	 "ISAKMP:(1001):x", 1001, LOG_CISCO, NULL, 0, false},
	{"Mar  1 00:00:12 192.0.2.1 123: *Mar  1 00:00:11.345: %CRYPTO-4-X: x",
	 "2026-03-01T00:00:11.345000000Z", "192.0.2.1", "%CRYPTO-4-X: x", 0, LOG_ANY, NULL, 0, false},
	/* the router's clock is wrong: the relay's counts */
	{"Mar  1 00:00:12 192.0.2.1 123: *Jan  1 00:00:11.345: %CRYPTO-4-X: x",
	 "2026-03-01T00:00:12.000000000Z", "192.0.2.1", "%CRYPTO-4-X: x", 0, LOG_ANY, NULL, 0, false},
	{"Mar 01 2026 00:00:12: %ASA-4-402119: x", "2026-03-01T00:00:12.000000000Z", NULL, "%ASA-4-402119: x",
	 0, LOG_ANY, NULL, 0, false},
	{"Mar 01 2025 00:00:12 fw1 : %ASA-4-402119: x", "2025-03-01T00:00:12.000000000Z", "fw1",
	 "%ASA-4-402119: x", 0, LOG_ANY, NULL, 0, false},
	{"Mar  1 2026 08:00:12+08:00 AR1 %%01IKE/4/X(l)[12]:x", "2026-03-01T00:00:12.000000000Z", "AR1",
	 "%%01IKE/4/X(l)[12]:x", 0, LOG_HUAWEI, NULL, 0, false},
	{"Mar  1 2026 08:00:12.330.1+08:00 AR1 IKE/7/debug:x", "2026-03-01T00:00:12.330000000Z", "AR1",
	 "IKE/7/debug:x", 0, LOG_ANY, NULL, 0, false},
	{"Mar  1 00:00:12 gw pluto[77]: \"hq\"[2] 203.0.113.7 #3: x", "2026-03-01T00:00:12.000000000Z", "gw",
	 "x", 0, LOG_PLUTO, "hq", 3, false},
	{"Mar  1 00:00:12 gw pluto[77]: \"hq\"[2] 2001:db8::7 #3: x: y", "2026-03-01T00:00:12.000000000Z",
	 "gw", "x: y", 0, LOG_PLUTO, "hq", 3, false},
	{"Mar  1 00:00:12 gw pluto[77]: \"hq\":   1:IKE=x", "2026-03-01T00:00:12.000000000Z", "gw", "1:IKE=x",
	 0, LOG_PLUTO, "hq", 0, false},
	{"Mar  1 00:00:12 gw pluto[77]: \"hq\"[2] 203.0.113.7: x", "2026-03-01T00:00:12.000000000Z", "gw",
	 "x", 0, LOG_PLUTO, "hq", 0, false},
	{"Mar  1 00:00:12 gw sshd[77]: \"hq\": x", "2026-03-01T00:00:12.000000000Z", "gw", "\"hq\": x", 0,
	 LOG_ANY, NULL, 0, true},
	/* nothing that is known */
	{"", NULL, NULL, "", 0, LOG_ANY, NULL, 0, false},
	{"   x", NULL, NULL, "x", 0, LOG_ANY, NULL, 0, false},
	{"10.0.0.1 10.0.0.2 MM_NO_STATE", NULL, NULL, "10.0.0.1 10.0.0.2 MM_NO_STATE", 0, LOG_ANY, NULL, 0,
	 false},
	{"Mar 99 00:00:12 gw charon: x", NULL, "gw", "x", 0, LOG_CHARON, NULL, 0, false},
	{"Mar  1 24:00:12 gw x", NULL, NULL, "Mar  1 24:00:12 gw x", 0, LOG_ANY, NULL, 0, false},
};

static void each_format(void **state)
{
	struct log_parser *parser = *state;

	for (size_t i = 0; i < COUNT(lines); i++) {
		size_t length = strlen(lines[i].line);
		char *exact = malloc(length ? length : 1), time[TEXT_TIME_SIZE] = "";
		struct log_line l;

		assert_non_null(exact);
		memcpy(exact, lines[i].line, length);
		log_line_parse(parser, exact, length, &l);
		if (l.at_ns)
			text_time(l.at_ns, time);
		if (strcmp(time, lines[i].time ? lines[i].time : "") != 0)
			fail_msg("'%s': time %s", lines[i].line, time);
		if (!span_is(l.host, lines[i].host))
			fail_msg("'%s': host %.*s", lines[i].line, (int)l.host.length, l.host.at);
		if (!span_is(l.message, lines[i].message))
			fail_msg("'%s': message %.*s", lines[i].line, (int)l.message.length, l.message.at);
		if (!span_is(l.conn, lines[i].conn) || l.id != (lines[i].id ? lines[i].id : UINT64_MAX))
			fail_msg("'%s': connection %.*s, %lu", lines[i].line, (int)l.conn.length, l.conn.at,
				 (unsigned long)l.id);
		if (l.thread != lines[i].thread || l.dialects != lines[i].dialects ||
		    l.foreign != lines[i].foreign)
			fail_msg("'%s': thread %u, dialects %u, foreign %d", lines[i].line, l.thread,
				 l.dialects, l.foreign);
		free(exact);
	}
}

/* Of exactly so much memory: ASan sees what is read beyond it */
static void cut_off_anywhere(void **state)
{
	for (size_t i = 0; i < COUNT(lines); i++)
		for (size_t cut = 0; cut < strlen(lines[i].line); cut++) {
			char *exact = malloc(cut ? cut : 1);
			struct log_line l;

			assert_non_null(exact);
			memcpy(exact, lines[i].line, cut);
			log_line_parse(*state, exact, cut, &l);
			assert_true(l.message.length <= cut);
			free(exact);
		}
}

static void time_of_day_alone(void **state)
{
	static const char line[] = "15:07:11.871 05[IKE] x";
	struct log_line l;

	log_line_parse(*state, line, strlen(line), &l);
	assert_true(l.has_clock);
	assert_int_equal(l.at_ns, 0);
	assert_true(l.clock_ns == (15 * 3600 + 7 * 60 + 11) * SECOND + 871000000);
	assert_true(span_is(l.message, "x"));
}

static void the_local_zone(void **state)
{
	static const char winter[] = "Mar  1 00:00:12 gw charon: x",
			  summer[] = "2025-07-01 00:00:12 05[IKE] x",
			  zoned[] = "2025-07-01 00:00:12Z 05[IKE] x";
	struct log_line l;

	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	log_line_parse(*state, winter, strlen(winter), &l);
	assert_true(l.at_ns == 1772319612 * SECOND);
	log_line_parse(*state, summer, strlen(summer), &l);
	assert_true(l.at_ns == 1751320812 * SECOND);
	log_line_parse(*state, zoned, strlen(zoned), &l);
	assert_true(l.at_ns == 1751328012 * SECOND);
}

static void the_year_that_is_given(void **state)
{
	static const char line[] = "Dec 31 23:59:59 gw charon: x";
	struct log_parser *parser = *state;
	struct log_line l;

	parser->clock.year = 2019;
	log_line_parse(parser, line, strlen(line), &l);
	assert_true(l.at_ns == 1577836799 * SECOND);
}

/* Every day of some years, against the C library */
static void every_day(void **state)
{
	struct log_parser *parser = *state;

	for (time_t day = 0; day < 140 * 366; day++) {
		time_t at = day * 86400 + 3723;
		struct log_line l;
		char line[64];
		struct tm tm;

		gmtime_r(&at, &tm);
		strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%SZ h p: x", &tm);
		log_line_parse(parser, line, strlen(line), &l);
		if (l.at_ns != (uint64_t)at * SECOND)
			fail_msg("%s", line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_format, set_up, tear_down),
		cmocka_unit_test_setup_teardown(cut_off_anywhere, set_up, tear_down),
		cmocka_unit_test_setup_teardown(time_of_day_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_local_zone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_year_that_is_given, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_day, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
