/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From variants to mailers. Leader clustering, heaviest variants first, so that the result is a
 * function of the set; then groups that turn out to be one are joined. Candidates come from buckets
 * that hold groups, not variants, and few of them: the work is linear whatever the input. */
#include "cluster/host_gather.h"
#include "cluster/variant.h"
#include "cluster/variant_model.h"
#include "core/limits.h"
#include "core/scratch.h"
#include "core/sort.h"

#include <math.h>

enum {
    BUCKET_GROUPS = 8,     /* groups of one bucket, the heaviest: more share what all have */
    KEYS = 6,              /* buckets a variant is looked up in */
    GROUP_HOSTS = 2048,    /* machines of a group's sample */
    HOSTS_LOOKED_UP = 64,  /* of them: by which groups find each other */
    RELAY_CELLS = 1 << 22, /* counters of groups a machine is seen with, by hash */
    MEMBERS_COMPARED = 16, /* of a group: the heaviest of different dialects */
    MACHINE_CELLS = 1 << 16,
    HOST_MAILERS = BUCKET_GROUPS, /* groups a machine may be seen with; past that it relays */
};
_Static_assert((int)LIMIT_VARIANTS <= (int)MACHINE_CELLS,
               "a group is a half of an item of machine_index");
/* All evidence in nats. */
static const double PLACE_LEAST = 6;   /* of a variant that is placed by its header alone */
static const double LEADER_LEAST = -4; /* evidence against its leader that a member may have */
static const double LEAF_LEAST = -4;   /* a list server's variant is of some group that there is, */
static const double LEAF_MARGIN = 0.5; /* if one of them is better than all others */
/* Groups are joined in rounds, those of most evidence first: the larger a group, the better its
 * machines show whether two are one. */
static const double JOIN_LEAST[] = {24, 16, 12, 8, 6, 4, 2, 1, 0, 0};
static const double LEADERS_OBJECT = 4;  /* as many times their leaders' evidence against counts, */
static const double SAME_MAILERS = 0.85; /* of the mail of two pools that use one kit */
static const double ROUNDING = 1e-6;     /* more than any sum of evidence is off by */
static const double HEADERS_OBJECT = -12; /* unless machines are shared; then no header says more */

struct group {
    uint32_t member[MEMBERS_COMPARED]; /* the leader first */
    uint8_t members;
    bool is_known;   /* `most` is as it is now, as far as its own members go */
    double most;     /* evidence for the best group to go to */
    uint32_t parent; /* itself, or the group it was joined with */
    uint64_t messages;
    struct variant_span span;
    struct host_sample hosts; /* in `machines` until it is joined with another */
    struct host_tally hosts_tally;
    bool owns_hosts;
};

/* Most have one group: it stands in the slot, the others in a list. */
struct bucket {
    uint64_t key;         /* 0: free */
    uint32_t group, more; /* the first; of the next its place in the list + 1, 0: none */
};

struct bucket_more {
    uint32_t group, more;
};

struct buckets {
    struct bucket *slots;
    size_t mask, used;
    struct bucket_more *more;
    size_t more_count, more_size;
};

/* Groups by the machines of least hash that they have. A cell has those whose hashes end in the
 * same 16 bits. */
struct machine_index {
    uint32_t *first; /* of MACHINE_CELLS + 1: where the cell of these bits begins in */
    uint32_t *items; /* the other bits, and the group in order */
};

/* The groups of a bucket; one more than BUCKET_GROUPS says that it is full. */
struct bucket_groups {
    uint32_t group[BUCKET_GROUPS + 1];
    unsigned count;
};

struct grouping {
    struct variant_model model;
    struct group *groups;
    size_t count;
    uint32_t *order; /* places, heaviest first */
    uint32_t *group_of;
    struct buckets buckets;
    uint32_t *machines; /* of all groups as they were placed */
    struct machine_index hosts;
};

/* ---- buckets ---- */

static struct bucket *bucket_slot(struct bucket *slots, size_t mask, uint64_t key)
{
    size_t at = (size_t)key & mask;
    while (slots[at].key && slots[at].key != key) {
        at = (at + 1) & mask;
    }
    return &slots[at];
}

