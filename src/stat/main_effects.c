/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stat/main_effects.h"

#include "stat/decompose.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS_MAX = 300, BISECTIONS = 60 };
static const double TOLERANCE = 1e-10;   /* of the total */
static const double MULTIPLIER_MAX = 40; /* as a logarithm: what came from or went to nothing */
static const double COMMON_PART = 0.95;

struct fit {
    const struct effects_table *t;
    double *multiplier[MAIN_EFFECTS_DIMENSIONS_MAX]; /* by value, logarithms */
    double *ratio[MAIN_EFFECTS_DIMENSIONS_MAX];      /* e to the multiplier, less the shift */
    double *sum_before[MAIN_EFFECTS_DIMENSIONS_MAX], *sum_after[MAIN_EFFECTS_DIMENSIONS_MAX];
    double *fitted_before, *fitted_after; /* by value, of the dimension at hand */
    double *base;                         /* by cell: fitted before */
    size_t *order;
    double total_before, total_after;
    double shift[MAIN_EFFECTS_DIMENSIONS_MAX]; /* taken out of each dimension into the level */
};

static size_t value_of(const struct fit *f, size_t cell, size_t d)
{
    return f->t->value[cell * f->t->dimensions + d];
}

static double cell_log(const struct fit *f, size_t cell)
{
    double sum = 0.0;
    for (size_t d = 0; d < f->t->dimensions; d++) {
        sum += f->multiplier[d][value_of(f, cell, d)];
    }
    return sum;
}

/* after / before of a cell: what most of the time goes into, so there is no exp() in it. */
static double cell_ratio(const struct fit *f, size_t cell)
{
    double ratio = 1.0;
    for (size_t d = 0; d < f->t->dimensions; d++) {
        ratio *= f->ratio[d][value_of(f, cell, d)];
    }
    return ratio;
}

/* Brings one dimension's totals on both sides to those of the data; returns how far they were off.
 */
static double dimension_scale(struct fit *f, size_t d)
{
    const struct effects_table *t = f->t;
    double off = 0.0;
    for (size_t v = 0; v < t->values[d]; v++) {
        f->fitted_before[v] = f->fitted_after[v] = 0.0;
    }
    for (size_t c = 0; c < t->cells; c++) {
        double ratio = cell_ratio(f, c), before = (t->before[c] + t->after[c]) / (1.0 + ratio);
        f->fitted_before[value_of(f, c, d)] += before;
        f->fitted_after[value_of(f, c, d)] += before * ratio;
    }
    for (size_t v = 0; v < t->values[d]; v++) {
        double a = f->sum_after[d][v], b = f->sum_before[d][v];
        double *m = &f->multiplier[d][v];
        off = fmax(off, fabs(a - f->fitted_after[v]));
        if (a > 0.0 && b > 0.0 && f->fitted_after[v] > 0.0 && f->fitted_before[v] > 0.0) {
            *m += log(a / f->fitted_after[v] * (f->fitted_before[v] / b));
        } else if (a > 0.0 || b > 0.0) {
            *m = a > 0.0 ? MULTIPLIER_MAX : -MULTIPLIER_MAX;
        }
        *m = fmin(fmax(*m, -MULTIPLIER_MAX), MULTIPLIER_MAX);
        f->ratio[d][v] = exp(*m);
    }
    return off;
}

static void fit_run(struct fit *f)
{
    for (int round = 0; round < ROUNDS_MAX; round++) {
        double off = 0.0;
        for (size_t d = 0; d < f->t->dimensions; d++) {
            off = fmax(off, dimension_scale(f, d));
        }
        if (off <= TOLERANCE * (f->total_before + f->total_after)) {
            break;
        }
    }
    for (size_t c = 0; c < f->t->cells; c++) {
        f->base[c] = (f->t->before[c] + f->t->after[c]) / (1.0 + cell_ratio(f, c));
    }
}

/* ---- the common level ---- */

/* The multiplier below which a part q of the volume of the dimension lies. */
static double quantile(const struct fit *f, size_t d, const size_t *order, double q)
{
    double all = f->total_before + f->total_after, below = 0.0;
    size_t last = order[0];
    for (size_t i = 0; i < f->t->values[d]; i++) {
        size_t v = order[i];
        double volume = f->sum_before[d][v] + f->sum_after[d][v];
        if (volume > 0.0) {
            below += volume / all;
            last = v;
        }
        if (below >= q) {
            break;
        }
    }
    return f->multiplier[d][last];
}

static void order_make(const struct fit *f, size_t d, size_t *order)
{
    for (size_t i = 0; i < f->t->values[d]; i++) {
        size_t k = i;
        while (k > 0 && f->multiplier[d][order[k - 1]] > f->multiplier[d][i]) {
            order[k] = order[k - 1];
            k--;
        }
        order[k] = i;
    }
}

static double quantiles(const struct fit *f, const size_t *const *orders, double q, double *out)
{
    double sum = 0.0;
    for (size_t d = 0; d < f->t->dimensions; d++) {
        out[d] = quantile(f, d, orders[d], q);
        sum += out[d];
    }
    return sum;
}

/* Takes as much out of each dimension that the sum is the common level: 0 where some part of the
 * volume between 5 and 95 % allows it (the least changes in all, by volume), else what is left. */
