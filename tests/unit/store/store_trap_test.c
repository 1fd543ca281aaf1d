/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Traps beyond their mail: edits, coverage, connections, lag; and a store of version 1. */
#include "store_rows.h"

#include "store/trap.h"

#include <sqlite3.h>

#include <math.h>

static const struct store_filter ALL = STORE_FILTER_ALL;

struct lines {
    char text[4096];
    size_t n;
};

static void PRINTF_LIKE(2, 3) line(struct lines *l, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(l->text + l->n, sizeof l->text - l->n, fmt, ap);
    va_end(ap);
    assert_true(n >= 0 && (size_t)n < sizeof l->text - l->n);
    l->n += (size_t)n;
}

static void trap_line(void *arg, const struct trap_info *t)
{
    line(arg, "%.*s|%.*s|%llu|%lld|%lld|%.*s\n", SLICE_ARG(t->name), SLICE_ARG(t->site),
         (unsigned long long)t->messages, (long long)t->up_from, (long long)t->retired,
         SLICE_ARG(t->note));
}

static void coverage_line(void *arg, const struct coverage *c)
{
    line(arg, "%.*s %s %s %lld..", SLICE_ARG(c->trap), coverage_source_name(c->source),
         coverage_state_name(c->state), (long long)c->since);
    if (c->until != INT64_MAX) {
        line(arg, "%lld", (long long)c->until);
    }
    if (c->seen) {
        line(arg, " seen %lld", (long long)c->seen);
    }
    if (!isnan(c->part)) {
        line(arg, " %.2f", c->part);
    }
    line(arg, "%s%.*s\n", c->note.n ? " " : "", SLICE_ARG(c->note));
}

static void traps_are(struct store *s, const char *want)
{
    struct lines l = {.text = ""};
    assert_ok(store_traps(s, trap_line, &l, eb));
    assert_string_equal(l.text, want);
}

static void coverage_is(struct store *s, const struct store_filter *f, const char *want)
{
    struct lines l = {.text = ""};
    assert_ok(store_coverage_list(s, f, coverage_line, &l, eb));
    assert_string_equal(l.text, want);
}

static enum err put(struct store *s, enum coverage_source source, enum coverage_state state,
                    int64_t since, int64_t until)
{
    struct errbuf eb;
    return store_coverage_put(s,
                              &(struct coverage){.trap = S("t"),
                                                 .since = since,
                                                 .until = until,
                                                 .state = state,
                                                 .source = source,
                                                 .part = (double)NAN},
                              &eb);
}

/* ---- edits ---- */

static struct message_row row_of(const char *trap, unsigned char id, int64_t received)
{
    return (struct message_row){.id = {{id}},
                                .trap = slice_cstr(trap),
                                .received = received,
                                .clock = CLOCK_TRAP,
                                .recipients = 1,
                                .bytes = 100};
}

static enum err edit(struct store *s, const char *trap, struct trap_edit e)
{
    struct errbuf eb;
    return store_trap_edit(s, slice_cstr(trap), &e, &eb);
}

static void test_edits(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct store *s = open_as(scratch.path, STORE_CREATE);
    struct message_row rows[] = {row_of("old", 1, 1000), row_of("other", 2, 2000)};
    const struct slice name = S("new"), other = S("other"), old = S("old"), none = S(""),
                       site = S("north"), note = S("moved in May");
    const int64_t early = 500, late = 90000, back = 0;
    assert_int_equal(append_all(s, rows, 2, 2), 2);
    assert_int_equal(edit(s, "nobody", (struct trap_edit){.site = &site}), ERR_NOTFOUND);
    assert_int_equal(edit(s, "old", (struct trap_edit){.name = &none}), ERR_USAGE);
    assert_int_equal(edit(s, "old", (struct trap_edit){.name = &other}), ERR_EXISTS);
    assert_int_equal(
        edit(s, "old",
             (struct trap_edit){
                 .name = &name, .site = &site, .note = &note, .up_from = &early, .retired = &late}),
        OK);
    traps_are(s, "new|north|1|500|90000|moved in May\nother||1|0|0|\n");
    /* The old name is still this trap's, also for what is known already. */
    rows[1] = row_of("old", 3, 1500);
    assert_int_equal(append_all(s, rows, 2, 2), 1);
    traps_are(s, "new|north|2|500|90000|moved in May\nother||1|0|0|\n");
    assert_int_equal(edit(s, "other", (struct trap_edit){.name = &old}), ERR_EXISTS);
    assert_int_equal(edit(s, "old", (struct trap_edit){.retired = &early}), ERR_USAGE);
    traps_are(s, "new|north|2|500|90000|moved in May\nother||1|0|0|\n");
    /* Back to its first name, and what was said taken back. */
    assert_int_equal(
        edit(s, "new",
             (struct trap_edit){
                 .name = &old, .site = &none, .note = &none, .up_from = &back, .retired = &back}),
        OK);
    traps_are(s, "old||2|0|0|\nother||1|0|0|\n");
    assert_int_equal(verify_count(s), 0);
    store_close(s);
    scratch_remove(&scratch);
}