static bool buckets_grow(struct buckets *b)
{
    size_t n = b->slots ? (b->mask + 1) * 2 : 1024;
    struct bucket *made = scratch_new(n, sizeof *made);
    if (!made) {
        return false;
    }
    for (size_t i = 0; b->slots && i <= b->mask; i++) {
        if (b->slots[i].key) {
            *bucket_slot(made, n - 1, b->slots[i].key) = b->slots[i];
        }
    }
    scratch_free(b->slots);
    b->slots = made;
    b->mask = n - 1;
    return true;
}

static void buckets_free(struct buckets *b)
{
    scratch_free(b->slots);
    scratch_free(b->more);
}

static struct bucket_groups bucket_find(const struct buckets *b, uint64_t key)
{
    UNCLEARED struct bucket_groups g;
    g.count = 0;
    const struct bucket *x = b->slots ? bucket_slot(b->slots, b->mask, key) : NULL;
    if (x && x->key) {
        g.group[g.count++] = x->group;
        for (uint32_t at = x->more; at; at = b->more[at - 1].more) {
            g.group[g.count++] = b->more[at - 1].group;
        }
    }
    return g;
}

static unsigned groups_listed(const struct bucket_groups *g)
{
    return g->count < BUCKET_GROUPS ? g->count : BUCKET_GROUPS;
}

/* A place in the list for one more; 0: out of memory. */
static uint32_t more_add(struct buckets *b, uint32_t group)
{
    if (b->more_count == b->more_size) {
        size_t size = b->more_size ? 2 * b->more_size : 1024;
        struct bucket_more *more = scratch_grow(b->more, size, sizeof *more);
        if (!more) {
            return 0;
        }
        b->more = more;
        b->more_size = size;
    }
    b->more[b->more_count++] = (struct bucket_more){group, 0};
    return (uint32_t)b->more_count;
}

/* Adds the group at the end, unless it is there or the bucket is full. */
static bool bucket_add(struct buckets *b, uint64_t key, uint32_t group)
{
    if ((!b->slots || b->used * 3 > b->mask * 2) && !buckets_grow(b)) {
        return false;
    }
    struct bucket *x = bucket_slot(b->slots, b->mask, key);
    if (!x->key) {
        b->used++;
        *x = (struct bucket){key, group, 0};
        return true;
    }
    uint32_t last = 0;
    unsigned count = 1;
    bool is_there = x->group == group;
    for (uint32_t at = x->more; at && !is_there; at = b->more[at - 1].more) {
        is_there = b->more[at - 1].group == group;
        last = at;
        count++;
    }
    if (is_there || count > BUCKET_GROUPS) {
        return true;
    }
    uint32_t added = more_add(b, group); /* may move the list */
    *(last ? &b->more[last - 1].more : &x->more) = added;
    return added != 0;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t h = (a ^ b * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
    h ^= h >> 32;
    return h + (h == 0);
}

/* Names in any order: list servers sort them anew. */
static uint64_t name_set(const struct variant_names *n)
{
    uint64_t sum = n->count;
    for (unsigned i = 0; i < n->count; i++) {
        sum += mix(n->hash[i], 1);
    }
    return sum;
}

static void bucket_keys(const struct grouping *g, size_t i, uint64_t keys[KEYS])
{
    const struct dialect *d = g->model.v->items[i].dialect;
    const uint32_t *value = g->model.value[i];
    uint64_t form = mix(value[VARIANT_MSGID], value[VARIANT_DATE]);
    keys[0] = mix(d->names, 1);
    keys[1] = mix(d->shapes, 2);
    keys[2] = mix(name_set(&g->model.names[i]), 3);
    keys[3] = mix(mix(form, value[VARIANT_MAILER]), 4);
    keys[4] = mix(mix(form, value[VARIANT_BOUNDARY]), 5);
    keys[5] = mix(mix(d->sd1_skeleton, value[VARIANT_MAILER]), 6);
}

/* ---- leaders ---- */

static const struct variant *item(const struct grouping *g, uint32_t place)
{
    return &g->model.v->items[place];
}

/* What a list server rewrote shows little of the program and is like several: it goes to a group in
 * the end, and is never a reason for joining two. */
static bool is_leaf(const struct grouping *g, uint32_t place)
{
    return item(g, place)->dialect->is_listed;
}

/* Heaviest first, then by key; leaves last. */
static enum err order_by_weight(const struct variants *v, uint32_t *order)
{
    struct sort_item *items = scratch_new(2 * v->count, sizeof *items);
    if (!items) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < v->count; i++) {
        const struct variant *x = &v->items[i];
        items[i] = (struct sort_item){.a = ~x->profile.messages, .b = x->key, .index = (uint32_t)i};
    }
    const struct sort_item *sorted = sort_items(items, items + v->count, v->count);
    size_t n = 0;
    for (int are_leaves = 0; are_leaves < 2; are_leaves++) {
        for (size_t i = 0; i < v->count; i++) {
            if (v->items[sorted[i].index].dialect->is_listed == are_leaves) {
                order[n++] = sorted[i].index;
            }
        }
    }
    scratch_free(items);
    return OK;
}

