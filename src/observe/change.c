/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From candidates to changes: sizes, windows, fates, and the false discovery rate over all lines.
 */
#include "observe/change.h"

#include "observe/change_line.h"
#include "observe/season.h"
#include "stat/multiple.h"
#include "stat/random.h"

#include <math.h>
#include <stdlib.h>

enum {
    SCRATCH_BYTES = 256 * 1024 * 1024,
    CANDIDATES_MAX = 512, /* of a line; more is no history of levels */
    SIZE_DAYS = 56,       /* a size is measured over at most so many buckets on each side */
    SIZE_HOURS = 168,
    DATE_MARGIN = 3, /* buckets about the date that do not count for a size (METHODS B6) */
    RETURN_DAYS = 28,
    BLOCK_DAYS = 7,
    BOOTSTRAPS = 400
};
static const double P_LEAST = 0.01, Q_MOST = 0.05;
static const double P_TOLD = 1e-12; /* tails beyond are no knowledge */
/* Of a change's logarithm: so much must be undone for a return; with so much it is a change of its
 * own. */
static const double UNDONE = 0.5, OVERDONE = 1.5;

const char *change_fate_name(enum change_fate f)
{
    static const char *const NAMES[] = {"lasting", "transient", "overtaken", "open"};
    return NAMES[f];
}

const char *change_seen_name(enum change_seen s)
{
    static const char *const NAMES[] = {"seen", "not seen", "unclear"};
    return NAMES[s];
}

/* ---- one change ---- */

struct finder {
    const struct change_query *q;
    const struct series *total;
    struct change_line total_line;
    struct arena *arena, *scratch;
    struct change *items;
    double *tails; /* of items: p below what the bootstrap resolves */
    size_t count, size;
    size_t quiet; /* lines without a candidate */
};

