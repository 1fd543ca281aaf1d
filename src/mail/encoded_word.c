/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RFC 2047 encoded words as senders really write them: inside words, with spaces, with characters
 * split between two words, with no space around. */
#include "core/limits.h"
#include "core/utf8.h"
#include "mail/charset.h"
#include "mail/decode.h"
#include "mail/mail.h"

enum { CHARSET_NAME_BYTES = 64, WORST_GROWTH = 3 };

struct word {
    struct slice charset;
    char encoding; /* 'b' or 'q' */
    struct slice text;
    const char *end; /* after the "?=" */
};

struct word_decoder {
    struct arena *arena;
    uint64_t *quirks;
    char *out;
    size_t n, max;
    char *bytes; /* of a run of words in one charset, not yet converted */
    size_t byte_n;
    struct slice charset;
};

/* Reads the word at p ("=?..."). *close_from says from where on there is no "?=" any more, so that
 * many open words do not make many searches. */
static bool word_read(const char *p, const char *end, const char **close_none, struct word *w)
{
    const char *limit = end - p > CHARSET_NAME_BYTES + 2 ? p + CHARSET_NAME_BYTES + 2 : end;
    const char *c = p + 2;
    while (c < limit && *c != '?' && !ascii_is_space(*c)) {
        c++;
    }
    if (c == p + 2 || end - c < 5 || *c != '?' || c[2] != '?') {
        return false;
    }
    w->charset = slice_span(p + 2, c);
    struct slice language = w->charset;
    w->charset = slice_cut(&language, '*'); /* RFC 2231 section 5 */
    w->encoding = ascii_lower(c[1]);
    if ((w->encoding != 'b' && w->encoding != 'q') || c + 3 >= *close_none) {
        return false;
    }
    size_t at = slice_find(slice_span(c + 3, end), S("?="));
    if (at == SIZE_MAX) {
        *close_none = c + 3;
        return false;
    }
    w->text = slice_of(c + 3, at);
    w->end = c + 3 + at + 2;
    return true;
}

static void out_add(struct word_decoder *d, struct slice s)
{
    if (s.n > d->max - d->n) {
        *d->quirks |= QUIRK_BIT(HEADER_LIMIT);
        s = utf8_cut(s, d->max - d->n);
    }
    if (s.n) {
        memcpy(d->out + d->n, s.p, s.n);
        d->n += s.n;
    }
}

static void bytes_flush(struct word_decoder *d)
{
    if (d->byte_n) {
        uint64_t quirks = 0;
        out_add(d, charset_to_utf8(slice_of(d->bytes, d->byte_n), d->charset,
                                   LIMIT_HEADER_VALUE_BYTES, d->arena, &quirks));
        *d->quirks |= quirks;
    }
    d->byte_n = 0;
}

/* Text between words: raw 8-bit is UTF-8 when valid, else windows-1252. */
static void text_add(struct word_decoder *d, struct slice s)
{
    bytes_flush(d);
    if (s.n) {
        uint64_t ignored = 0; /* HEADER_8BIT says it already */
        out_add(
            d, charset_to_utf8(s, slice_of(NULL, 0), LIMIT_HEADER_VALUE_BYTES, d->arena, &ignored));
    }
}

static void word_add(struct word_decoder *d, const struct word *w)
{
    if (!slice_ieq(d->charset, w->charset)) {
        bytes_flush(d);
        d->charset = w->charset;
    }
    char *to = d->bytes + d->byte_n;
    uint64_t quirks = 0;
    d->byte_n += w->encoding == 'b' ? base64_decode(w->text, to, &quirks)
                                    : q_word_decode(w->text, to, &quirks);
    if (quirks) {
        *d->quirks |= QUIRK_BIT(ENCODED_WORD_BAD);
    }
}

static void words_decode(struct word_decoder *d, struct slice v)
{
    const char *p = v.p, *end = v.p + v.n, *text = p, *close_none = end;
    bool was_word = false;
    while (p < end) {
        size_t at = slice_find(slice_span(p, end), S("=?"));
        if (at == SIZE_MAX) {
            break;
        }
        p += at;
        struct word w;
        if (!word_read(p, end, &close_none, &w)) {
            *d->quirks |= QUIRK_BIT(ENCODED_WORD_BAD);
            p += 2;
            continue;
        }
        struct slice between = slice_span(text, p);
        if (!was_word || slice_trim(between).n) {
            text_add(d, between); /* white space between two words is no text: section 6.2 */
        }
        word_add(d, &w);
        was_word = true;
        p = text = w.end;
    }
    text_add(d, slice_span(text, end));
}

struct slice header_decode(struct slice value, struct arena *arena, uint64_t *quirks)
{
    uint64_t ignored = 0;
    struct slice v = header_unfold(value, arena);
    bool is_ascii = ascii_prefix(v) == v.n;
    bool has_word = v.n && slice_find(v, S("=?")) != SIZE_MAX;
    if (is_ascii && !has_word) {
        return v;
    }
    struct word_decoder d = {.arena = arena, .quirks = quirks ? quirks : &ignored};
    d.max = v.n * WORST_GROWTH + 16;
    d.max = d.max < LIMIT_HEADER_VALUE_BYTES ? d.max : LIMIT_HEADER_VALUE_BYTES;
    d.out = arena_alloc(arena, d.max);
    d.bytes = arena_alloc(arena, v.n + 16);
    if (!d.out || !d.bytes) {
        return slice_of(NULL, 0);
    }
    words_decode(&d, v);
    return slice_of(d.out, d.n);
}
