/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rollups say which values get a row of their own, then the joint counts are read into cells of
 * those. So memory goes with the cells, not with the messages. */
#include "observe/explain_load.h"

#include "core/limits.h"
#include "observe/trap_state.h"

#include <math.h>
#include <stdlib.h>

static const double UP_LEAST = 0.5; /* of a window's days that a trap must have watched */
enum {
    BLOCK_DAYS_MAX = 7, /* weekly rhythm stays whole */
    BLOCKS_WANTED = 4,  /* shorter windows get shorter blocks */
    VALUES_MAX = 65536, /* of a dimension; further ones are "other" */
    TRAPS_MAX = 65535,
};

struct cell_key {
    uint16_t value[EXPLAIN_DIMENSIONS];
};
struct entry_key {
    uint32_t cell;
    uint16_t trap, block;
};

struct loading {
    struct store *store;
    const struct explain_query *query;
    struct explain_data *d;
    struct errbuf *eb;
    enum err err;
    struct trap_watch watch;
    int64_t first[SIDES], days[SIDES];         /* day numbers and counts of the windows */
    unsigned side;                             /* being read */
    size_t dimension;                          /* being counted */
    struct strmap *totals[EXPLAIN_DIMENSIONS]; /* value: messages, then the number of its row */
    struct strmap *cells, *entries;
    size_t entry_size;
};

static enum err load_nomem(struct loading *l)
{
    return err_set(l->eb, ERR_NOMEM, "explaining a change needs more memory than its arena has");
}

/* ---- windows ---- */

static int64_t day_up(int64_t t)
{
    return day_of(t + SECONDS_PER_DAY - 1);
}

static enum err windows_set(struct loading *l)
{
    const struct explain_query *q = l->query;
    struct explain *x = l->d->x;
    struct store_span span;
    enum err e = store_span(l->store, &q->filter, &span, l->eb);
    if (e) {
        return e;
    }
    if (!span.last) {
        return err_set(l->eb, ERR_NOTFOUND, "%s has no message with a time of receipt",
                       q->filter.trap.n || q->filter.site.n ? "this trap or site" : "the store");
    }
    int64_t since = day_of(q->filter.since == INT64_MIN ? span.first : q->filter.since);
    int64_t until = q->filter.until == INT64_MAX ? day_of(span.last) + 1 : day_up(q->filter.until);
    bool is_given = q->before_since != INT64_MIN || q->before_until != INT64_MIN;
    int64_t before_since = is_given ? day_of(q->before_since) : since - (until - since);
    int64_t before_until = is_given ? day_up(q->before_until) : since;
    if (since >= until || before_since >= before_until) {
        return err_set(l->eb, ERR_USAGE, "a window is empty");
    }
    if (before_until > since) {
        return err_set(l->eb, ERR_USAGE, "the windows overlap: the one before must end first");
    }
    if (until - since > EXPLAIN_DAYS_MAX || before_until - before_since > EXPLAIN_DAYS_MAX) {
        return err_set(l->eb, ERR_LIMIT, "a window has more than %d days", EXPLAIN_DAYS_MAX);
    }
    l->first[SIDE_BEFORE] = before_since;
    l->days[SIDE_BEFORE] = before_until - before_since;
    l->first[SIDE_AFTER] = since;
    l->days[SIDE_AFTER] = until - since;
    x->before_since = before_since * SECONDS_PER_DAY;
    x->before_until = before_until * SECONDS_PER_DAY;
    x->since = since * SECONDS_PER_DAY;
    x->until = until * SECONDS_PER_DAY;
    int64_t least = l->days[0] < l->days[1] ? l->days[SIDE_BEFORE] : l->days[SIDE_AFTER];
    int64_t block = least / BLOCKS_WANTED;
    x->block_days = (size_t)(block < 1 ? 1 : block > BLOCK_DAYS_MAX ? BLOCK_DAYS_MAX : block);
    x->blocks_before = ((size_t)l->days[SIDE_BEFORE] + x->block_days - 1) / x->block_days;
    x->blocks_after = ((size_t)l->days[SIDE_AFTER] + x->block_days - 1) / x->block_days;
    return OK;
}

static struct store_filter window_filter(const struct loading *l, unsigned side)
{
    struct store_filter f = l->query->filter;
    f.since = l->first[side] * SECONDS_PER_DAY;
    f.until = (l->first[side] + l->days[side]) * SECONDS_PER_DAY;
    return f;
}

