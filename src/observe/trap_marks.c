/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "observe/trap_marks.h"

#include "store/trap.h"

#include <math.h>
#include <stdlib.h>

/* Below and above: down and up; in between: degraded. */
static const double PART_DOWN = 0.05, PART_UP = 0.95;
/* Of a degraded time of which nobody knows how much was lost. */
static const double PART_UNKNOWN = 0.5;

enum { STARTS_SECONDS = 600 }; /* of a server that is started again: no gap worth a line */

static enum err no_memory(struct errbuf *eb)
{
    return err_set(eb, ERR_NOMEM, "out of memory for the states of traps");
}

enum err trap_marks_make(struct trap_marks *m, const struct trap_watch *w, struct arena *arena,
                         struct errbuf *eb)
{
    *m = (struct trap_marks){.w = w, .arena = arena, .eb = eb};
    m->lists = calloc(w->trap_count * GAP_SOURCE_COUNT + 1, sizeof *m->lists);
    m->born = calloc(w->trap_count + 1, sizeof *m->born);
    m->dead = calloc(w->trap_count + 1, sizeof *m->dead);
    if (!m->lists || !m->born || !m->dead) {
        trap_marks_free(m);
        return no_memory(eb);
    }
    for (size_t t = 0; t < w->trap_count; t++) {
        const struct trap_info *info = &w->traps[t];
        m->born[t] = info->up_from      ? info->up_from
                     : info->first_seen ? info->first_seen
                                        : INT64_MAX;
        m->dead[t] = info->retired ? info->retired : INT64_MAX;
    }
    return OK;
}

void trap_marks_free(struct trap_marks *m)
{
    for (size_t i = 0; m->lists && i < m->w->trap_count * GAP_SOURCE_COUNT; i++) {
        free(m->lists[i].items);
    }
    free(m->lists);
    free(m->born);
    free(m->dead);
    free(m->gaps);
    *m = (struct trap_marks){.w = NULL};
}

static void mark_add(struct trap_marks *m, size_t trap, enum trap_gap_source source, int64_t since,
                     int64_t until, double part)
{
    struct trap_mark_list *l = &m->lists[trap * GAP_SOURCE_COUNT + source];
    if (m->err != OK || since >= until) {
        return;
    }
    if (l->count == l->size) {
        size_t size = l->size ? 2 * l->size : 16;
        struct trap_mark *more = reallocarray(l->items, size, sizeof *more);
        if (!more) {
            m->err = no_memory(m->eb);
            return;
        }
        l->items = more;
        l->size = size;
    }
    l->items[l->count++] = (struct trap_mark){since, until, part};
}

static void gap_add(struct trap_marks *m, const struct trap_gap *gap)
{
    if (m->err != OK) {
        return;
    }
    if (m->gap_count == m->gap_size) {
        size_t size = m->gap_size ? 2 * m->gap_size : 64;
        struct trap_gap *more = reallocarray(m->gaps, size, sizeof *more);
        if (!more) {
            m->err = no_memory(m->eb);
            return;
        }
        m->gaps = more;
        m->gap_size = size;
    }
    m->gaps[m->gap_count++] = *gap;
}

