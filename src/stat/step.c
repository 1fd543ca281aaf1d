/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stat/step.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>

/* With no count at all the mean is below this at 95 %: the rule of three. */
static const double NONE_BELOW = 3.0;
enum { RHO_MAX_HUNDREDTHS = 95 };
static const double RHO_MAX = RHO_MAX_HUNDREDTHS / 100.0;

struct side {
    const double *y, *exposure; /* exposure may be NULL */
    size_t n;                   /* buckets */
    size_t observed;
    double count, watched; /* sums */
    double level;
};

static double side_exposure(const struct side *s, size_t i)
{
    return s->exposure ? s->exposure[i] : 1.0;
}

static struct side side_of(const struct step_data *d, size_t from, size_t to)
{
    struct side s = {.y = d->y + from, .exposure = d->exposure ? d->exposure + from : NULL};
    s.n = to > from ? to - from : 0;
    for (size_t i = 0; i < s.n; i++) {
        double e = side_exposure(&s, i);
        if (e > 0) {
            s.observed++;
            s.count += s.y[i];
            s.watched += e;
        }
    }
    s.level = s.watched > 0 ? s.count / s.watched : NAN;
    return s;
}

/* Variance of the mean of the latent process over what was watched, at unit variance: sum of
 * e_i e_k rho^|i-k| over (sum e)^2. */
static double side_factor(const struct side *s, double rho)
{
    double sum = 0, carried = 0;
    for (size_t i = 0; i < s->n; i++) {
        double e = side_exposure(s, i);
        sum += e * e + 2.0 * e * carried;
        carried = rho * (carried + e);
    }
    return s->watched > 0 ? sum / (s->watched * s->watched) : 0.0;
}

/* How many of the buckets beside an observed one are observed. */
static size_t side_neighbours(const struct side *s, size_t i)
{
    if (!(side_exposure(s, i) > 0)) {
        return 0;
    }
    return (size_t)(i > 0 && side_exposure(s, i - 1) > 0) +
           (size_t)(i + 1 < s->n && side_exposure(s, i + 1) > 0);
}

/* Products of residuals y / mean - 1 at lag 0 (less the Poisson part) and lag 1, and what they come
 * to in the mean for a latent process of unit variance when the stretch's own mean was taken out:
 * cov(r_i - m, r_k - m) = rho^|i-k| - c_i - c_k + v, c_i = cov(r_i, m), v = var(m). */
struct moments {
    double lag0, lag1, expected0, expected1;
};

static void moments_expect(const struct side *s, double rho, struct moments *m)
{
    double variance = side_factor(s, rho), behind = 0, ahead = 0, lag0 = 0, lag1 = 0;
    size_t pairs = 0;
    for (size_t i = 0; i < s->n; i++) { /* c_i in two parts: k <= i, and from the right k > i */
        size_t k = s->n - 1 - i;
        double left = side_exposure(s, i), right = side_exposure(s, k);
        behind = rho * behind + left;
        size_t neighbours_left = side_neighbours(s, i);
        size_t neighbours_right = side_neighbours(s, k);
        lag0 += (left > 0 ? behind : 0.0) + (right > 0 ? rho * ahead : 0.0);
        lag1 += (double)neighbours_left * behind + (double)neighbours_right * rho * ahead;
        ahead = rho * ahead + right;
        pairs += neighbours_left;
    }
    m->expected0 += (double)s->observed * (1.0 + variance) - 2.0 * lag0 / s->watched;
    m->expected1 += (double)pairs / 2.0 * (rho + variance) - lag1 / s->watched;
}

static void moments_observe(const struct side *s, struct moments *m)
{
    double last = 0;
    bool is_before = false;
    for (size_t i = 0; i < s->n && s->count > 0; i++) {
        double mean = side_exposure(s, i) * s->level;
        double r = mean > 0 ? s->y[i] / mean - 1.0 : 0.0;
        if (mean > 0) {
            m->lag0 += r * r - (1.0 / mean) * (1.0 - 1.0 / (double)s->observed);
            m->lag1 += is_before ? r * last : 0.0;
        }
        is_before = mean > 0;
        last = r;
    }
}

static struct moments moments_at(const struct side *a, const struct side *b, double rho)
{
    struct moments m = {0};
    moments_observe(a, &m);
    moments_observe(b, &m);
    if (a->count > 0) {
        moments_expect(a, rho, &m);
    }
    if (b->count > 0) {
        moments_expect(b, rho, &m);
    }
    return m;
}

/* The rho at which the mean products stand in the ratio of the observed ones. */
static double rho_solve(const struct side *a, const struct side *b)
{
    double low = 0, high = RHO_MAX;
    for (int i = 0; i < 40; i++) {
        double rho = (low + high) / 2.0;
        struct moments m = moments_at(a, b, rho);
        if (!(m.lag0 > 0)) {
            return 0;
        }
        *(m.lag1 * m.expected0 > m.expected1 * m.lag0 ? &low : &high) = rho;
    }
    return (low + high) / 2.0;
}

