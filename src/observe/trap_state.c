/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "observe/trap_state.h"

enum {
    /* 8 years of hours; a century of days is less. */
    TRAP_BUCKETS_MAX = 70080,
    /* 200 traps by the hour for 8 years. */
    TRAP_CELLS_MAX = 200 * TRAP_BUCKETS_MAX,
};

const char *trap_state_name(enum trap_state s)
{
    static const char *const NAMES[TRAP_STATE_COUNT] = {"unborn", "up", "degraded", "down", "dead"};
    return NAMES[s];
}

/* ---- buckets ---- */

/* Months since year 0, and the start of one. */
static int64_t month_of(int64_t t)
{
    int year, month, day;
    days_to_civil(day_of(t), &year, &month, &day);
    return (int64_t)year * 12 + month - 1;
}

static int64_t month_start(int64_t month)
{
    return civil_to_days((int)(month / 12), (int)(month % 12) + 1, 1) * SECONDS_PER_DAY;
}

static int64_t bucket_number(enum bucket bucket, int64_t t)
{
    return bucket == BUCKET_HOUR  ? day_of(t) * 24 + (t - day_of(t) * SECONDS_PER_DAY) / 3600
           : bucket == BUCKET_DAY ? day_of(t)
                                  : month_of(t);
}

static int64_t bucket_time(enum bucket bucket, int64_t number)
{
    return bucket == BUCKET_HOUR  ? number * 3600
           : bucket == BUCKET_DAY ? number * SECONDS_PER_DAY
                                  : month_start(number);
}

int64_t trap_watch_time(const struct trap_watch *w, size_t i)
{
    return bucket_time(w->bucket, bucket_number(w->bucket, w->first) + (int64_t)i);
}

/* Clips times to the years 1 to 9999, where civil arithmetic is safe. */
static int64_t time_in_years(int64_t t)
{
    static const int64_t FIRST = INT64_C(-62135596800), END = INT64_C(253402300800);
    return t < FIRST ? FIRST : t > END ? END : t;
}

static enum err period_set(struct store *s, const struct trap_query *q, struct trap_watch *w,
                           struct errbuf *eb)
{
    int64_t since = q->filter.since, until = q->filter.until;
    if (q->bucket != BUCKET_HOUR && q->bucket != BUCKET_DAY && q->bucket != BUCKET_MONTH) {
        return err_set(eb, ERR_USAGE, "traps are watched by the hour, day or month");
    }
    if (since == INT64_MIN || until == INT64_MAX) {
        const struct store_filter all = STORE_FILTER_ALL;
        struct store_span span;
        enum err e = store_span(s, &all, &span, eb);
        if (e != OK) {
            return e;
        }
        if (span.first == 0 && span.last == 0) {
            return err_set(eb, ERR_NOTFOUND, "the store has no message with a time of receipt");
        }
        since = since == INT64_MIN ? span.first : since;
        until = until == INT64_MAX ? span.last + 1 : until;
    }
    since = time_in_years(since);
    until = time_in_years(until);
    if (until <= since) {
        return err_set(eb, ERR_USAGE, "the period is empty");
    }
    int64_t first = bucket_number(q->bucket, since), last = bucket_number(q->bucket, until - 1);
    if (last - first >= TRAP_BUCKETS_MAX) {
        return err_set(eb, ERR_LIMIT, "the period has more than %d buckets", TRAP_BUCKETS_MAX);
    }
    w->bucket = q->bucket;
    w->first = bucket_time(q->bucket, first);
    w->count = (size_t)(last - first + 1);
    return OK;
}

/* ---- traps ---- */

struct trap_list {
    const struct store_filter *filter;
    struct trap_info *traps;
    bool *is_asked;
    size_t count, size;
    struct arena *arena;
    bool is_full;
};

static void trap_count(void *arg, const struct trap_info *t)
{
    struct trap_list *l = arg;
    (void)t;
    l->size++;
}

static void trap_add(void *arg, const struct trap_info *t)
{
    struct trap_list *l = arg;
    if (l->count == l->size) {
        return; /* made since they were counted */
    }
    const struct store_filter *f = l->filter;
    l->is_asked[l->count] = (f->trap.n == 0 || slice_eq(f->trap, t->name)) &&
                            (f->site.n == 0 || slice_eq(f->site, t->site));
    struct trap_info *copy = &l->traps[l->count++];
    *copy = *t;
    copy->name = arena_copy(l->arena, t->name);
    copy->site = arena_copy(l->arena, t->site);
    l->is_full |= !copy->name.p || (t->site.n && !copy->site.p);
}

static enum err traps_load(struct store *s, const struct store_filter *f, struct arena *arena,
                           struct trap_watch *w, struct errbuf *eb)
{
    struct trap_list l = {.filter = f, .arena = arena};
    enum err e = store_traps(s, trap_count, &l, eb);
    if (e != OK) {
        return e;
    }
    l.traps = arena_calloc(arena, l.size + 1, sizeof *l.traps);
    l.is_asked = arena_calloc(arena, l.size + 1, sizeof *l.is_asked);
    if (!l.traps || !l.is_asked) {
        return err_set(eb, ERR_NOMEM, "out of memory for traps");
    }
    e = store_traps(s, trap_add, &l, eb);
    w->traps = l.traps;
    w->trap_count = l.count;
    w->is_asked = l.is_asked;
    return e == OK && l.is_full ? err_set(eb, ERR_NOMEM, "out of memory for traps") : e;
}

/* ---- states ---- */

/* Up from the first message to the last: of the first and last bucket the part in between. */
static void lifetime_set(const struct trap_watch *w, size_t t, float *up, uint8_t *states)
{
    const struct trap_info *info = &w->traps[t];
    int64_t start = w->first;
    for (size_t i = 0; i < w->count; i++) {
        int64_t end = trap_watch_time(w, i + 1);
        bool is_unborn = info->first_seen == 0 || info->first_seen >= end;
        bool is_dead = !is_unborn && info->last_seen < start;
        int64_t from = info->first_seen > start ? info->first_seen : start;
        states[i] = is_unborn ? TRAP_UNBORN : is_dead ? TRAP_DEAD : TRAP_UP;
        up[i] = is_unborn || is_dead ? 0 : (float)((double)(end - from) / (double)(end - start));
        start = end;
    }
}

enum err trap_watch_load(struct store *s, const struct trap_query *q, struct arena *arena,
                         struct trap_watch *out, struct errbuf *eb)
{
    struct trap_watch w = {0};
    enum err e = period_set(s, q, &w, eb);
    e = e == OK ? traps_load(s, &q->filter, arena, &w, eb) : e;
    if (e != OK) {
        return e;
    }
    if (w.trap_count * w.count > TRAP_CELLS_MAX) {
        return err_set(eb, ERR_LIMIT, "%zu traps by %zu buckets are too many", w.trap_count,
                       w.count);
    }
    float *up = arena_calloc(arena, w.trap_count * w.count + 1, sizeof *up);
    uint8_t *states = arena_calloc(arena, w.trap_count * w.count + 1, sizeof *states);
    if (!up || !states) {
        return err_set(eb, ERR_NOMEM, "out of memory for the states of traps");
    }
    for (size_t t = 0; t < w.trap_count; t++) {
        lifetime_set(&w, t, up + t * w.count, states + t * w.count);
    }
    w.up = up;
    w.states = states;
    *out = w;
    return OK;
}
