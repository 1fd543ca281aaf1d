/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Wordings to campaigns: candidates out of buckets, edges with their evidence, strongest first; two
 * groups become one when their heaviest members are alike on average, so no chain glues what is not
 * alike. Near-linear: a wording is compared with at most 2 * COMPARED others of a bucket and keeps
 * at most EDGES edges. docs/clusters.md, "Campaigns". */
#include "cluster/wording_grouping.h"
#include "core/scratch.h"
#include "core/sort.h"

#include <stdlib.h>

enum {
    COMPARED = 3, /* of a bucket: so many of its heaviest, and as many of those just before */
    EDGES = 16,   /* of a wording with heavier ones */
    PASSES = 2    /* what two single wordings could not decide their grown groups can */
};

/* The mean strength between the heads of two groups that become one; a pair counts no more than so
 * much, so that two copies in a crowd of others do not carry it */
static const double LINKED = 0.9, STRENGTH_MAX = 1.25;
static const double ROUNDING = 1e-6; /* more than any sum of such is off by */

/* One pass of a radix sort by the `bits` from `shift` on. */
static inline void digits_pass(const struct wording_value *in, struct wording_value *out, size_t n,
                               unsigned shift, unsigned bits)
{
    static _Thread_local uint32_t at[1 << 16];
    const uint32_t digits = (uint32_t)1 << bits;
    memset(at, 0, digits * sizeof at[0]);
    for (size_t i = 0; i < n; i++) {
        at[in[i].value >> shift & (digits - 1)]++;
    }
    uint32_t sum = 0;
    for (size_t d = 0; d < digits; d++) {
        uint32_t count = at[d];
        at[d] = sum;
        sum += count;
    }
    for (size_t i = 0; i < n; i++) {
        out[at[in[i].value >> shift & (digits - 1)]++] = in[i];
    }
}

/* Sorts by half of the value; nodes of one value stay in their order. `shift`: 0 or 16. Few are
 * sorted by a byte and a byte: counters of 65,536 digits would cost more than they. `in` is lost.
 */
static void values_pass(struct wording_value *in, struct wording_value *out, size_t n,
                        unsigned shift)
{
    enum { FEW = 1 << 15 };
    if (n > FEW) {
        digits_pass(in, out, n, shift, 16);
        return;
    }
    digits_pass(in, out, n, shift, 8);
    digits_pass(out, in, n, shift + 8, 8);
    if (n) {
        memcpy(out, in, n * sizeof *out);
    }
}

void wording_values_sort(struct wording_value *values, struct wording_value *scratch, size_t n)
{
    values_pass(values, scratch, n, 0);
    values_pass(scratch, values, n, 16);
}

uint32_t grouping_root(struct wording_grouping *g, uint32_t node)
{
    while (g->parent[node] != node) {
        g->parent[node] = g->parent[g->parent[node]];
        node = g->parent[node];
    }
    return node;
}

/* Whether it was asked of these two as they are now, and refused. */
static struct wording_refusal *refusal_of(struct wording_grouping *g, uint32_t a, uint32_t b)
{
    uint64_t mixed = ((uint64_t)a << 32 | b) * 0x9e3779b97f4a7c15;
    return &g->refusals[mixed >> (64 - WORDING_REFUSAL_BITS)];
}

static unsigned heads_count(const struct wording_grouping *g, uint32_t root)
{
    unsigned n = 0;
    while (n < WORDING_HEADS && g->heads[root][n] < g->n) {
        n++;
    }
    return n;
}

