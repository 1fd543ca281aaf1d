/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cluster/host_sample.h"

#include "core/hash.h"
#include "core/varint.h"

#include <math.h>
#include <stdlib.h>

enum {
    VISIT_BITS = HOST_SAMPLE_VISIT_BITS,
    VISITS = (1 << VISIT_BITS) - 1,
    HASH_BITS = HOST_SAMPLE_HASH_BITS,
    ITEM_BYTES = sizeof(uint32_t) + sizeof(uint16_t),
    ROOM_LEAST = 2,
    SEARCH_COST = 8, /* of a machine by halving, in steps through an index */
    INDEX_PART = 12, /* slots of an index for each machine: nearly all looks end at once */
    ROOM_PART = 4,   /* what is full grows by so much of itself: there are tens of thousands */
};
static const uint32_t ALL = UINT32_MAX; /* `below` of a sample that nothing was left out of */

void host_sample_init(struct host_sample *s)
{
    *s = (struct host_sample){.below = ALL};
}

void host_sample_free(struct host_sample *s)
{
    free(s->hashes);
    host_sample_init(s);
}

size_t host_sample_bytes(const struct host_sample *s)
{
    return (size_t)s->room * ITEM_BYTES;
}

/* ---- taking and merging ---- */

/* Up to some ten well: enough to tell once from often. */
static unsigned visits_count(uint16_t visits)
{
    unsigned x = visits; /* without a call into libgcc, of all CPUs */
    x = (x & 0x5555) + (x >> 1 & 0x5555);
    x = (x & 0x3333) + (x >> 2 & 0x3333);
    x = (x & 0x0f0f) + (x >> 4 & 0x0f0f);
    return (x & 0xff) + (x >> 8);
}

/* The first one whose hash is not less; by it as many are below. */
static size_t place_of(const struct host_sample *s, uint32_t hash)
{
    const uint32_t *from = s->hashes;
    for (size_t n = s->count, half; n > 0; n -= half) {
        half = (n + 1) / 2;
        from += from[half - 1] < hash ? half : 0; /* without a jump */
    }
    return s->count ? (size_t)(from - s->hashes) : 0;
}

/* The greatest gives way. */
static void cut_to(struct host_sample *s, size_t most)
{
    if (s->count > most) {
        s->below = s->hashes[most];
        s->count = (uint16_t)most;
    }
}

static bool room_make(struct host_sample *s, size_t room)
{
    uint32_t *hashes = realloc(s->hashes, room * ITEM_BYTES);
    if (!hashes) {
        return false;
    }
    s->hashes = hashes;
    uint16_t *visits = host_sample_visits(s);
    s->room = (uint16_t)room;
    if (s->count) {
        memmove(host_sample_visits(s), visits, s->count * sizeof *visits);
    }
    return true;
}

static bool room_grow(struct host_sample *s, size_t most)
{
    size_t room = (size_t)s->room + s->room / ROOM_PART + ROOM_LEAST;
    return room_make(s, room < most + 1 ? room : most + 1); /* one more: that gives way */
}

enum err host_sample_take(struct host_sample *s, uint64_t host, uint64_t visit, size_t most)
{
    uint32_t hash = (uint32_t)(hash_mix(host) >> (64 - HASH_BITS));
    uint16_t bit = (uint16_t)(1u << hash_mix(visit) % VISIT_BITS);
    if (host == 0 || hash >= s->below) {
        return OK;
    }
    size_t at = place_of(s, hash);
    if (at < s->count && s->hashes[at] == hash) {
        host_sample_visits(s)[at] |= bit;
        return OK;
    }
    if (s->count == s->room && !room_grow(s, most)) {
        return ERR_NOMEM;
    }
    uint16_t *visits = host_sample_visits(s);
    memmove(&s->hashes[at + 1], &s->hashes[at], (s->count - at) * sizeof *s->hashes);
    memmove(&visits[at + 1], &visits[at], (s->count - at) * sizeof *visits);
    s->hashes[at] = hash;
    visits[at] = bit;
    s->count++;
    cut_to(s, most);
    return OK;
}

