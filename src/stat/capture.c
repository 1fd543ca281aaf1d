/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two lists, and how often each was seen. Several lists are in capture_lists.c. */
#include "stat/capture.h"

#include <math.h>

static const double Z95 = 1.959963984540054;
static const double CHI2_95 = 3.841458820694124; /* one degree of freedom */

static const struct capture NONE = {NAN, NAN, NAN, NAN};

/* The interval of Chao (1987): the unseen are about log-normal. */
static struct capture capture_make(double seen, double n, double variance)
{
    double unseen = n - seen;
    struct capture c = {n, sqrt(variance), n, n};
    if (unseen > 0.0) {
        double factor = exp(Z95 * sqrt(log1p(variance / (unseen * unseen))));
        c.low = seen + unseen / factor;
        c.high = seen + unseen * factor;
    }
    return c;
}

struct capture capture_lincoln_petersen(double first, double second, double both)
{
    if (!(both > 0.0)) {
        return NONE;
    }
    double variance = first * second * (first - both) * (second - both) / (both * both * both);
    return capture_make(first + second - both, first * second / both, variance);
}

struct capture capture_chapman(double first, double second, double both)
{
    double n = (first + 1.0) * (second + 1.0) / (both + 1.0) - 1.0;
    double variance = (first + 1.0) * (second + 1.0) * (first - both) * (second - both) /
                      ((both + 1.0) * (both + 1.0) * (both + 2.0));
    if (!(first + second > 0.0)) {
        return NONE;
    }
    return capture_make(first + second - both, n, variance);
}

static double counts_seen(const struct capture_counts *c)
{
    double seen = c->beyond;
    for (size_t k = 1; k < c->n; k++) {
        seen += c->frequency[k];
    }
    return seen;
}

static double counts_sum(const struct capture_counts *c)
{
    double sum = c->beyond_sum;
    for (size_t k = 1; k < c->n; k++) {
        sum += (double)k * c->frequency[k];
    }
    return sum;
}

struct capture capture_chao(const struct capture_counts *c)
{
    double seen = counts_seen(c);
    double f1 = c->n > 1 ? c->frequency[1] : 0.0, f2 = c->n > 2 ? c->frequency[2] : 0.0;
    if (!(seen > 0.0)) {
        return NONE;
    }
    double unseen = f1 > 1.0 ? f1 * (f1 - 1.0) / (2.0 * (f2 + 1.0)) : 0.0;
    double g = f2 + 1.0;
    double variance = f1 > 1.0 ? f1 * (f1 - 1.0) / (2.0 * g) +
                                     f1 * (2.0 * f1 - 1.0) * (2.0 * f1 - 1.0) / (4.0 * g * g) +
                                     f1 * f1 * f2 * (f1 - 1.0) * (f1 - 1.0) / (4.0 * g * g * g * g)
                               : 0.0;
    return capture_make(seen, seen + unseen, variance);
}

/* ---- zero-truncated counts ---- */

/* Probability of at least one when the mean is `mean`. */
static double seen_probability(double mean, double shape)
{
    return isinf(shape) ? -expm1(-mean) : -expm1(-shape * log1p(mean / shape));
}

/* The mean of all whose mean of those seen is `seen_mean` (> 1): what increases with the mean is
 * bisected, because Newton's steps leave the range for small shapes. 0 when there is none. */
