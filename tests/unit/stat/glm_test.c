/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Known answers of R 4.2.2 (glm, MASS 7.3-58 glm.nb), METHODS C1 "GLM / NB". */
#include "testing.h"

#include "stat/glm.h"

#include <math.h>
#include <stdlib.h>

enum { ROWS_MAX = 200, COLUMNS_MAX = 16 };

static struct arena *arena;
static double x[ROWS_MAX * COLUMNS_MAX], y[ROWS_MAX], offset[ROWS_MAX], weight[ROWS_MAX];

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

static void near(double got, double want, double relative)
{
    if (!(fabs(got - want) <= relative * fmax(fabs(want), 1e-12))) {
        fail_msg("%.10g, expected %.10g", got, want);
    }
}

static struct glm_fit fit(enum glm_family family, size_t rows, size_t columns)
{
    struct glm_fit f;
    struct glm_data d = {.rows = rows, .columns = columns, .x = x, .y = y};
    arena_reset(arena);
    assert_int_equal(glm_fit(family, &d, arena, &f), OK);
    assert_true(f.is_converged);
    return f;
}

/* Dobson 1990, p. 93: 3 outcomes by 3 treatments (example(glm)). */
static void test_dobson(void **state)
{
    (void)state;
    static const double COUNTS[] = {18, 17, 15, 20, 10, 20, 25, 13, 12};
    static const double BETA[] = {3.0445224, -.45425527, -.29298712, 0, 0};
    static const double SE[] = {.17089865, .20217076, .19274234, .2, .2};
    for (size_t i = 0; i < 9; i++) {
        double row[] = {1, i % 3 == 1, i % 3 == 2, i / 3 == 1, i / 3 == 2};
        memcpy(x + i * 5, row, sizeof row);
        y[i] = COUNTS[i];
    }
    struct glm_fit f = fit(GLM_POISSON, 9, 5);
    for (size_t j = 0; j < 5; j++) {
        assert_true(fabs(f.beta[j] - BETA[j]) < 1e-7);
        near(f.se[j], SE[j], 1e-6);
    }
    near(f.deviance, 5.1291411, 1e-7);
    near(f.aic, 56.761318, 1e-7);
    near(f.dispersion, 1.2933004, 1e-6);
    assert_int_equal(f.df, 4);
    double leverage = 0;
    for (size_t i = 0; i < 9; i++) {
        leverage += f.leverage[i];
    }
    near(leverage, 5, 1e-9); /* trace of the hat matrix: the rank */
}

/* MASS::quine, days of absence of 146 pupils: (Eth is N, Sex is M, Age, Lrn is SL, days). */
static const struct {
    int eth, sex, age, lrn;
    const char *days;
} QUINE[] = {
    {0, 1, 0, 1, "2 11 14"},
    {0, 1, 0, 0, "5 5 13 20 22"},
    {0, 1, 1, 1, "6 6 15"},
    {0, 1, 1, 0, "7 14"},
    {0, 1, 2, 1, "6 32 53 57"},
    {0, 1, 2, 0, "14 16 16 17 40 43 46"},
    {0, 1, 3, 0, "8 23 23 28 34 36 38"},
    {0, 0, 0, 1, "3"},
    {0, 0, 0, 0, "5 11 24 45"},
    {0, 0, 1, 1, "5 6 6 9 13 23 25 32 53 54"},
    {0, 0, 1, 0, "5 5 11 17 19"},
    {0, 0, 2, 1, "8 13 14 20 47 48 60 81"},
    {0, 0, 2, 0, "2"},
    {0, 0, 3, 0, "0 2 3 5 10 14 21 36 40"},
    {1, 1, 0, 1, "6 17 67"},
    {1, 1, 0, 0, "0 0 2 7 11 12"},
    {1, 1, 1, 1, "0 0 5 5 5 11 17"},
    {1, 1, 1, 0, "3 4"},
    {1, 1, 2, 1, "22 30 36"},
    {1, 1, 2, 0, "8 0 1 5 7 16 27"},
    {1, 1, 3, 0, "0 30 10 14 27 41 69"},
    {1, 0, 0, 1, "25"},
    {1, 0, 0, 0, "10 11 20 33"},
    {1, 0, 1, 1, "5 7 0 1 5 5 5 5 7 11 15"},
    {1, 0, 1, 0, "5 14 6 6 7 28"},
    {1, 0, 2, 1, "0 5 14 2 2 3 8 10 12"},
    {1, 0, 2, 0, "1"},
    {1, 0, 3, 0, "1 9 22 3 3 5 15 18 22 37"},
};
enum { PUPILS = 146 };

static struct {
    double eth, sex, lrn;
    int age;
} pupils[PUPILS];

static void quine_read(void)
{
    size_t n = 0;
    for (size_t i = 0; i < sizeof QUINE / sizeof *QUINE; i++) {
        for (char *p = (char *)(uintptr_t)QUINE[i].days; *p && n < PUPILS; n++) {
            y[n] = strtod(p, &p);
            pupils[n].eth = QUINE[i].eth;
            pupils[n].sex = QUINE[i].sex;
            pupils[n].lrn = QUINE[i].lrn;
            pupils[n].age = QUINE[i].age;
        }
    }
    assert_int_equal(n, PUPILS);
}

