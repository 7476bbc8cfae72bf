// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/ike_traffic.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>

#include "model/ike_parse.h"
#include "source/capfile.h"

enum {
	AT_SOURCE = 14 + 12, /* Ethernet without tags, IPv4 without options */
	AT_DESTINATION = 14 + 16,
	AT_PORT = 14 + 20,
	AT_UDP_END = 14 + 20 + 8,
	MARKER = 4,
	AT_MESSAGE_ID = 20,
	PER_MINUTE = 100000,
};

/* Where the IKE message is, or 0. */
static uint32_t message_at(const uint8_t *frame, uint32_t length)
{
	static const uint8_t marker[MARKER];
	uint32_t at = AT_UDP_END;

	if (length < AT_UDP_END + MARKER + IKE_HEADER_SIZE || frame[12] != 8 || frame[14] != 0x45 ||
	    frame[23] != 17)
		return 0;
	return memcmp(frame + at, marker, MARKER) ? at : at + MARKER;
}

static enum ike_sample sample_of(uint8_t exchange, bool response)
{
	unsigned int kind;

	switch (exchange) {
	case IKE_V2_EXCHANGE_IKE_SA_INIT:
		kind = IKE_SAMPLE_INIT;
		break;
	case IKE_V2_EXCHANGE_IKE_AUTH:
		kind = IKE_SAMPLE_AUTH;
		break;
	case IKE_V2_EXCHANGE_CREATE_CHILD_SA:
		kind = IKE_SAMPLE_CHILD;
		break;
	case IKE_V2_EXCHANGE_INFORMATIONAL:
		kind = IKE_SAMPLE_INFORMATIONAL;
		break;
	default:
		return IKE_SAMPLES;
	}
	return (enum ike_sample)(kind + response);
}

int ike_samples_read(const char *path, struct ike_samples *ret)
{
	struct ike_samples samples = {0};
	struct capfile_reader *reader;
	struct capfile_packet packet;
	int err = capfile_open(path, &reader, NULL, 0);

	if (err)
		return err;
	while ((err = capfile_next(reader, &packet)) == 1) {
		uint32_t at = message_at(packet.data, packet.caplen), offset;
		struct ike_message m;
		enum ike_sample sample;

		if (!at || packet.caplen > IKE_FRAME_MAX ||
		    ike_parse(packet.data + at, packet.caplen - at, packet.caplen - at, &m, &offset) !=
			    IKE_OK)
			continue;
		sample = sample_of(m.exchange, m.response);
		if (sample == IKE_SAMPLES || samples.length[sample])
			continue;
		memcpy(samples.frame[sample], packet.data, packet.caplen);
		samples.length[sample] = packet.caplen;
	}
	capfile_close(reader);
	for (unsigned int i = 0; !err && i < IKE_SAMPLES; i++)
		if (!samples.length[i])
			err = -ENOENT;
	if (!err)
		*ret = samples;
	return err;
}

/* ---- writing ---- */

struct writer {
	FILE *file;
	const struct ike_samples *samples;
	uint32_t written;
};

static int writer_open(struct writer *w, const char *path, const struct ike_samples *samples)
{
	/* Classic pcap, microseconds, in this machine's order */
	const uint32_t head[] = {0xa1b2c3d4, 4u << 16 | 2, 0, 0, 65535, 1};

	*w = (struct writer){.file = fopen(path, "w"), .samples = samples};
	if (!w->file)
		return -errno;
	return fwrite(head, sizeof(head), 1, w->file) == 1 ? 0 : -EIO;
}

static int writer_close(struct writer *w)
{
	return fclose(w->file) ? -errno : 0;
}

static void put32(uint8_t *at, uint32_t value)
{
	value = htonl(value);
	memcpy(at, &value, sizeof(value));
}

struct change {
	uint32_t tunnel; /* makes the initiator's address and both SPIs */
	uint32_t message_id;
	bool by_responder;
};

/* Both SPIs keep their last bytes, so that a zero one of the sample stays as it is. */
static int write_message(struct writer *w, enum ike_sample sample, const struct change *change)
{
	uint64_t micros = (uint64_t)w->written++ * 60000000 / PER_MINUTE;
	uint8_t frame[IKE_FRAME_MAX];
	uint32_t length = w->samples->length[sample], at;
	const uint32_t record[] = {(uint32_t)(1700000000 + micros / 1000000), (uint32_t)(micros % 1000000),
				   length, length};
	bool answer = sample & 1;

	memcpy(frame, w->samples->frame[sample], length);
	at = message_at(frame, length);
	put32(frame + (answer == change->by_responder ? AT_SOURCE : AT_DESTINATION),
	      0x0a000000 + change->tunnel);
	put32(frame + (answer == change->by_responder ? AT_DESTINATION : AT_SOURCE), 0xc6336401);
	put32(frame + at, change->tunnel * 2654435761u);
	if (sample != IKE_SAMPLE_INIT)
		put32(frame + at + 8, change->tunnel * 2246822519u);
	if (sample > IKE_SAMPLE_INIT_ANSWER) {
		put32(frame + at + AT_MESSAGE_ID, change->message_id);
		frame[at + 19] = (uint8_t)((answer ? IKE_V2_FLAG_RESPONSE : 0) |
					   (answer == change->by_responder ? IKE_V2_FLAG_INITIATOR : 0));
		put32(frame + at + 40, change->message_id); /* another ciphertext */
	}
	if (fwrite(record, sizeof(record), 1, w->file) != 1 || fwrite(frame, length, 1, w->file) != 1)
		return -EIO;
	return 0;
}

static int write_pair(struct writer *w, enum ike_sample request, const struct change *change)
{
	int err = write_message(w, request, change);

	return err ? err : write_message(w, (enum ike_sample)(request + 1), change);
}

int ike_traffic_tunnels(const char *path, const struct ike_samples *samples, uint32_t messages,
			uint32_t tunnels)
{
	struct writer w;
	int err = writer_open(&w, path, samples), closed;

	for (uint32_t i = 0; !err && i < tunnels; i++) {
		struct change change = {.tunnel = i, .message_id = 0};

		err = write_pair(&w, IKE_SAMPLE_INIT, &change);
		change.message_id = 1;
		err = err ? err : write_pair(&w, IKE_SAMPLE_AUTH, &change);
	}
	for (uint32_t round = 0; !err && w.written < messages; round++)
		for (uint32_t i = 0; !err && i < tunnels && w.written < messages; i++) {
			struct change change = {
				.tunnel = i, .message_id = 2 + round / 2, .by_responder = round & 1};

			if (change.by_responder)
				change.message_id -= 2; /* each side counts its own */
			err = write_pair(&w, round % 10 == 9 ? IKE_SAMPLE_CHILD : IKE_SAMPLE_INFORMATIONAL,
					 &change);
		}
	if (!w.file)
		return err;
	closed = writer_close(&w);
	return err ? err : closed;
}

int ike_traffic_flood(const char *path, const struct ike_samples *samples, uint32_t messages)
{
	struct writer w;
	int err = writer_open(&w, path, samples), closed;

	for (uint32_t i = 0; !err && i < messages; i++)
		err = write_message(&w, IKE_SAMPLE_INIT, &(struct change){.tunnel = i});
	if (!w.file)
		return err;
	closed = writer_close(&w);
	return err ? err : closed;
}
