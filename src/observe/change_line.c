/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One line: season and noise, the search, and which of what it found is real.
 *
 * The search is PELT at 2 log n, inflated by the autocorrelation of the line; its CROPS path says
 * how far each change stands above that. Then the weakest change is put to the bootstrap, and taken
 * out when it fails, until the weakest holds; what was taken out no longer cuts its neighbours. */
#include "observe/change_line.h"

#include "observe/season.h"
#include "stat/random.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>

enum {
    COUNTS_FEW = 20, /* median counts below: logarithms are not normal, counts are modelled */

    SMOOTH = 3,         /* buckets on each side in the median that gives sampling variances */
    STRETCH = 90,       /* buckets on each side of a change that its bootstrap works on */
    SIMULATIONS = 399,  /* p < .01 with two that reach it; most are clear after a third */
    PATH_ITEMS = 24,    /* partitions of the penalty path */
    OBSERVED_LEAST = 8, /* fewer buckets are not a line */
    BYTES_OF_MESSAGE = 4096
};
/* Noise is read from buckets whose sampling variance is at most so many times that of the best, and
 * from all where it is small; never where less than three messages are expected. */
static const double SAMPLING_SPREAD = 3.0, SAMPLING_SMALL = 0.01, SAMPLING_MOST = 1.0 / 3.5;
/* Variance and rho err together, so the variance of a mean is known with fewer degrees of freedom
 * than step_noise says of the variance. */
static const double TEST_DF = 0.35, TEST_DF_LEAST = 12.0; /* rho is bounded and drawn to a prior */
/* The path goes up to so many times the penalty. */
static const double PATH_HIGH = 64.0;
static const double P_LEAST = 0.01; /* METHODS B6 */
/* When even n times the tail of one test is below this nothing is simulated. */
static const double P_CLEAR = 1e-8;
/* Noise of a line that is too thin to tell its own: log-sd 0.2 at rho 0.3, of the range of METHODS
 * D.1; and the least that is believed of any line. */
static const double VARIANCE_DEFAULT = 0.04, VARIANCE_LEAST = 0.0004, RHO_DEFAULT = 0.3;

static size_t min_length(const struct change_line *l)
{
    return l->series->bucket == BUCKET_HOUR ? 3 : 2;
}

/* ---- the line ---- */

static double median_around(const struct change_line *l, size_t i)
{
    double window[2 * SMOOTH + 1];
    size_t n = 0;
    size_t from = i > SMOOTH ? i - SMOOTH : 0;
    size_t to = i + SMOOTH < l->count ? i + SMOOTH + 1 : l->count;
    for (size_t k = from; k < to; k++) {
        if (l->exposure[k] > 0) {
            window[n++] = l->y[k] / l->exposure[k];
        }
    }
    gsl_sort(window, 1, n);
    return n ? gsl_stats_median_from_sorted_data(window, 1, n) : 0.0;
}

/* Where a line is so thin that counting hides what else varies, it says nothing of its noise: the
 * sampling variance up to which a bucket does. */
static double sampling_bound(const struct change_line *l, double *sorted)
{
    size_t n = 0;
    for (size_t i = 0; i < l->count; i++) {
        if (l->exposure[i] > 0) {
            sorted[n++] = l->sampling[i];
        }
    }
    gsl_sort(sorted, 1, n);
    double best = n ? gsl_stats_quantile_from_sorted_data(sorted, 1, n, 0.1) : 0.0;
    return fmin(fmax(SAMPLING_SPREAD * best, SAMPLING_SMALL), SAMPLING_MOST);
}

static enum err line_noise(struct change_line *l, struct arena *scratch)
{
    double *clear = arena_calloc(scratch, 2 * l->count + 1, sizeof *clear);
    if (!clear) {
        return ERR_NOMEM;
    }
    double *counts = clear + l->count;
    for (size_t i = 0; i < l->count; i++) {
        double mean = l->exposure[i] > 0 ? median_around(l, i) * l->exposure[i] : 0.0;
        l->sampling[i] = 1.0 / (mean + 0.5);
        if (l->exposure[i] > 0) {
            counts[l->observed++] = l->y[i];
        }
    }
    double bound = sampling_bound(l, clear);
    for (size_t i = 0; i < l->count; i++) {
        clear[i] = l->sampling[i] <= bound ? l->residual[i] : NAN;
    }
    if (!step_noise(clear, l->sampling, l->count, scratch, &l->rho, &l->variance, &l->noise_df)) {
        l->rho = RHO_DEFAULT;
        l->variance = VARIANCE_DEFAULT;
        l->noise_df = 10;
    }
    l->variance = fmax(l->variance, VARIANCE_LEAST);
    if (l->observed) {
        l->is_count = gsl_stats_median(counts, 1, l->observed) < COUNTS_FEW;
    }
    /* Only the level's own noise is autocorrelated; that of counting is not. Buckets count by what
     * they weigh in a level. */
    double whole = 0, inflated = 0, latent = 0, factor = segment_inflation(l->rho);
    for (size_t i = 0; i < l->count; i++) {
        double variance = l->variance + l->sampling[i];
        if (l->exposure[i] > 0) {
            whole += 1.0 / variance;
            inflated += (l->sampling[i] + l->variance * factor) / (variance * variance);
            latent += l->variance * factor / (variance * variance);
        }
    }
    l->inflation = whole > 0 ? inflated / whole : factor;
    double share = inflated > 0 ? latent / inflated : 1.0,
           df = fmax(TEST_DF * l->noise_df, TEST_DF_LEAST);

