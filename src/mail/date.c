/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two readers: one for the canonical form of RFC 5322, which nearly all real dates have, and a
 * tolerant one that collects day, month, year, time and zone in whatever order they come. Both are
 * one pass; the tolerant one looks at no more than WORDS_MAX pieces. A date that leaves a choice
 * ("01/02/2003") is no date: a wrong receipt time is worse than none. */
#include "mail/date.h"

#include "core/clock.h"

enum {
    WORDS_MAX = 48,        /* pieces looked at; a real date has at most ten */
    STRAY_WORDS_MAX = 2,   /* unknown words before the time: a foreign weekday, "le" */
    DATE_BYTES_MAX = 1024, /* of a date with its comments */
};

#define PACK3(a, b, c) ((uint32_t)(a) << 16 | (uint32_t)(b) << 8 | (uint32_t)(c))

/* The first three letters, lower case, in one number; 0 if one of them is no letter. */
static uint32_t letters3(const char *p)
{
    return ascii_is_alpha(p[0]) && ascii_is_alpha(p[1]) && ascii_is_alpha(p[2])
               ? PACK3(ascii_lower(p[0]), ascii_lower(p[1]), ascii_lower(p[2]))
               : 0;
}

static int month_english(uint32_t letters)
{
    switch (letters) {
    case PACK3('j', 'a', 'n'):
        return 1;
    case PACK3('f', 'e', 'b'):
        return 2;
    case PACK3('m', 'a', 'r'):
        return 3;
    case PACK3('a', 'p', 'r'):
        return 4;
    case PACK3('m', 'a', 'y'):
        return 5;
    case PACK3('j', 'u', 'n'):
        return 6;
    case PACK3('j', 'u', 'l'):
        return 7;
    case PACK3('a', 'u', 'g'):
        return 8;
    case PACK3('s', 'e', 'p'):
        return 9;
    case PACK3('o', 'c', 't'):
        return 10;
    case PACK3('n', 'o', 'v'):
        return 11;
    case PACK3('d', 'e', 'c'):
        return 12;
    default:
        return 0;
    }
}

/* Senders that print dates in the machine's locale: German, French, Italian, Spanish, Portuguese,
 * Dutch. */
static int month_foreign(uint32_t letters)
{
    static const struct {
        uint32_t letters;
        int month;
    } MONTHS[] = {
        {PACK3('e', 'n', 'e'), 1},  {PACK3('g', 'e', 'n'), 1},  {PACK3('f', 'e', 'v'), 2},
        {PACK3('m', 'r', 'z'), 3},  {PACK3('m', 'r', 't'), 3},  {PACK3('a', 'v', 'r'), 4},
        {PACK3('a', 'b', 'r'), 4},  {PACK3('m', 'a', 'i'), 5},  {PACK3('m', 'a', 'g'), 5},
        {PACK3('m', 'e', 'i'), 5},  {PACK3('g', 'i', 'u'), 6},  {PACK3('l', 'u', 'g'), 7},
        {PACK3('a', 'g', 'o'), 8},  {PACK3('s', 'e', 't'), 9},  {PACK3('o', 'k', 't'), 10},
        {PACK3('o', 't', 't'), 10}, {PACK3('o', 'u', 't'), 10}, {PACK3('d', 'e', 'z'), 12},
        {PACK3('d', 'i', 'c'), 12},
    };
    for (size_t i = 0; i < sizeof MONTHS / sizeof *MONTHS; i++) {
        if (MONTHS[i].letters == letters) {
            return MONTHS[i].month;
        }
    }
    return 0;
}

static bool is_weekday(struct slice word)
{
    if (word.n < 3 || word.n > 9) {
        return false;
    }
    switch (letters3(word.p)) {
    case PACK3('m', 'o', 'n'):
    case PACK3('t', 'u', 'e'):
    case PACK3('w', 'e', 'd'):
    case PACK3('t', 'h', 'u'):
    case PACK3('f', 'r', 'i'):
    case PACK3('s', 'a', 't'):
    case PACK3('s', 'u', 'n'):
        return true;
    default:
        return false;
    }
}

/* Zone names, minutes east. RFC 5322 4.3 gives the American ones; "IST" and other names that
 * several places use are left out and count as UTC, as RFC 5322 says of unknown names. */
