/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening, rows read back, paging, retention, verify, and what happens when things fail. */
#include "store_rows.h"

#include "core/strbuf.h"

#include <sqlite3.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* SQL behind the store's back. */
static void sql_run(const char *path, const char *sql)
{
    sqlite3 *db;
    char *text = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    if (sqlite3_exec(db, sql, NULL, NULL, &text) != SQLITE_OK) {
        fail_msg("%s: %s", sql, text);
    }
    sqlite3_close(db);
}

static int64_t sql_number(const char *path, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return n;
}

static enum err open_fails(const char *path, enum store_mode mode, struct errbuf *eb)
{
    struct store *s = NULL;
    enum err e = store_open(&(struct store_options){.path = path, .mode = mode}, &s, eb);
    assert_null(s);
    return e;
}

static void test_open_errors(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct errbuf error = {0};
    assert_int_equal(open_fails(scratch.path, STORE_READ, &error), ERR_NOTFOUND);
    assert_non_null(strstr(error.text, scratch.path));
    assert_int_equal(open_fails(scratch.path, STORE_WRITE, &error), ERR_NOTFOUND);
    assert_int_equal(open_fails("/nowhere/at/all.db", STORE_CREATE, &error), ERR_IO);
    /* No database, an empty file, another program's database. */
    FILE *f = fopen(scratch.path, "w");
    assert_non_null(f);
    assert_int_equal(open_fails(scratch.path, STORE_READ, &error), ERR_STORE);
    for (int i = 0; i < 200; i++) {
        (void)fputs("this is no database, but it is long enough to look into\n", f);
    }
    (void)fclose(f);
    assert_int_equal(open_fails(scratch.path, STORE_CREATE, &error), ERR_STORE);
    assert_non_null(strstr(error.text, "not a spamgauge store"));
    (void)unlink(scratch.path);
    sql_run(scratch.path, "CREATE TABLE other(x)");
    assert_int_equal(open_fails(scratch.path, STORE_CREATE, &error), ERR_STORE);
    assert_non_null(strstr(error.text, "not a spamgauge store"));
    scratch_remove(&scratch);
}

/* A newer schema is refused by all modes; an older one by those that do not migrate. */
static void test_versions(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct errbuf error = {0};
    struct store_info info;
    struct store *s = open_as(scratch.path, STORE_CREATE);
    assert_ok(store_info(s, &info, eb));
    assert_int_equal(info.schema_version, info.schema_newest);
    store_close(s);
    sql_run(scratch.path, "PRAGMA user_version = 4711");
    for (int mode = STORE_READ; mode <= STORE_CREATE; mode++) {
        assert_int_equal(open_fails(scratch.path, (enum store_mode)mode, &error), ERR_VERSION);
        assert_non_null(strstr(error.text, "newer"));
    }
    /* A store whose making was killed before the first step: made again. */
    (void)unlink(scratch.path);
    sql_run(scratch.path, "PRAGMA application_id = 1936747879; PRAGMA user_version = 0");
    assert_int_equal(open_fails(scratch.path, STORE_WRITE, &error), ERR_VERSION);
    assert_non_null(strstr(error.text, "migrate"));
    s = open_as(scratch.path, STORE_CREATE);
    assert_int_equal(verify_count(s), 0);
    store_close(s);
    scratch_remove(&scratch);
}

static void slices_equal(struct slice a, struct slice b)
{
    if (!slice_eq(a, b)) {
        fail_msg("'%.*s' is not '%.*s'", SLICE_ARG(a), SLICE_ARG(b));
    }
}

static void labels_equal(const struct row_label *a, const struct row_label *b)
{
    slices_equal(a->name, b->name);
    slices_equal(a->best, b->best);
    slices_equal(a->runner_up, b->runner_up);
    assert_true(a->posterior - b->posterior < 1e-6 && b->posterior - a->posterior < 1e-6);
    assert_true(a->runner_up_posterior - b->runner_up_posterior < 1e-6);
    assert_true(a->unknown - b->unknown < 1e-6 && b->unknown - a->unknown < 1e-6);
    assert_int_equal(a->is_conflict, b->is_conflict);
}

