/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A panel out of the store: counts by trap and day (or hour), put together to the steps that were
 * asked for. What came on a day on which its trap was down is not counted: the day is missing. Of a
 * feed that comes in late the part still to come was not watched yet. */
#include "core/clock.h"
#include "observe/index.h"
#include "observe/nowcast.h"
#include "observe/trap_state.h"
#include "store/generation.h"

/* Less of a day than this watched says too little of the day. */
static const float UP_MIN = 0.05F;

struct load {
    const struct index_query *q;
    const struct trap_watch *watch;
    struct nowcast nowcast;
    size_t late_from;         /* first bucket that may not all have come */
    struct nowcast_sum *late; /* by step */
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
    l->late = arena_calloc(arena, l->panel.times + 1, sizeof *l->late);
    if (!from || !l->step_of || !l->lengths || !l->count || !l->exposure || !l->late) {
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
    double up = trap_watch_up(l->watch, trap, i);
    if (up > 0 && i >= l->late_from) {
        up *= nowcast_completeness(&l->nowcast, trap, trap_watch_time(l->watch, i),
                                   trap_watch_time(l->watch, i + 1));
    }
    return (float)up >= UP_MIN ? (float)up : 0;
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
    nowcast_add(&l->nowcast, row->trap, row->bucket, row->bucket + bucket, v,
                &l->late[l->step_of[at]]);
    l->any |= v > 0;
}

/* Where nothing has been counted the completeness is that of the traps that were up. */
static double silent_completeness(const struct load *l, size_t step)
{
    double sum = 0, n = 0;
    for (size_t i = l->late_from; i < l->watch->count; i++) {
        for (size_t trap = 0; l->step_of[i] == step && trap < l->watch->trap_count; trap++) {
            if (l->row_of[trap] != SIZE_MAX && trap_watch_up(l->watch, trap, i) > 0) {
                sum += nowcast_completeness(&l->nowcast, trap, trap_watch_time(l->watch, i),
                                            trap_watch_time(l->watch, i + 1));
                n++;
            }
        }
    }
    return n > 0 ? sum / n : 1;
}

static enum err late_fill(struct load *l, struct arena *arena)
{
    double *completeness = arena_calloc(arena, l->panel.times + 1, sizeof *completeness);
    double *variance = arena_calloc(arena, l->panel.times + 1, sizeof *variance);
    if (!completeness || !variance) {
        return ERR_NOMEM;
    }
    for (size_t k = 0; k < l->panel.times; k++) {
        struct nowcast_total total = nowcast_total(&l->late[k]);
        bool is_silent = !(l->late[k].expected > 0) && l->panel.from[k + 1] > l->nowcast.first;
        completeness[k] = is_silent ? silent_completeness(l, k) : total.completeness;
        variance[k] = total.log_variance;
    }
    l->panel.completeness = completeness;
    l->panel.late_variance = variance;
    return OK;
}

static void cluster_row_add(void *arg, const struct cluster_panel_row *row)
{
    struct load *l = arg;
    if (cluster_choice_has(l->q->clusters, row->cluster)) {
        const struct panel_row one = {
            .bucket = row->bucket, .trap = row->trap, .units = row->units};
        panel_row_add(l, &one);
    }
}

static enum err counts_read(struct store *s, const struct store_filter *f, struct load *l,
                            struct errbuf *eb)
{
    const struct index_query *q = l->q;
    enum bucket bucket = q->step == INDEX_HOUR ? BUCKET_HOUR : BUCKET_DAY;
    if (q->clusters) {
        const uint32_t *only = q->clusters->count == 1 ? q->clusters->ids : NULL;
        return store_cluster_panel(s, f, bucket, q->clusters->kind, only, cluster_row_add, l, eb);
    }
    return q->generation
               ? store_generation_panel(s, f, q->generation, q->dimension, panel_row_add, l, eb)
               : store_panel(s, f, bucket, q->dimension, panel_row_add, l, eb);
}

enum err index_panel_load(struct store *s, const struct index_query *q, struct arena *arena,
                          struct index_panel *out, struct errbuf *eb)
{
    struct trap_watch own = {.count = 0};
    struct trap_query tq = {q->filter, q->step == INDEX_HOUR ? BUCKET_HOUR : BUCKET_DAY};
    struct load l = {.q = q, .watch = q->watch ? q->watch : &own, .value = q->value};
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
    enum err e = q->watch ? OK : trap_watch_load(s, &tq, arena, &own, eb);
    if (e) {
        return e;
    }
    e = nowcast_load(s, arena, &l.nowcast, eb);
    if (e) {
        return e;
    }
    while (l.late_from < l.watch->count &&
           trap_watch_time(l.watch, l.late_from + 1) <= l.nowcast.first) {
        l.late_from++;
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
    f.since = l.watch->first;
    f.until = trap_watch_time(l.watch, l.watch->count);
    e = counts_read(s, &f, &l, eb);
    if (e) {
        return e;
    }
    if (!l.any) {
        return err_set(eb, ERR_NOTFOUND, "there is no message of it in this period");
    }
    if (late_fill(&l, arena)) {
        return err_set(eb, ERR_NOMEM, "the index's panel needs too much memory");
    }
    *out = l.panel;
    return OK;
}
