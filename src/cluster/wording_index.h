/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finds the wordings near a sketch: LSH over 16 bands of four lanes. A bucket holds at most
 * WORDING_BUCKET places, so a look-up compares at most 16 times as many, whatever mail comes.
 * Private to wording*.c. */
#ifndef CLUSTER_WORDING_INDEX_H
#define CLUSTER_WORDING_INDEX_H

#include "cluster/wording_sketch.h"

enum {
    /* Random texts fill a bucket with two at 2^17 leaders (Poisson): more than 8 in 1 of 4,000 */
    WORDING_BUCKET = 8,
    WORDING_CANDIDATES = WORDING_BANDS * WORDING_BUCKET
};

struct wording_index;
struct wording_index *wording_index_new(void) MUST_USE;
void wording_index_free(struct wording_index *x);

/* `gives_way(arg, a, b)`: whether place a gives way before place b. Of a full bucket the first to
 * give way, the newcomer among them, is left out; its other bands still find it. */
void wording_index_add(struct wording_index *x, const struct wording_sketch *s, uint32_t place,
                       bool (*gives_way)(const void *arg, uint32_t a, uint32_t b), const void *arg);
void wording_index_remove(struct wording_index *x, const struct wording_sketch *s, uint32_t place);

struct wording_candidate {
    uint32_t place, bands; /* that are equal */
};
/* Each place once, ascending. Returns how many. */
size_t wording_index_find(const struct wording_index *x, const struct wording_sketch *s,
                          struct wording_candidate out[WORDING_CANDIDATES]);
size_t wording_index_bytes(const struct wording_index *x);

#endif
