/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Learning a template (docs/clusters.md). The first message is all anchors; each further one lets
 * those fall that it lacks, and widens the holes between the others. */
#include "cluster/template_part.h"

#include <limits.h>
#include <stdlib.h>

enum {
    EARLY = 16, /* learnt messages before the anchors are taken for the template */
    /* A message is of another kind when it shares less than one in so many words: of the shorter
       text while the template is young (much of the first message is no template), later of the
       anchors. Two unrelated English texts share under one word in 16 in runs of two. */
    EARLY_SHARE = 8,
    LATE_SHARE = 3
};

struct template *template_new(void)
{
    return calloc(1, sizeof(struct template));
}

void template_free(struct template *t)
{
    if (t) {
        free(t->anchors);
        free(t->entries);
        free(t->text);
        free(t);
    }
}

size_t template_bytes(const struct template *t)
{
    return sizeof *t + t->anchor_capacity * sizeof *t->anchors +
           t->entry_capacity * sizeof *t->entries + t->text_capacity;
}

/* ---- anchors ---- */

/* Constant numbers and dates are part of a template; what may be a token of the recipient is not
 * kept. */
static bool keeps_text(uint8_t kind)
{
    return kind == WORD_PLAIN || kind == WORD_NUMBER || kind == WORD_MONEY || kind == WORD_DATE ||
           kind == WORD_TIME;
}

static uint8_t byte_count(size_t n)
{
    return (uint8_t)(n < UINT8_MAX ? n : UINT8_MAX);
}

enum err anchor_fill(struct template *t, struct anchor *a, const struct token *w)
{
    enum err e = OK;
    bool joins = w->has_separator;
    size_t at = t->text_n, separator = joins ? w->separator.n : 0;
    a->separator_n = joins ? (uint8_t)separator : SEPARATOR_VARIES;
    a->n = 0;
    a->at = (uint16_t)at;
    if (w->text.n > WORD_TEXT || !keeps_text(w->kind) ||
        at + separator + w->text.n > TEMPLATE_TEXT) {
        a->separator_n = SEPARATOR_VARIES;
        return OK;
    }
    if ((separator && !template_text_add(t, w->separator, &e)) ||
        !template_text_add(t, w->text, &e)) {
        a->separator_n = SEPARATOR_VARIES;
        return e;
    }
    a->n = (uint8_t)w->text.n;
    return OK;
}

static enum err anchors_begin(struct template *t, const struct tokens *w)
{
    struct anchor *anchors = realloc(t->anchors, (w->count ? w->count : 1) * sizeof *anchors);
    if (!anchors) {
        return ERR_NOMEM;
    }
    t->anchors = anchors;
    t->anchor_capacity = t->anchor_count = w->count;
    t->hole_count = t->entry_count = t->text_n = 0;
    t->misfits = 0;
    t->is_cut = w->is_cut;
    for (size_t i = 0; i < w->count; i++) {
        const struct token *token = &w->items[i];
        anchors[i] = (struct anchor){.hash = token->hash,
                                     .kind = token->kind,
                                     .is_exact = true,
                                     .least = byte_count(token->text.n),
                                     .most = byte_count(token->text.n)};
        enum err e = anchor_fill(t, &anchors[i], token);
        if (e != OK) {
            t->anchor_count = 0;
            return e;
        }
    }
    t->learnt = t->votes = 1;
    return OK;
}

void anchor_take_text(const struct template *t, struct anchor *a, const struct token *w,
                      bool is_joined)
{
    if (a->n && a->is_exact) {
        struct slice text = anchor_text(t, a);
        a->is_exact = a->kind == WORD_PLAIN ? slice_ieq(text, w->text) : slice_eq(text, w->text);
        if (!a->is_exact && a->kind != WORD_PLAIN) {
            a->n = 0; /* a number of one message is not kept */
            a->separator_n = SEPARATOR_VARIES;
        }
    }
    if (is_joined && a->separator_n != SEPARATOR_VARIES &&
        !(w->has_separator && slice_eq(w->separator, template_text(t, a->at, a->separator_n)))) {
        a->at = (uint16_t)(a->at + a->separator_n);
        a->separator_n = SEPARATOR_VARIES;
    }
}

