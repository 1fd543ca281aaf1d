/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Log-linear models of several lists. A model is fitted to the cells that were seen; the cell of
 * those that no list saw is what it says of all indicators being 0: e^intercept. */
#include "stat/capture.h"
#include "stat/glm.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>

enum {
    CELLS_MAX = 1 << CAPTURE_OCCASIONS_MAX,
    COLUMNS_MAX =
        2 + CAPTURE_OCCASIONS_MAX + CAPTURE_OCCASIONS_MAX * (CAPTURE_OCCASIONS_MAX - 1) / 2,
    FIT_BYTES_MAX = 64 * 1024 * 1024,
};
/* An estimate of so many times those seen says only that the lists hardly overlap. */
static const double WILD = 100.0;
static const double WEIGHT_LEAST = 1e-3; /* lighter models do not move an interval */

/* What one call works with. */
struct fitting {
    const double *cells;
    size_t lists, rows; /* rows of cells seen */
    double seen;
    struct arena *arena; /* reset for each fit */
    double x[CELLS_MAX * COLUMNS_MAX], y[CELLS_MAX];
};

static unsigned lists_of(size_t cell)
{
    return (unsigned)__builtin_popcountll(cell);
}

/* The row of a cell; returns the number of columns. */
static size_t row_make(const struct fitting *f, const struct capture_model *m, size_t cell,
                       double *row)
{
    size_t n = 0;
    row[n++] = 1.0;
    for (size_t i = 0; i < f->lists; i++) {
        row[n++] = (double)(cell >> i & 1);
    }
    for (unsigned j = 1; j < f->lists; j++) {
        for (unsigned i = 0; i < j; i++) {
            if (m->pairs >> capture_pair(i, j) & 1) {
                row[n++] = (double)(cell >> i & cell >> j & 1);
            }
        }
    }
    if (m->is_mixed) {
        row[n++] = (double)((1U << lists_of(cell)) - 1);
    }
    return n;
}

/* Fits the model; `unseen` (NAN: not) is given to the cell that no list saw. */
static enum err model_fit(struct fitting *f, const struct capture_model *m, double unseen,
                          struct glm_fit *out)
{
    size_t columns = 0, rows = 0;
    for (size_t cell = isnan(unseen) ? 1U : 0U; cell <= f->rows; cell++) {
        columns = row_make(f, m, cell, f->x + rows * columns);
        f->y[rows++] = cell ? f->cells[cell] : unseen;
    }
    arena_reset(f->arena);
    struct glm_data data = {.rows = rows, .columns = columns, .x = f->x, .y = f->y};
    if (columns > rows) {
        return ERR_UNSUPPORTED;
    }
    return glm_fit(GLM_POISSON, &data, f->arena, out);
}

/* A pair that no individual has in common has no finite interaction. */
static bool pairs_overlap(const struct fitting *f, unsigned pairs)
{
    for (unsigned j = 1; j < f->lists; j++) {
        for (unsigned i = 0; i < j; i++) {
            double both = 0.0;
            for (size_t cell = 1; cell <= f->rows; cell++) {
                both += cell >> i & cell >> j & 1 ? f->cells[cell] : 0.0;
            }
            if ((pairs >> capture_pair(i, j) & 1) && !(both > 0.0)) {
                return false;
            }
        }
    }
    return true;
}

static enum err model_run(struct fitting *f, struct capture_model *m)
{
    struct glm_fit fit;
    *m = (struct capture_model){
        .pairs = m->pairs, .is_mixed = m->is_mixed, .n = NAN, .se = NAN, .aic = NAN};
    enum err e = pairs_overlap(f, m->pairs) ? model_fit(f, m, NAN, &fit) : ERR_UNSUPPORTED;
    if (e) {
        return e == ERR_UNSUPPORTED ? OK : e; /* more terms than cells: not admissible */
    }
    double unseen = exp(fit.beta[0]);
    double variance = unseen + unseen * unseen * fit.se[0] * fit.se[0];
    m->n = f->seen + unseen;
    m->se = sqrt(variance);
    m->deviance = fit.deviance;
    m->aic = fit.aic;
    m->df = fit.df;
    m->is_admissible = fit.is_converged && isfinite(m->n) && isfinite(m->se) && isfinite(m->aic) &&
                       unseen <= WILD * f->seen;
    return OK;
}

static enum err fitting_begin(struct fitting **out, const double *cells, size_t lists)
{
    if (lists < 2 || lists > CAPTURE_OCCASIONS_MAX) {
        panic("capture: %zu lists", lists);
    }
    double seen = 0.0;
    size_t rows = ((size_t)1 << lists) - 1;
    for (size_t cell = 1; cell <= rows; cell++) {
        seen += cells[cell];
    }
    if (!(seen > 0.0)) {
        return ERR_USAGE;
    }
    struct fitting *f = malloc(sizeof *f);
    struct arena *arena = arena_new(FIT_BYTES_MAX);
    if (!f || !arena) {
        free(f);
        arena_free(arena);
        return ERR_NOMEM;
    }
    f->cells = cells;
    f->lists = lists;
    f->rows = rows;
    f->seen = seen;
    f->arena = arena;
    *out = f;
    return OK;
}

