/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Iteratively reweighted least squares: each step is a weighted least squares problem, solved by
 * Householder QR with the columns in the caller's order, so that of collinear columns the first
 * stays and the later ones are aliased (as R's glm has it; a QR that pivots by norm would choose
 * others). NB2 alternates between the coefficients at fixed theta and theta at fixed means, as
 * MASS::glm.nb does (Venables and Ripley 2002, 7.4).
 *
 * Not here: robust weights (the caller gives prior weights and fits again), other links. Rows of
 * weight 0 are kept with a fitted mean and take no part. All memory is the caller's arena; GSL
 * gets views of it and cannot fail, for no argument given to it can be out of its domain. */
#include "stat/glm.h"

#include <gsl/gsl_linalg.h>
#include <gsl/gsl_sf_gamma.h>
#include <gsl/gsl_sf_psi.h>
#include <math.h>

enum { STEPS_MAX = 50, HALVINGS_MAX = 12, THETA_STEPS_MAX = 50, ROUNDS_MAX = 50 };

/* A column whose part outside of the columns before it is shorter than this part of its length is
 * aliased: R's tolerance for glm. */
static const double ALIAS_TOLERANCE = 1e-11;
static const double DEVIANCE_TOLERANCE = 1e-12;
/* Past this theta the variance differs from Poisson's by less than rounding of the likelihood. */
static const double THETA_MAX = 1e8;
/* exp() of more leaves the range in which products of means are finite. */
static const double ETA_MAX = 300.0;

struct work {
    const struct glm_data *data;
    size_t n, p;
    double theta;  /* INFINITY: Poisson */
    double *beta;  /* p */
    double *eta;   /* n, with offset */
    double *mean;  /* n */
    double *scale; /* n: square roots of the working weights */
    double *qr;    /* n * p: scaled design, then its factors */
    double *z;     /* n: scaled working response, then Q'z */
    size_t *pivot; /* p: columns that are not aliased, in order; `rank` of them */
    double *step;  /* p: coefficients before the step, for halving */
    size_t rank;
    double deviance;
    bool is_converged;
    unsigned iterations;
};

static double offset_of(const struct glm_data *d, size_t i)
{
    return d->offset ? d->offset[i] : 0.0;
}

static double weight_of(const struct glm_data *d, size_t i)
{
    return d->weight ? d->weight[i] : 1.0;
}

static double variance_of(const struct work *w, double mean)
{
    return mean + mean * mean / w->theta;
}

static double y_log_ratio(double y, double mean)
{
    return y > 0.0 ? y * log(y / mean) : 0.0;
}

static double deviance_of(const struct work *w)
{
    double sum = 0.0;
    for (size_t i = 0; i < w->n; i++) {
        double weight = weight_of(w->data, i), y = w->data->y[i], mean = w->mean[i];
        if (weight <= 0.0) {
            continue;
        }
        double excess =
            isinf(w->theta) ? y - mean : (y + w->theta) * log((y + w->theta) / (mean + w->theta));
        sum += weight * 2.0 * (y_log_ratio(y, mean) - excess);
    }
    return fmax(sum, 0.0);
}

static double log_likelihood(const struct work *w)
{
    double sum = 0.0, t = w->theta;
    for (size_t i = 0; i < w->n; i++) {
        double weight = weight_of(w->data, i), y = w->data->y[i], mean = w->mean[i];
        if (weight <= 0.0) {
            continue;
        }
        double l = (y > 0.0 ? y * log(mean) : 0.0) - lgamma(y + 1.0);
        if (isinf(t)) {
            l -= mean;
        } else {
            /* (1 + mean/t)^-t by log1p: exact also for great theta. */
            l += lgamma(t + y) - lgamma(t) - y * log(t) - (t + y) * log1p(mean / t);
        }
        sum += weight * l;
    }
    return sum;
}

static void means_from_beta(struct work *w)
{
    const struct glm_data *d = w->data;
    for (size_t i = 0; i < w->n; i++) {
        double eta = offset_of(d, i);
        for (size_t j = 0; j < w->p; j++) {
            eta += d->x[i * w->p + j] * w->beta[j];
        }
        w->eta[i] = fmin(fmax(eta, -ETA_MAX), ETA_MAX);
        w->mean[i] = exp(w->eta[i]);
    }
    w->deviance = deviance_of(w);
}

