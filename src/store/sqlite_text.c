/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Dictionaries: strings, traps and streams as numbers, and back. The caches are bounded, because a
 * sender can make as many strings as it likes; a miss costs a look-up, nothing else. */
#include "core/hash.h"
#include "store/sqlite.h"

#include <stdlib.h>

enum {
    TEXT_IDS_BYTES_MAX = 4 * 1024 * 1024,
    TEXT_VALUES_BYTES_MAX = 2 * 1024 * 1024,
    TEXT_VALUES_MAX = 65536, /* ids up to here are kept; early ids are those seen often */
    STREAM_IDS_BYTES_MAX = 1024 * 1024,
};

static void text_values_forget(struct store *s)
{
    for (size_t i = 0; i < s->text_values_size; i++) {
        free(s->text_values[i].p);
        s->text_values[i] = (struct text_value){NULL, 0};
    }
    s->text_values_bytes = 0;
}

void store_forget(struct store *s)
{
    strmap_clear(s->text_ids);
    strmap_clear(s->trap_ids);
    strmap_clear(s->stream_ids);
    memset(s->text_recent, 0, sizeof s->text_recent);
    memset(s->parts_seen, 0, sizeof s->parts_seen);
    memset(s->part_ids_seen, 0, sizeof s->part_ids_seen);
    text_values_forget(s);
}

static enum err text_add(struct store *s, int64_t hash, struct slice value, int64_t *out,
                         struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_TEXT_ADD, &st, eb);
    if (e != OK) {
        return e;
    }
    bind_slice(st, 1, value);
    e = store_run(s, st, "adding a string", eb);
    int64_t id = sqlite3_last_insert_rowid(s->db);
    e = e == OK ? store_statement(s, STATEMENT_TEXT_KEY_ADD, &st, eb) : e;
    if (e == OK) {
        sqlite3_bind_int64(st, 1, hash);
        sqlite3_bind_int64(st, 2, id);
        e = store_run(s, st, "adding a string", eb);
        *out = id;
    }
    return e;
}

static enum err text_look_up(struct store *s, struct slice value, bool make, int64_t *out,
                             struct errbuf *eb)
{
    uint64_t hash = hash_u64(value);
    for (;; hash++) {
        sqlite3_stmt *st;
        enum err e = store_statement(s, STATEMENT_TEXT_BY_HASH, &st, eb);
        if (e != OK) {
            return e;
        }
        sqlite3_bind_int64(st, 1, (int64_t)hash);
        e = store_step(s, st, "looking a string up", eb);
        if (e == ERR_END) {
            return make ? text_add(s, (int64_t)hash, value, out, eb) : ERR_NOTFOUND;
        }
        if (e != OK) {
            return e;
        }
        bool is_it = slice_eq(column_slice(st, 1), value);
        *out = sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
        if (is_it) {
            return OK;
        }
    }
}

static struct text_recent *recent_slot(struct store *s, struct slice value)
{
    uint64_t first = 0, last = 0;
    if (value.n >= 8) {
        memcpy(&first, value.p, 8);
        memcpy(&last, value.p + value.n - 8, 8);
    } else {
        memcpy(&first, value.p, value.n);
    }
    uint64_t h = (first ^ (last << 23 | last >> 41) ^ value.n) * UINT64_C(0x9e3779b97f4a7c15);
    return &s->text_recent[h >> 54];
}

static enum err text_id_any(struct store *s, struct slice value, bool make, int64_t *out,
                            struct errbuf *eb)
{
    uint64_t *known = strmap_get(s->text_ids, value);
    if (known) {
        *out = (int64_t)*known;
        return OK;
    }
    enum err e = text_look_up(s, value, make, out, eb);
    if (e != OK) {
        *out = TEXT_UNKNOWN;
        return e;
    }
    if (strmap_bytes(s->text_ids) > TEXT_IDS_BYTES_MAX) {
        strmap_clear(s->text_ids);
    }
    known = strmap_put(s->text_ids, value, NULL);
    if (known) {
        *known = (uint64_t)*out;
    }
    return OK;
}

enum err text_id(struct store *s, struct slice value, bool make, int64_t *out, struct errbuf *eb)
{
    *out = TEXT_UNKNOWN;
    if (value.n == 0) {
        return OK;
    }
    struct text_recent *recent = recent_slot(s, value);
    if (recent->n == value.n && memcmp(recent->bytes, value.p, value.n) == 0) {
        *out = recent->id;
        return OK;
    }
    enum err e = text_id_any(s, value, make, out, eb);
    if (e == OK && value.n <= sizeof recent->bytes) {
        recent->id = *out;
        recent->n = value.n;
        memcpy(recent->bytes, value.p, value.n);
    }
    return e;
}

static bool text_values_grow(struct store *s, size_t id)
{
    if (id < s->text_values_size) {
        return true;
    }
    size_t size = s->text_values_size ? s->text_values_size : 256;
    while (size <= id) {
        size *= 2;
    }
    struct text_value *values = realloc(s->text_values, size * sizeof *values);
    if (!values) {
        return false;
    }
    memset(values + s->text_values_size, 0, (size - s->text_values_size) * sizeof *values);
    s->text_values = values;
    s->text_values_size = size;
    return true;
}

