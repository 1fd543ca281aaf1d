/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Change points of a line of numbers: where its level steps from one value to another. Exact
 * searches over all partitions into segments of constant level (METHODS B6). Plain numbers, arena;
 * nothing here knows of mail or of dates.
 *
 * Costs are minus twice the log likelihood at a segment's best level, without terms that are the
 * same for every partition. A segment's best level is its sum over its weight, so a cost comes from
 * prefix sums in constant time. */
#ifndef STAT_SEGMENT_H
#define STAT_SEGMENT_H

#include "core/arena.h"

#include <gsl/gsl_rng.h>

enum segment_family {
    SEGMENT_NORMAL,   /* sum of weight * (y - level)^2. With weight = 1 / variance this is the log
                         likelihood at known sampling variance; with weight 1 the sum of squares */
    SEGMENT_POISSON,  /* y is Poisson of mean level * weight: the weight is an exposure */
    SEGMENT_NEGATIVE, /* y is negative binomial of mean level * weight and size theta * weight: what
                         is watched for longer varies less, and sums stay in the family */
};

struct segment_data {
    enum segment_family family;
    size_t count;
    const double *y;
    const double *weight; /* >= 0, 0: missing. NULL: 1 */
    double theta;         /* SEGMENT_NEGATIVE: dispersion, variance = mean + mean^2 / theta */
};

struct segment_model; /* prefix sums over what is not missing; arena */

/* Copies. ERR_NOMEM; ERR_USAGE for a number that is not finite, a negative weight or count, theta
 * <= 0, more than UINT32_MAX buckets. Data without a weight gives a model without observations. */
enum err segment_model_new(const struct segment_data *d, struct arena *arena,
                           const struct segment_model **out) MUST_USE;
size_t segment_observations(const struct segment_model *m);
/* Of the buckets [from, to) together. 0 when none of them was observed. */
double segment_cost(const struct segment_model *m, size_t from, size_t to);
/* Best level of the buckets; NAN when none was observed. */
double segment_level(const struct segment_model *m, size_t from, size_t to);

struct segmentation {
    size_t count;         /* changes: segments less one */
    const size_t *starts; /* bucket with which each segment but the first begins, ascending; never a
                             missing one */
    double cost;          /* sum over segments */
    double objective;     /* with penalties: what was minimised */
};

struct segment_search {
    double penalty;    /* for each change, >= 0 */
    size_t min_length; /* least observations of a segment; 0 counts as 1 */
    bool is_modified;  /* adds log(length / n) for each segment: with penalty 3 log n the modified
                          BIC (Zhang and Siegmund 2007) */
};

/* Segment neighbourhood (Auger and Lawrence 1989): the best partition with exactly k changes for
 * each k of 0..k_max into out[k]; those that do not fit (too short) have a cost of INFINITY.
 * O(k_max n^2) time, O(k_max n) memory. */
enum err segment_exact(const struct segment_model *m, size_t k_max, size_t min_length,
                       struct arena *arena, struct segmentation *out) MUST_USE;
/* Optimal partition (Jackson 2005): least cost + penalty * changes. O(n^2). The plain form, which
 * the tests hold PELT against. */
enum err segment_optimal(const struct segment_model *m, const struct segment_search *s,
                         struct arena *arena, struct segmentation *out) MUST_USE;
/* The same optimum by PELT (Killick, Fearnhead and Eckley 2012): candidates that can not win any
 * more are dropped. Near O(n) when there are many changes, never worse than segment_optimal. */
enum err segment_pelt(const struct segment_model *m, const struct segment_search *s,
                      struct arena *arena, struct segmentation *out) MUST_USE;

/* ---- penalties ---- */

double segment_penalty_bic(size_t n);      /* 2 log n: of a level and a date each */
double segment_penalty_modified(size_t n); /* 3 log n, with is_modified */
/* How much more the level of a stretch varies at autocorrelation rho than it would without: (1 +
 * rho) / (1 - rho). A penalty is multiplied by it; statistics are divided by it. rho is clipped to
 * [0, 0.95]. */
double segment_inflation(double rho);

