/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The shape of a URL: what stays when a campaign's random parts are taken out. docs/urls.md has the
 * grammar and why lengths are left out. A shape holds nothing that could name a recipient. */
#include "mail/url_build.h"

static const struct slice WORDS[] = {
#define URL_WORD(text) SLICE(text),
#include "mail/url_word.def"
#undef URL_WORD
};

enum {
    WORD_COUNT = sizeof WORDS / sizeof WORDS[0],
    WORD_BYTES_MAX = 11,     /* of the table */
    KEY_BYTES_LITERAL = 4,   /* "id", "pid1", "page"; longer ones may be random */
    TOKEN_BYTES_RANDOM = 16, /* shorter hex and base64 cannot be told from words */
};

struct shape {
    char *p;
    size_t n;
    bool is_cut;
};

/* Whole or not at all; one byte is kept for the mark of the cut. */
static void shape_add(struct shape *o, struct slice s)
{
    if (o->is_cut || s.n > URL_SHAPE_BYTES - 1 - o->n) {
        o->is_cut = true;
        return;
    }
    memcpy(o->p + o->n, s.p, s.n);
    o->n += s.n;
}

static int word_order(struct slice word, struct slice s)
{
    size_t n = word.n < s.n ? word.n : s.n;
    for (size_t i = 0; i < n; i++) {
        int d = (uint8_t)word.p[i] - (uint8_t)ascii_lower(s.p[i]);
        if (d) {
            return d;
        }
    }
    return (word.n > s.n) - (word.n < s.n);
}

/* The table's spelling of the word; empty when it has none. */
static struct slice word_find(struct slice s)
{
    /* All words begin with a letter, as many random tokens do not. */
    bool is_word = s.n >= 3 && s.n <= WORD_BYTES_MAX && ascii_is_alpha(s.p[0]);
    size_t low = 0, high = is_word ? WORD_COUNT : 0;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int d = word_order(WORDS[middle], s);
        if (!d) {
            return WORDS[middle];
        }
        if (d < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return (struct slice){NULL, 0};
}

/* What a token is made of. */
enum {
    HAS_DIGIT = 1,
    HAS_LOWER_HEX = 2, /* a-f */
    HAS_UPPER_HEX = 4,
    HAS_LOWER = 8, /* g-z */
    HAS_UPPER = 16,
    HAS_ESCAPE = 32,
    HAS_JOINER = 64, /* between words: - _ + ~ and the blank */
};

static const uint8_t BYTE_KIND[256] = {
    ['0' ... '9'] = HAS_DIGIT, ['a' ... 'f'] = HAS_LOWER_HEX,
    ['g' ... 'z'] = HAS_LOWER, ['A' ... 'F'] = HAS_UPPER_HEX,
    ['G' ... 'Z'] = HAS_UPPER, ['%'] = HAS_ESCAPE,
    ['-'] = HAS_JOINER,        ['_'] = HAS_JOINER,
    ['+'] = HAS_JOINER,        ['~'] = HAS_JOINER,
};

/* Length of the token at the start of `s` (0 if punctuation stands there) and its kinds. */
static size_t token_read(struct slice s, unsigned *kinds)
{
    size_t i = 0;
    *kinds = 0;
    while (i < s.n) {
        unsigned kind = BYTE_KIND[(uint8_t)s.p[i]];
        if (kind == HAS_ESCAPE) {
            struct slice escape = slice_sub(s, i, 3);
            *kinds |= slice_eq(escape, S("%20")) ? HAS_JOINER : HAS_ESCAPE;
            i += escape.n;
            continue;
        }
        if (!kind) {
            break;
        }
        *kinds |= kind;
        i++;
    }
    return i;
}

static void token_add(struct shape *o, struct slice token, unsigned kinds)
{
    const unsigned lower = HAS_LOWER | HAS_LOWER_HEX, upper = HAS_UPPER | HAS_UPPER_HEX;
    struct slice word = word_find(token);
    if (word.n) {
        shape_add(o, word);
    } else if (kinds == HAS_JOINER) {
        shape_add(o, token);
    } else if (token.n >= TOKEN_BYTES_RANDOM && (kinds & lower) && (kinds & upper)) {
        shape_add(o, S("b*"));
    } else if (kinds & HAS_JOINER) {
        shape_add(o, S("s*"));
    } else if (kinds == HAS_DIGIT) {
        shape_add(o, S("9*"));
    } else if (token.n >= TOKEN_BYTES_RANDOM &&
               (kinds == (HAS_DIGIT | HAS_LOWER_HEX) || kinds == (HAS_DIGIT | HAS_UPPER_HEX))) {
        shape_add(o, S("x*"));
    } else {
        shape_add(o, S("a*"));
    }
}

static bool component_is_address(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '@' || (s.p[i] == '%' && slice_eq(slice_sub(s, i, 3), S("%40")))) {
            return true;
        }
    }
    return false;
}

