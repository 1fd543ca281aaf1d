/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Infected machines: where they stand, when they are up, how their address changes, when their
 * engine is renewed. A machine is a function of seed, botnet and number. */
#ifndef SIMULATE_HOST_H
#define SIMULATE_HOST_H

#include "core/ip.h"
#include "core/slice.h"
#include "stat/pcg.h"

enum { HOST_LABEL_BYTES = 24, HOST_NAME_BYTES = 96 };

struct host {
    uint64_t machine;    /* one number for one machine, whatever botnets have it */
    const char *country; /* two letters */
    int zone_minutes;
    double rate;                  /* messages, against the mean of 1 */
    int64_t lease_seconds;        /* 0: a fixed address */
    int64_t born, dies;           /* of the infection */
    int64_t clock_off;            /* seconds that its clock is wrong */
    double upgrade_lag;           /* days from a version's release to its being here */
    char label[HOST_LABEL_BYTES]; /* of the machine: "pc-anna" */
    const char *tld;
};

struct host host_make(uint64_t seed, uint64_t botnet, uint64_t number, int64_t since, int64_t until,
                      double mess);
struct ip host_address(const struct host *h, uint64_t seed, int64_t when);
/* Its reverse name; empty for a third of the networks. Returns the length. */
size_t host_name(const struct host *h, struct ip address, char out[HOST_NAME_BYTES]);

#endif
