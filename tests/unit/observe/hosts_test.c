/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hosts of stores with known numbers (tests/fixture). The model is tested apart (host_model_test),
 * the store's counting too (store_host_days_test). */
#include "count_scratch.h"

#include "observe/hosts.h"
#include "store/trap.h"

#include <math.h>

static struct count_cell cell(int64_t day, const char *trap, const char *site, uint32_t messages,
                              uint32_t hosts, uint32_t first)
{
    return (struct count_cell){.from = at(day),
                               .until = at(day + 1),
                               .trap = trap,
                               .site = site,
                               .botnet = "rustock",
                               .program = "glavmed",
                               .country = "US",
                               .messages = messages,
                               .hosts = hosts,
                               .host_first = first};
}

static struct hosts build(struct store *s, const struct hosts_query *q)
{
    struct hosts h;
    struct errbuf eb = {0};
    enum err e = hosts_build(s, q, arena, &h, &eb);
    if (e) {
        fail_msg("%s: %s", err_name(e), eb.text);
    }
    return h;
}

/* Ten days; 100 hosts a day, of which 10 are new each day; on day 4 the only trap is down. */
static void counts(void **state)
{
    (void)state;
    struct count_store *c = scratch_begin();
    for (int64_t day = 0; day < 10; day++) {
        struct count_cell all = cell(day, "alpha", "north", 200, 100, (uint32_t)day * 10);
        struct count_cell other = cell(day, "alpha", "north", 50, 50, 0);
        other.botnet = "";
        other.program = "";
        other.country = "DE";
        if (day != 4) {
            count_store_add(c, &all);
            count_store_add(c, &other);
        }
    }
    count_store_close(c);
    struct store *s = scratch_open(STORE_READ);
    struct hosts h = build(s, &(struct hosts_query){.filter = STORE_FILTER_ALL});
    assert_int_equal(h.since, at(0));
    assert_int_equal(h.until, at(10));
    assert_int_equal(h.day_count, 10);
    assert_int_equal(h.watched_count, 9);
    assert_false(h.days[4].is_watched);
    assert_int_equal(h.days[3].hosts, 150);
    assert_int_equal(h.total, 190 + 50);
    assert_int_equal(h.last_day, 150);
    assert_int_equal(h.last_24h, 150);
    assert_int_equal(h.last_24h_at, at(10));
    assert_int_equal(h.last_week, 100 + 60 + 50); /* days 3 to 9 */
    assert_true(h.mean_day == 150);
    assert_int_equal(h.max_day, 150);
    assert_int_equal(h.messages, 250 * 9);
    assert_int_equal(h.rows, 250 * 9);
    assert_true(h.rows_from == INT64_MIN);
    assert_true(h.peak_hour >= 250 / 24 && h.peak_hour <= 12); /* spread evenly over the day */
    assert_int_equal(h.capture_kind, HOSTS_CAPTURE_NONE);

    struct hosts one =
        build(s, &(struct hosts_query){.filter = STORE_FILTER_ALL, .botnet = S("rustock")});
    assert_int_equal(one.total, 190);
    struct hosts program =
        build(s, &(struct hosts_query){.filter = STORE_FILTER_ALL, .program = S("glavmed")});
    assert_int_equal(program.total, one.total);
    assert_int_equal(program.net24s, one.net24s);
    assert_true(program.mean_day == one.mean_day);
    assert_true(program.fit.live.n == one.fit.live.n || isnan(one.fit.live.n));
    struct hosts few = build(s, &(struct hosts_query){.filter = STORE_FILTER_ALL, .rows_max = 100});
    assert_int_equal(few.rows, 100);
    assert_true(few.rows_from > at(9));
    assert_int_equal(few.last_24h_at, 0); /* they do not reach back a day */
    assert_int_equal(few.total, h.total);
    struct hosts none =
        build(s, &(struct hosts_query){.filter = STORE_FILTER_ALL, .botnet = S("nobody")});
    assert_int_equal(none.total, 0);
    assert_int_equal(none.fit.method, HOST_NOT_ESTIMATED);
    store_close(s);
}

