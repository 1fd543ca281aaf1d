/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shares, and what share and level say together. */
#include "testing.h"

#include "observe/share.h"
#include "stat/random.h"

#include <gsl/gsl_randist.h>
#include <math.h>

enum { SITES = 4, TRAPS = 12, DAYS = 84 };

static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new(256 * 1024 * 1024);
    return arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

/* All nine cases of up, down and neither. */
static void test_guard(void **state)
{
    (void)state;
    static const struct interval UP = {1.1, 1.5}, SAME = {0.9, 1.1}, DOWN = {0.5, 0.9};
    const struct {
        struct interval level, odds;
        enum share_reading reading;
    } cases[] = {
        {UP, UP, SHARE_ROSE},
        {SAME, UP, SHARE_OTHERS_FELL},
        {DOWN, UP, SHARE_OTHERS_FELL},
        {UP, SAME, SHARE_WITH_ALL},
        {SAME, SAME, SHARE_STEADY},
        {DOWN, SAME, SHARE_WITH_ALL},
        {UP, DOWN, SHARE_OTHERS_ROSE},
        {SAME, DOWN, SHARE_OTHERS_ROSE},
        {DOWN, DOWN, SHARE_FELL},
        {{NAN, NAN}, UP, SHARE_UNKNOWN},
        {UP, {0.9, NAN}, SHARE_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(share_read(cases[i].level, cases[i].odds), cases[i].reading);
    }
}

static void near(double got, double want)
{
    if (!(fabs(got - want) <= 1e-9 * fabs(want))) {
        fail_msg("%.12g, expected %.12g", got, want);
    }
}

static void test_ratio(void **state)
{
    (void)state;
    struct ratio a = {10, 5, 20}, b = {4, 2, 8}, zero = {0, 0, 3};
    struct ratio r = ratio_of(a, b);
    near(r.value, 2.5);
    /* Both a factor of 2 wide: together a factor of 2^sqrt(2). */
    near(r.low, 2.5 / exp2(sqrt(2)));
    near(r.high, 2.5 * exp2(sqrt(2)));
    r = ratio_of(zero, b);
    assert_true(r.value == 0 && r.low == 0);
    near(r.high, 0.75);
    r = ratio_of(a, zero);
    assert_true(isinf(r.value) && isinf(r.high));
    near(r.low, 10.0 / 3);
    assert_true(isnan(ratio_of(zero, zero).value));
    assert_true(isnan(ratio_of(a, (struct ratio){NAN, NAN, NAN}).value));
}

/* ---- panels ---- */

struct panels {
    struct index_panel part, all;
    double part_count[TRAPS * DAYS], all_count[TRAPS * DAYS];
    float exposure[TRAPS * DAYS];
    int64_t from[DAYS + 1];
    size_t site[TRAPS];
    struct slice names[TRAPS];
};

/* Volumes of part and rest by day, spread over traps of different size, the two differently; days
 * 10 to 12 nobody watched, and half of the traps are new on day 40. */
static void panels_make(struct panels *x, const double *part, const double *rest, gsl_rng *rng)
{
    static char names[TRAPS][2];
    for (size_t i = 0; i < TRAPS; i++) {
        names[i][0] = (char)('a' + i);
        x->names[i] = slice_of(names[i], 1);
        x->site[i] = i % SITES;
        for (size_t t = 0; t < DAYS; t++) {
            size_t at = i * DAYS + t;
            x->exposure[at] = (t < 10 || t > 12) && (i % 2 || t >= 40);
            double p = part[t] * (double)(1 + i) / 78, r = rest[t] * (double)(TRAPS - i) / 78;
            p = rng ? gsl_ran_poisson(rng, p) : p;
            r = rng ? gsl_ran_poisson(rng, r) : r;
            x->part_count[at] = x->exposure[at] > 0 ? p : 0;
            x->all_count[at] = x->exposure[at] > 0 ? p + r : 0;
        }
    }
    for (size_t t = 0; t <= DAYS; t++) {
        x->from[t] = (int64_t)t * 86400;
    }
    x->part = x->all = (struct index_panel){.traps = TRAPS,
                                            .times = DAYS,
                                            .sites = SITES,
                                            .trap_names = x->names,
                                            .site_names = x->names,
                                            .site = x->site,
                                            .from = x->from,
                                            .exposure = x->exposure,
                                            .step = INDEX_DAY};
    x->part.count = x->part_count;
    x->all.count = x->all_count;
}

static struct shares compute(const struct panels *x)
{
    const struct index_options o = {.weighting = INDEX_BY_MAIL};
    struct errbuf eb = {.text = ""};
    struct shares s;
    assert_int_equal(share_compute(&x->part, &x->all, &o, arena, &s, &eb), OK);
    assert_int_equal(s.count, DAYS);
    return s;
}

/* Without noise: the share is that of the levels, whatever traps there were; when the others fall
 * by half on day 60 the share rises and the reading says why. */
static void test_others_fell(void **state)
{
    (void)state;
    static struct panels x;
    double part[DAYS], rest[DAYS];
    for (size_t t = 0; t < DAYS; t++) {
        part[t] = 78000;
        rest[t] = t < 60 ? 3 * 78000 : 78000;
    }
    arena_reset(arena);
    panels_make(&x, part, rest, NULL);
    struct shares s = compute(&x);
    assert_true(s.has_base);
    for (size_t t = 0; t < DAYS; t++) {
        if (t >= 10 && t <= 12) {
            assert_true(isnan(s.points[t].share));
            assert_int_equal(s.points[t].part.gap, INDEX_UNWATCHED);
            assert_int_equal(s.points[t].reading, SHARE_UNKNOWN);
            continue;
        }
        double want = t < 60 ? 0.25 : 0.5;
        assert_true(fabs(s.points[t].share - want) < 1e-6);
        assert_true(s.points[t].low < want && want < s.points[t].high);
        assert_int_equal(s.points[t].reading, t < 60 ? SHARE_STEADY : SHARE_OTHERS_FELL);
    }
}

static void test_part_fell(void **state)
{
    (void)state;
    static struct panels x;
    double part[DAYS], rest[DAYS];
    for (size_t t = 0; t < DAYS; t++) {
        part[t] = t < 60 ? 78000 : 0;
        rest[t] = 3 * 78000;
    }
    arena_reset(arena);
    panels_make(&x, part, rest, NULL);
    struct shares s = compute(&x);
    assert_int_equal(s.points[70].reading, SHARE_FELL);
    assert_true(s.points[70].share == 0 && s.points[70].low == 0);
    assert_true(s.points[70].high > 0 && s.points[70].high < 0.001);
}

/* A label that begins after the base has shares but no readings; one that is all there is, 1. */
static void test_no_base(void **state)
{
    (void)state;
    static struct panels x;
    double part[DAYS], rest[DAYS];
    for (size_t t = 0; t < DAYS; t++) {
        part[t] = t < 50 ? 0 : 7800;
        rest[t] = 7800;
    }
    arena_reset(arena);
    panels_make(&x, part, rest, NULL);
    struct shares s = compute(&x);
    assert_false(s.has_base);
    assert_true(fabs(s.points[60].share - 0.5) < 1e-6);
    assert_int_equal(s.points[60].reading, SHARE_UNKNOWN);
    memcpy(x.all_count, x.part_count, sizeof x.all_count);
    s = compute(&x);
    assert_true(s.points[60].share == 1 && s.points[60].low > 0.99);
    assert_true(isnan(s.points[11].share));
}

static void test_changed_store(void **state)
{
    (void)state;
    static struct panels x;
    struct shares s;
    struct errbuf eb = {.text = ""};
    const struct index_options o = {.weighting = INDEX_BY_MAIL};
    double part[DAYS], rest[DAYS];
    for (size_t t = 0; t < DAYS; t++) {
        part[t] = rest[t] = 780;
    }
    arena_reset(arena);
    panels_make(&x, part, rest, NULL);
    x.part_count[DAYS * 3 + 50] = 1e6;
    assert_int_equal(share_compute(&x.part, &x.all, &o, arena, &s, &eb), ERR_BUSY);
}

/* The 95 % intervals of daily shares hold the truth in 93 to 98 % (Poisson counts). */
static void test_coverage(void **state)
{
    (void)state;
    static struct panels x;
    double part[DAYS], rest[DAYS];
    unsigned held = 0, all = 0;
    for (size_t t = 0; t < DAYS; t++) {
        part[t] = 2000;
        rest[t] = 6000;
    }
    gsl_rng *rng = random_seeded(S("shares"));
    assert_non_null(rng);
    for (int run = 0; run < 30; run++) {
        arena_reset(arena);
        panels_make(&x, part, rest, rng);
        struct shares s = compute(&x);
        for (size_t t = 0; t < DAYS; t++) {
            if (!isnan(s.points[t].share)) {
                held += s.points[t].low <= 0.25 && 0.25 <= s.points[t].high;
                all++;
            }
        }
    }
    gsl_rng_free(rng);
    double rate = (double)held / (double)all;
    if (rate < 0.93 || rate > 0.98) {
        fail_msg("%.4f of the intervals hold the truth", rate);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guard),       cmocka_unit_test(test_ratio),
        cmocka_unit_test(test_others_fell), cmocka_unit_test(test_part_fell),
        cmocka_unit_test(test_no_base),     cmocka_unit_test(test_changed_store),
        cmocka_unit_test(test_coverage),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
