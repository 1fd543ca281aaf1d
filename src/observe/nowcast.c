/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A triangle of each trap: days of receipt by lag. What is known of a day ends with the trap's last
 * arrival, or with the day before the store's last one, which may not be over. Days before the trap
 * began to deliver came with its first delivery and say nothing of lags. */
#include "observe/nowcast.h"

#include "core/clock.h"
#include "stat/chain_ladder.h"
#include "store/trap.h"

#include <math.h>

enum {
    HISTORY_DAYS = 120, /* of receipt, that lags are learnt from: habits of a feed change */
    LAGS = LAG_DAYS_MAX + 1,
    ROWS_MIN = 7, /* days that lags must be seen in: deliveries have weekdays */
};

static const double Z = 1.959963984540054; /* 0.975 quantile of the normal distribution */

struct load {
    int64_t day0;    /* day number of row 0 */
    int64_t arrived; /* day number */
    size_t traps;
    double *count;                 /* trap, row, lag */
    int64_t *first_arrival, *last; /* by trap, day numbers */
};

static double *row_of(const struct load *l, size_t trap, size_t row)
{
    return l->count + (trap * HISTORY_DAYS + row) * LAGS;
}

static void arrival_see(void *arg, const struct lag_row *row)
{
    struct load *l = arg;
    int64_t arrived = day_of(row->day) + (int64_t)row->lag;
    if (row->messages && arrived > l->arrived) {
        l->arrived = arrived;
    }
}

static void lag_add(void *arg, const struct lag_row *row)
{
    struct load *l = arg;
    int64_t day = day_of(row->day), arrived = day + (int64_t)row->lag;
    if (row->trap >= l->traps || row->lag >= LAGS || !row->messages || arrived > l->arrived) {
        return;
    }
    if (arrived < l->first_arrival[row->trap]) {
        l->first_arrival[row->trap] = arrived;
    }
    if (arrived > l->last[row->trap]) {
        l->last[row->trap] = arrived;
    }
    if (day >= l->day0 && day < l->day0 + HISTORY_DAYS) {
        row_of(l, row->trap, (size_t)(day - l->day0))[row->lag] += (double)row->messages;
    }
}

static void trap_count(void *arg, const struct trap_info *t)
{
    size_t *n = arg;
    (void)t;
    (*n)++;
}

/* ---- a trap's lags ---- */

struct triangle {
    double *cumulative; /* HISTORY_DAYS * LAGS */
    size_t *known;      /* HISTORY_DAYS */
    size_t lags;        /* 1 + the longest lag seen */
    size_t rows;        /* that say something of more than the first lag */
};

/* How many lags of the row's day are over. */
static size_t known_of(const struct load *l, size_t trap, size_t row, size_t lags)
{
    int64_t day = l->day0 + (int64_t)row, last = l->last[trap];
    int64_t over = last < l->arrived ? last - day + 1 : l->arrived - day;
    if (day < l->first_arrival[trap] || over <= 0) {
        return 0;
    }
    return (uint64_t)over < lags ? (size_t)over : lags;
}

static size_t lags_of(const struct load *l, size_t trap)
{
    size_t lags = 1;
    for (size_t r = 0; r < HISTORY_DAYS; r++) {
        if (l->day0 + (int64_t)r < l->first_arrival[trap]) {
            continue;
        }
        for (size_t k = lags; k < LAGS; k++) {
            lags = row_of(l, trap, r)[k] > 0.0 ? k + 1 : lags;
        }
    }
    return lags;
}

static void triangle_begin(struct triangle *t, size_t lags)
{
    memset(t->cumulative, 0, HISTORY_DAYS * LAGS * sizeof *t->cumulative);
    memset(t->known, 0, HISTORY_DAYS * sizeof *t->known);
    t->lags = lags;
    t->rows = 0;
}

/* Adds a trap's rows; a sum of several is known as far as the least known of them. */
static void triangle_add(struct triangle *t, const struct load *l, size_t trap)
{
    for (size_t r = 0; r < HISTORY_DAYS; r++) {
        size_t known = known_of(l, trap, r, t->lags);
        double sum = 0.0;
        for (size_t k = 0; k < known; k++) {
            sum += row_of(l, trap, r)[k];
            t->cumulative[r * t->lags + k] += sum;
        }
        if (known && (!t->known[r] || known < t->known[r])) {
            t->known[r] = known;
        }
    }
}

