/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A chart's events: dashed lines with numbers above the plot, and the list of them under it. */
#ifndef OUT_CHART_EVENTS_H
#define OUT_CHART_EVENTS_H

#include "observe/annotation.h"
#include "out/chart.h"
#include "out/chart_text.h"

enum { CHART_EVENT_NUMBERS = 16 /* pixels above the plot that the numbers take */ };

struct chart_events {
    const struct annotation *shown[CHART_EVENTS];
    size_t count, hidden;
    unsigned columns, rows; /* of the list, filled column by column */
    unsigned list_pixels;   /* height of it; 0 when nothing is shown */
};

/* The events that find room in `room` pixels (UINT_MAX: as many as it takes). */
struct chart_events chart_events_plan(const struct annotations *events, unsigned width,
                                      unsigned room);

/* Where they go, in pixels from the left and the top. */
struct chart_plot {
    int64_t first_day;         /* at `left` */
    size_t day_count;          /* up to `right` */
    unsigned left, right, top; /* of the plot */
    unsigned list_bottom;
};
void chart_events_draw(const struct chart_canvas *c, const struct chart_events *events,
                       const struct chart_plot *plot);

#endif
