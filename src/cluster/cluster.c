/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tables of parts and clusters: placing, looking up. Regrouping is in cluster_regroup.c, names
 * in cluster_name.c, templates in cluster_template.c, what is kept in cluster_give.c, a person's
 * words in cluster_person.c. */
#include "cluster/cluster.h"

#include "cluster/cluster_table.h"
#include "core/limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { GONE_PARTS = 1 << 15 }; /* remembered of each kind; 512 KiB. A power of two */

const char *cluster_label_name(enum cluster_label l)
{
    static const char *const names[CLUSTER_LABEL_COUNT] = {[CLUSTER_LABEL_BOTNET] = "botnet",
                                                           [CLUSTER_LABEL_MAILER] = "mailer",
                                                           [CLUSTER_LABEL_PROGRAM] = "program"};
    return names[l];
}

size_t cluster_id_print(enum cluster_kind k, uint32_t id, char out[CLUSTER_ID_BYTES])
{
    int n = snprintf(out, CLUSTER_ID_BYTES, "%s-%08" PRIx32, cluster_kind_name(k), id);
    return (size_t)n;
}

bool cluster_id_parse(struct slice text, enum cluster_kind *k, uint32_t *id)
{
    enum { DIGITS = 8 };
    uint32_t value = 0;
    for (int i = 0; i < CLUSTER_KIND_COUNT; i++) {
        struct slice name = slice_cstr(cluster_kind_name((enum cluster_kind)i));
        if (text.n == name.n + 1 + DIGITS && slice_starts(text, name) && text.p[name.n] == '-') {
            *k = (enum cluster_kind)i;
            text = slice_sub(text, name.n + 1, DIGITS);
        }
    }
    if (text.n != DIGITS) {
        return false;
    }
    for (size_t i = 0; i < DIGITS; i++) {
        if (ascii_hex(text.p[i]) < 0) {
            return false;
        }
        value = value << 4 | (uint32_t)ascii_hex(text.p[i]);
    }
    *id = value;
    return value != 0;
}

void *items_grow(void *items, size_t *size, size_t count, size_t bytes)
{
    if (count <= *size) {
        return items;
    }
    size_t wanted = *size ? *size : 16;
    while (wanted < count) {
        wanted *= 2;
    }
    char *grown = reallocarray(items, wanted, bytes);
    if (grown) {
        memset(grown + *size * bytes, 0, (wanted - *size) * bytes);
        *size = wanted;
    }
    return grown;
}

/* ---- life ---- */

struct clusters *clusters_new(void)
{
    struct clusters *c = calloc(1, sizeof *c);
    if (!c) {
        return NULL;
    }
    c->counted = 1;
    c->variants = variants_new(LIMIT_VARIANTS);
    c->wordings = wordings_new(LIMIT_WORDINGS);
    bool ok = c->variants && c->wordings;
    for (int k = 0; k < CLUSTER_KIND_COUNT; k++) {
        c->table[k].gone = calloc(GONE_PARTS, sizeof *c->table[k].gone);
        ok = ok && c->table[k].gone;
    }
    if (!ok) {
        clusters_free(c);
        return NULL;
    }
    return c;
}

static void entry_free(struct cluster_entry *e)
{
    if (e) {
        free((void *)(uintptr_t)e->info.name.p);
        free((void *)(uintptr_t)e->info.note.p);
        free(e);
    }
}

void clusters_free(struct clusters *c)
{
    if (!c) {
        return;
    }
    for (int k = 0; k < CLUSTER_KIND_COUNT; k++) {
        struct cluster_table *t = &c->table[k];
        for (size_t i = 0; i < t->slot_count; i++) {
            template_free(t->slots[i].template);
        }
        for (size_t i = 0; i < t->entry_count; i++) {
            entry_free(t->entries[i]);
        }
        free(t->slots);
        free(t->entries);
        free(t->redirects);
        free(t->counted);
        free(t->gone);
        free(t->left);
    }
    variants_free(c->variants);
    wordings_free(c->wordings);
    free(c->events);
    free(c);
}

