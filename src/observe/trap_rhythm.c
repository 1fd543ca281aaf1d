/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "observe/trap_rhythm.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>

/* ---- counts ---- */

static void count_add(void *arg, const struct panel_row *row)
{
    struct trap_counts *c = arg;
    int64_t step_seconds = SECONDS_PER_DAY / (int64_t)c->steps_a_day;
    int64_t step = (row->bucket - c->first) / step_seconds;
    if (row->bucket < c->first || (size_t)step >= c->steps || row->trap >= c->trap_count) {
        return; /* a trap that was made since they were counted */
    }
    size_t day = (size_t)step / c->steps_a_day;
    c->by_day[row->trap * c->days + day] += (double)row->units.messages;
    if (c->by_step != c->by_day) {
        c->by_step[row->trap * c->steps + (size_t)step] += (double)row->units.messages;
    }
}

enum err trap_counts_load(struct store *s, int64_t first, size_t days, bool is_hourly,
                          size_t trap_count, struct arena *arena, struct trap_counts *out,
                          struct errbuf *eb)
{
    struct trap_counts c = {
        .first = first, .days = days, .steps_a_day = is_hourly ? 24 : 1, .trap_count = trap_count};
    struct store_filter f = STORE_FILTER_ALL;
    f.since = first;
    f.until = first + (int64_t)days * SECONDS_PER_DAY;
    c.steps = days * c.steps_a_day;
    c.by_day = arena_calloc(arena, trap_count * days + 1, sizeof *c.by_day);
    c.by_step =
        is_hourly ? arena_calloc(arena, trap_count * c.steps + 1, sizeof *c.by_step) : c.by_day;
    c.before = arena_calloc(arena, trap_count * (days + 1) + 1, sizeof *c.before);
    if (!c.by_day || !c.by_step || !c.before) {
        return err_set(eb, ERR_NOMEM, "out of memory for the counts of traps");
    }
    enum err e = store_panel(s, &f, is_hourly ? BUCKET_HOUR : BUCKET_DAY, DIMENSION_TOTAL,
                             count_add, &c, eb);
    for (size_t t = 0; t < trap_count; t++) {
        double *before = c.before + t * (days + 1);
        for (size_t d = 0; d < days; d++) {
            before[d + 1] = before[d] + c.by_day[t * days + d];
        }
    }
    *out = c;
    return e;
}

double trap_counts_sum(const struct trap_counts *c, size_t trap, size_t from, size_t to)
{
    const double *before = c->before + trap * (c->days + 1);
    to = to < c->days ? to : c->days;
    return from < to ? before[to] - before[from] : 0;
}

/* ---- rhythm ---- */

/* 1970-01-01 was a Thursday; 0 is Monday. */
static size_t weekday_of(const struct trap_counts *c, size_t day)
{
    int64_t d = (day_of(c->first) + (int64_t)day + 3) % 7;
    return (size_t)(d < 0 ? d + 7 : d);
}

