/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "observe/season.h"

#include "core/clock.h"

#include <math.h>

enum { DAYS_OF_WEEK = 7, HOURS_OF_WEEK = 168, SECONDS_PER_HOUR = 3600 };

enum rule { RULE_FIXED, RULE_EASTER, RULE_ORTHODOX, RULE_NTH, RULE_LUNAR };

static const struct holiday {
    const char *name;
    enum rule rule;
    int month, day, first, last;
    const char *reason;
} HOLIDAYS[] = {
#define HOLIDAY(name, rule, month, day, first, last, reason)                                       \
    {name, RULE_##rule, month, day, first, last, reason},
#include "observe/holiday.def"
#undef HOLIDAY
};

/* Chinese New Year from 2000 on, in days after 31 December. */
enum { LUNAR_FIRST = 2000 };
static const int LUNAR[] = {36, 24, 43, 32, 22, 40, 29, 49, 38, 26, 45, 34, 23, 41,
                            31, 50, 39, 28, 47, 36, 25, 43, 32, 22, 41, 29, 48, 37,
                            26, 44, 34, 23, 42, 31, 50, 39, 28, 46, 35, 24, 43};

/* 0 is Sunday. */
static int weekday(int64_t day)
{
    return (int)(((day + 4) % DAYS_OF_WEEK + DAYS_OF_WEEK) % DAYS_OF_WEEK);
}

/* Meeus, Astronomical Algorithms, ch. 8: Gregorian Easter Sunday. */
static int64_t easter(int year)
{
    int a = year % 19, b = year / 100, c = year % 100;
    int d = b / 4, e = b % 4, g = (b - (b + 8) / 25 + 1) / 3;
    int h = (19 * a + b - d - g + 15) % 30;
    int l = (32 + 2 * e + 2 * (c / 4) - h - c % 4) % 7;
    int m = (a + 11 * h + 22 * l) / 451;
    int n = h + l - 7 * m + 114;
    return civil_to_days(year, n / 31, n % 31 + 1);
}

/* The same chapter: Julian Easter, brought to the Gregorian calendar (13 days in 1900 to 2099). */
static int64_t orthodox_easter(int year)
{
    int a = year % 4, b = year % 7, c = year % 19;
    int d = (19 * c + 15) % 30;
    int e = (2 * a + 4 * b - d + 34) % 7;
    int n = d + e + 114;
    return civil_to_days(year, n / 31, n % 31 + 1) + (year / 100 - year / 400 - 2);
}

/* The holiday's day in a year; INT64_MIN when it is not known. */
static int64_t holiday_day(const struct holiday *h, int year)
{
    switch (h->rule) {
    case RULE_FIXED:
        return civil_to_days(year, h->month, h->day);
    case RULE_EASTER:
        return easter(year);
    case RULE_ORTHODOX:
        return orthodox_easter(year);
    case RULE_NTH: {
        int64_t first = civil_to_days(year, h->month, 1);
        int to_weekday = (h->day % 10 - weekday(first) + DAYS_OF_WEEK) % DAYS_OF_WEEK;
        return first + to_weekday + (int64_t)(h->day / 10 - 1) * DAYS_OF_WEEK;
    }
    case RULE_LUNAR:
    default:
        break;
    }
    size_t i = (size_t)(year - LUNAR_FIRST);
    bool is_known = year >= LUNAR_FIRST && i < sizeof LUNAR / sizeof *LUNAR;
    return is_known ? civil_to_days(year, 1, 1) + LUNAR[i] - 1 : INT64_MIN;
}

static const struct holiday *holiday_of(int64_t day)
{
    int year, month, date;
    days_to_civil(day, &year, &month, &date);
    for (size_t i = 0; i < sizeof HOLIDAYS / sizeof *HOLIDAYS; i++) {
        const struct holiday *h = &HOLIDAYS[i];
        int64_t start = holiday_day(h, year);
        if (start != INT64_MIN && day >= start + h->first && day <= start + h->last) {
            return h;
        }
        /* New Year's Eve belongs to the year before. */
        if (h->rule == RULE_FIXED && month == 1 && h->month == 12 &&
            day <= holiday_day(h, year - 1) + h->last) {
            return h;
        }
    }
    return NULL;
}

const char *holiday_name(int64_t day)
{
    const struct holiday *h = holiday_of(day);
    return h ? h->name : NULL;
}

const char *holiday_reason(int64_t day)
{
    const struct holiday *h = holiday_of(day);
    return h ? h->reason : NULL;
}

/* Start of bucket i of hours or days. */
static int64_t bucket_time(const struct series *s, size_t i)
{
    return s->first + (int64_t)i * (s->bucket == BUCKET_HOUR ? SECONDS_PER_HOUR : SECONDS_PER_DAY);
}

static uint16_t slot_of(enum bucket bucket, int64_t time)
{
    int day = weekday(day_of(time));
    int hour = (int)((time - day_of(time) * SECONDS_PER_DAY) / SECONDS_PER_HOUR);
    return (uint16_t)(bucket == BUCKET_HOUR ? day * 24 + hour : day);
}

enum err season_fit(const struct series *s, enum season_side side, struct arena *arena,
                    struct season *out)
{
    double *factor = arena_calloc(arena, s->count + 1, sizeof *factor);
    double *residual = arena_calloc(arena, s->count + 1, sizeof *residual);
    uint16_t *slot = arena_calloc(arena, s->count + 1, sizeof *slot);
    bool *is_holiday = arena_calloc(arena, s->count + 1, sizeof *is_holiday);
    if (!factor || !residual || !slot || !is_holiday) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < s->count; i++) {
        bool is_known = s->exposure[i] > 0.0;
        residual[i] = is_known ? log((s->observed[i] + .5) / s->exposure[i]) : (double)NAN;
        if (s->bucket == BUCKET_HOUR || s->bucket == BUCKET_DAY) {
            int64_t time = bucket_time(s, i);
            slot[i] = slot_of(s->bucket, time);
            is_holiday[i] = holiday_of(day_of(time)) != NULL;
        }
    }
    if (s->bucket == BUCKET_HOUR || s->bucket == BUCKET_DAY) {
        bool is_hour = s->bucket == BUCKET_HOUR;
        struct season_query q = {.log_value = residual,
                                 .is_odd = is_holiday,
                                 .slot = slot,
                                 .count = s->count,
                                 .slots = is_hour ? HOURS_OF_WEEK : DAYS_OF_WEEK,
                                 .half_life = SEASON_HALF_LIFE_DAYS * (is_hour ? 24.0 : 1.0),
                                 .side = side};
        enum err e = season_factors(&q, arena, factor);
        if (e != OK) {
            return e;
        }
    }
    for (size_t i = 0; i < s->count; i++) {
        residual[i] -= factor[i];
    }
    *out = (struct season){.log_factor = factor, .residual = residual, .is_holiday = is_holiday};
    return OK;
}
