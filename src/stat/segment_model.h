/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of stat/segment*.c only: the prefix sums. Positions are of observations here, not of
 * buckets: what is missing is left out, and `bucket` leads back. */
#ifndef STAT_SEGMENT_MODEL_H
#define STAT_SEGMENT_MODEL_H

#include "stat/segment.h"

#include <math.h>

struct segment_model {
    enum segment_family family;
    double theta;
    size_t buckets;     /* of the data */
    size_t n;           /* observations */
    uint32_t *bucket;   /* n: of each observation */
    uint32_t *position; /* buckets + 1: observations before each bucket */
    double *weight;     /* n + 1 prefix sums each: of weights, */
    double *sum;        /* of y (counts) or weight * (y - centre), */
    double *square;     /* and of weight * (y - centre)^2, normal only */
    double centre;      /* normal: keeps the squares small, so that their difference is exact */
};

static inline double normal_cost(double weight, double sum, double square)
{
    return square - sum * sum / weight;
}

static inline double poisson_cost(double weight, double sum)
{
    return sum > 0 ? -2.0 * sum * log(sum / weight) : 0.0;
}

/* Minus twice sum log(p) of size theta: level l = sum / weight has success probability
 * theta / (theta + l). */
static inline double negative_cost(double weight, double sum, double theta)
{
    double level = sum / weight;
    double size = theta * weight;
    double cost = 2.0 * (sum + size) * log1p(level / theta);
    return sum > 0 ? cost - 2.0 * sum * log(level / theta) : cost;
}

/* Of the observations [from, to), from < to. */
static inline double model_cost(const struct segment_model *m, size_t from, size_t to)
{
    double weight = m->weight[to] - m->weight[from];
    double sum = m->sum[to] - m->sum[from];
    switch (m->family) {
    case SEGMENT_NORMAL:
        return normal_cost(weight, sum, m->square[to] - m->square[from]);
    case SEGMENT_POISSON:
        return poisson_cost(weight, sum);
    case SEGMENT_NEGATIVE:
        break;
    }
    return negative_cost(weight, sum, m->theta);
}

/* The sums of `d` into a model that was made for as many buckets. */
void model_fill(struct segment_model *m, const struct segment_data *d);

/* out[i] = model_cost(m, from[i], to): the family is looked at once. */
void model_costs(const struct segment_model *m, const uint32_t *from, size_t count, size_t to,
                 double *out);
/* Of consecutive `from`s, from `first` on. */
void model_costs_run(const struct segment_model *m, size_t first, size_t count, size_t to,
                     double *out);

#endif
