/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stat/decompose.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

static const double Z95 = 1.959963984540054;

void decompose_shares(const double *before, const double *after, size_t n, double *share)
{
    double change = 0.0;
    for (size_t i = 0; i < n; i++) {
        change += after[i] - before[i];
    }
    for (size_t i = 0; i < n; i++) {
        share[i] = change != 0.0 ? (after[i] - before[i]) / change : NAN;
    }
}

double log_mean(double x, double y)
{
    if (x <= 0.0 || y <= 0.0) {
        return 0.0;
    }
    double d = (y - x) / x;
    /* log1p keeps the digits that y - x has when the two are close, and loses those of a small y.
     */
    return d == 0.0 ? x : (y - x) / (fabs(d) < 0.5 ? log1p(d) : log(y / x));
}

/* An item that is 0 on one side only: its whole change goes to the factors that are 0 there. */
static void item_from_zero(const double *zero_side, double change, size_t factors, double *effect)
{
    size_t zeros = 0;
    for (size_t k = 0; k < factors; k++) {
        zeros += zero_side[k] <= 0.0;
    }
    for (size_t k = 0; k < factors; k++) {
        if (zero_side[k] <= 0.0) {
            effect[k] += change / (double)zeros;
        }
    }
}

static double product(const double *x, size_t n)
{
    double p = 1.0;
    for (size_t k = 0; k < n; k++) {
        p *= x[k];
    }
    return p;
}

void decompose_lmdi(const double *before, const double *after, size_t items, size_t factors,
                    double *effect)
{
    for (size_t k = 0; k < factors; k++) {
        effect[k] = 0.0;
    }
    for (size_t i = 0; i < items; i++) {
        const double *x = before + i * factors, *y = after + i * factors;
        double v0 = product(x, factors), v1 = product(y, factors);
        if (v0 > 0.0 && v1 > 0.0) {
            double weight = log_mean(v0, v1);
            for (size_t k = 0; k < factors; k++) {
                effect[k] += weight * log(y[k] / x[k]);
            }
        } else if (v0 > 0.0 || v1 > 0.0) {
            item_from_zero(v0 > 0.0 ? y : x, v1 - v0, factors, effect);
        }
    }
}

enum err decompose_shapley(size_t n, double (*value)(void *arg, unsigned changed), void *arg,
                           double *effect)
{
    double weight[SHAPLEY_FACTORS_MAX]; /* by the number of factors that changed before */
    if (n == 0 || n > SHAPLEY_FACTORS_MAX) {
        panic("decompose_shapley: %zu factors", n);
    }
    size_t subsets = (size_t)1 << n;
    double *v = malloc(subsets * sizeof *v);
    if (!v) {
        return ERR_NOMEM;
    }
    for (size_t s = 0; s < subsets; s++) {
        v[s] = value(arg, (unsigned)s);
    }
    /* |S|! (n - |S| - 1)! / n! */
    weight[0] = 1.0 / (double)n;
    for (size_t k = 1; k < n; k++) {
        weight[k] = weight[k - 1] * (double)k / (double)(n - k);
    }
    for (size_t k = 0; k < n; k++) {
        effect[k] = 0.0;
        for (size_t s = 0; s < subsets; s++) {
            if (!(s >> k & 1)) {
                int changed = __builtin_popcountll(s);
                effect[k] += weight[changed] * (v[s | (size_t)1 << k] - v[s]);
            }
        }
    }
    free(v);
    return OK;
}

struct kitagawa decompose_kitagawa(const double *weight_before, const double *rate_before,
                                   const double *weight_after, const double *rate_after, size_t n)
{
    struct kitagawa k = {0};
    for (size_t i = 0; i < n; i++) {
        double w0 = weight_before[i], w1 = weight_after[i];
        double r0 = w0 > 0.0 ? rate_before[i] : rate_after[i];
        double r1 = w1 > 0.0 ? rate_after[i] : rate_before[i];
        if (w0 <= 0.0 && w1 <= 0.0) {
            continue;
        }
        k.crude += w1 * r1 - w0 * r0;
        k.rate += (w0 + w1) / 2.0 * (r1 - r0);
        k.mix += (r0 + r1) / 2.0 * (w1 - w0);
        k.standardised += w0 * (r1 - r0);
    }
    return k;
}

/* The sums that estimate, interval and test are made of. */
struct mh_sums {
    double r, s;          /* of ad/n and bc/n */
    double pr, ps_qr, qs; /* Robins, Breslow and Greenland's three */
    double a, expected, variance;
    double crude_ad[2], crude_bc[2];
};

static void mh_add(struct mh_sums *m, const struct stratum *t)
{
    double n = t->a + t->b + t->c + t->d;
    if (n <= 0.0) {
        return;
    }
    double r = t->a * t->d / n, s = t->b * t->c / n;
    double p = (t->a + t->d) / n, q = (t->b + t->c) / n;
    m->r += r;
    m->s += s;
    m->pr += p * r;
    m->ps_qr += p * s + q * r;
    m->qs += q * s;
    if (n > 1.0) { /* the hypergeometric variance has n - 1 below it */
        double row = t->a + t->b, column = t->a + t->c;
        m->a += t->a;
        m->expected += row * column / n;
        m->variance += row * (n - row) * column * (n - column) / (n * n * (n - 1.0));
    }
    m->crude_ad[0] += t->a;
    m->crude_ad[1] += t->d;
    m->crude_bc[0] += t->b;
    m->crude_bc[1] += t->c;
}

struct mantel_haenszel decompose_mantel_haenszel(const struct stratum *strata, size_t n)
{
    struct mh_sums m = {0};
    for (size_t i = 0; i < n; i++) {
        mh_add(&m, &strata[i]);
    }
    if (m.r <= 0.0 || m.s <= 0.0 || m.variance <= 0.0) {
        return (struct mantel_haenszel){NAN, NAN, NAN, NAN, NAN, NAN};
    }
    double log_odds = log(m.r / m.s);
    double se =
        sqrt(m.pr / (2.0 * m.r * m.r) + m.ps_qr / (2.0 * m.r * m.s) + m.qs / (2.0 * m.s * m.s));
    double off = fabs(m.a - m.expected);
    off = off > 0.5 ? off - 0.5 : 0.0;
    double chi2 = off * off / m.variance;
    return (struct mantel_haenszel){
        .odds_ratio = exp(log_odds),
        .low = exp(log_odds - Z95 * se),
        .high = exp(log_odds + Z95 * se),
        .chi2 = chi2,
        .p = gsl_cdf_chisq_Q(chi2, 1.0),
        .crude_odds = m.crude_ad[0] * m.crude_ad[1] / (m.crude_bc[0] * m.crude_bc[1]),
    };
}
