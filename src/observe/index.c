/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Windows of the panel are fitted one after the other and joined where they overlap; residuals of
 * all windows give the noise; the noise gives the intervals. Logarithms throughout. */
#include "observe/index.h"

#include "core/clock.h"
#include "observe/index_check.h"
#include "observe/index_noise.h"
#include "observe/nowcast.h"
#include "stat/two_way.h"

#include <gsl/gsl_cdf.h>
#include <math.h>

static const char *const STEP_NAMES[INDEX_STEP_COUNT] = {"hour", "day", "week", "month"};
static const size_t WINDOWS[INDEX_STEP_COUNT] = {336, 91, 52, 24};
enum { BASE_DAYS = 28, WINDOW_MIN = 3 };

const char *index_step_name(enum index_step s)
{
    return STEP_NAMES[s];
}

bool index_step_parse(struct slice s, enum index_step *out)
{
    for (enum index_step k = 0; k < INDEX_STEP_COUNT; k++) {
        if (slice_eq(s, slice_cstr(STEP_NAMES[k]))) {
            *out = k;
            return true;
        }
    }
    return false;
}

struct build {
    const struct index_panel *p;
    const struct index_options *o;
    struct arena *arena, *scratch; /* scratch: of one window */
    enum two_way_kind kind;
    double *log_index; /* by time; NAN: gap. Scaled to the first window's traps */
    double *size; /* by trap: log of what it counts at log_index 0, as last fitted; NAN: not yet */
    /* by time, of the traps watched: */
    double *own;         /* sum w^2 / mean */
    double *square;      /* sum w^2 */
    double *site_weight; /* times * sites: sum of w */
    double *mean;        /* sum of fitted means */
    bool *is_unlinked;
    double *column_count, *column_mean; /* by trap: one column */
    struct index_noise_sums sums;
    struct index_noise noise;
    size_t windows;
};

static size_t cell(const struct build *b, size_t trap, size_t time)
{
    return trap * b->p->times + time;
}

/* ---- one window ---- */

/* What is added to the window's log columns so that they go on from what is there: the mean over
 * the overlap (mean splice: Diewert and Fox 2020), else the traps' sizes. NAN: nothing in common.
 */
static double window_link(const struct build *b, const struct two_way_fit *f, size_t first,
                          size_t done)
{
    double sum = 0, n = 0;
    for (size_t t = first; t < done; t++) {
        double c = f->column[t - first];
        if (c > 0 && isfinite(b->log_index[t])) {
            sum += b->log_index[t] - log(c);
            n++;
        }
    }
    for (size_t i = 0; i < b->p->traps && n == 0; i++) {
        if (f->row[i] > 0 && isfinite(b->size[i])) {
            sum += f->row[i] * (log(f->row[i]) - b->size[i]);
        }
    }
    if (n > 0) {
        return sum / n;
    }
    for (size_t i = 0; i < b->p->traps; i++) {
        n += f->row[i] > 0 && isfinite(b->size[i]) ? f->row[i] : 0;
    }
    return n > 0 ? sum / n : NAN;
}

/* Keeps of column t what its interval is made of, and its residuals. */
static void column_keep(struct build *b, const struct two_way_fit *f, size_t first, size_t t,
                        double keep)
{
    const struct index_panel *p = b->p;
    double all = 0;
    size_t watched = 0;
    for (size_t i = 0; i < p->traps; i++) {
        double mean = f->row[i] * f->column[t - first] * (double)p->exposure[cell(b, i, t)];
        b->column_mean[i] = mean;
        b->column_count[i] = p->count[cell(b, i, t)];
        all += mean;
        watched += mean > 0;
    }
    b->mean[t] = all;
    for (size_t i = 0; i < p->traps && all > 0; i++) {
        double mean = b->column_mean[i];
        if (mean > 0) {
            double w = b->kind == TWO_WAY_LOG ? 1.0 / (double)watched : mean / all;
            b->own[t] += w * w / mean;
            b->square[t] += w * w;
            b->site_weight[t * p->sites + p->site[i]] += w;
        }
    }
    if (all > 0) {
        index_noise_add(&b->sums, p->traps, p->site, b->column_count, b->column_mean, keep);
    }
}

