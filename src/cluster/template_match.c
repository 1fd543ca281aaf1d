/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a message fits: the places that can be reached after each run of anchors, in order. No
 * backtracking: runs times words at worst. */
#include "cluster/template_part.h"

#include <limits.h>

enum {
    LENGTH_KNOWN = 20,  /* messages before a hole's lengths tell anything */
    LENGTH_SURE = 100,  /* messages after which a hole that always had one length keeps it */
    LENGTH_SLACK = 4,   /* words that a hole may have more than was seen */
    FOOTER_WORDS = 48,  /* that others may add at the end ... */
    FOOTER_ANCHORS = 12 /* ... of so much text, in words */
};

struct reach {
    const struct template *t;
    const struct tokens *w;
    uint16_t before[TEMPLATE_WORDS + 2]; /* places below i that can be reached */
    uint16_t clean[TEMPLATE_WORDS + 1];  /* the place from which on all words up to i may be in the
                                            hole at hand */
    bool is_here[TEMPLATE_WORDS + 1];
};

/* The longest and the shortest content that a hole takes. */
static void hole_lengths(const struct hole *h, bool is_loose, size_t *least, size_t *most)
{
    *least = h->seen < LENGTH_KNOWN ? 0 : h->least;
    *most = h->seen < LENGTH_KNOWN ? TEMPLATE_WORDS : h->most;
    if (*least == *most && h->seen >= LENGTH_SURE) {
        return;
    }
    *least = is_loose ? *least / 2 : *least - (*least > 0);
    *most = is_loose ? 2 * *most + LENGTH_SLACK : *most + 1;
}

static unsigned kinds_allowed(const struct hole *h, enum hole_kind kind)
{
    switch (kind) {
    case HOLE_DIGITS:
    case HOLE_MONEY:
    case HOLE_DATE:
    case HOLE_TIME:
    case HOLE_URL:
    case HOLE_ADDRESS:
    case HOLE_RECIPIENT:
        return h->kinds;
    case HOLE_HEX:
        return h->kinds | 1U << WORD_NUMBER | 1U << WORD_HEX;
    default:
        return UINT_MAX;
    }
}

static void reach_hole(struct reach *r, unsigned kinds)
{
    r->before[0] = r->clean[0] = 0;
    for (size_t i = 0; i <= r->w->count; i++) {
        r->before[i + 1] = (uint16_t)(r->before[i] + r->is_here[i]);
        if (i < r->w->count) {
            bool may = kinds >> r->w->items[i].kind & 1;
            r->clean[i + 1] = may ? r->clean[i] : (uint16_t)(i + 1);
        }
    }
}

static bool dictionary_reaches(const struct reach *r, const struct hole *h, size_t end)
{
    for (size_t n = 0; n <= DICTIONARY_WORDS && n <= end; n++) {
        if (r->is_here[end - n] &&
            (n ? entry_find(r->t, h, content_hash(&r->w->items[end - n], n)) != NULL
               : h->empties > 0)) {
            return true;
        }
    }
    return false;
}

/* Whether the hole can end at `end`. */
static bool hole_reaches(const struct reach *r, const struct hole *h, enum hole_kind kind,
                         size_t end)
{
    size_t least, most;
    if (kind == HOLE_DICTIONARY) {
        return dictionary_reaches(r, h, end);
    }
    hole_lengths(h, kind == HOLE_WORDS || kind == HOLE_NAME, &least, &most);
    size_t from = end > most ? end - most : 0;
    from = from > r->clean[end] ? from : r->clean[end];
    return end >= least && from <= end - least && r->before[end - least + 1] > r->before[from];
}

static bool run_stands(const struct template *t, size_t first, size_t end, const struct token *at)
{
    for (size_t i = first; i < end; i++) {
        if (t->anchors[i].hash != at[i - first].hash) {
            return false;
        }
    }
    return true;
}

/* Moves all places over one hole (NULL: none) and the run after it. */
static bool reach_run(struct reach *r, const struct hole *h, size_t first, size_t end)
{
    bool next[TEMPLATE_WORDS + 1] = {false};
    bool is_any = false;
    size_t n = end - first;
    enum hole_kind kind = h ? hole_kind(r->t, h) : HOLE_WORDS;
    if (h) {
        reach_hole(r, kinds_allowed(h, kind));
    }
    for (size_t at = 0; at + n <= r->w->count; at++) {
        if (run_stands(r->t, first, end, &r->w->items[at]) &&
            (h ? hole_reaches(r, h, kind, at) : r->is_here[at])) {
            next[at + n] = is_any = true;
        }
    }
    memcpy(r->is_here, next, sizeof next);
    return is_any;
}

/* Whether what is left behind a place that was reached is no more than a footer. */
static bool footer_may_follow(const struct reach *r)
{
    size_t from = r->w->count > FOOTER_WORDS ? r->w->count - FOOTER_WORDS : 0, plain = 0;
    bool is_near = false;
    for (size_t i = 0; i < r->t->anchor_count; i++) {
        plain += r->t->anchors[i].kind == WORD_PLAIN;
    }
    for (size_t i = from; i <= r->w->count; i++) {
        is_near |= r->is_here[i];
    }
    return is_near && plain >= FOOTER_ANCHORS;
}

bool template_matches(const struct template *t, const struct words *words)
{
    struct tokens w UNCLEARED;
    struct reach r = {.t = t, .w = &w};
    size_t hole = 0;
    if (!t->anchor_count) {
        return false;
    }
    tokens_take(&w, words);
    r.is_here[0] = true;
    for (size_t first = 0, end; first < t->anchor_count; first = end) {
        bool is_free = hole < t->hole_count && t->holes[hole].before == first;
        const struct hole *h = is_free ? &t->holes[hole] : NULL;
        hole += is_free;
        end = hole < t->hole_count ? t->holes[hole].before : t->anchor_count;
        if (!reach_run(&r, h, first, end)) {
            return false;
        }
    }
    if (t->is_cut || w.is_cut || footer_may_follow(&r)) {
        return true;
    }
    if (hole < t->hole_count) {
        enum hole_kind kind = hole_kind(t, &t->holes[hole]);
        reach_hole(&r, kinds_allowed(&t->holes[hole], kind));
        return hole_reaches(&r, &t->holes[hole], kind, w.count);
    }
    return r.is_here[w.count];
}
