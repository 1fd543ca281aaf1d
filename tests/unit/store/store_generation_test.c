/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows written anew: a store that was labelled again is the store that would have been made with
 * these labels at once, and still tells what it was before. */
#include "store_rows.h"

#include "core/limits.h"
#include "store/cluster.h"
#include "store/generation.h"

#include <sqlite3.h>

static const struct store_filter ALL = STORE_FILTER_ALL;

static void sql_run(const char *path, const char *sql)
{
    sqlite3 *db;
    char *error = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK) {
        fail_msg("%s: %s", sql, error);
    }
    sqlite3_close(db);
}

/* ---- two stores say the same ---- */

struct text {
    struct strbuf b;
    enum dimension d;
    enum bucket bucket;
    bool has_hosts;
};

static void cube_text(void *arg, const struct cube_row *row)
{
    struct text *t = arg;
    /* Expected counts are millionths: rounded, so that the sum's last digit does not matter. */
    strbuf_printf(&t->b, "%d %d %lld %.*s %llu %llu %llu %llu %lld\n", (int)t->d, (int)t->bucket,
                  (long long)row->bucket, SLICE_ARG(row->value),
                  (unsigned long long)row->units.messages,
                  (unsigned long long)row->units.recipients, (unsigned long long)row->units.bytes,
                  (unsigned long long)(t->has_hosts ? row->units.hosts : 0),
                  (long long)(row->units.expected * 1e6 + 0.5));
}

/* All cubes of a store. */
static struct strbuf cubes(struct store *s)
{
    struct text t = {.b = STRBUF_INIT, .has_hosts = true};
    for (int b = BUCKET_ALL; b <= BUCKET_MONTH; b++) {
        for (int d = 0; d < DIMENSION_COUNT; d++) {
            struct errbuf error = {0};
            t.d = (enum dimension)d;
            t.bucket = (enum bucket)b;
            enum err e = store_cube(s, &ALL, t.bucket, t.d, cube_text, &t, &error);
            assert_true(e == OK || e == ERR_UNSUPPORTED);
        }
    }
    return t.b;
}

static void stores_say_the_same(struct store *a, struct store *b)
{
    struct strbuf x = cubes(a), y = cubes(b);
    assert_true(slice_eq(strbuf_slice(&x), strbuf_slice(&y)));
    assert_true(x.n > 10000);
    strbuf_free(&x);
    strbuf_free(&y);
}

static const enum dimension LABELS[] = {DIMENSION_BOTNET, DIMENSION_MAILER, DIMENSION_PROGRAM};

static void panel_text(void *arg, const struct panel_row *row)
{
    struct text *t = arg;
    strbuf_printf(&t->b, "trap %zu ", row->trap);
    cube_text(t, &(struct cube_row){row->bucket, row->value, row->units});
}

/* The label cubes and panels; number 0: as they are, without hosts. */
static struct strbuf label_cubes(struct store *s, const struct store_filter *f, unsigned number)
{
    static const enum bucket BUCKETS[] = {BUCKET_ALL, BUCKET_DAY, BUCKET_MONTH};
    struct text t = {.b = STRBUF_INIT};
    for (size_t b = 0; b < 3; b++) {
        for (size_t d = 0; d < 3; d++) {
            t.d = LABELS[d];
            t.bucket = BUCKETS[b];
            assert_ok(number ? store_generation_cube(s, f, number, t.bucket, t.d, cube_text, &t, eb)
                             : store_cube(s, f, t.bucket, t.d, cube_text, &t, eb));
        }
    }
    t.bucket = BUCKET_DAY;
    for (size_t d = 0; d < 3; d++) {
        t.d = LABELS[d];
        assert_ok(number ? store_generation_panel(s, f, number, t.d, panel_text, &t, eb)
                         : store_panel(s, f, t.bucket, t.d, panel_text, &t, eb));
    }
    return t.b;
}

static void label_cubes_are(struct store *s, const struct store_filter *f, unsigned number,
                            const struct strbuf *expected)
{
    struct strbuf now = label_cubes(s, f, number);
    if (!slice_eq(strbuf_slice(&now), strbuf_slice(expected))) {
        fail_msg("generation %u:\n%s\nis not\n%s", number, strbuf_cstr(&now),
                 strbuf_cstr((struct strbuf *)(uintptr_t)expected));
    }
    strbuf_free(&now);
}