/* The trap's place among those of `w`, which are in order of their names; SIZE_MAX. */
static size_t trap_at(const struct trap_watch *w, struct slice name)
{
    size_t low = 0, high = w->trap_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = slice_cmp(w->traps[middle].name, name);
        if (order == 0) {
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return SIZE_MAX;
}

/* ---- coverage ---- */

static double coverage_part(const struct coverage *c)
{
    return c->state == COVERAGE_UP     ? 1
           : c->state == COVERAGE_DOWN ? 0
           : isnan(c->part)            ? PART_UNKNOWN
                                       : c->part;
}

static struct trap_gap recorded_gap(size_t trap, int64_t since, int64_t until,
                                    enum trap_gap_source source, double part)
{
    return (struct trap_gap){.trap = trap,
                             .since = since,
                             .until = until,
                             .source = source,
                             .verdict = part > 0 ? GAP_PARTIAL : GAP_OUTAGE,
                             .part = part,
                             .expected = (double)NAN,
                             .expected_elsewhere = (double)NAN,
                             .log10_p = (double)NAN,
                             .others = (double)NAN};
}

struct coverage_reader {
    struct trap_marks *marks;
    size_t trap;  /* of the last interval of a server */
    int64_t seen; /* its end or last sign of life; 0: none yet */
};

/* Between two intervals of a server it was not running. */
static void server_read(struct coverage_reader *r, size_t trap, const struct coverage *c)
{
    struct trap_marks *m = r->marks;
    if (r->trap == trap && r->seen != 0 && r->seen < c->since) {
        struct trap_gap gap = recorded_gap(trap, r->seen, c->since, GAP_SERVER, 0);
        gap.note = S("the server was not running");
        mark_add(m, trap, GAP_SERVER, r->seen, c->since, 0);
        if (c->since - r->seen >= STARTS_SECONDS) {
            gap_add(m, &gap);
        }
    }
    /* A server that listens is a trap that lives, with mail or not. */
    m->born[trap] =
        c->since < m->born[trap] && m->w->traps[trap].up_from == 0 ? c->since : m->born[trap];
    r->trap = trap;
    r->seen = c->until != INT64_MAX ? c->until : c->seen != 0 ? c->seen : c->since;
}

static void coverage_read(void *arg, const struct coverage *c)
{
    static const enum trap_gap_source SOURCES[] = {
        [COVERAGE_SERVER] = GAP_SERVER, [COVERAGE_PERSON] = GAP_PERSON, [COVERAGE_FEED] = GAP_FEED};
    struct coverage_reader *r = arg;
    struct trap_marks *m = r->marks;
    size_t trap = trap_at(m->w, c->trap);
    if (trap == SIZE_MAX) {
        return; /* made since the traps were read */
    }
    enum trap_gap_source source = SOURCES[c->source];
    /* What a server says of an open interval holds to its last sign of life. */
    int64_t until = c->source == COVERAGE_SERVER && c->until == INT64_MAX && c->seen != 0
                        ? c->seen + 1
                        : c->until;
    if (c->source == COVERAGE_SERVER) {
        server_read(r, trap, c);
    }
    mark_add(m, trap, source, c->since, until, coverage_part(c));
    if (c->state != COVERAGE_UP) {
        struct trap_gap gap = recorded_gap(trap, c->since, c->until, source, coverage_part(c));
        gap.part = c->state == COVERAGE_DEGRADED ? c->part : 0;
        gap.verdict = c->state == COVERAGE_DEGRADED ? GAP_PARTIAL : GAP_OUTAGE;
        gap.note = arena_copy(m->arena, c->note);
        gap_add(m, &gap);
    }
}

/* Of all time, because an interval before the period tells when the server stopped. */
enum err trap_marks_coverage(struct trap_marks *m, struct store *s)
{
    const struct store_filter all = STORE_FILTER_ALL;
    struct coverage_reader r = {.marks = m};
    enum err e = store_coverage_list(s, &all, coverage_read, &r, m->eb);
    return e == OK ? m->err : e;
}

/* ---- connections ---- */

enum { CONNECTIONS_LEAST = 10 }; /* of an hour that is judged by its refusals */

struct usual {
    double connections, accepted, refused; /* sums; accepted of hours that accepted any */
    double of_accepting;                   /* connections of those hours */
};

/* Hours of one kind that follow each other. */
struct connection_reader {
    struct trap_marks *marks;
    struct usual *usual; /* by trap */
    struct trap_gap run; /* being put together */
    bool has_run;
};

static void usual_read(void *arg, const struct trap_hour *h)
{
    struct connection_reader *r = arg;
    size_t trap = trap_at(r->marks->w, h->trap);
    if (trap != SIZE_MAX) {
        struct usual *u = &r->usual[trap];
        u->connections += (double)h->connections;
        u->accepted += (double)h->accepted;
        u->refused += (double)h->refused;
        u->of_accepting += h->accepted ? (double)h->connections : 0;
    }
}

/* The part of an hour's mail that was seen, by its connections; 0 for none accepted. */
static double hour_part(const struct usual *u, const struct trap_hour *h)
{
    double n = (double)h->connections;
    double refuses = u->connections > 0 ? u->refused / u->connections : 0;
    double refused = n > 0 ? (double)h->refused / n : 0;
    if (h->accepted == 0) {
        return 0;
    }
    if (h->connections >= CONNECTIONS_LEAST && refused >= 0.2 && refused >= 2 * refuses) {
        double part = fmin(1, (1 - refused) / fmax(1 - refuses, 0.01));
        return part < PART_DOWN ? 0 : part;
    }
    return 1;
}

/* So many connections without one message, where usually some leave one? */
static bool is_improbable(const struct usual *u, const struct trap_gap *run)
{
    double accepts = u->of_accepting > 0 ? fmin(u->accepted / u->of_accepting, 0.999) : 0.5;
    return (double)run->connections * log10(1 - accepts) <= GAP_LOG10_P;
}

static void run_end(struct connection_reader *r)
{
    struct trap_marks *m = r->marks;
    struct trap_gap *run = &r->run;
    if (!r->has_run) {
        return;
    }
    r->has_run = false;
    if (run->accepted == 0 && !is_improbable(&r->usual[run->trap], run)) {
        return;
    }
    mark_add(m, run->trap, GAP_CONNECTIONS, run->since, run->until, run->part);
    if (run->part < PART_UP) {
        gap_add(m, run);
    }
}

static void connection_read(void *arg, const struct trap_hour *h)
{
    struct connection_reader *r = arg;
    size_t trap = trap_at(r->marks->w, h->trap);
    if (trap == SIZE_MAX) {
        return;
    }
    double part = hour_part(&r->usual[trap], h);
    bool follows = r->has_run && r->run.trap == trap && r->run.until == h->hour;
    /* An hour without a connection says nothing by itself; amid others without a message it is
     * one of them. */
    if (h->connections == 0 && !(follows && r->run.accepted == 0)) {
        run_end(r);
        return;
    }
    if (!follows || (part > 0 ? part != r->run.part : r->run.part > 0)) {
        run_end(r);
        r->run = recorded_gap(trap, h->hour, h->hour, GAP_CONNECTIONS, part);
        r->has_run = true;
    }
    r->run.until = h->hour + 3600;
    r->run.connections += h->connections;
    r->run.accepted += h->accepted;
    r->run.refused += h->refused;
}

enum err trap_marks_connections(struct trap_marks *m, struct store *s)
{
    enum { USUAL_DAYS = 28 };
    struct connection_reader r = {.marks = m};
    struct store_filter f = STORE_FILTER_ALL;
    f.since = m->w->first - USUAL_DAYS * SECONDS_PER_DAY;
    f.until = trap_watch_time(m->w, m->w->count) + USUAL_DAYS * SECONDS_PER_DAY;
    r.usual = calloc(m->w->trap_count + 1, sizeof *r.usual);
    if (!r.usual) {
        return no_memory(m->eb);
    }
    enum err e = store_trap_hours_list(s, &f, usual_read, &r, m->eb);
    f.since = m->w->first;
    f.until = trap_watch_time(m->w, m->w->count);
    e = e == OK ? store_trap_hours_list(s, &f, connection_read, &r, m->eb) : e;
    run_end(&r);
    free(r.usual);
    return e == OK ? m->err : e;
}

/* ---- silences ---- */

/* Seconds of [since, until) that a stronger source says something about. */
static int64_t spoken_seconds(const struct trap_marks *m, size_t trap, int64_t since, int64_t until)
{
    int64_t sum = 0;
    for (int source = 0; source < GAP_SILENCE; source++) {
        const struct trap_mark_list *l = &m->lists[trap * GAP_SOURCE_COUNT + (size_t)source];
        for (size_t i = 0; i < l->count; i++) {
            int64_t from = l->items[i].since > since ? l->items[i].since : since;
            int64_t to = l->items[i].until < until ? l->items[i].until : until;
            sum += from < to ? to - from : 0;
        }
    }
    return sum;
}

enum err trap_marks_silences(struct trap_marks *m, const struct trap_gap *gaps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct trap_gap *g = &gaps[i];
        int64_t end = trap_watch_time(m->w, m->w->count);
        int64_t until = g->until < end ? g->until : end;
        if (spoken_seconds(m, g->trap, g->since, until) * 2 >= until - g->since) {
            continue;
        }
        bool is_missing = g->verdict == GAP_OUTAGE || g->verdict == GAP_PARTIAL;
        /* Silent to the end, and no other trap says that its mail stopped: an archive that ends is
         * far more common than a botnet that does. */
        if (g->verdict != GAP_DROP && g->until == INT64_MAX) {
            m->dead[g->trap] = g->since < m->dead[g->trap] ? g->since : m->dead[g->trap];
        } else if (is_missing) {
            mark_add(m, g->trap, GAP_SILENCE, g->since, g->until, g->part);
        }
        gap_add(m, g);
    }
    return m->err;
}

