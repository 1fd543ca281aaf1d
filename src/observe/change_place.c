/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changes out of a store: the series, then where each change was seen, and what was public then.
 * A change of a label at one site alone is that site's matter until others confirm it. */
#include "observe/change.h"
#include "observe/change_line.h"

#include <math.h>

enum { SCRATCH_BYTES = 128 * 1024 * 1024, SERIES_MAX = 100, EVENT_DAYS = 3, EVENT_DAYS_MAX = 31 };

/* ---- places ---- */

struct place_name {
    enum dimension dimension;
    struct slice name;
};

struct places {
    struct arena *arena;
    const struct store_filter *filter;
    struct place_name *items;
    size_t count, max, sites, traps;
    bool has_failed;
};

static void place_add(struct places *p, enum dimension d, struct slice name, size_t *count)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->items[i].dimension == d && slice_eq(p->items[i].name, name)) {
            return;
        }
    }
    if (p->count < p->max) {
        struct slice copy = arena_copy(p->arena, name);
        p->has_failed |= name.n && !copy.p;
        p->items[p->count++] = (struct place_name){d, copy};
        ++*count;
    }
}

static void place_of_trap(void *arg, const struct trap_info *trap)
{
    struct places *p = arg;
    bool is_in = (!p->filter->site.n || slice_eq(p->filter->site, trap->site)) && trap->messages;
    if (is_in && trap->site.n && !p->filter->site.n && p->sites < CHANGE_SITES_MAX) {
        place_add(p, DIMENSION_SITE, trap->site, &p->sites);
    }
    if (is_in && p->traps <= CHANGE_TRAPS_MAX) {
        place_add(p, DIMENSION_TRAP, trap->name, &p->traps);
    }
}

/* Sites, then traps; traps only as far as they are few, and only places that are not all. */
static enum err places_list(struct store *s, struct places *p, struct errbuf *eb)
{
    p->max = CHANGE_SITES_MAX + CHANGE_TRAPS_MAX + 1;
    p->items = arena_calloc(p->arena, p->max, sizeof *p->items);
    if (!p->items) {
        return ERR_NOMEM;
    }
    enum err e = store_traps(s, place_of_trap, p, eb);
    if (e != OK || p->has_failed) {
        return e != OK ? e : ERR_NOMEM;
    }
    size_t kept = 0;
    for (int round = 0; round < 2; round++) {
        enum dimension d = round ? DIMENSION_TRAP : DIMENSION_SITE;
        bool is_useful = round ? p->traps >= 2 && p->traps <= CHANGE_TRAPS_MAX : p->sites >= 2;
        for (size_t i = kept; i < p->count && is_useful; i++) {
            if (p->items[i].dimension == d) {
                struct place_name swap = p->items[kept];
                p->items[kept++] = p->items[i];
                p->items[i] = swap;
            }
        }
    }
    p->count = kept;
    return OK;
}

static bool has_places(const struct change *c)
{
    enum dimension d = c->series->key.dimension;
    return d != DIMENSION_TRAP && d != DIMENSION_SITE;
}

static enum change_seen seen_of(const struct step *all, const struct step *here)
{
    if (isnan(here->ratio)) {
        return CHANGE_UNCLEAR;
    }
    double half = sqrt(fmin(fmax(all->ratio, 0.01), 100.0));
    if (all->ratio < 1.0) {
        return here->high < 1.0 ? CHANGE_SEEN : here->low > half ? CHANGE_NOT_SEEN : CHANGE_UNCLEAR;
    }
    return here->low > 1.0 ? CHANGE_SEEN : here->high < half ? CHANGE_NOT_SEEN : CHANGE_UNCLEAR;
}

static bool is_seen_at(const struct change *c, const struct series_key *place)
{
    for (size_t i = 0; i < c->place_count; i++) {
        const struct change_place *p = &c->places[i];
        if (p->dimension == place->dimension && slice_eq(p->name, place->value)) {
            return p->seen == CHANGE_SEEN;
        }
    }
    return false;
}

/* Marks the changes of places that a change of the total has already told of. */
static void parts_mark(struct change *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct change *all = &items[i];
        for (size_t k = 0; k < count; k++) {
            struct change *c = &items[k];
            int64_t slack = change_time(c->series, 2) - c->series->first;
            bool is_near = c->earliest <= all->latest + slack && c->latest >= all->earliest - slack;
            if (all->series->key.dimension == DIMENSION_TOTAL && all->is_confirmed && is_near &&
                (c->size.ratio < 1) == (all->size.ratio < 1)) {
                c->is_part |= is_seen_at(all, &c->series->key);
            }
        }
    }
}

static size_t bucket_of(const struct series *s, int64_t time)
{
    int64_t i = (time - s->first) / (change_time(s, 1) - s->first);
    return i < 0 ? 0 : (size_t)i < s->count ? (size_t)i : s->count;
}

