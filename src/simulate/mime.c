/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bodies: parts as the family makes them, text in its charset and encoding. */
#include "simulate/compose.h"

enum { LINE_BYTES = 76, CYRILLIC_FIRST = 0x410, CYRILLIC_LAST = 0x44f };

static bool is_ascii(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((uint8_t)s.p[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

/* UTF-8 to windows-1251, as far as our own words need it: Russian letters. */
static void cyrillic_add(struct slice s, struct strbuf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        uint8_t b = (uint8_t)s.p[i];
        if (b >= 0xc0 && i + 1 < s.n) {
            unsigned u = (b & 0x1fU) << 6 | ((uint8_t)s.p[++i] & 0x3fU);
            bool is_letter = u >= CYRILLIC_FIRST && u <= CYRILLIC_LAST;
            strbuf_add_byte(out, is_letter ? (char)(0xc0 + u - CYRILLIC_FIRST) : '?');
        } else {
            strbuf_add_byte(out, (char)b);
        }
    }
}

static void base64_add(struct slice s, size_t line, struct strbuf *out)
{
    static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t column = 0;
    for (size_t i = 0; i < s.n; i += 3) {
        uint32_t v = (uint32_t)(uint8_t)s.p[i] << 16;
        v |= i + 1 < s.n ? (uint32_t)(uint8_t)s.p[i + 1] << 8 : 0;
        v |= i + 2 < s.n ? (uint32_t)(uint8_t)s.p[i + 2] : 0;
        for (unsigned k = 0; k < 4; k++) {
            bool is_padding = i + k > s.n;
            strbuf_add_byte(out, is_padding ? '=' : DIGITS[v >> (18 - 6 * k) & 63]);
        }
        column += 4;
        if (line && column >= line) {
            strbuf_add_byte(out, '\n');
            column = 0;
        }
    }
    if (line && column) {
        strbuf_add_byte(out, '\n');
    }
}

static void quoted_add(struct slice s, struct strbuf *out)
{
    size_t column = 0;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t b = (uint8_t)s.p[i];
        bool is_end = i + 1 == s.n || s.p[i + 1] == '\n';
        bool is_plain = (b > 32 && b < 127 && b != '=') || (b == ' ' && !is_end);
        if (b == '\n') {
            strbuf_add_byte(out, '\n');
            column = 0;
            continue;
        }
        if (column + (is_plain ? 1 : 3) >= LINE_BYTES) {
            strbuf_add_cstr(out, "=\n");
            column = 0;
        }
        if (is_plain) {
            strbuf_add_byte(out, (char)b);
        } else {
            strbuf_printf(out, "=%02X", b);
        }
        column += is_plain ? 1 : 3;
    }
    if (s.n && s.p[s.n - 1] != '\n') {
        strbuf_add_byte(out, '\n');
    }
}

static struct slice in_charset(struct compose *c, struct slice utf8)
{
    struct strbuf b = STRBUF_INIT;
    if (!slice_eq(c->charset, S("windows-1251")) || is_ascii(utf8)) {
        return utf8;
    }
    cyrillic_add(utf8, &b);
    struct slice s = arena_copy(c->arena, strbuf_slice(&b));
    strbuf_free(&b);
    return s;
}

void compose_subject_encode(struct compose *c, struct slice utf8, struct strbuf *out)
{
    struct slice s = in_charset(c, utf8);
    if (is_ascii(s) || c->family->coding == FAMILY_7BIT) {
        strbuf_add(out, s); /* 8-bit bytes as they are: many engines do not know better */
        return;
    }
    strbuf_printf(out, "=?%.*s?B?", SLICE_ARG(c->charset));
    base64_add(s, 0, out);
    strbuf_add_cstr(out, "?=");
}

/* The text in the family's encoding; says which that is. */
static void leaf_body(struct compose *c, struct slice utf8, struct strbuf *out)
{
    struct slice s = in_charset(c, utf8);
    switch (c->family->coding) {
    case FAMILY_QUOTED:
        quoted_add(s, out);
        break;
    case FAMILY_BASE64:
        base64_add(s, LINE_BYTES, out);
        break;
    case FAMILY_7BIT:
        strbuf_add(out, s);
        if (s.n == 0 || s.p[s.n - 1] != '\n') {
            strbuf_add_byte(out, '\n');
        }
        break;
    }
}

static void leaf_set(struct compose *c, const char *sub, struct slice utf8)
{
    static const char *const NAMES[] = {
        [FAMILY_7BIT] = "7bit", [FAMILY_QUOTED] = "quoted-printable", [FAMILY_BASE64] = "base64"};
    c->kind = NULL;
    c->sub = sub;
    c->cte =
        c->family->coding == FAMILY_7BIT && !is_ascii(utf8) ? "8bit" : NAMES[c->family->coding];
}

/* The part's header lines, but those that do not fit a multipart. */
static void part_header(struct compose *c, struct strbuf *out)
{
    struct slice lines = c->client->part;
    while (lines.n) {
        struct slice line = slice_cut(&lines, '\n');
        c->is_dropped = false;
        struct slice filled = compose_fill(c, line);
        if (!c->is_dropped) {
            strbuf_printf(out, "%.*s\n", SLICE_ARG(filled));
        }
    }
    strbuf_add_byte(out, '\n');
}

static void text_part(struct compose *c, const char *sub, struct slice utf8, struct strbuf *out)
{
    strbuf_printf(out, "--%.*s\n", SLICE_ARG(c->boundary));
    leaf_set(c, sub, utf8);
    part_header(c, out);
    leaf_body(c, utf8, out);
    strbuf_add_byte(out, '\n');
}

static void alternative_parts(struct compose *c, struct strbuf *out)
{
    text_part(c, "plain", c->text, out);
    text_part(c, "html", c->html, out);
    strbuf_printf(out, "--%.*s--\n", SLICE_ARG(c->boundary));
}

static void picture_parts(struct compose *c)
{
    struct strbuf *out = &c->body;
    struct slice outer = c->boundary;
    if (c->client->is_alternative) {
        strbuf_printf(out, "--%.*s\n", SLICE_ARG(outer));
        c->boundary = compose_fill(c, c->client->boundary);
        c->kind = "alternative";
        c->cte = NULL;
        part_header(c, out);
        alternative_parts(c, out);
        strbuf_add_byte(out, '\n');
        c->boundary = outer;
    } else {
        text_part(c, "html", c->html, out);
    }
    strbuf_printf(out, "--%.*s\n", SLICE_ARG(outer));
    struct slice name = compose_fill(c, S("{a 5-9}"));
    strbuf_printf(out,
                  "Content-Type: image/gif;\n\tname=\"%.*s.gif\"\nContent-Transfer-Encoding: "
                  "base64\nContent-ID: <%.*s>\n\n",
                  SLICE_ARG(name), SLICE_ARG(c->cid));
    base64_add(c->image, LINE_BYTES, out);
    strbuf_printf(out, "\n--%.*s--\n", SLICE_ARG(outer));
    c->kind = "related";
    c->cte = NULL;
}

/* Text that an engine wraps in HTML of its own. */
static void wrap(struct compose *c)
{
    struct strbuf b = STRBUF_INIT;
    strbuf_add_cstr(&b, "<html><body>\n");
    for (size_t i = 0; i < c->text.n; i++) {
        if (c->text.p[i] == '\n') {
            strbuf_add_cstr(&b, "<br>");
        }
        strbuf_add_byte(&b, c->text.p[i]);
    }
    strbuf_add_cstr(&b, "</body></html>\n");
    c->html = arena_copy(c->arena, strbuf_slice(&b));
    strbuf_free(&b);
}

void compose_body(struct compose *c)
{
    if (c->family->has_own_words && c->campaign && c->html.n == 0) {
        wrap(c);
    }
    if (c->image.n) {
        strbuf_add(&c->body, c->client->preamble);
        picture_parts(c);
    } else if (c->html.n && c->client->is_alternative) {
        strbuf_add(&c->body, c->client->preamble);
        alternative_parts(c, &c->body);
        c->kind = "alternative";
        c->cte = NULL;
    } else {
        struct slice s = c->html.n ? c->html : c->text;
        leaf_set(c, c->html.n ? "html" : "plain", s);
        leaf_body(c, s, &c->body);
    }
}
