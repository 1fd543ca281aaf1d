/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The volume index, or the level, of one or several labels as a chart of series. */
#ifndef OUT_CHART_INDEX_H
#define OUT_CHART_INDEX_H

#include "observe/index.h"
#include "out/chart_series.h"

struct index_line {
    struct slice name; /* of the label, mailer or campaign; "all" */
    const struct index *index;
};

struct index_chart {
    const struct index_line *lines; /* 1 to CHART_BANDS, of the same period and steps */
    size_t line_count;
    bool is_level; /* the network's level in the unit instead of the index */
    enum unit unit;
    enum index_step step;
    struct index_options options;
    unsigned generation;     /* of the labels; 0: today's */
    struct slice trap, site; /* of the filter */
    const struct annotations *events;
    const struct chart_mark *marks;
    size_t mark_count;
};

/* Fills *out; its lines, points and words are in `arena`. ERR_NOMEM. */
enum err index_chart_series(const struct index_chart *c, struct arena *arena,
                            struct chart_series *out) MUST_USE;

#endif