/* ---- labels ---- */

/* Another label for some: what it is depends on the id and the round only. */
static bool row_relabel(struct message_row *row, unsigned round)
{
    static const char *const NAMES[] = {"rustock", "new-one", "grum", ""};
    unsigned n = row->id.b[round];
    if (n % 3 == 0) {
        return false;
    }
    struct slice name = slice_cstr(NAMES[n / 3 % 4]);
    row->botnet = (struct row_label){.name = name,
                                     .best = name,
                                     .posterior = name.n ? 0.95 : 0,
                                     .unknown = name.n ? 0.05 : 1,
                                     .is_conflict = name.n && n % 5 == 0};
    if (n % 2) {
        row->program.name = row->program.best = S("another program");
        row->program.posterior = 0.91;
        row->program.unknown = 0.09;
        row->program.runner_up = (struct slice){NULL, 0};
        row->program.runner_up_posterior = 0;
    }
    row->pack_version = S("pack-2");
    return true;
}

struct relabeling {
    unsigned round;
    size_t seen, changed, fail_at;
    uint64_t moved[DIMENSION_COUNT];
    uint64_t last, of;
};

static enum err label_test(void *arg, struct message_row *row, bool *is_changed)
{
    struct relabeling *r = arg;
    *is_changed = row_relabel(row, r->round);
    r->changed += *is_changed;
    return ++r->seen == r->fail_at ? ERR_CANCELLED : OK;
}

static void move_count(void *arg, const struct generation_move *m)
{
    struct relabeling *r = arg;
    r->moved[m->dimension] += m->messages;
    assert_false(slice_eq(m->from, m->to));
    assert_true(m->from.n && m->to.n);
}

static void progress_check(void *arg, uint64_t done, uint64_t of)
{
    struct relabeling *r = arg;
    assert_true(done >= r->last && done <= of);
    r->last = done;
    r->of = of;
}

static struct generation relabel(struct store *s, struct relabeling *r, struct store_filter f,
                                 bool is_dry)
{
    struct generation g = {0};
    struct store_relabel how = {.filter = f,
                                .is_dry = is_dry,
                                .pack = S("pack-2"),
                                .note = S("a test"),
                                .label = label_test,
                                .on_move = move_count,
                                .on_progress = progress_check,
                                .arg = r};
    assert_ok(store_relabel(s, &how, &g, eb));
    return g;
}

static uint64_t moves_expected(const struct rows *rows, unsigned round, enum dimension d)
{
    uint64_t n = 0;
    for (size_t i = 0; i < rows->n; i++) {
        struct message_row row = rows->rows[i];
        (void)row_relabel(&row, round);
        n += d == DIMENSION_BOTNET ? !slice_eq(row.botnet.name, rows->rows[i].botnet.name)
                                   : !slice_eq(row.program.name, rows->rows[i].program.name);
    }
    return n;
}

static void generation_line(void *arg, const struct generation *g)
{
    strbuf_printf(arg, "%u %.*s %.*s %llu %llu %llu\n", g->number, SLICE_ARG(g->pack),
                  SLICE_ARG(g->note), (unsigned long long)g->messages,
                  (unsigned long long)g->changed, (unsigned long long)g->gone);
}

