/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CD1 as text and as bytes: KIND SHINGLES "." EXACT "." TEXT "." OPEN "." CLOSE "." CALL "." HTML.
 */
#include "print/cd1.h"
#include "print/minhash.h"

#include <endian.h>

static const char PREFIX[] = "CD1:";
static const char KINDS[] = {
    [CD1_NONE] = 'n', [CD1_TEXT] = 't', [CD1_SHORT] = 's', [CD1_SHAPE] = 'f'};

enum {
    PREFIX_BYTES = sizeof PREFIX - 1,
    EXACT_DIGITS = 16,
    SHINGLES_MAX = 65535,
    PACKED_VERSION = 2, /* high half of the first byte */
    PACKED_CALL = 4,    /* bits of the low half, besides the kind */
    PACKED_HTML = 8,
    PACKED_HEAD_BYTES = 1 + 2 + 8,
};
_Static_assert(CD1_TEXT_BYTES >= PREFIX_BYTES + 1 + 5 + 1 + EXACT_DIGITS + 1 + CD1_TEXT_LANES + 1 +
                                     CD1_OPEN_LANES + 1 + CD1_CLOSE_LANES + 1 + CD1_CALL_LANES + 1 +
                                     CD1_HTML_LANES,
               "the longest print fits");
_Static_assert(CD1_PACKED_BYTES >=
                   PACKED_HEAD_BYTES + (CD1_TEXT_LANES + CD1_OPEN_LANES + CD1_CLOSE_LANES +
                                        CD1_CALL_LANES + CD1_HTML_LANES) /
                                           2,
               "the longest packing fits");

static size_t digit_put(char *out, size_t n, unsigned value)
{
    out[n] = "0123456789abcdef"[value & 0xf];
    return n + 1;
}

static size_t lanes_put(char *out, size_t n, bool is_there, const uint32_t *lane, size_t lanes)
{
    out[n++] = '.';
    if (!is_there) {
        out[n++] = '-';
    }
    for (size_t i = 0; i < lanes && is_there; i++) {
        n = digit_put(out, n, lane[i] & MINHASH_PRINTED_MASK);
    }
    return n;
}

size_t cd1_print(const struct cd1 *c, char out[CD1_TEXT_BYTES])
{
    size_t n = PREFIX_BYTES;
    memcpy(out, PREFIX, n);
    out[n++] = KINDS[c->kind];
    if (c->kind == CD1_NONE) {
        return n;
    }
    char digits[5];
    size_t count = 0;
    unsigned left = c->shingles < SHINGLES_MAX ? c->shingles : SHINGLES_MAX;
    do {
        digits[count++] = (char)('0' + left % 10);
        left /= 10;
    } while (left);
    while (count) {
        out[n++] = digits[--count];
    }
    out[n++] = '.';
    for (int shift = 60; shift >= 0; shift -= 4) {
        n = digit_put(out, n, (unsigned)(c->exact >> shift));
    }
    n = lanes_put(out, n, cd1_has_lanes(c->kind, c->shingles), c->text, CD1_TEXT_LANES);
    n = lanes_put(out, n, c->kind == CD1_TEXT, c->open, CD1_OPEN_LANES);
    n = lanes_put(out, n, c->kind == CD1_TEXT, c->close, CD1_CLOSE_LANES);
    n = lanes_put(out, n, c->has_call, c->call, CD1_CALL_LANES);
    return lanes_put(out, n, c->has_html, c->html, CD1_HTML_LANES);
}

/* A lower-case hexadecimal digit's value, or more than 15. */
static unsigned digit_of(char c)
{
    unsigned digit = (uint8_t)c - (unsigned)'0', letter = (uint8_t)c - (unsigned)'a';
    return letter < 6 ? letter + 10 : digit < 10 ? digit : 16;
}

/* "-", or a digit for each lane. */
static bool lanes_parse(struct slice s, bool *is_there, uint32_t *lane, size_t lanes)
{
    *is_there = !slice_eq(s, S("-"));
    if (!*is_there) {
        return true;
    }
    if (s.n != lanes) {
        return false;
    }
    uint32_t all = 0;
    for (size_t i = 0; i < lanes; i++) {
        lane[i] = digit_of(s.p[i]);
        all |= lane[i];
    }
    return all < 16;
}

