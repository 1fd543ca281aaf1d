/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report_build against plain counting over the fake store's messages. */
#include "fake_annotations.h"
#include "fake_store.h"
#include "testing.h"

#include "mail/mail.h"
#include "observe/report.h"
#include "stat/wilson.h"

#include <math.h>
#include <stdio.h>

static struct arena *arena;
static struct store store;

static int setup(void **state)
{
    (void)state;
    arena = arena_new(64 * 1024 * 1024);
    store = (struct store){.geo = "libloc 2022-10-29", .pack = "test+1", .least_daily = 3};
    store.messages = fake_october(&store.count);
    return arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct report build(const struct report_query *q)
{
    struct report r;
    struct errbuf eb = {0};
    enum err e = report_build(&store, q, arena, &r, &eb);
    if (e) {
        fail_msg("%s: %s", err_name(e), eb.text);
    }
    return r;
}

#define QUERY_ALL (&(struct report_query){.filter = STORE_FILTER_ALL})

static int64_t at(int year, int month, int day)
{
    return civil_to_days(year, month, day) * SECONDS_PER_DAY;
}

static bool label_is(const char *label, struct slice name)
{
    return slice_eq(slice_cstr(label ? label : "unknown"), name);
}

static void test_total_and_days(void **state)
{
    (void)state;
    struct report r = build(QUERY_ALL);
    struct units all = {0};
    uint64_t none = 0;
    for (size_t i = 0; i < store.count; i++) {
        all.messages++;
        all.recipients += store.messages[i].recipients;
        all.bytes += store.messages[i].bytes;
        none += store.messages[i].received == 0;
    }
    assert_int_equal(r.total.messages, all.messages);
    assert_int_equal(r.total.recipients, all.recipients);
    assert_int_equal(r.total.bytes, all.bytes);
    assert_true(r.is_whole);
    assert_int_equal(r.clock_none, none);
    assert_true(none > 10);
    assert_int_equal(r.clock_received + r.clock_envelope + r.clock_none, all.messages);
    assert_int_equal(r.since, at(2010, 9, 27));
    assert_int_equal(r.until, at(2010, 10, 25));
    assert_int_equal(r.day_count, 28);
    uint64_t in_days = 0;
    size_t empty = 0;
    for (size_t d = 0; d < r.day_count; d++) {
        uint64_t messages = 0;
        uint64_t unknown = 0;
        assert_int_equal(r.days[d].day, civil_to_days(2010, 9, 27) + (int64_t)d);
        for (size_t i = 0; i < store.count; i++) {
            bool is_in = day_of(store.messages[i].received) == r.days[d].day;
            messages += is_in;
            unknown += is_in && !store.messages[i].botnet;
        }
        assert_int_equal(r.days[d].units.messages, messages);
        assert_int_equal(r.days[d].unknown_messages, unknown);
        in_days += messages;
        empty += messages == 0;
    }
    assert_int_equal(in_days, all.messages - none);
    assert_int_equal(empty, 2); /* the outage is there as two days of nothing */
}

static void test_botnets(void **state)
{
    (void)state;
    struct report r = build(QUERY_ALL);
    const struct report_table *t = &r.botnets;
    assert_int_equal(t->count, 6);
    assert_true(slice_eq(t->rows[5].name, S("unknown")));
    assert_true(t->has_hosts && t->has_rest);
    assert_int_equal(t->rest_count, 0);
    uint64_t sum = 0;
    for (size_t k = 0; k < t->count; k++) {
        uint64_t messages = 0;
        for (size_t i = 0; i < store.count; i++) {
            messages += label_is(store.messages[i].botnet, t->rows[k].name);
        }
        struct interval w = wilson_95(messages, store.count);
        assert_int_equal(t->rows[k].units.messages, messages);
        assert_true(t->rows[k].share_messages == (double)messages / (double)store.count);
        assert_true(t->rows[k].share_low == w.low && t->rows[k].share_high == w.high);
        assert_true(k == 0 || k == 5 || messages <= t->rows[k - 1].units.messages);
        sum += messages;
    }
    assert_int_equal(sum, r.total.messages);
    /* The order depends on the unit, as the fixture wants it. */
    assert_true(slice_eq(t->first_by[UNIT_MESSAGES], S("rustock")));
    assert_true(slice_eq(t->first_by[UNIT_RECIPIENTS], S("lethic")));
    assert_true(slice_eq(t->first_by[UNIT_BYTES], S("cutwail")));
}

static void test_rest(void **state)
{
    (void)state;
    struct report_query q = {.filter = STORE_FILTER_ALL, .top = 2};
    struct report r = build(&q);
    assert_int_equal(r.botnets.count, 3); /* two and unknown */
    assert_int_equal(r.botnets.rest_count, 3);
    uint64_t sum = r.botnets.rest.messages;
    for (size_t k = 0; k < r.botnets.count; k++) {
        sum += r.botnets.rows[k].units.messages;
    }
    assert_int_equal(sum, r.total.messages);
    assert_int_equal(r.hosts.count, 2);
    assert_false(r.hosts.has_rest);
    assert_int_equal(r.hosts.least_daily, 3);
    assert_int_equal(r.botnets.least_daily, 0);
    /* The unknown network is shown when it ranks among those shown. */
    assert_true(slice_eq(r.networks.rows[r.networks.count - 1].name, S("unknown")));
}

static void test_unknown_is_shown(void **state)
{
    (void)state;
    struct report r = build(QUERY_ALL);
    const struct report_table *label_tables[] = {&r.botnets, &r.mailers, &r.programs, &r.countries};
    for (size_t i = 0; i < 4; i++) {
        const struct report_table *t = label_tables[i];
        assert_true(slice_eq(t->rows[t->count - 1].name, S("unknown")));
    }
    assert_int_equal(r.sites.count, 2); /* a site is not a label */
    /* Also when there is nothing unknown. */
    struct fake_message one = {.received = at(2010, 10, 1),
                               .clock = CLOCK_TRAP,
                               .botnet = "rustock",
                               .trap = "t",
                               .site = "s",
                               .recipients = 1,
                               .bytes = 10};
    store.messages = &one;
    store.count = 1;
    r = build(QUERY_ALL);
    assert_int_equal(r.botnets.count, 2);
    assert_int_equal(r.botnets.rows[1].units.messages, 0);
    one.site = "-"; /* the store's word for a trap without a site */
    r = build(QUERY_ALL);
    assert_int_equal(r.sites.count, 1);
    assert_true(slice_eq(r.sites.rows[0].name, S("unknown")));
    assert_true(r.botnets.rows[1].share_low == 0.0 && r.botnets.rows[1].share_high > 0.7);
}

/* "unknown" that was ever second best is one more value of the store, but one row here. */
static void test_unknown_is_one(void **state)
{
    (void)state;
    struct report once = build(QUERY_ALL);
    store.has_second_unknown = true;
    struct report r = build(QUERY_ALL);
    assert_int_equal(r.botnets.count, once.botnets.count);
    assert_int_equal(r.mailers.count, once.mailers.count);
    const struct report_share *row = &r.botnets.rows[r.botnets.count - 1];
    const struct report_share *row_once = &once.botnets.rows[once.botnets.count - 1];
    assert_int_equal(row->units.messages, row_once->units.messages);
    assert_int_equal(row->units.hosts, row_once->units.hosts);
    assert_true(row->units.expected == row_once->units.expected + 0.25);
    assert_int_equal(r.band_count, once.band_count);
    for (size_t i = 0; i < r.day_count; i++) {
        assert_int_equal(r.days[i].unknown_messages, once.days[i].unknown_messages);
        for (size_t k = 0; k < r.band_count; k++) {
            assert_int_equal(r.bands[k].days[i].messages, once.bands[k].days[i].messages);
            assert_int_equal(r.bands[k].days[i].hosts, once.bands[k].days[i].hosts);
        }
    }
}

static void test_bands(void **state)
{
    (void)state;
    struct report r = build(QUERY_ALL);
    assert_int_equal(r.band_count, 6);
    assert_true(slice_eq(r.bands[0].name, S("rustock")));
    assert_true(slice_eq(r.bands[5].name, S("unknown")));
    for (size_t d = 0; d < r.day_count; d++) {
        uint64_t sum = 0;
        for (size_t k = 0; k < r.band_count; k++) {
            sum += r.bands[k].days[d].messages;
        }
        assert_int_equal(sum, r.days[d].units.messages);
        assert_int_equal(r.bands[5].days[d].messages, r.days[d].unknown_messages);
    }
    /* More botnets than bands: what is past them is "other". */
    store.messages = fake_many(40, 10, &store.count);
    r = build(QUERY_ALL);
    assert_int_equal(r.band_count, REPORT_BANDS + 2);
    assert_true(slice_eq(r.bands[REPORT_BANDS].name, S("other")));
    uint64_t sum = 0;
    for (size_t k = 0; k < r.band_count; k++) {
        sum += r.bands[k].total.messages;
    }
    assert_int_equal(sum, r.total.messages);
}

static void test_period(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t since, until; /* seconds after 2010-10-01; INT64_MIN, INT64_MAX: open */
        int64_t first, end;   /* days after 2010-10-01 */
    } CASES[] = {
        {"whole days", 0, 2 * 86400, 0, 2},
        {"rounded outwards", 3600, 86401, 0, 2},
        {"open start", INT64_MIN, 86400, -4, 1},
        {"open end", 20 * 86400, INT64_MAX, 20, 24},
        {"after the data", 100 * 86400, 101 * 86400, 100, 101},
        {"before the data, open end", -100 * 86400, INT64_MAX, -100, 24},
    };
    int64_t october = at(2010, 10, 1);
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct report_query q = {.filter = STORE_FILTER_ALL};
        q.filter.since = CASES[i].since == INT64_MIN ? INT64_MIN : october + CASES[i].since;
        q.filter.until = CASES[i].until == INT64_MAX ? INT64_MAX : october + CASES[i].until;
        struct report r = build(&q);
        uint64_t messages = 0;
        int64_t first = october + CASES[i].first * 86400;
        int64_t end = october + CASES[i].end * 86400;
        for (size_t k = 0; k < store.count; k++) {
            int64_t t = store.messages[k].received;
            messages += t >= first && t < end;
        }
        if (r.since != first || r.until != end || r.total.messages != messages || r.is_whole ||
            r.day_count != (size_t)(CASES[i].end - CASES[i].first)) {
            fail_msg("%s: since %lld until %lld, %zu days, %llu messages, expected %llu",
                     CASES[i].name, (long long)r.since, (long long)r.until, r.day_count,
                     (unsigned long long)r.total.messages, (unsigned long long)messages);
        }
    }
    (void)state;
}

