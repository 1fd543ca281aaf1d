/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stat/wilson.h"

#include <math.h>

/* 0.975 quantile of the normal distribution. */
static const double Z = 1.959963984540054;

struct interval wilson_95(uint64_t k, uint64_t n)
{
    if (!n) {
        return (struct interval){NAN, NAN};
    }
    double trials = (double)n;
    double p = k < n ? (double)k / trials : 1.0;
    double scale = 1.0 + Z * Z / trials;
    double centre = (p + Z * Z / (2.0 * trials)) / scale;
    double half = Z * sqrt(p * (1.0 - p) / trials + Z * Z / (4.0 * trials * trials)) / scale;
    /* At the ends the formula gives 0 and 1 exactly but for rounding. */
    struct interval i = {
        k == 0 ? 0.0 : fmin(fmax(centre - half, 0.0), p),
        k >= n ? 1.0 : fmax(fmin(centre + half, 1.0), p),
    };
    return i;
}
