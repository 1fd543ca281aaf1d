/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The index of simulated panels: identities of METHODS B5, and that gaps do not leak. */
#include "panel_simulate.h"
#include "testing.h"

#include "core/clock.h"
#include "observe/index.h"

#include <math.h>

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

static struct index compute(const struct index_panel *p, struct index_options o)
{
    struct index out;
    struct errbuf eb = {.text = ""};
    if (index_compute(p, &o, arena, &out, &eb)) {
        fail_msg("%s", eb.text);
    }
    return out;
}

static void near(double got, double want, double relative)
{
    if (!(fabs(got - want) <= relative * fabs(want))) {
        fail_msg("%.10g, expected %.10g", got, want);
    }
}

/* The golden panel of METHODS C1: four traps, six days. */
static void test_golden(void **state)
{
    (void)state;
    static const double COUNTS[] = {120, 130, 118, 60, 66, 59, 300, 310, 290, 150, 160, 149,
                                    45,  50,  41,  22, 25, 20, 800, 790, 810, 410, 400, 395};
    static const double WANT[] = {1, 1.0118577, .99525692, .50750988, .51462451, .49249012};
    struct simulation sim = {.sites = 4, .traps_a_site = 1, .times = 6};
    struct index_panel p = simulate_panel(&sim, S("golden"), arena);
    memcpy((double *)(uintptr_t)p.count, COUNTS, sizeof COUNTS);
    struct index i =
        compute(&p, (struct index_options){.base_since = p.from[0], .base_until = p.from[1]});
    for (size_t t = 0; t < 6; t++) {
        near(i.points[t].index, 100 * WANT[t], 1e-7);
        assert_true(t == 0 || i.points[t].low < i.points[t].index);
        assert_true(t == 0 || i.points[t].high > i.points[t].index);
        near(i.points[t].exposure, 1, 1e-9);
    }
    near(i.points[0].high, 100, 1e-9); /* the base against itself */
    assert_int_equal(i.windows, 1);
    assert_int_equal(i.sites, 4);
}

/* Over many windows a flat truth stays flat, through births, deaths and outages. */
static void test_flat(void **state)
{
    (void)state;
    arena_reset(arena);
    struct simulation sim = {.sites = 6,
                             .traps_a_site = 5,
                             .times = 400,
                             .level = 400,
                             .trap_sd = 0.1,
                             .site_sd = 0.05,
                             .site_rho = 0.5,
                             .births = true,
                             .outages = true};
    struct index_panel p = simulate_panel(&sim, S("flat"), arena);
    struct index i = compute(&p, (struct index_options){0});
    double worst = 0;
    for (size_t t = 0; t < p.times; t++) {
        assert_int_equal(i.points[t].gap, INDEX_IS_THERE);
        worst = fmax(worst, fabs(i.points[t].index - 100));
    }
    assert_true(i.windows > 8);
    assert_true(worst < 20); /* 30 traps of sd 0.1 and 6 sites of 0.05: sd 0.03 */
    assert_true(fabs(i.drift_yearly) < 0.03);
    assert_true(i.trap_sd > 0.05 && i.trap_sd < 0.15);
    assert_true(i.site_sd > 0.025 && i.site_sd < 0.08);
}

/* Splitting a trap into two halves of the same site changes nothing. */
static void test_split_trap(void **state)
{
    (void)state;
    arena_reset(arena);
    struct simulation sim = {
        .sites = 3, .traps_a_site = 2, .times = 60, .level = 200, .trap_sd = 0.2, .outages = true};
    struct index_panel p = simulate_panel(&sim, S("split"), arena);
    struct index whole = compute(&p, (struct index_options){0});
    struct index_panel q = panel_split(&p, 0, arena);
    struct index halves = compute(&q, (struct index_options){0});
    for (size_t t = 0; t < p.times; t++) {
        near(halves.points[t].index, whole.points[t].index, 1e-8);
    }
}

