/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Panels against cubes (which store_cube_test proves) of one trap each and of all together; the
 * joint rollup against a plain count of the rows. */
#include "store_rows.h"

static const int64_t START = (int64_t)ROWS_START_DAY * SECONDS_PER_DAY;

static const struct store_filter FILTERS[] = {
    STORE_FILTER_ALL,
    {INT64_MIN, INT64_MAX, SLICE("beta"), {NULL, 0}},
    {INT64_MIN, INT64_MAX, {NULL, 0}, SLICE("north")},
    {INT64_MIN, INT64_MAX, SLICE("omega"), {NULL, 0}},
    {START + 9 * SECONDS_PER_DAY, INT64_MAX, {NULL, 0}, {NULL, 0}},
    {START + SECONDS_PER_DAY + 7000, START + 70 * SECONDS_PER_DAY + 5, {NULL, 0}, SLICE("north")},
    {START + 5 * 3600, START + 6 * 3600 + 1, {NULL, 0}, {NULL, 0}},
    {1286000000, 1286000000, {NULL, 0}, {NULL, 0}},
    {INT64_MIN + 1, INT64_MAX - 1, {NULL, 0}, {NULL, 0}},
};
enum { FILTERS_COUNT = sizeof FILTERS / sizeof *FILTERS, TRAPS_COUNT = 3 };
static const char *const TRAPS[TRAPS_COUNT] = {"alpha", "beta", "gamma"};

struct cell {
    int64_t bucket;
    char values[3][32];
    size_t trap;
    struct units units;
};

struct cells {
    struct cell *cells;
    size_t count, size;
};

static struct cell *cells_put(struct cells *c)
{
    if (c->count == c->size) {
        c->size = c->size ? 2 * c->size : 1024;
        c->cells = reallocarray(c->cells, c->size, sizeof *c->cells);
        assert_non_null(c->cells);
    }
    memset(&c->cells[c->count], 0, sizeof *c->cells);
    return &c->cells[c->count++];
}

static void value_set(struct cell *c, size_t i, struct slice value)
{
    assert_true(value.n < sizeof c->values[i]);
    memcpy(c->values[i], value.p, value.n);
}

static void units_add(struct units *u, const struct units *more)
{
    u->messages += more->messages;
    u->recipients += more->recipients;
    u->bytes += more->bytes;
    u->expected += more->expected;
}

static int cell_cmp(const void *a, const void *b)
{
    const struct cell *x = a, *y = b;
    int order = (x->bucket > y->bucket) - (x->bucket < y->bucket);
    for (size_t i = 0; order == 0 && i < 3; i++) {
        order = strcmp(x->values[i], y->values[i]);
    }
    return order ? order : (x->trap > y->trap) - (x->trap < y->trap);
}

static void cells_sum(struct cells *c)
{
    size_t n = 0;
    if (c->count) {
        qsort(c->cells, c->count, sizeof *c->cells, cell_cmp);
    }
    for (size_t i = 0; i < c->count; i++) {
        if (n && cell_cmp(&c->cells[n - 1], &c->cells[i]) == 0) {
            units_add(&c->cells[n - 1].units, &c->cells[i].units);
        } else {
            c->cells[n++] = c->cells[i];
        }
    }
    c->count = n;
}

static void cells_compare(const struct cells *have, const struct cells *want, const char *what)
{
    for (size_t i = 0; i < have->count || i < want->count; i++) {
        if (i == have->count || i == want->count) {
            fail_msg("%s: %zu rows, should be %zu", what, have->count, want->count);
        }
        const struct cell *h = &have->cells[i], *w = &want->cells[i];
        double off = h->units.expected - w->units.expected;
        if (cell_cmp(h, w) != 0 || h->units.messages != w->units.messages ||
            h->units.recipients != w->units.recipients || h->units.bytes != w->units.bytes ||
            off > 5e-7 || off < -5e-7 || h->units.hosts != 0) {
            fail_msg("%s: row %zu: has %lld %s %s %s %zu: %llu %f, should be %lld %s %s %s %zu: "
                     "%llu %f",
                     what, i, (long long)h->bucket, h->values[0], h->values[1], h->values[2],
                     h->trap, (unsigned long long)h->units.messages, h->units.expected,
                     (long long)w->bucket, w->values[0], w->values[1], w->values[2], w->trap,
                     (unsigned long long)w->units.messages, w->units.expected);
        }
    }
}

/* ---- panels ---- */

static void panel_add(void *arg, const struct panel_row *row)
{
    struct cell *c = cells_put(arg);
    c->bucket = row->bucket;
    c->trap = row->trap;
    c->units = row->units;
    value_set(c, 0, row->value);
}

struct cube_of {
    struct cells *cells;
    size_t trap;
};

static void cube_add(void *arg, const struct cube_row *row)
{
    const struct cube_of *of = arg;
    struct cell *c = cells_put(of->cells);
    c->bucket = row->bucket;
    c->trap = of->trap;
    c->units = row->units;
    c->units.hosts = 0;
    value_set(c, 0, row->value);
}

