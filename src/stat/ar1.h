/* SPDX-License-Identifier: GPL-3.0-or-later */
/* First-order autocorrelation of a series with level shifts and gaps, and the series without it. */
#ifndef STAT_AR1_H
#define STAT_AR1_H

#include "core/arena.h"

/* The lag-1 correlation, from mean squares of differences over one and two steps, of which each
 * the greatest twentieth is left out: V2 / V1 - 1, which a level that shifts now and then hardly
 * moves (plain autocorrelation takes every shift for correlation). Of a series of n its standard
 * error is about sqrt(2 / n). Within [-0.5, 0.9]; 0 for fewer than 20 differences. NAN in `x`:
 * missing. ERR_NOMEM only. */
enum err ar1_estimate(const double *x, size_t count, struct arena *arena, double *rho) MUST_USE;

/* White levels: (x[t] - r x[t - g]) / (1 - r) with r = rho^g, g steps since the last known value
 * (INFINITY for the first). Their mean is the level of x, also after a shift but for its first
 * day, which stands out by 1 / (1 - r); variance[t] is theirs over that of x, (1 + r) / (1 - r).
 * NAN where x is. */
void ar1_whiten(const double *x, size_t count, double rho, double *white, double *variance);

#endif
