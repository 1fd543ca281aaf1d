/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The small tables: import marks, facts. */
#include "store/sqlite.h"

static struct import_mark mark_read(sqlite3_stmt *st)
{
    return (struct import_mark){
        .next_ordinal = (uint64_t)sqlite3_column_int64(st, 0),
        .bytes_read = (uint64_t)sqlite3_column_int64(st, 1),
        .added = (uint64_t)sqlite3_column_int64(st, 2),
        .repeated = (uint64_t)sqlite3_column_int64(st, 3),
        .rejected = (uint64_t)sqlite3_column_int64(st, 4),
        .is_complete = sqlite3_column_int(st, 5),
    };
}

enum err store_import_mark(struct store *s, struct slice source, struct import_mark *out,
                           struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_MARK_GET, &st, eb);
    if (e != OK) {
        return e;
    }
    sqlite3_bind_text64(st, 1, source.n ? source.p : "", source.n, SQLITE_STATIC, SQLITE_UTF8);
    e = store_step(s, st, "reading an import's mark", eb);
    if (e == OK) {
        *out = mark_read(st);
        sqlite3_reset(st);
    }
    return e == ERR_END ? err_set(eb, ERR_NOTFOUND, "never imported") : e;
}

enum err store_imports(struct store *s, void (*fn)(void *, const struct import_info *), void *arg,
                       struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_MARKS, &st, eb);
    while (e == OK && (e = store_step(s, st, "reading the imports", eb)) == OK) {
        struct import_info info = {
            .mark = mark_read(st),
            .started = sqlite3_column_int64(st, 7),
            .updated = sqlite3_column_int64(st, 8),
        };
        info.mark.source = column_slice(st, 6);
        fn(arg, &info);
    }
    return e == ERR_END ? OK : e;
}

static enum err fact_put(struct store *s, struct slice key, struct slice value, struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_FACT_PUT, &st, eb);
    if (e != OK) {
        return e;
    }
    sqlite3_bind_text64(st, 1, key.n ? key.p : "", key.n, SQLITE_STATIC, SQLITE_UTF8);
    sqlite3_bind_text64(st, 2, value.n ? value.p : "", value.n, SQLITE_STATIC, SQLITE_UTF8);
    return store_run(s, st, "writing a fact", eb);
}

enum err store_fact_put(struct store *s, struct slice key, struct slice value, struct errbuf *eb)
{
    enum err e = store_begin_write(s, eb);
    return e == OK ? store_end_write(s, fact_put(s, key, value, eb), eb) : e;
}

enum err store_fact_get(struct store *s, struct slice key, struct strbuf *out, struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_FACT_GET, &st, eb);
    if (e != OK) {
        return e;
    }
    sqlite3_bind_text64(st, 1, key.n ? key.p : "", key.n, SQLITE_STATIC, SQLITE_UTF8);
    e = store_step(s, st, "reading a fact", eb);
    if (e == OK) {
        strbuf_add(out, column_slice(st, 0));
        sqlite3_reset(st);
        return out->failed ? err_set(eb, ERR_NOMEM, "out of memory") : OK;
    }
    return e == ERR_END ? err_set(eb, ERR_NOTFOUND, "no fact %.*s", SLICE_ARG(key)) : e;
}
