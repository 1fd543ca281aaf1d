/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The volume of clusters: tallies of parts by day, added up under the cluster that each part
 * belongs to now. Days are read in order of time, driven by the rollup of all messages: what of it
 * is in no cluster is cluster 0. Cells of one bucket are gathered and given out before the next
 * begins. */
#include "store/sqlite.h"

#include <stdlib.h>

struct volume_cell {
    uint64_t key; /* cluster << 32 | trap's position, or 0 where traps do not matter; or a part */
    uint64_t messages, recipients, bytes;
    size_t parts;
    int32_t first, last; /* days; BUCKET_NONE: none */
    bool is_used;
};

struct cell_table {
    struct volume_cell *slots;
    size_t size, count;
};

struct volume {
    struct store *s;
    struct scope scope;
    enum cluster_kind kind;
    enum bucket bucket;
    bool by_trap;
    const uint32_t *only;
    bool by_part; /* cells are the parts of cluster *only */
    struct membership members;
    bool *is_counted;        /* by part number: is in cells' `parts` */
    struct cell_table cells; /* of bucket `at` */
    int32_t at;
    enum err (*flush)(struct volume *v);
    void (*top_fn)(void *, const struct cluster_volume *); /* one of these */
    void (*panel_fn)(void *, const struct cluster_panel_row *);
    void (*series_fn)(void *, const struct cluster_series_row *);
    void (*part_fn)(void *, const struct part_volume *);
    void *arg;
    size_t limit;
    struct errbuf *eb;
};

static enum err no_memory(struct errbuf *eb)
{
    return err_set(eb, ERR_NOMEM, "out of memory for the volume of clusters");
}

/* ---- cells ---- */

static struct volume_cell *cell_find(const struct cell_table *t, uint64_t key)
{
    size_t mask = t->size - 1;
    uint64_t h = key * UINT64_C(0x9e3779b97f4a7c15);
    size_t at = (size_t)(h ^ h >> 29) & mask;
    while (t->slots[at].is_used && t->slots[at].key != key) {
        at = (at + 1) & mask;
    }
    return &t->slots[at];
}

static struct volume_cell *cell_put(struct cell_table *t, uint64_t key)
{
    if (2 * (t->count + 1) > t->size) {
        struct cell_table bigger = {.size = t->size ? t->size * 2 : 1024, .count = t->count};
        bigger.slots = calloc(bigger.size, sizeof *bigger.slots);
        if (!bigger.slots) {
            return NULL;
        }
        for (size_t i = 0; i < t->size; i++) {
            if (t->slots[i].is_used) {
                *cell_find(&bigger, t->slots[i].key) = t->slots[i];
            }
        }
        free(t->slots);
        *t = bigger;
    }
    struct volume_cell *cell = cell_find(t, key);
    if (!cell->is_used) {
        *cell = (struct volume_cell){
            .key = key, .first = BUCKET_NONE, .last = BUCKET_NONE, .is_used = true};
        t->count++;
    }
    return cell;
}

static uint64_t cell_key(const struct volume *v, uint32_t cluster, int64_t trap)
{
    return (uint64_t)cluster << 32 | (v->by_trap ? v->scope.positions[trap] : 0);
}

/* ---- the pass ---- */

static bool entry_add(struct volume *v, int32_t day, const struct tally_entry *entry)
{
    uint32_t cluster = membership_of(&v->members, entry->key);
    bool is_asked = v->by_part || (v->only && *v->only != 0) ? cluster == *v->only : cluster != 0;
    if (!is_asked) {
        return true; /* of cluster 0 is known by what is left */
    }
    struct volume_cell *cell =
        cell_put(&v->cells, v->by_part ? entry->key : cell_key(v, cluster, entry->tag));
    if (!cell) {
        return false;
    }
    cell->messages += entry->messages;
    cell->recipients += entry->recipients;
    cell->bytes += entry->bytes;
    if (entry->key < v->members.count && !v->is_counted[entry->key]) {
        v->is_counted[entry->key] = true;
        cell->parts++;
    }
    if (day != BUCKET_NONE) {
        cell->first = cell->first == BUCKET_NONE ? day : cell->first;
        cell->last = day;
    }
    return true;
}

static enum err day_add(struct volume *v, int32_t day)
{
    sqlite3_stmt *st;
    struct tally_reader r;
    struct tally_entry entry;
    enum err e = store_statement(v->s, STATEMENT_TALLY_GET, &st, v->eb);
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, tally_key(part_tally(v->kind), 0, day));
    e = store_step(v->s, st, "reading a tally", v->eb);
    if (e != OK) {
        return e == ERR_END ? OK : e;
    }
    tally_read(&r, column_slice(st, 0));
    while (e == OK && tally_next(&r, &entry)) {
        if (scope_holds_trap(&v->scope, entry.tag) && !entry_add(v, day, &entry)) {
            e = no_memory(v->eb);
        }
    }
    sqlite3_reset(st);
    return e == OK && r.is_bad ? err_set(v->eb, ERR_STORE,
                                         "%s: a tally is damaged; db verify says more", v->s->path)
                               : e;
}

