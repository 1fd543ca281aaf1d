/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All sums over watched cells are taken as "all, less what was not watched": most cells of a panel
 * are wholly watched, so the few others are listed once and an iteration costs next to nothing. */
#include "stat/two_way.h"

#include <math.h>
#include <stdlib.h>

enum { ITERATIONS_MAX = 2000, ROBUST_ROUNDS_MAX = 60 };
static const double TOLERANCE = 1e-11;
static const double ROBUST_TOLERANCE = 1e-7;
static const double HUBER_C = 2.5;

struct gap {
    uint32_t row, column;
    double lost; /* 1 - exposure */
};

struct fit {
    const struct two_way_data *d;
    double *row, *column;
    double *row_sum, *column_sum; /* of counts in watched cells, weighted */
    double *work;                 /* max(rows, columns) */
    struct gap *gaps;
    size_t gap_count;
    const double *weight; /* cells, or NULL: 1 */
    unsigned iterations;
    bool is_converged;
};

static double exposure_at(const struct two_way_data *d, size_t i, size_t t)
{
    return (double)d->exposure[i * d->columns + t];
}

/* ---- Poisson ---- */

static void sums_fill(struct fit *f)
{
    const struct two_way_data *d = f->d;
    memset(f->row_sum, 0, d->rows * sizeof *f->row_sum);
    memset(f->column_sum, 0, d->columns * sizeof *f->column_sum);
    for (size_t i = 0; i < d->rows; i++) {
        for (size_t t = 0; t < d->columns; t++) {
            size_t at = i * d->columns + t;
            if (d->exposure[at] > 0) {
                double y = d->y[at] * (f->weight ? f->weight[at] : 1.0);
                f->row_sum[i] += y;
                f->column_sum[t] += y;
            }
        }
    }
}

static enum err gaps_list(struct fit *f, struct arena *arena)
{
    const struct two_way_data *d = f->d;
    size_t n = 0;
    for (size_t i = 0; i < d->rows * d->columns; i++) {
        n += d->exposure[i] < 1;
    }
    f->gaps = arena_calloc(arena, n + 1, sizeof *f->gaps);
    if (!f->gaps) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < d->rows; i++) {
        for (size_t t = 0; t < d->columns; t++) {
            if (exposure_at(d, i, t) < 1) {
                f->gaps[f->gap_count++] =
                    (struct gap){(uint32_t)i, (uint32_t)t, 1 - exposure_at(d, i, t)};
            }
        }
    }
    return OK;
}

/* What each column (row) would count at effect 1: the sum of the other side's effects that were
 * watched. With weights every cell is looked at. */
static void denominators(struct fit *f, bool of_columns)
{
    const struct two_way_data *d = f->d;
    const double *other = of_columns ? f->row : f->column;
    size_t n = of_columns ? d->columns : d->rows, m = of_columns ? d->rows : d->columns;
    if (f->weight) {
        memset(f->work, 0, n * sizeof *f->work);
        for (size_t i = 0; i < d->rows; i++) {
            for (size_t t = 0; t < d->columns; t++) {
                size_t at = i * d->columns + t;
                f->work[of_columns ? t : i] +=
                    f->weight[at] * (double)d->exposure[at] * other[of_columns ? i : t];
            }
        }
        return;
    }
    double all = 0;
    for (size_t k = 0; k < m; k++) {
        all += other[k];
    }
    for (size_t k = 0; k < n; k++) {
        f->work[k] = all;
    }
    for (size_t g = 0; g < f->gap_count; g++) {
        const struct gap *gap = &f->gaps[g];
        f->work[of_columns ? gap->column : gap->row] -=
            gap->lost * other[of_columns ? gap->row : gap->column];
    }
    /* What is left of rounding is nothing. */
    for (size_t k = 0; k < n; k++) {
        f->work[k] = f->work[k] > 1e-12 * all ? f->work[k] : 0;
    }
}