static bool zone_by_name(struct slice name, int *minutes)
{
    static const struct {
        struct slice name;
        int minutes;
    } ZONES[] = {
        {SLICE("GMT"), 0},     {SLICE("UTC"), 0},     {SLICE("UT"), 0},      {SLICE("Z"), 0},
        {SLICE("EST"), -300},  {SLICE("EDT"), -240},  {SLICE("CST"), -360},  {SLICE("CDT"), -300},
        {SLICE("MST"), -420},  {SLICE("MDT"), -360},  {SLICE("PST"), -480},  {SLICE("PDT"), -420},
        {SLICE("WET"), 0},     {SLICE("WEST"), 60},   {SLICE("BST"), 60},    {SLICE("CET"), 60},
        {SLICE("CEST"), 120},  {SLICE("MET"), 60},    {SLICE("MEST"), 120},  {SLICE("MEZ"), 60},
        {SLICE("MESZ"), 120},  {SLICE("EET"), 120},   {SLICE("EEST"), 180},  {SLICE("MSK"), 180},
        {SLICE("MSD"), 240},   {SLICE("SAST"), 120},  {SLICE("JST"), 540},   {SLICE("KST"), 540},
        {SLICE("HKT"), 480},   {SLICE("SGT"), 480},   {SLICE("AWST"), 480},  {SLICE("ACST"), 570},
        {SLICE("AEST"), 600},  {SLICE("AEDT"), 660},  {SLICE("NZST"), 720},  {SLICE("NZDT"), 780},
        {SLICE("HST"), -600},  {SLICE("AKST"), -540}, {SLICE("AKDT"), -480}, {SLICE("AST"), -240},
        {SLICE("ADT"), -180},  {SLICE("NST"), -210},  {SLICE("NDT"), -150},  {SLICE("BRT"), -180},
        {SLICE("BRST"), -120}, {SLICE("ART"), -180},
    };
    for (size_t i = 0; i < sizeof ZONES / sizeof *ZONES; i++) {
        if (slice_ieq(name, ZONES[i].name)) {
            *minutes = ZONES[i].minutes;
            return true;
        }
    }
    return false;
}

static int days_of_month(int year, int month)
{
    static const int DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return DAYS[month - 1] + (month == 2 && is_leap);
}

/* No place is or was at other quarters (Nepal has 45, Liberia's and others' odd minutes ended
 * before mail began). */
static bool zone_is_possible(int hours, int minutes, bool is_east)
{
    int total = hours * 60 + minutes;
    return minutes % 15 == 0 && minutes < 60 && total <= (is_east ? 14 * 60 : 12 * 60);
}

/* What has been read so far. */
struct pieces {
    int year, month, day, hour, minute, second; /* -1: not seen; month and day: 0 */
    bool has_zone, is_pm, is_am, is_zone_possible;
    int zone_minutes; /* numeric */
    int zone_name_minutes;
    struct slice zone;
};

static bool pieces_finish(const struct pieces *d, struct mail_date *out)
{
    int hour = d->hour;
    if ((d->is_am || d->is_pm) && hour >= 0 && hour <= 12) { /* "15:04 PM" is taken as it is */
        hour = hour % 12 + (d->is_pm ? 12 : 0);
    }
    if (d->year < 1 || d->year > 9999 || d->month < 1 || d->month > 12 || d->day < 1 ||
        d->day > days_of_month(d->year, d->month) || hour < 0 || hour > 23 || d->minute < 0 ||
        d->minute > 59 || d->second < 0 || d->second > 60) {
        return false;
    }
    out->time = civil_to_days(d->year, d->month, d->day) * SECONDS_PER_DAY + hour * 3600 +
                d->minute * 60 + d->second - (d->zone_minutes + d->zone_name_minutes) * 60;
    out->is_valid = true;
    return true;
}

static bool two_digits(const char *p, int *out)
{
    *out = (p[0] - '0') * 10 + (p[1] - '0');
    return ascii_is_digit(p[0]) && ascii_is_digit(p[1]);
}

/* "[Www, ]D Mon YYYY HH:MM:SS +ZZZZ" with one space between; what follows must be white space or
 * nothing. False: the tolerant reader has to look. */
