/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Care: what is in the store, retention, vacuum. */
#include "store/sqlite.h"

#include <stdio.h>
#include <sys/stat.h>

static enum err number(struct store *s, const char *sql, int64_t *out, struct errbuf *eb)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
    if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        *out = sqlite3_column_int64(st, 0);
    }
    enum err e = rc == SQLITE_ROW ? OK : store_error(s, rc, "asking about the store", eb);
    sqlite3_finalize(st);
    return e;
}

static uint64_t file_bytes(const char *path, const char *suffix)
{
    char name[4096];
    struct stat st;
    int n = snprintf(name, sizeof name, "%s%s", path, suffix);
    return n > 0 && (size_t)n < sizeof name && stat(name, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* Pages in use: what the file would have after a vacuum, nearly. */
static enum err used_bytes(struct store *s, uint64_t *out, struct errbuf *eb)
{
    int64_t pages, free_pages, page_bytes;
    enum err e = number(s, "PRAGMA page_count", &pages, eb);
    e = e == OK ? number(s, "PRAGMA freelist_count", &free_pages, eb) : e;
    e = e == OK ? number(s, "PRAGMA page_size", &page_bytes, eb) : e;
    if (e == OK) {
        *out = (uint64_t)((pages - free_pages) * page_bytes);
    }
    return e;
}

static enum err info_read(struct store *s, struct store_info *out, struct errbuf *eb)
{
    struct store_info info = {.schema_newest = store_schema_newest()};
    int64_t version, messages, sessions, strings, sets;
    uint64_t used;
    char sets_sql[128];
    snprintf(sets_sql, sizeof sets_sql,
             "SELECT count(*) FROM main.tally WHERE key BETWEEN %lld AND %lld",
             (long long)tally_key(TALLY_HOST, 0, INT32_MIN),
             (long long)tally_key(TALLY_HOST, HOST_PART_V6, INT32_MAX));
    enum err e = number(s, "PRAGMA user_version", &version, eb);
    e = e == OK ? counter_get(s, "stored", &messages, eb) : e;
    e = e == OK ? number(s, "SELECT ifnull((SELECT value FROM counter WHERE name = 'sessions'), 0)",
                         &sessions, eb)
                : e;
    e = e == OK ? number(s, "SELECT count(*) FROM text", &strings, eb) : e;
    e = e == OK ? number(s, sets_sql, &sets, eb) : e;
    e = e == OK ? used_bytes(s, &used, eb) : e;
    if (e != OK) {
        return e;
    }
    info.schema_version = (int)version;
    info.file_bytes = file_bytes(s->path, "");
    info.wal_bytes = file_bytes(s->path, "-wal");
    info.messages = (uint64_t)messages;
    info.sessions = (uint64_t)sessions;
    info.dictionary_strings = (uint64_t)strings;
    info.host_sets = (uint64_t)sets;
    info.bytes_per_message = messages ? used / (uint64_t)messages : 0;
    snprintf(info.engine, sizeof info.engine, "SQLite %s", sqlite3_libversion());
    *out = info;
    return OK;
}

enum err store_info(struct store *s, struct store_info *out, struct errbuf *eb)
{
    enum err e = store_begin_read(s, eb);
    return e == OK ? store_end_read(s, info_read(s, out, eb), eb) : e;
}

enum err store_vacuum(struct store *s, struct errbuf *eb)
{
    if (s->mode == STORE_READ) {
        return err_set(eb, ERR_STORE, "%s: opened for reading only", s->path);
    }
    enum err e = store_exec(s, "VACUUM", eb);
    return e == OK ? store_exec(s, "PRAGMA wal_checkpoint(TRUNCATE)", eb) : e;
}

/* ---- retention ---- */

/* Rows go in the order in which they were stored: a prefix of the seqs. Not in that of receipt: an
 * import of old mail is not to be deleted as soon as it ends. */

enum { RETAIN_BATCH = 10000 }; /* rows of one transaction: a writer waits a second at most */

struct retention {
    bool by_age;       /* else by size */
    int64_t first_day; /* by age: rows stored on this day or later stay */
    uint64_t bytes_max;
    uint64_t deleted;
};

/* What the rows of one batch leave behind. */
struct leaving {
    size_t rows;
    int64_t last_seq;
    int64_t horizon; /* days of receipt before this one are incomplete */
    bool no_clock_gone;
};

/* Rows before this seq may go. By age: those before the first that was stored on the first day to
 * stay, or later; all when nothing was. Of several such days the lowest seq counts, so that a clock
 * that was wrong for a while makes rows stay longer, never shorter. */
static enum err end_find(struct store *s, const struct retention *r, int64_t *end,
                         struct errbuf *eb)
{
    sqlite3_stmt *st;
    *end = INT64_MAX;
    if (!r->by_age) {
        return OK;
    }
    enum err e = store_statement(s, STATEMENT_ARRIVAL_FIRST, &st, eb);
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, r->first_day);
    e = store_step(s, st, "reading the days of arrival", eb);
    if (e == OK && sqlite3_column_type(st, 0) != SQLITE_NULL) {
        *end = sqlite3_column_int64(st, 0);
    }
    sqlite3_reset(st);
    return e;
}

/* Reads the rows that go: their receipt moves the horizon, their domains get entries. */
static enum err rows_leave(struct store *s, int64_t end, size_t most, struct leaving *l,
                           struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_MESSAGE_OLDEST, &st, eb);
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, end);
    sqlite3_bind_int64(st, 2, (int64_t)most);
    while (e == OK && (e = store_step(s, st, "finding old messages", eb)) == OK) {
        l->rows++;
        l->last_seq = sqlite3_column_int64(st, 0);
        if (sqlite3_column_type(st, 1) == SQLITE_NULL) {
            l->no_clock_gone = true;
        } else {
            int64_t day = day_of(sqlite3_column_int64(st, 1)) + 1;
            l->horizon = day > l->horizon ? day : l->horizon;
        }
        e = domains_keep(s, column_slice(st, 2), eb);
    }
    sqlite3_reset(st);
    return e == ERR_END ? OK : e;
}

