/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Splits text into typed words (docs/cd1.md, "Words"). Most words are ASCII letters between blanks:
 * those are found, folded and hashed sixteen bytes at a time. What has digits, or a dot, colon,
 * sign inside, goes to word_compound.c; what has a byte above 0x7f to word_rune.c. Every step
 * takes at least a byte and looks at a bounded number; LIMIT_WORDS ends it all. */
#include "core/limits.h"
#include "core/vec.h"
#include "print/rune.h"
#include "print/splitter.h"

#include <endian.h>
#include <pthread.h>

static const struct {
    const char *name;
    bool is_typed;
} KINDS[WORD_KIND_COUNT] = {
#define WORD(id, name, is_typed, doc) {name, is_typed},
#include "print/word.def"
#undef WORD
};

const char *word_kind_name(enum word_kind k)
{
    return KINDS[k].name;
}

bool word_kind_is_typed(enum word_kind k)
{
    return KINDS[k].is_typed;
}

/* Glue may join what stands around it to a URL, an address, a number; others separate. */
const uint8_t BYTE_CLASS[256] = {
    ['\n'] = BYTE_LINE,          ['.'] = BYTE_GLUE,           [':'] = BYTE_GLUE,
    ['/'] = BYTE_GLUE,           ['-'] = BYTE_GLUE,           ['_'] = BYTE_GLUE,
    ['@'] = BYTE_GLUE,           ['+'] = BYTE_GLUE,           ['='] = BYTE_GLUE,
    ['%'] = BYTE_GLUE,           ['&'] = BYTE_GLUE,           ['~'] = BYTE_GLUE,
    ['#'] = BYTE_GLUE,           ['0' ... '9'] = BYTE_DIGIT,  ['A' ... 'Z'] = BYTE_LETTER,
    ['a' ... 'z'] = BYTE_LETTER, [0x80 ... 0xff] = BYTE_HIGH,
};

static uint64_t load_le64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return le64toh(v);
}

enum { HASH_BLOCK_BYTES = 16 };
static inline uint64_t hash_block(uint64_t h, const uint8_t block[HASH_BLOCK_BYTES])
{
    return word_hash_step(word_hash_step(h, load_le64(block)), load_le64(block + 8));
}

uint64_t word_hash(struct slice folded)
{
    uint64_t h = folded.n;
    size_t at = 0;
    do {
        uint8_t block[HASH_BLOCK_BYTES] = {0};
        size_t n = folded.n - at < sizeof block ? folded.n - at : sizeof block;
        if (n) {
            memcpy(block, folded.p + at, n);
        }
        h = hash_block(h, block);
        at += n;
    } while (at < folded.n);
    return h;
}

bool splitter_put(struct splitter *s, struct slice text, enum word_kind kind, uint64_t hash)
{
    if (s->n == s->room) {
        s->is_cut = true;
        return false;
    }
    s->items[s->n++] = (struct word){text, hash, kind};
    return true;
}

/* A number makes a date of the month or weekday before it, and continues one. */
static enum word_kind number_kind(struct splitter *s, enum word_kind kind)
{
    struct word *last = s->n > s->from ? &s->items[s->n - 1] : NULL;
    if (kind != WORD_NUMBER || !last) {
        return kind;
    }
    if (last->kind == WORD_PLAIN && word_is_calendar(last->hash)) {
        last->kind = WORD_DATE;
        last->hash = s->kind_hash[WORD_DATE];
    }
    return last->kind == WORD_DATE ? WORD_DATE : kind;
}

bool splitter_put_kind(struct splitter *s, struct slice text, enum word_kind kind)
{
    kind = number_kind(s, kind);
    return splitter_put(s, text, kind, s->kind_hash[kind]);
}

bool splitter_put_folded(struct splitter *s, struct slice text, struct slice folded,
                         enum word_kind kind)
{
    uint64_t hash = word_hash(folded);
    if (me_has(&s->me, hash)) {
        return splitter_put_kind(s, text, WORD_ME);
    }
    if (kind != WORD_PLAIN) {
        return splitter_put_kind(s, text, kind);
    }
    struct word *last = s->n > s->from ? &s->items[s->n - 1] : NULL;
    if (last && (last->kind == WORD_NUMBER || last->kind == WORD_DATE) && word_is_calendar(hash)) {
        last->kind = WORD_DATE;
        last->hash = s->kind_hash[WORD_DATE];
        return splitter_put_kind(s, text, WORD_DATE);
    }
    return splitter_put(s, text, kind, hash);
}