static void rows_equal(const struct message_row *a, const struct message_row *b)
{
    assert_memory_equal(a->id.b, b->id.b, sizeof a->id.b);
    slices_equal(a->trap, b->trap);
    assert_int_equal(a->received, b->received);
    assert_int_equal(a->clock, b->clock);
    assert_int_equal(a->has_client, b->has_client);
    assert_true(!a->has_client || ip_eq(a->client, b->client));
    slices_equal(a->country, b->country);
    assert_int_equal(a->asn, b->asn);
    assert_int_equal(a->recipients, b->recipients);
    for (size_t i = 0; i < a->recipients; i++) {
        assert_true(id128_eq(a->recipient_hashes[i], b->recipient_hashes[i]));
    }
    assert_int_equal(a->bytes, b->bytes);
    const struct slice *x[] = {
        &a->helo,   &a->ptr,      &a->protocol, &a->tls,         &a->envelope_from,  &a->sd1,
        &a->hd1,    &a->td1,      &a->cd1,      &a->msgid_shape, &a->boundary_shape, &a->mime_tree,
        &a->mailer, &a->charsets, &a->subject,  &a->pack_version};
    const struct slice *y[] = {
        &b->helo,   &b->ptr,      &b->protocol, &b->tls,         &b->envelope_from,  &b->sd1,
        &b->hd1,    &b->td1,      &b->cd1,      &b->msgid_shape, &b->boundary_shape, &b->mime_tree,
        &b->mailer, &b->charsets, &b->subject,  &b->pack_version};
    for (size_t i = 0; i < sizeof x / sizeof *x; i++) {
        slices_equal(*x[i], *y[i]);
    }
    assert_int_equal(a->has_date_offset, b->has_date_offset);
    assert_int_equal(a->date_offset, b->date_offset);
    assert_int_equal(a->domain_count, b->domain_count);
    for (size_t i = 0; i < a->domain_count; i++) {
        slices_equal(a->domains[i], b->domains[i]);
    }
    assert_int_equal(a->url_shape_count, b->url_shape_count);
    for (size_t i = 0; i < a->url_shape_count; i++) {
        slices_equal(a->url_shapes[i], b->url_shapes[i]);
    }
    assert_int_equal(a->attachment_count, b->attachment_count);
    for (size_t i = 0; i < a->attachment_count; i++) {
        slices_equal(a->attachments[i].type, b->attachments[i].type);
        slices_equal(a->attachments[i].name_shape, b->attachments[i].name_shape);
        assert_true(id128_eq(a->attachments[i].hash, b->attachments[i].hash));
        assert_int_equal(a->attachments[i].bytes, b->attachments[i].bytes);
    }
    assert_int_equal(a->quirks, b->quirks);
    labels_equal(&a->botnet, &b->botnet);
    labels_equal(&a->mailer_label, &b->mailer_label);
    labels_equal(&a->program, &b->program);
    assert_memory_equal(a->part, b->part, sizeof a->part);
    assert_int_equal(a->rule_count, b->rule_count);
    for (size_t i = 0; i < a->rule_count; i++) {
        slices_equal(a->rule_ids[i], b->rule_ids[i]);
    }
}

static void id_count(void *arg, struct id128 id)
{
    (void)id;
    ++*(size_t *)arg;
}

static void test_rows_read_back(void **state)
{
    (void)state;
    struct rows rows = rows_make(11, 300);
    struct scratch scratch = scratch_make();
    struct errbuf error = {0};
    /* Any bytes are text. */
    rows.rows[5].subject = slice_of("a\0b\xff\xfe", 5);
    rows.rows[5].helo = S("\xc3");
    rows.rows[6].mailer = slice_of("x\0y", 3);
    struct store *s = open_as(scratch.path, STORE_CREATE);
    assert_int_equal(append_all(s, rows.rows, rows.n, 64), rows.n);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < rows.n; i++) {
            struct message_row row;
            char hex[33];
            size_t found = 0;
            assert_ok(store_message(s, rows.rows[i].id, &row, eb));
            rows_equal(&row, &rows.rows[i]);
            id128_hex(row.id, hex);
            assert_ok(store_find(s, slice_of(hex, 9), 10, id_count, &found, eb));
            assert_int_equal(found, 1);
        }
        store_close(s);
        s = open_as(scratch.path, STORE_READ);
    }
    struct message_row row;
    struct id128 none = {{1}};
    assert_int_equal(store_message(s, none, &row, &error), ERR_NOTFOUND);
    assert_int_equal(store_find(s, S("123"), 10, id_count, NULL, &error), ERR_USAGE);
    assert_int_equal(store_find(s, S("12g4"), 10, id_count, NULL, &error), ERR_USAGE);
    assert_int_equal(store_append(s, rows.rows, 1, NULL, NULL, &error), ERR_STORE);
    store_close(s);
    scratch_remove(&scratch);
    rows_free(&rows);
}

struct found_ids {
    struct id128 ids[64];
    size_t n;
};

static void id_keep(void *arg, struct id128 id)
{
    struct found_ids *f = arg;
    assert_true(f->n < 64);
    f->ids[f->n++] = id;
}

