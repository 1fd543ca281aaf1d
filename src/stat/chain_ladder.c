/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The notation of Mack 1993: C[i][k] cumulative, f[k] the volume-weighted factors, sigma2[k] the
 * variance of a step over what it starts from, S[k] the sum that the factor was estimated from.
 * Rows may be known to any depth, so old rows that are wholly known all serve. */
#include "stat/chain_ladder.h"

#include <math.h>

struct triangle {
    const struct chain_ladder_data *data;
    double *factor, *factor_se, *sigma2, *base;  /* columns - 1 */
    double *completeness, *process, *estimation; /* columns */
    double *ultimate, *se;                       /* rows */
};

static double cell(const struct triangle *t, size_t row, size_t column)
{
    return t->data->cumulative[row * t->data->columns + column];
}

/* Factor k and what it stands on; says how many rows the variance has been seen in. */
static size_t factor_fill(struct triangle *t, size_t k)
{
    double from = 0.0, to = 0.0, squares = 0.0;
    size_t n = 0;
    for (size_t i = 0; i < t->data->rows; i++) {
        if (t->data->known[i] > k + 1) {
            from += cell(t, i, k);
            to += cell(t, i, k + 1);
        }
    }
    double f = from > 0.0 ? to / from : to > 0.0 ? INFINITY : 1.0;
    for (size_t i = 0; i < t->data->rows && isfinite(f); i++) {
        if (t->data->known[i] > k + 1 && cell(t, i, k) > 0.0) {
            double residual = cell(t, i, k + 1) - f * cell(t, i, k);
            squares += residual * residual / cell(t, i, k);
            n++;
        }
    }
    t->factor[k] = f;
    t->base[k] = from;
    t->sigma2[k] = n > 1 ? squares / (double)(n - 1) : 0.0;
    return n;
}

/* Mack's way to continue the variances to a lag that one row alone has seen. */
static double sigma2_continued(const struct triangle *t, size_t k)
{
    if (k < 2) {
        return k ? t->sigma2[k - 1] : 0.0;
    }
    double a = t->sigma2[k - 2], b = t->sigma2[k - 1];
    double ratio = a > 0.0 ? b * b / a : b;
    return fmin(ratio, fmin(a, b));
}

static void factors_fill(struct triangle *t)
{
    for (size_t k = 0; k + 1 < t->data->columns; k++) {
        size_t n = factor_fill(t, k);
        if (n < 2) {
            t->sigma2[k] = sigma2_continued(t, k);
        }
        double f = t->factor[k];
        if (t->data->is_count && isfinite(f) && f > 1.0) {
            t->sigma2[k] = fmax(t->sigma2[k], f * (f - 1.0));
        }
        t->factor_se[k] = t->base[k] > 0.0 ? sqrt(t->sigma2[k] / t->base[k]) : NAN;
    }
}

/* From the last lag backwards. With what is known at lag k being c, that at a later lag l is
 * c * completeness[l] / completeness[k]: Mack's sums become sums over lags alone. */
static void completeness_fill(struct triangle *t)
{
    size_t last = t->data->columns - 1;
    double sum = 0.0, share = 0.0; /* of process and estimation error */
    t->completeness[last] = 1.0;
    for (size_t k = last; k-- > 0;) {
        double f = t->factor[k];
        t->completeness[k] = f > 0.0 ? t->completeness[k + 1] / f : 0.0;
        double c = t->completeness[k];
        if (c > 0.0) {
            sum += t->sigma2[k] / (f * f) / c;
            share += t->base[k] > 0.0 ? t->sigma2[k] / (f * f) / t->base[k] : 0.0;
            t->process[k] = sum / c;
            t->estimation[k] = share / (c * c);
        }
    }
}

static void rows_fill(struct triangle *t, struct chain_ladder_fit *out)
{
    double error = 0.0;
    for (size_t i = 0; i < t->data->rows; i++) {
        size_t known = t->data->known[i];
        double c = known ? t->completeness[known - 1] : 0.0;
        if (!(c > 0.0)) {
            t->ultimate[i] = t->se[i] = NAN;
            continue;
        }
        double latest = cell(t, i, known - 1);
        double own = latest * t->process[known - 1];
        t->ultimate[i] = latest / c;
        t->se[i] = sqrt(own + latest * latest * t->estimation[known - 1]);
        out->latest_total += latest;
        out->ultimate_total += t->ultimate[i];
        error += own;
    }
    /* The factors' own error is common to all rows that still need them: (sum of ultimates)^2. */
    for (size_t k = 0; k + 1 < t->data->columns; k++) {
        double needing = 0.0, f = t->factor[k];
        for (size_t i = 0; i < t->data->rows; i++) {
            size_t known = t->data->known[i];
            needing += known && known <= k + 1 && isfinite(t->ultimate[i]) ? t->ultimate[i] : 0.0;
        }
        if (needing > 0.0 && t->base[k] > 0.0) {
            error += needing * needing * t->sigma2[k] / (f * f) / t->base[k];
        }
    }
    out->total_se = sqrt(error);
}

static bool data_is_good(const struct chain_ladder_data *d)
{
    if (!d->columns) {
        return false;
    }
    for (size_t i = 0; i < d->rows; i++) {
        if (d->known[i] > d->columns) {
            return false;
        }
        for (size_t k = 0; k < d->known[i]; k++) {
            double c = d->cumulative[i * d->columns + k];
            if (!(c >= 0.0) || !isfinite(c)) {
                return false;
            }
        }
    }
    return true;
}

enum err chain_ladder_fit(const struct chain_ladder_data *data, struct arena *arena,
                          struct chain_ladder_fit *out)
{
    if (!data_is_good(data)) {
        return ERR_USAGE;
    }
    size_t columns = data->columns, rows = data->rows;
    double *memory = arena_calloc(arena, 7 * columns + 2 * rows, sizeof *memory);
    if (!memory) {
        return ERR_NOMEM;
    }
    struct triangle t = {.data = data,
                         .factor = memory,
                         .factor_se = memory + columns,
                         .sigma2 = memory + 2 * columns,
                         .base = memory + 3 * columns,
                         .completeness = memory + 4 * columns,
                         .process = memory + 5 * columns,
                         .estimation = memory + 6 * columns,
                         .ultimate = memory + 7 * columns,
                         .se = memory + 7 * columns + rows};
    struct chain_ladder_fit fit = {.factor = t.factor,
                                   .factor_se = t.factor_se,
                                   .completeness = t.completeness,
                                   .process = t.process,
                                   .estimation = t.estimation,
                                   .ultimate = t.ultimate,
                                   .se = t.se};
    factors_fill(&t);
    completeness_fill(&t);
    rows_fill(&t, &fit);
    *out = fit;
    return OK;
}
