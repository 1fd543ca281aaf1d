/* SPDX-License-Identifier: GPL-3.0-or-later */
/* METHODS C1 "Two-way index" (R's glm and lm) and the identities of B5. */
#include "testing.h"

#include "stat/glm.h"
#include "stat/random.h"
#include "stat/two_way.h"

#include <gsl/gsl_randist.h>
#include <math.h>

enum { TRAPS = 4, DAYS = 6, CELLS_MAX = 2000 };

static const double COUNTS[TRAPS * DAYS] = {120, 130, 118, 60,  66,  59,  300, 310,
                                            290, 150, 160, 149, 45,  50,  41,  22,
                                            25,  20,  800, 790, 810, 410, 400, 395};
static struct arena *arena;
static float exposure[CELLS_MAX];
static double y[CELLS_MAX];

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
    if (!(fabs(got - want) <= relative * fabs(want))) {
        fail_msg("%.10g, expected %.10g", got, want);
    }
}

static struct two_way_fit fit(enum two_way_kind kind, const double *counts, size_t rows,
                              size_t columns)
{
    struct two_way_fit f;
    struct two_way_data d = {rows, columns, counts, exposure};
    assert_int_equal(two_way_fit(kind, &d, arena, &f), OK);
    assert_true(f.is_converged);
    return f;
}

static void whole(void)
{
    arena_reset(arena);
    for (size_t i = 0; i < CELLS_MAX; i++) {
        exposure[i] = 1;
    }
}

static void check(const struct two_way_fit *f, const double want[DAYS])
{
    for (size_t t = 0; t < DAYS; t++) {
        near(f->column[t] / f->column[0], want[t], 1e-7);
    }
}

/* A complete panel: the ratio of column sums. */
static void test_complete(void **state)
{
    (void)state;
    static const double WANT[] = {1, 1.0118577, .99525692, .50750988, .51462451, .49249012};
    whole();
    struct two_way_fit f = fit(TWO_WAY_POISSON, COUNTS, TRAPS, DAYS);
    check(&f, WANT);
    near(f.deviance, 3.5265229, 1e-6);
    near(f.pearson, 3.5325754, 1e-6);
    assert_int_equal(f.df, 15);
}

/* Trap 1 out on days 5 and 6, trap 3 on days 1 and 2; what stands in the missing cells is nothing
 * to it. */
static void test_missing(void **state)
{
    (void)state;
    static const double POISSON[] = {1, 1.0081967, .99683815, .5083162, .5126307, .49422858};
    static const double LOG[] = {1, 1.0339826, .9774425, .50531973, .53813874, .48580134};
    whole();
    memcpy(y, COUNTS, sizeof COUNTS);
    exposure[4] = exposure[5] = exposure[12] = exposure[13] = 0;
    y[4] = 1e9;
    y[12] = 0;
    struct two_way_fit f = fit(TWO_WAY_POISSON, y, TRAPS, DAYS);
    check(&f, POISSON);
    f = fit(TWO_WAY_LOG, y, TRAPS, DAYS);
    check(&f, LOG);
}

/* The log-linear index of a complete panel is the geometric mean of the traps' ratios. */
static void test_log_is_jevons(void **state)
{
    (void)state;
    whole();
    struct two_way_fit f = fit(TWO_WAY_LOG, COUNTS, TRAPS, DAYS);
    for (size_t t = 0; t < DAYS; t++) {
        double sum = 0;
        for (size_t i = 0; i < TRAPS; i++) {
            sum += log(COUNTS[i * DAYS + t] / COUNTS[i * DAYS]);
        }
        near(f.column[t] / f.column[0], exp(sum / TRAPS), 1e-9);
    }
}

static void panel_random(gsl_rng *rng, size_t rows, size_t columns, double part_missing)
{
    for (size_t i = 0; i < rows; i++) {
        double size = exp(gsl_ran_gaussian(rng, 1.5) + 4);
        for (size_t t = 0; t < columns; t++) {
            y[i * columns + t] = gsl_ran_poisson(rng, size);
            double u = gsl_rng_uniform(rng);
            exposure[i * columns + t] = u < part_missing / 2 ? 0.0F
                                        : u < part_missing   ? 0.5F
                                                             : 1.0F;
        }
    }
}

/* Any trap times any constant: the same index, for the Poisson fit only up to what the trap weighs
 * when others are missing, so on complete panels; log-linear always. */
