/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "print/cd1.h"

#include "core/limits.h"
#include "print/mime_tree.h"
#include "print/minhash.h"

#include <stdlib.h>

enum {
    TEXT_BITS = 6, /* log2 of the lanes */
    EDGE_BITS = 4, /* open and close */
    CALL_BITS = 4,
    HTML_BITS = 4,
    EDGE_WORDS = 18, /* two lines */
    EDGE_NEAR_WORDS = 12,
    CALL_WORDS = 40,   /* before and behind a link */
    CALL_SHINGLES = 4, /* fewer say nothing: "click here" */
    HTML_SHINGLES = 8, /* fewer are any mail program's */
    URL_SHAPES = 16,   /* of a SHAPE sketch */
    SHINGLES_MAX = 65535,
};
_Static_assert(1 << TEXT_BITS == CD1_TEXT_LANES && 1 << EDGE_BITS == CD1_OPEN_LANES &&
                   1 << EDGE_BITS == CD1_CLOSE_LANES && 1 << CALL_BITS == CD1_CALL_LANES &&
                   1 << HTML_BITS == CD1_HTML_LANES,
               "lanes are a power of two");

/* What is sketched of the words: their hashes, and where the links stand among them. */
struct sequence {
    uint64_t *hash;    /* arena */
    uint64_t *shingle; /* of each three in a row; arena */
    size_t count;
    uint32_t *link; /* arena */
    size_t link_count;
};

/* Line ends go, for lines are broken anew where a longer name stands; so does what is random. Runs
 * of one typed kind count once: "+1 (555) 123-4567" is a number. */
static bool sequence_make(struct sequence *q, const struct words *w, struct arena *arena)
{
    q->hash = arena_alloc(arena, (w->count + 1) * sizeof *q->hash);
    q->shingle = arena_alloc(arena, (w->count + 1) * sizeof *q->shingle);
    q->link = arena_alloc(arena, (w->link_count + 1) * sizeof *q->link);
    if (!q->hash || !q->shingle || !q->link) {
        return false;
    }
    size_t n = 0, link = 0, links = 0;
    enum word_kind last = WORD_PLAIN;
    for (size_t i = 0; i < w->count; i++) {
        enum word_kind kind = w->items[i].kind;
        for (; link < w->link_count && w->links[link] <= i; link++) {
            q->link[links++] = (uint32_t)n;
        }
        if (kind != WORD_PLAIN && (kind == WORD_HEX || kind >= WORD_RANDOM || kind == last)) {
            continue;
        }
        q->hash[n++] = w->items[i].hash;
        last = kind;
    }
    for (; link < w->link_count; link++) {
        q->link[links++] = (uint32_t)n;
    }
    q->count = n;
    q->link_count = links;
    return true;
}
_Static_assert(WORD_RANDOM < WORD_LINE && WORD_LINE < WORD_PARAGRAPH &&
                   WORD_PARAGRAPH + 1 == WORD_KIND_COUNT,
               "what is left out comes last");

/* Makes the shingles, and returns the hash of all in order: the steps of that wait for one another,
 * and what they leave idle does the shingles. */
static uint64_t shingles_make(const struct sequence *q)
{
    uint64_t exact = q->count;
    size_t i = 0;
    for (; i + 2 < q->count; i++) {
        exact = word_hash_step(exact, q->hash[i]);
        q->shingle[i] = minhash_shingle(q->hash[i], q->hash[i + 1], q->hash[i + 2]);
    }
    for (; i < q->count; i++) {
        exact = word_hash_step(exact, q->hash[i]);
    }
    return exact;
}

/* Those of the words from .. to - 1. */
static void sketch_shingles(struct minhash *m, const struct sequence *q, size_t from, size_t to)
{
    struct minhash local = *m; /* so that the loop need not write it to memory */
    for (size_t i = from; i + 2 < to; i++) {
        minhash_add(&local, q->shingle[i]);
    }
    *m = local;
}

/* The first or last words; those at the very edge count twice, for what is said there may be short.
 */
static void sketch_edge(const struct sequence *q, bool is_end, uint32_t *lanes)
{
    struct minhash m;
    size_t all = q->count < EDGE_WORDS ? q->count : EDGE_WORDS;
    size_t near = q->count < EDGE_NEAR_WORDS ? q->count : EDGE_NEAR_WORDS;
    size_t from = is_end ? q->count - all : 0, near_from = is_end ? q->count - near : 0;
    minhash_begin(&m, EDGE_BITS, lanes);
    sketch_shingles(&m, q, from, from + all);
    for (size_t i = near_from; i + 2 < near_from + near; i++) {
        minhash_add(&m, minhash_mix(q->shingle[i]));
    }
    minhash_end(&m);
}