static void level_take(struct fit *f)
{
    const size_t *orders[MAIN_EFFECTS_DIMENSIONS_MAX];
    double at_low[MAIN_EFFECTS_DIMENSIONS_MAX], at_high[MAIN_EFFECTS_DIMENSIONS_MAX];
    size_t *next = f->order;
    for (size_t d = 0; d < f->t->dimensions; d++) {
        order_make(f, d, next);
        orders[d] = next;
        next += f->t->values[d];
    }
    double low = 1.0 - COMMON_PART, high = COMMON_PART;
    double sum_low = quantiles(f, orders, low, at_low),
           sum_high = quantiles(f, orders, high, at_high);
    for (int i = 0; i < BISECTIONS && sum_low < 0.0 && sum_high > 0.0; i++) {
        double middle = (low + high) / 2.0, at[MAIN_EFFECTS_DIMENSIONS_MAX];
        double sum = quantiles(f, orders, middle, at);
        if (sum < 0.0) {
            low = middle;
            sum_low = sum;
            memcpy(at_low, at, sizeof at);
        } else {
            high = middle;
            sum_high = sum;
            memcpy(at_high, at, sizeof at);
        }
    }
    double part = sum_low >= 0.0 ? 0.0 : sum_high <= 0.0 ? 1.0 : -sum_low / (sum_high - sum_low);
    for (size_t d = 0; d < f->t->dimensions; d++) {
        f->shift[d] = (1.0 - part) * at_low[d] + part * at_high[d];
        for (size_t v = 0; v < f->t->values[d]; v++) {
            f->ratio[d][v] = exp(f->multiplier[d][v] - f->shift[d]);
        }
    }
}

/* ---- the split ---- */

static double level_log(const struct fit *f)
{
    double level = 0.0;
    for (size_t d = 0; d < f->t->dimensions; d++) {
        level += f->shift[d];
    }
    return level;
}

/* The logarithm of a factor of a cell: a dimension's, or (factor == dimensions) the level's. */
static double factor_log(const struct fit *f, size_t cell, size_t factor)
{
    return factor < f->t->dimensions
               ? f->multiplier[factor][value_of(f, cell, factor)] - f->shift[factor]
               : level_log(f);
}

static double value_changed(void *arg, unsigned changed)
{
    const struct fit *f = arg;
    double sum = 0.0;
    for (size_t c = 0; c < f->t->cells; c++) {
        double level = f->base[c];
        for (size_t d = 0; d < f->t->dimensions; d++) {
            level *= changed >> d & 1 ? f->ratio[d][value_of(f, c, d)] : 1.0;
        }
        sum += level;
    }
    return changed >> f->t->dimensions & 1 ? sum * exp(level_log(f)) : sum;
}

static void lmdi_split(const struct fit *f, double *effect)
{
    for (size_t k = 0; k <= f->t->dimensions; k++) {
        effect[k] = 0.0;
    }
    for (size_t c = 0; c < f->t->cells; c++) {
        double weight = log_mean(f->base[c], f->base[c] * exp(cell_log(f, c)));
        for (size_t k = 0; k <= f->t->dimensions; k++) {
            effect[k] += weight * factor_log(f, c, k);
        }
    }
}

static double misfit_of(const struct fit *f)
{
    double sum = 0.0;
    for (size_t c = 0; c < f->t->cells; c++) {
        sum += fabs(f->t->after[c] - f->base[c] * exp(cell_log(f, c)));
    }
    return sum / f->total_after;
}

/* All numbers in one allocation. */
static double *fit_begin(struct fit *f)
{
    const struct effects_table *t = f->t;
    size_t values = 0, most = 0;
    for (size_t d = 0; d < t->dimensions; d++) {
        values += t->values[d];
        most = t->values[d] > most ? t->values[d] : most;
    }
    double *room = calloc(4 * values + 2 * most + t->cells + 1, sizeof *room), *next = room;
    f->order = calloc(values + 1, sizeof *f->order);
    if (!room || !f->order) {
        free(room);
        free(f->order);
        return NULL;
    }
    for (size_t d = 0; d < t->dimensions; d++) {
        f->multiplier[d] = next;
        f->sum_before[d] = next + t->values[d];
        f->sum_after[d] = next + 2 * t->values[d];
        f->ratio[d] = next + 3 * t->values[d];
        for (size_t v = 0; v < t->values[d]; v++) {
            f->ratio[d][v] = 1.0;
        }
        next += 4 * t->values[d];
    }
    f->fitted_before = next;
    f->fitted_after = next + most;
    f->base = next + 2 * most;
    return room;
}

static void sums_make(struct fit *f)
{
    const struct effects_table *t = f->t;
    for (size_t c = 0; c < t->cells; c++) {
        f->total_before += t->before[c];
        f->total_after += t->after[c];
        for (size_t d = 0; d < t->dimensions; d++) {
            f->sum_before[d][value_of(f, c, d)] += t->before[c];
            f->sum_after[d][value_of(f, c, d)] += t->after[c];
        }
    }
}

enum err main_effects(const struct effects_table *t, struct main_effects *out)
{
    struct fit f = {.t = t};
    if (t->dimensions == 0 || t->dimensions > MAIN_EFFECTS_DIMENSIONS_MAX) {
        panic("main_effects: %zu dimensions", t->dimensions);
    }
    double *room = fit_begin(&f);
    if (!room) {
        return ERR_NOMEM;
    }
    enum err e = ERR_USAGE;
    sums_make(&f);
    if (f.total_before > 0.0 && f.total_after > 0.0) {
        fit_run(&f);
        level_take(&f);
        out->change = f.total_after - f.total_before;
        out->level = exp(level_log(&f));
        out->misfit = misfit_of(&f);
        lmdi_split(&f, out->lmdi);
        e = decompose_shapley(t->dimensions + 1, value_changed, &f, out->shapley);
    }
    free(room);
    free(f.order);
    return e;
}
