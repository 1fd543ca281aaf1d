/* SPDX-License-Identifier: GPL-3.0-or-later */
/* METHODS C1, "Capture-recapture", and simulations with a known number. */
#include "testing.h"

#include "stat/capture.h"
#include "stat/random.h"

#include <gsl/gsl_randist.h>
#include <math.h>

static void assert_close(double got, double want, double relative)
{
    if (!(fabs(got - want) <= relative * fmax(fabs(want), 1.0))) {
        fail_msg("%.12g, not %.12g", got, want);
    }
}

static void two_lists(void **state)
{
    (void)state;
    struct capture lp = capture_lincoln_petersen(200, 150, 30);
    assert_close(lp.n, 1000, 1e-12);
    struct capture c = capture_chapman(200, 150, 30);
    assert_close(c.n, 978.06452, 1e-7);
    assert_close(c.se * c.se, 20133.988, 1e-7);
    assert_true(c.low > 320 && c.low < c.n && c.high > c.n);
    assert_true(isnan(capture_lincoln_petersen(10, 10, 0).n));
    assert_close(capture_chapman(10, 10, 0).n, 120, 1e-12);
    assert_true(isnan(capture_chapman(0, 0, 0).n));
    c = capture_chapman(50, 50, 50); /* all were seen */
    assert_true(c.n == 50 && c.low == 50 && c.high == 50);
}

/* Spina bifida, three lists: bit 0 BC, bit 1 DC, bit 2 MR. */
static const double SPINA[8] = {
    [1 | 2 | 4] = 12, [1 | 2] = 142, [1 | 4] = 112, [1] = 247, [2 | 4] = 4, [2] = 49, [4] = 60,
};

static void spina(unsigned pairs, double n, double deviance, size_t df)
{
    struct capture_model m = {.pairs = pairs};
    assert_int_equal(capture_fit(SPINA, 3, &m), OK);
    assert_true(m.is_admissible);
    assert_close(m.n, n, 1e-6);
    assert_close(m.deviance, deviance, 1e-6);
    assert_int_equal(m.df, df);
}

static void spina_bifida(void **state)
{
    (void)state;
    unsigned bc_dc = 1U << capture_pair(0, 1), dc_mr = 1U << capture_pair(1, 2);
    spina(0, 763.888, 58.34762, 3);
    spina(dc_mr, 730.9286, 3.859854, 2);
    spina(bc_dc | dc_mr, 758.3214, 0.003335464, 1);
    spina(7, 762.9806, 0, 0);
}

static void spina_averaged(void **state)
{
    (void)state;
    struct capture_average a;
    assert_int_equal(capture_lists(SPINA, 3, &a), OK);
    assert_int_equal(a.models, 8);
    assert_int_equal(a.admissible, 8);
    assert_int_equal(a.best.pairs, 1U << capture_pair(0, 1) | 1U << capture_pair(1, 2));
    assert_close(a.independent, 763.888, 1e-6);
    assert_true(a.n.n > 735 && a.n.n < 763);
    /* wider than any single model's: the models differ by more than their errors */
    assert_true(a.n.low > 660 && a.n.low < 700 && a.n.high > 840 && a.n.high < 900);
}

/* The snowshoe hares of Cormack 1989: 68 caught on six days, 16 28 20 26 23 32 of them; seen once
 * 25, twice 22, then 13 5 1 2. These sums are all that model Mth needs, so any table with them will
 * do: one is made by proportional fitting. METHODS C1: N = 81.1 (se 5.7; ours is 5.57, of another
 * formula). */
static void snowshoe_hares(void **state)
{
    (void)state;
    static const double BY_TIMES[] = {25, 22, 13, 5, 1, 2}, BY_DAY[] = {16, 28, 20, 26, 23, 32};
    double cells[64];
    for (size_t c = 1; c < 64; c++) {
        cells[c] = 1;
    }
    for (int round = 0; round < 2000; round++) {
        for (size_t k = 1; k <= 6; k++) {
            double sum = 0;
            for (size_t c = 1; c < 64; c++) {
                sum += __builtin_popcountll(c) == (int)k ? cells[c] : 0;
            }
            for (size_t c = 1; c < 64; c++) {
                cells[c] *= __builtin_popcountll(c) == (int)k ? BY_TIMES[k - 1] / sum : 1;
            }
        }
        for (size_t i = 0; i < 6; i++) {
            double in = 0, out = 0;
            for (size_t c = 1; c < 64; c++) {
                *(c >> i & 1 ? &in : &out) += cells[c];
            }
            for (size_t c = 1; c < 64; c++) {
                cells[c] *= c >> i & 1 ? BY_DAY[i] / in : (68 - BY_DAY[i]) / out;
            }
        }
    }
    struct capture_model m = {.is_mixed = true};
    assert_int_equal(capture_fit(cells, 6, &m), OK);
    assert_true(m.is_admissible);
    assert_true(fabs(m.n - 81.1) < 0.05);
    assert_true(fabs(m.se - 5.7) < 0.2);
}

static void lists_without_overlap(void **state)
{
    (void)state;
    struct capture_average a;
    struct capture_model m = {.pairs = 1};
    const double apart[8] = {[1] = 50, [2] = 40, [4] = 30};
    const double none[8] = {0};
    assert_int_equal(capture_lists(apart, 3, &a), ERR_NOTFOUND);
    assert_int_equal(capture_lists(none, 3, &a), ERR_USAGE);
    assert_int_equal(capture_fit(apart, 3, &m), OK);
    assert_false(m.is_admissible);
}

