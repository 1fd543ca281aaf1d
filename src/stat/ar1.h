/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A line without its first-order autocorrelation (which stat/step.h's step_noise estimates). */
#ifndef STAT_AR1_H
#define STAT_AR1_H

#include <stddef.h>

/* White levels: (x[t] - r x[t - g]) / (1 - r) with r = rho^g, g steps since the last known value
 * (INFINITY for the first). Their mean is the level of x, also after a shift but for its first
 * day, which stands out by 1 / (1 - r); variance[t] is theirs over that of x, (1 + r) / (1 - r).
 * NAN where x is. */
void ar1_whiten(const double *x, size_t count, double rho, double *white, double *variance);

#endif
