/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cluster/wording_subject.h"

#include "core/hash.h"
#include "print/words.h"

enum {
    OWN_WORDS = 2, /* fewer: "hi", "your order" */
    ALL_WORDS = 3,
    CAPITALS = 2 /* letters of a word in capitals, at least */
};

/* Cuts one "Re:", "Fwd[2]:", "AW:" off the front. */
static bool reply_cut(struct slice *s)
{
    static const struct slice MARKS[] = {SLICE("re"), SLICE("fw"), SLICE("fwd"), SLICE("aw"),
                                         SLICE("wg"), SLICE("sv"), SLICE("antw")};
    size_t colon = slice_find_byte(slice_sub(*s, 0, 8), ':');
    struct slice mark = slice_sub(*s, 0, colon);
    mark = slice_trim(slice_sub(mark, 0, slice_find_byte(mark, '[')));
    for (size_t i = 0; colon < s->n && i < sizeof MARKS / sizeof *MARKS; i++) {
        if (slice_ieq(mark, MARKS[i])) {
            return true;
        }
    }
    return false;
}

/* A mailing list's mark: "[list] ". */
static struct slice list_cut(struct slice s)
{
    size_t end = slice_find_byte(s, ']');
    return s.n && s.p[0] == '[' && end < s.n ? slice_trim(slice_sub(s, end + 1, SIZE_MAX)) : s;
}

static bool is_capitals(struct slice word)
{
    for (size_t i = 0; i < word.n; i++) {
        if (!ascii_is_upper(word.p[i])) {
            return false;
        }
    }
    return word.n >= CAPITALS;
}

/* "S24100", "V1agra": as good as a number. */
static bool has_digit(struct slice word)
{
    for (size_t i = 0; i < word.n; i++) {
        if (ascii_is_digit(word.p[i])) {
            return true;
        }
    }
    return false;
}

static bool has_small(struct slice text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] >= 'a' && text.p[i] <= 'z') {
            return true;
        }
    }
    return false;
}

enum err wording_subject_make(struct wording_subject *out, struct slice subject,
                              struct arena *arena)
{
    struct words w;
    *out = (struct wording_subject){.count = 0};
    subject = list_cut(slice_trim(subject));
    if (subject.n == 0 || reply_cut(&subject)) {
        return OK;
    }
    arena_reset(arena);
    if (words_split(&w, subject, NULL, 0, arena) != OK) {
        return ERR_NOMEM;
    }
    /* in capitals among others stands what a template fills in: a ticker, a product */
    const bool is_mixed = has_small(subject);
    const uint64_t capitals = word_hash(S("<capitals>")), number = word_hash(S("<number>"));
    for (size_t i = 0; i < w.count && out->count < WORDING_SUBJECT_WORDS; i++) {
        const struct word *x = &w.items[i];
        bool is_filled = is_mixed && x->kind == WORD_PLAIN && is_capitals(x->text);
        bool is_number = (x->kind == WORD_PLAIN || x->kind == WORD_HEX) && has_digit(x->text);
        if (x->kind >= WORD_RANDOM) {
            continue;
        }
        out->word[out->count++] = (uint16_t)((is_number   ? number
                                              : is_filled ? capitals
                                                          : x->hash) >>
                                             48);
        if (x->kind == WORD_PLAIN && !is_filled && !is_number) {
            out->own++;
        }
    }
    if (out->own < OWN_WORDS || out->count < ALL_WORDS) {
        *out = (struct wording_subject){.count = 0};
    }
    return OK;
}

uint32_t wording_subject_hash(const struct wording_subject *s)
{
    if (s->count == 0) {
        return 0;
    }
    uint64_t h = s->count;
    for (unsigned i = 0; i < s->count; i++) {
        h = word_hash_step(h, s->word[i]);
    }
    uint32_t hash = (uint32_t)(h >> 32);
    return hash ? hash : 1;
}

/* The longest common subsequence, bit-parallel (Hyyrö 2004): unlike a table of lengths it has
 * nothing to branch on. */
double wording_subject_likeness(const struct wording_subject *a, const struct wording_subject *b)
{
    const unsigned all = (1U << a->count) - 1;
    unsigned rows = all, common = 0;
    if (a->count == 0 || b->count == 0) {
        return -1;
    }
    for (unsigned k = 0; k < b->count; k++) {
        unsigned match = 0;
        for (unsigned i = 0; i < WORDING_SUBJECT_WORDS; i++) {
            match |= (unsigned)(a->word[i] == b->word[k]) << i;
        }
        unsigned u = rows & match;
        rows = ((rows + u) | (rows - u)) & all;
    }
    for (unsigned left = ~rows & all; left; left &= left - 1) {
        common++;
    }
    return (double)common / (a->count > b->count ? a->count : b->count);
}

bool wording_subjects_take(struct wording_subject set[WORDING_SUBJECTS],
                           const struct wording_subject *s)
{
    uint32_t hash = wording_subject_hash(s);
    unsigned at = 0;
    while (at < WORDING_SUBJECTS && set[at].count && wording_subject_hash(&set[at]) < hash) {
        at++;
    }
    if (hash == 0 || at == WORDING_SUBJECTS || wording_subject_hash(&set[at]) == hash) {
        return false;
    }
    memmove(&set[at + 1], &set[at], (WORDING_SUBJECTS - 1 - at) * sizeof *set);
    set[at] = *s;
    return true;
}