static struct variant_span span_of(const struct profile *p)
{
    return (struct variant_span){p->first, p->last};
}

static struct variant_span span_join(struct variant_span a, struct variant_span b)
{
    return (struct variant_span){a.first < b.first ? a.first : b.first,
                                 a.last > b.last ? a.last : b.last};
}

/* A variant that looks for its group. */
struct placing {
    uint32_t place;
    bool has_index; /* made when the first group with machines is looked at */
    struct host_tally tally;
    struct host_index hosts;
};

/* Both have machines. */
static double placing_hosts(const struct grouping *g, const struct group *x, struct placing *p,
                            double differ)
{
    struct host_meeting machines;
    const struct variant *v = item(g, p->place);
    if (!p->has_index) {
        host_sample_tally(&v->hosts, &p->tally);
        host_index_make(&p->hosts, &v->hosts, &p->tally);
        p->has_index = true;
    }
    host_index_meet(&x->hosts, &x->hosts_tally, &p->hosts, &machines);
    double e = variant_hosts_evidence(x->span, span_of(&v->profile), differ, machines.evidence);
    return is_leaf(g, p->place) ? fmax(e, 0) : e; /* the machine may be the list server */
}

/* How well a variant goes with a group: as its best member says, unless its leader objects, and the
 * machines of both, once those of groups are known. What is not better than `floor` may be given as
 * that. */
static double group_evidence(const struct grouping *g, const struct group *x, struct placing *p,
                             double floor)
{
    /* of groups that were just placed they are not known */
    bool has_hosts = x->hosts.count > 0 && item(g, p->place)->hosts.count > 0;
    struct variant_evidence e;
    variant_evidence(&g->model, x->member[0], p->place, has_hosts ? -INFINITY : LEADER_LEAST, &e);
    double hosts = has_hosts ? placing_hosts(g, x, p, e.differ) : 0, best = e.total;
    for (unsigned i = 1; i < x->members && e.total + hosts > LEADER_LEAST; i++) {
        struct variant_evidence more;
        variant_evidence(&g->model, x->member[i], p->place, fmax(best, floor - hosts), &more);
        best = fmax(best, more.total);
    }
    return hosts > 0 ? fmax(best, HEADERS_OBJECT) + hosts : best + hosts;
}

static void group_take(struct grouping *g, uint32_t group, uint32_t place)
{
    struct group *x = &g->groups[group];
    const struct dialect *d = item(g, place)->dialect;
    bool is_new = x->members < MEMBERS_COMPARED && (x->members == 0 || !is_leaf(g, place));
    for (unsigned i = 0; i < x->members && is_new; i++) {
        const struct dialect *other = item(g, x->member[i])->dialect;
        is_new = other->names != d->names || other->shapes != d->shapes;
    }
    if (is_new) {
        x->member[x->members++] = place;
    }
    g->group_of[place] = group;
    struct variant_span span = span_of(&item(g, place)->profile);
    x->span = x->messages ? span_join(x->span, span) : span;
    x->messages += item(g, place)->profile.messages;
}