static void test_scale_of_a_trap(void **state)
{
    (void)state;
    gsl_rng *rng = random_seeded(S("scale"));
    for (int k = 0; k < 50; k++) {
        whole();
        panel_random(rng, 8, 20, 0.3);
        struct two_way_fit a = fit(TWO_WAY_LOG, y, 8, 20);
        for (size_t t = 0; t < 20; t++) {
            y[3 * 20 + t] = fmax(y[3 * 20 + t], 0.5) * 7;
        }
        struct two_way_fit b = fit(TWO_WAY_LOG, y, 8, 20);
        for (size_t t = 0; t < 20; t++) {
            if (isfinite(a.column[t]) && isfinite(a.column[0])) {
                near(b.column[t] / b.column[0], a.column[t] / a.column[0], 1e-8);
            }
        }
    }
    gsl_rng_free(rng);
}

/* The closed forms against the general model, with missing and half-watched cells. */
static void test_is_the_glm(void **state)
{
    (void)state;
    enum { I = 5, T = 7 };
    static double x[I * T * (I + T - 1)], offset[I * T], weight[I * T];
    gsl_rng *rng = random_seeded(S("glm"));
    for (int k = 0; k < 20; k++) {
        whole();
        panel_random(rng, I, T, 0.4);
        memset(x, 0, sizeof x);
        for (size_t c = 0; c < (size_t)I * T; c++) {
            double *row = x + c * (I + T - 1);
            row[c / T] = 1;
            if (c % T) {
                row[I + c % T - 1] = 1;
            }
            weight[c] = exposure[c] > 0;
            offset[c] = exposure[c] > 0 ? log((double)exposure[c]) : 0;
        }
        struct glm_data d = {.rows = (size_t)I * T,
                             .columns = I + T - 1,
                             .x = x,
                             .y = y,
                             .offset = offset,
                             .weight = weight};
        struct glm_fit g;
        assert_int_equal(glm_fit(GLM_POISSON, &d, arena, &g), OK);
        struct two_way_fit f = fit(TWO_WAY_POISSON, y, I, T);
        near(f.deviance, g.deviance, 1e-6);
        for (size_t t = 1; t < T; t++) {
            if (!isnan(g.se[I + t - 1]) && isfinite(f.column[t]) && isfinite(f.column[0])) {
                near(f.column[t] / f.column[0], exp(g.beta[I + t - 1]), 1e-6);
            }
        }
    }
    gsl_rng_free(rng);
}

/* One trap gone wild for a day moves the robust index by little. */
static void test_robust(void **state)
{
    (void)state;
    gsl_rng *rng = random_seeded(S("robust"));
    whole();
    panel_random(rng, 12, 30, 0);
    for (size_t i = 0; i < 12; i++) {
        for (size_t t = 0; t < 30; t++) {
            y[i * 30 + t] = gsl_ran_poisson(rng, 200);
        }
    }
    y[4 * 30 + 17] = 8000;
    struct two_way_fit plain = fit(TWO_WAY_POISSON, y, 12, 30);
    struct two_way_fit robust = fit(TWO_WAY_ROBUST, y, 12, 30);
    double plain_ratio = plain.column[17] / plain.column[3];
    double robust_ratio = robust.column[17] / robust.column[3];
    assert_true(plain_ratio > 3);
    assert_true(fabs(robust_ratio - 1) < 0.1);
    gsl_rng_free(rng);
}

/* Nobody watched: no number. A trap that saw nothing: no effect. */
static void test_empty(void **state)
{
    (void)state;
    whole();
    memset(y, 0, sizeof y);
    for (size_t t = 0; t < 5; t++) {
        y[t] = 10;
        exposure[t] = exposure[5 + t] = t == 2 ? 0 : 1;
    }
    struct two_way_fit f = fit(TWO_WAY_POISSON, y, 2, 5);
    assert_true(isnan(f.column[2]));
    near(f.column[4] / f.column[0], 1, 1e-12);
    assert_true(f.row[1] == 0);
    /* A trap that never watched has no size, by any model. */
    memset(exposure + 5, 0, 5 * sizeof *exposure);
    for (enum two_way_kind kind = TWO_WAY_POISSON; kind <= TWO_WAY_LOG; kind++) {
        f = fit(kind, y, 2, 5);
        assert_true(f.row[0] > 0 && f.row[1] == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_complete),      cmocka_unit_test(test_missing),
        cmocka_unit_test(test_log_is_jevons), cmocka_unit_test(test_scale_of_a_trap),
        cmocka_unit_test(test_is_the_glm),    cmocka_unit_test(test_robust),
        cmocka_unit_test(test_empty),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
