/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Label generations, read: which there are, what moved between them, which days are not whole any
 * more. Their volume is in sqlite_cube.c and sqlite_panel.c. */
#include "store/generation.h"
#include "store/sqlite.h"

#include <stdlib.h>

enum err store_generations(struct store *s, void (*fn)(void *arg, const struct generation *g),
                           void *arg, struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_GENERATIONS, &st, eb);
    while (e == OK && (e = store_step(s, st, "reading the generations", eb)) == OK) {
        struct generation g = {
            .number = (unsigned)sqlite3_column_int64(st, 0),
            .made = sqlite3_column_int64(st, 1),
            .pack = column_slice(st, 2),
            .note = column_slice(st, 3),
            .messages = (uint64_t)sqlite3_column_int64(st, 4),
            .changed = (uint64_t)sqlite3_column_int64(st, 5),
            .gone = (uint64_t)sqlite3_column_int64(st, 6),
        };
        fn(arg, &g);
    }
    return e == ERR_END ? OK : e;
}

enum err store_generation_newest(struct store *s, unsigned *number, struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_GENERATION_NEWEST, &st, eb);
    e = e == OK ? store_step(s, st, "reading the generations", eb) : e;
    if (e == OK) {
        *number = (unsigned)sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
    }
    return e;
}

enum err generation_check(struct store *s, unsigned number, enum dimension d, struct errbuf *eb)
{
    unsigned newest;
    int64_t from;
    if (d != DIMENSION_BOTNET && d != DIMENSION_MAILER && d != DIMENSION_PROGRAM) {
        return err_set(eb, ERR_UNSUPPORTED, "generations are of labels, by day or month");
    }
    enum err e = store_generation_newest(s, &newest, eb);
    e = e == OK ? counter_get(s, "generation_from", &from, eb) : e;
    if (e == OK && (number == 0 || number > newest || (int64_t)number < from)) {
        e = err_set(eb, ERR_NOTFOUND, "%s: there is no generation %u of labels%s", s->path, number,
                    number && number < newest ? " any more" : "");
    }
    return e;
}

enum err differences_open(struct store *s, unsigned number, enum dimension d,
                          const struct rollup_span *days, sqlite3_stmt **out, struct errbuf *eb)
{
    enum err e = store_statement(s, STATEMENT_GENERATION_DAYS, out, eb);
    if (e == OK) {
        sqlite3_bind_int64(*out, 1, number);
        sqlite3_bind_int(*out, 2, (int)d);
        sqlite3_bind_int(*out, 3, days->first);
        sqlite3_bind_int(*out, 4, days->last);
    }
    return e;
}

/* ---- moves ---- */

struct move_row {
    unsigned dim;
    int64_t from, to;
    uint64_t messages;
};

static int move_row_cmp(const void *a, const void *b)
{
    const struct move_row *x = a, *y = b;
    if (x->dim != y->dim) {
        return x->dim < y->dim ? -1 : 1;
    }
    if (x->messages != y->messages) {
        return x->messages > y->messages ? -1 : 1;
    }
    return x->from != y->from ? (x->from < y->from ? -1 : 1) : (x->to > y->to) - (x->to < y->to);
}

static enum err moves_load(struct store *s, unsigned number, struct move_row **out, size_t *count,
                           struct errbuf *eb)
{
    sqlite3_stmt *st;
    size_t size = 0;
    enum err e = store_statement(s, STATEMENT_GENERATION_MOVES, &st, eb);
    if (e == OK) {
        sqlite3_bind_int64(st, 1, number);
    }
    while (e == OK && (e = store_step(s, st, "reading what moved", eb)) == OK) {
        if (*count == size) {
            size = size ? 2 * size : 64;
            struct move_row *more = reallocarray(*out, size, sizeof *more);
            if (!more) {
                sqlite3_reset(st);
                return err_set(eb, ERR_NOMEM, "out of memory for what moved");
            }
            *out = more;
        }
        (*out)[(*count)++] =
            (struct move_row){(unsigned)sqlite3_column_int(st, 0), sqlite3_column_int64(st, 1),
                              sqlite3_column_int64(st, 2), (uint64_t)sqlite3_column_int64(st, 3)};
    }
    return e == ERR_END ? OK : e;
}

