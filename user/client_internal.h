/* SPDX-License-Identifier: GPL-2.0-or-later */
/* client_internal.h - what both halves of the client need: deadlines. See client.h. */
#ifndef ESPIAL_CLIENT_INTERNAL_H
#define ESPIAL_CLIENT_INTERNAL_H

#include <stdint.h>

int64_t client_now_ms(void);
/* 0 when `events` happened before the time `end` (INT64_MAX: ever), -ETIMEDOUT. */
int client_wait(int fd, short events, int64_t end);

#endif