/* Letters only, of any number. */
void splitter_letters(struct splitter *s, struct slice text)
{
    UNCLEARED char folded[WORD_TOKEN_BYTES];
    unsigned rises = 0;
    if (text.n > sizeof folded) {
        (void)splitter_put_kind(s, text, WORD_RANDOM);
        return;
    }
    for (size_t i = 0; i < text.n; i++) {
        folded[i] = ascii_lower(text.p[i]);
        rises += i && ascii_is_upper(text.p[i]) && ascii_is_lower(text.p[i - 1]);
    }
    enum word_kind kind = word_kind_of(folded, text.n, rises);
    (void)splitter_put_folded(s, text, slice_of(folded, text.n), kind);
}

/* White space: one word for a line's end or an empty line. */
static const char *lines(struct splitter *s, const char *p)
{
    const char *start = p;
    size_t count = 0;
    for (; p < s->end && ascii_is_space(*p); p++) {
        count += *p == '\n';
    }
    if (s->n > s->from && p < s->end) {
        (void)splitter_put_kind(s, slice_span(start, p), count > 1 ? WORD_PARAGRAPH : WORD_LINE);
    }
    return p;
}

/* Whether what stands at `p`, behind letters, makes them part of something else. */
static inline bool is_joined(const struct splitter *s, const char *p)
{
    if (p == s->end) {
        return false;
    }
    uint8_t class = BYTE_CLASS[(uint8_t)*p];
    if (class == BYTE_GLUE) {
        uint8_t next = p + 1 < s->end ? BYTE_CLASS[(uint8_t)p[1]] : BYTE_OTHER;
        return next == BYTE_LETTER || next == BYTE_DIGIT || (*p == ':' && next == BYTE_GLUE);
    }
    return class == BYTE_DIGIT || class == BYTE_HIGH;
}

static const char *joined(struct splitter *s, const char *p, size_t letters)
{
    return (uint8_t)p[letters] >= 0x80 ? splitter_runes(s, p) : splitter_compound(s, p);
}

static const char *letters_long(struct splitter *s, const char *p)
{
    const char *q = p;
    while (q < s->end && ascii_is_alpha(*q)) {
        q++;
    }
    if (is_joined(s, q)) {
        return joined(s, p, (size_t)(q - p));
    }
    splitter_letters(s, slice_span(p, q));
    return q;
}

/* Most words were seen before: those that are not random need no look at their letters. Whole
 * words, so that what is known of one is never said of another. */
enum { KNOWN_BITS = 10 };
struct known_word {
    uint64_t half[2];
};
static _Thread_local struct known_word known_words[1 << KNOWN_BITS];

static bool is_random(const uint8_t folded[HASH_BLOCK_BYTES], size_t n, uint64_t hash)
{
    struct known_word word, *known = &known_words[hash >> (64 - KNOWN_BITS)];
    memcpy(&word, folded, sizeof word);
    if (known->half[0] == word.half[0] && known->half[1] == word.half[1]) {
        return false;
    }
    if (word_bigrams_block(folded, n > 8) < WORD_RANDOM_SCORE && n >= WORD_RANDOM_BYTES) {
        return true;
    }
    *known = word;
    return false;
}

/* The letter at `p` and those behind it. */
static inline const char *letters(struct splitter *s, const char *p)
{
    static const uint8_t KEEP[2 * sizeof(vec)] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                                  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    if ((size_t)(s->end - p) <= sizeof(vec)) {
        return letters_long(s, p);
    }
    vec raw = vec_load(p), low = raw | 0x20;
    size_t n = vec_first((vec)((vec)(low - 'a') > 25));
    if (n == sizeof(vec)) {
        return letters_long(s, p);
    }
    const char *q = p + n;
    if (is_joined(s, q)) {
        return joined(s, p, n);
    }
    UNCLEARED uint8_t folded[sizeof(vec)], cased[sizeof(vec)];
    vec keep = vec_load((const char *)KEEP + sizeof(vec) - n);
    vec fold = low & keep, capitals = (raw ^ low) & keep;
    memcpy(folded, &fold, sizeof fold);
    memcpy(cased, &capitals, sizeof capitals);
    if (load_le64(cased) >> 8 | load_le64(cased + 8)) { /* a capital inside */
        vec small = capitals ^ (keep & 0x20);
        memcpy(cased, &small, sizeof small);
        if (load_le64(cased) | load_le64(cased + 8)) { /* and small letters */
            splitter_letters(s, slice_of(p, n));
            return q;
        }
    }
    uint64_t hash = hash_block(n, folded);
    struct slice text = slice_of(p, n);
    bool is_after_number = s->n > s->from && (s->items[s->n - 1].kind == WORD_NUMBER ||
                                              s->items[s->n - 1].kind == WORD_DATE);
    if ((is_after_number && word_is_calendar(hash)) || me_has(&s->me, hash)) {
        splitter_letters(s, text);
    } else if (is_random(folded, n, hash)) {
        (void)splitter_put_kind(s, text, WORD_RANDOM);
    } else {
        (void)splitter_put(s, text, WORD_PLAIN, hash);
    }
    return q;
}

