/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The exact searches. All are dynamic programmes over the last change before each observation. */
#include "stat/segment.h"

#include "stat/segment_model.h"

struct search {
    const struct segment_model *m;
    double penalty;
    size_t min_length;
    bool is_modified;
    double *best;   /* n + 1: least objective of the first t observations; INFINITY: none fits */
    uint32_t *last; /* n + 1: where its last segment begins */
    double *logs;   /* n + 1: log(length / n), is_modified only */
};

static enum err search_new(struct search *s, const struct segment_model *m,
                           const struct segment_search *how, struct arena *arena)
{
    *s = (struct search){.m = m,
                         .penalty = how->penalty,
                         .min_length = how->min_length ? how->min_length : 1,
                         .is_modified = how->is_modified,
                         .best = arena_calloc(arena, 2 * (m->n + 1), sizeof(double)),
                         .last = arena_calloc(arena, m->n + 1, sizeof(uint32_t))};
    if (!s->best || !s->last) {
        return ERR_NOMEM;
    }
    s->logs = s->best + m->n + 1;
    for (size_t i = 1; i <= m->n; i++) {
        s->best[i] = INFINITY;
        s->logs[i] = how->is_modified ? log((double)i / (double)m->n) : 0.0;
    }
    s->best[0] = -how->penalty; /* one change less than there are segments */
    return OK;
}

/* Buckets of the changes from their positions, and the figures of the partition. */
static enum err segmentation_make(const struct segment_model *m, const size_t *starts, size_t count,
                                  struct arena *arena, struct segmentation *out)
{
    size_t *buckets = arena_calloc(arena, count + 1, sizeof *buckets);
    if (!buckets) {
        return ERR_NOMEM;
    }
    double cost = 0;
    for (size_t i = 0; i <= count; i++) {
        size_t from = i ? starts[i - 1] : 0, to = i < count ? starts[i] : m->n;
        cost += from < to ? model_cost(m, from, to) : 0.0;
        if (i < count) {
            buckets[i] = m->bucket[to];
        }
    }
    *out =
        (struct segmentation){.count = count, .starts = buckets, .cost = cost, .objective = cost};
    return OK;
}

static enum err search_end(const struct search *s, struct arena *arena, struct segmentation *out)
{
    const struct segment_model *m = s->m;
    size_t count = 0;
    if (m->n == 0 || isinf(s->best[m->n])) { /* too short to be cut: one segment */
        return segmentation_make(m, NULL, 0, arena, out);
    }
    for (size_t t = s->last[m->n]; t > 0; t = s->last[t]) {
        count++;
    }
    size_t *starts = arena_calloc(arena, count + 1, sizeof *starts);
    if (!starts) {
        return ERR_NOMEM;
    }
    size_t i = count;
    for (size_t t = s->last[m->n]; t > 0; t = s->last[t]) {
        starts[--i] = t;
    }
    enum err e = segmentation_make(m, starts, count, arena, out);
    out->objective = s->best[m->n];
    return e;
}

enum err segment_optimal(const struct segment_model *m, const struct segment_search *how,
                         struct arena *arena, struct segmentation *out)
{
    struct search s;
    enum err e = search_new(&s, m, how, arena);
    for (size_t t = s.min_length; e == OK && t <= m->n; t++) {
        for (size_t from = 0; from + s.min_length <= t; from++) {
            double v = s.best[from] + model_cost(m, from, t) + s.penalty + s.logs[t - from];
            if (v < s.best[t]) {
                s.best[t] = v;
                s.last[t] = (uint32_t)from;
            }
        }
    }
    return e == OK ? search_end(&s, arena, out) : e;
}

/* Candidates for the last change, ascending. One that loses at t to t itself as the last change
 * can not win once a segment from t on is long enough: from t + min_length on. */
struct candidates {
    uint32_t *from;
    uint32_t *until; /* not used from here on */
    double *value;
    size_t count;
};