static void fitting_end(struct fitting *f)
{
    arena_free(f->arena);
    free(f);
}

enum err capture_fit(const double *cells, size_t lists, struct capture_model *out)
{
    struct fitting *f;
    enum err e = fitting_begin(&f, cells, lists);
    if (!e) {
        e = model_run(f, out);
        fitting_end(f);
    }
    return e;
}

/* ---- the average ---- */

struct averaging {
    struct fitting *fitting;
    struct capture_model models[CAPTURE_MODELS_MAX];
    size_t count;
};

static int aic_cmp(const void *pa, const void *pb)
{
    const struct capture_model *a = pa, *b = pb;
    if (a->is_admissible != b->is_admissible) {
        return a->is_admissible ? -1 : 1;
    }
    if (a->aic != b->aic) {
        return a->aic < b->aic ? -1 : 1;
    }
    return (a->pairs > b->pairs) - (a->pairs < b->pairs);
}

/* Fits all, best first, with weights. Returns how many are admissible. */
static enum err models_run(struct averaging *a, size_t *admissible)
{
    size_t pairs = a->fitting->lists * (a->fitting->lists - 1) / 2;
    double sum = 0.0;
    a->count = (size_t)1 << pairs;
    for (size_t k = 0; k < a->count; k++) {
        a->models[k] = (struct capture_model){.pairs = (unsigned)k};
        enum err e = model_run(a->fitting, &a->models[k]);
        if (e) {
            return e;
        }
    }
    qsort(a->models, a->count, sizeof *a->models, aic_cmp);
    *admissible = 0;
    while (*admissible < a->count && a->models[*admissible].is_admissible) {
        struct capture_model *m = &a->models[(*admissible)++];
        m->weight = exp((a->models[0].aic - m->aic) / 2.0);
        sum += m->weight;
    }
    for (size_t k = 0; k < *admissible; k++) {
        a->models[k].weight /= sum;
    }
    return OK;
}

/* The weighted part of the models' likelihoods that lies below n: 0.025 and 0.975 are the ends of
 * the interval. */
static enum err tail_below(struct averaging *a, double n, double *out)
{
    double below = 0.0, weights = 0.0;
    for (size_t k = 0; k < a->count && a->models[k].weight >= WEIGHT_LEAST; k++) {
        const struct capture_model *m = &a->models[k];
        struct glm_fit fit;
        enum err e = model_fit(a->fitting, m, n - a->fitting->seen, &fit);
        if (e) {
            return e;
        }
        double root = sqrt(fmax(fit.deviance - m->deviance, 0.0));
        below += m->weight * gsl_cdf_ugaussian_P(n < m->n ? -root : root);
        weights += m->weight;
    }
    *out = below / weights;
    return OK;
}

static enum err interval_end(struct averaging *a, double target, double *out)
{
    double seen = a->fitting->seen, unseen = a->models[0].n - seen;
    double low = log(fmax(unseen, 0.5) / 1e3), high = log(fmax(unseen, 0.5) * 1e3);
    for (int i = 0; i < 40; i++) {
        double middle = (low + high) / 2.0, below = 0.0;
        enum err e = tail_below(a, seen + exp(middle), &below);
        if (e) {
            return e;
        }
        if (below < target) {
            low = middle;
        } else {
            high = middle;
        }
    }
    *out = seen + exp((low + high) / 2.0);
    return OK;
}

enum err capture_lists(const double *cells, size_t lists, struct capture_average *out)
{
    struct fitting *f;
    struct averaging *a = NULL;
    struct capture_average r = {.independent = NAN};
    if (lists > CAPTURE_LISTS_MAX) {
        panic("capture_lists: %zu lists", lists);
    }
    enum err e = fitting_begin(&f, cells, lists);
    if (e) {
        return e;
    }
    a = calloc(1, sizeof *a);
    if (!a) {
        e = ERR_NOMEM;
        goto done;
    }
    a->fitting = f;
    e = models_run(a, &r.admissible);
    if (!e && !r.admissible) {
        e = ERR_NOTFOUND;
    }
    if (e) {
        goto done;
    }
    r.models = a->count;
    r.best = a->models[0];
    for (size_t k = 0; k < r.admissible; k++) {
        r.n.n += a->models[k].weight * a->models[k].n;
        r.independent = a->models[k].pairs ? r.independent : a->models[k].n;
    }
    for (size_t k = 0; k < r.admissible; k++) {
        double off = a->models[k].n - r.n.n;
        r.n.se += a->models[k].weight * sqrt(a->models[k].se * a->models[k].se + off * off);
    }
    e = interval_end(a, 0.025, &r.n.low);
    e = e ? e : interval_end(a, 0.975, &r.n.high);
    *out = e ? *out : r;
done:
    free(a);
    fitting_end(f);
    return e;
}
