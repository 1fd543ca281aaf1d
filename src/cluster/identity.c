/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cluster/identity.h"

#include <stdlib.h>

struct group {
    const struct identity_part *first; /* `count` of the sorted parts */
    size_t count;
    uint64_t weight, free_weight; /* of all parts, of those not pinned */
    uint64_t key, heaviest;       /* the least key; that of the heaviest part not pinned */
    uint32_t id;
    bool is_born;
};

struct claim {
    struct group *group;
    uint64_t weight;
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
    struct identity_part *sorted; /* by group, then key */
    struct group *groups, **order;
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

static int part_cmp(const void *x, const void *y)
{
    const struct identity_part *a = x, *b = y;
    int by = compare(a->group, b->group);
    return by ? by : compare(a->key, b->key);
}

/* Heaviest first; of equals the one with the least id, then the least key: never by place. */
static int claim_cmp(const void *x, const void *y)
{
    const struct claim *a = x, *b = y;
    int by = compare(b->weight, a->weight);
    by = by ? by : compare(a->id, b->id);
    return by ? by : compare(a->group->key, b->group->key);
}

static int claim_id_cmp(const void *x, const void *y)
{
    const struct claim *a = x, *b = y;
    return compare(a->id, b->id);
}

static int group_cmp(const void *x, const void *y)
{
    const struct group *a = *(struct group *const *)x, *b = *(struct group *const *)y;
    int by = compare(b->free_weight, a->free_weight);
    return by ? by : compare(a->key, b->key);
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
    s->slots = calloc(size, sizeof *s->slots);
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
    struct group *g = NULL;
    for (size_t i = 0; i < u->count; i++) {
        const struct identity_part *p = &u->sorted[i];
        if (!g || g->first->group != p->group) {
            g = &u->groups[u->group_count];
            *g = (struct group){.first = p, .key = p->key, .heaviest = p->key};
            u->order[u->group_count++] = g;
            heaviest = 0;
        }
        group_part(g, p, &heaviest);
    }
}

/* Sums of the group's claims by id, at the end of u->claims. `pins`: those that its pinned parts
   make, else those of the others. Returns how many. */
static size_t claims_of(struct update *u, struct group *g, bool pins)
{
    struct claim *claims = u->claims + u->claim_count;
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < g->count; i++) {
        const struct identity_part *p = &g->first[i];
        uint32_t id = pins ? p->pin : p->cluster;
        if (id && pins == (p->pin != 0)) {
            claims[n++] = (struct claim){g, p->weight, id};
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
    qsort(u->claims, u->claim_count, sizeof *u->claims, claim_cmp);
    for (size_t i = 0; i < u->claim_count; i++) {
        const struct claim *c = &u->claims[i];
        if (!c->group->id && set_add(&u->won, c->id)) {
            c->group->id = c->id;
        }
    }
}

/* Heavier groups first, so that of two that hash to one id the choice is not by place. */
static void groups_bear(struct update *u, uint64_t least, bool (*is_taken)(void *, uint32_t),
                        void *arg)
{
    qsort(u->order, u->group_count, sizeof(struct group *), group_cmp);
    for (size_t i = 0; i < u->group_count; i++) {
        struct group *g = u->order[i];
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

static void moves_find(struct update *u)
{
    size_t n = 0;
    for (size_t i = 0; i < u->group_count; i++) {
        const struct group *g = &u->groups[i];
        for (size_t k = 0; k < g->count; k++) {
            const struct identity_part *p = &g->first[k];
            uint32_t to = part_goes_to(g, p);
            if (p->cluster && p->cluster != to) {
                u->moves[n++] = (struct move){p->cluster, to, 1, p->weight};
            }
            if (to) {
                set_add(&u->won, to);
            }
        }
    }
    qsort(u->moves, n, sizeof *u->moves, move_cmp);
    for (size_t i = 0; i < n; i++) {
        struct move *last = u->move_count ? &u->moves[u->move_count - 1] : NULL;
        if (last && move_cmp(last, &u->moves[i]) == 0) {
            last->parts++;
            last->messages += u->moves[i].messages;
        } else {
            u->moves[u->move_count++] = u->moves[i];
        }
    }
}

static void born_tell(const struct update *u,
                      void (*on_event)(void *, const struct identity_event *), void *arg)
{
    for (size_t i = 0; i < u->group_count; i++) {
        const struct group *g = u->order[i];
        if (g->is_born) {
            struct identity_event e = {CLUSTER_BORN, g->id, 0, 0, g->free_weight};
            for (size_t k = 0; k < g->count; k++) {
                e.parts += g->first[k].pin == 0;
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

static enum err update_init(struct update *u, const struct identity_part *parts, size_t n)
{
    *u = (struct update){.count = n};
    u->sorted = calloc(n + 1, sizeof *u->sorted);
    u->groups = calloc(n + 1, sizeof *u->groups);
    u->order = calloc(n + 1, sizeof *u->order);
    u->claims = calloc(n + 1, sizeof *u->claims);
    u->moves = calloc(n + 1, sizeof *u->moves);
    /* at most two ids a part, and a new one a group */
    if (!u->sorted || !u->groups || !u->order || !u->claims || !u->moves ||
        !set_init(&u->used, 3 * n) || !set_init(&u->won, 3 * n)) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        u->sorted[i] = parts[i];
        if (parts[i].cluster) {
            set_add(&u->used, parts[i].cluster);
        }
        if (parts[i].pin) {
            set_add(&u->used, parts[i].pin);
        }
    }
    qsort(u->sorted, n, sizeof *u->sorted, part_cmp);
    return OK;
}

static void update_free(struct update *u)
{
    free(u->sorted);
    free(u->groups);
    free(u->order);
    free(u->claims);
    free(u->moves);
    free(u->used.slots);
    free(u->won.slots);
}

/* The group of a part among the groups, which are in the order of their numbers. */
static const struct group *group_of(const struct update *u, uint32_t number)
{
    size_t low = 0, high = u->group_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (u->groups[middle].first->group <= number) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return &u->groups[low];
}

enum err identity_update(struct identity_part *parts, size_t n, uint64_t least,
                         bool (*is_taken)(void *arg, uint32_t id),
                         void (*on_event)(void *arg, const struct identity_event *e), void *arg)
{
    struct update u;
    enum err e = update_init(&u, parts, n);
    if (e == OK) {
        groups_find(&u);
        groups_inherit(&u);
        groups_bear(&u, least, is_taken, arg);
        moves_find(&u);
        born_tell(&u, on_event, arg);
        moves_tell(&u, on_event, arg);
        for (size_t i = 0; i < n; i++) {
            parts[i].cluster = part_goes_to(group_of(&u, parts[i].group), &parts[i]);
        }
    }
    update_free(&u);
    return e;
}
