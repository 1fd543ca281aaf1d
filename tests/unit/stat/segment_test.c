/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Known answers of METHODS C1 "Change points" (R 4.2.2 with strucchange 1.5-3 and plain dynamic
 * programming), and every partition tried out. */
#include "testing.h"

#include "stat/random.h"
#include "stat/segment.h"

#include <gsl/gsl_randist.h>
#include <math.h>

/* Annual flow of the Nile at Aswan, 1871 to 1970 (R's datasets::Nile; Cobb 1978). */
static const double NILE[] = {
    1120, 1160, 963, 1210, 1160, 1160, 813,  1230, 1370, 1140, 995,  935,  1110, 994,  1020,
    960,  1180, 799, 958,  1140, 1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774,  840,
    874,  694,  940, 833,  701,  916,  692,  1020, 1050, 969,  831,  726,  456,  824,  702,
    1120, 1100, 832, 764,  821,  768,  845,  864,  862,  698,  845,  744,  796,  1040, 759,
    781,  865,  845, 944,  984,  897,  822,  1010, 771,  676,  649,  846,  812,  742,  801,
    1040, 860,  874, 848,  890,  744,  749,  838,  1050, 918,  986,  797,  923,  975,  815,
    1020, 906,  901, 1170, 912,  746,  919,  718,  714,  740};
enum { NILE_YEARS = 100, NILE_BREAK = 28 };

/* British coal-mining disasters of ten deaths or more, 1851 to 1962 (Jarrett 1979). */
static const double COAL[] = {4, 5, 4, 1, 0, 4, 3, 4, 0, 6, 3, 3, 4, 0, 2, 6, 3, 3, 5, 4, 5, 3, 1,
                              4, 4, 1, 5, 5, 3, 4, 2, 5, 2, 2, 3, 4, 2, 1, 3, 2, 2, 1, 1, 1, 1, 3,
                              0, 0, 1, 0, 1, 1, 0, 0, 3, 1, 0, 3, 2, 2, 0, 1, 1, 1, 0, 1, 0, 1, 0,
                              0, 0, 2, 1, 0, 0, 0, 1, 1, 0, 2, 3, 3, 1, 1, 2, 1, 1, 1, 1, 2, 3, 3,
                              0, 0, 0, 1, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 1};
enum { COAL_YEARS = 112 };

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

static void near(double got, double want, double relative)
{
    if (!(fabs(got - want) <= relative * fmax(fabs(want), 1e-12))) {
        fail_msg("%.10g, expected %.10g", got, want);
    }
}

static const struct segment_model *model(enum segment_family family, const double *y, size_t n)
{
    const struct segment_model *m;
    struct segment_data d = {.family = family, .count = n, .y = y, .theta = 3.0};
    assert_int_equal(segment_model_new(&d, arena, &m), OK);
    return m;
}

#define STARTS(...)                                                                                \
    (const size_t[]){__VA_ARGS__}, sizeof((const size_t[]){__VA_ARGS__}) / sizeof(size_t)

static void starts_are(const struct segmentation *s, const size_t *want, size_t count)
{
    assert_int_equal(s->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(s->starts[i], want[i]);
    }
}

