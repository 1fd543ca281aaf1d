/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "stat/decompose.h"
#include "stat/random.h"

#include <gsl/gsl_randist.h>
#include <math.h>

static void assert_close(double got, double want, double relative)
{
    if (!(fabs(got - want) <= relative * fmax(fabs(want), 1.0))) {
        fail_msg("%.12g, not %.12g", got, want);
    }
}

static void additive(void **state)
{
    (void)state;
    /* METHODS C1, "Decomposition" */
    const double before[] = {500, 300, 200}, after[] = {260, 270, 170};
    double share[3];
    decompose_shares(before, after, 3, share);
    assert_close(share[0], 0.8, 1e-12);
    assert_close(share[1], 0.1, 1e-12);
    assert_close(share[2], 0.1, 1e-12);
    decompose_shares(before, before, 3, share);
    assert_true(isnan(share[0]));
}

static void lmdi_bots_and_rate(void **state)
{
    (void)state;
    /* METHODS C1: V 100 -> 73 with 45 % fewer hosts: 32.7 % more from each. */
    const double before[] = {1.0, 100.0}, after[] = {0.55, 73.0 / 0.55};
    double effect[2];
    assert_close(log_mean(100, 73), 85.793067, 1e-7);
    decompose_lmdi(before, after, 1, 2, effect);
    assert_close(effect[0], -51.29027, 1e-6);
    assert_close(effect[1], 24.29027, 1e-6);
    assert_close(effect[0] + effect[1], -27, 1e-12);
    assert_close(after[1] / before[1], 1.3272727, 1e-7);
}

static void log_mean_limits(void **state)
{
    (void)state;
    assert_true(log_mean(3, 3) == 3);
    assert_true(log_mean(0, 3) == 0 && log_mean(3, 0) == 0);
    assert_close(log_mean(1, 1 + 1e-9), 1 + 5e-10, 1e-14);
    assert_close(log_mean(2, 5), log_mean(5, 2), 1e-14);
}

/* Zero residual and symmetry (C2: exact to 1e-12), zeros included. */
static void lmdi_leaves_no_residual(void **state)
{
    (void)state;
    enum { ITEMS = 20, FACTORS = 4 };
    gsl_rng *rng = random_seeded(S("lmdi"));
    for (int round = 0; round < 500; round++) {
        double x[ITEMS * FACTORS], y[ITEMS * FACTORS], u[ITEMS * FACTORS], v[ITEMS * FACTORS];
        double effect[FACTORS], swapped[FACTORS], back[FACTORS], change = 0, sum = 0, scale = 0;
        for (size_t i = 0; i < ITEMS; i++) {
            double v0 = 1, v1 = 1;
            for (size_t k = 0; k < FACTORS; k++) {
                x[i * FACTORS + k] = gsl_rng_uniform(rng) < 0.05 ? 0 : gsl_ran_gamma(rng, 1, 1);
                y[i * FACTORS + k] = gsl_rng_uniform(rng) < 0.05 ? 0 : gsl_ran_gamma(rng, 1, 1);
                u[i * FACTORS + FACTORS - 1 - k] = x[i * FACTORS + k];
                v[i * FACTORS + FACTORS - 1 - k] = y[i * FACTORS + k];
                v0 *= x[i * FACTORS + k];
                v1 *= y[i * FACTORS + k];
            }
            change += v1 - v0;
            scale += v1 + v0;
        }
        decompose_lmdi(x, y, ITEMS, FACTORS, effect);
        decompose_lmdi(u, v, ITEMS, FACTORS, swapped);
        decompose_lmdi(y, x, ITEMS, FACTORS, back);
        for (size_t k = 0; k < FACTORS; k++) {
            sum += effect[k];
            assert_true(fabs(effect[k] - swapped[FACTORS - 1 - k]) <= 1e-12 * scale);
            assert_true(fabs(effect[k] + back[k]) <= 1e-12 * scale);
        }
        assert_true(fabs(sum - change) <= 1e-12 * scale);
    }
    gsl_rng_free(rng);
}

struct product_of {
    size_t n;
    const double *before, *after;
};

static double product_value(void *arg, unsigned changed)
{
    const struct product_of *p = arg;
    double v = 1;
    for (size_t k = 0; k < p->n; k++) {
        v *= changed >> k & 1 ? p->after[k] : p->before[k];
    }
    return v;
}

