/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The clusters of a store in memory: parts, their profiles, which cluster each belongs to, names.
 * Belongs to the thread that appends. Knows no store: what is to be kept is given out, what was
 * kept is taken in. What it gives depends on the messages and their order alone, not on time or
 * threads. docs/clusters.md. */
#ifndef CLUSTER_CLUSTER_H
#define CLUSTER_CLUSTER_H

#include "cluster/identity.h"
#include "cluster/profile.h"
#include "cluster/template.h"
#include "cluster/variant.h"
#include "cluster/wording.h"

/* Who named a cluster. Stored numbers. */
enum cluster_namer {
    CLUSTER_NAMER_NONE,
    CLUSTER_NAMER_RULES,
    CLUSTER_NAMER_PERSON,
    CLUSTER_NAMER_MIXED, /* rules name its members differently: it has no name */
};

/* What a cluster's name is a name of. */
enum cluster_label {
    CLUSTER_LABEL_BOTNET,
    CLUSTER_LABEL_MAILER,
    CLUSTER_LABEL_PROGRAM,
    CLUSTER_LABEL_COUNT
};
/* "botnet", "mailer", "program" */
const char *cluster_label_name(enum cluster_label l);

struct cluster_info {
    enum cluster_kind kind;
    uint32_t id;          /* printed "mailer-0123abcd" */
    uint32_t merged_into; /* 0: alive */
    enum cluster_namer namer;
    enum cluster_label label;
    struct slice name;  /* empty: unnamed */
    double probability; /* with which the name holds for a member that no rule knows; MIXED: the
                           share of the most frequent label */
    struct slice note;  /* of a person */
    int64_t born, changed;
};

