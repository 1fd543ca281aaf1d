/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A pass over a panel (bucket, value, trap) leaves two sums of each value: by bucket and by trap,
 * over the cells in which the trap was up. They are sufficient for the two-way model of METHODS B5
 * (stat/two_way_sums.h), whose trap sizes then say how much of a value's mail the traps that were
 * up in a bucket stand for. Cells are never kept: 300 botnets at 200 traps over three years would
 * be 65 million.
 *
 * Sizes of traps that no bucket with counts of the value links are put beside each other by their
 * sizes for all mail. */
#include "observe/series.h"

#include "core/strmap.h"
#include "observe/nowcast.h"
#include "observe/trap_state.h"
#include "stat/two_way_sums.h"

#include <math.h>
#include <stdlib.h>

struct value {
    struct slice name;
    double messages;
    double *observed; /* by bucket */
    double *by_trap;  /* by trap; NULL for TRAP and for hosts, which need no sizes */
};

struct loader {
    struct store *store;
    const struct series_query *q;
    struct arena *arena;
    struct trap_watch watch;
    struct nowcast nowcast;
    size_t late_from;         /* first bucket that may not all have come */
    struct two_way_run *runs; /* of traps that are asked */
    size_t run_count;
    const uint16_t *network;
    double *sizes; /* of traps for all mail: two-way fit, networks apart */
    /* of the dimension that is read */
    enum dimension dimension;
    struct strmap *names;  /* to the index in values */
    struct strmap *wanted; /* the names to keep; NULL: all */
    struct value *values;
    size_t value_count, value_size;
    size_t bucket;  /* of the last row; rows come in order of time */
    enum err error; /* of a callback */
};

/* ---- the network ---- */

/* What the trap was watching of the bucket and has delivered by now. */
static float bucket_up(const struct loader *l, size_t trap, size_t i)
{
    double up = trap_watch_up(&l->watch, trap, i);
    if (up > 0.0 && i >= l->late_from) {
        up *= nowcast_completeness(&l->nowcast, trap, trap_watch_time(&l->watch, i),
                                   trap_watch_time(&l->watch, i + 1));
    }
    return (float)up;
}

static size_t runs_of_trap(const struct loader *l, size_t trap, struct two_way_run *runs)
{
    size_t n = 0;
    float before = 0.0F;
    for (size_t i = 0; i < l->watch.count; i++) {
        float up = bucket_up(l, trap, i);
        bool goes_on = up == before;
        before = up;
        if (!(up > 0.0F)) {
            continue;
        }
        struct two_way_run *last = n && runs ? &runs[n - 1] : NULL;
        if (goes_on && last) {
            last->to++;
        } else if (!goes_on) {
            if (runs) {
                runs[n] = (struct two_way_run){(uint32_t)trap, (uint32_t)i, (uint32_t)i + 1, up};
            }
            n++;
        }
    }
    return n;
}

static enum err runs_list(struct loader *l)
{
    size_t n = 0;
    for (size_t t = 0; t < l->watch.trap_count; t++) {
        n += l->watch.is_asked[t] ? runs_of_trap(l, t, NULL) : 0;
    }
    l->runs = arena_calloc(l->arena, n + 1, sizeof *l->runs);
    if (!l->runs) {
        return ERR_NOMEM;
    }
    for (size_t t = 0; t < l->watch.trap_count; t++) {
        if (l->watch.is_asked[t]) {
            l->run_count += runs_of_trap(l, t, l->runs + l->run_count);
        }
    }
    return OK;
}

/* Numbers of networks by bucket. A trap joins its first bucket with its last one and with all in
 * between that it watched, so a cut is where no trap was up both before and after. */
static enum err networks_find(struct loader *l)
{
    size_t count = l->watch.count;
    uint16_t *network = arena_calloc(l->arena, count + 1, sizeof *network);
    size_t *until = arena_calloc(l->arena, count + 1, sizeof *until);
    if (!network || !until) {
        return ERR_NOMEM;
    }
    for (size_t r = 0; r < l->run_count;) {
        size_t first = r;
        while (r < l->run_count && l->runs[r].row == l->runs[first].row) {
            r++;
        }
        size_t from = l->runs[first].from, to = l->runs[r - 1].to;
        until[from] = until[from] > to ? until[from] : to;
    }
    size_t reach = 0;
    unsigned number = 0;
    for (size_t i = 0; i < count; i++) {
        /* A bucket that nobody watches belongs to what was before it. */
        number += until[i] && reach && i >= reach;
        reach = until[i] > reach ? until[i] : reach;
        network[i] = (uint16_t)(number < UINT16_MAX ? number : UINT16_MAX);
    }
    l->network = network;
    return OK;
}

