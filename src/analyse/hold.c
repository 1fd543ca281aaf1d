/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "analyse/hold.h"

#include "core/limits.h"

#include <stdlib.h>

enum { BUCKETS = 4096 };

struct hold {
    struct held *oldest, *newest;
    size_t count, bytes;
    struct held *buckets[BUCKETS];
};

struct hold *hold_new(void)
{
    return calloc(1, sizeof(struct hold));
}

void hold_free(struct hold *h)
{
    for (struct held *m = h ? h->oldest : NULL; m;) {
        struct held *newer = m->newer;
        free(m);
        m = newer;
    }
    free(h);
}

/* Session ids are random, so any of their bytes will do. */
static struct held **bucket_of(struct hold *h, struct id128 session)
{
    return &h->buckets[(session.b[0] | (unsigned)session.b[1] << 8) % BUCKETS];
}

enum err hold_put(struct hold *h, struct id128 session, struct spool_position at,
                  int64_t accepted_us, struct slice payload)
{
    struct held *m = malloc(sizeof *m + payload.n), **end = bucket_of(h, session);
    if (!m) {
        return ERR_NOMEM;
    }
    *m = (struct held){.older = h->newest,
                       .session = session,
                       .at = at,
                       .accepted_us = accepted_us,
                       .n = payload.n};
    memcpy(m->payload, payload.p, payload.n);
    if (h->newest) {
        h->newest->newer = m;
    } else {
        h->oldest = m;
    }
    h->newest = m;
    while (*end) {
        end = &(*end)->next;
    }
    *end = m;
    h->count++;
    h->bytes += sizeof *m + payload.n;
    return OK;
}

/* Out of the order of positions; the bucket is the caller's. */
static void unlink_held(struct hold *h, struct held *m)
{
    *(m->older ? &m->older->newer : &h->oldest) = m->newer;
    *(m->newer ? &m->newer->older : &h->newest) = m->older;
    m->older = m->newer = NULL;
    h->count--;
    h->bytes -= sizeof *m + m->n;
}

struct held *hold_take(struct hold *h, struct id128 session)
{
    struct held *taken = NULL, **end = &taken;
    for (struct held **at = bucket_of(h, session); *at;) {
        struct held *m = *at;
        if (!id128_eq(m->session, session)) {
            at = &m->next;
            continue;
        }
        *at = m->next;
        unlink_held(h, m);
        m->next = NULL;
        *end = m;
        end = &m->next;
    }
    return taken;
}

struct held *hold_take_oldest(struct hold *h)
{
    struct held *m = h->oldest;
    if (m) {
        struct held **at = bucket_of(h, m->session);
        while (*at != m) {
            at = &(*at)->next;
        }
        *at = m->next;
        unlink_held(h, m);
        m->next = NULL;
    }
    return m;
}

const struct held *hold_oldest(const struct hold *h)
{
    return h->oldest;
}

bool hold_is_full(const struct hold *h)
{
    return h->count > LIMIT_HELD_MESSAGES || h->bytes > LIMIT_HELD_BYTES;
}