/* A trap out for ten days, and the same trap never there: nearly the same index. */
static void test_outage_does_not_leak(void **state)
{
    (void)state;
    arena_reset(arena);
    struct simulation sim = {
        .sites = 4, .traps_a_site = 3, .times = 90, .level = 3000, .trap_sd = 0.02};
    struct index_panel p = simulate_panel(&sim, S("outage"), arena);
    struct index before = compute(&p, (struct index_options){0});
    for (size_t t = 40; t < 50; t++) {
        ((float *)(uintptr_t)p.exposure)[2 * p.times + t] = 0;
        ((double *)(uintptr_t)p.count)[2 * p.times + t] = 0;
    }
    struct index after = compute(&p, (struct index_options){0});
    for (size_t t = 0; t < p.times; t++) {
        near(after.points[t].index, before.points[t].index, 0.01);
    }
    assert_true(after.points[45].exposure < 0.98);
}

/* All down: a gap; nobody in common on both sides of it: not linked. */
static void test_gaps(void **state)
{
    (void)state;
    arena_reset(arena);
    struct simulation sim = {.sites = 2, .traps_a_site = 1, .times = 300, .level = 500};
    struct index_panel p = simulate_panel(&sim, S("gaps"), arena);
    float *exposure = (float *)(uintptr_t)p.exposure;
    for (size_t t = 0; t < p.times; t++) {
        exposure[t] = t < 100;
        exposure[p.times + t] = t >= 250;
    }
    struct index i = compute(&p, (struct index_options){0});
    assert_int_equal(i.points[50].gap, INDEX_IS_THERE);
    assert_int_equal(i.points[150].gap, INDEX_UNWATCHED);
    assert_int_equal(i.points[260].gap, INDEX_UNLINKED);
    assert_true(isnan(i.points[150].index) && isnan(i.points[260].index));
    /* The first trap back for a day: linked by its size, over a gap longer than a window. */
    exposure[270] = 1;
    i = compute(&p, (struct index_options){0});
    assert_int_equal(i.points[270].gap, INDEX_IS_THERE);
    near(i.points[270].index, 100, 0.25);
}

/* Nothing came although everybody watched: 0 with an upper end, not a gap. */
static void test_silence(void **state)
{
    (void)state;
    arena_reset(arena);
    struct simulation sim = {.sites = 2, .traps_a_site = 2, .times = 40, .level = 50};
    struct index_panel p = simulate_panel(&sim, S("silence"), arena);
    for (size_t i = 0; i < p.traps; i++) {
        ((double *)(uintptr_t)p.count)[i * p.times + 20] = 0;
    }
    struct index i = compute(&p, (struct index_options){0});
    assert_int_equal(i.points[20].gap, INDEX_IS_THERE);
    assert_true(i.points[20].index == 0 && i.points[20].low == 0);
    assert_true(i.points[20].high > 0 && i.points[20].high < 20);
}

/* What is there for a month of a year: silence before and after, over whole windows, and the levels
 * of that month as if there were nothing else. */