static void test_relabel(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make(), other = scratch_make();
    struct rows rows = rows_make(70, 900);
    struct store *s = open_as(scratch.path, STORE_CREATE);
    struct relabeling r = {.round = 3};
    struct message_row row;
    struct errbuf error = {0};
    unsigned newest = 0;
    assert_int_equal(append_all(s, rows.rows, 900, 300), 900);
    struct strbuf before = label_cubes(s, &ALL, 0), all_before = cubes(s);
    /* Dry: all is told, nothing is done. */
    struct generation g = relabel(s, &r, ALL, true);
    assert_int_equal(g.number, 0);
    assert_int_equal(g.messages, 900);
    assert_int_equal(g.changed, r.changed);
    assert_true(r.changed > 300 && r.changed < 900);
    assert_int_equal(r.moved[DIMENSION_BOTNET], moves_expected(&rows, 3, DIMENSION_BOTNET));
    label_cubes_are(s, &ALL, 0, &before);
    /* An error on the way: the old generation is whole. */
    r = (struct relabeling){.round = 3, .fail_at = 700};
    struct store_relabel how = {.filter = ALL, .label = label_test, .arg = &r};
    assert_int_equal(store_relabel(s, &how, &g, &error), ERR_CANCELLED);
    struct strbuf all_after = cubes(s);
    assert_true(slice_eq(strbuf_slice(&all_before), strbuf_slice(&all_after)));
    assert_int_equal(verify_count(s), 0);
    assert_ok(store_generation_newest(s, &newest, eb));
    assert_int_equal(newest, 1);
    /* Done. */
    r = (struct relabeling){.round = 3};
    g = relabel(s, &r, ALL, false);
    assert_int_equal(g.number, 2);
    assert_int_equal(g.changed, r.changed);
    assert_int_equal(g.gone, 0);
    assert_int_equal(r.moved[DIMENSION_BOTNET], moves_expected(&rows, 3, DIMENSION_BOTNET));
    assert_int_equal(r.moved[DIMENSION_PROGRAM], moves_expected(&rows, 3, DIMENSION_PROGRAM));
    assert_int_equal(r.moved[DIMENSION_MAILER], 0);
    assert_int_equal(r.of, 900);
    assert_int_equal(verify_count(s), 0);
    label_cubes_are(s, &ALL, 1, &before);
    struct strbuf after = label_cubes(s, &ALL, 0);
    label_cubes_are(s, &ALL, 2, &after);
    assert_false(slice_eq(strbuf_slice(&before), strbuf_slice(&after)));
    struct relabeling told = {0};
    assert_ok(store_generation_moves(s, 1, move_count, &told, eb));
    assert_memory_equal(told.moved, r.moved, sizeof r.moved);
    struct strbuf lines = STRBUF_INIT;
    assert_ok(store_generations(s, generation_line, &lines, eb));
    char expected[128];
    (void)snprintf(expected, sizeof expected, "2 pack-2 a test 900 %zu 0\n", r.changed);
    assert_string_equal(strbuf_cstr(&lines), expected);
    /* The same as a store that was made so. */
    struct store *fresh = open_as(other.path, STORE_CREATE);
    for (size_t i = 0; i < rows.n; i++) {
        (void)row_relabel(&rows.rows[i], 3);
    }
    assert_int_equal(append_all(fresh, rows.rows, 900, 900), 900);
    stores_say_the_same(s, fresh);
    for (size_t i = 0; i < rows.n; i += 50) {
        assert_ok(store_message(s, rows.rows[i].id, &row, eb));
        assert_true(slice_eq(row.botnet.name, rows.rows[i].botnet.name));
        assert_true(slice_eq(row.pack_version, rows.rows[i].pack_version));
        assert_true(slice_eq(row.subject, rows.rows[i].subject));
    }
    /* Nothing changes: no new generation. */
    struct store_relabel none = {.filter = {0, 0, {NULL, 0}, {NULL, 0}}, .label = label_test};
    none.arg = &r;
    assert_ok(store_relabel(s, &none, &g, eb));
    assert_int_equal(g.number, 0);
    assert_int_equal(
        store_generation_cube(s, &ALL, 3, BUCKET_DAY, DIMENSION_BOTNET, cube_text, NULL, &error),
        ERR_NOTFOUND);
    assert_int_equal(
        store_generation_cube(s, &ALL, 1, BUCKET_DAY, DIMENSION_COUNTRY, cube_text, NULL, &error),
        ERR_UNSUPPORTED);
    for (unsigned number = 0; number <= 3; number += 3) {
        assert_int_equal(
            store_generation_panel(s, &ALL, number, DIMENSION_BOTNET, panel_text, NULL, &error),
            ERR_NOTFOUND);
    }
    assert_int_equal(
        store_generation_panel(s, &ALL, 1, DIMENSION_COUNTRY, panel_text, NULL, &error),
        ERR_UNSUPPORTED);
    store_close(fresh);
    store_close(s);
    struct strbuf *const texts[] = {&before, &after, &all_before, &all_after, &lines};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        strbuf_free(texts[i]);
    }
    rows_free(&rows);
    scratch_remove(&scratch);
    scratch_remove(&other);
}