/* Working weights and response at the present means, and the scaled design. */
static void working_model(struct work *w)
{
    const struct glm_data *d = w->data;
    for (size_t i = 0; i < w->n; i++) {
        double mean = w->mean[i];
        w->scale[i] = sqrt(weight_of(d, i) * mean * (mean / variance_of(w, mean)));
        w->z[i] = w->scale[i] * (w->eta[i] - offset_of(d, i) + (d->y[i] - mean) / mean);
        for (size_t j = 0; j < w->p; j++) {
            w->qr[i * w->p + j] = w->scale[i] * d->x[i * w->p + j];
        }
    }
}

/* Factors the scaled design in place and turns z to Q'z. R stands above the diagonal of the
 * columns in `pivot`, row k belonging to pivot[k]. */
static void factor(struct work *w)
{
    gsl_matrix_view a = gsl_matrix_view_array(w->qr, w->n, w->p);
    gsl_vector_view z = gsl_vector_view_array(w->z, w->n);
    w->rank = 0;
    for (size_t j = 0; j < w->p && w->rank < w->n; j++) {
        size_t k = w->rank;
        double whole = 0.0, left = 0.0;
        for (size_t i = 0; i < w->n; i++) {
            double v = w->qr[i * w->p + j];
            whole += v * v;
            left += i >= k ? v * v : 0.0;
        }
        if (!(left > whole * ALIAS_TOLERANCE * ALIAS_TOLERANCE)) {
            continue;
        }
        gsl_vector_view v = gsl_matrix_subcolumn(&a.matrix, j, k, w->n - k);
        double tau = gsl_linalg_householder_transform(&v.vector);
        if (j + 1 < w->p) {
            gsl_matrix_view rest =
                gsl_matrix_submatrix(&a.matrix, k, j + 1, w->n - k, w->p - j - 1);
            gsl_linalg_householder_hm(tau, &v.vector, &rest.matrix);
        }
        gsl_vector_view tail = gsl_vector_subvector(&z.vector, k, w->n - k);
        gsl_linalg_householder_hv(tau, &v.vector, &tail.vector);
        w->pivot[w->rank++] = j;
    }
}

static double r_of(const struct work *w, size_t row, size_t k)
{
    return w->qr[row * w->p + w->pivot[k]];
}

static void solve(struct work *w)
{
    memset(w->beta, 0, w->p * sizeof *w->beta);
    for (size_t k = w->rank; k-- > 0;) {
        double sum = w->z[k];
        for (size_t l = k + 1; l < w->rank; l++) {
            sum -= r_of(w, k, l) * w->beta[w->pivot[l]];
        }
        w->beta[w->pivot[k]] = sum / r_of(w, k, k);
    }
}

/* One step; halves it while it makes the fit worse. `before` is INFINITY at the first, where there
 * are no coefficients to go back to. */
static void step(struct work *w, double before)
{
    memcpy(w->step, w->beta, w->p * sizeof *w->step);
    working_model(w);
    factor(w);
    solve(w);
    means_from_beta(w);
    for (int h = 0; h < HALVINGS_MAX && isfinite(before) &&
                    !(w->deviance <= before + DEVIANCE_TOLERANCE * (before + 0.1));
         h++) {
        for (size_t j = 0; j < w->p; j++) {
            w->beta[j] = (w->beta[j] + w->step[j]) / 2.0;
        }
        means_from_beta(w);
    }
    w->iterations++;
}

/* To convergence at the present theta; from the present means. */
static void iterate(struct work *w, bool has_beta)
{
    double before = has_beta ? w->deviance : INFINITY;
    w->is_converged = false;
    for (int i = 0; i < STEPS_MAX && !w->is_converged; i++) {
        step(w, before);
        w->is_converged =
            fabs(w->deviance - before) <= DEVIANCE_TOLERANCE * (fabs(w->deviance) + 0.1);
        before = w->deviance;
    }
}

/* ---- theta ---- */

