/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Generalised linear models of counts with log link, fitted by iteratively reweighted least
 * squares (McCullagh and Nelder 1989, 2.5). Plain numbers: nothing here knows of mail. */
#ifndef STAT_GLM_H
#define STAT_GLM_H

#include "core/arena.h"

enum glm_family {
    GLM_POISSON,  /* variance = mean; quasi-Poisson standard errors are se * sqrt(dispersion) */
    GLM_NEGATIVE, /* NB2: variance = mean + mean^2 / theta, theta by maximum likelihood as
                     MASS::glm.nb does */
};

struct glm_data {
    size_t rows, columns;
    const double *x;      /* rows * columns, by row; the caller adds the column of ones */
    const double *y;      /* counts, >= 0 */
    const double *offset; /* on the log scale; NULL: 0 */
    const double *weight; /* prior weights, >= 0 (0: the row is missing); NULL: 1 */
};

struct glm_fit {
    const double *beta;       /* columns; an aliased column has 0 */
    const double *se;         /* model-based (dispersion 1); NAN for an aliased column */
    const double *covariance; /* columns * columns, of beta */
    const double *mean;       /* rows: fitted values */
    const double *leverage;   /* rows: diagonal of the hat matrix */
    double deviance, pearson; /* over rows of weight > 0 */
    size_t df;                /* of residuals */
    double dispersion;        /* pearson / df, the quasi-Poisson phi */
    double log_likelihood, aic;
    double theta, theta_se; /* GLM_NEGATIVE; INFINITY and NAN when it fell back */
    unsigned iterations;
    bool is_converged;
    bool is_poisson; /* GLM_NEGATIVE on data without overdispersion: theta does not converge, and
                        the fit is the Poisson one */
};

/* Fits. Arena. ERR_USAGE when there is nothing to fit (no rows of weight, a bad number), ERR_NOMEM.
 * Not converging is not an error: is_converged says so. */
enum err glm_fit(enum glm_family family, const struct glm_data *data, struct arena *arena,
                 struct glm_fit *out) MUST_USE;

#endif
