// SPDX-License-Identifier: GPL-2.0-or-later
/* test_config_values.c - every setting at its bounds and one beyond, as it comes from the command line */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config.h"
#include "unit/config_key.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int build(const char *name, const char *value, struct config *ret, char error[CONFIG_ERROR])
{
	struct config_list list = {.count = 0};

	error[0] = '\0';
	assert_int_equal(config_give(&list, key(name), value), 0);
	return config_build(NULL, &list, ret, error, CONFIG_ERROR);
}

#define TEN "aaaaaaaaaa"
#define NAME_63 TEN TEN TEN TEN TEN TEN "aaa"
#define LONG_107 "/" TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "aaaaaa"

static void values(void **state)
{
	static const struct {
		const char *name, *good[6], *bad[8];
	} settings[] = {
		{"interface", {"a", NAME_63, "ppp*", "auto", "eth0.5"}, {"", "a/b", NAME_63 "a"}},
		{"xdp-mode", {"auto", "native", "generic", "off"}, {"", "aut", "autos", "Off"}},
		{"socket", {"/a", "a", LONG_107}, {"", LONG_107 "a"}},
		{"listen", {"1", "65535", "0.0.0.0:1", "[::]:1"}, {"", "0", "65536", "a:1", "[::1", ":1"}},
		{"sa-capacity", {"16", "1048576", "17"}, {"15", "1048577", "", "16x", "-16", "0x10", " 16"}},
		{"newcomer-sets", {"16", "1048576", "32"}, {"15", "17", "2097152", "", "0"}},
		{"fragment-sets", {"16", "1048576", "64"}, {"8", "1048575", "2097152", "x"}},
		{"ring-bytes", {"65536", "1073741824"}, {"32768", "65537", "2147483648"}},
		{"events-per-second", {"1", "1000000"}, {"0", "1000001", "18446744073709551617"}},
		{"ike-port", {"1", "65535", "501"}, {"0", "65536", "4500", "a"}},
		{"natt-port", {"1", "65535", "4501"}, {"0", "65536", "500", "a"}},
		{"journal", {"none", "/a", LONG_107}, {"", "a", "none ", LONG_107 "a"}},
		{"journal-max-age", {"1h", "3660d", "90d"}, {"59m", "3661d", "1", "d", ""}},
		{"journal-max-size",
		 {"4M", "4194304", "4096K", "1G", "1024G", "1099511627776"},
		 {"4194303", "4095K", "3M", "1025G", "M", "", "1T", "00000000000000000000000000000004M"}},
		{"vici", {"none", "/run/charon.vici", LONG_107}, {"", "charon.vici", LONG_107 "a"}},
		{"xfrm", {"yes", "no"}, {"", "y", "true", "YES"}},
		{"probe-interval", {"0", "10m", "366d"}, {"", "599s", "367d", "1", "00"}},
		{"probe-on-finding", {"yes", "no"}, {"", "maybe"}},
		{"keep", {"yes", "no", "auto"}, {"", "always"}},
		{"bpffs", {"/a", "/a.b/c", LONG_107}, {"", "a", "/", "/a/", "/a/b.c", "a/b", LONG_107 "a"}},
		{"hook-command", {"none", "a b c"}, {"", LONG_107 LONG_107}},
		{"inner", {"a", NAME_63, "lan*"}, {"", "a/b", "auto", NAME_63 "a"}},
		{"firewall", {"yes", "no"}, {"", "nft"}},
		{"netns", {"blue", "/run/netns/blue", LONG_107}, {"", "run/netns", LONG_107 "a"}},
		{"hook-url",
		 {"none", "http://a", "https://a/b?c"},
		 {"", "http://", "ftp://a", "http://a b", "http://a\"", "http://a\\", "http://\xc3\xa4",
		  "http:/" LONG_107 LONG_107}},
		{"log-file", {"none", "/a", LONG_107}, {"", "a", LONG_107 "a"}},
		{"log-journal", {"none", "ike", "a.service"}, {"", "-a", "a/b", "a b", LONG_107 "a"}},
	};
	char error[CONFIG_ERROR], said[CONFIG_ERROR];
	struct config config;

	(void)state;
	for (size_t i = 0; i < COUNT(settings); i++) {
		for (size_t j = 0; j < COUNT(settings[i].good) && settings[i].good[j]; j++)
			if (build(settings[i].name, settings[i].good[j], &config, error) != 0)
				fail_msg("%s = '%s': %s", settings[i].name, settings[i].good[j], error);
		for (size_t j = 0; j < COUNT(settings[i].bad) && settings[i].bad[j]; j++) {
			if (build(settings[i].name, settings[i].bad[j], &config, error) != -EINVAL)
				fail_msg("%s = '%s' was taken", settings[i].name, settings[i].bad[j]);
			/* The option is named, or the port that is used twice */
			snprintf(said, sizeof(said), "--%s '%s': must be ", settings[i].name,
				 settings[i].bad[j]);
			if (strncmp(error, said, strlen(said)) != 0 && strncmp(error, "port ", 5) != 0)
				fail_msg("%s = '%s' was told as '%s'", settings[i].name, settings[i].bad[j],
					 error);
		}
	}
}

