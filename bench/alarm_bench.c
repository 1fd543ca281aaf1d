/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The alarms' promises by simulation (METHODS B6, C2 "Online"): run length in quiet years, delays,
 * false discoveries over many series; and what they cost.
 *
 * usage: alarm_bench [SCALE]   (SCALE 1: about a minute; figures in bench/README.md are of 10) */
#include "core/clock.h"
#include "observe/alarm_line.h"
#include "stat/random.h"

#include <gsl/gsl_randist.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { DAYS_MAX = 3660, SERIES_MAX = 300, YEAR = 365 };

static const double LEVEL = 1e6; /* messages a day: what counts themselves scatter is nothing */
static const double WEEK[7] = {.12, .1, .08, .06, .04, -.15, -.25};

static double *observed[SERIES_MAX], exposure[DAYS_MAX];
static struct series series[SERIES_MAX];

static double cpu_seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

/* A line of logarithms about `level`, standard deviation sd, correlation rho, with a weekly season;
 * from day `at` on it is `ratio` of that. */
static void simulate(size_t i, size_t days, double level, double sd, double rho, size_t at,
                     double ratio, gsl_rng *rng)
{
    double a = gsl_ran_gaussian(rng, sd);
    for (size_t t = 0; t < days; t++) {
        double x = a + WEEK[t % 7] + (t >= at ? log(ratio) : 0.0);
        observed[i][t] = (double)gsl_ran_poisson(rng, level * exp(x));
        a = rho * a + gsl_ran_gaussian(rng, sd * sqrt(1.0 - rho * rho));
    }
    series[i] = (struct series){.bucket = BUCKET_DAY,
                                .first = civil_to_days(2009, 1, 1) * SECONDS_PER_DAY,
                                .count = days,
                                .observed = observed[i],
                                .exposure = exposure};
}

/* ---- run lengths of the CUSUM alone ---- */

/* The chart with mean and variance known: quiet days until it is past, one side, from 0. */
static double known_run_length(const struct cusum_design *d, double shift, size_t runs,
                               gsl_rng *rng)
{
    double days = 0.0;
    for (size_t i = 0; i < runs; i++) {
        for (double s = 0.0; s <= d->h;) {
            double z = gsl_ran_ugaussian(rng) + shift - d->k;
            days += 1.0;
            s = fmax(0.0, s + z);
            if (d->h == 0.0 && z > 0.0) {
                break;
            }
        }
    }
    return days / (double)runs;
}

/* The program's own: everything estimated from the series. One side's mean days that are no
 * holidays to a crossing. */
static double quiet_run_length(double sd, double rho, size_t years, size_t runs, gsl_rng *rng)
{
    double days = 0.0, crossings = 0.0;
    struct arena *arena = arena_new(512 * 1024 * 1024);
    for (size_t run = 0; run < runs; run++) {
        struct alarm_designs designs = {.items = {NULL}};
        struct alarm_line l;
        simulate(0, years * YEAR, LEVEL, sd, rho, SIZE_MAX, 1.0, rng);
        if (alarm_line_init(&l, &series[0], &ALARM_DEFAULT, &designs, arena) != OK) {
            abort();
        }
        for (size_t t = 0; t < series[0].count; t++) {
            alarm_line_step(&l, t);
            for (int side = 0; side < ALARM_SIDES; side++) {
                if (alarm_line_is_past(&l, (enum alarm_side)side)) {
                    crossings += 1.0;
                    l.s[side] = 0.0;
                }
            }
            days += l.season.is_holiday[t] ? 0.0 : ALARM_SIDES; /* they hardly alarm */
        }
        arena_reset(arena);
    }
    arena_free(arena);
    return days / crossings;
}

/* ---- whole alarms ---- */

static enum err find(size_t count, size_t days, bool is_dependent, struct arena *arena,
                     struct alarms *out)
{
    struct alarm_options o = ALARM_DEFAULT;
    o.is_dependent = is_dependent;
    return alarm_find(series, count, &o, series[0].first,
                      series[0].first + (int64_t)days * SECONDS_PER_DAY, arena, out);
}

/* Mean days from a drop to its alarm, those of one series alone; *missed within 60 days. */
static double alarm_delay(double sd, double rho, double drop, size_t runs, double *missed,
                          double *date_error, gsl_rng *rng)
{
    enum { BEFORE = 400, AFTER = 60 };
    double sum = 0.0, found = 0.0, apart = 0.0;
    struct arena *arena = arena_new(512 * 1024 * 1024);
    for (size_t run = 0; run < runs; run++) {
        struct alarms a;
        simulate(0, BEFORE + AFTER, LEVEL, sd, rho, BEFORE, 1.0 - drop, rng);
        if (find(1, BEFORE + AFTER, false, arena, &a) != OK) {
            abort();
        }
        for (size_t i = 0; i < a.count; i++) {
            double day = (double)(a.items[i].raised - series[0].first) / SECONDS_PER_DAY - BEFORE;
            if (a.items[i].is_drop && a.items[i].kind == ALARM_DAY && day >= 0.0) {
                sum += day + 1.0;
                apart += fabs((double)(a.items[i].date - series[0].first) / SECONDS_PER_DAY -
                              BEFORE) <= 1.0;
                found += 1.0;
                break;
            }
        }
        arena_reset(arena);
    }
    arena_free(arena);
    *missed = 1.0 - found / (double)runs;
    *date_error = apart / found;
    return sum / found;
}