static void test_nile(void **state)
{
    (void)state;
    const struct segment_model *m = model(SEGMENT_NORMAL, NILE, NILE_YEARS);
    struct segmentation s[6];
    assert_int_equal(segment_exact(m, 4, 15, arena, s), OK);
    near(s[0].cost, 2835156.75, 1e-9);
    near(s[1].cost, 1597457.19, 1e-8);
    starts_are(&s[1], STARTS(NILE_BREAK));
    near(s[2].cost, 1552923.6, 1e-7);
    starts_are(&s[2], STARTS(28, 83));
    near(s[3].cost, 1538096.5, 1e-7);
    starts_are(&s[3], STARTS(28, 68, 83));
    near(s[4].cost, 1507888.5, 1e-7);
    starts_are(&s[4], STARTS(28, 45, 68, 83));
    near(segment_level(m, 0, NILE_BREAK), 1097.75, 1e-9);
    near(segment_level(m, NILE_BREAK, NILE_YEARS), 849.97222, 1e-8);
    near(segment_sup_f(m, 0.15), 75.9298, 1e-6);
    for (size_t k = 0; k <= 1; k++) { /* means, dates and a variance are estimated */
        double n = NILE_YEARS, two_pi = 8.0 * atan(1.0);
        double bic = n * (log(two_pi * s[k].cost / n) + 1) + log(n) * (2.0 * (double)k + 2.0);
        near(bic, k ? 1270.1 : 1318.2, 1e-4);
    }
    assert_int_equal(segment_exact(m, 5, 1, arena, s), OK);
    static const double COSTS[] = {1542326.658, 1438125.536, 1341858.934, 1264751.392};
    starts_are(&s[2], STARTS(19, 28));
    starts_are(&s[3], STARTS(28, 83, 95));
    starts_are(&s[4], STARTS(28, 41, 45, 47));
    starts_are(&s[5], STARTS(28, 37, 40, 45, 47));
    for (size_t k = 2; k <= 5; k++) {
        near(s[k].cost, COSTS[k - 2], 1e-9);
    }
}

static void test_nile_penalty(void **state)
{
    (void)state;
    const struct segment_model *m = model(SEGMENT_NORMAL, NILE, NILE_YEARS);
    struct segment_search how = {.penalty = 130180.52};
    struct segmentation s;
    assert_int_equal(segment_optimal(m, &how, arena, &s), OK);
    starts_are(&s, STARTS(NILE_BREAK));
    near(s.objective, 1727637.715, 1e-8);
    assert_int_equal(segment_pelt(m, &how, arena, &s), OK);
    starts_are(&s, STARTS(NILE_BREAK));
    near(s.objective, 1727637.715, 1e-8);
}

/* strucchange's confint(breakpoints(Nile ~ 1)): 25 28 32, which are 1895, 1898 and 1902. */
static void test_nile_date(void **state)
{
    (void)state;
    double low, high;
    assert_true(segment_bai_interval(NILE, NILE_BREAK, NILE_YEARS, 0.95, &low, &high));
    assert_true(low == 25 && high == 32);
    assert_false(segment_bai_interval(NILE, 1, NILE_YEARS, 0.95, &low, &high));
    double flat[NILE_YEARS] = {0};
    assert_false(segment_bai_interval(flat, 50, NILE_YEARS, 0.95, &low, &high));
    /* By likelihood the drop of 1899 is dated as well as Cobb's conditional set has it. */
    double variance = 1597457.19 / 98, scaled[NILE_YEARS], mass[NILE_YEARS], sum = 0;
    for (size_t i = 0; i < NILE_YEARS; i++) {
        scaled[i] = NILE[i] / sqrt(variance);
    }
    const struct segment_model *m = model(SEGMENT_NORMAL, scaled, NILE_YEARS);
    struct segment_dates dates, wide;
    assert_int_equal(segment_date_set(m, 0, NILE_YEARS, 1, 1, 0.95, mass, arena, &dates), OK);
    assert_true(dates.first >= 25 && dates.first <= 28 && dates.last >= 28 && dates.last <= 32);
    for (size_t i = 0; i < NILE_YEARS; i++) {
        sum += mass[i];
        assert_true(mass[i] <= mass[NILE_BREAK]);
    }
    near(sum, 1, 1e-12);
    assert_int_equal(segment_date_set(m, 0, NILE_YEARS, 1, 3, 0.95, NULL, arena, &wide), OK);
    assert_true(wide.first < dates.first && wide.last > dates.last);
}

