/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of a grouping: wording_group.c puts wordings together by what wording_evidence.c says
 * of two of them. Private to wording*.c. */
#ifndef CLUSTER_WORDING_GROUPING_H
#define CLUSTER_WORDING_GROUPING_H

#include "cluster/wording_part.h"

enum { WORDING_HEADS = 8 }; /* heaviest members that stand for a group */

/* What of a node is anybody's; and of a root, which edges of its texts stay the same. */
enum wording_flag {
    CALL_COMMON = 1,
    HTML_COMMON = 2,
    SHAPES_TRIVIAL = 4,
    SUBJECT_COMMON = 8,
    PADDED_KNOWN = 16,
    PADDED_OPEN = 32,
    PADDED_CLOSE = 64,
};

struct wording_edge {
    float strength;
    uint32_t a, b; /* nodes, a < b */
    uint32_t next; /* the one before of b, + 1 */
};

/* Two groups that were not alike at this sum of ages; a and b are 0 where nothing is known. */
enum { WORDING_REFUSAL_BITS = 16 };
struct wording_refusal {
    uint32_t a, b, age;
};

struct wording_value {
    uint32_t value, node;
};

struct wording_grouping {
    const struct wordings *v;
    size_t n;
    uint32_t *order, *node_of;        /* node to place and back */
    uint8_t *flags;                   /* what of a node is anybody's; wording_flag */
    uint32_t *parent;                 /* the root is the group's heaviest node */
    uint32_t (*heads)[WORDING_HEADS]; /* of roots, ascending; n: none */
    uint32_t *age;                    /* of roots: how often its heads changed */
    struct wording_refusal *refusals;
    uint32_t *domains;    /* hashes: per node ascending ... */
    uint32_t *domain_end; /* ... up to here, from where the node before ends */
    bool has_domains;     /* only those that are rare are left */
    struct wording_edge *edges;
    size_t edge_count, edge_room;
    uint32_t *edge_of; /* the last edge of a node with a heavier one, + 1 */
    uint8_t *edges_of;
    struct wording_value *values, *sorted; /* of buckets */
};

static inline const struct wording *grouping_wording(const struct wording_grouping *g, size_t node)
{
    return &g->v->items[g->order[node]];
}

/* By value; those of one value stay in their order. `scratch` has room for n, too. */
void wording_values_sort(struct wording_value *values, struct wording_value *scratch, size_t n);

uint32_t grouping_root(struct wording_grouping *g, uint32_t node);

/* Lists the domains of all nodes, and flags what is anybody's. ERR_NOMEM. */
enum err grouping_look(struct wording_grouping *g) MUST_USE;
/* Leaves the domains that few groups have, and calls fn with the nodes of each. ERR_NOMEM. */
enum err grouping_rare_domains(struct wording_grouping *g,
                               enum err (*fn)(struct wording_grouping *g,
                                              const struct wording_value *members,
                                              size_t n)) MUST_USE;
bool grouping_call_is_common(const struct wording_grouping *g, size_t node);
/* Whether their strength can be 1 or more: cheaper than the evidence, which few candidates need. */
bool grouping_may_be_alike(const struct wording_grouping *g, uint32_t a, uint32_t b);
void grouping_evidence(const struct wording_grouping *g, uint32_t a, uint32_t b,
                       struct wording_evidence *out);

#endif