/* Prefixes of even and odd length, limits, order; with the index and without. */
static void test_find(void **state)
{
    (void)state;
    struct rows rows = rows_make(12, 40);
    struct scratch scratch = scratch_make();
    for (size_t i = 0; i < rows.n; i++) {
        rows.rows[i].clock = CLOCK_TRAP;
        rows.rows[i].received = 1285000000;
        rows.rows[i].id.b[0] = 0xab;
        rows.rows[i].id.b[1] = 0xcd;
        rows.rows[i].id.b[2] = (uint8_t)(i % 2 ? 0x7f : 0x81);
    }
    struct store *s = open_as(scratch.path, STORE_CREATE);
    append_all(s, rows.rows, rows.n, 40);
    for (int round = 0; round < 2; round++) {
        static const struct {
            const char *prefix;
            size_t limit, found;
        } CASES[] = {
            {"abcd", 64, 40}, {"ABCD", 64, 40}, {"abcd7", 64, 20},           {"abcd81", 64, 20},
            {"abcd8", 7, 7},  {"abce", 64, 0},  {"abcd7f0000000000", 64, 0}, {"abcd", 0, 0}};
        for (size_t c = 0; c < sizeof CASES / sizeof *CASES; c++) {
            struct found_ids f = {.n = 0};
            assert_ok(store_find(s, slice_cstr(CASES[c].prefix), CASES[c].limit, id_keep, &f, eb));
            assert_int_equal(f.n, CASES[c].found);
            for (size_t i = 1; i < f.n; i++) {
                assert_true(memcmp(f.ids[i - 1].b, f.ids[i].b, 16) < 0);
            }
        }
        /* Retention moves the identities into the index; here it deletes nothing. */
        uint64_t deleted;
        assert_ok(store_retain(s, 1, 0, &deleted, eb));
        assert_int_equal(deleted, 0);
        assert_int_equal(sql_number(scratch.path, "SELECT count(*) FROM message_key"), 40);
    }
    store_close(s);
    scratch_remove(&scratch);
    rows_free(&rows);
}

struct page {
    struct id128 ids[1000];
    size_t n;
    int64_t last;
};

static void page_add(void *arg, const struct message_row *row)
{
    struct page *p = arg;
    assert_true(p->n < 1000);
    assert_true(row->received >= p->last);
    p->last = row->received;
    p->ids[p->n++] = row->id;
}

static int id_cmp(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct id128));
}

static bool page_wants(const struct store_filter *f, const struct message_row *row)
{
    bool in_time = row->clock == CLOCK_NONE ? f->since == INT64_MIN && f->until == INT64_MAX
                                            : row->received >= f->since && row->received < f->until;
    return in_time && (f->trap.n == 0 || slice_eq(f->trap, row->trap));
}

/* Every page size gives every message once, in order, the same each time. */
static void test_paging(void **state)
{
    static const size_t LIMITS[] = {1, 3, 64, 5000};
    (void)state;
    struct rows rows = rows_make(13, 500);
    struct scratch scratch = scratch_make();
    for (size_t i = 0; i < rows.n; i += 3) {
        if (rows.rows[i].clock != CLOCK_NONE) {
            rows.rows[i].received = 1285000000; /* many in one second */
        }
    }
    struct store *s = open_as(scratch.path, STORE_CREATE);
    append_all(s, rows.rows, rows.n, 100);
    const struct store_filter filters[] = {
        STORE_FILTER_ALL,
        {1285000000, INT64_MAX, {NULL, 0}, {NULL, 0}},
        {INT64_MIN, 1285000001, S("beta"), {NULL, 0}},
        {1284000000, 1285000000, {NULL, 0}, {NULL, 0}},
    };
    for (size_t f = 0; f < sizeof filters / sizeof *filters; f++) {
        static struct page first, p;
        for (size_t l = 0; l < sizeof LIMITS / sizeof *LIMITS; l++) {
            struct page_cursor cursor = {0};
            p.n = 0;
            p.last = 0;
            for (size_t before = SIZE_MAX; before != p.n;) {
                before = p.n;
                assert_ok(store_page(s, &filters[f], &cursor, LIMITS[l], page_add, &p, eb));
            }
            if (l == 0) {
                first = p;
            }
            assert_int_equal(p.n, first.n);
            assert_memory_equal(p.ids, first.ids, p.n * sizeof *p.ids);
        }
        struct id128 want[1000];
        size_t n = 0;
        for (size_t i = 0; i < rows.n; i++) {
            if (page_wants(&filters[f], &rows.rows[i])) {
                want[n++] = rows.rows[i].id;
            }
        }
        assert_int_equal(p.n, n);
        qsort(want, n, sizeof *want, id_cmp);
        qsort(p.ids, n, sizeof *p.ids, id_cmp);
        assert_memory_equal(p.ids, want, n * sizeof *want);
    }
    store_close(s);
    scratch_remove(&scratch);
    rows_free(&rows);
}

static void total_add(void *arg, const struct cube_row *row)
{
    *(uint64_t *)arg += row->units.messages + row->units.hosts;
}

static uint64_t total_of(struct store *s)
{
    struct store_filter all = STORE_FILTER_ALL;
    uint64_t total = 0;
    for (int b = BUCKET_ALL; b <= BUCKET_MONTH; b++) {
        assert_ok(store_cube(s, &all, (enum bucket)b, DIMENSION_BOTNET, total_add, &total, eb));
    }
    return total;
}

/* The day on which the tests of retention begin to store: years after the rows were received. */
enum { STORED_DAY = 20000 };

static int64_t stored_time(int day, int64_t second)
{
    return (int64_t)(STORED_DAY + day) * SECONDS_PER_DAY + second;
}

/* As a process of that time would. */
static size_t append_at(const char *path, int64_t now, const struct message_row *rows, size_t n,
                        size_t batch)
{
    struct store *s = NULL;
    assert_ok(store_open(&(struct store_options){.path = path, .mode = STORE_CREATE, .now = now},
                         &s, eb));
    size_t added = append_all(s, rows, n, batch);
    store_close(s);
    return added;
}