/* All messages of a trap on a day: at first they are in no cluster. */
static enum err total_add(struct volume *v, sqlite3_stmt *st, int32_t day)
{
    int64_t trap = sqlite3_column_int64(st, 2);
    if (v->by_part || (v->only && *v->only != 0) || !scope_holds_trap(&v->scope, trap)) {
        return OK;
    }
    struct volume_cell *cell = cell_put(&v->cells, cell_key(v, 0, trap));
    if (!cell) {
        return no_memory(v->eb);
    }
    cell->messages += (uint64_t)sqlite3_column_int64(st, 3);
    cell->recipients += (uint64_t)sqlite3_column_int64(st, 4);
    cell->bytes += (uint64_t)sqlite3_column_int64(st, 5);
    if (day != BUCKET_NONE) {
        cell->first = cell->first == BUCKET_NONE ? day : cell->first;
        cell->last = day;
    }
    return OK;
}

static enum err bucket_end(struct volume *v)
{
    enum err e = v->cells.count ? v->flush(v) : OK;
    if (v->cells.count) {
        memset(v->cells.slots, 0, v->cells.size * sizeof *v->cells.slots);
        v->cells.count = 0;
    }
    return e;
}

static enum err span_add(struct volume *v, const struct rollup_span *span)
{
    sqlite3_stmt *st;
    int32_t last = BUCKET_NONE;
    bool any = false;
    enum err e = rollup_open(v->s, DIMENSION_TOTAL, span, &st, v->eb);
    while (e == OK && (e = store_step(v->s, st, "reading a rollup", v->eb)) == OK) {
        int32_t day = sqlite3_column_int(st, 0), bucket = bucket_of(v->bucket, span, day);
        if (!any || day != last) {
            if (bucket != v->at) {
                e = bucket_end(v);
                v->at = bucket;
            }
            e = e == OK ? day_add(v, day) : e;
            last = day;
            any = true;
        }
        e = e == OK ? total_add(v, st, day) : e;
        if (e != OK) {
            sqlite3_reset(st);
        }
    }
    return e == ERR_END ? OK : e;
}

static enum err spans_add(struct volume *v)
{
    const struct scope *p = &v->scope;
    const struct rollup_span none = {BUCKET_NONE, BUCKET_NONE, false},
                             days = {p->first_day, p->last_day, false};
    enum err e = OK;
    if (p->is_open && v->bucket == BUCKET_ALL) {
        e = span_add(v, &none);
    }
    return e == OK && !p->is_empty && p->first_day <= p->last_day ? span_add(v, &days) : e;
}

static enum err volume_run(struct volume *v, const struct store_filter *f)
{
    if (v->bucket == BUCKET_HOUR || (unsigned)v->kind >= CLUSTER_KIND_COUNT) {
        return err_set(v->eb, ERR_UNSUPPORTED, "clusters are not counted by the hour");
    }
    enum err e = scope_begin_read(v->s, f, &v->scope, v->eb);
    if (e != OK) {
        return e;
    }
    e = membership_load(v->s, v->kind, &v->members, v->eb);
    v->is_counted = e == OK ? calloc(v->members.count, sizeof *v->is_counted) : NULL;
    e = e == OK && !v->is_counted ? no_memory(v->eb) : e;
    e = e == OK ? spans_add(v) : e;
    e = e == OK ? bucket_end(v) : e;
    membership_free(&v->members);
    free(v->is_counted);
    free(v->cells.slots);
    return scope_end_read(v->s, &v->scope, e, v->eb);
}

/* ---- cells out ---- */

static int key_cmp(const void *a, const void *b)
{
    const struct volume_cell *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

static int rank_cmp(const void *a, const void *b)
{
    const struct volume_cell *x = a, *y = b;
    if (x->messages != y->messages) {
        return x->messages > y->messages ? -1 : 1;
    }
    return key_cmp(a, b);
}

static struct units cell_units(const struct volume_cell *c)
{
    return (struct units){.messages = c->messages,
                          .recipients = c->recipients,
                          .bytes = c->bytes,
                          .expected = (double)c->messages};
}

/* Moves the cells together and takes from cluster 0 what is in the others. The table is no table
 * any more until it is cleared. Returns how many there are; those with nothing left are dropped. */
static size_t cells_gather(struct volume *v)
{
    struct volume_cell *cells = v->cells.slots;
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < v->cells.size; i++) {
        if (cells[i].is_used) {
            cells[n++] = cells[i];
        }
    }
    qsort(cells, n, sizeof *cells, key_cmp);
    if (v->by_part) {
        return n;
    }
    /* Cluster 0 comes first, by trap; keys of the others end with the trap. */
    size_t zeros = 0;
    while (zeros < n && cells[zeros].key >> 32 == 0) {
        zeros++;
    }
    for (size_t i = zeros; i < n && zeros; i++) {
        struct volume_cell *zero = bsearch(&(struct volume_cell){.key = cells[i].key & UINT32_MAX},
                                           cells, zeros, sizeof *cells, key_cmp);
        if (zero) {
            zero->messages -= cells[i].messages;
            zero->recipients -= cells[i].recipients;
            zero->bytes -= cells[i].bytes;
        }
    }
    bool is_zero_asked = v->only && *v->only == 0;
    for (size_t i = 0; i < n; i++) {
        if (cells[i].messages != 0 && (!is_zero_asked || i < zeros)) {
            cells[kept++] = cells[i];
        }
    }
    return kept;
}