static enum err label_read(struct store *s, int64_t id, struct slice *out, struct errbuf *eb)
{
    enum err e = dictionary_text(s, id, out, eb);
    if (e == OK && out->n == 0) {
        *out = S("unknown");
    }
    return e;
}

enum err store_generation_moves(struct store *s, unsigned number,
                                void (*fn)(void *arg, const struct generation_move *m), void *arg,
                                struct errbuf *eb)
{
    struct move_row *rows = NULL;
    size_t count = 0;
    enum err e = store_begin_read(s, eb);
    if (e != OK) {
        return e;
    }
    e = moves_load(s, number, &rows, &count, eb);
    if (e == OK && count) {
        qsort(rows, count, sizeof *rows, move_row_cmp);
    }
    for (size_t i = 0; e == OK && i < count; i++) {
        struct generation_move m = {.dimension = (enum dimension)rows[i].dim,
                                    .messages = rows[i].messages};
        arena_reset(s->arena);
        e = label_read(s, rows[i].from, &m.from, eb);
        e = e == OK ? label_read(s, rows[i].to, &m.to, eb) : e;
        if (e == OK && rows[i].dim < DIMENSION_COUNT) {
            fn(arg, &m);
        }
    }
    free(rows);
    return store_end_read(s, e, eb);
}

/* ---- days that are not whole ---- */

/* Rows that are there, of one day of receipt. */
static enum err day_rows(struct store *s, int32_t day, uint64_t *rows, struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(
        s, day == BUCKET_NONE ? STATEMENT_NO_CLOCK_COUNT : STATEMENT_DAY_COUNT, &st, eb);
    if (e == OK && day != BUCKET_NONE) {
        sqlite3_bind_int64(st, 1, (int64_t)day * SECONDS_PER_DAY);
        sqlite3_bind_int64(st, 2, ((int64_t)day + 1) * SECONDS_PER_DAY);
    }
    e = e == OK ? store_step(s, st, "counting messages", eb) : e;
    if (e == OK) {
        *rows = (uint64_t)sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
    }
    return e;
}

static enum err gone_days(struct store *s, int32_t first, int32_t last,
                          void (*fn)(void *arg, int64_t day, uint64_t messages), void *arg,
                          struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = first <= last ? store_statement(s, STATEMENT_GONE_DAYS, &st, eb) : ERR_END;
    if (e == OK) {
        sqlite3_bind_int(st, 1, first);
        sqlite3_bind_int(st, 2, last);
    }
    while (e == OK && (e = store_step(s, st, "reading a rollup", eb)) == OK) {
        int32_t day = sqlite3_column_int(st, 0);
        uint64_t counted = (uint64_t)sqlite3_column_int64(st, 1), rows = 0;
        e = day_rows(s, day, &rows, eb);
        if (e == OK && counted > rows) {
            fn(arg, day == BUCKET_NONE ? INT64_MIN : (int64_t)day * SECONDS_PER_DAY,
               counted - rows);
        }
        if (e != OK) {
            sqlite3_reset(st);
        }
    }
    return e == ERR_END ? OK : e;
}

enum err store_gone_days(struct store *s, const struct store_filter *f,
                         void (*fn)(void *arg, int64_t day, uint64_t messages), void *arg,
                         struct errbuf *eb)
{
    struct scope scope;
    int64_t horizon, no_clock_gone;
    enum err e = store_begin_read(s, eb);
    if (e != OK) {
        return e;
    }
    e = counter_get(s, "horizon", &horizon, eb);
    e = e == OK ? counter_get(s, "no_clock_gone", &no_clock_gone, eb) : e;
    e = e == OK ? scope_open(s, f, &scope, eb) : e;
    if (e == OK) {
        /* From the horizon on all rows are there. */
        int32_t last = scope.last_day < horizon ? scope.last_day : (int32_t)(horizon - 1);
        if (no_clock_gone && scope.is_open) {
            e = gone_days(s, BUCKET_NONE, BUCKET_NONE, fn, arg, eb);
        }
        if (e == OK && horizon != INT32_MIN && !scope.is_empty) {
            e = gone_days(s, scope.first_day, last, fn, arg, eb);
        }
        scope_close(&scope);
    }
    return store_end_read(s, e, eb);
}
