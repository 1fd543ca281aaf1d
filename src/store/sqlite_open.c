/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening, migrating and the small tools that every other file of the store uses. */
#include "core/log.h"
#include "store/schema.h"
#include "store/sqlite.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    APPLICATION_ID = 0x73706d67, /* "spmg": a file of another program is refused */
    SCHEMA_NEWEST = sizeof SCHEMA_STEPS / sizeof *SCHEMA_STEPS,
    CACHE_BYTES_DEFAULT = 64 * 1024 * 1024,
    BUSY_TIMEOUT_MS = 10 * 1000,
    /* A batch of 5,000 rows writes about 3 MiB. Checkpointing each time would copy the blobs of
     * the current day again and again. */
    CHECKPOINT_PAGES = 8192,
    WAL_KEEP_BYTES = 64 * 1024 * 1024,
    ARENA_BYTES_MAX = 256 * 1024 * 1024, /* one message row; the largest are a few MiB */
};

static const char *const STATEMENTS[] = {
#define STATEMENT(id, sql) sql,
#include "store/statement.def"
#undef STATEMENT
};

enum err store_error(struct store *s, int rc, const char *doing, struct errbuf *eb)
{
    const char *text = s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc);
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(eb, ERR_BUSY, "%s: %s: another process is writing to it", s->path, doing);
    case SQLITE_NOMEM:
        return err_set(eb, ERR_NOMEM, "%s: %s: out of memory", s->path, doing);
    case SQLITE_NOTADB:
        return err_set(eb, ERR_STORE, "%s: not a spamgauge store", s->path);
    default:
        return err_set(eb, ERR_STORE, "%s: %s: %s", s->path, doing, text);
    }
}

enum err store_statement(struct store *s, enum statement id, sqlite3_stmt **out, struct errbuf *eb)
{
    sqlite3_stmt *st = s->statements[id];
    if (st) {
        sqlite3_reset(st);
        sqlite3_clear_bindings(st);
        *out = st;
        return OK;
    }
    int rc = sqlite3_prepare_v3(s->db, STATEMENTS[id], -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    if (rc != SQLITE_OK) {
        return store_error(s, rc, "preparing a statement", eb);
    }
    s->statements[id] = *out;
    return OK;
}

enum err store_step(struct store *s, sqlite3_stmt *st, const char *doing, struct errbuf *eb)
{
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) {
        return OK;
    }
    enum err e = rc == SQLITE_DONE ? ERR_END : store_error(s, rc, doing, eb);
    sqlite3_reset(st);
    return e;
}

enum err store_run(struct store *s, sqlite3_stmt *st, const char *doing, struct errbuf *eb)
{
    enum err e = store_step(s, st, doing, eb);
    sqlite3_reset(st);
    return e == ERR_END ? OK : e;
}

enum err store_exec(struct store *s, const char *sql, struct errbuf *eb)
{
    int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? OK : store_error(s, rc, "executing", eb);
}

static enum err simple_run(struct store *s, enum statement id, const char *doing, struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, id, &st, eb);
    return e == OK ? store_run(s, st, doing, eb) : e;
}

enum err store_begin_write(struct store *s, struct errbuf *eb)
{
    if (s->mode == STORE_READ) {
        return err_set(eb, ERR_STORE, "%s: opened for reading only", s->path);
    }
    enum err e = simple_run(s, STATEMENT_BEGIN_WRITE, "beginning to write", eb);
    s->writes++;
    s->transactions = e == OK; /* reads within it neither begin nor end anything */
    return e;
}

enum err store_end_write(struct store *s, enum err e, struct errbuf *eb)
{
    s->transactions = 0;
    if (e == OK) {
        e = simple_run(s, STATEMENT_COMMIT, "committing", eb);
    }
    if (e != OK) {
        /* An error like SQLITE_FULL may have rolled back by itself. */
        for (int i = 0; i < STATEMENT_COUNT; i++) {
            if (s->statements[i]) {
                sqlite3_reset(s->statements[i]);
            }
        }
        if (!sqlite3_get_autocommit(s->db)) {
            enum err ignored = simple_run(s, STATEMENT_ROLLBACK, "rolling back", NULL);
            (void)ignored;
        }
        store_forget(s);
        s->tail.is_valid = false;
        count_forget(s);
    }
    return e;
}