/* Score and information of theta at the present means (MASS::theta.ml). */
static void theta_score(const struct work *w, double t, double *score, double *information)
{
    double s = 0.0, info = 0.0;
    double psi = gsl_sf_psi(t), psi1 = gsl_sf_psi_1(t);
    for (size_t i = 0; i < w->n; i++) {
        double weight = weight_of(w->data, i), y = w->data->y[i], sum = t + w->mean[i];
        if (weight <= 0.0) {
            continue;
        }
        double ratio = (y + t) / sum;
        s += weight * (gsl_sf_psi(t + y) - psi + log(t / sum) + 1.0 - ratio);
        info += weight * (psi1 - gsl_sf_psi_1(t + y) - 1.0 / t + 2.0 / sum - ratio / sum);
    }
    *score = s;
    *information = info;
}

/* Is the variance greater than the mean at all? The slope of the likelihood at 1/theta = 0; where
 * it is not positive no finite theta is better than Poisson. */
static bool is_overdispersed(const struct work *w)
{
    double slope = 0.0;
    for (size_t i = 0; i < w->n; i++) {
        double r = w->data->y[i] - w->mean[i];
        slope += weight_of(w->data, i) * (r * r - w->data->y[i]);
    }
    return slope > 0.0;
}

/* Theta by Newton's method in its logarithm, from the moment estimate or the last theta. False
 * when it runs away. */
static bool theta_fit(struct work *w, double *se)
{
    double t = w->theta, rows = 0.0, moment = 0.0;
    for (size_t i = 0; i < w->n; i++) {
        double weight = weight_of(w->data, i), r = w->data->y[i] / w->mean[i] - 1.0;
        rows += weight;
        moment += weight * r * r;
    }
    if (isinf(t)) {
        t = moment > 0.0 ? rows / moment : THETA_MAX;
    }
    for (int i = 0; i < THETA_STEPS_MAX && t > 1.0 / THETA_MAX && t < THETA_MAX; i++) {
        double score, info;
        theta_score(w, t, &score, &info);
        /* Curvature in log theta; where the likelihood is not concave a step uphill will do. */
        double curve = t * t * info - t * score;
        double move = curve > 0.0 ? t * score / curve : copysign(1.0, score);
        move = fmin(fmax(move, -2.0), 2.0);
        t *= exp(move);
        if (fabs(move) < 1e-10) {
            theta_score(w, t, &score, &info);
            w->theta = t;
            *se = info > 0.0 ? 1.0 / sqrt(info) : NAN;
            return true;
        }
    }
    return false;
}

/* The NB2 fit from a converged Poisson one. False when the Poisson fit is what there is. */
static bool negative_fit(struct work *w, double *theta_se)
{
    bool is_fitted = is_overdispersed(w);
    double before = -INFINITY;
    for (int i = 0; i < ROUNDS_MAX && is_fitted; i++) {
        is_fitted = theta_fit(w, theta_se);
        if (!is_fitted) {
            break;
        }
        w->deviance = deviance_of(w);
        iterate(w, true);
        double now = log_likelihood(w);
        if (fabs(now - before) <= 1e-11 * (fabs(now) + 1.0)) {
            return theta_fit(w, theta_se);
        }
        before = now;
    }
    if (is_fitted) {
        w->is_converged = false; /* theta and the means still move */
        return true;
    }
    w->theta = INFINITY;
    means_from_beta(w);
    iterate(w, true);
    return false;
}

/* ---- results ---- */

/* Columns of R^-1, one in `column` (rank long): back substitution of a unit vector. */
static void inverse_column(const struct work *w, size_t k, double *column)
{
    for (size_t i = k + 1; i-- > 0;) {
        double sum = i == k ? 1.0 : 0.0;
        for (size_t l = i + 1; l <= k; l++) {
            sum -= r_of(w, i, l) * column[l];
        }
        column[i] = sum / r_of(w, i, i);
    }
}

/* (X'WX)^-1 = sum over columns c of R^-1 of c c'; leverage_i = sum over c of (scaled x_i . c)^2. */
static void covariance_fill(const struct work *w, double *column, double *covariance,
                            double *leverage)
{
    const double *x = w->data->x;
    for (size_t k = 0; k < w->rank; k++) {
        inverse_column(w, k, column);
        for (size_t a = 0; a <= k; a++) {
            for (size_t b = 0; b <= k; b++) {
                covariance[w->pivot[a] * w->p + w->pivot[b]] += column[a] * column[b];
            }
        }
        for (size_t i = 0; i < w->n; i++) {
            double dot = 0.0;
            for (size_t a = 0; a <= k; a++) {
                dot += x[i * w->p + w->pivot[a]] * column[a];
            }
            leverage[i] += w->scale[i] * w->scale[i] * dot * dot;
        }
    }
}