/* Left are the rows from `from` to before `to`, in the order in which they were stored. */
static void left_are(struct store *s, const struct rows *rows, size_t from, size_t to)
{
    struct store_info info;
    struct message_row row;
    struct errbuf error = {0};
    assert_ok(store_info(s, &info, eb));
    assert_int_equal(info.messages, to - from);
    for (size_t i = 0; i < rows->n; i++) {
        enum err e = store_message(s, rows->rows[i].id, &row, &error);
        if (e != (i >= from && i < to ? OK : ERR_NOTFOUND)) {
            fail_msg("row %zu of %zu to %zu: %s", i, from, to, error.text);
        }
    }
}

/* Rows go by the time since they were stored, whatever the time of their receipt; counts and
 * identities stay; verify looks at what is left. */
static void test_retention(void **state)
{
    (void)state;
    struct rows rows = rows_make(14, 600);
    struct scratch scratch = scratch_make();
    uint64_t deleted;
    assert_int_equal(append_at(scratch.path, stored_time(0, 0), rows.rows, 200, 70), 200);
    assert_int_equal(append_at(scratch.path, stored_time(0, 86399), rows.rows + 200, 50, 50), 50);
    assert_int_equal(append_at(scratch.path, stored_time(3, 5000), rows.rows, 600, 100), 350);
    struct store *s = open_as(scratch.path, STORE_WRITE);
    uint64_t total = total_of(s);
    /* What was just stored stays, though it was received years ago; and the whole day counts. */
    assert_ok(store_retain(s, stored_time(-730, 5000), 0, &deleted, eb));
    assert_int_equal(deleted, 0);
    assert_ok(store_retain(s, stored_time(0, 86399), 0, &deleted, eb));
    assert_int_equal(deleted, 0);
    left_are(s, &rows, 0, 600);
    assert_int_equal(sql_number(scratch.path, "SELECT value FROM counter WHERE name = 'horizon'"),
                     INT32_MIN);
    assert_ok(store_retain(s, stored_time(1, 5000), 0, &deleted, eb));
    assert_int_equal(deleted, 250);
    left_are(s, &rows, 250, 600);
    assert_int_equal(total_of(s), total);
    assert_int_equal(verify_count(s), 0);
    assert_int_equal(sql_number(scratch.path, "SELECT count(*) FROM arrival"), 1);
    assert_ok(store_retain(s, stored_time(3, 86399), 0, &deleted, eb));
    assert_int_equal(deleted, 0);
    /* All of it again: nothing is counted twice, also not what was deleted, and no day arrives. */
    assert_int_equal(append_all(s, rows.rows, rows.n, 100), 0);
    assert_int_equal(total_of(s), total);
    assert_int_equal(sql_number(scratch.path, "SELECT count(*) FROM arrival"), 1);
    /* Later than all of it: everything. */
    assert_ok(store_retain(s, stored_time(4, 0), 0, &deleted, eb));
    assert_int_equal(deleted, 350);
    left_are(s, &rows, 0, 0);
    assert_int_equal(append_all(s, rows.rows, rows.n, 100), 0);
    assert_int_equal(total_of(s), total);
    assert_int_equal(verify_count(s), 0);
    assert_ok(store_vacuum(s, eb));
    assert_int_equal(verify_count(s), 0);
    store_close(s);
    scratch_remove(&scratch);
    rows_free(&rows);
}

/* Days of receipt of which rows are gone cannot be checked; damage after them is found, and what
 * arrives later is checked as ever. */
static void test_retention_horizon(void **state)
{
    (void)state;
    struct rows rows = rows_make(14, 600);
    struct scratch scratch = scratch_make();
    const int64_t HALF = (int64_t)(ROWS_START_DAY + 40) * SECONDS_PER_DAY;
    uint64_t deleted;
    char sql[256];
    int64_t last_gone = 0;
    for (size_t i = 0; i < rows.n; i++) {
        struct message_row *row = &rows.rows[i];
        bool is_old = i < 300;
        if (row->clock != CLOCK_NONE && (row->received < HALF) != is_old) {
            row->received += (is_old ? -30 : 40) * SECONDS_PER_DAY;
            row->received = is_old && row->received >= HALF ? HALF - 1 : row->received;
        }
        if (row->clock != CLOCK_NONE && is_old && row->received > last_gone) {
            last_gone = row->received;
        }
    }
    append_at(scratch.path, stored_time(0, 0), rows.rows, 300, 100);
    append_at(scratch.path, stored_time(9, 0), rows.rows + 300, 200, 100);
    struct store *s = open_as(scratch.path, STORE_WRITE);
    assert_ok(store_retain(s, stored_time(5, 0), 0, &deleted, eb));
    assert_int_equal(deleted, 300);
    assert_int_equal(sql_number(scratch.path, "SELECT value FROM counter WHERE name = 'horizon'"),
                     last_gone / SECONDS_PER_DAY + 1);
    assert_int_equal(verify_count(s), 0);
    for (int later = 0; later < 2; later++) {
        static const struct {
            int days; /* after the newest receipt deleted */
            bool is_found;
        } CASES[] = {{-20, false}, {0, false}, {1, true}, {20, true}};
        for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
            for (int sign = 1; sign >= -1; sign -= 2) {
                (void)snprintf(sql, sizeof sql,
                               "UPDATE rollup_day SET messages = messages + %d WHERE dim = 0 AND "
                               "day = %lld",
                               sign, (long long)(last_gone / SECONDS_PER_DAY + CASES[i].days));
                sql_run(scratch.path, sql);
                assert_int_equal(verify_count(s) > 0, CASES[i].is_found && sign > 0);
            }
        }
        append_all(s, rows.rows + 500, 100, 30);
        assert_int_equal(verify_count(s), 0);
    }
    store_close(s);
    scratch_remove(&scratch);
    rows_free(&rows);
}

