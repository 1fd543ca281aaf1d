/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Alarms on simulated series: a smoke form of bench/alarm_bench, whose figures are in
 * bench/README.md. */
#include "testing.h"

#include "core/clock.h"
#include "observe/alarm.h"
#include "stat/random.h"

#include <gsl/gsl_randist.h>
#include <math.h>

enum { SERIES = 12, DAYS = 800 };

static struct arena *arena;
static double observed[SERIES][DAYS], exposure[SERIES][DAYS];
static uint16_t network[DAYS];
static struct series series[SERIES];

static int setup(void **state)
{
    (void)state;
    arena = arena_new(256 * 1024 * 1024);
    return arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

/* Quiet series: noise of 0.1 to 0.2, correlated by 0.3, weekends at 70 %. */
static void quiet(const char *seed, double level)
{
    gsl_rng *rng = random_seeded(slice_cstr(seed));
    for (size_t i = 0; i < SERIES; i++) {
        double a = 0.0, sd = .1 + .01 * (double)i;
        for (size_t t = 0; t < DAYS; t++) {
            a = .3 * a + gsl_ran_gaussian(rng, sd * sqrt(1.0 - .09));
            observed[i][t] = gsl_ran_poisson(rng, level * exp(a) * (t % 7 > 4 ? .7 : 1.0));
            exposure[i][t] = 1.0;
        }
        series[i] = (struct series){.key = {.dimension = DIMENSION_BOTNET, .value = S("b")},
                                    .bucket = BUCKET_DAY,
                                    .first = civil_to_days(2010, 1, 4) * SECONDS_PER_DAY,
                                    .count = DAYS,
                                    .observed = observed[i],
                                    .exposure = exposure[i]};
    }
    gsl_rng_free(rng);
}

static int64_t day(size_t t)
{
    return series[0].first + (int64_t)t * SECONDS_PER_DAY;
}

static struct alarms find(size_t since, size_t until)
{
    struct alarms a;
    assert_int_equal(alarm_find(series, SERIES, &ALARM_DEFAULT, day(since), day(until), arena, &a),
                     OK);
    return a;
}

/* Two years of 12 quiet series: one a year and side and series would be 48 crossings; with BOCPD
 * beside it and the false discovery rate over all not an eighth of these is left
 * (bench/alarm_bench: 6 a year over 300 series). */
static void test_quiet(void **state)
{
    (void)state;
    quiet("quiet", 3000.0);
    struct alarms a = find(0, DAYS);
    assert_true(a.count <= 48 / 8);
    assert_int_equal(a.by_day, SERIES);
    assert_true(a.since == day(0) && a.until == day(DAYS));
}

/* A halving of one series is told within days, once, with its date and size; what came back is
 * told too. */
static void test_drop(void **state)
{
    (void)state;
    quiet("drop", 3000.0);
    for (size_t t = 650; t < 720; t++) {
        observed[3][t] = floor(observed[3][t] * .4);
    }
    struct alarms a = find(640, 800);
    const struct alarm *drop = NULL, *rise = NULL;
    for (size_t i = 0; i < a.count; i++) {
        if (a.items[i].series->observed == observed[3] && a.items[i].kind == ALARM_DAY) {
            *(a.items[i].is_drop ? &drop : &rise) = &a.items[i];
        }
    }
    assert_non_null(drop);
    assert_non_null(rise);
    assert_true(drop->raised <= day(653) && drop->raised >= day(650));
    assert_true(llabs(drop->date - day(650)) <= SECONDS_PER_DAY);
    assert_true(drop->date_from <= day(650) && day(650) <= drop->date_to);
    assert_true(drop->ratio_low < .4 && .4 < drop->ratio_high && fabs(drop->ratio - .4) < .06);
    assert_true(drop->since_to >= day(719) && drop->since_to <= day(721));
    assert_true(drop->before_to <= day(650) && drop->before_from >= day(620));
    assert_true(drop->evidence.cusum > drop->evidence.cusum_threshold);
    assert_true(drop->evidence.q <= .05 && drop->evidence.change_p >= .9);
    assert_true(drop->evidence.ears & 1);
    assert_true(llabs(rise->date - day(720)) <= SECONDS_PER_DAY && rise->raised <= day(724));
    assert_true(rise->ratio > 2.0);
    /* Seen from the day before, nothing of it. */
    struct alarms before = find(640, 650);
    for (size_t i = 0; i < before.count; i++) {
        assert_true(before.items[i].series->observed != observed[3]);
    }
    /* The same alarm when less is asked for; the same again. */
    struct alarms later = find(645, 660), again = find(645, 660);
    assert_int_equal(later.count, again.count);
    for (size_t i = 0; i < later.count; i++) {
        assert_true(later.items[i].raised == again.items[i].raised &&
                    later.items[i].ratio == again.items[i].ratio);
    }
}

/* An outage is no drop; half of the traps gone is none either; nor is another network of traps. */
static void test_exposure(void **state)
{
    (void)state;
    quiet("exposure", 3000.0);
    for (size_t t = 600; t < 640; t++) {
        exposure[2][t] = 0.0;
        observed[2][t] = 0.0;
        exposure[4][t] = .5;
        observed[4][t] = floor(observed[4][t] / 2.0);
    }
    for (size_t t = 0; t < DAYS; t++) {
        network[t] = t >= 700;
        observed[6][t] *= t >= 700 ? 3.0 : 1.0;
    }
    series[6].network = network;
    struct alarms a = find(590, 760);
    for (size_t i = 0; i < a.count; i++) {
        const double *o = a.items[i].series->observed;
        bool is_there = llabs(a.items[i].date - day(600)) < 9 * SECONDS_PER_DAY ||
                        llabs(a.items[i].date - day(640)) < 9 * SECONDS_PER_DAY;
        assert_false(is_there && (o == observed[2] || o == observed[4]));
        assert_true(o != observed[6] || a.items[i].kind == ALARM_WEEK);
    }
}

/* A few messages a day: only weeks can tell, and do. */
static void test_weeks(void **state)
{
    (void)state;
    quiet("weeks", 8.0);
    for (size_t t = DAYS - 7; t < DAYS; t++) {
        observed[5][t] = t % 3 ? 0.0 : 1.0;
    }
    struct alarms a = find(DAYS - 20, DAYS);
    assert_int_equal(a.by_week, SERIES);
    bool is_found = false;
    for (size_t i = 0; i < a.count; i++) {
        const struct alarm *w = &a.items[i];
        assert_int_equal(w->kind, ALARM_WEEK);
        if (w->series->observed == observed[5]) {
            is_found = w->is_drop && w->evidence.week_observed < w->evidence.week_lower;
            assert_true(w->raised == day(DAYS - 1) && w->ratio < .5);
            assert_true(w->date >= day(DAYS - 14));
        }
    }
    assert_true(is_found);
}

static void test_edges(void **state)
{
    (void)state;
    struct alarms a;
    struct alarm_options o = ALARM_DEFAULT;
    const char *what;
    quiet("edges", 3000.0);
    assert_int_equal(alarm_find(series, 0, &o, 0, INT64_MAX, arena, &a), OK);
    assert_int_equal(a.count, 0);
    for (size_t i = 0; i < SERIES; i++) {
        series[i].count = 10;
    }
    assert_int_equal(alarm_find(series, SERIES, &o, 0, INT64_MAX, arena, &a), OK);
    assert_int_equal(a.by_none, SERIES);
    series[3].count = 11;
    assert_int_equal(alarm_find(series, SERIES, &o, 0, INT64_MAX, arena, &a), ERR_USAGE);
    for (size_t i = 0; i < SERIES; i++) {
        series[i].count = DAYS;
        for (size_t t = 0; t < DAYS; t++) {
            observed[i][t] = i % 2 ? 0.0 : 1e9; /* no noise at all; nothing at all */
            exposure[i][t] = i % 3 ? 1.0 : 0.0;
        }
    }
    assert_int_equal(alarm_find(series, SERIES, &o, 0, INT64_MAX, arena, &a), OK);
    assert_int_equal(a.count, 0);
    o.shift = 1.0;
    assert_false(alarm_options_check(&o, &what));
    assert_string_equal(what, "shift");
    assert_int_equal(alarm_find(series, SERIES, &o, 0, INT64_MAX, arena, &a), ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quiet), cmocka_unit_test(test_drop),  cmocka_unit_test(test_exposure),
        cmocka_unit_test(test_weeks), cmocka_unit_test(test_edges),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