static struct two_way_sums sums_of(const struct loader *l, const struct value *v)
{
    return (struct two_way_sums){.rows = l->watch.trap_count,
                                 .columns = l->watch.count,
                                 .runs = l->runs,
                                 .run_count = l->run_count,
                                 .row_sum = v->by_trap,
                                 .column_sum = v->observed};
}

/* ---- reading ---- */

/* TRAP and SITE are read as TOTAL, whose rows say the trap. */
static enum dimension panel_dimension(enum dimension d)
{
    return d == DIMENSION_TRAP || d == DIMENSION_SITE ? DIMENSION_TOTAL : d;
}

static struct slice name_of_row(const struct loader *l, struct slice value, size_t trap)
{
    const struct trap_info *t = &l->watch.traps[trap];
    return l->dimension == DIMENSION_TRAP   ? t->name
           : l->dimension == DIMENSION_SITE ? (t->site.n ? t->site : S("-"))
                                            : value;
}

static bool is_wanted(const struct loader *l, struct slice name)
{
    return (!l->q->value.n || slice_eq(l->q->value, name)) &&
           (!l->wanted || strmap_get(l->wanted, name));
}

static struct value *value_add(struct loader *l, struct slice name)
{
    size_t buckets = l->watch.count, traps = l->watch.trap_count;
    bool needs_sizes = l->dimension != DIMENSION_TRAP && l->q->unit != UNIT_HOSTS;
    if ((l->value_count + 1) * buckets > SERIES_CELLS_MAX) {
        l->error = ERR_LIMIT;
        return NULL;
    }
    if (l->value_count == l->value_size) {
        size_t size = l->value_size ? 2 * l->value_size : 64;
        struct value *grown = reallocarray(l->values, size, sizeof *grown);
        if (!grown) {
            l->error = ERR_NOMEM;
            return NULL;
        }
        l->values = grown;
        l->value_size = size;
    }
    struct value v = {.name = arena_copy(l->arena, name),
                      .observed = arena_calloc(l->arena, buckets + 1, sizeof *v.observed)};
    v.by_trap = needs_sizes ? arena_calloc(l->arena, traps + 1, sizeof *v.by_trap) : NULL;
    if ((name.n && !v.name.p) || !v.observed || (needs_sizes && !v.by_trap)) {
        l->error = ERR_NOMEM;
        return NULL;
    }
    l->values[l->value_count] = v;
    return &l->values[l->value_count++];
}

/* NULL when it is not asked for, and after an error. */
static struct value *value_find(struct loader *l, struct slice name)
{
    uint64_t *place = strmap_get(l->names, name);
    if (place) {
        return &l->values[*place];
    }
    if (!is_wanted(l, name)) {
        return NULL;
    }
    place = strmap_put(l->names, name, NULL);
    if (!place) {
        l->error = ERR_NOMEM;
        return NULL;
    }
    *place = l->value_count;
    return value_add(l, name);
}

/* Rows come by time. False when the bucket lies past the end. */
static bool bucket_reach(struct loader *l, int64_t bucket)
{
    while (l->bucket < l->watch.count && trap_watch_time(&l->watch, l->bucket + 1) <= bucket) {
        l->bucket++;
    }
    return l->bucket < l->watch.count && trap_watch_time(&l->watch, l->bucket) <= bucket;
}

static void panel_add(void *arg, const struct panel_row *row)
{
    struct loader *l = arg;
    if (l->error != OK || row->trap >= l->watch.trap_count || !bucket_reach(l, row->bucket) ||
        !(bucket_up(l, row->trap, l->bucket) > 0.0F)) {
        return;
    }
    struct value *v = value_find(l, name_of_row(l, row->value, row->trap));
    if (v) {
        double counted = (double)unit_of(&row->units, l->q->unit);
        v->messages += (double)row->units.messages;
        v->observed[l->bucket] += counted;
        if (v->by_trap) {
            v->by_trap[row->trap] += counted;
        }
    }
}

static void cube_add(void *arg, const struct cube_row *row)
{
    struct loader *l = arg;
    if (l->error != OK || !bucket_reach(l, row->bucket)) {
        return;
    }
    struct value *v = value_find(l, row->value);
    if (v) {
        v->messages += (double)row->units.messages;
        v->observed[l->bucket] = (double)row->units.hosts;
    }
}

