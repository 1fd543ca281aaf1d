/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cluster/identity.h"

#include "core/scratch.h"

#include <stdlib.h>

/* Most parts are single messages in no cluster, and stay so: they are left out before anything is
 * sorted, so that the work and its memory are those of the clusters. */
struct group {
    uint32_t first, count;        /* of the places in order */
    uint64_t weight, free_weight; /* of all parts, of those not pinned */
    uint64_t heaviest;            /* key of the heaviest part not pinned */
    uint32_t id;
    bool is_born;
};

struct claim {
    uint64_t weight;
    uint32_t group; /* its number among the groups */
    uint32_t id;
};

/* Open addressing; 0 is a free slot. */
struct id_set {
    uint32_t *slots;
    size_t mask;
};

/* What a cluster lost to another. */
struct move {
    uint32_t from, to;
    uint64_t parts, messages;
};

/* All that is counted before anything changes. */
struct update {
    struct identity_part *parts; /* all */
    uint32_t *places;            /* of those that matter, by group, then key */
    struct group *groups;
    uint32_t *order; /* of groups, heaviest first */
    struct claim *claims;
    struct move *moves;
    struct id_set used; /* ids that any part has or is pinned to, and new ones */
    struct id_set won;  /* ids that have found a group */
    size_t count, group_count, claim_count, move_count;
};

const char *cluster_event_name(enum identity_event_kind k)
{
    static const char *const names[CLUSTER_EVENT_COUNT] = {
#define CLUSTER_EVENT(id, name, doc) [CLUSTER_##id] = name,
#include "cluster/event.def"
#undef CLUSTER_EVENT
    };
    return names[k];
}

static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int place_cmp(const void *x, const void *y, void *arg)
{
    const struct identity_part *parts = arg;
    const struct identity_part *a = &parts[*(const uint32_t *)x], *b = &parts[*(const uint32_t *)y];
    int by = compare(a->group, b->group);
    return by ? by : compare(a->key, b->key);
}

static const struct identity_part *part_at(const struct update *u, const struct group *g, size_t i)
{
    return &u->parts[u->places[g->first + i]];
}

/* The least key of a group. */
static uint64_t group_key(const struct update *u, const struct group *g)
{
    return part_at(u, g, 0)->key;
}

/* Heaviest first; of equals the one with the least id, then the least key: never by place. */
static int claim_cmp(const void *x, const void *y, void *arg)
{
    const struct claim *a = x, *b = y;
    const struct update *u = arg;
    int by = compare(b->weight, a->weight);
    by = by ? by : compare(a->id, b->id);
    return by ? by
              : compare(group_key(u, &u->groups[a->group]), group_key(u, &u->groups[b->group]));
}

static int claim_id_cmp(const void *x, const void *y)
{
    const struct claim *a = x, *b = y;
    return compare(a->id, b->id);
}

static int group_cmp(const void *x, const void *y, void *arg)
{
    const struct update *u = arg;
    const struct group *a = &u->groups[*(const uint32_t *)x];
    const struct group *b = &u->groups[*(const uint32_t *)y];
    int by = compare(b->free_weight, a->free_weight);
    return by ? by : compare(group_key(u, a), group_key(u, b));
}

static int move_cmp(const void *x, const void *y)
{
    const struct move *a = x, *b = y;
    int by = compare(a->from, b->from);
    return by ? by : compare(a->to, b->to);
}

/* ---- sets of ids ---- */

static bool set_init(struct id_set *s, size_t count)
{
    size_t size = 16;
    while (size < 2 * count) {
        size *= 2;
    }
    s->mask = size - 1;
    s->slots = scratch_new(size, sizeof *s->slots);
    return s->slots != NULL;
}

static uint32_t *set_find(const struct id_set *s, uint32_t id)
{
    size_t at = (id * UINT64_C(0x9e3779b97f4a7c15) >> 32) & s->mask;
    while (s->slots[at] && s->slots[at] != id) {
        at = (at + 1) & s->mask;
    }
    return &s->slots[at];
}

static bool set_has(const struct id_set *s, uint32_t id)
{
    return *set_find(s, id) == id;
}

/* false: it was there. */
static bool set_add(struct id_set *s, uint32_t id)
{
    uint32_t *slot = set_find(s, id);
    bool is_new = *slot != id;
    *slot = id;
    return is_new;
}

/* ---- groups ---- */

