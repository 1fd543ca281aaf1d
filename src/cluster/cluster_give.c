/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is kept of the clusters: out and in. */
#include "cluster/cluster_table.h"

#include <math.h>
#include <stdlib.h>

static enum err part_state(struct clusters *c, enum cluster_kind k, size_t place,
                           struct strbuf *out)
{
    const struct template *t = c->table[k].slots[place].template;
    enum err e = k == CLUSTER_MAILER ? variants_save(c->variants, place, out)
                                     : wordings_save(c->wordings, place, out);
    return e == OK && t ? template_save(t, out) : e;
}

/* Most wordings have one message, and are what its row shows: 500 bytes that need not be written.
 */
static bool is_single(const struct clusters *c, enum cluster_kind k, size_t place)
{
    const struct part_slot *s = &c->table[k].slots[place];
    return s->message && !s->template && wordings_is_single(c->wordings, place);
}

static enum err part_give(struct clusters *c, enum cluster_kind k, size_t place, bool is_same,
                          struct strbuf *buffer, const struct cluster_sink *sink)
{
    struct part_slot *s = &c->table[k].slots[place];
    bool has_row = is_single(c, k, place);
    if (has_row && s->flags & PART_NEW && !s->cluster && !s->pin) {
        s->flags = 0; /* whoever stored the message has made the part */
        return OK;
    }
    strbuf_clear(buffer);
    enum err e = is_same || has_row ? OK : part_state(c, k, place, buffer);
    if (e == OK) {
        e = sink->part(sink->arg, &(struct cluster_part){.kind = k,
                                                         .key = s->key,
                                                         .cluster = s->cluster,
                                                         .pin = s->pin,
                                                         .counted = c->counted,
                                                         .state = strbuf_slice(buffer),
                                                         .is_same_state = is_same,
                                                         .message = has_row ? s->message : 0});
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
        e = sink->part(sink->arg, &(struct cluster_part){.kind = k,
                                                         .key = gone->key,
                                                         .cluster = gone->cluster,
                                                         .pin = gone->pin,
                                                         .counted = c->counted});
    }
    t->left_count = 0;
    for (size_t i = 0; e == OK && i < t->slot_count; i++) {
        if (t->slots[i].key && (flags == 0 || t->slots[i].flags & flags)) {
            bool is_same = flags && t->slots[i].flags == PART_MOVED;
            e = part_give(c, k, i, is_same, buffer, sink);
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
    if (e == OK && what != CLUSTERS_NEW && sink->counted) {
        e = sink->counted(sink->arg, c->counted);
    }
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

/* ---- catching up ---- */

uint64_t clusters_counted(const struct clusters *c)
{
    return c->counted;
}

void clusters_set_counted(struct clusters *c, uint64_t next)
{
    c->counted = next;
    for (int k = 0; k < CLUSTER_KIND_COUNT; k++) {
        free(c->table[k].counted);
        c->table[k].counted = NULL;
        c->table[k].counted_size = 0;
    }
}

static bool counted_put(struct clusters *c, enum cluster_kind k, size_t place, uint64_t counted)
{
    struct cluster_table *t = &c->table[k];
    uint64_t *items = items_grow(t->counted, &t->counted_size, place + 1, sizeof *items);
    if (items) {
        t->counted = items;
        items[place] = counted;
    }
    return items != NULL;
}

enum err clusters_recount(struct clusters *c, uint64_t number,
                          const uint64_t key[CLUSTER_KIND_COUNT], const struct cluster_message *m)
{
    enum err e = OK;
    for (int k = 0; e == OK && k < CLUSTER_KIND_COUNT; k++) {
        const struct cluster_table *t = &c->table[k];
        struct part_slot *s = slot_find(c, (enum cluster_kind)k, key[k]);
        size_t place = s ? (size_t)(s - t->slots) : 0;
        uint64_t counted = place < t->counted_size ? t->counted[place] : 0;
        if (!s || number < (counted ? counted : c->counted)) {
            continue;
        }
        e = k == CLUSTER_MAILER ? variants_again(c->variants, place, m)
                                : wordings_again(c->wordings, place, m);
        e = e == OK ? profile_take(parts_profile(c, (enum cluster_kind)k, place), m, key[!k]) : e;
        s->flags |= PART_CHANGED;
    }
    return e;
}

/* The slot of a part that its table has just taken in. *slot is NULL when more are kept than fit,
 * and it is lighter than all. false: out of memory. */
static bool slot_take(struct clusters *c, const struct cluster_part *p, struct part_slot **slot)
{
    struct part_slot *s;
    *slot = NULL;
    if (parts_index(c, p->kind, p->key) == parts_count(c, p->kind)) {
        return true;
    }
    if (slot_make(c, p->kind, p->key, &s) != OK ||
        !counted_put(c, p->kind, (size_t)(s - c->table[p->kind].slots), p->counted)) {
        return false;
    }
    const struct cluster_entry *cluster = cluster_living(c, p->kind, p->cluster);
    const struct cluster_entry *pin = cluster_living(c, p->kind, p->pin);
    s->cluster = cluster ? cluster->info.id : 0;
    s->pin = pin ? pin->info.id : 0;
    s->flags = s->cluster == p->cluster && s->pin == p->pin ? 0 : PART_MOVED;
    s->message = p->message;
    *slot = s;
    return true;
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
    if (!ok || !slot_take(c, p, &s)) {
        return false;
    }
    if (s && in.n && p->kind == CLUSTER_CAMPAIGN) {
        template_take(c, s, in);
    }
    return true;
}

bool clusters_load_single(struct clusters *c, const struct cluster_part *p,
                          const struct cluster_message *m, uint64_t partner)
{
    struct part_slot *s;
    return p->kind == CLUSTER_CAMPAIGN && p->key &&
           wordings_load_single(c->wordings, p->key, m, partner) && slot_take(c, p, &s);
}