static bool is_linked(struct wording_grouping *g, uint32_t a, uint32_t b)
{
    struct wording_refusal *known = refusal_of(g, a, b);
    uint32_t age = g->age[a] + g->age[b];
    if (known->a == a && known->b == b && known->age == age) {
        return false;
    }
    const unsigned m = heads_count(g, a), n = heads_count(g, b);
    const double enough = LINKED * (m * n);
    double sum = 0, most = STRENGTH_MAX * (m * n) + ROUNDING; /* when all that follow are alike */
    for (unsigned i = 0; i < m * n && sum < enough && most >= enough; i++) {
        struct wording_evidence e;
        grouping_evidence(g, g->heads[a][i / n], g->heads[b][i % n], &e);
        double strength = e.strength < STRENGTH_MAX ? e.strength : STRENGTH_MAX;
        sum += strength;
        most -= STRENGTH_MAX - strength;
    }
    if (sum >= enough) {
        return true;
    }
    *known = (struct wording_refusal){a, b, age};
    return false;
}

static void groups_unite(struct wording_grouping *g, uint32_t a, uint32_t b)
{
    uint32_t merged[WORDING_HEADS];
    for (unsigned i = 0, k = 0, n = 0; n < WORDING_HEADS; n++) {
        merged[n] = g->heads[a][i] <= g->heads[b][k] ? g->heads[a][i++] : g->heads[b][k++];
    }
    uint32_t root = a < b ? a : b;
    g->parent[a < b ? b : a] = root;
    if (memcmp(g->heads[root], merged, sizeof merged) != 0) {
        memcpy(g->heads[root], merged, sizeof merged);
        g->age[root]++;
        g->flags[root] &= (uint8_t) ~(PADDED_KNOWN | PADDED_OPEN | PADDED_CLOSE);
    }
}

enum edge_field { EDGE_B, EDGE_A, EDGE_WEAKNESS };

static uint32_t edge_field(const struct wording_edge *e, enum edge_field f)
{
    uint32_t strength;
    memcpy(&strength, &e->strength, sizeof strength); /* positive: in order as a number, too */
    return f == EDGE_B ? e->b : f == EDGE_A ? e->a : ~strength;
}

/* Their numbers, strongest first, then by a, then by b. `items`: room for twice as many. */
static const uint64_t *edges_sort(const struct wording_edge *edges, size_t n, uint64_t *items)
{
    uint64_t *other = items + n;
    for (size_t i = 0; i < n; i++) {
        items[i] = i;
    }
    for (int f = EDGE_B; f <= EDGE_WEAKNESS; f++) {
        for (size_t i = 0; i < n; i++) {
            uint32_t number = (uint32_t)items[i];
            items[i] = (uint64_t)edge_field(&edges[number], (enum edge_field)f) << 32 | number;
        }
        uint64_t *sorted = sort_upper(items, other, n);
        other = sorted == items ? other : items;
        items = sorted;
    }
    return items;
}

/* Takes all edges, strongest first. */
static enum err edges_take(struct wording_grouping *g)
{
    uint64_t *items = scratch_new(2 * g->edge_count, sizeof items[0]);
    if (!items) {
        return ERR_NOMEM;
    }
    const uint64_t *sorted = edges_sort(g->edges, g->edge_count, items);
    for (int pass = 0; pass < PASSES; pass++) {
        for (size_t i = 0; i < g->edge_count; i++) {
            const struct wording_edge *e = &g->edges[(uint32_t)sorted[i]];
            uint32_t a = grouping_root(g, e->a), b = grouping_root(g, e->b);
            if (a != b && is_linked(g, a, b)) {
                groups_unite(g, a, b);
            }
        }
    }
    scratch_free(items);
    g->edge_count = 0;
    memset(g->edge_of, 0, g->n * sizeof g->edge_of[0]);
    memset(g->edges_of, 0, g->n);
    return OK;
}

