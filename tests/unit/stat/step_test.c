/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "stat/glm.h"
#include "stat/random.h"
#include "stat/step.h"

#include <gsl/gsl_randist.h>
#include <math.h>

static struct arena *arena;
static gsl_rng *rng;

static int setup(void **state)
{
    (void)state;
    arena = arena_new(64 * 1024 * 1024);
    rng = random_seeded(S("step"));
    return arena && rng ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    gsl_rng_free(rng);
    return 0;
}

static void near(double got, double want, double relative)
{
    if (!(fabs(got - want) <= relative * fmax(fabs(want), 1e-12))) {
        fail_msg("%.10g, expected %.10g", got, want);
    }
}

/* Car drivers killed or seriously injured in Great Britain, and those killed, by month from 1969 to
 * 1984 (R's datasets::Seatbelts; Harvey 1989). The belt law came in on 31 January 1983. */
static const double DRIVERS[] = {
    1687, 1508, 1507, 1385, 1632, 1511, 1559, 1630, 1579, 1653, 2152, 2148, 1752, 1765, 1717, 1558,
    1575, 1520, 1805, 1800, 1719, 2008, 2242, 2478, 2030, 1655, 1693, 1623, 1805, 1746, 1795, 1926,
    1619, 1992, 2233, 2192, 2080, 1768, 1835, 1569, 1976, 1853, 1965, 1689, 1778, 1976, 2397, 2654,
    2097, 1963, 1677, 1941, 2003, 1813, 2012, 1912, 2084, 2080, 2118, 2150, 1608, 1503, 1548, 1382,
    1731, 1798, 1779, 1887, 2004, 2077, 2092, 2051, 1577, 1356, 1652, 1382, 1519, 1421, 1442, 1543,
    1656, 1561, 1905, 2199, 1473, 1655, 1407, 1395, 1530, 1309, 1526, 1327, 1627, 1748, 1958, 2274,
    1648, 1401, 1411, 1403, 1394, 1520, 1528, 1643, 1515, 1685, 2000, 2215, 1956, 1462, 1563, 1459,
    1446, 1622, 1657, 1638, 1643, 1683, 2050, 2262, 1813, 1445, 1762, 1461, 1556, 1431, 1427, 1554,
    1645, 1653, 2016, 2207, 1665, 1361, 1506, 1360, 1453, 1522, 1460, 1552, 1548, 1827, 1737, 1941,
    1474, 1458, 1542, 1404, 1522, 1385, 1641, 1510, 1681, 1938, 1868, 1726, 1456, 1445, 1456, 1365,
    1487, 1558, 1488, 1684, 1594, 1850, 1998, 2079, 1494, 1057, 1218, 1168, 1236, 1076, 1174, 1139,
    1427, 1487, 1483, 1513, 1357, 1165, 1282, 1110, 1297, 1185, 1222, 1284, 1444, 1575, 1737, 1763};
static const double KILLED[] = {
    107, 97,  102, 87,  119, 106, 110, 106, 107, 134, 147, 180, 125, 134, 110, 102, 103, 111,
    120, 129, 122, 183, 169, 190, 134, 108, 104, 117, 157, 148, 130, 140, 136, 140, 187, 150,
    159, 143, 114, 127, 159, 156, 138, 120, 117, 170, 168, 198, 144, 146, 109, 131, 151, 140,
    153, 140, 161, 168, 152, 136, 113, 100, 103, 103, 121, 134, 133, 129, 144, 154, 156, 163,
    122, 92,  117, 95,  96,  108, 108, 106, 140, 114, 158, 161, 102, 127, 125, 101, 97,  112,
    112, 113, 108, 128, 154, 162, 112, 79,  82,  127, 108, 110, 123, 103, 97,  140, 165, 183,
    148, 111, 116, 115, 100, 106, 134, 125, 117, 122, 153, 178, 114, 94,  128, 119, 111, 110,
    114, 118, 115, 132, 153, 171, 115, 95,  92,  100, 95,  114, 102, 104, 132, 136, 117, 137,
    111, 106, 98,  84,  94,  105, 123, 109, 130, 153, 134, 99,  115, 104, 131, 108, 103, 115,
    122, 122, 125, 137, 138, 152, 120, 95,  100, 89,  82,  89,  60,  84,  113, 126, 122, 118,
    92,  86,  81,  84,  87,  90,  79,  96,  122, 120, 137, 154};
