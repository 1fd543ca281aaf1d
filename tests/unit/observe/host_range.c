/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host_range.h"

#include <gsl/gsl_randist.h>
#include <math.h>
#include <stdlib.h>

enum { DAYS_MAX = 512 };

static double gamma_mean(gsl_rng *rng, double mean, double shape)
{
    return isinf(shape) ? mean : gsl_ran_gamma(rng, shape, mean / shape);
}

/* Addresses of a network: its number above, 20 random bits below, so that they hardly meet. */
static uint64_t address_new(gsl_rng *rng, uint32_t network)
{
    return (uint64_t)(network + 1) << 20 | gsl_rng_uniform_int(rng, 1U << 20);
}

struct sending {
    gsl_rng *rng;
    struct host_model *model;
    struct host_seen_figures *figures;
    struct host_seen seen[DAYS_MAX];
    size_t count;
    uint64_t address;
    uint32_t network;
};

static void address_end(struct sending *s)
{
    if (s->count) {
        host_model_add(s->model, s->address, s->network, s->seen, s->count);
        s->figures->daily += (double)s->count;
        s->figures->period++;
    }
    s->count = 0;
    s->address = address_new(s->rng, s->network);
}

static void message_at(struct sending *s, double time, double messages)
{
    uint32_t day = (uint32_t)time;
    if (!s->count || s->seen[s->count - 1].day != day) {
        s->seen[s->count++] = (struct host_seen){.day = day};
    }
    s->seen[s->count - 1].messages += (uint64_t)messages;
}

/* From one message to the next only this matters: is it still the same address? */
static void machine_run(struct sending *s, const struct host_range *r, double churn, double rate)
{
    double bursts = rate / r->burst;
    double changes = churn + r->replaced; /* the next machine in the place is another address */
    for (double time = 0.0;;) {
        double wait = gsl_ran_exponential(s->rng, 1.0 / bursts);
        time += wait;
        if (!(time < (double)r->days)) {
            break;
        }
        if (gsl_rng_uniform(s->rng) < -expm1(-changes * wait)) {
            address_end(s);
        }
        message_at(s, time,
                   r->burst > 1.0 ? (double)gsl_ran_geometric(s->rng, 1.0 / r->burst) : 1.0);
    }
    address_end(s);
}

struct host_model *host_range_run(const struct host_range *range, gsl_rng *rng,
                                  struct host_seen_figures *figures)
{
    bool watched[DAYS_MAX];
    double *churn = calloc(range->networks, sizeof *churn);
    for (size_t i = 0; i < DAYS_MAX; i++) {
        watched[i] = true;
    }
    *figures = (struct host_seen_figures){0};
    struct sending *s = calloc(1, sizeof *s);
    struct host_model *model = host_model_new(range->days, watched);
    if (!churn || !s || !model || range->days > DAYS_MAX) {
        abort();
    }
    s->rng = rng;
    s->model = model;
    s->figures = figures;
    for (size_t i = 0; i < range->networks; i++) {
        churn[i] = gamma_mean(rng, range->churn, range->churn_shape);
    }
    for (size_t i = 0; i < range->machines; i++) {
        /* some networks have many machines, most have few */
        double u = gsl_rng_uniform(rng);
        s->network = (uint32_t)(u * u * (double)range->networks);
        s->address = address_new(rng, s->network);
        double rate = gamma_mean(rng, range->rate, range->rate_shape);
        /* Another machine behind the same address is seen as one that sends more. */
        while (range->shared > 0.0 && gsl_rng_uniform(rng) < range->shared &&
               i + 1 < range->machines) {
            rate += gamma_mean(rng, range->rate, range->rate_shape);
            i++;
        }
        machine_run(s, range, churn[s->network], rate);
    }
    figures->daily /= (double)range->days;
    free(churn);
    free(s);
    return model;
}