static size_t block_of(const struct loading *l, unsigned side, int64_t day)
{
    size_t at = (size_t)(day - l->first[side]) / l->d->x->block_days;
    return side == SIDE_BEFORE ? at : l->d->x->blocks_before + at;
}

/* ---- traps ---- */

static double watch_up(const struct loading *l, size_t trap, int64_t day)
{
    int64_t at = day - day_of(l->watch.first);
    return at >= 0 && (uint64_t)at < l->watch.count ? trap_watch_up(&l->watch, trap, (size_t)at)
                                                    : 0.0;
}

/* Days watched in each window and block; a trap is compared when it watched in both. */
static enum err trap_set(struct loading *l, size_t t, struct explain_trap *trap)
{
    struct explain *x = l->d->x;
    double up[SIDES] = {0};
    trap->up = arena_calloc(l->d->arena, x->blocks_before + x->blocks_after, sizeof *trap->up);
    if (!trap->up) {
        return load_nomem(l);
    }
    for (unsigned side = 0; side < SIDES; side++) {
        for (int64_t day = l->first[side]; day < l->first[side] + l->days[side]; day++) {
            double part = watch_up(l, t, day);
            up[side] += part;
            trap->up[block_of(l, side, day)] += part;
        }
    }
    trap->is_compared = l->watch.is_asked[t] &&
                        up[SIDE_BEFORE] >= UP_LEAST * (double)l->days[SIDE_BEFORE] &&
                        up[SIDE_AFTER] >= UP_LEAST * (double)l->days[SIDE_AFTER];
    x->traps += trap->is_compared;
    x->traps_left_out += l->watch.is_asked[t] && !trap->is_compared &&
                         (up[SIDE_BEFORE] > 0.0 || up[SIDE_AFTER] > 0.0);
    return OK;
}

static enum err sites_set(struct loading *l)
{
    struct strmap *sites = strmap_new();
    enum err e = sites ? OK : load_nomem(l);
    for (size_t t = 0; !e && t < l->d->trap_count; t++) {
        bool is_new;
        uint64_t *site =
            l->d->traps[t].is_compared ? strmap_put(sites, l->watch.traps[t].site, &is_new) : NULL;
        if (site) {
            *site = is_new ? l->d->x->sites++ : *site;
            l->d->traps[t].site = (uint32_t)*site;
        } else if (l->d->traps[t].is_compared) {
            e = load_nomem(l);
        }
    }
    strmap_free(sites);
    return e;
}

static enum err watched_set(struct loading *l)
{
    for (unsigned side = 0; side < SIDES; side++) {
        bool *watched = arena_calloc(l->d->arena, (size_t)l->days[side], sizeof *watched);
        if (!watched) {
            return load_nomem(l);
        }
        for (int64_t i = 0; i < l->days[side]; i++) {
            double up = 0.0;
            for (size_t t = 0; t < l->d->trap_count; t++) {
                up += l->d->traps[t].is_compared ? watch_up(l, t, l->first[side] + i) : 0.0;
            }
            watched[i] = up >= UP_LEAST * (double)l->d->x->traps;
        }
        l->d->watched[side] = watched;
    }
    return OK;
}

static enum err traps_set(struct loading *l)
{
    struct explain_data *d = l->d;
    struct trap_query q = {.filter = l->query->filter, .bucket = BUCKET_DAY};
    q.filter.since = d->x->before_since;
    q.filter.until = d->x->until;
    enum err e = trap_watch_load(l->store, &q, d->arena, &l->watch, l->eb);
    if (e) {
        return e;
    }
    d->trap_count = l->watch.trap_count;
    if (d->trap_count > TRAPS_MAX) {
        return err_set(l->eb, ERR_LIMIT, "more than %d traps", TRAPS_MAX);
    }
    d->traps = arena_calloc(d->arena, d->trap_count + 1, sizeof *d->traps);
    e = d->traps ? OK : load_nomem(l);
    for (size_t t = 0; !e && t < d->trap_count; t++) {
        e = trap_set(l, t, &d->traps[t]);
    }
    if (!e && !d->x->traps) {
        return err_set(l->eb, ERR_NOTFOUND,
                       "no trap watched at least half of the days of both windows (%zu did not)",
                       d->x->traps_left_out);
    }
    e = e ? e : sites_set(l);
    return e ? e : watched_set(l);
}

