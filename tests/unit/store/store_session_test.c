/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sessions in the store: written once, found, paged, retained; marks of spools. */
#include "store_rows.h"

#include "store/trap.h"

static const int64_t START_US = INT64_C(1290000000) * 1000000; /* 2010-11-17 13:20 UTC */

struct opened {
    struct scratch scratch;
    struct store *store;
};

static void opened_make(struct opened *t)
{
    t->scratch = scratch_make();
    t->store = open_as(t->scratch.path, STORE_CREATE);
}

static void opened_drop(struct opened *t)
{
    store_close(t->store);
    scratch_remove(&t->scratch);
}

static struct session_step STEPS[] = {
    {.kind = STEP_REPLY, .code = 220, .text = SLICE("220 hello")},
    {.kind = STEP_COMMAND, .at_us = 5, .text = SLICE("EHLO \0\xff")},
    {.kind = STEP_END, .at_us = 9, .code = END_RESET},
};

/* `us`: after the start; `n` makes its random part. */
static struct session_row session_of(int64_t us, unsigned n)
{
    struct id128 random = {{0}};
    memcpy(random.b, &n, sizeof n);
    return (struct session_row){
        .id = session_id(START_US + us, random),
        .trap = n % 2 ? S("odd") : S("even"),
        .client = ip_from_v4(n),
        .client_port = (uint16_t)n,
        .started_us = START_US + us,
        .ended_us = START_US + us + 1000,
        .end = END_RESET,
        .country = S("DE"),
        .asn = 64496,
        .helo = S("EHLO \x1b"),
        .sd1 = S("SD1:x"),
        .auth_user = S("user"),
        .has_password = n % 3 == 0,
        .password_hash = random,
        .messages = n,
        .bytes_in = UINT64_MAX,
        .bytes_out = n,
        .transcript = {STEPS, 3, 2, 77},
    };
}

static struct append_result append(struct store *s, const struct session_row *rows, size_t n,
                                   const struct spool_mark *mark)
{
    struct append_result r = {0};
    struct errbuf eb = {.text = ""};
    struct store_batch in = {.sessions = rows, .session_count = n, .spool = mark};
    enum err e = store_append_batch(s, &in, &r, &eb);
    assert_string_equal(eb.text, "");
    assert_int_equal(e, OK);
    return r;
}

static void test_session_comes_back_as_it_was(void **state)
{
    struct opened t;
    struct session_row row, in = session_of(5, 3);
    (void)state;
    opened_make(&t);
    assert_int_equal(append(t.store, &in, 1, NULL).sessions_added, 1);
    assert_int_equal(store_session(t.store, in.id, &row, NULL), OK);
    assert_true(id128_eq(row.id, in.id));
    assert_true(slice_eq(row.trap, in.trap));
    assert_true(ip_eq(row.client, in.client));
    assert_true(slice_eq(row.helo, in.helo));
    assert_true(slice_eq(row.sd1, in.sd1));
    assert_true(slice_eq(row.country, in.country));
    assert_int_equal(row.asn, in.asn);
    assert_int_equal(row.started_us, in.started_us);
    assert_int_equal(row.ended_us, in.ended_us);
    assert_int_equal(row.end, in.end);
    assert_true(row.has_password && id128_eq(row.password_hash, in.password_hash));
    assert_true(row.bytes_in == UINT64_MAX);
    assert_int_equal(row.transcript.count, 3);
    assert_int_equal(row.transcript.first, 2);
    assert_int_equal(row.transcript.dropped, 77);
    assert_true(slice_eq(row.transcript.steps[1].text, STEPS[1].text));
    assert_int_equal(row.persona.n, 0);
    opened_drop(&t);
}

/* Also when many begin in the same microsecond, and whichever way batches are cut. */
static void hours_add(void *arg, const struct trap_hour *h)
{
    struct trap_hour *sum = arg;
    sum->connections += h->connections;
    sum->accepted += h->accepted;
    sum->refused += h->refused;
    sum->hour = h->hour;
}