/* Nothing came in the window: there is nothing to fit, and its steps are zeros where somebody
 * watched. */
static bool window_is_silent(struct build *b, size_t first, size_t end, size_t done)
{
    const struct index_panel *p = b->p;
    for (size_t i = 0; i < p->traps; i++) {
        for (size_t t = first; t < end; t++) {
            if (p->exposure[cell(b, i, t)] > 0 && p->count[cell(b, i, t)] > 0) {
                return false;
            }
        }
    }
    for (size_t t = done; t < end; t++) {
        b->log_index[t] = NAN;
        for (size_t i = 0; i < p->traps; i++) {
            if (p->exposure[cell(b, i, t)] > 0) {
                b->log_index[t] = -INFINITY;
            }
        }
    }
    return true;
}

static enum err window_fit(struct build *b, size_t first, size_t end, size_t done)
{
    const struct index_panel *p = b->p;
    size_t n = end - first;
    if (window_is_silent(b, first, end, done)) {
        return OK;
    }
    arena_reset(b->scratch);
    double *y = arena_calloc(b->scratch, p->traps * n, sizeof *y);
    float *exposure = arena_calloc(b->scratch, p->traps * n, sizeof *exposure);
    if (!y || !exposure) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < p->traps; i++) {
        memcpy(y + i * n, p->count + cell(b, i, first), n * sizeof *y);
        memcpy(exposure + i * n, p->exposure + cell(b, i, first), n * sizeof *exposure);
    }
    struct two_way_data d = {p->traps, n, y, exposure};
    struct two_way_fit f;
    enum err e = two_way_fit(b->kind, &d, b->scratch, &f);
    if (e) {
        return e;
    }
    double link = b->windows ? window_link(b, &f, first, done) : 0;
    for (size_t t = done; t < end; t++) {
        double c = f.column[t - first];
        b->is_unlinked[t] = isfinite(c) && !isfinite(link);
        b->log_index[t] = isfinite(c) && isfinite(link) ? log(c) + link : NAN;
        if (isfinite(c)) {
            column_keep(b, &f, first, t, 1 - 1 / (double)n);
        }
    }
    for (size_t i = 0; i < p->traps && isfinite(link); i++) {
        b->size[i] = f.row[i] > 0 ? log(f.row[i]) - link : b->size[i];
    }
    b->windows++;
    return OK;
}

/* A window after the other, each a third further on; the last one ends with the panel. */
static enum err windows_fit(struct build *b, size_t window)
{
    size_t times = b->p->times, done = 0;
    window = window < WINDOW_MIN ? WINDOW_MIN : window;
    size_t advance = window / 3 ? window / 3 : 1;
    enum err e = OK;
    while (!e && done < times) {
        size_t end = done ? done + advance : window;
        end = end < times ? end : times;
        size_t first = end > window ? end - window : 0;
        e = window_fit(b, first, end, done);
        done = end;
    }
    return e;
}

/* ---- intervals ---- */

/* Covariance of two steps' log index through the sites that both have. */
static double sites_covariance(const struct build *b, size_t t, size_t u)
{
    size_t lag = t > u ? t - u : u - t;
    double decay = lag ? pow(b->noise.rho, (double)lag) : 1;
    if (decay < 1e-4 || b->noise.site_var <= 0) {
        return 0;
    }
    double sum = 0;
    for (size_t g = 0; g < b->p->sites; g++) {
        sum += b->site_weight[t * b->p->sites + g] * b->site_weight[u * b->p->sites + g];
    }
    return b->noise.site_var * decay * sum;
}

/* Counting, the traps' own noise, and what of late feeds is still to come. */
static double own_variance(const struct build *b, size_t t)
{
    double late = b->p->late_variance ? b->p->late_variance[t] : 0;
    return b->noise.s * b->own[t] + b->noise.trap_var * b->square[t] + late;
}

struct base {
    size_t *times;
    size_t count;
    double mean;     /* of log_index */
    double variance; /* of that mean */
};

