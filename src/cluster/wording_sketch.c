/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cluster/wording_sketch.h"

_Static_assert(sizeof((struct wording_sketch *)0)->text == sizeof((struct cd1_lanes *)0)->text,
               "text lanes are packed alike");

static void lanes_unpack(const uint64_t *in, unsigned n, uint32_t *lanes)
{
    for (unsigned i = 0; i < n; i++) {
        unsigned shift = i % WORDING_WORD_LANES * WORDING_LANE_BITS;
        lanes[i] = in[i / WORDING_WORD_LANES] >> shift & 15;
    }
}

/* Keeps the least hashes, each once. */
static void shapes_take(struct wording_sketch *s, const struct slice *shapes, size_t count,
                        size_t chosen[WORDING_SHAPES])
{
    size_t from[WORDING_SHAPES];
    for (size_t i = 0; i < count; i++) {
        uint32_t hash = (uint32_t)hash_u64(shapes[i]);
        unsigned at = s->shape_count;
        while (at > 0 && s->shapes[at - 1] > hash) {
            at--;
        }
        if (at == WORDING_SHAPES || (at > 0 && s->shapes[at - 1] == hash)) {
            continue;
        }
        s->shape_count = (uint8_t)(s->shape_count + (s->shape_count < WORDING_SHAPES));
        for (unsigned k = s->shape_count - 1U; k > at; k--) {
            s->shapes[k] = s->shapes[k - 1];
            from[k] = from[k - 1];
        }
        s->shapes[at] = hash;
        from[at] = i;
    }
    if (chosen) {
        memcpy(chosen, from, s->shape_count * sizeof from[0]);
    }
}

bool wording_sketch_unpack(struct slice packed, const struct slice *shapes, size_t shape_count,
                           struct wording_sketch *out, size_t chosen[WORDING_SHAPES])
{
    struct cd1_lanes lanes;
    if (!cd1_unpack_lanes(packed, &lanes) || lanes.kind == CD1_NONE) {
        return false;
    }
    *out = (struct wording_sketch){.exact = lanes.exact,
                                   .open = lanes.open,
                                   .close = lanes.close,
                                   .call = lanes.call,
                                   .html = lanes.html,
                                   .kind = (uint8_t)lanes.kind,
                                   .shingles = (uint16_t)lanes.shingles,
                                   .has_call = lanes.has_call,
                                   .has_html = lanes.has_html};
    memcpy(out->text, lanes.text, sizeof out->text);
    shapes_take(out, shapes, shape_count, chosen);
    return true;
}

/* Linear between the doublings. */
static uint16_t size_step(uint64_t bytes)
{
    enum { STEP_BITS = 6 };
    bytes += 1 << STEP_BITS;
    unsigned log = 63 - (unsigned)__builtin_clzll(bytes);
    return (uint16_t)((log << STEP_BITS) | ((bytes >> (log - STEP_BITS)) & ((1 << STEP_BITS) - 1)));
}

bool wording_sketch_of(const struct cluster_message *m, struct wording_sketch *out,
                       size_t chosen[WORDING_SHAPES])
{
    if (!wording_sketch_unpack(m->sketch, m->url_shapes, m->url_shape_count, out, chosen)) {
        return false;
    }
    if (m->attachment_type.n > 0) {
        uint16_t hash = (uint16_t)hash_u64(m->attachment_type);
        out->attachment = hash ? hash : 1;
        out->attachment_size = size_step(m->attachment_bytes);
    }
    return true;
}

void wording_sketch_cd1(const struct wording_sketch *s, struct cd1 *out)
{
    *out = (struct cd1){
        .kind = (enum cd1_kind)s->kind,
        .has_call = s->has_call,
        .has_html = s->has_html,
        .shingles = s->shingles,
        .exact = s->exact,
    };
    lanes_unpack(s->text, CD1_TEXT_LANES, out->text);
    lanes_unpack(&s->open, CD1_OPEN_LANES, out->open);
    lanes_unpack(&s->close, CD1_CLOSE_LANES, out->close);
    lanes_unpack(&s->call, CD1_CALL_LANES, out->call);
    lanes_unpack(&s->html, CD1_HTML_LANES, out->html);
}

