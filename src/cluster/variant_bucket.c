/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Groups by what variants of theirs have: each bucket holds few of them, so looking for candidates
 * is bounded whatever the input. */
#include "cluster/variant_grouping.h"
#include "core/scratch.h"

static struct bucket *bucket_slot(struct bucket *slots, size_t mask, uint64_t key)
{
    size_t at = (size_t)key & mask;
    while (slots[at].key && slots[at].key != key) {
        at = (at + 1) & mask;
    }
    return &slots[at];
}

static bool buckets_grow(struct variant_buckets *b)
{
    size_t n = b->slots ? (b->mask + 1) * 2 : 1024;
    struct bucket *made = scratch_new(n, sizeof *made);
    if (!made) {
        return false;
    }
    for (size_t i = 0; b->slots && i <= b->mask; i++) {
        if (b->slots[i].key) {
            *bucket_slot(made, n - 1, b->slots[i].key) = b->slots[i];
        }
    }
    scratch_free(b->slots);
    b->slots = made;
    b->mask = n - 1;
    return true;
}

void variant_buckets_free(struct variant_buckets *b)
{
    scratch_free(b->slots);
    scratch_free(b->more);
}

struct bucket_groups variant_bucket_find(const struct variant_buckets *b, uint64_t key)
{
    UNCLEARED struct bucket_groups g;
    g.count = 0;
    const struct bucket *x = b->slots ? bucket_slot(b->slots, b->mask, key) : NULL;
    if (x && x->key) {
        g.group[g.count++] = x->group;
        for (uint32_t at = x->more; at; at = b->more[at - 1].more) {
            g.group[g.count++] = b->more[at - 1].group;
        }
    }
    return g;
}

/* A place in the list for one more; 0: out of memory. */
static uint32_t more_add(struct variant_buckets *b, uint32_t group)
{
    if (b->more_count == b->more_size) {
        size_t size = b->more_size ? 2 * b->more_size : 1024;
        struct bucket_more *more = scratch_grow(b->more, size, sizeof *more);
        if (!more) {
            return 0;
        }
        b->more = more;
        b->more_size = size;
    }
    b->more[b->more_count++] = (struct bucket_more){group, 0};
    return (uint32_t)b->more_count;
}

bool variant_bucket_add(struct variant_buckets *b, uint64_t key, uint32_t group)
{
    if ((!b->slots || b->used * 3 > b->mask * 2) && !buckets_grow(b)) {
        return false;
    }
    struct bucket *x = bucket_slot(b->slots, b->mask, key);
    if (!x->key) {
        b->used++;
        *x = (struct bucket){key, group, 0};
        return true;
    }
    uint32_t last = 0;
    unsigned count = 1;
    bool is_there = x->group == group;
    for (uint32_t at = x->more; at && !is_there; at = b->more[at - 1].more) {
        is_there = b->more[at - 1].group == group;
        last = at;
        count++;
    }
    if (is_there || count > BUCKET_GROUPS) {
        return true;
    }
    uint32_t added = more_add(b, group); /* may move the list */
    *(last ? &b->more[last - 1].more : &x->more) = added;
    return added != 0;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t h = (a ^ b * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
    h ^= h >> 32;
    return h + (h == 0);
}

/* Names in any order: list servers sort them anew. */
static uint64_t name_set(const struct variant_names *n)
{
    uint64_t sum = n->count;
    for (unsigned i = 0; i < n->count; i++) {
        sum += mix(n->hash[i], 1);
    }
    return sum;
}

void variant_bucket_keys(const struct variant_grouping *g, size_t i, uint64_t keys[KEYS])
{
    const struct dialect *d = g->model.v->items[i].dialect;
    const uint32_t *value = g->model.value[i];
    uint64_t form = mix(value[VARIANT_MSGID], value[VARIANT_DATE]);
    keys[0] = mix(d->names, 1);
    keys[1] = mix(d->shapes, 2);
    keys[2] = mix(name_set(&g->model.names[i]), 3);
    keys[3] = mix(mix(form, value[VARIANT_MAILER]), 4);
    keys[4] = mix(mix(form, value[VARIANT_BOUNDARY]), 5);
    keys[5] = mix(mix(d->sd1_skeleton, value[VARIANT_MAILER]), 6);
}
