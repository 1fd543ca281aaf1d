/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a message's Received fields to its client: walk down from the top as far as the lines are
 * ours, then take the client from the last of them. */
#include "core/clock.h"
#include "core/limits.h"
#include "mail/trust.h"

#include <assert.h>

/* 1990-01-01: no mail that anybody feeds us is older. */
#define TIME_MIN INT64_C(631152000)

static bool time_is_sane(int64_t t, int64_t now)
{
    return t >= TIME_MIN && t <= now + 2 * SECONDS_PER_DAY;
}

/* How many of the hops are ours; `end` becomes the crossing at the last of them. */
static size_t hops_trusted(const struct chain *c, const struct trust *t, enum crossing *end)
{
    struct slice own_by = {NULL, 0};
    for (size_t i = 0; i < c->count; i++) {
        const struct hop *below = i + 1 < c->count ? &c->hops[i + 1] : NULL;
        *end = trust_crossing(t, &c->hops[i], below, own_by);
        if (*end == CROSSING_CLIENT || *end == CROSSING_BLIND) {
            return i + 1;
        }
        if (c->hops[i].by.n) {
            own_by = c->hops[i].by;
        }
    }
    return c->count;
}

/* The receipt time: of the line that saw the client, or if that cannot be true, of the nearest line
 * of ours above it. */
static void clock_set(struct chain *c, int64_t now)
{
    for (size_t i = c->trusted; i-- > 0;) {
        const struct hop *h = &c->hops[i];
        if (h->has_time && time_is_sane(h->time, now)) {
            c->time = h->time;
            c->clock = CLOCK_RECEIVED;
            return;
        }
        if (h->has_time) {
            c->quirks |= QUIRK_BIT(CLOCK_BAD);
        }
    }
}

/* All Received lines, top first; `fields` gets their places in the header block. */
static enum err hops_parse(struct chain *c, const struct mail *m, uint32_t fields[LIMIT_RECEIVED],
                           struct arena *arena)
{
    const struct header_block *block = &m->parts[0].header;
    size_t lines = 0;
    for (size_t i = 0; i < block->count; i++) {
        if (block->fields[i].id == HEADER_RECEIVED) {
            if (lines == LIMIT_RECEIVED) {
                c->quirks |= QUIRK_BIT(RECEIVED_LIMIT);
                break;
            }
            fields[lines++] = (uint32_t)i; /* below LIMIT_HEADERS */
        }
    }
    c->hops = lines ? arena_alloc(arena, lines * sizeof *c->hops) : NULL;
    if (lines && !c->hops) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < lines; i++) {
        c->hops[i] = received_parse(header_unfold(block->fields[fields[i]].value, arena));
    }
    c->count = lines;
    return OK;
}

static void forged_judge(struct chain *c)
{
    for (size_t i = c->trusted; i < c->count; i++) {
        if (!c->hops[i].is_local && strcmp(c->hops[i].form, "other") == 0) {
            c->quirks |= QUIRK_BIT(RECEIVED_BAD);
        }
    }
}

enum err chain_build_live(struct chain *c, const struct mail *m, struct ip client,
                          struct arena *arena)
{
    UNCLEARED uint32_t fields[LIMIT_RECEIVED];
    *c = (struct chain){.clock = CLOCK_NONE, .has_client = true, .client = client};
    enum err e = hops_parse(c, m, fields, arena);
    if (e == OK) {
        forged_judge(c);
    }
    return e;
}

enum err chain_build(struct chain *c, const struct mail *m, const struct trust *t, int64_t now,
                     struct arena *arena)
{
    UNCLEARED uint32_t fields[LIMIT_RECEIVED];
    *c = (struct chain){.clock = CLOCK_NONE};
    enum err e = hops_parse(c, m, fields, arena);
    if (e != OK || c->count == 0) {
        return e;
    }

    enum crossing end = CROSSING_OWN;
    c->trusted = hops_trusted(c, t, &end);
    assert(c->trusted >= 1 && c->trusted <= c->count);
    const struct hop *last = &c->hops[c->trusted - 1];
    if (end == CROSSING_CLIENT) {
        c->has_client = true;
        c->client = last->addr;
    }
    c->helo = last->helo;
    c->ptr = last->ptr;
    c->protocol = last->protocol;
    c->tls = last->tls;
    c->arrival = c->hops[0].has_time ? c->hops[0].time : 0;
    c->relay_fields = (size_t)fields[c->trusted - 1] + 1;
    clock_set(c, now);
    forged_judge(c);
    return OK;
}
