/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cluster/host_sample.h"

#include "core/hash.h"
#include "core/varint.h"

#include <math.h>
#include <stdlib.h>

enum { VISIT_BITS = 16, VISITS = (1 << VISIT_BITS) - 1, ROOM_LEAST = 2 };

void host_sample_init(struct host_sample *s)
{
    *s = (struct host_sample){.below = UINT64_MAX};
}

void host_sample_free(struct host_sample *s)
{
    free(s->items);
    host_sample_init(s);
}

size_t host_sample_bytes(const struct host_sample *s)
{
    return s->room * sizeof *s->items;
}

/* ---- taking and merging ---- */

/* Up to some ten well: enough to tell once from often. */
static unsigned item_visits(uint64_t item)
{
    unsigned x = item & VISITS; /* without a call into libgcc, of all CPUs */
    x = (x & 0x5555) + (x >> 1 & 0x5555);
    x = (x & 0x3333) + (x >> 2 & 0x3333);
    x = (x & 0x0f0f) + (x >> 4 & 0x0f0f);
    return (x & 0xff) + (x >> 8);
}

static size_t place_of(const struct host_sample *s, uint64_t hash)
{
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (host_sample_hash(s, middle) < hash) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The greatest gives way. */
static void cut_to(struct host_sample *s, size_t most)
{
    if (s->count > most) {
        s->below = host_sample_hash(s, most);
        s->count = (uint32_t)most;
    }
}

enum err host_sample_take(struct host_sample *s, uint64_t host, uint64_t visit, size_t most)
{
    uint64_t hash = hash_mix(host) >> VISIT_BITS, bit = UINT64_C(1) << hash_mix(visit) % VISIT_BITS;
    if (host == 0 || hash >= s->below) {
        return OK;
    }
    size_t at = place_of(s, hash);
    if (at < s->count && host_sample_hash(s, at) == hash) {
        s->items[at] |= bit;
        return OK;
    }
    if (s->count == s->room) {
        size_t room = s->room ? s->room * 2 : ROOM_LEAST;
        room = room < most + 1 ? room : most + 1; /* one more: the one that gives way */
        uint64_t *items = realloc(s->items, room * sizeof *items);
        if (!items) {
            return ERR_NOMEM;
        }
        s->items = items;
        s->room = (uint32_t)room;
    }
    memmove(&s->items[at + 1], &s->items[at], (s->count - at) * sizeof *s->items);
    s->items[at] = hash << VISIT_BITS | bit;
    s->count++;
    cut_to(s, most);
    return OK;
}

/* Calls `each` with the items of every machine that both samples would hold; 0: not there. */
static void walk(const struct host_sample *a, const struct host_sample *b,
                 void (*each)(void *arg, uint64_t x, uint64_t y), void *arg)
{
    uint64_t below = a->below < b->below ? a->below : b->below;
    for (size_t i = 0, j = 0; i < a->count || j < b->count;) {
        uint64_t x = i < a->count ? host_sample_hash(a, i) : UINT64_MAX;
        uint64_t y = j < b->count ? host_sample_hash(b, j) : UINT64_MAX;
        if ((x < y ? x : y) >= below) {
            break;
        }
        each(arg, x <= y ? a->items[i] : 0, y <= x ? b->items[j] : 0);
        i += x <= y;
        j += y <= x;
    }
}

static void item_append(void *arg, uint64_t x, uint64_t y)
{
    struct host_sample *sum = arg;
    sum->items[sum->count++] = x | y;
}

enum err host_sample_merge(struct host_sample *a, const struct host_sample *b, size_t most)
{
    struct host_sample sum = {.room = a->count + b->count,
                              .below = a->below < b->below ? a->below : b->below};
    if (sum.room == 0) {
        a->below = sum.below;
        return OK;
    }
    sum.items = malloc(sum.room * sizeof *sum.items);
    if (!sum.items) {
        return ERR_NOMEM;
    }
    walk(a, b, item_append, &sum);
    cut_to(&sum, most);
    free(a->items);
    *a = sum;
    return OK;
}

/* ---- evidence ---- */

struct tally {
    unsigned both;
    unsigned pure[2][VISIT_BITS + 1]; /* machines by visits, all of one side */
    double visits[2];
};

static void item_tally(void *arg, uint64_t x, uint64_t y)
{
    struct tally *t = arg;
    unsigned m = item_visits(x), n = item_visits(y);
    t->visits[0] += m;
    t->visits[1] += n;
    if (m && n) {
        t->both++;
    } else {
        t->pure[m == 0][m + n]++;
    }
}

/* log-likelihood when a share `drawing` of the machines draws the variant for each visit, and the
 * others have one each. Terms that do not depend on it are left out. */
static double tally_likelihood(const struct tally *t, double drawing)
{
    double all = t->visits[0] + t->visits[1], sum = t->both * log(drawing);
    for (unsigned side = 0; side < 2; side++) {
        double share = t->visits[side] / all, power = share;
        for (unsigned k = 2; k <= VISIT_BITS; k++) {
            if (t->pure[side][k]) {
                sum += t->pure[side][k] * log(drawing * power + 1 - drawing);
            }
            power *= share;
        }
    }
    return sum;
}

enum { SHARES = 3 };

static double mean_likelihood(const struct tally *t, const double drawing[SHARES])
{
    double l[SHARES], most = -INFINITY, sum = 0;
    for (unsigned i = 0; i < SHARES; i++) {
        l[i] = tally_likelihood(t, drawing[i]);
        most = fmax(most, l[i]);
    }
    for (unsigned i = 0; i < SHARES; i++) {
        sum += exp(l[i] - most) / SHARES;
    }
    return most + log(sum);
}

void host_sample_meet(const struct host_sample *a, const struct host_sample *b,
                      struct host_meeting *out)
{
    /* Upgrades and campaigns keep a machine with one variant for some time */
    static const double one_pool[SHARES] = {0.35, 0.6, 0.999};
    static const double two_pools[SHARES] = {0.01, 0.05, 0.15};
    struct tally t = {0};
    *out = (struct host_meeting){0};
    if (a->count == 0 || b->count == 0) {
        return;
    }
    walk(a, b, item_tally, &t);
    *out = (struct host_meeting){.first = t.both, .second = t.both, .both = t.both};
    for (unsigned k = 1; k <= VISIT_BITS; k++) {
        out->first += t.pure[0][k];
        out->second += t.pure[1][k];
        out->returned += k > 1 ? t.pure[0][k] + t.pure[1][k] : 0;
    }
    if (out->first && out->second) {
        out->evidence = mean_likelihood(&t, one_pool) - mean_likelihood(&t, two_pools);
    }
}

/* ---- kept ---- */

void host_sample_save(const struct host_sample *s, struct strbuf *out)
{
    uint64_t last = 0;
    varint_add(out, s->count);
    varint_add(out, s->below == UINT64_MAX ? 0 : s->below);
    for (size_t i = 0; i < s->count; i++) {
        varint_add(out, host_sample_hash(s, i) - last);
        varint_add(out, s->items[i] & VISITS);
        last = host_sample_hash(s, i);
    }
}

bool host_sample_load(struct host_sample *s, struct slice *in, size_t most)
{
    uint64_t count, below, delta, visits, hash = 0;
    host_sample_init(s);
    if (!varint_cut(in, &count) || count > most || !varint_cut(in, &below) ||
        below >> (64 - VISIT_BITS) || (count && !(s->items = malloc(count * sizeof *s->items)))) {
        return false;
    }
    s->room = (uint32_t)count;
    s->below = below ? below : UINT64_MAX;
    for (; s->count < count; s->count++) {
        if (!varint_cut(in, &delta) || !varint_cut(in, &visits) || (delta == 0 && s->count > 0) ||
            visits == 0 || visits > VISITS || __builtin_add_overflow(hash, delta, &hash) ||
            hash >= s->below || hash >> (64 - VISIT_BITS)) {
            host_sample_free(s);
            return false;
        }
        s->items[s->count] = hash << VISIT_BITS | visits;
    }
    return true;
}
