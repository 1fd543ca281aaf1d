/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stat/ar1.h"

#include <math.h>
#include <stdint.h>

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
