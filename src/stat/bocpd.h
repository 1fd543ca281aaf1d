/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bayesian online change point detection (Adams and MacKay 2007): after each value the posterior of
 * when the present level began. Runs are named by the step they began at; a run that is less
 * probable than `prune` is dropped. */
#ifndef STAT_BOCPD_H
#define STAT_BOCPD_H

#include "core/arena.h"

/* A level's prior. Both are conjugate: what is predicted is Student's t and negative binomial. */
enum bocpd_kind {
    BOCPD_NORMAL, /* mean and variance unknown: Normal-Gamma (mean, kappa, alpha, beta) */
    BOCPD_COUNT, /* rate unknown: Poisson-Gamma (alpha, beta); the prediction of a count is negative
                    binomial */
};
struct bocpd_model {
    enum bocpd_kind kind;
    double mean, kappa; /* BOCPD_NORMAL: of the level; kappa in values */
    double alpha, beta; /* of the precision; of the rate, beta in exposure */
    double dispersion;  /* BOCPD_COUNT: variance over mean of one level (1: Poisson). Counts and
                           exposure are divided by it (quasi-likelihood), so that the scatter of an
                           overdispersed level is no change. 0: 1 */
    double hazard;      /* P(a step begins a new level) */
    double prune;       /* 0: nothing is dropped */
    size_t steps_max;
};

struct bocpd;

/* Arena. NULL when out of memory. */
struct bocpd *bocpd_new(const struct bocpd_model *m, struct arena *arena);

/* The next step. `x`: the value or count, NAN when missing (time goes on, nothing is learnt).
 * `scale`: variance of the value relative to that of a value of 1 (BOCPD_NORMAL), exposure
 * (BOCPD_COUNT); > 0. Past steps_max it does nothing. */
void bocpd_step(struct bocpd *b, double x, double scale);

/* What comes next cannot be compared with what was: the next step is as the first one. */
void bocpd_restart(struct bocpd *b);

size_t bocpd_steps(const struct bocpd *b);

/* The most probable run: the step that it began at, and its probability. */
size_t bocpd_map(const struct bocpd *b, double *probability);

/* P(the present level began at step `from` or later); that all is one level since step 0 (or
 * the last restart) is no change and does not count. */
double bocpd_since(const struct bocpd *b, size_t from);

/* P(the present level began at that step). */
double bocpd_began(const struct bocpd *b, size_t step);

/* The shortest range of steps [from, to] around the most probable beginning that holds `mass` of
 * the probability, as far as it goes up to the last step and down to step 0. */
void bocpd_range(const struct bocpd *b, double mass, size_t *from, size_t *to);

/* log P(all values so far). */
double bocpd_log_evidence(const struct bocpd *b);

#endif
