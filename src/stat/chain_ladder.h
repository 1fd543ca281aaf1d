/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is still to come of counts that are reported late: the chain ladder on a triangle of period
 * of origin x lag of report, with Mack's standard errors (Mack 1993, ASTIN Bulletin 23; METHODS
 * B5). Distribution-free: it takes that each lag multiplies what is known by a factor of its own
 * and that the variance of that is proportional to what is known. Plain numbers, arena. */
#ifndef STAT_CHAIN_LADDER_H
#define STAT_CHAIN_LADDER_H

#include "core/arena.h"

struct chain_ladder_data {
    size_t rows, columns;     /* periods of origin, lags 0 to columns - 1; columns >= 1 */
    const double *cumulative; /* rows * columns, by row: of this origin known up to that lag */
    const size_t *known;      /* rows: how many of a row's columns are known, 0 to columns */
    bool is_count; /* events that come one by one: the variance is at least that of Poisson counts,
                      also where the few rows seen vary less by luck */
};

struct chain_ladder_fit {
    const double *factor;       /* columns - 1: column k + 1 over column k. INFINITY where only
                                   zeros became more */
    const double *factor_se;    /* columns - 1 */
    const double *completeness; /* columns: the part of the ultimate known at lag k, 0..1 */
    /* The mean squared error of the ultimate of a row that holds c at lag k is
     * c * process[k] + c^2 * estimation[k]; 0 at the last lag. */
    const double *process, *estimation;            /* columns */
    const double *ultimate;                        /* rows; NAN where nothing can be said */
    const double *se;                              /* rows */
    double latest_total, ultimate_total, total_se; /* over rows with an ultimate; the rows' errors
                                                      go together, for they share the factors */
};

/* ERR_USAGE when a number is not finite or less than 0 or `known` is past the columns, ERR_NOMEM.
 */
enum err chain_ladder_fit(const struct chain_ladder_data *data, struct arena *arena,
                          struct chain_ladder_fit *out) MUST_USE;

#endif
