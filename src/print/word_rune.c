/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Words with letters beyond ASCII, and ASCII words with something else inside: a run of letters and
 * digits of any script, folded. What looks Latin in a word with Latin letters is Latin. */
#include "core/utf8.h"
#include "print/rune.h"
#include "print/splitter.h"

enum {
    RUNES_MAX = 64, /* of one word; a longer run is cut into words of so many */
    RUNE_BYTES_MAX = 4,
    /* Bytes of one word: marks that nobody sees may stand between any two letters. */
    RUN_BYTES_MAX = 8 * RUNES_MAX * RUNE_BYTES_MAX,
};

struct run {
    uint32_t rune[RUNES_MAX]; /* folded */
    size_t count;
    bool has_latin, has_alike, has_digit, has_accents;
    const char *end;   /* of what was read */
    bool is_ideograph; /* one, and nothing else */
    unsigned rises;
};

/* What the two bytes at `p` are, if UTF-8 writes a letter or sign with them; else NULL. */
static inline const struct rune_folded *two_at(const struct splitter *s, const char *p)
{
    uint8_t c = (uint8_t)*p;
    bool is_two = c >= 0xc2 && c < 0xe0 && s->end - p > 1 && ((uint8_t)p[1] & 0xc0) == 0x80;
    return is_two ? &s->two_bytes[(c & 0x1f) << 6 | (p[1] & 0x3f)] : NULL;
}

static inline char *two_put(char *out, uint32_t code_point)
{
    *out++ = (char)(0xc0 | code_point >> 6);
    *out++ = (char)(0x80 | (code_point & 0x3f));
    return out;
}

/* The code point at `p`, folded. Bytes that are no UTF-8 separate. */
static inline enum rune_class rune_at(const struct splitter *s, const char *p, uint32_t *folded,
                                      size_t *bytes)
{
    uint8_t c = (uint8_t)*p;
    *bytes = 1;
    const struct rune_folded *two = two_at(s, p);
    if (two) {
        *bytes = 2;
        *folded = two->folded;
        return (enum rune_class)two->class;
    }
    if (c < 0x80) {
        *folded = (uint8_t)ascii_lower(*p);
        return ascii_is_alpha(*p) ? RUNE_LETTER : ascii_is_digit(*p) ? RUNE_DIGIT : RUNE_OTHER;
    }
    uint32_t code_point;
    *bytes = utf8_sequence(slice_span(p, s->end), &code_point);
    if (!*bytes) {
        *bytes = 1;
        return RUNE_OTHER;
    }
    return rune_fold(code_point, folded);
}

static void run_read(const struct splitter *s, struct run *r, const char *p)
{
    const char *end = s->end;
    r->count = 0;
    r->has_latin = r->has_alike = r->has_digit = r->has_accents = r->is_ideograph = false;
    r->rises = 0;
    r->end = p;
    char last = ' ';
    const char *start = p;
    while (p < end && r->count < RUNES_MAX && p - start < RUN_BYTES_MAX) {
        uint32_t folded = 0;
        size_t bytes;
        enum rune_class class = rune_at(s, p, &folded, &bytes);
        if (class == RUNE_OTHER || class == RUNE_MONEY ||
            (class == RUNE_IDEOGRAPH && r->count > 0)) {
            break;
        }
        if (class != RUNE_MARK) {
            r->rises += ascii_is_upper(*p) && ascii_is_lower(last);
            last = *p;
            r->rune[r->count++] = folded;
            r->has_latin |= folded < 0x80 && class == RUNE_LETTER;
            r->has_accents |= (uint8_t)*p >= 0x80 && folded < 0x80 && class == RUNE_LETTER;
            r->has_digit |= class == RUNE_DIGIT;
            r->has_alike |= folded >= 0x370 && folded < 0x530 && class == RUNE_LETTER;
        }
        p += bytes;
        r->end = p;
        if (class == RUNE_IDEOGRAPH) {
            r->is_ideograph = true;
            break;
        }
    }
}

/* Writes the folded word; *is_ascii: nothing but a..z and 0..9. */
static size_t run_write(const struct run *r, char out[RUNES_MAX * RUNE_BYTES_MAX], bool *is_ascii)
{
    size_t n = 0;
    *is_ascii = true;
    for (size_t i = 0; i < r->count; i++) {
        uint32_t c = r->rune[i];
        char latin = r->has_latin && r->has_alike ? rune_latin(c) : 0;
        c = latin ? (uint8_t)latin : c;
        *is_ascii &= c < 0x80;
        if (c >= 0x80 && c < RUNE_TWO_BYTES_END) {
            n = (size_t)(two_put(out + n, c) - out);
        } else {
            n += utf8_encode(c, out + n);
        }
    }
    return n;
}

/* Most words that are not Latin: letters of two bytes alone, up to something in ASCII that is none.
 * Returns its end, p when the word is no such. */
static const char *letters_of_two(const struct splitter *s, const char *p, char *folded)
{
    const char *q = p, *last = p + 2 * (size_t)RUNES_MAX;
    for (const struct rune_folded *two; q < last && q < s->end && (two = two_at(s, q)); q += 2) {
        if (two->class != RUNE_LETTER || two->folded < 0x80) {
            return p;
        }
        folded = two_put(folded, two->folded);
    }
    return q < s->end && ((uint8_t)*q >= 0x80 || ascii_is_alnum(*q)) ? p : q;
}

const char *splitter_runes(struct splitter *s, const char *p)
{
    UNCLEARED struct run r;
    UNCLEARED char folded[RUNES_MAX * RUNE_BYTES_MAX];
    bool is_ascii;
    const char *end = letters_of_two(s, p, folded);
    if (end > p) {
        struct slice text = slice_span(p, end);
        (void)splitter_put_folded(s, text, slice_of(folded, text.n), WORD_PLAIN);
        return end;
    }
    run_read(s, &r, p);
    if (r.count == 0) { /* a separator, or marks alone */
        uint32_t ignored;
        size_t bytes;
        (void)rune_at(s, p, &ignored, &bytes);
        return r.end > p ? r.end : p + bytes;
    }
    size_t n = run_write(&r, folded, &is_ascii);
    struct slice text = slice_span(p, r.end);
    enum word_kind kind = WORD_PLAIN;
    if (is_ascii) {
        kind = n > WORD_TOKEN_BYTES ? WORD_RANDOM : word_kind_of(folded, n, r.rises);
        /* Accents show a language; or text in a charset that nobody declared, whose letters say
           nothing of what it says. */
        kind = kind == WORD_RANDOM && r.has_accents ? WORD_PLAIN : kind;
    }
    n = r.has_digit ? word_digits_fold(folded, n) : n;
    if (kind == WORD_PLAIN && n == 1 && folded[0] == '0') {
        kind = WORD_NUMBER; /* digits of another script */
    }
    (void)splitter_put_folded(s, text, slice_of(folded, n), kind);
    return r.end;
}