/* What is in a cluster or pinned, and what weighs enough to become one. */
static enum err places_find(struct update *u, size_t n, uint64_t least)
{
    uint32_t last = 0;
    for (size_t i = 0; i < n; i++) {
        last = u->parts[i].group > last ? u->parts[i].group : last;
    }
    uint64_t *weight = scratch_new((size_t)last + 1, sizeof *weight); /* UINT64_MAX: matters */
    if (!weight) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        const struct identity_part *p = &u->parts[i];
        uint64_t *w = &weight[p->group];
        bool matters = p->cluster || p->pin || *w == UINT64_MAX || p->weight >= least - *w;
        *w = matters ? UINT64_MAX : *w + p->weight;
    }
    for (size_t i = 0; i < n; i++) {
        u->count += weight[u->parts[i].group] == UINT64_MAX;
    }
    u->places = scratch_new(u->count, sizeof *u->places);
    for (size_t i = 0, k = 0; u->places && i < n; i++) {
        if (weight[u->parts[i].group] == UINT64_MAX) {
            u->places[k++] = (uint32_t)i;
        }
    }
    scratch_free(weight);
    if (!u->places) {
        return ERR_NOMEM;
    }
    qsort_r(u->places, u->count, sizeof *u->places, place_cmp, u->parts);
    return OK;
}

static bool begins_group(const struct update *u, size_t i)
{
    return i == 0 || u->parts[u->places[i - 1]].group != u->parts[u->places[i]].group;
}

static void group_part(struct group *g, const struct identity_part *p, uint64_t *heaviest)
{
    g->count++;
    g->weight += p->weight;
    if (!p->pin) {
        g->free_weight += p->weight;
    }
    if (!p->pin && p->weight > *heaviest) { /* keys ascend: of equals the least */
        *heaviest = p->weight;
        g->heaviest = p->key;
    }
}

static void groups_find(struct update *u)
{
    uint64_t heaviest = 0;
    for (size_t i = 0, n = 0; i < u->count; i++) {
        const struct identity_part *p = &u->parts[u->places[i]];
        if (begins_group(u, i)) {
            u->order[n] = (uint32_t)n;
            u->groups[n++] = (struct group){.first = (uint32_t)i, .heaviest = p->key};
            heaviest = 0;
        }
        group_part(&u->groups[n - 1], p, &heaviest);
    }
}

/* Sums of the group's claims by id, at the end of u->claims. `pins`: those that its pinned parts
   make, else those of the others. Returns how many. */
static size_t claims_of(struct update *u, const struct group *g, bool pins)
{
    struct claim *claims = u->claims + u->claim_count;
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < g->count; i++) {
        const struct identity_part *p = part_at(u, g, i);
        uint32_t id = pins ? p->pin : p->cluster;
        if (id && pins == (p->pin != 0)) {
            claims[n++] = (struct claim){p->weight, (uint32_t)(g - u->groups), id};
        }
    }
    qsort(claims, n, sizeof *claims, claim_id_cmp);
    for (size_t i = 0; i < n; i++) {
        if (kept && claims[kept - 1].id == claims[i].id) {
            claims[kept - 1].weight += claims[i].weight;
        } else {
            claims[kept++] = claims[i];
        }
    }
    return kept;
}

/* A person's word on more than half of a group is a word on what will join it. */
static bool group_follows_pin(struct update *u, struct group *g)
{
    if ((g->weight - g->free_weight) * 2 <= g->weight) {
        return false;
    }
    const struct claim *claims = u->claims + u->claim_count, *best = claims;
    size_t n = claims_of(u, g, true);
    for (size_t i = 1; i < n; i++) {
        best = claims[i].weight > best->weight ? &claims[i] : best;
    }
    g->id = best->id;
    return true;
}

static void groups_inherit(struct update *u)
{
    for (size_t i = 0; i < u->group_count; i++) {
        struct group *g = &u->groups[i];
        if (!group_follows_pin(u, g)) {
            u->claim_count += claims_of(u, g, false);
        }
    }
    qsort_r(u->claims, u->claim_count, sizeof *u->claims, claim_cmp, u);
    for (size_t i = 0; i < u->claim_count; i++) {
        const struct claim *c = &u->claims[i];
        struct group *g = &u->groups[c->group];
        if (!g->id && set_add(&u->won, c->id)) {
            g->id = c->id;
        }
    }
}

/* Heavier groups first, so that of two that hash to one id the choice is not by place. */
static void groups_bear(struct update *u, uint64_t least, bool (*is_taken)(void *, uint32_t),
                        void *arg)
{
    qsort_r(u->order, u->group_count, sizeof *u->order, group_cmp, u);
    for (size_t i = 0; i < u->group_count; i++) {
        struct group *g = &u->groups[u->order[i]];
        if (g->id || g->free_weight == 0 || g->free_weight < least) {
            continue;
        }
        uint64_t hash = g->heaviest;
        uint32_t id = (uint32_t)(hash >> 32);
        while (!id || set_has(&u->used, id) || is_taken(arg, id)) {
            hash = hash_u64_seeded(slice_of((const char *)&hash, sizeof hash), 1);
            id = (uint32_t)(hash >> 32);
        }
        set_add(&u->used, id);
        g->id = id;
        g->is_born = true;
    }
}

/* ---- what changes ---- */

static uint32_t part_goes_to(const struct group *g, const struct identity_part *p)
{
    return p->pin ? p->pin : g->id;
}

static bool part_moves(const struct group *g, const struct identity_part *p)
{
    return p->cluster && p->cluster != part_goes_to(g, p);
}

