/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cluster/variant.h"

#include "cluster/variant_table.h"
#include "core/varint.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    FIRST_CAPACITY = 64,
    SAVE_VERSION = 3,
    HASH_BITS_VERSION_2 = 48, /* of machines */
    VISIT_SECONDS = 3600,     /* messages of one machine in one hour are one visit */
};

struct variants *variants_new(size_t most)
{
    struct variants *v = calloc(1, sizeof *v);
    if (v) {
        v->most = most ? most : 1;
    }
    return v;
}

static struct variant variant_new(uint64_t key, uint64_t error)
{
    struct variant x = {.key = key, .error = error};
    host_sample_init(&x.hosts);
    return x;
}

static void variant_clear(struct variant *x)
{
    profile_clear(&x->profile);
    host_sample_free(&x->hosts);
    free(x->dialect);
}

void variants_free(struct variants *v)
{
    if (!v) {
        return;
    }
    for (size_t i = 0; i < v->count; i++) {
        variant_clear(&v->items[i]);
    }
    free(v->items);
    free(v->slots);
    free(v->heap);
    free(v->seen);
    free(v);
}

/* ---- look-up by key ---- */

static size_t slot_find(const struct variants *v, uint64_t key)
{
    size_t at = (size_t)key & v->slot_mask; /* keys are hashes already */
    while (v->slots[at] && v->items[v->slots[at] - 1].key != key) {
        at = (at + 1) & v->slot_mask;
    }
    return at;
}

static void slot_put(struct variants *v, size_t place)
{
    v->slots[slot_find(v, v->items[place].key)] = (uint32_t)place + 1;
}

/* Those behind it move up, so no gap cuts a look-up short. */
static void slot_remove(struct variants *v, uint64_t key)
{
    size_t gap = slot_find(v, key);
    v->slots[gap] = 0;
    for (size_t at = (gap + 1) & v->slot_mask; v->slots[at]; at = (at + 1) & v->slot_mask) {
        size_t home = (size_t)v->items[v->slots[at] - 1].key & v->slot_mask;
        if (((at - home) & v->slot_mask) >= ((at - gap) & v->slot_mask)) {
            v->slots[gap] = v->slots[at];
            v->slots[at] = 0;
            gap = at;
        }
    }
}

static bool table_grow(struct variants *v)
{
    size_t capacity = v->capacity ? v->capacity * 2 : FIRST_CAPACITY;
    if (capacity > v->most) {
        capacity = v->most;
    }
    struct variant *items = realloc(v->items, capacity * sizeof *items);
    if (!items) {
        return false;
    }
    v->items = items;
    size_t slots = FIRST_CAPACITY;
    while (slots < capacity * 2) {
        slots *= 2;
    }
    uint32_t *table = calloc(slots, sizeof *table);
    if (!table) {
        return false; /* the larger array is harmless */
    }
    free(v->slots);
    v->slots = table;
    v->slot_mask = slots - 1;
    v->capacity = capacity;
    for (size_t i = 0; i < v->count; i++) {
        slot_put(v, i);
    }
    return true;
}

/* ---- Space-Saving ---- */

static uint64_t variant_weight(const struct variant *x)
{
    return x->profile.messages + x->error;
}

static void heap_sink(struct variants *v, size_t at)
{
    uint32_t place = v->heap[at];
    for (size_t child; (child = 2 * at + 1) < v->count; at = child) {
        if (child + 1 < v->count && v->seen[v->heap[child + 1]] < v->seen[v->heap[child]]) {
            child++;
        }
        if (v->seen[v->heap[child]] >= v->seen[place]) {
            break;
        }
        v->heap[at] = v->heap[child];
        v->heap[child] = place;
    }
}

static bool heap_make(struct variants *v)
{
    v->heap = calloc(v->most, sizeof *v->heap);
    v->seen = calloc(v->most, sizeof *v->seen);
    if (!v->heap || !v->seen) {
        free(v->heap);
        free(v->seen);
        v->heap = NULL;
        v->seen = NULL;
        return false;
    }
    for (size_t i = 0; i < v->count; i++) {
        v->heap[i] = (uint32_t)i;
        v->seen[i] = variant_weight(&v->items[i]);
    }
    for (size_t i = v->count / 2; i-- > 0;) {
        heap_sink(v, i);
    }
    return true;
}

/* The place on top of the heap, after those that grew meanwhile have sunk. */
static size_t least_counted(struct variants *v)
{
    for (;;) {
        size_t place = v->heap[0];
        uint64_t weight = variant_weight(&v->items[place]);
        if (weight == v->seen[place]) {
            return place;
        }
        v->seen[place] = weight;
        heap_sink(v, 0);
    }
}

/* A place for a new key, taken from the least counted one when there is no more room: unless
 * `weight` is less than that has (a load; UINT64_MAX for a message). On success the item's key,
 * error and empty profile are set. ERR_LIMIT: left out. */
static enum err place_make(struct variants *v, uint64_t key, uint64_t weight, size_t *place)
{
    if (v->count < v->most) {
        if (v->count == v->capacity && !table_grow(v)) {
            return ERR_NOMEM;
        }
        *place = v->count++;
        v->items[*place] = variant_new(key, 0);
        slot_put(v, *place);
        return OK;
    }
    if (!v->heap && !heap_make(v)) {
        return ERR_NOMEM;
    }
    size_t i = least_counted(v);
    uint64_t least = variant_weight(&v->items[i]);
    if (weight < least) {
        return ERR_LIMIT;
    }
    slot_remove(v, v->items[i].key);
    variant_clear(&v->items[i]);
    v->items[i] = variant_new(key, least);
    slot_put(v, i);
    *place = i;
    return OK;
}

