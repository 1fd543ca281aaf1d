/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stat/poisson_ratio.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>
#include <math.h>
#include <stdbool.h>

static const double TAIL = 0.025;
/* Outcomes as likely as what was seen must not fall out by rounding (as R's binom.test has it). */
static const double AS_LIKELY = 1.0 + 1e-7;
/* Past it exact and normal agree to six figures, and GSL's search for a quantile does not end. */
static const double EXACT_MAX = 1e6;
static const double Z = 1.959963984540054; /* 0.975 quantile of the normal distribution */

static double odds(double p)
{
    return p < 1.0 ? p / (1.0 - p) : INFINITY;
}

/* The first of the outcomes over the mean, 0 to n + 1, that is not more likely than x: from the
 * mean on they become ever less likely. */
static unsigned other_side(unsigned x, unsigned n, double p)
{
    double most = gsl_ran_binomial_pdf(x, p, n) * AS_LIKELY;
    unsigned low = (unsigned)ceil((double)n * p), high = n + 1;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (gsl_ran_binomial_pdf(middle, p, n) <= most) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

/* Of x out of n, x at or under the mean. */
static double two_sided(unsigned x, unsigned n, double p)
{
    if (!((double)x < (double)n * p)) {
        return 1.0;
    }
    unsigned y = other_side(x, n, p);
    return fmin(gsl_cdf_binomial_P(x, p, n) + gsl_cdf_binomial_Q(y - 1, p, n), 1.0);
}

static struct poisson_ratio normal_ratio(double a, double b, double ratio, double p)
{
    double half = Z * sqrt(1.0 / a + 1.0 / b);
    double z = (a - (a + b) * p) / sqrt((a + b) * p * (1.0 - p));
    return (struct poisson_ratio){ratio, ratio * exp(-half), ratio * exp(half),
                                  2.0 * gsl_cdf_ugaussian_Q(fabs(z))};
}

struct poisson_ratio poisson_ratio(double a, double a_exposure, double b, double b_exposure)
{
    double scale = b_exposure / a_exposure, p = a_exposure / (a_exposure + b_exposure);
    if (a > 0.0 && b > 0.0 && a + b > EXACT_MAX) {
        return normal_ratio(a, b, a / b * scale, p);
    }
    double low = 0.0, high = 1.0;
    if (a > 0.0) {
        low = b > 0.0 ? gsl_cdf_beta_Pinv(TAIL, a, b + 1.0) : pow(TAIL, 1.0 / a);
    }
    if (b > 0.0) { /* of a = 0 without cancelling: 1 - TAIL^(1/b) */
        high = a > 0.0 ? gsl_cdf_beta_Qinv(TAIL, a + 1.0, b) : -expm1(log(TAIL) / b);
    }
    struct poisson_ratio r = {
        .ratio = a / b * scale, .low = odds(low) * scale, .high = odds(high) * scale, .p = NAN};
    double x = round(a), y = round(b);
    if (x + y <= EXACT_MAX) {
        bool is_low = x <= (x + y) * p;
        r.p = two_sided((unsigned)(is_low ? x : y), (unsigned)(x + y), is_low ? p : 1.0 - p);
    }
    return r;
}
