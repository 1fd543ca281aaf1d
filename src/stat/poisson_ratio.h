/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The ratio of two Poisson rates, exactly: given their sum, one of the counts is binomial
 * (Przyborowski and Wilenski 1940; Clopper and Pearson 1934). For counts so small that a standard
 * error of the logarithm means nothing, 0 among them. */
#ifndef STAT_POISSON_RATIO_H
#define STAT_POISSON_RATIO_H

struct poisson_ratio {
    double ratio;     /* of a's rate to b's; INFINITY when b is 0, NAN when both are */
    double low, high; /* 95 % interval, 0 to INFINITY */
    double p;         /* two-sided, of equal rates: all outcomes that are not more likely */
};

/* Counts a and b (>= 0) over exposures > 0. Counts need not be whole, so that over-dispersed ones
 * can be given as count / dispersion; p is then that of the counts rounded. */
struct poisson_ratio poisson_ratio(double a, double a_exposure, double b, double b_exposure);

#endif