static int double_cmp(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The days that a rhythm is made of: indices of up to RHYTHM_DAYS on each side. */
struct window {
    size_t days[2 * RHYTHM_DAYS];
    size_t count, count_before;
    double cap; /* a day counts for no more: one burst is not a rate */
};

static void window_set(struct window *w, const struct trap_counts *c, size_t trap, size_t first_day,
                       size_t end_day, size_t born, size_t dead)
{
    double positive[2 * RHYTHM_DAYS];
    size_t n = 0, from = first_day > RHYTHM_DAYS ? first_day - RHYTHM_DAYS : 0;
    w->count = 0;
    for (size_t d = from > born ? from : born; d < first_day; d++) {
        w->days[w->count++] = d;
    }
    w->count_before = w->count;
    for (size_t d = end_day; d < end_day + RHYTHM_DAYS && d < dead && d < c->days; d++) {
        w->days[w->count++] = d;
    }
    for (size_t i = 0; i < w->count; i++) {
        double y = c->by_day[trap * c->days + w->days[i]];
        if (y > 0) {
            positive[n++] = y;
        }
    }
    if (n) {
        qsort(positive, n, sizeof *positive, double_cmp);
    }
    w->cap = n ? 3 * positive[n / 2] : 0;
}

static double window_count(const struct window *w, const struct trap_counts *c, size_t trap,
                           size_t i)
{
    double y = c->by_day[trap * c->days + w->days[i]];
    return y < w->cap ? y : w->cap;
}

static double window_mean(const struct window *w, const struct trap_counts *c, size_t trap,
                          size_t from, size_t to)
{
    double sum = 0;
    for (size_t i = from; i < to; i++) {
        sum += window_count(w, c, trap, i);
    }
    return to > from ? sum / (double)(to - from) : 0;
}

static void weekdays_set(struct trap_rhythm *r, const struct window *w, const struct trap_counts *c,
                         size_t trap, double mean)
{
    double sum[7] = {0}, all = 0;
    size_t n[7] = {0};
    for (size_t i = 0; i < w->count; i++) {
        size_t k = weekday_of(c, w->days[i]);
        sum[k] += window_count(w, c, trap, i);
        n[k]++;
    }
    for (size_t k = 0; k < 7; k++) {
        r->weekday[k] = n[k] >= RHYTHM_DAYS_LEAST && mean > 0 ? sum[k] / (double)n[k] / mean : 1.0;
        all += r->weekday[k];
    }
    for (size_t k = 0; k < 7; k++) {
        r->weekday[k] = all > 0 ? r->weekday[k] * 7 / all : 1.0;
    }
}

static void hours_set(struct trap_rhythm *r, const struct window *w, const struct trap_counts *c,
                      size_t trap)
{
    double all = 0;
    for (size_t h = 0; h < 24; h++) {
        r->hour[h] = c->steps_a_day == 24 ? 0 : 1;
        for (size_t i = 0; c->steps_a_day == 24 && i < w->count; i++) {
            r->hour[h] += c->by_step[trap * c->steps + w->days[i] * 24 + h];
        }
        all += r->hour[h];
    }
    for (size_t h = 0; h < 24; h++) {
        r->hour[h] = all > 0 ? r->hour[h] * 24 / all : 1.0;
    }
}

/* By moments, from what the days differ from what is expected of them on their side. */
static double theta_of(const struct trap_rhythm *r, const struct window *w,
                       const struct trap_counts *c, size_t trap, double before, double after)
{
    enum { LEAST = 1, MOST = 100 };
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < w->count; i++) {
        double mean =
            (i < w->count_before ? before : after) * r->weekday[weekday_of(c, w->days[i])];
        if (mean > 0) {
            double off = window_count(w, c, trap, i) / mean - 1;
            sum += off * off - 1 / mean;
            n++;
        }
    }
    double extra = n > 1 ? sum / (double)(n - 1) : 1;
    return extra <= 1.0 / MOST ? MOST : extra >= 1.0 / LEAST ? LEAST : 1 / extra;
}

bool trap_rhythm_around(const struct trap_counts *c, size_t trap, size_t from, size_t to,
                        size_t born, size_t dead, struct trap_rhythm *out)
{
    struct window w;
    window_set(&w, c, trap, from / c->steps_a_day, (to - 1) / c->steps_a_day + 1, born, dead);
    double before = window_mean(&w, c, trap, 0, w.count_before);
    double after = window_mean(&w, c, trap, w.count_before, w.count);
    bool has_before = w.count_before >= RHYTHM_DAYS_LEAST,
         has_after = w.count - w.count_before >= RHYTHM_DAYS_LEAST;
    if (!has_before && !has_after) {
        return false;
    }
    before = has_before ? before : after;
    after = has_after ? after : before;
    out->rate = before < after ? before : after;
    weekdays_set(out, &w, c, trap, window_mean(&w, c, trap, 0, w.count));
    hours_set(out, &w, c, trap);
    out->theta = theta_of(out, &w, c, trap, before, after);
    return out->rate > 0;
}

double trap_rhythm_days(const struct trap_counts *c, const struct trap_rhythm *r, size_t from,
                        size_t to)
{
    double days = 0;
    for (size_t i = from; i < to; i++) {
        double factor = r->weekday[weekday_of(c, i / c->steps_a_day)];
        days += c->steps_a_day == 24 ? factor * r->hour[i % 24] / 24 : factor;
    }
    return days;
}

/* ---- probabilities ---- */

/* Where the tail is less than a double can hold. */
static double log10_of(double p)
{
    return p > 0 ? log10(p) : -300;
}

double count_log10_at_most(double y, double mean, double theta)
{
    if (mean <= 0) {
        return 0;
    }
    if (y < 1) {
        return theta * log10(theta / (theta + mean));
    }
    return log10_of(
        gsl_cdf_negative_binomial_P((unsigned)fmin(y, 4e9), theta / (theta + mean), theta));
}

double count_log10_at_least(double y, double mean, double theta)
{
    if (mean <= 0 || y < 1) {
        return 0;
    }
    return log10_of(
        gsl_cdf_negative_binomial_Q((unsigned)fmin(y - 1, 4e9), theta / (theta + mean), theta));
}