/* At rho 0.6 the exact likelihood dates a step better than the inflated one, and its sets hold. */
static void test_correlated_date(void **state)
{
    (void)state;
    enum { LENGTH = 80, STEP = 37, ROUNDS = 400 };
    gsl_rng *rng = random_seeded(S("correlated"));
    double y[LENGTH], sampling[LENGTH] = {0};
    int exact = 0, plain = 0, held = 0;
    struct segment_line line = {.y = y, .sampling = sampling, .rho = 0.6, .variance = 1};
    for (int i = 0; i < ROUNDS; i++) {
        arena_reset(arena);
        double latent = gsl_ran_gaussian(rng, 1);
        for (size_t k = 0; k < LENGTH; k++) {
            y[k] = latent + (k < STEP ? 0 : 3);
            latent = 0.6 * latent + gsl_ran_gaussian(rng, 0.8);
        }
        struct segment_dates dates, simple;
        const struct segment_model *m = model(SEGMENT_NORMAL, y, LENGTH);
        assert_int_equal(segment_date_set(m, 0, LENGTH, 2, 4, 0.95, NULL, arena, &simple), OK);
        enum err e = segment_date_set_ar1(&line, 0, simple.best, LENGTH, 2, 0.95, arena, &dates);
        assert_int_equal(e, OK);
        exact += dates.best == STEP;
        plain += simple.best == STEP;
        held += dates.first <= STEP && STEP <= dates.last;
    }
    assert_true(exact > plain);
    assert_true(held >= ROUNDS * 93 / 100);
    y[20] = NAN;
    struct segment_dates dates;
    assert_int_equal(segment_date_set_ar1(&line, 0, STEP, LENGTH, 2, 0.95, arena, &dates), OK);
    y[0] = y[1] = NAN;
    assert_int_equal(segment_date_set_ar1(&line, 0, 2, LENGTH, 2, 0.95, arena, &dates), ERR_USAGE);
    gsl_rng_free(rng);
}

static void test_coal(void **state)
{
    (void)state;
    const struct segment_model *m = model(SEGMENT_POISSON, COAL, COAL_YEARS);
    struct segmentation s[4];
    size_t start = 0;
    assert_int_equal(segment_exact(m, 3, 1, arena, s), OK);
    near(s[0].cost, -203.901881, 1e-8);
    near(s[1].cost, -273.890225, 1e-8);
    near(s[2].cost, -284.881313, 1e-8);
    near(s[3].cost, -291.640629, 1e-8);
    starts_are(&s[1], STARTS(41));
    starts_are(&s[2], STARTS(41, 97));
    starts_are(&s[3], STARTS(41, 79, 97));
    near(segment_level(m, 0, 41), 3.097561, 1e-6);
    near(segment_level(m, 41, COAL_YEARS), 0.9014085, 1e-6);
    near(segment_best_change(m, 0, COAL_YEARS, 1, &start), 69.988345, 1e-7);
    assert_int_equal(start, 41);
    static const struct {
        double penalty; /* in log n */
        size_t starts[5], count;
    } CASES[] = {{1, {41, 79, 92, 95, 97}, 5}, {2, {41, 97}, 2}, {3, {41}, 1}};
    for (size_t i = 0; i < 3; i++) {
        struct segment_search how = {.penalty = CASES[i].penalty * log(COAL_YEARS)};
        assert_int_equal(segment_optimal(m, &how, arena, s), OK);
        starts_are(s, CASES[i].starts, CASES[i].count);
        assert_int_equal(segment_pelt(m, &how, arena, s), OK);
        starts_are(s, CASES[i].starts, CASES[i].count);
    }
}