static void split(struct splitter *s, struct slice text)
{
    const char *p = text.p;
    s->begin = text.p;
    s->end = text.p + text.n;
    s->from = s->n;
    while (p < s->end && !s->is_cut) {
        switch (BYTE_CLASS[(uint8_t)*p]) {
        case BYTE_LETTER:
            p = letters(s, p);
            p += p < s->end && *p == ' ';
            break;
        case BYTE_DIGIT:
            p = splitter_compound(s, p);
            break;
        case BYTE_HIGH:
            p = splitter_runes(s, p);
            break;
        case BYTE_LINE:
            p = lines(s, p);
            break;
        default:
            p++;
        }
    }
}

static uint64_t kind_hashes[WORD_KIND_COUNT];
static pthread_once_t kind_hashes_once = PTHREAD_ONCE_INIT;

static void kind_hashes_fill(void)
{
    for (unsigned k = 0; k < WORD_KIND_COUNT; k++) {
        char name[HASH_BLOCK_BYTES] = "<";
        size_t n = strlen(KINDS[k].name);
        memcpy(name + 1, KINDS[k].name, n);
        name[n + 1] = '>';
        kind_hashes[k] = word_hash(slice_of(name, n + 2));
    }
}

static enum err begin(struct splitter *s, size_t bytes, const struct slice *me, size_t me_count,
                      const struct url_list *urls, struct arena *arena)
{
    s->n = s->from = 0;
    s->room = bytes < LIMIT_WORDS ? bytes : LIMIT_WORDS;
    s->items = arena_alloc(arena, (s->room + 1) * sizeof *s->items);
    s->urls = urls;
    s->is_cut = false;
    if (!s->items) {
        return ERR_NOMEM;
    }
    me_read(&s->me, me, me_count);
    (void)pthread_once(&kind_hashes_once, kind_hashes_fill);
    s->kind_hash = kind_hashes;
    s->two_bytes = rune_two_bytes();
    return OK;
}

/* Where words and, in HTML, <a> begin. `links` has room for both. */
static size_t links_find(const struct splitter *s, const struct body_text *body, uint32_t *links)
{
    size_t count = 0, tag = 0, tags = body->outline.count;
    const uint64_t anchor = (uint64_t)'a' << 56;
    for (size_t i = s->from; i < s->n; i++) {
        size_t place = (size_t)(s->items[i].text.p - body->text.p);
        bool is_link = s->items[i].kind == WORD_URL;
        for (; tag < tags && body->outline.tags[tag].place <= place; tag++) {
            is_link |= body->outline.tags[tag].name == anchor;
        }
        if (is_link) {
            links[count++] = (uint32_t)i;
        }
    }
    for (bool is_link = false; tag < tags && !is_link; tag++) {
        is_link = body->outline.tags[tag].name == anchor;
        if (is_link) {
            links[count++] = (uint32_t)s->n;
        }
    }
    return count;
}

static void finish(struct splitter *s, struct words *out, uint32_t *links, size_t link_count)
{
    for (size_t i = link_count; i > 0 && links[i - 1] > s->n; i--) {
        links[i - 1] = (uint32_t)s->n;
    }
    *out = (struct words){.items = s->items,
                          .count = s->n,
                          .links = links,
                          .link_count = link_count,
                          .is_cut = s->is_cut};
}

enum err words_split(struct words *out, struct slice text, const struct slice *me, size_t me_count,
                     struct arena *arena)
{
    struct body_text body = {.text = text, .is_seen = true};
    struct features f = {.bodies = &body, .body_count = 1};
    return words_of(out, &f, me, me_count, arena);
}

enum err words_of(struct words *out, const struct features *f, const struct slice *me,
                  size_t me_count, struct arena *arena)
{
    UNCLEARED struct splitter s;
    size_t bytes = 0, link_count = 0;
    for (size_t i = 0; i < f->body_count; i++) {
        bytes += f->bodies[i].is_seen ? f->bodies[i].text.n + 1 : 0;
    }
    enum err e = begin(&s, bytes, me, me_count, f->urls, arena);
    uint32_t *links = arena_alloc(arena, (s.room + f->body_count + 1) * sizeof *links);
    if (e != OK || !links) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < f->body_count && !s.is_cut; i++) {
        const struct body_text *body = &f->bodies[i];
        if (!body->is_seen || !body->text.n) {
            continue;
        }
        if (s.n && s.items[s.n - 1].kind != WORD_PARAGRAPH) {
            (void)splitter_put_kind(&s, slice_sub(body->text, 0, 0), WORD_PARAGRAPH);
        }
        split(&s, body->text);
        link_count += links_find(&s, body, links + link_count);
    }
    while (s.n && s.items[s.n - 1].kind >= WORD_LINE) {
        s.n--; /* an end is no separator */
    }
    finish(&s, out, links, link_count);
    return OK;
}
