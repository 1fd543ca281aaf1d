/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cluster/cluster_table.h"
#include "core/scratch.h"

/* Messages of a group that becomes a cluster. Less is not known to be more than chance: in mail
 * that nobody sends in bulk nearly every message is its own wording. */
enum { CLUSTER_LEAST = 5 };

struct regroup {
    struct clusters *c;
    enum cluster_kind kind;
    int64_t now;
    enum err error;
};

static bool id_is_taken(void *arg, uint32_t id)
{
    const struct regroup *r = arg;
    return cluster_is_known(r->c, r->kind, id);
}

/* What a person said of a cluster that is no more holds for what it became, unless they said
   something of that too. */
static enum err name_inherit(const struct cluster_entry *from, struct cluster_entry *to)
{
    if (from->info.namer != CLUSTER_NAMER_PERSON || to->info.namer == CLUSTER_NAMER_PERSON) {
        return OK;
    }
    if (!cluster_set_name(to, from->info.name) || !cluster_set_note(to, from->info.note)) {
        return ERR_NOMEM;
    }
    to->info.namer = CLUSTER_NAMER_PERSON;
    to->info.label = from->info.label;
    to->info.probability = from->info.probability;
    return OK;
}

static enum err cluster_merge(struct regroup *r, uint32_t from, uint32_t into)
{
    struct cluster_entry *gone = cluster_make(r->c, r->kind, from, r->now);
    struct cluster_entry *to = cluster_make(r->c, r->kind, into, r->now);
    if (!gone || !to) {
        return ERR_NOMEM;
    }
    gone->info.merged_into = into;
    gone->info.changed = to->info.changed = r->now;
    gone->has_changed = to->has_changed = true;
    return name_inherit(gone, to);
}

static void event_take(void *arg, const struct identity_event *e)
{
    struct regroup *r = arg;
    if (r->error == OK && e->kind == CLUSTER_BORN &&
        !cluster_make(r->c, r->kind, e->cluster, r->now)) {
        r->error = ERR_NOMEM;
    }
    if (r->error == OK && e->kind == CLUSTER_MERGED) {
        r->error = cluster_merge(r, e->cluster, e->other);
    }
    if (r->error == OK) {
        r->error = event_add(r->c, r->kind, r->now, *e);
    }
}

/* Gives the parts their clusters. `group` is by place. */
static enum err ids_give(struct regroup *r, const uint32_t *group, size_t n)
{
    struct clusters *c = r->c;
    struct part_slot *slots = c->table[r->kind].slots;
    struct identity_part *parts = scratch_new(n, sizeof *parts);
    if (!parts) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        parts[i] = (struct identity_part){.key = slots[i].key,
                                          .weight = parts_profile(c, r->kind, i)->messages,
                                          .group = group[i],
                                          .cluster = slots[i].cluster,
                                          .pin = slots[i].pin};
    }
    enum err e = identity_update(parts, n, CLUSTER_LEAST, id_is_taken, event_take, r);
    for (size_t i = 0; e == OK && i < n; i++) {
        slot_move(&slots[i], parts[i].cluster, slots[i].pin);
    }
    scratch_free(parts);
    return e == OK ? r->error : e;
}

static enum err kind_regroup(struct regroup *r)
{
    /* every part in its table has a slot: both are made together */
    size_t n = parts_count(r->c, r->kind);
    uint32_t *group = scratch_new(n, sizeof *group);
    if (!group) {
        return ERR_NOMEM;
    }
    enum err e = r->kind == CLUSTER_MAILER ? variants_group(r->c->variants, group)
                                           : wordings_group(r->c->wordings, group);
    e = e == OK ? ids_give(r, group, n) : e;
    scratch_free(group);
    return e == OK ? clusters_name_by_rules(r->c, r->kind, r->now) : e;
}

enum err clusters_regroup(struct clusters *c, int64_t now)
{
    for (int k = 0; k < CLUSTER_KIND_COUNT; k++) {
        struct regroup r = {c, (enum cluster_kind)k, now, OK};
        enum err e = kind_regroup(&r);
        if (e != OK) {
            return e;
        }
    }
    return templates_settle(c);
}