static void wanted_add(void *arg, const struct cube_row *row)
{
    struct loader *l = arg;
    if (!strmap_put(l->wanted, row->value, NULL)) {
        l->error = ERR_NOMEM;
    }
}

static struct store_filter filter_of(const struct loader *l)
{
    struct store_filter f = l->q->filter;
    f.since = l->watch.first;
    f.until = trap_watch_time(&l->watch, l->watch.count);
    return f;
}

/* With a bound the values are chosen before they are read: of 20,000 mailers 19,900 would be kept
 * for nothing. */
static enum err wanted_find(struct loader *l, struct errbuf *eb)
{
    struct store_filter f = filter_of(l);
    unsigned least_daily;
    strmap_free(l->wanted);
    l->wanted = NULL;
    bool is_label = l->dimension != DIMENSION_TOTAL && l->dimension != DIMENSION_TRAP &&
                    l->dimension != DIMENSION_SITE;
    if (!l->q->series_max || l->q->value.n || !is_label) {
        return OK;
    }
    l->wanted = strmap_new();
    if (!l->wanted) {
        return ERR_NOMEM;
    }
    enum err e =
        store_top(l->store, &f, l->dimension, l->q->series_max, &least_daily, wanted_add, l, eb);
    return e == OK ? l->error : e;
}

static int value_cmp(const void *a, const void *b)
{
    const struct value *x = a, *y = b;
    if (x->messages != y->messages) {
        return x->messages < y->messages ? 1 : -1;
    }
    size_t n = x->name.n < y->name.n ? x->name.n : y->name.n;
    int c = n ? memcmp(x->name.p, y->name.p, n) : 0;
    return c ? c : (x->name.n > y->name.n) - (x->name.n < y->name.n);
}

/* Reads a dimension into l->values, greatest first. */
static enum err values_read(struct loader *l, enum dimension d, struct errbuf *eb)
{
    struct store_filter f = filter_of(l);
    l->dimension = d;
    l->bucket = 0;
    l->value_count = 0;
    strmap_clear(l->names);
    enum err e = wanted_find(l, eb);
    if (e == OK && l->q->unit == UNIT_HOSTS) {
        e = store_cube(l->store, &f, l->q->bucket, d, cube_add, l, eb);
    } else if (e == OK) {
        e = store_panel(l->store, &f, l->q->bucket, panel_dimension(d), panel_add, l, eb);
    }
    e = e == OK ? l->error : e;
    if (e == ERR_LIMIT && l->error == ERR_LIMIT) {
        return err_set(eb, e,
                       "more than %d values by buckets of %s: ask for one, or a shorter time",
                       SERIES_CELLS_MAX, dimension_name(d));
    }
    if (e == OK && l->value_count) {
        qsort(l->values, l->value_count, sizeof *l->values, value_cmp);
        /* A label that was only ever second best has rows without messages. */
        while (l->value_count && !(l->values[l->value_count - 1].messages > 0.0)) {
            l->value_count--;
        }
    }
    return e;
}

/* ---- exposure ---- */

/* Sizes of a component are comparable among themselves only: scaled so that together they are what
 * they are of all mail. */
static void components_scale(const struct loader *l, struct two_way_sizes *z, double *of_value,
                             double *of_all)
{
    size_t traps = l->watch.trap_count;
    memset(of_value, 0, traps * sizeof *of_value);
    memset(of_all, 0, traps * sizeof *of_all);
    for (size_t t = 0; t < traps; t++) {
        if (z->row[t] > 0.0) {
            of_value[z->component[t]] += z->row[t];
            of_all[z->component[t]] += l->sizes[t];
        }
    }
    for (size_t t = 0; t < traps; t++) {
        double whole = of_value[z->component[t]];
        z->row[t] = whole > 0.0 ? z->row[t] / whole * of_all[z->component[t]] : 0.0;
    }
}

/* What the traps that were up stand for, of what all traps of the bucket's network stand for. */
static void exposure_from_sizes(const struct loader *l, const struct value *v, const double *size,
                                double *whole, double *exposure)
{
    struct two_way_sums s = sums_of(l, v);
    two_way_runs_sum(&s, size, exposure);
    memset(whole, 0, (l->watch.count + 1) * sizeof *whole);
    for (size_t r = 0; r < l->run_count; r++) {
        if (!r || l->runs[r].row != l->runs[r - 1].row) {
            whole[l->network[l->runs[r].from]] += size[l->runs[r].row];
        }
    }
    for (size_t i = 0; i < l->watch.count; i++) {
        double all = whole[l->network[i]];
        exposure[i] = all > 0.0 ? fmin(exposure[i] / all, 1.0) : 0.0;
    }
}