static enum err triangle_fit(struct triangle *t, struct arena *arena, struct nowcast_feed *out)
{
    struct chain_ladder_data d = {.rows = HISTORY_DAYS,
                                  .columns = t->lags,
                                  .cumulative = t->cumulative,
                                  .known = t->known,
                                  .is_count = true};
    struct chain_ladder_fit fit;
    enum err e = chain_ladder_fit(&d, arena, &fit);
    if (e == OK) {
        out->lags = t->lags;
        out->completeness = fit.completeness;
        out->process = fit.process;
        out->estimation = fit.estimation;
        out->is_prompt = fit.completeness[0] >= NOWCAST_COMPLETE;
    }
    return e;
}

static size_t rows_of(const struct triangle *t)
{
    size_t n = 0;
    for (size_t r = 0; r < HISTORY_DAYS; r++) {
        n += t->known[r] > 1 && t->cumulative[r * t->lags + t->known[r] - 1] > 0.0;
    }
    return n;
}

/* Nothing can be said of lags: what has come is all. */
static const double ALL[] = {1.0}, NONE[] = {0.0};
static const struct nowcast_feed FEED_UNKNOWN = {
    .lags = 1, .completeness = ALL, .process = NONE, .estimation = NONE, .is_prompt = true};

/* Of all traps together, for those that have too few days. */
static enum err pooled_fit(const struct load *l, struct triangle *t, struct arena *arena,
                           struct nowcast_feed *out)
{
    size_t lags = 1;
    for (size_t i = 0; i < l->traps; i++) {
        size_t own = lags_of(l, i);
        lags = own > lags ? own : lags;
    }
    triangle_begin(t, lags);
    for (size_t i = 0; i < l->traps; i++) {
        triangle_add(t, l, i);
    }
    *out = FEED_UNKNOWN;
    return rows_of(t) >= ROWS_MIN ? triangle_fit(t, arena, out) : OK;
}

static enum err feeds_fit(const struct load *l, struct arena *arena, struct nowcast_feed *feeds,
                          bool *is_pooled)
{
    struct triangle t = {.cumulative =
                             arena_calloc(arena, HISTORY_DAYS * LAGS, sizeof *t.cumulative),
                         .known = arena_calloc(arena, HISTORY_DAYS, sizeof *t.known)};
    struct nowcast_feed pooled;
    if (!t.cumulative || !t.known) {
        return ERR_NOMEM;
    }
    enum err e = pooled_fit(l, &t, arena, &pooled);
    for (size_t i = 0; e == OK && i < l->traps; i++) {
        feeds[i] = pooled;
        if (l->last[i] != INT64_MIN) {
            triangle_begin(&t, lags_of(l, i));
            triangle_add(&t, l, i);
            bool has_rows = rows_of(&t) >= ROWS_MIN || t.lags == 1;
            e = has_rows ? triangle_fit(&t, arena, &feeds[i]) : OK;
            *is_pooled |= !has_rows;
        }
        feeds[i].arrived = l->last[i];
    }
    return e;
}

