/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stat/farrington.h"

#include "stat/glm.h"

#include <gsl/gsl_cdf.h>
#include <math.h>

enum {
    COLUMNS_MAX = FARRINGTON_PERIODS_MAX + 1,
    TREND_YEARS_MIN = 3, /* with fewer a trend is a year's accident */
    NOT_USED = -1,
};

/* Past this mean a count is as good as continuous, and past this shape a gamma law as good as
 * normal. GSL's incomplete beta and gamma functions were checked to converge up to there for all
 * dispersions; not far above they do not, and GSL ends the program. */
static const double COUNT_EXACT_MAX = 1e5;

const struct farrington_options FARRINGTON_IMPROVED = {.years = 5,
                                                       .half_window = 3,
                                                       .periods = 10,
                                                       .weights_threshold = 2.58,
                                                       .past_excluded = 26,
                                                       .trend_p = 1.0,
                                                       .alpha = .005,
                                                       .method = FARRINGTON_NB_PLUGIN,
                                                       .enough_count = 5.0,
                                                       .enough_weeks = 4};

struct work {
    const struct farrington_options *o;
    size_t now;
    size_t rows;
    double *x, *y, *offset, *weight; /* x: rows * COLUMNS_MAX */
    size_t *week;
    int *period;
    double offset_now;
    double most; /* greatest y */
};

struct model {
    struct glm_fit fit;
    double phi; /* dispersion, at least 1 */
    double predict_dispersion;
    size_t columns;
    bool has_trend;
};

/* The season of a week before `now`: periods - 1 (the last) within a window around the same week
 * of a year, 0.. in the weeks between; NOT_USED outside. Groups between are of equal length but
 * for the first ones, which take what is left over. */
static int period_of(const struct farrington_options *o, size_t now, size_t week)
{
    size_t back = now - week, w = o->half_window, last = o->periods - 1;
    size_t year = back / FARRINGTON_YEAR_WEEKS, into = back % FARRINGTON_YEAR_WEEKS;
    if (back > o->years * (size_t)FARRINGTON_YEAR_WEEKS + w) {
        return NOT_USED;
    }
    bool is_before = into <= w;                        /* weeks up to the year's week */
    bool is_after = FARRINGTON_YEAR_WEEKS - into <= w; /* weeks after the year before's */
    if ((is_before && year <= o->years) || (is_after && year < o->years)) {
        return (int)last;
    }
    if (o->periods == 1) {
        return NOT_USED;
    }
    size_t between = FARRINGTON_YEAR_WEEKS - 2 * w - 1;
    size_t place = FARRINGTON_YEAR_WEEKS - w - 1 - into; /* 0: the first after the window */
    size_t length = between / last, longer = between % last;
    size_t group = place < longer * (length + 1)
                       ? place / (length + 1)
                       : longer + (place - longer * (length + 1)) / length;
    return (int)group;
}

static bool options_make_sense(const struct farrington_options *o)
{
    return o->years >= 1 && o->years <= 100 && o->periods >= 1 &&
           o->periods <= FARRINGTON_PERIODS_MAX &&
           2 * o->half_window + 1 + o->periods <= FARRINGTON_YEAR_WEEKS && o->alpha > 0.0 &&
           o->alpha < .5 && o->enough_weeks >= 1;
}

static enum err rows_fill(struct work *w, const double *y, const double *exposure,
                          struct arena *arena)
{
    const struct farrington_options *o = w->o;
    size_t first = w->now - o->years * (size_t)FARRINGTON_YEAR_WEEKS - o->half_window;
    size_t n = w->now - first + 1;
    w->x = arena_calloc(arena, n, COLUMNS_MAX * sizeof *w->x);
    w->y = arena_calloc(arena, n, sizeof *w->y);
    w->offset = arena_calloc(arena, n, sizeof *w->offset);
    w->weight = arena_calloc(arena, n, sizeof *w->weight);
    w->week = arena_calloc(arena, n, sizeof *w->week);
    w->period = arena_calloc(arena, n, sizeof *w->period);
    if (!w->x || !w->y || !w->offset || !w->weight || !w->week || !w->period) {
        return ERR_NOMEM;
    }
    w->offset_now = exposure ? log(exposure[w->now]) : 0.0;
    for (size_t week = first; week + o->past_excluded < w->now; week++) {
        int period = period_of(o, w->now, week);
        double up = exposure ? exposure[week] : 1.0;
        if (period == NOT_USED || isnan(y[week]) || !(up > 0.0)) {
            continue;
        }
        size_t i = w->rows++;
        w->y[i] = y[week];
        w->offset[i] = log(up);
        w->week[i] = week;
        w->period[i] = period;
        w->most = fmax(w->most, y[week] / up);
    }
    return OK;
}