static void interval_set(struct step *s, const struct side *a, const struct side *b)
{
    double t = gsl_cdf_tdist_Pinv(0.975, s->df);
    s->ratio = a->level > 0 ? b->level / a->level : b->level > 0 ? INFINITY : NAN;
    s->low = 0;
    s->high = INFINITY;
    if (a->count > 0 && b->count > 0) {
        s->low = s->ratio * exp(-t * s->log_se);
        s->high = s->ratio * exp(t * s->log_se);
    } else if (a->count > 0 && b->watched > 0) {
        s->high = NONE_BELOW / b->watched / (a->level * exp(-t * s->log_se));
        s->log_se = INFINITY;
    } else if (b->count > 0 && a->watched > 0) {
        s->low = b->level * exp(-t * s->log_se) / (NONE_BELOW / a->watched);
        s->log_se = INFINITY;
    }
}

void step_estimate(const struct step_data *d, struct step *out)
{
    struct side a = side_of(d, d->before_from, d->before_to);
    struct side b = side_of(d, d->after_from, d->after_to);
    *out = (struct step){.before = a.level, .after = b.level, .ratio = NAN, .log_se = INFINITY};
    out->high = INFINITY;
    if (!a.observed || !b.observed) {
        return;
    }
    out->rho = isnan(d->rho) ? rho_solve(&a, &b) : d->rho;
    double factor_a = side_factor(&a, out->rho), factor_b = side_factor(&b, out->rho);
    out->df = fmax(1.0 / factor_a + 1.0 / factor_b - 2.0, 1.0);
    out->variance = d->variance;
    if (isnan(d->variance)) {
        struct moments m = moments_at(&a, &b, out->rho);
        out->variance = m.expected0 > 0 ? fmax(m.lag0 / m.expected0, 0.0) : 0.0;
    } else {
        out->df = fmax(d->noise_df, 1.0);
    }
    double variance = out->variance * (factor_a + factor_b);
    variance += a.count > 0 ? 1.0 / a.count : 0.0;
    variance += b.count > 0 ? 1.0 / b.count : 0.0;
    out->log_se = sqrt(variance);
    interval_set(out, &a, &b);
}

/* log of the mean of a stretch made of blocks. */
static double side_redraw(const struct side *s, size_t block, gsl_rng *rng)
{
    double count = 0, watched = 0;
    for (size_t done = 0; done < s->n;) {
        size_t start = gsl_rng_uniform_int(rng, s->n);
        for (size_t i = 0; i < block && done < s->n; i++, done++) {
            size_t k = (start + i) % s->n;
            double e = side_exposure(s, k);
            count += e > 0 ? s->y[k] : 0.0;
            watched += e;
        }
    }
    return log((count + 0.5) / fmax(watched, 1e-9));
}

enum err step_bootstrap(const struct step_data *d, size_t block, unsigned simulations, gsl_rng *rng,
                        struct arena *arena, struct step *out)
{
    struct side a = side_of(d, d->before_from, d->before_to);
    struct side b = side_of(d, d->after_from, d->after_to);
    step_estimate(d, out);
    if (!a.observed || !b.observed || !(a.count > 0) || !(b.count > 0)) {
        return OK;
    }
    double *draws = arena_calloc(arena, simulations + 1, sizeof *draws);
    if (!draws) {
        return ERR_NOMEM;
    }
    for (unsigned i = 0; i < simulations; i++) {
        draws[i] = side_redraw(&b, block, rng) - side_redraw(&a, block, rng);
    }
    /* Blocks vary about a mean of their own: less one block a side, as a variance is over n - 1. */
    double blocks_a = (double)a.n / (double)block, blocks_b = (double)b.n / (double)block;
    double blocks = fmin(blocks_a, blocks_b);
    out->df = fmax(blocks_a + blocks_b - 2.0, 1.0);
    out->log_se = gsl_stats_sd(draws, 1, simulations) * sqrt(blocks / fmax(blocks - 1.0, 0.5));
    interval_set(out, &a, &b);
    return OK;
}

/* Differences are clipped at so many robust standard deviations; E min(z^2, CLIP^2) of normal z. */
static const double CLIP = 2.5, CLIPPED_SQUARE = 0.97755;

/* A point of the variogram: means of `block` entries, `lag` blocks apart. Where most of a line is
 * sampling, only means of several entries show what is correlated. */
struct variogram {
    size_t block, lag;
    double total, sampling; /* half the mean square of differences; what of it is sampling */
    size_t n;               /* differences */
};
static const struct variogram POINTS[] = {{1, 1, 0, 0, 0}, {1, 2, 0, 0, 0}, {1, 3, 0, 0, 0},
                                          {1, 4, 0, 0, 0}, {1, 6, 0, 0, 0}, {1, 8, 0, 0, 0},
                                          {7, 1, 0, 0, 0}, {7, 2, 0, 0, 0}};
enum { POINT_COUNT = sizeof POINTS / sizeof *POINTS, BLOCK_MOST = 7, DIFFERENCES_LEAST = 8 };

