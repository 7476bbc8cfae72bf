/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log_address.h - addresses and SPIs in the messages of routers, wherever they stand */
#ifndef ESPIAL_MODEL_LOG_ADDRESS_H
#define ESPIAL_MODEL_LOG_ADDRESS_H

#include "model/log_match.h"

#define LOG_ADDRESS_SIZE 46

/* The address in its one spelling; false: it is none. */
bool log_address_normal(struct log_span span, char ret[static LOG_ADDRESS_SIZE]);
/* The address behind the word that tells the peer: "PeerAddress=", "IP = ", "peer ", "from " and so on. */
bool log_address_of_peer(struct log_span message, struct log_span *ret);
/* The number behind "spi". */
bool log_address_spi(struct log_span message, uint32_t *ret);

#endif