/* A path segment, a query value or a key. */
static void component_add(struct shape *o, struct slice s)
{
    if (component_is_address(s)) {
        shape_add(o, S("e*")); /* a mail address: often the recipient's */
        return;
    }
    while (s.n && !o->is_cut) {
        unsigned kinds;
        size_t n = token_read(s, &kinds);
        if (n) {
            token_add(o, slice_sub(s, 0, n), kinds);
        } else {
            n = 1;
            shape_add(o, s.p[0] == '*' ? S("%2A") : slice_sub(s, 0, 1));
        }
        s = slice_sub(s, n, SIZE_MAX);
    }
}

static bool component_is_url(struct slice s)
{
    char first = s.n ? ascii_lower(s.p[0]) : 0;
    if (first != 'h' && first != 'w') {
        return false;
    }
    return slice_istarts(s, S("http:")) || slice_istarts(s, S("https:")) ||
           slice_istarts(s, S("http%3A")) || slice_istarts(s, S("https%3A")) ||
           slice_istarts(s, S("http%253A")) || slice_istarts(s, S("https%253A")) ||
           slice_istarts(s, S("www."));
}

/* Short letters, with one digit at most: "p", "id", "pid2". */
static bool key_is_literal(struct slice key)
{
    size_t letters = key.n - (key.n > 1 && ascii_is_digit(key.p[key.n - 1]));
    for (size_t i = 0; i < letters; i++) {
        if (!ascii_is_alpha(key.p[i])) {
            return false;
        }
    }
    return key.n && key.n <= KEY_BYTES_LITERAL;
}

/* key=value or a lone word; false when it held a URL, and all that follows may be that URL's. */
static bool parameter_add(struct shape *o, struct slice s)
{
    size_t equals = slice_find_byte(s, '=');
    if (equals < s.n) {
        struct slice key = slice_sub(s, 0, equals);
        if (key_is_literal(key)) {
            shape_add(o, key);
        } else {
            component_add(o, key);
        }
        shape_add(o, S("="));
        s = slice_sub(s, equals + 1, SIZE_MAX);
    }
    if (component_is_url(s)) {
        shape_add(o, S("u*"));
        return slice_find_byte(s, '?') == s.n;
    }
    component_add(o, s);
    return true;
}

static void query_add(struct shape *o, struct slice s)
{
    while (!o->is_cut) {
        size_t n = 0;
        while (n < s.n && s.p[n] != '&' && s.p[n] != ';') {
            n++;
        }
        if (!parameter_add(o, slice_sub(s, 0, n)) || n == s.n) {
            return;
        }
        shape_add(o, slice_sub(s, n, 1));
        s = slice_sub(s, n + 1, SIZE_MAX);
    }
}

/* False when the path holds a URL and ends the shape. */
static bool path_add(struct shape *o, struct slice s)
{
    while (s.n && !o->is_cut) { /* s.p[0] is '/' */
        shape_add(o, S("/"));
        s = slice_sub(s, 1, SIZE_MAX);
        size_t n = slice_find_byte(s, '/');
        struct slice segment = slice_sub(s, 0, n);
        size_t star = segment.n && segment.p[0] == '*';
        if (component_is_url(slice_sub(segment, star, SIZE_MAX))) {
            shape_add(o, star ? S("%2Au*") : S("u*"));
            return false;
        }
        component_add(o, segment);
        s = slice_sub(s, n, SIZE_MAX);
    }
    return true;
}

static void host_add(struct shape *o, const struct url_parsed *u, struct slice domain)
{
    if (u->has_userinfo) {
        shape_add(o, S("u@"));
    }
    if (u->is_ip) {
        shape_add(o, slice_find_byte(u->host, ':') < u->host.n ? S("ip6") : S("ip"));
    } else if (!domain.n) {
        shape_add(o, S("h"));
    } else {
        struct slice below = slice_sub(u->host, 0, u->host.n - domain.n);
        if (slice_eq(below, S("www."))) {
            shape_add(o, below);
        } else if (below.n) {
            shape_add(o, slice_find_byte(below, '.') + 1 == below.n ? S("s.") : S("s*."));
        }
        shape_add(o, S("d"));
    }
    if (u->port.n) {
        shape_add(o, S(":"));
        shape_add(o, u->port);
    }
}

size_t url_shape(const struct url_parsed *u, struct slice domain, char out[URL_SHAPE_BYTES])
{
    struct shape o = {out, 0, false};
    shape_add(&o, u->scheme);
    shape_add(&o, S("://"));
    host_add(&o, u, domain);
    struct slice rest = u->rest, fragment = {NULL, 0}, query = {NULL, 0};
    size_t at = slice_find_byte(rest, '#');
    fragment = slice_sub(rest, at, SIZE_MAX);
    rest = slice_sub(rest, 0, at);
    at = slice_find_byte(rest, '?');
    query = slice_sub(rest, at, SIZE_MAX);
    if (path_add(&o, slice_sub(rest, 0, at))) {
        if (query.n) {
            shape_add(&o, S("?"));
            query_add(&o, slice_sub(query, 1, SIZE_MAX));
        }
        if (fragment.n) {
            shape_add(&o, S("#"));
            component_add(&o, slice_sub(fragment, 1, SIZE_MAX));
        }
    }
    if (o.is_cut) {
        out[o.n++] = '~';
    }
    return o.n;
}
