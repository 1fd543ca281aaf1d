/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Panels with a known truth, for the index's tests and its bench: traps of very different sizes,
 * what all see alike, what a site and what a trap sees differently, births, deaths and outages. */
#ifndef TESTS_PANEL_SIMULATE_H
#define TESTS_PANEL_SIMULATE_H

#include "core/clock.h"
#include "observe/index.h"
#include "stat/random.h"

#include <gsl/gsl_randist.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIMULATE_FIRST_DAY = 14600 }; /* 2009-12-22 */

struct simulation {
    size_t sites, traps_a_site, times;
    double level;                      /* median count of a trap a day */
    double trap_sd, site_sd, site_rho; /* log-sd by day; AR(1) of the site's */
    double common_sd;                  /* log-sd of the truth, AR(1) 0.5 */
    bool births, outages;              /* half of the traps live a part of the time; each is out for
                                          a week now and then */
    double *truth;                     /* out, arena: log of the true volume by day */
};

static inline double simulate_ar(gsl_rng *rng, double last, double rho, double sd, size_t t)
{
    double e = gsl_ran_gaussian(rng, sd);
    return t ? rho * last + sqrt(1 - rho * rho) * e : e;
}

static inline void simulate_exposure(gsl_rng *rng, const struct simulation *sim, float *exposure)
{
    size_t from = 0, to = sim->times;
    if (sim->births && gsl_rng_uniform(rng) < 0.5) {
        from = gsl_rng_uniform_int(rng, sim->times / 2);
        to = sim->times / 2 + gsl_rng_uniform_int(rng, sim->times / 2);
    }
    for (size_t t = 0; t < sim->times; t++) {
        exposure[t] = t >= from && t < to;
    }
    for (size_t k = 0; sim->outages && k < sim->times / 90 + 1; k++) {
        size_t at = gsl_rng_uniform_int(rng, sim->times);
        for (size_t t = at; t < at + 7 && t < sim->times; t++) {
            exposure[t] = 0;
        }
    }
}

/* The panel; sim->truth is filled. Everything in `arena`. */
static inline struct index_panel simulate_panel(struct simulation *sim, struct slice seed,
                                                struct arena *arena)
{
    size_t traps = sim->sites * sim->traps_a_site, times = sim->times;
    gsl_rng *rng = random_seeded(seed);
    size_t *site = arena_calloc(arena, traps, sizeof *site);
    int64_t *from = arena_calloc(arena, times + 1, sizeof *from);
    double *count = arena_calloc(arena, traps * times, sizeof *count);
    float *exposure = arena_calloc(arena, traps * times, sizeof *exposure);
    double *shock = arena_calloc(arena, sim->sites, sizeof *shock);
    double *size = arena_calloc(arena, traps, sizeof *size);
    sim->truth = arena_calloc(arena, times, sizeof *sim->truth);
    if (!rng || !site || !from || !count || !exposure || !shock || !size || !sim->truth) {
        abort();
    }
    for (size_t i = 0; i < traps; i++) {
        site[i] = i / sim->traps_a_site;
        size[i] = sim->level * exp(gsl_ran_gaussian(rng, 0.8));
        simulate_exposure(rng, sim, exposure + i * times);
    }
    for (size_t t = 0; t <= times; t++) {
        from[t] = (SIMULATE_FIRST_DAY + (int64_t)t) * SECONDS_PER_DAY;
    }
    for (size_t t = 0; t < times; t++) {
        sim->truth[t] = simulate_ar(rng, t ? sim->truth[t - 1] : 0, 0.5, sim->common_sd, t);
        for (size_t g = 0; g < sim->sites; g++) {
            shock[g] = simulate_ar(rng, shock[g], sim->site_rho, sim->site_sd, t);
        }
        for (size_t i = 0; i < traps; i++) {
            /* Means of 1: the noise moves no level. */
            double log_mean = sim->truth[t] + shock[site[i]] - sim->site_sd * sim->site_sd / 2 +
                              gsl_ran_gaussian(rng, sim->trap_sd) - sim->trap_sd * sim->trap_sd / 2;
            count[i * times + t] =
                exposure[i * times + t] > 0 ? gsl_ran_poisson(rng, size[i] * exp(log_mean)) : 0;
        }
    }
    gsl_rng_free(rng);
    return (struct index_panel){.traps = traps,
                                .times = times,
                                .sites = sim->sites,
                                .site = site,
                                .from = from,
                                .count = count,
                                .exposure = exposure,
                                .step = INDEX_DAY};
}

/* The panel with one trap more: `trap` as two that share its mail, one and one by turns. */
static inline struct index_panel panel_split(const struct index_panel *p, size_t trap,
                                             struct arena *arena)
{
    struct index_panel q = *p;
    q.traps = p->traps + 1;
    size_t cells = p->traps * p->times;
    size_t *site = arena_calloc(arena, q.traps, sizeof *site);
    double *count = arena_calloc(arena, q.traps * p->times, sizeof *count);
    float *exposure = arena_calloc(arena, q.traps * p->times, sizeof *exposure);
    if (!site || !count || !exposure) {
        abort();
    }
    memcpy(site, p->site, p->traps * sizeof *site);
    memcpy(count, p->count, cells * sizeof *count);
    memcpy(exposure, p->exposure, cells * sizeof *exposure);
    site[p->traps] = site[trap];
    for (size_t t = 0; t < p->times; t++) {
        count[cells + t] = floor(count[trap * p->times + t] / 2);
        count[trap * p->times + t] -= count[cells + t];
        exposure[cells + t] = exposure[trap * p->times + t];
    }
    q.site = site;
    q.count = count;
    q.exposure = exposure;
    return q;
}

struct index_score {
    size_t points, covered;
    double squares; /* of log index less log truth, both against the base */
};

/* Compares with the truth, against the mean of the base's 28 days. */
static inline void index_score_add(struct index_score *s, const struct index_panel *p,
                                   const struct index *i, const struct simulation *sim)
{
    double base = 0;
    for (size_t t = 0; t < 28; t++) {
        base += sim->truth[t] / 28;
    }
    for (size_t t = 0; t < p->times; t++) {
        double truth = 100 * exp(sim->truth[t] - base);
        if (i->points[t].index > 0) {
            double d = log(i->points[t].index / truth);
            s->squares += d * d;
            s->covered += truth >= i->points[t].low && truth <= i->points[t].high;
            s->points++;
        }
    }
}

#endif
