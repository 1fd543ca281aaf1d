/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Known answers on the flow of the Nile at Aswan (METHODS C1, tolerance 1e-4). They were derived
 * again for this test by another way: marginal likelihoods of whole stretches in closed form and a
 * sum over all partitions by dynamic programming, with no prediction step and no pruning; every
 * figure that is checked comes out of both. METHODS counts, as Adams and MacKay do, a run of length
 * 0 that the next value may begin; its runs have (1 - hazard) times the probability of ours. */
#include "testing.h"

#include "stat/bocpd.h"
#include "stat/random.h"

#include <gsl/gsl_randist.h>
#include <math.h>

enum { NILE_YEARS = 100, NILE_FIRST = 1871 };

static const double NILE[NILE_YEARS] = {
    1120, 1160, 963, 1210, 1160, 1160, 813,  1230, 1370, 1140, 995,  935,  1110, 994,  1020,
    960,  1180, 799, 958,  1140, 1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774,  840,
    874,  694,  940, 833,  701,  916,  692,  1020, 1050, 969,  831,  726,  456,  824,  702,
    1120, 1100, 832, 764,  821,  768,  845,  864,  862,  698,  845,  744,  796,  1040, 759,
    781,  865,  845, 944,  984,  897,  822,  1010, 771,  676,  649,  846,  812,  742,  801,
    1040, 860,  874, 848,  890,  744,  749,  838,  1050, 918,  986,  797,  923,  975,  815,
    1020, 906,  901, 1170, 912,  746,  919,  718,  714,  740};

static const struct bocpd_model NILE_MODEL = {.kind = BOCPD_NORMAL,
                                              .mean = 1000.0,
                                              .kappa = 1.0,
                                              .alpha = 1.0,
                                              .beta = 1e4,
                                              .hazard = .01,
                                              .steps_max = NILE_YEARS};

static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new(16 * 1024 * 1024);
    return arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

/* Log marginal likelihood of values [from, to) as one level. */
static double stretch(const struct bocpd_model *m, const double *x, size_t from, size_t to)
{
    double n = (double)(to - from), sum = 0.0, square = 0.0, factorials = 0.0;
    for (size_t i = from; i < to; i++) {
        sum += x[i];
        factorials += m->kind == BOCPD_COUNT ? lgamma(x[i] + 1.0) : 0.0;
    }
    if (m->kind == BOCPD_COUNT) { /* exposure 1 */
        return m->alpha * log(m->beta) - lgamma(m->alpha) + lgamma(m->alpha + sum) -
               (m->alpha + sum) * log(m->beta + n) - factorials;
    }
    for (size_t i = from; i < to; i++) {
        square += (x[i] - sum / n) * (x[i] - sum / n);
    }
    double apart = sum / n - m->mean;
    double alpha = m->alpha + n / 2.0, kappa = m->kappa + n;
    double beta = m->beta + square / 2.0 + m->kappa * n * apart * apart / (2.0 * kappa);
    return lgamma(alpha) - lgamma(m->alpha) + m->alpha * log(m->beta) - alpha * log(beta) +
           .5 * log(m->kappa / kappa) - n / 2.0 * log(2.0 * M_PI);
}

/* Posterior of the beginning of the level at `to` into p[0 .. to), and the log evidence. */
static double by_partitions(const struct bocpd_model *m, const double *x, size_t to, double *p)
{
    static double whole[NILE_YEARS + 1]; /* log P(values before t, and a level ends there) */
    double term[NILE_YEARS + 1];
    for (size_t t = 1; t <= to; t++) {
        double greatest = -INFINITY, sum = 0.0;
        for (size_t s = 0; s < t; s++) {
            term[s] = (s ? whole[s] + log(m->hazard) : 0.0) +
                      (double)(t - s - 1) * log1p(-m->hazard) + stretch(m, x, s, t);
            greatest = fmax(greatest, term[s]);
        }
        for (size_t s = 0; s < t; s++) {
            sum += exp(term[s] - greatest);
        }
        whole[t] = greatest + log(sum);
    }
    for (size_t s = 0; s < to; s++) {
        p[s] = exp(term[s] - whole[to]);
    }
    return whole[to];
}

static void near(const char *what, double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance)) {
        fail_msg("%s: %.8f, expected %.8f", what, got, want);
    }
}

