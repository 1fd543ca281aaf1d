/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "print/sd1.h"

#include "core/hash.h"
#include "print/sd1_dialogue.h"

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
