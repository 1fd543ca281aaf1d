/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Late feeds with known lags, against a store of lag rows alone. */
#include "testing.h"

#include "observe/nowcast.h"
#include "stat/random.h"
#include "store/trap.h"

#include <gsl/gsl_randist.h>
#include <math.h>
#include <stdlib.h>

enum { TRAPS = 3, DAYS = 150, LAGS = 4, TODAY = 15000 };

/* What arrived: messages of day TODAY - DAYS + 1 + i at a lag. */
struct store {
    double messages[TRAPS][DAYS][LAGS];
    int64_t last;     /* receipt */
    int first[TRAPS]; /* day of the first arrival: what was to arrive before came on it */
    int until[TRAPS]; /* day of the last arrival */
    size_t traps;
};

static int64_t day_start(int i)
{
    return (int64_t)(TODAY - DAYS + 1 + i) * SECONDS_PER_DAY;
}

enum err store_span(struct store *s, const struct store_filter *f, struct store_span *out,
                    struct errbuf *eb)
{
    (void)f;
    (void)eb;
    *out = (struct store_span){.last = s->last};
    return OK;
}

enum err store_traps(struct store *s, void (*fn)(void *, const struct trap_info *), void *arg,
                     struct errbuf *eb)
{
    (void)eb;
    for (size_t i = 0; i < s->traps; i++) {
        fn(arg, &(struct trap_info){.name = S("trap")});
    }
    return OK;
}

enum err store_lag(struct store *s, const struct store_filter *f,
                   void (*fn)(void *, const struct lag_row *), void *arg, struct errbuf *eb)
{
    (void)eb;
    for (int d = 0; d < DAYS; d++) {
        if (day_start(d) + SECONDS_PER_DAY <= f->since) {
            continue;
        }
        for (int lag = 0; lag < DAYS - d && lag <= LAG_DAYS_MAX; lag++) {
            for (size_t t = 0; t < s->traps; t++) {
                double n = 0;
                int arrival = d + lag;
                if (arrival > s->until[t]) {
                    continue;
                }
                if (arrival == s->first[t]) {
                    for (int k = 0; k <= lag && k < LAGS; k++) {
                        n += s->messages[t][d][k];
                    }
                } else if (arrival > s->first[t] && lag < LAGS) {
                    n = s->messages[t][d][lag];
                }
                if (n > 0) {
                    fn(arg, &(struct lag_row){day_start(d), (unsigned)lag, t, (uint64_t)n});
                }
            }
        }
    }
    return OK;
}

struct fixture {
    struct arena *arena;
    struct store store;
    struct nowcast n;
};

static int setup(void **state)
{
    struct fixture *x = calloc(1, sizeof *x);
    assert_non_null(x);
    x->arena = arena_new(64 * 1024 * 1024);
    assert_non_null(x->arena);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *x = *state;
    arena_free(x->arena);
    free(x);
    return 0;
}

/* 1,000 messages a day: of trap 0 all on the same day, of trap 1 half, 30 % and 20 % a day later
 * each, of trap 2 all after two days. */
static void store_fill(struct store *s)
{
    static const double LAG[TRAPS][LAGS] = {{1, 0, 0, 0}, {.5, .3, .2, 0}, {0, 0, 1, 0}};
    *s = (struct store){.last = day_start(DAYS - 1) + 43199, .traps = TRAPS};
    for (size_t t = 0; t < TRAPS; t++) {
        s->until[t] = DAYS - 1;
        for (size_t d = 0; d < DAYS; d++) {
            for (size_t k = 0; k < LAGS; k++) {
                s->messages[t][d][k] = 1000 * LAG[t][k];
            }
        }
    }
}

static void load(struct fixture *x)
{
    struct errbuf eb = {.text = ""};
    arena_reset(x->arena);
    assert_int_equal(nowcast_load(&x->store, x->arena, &x->n, &eb), OK);
}

/* Completeness of the day so many days before the last one. */
static double day_part(const struct fixture *x, size_t trap, int ago)
{
    int64_t from = day_start(DAYS - 1 - ago);
    return nowcast_completeness(&x->n, trap, from, from + SECONDS_PER_DAY);
}

static void near(double got, double want)
{
    if (!(fabs(got - want) <= 1e-9)) {
        fail_msg("%.10g, expected %.10g", got, want);
    }
}

static void test_lags(void **state)
{
    struct fixture *x = *state;
    store_fill(&x->store);
    load(x);
    assert_false(x->n.is_pooled);
    assert_int_equal(x->n.arrived, day_start(DAYS - 1));
    /* The last day is half over. */
    near(day_part(x, 0, 0), 0.5);
    near(day_part(x, 0, 1), 1);
    near(day_part(x, 1, 0), 0.25);
    near(day_part(x, 1, 1), 0.8);
    near(day_part(x, 1, 2), 1);
    near(day_part(x, 2, 1), 0);
    near(day_part(x, 2, 2), 1);
    near(day_part(x, 1, 100), 1);
    /* Hours, and a week with five whole days, one of 0.8 and a half of 0.5. */
    int64_t noon = day_start(DAYS - 1) + 43200;
    near(nowcast_completeness(&x->n, 1, noon - 3600, noon), 0.5);
    near(nowcast_completeness(&x->n, 1, noon, noon + 3600), 0);
    near(nowcast_completeness(&x->n, 1, day_start(DAYS - 7), day_start(DAYS)),
         (5 + 0.8 + 0.25) / 7);
    near(nowcast_completeness(&x->n, 99, noon, noon + 3600), 1);
}