/* At the end of the moves, not yet summed. */
static void moves_add(struct update *u, const struct group *g)
{
    for (size_t i = 0; i < g->count; i++) {
        const struct identity_part *p = part_at(u, g, i);
        uint32_t to = part_goes_to(g, p);
        if (part_moves(g, p)) {
            u->moves[u->move_count++] = (struct move){p->cluster, to, 1, p->weight};
        }
        if (to) {
            set_add(&u->won, to);
        }
    }
}

static enum err moves_find(struct update *u)
{
    size_t n = 0;
    for (size_t i = 0; i < u->group_count; i++) {
        for (size_t k = 0; k < u->groups[i].count; k++) {
            n += part_moves(&u->groups[i], part_at(u, &u->groups[i], k));
        }
    }
    u->moves = scratch_new(n, sizeof *u->moves);
    if (!u->moves) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < u->group_count; i++) {
        moves_add(u, &u->groups[i]);
    }
    qsort(u->moves, n, sizeof *u->moves, move_cmp);
    u->move_count = 0;
    for (size_t i = 0; i < n; i++) {
        struct move *last = u->move_count ? &u->moves[u->move_count - 1] : NULL;
        if (last && move_cmp(last, &u->moves[i]) == 0) {
            last->parts++;
            last->messages += u->moves[i].messages;
        } else {
            u->moves[u->move_count++] = u->moves[i];
        }
    }
    return OK;
}

static void born_tell(const struct update *u,
                      void (*on_event)(void *, const struct identity_event *), void *arg)
{
    for (size_t i = 0; i < u->group_count; i++) {
        const struct group *g = &u->groups[u->order[i]];
        if (g->is_born) {
            struct identity_event e = {CLUSTER_BORN, g->id, 0, 0, g->free_weight};
            for (size_t k = 0; k < g->count; k++) {
                e.parts += part_at(u, g, k)->pin == 0;
            }
            on_event(arg, &e);
        }
    }
}

/* The moves of one cluster: where most of it went, if nothing of it is left, is what it now is. */
static void moves_tell(const struct update *u,
                       void (*on_event)(void *, const struct identity_event *), void *arg)
{
    for (size_t i = 0, end; i < u->move_count; i = end) {
        const struct move *most = NULL, *m = u->moves;
        for (end = i; end < u->move_count && m[end].from == m[i].from; end++) {
            if (m[end].to && (!most || m[end].messages > most->messages)) {
                most = &m[end];
            }
        }
        bool is_gone = !set_has(&u->won, m[i].from);
        for (size_t k = i; k < end; k++) {
            bool is_merger = is_gone && &m[k] == most;
            on_event(arg, &(struct identity_event){is_merger ? CLUSTER_MERGED : CLUSTER_SPLIT,
                                                   m[k].from, m[k].to, m[k].parts, m[k].messages});
        }
    }
}

/* As large as the groups need; NULL pointers are freed by update_free(). */
static enum err groups_make(struct update *u)
{
    for (size_t i = 0; i < u->count; i++) {
        u->group_count += begins_group(u, i);
    }
    u->groups = scratch_new(u->group_count, sizeof *u->groups);
    u->order = scratch_new(u->group_count, sizeof *u->order);
    u->claims = scratch_new(u->count, sizeof *u->claims);
    /* at most two ids a part, and a new one a group */
    if (!u->groups || !u->order || !u->claims || !set_init(&u->used, 3 * u->count) ||
        !set_init(&u->won, 3 * u->count)) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < u->count; i++) {
        const struct identity_part *p = &u->parts[u->places[i]];
        if (p->cluster) {
            set_add(&u->used, p->cluster);
        }
        if (p->pin) {
            set_add(&u->used, p->pin);
        }
    }
    groups_find(u);
    return OK;
}

static void update_free(struct update *u)
{
    scratch_free(u->places);
    scratch_free(u->groups);
    scratch_free(u->order);
    scratch_free(u->claims);
    scratch_free(u->moves);
    scratch_free(u->used.slots);
    scratch_free(u->won.slots);
}

enum err identity_update(struct identity_part *parts, size_t n, uint64_t least,
                         bool (*is_taken)(void *arg, uint32_t id),
                         void (*on_event)(void *arg, const struct identity_event *e), void *arg)
{
    struct update u = {.parts = parts};
    enum err e = places_find(&u, n, least);
    e = e == OK ? groups_make(&u) : e;
    if (e == OK) {
        groups_inherit(&u);
        groups_bear(&u, least, is_taken, arg);
        e = moves_find(&u);
    }
    if (e == OK) {
        born_tell(&u, on_event, arg);
        moves_tell(&u, on_event, arg);
        for (size_t i = 0; i < u.group_count; i++) {
            const struct group *g = &u.groups[i];
            for (size_t k = 0; k < g->count; k++) {
                struct identity_part *p = &parts[u.places[g->first + k]];
                p->cluster = part_goes_to(g, p);
            }
        }
    }
    update_free(&u);
    return e;
}
