/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Known answers: METHODS C1 "Rates / multiplicity" and R 4.2.2, poisson.test. */
#include "testing.h"

#include "stat/poisson_ratio.h"
#include "stat/random.h"

#include <gsl/gsl_randist.h>
#include <math.h>

static void near(double got, double want, double relative)
{
    if (isinf(want) ? got != want : !(fabs(got - want) <= relative * fabs(want) + 1e-300)) {
        fail_msg("%.10g, expected %.10g", got, want);
    }
}

static void test_known(void **state)
{
    (void)state;
    static const struct {
        double a, a_exposure, b, b_exposure, ratio, low, high, p;
    } CASES[] = {
        {60, 1, 100, 1, .6, .42820989, .83452545, .001953728},
        {0, 1, 10, 1, 0, 0, .4461255496, .001953125},
        {10, 1, 0, 1, INFINITY, 2.241521475, INFINITY, .001953125},
        /* example(poisson.test): Welsh Nuclear Test Veterans against controls */
        {11, 800, 21, 3011, 1.971488095, .8584264034, 4.277265944, .07966863303},
        {3, 1, 2, 5, 7.5, .8591424628, 89.79580415, .03549382716},
        {1000, 2, 1100, 2, .9090909091, .8336430135, .9912779119, .03072070786},
        {5, 1, 5, 1, 1, .2301424689, 4.34513458, 1},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct poisson_ratio r =
            poisson_ratio(CASES[i].a, CASES[i].a_exposure, CASES[i].b, CASES[i].b_exposure);
        near(r.ratio, CASES[i].ratio, 1e-9);
        near(r.low, CASES[i].low, 2e-8);
        near(r.high, CASES[i].high, 2e-8);
        near(r.p, CASES[i].p, 1e-6);
        /* The other way round it is the inverse. */
        struct poisson_ratio back =
            poisson_ratio(CASES[i].b, CASES[i].b_exposure, CASES[i].a, CASES[i].a_exposure);
        near(back.low, 1 / CASES[i].high, 2e-8);
        near(back.high, 1 / CASES[i].low, 2e-8);
        near(back.p, CASES[i].p, 1e-6);
    }
}

static void test_nothing(void **state)
{
    (void)state;
    struct poisson_ratio r = poisson_ratio(0, 1, 0, 1);
    assert_true(isnan(r.ratio) && r.low == 0 && isinf(r.high) && r.p == 1);
    r = poisson_ratio(0, 1, 1e12, 1); /* 3.69 of so many */
    assert_true(r.low == 0);
    near(r.high, 3.688879454e-12, 1e-6);
    r = poisson_ratio(3e9, 1, 3e9, 1);
    assert_true(r.low < 1 && 1 < r.high && r.high - r.low < 1e-3 && r.p > 0.99);
}

/* p is the sum over all outcomes that are not more likely, counted the plain way. */
static void test_plain(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 30; n++) {
        for (unsigned x = 0; x <= n; x++) {
            double part[] = {0.5, 0.2, 0.83};
            for (size_t k = 0; k < 3; k++) {
                double p = part[k], sum = 0, seen = gsl_ran_binomial_pdf(x, p, n);
                for (unsigned y = 0; y <= n; y++) {
                    double d = gsl_ran_binomial_pdf(y, p, n);
                    sum += d <= seen * (1 + 1e-7) ? d : 0;
                }
                near(poisson_ratio(x, p, n - x, 1 - p).p, sum, 1e-6);
            }
        }
    }
}

/* Exact: at least 95 % of the intervals hold the truth, whatever it is. */
static void test_coverage(void **state)
{
    (void)state;
    enum { RUNS = 2000 };
    gsl_rng *rng = random_seeded(S("poisson ratio"));
    assert_non_null(rng);
    for (double mean = 0.5; mean < 100; mean *= 4) {
        unsigned held = 0;
        for (int i = 0; i < RUNS; i++) {
            double a = gsl_ran_poisson(rng, mean), b = gsl_ran_poisson(rng, 3 * mean);
            struct poisson_ratio r = poisson_ratio(a, 1, b, 2);
            held += r.low <= 2.0 / 3 && 2.0 / 3 <= r.high;
        }
        assert_true(held >= 0.94 * RUNS);
    }
    gsl_rng_free(rng);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_known), cmocka_unit_test(test_nothing),
                                       cmocka_unit_test(test_plain),
                                       cmocka_unit_test(test_coverage)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
