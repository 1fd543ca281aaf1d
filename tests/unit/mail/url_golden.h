/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The case files of tests/golden/url. A case is a paragraph:
 *   text NAME | html NAME | visible NAME
 *   < input, with \n \t \r \\ and \xHH
 *   > TEXT HOST DOMAIN SHAPE FLAGS          one line a URL; "-" is empty
 *   > the visible text, escaped the same way
 *   = quirks, when there are any */
#ifndef URL_GOLDEN_H
#define URL_GOLDEN_H

#include "core/strbuf.h"
#include "mail/url.h"

static inline void golden_escape(struct strbuf *b, struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        switch (s.p[i]) {
        case '\n':
            strbuf_add_cstr(b, "\\n");
            break;
        case '\t':
            strbuf_add_cstr(b, "\\t");
            break;
        case '\r':
            strbuf_add_cstr(b, "\\r");
            break;
        case '\\':
            strbuf_add_cstr(b, "\\\\");
            break;
        default:
            strbuf_add_byte(b, s.p[i]);
        }
    }
}

static inline void golden_unescape(struct strbuf *b, struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '\\' || i + 1 == s.n) {
            strbuf_add_byte(b, s.p[i]);
            continue;
        }
        char c = s.p[++i];
        if (c == 'x' && i + 2 < s.n) {
            strbuf_add_byte(b, (char)(ascii_hex(s.p[i + 1]) * 16 + ascii_hex(s.p[i + 2])));
            i += 2;
        } else {
            strbuf_add_byte(b, c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c);
        }
    }
}

static inline void golden_field(struct strbuf *b, struct slice s)
{
    strbuf_add_byte(b, ' ');
    strbuf_add(b, s.n ? s : S("-"));
}

static inline void golden_quirks(struct strbuf *b, uint64_t quirks)
{
    if (quirks) {
        strbuf_add_cstr(b, "=");
        strbuf_add_cstr(b, quirks & QUIRK_BIT(URL_LIMIT) ? " url-limit" : "");
        strbuf_add_cstr(b, quirks & QUIRK_BIT(URL_OBFUSCATED) ? " url-obfuscated" : "");
        strbuf_add_cstr(b, quirks & QUIRK_BIT(HTML_BROKEN) ? " html-broken" : "");
        strbuf_add_cstr(b, quirks & QUIRK_BIT(DECODE_LIMIT) ? " decode-limit" : "");
        strbuf_add_cstr(b, "\n");
    }
}

/* What the file says after the input, from the code. */
static inline enum err golden_answer(const struct url_context *c, struct slice kind,
                                     struct slice input, struct arena *arena, struct strbuf *out)
{
    struct url_list list = {0};
    enum err e = OK;
    if (slice_eq(kind, S("visible"))) {
        struct slice text = html_text(input, arena, &list.quirks);
        strbuf_add_cstr(out, ">");
        if (text.n) {
            strbuf_add_byte(out, ' ');
            golden_escape(out, text);
        }
        strbuf_add_byte(out, '\n');
    } else if (slice_eq(kind, S("html"))) {
        e = url_scan_html(c, input, arena, &list);
    } else {
        e = url_scan_text(c, input, arena, &list);
    }
    for (size_t i = 0; i < list.count; i++) {
        const struct url *u = &list.items[i];
        strbuf_add_byte(out, '>');
        golden_field(out, u->text);
        golden_field(out, u->host);
        golden_field(out, u->domain);
        golden_field(out, u->shape);
        strbuf_add_cstr(out, u->is_ip ? " ip" : "");
        strbuf_add_cstr(out, u->is_obfuscated ? " obfuscated" : "");
        strbuf_add_byte(out, '\n');
    }
    golden_quirks(out, list.quirks);
    return e;
}

#endif
