/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "stat/wilson.h"

#include <math.h>
#include <stdio.h>

/* Known answers: Wilson 1927 as R computes them (prop.test without continuity correction). */
static void test_known(void **state)
{
    static const struct {
        uint64_t k, n;
        double low, high;
    } CASES[] = {
        {8, 10, 0.4901625, 0.9433178},     {15, 50, 0.1910355, 0.4375035}, {0, 10, 0.0, 0.2775328},
        {10, 10, 0.7224672, 1.0},          {1, 1, 0.2065493, 1.0},         {0, 1, 0.0, 0.7934507},
        {500, 1000, 0.4690696, 0.5309304},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct interval w = wilson_95(CASES[i].k, CASES[i].n);
        if (fabs(w.low - CASES[i].low) > 1e-6 || fabs(w.high - CASES[i].high) > 1e-6) {
            fail_msg("%llu of %llu: %.7f .. %.7f, expected %.7f .. %.7f",
                     (unsigned long long)CASES[i].k, (unsigned long long)CASES[i].n, w.low, w.high,
                     CASES[i].low, CASES[i].high);
        }
    }
}

static void test_nothing(void **state)
{
    (void)state;
    struct interval w = wilson_95(0, 0);
    assert_true(isnan(w.low) && isnan(w.high));
}

/* For every k and n: ordered, inside [0, 1], around k/n, mirrored. */
static void test_invariants(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 200; n++) {
        for (uint64_t k = 0; k <= n; k++) {
            struct interval w = wilson_95(k, n);
            struct interval m = wilson_95(n - k, n);
            double p = (double)k / (double)n;
            assert_true(0.0 <= w.low && w.low <= p && p <= w.high && w.high <= 1.0);
            assert_true(w.high - w.low > 0.0);
            assert_true(fabs(w.low - (1.0 - m.high)) < 1e-12);
        }
    }
    struct interval big = wilson_95(UINT64_MAX / 3, UINT64_MAX);
    assert_true(big.low > 0.333 && big.high < 0.334);
    struct interval over = wilson_95(11, 10);
    assert_true(over.high == 1.0 && over.low > 0.7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_invariants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
