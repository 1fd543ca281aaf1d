/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "print/shape.h"

enum {
    LETTERS_MAX = 40, /* of one printed run of fixed length */
    SHORT_DIGITS = 7, /* counters and process ids: their length varies from message to message */
    LONG_DIGITS = 11, /* times and 32-bit numbers: 8 to 11 digits are one kind */
    SHORT_MIXED = 7,  /* mixed tokens this short say little by their length */
    BASE64_MIN = 12,  /* long tokens of digits and both cases are taken for base64 */
};

/* Bits of what a byte can be; a run's class is what all of its bytes have in common. */
enum {
    BYTE_DIGIT = 1,
    BYTE_HEX_LOWER = 2, /* a-f */
    BYTE_HEX_UPPER = 4,
    BYTE_LOWER = 8, /* g-z */
    BYTE_UPPER = 16,
    BYTE_BASE64 = 32,     /* + / = */
    BYTE_BASE64_URL = 64, /* - _ */
    BYTE_HIGH = 128,
};

#define ROW4(v)  v, v, v, v
#define ROW16(v) ROW4(v), ROW4(v), ROW4(v), ROW4(v)

static const unsigned char BYTE_KIND[256] = {
    ['0'] = BYTE_DIGIT,        ['1'] = BYTE_DIGIT,        ['2'] = BYTE_DIGIT,
    ['3'] = BYTE_DIGIT,        ['4'] = BYTE_DIGIT,        ['5'] = BYTE_DIGIT,
    ['6'] = BYTE_DIGIT,        ['7'] = BYTE_DIGIT,        ['8'] = BYTE_DIGIT,
    ['9'] = BYTE_DIGIT,        ['a'] = BYTE_HEX_LOWER,    ['b'] = BYTE_HEX_LOWER,
    ['c'] = BYTE_HEX_LOWER,    ['d'] = BYTE_HEX_LOWER,    ['e'] = BYTE_HEX_LOWER,
    ['f'] = BYTE_HEX_LOWER,    ['A'] = BYTE_HEX_UPPER,    ['B'] = BYTE_HEX_UPPER,
    ['C'] = BYTE_HEX_UPPER,    ['D'] = BYTE_HEX_UPPER,    ['E'] = BYTE_HEX_UPPER,
    ['F'] = BYTE_HEX_UPPER,    ['g'] = ROW16(BYTE_LOWER), ROW4(BYTE_LOWER), /* g-z */
    ['G'] = ROW16(BYTE_UPPER), ROW4(BYTE_UPPER),          ['+'] = BYTE_BASE64,
    ['/'] = BYTE_BASE64,       ['='] = BYTE_BASE64,       ['-'] = BYTE_BASE64_URL,
    ['_'] = BYTE_BASE64_URL,   [128] = ROW16(BYTE_HIGH),  ROW16(BYTE_HIGH),
    ROW16(BYTE_HIGH),          ROW16(BYTE_HIGH),          ROW16(BYTE_HIGH),
    ROW16(BYTE_HIGH),          ROW16(BYTE_HIGH),          ROW16(BYTE_HIGH),
};

enum {
    KIND_HEX = BYTE_DIGIT | BYTE_HEX_LOWER | BYTE_HEX_UPPER,
    KIND_ALPHA = BYTE_HEX_LOWER | BYTE_HEX_UPPER | BYTE_LOWER | BYTE_UPPER,
    KIND_ALNUM = KIND_ALPHA | BYTE_DIGIT,
};

static unsigned kind_of(char c)
{
    return BYTE_KIND[(unsigned char)c];
}

/* The kinds that a pattern's class letter takes; 0 for what is no class. */
static unsigned class_kinds(char letter)
{
    switch (letter) {
    case '9':
        return BYTE_DIGIT;
    case 'x':
        return BYTE_DIGIT | BYTE_HEX_LOWER;
    case 'X':
        return BYTE_DIGIT | BYTE_HEX_UPPER;
    case 'h':
        return KIND_HEX;
    case 'a':
        return BYTE_HEX_LOWER | BYTE_LOWER;
    case 'A':
        return BYTE_HEX_UPPER | BYTE_UPPER;
    case 'w':
        return KIND_ALPHA;
    case 'n':
        return KIND_ALNUM;
    case 'N':
        return BYTE_DIGIT | BYTE_HEX_UPPER | BYTE_UPPER;
    case 'b':
        return KIND_ALNUM | BYTE_BASE64 | BYTE_BASE64_URL;
    case 'B':
        return KIND_ALNUM | BYTE_BASE64;
    default:
        return 0;
    }
}

