/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out/escape.h"

#include "core/utf8.h"

#include <stdio.h>

struct range {
    uint32_t first, last;
};

/* Invisible, control or able to reorder the line (Unicode's Cf, Zl, Zp, and C1). */
static const struct range HIDDEN[] = {
    {0x80, 0x9f},     {0xad, 0xad},     {0x34f, 0x34f},   {0x61c, 0x61c},     {0x115f, 0x1160},
    {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x200b, 0x200f}, {0x2028, 0x202e},   {0x2060, 0x206f},
    {0x3164, 0x3164}, {0xe000, 0xf8ff}, {0xfdd0, 0xfdef}, {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},
    {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0x1d173, 0x1d17a}, {0xe0000, 0x10ffff},
};

/* Marks that stand on the character before them; the scripts that spam is written in. */
static const struct range COMBINING[] = {
    {0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},   {0x5bf, 0x5c7},   {0x610, 0x61a},
    {0x64b, 0x65f},   {0x670, 0x670},   {0x6d6, 0x6dc},   {0x6df, 0x6e8},   {0x93c, 0x93c},
    {0x941, 0x948},   {0x94d, 0x94d},   {0xe31, 0xe31},   {0xe34, 0xe3a},   {0xe47, 0xe4e},
    {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x20d0, 0x20ff}, {0x302a, 0x302f}, {0x3099, 0x309a},
    {0xfe20, 0xfe2f},
};

static const struct range WIDE[] = {
    {0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},
    {0x4e00, 0x9fff},   {0xa000, 0xa4cf},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},
    {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},   {0x1f300, 0x1f64f},
    {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
};

/* The tables are sorted. */
static bool code_point_in(const struct range *r, size_t n, uint32_t c)
{
    size_t low = 0;
    size_t high = n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (c > r[mid].last) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low < n && r[low].first <= c;
}

#define IN(table, c) code_point_in(table, sizeof table / sizeof *table, c)

/* One character of the input as it is shown. */
struct glyph {
    char text[16];
    size_t n;       /* of text */
    size_t columns; /* that it takes */
    size_t used;    /* bytes of the input */
    bool is_mark;   /* combining */
};

static struct glyph glyph_next(struct slice s, bool use_utf8)
{
    struct glyph g = {.used = 1};
    uint32_t c = 0;
    size_t n = utf8_sequence(s, &c);
    int written;
    if (n == 1 && c >= 0x20 && c < 0x7f) {
        g.text[0] = (char)c;
        g.n = g.columns = 1;
        return g;
    }
    if (n == 0 && use_utf8) {
        g.n = utf8_encode(0xfffd, g.text);
        g.columns = 1;
        return g;
    }
    if (n <= 1) {
        written = snprintf(g.text, sizeof g.text, "\\x%02x", (unsigned)(uint8_t)s.p[0]);
        g.n = g.columns = (size_t)written;
        return g;
    }
    g.used = n;
    if (!use_utf8 || IN(HIDDEN, c)) {
        written = snprintf(g.text, sizeof g.text, "\\u{%04x}", (unsigned)c);
        g.n = g.columns = (size_t)written;
        return g;
    }
    memcpy(g.text, s.p, n);
    g.n = n;
    g.is_mark = IN(COMBINING, c);
    g.columns = g.is_mark ? 0 : IN(WIDE, c) ? 2 : 1;
    return g;
}

enum { MARKS_MAX = 3 };

/* The glyph at `*at`, past marks that are too many; false at the end. */
static bool glyph_step(struct slice s, size_t *at, unsigned *marks, bool use_utf8, struct glyph *g)
{
    while (*at < s.n) {
        *g = glyph_next(slice_sub(s, *at, SIZE_MAX), use_utf8);
        *at += g->used;
        *marks = g->is_mark ? *marks + 1 : 0;
        if (*marks <= MARKS_MAX) {
            return true;
        }
    }
    return false;
}

void escape_terminal(struct strbuf *out, struct slice s, bool use_utf8)
{
    struct glyph g;
    unsigned marks = 0;
    for (size_t at = 0; glyph_step(s, &at, &marks, use_utf8, &g);) {
        strbuf_add(out, slice_of(g.text, g.n));
    }
}

size_t escape_fit(struct strbuf *out, struct slice s, size_t columns, bool use_utf8)
{
    struct glyph g;
    unsigned marks = 0;
    size_t used = 0;
    size_t cut_bytes = out->n; /* where the ellipsis goes when there is more than fits */
    size_t cut_columns = 0;
    for (size_t at = 0; glyph_step(s, &at, &marks, use_utf8, &g);) {
        if (used + g.columns > columns) {
            if (!columns || out->failed) {
                return 0;
            }
            out->n = cut_bytes;
            strbuf_add_cstr(out, use_utf8 ? "\u2026" : "~");
            return cut_columns + 1;
        }
        strbuf_add(out, slice_of(g.text, g.n));
        used += g.columns;
        if (used < columns) {
            cut_bytes = out->n;
            cut_columns = used;
        }
    }
    return used;
}

size_t text_columns(struct slice s)
{
    size_t columns = 0;
    for (size_t at = 0; at < s.n;) {
        uint32_t c = 0;
        size_t n = utf8_sequence(slice_sub(s, at, SIZE_MAX), &c);
        at += n ? n : 1;
        columns += n && IN(COMBINING, c) ? 0 : n && IN(WIDE, c) ? 2 : 1;
    }
    return columns;
}

void utf8_repair(struct strbuf *out, struct slice s)
{
    size_t from = 0;
    for (size_t at = 0; at < s.n;) {
        uint32_t c;
        size_t n = utf8_sequence(slice_sub(s, at, SIZE_MAX), &c);
        if (n) {
            at += n;
            continue;
        }
        strbuf_add(out, slice_sub(s, from, at - from));
        strbuf_add_cstr(out, "\ufffd");
        from = ++at;
    }
    strbuf_add(out, slice_sub(s, from, SIZE_MAX));
}

/* Bytes that may stand in a local part: RFC 5322 atext and dot, and any 8-bit byte. A quoted local
 * part ends in '"', which is taken with what stands before it up to the opening quote. */
static bool byte_is_local(char c)
{
    return ascii_is_alnum(c) || (uint8_t)c >= 0x80 || (c && strchr("!#$%&'*+-/=?^_`{|}~.", c));
}

static size_t local_part_start(struct slice s, size_t from, size_t at)
{
    size_t start = at;
    if (start > from && s.p[start - 1] == '"') {
        start--;
        while (start > from && s.p[start - 1] != '"') {
            start--;
        }
        return start > from ? start - 1 : at;
    }
    while (start > from && byte_is_local(s.p[start - 1])) {
        start--;
    }
    return start;
}

void redact_addresses(struct strbuf *out, struct slice s)
{
    size_t from = 0;
    for (size_t at = 0; at < s.n; at++) {
        if (s.p[at] != '@') {
            continue;
        }
        size_t start = local_part_start(s, from, at);
        if (start == at) {
            continue;
        }
        strbuf_add(out, slice_sub(s, from, start - from));
        strbuf_add_cstr(out, "<redacted>");
        from = at;
    }
    strbuf_add(out, slice_sub(s, from, SIZE_MAX));
}
