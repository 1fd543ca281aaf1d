/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which template learns what. A template is a campaign's; it is kept with one of its wordings. A
 * wording that is in no campaign yet may have one alone, from its third message on; when wordings
 * meet in a campaign the one that has learnt most takes in the others. */
#include "cluster/cluster_table.h"
#include "core/limits.h"

#include <stdlib.h>

enum {
    LEARN_MEMBERS = 3,   /* messages of a wording before it is worth a template */
    TEMPLATES_SPARE = 4, /* when all are taken the lightest 1/4 give way */
};

/* The slot with which the template of a wording's campaign is kept. */
static struct part_slot *carrier_of(const struct clusters *c, struct part_slot *own)
{
    const struct cluster_entry *e = cluster_find(c, CLUSTER_CAMPAIGN, own->cluster);
    struct part_slot *s = e ? slot_find(c, CLUSTER_CAMPAIGN, e->template_key) : NULL;
    return s && s->cluster == own->cluster ? s : own;
}

static struct template *template_begin(struct clusters *c, struct part_slot *s)
{
    struct cluster_entry *e = cluster_find(c, CLUSTER_CAMPAIGN, s->cluster);
    s->template = template_new();
    if (s->template) {
        c->template_count++;
        if (e) {
            e->template_key = s->key;
        }
    }
    return s->template;
}

bool clusters_learns(const struct clusters *c, uint64_t key)
{
    struct part_slot *own = slot_find(c, CLUSTER_CAMPAIGN, key);
    const struct part_slot *s = own ? carrier_of(c, own) : NULL;
    if (!s) {
        return false;
    }
    size_t place = wordings_index(c->wordings, key);
    uint64_t messages = wordings_profile(c->wordings, place)->messages;
    if (s->template) { /* the key stands for the chance of a wording of one message */
        return !s->is_settled || (messages + key) % TEMPLATE_TRY == 0;
    }
    return c->template_count < LIMIT_TEMPLATES && messages >= LEARN_MEMBERS;
}

enum err clusters_teach(struct clusters *c, uint64_t key, const struct words *words)
{
    struct part_slot *own = slot_find(c, CLUSTER_CAMPAIGN, key);
    if (!own) {
        return OK;
    }
    struct part_slot *s = carrier_of(c, own);
    if (!s->template && !template_begin(c, s)) {
        return ERR_NOMEM;
    }
    s->flags |= PART_CHANGED;
    enum err e = template_learn(s->template, words);
    s->is_settled = template_learnt(s->template) >= TEMPLATE_LEARN;
    return e;
}

const struct template *clusters_template(const struct clusters *c, uint32_t id)
{
    const struct cluster_entry *e = cluster_living(c, CLUSTER_CAMPAIGN, id);
    const struct part_slot *s = e ? slot_find(c, CLUSTER_CAMPAIGN, e->template_key) : NULL;
    return s && s->cluster == e->info.id ? s->template : NULL;
}

/* ---- settling ---- */

struct carrier {
    struct part_slot *slot;
    uint64_t learnt;
    uint64_t messages; /* of its wording */
};

/* By campaign; in it the one that learnt most first. */
static int carrier_cmp(const void *x, const void *y)
{
    const struct carrier *a = x, *b = y;
    if (a->slot->cluster != b->slot->cluster) {
        return a->slot->cluster < b->slot->cluster ? -1 : 1;
    }
    if (a->learnt != b->learnt) {
        return a->learnt > b->learnt ? -1 : 1;
    }
    return (a->slot->key > b->slot->key) - (a->slot->key < b->slot->key);
}

static int lightest_cmp(const void *x, const void *y)
{
    const struct carrier *a = x, *b = y;
    if (a->messages != b->messages) {
        return a->messages < b->messages ? -1 : 1;
    }
    return (a->slot->key > b->slot->key) - (a->slot->key < b->slot->key);
}

static size_t carriers_find(struct clusters *c, struct carrier *out)
{
    struct cluster_table *t = &c->table[CLUSTER_CAMPAIGN];
    size_t n = 0;
    for (size_t i = 0; i < t->slot_count; i++) {
        if (t->slots[i].template) {
            out[n++] = (struct carrier){&t->slots[i], template_learnt(t->slots[i].template),
                                        wordings_profile(c->wordings, i)->messages};
        }
    }
    return n;
}

/* What another wording's template learnt is the campaign's. */
static enum err carrier_take(struct clusters *c, struct part_slot *s, struct part_slot *other)
{
    enum err e = OK;
    if (template_learnt(other->template) >= LEARN_MEMBERS) {
        e = template_merge(s->template, other->template);
        s->is_settled = template_learnt(s->template) >= TEMPLATE_LEARN;
        s->flags |= PART_CHANGED;
    }
    slot_template_drop(c, other);
    return e;
}

/* One of each campaign stays, and all of wordings that are in none. *kept: how many. */
static enum err campaigns_settle(struct clusters *c, struct carrier *carriers, size_t n,
                                 size_t *kept)
{
    struct part_slot *last = NULL;
    *kept = 0;
    qsort(carriers, n, sizeof *carriers, carrier_cmp);
    for (size_t i = 0; i < n; i++) {
        struct part_slot *s = carriers[i].slot;
        if (last && s->cluster && s->cluster == last->cluster) {
            enum err e = carrier_take(c, last, s);
            if (e != OK) {
                return e;
            }
            continue;
        }
        struct cluster_entry *e = cluster_find(c, CLUSTER_CAMPAIGN, s->cluster);
        if (e) {
            e->template_key = s->key;
        }
        last = s;
        carriers[(*kept)++] = carriers[i];
    }
    return OK;
}

enum err templates_settle(struct clusters *c)
{
    if (c->template_count == 0) {
        return OK;
    }
    struct carrier *carriers = calloc(c->template_count, sizeof *carriers);
    if (!carriers) {
        return ERR_NOMEM;
    }
    size_t n;
    enum err e = campaigns_settle(c, carriers, carriers_find(c, carriers), &n);
    if (e == OK && n == LIMIT_TEMPLATES) {
        qsort(carriers, n, sizeof *carriers, lightest_cmp);
        for (size_t i = 0; i < n / TEMPLATES_SPARE; i++) {
            slot_template_drop(c, carriers[i].slot);
        }
    }
    free(carriers);
    return e;
}
