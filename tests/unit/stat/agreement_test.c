/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Golden values of METHODS C1, and what must hold of every pair of labellings. */
#include "testing.h"

#include "core/hash.h"
#include "stat/agreement.h"

#include <math.h>
#include <stdlib.h>

static void assert_near(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance)) {
        fail_msg("%.12g, expected %.12g", value, expected);
    }
}

static struct agreement agree(const uint64_t *a, const uint64_t *b, size_t n)
{
    struct agreement_cell *cells;
    struct agreement out;
    size_t count;
    assert_int_equal(agreement_count(a, b, n, &cells, &count), OK);
    assert_int_equal(agreement_of(cells, count, &out), OK);
    free(cells);
    return out;
}

static void test_golden(void **state)
{
    (void)state;
    static const uint64_t two[] = {0, 0, 1, 1}, split[] = {0, 0, 1, 2}, crossed[] = {0, 1, 0, 1};
    struct agreement s = agree(two, split, 4);
    assert_near(s.ari, 4.0 / 7.0, 1e-12);
    assert_near(s.homogeneity, 1, 1e-12);
    assert_near(s.completeness, 2.0 / 3.0, 1e-12);
    assert_near(s.v_measure, 0.8, 1e-12); /* scikit-learn's documented example */
    assert_near(s.a_given_b, 0, 1e-12);
    assert_near(s.b_given_a, 0.5, 1e-12);
    struct agreement c = agree(two, crossed, 4);
    assert_near(c.ari, -0.5, 1e-12);
    assert_near(c.variation, 2, 1e-12);
    assert_near(c.a_given_b, 1, 1e-12);
    assert_near(c.v_measure, 0, 1e-12);
}

static void test_ends(void **state)
{
    (void)state;
    static const uint64_t same[] = {7, 7, 7, 7}, own[] = {1, 2, 3, 4}, pair[] = {5, 5, 9, 9};
    assert_near(agree(same, same, 4).ari, 1, 0);
    assert_near(agree(own, own, 4).ari, 1, 0);
    assert_near(agree(own, own, 4).variation, 0, 0);
    assert_near(agree(same, own, 4).ari, 0, 1e-12);
    assert_near(agree(same, own, 4).homogeneity, 1, 0); /* nothing to keep apart */
    assert_near(agree(same, own, 4).completeness, 0, 1e-12);
    assert_near(agree(pair, same, 4).homogeneity, 0, 1e-12);
    assert_near(agree(NULL, NULL, 0).v_measure, 1, 0);
    assert_near(agree(own, same, 1).ari, 1, 0);
}

/* Pseudo-random labels: any will do, the same each run. */
static void labels_fill(uint64_t *out, size_t n, uint64_t labels, uint64_t seed)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = hash_u64_seeded(slice_of((const char *)&i, sizeof i), seed) % labels;
    }
}

enum { ITEMS = 3000 };

static void test_relabelling(void **state)
{
    (void)state;
    static uint64_t a[ITEMS], b[ITEMS], c[ITEMS];
    labels_fill(a, ITEMS, 20, 1);
    for (size_t i = 0; i < ITEMS; i++) { /* b follows a for the most part */
        b[i] = i % 5 ? a[i] / 2 : a[(i * 7) % ITEMS];
    }
    struct agreement first = agree(a, b, ITEMS);
    assert_true(first.ari > 0.1 && first.ari < 0.9);
    for (uint64_t seed = 1; seed < 10; seed++) {
        for (size_t i = 0; i < ITEMS; i++) { /* other names, other order of items */
            size_t from = (i * 1009 + seed) % ITEMS;
            c[i] = b[from] * UINT64_C(0x9e3779b97f4a7c15) + seed;
        }
        uint64_t moved[ITEMS];
        for (size_t i = 0; i < ITEMS; i++) {
            moved[i] = ~a[(i * 1009 + seed) % ITEMS];
        }
        struct agreement again = agree(moved, c, ITEMS), turned = agree(c, moved, ITEMS);
        assert_near(again.ari, first.ari, 1e-12);
        assert_near(again.v_measure, first.v_measure, 1e-12);
        assert_near(again.a_given_b, first.a_given_b, 1e-12);
        assert_near(turned.ari, first.ari, 1e-12);
        assert_near(turned.b_given_a, first.a_given_b, 1e-12);
        assert_near(turned.homogeneity, first.completeness, 1e-12);
    }
}

/* The indices by their definition over all pairs of items. */
static void test_brute_force(void **state)
{
    (void)state;
    enum { N = 60 };
    uint64_t a[N], b[N];
    for (uint64_t seed = 0; seed < 30; seed++) {
        double both = 0, in_a = 0, in_b = 0, all = 0;
        labels_fill(a, N, 2 + seed % 9, seed);
        labels_fill(b, N, 1 + seed % 7, seed + 100);
        for (size_t i = 0; i < N; i++) {
            for (size_t j = 0; j < i; j++) {
                both += a[i] == a[j] && b[i] == b[j];
                in_a += a[i] == a[j];
                in_b += b[i] == b[j];
                all++;
            }
        }
        double chance = in_a * in_b / all, most = (in_a + in_b) / 2;
        assert_near(agree(a, b, N).ari, (both - chance) / (most - chance), 1e-12);
    }
}