static void what_they_become(void **state)
{
	char error[CONFIG_ERROR];
	struct config config;

	(void)state;
	assert_int_equal(build("journal-max-size", "64M", &config, error), 0);
	assert_int_equal(config.journal_max_size, 64 << 20);
	assert_int_equal(build("journal-max-age", "2d", &config, error), 0);
	assert_int_equal(config.journal_max_age, 2 * UINT64_C(86400000000000));
	assert_int_equal(build("probe-interval", "6h", &config, error), 0);
	assert_int_equal(config.probe_interval, 6 * UINT64_C(3600000000000));
	assert_int_equal(build("probe-interval", "0", &config, error), 0);
	assert_int_equal(config.probe_interval, 0);
	assert_int_equal(build("keep", "no", &config, error), 0);
	assert_int_equal(config.keep, LIVE_KEEP_NO);
	assert_int_equal(build("xfrm", "no", &config, error), 0);
	assert_false(config.xfrm);
	assert_int_equal(build("hook-command", "none", &config, error), 0);
	assert_string_equal(config.hook_command, "");
	assert_int_equal(build("journal", "none", &config, error), 0);
	assert_string_equal(config.journal, "none");
}

/* A list that is full takes no more, wherever it is from. */
static void full_lists(void **state)
{
	static const struct {
		const char *name, *value;
		size_t most;
	} lists[] = {{"vici", "/a", CONFIG_VICI},
		     {"ike-port", "501", 2},
		     {"natt-port", "4501", 2},
		     {"netns", "a", CONFIG_NETNS},
		     {"log-file", "/a", CONFIG_LOGS}};
	char error[CONFIG_ERROR];
	struct config config;

	(void)state;
	for (size_t i = 0; i < COUNT(lists); i++) {
		struct config_list list = {.count = 0};

		for (size_t j = 0; j < lists[i].most; j++)
			assert_int_equal(config_give(&list, key(lists[i].name), lists[i].value), 0);
		assert_int_equal(config_build(NULL, &list, &config, error, sizeof(error)), 0);
		assert_int_equal(config_give(&list, key(lists[i].name), lists[i].value), 0);
		assert_int_equal(config_build(NULL, &list, &config, error, sizeof(error)), -EINVAL);
		assert_non_null(strstr(error, "at most"));
	}
}

/* Texts are compared up to their ends, lists up to their counts. */
static void sameness(void **state)
{
	char error[CONFIG_ERROR];
	struct config a, b;

	(void)state;
	assert_int_equal(build("vici", "/a", &a, error), 0);
	assert_int_equal(build("vici", "/a", &b, error), 0);
	strcpy(b.vici[0], "/abcdef");
	assert_false(config_same(&a, &b, key("vici")));
	strcpy(b.vici[0], "/a"); /* and "cdef" behind it */
	assert_true(config_same(&a, &b, key("vici")));
	strcpy(b.vici[1], "/b");
	assert_true(config_same(&a, &b, key("vici")));
	b.vici_count = 2;
	assert_false(config_same(&a, &b, key("vici")));
	assert_int_equal(build("ike-port", "1", &b, error), 0);
	assert_false(config_same(&a, &b, key("ike-port")));
	b.ike_port_count = 0;
	assert_true(config_same(&a, &b, key("ike-port")));
	b.xfrm = !b.xfrm;
	assert_false(config_same(&a, &b, key("xfrm")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(what_they_become),
		cmocka_unit_test(full_lists),
		cmocka_unit_test(sameness),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
