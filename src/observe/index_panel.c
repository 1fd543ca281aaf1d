/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A panel out of the store: counts by trap and day (or hour), put together to the steps that were
 * asked for. What came on a day on which its trap was down is not counted: the day is missing. */
#include "core/clock.h"
#include "observe/index.h"
#include "observe/trap_state.h"

/* Less of a day than this watched says too little of the day. */
static const float UP_MIN = 0.05F;

struct load {
    const struct index_query *q;
    const struct trap_watch *watch;
    struct index_panel panel;
    size_t *row_of;  /* by the store's trap: the panel's; SIZE_MAX: not asked */
    size_t *step_of; /* by the watch's bucket */
    size_t *lengths; /* by step: buckets in a whole one */
    double *count;
    float *exposure;
    struct slice value;
    bool any;
};

static int64_t month_number(int64_t day)
{
    int year, month, mday;
    days_to_civil(day, &year, &month, &mday);
    return (int64_t)year * 12 + month - 1;
}

static int64_t month_first(int64_t month)
{
    return civil_to_days((int)(month / 12), (int)(month % 12) + 1, 1);
}

static int64_t step_number(enum index_step step, int64_t t)
{
    int64_t day = day_of(t);
    switch (step) {
    case INDEX_HOUR:
        return day * 24 + (t - day * SECONDS_PER_DAY) / 3600;
    case INDEX_WEEK: /* from Monday; 1970-01-01 was a Thursday */
        return (day + 3 >= 0 ? day + 3 : day + 3 - 6) / 7;
    case INDEX_MONTH:
        return month_number(day);
    case INDEX_DAY:
    case INDEX_STEP_COUNT:
        break;
    }
    return day;
}

static int64_t step_time(enum index_step step, int64_t number)
{
    switch (step) {
    case INDEX_HOUR:
        return number * 3600;
    case INDEX_WEEK:
        return (number * 7 - 3) * SECONDS_PER_DAY;
    case INDEX_MONTH:
        return month_first(number) * SECONDS_PER_DAY;
    case INDEX_DAY:
    case INDEX_STEP_COUNT:
        break;
    }
    return number * SECONDS_PER_DAY;
}

/* ---- traps ---- */

static enum err traps_take(struct load *l, struct arena *arena)
{
    const struct trap_watch *w = l->watch;
    struct slice *names = arena_calloc(arena, w->trap_count + 1, sizeof *names);
    struct slice *sites = arena_calloc(arena, w->trap_count + 1, sizeof *sites);
    size_t *site = arena_calloc(arena, w->trap_count + 1, sizeof *site);
    l->row_of = arena_calloc(arena, w->trap_count + 1, sizeof *l->row_of);
    if (!names || !sites || !site || !l->row_of) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < w->trap_count; i++) {
        l->row_of[i] = SIZE_MAX;
        if (!w->is_asked[i]) {
            continue;
        }
        size_t row = l->panel.traps++, at = 0;
        struct slice name = w->traps[i].site;
        while (at < l->panel.sites && !(name.n && slice_eq(sites[at], name))) {
            at++;
        }
        if (at == l->panel.sites) {
            sites[l->panel.sites++] = name;
        }
        l->row_of[i] = row;
        names[row] = w->traps[i].name;
        site[row] = at;
    }
    l->panel.trap_names = names;
    l->panel.site_names = sites;
    l->panel.site = site;
    return l->panel.traps ? OK : ERR_NOTFOUND;
}

/* ---- time ---- */

