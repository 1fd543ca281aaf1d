/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From groups of parts to clusters with lasting ids. A new grouping inherits the ids of the old one
 * by the messages they share; what began, merged and split is told. A person's words (pins) stand
 * over any grouping. Pure: parts in, parts out, events out; the order of the parts does not matter.
 */
#ifndef CLUSTER_IDENTITY_H
#define CLUSTER_IDENTITY_H

#include "cluster/part.h"

struct identity_part {
    uint64_t key;
    uint64_t weight;  /* messages */
    uint32_t group;   /* as the grouping says; a small number: memory is used up to it */
    uint32_t cluster; /* in: the old cluster's id, out: the new one's; 0: none */
    uint32_t pin;     /* the cluster in which a person wants it; 0: none */
};

/* IDENTITY_EVENT: what happened to a cluster. */
enum identity_event_kind {
#define CLUSTER_EVENT(id, name, doc) CLUSTER_##id,
#include "cluster/event.def"
#undef CLUSTER_EVENT
    CLUSTER_EVENT_COUNT
};
/* "born", "merged", ... */
const char *cluster_event_name(enum identity_event_kind k);

struct identity_event {
    enum identity_event_kind kind;
    uint32_t cluster, other;  /* other: where its parts went, or came from; 0: none */
    uint64_t parts, messages; /* that it is about */
};

/* Gives each part its cluster:
 *  - a pinned part is where its pin says; a group of which more than half is pinned follows the
 *    heaviest pin;
 *  - other groups and old ids find each other greedily, most shared messages first, one id to one
 *    group; so an id that finds none has all its parts in other clusters, and leads to the one that
 *    has most of them (MERGED);
 *  - what is left and has `least` messages gets a new id (BORN): the first 32 bits of its heaviest
 *    part's key, rehashed while is_taken(arg, id) says that it was ever given;
 *  - less than that is in no cluster.
 * Every part that left a cluster is told of: MERGED, or SPLIT with `other` its new cluster or 0.
 * ERR_NOMEM: nothing has changed, nothing was told. */
enum err identity_update(struct identity_part *parts, size_t n, uint64_t least,
                         bool (*is_taken)(void *arg, uint32_t id),
                         void (*on_event)(void *arg, const struct identity_event *e),
                         void *arg) MUST_USE;

#endif