/* Sets the effects of one side; returns the greatest relative change. */
static double half_step(struct fit *f, bool of_columns)
{
    size_t n = of_columns ? f->d->columns : f->d->rows;
    double *effect = of_columns ? f->column : f->row;
    const double *sum = of_columns ? f->column_sum : f->row_sum;
    double change = 0;
    denominators(f, of_columns);
    for (size_t k = 0; k < n; k++) {
        double next = f->work[k] > 0 ? sum[k] / f->work[k] : 0;
        double scale = fmax(fabs(next), fabs(effect[k]));
        change = scale > 0 ? fmax(change, fabs(next - effect[k]) / scale) : change;
        effect[k] = next;
    }
    return change;
}

static void poisson_fit(struct fit *f)
{
    sums_fill(f);
    f->is_converged = false;
    for (unsigned i = 0; i < ITERATIONS_MAX && !f->is_converged; i++) {
        double change = half_step(f, true);
        change = fmax(change, half_step(f, false));
        f->is_converged = change < TOLERANCE;
        f->iterations++;
    }
}

/* ---- log-linear ---- */

static double log_count(double y, double exposure)
{
    return log(fmax(y, 0.5) / exposure);
}

/* Alternating means of what the other side leaves, over watched cells. */
static double log_half_step(struct fit *f, bool of_columns)
{
    const struct two_way_data *d = f->d;
    double *effect = of_columns ? f->column : f->row;
    const double *other = of_columns ? f->row : f->column;
    size_t n = of_columns ? d->columns : d->rows, m = of_columns ? d->rows : d->columns;
    double change = 0;
    for (size_t k = 0; k < n; k++) {
        double sum = 0, count = 0;
        for (size_t l = 0; l < m; l++) {
            size_t at = of_columns ? l * d->columns + k : k * d->columns + l;
            if (d->exposure[at] > 0) {
                sum += log_count(d->y[at], (double)d->exposure[at]) - other[l];
                count++;
            }
        }
        double next = count > 0 ? sum / count : 0;
        change = fmax(change, fabs(next - effect[k]));
        effect[k] = next;
    }
    return change;
}

static void log_fit(struct fit *f)
{
    const struct two_way_data *d = f->d;
    memset(f->row, 0, d->rows * sizeof *f->row);
    memset(f->column, 0, d->columns * sizeof *f->column);
    for (unsigned i = 0; i < ITERATIONS_MAX && !f->is_converged; i++) {
        double change = log_half_step(f, true);
        change = fmax(change, log_half_step(f, false));
        f->is_converged = change < TOLERANCE;
        f->iterations++;
    }
    for (size_t i = 0; i < d->rows; i++) {
        f->row[i] = exp(f->row[i]);
    }
    for (size_t t = 0; t < d->columns; t++) {
        f->column[t] = exp(f->column[t]);
    }
}

/* ---- robust ---- */

static double mean_at(const struct fit *f, size_t i, size_t t)
{
    return f->row[i] * f->column[t] * exposure_at(f->d, i, t);
}

/* phi from the median of squared Pearson residuals (0.4549 is that of chi-squared with 1 df), so
 * that what is to be weighed down does not set the scale. Never below 1. */