/* Every partition that CROPS names is optimal at its penalty, and none is left out. */
static void test_path(void **state)
{
    (void)state;
    const struct segment_model *m = model(SEGMENT_POISSON, COAL, COAL_YEARS);
    struct segment_search how = {.min_length = 2};
    struct segment_path path;
    assert_int_equal(segment_path(m, &how, 1, 100, 50, arena, &path), OK);
    assert_true(path.count >= 4);
    assert_int_equal(path.items[path.count - 1].segmentation.count, 0);
    for (size_t i = 0; i < path.count; i++) {
        double next = i + 1 < path.count ? path.items[i + 1].penalty : 100;
        assert_true(path.items[i].penalty < next);
        for (size_t k = 1; k < 4; k++) {
            struct segmentation s;
            how.penalty = path.items[i].penalty + (next - path.items[i].penalty) * (double)k / 4;
            assert_int_equal(segment_optimal(m, &how, arena, &s), OK);
            assert_int_equal(s.count, path.items[i].segmentation.count);
            near(s.cost, path.items[i].segmentation.cost, 1e-12);
        }
    }
    assert_int_equal(segment_path(m, &how, 1, 100, 2, arena, &path), OK);
    assert_int_equal(path.count, 2);
    assert_int_equal(path.items[1].segmentation.count, 0);
    assert_int_equal(segment_path(m, &how, 90, 100, 2, arena, &path), OK);
    assert_int_equal(path.count, 1);
}

static void test_elbow(void **state)
{
    (void)state;
    struct segment_path_item items[4];
    static const double COSTS[] = {31, 35, 40, 100}; /* of 3, 2, 1 and no change */
    for (size_t i = 0; i < 4; i++) {
        items[i].segmentation = (struct segmentation){.count = 3 - i, .cost = COSTS[i]};
    }
    struct segment_path path = {items, 4};
    assert_int_equal(segment_path_elbow(&path), 2);
    path.count = 2;
    assert_int_equal(segment_path_elbow(&path), 0);
}

enum { BRUTE_MAX = 12 };

/* Cost of the observed buckets [from, to), from the definition. */
static double plain_cost(const struct segment_data *d, size_t from, size_t to)
{
    double weight = 0, sum = 0, cost = 0;
    for (size_t i = from; i < to; i++) {
        weight += d->weight[i];
        sum += d->weight[i] > 0 ? d->y[i] * (d->family == SEGMENT_NORMAL ? d->weight[i] : 1) : 0;
    }
    double level = weight > 0 ? sum / weight : 0;
    for (size_t i = from; i < to; i++) {
        double w = d->weight[i], y = d->y[i], size = d->theta * w;
        if (w > 0 && d->family == SEGMENT_NORMAL) {
            cost += w * (y - level) * (y - level);
        } else if (w > 0 && d->family == SEGMENT_POISSON) {
            cost += -2 * (y > 0 ? y * log(level) : 0) + 2 * level * w - 2 * y;
        } else if (w > 0) { /* log NB: y log(mu / (mu + size)) + size log(size / (mu + size)) */
            double mu = level * w;
            cost +=
                -2 * (y > 0 ? y * log(mu / (mu + size)) : 0) - 2 * size * log(size / (mu + size));
        }
    }
    return cost;
}

/* Least cost over all partitions of each number of changes, and least objective. */
struct brute {
    double cost[BRUTE_MAX], objective;
};

static struct brute brute_force(const struct segment_data *d, const struct segment_search *how)
{
    struct brute b = {.objective = INFINITY};
    size_t observed[BRUTE_MAX], n = 0;
    double costs[BRUTE_MAX][BRUTE_MAX + 1];
    for (size_t i = 0; i < d->count; i++) {
        b.cost[i] = INFINITY;
        if (d->weight[i] > 0) {
            observed[n++] = i;
        }
    }
    for (size_t from = 0; from < n; from++) {
        for (size_t to = from + 1; to <= n; to++) {
            costs[from][to] = plain_cost(d, observed[from], observed[to - 1] + 1);
        }
    }
    for (unsigned cuts = 0; n > 0 && cuts < 1u << (n - 1); cuts++) {
        double cost = 0, extra = 0;
        size_t from = 0, changes = 0;
        bool fits = true;
        for (size_t to = 1; to <= n; to++) {
            if (to == n || (cuts >> (to - 1) & 1)) {
                cost += costs[from][to];
                extra += how->is_modified ? log((double)(to - from) / (double)n) : 0;
                fits &= to - from >= how->min_length;
                changes += to < n;
                from = to;
            }
        }
        if (fits) {
            b.cost[changes] = fmin(b.cost[changes], cost);
            b.objective = fmin(b.objective, cost + extra + how->penalty * (double)changes);
        }
    }
    return b;
}