static void sketch_text(struct cd1 *c, const struct sequence *q)
{
    struct minhash m;
    size_t shingles = q->count < 2 ? 0 : q->count - 2;
    c->shingles = shingles < SHINGLES_MAX ? (unsigned)shingles : SHINGLES_MAX;
    c->exact = shingles_make(q);
    c->kind = q->count == 0 ? CD1_NONE : shingles < CD1_SHORT_SHINGLES ? CD1_SHORT : CD1_TEXT;
    if (cd1_has_lanes(c->kind, c->shingles)) {
        minhash_begin(&m, TEXT_BITS, c->text);
        sketch_shingles(&m, q, 0, q->count);
        minhash_end(&m);
    }
    if (c->kind == CD1_TEXT) {
        sketch_edge(q, false, c->open);
        sketch_edge(q, true, c->close);
    }
}

/* The words around each link; neighbours' surroundings run together. */
static void sketch_call(struct cd1 *c, const struct sequence *q)
{
    struct minhash m;
    size_t done = 0, shingles = 0;
    minhash_begin(&m, CALL_BITS, c->call);
    for (size_t i = 0; i < q->link_count; i++) {
        size_t link = q->link[i], from = link > CALL_WORDS ? link - CALL_WORDS : 0;
        size_t to = link + CALL_WORDS + 1 < q->count ? link + CALL_WORDS + 1 : q->count;
        from = done > from + 2 ? done - 2 : from; /* shingles that are in already */
        if (to > from + 2) {
            sketch_shingles(&m, q, from, to);
            shingles += to - from - 2;
        }
        done = to > done ? to : done;
    }
    c->has_call = shingles >= CALL_SHINGLES;
    if (c->has_call) {
        minhash_end(&m);
    } else {
        memset(c->call, 0, sizeof c->call);
    }
}

/* Element names in order; a run of one name (lines broken by <br>, a table's rows) counts once. */
static void sketch_html(struct cd1 *c, const struct features *f)
{
    struct minhash m;
    uint64_t a = 0, b = 0, last = 0;
    size_t names = 0, shingles = 0;
    minhash_begin(&m, HTML_BITS, c->html);
    for (size_t i = 0; i < f->body_count; i++) {
        const struct html_outline *o = &f->bodies[i].outline;
        for (size_t k = 0; k < o->count && f->bodies[i].is_seen; k++) {
            uint64_t name = o->tags[k].name;
            if (name == last) {
                continue;
            }
            if (++names > 2) {
                minhash_add(&m, minhash_shingle(a, b, name));
                shingles++;
            }
            a = b;
            b = last = name;
        }
    }
    c->has_html = shingles >= HTML_SHINGLES;
    if (c->has_html) {
        minhash_end(&m);
    } else {
        memset(c->html, 0, sizeof c->html);
    }
}

/* One item of a SHAPE sketch, by name and value. */
static void shape_add(struct minhash *m, struct cd1 *c, const char *name, struct slice value)
{
    uint64_t hash = minhash_shingle(word_hash(slice_cstr(name)), word_hash(value), 0);
    minhash_add(m, hash);
    c->exact = word_hash_step(c->exact, hash);
    c->shingles++;
}

/* Four steps for each doubling: pictures that were made to differ by noise differ little here. */
static struct slice size_step(uint64_t bytes, char out[8])
{
    unsigned log = bytes ? 63 - (unsigned)__builtin_clzll(bytes) : 0;
    unsigned quarter = log >= 2 ? (unsigned)(bytes >> (log - 2) & 3) : 0;
    unsigned step = 4 * log + quarter;
    out[0] = (char)('0' + step / 100);
    out[1] = (char)('0' + step / 10 % 10);
    out[2] = (char)('0' + step % 10);
    return slice_of(out, 3);
}

static void shape_attachments(struct minhash *m, struct cd1 *c, const struct features *f)
{
    for (size_t i = 0; i < f->attachment_count; i++) {
        const struct attachment *a = &f->attachments[i];
        char step[8];
        shape_add(m, c, "type", a->type);
        shape_add(m, c, "name", a->name_shape);
        shape_add(m, c, "size", size_step(a->bytes, step));
        shape_add(m, c, "hash", slice_of((const char *)a->hash.b, sizeof a->hash.b));
    }
}

