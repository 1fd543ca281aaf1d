/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Each step: every run predicts the value and grows (1 - hazard); a new run begins with it
 * (hazard), predicted by the prior. Runs are kept in order of their beginning, the oldest first;
 * their probabilities are brought to a sum of 1 at each step, predictions to a greatest of 1
 * before they are no logarithms any more, so that nothing vanishes that counts. */
#include "stat/bocpd.h"

#include <math.h>

struct run {
    size_t start;
    double p;
    double log_predicted;            /* of the present value */
    double mean, kappa, alpha, beta; /* of the level now */
    size_t learnt;                   /* values in it: alpha = prior + learnt / 2 (normal) */
};

struct bocpd {
    struct bocpd_model model;
    struct run *runs;
    size_t run_count;
    size_t steps, origin; /* origin: the first step after the last restart */
    double *half_gamma;   /* by learnt: lgamma(alpha + 1/2) - lgamma(alpha) of a normal run */
    double log_evidence;
};

struct bocpd *bocpd_new(const struct bocpd_model *m, struct arena *arena)
{
    struct bocpd *b = arena_calloc(arena, 1, sizeof *b);
    size_t n = m->steps_max + 1;
    if (!b || !(b->runs = arena_calloc(arena, n, sizeof *b->runs)) ||
        !(b->half_gamma = arena_calloc(arena, n, sizeof *b->half_gamma))) {
        return NULL;
    }
    b->model = *m;
    b->model.dispersion = m->dispersion > 0.0 ? m->dispersion : 1.0;
    for (size_t i = 0; i < n && m->kind == BOCPD_NORMAL; i++) {
        double alpha = m->alpha + (double)i / 2.0;
        b->half_gamma[i] = lgamma(alpha + .5) - lgamma(alpha);
    }
    return b;
}

/* Log density of the next value by Student's t: 2 alpha degrees of freedom, square of the scale
 * beta / alpha (variance of a value + 1 / kappa). */
static double predict_normal(const struct bocpd *b, const struct run *r, double x, double variance)
{
    double spread = 2.0 * r->beta * (variance + 1.0 / r->kappa); /* df * scale^2 */
    double apart = x - r->mean;
    return b->half_gamma[r->learnt] - .5 * log(M_PI * spread) -
           (r->alpha + .5) * log1p(apart * apart / spread);
}

static double predict_count(const struct run *r, double x, double exposure)
{
    return lgamma(r->alpha + x) - lgamma(r->alpha) - lgamma(x + 1.0) -
           r->alpha * log1p(exposure / r->beta) +
           (x > 0.0 ? x * log(exposure / (r->beta + exposure)) : 0.0);
}

static void learn(enum bocpd_kind kind, struct run *r, double x, double scale)
{
    if (kind == BOCPD_COUNT) {
        r->alpha += x;
        r->beta += scale;
        return;
    }
    double weight = 1.0 / scale, apart = x - r->mean;
    r->beta += .5 * r->kappa * weight / (r->kappa + weight) * apart * apart;
    r->mean += apart * weight / (r->kappa + weight);
    r->kappa += weight;
    r->alpha += .5;
    r->learnt++;
}

/* Takes the predictions in, brings the probabilities to a sum of 1, drops what is less than
 * `prune`. Returns the log of what the sum was. */
static double normalise(struct bocpd *b)
{
    double greatest = -INFINITY, sum = 0.0;
    for (size_t i = 0; i < b->run_count; i++) {
        greatest = fmax(greatest, b->runs[i].log_predicted);
    }
    for (size_t i = 0; i < b->run_count; i++) {
        b->runs[i].p *= exp(b->runs[i].log_predicted - greatest);
        sum += b->runs[i].p;
    }
    if (!(sum > 0.0)) { /* a value that no run can give */
        b->run_count = 0;
        return -INFINITY;
    }
    size_t kept = 0;
    for (size_t i = 0; i < b->run_count; i++) {
        b->runs[i].p /= sum;
        if (b->runs[i].p >= b->model.prune) {
            b->runs[kept++] = b->runs[i];
        }
    }
    b->run_count = kept;
    return greatest + log(sum);
}

void bocpd_step(struct bocpd *b, double x, double scale)
{
    const struct bocpd_model *m = &b->model;
    if (b->steps >= m->steps_max) {
        return;
    }
    struct run fresh = {.start = b->steps,
                        .mean = m->mean,
                        .kappa = m->kappa,
                        .alpha = m->alpha,
                        .beta = m->kind == BOCPD_COUNT ? m->beta / m->dispersion : m->beta,
                        .p = b->steps > b->origin ? m->hazard : 1.0};
    if (m->kind == BOCPD_COUNT) {
        fresh.alpha /= m->dispersion;
        x /= m->dispersion;
        scale /= m->dispersion;
    }
    for (size_t i = 0; i < b->run_count; i++) {
        b->runs[i].p *= 1.0 - m->hazard;
        b->runs[i].log_predicted = 0.0;
    }
    b->runs[b->run_count++] = fresh;
    for (size_t i = 0; i < b->run_count && !isnan(x); i++) {
        struct run *r = &b->runs[i];
        r->log_predicted =
            m->kind == BOCPD_COUNT ? predict_count(r, x, scale) : predict_normal(b, r, x, scale);
        learn(m->kind, r, x, scale);
    }
    b->log_evidence += normalise(b);
    b->steps++;
}

void bocpd_restart(struct bocpd *b)
{
    b->run_count = 0;
    b->origin = b->steps;
}

size_t bocpd_steps(const struct bocpd *b)
{
    return b->steps;
}

size_t bocpd_map(const struct bocpd *b, double *probability)
{
    size_t best = 0;
    for (size_t i = 1; i < b->run_count; i++) {
        best = b->runs[i].p > b->runs[best].p ? i : best;
    }
    *probability = b->run_count ? b->runs[best].p : 0.0;
    return b->run_count ? b->runs[best].start : b->origin;
}

double bocpd_since(const struct bocpd *b, size_t from)
{
    double sum = 0.0;
    for (size_t i = b->run_count;
         i-- > 0 && b->runs[i].start >= from && b->runs[i].start > b->origin;) {
        sum += b->runs[i].p;
    }
    return fmin(sum, 1.0);
}

double bocpd_began(const struct bocpd *b, size_t step)
{
    for (size_t i = b->run_count; i-- > 0 && b->runs[i].start >= step;) {
        if (b->runs[i].start == step) {
            return b->runs[i].p;
        }
    }
    return 0.0;
}

void bocpd_range(const struct bocpd *b, double mass, size_t *from, size_t *to)
{
    double held;
    size_t low = bocpd_map(b, &held), high = low;
    while (held < mass && (low > b->origin || high + 1 < b->steps)) {
        double below = low > b->origin ? bocpd_began(b, low - 1) : -1.0;
        double above = high + 1 < b->steps ? bocpd_began(b, high + 1) : -1.0;
        held += fmax(below, above);
        low -= below > above;
        high += below <= above;
    }
    *from = low;
    *to = high;
}

double bocpd_log_evidence(const struct bocpd *b)
{
    return b->log_evidence;
}
