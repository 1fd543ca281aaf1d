/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A botnet with a known number of machines, seen through churning addresses, shared addresses and
 * traps that miss most of what it sends: what the estimate of hosts is scored on, by hand in bench/
 * and in a short form as a test. */
#ifndef TESTS_HOST_RANGE_H
#define TESTS_HOST_RANGE_H

#include "observe/host_model.h"

#include <gsl/gsl_rng.h>

struct host_range {
    const char *name;
    size_t machines, networks, days;
    double churn;       /* mean over networks of address changes a day */
    double churn_shape; /* of their gamma distribution over networks; INFINITY: all alike */
    double rate;        /* messages of a machine a day */
    double rate_shape;  /* of their gamma distribution; INFINITY: all alike */
    double burst;       /* messages come in bursts of this mean size; 1: alone */
    double shared;      /* part of the machines that sit behind the address of another one */
    double replaced;    /* part of the machines that is replaced by others a day */
};

struct host_seen_figures {
    double daily;  /* mean distinct addresses of a day */
    double period; /* distinct addresses of the period */
};

/* Runs it once into a new model. */
struct host_model *host_range_run(const struct host_range *range, gsl_rng *rng,
                                  struct host_seen_figures *figures) MUST_USE;

#endif