static void test_nile(void **state)
{
    static const struct {
        size_t year, run;
        double p;
    } WANT[] = {{1900, 30, .76315}, {1902, 4, .56251}, {1905, 7, .76334}, {1970, 72, .66641}};
    struct bocpd *b = bocpd_new(&NILE_MODEL, arena);
    size_t next = 0;
    double p[NILE_YEARS];
    (void)state;
    for (size_t i = 0; i < NILE_YEARS; i++) {
        bocpd_step(b, NILE[i], 1.0);
        double evidence = by_partitions(&NILE_MODEL, NILE, i + 1, p);
        near("log evidence", bocpd_log_evidence(b), evidence, 1e-8);
        double since = 0.0;
        for (size_t s = i + 1; s-- > 0;) {
            near("beginning", bocpd_began(b, s), p[s], 1e-9);
            since += s ? p[s] : 0.0;
            near("since", bocpd_since(b, s), since, 1e-9);
        }
        if (NILE_FIRST + i == WANT[next].year) {
            double map_p;
            size_t map = bocpd_map(b, &map_p);
            assert_int_equal(i + 1 - map, WANT[next].run);
            near("MAP", map_p * (1.0 - NILE_MODEL.hazard), WANT[next].p, 1e-4);
            next++;
        }
    }
    assert_int_equal(next, 4);
    near("log evidence", bocpd_log_evidence(b), -639.15529, 1e-4);
    size_t from, to;
    bocpd_range(b, .9, &from, &to);
    assert_true(from <= 28 && 28 <= to && to - from < 12); /* 1898, METHODS C1 */
}

/* Pruning changes nothing that counts. */
static void test_prune(void **state)
{
    struct bocpd_model m = NILE_MODEL;
    (void)state;
    m.prune = 1e-6;
    struct bocpd *whole = bocpd_new(&NILE_MODEL, arena), *pruned = bocpd_new(&m, arena);
    for (size_t i = 0; i < NILE_YEARS; i++) {
        bocpd_step(whole, NILE[i], 1.0);
        bocpd_step(pruned, NILE[i], 1.0);
        near("since", bocpd_since(pruned, i > 7 ? i - 7 : 1), bocpd_since(whole, i > 7 ? i - 7 : 1),
             1e-4);
    }
    near("log evidence", bocpd_log_evidence(pruned), bocpd_log_evidence(whole), 1e-3);
}

/* Counts against the sum over partitions: British coal-mining disasters (METHODS C1), the change
 * after year 41. */
static void test_counts(void **state)
{
    static const double COAL[NILE_YEARS] = {
        4, 5, 4, 1, 0, 4, 3, 4, 0, 6, 3, 3, 4, 0, 2, 6, 3, 3, 5, 4, 5, 3, 1, 4, 4,
        1, 5, 5, 3, 4, 2, 5, 2, 2, 3, 4, 2, 1, 3, 2, 2, 1, 1, 1, 1, 3, 0, 0, 1, 0,
        1, 1, 0, 0, 3, 1, 0, 3, 2, 2, 0, 1, 1, 1, 0, 1, 0, 1, 0, 0, 0, 2, 1, 0, 0,
        0, 1, 1, 0, 2, 3, 3, 1, 1, 2, 1, 1, 1, 1, 2, 3, 3, 0, 0, 0, 1, 4, 0, 0, 0};
    struct bocpd_model m = {
        .kind = BOCPD_COUNT, .alpha = 1.0, .beta = .5, .hazard = .02, .steps_max = NILE_YEARS};
    double p[NILE_YEARS], map_p;
    struct bocpd *b = bocpd_new(&m, arena);
    (void)state;
    for (size_t i = 0; i < NILE_YEARS; i++) {
        bocpd_step(b, COAL[i], 1.0);
        near("log evidence", bocpd_log_evidence(b), by_partitions(&m, COAL, i + 1, p), 1e-9);
        near("beginning", bocpd_began(b, i), p[i], 1e-9);
        if (i == 59) {
            size_t map = bocpd_map(b, &map_p);
            assert_true(map >= 35 && map <= 46);
        }
    }
}

/* Missing steps teach nothing; twice the exposure is two steps of it; overdispersed counts of one
 * level are one level. */
static void test_scale(void **state)
{
    struct bocpd_model m = {.kind = BOCPD_COUNT,
                            .alpha = 2.0,
                            .beta = .02,
                            .hazard = 1.0 / 90.0,
                            .dispersion = 9.0,
                            .prune = 1e-6,
                            .steps_max = 400};
    (void)state;
    struct bocpd *b = bocpd_new(&m, arena);
    m.dispersion = 1.0;
    struct bocpd *plain = bocpd_new(&m, arena);
    gsl_rng *rng = random_seeded(S("overdispersed"));
    for (size_t i = 0; i < 300; i++) {
        /* Variance 9 times the mean of 100 * exposure. */
        double up = i % 3 ? 1.0 : .25, mean = 100.0 * up;
        double y = gsl_ran_negative_binomial(rng, 1.0 / 9.0, mean / 8.0);
        y = i % 11 == 5 ? (double)NAN : y;
        bocpd_step(b, y, up);
        bocpd_step(plain, y, up);
    }
    gsl_rng_free(rng);
    assert_true(bocpd_since(b, 280) < .5);
    double p;
    assert_true(bocpd_map(plain, &p) > 280); /* Poisson takes the scatter for changes */
    for (size_t i = 300; i < 320; i++) {
        bocpd_step(b, i < 310 ? 40.0 : (double)NAN, 1.0);
    }
    assert_true(bocpd_since(b, 295) > .9);
    for (size_t i = 0; i < 200; i++) {
        bocpd_step(b, 40.0, 1.0); /* past steps_max: nothing */
    }
    assert_int_equal(bocpd_steps(b), 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nile),
        cmocka_unit_test(test_prune),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_scale),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
