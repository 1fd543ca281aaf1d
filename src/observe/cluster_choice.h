/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which mailers or campaigns a person's word means: those of a series. Plain data, arena. */
#ifndef OBSERVE_CLUSTER_CHOICE_H
#define OBSERVE_CLUSTER_CHOICE_H

#include "core/arena.h"
#include "store/cluster.h"

/* Their volumes are added up: no message is in two clusters of a kind. */
struct cluster_choice {
    enum cluster_kind kind;
    struct slice asked;  /* the id in full, or the name */
    bool is_name;        /* else `ids` is where the id leads to, through what it was merged into */
    struct slice title;  /* for a reader: "campaign-0123abcd", "pills (campaign-0123abcd)",
                            "pills (3 campaigns)" */
    const uint32_t *ids; /* of living clusters, ascending */
    size_t count;        /* 1 or more; an id: 1 */
};

/* `text`, which is not empty, is an id, with or without the word before its hyphen, or a name that
 * rules or a person gave: then it means all clusters of that name. What could be both is an id when
 * there is such a cluster. ERR_NOTFOUND, ERR_USAGE for an id of the other kind, ERR_NOMEM. */
enum err cluster_choose(struct store *s, enum cluster_kind kind, struct slice text,
                        struct arena *arena, struct cluster_choice *out,
                        struct errbuf *eb) MUST_USE;

bool cluster_choice_has(const struct cluster_choice *c, uint32_t id);

#endif