static bool canonical_parse(struct slice s, struct mail_date *out)
{
    const char *p = s.p, *end = s.p + s.n;
    struct pieces d = {0};
    int high, low, zone_hours, zone_rest;
    if (s.n < 25) {
        return false;
    }
    if (ascii_is_alpha(p[0])) {
        if (!is_weekday(slice_of(p, 3)) || p[3] != ',' || p[4] != ' ') {
            return false;
        }
        p += 5;
    }
    if (ascii_is_digit(p[0]) && p[1] == ' ') {
        d.day = p[0] - '0';
        p += 2;
    } else if (two_digits(p, &d.day) && p[2] == ' ') {
        p += 3;
    } else {
        return false;
    }
    if (end - p < 23 || p[3] != ' ' || p[8] != ' ' || p[11] != ':' || p[14] != ':' ||
        p[17] != ' ' || (p[18] != '+' && p[18] != '-') ||
        (end - p > 23 && !ascii_is_space(p[23]))) {
        return false;
    }
    d.month = month_english(letters3(p));
    if (!d.month || !two_digits(p + 4, &high) || !two_digits(p + 6, &low) ||
        !two_digits(p + 9, &d.hour) || !two_digits(p + 12, &d.minute) ||
        !two_digits(p + 15, &d.second) || !two_digits(p + 19, &zone_hours) ||
        !two_digits(p + 21, &zone_rest)) {
        return false;
    }
    d.year = high * 100 + low;
    bool is_east = p[18] == '+';
    d.zone_minutes = (zone_hours * 60 + zone_rest) * (is_east ? 1 : -1);
    if (!pieces_finish(&d, out)) {
        return false;
    }
    out->zone = slice_of(p + 18, 5);
    out->zone_minutes = d.zone_minutes;
    out->is_zone_possible = zone_is_possible(zone_hours, zone_rest, is_east);
    return true;
}

struct number {
    int value;
    size_t digits;
};

/* The digits at `at`; a run of more than nine is no number of a date (digits 0). */
static struct number number_at(struct slice s, size_t at)
{
    struct number v = {0, 0};
    while (at + v.digits < s.n && ascii_is_digit(s.p[at + v.digits])) {
        if (++v.digits > 9) {
            return (struct number){0, 0};
        }
        v.value = v.value * 10 + (s.p[at + v.digits - 1] - '0');
    }
    return v;
}

/* RFC 5322 4.3; three digits and 191xx are the year-2000 mistakes of localtime() users. */
static int year_of(struct number v)
{
    if (v.digits <= 2) {
        return v.value < 50 ? 2000 + v.value : 1900 + v.value;
    }
    if (v.digits == 3) {
        return 1900 + v.value;
    }
    return v.digits == 5 && v.value / 1000 == 19 ? 1900 + v.value % 1000 : v.value;
}

static size_t spaces_skip(struct slice s, size_t at)
{
    while (at < s.n && ascii_is_space(s.p[at])) {
        at++;
    }
    return at;
}

/* After the comment that begins at `at`; the end when it never closes. */
static size_t comment_skip(struct slice s, size_t at)
{
    unsigned depth = 0;
    for (; at < s.n; at++) {
        if (s.p[at] == '\\') {
            at++;
        } else if (s.p[at] == '(') {
            depth++;
        } else if (s.p[at] == ')' && --depth == 0) {
            return at + 1;
        }
    }
    return s.n;
}

/* "hh:mm[:ss[.frac]]", the hour read already; `at` is behind the first separator. */
static size_t time_read(struct pieces *d, struct slice s, struct number hour, char separator,
                        size_t at)
{
    at = spaces_skip(s, at);
    struct number v = number_at(s, at);
    d->hour = hour.value;
    d->minute = v.digits ? v.value : 99;
    d->second = 0;
    at += v.digits;
    size_t next = spaces_skip(s, at);
    if (next < s.n && s.p[next] == separator) {
        next = spaces_skip(s, next + 1);
        v = number_at(s, next);
        if (v.digits) {
            d->second = v.value;
            at = next + v.digits;
        }
    }
    if (at + 1 < s.n && (s.p[at] == '.' || s.p[at] == ',') && ascii_is_digit(s.p[at + 1])) {
        at++;
        while (at < s.n && ascii_is_digit(s.p[at])) {
            at++;
        }
    }
    return at;
}

/* "2005-01-12", "22/08/2002", "12.01.2005", "8/22/02"; returns `at` when there is none. */
static size_t numeric_date_read(struct pieces *d, struct slice s, size_t at)
{
    struct number v[3];
    size_t i = at;
    char separator = 0;
    for (int k = 0; k < 3; k++) {
        v[k] = number_at(s, i);
        i += v[k].digits;
        if (!v[k].digits || v[k].digits > 4 || (k < 2 && i >= s.n) ||
            (k == 1 && s.p[i] != separator)) {
            return at;
        }
        if (k < 2) {
            separator = s.p[i++];
        }
    }
    int a = v[0].value, b = v[1].value;
    if (v[0].digits == 4) {
        d->year = a;
        d->month = b;
        d->day = v[2].value;
        return i < s.n && (s.p[i] == 'T' || s.p[i] == 't') ? i + 1 : i;
    }
    d->year = year_of(v[2]);
    if (separator == '.' || a > 12 || a == b) {
        d->day = a;
        d->month = b;
    } else if (b > 12) {
        d->day = b;
        d->month = a;
    } else {
        d->day = 99; /* a choice: not a date */
        d->month = 1;
    }
    return i;
}

