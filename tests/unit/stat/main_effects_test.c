/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables with a planted change of one dimension, of two, of everything. */
#include "testing.h"

#include "stat/main_effects.h"
#include "stat/random.h"

#include <gsl/gsl_randist.h>
#include <math.h>

enum { A = 5, B = 4, C = 3, CELLS = A * B * C };

static uint16_t value[CELLS * 3];
static double before[CELLS], after[CELLS];
static const struct effects_table TABLE = {CELLS, 3, value, {A, B, C}, before, after};

/* Sizes that fall off in each dimension, with an interaction. */
static void table_make(void)
{
    for (size_t c = 0; c < CELLS; c++) {
        size_t a = c % A, b = c / A % B, d = c / A / B;
        value[c * 3] = (uint16_t)a;
        value[c * 3 + 1] = (uint16_t)b;
        value[c * 3 + 2] = (uint16_t)d;
        before[c] = 10000.0 / (double)((a + 1) * (b + 1) * (d + 1)) * (a == b ? 3 : 1);
        after[c] = before[c];
    }
}

static struct main_effects run(void)
{
    struct main_effects m;
    double change = 0, scale = 0, shapley = 0, lmdi = 0;
    assert_int_equal(main_effects(&TABLE, &m), OK);
    for (size_t c = 0; c < CELLS; c++) {
        change += after[c] - before[c];
        scale += after[c] + before[c];
    }
    for (size_t k = 0; k < 4; k++) {
        shapley += m.shapley[k];
        lmdi += m.lmdi[k];
    }
    assert_true(fabs(m.change - change) <= 1e-12 * scale);
    assert_true(fabs(shapley - change) <= 1e-8 * scale);
    assert_true(fabs(lmdi - change) <= 1e-8 * scale);
    return m;
}

static void assert_part(double effect, double change, double want)
{
    if (fabs(effect / change - want) > 0.01) {
        fail_msg("a part of %.4f, not %.4f", effect / change, want);
    }
}

static void one_value_fell(void **state)
{
    (void)state;
    for (size_t a = 0; a < A; a++) { /* the greatest is most of all */
        table_make();
        for (size_t c = 0; c < CELLS; c++) {
            after[c] *= value[c * 3] == a ? 0.6 : 1;
        }
        struct main_effects m = run();
        for (size_t k = 0; k < 4; k++) {
            assert_part(m.shapley[k], m.change, k == 0);
            assert_part(m.lmdi[k], m.change, k == 0);
        }
        assert_true(fabs(m.level - 1) < 1e-6 && m.misfit < 1e-6);
    }
}

static void all_fell(void **state)
{
    (void)state;
    table_make();
    for (size_t c = 0; c < CELLS; c++) {
        after[c] *= 0.7;
    }
    struct main_effects m = run();
    assert_true(fabs(m.level - 0.7) < 1e-6);
    assert_part(m.shapley[3], m.change, 1);
    assert_part(m.lmdi[3], m.change, 1);
}

static void two_dimensions(void **state)
{
    (void)state;
    table_make();
    double first = 0, second = 0, both = 0;
    for (size_t c = 0; c < CELLS; c++) {
        double x = value[c * 3] == 1 ? 0.5 : 1, y = value[c * 3 + 2] == 2 ? 0.4 : 1;
        first += before[c] * (x - 1);
        second += before[c] * (y - 1);
        both += before[c] * (x * y - 1);
        after[c] *= x * y;
    }
    struct main_effects m = run();
    /* Shapley by hand for two factors */
    assert_true(fabs(m.shapley[0] - (first + both - second) / 2) < 1e-3 * fabs(both));
    assert_true(fabs(m.shapley[2] - (second + both - first) / 2) < 1e-3 * fabs(both));
    assert_part(m.shapley[1], m.change, 0);
    assert_part(m.shapley[3], m.change, 0);
}

/* Symmetry: what is before and what is after changes the sign only. */
static void swapped(void **state)
{
    (void)state;
    table_make();
    gsl_rng *rng = random_seeded(S("main effects"));
    for (size_t c = 0; c < CELLS; c++) {
        after[c] = gsl_ran_poisson(rng, before[c] * (value[c * 3] == 0 ? 0.5 : 1.1));
    }
    gsl_rng_free(rng);
    struct main_effects m = run(), back;
    struct effects_table t = TABLE;
    t.before = after;
    t.after = before;
    assert_int_equal(main_effects(&t, &back), OK);
    for (size_t k = 0; k < 4; k++) {
        assert_true(fabs(m.shapley[k] + back.shapley[k]) < 1e-5 * fabs(m.change));
        assert_true(fabs(m.lmdi[k] + back.lmdi[k]) < 1e-5 * fabs(m.change));
    }
    assert_true(m.shapley[0] < 0 && m.shapley[0] / m.change > 0.9);
}

static void born_and_dead(void **state)
{
    (void)state;
    table_make();
    for (size_t c = 0; c < CELLS; c++) {
        after[c] = value[c * 3] == 2 ? 0 : after[c];       /* a botnet that died */
        before[c] = value[c * 3 + 1] == 3 ? 0 : before[c]; /* a program that was new */
        after[c] = c == 7 ? 0 : after[c];
    }
    struct main_effects m = run();
    assert_true(m.shapley[0] < 0 && m.shapley[1] > 0);
    for (size_t k = 0; k < 4; k++) {
        assert_true(isfinite(m.shapley[k]) && isfinite(m.lmdi[k]));
    }
    for (size_t c = 0; c < CELLS; c++) {
        after[c] = 0;
    }
    assert_int_equal(main_effects(&TABLE, &m), ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_value_fell), cmocka_unit_test(all_fell),
        cmocka_unit_test(two_dimensions), cmocka_unit_test(swapped),
        cmocka_unit_test(born_and_dead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