/* ---- coverage ---- */

static void test_a_server_s_word(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct store *s = open_as(scratch.path, STORE_CREATE);
    struct errbuf eb;
    assert_int_equal(store_coverage_seen(s, S("t"), COVERAGE_SERVER, 5, &eb), ERR_NOTFOUND);
    assert_int_equal(put(s, COVERAGE_SERVER, COVERAGE_UP, 1000, INT64_MAX), OK);
    assert_int_equal(store_coverage_seen(s, S("t"), COVERAGE_SERVER, 1600, &eb), OK);
    assert_int_equal(store_coverage_seen(s, S("t"), COVERAGE_SERVER, 1500, &eb), OK);
    coverage_is(s, &ALL, "t server up 1000.. seen 1600\n");
    /* Killed, and started again. */
    assert_int_equal(put(s, COVERAGE_SERVER, COVERAGE_UP, 3000, INT64_MAX), OK);
    coverage_is(s, &ALL, "t server up 1000..1600\nt server up 3000..\n");
    /* A change of state while it lives. */
    assert_int_equal(store_coverage_seen(s, S("t"), COVERAGE_SERVER, 4000, &eb), OK);
    assert_int_equal(put(s, COVERAGE_SERVER, COVERAGE_DEGRADED, 4000, INT64_MAX), OK);
    assert_int_equal(store_coverage_end(s, S("t"), COVERAGE_SERVER, 5000, &eb), OK);
    assert_int_equal(store_coverage_end(s, S("t"), COVERAGE_SERVER, 5000, &eb), ERR_NOTFOUND);
    coverage_is(s, &ALL,
                "t server up 1000..1600\nt server up 3000..4000\nt server degraded 4000..5000\n");
    coverage_is(s, &(struct store_filter){1600, 4000, S("t"), S("")}, "t server up 3000..4000\n");
    coverage_is(s, &(struct store_filter){0, 9000, S("u"), S("")}, "");
    assert_int_equal(verify_count(s), 0);
    store_close(s);
    scratch_remove(&scratch);
}

static void test_a_person_s_word(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct store *s = open_as(scratch.path, STORE_CREATE);
    struct coverage part = {.trap = S("t"),
                            .since = 50,
                            .until = 60,
                            .state = COVERAGE_DEGRADED,
                            .source = COVERAGE_PERSON,
                            .part = 0.25,
                            .note = S("half the net")};
    assert_int_equal(put(s, COVERAGE_PERSON, COVERAGE_DOWN, 100, 100), ERR_USAGE);
    assert_int_equal(put(s, COVERAGE_PERSON, COVERAGE_DOWN, INT64_MIN, 100), ERR_USAGE);
    assert_int_equal(put(s, COVERAGE_PERSON, COVERAGE_DOWN, 10, 100), OK);
    assert_int_equal(put(s, COVERAGE_FEED, COVERAGE_UP, 10, 100), OK);
    assert_ok(store_coverage_put(s, &part, eb));
    coverage_is(s, &ALL,
                "t person down 10..50\nt feed up 10..100\nt person degraded 50..60 0.25 half the "
                "net\nt person down 60..100\n");
    /* What was said last holds. */
    assert_int_equal(put(s, COVERAGE_PERSON, COVERAGE_UP, 20, 90), OK);
    coverage_is(s, &ALL,
                "t person down 10..20\nt feed up 10..100\nt person up 20..90\nt person down "
                "90..100\n");
    /* An interval without an end goes on behind one that has one. */
    assert_int_equal(put(s, COVERAGE_PERSON, COVERAGE_DOWN, 0, INT64_MAX), OK);
    assert_int_equal(put(s, COVERAGE_PERSON, COVERAGE_UP, 5, 6), OK);
    coverage_is(s, &ALL,
                "t person down 0..5\nt person up 5..6\nt person down 6..\nt feed up 10..100\n");
    part.part = 1.5;
    struct errbuf error;
    assert_int_equal(store_coverage_put(s, &part, &error), ERR_USAGE);
    assert_int_equal(verify_count(s), 0);
    store_close(s);
    scratch_remove(&scratch);
}

