/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Are the counts those of the messages? All rows are counted again, by the same code, into tables
 * of the same names in schema temp (a file that the engine deletes), and the two are compared. Days
 * of which retention has deleted rows cannot be checked and are left out. */
#include "store/sqlite.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINES_MAX = 100 }; /* problems told of one kind; all are counted */

struct verify {
    struct store *s;
    void (*say)(void *, const char *line);
    void *arg;
    size_t problems;
    int32_t first_day, first_month; /* complete from here on */
    bool has_no_clock;              /* all rows without a time are still there */
    struct arrivals arrivals;
    int64_t lag_from; /* messages before this one have no lag */
    struct errbuf *eb;
};

static void problem(struct verify *v, size_t *told, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void problem(struct verify *v, size_t *told, const char *fmt, ...)
{
    char line[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    v->problems++;
    if ((*told)++ < LINES_MAX && v->say) {
        v->say(v->arg, line);
    }
}

static enum err query(struct verify *v, const char *sql, sqlite3_stmt **st)
{
    int rc = sqlite3_prepare_v2(v->s->db, sql, -1, st, NULL);
    return rc == SQLITE_OK ? OK : store_error(v->s, rc, "verifying", v->eb);
}

static enum err query_number(struct verify *v, const char *sql, int64_t *out)
{
    sqlite3_stmt *st = NULL;
    enum err e = query(v, sql, &st);
    e = e == OK ? store_step(v->s, st, "verifying", v->eb) : e;
    if (e == OK) {
        *out = sqlite3_column_int64(st, 0);
    }
    sqlite3_finalize(st);
    return e;
}

static enum err engine_check(struct verify *v)
{
    sqlite3_stmt *st = NULL;
    size_t told = 0;
    enum err e = query(v, "PRAGMA main.integrity_check(100)", &st);
    while (e == OK && (e = store_step(v->s, st, "checking the file", v->eb)) == OK) {
        const char *line = (const char *)sqlite3_column_text(st, 0);
        if (line && strcmp(line, "ok") != 0) {
            problem(v, &told, "file: %s", line);
        }
    }
    sqlite3_finalize(st);
    return e == ERR_END ? OK : e;
}

static const char *const TABLES[] = {"rollup_day", "rollup_month", "tally"};

static void scratch_drop(struct verify *v)
{
    for (size_t i = 0; i < sizeof TABLES / sizeof *TABLES; i++) {
        char sql[64];
        snprintf(sql, sizeof sql, "DROP TABLE IF EXISTS temp.%s", TABLES[i]);
        enum err ignored = store_exec(v->s, sql, NULL);
        (void)ignored;
    }
}

static enum err scratch_make(struct verify *v)
{
    enum err e = OK;
    for (size_t i = 0; e == OK && i < sizeof TABLES / sizeof *TABLES; i++) {
        static const char HEAD[] = "CREATE TABLE ";
        sqlite3_stmt *st = NULL;
        char sql[160];
        snprintf(sql, sizeof sql, "SELECT sql FROM main.sqlite_schema WHERE name = '%s'",
                 TABLES[i]);
        e = query(v, sql, &st);
        e = e == OK ? store_step(v->s, st, "verifying", v->eb) : e;
        struct slice text = e == OK ? column_slice(st, 0) : slice_of("", 0);
        if (e == OK && slice_starts(text, S("CREATE TABLE "))) {
            struct strbuf make = STRBUF_INIT;
            strbuf_add_cstr(&make, "CREATE TABLE temp.");
            strbuf_add(&make, slice_sub(text, sizeof HEAD - 1, SIZE_MAX));
            e = make.failed ? ERR_NOMEM : store_exec(v->s, strbuf_cstr(&make), v->eb);
            strbuf_free(&make);
        } else if (e == OK || e == ERR_END) {
            e = err_set(v->eb, ERR_STORE, "%s: table %s is missing", v->s->path, TABLES[i]);
        }
        sqlite3_finalize(st);
    }
    return e;
}

static enum err messages_count(struct verify *v, sqlite3_stmt *st, size_t *told)
{
    struct store *s = v->s;
    enum err e = OK;
    while (e == OK && (e = store_step(s, st, "reading messages", v->eb)) == OK) {
        struct counted m;
        struct errbuf eb = {0};
        arena_reset(s->arena);
        enum err bad = message_counted(s, st, &m, &eb);
        if (bad != OK) {
            problem(v, told, "message: %s", eb.text);
        } else {
            int64_t seq = sqlite3_column_int64(st, 0);
            m.arrived = seq >= v->lag_from ? arrival_day(&v->arrivals, seq) : BUCKET_NONE;
            e = count_message(s, &m, true, v->eb);
        }
    }
    sqlite3_reset(st);
    return e == ERR_END ? OK : e;
}

static enum err all_count(struct verify *v)
{
    sqlite3_stmt *st;
    size_t told = 0;
    enum err e = store_statement(v->s, STATEMENT_MESSAGE_FROM_DAY, &st, v->eb);
    if (e == OK) {
        sqlite3_bind_int64(
            st, 1, v->first_day == INT32_MIN ? INT64_MIN : (int64_t)v->first_day * SECONDS_PER_DAY);
        e = messages_count(v, st, &told);
    }
    if (e == OK && v->has_no_clock) {
        e = store_statement(v->s, STATEMENT_MESSAGE_NO_CLOCK, &st, v->eb);
        e = e == OK ? messages_count(v, st, &told) : e;
    }
    return e == OK ? count_flush(v->s, true, v->eb) : e;
}

/* Rows of one side that the other does not have in the same way. */
static enum err rollup_compare(struct verify *v, const char *table, const char *unit, int32_t first)
{
    char sql[512];
    sqlite3_stmt *st = NULL;
    size_t told = 0;
    snprintf(
        sql, sizeof sql,
        "SELECT 'has', * FROM (SELECT * FROM main.%s WHERE %s >= %d OR (%s = %d AND %d) "
        "EXCEPT SELECT * FROM temp.%s) UNION ALL "
        "SELECT 'should have', * FROM (SELECT * FROM temp.%s WHERE %s >= %d OR (%s = %d AND %d) "
        "EXCEPT SELECT * FROM main.%s)",
        table, unit, first, unit, INT32_MIN, v->has_no_clock, table, table, unit, first, unit,
        INT32_MIN, v->has_no_clock, table);
    enum err e = query(v, sql, &st);
    while (e == OK && (e = store_step(v->s, st, "comparing rollups", v->eb)) == OK) {
        problem(v, &told,
                "%s: dimension %d, %s %d, value %lld, trap %lld: %s %lld messages, %lld "
                "recipients, %lld bytes, %lld expected",
                table, sqlite3_column_int(st, 1), unit, sqlite3_column_int(st, 2),
                (long long)sqlite3_column_int64(st, 3), (long long)sqlite3_column_int64(st, 4),
                (const char *)sqlite3_column_text(st, 0), (long long)sqlite3_column_int64(st, 5),
                (long long)sqlite3_column_int64(st, 6), (long long)sqlite3_column_int64(st, 7),
                (long long)sqlite3_column_int64(st, 8));
    }
    sqlite3_finalize(st);
    return e == ERR_END ? OK : e;
}

static bool tally_is_checked(const struct verify *v, int64_t key)
{
    enum tally_kind kind = (enum tally_kind)(key >> 48);
    int64_t bucket = tally_key_bucket(key);
    if (bucket == BUCKET_NONE) {
        return v->has_no_clock;
    }
    return bucket >= (kind == TALLY_ASN_MONTH || kind == TALLY_DOMAIN_MONTH ? v->first_month
                      : kind == TALLY_HOUR && v->first_day != INT32_MIN ? (int64_t)v->first_day * 24
                                                                        : v->first_day);
}

static enum err tally_compare(struct verify *v)
{
    sqlite3_stmt *st = NULL;
    size_t told = 0;
    enum err e =
        query(v,
              "SELECT m.key, m.entries IS NULL, t.entries IS NULL, m.entries IS t.entries "
              "FROM main.tally m LEFT JOIN temp.tally t ON m.key = t.key "
              "UNION ALL "
              "SELECT key, 1, 0, 0 FROM temp.tally WHERE key NOT IN (SELECT key FROM main.tally)",
              &st);
    while (e == OK && (e = store_step(v->s, st, "comparing tallies", v->eb)) == OK) {
        int64_t key = sqlite3_column_int64(st, 0);
        if (sqlite3_column_int(st, 3) || !tally_is_checked(v, key)) {
            continue;
        }
        problem(v, &told, "tally: kind %d, part %d, bucket %d: %s", (int)(key >> 48),
                (int)(key >> 40 & 0xff), tally_key_bucket(key),
                sqlite3_column_int(st, 1)   ? "is missing"
                : sqlite3_column_int(st, 2) ? "there are no such messages"
                                            : "differs from the messages");
    }
    sqlite3_finalize(st);
    return e == ERR_END ? OK : e;
}

/* Single numbers that must be 0. */
static const struct {
    const char *text, *sql;
    bool needs_all; /* only when retention has not deleted rows */
} CHECKS[] = {
    {"messages without an identity in the index",
     "SELECT count(*) FROM (SELECT seq FROM message WHERE seq <= (SELECT value FROM counter "
     "WHERE name = 'keyed') EXCEPT SELECT seq FROM message_key)",
     false},
    {"identities of messages that never were",
     "SELECT count(*) FROM message_key WHERE seq >= (SELECT value FROM counter WHERE name = "
     "'next_seq')",
     false},
    {"identities that stand twice", "SELECT count(*) - count(DISTINCT id) FROM message", false},
    {"message rows more or less than counted",
     "SELECT abs(count(*) - (SELECT value FROM counter WHERE name = 'stored')) FROM message",
     false},
    {"messages stored before the first day of arrival",
     "SELECT count(*) FROM message WHERE seq < ifnull((SELECT min(first_seq) FROM arrival), "
     "(SELECT value FROM counter WHERE name = 'next_seq'))",
     false},
    {"messages more or less than their traps count",
     "SELECT abs(count(*) - (SELECT ifnull(sum(messages), 0) FROM trap)) FROM message", true},
    {"former names of traps that are not there",
     "SELECT count(*) FROM trap_alias WHERE trap NOT IN (SELECT id FROM trap) OR name IN "
     "(SELECT name FROM trap)",
     false},
    {"intervals of coverage that are impossible, or of no trap",
     "SELECT count(*) FROM trap_coverage WHERE until <= since OR (until IS NOT NULL AND seen "
     "IS "
     "NOT NULL) OR state NOT BETWEEN 0 AND 2 OR source NOT BETWEEN 0 AND 2 OR part NOT BETWEEN "
     "0 AND 1 OR trap NOT IN (SELECT id FROM trap)",
     false},
    {"intervals of coverage that overlap",
     "SELECT count(*) FROM (SELECT since < lag(ifnull(until, 9223372036854775807)) OVER "
     "(PARTITION BY trap, source ORDER BY since) AS overlaps FROM trap_coverage) WHERE "
     "overlaps",
     false},
    {"hours of traps with impossible counts, or of no trap",
     "SELECT count(*) FROM trap_hour WHERE min(connections, accepted, refused) < 0 OR accepted "
     "+ "
     "refused > connections OR trap NOT IN (SELECT id FROM trap)",
     false},
    {"session rows more or less than counted",
     "SELECT abs(count(*) - (SELECT value FROM counter WHERE name = 'sessions')) FROM session",
     false},
    {"sessions that stand twice",
     "SELECT count(*) FROM (SELECT id, lag(id) OVER (ORDER BY key) AS before FROM session) "
     "WHERE id = before",
     false},
    {"hours with sessions that are not counted",
     "SELECT count(*) FROM (SELECT DISTINCT trap, started / 3600000000 FROM session EXCEPT "
     "SELECT "
     "trap, hour FROM trap_hour)",
     false},
    {"sessions of traps that are not there",
     "SELECT count(*) FROM session WHERE trap NOT IN (SELECT id FROM trap)", false},
    {"messages of parts that are not there",
     "SELECT count(*) FROM message WHERE (variant IS NOT NULL AND variant NOT IN (SELECT id "
     "FROM "
     "part WHERE kind = 0)) OR (wording IS NOT NULL AND wording NOT IN (SELECT id FROM part "
     "WHERE "
     "kind = 1))",
     false},
    {"states of parts that are not there",
     "SELECT count(*) FROM part_state WHERE part NOT IN (SELECT id FROM part)", false},
    {"parts in clusters that are not there",
     "SELECT count(*) FROM part p WHERE (cluster <> 0 AND NOT EXISTS (SELECT 1 FROM cluster c "
     "WHERE c.kind = p.kind AND c.id = p.cluster)) OR (pin <> 0 AND NOT EXISTS (SELECT 1 FROM "
     "cluster c WHERE c.kind = p.kind AND c.id = p.pin))",
     false},
    {"clusters merged into others that are not there",
     "SELECT count(*) FROM cluster m WHERE merged_into <> 0 AND NOT EXISTS (SELECT 1 FROM "
     "cluster c WHERE c.kind = m.kind AND c.id = m.merged_into)",
     false},
    {"generations whose differences do not add up",
     "SELECT count(*) FROM (SELECT sum(messages) AS m, sum(expected) AS x FROM generation_day "
     "GROUP BY generation, dim) WHERE m <> 0 OR x <> 0",
     false},
    {"differences of generations that are not there",
     "SELECT count(*) FROM generation_day WHERE generation + 1 NOT IN (SELECT number FROM "
     "generation)",
     false},
    {"strings that cannot be found",
     "SELECT count(*) FROM text WHERE id NOT IN (SELECT text FROM text_key)", false},
};

static enum err facts_check(struct verify *v)
{
    enum err e = OK;
    for (size_t i = 0; e == OK && i < sizeof CHECKS / sizeof *CHECKS; i++) {
        int64_t n;
        size_t told = 0;
        if (CHECKS[i].needs_all && (v->first_day != INT32_MIN || !v->has_no_clock)) {
            continue;
        }
        e = query_number(v, CHECKS[i].sql, &n);
        if (e == OK && n != 0) {
            problem(v, &told, "%lld %s", (long long)n, CHECKS[i].text);
        }
    }
    return e;
}

static enum err all_sessions_check(struct verify *v)
{
    uint64_t damaged = 0;
    size_t told = 0;
    enum err e = sessions_check(v->s, &damaged, v->eb);
    if (e == OK && damaged) {
        problem(v, &told, "%llu sessions that cannot be read", (unsigned long long)damaged);
    }
    return e;
}

static enum err horizon_read(struct verify *v)
{
    int64_t horizon, gone;
    enum err e = counter_get(v->s, "horizon", &horizon, v->eb);
    e = e == OK ? counter_get(v->s, "no_clock_gone", &gone, v->eb) : e;
    if (e != OK) {
        return e;
    }
    v->first_day = v->first_month = (int32_t)horizon;
    v->has_no_clock = gone == 0;
    if (horizon != INT32_MIN) {
        v->first_month = month_of_day((int32_t)horizon);
        v->first_month += month_first_day(v->first_month) != horizon;
    }
    return OK;
}

static enum err counts_check(struct verify *v)
{
    enum err e = horizon_read(v);
    e = e == OK ? counter_get(v->s, "lag_from", &v->lag_from, v->eb) : e;
    e = e == OK ? arrivals_load(v->s, &v->arrivals, v->eb) : e;
    e = e == OK ? scratch_make(v) : e;
    e = e == OK ? all_count(v) : e;
    e = e == OK ? rollup_compare(v, "rollup_day", "day", v->first_day) : e;
    e = e == OK ? rollup_compare(v, "rollup_month", "month", v->first_month) : e;
    e = e == OK ? tally_compare(v) : e;
    e = e == OK ? facts_check(v) : e;
    return e == OK ? all_sessions_check(v) : e;
}

enum err store_verify(struct store *s, void (*say)(void *, const char *line), void *arg,
                      size_t *problems, struct errbuf *eb)
{
    struct verify v = {.s = s, .say = say, .arg = arg, .eb = eb};
    scratch_drop(&v);
    enum err e = engine_check(&v);
    e = e == OK ? store_begin_read(s, eb) : e;
    if (e == OK) {
        e = store_end_read(s, counts_check(&v), eb);
        count_forget(s);
        arrivals_free(&v.arrivals);
        scratch_drop(&v);
    }
    if (e == OK) {
        *problems = v.problems;
    }
    return e;
}
