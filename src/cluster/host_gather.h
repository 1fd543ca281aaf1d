/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside cluster only: the machines of many samples at once. Taking one sample after the other into
 * a sum would copy the sum for each of them. One set of memory serves any number of sums. */
#ifndef CLUSTER_HOST_GATHER_H
#define CLUSTER_HOST_GATHER_H

#include "cluster/host_sample.h"

struct host_gather {
    uint64_t *items, *spare; /* hash << 32 | visits; items not yet sorted nor joined */
    uint32_t *words;         /* of the sum that is given out */
    size_t count, most;
    uint32_t below;
};

/* `most`: machines of a sum, at most HOST_SAMPLE_MOST. ERR_NOMEM: nothing is to be freed. */
enum err host_gather_init(struct host_gather *g, size_t most) MUST_USE;
void host_gather_free(struct host_gather *g);
void host_gather_add(struct host_gather *g, const struct host_sample *s);
/* What was added since the last sum, as host_sample_union makes it in any order. Not to be freed;
 * there until the next sum. */
void host_gather_sum(struct host_gather *g, struct host_sample *out);

#endif
