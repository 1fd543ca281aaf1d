/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Is one change real? What supLR comes to on lines of the same noise without a change. */
#include "stat/segment.h"
#include "stat/segment_model.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

enum {
    BATCH = 33,          /* simulations between two looks */
    TAIL_LEAST = 132,    /* from which the tail is fitted; without one exceedance p is below 0.01 */
    EXCEEDANCES_MAX = 10 /* with so many the change is not significant: Besag and Clifford 1991 */
};
/* A tail below this stays below any threshold when more is simulated. */
static const double TAIL_CLEAR = 1e-5;

/* log of the probability that chi-squared of one degree, or F(1, df), is at most x; right also near
 * 1. */
static double log_one(double x, double df)
{
    return log1p(-(df > 0 ? gsl_cdf_fdist_Q(x, 1.0, df) : gsl_cdf_chisq_Q(x, 1.0)));
}

/* P(T > x) where T / scale is the greatest of `many` such variables: scale and `many` from
 * the simulated median and 90 % quantile. */
static double tail_fit(double *sorted, size_t n, double df, double x)
{
    double q50 = gsl_stats_quantile_from_sorted_data(sorted, 1, n, 0.5);
    double q90 = gsl_stats_quantile_from_sorted_data(sorted, 1, n, 0.9);
    if (!(q50 > 0) || !(q90 > q50)) {
        return 1.0;
    }
    const double want = log(0.5) / log(0.9);
    double low = q90 * 1e-3, high = q90 * 1e3;
    for (int i = 0; i < 100; i++) {
        double scale = sqrt(low * high);
        double ratio = log_one(q50 / scale, df) / log_one(q90 / scale, df);
        *(ratio > want ? &low : &high) = scale;
    }
    double scale = sqrt(low * high);
    double many = log(0.5) / log_one(q50 / scale, df);
    return -expm1(many * log_one(x / scale, df));
}

enum err segment_bootstrap(const struct segment_null *null, double statistic, gsl_rng *rng,
                           struct arena *arena, double *p, double *tail)
{
    const struct segment_model *made;
    enum err e = segment_model_new(null->data, arena, &made);
    double *y = arena_calloc(arena, null->data->count + 1, sizeof *y);
    double *values = arena_calloc(arena, 2 * (size_t)null->simulations + 1, sizeof *values);
    if (e != OK || !y || !values) {
        return e != OK ? e : ERR_NOMEM;
    }
    struct segment_model model = *made;
    struct segment_data data = *null->data;
    double *sorted = values + null->simulations;
    size_t reached = 0, n = 0, start;
    data.y = y;
    *tail = 1.0;
    while (n < null->simulations && reached < EXCEEDANCES_MAX) {
        null->draw(null->arg, rng, y, data.count);
        model_fill(&model, &data);
        values[n] = segment_best_change(&model, 0, data.count, null->min_length, &start);
        if (null->df > 0) { /* as if the variance had been estimated on this line */
            values[n] *= null->df / gsl_ran_chisq(rng, null->df);
        }
        reached += values[n++] >= statistic;
        if (n >= TAIL_LEAST && n % BATCH == 0) {
            memcpy(sorted, values, n * sizeof *sorted);
            gsl_sort(sorted, 1, n);
            *tail = tail_fit(sorted, n, null->df, statistic);
            if (*tail < TAIL_CLEAR) {
                break;
            }
        }
    }
    *p = (1.0 + (double)reached) / (1.0 + (double)n);
    /* Where the simulation itself can tell, it does. */
    *tail = reached >= 3 || n < TAIL_LEAST ? *p : fmin(*tail, *p);
    return OK;
}