static enum err result_fill(struct work *w, struct arena *arena, struct glm_fit *out)
{
    double *se = arena_calloc(arena, w->p, sizeof *se);
    double *covariance = arena_calloc(arena, w->p, w->p * sizeof *covariance);
    double *leverage = arena_calloc(arena, w->n, sizeof *leverage);
    if (!se || !covariance || !leverage) {
        return ERR_NOMEM;
    }
    working_model(w);
    factor(w);
    covariance_fill(w, w->step, covariance, leverage);
    for (size_t j = 0; j < w->p; j++) {
        se[j] = NAN;
    }
    for (size_t k = 0; k < w->rank; k++) {
        se[w->pivot[k]] = sqrt(covariance[w->pivot[k] * w->p + w->pivot[k]]);
    }
    double pearson = 0.0;
    size_t rows = 0;
    for (size_t i = 0; i < w->n; i++) {
        double weight = weight_of(w->data, i), r = w->data->y[i] - w->mean[i];
        if (weight > 0.0) {
            pearson += weight * r * r / variance_of(w, w->mean[i]);
            rows++;
        }
    }
    out->beta = w->beta;
    out->se = se;
    out->covariance = covariance;
    out->mean = w->mean;
    out->leverage = leverage;
    out->deviance = w->deviance;
    out->pearson = pearson;
    out->df = rows - w->rank;
    out->dispersion = out->df ? pearson / (double)out->df : NAN;
    out->log_likelihood = log_likelihood(w);
    out->aic = 2.0 * (double)(w->rank + (isinf(w->theta) ? 0 : 1)) - 2.0 * out->log_likelihood;
    out->theta = w->theta;
    out->iterations = w->iterations;
    out->is_converged = w->is_converged;
    return OK;
}

static bool data_is_good(const struct glm_data *d)
{
    size_t rows = 0;
    for (size_t i = 0; i < d->rows; i++) {
        double weight = weight_of(d, i);
        if (!(weight >= 0.0) || !isfinite(weight)) {
            return false;
        }
        if (!(d->y[i] >= 0.0) || !isfinite(d->y[i]) || !isfinite(offset_of(d, i))) {
            return false;
        }
        rows += weight > 0.0;
    }
    for (size_t i = 0; i < d->rows * d->columns; i++) {
        if (!isfinite(d->x[i])) {
            return false;
        }
    }
    return rows && d->columns;
}

static bool work_init(struct work *w, const struct glm_data *d, struct arena *arena)
{
    size_t n = d->rows, p = d->columns;
    *w = (struct work){.data = d,
                       .n = n,
                       .p = p,
                       .theta = INFINITY,
                       .beta = arena_calloc(arena, p, sizeof *w->beta),
                       .eta = arena_calloc(arena, n, sizeof *w->eta),
                       .mean = arena_calloc(arena, n, sizeof *w->mean),
                       .scale = arena_calloc(arena, n, sizeof *w->scale),
                       .qr = arena_calloc(arena, n, p * sizeof *w->qr),
                       .z = arena_calloc(arena, n, sizeof *w->z),
                       .pivot = arena_calloc(arena, p, sizeof *w->pivot),
                       .step = arena_calloc(arena, p, sizeof *w->step)};
    if (!w->beta || !w->eta || !w->mean || !w->scale || !w->qr || !w->z || !w->pivot || !w->step) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        w->mean[i] = d->y[i] + 0.1;
        w->eta[i] = log(w->mean[i]);
    }
    return true;
}

enum err glm_fit(enum glm_family family, const struct glm_data *data, struct arena *arena,
                 struct glm_fit *out)
{
    struct work w;
    struct glm_fit fit = {.theta_se = NAN};
    if (!data_is_good(data)) {
        return ERR_USAGE;
    }
    if (!work_init(&w, data, arena)) {
        return ERR_NOMEM;
    }
    iterate(&w, false);
    if (family == GLM_NEGATIVE) {
        fit.is_poisson = !negative_fit(&w, &fit.theta_se);
        fit.theta_se = fit.is_poisson ? NAN : fit.theta_se;
    }
    enum err e = result_fill(&w, arena, &fit);
    if (e == OK) {
        *out = fit;
    }
    return e;
}
