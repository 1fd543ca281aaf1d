/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One series' detectors, day by day; alarm.c runs all of them together. Not for others. */
#ifndef OBSERVE_ALARM_LINE_H
#define OBSERVE_ALARM_LINE_H

#include "observe/alarm.h"
#include "observe/season.h"
#include "stat/bocpd.h"
#include "stat/cusum.h"

enum alarm_side { ALARM_DROP, ALARM_RISE, ALARM_SIDES };

/* Designs of charts by shift, made once: series with about the same noise share one. */
struct alarm_designs {
    const struct cusum_design *items[64];
};

struct alarm_line {
    const struct series *series;
    struct season season;
    bool is_watched;    /* by day */
    double rho;         /* of the residuals, from day to day; NAN: not known */
    double variance;    /* of a day's residual, with sampling ... */
    double latent;      /* ... and without; NAN: not known */
    double *white;      /* residuals without correlation; NAN: missing */
    double *spread;     /* variance of each, relative to `variance` ... */
    double *own_spread; /* ... and of the residual itself */
    const struct cusum_design *design;
    struct cusum_start start;
    struct cusum_start *before; /* `start` as it was before each day */
    struct bocpd *bocpd;
    double s[ALARM_SIDES];
    size_t zero[ALARM_SIDES];         /* the first day since S left 0 */
    double recent[ALARM_WINDOW_DAYS]; /* the last z, newest first; `recent_count` of them */
    size_t recent_count;
    size_t level_start; /* first day of the present level, by what was alarmed */
    bool is_seen;       /* the day just taken in */
    double q;           /* its p or e, adjusted over all series */
};

/* ERR_NOMEM only. */
enum err alarm_line_init(struct alarm_line *l, const struct series *s,
                         const struct alarm_options *o, struct alarm_designs *designs,
                         struct arena *arena) MUST_USE;
/* Takes in day t. */
void alarm_line_step(struct alarm_line *l, size_t t);
/* Is that side's CUSUM past its threshold on the day just taken in? */
bool alarm_line_is_past(const struct alarm_line *l, enum alarm_side side);
/* p-value of that day's CUSUMs, e-value of a change in ALARM_WINDOW_DAYS; NAN: nothing was seen. */
double alarm_line_p(const struct alarm_line *l);
double alarm_line_e(const struct alarm_line *l);
/* Does the day just taken in, t, raise an alarm (q is set)? Fills all but the size, whose
 * before_from is the beginning of the level before; then begins the new level. */
bool alarm_line_alarm(struct alarm_line *l, size_t t, const struct alarm_options *o,
                      struct alarm *out);
/* The size of an alarm by the days before `until` (an index). `exposure` is scratch of the series'
 * length. */
void alarm_line_size(const struct alarm_line *l, size_t until, double *exposure, struct alarm *a);

/* Weeks: appends to `out` (room for count * (ALARM_WEEK_BACK + 1)) what went past Farrington's
 * bounds in the weeks that end on `until` (an index) and before, when that is not in `since`'s
 * past; the day alarms that say the same get the week's figures instead. `is_watched` (count):
 * could the series' week be looked at? ERR_NOMEM only. */
enum err alarm_weeks(const struct alarm_line *lines, size_t count, const struct alarm_options *o,
                     size_t since, size_t until, struct alarm *days, size_t day_count,
                     struct arena *arena, struct alarm *out, size_t *out_count,
                     bool *is_watched) MUST_USE;

#endif
