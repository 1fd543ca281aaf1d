/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How much of the spool each client has filled: one bucket a host (IPv4 address, IPv6 /64) that
 * leaks evenly. A bounded table; where it is full the host that holds least goes, so that many
 * hosts cannot push out the one that fills the disk, and no host inherits another's bytes. One
 * thread. */
#ifndef SPOOL_SHARE_H
#define SPOOL_SHARE_H

#include "core/err.h"
#include "core/ip.h"

struct share;

/* A host may hold `bytes`, which leak within `seconds`. NULL when out of memory. */
struct share *share_new(uint64_t bytes, unsigned seconds) MUST_USE;
void share_free(struct share *s);

/* May the client add so many bytes now? A host that holds nothing may always add one record. */
bool share_has_room(struct share *s, struct ip client, uint64_t bytes, int64_t now_us);
void share_add(struct share *s, struct ip client, uint64_t bytes, int64_t now_us);

#endif