static bool trap_counts(const struct loader *l, const struct value *v, size_t trap)
{
    const struct trap_info *t = &l->watch.traps[trap];
    return l->watch.is_asked[trap] &&
           (l->dimension == DIMENSION_TRAP   ? slice_eq(t->name, v->name)
            : l->dimension == DIMENSION_SITE ? slice_eq(t->site.n ? t->site : S("-"), v->name)
                                             : true);
}

/* The trap's own, or for hosts whether anyone was watching. */
static void exposure_from_states(const struct loader *l, const struct value *v, double *exposure)
{
    bool is_hosts = l->q->unit == UNIT_HOSTS;
    for (size_t t = 0; t < l->watch.trap_count; t++) {
        for (size_t i = 0; trap_counts(l, v, t) && i < l->watch.count; i++) {
            double up = (double)bucket_up(l, t, i);
            exposure[i] = fmax(exposure[i], is_hosts ? up > 0.0 : up);
        }
    }
}

struct scratch {
    struct arena *arena; /* of one fit */
    struct two_way_sizes sizes;
    double *by_trap, *by_trap2; /* trap_count */
    double *by_bucket;          /* count + 1 */
};

static enum err scratch_init(struct scratch *x, const struct loader *l)
{
    size_t traps = l->watch.trap_count;
    x->arena = arena_new(64 * (l->watch.count + 1024));
    x->sizes.row = arena_calloc(l->arena, traps + 1, sizeof *x->sizes.row);
    x->sizes.component = arena_calloc(l->arena, traps + 1, sizeof *x->sizes.component);
    x->by_trap = arena_calloc(l->arena, 2 * (traps + 1), sizeof *x->by_trap);
    x->by_trap2 = x->by_trap ? x->by_trap + traps + 1 : NULL;
    x->by_bucket = arena_calloc(l->arena, l->watch.count + 1, sizeof *x->by_bucket);
    bool ok = x->arena && x->sizes.row && x->sizes.component && x->by_trap && x->by_bucket;
    return ok ? OK : ERR_NOMEM;
}

/* Fits sizes into x->sizes. */
static enum err sizes_fit(const struct loader *l, const struct value *v, struct scratch *x)
{
    struct two_way_sums s = sums_of(l, v);
    arena_reset(x->arena);
    enum err e = two_way_sums_fit(&s, x->arena, &x->sizes);
    if (e == OK) {
        components_scale(l, &x->sizes, x->by_trap, x->by_trap2);
    }
    return e;
}

/* Sizes for all mail; where even they are not linked, by what each trap got while it was up. */
static enum err sizes_of_all(struct loader *l, struct scratch *x, struct errbuf *eb)
{
    struct series_query all = {.filter = l->q->filter, .bucket = l->q->bucket, .unit = l->q->unit};
    const struct series_query *asked = l->q;
    l->q = &all;
    enum err e = values_read(l, DIMENSION_TOTAL, eb);
    l->q = asked;
    l->sizes = arena_calloc(l->arena, l->watch.trap_count + 1, sizeof *l->sizes);
    if (e != OK || !l->sizes || !l->value_count) {
        return e == OK && !l->sizes ? ERR_NOMEM : e;
    }
    for (size_t r = 0; r < l->run_count; r++) {
        const struct two_way_run *run = &l->runs[r];
        l->sizes[run->row] += (double)(run->to - run->from) * (double)run->exposure;
    }
    for (size_t t = 0; t < l->watch.trap_count; t++) {
        double got = l->values[0].by_trap[t];
        l->sizes[t] = l->sizes[t] > 0.0 ? got / l->sizes[t] : 0.0;
    }
    e = sizes_fit(l, &l->values[0], x);
    memcpy(l->sizes, x->sizes.row, l->watch.trap_count * sizeof *l->sizes);
    return e;
}

static enum err value_finish(const struct loader *l, const struct value *v, struct scratch *x,
                             struct series *out)
{
    double *exposure = arena_calloc(l->arena, l->watch.count + 1, sizeof *exposure);
    enum err e = exposure ? OK : ERR_NOMEM;
    if (e == OK && v->by_trap) {
        e = sizes_fit(l, v, x);
        if (e == OK) {
            exposure_from_sizes(l, v, x->sizes.row, x->by_bucket, exposure);
        }
    } else if (e == OK) {
        exposure_from_states(l, v, exposure);
    }
    *out = (struct series){.key = {l->dimension, v->name, l->q->unit},
                           .bucket = l->watch.bucket,
                           .first = l->watch.first,
                           .count = l->watch.count,
                           .observed = v->observed,
                           .exposure = exposure,
                           .network = l->network};
    return e;
}