static enum err edge_try(struct wording_grouping *g, uint32_t a, uint32_t b)
{
    if (g->edges_of[b] == EDGES || grouping_root(g, a) == grouping_root(g, b)) {
        return OK;
    }
    for (uint32_t e = g->edge_of[b]; e; e = g->edges[e - 1].next) {
        if (g->edges[e - 1].a == a) {
            return OK;
        }
    }
    struct wording_evidence e;
    if (!grouping_may_be_alike(g, a, b)) {
        return OK;
    }
    grouping_evidence(g, a, b, &e);
    if (e.strength < 1) {
        return OK;
    }
    if (g->edge_count == g->edge_room) {
        size_t room = g->edge_room ? g->edge_room * 2 : 1024;
        struct wording_edge *edges = scratch_grow(g->edges, room, sizeof edges[0]);
        if (!edges) {
            return ERR_NOMEM;
        }
        g->edges = edges;
        g->edge_room = room;
    }
    g->edges[g->edge_count++] = (struct wording_edge){(float)e.strength, a, b, g->edge_of[b]};
    g->edge_of[b] = (uint32_t)g->edge_count;
    g->edges_of[b]++;
    return OK;
}

/* Members of one value, heaviest first. */
static enum err members_compare(struct wording_grouping *g, const struct wording_value *members,
                                size_t n)
{
    enum err e = OK;
    for (size_t i = 1; i < n; i++) {
        for (size_t k = 0; k < i && k < COMPARED && e == OK; k++) {
            e = edge_try(g, members[k].node, members[i].node);
        }
        for (size_t k = i > 2 * COMPARED ? i - COMPARED : COMPARED; k < i && e == OK; k++) {
            e = edge_try(g, members[k].node, members[i].node);
        }
    }
    return e;
}

static enum err buckets_compare(struct wording_grouping *g, size_t n)
{
    enum { FETCHED = 12 }; /* nodes ahead: they lie anywhere */
    enum err e = OK;
    for (size_t from = 0, to; from < n && e == OK; from = to) {
        for (to = from + 1; to < n && g->sorted[to].value == g->sorted[from].value; to++) {
        }
        for (size_t i = from + FETCHED; i < to + FETCHED && i < n; i++) {
            const struct wording_sketch *s = &grouping_wording(g, g->sorted[i].node)->sketch;
            __builtin_prefetch(s);
            __builtin_prefetch(&s->call);
        }
        e = members_compare(g, g->sorted + from, to - from);
    }
    return e;
}

/* What is compared of nodes that have it: four bands, so that a node is looked at once for them. */
struct lanes {
    uint64_t *words;
    uint32_t *nodes;
    size_t count;
};

static void lanes_free(struct lanes *l)
{
    scratch_free(l->words);
    scratch_free(l->nodes);
}

static enum err lanes_new(struct lanes *l, size_t n)
{
    *l = (struct lanes){.words = scratch_new(n, sizeof *l->words),
                        .nodes = scratch_new(n, sizeof *l->nodes)};
    if (!l->words || !l->nodes) {
        lanes_free(l);
        return ERR_NOMEM;
    }
    return OK;
}

/* Words of the text, then these */
enum { OPENING_LANES = WORDING_TEXT_WORDS, CLOSE_LANES, CALL_LANES, LANES_COUNT };

static void lanes_list(const struct wording_grouping *g, unsigned which, struct lanes *l)
{
    l->count = 0;
    for (uint32_t i = 0; i < g->n; i++) {
        const struct wording_sketch *s = &grouping_wording(g, i)->sketch;
        bool has_it = which < OPENING_LANES ? wording_has_lanes(s)
                      : which < CALL_LANES  ? s->kind == CD1_TEXT
                                            : s->has_call && !grouping_call_is_common(g, i);
        l->words[l->count] = which < OPENING_LANES    ? s->text[which]
                             : which == OPENING_LANES ? s->open
                             : which == CLOSE_LANES   ? s->close
                                                      : s->call;
        l->nodes[l->count] = i;
        l->count += has_it;
    }
}