static bool kind_of(char letter, enum cd1_kind *kind)
{
    for (unsigned k = 0; k < sizeof KINDS; k++) {
        if (KINDS[k] == letter) {
            *kind = (enum cd1_kind)k;
            return true;
        }
    }
    return false;
}

/* What cd1_make never makes. */
static bool is_consistent(const struct cd1 *c, bool has_lanes, bool has_open, bool has_close)
{
    return has_lanes == cd1_has_lanes(c->kind, c->shingles) && has_open == (c->kind == CD1_TEXT) &&
           has_close == (c->kind == CD1_TEXT) &&
           (c->kind != CD1_TEXT || c->shingles >= CD1_SHORT_SHINGLES) &&
           (c->kind != CD1_SHORT || c->shingles < CD1_SHORT_SHINGLES) &&
           (c->kind != CD1_SHAPE || c->shingles > 0);
}

bool cd1_parse(struct slice text, struct cd1 *out)
{
    struct cd1 c = {.kind = CD1_NONE};
    if (!slice_starts(text, S("CD1:")) || text.n == PREFIX_BYTES ||
        !kind_of(text.p[PREFIX_BYTES], &c.kind)) {
        return false;
    }
    struct slice rest = slice_sub(text, PREFIX_BYTES + 1, SIZE_MAX);
    if (c.kind == CD1_NONE) {
        *out = c;
        return rest.n == 0;
    }
    uint64_t shingles;
    struct slice count = slice_cut(&rest, '.'), exact = slice_cut(&rest, '.');
    if (count.n > 5 || !slice_to_u64(count, &shingles) || shingles > SHINGLES_MAX ||
        (count.n > 1 && count.p[0] == '0') || exact.n != EXACT_DIGITS) {
        return false;
    }
    for (size_t i = 0; i < exact.n; i++) {
        unsigned digit = digit_of(exact.p[i]);
        if (digit > 15) {
            return false;
        }
        c.exact = c.exact << 4 | digit;
    }
    c.shingles = (unsigned)shingles;
    struct slice lanes = slice_cut(&rest, '.'), open = slice_cut(&rest, '.');
    struct slice close = slice_cut(&rest, '.'), call = slice_cut(&rest, '.');
    bool has_lanes, has_open, has_close;
    if (!lanes_parse(lanes, &has_lanes, c.text, CD1_TEXT_LANES) ||
        !lanes_parse(open, &has_open, c.open, CD1_OPEN_LANES) ||
        !lanes_parse(close, &has_close, c.close, CD1_CLOSE_LANES) ||
        !lanes_parse(call, &c.has_call, c.call, CD1_CALL_LANES) ||
        !lanes_parse(rest, &c.has_html, c.html, CD1_HTML_LANES) ||
        !is_consistent(&c, has_lanes, has_open, has_close)) {
        return false;
    }
    *out = c;
    return true;
}

static size_t lanes_pack(uint8_t *out, size_t n, bool is_there, const uint32_t *lane, size_t lanes)
{
    for (size_t i = 0; i < lanes && is_there; i += 2) {
        out[n++] =
            (uint8_t)((lane[i] & MINHASH_PRINTED_MASK) << 4 | (lane[i + 1] & MINHASH_PRINTED_MASK));
    }
    return n;
}

size_t cd1_pack(const struct cd1 *c, uint8_t out[CD1_PACKED_BYTES])
{
    size_t n = 0;
    if (c->kind == CD1_NONE) {
        return 0;
    }
    out[n++] = (uint8_t)(PACKED_VERSION << 4 | (c->has_html ? PACKED_HTML : 0) |
                         (c->has_call ? PACKED_CALL : 0) | (unsigned)c->kind);
    unsigned shingles = c->shingles < SHINGLES_MAX ? c->shingles : SHINGLES_MAX;
    out[n++] = (uint8_t)(shingles >> 8);
    out[n++] = (uint8_t)shingles;
    for (int shift = 56; shift >= 0; shift -= 8) {
        out[n++] = (uint8_t)(c->exact >> shift);
    }
    n = lanes_pack(out, n, cd1_has_lanes(c->kind, c->shingles), c->text, CD1_TEXT_LANES);
    n = lanes_pack(out, n, c->kind == CD1_TEXT, c->open, CD1_OPEN_LANES);
    n = lanes_pack(out, n, c->kind == CD1_TEXT, c->close, CD1_CLOSE_LANES);
    n = lanes_pack(out, n, c->has_call, c->call, CD1_CALL_LANES);
    return lanes_pack(out, n, c->has_html, c->html, CD1_HTML_LANES);
}

