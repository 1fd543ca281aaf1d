/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Days put together to weeks, months and years: a pure function of a report. */
#include "observe/report.h"

const char *volume_step_name(enum volume_step s)
{
    static const char *const NAMES[] = {"auto", "day", "week", "month", "year"};
    return NAMES[s];
}

/* First day of the bucket that holds `day`, and the first one after it. */
static void step_bounds(enum volume_step step, int64_t day, int64_t *start, int64_t *end)
{
    int year, month, mday;
    days_to_civil(day, &year, &month, &mday);
    switch (step) {
    case VOLUME_WEEK: {
        int64_t since_monday = ((day + 3) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
        *start = day - since_monday;
        *end = *start + 7;
        return;
    }
    case VOLUME_MONTH:
        *start = civil_to_days(year, month, 1);
        *end = month < 12 ? civil_to_days(year, month + 1, 1) : civil_to_days(year + 1, 1, 1);
        return;
    case VOLUME_YEAR:
        *start = civil_to_days(year, 1, 1);
        *end = civil_to_days(year + 1, 1, 1);
        return;
    case VOLUME_AUTO:
    case VOLUME_DAY:
        break;
    }
    *start = day;
    *end = day + 1;
}

static size_t step_count(const struct report *r, enum volume_step step)
{
    size_t n = 0;
    int64_t end = r->day_count ? r->days[0].day + (int64_t)r->day_count : 0;
    for (int64_t day = r->day_count ? r->days[0].day : 0; day < end; n++) {
        int64_t start, next;
        step_bounds(step, day, &start, &next);
        day = next;
    }
    return n;
}

enum volume_step volume_step_for(const struct report *r, size_t buckets_max)
{
    for (enum volume_step s = VOLUME_DAY; s < VOLUME_YEAR; s++) {
        if (step_count(r, s) <= buckets_max) {
            return s;
        }
    }
    return VOLUME_YEAR;
}

static void bucket_fill(struct volume_bucket *b, const struct report *r)
{
    uint64_t hosts = 0;
    for (size_t i = b->from; i < b->to; i++) {
        const struct report_day *d = &r->days[i];
        b->units.messages += d->units.messages;
        b->units.recipients += d->units.recipients;
        b->units.bytes += d->units.bytes;
        b->units.expected += d->units.expected;
        b->unknown_messages += d->unknown_messages;
        hosts += d->units.hosts;
    }
    b->hosts_daily = (double)hosts / (double)(b->to - b->from);
    b->units.hosts = b->to - b->from == 1 ? hosts : 0;
}

enum err volume_buckets(const struct report *r, enum volume_step step, struct arena *arena,
                        const struct volume_bucket **out, size_t *count)
{
    if (step == VOLUME_AUTO) {
        panic("volume_buckets: VOLUME_AUTO is not a step");
    }
    size_t n = step_count(r, step);
    struct volume_bucket *b = arena_calloc(arena, n + 1, sizeof *b);
    if (!b) {
        return ERR_NOMEM;
    }
    size_t from = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t start, end;
        step_bounds(step, r->days[from].day, &start, &end);
        int64_t covered = end - r->days[from].day;
        size_t left = r->day_count - from;
        b[i].from = from;
        b[i].to = from + ((uint64_t)covered < left ? (size_t)covered : left);
        b[i].is_partial = (int64_t)(b[i].to - b[i].from) != end - start;
        bucket_fill(&b[i], r);
        from = b[i].to;
    }
    *out = b;
    *count = n;
    return OK;
}
