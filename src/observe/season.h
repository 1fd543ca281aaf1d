/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Seasons of a series: multiplicative factors of weekday (and hour), holidays, and the series
 * without them. What change detection works on. Plain data, arena.
 *
 * Pre-whitening (METHODS B6): fit the season (SEASON_BOTH for history, SEASON_PAST for today),
 * then look for changes in `residual`, the logarithm of the level without its season. Each
 * residual's sampling variance is about 1 / observed + 1 / theta; buckets with NAN are left out
 * (missing, never zero); on holidays (is_holiday) the residual is known but odd: give it less
 * weight or leave it out when a change of days is looked for. What correlation remains between
 * neighbours is the detector's to correct (stat/cusum.h). Models of counts take log_factor +
 * log(exposure) as the offset of `observed` instead. */
#ifndef OBSERVE_SEASON_H
#define OBSERVE_SEASON_H

#include "observe/series.h"
#include "stat/season.h"

enum { SEASON_HALF_LIFE_DAYS = 56 }; /* METHODS B6: eight weeks */

struct season {
    const double *log_factor; /* series.count; 0 before anything is known, and for months */
    const double *residual;   /* log((observed + 1/2) / exposure) - log_factor; NAN: missing */
    const bool *is_holiday;
};

/* ERR_NOMEM only. */
enum err season_fit(const struct series *s, enum season_side side, struct arena *arena,
                    struct season *out) MUST_USE;

/* The holiday (holiday.def) that a day (since 1970) is in, or NULL. The Chinese New Year is known
 * from 2000 to 2040. */
const char *holiday_name(int64_t day);
/* Why it moves spam; NULL when the day is in none. */
const char *holiday_reason(int64_t day);

#endif
