/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The texts of a row, written and read by a list of their columns. */
#include "store/sqlite.h"

static struct slice *text_at(void *row, const struct text_column *c)
{
    return (struct slice *)(void *)((char *)row + c->offset);
}

enum err arena_text(struct store *s, struct slice from, struct slice *out, struct errbuf *eb)
{
    *out = (struct slice){NULL, 0};
    if (from.n != 0) {
        *out = arena_copy(s->arena, from);
        if (!out->p) {
            return err_set(eb, ERR_NOMEM, "out of memory for a message row");
        }
    }
    return OK;
}

enum err dictionary_text(struct store *s, int64_t id, struct slice *out, struct errbuf *eb)
{
    struct slice value;
    enum err e = text_value(s, id, &value, eb);
    return e == OK ? arena_text(s, value, out, eb) : e;
}

enum err dictionary_ids(struct store *s, const void *row, const struct text_column *columns,
                        size_t n, int64_t *ids, struct errbuf *eb)
{
    enum err e = OK;
    for (size_t i = 0; e == OK && i < n; i++) {
        e = text_id(s, *row_text(row, &columns[i]), true, &ids[i], eb);
    }
    return e;
}

void dictionary_bind(sqlite3_stmt *st, const int64_t *ids, const struct text_column *columns,
                     size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bind_id(st, columns[i].column + 1, ids[i]);
    }
}

enum err dictionary_read(struct store *s, sqlite3_stmt *st, const struct text_column *columns,
                         size_t n, void *row, struct errbuf *eb)
{
    enum err e = OK;
    for (size_t i = 0; e == OK && i < n; i++) {
        e = dictionary_text(s, sqlite3_column_int64(st, columns[i].column),
                            text_at(row, &columns[i]), eb);
    }
    return e;
}

void texts_bind(sqlite3_stmt *st, const void *row, const struct text_column *columns, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bind_slice(st, columns[i].column + 1, *row_text(row, &columns[i]));
    }
}

enum err texts_read(struct store *s, sqlite3_stmt *st, const struct text_column *columns, size_t n,
                    void *row, struct errbuf *eb)
{
    enum err e = OK;
    for (size_t i = 0; e == OK && i < n; i++) {
        e = arena_text(s, column_slice(st, columns[i].column), text_at(row, &columns[i]), eb);
    }
    return e;
}
