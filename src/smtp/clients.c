/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Open addressing with linear probing; a host that leaves is taken out by moving its followers up,
 * so that the table never fills with graves. */
#include "smtp/clients.h"

#include "core/hash.h"
#include "core/limits.h"

#include <stdlib.h>

enum { TABLE_AT_FIRST = 1024 };

struct client {
    uint64_t host;
    uint32_t sessions; /* 0: the slot is free */
};

struct clients {
    struct client *slots;
    size_t size; /* a power of two */
    size_t used;
};

struct clients *clients_new(void)
{
    struct clients *c = calloc(1, sizeof *c);
    struct client *slots = calloc(TABLE_AT_FIRST, sizeof *slots);
    if (!c || !slots) {
        free(c);
        free(slots);
        return NULL;
    }
    c->slots = slots;
    c->size = TABLE_AT_FIRST;
    return c;
}

void clients_free(struct clients *c)
{
    if (c) {
        free(c->slots);
        free(c);
    }
}

static size_t home_of(const struct clients *c, uint64_t host)
{
    return (size_t)hash_u64(slice_of((const char *)&host, sizeof host)) & (c->size - 1);
}

/* The host's slot, or the free one where it would stand. */
static size_t slot_of(const struct clients *c, uint64_t host)
{
    size_t i = home_of(c, host);
    while (c->slots[i].sessions > 0 && c->slots[i].host != host) {
        i = (i + 1) & (c->size - 1);
    }
    return i;
}

static bool table_grow(struct clients *c)
{
    struct clients bigger = {calloc(2 * c->size, sizeof *bigger.slots), 2 * c->size, c->used};
    if (!bigger.slots) {
        return false;
    }
    for (size_t i = 0; i < c->size; i++) {
        if (c->slots[i].sessions > 0) {
            bigger.slots[slot_of(&bigger, c->slots[i].host)] = c->slots[i];
        }
    }
    free(c->slots);
    *c = bigger;
    return true;
}

bool clients_enter(struct clients *c, uint64_t host, uint32_t max)
{
    size_t i = slot_of(c, host);
    if (c->slots[i].sessions == 0) {
        if (c->used == LIMIT_SMTP_CLIENTS || max == 0) {
            return false;
        }
        if (2 * (c->used + 1) > c->size) {
            if (!table_grow(c)) {
                return false;
            }
            i = slot_of(c, host);
        }
        c->used++;
        c->slots[i].host = host;
    } else if (c->slots[i].sessions >= max) {
        return false;
    }
    c->slots[i].sessions++;
    return true;
}

void clients_leave(struct clients *c, uint64_t host)
{
    size_t hole = slot_of(c, host), mask = c->size - 1;
    if (c->slots[hole].sessions == 0 || --c->slots[hole].sessions > 0) {
        return;
    }
    c->used--;
    for (size_t i = (hole + 1) & mask; c->slots[i].sessions > 0; i = (i + 1) & mask) {
        size_t home = home_of(c, c->slots[i].host);
        if (((i - home) & mask) >= ((i - hole) & mask)) { /* it may stand in the hole */
            c->slots[hole] = c->slots[i];
            c->slots[i].sessions = 0;
            hole = i;
        }
    }
}