/* ---- all ---- */

static bool query_is_good(const struct series_query *q, struct errbuf *eb)
{
    static const enum dimension GOOD[] = {DIMENSION_TOTAL,   DIMENSION_BOTNET,  DIMENSION_MAILER,
                                          DIMENSION_PROGRAM, DIMENSION_COUNTRY, DIMENSION_TRAP,
                                          DIMENSION_SITE};
    for (size_t i = 0; i < q->dimension_count; i++) {
        bool is_good = false;
        for (size_t k = 0; k < sizeof GOOD / sizeof *GOOD; k++) {
            is_good |= q->dimensions[i] == GOOD[k];
        }
        if (!is_good) {
            (void)err_set(eb, ERR_USAGE, "there are no series by %s",
                          dimension_name(q->dimensions[i]));
            return false;
        }
    }
    return true;
}

/* What a cube does not fill would read as a silence. */
static bool hosts_are_counted(const struct series_query *q, enum dimension d)
{
    return q->unit != UNIT_HOSTS ||
           (q->bucket != BUCKET_HOUR && (d == DIMENSION_TOTAL || d == DIMENSION_BOTNET ||
                                         d == DIMENSION_TRAP || d == DIMENSION_SITE));
}

struct list {
    struct series *items;
    size_t count, size;
};

static enum err dimension_load(struct loader *l, enum dimension d, struct scratch *x,
                               struct list *list, struct errbuf *eb)
{
    if (!hosts_are_counted(l->q, d)) {
        return err_set(eb, ERR_UNSUPPORTED,
                       "hosts are counted by day and month, of all mail, "
                       "botnets, traps and sites");
    }
    enum err e = values_read(l, d, eb);
    size_t n =
        l->q->series_max && l->q->series_max < l->value_count ? l->q->series_max : l->value_count;
    if (e == OK && list->count + n > list->size) {
        size_t size = list->count + n;
        struct series *grown = reallocarray(list->items, size, sizeof *grown);
        if (!grown) {
            return ERR_NOMEM;
        }
        list->items = grown;
        list->size = size;
    }
    for (size_t i = 0; e == OK && i < n; i++) {
        e = value_finish(l, &l->values[i], x, &list->items[list->count++]);
    }
    return e;
}

static enum err network_load(struct loader *l, struct errbuf *eb)
{
    struct trap_query tq = {.filter = l->q->filter, .bucket = l->q->bucket};
    enum err e = trap_watch_load(l->store, &tq, l->arena, &l->watch, eb);
    e = e == OK ? nowcast_load(l->store, l->arena, &l->nowcast, eb) : e;
    while (e == OK && l->late_from < l->watch.count &&
           trap_watch_time(&l->watch, l->late_from + 1) <= l->nowcast.first) {
        l->late_from++;
    }
    e = e == OK ? runs_list(l) : e;
    e = e == OK ? networks_find(l) : e;
    l->names = e == OK ? strmap_new() : NULL;
    return e == OK && !l->names ? ERR_NOMEM : e;
}

enum err series_load(struct store *s, const struct series_query *q, struct arena *arena,
                     const struct series **out, size_t *count, struct errbuf *eb)
{
    struct loader l = {.store = s, .q = q, .arena = arena};
    struct scratch x = {.arena = NULL};
    struct list list = {NULL, 0, 0};
    if (!query_is_good(q, eb)) {
        return ERR_USAGE;
    }
    enum err e = network_load(&l, eb);
    e = e == OK ? scratch_init(&x, &l) : e;
    if (e == OK && q->unit != UNIT_HOSTS) {
        e = sizes_of_all(&l, &x, eb);
    }
    for (size_t i = 0; e == OK && i < q->dimension_count; i++) {
        e = dimension_load(&l, q->dimensions[i], &x, &list, eb);
    }
    struct series *items = e == OK ? arena_calloc(arena, list.count + 1, sizeof *items) : NULL;
    if (items) {
        for (size_t i = 0; i < list.count; i++) {
            items[i] = list.items[i];
        }
        *out = items;
        *count = list.count;
    } else if (e == OK) {
        e = ERR_NOMEM;
    }
    if (e == ERR_NOMEM) {
        (void)err_set(eb, e, "out of memory for series");
    }
    strmap_free(l.names);
    strmap_free(l.wanted);
    free(l.values);
    free(list.items);
    arena_free(x.arena);
    return e;
}
