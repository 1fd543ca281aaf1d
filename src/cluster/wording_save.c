/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A wording as it is kept: version, missed, the packed sketch, URL shapes, profile. */
#include "cluster/wording_part.h"
#include "core/varint.h"

#include <stdlib.h>

enum { STATE_VERSION = 2 };

/* The next line of the shapes; false at their end. */
static bool shape_next(struct slice *shapes, struct slice *out)
{
    if (shapes->n == 0) {
        return false;
    }
    *out = slice_cut(shapes, '\n');
    return true;
}

static void u16_add(struct strbuf *out, unsigned x)
{
    strbuf_add_byte(out, (char)(x >> 8));
    strbuf_add_byte(out, (char)x);
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
    u16_add(out, w->sketch.attachment);
    u16_add(out, w->sketch.attachment_size);
    for (size_t k = 0; k < WORDING_SUBJECTS; k++) {
        strbuf_add_byte(out, (char)w->subjects[k].count);
        strbuf_add_byte(out, (char)w->subjects[k].own);
        for (size_t j = 0; j < w->subjects[k].count; j++) {
            u16_add(out, w->subjects[k].word[j]);
        }
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
    struct slice sketch; /* CD1, packed */
    struct slice shapes[WORDING_SHAPES];
    size_t shape_count;
    uint16_t attachment, attachment_size;
    struct wording_subject subjects[WORDING_SUBJECTS];
};

static bool u16_cut(struct slice *in, uint16_t *out)
{
    struct slice s;
    if (!bytes_cut(in, 2, &s)) {
        return false;
    }
    *out = (uint16_t)((uint8_t)s.p[0] << 8 | (uint8_t)s.p[1]);
    return true;
}

/* In the order in which wording_subjects_take() has them. */
static bool subjects_read(struct slice *in, struct wording_subject set[WORDING_SUBJECTS])
{
    uint32_t last = 0;
    bool is_end = false;
    for (size_t i = 0; i < WORDING_SUBJECTS; i++) {
        struct slice head;
        set[i] = (struct wording_subject){.count = 0};
        if (!bytes_cut(in, 2, &head)) {
            return false;
        }
        set[i].count = (uint8_t)head.p[0];
        set[i].own = (uint8_t)head.p[1];
        if (set[i].count > WORDING_SUBJECT_WORDS || set[i].own > set[i].count ||
            (is_end && set[i].count)) {
            return false;
        }
        for (size_t k = 0; k < set[i].count; k++) {
            if (!u16_cut(in, &set[i].word[k])) {
                return false;
            }
        }
        uint32_t hash = wording_subject_hash(&set[i]);
        if (hash && hash <= last) {
            return false;
        }
        is_end = hash == 0;
        last = hash;
    }
    return true;
}

static bool kept_read(struct slice *in, struct kept *k)
{
    struct slice version, count;
    if (!bytes_cut(in, 1, &version) || version.p[0] != STATE_VERSION ||
        !varint_cut(in, &k->missed) || !block_cut(in, &k->sketch) || !bytes_cut(in, 1, &count)) {
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
    return u16_cut(in, &k->attachment) && u16_cut(in, &k->attachment_size) &&
           subjects_read(in, k->subjects);
}

bool wordings_is_single(const struct wordings *v, size_t i)
{
    return v->items[i].missed == 0 && v->items[i].profile.messages == 1;
}

bool wordings_load_single(struct wordings *v, uint64_t key, const struct cluster_message *m,
                          uint64_t partner)
{
    struct wording_sketch s;
    struct wording_subject subject, subjects[WORDING_SUBJECTS] = {{.count = 0}};
    size_t chosen[WORDING_SHAPES];
    struct profile profile;
    if (!wording_sketch_of(m, &s, chosen) || wording_sketch_key(&s) != key ||
        wordings_index(v, key) != v->count ||
        wording_subject_make(&subject, m->subject, v->arena) != OK) {
        return false;
    }
    char *shapes = wording_shapes_copy(m->url_shapes, chosen, s.shape_count);
    profile_init(&profile);
    if ((s.shape_count > 0 && !shapes) || profile_take(&profile, m, partner) != OK) {
        free(shapes);
        return false;
    }
    wording_subjects_take(subjects, &subject);
    wording_take_in(v, &s, key, shapes, subjects, 0, &profile);
    return true;
}

bool wordings_load(struct wordings *v, uint64_t key, struct slice *in)
{
    struct slice rest = *in;
    struct kept kept;
    struct wording_sketch s;
    size_t chosen[WORDING_SHAPES];
    struct profile profile;
    if (!kept_read(&rest, &kept) ||
        !wording_sketch_unpack(kept.sketch, kept.shapes, kept.shape_count, &s, chosen)) {
        return false;
    }
    s.attachment = kept.attachment;
    s.attachment_size = kept.attachment_size;
    if (s.shape_count != kept.shape_count || wording_sketch_key(&s) != key ||
        wordings_index(v, key) != v->count || !profile_load(&profile, &rest)) {
        return false;
    }
    char *shapes = wording_shapes_copy(kept.shapes, chosen, s.shape_count);
    if (s.shape_count > 0 && !shapes) {
        profile_clear(&profile);
        return false;
    }
    wording_take_in(v, &s, key, shapes, kept.subjects, kept.missed, &profile);
    *in = rest;
    return true;
}