    l->latent_caution = 1.0 + sqrt(2.0 / df);
    l->caution = 1.0 + share * sqrt(2.0 / df);
    l->test_df = fmin(df / (share * share), 1e6);
    return OK;
}

enum err change_line_make(const struct series *s, struct arena *scratch, struct change_line *out)
{
    struct season season;
    enum err e = season_fit(s, SEASON_BOTH, scratch, &season);
    double *values = arena_calloc(scratch, 4 * s->count + 1, sizeof *values);
    if (e != OK || !values) {
        return ERR_NOMEM;
    }
    *out = (struct change_line){.series = s,
                                .count = s->count,
                                .y = values,
                                .exposure = values + s->count,
                                .residual = values + 2 * s->count,
                                .sampling = values + 3 * s->count,
                                .scale = s->key.unit == UNIT_BYTES ? BYTES_OF_MESSAGE : 1.0};
    for (size_t i = 0; i < s->count; i++) {
        bool is_watched = s->exposure[i] > 0;
        out->y[i] = is_watched ? s->observed[i] / out->scale : 0.0;
        out->exposure[i] = is_watched ? s->exposure[i] * exp(season.log_factor[i]) : 0.0;
        out->residual[i] = is_watched ? log((out->y[i] + 0.5) / out->exposure[i]) : NAN;
    }
    return line_noise(out, scratch);
}

void change_line_step(const struct change_line *l, size_t before_from, size_t before_to,
                      size_t after_from, size_t after_to, struct step *out)
{
    struct step_data d = {.y = l->y,
                          .exposure = l->exposure,
                          .before_from = before_from,
                          .before_to = before_to,
                          .after_from = after_from,
                          .after_to = after_to,
                          .rho = l->rho,
                          .variance = l->variance,
                          .noise_df = l->noise_df};
    step_estimate(&d, out);
    out->before *= l->scale;
    out->after *= l->scale;
}

/* ---- the search ---- */

/* The buckets [from, to) of a line as the models of stat/segment.h want them. */
static enum err data_make(const struct change_line *l, size_t from, size_t to,
                          struct arena *scratch, struct segment_data *out)
{
    size_t n = to - from;
    double *weight = arena_calloc(scratch, n + 1, sizeof *weight);
    if (!weight) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        size_t k = from + i;
        double precision = 1.0 / (l->variance + l->sampling[k]);
        weight[i] = l->exposure[k] > 0 ? (l->is_count ? l->exposure[k] : precision) : 0.0;
    }
    *out = (struct segment_data){.family = l->is_count ? SEGMENT_NEGATIVE : SEGMENT_NORMAL,
                                 .count = n,
                                 .y = (l->is_count ? l->y : l->residual) + from,
                                 .weight = weight,
                                 .theta = 1.0 / l->variance};
    return OK;
}

/* A line of the same noise without a change. */
struct draw {
    const struct change_line *line;
    size_t from;
    double level;
};

static void draw_null(void *arg, gsl_rng *rng, double *y, size_t count)
{
    const struct draw *d = arg;
    const struct change_line *l = d->line;
    double variance = l->variance * l->latent_caution;
    double sd = sqrt(variance), step = sd * sqrt(1.0 - l->rho * l->rho);
    double latent = gsl_ran_gaussian_ziggurat(rng, sd);
    for (size_t i = 0; i < count; i++) {
        size_t k = d->from + i;
        if (l->exposure[k] > 0 && l->is_count) {
            y[i] = gsl_ran_poisson(rng, d->level * l->exposure[k] * exp(latent - variance / 2));
        } else if (l->exposure[k] > 0) {
            y[i] = latent + gsl_ran_gaussian_ziggurat(rng, sqrt(l->sampling[k]));
        }
        latent = l->rho * latent + gsl_ran_gaussian_ziggurat(rng, step);
    }
}