void shape_put_slice(struct shape_out *o, struct slice s)
{
    size_t room = o->capacity - o->n;
    if (s.n > room) {
        o->is_cut = true;
        s.n = room;
    }
    if (s.n > 0) {
        memcpy(o->p + o->n, s.p, s.n);
        o->n += s.n;
    }
}

struct slice shape_end(struct shape_out *o)
{
    if (o->is_cut && o->n > 0) {
        o->p[o->n - 1] = '~';
    }
    return slice_of(o->p, o->n);
}

static void run_exact(struct shape_out *o, char letter, size_t n)
{
    for (size_t i = 0; i < n && i < LETTERS_MAX; i++) {
        shape_put(o, letter);
    }
    if (n > LETTERS_MAX) {
        shape_put(o, '+');
    }
}

static void run_loose(struct shape_out *o, char letter)
{
    shape_put(o, letter);
    shape_put(o, '+');
}

/* One alphanumeric token. `hex` is X or x when a long hex token stands beside it in the same text:
 * then a long token of digits alone is taken for hex that happens to have no letter. */
static void token_shape(struct shape_out *o, size_t n, unsigned kinds, char hex)
{
    if (kinds == BYTE_DIGIT) {
        if (hex && n > SHORT_DIGITS) {
            run_exact(o, hex, n);
        } else if (n <= SHORT_DIGITS) {
            run_loose(o, '9');
        } else if (n <= LONG_DIGITS) {
            run_exact(o, '9', SHORT_DIGITS + 1);
            shape_put(o, '+');
        } else {
            run_exact(o, '9', n);
        }
    } else if ((kinds & ~(unsigned)(BYTE_HEX_LOWER | BYTE_LOWER)) == 0) {
        run_loose(o, 'a');
    } else if ((kinds & ~(unsigned)(BYTE_HEX_UPPER | BYTE_UPPER)) == 0) {
        run_loose(o, 'A');
    } else if ((kinds & BYTE_DIGIT) == 0) {
        run_loose(o, 'w');
    } else if (n <= SHORT_MIXED) {
        run_loose(o, (kinds & (BYTE_HEX_LOWER | BYTE_LOWER)) ? 'n' : 'N');
    } else if (kinds == (BYTE_DIGIT | BYTE_HEX_LOWER)) {
        run_exact(o, 'x', n);
    } else if (kinds == (BYTE_DIGIT | BYTE_HEX_UPPER)) {
        run_exact(o, 'X', n);
    } else {
        run_exact(o, (kinds & (BYTE_HEX_LOWER | BYTE_LOWER)) ? 'n' : 'N', n);
    }
}

/* The end of the token at `i` (i itself when there is none) and the kinds of its bytes. */
static size_t token_end(struct slice s, size_t i, unsigned *kinds)
{
    unsigned seen = 0;
    while (i < s.n && (kind_of(s.p[i]) & KIND_ALNUM)) {
        seen |= kind_of(s.p[i]);
        i++;
    }
    *kinds = seen;
    return i;
}

/* Base64 of random bytes: one run, wherever its + and / fall. */
static size_t base64_end(struct slice s, size_t i)
{
    size_t from = i;
    unsigned seen = 0;
    while (i < s.n && (kind_of(s.p[i]) & KIND_ALNUM || s.p[i] == '+' || s.p[i] == '/')) {
        seen |= kind_of(s.p[i]);
        i++;
    }
    bool is_mixed = (seen & BYTE_DIGIT) && (seen & (BYTE_HEX_LOWER | BYTE_LOWER)) &&
                    (seen & (BYTE_HEX_UPPER | BYTE_UPPER));
    return is_mixed && i - from >= BASE64_MIN ? i : from;
}

static char text_hex(struct slice s)
{
    for (size_t i = 0; i < s.n;) {
        unsigned kinds;
        size_t end = token_end(s, i, &kinds);
        if (end - i > SHORT_MIXED && kinds == (BYTE_DIGIT | BYTE_HEX_LOWER)) {
            return 'x';
        }
        if (end - i > SHORT_MIXED && kinds == (BYTE_DIGIT | BYTE_HEX_UPPER)) {
            return 'X';
        }
        i = end == i ? i + 1 : end;
    }
    return 0;
}

void shape_text(struct shape_out *o, struct slice s)
{
    /* Past this nothing can reach the output: every token gives at least one byte. */
    s = slice_sub(s, 0, (size_t)4 * LETTERS_MAX * SHAPE_BYTES);
    char hex = text_hex(s);
    for (size_t i = 0; i < s.n && !o->is_cut;) {
        unsigned kinds;
        size_t end = token_end(s, i, &kinds);
        if (end > i) {
            size_t base64 = base64_end(s, i);
            if (base64 > i) {
                run_exact(o, 'B', base64 - i);
                end = base64;
            } else {
                token_shape(o, end - i, kinds, hex);
            }
            i = end;
            continue;
        }
        unsigned char c = (unsigned char)s.p[i++];
        if (c >= 0x80) { /* one run, whatever the encoding */
            shape_put(o, 'u');
            while (i < s.n && (unsigned char)s.p[i] >= 0x80) {
                i++;
            }
        } else {
            shape_put(o, c < 0x20 || c == 0x7f ? '^' : (char)c);
        }
    }
}

