/* SPDX-License-Identifier: GPL-3.0-or-later */
/* No package computes just these factors; the known answers are planted ones. */
#include "testing.h"

#include "stat/random.h"
#include "stat/season.h"

#include <gsl/gsl_randist.h>
#include <math.h>

enum { DAYS = 364 };

static struct arena *arena;
static double value[DAYS * 24], factor[DAYS * 24];
static uint16_t slot[DAYS * 24];
static bool odd[DAYS * 24];

static const double WEEK[7] = {.2, .15, .1, .1, .05, -.25, -.35}; /* adds up to 0 */

static int setup(void **state)
{
    (void)state;
    arena = arena_new(16 * 1024 * 1024);
    return arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct season_query planted(const char *seed, double sd, double size)
{
    gsl_rng *rng = random_seeded(slice_cstr(seed));
    for (size_t i = 0; i < DAYS; i++) {
        slot[i] = (uint16_t)(i % 7);
        odd[i] = false;
        value[i] = 8.0 + size * WEEK[slot[i]] + gsl_ran_gaussian(rng, sd);
    }
    gsl_rng_free(rng);
    return (struct season_query){.log_value = value,
                                 .is_odd = odd,
                                 .slot = slot,
                                 .count = DAYS,
                                 .slots = 7,
                                 .half_life = 56.0,
                                 .side = SEASON_PAST};
}

static double worst(size_t from, double size)
{
    double w = 0.0;
    for (size_t i = from; i < DAYS; i++) {
        w = fmax(w, fabs(factor[i] - size * WEEK[slot[i]]));
    }
    return w;
}

/* Without noise the factors are exact, from the third cycle on; before the first one nothing. */
static void test_exact(void **state)
{
    (void)state;
    struct season_query q = planted("exact", 0.0, 1.0);
    assert_int_equal(season_factors(&q, arena, factor), OK);
    assert_true(factor[0] == 0.0);
    assert_true(worst(21, 1.0) < .01);
    q.side = SEASON_BOTH;
    assert_int_equal(season_factors(&q, arena, factor), OK);
    assert_true(worst(0, 1.0) < .02);
}

static void test_noise(void **state)
{
    (void)state;
    struct season_query q = planted("noise", .1, 1.0);
    assert_int_equal(season_factors(&q, arena, factor), OK);
    assert_true(worst(120, 1.0) < .12); /* 4 standard errors: .1 / sqrt(12) each */
    q.side = SEASON_BOTH;
    assert_int_equal(season_factors(&q, arena, factor), OK);
    assert_true(worst(60, 1.0) < .1);
}

/* No seasons: what is taken for them is less than the noise of a plain mean would be. */
static void test_none(void **state)
{
    (void)state;
    struct season_query q = planted("none", .2, 0.0);
    assert_int_equal(season_factors(&q, arena, factor), OK);
    double square = 0.0;
    for (size_t i = 60; i < DAYS; i++) {
        square += factor[i] * factor[i];
    }
    assert_true(sqrt(square / (DAYS - 60)) < .2 / sqrt(23.0) / 2.0);
}

/* Missing Sundays, an outage, a halving and wild holidays leave the factors where they were. */
static void test_hostile(void **state)
{
    (void)state;
    struct season_query q = planted("hostile", .05, 1.0);
    for (size_t i = 0; i < DAYS; i++) {
        value[i] -= i >= 200 ? log(2.0) : 0.0;
        if ((i % 7 == 6 && i % 21 == 20) || (i > 100 && i < 109)) {
            value[i] = (double)NAN;
        }
        if (i % 90 == 40) {
            odd[i] = true;
            value[i] = -5.0;
        }
    }
    value[150] = -2.0; /* a day of which nobody knew that it was odd */
    q.side = SEASON_BOTH;
    assert_int_equal(season_factors(&q, arena, factor), OK);
    assert_true(worst(30, 1.0) < .15);
    q.count = 3;
    assert_int_equal(season_factors(&q, arena, factor), OK);
    for (size_t i = 0; i < DAYS; i++) {
        value[i] = (double)NAN;
    }
    q.count = DAYS;
    assert_int_equal(season_factors(&q, arena, factor), OK);
    assert_true(factor[7] == 0.0 && factor[DAYS - 1] == 0.0);
    q.count = 0;
    assert_int_equal(season_factors(&q, arena, factor), OK);
}

/* Hours of the week. */
static void test_hours(void **state)
{
    (void)state;
    gsl_rng *rng = random_seeded(S("hours"));
    for (size_t i = 0; i < DAYS * 24; i++) {
        slot[i] = (uint16_t)(i % 168);
        odd[i] = false;
        value[i] = 5.0 + WEEK[i / 24 % 7] + .3 * sin((double)(i % 24) / 24.0 * 2.0 * M_PI) +
                   gsl_ran_gaussian(rng, .1);
    }
    gsl_rng_free(rng);
    struct season_query q = {.log_value = value,
                             .slot = slot,
                             .count = DAYS * 24,
                             .slots = 168,
                             .half_life = 56.0 * 24.0,
                             .side = SEASON_PAST};
    assert_int_equal(season_factors(&q, arena, factor), OK);
    double square = 0.0;
    for (size_t i = 100 * 24; i < DAYS * 24; i++) {
        double want = WEEK[i / 24 % 7] + .3 * sin((double)(i % 24) / 24.0 * 2.0 * M_PI);
        square += (factor[i] - want) * (factor[i] - want);
    }
    assert_true(sqrt(square / (264.0 * 24.0)) < .035); /* .1 / sqrt(12) = .029 and a little */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),   cmocka_unit_test(test_noise), cmocka_unit_test(test_none),
        cmocka_unit_test(test_hostile), cmocka_unit_test(test_hours),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
