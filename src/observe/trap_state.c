/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "observe/trap_state.h"

#include "observe/trap_marks.h"
#include "observe/trap_silence.h"

#include <math.h>
#include <stdlib.h>

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

const char *trap_gap_verdict_name(enum trap_gap_verdict v)
{
    static const char *const NAMES[GAP_VERDICT_COUNT] = {"outage", "partial", "drop", "undecided"};
    return NAMES[v];
}

const char *trap_gap_source_name(enum trap_gap_source s)
{
    static const char *const NAMES[GAP_SOURCE_COUNT] = {"person", "server", "feed", "connections",
                                                        "silence"};
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
    copy->note = arena_copy(l->arena, t->note);
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

static int gap_cmp(const void *a, const void *b)
{
    const struct trap_gap *x = a, *y = b;
    return x->trap != y->trap     ? (x->trap < y->trap ? -1 : 1)
           : x->since != y->since ? (x->since < y->since ? -1 : 1)
                                  : (x->source > y->source) - (x->source < y->source);
}

/* Those that touch the period, in order. */
static enum err gaps_keep(struct trap_watch *w, const struct trap_marks *m, struct arena *arena,
                          struct errbuf *eb)
{
    int64_t end = trap_watch_time(w, w->count);
    struct trap_gap *gaps = arena_calloc(arena, m->gap_count + 1, sizeof *gaps);
    size_t n = 0;
    if (!gaps) {
        return err_set(eb, ERR_NOMEM, "out of memory for the gaps of traps");
    }
    for (size_t i = 0; i < m->gap_count; i++) {
        if (m->gaps[i].since < end && m->gaps[i].until > w->first) {
            gaps[n++] = m->gaps[i];
        }
    }
    if (n) {
        qsort(gaps, n, sizeof *gaps, gap_cmp);
    }
    w->gaps = gaps;
    w->gap_count = n;
    return OK;
}

static const int64_t *times_copy(struct arena *arena, const int64_t *times, size_t n)
{
    int64_t *copy = arena_calloc(arena, n + 1, sizeof *copy);
    for (size_t i = 0; copy && i < n; i++) {
        copy[i] = times[i];
    }
    return copy;
}

static enum err marks_read(struct store *s, struct trap_marks *m, struct arena *arena,
                           struct errbuf *eb)
{
    struct trap_gap *silences;
    size_t count;
    enum err e = trap_marks_coverage(m, s);
    e = e == OK ? trap_marks_connections(m, s) : e;
    e = e == OK ? trap_silences(s, m->w, arena, &silences, &count, eb) : e;
    return e == OK ? trap_marks_silences(m, silences, count) : e;
}

static enum err states_set(struct store *s, struct trap_watch *w, struct arena *arena,
                           struct errbuf *eb)
{
    struct trap_marks m;
    float *up = arena_calloc(arena, w->trap_count * w->count + 1, sizeof *up);
    uint8_t *states = arena_calloc(arena, w->trap_count * w->count + 1, sizeof *states);
    if (!up || !states) {
        return err_set(eb, ERR_NOMEM, "out of memory for the states of traps");
    }
    enum err e = trap_marks_make(&m, w, arena, eb);
    if (e != OK) {
        return e;
    }
    e = marks_read(s, &m, arena, eb);
    for (size_t t = 0; e == OK && t < w->trap_count; t++) {
        e = trap_marks_cells(&m, t, up + t * w->count, states + t * w->count);
    }
    e = e == OK ? gaps_keep(w, &m, arena, eb) : e;
    w->up = up;
    w->states = states;
    w->born = times_copy(arena, m.born, w->trap_count);
    w->dead = times_copy(arena, m.dead, w->trap_count);
    if (e == OK && (!w->born || !w->dead)) {
        e = err_set(eb, ERR_NOMEM, "out of memory for the states of traps");
    }
    trap_marks_free(&m);
    return e;
}

enum err trap_watch_load(struct store *s, const struct trap_query *q, struct arena *arena,
                         struct trap_watch *out, struct errbuf *eb)
{
    struct trap_watch w = {.bucket = q->bucket};
    enum err e = period_set(s, q, &w, eb);
    e = e == OK ? traps_load(s, &q->filter, arena, &w, eb) : e;
    if (e == OK && w.trap_count * w.count > TRAP_CELLS_MAX) {
        e = err_set(eb, ERR_LIMIT, "%zu traps by %zu buckets are too many", w.trap_count, w.count);
    }
    e = e == OK ? states_set(s, &w, arena, eb) : e;
    if (e == OK) {
        *out = w;
    }
    return e;
}

struct trap_summary trap_summarise(const struct trap_watch *w, size_t trap)
{
    int64_t end = trap_watch_time(w, w->count);
    int64_t from = w->born[trap] > w->first ? w->born[trap] : w->first;
    int64_t to = w->dead[trap] < end ? w->dead[trap] : end;
    double seen = 0;
    struct trap_summary s = {.state = trap_watch_state(w, trap, w->count - 1)};
    for (size_t i = 0; i < w->count; i++) {
        seen +=
            trap_watch_up(w, trap, i) * (double)(trap_watch_time(w, i + 1) - trap_watch_time(w, i));
    }
    s.coverage = from < to ? seen / (double)(to - from) : (double)NAN;
    for (size_t i = 0; i < w->gap_count; i++) {
        const struct trap_gap *g = &w->gaps[i];
        if (g->trap != trap) {
            continue;
        }
        int64_t since = g->since > from ? g->since : from, until = g->until < to ? g->until : to;
        s.outages += (g->verdict == GAP_OUTAGE || g->verdict == GAP_PARTIAL) && since < until;
        s.undecided += g->verdict == GAP_UNDECIDED && since < until;
        s.down_seconds += g->verdict == GAP_OUTAGE && since < until ? until - since : 0;
    }
    return s;
}