/* Means of blocks into out[0..count / block); NAN where more than half of one is missing. */
static size_t blocks_make(const double *line, const double *sampling, size_t count, size_t block,
                          double *mean, double *variance)
{
    for (size_t b = 0; b < count / block; b++) {
        double sum = 0, noise = 0, n = 0;
        for (size_t i = b * block; i < (b + 1) * block; i++) {
            if (!isnan(line[i])) {
                sum += line[i];
                noise += sampling ? sampling[i] : 0.0;
                n++;
            }
        }
        mean[b] = 2.0 * n > (double)block ? sum / n : NAN;
        variance[b] = noise / fmax(n * n, 1.0);
    }
    return count / block;
}

static void variogram_point(const double *mean, const double *noise, size_t count, double *scratch,
                            struct variogram *v)
{
    for (size_t i = 0; i + v->lag < count; i++) {
        double difference = fabs(mean[i + v->lag] - mean[i]);
        if (!isnan(difference)) {
            scratch[v->n++] = difference;
            v->sampling += (noise[i] + noise[i + v->lag]) / 2.0;
        }
    }
    if (v->n < DIFFERENCES_LEAST) {
        v->n = 0;
        return;
    }
    double n = (double)v->n;
    gsl_sort(scratch, 1, v->n);
    double bound = CLIP * gsl_stats_median_from_sorted_data(scratch, 1, v->n) / 0.6744897501960817;
    for (size_t i = 0; i < v->n; i++) {
        double d = bound > 0 ? fmin(scratch[i], bound) : scratch[i];
        v->total += d * d / (2.0 * CLIPPED_SQUARE * n);
    }
    v->sampling /= n;
}

/* What the point comes to for an AR(1) process of unit variance. */
static double variogram_expected(const struct variogram *v, const double *power)
{
    if (v->block == 1) {
        return 1.0 - power[v->lag];
    }
    double sum = 0;
    for (size_t i = 0; i < v->block; i++) {
        for (size_t k = 0; k < v->block; k++) {
            sum += power[i > k ? i - k : k - i] - power[v->lag * v->block + k - i];
        }
    }
    return sum / (double)(v->block * v->block);
}

/* Weighted misfit of all points at this rho, and the variance that fits best. */
static double variogram_misfit(const struct variogram *v, double rho, double *variance)
{
    double power[4 * BLOCK_MOST] = {1.0}, products = 0, squares = 0, misfit = 0;
    double expected[POINT_COUNT];
    for (size_t k = 1; k < sizeof power / sizeof *power; k++) {
        power[k] = power[k - 1] * rho;
    }
    for (size_t k = 0; k < POINT_COUNT; k++) {
        expected[k] = variogram_expected(&v[k], power);
        double weight = v[k].total > 0 ? (double)v[k].n / (v[k].total * v[k].total) : 0.0;
        products += weight * expected[k] * (v[k].total - v[k].sampling);
        squares += weight * expected[k] * expected[k];
    }
    *variance = squares > 0 ? fmax(products / squares, 0.0) : 0.0;
    for (size_t k = 0; k < POINT_COUNT; k++) {
        double weight = v[k].total > 0 ? (double)v[k].n / (v[k].total * v[k].total) : 0.0;
        double miss = v[k].total - v[k].sampling - *variance * expected[k];
        misfit += weight * miss * miss;
    }
    return misfit;
}

static bool variogram_make(const double *line, const double *sampling, size_t count,
                           struct arena *arena, struct variogram *v)
{
    double *work = arena_calloc(arena, 3 * count + 1, sizeof *work);
    if (!work) {
        return false;
    }
    memcpy(v, POINTS, sizeof POINTS);
    for (size_t k = 0; k < POINT_COUNT; k++) {
        size_t n = blocks_make(line, sampling, count, v[k].block, work, work + count);
        variogram_point(work, work + count, n, work + 2 * count, &v[k]);
    }
    return v[0].n && v[1].n;
}

bool step_noise(const double *line, const double *sampling, size_t count, struct arena *arena,
                double *rho, double *variance, double *df)
{
    const double prior = 0.4, prior_n = 12.0;
    struct variogram v[POINT_COUNT];
    double least = INFINITY, best = 0, at_best = 0, n = 0, noise = 0;
    if (!variogram_make(line, sampling, count, arena, v)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        n += !isnan(line[i]);
        noise += sampling && !isnan(line[i]) ? sampling[i] : 0.0;
    }
    for (unsigned hundredths = 0; hundredths <= RHO_MAX_HUNDREDTHS; hundredths++) {
        double at = hundredths / 100.0;
        double misfit = variogram_misfit(v, at, variance);
        if (misfit < least) {
            least = misfit;
            best = at;
            at_best = *variance;
        }
    }
    /* The more of what varies is sampling, the less is known of the rest. */
    double known = at_best > 0 ? at_best / (at_best + noise / n) : 0.0;
    double worth = n * known;
    *rho = v[0].total > 0 ? (worth * best + prior_n * prior) / (worth + prior_n) : 0.0;
    variogram_misfit(v, *rho, variance);
    *df = fmax(0.7 * worth * (1.0 - *rho) / (1.0 + *rho), 3.0);
    return true;
}