static void test_period_errors(void **state)
{
    (void)state;
    struct report r;
    struct errbuf eb = {0};
    struct report_query q = {.filter = STORE_FILTER_ALL};
    q.filter.since = q.filter.until = at(2010, 10, 1);
    assert_int_equal(report_build(&store, &q, arena, &r, &eb), ERR_USAGE);
    assert_non_null(strstr(eb.text, "empty"));
    q.filter.since = 0;
    q.filter.until = (int64_t)REPORT_DAYS_MAX * SECONDS_PER_DAY;
    assert_int_equal(report_build(&store, &q, arena, &r, &eb), OK);
    assert_int_equal(r.day_count, REPORT_DAYS_MAX);
    q.filter.until += 1;
    assert_int_equal(report_build(&store, &q, arena, &r, &eb), ERR_LIMIT);
    /* An open end on the wrong side of the data is no error: there is nothing there. */
    q.filter.since = at(2020, 1, 1);
    q.filter.until = INT64_MAX;
    assert_int_equal(report_build(&store, &q, arena, &r, &eb), OK);
    assert_int_equal(r.day_count, 0);
    assert_int_equal(r.total.messages, 0);
}

static void test_filter(void **state)
{
    (void)state;
    struct report_query q = {.filter = STORE_FILTER_ALL};
    q.filter.trap = S("south-1");
    struct report r = build(&q);
    uint64_t messages = 0;
    for (size_t i = 0; i < store.count; i++) {
        messages += strcmp(store.messages[i].trap, "south-1") == 0;
    }
    assert_int_equal(r.total.messages, messages);
    assert_int_equal(r.traps.count, 1);
    assert_true(slice_eq(r.trap, S("south-1")));
}

