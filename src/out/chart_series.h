/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Charts of series with their intervals: the volume index, levels, shares, hosts, by the hour to
 * the month. What was not watched is a grey gap, what is not complete yet is hatched. */
#ifndef OUT_CHART_SERIES_H
#define OUT_CHART_SERIES_H

#include "out/chart.h"

/* One bucket of a line; it is drawn as a step. */
struct chart_point {
    int64_t from, until;     /* [from, until), seconds */
    double value, low, high; /* value NAN: missing, a gap. low or high NAN: no interval */
    bool is_incomplete;      /* late feeds have not delivered all of it */
};

struct chart_line {
    struct slice name;
    const struct chart_point *points; /* in order of time, not overlapping */
    size_t count;
};

/* A change that was found: its date's interval as a band, its size above the plot. */
struct chart_mark {
    int64_t low, high; /* the date's interval, seconds */
    struct slice text; /* "-40 %"; our own words */
};

struct chart_series {
    struct slice title, subtitle; /* names in them went through chart_label */
    struct slice footer, footer_narrow;
    const char *suffix; /* of the y axis' numbers: "", "B", "%" */
    double base;        /* a thin line there (the index's 100); NAN: none */
    const struct chart_line *lines;
    size_t line_count; /* 1 to CHART_BANDS; with more than one there is a legend */
    const struct chart_mark *marks;
    size_t mark_count;
    int64_t since, until; /* of the picture, widened to whole days */
    const struct annotations *events;
};

/* The script; options' kind, unit and step are not looked at. ERR_NOTFOUND when no point has a
 * value, ERR_USAGE for a size out of bounds. */
enum err chart_series_script(const struct chart_series *c, const struct chart_options *o,
                             struct strbuf *out, struct errbuf *eb) MUST_USE;
/* The picture, as chart_draw does it. */
enum err chart_series_draw(const struct chart_series *c, const struct chart_options *o,
                           struct errbuf *eb) MUST_USE;

#endif