/* 300 series, of which `changed` halve on days of their own: false alarms and found changes. */
static void discoveries(size_t changed, size_t days, bool is_dependent, double rho, size_t runs,
                        gsl_rng *rng)
{
    double alarms = 0.0, wrong = 0.0, found = 0.0, rate = 0.0;
    struct arena *arena = arena_new(1024UL * 1024 * 1024);
    double before = cpu_seconds(), spent = 0.0;
    for (size_t run = 0; run < runs; run++) {
        struct alarms a;
        size_t at[SERIES_MAX];
        for (size_t i = 0; i < SERIES_MAX; i++) {
            at[i] = i < changed ? 300 + gsl_rng_uniform_int(rng, days - 360) : SIZE_MAX;
            double level = exp(log(30.0) + 8.0 * gsl_rng_uniform(rng));
            simulate(i, days, level, .1 + .2 * gsl_rng_uniform(rng), rho, at[i], .5, rng);
        }
        before = cpu_seconds();
        if (find(SERIES_MAX, days, is_dependent, arena, &a) != OK) {
            abort();
        }
        spent += cpu_seconds() - before;
        double all = 0.0, false_ones = 0.0;
        for (size_t k = 0; k < a.count; k++) {
            size_t i = 0;
            while (a.items[k].series->observed != observed[i]) {
                i++;
            }
            double day = (double)(a.items[k].raised - series[0].first) / SECONDS_PER_DAY;
            bool is_true = i < changed && day >= (double)at[i] && day < (double)at[i] + 60.0 &&
                           a.items[k].is_drop;
            all += 1.0;
            false_ones += !is_true;
            found += is_true;
        }
        alarms += all;
        wrong += false_ones;
        rate += all > 0.0 ? false_ones / all : 0.0;
        arena_reset(arena);
    }
    arena_free(arena);
    printf("%zu of 300 series halve, rho %.1f, %s: %.0f alarms in %zu runs of %zu days, false "
           "%.0f (%.2f a year over all 300), FDR %.3f, found %.1f %%; %.2f s a run\n",
           changed, rho, is_dependent ? "e-values" : "p-values", alarms, runs, days, wrong,
           wrong / (double)runs / ((double)days / YEAR), rate / (double)runs,
           changed ? 100.0 * found / (double)(changed * runs) : 0.0, spent / (double)runs);
}

int main(int argc, char **argv)
{
    static const double SD[] = {.1, .2, .3}, DROP[] = {.1, .2, .3, .5};
    size_t scale = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
    gsl_rng *rng = random_seeded(S("alarm_bench"));
    for (size_t i = 0; i < SERIES_MAX; i++) {
        observed[i] = calloc(DAYS_MAX, sizeof *observed[i]);
        if (!observed[i]) {
            return 1;
        }
    }
    for (size_t t = 0; t < DAYS_MAX; t++) {
        exposure[t] = 1.0;
    }
    puts("CUSUM, one side, days to a false crossing (365 asked):");
    for (size_t i = 0; i < 3; i++) {
        struct cusum_design d;
        if (cusum_design(-log(.7) / SD[i], 365.0, &d) != OK) {
            return 1;
        }
        printf("  log-sd %.1f: known noise %.0f; estimated, 10 years, rho 0 %.0f, rho .5 %.0f\n",
               SD[i], known_run_length(&d, 0.0, 500 * scale, rng),
               quiet_run_length(SD[i], 0.0, 10, 10 * scale, rng),
               quiet_run_length(SD[i], .5, 10, 10 * scale, rng));
    }
    puts(
        "delays in days: B6's integral equation; CUSUM simulated, chart of that drop; alarm (CUSUM "
        "of 30 % and BOCPD, all estimated), missed in 60 days, date within a day:");
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < 4; j++) {
            struct cusum_design d;
            double shift = -log(1.0 - DROP[j]) / SD[i], missed, dated;
            if (cusum_design(shift, 365.0, &d) != OK) {
                return 1;
            }
            double delay = alarm_delay(SD[i], 0.0, DROP[j], 20 * scale, &missed, &dated, rng);
            printf("  log-sd %.1f, drop %2.0f %%: %5.1f %5.1f   %5.1f (%.0f %% missed, %.0f %% "
                   "dated)\n",
                   SD[i], DROP[j] * 100.0, cusum_arl(d.k, d.h, shift),
                   known_run_length(&d, shift, 2000 * scale, rng), delay, missed * 100.0,
                   dated * 100.0);
        }
    }
    for (int dependent = 0; dependent < 2; dependent++) {
        discoveries(0, 1095, dependent, 0.0, scale, rng);
        discoveries(0, 1095, dependent, .5, scale, rng);
        discoveries(30, 1095, dependent, .3, scale, rng);
    }
    gsl_rng_free(rng);
    return 0;
}
