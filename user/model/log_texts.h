/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log_texts.h - texts that occur again and again, each kept once and known by a number from 1 */
#ifndef ESPIAL_MODEL_LOG_TEXTS_H
#define ESPIAL_MODEL_LOG_TEXTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log_texts;

struct log_texts *log_texts_new(void); /* NULL: no memory */
void log_texts_free(struct log_texts *texts);
/* The number of the text; 0 for an empty one, and when there is no memory, with *ret_failed set. */
uint32_t log_texts_number(struct log_texts *texts, const char *text, size_t length, bool *ret_failed);
const char *log_texts_get(const struct log_texts *texts, uint32_t number); /* terminated; "" for 0 */

#endif
