/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/clock.h"

#include <stdio.h>
#include <time.h>

/* Counting years from March puts the leap day last, so month lengths follow one formula. */
int64_t civil_to_days(int year, int month, int day)
{
    int64_t y = year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

void days_to_civil(int64_t days, int *year, int *month, int *day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = (int)(yoe + era * 400 + (*month <= 2));
}

int64_t day_of(int64_t t)
{
    return t >= 0 ? t / SECONDS_PER_DAY : -((-t + SECONDS_PER_DAY - 1) / SECONDS_PER_DAY);
}

void time_rfc3339(int64_t t, char out[21])
{
    int year, month, day;
    int64_t d = day_of(t);
    int s = (int)(t - d * SECONDS_PER_DAY);
    days_to_civil(d, &year, &month, &day);
    if (d < -719528 || year > 9999) {
        memcpy(out, "?", 2);
        return;
    }
    char text[48];
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02dZ", year, month, day, s / 3600,
             s / 60 % 60, s % 60);
    memcpy(out, text, 21);
}

void day_text(int64_t day, char out[11])
{
    char text[21];
    time_rfc3339(day * SECONDS_PER_DAY, text);
    memcpy(out, text, 10);
    out[10] = '\0';
}

static bool digits(struct slice s, size_t at, size_t n, int *out)
{
    uint64_t value;
    if (at + n > s.n || !slice_to_u64(slice_sub(s, at, n), &value)) {
        return false;
    }
    *out = (int)value;
    return true;
}

static int month_days(int year, int month)
{
    static const int DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return DAYS[month - 1] + (month == 2 && leap);
}

static bool zone_parse(struct slice s, int64_t *offset)
{
    int hours, minutes;
    if (s.n == 1 && (s.p[0] == 'Z' || s.p[0] == 'z')) {
        *offset = 0;
        return true;
    }
    if (s.n != 6 || (s.p[0] != '+' && s.p[0] != '-') || s.p[3] != ':' || !digits(s, 1, 2, &hours) ||
        !digits(s, 4, 2, &minutes) || hours > 23 || minutes > 59) {
        return false;
    }
    *offset = (s.p[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
}

static bool absolute_parse(struct slice s, int64_t *out)
{
    int year, month, day = 1, hour = 0, minute = 0, second = 0;
    int64_t offset = 0;
    if (!digits(s, 0, 4, &year) || s.n < 7 || s.p[4] != '-' || !digits(s, 5, 2, &month) ||
        month < 1 || month > 12) {
        return false;
    }
    if (s.n > 7 && (s.n < 10 || s.p[7] != '-' || !digits(s, 8, 2, &day))) {
        return false;
    }
    if (day < 1 || day > month_days(year, month)) {
        return false;
    }
    if (s.n > 10) {
        bool ok = (s.p[10] == 'T' || s.p[10] == 't' || s.p[10] == ' ') && s.n >= 20 &&
                  digits(s, 11, 2, &hour) && s.p[13] == ':' && digits(s, 14, 2, &minute) &&
                  s.p[16] == ':' && digits(s, 17, 2, &second) && hour < 24 && minute < 60 &&
                  second <= 60 && zone_parse(slice_sub(s, 19, SIZE_MAX), &offset);
        if (!ok) {
            return false;
        }
    }
    *out = civil_to_days(year, month, day) * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second -
           offset;
    return true;
}

static bool relative_parse(struct slice s, int64_t now, int64_t *out)
{
    static const struct {
        char unit;
        int64_t seconds;
    } UNITS[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 7 * 86400}};
    uint64_t count;
    if (s.n < 2 || !slice_to_u64(slice_sub(s, 0, s.n - 1), &count) || count > 1000000000) {
        return false;
    }
    for (size_t i = 0; i < sizeof UNITS / sizeof *UNITS; i++) {
        if (s.p[s.n - 1] == UNITS[i].unit) {
            *out = now - (int64_t)count * UNITS[i].seconds;
            return true;
        }
    }
    return false;
}

bool time_parse(struct slice s, int64_t now, int64_t *out)
{
    uint64_t epoch;
    if (s.n > 1 && s.p[0] == '@' && slice_to_u64(slice_sub(s, 1, SIZE_MAX), &epoch) &&
        epoch < INT64_MAX) {
        *out = (int64_t)epoch;
        return true;
    }
    return absolute_parse(s, out) || relative_parse(s, now, out);
}

int64_t time_now(void)
{
    return (int64_t)time(NULL);
}

double time_monotonic(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}