/* A clock that was wrong for a while: nothing goes before its time. */
static void test_retention_clock(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int days[4]; /* of arrival, 100 rows each */
        int before;
        size_t left_from;
    } CASES[] = {
        {"right", {10, 11, 12, 13}, 12, 200},
        {"set back, then right", {10, 3, 10, 12}, 10, 0},
        {"set back, then right: later", {10, 3, 10, 12}, 11, 300},
        {"set back: by the wrong day", {10, 3, 4, 12}, 4, 0},
        {"set back to stay", {10, 3, 4, 5}, 6, 0},
        {"ahead, then right", {10, 900, 11, 12}, 12, 100},
        {"ahead: stays till the wrong day", {10, 900, 11, 12}, 800, 100},
        {"all old", {10, 900, 11, 12}, 901, 400},
        {"one day", {10, 10, 10, 10}, 10, 0},
        {"one day, the next", {10, 10, 10, 10}, 11, 400},
    };
    struct rows rows = rows_make(21, 400);
    for (size_t c = 0; c < sizeof CASES / sizeof *CASES; c++) {
        /* By age at once; or first a part of the oldest day's rows by size. */
        for (int by_size_first = 0; by_size_first < 2; by_size_first++) {
            struct scratch scratch = scratch_make();
            uint64_t deleted, gone = 0;
            for (size_t i = 0; i < 4; i++) {
                append_at(scratch.path, stored_time(CASES[c].days[i], 100), rows.rows + i * 100,
                          100, 50);
            }
            struct store *s = open_as(scratch.path, STORE_WRITE);
            if (by_size_first) {
                struct store_info info;
                assert_ok(store_info(s, &info, eb));
                assert_ok(store_retain(s, INT64_MIN, info.bytes_per_message * 300, &gone, eb));
                assert_true(gone > 0);
            }
            assert_ok(store_retain(s, stored_time(CASES[c].before, 7), 0, &deleted, eb));
            size_t from = CASES[c].left_from > gone ? CASES[c].left_from : (size_t)gone;
            if (deleted != from - gone) {
                fail_msg("%s: %llu deleted", CASES[c].name, (unsigned long long)deleted);
            }
            left_are(s, &rows, from, 400);
            assert_int_equal(verify_count(s), 0);
            store_close(s);
            scratch_remove(&scratch);
        }
    }
    rows_free(&rows);
}

struct named {
    char text[4096];
};

static void name_add(void *arg, const struct cube_row *row)
{
    struct named *n = arg;
    size_t at = strlen(n->text);
    (void)snprintf(n->text + at, sizeof n->text - at, "%.*s:%llu ", SLICE_ARG(row->value),
                   (unsigned long long)row->units.messages);
}

/* Names of domains stand in the rows; they are still there when the rows are gone. */
static void test_retention_domains(void **state)
{
    (void)state;
    struct rows rows = rows_make(22, 30);
    struct scratch scratch = scratch_make();
    struct store_filter all = STORE_FILTER_ALL;
    struct named before = {.text = ""}, after = {.text = ""};
    unsigned least;
    uint64_t deleted;
    append_at(scratch.path, stored_time(0, 0), rows.rows, rows.n, 10);
    struct store *s = open_as(scratch.path, STORE_WRITE);
    assert_ok(store_top(s, &all, DIMENSION_DOMAIN, 50, &least, name_add, &before, eb));
    assert_non_null(strstr(before.text, ".example:"));
    assert_ok(store_retain(s, stored_time(1, 0), 0, &deleted, eb));
    assert_int_equal(deleted, rows.n);
    assert_ok(store_top(s, &all, DIMENSION_DOMAIN, 50, &least, name_add, &after, eb));
    assert_string_equal(before.text, after.text);
    store_close(s);
    scratch_remove(&scratch);
    rows_free(&rows);
}

