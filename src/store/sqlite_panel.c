/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Aggregates that keep the trap: panels (dimension x trap) and the joint rollup. Rollups and
 * tallies are read in order of time; the cells of one bucket are gathered, sorted, added up where
 * they are the same, and given out before the next bucket begins. */
#include "store/generation.h"
#include "store/sqlite.h"

#include <stdlib.h>

enum { CELL_VALUES_MAX = 3, CELLS_AT_FIRST = 4096 };

/* Texts are interned: the same text is the same pointer. */
struct panel_cell {
    const struct slice *values[CELL_VALUES_MAX];
    uint32_t trap; /* position */
    uint64_t messages, recipients, bytes, expected;
};

struct panel {
    struct store *s;
    struct scope *scope;
    struct streams streams; /* when it is made of hours */
    enum bucket bucket;
    enum dimension dimensions[CELL_VALUES_MAX];
    size_t dimension_count;
    struct strmap *by_number[CELL_VALUES_MAX], *by_text; /* interned texts */
    struct panel_cell *cells;                            /* of bucket `at` */
    size_t count, size;
    int32_t at;
    unsigned generation; /* of labels; 0: the newest */
    panel_fn panel_fn;   /* one of the two */
    joint_fn joint_fn;
    void *arg;
    struct errbuf *eb;
};

static enum err no_memory(struct errbuf *eb)
{
    return err_set(eb, ERR_NOMEM, "out of memory for a panel");
}

/* ---- texts ---- */

static enum err text_intern(struct panel *p, size_t which, uint64_t number, uint64_t *out)
{
    struct slice text;
    bool is_new;
    enum err e = value_text(p->s, p->scope, p->dimensions[which], number, &text, p->eb);
    if (e != OK) {
        return e;
    }
    uint64_t *known = strmap_put(p->by_text, text, &is_new);
    if (known && is_new) {
        struct slice *kept = arena_calloc(p->scope->arena, 1, sizeof *kept);
        if (!kept) {
            return no_memory(p->eb);
        }
        *kept = text;
        *known = (uint64_t)(uintptr_t)kept;
    }
    if (!known) {
        return no_memory(p->eb);
    }
    *out = *known;
    return OK;
}

static enum err value_find(struct panel *p, size_t which, uint64_t number, const struct slice **out)
{
    bool is_new;
    uint64_t *known =
        strmap_put(p->by_number[which], slice_of((const char *)&number, sizeof number), &is_new);
    if (!known) {
        return no_memory(p->eb);
    }
    enum err e = is_new ? text_intern(p, which, number, known) : OK;
    *out = (const struct slice *)(uintptr_t)*known;
    return e;
}

/* ---- the cells of a bucket ---- */

static int cell_cmp(const void *a, const void *b)
{
    const struct panel_cell *x = a, *y = b;
    for (size_t i = 0; i < CELL_VALUES_MAX; i++) {
        if (x->values[i] != y->values[i]) {
            return slice_cmp(*x->values[i], *y->values[i]);
        }
    }
    return (x->trap > y->trap) - (x->trap < y->trap);
}

/* Sorts; cells that are the same become one. */
static void cells_merge(struct panel *p)
{
    size_t n = 0;
    if (p->count > 1) {
        qsort(p->cells, p->count, sizeof *p->cells, cell_cmp);
    }
    for (size_t i = 0; i < p->count; i++) {
        const struct panel_cell *from = &p->cells[i];
        if (n == 0 || cell_cmp(&p->cells[n - 1], from) != 0) {
            p->cells[n++] = *from;
            continue;
        }
        struct panel_cell *into = &p->cells[n - 1];
        into->messages += from->messages;
        into->recipients += from->recipients;
        into->bytes += from->bytes;
        into->expected += from->expected;
    }
    p->count = n;
}

/* Room for one more. A bucket that is made of many days or hours repeats its cells, so adding up
 * is tried before the array grows. */
static struct panel_cell *cell_put(struct panel *p)
{
    if (p->count == p->size) {
        cells_merge(p);
        if (2 * p->count >= p->size) {
            size_t size = p->size ? 2 * p->size : CELLS_AT_FIRST;
            struct panel_cell *cells = reallocarray(p->cells, size, sizeof *cells);
            if (!cells) {
                return NULL;
            }
            p->cells = cells;
            p->size = size;
        }
    }
    p->cells[p->count] = (struct panel_cell){0};
    return &p->cells[p->count++];
}

