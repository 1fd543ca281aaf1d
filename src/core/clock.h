/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Time as seconds since 1970-01-01 00:00:00 UTC, everywhere; no local time anywhere. */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include "core/err.h"
#include "core/slice.h"

enum { SECONDS_PER_DAY = 86400 };

/* Days since 1970-01-01 of a proleptic Gregorian date (month 1..12, day 1..31), and back. */
int64_t civil_to_days(int year, int month, int day);
void days_to_civil(int64_t days, int *year, int *month, int *day);

/* Day number of a time, rounding down also before 1970. */
int64_t day_of(int64_t t);

/* "2010-10-01T12:34:56Z" and a NUL; years 0..9999, others print as "?". */
void time_rfc3339(int64_t t, char out[21]);
/* "2010-10-01" and a NUL. */
void day_text(int64_t day, char out[11]);

/* A user's time: RFC 3339 with zone, "2010-10-01" (start of that day), "2010-10" (start of the
 * month),
 * "@1285891200", or relative to `now`: "7d", "36h", "90m", "2w" (that long ago). False if none of
 * these. */
bool time_parse(struct slice s, int64_t now, int64_t *out);

/* Wall clock, and a monotonic one for measuring (seconds). */
int64_t time_now(void);
double time_monotonic(void);

#endif