enum { MONTHS = 192, LAW = 169, COLUMNS = 14 };

static struct glm_fit seatbelts(enum glm_family family, const double *y)
{
    static double x[MONTHS * COLUMNS];
    struct glm_fit f;
    struct glm_data d = {.rows = MONTHS, .columns = COLUMNS, .x = x, .y = y};
    memset(x, 0, sizeof x);
    for (size_t i = 0; i < MONTHS; i++) {
        double *row = x + i * COLUMNS;
        row[0] = 1;
        row[1] = i >= LAW;
        row[2] = (double)i + 1;
        if (i % 12) {
            row[2 + i % 12] = 1;
        }
    }
    assert_int_equal(glm_fit(family, &d, arena, &f), OK);
    return f;
}

/* METHODS C1 "Interrupted time series": law + linear time + month, R 4.2.2 and MASS 7.3-58. */
static void test_seatbelts(void **state)
{
    (void)state;
    struct glm_fit f = seatbelts(GLM_POISSON, DRIVERS);
    near(f.beta[1], -.16200509, 1e-6);
    near(f.se[1] * sqrt(f.dispersion), .026036645, 1e-6);
    near(f.dispersion, 13.427303, 1e-6);
    f = seatbelts(GLM_NEGATIVE, DRIVERS);
    near(f.beta[1], -.16266487, 1e-6);
    near(f.se[1], .023123447, 1e-5);
    near(f.theta, 149.91564, 1e-5);
    f = seatbelts(GLM_NEGATIVE, KILLED);
    near(f.beta[1], -.13955897, 1e-6);
    near(f.se[1], .036017046, 1e-5);
    near(f.theta, 117.46126, 1e-5);
}

/* Poisson counts about a level that varies as an AR(1) process does on the log scale. */
static void line_draw(double *y, size_t count, size_t change, double before, double after,
                      double rho, double sd)
{
    double latent = gsl_ran_gaussian(rng, sd);
    for (size_t i = 0; i < count; i++) {
        y[i] = gsl_ran_poisson(rng, (i < change ? before : after) * exp(latent));
        latent = rho * latent + gsl_ran_gaussian(rng, sd * sqrt(1 - rho * rho));
    }
}

enum { LINE = 365, CHANGE = 200, WINDOW = 56 };

/* How many of `rounds` intervals of a drop to 0.7 hold the truth. */
static double coverage(int rounds, double rho, double level, bool is_noise_known, bool is_bootstrap)
{
    static double y[LINE], line[LINE], sampling[LINE];
    int held = 0;
    for (int i = 0; i < rounds; i++) {
        arena_reset(arena);
        line_draw(y, LINE, CHANGE, level, 0.7 * level, rho, 0.2);
        struct step_data d = {.y = y,
                              .before_from = CHANGE - WINDOW,
                              .before_to = CHANGE,
                              .after_from = CHANGE,
                              .after_to = CHANGE + WINDOW,
                              .rho = NAN,
                              .variance = NAN};
        struct step s;
        if (is_noise_known) {
            for (size_t k = 0; k < LINE; k++) {
                line[k] = log(y[k] + 0.5);
                sampling[k] = 1 / (y[k] + 0.5);
            }
            assert_true(step_noise(line, sampling, LINE, arena, &d.rho, &d.variance, &d.noise_df));
        }
        if (is_bootstrap) {
            assert_int_equal(step_bootstrap(&d, 7, 200, rng, arena, &s), OK);
        } else {
            step_estimate(&d, &s);
        }
        held += s.low <= 0.7 && 0.7 <= s.high;
    }
    return (double)held / rounds;
}

/* METHODS C2 "Drop size": 93 to 97 % at rho 0, .5 and .8, give or take what 1500 lines leave open.
 * With rho from the 112 buckets alone less is known at .8. The block bootstrap does not need a
 * model, and pays for it. bench/change_bench prints the figures of more lines. */