size_t clusters_bytes(const struct clusters *c)
{
    size_t bytes = sizeof *c + variants_bytes(c->variants) + wordings_bytes(c->wordings) +
                   c->events_size * sizeof *c->events;
    for (int k = 0; k < CLUSTER_KIND_COUNT; k++) {
        const struct cluster_table *t = &c->table[k];
        bytes += t->slots_size * sizeof *t->slots + t->entries_size * sizeof(void *) +
                 t->entry_count * sizeof(struct cluster_entry) +
                 t->redirects_size * sizeof *t->redirects + GONE_PARTS * sizeof *t->gone +
                 t->left_size * sizeof *t->left;
        for (size_t i = 0; i < t->slot_count; i++) {
            bytes += t->slots[i].template ? template_bytes(t->slots[i].template) : 0;
        }
        for (size_t i = 0; i < t->entry_count; i++) {
            bytes += t->entries[i]->info.name.n + t->entries[i]->info.note.n;
        }
    }
    return bytes;
}

/* ---- parts ---- */

size_t parts_count(const struct clusters *c, enum cluster_kind k)
{
    return k == CLUSTER_MAILER ? variants_count(c->variants) : wordings_count(c->wordings);
}

size_t parts_index(const struct clusters *c, enum cluster_kind k, uint64_t key)
{
    return k == CLUSTER_MAILER ? variants_index(c->variants, key)
                               : wordings_index(c->wordings, key);
}

struct profile *parts_profile(struct clusters *c, enum cluster_kind k, size_t place)
{
    return k == CLUSTER_MAILER ? variants_profile(c->variants, place)
                               : wordings_profile(c->wordings, place);
}

struct part_slot *slot_find(const struct clusters *c, enum cluster_kind k, uint64_t key)
{
    const struct cluster_table *t = &c->table[k];
    size_t at = key ? parts_index(c, k, key) : t->slot_count;
    return at < t->slot_count && t->slots[at].key == key ? &t->slots[at] : NULL;
}

void slot_move(struct part_slot *s, uint32_t cluster, uint32_t pin)
{
    if (s->cluster != cluster || s->pin != pin) {
        s->cluster = cluster;
        s->pin = pin;
        s->flags |= PART_MOVED;
    }
}

void slot_template_drop(struct clusters *c, struct part_slot *s)
{
    if (s->template) {
        template_free(s->template);
        s->template = NULL;
        s->is_settled = false;
        s->flags |= PART_CHANGED;
        c->template_count--;
    }
}

/* The place of a part that gave way is free. Its cluster is remembered for a while. */
static enum err slot_leave(struct clusters *c, enum cluster_kind k, struct part_slot *s)
{
    struct cluster_table *t = &c->table[k];
    struct gone_part gone = {s->key, s->cluster, s->pin};
    if (s->cluster || s->pin) {
        t->gone[s->key & (GONE_PARTS - 1)] = gone;
    }
    if (!(s->flags & PART_NEW)) { /* else nobody knows of it */
        struct gone_part *left =
            items_grow(t->left, &t->left_size, t->left_count + 1, sizeof *t->left);
        if (!left) {
            return ERR_NOMEM;
        }
        t->left = left;
        t->left[t->left_count++] = gone;
    }
    slot_template_drop(c, s);
    *s = (struct part_slot){0};
    return OK;
}

enum err slot_make(struct clusters *c, enum cluster_kind k, uint64_t key, struct part_slot **out)
{
    struct cluster_table *t = &c->table[k];
    size_t at = parts_index(c, k, key);
    struct part_slot *slots = items_grow(t->slots, &t->slots_size, at + 1, sizeof *t->slots);
    if (!slots) {
        return ERR_NOMEM;
    }
    t->slots = slots;
    t->slot_count = at + 1 > t->slot_count ? at + 1 : t->slot_count;
    struct part_slot *s = &t->slots[at];
    if (s->key && s->key != key && slot_leave(c, k, s) != OK) {
        return ERR_NOMEM;
    }
    if (!s->key) {
        const struct gone_part *gone = &t->gone[key & (GONE_PARTS - 1)];
        *s = (struct part_slot){.key = key, .flags = PART_NEW};
        if (gone->key == key) {
            const struct cluster_entry *e = cluster_living(c, k, gone->cluster);
            const struct cluster_entry *pin = cluster_living(c, k, gone->pin);
            s->cluster = e ? e->info.id : 0;
            s->pin = pin ? pin->info.id : 0;
        }
    }
    *out = s;
    return OK;
}

bool clusters_has_part(const struct clusters *c, enum cluster_kind k, uint64_t key)
{
    return slot_find(c, k, key) != NULL;
}

static enum err part_find(struct clusters *c, enum cluster_kind k, const struct cluster_message *m,
                          struct placed *out, struct profile **profile, struct part_slot **slot)
{
    uint64_t *key = &out->key[k];
    bool *is_new = &out->is_new[k];
    enum err e = k == CLUSTER_MAILER ? variants_find(c->variants, m, key, profile, is_new)
                                     : wordings_find(c->wordings, m, key, profile, is_new);
    return e == OK && *profile ? slot_make(c, k, *key, slot) : e;
}