static void test_sessions_count_once(void **state)
{
    enum { N = 200 };
    static struct session_row rows[N];
    struct opened t;
    struct session_row row;
    struct store_info info;
    size_t problems = 1;
    (void)state;
    opened_make(&t);
    for (unsigned i = 0; i < N; i++) {
        rows[i] = session_of(i / 50, i);
    }
    rows[2].messages = 0;
    rows[2].end = END_DROPPED;
    assert_int_equal(append(t.store, rows, 120, NULL).sessions_added, 120);
    assert_int_equal(append(t.store, rows + 60, N - 60, NULL).sessions_added, N - 120);
    assert_int_equal(append(t.store, rows, N, NULL).sessions_added, 0);
    for (unsigned i = 0; i < N; i++) {
        assert_int_equal(store_session(t.store, rows[i].id, &row, NULL), OK);
        assert_int_equal(row.client_port, i);
    }
    assert_int_equal(store_info(t.store, &info, NULL), OK);
    assert_int_equal(info.sessions, N);
    assert_int_equal(store_verify(t.store, NULL, NULL, &problems, NULL), OK);
    assert_int_equal(problems, 0);
    /* So are the connections of their hour; number 0 left no message, 2 was turned away. */
    struct trap_hour sum = {.connections = 0};
    const struct store_filter even = {INT64_MIN, INT64_MAX, S("even"), S("")};
    assert_int_equal(store_trap_hours_list(t.store, &even, hours_add, &sum, NULL), OK);
    assert_int_equal(sum.connections, N / 2);
    assert_int_equal(sum.accepted, N / 2 - 2);
    assert_int_equal(sum.refused, 1);
    assert_int_equal(sum.hour, START_US / 1000000 / 3600 * 3600);
    opened_drop(&t);
}

/* A forged spool could have any number of sessions in one microsecond: that is no error, and those
 * that do not fit are left out. */
static void test_a_crowd_is_no_error(void **state)
{
    enum { N = 400, FIT = 257 };
    struct opened t;
    struct session_row *rows = calloc(N, sizeof *rows);
    (void)state;
    assert_non_null(rows);
    opened_make(&t);
    for (unsigned i = 0; i < N; i++) {
        rows[i] = session_of(0, i);
    }
    assert_int_equal(append(t.store, rows, N, NULL).sessions_added, FIT);
    assert_int_equal(verify_count(t.store), 0);
    free(rows);
    opened_drop(&t);
}

struct listed {
    unsigned ports[64];
    size_t n;
};

static void listed_add(void *arg, const struct session_row *row)
{
    struct listed *l = arg;
    assert_true(l->n < 64);
    l->ports[l->n++] = row->client_port;
}

static void test_lists_page_and_filter(void **state)
{
    struct opened t;
    struct listed l = {.n = 0};
    struct session_cursor cursor = {.is_set = false};
    struct store_filter all = STORE_FILTER_ALL, f = STORE_FILTER_ALL;
    struct ip client = ip_from_v4(7);
    (void)state;
    opened_make(&t);
    for (unsigned i = 0; i < 40; i++) {
        struct session_row row = session_of((int64_t)(i / 4) * 1000000, i);
        append(t.store, &row, 1, NULL);
    }
    for (size_t before = SIZE_MAX; before != l.n;) {
        before = l.n;
        assert_int_equal(store_sessions(t.store, &all, NULL, &cursor, 3, listed_add, &l, NULL), OK);
    }
    assert_int_equal(l.n, 40);
    for (unsigned i = 0; i < 40; i++) {
        assert_int_equal(l.ports[i], i);
    }
    l.n = 0;
    cursor.is_set = false;
    f.trap = S("odd");
    f.since = START_US / 1000000 + 2;
    f.until = START_US / 1000000 + 4;
    assert_int_equal(store_sessions(t.store, &f, NULL, &cursor, 99, listed_add, &l, NULL), OK);
    assert_int_equal(l.n, 4);
    assert_int_equal(l.ports[0], 9);
    l.n = 0;
    cursor.is_set = false;
    assert_int_equal(store_sessions(t.store, &all, &client, &cursor, 99, listed_add, &l, NULL), OK);
    assert_int_equal(l.n, 1);
    assert_int_equal(l.ports[0], 7);
    opened_drop(&t);
}

static void id_count(void *arg, struct id128 id)
{
    (void)id;
    ++*(size_t *)arg;
}

static void test_ids_are_found_by_their_beginning(void **state)
{
    struct opened t;
    char hex[33];
    struct session_row rows[3] = {session_of(0, 1), session_of(0, 2), session_of(1 << 20, 3)};
    (void)state;
    opened_make(&t);
    append(t.store, rows, 3, NULL);
    id128_hex(rows[0].id, hex);
    for (size_t digits = 4; digits <= 32; digits++) {
        size_t n = 0, expected = digits < 11 ? 3 : digits < 18 ? 2 : 1;
        assert_int_equal(store_session_find(t.store, slice_of(hex, digits), 10, id_count, &n, NULL),
                         OK);
        assert_int_equal(n, expected);
    }
    size_t n = 0;
    assert_int_equal(store_session_find(t.store, S("ffff"), 10, id_count, &n, NULL), OK);
    assert_int_equal(n, 0);
    assert_int_equal(store_session_find(t.store, S("00"), 10, id_count, &n, NULL), ERR_USAGE);
    assert_int_equal(store_session_find(t.store, S("00xx"), 10, id_count, &n, NULL), ERR_USAGE);
    opened_drop(&t);
}