static void test_empty(void **state)
{
    (void)state;
    store.count = 0;
    store.geo = store.pack = NULL;
    struct report r = build(QUERY_ALL);
    assert_int_equal(r.day_count, 0);
    assert_int_equal(r.band_count, 0);
    assert_int_equal(r.botnets.count, 1);
    assert_true(isnan(r.botnets.rows[0].share_messages) && isnan(r.botnets.rows[0].share_low));
    assert_int_equal(r.geo_name.n, 0);
    /* Messages without any time: totals, but no day. */
    struct fake_message one = {
        .clock = CLOCK_NONE, .trap = "t", .site = "s", .recipients = 2, .bytes = 10};
    store.messages = &one;
    store.count = 1;
    r = build(QUERY_ALL);
    assert_int_equal(r.day_count, 0);
    assert_int_equal(r.total.messages, 1);
    assert_int_equal(r.clock_none, 1);
}

static struct slice describe(void *arg, enum dimension d, struct slice value)
{
    (void)arg;
    return d == DIMENSION_COUNTRY && slice_eq(value, S("VN")) ? S("Viet Nam")
           : d == DIMENSION_ASN && slice_eq(value, S("9829")) ? S("Example Backbone")
                                                              : S("");
}

static void test_describe(void **state)
{
    (void)state;
    struct report_query q = {.filter = STORE_FILTER_ALL, .top = 20, .describe = describe};
    struct report r = build(&q);
    size_t found = 0;
    for (size_t i = 0; i < r.countries.count; i++) {
        found += slice_eq(r.countries.rows[i].text, S("Viet Nam"));
    }
    assert_int_equal(found, 1);
    assert_true(slice_eq(r.networks.rows[0].text, S("Example Backbone")));
    assert_true(slice_eq(r.quirks.rows[0].name, S("msgid-missing")));
    assert_true(slice_eq(r.quirks.rows[0].text, slice_cstr(quirk_text(QUIRK_INDEX_MSGID_MISSING))));
}