/* ---- values and cells ---- */

static struct slice country_name(struct slice country)
{
    return slice_eq(country, S("-")) ? S("unknown") : country;
}

static bool row_counts(const struct loading *l, size_t trap, int64_t bucket)
{
    int64_t day = day_of(bucket);
    return !l->err && trap < l->d->trap_count && l->d->traps[trap].is_compared &&
           day >= l->first[l->side] && day < l->first[l->side] + l->days[l->side] &&
           watch_up(l, trap, day) > 0.0;
}

static void panel_see(void *arg, const struct panel_row *row)
{
    struct loading *l = arg;
    struct strmap *totals = l->totals[l->dimension];
    if (!row_counts(l, row->trap, row->bucket)) {
        return;
    }
    struct slice value = l->dimension == EXPLAIN_TRAP      ? l->watch.traps[row->trap].name
                         : l->dimension == EXPLAIN_COUNTRY ? country_name(row->value)
                                                           : row->value;
    if (strmap_count(totals) >= VALUES_MAX && !strmap_get(totals, value)) {
        return;
    }
    uint64_t *total = strmap_put(totals, value, NULL);
    if (total) {
        *total += row->units.messages;
    } else {
        l->err = ERR_NOMEM;
    }
}

/* How much each value has, from the rollups by day. */
static enum err values_count(struct loading *l)
{
    static const enum dimension OF[EXPLAIN_DIMENSIONS] = {DIMENSION_BOTNET, DIMENSION_PROGRAM,
                                                          DIMENSION_COUNTRY, DIMENSION_TOTAL};
    enum err e = OK;
    for (l->dimension = 0; !e && l->dimension < EXPLAIN_DIMENSIONS; l->dimension++) {
        for (l->side = 0; !e && l->side < SIDES; l->side++) {
            struct store_filter f = window_filter(l, l->side);
            e = store_panel(l->store, &f, BUCKET_DAY, OF[l->dimension], panel_see, l, l->eb);
            e = e ? e : l->err ? load_nomem(l) : OK;
        }
    }
    return e;
}

static size_t cell_of(struct loading *l, const struct joint_row *row)
{
    const struct slice values[EXPLAIN_DIMENSIONS] = {
        row->botnet, row->program, country_name(row->country), l->watch.traps[row->trap].name};
    struct cell_key key;
    bool is_new;
    for (size_t k = 0; k < EXPLAIN_DIMENSIONS; k++) {
        const uint64_t *number = strmap_get(l->totals[k], values[k]);
        key.value[k] = (uint16_t)(number ? *number : EXPLAIN_ROWS - 1);
    }
    uint64_t *cell = strmap_put(l->cells, slice_of((const char *)&key, sizeof key), &is_new);
    if (!cell) {
        l->err = ERR_NOMEM;
        return 0;
    }
    *cell = is_new ? strmap_count(l->cells) - 1 : *cell;
    return (size_t)*cell;
}

static void row_enter(struct loading *l, const struct joint_row *row, size_t block)
{
    struct explain_data *d = l->d;
    struct entry_key key = {(uint32_t)cell_of(l, row), (uint16_t)row->trap, (uint16_t)block};
    bool is_new;
    uint64_t *at = strmap_put(l->entries, slice_of((const char *)&key, sizeof key), &is_new);
    if (!at) {
        l->err = ERR_NOMEM;
        return;
    }
    if (is_new) {
        *at = d->entry_count;
        if (d->entry_count == LIMIT_EXPLAIN_ENTRIES) {
            l->err = err_set(l->eb, ERR_LIMIT,
                             "the windows hold too many combinations; shorter ones have fewer");
            return;
        }
        if (d->entry_count == l->entry_size) {
            l->entry_size = l->entry_size ? l->entry_size * 2 : 4096;
            struct cell_entry *more = reallocarray(d->entries, l->entry_size, sizeof *more);
            if (!more) {
                l->err = ERR_NOMEM;
                return;
            }
            d->entries = more;
        }
        d->entries[d->entry_count++] = (struct cell_entry){key.cell, key.trap, key.block, 0};
    }
    d->entries[*at].messages += (float)row->units.messages;
    *(l->side == SIDE_BEFORE ? &d->x->messages_before : &d->x->messages_after) +=
        row->units.messages;
}

