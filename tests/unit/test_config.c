// SPDX-License-Identifier: GPL-2.0-or-later
/* test_config.c - defaults, the file, the command line over it; every complaint names the line and the remedy */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config.h"
#include "unit/config_key.h"

static char path[256];

static int make_path(void **state)
{
	const char *directory = getenv("TMPDIR");
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/config.XXXXXX", directory ? directory : "/tmp");
	fd = mkstemp(path);
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int remove_path(void **state)
{
	(void)state;
	return unlink(path);
}

static void write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static int build(const char *text, const struct config_list *list, struct config *ret, char *error)
{
	error[0] = '\0';
	if (text)
		write_file(text);
	return config_build(text ? path : NULL, list, ret, error, CONFIG_ERROR);
}

static void defaults(void **state)
{
	const char *names[CONFIG_INTERFACES];
	struct live_options live;
	char error[CONFIG_ERROR];
	struct config config;

	(void)state;
	assert_int_equal(build(NULL, NULL, &config, error), 0);
	assert_int_equal(config.interface_count, 0);
	assert_int_equal(config.xdp_mode, LIVE_XDP_AUTO);
	assert_string_equal(config.socket, "/run/espial/espial.sock");
	assert_string_equal(config.listen, "");
	config_live_options(&config, names, &live);
	assert_int_equal(live.interface_count, 0);
	assert_int_equal(live.sa_capacity, 0);
	assert_int_equal(live.ports.ike[0], 500);
	assert_int_equal(live.ports.ike[1], 500);
	assert_int_equal(live.ports.natt[1], 4500);
}

static void whole_file(void **state)
{
	const char *names[CONFIG_INTERFACES];
	struct live_options live;
	char error[CONFIG_ERROR];
	struct config config;

	(void)state;
	assert_int_equal(build("# a comment\n"
			       "; another\n"
			       "\n"
			       "[run]\n"
			       "interface = eth0\n"
			       "interface = wan*   ; with a comment\n"
			       "xdp-mode = generic\n"
			       "socket = /tmp/x.sock\n"
			       "listen = [::1]:9641\n"
			       "sa-capacity = 10000\n"
			       "newcomer-sets = 2048\n"
			       "fragment-sets=64\n"
			       "ring-bytes: 1048576\n"
			       "events-per-second = 100\n"
			       "ike-port = 500\n"
			       "ike-port = 848\n"
			       "natt-port = 4501", /* no newline at the end */
			       NULL, &config, error),
			 0);
	assert_string_equal(error, "");
	config_live_options(&config, names, &live);
	assert_int_equal(live.interface_count, 2);
	assert_string_equal(live.interfaces[0], "eth0");
	assert_string_equal(live.interfaces[1], "wan*");
	assert_int_equal(live.xdp_mode, LIVE_XDP_GENERIC);
	assert_string_equal(config.socket, "/tmp/x.sock");
	assert_string_equal(config.listen, "[::1]:9641");
	assert_int_equal(live.sa_capacity, 10000);
	assert_int_equal(live.newcomer_sets, 2048);
	assert_int_equal(live.fragment_sets, 64);
	assert_int_equal(live.ring_bytes, 1048576);
	assert_int_equal(live.events_per_second, 100);
	assert_int_equal(live.ports.ike[0], 500);
	assert_int_equal(live.ports.ike[1], 848);
	assert_int_equal(live.ports.natt[0], 4501);
	assert_int_equal(live.ports.natt[1], 4501);
}

static void command_line_wins(void **state)
{
	struct config_list list = {.count = 0};
	char error[CONFIG_ERROR];
	struct config config;

	(void)state;
	assert_int_equal(config_give(&list, key("interface"), "eth1"), 0);
	assert_int_equal(config_give(&list, key("interface"), "eth2"), 0);
	assert_int_equal(config_give(&list, key("xdp-mode"), "off"), 0);
	assert_int_equal(
		build("[run]\ninterface = eth0\nxdp-mode = native\nsocket = /a\n", &list, &config, error), 0);
	assert_int_equal(config.interface_count, 2); /* the file's are replaced, not added to */
	assert_string_equal(config.interface[0], "eth1");
	assert_string_equal(config.interface[1], "eth2");
	assert_int_equal(config.xdp_mode, LIVE_XDP_OFF);
	assert_string_equal(config.socket, "/a");

	list.count = 0;
	assert_int_equal(config_give(&list, key("sa-capacity"), "few"), 0);
	assert_int_equal(build(NULL, &list, &config, error), -EINVAL);
	assert_string_equal(error, "--sa-capacity 'few': must be a number from 16 to 1048576");
}

static void complaints(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{"[run]\nxpd-mode = off\n", ":2: no key 'xpd-mode': did you mean 'xdp-mode'?"},
		{"[run]\nfrobnicate = 1\n",
		 ":2: no key 'frobnicate': `espial run --help` lists them as options"},
		{"\n\n[rnu]\n", ":3: no section [rnu]: did you mean [run]"},
		{"[metrics]\nlisten = 1\n", ":1: no section [metrics]: there is only [run]"},
		{"interface = eth0\n", ":1: 'interface' is in no section: put [run] before it"},
		{"[run]\nxdp-mode = fast\n", ":2: xdp-mode 'fast': must be auto, native, generic or off"},
		{"[run]\nsocket = /a\nsocket = /b\n", ":3: socket is given twice: remove one"},
		{"[run]\nsocket =\n", ":2: socket '': must be a path below 108 bytes"},
		{"[run]\n\nsa-capacity = -1\n", ":3: sa-capacity '-1': must be a number from 16 to 1048576"},
		{"[run]\nsa-capacity = 99999999999999999999\n", "must be a number from 16 to 1048576"},
		{"[run]\nring-bytes = 100000\n", "must be a power of two from 65536 to 1073741824"},
		{"[run]\nike-port = 0\n", "must be a port from 1 to 65535, at most two of them"},
		{"[run]\nike-port = 1\nike-port = 2\nike-port = 3\n", ":4: ike-port '3': must be a port"},
		{"[run]\nlisten = localhost:80\n", "must be PORT, IPV4:PORT or [IPV6]:PORT"},
		{"[run]\ninterface = a/b\n", ":2: interface 'a/b': must be an interface name"},
		{"[run]\nnonsense\n", ":2: neither [section] nor name = value"},
	};
	char error[CONFIG_ERROR];
	struct config config;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(&config, 0x5a, sizeof(config));
		assert_int_equal(build(cases[i].text, NULL, &config, error), -EINVAL);
		if (!strstr(error, cases[i].said) || strchr(error, '\n'))
			fail_msg("'%s' should be told as '%s'", error, cases[i].said);
		assert_int_equal(config.socket[0], 0x5a); /* untouched */
	}
}

