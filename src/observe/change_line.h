/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of observe/change*.c: one series as change detection looks at it. */
#ifndef OBSERVE_CHANGE_LINE_H
#define OBSERVE_CHANGE_LINE_H

#include "observe/change.h"
#include "stat/segment.h"

/* A series without its season, with what is noise in it. Scratch arena. */
struct change_line {
    const struct series *series;
    size_t count;
    double *y;        /* counts; bytes in units of a message's, so that they vary as counts do */
    double *exposure; /* with the season: level = y / exposure. 0: missing */
    double *residual; /* log of the level; NAN: missing */
    double *sampling; /* variance of each residual that counting alone gives */
    double rho, variance, noise_df, inflation;
    /* For tests: of many lines those whose noise came out too small seem to change. Factors of
     * one standard error of the latent variance and of a mean's; degrees of freedom of the latter
     */
    double latent_caution, caution, test_df;
    double scale; /* of y to the unit of the series */
    bool is_count;
    size_t observed;
};

/* A candidate: a change that the search found and the bootstrap judged. */
struct change_candidate {
    size_t line;         /* the caller's number of the series */
    size_t from, at, to; /* buckets of the levels before and after: [from, at), [at, to) */
    size_t first, last;  /* date interval */
    double statistic, p, tail, prominence;
    bool is_main;
};

/* ERR_NOMEM only. */
enum err change_line_make(const struct series *s, struct arena *scratch,
                          struct change_line *out) MUST_USE;
/* All candidates of a line in order of time, also those that failed the bootstrap; those are not
 * cuts between others. Appended to `out`, which has room for `max`. */
enum err change_line_search(const struct change_line *line, struct arena *scratch,
                            struct change_candidate *out, size_t max, size_t *count) MUST_USE;

/* The size of a step of the line; rho and variance are the line's. */
void change_line_step(const struct change_line *line, size_t before_from, size_t before_to,
                      size_t after_from, size_t after_to, struct step *out);

#endif