static size_t later(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t sooner(size_t a, size_t b)
{
    return a < b ? a : b;
}

struct span {
    size_t before_from, before_to, after_from, after_to;
};

/* What the size is measured over: the levels on both sides, without the days on which the change
 * may have been under way, as long as two are left. */
static struct span size_span(const struct change_line *l, const struct change_candidate *c)
{
    size_t reach = l->series->bucket == BUCKET_HOUR ? SIZE_HOURS : SIZE_DAYS;
    struct span s = {.before_to = later(c->first, c->at > DATE_MARGIN ? c->at - DATE_MARGIN : 0),
                     .after_from = sooner(c->last, c->at + DATE_MARGIN)};
    if (s.before_to < c->from + 2) {
        s.before_to = sooner(c->from + 2, c->at);
    }
    if (s.after_from + 2 > c->to) {
        s.after_from = later(c->to - 2, c->at);
    }
    s.before_from = s.before_to > reach ? later(c->from, s.before_to - reach) : c->from;
    s.after_to = sooner(c->to, s.after_from + reach);
    return s;
}

static size_t watched(const struct change_line *l, size_t from, size_t to)
{
    size_t n = 0;
    for (size_t i = from; i < to; i++) {
        n += l->exposure[i] > 0;
    }
    return n;
}

/* Bucket of a time, which may lie outside of the line. */
static int64_t bucket_at(const struct series *s, int64_t time)
{
    int64_t length = s->bucket == BUCKET_HOUR ? 3600 : SECONDS_PER_DAY;
    return (time - s->first) / length;
}

static void window_set(const struct change_line *l, const char *name, int64_t from, int64_t middle,
                       int64_t to, struct change_window *w)
{
    int64_t last = (int64_t)l->count;
    *w = (struct change_window){.name = name, .buckets = (size_t)(to - from)};
    size_t first = (size_t)(from < 0 ? 0 : from), end = (size_t)(to > last ? last : to);
    size_t cut = (size_t)(middle < 0 ? 0 : middle > last ? last : middle);
    change_line_step(l, first, cut, cut, end, &w->step);
    w->covered = watched(l, first, end);
}

static void windows_set(const struct change_line *l, const struct change_candidate *c,
                        struct change *out)
{
    static const struct {
        const char *name;
        int64_t buckets;
    } DAYS[] = {{"2 days", 2}, {"7 days", 7}},
      HOURS[] = {{"6 hours", 6}, {"24 hours", 24}, {"7 days", 168}};
    int64_t at = (int64_t)c->at;
    if (l->series->bucket == BUCKET_HOUR) {
        for (size_t i = 0; i < CHANGE_WINDOWS; i++) {
            window_set(l, HOURS[i].name, at - HOURS[i].buckets, at, at + HOURS[i].buckets,
                       &out->windows[i]);
        }
        return;
    }
    for (size_t i = 0; i < CHANGE_WINDOWS - 1; i++) {
        window_set(l, DAYS[i].name, at - DAYS[i].buckets, at, at + DAYS[i].buckets,
                   &out->windows[i]);
    }
    int year, month, day;
    days_to_civil(day_of(out->time), &year, &month, &day);
    int64_t start = civil_to_days(year, month, 1) * SECONDS_PER_DAY;
    int64_t before = civil_to_days(year, month > 1 ? month - 1 : 12, 1);
    int64_t next = civil_to_days(year, month < 12 ? month + 1 : 1, 1);
    before = month > 1 ? before : civil_to_days(year - 1, 12, 1);
    next = month < 12 ? next : civil_to_days(year + 1, 1, 1);
    window_set(l, "month", bucket_at(l->series, before * SECONDS_PER_DAY),
               bucket_at(l->series, start), bucket_at(l->series, next * SECONDS_PER_DAY),
               &out->windows[CHANGE_WINDOWS - 1]);
}

static void shares_set(const struct finder *f, const struct span *s, struct change *out)
{
    enum dimension d = out->series->key.dimension;
    struct step total;
    out->share_before = out->share_after = NAN;
    if (!f->total || d == DIMENSION_TOTAL || d == DIMENSION_TRAP || d == DIMENSION_SITE ||
        f->total->first != out->series->first || f->total->count != out->series->count) {
        return;
    }
    change_line_step(&f->total_line, s->before_from, s->before_to, s->after_from, s->after_to,
                     &total);
    out->share_before = total.before > 0 ? fmin(out->size.before / total.before, 1.0) : NAN;
    out->share_after = total.after > 0 ? fmin(out->size.after / total.after, 1.0) : NAN;
}

static enum err size_set(struct finder *f, const struct change_line *l, const struct span *s,
                         struct change *out)
{
    change_line_step(l, s->before_from, s->before_to, s->after_from, s->after_to, &out->size);
    if (!f->q->is_bootstrap) {
        return OK;
    }
    struct step_data d = {.y = l->y,
                          .exposure = l->exposure,
                          .before_from = s->before_from,
                          .before_to = s->before_to,
                          .after_from = s->after_from,
                          .after_to = s->after_to,
                          .rho = l->rho,
                          .variance = l->variance,
                          .noise_df = l->noise_df};
    gsl_rng *rng = random_seeded(l->series->key.value);
    size_t block = l->series->bucket == BUCKET_HOUR ? 24 : BLOCK_DAYS;
    double before = out->size.before, after = out->size.after;
    enum err e =
        rng ? step_bootstrap(&d, block, BOOTSTRAPS, rng, f->scratch, &out->size) : ERR_NOMEM;
    out->size.before = before;
    out->size.after = after;
    if (rng) {
        gsl_rng_free(rng);
    }
    return e;
}

static enum err change_set(struct finder *f, const struct change_line *l,
                           const struct change_candidate *c, struct change *out)
{
    const struct series *s = l->series;
    *out = (struct change){.series = s,
                           .at = c->at,
                           .time = change_time(s, c->at),
                           .earliest = change_time(s, c->first),
                           .latest = change_time(s, c->last),
                           .statistic = c->statistic,
                           .p = c->p,
                           .prominence = c->prominence,
                           .is_main = c->is_main,
                           .fate = CHANGE_LASTING};
    int64_t most = s->bucket == BUCKET_HOUR ? SECONDS_PER_DAY : 7 * SECONDS_PER_DAY;
    out->is_gradual = out->latest - out->earliest > most;
    struct span span = size_span(l, c);
    out->before_from = change_time(s, span.before_from);
    out->before_to = change_time(s, span.before_to);
    out->after_from = change_time(s, span.after_from);
    out->after_to = change_time(s, span.after_to);
    enum err e = size_set(f, l, &span, out);
    windows_set(l, c, out);
    shares_set(f, &span, out);
    for (int64_t day = day_of(out->earliest); day <= day_of(out->latest) && !out->holiday; day++) {
        out->holiday = holiday_name(day);
    }
    return e;
}

/* ---- how long it lasted ---- */

static double log_level(const struct change_line *l, size_t from, size_t to)
{
    double count = 0.5, exposure = 0;
    for (size_t i = from; i < to; i++) {
        count += l->y[i];
        exposure += l->exposure[i];
    }
    return log(count / fmax(exposure, 1e-9));
}

/* The first of the later confirmed changes of the line within the days that undoes it. */
static void fate_set(const struct change_line *l, const struct change_candidate *c, size_t count,
                     size_t i, unsigned days, struct change *out)
{
    double before = log_level(l, c[i].from, c[i].at), after = log_level(l, c[i].at, c[i].to);
    size_t last = l->count;
    while (last > c[i].at && !(l->exposure[last - 1] > 0)) {
        last--;
    }
    if (change_time(l->series, last) - out->time < (int64_t)days * SECONDS_PER_DAY) {
        out->fate = CHANGE_OPEN;
    }
    for (size_t k = i + 1; k < count; k++) {
        int64_t since = change_time(l->series, c[k].at) - out->time;
        if (since > (int64_t)days * SECONDS_PER_DAY) {
            return;
        }
        double now = log_level(l, c[k].at, c[k].to);
        double undone = (now - after) / (before - after);
        if (c[k].p < P_LEAST && undone > UNDONE) {
            out->fate = undone > OVERDONE ? CHANGE_OVERTAKEN : CHANGE_TRANSIENT;
            out->returned = change_time(l->series, c[k].at);
            out->returned_to = exp(now - before);
            return;
        }
    }
}

/* ---- all of them ---- */

static int candidate_order(const void *a, const void *b)
{
    const struct change_candidate *x = a, *y = b;
    return (x->at > y->at) - (x->at < y->at);
}

static enum err items_reserve(struct finder *f, size_t more)
{
    if (f->count + more <= f->size) {
        return OK;
    }
    size_t size = 2 * (f->count + more);
    struct change *items = realloc(f->items, size * sizeof *items);
    if (items) {
        f->items = items;
    }
    double *tails = items ? realloc(f->tails, size * sizeof *tails) : NULL;
    if (!tails) {
        return ERR_NOMEM;
    }
    f->tails = tails;
    f->size = size;
    return OK;
}

static enum err series_find(struct finder *f, const struct series *s, struct change_line_note *note)
{
    struct change_line line;
    size_t count = 0;
    arena_reset(f->scratch);
    struct change_candidate *c = arena_calloc(f->scratch, CANDIDATES_MAX, sizeof *c);
    enum err e = c ? change_line_make(s, f->scratch, &line) : ERR_NOMEM;
    e = e == OK ? change_line_search(&line, f->scratch, c, CANDIDATES_MAX, &count) : e;
    e = e == OK ? items_reserve(f, count) : e;
    if (e != OK) {
        return e;
    }
    qsort(c, count, sizeof *c, candidate_order);
    unsigned days = f->q->return_days ? f->q->return_days : RETURN_DAYS;
    size_t first = f->count;
    f->quiet += count == 0;
    for (size_t i = 0; i < count && e == OK; i++) {
        struct change *out = &f->items[f->count];
        e = change_set(f, &line, &c[i], out);
        fate_set(&line, c, count, i, days, out);
        f->tails[f->count++] = c[i].tail;
    }
    for (size_t i = first; i < f->count; i++) {
        for (size_t k = i + 1; k < f->count && f->items[i].p < P_LEAST; k++) {
            if (f->items[i].fate == CHANGE_TRANSIENT && f->items[k].time == f->items[i].returned) {
                f->items[k].undoes = f->items[i].time;
            }
        }
    }
    *note = (struct change_line_note){
        s, line.is_count, line.rho, line.variance, line.inflation, line.observed, count};
    return e;
}

static bool is_great_enough(const struct change *c, double least)
{
    return c->size.ratio <= 1.0 - least || c->size.ratio >= 1.0 + least;
}

static int change_order(const void *a, const void *b)
{
    const struct change *x = a, *y = b;
    if (x->time != y->time) {
        return (x->time > y->time) - (x->time < y->time);
    }
    return (x->series > y->series) - (x->series < y->series);
}

/* Judges all, keeps what the query asks for. */
static enum err changes_keep(struct finder *f, struct changes *out)
{
    const struct change_query *q = f->q;
    /* A line in which nothing was found is a test that did not reject. */
    size_t tests = f->count + f->quiet;
    double *adjusted = arena_calloc(f->arena, tests + 1, sizeof *adjusted);
    struct change *kept = arena_calloc(f->arena, f->count + 1, sizeof *kept);
    if (!adjusted || !kept) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < tests; i++) {
        adjusted[i] = i < f->count ? f->tails[i] : 1.0;
    }
    if (multiple_bh(adjusted, tests, f->arena, adjusted) != OK) {
        return ERR_NOMEM;
    }
    size_t n = 0;
    for (size_t i = 0; i < f->count; i++) {
        struct change *c = &f->items[i];
        c->q = fmax(adjusted[i], P_TOLD);
        c->p = fmax(c->p, P_TOLD);
        c->is_confirmed = c->p < P_LEAST && c->q <= Q_MOST && is_great_enough(c, q->least);
        bool is_in = c->time >= q->filter.since && c->time < q->filter.until;
        if (is_in && (c->is_confirmed || q->is_all)) {
            kept[n++] = *c;
        }
    }
    qsort(kept, n, sizeof *kept, change_order);
    out->items = kept;
    out->count = n;
    out->tested = f->count;
    return OK;
}

