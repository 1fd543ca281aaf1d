/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a person says of clusters. Joining and splitting pin parts, which no regrouping undoes. */
#include "cluster/cluster_table.h"

static const double PERSON_PROBABILITY = .95; /* that a name holds for a member: people err, and so
                                                 does the grouping */

static enum err note_change(struct clusters *c, struct cluster_entry *e, int64_t now,
                            struct identity_event what)
{
    e->info.changed = now;
    e->has_changed = true;
    return event_add(c, e->info.kind, now, what);
}

enum err clusters_name(struct clusters *c, enum cluster_kind k, uint32_t id,
                       enum cluster_label label, struct slice name, struct slice note, int64_t now)
{
    struct cluster_entry *e = cluster_living(c, k, id);
    if (!e) {
        return ERR_NOTFOUND;
    }
    if (!cluster_set_name(e, name) || !cluster_set_note(e, note)) {
        return ERR_NOMEM;
    }
    e->info.namer = name.n ? CLUSTER_NAMER_PERSON : CLUSTER_NAMER_NONE;
    e->info.label = label;
    e->info.probability = name.n ? PERSON_PROBABILITY : 0;
    return note_change(c, e, now,
                       (struct identity_event){.kind = name.n ? CLUSTER_NAMED : CLUSTER_UNNAMED,
                                               .cluster = e->info.id});
}

/* The clusters' parts in memory go to another, for good. */
static void parts_pin(struct clusters *c, enum cluster_kind k, uint32_t from, uint32_t to,
                      struct identity_event *what)
{
    for (size_t i = 0; i < c->table[k].slot_count; i++) {
        struct part_slot *s = &c->table[k].slots[i];
        if (s->key && s->cluster == from) {
            slot_move(s, to, to);
            what->parts++;
            what->messages += parts_profile(c, k, i)->messages;
        }
    }
}

enum err clusters_join(struct clusters *c, enum cluster_kind k, uint32_t into, uint32_t from,
                       int64_t now)
{
    struct cluster_entry *to = cluster_living(c, k, into), *gone = cluster_living(c, k, from);
    if (!to || !gone) {
        return ERR_NOTFOUND;
    }
    if (to == gone) {
        return OK;
    }
    struct identity_event what = {
        .kind = CLUSTER_JOINED, .cluster = gone->info.id, .other = to->info.id};
    parts_pin(c, k, gone->info.id, to->info.id, &what);
    /* those of both: else what holds the larger one together would win over the person's word */
    struct identity_event kept = {0};
    parts_pin(c, k, to->info.id, to->info.id, &kept);
    gone->info.merged_into = to->info.id;
    to->info.changed = now;
    to->has_changed = true;
    return note_change(c, gone, now, what);
}

/* Is it in the cluster, and in memory? */
static struct part_slot *part_of(struct clusters *c, enum cluster_kind k, uint32_t cluster,
                                 uint64_t key)
{
    struct part_slot *s = slot_find(c, k, key);
    return s && s->cluster == cluster ? s : NULL;
}

enum err clusters_split(struct clusters *c, enum cluster_kind k, uint32_t from,
                        const uint64_t *keys, size_t n, uint32_t *id, int64_t now)
{
    struct cluster_entry *old = cluster_living(c, k, from);
    for (size_t i = 0; old && i < n; i++) {
        old = part_of(c, k, old->info.id, keys[i]) ? old : NULL;
    }
    if (!old || n == 0) {
        return ERR_NOTFOUND;
    }
    if (clusters_parts(c, k, old->info.id, NULL, 0) <= n) {
        return ERR_USAGE;
    }
    uint64_t hash = keys[0];
    while (!(uint32_t)(hash >> 32) || cluster_is_known(c, k, (uint32_t)(hash >> 32))) {
        hash = hash_u64_seeded(slice_of((const char *)&hash, sizeof hash), 1);
    }
    struct cluster_entry *made = cluster_make(c, k, (uint32_t)(hash >> 32), now);
    if (!made) {
        return ERR_NOMEM;
    }
    /* the rest is said to belong together, too: else the parts taken out might win it over */
    struct identity_event kept = {0}, what = {.kind = CLUSTER_PARTED};
    parts_pin(c, k, old->info.id, old->info.id, &kept);
    what.cluster = old->info.id;
    what.other = made->info.id;
    for (size_t i = 0; i < n; i++) {
        struct part_slot *s = part_of(c, k, old->info.id, keys[i]);
        if (s) { /* a key may be given twice */
            slot_move(s, made->info.id, made->info.id);
            what.parts++;
            what.messages += parts_profile(c, k, (size_t)(s - c->table[k].slots))->messages;
        }
    }
    *id = made->info.id;
    return note_change(c, old, now, what);
}