struct slice shape_of(struct slice s, struct arena *arena)
{
    char *p = arena_alloc(arena, SHAPE_BYTES);
    struct shape_out o = {p, 0, SHAPE_BYTES, false};
    if (!p) {
        return slice_of(NULL, 0);
    }
    shape_text(&o, s);
    struct slice out = shape_end(&o);
    return slice_of(arena_resize_last(arena, p, out.n ? out.n : 1), out.n);
}

struct element {
    char letter; /* a class, '*' or '?' for the rest, or the literal byte */
    unsigned kinds;
    size_t min, max;
    bool is_class;
};

/* The pattern's next element; the tables are ours and right, so nothing is checked twice. */
static const char *pattern_next(const char *p, struct element *e)
{
    *e = (struct element){*p, 0, 1, 1, false};
    if (*p != '%' || p[1] == '%') {
        return p + (*p == '%' ? 2 : 1);
    }
    e->letter = p[1];
    e->is_class = true;
    if (p[1] == '*' || p[1] == '?') {
        return p + 2;
    }
    e->kinds = class_kinds(p[1]);
    p += 2;
    if (*p == '+') {
        e->max = SIZE_MAX;
        return p + 1;
    }
    size_t number = 0;
    bool is_range = false;
    for (p++; *p && *p != '}'; p++) { /* behind the brace */
        if (*p == ',') {
            e->min = number;
            number = 0;
            is_range = true;
        } else {
            number = number * 10 + (size_t)(*p - '0');
        }
    }
    e->max = number;
    if (!is_range) {
        e->min = number;
    }
    return p + (*p == '}');
}

bool shape_match(const char *pattern, struct slice s, struct shape_out *o)
{
    struct shape_out before = o ? *o : (struct shape_out){NULL, 0, 0, false};
    size_t i = 0;
    while (*pattern) {
        struct element e;
        pattern = pattern_next(pattern, &e);
        if (!e.is_class) {
            if (i >= s.n || s.p[i] != e.letter) {
                goto no;
            }
            i++;
            if (o) {
                shape_put(o, e.letter);
            }
            continue;
        }
        if (e.letter == '?') {
            if (o) {
                shape_put(o, '*');
            }
            return true;
        }
        if (e.letter == '*') {
            if (o) {
                shape_text(o, slice_sub(s, i, s.n));
            }
            return true;
        }
        size_t n = 0;
        while (n < e.max && i + n < s.n && (kind_of(s.p[i + n]) & e.kinds)) {
            n++;
        }
        if (n < e.min) {
            goto no;
        }
        i += n;
        if (o && e.min == e.max) {
            run_exact(o, e.letter, n);
        } else if (o) {
            run_loose(o, e.letter);
        }
    }
    if (i == s.n) {
        return true;
    }
no:
    if (o) {
        *o = before;
    }
    return false;
}

bool shape_match_starts(const char *pattern, unsigned char c)
{
    struct element e;
    if (!*pattern) {
        return false;
    }
    pattern_next(pattern, &e);
    if (!e.is_class) {
        return (unsigned char)e.letter == c;
    }
    return e.letter == '*' || e.letter == '?' || (BYTE_KIND[c] & e.kinds) != 0;
}

struct shape_lead shape_text_lead(struct slice s)
{
    size_t n = 0;
    while (n < s.n && (kind_of(s.p[n]) & KIND_ALNUM)) {
        n++;
    }
    return (struct shape_lead){n, n, n < s.n ? (unsigned char)s.p[n] : -1};
}

struct shape_lead shape_pattern_lead(const char *pattern)
{
    struct shape_lead lead = {0, 0, -1};
    while (*pattern) {
        struct element e;
        pattern = pattern_next(pattern, &e);
        if (!e.is_class && !(kind_of(e.letter) & KIND_ALNUM)) {
            lead.next = (unsigned char)e.letter;
            return lead;
        }
        if (e.is_class && (e.kinds == 0 || (e.kinds & ~(unsigned)KIND_ALNUM))) {
            /* the rest, or base64: may hold letters, digits and others in any order */
            return (struct shape_lead){lead.min, SIZE_MAX, -2};
        }
        lead.min += e.min;
        lead.max = e.max > SIZE_MAX - lead.max ? SIZE_MAX : lead.max + e.max;
    }
    return lead;
}
