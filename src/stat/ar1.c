/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stat/ar1.h"

#include <gsl/gsl_sort.h>
#include <math.h>

enum { DIFFERENCES_MIN = 20 };

static const double KEPT = .95, RHO_MIN = -.5, RHO_MAX = .9;

/* Mean square of differences over `lag` steps, the greatest left out. NAN when there are few. */
static double mean_square(const double *x, size_t count, size_t lag, double *scratch)
{
    size_t n = 0;
    for (size_t i = lag; i < count; i++) {
        double d = x[i] - x[i - lag];
        if (!isnan(d)) {
            scratch[n++] = d * d;
        }
    }
    if (n < DIFFERENCES_MIN) {
        return (double)NAN;
    }
    gsl_sort(scratch, 1, n);
    size_t kept = (size_t)ceil((double)n * KEPT);
    double sum = 0.0;
    for (size_t i = 0; i < kept; i++) {
        sum += scratch[i];
    }
    return sum / (double)kept;
}

enum err ar1_estimate(const double *x, size_t count, struct arena *arena, double *rho)
{
    double *scratch = arena_calloc(arena, count + 1, sizeof *scratch);
    if (!scratch) {
        return ERR_NOMEM;
    }
    double one = mean_square(x, count, 1, scratch), two = mean_square(x, count, 2, scratch);
    bool is_known = one > 0.0 && two >= 0.0;
    *rho = is_known ? fmin(fmax(two / one - 1.0, RHO_MIN), RHO_MAX) : 0.0;
    return OK;
}

void ar1_whiten(const double *x, size_t count, double rho, double *white, double *variance)
{
    size_t last = SIZE_MAX;
    for (size_t i = 0; i < count; i++) {
        double r = last == SIZE_MAX ? 0.0 : pow(rho, (double)(i - last));
        variance[i] = (1.0 + r) / (1.0 - r);
        if (isnan(x[i])) {
            white[i] = (double)NAN;
            continue;
        }
        white[i] = last == SIZE_MAX ? x[i] : (x[i] - r * x[last]) / (1.0 - r);
        last = i;
    }
}