static void test_coverage(void **state)
{
    (void)state;
    static const struct {
        double rho, level, least_local, least_bootstrap;
    } CASES[] = {{0, 1000, .93, .91}, {0, 20, .93, .91},    {.5, 1000, .93, .87},
                 {.5, 20, .93, .87},  {.8, 1000, .91, .78}, {.8, 20, .88, .78}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        double known = coverage(1500, CASES[i].rho, CASES[i].level, true, false);
        double local = coverage(800, CASES[i].rho, CASES[i].level, false, false);
        double bootstrap = coverage(300, CASES[i].rho, CASES[i].level, false, true);
        if (known < .92 || known > .975 || local < CASES[i].least_local ||
            bootstrap < CASES[i].least_bootstrap) {
            fail_msg("rho %.1f, level %.0f: %.3f, local %.3f, bootstrap %.3f", CASES[i].rho,
                     CASES[i].level, known, local, bootstrap);
        }
    }
}

/* Estimates of a line's noise with three great steps in it. */
static void test_noise(void **state)
{
    (void)state;
    static double y[1000], line[1000], sampling[1000];
    double rho, variance, df, rhos = 0, variances = 0;
    for (int round = 0; round < 20; round++) {
        line_draw(y, 1000, 300, 500, 100, 0.5, 0.2);
        for (size_t i = 0; i < 1000; i++) {
            line[i] = log(y[i] + 0.5) + (i > 700 ? 2 : 0);
            sampling[i] = 1 / (y[i] + 0.5);
        }
        line[400] = NAN;
        line[500] = 0; /* an outage that nobody noticed */
        assert_true(step_noise(line, sampling, 1000, arena, &rho, &variance, &df));
        rhos += rho / 20;
        variances += variance / 20;
    }
    assert_true(fabs(rhos - 0.5) < 0.06);
    assert_true(fabs(variances / 0.04 - 1) < 0.2);
    assert_false(step_noise(line, sampling, 8, arena, &rho, &variance, &df));
    for (size_t i = 0; i < 1000; i++) {
        line[i] = 3;
    }
    assert_true(step_noise(line, NULL, 1000, arena, &rho, &variance, &df));
    assert_true(rho == 0 && variance == 0);
}

static void test_edges(void **state)
{
    (void)state;
    double y[] = {100, 110, 90, 100, 0, 0, 0, 0}, exposure[] = {1, 1, 1, 1, 1, 0.5, 0.5, 0};
    struct step_data d = {.y = y,
                          .exposure = exposure,
                          .before_to = 4,
                          .after_from = 4,
                          .after_to = 8,
                          .rho = 0,
                          .variance = 0,
                          .noise_df = 1e6};
    struct step s;
    step_estimate(&d, &s);
    assert_true(s.before == 100 && s.after == 0 && s.ratio == 0 && s.low == 0);
    near(s.high, 3.0 / 2 / 100 * exp(1.96 * sqrt(1.0 / 400)), 1e-3); /* nothing in two days */
    d = (struct step_data){.y = y,
                           .exposure = exposure,
                           .before_from = 4,
                           .before_to = 8,
                           .after_to = 4,
                           .variance = 0,
                           .noise_df = 1e6};
    step_estimate(&d, &s);
    assert_true(isinf(s.ratio) && isinf(s.high) && s.low > 55 && s.low < 67);
    d = (struct step_data){.y = y, .before_to = 4, .after_from = 4, .after_to = 4, .rho = NAN};
    step_estimate(&d, &s);
    assert_true(isnan(s.ratio) && s.low == 0 && isinf(s.high));
    /* Half the exposure, half the counts: no change. */
    y[4] = 100, y[5] = 50, y[6] = 55, y[7] = 1e9;
    d = (struct step_data){.y = y,
                           .exposure = exposure,
                           .before_to = 4,
                           .after_from = 4,
                           .after_to = 8,
                           .rho = NAN,
                           .variance = NAN};
    step_estimate(&d, &s);
    near(s.ratio, 102.5 / 100, 1e-12);
    assert_true(s.low < 1 && s.high > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_seatbelts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_coverage, setup, teardown),
        cmocka_unit_test_setup_teardown(test_noise, setup, teardown),
        cmocka_unit_test_setup_teardown(test_edges, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
