/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Golden values of R's spc (xcusum.arl with r = 60, xcusum.crit), METHODS C1 "CUSUM ARL" and the
 * table of B6. */
#include "testing.h"

#include "stat/cusum.h"
#include "stat/random.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>
#include <math.h>

static void near(const char *what, double got, double want, double relative)
{
    if (!(fabs(got - want) <= relative * fabs(want))) {
        fail_msg("%s: %.10g, expected %.10g", what, got, want);
    }
}

static void test_arl(void **state)
{
    (void)state;
    near("two-sided h 4", cusum_arl_two_sided(.5, 4, 0), 167.683788, 1e-6);
    near("two-sided h 4, shifted", cusum_arl_two_sided(.5, 4, 1), 8.3831319, 1e-6);
    near("two-sided h 5", cusum_arl_two_sided(.5, 5, 0), 465.44351, 1e-6);
    near("two-sided h 5, shifted", cusum_arl_two_sided(.5, 5, 1), 10.37596992, 1e-6);
    near("h 4", cusum_arl(.5, 4, 0), 335.3675776, 1e-6);
    near("h 4, shifted", cusum_arl(.5, 4, 1), 8.38320213, 1e-6);
    near("h 5", cusum_arl(.5, 5, 0), 930.8870121, 1e-6);
    near("h 5, shifted", cusum_arl(.5, 5, 1), 10.3759753, 1e-6);
    near("Shewhart", cusum_arl(2.0, 0, 0), 1.0 / gsl_cdf_ugaussian_Q(2.0), 1e-12);
}

/* The delays of METHODS B6, and the thresholds behind them. */
static void test_design(void **state)
{
    static const struct {
        double sd, drop, h, delay; /* h NAN: Shewhart's chart */
    } WANT[] = {
        {.1, .1, 3.912800576, 7.889771246}, {.1, .2, 1.933321806, 2.45443576},
        {.1, .3, 1.021045458, 1.251456937}, {.1, .5, (double)NAN, 1.0},
        {.2, .1, 6.46663965, 21.91878814},  {.2, .2, 3.731563735, 7.224193598},
        {.2, .3, 2.433809173, 3.480257851}, {.2, .5, 1.077346846, 1.293983091},
        {.3, .1, 8.198902332, 37.73064247}, {.3, .2, 5.116489813, 13.34025216},
        {.3, .3, 3.536175789, 6.548512542}, {.3, .5, 1.86159927, 2.325445328},
    };
    struct cusum_design d;
    (void)state;
    for (size_t i = 0; i < sizeof WANT / sizeof *WANT; i++) {
        double shift = -log(1.0 - WANT[i].drop) / WANT[i].sd;
        assert_int_equal(cusum_design(shift, 365.0, &d), OK);
        near("run length", cusum_arl(d.k, d.h, 0.0), 365.0, 1e-8);
        if (isnan(WANT[i].h)) {
            assert_true(d.h == 0.0);
            near("delay", cusum_arl(d.k, d.h, shift), WANT[i].delay, .001);
        } else {
            near("h", d.h, WANT[i].h, 1e-6);
            near("delay", cusum_arl(d.k, d.h, shift), WANT[i].delay, 1e-6);
        }
    }
    assert_int_equal(cusum_design(.2, 365.0, &d), OK);
    near("h of k .1", d.h, 10.67105087, 1e-6);
    assert_int_equal(cusum_design(.2, 1e5, &d), OK);
    near("h of the longest run", d.h, 36.86106177, 1e-6);
    assert_int_equal(cusum_design(.19, 365.0, &d), ERR_USAGE);
    assert_int_equal(cusum_design(1.0, 1.9, &d), ERR_USAGE);
    assert_int_equal(cusum_design(1.0, 1.1e5, &d), ERR_USAGE);
    assert_int_equal(cusum_design((double)NAN, 365.0, &d), ERR_USAGE);
}

/* The tail of the chart's state against a simulated one, and Lundberg's bound. */
static void test_tail(void **state)
{
    static const double SHIFT[] = {.3, 1.0, 2.0, 4.0};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        enum { STEPS = 400000, LEVELS = 5 };
        struct cusum_design d;
        size_t past[LEVELS] = {0};
        double s = 0.0;
        assert_int_equal(cusum_design(SHIFT[i], 365.0, &d), OK);
        gsl_rng *rng = random_seeded(S("tail"));
        for (size_t t = 0; t < STEPS; t++) {
            s = fmax(0.0, s + gsl_ran_ugaussian(rng) - d.k);
            for (size_t l = 0; l < LEVELS; l++) {
                past[l] += s > 0.0 && s >= (double)l / (LEVELS - 1) * d.h;
            }
        }
        gsl_rng_free(rng);
        for (size_t l = 1; l < LEVELS; l++) {
            double level = (double)l / (LEVELS - 1) * d.h, p = cusum_tail(&d, level);
            near("tail", (double)past[l] / STEPS, p, .15);
            assert_true(p <= exp(-2.0 * d.k * level));
        }
        assert_true(cusum_tail(&d, 0.0) == 1.0);
        assert_true(cusum_tail(&d, 60.0) < 1e-6);
    }
}

/* Self-starting values are standard normal and uncorrelated whatever mean and variance are, with
 * another level every 40 values. */
static void test_start(void **state)
{
    enum { RUNS = 1000, STEPS = 80 };
    double sum = 0.0, square = 0.0, product = 0.0, before = 0.0;
    size_t n = 0, tail = 0;
    (void)state;
    gsl_rng *rng = random_seeded(S("self-starting"));
    for (size_t run = 0; run < RUNS; run++) {
        struct cusum_start s = {.count = 0};
        double level = 7.0, sd = .01 + (double)(run % 10);
        for (size_t t = 0; t < STEPS; t++) {
            if (t == 40) {
                level = -500.0;
                cusum_start_level(&s);
            }
            double variance = t % 2 ? 4.0 : 1.0; /* known to differ */
            double z = cusum_start_next(&s, level + gsl_ran_gaussian(rng, sd * sqrt(variance)),
                                        variance, 1);
            if (isnan(z)) {
                assert_true(t < 3 || t == 40);
                before = 0.0;
                continue;
            }
            sum += z;
            square += z * z;
            product += z * before;
            before = z;
            tail += z > 2.0;
            n++;
        }
    }
    gsl_rng_free(rng);
    double count = (double)n, error = 1.0 / sqrt(count);
    assert_true(fabs(sum / count) < 4.0 * error);
    assert_true(fabs(square / count - 1.0) < 4.0 * error * sqrt(2.0));
    assert_true(fabs(product / count) < 4.0 * error);
    near("tail", (double)tail / count, gsl_cdf_ugaussian_Q(2.0), .1);
    struct cusum_start constant = {.count = 0};
    for (int i = 0; i < 10; i++) {
        assert_true(isnan(cusum_start_next(&constant, 3.0, 1.0, 1)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arl),
        cmocka_unit_test(test_design),
        cmocka_unit_test(test_tail),
        cmocka_unit_test(test_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
