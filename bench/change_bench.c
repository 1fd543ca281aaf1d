/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Change detection: what it costs, and how good it is on lines whose changes are known.
 *
 *   change_bench [-r ROUNDS]     default 400 lines for each figure
 *
 * Prints CPU and memory of 300 lines of three years by day; how often a change is dated to the day;
 * how often its interval holds the true size; how many changes are seen on lines that have none. */
#include "observe/change.h"
#include "stat/random.h"

#include <getopt.h>
#include <gsl/gsl_randist.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { DAYS = 1096, LINES = 300, START_DAY = 14610 /* 2010-01-01 */ };

static gsl_rng *rng;

struct world {
    double level, sd, rho; /* of the latent log process */
    double weekday;        /* how much less a Sunday has */
    size_t days, changes;  /* steps at even distances, plus some days */
    double factor;         /* of each step; 0: drawn from 0.3 to 3 */
    size_t at[64];         /* where they were put */
};

static void line_draw(struct world *w, double *y)
{
    double latent = gsl_ran_gaussian(rng, w->sd), level = w->level;
    size_t next = 0;
    for (size_t i = 0; i < w->changes; i++) {
        w->at[i] = (i + 1) * w->days / (w->changes + 1) + gsl_rng_uniform_int(rng, 9);
    }
    for (size_t i = 0; i < w->days; i++) {
        if (next < w->changes && i == w->at[next]) {
            level *= w->factor > 0 ? w->factor : exp(log(3) * (2 * gsl_rng_uniform(rng) - 1));
            next++;
        }
        double season = (START_DAY + i) % 7 == 3 ? 1 - w->weekday : 1;
        double mean = level * season * exp(latent);
        y[i] = mean > 1e6 ? floor(mean) : gsl_ran_poisson(rng, mean);
        latent = w->rho * latent + gsl_ran_gaussian(rng, w->sd * sqrt(1 - w->rho * w->rho));
    }
}

static struct series series_of(const double *y, const double *exposure, size_t days,
                               const char *name)
{
    return (struct series){.key = {DIMENSION_BOTNET, slice_cstr(name), UNIT_MESSAGES},
                           .bucket = BUCKET_DAY,
                           .first = (int64_t)START_DAY * SECONDS_PER_DAY,
                           .count = days,
                           .observed = y,
                           .exposure = exposure};
}

static struct changes find(const struct series *s, size_t count, double least, struct arena *arena)
{
    static const struct store_filter ALL = STORE_FILTER_ALL;
    struct change_query q = {.filter = ALL, .bucket = BUCKET_DAY, .least = least};
    struct changes c;
    if (changes_find(s, count, &q, NULL, arena, &c) != OK) {
        fprintf(stderr, "change_bench: out of memory\n");
        exit(1);
    }
    return c;
}