static void test_retention_by_age(void **state)
{
    struct opened t;
    struct store_info info;
    uint64_t deleted = 0;
    size_t problems = 1;
    int64_t day = INT64_C(86400) * 1000000;
    (void)state;
    opened_make(&t);
    for (unsigned i = 0; i < 30; i++) {
        struct session_row row = session_of((int64_t)i * day / 3, i);
        append(t.store, &row, 1, NULL);
    }
    /* the first day is two thirds gone at 13:20 */
    assert_int_equal(store_retain(t.store, START_US / 1000000 + 2 * 86400, 0, &deleted, NULL), OK);
    assert_int_equal(store_info(t.store, &info, NULL), OK);
    assert_int_equal(info.sessions, 30 - 5);
    assert_int_equal(deleted, 0);
    assert_int_equal(store_verify(t.store, NULL, NULL, &problems, NULL), OK);
    assert_int_equal(problems, 0);
    opened_drop(&t);
}

/* By size sessions go, too, and it comes to an end when nothing is left. */
static void test_retention_by_size(void **state)
{
    enum { N = 3000 };
    struct opened t;
    struct store_info before, after;
    uint64_t deleted = 0;
    struct session_row *rows = calloc(N, sizeof *rows);
    (void)state;
    assert_non_null(rows);
    opened_make(&t);
    for (unsigned i = 0; i < N; i++) {
        rows[i] = session_of(i, i);
    }
    append(t.store, rows, N, NULL);
    assert_int_equal(store_vacuum(t.store, NULL), OK);
    assert_int_equal(store_info(t.store, &before, NULL), OK);
    assert_int_equal(store_retain(t.store, INT64_MIN, before.file_bytes * 3 / 4, &deleted, NULL),
                     OK);
    assert_int_equal(store_info(t.store, &after, NULL), OK);
    assert_in_range(after.sessions, N / 4, N - N / 5);
    assert_int_equal(store_retain(t.store, INT64_MIN, 1, &deleted, NULL), OK);
    assert_int_equal(store_info(t.store, &after, NULL), OK);
    assert_int_equal(after.sessions, 0);
    assert_int_equal(verify_count(t.store), 0);
    free(rows);
    opened_drop(&t);
}

static void test_marks_go_with_the_rows(void **state)
{
    struct opened t;
    struct spool_mark a = {.spool = {{1}}, .at = {7, 40}}, b = {.spool = {{2}}, .at = {1, 1}};
    struct spool_position at;
    struct session_row bad = session_of(0, 1);
    (void)state;
    opened_make(&t);
    assert_int_equal(store_spool_mark(t.store, a.spool, &at, NULL), OK);
    assert_int_equal(at.segment, 0);
    append(t.store, NULL, 0, &a);
    append(t.store, NULL, 0, &b);
    a.at.offset = 99;
    append(t.store, NULL, 0, &a);
    assert_int_equal(store_spool_mark(t.store, a.spool, &at, NULL), OK);
    assert_int_equal(at.segment, 7);
    assert_int_equal(at.offset, 99);
    assert_int_equal(store_spool_mark(t.store, b.spool, &at, NULL), OK);
    assert_int_equal(at.segment, 1);
    /* all or nothing */
    bad.trap = S("");
    a.at.offset = 1000;
    struct store_batch in = {.sessions = &bad, .session_count = 1, .spool = &a};
    assert_int_equal(store_append_batch(t.store, &in, NULL, NULL), ERR_USAGE);
    assert_int_equal(store_spool_mark(t.store, a.spool, &at, NULL), OK);
    assert_int_equal(at.offset, 99);
    opened_drop(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_session_comes_back_as_it_was),
        cmocka_unit_test(test_sessions_count_once),
        cmocka_unit_test(test_a_crowd_is_no_error),
        cmocka_unit_test(test_lists_page_and_filter),
        cmocka_unit_test(test_ids_are_found_by_their_beginning),
        cmocka_unit_test(test_retention_by_age),
        cmocka_unit_test(test_retention_by_size),
        cmocka_unit_test(test_marks_go_with_the_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
