/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Margins give what cells give: against METHODS C1 "Two-way index" and against stat/two_way on
 * random panels. */
#include "testing.h"

#include "stat/random.h"
#include "stat/two_way.h"
#include "stat/two_way_sums.h"

#include <gsl/gsl_randist.h>
#include <math.h>

enum { ROWS = 6, COLUMNS = 40, RUNS_MAX = ROWS * COLUMNS };

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

struct panel {
    size_t rows, columns, run_count;
    double y[ROWS * COLUMNS];
    float exposure[ROWS * COLUMNS];
    double row_sum[ROWS], column_sum[COLUMNS];
    struct two_way_run runs[RUNS_MAX];
};

/* Margins and runs of the cells. */
static void panel_sum(struct panel *p)
{
    p->run_count = 0;
    memset(p->row_sum, 0, sizeof p->row_sum);
    memset(p->column_sum, 0, sizeof p->column_sum);
    for (size_t i = 0; i < p->rows; i++) {
        struct two_way_run run = {(uint32_t)i, 0, 0, 0};
        for (size_t t = 0; t < p->columns; t++) {
            float e = p->exposure[i * p->columns + t];
            double y = e > 0 ? p->y[i * p->columns + t] : 0;
            p->row_sum[i] += y;
            p->column_sum[t] += y;
            if (run.exposure == e && run.to == t && e > 0) {
                run.to++;
                p->runs[p->run_count - 1].to++;
            } else if (e > 0) {
                run = (struct two_way_run){(uint32_t)i, (uint32_t)t, (uint32_t)t + 1, e};
                p->runs[p->run_count++] = run;
            }
        }
    }
}

static struct two_way_sizes fit(const struct panel *p)
{
    static double row[ROWS];
    static size_t component[ROWS];
    struct two_way_sizes sizes = {.row = row, .component = component};
    struct two_way_sums s = {.rows = p->rows,
                             .columns = p->columns,
                             .runs = p->runs,
                             .run_count = p->run_count,
                             .row_sum = p->row_sum,
                             .column_sum = p->column_sum};
    arena_reset(arena);
    assert_int_equal(two_way_sums_fit(&s, arena, &sizes), OK);
    assert_true(sizes.is_converged);
    double watched[COLUMNS + 1];
    two_way_runs_sum(&s, row, watched);
    for (size_t t = 0; t < p->columns; t++) {
        double plain = 0;
        for (size_t i = 0; i < p->rows; i++) {
            plain += row[i] * (double)p->exposure[i * p->columns + t];
        }
        assert_true(fabs(plain - watched[t]) < 1e-9 * (plain + 1));
    }
    return sizes;
}

static void test_golden(void **state)
{
    (void)state;
    static const double Y[4][6] = {{120, 130, 118, 60, 0, 0},
                                   {300, 310, 290, 150, 160, 149},
                                   {0, 0, 41, 22, 25, 20},
                                   {800, 790, 810, 410, 400, 395}};
    static const double INDEX[] = {1, 1.0081967, .99683815, .5083162, .5126307, .49422858};
    struct panel p = {.rows = 4, .columns = 6};
    for (size_t k = 0; k < 24; k++) {
        p.y[k] = Y[k / 6][k % 6];
        p.exposure[k] = p.y[k] > 0;
    }
    panel_sum(&p);
    struct two_way_sizes z = fit(&p);
    double first = 0;
    for (size_t t = 0; t < 6; t++) {
        double watched = 0;
        for (size_t i = 0; i < 4; i++) {
            watched += z.row[i] * (double)p.exposure[i * 6 + t];
            assert_int_equal(z.component[i], 0);
        }
        double level = p.column_sum[t] / watched;
        first = t ? first : level;
        assert_true(fabs(level / first - INDEX[t]) < 1e-7);
    }
}

static void test_as_from_cells(void **state)
{
    (void)state;
    gsl_rng *rng = random_seeded(S("two-way margins"));
    assert_non_null(rng);
    for (int run = 0; run < 100; run++) {
        struct panel p = {.rows = ROWS, .columns = COLUMNS};
        for (size_t k = 0; k < ROWS * COLUMNS; k++) {
            double u = gsl_rng_uniform(rng);
            p.exposure[k] = u < 0.2 ? 0.0F : u < 0.3 ? 0.25F : 1.0F;
            p.y[k] = gsl_ran_poisson(rng, 20.0 * (double)(k / COLUMNS + 1) * p.exposure[k]);
        }
        panel_sum(&p);
        struct two_way_sizes z = fit(&p);
        struct two_way_data d = {ROWS, COLUMNS, p.y, p.exposure};
        struct two_way_fit cells;
        assert_int_equal(two_way_fit(TWO_WAY_POISSON, &d, arena, &cells), OK);
        for (size_t i = 1; i < ROWS; i++) {
            double got = z.row[i] / z.row[0], want = cells.row[i] / cells.row[0];
            assert_true(fabs(got / want - 1) < 1e-7);
        }
    }
    gsl_rng_free(rng);
}

/* Two networks that follow each other without a common column; and a row without counts. */
static void test_components(void **state)
{
    (void)state;
    struct panel p = {.rows = 4, .columns = 10};
    for (size_t t = 0; t < 10; t++) {
        p.y[t] = t < 5 ? 10 : 0;
        p.y[10 + t] = t < 5 ? 30 : 0;
        p.y[20 + t] = t < 5 ? 0 : 7;
        for (size_t i = 0; i < 4; i++) {
            p.exposure[i * 10 + t] = i == 3 || (t < 5) == (i < 2);
        }
    }
    panel_sum(&p);
    struct two_way_sizes z = fit(&p);
    assert_int_equal(z.component[1], 0);
    assert_int_equal(z.component[2], 2);
    assert_int_equal(z.component[3], 3);
    assert_true(fabs(z.row[1] / z.row[0] - 3) < 1e-9);
    assert_true(z.row[3] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden),
                                       cmocka_unit_test(test_as_from_cells),
                                       cmocka_unit_test(test_components)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
