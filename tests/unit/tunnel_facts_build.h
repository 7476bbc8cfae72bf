/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tunnel_facts_build.h - what a daemon and the kernel say of one tunnel, for the tests of the tunnel model */
#ifndef ESPIAL_TESTS_TUNNEL_FACTS_BUILD_H
#define ESPIAL_TESTS_TUNNEL_FACTS_BUILD_H

#include "tunnel_build.h"

static struct fact_daemon daemon_facts;
static struct fact_connection connections[2];
static struct fact_ike ikes[2];
static struct fact_child children[2];
static struct fact_kernel kernel;
static struct fact_sa kernel_sas[4];

/* A daemon that has one connection, and what `ike_count` and `child_count` say of it. */
static void use_daemon(const char *name)
{
	memset(connections, 0, sizeof(connections));
	memset(ikes, 0, sizeof(ikes));
	memset(children, 0, sizeof(children));
	snprintf(connections[0].name, sizeof(connections[0].name), "%s", name);
	memcpy(connections[0].remote, ends[RIGHT].address, 16);
	snprintf(ikes[0].connection, sizeof(ikes[0].connection), "%s", name);
	ikes[0].unique_id = 7;
	ikes[0].state = FACT_IKE_ESTABLISHED;
	memcpy(ikes[0].local, ends[LEFT].address, 16);
	memcpy(ikes[0].remote, ends[RIGHT].address, 16);
	ikes[0].local_port = ikes[0].remote_port = 4500;
	ikes[0].initiator_spi = SPI_I;
	ikes[0].responder_spi = SPI_R;
	children[0] = (struct fact_child){.ike_unique_id = 7,
					  .reqid = 3,
					  .state = FACT_CHILD_INSTALLED,
					  .protocol = 50,
					  .spi_in = 0x11,
					  .spi_out = 0x22,
					  .suite = "AES_GCM_16_256"};
	snprintf(children[0].connection, sizeof(children[0].connection), "%s", name);
	snprintf(children[0].name, sizeof(children[0].name), "c");
	daemon_facts = (struct fact_daemon){.available = true,
					    .connections = connections,
					    .connection_count = 1,
					    .ikes = ikes,
					    .children = children};
	input.daemons = &daemon_facts;
	input.daemon_count = 1;
}

static void look_facts(void)
{
	daemon_facts.snapshot_ns = now;
	look();
}

/* Longer than a rekey is without, and than the wire needs to tell why. */
static void settle_facts(void)
{
	for (int i = 0; i < 4; i++) {
		after(SECOND);
		look_facts();
	}
}

static void kernel_pair(unsigned int number, uint32_t in, uint32_t out, uint32_t reqid)
{
	struct fact_sa *a = &kernel_sas[2 * number], *b = a + 1;

	*a = (struct fact_sa){.family = 4,
			      .protocol = 50,
			      .direction = FACT_IN,
			      .mode = FACT_TUNNEL,
			      .spi = in,
			      .reqid = reqid,
			      .added_ns = now,
			      .aead = {"rfc4106(gcm(aes))", 288, 128}};
	memcpy(a->source, ends[RIGHT].address, 16);
	memcpy(a->destination, ends[LEFT].address, 16);
	*b = *a;
	b->direction = FACT_OUT;
	b->spi = out;
	memcpy(b->source, a->destination, 16);
	memcpy(b->destination, a->source, 16);
	kernel = (struct fact_kernel){.available = true, .sas = kernel_sas, .sa_count = 2 * number + 2};
	input.kernel = &kernel;
}

#endif
