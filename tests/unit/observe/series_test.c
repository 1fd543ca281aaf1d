/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Series out of real stores with known histories. */
#include "count_store.h"
#include "testing.h"

#include "observe/series.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int64_t day(int number)
{
    return (civil_to_days(2010, 3, 1) + number) * SECONDS_PER_DAY;
}

struct fixture {
    char path[64];
    struct count_store *count_store;
    struct store *store;
    struct arena *arena;
    const struct series *series;
    size_t count;
    struct errbuf eb;
};

static void fixture_new(struct fixture *x)
{
    *x = (struct fixture){.path = "/tmp/series_test.XXXXXX"};
    int fd = mkstemp(x->path);
    assert_true(fd >= 0);
    close(fd);
    unlink(x->path);
    x->count_store = count_store_open(x->path);
    x->arena = arena_new(64 * 1024 * 1024);
    assert_non_null(x->arena);
}

static void add(struct fixture *x, int number, const char *trap, const char *site,
                const char *botnet, uint32_t messages)
{
    count_store_add(x->count_store, &(struct count_cell){.from = day(number),
                                                         .until = day(number + 1),
                                                         .trap = trap,
                                                         .site = site,
                                                         .botnet = botnet,
                                                         .country = "VN",
                                                         .messages = messages,
                                                         .hosts = 5,
                                                         .recipients = 2});
}

static enum err load(struct fixture *x, const struct series_query *q)
{
    if (x->count_store) {
        count_store_close(x->count_store);
        x->count_store = NULL;
        struct store_options o = {.path = x->path, .mode = STORE_READ};
        assert_int_equal(store_open(&o, &x->store, &x->eb), OK);
    }
    return series_load(x->store, q, x->arena, &x->series, &x->count, &x->eb);
}

static void fixture_free(struct fixture *x)
{
    char side[80];
    store_close(x->store);
    unlink(x->path);
    snprintf(side, sizeof side, "%s-wal", x->path);
    unlink(side);
    snprintf(side, sizeof side, "%s-shm", x->path);
    unlink(side);
    arena_free(x->arena);
}

static double level(const struct series *s, size_t i)
{
    return s->observed[i] / s->exposure[i];
}

static void near(double got, double want, double relative)
{
    if (!(fabs(got - want) <= relative * fabs(want) + 1e-12)) {
        fail_msg("%.10g, expected %.10g", got, want);
    }
}

static const struct series_query BY_BOTNET = {
    .filter = STORE_FILTER_ALL,
    .bucket = BUCKET_DAY,
    .dimensions =
        (const enum dimension[]){DIMENSION_TOTAL, DIMENSION_BOTNET, DIMENSION_TRAP, DIMENSION_SITE},
    .dimension_count = 4};

/* 60 days of the same mail at three traps of different size, one of which ends on day 30 while one
 * begins on day 20: raw sums jump, levels do not. The botnets are differently spread over traps,
 * and one halves on day 40. */
static void births_and_deaths(struct fixture *x)
{
    for (int d = 0; d < 60; d++) {
        add(x, d, "steady", "north", "grum", 40);
        add(x, d, "steady", "north", "rustock", d < 40 ? 20 : 10);
        if (d < 30) {
            add(x, d, "dying", "north", "grum", 80);
            add(x, d, "dying", "north", "rustock", 10);
        }
        if (d >= 20) {
            add(x, d, "young", "south", "grum", 8);
            add(x, d, "young", "south", "rustock", d < 40 ? 60 : 30);
        }
    }
}

static void test_level_keeps(void **state)
{
    (void)state;
    struct fixture x;
    fixture_new(&x);
    births_and_deaths(&x);
    assert_int_equal(load(&x, &BY_BOTNET), OK);
    /* total; grum, rustock; steady, dying, young by messages; north, south */
    static const char *const NAMES[] = {"all",   "grum",  "rustock", "steady",
                                        "dying", "young", "north",   "south"};
    assert_int_equal(x.count, 8);
    for (size_t k = 0; k < 8; k++) {
        assert_true(slice_eq(x.series[k].key.value, slice_cstr(NAMES[k])));
        assert_int_equal(x.series[k].count, 60);
        assert_int_equal(x.series[k].first, day(0));
    }
    const struct series *grum = &x.series[1], *rustock = &x.series[2];
    for (size_t i = 0; i < 60; i++) {
        near(level(grum, i), level(grum, 0), 1e-6);
        near(level(rustock, i), level(rustock, 0) * (i < 40 ? 1 : 0.5), 1e-6);
        assert_int_equal(grum->network[i], 0);
    }
    /* All of it was never watched at once but from day 20 to 29. */
    near(grum->exposure[25], 1, 1e-9);
    near(grum->observed[25], 128, 1e-12);
    near(grum->exposure[5], 120.0 / 128, 1e-6);
    near(grum->exposure[35], 48.0 / 128, 1e-6);
    near(rustock->exposure[5], 30.0 / 90, 1e-6);
    /* A trap's own exposure is whether it was up. */
    near(x.series[4].exposure[29], 1, 0);
    near(x.series[4].exposure[30], 0, 0);
    near(x.series[5].exposure[19], 0, 0);
    /* Site north is two traps: its level keeps too when one of them dies. The labels' mix there
       changes, though, so the total of a site is only near it. */
    near(level(&x.series[6], 35), level(&x.series[6], 25), 0.02);
    fixture_free(&x);
}