static enum err host_take(struct variant *x, const struct cluster_message *m)
{
    uint64_t visit = m->received ? (uint64_t)(m->received / VISIT_SECONDS)
                                 : hash_u64(slice_of((const char *)m->id.b, sizeof m->id.b));
    return host_sample_take(&x->hosts, m->host, visit, VARIANT_HOSTS);
}

enum err variants_find(struct variants *v, const struct cluster_message *m, uint64_t *key,
                       struct profile **profile, bool *is_new)
{
    struct dialect_key k;
    *profile = NULL;
    *is_new = false;
    if (!dialect_key(m, &k, key)) {
        return OK;
    }
    size_t i = variants_index(v, *key);
    if (i < v->count) {
        *profile = &v->items[i].profile;
        enum err e = host_take(&v->items[i], m);
        return e == OK ? dialect_take(&v->items[i].dialect, m, &k) : e;
    }
    struct dialect *d = dialect_new(m, &k);
    if (!d) {
        return ERR_NOMEM;
    }
    enum err e = place_make(v, *key, UINT64_MAX, &i);
    if (e != OK) {
        free(d);
        return e;
    }
    v->items[i].dialect = d;
    *profile = &v->items[i].profile;
    *is_new = true;
    return host_take(&v->items[i], m);
}

enum err variants_again(struct variants *v, size_t i, const struct cluster_message *m)
{
    struct dialect_key k;
    uint64_t key;
    bool is_same = dialect_key(m, &k, &key) && key == v->items[i].key;
    enum err e = host_take(&v->items[i], m);
    return e == OK && is_same ? dialect_take(&v->items[i].dialect, m, &k) : e;
}

/* ---- what is there ---- */

size_t variants_count(const struct variants *v)
{
    return v->count;
}

uint64_t variants_key(const struct variants *v, size_t i)
{
    return v->items[i].key;
}

struct profile *variants_profile(struct variants *v, size_t i)
{
    return &v->items[i].profile;
}

uint64_t variants_error(const struct variants *v, size_t i)
{
    return v->items[i].error;
}

size_t variants_index(const struct variants *v, uint64_t key)
{
    if (v->count == 0) {
        return 0;
    }
    uint32_t slot = v->slots[slot_find(v, key)];
    return slot ? slot - 1 : v->count;
}

enum err variants_print(const struct variants *v, size_t i, struct strbuf *out)
{
    static const struct {
        enum dialect_text text;
        const char *name;
    } shown[] = {
        {DIALECT_MSGID, "Message-ID"}, {DIALECT_BOUNDARY, "boundary"}, {DIALECT_MAILER, "mailer"}};
    const struct dialect *d = v->items[i].dialect;
    dialect_print(d, out);
    for (size_t t = 0; t < sizeof shown / sizeof *shown; t++) {
        struct slice text = dialect_text(d, shown[t].text);
        if (text.n) {
            strbuf_printf(out, " %s:", shown[t].name);
            strbuf_add(out, text);
        }
    }
    return out->failed ? ERR_NOMEM : OK;
}

size_t variants_bytes(const struct variants *v)
{
    size_t n = sizeof *v + v->capacity * sizeof *v->items;
    n += v->slots ? (v->slot_mask + 1) * sizeof *v->slots : 0;
    n += v->heap ? v->most * (sizeof *v->heap + sizeof *v->seen) : 0;
    for (size_t i = 0; i < v->count; i++) {
        n += dialect_bytes(v->items[i].dialect) + profile_bytes(&v->items[i].profile) +
             host_sample_bytes(&v->items[i].hosts);
    }
    return n;
}

/* ---- kept ---- */

enum err variants_save(const struct variants *v, size_t i, struct strbuf *out)
{
    varint_add(out, SAVE_VERSION);
    varint_add(out, v->items[i].error);
    dialect_save(v->items[i].dialect, out);
    host_sample_save(&v->items[i].hosts, out);
    enum err e = profile_save(&v->items[i].profile, out);
    return e != OK ? e : out->failed ? ERR_NOMEM : OK;
}

static bool variant_parse(struct slice *in, struct variant *x)
{
    uint64_t version;
    if (!varint_cut(in, &version) || version == 0 || version > SAVE_VERSION ||
        !varint_cut(in, &x->error)) {
        return false;
    }
    x->dialect = dialect_load(in);
    if (!x->dialect) {
        return false;
    }
    /* Version 1 had no machines: those of later messages will do */
    unsigned hash_bits = version == 2 ? HASH_BITS_VERSION_2 : HOST_SAMPLE_HASH_BITS;
    if ((version >= 2 && !host_sample_load(&x->hosts, in, VARIANT_HOSTS, hash_bits)) ||
        !profile_load(&x->profile, in) || x->profile.messages > UINT64_MAX - x->error) {
        variant_clear(x);
        return false;
    }
    return true;
}

bool variants_load(struct variants *v, uint64_t key, struct slice *in)
{
    struct variant x = variant_new(key, 0);
    struct slice rest = *in;
    if (key == 0 || (v->count > 0 && variants_index(v, key) < v->count)) {
        return false;
    }
    if (!variant_parse(&rest, &x)) {
        return false;
    }
    *in = rest;
    size_t i;
    enum err e = place_make(v, key, variant_weight(&x), &i);
    if (e != OK) {
        variant_clear(&x);
        return e == ERR_LIMIT; /* lighter than all: not wanted */
    }
    v->items[i] = x; /* its error is its own */
    if (v->heap) {   /* it may weigh more than the one that gave way */
        v->seen[i] = variant_weight(&x);
        heap_sink(v, 0);
    }
    return true;
}
