/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cluster/host_gather.h"

#include "core/scratch.h"
#include "core/sort.h"

enum { ROOM = 2 * HOST_SAMPLE_MOST }; /* the most that is kept, and one sample more */

static void begin(struct host_gather *g)
{
    g->count = 0;
    g->below = UINT32_MAX;
}

enum err host_gather_init(struct host_gather *g, size_t most)
{
    *g = (struct host_gather){
        .items = scratch_new(ROOM, sizeof *g->items),
        .spare = scratch_new(ROOM, sizeof *g->spare),
        .words = scratch_new(host_sample_words(most), sizeof *g->words),
        .most = most,
    };
    begin(g);
    if (!g->items || !g->spare || !g->words) {
        host_gather_free(g);
        return ERR_NOMEM;
    }
    return OK;
}

void host_gather_free(struct host_gather *g)
{
    scratch_free(g->items);
    scratch_free(g->spare);
    scratch_free(g->words);
    *g = (struct host_gather){0};
}

static uint32_t hash_of(uint64_t item)
{
    return (uint32_t)(item >> 32);
}

/* Sorts, and makes one of the items of one machine. What more than `most` have before them gives
 * way, as what is not below what any of the samples has. */
static void items_join(struct host_gather *g)
{
    uint64_t *sorted = sort_upper(g->items, g->spare, g->count);
    size_t kept = 0;
    for (size_t i = 0; i < g->count && hash_of(sorted[i]) < g->below; i++) {
        if (kept && hash_of(sorted[kept - 1]) == hash_of(sorted[i])) {
            sorted[kept - 1] |= sorted[i];
        } else if (kept == g->most) {
            g->below = hash_of(sorted[i]);
        } else {
            sorted[kept++] = sorted[i];
        }
    }
    g->spare = sorted == g->items ? g->spare : g->items;
    g->items = sorted;
    g->count = kept;
}

void host_gather_add(struct host_gather *g, const struct host_sample *s)
{
    const uint16_t *visits = host_sample_visits(s);
    if (g->count + s->count > ROOM) {
        items_join(g);
    }
    g->below = s->below < g->below ? s->below : g->below;
    for (size_t i = 0; i < s->count && s->hashes[i] < g->below; i++) {
        g->items[g->count++] = (uint64_t)s->hashes[i] << 32 | visits[i];
    }
}

void host_gather_sum(struct host_gather *g, struct host_sample *out)
{
    items_join(g);
    *out = (struct host_sample){.hashes = g->words,
                                .below = g->below,
                                .count = (uint16_t)g->count,
                                .room = (uint16_t)g->count};
    uint16_t *visits = host_sample_visits(out);
    for (size_t i = 0; i < g->count; i++) {
        out->hashes[i] = hash_of(g->items[i]);
        visits[i] = (uint16_t)g->items[i];
    }
    begin(g);
}
