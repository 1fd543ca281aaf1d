/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Alarms: what of today's spam is not as it was, found day by day from what was known on that day
 * (observe/change.h looks at history with all of it). METHODS B6, "Online"; docs/alarms.md says
 * what is promised. Runs over the days of all series together, so that the number of false alarms
 * is held over all of them. Deterministic: the same series give the same alarms. Plain data, arena.
 */
#ifndef OBSERVE_ALARM_H
#define OBSERVE_ALARM_H

#include "observe/series.h"

enum alarm_limits {
    ALARM_WARM_DAYS =
        14, /* of a series whose weekdays are known (28 days), before its first alarm */
    /* P(change in so many last days). METHODS B6 has 7, in which a drop of 20 % at a noise of 0.2
       is hardly ever sure: the posterior needs longer than that to reach 0.9 */
    ALARM_WINDOW_DAYS = 28,
    ALARM_DAILY_LEAST = 20, /* messages a day: of fewer the logarithm is too skewed, and only the
                               week is looked at */
    ALARM_BEFORE_DAYS = 28, /* what a size is measured against */
    ALARM_WEEK_BACK = 2,    /* weeks before the last whole one that are looked at too */
    ALARM_SERIES_DAYS_MAX = 40000,
};

struct alarm_options {
    double shift;      /* drop that the CUSUM is quickest for (and the rise that undoes it): 0.3 */
    double run_length; /* in control, days to a false alarm of one series and direction: 365 */
    double change_p;   /* P(change) that is wanted beside it: 0.9 */
    double fdr;        /* part of false ones among what is alarmed on the same day: 0.05 */
    bool is_dependent; /* hold it by e-values, under any dependence of the series (slower); else by
                          Benjamini and Hochberg */
};
extern const struct alarm_options ALARM_DEFAULT;
/* False for numbers that make no sense; *what then names the field. */
bool alarm_options_check(const struct alarm_options *o, const char **what);

enum alarm_kind {
    ALARM_DAY, /* CUSUM and BOCPD on days */
    ALARM_WEEK /* Farrington's bounds on weeks: slow decay, and series of few messages */
};

/* What each detector said on the day of the alarm. Figures of a detector that was not asked or knew
 * too little are NAN. */
struct alarm_evidence {
    double cusum, cusum_threshold; /* in standard deviations */
    double p, q;     /* p-value of the CUSUM's state, of the week; adjusted over all series */
    double e;        /* e-value of a change within the window */
    double change_p; /* P(change in the window); ALARM_WEEK: of four weeks */
    unsigned window_days;
    double week_observed, week_expected, week_lower, week_upper; /* of the seven days up to it */
    unsigned ears;      /* bits 0, 1, 2: past the bound of C1, C2, C3 (alpha 0.001) */
    double log_sd, rho; /* of the series' days: noise of the logarithm and its correlation */
};

struct alarm {
    const struct series *series;
    enum alarm_kind kind;
    bool is_drop;
    int64_t raised;                      /* start of the day at whose end it was raised */
    int64_t date;                        /* first day of the new level, the most probable */
    int64_t date_from, date_to;          /* 90 % of the posterior */
    double date_p;                       /* of `date` alone */
    double ratio, ratio_low, ratio_high; /* level since over level before, 95 %, by all days so far
                                            ([since_from, since_to) against [before_from,
                                            before_to)) */
    int64_t before_from, before_to, since_from, since_to;
    struct alarm_evidence evidence;
};

struct alarms {
    const struct alarm *items; /* by day raised, then in the order of the series */
    size_t count;
    int64_t since, until;            /* days that were looked at; 0 when there is no series */
    size_t by_day, by_week, by_none; /* series by how they could be looked at: days (and weeks),
                                        only weeks, not at all (too young, too few messages) */
};

/* Alarms raised on days in [since, until) of these series, all by day and of one period. What is
 * before `since` teaches. ERR_USAGE for a bad option, ERR_LIMIT for too many days, ERR_NOMEM. */
enum err alarm_find(const struct series *series, size_t count, const struct alarm_options *o,
                    int64_t since, int64_t until, struct arena *arena, struct alarms *out) MUST_USE;

#endif
