/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/scratch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    ALIGN = 16,                /* as malloc's */
    MAPPED_LEAST = 128 * 1024, /* less is worth no call of the system */
    HUGE_LEAST = 2 * 1024 * 1024,
};

/* Before the items. */
struct scratch {
    size_t bytes; /* with this */
    bool is_mapped;
    _Alignas(ALIGN) char items[];
};

static struct scratch *scratch_of(void *p)
{
    return (struct scratch *)((char *)p - offsetof(struct scratch, items));
}

/* A sanitizer sees what is written past the end of what malloc gives alone. */
static bool is_worth_mapping(size_t bytes)
{
#if defined(__SANITIZE_ADDRESS__)
    (void)bytes;
    return false;
#else
    return bytes >= MAPPED_LEAST;
#endif
}

static struct scratch *bytes_new(size_t bytes)
{
    bool is_mapped = is_worth_mapping(bytes);
    struct scratch *s =
        is_mapped ? mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                  : calloc(1, bytes);
    if (!s || s == MAP_FAILED) {
        return NULL;
    }
    if (is_mapped && bytes >= HUGE_LEAST) {
        /* A fault for each 2 MiB, not for each 4 KiB, of what is touched at random. A wish: where
           there are none, small ones do. */
        (void)madvise(s, bytes, MADV_HUGEPAGE);
    }
    s->bytes = bytes;
    s->is_mapped = is_mapped;
    return s;
}

static void bytes_free(struct scratch *s)
{
    if (s->is_mapped) {
        (void)munmap(s, s->bytes);
    } else {
        free(s);
    }
}

static bool bytes_of(size_t count, size_t size, size_t *out)
{
    return !__builtin_mul_overflow(count, size, out) &&
           !__builtin_add_overflow(*out, sizeof(struct scratch), out);
}

void *scratch_new(size_t count, size_t size)
{
    size_t bytes;
    struct scratch *s = bytes_of(count, size, &bytes) ? bytes_new(bytes) : NULL;
    return s ? s->items : NULL;
}

void *scratch_grow(void *p, size_t count, size_t size)
{
    size_t bytes;
    if (!bytes_of(count, size, &bytes)) {
        return NULL;
    }
    struct scratch *old = p ? scratch_of(p) : NULL, *s;
    if (old && bytes <= old->bytes) {
        return p;
    }
    if (old && old->is_mapped) { /* moves pages, copies nothing */
        s = mremap(old, old->bytes, bytes, MREMAP_MAYMOVE);
        if (s == MAP_FAILED) {
            return NULL;
        }
        s->bytes = bytes;
        return s->items;
    }
    s = bytes_new(bytes);
    if (s && old) {
        memcpy(s->items, old->items, old->bytes - offsetof(struct scratch, items));
        bytes_free(old);
    }
    return s ? s->items : NULL;
}

void scratch_free(void *p)
{
    if (p) {
        bytes_free(scratch_of(p));
    }
}