static double cpu_seconds(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* A third quiet, a third with few changes, a third with many; from five messages a day to 50,000.
 */
static void cost(void)
{
    static struct series series[LINES];
    static char names[LINES][16];
    double *exposure = malloc(DAYS * sizeof *exposure);
    struct arena *arena = arena_new((size_t)256 * 1024 * 1024);
    if (!exposure || !arena) {
        exit(1);
    }
    for (size_t i = 0; i < DAYS; i++) {
        exposure[i] = i % 97 == 50 ? 0.0 : i % 31 == 7 ? 0.6 : 1.0;
    }
    for (size_t k = 0; k < LINES; k++) {
        struct world w = {.level = 5 * exp(log(10000) * gsl_rng_uniform(rng)),
                          .sd = 0.1 + 0.15 * gsl_rng_uniform(rng),
                          .rho = 0.3 + 0.4 * gsl_rng_uniform(rng),
                          .weekday = 0.3,
                          .days = DAYS,
                          .changes = k % 3 * 4};
        double *y = malloc(DAYS * sizeof *y);
        if (!y) {
            exit(1);
        }
        line_draw(&w, y);
        for (size_t i = 0; i < DAYS; i++) {
            y[i] = floor(y[i] * exposure[i]);
        }
        snprintf(names[k], sizeof names[k], "line-%zu", k);
        series[k] = series_of(y, exposure, DAYS, names[k]);
    }
    double before = cpu_seconds();
    struct changes c = find(series, LINES, 0.1, arena);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("300 lines x 3 years by day: %.2f s CPU, %ld MiB, %zu changes of %zu candidates\n",
           cpu_seconds() - before, usage.ru_maxrss / 1024, c.count, c.tested);
    arena_free(arena);
    for (size_t k = 0; k < LINES; k++) {
        free((void *)(uintptr_t)series[k].observed);
    }
    free(exposure);
}

/* One known step in a year; the nearest change found within ten days of it is it. */
static void known_step(int rounds, struct world w)
{
    static double y[DAYS], exposure[DAYS];
    int found = 0, exact = 0, near = 0, held = 0, dated = 0, others = 0;
    for (size_t i = 0; i < DAYS; i++) {
        exposure[i] = 1;
    }
    for (int i = 0; i < rounds; i++) {
        struct arena *arena = arena_new((size_t)64 * 1024 * 1024);
        line_draw(&w, y);
        struct series s = series_of(y, exposure, w.days, "known");
        struct changes c = find(&s, 1, 0, arena);
        const struct change *best = NULL;
        for (size_t k = 0; k < c.count && w.changes; k++) {
            long off = labs((long)c.items[k].at - (long)w.at[0]);
            best = off <= 10 && (!best || off < labs((long)best->at - (long)w.at[0])) ? &c.items[k]
                                                                                      : best;
        }
        others += (int)c.count - (best != NULL);
        if (best) {
            int64_t truth = change_time(&s, w.at[0]);
            long off = labs((long)best->at - (long)w.at[0]);
            found++;
            exact += off == 0;
            near += off <= 1;
            held += best->size.low <= w.factor && w.factor <= best->size.high;
            dated += best->earliest <= truth && truth <= best->latest;
        }
        arena_free(arena);
    }
    double n = rounds, f = found ? found : 1;
    printf(
        "level %6.0f, log-sd %.2f, rho %.1f, %3.0f %%: found %5.1f %%, that day %5.1f %%, +-1 day "
        "%5.1f %%, date interval holds %5.1f %%, size interval holds %5.1f %%, others a line "
        "%.3f\n",
        w.level, w.sd, w.rho, w.changes ? 100 * (w.factor - 1) : 0, 100 * found / n,
        100 * exact / n, 100 * near / n, 100 * dated / f, 100 * held / f, others / n);
}

int main(int argc, char **argv)
{
    int rounds = 400;
    for (int c; (c = getopt(argc, argv, "r:")) != -1;) {
        if (c != 'r' || (rounds = atoi(optarg)) < 1) {
            fprintf(stderr, "usage: change_bench [-r ROUNDS]\n");
            return 64;
        }
    }
    rng = random_seeded(S("change_bench"));
    if (!rng) {
        return 1;
    }
    cost();
    static const double RHOS[] = {0, 0.5, 0.8};
    static const double LEVELS[] = {1000, 10};
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < 3; i++) {
            known_step(rounds, (struct world){.level = LEVELS[k],
                                              .sd = 0.1,
                                              .rho = RHOS[i],
                                              .weekday = 0.2,
                                              .days = 365,
                                              .changes = 1,
                                              .factor = k ? 0.4 : 0.7});
        }
    }
    known_step(rounds, (struct world){.level = 1000,
                                      .sd = 0.2,
                                      .rho = 0.5,
                                      .weekday = 0.2,
                                      .days = 365,
                                      .changes = 1,
                                      .factor = 0.5});
    for (size_t i = 0; i < 3; i++) {
        known_step(
            rounds,
            (struct world){.level = 1000, .sd = 0.2, .rho = RHOS[i], .weekday = 0.2, .days = DAYS});
        known_step(
            rounds,
            (struct world){.level = 5, .sd = 0.2, .rho = RHOS[i], .weekday = 0.2, .days = DAYS});
    }
    for (size_t i = 0; i < 3; i++) {
        known_step(
            2 * rounds,
            (struct world){.level = 1000, .sd = 0.2, .rho = RHOS[i], .weekday = 0.2, .days = 400});
    }
    gsl_rng_free(rng);
    return 0;
}
