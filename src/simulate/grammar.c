/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "simulate/grammar.h"

#include "core/hash.h"

static const struct {
    char kind;
    const char *alphabet;
} CLASSES[] = {
    {'9', "0123456789"},
    {'x', "0123456789abcdef"},
    {'X', "0123456789ABCDEF"},
    {'a', "abcdefghijklmnopqrstuvwxyz"},
    {'A', "ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
    {'n', "abcdefghijklmnopqrstuvwxyz0123456789"},
    {'N', "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"},
    {'w', "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"},
    {'B', "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"},
};

static void expand(struct grammar *g, struct slice text, struct strbuf *out, unsigned depth);

bool grammar_characters(struct pcg *random, char kind, size_t n, struct strbuf *out)
{
    for (size_t i = 0; i < sizeof CLASSES / sizeof *CLASSES; i++) {
        if (CLASSES[i].kind == kind) {
            size_t size = strlen(CLASSES[i].alphabet);
            for (size_t k = 0; k < n; k++) {
                strbuf_add_byte(out, CLASSES[i].alphabet[pcg_below(random, size)]);
            }
            return true;
        }
    }
    return false;
}

/* Offset of the bracket that closes the one at 0, or SIZE_MAX. */
static size_t close_find(const struct grammar *g, struct slice s)
{
    size_t open = 0;
    for (size_t i = 0; i < s.n; i++) {
        open += s.p[i] == g->open;
        if (s.p[i] == g->close && --open == 0) {
            return i;
        }
    }
    return SIZE_MAX;
}

/* The `want`-th choice of "a|b|c" (bars inside brackets of either kind are none), and how many
 * there are. */
static size_t choices(struct slice s, size_t want, struct slice *out)
{
    size_t count = 0, depth = 0, from = 0;
    for (size_t i = 0; i <= s.n; i++) {
        if (i < s.n) {
            depth += s.p[i] == '{' || s.p[i] == '[';
            depth -= depth && (s.p[i] == '}' || s.p[i] == ']');
        }
        if (i == s.n || (s.p[i] == '|' && depth == 0)) {
            if (count++ == want) {
                *out = slice_sub(s, from, i - from);
            }
            from = i + 1;
        }
    }
    return count;
}

bool grammar_number(struct pcg *random, struct slice s, uint64_t *out)
{
    struct slice most = s, least = slice_cut(&most, '-');
    uint64_t low, high;
    if (!slice_to_u64(least, &low)) {
        return false;
    }
    if (!slice_to_u64(most, &high)) {
        *out = low;
        return most.n == 0;
    }
    *out = high >= low ? low + pcg_below(random, high - low + 1) : low;
    return true;
}

static void keep(struct grammar *g, struct slice name, struct slice text)
{
    if (g->kept_count < GRAMMAR_NAMES && text.n && text.n <= GRAMMAR_KEPT_BYTES) {
        g->kept[g->kept_count].name = name;
        memcpy(g->kept[g->kept_count].text, text.p, text.n);
        g->kept[g->kept_count++].n = text.n;
    }
}

/* Macros that begin with a sign; false: none of them. */
static bool sign_expand(struct grammar *g, struct slice body, struct strbuf *out, unsigned depth)
{
    struct slice rest = slice_sub(body, 1, SIZE_MAX), word, pick = {0};
    uint64_t n;
    switch (body.p[0]) {
    case '@': {
        size_t count = choices(rest, SIZE_MAX, &pick);
        choices(rest, hash_u64_seeded(rest, g->machine) % count, &pick);
        expand(g, pick, out, depth);
        return true;
    }
    case '?':
        word = slice_cut(&rest, ' ');
        if (!slice_to_u64(word, &n)) {
            return false;
        }
        if (pcg_below(g->random, 100) < n) {
            expand(g, rest, out, depth);
        }
        return true;
    case '*':
        word = slice_cut(&rest, ' ');
        if (!grammar_number(g->random, word, &n)) {
            return false;
        }
        for (uint64_t i = 0; i < n; i++) {
            expand(g, rest, out, depth);
        }
        return true;
    case '=': {
        size_t from = out->n;
        word = slice_cut(&rest, ' ');
        expand(g, rest, out, depth);
        keep(g, word, slice_sub(strbuf_slice(out), from, SIZE_MAX));
        return true;
    }
    case '$':
        for (size_t i = g->kept_count; i > 0; i--) {
            if (slice_eq(g->kept[i - 1].name, rest)) {
                strbuf_add(out, slice_of(g->kept[i - 1].text, g->kept[i - 1].n));
                return true;
            }
        }
        return false;
    default:
        return false;
    }
}

static bool macro_expand(struct grammar *g, struct slice body, struct strbuf *out, unsigned depth)
{
    struct slice arguments = body, pick = {0};
    uint64_t n;
    if (body.n == 0) {
        return false;
    }
    if (sign_expand(g, body, out, depth)) {
        return true;
    }
    size_t count = choices(body, SIZE_MAX, &pick);
    if (count > 1) {
        choices(body, pcg_below(g->random, count), &pick);
        expand(g, pick, out, depth);
        return true;
    }
    struct slice name = slice_cut(&arguments, ' ');
    if (name.n == 1 && grammar_number(g->random, arguments, &n) &&
        grammar_characters(g->random, name.p[0], (size_t)n, out)) {
        return true;
    }
    return g->macro && g->macro(g->arg, name, arguments, out);
}

static void expand(struct grammar *g, struct slice text, struct strbuf *out, unsigned depth)
{
    while (text.n) {
        size_t at = slice_find_byte(text, g->open);
        strbuf_add(out, slice_sub(text, 0, at));
        text = slice_sub(text, at, SIZE_MAX);
        size_t end = text.n ? close_find(g, text) : SIZE_MAX;
        if (end == SIZE_MAX) {
            strbuf_add(out, text);
            return;
        }
        struct slice body = slice_sub(text, 1, end - 1);
        if (depth >= GRAMMAR_DEPTH) {
            strbuf_add(out, slice_sub(text, 0, end + 1));
        } else if (!macro_expand(g, body, out, depth + 1)) {
            strbuf_add_byte(out, g->open);
            expand(g, body, out, depth + 1);
            strbuf_add_byte(out, g->close);
        }
        text = slice_sub(text, end + 1, SIZE_MAX);
    }
}

void grammar_expand(struct grammar *g, struct slice text, struct strbuf *out)
{
    expand(g, text, out, 0);
}
