/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside simulate only: who sends what when. */
#ifndef SIMULATE_WORLD_H
#define SIMULATE_WORLD_H

#include "simulate/campaign.h"
#include "simulate/family.h"
#include "simulate/host.h"
#include "simulate/simulate.h"

enum { RUN_WINDOWS = 2, WORLD_SPECIAL = 3 };

struct botnet {
    uint64_t number; /* its key: stays when others come */
    struct slice name;
    size_t family;
    double size;
    uint64_t hosts;
};

enum run_kind { RUN_BOTNET, RUN_SERVER, RUN_PEOPLE };

/* A botnet sends a campaign, in up to two periods. */
struct run {
    enum run_kind kind;
    size_t botnet, campaign; /* SIZE_MAX: none */
    uint64_t key;
    double weight;
    uint64_t messages;
    size_t windows;
    int64_t since[RUN_WINDOWS], until[RUN_WINDOWS];
};

struct world {
    struct simulate_options o;
    int64_t until;
    struct family *families;
    size_t family_count;
    struct botnet *botnets;
    size_t botnet_count;
    struct campaign *campaigns;
    size_t campaign_count;
    struct run *runs;
    size_t run_count;
    struct arena *arena;
};

enum err world_make(struct world *w, const struct simulate_options *o) MUST_USE;
void world_free(struct world *w);

/* When and from which machine the k-th message of a run comes; *r is its generator, with what this
 * took already drawn. */
int64_t world_place(const struct world *w, const struct run *run, uint64_t k, struct pcg *r,
                    struct host *host);
/* The version that a host has at a time: releases are spread over the days. */
size_t world_version(const struct world *w, const struct botnet *b, const struct host *h,
                     int64_t when);

#endif
