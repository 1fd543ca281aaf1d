/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Words and CD1 of a text and of a message; the printed and packed forms. The first byte says how
 * many of the next ones are a recipient. */
#include "print/cd1.h"

#include "core/limits.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(const struct cd1 *c)
{
    char text[CD1_TEXT_BYTES], again[CD1_TEXT_BYTES];
    uint8_t packed[CD1_PACKED_BYTES];
    struct cd1 parsed, unpacked;
    size_t n = cd1_print(c, text), k = cd1_pack(c, packed);
    for (size_t i = 0; i < n; i++) {
        assert(text[i] > 0x20 && text[i] < 0x7f);
    }
    assert(cd1_parse(slice_of(text, n), &parsed));
    assert(cd1_print(&parsed, again) == n && memcmp(text, again, n) == 0);
    assert(cd1_unpack(slice_of((const char *)packed, k), &unpacked));
    assert(cd1_print(&unpacked, again) == n && memcmp(text, again, n) == 0);
    assert(c->kind == CD1_NONE || cd1_text_likeness(c, &parsed) == 1.0);
    assert(c->kind != CD1_TEXT || cd1_open_likeness(c, &parsed) == 1.0);
    assert(c->kind != CD1_TEXT || cd1_close_likeness(c, &parsed) == 1.0);
    assert(!c->has_call || cd1_call_likeness(c, &parsed) == 1.0);
}

static void words_check(const struct words *w, const struct features *f)
{
    assert(w->count <= LIMIT_WORDS);
    for (size_t i = 0; i < w->count; i++) {
        const struct word *x = &w->items[i];
        bool is_inside = x->text.n == 0;
        for (size_t k = 0; k < f->body_count && !is_inside; k++) {
            struct slice t = f->bodies[k].text;
            is_inside = t.n && x->text.p >= t.p && x->text.p + x->text.n <= t.p + t.n;
        }
        assert(is_inside && x->kind < WORD_KIND_COUNT);
        assert(!i || x->text.n == 0 || x[-1].text.n == 0 ||
               x->text.p >= x[-1].text.p + x[-1].text.n || x->text.p < x[-1].text.p);
    }
    for (size_t i = 0; i < w->link_count; i++) {
        assert(w->links[i] <= w->count && (!i || w->links[i] >= w->links[i - 1]));
    }
}

static void sketch(const struct features *f, const struct slice *me, struct arena *arena,
                   struct cd1 *c)
{
    struct words w;
    if (words_of(&w, f, me, 1, arena) != OK || cd1_make(c, &w, f, arena) != OK) {
        abort();
    }
    words_check(&w, f);
    round_trip(c);
}

/* Whatever bytes come as a print are refused, or print as they came. */
static void parse_check(struct slice s)
{
    struct cd1 c;
    char text[CD1_TEXT_BYTES];
    uint8_t packed[CD1_PACKED_BYTES];
    if (cd1_parse(s, &c)) {
        assert(cd1_print(&c, text) == s.n && memcmp(text, s.p, s.n) == 0);
    }
    if (cd1_unpack(s, &c)) {
        assert(cd1_pack(&c, packed) == s.n && (!s.n || memcmp(packed, s.p, s.n) == 0));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct url_context *urls;
    struct arena *arena = arena_new(4 * (size_t)LIMIT_MESSAGE_ARENA_BYTES);
    struct slice rest = slice_of((const char *)data, size);
    if (!arena || (!urls && !(urls = url_context_new(NULL)))) {
        abort();
    }
    parse_check(rest);
    size_t n = size ? data[0] % 64 : 0;
    struct slice me = slice_sub(rest, 1, n), raw = slice_sub(rest, 1 + n, SIZE_MAX);
    struct body_text body = {.text = raw, .is_seen = true};
    struct features f = {.bodies = &body, .body_count = 1};
    struct cd1 first, again;
    sketch(&f, &me, arena, &first);
    sketch(&f, &me, arena, &again);
    assert(first.exact == again.exact && first.kind == again.kind);
    struct mail m;
    const struct envelope e = {{NULL, 0}, raw.n};
    if (mail_parse(&m, raw, arena) != OK || features_extract(&f, &m, NULL, urls, &e, arena) != OK) {
        abort();
    }
    sketch(&f, &me, arena, &first);
    arena_free(arena);
    return 0;
}
