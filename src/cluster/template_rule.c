/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A template as a condition of a rule (docs/rules.md). */
#include "cluster/template_part.h"
#include "core/utf8.h"

enum {
    PIECE_WORDS = 12, /* of one text: longer ones say no more */
    PIECE_BYTES = 10, /* shorter ones are everywhere */
    PIECE_WEIGHT = 2 * ANCHOR_WEIGHT,
    REGEX_HOLE = 80, /* bytes of a hole inside an expression: libhs counts them in states */
    REGEX_HOLES = 6
};

struct piece {
    size_t first, end; /* anchors */
    unsigned weight;
};

/* Whether an anchor's bytes are known and always the same. */
static bool is_literal(const struct template *t, const struct anchor *a)
{
    return a->n && a->is_exact && utf8_valid(anchor_text(t, a));
}

static bool has_hole(const struct template *t, size_t anchor)
{
    for (size_t i = 0; i < t->hole_count; i++) {
        if (t->holes[i].before == anchor) {
            return true;
        }
    }
    return false;
}

/* The text that begins at an anchor: up to PIECE_WORDS. */
static struct piece piece_at(const struct template *t, const uint8_t *weight, size_t first)
{
    struct piece p = {first, first, 0};
    while (p.end < t->anchor_count && p.end < first + PIECE_WORDS &&
           is_literal(t, &t->anchors[p.end]) &&
           (p.end == first ||
            (t->anchors[p.end].separator_n != SEPARATOR_VARIES && !has_hole(t, p.end)))) {
        p.weight += weight[p.end++];
    }
    return p;
}

static size_t piece_bytes(const struct template *t, const struct piece *p)
{
    size_t n = 0;
    for (size_t i = p->first; i < p->end; i++) {
        n += t->anchors[i].n + (i > p->first ? t->anchors[i].separator_n : 0U);
    }
    return n;
}

/* The pieces that tell most, in the order of the text. Returns how many. */
static size_t pieces_choose(const struct template *t, struct piece *out)
{
    uint8_t weight[TEMPLATE_WORDS];
    struct piece p;
    size_t n = 0;
    anchors_weigh(t, weight);
    for (size_t i = 0; i<t->anchor_count; i = p.end> i ? p.end : i + 1) {
        p = piece_at(t, weight, i);
        if (p.weight < PIECE_WEIGHT || piece_bytes(t, &p) < PIECE_BYTES) {
            continue;
        }
        if (n == TEMPLATE_TEXTS) {
            size_t least = 0;
            for (size_t k = 1; k < n; k++) {
                least = out[k].weight < out[least].weight ? k : least;
            }
            if (out[least].weight >= p.weight) {
                continue;
            }
            memmove(&out[least], &out[least + 1], (--n - least) * sizeof *out);
        }
        out[n++] = p;
    }
    return n;
}

static unsigned pieces_weight(const struct piece *p, size_t n)
{
    unsigned sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += p[i].weight;
    }
    return sum;
}

/* Texts at the beginning and the end leave a rule when the others tell enough: there senders greet
 * and sign, and a name that all messages showed so far is another one when another engine sends the
 * campaign. */
static size_t inner_pieces(const struct template *t, struct piece *p, size_t n)
{
    unsigned weight = pieces_weight(p, n);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        bool is_outer = p[i].first == 0 || p[i].end == t->anchor_count;
        if (is_outer && weight - p[i].weight >= TEMPLATE_USABLE) {
            weight -= p[i].weight;
        } else {
            p[kept++] = p[i];
        }
    }
    return kept;
}

static void piece_add(const struct template *t, const struct piece *p, struct strbuf *out)
{
    for (size_t i = p->first; i < p->end; i++) {
        const struct anchor *a = &t->anchors[i];
        if (i > p->first) {
            strbuf_add(out, template_text(t, a->at, a->separator_n));
        }
        strbuf_add(out, anchor_text(t, a));
    }
}

enum err template_texts(const struct template *t, struct slice texts[TEMPLATE_TEXTS], size_t *count,
                        struct arena *arena)
{
    struct piece pieces[TEMPLATE_TEXTS];
    struct strbuf b = STRBUF_INIT;
    size_t n = t->learnt < TEMPLATE_PRIVATE ? 0 : pieces_choose(t, pieces);
    enum err e = OK;
    for (size_t i = 0; i < n && e == OK; i++) {
        strbuf_clear(&b);
        piece_add(t, &pieces[i], &b);
        texts[i] = b.failed ? S("") : arena_copy(arena, strbuf_slice(&b));
        e = texts[i].p ? OK : ERR_NOMEM;
    }
    strbuf_free(&b);
    if (e == OK) {
        *count = n;
    }
    return e;
}