static void panel_check(struct store *s, const struct store_filter *f, enum bucket b,
                        enum dimension d, const char *what)
{
    struct cells panel = {0}, by_trap = {0}, cube = {0};
    assert_ok(store_panel(s, f, b, d, panel_add, &panel, eb));
    for (size_t i = 1; i < panel.count; i++) {
        assert_true(cell_cmp(&panel.cells[i - 1], &panel.cells[i]) < 0);
    }
    for (size_t t = 0; t < TRAPS_COUNT; t++) {
        struct store_filter one = *f;
        struct cube_of of = {&by_trap, t};
        one.trap = slice_cstr(TRAPS[t]);
        if (f->trap.n == 0 || slice_eq(f->trap, one.trap)) {
            assert_ok(store_cube(s, &one, b, d, cube_add, &of, eb));
        }
    }
    cells_sum(&by_trap);
    cells_compare(&panel, &by_trap, what);
    for (size_t i = 0; i < panel.count; i++) {
        panel.cells[i].trap = 0;
    }
    cells_sum(&panel);
    assert_ok(store_cube(s, f, b, d, cube_add, &(struct cube_of){&cube, 0}, eb));
    cells_compare(&panel, &cube, what);
    free(panel.cells);
    free(by_trap.cells);
    free(cube.cells);
}

static struct store *store_filled(const struct scratch *scratch, const struct rows *rows)
{
    struct store *s = open_as(scratch->path, STORE_CREATE);
    /* Not in the order of their names. */
    assert_ok(store_trap_put(s, S("gamma"), S(""), eb));
    assert_ok(store_trap_put(s, S("alpha"), S("north"), eb));
    assert_ok(store_trap_put(s, S("beta"), S("north"), eb));
    (void)append_all(s, rows->rows, rows->n, 700);
    return s;
}

static void test_panels_are_cubes(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct rows rows = rows_make(5, 6000);
    struct store *s = store_filled(&scratch, &rows);
    struct errbuf error;
    for (size_t f = 0; f < FILTERS_COUNT; f++) {
        for (int b = BUCKET_ALL; b <= BUCKET_MONTH; b++) {
            for (int d = 0; d < DIMENSION_COUNT; d++) {
                char what[96];
                bool is_panel = d == DIMENSION_TOTAL || d == DIMENSION_BOTNET ||
                                d == DIMENSION_MAILER || d == DIMENSION_PROGRAM ||
                                d == DIMENSION_COUNTRY;
                (void)snprintf(what, sizeof what, "filter %zu, bucket %d, %s", f, b,
                               dimension_name((enum dimension)d));
                if (!is_panel || (b == BUCKET_HOUR && d == DIMENSION_MAILER)) {
                    assert_int_equal(store_panel(s, &FILTERS[f], (enum bucket)b, (enum dimension)d,
                                                 panel_add, NULL, &error),
                                     ERR_UNSUPPORTED);
                } else {
                    panel_check(s, &FILTERS[f], (enum bucket)b, (enum dimension)d, what);
                }
            }
        }
    }
    store_close(s);
    rows_free(&rows);
    scratch_remove(&scratch);
}

/* ---- the joint rollup ---- */

static void joint_add(void *arg, const struct joint_row *row)
{
    struct cell *c = cells_put(arg);
    c->bucket = row->bucket;
    c->trap = row->trap;
    c->units = row->units;
    value_set(c, 0, row->botnet);
    value_set(c, 1, row->program);
    value_set(c, 2, row->country);
}

static int64_t bucket_start(enum bucket b, int64_t t)
{
    int year, month, day;
    days_to_civil(day_of(t), &year, &month, &day);
    return b == BUCKET_HOUR    ? t - t % 3600
           : b == BUCKET_DAY   ? t - t % SECONDS_PER_DAY
           : b == BUCKET_MONTH ? civil_to_days(year, month, 1) * SECONDS_PER_DAY
                               : INT64_MIN;
}

static bool filter_holds(const struct store_filter *f, const struct message_row *row)
{
    int64_t hour = row->received / 3600;
    return row->clock != CLOCK_NONE && f->since < f->until &&
           (f->since == INT64_MIN || hour >= f->since / 3600) &&
           (f->until == INT64_MAX || hour <= (f->until - 1) / 3600) &&
           (f->trap.n == 0 || slice_eq(f->trap, row->trap)) &&
           (f->site.n == 0 || !slice_eq(row->trap, S("gamma")));
}

static struct cells joint_expect(const struct rows *rows, const struct store_filter *f,
                                 enum bucket b)
{
    struct cells want = {0};
    for (size_t i = 0; i < rows->n; i++) {
        const struct message_row *row = &rows->rows[i];
        if (!filter_holds(f, row)) {
            continue;
        }
        struct cell *c = cells_put(&want);
        c->bucket = bucket_start(b, row->received);
        value_set(c, 0, row->botnet.name.n ? row->botnet.name : S("unknown"));
        value_set(c, 1, row->program.name.n ? row->program.name : S("unknown"));
        value_set(c, 2, row->country.n ? row->country : S("-"));
        while (!slice_eq(slice_cstr(TRAPS[c->trap]), row->trap)) {
            c->trap++;
        }
        c->units = (struct units){
            .messages = 1, .recipients = row->recipients, .bytes = row->bytes, .expected = 1};
    }
    cells_sum(&want);
    return want;
}

static void test_joint_is_a_plain_count(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct rows rows = rows_make(6, 9000);
    struct store *s = store_filled(&scratch, &rows);
    for (size_t f = 0; f < FILTERS_COUNT; f++) {
        for (int b = BUCKET_ALL; b <= BUCKET_MONTH; b++) {
            char what[64];
            struct cells have = {0};
            struct cells want = joint_expect(&rows, &FILTERS[f], (enum bucket)b);
            (void)snprintf(what, sizeof what, "joint, filter %zu, bucket %d", f, b);
            assert_ok(store_joint(s, &FILTERS[f], (enum bucket)b, joint_add, &have, eb));
            cells_compare(&have, &want, what);
            free(have.cells);
            free(want.cells);
        }
    }
    store_close(s);
    rows_free(&rows);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_panels_are_cubes),
        cmocka_unit_test(test_joint_is_a_plain_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