enum err nowcast_load(struct store *s, struct arena *arena, struct nowcast *out, struct errbuf *eb)
{
    const struct store_filter all = STORE_FILTER_ALL;
    struct store_filter recent = all;
    struct store_span span;
    struct load l = {.arrived = INT64_MIN};
    *out = (struct nowcast){.first = INT64_MAX, .arrived = INT64_MIN};
    enum err e = store_span(s, &all, &span, eb);
    e = e == OK ? store_traps(s, trap_count, &l.traps, eb) : e;
    recent.since = span.last - (int64_t)(HISTORY_DAYS + LAGS) * SECONDS_PER_DAY;
    e = e == OK ? store_lag(s, &recent, arrival_see, &l, eb) : e;
    if (e != OK || l.arrived == INT64_MIN) {
        return e;
    }
    l.day0 = l.arrived - HISTORY_DAYS + 1;
    l.count = arena_calloc(arena, l.traps * HISTORY_DAYS, LAGS * sizeof *l.count);
    l.first_arrival = arena_calloc(arena, l.traps + 1, sizeof *l.first_arrival);
    l.last = arena_calloc(arena, l.traps + 1, sizeof *l.last);
    struct nowcast_feed *feeds = arena_calloc(arena, l.traps + 1, sizeof *feeds);
    if (!l.count || !l.first_arrival || !l.last || !feeds) {
        return err_set(eb, ERR_NOMEM, "out of memory for the lags of feeds");
    }
    for (size_t i = 0; i < l.traps; i++) {
        l.first_arrival[i] = INT64_MAX;
        l.last[i] = INT64_MIN;
    }
    bool is_pooled = false;
    e = store_lag(s, &recent, lag_add, &l, eb);
    e = e == OK ? feeds_fit(&l, arena, feeds, &is_pooled) : e;
    if (e == OK) {
        *out = (struct nowcast){.first = (l.arrived - LAG_DAYS_MAX) * SECONDS_PER_DAY,
                                .arrived = l.arrived * SECONDS_PER_DAY,
                                .received = span.last,
                                .feeds = feeds,
                                .trap_count = l.traps,
                                .is_pooled = is_pooled};
    }
    return e == ERR_NOMEM ? err_set(eb, e, "out of memory for the lags of feeds") : e;
}

/* ---- use ---- */

/* The lag up to which a day is known at the trap; SIZE_MAX: nothing of it has been delivered. */
static size_t lag_known(const struct nowcast_feed *f, int64_t day)
{
    if (f->arrived == INT64_MIN || (f->arrived < day && f->is_prompt)) {
        return f->lags - 1; /* an archive, or a day without mail: it will not come later */
    }
    if (f->arrived < day) {
        return SIZE_MAX;
    }
    size_t lag = (size_t)(f->arrived - day);
    return lag < f->lags ? lag : f->lags - 1;
}

/* The part of [from, until) that is before the end of what is known. */
static double elapsed(const struct nowcast *n, int64_t from, int64_t until)
{
    if (n->received < n->arrived || until <= n->received + 1) {
        return 1.0;
    }
    int64_t end = n->received + 1 > from ? n->received + 1 : from;
    return (double)(end - from) / (double)(until - from);
}

double nowcast_completeness(const struct nowcast *n, size_t trap, int64_t from, int64_t until)
{
    if (until <= n->first || trap >= n->trap_count || until <= from) {
        return 1.0;
    }
    const struct nowcast_feed *f = &n->feeds[trap];
    double sum = 0.0;
    for (int64_t at = from; at < until;) {
        int64_t day = day_of(at), next = (day + 1) * SECONDS_PER_DAY;
        int64_t end = next < until ? next : until;
        size_t lag = lag_known(f, day);
        double c = lag == SIZE_MAX ? 0.0 : f->completeness[lag];
        sum += c * elapsed(n, at, end) * (double)(end - at);
        at = end;
    }
    return sum / (double)(until - from);
}

void nowcast_add(const struct nowcast *n, size_t trap, int64_t from, int64_t until, double count,
                 struct nowcast_sum *sum)
{
    double c = nowcast_completeness(n, trap, from, until);
    if (!(c > 0.0)) {
        return;
    }
    sum->counted += count;
    sum->expected += count / c;
    if (c < 1.0) {
        const struct nowcast_feed *f = &n->feeds[trap];
        size_t lag = lag_known(f, day_of(from));
        double open = elapsed(n, from, until), whole = count / open;
        sum->error += whole * f->process[lag] + whole * whole * f->estimation[lag];
        /* What is left of an hour or day that is not over comes as Poisson's. */
        sum->error += whole * (1.0 - open) / open;
    }
}

struct nowcast_total nowcast_total(const struct nowcast_sum *sum)
{
    struct nowcast_total t = {.expected = sum->expected,
                              .low = sum->expected,
                              .high = sum->expected,
                              .completeness = 1.0};
    if (sum->expected > 0.0) {
        t.completeness = sum->counted / sum->expected;
        t.log_variance = log1p(sum->error / (sum->expected * sum->expected));
        double half = Z * sqrt(t.log_variance);
        t.low = fmax(sum->counted, t.expected * exp(-half));
        t.high = t.expected * exp(half);
    }
    return t;
}