/* Into g->sorted those nodes that are not alone with their value in a band; returns how many. */
static size_t band_sort(struct wording_grouping *g, const struct lanes *l, unsigned band)
{
    enum { WORD = 64, WORDS = (1 << WORDING_BAND_BITS) / WORD };
    uint64_t once[WORDS] = {0}, again[WORDS] = {0};
    size_t n = 0;
    for (size_t i = 0; i < l->count; i++) {
        unsigned value = wording_side_band(l->words[i], band);
        uint64_t bit = UINT64_C(1) << value % WORD;
        again[value / WORD] |= once[value / WORD] & bit;
        once[value / WORD] |= bit;
    }
    for (size_t i = 0; i < l->count; i++) {
        unsigned value = wording_side_band(l->words[i], band);
        g->values[n] = (struct wording_value){value, l->nodes[i]};
        n += again[value / WORD] >> value % WORD & 1;
    }
    values_pass(g->values, g->sorted, n, 0);
    return n;
}

static enum err by_content(struct wording_grouping *g)
{
    struct lanes l;
    enum err e = lanes_new(&l, g->n);
    for (unsigned which = 0; which < LANES_COUNT && e == OK; which++) {
        lanes_list(g, which, &l);
        for (unsigned band = 0; band < WORDING_SIDE_BANDS && e == OK; band++) {
            e = buckets_compare(g, band_sort(g, &l, band));
        }
    }
    lanes_free(&l);
    return e;
}

/* Of values of 32 bits. */
static enum err equals_compare(struct wording_grouping *g, size_t n)
{
    wording_values_sort(g->values, g->sorted, n);
    memcpy(g->sorted, g->values, n * sizeof g->sorted[0]);
    return buckets_compare(g, n);
}

static enum err by_subject(struct wording_grouping *g, unsigned which)
{
    size_t n = 0;
    for (uint32_t i = 0; i < g->n; i++) {
        uint32_t hash = wording_subject_hash(&grouping_wording(g, i)->subjects[which]);
        g->values[n] = (struct wording_value){hash, i};
        n += hash != 0;
    }
    return equals_compare(g, n);
}

/* Texts too short to compare. */
static enum err by_equality(struct wording_grouping *g)
{
    size_t n = 0;
    for (uint32_t i = 0; i < g->n; i++) {
        const struct wording_sketch *s = &grouping_wording(g, i)->sketch;
        if (s->kind == CD1_SHORT) {
            g->values[n++] = (struct wording_value){(uint32_t)(s->exact ^ s->exact >> 32), i};
        }
    }
    return equals_compare(g, n);
}

/* ---- padded texts ---- */

enum { PADDED_HEADS = 3 }; /* fewer do not show what stays */
/* Mean likeness of a group's texts at most; of their openings or ends, and of subjects, at least */
static const double PADDED_TEXT = 0.35, PADDED_EDGE = 0.4, PADDED_SUBJECT = 0.7;

struct edge_mean {
    double text, open, close, subject;
    unsigned pairs;
};

/* Over the pairs of heads of two groups, or of one. */
static struct edge_mean edge_mean(const struct wording_grouping *g, uint32_t a, uint32_t b)
{
    struct edge_mean m = {0};
    for (unsigned i = 0; i < WORDING_HEADS && g->heads[a][i] < g->n; i++) {
        for (unsigned k = 0; k < WORDING_HEADS && g->heads[b][k] < g->n; k++) {
            struct wording_evidence e;
            if (a == b && k <= i) {
                continue;
            }
            grouping_evidence(g, g->heads[a][i], g->heads[b][k], &e);
            m.text += e.text > 0 ? e.text : 0;
            m.open += e.open > 0 ? e.open : 0;
            m.close += e.close > 0 ? e.close : 0;
            m.subject += e.subject > 0 ? e.subject : 0;
            m.pairs++;
        }
    }
    double n = m.pairs ? m.pairs : 1;
    m.text /= n;
    m.open /= n;
    m.close /= n;
    m.subject /= n;
    return m;
}