static void test_choice(void **state)
{
    (void)state;
    struct fixture x;
    fixture_new(&x);
    births_and_deaths(&x);
    struct series_query q = BY_BOTNET;
    q.series_max = 1;
    assert_int_equal(load(&x, &q), OK);
    assert_int_equal(x.count, 4);
    assert_true(slice_eq(x.series[1].key.value, S("grum")));
    q.series_max = 0;
    q.value = S("rustock");
    q.unit = UNIT_RECIPIENTS;
    q.filter.trap = S("young");
    q.filter.since = day(10);
    q.filter.until = day(50);
    assert_int_equal(load(&x, &q), OK);
    assert_int_equal(x.count, 1);
    assert_int_equal(x.series[0].count, 40);
    near(x.series[0].observed[10], 120, 0);
    near(x.series[0].exposure[10], 1, 1e-9);
    near(x.series[0].exposure[9], 0, 0); /* nobody that is asked was there */
    fixture_free(&x);
}

static void test_hosts(void **state)
{
    (void)state;
    struct fixture x;
    fixture_new(&x);
    births_and_deaths(&x);
    struct series_query q = BY_BOTNET;
    q.unit = UNIT_HOSTS;
    assert_int_equal(load(&x, &q), OK);
    assert_int_equal(x.count, 8);
    near(x.series[1].observed[25], 5, 0); /* the same five hosts at all traps */
    near(x.series[1].exposure[35], 1, 0);
    near(x.series[4].exposure[35], 0, 0);
    q.bucket = BUCKET_HOUR;
    assert_int_equal(load(&x, &q), ERR_UNSUPPORTED);
    q.bucket = BUCKET_DAY;
    const enum dimension mailer = DIMENSION_MAILER;
    q.dimensions = &mailer;
    q.dimension_count = 1;
    assert_int_equal(load(&x, &q), ERR_UNSUPPORTED);
    fixture_free(&x);
}

/* Two archives that follow each other: nothing compares them. */
static void test_networks(void **state)
{
    (void)state;
    struct fixture x;
    fixture_new(&x);
    for (int d = 0; d < 20; d++) {
        add(&x, d, "old", "north", "grum", 100);
        add(&x, d, "old2", "north", "grum", 50);
        add(&x, d + 25, "new", "south", "grum", 3);
    }
    struct series_query q = BY_BOTNET;
    q.dimension_count = 2;
    assert_int_equal(load(&x, &q), OK);
    for (size_t k = 0; k < 2; k++) {
        assert_int_equal(x.series[k].count, 45);
        assert_int_equal(x.series[k].network[19], 0);
        assert_int_equal(x.series[k].network[25], 1);
        near(x.series[k].exposure[0], 1, 1e-9);
        near(x.series[k].exposure[22], 0, 0);
        near(x.series[k].exposure[44], 1, 1e-9);
    }
    fixture_free(&x);
}

/* A label that was silent while one trap took over from another: their sizes for it are not linked,
 * so those for all mail stand in. */
static void test_unlinked_label(void **state)
{
    (void)state;
    struct fixture x;
    fixture_new(&x);
    for (int d = 0; d < 60; d++) {
        if (d < 40) {
            add(&x, d, "one", "north", "background", 100);
        }
        if (d >= 20) {
            add(&x, d, "two", "south", "background", 300);
        }
        if (d < 15) {
            add(&x, d, "one", "north", "lethic", 10);
        }
        if (d >= 45) {
            add(&x, d, "two", "south", "lethic", 30);
        }
    }
    struct series_query q = BY_BOTNET;
    q.dimension_count = 2;
    q.value = S("lethic");
    assert_int_equal(load(&x, &q), OK);
    assert_int_equal(x.count, 1);
    near(x.series[0].exposure[0], 0.25, 1e-6);
    near(x.series[0].exposure[30], 1, 1e-6);
    near(x.series[0].exposure[50], 0.75, 1e-6);
    near(level(&x.series[0], 0), level(&x.series[0], 50), 1e-6);
    near(x.series[0].observed[30], 0, 0);
    fixture_free(&x);
}

static void test_errors(void **state)
{
    (void)state;
    struct fixture x;
    fixture_new(&x);
    add(&x, 0, "one", "north", "grum", 1);
    struct series_query q = BY_BOTNET;
    const enum dimension domain = DIMENSION_DOMAIN, mailer = DIMENSION_MAILER;
    q.dimensions = &domain;
    q.dimension_count = 1;
    assert_int_equal(load(&x, &q), ERR_USAGE);
    q.dimensions = &mailer;
    q.bucket = BUCKET_HOUR;
    assert_int_equal(load(&x, &q), ERR_UNSUPPORTED);
    q = BY_BOTNET;
    q.filter.since = day(3);
    q.filter.until = day(2);
    assert_int_equal(load(&x, &q), ERR_USAGE);
    q.filter.until = day(5);
    assert_int_equal(load(&x, &q), OK);
    assert_int_equal(x.count, 0);
    fixture_free(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_level_keeps),    cmocka_unit_test(test_choice),
        cmocka_unit_test(test_hosts),          cmocka_unit_test(test_networks),
        cmocka_unit_test(test_unlinked_label), cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