static void test_retention_by_size(void **state)
{
    (void)state;
    struct rows rows = rows_make(15, 4000);
    struct scratch scratch = scratch_make();
    struct store *s = open_as(scratch.path, STORE_CREATE);
    struct store_info before, after;
    uint64_t deleted;
    append_all(s, rows.rows, rows.n, 1000);
    uint64_t total = total_of(s);
    assert_ok(store_info(s, &before, eb));
    uint64_t used = before.bytes_per_message * before.messages;
    assert_ok(store_retain(s, INT64_MIN, used + 100000, &deleted, eb));
    assert_int_equal(deleted, 0);
    assert_ok(store_retain(s, INT64_MIN, used - 200000, &deleted, eb));
    assert_ok(store_info(s, &after, eb));
    assert_true(deleted > 0 && deleted < rows.n);
    assert_true(after.bytes_per_message * after.messages <= used - 200000);
    left_are(s, &rows, deleted, rows.n); /* in the order of arrival, not of receipt */
    assert_int_equal(verify_count(s), 0);
    assert_int_equal(append_all(s, rows.rows, rows.n, 1000), 0);
    /* A bound that cannot be met takes all rows and ends. */
    uint64_t rest = rows.n - deleted;
    assert_ok(store_retain(s, INT64_MIN, 1, &deleted, eb));
    assert_int_equal(deleted, rest);
    assert_ok(store_retain(s, INT64_MIN, 1, &deleted, eb));
    assert_int_equal(deleted, 0);
    left_are(s, &rows, 0, 0);
    assert_int_equal(append_all(s, rows.rows, rows.n, 1000), 0);
    assert_int_equal(total_of(s), total);
    assert_int_equal(verify_count(s), 0);
    store_close(s);
    scratch_remove(&scratch);
    rows_free(&rows);
}

/* Each change behind the store's back is a problem that verify names. */
static void test_verify(void **state)
{
    static const struct {
        const char *name, *harm;
    } CASES[] = {
        {"day", "UPDATE rollup_day SET bytes = bytes + 1 WHERE dim = 4"},
        {"month", "UPDATE rollup_month SET expected = expected - 1 WHERE dim = 1"},
        {"row too many", "INSERT INTO rollup_day VALUES (0, 20000, 0, 1, 1, 1, 1, 1000000)"},
        {"row too few", "DELETE FROM rollup_month WHERE dim = 12"},
        {"host set", "UPDATE tally SET entries = x'0100' WHERE key = (SELECT min(key) FROM tally)"},
        {"damaged host set",
         "UPDATE tally SET entries = x'01ff' WHERE key = (SELECT min(key) FROM tally)"},
        {"host set too many", "INSERT INTO tally VALUES (281474976710656, x'0100')"},
        {"hour missing", "DELETE FROM tally WHERE key = (SELECT max(key) FROM tally)"},
        {"message missing", "DELETE FROM message WHERE seq = 7"},
        {"message changed", "UPDATE message SET received = received + 86400 WHERE seq = (SELECT "
                            "min(seq) FROM message WHERE received IS NOT NULL)"},
        {"message damaged", "UPDATE message SET labels = x'ff' WHERE seq = 9"},
        {"trap", "UPDATE trap SET messages = messages + 1"},
        {"string", "DELETE FROM text_key WHERE text = 3"},
        {"arrival", "UPDATE arrival SET first_seq = first_seq + 1"},
        {"arrival missing", "DELETE FROM arrival"},
    };
    (void)state;
    struct rows rows = rows_make(16, 200);
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct scratch scratch = scratch_make();
        struct store *s = open_as(scratch.path, STORE_CREATE);
        size_t problems = 0;
        append_all(s, rows.rows, rows.n, 100);
        store_close(s);
        sql_run(scratch.path, CASES[i].harm);
        s = open_as(scratch.path, STORE_READ);
        assert_ok(store_verify(s, NULL, NULL, &problems, eb));
        if (problems == 0) {
            fail_msg("%s: not found", CASES[i].name);
        }
        store_close(s);
        scratch_remove(&scratch);
    }
    rows_free(&rows);
}

/* A reader in another process sees whole batches only, while a writer writes. */
static void test_concurrent_reader(void **state)
{
    enum { BATCH = 50, BATCHES = 40 };
    (void)state;
    struct rows rows = rows_make(17, BATCH * BATCHES);
    struct scratch scratch = scratch_make();
    struct store *s = open_as(scratch.path, STORE_CREATE);
    append_all(s, rows.rows, BATCH, BATCH);
    pid_t child = fork();
    if (child == 0) {
        struct store *r = NULL;
        struct errbuf error = {0};
        struct store_filter all = STORE_FILTER_ALL;
        struct store_options o = {.path = scratch.path, .mode = STORE_READ};
        int code = store_open(&o, &r, &error) == OK ? 0 : 1;
        for (int i = 0; i < 2000 && code == 0; i++) {
            struct store_span span = {0};
            code = store_span(r, &all, &span, &error) != OK ? 2 : span.messages % BATCH ? 3 : 0;
            if (span.messages == BATCH * BATCHES) {
                break;
            }
        }
        store_close(r);
        _exit(code);
    }
    append_all(s, rows.rows + BATCH, rows.n - BATCH, BATCH);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    store_close(s);
    scratch_remove(&scratch);
    rows_free(&rows);
}

/* So many that new messages are told from old ones by the filter: a small part of what is new looks
 * old to it and is looked up. */
