/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "core/clock.h"
#include "observe/season.h"

#include <math.h>

enum { DAYS = 400 };

static struct arena *arena;

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

/* Dates as the calendars print them. */
static void test_holidays(void **state)
{
    static const struct {
        int year, month, day;
        const char *name; /* NULL: none */
    } CASES[] = {
        {2010, 12, 23, NULL},
        {2010, 12, 24, "Christmas"},
        {2010, 12, 26, "Christmas"},
        {2010, 12, 27, NULL},
        {2010, 12, 31, "New Year"},
        {2011, 1, 1, "New Year"},
        {2011, 1, 2, "Russian New Year holidays"},
        {2011, 1, 8, "Russian New Year holidays"},
        {2011, 1, 9, NULL},
        {2008, 3, 23, "Easter"},
        {2011, 4, 22, "Easter"},
        {2011, 4, 25, "Easter"},
        {2012, 4, 6, "Easter"},
        {2012, 4, 16, "Orthodox Easter"},
        {2013, 5, 5, "Orthodox Easter"},
        {2013, 5, 9, "Victory Day"},
        {2009, 9, 7, "Labor Day"},
        {2010, 11, 25, "Thanksgiving"},
        {2010, 11, 26, "Thanksgiving"},
        {2012, 11, 22, "Thanksgiving"},
        {2010, 2, 14, "Chinese New Year"},
        {2012, 1, 23, "Chinese New Year"},
        {2012, 1, 30, NULL},
        {2015, 2, 19, "Chinese New Year"},
        {2024, 2, 10, "Chinese New Year"},
        {2040, 2, 12, "Chinese New Year"},
        {2041, 2, 12, NULL},
        {2010, 10, 7, "Chinese National Day"},
        {2011, 3, 16, NULL},
        {1, 1, 1, "New Year"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        int64_t day = civil_to_days(CASES[i].year, CASES[i].month, CASES[i].day);
        const char *name = holiday_name(day);
        if (!name != !CASES[i].name || (name && strcmp(name, CASES[i].name) != 0)) {
            fail_msg("%d-%02d-%02d: %s, expected %s", CASES[i].year, CASES[i].month, CASES[i].day,
                     name ? name : "none", CASES[i].name ? CASES[i].name : "none");
        }
        assert_true(!name == !holiday_reason(day));
    }
}

/* Weekends at 60 % are gone from the residuals, with half of the traps watching too; what nobody
 * watched is missing. */
static void test_residual(void **state)
{
    (void)state;
    static double observed[DAYS], exposure[DAYS];
    int64_t first = civil_to_days(2009, 6, 1); /* a Monday */
    for (size_t i = 0; i < DAYS; i++) {
        exposure[i] = i % 50 == 10 ? 0.0 : i >= 200 ? .5 : 1.0;
        observed[i] = 10000.0 * exposure[i] * (i % 7 >= 5 ? .6 : 1.0) - .5;
        observed[i] = exposure[i] > 0.0 ? observed[i] : 12345.0;
    }
    struct series s = {.bucket = BUCKET_DAY,
                       .first = first * SECONDS_PER_DAY,
                       .count = DAYS,
                       .observed = observed,
                       .exposure = exposure};
    struct season season;
    assert_int_equal(season_fit(&s, SEASON_PAST, arena, &season), OK);
    double centre = log(10000.0) + 2.0 / 7.0 * log(.6); /* of the geometric mean */
    for (size_t i = 30; i < DAYS; i++) {
        if (exposure[i] > 0.0 ? fabs(season.residual[i] - centre) > .02
                              : !isnan(season.residual[i])) {
            fail_msg("day %zu: %g, expected %g", i, season.residual[i], centre);
        }
    }
    assert_true(season.is_holiday[208] && !season.is_holiday[100]); /* 26 December 2009 */
}

static void test_buckets(void **state)
{
    (void)state;
    double one = 5.0, up = 1.0;
    struct series s = {.bucket = BUCKET_MONTH, .count = 1, .observed = &one, .exposure = &up};
    struct season season;
    assert_int_equal(season_fit(&s, SEASON_BOTH, arena, &season), OK);
    assert_true(season.log_factor[0] == 0.0 && fabs(season.residual[0] - log(5.5)) < 1e-12);
    s.bucket = BUCKET_HOUR;
    s.first = -3600; /* the last hour of a Wednesday */
    assert_int_equal(season_fit(&s, SEASON_BOTH, arena, &season), OK);
    assert_true(season.is_holiday[0]);
    s.count = 0;
    assert_int_equal(season_fit(&s, SEASON_PAST, arena, &season), OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_holidays),
        cmocka_unit_test(test_residual),
        cmocka_unit_test(test_buckets),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
