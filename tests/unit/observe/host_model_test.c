/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The model against its own formulas, against the table of METHODS B10, and on planted botnets (a
 * short form of bench/hosts_bench). */
#include "host_range.h"
#include "testing.h"

#include "stat/random.h"

#include <gsl/gsl_randist.h>
#include <math.h>

static void assert_close(double got, double want, double off)
{
    if (!(fabs(got - want) <= off)) {
        fail_msg("%.10g, not %.10g", got, want);
    }
}

static void formulas(void **state)
{
    (void)state;
    /* METHODS B10: P(seen) .632 at a rate of 1, .393 at .5; 1 + churn T addresses when always seen
     */
    assert_close(host_addresses(1, 0, 1), 0.632, 5e-4);
    assert_close(host_addresses(0.5, 0, 1), 0.393, 5e-4);
    assert_close(host_addresses(1e6, 0.25, 28), 1 + 0.25 * 28, 1e-3);
    assert_close(host_addresses(0, 0, 1), 0, 0);
    /* Two days together are two days alone without what is the same. */
    assert_close(host_addresses(0.7, 0.3, 2),
                 2 * host_addresses(0.7, 0.3, 1) - host_pairs(0.7, 0.3, 1), 1e-12);
    assert_close(host_pairs(0.7, 0.3, 4), host_pairs(0.7, 0.3, 1) * exp(-0.9), 1e-12);
}

/* METHODS B10: distinct x .55 and volume x .73, at the rate before. */
static void detection_table(void **state)
{
    (void)state;
    static const struct {
        double rate, machines, machines_off, ratio, ratio_off;
    } TABLE[] = {{0.2, 0.18, 0.005, 4.1, 0.05},
                 {1, 0.42, 0.005, 1.73, 0.005},
                 {2, 0.50, 0.005, 1.45, 0.005},
                 {5, 0.547, 0.0005, 1.33, 0.005}};
    for (size_t i = 0; i < sizeof TABLE / sizeof *TABLE; i++) {
        double machines, ratio;
        assert_true(host_split(0.55, 0.73, TABLE[i].rate, &machines, &ratio));
        assert_close(machines, TABLE[i].machines, TABLE[i].machines_off);
        assert_close(ratio, TABLE[i].ratio, TABLE[i].ratio_off);
        assert_close(machines * ratio, 0.73, 1e-9);
    }
    /* A rate that falls to .55 alone: distinct falls to .575 .669 .772 .942. */
    static const double RATES[] = {0.2, 1, 2, 5}, DISTINCT[] = {0.575, 0.669, 0.772, 0.942};
    for (size_t i = 0; i < 4; i++) {
        double machines, ratio;
        assert_close(host_addresses(0.55 * RATES[i], 0, 1) / host_addresses(RATES[i], 0, 1),
                     DISTINCT[i], 5e-4);
        assert_true(host_split(DISTINCT[i], 0.55, RATES[i], &machines, &ratio));
        assert_close(machines, 1, 0.02);
    }
    double machines, ratio;
    assert_false(host_split(0.99, 0.1, 0.1, &machines, &ratio)); /* more addresses than messages */
}

static void empty_and_single_day(void **state)
{
    (void)state;
    bool watched[1] = {true};
    struct host_fit fit;
    struct host_model *m = host_model_new(1, watched);
    assert_int_equal(host_model_fit(m, &fit), OK);
    assert_int_equal(fit.method, HOST_NOT_ESTIMATED);
    gsl_rng *rng = random_seeded(S("one day"));
    for (uint64_t host = 1; host <= 5000; host++) {
        struct host_seen seen = {0, gsl_ran_poisson(rng, 1)};
        if (seen.messages) {
            host_model_add(m, host << 8, 1, &seen, 1);
        }
    }
    gsl_rng_free(rng);
    assert_int_equal(host_model_fit(m, &fit), OK);
    assert_int_equal(fit.method, HOST_DETECTION);
    assert_close(fit.live.n / 5000, 1, 0.06);
    assert_true(fit.live.low <= 5000 && fit.live.high >= 5000);
    assert_true(isnan(fit.churn) && isnan(fit.period_expected));
    host_model_free(m);
}

/* A day without traps changes neither the machines nor the churn. */
static void outage_is_missing(void **state)
{
    (void)state;
    bool watched[20], all[20];
    for (size_t d = 0; d < 20; d++) {
        all[d] = true;
        watched[d] = d != 7 && d != 8;
    }
    struct host_model *whole = host_model_new(20, all), *holes = host_model_new(20, watched);
    gsl_rng *rng = random_seeded(S("outage"));
    for (uint64_t host = 1; host <= 6000; host++) {
        struct host_seen seen[20], kept[20];
        size_t n = 0, k = 0;
        uint32_t first = (uint32_t)gsl_rng_uniform_int(rng, 16);
        for (uint32_t d = first; d < 20 && d < first + 5; d++) {
            uint64_t messages = gsl_ran_poisson(rng, 1);
            if (messages) {
                seen[n++] = (struct host_seen){d, messages};
                if (watched[d]) {
                    kept[k++] = seen[n - 1];
                }
            }
        }
        host_model_add(whole, host << 8, 1, seen, n);
        host_model_add(holes, host << 8, 1, kept, k);
    }
    gsl_rng_free(rng);
    struct host_fit a, b;
    assert_int_equal(host_model_fit(whole, &a), OK);
    assert_int_equal(host_model_fit(holes, &b), OK);
    assert_close(b.live.n / a.live.n, 1, 0.06);
    assert_close(b.seen, a.seen, 0.02);
    host_model_free(whole);
    host_model_free(holes);
}

static void planted(const struct host_range *r, double off)
{
    gsl_rng *rng = random_seeded(slice_cstr(r->name));
    struct host_seen_figures figures;
    struct host_fit fit;
    double truth = (double)r->machines;
    struct host_model *m = host_range_run(r, rng, &figures);
    assert_int_equal(host_model_fit(m, &fit), OK);
    assert_int_equal(fit.method, HOST_CHURN);
    assert_close(fit.daily, figures.daily, 1e-9);
    assert_close(fit.live.n / truth, 1, off);
    assert_true(fit.live.low < fit.live.n && fit.live.n < fit.live.high);
    if (fit.live.low > truth || fit.live.high < truth) {
        fail_msg("%s: %.0f to %.0f", r->name, fit.live.low, fit.live.high);
    }
    /* what the addresses alone would say */
    assert_true(figures.period > 2 * truth && figures.daily < 0.75 * truth);
    assert_close(fit.period_expected / figures.period, 1, 0.1);
    host_model_free(m);
    gsl_rng_free(rng);
}

static void planted_botnets(void **state)
{
    (void)state;
    planted(&(struct host_range){"rate 1", 4000, 60, 28, 0.3, 2, 1, INFINITY, 1, 0, 0}, 0.1);
    planted(&(struct host_range){"churn", 4000, 60, 28, 1.0, 4, 1, INFINITY, 1, 0, 0}, 0.1);
    planted(&(struct host_range){"bursts", 4000, 60, 28, 0.3, 2, 2, INFINITY, 4, 0, 0}, 0.1);
    planted(&(struct host_range){"unlike", 4000, 60, 28, 0.3, 2, 1, 1, 1, 0, 0}, 0.15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formulas),
        cmocka_unit_test(detection_table),
        cmocka_unit_test(empty_and_single_day),
        cmocka_unit_test(outage_is_missing),
        cmocka_unit_test(planted_botnets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