/* Three generations of parts of the store; what arrives later counts the same in all of them. */
static void test_generations(void **state)
{
    const int64_t start = (int64_t)ROWS_START_DAY * SECONDS_PER_DAY;
    (void)state;
    struct scratch scratch = scratch_make(), other = scratch_make();
    struct rows rows = rows_make(71, 600);
    struct store *s = open_as(scratch.path, STORE_CREATE);
    struct store *old = open_as(other.path, STORE_CREATE);
    const struct store_filter part = {
        start + 10 * SECONDS_PER_DAY, start + 40 * SECONDS_PER_DAY, {NULL, 0}, {NULL, 0}};
    const struct store_filter beta = {INT64_MIN, INT64_MAX, S("beta"), {NULL, 0}};
    assert_int_equal(append_all(s, rows.rows, 500, 500), 500);
    struct relabeling r = {.round = 4};
    assert_int_equal(relabel(s, &r, part, false).number, 2);
    assert_true(r.seen > 100 && r.seen < 400);
    struct strbuf second = label_cubes(s, &part, 0);
    r = (struct relabeling){.round = 5};
    assert_int_equal(relabel(s, &r, beta, false).number, 3);
    assert_int_equal(verify_count(s), 0);
    label_cubes_are(s, &part, 2, &second);
    /* Later arrivals, against a store that never was labelled again. */
    assert_int_equal(append_all(s, rows.rows + 500, 100, 100), 100);
    assert_int_equal(append_all(old, rows.rows, 600, 600), 600);
    struct strbuf first = label_cubes(old, &ALL, 0);
    label_cubes_are(s, &ALL, 1, &first);
    strbuf_free(&first);
    first = label_cubes(old, &beta, 0);
    label_cubes_are(s, &beta, 1, &first);
    assert_int_equal(verify_count(s), 0);
    strbuf_free(&first);
    strbuf_free(&second);
    store_close(s);
    store_close(old);
    rows_free(&rows);
    scratch_remove(&scratch);
    scratch_remove(&other);
}

static void gone_sum(void *arg, int64_t day, uint64_t messages)
{
    uint64_t *sum = arg;
    assert_true(day == INT64_MIN || day % SECONDS_PER_DAY == 0);
    *sum += messages;
}

/* What retention has deleted keeps its labels and is told. */
static void test_gone(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct rows rows = rows_make(72, 400);
    struct store *s = NULL;
    uint64_t deleted = 0, gone = 0;
    for (int i = 0; i < 2; i++) { /* two days of arrival */
        struct store_options o = {.path = scratch.path,
                                  .mode = STORE_CREATE,
                                  .now = (int64_t)(20000 + i * 10) * SECONDS_PER_DAY};
        assert_ok(store_open(&o, &s, eb));
        assert_int_equal(append_all(s, rows.rows + 200 * i, 200, 200), 200);
        if (i == 0) {
            store_close(s);
        }
    }
    assert_ok(store_gone_days(s, &ALL, gone_sum, &gone, eb));
    assert_int_equal(gone, 0);
    assert_ok(store_retain(s, (int64_t)20005 * SECONDS_PER_DAY, 0, &deleted, eb));
    assert_int_equal(deleted, 200);
    assert_ok(store_gone_days(s, &ALL, gone_sum, &gone, eb));
    assert_int_equal(gone, 200);
    struct strbuf before = label_cubes(s, &ALL, 0);
    struct relabeling r = {.round = 6};
    struct generation g = relabel(s, &r, ALL, false);
    assert_int_equal(g.gone, 200);
    assert_int_equal(g.messages, 200);
    label_cubes_are(s, &ALL, 1, &before);
    assert_int_equal(verify_count(s), 0);
    strbuf_free(&before);
    store_close(s);
    rows_free(&rows);
    scratch_remove(&scratch);
}