static uint32_t group_root(struct grouping *g, uint32_t x)
{
    while (g->groups[x].parent != x) {
        g->groups[x].parent = g->groups[g->groups[x].parent].parent;
        x = g->groups[x].parent;
    }
    return x;
}

struct choice {
    uint32_t group;      /* UINT32_MAX: none */
    double most, second; /* how well it does, and the next one */
};

static void choose(struct choice *c, uint32_t group, double e)
{
    if (e > c->most || (e == c->most && group < c->group)) {
        c->second = c->most;
        c->most = e;
        c->group = group;
    } else {
        c->second = fmax(c->second, e);
    }
}

/* The best group. Of a list server's variant, which shows little, it is the likelier the larger the
 * group is. */
static struct choice group_choose(struct grouping *g, uint32_t place, const uint64_t keys[KEYS])
{
    uint32_t tried[KEYS * BUCKET_GROUPS];
    unsigned tries = 0;
    bool is_last = is_leaf(g, place);
    UNCLEARED struct placing p;
    p.place = place;
    p.has_index = false;
    double least = is_last ? LEAF_LEAST : PLACE_LEAST;
    struct choice c = {UINT32_MAX, -INFINITY, -INFINITY};
    for (unsigned k = 0; k < KEYS; k++) {
        const struct bucket_groups b = bucket_find(&g->buckets, keys[k]);
        for (unsigned i = 0; i < groups_listed(&b); i++) {
            uint32_t group = group_root(g, b.group[i]);
            bool is_tried = false;
            for (unsigned t = 0; t < tries && !is_tried; t++) {
                is_tried = tried[t] == group;
            }
            if (is_tried) {
                continue;
            }
            tried[tries++] = group;
            const struct group *x = &g->groups[group];
            double e = group_evidence(g, x, &p, is_last ? least : fmax(least, c.second));
            if (e > least) {
                choose(&c, group, is_last ? e + log((double)x->messages + 1) : e);
            }
        }
    }
    return c;
}

static enum err variant_place(struct grouping *g, uint32_t place)
{
    uint64_t keys[KEYS];
    bucket_keys(g, place, keys);
    struct choice c = group_choose(g, place, keys);
    uint32_t best = c.group;
    if (best == UINT32_MAX || (is_leaf(g, place) && c.most - c.second < LEAF_MARGIN)) {
        best = (uint32_t)g->count++;
        g->groups[best] = (struct group){.parent = best};
        host_sample_init(&g->groups[best].hosts);
    }
    group_take(g, best, place);
    for (unsigned k = 0; k < KEYS; k++) {
        if (!bucket_add(&g->buckets, keys[k], best)) {
            return ERR_NOMEM;
        }
    }
    return OK;
}

/* ---- joining groups ---- */

/* What is placed, group by group, the heaviest first. first[group]: where the group begins in
 * `place`; of g->count + 1. */
struct members {
    uint32_t *place, *first;
};

static void members_free(struct members *m)
{
    scratch_free(m->place);
    scratch_free(m->first);
    *m = (struct members){0};
}

static enum err members_list(const struct grouping *g, size_t placed, struct members *m)
{
    m->place = scratch_new(placed, sizeof *m->place);
    m->first = scratch_new(g->count + 2, sizeof *m->first);
    if (!m->place || !m->first) {
        members_free(m);
        return ERR_NOMEM;
    }
    uint32_t *next = m->first + 1; /* each ends up where the one behind it begins */
    for (size_t i = 0; i < placed; i++) {
        next[g->group_of[g->order[i]] + 1]++;
    }
    for (size_t i = 1; i <= g->count; i++) {
        next[i] += next[i - 1];
    }
    for (size_t i = 0; i < placed; i++) {
        m->place[next[g->group_of[g->order[i]]]++] = g->order[i];
    }
    return OK;
}

/* The machines of one group; there until those of the next are gathered. */
static void hosts_gather(const struct grouping *g, const struct members *m, size_t group,
                         struct host_gather *gather, struct host_sample *out)
{
    size_t from = m->first[group], to = m->first[group + 1];
    if (to - from == 1) {
        *out = item(g, m->place[from])->hosts;
        return;
    }
    for (size_t i = from; i < to; i++) {
        host_gather_add(gather, &item(g, m->place[i])->hosts);
    }
    host_gather_sum(gather, out);
}

