/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Prefix sums and costs. For counts the cost has its form from the sum of a segment and its
 * exposure alone (the negative binomial family is closed under sums when sizes add up). */
#include "stat/segment_model.h"

static bool data_is_sound(const struct segment_data *d)
{
    bool is_count = d->family != SEGMENT_NORMAL;
    if (d->count >= UINT32_MAX || (d->family == SEGMENT_NEGATIVE && !(d->theta > 0))) {
        return false;
    }
    for (size_t i = 0; i < d->count; i++) {
        double weight = d->weight ? d->weight[i] : 1.0;
        if (!(weight >= 0) || !isfinite(weight) ||
            (weight > 0 && (!isfinite(d->y[i]) || (is_count && d->y[i] < 0)))) {
            return false;
        }
    }
    return true;
}

void model_fill(struct segment_model *m, const struct segment_data *d)
{
    double sum = 0, weights = 0;
    m->n = 0;
    for (size_t i = 0; i < d->count; i++) {
        double weight = d->weight ? d->weight[i] : 1.0;
        weights += weight;
        sum += weight > 0 ? weight * d->y[i] : 0.0;
    }
    m->centre = d->family == SEGMENT_NORMAL && weights > 0 ? sum / weights : 0.0;
    for (size_t i = 0; i < d->count; i++) {
        double weight = d->weight ? d->weight[i] : 1.0;
        m->position[i] = (uint32_t)m->n;
        if (weight > 0) {
            double y = d->y[i] - m->centre;
            double part = d->family == SEGMENT_NORMAL ? weight * y : y;
            size_t k = m->n++;
            m->bucket[k] = (uint32_t)i;
            m->weight[k + 1] = m->weight[k] + weight;
            m->sum[k + 1] = m->sum[k] + part;
            m->square[k + 1] = m->square[k] + weight * y * y;
        }
    }
    m->position[d->count] = (uint32_t)m->n;
}

enum err segment_model_new(const struct segment_data *d, struct arena *arena,
                           const struct segment_model **out)
{
    if (!data_is_sound(d)) {
        return ERR_USAGE;
    }
    struct segment_model *m = arena_calloc(arena, 1, sizeof *m);
    uint32_t *index = arena_calloc(arena, 2 * d->count + 1, sizeof *index);
    double *sums = arena_calloc(arena, 3 * (d->count + 1), sizeof *sums);
    if (!m || !index || !sums) {
        return ERR_NOMEM;
    }
    *m = (struct segment_model){.family = d->family,
                                .theta = d->theta,
                                .buckets = d->count,
                                .position = index,
                                .bucket = index + d->count + 1,
                                .weight = sums,
                                .sum = sums + d->count + 1,
                                .square = sums + 2 * (d->count + 1)};
    model_fill(m, d);
    *out = m;
    return OK;
}

size_t segment_observations(const struct segment_model *m)
{
    return m->n;
}

double segment_cost(const struct segment_model *m, size_t from, size_t to)
{
    size_t first = m->position[from], end = m->position[to];
    return first < end ? model_cost(m, first, end) : 0.0;
}

double segment_level(const struct segment_model *m, size_t from, size_t to)
{
    size_t first = m->position[from], end = m->position[to];
    return first < end
               ? m->centre + (m->sum[end] - m->sum[first]) / (m->weight[end] - m->weight[first])
               : NAN;
}

void model_costs(const struct segment_model *m, const uint32_t *from, size_t count, size_t to,
                 double *out)
{
    double weight = m->weight[to], sum = m->sum[to], square = m->square[to];
    switch (m->family) {
    case SEGMENT_NORMAL:
        for (size_t i = 0; i < count; i++) {
            size_t s = from[i];
            out[i] = normal_cost(weight - m->weight[s], sum - m->sum[s], square - m->square[s]);
        }
        break;
    case SEGMENT_POISSON:
        for (size_t i = 0; i < count; i++) {
            size_t s = from[i];
            out[i] = poisson_cost(weight - m->weight[s], sum - m->sum[s]);
        }
        break;
    case SEGMENT_NEGATIVE:
        for (size_t i = 0; i < count; i++) {
            size_t s = from[i];
            out[i] = negative_cost(weight - m->weight[s], sum - m->sum[s], m->theta);
        }
        break;
    }
}

void model_costs_run(const struct segment_model *m, size_t first, size_t count, size_t to,
                     double *out)
{
    double weight = m->weight[to], sum = m->sum[to], square = m->square[to];
    if (m->family != SEGMENT_NORMAL) {
        for (size_t i = 0; i < count; i++) {
            out[i] = model_cost(m, first + i, to);
        }
        return;
    }
    const double *w = m->weight + first, *s = m->sum + first, *q = m->square + first;
    for (size_t i = 0; i < count; i++) {
        out[i] = normal_cost(weight - w[i], sum - s[i], square - q[i]);
    }
}