static void place_look(const struct change_line *line, const struct place_name *name,
                       struct change *c)
{
    const struct series *s = line->series;
    struct change_place *p = (struct change_place *)(uintptr_t)&c->places[c->place_count++];
    *p = (struct change_place){.dimension = name->dimension, .name = name->name};
    change_line_step(line, bucket_of(s, c->before_from), bucket_of(s, c->before_to),
                     bucket_of(s, c->after_from), bucket_of(s, c->after_to), &p->step);
    p->seen = seen_of(&c->size, &p->step);
    if (p->seen != CHANGE_UNCLEAR) {
        bool is_site = name->dimension == DIMENSION_SITE;
        ++*(is_site ? &c->sites : &c->traps);
        *(is_site ? &c->sites_seen : &c->traps_seen) += p->seen == CHANGE_SEEN;
    }
}

static bool key_eq(const struct series_key *a, const struct series_key *b)
{
    return a->dimension == b->dimension && slice_eq(a->value, b->value);
}

/* Every change at one place. */
static enum err place_visit(struct store *s, struct series_query q, const struct place_name *name,
                            struct change *items, size_t count, struct arena *scratch,
                            struct errbuf *eb)
{
    const struct series *series;
    size_t n = 0;
    arena_reset(scratch);
    *(name->dimension == DIMENSION_SITE ? &q.filter.site : &q.filter.trap) = name->name;
    enum err e = series_load(s, &q, scratch, &series, &n, eb);
    if (e == ERR_NOTFOUND) {
        return OK;
    }
    for (size_t i = 0; i < n && e == OK; i++) {
        struct change_line line = {.count = 0};
        for (size_t k = 0; k < count && e == OK; k++) {
            if (key_eq(&series[i].key, &items[k].series->key)) {
                e = line.count ? OK : change_line_make(&series[i], scratch, &line);
                if (e == OK) {
                    place_look(&line, name, &items[k]);
                }
            }
        }
    }
    return e;
}

static enum err places_look(struct store *s, const struct series_query *query, struct arena *arena,
                            struct change *items, size_t count, struct errbuf *eb)
{
    struct places p = {.arena = arena, .filter = &query->filter};
    enum dimension dimensions[DIMENSION_COUNT];
    struct series_query q = *query;
    q.dimensions = dimensions;
    q.dimension_count = 0;
    enum err e = places_list(s, &p, eb);
    struct arena *scratch = e == OK && p.count ? arena_new(SCRATCH_BYTES) : NULL;
    if (!scratch) {
        return e != OK ? e : p.count ? ERR_NOMEM : OK;
    }
    for (size_t k = 0; k < count && e == OK; k++) {
        enum dimension d = items[k].series->key.dimension;
        if (!has_places(&items[k])) {
            continue;
        }
        items[k].places = arena_calloc(arena, p.count, sizeof *items[k].places);
        e = items[k].places ? OK : ERR_NOMEM;
        bool is_new = true;
        for (size_t i = 0; i < q.dimension_count; i++) {
            is_new &= dimensions[i] != d;
        }
        if (is_new) {
            dimensions[q.dimension_count++] = d;
        }
    }
    for (size_t i = 0; i < p.count && e == OK && q.dimension_count; i++) {
        e = place_visit(s, q, &p.items[i], items, count, scratch, eb);
    }
    arena_free(scratch);
    return e;
}

/* ---- annotations ---- */

static bool names_label(const struct slice *names, size_t count, struct slice value)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_ieq(names[i], value)) {
            return true;
        }
    }
    return false;
}

static bool is_about(const struct annotation *a, const struct series_key *key)
{
    bool is_of_all = !a->botnet_count && !a->program_count;
    if (key->dimension == DIMENSION_BOTNET) {
        return is_of_all || names_label(a->botnets, a->botnet_count, key->value);
    }
    if (key->dimension == DIMENSION_PROGRAM) {
        return is_of_all || names_label(a->programs, a->program_count, key->value);
    }
    return true;
}

/* Seconds between what the source gives as its date and the change's; those of a year are no date.
 */
static int64_t event_distance(const struct annotation *a, const struct change *c)
{
    /* A month is no date to be near to: it holds the change or it does not. */
    bool is_day = a->until - a->since <= SECONDS_PER_DAY;
    const int64_t most = is_day ? (int64_t)EVENT_DAYS * SECONDS_PER_DAY : 0;
    if (a->until - a->since > (int64_t)EVENT_DAYS_MAX * SECONDS_PER_DAY ||
        !is_about(a, &c->series->key) || a->since > c->latest + most ||
        a->until <= c->earliest - most) {
        return INT64_MAX;
    }
    int64_t middle = a->since + (a->until - a->since) / 2;
    return middle > c->time ? middle - c->time : c->time - middle;
}

