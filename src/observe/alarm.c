/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "observe/alarm.h"

#include "core/clock.h"
#include "observe/alarm_line.h"
#include "stat/multiple.h"

#include <math.h>
#include <stdlib.h>

const struct alarm_options ALARM_DEFAULT = {
    .shift = .3, .run_length = 365.0, .change_p = .9, .fdr = .05};

bool alarm_options_check(const struct alarm_options *o, const char **what)
{
    *what = !(o->shift > 0.0 && o->shift < 1.0)               ? "shift"
            : !(o->run_length >= 2.0 && o->run_length <= 1e5) ? "run length"
            : !(o->change_p >= 0.0 && o->change_p < 1.0)      ? "probability of a change"
            : !(o->fdr > 0.0 && o->fdr <= 1.0)                ? "false discovery rate"
                                                              : NULL;
    return !*what;
}

struct run {
    const struct alarm_options *o;
    struct alarm_line *lines;
    size_t count;
    struct alarm *items;
    size_t item_count, capacity;
    double *p;
    struct arena *arena;
};

static bool is_candidate_day(const struct run *r)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct alarm_line *l = &r->lines[i];
        if (l->is_watched &&
            (alarm_line_is_past(l, ALARM_DROP) || alarm_line_is_past(l, ALARM_RISE))) {
            return true;
        }
    }
    return false;
}

/* Alarms may be many over decades: the array doubles, in the arena. */
static struct alarm *item_next(struct run *r)
{
    if (r->item_count == r->capacity) {
        size_t capacity = r->capacity ? 2 * r->capacity : 64;
        struct alarm *items = arena_calloc(r->arena, capacity, sizeof *items);
        if (!items) {
            return NULL;
        }
        if (r->item_count) {
            memcpy(items, r->items, r->item_count * sizeof *items);
        }
        r->items = items;
        r->capacity = capacity;
    }
    return &r->items[r->item_count];
}

static enum err day_step(struct run *r, size_t t)
{
    for (size_t i = 0; i < r->count; i++) {
        struct alarm_line *l = &r->lines[i];
        if (l->is_watched) {
            alarm_line_step(l, t);
        }
    }
    if (!is_candidate_day(r)) {
        return OK;
    }
    for (size_t i = 0; i < r->count; i++) {
        const struct alarm_line *l = &r->lines[i];
        r->p[i] = !l->is_watched       ? (double)NAN
                  : r->o->is_dependent ? alarm_line_e(l)
                                       : alarm_line_p(l);
    }
    enum err e = r->o->is_dependent ? multiple_ebh(r->p, r->count, r->arena, r->p)
                                    : multiple_bh(r->p, r->count, r->arena, r->p);
    for (size_t i = 0; e == OK && i < r->count; i++) {
        struct alarm_line *l = &r->lines[i];
        struct alarm *a = item_next(r);
        l->q = r->p[i];
        if (!a) {
            return ERR_NOMEM;
        }
        if (l->is_watched && alarm_line_alarm(l, t, r->o, a)) {
            r->item_count++;
        }
    }
    return e;
}

/* Sizes by all days up to the next alarm of the series. */
static bool sizes_fill(struct run *r, size_t days)
{
    double *exposure = arena_calloc(r->arena, days + 1, sizeof *exposure);
    for (size_t i = 0; exposure && i < r->item_count; i++) {
        struct alarm *a = &r->items[i];
        int64_t until = a->series->first + (int64_t)days * SECONDS_PER_DAY;
        for (size_t j = r->item_count; j-- > i + 1;) {
            const struct alarm *next = &r->items[j];
            bool is_after = next->series == a->series && next->date > a->date;
            until = is_after && next->date < until ? next->date : until;
        }
        for (size_t k = 0; k < r->count; k++) {
            if (r->lines[k].series == a->series) {
                alarm_line_size(&r->lines[k],
                                (size_t)((until - a->series->first) / SECONDS_PER_DAY), exposure,
                                a);
            }
        }
    }
    return exposure != NULL;
}