static void bucket_give(struct panel *p)
{
    cells_merge(p);
    for (size_t i = 0; i < p->count; i++) {
        const struct panel_cell *c = &p->cells[i];
        if (p->generation && !c->messages && !c->expected) {
            continue; /* only later generations have it */
        }
        int64_t start = bucket_start(p->bucket, p->at);
        struct units units = {.messages = c->messages,
                              .recipients = c->recipients,
                              .bytes = c->bytes,
                              .expected = (double)c->expected / 1e6};
        if (p->panel_fn) {
            p->panel_fn(p->arg, &(struct panel_row){start, *c->values[0], c->trap, units});
        } else {
            p->joint_fn(p->arg, &(struct joint_row){start, *c->values[0], *c->values[1],
                                                    *c->values[2], c->trap, units});
        }
    }
    p->count = 0;
}

static void bucket_enter(struct panel *p, int32_t at)
{
    if (at != p->at) {
        bucket_give(p);
        p->at = at;
    }
}

/* ---- reading ---- */

/* A row of rollup_open() or differences_open(). */
static enum err row_gather(struct panel *p, sqlite3_stmt *st, int32_t bucket)
{
    int64_t trap = sqlite3_column_int64(st, 2);
    if (!scope_holds_trap(p->scope, trap)) {
        return OK;
    }
    bucket_enter(p, bucket);
    struct panel_cell *c = cell_put(p);
    if (!c) {
        return no_memory(p->eb);
    }
    c->trap = p->scope->positions[trap];
    c->messages = (uint64_t)sqlite3_column_int64(st, 3);
    c->recipients = (uint64_t)sqlite3_column_int64(st, 4);
    c->bytes = (uint64_t)sqlite3_column_int64(st, 5);
    c->expected = (uint64_t)sqlite3_column_int64(st, 6);
    return value_find(p, 0, (uint64_t)sqlite3_column_int64(st, 1), &c->values[0]);
}

static enum err rollup_gather(struct panel *p, const struct rollup_span *span)
{
    sqlite3_stmt *st;
    enum err e = rollup_open(p->s, p->dimensions[0], span, &st, p->eb);
    while (e == OK && (e = store_step(p->s, st, "reading a rollup", p->eb)) == OK) {
        e = row_gather(p, st, bucket_of(p->bucket, span, sqlite3_column_int(st, 0)));
        if (e != OK) {
            sqlite3_reset(st);
        }
    }
    return e == ERR_END ? OK : e;
}

static enum err row_next(struct panel *p, sqlite3_stmt *st, bool *has_row)
{
    enum err e = store_step(p->s, st, "reading a generation", p->eb);
    *has_row = e == OK;
    return e == ERR_END ? OK : e;
}

/* Today's rows and what they differ by from the generation, both by day. */
static enum err generation_gather(struct panel *p)
{
    const struct rollup_span days = {p->scope->first_day, p->scope->last_day, false};
    sqlite3_stmt *rows[2] = {NULL, NULL};
    bool has_row[2] = {false, false};
    if (p->scope->is_empty || days.first > days.last) {
        return OK;
    }
    enum err e = rollup_open(p->s, p->dimensions[0], &days, &rows[0], p->eb);
    e = e == OK ? differences_open(p->s, p->generation, p->dimensions[0], &days, &rows[1], p->eb)
                : e;
    for (int i = 0; e == OK && i < 2; i++) {
        e = row_next(p, rows[i], &has_row[i]);
    }
    while (e == OK && (has_row[0] || has_row[1])) {
        int i = !has_row[0] ||
                (has_row[1] && sqlite3_column_int(rows[1], 0) < sqlite3_column_int(rows[0], 0));
        e = row_gather(p, rows[i], sqlite3_column_int(rows[i], 0));
        e = e == OK ? row_next(p, rows[i], &has_row[i]) : e;
    }
    for (int i = 0; e != OK && i < 2; i++) {
        sqlite3_reset(rows[i]);
    }
    return e;
}

static int32_t bucket_of_hour(enum bucket bucket, int32_t hour)
{
    static const struct rollup_span DAYS = {0};
    return bucket == BUCKET_HOUR ? hour
                                 : bucket_of(bucket, &DAYS, (int32_t)day_of((int64_t)hour * 3600));
}