/* Machines that send for more mailers than one machine has infections are relays, list servers,
 * NAT of whole companies: they do not tell groups from each other. Counted by hash alone: in the
 * rare case that two machines share a counter, one less is looked at. *words: for the machines of
 * all groups. */
static void relays_count(const struct grouping *g, const struct members *m,
                         struct host_gather *gather, uint8_t *seen, size_t *words)
{
    for (size_t i = 0; i < g->count; i++) {
        struct host_sample s;
        hosts_gather(g, m, i, gather, &s);
        for (size_t h = 0; h < s.count; h++) {
            uint8_t *n = &seen[s.hashes[h] % RELAY_CELLS];
            *n = (uint8_t)(*n + (*n < UINT8_MAX));
        }
        *words += host_sample_words(s.count);
    }
}

static bool is_no_relay(const void *seen, uint32_t hash)
{
    return ((const uint8_t *)seen)[hash % RELAY_CELLS] <= HOST_MAILERS;
}

/* The machines of each group, without relays. Gathered twice: all at once, with relays, they take
 * more than anything else here. */
static enum err hosts_set(struct grouping *g, const struct members *m, struct host_gather *gather,
                          const uint8_t *seen, size_t words)
{
    uint32_t *free_words = g->machines = scratch_new(words, sizeof *g->machines);
    if (!g->machines) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < g->count; i++) {
        struct group *x = &g->groups[i];
        struct host_sample all;
        hosts_gather(g, m, i, gather, &all);
        host_sample_filter(&all, is_no_relay, seen, free_words, &x->hosts);
        host_sample_tally(&x->hosts, &x->hosts_tally);
        free_words += host_sample_words(x->hosts.count);
    }
    return OK;
}

static enum err hosts_find(struct grouping *g, size_t placed)
{
    struct members m = {0};
    struct host_gather gather = {0};
    size_t words = 0;
    uint8_t *seen = scratch_new(RELAY_CELLS, sizeof *seen);
    enum err e = seen ? members_list(g, placed, &m) : ERR_NOMEM;
    e = e == OK ? host_gather_init(&gather, GROUP_HOSTS) : e;
    if (e == OK) {
        relays_count(g, &m, &gather, seen, &words);
        e = hosts_set(g, &m, &gather, seen, words);
    }
    scratch_free(seen);
    host_gather_free(&gather);
    members_free(&m);
    return e;
}

static void hosts_drop(struct group *x)
{
    if (x->owns_hosts) {
        host_sample_free(&x->hosts);
    }
    x->owns_hosts = false;
    host_sample_init(&x->hosts);
}

/* ERR_NOMEM: as they were. */
static enum err hosts_join(struct group *to, struct group *from)
{
    struct host_sample sum;
    if (host_sample_union(&to->hosts, &from->hosts, GROUP_HOSTS, &sum) != OK) {
        return ERR_NOMEM;
    }
    hosts_drop(to);
    hosts_drop(from);
    to->hosts = sum;
    to->owns_hosts = true;
    host_sample_tally(&sum, &to->hosts_tally);
    return OK;
}

static size_t hosts_looked_up(const struct group *x)
{
    return x->hosts.count < HOSTS_LOOKED_UP ? x->hosts.count : HOSTS_LOOKED_UP;
}

static enum err machine_index_make(struct grouping *g)
{
    struct machine_index *x = &g->hosts;
    size_t items = 0;
    for (size_t i = 0; i < g->count; i++) {
        items += hosts_looked_up(&g->groups[i]);
    }
    x->first = scratch_new(MACHINE_CELLS + 2, sizeof *x->first);
    x->items = scratch_new(items, sizeof *x->items);
    if (!x->first || !x->items) {
        return ERR_NOMEM; /* freed with the grouping */
    }
    uint32_t *next = x->first + 1; /* each ends up where the cell behind it begins */
    for (size_t i = 0; i < g->count; i++) {
        for (size_t h = 0; h < hosts_looked_up(&g->groups[i]); h++) {
            next[g->groups[i].hosts.hashes[h] % MACHINE_CELLS + 1]++;
        }
    }
    for (size_t i = 1; i <= MACHINE_CELLS; i++) {
        next[i] += next[i - 1];
    }
    for (uint32_t i = 0; i < g->count; i++) {
        for (size_t h = 0; h < hosts_looked_up(&g->groups[i]); h++) {
            uint32_t hash = g->groups[i].hosts.hashes[h];
            x->items[next[hash % MACHINE_CELLS]++] = hash / MACHINE_CELLS * MACHINE_CELLS + i;
        }
    }
    return OK;
}

