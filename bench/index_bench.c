/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The volume index scored on panels with a known truth, and its cost: index_bench [RUNS]. Prints
 * the figures of bench/README.md. */
#include "panel_simulate.h"

#include "core/clock.h"
#include "observe/index.h"

#include <sys/resource.h>
#include <time.h>

enum { ARENA_BYTES = 512 * 1024 * 1024 };

static struct arena *arena;

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static struct index compute(const struct index_panel *p, struct index_options o)
{
    struct index out;
    struct errbuf eb = {.text = ""};
    if (index_compute(p, &o, arena, &out, &eb)) {
        fprintf(stderr, "index_bench: %s\n", eb.text);
        exit(1);
    }
    return out;
}

static void score(const char *name, struct simulation sim, struct index_options o, int runs)
{
    struct index_score s = {0};
    double drift = 0, drift_squares = 0;
    for (int k = 0; k < runs; k++) {
        char seed[64];
        snprintf(seed, sizeof seed, "%s %d", name, k);
        arena_reset(arena);
        struct index_panel p = simulate_panel(&sim, slice_cstr(seed), arena);
        struct index i = compute(&p, o);
        index_score_add(&s, &p, &i, &sim);
        drift += i.drift_yearly / runs;
        drift_squares += i.drift_yearly * i.drift_yearly / runs;
    }
    printf("%-44s rmse %5.2f %%  coverage %5.1f %%  drift %+.2f %% a year (rms %.2f %%)\n", name,
           100 * sqrt(s.squares / (double)s.points), 100 * (double)s.covered / (double)s.points,
           100 * drift, 100 * sqrt(drift_squares));
}

/* Mean of the index on a trap's days out, against the same panel without the outage. */
static void leakage(int runs)
{
    double sum = 0, worst = 0;
    for (int k = 0; k < runs; k++) {
        char seed[32];
        struct simulation sim = {.sites = 4,
                                 .traps_a_site = 3,
                                 .times = 120,
                                 .level = 1000,
                                 .trap_sd = 0.05,
                                 .site_sd = 0.03,
                                 .site_rho = 0.5};
        snprintf(seed, sizeof seed, "leakage %d", k);
        arena_reset(arena);
        struct index_panel p = simulate_panel(&sim, slice_cstr(seed), arena);
        struct index before = compute(&p, (struct index_options){0});
        size_t trap = (size_t)k % p.traps;
        for (size_t t = 60; t < 90; t++) {
            ((float *)(uintptr_t)p.exposure)[trap * p.times + t] = 0;
        }
        struct index after = compute(&p, (struct index_options){0});
        double mean = 0;
        for (size_t t = 60; t < 90; t++) {
            mean += log(after.points[t].index / before.points[t].index) / 30;
        }
        sum += fabs(mean) / runs;
        worst = fmax(worst, fabs(mean));
    }
    printf("%-44s mean %.2f %%  worst %.2f %%\n", "a trap out for 30 days moves the index by",
           100 * sum, 100 * worst);
}

static void cost(void)
{
    struct simulation sim = {.sites = 20,
                             .traps_a_site = 10,
                             .times = 1096,
                             .level = 100,
                             .trap_sd = 0.1,
                             .site_sd = 0.05,
                             .site_rho = 0.5,
                             .births = true,
                             .outages = true};
    arena_reset(arena);
    struct index_panel p = simulate_panel(&sim, S("cost"), arena);
    double start = cpu_seconds();
    compute(&p, (struct index_options){0});
    printf("%-44s %.3f s CPU\n", "3 years x 200 traps by the day", cpu_seconds() - start);
    start = cpu_seconds();
    compute(&p, (struct index_options){.is_robust = true});
    printf("%-44s %.3f s CPU\n", "the same, robust", cpu_seconds() - start);
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    printf("%-44s %ld MiB\n", "peak memory", r.ru_maxrss / 1024);
}

int main(int argc, char **argv)
{
    int runs = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 50;
    runs = runs < 1 ? 1 : runs;
    arena = arena_new(ARENA_BYTES);
    if (!arena) {
        return 1;
    }
    cost();
    struct simulation flat = {.sites = 10,
                              .traps_a_site = 4,
                              .times = 365,
                              .level = 500,
                              .trap_sd = 0.1,
                              .births = true,
                              .outages = true};
    score("40 traps, flat truth, births and outages", flat, (struct index_options){0}, runs);
    struct simulation large = flat;
    large.sites = 20;
    large.traps_a_site = 10;
    score("200 traps, the same", large, (struct index_options){0}, runs);
    struct simulation twelve = {.sites = 4,
                                .traps_a_site = 3,
                                .times = 365,
                                .level = 150,
                                .trap_sd = 0.15,
                                .site_sd = 0.1,
                                .site_rho = 0.5,
                                .common_sd = 0.15,
                                .outages = true};
    score("12 traps, 4 sites, a year", twelve, (struct index_options){0}, runs);
    struct simulation forty = {.sites = 10,
                               .traps_a_site = 4,
                               .times = 365,
                               .level = 500,
                               .trap_sd = 0.1,
                               .site_sd = 0.05,
                               .site_rho = 0.5,
                               .common_sd = 0.15,
                               .births = true,
                               .outages = true};
    score("40 traps, 10 sites, births and deaths", forty, (struct index_options){0}, runs);
    score("the same, robust", forty, (struct index_options){.is_robust = true}, runs);
    score("the same, trap-weighted", forty, (struct index_options){.weighting = INDEX_BY_TRAP},
          runs);
    struct simulation lasting = forty;
    lasting.site_rho = 0.9;
    lasting.site_sd = 0.1;
    score("site shocks of sd 0.1 that last (rho 0.9)", lasting, (struct index_options){0}, runs);
    struct simulation years = {.sites = 10,
                               .traps_a_site = 4,
                               .times = 1096,
                               .level = 500,
                               .trap_sd = 0.1,
                               .site_sd = 0.05,
                               .site_rho = 0.5,
                               .common_sd = 0.15,
                               .births = true,
                               .outages = true};
    score("40 traps, three years", years, (struct index_options){0}, runs / 5 ? runs / 5 : 1);
    leakage(runs);
    arena_free(arena);
    return 0;
}
