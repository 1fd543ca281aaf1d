/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cluster/wording_index.h"

#include "core/scratch.h"

enum { BUCKETS = 1 << WORDING_BAND_BITS };

struct wording_index {
    uint32_t buckets[WORDING_BANDS][BUCKETS][WORDING_BUCKET]; /* place + 1; 0: free; full first */
};

/* 33 MiB, touched at random. */
struct wording_index *wording_index_new(void)
{
    return scratch_new(1, sizeof(struct wording_index));
}

void wording_index_free(struct wording_index *x)
{
    scratch_free(x);
}

size_t wording_index_bytes(void)
{
    return sizeof(struct wording_index);
}

void wording_index_add(struct wording_index *x, const struct wording_sketch *s, uint32_t place,
                       bool (*gives_way)(const void *arg, uint32_t a, uint32_t b), const void *arg)
{
    for (unsigned band = 0; band < WORDING_BANDS; band++) {
        uint32_t *bucket = x->buckets[band][wording_text_band(s, band)];
        size_t at = 0;
        while (at < WORDING_BUCKET && bucket[at]) {
            at++;
        }
        if (at == WORDING_BUCKET) {
            at = 0;
            for (size_t i = 1; i < WORDING_BUCKET; i++) {
                at = gives_way(arg, bucket[i] - 1, bucket[at] - 1) ? i : at;
            }
            if (gives_way(arg, place, bucket[at] - 1)) {
                continue;
            }
        }
        bucket[at] = place + 1;
    }
}

void wording_index_remove(struct wording_index *x, const struct wording_sketch *s, uint32_t place)
{
    for (unsigned band = 0; band < WORDING_BANDS; band++) {
        uint32_t *bucket = x->buckets[band][wording_text_band(s, band)];
        size_t n = 0;
        for (size_t i = 0; i < WORDING_BUCKET && bucket[i]; i++) {
            bucket[n] = bucket[i];
            n += bucket[i] != place + 1;
        }
        if (n < WORDING_BUCKET) {
            memset(bucket + n, 0, (WORDING_BUCKET - n) * sizeof bucket[0]);
        }
    }
}

size_t wording_index_find(const struct wording_index *x, const struct wording_sketch *s,
                          struct wording_candidate out[WORDING_CANDIDATES])
{
    const uint32_t *buckets[WORDING_BANDS];
    for (unsigned band = 0; band < WORDING_BANDS; band++) { /* sixteen cache misses at once */
        buckets[band] = x->buckets[band][wording_text_band(s, band)];
        __builtin_prefetch(buckets[band]);
    }
    size_t n = 0;
    for (unsigned band = 0; band < WORDING_BANDS; band++) {
        for (size_t i = 0; i < WORDING_BUCKET && buckets[band][i]; i++) {
            uint32_t place = buckets[band][i] - 1;
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
                continue;
            }
            memmove(out + low + 1, out + low, (n++ - low) * sizeof out[0]);
            out[low] = (struct wording_candidate){place, 1};
        }
    }
    return n;
}