static void candidates_try(struct search *s, struct candidates *c, size_t t)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->count; i++) {
        if (c->until[i] > t) {
            c->from[kept] = c->from[i];
            c->until[kept++] = c->until[i];
        }
    }
    c->count = kept;
    model_costs(s->m, c->from, c->count, t, c->value);
    for (size_t i = 0; i < c->count; i++) {
        c->value[i] += s->best[c->from[i]] + s->logs[t - c->from[i]];
        if (c->value[i] + s->penalty < s->best[t]) {
            s->best[t] = c->value[i] + s->penalty;
            s->last[t] = c->from[i];
        }
    }
    /* Rounding must not drop a candidate that ties. */
    double bound = s->best[t] + 1e-9 * (1.0 + fabs(s->best[t]));
    for (size_t i = 0; i < c->count; i++) {
        if (c->value[i] > bound && c->until[i] > t + s->min_length) {
            c->until[i] = (uint32_t)(t + s->min_length);
        }
    }
}

enum err segment_pelt(const struct segment_model *m, const struct segment_search *how,
                      struct arena *arena, struct segmentation *out)
{
    struct search s;
    struct candidates c = {.from = arena_calloc(arena, 2 * (m->n + 1), sizeof(uint32_t)),
                           .value = arena_calloc(arena, m->n + 1, sizeof(double))};
    enum err e = search_new(&s, m, how, arena);
    if (!c.from || !c.value || e != OK) {
        return ERR_NOMEM;
    }
    c.until = c.from + m->n + 1;
    for (size_t t = s.min_length; t <= m->n; t++) {
        size_t from = t - s.min_length;
        if (from == 0 || isfinite(s.best[from])) {
            c.from[c.count] = (uint32_t)from;
            c.until[c.count++] = UINT32_MAX;
        }
        candidates_try(&s, &c, t);
    }
    return search_end(&s, arena, out);
}

/* best[k][t] from best[k - 1]: the k-th change is at last[k][t]. */
static void exact_step(const struct segment_model *m, size_t min_length, const double *before,
                       double *best, uint32_t *last, double *costs)
{
    for (size_t t = 2 * min_length; t <= m->n; t++) {
        size_t count = t - min_length + 1 - min_length;
        model_costs_run(m, min_length, count, t, costs);
        for (size_t i = 0; i < count; i++) {
            double v = before[min_length + i] + costs[i];
            if (v < best[t]) {
                best[t] = v;
                last[t] = (uint32_t)(min_length + i);
            }
        }
    }
}

enum err segment_exact(const struct segment_model *m, size_t k_max, size_t min_length,
                       struct arena *arena, struct segmentation *out)
{
    size_t row = m->n + 1;
    double *best = arena_calloc(arena, row * (k_max + 2), sizeof *best);
    uint32_t *last = arena_calloc(arena, row * (k_max + 1), sizeof *last);
    size_t *starts = arena_calloc(arena, k_max + 1, sizeof *starts);
    if (!best || !last || !starts) {
        return ERR_NOMEM;
    }
    min_length = min_length ? min_length : 1;
    for (size_t i = 0; i < row * (k_max + 1); i++) {
        best[i] = INFINITY;
    }
    for (size_t t = min_length; t <= m->n; t++) {
        best[t] = model_cost(m, 0, t);
    }
    enum err e = OK;
    for (size_t k = 0; k <= k_max && e == OK; k++) {
        if (k > 0) {
            exact_step(m, min_length, best + (k - 1) * row, best + k * row, last + k * row,
                       best + (k_max + 1) * row);
        }
        out[k] = (struct segmentation){.count = k, .cost = INFINITY, .objective = INFINITY};
        if (isfinite(best[k * row + m->n])) {
            size_t t = m->n;
            for (size_t i = k; i > 0; i--) {
                t = starts[i - 1] = last[i * row + t];
            }
            e = segmentation_make(m, starts, k, arena, &out[k]);
        }
    }
    return e;
}

double segment_penalty_bic(size_t n)
{
    return 2.0 * log((double)n);
}

double segment_penalty_modified(size_t n)
{
    return 3.0 * log((double)n);
}

double segment_inflation(double rho)
{
    rho = fmin(fmax(rho, 0.0), 0.95);
    return (1.0 + rho) / (1.0 - rho);
}