static void test_many_identities(void **state)
{
    enum { MANY = 110000, BATCH = 11000 };
    (void)state;
    struct scratch scratch = scratch_make();
    struct store *s = open_as(scratch.path, STORE_CREATE);
    struct message_row *rows = calloc(MANY, sizeof *rows);
    struct random r = {23};
    assert_non_null(rows);
    for (size_t i = 0; i < MANY; i++) {
        rows[i] = (struct message_row){.trap = S("t"), .recipients = 1};
        for (size_t b = 0; b < sizeof rows->id.b; b++) {
            rows[i].id.b[b] = (uint8_t)random_next(&r);
        }
    }
    assert_int_equal(append_all(s, rows, MANY, BATCH), MANY);
    store_close(s); /* indexes the newest identities */
    assert_int_equal(sql_number(scratch.path, "SELECT count(*) FROM message_key"), MANY);
    s = open_as(scratch.path, STORE_WRITE);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(append_all(s, rows, MANY, BATCH), 0);
    }
    for (size_t i = 0; i < MANY; i += 2) {
        rows[i].id.b[random_below(&r, 16)] ^= 0x55;
    }
    assert_int_equal(append_all(s, rows, MANY, BATCH), MANY / 2);
    assert_int_equal(append_all(s, rows, MANY, BATCH), 0);
    assert_int_equal(verify_count(s), 0);
    store_close(s);
    free(rows);
    scratch_remove(&scratch);
}

/* Two writers in turn: each sees the other's identities and strings. */
static void test_two_writers(void **state)
{
    (void)state;
    struct rows rows = rows_make(18, 400);
    struct scratch scratch = scratch_make();
    struct store *a = open_as(scratch.path, STORE_CREATE);
    struct store *b = open_as(scratch.path, STORE_WRITE);
    for (size_t i = 0; i + 100 <= rows.n; i += 100) {
        assert_int_equal(append_all(i % 200 ? a : b, rows.rows + i, 100, 50), 100);
        assert_int_equal(append_all(i % 200 ? b : a, rows.rows, i + 100, 1000), 0);
    }
    assert_int_equal(verify_count(a), 0);
    store_close(a);
    store_close(b);
    scratch_remove(&scratch);
    rows_free(&rows);
}

/* A disk that takes no more (a bound on the size of files does the same) anywhere in an append: an
 * error with the engine's words, nothing half done, and the same store goes on when there is room
 * again. */
static void test_disk_full(void **state)
{
    (void)state;
    struct rows rows = rows_make(19, 1500);
    struct scratch scratch = scratch_make();
    struct store *s = open_as(scratch.path, STORE_CREATE);
    append_all(s, rows.rows, 500, 500);
    uint64_t total = total_of(s);
    store_close(s);
    unsigned failures = 0;
    for (int64_t extra = 0; extra < 200; extra += 17) {
        pid_t child = fork();
        if (child == 0) {
            /* Writes past this size fail with EFBIG: an input/output error to the engine. */
            struct rlimit limit = {(rlim_t)(extra * 4096), RLIM_INFINITY};
            struct errbuf error = {0};
            struct store *c = NULL;
            struct store_options o = {.path = scratch.path, .mode = STORE_WRITE};
            (void)signal(SIGXFSZ, SIG_IGN);
            if (store_open(&o, &c, &error) != OK) {
                _exit(1);
            }
            uint64_t before = total_of(c);
            (void)setrlimit(RLIMIT_FSIZE, &limit);
            enum err e = store_append(c, rows.rows + 500, 1000, NULL, NULL, &error);
            int code = 0;
            if (e != OK) {
                code = e != ERR_STORE || error.text[0] == '\0' ? 2 : total_of(c) != before ? 3 : 10;
                limit.rlim_cur = RLIM_INFINITY;
                (void)setrlimit(RLIMIT_FSIZE, &limit);
                /* Room again: the same handle goes on. */
                size_t problems = 1;
                enum err v = store_verify(c, verify_say, NULL, &problems, &error);
                code = code != 10 ? code : v != OK || problems != 0 ? 4 : 10;
            }
            _exit(code);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == 10) {
            failures++;
        } else {
            assert_int_equal(WEXITSTATUS(status), 0);
            break; /* enough room */
        }
        s = open_as(scratch.path, STORE_WRITE);
        assert_int_equal(total_of(s), total);
        assert_int_equal(verify_count(s), 0);
        store_close(s);
    }
    assert_true(failures > 0);
    s = open_as(scratch.path, STORE_WRITE);
    append_all(s, rows.rows, rows.n, 700);
    assert_int_equal(sql_number(scratch.path, "SELECT count(*) FROM message"), rows.n);
    assert_int_equal(verify_count(s), 0);
    store_close(s);
    scratch_remove(&scratch);
    rows_free(&rows);
}

