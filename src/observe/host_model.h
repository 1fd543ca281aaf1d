/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From addresses to machines. An address is not a machine: it changes (DHCP), and a machine that
 * sends little is not seen every day. The model of METHODS B10:
 *
 *   a live machine sends messages to the traps at a rate (per day) that differs between machines by
 *   a gamma distribution, and changes its address at rate `churn` of its network.
 *
 * Then the distinct addresses of one day, the addresses that are seen again d days later and the
 * messages have known means, and the number of live machines follows from them. It is a
 * longitudinal model (as CARDCount's): churn comes from how fast addresses are seen again less and
 * less, not from marks of machines. Machines that are cleaned while others are infected look like
 * churn, and the number is then that of machines alive at a time. Plain numbers: no store. */
#ifndef OBSERVE_HOST_MODEL_H
#define OBSERVE_HOST_MODEL_H

#include "stat/capture.h"

#include <stdint.h>

enum {
    HOST_LAGS = 7,         /* days over which addresses are looked for again */
    HOST_GROUPS = 20,      /* of the jackknife: groups of /24s */
    HOST_NETWORKS = 8192,  /* networks with a churn of their own, by hash */
    HOST_FREQUENCIES = 32, /* messages of an address in a day that are told apart */
};

/* Expected distinct addresses that one machine is seen with in `days` days. rate and churn per day.
 * Without churn it is 1 - e^(-rate days), with a high rate 1 + churn days. */
double host_addresses(double rate, double churn, double days);
/* Expected addresses of one machine seen on a day and again `lag` (>= 1) days later. */
double host_pairs(double rate, double churn, unsigned lag);

struct host_seen {
    uint32_t day; /* from 0, the first day of the period */
    uint64_t messages;
};

struct host_model;
/* For a period of `days` days; `watched`[day]: did the traps watch (a day of an outage is missing,
 * not zero). Copied. NULL when out of memory. */
struct host_model *host_model_new(size_t days, const bool *watched) MUST_USE;
void host_model_free(struct host_model *m);
/* One address with the days on which it was seen, ascending; `network`: AS number or what else
 * groups addresses of one churn. */
void host_model_add(struct host_model *m, uint64_t host, uint32_t network,
                    const struct host_seen *seen, size_t n);

enum host_method {
    HOST_NOT_ESTIMATED, /* too little was seen: everything below is NAN */
    HOST_DETECTION,     /* a day alone: churn is not known and not corrected for */
    HOST_CHURN,         /* churn, and detection from addresses that are seen again */
};

struct host_fit {
    enum host_method method;
    struct capture live;          /* machines alive at a time */
    double daily;                 /* mean distinct addresses of a watched day */
    double churn;                 /* mean over machines, address changes a day */
    double churn_low, churn_high; /* of networks: 10 % and 90 % of the machines */
    size_t networks;              /* with a churn of their own; the rest share one */
    double own_share;             /* of the address-days in such networks */
    double rate;                  /* messages of a live machine a day */
    double burst;                 /* of them at a time; NAN when nothing tells */
    double shape;                 /* of the gamma distribution of rates; INFINITY: all alike */
    double seen;                  /* probability that a live machine is seen on a day */
    double period_expected; /* distinct addresses that the model expects over the period, to be held
                               against those that were seen */
    struct capture chao;    /* addresses of a mean day at least, by those seen once and twice */
};

/* Estimates; the interval of `live` is a jackknife over groups of /24s (95 %). ERR_NOMEM. */
enum err host_model_fit(const struct host_model *m, struct host_fit *out) MUST_USE;

/* What follows for machines and their rate when distinct addresses changed by the factor
 * `addresses`, messages by `messages`, and a machine had sent `rate` messages a day to the traps
 * before (all alike, no churn). False when no machines at any rate can do that. */
bool host_split(double addresses, double messages, double rate, double *machines,
                double *rate_ratio);

#endif
