/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From groups of parts to clusters with lasting ids. A new grouping inherits the ids of the old one
 * by the messages they share; what began, merged and split is told. A person's words (pins) stand
 * over any grouping. Pure: parts in, parts out, events out. */
#ifndef CLUSTER_IDENTITY_H
#define CLUSTER_IDENTITY_H

#include "cluster/part.h"

struct identity_part {
    uint64_t key;
    uint64_t weight;  /* messages */
    uint32_t group;   /* as the grouping says */
    uint32_t cluster; /* in: the old cluster's id, out: the new one's; 0: none yet */
    uint32_t pin;     /* the cluster in which a person wants it; 0: none */
};

/* IDENTITY_EVENT: what happened to a cluster. */
enum identity_event_kind {
#define CLUSTER_EVENT(id, name, doc) CLUSTER_##id,
#include "cluster/event.def"
#undef CLUSTER_EVENT
    CLUSTER_EVENT_COUNT
};

struct identity_event {
    enum identity_event_kind kind;
    uint32_t cluster, other;  /* other: into which, out of which; 0: none */
    uint64_t parts, messages; /* that it is about */
};

/* `least`: messages a group must have to become a cluster (groups that had an id keep it).
 * `is_taken(arg, id)`: whether an id was ever given. A new id is the first 32 bits of its heaviest
 * part's key, rehashed while taken. ERR_NOMEM. */
enum err identity_update(struct identity_part *parts, size_t n, uint64_t least,
                         bool (*is_taken)(void *arg, uint32_t id), void *arg,
                         void (*on_event)(void *arg, const struct identity_event *e)) MUST_USE;

#endif
