/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text at places in pixels, for the parts of a chart's script. */
#ifndef OUT_CHART_TEXT_H
#define OUT_CHART_TEXT_H

#include "core/strbuf.h"

#define CHART_TEXT_COLOUR "#222222"
#define CHART_DIM_COLOUR  "#666666"

struct chart_canvas {
    struct strbuf *out;
    unsigned width, height; /* pixels */
};

/* A label of gnuplot. Our own words; names from outside in them went through chart_label or
 * chart_title. `weight` is "" or ":Bold". */
void chart_text(const struct chart_canvas *c, unsigned tag, unsigned x, unsigned y_from_top,
                const char *align, unsigned size, const char *weight, const char *colour,
                struct slice text);

/* Appends our own words as chart_label does, with their percent signs. */
void chart_words(struct strbuf *out, struct slice s, size_t columns);

/* Appends a sentence from outside as chart_label does, but with its quotation marks as typographic
 * ones, and cut where it would be wider than `pixels` in `size`. */
void chart_title(struct strbuf *out, struct slice s, unsigned pixels, unsigned size);

#endif