static enum err base_find(struct build *b, int64_t since, int64_t until, struct base *out,
                          struct errbuf *eb)
{
    const struct index_panel *p = b->p;
    *out = (struct base){.times = arena_calloc(b->arena, p->times, sizeof *out->times)};
    if (!out->times) {
        return ERR_NOMEM;
    }
    for (size_t t = 0; t < p->times; t++) {
        if (p->from[t] < until && p->from[t + 1] > since && isfinite(b->log_index[t])) {
            out->times[out->count++] = t;
            out->mean += b->log_index[t];
        }
    }
    if (!out->count) {
        return err_set(eb, ERR_NOTFOUND,
                       "no trap saw anything of it in the base period: choose another one");
    }
    double n = (double)out->count;
    out->mean /= n;
    for (size_t i = 0; i < out->count; i++) {
        out->variance += own_variance(b, out->times[i]);
        for (size_t k = 0; k < out->count; k++) {
            out->variance += sites_covariance(b, out->times[i], out->times[k]);
        }
    }
    out->variance /= n * n;
    return OK;
}

/* Of log_index[t] less the base's mean. */
static double contrast_variance(const struct build *b, const struct base *base, size_t t)
{
    double own = own_variance(b, t), cross = 0;
    for (size_t i = 0; i < base->count; i++) {
        size_t u = base->times[i];
        cross += sites_covariance(b, t, u) + (u == t ? own : 0);
    }
    double v = own + sites_covariance(b, t, t) + base->variance - 2 * cross / (double)base->count;
    return fmax(v, 0);
}

static void point_fill(const struct build *b, const struct base *base, const double *network,
                       double quantile, size_t t, struct index_point *out)
{
    const struct index_panel *p = b->p;
    struct index_point point = {.from = p->from[t],
                                .until = p->from[t + 1],
                                .index = NAN,
                                .low = NAN,
                                .high = NAN,
                                .level = NAN,
                                .level_low = NAN,
                                .level_high = NAN,
                                .completeness = p->completeness ? p->completeness[t] : 1};
    point.is_incomplete = point.completeness < NOWCAST_COMPLETE;
    double watched = 0;
    for (size_t i = 0; i < p->traps; i++) {
        double exposure = (double)p->exposure[cell(b, i, t)];
        point.observed += exposure > 0 ? p->count[cell(b, i, t)] : 0;
        watched += isfinite(b->size[i]) ? exp(b->size[i]) * exposure : 0;
    }
    point.exposure = *network > 0 ? fmin(watched / *network, 1) : 0;
    bool is_zero = b->log_index[t] < 0 && isinf(b->log_index[t]);
    if ((is_zero && !(watched > 0)) || isnan(b->log_index[t])) {
        /* A zero of traps that never saw anything of it says nothing. */
        point.gap = is_zero || b->is_unlinked[t] ? INDEX_UNLINKED : INDEX_UNWATCHED;
        *out = point;
        return;
    }
    if (point.observed > 0) {
        double log_index = b->log_index[t] - base->mean;
        double half = quantile * sqrt(contrast_variance(b, base, t));
        double level_half = quantile * sqrt(own_variance(b, t) + sites_covariance(b, t, t));
        point.index = 100 * exp(log_index);
        point.low = 100 * exp(log_index - half);
        point.high = 100 * exp(log_index + half);
        point.level = point.exposure > 0 ? point.observed / point.exposure : NAN;
        point.level_low = point.level * exp(-level_half);
        point.level_high = point.level * exp(level_half);
    } else {
        /* Nothing came: up to 3.69 could have been expected (exact Poisson, 97.5 %). */
        double most = 3.6888794541139363 * b->noise.s;
        point.index = point.low = point.level = point.level_low = 0;
        point.high = watched > 0 ? 100 * most / watched * exp(-base->mean) : NAN;
        point.level_high = point.exposure > 0 ? most / point.exposure : NAN;
    }
    *out = point;
}

/* ---- the whole ---- */

