/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cost of the trap sizes behind 300 series at 200 traps over three years of days: the part of
 * series_load (observe/series.h) that grows with the number of series. */
#include "stat/random.h"
#include "stat/two_way_sums.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TRAPS = 200, DAYS = 1095, SERIES = 300, RUNS_MAX = TRAPS * 16, OUTAGE_DAYS = 5 };

static struct two_way_run runs[RUNS_MAX];
static double by_trap[TRAPS], by_day[DAYS], size[TRAPS];
static size_t component[TRAPS];

/* A third of the traps are born within the first year; each is out every few months. */
static size_t network_make(gsl_rng *rng)
{
    size_t n = 0;
    for (uint32_t trap = 0; trap < TRAPS; trap++) {
        uint32_t at = trap % 3 ? 0 : (uint32_t)gsl_rng_uniform_int(rng, 365);
        while (at < DAYS && n < RUNS_MAX) {
            uint32_t to = at + 100 + (uint32_t)gsl_rng_uniform_int(rng, 300);
            to = to < DAYS ? to : DAYS;
            runs[n++] = (struct two_way_run){trap, at, to, 1};
            at = to + OUTAGE_DAYS;
        }
    }
    return n;
}

static void counts_make(gsl_rng *rng, size_t run_count)
{
    memset(by_trap, 0, sizeof by_trap);
    memset(by_day, 0, sizeof by_day);
    for (size_t r = 0; r < run_count; r++) {
        for (uint32_t t = runs[r].from; t < runs[r].to; t++) {
            double y = (double)gsl_rng_uniform_int(rng, 50) * (1 + runs[r].row % 7);
            by_trap[runs[r].row] += y;
            by_day[t] += y;
        }
    }
}

int main(void)
{
    gsl_rng *rng = random_seeded(S("series bench"));
    struct arena *arena = arena_new(1 << 20);
    if (!rng || !arena) {
        return 1;
    }
    size_t run_count = network_make(rng);
    const struct two_way_sums sums = {TRAPS, DAYS, runs, run_count, by_trap, by_day};
    struct two_way_sizes sizes = {.row = size, .component = component};
    clock_t spent = 0;
    for (int k = 0; k < SERIES; k++) {
        counts_make(rng, run_count);
        arena_reset(arena);
        clock_t before = clock();
        if (two_way_sums_fit(&sums, arena, &sizes) != OK || !sizes.is_converged) {
            return 1;
        }
        spent += clock() - before;
    }
    printf("trap sizes of %d series, %d traps x %d days: %.2f s CPU\n", SERIES, TRAPS, DAYS,
           (double)spent / CLOCKS_PER_SEC);
    arena_free(arena);
    gsl_rng_free(rng);
    return 0;
}