static int by_day(const void *a, const void *b)
{
    const struct alarm *x = a, *y = b;
    if (x->raised != y->raised) {
        return x->raised < y->raised ? -1 : 1;
    }
    if (x->series != y->series) {
        return x->series < y->series ? -1 : 1;
    }
    return (int)x->kind - (int)y->kind;
}

/* Those of the period, of all kinds, in order. */
static enum err result_fill(struct run *r, int64_t since, int64_t until, struct alarms *out)
{
    struct alarm *kept = arena_calloc(r->arena, r->item_count + 1, sizeof *kept);
    size_t n = 0;
    if (!kept) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < r->item_count; i++) {
        if (r->items[i].raised >= since && r->items[i].raised < until) {
            kept[n++] = r->items[i];
        }
    }
    qsort(kept, n, sizeof *kept, by_day);
    out->items = kept;
    out->count = n;
    return OK;
}

static enum err weeks_run(struct run *r, size_t since, size_t until, struct alarms *out)
{
    size_t most = r->count * (ALARM_WEEK_BACK + 1), n = 0;
    struct alarm *weeks = arena_calloc(r->arena, most + 1, sizeof *weeks);
    bool *is_watched = arena_calloc(r->arena, r->count + 1, sizeof *is_watched);
    if (!weeks || !is_watched) {
        return ERR_NOMEM;
    }
    enum err e = alarm_weeks(r->lines, r->count, r->o, since, until, r->items, r->item_count,
                             r->arena, weeks, &n, is_watched);
    for (size_t i = 0; e == OK && i < n; i++) {
        struct alarm *a = item_next(r);
        if (!a) {
            return ERR_NOMEM;
        }
        *a = weeks[i];
        r->item_count++;
    }
    for (size_t i = 0; i < r->count; i++) {
        *(r->lines[i].is_watched ? &out->by_day
          : is_watched[i]        ? &out->by_week
                                 : &out->by_none) += 1;
    }
    return e;
}

static size_t index_of(const struct series *s, int64_t time)
{
    int64_t end = s->first + (int64_t)s->count * SECONDS_PER_DAY;
    return time <= s->first ? 0
           : time >= end    ? s->count
                            : (size_t)((time - s->first) / SECONDS_PER_DAY);
}

enum err alarm_find(const struct series *series, size_t count, const struct alarm_options *o,
                    int64_t since, int64_t until, struct arena *arena, struct alarms *out)
{
    struct run r = {.o = o, .count = count, .arena = arena};
    struct alarm_designs designs = {.items = {NULL}};
    struct alarms found = {.count = 0};
    const char *what;
    if (!alarm_options_check(o, &what)) {
        return ERR_USAGE;
    }
    if (!count) {
        *out = found;
        return OK;
    }
    size_t days = index_of(&series[0], until), from = index_of(&series[0], since);
    for (size_t i = 0; i < count; i++) {
        if (series[i].bucket != BUCKET_DAY || series[i].first != series[0].first ||
            series[i].count != series[0].count) {
            return ERR_USAGE;
        }
    }
    if (days > ALARM_SERIES_DAYS_MAX) {
        return ERR_LIMIT;
    }
    r.lines = arena_calloc(arena, count, sizeof *r.lines);
    r.p = arena_calloc(arena, count, sizeof *r.p);
    struct series *cut = arena_calloc(arena, count, sizeof *cut);
    enum err e = r.lines && r.p && cut ? OK : ERR_NOMEM;
    for (size_t i = 0; e == OK && i < count; i++) {
        cut[i] = series[i]; /* nothing after `until` is known */
        cut[i].count = days;
        e = alarm_line_init(&r.lines[i], &cut[i], o, &designs, arena);
    }
    for (size_t t = 0; e == OK && t < days; t++) {
        e = day_step(&r, t);
    }
    e = e ? e : weeks_run(&r, from, days, &found);
    e = e ? e : sizes_fill(&r, days) ? OK : ERR_NOMEM;
    e = e ? e : result_fill(&r, since, until, &found);
    if (e == OK) {
        found.since = series[0].first + (int64_t)from * SECONDS_PER_DAY;
        found.until = series[0].first + (int64_t)days * SECONDS_PER_DAY;
        *out = found;
    }
    return e;
}