/* Each text is another, under one subject, and only its beginning or its end stays: what stays is
 * the template. Under a mailing list's footer each letter has a subject of its own. Says which of
 * the two stay; kept with the root until its heads change. */
static uint8_t padded_edges(struct wording_grouping *g, uint32_t root)
{
    if (!(g->flags[root] & PADDED_KNOWN)) {
        g->flags[root] |= PADDED_KNOWN;
        if (heads_count(g, root) < PADDED_HEADS) {
            return 0;
        }
        struct edge_mean m = edge_mean(g, root, root);
        bool is_padded = m.text <= PADDED_TEXT && m.subject >= PADDED_SUBJECT;
        g->flags[root] |= is_padded && m.open >= PADDED_EDGE ? PADDED_OPEN : 0;
        g->flags[root] |= is_padded && m.close >= PADDED_EDGE ? PADDED_CLOSE : 0;
    }
    return g->flags[root] & (PADDED_OPEN | PADDED_CLOSE);
}

/* Two groups of padded texts that stay the same at the same end, whatever their subjects. */
static bool is_padded_alike(struct wording_grouping *g, uint32_t a, uint32_t b)
{
    uint8_t edges = padded_edges(g, a) & padded_edges(g, b);
    struct edge_mean both = edge_mean(g, a, b);
    return (edges & PADDED_OPEN && both.open >= PADDED_EDGE) ||
           (edges & PADDED_CLOSE && both.close >= PADDED_EDGE);
}

static void padded_try(struct wording_grouping *g, uint32_t a, uint32_t b)
{
    a = grouping_root(g, a);
    b = grouping_root(g, b);
    if (!(padded_edges(g, a) & padded_edges(g, b))) { /* as nearly all */
        return;
    }
    struct wording_refusal *known = refusal_of(g, a, b);
    uint32_t age = g->age[a] + g->age[b];
    if (a == b || (known->a == a && known->b == b && known->age == age)) {
        return;
    }
    if (is_padded_alike(g, a, b)) {
        groups_unite(g, a, b);
    } else {
        *known = (struct wording_refusal){a, b, age};
    }
}

static void padded_compare(struct wording_grouping *g, size_t n)
{
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && g->sorted[to].value == g->sorted[from].value; to++) {
            size_t last = to - from;
            for (size_t k = 0; k < last && k < COMPARED; k++) {
                padded_try(g, g->sorted[from + k].node, g->sorted[to].node);
            }
            padded_try(g, g->sorted[to - 1].node, g->sorted[to].node);
        }
    }
}

/* Only padded groups make padded groups. */
static bool has_padded(struct wording_grouping *g)
{
    unsigned padded = 0;
    for (uint32_t i = 0; i < g->n && padded < 2; i++) {
        padded += g->parent[i] == i && padded_edges(g, i);
    }
    return padded >= 2;
}

static enum err by_padding(struct wording_grouping *g)
{
    if (!has_padded(g)) {
        return OK;
    }
    struct lanes l;
    enum err e = lanes_new(&l, g->n);
    memset(g->refusals, 0, sizeof g->refusals[0] << WORDING_REFUSAL_BITS);
    for (unsigned which = OPENING_LANES; which <= CLOSE_LANES && e == OK; which++) {
        lanes_list(g, which, &l);
        for (unsigned band = 0; band < WORDING_SIDE_BANDS; band++) {
            padded_compare(g, band_sort(g, &l, band));
        }
    }
    lanes_free(&l);
    return e;
}

void wording_grouping_free(struct wording_grouping *g)
{
    if (g) {
        scratch_free(g->order);
        scratch_free(g->node_of);
        scratch_free(g->flags);
        scratch_free(g->parent);
        scratch_free(g->heads);
        scratch_free(g->age);
        scratch_free(g->refusals);
        scratch_free(g->domains);
        scratch_free(g->domain_end);
        scratch_free(g->edges);
        scratch_free(g->edge_of);
        scratch_free(g->edges_of);
        scratch_free(g->values);
        scratch_free(g->sorted);
        free(g);
    }
}

