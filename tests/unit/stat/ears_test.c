/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Golden values: R's surveillance 1.20.3, earsC on salmonella.agona, range 280:312, alpha .001
 * (METHODS C1 has the first ones). */
#include "salmonella_agona.h"
#include "testing.h"

#include "stat/ears.h"

#include <math.h>

enum { FIRST = 279, DAYS = 33 };

static const double C1[DAYS] = {
    2.223227219,  2.223227219,  3.050281764,  3.523164112,  5.746479674,  9.753821996,
    11.206838217, 10.794890981, 10.558129586, 11.129558157, 10.714994558, 11.129558157,
    9.618740298,  8.981080520,  8.159525491,  11.675664758, 12.794890981, 12.896679139,
    12.321480306, 13.176193839, 13.401850382, 13.368388645, 10.680864544, 7.360638703,
    5.275320028,  5.621710336,  5.621710336,  6.568292908,  6.152778798,  6.152778798,
    6.075422647,  5.225111522,  4.653682951};
static const double C2_FIRST[2] = {4.160740153, 2.223227219}; /* then C1 of two days before */
static const double C3[DAYS] = {
    4.303597296,  3.651798648,  2.757749703,  3.863700758,  3.978816639,  0.000000000,
    0.000000000,  0.000000000,  14.063981074, 11.278577731, 8.633676582,  10.843843872,
    11.143565986, 11.843843872, 14.761597441, 10.269939448, 5.770931942,  5.609818011,
    8.616096729,  10.325250567, 10.607194592, 10.747622410, 11.258993239, 12.368388645,
    10.538007401, 5.932067274,  3.132462885,  4.335996050,  5.335996050,  5.568292908,
    5.438493083,  3.438493083,  7.503994075};

static void near(const char *what, size_t i, double got, double want)
{
    if (!(fabs(got - want) <= 1e-6 * fmax(want, 1.0))) {
        fail_msg("%s of day %zu: %.9f, expected %.9f", what, i + 1, got, want);
    }
}

static void test_golden(void **state)
{
    (void)state;
    for (size_t i = 0; i < DAYS; i++) {
        struct ears c1 = ears_at(SALMONELLA, FIRST + i, EARS_C1, .001);
        struct ears c2 = ears_at(SALMONELLA, FIRST + i, EARS_C2, .001);
        struct ears c3 = ears_at(SALMONELLA, FIRST + i, EARS_C3, .001);
        near("C1", i, c1.upper, C1[i]);
        near("C2", i, c2.upper, i < 2 ? C2_FIRST[i] : C1[i - 2]);
        near("C3", i, c3.upper, C3[i]);
        assert_int_equal(c1.is_high, SALMONELLA[FIRST + i] > C1[i]);
        assert_int_equal(c3.is_high, SALMONELLA[FIRST + i] > C3[i]);
    }
}

/* Upside down: the lower bound of -y is minus the upper one of y. */
static void test_reflected(void **state)
{
    static double turned[SALMONELLA_WEEKS];
    (void)state;
    for (size_t i = 0; i < SALMONELLA_WEEKS; i++) {
        turned[i] = -SALMONELLA[i];
    }
    for (size_t i = 20; i < SALMONELLA_WEEKS; i++) {
        for (int m = EARS_C1; m <= EARS_C3; m++) {
            struct ears up = ears_at(SALMONELLA, i, (enum ears_method)m, .01);
            struct ears down = ears_at(turned, i, (enum ears_method)m, .01);
            if (up.upper > 0.0) { /* C3's upper bound stops at 0 */
                assert_true(fabs(up.upper + down.lower) < 1e-9);
                assert_int_equal(up.is_high, down.is_low);
            }
        }
    }
}

static void test_missing(void **state)
{
    double y[20];
    (void)state;
    for (size_t i = 0; i < 20; i++) {
        y[i] = 100.0 + (double)(i % 3);
    }
    assert_true(isnan(ears_at(y, 6, EARS_C1, .01).upper));
    assert_true(isfinite(ears_at(y, 7, EARS_C1, .01).upper));
    assert_true(isnan(ears_at(y, 8, EARS_C2, .01).upper));
    assert_true(isfinite(ears_at(y, 9, EARS_C2, .01).upper));
    assert_true(isnan(ears_at(y, 10, EARS_C3, .01).upper));
    assert_true(isfinite(ears_at(y, 11, EARS_C3, .01).upper));
    y[19] = 10.0;
    assert_true(ears_at(y, 19, EARS_C1, .001).is_low && ears_at(y, 19, EARS_C2, .001).is_low);
    assert_false(ears_at(y, 19, EARS_C3, .001).is_low);
    y[18] = y[17] = 96.0; /* C3 looks at the days before */
    assert_true(ears_at(y, 19, EARS_C3, .001).is_low);
    y[8] = (double)NAN;
    assert_true(isnan(ears_at(y, 19, EARS_C3, .001).upper));
    assert_true(ears_at(y, 19, EARS_C2, .001).is_low);
    for (size_t i = 0; i < 20; i++) {
        y[i] = 5.0; /* no variance: any other value is out */
    }
    y[19] = 4.0;
    assert_true(ears_at(y, 19, EARS_C2, .001).is_low);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_reflected),
        cmocka_unit_test(test_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
