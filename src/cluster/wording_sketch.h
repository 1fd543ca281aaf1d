/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a wording is compared by: CD1 with lanes of four bits, as the store keeps it too, and the
 * shapes of its links. So a table that is fed live, read back or rebuilt from the store decides the
 * same. Private to wording*.c. */
#ifndef CLUSTER_WORDING_SKETCH_H
#define CLUSTER_WORDING_SKETCH_H

#include "cluster/part.h"
#include "cluster/wording_subject.h"

enum {
    WORDING_SHAPES = 4, /* URL shapes kept: those with the least hashes, a min-hash of them all */
    WORDING_LANE_BITS = 4,
    WORDING_WORD_LANES = 64 / WORDING_LANE_BITS,
    WORDING_TEXT_WORDS = CD1_TEXT_LANES / WORDING_WORD_LANES,
    WORDING_BANDS = 16, /* of 4 lanes, so of 16 bits (METHODS B3: b = 16, r = 4) */
    WORDING_BAND_BITS = 16,
    WORDING_SIDE_BANDS = 4 /* of the smaller sketches: the opening, the close, the call */
};

struct wording_sketch {
    uint64_t exact;
    uint64_t text[WORDING_TEXT_WORDS], open, close, call,
        html;                        /* lane 0 in the lowest bits of word 0 */
    uint32_t shapes[WORDING_SHAPES]; /* hashes, ascending */
    uint16_t shingles;
    uint16_t attachment;      /* hash of the first one's type; 0: none */
    uint16_t attachment_size; /* its logarithm, 64 steps a doubling */
    uint8_t kind;             /* enum cd1_kind */
    uint8_t shape_count;
    bool has_call, has_html;
};

/* false: the message shows no content. `chosen` (may be NULL): which of m->url_shapes are kept. */
bool wording_sketch_of(const struct cluster_message *m, struct wording_sketch *out,
                       size_t chosen[WORDING_SHAPES]);
/* From a packed CD1 and the shapes of links, without the attachment; false: it is none, or damaged.
 */
bool wording_sketch_unpack(struct slice packed, const struct slice *shapes, size_t shape_count,
                           struct wording_sketch *out, size_t chosen[WORDING_SHAPES]);
/* The CD1 that is packed for it. */
void wording_sketch_cd1(const struct wording_sketch *s, struct cd1 *out);
/* Never 0. Of the lanes alone; of a text too short for lanes, of `exact` and the shapes of its
 * links.
 */
uint64_t wording_sketch_key(const struct wording_sketch *s);

/* Jaccard likeness as cd1_text_likeness() and its sisters have it, 0..1; -1: cannot be compared. */
double wording_text_likeness(const struct wording_sketch *a, const struct wording_sketch *b);
double wording_open_likeness(const struct wording_sketch *a, const struct wording_sketch *b);
double wording_close_likeness(const struct wording_sketch *a, const struct wording_sketch *b);
double wording_call_likeness(const struct wording_sketch *a, const struct wording_sketch *b);
double wording_html_likeness(const struct wording_sketch *a, const struct wording_sketch *b);
/* Of the sets of URL shapes; -1: a side has no links. */
double wording_shape_likeness(const struct wording_sketch *a, const struct wording_sketch *b);
/* Of the first attachments: 1, the same type and of about one size; 0; -1: a side has none. */
double wording_attachment_likeness(const struct wording_sketch *a, const struct wording_sketch *b);

static inline bool wording_has_lanes(const struct wording_sketch *s)
{
    return s->kind == CD1_TEXT || s->kind == CD1_SHAPE;
}

static inline unsigned wording_text_band(const struct wording_sketch *s, unsigned band)
{
    enum { PER_WORD = 64 / WORDING_BAND_BITS };
    return s->text[band / PER_WORD] >> (band % PER_WORD * WORDING_BAND_BITS) & 0xffff;
}

static inline unsigned wording_side_band(uint64_t lanes, unsigned band)
{
    return lanes >> (band * WORDING_BAND_BITS) & 0xffff;
}

#endif
