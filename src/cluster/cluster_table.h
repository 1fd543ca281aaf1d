/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of cluster/cluster*.c share; nobody else includes it. Parts are in the tables of
 * variants and wordings; what those do not know (the cluster a part is in) is in slots beside them,
 * by place. */
#ifndef CLUSTER_CLUSTER_TABLE_H
#define CLUSTER_CLUSTER_TABLE_H

#include "cluster/cluster.h"

enum {
    PART_NEW = 1,     /* never given */
    PART_CHANGED = 2, /* counted messages since it was given */
    PART_MOVED = 4,   /* its cluster or pin changed since */
};

struct part_slot {
    uint64_t key; /* 0: the place is free */
    uint32_t cluster, pin;
    struct template *template; /* of its campaign, or of it alone; NULL: none */
    uint64_t message; /* number of its first message, where it is a wording that nobody knew before;
                         else 0 */
    uint8_t flags;
    bool is_settled; /* the template: it tries few messages only */
};

struct cluster_entry {
    struct cluster_info info; /* its texts are owned */
    bool has_changed;
    uint64_t template_key; /* of the wording that carries the template; 0: none */
};

/* Of a cluster that was merged into another and given, this is all that is left: its id leads on.
 */
struct redirect {
    uint32_t id, into;
};

/* A part that gave way, so that it finds its cluster again when it comes back. */
struct gone_part {
    uint64_t key;
    uint32_t cluster, pin;
};

struct cluster_table {
    struct part_slot *slots; /* by place */
    size_t slot_count, slots_size;
    struct cluster_entry **entries; /* by id */
    size_t entry_count, entries_size;
    struct redirect *redirects; /* by id */
    size_t redirect_count, redirects_size;
    struct gone_part *gone; /* by the low bits of the key; the newest of a place is kept */
    struct gone_part *left; /* gave way since the last give */
    size_t left_count, left_size;
    uint64_t *counted; /* by place, of parts that were loaded: until all are counted alike */
    size_t counted_size;
};

struct clusters {
    struct variants *variants;
    struct wordings *wordings;
    struct cluster_table table[CLUSTER_KIND_COUNT];
    struct cluster_event *events; /* not yet given */
    size_t event_count, events_size;
    size_t template_count;
    uint64_t counted; /* messages below this number are counted; of parts that were loaded see the
                         table */
};

/* Grows an array of `*size` items of `bytes` each to hold at least `count`; the new ones are zero.
 * NULL when out of memory: the old one stays. */
void *items_grow(void *items, size_t *size, size_t count, size_t bytes) MUST_USE;

/* ---- parts by place, of either kind ---- */

size_t parts_count(const struct clusters *c, enum cluster_kind k);
/* Its place; parts_count(): it is not there. */
size_t parts_index(const struct clusters *c, enum cluster_kind k, uint64_t key);
struct profile *parts_profile(struct clusters *c, enum cluster_kind k, size_t place);
/* The slot of a part in memory; NULL: it is not there. */
struct part_slot *slot_find(const struct clusters *c, enum cluster_kind k, uint64_t key);
/* That of a part its table has just found or made; ERR_NOMEM. */
enum err slot_make(struct clusters *c, enum cluster_kind k, uint64_t key,
                   struct part_slot **out) MUST_USE;
void slot_move(struct part_slot *s, uint32_t cluster, uint32_t pin);
void slot_template_drop(struct clusters *c, struct part_slot *s);

/* ---- clusters by id ---- */

/* NULL: there is none, or it is a redirect. */
struct cluster_entry *cluster_find(const struct clusters *c, enum cluster_kind k, uint32_t id);
/* Was it ever given to a cluster? */
bool cluster_is_known(const struct clusters *c, enum cluster_kind k, uint32_t id);
/* What is known of a cluster that was merged gives way to a redirect. ERR_NOMEM: it stays. */
enum err cluster_redirect(struct clusters *c, enum cluster_kind k, uint32_t id,
                          uint32_t into) MUST_USE;
/* Makes redirects of all that were merged. ERR_NOMEM: some stay as they are. */
enum err clusters_redirect(struct clusters *c, enum cluster_kind k) MUST_USE;
/* Its place among the entries. */
size_t cluster_number(const struct clusters *c, enum cluster_kind k, const struct cluster_entry *e);
/* Follows what it was merged into; NULL: there is none. */
struct cluster_entry *cluster_living(const struct clusters *c, enum cluster_kind k, uint32_t id);
/* Makes it if it is not there. NULL when out of memory. */
struct cluster_entry *cluster_make(struct clusters *c, enum cluster_kind k, uint32_t id,
                                   int64_t now) MUST_USE;
/* Owned texts; false when out of memory: nothing has changed. */
bool cluster_set_name(struct cluster_entry *e, struct slice name) MUST_USE;
bool cluster_set_note(struct cluster_entry *e, struct slice note) MUST_USE;

enum err event_add(struct clusters *c, enum cluster_kind k, int64_t now,
                   struct identity_event what) MUST_USE;

/* ---- steps of a regroup ---- */

/* Names clusters by the labels of their members. ERR_NOMEM. */
enum err clusters_name_by_rules(struct clusters *c, enum cluster_kind k, int64_t now) MUST_USE;
/* One template a campaign, and no more in all than fit. ERR_NOMEM. */
enum err templates_settle(struct clusters *c) MUST_USE;
#endif