enum err store_begin_read(struct store *s, struct errbuf *eb)
{
    if (s->transactions == 0 && sqlite3_get_autocommit(s->db)) {
        enum err e = simple_run(s, STATEMENT_BEGIN_READ, "beginning to read", eb);
        if (e != OK) {
            return e;
        }
    }
    s->transactions++;
    return OK;
}

enum err store_end_read(struct store *s, enum err e, struct errbuf *eb)
{
    if (--s->transactions == 0 && !sqlite3_get_autocommit(s->db)) {
        enum err f = simple_run(s, STATEMENT_COMMIT, "ending a read", e == OK ? eb : NULL);
        return e == OK ? f : e;
    }
    return e;
}

enum err counter_get(struct store *s, const char *name, int64_t *out, struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_COUNTER_GET, &st, eb);
    if (e != OK) {
        return e;
    }
    sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
    e = store_step(s, st, "reading a counter", eb);
    if (e == OK) {
        *out = sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
    } else if (e == ERR_END) {
        e = err_set(eb, ERR_STORE, "%s: counter %s is missing", s->path, name);
    }
    return e;
}

enum err counter_put(struct store *s, const char *name, int64_t value, struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_COUNTER_PUT, &st, eb);
    if (e != OK) {
        return e;
    }
    sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(st, 2, value);
    return store_run(s, st, "writing a counter", eb);
}

struct slice column_slice(sqlite3_stmt *st, int column)
{
    const char *p = sqlite3_column_blob(st, column);
    return slice_of(p, (size_t)sqlite3_column_bytes(st, column));
}

void bind_slice(sqlite3_stmt *st, int at, struct slice s)
{
    if (s.n != 0) {
        sqlite3_bind_text64(st, at, s.p, s.n, SQLITE_STATIC, SQLITE_UTF8);
    }
}

void bind_packed(sqlite3_stmt *st, int at, struct slice s)
{
    if (s.n != 0) {
        sqlite3_bind_blob64(st, at, s.p, s.n, SQLITE_STATIC);
    }
}

static enum err pragma_get(struct store *s, const char *sql, int64_t *out, struct errbuf *eb)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
    if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        *out = sqlite3_column_int64(st, 0);
        rc = SQLITE_OK;
    }
    enum err e = rc == SQLITE_OK ? OK : store_error(s, rc, "opening", eb);
    sqlite3_finalize(st);
    return e;
}

/* Each step and its number in one transaction: a kill leaves the old version or the new one. */
static enum err step_run(struct store *s, int version, struct errbuf *eb)
{
    char pragma[96];
    int64_t have;
    enum err e = store_begin_write(s, eb);
    if (e != OK) {
        return e;
    }
    /* Another process may have been faster. */
    e = pragma_get(s, "PRAGMA user_version", &have, eb);
    if (e == OK && have < version) {
        snprintf(pragma, sizeof pragma, "PRAGMA application_id = %d; PRAGMA user_version = %d",
                 APPLICATION_ID, version);
        e = store_exec(s, SCHEMA_STEPS[version - 1], eb);
        e = e == OK ? store_exec(s, pragma, eb) : e;
    }
    return store_end_write(s, e, eb);
}

static enum err schema_check(struct store *s, struct errbuf *eb)
{
    int64_t version, application, tables;
    enum err e = pragma_get(s, "PRAGMA user_version", &version, eb);
    e = e == OK ? pragma_get(s, "PRAGMA application_id", &application, eb) : e;
    e = e == OK ? pragma_get(s, "SELECT count(*) FROM sqlite_schema", &tables, eb) : e;
    if (e != OK) {
        return e;
    }
    bool is_new = version == 0 && application == 0 && tables == 0;
    if ((!is_new && application != APPLICATION_ID) || (is_new && s->mode != STORE_CREATE)) {
        return err_set(eb, ERR_STORE, "%s: not a spamgauge store", s->path);
    }
    if (version > SCHEMA_NEWEST) {
        return err_set(eb, ERR_VERSION,
                       "%s: schema %lld was made by a newer spamgauge (this one knows %d)", s->path,
                       (long long)version, SCHEMA_NEWEST);
    }
    if (version < SCHEMA_NEWEST && s->mode != STORE_CREATE) {
        return err_set(eb, ERR_VERSION,
                       "%s: schema %lld is old (newest: %d): db migrate brings it up to date",
                       s->path, (long long)version, SCHEMA_NEWEST);
    }
    for (int step = (int)version + 1; e == OK && step <= SCHEMA_NEWEST; step++) {
        e = step_run(s, step, eb);
    }
    return e;
}

