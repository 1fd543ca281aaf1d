/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A wording as it is kept: version, missed, the packed sketch, URL shapes, profile. */
#include "cluster/wording_part.h"
#include "core/varint.h"

#include <stdlib.h>

enum { STATE_VERSION = 1 };

/* The next line of the shapes; false at their end. */
static bool shape_next(struct slice *shapes, struct slice *out)
{
    if (shapes->n == 0) {
        return false;
    }
    *out = slice_cut(shapes, '\n');
    return true;
}

enum err wordings_save(const struct wordings *v, size_t i, struct strbuf *out)
{
    const struct wording *w = &v->items[i];
    struct cd1 c;
    uint8_t packed[CD1_PACKED_BYTES];
    wording_sketch_cd1(&w->sketch, &c);
    size_t n = cd1_pack(&c, packed);
    strbuf_add_byte(out, STATE_VERSION);
    varint_add(out, w->missed);
    strbuf_add_byte(out, (char)n);
    strbuf_add(out, slice_of((const char *)packed, n));
    strbuf_add_byte(out, (char)w->sketch.shape_count);
    struct slice shapes = slice_cstr(w->shapes), shape;
    while (shape_next(&shapes, &shape)) {
        strbuf_add_byte(out, (char)shape.n);
        strbuf_add(out, shape);
    }
    return out->failed ? ERR_NOMEM : profile_save(&w->profile, out);
}

/* Cuts n bytes off the front; false when there are less. */
static bool bytes_cut(struct slice *in, size_t n, struct slice *out)
{
    if (in->n < n) {
        return false;
    }
    *out = slice_sub(*in, 0, n);
    *in = slice_sub(*in, n, SIZE_MAX);
    return true;
}

static bool block_cut(struct slice *in, struct slice *out)
{
    struct slice length;
    return bytes_cut(in, 1, &length) && bytes_cut(in, (uint8_t)length.p[0], out);
}

struct kept {
    uint64_t missed;
    struct cd1 cd1;
    struct slice shapes[WORDING_SHAPES];
    size_t shape_count;
};

static bool kept_read(struct slice *in, struct kept *k)
{
    struct slice version, packed, count;
    if (!bytes_cut(in, 1, &version) || version.p[0] != STATE_VERSION ||
        !varint_cut(in, &k->missed) || !block_cut(in, &packed) || !cd1_unpack(packed, &k->cd1) ||
        k->cd1.kind == CD1_NONE || !bytes_cut(in, 1, &count)) {
        return false;
    }
    k->shape_count = (uint8_t)count.p[0];
    if (k->shape_count > WORDING_SHAPES) {
        return false;
    }
    for (size_t i = 0; i < k->shape_count; i++) {
        if (!block_cut(in, &k->shapes[i]) || k->shapes[i].n > URL_SHAPE_BYTES ||
            memchr(k->shapes[i].p, '\n', k->shapes[i].n) ||
            memchr(k->shapes[i].p, '\0', k->shapes[i].n)) {
            return false;
        }
    }
    return true;
}

bool wordings_load(struct wordings *v, uint64_t key, struct slice *in)
{
    struct slice rest = *in;
    struct kept kept;
    struct wording_sketch s;
    size_t chosen[WORDING_SHAPES];
    struct profile profile;
    if (!kept_read(&rest, &kept)) {
        return false;
    }
    wording_sketch_make(&kept.cd1, kept.shapes, kept.shape_count, &s, chosen);
    if (s.shape_count != kept.shape_count || wording_sketch_key(&s) != key ||
        wordings_index(v, key) != v->count || !profile_load(&profile, &rest)) {
        return false;
    }
    char *shapes = wording_shapes_copy(kept.shapes, chosen, s.shape_count);
    if (s.shape_count > 0 && !shapes) {
        profile_clear(&profile);
        return false;
    }
    wording_take_in(v, &s, key, shapes, kept.missed, &profile);
    *in = rest;
    return true;
}