/* Only so many can be asked for; the older ones are gone, the others right. */
static void test_limit(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct rows rows = rows_make(73, 30);
    struct store *s = open_as(scratch.path, STORE_CREATE);
    struct errbuf error = {0};
    struct strbuf kept = STRBUF_INIT;
    assert_int_equal(append_all(s, rows.rows, 30, 30), 30);
    for (unsigned i = 1; i <= LIMIT_GENERATIONS + 1; i++) {
        if (i == 2) {
            kept = label_cubes(s, &ALL, 0);
        }
        struct relabeling r = {.round = i % 16};
        assert_int_equal(relabel(s, &r, ALL, false).number, i + 1);
        if (i == LIMIT_GENERATIONS) {
            label_cubes_are(s, &ALL, 2, &kept);
            struct strbuf oldest = label_cubes(s, &ALL, 1);
            strbuf_free(&oldest);
        }
    }
    assert_int_equal(
        store_generation_cube(s, &ALL, 1, BUCKET_ALL, DIMENSION_BOTNET, cube_text, NULL, &error),
        ERR_NOTFOUND);
    assert_non_null(strstr(error.text, "any more"));
    label_cubes_are(s, &ALL, 2, &kept);
    assert_int_equal(verify_count(s), 0);
    strbuf_free(&kept);
    store_close(s);
    rows_free(&rows);
    scratch_remove(&scratch);
}

/* ---- features ---- */

static enum err place_test(void *arg, size_t index, uint64_t number, struct message_row *row)
{
    assert_true(number > 0);
    (void)index;
    ++*(size_t *)arg;
    row->part[CLUSTER_MAILER] = 77;
    return OK;
}

/* The parser got better: other countries, domains, quirks, times, labels of some rows. */
static bool row_improve(struct message_row *row)
{
    static const struct slice DOMAINS[] = {SLICE("better.example"), SLICE("domain3.example")};
    if (row->id.b[0] % 3 == 0) {
        return false;
    }
    row->country = S("FR");
    row->domains = DOMAINS;
    row->domain_count = 2;
    row->quirks ^= 5;
    row->subject = S("decoded at last");
    if (row->id.b[0] % 3 == 1 && row->clock != CLOCK_NONE) {
        row->received -= 86400 * 3;
    }
    if (row->id.b[1] % 4 == 0) {
        row->botnet.name = row->botnet.best = S("found");
        row->botnet.posterior = 0.99;
        row->botnet.unknown = 0.01;
    }
    return true;
}

static void test_reindex(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make(), other = scratch_make();
    struct rows rows = rows_make(74, 500);
    struct store *s = open_as(scratch.path, STORE_CREATE);
    struct store *fresh = open_as(other.path, STORE_CREATE);
    struct reindex_result result = {0};
    unsigned generation = 0;
    uint64_t mark = 0;
    size_t changed = 0, placed = 0, without = 0;
    for (size_t i = 0; i < rows.n; i += 10) {
        rows.rows[i].part[0] = rows.rows[i].part[1] = 0;
    }
    assert_int_equal(append_all(s, rows.rows, 400, 400), 400);
    struct strbuf before = label_cubes(s, &ALL, 0);
    struct store_reindex how = {.rows = rows.rows,
                                .row_count = 500,
                                .source = S("old.mbox"),
                                .next_ordinal = 500,
                                .pack = S("pack-1"),
                                .note = S("reindex")};
    /* As it was: all the same, whatever the pack is called; 100 were never there. */
    for (size_t i = 0; i < 400; i++) {
        rows.rows[i].pack_version = S("another pack");
    }
    assert_ok(store_reindex(s, &how, &generation, &result, eb));
    assert_int_equal(result.unchanged, 400);
    assert_int_equal(result.unknown, 100);
    assert_int_equal(generation, 0);
    assert_ok(store_reindex_mark(s, S("old.mbox"), &mark, eb));
    assert_int_equal(mark, 500);
    assert_int_equal(verify_count(s), 0);
    /* Better, in two transactions of one run. */
    for (size_t i = 0; i < 500; i++) {
        bool is_better = row_improve(&rows.rows[i]);
        changed += is_better && i < 400;
    }
    result = (struct reindex_result){0};
    how.row_count = 250;
    assert_ok(store_reindex(s, &how, &generation, &result, eb));
    assert_int_equal(generation, 2);
    how.rows += 250;
    how.is_complete = true;
    how.adds = true;
    assert_ok(store_reindex(s, &how, &generation, &result, eb));
    assert_int_equal(generation, 2);
    assert_int_equal(result.updated, changed);
    assert_int_equal(result.unchanged, 400 - changed);
    assert_int_equal(result.added, 100);
    assert_int_equal(result.unknown, 0);
    assert_ok(store_reindex_mark(s, S("old.mbox"), &mark, eb));
    assert_int_equal(mark, 0);
    assert_int_equal(verify_count(s), 0);
    assert_int_equal(append_all(fresh, rows.rows, 500, 500), 500);
    stores_say_the_same(s, fresh);
    /* Rows without parts get them, others keep theirs. */
    for (size_t i = 0; i < 500; i++) {
        without += !rows.rows[i].part[0] && !rows.rows[i].part[1];
        rows.rows[i].part[0] = rows.rows[i].part[1] = 0;
    }
    struct store_placing placing = {.place = place_test, .arg = &placed};
    how = (struct store_reindex){.rows = rows.rows, .row_count = 500, .placing = &placing};
    result = (struct reindex_result){0};
    assert_ok(store_reindex(s, &how, &generation, &result, eb));
    assert_true(without > 0);
    assert_int_equal(placed, without);
    assert_int_equal(result.updated, without);
    assert_int_equal(verify_count(s), 0);
    strbuf_free(&before);
    store_close(s);
    store_close(fresh);
    rows_free(&rows);
    scratch_remove(&scratch);
    scratch_remove(&other);
}