/* A line of the journal. */
struct cluster_event {
    int64_t time;
    enum cluster_kind kind;
    struct identity_event what;
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

/* Does the template of the wording's campaign learn from the message just placed there? */
bool clusters_learns(const struct clusters *c, uint64_t key);
/* Then these are its words. ERR_NOMEM. */
enum err clusters_teach(struct clusters *c, uint64_t key, const struct words *words) MUST_USE;

/* The living cluster a part belongs to; NULL: none (yet), or the part is not in memory. Valid until
 * the next call that changes clusters. */
const struct cluster_info *clusters_of(const struct clusters *c, enum cluster_kind k, uint64_t key);

/* Groups again, gives ids, names clusters by the rules' labels of their members. ERR_NOMEM. */
enum err clusters_regroup(struct clusters *c, int64_t now) MUST_USE;

/* When rules have changed: forgets the labels of all members, then counts each message's anew (of
 * `m` only labels and their posteriors are looked at), then clusters_regroup(). ERR_NOMEM. */
void clusters_labels_clear(struct clusters *c);
enum err clusters_label(struct clusters *c, const uint64_t key[CLUSTER_KIND_COUNT],
                        const struct cluster_message *m) MUST_USE;

/* ---- what is kept ---- */

/* Messages are numbered in the order in which they were stored, from 1. Those with a number below
 * this are counted in what is in memory. */
uint64_t clusters_counted(const struct clusters *c);
void clusters_set_counted(struct clusters *c, uint64_t next);

/* A part as it is kept. */
struct cluster_part {
    enum cluster_kind kind;
    uint64_t key;
    uint32_t cluster, pin;
    struct slice state; /* of variants_save() or wordings_save(), with its template; empty: it gave
                           way to others, its key, cluster and pin stay */
    uint64_t counted;   /* the state knows messages with a number below this; may know less than was
                           said of all by clusters_set_counted() */
    bool is_same_state; /* given: only cluster and pin have changed since its state was kept, and
                           `state` is empty */
    uint64_t message;   /* not 0: it has only the message of this number, and is what that message
                           shows: `state` is empty, and need not be kept. It is given only when it
                           is in a cluster or pinned: whoever stores a message that
                           clusters_place() made a wording of (placed.is_new) keeps its number */
};

/* Where changes go: calls of these, in any order. A part or a cluster replaces what was kept under
 * its key or id. */
struct cluster_sink {
    enum err (*part)(void *arg, const struct cluster_part *p);
    enum err (*cluster)(void *arg, const struct cluster_info *i);
    enum err (*event)(void *arg, const struct cluster_event *e);
    void *arg;
    /* All parts were given that changed: every state that is kept knows messages below `next`.
       NULL: is not asked. */
    enum err (*counted)(void *arg, uint64_t next);
};

enum cluster_changes {
    CLUSTERS_NEW,     /* parts never given before; clusters, pins and events that changed */
    CLUSTERS_CHANGED, /* and parts that counted messages since they were given */
    CLUSTERS_ALL,     /* but clusters that were merged and given before: they change no more */
};
/* An error of the sink is returned; then what was given is unknown, and so is what still has to be:
 * the clusters are to be thrown away. */
enum err clusters_give(struct clusters *c, enum cluster_changes what,
                       const struct cluster_sink *sink) MUST_USE;
/* Takes in what was kept, clusters before parts. false: damaged (it is left out), or no memory. */
bool clusters_load_cluster(struct clusters *c, const struct cluster_info *i) MUST_USE;
bool clusters_load_part(struct clusters *c, const struct cluster_part *p) MUST_USE;
/* One with p->message: that message, as its row has it. `partner`: key of its part of the other
 * kind; 0: none. */
bool clusters_load_single(struct clusters *c, const struct cluster_part *p,
                          const struct cluster_message *m, uint64_t partner) MUST_USE;
/* Counts a message that is stored, as clusters_place() would have, in those of its parts that are
 * in memory and do not know it yet. Messages in the order of their numbers; then
 * clusters_set_counted(). What a row does not have (words, the names of header fields) is not
 * learnt. ERR_NOMEM. */
enum err clusters_recount(struct clusters *c, uint64_t number,
                          const uint64_t key[CLUSTER_KIND_COUNT],
                          const struct cluster_message *m) MUST_USE;
/* Is the part in memory? */
bool clusters_has_part(const struct clusters *c, enum cluster_kind k, uint64_t key);

/* ---- a person's words ---- */

/* All: ERR_NOTFOUND for ids and keys that are not there; ids that were merged lead to where they
 * are now. The next regroup does not change what was said. */

/* An empty name takes a name away; a name of rules comes back with the next regroup. */
enum err clusters_name(struct clusters *c, enum cluster_kind k, uint32_t id,
                       enum cluster_label label, struct slice name, struct slice note,
                       int64_t now) MUST_USE;
enum err clusters_join(struct clusters *c, enum cluster_kind k, uint32_t into, uint32_t from,
                       int64_t now) MUST_USE;
/* Takes parts out into a cluster of their own, whose id is *id. ERR_USAGE: it would be all. */
enum err clusters_split(struct clusters *c, enum cluster_kind k, uint32_t from,
                        const uint64_t *keys, size_t n, uint32_t *id, int64_t now) MUST_USE;

/* ---- asking ---- */

/* By id; NULL: there is none (any more). Valid as above. */
const struct cluster_info *clusters_info(const struct clusters *c, enum cluster_kind k,
                                         uint32_t id);
/* The one that an id leads to, that of a cluster that was merged too; NULL: never given. */
const struct cluster_info *clusters_living(const struct clusters *c, enum cluster_kind k,
                                           uint32_t id);
/* The cluster after `id` in the order of ids (0: the first); NULL: there are no more. Those that
 * were merged are left out once they have been given. */
const struct cluster_info *clusters_next(const struct clusters *c, enum cluster_kind k,
                                         uint32_t id);

/* Merged profile of a cluster's parts in memory; the caller clears it. ERR_NOTFOUND, ERR_NOMEM. */
enum err clusters_profile(struct clusters *c, enum cluster_kind k, uint32_t id,
                          struct profile *out) MUST_USE;
/* Its parts in memory, heaviest first (ties by key): places for variants_*() or wordings_*().
 * Returns how many there are, of which at most `most` are in `places`. */
size_t clusters_parts(struct clusters *c, enum cluster_kind k, uint32_t id, size_t *places,
                      size_t most);
/* What a campaign's template has learnt; NULL: none. */
const struct template *clusters_template(const struct clusters *c, uint32_t id);

/* The tables of parts, to print and explain them. */
struct variants *clusters_variants(struct clusters *c);
struct wordings *clusters_wordings(struct clusters *c);

/* Bytes of memory in use. */
size_t clusters_bytes(const struct clusters *c);

#endif
