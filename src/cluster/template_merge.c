/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One template of two: what both have stays, what stands between becomes holes. */
#include "cluster/template_part.h"

#include <stdlib.h>

/* ---- the other one's anchors as if they were a message ---- */

static void tokens_of_anchors(struct tokens *out, const struct template *t)
{
    out->count = out->plain = 0;
    out->is_cut = t->is_cut;
    for (size_t i = 0; i < t->anchor_count; i++) {
        const struct anchor *a = &t->anchors[i];
        bool has_separator = a->separator_n != SEPARATOR_VARIES;
        out->items[out->count++] =
            (struct token){.hash = a->hash,
                           .kind = a->kind,
                           .text = anchor_text(t, a),
                           .separator = template_text(t, a->at, has_separator ? a->separator_n : 0),
                           .has_separator = has_separator};
        out->plain += a->kind == WORD_PLAIN;
    }
}

/* ---- what one of them has between two common anchors ---- */

struct gap {
    const struct template *t;
    size_t first, end;       /* anchors that the other one lacks */
    size_t holes;            /* before these and before the anchor at `end` */
    const struct hole *hole; /* the last of them */
};

static struct gap gap_of(const struct template *t, size_t first, size_t end)
{
    struct gap g = {.t = t, .first = first, .end = end};
    for (size_t i = 0; i < t->hole_count; i++) {
        if (t->holes[i].before >= first && t->holes[i].before <= end) {
            g.hole = &t->holes[i];
            g.holes++;
        }
    }
    return g;
}

static bool gap_is_empty(const struct gap *g)
{
    return g->first == g->end && !g->holes;
}

static uint16_t clipped(size_t n)
{
    return (uint16_t)(n < UINT16_MAX ? n : UINT16_MAX);
}

static uint32_t count_sum(uint64_t a, uint64_t b)
{
    return (uint32_t)(a < UINT32_MAX - b && b < UINT32_MAX ? a + b : UINT32_MAX);
}

/* The whole gap as one hole. Nothing is known of its contents (seen: 0) when that is so of a hole
 * in it. */
static struct hole gap_hole(const struct gap *g)
{
    size_t least = 0, most = 0, least_bytes = 0, most_bytes = 0;
    uint32_t learnt = count_sum(g->t->learnt, 0);
    struct hole sum = {.seen = learnt, .is_capital = true};
    if (g->first == g->end && g->holes == 1) {
        return *g->hole;
    }
    for (size_t i = g->first; i < g->end; i++) {
        const struct anchor *a = &g->t->anchors[i];
        hole_take_anchor(g->t, &sum, a);
        least_bytes += a->least + (i > g->first ? 1U : 0U);
        most_bytes += a->most + (i > g->first ? SEPARATOR_TEXT : 0U);
    }
    least = most = g->end - g->first;
    for (size_t i = 0; i < g->holes; i++) {
        const struct hole *h = g->hole - i;
        sum.seen = h->seen ? sum.seen : 0;
        least += h->least;
        most += h->most;
        least_bytes += h->least ? h->least_bytes : 0;
        most_bytes += h->most_bytes;
        hole_merge(&sum, h);
    }
    sum.empties = least || most ? 0 : sum.seen;
    sum.least = clipped(least);
    sum.most = clipped(most);
    sum.least_bytes = most ? clipped(least_bytes) : UINT16_MAX;
    sum.most_bytes = clipped(most_bytes);
    sum.is_open = g->holes > 0;
    return sum;
}

/* ---- the joined one ---- */

static struct hole hole_joined(const struct hole *a, const struct hole *b, size_t before)
{
    struct hole h = {.before = (uint16_t)before,
                     .kinds = a->kinds | b->kinds,
                     .is_capital = a->is_capital && b->is_capital};
    if (!a->seen || !b->seen) {
        hole_begin(&h);
        return h;
    }
    h.seen = count_sum(a->seen, b->seen);
    h.empties = count_sum(a->empties, b->empties);
    h.least = a->least < b->least ? a->least : b->least;
    h.most = a->most > b->most ? a->most : b->most;
    h.least_bytes = a->least_bytes < b->least_bytes ? a->least_bytes : b->least_bytes;
    h.most_bytes = a->most_bytes > b->most_bytes ? a->most_bytes : b->most_bytes;
    h.is_open = a->is_open || b->is_open;
    return h;
}

