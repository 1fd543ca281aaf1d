/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is kept of the clusters: out and in. */
#include "cluster/cluster_table.h"

#include <math.h>

static enum err part_state(struct clusters *c, enum cluster_kind k, size_t place,
                           struct strbuf *out)
{
    const struct template *t = c->table[k].slots[place].template;
    enum err e = k == CLUSTER_MAILER ? variants_save(c->variants, place, out)
                                     : wordings_save(c->wordings, place, out);
    return e == OK && t ? template_save(t, out) : e;
}

static enum err part_give(struct clusters *c, enum cluster_kind k, size_t place,
                          struct strbuf *buffer, const struct cluster_sink *sink)
{
    struct part_slot *s = &c->table[k].slots[place];
    strbuf_clear(buffer);
    enum err e = part_state(c, k, place, buffer);
    if (e == OK) {
        e = sink->part(sink->arg,
                       &(struct cluster_part){k, s->key, s->cluster, s->pin, strbuf_slice(buffer)});
        s->flags = 0;
    }
    return e;
}

static enum err parts_give(struct clusters *c, enum cluster_kind k, unsigned flags,
                           struct strbuf *buffer, const struct cluster_sink *sink)
{
    struct cluster_table *t = &c->table[k];
    enum err e = OK;
    /* first: one that came back is given again below */
    for (size_t i = 0; e == OK && i < t->left_count; i++) {
        const struct gone_part *gone = &t->left[i];
        e = sink->part(sink->arg,
                       &(struct cluster_part){k, gone->key, gone->cluster, gone->pin, {NULL, 0}});
    }
    t->left_count = 0;
    for (size_t i = 0; e == OK && i < t->slot_count; i++) {
        if (t->slots[i].key && (flags == 0 || t->slots[i].flags & flags)) {
            e = part_give(c, k, i, buffer, sink);
        }
    }
    return e;
}

static enum err entries_give(struct clusters *c, enum cluster_kind k, bool all,
                             const struct cluster_sink *sink)
{
    enum err e = OK;
    for (size_t i = 0; e == OK && i < c->table[k].entry_count; i++) {
        struct cluster_entry *entry = c->table[k].entries[i];
        if (all || entry->has_changed) {
            e = sink->cluster(sink->arg, &entry->info);
            entry->has_changed = false;
        }
    }
    return e == OK ? clusters_redirect(c, k) : e;
}

enum err clusters_give(struct clusters *c, enum cluster_changes what,
                       const struct cluster_sink *sink)
{
    static const unsigned flags[] = {[CLUSTERS_NEW] = PART_NEW | PART_MOVED,
                                     [CLUSTERS_CHANGED] = PART_NEW | PART_MOVED | PART_CHANGED,
                                     [CLUSTERS_ALL] = 0};
    struct strbuf buffer = STRBUF_INIT;
    enum err e = OK;
    for (int k = 0; e == OK && k < CLUSTER_KIND_COUNT; k++) {
        e = parts_give(c, (enum cluster_kind)k, flags[what], &buffer, sink);
        e = e == OK ? entries_give(c, (enum cluster_kind)k, what == CLUSTERS_ALL, sink) : e;
    }
    for (size_t i = 0; e == OK && i < c->event_count; i++) {
        e = sink->event(sink->arg, &c->events[i]);
    }
    c->event_count = 0;
    strbuf_free(&buffer);
    return e;
}

/* ---- in ---- */

bool clusters_load_cluster(struct clusters *c, const struct cluster_info *i)
{
    if ((unsigned)i->kind >= CLUSTER_KIND_COUNT || (unsigned)i->namer > CLUSTER_NAMER_MIXED ||
        (unsigned)i->label >= CLUSTER_LABEL_COUNT || i->id == 0 || i->merged_into == i->id ||
        !(i->probability >= 0 && i->probability <= 1) || cluster_is_known(c, i->kind, i->id)) {
        return false;
    }
    if (i->merged_into) {
        return cluster_redirect(c, i->kind, i->id, i->merged_into) == OK;
    }
    struct cluster_entry *e = cluster_make(c, i->kind, i->id, i->born);
    if (!e || !cluster_set_name(e, i->name) || !cluster_set_note(e, i->note)) {
        return false;
    }
    struct slice name = e->info.name, note = e->info.note;
    e->info = *i;
    e->info.name = name;
    e->info.note = note;
    e->has_changed = false;
    return true;
}

/* One that is damaged begins anew. */
static void template_take(struct clusters *c, struct part_slot *s, struct slice in)
{
    struct cluster_entry *e = cluster_find(c, CLUSTER_CAMPAIGN, s->cluster);
    s->template = template_load(&in);
    if (s->template) {
        s->is_settled = template_learnt(s->template) >= TEMPLATE_LEARN;
        c->template_count++;
    }
    if (s->template && e && e->template_key == 0) {
        e->template_key = s->key;
    }
}

bool clusters_load_part(struct clusters *c, const struct cluster_part *p)
{
    struct slice in = p->state;
    struct part_slot *s;
    if ((unsigned)p->kind >= CLUSTER_KIND_COUNT || p->key == 0) {
        return false;
    }
    bool ok = p->kind == CLUSTER_MAILER ? variants_load(c->variants, p->key, &in)
                                        : wordings_load(c->wordings, p->key, &in);
    if (!ok || slot_make(c, p->kind, p->key, &s) != OK) {
        return false;
    }
    const struct cluster_entry *cluster = cluster_living(c, p->kind, p->cluster);
    const struct cluster_entry *pin = cluster_living(c, p->kind, p->pin);
    s->cluster = cluster ? cluster->info.id : 0;
    s->pin = pin ? pin->info.id : 0;
    s->flags = s->cluster == p->cluster && s->pin == p->pin ? 0 : PART_MOVED;
    if (in.n && p->kind == CLUSTER_CAMPAIGN) {
        template_take(c, s, in);
    }
    return true;
}
