/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From variants to mailers. Leader clustering, heaviest variants first, so that the result is a
 * function of the set; then groups that turn out to be one are joined. Candidates come from buckets
 * that hold groups, not variants, and few of them: the work is linear whatever the input. */
#include "cluster/variant_grouping.h"
#include "core/scratch.h"
#include "core/sort.h"

#include <math.h>

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

/* ---- leaders ---- */

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
static double placing_hosts(const struct variant_grouping *g, const struct variant_group *x,
                            struct placing *p, double differ)
{
    struct host_meeting machines;
    const struct variant *v = grouping_variant(g, p->place);
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
static double group_evidence(const struct variant_grouping *g, const struct variant_group *x,
                             struct placing *p, double floor)
{
    /* of groups that were just placed they are not known */
    bool has_hosts = x->hosts.count > 0 && grouping_variant(g, p->place)->hosts.count > 0;
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

static void group_take(struct variant_grouping *g, uint32_t group, uint32_t place)
{
    struct variant_group *x = &g->groups[group];
    const struct dialect *d = grouping_variant(g, place)->dialect;
    bool is_new = x->members < MEMBERS_COMPARED && (x->members == 0 || !is_leaf(g, place));
    for (unsigned i = 0; i < x->members && is_new; i++) {
        const struct dialect *other = grouping_variant(g, x->member[i])->dialect;
        is_new = other->names != d->names || other->shapes != d->shapes;
    }
    if (is_new) {
        x->member[x->members++] = place;
    }
    g->group_of[place] = group;
    struct variant_span span = span_of(&grouping_variant(g, place)->profile);
    x->span = x->messages ? span_join(x->span, span) : span;
    x->messages += grouping_variant(g, place)->profile.messages;
}

uint32_t variant_group_root(struct variant_grouping *g, uint32_t x)
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
static struct choice group_choose(struct variant_grouping *g, uint32_t place,
                                  const uint64_t keys[KEYS])
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
        const struct bucket_groups b = variant_bucket_find(&g->buckets, keys[k]);
        for (unsigned i = 0; i < groups_listed(&b); i++) {
            uint32_t group = variant_group_root(g, b.group[i]);
            bool is_tried = false;
            for (unsigned t = 0; t < tries && !is_tried; t++) {
                is_tried = tried[t] == group;
            }
            if (is_tried) {
                continue;
            }
            tried[tries++] = group;
            const struct variant_group *x = &g->groups[group];
            double e = group_evidence(g, x, &p, is_last ? least : fmax(least, c.second));
            if (e > least) {
                choose(&c, group, is_last ? e + log((double)x->messages + 1) : e);
            }
        }
    }
    return c;
}

static enum err variant_place(struct variant_grouping *g, uint32_t place)
{
    uint64_t keys[KEYS];
    variant_bucket_keys(g, place, keys);
    struct choice c = group_choose(g, place, keys);
    uint32_t best = c.group;
    if (best == UINT32_MAX || (is_leaf(g, place) && c.most - c.second < LEAF_MARGIN)) {
        best = (uint32_t)g->count++;
        g->groups[best] = (struct variant_group){.parent = best};
        host_sample_init(&g->groups[best].hosts);
    }
    group_take(g, best, place);
    for (unsigned k = 0; k < KEYS; k++) {
        if (!variant_bucket_add(&g->buckets, keys[k], best)) {
            return ERR_NOMEM;
        }
    }
    return OK;
}

/* ---- joining groups ---- */

/* The part of a group's mail that bears a mailer's name, as its members show. */
static double mailer_share(const struct variant_grouping *g, const struct variant_group *x,
                           uint32_t mailer)
{
    double of = 0, all = 0;
    for (unsigned i = 0; i < x->members; i++) {
        double n = (double)grouping_variant(g, x->member[i])->profile.messages;
        all += n;
        of += g->model.value[x->member[i]][VARIANT_MAILER] == mailer ? n : 0;
    }
    return of / all;
}

/* Do two groups bear other mailers' names, or the same in other shares? An engine with two clients
 * draws both, whoever uses it; another engine that copied one of them shows that one alone. */
static bool are_mailers_other(const struct variant_grouping *g, const struct variant_group *x,
                              const struct variant_group *y)
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

double variant_machines_say(const struct variant_grouping *g, const struct variant_group *x,
                            const struct variant_group *y, double differ, double evidence)
{
    bool is_other = evidence < 0 && are_mailers_other(g, x, y);
    return variant_hosts_evidence(x->span, y->span, is_other ? -INFINITY : differ, evidence);
}