static enum err series_check(const struct series *s)
{
    size_t most = s->bucket == BUCKET_HOUR ? CHANGE_HOURS_MAX : CHANGE_BUCKETS_MAX;
    return s->count > most ? ERR_LIMIT : OK;
}

enum err changes_find(const struct series *series, size_t count, const struct change_query *q,
                      const struct series *total, struct arena *arena, struct changes *out)
{
    struct finder f = {.q = q, .total = total, .arena = arena};
    struct change_line_note *notes = arena_calloc(arena, count + 1, sizeof *notes);
    f.scratch = arena_new(SCRATCH_BYTES);
    enum err e = notes && f.scratch ? OK : ERR_NOMEM;
    if (e == OK && total) {
        e = series_check(total);
        e = e == OK ? change_line_make(total, arena, &f.total_line) : e;
    }
    for (size_t i = 0; i < count && e == OK; i++) {
        e = series_check(&series[i]);
        e = e == OK ? series_find(&f, &series[i], &notes[i]) : e;
    }
    *out = (struct changes){.series = count, .lines = notes};
    if (e == OK && count) {
        out->since = series[0].first;
        out->until = change_time(&series[0], series[0].count);
    }
    e = e == OK ? changes_keep(&f, out) : e;
    free(f.items);
    free(f.tails);
    arena_free(f.scratch);
    return e;
}