/* ---- cells ---- */

static int time_cmp(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* All times at which what holds may change, bucket starts included, in order. */
static int64_t *times_of(const struct trap_marks *m, size_t trap, size_t *count)
{
    const struct trap_mark_list *lists = &m->lists[trap * GAP_SOURCE_COUNT];
    int64_t first = m->w->first, end = trap_watch_time(m->w, m->w->count);
    size_t n = 0, most = m->w->count + 3;
    for (size_t s = 0; s < GAP_SOURCE_COUNT; s++) {
        most += 2 * lists[s].count;
    }
    int64_t *times = calloc(most, sizeof *times);
    for (size_t i = 0; times && i <= m->w->count; i++) {
        times[n++] = trap_watch_time(m->w, i);
    }
    const int64_t life[] = {m->born[trap], m->dead[trap]};
    for (size_t i = 0; times && i < 2; i++) {
        if (life[i] > first && life[i] < end) {
            times[n++] = life[i];
        }
    }
    for (size_t s = 0; times && s < GAP_SOURCE_COUNT; s++) {
        for (size_t i = 0; i < lists[s].count; i++) {
            const int64_t ends[] = {lists[s].items[i].since, lists[s].items[i].until};
            for (size_t k = 0; k < 2; k++) {
                if (ends[k] > first && ends[k] < end) {
                    times[n++] = ends[k];
                }
            }
        }
    }
    if (times) {
        qsort(times, n, sizeof *times, time_cmp);
    }
    *count = n;
    return times;
}

/* What the strongest source that speaks of time `t` says; 1 when none does. `at` keeps the place in
 * each list: t only grows. */
static double part_at(const struct trap_mark_list *lists, size_t at[GAP_SOURCE_COUNT], int64_t t)
{
    double part = 1;
    bool is_said = false;
    for (size_t s = 0; s < GAP_SOURCE_COUNT; s++) {
        while (at[s] < lists[s].count && lists[s].items[at[s]].until <= t) {
            at[s]++;
        }
        if (!is_said && at[s] < lists[s].count && lists[s].items[at[s]].since <= t) {
            part = lists[s].items[at[s]].part;
            is_said = true;
        }
    }
    return part;
}

enum err trap_marks_cells(const struct trap_marks *m, size_t trap, float *up, uint8_t *states)
{
    const struct trap_mark_list *lists = &m->lists[trap * GAP_SOURCE_COUNT];
    int64_t born = m->born[trap], dead = m->dead[trap];
    size_t n, k = 0, at[GAP_SOURCE_COUNT] = {0};
    int64_t *times = times_of(m, trap, &n);
    if (!times) {
        return no_memory(m->eb);
    }
    int64_t start = m->w->first;
    for (size_t i = 0; i < m->w->count; i++) {
        int64_t end = trap_watch_time(m->w, i + 1);
        double lived = 0, seen = 0;
        for (; k + 1 < n && times[k] < end; k++) {
            double part = part_at(lists, at, times[k]);
            if (times[k] >= born && times[k] < dead) {
                lived += (double)(times[k + 1] - times[k]);
                seen += part * (double)(times[k + 1] - times[k]);
            }
        }
        double part = lived > 0 ? seen / lived : 0;
        states[i] = lived > 0     ? (part < PART_DOWN ? TRAP_DOWN
                                     : part < PART_UP ? TRAP_DEGRADED
                                                      : TRAP_UP)
                    : end <= born ? TRAP_UNBORN
                                  : TRAP_DEAD;
        up[i] = states[i] == TRAP_DOWN ? 0 : (float)(seen / (double)(end - start));
        start = end;
    }
    free(times);
    return OK;
}