static enum err events_find(const struct annotations *all, struct arena *arena, struct change *c)
{
    const struct annotation *nearest[CHANGE_EVENTS_MAX + 1];
    size_t n = 0;
    for (size_t i = 0; i < all->count; i++) {
        int64_t distance = event_distance(&all->items[i], c);
        size_t k = n;
        if (distance == INT64_MAX) {
            continue;
        }
        for (; k > 0 && event_distance(nearest[k - 1], c) > distance; k--) {
            nearest[k] = nearest[k - 1];
        }
        nearest[k] = &all->items[i];
        n += n < CHANGE_EVENTS_MAX;
    }
    const struct annotation **events = arena_calloc(arena, n + 1, sizeof(void *));
    if (!events) {
        return ERR_NOMEM;
    }
    memcpy(events, nearest, n * sizeof *events);
    c->events = events;
    c->event_count = n;
    return OK;
}

/* ---- all ---- */

static int64_t shifted(int64_t time, int days)
{
    bool is_open = time == INT64_MIN || time == INT64_MAX;
    return is_open ? time : time + (int64_t)days * SECONDS_PER_DAY;
}

/* A dimension of one value is the total over again. */
static bool is_total_again(const struct series *series, size_t count, size_t i)
{
    size_t n = 0;
    for (size_t k = 0; k < count; k++) {
        n += series[k].key.dimension == series[i].key.dimension;
    }
    return n == 1;
}

/* The total first: shares are shares of it. */
static enum err series_read(struct store *s, const struct change_query *q,
                            struct series_query *query, struct arena *arena,
                            const struct series **series, size_t *count, struct errbuf *eb)
{
    enum dimension *dimensions = arena_calloc(arena, q->dimension_count + 1, sizeof *dimensions);
    if (!dimensions) {
        return ERR_NOMEM;
    }
    size_t n = 0;
    for (size_t i = 0; i < q->dimension_count; i++) {
        if (q->dimensions[i] != DIMENSION_TOTAL) {
            dimensions[n++] = q->dimensions[i];
        }
    }
    *query = (struct series_query){.filter = q->filter,
                                   .bucket = q->bucket,
                                   .unit = q->unit,
                                   .dimensions = dimensions,
                                   .dimension_count = n,
                                   .value = q->value,
                                   .series_max = q->series_max ? q->series_max : SERIES_MAX};
    int context = q->bucket == BUCKET_HOUR ? CHANGE_CONTEXT_HOURLY_DAYS : CHANGE_CONTEXT_DAYS;
    query->filter.since = shifted(q->filter.since, -context);
    query->filter.until = shifted(q->filter.until, context);
    if (!n) {
        *count = 0;
        return OK;
    }
    return series_load(s, query, arena, series, count, eb);
}

enum err changes_build(struct store *s, const struct change_query *q, struct arena *arena,
                       struct changes *out, struct errbuf *eb)
{
    static const enum dimension TOTAL[] = {DIMENSION_TOTAL};
    struct series_query query, total_query;
    const struct series *labels = NULL, *total = NULL;
    size_t count = 0, totals = 0, n = 0;
    bool wants_total = false;
    for (size_t i = 0; i < q->dimension_count; i++) {
        wants_total |= q->dimensions[i] == DIMENSION_TOTAL;
    }
    enum err e = series_read(s, q, &query, arena, &labels, &count, eb);
    total_query = query;
    total_query.dimensions = TOTAL;
    total_query.dimension_count = 1;
    total_query.value = S("");
    e = e == OK ? series_load(s, &total_query, arena, &total, &totals, eb) : e;
    *out = (struct changes){.count = 0};
    if (e == ERR_NOTFOUND) {
        return OK;
    }
    struct series *all = e == OK ? arena_calloc(arena, count + 2, sizeof *all) : NULL;
    if (!all) {
        return e != OK ? e : ERR_NOMEM;
    }
    if (totals && wants_total) {
        all[n++] = total[0];
    }
    for (size_t i = 0; i < count; i++) {
        if (!wants_total || !is_total_again(labels, count, i)) {
            all[n++] = labels[i];
        }
    }
    e = changes_find(all, n, q, totals ? total : NULL, arena, out);
    struct change *items = (struct change *)(uintptr_t)out->items;
    if (e == OK && !q->filter.trap.n) {
        e = places_look(s, &query, arena, items, out->count, eb);
    }
    if (e == OK) {
        parts_mark(items, out->count);
    }
    for (size_t i = 0; e == OK && q->annotations && i < out->count; i++) {
        e = events_find(q->annotations, arena, &items[i]);
    }
    if (e == ERR_LIMIT) {
        return err_set(eb, e,
                       "by the hour at most %d days can be searched: give --since and --until",
                       CHANGE_HOURS_MAX / 24 - 2 * CHANGE_CONTEXT_HOURLY_DAYS);
    }
    return e;
}