/* What a hole's dictionary had stands in that of the last hole of `out`. */
static enum err entries_join(struct template *out, const struct gap *g)
{
    size_t index = (size_t)(g->hole - g->t->holes), hole = out->hole_count - 1;
    enum err e = OK;
    for (size_t i = 0; e == OK && i < g->t->entry_count && !out->holes[hole].is_open; i++) {
        const struct entry *entry = &g->t->entries[i];
        if (entry->hole == index) {
            e = entry_join(out, hole, entry, template_text(g->t, entry->at, entry->n));
        }
    }
    return e;
}

/* Anchors that the other one lacks are one content, of all messages. */
static enum err anchors_join(struct template *out, const struct gap *g, const struct tokens *w)
{
    size_t n = g->end - g->first;
    const struct token *items = &w->items[g->first];
    char text[WORD_TEXT];
    bool is_told = true;
    if (n > DICTIONARY_WORDS) {
        hole_open(out, out->hole_count - 1);
        return OK;
    }
    for (size_t i = g->first; i < g->end; i++) {
        is_told &= g->t->anchors[i].kind != WORD_PLAIN || g->t->anchors[i].n;
    }
    size_t bytes = is_told ? content_text(items, n, text) : 0;
    struct entry all = {.hash = content_hash(items, n), .count = clipped(g->t->learnt)};
    return entry_join(out, out->hole_count - 1, &all, slice_of(text, bytes));
}

static enum err contents_join(struct template *out, const struct gap *g, const struct tokens *w)
{
    const struct hole *h = &out->holes[out->hole_count - 1];
    if (gap_is_empty(g) || h->is_open || !h->seen) {
        return OK;
    }
    return g->holes ? entries_join(out, g) : anchors_join(out, g, w);
}

struct merge {
    struct template *out;
    const struct template *a, *b;
    struct tokens as, bs; /* their anchors */
};

/* The gaps of both before the next common anchor. */
static enum err gaps_join(struct merge *m, const struct gap *a, const struct gap *b)
{
    struct template *out = m->out;
    if (gap_is_empty(a) && gap_is_empty(b)) {
        return OK;
    }
    struct hole of_a = gap_hole(a), of_b = gap_hole(b);
    out->holes[out->hole_count++] = hole_joined(&of_a, &of_b, out->anchor_count);
    enum err e = contents_join(out, a, &m->as);
    return e == OK ? contents_join(out, b, &m->bs) : e;
}

/* `is_joined`: both have it right behind the common anchor before. */
static enum err anchor_join(struct merge *m, size_t i, size_t k, bool is_joined)
{
    struct template *out = m->out;
    struct anchor *a = &out->anchors[out->anchor_count];
    const struct anchor *b = &m->b->anchors[k];
    struct token of_b = m->bs.items[k];
    *a = m->a->anchors[i];
    enum err e = anchor_fill(out, a, &m->as.items[i]);
    if (e != OK) {
        return e;
    }
    if (b->kind == WORD_PLAIN && !b->n) {
        of_b.text = anchor_text(out, a); /* of one hash: there was no room to keep it */
    }
    anchor_take_text(out, a, &of_b, is_joined);
    a->is_exact &= b->is_exact;
    a->misses = clipped((size_t)a->misses + b->misses);
    a->least = b->least < a->least ? b->least : a->least;
    a->most = b->most > a->most ? b->most : a->most;
    out->anchor_count++;
    return OK;
}

static enum err common_join(struct merge *m, const bool *falls, const uint16_t *position)
{
    size_t next_a = 0, next_b = 0;
    for (size_t i = 0; i <= m->a->anchor_count; i++) {
        bool is_end = i == m->a->anchor_count;
        if (!is_end && falls[i]) {
            continue;
        }
        size_t k = is_end ? m->b->anchor_count : position[i], holes = m->out->hole_count;
        struct gap of_a = gap_of(m->a, next_a, i), of_b = gap_of(m->b, next_b, k);
        enum err e = gaps_join(m, &of_a, &of_b);
        if (e == OK && !is_end) {
            e = anchor_join(m, i, k, holes == m->out->hole_count);
        }
        if (e != OK) {
            return e;
        }
        next_a = i + 1;
        next_b = k + 1;
    }
    return OK;
}