/* Any sequence of puts: what holds at each second is what was put last. */
static void test_last_word_at_each_second(void **state)
{
    (void)state;
    enum { SECONDS = 200, PUTS = 300 };
    struct scratch scratch = scratch_make();
    struct store *s = open_as(scratch.path, STORE_CREATE);
    struct random r = {77};
    int want[SECONDS];
    memset(want, -1, sizeof want);
    for (int i = 0; i < PUTS; i++) {
        int64_t since = (int64_t)random_below(&r, SECONDS - 1);
        int64_t until = since + 1 + (int64_t)random_below(&r, (uint64_t)(SECONDS - since - 1));
        int what = (int)random_below(&r, COVERAGE_STATE_COUNT);
        assert_int_equal(put(s, COVERAGE_PERSON, (enum coverage_state)what, since, until), OK);
        for (int64_t t = since; t < until; t++) {
            want[t] = what;
        }
    }
    for (int64_t t = 0; t < SECONDS; t++) {
        struct lines l = {.text = ""};
        assert_ok(store_coverage_list(s, &(struct store_filter){t, t + 1, S(""), S("")},
                                      coverage_line, &l, eb));
        const char *name = want[t] < 0 ? "" : coverage_state_name((enum coverage_state)want[t]);
        assert_true(want[t] < 0 ? l.n == 0
                                : strstr(l.text, name) && strchr(l.text, '\n') == l.text + l.n - 1);
    }
    assert_int_equal(verify_count(s), 0);
    store_close(s);
    scratch_remove(&scratch);
}

/* ---- connections ---- */

static void hour_line(void *arg, const struct trap_hour *h)
{
    line(arg, "%.*s %lld %llu %llu %llu\n", SLICE_ARG(h->trap), (long long)h->hour,
         (unsigned long long)h->connections, (unsigned long long)h->accepted,
         (unsigned long long)h->refused);
}

static void test_hours(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct store *s = open_as(scratch.path, STORE_CREATE);
    struct lines l = {.text = ""};
    struct errbuf error;
    struct trap_hour hours[] = {
        {S("b"), 3600, 10, 7, 3}, {S("a"), 7200, 5, 0, 5}, {S("a"), -3600, 1, 1, 0}};
    assert_ok(store_trap_hours_put(s, hours, 3, eb));
    hours[1].accepted = 1; /* with 5 refused of 5 */
    assert_int_equal(store_trap_hours_put(s, hours, 3, &error), ERR_USAGE);
    hours[1] = (struct trap_hour){S("a"), 7200, 6, 2, 1};
    assert_ok(store_trap_hours_put(s, hours, 2, eb));
    hours[0].hour = 3601;
    assert_int_equal(store_trap_hours_put(s, hours, 1, &error), ERR_USAGE);
    assert_ok(store_trap_hours_list(s, &ALL, hour_line, &l, eb));
    assert_string_equal(l.text, "a -3600 1 1 0\na 7200 6 2 1\nb 3600 10 7 3\n");
    l = (struct lines){.text = ""};
    assert_ok(store_trap_hours_list(s, &(struct store_filter){3700, 7201, S(""), S("")}, hour_line,
                                    &l, eb));
    assert_string_equal(l.text, "a 7200 6 2 1\nb 3600 10 7 3\n");
    assert_int_equal(verify_count(s), 0);
    store_close(s);
    scratch_remove(&scratch);
}

/* ---- lag ---- */

static void lag_line(void *arg, const struct lag_row *row)
{
    line(arg, "day %lld lag %u trap %zu: %llu\n", (long long)(row->day / SECONDS_PER_DAY), row->lag,
         row->trap, (unsigned long long)row->messages);
}

static void append_at(const char *path, int64_t now, const struct message_row *rows, size_t n)
{
    struct store *s = NULL;
    struct store_options o = {.path = path, .mode = STORE_CREATE, .now = now};
    assert_ok(store_open(&o, &s, eb));
    (void)append_all(s, rows, n, n);
    store_close(s);
}

static void test_lag(void **state)
{
    (void)state;
    enum { DAY = SECONDS_PER_DAY };
    struct scratch scratch = scratch_make();
    struct lines l = {.text = ""};
    struct message_row rows[] = {
        row_of("b", 1, 1000 * (int64_t)DAY + 5),
        row_of("a", 2, 1000 * (int64_t)DAY + 70000),
        row_of("a", 3, 940 * (int64_t)DAY),
        row_of("a", 4, 939 * (int64_t)DAY + DAY - 1),
        row_of("a", 5, 1001 * (int64_t)DAY + 3600),
        row_of("b", 6, 1000 * (int64_t)DAY),
        row_of("b", 7, 0),
        row_of("a", 8, 1000 * (int64_t)DAY + 9),
    };
    rows[6].clock = CLOCK_NONE;
    append_at(scratch.path, 1000 * (int64_t)DAY + 80000, rows,
              5); /* the last is ahead: not counted */
    append_at(scratch.path, 1003 * (int64_t)DAY, rows, 7);
    /* The clock is set back: the day has its entry, the batch counts with the last. */
    append_at(scratch.path, 1000 * (int64_t)DAY + 90, rows, 8);
    struct store *s = open_as(scratch.path, STORE_CREATE);
    assert_ok(store_lag(s, &ALL, lag_line, &l, eb));
    assert_string_equal(l.text, "day 940 lag 60 trap 0: 1\n"
                                "day 1000 lag 0 trap 1: 1\n"
                                "day 1000 lag 0 trap 0: 1\n"
                                "day 1000 lag 3 trap 1: 1\n"
                                "day 1000 lag 3 trap 0: 1\n");
    l = (struct lines){.text = ""};
    assert_ok(store_lag(s, &(struct store_filter){1000 * (int64_t)DAY, INT64_MAX, S("b"), S("")},
                        lag_line, &l, eb));
    assert_string_equal(l.text, "day 1000 lag 0 trap 1: 1\nday 1000 lag 3 trap 1: 1\n");
    assert_int_equal(verify_count(s), 0);
    store_close(s);
    scratch_remove(&scratch);
}