static struct bucket_groups machine_find(const struct machine_index *x, uint32_t hash)
{
    UNCLEARED struct bucket_groups g;
    g.count = 0;
    size_t cell = hash % MACHINE_CELLS;
    for (size_t i = x->first[cell]; i < x->first[cell + 1] && g.count < BUCKET_GROUPS; i++) {
        if (x->items[i] / MACHINE_CELLS == hash / MACHINE_CELLS) {
            g.group[g.count++] = x->items[i] % MACHINE_CELLS;
        }
    }
    return g;
}

/* The part of a group's mail that bears a mailer's name, as its members show. */
static double mailer_share(const struct grouping *g, const struct group *x, uint32_t mailer)
{
    double of = 0, all = 0;
    for (unsigned i = 0; i < x->members; i++) {
        double n = (double)item(g, x->member[i])->profile.messages;
        all += n;
        of += g->model.value[x->member[i]][VARIANT_MAILER] == mailer ? n : 0;
    }
    return of / all;
}

/* Do two groups bear other mailers' names, or the same in other shares? An engine with two clients
 * draws both, whoever uses it; another engine that copied one of them shows that one alone. */
static bool are_mailers_other(const struct grouping *g, const struct group *x,
                              const struct group *y)
{
    double same = 0;
    for (unsigned i = 0; i < x->members; i++) {
        uint32_t mailer = g->model.value[x->member[i]][VARIANT_MAILER];
        bool is_counted = false;
        for (unsigned j = 0; j < i && !is_counted; j++) {
            is_counted = g->model.value[x->member[j]][VARIANT_MAILER] == mailer;
        }
        same += is_counted ? 0 : fmin(mailer_share(g, x, mailer), mailer_share(g, y, mailer));
    }
    uint64_t fewer = x->messages < y->messages ? x->messages : y->messages;
    return same + 1 / sqrt((double)fewer) < SAME_MAILERS; /* chance allowed for */
}

/* What the machines of two groups say, whose leaders' headers differ by so much. */
static double machines_say(const struct grouping *g, const struct group *x, const struct group *y,
                           double differ, double evidence)
{
    bool is_other = evidence < 0 && are_mailers_other(g, x, y);
    return variant_hosts_evidence(x->span, y->span, is_other ? -INFINITY : differ, evidence);
}

/* As the best members say, and less when the leaders object. What is not above 0, or less than
 * `most`, may be given as anything that is not. */
static double join_evidence(const struct grouping *g, const struct group *x, const struct group *y,
                            const struct host_index *machines_of_y, double most)
{
    struct host_meeting machines;
    struct variant_evidence e;
    uint32_t a = x->member[0], b = y->member[0];
    host_index_meet(&x->hosts, &x->hosts_tally, machines_of_y, &machines);
    variant_evidence(&g->model, a, b, LEADER_LEAST - fmax(machines.evidence, 0) - ROUNDING, &e);
    double hosts = machines_say(g, x, y, e.differ, machines.evidence);
    if (hosts > 0) {
        e.total = fmax(e.total, HEADERS_OBJECT);
    }
    double best = e.total, leaders = fmin(e.total + hosts, 0);
    double objection = hosts > 0 ? leaders : LEADERS_OBJECT * leaders;
    double floor = fmax(most, 0) - hosts - objection - ROUNDING;
    for (unsigned i = 0; i < x->members && e.total + hosts > LEADER_LEAST; i++) {
        for (unsigned j = i == 0; j < y->members; j++) {
            struct variant_evidence more;
            variant_evidence(&g->model, x->member[i], y->member[j], fmax(best, floor), &more);
            best = fmax(best, more.total);
        }
    }
    return best + hosts + objection;
}