static enum err merge_begin(struct merge *m, const struct template *a, const struct template *b)
{
    m->a = a;
    m->b = b;
    m->out = template_new();
    if (!m->out) {
        return ERR_NOMEM;
    }
    m->out->anchors = malloc((a->anchor_count + 1) * sizeof *a->anchors);
    m->out->anchor_capacity = a->anchor_count + 1;
    tokens_of_anchors(&m->as, a);
    tokens_of_anchors(&m->bs, b);
    return m->out->anchors ? OK : ERR_NOMEM;
}

/* Which anchors of `a` are not in the joined one: those that `b` lacks, and the weakest when there
 * would be too many holes. Returns whether `b` lacks any. */
static bool anchors_choose(const struct merge *m, const uint16_t *position, bool *falls)
{
    bool parted[TEMPLATE_WORDS + 1], lacks_any = false;
    size_t next = 0; /* anchor of `b` behind the last common one */
    for (size_t i = 0; i <= m->a->anchor_count; i++) {
        bool is_end = i == m->a->anchor_count;
        falls[i] = !is_end && position[i] == POSITION_NONE;
        lacks_any |= falls[i];
        struct gap of_a = gap_of(m->a, i, i);
        parted[i] = of_a.holes > 0;
        if (!falls[i]) {
            size_t k = is_end ? m->b->anchor_count : position[i];
            struct gap of_b = gap_of(m->b, next, k);
            parted[i] |= !gap_is_empty(&of_b);
            next = k + 1;
        }
    }
    anchors_make_room(m->a, parted, falls);
    return lacks_any;
}

/* Few messages that lack anchors are misfits: they do not take the rest away. */
static void misfits_take(struct template *t, const struct template *few, const uint16_t *position)
{
    for (size_t i = 0; i < t->anchor_count; i++) {
        size_t missed = position[i] == POSITION_NONE ? (size_t)few->learnt : 0;
        t->anchors[i].misses = clipped(t->anchors[i].misses + missed);
    }
    t->misfits = count_sum(t->misfits, few->learnt);
}

/* Two that are of one kind. What was made goes to `a`, what that was to `out`. */
static enum err alike_merge(struct template *t, struct merge *m, const uint16_t *position)
{
    const struct template *other = m->b;
    bool falls[TEMPLATE_WORDS + 1];
    uint64_t learnt = t->learnt + other->learnt;
    bool lacks_any = anchors_choose(m, position, falls);
    if (lacks_any && t->misfits + other->learnt <= MISFIT_FREE + learnt / MISFIT_EVERY) {
        misfits_take(t, other, position);
    } else {
        enum err e = common_join(m, falls, position);
        if (e != OK) {
            return e;
        }
        struct template made = *m->out;
        made.outliers = t->outliers;
        made.votes = t->votes;
        made.misfits = count_sum(lacks_any ? 0 : t->misfits, other->misfits);
        made.is_cut = t->is_cut || other->is_cut;
        *m->out = *t;
        *t = made;
    }
    t->learnt = learnt;
    t->outliers += other->outliers;
    t->votes += other->votes;
    return OK;
}

enum err template_merge(struct template *t, const struct template *other)
{
    struct merge *m = malloc(sizeof *m);
    uint16_t position[TEMPLATE_WORDS];
    enum err e = m ? merge_begin(m, t, other) : ERR_NOMEM;
    e = e == OK ? align_common(t, &m->bs, position) : e;
    if (e == OK && is_outlier(t, &m->bs, position)) {
        t->outliers += other->learnt;
        t->votes = t->votes > other->learnt ? t->votes - other->learnt : 1;
    } else if (e == OK) {
        e = alike_merge(t, m, position);
    }
    if (m) {
        template_free(m->out);
    }
    free(m);
    return e;
}
