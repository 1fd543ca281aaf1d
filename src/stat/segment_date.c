/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When a change was: the set of dates that the profile likelihood leaves, and Bai's interval. */
#include "stat/segment.h"
#include "stat/segment_model.h"

#include <gsl/gsl_sf_erf.h>
#include <stdlib.h>

double segment_best_change(const struct segment_model *m, size_t from, size_t to, size_t min_length,
                           size_t *start)
{
    size_t first = m->position[from], end = m->position[to];
    double best = INFINITY;
    min_length = min_length ? min_length : 1;
    for (size_t t = first + min_length; t + min_length <= end; t++) {
        double cost = model_cost(m, first, t) + model_cost(m, t, end);
        if (cost < best) {
            best = cost;
            *start = m->bucket[t];
        }
    }
    return isfinite(best) ? fmax(model_cost(m, first, end) - best, 0.0) : 0.0;
}

double segment_sup_f(const struct segment_model *m, double trim)
{
    size_t n = m->n, side = (size_t)(trim * (double)n), start = 0;
    if (side < 1 || 2 * side > n || n < 4) {
        return NAN;
    }
    double gain = segment_best_change(m, 0, m->buckets, side, &start);
    double rest = model_cost(m, 0, n) - gain;
    return gain / (rest / (double)(n - 2));
}

struct dated {
    uint32_t bucket;
    double mass; /* the cost until dates_weigh */
};

/* Greatest mass first; of equal ones the earlier. */
static int dated_compare(const void *a, const void *b)
{
    const struct dated *x = a, *y = b;
    return x->mass != y->mass ? (x->mass < y->mass ? 1 : -1)
                              : (x->bucket > y->bucket) - (x->bucket < y->bucket);
}

/* Costs (minus twice log likelihoods) to masses that add up to 1. */
static void dates_weigh(struct dated *dates, size_t count, double inflation)
{
    double least = INFINITY, sum = 0;
    for (size_t i = 0; i < count; i++) {
        least = fmin(least, dates[i].mass);
    }
    for (size_t i = 0; i < count; i++) {
        dates[i].mass = exp((least - dates[i].mass) / (2.0 * inflation));
        sum += dates[i].mass;
    }
    for (size_t i = 0; i < count; i++) {
        dates[i].mass /= sum;
    }
}

/* Sorts. The ends of the dates that hold `level`, and the best one. */
static struct segment_dates dates_set(struct dated *dates, size_t count, double level)
{
    qsort(dates, count, sizeof *dates, dated_compare);
    struct segment_dates set = {dates[0].bucket, dates[0].bucket, dates[0].bucket};
    double mass = 0;
    for (size_t i = 0; i < count && mass < level; i++) {
        size_t bucket = dates[i].bucket;
        set.first = bucket < set.first ? bucket : set.first;
        set.last = bucket > set.last ? bucket : set.last;
        mass += dates[i].mass;
    }
    return set;
}

enum err segment_date_set(const struct segment_model *m, size_t from, size_t to, size_t min_length,
                          double inflation, double level, double *posterior, struct arena *arena,
                          struct segment_dates *out)
{
    size_t first = m->position[from], end = m->position[to], count = 0;
    min_length = min_length ? min_length : 1;
    if (end - first < 2 * min_length) {
        return ERR_USAGE;
    }
    struct dated *dates = arena_calloc(arena, end - first, sizeof *dates);
    if (!dates) {
        return ERR_NOMEM;
    }
    for (size_t t = first + min_length; t + min_length <= end; t++) {
        double cost = model_cost(m, first, t) + model_cost(m, t, end);
        dates[count++] = (struct dated){m->bucket[t], cost};
    }
    dates_weigh(dates, count, inflation);
    for (size_t i = 0; posterior && i < to - from; i++) {
        posterior[i] = 0;
    }
    for (size_t i = 0; posterior && i < count; i++) {
        posterior[dates[i].bucket - from] = dates[i].mass;
    }
    *out = dates_set(dates, count, level);
    return OK;
}

static double line_mean(const struct segment_line *l, size_t from, size_t to)
{
    double sum = 0, weights = 0;
    for (size_t i = from; i < to; i++) {
        double weight = isnan(l->y[i]) ? 0.0 : 1.0 / (l->variance + l->sampling[i]);
        sum += weight > 0 ? weight * l->y[i] : 0.0;
        weights += weight;
    }
    return sum / weights;
}

/* Minus twice the log likelihood of bucket i given the one before it, at these levels of both. */
static double innovation_cost(const struct segment_line *l, size_t i, size_t from, double before,
                              double now)
{
    if (isnan(l->y[i])) {
        return 0.0;
    }
    if (i == from || isnan(l->y[i - 1])) {
        return (l->y[i] - now) * (l->y[i] - now) / (l->variance + l->sampling[i]);
    }
    double miss = l->y[i] - now - l->rho * (l->y[i - 1] - before);
    return miss * miss /
           (l->variance * (1.0 - l->rho * l->rho) + l->sampling[i] +
            l->rho * l->rho * l->sampling[i - 1]);
}