static enum err rows_delete(struct store *s, const struct leaving *l, struct errbuf *eb)
{
    int64_t stored;
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_MESSAGE_DELETE, &st, eb);
    if (e == OK) {
        sqlite3_bind_int64(st, 1, l->last_seq);
        e = store_run(s, st, "deleting old messages", eb);
    }
    if (e == OK) {
        e = store_statement(s, STATEMENT_ARRIVAL_TIDY, &st, eb);
        e = e == OK ? store_run(s, st, "deleting days of arrival", eb) : e;
    }
    e = e == OK ? counter_get(s, "stored", &stored, eb) : e;
    e = e == OK ? counter_put(s, "stored", stored - (int64_t)l->rows, eb) : e;
    e = e == OK ? counter_put(s, "horizon", l->horizon, eb) : e;
    return e == OK ? counter_put(s, "no_clock_gone", l->no_clock_gone, eb) : e;
}

/* One transaction. Identities stay, so they must be in message_key before their rows go. */
static enum err batch_retain(struct store *s, const struct retention *r, size_t most,
                             size_t *deleted, struct errbuf *eb)
{
    struct leaving l = {0};
    int64_t gone, end;
    enum err e = identity_begin(s, eb);
    e = e == OK ? identity_flush(s, 1, eb) : e;
    e = e == OK ? counter_get(s, "horizon", &l.horizon, eb) : e;
    e = e == OK ? counter_get(s, "no_clock_gone", &gone, eb) : e;
    e = e == OK ? end_find(s, r, &end, eb) : e;
    if (e != OK) {
        return e;
    }
    l.no_clock_gone = gone != 0;
    e = rows_leave(s, end, most, &l, eb);
    *deleted = l.rows;
    return e == OK && l.rows ? rows_delete(s, &l, eb) : e;
}

/* By size: how many rows to delete next; 0 when few enough bytes are in use. */
static enum err excess_rows(struct store *s, uint64_t bytes_max, size_t *rows, struct errbuf *eb)
{
    uint64_t used;
    int64_t stored, sessions;
    enum err e = used_bytes(s, &used, eb);
    e = e == OK ? counter_get(s, "stored", &stored, eb) : e;
    e = e == OK ? counter_get(s, "sessions", &sessions, eb) : e;
    *rows = 0;
    stored = e == OK && sessions > stored ? sessions : stored;
    if (e == OK && used > bytes_max && stored > 0) {
        /* Not much more than needed: a row's share, a little low. */
        uint64_t n = (used - bytes_max) / (used / (uint64_t)stored + 1) + 1;
        *rows = n < RETAIN_BATCH ? (size_t)n : RETAIN_BATCH;
    }
    return e;
}

/* Sessions have no arrival of their own: they are stored as they end. By size they go in step with
 * the messages. */
static enum err sessions_pass(struct store *s, const struct retention *r, size_t most,
                              size_t *deleted, struct errbuf *eb)
{
    int64_t stored, sessions, before_us = INT64_MAX;
    enum err e = counter_get(s, "stored", &stored, eb);
    e = e == OK ? counter_get(s, "sessions", &sessions, eb) : e;
    if (e != OK) {
        return e;
    }
    if (r->by_age) {
        before_us = r->first_day * SECONDS_PER_DAY * 1000000;
    } else if (stored > sessions) {
        most = (size_t)((double)most * (double)sessions / (double)stored) + 1;
    }
    return sessions_retain(s, before_us, most, deleted, eb);
}

/* Deletes until a batch finds less than it may; by size until few enough bytes are in use. */
static enum err pass_retain(struct store *s, struct retention *r, struct errbuf *eb)
{
    for (;;) {
        size_t count = 0, sessions = 0, most = RETAIN_BATCH;
        enum err e = r->by_age ? OK : excess_rows(s, r->bytes_max, &most, eb);
        if (e != OK || most == 0) {
            return e;
        }
        e = store_begin_write(s, eb);
        if (e != OK) {
            return e;
        }
        e = sessions_pass(s, r, most, &sessions, eb);
        e = store_end_write(s, e == OK ? batch_retain(s, r, most, &count, eb) : e, eb);
        if (e != OK) {
            return e;
        }
        r->deleted += count;
        if (count + sessions == 0 || (r->by_age && count < most && sessions < most)) {
            return OK;
        }
    }
}

enum err store_retain(struct store *s, int64_t before, uint64_t bytes_max, uint64_t *deleted,
                      struct errbuf *eb)
{
    struct retention r = {.bytes_max = bytes_max};
    enum err e = OK;
    if (before != INT64_MIN) {
        r.by_age = true;
        r.first_day = day_of(before);
        e = pass_retain(s, &r, eb);
    }
    if (e == OK && bytes_max != 0) {
        r.by_age = false;
        e = pass_retain(s, &r, eb);
    }
    if (deleted) {
        *deleted = r.deleted;
    }
    return e;
}
