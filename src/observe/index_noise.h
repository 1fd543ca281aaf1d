/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How far traps and sites see different things on the same day: variance components of the
 * residuals of a two-way fit, by moments. The effective sample is sites, not traps (METHODS 0.4):
 * what one operator's lists do, all its traps share. Private to observe/index*.c. */
#ifndef OBSERVE_INDEX_NOISE_H
#define OBSERVE_INDEX_NOISE_H

#include "observe/index.h"

/* Relative noise of a count around mean * (what all traps share):
 *   of a cell  s / mean + trap_var,  of a site  site_var, with correlation rho^k over k steps. */
struct index_noise {
    double s, trap_var, site_var, rho;
    bool has_sites; /* two sites or more were compared */
    double df;      /* of the components together, for Student's t */
};

/* Sums over columns that are added one by one. */
struct index_noise_sums {
    size_t sites;
    double *site_mean, *site_count, *site_square; /* work, by site */
    size_t *site_traps;
    double *last;      /* by site: residual of the column before; NAN: none */
    double trap[2][3]; /* two weightings: square, coefficient of s, of trap_var */
    double site_squares, site_s, site_trap, site_site; /* site level: square, coefficients */
    double lag_product, lag_weight;
    size_t columns;
    double cells, pairs;
};

enum err index_noise_begin(struct index_noise_sums *n, size_t sites, struct arena *arena) MUST_USE;
/* One column: the counts and fitted means of the traps (mean 0: not watched). `keep`: part of the
 * residuals' variance that fitting the traps' sizes has left, 1 - 1/window. */
void index_noise_add(struct index_noise_sums *n, size_t traps, const size_t *site,
                     const double *count, const double *mean, double keep);
struct index_noise index_noise_end(const struct index_noise_sums *n);

#endif
