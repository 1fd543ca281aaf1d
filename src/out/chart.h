/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Charts of a report as SVG or PNG, with the report's events as numbered lines, drawn by gnuplot
 * (Debian: gnuplot-nox) as a child process. The script goes in on stdin with its data, the picture
 * comes out on stdout: no file name and no command of ours is ever part of gnuplot's language, and
 * labels are reduced to plain text. */
#ifndef OUT_CHART_H
#define OUT_CHART_H

#include "core/strbuf.h"
#include "observe/report.h"

enum chart_kind {
    CHART_VOLUME, /* one unit by day, week or month as filled steps, with the unknown part */
    CHART_SHARE,  /* the botnets' shares stacked to 100 %, with "other" and "unknown" */
};
enum chart_image { CHART_BY_SUFFIX, CHART_SVG, CHART_PNG };

enum chart_limits {
    CHART_WIDTH = 960, /* pixels when the caller does not say */
    CHART_HEIGHT = 480,
    CHART_WIDTH_MIN = 480, /* under these the labels do not fit */
    CHART_HEIGHT_MIN = 240,
    CHART_SIDE_MAX = 4000,
    CHART_EVENTS = 8,      /* with a line and a place in the list: more cannot be told apart */
    CHART_BANDS = 7,       /* botnets with a colour of their own: what the palette can tell apart */
    CHART_STEPS_MAX = 400, /* finer steps would be narrower than a pixel or two */
    CHART_SECONDS_MAX = 60 /* gnuplot needs one; a picture of 40,000 days three */
};

struct chart_options {
    enum chart_kind kind;
    enum chart_image image;
    enum unit unit;        /* CHART_SHARE: not UNIT_HOSTS, a host can be in two botnets */
    bool is_log;           /* CHART_VOLUME only */
    enum volume_step step; /* VOLUME_AUTO: the finest whose steps can be seen: 3 pixels, at
                             most CHART_STEPS_MAX */
    unsigned width,
        height;          /* pixels; 0: the default, and the list of events on top of the height */
    const char *path;    /* written whole or not at all; "-": stdout, `image` must be given */
    const char *gnuplot; /* program; NULL: "gnuplot" of PATH */
};

bool chart_kind_parse(struct slice s, enum chart_kind *out);   /* "volume", "share" */
bool chart_image_parse(struct slice s, enum chart_image *out); /* "svg", "png" */
bool unit_parse(struct slice s, enum unit *out);               /* unit_name() */
bool volume_step_parse(struct slice s, enum volume_step *out); /* volume_step_name() */

/* ERR_USAGE: options that do not go together or a suffix that is neither. ERR_NOTFOUND: gnuplot is
 * not installed, or the report has no day to draw. ERR_IO: gnuplot failed (its words are in `eb`),
 * took too long, or the file could not be written. */
enum err chart_draw(const struct report *r, const struct chart_options *o,
                    struct errbuf *eb) MUST_USE;

/* The script alone (also for `chart --script`, and for tests). */
enum err chart_script(const struct report *r, const struct chart_options *o, struct strbuf *out,
                      struct errbuf *eb) MUST_USE;

/* Appends `s` as plain text that is safe inside gnuplot's single quotes, at most `columns` wide. */
void chart_label(struct strbuf *out, struct slice s, size_t columns);

#endif
