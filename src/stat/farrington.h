/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bounds for a week's count from the same season of the years before: Farrington et al. 1996 as
 * improved by Noufaily et al. 2013 (surveillance::farringtonFlexible; the golden values are its).
 * A quasi-Poisson regression over the weeks of the past, those that were themselves outbreaks
 * weighted down, gives the expected count; bounds on both sides. The lower one is the same on the
 * other tail: spam that is not there is what this program looks for. */
#ifndef STAT_FARRINGTON_H
#define STAT_FARRINGTON_H

#include "core/arena.h"

enum { FARRINGTON_YEAR_WEEKS = 52, FARRINGTON_PERIODS_MAX = 20 };

enum farrington_method {
    FARRINGTON_DELTA,     /* normal after the power 2/3, with the error of the fit (1996) */
    FARRINGTON_NB_PLUGIN, /* quantiles of the negative binomial with mean and dispersion (2013) */
};

struct farrington_options {
    unsigned years;           /* b: of the past, at least 1 */
    unsigned half_window;     /* w: weeks to each side of the same week in those years */
    unsigned periods;         /* noPeriods: 1 takes only these windows; more take all weeks, with so
                                 many seasons of the year */
    double weights_threshold; /* of the Anscombe residual past which a week counts for less */
    unsigned past_excluded;   /* weeks just before, left out so that an outbreak does not hide
                                 itself */
    double trend_p;           /* the trend stays when its p-value is below */
    double alpha;             /* each bound's */
    enum farrington_method method;
    double enough_count; /* no alarm when the last `enough_weeks` hold fewer */
    unsigned enough_weeks;
};
/* Noufaily's proposal with 5 years: w 3, 10 periods, threshold 2.58, 26 weeks left out. */
extern const struct farrington_options FARRINGTON_IMPROVED;

struct farrington {
    double expected, lower, upper; /* counts */
    double p_low, p_high;          /* P(a count so low, so high) by the same law */
    double dispersion;             /* phi, at least 1 */
    bool has_trend;
    bool is_enough;         /* enough_count: only then are the bounds to be used */
    bool is_low, is_high;   /* past the bound */
    size_t reference_count; /* weeks of the past that were there */
};

/* The bounds of week `now` of `y` (NAN: missing). `exposure` of each week (NULL: 1) is an offset.
 * ERR_USAGE when the past does not go back far enough or the options make no sense, ERR_NOTFOUND
 * when too few of its weeks are there or week `now` itself is missing, ERR_UNSUPPORTED when the
 * regression does not converge. */
enum err farrington_at(const double *y, const double *exposure, size_t now,
                       const struct farrington_options *o, struct arena *arena,
                       struct farrington *out) MUST_USE;

#endif