static enum err connection_set_up(struct store *s, const struct store_options *o, struct errbuf *eb)
{
    char sql[512];
    size_t cache = o->cache_bytes ? o->cache_bytes : CACHE_BYTES_DEFAULT;
    sqlite3_busy_timeout(s->db, BUSY_TIMEOUT_MS);
    snprintf(sql, sizeof sql, "PRAGMA cache_size = -%zu; PRAGMA temp_store = FILE",
             cache / 1024 ? cache / 1024 : 1);
    enum err e = store_exec(s, sql, eb);
    if (e == OK && s->mode != STORE_READ) {
        snprintf(sql, sizeof sql,
                 "PRAGMA journal_mode = WAL; PRAGMA synchronous = %s; "
                 "PRAGMA wal_autocheckpoint = %d; PRAGMA journal_size_limit = %d; "
                 "PRAGMA secure_delete = FAST",
                 o->is_durable ? "FULL" : "NORMAL", CHECKPOINT_PAGES, WAL_KEEP_BYTES);
        e = store_exec(s, sql, eb);
    }
    return e;
}

static enum err database_open(struct store *s, const struct store_options *o, struct errbuf *eb)
{
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    flags |= o->mode == STORE_READ     ? SQLITE_OPEN_READONLY
             : o->mode == STORE_CREATE ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                                       : SQLITE_OPEN_READWRITE;
    int rc = sqlite3_open_v2(o->path, &s->db, flags, NULL);
    if ((rc & 0xff) == SQLITE_CANTOPEN) {
        int number = s->db ? sqlite3_system_errno(s->db) : 0;
        return err_set(eb, o->mode == STORE_CREATE ? ERR_IO : ERR_NOTFOUND,
                       "%s: cannot open the store: %s", o->path,
                       number ? strerror(number) : "not there");
    }
    if (rc != SQLITE_OK) {
        return store_error(s, rc, "opening", eb);
    }
    enum err e = connection_set_up(s, o, eb);
    return e == OK ? schema_check(s, eb) : e;
}

enum err store_open(const struct store_options *o, struct store **out, struct errbuf *eb)
{
    struct store *s = calloc(1, sizeof *s);
    enum err e = ERR_NOMEM;
    if (!s) {
        return err_set(eb, ERR_NOMEM, "out of memory");
    }
    s->mode = o->mode;
    s->now = o->now;
    s->path = strdup(o->path);
    s->text_ids = strmap_new();
    s->trap_ids = strmap_new();
    s->stream_ids = strmap_new();
    s->arena = arena_new(ARENA_BYTES_MAX);
    if (s->path && s->text_ids && s->trap_ids && s->stream_ids && s->arena) {
        e = database_open(s, o, eb);
    }
    if (e != OK) {
        store_close(s);
        return e;
    }
    *out = s;
    return OK;
}

enum {
    /* A reader finds what is not in message_key by reading the newest rows; this many are quick. */
    TAIL_LEFT_AT_CLOSE = 4096,
};

static void tail_tidy(struct store *s)
{
    struct errbuf eb;
    if (s->mode == STORE_READ || s->tail.count < TAIL_LEFT_AT_CLOSE || !s->tail.is_valid) {
        return;
    }
    enum err e = store_begin_write(s, &eb);
    if (e == OK) {
        e = identity_begin(s, &eb);
        e = e == OK ? identity_flush(s, TAIL_LEFT_AT_CLOSE, &eb) : e;
        e = store_end_write(s, e, &eb);
    }
    if (e != OK) {
        /* Nothing is lost: the next writer does it. */
        log_debug("store", "identities not indexed at close: %s", eb.text);
    }
}

void store_close(struct store *s)
{
    if (!s) {
        return;
    }
    tail_tidy(s);
    store_forget(s);
    hosts_free(s);
    count_free(s);
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        sqlite3_finalize(s->statements[i]);
    }
    sqlite3_close(s->db);
    strmap_free(s->text_ids);
    strmap_free(s->trap_ids);
    strmap_free(s->stream_ids);
    arena_free(s->arena);
    strbuf_free(&s->packed);
    free(s->text_values);
    identity_free(s);
    free(s->path);
    free(s);
}

int store_schema_newest(void)
{
    return SCHEMA_NEWEST;
}
