/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Templates: how much a text resembles one, as the share of common word triples (Jaccard). A share
 * of t or more needs at least t * |T| of the template's triples in the message, so one of any
 * |T| - ceil(t * |T|) + 1 of them must be there: those are the index (prefix filter), exactly.
 * The message's triples are made once, whatever the number of templates. */
#include "core/limits.h"
#include "sig/rule.h"

#include <stdlib.h>

enum { NEAR_WORDS_MIN = 12 };

struct near_template {
    uint32_t pattern;
    uint32_t percent;
    uint64_t *triples; /* sorted, distinct */
    size_t count;
};

struct near_entry {
    uint64_t triple;
    uint32_t template;
};

struct near_index {
    struct near_template *templates;
    size_t count;
    struct near_entry *entries; /* sorted by triple */
    size_t entry_count;
    uint32_t *slots; /* first entry of a triple + 1 */
    size_t mask;
    uint32_t *of_pattern; /* template + 1 of a pattern */
};

struct near_words {
    uint64_t *triples;
    size_t count; /* distinct */
    uint64_t *set;
    size_t mask;
};

static uint64_t mix(uint64_t h)
{
    h ^= h >> 31;
    h *= UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

/* The hash of the next word: letters in lower case, a run of digits as one 0. 0 at the end. */
static uint64_t word_next(struct slice *s)
{
    size_t i = 0;
    while (i < s->n && !ascii_is_alnum(s->p[i]) && (unsigned char)s->p[i] < 0x80) {
        i++;
    }
    uint64_t h = 0;
    bool was_digit = false;
    for (; i < s->n && (ascii_is_alnum(s->p[i]) || (unsigned char)s->p[i] >= 0x80); i++) {
        bool is_digit = ascii_is_digit(s->p[i]);
        if (is_digit && was_digit) {
            continue;
        }
        was_digit = is_digit;
        unsigned char c = is_digit ? '0' : (unsigned char)ascii_lower(s->p[i]);
        h = (h ^ c) * UINT64_C(0x100000001b3) + 1;
    }
    *s = slice_sub(*s, i, s->n);
    return h;
}

size_t near_word_count(struct slice text)
{
    size_t n = 0;
    while (word_next(&text)) {
        n++;
    }
    return n;
}

/* Appends the triples of one text, at most `room`. */
static size_t triples_of(struct slice text, uint64_t *out, size_t room)
{
    uint64_t a = 0, b = 0, c;
    size_t n = 0;
    while (n < room && (c = word_next(&text))) {
        if (a) {
            uint64_t h = mix(a + mix(b + mix(c)));
            out[n++] = h ? h : 1;
        }
        a = b;
        b = c;
    }
    return n;
}

static int triple_cmp(const void *x, const void *y)
{
    const uint64_t *a = x, *b = y;
    return (*a > *b) - (*a < *b);
}

static int entry_cmp(const void *x, const void *y)
{
    const struct near_entry *a = x, *b = y;
    int order = (a->triple > b->triple) - (a->triple < b->triple);
    return order ? order : (a->template > b->template) - (a->template <b->template);
}

bool pattern_near(struct pattern *p, const struct rule_field *field, const struct yaml_node *n,
                  struct arena *arena, struct findings *to)
{
    size_t words = near_word_count(n->text);
    (void)arena;
    *p = (struct pattern){.kind = PATTERN_NEAR, .field = *field, .text = n->text, .rarity = 1e-4};
    if (words < NEAR_WORDS_MIN || words > LIMIT_TEMPLATE_WORDS) {
        finding_add(to, FINDING_ERROR, n->line, n->column,
                    "a template has %d to %d words, this one %zu", NEAR_WORDS_MIN,
                    LIMIT_TEMPLATE_WORDS, words);
        return false;
    }
    return true;
}

static bool template_read(struct near_template *t, struct slice text)
{
    t->triples = malloc(LIMIT_TEMPLATE_WORDS * sizeof *t->triples);
    if (!t->triples) {
        return false;
    }
    size_t n = triples_of(text, t->triples, LIMIT_TEMPLATE_WORDS);
    qsort(t->triples, n, sizeof *t->triples, triple_cmp);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || t->triples[i] != t->triples[i - 1]) {
            t->triples[t->count++] = t->triples[i];
        }
    }
    uint64_t *fit = realloc(t->triples, (t->count + 1) * sizeof *fit);
    t->triples = fit ? fit : t->triples;
    return true;
}

/* How many of the triples must be watched. */
static size_t prefix_of(const struct near_template *t)
{
    size_t needed = (t->count * t->percent + 99) / 100;
    return t->count - (needed ? needed : 1) + 1;
}