static int double_cmp(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double robust_phi(const struct fit *f, double *squares)
{
    size_t n = 0;
    for (size_t i = 0; i < f->d->rows; i++) {
        for (size_t t = 0; t < f->d->columns; t++) {
            double mean = mean_at(f, i, t);
            if (mean > 0) {
                double r = f->d->y[i * f->d->columns + t] - mean;
                squares[n++] = r * r / mean;
            }
        }
    }
    if (!n) {
        return 1;
    }
    qsort(squares, n, sizeof *squares, double_cmp);
    return fmax(1, squares[n / 2] / 0.4549);
}

static enum err robust_fit(struct fit *f, struct arena *arena)
{
    size_t cells = f->d->rows * f->d->columns;
    double *weight = arena_calloc(arena, cells, sizeof *weight);
    double *squares = arena_calloc(arena, cells, sizeof *squares);
    if (!weight || !squares) {
        return ERR_NOMEM;
    }
    poisson_fit(f);
    double change = INFINITY;
    for (int round = 0; round < ROBUST_ROUNDS_MAX && change > ROBUST_TOLERANCE; round++) {
        double phi = robust_phi(f, squares);
        change = 0;
        for (size_t i = 0; i < f->d->rows; i++) {
            for (size_t t = 0; t < f->d->columns; t++) {
                size_t at = i * f->d->columns + t;
                double mean = mean_at(f, i, t);
                double r = mean > 0 ? fabs(f->d->y[at] - mean) / sqrt(mean * phi) : 0;
                double next = r > HUBER_C ? HUBER_C / r : 1;
                change = fmax(change, fabs(next - weight[at]));
                weight[at] = next;
            }
        }
        f->weight = weight;
        poisson_fit(f);
    }
    f->is_converged &= change <= 1e-3;
    return OK;
}

/* ---- results ---- */

static double deviance_cell(double y, double mean)
{
    return 2 * ((y > 0 ? y * log(y / mean) : 0) - (y - mean));
}

static void result_fill(struct fit *f, struct two_way_fit *out)
{
    const struct two_way_data *d = f->d;
    size_t cells = 0, rows = 0, columns = 0;
    *out = (struct two_way_fit){.row = f->row,
                                .column = f->column,
                                .iterations = f->iterations,
                                .is_converged = f->is_converged};
    for (size_t t = 0; t < d->columns; t++) {
        bool is_watched = false;
        for (size_t i = 0; i < d->rows; i++) {
            is_watched |= d->exposure[i * d->columns + t] > 0;
        }
        columns += is_watched;
        f->column[t] = is_watched ? f->column[t] : NAN;
    }
    for (size_t i = 0; i < d->rows; i++) {
        bool is_watched = false;
        for (size_t t = 0; t < d->columns; t++) {
            is_watched |= d->exposure[i * d->columns + t] > 0;
        }
        f->row[i] = is_watched ? f->row[i] : 0;
        rows += f->row[i] > 0;
        for (size_t t = 0; t < d->columns; t++) {
            double mean = mean_at(f, i, t), y = d->y[i * d->columns + t];
            if (exposure_at(d, i, t) > 0 && mean > 0) {
                out->deviance += deviance_cell(y, mean);
                out->pearson += (y - mean) * (y - mean) / mean;
                cells++;
            }
        }
    }
    out->df = cells + 1 > rows + columns ? cells + 1 - rows - columns : 0;
}

enum err two_way_fit(enum two_way_kind kind, const struct two_way_data *d, struct arena *arena,
                     struct two_way_fit *out)
{
    size_t most = d->rows > d->columns ? d->rows : d->columns;
    struct fit f = {
        .d = d,
        .row = arena_calloc(arena, d->rows + 1, sizeof *f.row),
        .column = arena_calloc(arena, d->columns + 1, sizeof *f.column),
        .row_sum = arena_calloc(arena, d->rows + 1, sizeof *f.row_sum),
        .column_sum = arena_calloc(arena, d->columns + 1, sizeof *f.column_sum),
        .work = arena_calloc(arena, most + 1, sizeof *f.work),
    };
    if (!f.row || !f.column || !f.row_sum || !f.column_sum || !f.work) {
        return ERR_NOMEM;
    }
    enum err e = gaps_list(&f, arena);
    if (e) {
        return e;
    }
    for (size_t i = 0; i < d->rows; i++) {
        f.row[i] = 1;
    }
    switch (kind) {
    case TWO_WAY_POISSON:
        poisson_fit(&f);
        break;
    case TWO_WAY_ROBUST:
        e = robust_fit(&f, arena);
        break;
    case TWO_WAY_LOG:
        log_fit(&f);
        break;
    }
    if (!e) {
        result_fill(&f, out);
    }
    return e;
}