/* Two lists that see the same half better than the other: a model without their interaction says
 * too few, the average does not. */
static void dependent_lists(void **state)
{
    (void)state;
    enum { TRUTH = 5000, ROUNDS = 60 };
    gsl_rng *rng = random_seeded(S("dependent lists"));
    unsigned covered = 0;
    double mean = 0, alone = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double cells[8] = {0};
        for (int i = 0; i < TRUTH; i++) {
            bool is_easy = gsl_rng_uniform(rng) < 0.5;
            unsigned cell = gsl_rng_uniform(rng) < (is_easy ? 0.5 : 0.2);
            cell |= gsl_rng_uniform(rng) < (is_easy ? 0.5 : 0.2) ? 2 : 0;
            cell |= gsl_rng_uniform(rng) < 0.3 ? 4 : 0;
            cells[cell]++;
        }
        struct capture_average a;
        assert_int_equal(capture_lists(cells, 3, &a), OK);
        covered += a.n.low <= TRUTH && TRUTH <= a.n.high;
        mean += a.n.n / ROUNDS;
        alone += a.independent / ROUNDS;
    }
    gsl_rng_free(rng);
    assert_true(fabs(mean / TRUTH - 1) < 0.02);
    assert_true(alone / TRUTH < 0.97);
    assert_true(covered >= ROUNDS * 9 / 10);
}

static void chao(void **state)
{
    (void)state;
    const double frequency[] = {0, 40, 10, 5};
    struct capture_counts c = {frequency, 4, 2, 9};
    struct capture k = capture_chao(&c);
    assert_close(k.n, 57 + 40 * 39 / 22.0, 1e-12);
    assert_true(k.low > 57 && k.low < k.n && k.high > k.n);
    const double none[] = {0, 0, 0};
    assert_true(isnan(capture_chao(&(struct capture_counts){none, 3, 0, 0}).n));
}

/* Counts of `n` individuals; the frequencies of 1 to 15, the rest beyond. */
static struct capture_counts counts_draw(gsl_rng *rng, unsigned n, double mean, double shape,
                                         double frequency[16])
{
    struct capture_counts c = {frequency, 16, 0, 0};
    for (size_t k = 0; k < 16; k++) {
        frequency[k] = 0;
    }
    for (unsigned i = 0; i < n; i++) {
        double m = isinf(shape) ? mean : gsl_ran_gamma(rng, shape, mean / shape);
        unsigned seen = gsl_ran_poisson(rng, m);
        if (seen > 15) {
            c.beyond++;
            c.beyond_sum += seen;
        } else {
            frequency[seen]++;
        }
    }
    frequency[0] = 0;
    return c;
}

static void truncated(void **state)
{
    (void)state;
    static const struct {
        double mean, shape;
    } CASES[] = {{0.5, INFINITY}, {1, INFINITY}, {2, INFINITY}, {2, 1}, {3, 0.7}, {1, 2}};
    gsl_rng *rng = random_seeded(S("truncated"));
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        enum { TRUTH = 4000, ROUNDS = 40 };
        unsigned covered = 0;
        double mean = 0, bound = 0;
        for (int round = 0; round < ROUNDS; round++) {
            double frequency[16];
            struct capture_counts c =
                counts_draw(rng, TRUTH, CASES[i].mean, CASES[i].shape, frequency);
            struct capture_truncated t = isinf(CASES[i].shape) ? capture_truncated_poisson(&c)
                                                               : capture_truncated_negative(&c);
            assert_true(isfinite(t.n.n));
            covered += t.n.low <= TRUTH && TRUTH <= t.n.high;
            mean += t.n.n / TRUTH / ROUNDS;
            bound += capture_chao(&c).n / TRUTH / ROUNDS;
        }
        assert_true(bound < 1.02);
        if (fabs(mean - 1) > 0.06 || covered < ROUNDS * 85 / 100) {
            fail_msg("case %zu: mean %.3f, covered %u", i, mean, covered);
        }
    }
    gsl_rng_free(rng);
}

/* METHODS B10: P(seen) .632 at 1, .393 at .5; .4226 at 1 with k = .5. */
static void truncated_limits(void **state)
{
    (void)state;
    const double once[] = {0, 50};
    struct capture_counts c = {once, 2, 0, 0};
    assert_true(isnan(capture_truncated_poisson(&c).n.n));
    assert_true(isnan(capture_truncated_negative(&c).n.n));
    double frequency[16] = {0};
    for (unsigned k = 1; k < 16; k++) {
        frequency[k] = 1e6 * gsl_ran_poisson_pdf(k, 1);
    }
    c = (struct capture_counts){frequency, 16, 0, 0};
    struct capture_truncated t = capture_truncated_poisson(&c);
    assert_close(t.seen, 0.632120559, 1e-6);
    assert_close(t.n.n, 1e6, 1e-6);
    /* se of Sanathanan's formula */
    assert_close(t.n.se, sqrt(1e6 / (exp(1) - 2)), 1e-3);
    assert_true(isinf(capture_truncated_negative(&c).shape));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_lists),
        cmocka_unit_test(spina_bifida),
        cmocka_unit_test(spina_averaged),
        cmocka_unit_test(snowshoe_hares),
        cmocka_unit_test(lists_without_overlap),
        cmocka_unit_test(dependent_lists),
        cmocka_unit_test(chao),
        cmocka_unit_test(truncated),
        cmocka_unit_test(truncated_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