/* ---- the questions ---- */

static enum err top_flush(struct volume *v)
{
    size_t n = cells_gather(v), given = 0;
    struct volume_cell *cells = v->cells.slots;
    qsort(cells, n, sizeof *cells, rank_cmp);
    const struct volume_cell *zero = NULL;
    for (size_t i = 0; i < n; i++) {
        const struct volume_cell *c = &cells[i];
        if (c->key == 0) {
            zero = c;
        } else if (given < v->limit) {
            struct cluster_volume row = {
                .id = (uint32_t)(c->key >> 32),
                .units = cell_units(c),
                .parts = c->parts,
                .first = c->first == BUCKET_NONE ? 0 : c->first * SECONDS_PER_DAY,
                .last = c->last == BUCKET_NONE ? 0 : c->last * SECONDS_PER_DAY,
            };
            v->top_fn(v->arg, &row);
            given++;
        }
    }
    if (zero) {
        v->top_fn(v->arg, &(struct cluster_volume){.units = cell_units(zero)});
    }
    return OK;
}

enum err store_cluster_top(struct store *s, const struct store_filter *f, enum cluster_kind k,
                           size_t limit, void (*fn)(void *arg, const struct cluster_volume *v),
                           void *arg, struct errbuf *eb)
{
    struct volume v = {.s = s,
                       .kind = k,
                       .bucket = BUCKET_ALL,
                       .flush = top_flush,
                       .top_fn = fn,
                       .arg = arg,
                       .limit = limit,
                       .eb = eb};
    return volume_run(&v, f);
}

static enum err rows_flush(struct volume *v)
{
    size_t n = cells_gather(v);
    for (size_t i = 0; i < n; i++) {
        const struct volume_cell *c = &v->cells.slots[i];
        int64_t start = bucket_start(v->bucket, v->at);
        uint32_t cluster = (uint32_t)(c->key >> 32);
        if (v->by_trap) {
            v->panel_fn(v->arg, &(struct cluster_panel_row){
                                    start, cluster, (size_t)(c->key & UINT32_MAX), cell_units(c)});
        } else {
            v->series_fn(v->arg, &(struct cluster_series_row){start, cluster, cell_units(c)});
        }
    }
    return OK;
}

enum err store_cluster_panel(struct store *s, const struct store_filter *f, enum bucket bucket,
                             enum cluster_kind k, const uint32_t *only,
                             void (*fn)(void *arg, const struct cluster_panel_row *row), void *arg,
                             struct errbuf *eb)
{
    struct volume v = {.s = s,
                       .kind = k,
                       .bucket = bucket,
                       .by_trap = true,
                       .only = only,
                       .flush = rows_flush,
                       .panel_fn = fn,
                       .arg = arg,
                       .eb = eb};
    return volume_run(&v, f);
}

enum err store_cluster_series(struct store *s, const struct store_filter *f, enum bucket bucket,
                              enum cluster_kind k, const uint32_t *only,
                              void (*fn)(void *arg, const struct cluster_series_row *row),
                              void *arg, struct errbuf *eb)
{
    struct volume v = {.s = s,
                       .kind = k,
                       .bucket = bucket,
                       .only = only,
                       .flush = rows_flush,
                       .series_fn = fn,
                       .arg = arg,
                       .eb = eb};
    return volume_run(&v, f);
}

static enum err parts_flush(struct volume *v)
{
    size_t n = cells_gather(v);
    enum err e = OK;
    qsort(v->cells.slots, n, sizeof *v->cells.slots, rank_cmp);
    for (size_t i = 0; e == OK && i < n && i < v->limit; i++) {
        const struct volume_cell *c = &v->cells.slots[i];
        struct part_volume row = {.units = cell_units(c)};
        e = part_key(v->s, (int64_t)c->key, &row.key, v->eb);
        if (e == OK) {
            v->part_fn(v->arg, &row);
        }
    }
    return e;
}

enum err store_part_top(struct store *s, const struct store_filter *f, enum cluster_kind k,
                        uint32_t id, size_t limit,
                        void (*fn)(void *arg, const struct part_volume *v), void *arg,
                        struct errbuf *eb)
{
    struct volume v = {.s = s,
                       .kind = k,
                       .bucket = BUCKET_ALL,
                       .only = &id,
                       .by_part = true,
                       .flush = parts_flush,
                       .part_fn = fn,
                       .arg = arg,
                       .limit = limit,
                       .eb = eb};
    return volume_run(&v, f);
}
