/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cumulative sums (Page 1954) of standard normal values: S = max(0, S + z - k), alarm when S > h.
 * Run lengths are exact, from the integral equation (Brook and Evans 1972 by Gauss-Legendre
 * quadrature, as spc::xcusum.arl has it). For a drop feed it -z. */
#ifndef STAT_CUSUM_H
#define STAT_CUSUM_H

#include "core/arena.h"

/* Mean number of values to the alarm, when each has mean `shift` and S begins at 0. One-sided, and
 * both sides together (alarm when either is past h). k > 0, h >= 0. NAN when out of memory. */
double cusum_arl(double k, double h, double shift);
double cusum_arl_two_sided(double k, double h, double shift);

enum { CUSUM_TAIL_NODES = 96 };

/* A one-sided chart for one shift and run length; plain data. */
struct cusum_design {
    double k, h;
    double arl0; /* in control, one-sided: as asked, to 1e-9 */
    double node[CUSUM_TAIL_NODES], weight[CUSUM_TAIL_NODES]; /* of cusum_tail */
};

/* The chart that is quickest for a shift by `shift` standard deviations (k = shift / 2) among those
 * with mean run length `arl0` in control. A shift so great that one value tells (k past the
 * quantile of 1 - 1 / arl0) gives h = 0 and that quantile as k: Shewhart's chart. ERR_USAGE unless
 * 0.2 <= shift and 2 <= arl0 <= 1e5. */
enum err cusum_design(double shift, double arl0, struct cusum_design *out) MUST_USE;

/* P(S >= s) in control after a long time without a reset: the p-value of a chart's state. */
double cusum_tail(const struct cusum_design *d, double s);

/* Standard normal values out of values of unknown mean and variance: self-starting (Hawkins
 * 1987). Each value is held against mean and variance of those before it; the t quantile becomes
 * a normal one, so that the z are independent and standard normal in control from the third value
 * on, and run lengths hold although nothing is known beforehand. */
struct cusum_start {
    double mean, weight; /* of the present level; weight: sum of 1 / variance */
    double square, df;   /* over all levels so far: sum of weighted squares, degrees of freedom */
    size_t count;        /* values of the present level */
};

/* z of the next value, whose variance is `variance` times that of a value of 1; then takes it up.
 * NAN while fewer than `least` values of the level or 2 degrees of freedom are there. */
double cusum_start_next(struct cusum_start *s, double x, double variance, size_t least);

/* Another level begins: forgets the mean, keeps the variance. */
void cusum_start_level(struct cusum_start *s);

#endif
