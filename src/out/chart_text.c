/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out/chart_text.h"

#include "core/utf8.h"
#include "out/chart.h"
#include "out/escape.h"

enum { TITLE_COLUMNS = 400 };

/* Bytes that mean nothing to gnuplot or to XML inside of single quotes, without enhanced text. */
static bool byte_is_plain(char c)
{
    return ascii_is_alnum(c) || (c && strchr(" -_.,:;+*/()=#!|", c));
}

/* Latin, Greek, Cyrillic and the dashes, quotes, dots and minus of their sentences: what any text
 * face has. For a character without a glyph Pango draws a box with its number, and in gnuplot's PNG
 * that box is larger than the picture. */
static bool is_drawable(uint32_t code_point)
{
    return (code_point >= 0xa0 && code_point < 0x250) ||
           (code_point >= 0x370 && code_point < 0x530) ||
           (code_point >= 0x2010 && code_point <= 0x2027) || code_point == 0x20ac ||
           code_point == 0x2212;
}

static void label_add(struct strbuf *out, struct slice s, size_t columns, bool allows_percent)
{
    struct strbuf text = STRBUF_INIT;
    escape_fit(&text, s, columns, true);
    for (size_t i = 0, n; i < text.n; i += n) {
        uint32_t code_point = 0;
        n = utf8_sequence(slice_of(text.p + i, text.n - i), &code_point);
        n = n ? n : 1;
        bool is_plain = n > 1 ? is_drawable(code_point)
                              : byte_is_plain(text.p[i]) || (allows_percent && text.p[i] == '%');
        strbuf_add(out, is_plain ? slice_of(text.p + i, n) : S("?"));
    }
    out->failed |= text.failed;
    strbuf_free(&text);
}

void chart_label(struct strbuf *out, struct slice s, size_t columns)
{
    label_add(out, s, columns, false);
}

void chart_words(struct strbuf *out, struct slice s, size_t columns)
{
    label_add(out, s, columns, true);
}

void chart_text(const struct chart_canvas *c, unsigned tag, unsigned x, unsigned y_from_top,
                const char *align, unsigned size, const char *weight, const char *colour,
                struct slice text)
{
    /* 0.7 of the size, bold 0.8, is the mean width of a character of usual sans-serif faces. */
    size_t columns = (c->width - x) * 10 / (size * (*weight ? 8 : 7));
    strbuf_printf(c->out, "set label %u '", tag);
    label_add(c->out, text, strcmp(align, "left") == 0 ? columns : 200, true);
    strbuf_printf(c->out,
                  "' at screen %.6f, screen %.6f %s noenhanced font 'sans-serif%s,%u' "
                  "textcolor rgb '%s'\n",
                  (double)x / c->width, 1.0 - (double)y_from_top / c->height, align, weight, size,
                  colour);
}

/* Width of a character in hundredths of the face's size: a little more than in DejaVu Sans, which
 * is wide. */
static unsigned character_width(uint32_t code_point)
{
    if (code_point >= 0x80) {
        return 90;
    }
    char c = (char)code_point;
    if (strchr("fijlrt.,:;| ()!/-", c)) {
        return 42;
    }
    return strchr("mwMW%=+#", c) ? 99 : c >= 'A' && c <= 'Z' ? 78 : 64;
}

/* Marks that would end gnuplot's string; straight ones are no better to read. */
static void quotes_set(struct strbuf *out, struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        bool is_opening = i == 0 || s.p[i - 1] == ' ' || s.p[i - 1] == '(';
        if (s.p[i] == '\'') {
            strbuf_add_cstr(out, is_opening ? "‘" : "’");
        } else if (s.p[i] == '"') {
            strbuf_add_cstr(out, is_opening ? "“" : "”");
        } else {
            strbuf_add_byte(out, s.p[i]);
        }
    }
}

void chart_title(struct strbuf *out, struct slice s, unsigned pixels, unsigned size)
{
    struct strbuf quoted = STRBUF_INIT, text = STRBUF_INIT;
    quotes_set(&quoted, s);
    label_add(&text, strbuf_slice(&quoted), TITLE_COLUMNS, true);
    struct slice all = strbuf_slice(&text);
    /* gnuplot's PNG has 96 pixels to the inch, so that a point is 4/3 pixels; in its SVG it is one.
     */
    size_t limit = (size_t)pixels * 75 / size, width = 0, kept = 0, at = 0;
    while (at < all.n && width <= limit) {
        uint32_t code_point = 0xfffd;
        size_t n = utf8_sequence(slice_of(all.p + at, all.n - at), &code_point);
        at += n ? n : 1;
        width += character_width(code_point);
        if (width + 100 <= limit) {
            kept = at; /* an ellipsis would still fit after it */
        }
    }
    if (at < all.n || width > limit) {
        while (kept && all.p[kept - 1] == ' ') {
            kept--;
        }
        strbuf_add(out, slice_of(all.p, kept));
        strbuf_add_cstr(out, "…");
    } else {
        strbuf_add(out, all);
    }
    out->failed |= quoted.failed || text.failed;
    strbuf_free(&quoted);
    strbuf_free(&text);
}