/* One more message shows the anchor. */
static void anchor_take(const struct template *t, struct anchor *a, const struct token *w,
                        bool is_joined)
{
    a->least = w->text.n < a->least ? (uint8_t)w->text.n : a->least;
    a->most = w->text.n > a->most ? byte_count(w->text.n) : a->most;
    anchor_take_text(t, a, w, is_joined);
}
/* ---- whether a message is of this template ---- */

static size_t plain_anchors(const struct template *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->anchor_count; i++) {
        n += t->anchors[i].kind == WORD_PLAIN;
    }
    return n;
}

/* Plain anchors that are there; `in_runs`: only those beside another one. */
static size_t shared_anchors(const struct template *t, const uint16_t *position, bool in_runs)
{
    size_t n = 0;
    for (size_t i = 0; i < t->anchor_count; i++) {
        if (t->anchors[i].kind != WORD_PLAIN || position[i] == POSITION_NONE) {
            continue;
        }
        bool is_run =
            (i && position[i - 1] != POSITION_NONE && position[i - 1] + 1 == position[i]) ||
            (i + 1 < t->anchor_count && position[i + 1] == position[i] + 1);
        n += is_run || !in_runs;
    }
    return n;
}

bool is_outlier(const struct template *t, const struct tokens *w, const uint16_t *position)
{
    size_t anchors = plain_anchors(t);
    if (t->learnt >= EARLY) {
        return shared_anchors(t, position, false) * LATE_SHARE < anchors;
    }
    size_t shorter = w->plain < anchors ? w->plain : anchors;
    return shared_anchors(t, position, true) * EARLY_SHARE < shorter || (!shorter && anchors);
}

/* ---- taking in ---- */

/* Whether something stands before an anchor (or at the end) in the message, between anchors that
 * are there; what stands beside a missing one is not known. */
static bool gap_of(const struct template *t, const struct tokens *w, const uint16_t *position,
                   size_t anchor, size_t *from, size_t *n)
{
    size_t end = anchor < t->anchor_count ? position[anchor] : w->count;
    *from = anchor ? position[anchor - 1] + 1U : 0;
    if ((anchor && position[anchor - 1] == POSITION_NONE) || end == POSITION_NONE) {
        return false;
    }
    *n = end - *from;
    return true;
}

/* How many holes there are once some anchors fell; parted[i]: a hole is, or will be, before i. */
static size_t holes_after(const struct template *t, const bool *parted, const bool *falls)
{
    size_t holes = 0;
    bool is_open = false;
    for (size_t i = 0; i <= t->anchor_count; i++) {
        is_open |= parted[i];
        if (i == t->anchor_count || !falls[i]) {
            holes += is_open;
            is_open = false;
        } else {
            is_open = true;
        }
    }
    return holes;
}

static unsigned anchor_worth(const struct anchor *a)
{
    return a->kind == WORD_PLAIN ? 4U + a->most : 2U;
}

/* Lets the run of anchors fall that tells least. */
static void weakest_run_falls(const struct template *t, const bool *parted, bool *falls)
{
    size_t best_first = 0, best_end = 0;
    unsigned best = UINT_MAX;
    for (size_t first = 0, end; first < t->anchor_count; first = end) {
        unsigned worth = 0;
        for (end = first; end < t->anchor_count && !falls[end] && (end == first || !parted[end]);
             end++) {
            worth += anchor_worth(&t->anchors[end]);
        }
        if (end > first && worth < best) {
            best = worth;
            best_first = first;
            best_end = end;
        }
        end += end == first;
    }
    for (size_t i = best_first; i < best_end; i++) {
        falls[i] = true;
    }
}