/* Columns: 1, week (with trend), seasons 1.. against season 0. */
static size_t design(double *x, size_t week, int period, bool has_trend, unsigned periods)
{
    size_t n = 0;
    x[n++] = 1.0;
    if (has_trend) {
        x[n++] = (double)week;
    }
    for (unsigned p = 1; p < periods; p++) {
        x[n++] = period == (int)p ? 1.0 : 0.0;
    }
    return n;
}

static enum err fit_once(struct work *w, bool has_trend, const double *weight, struct arena *arena,
                         struct model *m)
{
    m->has_trend = has_trend;
    size_t columns = 1 + has_trend + w->o->periods - 1;
    for (size_t i = 0; i < w->rows; i++) {
        design(w->x + i * columns, w->week[i], w->period[i], has_trend, w->o->periods);
    }
    m->columns = columns;
    struct glm_data data = {.rows = w->rows,
                            .columns = columns,
                            .x = w->x,
                            .y = w->y,
                            .offset = w->offset,
                            .weight = weight};
    enum err e = glm_fit(GLM_POISSON, &data, arena, &m->fit);
    if (e != OK) {
        return e == ERR_USAGE ? ERR_NOTFOUND : e;
    }
    m->phi = fmax(m->fit.dispersion, 1.0);
    return m->fit.is_converged && m->fit.df ? OK : ERR_UNSUPPORTED;
}

/* Anscombe residuals of the first fit; weeks past the threshold count by 1 / s^2, and all weights
 * add up to the number of weeks. */
static void weights_fill(struct work *w, const struct model *m)
{
    double sum = 0.0;
    for (size_t i = 0; i < w->rows; i++) {
        double mean = m->fit.mean[i];
        double s = 1.5 * (pow(w->y[i], 2.0 / 3.0) * pow(mean, -1.0 / 6.0) - sqrt(mean)) /
                   sqrt(m->phi * (1.0 - m->fit.leverage[i]));
        w->weight[i] = s > w->o->weights_threshold ? 1.0 / (s * s) : 1.0;
        sum += w->weight[i];
    }
    for (size_t i = 0; i < w->rows; i++) {
        w->weight[i] *= (double)w->rows / sum;
    }
}

static enum err fit_weighted(struct work *w, bool has_trend, struct arena *arena, struct model *m)
{
    enum err e = fit_once(w, has_trend, NULL, arena, m);
    if (e != OK) {
        return e;
    }
    weights_fill(w, m);
    e = fit_once(w, has_trend, w->weight, arena, m);
    /* What surveillance takes for the error of the fit: it has put the weeks' weights where R
     * keeps the working ones (weight times mean), and so means get no part in it. */
    double sum = 0.0;
    for (size_t i = 0; e == OK && i < w->rows; i++) {
        double r = (w->y[i] - m->fit.mean[i]) / m->fit.mean[i];
        sum += w->weight[i] * r * r;
    }
    m->predict_dispersion = e == OK ? sum / (double)m->fit.df : (double)NAN;
    return e;
}

/* The linear predictor of week `now` and its standard error. */
static double predict(const struct work *w, const struct model *m, double *se)
{
    double x[COLUMNS_MAX], eta = w->offset_now, variance = 0.0;
    size_t p = design(x, w->now, (int)w->o->periods - 1, m->has_trend, w->o->periods);
    for (size_t i = 0; i < p; i++) {
        eta += x[i] * m->fit.beta[i];
        for (size_t j = 0; j < p; j++) {
            variance += x[i] * x[j] * m->fit.covariance[i * p + j];
        }
    }
    *se = sqrt(fmax(variance, 0.0) * m->predict_dispersion);
    return eta;
}

/* The trend stays when it is sure, the years are enough and it leads to no count never seen. */
static bool trend_holds(const struct work *w, const struct model *m)
{
    double se, eta = predict(w, m, &se);
    double error = m->fit.se[1] * sqrt(m->predict_dispersion);
    if (isnan(error)) {
        return false; /* aliased: there is no trend in it */
    }
    double t = error > 0.0 ? fabs(m->fit.beta[1]) / error : INFINITY;
    double p = 2.0 * gsl_cdf_tdist_Q(fmin(t, 1e6), (double)m->fit.df);
    return w->o->years >= TREND_YEARS_MIN && p < w->o->trend_p &&
           exp(eta - w->offset_now) <= w->most;
}

/* P(count <= k) of mean `mean` and variance phi times that; a great count's law is gamma or normal.
 */
