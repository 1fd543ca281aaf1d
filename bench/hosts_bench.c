/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How well hosts are counted: botnets with a known number of machines, seen through addresses that
 * change, machines behind one address and traps that miss most. For each case the error of the
 * naive counts, the error of the estimate, and how often its 95 % interval holds the truth.
 *
 *   hosts_bench [RUNS [CASE]]   default: 200, all cases */
#include "../tests/unit/observe/host_range.h"
#include "stat/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct host_range RANGES[] = {
    /* name, machines, networks, days, churn, its shape, rate, its shape, burst, shared, replaced */
    {"static", 4000, 60, 28, 0, INFINITY, 1, INFINITY, 1, 0, 0},
    {"rate 0.2", 4000, 60, 28, 0.2, 2, 0.2, INFINITY, 1, 0, 0},
    {"rate 1", 4000, 60, 28, 0.3, 2, 1, INFINITY, 1, 0, 0},
    {"rate 5", 4000, 60, 28, 0.3, 2, 5, INFINITY, 1, 0, 0},
    {"churn daily", 4000, 60, 28, 1.0, 4, 1, INFINITY, 1, 0, 0},
    {"churn mixed", 4000, 60, 28, 0.5, 0.5, 1, INFINITY, 1, 0, 0},
    {"unlike, k 1", 4000, 60, 28, 0.3, 2, 1, 1, 1, 0, 0},
    {"unlike, k .5", 4000, 60, 28, 0.3, 2, 1, 0.5, 1, 0, 0},
    {"unlike, 5, k .5", 4000, 60, 28, 0.3, 2, 5, 0.5, 1, 0, 0},
    {"bursts of 4", 4000, 60, 28, 0.3, 2, 2, INFINITY, 4, 0, 0},
    {"replaced 5 %", 4000, 60, 28, 0.2, 2, 1, INFINITY, 1, 0, 0.05},
    {"shared 5 %", 4000, 60, 28, 0.3, 2, 1, INFINITY, 1, 0.05, 0},
    {"7 days", 4000, 60, 7, 0.3, 2, 1, INFINITY, 1, 0, 0},
    {"small", 600, 20, 28, 0.3, 2, 1, INFINITY, 1, 0, 0},
    {"k .5, 40,000", 40000, 300, 28, 0.3, 2, 1, 0.5, 1, 0, 0},
    {"unlike, bursts", 4000, 60, 28, 0.3, 2, 2, 1, 3, 0, 0},
    {"shared 20 %", 4000, 60, 28, 0.3, 2, 1, INFINITY, 1, 0.2, 0},
};

int main(int argc, char **argv)
{
    int runs = argc > 1 ? atoi(argv[1]) : 200;
    printf("%-16s %9s %9s %9s %9s %9s %9s\n", "case", "daily", "period", "estimate", "sd",
           "within10", "covered");
    for (size_t i = 0; i < sizeof RANGES / sizeof *RANGES; i++) {
        const struct host_range *r = &RANGES[i];
        if (argc > 2 && strcmp(argv[2], r->name) != 0) {
            continue;
        }
        double truth = (double)r->machines, daily = 0, period = 0, mean = 0, square = 0;
        int within = 0, covered = 0;
        gsl_rng *rng = random_seeded(slice_cstr(r->name));
        for (int k = 0; k < runs; k++) {
            struct host_seen_figures figures;
            struct host_fit fit;
            struct host_model *m = host_range_run(r, rng, &figures);
            if (host_model_fit(m, &fit)) {
                return 1;
            }
            host_model_free(m);
            double error = fit.live.n / truth - 1;
            daily += (figures.daily / truth - 1) / runs;
            period += (figures.period / truth - 1) / runs;
            mean += error / runs;
            square += error * error / runs;
            within += fabs(error) <= 0.1;
            covered += fit.live.low <= truth && truth <= fit.live.high;
        }
        gsl_rng_free(rng);
        printf("%-16s %+8.1f%% %+8.1f%% %+8.1f%% %8.1f%% %8.1f%% %8.1f%%\n", r->name, daily * 100,
               period * 100, mean * 100, sqrt(square - mean * mean) * 100, 100.0 * within / runs,
               100.0 * covered / runs);
    }
    return 0;
}
