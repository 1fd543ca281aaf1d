/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages are found by their identity or its first digits, and paged through in order of time. */
#include "store/sqlite_message.h"

#include <stdlib.h>

/* ---- by identity ---- */

static enum err message_by_id(struct store *s, struct id128 id, struct message_row *out,
                              struct errbuf *eb)
{
    sqlite3_stmt *st;
    int64_t seq;
    enum err e = identity_look_up(s, id, &seq, eb);
    e = e == OK ? store_statement(s, STATEMENT_MESSAGE_BY_SEQ, &st, eb) : e;
    if (e == OK) {
        sqlite3_bind_int64(st, 1, seq);
        e = store_step(s, st, "reading a message", eb);
        if (e == OK) {
            e = message_read(s, st, out, eb);
            sqlite3_reset(st);
        }
    }
    if (e == ERR_NOTFOUND || e == ERR_END || (e == OK && !id128_eq(out->id, id))) {
        char hex[33];
        id128_hex(id, hex);
        return err_set(eb, ERR_NOTFOUND, "%s: no message %s", s->path, hex);
    }
    return e;
}

enum err store_message(struct store *s, struct id128 id, struct message_row *out, struct errbuf *eb)
{
    enum err e = store_begin_read(s, eb);
    return e == OK ? store_end_read(s, message_by_id(s, id, out, eb), eb) : e;
}

static bool prefix_matches(struct id128 id, struct slice hex_prefix)
{
    char hex[33];
    id128_hex(id, hex);
    return slice_istarts(slice_of(hex, 32), hex_prefix);
}

static int id_cmp(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct id128));
}

struct found {
    struct id128 *ids;
    size_t n, limit;
    struct slice prefix;
};

/* Keeps the smallest `limit`. */
static void found_add(struct found *f, struct slice bytes)
{
    struct id128 id;
    if (bytes.n != sizeof id.b) {
        return;
    }
    memcpy(id.b, bytes.p, sizeof id.b);
    if (!prefix_matches(id, f->prefix)) {
        return;
    }
    if (f->n == f->limit) {
        if (id_cmp(&id, &f->ids[f->n - 1]) >= 0) {
            return;
        }
        f->n--;
    }
    size_t at = f->n++;
    for (; at > 0 && id_cmp(&id, &f->ids[at - 1]) < 0; at--) {
        f->ids[at] = f->ids[at - 1];
    }
    f->ids[at] = id;
}

static enum err keyed_find(struct store *s, struct found *f, struct errbuf *eb)
{
    sqlite3_stmt *st, *by_seq;
    struct id128 low = {{0}}, high;
    memset(high.b, 0xff, sizeof high.b);
    for (size_t i = 0; i < f->prefix.n && i < 16; i++) {
        uint8_t digit = (uint8_t)ascii_hex(f->prefix.p[i]);
        unsigned shift = i % 2 ? 0 : 4;
        low.b[i / 2] = (uint8_t)(low.b[i / 2] | digit << shift);
        high.b[i / 2] = (uint8_t)((high.b[i / 2] & ~(0xf << shift)) | digit << shift);
    }
    enum err e = store_statement(s, STATEMENT_KEY_RANGE, &st, eb);
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, identity_key(low));
    sqlite3_bind_int64(st, 2, identity_key(high));
    while (f->n < f->limit && (e = store_step(s, st, "finding a message", eb)) == OK) {
        e = store_statement(s, STATEMENT_ID_BY_SEQ, &by_seq, eb);
        if (e != OK) {
            break;
        }
        sqlite3_bind_int64(by_seq, 1, sqlite3_column_int64(st, 0));
        e = store_step(s, by_seq, "finding a message", eb);
        if (e == OK) {
            found_add(f, column_slice(by_seq, 0));
            sqlite3_reset(by_seq);
        } else if (e != ERR_END) {
            break;
        }
    }
    sqlite3_reset(st);
    return e == ERR_END ? OK : e;
}

static enum err tail_find(struct store *s, struct found *f, struct errbuf *eb)
{
    sqlite3_stmt *st;
    int64_t keyed;
    enum err e = counter_get(s, "keyed", &keyed, eb);
    e = e == OK ? store_statement(s, STATEMENT_TAIL, &st, eb) : e;
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, keyed);
    while ((e = store_step(s, st, "finding a message", eb)) == OK) {
        found_add(f, column_slice(st, 1));
    }
    return e == ERR_END ? OK : e;
}