static bool lanes_unpack(struct slice *s, bool is_there, uint32_t *lane, size_t lanes)
{
    if (!is_there) {
        return true;
    }
    if (s->n < lanes / 2) {
        return false;
    }
    for (size_t i = 0; i < lanes; i++) {
        uint8_t byte = (uint8_t)s->p[i / 2];
        lane[i] = i % 2 ? byte & 0xf : byte >> 4;
    }
    *s = slice_sub(*s, lanes / 2, SIZE_MAX);
    return true;
}

/* What is said before the lanes; `packed` is cut off. */
struct packed_head {
    enum cd1_kind kind; /* not CD1_NONE */
    bool has_call, has_html;
    unsigned shingles;
    uint64_t exact;
};

static bool head_cut(struct slice *packed, struct packed_head *h)
{
    const uint8_t *p = (const uint8_t *)packed->p;
    if (packed->n < PACKED_HEAD_BYTES || p[0] >> 4 != PACKED_VERSION ||
        (enum cd1_kind)(p[0] & 3) == CD1_NONE) {
        return false;
    }
    *h = (struct packed_head){.kind = (enum cd1_kind)(p[0] & 3),
                              .has_call = p[0] & PACKED_CALL,
                              .has_html = p[0] & PACKED_HTML,
                              .shingles = (unsigned)(p[1] << 8 | p[2])};
    for (size_t i = 3; i < PACKED_HEAD_BYTES; i++) {
        h->exact = h->exact << 8 | p[i];
    }
    *packed = slice_sub(*packed, PACKED_HEAD_BYTES, SIZE_MAX);
    return true;
}

bool cd1_unpack(struct slice packed, struct cd1 *out)
{
    struct packed_head h;
    if (packed.n == 0) {
        *out = (struct cd1){.kind = CD1_NONE};
        return true;
    }
    if (!head_cut(&packed, &h)) {
        return false;
    }
    struct cd1 c = {.kind = h.kind,
                    .has_call = h.has_call,
                    .has_html = h.has_html,
                    .shingles = h.shingles,
                    .exact = h.exact};
    bool has_lanes = cd1_has_lanes(c.kind, c.shingles);
    bool is_text = c.kind == CD1_TEXT;
    if (!lanes_unpack(&packed, has_lanes, c.text, CD1_TEXT_LANES) ||
        !lanes_unpack(&packed, is_text, c.open, CD1_OPEN_LANES) ||
        !lanes_unpack(&packed, is_text, c.close, CD1_CLOSE_LANES) ||
        !lanes_unpack(&packed, c.has_call, c.call, CD1_CALL_LANES) ||
        !lanes_unpack(&packed, c.has_html, c.html, CD1_HTML_LANES) || packed.n ||
        !is_consistent(&c, has_lanes, is_text, is_text)) {
        return false;
    }
    *out = c;
    return true;
}

/* Of a byte the first lane is in the upper half. */
static bool words_unpack(struct slice *s, bool is_there, uint64_t *words, size_t n)
{
    const uint64_t low = 0x0f0f0f0f0f0f0f0f;
    if (!is_there) {
        return true;
    }
    if (s->n < n * sizeof *words) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t x;
        memcpy(&x, s->p + i * sizeof x, sizeof x);
        x = le64toh(x);
        words[i] = (x & low) << 4 | (x >> 4 & low);
    }
    *s = slice_sub(*s, n * sizeof *words, SIZE_MAX);
    return true;
}

bool cd1_unpack_lanes(struct slice packed, struct cd1_lanes *out)
{
    struct packed_head h;
    if (!head_cut(&packed, &h)) {
        return false;
    }
    *out = (struct cd1_lanes){.kind = h.kind,
                              .has_call = h.has_call,
                              .has_html = h.has_html,
                              .shingles = h.shingles,
                              .exact = h.exact};
    bool is_text = h.kind == CD1_TEXT;
    return words_unpack(&packed, cd1_has_lanes(h.kind, h.shingles), out->text,
                        sizeof out->text / sizeof out->text[0]) &&
           words_unpack(&packed, is_text, &out->open, 1) &&
           words_unpack(&packed, is_text, &out->close, 1) &&
           words_unpack(&packed, h.has_call, &out->call, 1) &&
           words_unpack(&packed, h.has_html, &out->html, 1) && packed.n == 0;
}
