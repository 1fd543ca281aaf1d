/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smtp/greylist.h"

#include "core/hash.h"
#include "core/limits.h"

#include <stdlib.h>

enum { BUCKET = 8, BUCKETS = LIMIT_SMTP_GREYLIST / BUCKET };

struct triple {
    uint64_t hash;
    int64_t first_s; /* 0: free */
};

struct greylist {
    int64_t delay_s, life_s;
    struct triple triples[BUCKETS][BUCKET];
};

struct greylist *greylist_new(uint32_t delay_seconds, uint32_t life_seconds)
{
    struct greylist *g = calloc(1, sizeof *g);
    if (g) {
        g->delay_s = delay_seconds;
        g->life_s = life_seconds;
    }
    return g;
}

void greylist_free(struct greylist *g)
{
    free(g);
}

bool greylist_passes(struct greylist *g, struct ip client, struct slice from, struct slice rcpt,
                     int64_t now_us)
{
    struct {
        uint64_t network, from, rcpt;
    } key = {ip_is_v4(client) ? ip_v4(client) >> 8 : host_key(client), hash_u64(from),
             hash_u64(rcpt)};
    uint64_t hash = hash_u64(slice_of((const char *)&key, sizeof key));
    int64_t now_s = now_us / 1000000;
    struct triple *bucket = g->triples[hash % BUCKETS], *oldest = bucket;
    for (size_t i = 0; i < BUCKET; i++) {
        int64_t age = now_s - bucket[i].first_s;
        if (bucket[i].first_s && bucket[i].hash == hash && age <= g->delay_s + g->life_s) {
            return age >= g->delay_s;
        }
        oldest = bucket[i].first_s < oldest->first_s ? &bucket[i] : oldest;
    }
    *oldest = (struct triple){hash, now_s};
    return g->delay_s == 0;
}