struct search {
    const struct change_line *line;
    size_t offset; /* first bucket of the run that is searched */
    const struct segment_model *model;
    gsl_rng *rng;
    struct arena *scratch;
    size_t *cuts; /* 0, changes, end of the run: count + 2 */
    size_t count;
    struct change_candidate *items; /* by cut: items[i] is of cuts[i + 1] */
};

/* Its statistic between its neighbours, and whether the bootstrap confirms it. */
static enum err candidate_test(struct search *s, size_t i)
{
    const struct change_line *l = s->line;
    struct change_candidate *c = &s->items[i];
    size_t at = s->cuts[i + 1], from = s->cuts[i], to = s->cuts[i + 2], start = at;
    from = at - from > STRETCH ? at - STRETCH : from;
    to = to - at > STRETCH ? at + STRETCH : to;
    double statistic = segment_best_change(s->model, from, to, min_length(l), &start);
    c->statistic = statistic / (l->inflation * l->caution);
    double clear = (double)(to - from) * gsl_cdf_fdist_Q(c->statistic, 1.0, l->test_df);
    if (clear < P_CLEAR) {
        c->p = c->tail = clear;
        return OK;
    }
    struct segment_data data;
    enum err e = data_make(l, s->offset + from, s->offset + to, s->scratch, &data);
    if (e != OK) {
        return e;
    }
    struct draw draw = {l, s->offset + from, segment_level(s->model, from, to)};
    struct segment_null null = {.data = &data,
                                .min_length = min_length(l),
                                .draw = draw_null,
                                .arg = &draw,
                                .simulations = SIMULATIONS,
                                .df = l->test_df};
    return segment_bootstrap(&null, statistic, s->rng, s->scratch, &c->p, &c->tail);
}

/* Twice the log likelihood ratio of a cut as it stands. */
static double cut_gain(const struct search *s, size_t i)
{
    size_t from = s->cuts[i], at = s->cuts[i + 1], to = s->cuts[i + 2];
    return segment_cost(s->model, from, to) - segment_cost(s->model, from, at) -
           segment_cost(s->model, at, to);
}

static size_t weakest_untested(const struct search *s, const bool *is_tested)
{
    size_t weakest = s->count;
    double least = INFINITY;
    for (size_t i = 0; i < s->count; i++) {
        double gain = is_tested[i] ? INFINITY : cut_gain(s, i);
        if (gain < least) {
            least = gain;
            weakest = i;
        }
    }
    return weakest;
}

static void cut_remove(struct search *s, bool *is_tested, size_t i)
{
    size_t rest = s->count - i - 1;
    memmove(s->cuts + i + 1, s->cuts + i + 2, (rest + 1) * sizeof *s->cuts);
    memmove(s->items + i, s->items + i + 1, rest * sizeof *s->items);
    memmove(is_tested + i, is_tested + i + 1, rest * sizeof *is_tested);
    s->count--;
    for (size_t k = i ? i - 1 : 0; k <= i && k < s->count; k++) { /* neighbours look longer now */
        size_t start = s->cuts[k + 1];
        segment_best_change(s->model, s->cuts[k], s->cuts[k + 2], min_length(s->line), &start);
        s->cuts[k + 1] = start;
        is_tested[k] = false;
    }
}

/* Takes out what fails, weakest first; what failed goes to `failed`. */
static enum err cuts_confirm(struct search *s, struct change_candidate *failed, size_t max,
                             size_t *failed_count)
{
    bool *is_tested = arena_calloc(s->scratch, s->count + 1, sizeof *is_tested);
    if (!is_tested) {
        return ERR_NOMEM;
    }
    for (size_t i; (i = weakest_untested(s, is_tested)) < s->count;) {
        struct change_candidate *c = &s->items[i];
        c->from = s->cuts[i];
        c->at = c->first = c->last = s->cuts[i + 1];
        c->to = s->cuts[i + 2];
        enum err e = candidate_test(s, i);
        if (e != OK) {
            return e;
        }
        is_tested[i] = true;
        if (!(c->p < P_LEAST)) {
            if (*failed_count < max) {
                failed[(*failed_count)++] = *c;
            }
            cut_remove(s, is_tested, i);
        }
    }
    return OK;
}

/* ---- the penalty path ---- */

static bool partition_has(const struct segmentation *p, size_t at)
{
    for (size_t i = 0; i < p->count; i++) {
        size_t distance = p->starts[i] > at ? p->starts[i] - at : at - p->starts[i];
        if (distance <= 2) {
            return true;
        }
    }
    return false;
}

