/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Care: what is in the store, retention, vacuum. */
#include "store/sqlite.h"

#include <stdio.h>
#include <stdlib.h>
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
    int64_t version, messages, strings, sets;
    uint64_t used;
    char sets_sql[128];
    snprintf(sets_sql, sizeof sets_sql,
             "SELECT count(*) FROM main.tally WHERE key BETWEEN %lld AND %lld",
             (long long)tally_key(TALLY_HOST, 0, INT32_MIN),
             (long long)tally_key(TALLY_HOST, HOST_PART_V6, INT32_MAX));
    enum err e = number(s, "PRAGMA user_version", &version, eb);
    e = e == OK ? counter_get(s, "stored", &messages, eb) : e;
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

enum { RETAIN_BATCH = 10000 }; /* rows of one transaction: a writer waits a second at most */

struct retention {
    int64_t horizon; /* days before this one are incomplete */
    bool no_clock_gone;
    uint64_t deleted;
};

/* Seqs of the oldest rows, at most RETAIN_BATCH. Rows without a receipt time are the oldest. */
static enum err oldest_list(struct store *s, bool by_age, int64_t before, int64_t *seqs,
                            size_t most, size_t *count, struct retention *r, struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(
        s, by_age ? STATEMENT_MESSAGE_OLDEST_BEFORE : STATEMENT_MESSAGE_OLDEST, &st, eb);
    *count = 0;
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, (int64_t)most);
    if (by_age) {
        sqlite3_bind_int64(st, 2, before);
    }
    while ((e = store_step(s, st, "finding old messages", eb)) == OK) {
        seqs[(*count)++] = sqlite3_column_int64(st, 0);
        if (sqlite3_column_type(st, 1) == SQLITE_NULL) {
            r->no_clock_gone = true;
        } else {
            int64_t day = day_of(sqlite3_column_int64(st, 1)) + 1;
            r->horizon = day > r->horizon ? day : r->horizon;
        }
    }
    return e == ERR_END ? OK : e;
}

static enum err seqs_delete(struct store *s, const int64_t *seqs, size_t n, struct errbuf *eb)
{
    int64_t stored;
    enum err e = counter_get(s, "stored", &stored, eb);
    for (size_t i = 0; e == OK && i < n; i++) {
        sqlite3_stmt *st;
        e = store_statement(s, STATEMENT_MESSAGE_DELETE, &st, eb);
        if (e == OK) {
            sqlite3_bind_int64(st, 1, seqs[i]);
            e = store_run(s, st, "deleting old messages", eb);
        }
    }
    return e == OK ? counter_put(s, "stored", stored - (int64_t)n, eb) : e;
}

/* One transaction. Identities stay, so they must be in message_key before their rows go. */
static enum err batch_retain(struct store *s, bool by_age, int64_t before, size_t most,
                             int64_t *seqs, struct retention *r, size_t *count, struct errbuf *eb)
{
    int64_t horizon, gone;
    enum err e = identity_begin(s, eb);
    e = e == OK ? identity_flush(s, 1, eb) : e;
    e = e == OK ? counter_get(s, "horizon", &horizon, eb) : e;
    e = e == OK ? counter_get(s, "no_clock_gone", &gone, eb) : e;
    if (e != OK) {
        return e;
    }
    r->horizon = horizon;
    r->no_clock_gone = gone != 0;
    e = oldest_list(s, by_age, before, seqs, most, count, r, eb);
    e = e == OK && *count ? seqs_delete(s, seqs, *count, eb) : e;
    e = e == OK ? counter_put(s, "horizon", r->horizon, eb) : e;
    return e == OK ? counter_put(s, "no_clock_gone", r->no_clock_gone, eb) : e;
}

/* Deletes until a batch finds less than it may; by size until few enough bytes are in use. */
static enum err pass_retain(struct store *s, bool by_age, int64_t before, uint64_t bytes_max,
                            int64_t *seqs, struct retention *r, struct errbuf *eb)
{
    for (;;) {
        uint64_t used;
        int64_t stored;
        size_t count = 0, most = RETAIN_BATCH;
        if (!by_age) {
            enum err e = used_bytes(s, &used, eb);
            e = e == OK ? counter_get(s, "stored", &stored, eb) : e;
            if (e != OK || used <= bytes_max || stored <= 0) {
                return e;
            }
            /* Not much more than needed: a row's share, a little low. */
            uint64_t rows = (used - bytes_max) / (used / (uint64_t)stored + 1) + 1;
            most = rows < most ? (size_t)rows : most;
        }
        enum err e = store_begin_write(s, eb);
        if (e != OK) {
            return e;
        }
        e = store_end_write(s, batch_retain(s, by_age, before, most, seqs, r, &count, eb), eb);
        if (e != OK) {
            return e;
        }
        r->deleted += count;
        if (count == 0 || (by_age && count < most)) {
            return OK;
        }
    }
}

enum err store_retain(struct store *s, int64_t before, uint64_t bytes_max, uint64_t *deleted,
                      struct errbuf *eb)
{
    struct retention r = {0};
    int64_t *seqs = malloc(RETAIN_BATCH * sizeof *seqs);
    enum err e = seqs ? OK : err_set(eb, ERR_NOMEM, "out of memory");
    if (e == OK && before != INT64_MIN) {
        e = pass_retain(s, true, before, 0, seqs, &r, eb);
    }
    if (e == OK && bytes_max != 0) {
        e = pass_retain(s, false, 0, bytes_max, seqs, &r, eb);
    }
    free(seqs);
    if (deleted) {
        *deleted = r.deleted;
    }
    return e;
}