static void test_negative_main_effects(void **state)
{
    (void)state;
    quine_read();
    for (size_t i = 0; i < PUPILS; i++) {
        double row[] = {1,
                        pupils[i].eth,
                        pupils[i].sex,
                        pupils[i].age == 1,
                        pupils[i].age == 2,
                        pupils[i].age == 3,
                        pupils[i].lrn};
        memcpy(x + i * 7, row, sizeof row);
    }
    static const double BETA[] = {2.89458001692, -0.56937170340, 0.08232026410, -0.44842814859,
                                  0.08808013971, 0.35690094776,  0.29210914283};
    struct glm_fit f = fit(GLM_NEGATIVE, PUPILS, 7);
    for (size_t j = 0; j < 7; j++) {
        near(f.beta[j], BETA[j], 1e-6);
    }
    near(f.theta, 1.274892646, 1e-6);
    near(f.theta_se, .161035179, 1e-5);
    near(2 * f.log_likelihood, -1093.151018, 1e-8);
    assert_false(f.is_poisson);
}

/* Sex/(Age + Eth*Lrn): everything within each sex. */
static void test_negative_nested(void **state)
{
    (void)state;
    quine_read();
    for (size_t i = 0; i < PUPILS; i++) {
        for (size_t sex = 0; sex < 2; sex++) {
            double is = pupils[i].sex == (double)sex;
            double row[] = {is,
                            is * (pupils[i].age == 1),
                            is * (pupils[i].age == 2),
                            is * (pupils[i].age == 3),
                            is * pupils[i].eth,
                            is * pupils[i].lrn,
                            is * pupils[i].eth * pupils[i].lrn};
            memcpy(x + i * 14 + sex * 7, row, sizeof row);
        }
    }
    struct glm_fit f = fit(GLM_NEGATIVE, PUPILS, 14);
    near(f.theta, 1.597990733, 1e-6);
    near(f.theta_se, .212868886533, 1e-7); /* theta.ml at full precision; glm.nb says .2128654442,
                                               from the step before its theta */
    near(2 * f.log_likelihood, -1063.025022, 1e-8);
    near(f.deviance, 167.5558216, 1e-6);
    assert_int_equal(f.df, 132);
}

/* The two-way table of METHODS C1 has less variance than Poisson: theta runs to infinity. */
static void test_negative_falls_back(void **state)
{
    (void)state;
    static const double COUNTS[] = {120, 130, 118, 60, 66, 59, 300, 310, 290, 150, 160, 149,
                                    45,  50,  41,  22, 25, 20, 800, 790, 810, 410, 400, 395};
    for (size_t i = 0; i < 24; i++) {
        double *row = x + i * 9;
        memset(row, 0, 9 * sizeof *row);
        row[i / 6] = 1;
        if (i % 6) {
            row[3 + i % 6] = 1;
        }
        y[i] = COUNTS[i];
    }
    struct glm_fit f = fit(GLM_NEGATIVE, 24, 9);
    assert_true(f.is_poisson);
    assert_true(isinf(f.theta));
    assert_true(isnan(f.theta_se));
    near(f.deviance, 3.5265229, 1e-6);
    near(f.pearson, 3.5325754, 1e-6);
    assert_int_equal(f.df, 15);
    near(exp(f.beta[6]), .50750988, 1e-7);
}

/* A collinear column changes nothing but that it has no coefficient; a row of weight 0, whatever
 * stands in it, is as if it were not there; an offset moves the constant alone. */
static void test_identities(void **state)
{
    (void)state;
    static const double COUNTS[] = {3, 7, 4, 11, 15, 12};
    for (size_t i = 0; i < 6; i++) {
        double row[] = {1, (double)i, 2.0 * (double)i + 1.0};
        memcpy(x + i * 3, row, sizeof row);
        y[i] = COUNTS[i];
    }
    struct glm_fit f = fit(GLM_POISSON, 6, 3);
    double constant = f.beta[0], slope = f.beta[1], deviance = f.deviance;
    assert_true(f.beta[2] == 0 && isnan(f.se[2]));
    assert_int_equal(f.df, 4);
    struct glm_data d = {
        .rows = 7, .columns = 3, .x = x, .y = y, .offset = offset, .weight = weight};
    for (size_t i = 0; i < 7; i++) {
        offset[i] = log(10);
        weight[i] = i < 6;
    }
    x[18] = 1;
    x[19] = 1e6;
    x[20] = -7;
    y[6] = 1e9;
    assert_int_equal(glm_fit(GLM_POISSON, &d, arena, &f), OK);
    near(f.beta[0], constant - log(10), 1e-9);
    near(f.beta[1], slope, 1e-9);
    near(f.deviance, deviance, 1e-9);
}

static void test_zeros_and_nonsense(void **state)
{
    (void)state;
    struct glm_fit f;
    struct glm_data d = {.rows = 3, .columns = 1, .x = x, .y = y};
    for (size_t i = 0; i < 3; i++) {
        x[i] = 1;
        y[i] = 0;
    }
    assert_int_equal(glm_fit(GLM_POISSON, &d, arena, &f), OK); /* mean runs to 0, nothing breaks */
    assert_true(f.mean[0] >= 0 && f.mean[0] < 1e-6);
    y[1] = -1;
    assert_int_equal(glm_fit(GLM_POISSON, &d, arena, &f), ERR_USAGE);
    y[1] = NAN;
    assert_int_equal(glm_fit(GLM_POISSON, &d, arena, &f), ERR_USAGE);
    d.rows = 0;
    assert_int_equal(glm_fit(GLM_POISSON, &d, arena, &f), ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dobson),          cmocka_unit_test(test_negative_main_effects),
        cmocka_unit_test(test_negative_nested), cmocka_unit_test(test_negative_falls_back),
        cmocka_unit_test(test_identities),      cmocka_unit_test(test_zeros_and_nonsense),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