/* What came while the trap was not watching for the most part says nothing of how much there was.
 */
static void row_see(void *arg, const struct joint_row *row)
{
    struct loading *l = arg;
    if (row_counts(l, row->trap, row->bucket)) {
        row_enter(l, row, block_of(l, l->side, day_of(row->bucket)));
    }
}

static enum err windows_read(struct loading *l)
{
    enum err e = OK;
    for (l->side = 0; !e && l->side < SIDES; l->side++) {
        struct store_filter f = window_filter(l, l->side);
        e = store_joint(l->store, &f, BUCKET_DAY, row_see, l, l->eb);
        e = e ? e : l->err == ERR_NOMEM ? load_nomem(l) : l->err;
    }
    return e;
}

static int value_cmp(const void *pa, const void *pb)
{
    const struct explain_value *a = pa, *b = pb;
    if (a->messages != b->messages) {
        return a->messages < b->messages ? 1 : -1;
    }
    return slice_cmp(a->name, b->name);
}

/* The greatest values get numbers, then "unknown", then "other". */
static enum err values_choose(struct loading *l, size_t k)
{
    struct explain_data *d = l->d;
    size_t n = strmap_count(l->totals[k]), kept = 0;
    struct explain_value *all = reallocarray(NULL, n + 1, sizeof *all);
    if (!all) {
        return load_nomem(l);
    }
    for (size_t i = 0; i < n; i++) {
        all[i].name = strmap_key_at(l->totals[k], i);
        all[i].messages = (double)*strmap_value_at(l->totals[k], i);
    }
    qsort(all, n, sizeof *all, value_cmp);
    for (size_t i = 0; i < n; i++) {
        bool is_unknown = slice_eq(all[i].name, S("unknown"));
        uint64_t *number = strmap_get(l->totals[k], all[i].name);
        *number = is_unknown ? EXPLAIN_VALUES : kept < EXPLAIN_VALUES ? kept : EXPLAIN_VALUES + 1;
        if (!is_unknown && kept < EXPLAIN_VALUES) {
            d->values[k][kept++].name = arena_copy(d->arena, all[i].name);
        }
    }
    free(all);
    d->values[k][EXPLAIN_VALUES].name = S("unknown");
    d->values[k][EXPLAIN_VALUES + 1].name = S("other");
    return OK;
}

static enum err cells_finish(struct loading *l)
{
    struct explain_data *d = l->d;
    d->cells = strmap_count(l->cells);
    d->cell_value = arena_calloc(d->arena, d->cells + 1, sizeof(struct cell_key));
    d->level[SIDE_BEFORE] = arena_calloc(d->arena, d->cells + 1, sizeof(double));
    d->level[SIDE_AFTER] = arena_calloc(d->arena, d->cells + 1, sizeof(double));
    if (!d->cell_value || !d->level[SIDE_BEFORE] || !d->level[SIDE_AFTER]) {
        return load_nomem(l);
    }
    for (size_t c = 0; c < d->cells; c++) {
        memcpy(d->cell_value + c * EXPLAIN_DIMENSIONS, strmap_key_at(l->cells, c).p,
               sizeof(struct cell_key));
    }
    return OK;
}

static float *margin_at(const struct explain_data *d, size_t trap, size_t block)
{
    size_t blocks = d->x->blocks_before + d->x->blocks_after;
    return d->margins + (trap * blocks + block) * EXPLAIN_DIMENSIONS * EXPLAIN_ROWS;
}

static enum err margins_make(struct loading *l)
{
    struct explain_data *d = l->d;
    size_t blocks = d->x->blocks_before + d->x->blocks_after;
    d->margins = arena_calloc(d->arena, d->trap_count * blocks,
                              sizeof *d->margins * EXPLAIN_DIMENSIONS * EXPLAIN_ROWS);
    if (!d->margins) {
        return load_nomem(l);
    }
    for (size_t i = 0; i < d->entry_count; i++) {
        const struct cell_entry *e = &d->entries[i];
        const uint16_t *value = d->cell_value + (size_t)e->cell * EXPLAIN_DIMENSIONS;
        float *margin = margin_at(d, e->trap, e->block);
        for (size_t k = 0; k < EXPLAIN_DIMENSIONS; k++) {
            margin[k * EXPLAIN_ROWS + value[k]] += e->messages;
        }
    }
    return OK;
}