enum err segment_date_set_ar1(const struct segment_line *l, size_t from, size_t at, size_t to,
                              size_t min_length, double level, struct arena *arena,
                              struct segment_dates *out)
{
    double a = line_mean(l, from, at), b = line_mean(l, at, to);
    size_t count = 0;
    min_length = min_length ? min_length : 1;
    struct dated *dates = arena_calloc(arena, to - from, sizeof *dates);
    if (!dates || isnan(a) || isnan(b) || to - from < 2 * min_length) {
        return dates ? ERR_USAGE : ERR_NOMEM;
    }
    double cost = 0;
    for (size_t i = from + 1; i < to; i++) {
        cost += innovation_cost(l, i, from, b, b); /* all of it after the change ... */
    }
    for (size_t t = from + 1; t + min_length <= to; t++) {
        double crossing = innovation_cost(l, t, from, a, b) - innovation_cost(l, t, from, b, b);
        if (t >= from + min_length && !isnan(l->y[t])) {
            double first = innovation_cost(l, from, from, a, a);
            dates[count++] = (struct dated){(uint32_t)t, cost + crossing + first};
        }
        cost += innovation_cost(l, t, from, a, a) - innovation_cost(l, t, from, b, b);
    }
    if (!count) {
        return ERR_USAGE;
    }
    dates_weigh(dates, count, 1.0);
    *out = dates_set(dates, count, level);
    return OK;
}

/* log of the normal distribution function at -x. */
static double log_tail(double x)
{
    return gsl_sf_log_erfc(x / sqrt(2.0)) - log(2.0);
}

/* Distribution of the argmax of two Brownian motions with drift whose variances stand in the ratio
 * phi (after : before); Bai 1997, appendix B, for equal regressors. */
static double argmax_cdf(double x, double phi)
{
    const double log_root = log(2.0 * acos(-1.0)) / 2.0;
    double f = 1.0 / phi, a = fabs(x);
    if (a == 0) {
        a = 1e-300; /* the limit: logarithms below */
    }
    double root = sqrt(a);
    if (x < 0) {
        double c = (phi + 2.0) * (phi + 2.0) / (phi + 1.0);
        return -exp(log(a) / 2.0 - a / 8.0 - log_root) -
               phi * (phi + 2.0) / (phi + 1.0) *
                   exp(f * (1.0 + f) * a / 2.0 + log_tail((0.5 + f) * root)) +
               (a / 2.0 - 2.0 + c) * exp(log_tail(root / 2.0));
    }
    double c = (2.0 * phi + 1.0) * (2.0 * phi + 1.0) / ((phi + 1.0) * phi);
    return 1.0 + sqrt(f) * exp(log(a) / 2.0 - f * a / 8.0 - log_root) +
           (2.0 * phi + 1.0) / (phi * (phi + 1.0)) *
               exp((phi + 1.0) * a / 2.0 + log_tail((phi + 0.5) / sqrt(phi) * root)) -
           (c - 2.0 + f * a / 2.0) * exp(log_tail(sqrt(f) * root / 2.0));
}

static double argmax_quantile(double p, double phi)
{
    double low = -1.0, high = 1.0;
    while (argmax_cdf(low, phi) > p && low > -1e6) {
        low *= 2;
    }
    while (argmax_cdf(high, phi) < p && high < 1e6) {
        high *= 2;
    }
    for (int i = 0; i < 200 && high - low > 1e-9; i++) {
        double middle = (low + high) / 2.0;
        *(argmax_cdf(middle, phi) < p ? &low : &high) = middle;
    }
    return (low + high) / 2.0;
}

static double side_variance(const double *y, size_t n, double *mean)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        sum += y[i];
    }
    *mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) {
        squares += (y[i] - *mean) * (y[i] - *mean);
    }
    return squares / (double)n;
}

bool segment_bai_interval(const double *y, size_t before, size_t count, double level, double *low,
                          double *high)
{
    double mean[2];
    if (before < 2 || before + 2 > count) {
        return false;
    }
    double variance = side_variance(y, before, &mean[0]);
    double phi = side_variance(y + before, count - before, &mean[1]) / variance;
    double delta = mean[1] - mean[0], tail = (1.0 - level) / 2.0, p0 = argmax_cdf(0, phi);
    if (!(variance > 0) || !(phi > 0) || delta == 0 || !(p0 > tail) || p0 >= 1.0 - tail) {
        return false;
    }
    double scale = variance / (delta * delta);
    *low = (double)before - ceil(argmax_quantile(1.0 - tail, phi) * scale);
    *high = (double)before - floor(argmax_quantile(tail, phi) * scale);
    return true;
}