/* Known by its identity, but its row is deleted: left alone, whatever is asked. */
static void test_reindex_gone(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct rows rows = rows_make(75, 50);
    struct store *s = open_as(scratch.path, STORE_CREATE);
    struct reindex_result result = {0};
    unsigned generation = 0;
    uint64_t deleted = 0;
    assert_int_equal(append_all(s, rows.rows, 50, 50), 50);
    struct strbuf before = cubes(s);
    assert_ok(store_retain(s, time_now() + 2 * SECONDS_PER_DAY, 0, &deleted, eb));
    for (size_t i = 0; i < 50; i++) {
        (void)row_improve(&rows.rows[i]);
    }
    struct store_reindex how = {.rows = rows.rows, .row_count = 50, .adds = true};
    assert_ok(store_reindex(s, &how, &generation, &result, eb));
    assert_int_equal(result.gone, 50);
    assert_int_equal(result.added, 0);
    struct strbuf after = cubes(s);
    assert_true(slice_eq(strbuf_slice(&before), strbuf_slice(&after)));
    strbuf_free(&before);
    strbuf_free(&after);
    store_close(s);
    rows_free(&rows);
    scratch_remove(&scratch);
}

static void test_verify(void **state)
{
    static const char *const HARMS[] = {
        "UPDATE generation_day SET messages = messages + 1 WHERE dim = 1",
        "DELETE FROM generation",
    };
    (void)state;
    struct rows rows = rows_make(76, 100);
    for (size_t i = 0; i < sizeof HARMS / sizeof *HARMS; i++) {
        struct scratch scratch = scratch_make();
        struct store *s = open_as(scratch.path, STORE_CREATE);
        struct relabeling r = {.round = 2};
        size_t problems = 0;
        append_all(s, rows.rows, rows.n, 100);
        (void)relabel(s, &r, ALL, false);
        store_close(s);
        sql_run(scratch.path, HARMS[i]);
        s = open_as(scratch.path, STORE_READ);
        assert_ok(store_verify(s, NULL, NULL, &problems, eb));
        if (problems == 0) {
            fail_msg("%s: not found", HARMS[i]);
        }
        store_close(s);
        scratch_remove(&scratch);
    }
    rows_free(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_relabel), cmocka_unit_test(test_generations),
        cmocka_unit_test(test_gone),    cmocka_unit_test(test_limit),
        cmocka_unit_test(test_reindex), cmocka_unit_test(test_reindex_gone),
        cmocka_unit_test(test_verify),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