enum err clusters_place(struct clusters *c, const struct cluster_message *m, struct placed *out)
{
    struct profile *profile[CLUSTER_KIND_COUNT] = {NULL};
    struct part_slot *slot[CLUSTER_KIND_COUNT] = {NULL};
    enum err e = OK;
    *out = (struct placed){{0}, {false}};
    for (int k = 0; e == OK && k < CLUSTER_KIND_COUNT; k++) {
        e = part_find(c, (enum cluster_kind)k, m, out, &profile[k], &slot[k]);
    }
    for (int k = 0; e == OK && k < CLUSTER_KIND_COUNT; k++) {
        if (profile[k]) {
            bool is_first = profile[k]->messages == 0 && k == CLUSTER_CAMPAIGN;
            e = profile_take(profile[k], m, out->key[!k]);
            slot[k]->message = is_first ? m->number : slot[k]->message;
            slot[k]->flags |= PART_CHANGED;
        }
    }
    return e;
}

/* ---- clusters ---- */

static size_t entry_place(const struct cluster_table *t, uint32_t id)
{
    size_t low = 0, high = t->entry_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (t->entries[middle]->info.id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct cluster_entry *cluster_find(const struct clusters *c, enum cluster_kind k, uint32_t id)
{
    const struct cluster_table *t = &c->table[k];
    size_t at = entry_place(t, id);
    return at < t->entry_count && t->entries[at]->info.id == id ? t->entries[at] : NULL;
}

size_t cluster_number(const struct clusters *c, enum cluster_kind k, const struct cluster_entry *e)
{
    return entry_place(&c->table[k], e->info.id);
}

static size_t redirect_place(const struct cluster_table *t, uint32_t id)
{
    size_t low = 0, high = t->redirect_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (t->redirects[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Where a redirect leads; 0: there is none. */
static uint32_t redirect_find(const struct cluster_table *t, uint32_t id)
{
    size_t at = redirect_place(t, id);
    return at < t->redirect_count && t->redirects[at].id == id ? t->redirects[at].into : 0;
}

bool cluster_is_known(const struct clusters *c, enum cluster_kind k, uint32_t id)
{
    return cluster_find(c, k, id) || redirect_find(&c->table[k], id);
}

struct cluster_entry *cluster_living(const struct clusters *c, enum cluster_kind k, uint32_t id)
{
    const struct cluster_table *t = &c->table[k];
    /* a store that was tampered with may have a circle */
    for (size_t steps = 0; id && steps <= t->entry_count + t->redirect_count; steps++) {
        struct cluster_entry *e = cluster_find(c, k, id);
        if (e && !e->info.merged_into) {
            return e;
        }
        id = e ? e->info.merged_into : redirect_find(t, id);
    }
    return NULL;
}

enum err cluster_redirect(struct clusters *c, enum cluster_kind k, uint32_t id, uint32_t into)
{
    struct cluster_table *t = &c->table[k];
    struct redirect *redirects =
        items_grow(t->redirects, &t->redirects_size, t->redirect_count + 1, sizeof *redirects);
    if (!redirects) {
        return ERR_NOMEM;
    }
    t->redirects = redirects;
    size_t at = redirect_place(t, id);
    memmove(&redirects[at + 1], &redirects[at], (t->redirect_count - at) * sizeof *redirects);
    redirects[at] = (struct redirect){id, into};
    t->redirect_count++;
    return OK;
}

enum err clusters_redirect(struct clusters *c, enum cluster_kind k)
{
    struct cluster_table *t = &c->table[k];
    enum err e = OK;
    size_t kept = 0;
    for (size_t i = 0; i < t->entry_count; i++) {
        struct cluster_entry *entry = t->entries[i];
        if (e == OK && entry->info.merged_into) {
            e = cluster_redirect(c, k, entry->info.id, entry->info.merged_into);
        }
        if (e == OK && entry->info.merged_into) {
            entry_free(entry);
        } else {
            t->entries[kept++] = entry;
        }
    }
    t->entry_count = kept;
    return e;
}

struct cluster_entry *cluster_make(struct clusters *c, enum cluster_kind k, uint32_t id,
                                   int64_t now)
{
    struct cluster_table *t = &c->table[k];
    size_t at = entry_place(t, id);
    if (at < t->entry_count && t->entries[at]->info.id == id) {
        return t->entries[at];
    }
    struct cluster_entry **entries = items_grow(t->entries, &t->entries_size, t->entry_count + 1,
                                                sizeof(struct cluster_entry *));
    if (!entries) {
        return NULL;
    }
    t->entries = entries;
    struct cluster_entry *e = calloc(1, sizeof *e);
    if (e) {
        e->info = (struct cluster_info){.kind = k, .id = id, .born = now, .changed = now};
        e->has_changed = true;
        memmove(&entries[at + 1], &entries[at],
                (t->entry_count - at) * sizeof(struct cluster_entry *));
        entries[at] = e;
        t->entry_count++;
    }
    return e;
}

static bool text_set(struct slice *to, struct slice text)
{
    char *copy = text.n ? malloc(text.n) : NULL;
    if (text.n && !copy) {
        return false;
    }
    if (copy) {
        memcpy(copy, text.p, text.n);
    }
    free((void *)(uintptr_t)to->p);
    *to = slice_of(copy, text.n);
    return true;
}

bool cluster_set_name(struct cluster_entry *e, struct slice name)
{
    return text_set(&e->info.name, name);
}

bool cluster_set_note(struct cluster_entry *e, struct slice note)
{
    return text_set(&e->info.note, note);
}

enum err event_add(struct clusters *c, enum cluster_kind k, int64_t now, struct identity_event what)
{
    struct cluster_event *events =
        items_grow(c->events, &c->events_size, c->event_count + 1, sizeof *c->events);
    if (!events) {
        return ERR_NOMEM;
    }
    c->events = events;
    c->events[c->event_count++] = (struct cluster_event){now, k, what};
    return OK;
}

/* ---- asking ---- */

const struct cluster_info *clusters_of(const struct clusters *c, enum cluster_kind k, uint64_t key)
{
    const struct part_slot *s = slot_find(c, k, key);
    const struct cluster_entry *e = s ? cluster_living(c, k, s->cluster) : NULL;
    return e ? &e->info : NULL;
}

const struct cluster_info *clusters_info(const struct clusters *c, enum cluster_kind k, uint32_t id)
{
    const struct cluster_entry *e = cluster_find(c, k, id);
    return e ? &e->info : NULL;
}

const struct cluster_info *clusters_living(const struct clusters *c, enum cluster_kind k,
                                           uint32_t id)
{
    const struct cluster_entry *e = cluster_living(c, k, id);
    return e ? &e->info : NULL;
}

const struct cluster_info *clusters_next(const struct clusters *c, enum cluster_kind k, uint32_t id)
{
    const struct cluster_table *t = &c->table[k];
    size_t at = id < UINT32_MAX ? entry_place(t, id + 1) : t->entry_count;
    return at < t->entry_count ? &t->entries[at]->info : NULL;
}

enum err clusters_profile(struct clusters *c, enum cluster_kind k, uint32_t id, struct profile *out)
{
    const struct cluster_entry *cluster = cluster_living(c, k, id);
    enum err e = cluster ? OK : ERR_NOTFOUND;
    profile_init(out);
    for (size_t i = 0; e == OK && i < c->table[k].slot_count; i++) {
        if (c->table[k].slots[i].key && c->table[k].slots[i].cluster == cluster->info.id) {
            e = profile_merge(out, parts_profile(c, k, i));
        }
    }
    if (e != OK) {
        profile_clear(out);
    }
    return e;
}

/* Does the part at place a come before that at b? */
static bool is_heavier(struct clusters *c, enum cluster_kind k, size_t a, size_t b)
{
    uint64_t x = parts_profile(c, k, a)->messages, y = parts_profile(c, k, b)->messages;
    return x != y ? x > y : c->table[k].slots[a].key < c->table[k].slots[b].key;
}

size_t clusters_parts(struct clusters *c, enum cluster_kind k, uint32_t id, size_t *places,
                      size_t most)
{
    size_t count = 0, kept = 0;
    for (size_t i = 0; i < c->table[k].slot_count; i++) {
        const struct part_slot *s = &c->table[k].slots[i];
        if (!s->key || s->cluster != id) {
            continue;
        }
        count++;
        size_t at = kept;
        while (at > 0 && is_heavier(c, k, i, places[at - 1])) {
            at--;
        }
        if (at < most) {
            kept += kept < most;
            memmove(&places[at + 1], &places[at], (kept - at - 1) * sizeof *places);
            places[at] = i;
        }
    }
    return count;
}

struct variants *clusters_variants(struct clusters *c)
{
    return c->variants;
}

struct wordings *clusters_wordings(struct clusters *c)
{
    return c->wordings;
}