/* Sites that see 60, 50 and 40 hosts of a population of 100, as lists would by chance. */
static void sites(void **state)
{
    (void)state;
    struct count_store *c = scratch_begin();
    static const struct {
        const char *trap, *site;
        uint32_t hosts, first;
    } SEEN[] = {
        /* independent: .6, .5 and .4 of 200 give 24 seen by all three, and so on */
        {"a1", "a", 120, 0},  /* 0..119 */
        {"b1", "b", 60, 0},   /* 0..59 of those of a */
        {"b1", "b", 40, 120}, /* 120..159 of the other 80 */
        {"c1", "c", 24, 0},   /* of a and b */
        {"c1", "c", 24, 60},  /* of a alone */
        {"c1", "c", 16, 120}, /* of b alone */
        {"c1", "c", 16, 160}, /* of nobody else; 24 are left unseen */
    };
    for (int64_t day = 0; day < 3; day++) {
        for (size_t i = 0; i < sizeof SEEN / sizeof *SEEN; i++) {
            struct count_cell one =
                cell(day, SEEN[i].trap, SEEN[i].site, SEEN[i].hosts, SEEN[i].hosts, SEEN[i].first);
            count_store_add(c, &one);
        }
    }
    count_store_close(c);
    struct store *s = scratch_open(STORE_READ);
    struct hosts h = build(s, &(struct hosts_query){.filter = STORE_FILTER_ALL});
    assert_int_equal(h.days[0].hosts, 176);
    assert_int_equal(h.capture_kind, HOSTS_CAPTURE_AVERAGED);
    assert_true(fabs(h.capture_independent - 200) < 0.01);
    assert_true(fabs(h.capture.n - 200) < 8);
    assert_true(h.capture.low < 200 && h.capture.high > 200 && h.capture.low > 176);
    assert_int_equal(h.site_count, 3);
    assert_true(h.sites[0].daily == 120 && h.sites[1].daily == 100 && h.sites[2].daily == 80);
    /* Two sites: Chapman of 120 and 100 with 60 in common. */
    struct hosts_query q = {.filter = STORE_FILTER_ALL};
    q.filter.trap = S("a1");
    assert_int_equal(build(s, &q).capture_kind, HOSTS_CAPTURE_NONE);
    store_close(s);
}

static void two_sites(void **state)
{
    (void)state;
    struct count_store *c = scratch_begin();
    struct count_cell a = cell(0, "a1", "a", 120, 120, 0), b = cell(0, "b1", "b", 100, 100, 60);
    count_store_add(c, &a);
    count_store_add(c, &b);
    count_store_close(c);
    struct store *s = scratch_open(STORE_READ);
    struct hosts h = build(s, &(struct hosts_query){.filter = STORE_FILTER_ALL});
    assert_int_equal(h.capture_kind, HOSTS_CAPTURE_TWO);
    assert_true(fabs(h.capture.n - (121.0 * 101 / 61 - 1)) < 1e-9);
    store_close(s);
}

/* 45 % fewer hosts, 27 % less volume, and the traps' acceptance halved at the same time. */
static void compared(void **state)
{
    (void)state;
    struct count_store *c = scratch_begin();
    for (int64_t day = 0; day < 14; day++) {
        struct count_cell one =
            cell(day, "alpha", "north", day < 7 ? 1000 : 730, day < 7 ? 100 : 55, 0);
        count_store_add(c, &one);
    }
    count_store_close(c);
    struct hosts_query q = {.filter = {at(7), at(14), {NULL, 0}, {NULL, 0}}};
    struct hosts_change change;
    struct errbuf eb = {0};
    struct store *s = scratch_open(STORE_READ);
    assert_int_equal(hosts_compare(s, &q, at(0), at(7), arena, &change, &eb), OK);
    assert_true(change.seen.is_known);
    assert_true(fabs(change.seen.hosts - 0.55) < 1e-12);
    assert_true(fabs(change.seen.rate - 0.73 / 0.55) < 1e-12); /* METHODS 0.7: +32.7 % */
    assert_true(isnan(change.seen.acceptance));
    /* METHODS C1, "Decomposition", of 1000 instead of 100 */
    assert_true(fabs(change.seen.by_hosts + 512.9027) < 1e-3);
    assert_true(fabs(change.seen.by_rate - 242.9027) < 1e-3);
    store_close(s);

    s = scratch_open(STORE_WRITE);
    for (int64_t hour = 0; hour < 14 * 24; hour++) {
        struct trap_hour h = {S("alpha"), at(0) + hour * 3600, 100, hour < 7 * 24 ? 80 : 40, 0};
        assert_int_equal(store_trap_hours_put(s, &h, 1, &eb), OK);
    }
    assert_int_equal(hosts_compare(s, &q, at(0), at(7), arena, &change, &eb), OK);
    assert_true(fabs(change.seen.acceptance - 0.5) < 1e-12);
    assert_true(fabs(change.seen.rate - 2 * 0.73 / 0.55) < 1e-12); /* they tried twice as often */
    assert_true(fabs(change.seen.by_hosts + change.seen.by_rate + change.seen.by_acceptance + 270) <
                1e-9);
    q.botnet = S("rustock"); /* connections are of all mail */
    assert_int_equal(hosts_compare(s, &q, at(0), at(7), arena, &change, &eb), OK);
    assert_true(isnan(change.seen.acceptance));
    store_close(s);
}

static void wrong_periods(void **state)
{
    (void)state;
    struct store *s = scratch_open(STORE_READ);
    struct hosts h;
    struct errbuf eb = {0};
    struct hosts_query q = {.filter = {at(5), at(5), {NULL, 0}, {NULL, 0}}};
    assert_int_equal(hosts_build(s, &q, arena, &h, &eb), ERR_USAGE);
    q.filter.until = at(5 + HOSTS_DAYS_MAX + 1);
    assert_int_equal(hosts_build(s, &q, arena, &h, &eb), ERR_LIMIT);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts),   cmocka_unit_test(sites),         cmocka_unit_test(two_sites),
        cmocka_unit_test(compared), cmocka_unit_test(wrong_periods),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
