/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/strmap.h"

#include "core/arena.h"
#include "core/hash.h"

#include <stdlib.h>

struct entry {
    uint64_t hash;
    struct slice key; /* in `keys` */
    uint64_t value;
};

struct strmap {
    struct arena *keys;
    struct entry *entries; /* in order of insertion */
    size_t count;
    size_t entries_size;
    uint32_t *slots; /* 1-based index into entries; 0 = free; power of two, at most half full */
    size_t slots_size;
};

struct strmap *strmap_new(void)
{
    struct strmap *m = calloc(1, sizeof *m);
    if (m && !(m->keys = arena_new(SIZE_MAX))) {
        free(m);
        return NULL;
    }
    return m;
}

void strmap_free(struct strmap *m)
{
    if (m) {
        arena_free(m->keys);
        free(m->entries);
        free(m->slots);
        free(m);
    }
}

static size_t slot_find(const struct strmap *m, uint64_t hash, struct slice key)
{
    size_t mask = m->slots_size - 1;
    size_t at = (size_t)hash & mask;
    while (m->slots[at]) {
        const struct entry *e = &m->entries[m->slots[at] - 1];
        if (e->hash == hash && slice_eq(e->key, key)) {
            break;
        }
        at = (at + 1) & mask;
    }
    return at;
}

uint64_t *strmap_get(const struct strmap *m, struct slice key)
{
    if (!m->count) {
        return NULL;
    }
    size_t at = slot_find(m, hash_u64(key), key);
    return m->slots[at] ? &m->entries[m->slots[at] - 1].value : NULL;
}

static bool grow(struct strmap *m)
{
    if (m->count == m->entries_size) {
        size_t size = m->entries_size ? m->entries_size * 2 : 32;
        struct entry *entries = realloc(m->entries, size * sizeof *entries);
        if (!entries) {
            return false;
        }
        m->entries = entries;
        m->entries_size = size;
    }
    if (2 * (m->count + 1) <= m->slots_size) {
        return true;
    }
    size_t size = m->slots_size ? m->slots_size * 2 : 64;
    uint32_t *slots = calloc(size, sizeof *slots);
    if (!slots || m->count >= UINT32_MAX / 2) {
        free(slots);
        return false;
    }
    free(m->slots);
    m->slots = slots;
    m->slots_size = size;
    for (size_t i = 0; i < m->count; i++) {
        m->slots[slot_find(m, m->entries[i].hash, m->entries[i].key)] = (uint32_t)(i + 1);
    }
    return true;
}

uint64_t *strmap_put(struct strmap *m, struct slice key, bool *is_new)
{
    uint64_t hash = hash_u64(key);
    if (!grow(m)) {
        return NULL;
    }
    size_t at = slot_find(m, hash, key);
    if (is_new) {
        *is_new = !m->slots[at];
    }
    if (!m->slots[at]) {
        struct slice copy = arena_copy(m->keys, key);
        if (!copy.p) {
            return NULL;
        }
        m->entries[m->count] = (struct entry){.hash = hash, .key = copy};
        m->slots[at] = (uint32_t)++m->count;
    }
    return &m->entries[m->slots[at] - 1].value;
}

size_t strmap_count(const struct strmap *m)
{
    return m->count;
}

size_t strmap_bytes(const struct strmap *m)
{
    return arena_used(m->keys) + m->count * (sizeof *m->entries + 2 * sizeof *m->slots);
}

void strmap_clear(struct strmap *m)
{
    arena_reset(m->keys);
    m->count = 0;
    if (m->slots) {
        memset(m->slots, 0, m->slots_size * sizeof *m->slots);
    }
}

struct slice strmap_key_at(const struct strmap *m, size_t i)
{
    return m->entries[i].key;
}

uint64_t *strmap_value_at(const struct strmap *m, size_t i)
{
    return &m->entries[i].value;
}
