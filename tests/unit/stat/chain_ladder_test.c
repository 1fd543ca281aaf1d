/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Known answers: the RAA triangle (Historical Loss Development, Reinsurance Association of America
 * 1991), METHODS C1 "Backlog"; standard errors as published in Mack 1994, CAS Forum, table of
 * section 7 (rounded to units there). */
#include "testing.h"

#include "stat/chain_ladder.h"
#include "stat/random.h"

#include <gsl/gsl_randist.h>
#include <math.h>

enum { RAA = 10 };

static const double RAA_CUMULATIVE[RAA][RAA] = {
    {5012, 8269, 10907, 11805, 13539, 16181, 18009, 18608, 18662, 18834},
    {106, 4285, 5396, 10666, 13782, 15599, 15496, 16169, 16704},
    {3410, 8992, 13873, 16141, 18735, 22214, 22863, 23466},
    {5655, 11555, 15766, 21266, 23425, 26083, 27067},
    {1092, 9565, 15836, 22169, 25955, 26180},
    {1513, 6445, 11702, 12935, 15852},
    {557, 4020, 10946, 12314},
    {1351, 6947, 13112},
    {3133, 5395},
    {2063},
};
static const size_t RAA_KNOWN[RAA] = {10, 9, 8, 7, 6, 5, 4, 3, 2, 1};

static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new(64 * 1024 * 1024);
    return arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static void near(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance)) {
        fail_msg("%.10g, expected %.10g", got, want);
    }
}

static struct chain_ladder_fit fit(const struct chain_ladder_data *d)
{
    struct chain_ladder_fit f;
    assert_int_equal(chain_ladder_fit(d, arena, &f), OK);
    return f;
}

static void test_raa(void **state)
{
    (void)state;
    static const double FACTORS[] = {2.9993587, 1.6235228, 1.2708881, 1.1716746, 1.1133849,
                                     1.0419346, 1.0332636, 1.0169365, 1.0092166};
    static const double SE[] = {0, 206, 623, 747, 1469, 2002, 2209, 5358, 6333, 24566};
    struct chain_ladder_fit f = fit(&(struct chain_ladder_data){
        .rows = RAA, .columns = RAA, .cumulative = &RAA_CUMULATIVE[0][0], .known = RAA_KNOWN});
    for (size_t k = 0; k + 1 < RAA; k++) {
        near(f.factor[k], FACTORS[k], 5e-8);
    }
    for (size_t i = 0; i < RAA; i++) {
        near(f.se[i], SE[i], 0.51);
    }
    near(f.latest_total, 160987, 1e-6);
    near(f.ultimate_total, 213122.23, 0.005);
    near(f.ultimate_total - f.latest_total, 52135.228, 0.0005);
    near(f.total_se, 26909, 0.5);
    /* Of one row the error is also what the lags' own terms say. */
    near(f.se[9], sqrt(2063 * f.process[0] + 2063.0 * 2063.0 * f.estimation[0]), 1e-9);
}

/* Old rows known whole serve for every factor; a row that nothing is known of has no ultimate. */
static void test_depths(void **state)
{
    (void)state;
    static const double C[] = {10, 20, 20, 30, 60, 60, 5, 10, 0, 8, 0, 0, 0, 0, 0};
    static const size_t KNOWN[] = {3, 3, 2, 1, 0};
    struct chain_ladder_fit f =
        fit(&(struct chain_ladder_data){.rows = 5, .columns = 3, .cumulative = C, .known = KNOWN});
    near(f.factor[0], 2, 1e-12);
    near(f.factor[1], 1, 1e-12);
    near(f.completeness[0], 0.5, 1e-12);
    near(f.ultimate[3], 16, 1e-12);
    near(f.se[3], 0, 1e-12); /* every row doubled: Mack sees no variance */
    assert_true(isnan(f.ultimate[4]));
    /* ... but counts vary at least as Poisson's do. */
    f = fit(&(struct chain_ladder_data){
        .rows = 5, .columns = 3, .cumulative = C, .known = KNOWN, .is_count = true});
    near(f.se[3] * f.se[3], 256.0 * (2.0 / 4.0) * (1.0 / 8.0 + 1.0 / 45.0), 1e-9);
}

/* A lag that always begins with nothing tells nothing about what comes. */
static void test_nothing_first(void **state)
{
    (void)state;
    static const double C[] = {0, 20, 0, 30, 0, 0};
    static const size_t KNOWN[] = {2, 2, 1};
    struct chain_ladder_fit f =
        fit(&(struct chain_ladder_data){.rows = 3, .columns = 2, .cumulative = C, .known = KNOWN});
    assert_true(isinf(f.factor[0]));
    assert_true(f.completeness[0] == 0.0);
    assert_true(isnan(f.ultimate[2]));
    near(f.ultimate_total, 50, 1e-12);
}

static void test_bad(void **state)
{
    (void)state;
    struct chain_ladder_fit f;
    const double minus[] = {-1, 2};
    const size_t two[] = {2}, three[] = {3};
    struct chain_ladder_data d = {.rows = 1, .columns = 2, .cumulative = minus, .known = two};
    assert_int_equal(chain_ladder_fit(&d, arena, &f), ERR_USAGE);
    d.known = three;
    assert_int_equal(chain_ladder_fit(&d, arena, &f), ERR_USAGE);
    d.columns = 0;
    assert_int_equal(chain_ladder_fit(&d, arena, &f), ERR_USAGE);
}

enum { DAYS = 40, LAGS = 4, RUNS = 2000 };

/* Poisson counts that are reported over four lags: the 95 % interval around the ultimate of the
 * youngest row holds what really came in 95 % of the runs. */
static void test_coverage(void **state)
{
    (void)state;
    static const double LAG[LAGS] = {0.6, 0.25, 0.1, 0.05};
    gsl_rng *rng = random_seeded(S("chain ladder coverage"));
    assert_non_null(rng);
    unsigned held = 0;
    for (int run = 0; run < RUNS; run++) {
        double c[DAYS * LAGS], whole = 0.0;
        size_t known[DAYS];
        for (size_t i = 0; i < DAYS; i++) {
            whole = 0.0;
            for (size_t k = 0; k < LAGS; k++) {
                whole += gsl_ran_poisson(rng, 500.0 * LAG[k]);
                c[i * LAGS + k] = whole;
            }
            known[i] = DAYS - i < LAGS ? DAYS - i : LAGS;
        }
        arena_reset(arena);
        struct chain_ladder_fit f = fit(&(struct chain_ladder_data){
            .rows = DAYS, .columns = LAGS, .cumulative = c, .known = known, .is_count = true});
        held += fabs(f.ultimate[DAYS - 1] - whole) <= 1.96 * f.se[DAYS - 1];
    }
    gsl_rng_free(rng);
    if (held < 0.93 * RUNS || held > 0.985 * RUNS) {
        fail_msg("%u of %d intervals held the truth", held, RUNS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_raa), cmocka_unit_test(test_depths),
                                       cmocka_unit_test(test_nothing_first),
                                       cmocka_unit_test(test_bad), cmocka_unit_test(test_coverage)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
