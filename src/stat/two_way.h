/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two-way models of counts: E y[i][t] = row[i] * column[t] * exposure[i][t], the time-product-dummy
 * model of index numbers (METHODS B5). Row i is a trap, column t a bucket of time; a cell of
 * exposure 0 is missing, whatever its count. Plain numbers, arena. */
#ifndef STAT_TWO_WAY_H
#define STAT_TWO_WAY_H

#include "core/arena.h"

struct two_way_data {
    size_t rows, columns;
    const double *y;       /* rows * columns, by row; >= 0 */
    const float *exposure; /* rows * columns, 0..1 */
};

struct two_way_fit {
    double *row;    /* rows: >= 0, scaled so that sum(row) = sum over rows of the mean count of its
                       watched columns at column effect 1; 0 for a row without any */
    double *column; /* columns: >= 0; NAN where nobody watched */
    double deviance, pearson; /* over watched cells */
    size_t df;
    unsigned iterations;
    bool is_converged;
};

enum two_way_kind {
    TWO_WAY_POISSON, /* Poisson pseudo maximum likelihood: weighted by mail. A complete panel gives
                        the ratio of column sums */
    TWO_WAY_ROBUST,  /* the same with Huber weights, c = 2.5, on Pearson residuals of variance
                        mean * phi */
    TWO_WAY_LOG,     /* least squares of log counts: every row weighs the same (a complete panel
                        gives the geometric mean of ratios). A zero counts as 1/2 */
};

/* The Poisson fit alternates between its two closed forms (iterative proportional fitting: Deming
 * and Stephan 1940), each step O(rows + columns + cells not wholly watched). ERR_NOMEM, ERR_USAGE
 * when nothing is watched. Not converging is not an error. */
enum err two_way_fit(enum two_way_kind kind, const struct two_way_data *data, struct arena *arena,
                     struct two_way_fit *out) MUST_USE;

#endif