/* As the best members say, and less when the leaders object. What is not above 0, or less than
 * `most`, may be given as anything that is not. */
static double join_evidence(const struct variant_grouping *g, const struct variant_group *x,
                            const struct variant_group *y, const struct host_index *machines_of_y,
                            double most)
{
    struct host_meeting machines;
    struct variant_evidence e;
    uint32_t a = x->member[0], b = y->member[0];
    host_index_meet(&x->hosts, &x->hosts_tally, machines_of_y, &machines);
    variant_evidence(&g->model, a, b, LEADER_LEAST - fmax(machines.evidence, 0) - ROUNDING, &e);
    double hosts = variant_machines_say(g, x, y, e.differ, machines.evidence);
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
static void join_try(struct variant_grouping *g, uint32_t group, const struct bucket_groups *b,
                     struct join *j)
{
    for (unsigned i = 0; i < groups_listed(b); i++) {
        uint32_t other = variant_group_root(g, b->group[i]);
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

static void members_add(struct variant_group *to, const struct variant_group *from)
{
    for (unsigned i = 0; i < from->members && to->members < MEMBERS_COMPARED; i++) {
        to->member[to->members++] = from->member[i];
    }
}

/* One round: each group goes to the earlier one that most speaks for, if it is more than `least`.
 */
static enum err groups_join(struct variant_grouping *g, bool are_leaves, double least)
{
    for (uint32_t i = 0; i < g->count; i++) {
        struct variant_group *x = &g->groups[i];
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
            variant_bucket_keys(g, x->member[m], keys);
            for (unsigned k = 0; k < KEYS; k++) {
                const struct bucket_groups b = variant_bucket_find(&g->buckets, keys[k]);
                join_try(g, i, &b, &j);
            }
        }
        for (size_t h = 0; h < hosts_looked_up(x); h++) {
            const struct bucket_groups b = variant_machine_find(&g->hosts, x->hosts.hashes[h]);
            join_try(g, i, &b, &j);
        }
        x->is_known = true;
        x->most = j.most;
        if (j.most > least) {
            struct variant_group *to = &g->groups[j.best];
            to->is_known = false;
            x->parent = j.best;
            to->messages += x->messages;
            to->span = span_join(to->span, x->span);
            members_add(to, x);
            if (variant_hosts_join(to, x) != OK) {
                return ERR_NOMEM;
            }
        }
    }
    return OK;
}

/* ---- all ---- */

void variant_grouping_free(struct variant_grouping *g)
{
    for (size_t i = 0; i < g->count; i++) {
        variant_hosts_drop(&g->groups[i]);
    }
    scratch_free(g->groups);
    scratch_free(g->order);
    scratch_free(g->group_of);
    variant_buckets_free(&g->buckets);
    scratch_free(g->machines);
    scratch_free(g->hosts.first);
    scratch_free(g->hosts.items);
    variant_model_free(&g->model);
}

enum err variant_grouping_make(struct variant_grouping *g, struct variants *v)
{
    size_t n = v->count;
    *g = (struct variant_grouping){0};
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
    e = e == OK ? variant_hosts_find(g, placed) : e;
    e = e == OK ? variant_machines_index(g) : e;
    for (size_t r = 0; e == OK && r < sizeof JOIN_LEAST / sizeof *JOIN_LEAST; r++) {
        e = groups_join(g, false, JOIN_LEAST[r]);
    }
    for (; placed < n && e == OK; placed++) {
        e = variant_place(g, g->order[placed]);
    }
    e = e == OK ? groups_join(g, true, 0) : e;
    if (e != OK) {
        variant_grouping_free(g);
    }
    return e;
}

enum err variants_group(struct variants *v, uint32_t *group)
{
    struct variant_grouping g;
    if (v->count == 0) {
        return OK;
    }
    enum err e = variant_grouping_make(&g, v);
    if (e != OK) {
        return e;
    }
    uint32_t *least = g.order; /* has done its work; by root */
    for (size_t i = 0; i < v->count; i++) {
        least[i] = UINT32_MAX;
    }
    for (size_t i = 0; i < v->count; i++) {
        uint32_t root = variant_group_root(&g, g.group_of[i]);
        least[root] = least[root] < i ? least[root] : (uint32_t)i;
        group[i] = least[root];
    }
    variant_grouping_free(&g);
    return OK;
}