/* ---- damage, and older stores ---- */

static void sql_run(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    char *text = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &text) != SQLITE_OK) {
        fail_msg("%s", text);
    }
    sqlite3_close(db);
}

static void test_verify_finds(void **state)
{
    static const char *const DAMAGE[] = {
        "INSERT INTO trap_alias VALUES ('x', 99)",
        "INSERT INTO trap_coverage VALUES (1, 1, 5, 5, NULL, 0, NULL, '')",
        ("INSERT INTO trap_coverage VALUES (1, 1, 5, 9, NULL, 0, NULL, ''),"
         " (1, 1, 8, 12, NULL, 0, NULL, '')"),
        "INSERT INTO trap_coverage VALUES (1, 1, 5, 9, NULL, 7, NULL, '')",
        "INSERT INTO trap_hour VALUES (1, 1, 5, 4, 3)",
        "UPDATE rollup_day SET messages = 2 WHERE dim = 103",
    };
    (void)state;
    for (size_t i = 0; i < sizeof DAMAGE / sizeof *DAMAGE; i++) {
        struct scratch scratch = scratch_make();
        struct message_row row = row_of("t", 1, 1000);
        append_at(scratch.path, 2000, &row, 1);
        sql_run(scratch.path, DAMAGE[i]);
        struct store *s = open_as(scratch.path, STORE_READ);
        if (verify_count(s) != 1 && i != 5) {
            fail_msg("not found: %s", DAMAGE[i]);
        }
        assert_true(verify_count(s) > 0);
        store_close(s);
        scratch_remove(&scratch);
    }
}

static void cube_line(void *arg, const struct cube_row *row)
{
    line(arg, "%.*s %llu %llu\n", SLICE_ARG(row->value), (unsigned long long)row->units.messages,
         (unsigned long long)row->units.hosts);
}

/* tests/golden/store/001.sql is the dump of a store that version 1 wrote. */
static void test_version_1(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    char path[512];
    static char sql[65536];
    struct lines l = {.text = ""};
    struct errbuf error;
    struct store *s = NULL;
    (void)snprintf(path, sizeof path, "%s/tests/golden/store/001.sql", getenv("SOURCE_ROOT"));
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_true(fread(sql, 1, sizeof sql - 1, f) > 1000 && feof(f));
    (void)fclose(f);
    sql_run(scratch.path, sql);
    assert_int_equal(
        store_open(&(struct store_options){.path = scratch.path, .mode = STORE_READ}, &s, &error),
        ERR_VERSION);
    assert_non_null(strstr(error.text, "db migrate"));
    s = open_as(scratch.path, STORE_CREATE);
    assert_int_equal(verify_count(s), 0);
    traps_are(s, "alpha|north|32|0|0|\nbeta|south|20|0|0|\ngamma||8|0|0|\n");
    assert_ok(store_cube(s, &ALL, BUCKET_ALL, DIMENSION_BOTNET, cube_line, &l, eb));
    assert_string_equal(l.text, "cutwail 20 7\ngrum 8 3\nrustock 27 15\nunknown 5 5\n");
    /* It goes on as a store of today. */
    struct message_row row = row_of("alpha", 1, time_now());
    assert_int_equal(append_all(s, &row, 1, 1), 1);
    l = (struct lines){.text = ""};
    assert_ok(store_lag(s, &ALL, lag_line, &l, eb));
    assert_non_null(strstr(l.text, "lag 0 trap 0: 1\n"));
    assert_true(strchr(l.text, '\n') == l.text + l.n - 1);
    assert_int_equal(verify_count(s), 0);
    store_close(s);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edits),           cmocka_unit_test(test_a_server_s_word),
        cmocka_unit_test(test_a_person_s_word), cmocka_unit_test(test_last_word_at_each_second),
        cmocka_unit_test(test_hours),           cmocka_unit_test(test_lag),
        cmocka_unit_test(test_verify_finds),    cmocka_unit_test(test_version_1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
