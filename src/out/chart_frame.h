/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What all charts over time share: terminal and margins, titles, the axis of dates, scales, legend,
 * events. x is in days since the first one. Text from outside went through chart_label before. */
#ifndef OUT_CHART_FRAME_H
#define OUT_CHART_FRAME_H

#include "out/chart.h"
#include "out/chart_events.h"
#include "out/chart_text.h"

enum {
    CHART_WIDE = 640,      /* pixels of width from which on everything has its full words */
    CHART_STEP_PIXELS = 3, /* of one step, so that it can be seen */
    CHART_MARGIN_LEFT = 78,
    CHART_MARGIN_RIGHT = 24,
    CHART_MARGIN_TOP = 62,
    CHART_MARGIN_BOTTOM = 66,
    CHART_LEGEND_ROW = 18, /* above the plot, each that there is */
};

/* Okabe and Ito: eight colours that stay apart for colour-blind readers; black is for text. */
extern const char *const CHART_PALETTE[CHART_BANDS];

struct chart_frame {
    struct chart_canvas canvas;
    unsigned right, top, bottom; /* margins in pixels; the left one is CHART_MARGIN_LEFT */
    int64_t first_day;
    size_t day_count;
    struct chart_events events;
};

/* ERR_USAGE for an image that is neither or a size that does not fit. */
enum err chart_size_check(const struct chart_options *o, struct errbuf *eb) MUST_USE;

/* A frame of this size (0: the default) over these days. With a height of 0 the list of events
 * makes the picture higher, else the plot gives way. `legend_rows`: room for them above the plot.
 */
struct chart_frame chart_frame_new(struct strbuf *out, unsigned width, unsigned height,
                                   unsigned right, unsigned legend_rows, int64_t first_day,
                                   size_t day_count, const struct annotations *events);
/* Steps that can be told apart in the plot's width. */
size_t chart_frame_steps(const struct chart_frame *f);

/* In this order, before the data: terminal and margins; title lines; dates; events. */
void chart_frame_head(const struct chart_frame *f, enum chart_image image, bool grid_in_front);
void chart_frame_titles(const struct chart_frame *f, struct slice title, struct slice subtitle,
                        struct slice footer);
void chart_frame_dates(const struct chart_frame *f);
void chart_frame_events(const struct chart_frame *f);

/* The y axis from 0 to just above the maximum in four to eight steps of 1, 2 or 5 times a power of
 * ten; `suffix` ("B") stands after each number. */
void chart_axis_linear(const struct chart_frame *f, double max, const char *suffix);
/* Whole decades around what is there; the least value stands well above the bottom, where it could
 * not be seen. Returns the bottom, where filled steps stand. */
double chart_axis_log(const struct chart_frame *f, double min, double max, const char *suffix);

/* A coloured square and its name: entry `i` of the legend, at a place in pixels. */
void chart_legend(const struct chart_frame *f, unsigned i, unsigned x, unsigned y_from_top,
                  const char *colour, struct slice text);

#endif