static void shapley_bots_and_rate(void **state)
{
    (void)state;
    /* METHODS C1 */
    const double before[] = {1.0, 100.0}, after[] = {0.55, 73.0 / 0.55};
    double effect[2];
    assert_int_equal(
        decompose_shapley(2, product_value, &(struct product_of){2, before, after}, effect), OK);
    assert_close(effect[0], -52.363636, 1e-6);
    assert_close(effect[1], 25.363636, 1e-6);
}

static void shapley_axioms(void **state)
{
    (void)state;
    gsl_rng *rng = random_seeded(S("shapley"));
    for (size_t n = 1; n <= SHAPLEY_FACTORS_MAX; n++) {
        double before[SHAPLEY_FACTORS_MAX], after[SHAPLEY_FACTORS_MAX];
        double effect[SHAPLEY_FACTORS_MAX], sum = 0;
        for (size_t k = 0; k < n; k++) {
            before[k] = gsl_rng_uniform(rng) + 0.5;
            after[k] = gsl_rng_uniform(rng) + 0.5;
        }
        if (n >= 3) { /* two that are alike, and one that does nothing */
            before[1] = before[0];
            after[1] = after[0];
            after[2] = before[2];
        }
        struct product_of p = {n, before, after};
        assert_int_equal(decompose_shapley(n, product_value, &p, effect), OK);
        for (size_t k = 0; k < n; k++) {
            sum += effect[k];
        }
        assert_close(sum, product_value(&p, (1U << n) - 1) - product_value(&p, 0), 1e-12);
        if (n >= 3) {
            assert_close(effect[0], effect[1], 1e-12);
            assert_close(effect[2], 0, 1e-12);
        }
    }
    gsl_rng_free(rng);
}

/* R's UCBAdmissions: admitted and rejected, men and women, by department. */
static const struct stratum ADMISSIONS[] = {
    {512, 313, 89, 19},   {353, 207, 17, 8},  {120, 205, 202, 391},
    {138, 279, 131, 244}, {53, 138, 94, 299}, {22, 351, 24, 317},
};

static void mantel_haenszel_admissions(void **state)
{
    (void)state;
    /* METHODS C1, "Simpson / standardisation" (R's mantelhaen.test) */
    struct mantel_haenszel m = decompose_mantel_haenszel(ADMISSIONS, 6);
    assert_close(m.odds_ratio, 0.90469683, 1e-7);
    assert_close(m.low, 0.77190736, 1e-7);
    assert_close(m.high, 1.06032976, 1e-7);
    assert_close(m.chi2, 1.42695, 1e-5);
    assert_close(m.p, 0.23226, 1e-4);
    /* the paradox: 1198 of 2691 against 557 of 1835 */
    assert_close(m.crude_odds, 1198.0 * 1278 / (1493.0 * 557), 1e-9);
    assert_true(m.crude_odds > 1.8 && m.odds_ratio < 1);
    struct mantel_haenszel none = decompose_mantel_haenszel(ADMISSIONS, 0);
    assert_true(isnan(none.odds_ratio));
}

/* The same data as rates: women minus men is -14 points crude and up once standardised. */
static void kitagawa_admissions(void **state)
{
    (void)state;
    double w0[6], w1[6], r0[6], r1[6];
    for (size_t i = 0; i < 6; i++) {
        const struct stratum *t = &ADMISSIONS[i];
        w0[i] = (t->a + t->b) / 2691;
        w1[i] = (t->c + t->d) / 1835;
        r0[i] = t->a / (t->a + t->b);
        r1[i] = t->c / (t->c + t->d);
    }
    struct kitagawa k = decompose_kitagawa(w0, r0, w1, r1, 6);
    assert_close(k.crude, 557.0 / 1835 - 1198.0 / 2691, 1e-12);
    assert_close(k.rate + k.mix, k.crude, 1e-12);
    assert_true(k.crude < -0.14 && k.rate > 0 && k.standardised > 0);
    w1[0] = 0;
    r1[0] = NAN; /* nobody applied: not used */
    assert_true(isfinite(decompose_kitagawa(w0, r0, w1, r1, 6).crude));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(additive),
        cmocka_unit_test(lmdi_bots_and_rate),
        cmocka_unit_test(log_mean_limits),
        cmocka_unit_test(lmdi_leaves_no_residual),
        cmocka_unit_test(shapley_bots_and_rate),
        cmocka_unit_test(shapley_axioms),
        cmocka_unit_test(mantel_haenszel_admissions),
        cmocka_unit_test(kitagawa_admissions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