/* ---- the greatest ---- */

double change_weight(const struct change *c)
{
    double r = c->size.ratio;
    return r > 0 && isfinite(r) ? fabs(log(r)) : INFINITY;
}

static int by_weight(const void *pa, const void *pb)
{
    double a = change_weight(*(const struct change *const *)pa);
    double b = change_weight(*(const struct change *const *)pb);
    return a != b ? (a < b ? 1 : -1) : 0;
}

static int by_time(const void *pa, const void *pb)
{
    const struct change *a = *(const struct change *const *)pa;
    const struct change *b = *(const struct change *const *)pb;
    return a->time != b->time ? (a->time < b->time ? -1 : 1) : (a > b) - (a < b);
}

size_t changes_greatest(const struct changes *found, size_t max, struct arena *arena,
                        const struct change *const **out, size_t *count)
{
    const struct change **list = arena_calloc(arena, found->count + 1, sizeof *list);
    size_t all = 0;
    if (!list) {
        return SIZE_MAX;
    }
    for (size_t i = 0; i < found->count; i++) {
        if (found->items[i].is_confirmed) {
            list[all++] = &found->items[i];
        }
    }
    qsort(list, all, sizeof *list, by_weight);
    *count = all < max ? all : max;
    qsort(list, *count, sizeof *list, by_time);
    *out = list;
    return all;
}