static double count_p(double k, double mean, double phi)
{
    if (k < 0.0) {
        return 0.0;
    }
    if (mean > COUNT_EXACT_MAX) {
        return mean / phi > COUNT_EXACT_MAX
                   ? gsl_cdf_ugaussian_P((k + .5 - mean) / sqrt(mean * phi))
                   : gsl_cdf_gamma_P(k + .5, mean / phi, phi);
    }
    return phi > 1.0 ? gsl_cdf_beta_P(1.0 / phi, mean / (phi - 1.0), k + 1.0)
                     : gsl_cdf_gamma_Q(mean, k + 1.0, 1.0);
}

/* P(count >= k): 1 - P(count <= k - 1), from its own side so that small ones are exact. */
static double count_q(double k, double mean, double phi)
{
    if (k <= 0.0) {
        return 1.0;
    }
    if (mean > COUNT_EXACT_MAX) {
        return mean / phi > COUNT_EXACT_MAX
                   ? gsl_cdf_ugaussian_Q((k - .5 - mean) / sqrt(mean * phi))
                   : gsl_cdf_gamma_Q(k - .5, mean / phi, phi);
    }
    return phi > 1.0 ? gsl_cdf_beta_Q(1.0 / phi, mean / (phi - 1.0), k)
                     : gsl_cdf_gamma_P(mean, k, 1.0);
}

/* The least k with P(count <= k) >= p, by halving. */
static double count_quantile(double p, double mean, double phi)
{
    double low = -1.0, high = ceil(mean + 10.0 * sqrt(mean * phi)) + 10.0;
    while (count_p(high, mean, phi) < p) {
        high *= 2.0;
    }
    while (high - low > 1.0) {
        double middle = floor((low + high) / 2.0);
        *(count_p(middle, mean, phi) >= p ? &high : &low) = middle;
    }
    return high;
}

static void bounds_delta(const struct farrington_options *o, double y, double se_eta,
                         struct farrington *f)
{
    double mean = f->expected, se_mean = se_eta * mean;
    double tau = f->dispersion + se_mean * se_mean / mean;
    double se = sqrt(4.0 / 9.0 * cbrt(mean) * tau), centre = pow(mean, 2.0 / 3.0);
    double z = gsl_cdf_ugaussian_Qinv(o->alpha);
    f->upper = pow(centre + z * se, 1.5);
    f->lower = pow(fmax(centre - z * se, 0.0), 1.5);
    double apart = (pow(y, 2.0 / 3.0) - centre) / se;
    f->p_high = gsl_cdf_ugaussian_Q(apart);
    f->p_low = gsl_cdf_ugaussian_P(apart);
}

static void bounds_nb(const struct farrington_options *o, double y, struct farrington *f)
{
    f->upper = count_quantile(1.0 - o->alpha, f->expected, f->dispersion);
    f->lower = count_quantile(o->alpha, f->expected, f->dispersion);
    f->p_high = count_q(y, f->expected, f->dispersion);
    f->p_low = count_p(y, f->expected, f->dispersion);
}

static bool is_enough(const double *y, size_t now, const struct farrington_options *o)
{
    double sum = 0.0;
    for (size_t i = now + 1 > o->enough_weeks ? now + 1 - o->enough_weeks : 0; i <= now; i++) {
        sum += isnan(y[i]) ? 0.0 : y[i];
    }
    return sum >= o->enough_count;
}

enum err farrington_at(const double *y, const double *exposure, size_t now,
                       const struct farrington_options *o, struct arena *arena,
                       struct farrington *out)
{
    struct work w = {.o = o, .now = now};
    struct model m = {.has_trend = true};
    struct farrington f = {.expected = 0.0};
    if (!options_make_sense(o) || now < o->years * (size_t)FARRINGTON_YEAR_WEEKS + o->half_window) {
        return ERR_USAGE;
    }
    if (isnan(y[now]) || (exposure && !(exposure[now] > 0.0))) {
        return ERR_NOTFOUND;
    }
    enum err e = rows_fill(&w, y, exposure, arena);
    if (e != OK) {
        return e;
    }
    if (w.rows < o->periods + 2) {
        return ERR_NOTFOUND;
    }
    e = fit_weighted(&w, true, arena, &m);
    if (e == ERR_UNSUPPORTED || (e == OK && !trend_holds(&w, &m))) {
        e = fit_weighted(&w, false, arena, &m);
    }
    if (e != OK) {
        return e;
    }
    double se;
    f.expected = exp(predict(&w, &m, &se));
    f.dispersion = m.phi;
    f.has_trend = m.has_trend;
    f.reference_count = w.rows;
    f.is_enough = is_enough(y, now, o);
    if (o->method == FARRINGTON_DELTA) {
        bounds_delta(o, y[now], se, &f);
    } else {
        bounds_nb(o, y[now], &f);
    }
    f.is_high = f.is_enough && y[now] > f.upper;
    f.is_low = y[now] < f.lower;
    *out = f;
    return OK;
}
