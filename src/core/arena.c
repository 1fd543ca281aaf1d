/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/arena.h"

#include <stdlib.h>

enum {
    ARENA_CHUNK_BYTES = 64 * 1024,
    ARENA_KEPT_BYTES = 1024 * 1024,
    ARENA_ALIGN = 16,
};

struct chunk {
    struct chunk *next;
    size_t size; /* of `bytes` */
    size_t used;
    _Alignas(ARENA_ALIGN) char bytes[];
};

struct arena {
    struct chunk *head; /* the one being filled */
    struct chunk *spare;
    size_t used;
    size_t bytes_max;
    char *last; /* the last allocation, for arena_resize_last */
};

struct arena *arena_new(size_t bytes_max)
{
    struct arena *a = calloc(1, sizeof *a);
    if (a) {
        a->bytes_max = bytes_max;
    }
    return a;
}

static struct chunk *arena_chunk(struct arena *a, size_t need)
{
    for (struct chunk **at = &a->spare; *at; at = &(*at)->next) {
        if ((*at)->size >= need) {
            struct chunk *c = *at;
            *at = c->next;
            c->used = 0;
            return c;
        }
    }
    size_t size = need > ARENA_CHUNK_BYTES ? need : ARENA_CHUNK_BYTES;
    struct chunk *c = malloc(sizeof *c + size);
    if (c) {
        c->size = size;
        c->used = 0;
    }
    return c;
}

void *arena_alloc(struct arena *a, size_t n)
{
    size_t need;
    if (__builtin_add_overflow(n, (size_t)ARENA_ALIGN - 1, &need)) {
        return NULL;
    }
    need &= ~((size_t)ARENA_ALIGN - 1);
    if (need > a->bytes_max - a->used) {
        return NULL;
    }
    if (!a->head || a->head->size - a->head->used < need) {
        struct chunk *c = arena_chunk(a, need);
        if (!c) {
            return NULL;
        }
        c->next = a->head;
        a->head = c;
    }
    char *p = a->head->bytes + a->head->used;
    a->head->used += need;
    a->used += need;
    a->last = p;
    return p;
}

void *arena_calloc(struct arena *a, size_t count, size_t size)
{
    size_t n;
    if (__builtin_mul_overflow(count, size, &n)) {
        return NULL;
    }
    void *p = arena_alloc(a, n);
    return p ? memset(p, 0, n) : NULL;
}

void *arena_resize_last(struct arena *a, void *p, size_t n)
{
    if (!p || p != a->last || n > SIZE_MAX - ARENA_ALIGN) {
        return NULL;
    }
    size_t start = (size_t)(a->last - a->head->bytes);
    size_t need = (n + ARENA_ALIGN - 1) & ~((size_t)ARENA_ALIGN - 1);
    size_t had = a->head->used - start;
    if (need > a->head->size - start || (need > had && need - had > a->bytes_max - a->used)) {
        return NULL;
    }
    a->head->used = start + need;
    a->used = a->used - had + need;
    return p;
}

struct slice arena_copy(struct arena *a, struct slice s)
{
    char *p = arena_alloc(a, s.n ? s.n : 1);
    if (!p) {
        return (struct slice){NULL, 0};
    }
    if (s.n) {
        memcpy(p, s.p, s.n);
    }
    return slice_of(p, s.n);
}

size_t arena_used(const struct arena *a)
{
    return a->used;
}

static void chunks_free(struct chunk *c)
{
    while (c) {
        struct chunk *next = c->next;
        free(c);
        c = next;
    }
}

void arena_reset(struct arena *a)
{
    size_t kept = 0;
    struct chunk *all[2] = {a->head, a->spare};
    a->head = NULL;
    a->spare = NULL;
    a->last = NULL;
    a->used = 0;
    for (int i = 0; i < 2; i++) {
        for (struct chunk *c = all[i], *next; c; c = next) {
            next = c->next;
            if (kept + c->size > ARENA_KEPT_BYTES) {
                free(c);
                continue;
            }
            kept += c->size;
            c->next = a->spare;
            a->spare = c;
        }
    }
}

void arena_release(struct arena *a)
{
    chunks_free(a->head);
    chunks_free(a->spare);
    a->head = a->spare = NULL;
    a->last = NULL;
    a->used = 0;
}

void arena_free(struct arena *a)
{
    if (a) {
        arena_release(a);
        free(a);
    }
}
