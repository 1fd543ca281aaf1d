/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Seasonal factors of a series of logarithms: what each slot of a cycle (weekday; hour of the week)
 * usually adds to the level around it. Exponentially weighted, so that they follow slow change.
 * Plain numbers: which slot a bucket is in is the caller's (observe/season.h). */
#ifndef STAT_SEASON_H
#define STAT_SEASON_H

#include "core/arena.h"

enum season_side {
    SEASON_PAST, /* a bucket's factor from buckets before it: what an online detector may know */
    SEASON_BOTH, /* from both sides: for history */
};

struct season_query {
    const double *log_value; /* NAN: missing, left out */
    const bool *is_odd;      /* holidays: not learnt from; NULL: none */
    const uint16_t *slot;    /* of each bucket, < slots */
    size_t count;
    size_t slots; /* length of the cycle in buckets; also of the window of the level around */
    double half_life;
    enum season_side side;
};

/* Writes the log factor of each bucket to `factor` (count; also of missing ones). Within a cycle
 * the factors add up to 0 but for what is not yet known, which is 0.
 *
 * Method: deviations from a centred mean over one cycle, clipped at 2.5 robust standard deviations
 * so that a day of outage or takedown does not teach a factor; exponentially weighted means by
 * slot; two rounds of back-fitting, so that a missing Sunday does not tilt the level of its week.
 * Factors are shrunk by their signal (variance of the factors) over signal and noise: a series
 * without seasons gets factors of nearly 0 instead of noise. ERR_NOMEM only. */
enum err season_factors(const struct season_query *q, struct arena *arena, double *factor) MUST_USE;

#endif