/* Those of the period, also when only a part of a month is in it; none without days. */
static void test_annotations(void **state)
{
    (void)state;
    struct annotation items[FAKE_ANNOTATIONS];
    struct annotations all = fake_annotations(items, FAKE_ANNOTATIONS);
    struct report_query q = {.filter = STORE_FILTER_ALL, .annotations = &all};
    struct report r = build(&q);
    assert_int_equal(r.annotations.count, FAKE_ANNOTATIONS - 2);
    for (size_t i = 0; i < r.annotations.count; i++) {
        assert_true(slice_eq(r.annotations.items[i].title, items[i + 1].title));
    }
    q.filter.since = at(2010, 10, 1);
    q.filter.until = at(2010, 10, 2);
    r = build(&q);
    assert_int_equal(r.annotations.count, 3); /* the month, and two of that day */
    q.filter.since = at(2012, 1, 1);
    q.filter.until = at(2012, 1, 2);
    assert_int_equal(build(&q).annotations.count, 0);
    store.count = 0;
    q.filter = (struct store_filter)STORE_FILTER_ALL;
    assert_int_equal(build(&q).annotations.count, 0);
}

static void test_annotations_pick(void **state)
{
    (void)state;
    struct annotation items[FAKE_ANNOTATIONS];
    struct annotations all = fake_annotations(items, FAKE_ANNOTATIONS);
    struct report_query q = {.filter = STORE_FILTER_ALL, .annotations = &all};
    struct report r = build(&q);
    const struct annotation *out[FAKE_ANNOTATIONS];
    static const struct {
        size_t max, count;
        const char *dates; /* the days of October; S for September */
    } CASES[] = {
        {0, 0, ""},
        {2, 2, "S27 21 "},        /* of three takedowns the first and the last */
        {4, 4, "S27 S28 20 21 "}, /* and the first closure */
        {8, 8, "S27 S28 01 01 12 13 20 21 "},
        {9, 9, "S27 S28 01 01 12 13 14 20 21 "},     /* law */
        {10, 10, "S S27 S28 01 01 12 13 14 20 21 "}, /* then the earliest of the others */
        {20, 20, NULL},
        {22, 20, NULL},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char dates[256] = "";
        size_t n = annotations_pick(&r.annotations, CASES[i].max, out);
        assert_int_equal(n, CASES[i].count);
        for (size_t k = 0; k < n; k++) {
            struct slice date = out[k]->date;
            assert_true(!k || out[k - 1]->since <= out[k]->since || !CASES[i].dates);
            snprintf(dates + strlen(dates), sizeof dates - strlen(dates), "%s%.*s ",
                     date.p[6] == '9' ? "S" : "", date.n > 8 ? 2 : 0, date.p + 8);
        }
        if (CASES[i].dates) {
            assert_string_equal(dates, CASES[i].dates);
        }
    }
}

