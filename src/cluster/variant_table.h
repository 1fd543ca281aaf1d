/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside cluster only: the table of variants, for the files that compare and group them. */
#ifndef CLUSTER_VARIANT_TABLE_H
#define CLUSTER_VARIANT_TABLE_H

#include "cluster/host_sample.h"
#include "cluster/variant.h"
#include "cluster/variant_dialect.h"

enum { VARIANT_HOSTS = 256 }; /* machines of a variant's sample */

struct variant {
    uint64_t key;
    uint64_t error; /* Space-Saving: the count of the one that gave way */
    struct profile profile;
    struct dialect *dialect;
    struct host_sample hosts;
};

struct variants {
    struct variant *items;
    size_t count, capacity, most;
    uint32_t *slots; /* places + 1 by key, open addressing; 0: free */
    size_t slot_mask;
    /* Once full: a heap of places by the weight they had when last looked at; weights only grow,
       so the true least is found by looking again at what is on top. */
    uint32_t *heap;
    uint64_t *seen; /* by place */
};

#endif