/* ---- an expression, when no text alone is long enough ---- */

static void regex_literal(struct slice s, struct strbuf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        if (ascii_is_alnum(s.p[i]) || s.p[i] == ' ') {
            strbuf_add_byte(out, s.p[i]);
        } else {
            strbuf_printf(out, "\\x%02x", (unsigned)(unsigned char)s.p[i]);
        }
    }
}

static void regex_anchor(const struct template *t, const struct anchor *a, struct strbuf *out)
{
    if (is_literal(t, a)) {
        regex_literal(anchor_text(t, a), out);
    } else if (a->most < REGEX_HOLE) {
        strbuf_printf(out, "\\S{1,%u}", a->most + a->most / 2U + 2U);
    } else {
        strbuf_add_cstr(out, "\\S+");
    }
}

static void regex_between(const struct template *t, size_t anchor, struct strbuf *out)
{
    const struct anchor *a = &t->anchors[anchor];
    for (size_t i = 0; i < t->hole_count; i++) {
        if (t->holes[i].before == anchor) {
            strbuf_printf(out, ".{0,%u}",
                          t->holes[i].most_bytes + t->holes[i].most_bytes / 2U + 8U);
            return;
        }
    }
    if (a->separator_n == SEPARATOR_VARIES) {
        strbuf_add_cstr(out, "\\W{1,8}");
    } else {
        regex_literal(template_text(t, a->at, a->separator_n), out);
    }
}

/* The fewest anchors from `first` on that tell enough, holes between them being short. */
static bool regex_window(const struct template *t, const uint8_t *weight, size_t first, size_t *end)
{
    unsigned sum = 0;
    size_t holes = 0;
    for (size_t i = first; i < t->anchor_count; i++) {
        for (size_t k = 0; i > first && k < t->hole_count; k++) {
            if (t->holes[k].before == i &&
                (++holes > REGEX_HOLES || t->holes[k].most_bytes > REGEX_HOLE)) {
                return false;
            }
        }
        sum += is_literal(t, &t->anchors[i]) ? weight[i] : 0U;
        if (sum >= TEMPLATE_USABLE) {
            *end = i + 1;
            return true;
        }
    }
    return false;
}

static enum err regex_add(const struct template *t, unsigned indent, struct strbuf *out)
{
    uint8_t weight[TEMPLATE_WORDS];
    size_t best_first = 0, best_end = 0, end;
    anchors_weigh(t, weight);
    for (size_t i = 0; i < t->anchor_count; i++) {
        if (is_literal(t, &t->anchors[i]) && regex_window(t, weight, i, &end) &&
            (!best_end || end - i < best_end - best_first)) {
            best_first = i;
            best_end = end;
        }
    }
    if (!best_end) {
        return ERR_NOTFOUND;
    }
    strbuf_printf(out, "%*sbody.text|re: '(?s)", (int)indent, "");
    for (size_t i = best_first; i < best_end; i++) {
        if (i > best_first) {
            regex_between(t, i, out);
        }
        regex_anchor(t, &t->anchors[i], out);
    }
    strbuf_add_cstr(out, "'\n");
    return out->failed ? ERR_NOMEM : OK;
}

/* A text as a value of a folded field in single quotes: wildcards and quotes are escaped. */
static void value_add(struct slice s, struct strbuf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '*' || s.p[i] == '?' || s.p[i] == '\\') {
            strbuf_add_byte(out, '\\');
        } else if (s.p[i] == '\'') {
            strbuf_add_byte(out, '\'');
        }
        strbuf_add_byte(out, s.p[i]);
    }
}

enum err template_rule(const struct template *t, unsigned indent, struct strbuf *out)
{
    struct piece pieces[TEMPLATE_TEXTS];
    struct strbuf text = STRBUF_INIT;
    struct template_info info;
    template_info(t, &info);
    if (!info.is_usable) {
        return ERR_NOTFOUND;
    }
    size_t n = pieces_choose(t, pieces);
    if (pieces_weight(pieces, n) < TEMPLATE_USABLE) {
        return regex_add(t, indent, out);
    }
    n = inner_pieces(t, pieces, n);
    strbuf_printf(out, "%*sbody.text|contains|all:\n", (int)indent, "");
    for (size_t i = 0; i < n; i++) {
        strbuf_clear(&text);
        piece_add(t, &pieces[i], &text);
        strbuf_printf(out, "%*s- '", (int)indent + 2, "");
        value_add(strbuf_slice(&text), out);
        strbuf_add_cstr(out, "'\n");
    }
    bool failed = text.failed || out->failed;
    strbuf_free(&text);
    return failed ? ERR_NOMEM : OK;
}