static uint32_t less(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* The machines that are in one or both, as far as there is room. */
static void join(struct host_sample *sum, const struct host_sample *a, const struct host_sample *b)
{
    const uint16_t *first = host_sample_visits(a), *second = host_sample_visits(b);
    uint16_t *visits = host_sample_visits(sum);
    size_t m = place_of(a, sum->below), n = place_of(b, sum->below);
    for (size_t i = 0, j = 0; (i < m || j < n) && sum->count < sum->room;) {
        uint32_t x = i < m ? a->hashes[i] : ALL, y = j < n ? b->hashes[j] : ALL;
        sum->hashes[sum->count] = less(x, y);
        visits[sum->count++] = (uint16_t)((x <= y ? first[i] : 0) | (y <= x ? second[j] : 0));
        i += x <= y;
        j += y <= x;
    }
}

enum err host_sample_union(const struct host_sample *a, const struct host_sample *b, size_t most,
                           struct host_sample *out)
{
    size_t room = (size_t)a->count + b->count;
    *out = (struct host_sample){.below = less(a->below, b->below)};
    if (room == 0) {
        return OK;
    }
    if (!room_make(out, room < most + 1 ? room : most + 1)) {
        return ERR_NOMEM;
    }
    join(out, a, b);
    cut_to(out, most);
    return OK;
}

size_t host_sample_words(size_t count)
{
    return (count * ITEM_BYTES + sizeof(uint32_t) - 1) / sizeof(uint32_t);
}

void host_sample_filter(const struct host_sample *s,
                        bool (*is_kept)(const void *arg, uint32_t hash), const void *arg,
                        uint32_t *words, struct host_sample *out)
{
    *out = (struct host_sample){.hashes = words, .below = s->below};
    for (size_t i = 0; i < s->count; i++) {
        if (is_kept(arg, s->hashes[i])) {
            out->hashes[out->count++] = s->hashes[i];
        }
    }
    out->room = out->count;
    uint16_t *visits = host_sample_visits(out);
    for (size_t i = 0, kept = 0; kept < out->count; i++) {
        if (s->hashes[i] == out->hashes[kept]) {
            visits[kept++] = host_sample_visits(s)[i];
        }
    }
}

/* ---- evidence ---- */

struct tally {
    unsigned both;
    unsigned pure[2][VISIT_BITS + 1]; /* machines by visits, all of one side */
    double visits[2];
};

/* The first n of a sample. */
static void first_tally(const struct host_sample *s, size_t n, struct host_tally *out)
{
    const uint16_t *visits = host_sample_visits(s);
    unsigned more = 0;
    *out = (struct host_tally){0};
    for (size_t i = 0; i < n; i++) { /* of several machines at once */
        out->visits += visits_count(visits[i]);
    }
    for (size_t i = 0; i < n && out->visits > n; i++) {
        if (visits[i] & (visits[i] - 1)) {
            out->by_visits[visits_count(visits[i])]++;
            more++;
        }
    }
    out->by_visits[1] = (uint16_t)(n - more);
}

void host_sample_tally(const struct host_sample *s, struct host_tally *out)
{
    first_tally(s, s->count, out);
}

void host_index_make(struct host_index *x, const struct host_sample *s,
                     const struct host_tally *tally)
{
    size_t slots = 16;
    while (slots < (size_t)s->count * INDEX_PART && slots < HOST_INDEX_SLOTS) {
        slots *= 2;
    }
    x->sample = s;
    x->mask = (uint32_t)slots - 1;
    memset(x->slots, 0, slots * sizeof *x->slots);
    x->tally = tally;
    for (uint16_t i = 0; i < s->count; i++) {
        size_t at = s->hashes[i] & x->mask;
        while (x->slots[at]) {
            at = (at + 1) & x->mask;
        }
        x->slots[at] = (uint16_t)(i + 1);
    }
}

/* Its place + 1; 0: it is not there. Most are not, and most slots are free. */
static uint32_t index_find(const struct host_index *x, uint32_t hash)
{
    size_t at = hash & x->mask;
    while (x->slots[at] && x->sample->hashes[x->slots[at] - 1] != hash) {
        at = (at + 1) & x->mask;
    }
    return x->slots[at];
}

static void side_tally(struct tally *t, unsigned side, const struct host_sample *s, size_t n,
                       const struct host_tally *all)
{
    UNCLEARED struct host_tally part;
    if (n < s->count) {
        first_tally(s, n, &part);
        all = &part;
    }
    t->visits[side] = all->visits;
    for (unsigned k = 1; k <= VISIT_BITS; k++) {
        t->pure[side][k] = all->by_visits[k];
    }
}

static void both_tally(struct tally *t, uint16_t first, uint16_t second)
{
    t->pure[0][visits_count(first)]--;
    t->pure[1][visits_count(second)]--;
    t->both++;
}

static void samples_tally(struct tally *t, const struct host_sample *a,
                          const struct host_tally *all, const struct host_index *x)
{
    const struct host_sample *b = x->sample;
    uint32_t below = less(a->below, b->below);
    size_t m = a->below == below ? a->count : place_of(a, below);
    size_t n = b->below == below ? b->count : place_of(b, below);
    side_tally(t, 0, a, m, all);
    side_tally(t, 1, b, n, x->tally);
    const uint16_t *first = host_sample_visits(a), *second = host_sample_visits(b);
    if (n * SEARCH_COST < m) {
        for (size_t i = 0; i < n; i++) {
            size_t at = place_of(a, b->hashes[i]);
            if (at < m && a->hashes[at] == b->hashes[i]) {
                both_tally(t, first[at], second[i]);
            }
        }
        return;
    }
    for (size_t i = 0; i < m; i++) {
        uint32_t at = index_find(x, a->hashes[i]);
        if (at) {
            both_tally(t, first[i], second[at - 1]);
        }
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

void host_index_meet(const struct host_sample *a, const struct host_tally *tally,
                     const struct host_index *b, struct host_meeting *out)
{
    /* Upgrades and campaigns keep a machine with one variant for some time */
    static const double one_pool[SHARES] = {0.35, 0.6, 0.999};
    static const double two_pools[SHARES] = {0.01, 0.05, 0.15};
    struct tally t = {0};
    *out = (struct host_meeting){0};
    if (a->count == 0 || b->sample->count == 0) {
        return;
    }
    samples_tally(&t, a, tally, b);
    *out = (struct host_meeting){.first = t.both, .second = t.both, .both = t.both};
    for (unsigned k = 1; k <= VISIT_BITS; k++) {
        out->first += t.pure[0][k];
        out->second += t.pure[1][k];
        out->returned += k > 1 ? t.pure[0][k] + t.pure[1][k] : 0;
    }
    if (out->first && out->second && out->both + out->returned) {
        out->evidence = mean_likelihood(&t, one_pool) - mean_likelihood(&t, two_pools);
    }
}

void host_sample_meet(const struct host_sample *a, const struct host_sample *b,
                      struct host_meeting *out)
{
    UNCLEARED struct host_index x;
    struct host_tally first, second;
    if (a->count == 0 || b->count == 0) { /* as all groups at first */
        *out = (struct host_meeting){0};
        return;
    }
    host_sample_tally(a, &first);
    host_sample_tally(b, &second);
    host_index_make(&x, b, &second);
    host_index_meet(a, &first, &x, out);
}

/* ---- kept ---- */

void host_sample_save(const struct host_sample *s, struct strbuf *out)
{
    uint32_t last = 0;
    varint_add(out, s->count);
    varint_add(out, s->below == ALL ? 0 : s->below);
    for (size_t i = 0; i < s->count; i++) {
        varint_add(out, s->hashes[i] - last);
        varint_add(out, host_sample_visits(s)[i]);
        last = s->hashes[i];
    }
}

/* Behind the others; the hash of the last one again is the same machine, as far as we can tell. */
static void item_append(struct host_sample *s, uint32_t hash, uint16_t visits)
{
    bool is_last = s->count && s->hashes[s->count - 1] == hash;
    size_t at = is_last ? s->count - 1u : s->count++;
    s->hashes[at] = hash;
    host_sample_visits(s)[at] = (uint16_t)(visits | (is_last ? host_sample_visits(s)[at] : 0));
}

bool host_sample_load(struct host_sample *s, struct slice *in, size_t most, unsigned hash_bits)
{
    uint64_t count, below, delta, visits, hash = 0;
    unsigned less_bits = hash_bits - HASH_BITS;
    host_sample_init(s);
    if (!varint_cut(in, &count) || count > HOST_SAMPLE_MOST || !varint_cut(in, &below) ||
        below >> hash_bits || (count && !room_make(s, count))) {
        return false;
    }
    for (uint64_t i = 0; i < count; i++) {
        if (!varint_cut(in, &delta) || !varint_cut(in, &visits) || (delta == 0 && i > 0) ||
            visits == 0 || visits > VISITS || __builtin_add_overflow(hash, delta, &hash) ||
            (below && hash >= below) || hash >> hash_bits) {
            host_sample_free(s);
            return false;
        }
        item_append(s, (uint32_t)(hash >> less_bits), (uint16_t)visits);
    }
    s->below = below ? (uint32_t)(below >> less_bits) : ALL;
    s->count = (uint16_t)place_of(s, s->below);
    cut_to(s, most);
    return true;
}
