// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bench_capture.c - readers of captures against each other, on one generated file in the page cache
 *
 *   bench_capture -g FILE [-p PACKETS]     write it: ESP of 400 bytes, 200 SAs in turn at random, 1 % lost
 *   bench_capture -l FILE                  a bare libpcap loop: parses up to the sequence number, adds up
 *   bench_capture -e ESPIAL FILE [-r N]    measure espial, the loop, tcpdump and tshark on FILE
 */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <pcap/pcap.h>

#include "bench/measure.h"

#define FRAME 414 /* 400 bytes of IP */
#define SAS 200

static uint64_t draw(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Classic pcap, microseconds, little or big endian as this machine is. */
static int generate(const char *path, uint32_t packets)
{
	struct {
		uint32_t magic;
		uint16_t major, minor;
		uint32_t zone, sigfigs, snaplen, linktype;
	} head = {0xa1b2c3d4, 2, 4, 0, 0, 65535, 1};
	struct {
		uint32_t seconds, micros, captured, length;
	} record = {1700000000, 0, FRAME, FRAME};
	static const uint8_t start[] = {2,    0, 0, 0,	  0, 1,	 2,  0, 0, 0,	0, 2, 8, 0,   0x45, 0,	 1,
					0x90, 0, 0, 0x40, 0, 64, 50, 0, 0, 192, 0, 2, 1, 198, 51,   100, 7};
	uint32_t sequence[SAS] = {0};
	uint8_t frame[FRAME];
	FILE *file = fopen(path, "w");
	uint64_t random = 0x2545f4914f6cdd1dULL;
	int err = 0;

	if (!file)
		return -errno;
	memset(frame, 0xa5, sizeof(frame));
	memcpy(frame, start, sizeof(start));
	if (fwrite(&head, sizeof(head), 1, file) != 1)
		err = -EIO;
	for (uint32_t i = 0; i < packets && !err; i++) {
		uint32_t sa = (uint32_t)(draw(&random) >> 32) % SAS, spi_be = htonl(0x10000 + sa),
			 sequence_be;

		sequence[sa] += (uint32_t)(draw(&random) >> 32) % 100 ? 1 : 2;
		sequence_be = htonl(sequence[sa]);
		memcpy(frame + 34, &spi_be, 4);
		memcpy(frame + 38, &sequence_be, 4);
		record.seconds = 1700000000 + i / 100000;
		record.micros = i % 100000 * 10;
		if (fwrite(&record, sizeof(record), 1, file) != 1 ||
		    fwrite(frame, sizeof(frame), 1, file) != 1)
			err = -EIO;
	}
	if (fclose(file))
		err = err ? err : -errno;
	return err;
}

static int loop(const char *path)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline(path, error);
	struct pcap_pkthdr *header;
	uint64_t packets = 0, sum = 0;
	const u_char *data;
	uint32_t sequence;

	if (!pcap)
		return -EIO;
	while (pcap_next_ex(pcap, &header, &data) == 1) {
		if (header->caplen < 42 || data[12] != 8 || data[14] != 0x45 || data[23] != 50)
			continue;
		memcpy(&sequence, data + 38, 4);
		sum += ntohl(sequence);
		packets++;
	}
	pcap_close(pcap);
	printf("%llu packets, sum %llu\n", (unsigned long long)packets, (unsigned long long)sum);
	return packets ? 0 : -EIO;
}

struct outcome {
	struct series seconds;
	double rss_mib;
	bool failed;
};

struct reader {
	const char *name;
	char *argv[20];
	uint32_t rounds;
	double must, aim; /* espial's time to this one's */
	enum row_better better;
};

static void put_rows(struct reader *readers, struct outcome *outcomes, size_t n)
{
	double ours = series_iqm(&outcomes[0].seconds);
	char note[64], name[80];
	struct row row;

	row_head("capture of a million packets");
	for (size_t i = 0; i < n; i++) {
		if (outcomes[i].failed) {
			printf("%s: failed or not installed\n", readers[i].name);
			continue;
		}
		row = row_of("capture", readers[i].name, "s", &outcomes[i].seconds);
		snprintf(note, sizeof(note), "RSS %.1f MiB", outcomes[i].rss_mib);
		row.note = note;
		row_put(&row);
		if (!i || outcomes[0].failed)
			continue;
		snprintf(name, sizeof(name), "espial read against %s", readers[i].name);
		row = row_of("capture", name, "s", &outcomes[0].seconds);
		row.better = readers[i].better;
		row.ratio = row.better == ROW_MORE ? series_iqm(&outcomes[i].seconds) / ours
						   : ours / series_iqm(&outcomes[i].seconds);
		row.of = row.better == ROW_MORE ? "times faster" : "of its time";
		row.must = readers[i].must;
		row.aim = readers[i].aim;
		row_put(&row);
	}
}

static int measure(const char *self, const char *espial, const char *path, uint32_t rounds)
{
	struct reader readers[] = {
		{"espial read --json",
		 {(char *)espial, "read", "--json", (char *)path},
		 rounds,
		 NAN,
		 NAN,
		 ROW_NONE},
		{"a bare libpcap loop", {(char *)self, "-l", (char *)path}, rounds, 1.3, 0.7, ROW_LESS},
		{"tcpdump -nn", {"tcpdump", "-nn", "-r", (char *)path}, 3, 15, NAN, ROW_MORE},
		{"tshark, ESP with sequence analysis",
		 {"tshark", "-n", "-r", (char *)path, "-o", "esp.do_esp_sequence_analysis:TRUE", "-T",
		  "fields", "-e", "esp.spi", "-e", "esp.sequence", "-e", "esp.sequence-analysis.expected-sn"},
		 1,
		 70,
		 NAN,
		 ROW_MORE},
	};
	size_t n = sizeof(readers) / sizeof(readers[0]);
	struct outcome outcomes[sizeof(readers) / sizeof(readers[0])] = {0};
	struct cost cost;

	cost_of(readers[1].argv, &cost); /* brings the file into the page cache */
	for (uint32_t round = 0; round < rounds; round++)
		for (size_t i = 0; i < n; i++) {
			if (round >= readers[i].rounds || outcomes[i].failed)
				continue;
			if (cost_of(readers[i].argv, &cost)) {
				outcomes[i].failed = true;
				continue;
			}
			series_add(&outcomes[i].seconds, cost.elapsed_s);
			if (cost.rss_mib > outcomes[i].rss_mib)
				outcomes[i].rss_mib = cost.rss_mib;
		}
	put_rows(readers, outcomes, n);
	return outcomes[0].failed ? -EIO : 0;
}

int main(int argc, char **argv)
{
	const char *espial = NULL, *write = NULL, *read = NULL;
	uint32_t packets = 1000000, rounds = 7;
	int c, err;

	while ((c = getopt(argc, argv, "g:l:e:p:r:")) != -1) {
		if (c == 'g')
			write = optarg;
		else if (c == 'l')
			read = optarg;
		else if (c == 'e')
			espial = optarg;
		else if (c == 'p')
			packets = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 'r')
			rounds = (uint32_t)strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	if (write)
		err = generate(write, packets);
	else if (read)
		err = loop(read);
	else if (espial && optind < argc && rounds && rounds <= MEASURE_MAX)
		err = measure(argv[0], espial, argv[optind], rounds);
	else
		return 2;
	if (err)
		fprintf(stderr, "bench_capture: %s\n", strerror(-err));
	return err ? 3 : 0;
}
