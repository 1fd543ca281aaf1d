/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The size of a step between two stretches of a line of counts: a ratio of means with its
 * interval. Counts are Poisson about a level that varies from bucket to bucket in an autocorrelated
 * way (Zeger 1988: a latent AR(1) process, which gives NB2's variance, mean + variance * mean^2).
 * Plain numbers. */
#ifndef STAT_STEP_H
#define STAT_STEP_H

#include "core/arena.h"

#include <gsl/gsl_rng.h>

struct step_data {
    const double *y;        /* counts of the line */
    const double *exposure; /* mean = level * exposure; 0: missing. NULL: 1 */
    size_t before_from, before_to, after_from, after_to; /* the stretches, [from, to) */
    double rho;      /* autocorrelation of the latent process from one bucket to the next; NAN:
                        from these buckets */
    double variance; /* of the latent process, relative to the level (1 / theta); NAN: from
                        these buckets */
    double noise_df; /* on how many observations rho and variance were estimated, if given */
};

struct step {
    double before, after; /* levels a bucket; NAN when nothing of the stretch was observed */
    double ratio;         /* after / before; INFINITY from nothing, NAN when unknown */
    double low, high;     /* 95 %; 0 and INFINITY where there is no bound */
    double log_se;        /* standard error of log(ratio); INFINITY when a stretch has no counts */
    double rho, variance, df;
};

/* From Zeger's quasi-likelihood: exact variance of both means at rho, moments for variance and
 * rho with the bias of removed means taken out, Student's t with as many degrees of freedom as the
 * stretches have independent values. */
void step_estimate(const struct step_data *d, struct step *out);

/* The same by the moving block bootstrap (Kuensch 1989): blocks of `block` buckets drawn from each
 * stretch, circularly. Without assumptions about the autocorrelation, but wants stretches of many
 * blocks. ERR_NOMEM only. */
enum err step_bootstrap(const struct step_data *d, size_t block, unsigned simulations, gsl_rng *rng,
                        struct arena *arena, struct step *out) MUST_USE;

/* ---- noise of a line whatever its steps ---- */

/* Autocorrelation and variance of a line of logarithms with level shifts, from its differences over
 * 1 to 8 buckets (after Chakar et al. 2017, with clipped squares instead of medians): a few shifts
 * and outliers do not move them. NAN entries are missing. `sampling` is the variance of each entry
 * that is not the latent process's (1 / count); NULL: 0. rho is in [0, 0.95], drawn towards 0.4 as
 * if by 12 more observations (the more so the more of the line is sampling); *df is about how many
 * independent observations the estimates are worth. False with too few observations (under 10) or
 * out of memory. */
bool step_noise(const double *line, const double *sampling, size_t count, struct arena *arena,
                double *rho, double *variance, double *df);

#endif