bool anchors_make_room(const struct template *t, const bool *parted, bool *falls)
{
    bool is_any = false;
    while (holes_after(t, parted, falls) > TEMPLATE_HOLES) {
        weakest_run_falls(t, parted, falls);
        is_any = true;
    }
    return is_any;
}

/* Which anchors do not outlive this message: those that too many lacked, and the weakest when there
 * would be too many holes. */
static bool anchors_judge(struct template *t, const struct tokens *w, const uint16_t *position,
                          bool *falls)
{
    bool parted[TEMPLATE_WORDS + 1];
    bool is_misfit = false, is_any = false;
    size_t from, n;
    for (size_t i = 0; i < t->anchor_count; i++) {
        bool is_missing = position[i] == POSITION_NONE;
        uint16_t *misses = &t->anchors[i].misses;
        *misses = (uint16_t)(*misses + (is_missing && *misses < UINT16_MAX));
        is_misfit |= is_missing;
    }
    t->misfits += is_misfit;
    bool is_full = t->misfits > MISFIT_FREE + t->learnt / MISFIT_EVERY;
    t->misfits = is_full ? 0 : t->misfits;
    for (size_t i = 0; i <= t->anchor_count; i++) {
        parted[i] = hole_before(t, i) || (gap_of(t, w, position, i, &from, &n) && n);
        if (i < t->anchor_count) {
            falls[i] = is_full && t->anchors[i].misses;
            is_any |= falls[i];
        }
    }
    return anchors_make_room(t, parted, falls) || is_any;
}

static enum err message_take(struct template *t, const struct tokens *w, const uint16_t *position)
{
    t->is_cut |= w->is_cut;
    for (size_t i = 0; i <= t->anchor_count; i++) {
        size_t from, n;
        bool is_known = gap_of(t, w, position, i, &from, &n);
        struct hole *h = hole_before(t, i);
        if (is_known && n && !h) {
            h = hole_add(t, i, t->learnt);
        }
        if (is_known && h) {
            enum err e = hole_take(t, h, &w->items[from], n);
            if (e != OK) {
                return e;
            }
        }
        if (i < t->anchor_count && position[i] != POSITION_NONE) {
            struct anchor *a = &t->anchors[i];
            const struct token *token = &w->items[position[i]];
            /* a text that was withheld when it was saved */
            bool is_withheld = !a->n && a->is_exact && t->learnt < TEMPLATE_PRIVATE;
            enum err e = is_withheld ? anchor_fill(t, a, token) : OK;
            if (e != OK) {
                return e;
            }
            anchor_take(t, a, token, is_known && !n && i);
        }
    }
    t->learnt++;
    t->votes++;
    return OK;
}

enum err template_learn(struct template *t, const struct words *words)
{
    struct tokens w UNCLEARED;
    uint16_t position[TEMPLATE_WORDS];
    enum err e = OK;
    if (t->learnt >= TEMPLATE_LEARN && template_matches(t, words)) {
        t->learnt++;
        t->votes++;
        return OK;
    }
    tokens_take(&w, words);
    if (!w.count) {
        t->outliers++;
        return OK;
    }
    if (!t->learnt) {
        return anchors_begin(t, &w);
    }
    if (!align_anchors(t, &w, position)) {
        e = align_common(t, &w, position);
        if (e == OK && is_outlier(t, &w, position)) {
            t->outliers++;
            if (--t->votes) {
                return OK;
            }
            /* the majority is of another kind (Boyer and Moore's vote) */
            t->outliers += t->learnt - 1;
            return anchors_begin(t, &w);
        }
        bool falls[TEMPLATE_WORDS];
        if (e == OK && anchors_judge(t, &w, position, falls)) {
            e = anchors_fall(t, falls, position);
        }
    }
    return e == OK ? message_take(t, &w, position) : e;
}
