/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Against a planted correlation. */
#include "testing.h"

#include "stat/ar1.h"
#include "stat/random.h"

#include <gsl/gsl_randist.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>

enum { N = 4000 };

static double x[N], white[N], variance[N];

static void planted(double rho)
{
    gsl_rng *rng = random_seeded(S("ar1"));
    double a = gsl_ran_ugaussian(rng);
    for (size_t i = 0; i < N; i++) {
        x[i] = 10.0 + a;
        a = rho * a + gsl_ran_gaussian(rng, sqrt(1.0 - rho * rho));
    }
    gsl_rng_free(rng);
}

static void test_whiten(void **state)
{
    (void)state;
    planted(.5);
    for (size_t t = 0; t < N; t += 10) {
        x[t] = (double)NAN;
    }
    ar1_whiten(x, N, .5, white, variance);
    double sum = 0.0, square = 0.0, product = 0.0, before = 0.0, n = 0.0;
    for (size_t i = 2; i < N; i++) {
        assert_int_equal(isnan(white[i]), isnan(x[i]));
        if (!isnan(white[i])) {
            double z = (white[i] - 10.0) / sqrt(variance[i]);
            sum += z;
            square += z * z;
            product += z * before;
            before = z;
            n += 1.0;
        }
    }
    assert_true(fabs(sum / n) < .05 * sqrt(3.0)); /* the mean of x itself has 3 times the error */
    assert_true(fabs(square / n - 1.0) < .1);
    assert_true(fabs(product / n) < .07);
    assert_true(variance[1] == 1.0 && fabs(variance[5] - 3.0) < 1e-12);
    assert_true(fabs(variance[11] - 1.25 / .75) < 1e-12); /* two steps: r = .25 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whiten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