/* All penalties of [low, high] at once: CROPS (Haynes, Eckley and Fearnhead 2017). items[0] is the
 * finest partition, that of `low`; each next one has fewer changes and is the best from its
 * `penalty` on. Needs about two runs of PELT for each item. */
struct segment_path {
    const struct segment_path_item {
        struct segmentation segmentation;
        double penalty; /* from here up to the next item's */
    } * items;
    size_t count;
};
/* `s` gives min_length and is_modified. At most `items_max` are kept, the coarsest. */
enum err segment_path(const struct segment_model *m, const struct segment_search *s, double low,
                      double high, size_t items_max, struct arena *arena,
                      struct segment_path *out) MUST_USE;
/* Where the path bends most: the item farthest below the straight line from the first to the last
 * in (changes, cost). The first for a path of fewer than three items. */
size_t segment_path_elbow(const struct segment_path *p);

/* ---- one change: is it real, and when was it ---- */

/* Greatest gain in cost of one change in [from, to), `min_length` observations on each side: twice
 * the log likelihood ratio (supLR). *start is the first bucket after it. 0 when it is too short. */
double segment_best_change(const struct segment_model *m, size_t from, size_t to, size_t min_length,
                           size_t *start);

/* supF of one change in the mean with `trim` of the observations kept on each side (Andrews 1993),
 * for SEGMENT_NORMAL. */
double segment_sup_f(const struct segment_model *m, double trim);

/* Dates [first, last] (buckets that may be the first of the new level) that hold `level` of the
 * normalised profile likelihood of one change in [from, to): the shortest set of dates, greatest
 * likelihood first, and its ends. The likelihood is taken to the power of 1 / inflation.
 * `posterior`, if not NULL, is for to - from numbers: the mass of each date. */
struct segment_dates {
    size_t first, last, best;
};
enum err segment_date_set(const struct segment_model *m, size_t from, size_t to, size_t min_length,
                          double inflation, double level, double *posterior, struct arena *arena,
                          struct segment_dates *out) MUST_USE;

/* The same for a line whose noise is an AR(1) process of known rho, from its exact likelihood at
 * the levels of [from, at) and [at, to): sharper than an inflated set, because a step shows in the
 * one bucket that its neighbour does not predict. ERR_USAGE when a side has no observation. */
struct segment_line {
    const double *y;        /* NAN: missing */
    const double *sampling; /* variance of each that is not the process's */
    double rho, variance;   /* of the process */
};
enum err segment_date_set_ar1(const struct segment_line *l, size_t from, size_t at, size_t to,
                              size_t min_length, double level, struct arena *arena,
                              struct segment_dates *out) MUST_USE;

/* Bai's interval (1997) of a change in the mean, which lets the variances of both sides differ, as
 * strucchange's confint has it: the last observation of the old level is in [low, high]. For
 * SEGMENT_NORMAL with equal weights. False when it can not be computed. */
bool segment_bai_interval(const double *y, size_t before, size_t count, double level, double *low,
                          double *high);

/* Significance of a change by a parametric bootstrap of supLR under no change. `draw` makes y for
 * a model like `d` under the null (the caller's noise: autocorrelated, counts) into y[0..count).
 * After each batch of simulations it stops when the outcome is clear. */
struct segment_null {
    const struct segment_data *data; /* of the stretch: weights, family, theta */
    size_t min_length;
    void (*draw)(void *arg, gsl_rng *rng, double *y, size_t count);
    void *arg;
    unsigned simulations; /* at most */
    double df; /* degrees of freedom that the variance of the noise is known with; 0: known */
};
/* *p is (1 + how many reached `statistic`) / (1 + simulations); *tail extrapolates below that: the
 * simulated values fitted by the tail of the greatest of so many F(1, df) (chi-squared) variables,
 * scaled. For sorting and for false discovery rates over many series, where
 * 1 / simulations would be too coarse. */
enum err segment_bootstrap(const struct segment_null *null, double statistic, gsl_rng *rng,
                           struct arena *arena, double *p, double *tail) MUST_USE;

#endif
