/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hosts by day and by row against the same counted the slow way, over random rows. */
#include "store_rows.h"

enum { ROWS = 6000, FOUND_MAX = 8192 };

static struct rows rows;
static struct scratch scratch;
static struct store *store;

static int setup(void **state)
{
    (void)state;
    rows = rows_make(20101003, ROWS);
    scratch = scratch_make();
    store = open_as(scratch.path, STORE_CREATE);
    assert_ok(store_trap_put(store, S("alpha"), S("north"), eb));
    assert_ok(store_trap_put(store, S("beta"), S("east"), eb));
    assert_int_equal(append_all(store, rows.rows, rows.n, 500), ROWS);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    store_close(store);
    scratch_remove(&scratch);
    rows_free(&rows);
    return 0;
}

/* In order of bytes: "-" (gamma has no site), "east", "north". */
static uint64_t site_bit(struct slice trap)
{
    return slice_eq(trap, S("alpha")) ? 4 : slice_eq(trap, S("beta")) ? 2 : 1;
}

static struct slice site_of(struct slice trap)
{
    return slice_eq(trap, S("alpha")) ? S("north") : slice_eq(trap, S("beta")) ? S("east") : S("");
}

static bool row_passes(const struct message_row *r, const struct store_filter *f)
{
    return r->clock != CLOCK_NONE && r->has_client && host_key(r->client) &&
           r->received >= f->since && r->received < f->until &&
           (!f->trap.n || slice_eq(f->trap, r->trap)) &&
           (!f->site.n || slice_eq(f->site, site_of(r->trap)));
}

static bool label_passes(struct slice wanted, const struct row_label *l)
{
    return !wanted.n || slice_eq(wanted, l->name.n ? l->name : S("unknown"));
}

struct found {
    struct host_day days[FOUND_MAX];
    size_t count;
};

static void found_add(void *arg, const struct host_day *d)
{
    struct found *f = arg;
    assert_true(f->count < FOUND_MAX);
    f->days[f->count++] = *d;
}

static int host_day_cmp(const void *pa, const void *pb)
{
    const struct host_day *a = pa, *b = pb;
    if (a->host != b->host) {
        return a->host < b->host ? -1 : 1;
    }
    return (a->day > b->day) - (a->day < b->day);
}

static void expect_days(const struct store_filter *f, struct slice botnet, struct found *out)
{
    out->count = 0;
    for (size_t i = 0; i < rows.n; i++) {
        const struct message_row *r = &rows.rows[i];
        if (!row_passes(r, f) || !label_passes(botnet, &r->botnet)) {
            continue;
        }
        struct host_day d = {host_key(r->client), day_of(r->received), site_bit(r->trap), 1};
        size_t k = 0;
        while (k < out->count && host_day_cmp(&out->days[k], &d) != 0) {
            k++;
        }
        if (k == out->count) {
            out->days[out->count++] = d;
        } else {
            out->days[k].sites |= d.sites;
            out->days[k].messages++;
        }
    }
    qsort(out->days, out->count, sizeof *out->days, host_day_cmp);
}

static const int64_t OCTOBER = (int64_t)(ROWS_START_DAY + 33) * SECONDS_PER_DAY;

static const struct store_filter FILTERS[] = {
    STORE_FILTER_ALL,
    {OCTOBER, OCTOBER + 10 * SECONDS_PER_DAY, {NULL, 0}, {NULL, 0}},
    {INT64_MIN, INT64_MAX, SLICE("beta"), {NULL, 0}},
    {INT64_MIN, OCTOBER, {NULL, 0}, SLICE("north")},
    {INT64_MIN, INT64_MAX, SLICE("none"), {NULL, 0}},
};
static const struct slice LABELS[] = {
    {NULL, 0}, SLICE("rustock"), SLICE("unknown"), SLICE("never")};

static void days_are_those_of_the_rows(void **state)
{
    (void)state;
    static struct found want, have;
    size_t seen = 0, wide = 0;
    for (size_t i = 0; i < sizeof FILTERS / sizeof *FILTERS; i++) {
        for (size_t k = 0; k < sizeof LABELS / sizeof *LABELS; k++) {
            have.count = 0;
            expect_days(&FILTERS[i], LABELS[k], &want);
            assert_ok(store_host_days(store, &FILTERS[i], LABELS[k], found_add, &have, eb));
            assert_int_equal(have.count, want.count);
            for (size_t n = 0; n < want.count; n++) {
                assert_int_equal(have.days[n].host, want.days[n].host);
                assert_int_equal(have.days[n].day, want.days[n].day);
                assert_int_equal(have.days[n].sites, want.days[n].sites);
                assert_int_equal(have.days[n].messages, want.days[n].messages);
                wide += want.days[n].host > UINT32_MAX;
            }
            seen += want.count;
        }
    }
    assert_true(seen > 5000 && wide > 100);
}

struct row_sum {
    uint64_t rows, hosts, sites;
    int64_t last, times;
};

static void row_add(struct row_sum *s, uint64_t host, int64_t received, uint64_t sites)
{
    s->rows++;
    s->hosts += host;
    s->sites += sites;
    s->times += received;
    s->last = received;
}

static void row_found(void *arg, const struct host_row *r)
{
    struct row_sum *s = arg;
    assert_true(!s->rows || r->received <= s->last); /* newest first */
    assert_int_equal(r->tcp, 0);
    row_add(s, r->host, r->received, r->sites);
}

static void rows_are_those_of_the_store(void **state)
{
    (void)state;
    const struct store_filter half = {OCTOBER + 1000, OCTOBER + 7000, {NULL, 0}, {NULL, 0}};
    for (size_t i = 0; i <= sizeof FILTERS / sizeof *FILTERS; i++) {
        const struct store_filter *f = i ? &FILTERS[i - 1] : &half;
        for (size_t k = 0; k < sizeof LABELS / sizeof *LABELS; k++) {
            struct row_sum want = {0}, have = {0};
            int64_t from;
            for (size_t n = 0; n < rows.n; n++) {
                const struct message_row *r = &rows.rows[n];
                if (row_passes(r, f) && label_passes(LABELS[k], &r->botnet) &&
                    label_passes(S("glavmed"), &r->program)) {
                    row_add(&want, host_key(r->client), r->received, site_bit(r->trap));
                }
            }
            struct host_rows_query q = {LABELS[k], S("glavmed"), ROWS + 1};
            assert_ok(store_host_rows(store, f, &q, row_found, &have, &from, eb));
            assert_true(from == INT64_MIN);
            assert_int_equal(have.rows, want.rows);
            assert_int_equal(have.hosts, want.hosts);
            assert_int_equal(have.sites, want.sites);
            assert_int_equal(have.times, want.times);
        }
    }
}

static void rows_past_the_limit(void **state)
{
    (void)state;
    struct row_sum have = {0};
    int64_t from;
    assert_ok(store_host_rows(store, &FILTERS[0], &(struct host_rows_query){.limit = 100},
                              row_found, &have, &from, eb));
    assert_true(have.rows > 80 && have.rows <= 100);
    assert_true(from > INT64_MIN && from <= have.last);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_are_those_of_the_rows),
        cmocka_unit_test(rows_are_those_of_the_store),
        cmocka_unit_test(rows_past_the_limit),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
