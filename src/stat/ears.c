/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stat/ears.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>

enum { GAP = 2, RUN = 2 }; /* days between baseline and day of C2; days before that C3 adds */

/* How many standard deviations a day is past its C2 mean, less the one that is normal; 0 when not
 * so, NAN when a day is missing. */
static double excess(const double *base, double y, double side)
{
    double mean = gsl_stats_mean(base, 1, EARS_BASELINE);
    double sd = gsl_stats_sd_m(base, 1, EARS_BASELINE, mean);
    double apart = side * (y - mean);
    if (isnan(apart) || isnan(sd)) {
        return (double)NAN;
    }
    return apart > sd ? apart / sd - 1.0 : 0.0;
}

struct ears ears_at(const double *y, size_t now, enum ears_method method, double alpha)
{
    size_t gap = method == EARS_C1 ? 0 : GAP, run = method == EARS_C3 ? RUN : 0;
    struct ears e = {.lower = (double)NAN, .upper = (double)NAN};
    if (now < EARS_BASELINE + gap + run || isnan(y[now])) {
        return e;
    }
    const double *base = y + now - gap - EARS_BASELINE;
    double mean = gsl_stats_mean(base, 1, EARS_BASELINE);
    double sd = gsl_stats_sd_m(base, 1, EARS_BASELINE, mean);
    double z = gsl_cdf_ugaussian_Qinv(alpha), high = 0.0, low = 0.0;
    for (size_t d = 1; d <= run; d++) {
        high += excess(base - d, y[now - d], 1.0);
        low += excess(base - d, y[now - d], -1.0);
    }
    if (isnan(mean + sd + high + low)) {
        return e;
    }
    if (method == EARS_C3) {
        /* What the day would have to be for the three days' sum to pass z. */
        e.upper = fmax(y[now] + sd * (z - high), 0.0);
        e.lower = y[now] - sd * (z - low);
    } else {
        e.upper = mean + z * sd;
        e.lower = mean - z * sd;
    }
    e.is_high = y[now] > e.upper;
    e.is_low = y[now] < e.lower;
    return e;
}