static void brute_case(gsl_rng *rng, enum segment_family family)
{
    double y[BRUTE_MAX], weight[BRUTE_MAX], level = 4;
    struct segment_data d = {.family = family,
                             .count = 1 + gsl_rng_uniform_int(rng, BRUTE_MAX),
                             .y = y,
                             .weight = weight,
                             .theta = 0.5 + 5 * gsl_rng_uniform(rng)};
    struct segment_search how = {.penalty = 6 * gsl_rng_uniform(rng),
                                 .min_length = 1 + gsl_rng_uniform_int(rng, 3),
                                 .is_modified = gsl_rng_uniform_int(rng, 4) == 0};
    for (size_t i = 0; i < d.count; i++) {
        level = gsl_rng_uniform_int(rng, 4) ? level : 12 * gsl_rng_uniform(rng);
        y[i] = family == SEGMENT_NORMAL ? level + gsl_ran_gaussian(rng, 1)
                                        : (double)gsl_ran_poisson(rng, level);
        weight[i] = gsl_rng_uniform_int(rng, 6) ? 0.2 + gsl_rng_uniform(rng) : 0;
    }
    const struct segment_model *m;
    struct segmentation optimal, pelt, exact[BRUTE_MAX];
    arena_reset(arena);
    assert_int_equal(segment_model_new(&d, arena, &m), OK);
    assert_int_equal(segment_optimal(m, &how, arena, &optimal), OK);
    assert_int_equal(segment_pelt(m, &how, arena, &pelt), OK);
    assert_int_equal(segment_exact(m, d.count - 1, how.min_length, arena, exact), OK);
    if (segment_observations(m) < how.min_length) {
        assert_int_equal(pelt.count + optimal.count, 0);
        return;
    }
    struct brute b = brute_force(&d, &how);
    /* Poisson and NB costs leave out what all partitions share. */
    double shared = exact[0].cost - b.cost[0];
    near(optimal.objective - shared, b.objective, 1e-8);
    assert_true(pelt.objective == optimal.objective ||
                fabs(pelt.objective - optimal.objective) < 1e-9);
    for (size_t k = 0; k < d.count; k++) {
        if (isfinite(b.cost[k]) || isfinite(exact[k].cost)) {
            assert_true(fabs(exact[k].cost - shared - b.cost[k]) < 1e-8);
        }
    }
}

/* METHODS C2: the identical optimum in 10^4 random cases of each cost. */
static void test_brute_force(void **state)
{
    (void)state;
    gsl_rng *rng = random_seeded(S("all partitions"));
    for (int i = 0; i < 10000; i++) {
        brute_case(rng, SEGMENT_NORMAL);
        brute_case(rng, SEGMENT_POISSON);
        brute_case(rng, SEGMENT_NEGATIVE);
    }
    gsl_rng_free(rng);
}

/* Long lines, where PELT drops candidates: against the plain optimum. */
static void test_pelt_long(void **state)
{
    (void)state;
    gsl_rng *rng = random_seeded(S("long lines"));
    static double y[400];
    for (int round = 0; round < 60; round++) {
        enum segment_family family = (enum segment_family)(round % 3);
        double level = 10;
        for (size_t i = 0; i < 400; i++) {
            level = gsl_rng_uniform_int(rng, 40) ? level : 30 * gsl_rng_uniform(rng);
            y[i] = family == SEGMENT_NORMAL ? level + gsl_ran_gaussian(rng, 1)
                                            : (double)gsl_ran_poisson(rng, level);
        }
        arena_reset(arena);
        const struct segment_model *m = model(family, y, 400);
        struct segment_search how = {.penalty = segment_penalty_modified(400),
                                     .min_length = 1 + (size_t)round % 7,
                                     .is_modified = true};
        struct segmentation pelt, optimal;
        assert_int_equal(segment_pelt(m, &how, arena, &pelt), OK);
        assert_int_equal(segment_optimal(m, &how, arena, &optimal), OK);
        near(pelt.objective, optimal.objective, 1e-12);
        starts_are(&pelt, optimal.starts, optimal.count);
    }
    gsl_rng_free(rng);
}

