/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Templates: the input is a kept template, or lines of words that one is learnt from. Whatever is
 * loaded can be learnt on, matched, printed, and saved to the same bytes again. */
#include "cluster/template.h"

#include "core/arena.h"
#include "core/hash.h"

#include <assert.h>
#include <stdlib.h>

enum { WORDS_MAX = 700, MESSAGES_MAX = 40, BYTES_MAX = 16 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A word's first byte says its kind when it is a digit. */
static void line_split(struct slice line, struct word *words, struct words *out)
{
    *out = (struct words){words, 0, false};
    while (line.n && out->count < WORDS_MAX) {
        struct word *w = &words[out->count++];
        w->text = slice_cut(&line, ' ');
        w->kind = WORD_PLAIN;
        if (w->text.n && ascii_is_digit(w->text.p[0])) {
            w->kind = (enum word_kind)(1 + (w->text.p[0] - '0') % (WORD_KIND_COUNT - 1));
        }
        w->hash = w->kind == WORD_PLAIN ? hash_u64(w->text) : (uint64_t)w->kind;
    }
    out->is_cut = line.n > 0;
}

static void all_ways(const struct template *t)
{
    struct strbuf b = STRBUF_INIT, saved = STRBUF_INIT, again = STRBUF_INIT;
    struct arena *arena = arena_new(1 << 20);
    struct slice texts[TEMPLATE_TEXTS];
    struct template_info info;
    size_t count = 0;
    template_info(t, &info);
    if (!arena || template_print(t, &b) != OK || template_save(t, &saved) != OK ||
        template_texts(t, texts, &count, arena) != OK) {
        abort();
    }
    enum err e = template_rule(t, 2, &b);
    assert(e == ERR_NOTFOUND || (e == OK && info.is_usable));
    struct slice in = strbuf_slice(&saved);
    struct template *loaded = template_load(&in);
    assert(loaded && in.n == 0);
    assert(template_save(loaded, &again) == OK);
    assert(slice_eq(strbuf_slice(&saved), strbuf_slice(&again)));
    assert(template_bytes(t) <= BYTES_MAX);
    template_free(loaded);
    arena_free(arena);
    strbuf_free(&b);
    strbuf_free(&saved);
    strbuf_free(&again);
}

static void lines_learn(struct template *t, struct slice text)
{
    static struct word words[WORDS_MAX];
    struct words w;
    for (size_t i = 0; text.n && i < MESSAGES_MAX; i++) {
        line_split(slice_cut(&text, '\n'), words, &w);
        if (template_learn(t, &w) != OK) {
            abort();
        }
        (void)template_matches(t, &w);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_of((const char *)data, size);
    struct template *t = template_load(&in);
    if (!t && !(t = template_new())) {
        abort();
    }
    lines_learn(t, in);
    all_ways(t);
    template_free(t);
    return 0;
}