static void long_line(void **state)
{
	char text[2000] = "[run]\nsocket = ", error[CONFIG_ERROR];
	struct config config;
	size_t used = strlen(text);

	(void)state;
	memset(text + used, 'a', sizeof(text) - used - 2);
	strcpy(text + sizeof(text) - 2, "\n");
	assert_int_equal(build(text, NULL, &config, error), -EINVAL);
	assert_non_null(strstr(error, ":2: line of more than"));
}

static void unreadable(void **state)
{
	char error[CONFIG_ERROR];
	struct config config;

	(void)state;
	assert_int_equal(config_build("/nonexistent/espial.conf", NULL, &config, error, sizeof(error)),
			 -ENOENT);
	assert_string_equal(error, "configuration file /nonexistent/espial.conf: No such file or directory");
	assert_int_equal(config_build("/", NULL, &config, error, sizeof(error)), -EIO);
	assert_string_equal(error, "configuration file /: Is a directory");
}

static void listen_addresses(void **state)
{
	static const struct {
		const char *value, *address;
		uint16_t port;
	} good[] = {
		{"9641", "127.0.0.1", 9641},
		{"0.0.0.0:80", "0.0.0.0", 80},
		{"10.1.2.3:65535", "10.1.2.3", 65535},
		{"[::]:1", "::", 1},
		{"[2001:db8::1]:443", "2001:db8::1", 443},
	};
	static const char *const bad[] = {
		"",
		":80",
		"0",
		"65536",
		"1.2.3.4",
		"1.2.3.4:",
		"1.2.3:80",
		"::1:80",
		"[::1]",
		"[1.2.3.4]:80",
		"[]:80",
		"host:80",
		"1.2.3.4:80x",
		"1.2.3.4: 80",
		"[::1:80",
		"-1",
		" 80",
		"[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]:80",
	};
	char address[64], error[CONFIG_ERROR];
	uint16_t port;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(config_listen(good[i].value, address, &port, error, sizeof(error)), 0);
		assert_string_equal(address, good[i].address);
		assert_int_equal(port, good[i].port);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (config_listen(bad[i], address, &port, error, sizeof(error)) != -EINVAL)
			fail_msg("'%s' was taken", bad[i]);
}

static void differences(void **state)
{
	char error[CONFIG_ERROR];
	struct config a, b;
	size_t count, i, different = 0;

	(void)state;
	config_keys(&count);
	assert_int_equal(build("[run]\ninterface = eth0\nike-port = 1\nlisten = 80\n", NULL, &a, error), 0);
	assert_int_equal(build("[run]\ninterface = eth0\ninterface = eth1\nike-port = 1\nlisten = 8\n", NULL,
			       &b, error),
			 0);
	for (i = 0; i < count; i++) {
		assert_true(config_same(&a, &a, i));
		different += !config_same(&a, &b, i);
	}
	assert_int_equal(different, 2);
	assert_false(config_same(&a, &b, key("interface")));
	assert_false(config_same(&a, &b, key("listen")));
	config_copy(&a, &b, key("interface"));
	assert_true(config_same(&a, &b, key("interface")));
	assert_int_equal(a.interface_count, 2);
	assert_false(config_same(&a, &b, key("listen")));
}

static void too_many(void **state)
{
	struct config_list list = {.count = 0};
	char error[CONFIG_ERROR];
	struct config config;
	size_t i;

	(void)state;
	for (i = 0; i <= CONFIG_INTERFACES; i++)
		assert_int_equal(config_give(&list, key("interface"), "eth0"), 0);
	assert_int_equal(build(NULL, &list, &config, error), -EINVAL);
	assert_non_null(strstr(error, "at most 64"));
	while (config_give(&list, key("interface"), "eth0") == 0)
		assert_in_range(list.count, 1, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),	     cmocka_unit_test(whole_file),
		cmocka_unit_test(command_line_wins), cmocka_unit_test(complaints),
		cmocka_unit_test(long_line),	     cmocka_unit_test(unreadable),
		cmocka_unit_test(listen_addresses),  cmocka_unit_test(differences),
		cmocka_unit_test(too_many),
	};

	return cmocka_run_group_tests(tests, make_path, remove_path);
}