enum err text_value(struct store *s, int64_t id, struct slice *out, struct errbuf *eb)
{
    sqlite3_stmt *st;
    if (id == TEXT_UNKNOWN) {
        *out = slice_of("", 0);
        return OK;
    }
    if (id > 0 && (uint64_t)id < s->text_values_size && s->text_values[id].p) {
        *out = slice_of(s->text_values[id].p, s->text_values[id].n);
        return OK;
    }
    enum err e = store_statement(s, STATEMENT_TEXT_BY_ID, &st, eb);
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, id);
    e = store_step(s, st, "reading a string", eb);
    if (e != OK) {
        return e == ERR_END
                   ? err_set(eb, ERR_STORE, "%s: string %lld is missing", s->path, (long long)id)
                   : e;
    }
    *out = column_slice(st, 0); /* valid until the statement is used again */
    if (id > 0 && id < TEXT_VALUES_MAX && text_values_grow(s, (size_t)id)) {
        if (s->text_values_bytes > TEXT_VALUES_BYTES_MAX) {
            text_values_forget(s);
        }
        char *copy = malloc(out->n + 1);
        if (copy) {
            memcpy(copy, out->p, out->n);
            s->text_values[id] = (struct text_value){copy, out->n};
            s->text_values_bytes += out->n + 32;
            *out = slice_of(copy, out->n);
            sqlite3_reset(st);
        }
    }
    return OK;
}

enum err trap_id(struct store *s, struct slice name, bool make, int64_t *out, struct errbuf *eb)
{
    sqlite3_stmt *st;
    uint64_t *known = strmap_get(s->trap_ids, name);
    if (known) {
        *out = (int64_t)*known;
        return OK;
    }
    if (name.n == 0) {
        return err_set(eb, make ? ERR_USAGE : ERR_NOTFOUND, "a trap needs a name");
    }
    enum err e = store_statement(s, STATEMENT_TRAP_BY_NAME, &st, eb);
    if (e != OK) {
        return e;
    }
    bind_slice(st, 1, name);
    e = store_step(s, st, "looking a trap up", eb);
    if (e == OK) {
        *out = sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
    } else if (e == ERR_END && make) {
        e = store_statement(s, STATEMENT_TRAP_ADD, &st, eb);
        if (e == OK) {
            bind_slice(st, 1, name);
            e = store_run(s, st, "adding a trap", eb);
            *out = sqlite3_last_insert_rowid(s->db);
        }
    }
    if (e == OK && (known = strmap_put(s->trap_ids, name, NULL))) {
        *known = (uint64_t)*out;
    }
    return e == ERR_END ? ERR_NOTFOUND : e;
}

enum err stream_id(struct store *s, int64_t trap, int64_t botnet, bool make, int64_t *out,
                   struct errbuf *eb)
{
    sqlite3_stmt *st;
    int64_t pair[2] = {trap, botnet};
    struct slice key = slice_of((const char *)pair, sizeof pair);
    uint64_t *known = strmap_get(s->stream_ids, key);
    if (known) {
        *out = (int64_t)*known;
        return OK;
    }
    enum err e = store_statement(s, STATEMENT_STREAM_FIND, &st, eb);
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, trap);
    sqlite3_bind_int64(st, 2, botnet);
    e = store_step(s, st, "looking a stream up", eb);
    if (e == OK) {
        *out = sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
    } else if (e == ERR_END && !make) {
        e = err_set(eb, ERR_STORE, "%s: trap %lld has no stream of botnet %lld", s->path,
                    (long long)trap, (long long)botnet);
    } else if (e == ERR_END) {
        e = store_statement(s, STATEMENT_STREAM_ADD, &st, eb);
        if (e == OK) {
            sqlite3_bind_int64(st, 1, trap);
            sqlite3_bind_int64(st, 2, botnet);
            e = store_run(s, st, "adding a stream", eb);
            *out = sqlite3_last_insert_rowid(s->db);
        }
    }
    if (e == OK && strmap_bytes(s->stream_ids) > STREAM_IDS_BYTES_MAX) {
        strmap_clear(s->stream_ids);
    }
    if (e == OK && (known = strmap_put(s->stream_ids, key, NULL))) {
        *known = (uint64_t)*out;
    }
    return e;
}

unsigned country_code(struct slice country)
{
    unsigned code = 0;
    if (country.n != 2) {
        return 0;
    }
    for (size_t i = 0; i < 2; i++) {
        char c = ascii_lower(country.p[i]);
        if (!ascii_is_alnum(c)) {
            return 0;
        }
        code = code << 8 | (unsigned char)(ascii_is_digit(c) ? c : c - 'a' + 'A');
    }
    return code;
}

void country_text(unsigned code, char out[3])
{
    out[0] = (char)(code >> 8);
    out[1] = (char)(code & 0xff);
    out[2] = '\0';
    if (code == 0) {
        out[0] = '-';
    }
}
