/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out/layout.h"

#include "out/escape.h"

enum { WIDTH_DEFAULT = 80, WIDTH_MIN = 60, WIDTH_MAX = 160 };

struct page page_new(const struct report_style *style)
{
    size_t w = style->width ? style->width : WIDTH_DEFAULT;
    return (struct page){
        .out = STRBUF_INIT,
        .width = w < WIDTH_MIN   ? WIDTH_MIN
                 : w > WIDTH_MAX ? WIDTH_MAX
                                 : w,
        .use_utf8 = style->use_utf8,
        .use_colour = style->use_colour,
    };
}

bool page_write(struct page *p, FILE *f)
{
    bool ok = !p->out.failed && fwrite(p->out.p, 1, p->out.n, f) == p->out.n && fflush(f) == 0;
    strbuf_free(&p->out);
    return ok;
}

void page_ink(struct page *p, enum ink ink)
{
    static const char *const SGR[] = {"\x1b[0m", "\x1b[1m", "\x1b[1;36m", "\x1b[36m", "\x1b[2m"};
    if (p->use_colour) {
        strbuf_add_cstr(&p->out, SGR[ink]);
    }
}

void page_printf(struct page *p, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    strbuf_vprintf(&p->out, fmt, ap);
    va_end(ap);
}

/* Also drops the spaces before it, so that nothing ends in padding. */
void page_newline(struct page *p)
{
    while (!p->out.failed && p->out.n && p->out.p[p->out.n - 1] == ' ') {
        p->out.n--;
    }
    strbuf_add_byte(&p->out, '\n');
}

static void page_fill(struct page *p, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        strbuf_add_cstr(&p->out, text);
    }
}

void page_rule(struct page *p)
{
    page_ink(p, INK_DIM);
    page_fill(p, p->use_utf8 ? "─" : "-", p->width);
    page_ink(p, INK_NONE);
    page_newline(p);
}

void page_cell(struct page *p, struct slice text, size_t columns, bool is_right)
{
    struct strbuf cell = STRBUF_INIT;
    size_t used = escape_fit(&cell, text, columns, p->use_utf8);
    if (is_right) {
        page_fill(p, " ", columns - used);
    }
    strbuf_add(&p->out, strbuf_slice(&cell));
    if (!is_right) {
        page_fill(p, " ", columns - used);
    }
    p->out.failed |= cell.failed;
    strbuf_free(&cell);
}

void page_escaped(struct page *p, struct slice text)
{
    escape_terminal(&p->out, text, p->use_utf8);
}

void page_paragraph(struct page *p, const char *lead, size_t indent, struct slice text)
{
    struct strbuf clean = STRBUF_INIT;
    escape_terminal(&clean, text, p->use_utf8);
    struct slice rest = strbuf_slice(&clean);
    size_t column = text_columns(slice_cstr(lead));
    strbuf_add_cstr(&p->out, lead);
    page_fill(p, " ", column < indent ? indent - column : 0);
    column = column < indent ? indent : column;
    bool is_first = true;
    while (rest.n) {
        struct slice word = slice_cut(&rest, ' ');
        while (rest.n && rest.p[0] == '%') { /* stays with its number */
            struct slice unit = slice_cut(&rest, ' ');
            word = slice_span(word.p, unit.p + unit.n);
        }
        size_t columns = text_columns(word);
        if (!is_first && column + 1 + columns > p->width) {
            page_newline(p);
            page_fill(p, " ", indent);
            column = indent;
            is_first = true;
        }
        strbuf_add_cstr(&p->out, is_first ? "" : " ");
        strbuf_add(&p->out, word);
        column += columns + !is_first;
        is_first = false;
    }
    page_newline(p);
    p->out.failed |= clean.failed;
    strbuf_free(&clean);
}

/* Eighths of a cell that `v` of `max` takes; at least one of what is not nothing. */
static size_t bar_eighths(uint64_t v, uint64_t max, size_t cells)
{
    double x = max ? (double)v / (double)max * (double)cells * 8.0 : 0.0;
    size_t n = (size_t)(x + 0.5);
    return v && !n ? 1 : n;
}

void page_bar(struct page *p, uint64_t solid, uint64_t light, uint64_t max, size_t cells)
{
    static const char *const PARTS[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    size_t all = bar_eighths(solid + light, max, cells);
    all = all > cells * 8 ? cells * 8 : all;
    size_t first = bar_eighths(solid, max, cells);
    first = first > all ? all : first;
    size_t all_cells = (all + 7) / 8;
    size_t solid_cells = light ? (first + 4) / 8 : first / 8;
    size_t used;
    if (light && solid && !solid_cells) {
        solid_cells = all_cells > 1; /* a trace of each when there is room for both */
    }
    page_ink(p, INK_BAR);
    page_fill(p, p->use_utf8 ? "█" : "#", solid_cells);
    used = solid_cells;
    if (!light && first % 8) {
        page_fill(p, p->use_utf8 ? PARTS[first % 8] : first % 8 >= 4 || !used ? "#" : " ", 1);
        used++;
    }
    page_ink(p, INK_NONE);
    if (light && all_cells > solid_cells) {
        page_ink(p, INK_DIM);
        page_fill(p, p->use_utf8 ? "░" : ".", all_cells - solid_cells);
        page_ink(p, INK_NONE);
        used = all_cells;
    }
    page_fill(p, " ", cells - used);
}

void page_spark(struct page *p, const uint64_t *values, size_t count)
{
    static const char *const UTF8[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const ASCII[] = {".", ":", "-", "=", "+", "*", "%", "#"};
    uint64_t max = 0;
    for (size_t i = 0; i < count; i++) {
        max = values[i] > max ? values[i] : max;
    }
    for (size_t i = 0; i < count; i++) {
        size_t level = max ? (size_t)((double)values[i] / (double)max * 7.0 + 0.5) : 0;
        strbuf_add_cstr(&p->out, !values[i] ? " " : p->use_utf8 ? UTF8[level] : ASCII[level]);
    }
}