static double mean_solve(double seen_mean, double shape)
{
    double low = 1e-12, high = seen_mean;
    if (low / seen_probability(low, shape) >= seen_mean) {
        return 0.0;
    }
    for (int i = 0; i < 200 && high - low > 1e-15 * high; i++) {
        double middle = (low + high) / 2.0;
        if (middle / seen_probability(middle, shape) < seen_mean) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return (low + high) / 2.0;
}

static double log_probability(double count, double mean, double shape)
{
    if (isinf(shape)) {
        return count * log(mean) - mean - lgamma(count + 1.0);
    }
    return lgamma(count + shape) - lgamma(shape) - lgamma(count + 1.0) +
           count * log(mean / (mean + shape)) - shape * log1p(mean / shape);
}

static double log_likelihood(const struct capture_counts *c, double mean, double shape)
{
    double sum = -counts_seen(c) * log(seen_probability(mean, shape));
    for (size_t k = 1; k < c->n; k++) {
        if (c->frequency[k] > 0.0) {
            sum += c->frequency[k] * log_probability((double)k, mean, shape);
        }
    }
    if (c->beyond > 0.0) { /* as if all of them were at their mean */
        sum += c->beyond * log_probability(c->beyond_sum / c->beyond, mean, shape);
    }
    return sum;
}

static struct capture_truncated truncated_none(void)
{
    return (struct capture_truncated){NONE, NAN, NAN, NAN, NAN};
}

/* The best fit of one shape. */
static struct capture_truncated truncated_at(const struct capture_counts *c, double shape)
{
    double seen = counts_seen(c);
    double mean = seen > 0.0 ? mean_solve(counts_sum(c) / seen, shape) : 0.0;
    if (!(mean > 0.0)) {
        return truncated_none();
    }
    struct capture_truncated t = {
        .mean = mean,
        .shape = shape,
        .seen = seen_probability(mean, shape),
        .log_likelihood = log_likelihood(c, mean, shape),
    };
    double n = seen / t.seen;
    /* Poisson: N / (e^m - 1 - m) (Sanathanan 1977). Else the same form: the information that the
     * truncated counts hold on the mean, from the second derivative by the mean equation. */
    double step = mean * 1e-4;
    double upper = (mean + step) / seen_probability(mean + step, shape);
    double lower = (mean - step) / seen_probability(mean - step, shape);
    double slope = (upper - lower) / (2.0 * step); /* of the seen mean by the mean */
    double variance_all = isinf(shape) ? mean : mean + mean * mean / shape;
    double seen_mean = mean / t.seen;
    double variance_seen = (variance_all + mean * mean) / t.seen - seen_mean * seen_mean;
    double mean_variance = variance_seen / (seen * slope * slope);
    double p_slope = (seen_probability(mean + step, shape) - seen_probability(mean - step, shape)) /
                     (2.0 * step);
    double variance =
        n * (1.0 - t.seen) / t.seen + n * n * p_slope * p_slope / (t.seen * t.seen) * mean_variance;
    t.n = capture_make(seen, n, variance);
    return t;
}

struct capture_truncated capture_truncated_poisson(const struct capture_counts *c)
{
    return truncated_at(c, INFINITY);
}

/* Where the profile log likelihood falls to `target`, between a shape above it and one below it
 * (as logarithms). */
static double profile_end(const struct capture_counts *c, double inside, double outside,
                          double target)
{
    for (int i = 0; i < 50; i++) {
        double middle = (inside + outside) / 2.0;
        if (truncated_at(c, exp(middle)).log_likelihood >= target) {
            inside = middle;
        } else {
            outside = middle;
        }
    }
    return inside;
}

struct capture_truncated capture_truncated_negative(const struct capture_counts *c)
{
    static const double LOWEST = -5.0, HIGHEST = 8.0; /* log shape; past that it is Poisson */
    static const double GOLDEN = 0.6180339887498949;
    struct capture_truncated poisson = capture_truncated_poisson(c);
    double a = LOWEST, b = HIGHEST;
    if (!(poisson.mean > 0.0)) {
        return poisson;
    }
    while (b - a > 1e-7) {
        double x = b - GOLDEN * (b - a), y = a + GOLDEN * (b - a);
        double fx = truncated_at(c, exp(x)).log_likelihood;
        double fy = truncated_at(c, exp(y)).log_likelihood;
        if (!(fx >= fy)) { /* also when x is so small that there is no mean */
            a = x;
        } else {
            b = y;
        }
    }
    double best = (a + b) / 2.0;
    struct capture_truncated t = truncated_at(c, exp(best));
    if (!(t.log_likelihood > poisson.log_likelihood + 1e-6)) {
        return poisson;
    }
    double target = t.log_likelihood - CHI2_95 / 2.0;
    if (best < LOWEST + 0.01 || truncated_at(c, exp(LOWEST)).log_likelihood >= target) {
        return truncated_none(); /* no upper limit of n */
    }
    struct capture_truncated wide = truncated_at(c, exp(profile_end(c, best, LOWEST, target)));
    struct capture_truncated narrow =
        poisson.log_likelihood >= target
            ? poisson
            : truncated_at(c, exp(profile_end(c, best, HIGHEST, target)));
    t.n.low = fmin(t.n.low, narrow.n.n);
    t.n.high = fmax(t.n.high, wide.n.n);
    return t;
}