/* What there is when there are no words to speak of. */
static void sketch_shape(struct cd1 *c, const struct features *f)
{
    struct minhash m;
    UNCLEARED char tree[SHAPE_BYTES];
    struct shape_out o = {tree, 0, sizeof tree, false};
    uint64_t words = c->exact;
    bool has_words = c->kind == CD1_SHORT;
    minhash_begin(&m, TEXT_BITS, c->text);
    c->kind = CD1_SHAPE;
    c->shingles = 0;
    c->exact = 0;
    if (f->mail) {
        mime_tree(f->mail, &o);
    }
    shape_add(&m, c, "tree", shape_end(&o));
    shape_attachments(&m, c, f);
    if (has_words) {
        shape_add(&m, c, "words", slice_of((const char *)&words, sizeof words));
    }
    for (size_t i = 0; i < f->text[FEATURE_URL_SHAPE].count && i < URL_SHAPES; i++) {
        shape_add(&m, c, "url", f->text[FEATURE_URL_SHAPE].items[i]);
    }
    for (size_t i = 0; i < CD1_HTML_LANES && c->has_html; i++) {
        char lane[] = {(char)i, (char)(c->html[i] >> 24), (char)(c->html[i] >> 16),
                       (char)(c->html[i] >> 8), (char)c->html[i]};
        shape_add(&m, c, "html", slice_of(lane, sizeof lane));
    }
    minhash_end(&m);
}

static bool has_elements(const struct features *f)
{
    for (size_t i = 0; i < f->body_count; i++) {
        if (f->bodies[i].is_seen && f->bodies[i].outline.count) {
            return true;
        }
    }
    return false;
}

enum err cd1_make(struct cd1 *out, const struct words *w, const struct features *f,
                  struct arena *arena)
{
    struct sequence q;
    memset(out, 0, sizeof *out);
    out->is_full = true;
    if (!sequence_make(&q, w, arena)) {
        return ERR_NOMEM;
    }
    sketch_text(out, &q);
    sketch_html(out, f);
    if ((out->kind == CD1_SHORT && f->attachment_count) ||
        (out->kind == CD1_NONE && (f->attachment_count || has_elements(f)))) {
        sketch_shape(out, f);
    }
    if (q.link_count) {
        sketch_call(out, &q);
    }
    return OK;
}

static double likeness(const uint32_t *a, const uint32_t *b, unsigned lanes, bool is_full)
{
    const uint32_t mask = is_full ? UINT32_MAX : MINHASH_PRINTED_MASK;
    const double chance = is_full ? 0.0 : 1.0 / (MINHASH_PRINTED_MASK + 1);
    unsigned equal = 0;
    for (unsigned i = 0; i < lanes; i++) {
        equal += ((a[i] ^ b[i]) & mask) == 0;
    }
    double share = (equal / (double)lanes - chance) / (1.0 - chance);
    return share > 0.0 ? share : 0.0;
}

double cd1_text_likeness(const struct cd1 *a, const struct cd1 *b)
{
    if (a->kind != b->kind || a->kind == CD1_NONE) {
        return -1.0;
    }
    if (a->exact == b->exact) {
        return 1.0;
    }
    return !cd1_has_lanes(a->kind, a->shingles) || !cd1_has_lanes(b->kind, b->shingles)
               ? 0.0
               : likeness(a->text, b->text, CD1_TEXT_LANES, a->is_full && b->is_full);
}

double cd1_open_likeness(const struct cd1 *a, const struct cd1 *b)
{
    return a->kind == CD1_TEXT && b->kind == CD1_TEXT
               ? likeness(a->open, b->open, CD1_OPEN_LANES, a->is_full && b->is_full)
               : -1.0;
}

double cd1_close_likeness(const struct cd1 *a, const struct cd1 *b)
{
    return a->kind == CD1_TEXT && b->kind == CD1_TEXT
               ? likeness(a->close, b->close, CD1_CLOSE_LANES, a->is_full && b->is_full)
               : -1.0;
}

double cd1_call_likeness(const struct cd1 *a, const struct cd1 *b)
{
    return a->has_call && b->has_call
               ? likeness(a->call, b->call, CD1_CALL_LANES, a->is_full && b->is_full)
               : -1.0;
}

double cd1_html_likeness(const struct cd1 *a, const struct cd1 *b)
{
    return a->has_html && b->has_html
               ? likeness(a->html, b->html, CD1_HTML_LANES, a->is_full && b->is_full)
               : -1.0;
}