static enum err cuts_find(struct search *s, size_t run, struct segment_path *path, double *penalty)
{
    size_t n = segment_observations(s->model);
    struct segment_search how = {.min_length = min_length(s->line)};
    *penalty = segment_penalty_bic(n) * s->line->inflation * s->line->caution;
    enum err e =
        segment_path(s->model, &how, *penalty, *penalty * PATH_HIGH, PATH_ITEMS, s->scratch, path);
    if (e != OK) {
        return e;
    }
    struct segmentation finest = path->items[0].segmentation;
    if (path->items[0].penalty > *penalty) { /* the path was cut: the finest is not in it */
        how.penalty = *penalty;
        e = segment_pelt(s->model, &how, s->scratch, &finest);
    }
    s->cuts = arena_calloc(s->scratch, finest.count + 2, sizeof *s->cuts);
    s->items = arena_calloc(s->scratch, finest.count + 1, sizeof *s->items);
    if (e != OK || !s->cuts || !s->items) {
        return ERR_NOMEM;
    }
    s->count = finest.count;
    for (size_t i = 0; i < finest.count; i++) {
        s->cuts[i + 1] = finest.starts[i];
    }
    s->cuts[s->count + 1] = run;
    return OK;
}

static void candidate_place(const struct search *s, const struct segment_path *path, double penalty,
                            struct change_candidate *c)
{
    c->prominence = 1.0;
    for (size_t i = 0; i < path->count; i++) {
        const struct segment_path_item *item = &path->items[i];
        if (partition_has(&item->segmentation, c->at)) {
            double until = i + 1 < path->count ? path->items[i + 1].penalty : penalty * PATH_HIGH;
            c->prominence = until / penalty;
        }
    }
    size_t elbow = segment_path_elbow(path);
    c->is_main = path->count && partition_has(&path->items[elbow].segmentation, c->at);
    c->from += s->offset;
    c->at += s->offset;
    c->to += s->offset;
    c->first += s->offset;
    c->last += s->offset;
}

/* When it was; the date itself may move by what the correlation of neighbours tells. */
static enum err candidate_date(struct search *s, size_t i)
{
    const struct change_line *l = s->line;
    struct change_candidate *c = &s->items[i];
    struct segment_dates dates;
    c->from = s->cuts[i];
    c->at = s->cuts[i + 1];
    c->to = s->cuts[i + 2];
    if (l->is_count) {
        enum err e = segment_date_set(s->model, c->from, c->to, min_length(l), l->inflation, 0.95,
                                      NULL, s->scratch, &dates);
        c->first = dates.first;
        c->last = dates.last;
        return e;
    }
    struct segment_line line = {.y = l->residual + s->offset,
                                .sampling = l->sampling + s->offset,
                                .rho = l->rho,
                                .variance = l->variance};
    enum err e =
        segment_date_set_ar1(&line, c->from, c->at, c->to, min_length(l), 0.95, s->scratch, &dates);
    if (e == OK) {
        s->cuts[i + 1] = c->at = dates.best;
        c->first = dates.first;
        c->last = dates.last;
    }
    return e;
}

/* The run [from, to) of one network. */
static enum err run_search(struct search *s, size_t run, struct change_candidate *out, size_t max,
                           size_t *count)
{
    struct segment_data data;
    struct segment_path path;
    double penalty;
    size_t first = *count;
    enum err e = data_make(s->line, s->offset, s->offset + run, s->scratch, &data);
    e = e == OK ? segment_model_new(&data, s->scratch, &s->model) : e;
    if (e != OK || segment_observations(s->model) < OBSERVED_LEAST) {
        return e;
    }
    e = cuts_find(s, run, &path, &penalty);
    e = e == OK ? cuts_confirm(s, out, max, count) : e;
    for (size_t i = 0; e == OK && i < s->count && *count < max; i++) {
        e = candidate_date(s, i);
        out[(*count)++] = s->items[i];
    }
    for (size_t i = first; e == OK && i < *count; i++) {
        candidate_place(s, &path, penalty, &out[i]);
    }
    return e;
}

enum err change_line_search(const struct change_line *l, struct arena *scratch,
                            struct change_candidate *out, size_t max, size_t *count)
{
    const struct series *s = l->series;
    gsl_rng *rng = random_seeded(s->key.value);
    enum err e = rng ? OK : ERR_NOMEM;
    for (size_t from = 0, to; e == OK && from < s->count; from = to) {
        to = from + 1;
        while (to < s->count && (!s->network || s->network[to] == s->network[from])) {
            to++;
        }
        struct search search = {.line = l, .offset = from, .rng = rng, .scratch = scratch};
        e = run_search(&search, to - from, out, max, count);
    }
    if (rng) {
        gsl_rng_free(rng);
    }
    return e;
}