/* Killed at any point: whole batches, the mark beside them, and going on from it ends well. */
static void test_kill(void **state)
{
    enum { BATCH = 40, BATCHES = 60, ROUNDS = 20 };
    (void)state;
    struct rows rows = rows_make(20, BATCH * BATCHES);
    struct scratch scratch = scratch_make();
    struct random r = {77};
    store_close(open_as(scratch.path, STORE_CREATE));
    for (int round = 0; round < ROUNDS; round++) {
        pid_t child = fork();
        if (child == 0) {
            struct errbuf error = {0};
            struct store *c = NULL;
            struct import_mark mark = {.source = S("file")};
            struct store_options o = {.path = scratch.path, .mode = STORE_WRITE};
            if (store_open(&o, &c, &error) != OK) {
                _exit(1);
            }
            enum err e = store_import_mark(c, S("file"), &mark, &error);
            if (e != OK && e != ERR_NOTFOUND) {
                _exit(2);
            }
            mark.source = S("file");
            for (uint64_t at = mark.next_ordinal; at < rows.n; at += BATCH) {
                mark.next_ordinal = at + BATCH;
                mark.added += BATCH;
                if (store_append(c, rows.rows + at, BATCH, &mark, NULL, &error) != OK) {
                    _exit(3);
                }
            }
            _exit(0);
        }
        (void)usleep((useconds_t)random_below(&r, 60000));
        (void)kill(child, SIGKILL);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
        struct store *s = open_as(scratch.path, STORE_WRITE);
        struct import_mark mark = {0};
        struct errbuf error = {0};
        enum err e = store_import_mark(s, S("file"), &mark, &error);
        struct store_info info;
        assert_ok(store_info(s, &info, eb));
        assert_true(e == OK || info.messages == 0);
        assert_int_equal(info.messages, mark.next_ordinal);
        assert_int_equal(mark.added, mark.next_ordinal);
        assert_int_equal(verify_count(s), 0);
        store_close(s);
    }
    struct store *s = open_as(scratch.path, STORE_WRITE);
    append_all(s, rows.rows, rows.n, 500);
    assert_int_equal(sql_number(scratch.path, "SELECT count(*) FROM message"), rows.n);
    assert_int_equal(verify_count(s), 0);
    store_close(s);
    scratch_remove(&scratch);
    rows_free(&rows);
}

static void trap_see(void *arg, const struct trap_info *t)
{
    strbuf_printf(arg, "%.*s/%.*s/%llu ", SLICE_ARG(t->name), SLICE_ARG(t->site),
                  (unsigned long long)t->messages);
}

static void import_see(void *arg, const struct import_info *i)
{
    strbuf_printf(arg, "%.*s:%llu:%d ", SLICE_ARG(i->mark.source),
                  (unsigned long long)i->mark.next_ordinal, i->mark.is_complete);
    assert_true(i->started > 0 && i->updated >= i->started);
}

static void test_small_tables(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct store *s = open_as(scratch.path, STORE_CREATE);
    struct strbuf b = STRBUF_INIT;
    struct errbuf error = {0};
    struct import_mark mark = {.source = S("a.mbox"), .next_ordinal = 5}, got;
    assert_int_equal(store_import_mark(s, S("a.mbox"), &got, &error), ERR_NOTFOUND);
    assert_ok(store_append(s, NULL, 0, &mark, NULL, eb));
    mark.next_ordinal = 9;
    mark.is_complete = true;
    assert_ok(store_append(s, NULL, 0, &mark, NULL, eb));
    assert_ok(store_import_mark(s, S("a.mbox"), &got, eb));
    assert_int_equal(got.next_ordinal, 9);
    assert_true(got.is_complete);
    assert_ok(store_imports(s, import_see, &b, eb));
    assert_string_equal(strbuf_cstr(&b), "a.mbox:9:1 ");
    strbuf_clear(&b);
    assert_ok(store_trap_put(s, S("t2"), S("lab"), eb));
    assert_ok(store_trap_put(s, S("t1"), S(""), eb));
    assert_int_equal(store_trap_put(s, S(""), S("x"), &error), ERR_USAGE);
    assert_ok(store_traps(s, trap_see, &b, eb));
    assert_string_equal(strbuf_cstr(&b), "t1//0 t2/lab/0 ");
    strbuf_clear(&b);
    assert_int_equal(store_fact_get(s, S("trust"), &b, &error), ERR_NOTFOUND);
    assert_ok(store_fact_put(s, S("trust"), S("192.0.2.0/24"), eb));
    assert_ok(store_fact_put(s, S("trust"), S("*.example.com"), eb));
    assert_ok(store_fact_get(s, S("trust"), &b, eb));
    assert_string_equal(strbuf_cstr(&b), "*.example.com");
    struct message_row bad = {.recipients = 1};
    assert_int_equal(store_append(s, &bad, 1, NULL, NULL, &error), ERR_USAGE);
    bad.trap = S("t1");
    bad.clock = CLOCK_TRAP;
    bad.received = INT64_MAX;
    assert_int_equal(store_append(s, &bad, 1, NULL, NULL, &error), ERR_USAGE);
    assert_int_equal(verify_count(s), 0);
    strbuf_free(&b);
    store_close(s);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_errors),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_small_tables),
        cmocka_unit_test(test_rows_read_back),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_paging),
        cmocka_unit_test(test_retention),
        cmocka_unit_test(test_retention_by_size),
        cmocka_unit_test(test_retention_horizon),
        cmocka_unit_test(test_retention_clock),
        cmocka_unit_test(test_retention_domains),
        cmocka_unit_test(test_verify),
        cmocka_unit_test(test_concurrent_reader),
        cmocka_unit_test(test_two_writers),
        cmocka_unit_test(test_disk_full),
        cmocka_unit_test(test_kill),
        cmocka_unit_test(test_many_identities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