enum err store_find(struct store *s, struct slice hex_prefix, size_t limit,
                    void (*fn)(void *, struct id128), void *arg, struct errbuf *eb)
{
    enum { DIGITS_MIN = 4, DIGITS_MAX = 32, FOUND_MAX = 10000 };
    struct found f = {.limit = limit < FOUND_MAX ? limit : FOUND_MAX, .prefix = hex_prefix};
    bool ok = hex_prefix.n >= DIGITS_MIN && hex_prefix.n <= DIGITS_MAX;
    for (size_t i = 0; ok && i < hex_prefix.n; i++) {
        ok = ascii_hex(hex_prefix.p[i]) >= 0;
    }
    if (!ok) {
        return err_set(eb, ERR_USAGE, "an identity is %d to %d hex digits", DIGITS_MIN, DIGITS_MAX);
    }
    if (f.limit == 0) {
        return OK;
    }
    f.ids = malloc(f.limit * sizeof *f.ids);
    enum err e = f.ids ? store_begin_read(s, eb) : err_set(eb, ERR_NOMEM, "out of memory");
    if (e == OK) {
        e = keyed_find(s, &f, eb);
        e = e == OK ? tail_find(s, &f, eb) : e;
        e = store_end_read(s, e, eb);
    }
    for (size_t i = 0; e == OK && i < f.n; i++) {
        fn(arg, f.ids[i]);
    }
    free(f.ids);
    return e;
}

/* ---- paging ---- */

/* The cursor's place in the order (received, seq): its message's seq, also when retention has
 * deleted the row since. */
struct place {
    bool has_time;
    int64_t received, seq;
};

static enum err place_find(struct store *s, const struct page_cursor *cursor, struct place *out,
                           struct errbuf *eb)
{
    *out = (struct place){.received = INT64_MIN};
    if (!cursor->is_set) {
        return OK;
    }
    enum err e = identity_look_up(s, cursor->id, &out->seq, eb);
    /* With seq 0 the whole second comes again, which repeats rather than loses. */
    out->has_time = cursor->received != 0;
    out->received = cursor->received;
    return e == ERR_NOTFOUND ? OK : e;
}

struct paging {
    struct page_cursor *cursor;
    size_t left;
    const struct scope *scope;
    void (*fn)(void *, const struct message_row *);
    void *arg;
};

static enum err rows_page(struct store *s, sqlite3_stmt *st, struct paging *p, struct errbuf *eb)
{
    enum err e = OK;
    while (p->left > 0 && (e = store_step(s, st, "reading messages", eb)) == OK) {
        struct message_row row;
        if (!scope_holds_trap(p->scope, sqlite3_column_int64(st, COLUMN_TRAP))) {
            continue;
        }
        e = message_read(s, st, &row, eb);
        if (e != OK) {
            break;
        }
        *p->cursor = (struct page_cursor){row.received, row.id, true};
        p->left--;
        p->fn(p->arg, &row);
    }
    sqlite3_reset(st);
    return e == ERR_END ? OK : e;
}

static enum err filter_page(struct store *s, const struct store_filter *f, struct paging *p,
                            struct errbuf *eb)
{
    sqlite3_stmt *st;
    struct place place;
    enum err e = place_find(s, p->cursor, &place, eb);
    if (e == OK && p->scope->is_open && !place.has_time) {
        e = store_statement(s, STATEMENT_MESSAGE_PAGE_NO_CLOCK, &st, eb);
        if (e == OK) {
            sqlite3_bind_int64(st, 1, place.seq);
            e = rows_page(s, st, p, eb);
        }
        place = (struct place){.received = INT64_MIN};
    }
    if (e == OK && p->left > 0) {
        e = store_statement(s, STATEMENT_MESSAGE_PAGE, &st, eb);
        if (e == OK) {
            int64_t from = place.received > f->since ? place.received : f->since;
            sqlite3_bind_int64(st, 1, from);
            sqlite3_bind_int64(st, 2, f->until);
            sqlite3_bind_int64(st, 3, place.received);
            sqlite3_bind_int64(st, 4, place.seq);
            e = rows_page(s, st, p, eb);
        }
    }
    return e;
}

enum err store_page(struct store *s, const struct store_filter *f, struct page_cursor *cursor,
                    size_t limit, void (*fn)(void *, const struct message_row *), void *arg,
                    struct errbuf *eb)
{
    struct scope scope;
    enum err e = scope_begin_read(s, f, &scope, eb);
    if (e != OK) {
        return e;
    }
    struct paging p = {cursor, limit, &scope, fn, arg};
    e = filter_page(s, f, &p, eb);
    return scope_end_read(s, &scope, e, eb);
}
