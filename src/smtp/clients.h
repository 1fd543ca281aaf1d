/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Open sessions per client host (host_key), for the guard against one client taking them all. */
#ifndef SMTP_CLIENTS_H
#define SMTP_CLIENTS_H

#include "core/err.h"

#include <stdbool.h>
#include <stdint.h>

struct clients;

/* For at most LIMIT_SMTP_CLIENTS hosts at once. */
struct clients *clients_new(void) MUST_USE;
void clients_free(struct clients *c);
/* One more session of `host`, unless it has `max` of them: false then. Also false when the table
 * is full. */
bool clients_enter(struct clients *c, uint64_t host, uint32_t max);
void clients_leave(struct clients *c, uint64_t host);

#endif
