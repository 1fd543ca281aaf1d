/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CROPS: which partitions are optimal for the penalties of a range. Two partitions of m0 > m1
 * changes and costs q0 < q1 are equally good at penalty (q1 - q0) / (m0 - m1); if PELT finds
 * nothing in between there, nothing is. */
#include "stat/segment.h"
#include "stat/segment_model.h"

struct crops {
    const struct segment_model *m;
    struct segment_search search;
    struct arena *arena;
    struct segment_path_item *items;
    size_t count, max;
};

/* What CROPS compares: with is_modified the lengths' terms belong to the cost. */
static double free_cost(const struct segmentation *s, double penalty)
{
    return s->objective - penalty * (double)s->count;
}

static enum err crops_run(struct crops *c, double penalty, struct segmentation *out, double *cost)
{
    c->search.penalty = penalty;
    enum err e = segment_pelt(c->m, &c->search, c->arena, out);
    if (e == OK) {
        *cost = free_cost(out, penalty);
    }
    return e;
}

struct crops_end {
    struct segmentation s;
    double cost;
};

/* Appends what is optimal between the two ends, coarsest first, without the ends themselves. */
static enum err crops_between(struct crops *c, const struct crops_end *fine,
                              const struct crops_end *coarse)
{
    if (fine->s.count <= coarse->s.count + 1 || c->count == c->max) {
        return OK;
    }
    double penalty = (coarse->cost - fine->cost) / (double)(fine->s.count - coarse->s.count);
    struct crops_end middle;
    enum err e = crops_run(c, penalty, &middle.s, &middle.cost);
    if (e != OK || middle.s.count >= fine->s.count || middle.s.count <= coarse->s.count) {
        return e;
    }
    e = crops_between(c, &middle, coarse);
    if (e == OK && c->count < c->max) {
        c->items[c->count++].segmentation = middle.s;
        c->items[c->count - 1].penalty = middle.cost;
        e = crops_between(c, fine, &middle);
    }
    return e;
}

/* Penalty from which each item is better than the finer one before it; `penalty` held its cost. */
static void path_order(struct segment_path_item *items, size_t count, double low)
{
    for (size_t i = 0; i < count / 2; i++) {
        struct segment_path_item swap = items[i];
        items[i] = items[count - 1 - i];
        items[count - 1 - i] = swap;
    }
    double cost_before = 0;
    for (size_t i = 0; i < count; i++) {
        double cost = items[i].penalty;
        items[i].penalty = i ? (cost - cost_before) / (double)(items[i - 1].segmentation.count -
                                                               items[i].segmentation.count)
                             : low;
        cost_before = cost;
    }
}

enum err segment_path(const struct segment_model *m, const struct segment_search *s, double low,
                      double high, size_t items_max, struct arena *arena, struct segment_path *out)
{
    struct crops c = {.m = m, .search = *s, .arena = arena, .max = items_max};
    struct crops_end fine, coarse;
    c.items = arena_calloc(arena, items_max + 1, sizeof *c.items);
    if (!c.items || items_max == 0 || !(low <= high)) {
        return c.items ? ERR_USAGE : ERR_NOMEM;
    }
    enum err e = crops_run(&c, low, &fine.s, &fine.cost);
    if (e == OK && fine.s.count > 0) { /* nothing is coarser than no change */
        e = crops_run(&c, high, &coarse.s, &coarse.cost);
        if (e == OK && coarse.s.count < fine.s.count) {
            c.items[c.count++] = (struct segment_path_item){coarse.s, coarse.cost};
            e = crops_between(&c, &fine, &coarse);
        }
    }
    if (e != OK) {
        return e;
    }
    if (c.count < c.max) {
        c.items[c.count++] = (struct segment_path_item){fine.s, fine.cost};
    }
    path_order(c.items, c.count, low);
    *out = (struct segment_path){.items = c.items, .count = c.count};
    return OK;
}

size_t segment_path_elbow(const struct segment_path *p)
{
    if (p->count < 3) {
        return 0;
    }
    const struct segmentation *a = &p->items[0].segmentation;
    const struct segmentation *b = &p->items[p->count - 1].segmentation;
    double slope = (b->cost - a->cost) / ((double)b->count - (double)a->count);
    double farthest = 0;
    size_t elbow = 0;
    for (size_t i = 0; i < p->count; i++) {
        const struct segmentation *s = &p->items[i].segmentation;
        double line = a->cost + slope * ((double)s->count - (double)a->count);
        if (line - s->cost > farthest) {
            farthest = line - s->cost;
            elbow = i;
        }
    }
    return elbow;
}