struct join {
    uint32_t best;
    double most;
    uint32_t tried[256];
    unsigned tries;
    struct host_index hosts;
};

/* Joins go to the heavier group, that is the earlier one. */
static void join_try(struct grouping *g, uint32_t group, const struct bucket_groups *b,
                     struct join *j)
{
    for (unsigned i = 0; i < groups_listed(b); i++) {
        uint32_t other = group_root(g, b->group[i]);
        bool is_tried = other >= group || j->tries == sizeof j->tried / sizeof *j->tried;
        for (unsigned t = 0; t < j->tries && !is_tried; t++) {
            is_tried = j->tried[t] == other;
        }
        if (is_tried) {
            continue;
        }
        j->tried[j->tries++] = other;
        double e = join_evidence(g, &g->groups[other], &g->groups[group], &j->hosts, j->most);
        if (e > j->most || (e == j->most && j->best != UINT32_MAX && other < j->best)) {
            j->most = e;
            j->best = other;
        }
    }
}

static void members_add(struct group *to, const struct group *from)
{
    for (unsigned i = 0; i < from->members && to->members < MEMBERS_COMPARED; i++) {
        to->member[to->members++] = from->member[i];
    }
}

/* One round: each group goes to the earlier one that most speaks for, if it is more than `least`.
 */
static enum err groups_join(struct grouping *g, bool are_leaves, double least)
{
    for (uint32_t i = 0; i < g->count; i++) {
        struct group *x = &g->groups[i];
        bool is_settled = x->is_known && x->most <= least && least > 0;
        if (x->parent != i || is_settled || is_leaf(g, x->member[0]) != are_leaves) {
            continue;
        }
        UNCLEARED struct join j;
        j.best = UINT32_MAX;
        j.most = -INFINITY;
        j.tries = 0;
        host_index_make(&j.hosts, &x->hosts, &x->hosts_tally);
        for (unsigned m = 0; m < x->members; m++) {
            uint64_t keys[KEYS];
            bucket_keys(g, x->member[m], keys);
            for (unsigned k = 0; k < KEYS; k++) {
                const struct bucket_groups b = bucket_find(&g->buckets, keys[k]);
                join_try(g, i, &b, &j);
            }
        }
        for (size_t h = 0; h < hosts_looked_up(x); h++) {
            const struct bucket_groups b = machine_find(&g->hosts, x->hosts.hashes[h]);
            join_try(g, i, &b, &j);
        }
        x->is_known = true;
        x->most = j.most;
        if (j.most > least) {
            struct group *to = &g->groups[j.best];
            to->is_known = false;
            x->parent = j.best;
            to->messages += x->messages;
            to->span = span_join(to->span, x->span);
            members_add(to, x);
            if (hosts_join(to, x) != OK) {
                return ERR_NOMEM;
            }
        }
    }
    return OK;
}

/* ---- all ---- */

static void grouping_free(struct grouping *g)
{
    for (size_t i = 0; i < g->count; i++) {
        hosts_drop(&g->groups[i]);
    }
    scratch_free(g->groups);
    scratch_free(g->order);
    scratch_free(g->group_of);
    buckets_free(&g->buckets);
    scratch_free(g->machines);
    scratch_free(g->hosts.first);
    scratch_free(g->hosts.items);
    variant_model_free(&g->model);
}

/* ERR_NOMEM: nothing is left to free. */
static enum err grouping_make(struct grouping *g, struct variants *v)
{
    size_t n = v->count;
    *g = (struct grouping){0};
    enum err e = variant_model_make(&g->model, v);
    if (e != OK) {
        return e;
    }
    g->groups = scratch_new(n, sizeof *g->groups);
    g->order = scratch_new(n, sizeof *g->order);
    g->group_of = scratch_new(n, sizeof *g->group_of);
    e = g->groups && g->order && g->group_of ? OK : ERR_NOMEM;
    e = e == OK ? order_by_weight(v, g->order) : e;
    size_t placed = 0;
    for (; placed < n && e == OK && !is_leaf(g, g->order[placed]); placed++) {
        e = variant_place(g, g->order[placed]);
    }
    e = e == OK ? hosts_find(g, placed) : e;
    e = e == OK ? machine_index_make(g) : e;
    for (size_t r = 0; e == OK && r < sizeof JOIN_LEAST / sizeof *JOIN_LEAST; r++) {
        e = groups_join(g, false, JOIN_LEAST[r]);
    }
    for (; placed < n && e == OK; placed++) {
        e = variant_place(g, g->order[placed]);
    }
    e = e == OK ? groups_join(g, true, 0) : e;
    if (e != OK) {
        grouping_free(g);
    }
    return e;
}