/* Heaviest first, then by key. */
static bool order_by_weight(struct wording_grouping *g)
{
    struct sort_item *items = scratch_new(2 * g->n, sizeof items[0]);
    if (!items) {
        return false;
    }
    for (uint32_t i = 0; i < g->n; i++) {
        const struct wording *w = &g->v->items[i];
        items[i] = (struct sort_item){.a = ~w->profile.messages, .b = w->key, .index = i};
    }
    const struct sort_item *sorted = sort_items(items, items + g->n, g->n);
    for (uint32_t i = 0; i < g->n; i++) {
        g->order[i] = sorted[i].index;
        g->node_of[g->order[i]] = i;
    }
    scratch_free(items);
    return true;
}

static struct wording_grouping *grouping_new(struct wordings *v)
{
    struct wording_grouping *g = calloc(1, sizeof *g);
    if (!g) {
        return NULL;
    }
    size_t n = v->count;
    *g = (struct wording_grouping){
        .v = v,
        .n = n,
        .order = scratch_new(n, sizeof g->order[0]),
        .node_of = scratch_new(n, sizeof g->node_of[0]),
        .flags = scratch_new(n, sizeof g->flags[0]),
        .parent = scratch_new(n, sizeof g->parent[0]),
        .heads = scratch_new(n, sizeof g->heads[0]),
        .age = scratch_new(n, sizeof g->age[0]),
        .refusals = scratch_new(1 << WORDING_REFUSAL_BITS, sizeof g->refusals[0]),
        .domain_end = scratch_new(n, sizeof g->domain_end[0]),
        .edge_of = scratch_new(n, sizeof g->edge_of[0]),
        .edges_of = scratch_new(n, sizeof g->edges_of[0]),
        .values = scratch_new(n, sizeof g->values[0]),
        .sorted = scratch_new(n, sizeof g->sorted[0]),
    };
    if (!g->order || !g->node_of || !g->flags || !g->parent || !g->heads || !g->age ||
        !g->refusals || !g->domain_end || !g->edge_of || !g->edges_of || !g->values || !g->sorted ||
        !order_by_weight(g)) {
        wording_grouping_free(g);
        return NULL;
    }
    for (uint32_t i = 0; i < n; i++) {
        g->parent[i] = i;
        g->heads[i][0] = i;
        for (size_t k = 1; k < WORDING_HEADS; k++) {
            g->heads[i][k] = (uint32_t)n;
        }
    }
    return g;
}

struct wording_grouping *wording_grouping_make(struct wordings *v)
{
    struct wording_grouping *g = grouping_new(v);
    if (!g || grouping_look(g) != OK || by_content(g) != OK || by_equality(g) != OK ||
        by_subject(g, 0) != OK || by_subject(g, 1) != OK || edges_take(g) != OK ||
        grouping_rare_domains(g, members_compare) != OK || edges_take(g) != OK ||
        by_padding(g) != OK) {
        wording_grouping_free(g);
        return NULL;
    }
    return g;
}

uint32_t wording_grouping_head(struct wording_grouping *g, uint32_t place)
{
    return g->order[grouping_root(g, g->node_of[place])];
}

enum err wordings_group(struct wordings *v, uint32_t *group)
{
    struct wording_grouping *g = wording_grouping_make(v);
    if (!g) {
        return ERR_NOMEM;
    }
    uint32_t *least = g->edge_of; /* of a root; there are no edges any more */
    memset(least, 0xff, g->n * sizeof least[0]);
    for (uint32_t i = 0; i < g->n; i++) {
        uint32_t root = grouping_root(g, g->node_of[i]);
        least[root] = i < least[root] ? i : least[root];
        group[i] = least[root];
    }
    wording_grouping_free(g);
    return OK;
}
