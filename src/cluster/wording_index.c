/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cluster/wording_index.h"

#include "core/scratch.h"

#include <stdlib.h>

enum {
    BUCKETS = 1 << WORDING_BAND_BITS,
    FIRST_LISTS = 4096,
    LISTED = UINT32_C(1) << 31, /* of a bucket: the rest is the number of its list */
};

/* Most buckets have no place or one: that stands in them. Those of more have a list, so that a
 * small table touches little memory: zeroing 33 MiB cost a small import as much as all look-ups. */
struct list {
    uint32_t place[WORDING_BUCKET]; /* + 1; 0: free; full first. Of a free list: place[0] is the
                                       next free one + 1 */
};

struct wording_index {
    uint32_t buckets[WORDING_BANDS][BUCKETS]; /* place + 1; 0: free; or LISTED */
    struct list *lists;
    size_t list_count, lists_size;
    uint32_t free_list; /* + 1; 0: none */
};

struct wording_index *wording_index_new(void)
{
    return scratch_new(1, sizeof(struct wording_index));
}

void wording_index_free(struct wording_index *x)
{
    if (x) {
        scratch_free(x->lists);
        scratch_free(x);
    }
}

size_t wording_index_bytes(const struct wording_index *x)
{
    return sizeof *x + x->lists_size * sizeof *x->lists;
}

/* NULL when there is no memory for one. */
static struct list *list_new(struct wording_index *x)
{
    if (x->free_list) {
        struct list *l = &x->lists[x->free_list - 1];
        x->free_list = l->place[0];
        memset(l, 0, sizeof *l);
        return l;
    }
    if (x->list_count == x->lists_size) {
        size_t size = x->lists_size ? 2 * x->lists_size : FIRST_LISTS;
        struct list *lists = scratch_grow(x->lists, size, sizeof *lists);
        if (!lists) {
            return NULL;
        }
        x->lists = lists;
        x->lists_size = size;
    }
    return &x->lists[x->list_count++];
}

static void list_drop(struct wording_index *x, struct list *l)
{
    memset(l, 0, sizeof *l);
    l->place[0] = x->free_list;
    x->free_list = (uint32_t)(l - x->lists) + 1;
}

static struct list *list_of(const struct wording_index *x, uint32_t bucket)
{
    return bucket & LISTED ? &x->lists[bucket & ~LISTED] : NULL;
}

/* The bucket's list, made of the one place that it has; NULL: no memory. */
static struct list *list_make(struct wording_index *x, uint32_t *bucket)
{
    struct list *l = list_of(x, *bucket);
    if (!l && (l = list_new(x))) {
        l->place[0] = *bucket;
        *bucket = LISTED | (uint32_t)(l - x->lists);
    }
    return l;
}

void wording_index_add(struct wording_index *x, const struct wording_sketch *s, uint32_t place,
                       bool (*gives_way)(const void *arg, uint32_t a, uint32_t b), const void *arg)
{
    for (unsigned band = 0; band < WORDING_BANDS; band++) {
        uint32_t *bucket = &x->buckets[band][wording_text_band(s, band)];
        if (!*bucket) {
            *bucket = place + 1;
            continue;
        }
        struct list *l = list_make(x, bucket);
        size_t at = 0;
        while (l && at < WORDING_BUCKET && l->place[at]) {
            at++;
        }
        if (l && at == WORDING_BUCKET) {
            at = 0;
            for (size_t i = 1; i < WORDING_BUCKET; i++) {
                at = gives_way(arg, l->place[i] - 1, l->place[at] - 1) ? i : at;
            }
            l = gives_way(arg, place, l->place[at] - 1) ? NULL : l;
        }
        if (l) {
            l->place[at] = place + 1;
        }
    }
}

void wording_index_remove(struct wording_index *x, const struct wording_sketch *s, uint32_t place)
{
    for (unsigned band = 0; band < WORDING_BANDS; band++) {
        uint32_t *bucket = &x->buckets[band][wording_text_band(s, band)];
        struct list *l = list_of(x, *bucket);
        if (!l) {
            *bucket = *bucket == place + 1 ? 0 : *bucket;
            continue;
        }
        size_t n = 0;
        for (size_t i = 0; i < WORDING_BUCKET && l->place[i]; i++) {
            l->place[n] = l->place[i];
            n += l->place[i] != place + 1;
        }
        memset(l->place + n, 0, (WORDING_BUCKET - n) * sizeof l->place[0]);
        if (n < 2) {
            *bucket = l->place[0];
            list_drop(x, l);
        }
    }
}

/* Adds it to those found, by place. */
static size_t found_add(struct wording_candidate *out, size_t n, uint32_t place)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (out[middle].place < place) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low < n && out[low].place == place) {
        out[low].bands++;
        return n;
    }
    memmove(out + low + 1, out + low, (n - low) * sizeof out[0]);
    out[low] = (struct wording_candidate){place, 1};
    return n + 1;
}

size_t wording_index_find(const struct wording_index *x, const struct wording_sketch *s,
                          struct wording_candidate out[WORDING_CANDIDATES])
{
    const uint32_t *buckets[WORDING_BANDS];
    for (unsigned band = 0; band < WORDING_BANDS; band++) { /* sixteen cache misses at once */
        buckets[band] = &x->buckets[band][wording_text_band(s, band)];
        __builtin_prefetch(buckets[band]);
    }
    for (unsigned band = 0; band < WORDING_BANDS; band++) {
        __builtin_prefetch(list_of(x, *buckets[band]));
    }
    size_t n = 0;
    for (unsigned band = 0; band < WORDING_BANDS; band++) {
        const struct list *l = list_of(x, *buckets[band]);
        if (!l && *buckets[band]) {
            n = found_add(out, n, *buckets[band] - 1);
        }
        for (size_t i = 0; l && i < WORDING_BUCKET && l->place[i]; i++) {
            n = found_add(out, n, l->place[i] - 1);
        }
    }
    return n;
}
