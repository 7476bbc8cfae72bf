/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe_mark.h - how `espial probe` marks the ESP that it sends, so that agents on its way do not take it for a tunnel's
 *
 * Each of its packets has an SPI of its own, with the first 12 bits of PROBE_MARK; an SA that has drawn such an SPI by chance is one as
 * soon as it has proved itself (account.h).
 */
#ifndef ESPIAL_MODEL_PROBE_MARK_H
#define ESPIAL_MODEL_PROBE_MARK_H

#include <stdbool.h>
#include <stdint.h>

#define PROBE_MARK 0xe5900000u
#define PROBE_MARK_MASK 0xfff00000u

static inline bool probe_mark_is(uint32_t spi)
{
	return (spi & PROBE_MARK_MASK) == PROBE_MARK;
}

#endif