static void test_short_life(void **state)
{
    (void)state;
    enum { SINCE = 200, UNTIL = 230 };
    static const enum index_weighting WEIGHTINGS[] = {INDEX_BY_MAIL, INDEX_BY_TRAP};
    arena_reset(arena);
    struct simulation sim = {
        .sites = 3, .traps_a_site = 2, .times = 400, .level = 80, .trap_sd = 0.1};
    struct index_panel p = simulate_panel(&sim, S("short life"), arena);
    for (size_t i = 0; i < p.traps * p.times; i++) {
        size_t t = i % p.times;
        ((double *)(uintptr_t)p.count)[i] *= t >= SINCE && t < UNTIL;
    }
    struct index_panel month = p;
    double *count = arena_calloc(arena, p.traps * (UNTIL - SINCE), sizeof *count);
    for (size_t i = 0; i < p.traps; i++) {
        memcpy(count + i * (UNTIL - SINCE), p.count + i * p.times + SINCE,
               (UNTIL - SINCE) * sizeof *count);
    }
    month.from = p.from + SINCE;
    month.times = UNTIL - SINCE;
    month.count = count;
    month.completeness = month.late_variance = NULL;
    struct index_options o = {.base_since = p.from[SINCE], .base_until = p.from[UNTIL]};
    for (size_t w = 0; w < 2; w++) {
        o.weighting = WEIGHTINGS[w];
        struct index whole = compute(&p, o), part = compute(&month, o);
        for (size_t t = 0; t < p.times; t++) {
            const struct index_point *got = &whole.points[t];
            assert_int_equal(got->gap, INDEX_IS_THERE);
            near(got->exposure, 1, 1e-9);
            if (t < SINCE || t >= UNTIL) {
                assert_true(got->level == 0 && got->index == 0);
                assert_true(got->level_high > 0 && got->level_high < 60 && got->high > 0);
                continue;
            }
            near(got->level, part.points[t - SINCE].level, 1e-9);
            near(got->level_high, part.points[t - SINCE].level_high, o.weighting ? 0.3 : 0.05);
            near(got->index, part.points[t - SINCE].index, o.weighting ? 0.2 : 1e-6);
        }
    }
    /* A trap that came after it tells nothing of it: no zero. */
    for (size_t t = 0; t < p.times; t++) {
        for (size_t i = 0; i < p.traps; i++) {
            ((float *)(uintptr_t)p.exposure)[i * p.times + t] = i ? t < 300 : t >= 350;
        }
    }
    for (size_t w = 0; w < 2; w++) {
        o.weighting = WEIGHTINGS[w];
        struct index i = compute(&p, o);
        assert_int_equal(i.traps, p.traps - 1);
        assert_int_equal(i.points[100].gap, INDEX_IS_THERE);
        assert_int_equal(i.points[299].gap, INDEX_IS_THERE);
        assert_int_equal(i.points[320].gap, INDEX_UNWATCHED);
        assert_int_equal(i.points[380].gap, INDEX_UNLINKED);
        assert_true(isnan(i.points[380].level) && isnan(i.points[380].index));
    }
    struct index i;
    struct errbuf eb = {.text = ""};
    o = (struct index_options){.base_since = p.from[0], .base_until = p.from[SINCE]};
    assert_int_equal(index_compute(&p, &o, arena, &i, &eb), ERR_NOTFOUND);
}

/* One trap that doubles while the others stay: mail- and trap-weighted index part, and it is said.
 */
static void test_weightings_part(void **state)
{
    (void)state;
    arena_reset(arena);
    struct simulation sim = {.sites = 5, .traps_a_site = 1, .times = 84, .level = 300};
    struct index_panel p = simulate_panel(&sim, S("part"), arena);
    double *count = (double *)(uintptr_t)p.count;
    for (size_t t = 0; t < p.times; t++) {
        count[t] *= t < 56 ? 100 : 200;
    }
    struct index mail = compute(&p, (struct index_options){0});
    struct index trap = compute(&p, (struct index_options){.weighting = INDEX_BY_TRAP});
    assert_true(mail.points[80].index > 160);
    assert_true(trap.points[80].index < 130);
    assert_true(mail.weighting_gap > INDEX_GAP_WARNS);
}

/* The smoke form of bench/index_bench: intervals hold what they should, roughly. */
static void test_coverage(void **state)
{
    (void)state;
    struct index_score score = {0};
    for (int k = 0; k < 20; k++) {
        char seed[16];
        snprintf(seed, sizeof seed, "coverage %d", k);
        arena_reset(arena);
        struct simulation sim = {.sites = 4,
                                 .traps_a_site = 3,
                                 .times = 120,
                                 .level = 150,
                                 .trap_sd = 0.15,
                                 .site_sd = 0.1,
                                 .site_rho = 0.5,
                                 .common_sd = 0.15,
                                 .outages = true};
        struct index_panel p = simulate_panel(&sim, slice_cstr(seed), arena);
        struct index i = compute(&p, (struct index_options){0});
        index_score_add(&score, &p, &i, &sim);
    }
    double coverage = (double)score.covered / (double)score.points;
    assert_true(coverage > 0.91 && coverage < 0.98);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),     cmocka_unit_test(test_flat),
        cmocka_unit_test(test_split_trap), cmocka_unit_test(test_outage_does_not_leak),
        cmocka_unit_test(test_gaps),       cmocka_unit_test(test_silence),
        cmocka_unit_test(test_short_life), cmocka_unit_test(test_weightings_part),
        cmocka_unit_test(test_coverage),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
