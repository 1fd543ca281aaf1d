/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Splitting a change into parts that add up to it exactly: shares of items, effects of factors
 * (LMDI-I, Shapley), rate against mix (Kitagawa), and the odds ratio that is common to strata
 * (Mantel-Haenszel). Plain numbers: nothing here knows of mail. METHODS B7. */
#ifndef STAT_DECOMPOSE_H
#define STAT_DECOMPOSE_H

#include "core/err.h"

#include <stddef.h>

/* share[i] = (after[i] - before[i]) / (sum of after - sum of before). They add up to 1; all NAN
 * when the sums are equal. */
void decompose_shares(const double *before, const double *after, size_t n, double *share);

/* The logarithmic mean (y - x) / ln(y / x); x when they are equal, 0 when one of them is 0. */
double log_mean(double x, double y);

/* LMDI-I, additive (Ang 2005): V = sum over items of the product over factors. `before` and
 * `after` hold items * factors numbers >= 0, by item. effect[k] is what factor k alone makes of
 * the change of V; the effects add up to it without a residual. Where an item is 0 on one side,
 * the limit for small values is taken (Ang and Liu 2007): its change goes to the factors that are
 * 0 there, in equal parts. */
void decompose_lmdi(const double *before, const double *after, size_t items, size_t factors,
                    double *effect);

enum { SHAPLEY_FACTORS_MAX = 12 }; /* 2^n values are asked for */

/* Shapley's value of each of n factors (1 to SHAPLEY_FACTORS_MAX): the mean, over all orders in
 * which the factors can change, of what factor k's change adds. `value` gives V with the factors
 * of `changed` (bit k: factor k) after the change and the others before. The effects add up to
 * value(all) - value(0). ERR_NOMEM. */
enum err decompose_shapley(size_t n, double (*value)(void *arg, unsigned changed), void *arg,
                           double *effect) MUST_USE;

struct kitagawa {
    double crude;        /* sum of weight * rate after, minus the same before */
    double rate;         /* by rates that changed inside of strata, at the mean weights */
    double mix;          /* by weights that changed, at the mean rates; rate + mix = crude */
    double standardised; /* rates changed at the weights of before: direct standardisation */
};
/* Kitagawa (1955). Weights of strata add up to 1 on each side; a rate of a stratum that has
 * weight 0 on its side is not used: it is taken to be that of the other side. */
struct kitagawa decompose_kitagawa(const double *weight_before, const double *rate_before,
                                   const double *weight_after, const double *rate_after, size_t n);

/* One 2x2 table: a, b in the first row, c, d in the second. */
struct stratum {
    double a, b, c, d;
};
struct mantel_haenszel {
    double odds_ratio;
    double low, high;  /* 95 %, Robins, Breslow and Greenland (1986) */
    double chi2, p;    /* with continuity correction, one degree of freedom */
    double crude_odds; /* of the tables added up */
};
/* All NAN when the strata hold nothing to compare. */
struct mantel_haenszel decompose_mantel_haenszel(const struct stratum *strata, size_t n);

#endif
