/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The two-way Poisson model of stat/two_way.h from margins alone: the sums by row and column are
 * sufficient for it, so many panels over one network (a botnet each) need no cells. Exposure is
 * given as runs, which makes an iteration O(rows + columns + runs). Plain numbers. */
#ifndef STAT_TWO_WAY_SUMS_H
#define STAT_TWO_WAY_SUMS_H

#include "core/arena.h"

/* The row was watched by this much (0..1, not 0) in columns from .. to - 1. Runs of a row do not
 * overlap and come in order, rows in order too. */
struct two_way_run {
    uint32_t row, from, to;
    float exposure;
};

struct two_way_sums {
    size_t rows, columns;
    const struct two_way_run *runs;
    size_t run_count;
    const double *row_sum, *column_sum; /* of counts in watched cells; both add up to the same */
};

struct two_way_sizes {
    double *row;       /* rows: effects, comparable within a component only; 0 for a row without
                          counts */
    size_t *component; /* rows: smallest row it can be compared with, through columns with counts
                          that both were watched in, or through other rows */
    unsigned iterations;
    bool is_converged;
};

/* Iterative proportional fitting. `out`'s arrays are the caller's, so that a loop over panels needs
 * no more memory with each; scratch is taken from the arena. ERR_NOMEM. */
enum err two_way_sums_fit(const struct two_way_sums *s, struct arena *arena,
                          struct two_way_sizes *out) MUST_USE;

/* Sum over rows of size * exposure, for each column: `out` has columns + 1 places. */
void two_way_runs_sum(const struct two_way_sums *s, const double *size, double *out);

#endif
