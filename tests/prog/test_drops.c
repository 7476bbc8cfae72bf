/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this host drops of IPsec: counted with the kernel's reason, here and not in other network namespaces. */
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "prog/live_host.h"
#include "source/bpf_drops.h"
#include "source/bpf_host.h"

#define HEADERS 42 /* Ethernet, IPv4, eight bytes more */
#define DF 0x40
#define WAIT_MS 30000

static struct host_facts facts;

static void mac_of(int fd, const char *name, uint8_t ret[6])
{
	struct ifreq request = {0};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	assert_int_equal(ioctl(fd, SIOCGIFHWADDR, &request), 0);
	memcpy(ret, request.ifr_hwaddr.sa_data, 6);
}

static void checksum(uint8_t *ip)
{
	uint32_t sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)(ip[i] << 8 | ip[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	ip[10] = (uint8_t)(~sum >> 8);
	ip[11] = (uint8_t)~sum;
}

/* Packets of `length` bytes out of a0, thus into b0, from 10.9.0.1 to 10.`network`.0.2. Port 0: no UDP. */
static void send_in(uint8_t protocol, uint16_t port, uint8_t network, size_t length, int count)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex("a0"), .sll_halen = 6};
	uint8_t frame[1600] = {[12] = 0x08, [14] = 0x45, [20] = DF, [22] = 64, 0, 0, 0};
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_IP));
	uint8_t *ip = frame + 14;

	assert_true(fd >= 0 && length + 14 <= sizeof(frame));
	mac_of(fd, "b0", frame);
	mac_of(fd, "a0", frame + 6);
	ip[2] = (uint8_t)(length >> 8);
	ip[3] = (uint8_t)length;
	ip[9] = protocol;
	memcpy(ip + 12, (uint8_t[]){10, 9, 0, 1, 10, network, 0, 2}, 8);
	checksum(ip);
	if (port) {
		memcpy(ip + 20, (uint8_t[]){0x30, 0x39, (uint8_t)(port >> 8), (uint8_t)port}, 4);
		ip[24] = (uint8_t)((length - 20) >> 8);
		ip[25] = (uint8_t)(length - 20);
	} else {
		ip[23] = 7; /* an SPI */
	}
	memcpy(to.sll_addr, frame, 6);
	for (int i = 0; i < count; i++)
		assert_int_equal(sendto(fd, frame, length + 14, 0, (struct sockaddr *)&to, sizeof(to)),
				 (ssize_t)length + 14);
	close(fd);
}

/* Of that interface and kind, by any reason or the one that is named. */
static uint64_t dropped(const char *interface, enum host_drop_kind kind, const char *reason)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < facts.drop_count; i++)
		if (facts.drops[i].kind == kind && !strcmp(facts.drops[i].interface, interface) &&
		    (!reason || !strcmp(facts.drops[i].reason, reason)))
			sum += facts.drops[i].value;
	return sum;
}

static void expect(struct drops *d, enum host_drop_kind kind, const char *reason, uint64_t wanted)
{
	uint64_t got = 0;

	for (int ms = 0; ms < WAIT_MS; ms += 10) {
		assert_int_equal(drops_read(d, &facts), 0);
		got = dropped("b0", kind, reason);
		if (got >= wanted)
			break;
		usleep(10000);
	}
	if (got == wanted)
		return;
	for (size_t i = 0; i < facts.drop_count; i++)
		print_message("%s %s %s: %llu\n", facts.drops[i].interface,
			      host_drop_kind_name(facts.drops[i].kind), facts.drops[i].reason,
			      (unsigned long long)facts.drops[i].value);
	fail_msg("%s packets dropped%s%s: %llu, not %llu", host_drop_kind_name(kind), reason ? " for " : "",
		 reason ? reason : "", (unsigned long long)got, (unsigned long long)wanted);
}

/* Two networks: 10.9 on b0, 10.8 behind c0, whose MTU is small. */
static void fresh(void)
{
	host_fresh();
	host_do("ip addr add 10.9.0.2/24 dev b0 && ip link add c0 mtu 1280 type veth peer name d0 && "
		"ip addr add 10.8.0.1/24 dev c0 && ip link set c0 up && ip link set d0 up && "
		"sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.b0.rp_filter=0 "
		"&& "
		"ip neigh add 10.9.0.1 lladdr 02:00:00:00:00:01 dev b0 && "
		"ip neigh add 10.8.0.2 lladdr 02:00:00:00:00:02 dev c0");
}

