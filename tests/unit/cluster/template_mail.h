/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For tests and bench of templates: a planted grammar that writes messages, and a plain way from
 * text to typed words (print/words.h has the real one). */
#ifndef TEST_CLUSTER_TEMPLATE_MAIL_H
#define TEST_CLUSTER_TEMPLATE_MAIL_H

#include "testing.h"

#include "cluster/template.h"
#include "core/hash.h"
#include "print/words.h"

#include <stdio.h>
#include <stdlib.h>

/* xorshift: the same messages on every machine. */
struct dice {
    uint64_t state;
};
static inline uint64_t dice_next(struct dice *d)
{
    d->state ^= d->state << 13;
    d->state ^= d->state >> 7;
    d->state ^= d->state << 17;
    return d->state * 0x2545f4914f6cdd1dULL >> 16;
}
static inline size_t dice_below(struct dice *d, size_t n)
{
    return (size_t)(dice_next(d) % n);
}

struct message_words {
    char text[16384];
    size_t n;
    struct word words[2048];
    struct words view;
};

static inline bool mail_word_byte(char c)
{
    return ascii_is_alnum(c) || c == '\'' || c == '@' || c == '/' || c == ':' || c == '_' ||
           c == '-' || (c & 0x80);
}

static inline enum word_kind mail_word_kind(struct slice s)
{
    size_t digits = 0, hex = 0;
    for (size_t i = 0; i < s.n; i++) {
        digits += ascii_is_digit(s.p[i]);
        hex += ascii_is_digit(s.p[i]) || (s.p[i] >= 'a' && s.p[i] <= 'f');
    }
    if (slice_starts(s, S("me_"))) {
        return WORD_ME;
    }
    if (slice_starts(s, S("http:"))) {
        return WORD_URL;
    }
    if (slice_find_byte(s, '@') < s.n) {
        return WORD_ADDRESS;
    }
    if (slice_starts(s, S("zx_"))) {
        return WORD_RANDOM;
    }
    return digits == s.n ? WORD_NUMBER : hex == s.n && s.n >= 6 && digits ? WORD_HEX : WORD_PLAIN;
}

/* Splits m->text[0..n). */
static inline void message_split(struct message_words *m)
{
    size_t count = 0;
    for (size_t i = 0; i < m->n;) {
        if (m->text[i] == '\n') {
            m->words[count++] = (struct word){slice_of(&m->text[i++], 1), 1, WORD_LINE};
            continue;
        }
        size_t from = i;
        while (i < m->n && mail_word_byte(m->text[i])) {
            i++;
        }
        if (i == from) {
            i++;
            continue;
        }
        struct word w = {.text = slice_of(&m->text[from], i - from)};
        char folded[256];
        size_t n = w.text.n < sizeof folded ? w.text.n : sizeof folded;
        for (size_t k = 0; k < n; k++) {
            folded[k] = ascii_lower(w.text.p[k]);
        }
        w.kind = mail_word_kind(w.text);
        w.hash = w.kind == WORD_PLAIN ? hash_u64(slice_of(folded, n)) : 1000 + (uint64_t)w.kind;
        m->words[count++] = w;
    }
    m->view = (struct words){m->words, count, false};
}

/* Words that look like a language's: by number, so that two lists share none. */
static inline size_t mail_word(char *out, size_t number)
{
    static const char *const FIRST[] = {"ba",  "cor", "del", "fi",  "gra", "hol", "jen", "ka",
                                        "lum", "mi",  "nor", "pel", "quo", "ras", "ti",  "vu"};
    static const char *const NEXT[] = {"ban", "ced", "dor", "fen", "gil", "hat", "jun", "kel",
                                       "lor", "mas", "nip", "per", "ros", "sul", "tin", "wex"};
    int n = sprintf(out, "%s%s", FIRST[number % 16], NEXT[number / 16 % 16]);
    for (number /= 256; number; number /= 16) {
        n += sprintf(out + n, "%s", NEXT[number % 16]);
    }
    return (size_t)n;
}