static void test_chance_is_zero(void **state)
{
    (void)state;
    enum { N = 200000 };
    uint64_t *a = calloc(N, sizeof *a), *b = calloc(N, sizeof *b);
    assert_true(a && b);
    labels_fill(a, N, 10, 5);
    labels_fill(b, N, 10, 6);
    assert_near(agree(a, b, N).ari, 0, 1e-3);
    for (size_t i = 0; i < N; i++) { /* many labels: a split of each into halves */
        a[i] = i / 4;
        b[i] = i / 2;
    }
    struct agreement halves = agree(a, b, N);
    assert_int_equal(halves.labels_b, N / 2);
    assert_near(halves.b_given_a, 1, 1e-9);
    assert_near(halves.homogeneity, 1, 1e-9);
    free(a);
    free(b);
}

static void test_same_pair_twice(void **state)
{
    (void)state;
    struct agreement_cell cells[] = {{1, 2, 3}, {4, 5, 0}, {4, 6, 2}, {1, 2, 1}, {4, 2, 5}};
    struct agreement_cell merged[] = {{4, 6, 2}, {4, 2, 5}, {1, 2, 4}};
    struct agreement x, y;
    assert_int_equal(agreement_of(cells, 5, &x), OK);
    assert_int_equal(agreement_of(merged, 3, &y), OK);
    assert_int_equal(x.items, 11);
    assert_int_equal(x.labels_b, 2);
    assert_near(x.ari, y.ari, 0);
    assert_near(x.variation, y.variation, 1e-15);
}

static size_t table_cells(const unsigned *table, size_t n, struct agreement_cell *cells)
{
    for (size_t i = 0; i < n * n; i++) {
        cells[i] = (struct agreement_cell){i / n, i % n, table[i]};
    }
    return n * n;
}

static void test_kappa(void **state)
{
    (void)state;
    /* SexualFun of R's vcd: husbands against wives */
    static const unsigned table[16] = {7, 7, 2, 3, 2, 8, 3, 7, 1, 5, 4, 9, 2, 8, 9, 14};
    struct agreement_cell cells[16];
    struct kappa plain, linear;
    size_t n = table_cells(table, 4, cells);
    assert_int_equal(kappa_of(cells, n, 4, KAPPA_UNWEIGHTED, &plain), OK);
    assert_int_equal(kappa_of(cells, n, 4, KAPPA_LINEAR, &linear), OK);
    assert_near(plain.kappa, 0.12933, 5e-6);
    assert_near(plain.ase, 0.068599, 5e-7);
    assert_near(linear.kappa, 0.23738, 5e-6);
    assert_near(linear.ase, 0.078316, 5e-7);
    assert_near(plain.observed, 33.0 / 91, 1e-12);
}

static void test_kappa_ends(void **state)
{
    (void)state;
    struct agreement_cell full[] = {{0, 0, 5}, {2, 2, 5}}, one[] = {{1, 1, 9}};
    struct agreement_cell outside[] = {{0, 3, 1}};
    struct kappa k;
    assert_int_equal(kappa_of(full, 2, 3, KAPPA_LINEAR, &k), OK);
    assert_near(k.kappa, 1, 1e-12);
    assert_near(k.ase, 0, 1e-9);
    assert_int_equal(kappa_of(one, 1, 3, KAPPA_UNWEIGHTED, &k), OK);
    assert_true(isnan(k.kappa)); /* one category alone: chance agrees as well */
    assert_int_equal(kappa_of(NULL, 0, 3, KAPPA_LINEAR, &k), OK);
    assert_true(isnan(k.kappa) && isnan(k.observed));
    assert_int_equal(kappa_of(outside, 1, 3, KAPPA_LINEAR, &k), ERR_USAGE);
    /* two categories: linear weights are none */
    struct agreement_cell two[] = {{0, 0, 20}, {0, 1, 5}, {1, 0, 10}, {1, 1, 15}};
    struct kappa l;
    assert_int_equal(kappa_of(two, 4, 2, KAPPA_UNWEIGHTED, &k), OK);
    assert_int_equal(kappa_of(two, 4, 2, KAPPA_LINEAR, &l), OK);
    assert_near(k.kappa, 0.4, 1e-12);
    assert_near(l.kappa, k.kappa, 1e-12);
    assert_near(l.ase, k.ase, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),         cmocka_unit_test(test_ends),
        cmocka_unit_test(test_relabelling),    cmocka_unit_test(test_brute_force),
        cmocka_unit_test(test_chance_is_zero), cmocka_unit_test(test_same_pair_twice),
        cmocka_unit_test(test_kappa),          cmocka_unit_test(test_kappa_ends),
    };
    return cmocka_run_group_tests_name("stat/agreement", tests, NULL, NULL);
}