static void test_total(void **state)
{
    struct fixture *x = *state;
    int64_t from = day_start(DAYS - 2), until = day_start(DAYS - 1);
    struct nowcast_sum sum = {0};
    store_fill(&x->store);
    load(x);
    nowcast_add(&x->n, 0, from, until, 1000, &sum);
    nowcast_add(&x->n, 1, from, until, 800, &sum);
    nowcast_add(&x->n, 2, from, until, 0, &sum); /* nothing known: not a zero */
    struct nowcast_total t = nowcast_total(&sum);
    near(t.expected, 2000);
    near(t.completeness, 0.9);
    assert_true(t.low > 1950 && t.low < 1995 && t.high > 2005 && t.high < 2050);
    near(nowcast_total(&(struct nowcast_sum){0}).completeness, 1);
}

/* A feed that has stalled: what is after its last arrival is still to come, what is before it is as
 * late as it was then. A prompt trap that is silent is not late. */
static void test_stalled(void **state)
{
    struct fixture *x = *state;
    store_fill(&x->store);
    x->store.until[0] = x->store.until[1] = DAYS - 6;
    load(x);
    near(day_part(x, 1, 4), 0);
    near(day_part(x, 1, 5), 0.5);
    near(day_part(x, 1, 6), 0.8);
    near(day_part(x, 0, 4), 1);
}

/* What came with a feed's first delivery says nothing of its lags. */
static void test_first_delivery(void **state)
{
    struct fixture *x = *state;
    store_fill(&x->store);
    x->store.first[1] = DAYS - 30;
    load(x);
    assert_false(x->n.is_pooled);
    near(day_part(x, 1, 1), 0.8);
    /* Too few days of its own: what all traps do together. */
    x->store.first[1] = DAYS - 5;
    load(x);
    assert_true(x->n.is_pooled);
    double c = day_part(x, 1, 1);
    assert_true(c > 0.3 && c < 0.8);
}

static void test_nothing(void **state)
{
    struct fixture *x = *state;
    store_fill(&x->store);
    x->store.traps = 0;
    load(x);
    near(day_part(x, 0, 0), 1);
}

enum { RUNS = 250 };

/* The number of messages of the last days as it turns out to be lies in the 95 % interval in 93 to
 * 98 %: with lags that are the same each day, and with lags that vary from day to day. */
static void coverage(struct fixture *x, double variation, const char *name)
{
    static const double LAG[LAGS] = {.55, .25, .15, .05};
    gsl_rng *rng = random_seeded(slice_cstr(name));
    assert_non_null(rng);
    unsigned held = 0, all = 0;
    for (int run = 0; run < RUNS; run++) {
        x->store = (struct store){.last = day_start(DAYS - 1) - 1, .traps = 1, .until = {DAYS - 1}};
        double truth[DAYS] = {0};
        for (size_t d = 0; d < DAYS; d++) {
            double level = 400 * exp(gsl_ran_gaussian(rng, 0.3)), part[LAGS], sum = 0;
            for (size_t k = 0; k < LAGS; k++) {
                part[k] = LAG[k] * exp(gsl_ran_gaussian(rng, variation));
                sum += part[k];
            }
            for (size_t k = 0; k < LAGS; k++) {
                x->store.messages[0][d][k] = gsl_ran_poisson(rng, level * part[k] / sum);
                truth[d] += x->store.messages[0][d][k];
            }
        }
        load(x);
        for (int ago = 1; ago < LAGS; ago++) {
            int d = DAYS - 1 - ago;
            struct nowcast_sum s = {0};
            double known = 0;
            for (int k = 0; k <= ago && k < LAGS; k++) {
                known += x->store.messages[0][d][k];
            }
            nowcast_add(&x->n, 0, day_start(d), day_start(d + 1), known, &s);
            struct nowcast_total t = nowcast_total(&s);
            if (ago < LAGS - 1) {
                held += t.low <= truth[d] && truth[d] <= t.high;
                all++;
            } else {
                assert_true(t.expected == truth[d]);
            }
        }
    }
    gsl_rng_free(rng);
    double rate = (double)held / (double)all;
    if (rate < 0.93 || rate > 0.98) {
        fail_msg("%s: %.4f of the intervals hold the truth", name, rate);
    }
}

static void test_coverage(void **state)
{
    coverage(*state, 0, "same lags");
    coverage(*state, 0.3, "lags that vary");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lags, setup, teardown),
        cmocka_unit_test_setup_teardown(test_total, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stalled, setup, teardown),
        cmocka_unit_test_setup_teardown(test_first_delivery, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_coverage, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