uint64_t wording_sketch_key(const struct wording_sketch *s)
{
    uint8_t bytes[1 + WORDING_TEXT_WORDS * 8 + WORDING_SHAPES * 4];
    uint64_t words[WORDING_TEXT_WORDS] = {s->exact};
    size_t n = 0, count = 1;
    if (wording_has_lanes(s)) {
        memcpy(words, s->text, sizeof words);
        count = WORDING_TEXT_WORDS;
    }
    bytes[n++] = s->kind;
    for (size_t i = 0; i < count; i++) { /* the same on machines of either byte order */
        for (unsigned k = 0; k < 64; k += 8) {
            bytes[n++] = (uint8_t)(words[i] >> k);
        }
    }
    for (size_t i = 0; s->kind == CD1_SHORT && i < s->shape_count; i++) {
        for (unsigned k = 0; k < 32; k += 8) {
            bytes[n++] = (uint8_t)(s->shapes[i] >> k);
        }
    }
    uint64_t key = hash_u64(slice_of((const char *)bytes, n));
    return key ? key : 1;
}

/* A 1 in each of the 16 lanes that differs. */
static uint64_t lanes_differ(uint64_t a, uint64_t b)
{
    uint64_t x = a ^ b;
    x |= x >> 2;
    x |= x >> 1;
    return x & 0x1111111111111111;
}

/* The sum of the lanes, less than 256. Not every machine counts bits. */
static unsigned lanes_sum(uint64_t x)
{
    const uint64_t low = 0x0f0f0f0f0f0f0f0f;
    return (unsigned)(((x & low) + (x >> 4 & low)) * 0x0101010101010101 >> 56);
}

static unsigned lanes_equal(uint64_t a, uint64_t b)
{
    return WORDING_WORD_LANES - lanes_sum(lanes_differ(a, b));
}

/* Lanes of four bits are equal by chance once in 16. */
static double likeness(unsigned equal, unsigned lanes)
{
    double j = ((double)equal / lanes - 1.0 / 16) / (15.0 / 16);
    return j > 0 ? j : 0;
}

double wording_text_likeness(const struct wording_sketch *a, const struct wording_sketch *b)
{
    if (a->kind != b->kind) {
        return -1;
    }
    if (a->exact == b->exact) {
        return 1;
    }
    if (!cd1_has_lanes((enum cd1_kind)a->kind, a->shingles) ||
        !cd1_has_lanes((enum cd1_kind)b->kind, b->shingles)) {
        return 0;
    }
    uint64_t differ = 0;
    for (size_t i = 0; i < WORDING_TEXT_WORDS; i++) {
        differ += lanes_differ(a->text[i], b->text[i]);
    }
    return likeness(CD1_TEXT_LANES - lanes_sum(differ), CD1_TEXT_LANES);
}

double wording_open_likeness(const struct wording_sketch *a, const struct wording_sketch *b)
{
    return a->kind == CD1_TEXT && b->kind == CD1_TEXT
               ? likeness(lanes_equal(a->open, b->open), CD1_OPEN_LANES)
               : -1;
}

double wording_close_likeness(const struct wording_sketch *a, const struct wording_sketch *b)
{
    return a->kind == CD1_TEXT && b->kind == CD1_TEXT
               ? likeness(lanes_equal(a->close, b->close), CD1_CLOSE_LANES)
               : -1;
}

double wording_call_likeness(const struct wording_sketch *a, const struct wording_sketch *b)
{
    return a->has_call && b->has_call ? likeness(lanes_equal(a->call, b->call), CD1_CALL_LANES)
                                      : -1;
}

double wording_html_likeness(const struct wording_sketch *a, const struct wording_sketch *b)
{
    return a->has_html && b->has_html ? likeness(lanes_equal(a->html, b->html), CD1_HTML_LANES)
                                      : -1;
}

double wording_shape_likeness(const struct wording_sketch *a, const struct wording_sketch *b)
{
    if (a->shape_count == 0 || b->shape_count == 0) {
        return -1;
    }
    unsigned i = 0, k = 0, both = 0, all = 0; /* of the least ones of the union (bottom-k) */
    while (all < WORDING_SHAPES && (i < a->shape_count || k < b->shape_count)) {
        bool in_a = i < a->shape_count && (k == b->shape_count || a->shapes[i] <= b->shapes[k]);
        bool in_b = k < b->shape_count && (i == a->shape_count || b->shapes[k] <= a->shapes[i]);
        both += in_a && in_b;
        all++;
        i += in_a;
        k += in_b;
    }
    return (double)both / all;
}

double wording_attachment_likeness(const struct wording_sketch *a, const struct wording_sketch *b)
{
    enum { NEAR = 4 }; /* 1/16 of a doubling: what noise in a picture makes of its size */
    if (a->attachment == 0 || b->attachment == 0) {
        return -1;
    }
    int apart = a->attachment_size - b->attachment_size;
    return a->attachment == b->attachment && apart >= -NEAR && apart <= NEAR;
}