/* Every call into the store that fails makes the report fail with the store's word, and nothing
 * leaks (ASan). */
static void test_store_failures(void **state)
{
    (void)state;
    struct report before = {.day_count = 77};
    unsigned calls = 0;
    struct report r = build(QUERY_ALL);
    (void)r;
    calls = store.calls;
    assert_true(calls > 15);
    for (unsigned at_call = 1; at_call <= calls; at_call++) {
        struct errbuf eb = {0};
        r = before;
        store.calls = 0;
        store.fail_at = at_call;
        store.fail = ERR_BUSY;
        arena_reset(arena);
        assert_int_equal(report_build(&store, QUERY_ALL, arena, &r, &eb), ERR_BUSY);
        assert_non_null(strstr(eb.text, "fake store fails"));
        assert_int_equal(r.day_count, 77); /* untouched */
    }
}

/* An arena of any size: a report or ERR_NOMEM, never anything else. */
static void test_memory(void **state)
{
    (void)state;
    bool fails = false;
    bool works = false;
    struct annotation items[FAKE_ANNOTATIONS];
    struct annotations all = fake_annotations(items, FAKE_ANNOTATIONS);
    struct report_query q = {.filter = STORE_FILTER_ALL, .annotations = &all};
    for (size_t bytes = 16; bytes < 4 * 1024 * 1024; bytes = bytes * 5 / 4 + 16) {
        struct arena *small = arena_new(bytes);
        struct report r;
        struct errbuf eb = {0};
        enum err e = report_build(&store, &q, small, &r, &eb);
        assert_true(e == OK || e == ERR_NOMEM);
        fails |= e == ERR_NOMEM;
        works |= e == OK;
        assert_false(works && e);
        arena_free(small);
    }
    assert_true(fails && works);
}

static void test_buckets(void **state)
{
    (void)state;
    struct report r = build(QUERY_ALL);
    static const struct {
        enum volume_step step;
        size_t count;
        bool first_partial, last_partial;
    } CASES[] = {
        {VOLUME_DAY, 28, false, false},
        {VOLUME_WEEK, 4, false, false}, /* 2010-09-27 was a Monday */
        {VOLUME_MONTH, 2, true, true},
        {VOLUME_YEAR, 1, true, true},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        const struct volume_bucket *b;
        size_t n;
        assert_int_equal(volume_buckets(&r, CASES[i].step, arena, &b, &n), OK);
        assert_int_equal(n, CASES[i].count);
        assert_int_equal(b[0].is_partial, CASES[i].first_partial);
        assert_int_equal(b[n - 1].is_partial, CASES[i].last_partial);
        uint64_t messages = 0;
        size_t next = 0;
        for (size_t k = 0; k < n; k++) {
            assert_int_equal(b[k].from, next);
            next = b[k].to;
            messages += b[k].units.messages;
        }
        assert_int_equal(next, r.day_count);
        assert_int_equal(messages, r.total.messages - r.clock_none);
    }
    assert_int_equal(volume_step_for(&r, 28), VOLUME_DAY);
    assert_int_equal(volume_step_for(&r, 27), VOLUME_WEEK);
    assert_int_equal(volume_step_for(&r, 3), VOLUME_MONTH);
    assert_int_equal(volume_step_for(&r, 1), VOLUME_YEAR);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_total_and_days),   CASE(test_botnets),        CASE(test_rest),
        CASE(test_unknown_is_shown), CASE(test_bands),          CASE(test_period),
        CASE(test_period_errors),    CASE(test_filter),         CASE(test_empty),
        CASE(test_describe),         CASE(test_store_failures), CASE(test_memory),
        CASE(test_unknown_is_one),   CASE(test_buckets),        CASE(test_annotations),
        CASE(test_annotations_pick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