static bool index_entries(struct near_index *x)
{
    size_t total = 0;
    for (size_t i = 0; i < x->count; i++) {
        total += prefix_of(&x->templates[i]);
    }
    size_t size = 64;
    while (size < 2 * total) {
        size *= 2;
    }
    x->entries = calloc(total + 1, sizeof *x->entries);
    x->slots = calloc(size, sizeof *x->slots);
    if (!x->entries || !x->slots) {
        return false;
    }
    x->mask = size - 1;
    for (size_t i = 0; i < x->count; i++) {
        /* Any of them will do; the smallest hashes are as good as random. */
        for (size_t j = 0; j < prefix_of(&x->templates[i]); j++) {
            x->entries[x->entry_count++] =
                (struct near_entry){x->templates[i].triples[j], (uint32_t)i};
        }
    }
    qsort(x->entries, x->entry_count, sizeof *x->entries, entry_cmp);
    for (size_t i = 0; i < x->entry_count; i++) {
        if (i > 0 && x->entries[i].triple == x->entries[i - 1].triple) {
            continue;
        }
        size_t at = (size_t)x->entries[i].triple & x->mask;
        while (x->slots[at]) {
            at = (at + 1) & x->mask;
        }
        x->slots[at] = (uint32_t)i + 1;
    }
    return true;
}

enum err near_index_new(const struct rules *r, struct near_index **out)
{
    struct near_index *x = NULL;
    size_t count = 0;
    *out = NULL;
    for (size_t i = 0; i < r->patterns_count; i++) {
        count += r->patterns[i].kind == PATTERN_NEAR;
    }
    if (count == 0) {
        return OK;
    }
    x = calloc(1, sizeof *x);
    if (!x || !(x->templates = calloc(count, sizeof *x->templates)) ||
        !(x->of_pattern = calloc(r->patterns_count, sizeof *x->of_pattern))) {
        near_index_free(x);
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < r->patterns_count; i++) {
        if (r->patterns[i].kind == PATTERN_NEAR) {
            struct near_template *t = &x->templates[x->count++];
            *t = (struct near_template){.pattern = (uint32_t)i, .percent = r->patterns[i].length};
            x->of_pattern[i] = (uint32_t)x->count;
            if (!template_read(t, image_slice(r, r->patterns[i].text))) {
                near_index_free(x);
                return ERR_NOMEM;
            }
        }
    }
    if (!index_entries(x)) {
        near_index_free(x);
        return ERR_NOMEM;
    }
    *out = x;
    return OK;
}

void near_index_free(struct near_index *x)
{
    if (x) {
        for (size_t i = 0; i < x->count; i++) {
            free(x->templates[i].triples);
        }
        free(x->templates);
        free(x->of_pattern);
        free(x->entries);
        free(x->slots);
        free(x);
    }
}

enum { NEAR_SET_SIZE = 65536 }; /* at least twice LIMIT_NEAR_WORDS */
_Static_assert(NEAR_SET_SIZE >= 2 * LIMIT_NEAR_WORDS, "the set must stay half empty");

struct near_words *near_words_new(void)
{
    struct near_words *w = calloc(1, sizeof *w);
    if (w) {
        w->triples = malloc(LIMIT_NEAR_WORDS * sizeof *w->triples);
        w->set = malloc(NEAR_SET_SIZE * sizeof *w->set);
        if (!w->triples || !w->set) {
            near_words_free(w);
            return NULL;
        }
    }
    return w;
}

void near_words_free(struct near_words *w)
{
    if (w) {
        free(w->triples);
        free(w->set);
        free(w);
    }
}

static bool set_holds(const struct near_words *w, uint64_t triple)
{
    for (size_t at = (size_t)triple & w->mask; w->set[at]; at = (at + 1) & w->mask) {
        if (w->set[at] == triple) {
            return true;
        }
    }
    return false;
}

static void set_fill(struct near_words *w, size_t n)
{
    size_t size = 64;
    while (size < 2 * n) {
        size *= 2;
    }
    memset(w->set, 0, size * sizeof *w->set);
    w->mask = size - 1;
    w->count = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t triple = w->triples[i];
        size_t at = (size_t)triple & w->mask;
        while (w->set[at] && w->set[at] != triple) {
            at = (at + 1) & w->mask;
        }
        if (!w->set[at]) {
            w->set[at] = triple;
            w->triples[w->count++] = triple;
        }
    }
}

void near_scan(const struct rules *r, struct rule_scratch *s, const struct slice *items,
               size_t count)
{
    const struct near_index *x = r->near;
    struct near_words *w = s->near;
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        n += triples_of(items[i], w->triples + n, LIMIT_NEAR_WORDS - n);
    }
    set_fill(w, n);
    s->item = count ? items[0] : S("");
    for (size_t i = 0; i < w->count; i++) {
        uint64_t triple = w->triples[i];
        size_t at = (size_t)triple & x->mask;
        while (x->slots[at] && x->entries[x->slots[at] - 1].triple != triple) {
            at = (at + 1) & x->mask;
        }
        if (!x->slots[at]) {
            continue;
        }
        for (size_t e = x->slots[at] - 1; e < x->entry_count && x->entries[e].triple == triple;
             e++) {
            match_mark(s, x->templates[x->entries[e].template].pattern, 0);
        }
    }
}

unsigned near_share(const struct rules *r, const struct rule_scratch *s, uint32_t pattern)
{
    const struct near_template *t = &r->near->templates[r->near->of_pattern[pattern] - 1];
    size_t common = 0;
    for (size_t i = 0; i < t->count; i++) {
        common += set_holds(s->near, t->triples[i]);
    }
    size_t all = t->count + s->near->count - common;
    return all ? (unsigned)(common * 100 / all) : 0;
}
