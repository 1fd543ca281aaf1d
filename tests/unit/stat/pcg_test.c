/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "stat/pcg.h"

#include <math.h>

/* The first numbers of the reference implementation's demo for pcg64 (seed 42, stream 54). */
static void test_reference(void **state)
{
    (void)state;
    static const uint64_t EXPECTED[] = {UINT64_C(0x86b1da1d72062b68), UINT64_C(0x1304aa46c9853d39),
                                        UINT64_C(0xa3670e9e0dd50358), UINT64_C(0xf9090e529a7dae00),
                                        UINT64_C(0xc85b9fd837996f2c), UINT64_C(0x606121f8e3919196)};
    struct pcg p = pcg_seeded(42, 54);
    for (size_t i = 0; i < sizeof EXPECTED / sizeof *EXPECTED; i++) {
        assert_int_equal(pcg_next(&p), EXPECTED[i]);
    }
}

static void test_keys(void **state)
{
    (void)state;
    struct pcg a = pcg_keyed(1, 2, 3, 4), same = pcg_keyed(1, 2, 3, 4);
    assert_int_equal(pcg_next(&a), pcg_next(&same));
    struct pcg others[] = {pcg_keyed(2, 2, 3, 4), pcg_keyed(1, 3, 3, 4), pcg_keyed(1, 2, 4, 4),
                           pcg_keyed(1, 2, 3, 5), pcg_keyed(1, 2, 4, 3)};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct pcg first = pcg_keyed(1, 2, 3, 4);
        assert_int_not_equal(pcg_next(&first), pcg_next(&others[i]));
    }
}

static void test_ranges(void **state)
{
    (void)state;
    struct pcg p = pcg_keyed(7, 0, 0, 0);
    unsigned counts[7] = {0};
    for (unsigned i = 0; i < 70000; i++) {
        counts[pcg_below(&p, 7)]++;
        int64_t n = pcg_between(&p, -3, 3);
        assert_in_range(n + 3, 0, 6);
        double u = pcg_real(&p);
        assert_true(u >= 0 && u < 1);
    }
    for (unsigned i = 0; i < 7; i++) {
        assert_in_range(counts[i], 9600, 10400); /* 4 standard deviations */
    }
    assert_int_equal(pcg_below(&p, 1), 0);
    assert_int_equal(pcg_between(&p, 5, 5), 5);
    assert_false(pcg_chance(&p, 0));
    assert_true(pcg_chance(&p, 1));
}

static void test_distributions(void **state)
{
    (void)state;
    enum { N = 200000 };
    struct pcg p = pcg_keyed(8, 0, 0, 0);
    double sum = 0, squares = 0, waits = 0;
    for (unsigned i = 0; i < N; i++) {
        double z = pcg_normal(&p);
        sum += z;
        squares += z * z;
        waits += pcg_exponential(&p);
    }
    assert_true(fabs(sum / N) < 0.01);
    assert_true(fabs(squares / N - 1) < 0.015);
    assert_true(fabs(waits / N - 1) < 0.01);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_distributions),
    };
    return cmocka_run_group_tests_name("stat/pcg", tests, NULL, NULL);
}