enum err variants_group(struct variants *v, uint32_t *group)
{
    struct grouping g;
    if (v->count == 0) {
        return OK;
    }
    enum err e = grouping_make(&g, v);
    if (e != OK) {
        return e;
    }
    uint32_t *least = g.order; /* has done its work; by root */
    for (size_t i = 0; i < v->count; i++) {
        least[i] = UINT32_MAX;
    }
    for (size_t i = 0; i < v->count; i++) {
        uint32_t root = group_root(&g, g.group_of[i]);
        least[root] = least[root] < i ? least[root] : (uint32_t)i;
        group[i] = least[root];
    }
    grouping_free(&g);
    return OK;
}

/* ---- why ---- */

static void explain_names(const struct variant_model *m, size_t a, size_t b, double e,
                          struct strbuf *out)
{
    struct variant_order o;
    variant_order(m, a, b, &o);
    strbuf_printf(out, "%+6.1f  field names: ", e);
    if (o.is_equal) {
        strbuf_add_cstr(out, "the same, in the same order\n");
    } else if (o.is_known) {
        strbuf_printf(out, "%u and %u, %u in both, %u of them in the same order\n", o.first,
                      o.second, o.common, o.in_order);
    } else {
        strbuf_add_cstr(out, "other ones, known by their hash alone\n");
    }
}

static void explain_field(const struct variant_model *m, enum variant_field f, size_t a, size_t b,
                          struct strbuf *out)
{
    double e = variant_field_evidence(m, f, a, b);
    bool is_single = m->value[a][f] == VARIANT_ABSENT || m->value[b][f] == VARIANT_ABSENT;
    if (e != 0) {
        strbuf_printf(out, "%+6.1f  %s: %s\n", e, variant_field_name(f),
                      e > 0       ? "the same"
                      : is_single ? "only one has it"
                                  : "different");
    }
}

/* Grouped first, so that machines count as they did there. */
enum err variants_explain(struct variants *v, size_t a, size_t b, struct strbuf *out)
{
    struct grouping g;
    struct variant_evidence e;
    enum err err = grouping_make(&g, v);
    if (err != OK) {
        return err;
    }
    const struct variant_model *m = &g.model;
    struct host_meeting machines;
    const struct group *x = &g.groups[group_root(&g, g.group_of[a])];
    const struct group *y = &g.groups[group_root(&g, g.group_of[b])];
    variant_evidence(m, a, b, -INFINITY, &e);
    host_sample_meet(&x->hosts, &y->hosts, &machines);
    double hosts = x == y ? 0 : machines_say(&g, x, y, e.differ, machines.evidence);
    explain_names(m, a, b, e.names, out);
    for (unsigned f = 0; f < VARIANT_FIELD_COUNT; f++) {
        explain_field(m, (enum variant_field)f, a, b, out);
    }
    strbuf_printf(out, "%+6.1f  machines of their groups: ", hosts);
    if (x == y) {
        strbuf_add_cstr(out, "they are of one group\n");
    } else {
        strbuf_printf(out, "%u and %u, %u in both, %u returned to one\n", machines.first,
                      machines.second, machines.both, machines.returned);
    }
    strbuf_printf(out, "%+6.1f  in all, with %.0f before any evidence: %s\n", e.total + hosts,
                  variant_prior(),
                  e.total + hosts > 0 ? "one mailer" : "not one mailer by themselves");
    grouping_free(&g);
    return out->failed ? ERR_NOMEM : OK;
}
