/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spool/share.h"

#include "core/hash.h"
#include "core/limits.h"

#include <stdlib.h>

enum { WAYS = 8, SETS = LIMIT_SPOOL_SHARE_HOSTS / WAYS };

struct bucket {
    uint64_t host; /* 0: free */
    double bytes;  /* at `at_us` */
    int64_t at_us;
};

struct share {
    double bytes, bytes_per_us;
    struct bucket buckets[SETS][WAYS];
};

struct share *share_new(uint64_t bytes, unsigned seconds)
{
    struct share *s = calloc(1, sizeof *s);
    if (s) {
        s->bytes = (double)bytes;
        s->bytes_per_us = (double)bytes / (1e6 * (seconds ? seconds : 1));
    }
    return s;
}

void share_free(struct share *s)
{
    free(s);
}

static double level(const struct share *s, const struct bucket *b, int64_t now_us)
{
    /* a clock that was set back leaks nothing */
    double left = b->bytes;
    left -= now_us > b->at_us ? s->bytes_per_us * (double)(now_us - b->at_us) : 0;
    return left > 0 ? left : 0;
}

/* The host's bucket, or NULL. */
static struct bucket *bucket_find(struct bucket set[WAYS], uint64_t host)
{
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].host == host) {
            return &set[i];
        }
    }
    return NULL;
}

static struct bucket *set_of(struct share *s, uint64_t host)
{
    return s->buckets[hash_u64(slice_of((const char *)&host, sizeof host)) % SETS];
}

bool share_has_room(struct share *s, struct ip client, uint64_t bytes, int64_t now_us)
{
    uint64_t host = host_key(client);
    const struct bucket *b = host ? bucket_find(set_of(s, host), host) : NULL;
    double held = b ? level(s, b, now_us) : 0;
    return held <= 0 || held + (double)bytes <= s->bytes;
}

void share_add(struct share *s, struct ip client, uint64_t bytes, int64_t now_us)
{
    uint64_t host = host_key(client);
    struct bucket *set = set_of(s, host), *b = bucket_find(set, host);
    if (!host) {
        return;
    }
    if (!b) {
        b = &set[0];
        for (size_t i = 1; i < WAYS; i++) {
            b = level(s, &set[i], now_us) < level(s, b, now_us) ? &set[i] : b;
        }
        *b = (struct bucket){.host = host, .at_us = now_us};
    }
    b->bytes = level(s, b, now_us) + (double)bytes;
    b->at_us = now_us;
}