static struct drops *open_drops(const struct esp_ports *ports)
{
	static const struct esp_ports usual;
	char error[256] = "";
	struct drops *d;
	int err;

	host_complaint_keep();
	memset(&facts, 0, sizeof(facts));
	err = drops_open(ports ? ports : &usual, &d, error, sizeof(error));
	if (err == -EPERM || err == -ENOENT) {
		print_message("refused here: %s\n", error);
		skip();
	}
	if (err)
		fail_msg("%s", error);
	assert_int_equal(drops_read(d, &facts), 0);
	assert_true(facts.has_drops);
	return d;
}

static void by_kind_and_reason(void **state)
{
	struct drops *d;

	(void)state;
	fresh();
	d = open_drops(NULL);
	send_in(IPPROTO_ESP, 0, 9, 100, 5);
	send_in(IPPROTO_AH, 0, 9, 100, 3);
	expect(d, HOST_DROP_OUTER, NULL, 8);
	send_in(IPPROTO_UDP, 500, 9, 100, 4); /* nobody listens */
	expect(d, HOST_DROP_OUTER, NULL, 12);
	expect(d, HOST_DROP_OUTER, "NO_SOCKET", 4);
	send_in(IPPROTO_UDP, 9, 9, 100, 50); /* nothing of ours */
	send_in(IPPROTO_UDP, 9, 8, 1400, 6); /* nor this, but it does not fit through c0 */
	expect(d, HOST_DROP_OTHER, "PKT_TOO_BIG", 6);
	send_in(IPPROTO_ESP, 0, 8, 1400, 2);
	expect(d, HOST_DROP_OUTER, "PKT_TOO_BIG", 2);
	assert_int_equal(dropped("b0", HOST_DROP_OUTER, NULL), 14);
	assert_int_equal(dropped("b0", HOST_DROP_OTHER, NULL), 6);
	assert_int_equal(dropped("b0", HOST_DROP_INNER, NULL), 0);
	assert_int_equal(facts.drops_rest, 0);
	drops_close(d);
}

static void a_look_beside_the_one_before(void **state)
{
	struct drops *d;

	(void)state;
	fresh();
	d = open_drops(NULL);
	send_in(IPPROTO_UDP, 4500, 9, 100, 4);
	expect(d, HOST_DROP_OUTER, "NO_SOCKET", 4);
	assert_int_equal(drops_read(d, &facts), 0);
	assert_int_equal(facts.drop_count, 1);
	assert_int_equal(facts.drops[0].before, 4);
	assert_int_equal(facts.drops[0].value, 4);
	/* Without a source nothing goes on gaining. */
	assert_int_equal(drops_read(NULL, &facts), 0);
	assert_false(facts.has_drops);
	drops_close(d);
}

static void ports_of_the_configuration(void **state)
{
	const struct esp_ports ports = {.ike = {1500}, .natt = {14500}};
	struct drops *d;

	(void)state;
	fresh();
	d = open_drops(&ports);
	send_in(IPPROTO_UDP, 500, 9, 100, 3);
	send_in(IPPROTO_UDP, 1500, 9, 100, 2);
	send_in(IPPROTO_UDP, 14500, 9, 100, 1);
	expect(d, HOST_DROP_OUTER, NULL, 3);
	drops_close(d);
}

static void another_namespace_is_not_ours(void **state)
{
	struct host_facts there;
	struct drops *here, *elsewhere;

	(void)state;
	fresh();
	elsewhere = open_drops(NULL);
	fresh(); /* the same names and numbers elsewhere */
	here = open_drops(NULL);
	send_in(IPPROTO_ESP, 0, 9, 100, 7);
	expect(here, HOST_DROP_OUTER, NULL, 7);
	memset(&there, 0, sizeof(there));
	assert_int_equal(drops_read(elsewhere, &there), 0);
	assert_int_equal(there.drop_count, 0);
	drops_close(here);
	drops_close(elsewhere);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_kind_and_reason),
		cmocka_unit_test(a_look_beside_the_one_before),
		cmocka_unit_test(ports_of_the_configuration),
		cmocka_unit_test(another_namespace_is_not_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