/* One message of a grammar; its letters:
 *   a words w..w+n fixed      d one of n words       n a number of n digits   h n hex digits
 *   w 1..n any words          c 1..n Capital words   u a URL                  @ an address
 *   m the recipient           r a hash-buster        o words w..w+n, or not   p one of n paragraphs
 *   s n sentences, shuffled   \n a line */
struct planted {
    char what;
    size_t n;
};

static inline void mail_put(struct message_words *m, const char *s)
{
    size_t n = strlen(s);
    if (m->n + n + 1 < sizeof m->text) {
        memcpy(m->text + m->n, s, n);
        m->n += n;
        m->text[m->n++] = ' ';
    }
}

static inline void mail_put_words(struct message_words *m, size_t first, size_t n)
{
    char word[64];
    for (size_t i = 0; i < n; i++) {
        word[mail_word(word, first + i)] = '\0';
        mail_put(m, word);
    }
}

static inline void mail_part(struct message_words *m, struct planted part, size_t base,
                             struct dice *d)
{
    char word[128];
    size_t n = part.n, any;
    switch (part.what) {
    case 'a':
        mail_put_words(m, base, n);
        break;
    case 'o':
        mail_put_words(m, base, dice_below(d, 2) ? n : 0);
        break;
    case 'd':
        mail_put_words(m, base + dice_below(d, n), 1);
        break;
    case 'p':
        mail_put_words(m, base + 20 * dice_below(d, n), 20);
        break;
    case 's':
        any = dice_below(d, n);
        for (size_t i = 0; i < n; i++) {
            mail_put_words(m, base + 8 * ((i + any) % n), 8);
        }
        break;
    case 'w':
    case 'c':
        for (any = 1 + dice_below(d, n); any; any--) {
            word[mail_word(word, 1000000 + dice_below(d, 5000))] = '\0';
            word[0] = part.what == 'c' ? (char)(word[0] - 32) : word[0];
            mail_put(m, word);
        }
        break;
    case 'n':
        for (any = 0; any < n; any++) {
            word[any] = (char)('1' + dice_below(d, 9));
        }
        word[n] = '\0';
        mail_put(m, word);
        break;
    case 'h':
        for (any = 0; any < n; any++) {
            word[any] = "0123456789abcdef"[dice_below(d, 16)];
        }
        word[n] = '\0';
        mail_put(m, word);
        break;
    case 'u':
        sprintf(word, "http://www-%zu/%zx", dice_below(d, 100000), dice_below(d, 1 << 30));
        mail_put(m, word);
        break;
    case '@':
        sprintf(word, "x%zu@example", dice_below(d, 100000));
        mail_put(m, word);
        break;
    case 'm':
        sprintf(word, "me_%zu", dice_below(d, 1000));
        mail_put(m, word);
        break;
    case 'r':
        sprintf(word, "zx_%zx", dice_below(d, 1 << 30));
        mail_put(m, word);
        break;
    default:
        m->text[m->n++] = '\n';
        break;
    }
}

/* `theme`: grammars of different themes share no fixed words. Ends with a part of what 0. */
static inline void mail_make(struct message_words *m, const struct planted *grammar, size_t theme,
                             struct dice *d)
{
    m->n = 0;
    for (size_t i = 0; grammar[i].what; i++) {
        mail_part(m, grammar[i], theme * 100000 + i * 1000, d);
    }
    message_split(m);
}

/* What n messages of a grammar teach; template_free() it. */
static inline struct template *learn(const struct planted *grammar, size_t theme, size_t n,
                                     uint64_t seed)
{
    static struct message_words m;
    struct dice d = {seed};
    struct template *t = template_new();
    assert_non_null(t);
    for (size_t i = 0; i < n; i++) {
        mail_make(&m, grammar, theme, &d);
        assert_int_equal(template_learn(t, &m.view), OK);
    }
    return t;
}

/* How many of n fresh messages of a grammar match. */
static inline size_t matches(const struct template *t, const struct planted *grammar, size_t theme,
                             size_t n, uint64_t seed)
{
    static struct message_words m;
    struct dice d = {seed};
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        mail_make(&m, grammar, theme, &d);
        count += template_matches(t, &m.view);
    }
    return count;
}

#endif