static enum err build_begin(struct build *b)
{
    const struct index_panel *p = b->p;
    size_t n = p->times;
    b->log_index = arena_calloc(b->arena, n, sizeof *b->log_index);
    b->size = arena_calloc(b->arena, p->traps, sizeof *b->size);
    b->own = arena_calloc(b->arena, n, sizeof *b->own);
    b->square = arena_calloc(b->arena, n, sizeof *b->square);
    b->site_weight = arena_calloc(b->arena, n * p->sites, sizeof *b->site_weight);
    b->mean = arena_calloc(b->arena, n, sizeof *b->mean);
    b->is_unlinked = arena_calloc(b->arena, n, sizeof *b->is_unlinked);
    b->column_count = arena_calloc(b->arena, p->traps, sizeof *b->column_count);
    b->column_mean = arena_calloc(b->arena, p->traps, sizeof *b->column_mean);
    if (!b->log_index || !b->size || !b->own || !b->square || !b->site_weight || !b->mean ||
        !b->is_unlinked || !b->column_count || !b->column_mean) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < p->traps; i++) {
        b->size[i] = NAN;
    }
    return index_noise_begin(&b->sums, p->sites, b->arena);
}

static enum err points_build(struct build *b, const struct base *base, struct index *out)
{
    const struct index_panel *p = b->p;
    struct index_point *points = arena_calloc(b->arena, p->times, sizeof *points);
    if (!points) {
        return ERR_NOMEM;
    }
    double network = 0;
    bool *is_site = arena_calloc(b->arena, p->sites + 1, sizeof *is_site);
    if (!is_site) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < p->traps; i++) {
        if (isfinite(b->size[i])) {
            network += exp(b->size[i]);
            out->traps++;
            out->sites += !is_site[p->site[i]];
            is_site[p->site[i]] = true;
        }
    }
    double quantile = gsl_cdf_tdist_Pinv(0.975, b->noise.df);
    for (size_t t = 0; t < p->times; t++) {
        point_fill(b, base, &network, quantile, t, &points[t]);
    }
    out->points = points;
    out->count = p->times;
    return OK;
}

static enum err index_build(struct build *b, struct index *out, struct errbuf *eb)
{
    const struct index_panel *p = b->p;
    int64_t since = b->o->base_since, until = b->o->base_until;
    struct base base;
    if (!since && !until) {
        int64_t half = (p->from[p->times] - p->from[0]) / 2;
        int64_t length = (int64_t)BASE_DAYS * SECONDS_PER_DAY;
        since = p->from[0];
        until = since + (half < length ? half : length);
    }
    enum err e = build_begin(b);
    e = e ? e : windows_fit(b, b->o->window ? b->o->window : WINDOWS[p->step]);
    if (e) {
        return e;
    }
    b->noise = index_noise_end(&b->sums);
    e = base_find(b, since, until, &base, eb);
    if (e) {
        return e;
    }
    *out = (struct index){
        .base_since = since,
        .base_until = until,
        .windows = b->windows,
        .dispersion = b->noise.s,
        .trap_sd = sqrt(b->noise.trap_var),
        .site_sd = b->noise.has_sites ? sqrt(b->noise.site_var) : NAN,
        .site_persistence = b->noise.rho,
    };
    e = points_build(b, &base, out);
    return e ? e : index_check(p, b->kind, b->log_index, b->windows, b->scratch, out);
}

enum err index_compute(const struct index_panel *panel, const struct index_options *o,
                       struct arena *arena, struct index *out, struct errbuf *eb)
{
    enum { SCRATCH_BYTES_MAX = 192 * 1024 * 1024 };
    struct build b = {
        .p = panel,
        .o = o,
        .arena = arena,
        .scratch = arena_new(SCRATCH_BYTES_MAX),
        .kind = o->weighting == INDEX_BY_TRAP ? TWO_WAY_LOG
                : o->is_robust                ? TWO_WAY_ROBUST
                                              : TWO_WAY_POISSON,
    };
    enum err e = b.scratch ? index_build(&b, out, eb) : ERR_NOMEM;
    arena_free(b.scratch);
    return e == ERR_NOMEM ? err_set(eb, e, "the index needs more memory than it may have") : e;
}