static void test_bad_data(void **state)
{
    (void)state;
    const struct segment_model *m;
    double y[] = {1, NAN, 3, -1}, weight[] = {1, 0, 2, 0};
    struct segment_data d = {.family = SEGMENT_POISSON, .count = 4, .y = y, .weight = weight};
    assert_int_equal(segment_model_new(&d, arena, &m), OK); /* missing: whatever it is */
    assert_int_equal(segment_observations(m), 2);
    near(segment_level(m, 0, 4), 4.0 / 3.0, 1e-15);
    assert_true(isnan(segment_level(m, 1, 2)) && segment_cost(m, 1, 2) == 0);
    weight[3] = 1;
    assert_int_equal(segment_model_new(&d, arena, &m), ERR_USAGE);
    weight[3] = -1;
    assert_int_equal(segment_model_new(&d, arena, &m), ERR_USAGE);
    weight[3] = 0;
    d.family = SEGMENT_NEGATIVE; /* theta is 0 */
    assert_int_equal(segment_model_new(&d, arena, &m), ERR_USAGE);
    d.family = SEGMENT_NORMAL;
    y[2] = INFINITY;
    assert_int_equal(segment_model_new(&d, arena, &m), ERR_USAGE);
    d.count = 0;
    struct segmentation s;
    assert_int_equal(segment_model_new(&d, arena, &m), OK);
    assert_int_equal(segment_pelt(m, &(struct segment_search){.penalty = 1}, arena, &s), OK);
    assert_int_equal(s.count, 0);
}

static void white_noise(void *arg, gsl_rng *rng, double *y, size_t count)
{
    (void)arg;
    for (size_t i = 0; i < count; i++) {
        y[i] = gsl_ran_gaussian(rng, 1);
    }
}

/* Under the null p is uniform; of a real change it is small, and its tail smaller. */
static void test_bootstrap(void **state)
{
    (void)state;
    gsl_rng *rng = random_seeded(S("bootstrap"));
    double y[60], p, tail;
    struct segment_data d = {.family = SEGMENT_NORMAL, .count = 60, .y = y};
    struct segment_null null = {
        .data = &d, .min_length = 2, .draw = white_noise, .simulations = 199};
    int below_5 = 0, below_50 = 0, tail_5 = 0;
    for (int i = 0; i < 400; i++) {
        size_t start;
        arena_reset(arena);
        white_noise(NULL, rng, y, 60);
        const struct segment_model *m = model(SEGMENT_NORMAL, y, 60);
        double statistic = segment_best_change(m, 0, 60, 2, &start);
        assert_int_equal(segment_bootstrap(&null, statistic, rng, arena, &p, &tail), OK);
        below_5 += p <= 0.05;
        below_50 += p <= 0.5;
        tail_5 += tail <= 0.05;
    }
    assert_true(below_5 >= 7 && below_5 <= 35); /* 20 +- 3.4 s */
    assert_true(tail_5 >= 7 && tail_5 <= 35);
    assert_true(below_50 >= 160 && below_50 <= 240);
    assert_int_equal(segment_bootstrap(&null, 60, rng, arena, &p, &tail), OK);
    assert_true(p <= 0.01 && tail < 1e-9 && tail > 1e-16); /* about 30 tests of P(> 60) = 1e-14 */
    gsl_rng_free(rng);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nile, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nile_penalty, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nile_date, setup, teardown),
        cmocka_unit_test_setup_teardown(test_correlated_date, setup, teardown),
        cmocka_unit_test_setup_teardown(test_coal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_path, setup, teardown),
        cmocka_unit_test_setup_teardown(test_elbow, setup, teardown),
        cmocka_unit_test_setup_teardown(test_brute_force, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pelt_long, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_data, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bootstrap, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
