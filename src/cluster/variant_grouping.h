/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of a grouping: variant_group.c puts variants together, by what their headers say
 * (variant_model.h) and what the machines of whole groups say (variant_machines.c); who is compared
 * with whom stands in buckets (variant_bucket.c). Private to variant*.c. */
#ifndef CLUSTER_VARIANT_GROUPING_H
#define CLUSTER_VARIANT_GROUPING_H

#include "cluster/variant.h"
#include "cluster/variant_model.h"

enum {
    BUCKET_GROUPS = 8,     /* groups of one bucket, the heaviest: more share what all have */
    KEYS = 6,              /* buckets a variant is looked up in */
    MEMBERS_COMPARED = 16, /* of a group: the heaviest of different dialects */
    HOSTS_LOOKED_UP = 64,  /* of a group's machines: by which groups find each other */
};

struct variant_group {
    uint32_t member[MEMBERS_COMPARED]; /* the leader first */
    uint8_t members;
    bool is_known;   /* `most` is as it is now, as far as its own members go */
    double most;     /* evidence for the best group to go to */
    uint32_t parent; /* itself, or the group it was joined with */
    uint64_t messages;
    struct variant_span span;
    struct host_sample hosts; /* in `machines` until it is joined with another */
    struct host_tally hosts_tally;
    bool owns_hosts;
};

/* Most have one group: it stands in the slot, the others in a list. */
struct bucket {
    uint64_t key;         /* 0: free */
    uint32_t group, more; /* the first; of the next its place in the list + 1, 0: none */
};

struct bucket_more {
    uint32_t group, more;
};

struct variant_buckets {
    struct bucket *slots;
    size_t mask, used;
    struct bucket_more *more;
    size_t more_count, more_size;
};

/* Groups by the machines of least hash that they have. A cell has those whose hashes end in the
 * same 16 bits. */
struct machine_index {
    uint32_t *first; /* of a cell, and one more: where it begins in */
    uint32_t *items; /* the other bits, and the group in order */
};

/* The groups of a bucket; one more than BUCKET_GROUPS says that it is full. */
struct bucket_groups {
    uint32_t group[BUCKET_GROUPS + 1];
    unsigned count;
};

struct variant_grouping {
    struct variant_model model;
    struct variant_group *groups;
    size_t count;
    uint32_t *order; /* places, heaviest first */
    uint32_t *group_of;
    struct variant_buckets buckets;
    uint32_t *machines; /* of all groups as they were placed */
    struct machine_index hosts;
};

static inline const struct variant *grouping_variant(const struct variant_grouping *g,
                                                     uint32_t place)
{
    return &g->model.v->items[place];
}

/* What a list server rewrote shows little of the program and is like several: it goes to a group in
 * the end, and is never a reason for joining two. */
static inline bool is_leaf(const struct variant_grouping *g, uint32_t place)
{
    return grouping_variant(g, place)->dialect->is_listed;
}

/* ---- variant_bucket.c ---- */

void variant_buckets_free(struct variant_buckets *b);
struct bucket_groups variant_bucket_find(const struct variant_buckets *b, uint64_t key);
/* Without the one that says that the bucket is full. */
static inline unsigned groups_listed(const struct bucket_groups *g)
{
    return g->count < BUCKET_GROUPS ? g->count : BUCKET_GROUPS;
}

/* Adds the group at the end, unless it is there or the bucket is full. false: out of memory. */
bool variant_bucket_add(struct variant_buckets *b, uint64_t key, uint32_t group) MUST_USE;
/* Where the variant at a place looks for its group. */
void variant_bucket_keys(const struct variant_grouping *g, size_t place, uint64_t keys[KEYS]);

/* ---- variant_machines.c ---- */

/* Finds the machines of each group of what is placed, without relays. ERR_NOMEM. */
enum err variant_hosts_find(struct variant_grouping *g, size_t placed) MUST_USE;
void variant_hosts_drop(struct variant_group *x);
/* ERR_NOMEM: as they were. */
enum err variant_hosts_join(struct variant_group *to, struct variant_group *from) MUST_USE;
static inline size_t hosts_looked_up(const struct variant_group *x)
{
    return x->hosts.count < HOSTS_LOOKED_UP ? x->hosts.count : HOSTS_LOOKED_UP;
}

/* Lists groups by the machines they are looked up by. ERR_NOMEM. */
enum err variant_machines_index(struct variant_grouping *g) MUST_USE;
struct bucket_groups variant_machine_find(const struct machine_index *x, uint32_t hash);

/* ---- variant_group.c ---- */

/* Groups all variants. ERR_NOMEM: nothing is left to free. */
enum err variant_grouping_make(struct variant_grouping *g, struct variants *v) MUST_USE;
void variant_grouping_free(struct variant_grouping *g);
/* The group that this one was joined with, or itself. */
uint32_t variant_group_root(struct variant_grouping *g, uint32_t x);
/* What the machines of two groups say, whose leaders' headers differ by so much. */
double variant_machines_say(const struct variant_grouping *g, const struct variant_group *x,
                            const struct variant_group *y, double differ, double evidence);

#endif
