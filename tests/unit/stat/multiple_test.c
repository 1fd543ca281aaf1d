/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "stat/multiple.h"

#include <math.h>
#include <stdlib.h>

static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new(1024 * 1024);
    return arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

/* The 25 p-values of the worked example in the Handbook of Biological Statistics (Garcia-Arenzana
 * et al. 2014); adjusted values by R 4.2.2's p.adjust(method = "BH"). METHODS C1. */
static void test_classic(void **state)
{
    static const double P[] = {.001, .008, .039, .041, .042, .060, .074, .205, .212,
                               .216, .222, .251, .269, .275, .340, .341, .384, .569,
                               .594, .696, .762, .940, .942, .975, .986};
    static const double WANT[] = {.025,       .1,         .21,        .21,        .21,
                                  .25,        .264285714, .491071429, .491071429, .491071429,
                                  .491071429, .491071429, .491071429, .491071429, .532812500,
                                  .532812500, .564705882, .781578947, .781578947, .870000000,
                                  .907142857, .986,       .986,       .986,       .986};
    (void)state;
    double adjusted[25];
    assert_int_equal(multiple_bh(P, 25, arena, adjusted), OK);
    for (size_t i = 0; i < 25; i++) {
        if (fabs(adjusted[i] - WANT[i]) > 1e-8) {
            fail_msg("p %g: %.9f, expected %.9f", P[i], adjusted[i], WANT[i]);
        }
    }
}

/* By the definition: i is rejected at q when some k >= its rank has p_(k) <= q k / n. Order of
 * input does not matter, what was not tested does not count. */
static void test_definition(void **state)
{
    (void)state;
    double p[40], adjusted[40];
    srand(5);
    for (int round = 0; round < 300; round++) {
        size_t n = (size_t)(rand() % 39) + 1, tested = 0;
        for (size_t i = 0; i < n; i++) {
            double u = (double)rand() / (double)RAND_MAX;
            p[i] = rand() % 5 == 0 ? (double)NAN : floor(u * u * u * 50.0) / 50.0;
            tested += isnan(p[i]) ? 0 : 1;
        }
        assert_int_equal(multiple_bh(p, n, arena, adjusted), OK);
        for (size_t i = 0; i < n; i++) {
            double least = 1.0;
            for (size_t k = 0; k < n && !isnan(p[i]); k++) {
                size_t rank = 0;
                for (size_t j = 0; j < n; j++) {
                    rank += p[j] <= p[k];
                }
                if (p[k] >= p[i]) {
                    least = fmin(least, p[k] * (double)tested / (double)rank);
                }
            }
            assert_true(isnan(p[i]) ? isnan(adjusted[i]) : fabs(adjusted[i] - least) < 1e-12);
        }
        arena_reset(arena);
    }
}

/* Wang and Ramdas 2022: with e sorted downwards, the k greatest are rejected at q for the greatest
 * k with e_(k) >= n / (k q). */
static void test_e_values(void **state)
{
    static const double E[] = {300.0, 0.5, 45.0, 32.0, (double)NAN, 0.0};
    (void)state;
    double adjusted[6];
    assert_int_equal(multiple_ebh(E, 6, arena, adjusted), OK);
    assert_true(fabs(adjusted[0] - 5.0 / 300.0) < 1e-12);
    assert_true(fabs(adjusted[2] - 5.0 / (3.0 * 32.0)) < 1e-12); /* its own, 1/18, is greater */
    assert_true(fabs(adjusted[3] - 5.0 / (3.0 * 32.0)) < 1e-12);
    assert_true(isnan(adjusted[4]));
    assert_true(adjusted[1] == 1.0 && adjusted[5] == 1.0);
}

static void test_edges(void **state)
{
    (void)state;
    double one = .3, none = (double)NAN;
    assert_int_equal(multiple_bh(&one, 0, arena, &one), OK);
    assert_int_equal(multiple_bh(&one, 1, arena, &one), OK);
    assert_true(one == .3);
    assert_int_equal(multiple_bh(&none, 1, arena, &none), OK);
    assert_true(isnan(none));
    struct arena *small = arena_new(16);
    assert_int_equal(multiple_bh(&one, 1000, small, &one), ERR_NOMEM);
    arena_free(small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classic),
        cmocka_unit_test(test_definition),
        cmocka_unit_test(test_e_values),
        cmocka_unit_test(test_edges),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