/* "+0100", "-5", "+05:30"; `at` is at the sign, or at the first digit when there is none. */
static size_t zone_read(struct pieces *d, struct slice s, size_t at)
{
    size_t start = at;
    bool is_east = s.p[at] != '-';
    at += !ascii_is_digit(s.p[at]);
    struct number v = number_at(s, at);
    int hours = v.value, minutes = 0;
    bool is_odd = v.digits == 0;
    while (at < s.n && ascii_is_digit(s.p[at])) {
        at++;
    }
    if (v.digits > 4) { /* "-04000": the first four say it */
        is_odd = true;
        for (size_t extra = v.digits; extra > 4; extra--) {
            hours /= 10;
        }
    }
    if (v.digits >= 3) {
        minutes = hours % 100;
        hours /= 100;
    } else if (at + 2 < s.n && s.p[at] == ':' && two_digits(s.p + at + 1, &minutes)) {
        at += 3;
    } else {
        minutes = 0;
    }
    d->has_zone = true;
    d->zone = slice_of(s.p + start, at - start);
    d->zone_minutes = (hours * 60 + minutes) * (is_east ? 1 : -1);
    d->zone_name_minutes = 0; /* "GMT+0100": the number counts */
    d->is_zone_possible = !is_odd && zone_is_possible(hours, minutes, is_east);
    return at;
}

/* "Eastern Daylight Time" and its three sisters, as some Windows programs write zones. */
static bool zone_windows(struct pieces *d, struct slice s, size_t at, struct slice word,
                         size_t *after)
{
    static const struct {
        struct slice word;
        int minutes;
    } ZONES[] = {{SLICE("Eastern"), -300},
                 {SLICE("Central"), -360},
                 {SLICE("Mountain"), -420},
                 {SLICE("Pacific"), -480}};
    struct slice rest = slice_sub(s, spaces_skip(s, at), SIZE_MAX);
    for (size_t i = 0; i < sizeof ZONES / sizeof *ZONES; i++) {
        if (slice_ieq(word, ZONES[i].word)) {
            bool is_daylight = slice_istarts(rest, S("Daylight"));
            d->zone_name_minutes = ZONES[i].minutes + (is_daylight ? 60 : 0);
            d->has_zone = true;
            d->zone = word;
            *after = (size_t)(rest.p - s.p) +
                     (is_daylight || slice_istarts(rest, S("Standard")) ? 8 : 0);
            return true;
        }
    }
    return false;
}

enum step { STEP_ON, STEP_END, STEP_BAD };

static enum step word_read(struct pieces *d, struct slice s, size_t *at, unsigned *strays)
{
    size_t start = *at;
    /* A byte above 0x7f belongs to a foreign name of a day or month. */
    while (*at < s.n && (ascii_is_alpha(s.p[*at]) || (unsigned char)s.p[*at] >= 0x80)) {
        (*at)++;
    }
    struct slice word = slice_of(s.p + start, *at - start);
    uint32_t letters = word.n >= 3 ? letters3(word.p) : 0;
    int minutes;
    if (is_weekday(word)) {
        return STEP_ON;
    }
    if (d->month == 0 && letters && (d->month = month_english(letters)) != 0) {
        return STEP_ON;
    }
    if (d->month == 0 && letters && (d->month = month_foreign(letters)) != 0) {
        return STEP_ON;
    }
    if (d->hour < 0) {
        if (word.n == 1 && ascii_lower(word.p[0]) == 't' && d->day) {
            return STEP_ON;
        }
        return ++*strays > STRAY_WORDS_MAX ? STEP_BAD : STEP_ON;
    }
    if (slice_ieq(word, S("AM")) || slice_ieq(word, S("PM"))) {
        d->is_pm = ascii_lower(word.p[0]) == 'p';
        d->is_am = !d->is_pm;
        return STEP_ON;
    }
    if (d->has_zone) {
        if (slice_ieq(word, S("DST")) && d->zone_minutes == 0) { /* "MET DST" */
            d->zone_name_minutes += 60;
        }
        return d->year < 0 ? STEP_ON : STEP_END;
    }
    if (zone_by_name(word, &minutes)) {
        d->zone_name_minutes = minutes;
        d->has_zone = true;
        d->zone = word;
        return STEP_ON;
    }
    if (zone_windows(d, s, *at, word, at)) {
        return STEP_ON;
    }
    if (word.n <= 5) { /* RFC 5322 4.3: an unknown name is -0000 */
        d->has_zone = true;
        d->zone = word;
    }
    return d->year < 0 ? STEP_ON : STEP_END;
}