static enum err steps_make(struct load *l, struct arena *arena)
{
    const struct trap_watch *w = l->watch;
    enum index_step step = l->q->step;
    int64_t first = step_number(step, w->first);
    int64_t last = step_number(step, trap_watch_time(w, w->count) - 1);
    l->panel.times = (size_t)(last - first) + 1;
    int64_t *from = arena_calloc(arena, l->panel.times + 1, sizeof *from);
    l->step_of = arena_calloc(arena, w->count + 1, sizeof *l->step_of);
    l->lengths = arena_calloc(arena, l->panel.times + 1, sizeof *l->lengths);
    size_t cells = l->panel.traps * l->panel.times;
    l->count = arena_calloc(arena, cells + 1, sizeof *l->count);
    l->exposure = arena_calloc(arena, cells + 1, sizeof *l->exposure);
    if (!from || !l->step_of || !l->lengths || !l->count || !l->exposure) {
        return ERR_NOMEM;
    }
    int64_t bucket = w->bucket == BUCKET_HOUR ? 3600 : SECONDS_PER_DAY;
    for (size_t k = 0; k <= l->panel.times; k++) {
        from[k] = step_time(step, first + (int64_t)k);
    }
    for (size_t k = 0; k < l->panel.times; k++) {
        l->lengths[k] = (size_t)((from[k + 1] - from[k]) / bucket);
    }
    for (size_t i = 0; i < w->count; i++) {
        l->step_of[i] = (size_t)(step_number(step, trap_watch_time(w, i)) - first);
    }
    l->panel.from = from;
    l->panel.step = step;
    return OK;
}

static float bucket_up(const struct load *l, size_t trap, size_t i)
{
    float up = (float)trap_watch_up(l->watch, trap, i);
    return up >= UP_MIN ? up : 0;
}

static void exposures_fill(struct load *l)
{
    const struct trap_watch *w = l->watch;
    for (size_t trap = 0; trap < w->trap_count; trap++) {
        for (size_t i = 0; l->row_of[trap] != SIZE_MAX && i < w->count; i++) {
            size_t step = l->step_of[i];
            l->exposure[l->row_of[trap] * l->panel.times + step] +=
                bucket_up(l, trap, i) / (float)l->lengths[step];
        }
    }
}

static void panel_row_add(void *arg, const struct panel_row *row)
{
    struct load *l = arg;
    int64_t bucket = l->watch->bucket == BUCKET_HOUR ? 3600 : SECONDS_PER_DAY;
    int64_t at = (row->bucket - l->watch->first) / bucket;
    if (row->bucket < l->watch->first || (uint64_t)at >= l->watch->count ||
        row->trap >= l->watch->trap_count || l->row_of[row->trap] == SIZE_MAX ||
        (l->value.n && !slice_eq(row->value, l->value)) ||
        bucket_up(l, row->trap, (size_t)at) <= 0) {
        return;
    }
    double v = (double)unit_of(&row->units, l->q->unit);
    l->count[l->row_of[row->trap] * l->panel.times + l->step_of[at]] += v;
    l->any |= v > 0;
}

enum err index_panel_load(struct store *s, const struct index_query *q, struct arena *arena,
                          struct index_panel *out, struct errbuf *eb)
{
    struct trap_watch watch;
    struct trap_query tq = {q->filter, q->step == INDEX_HOUR ? BUCKET_HOUR : BUCKET_DAY};
    struct load l = {.q = q, .watch = &watch, .value = q->value};
    if (q->unit == UNIT_HOSTS) {
        return err_set(eb, ERR_USAGE,
                       "hosts of several traps are the same machines: they have no index");
    }
    if (q->dimension == DIMENSION_TOTAL) {
        l.value = S("");
    } else if (!q->value.n) {
        return err_set(eb, ERR_USAGE, "an index is of one %s: which?",
                       dimension_name(q->dimension));
    }
    enum err e = trap_watch_load(s, &tq, arena, &watch, eb);
    if (e) {
        return e;
    }
    e = traps_take(&l, arena);
    e = e ? e : steps_make(&l, arena);
    if (e) {
        return e == ERR_NOTFOUND ? err_set(eb, e, "there is no such trap or site")
                                 : err_set(eb, e, "the index's panel needs too much memory");
    }
    exposures_fill(&l);
    l.panel.count = l.count;
    l.panel.exposure = l.exposure;
    /* Open ends would also give what has no time. */
    struct store_filter f = q->filter;
    f.since = watch.first;
    f.until = trap_watch_time(&watch, watch.count);
    e = store_panel(s, &f, tq.bucket, q->dimension, panel_row_add, &l, eb);
    if (e) {
        return e;
    }
    if (!l.any) {
        return err_set(eb, ERR_NOTFOUND, "there is no message of it in this period");
    }
    *out = l.panel;
    return OK;
}
