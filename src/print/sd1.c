/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "print/sd1.h"

#include "core/hash.h"
#include "print/helo.h"
#include "print/sd1_dialogue.h"
#include "print/td1.h"

enum { INPUT_BYTES = 12288 };

static const char PREFIX[] = "SD1:";

static const char *const LETTERS[SD1_TRAIT_COUNT] = {
#define SD1_TRAIT(id, letters, doc) [SD1_##id] = letters,
#include "print/sd1_trait.def"
#undef SD1_TRAIT
};

static void hash_part(struct slice input, char out[13])
{
    if (input.n == 0) {
        memcpy(out, "-", 2);
    } else {
        hash12(input, out);
    }
}

enum err sd1_make(struct sd1 *out, const struct session_record *r, struct slice ptr,
                  struct sd1_inputs *inputs, struct arena *arena)
{
    struct dialogue *d = arena_alloc(arena, sizeof *d);
    char *texts = arena_alloc(arena, 2 * (size_t)INPUT_BYTES);
    if (!d || !texts) {
        return ERR_NOMEM;
    }
    struct shape_out sequence = {texts, 0, INPUT_BYTES, false};
    struct shape_out skeleton = {texts + INPUT_BYTES, 0, INPUT_BYTES, false};
    dialogue_read(d, r);
    *out = (struct sd1){0};
    sd1_traits(d, r, ptr, out->a);
    sd1_sequence(d, &sequence);
    sd1_skeleton(d, &skeleton);
    hash_part(shape_end(&sequence), out->b);
    hash_part(shape_end(&skeleton), out->c);
    if (inputs) {
        inputs->sequence = shape_end(&sequence);
        inputs->skeleton = shape_end(&skeleton);
    }
    return OK;
}

size_t sd1_print(const struct sd1 *s, char out[SD1_TEXT_BYTES])
{
    struct shape_out o = {out, 0, SD1_TEXT_BYTES, false};
    shape_put_slice(&o, slice_of(PREFIX, sizeof PREFIX - 1));
    shape_put_slice(&o, slice_of(s->a, SD1_TRAIT_COUNT));
    shape_put(&o, '_');
    shape_put_slice(&o, slice_cstr(s->b));
    shape_put(&o, '_');
    shape_put_slice(&o, slice_cstr(s->c));
    return o.n;
}

bool sd1_parse(struct slice text, struct sd1 *out)
{
    struct slice prefix = {PREFIX, sizeof PREFIX - 1};
    *out = (struct sd1){0};
    if (!slice_starts(text, prefix)) {
        return false;
    }
    struct slice rest = slice_sub(text, prefix.n, text.n);
    struct slice a = slice_cut(&rest, '_'), b = slice_cut(&rest, '_');
    if (a.n != SD1_TRAIT_COUNT || !hash12_parse(b, out->b) || !hash12_parse(rest, out->c)) {
        return false;
    }
    for (size_t i = 0; i < a.n; i++) {
        if (a.p[i] == '\0' || (a.p[i] != '-' && !strchr(LETTERS[i], a.p[i]))) {
            return false;
        }
    }
    memcpy(out->a, a.p, a.n);
    return true;
}

static enum err set_copy(struct features *f, enum feature_id id, struct slice text,
                         struct arena *arena)
{
    struct slice copy = arena_copy(arena, text);
    return copy.p ? features_set_text(f, id, copy, arena) : ERR_NOMEM;
}

static enum err set_sd1(struct features *f, const struct session_record *r, struct slice ptr,
                        struct arena *arena)
{
    struct sd1 s;
    char text[SD1_TEXT_BYTES];
    enum err e = sd1_make(&s, r, ptr, NULL, arena);
    if (e != OK) {
        return e;
    }
    e = set_copy(f, FEATURE_FP_SD1, slice_of(text, sd1_print(&s, text)), arena);
    e = e == OK ? set_copy(f, FEATURE_SD1_A, slice_of(s.a, SD1_TRAIT_COUNT), arena) : e;
    e = e == OK ? set_copy(f, FEATURE_SD1_B, slice_cstr(s.b), arena) : e;
    return e == OK ? set_copy(f, FEATURE_SD1_C, slice_cstr(s.c), arena) : e;
}

enum err session_features(struct features *f, const struct session_record *r, struct slice ptr,
                          struct arena *arena)
{
    char td1[TD1_TEXT_BYTES];
    struct td1 t;
    enum err e = set_sd1(f, r, ptr, arena);
    if (e == OK && r->syn.n > 0 && td1_make(&t, r->syn)) {
        e = set_copy(f, FEATURE_FP_TD1, slice_of(td1, td1_print(&t, td1)), arena);
    }
    if (e == OK && r->helo.n > 0) {
        char form = helo_form(r->helo, ptr, r->head.server_name);
        e = features_set_text(f, FEATURE_SMTP_HELO, r->helo, arena);
        e = e == OK ? set_copy(f, FEATURE_SMTP_HELO_FORM, slice_of(&form, 1), arena) : e;
    }
    features_set_number(f, FEATURE_SMTP_TLS, r->tls_version.n > 0);
    return e;
}
