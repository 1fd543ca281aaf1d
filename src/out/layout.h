/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text for a terminal: wrapped paragraphs, bars, small lines, columns. Everything goes into one
 * buffer that is written at the end. */
#ifndef OUT_LAYOUT_H
#define OUT_LAYOUT_H

#include "core/strbuf.h"

#include <stdio.h>

/* How text output looks; the caller knows its terminal. */
struct report_style {
    size_t width;    /* columns; 0: 80. Kept between 60 and 160 */
    bool use_utf8;   /* else plain ASCII */
    bool use_colour; /* SGR sequences; never unless asked for */
};

enum ink { INK_NONE, INK_TITLE, INK_HEAD, INK_BAR, INK_DIM };

struct page {
    struct strbuf out;
    size_t width;
    bool use_utf8, use_colour;
};

struct page page_new(const struct report_style *style);
/* Writes the page and frees it; false when that failed or memory ran out. */
bool page_write(struct page *p, FILE *f);

void page_ink(struct page *p, enum ink ink); /* INK_NONE ends the one before */
void page_printf(struct page *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
void page_newline(struct page *p);
/* A line across the page. */
void page_rule(struct page *p);
/* Escaped, cut and padded to `columns`; to the right edge of them when `is_right`. */
void page_cell(struct page *p, struct slice text, size_t columns, bool is_right);
/* Hostile text, escaped, not cut. */
void page_escaped(struct page *p, struct slice text);
/* Wrapped at the width; later lines stand `indent` columns in. The first begins with `lead` (as
 * wide as `indent`, or shorter). `text` is escaped as a whole. */
void page_paragraph(struct page *p, const char *lead, size_t indent, struct slice text);
/* `cells` columns for `max`: first `solid` of it, then `light` of it, then space. What is not
 * nothing shows at least a trace. */
void page_bar(struct page *p, uint64_t solid, uint64_t light, uint64_t max, size_t cells);
/* The values as one character each, scaled to their maximum; zero is a space's width of base line.
 */
void page_spark(struct page *p, const uint64_t *values, size_t count);

#endif