static enum step number_read(struct pieces *d, struct slice s, size_t *at)
{
    struct number v = number_at(s, *at);
    if (!v.digits) {
        return d->hour >= 0 && d->year >= 0 ? STEP_END : STEP_BAD;
    }
    size_t after = *at + v.digits;
    size_t next = spaces_skip(s, after);
    char mark = after < s.n ? s.p[after] : '\0';
    if (d->hour < 0 && v.digits <= 2 && next < s.n && s.p[next] == ':') {
        *at = time_read(d, s, v, ':', next + 1);
        return STEP_ON;
    }
    if (d->hour < 0 && d->year >= 0 && v.digits <= 2 && mark == '.') { /* "12.34.56" */
        *at = time_read(d, s, v, '.', after + 1);
        return STEP_ON;
    }
    if (d->day == 0 && d->month == 0 && (mark == '-' || mark == '/' || mark == '.')) {
        size_t end = numeric_date_read(d, s, *at);
        if (end != *at) {
            *at = end;
            return STEP_ON;
        }
    }
    *at = after;
    if (d->day == 0 && v.digits <= 2) {
        d->day = v.value;
    } else if (d->year < 0) {
        d->year = year_of(v);
    } else if (d->hour < 0 && v.digits == 4) { /* RFC 733: "0552" */
        d->hour = v.value / 100;
        d->minute = v.value % 100;
        d->second = 0;
    } else if (d->hour >= 0 && !d->has_zone && v.digits == 4) { /* a zone without its sign */
        (void)zone_read(d, s, after - 4);
    } else {
        return d->hour >= 0 ? STEP_END : STEP_BAD;
    }
    return STEP_ON;
}

static void tolerant_parse(struct slice s, struct mail_date *out)
{
    struct pieces d = {
        .year = -1, .hour = -1, .minute = -1, .second = -1, .is_zone_possible = true};
    unsigned strays = 0;
    size_t at = 0;
    enum step step = STEP_ON;
    for (unsigned words = 0; at < s.n && step == STEP_ON && words < WORDS_MAX;) {
        char c = s.p[at];
        if (ascii_is_digit(c)) {
            step = number_read(&d, s, &at);
            words++;
        } else if (ascii_is_alpha(c) || (unsigned char)c >= 0x80) {
            step = word_read(&d, s, &at, &strays);
            words++;
        } else if (c == '(') {
            at = comment_skip(s, at);
            words++;
        } else if ((c == '+' || c == '-') && d.hour >= 0 && at + 1 < s.n &&
                   ascii_is_digit(s.p[at + 1]) &&
                   !(d.year < 0 && at > 0 && ascii_is_alpha(s.p[at - 1]) && c == '-' &&
                     !d.has_zone)) {
            if (d.has_zone && !ascii_is_alpha(d.zone.p[0])) {
                break; /* a second zone: the first counts; but in "GMT+0100" the number does */
            }
            at = zone_read(&d, s, at);
            words++;
        } else {
            at++;
        }
    }
    out->zone = d.zone;
    out->zone_minutes = d.zone_minutes;
    out->is_zone_possible = d.is_zone_possible;
    if (step == STEP_BAD || !pieces_finish(&d, out)) {
        out->is_valid = false;
        out->time = 0;
    }
}

struct mail_date mail_date_parse(struct slice s)
{
    struct mail_date out = {.is_zone_possible = true};
    s = slice_trim(slice_sub(s, 0, DATE_BYTES_MAX));
    if (!canonical_parse(s, &out)) {
        tolerant_parse(s, &out);
    }
    return out;
}

bool mbox_date_parse(struct slice s, int64_t *out)
{
    s = slice_trim(slice_sub(s, 0, DATE_BYTES_MAX));
    size_t letters = 0;
    while (letters < s.n && ascii_is_alpha(s.p[letters])) {
        letters++;
    }
    if (!is_weekday(slice_of(s.p, letters))) {
        return false; /* a sentence that begins with "From " in a body has none there */
    }
    struct mail_date d = mail_date_parse(s);
    if (d.is_valid) {
        *out = d.time;
    }
    return d.is_valid;
}