enum err explain_load(struct store *s, const struct explain_query *q, struct explain_data *d,
                      struct errbuf *eb)
{
    struct loading l = {.store = s, .query = q, .d = d, .eb = eb};
    enum err e = windows_set(&l);
    e = e ? e : traps_set(&l);
    l.cells = strmap_new();
    l.entries = strmap_new();
    e = e ? e : l.cells && l.entries ? OK : load_nomem(&l);
    for (size_t k = 0; k < EXPLAIN_DIMENSIONS; k++) {
        l.totals[k] = strmap_new();
        e = e ? e : l.totals[k] ? OK : load_nomem(&l);
    }
    e = e ? e : values_count(&l);
    for (size_t k = 0; !e && k < EXPLAIN_DIMENSIONS; k++) {
        e = values_choose(&l, k);
    }
    e = e ? e : windows_read(&l);
    e = e ? e : cells_finish(&l);
    e = e ? e : margins_make(&l);
    for (size_t k = 0; k < EXPLAIN_DIMENSIONS; k++) {
        strmap_free(l.totals[k]);
    }
    strmap_free(l.cells);
    strmap_free(l.entries);
    return e;
}

void explain_data_free(struct explain_data *d)
{
    free(d->entries);
    d->entries = NULL;
}

/* From messages to levels, for each trap and side. */
static void factors_set(struct explain_data *d, const double *blocks, const double *sites)
{
    size_t count[SIDES] = {d->x->blocks_before, d->x->blocks_after};
    for (size_t t = 0; t < d->trap_count; t++) {
        struct explain_trap *trap = &d->traps[t];
        double up[SIDES] = {0};
        size_t at = 0;
        for (unsigned side = 0; side < SIDES; side++) {
            for (size_t i = 0; i < count[side]; i++, at++) {
                up[side] += blocks[at] * trap->up[at];
            }
        }
        /* A draw in which it did not watch on one side can not compare it. */
        bool is_in = trap->is_compared && up[SIDE_BEFORE] > 0.0 && up[SIDE_AFTER] > 0.0;
        for (unsigned side = 0; side < SIDES; side++) {
            trap->factor[side] = is_in ? sites[trap->site] / up[side] : 0.0;
        }
    }
}

static unsigned side_of(const struct explain_data *d, size_t block)
{
    return block < d->x->blocks_before ? SIDE_BEFORE : SIDE_AFTER;
}

void explain_sums(struct explain_data *d, const double *blocks, const double *sites,
                  struct explain_sums *out)
{
    size_t count = d->x->blocks_before + d->x->blocks_after;
    *out = (struct explain_sums){0};
    factors_set(d, blocks, sites);
    for (size_t t = 0; t < d->trap_count; t++) {
        for (size_t b = 0; b < count; b++) {
            unsigned side = side_of(d, b);
            double factor = blocks[b] * d->traps[t].factor[side];
            const float *margin = margin_at(d, t, b);
            for (size_t i = 0; factor > 0.0 && i < EXPLAIN_DIMENSIONS * EXPLAIN_ROWS; i++) {
                out->value[i / EXPLAIN_ROWS][i % EXPLAIN_ROWS][side] += factor * (double)margin[i];
            }
        }
    }
    for (size_t v = 0; v < EXPLAIN_ROWS; v++) {
        out->total[SIDE_BEFORE] += out->value[EXPLAIN_BOTNET][v][SIDE_BEFORE];
        out->total[SIDE_AFTER] += out->value[EXPLAIN_BOTNET][v][SIDE_AFTER];
    }
}

void explain_levels(struct explain_data *d, const double *blocks, const double *sites)
{
    factors_set(d, blocks, sites);
    for (size_t c = 0; c < d->cells; c++) {
        d->level[SIDE_BEFORE][c] = d->level[SIDE_AFTER][c] = 0.0;
    }
    for (size_t i = 0; i < d->entry_count; i++) {
        const struct cell_entry *e = &d->entries[i];
        unsigned side = side_of(d, e->block);
        d->level[side][e->cell] +=
            blocks[e->block] * d->traps[e->trap].factor[side] * (double)e->messages;
    }
}
