/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The clusters of a store in memory: parts, their profiles, which cluster each belongs to, names.
 * Belongs to the thread that appends. Knows no store: what is to be kept is given out, what was
 * kept is taken in. docs/clusters.md. */
#ifndef CLUSTER_CLUSTER_H
#define CLUSTER_CLUSTER_H

#include "cluster/identity.h"
#include "cluster/profile.h"
#include "cluster/template.h"

/* Who named a cluster. */
enum cluster_namer { CLUSTER_NAMER_NONE, CLUSTER_NAMER_RULES, CLUSTER_NAMER_PERSON };

/* What a cluster's name is a name of. */
enum cluster_label {
    CLUSTER_LABEL_BOTNET,
    CLUSTER_LABEL_MAILER,
    CLUSTER_LABEL_PROGRAM,
    CLUSTER_LABEL_COUNT
};

struct cluster_info {
    enum cluster_kind kind;
    uint32_t id;          /* printed "mailer-0123abcd" */
    uint32_t merged_into; /* 0: alive */
    enum cluster_namer namer;
    enum cluster_label label;
    struct slice name;  /* empty: unnamed */
    double probability; /* with which the name holds for a member that no rule knows */
    struct slice note;  /* of a person */
    int64_t born, changed;
};

enum { CLUSTER_ID_BYTES = 24 };
/* "mailer-0123abcd", "campaign-0123abcd" (no NUL); returns its length. */
size_t cluster_id_print(enum cluster_kind k, uint32_t id, char out[CLUSTER_ID_BYTES]);
/* Also without the word before the hyphen, when `k` says it. */
bool cluster_id_parse(struct slice text, enum cluster_kind *k, uint32_t *id);

struct clusters;
struct clusters *clusters_new(void) MUST_USE;
void clusters_free(struct clusters *c);

/* Finds or makes the message's parts and counts it in their profiles. ERR_NOMEM. */
enum err clusters_place(struct clusters *c, const struct cluster_message *m,
                        struct placed *out) MUST_USE;

/* The cluster a part belongs to; NULL: none (yet). Valid until the next call that changes clusters.
 */
const struct cluster_info *clusters_of(const struct clusters *c, enum cluster_kind k, uint64_t key);

/* Groups again, gives ids, names clusters by the rules' labels of their members. Events go to
 * `on_event`. ERR_NOMEM. */
enum err clusters_regroup(struct clusters *c, int64_t now,
                          void (*on_event)(void *arg, enum cluster_kind k,
                                           const struct identity_event *e),
                          void *arg) MUST_USE;

/* A part as it is kept. */
struct cluster_part {
    enum cluster_kind kind;
    uint64_t key;
    uint32_t cluster, pin;
    struct slice state; /* of variants_save() or wordings_save() with its template */
};
/* Gives out what changed since the last call (all: everything), parts first. */
enum err clusters_changed(struct clusters *c, bool all,
                          enum err (*on_part)(void *arg, const struct cluster_part *p),
                          enum err (*on_cluster)(void *arg, const struct cluster_info *i),
                          void *arg) MUST_USE;
/* Takes in what was kept. false: damaged (it is left out). */
bool clusters_load_part(struct clusters *c, const struct cluster_part *p);
bool clusters_load_cluster(struct clusters *c, const struct cluster_info *i);

/* A person's words. ERR_NOTFOUND for ids and keys that are not there. */
enum err clusters_name(struct clusters *c, enum cluster_kind k, uint32_t id,
                       enum cluster_label label, struct slice name, struct slice note,
                       int64_t now) MUST_USE;
enum err clusters_join(struct clusters *c, enum cluster_kind k, uint32_t into, uint32_t from,
                       int64_t now) MUST_USE;
/* Takes parts out into a cluster of their own, whose id is *id. */
enum err clusters_split(struct clusters *c, enum cluster_kind k, uint32_t from,
                        const uint64_t *keys, size_t n, uint32_t *id, int64_t now) MUST_USE;

/* Merged profile of a cluster's parts; the caller clears it. */
enum err clusters_profile(struct clusters *c, enum cluster_kind k, uint32_t id,
                          struct profile *out) MUST_USE;

size_t clusters_bytes(const struct clusters *c);

#endif
