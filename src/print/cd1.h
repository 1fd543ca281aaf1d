/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CD1, the content sketch (docs/cd1.md): how alike the contents of two messages are, whatever their
 * recipients, links, numbers and random parts are, told from the sketches alone. One-permutation
 * min-hash with optimal densification over five sets, METHODS B3:
 *  - text: 3-shingles of the words;
 *  - open: those of the first words, which stay when a book's text follows;
 *  - close: those of the last words, which stay when it comes first;
 *  - call: shingles around the links, which stay when a book's text pads the rest;
 *  - html: shingles of the HTML skeleton (element names in order, without text). */
#ifndef PRINT_CD1_H
#define PRINT_CD1_H

#include "print/words.h"

enum cd1_kind {
    CD1_NONE,  /* no content */
    CD1_TEXT,  /* text of at least CD1_SHORT_SHINGLES shingles */
    CD1_SHORT, /* less, and no attachment: equal or not, by `exact` */
    CD1_SHAPE, /* no text, or a short one with attachments: structure, kinds and hashes of
                  attachments, URL shapes, HTML skeleton; `text` is the sketch of that set */
};

enum {
    CD1_TEXT_LANES = 64,
    CD1_OPEN_LANES = 16,
    CD1_CLOSE_LANES = 16,
    CD1_CALL_LANES = 16,
    CD1_HTML_LANES = 16,
    CD1_SHORT_SHINGLES = 12,
    CD1_SKETCHED_SHINGLES = 3 /* fewer of a short text are not sketched */
};

struct cd1 {
    enum cd1_kind kind;
    bool has_call, has_html;
    bool is_full;      /* lanes of 32 bits; false: out of a printed sketch, 4 bits each */
    unsigned shingles; /* of the text; SHAPE: items of its set. At most 65535 */
    uint64_t exact; /* of the words in order; SHAPE: of all items. Equal contents are equal here */
    uint32_t text[CD1_TEXT_LANES];   /* zeros without cd1_has_lanes() */
    uint32_t open[CD1_OPEN_LANES];   /* zeros but for TEXT */
    uint32_t close[CD1_CLOSE_LANES]; /* zeros but for TEXT */
    uint32_t call[CD1_CALL_LANES];   /* zeros without has_call */
    uint32_t html[CD1_HTML_LANES];   /* zeros without has_html */
};

/* Whether `text` is sketched. */
static inline bool cd1_has_lanes(enum cd1_kind kind, unsigned shingles)
{
    return kind == CD1_TEXT || kind == CD1_SHAPE ||
           (kind == CD1_SHORT && shingles >= CD1_SKETCHED_SHINGLES);
}

/* ERR_NOMEM only. */
enum err cd1_make(struct cd1 *out, const struct words *w, const struct features *f,
                  struct arena *arena) MUST_USE;

/* Estimated Jaccard likeness of what two sketches have both, 0..1; corrected for chance where a
 * side has 4-bit lanes. -1: they cannot be compared (kinds differ, or a side lacks the set). Equal
 * `exact` is 1; SHORT ones of which one is not sketched are 1 or 0. */
double cd1_text_likeness(const struct cd1 *a, const struct cd1 *b);
double cd1_open_likeness(const struct cd1 *a, const struct cd1 *b);
double cd1_close_likeness(const struct cd1 *a, const struct cd1 *b);
double cd1_call_likeness(const struct cd1 *a, const struct cd1 *b);
double cd1_html_likeness(const struct cd1 *a, const struct cd1 *b);

enum { CD1_TEXT_BYTES = 168, CD1_PACKED_BYTES = 80 };
/* The printed form, 4 bits a lane (no NUL); returns its length. */
size_t cd1_print(const struct cd1 *c, char out[CD1_TEXT_BYTES]);
/* The inverse; false for what cd1_print never writes. */
bool cd1_parse(struct slice text, struct cd1 *out);
/* What cd1_print says, in half the bytes: for the store. */
size_t cd1_pack(const struct cd1 *c, uint8_t out[CD1_PACKED_BYTES]);
bool cd1_unpack(struct slice packed, struct cd1 *out);
/* The same with sixteen lanes a number, lane 0 in the lowest bits. */
struct cd1_lanes {
    enum cd1_kind kind;
    bool has_call, has_html;
    unsigned shingles;
    uint64_t exact, text[CD1_TEXT_LANES / 16], open, close, call, html;
};
bool cd1_unpack_lanes(struct slice packed, struct cd1_lanes *out);

#endif