static enum err hour_gather(void *arg, int32_t hour, uint32_t trap, const struct tally_entry *entry)
{
    struct panel *p = arg;
    bucket_enter(p, bucket_of_hour(p->bucket, hour));
    struct panel_cell *c = cell_put(p);
    enum err e = c ? OK : no_memory(p->eb);
    for (size_t i = 0; e == OK && i < p->dimension_count; i++) {
        e = value_find(p, i, hour_value(&p->streams, p->dimensions[i], entry), &c->values[i]);
    }
    if (e == OK) {
        c->trap = p->scope->positions[trap];
        c->messages = entry->messages;
        c->recipients = entry->recipients;
        c->bytes = entry->bytes;
        c->expected = entry->messages * 1000000;
    }
    return e;
}

static enum err panel_gather(struct panel *p)
{
    struct rollup_span spans[SPANS_MAX];
    enum err e = OK;
    p->at = BUCKET_NONE;
    if (p->bucket == BUCKET_HOUR || p->joint_fn) {
        e = streams_load(p->s, p->scope, p->scope->arena, &p->streams, p->eb);
        e = e == OK ? hours_each(p->s, p->scope, &p->streams, hour_gather, p, p->eb) : e;
    } else if (p->generation) {
        e = generation_gather(p);
    } else {
        size_t n = scope_spans(p->scope, p->bucket, spans);
        for (size_t i = 0; e == OK && i < n; i++) {
            e = rollup_gather(p, &spans[i]);
        }
    }
    if (e == OK) {
        bucket_give(p);
    }
    return e;
}

static enum err panel_run(struct panel *p, const struct store_filter *f)
{
    struct scope scope;
    enum err e = scope_begin_read(p->s, f, &scope, p->eb);
    if (e != OK) {
        return e;
    }
    p->scope = &scope;
    p->by_text = strmap_new();
    bool is_whole = p->by_text != NULL;
    for (size_t i = 0; i < p->dimension_count; i++) {
        p->by_number[i] = strmap_new();
        is_whole &= p->by_number[i] != NULL;
    }
    e = is_whole ? panel_gather(p) : no_memory(p->eb);
    strmap_free(p->by_text);
    for (size_t i = 0; i < p->dimension_count; i++) {
        strmap_free(p->by_number[i]);
    }
    free(p->cells);
    return scope_end_read(p->s, &scope, e, p->eb);
}

enum err store_panel(struct store *s, const struct store_filter *f, enum bucket bucket,
                     enum dimension d, panel_fn fn, void *arg, struct errbuf *eb)
{
    bool is_known = d == DIMENSION_TOTAL || d == DIMENSION_BOTNET || d == DIMENSION_MAILER ||
                    d == DIMENSION_PROGRAM || d == DIMENSION_COUNTRY;
    if (!is_known) {
        return err_set(eb, ERR_UNSUPPORTED, "no panel by %s", dimension_name(d));
    }
    if (bucket == BUCKET_HOUR && d == DIMENSION_MAILER) {
        return err_set(eb, ERR_UNSUPPORTED, "%s is not counted by the hour", dimension_name(d));
    }
    struct panel p = {.s = s,
                      .bucket = bucket,
                      .dimensions = {d},
                      .dimension_count = 1,
                      .panel_fn = fn,
                      .arg = arg,
                      .eb = eb};
    return panel_run(&p, f);
}

enum err store_generation_panel(struct store *s, const struct store_filter *f, unsigned number,
                                enum dimension d, panel_fn fn, void *arg, struct errbuf *eb)
{
    struct panel p = {.s = s,
                      .bucket = BUCKET_DAY,
                      .dimensions = {d},
                      .dimension_count = 1,
                      .generation = number,
                      .panel_fn = fn,
                      .arg = arg,
                      .eb = eb};
    enum err e = store_begin_read(s, eb);
    if (e != OK) {
        return e;
    }
    e = generation_check(s, number, d, eb);
    return store_end_read(s, e == OK ? panel_run(&p, f) : e, eb);
}

enum err store_joint(struct store *s, const struct store_filter *f, enum bucket bucket, joint_fn fn,
                     void *arg, struct errbuf *eb)
{
    struct panel p = {.s = s,
                      .bucket = bucket,
                      .dimensions = {DIMENSION_BOTNET, DIMENSION_PROGRAM, DIMENSION_COUNTRY},
                      .dimension_count = CELL_VALUES_MAX,
                      .joint_fn = fn,
                      .arg = arg,
                      .eb = eb};
    return panel_run(&p, f);
}
